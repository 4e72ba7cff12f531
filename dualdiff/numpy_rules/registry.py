"""The registry, and the natures that a NumPy function can have.

An entry says what a function is, not how to differentiate it twice: a linear function acts on every stack of planes as
it acts on the value, a multilinear one follows the product rule, a rearrangement moves entries, a selection picks them
by value, and a composition is written with other NumPy functions. Only what is left has a rule of its own (`custom`),
written at first order; second and higher orders come from nesting.
"""

import functools

import numpy as np

from .. import _small, levels
from .._array import first_order, make, pairs, settle
from .._array import is_finite as finite
from ..errors import DifferentiationTypeError, DifferentiationValueError, TangentMismatchError
from ..kinds import is_dual, is_traced, level, lift
from ..packing import has_duals, join, matched, moving, pack, part, plain, plane_counts

FULL = 1
TRIANGLE = 0

# NumPy function -> rule, called with the arguments that NumPy's function got.
RULES = {}


def rule(*functions):
    """Register a rule for one or several NumPy functions."""

    def register(handler):
        for function in functions:
            RULES[function] = handler
        return handler

    return register


def numbers(a):
    """An argument that may be dual: lists and object arrays packed, scalars as arrays of dimension 0."""
    if is_dual(a):
        return lift(a)
    if has_duals(a):
        return pack(a)
    return a


def refuse_dual(function, **arguments):
    """Arguments that carry no derivative must be plain."""
    for name, argument in arguments.items():
        if has_duals(argument):
            raise DifferentiationTypeError(
                f"np.{function.__name__}: no derivative with respect to {name}; pass dualdiff.value({name})"
            )


# -- linear functions ------------------------------------------------------------------------------------------------


def linear(function, planes, moves=False):
    """Register a function that is linear in its first argument.

    ``planes(stack, *args, **kwargs)`` is the function on a stack, whose first axis must be left alone. ``moves`` says
    that it only moves entries.
    """

    @rule(function)
    def handler(x, *args, **kwargs):
        x = numbers(x)
        refuse_dual(function, **{f"argument {i + 2}": a for i, a in enumerate(args)}, **kwargs)
        if not is_dual(x):
            return function(x, *args, **kwargs)
        value = part(function(x.value, *args, **kwargs))
        return x.map_planes(lambda stack: part(planes(stack, *args, **kwargs)), value, moves)

    return handler


def plane_by_plane(function):
    """The function on a stack, one plane at a time: always right, for functions that cannot skip an axis."""

    def planes(stack, *args, **kwargs):
        if stack.shape[0] == 0:
            shape = np.shape(function(np.zeros(stack.shape[1:], stack.dtype), *args, **kwargs))
            return np.zeros((0, *shape), stack.dtype)
        return np.stack([function(plane, *args, **kwargs) for plane in stack])

    return planes


def behind(axis, ndim):
    """An axis (or axes) of an array of ``ndim`` dimensions as axes of its stack of planes."""
    if axis is None:
        return tuple(range(1, ndim + 1))
    if isinstance(axis, tuple | list):
        return tuple(behind(one, ndim) for one in axis)
    return np.lib.array_utils.normalize_axis_index(axis, ndim) + 1


def joining(function, planes):
    """Register a function that joins a sequence of arrays, its first argument.

    ``planes(stacks, *args, **kwargs)`` is the function on stacks.
    """

    @rule(function)
    def handler(arrays, *args, **kwargs):
        parts = [numbers(a) for a in arrays]
        if not any(is_dual(a) for a in parts):
            return function(parts, *args, **kwargs)
        return join(
            parts, lambda values: part(function(values, *args, **kwargs)), lambda s: planes(s, *args, **kwargs),
            moves=True)

    return handler


# -- rearrangements --------------------------------------------------------------------------------------------------


def rearranging(*functions):
    """Register functions whose result holds entries of the first argument and zeros, in places that no value decides.

    What happens to the positions 1 … n tells where every entry comes from; position 0 is a zero.
    """
    for function in functions:
        rule(function)(functools.partial(_rearrange, function))


def _rearrange(function, x, *args, **kwargs):
    x = numbers(x)
    refuse_dual(function, **{f"argument {i + 2}": a for i, a in enumerate(args)}, **kwargs)
    if not is_dual(x):
        return function(x, *args, **kwargs)
    positions = function(np.arange(1, x.size + 1).reshape(x.shape), *args, **kwargs)
    if isinstance(positions, tuple | list):
        return type(positions)(pick(x, one) for one in positions)
    return pick(x, positions)


