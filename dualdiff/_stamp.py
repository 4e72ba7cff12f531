"""From the table's texts to Cython: what the templates ask for. Standard library only."""

import ast
import math
import re


def numeric(text):
    """Return the number that ``text`` is, or None when it is an expression."""
    try:
        value = ast.literal_eval(text)
    except ValueError:
        return None
    return float(value)


def operand(text, row):
    """Return 1, 2 or 3 when ``text`` is just x, y or z, where no domain asks for more; else 0."""
    return "xyz".find(text) + 1 if len(text) == 1 and guarded(text, row) == f"({text})" else 0


class _ToCython(ast.NodeTransformer):
    """``where(c, a, b)`` becomes a conditional expression, calls become value functions, parameters array items."""

    def __init__(self, constants, parameters):
        self.constants = constants
        self.parameters = parameters

    def visit_Call(self, node):
        self.generic_visit(node)
        name = node.func.id.removeprefix("v_")
        if name == "where":
            condition, yes, no = node.args
            return ast.IfExp(test=condition, body=yes, orelse=no)
        return ast.Call(ast.Name("v_" + name), node.args, [])

    def visit_Name(self, node):
        if node.id in self.parameters:
            return ast.Name(f"parameters_[{self.parameters.index(node.id)}]")
        if node.id in self.constants:
            value = self.constants[node.id]
            return ast.Constant(value) if math.isfinite(value) else ast.Name("C_" + node.id)
        return node

    def visit_BinOp(self, node):
        self.generic_visit(node)
        if isinstance(node.op, ast.BitAnd | ast.BitOr):
            word = ast.And() if isinstance(node.op, ast.BitAnd) else ast.Or()
            return ast.BoolOp(word, [node.left, node.right])
        return node


def cython(text, rules, row):
    """Translate one text of ``row``."""
    names = [name for name, _ in row.parameters]
    tree = ast.parse(text, mode="eval")
    return ast.unparse(ast.fix_missing_locations(_ToCython(rules.CONSTANTS, names).visit(tree)))


def used_lets(row, rules, *texts):
    """Return only those temporaries that ``texts`` need, in order, as ``(name, Cython text)`` pairs."""
    chosen, wanted = [], _names(texts)
    for name, text in reversed(rules.lets(row)):
        if name in wanted:
            wanted |= _names([text])
            chosen.append((name, cython(text, rules, row)))
    return chosen[::-1]


def _names(texts):
    return {node.id for text in texts for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}


def value(row, rules):
    """Return the value of a row as a Cython expression in ``x`` (and ``y``)."""
    if row.value:
        return cython(row.value, rules, row)
    return f"{row.c or row.name}({'x' if row.arity == 1 else 'x, y'})"


def guarded(text, row):
    """Outside a domain the derivative is nan like the value, whatever number the formula would give."""
    result = "y" if row.arity == 1 else "z"
    domains = row.domain if row.arity == 2 else (row.domain,)
    restricted = any(d.low != float("-inf") or d.high != float("inf") for d in domains)
    return f"(({text}) if {result} == {result} else {result})" if restricted else f"({text})"


# Functions whose NumPy loop over a block is vectorised on many machines (exp: 0.8 ns per element). Not sin and cos:
# the float64 loop of sin takes 9 ns.
VECTORISED = ("exp", "exp2", "expm1", "log", "log1p", "cosh", "sinh", "tanh")


def block_calls(row, rules, texts):
    """Return those temporaries that are one call of a vectorised function, as ``(name, function, argument)``."""
    calls = []
    for name, text in rules.lets(row):
        node = ast.parse(text, mode="eval").body
        simple = isinstance(node, ast.Call) and node.func.id in VECTORISED and len(node.args) == 1
        if simple and name in {chosen for chosen, _ in used_lets(row, rules, *texts)}:
            argument = ast.unparse(node.args[0])
            if not _needed(row, rules, argument) & {chosen for chosen, _, _ in calls}:
                calls.append((name, node.func.id, argument))
    return calls


def _needed(row, rules, text):
    return {name for name, _ in used_lets(row, rules, text)}


def _loop(body):
    """A loop over a block; it reads those operands that ``body`` looks at."""
    read = [name for name in ("x", "y", "z") if name in re.findall(r"\w+", " ".join(body))]
    return ["for i_ in range(n_):", *(f"    {name} = {name}s_[i_]" for name in read), *(f"    {line}" for line in body)]


def pushes(row):
    """Whether the first derivatives of a row are computed and multiply tangents that are never dropped."""
    texts = (row.d1,) if row.arity == 1 else (row.fx, row.fy)
    return not row.selects and any(numeric(text) is None and not operand(text, row) for text in texts)


def derivative_loops(row, rules, kind, outputs, vector):
    """Cython lines that fill blocks of local derivatives.

    ``outputs`` maps the names of derivatives (``d1``, ``fx``, …) to the blocks they go to. With ``vector``, calls of
    vectorised functions run over the whole block by NumPy's loop, in blocks ``let_NAME``.
    """
    texts = [getattr(row, name) for name in outputs]
    if "d2" in outputs:
        texts.append(row.d1)
    lines, body = _temporaries(row, rules, texts, vector)
    for name, block in outputs.items():
        body.append(f"{name} = {_derivative(row, rules, name)}")
        body.append(f"{block}[i_] = <{kind}> {name}")
    return lines + _loop(body)


def push_loops(row, rules, kind, tangents, vector):
    """Cython lines that fill a block with the sum of derivatives times the tangents that ``tangents`` maps them to."""
    lines, body = _temporaries(row, rules, [getattr(row, name) for name in tangents], vector)
    terms = []
    for name, block in tangents.items():
        body.append(f"{name} = {_derivative(row, rules, name)}")
        terms.append(f"(0 if {block}[i_] == 0 else <{kind}> {name}*{block}[i_])")
    return lines + _loop([*body, f"outs_[i_] = {' + '.join(terms)}"])


def _derivative(row, rules, name):
    return guarded(cython(getattr(row, name), rules, row), row)


def _temporaries(row, rules, texts, vector):
    """The lines before the loop of some texts, and those at its beginning, that compute what the texts share."""
    calls = block_calls(row, rules, texts) if vector else []
    lines = []
    for name, function, argument in calls:
        before = [f"{n} = {t}" for n, t in used_lets(row, rules, argument)]
        lines += _loop([*before, f"let_{name}[i_] = {cython(argument, rules, row)}"])
        lines.append(f"vector_value(U_{function}, let_{name}, n_)")
    blocks = {name for name, _, _ in calls}
    return lines, [f"{n} = let_{n}[i_]" if n in blocks else f"{n} = {t}" for n, t in used_lets(row, rules, *texts)]
