"""Reverse mode: a function is recorded once, and cotangents go back through the tape.

The tape is fed by the same rows and the same registry as dual numbers. An elementwise row leaves its local derivative,
which the kernels compute beside the value; a linear or multilinear function leaves its transpose
(`dualdiff.numpy_rules.transposes`); a composition runs on recorded arrays; a rule for tangents is recorded and
transposed (`transposed`, `custom`), since it is a linear function of them.
"""

import math
import threading
from functools import partial

import numpy as np

from . import _reverse, levels, nested, protocols, rows, rules, tangents
from ._array import is_dual as is_dual_number
from ._array import lift, settle
from ._reverse import (
    as_view,
    backward,
    become,
    constant,
    entries,
    frozen,
    held,
    is_traced,
    is_unshared,
    leaf,
    record,
    record_joint,
    row,
    row2,
    times,
    times2,
    view_of,
)
from ._scalar import UNARY_UFUNCS
from .errors import DifferentiationTypeError, DifferentiationValueError, LostTangentError
from .kinds import is_dual, level
from .levels import require_live
from .numpy_rules import RULES
from .numpy_rules import ufuncs as ufunc_rules
from .numpy_rules.construction import like
from .numpy_rules.registry import finite, numbers
from .numpy_rules.transposes import (  # noqa: F401  (the compiled sweep asks here for transposes)
    RECORDED,
    at,
    highest,
    is_active,
    is_view,
    left_cotangent,
    right_cotangent,
    spread_back,
)
from .packing import part, primal, shape_of, unraveled
from .protocols import plain_index

# -- operands ----------------------------------------------------------------------------------------------------------


# What `operand` says of a dual number of an inner derivative: it is the outer number of the two.
INNER = object()


def beside_inner(name, left, right):
    """A row of a dual number of an inner derivative and a recorded array, which is a constant of it."""
    for a in (left, right):
        if is_dual(a):
            require_live(level(a))
    return settle(nested.binary(_BINARY_INDEX[getattr(np, name)], *(
        lift(a) if is_dual_number(a) else a for a in (left, right))))


def operand(a, own):
    """Whatever meets a recorded array of level ``own``: recorded, or a constant; NotImplemented for what is foreign."""
    if is_traced(a):
        return a
    if is_dual_number(a):
        other = level(a)
        if other > own:
            return INNER
        require_live(other)
        return lift(a)
    if isinstance(a, int | float | complex):
        return a
    if isinstance(a, np.ndarray | np.generic | list | tuple):
        array = protocols.array_operand(a, "a recorded array")
        return a if isinstance(a, np.generic) else array
    return NotImplemented


compare = protocols.compare


def truth(x):
    if x.size != 1:
        raise DifferentiationValueError(
            f"the truth value of an array with {x.size} elements is ambiguous; use np.where(condition, a, b), .any() "
            f"or .all()"
        )
    return bool(primal(x))


def refuse_conversion(what):
    raise LostTangentError(
        f"{what} of an array that reverse mode records would lose its derivatives: use np.sin(x) and the like instead "
        f"of math.sin(x), np.zeros_like(x) or np.zeros(n, like=x) instead of np.zeros(n), and dualdiff.value(x) where "
        f"the plain number is wanted"
    )


def to_object_array(x, dtype, copy):
    """What ``np.asarray(x)`` gets: an object array of recorded numbers, so that no derivative is lost."""
    if dtype is not None and np.dtype(dtype) != object:
        refuse_conversion(f"np.asarray(x, dtype={np.dtype(dtype)})")
    if x.dtype.kind == "c":
        raise LostTangentError("np.array of recorded complex numbers would lose derivatives in .real and .imag; use "
                               "np.stack([...])")
    out = np.empty(x.shape, dtype=object)
    for index in np.ndindex(x.shape):
        out[index] = x[index] if index else x
    out.flags.writeable = bool(copy) or not x.ndim
    return out


# -- arithmetic of cotangents ------------------------------------------------------------------------------------------