def pick(x, positions):
    """Entries of ``x`` by flat position from 1; position 0 gives a zero."""
    positions = np.asarray(positions)
    picked = _small.picked(x, positions)
    if picked is not None:
        return picked
    holes = positions == 0
    source = np.where(holes, 0, positions - 1)

    def planes(stack):
        taken = stack.reshape((stack.shape[0], x.size))[:, source]
        return np.where(holes, np.zeros((), stack.dtype), taken) if holes.any() else taken

    value = x.value.reshape(-1)[source]
    if holes.any():
        value = np.where(holes, np.zeros((), x.dtype), value)
    return settle(x.map_planes(planes, part(value), moves=True))


# -- locally constant functions --------------------------------------------------------------------------------------


def value_only(*functions):
    """Register functions that look at values only: comparisons, index searches, predicates."""
    for function in functions:
        rule(function)(functools.partial(_on_values, function))


def _on_values(function, *args, **kwargs):
    args = [plain(a) for a in args]
    kwargs = {name: plain(a) for name, a in kwargs.items()}
    return function(*args, **kwargs)


# -- multilinear functions -------------------------------------------------------------------------------------------


def multilinear(function, operands, planes, grid=None):
    """Apply a function that is linear in each of several operands, by the product rule.

    Parameters
    ----------
    function : callable
        Takes the operands.
    operands : sequence
        Plain and dual arrays; the highest level is differentiated.
    planes : callable
        ``planes(operands, lead)`` with ``lead`` the tuple of positions whose operand is a stack of planes (one or two
        of them, which then have equally many planes); returns a stack.
    grid : callable, optional
        ``grid(operands, i, j)`` with stacks at i and j returns every plane of the one with every plane of the other,
        ``(ki, kj, *S)``, or None where pairs one by one are better.
    """
    operands = [numbers(a) for a in operands]
    simple = first_order(operands)
    if simple is not None:
        return _first_order_product(function, planes, *simple)
    top = max(level(a) for a in operands)
    active = [i for i, a in enumerate(operands) if level(a) == top]
    for a in operands:
        if 0 <= level(a) < top:
            levels.require_live(level(a))
    if is_traced(operands[active[0]]):
        from .. import reverse

        return reverse.multilinear(function, operands, planes, top)
    active = moving(operands, active)
    for i, number in zip(active, matched([operands[i] for i in active]), strict=True):
        operands[i] = number
    values = [a.value if i in active else a for i, a in enumerate(operands)]
    like = operands[active[0]]
    counts = {plane_counts(operands[i]) for i in active}
    if len(counts) > 1:
        raise TangentMismatchError(
            f"numbers made by hand must carry the same number of tangents, found {counts}; seed all of them together, "
            f"or let dualdiff.jacobian do it"
        )

    def replaced(*changes):
        chosen = list(values)
        for position, stack in changes:
            chosen[position] = stack
        return part(strong(planes, chosen, tuple(position for position, _ in changes)))

    def first(j):
        total = None
        for i in active:
            total = _added(total, replaced((i, operands[i]._stacks[j])))
        return total

    value = part(function(*values))
    with np.errstate(all="ignore"):
        e1 = first(0)
        if like._layout is None:
            return make(value, (e1,), None, top)
        e2 = e1 if like._layout[0] != FULL else first(1)
        e12 = first(2)
        for i in active:
            for j in active:
                if i != j:
                    e12 = _added(e12, _mixed(values, operands, i, j, replaced, grid))
    return make(value, (e1, e2, e12), like._layout, top)


def _first_order_product(function, planes, top, values, stacks):
    """The product rule of first order on plain arrays: what `multilinear` does, without its ado (9 µs of 21)."""
    value = part(function(*values))
    total = None
    with np.errstate(all="ignore"):
        for i, stack in enumerate(stacks):
            if stack is not None:
                chosen = [*values[:i], stack, *values[i + 1 :]]
                total = _added(total, part(strong(planes, chosen, (i,))))
    return make(value, (total,), None, top)


