"""Ufuncs beyond the plain call of a row: methods, out=, where=, and ufuncs that are no row."""

import sys

import numpy as np

from .. import rules, tangents
from .._array import settle
from ..errors import DifferentiationTypeError, LostTangentError, UnsupportedFunctionError
from ..kinds import is_dual, is_traced, level
from ..packing import has_duals, plane_counts, primal, spread, unraveled
from .arranging import array
from .folds import cast, fold, scan
from .registry import RULES, numbers, pick, refuse_dual

ROWS = {getattr(np, name) for row in rules.ROWS if row.numpy for name in (row.name, *row.aliases)}
ON_VALUES = {getattr(np, name) for name, why in rules.NOT_ROWS.items() if why is rules._TRUTH}
INTEGERS_ONLY = {getattr(np, name) for name, why in rules.NOT_ROWS.items() if why is rules._BITS}
COMPOSED = {
    getattr(np, name): [compile(text, name, "eval") for text in texts] for name, texts in rules.COMPOSED.items()
}


def call_ufunc(ufunc, method, inputs, kwargs):
    """Serve ``__array_ufunc__`` where the compiled fast path does not."""
    if ufunc in INTEGERS_ONLY:
        raise DifferentiationTypeError(
            f"{named(ufunc)} takes integers only, and a dual number is none; pass dualdiff.value(x).astype(int)"
        )
    if ufunc in ON_VALUES:
        return _on_values(ufunc, method, inputs, kwargs)
    return METHODS[method](ufunc, *inputs, **kwargs)


def _special():
    """The rules of ``scipy.special``, once SciPy is there: nothing here loads it."""
    if "scipy.special" not in sys.modules:
        return {}
    from .. import scipy_rules

    return scipy_rules.UFUNCS


def named(ufunc):
    """What a user calls this ufunc."""
    return f"np.{ufunc.__name__}" if getattr(np, ufunc.__name__, None) is ufunc else ufunc.__name__


def _on_values(ufunc, method, inputs, kwargs):
    """Truth values: what they are written to is plain."""
    if any(is_dual(a) for a in kwargs.get("out", ())):
        raise DifferentiationTypeError(f"{named(ufunc)}: a dual array cannot hold truth values; leave out= out")
    inputs = [primal(numbers(a)) if has_duals(a) else a for a in inputs]
    kwargs = {name: primal(numbers(a)) if has_duals(a) and name != "out" else a for name, a in kwargs.items()}
    return getattr(ufunc, method)(*inputs, **kwargs)


# -- out= --------------------------------------------------------------------------------------------------------------


def store(name, out, result):
    """Write a result through ``out=`` and return what was written to."""
    if isinstance(out, tuple):
        results = result if isinstance(result, tuple) else (result,)
        stored = tuple(r if o is None else store(name, o, r) for o, r in zip(out, results, strict=True))
        return stored if len(stored) > 1 else stored[0]
    if has_duals(result) and not is_dual(out):
        raise LostTangentError(
            f"{name}: the plain array given as out= has no room for tangents; give it room with np.zeros_like(x) or "
            f"np.zeros(n, like=x), or leave out= out"
        )
    out[...] = result
    return out


# -- calls -------------------------------------------------------------------------------------------------------------


def _call(ufunc, *inputs, out=None, where=True, dtype=None, casting=None, order=None, subok=True, **kwargs):
    if where is not True:
        return _call_where(ufunc, inputs, primal(numbers(where)), out, dtype)
    inputs = [cast(a, dtype) for a in inputs]
    if ufunc in COMPOSED:
        result = _composed(ufunc, *inputs)
    elif ufunc in RULES:
        result = settle(RULES[ufunc](*inputs, **kwargs))
    elif kwargs:
        raise UnsupportedFunctionError(f"{named(ufunc)}: leave out {', '.join(kwargs)}, which duals cannot serve")
    elif ufunc in ROWS or not any(is_dual(a) for a in inputs):
        result = ufunc(*inputs)
    elif ufunc in _special():
        result = _special()[ufunc](*inputs)
    else:
        raise UnsupportedFunctionError(
            f"{named(ufunc)} has no derivative rule for dual numbers; write it with supported NumPy functions, or give "
            f"it a rule with @dualdiff.custom_jvp"
        )
    return result if out is None else store(named(ufunc), out, result)


def _composed(ufunc, *inputs):
    """Ufuncs with two outputs, as the table writes them."""
    names = dict(zip("xy", inputs, strict=False))
    outputs = ufunc(*[primal(a) for a in inputs])
    names["e"] = outputs[-1]
    with np.errstate(all="ignore"):
        results = [eval(code, {name: getattr(np, name) for name in code.co_names if hasattr(np, name)} | names)
                   for code in COMPOSED[ufunc]]
    return tuple(_valued(result, value) for result, value in zip(results, outputs, strict=True))


def _valued(result, value):
    """The same tangents beside NumPy's own value."""
    if not is_dual(result) or is_dual(numbers(result).value):
        return result
    value = np.asarray(value)
    return settle(numbers(result).map_planes(lambda stack: stack.astype(value.dtype, copy=False), value))


