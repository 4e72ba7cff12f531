"""Elementwise rows on parts that are no plain real arrays: nested duals and complex numbers.

The same rows, evaluated with NumPy functions on whatever the parts are. Nesting is recursion: a part that is a dual
number of a lower level comes back here, or goes to the kernels when its own parts are plain.
"""

import numpy as np

from . import levels, rows, rules
from ._array import make, pairs, plain_unary, settle
from ._scalar import BINARY_UFUNCS, UNARY_UFUNCS
from .errors import DifferentiationTypeError, TangentMismatchError
from .kinds import apply_binary, apply_unary, is_dual, is_traced, level, lift
from .packing import matched, part, plane_counts, primal, spread

FULL = 1
_STRONG = next(i for i, row in enumerate(rules.BINARY) if row.name == "strong_product")


def strong_product(w, t):
    """``w t``, where a tangent t that is exactly 0 gives 0 whatever w is."""
    if is_dual(w) or is_dual(t):
        return part(apply_binary(_STRONG, w, t))
    return np.where(t == 0, np.zeros((), np.result_type(w, t)), np.multiply(w, t))


def _apply(w, stack, selects):
    """The chain rule on one stack: the row's local derivative times every plane."""
    if isinstance(w, float) and w == 1.0:
        return stack.copy()
    product = strong_product(w, stack)
    return np.where(np.broadcast_to(primal(w) == 0, product.shape), 0.0, product) if selects else product


def _check_complex(rule, value):
    if value.dtype.kind == "c" and not rule.holomorphic:
        raise DifferentiationTypeError(
            f"{rule.name}: has no complex derivative; take np.real, np.imag or np.abs of the argument first"
        )


def _constant(text):
    try:
        return float(text)
    except ValueError:
        return None


def unary(index, x, parameters=()):
    """Apply ``rules.UNARY[index]`` to a dual array whose parts are dual or complex."""
    rule = rules.UNARY[index]
    names = dict(zip((name for name, _ in rule.parameters), parameters, strict=False))
    if rule.name in _COMPLEX and x.dtype.kind == "c":
        refuse_holomorphic(x, rule.name)
        return _COMPLEX[rule.name](x)
    _check_complex(rule, x.value)
    return chain(rows.named(rule.name), (x,), lambda x: value_of(index, x, parameters), **names)


def value_of(index, x, parameters=()):
    """The value of a unary row on plain or dual arguments."""
    if UNARY_UFUNCS[index] is not None:
        return UNARY_UFUNCS[index](x)
    if is_dual(x):
        return apply_unary(index, x, parameters)
    return plain_unary(index, x, parameters)


def binary(index, a, b):
    """Apply ``rules.BINARY[index]`` where levels differ or parts are dual or complex."""
    row = rows.named(rules.BINARY[index].name)
    return chain(row, (a, b), lambda x, y: binary_value(index, row, x, y))


def chain(row, operands, value, **names):
    """Apply a row to one or two operands, some of them dual: the chain rule of first and second order.

    Parameters
    ----------
    row : rows.Row
    operands : sequence
        Dual and plain arrays and numbers; the highest level is differentiated, the others are constants.
    value : callable
        The function itself, on the parts of the operands.
    **names
        The row's parameters.
    """
    top, operands, active = _prepared(operands)
    like = operands[active[0]]
    if is_traced(like):
        from . import reverse

        return reverse.chain(row, operands, value, top, names)
    parts = [a.value if i in active else a for i, a in enumerate(operands)]
    z = part(value(*parts))
    _check_complex(row.rule, z)
    # What is a plain Python number must stay one (weak promotion); local derivatives follow the result's dtype.
    names["strict"] = np.nan if levels.is_strict(top) else 0.0
    firsts, seconds = rows.FIRST[row.rule.arity], rows.SECOND[row.rule.arity]
    with np.errstate(all="ignore"):
        terms = []
        for i in active:
            w = _partial(row, firsts[i], (*parts, z), names)
            selects = row.rule.selects and (row.rule.arity == 1 or "xy"[i] in row.rule.selects)
            terms.append(tuple(_apply(w, spread(stack, z.ndim), selects) for stack in operands[i]._stacks))
        stacks = list(terms[0]) if len(terms) == 1 else [s + t for s, t in zip(*terms, strict=True)]
        if like._layout is not None:
            first = {i: [spread(stack, z.ndim) for stack in operands[i]._stacks[:2]] for i in active}
            for (i, j), name in seconds.items():
                if i in active and j in active and not getattr(row, f"{name}_is_zero"):
                    w = getattr(row, name)(*parts, z, **names)
                    stacks[2] = stacks[2] + _second_order(w, first[i], first[j], pairs(like._layout), i != j)
    stacks = [_filled(stack, (stack.shape[0], *z.shape)) for stack in stacks]
    stacks = [stack if stack.dtype == z.dtype else stack.astype(z.dtype) for stack in stacks]
    if like._layout is not None and like._layout[0] != FULL:
        stacks[1] = stacks[0]
    return settle(make(z, tuple(stacks), like._layout, top))