def _added(total, term):
    """The sum, in the memory of ``total`` where it fits: these are the largest arrays there are."""
    if total is None:
        return term
    if type(total) is type(term) is np.ndarray and total.dtype == term.dtype and total.shape == term.shape \
            and total.flags.writeable:
        return np.add(total, term, out=total)
    return total + term


def _mixed(values, operands, i, j, replaced, grid):
    """The term of ε1ε2 with the ε1 part of operand i and the ε2 part of operand j."""
    layout = operands[i]._layout
    left, right = operands[i]._stacks[0], operands[j]._stacks[1]
    p, q = pairs(layout)
    if grid is not None and 2 * len(p) > layout[1] * layout[2]:
        chosen = list(values)
        chosen[i], chosen[j] = left, right
        every = grid(chosen, i, j)
        if every is not None and (is_dual(every) or finite(every)):
            return every[p, q]
    return replaced((i, left[p]), (j, right[q]))


def strong(planes, operands, lead):
    """The product rule's term under the strong zero: a zero tangent contributes 0 beside an inf or a nan."""
    result = planes(operands, lead)
    suspects = [i for i in range(len(operands)) if i not in lead or len(lead) > 1]
    if any(is_dual(a) for a in operands) or all(finite(operands[i]) for i in suspects):
        return result
    return _apart(planes, [np.asarray(a) for a in operands], lead, suspects, result)


def _apart(planes, operands, lead, suspects, result):
    """A sum of products with infinite factors taken apart: the finite rest, and how many infinities of which sign.

    Signs and counts are themselves sums of products, of indicators, so the same function finds them.
    """
    if np.iscomplexobj(result):
        signs = [(a != 0) * 1.0 for a in operands]
    else:
        signs = [np.where(np.isnan(a), 1.0, np.sign(a)) for a in operands]
    presence = [np.abs(s) if i in lead else np.ones_like(s) for i, s in enumerate(signs)]
    broken = [~np.isfinite(a) if i in suspects else np.zeros(a.shape, bool) for i, a in enumerate(operands)]
    tame = [np.where(b, s, a) for a, b, s in zip(operands, broken, signs, strict=True)]
    rest = planes([a.astype(w.dtype, copy=False) for a, w in zip(tame, operands, strict=True)], lead)
    up = down = undefined = np.zeros(np.shape(rest))
    for i in suspects:

        def count(indicator, factors, i=i):
            return planes([indicator if j == i else f for j, f in enumerate(factors)], lead)

        infinite = broken[i] & ~np.isnan(operands[i])
        sizes = count(infinite * 1.0, [np.abs(s) for s in signs])
        signed = count(infinite * signs[i], signs)
        up, down = up + (sizes + signed), down + (sizes - signed)
        undefined = undefined + count(broken[i] * 1.0, presence) - sizes
    rest = rest + np.where(up > 0, rest.dtype.type(np.inf), 0) - np.where(down > 0, rest.dtype.type(np.inf), 0)
    undefined = undefined > 0
    return np.where(undefined | ((up > 0) & np.iscomplexobj(rest)), rest.dtype.type(np.nan), rest)


# -- functions with a rule of their own ------------------------------------------------------------------------------


def custom(function, tangent, arguments=1):
    """Register a function by its first-order rule.

    ``tangent(y, primals, stacks, *args, **kwargs)`` gives the result's stack from the stacks of the first
    ``arguments`` arguments (None where an argument is constant), written with NumPy functions that leave the leading
    plane axis alone. ``y`` may be a tuple; then it returns a tuple of stacks.
    """

    @rule(function)
    def handler(*args, **kwargs):
        return apply_custom(function, tangent, [numbers(a) for a in args[:arguments]], args[arguments:], kwargs)

    return handler


def apply_custom(function, tangent, inputs, args=(), kwargs=None):
    """Apply a function by its first-order rule, at every order: a hyper-dual number is a dual number of duals."""
    kwargs = kwargs or {}
    top = max(level(a) for a in inputs)
    if top < 0:
        return function(*inputs, *args, **kwargs)
    for a in inputs:
        if 0 <= level(a) < top:
            levels.require_live(level(a))
    like = next(a for a in inputs if level(a) == top)
    if is_traced(like):
        from .. import reverse

        return reverse.custom(function, tangent, inputs, args, kwargs, top)
    if like._layout is not None:
        return _custom_second(function, tangent, inputs, args, kwargs, top, like._layout)
    primals = [a.value if level(a) == top else a for a in inputs]
    stacks = [a._stacks[0] if level(a) == top else None for a in inputs]
    count = like._stacks[0].shape[0]
    y = function(*primals, *args, **kwargs)
    with np.errstate(all="ignore"):
        t = tangent(y, primals, stacks, *args, **kwargs)
    if isinstance(y, tuple):
        made = [_with_tangent(function, part(v), part(s), stacks, count, top) for v, s in zip(y, t, strict=True)]
        return type(y)(*made) if hasattr(y, "_fields") else tuple(made)
    return _with_tangent(function, part(y), part(t), stacks, count, top)