def strong_product(w, g, factor=1.0, selects=False):
    """A local derivative times a stack of cotangents, where a cotangent that is exactly 0 gives 0."""
    w = w if factor == 1.0 else factor * w
    if selects:
        product = nested.strong_product(w, g)
        return np.where(np.broadcast_to(primal(w) == 0, product.shape), np.zeros((), product.dtype), product)
    if type(g) is np.ndarray and type(w) is np.ndarray:
        product = np.multiply(g, w)
        return product if finite(product) else nested.strong_product(w, g)
    return nested.strong_product(w, g)


def scaled(w, g):
    """The same with one number."""
    return g * w if np.isfinite(w) else nested.strong_product(w, g)


def scaled_by(x, weights):
    """The same array, whose cotangents are multiplied by plain weights."""
    return times(x.value, x, weights)


def add_entries(cotangent, index, g):
    """Add a stack to the entries of one in C order at an advanced index, in place; repeated entries all count."""
    shape = cotangent.shape[1:]
    if isinstance(index, np.ndarray) and index.dtype == bool:
        cotangent[:, index] += g
        return
    positions = np.arange(int(np.prod(shape, dtype=np.intp))).reshape(shape)[index].reshape(-1)
    if not (positions.size and cotangent.size):
        return
    stack = cotangent.shape[0]
    flat, g = cotangent.reshape((stack, math.prod(shape))), g.reshape((stack, positions.size))
    if not np.shares_memory(flat, cotangent):
        raise AssertionError("a cotangent is not contiguous")
    if np.bincount(positions).max() <= 1:
        flat[:, positions] += g
    elif g.dtype == np.float64:
        for row_, weights in zip(flat, g, strict=True):
            row_ += np.bincount(positions, weights, flat.shape[1])
    else:
        np.add.at(flat, (slice(None), positions), g)


def scattered(g, index, shape):
    """The transpose of indexing, of cotangents that are themselves differentiated."""
    if is_traced(g):
        return record(scattered(g.value, index, shape), (g,), lambda h: _picked(h, index), g.level)
    if is_dual(g):
        return _scattered_dual(g, index, shape)
    out = np.zeros((g.shape[0], *shape), g.dtype)
    if _is_basic(index):
        out[(slice(None), *index) if type(index) is tuple else (slice(None), index)] += g
    else:
        add_entries(out, index, np.ascontiguousarray(g))
    return out


def _scattered_dual(g, index, shape):
    def planes(stack):
        k, m = stack.shape[:2]
        return scattered(stack.reshape((k * m, *stack.shape[2:])), index, shape).reshape((k, m, *shape))

    # Where no entry comes twice they are only moved, and zeros are put between them: structure is kept.
    moves = tangents.is_structured(g) and (_is_basic(index) or _comes_once(index, shape))
    return g.map_planes(planes, scattered(g.value, index, shape), moves=moves)


def _comes_once(index, shape):
    positions = np.arange(int(np.prod(shape, dtype=np.intp))).reshape(shape)[index]
    return np.unique(positions).size == positions.size


def _is_basic(index):
    parts = index if type(index) is tuple else (index,)
    return all(one is None or one is Ellipsis or isinstance(one, slice | int) for one in parts)


def _picked(h, index):
    """Entries of every plane of a stack of stacks."""
    if _is_basic(index):
        return h[(slice(None), slice(None), *index) if type(index) is tuple else (slice(None), slice(None), index)]
    shape = h.shape[2:]
    positions = np.arange(int(np.prod(shape, dtype=np.intp))).reshape(shape)[index]
    return h.reshape((*h.shape[:2], -1))[:, :, positions]


# -- rows --------------------------------------------------------------------------------------------------------------

_SLOPES = {"y": "y", "2.0*x": "2x"}


def _simple(rule):
    """Rows whose local derivative is a number, the result, or twice the argument: no kernel is needed for it."""
    if not rule.numpy or rule.let or rule.domain != rules.REALS:
        return None
    try:
        return float(rule.d1)
    except ValueError:
        return _SLOPES.get(rule.d1)


SIMPLE = {i: simple for i, rule in enumerate(rules.UNARY)
          if UNARY_UFUNCS[i] is not None and (simple := _simple(rule)) is not None}