def _filled(stack, shape):
    """A stack of the full shape, in memory of its own."""
    return part(stack) if stack.shape == shape else part(np.broadcast_to(stack, shape)).copy()


def _prepared(operands):
    """The top level, the operands as arrays with equal layouts, and the positions of those of the top level."""
    top = max(level(a) for a in operands)
    for a in operands:
        if 0 <= level(a) < top:
            levels.require_live(level(a))
    operands = [lift(a) if level(a) >= 0 else a for a in operands]
    if len(operands) == 2 and level(operands[0]) == level(operands[1]) and not is_traced(operands[0]):
        operands = _agreed(*operands)
    return top, operands, [i for i, a in enumerate(operands) if level(a) == top]


def binary_value(index, row, x, y):
    """The value of a binary row on plain or dual arguments."""
    if BINARY_UFUNCS[index] is not None:
        return BINARY_UFUNCS[index](x, y)
    # The text would be wrong on duals: where() drops the tangents of the operand that it does not pick.
    return apply_binary(index, x, y) if is_dual(x) or is_dual(y) else row.value(x, y)


def _partial(row, name, operands, names):
    """A first derivative: the constant where the text is one, so that a slope of 1 costs no product."""
    constant = _constant(getattr(row.rule, name))
    return getattr(row, name)(*operands, **names) if constant is None else constant


def _agreed(a, b):
    """Two numbers of one level with equal layouts; one without tangents becomes a constant."""
    if (a._layout is None) != (b._layout is None):
        raise DifferentiationTypeError(
            "a dual and a hyper-dual number made by hand cannot meet; make both of the same kind"
        )
    ka, kb = plane_counts(a)[0], plane_counts(b)[0]
    if ka == kb:
        return matched([a, b]) if a._layout is not None else (a, b)
    if ka == 0:
        return a.value, b
    if kb == 0:
        return a, b.value
    raise TangentMismatchError(
        f"numbers made by hand must carry the same number of tangents, found {ka} and {kb}; "
        f"seed all of them together, or let dualdiff.jacobian do it"
    )


def _second_order(w, left, right, layout, mixed):
    """A second derivative times every pair of planes; a mixed one meets the pairs both ways round."""
    p, q = layout
    product = strong_product(strong_product(w, left[0][p]), right[1][q])
    return product + strong_product(strong_product(w, right[0][p]), left[1][q]) if mixed else product


# Directional derivatives along a real parameter of functions that are not holomorphic: compositions of the real rows.


def refuse_holomorphic(x, name):
    """A function that is not holomorphic has no complex derivative."""
    if levels.is_holomorphic(x._level):
        raise DifferentiationTypeError(
            f"np.{name} is not holomorphic and has no complex derivative; leave holomorphic=True out and differentiate "
            f"with respect to real and imaginary part"
        )


def _complex_absolute(x):
    return np.hypot(np.real(x), np.imag(x))


def _complex_conjugate(x):
    return settle(x.map_parts(np.conjugate))


def _complex_sign(x):
    return x / np.abs(x)


def _complex_rint(x):
    return settle(x.map_planes(np.zeros_like, np.rint(x.value)))


_COMPLEX = {
    "absolute": _complex_absolute,
    "conjugate": _complex_conjugate,
    "sign": _complex_sign,
    "rint": _complex_rint,
}