def _with_tangent(function, y, t, stacks, count, top):
    """A value and the stack that its rule gave, checked: a rule of the user's own can be wrong."""
    if t.shape != (count, *y.shape):
        raise DifferentiationValueError(
            f"{function.__name__}: its rule gave a tangent of shape {t.shape[1:]} for a result of shape {y.shape}; "
            f"return one of the shape of the result"
        )
    t = silent(t, stacks)
    return settle(make(y, (t if t.dtype == y.dtype or y.dtype.kind in "biu" else t.astype(y.dtype),), None, top))


def silent(t, stacks):
    """The stack of a result under the strong zero: a plane of zeros in every argument contributes 0."""
    if all(finite(leaf) for leaf, _ in leaves(t)):
        return t
    moving = np.zeros(t.shape[0], bool)
    for leaf, axis in (pair for stack in stacks if stack is not None for pair in leaves(stack)):
        moving |= np.any(leaf != 0, axis=tuple(i for i in range(leaf.ndim) if i != axis))
    if moving.all():
        return t
    return part(np.where(moving.reshape((-1, *[1] * (t.ndim - 1))), t, np.zeros((), t.dtype)))


def leaves(x, axis=0):
    """The plain arrays that a part is made of, each with the axis that was the first one."""
    if not is_dual(x):
        return [(np.asarray(x), axis)]
    x = lift(x)
    inner = [leaf for stack in x._stacks for leaf in leaves(stack, axis + 1)]
    return leaves(x.value, axis) + inner


def _custom_second(function, tangent, inputs, args, kwargs, top, layout):
    inner, outer = levels.open_like(top), levels.open_like(top)
    try:
        inputs = [as_dual_of_duals(a, inner, outer) if level(a) == top else a for a in inputs]
        y = apply_custom(function, tangent, inputs, args, kwargs)
        if isinstance(y, tuple):
            made = [from_dual_of_duals(v, layout, inner, outer, top) for v in y]
            return type(y)(*made) if hasattr(y, "_fields") else tuple(made)
        return from_dual_of_duals(y, layout, inner, outer, top)
    finally:
        levels.close_level(inner)
        levels.close_level(outer)


def as_dual_of_duals(x, inner, outer):
    """A hyper-dual number as a dual number (ε2) of dual numbers (ε1)."""
    k1, k2 = x._layout[1:]
    cross = x.e12 if x._layout[0] != FULL else x._stacks[2].reshape((k1, k2, *x.shape))
    value = make(x.value, (x._stacks[0],), None, inner)
    stack = make(x._stacks[1], (cross,), None, inner)
    return make(value, (stack,), None, outer)


def from_dual_of_duals(y, layout, inner, outer, top):
    """The way back; parts that lost a level on the way are constants of it."""
    kind, k1, k2 = layout
    value, stack = (y.value, y._stacks[0]) if level(y) == outer else (y, None)
    value, e1 = (lift(value).value, lift(value)._stacks[0]) if level(value) == inner else (part(value), None)
    shape = value.shape
    e1 = np.zeros((k1, *shape), value.dtype) if e1 is None else e1
    if stack is None:
        e2, cross = np.zeros((k2, *shape), value.dtype), np.zeros((k1, k2, *shape), value.dtype)
    elif level(stack) == inner:
        e2, cross = stack.value, stack._stacks[0]
    else:
        e2, cross = stack, np.zeros((k1, k2, *shape), value.dtype)
    p, q = pairs(layout)
    e12 = cross.reshape((k1 * k2, *shape)) if kind == FULL else cross[p, q]
    return settle(make(value, (e1, e2 if kind == FULL else e1, part(e12)), layout, top))