UNARY_SELECTS = [bool(rule.selects) for rule in rules.UNARY]
BINARY_SELECTS = [("x" in rule.selects, "y" in rule.selects) for rule in rules.BINARY]


def row_value(index, x, parameters):
    return nested.value_of(index, x, parameters)


def _conjugated(slope):
    return slope if isinstance(slope, float) or slope.dtype.kind != "c" else np.conjugate(slope)


def nested_unary(index, x, parameters):
    """A row of one variable on values that are dual, recorded or complex."""
    rule, value = rules.UNARY[index], x.value
    if value.dtype.kind == "c" and rule.name in _COMPLEX:
        return _COMPLEX[rule.name](x)
    names = dict(zip((name for name, _ in rule.parameters), parameters, strict=False))
    return chain(rows.named(rule.name), (x,), lambda v: nested.value_of(index, v, parameters), x.level, names)


def nested_binary(index, left, right):
    """A row of two variables in all cases but that of two real arrays."""
    known = highest(left, right)
    met = [operand(a, known) for a in (left, right)]
    if any(a is NotImplemented for a in met):
        return NotImplemented
    if any(a is INNER for a in met):
        return beside_inner(rules.BINARY[index].name, left, right)
    left, right = map(frozen, met)
    current = rows.named(rules.BINARY[index].name)
    return chain(current, (left, right), lambda x, y: nested.binary_value(index, current, x, y),
                 highest(left, right), {})


def chain(current, operands, value, top, names):
    """Record a row: its value, and its local derivatives as its texts say."""
    names["strict"] = np.nan if levels.is_strict(top) else 0.0
    parts = [at(a, top) for a in operands]
    for a in operands:
        if is_dual(a) and level(a) < top:
            require_live(level(a))
    z = part(value(*parts))
    nested._check_complex(current.rule, z)
    firsts = rows.FIRST[current.rule.arity]
    slopes = []
    with np.errstate(all="ignore"):
        for a, name in zip(operands, firsts, strict=True):
            if not is_active(a, top):
                slopes.append(None)
                continue
            slope = nested._partial(current, name, (*parts, z), names)
            slopes.append(slope if isinstance(slope, float) else _conjugated(part(slope)))
    active = [a if slope is not None else None for a, slope in zip(operands, slopes, strict=True)]
    if len(active) == 1:
        x = operands[0]
        return times(z, x, slopes[0], bool(current.rule.selects)) if active[0] is not None else constant(z, top)
    chosen = current.rule.selects
    return times2(z, active[0], active[1], slopes[0], slopes[1], top, "x" in chosen, "y" in chosen)


def complex_arithmetic(multiply, z, lv, rv, left, right, own):
    """Products and quotients of complex numbers: conjugate local derivatives."""
    x = left if is_active(left, own) else None
    y = right if is_active(right, own) else None
    if multiply:
        p, q = rv, lv
    else:
        p, q = 1.0 / rv if x is not None else None, -(lv / rv) / rv if y is not None else None
    conjugate = [None if w is None else np.conjugate(part(w)) for w in (p, q)]
    return times2(z, x, y, *conjugate, own)


def _complex_absolute(x):
    return np.hypot(np.real(x), np.imag(x))


def _conjugate(x):
    return record(np.conjugate(x.value), (x,), np.conjugate, x.level)


_COMPLEX = {
    "absolute": _complex_absolute,
    "conjugate": _conjugate,
    "sign": lambda x: x / np.abs(x),
    "rint": lambda x: constant(np.rint(x.value), x.level),
}


# -- transposed rules --------------------------------------------------------------------------------------------------


class _OwnTranspose(Exception):
    """A rule for tangents calls its own function on the tangents: recording it would never end."""


_running = threading.local()


def _unless_recursive(rule, recorded, by_columns):
    """Go back through a recorded rule; by columns where the rule turns out to be part of its own transpose."""
    rules_running = _running.__dict__.setdefault("rules", [])
    code = getattr(rule, "__code__", rule)
    if code in rules_running:
        raise _OwnTranspose
    rules_running.append(code)
    try:
        return recorded()
    except _OwnTranspose:
        if len(rules_running) > 1:
            raise
    finally:
        rules_running.pop()
    return by_columns()


