"""Elementwise rows on parts that are no plain real arrays: nested duals and complex numbers.

The same rows, evaluated with NumPy functions on whatever the parts are. Nesting is recursion: a part that is a dual
number of a lower level comes back here, or goes to the kernels when its own parts are plain.
"""

import numpy as np

from . import levels, rows, rules
from ._array import apply_binary, apply_unary, is_dual, level, lift, make, pairs, plain_unary, settle
from ._scalar import BINARY_UFUNCS, UNARY_UFUNCS
from .errors import DifferentiationTypeError, TangentMismatchError
from .packing import matched, plane_counts, spread

FULL = 1
_STRONG = next(i for i, row in enumerate(rules.BINARY) if row.name == "strong_product")


def part(x):
    """A part of a number: an array, plain or dual."""
    return lift(x) if is_dual(x) else np.asarray(x)


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
    return np.where(np.broadcast_to(_value(w) == 0, product.shape), 0.0, product) if selects else product


def _value(x):
    while is_dual(x):
        x = x.value
    return x


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
    row = rows.named(rule.name)
    names = dict(zip((name for name, _ in rule.parameters), parameters, strict=False))
    if rule.name in _COMPLEX and x.dtype.kind == "c":
        return _COMPLEX[rule.name](x)
    _check_complex(rule, x.value)
    y = part(value_of(index, x.value, parameters))
    strict = np.nan if x._level & 1 else 0.0
    with np.errstate(all="ignore"):
        d1 = _constant(rule.d1)
        if d1 is None:
            d1 = row.d1(x.value, y, strict=strict, **names)
        out = x.map_planes(lambda stack: _apply(d1, stack, rule.selects), y)
        if x._layout is None or row.d2_is_zero:
            return settle(out)
        e1, e2, e12 = out._stacks
        p, q = pairs(x._layout)
        d2 = row.d2(x.value, y, strict=strict, **names)
        first, second, _ = x._stacks
        e12 = e12 + strong_product(strong_product(d2, first[p]), second[q])
        return settle(out.with_parts(y, e1, e2, e12))


def value_of(index, x, parameters=()):
    """The value of a unary row on plain or dual arguments."""
    if UNARY_UFUNCS[index] is not None:
        return UNARY_UFUNCS[index](x)
    if is_dual(x):
        return apply_unary(index, x, parameters)
    return plain_unary(index, x, parameters)


def binary(index, a, b):
    """Apply ``rules.BINARY[index]`` where levels differ or parts are dual or complex."""
    rule = rules.BINARY[index]
    row = rows.named(rule.name)
    la, lb = level(a), level(b)
    top = max(la, lb)
    for other in (la, lb):
        if 0 <= other < top:
            levels.require_live(other)
    a = lift(a) if la >= 0 else a
    b = lift(b) if lb >= 0 else b
    a_active, b_active = la == top, lb == top
    if a_active and b_active:
        a, b = _agreed(a, b)
        a_active, b_active = level(a) == top, level(b) == top
    like = a if a_active else b
    x = a.value if a_active else a
    y = b.value if b_active else b
    z = part(binary_value(index, row, x, y))
    _check_complex(rule, z)
    # What is a plain Python number must stay one (weak promotion); local derivatives follow the result's dtype.
    strict = np.nan if top & 1 else 0.0
    with np.errstate(all="ignore"):
        terms = []
        if a_active:
            fx = _partial(rule.fx, row.fx, x, y, z, strict)
            terms.append(tuple(_apply(fx, spread(stack, z.ndim), "x" in rule.selects) for stack in a._stacks))
        if b_active:
            fy = _partial(rule.fy, row.fy, x, y, z, strict)
            terms.append(tuple(_apply(fy, spread(stack, z.ndim), "y" in rule.selects) for stack in b._stacks))
        stacks = list(terms[0]) if len(terms) == 1 else [s + t for s, t in zip(*terms, strict=True)]
        if like._layout is not None:
            stacks[2] = _second_order(stacks[2], rule, row, a, b, x, y, z, a_active, b_active, like._layout, strict)
            if like._layout[0] != FULL:
                stacks[1] = stacks[0]
    stacks = [part(np.broadcast_to(stack, (stack.shape[0], *z.shape))) for stack in stacks]
    stacks = [stack if is_dual(stack) or stack.flags.writeable else stack.copy() for stack in stacks]
    if like._layout is not None and like._layout[0] != FULL:
        stacks[1] = stacks[0]
    return settle(make(z, tuple(stacks), like._layout, top))


def binary_value(index, row, x, y):
    """The value of a binary row on plain or dual arguments."""
    if BINARY_UFUNCS[index] is not None:
        return BINARY_UFUNCS[index](x, y)
    # The text would be wrong on duals: where() drops the tangents of the operand that it does not pick.
    return apply_binary(index, x, y) if is_dual(x) or is_dual(y) else row.value(x, y)


def _partial(text, function, x, y, z, strict):
    constant = _constant(text)
    return function(x, y, z, strict=strict) if constant is None else constant


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


def _second_order(e12, rule, row, a, b, x, y, z, a_active, b_active, layout, strict):
    p, q = pairs(layout)

    def products(function, left, right):
        w = function(x, y, z, strict=strict)
        return strong_product(strong_product(w, spread(left, z.ndim)[p]), spread(right, z.ndim)[q])

    if a_active and not row.fxx_is_zero:
        e12 = e12 + products(row.fxx, a._stacks[0], a._stacks[1])
    if b_active and not row.fyy_is_zero:
        e12 = e12 + products(row.fyy, b._stacks[0], b._stacks[1])
    if a_active and b_active and not row.fxy_is_zero:
        e12 = e12 + products(row.fxy, a._stacks[0], b._stacks[1])
        e12 = e12 + products(row.fxy, b._stacks[0], a._stacks[1])
    return e12


# Directional derivatives along a real parameter of functions that are not holomorphic: compositions of the real rows.


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