def _call_where(ufunc, inputs, where, out, dtype):
    """The function of the entries where the mask is true; what it holds elsewhere comes from ``out``, or is 0."""
    inputs = [cast(a, dtype) for a in inputs]
    shape = np.broadcast_shapes(np.shape(where), *map(np.shape, inputs), *(np.shape(o) for o in out or ()))
    where = np.broadcast_to(where, shape)
    chosen = [a if isinstance(a, int | float | complex) else np.broadcast_to(a, shape)[where] for a in inputs]
    result = ufunc(*chosen)
    outputs = result if isinstance(result, tuple) else (result,)
    stored = [_scatter(ufunc, numbers(r), where, o) for r, o in zip(outputs, out or [None] * len(outputs), strict=True)]
    return tuple(stored) if isinstance(result, tuple) else stored[0]


def _scatter(ufunc, entries, where, out):
    if out is None:
        positions = np.zeros(where.shape, dtype=np.intp)
        positions[where] = np.arange(1, entries.size + 1)
        return pick(entries, positions)
    if not is_dual(out):
        store(named(ufunc), out[:0] if out.ndim else out, entries[:0])
    out[where] = entries
    return out


# -- methods -----------------------------------------------------------------------------------------------------------

def _checked(ufunc, method):
    if ufunc not in ROWS or ufunc.nin != 2:
        raise UnsupportedFunctionError(
            f"{named(ufunc)}.{method} has no derivative rule for dual numbers; write it as a loop over {named(ufunc)}"
        )


def _reduce(ufunc, array, axis=0, dtype=None, out=None, keepdims=False, initial=None, where=True):
    _checked(ufunc, "reduce")
    refuse_dual(ufunc, where=where)
    serve = RULES[np.sum] if ufunc is np.add else lambda a, **kwargs: fold(ufunc, a, **kwargs)
    result = serve(array, axis=axis, dtype=dtype, keepdims=keepdims, initial=initial, where=where)
    return result if out is None else store(named(ufunc), out, result)


def _accumulate(ufunc, array, axis=0, dtype=None, out=None):
    _checked(ufunc, "accumulate")
    array = numbers(array)
    result = RULES[np.cumsum](array, axis=axis, dtype=dtype) if ufunc is np.add else scan(ufunc, array, axis, dtype)
    return result if out is None else store(named(ufunc), out, result)


def _reduceat(ufunc, array, indices, axis=0, dtype=None, out=None):
    _checked(ufunc, "reduceat")
    refuse_dual(ufunc, indices=indices)
    array = np.moveaxis(cast(array, dtype), axis, 0)
    starts = [int(i) for i in np.asarray(indices)]
    stops = [*starts[1:], array.shape[0]]
    rows = [ufunc.reduce(array[i : max(j, i + 1)], axis=0) for i, j in zip(starts, stops, strict=True)]
    result = np.moveaxis(np.stack(rows), 0, axis)
    return result if out is None else store(named(ufunc), out, result)


def _outer(ufunc, a, b, **kwargs):
    a, b = array(a), array(b)
    return ufunc(np.reshape(a, (*a.shape, *[1] * b.ndim)), b, **kwargs)


# -- at ----------------------------------------------------------------------------------------------------------------


def _at(ufunc, array, indices, *operands):
    """``ufunc.at(x, indices, y)``: in place, and every repeated index counts."""
    if not is_dual(array) or np.ndim(array) == 0 and not hasattr(array, "ndim"):
        raise LostTangentError(
            f"{named(ufunc)}.at: a plain array has no room for tangents; give it room with np.zeros_like(x) or "
            f"np.zeros(n, like=x)"
        )
    refuse_dual(ufunc, indices=indices)
    positions = np.arange(array.size).reshape(array.shape)[indices]
    operands = [numbers(b) for b in operands]
    if ufunc in (np.add, np.subtract) and _level_with(array, operands[0]):
        _add_at(ufunc, array, unraveled(positions, array.shape), operands[0])
        return
    # The n-th occurrences of all positions are distinct: they are one ordinary assignment.
    flat, rank = positions.reshape(-1), np.zeros(positions.size, dtype=np.intp)
    order = np.argsort(flat, kind="stable")
    groups = np.flatnonzero(np.diff(flat[order], prepend=-1))
    rank[order] = np.arange(flat.size) - np.repeat(groups, np.diff(groups, append=flat.size))
    # Copies: an operand may be a view of the array itself, which the first turn changes.
    operands = [np.broadcast_to(b, positions.shape).reshape(-1).copy() for b in operands]
    for turn in range(rank.max(initial=-1) + 1):
        now = rank == turn
        key = unraveled(flat[now], array.shape)
        array[key] = ufunc(array[key], *(b[now] for b in operands))


def _level_with(array, operand):
    """Whether the operand's planes can be added to those of the array."""
    return not is_traced(array) and not is_traced(operand) and _alike(array, operand)


def _alike(array, operand):
    return not is_dual(operand) or level(operand) == level(array) and (
        operand._layout == array._layout and plane_counts(operand) == plane_counts(array)
    )


def _add_at(ufunc, array, key, operand):
    array._stacks  # noqa: B018  (dense from here on: their memory is written to)
    if not array.value.flags.writeable:
        tangents.restart(array)
    if not is_dual(operand):
        ufunc.at(array.value, key, operand)
        return
    if operand is array:
        operand = operand.copy()
    ufunc.at(array.value, key, operand.value)
    ndim = np.ndim(key[0]) if key else 0
    seen = []
    for stack, planes in zip(array._stacks, operand._stacks, strict=True):
        if not any(stack is one for one in seen):
            ufunc.at(stack, (slice(None), *key), spread(planes, ndim))
            seen.append(stack)


METHODS = {
    "__call__": _call,
    "reduce": _reduce,
    "accumulate": _accumulate,
    "reduceat": _reduceat,
    "outer": _outer,
    "at": _at,
}