def _units(shapes, dtype):
    """Stacks of unit tangents of several arrays together, one plane for each number."""
    sizes = [int(np.prod(shape, dtype=np.intp)) for shape in shapes]
    eye = np.eye(sum(sizes), dtype=dtype)
    pieces = np.split(eye, np.cumsum(sizes)[:-1], 1)
    return [one.reshape((-1, *shape)) for one, shape in zip(pieces, shapes, strict=True)]


def _contracted(g, t):
    """``Σ g[m, …] t[n, …]``: cotangents of a result, times its tangents for every unit, under the strong zero."""
    g, t = g.reshape((g.shape[0], -1)), t.reshape((t.shape[0], -1))
    product = np.matmul(g, np.transpose(np.conjugate(t) if t.dtype.kind == "c" else t))
    if is_dual(product) or finite(product):
        return product
    return np.sum(nested.strong_product(t, np.expand_dims(g, 1)), axis=-1)


def transposed(planes, shape, dtype, own):
    """The transpose of a linear function of a stack of tangents, found by recording it once.

    Parameters
    ----------
    planes : callable
        Linear: from a stack ``(k, *shape)`` to a stack ``(k, *S)``.

    Returns
    -------
    callable
        From a stack of cotangents ``(m, *S)`` to one of ``(m, *shape)``.
    """
    tape = []

    def transpose(g):
        return _unless_recursive(planes, lambda: through_tape(g), lambda: by_columns(g))

    def by_columns(g):
        return _contracted(g, planes(_units([shape], dtype)[0])).reshape((g.shape[0], *shape))

    def through_tape(g):
        if not tape:
            lvl = levels.open_like(own)
            try:
                seed = leaf(np.zeros((1, *shape), dtype), lvl)
                with np.errstate(all="ignore"):
                    tape.extend((seed, planes(seed)))
            finally:
                levels.close_level(lvl)
        seed, out = tape
        if not (is_traced(out) and out.level == seed.level and out.active):
            return None
        back = backward([out.node], [np.expand_dims(g, 1)], [seed.node])[0]
        return None if back is None else back[:, 0]

    return transpose


def map_planes(x, function, value, **_):
    """What acts on the planes of a dual number, on a recorded array; how these are stored is no concern here."""
    return record(value, (x,), transposed(function, x.shape, x.dtype, x.level), x.level)


def map_parts(x, function, **_):
    return map_planes(x, function, function(x.value))


def join(parts, combine, combine_planes, top):
    """Arrays joined by a function that is linear in all of them together."""
    values = [at(a, top) for a in parts]
    value = part(combine(values))

    def along(i):
        def planes(stack):
            return combine_planes([stack if j == i else np.zeros((stack.shape[0], *shape_of(v)), value.dtype)
                                   for j, v in enumerate(values)])

        return transposed(planes, shape_of(values[i]), parts[i].dtype, top)

    transposes = [along(i) if is_active(a, top) else None for i, a in enumerate(parts)]
    return record(value, tuple(parts), lambda g: tuple(t and t(g) for t in transposes), top)


def multilinear(function, operands, planes, top):
    """A product of several operands: its own transpose, or that of its planes."""
    operands = frozen(operands)
    if function in RECORDED:
        return RECORDED[function](*operands)
    values = [at(a, top) for a in operands]

    def along(i):
        return transposed(lambda stack: planes([stack if j == i else v for j, v in enumerate(values)], (i,)),
                          values[i].shape, operands[i].dtype, top)

    transposes = [along(i) if is_active(a, top) else None for i, a in enumerate(operands)]
    return record(part(function(*values)), tuple(operands), lambda g: tuple(t and t(g) for t in transposes), top)


