"""The rows of the table as Python callables on whatever NumPy's functions accept.

The compiled loops serve real arrays and scalars. All else (nested duals, complex numbers) goes through here: the same
texts, with every function name bound to the NumPy function of that row, or to the function of `dualdiff.functions` that
NumPy lacks. A text is compiled when it is first asked for.
"""

from __future__ import annotations

from functools import cache, cached_property

import numpy as np

from . import rules

FIRST = {1: ("d1",), 2: ("fx", "fy")}
SECOND = {1: {(0, 0): "d2"}, 2: {(0, 0): "fxx", (0, 1): "fxy", (1, 1): "fyy"}}
_RULES = {rule.name: rule for rule in rules.ROWS}
_provided = {}


def provide(**functions):
    """Say which callables stand for rows that NumPy lacks, in place of those of `dualdiff.functions`."""
    _provided.update(functions)


def _where(condition, yes, no):
    """``np.where``, but a plain truth value picks its operand as it is."""
    if isinstance(condition, bool | np.bool_):
        return yes if condition else no
    return np.where(condition, yes, no)


def _function(name):
    if name == "where":
        return _where
    if name in _provided:
        return _provided[name]
    if _RULES[name].numpy:
        return getattr(np, name)
    from . import functions

    return getattr(functions, name)


class Row:
    """A row whose texts can be called: ``value(x)``, ``d1(x, y)``, ``fxy(x, y, z)``, and so on.

    Derivatives take the arguments and the result, and the keywords ``strict`` and the row's parameters. They are nan
    where the row has a restricted domain and the result is nan. A text that is a plain number comes back as that
    number, not as an array. No warning is raised.

    Parameters
    ----------
    rule : rules.Unary or rules.Binary
        The row of the table.

    Attributes
    ----------
    rule : rules.Unary or rules.Binary
        The row of the table.
    d1_is_zero, d2_is_zero, fx_is_zero, fy_is_zero, fxx_is_zero, fxy_is_zero, fyy_is_zero : bool
        Whether a derivative of the row is 0 everywhere, ``strict`` or not.
    """

    def __init__(self, rule):
        self.rule = rule
        self._arguments = ("x",) if rule.arity == 1 else ("x", "y")
        self._result = "y" if rule.arity == 1 else "z"
        domains = (rule.domain,) if rule.arity == 1 else rule.domain
        self._restricted = any(domain.low > -np.inf or domain.high < np.inf for domain in domains)
        for partial in (*FIRST[rule.arity], *SECOND[rule.arity].values()):
            setattr(self, f"{partial}_is_zero", rules.is_zero(getattr(rule, partial)))

    def __repr__(self):
        return f"Row({self.rule.name!r})"

    def is_function(self, name):
        """Whether a name in a text is that of a function."""
        return name == "where" or name in _RULES

    def function(self, name):
        """The callable that a function name in a text stands for."""
        return _function(name)

    def _compile(self, text, arguments, temporaries=()):
        """Return ``text`` as a function of ``arguments``, ``strict`` and the row's parameters."""
        used, lines = rules.names(text), []
        for name, temporary in reversed(temporaries):
            if name in used:
                used |= rules.names(temporary)
                lines.insert(0, f"    {name} = {temporary}\n")
        options = "".join(f", {name}={default!r}" for name, default in self.rule.parameters)
        head = f"def function({', '.join(arguments)}, *, strict=0.0{options}):\n"
        namespace = dict(rules.CONSTANTS) | {name: self.function(name) for name in used if self.is_function(name)}
        exec(compile(f"{head}{''.join(lines)}    return {text}\n", f"<row {self.rule.name}>", "exec"), namespace)
        return namespace["function"]

    def _derivative(self, partial):
        temporaries = rules.lets(self.rule)
        if partial == "d2":
            temporaries += (("d1", self.rule.d1),)
        function = self._compile(getattr(self.rule, partial), (*self._arguments, self._result), temporaries)

        def derivative(*operands, **options):
            with np.errstate(all="ignore"):
                slope = function(*operands, **options)
                result = operands[-1]
                # The result itself is the nan, so that the next order is nan too.
                return _where(result != result, result, slope) if self._restricted else slope

        derivative.__name__ = partial
        return derivative

    @cached_property
    def value(self):
        """The value of the row at ``x``, or at ``x`` and ``y``."""
        if self.rule.numpy or not self.rule.value:
            return _function(self.rule.name)
        function = self._compile(self.rule.value, self._arguments)

        def value(*operands, **options):
            with np.errstate(all="ignore"):
                return function(*operands, **options)

        return value

    @cached_property
    def d1(self):
        """First derivative, ``d1(x, y)``."""
        return self._derivative("d1")

    @cached_property
    def d2(self):
        """Second derivative, ``d2(x, y)``."""
        return self._derivative("d2")

    @cached_property
    def fx(self):
        """Derivative with respect to the first argument, ``fx(x, y, z)``."""
        return self._derivative("fx")

    @cached_property
    def fy(self):
        """Derivative with respect to the second argument, ``fy(x, y, z)``."""
        return self._derivative("fy")

    @cached_property
    def fxx(self):
        """Second derivative with respect to the first argument, ``fxx(x, y, z)``."""
        return self._derivative("fxx")

    @cached_property
    def fxy(self):
        """Mixed second derivative, ``fxy(x, y, z)``."""
        return self._derivative("fxy")

    @cached_property
    def fyy(self):
        """Second derivative with respect to the second argument, ``fyy(x, y, z)``."""
        return self._derivative("fyy")


@cache
def named(name):
    """Return the `Row` of a name of the table."""
    return Row(_RULES[name])