def custom(function, tangent, inputs, args, kwargs, top):
    """A function with a rule for tangents: the rule is recorded, at the first cotangent, and transposed."""
    inputs, args, kwargs = frozen(inputs), frozen(args), _frozen_options(kwargs)
    primals = [at(a, top) for a in inputs]
    y = function(*primals, *args, **kwargs)
    outputs = [part(one) for one in y] if isinstance(y, tuple) else [part(y)]
    active = [is_active(a, top) for a in inputs]
    tape = []

    def recorded():
        lvl = levels.open_like(top)
        try:
            seeds = [leaf(np.zeros((1, *shape_of(p)), a.dtype), lvl) if on else None
                     for p, a, on in zip(primals, inputs, active, strict=True)]
            with np.errstate(all="ignore"):
                t = tangent(y, primals, seeds, *args, **kwargs)
        finally:
            levels.close_level(lvl)
        t = list(t) if isinstance(y, tuple) else [t]
        for one, v in zip(t, outputs, strict=True):
            if shape_of(one) != (1, *v.shape):
                raise DifferentiationValueError(
                    f"{function.__name__}: its rule gave a tangent of shape {shape_of(one)[1:]} for a result of shape "
                    f"{v.shape}; both must be equal"
                )
        return seeds, t

    def pullback(stacks):
        return _unless_recursive(tangent, lambda: through_tape(stacks), lambda: by_columns(stacks))

    def by_columns(stacks):
        shapes = [shape_of(p) for p, on in zip(primals, active, strict=True) if on]
        units = iter(_units(shapes, inputs[active.index(True)].dtype))
        with np.errstate(all="ignore"):
            t = tangent(y, primals, [next(units) if on else None for on in active], *args, **kwargs)
        t = t if isinstance(y, tuple) else (t,)
        total = sum(_contracted(g, one) for g, one in zip(stacks, t, strict=True) if g is not None)
        ends = np.cumsum([int(np.prod(shape, dtype=np.intp)) for shape in shapes])
        pieces = iter([total[:, end - int(np.prod(shape, dtype=np.intp)) : end].reshape((total.shape[0], *shape))
                       for shape, end in zip(shapes, ends.tolist(), strict=True)])
        return tuple(next(pieces) if on else None for on in active)

    def through_tape(stacks):
        if not tape:
            tape.extend(recorded())
        seeds, t = tape
        moving = [(one.node, np.expand_dims(g, 1)) for one, g in zip(t, stacks, strict=True)
                  if g is not None and is_traced(one) and one.active]
        leaves = [seed.node for seed in seeds if seed is not None]
        found = iter(backward([node for node, _ in moving], [g for _, g in moving], leaves))
        return tuple(_silent(next(found), stacks) if on else None for on in active)

    if not isinstance(y, tuple):
        return record(outputs[0], tuple(inputs), lambda g: pullback([g]), top)
    made = record_joint(outputs, tuple(inputs), pullback, top)
    return type(y)(*made) if hasattr(y, "_fields") else tuple(made)


def _silent(back, stacks):
    """Cotangents that a rule gave, under the strong zero: a plane of zeros contributes 0."""
    if back is None:
        return None
    back = back[:, 0]
    if finite(primal(back)):
        return back
    moving = np.zeros(back.shape[0], bool)
    for g in stacks:
        if g is not None:
            g = primal(g)
            moving |= np.any(g != 0, axis=tuple(range(1, g.ndim)))
    if moving.all():
        return back
    return np.where(moving.reshape((-1, *[1] * (back.ndim - 1))), back, np.zeros((), back.dtype))


def views(x, function):
    """What ``function``, which gives views, makes of a recorded array."""
    value = function(x.value)
    positions = function(np.arange(x.size).reshape(x.shape))
    if not isinstance(value, tuple | list):
        return _view(x, value, positions, function)
    made = (_view(x, v, p, lambda a, i=i: function(a)[i])
            for i, (v, p) in enumerate(zip(value, positions, strict=True)))
    return type(value)(made)


def _view(x, value, positions, function):
    y = entries(x, unraveled(positions, x.shape), value) if x.ndim else record(
        value, (x,), lambda g: np.sum(g.reshape((g.shape[0], -1)), axis=1), x.level)
    return as_view(y, x, partial(_again, function)) if is_view(value, x.value) else y


def _again(function, x):
    return views(x, function) if is_traced(x) else function(x)


# -- assignment --------------------------------------------------------------------------------------------------------


def _no_room():
    return LostTangentError(
        "a number of an inner derivative cannot be stored in an array of the outer one: the array has no room for its "
        "derivative; make the array inside the inner function, with np.zeros_like or like="
    )


def assign(x, index, item):
    """``x[index] = item``: the array becomes a new version of itself, and views follow."""
    index = frozen(plain_index(index))
    item = operand(item, x.level)
    if item is INNER:
        raise _no_room()
    if item is NotImplemented:
        raise DifferentiationTypeError(
            "assignment: only numbers and arrays can be stored in a recorded array; convert the item"
        )
    if is_traced(item) and item.level > x.level:
        raise _no_room()
    if _kind(item) == "c" and x.dtype.kind != "c":
        raise DifferentiationTypeError(
            "a complex number cannot be stored in a real array; make the array complex with x.astype(complex)"
        )
    if x.base is not None:
        if not primal(x).flags.writeable and primal(x.base).flags.writeable:
            tangents.restart(x.value)
            raise DifferentiationValueError("assignment destination is read-only; copy it first: x = x.copy()")
        _assign_through(x, index, item)
        return
    new = item.value if is_traced(item) and item.level == x.level else item
    shape = shape_of(x.value[index])
    value = _written(x, index, new)
    item_shape = shape_of(new)

    def pullback(g):
        return (_erased(g, index, g.shape[1:]) if x_active else None,
                _summed(_won(_picked_stack(g, index), wins), shape, item_shape) if item_active else None)

    wins = _last_of_each(index, x.shape, shape)
    x_active, item_active = x.active, is_active(item, x.level)
    become(x, record(value, (_frozen(x), item), pullback, x.level))


def _last_of_each(index, shape, picked):
    """Where an index names a place twice, which entries stay: the last ones. None where all do."""
    if _is_basic(index):
        return None
    positions = np.arange(int(np.prod(shape, dtype=np.intp))).reshape(shape)[index].reshape(-1)
    owner = np.full(int(np.prod(shape, dtype=np.intp)), -1)
    owner[positions] = np.arange(positions.size)
    stays = owner[positions] == np.arange(positions.size)
    return None if stays.all() else stays.reshape(picked)


def _won(g, wins):
    return g if wins is None else np.where(wins, g, np.zeros((), g.dtype))


def _frozen(x):
    """This version of an array, to be a parent of the next one."""
    return _reverse.snapshot(x)


def _kind(a):
    return a.dtype.kind if hasattr(a, "dtype") else np.asarray(a).dtype.kind


def _written(x, index, new):
    """The values after the assignment; in place where nothing else needs those before it."""
    if type(held(x)) is np.ndarray and not is_dual(new):
        value = held(x) if is_unshared(x) else x.value.copy()
        value[index] = new
        return value
    value = x.value.copy()
    if is_dual(new) and (not is_dual(value) or level(value) < level(new)):
        value = like(new, primal(value).copy()) if not is_dual(value) else value + like(
            new, np.zeros(value.shape, value.dtype))
    value[index] = new
    return value


def _erased(g, index, shape):
    """Cotangents of the old version: none where it was overwritten."""
    mask = np.ones(shape)
    mask[index] = 0.0
    return np.where(mask == 0.0, np.zeros((), g.dtype), g)


def _picked_stack(g, index):
    if _is_basic(index):
        return g[(slice(None), *index) if type(index) is tuple else (slice(None), index)]
    positions = np.arange(int(np.prod(g.shape[1:], dtype=np.intp))).reshape(g.shape[1:])[index]
    return g.reshape((g.shape[0], -1))[:, positions]


def _summed(g, shape, item_shape):
    """The cotangent of what was stored in a place of this shape, perhaps broadcast."""
    excess = len(item_shape) - len(shape)
    short = item_shape[excess:] if excess > 0 else item_shape
    extra = g.ndim - 1 - len(short)
    axes = tuple(i for i in range(1, g.ndim) if i <= extra or short[i - 1 - extra] != g.shape[i])
    g = np.sum(g, axis=axes) if axes else g
    return g.reshape((g.shape[0], *item_shape))


def _assign_through(x, index, item):
    """Write through a view: to the places that it shows."""
    base, view = x.base, view_of(x)
    if view in (np.real, np.imag):
        old = base[index]
        base[index] = item + 1j * np.imag(old) if view is np.real else np.real(old) + 1j * item
        return
    shown = np.asarray(view(np.arange(base.size).reshape(base.shape)))[index]
    if not shown.size:
        np.zeros(shown.shape)[...] = np.zeros(shape_of(item))  # the error of an item that does not fit
        return
    key = unraveled(shown, base.shape) if base.ndim else ...
    base[key] = item


def in_place(x, result):
    """Finish ``x op= y``: numbers are new ones, arrays become new versions of themselves."""
    if result is NotImplemented or (x.ndim == 0 and x.base is None):
        return result
    if shape_of(result) != x.shape:
        raise DifferentiationValueError(
            f"non-broadcastable output operand with shape {x.shape} does not match the broadcast shape "
            f"{shape_of(result)}; write x = x op y"
        )
    if result.dtype != x.dtype and not np.can_cast(result.dtype, x.dtype, "same_kind"):
        raise DifferentiationTypeError(
            f"cannot write a result of dtype {result.dtype} into an array of dtype {x.dtype}; write x = x op y")
    if x.base is None and result.dtype == x.dtype and result.level == x.level:
        become(x, result)
    else:
        x[...] = result
    return x


def has_ellipsis(index):
    return protocols.has_ellipsis(index)


class Flat(protocols.Flat):
    """What ``x.flat`` gives."""

    def __setitem__(self, index, item):
        positions = np.arange(self.x.size)[plain_index(index)]
        self.x[unraveled(positions, self.x.shape)] = item


# -- NumPy's protocols -------------------------------------------------------------------------------------------------

_UFUNCS = {"floor_divide": np.floor_divide, "remainder": np.remainder, "power": np.power}


def operator(name, left, right):
    """Operators that are no plain arithmetic."""
    if name != "matmul":
        return row2(_BINARY_INDEX[_UFUNCS[name]], left, right)
    known = highest(left, right)
    met = [operand(a, known) for a in (left, right)]
    if any(a is NotImplemented for a in met):
        return NotImplemented
    return (RULES if any(a is INNER for a in met) else RECORDED)[np.matmul](frozen(left), frozen(right))


def call_ufunc(ufunc, method, inputs, kwargs):
    """``__array_ufunc__`` beyond the plain call of a row."""
    inputs, kwargs = frozen(inputs), _frozen_options(kwargs)
    if method == "__call__" and not kwargs and ufunc in RECORDED:
        return RECORDED[ufunc](*inputs)
    if method == "__call__" and set(kwargs) == {"out"}:
        return ufunc_rules.store(ufunc_rules.named(ufunc), kwargs["out"], ufunc(*inputs))
    if method == "reduce" and ufunc is np.add:
        return _add_reduce(*inputs, **kwargs)
    return protocols.array_ufunc(ufunc, method, inputs, kwargs)


def _frozen_options(kwargs):
    return {name: option if name == "out" else frozen(option) for name, option in kwargs.items()}


def _add_reduce(array, axis=0, dtype=None, out=None, keepdims=False, initial=None, where=True):
    result = np.sum(numbers(array), axis=axis, dtype=dtype, keepdims=keepdims,
                    initial=np._NoValue if initial is None else initial, where=where)
    return result if out is None else ufunc_rules.store("np.add.reduce", out, result)


def _find(tree, met):
    """Everything that is differentiated in arguments and sequences of them."""
    for one in tree:
        if is_dual(one):
            met.append(one)
        elif isinstance(one, list | tuple):
            _find(one, met)


def array_function(function, args, kwargs, model):
    """``__array_function__``: one entry of the registry for every function."""
    args, kwargs = frozen(args), _frozen_options(kwargs)
    if function in RECORDED and "out" not in kwargs:
        met = []
        _find((args, tuple(kwargs.values())), met)
        if is_traced(max(met, key=level)):
            return RECORDED[function](*args, **kwargs)
    return protocols.array_function(function, args, kwargs, model)


_UNARY_INDEX = {getattr(np, name): i for i, rule in enumerate(rules.UNARY) if rule.numpy
                for name in (rule.name, *rule.aliases)}
_BINARY_INDEX = {getattr(np, name): i for i, rule in enumerate(rules.BINARY) if rule.numpy
                 for name in (rule.name, *rule.aliases)}

# -- methods -----------------------------------------------------------------------------------------------------------


def _reshape(x, *shape, order="C", copy=None):
    return np.reshape(x, shape[0] if len(shape) == 1 else shape, order=order)


def _transpose(x, *axes):
    return np.transpose(x, (axes[0] if len(axes) == 1 else axes) if axes else None)


def _copy(x, order="C"):
    return record(x.value.copy(), (x,), lambda g: g, x.level)


def _flatten(x, order="C"):
    return np.ravel(x, order).copy()


def _astype(x, dtype, order="K", casting="unsafe", subok=True, copy=True):
    dtype = np.dtype(dtype)
    if dtype.kind in "biu":
        return primal(x).astype(dtype)
    if dtype.kind == "O":
        return to_object_array(x, None, None)
    if dtype.kind not in "fc" or (dtype.kind == "f" and dtype.itemsize not in (4, 8)):
        raise DifferentiationTypeError(
            f"astype: differentiated arrays are float32, float64 or complex, not {dtype}; use one of these"
        )
    if x.dtype.kind == "c" and dtype.kind == "f":
        raise LostTangentError("astype: a complex array as a real one would drop the imaginary part; use x.real or "
                               "np.abs(x)")
    if not copy and x.dtype == dtype:
        return x
    if not np.can_cast(x.dtype, dtype, casting):
        raise DifferentiationTypeError(f"astype: cannot cast from {x.dtype} to {dtype} with casting={casting!r}; "
                                       f"leave casting out")
    return record(x.value.astype(dtype), (x,), lambda g: g, x.level)


def _item(x, *args):
    flat = np.ravel(x)
    if not args:
        if flat.size != 1:
            raise DifferentiationValueError("item(): can only convert an array of size 1; give an index")
        return flat[0]
    if len(args) > 1 or isinstance(args[0], tuple):
        return x[args[0] if isinstance(args[0], tuple) else args]
    return flat[args[0]]


def _tolist(x):
    return x if x.ndim == 0 else [_tolist(one) for one in x]


def _fill(x, number):
    x[...] = number


def _sort(x, axis=-1, kind=None, order=None, *, stable=None):
    x[...] = np.sort(x, axis=axis, kind=kind, order=order, stable=stable)


def _partition(x, kth, axis=-1, kind="introselect", order=None):
    x[...] = np.partition(x, kth, axis=axis, kind=kind, order=order)


def _compress(x, condition, axis=None, out=None):
    return np.compress(condition, x, axis=axis, out=out)


def _view_method(x, *args):
    if args:
        raise DifferentiationTypeError("a recorded array cannot be viewed as another dtype; use .astype(dtype)")
    return x[...]


def _numpy_method(name):
    function = getattr(np, name)

    def method(x, *args, **kwargs):
        return function(x, *args, **kwargs)

    return method


def _row_method(index):
    def method(x, *parameters):
        return row(index, x, tuple(float(p) for p in parameters))

    return method


METHODS = {rule.name: _row_method(i) for i, rule in enumerate(rules.UNARY)}
METHODS |= {name: _numpy_method(name) for name in (
    "sum", "mean", "var", "std", "prod", "min", "max", "argmin", "argmax", "cumsum", "cumprod", "clip", "take",
    "repeat", "trace", "argsort", "dot", "all", "any", "nonzero", "choose", "round", "searchsorted", "argpartition",
    "squeeze", "swapaxes", "diagonal", "ravel", "ptp", "put")}
METHODS |= {
    "reshape": _reshape, "transpose": _transpose, "copy": _copy, "flatten": _flatten, "astype": _astype, "item": _item,
    "tolist": _tolist, "fill": _fill, "sort": _sort, "partition": _partition, "compress": _compress,
    "conj": _numpy_method("conjugate"), "view": _view_method, "map_planes": map_planes, "map_parts": map_parts,
}

import sys  # noqa: E402

_reverse.bind(sys.modules[__name__], _UNARY_INDEX, _BINARY_INDEX, RECORDED, METHODS)
