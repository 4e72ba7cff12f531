"""Functions that move entries: views act on every part as on the value, everything else is an arrangement."""

import math

import numpy as np

from .. import tangents
from .._array import settle
from ..errors import DifferentiationValueError, UnsupportedFunctionError
from ..kinds import is_dual
from ..nested import refuse_holomorphic
from ..packing import part, primal
from .arranging import Positions, arranging, array, overwriting, viewing, views
from .registry import behind, joining, linear, numbers, pick, rearranging, refuse_dual, rule

# -- views: the result shares memory with the argument, planes too -----------------------------------------------------


def _check_order(order, a):
    """Results of dual arithmetic lie in C order whatever their operands' was: "K" and "A" would not be NumPy's."""
    if order in ("K", "A") and is_dual(a) and a.ndim > 1:
        raise DifferentiationValueError(
            f"order={order!r} asks for the order in memory, which dual arrays do not share with NumPy's; "
            f"say order='C' or order='F'"
        )


@rule(np.reshape)
def _reshape(a, shape, order="C", *, copy=None):
    a = numbers(a)
    if not is_dual(a):
        return np.reshape(a, shape, order=order)
    _check_order(order, a)
    if order == "F":
        # Fortran's order is C's order of the transpose.
        shape = shape[::-1] if isinstance(shape, tuple | list) else shape
        return np.transpose(np.reshape(np.transpose(a), shape, copy=copy))
    value = a.value.reshape(shape)
    made = a.map_planes(lambda stack: stack.reshape((stack.shape[0], *value.shape)), value, moves=True)
    made = made.copy() if copy else made
    return made if _alike(a, made) else _detached(made)


def _alike(a, made):
    """Whether value and planes are all views, or all copies."""
    pairs = zip((a.value, *_memory(a)), (made.value, *_memory(made)), strict=True)
    shared = [_shares(old, new) for old, new in pairs if old.size]
    return len(set(shared)) < 2


def _memory(x):
    if not tangents.is_structured(x):
        return x._stacks
    return (x._planes,) if x._cross is None else (x._planes, x._cross)


def _shares(old, new):
    while is_dual(old):
        old, new = old.value, new.value
    return np.may_share_memory(old, new)


def _detached(x):
    """A copy that refuses assignment: NumPy's result would have been a view, which its planes cannot be."""
    x = x.copy()
    x.value.flags.writeable = False
    return x


@rule(np.ravel)
def _ravel(a, order="C"):
    a = numbers(a)
    _check_order(order, a)
    made = np.reshape(a, -1, order="F" if order == "F" else "C")
    # A view only where the entries lie one behind the other, unlike that of reshape.
    return made if not is_dual(made) or primal(made).flags.contiguous else made.copy()


def _transpose_planes(stack, axes=None):
    ndim = stack.ndim - 1
    axes = range(ndim)[::-1] if axes is None else axes
    return np.transpose(stack, (0, *[axis % ndim + 1 for axis in axes]))


linear(np.transpose, _transpose_planes, moves=True)
linear(np.matrix_transpose, lambda stack: np.swapaxes(stack, -1, -2), moves=True)
linear(np.swapaxes, lambda stack, axis1, axis2: np.swapaxes(
    stack, behind(axis1, stack.ndim - 1), behind(axis2, stack.ndim - 1)), moves=True)
linear(np.moveaxis, lambda stack, source, destination: np.moveaxis(
    stack, behind(source, stack.ndim - 1), behind(destination, stack.ndim - 1)), moves=True)

viewing(np.squeeze, np.expand_dims, np.broadcast_to, np.diagonal, np.flip, np.fliplr, np.flipud, np.rot90, np.rollaxis,
        np.split, np.array_split, np.hsplit, np.vsplit, np.dsplit, np.unstack,
        np.lib.stride_tricks.sliding_window_view)


@rule(np.real)
def _real(val):
    val = numbers(val)
    return _half(np.real, val) if is_dual(val) else np.real(val)


@rule(np.imag)
def _imag(val):
    val = numbers(val)
    if not is_dual(val):
        return np.imag(val)
    if val.dtype.kind != "c":
        return val.map_parts(np.zeros_like)
    return _half(np.imag, val)


def _half(function, val):
    if val.dtype.kind == "c":
        refuse_holomorphic(val, function.__name__)
    return settle(val.map_planes(function, part(function(val.value)), moves=True))


def _at_least(function):
    def handler(*arrays):
        made = [settle(views(numbers(a), lambda v: part(function(v)))) for a in arrays]
        return made[0] if len(made) == 1 else tuple(made)

    return handler


for _function in (np.atleast_1d, np.atleast_2d, np.atleast_3d):
    rule(_function)(_at_least(_function))


@rule(np.broadcast_arrays)
def _broadcast_arrays(*args, subok=False):
    shape = np.broadcast_shapes(*map(np.shape, args))
    return tuple(np.broadcast_to(a, shape) for a in map(numbers, args))


# -- joining -----------------------------------------------------------------------------------------------------------


def _joined_axis(stacks, axis):
    return behind(axis, stacks[0].ndim - 1)


joining(np.concatenate, lambda stacks, axis=0, **kwargs: np.concatenate(
    [s.reshape((s.shape[0], math.prod(s.shape[1:]))) for s in stacks] if axis is None else stacks,
    1 if axis is None else _joined_axis(stacks, axis), **kwargs))
joining(np.stack, lambda stacks, axis=0, **kwargs: np.stack(stacks, axis + 1 if axis >= 0 else axis, **kwargs))


def _at_least_each(function, arrays):
    made = function(*arrays)
    return list(made) if isinstance(made, tuple | list) else [made]


@rule(np.hstack)
def _hstack(tup, *, dtype=None, casting="same_kind"):
    arrays = _at_least_each(np.atleast_1d, [numbers(a) for a in tup])
    return np.concatenate(arrays, 0 if arrays[0].ndim == 1 else 1, dtype=dtype, casting=casting)


@rule(np.vstack)
def _vstack(tup, *, dtype=None, casting="same_kind"):
    return np.concatenate(_at_least_each(np.atleast_2d, [numbers(a) for a in tup]), 0, dtype=dtype, casting=casting)


@rule(np.dstack)
def _dstack(tup):
    return np.concatenate(_at_least_each(np.atleast_3d, [numbers(a) for a in tup]), 2)


@rule(np.column_stack)
def _column_stack(tup):
    arrays = _at_least_each(np.atleast_1d, [numbers(a) for a in tup])
    return np.concatenate([a.reshape((-1, 1)) if a.ndim == 1 else a for a in arrays], 1)


@rule(np.append)
def _append(arr, values, axis=None):
    arr, values = numbers(arr), numbers(values)
    if axis is None:
        return np.concatenate([np.ravel(arr), np.ravel(values)])
    return np.concatenate([arr, values], axis)


# -- rearrangements ----------------------------------------------------------------------------------------------------

rearranging(np.roll, np.tile, np.repeat, np.delete, np.resize, np.diagflat, np.tril, np.triu)
arranging(np.block, "*arrays")
arranging(np.take_along_axis, "arr")
arranging(np.compress, "a")
arranging(np.extract, "arr")
arranging(np.choose, "*choices")
overwriting(np.put, "a", "v")
overwriting(np.putmask, "a", "values")
overwriting(np.place, "arr", "vals")
overwriting(np.copyto, "dst", "src")
overwriting(np.put_along_axis, "arr", "values")
overwriting(np.fill_diagonal, "a", "val")


@rule(np.diag)
def _diag(v, k=0):
    v = numbers(v)
    return np.diagonal(v, k) if v.ndim == 2 else pick(v, np.diag(np.arange(1, v.size + 1), k))


@rule(np.insert)
def _insert(arr, obj, values, axis=None):
    refuse_dual(np.insert, obj=obj)
    arr, positions = array(arr), Positions()
    where = np.insert(positions.add(arr), obj, positions.add(values), axis)
    made = positions.pick(where)
    return made.astype(arr.dtype) if is_dual(arr) else made


@rule(np.astype)
def _astype(x, dtype, /, *, copy=True, device=None):
    return numbers(x).astype(dtype, copy=copy)


@rule(np.copy)
def _copy(a, order="K", subok=False):
    return numbers(a).copy()


@rule(np.take)
def _take(a, indices, axis=None, out=None, mode="raise"):
    refuse_dual(np.take, indices=indices)
    a = numbers(a)
    return pick(a, np.take(np.arange(1, a.size + 1).reshape(a.shape), indices, axis=axis, mode=mode))


# -- padding -----------------------------------------------------------------------------------------------------------

_STATISTICS = {"maximum": np.max, "minimum": np.min, "median": np.median}


@rule(np.pad)
def _pad(array, pad_width, mode="constant", **kwargs):
    refuse_dual(np.pad, pad_width=pad_width)
    array = numbers(array)
    if callable(mode):
        raise UnsupportedFunctionError("np.pad: a function as mode has no derivative rule; join with np.concatenate")
    widths = np.broadcast_to(np.asarray(pad_width), (array.ndim, 2)).tolist()
    if mode in _STATISTICS:
        return _pad_statistic(array, widths, _STATISTICS[mode], kwargs.get("stat_length"))
    if mode in ("mean", "linear_ramp") or kwargs.get("reflect_type") == "odd":
        return _pad_linear(array, widths, mode, kwargs)
    positions = Positions()
    where = positions.add(array)
    if "constant_values" in kwargs:
        kwargs = kwargs | {"constant_values": positions.add(kwargs["constant_values"])}
    return positions.pick(np.pad(where, widths, "constant" if mode == "empty" else mode, **kwargs)).astype(array.dtype)


def _pad_linear(array, widths, mode, kwargs):
    refuse_dual(np.pad, **kwargs)
    of_planes = kwargs | ({"end_values": 0} if "end_values" in kwargs else {})
    return array.map_planes(
        lambda stack: np.pad(stack, [(0, 0), *widths], mode, **of_planes), np.pad(array.value, widths, mode, **kwargs)
    )


def _pad_statistic(array, widths, statistic, length):
    lengths = np.broadcast_to(np.asarray(length), (array.ndim, 2))
    for axis, (before, after) in enumerate(widths):
        moved = np.moveaxis(array, axis, 0)
        first, last = (moved.shape[0] if n is None else n for n in lengths[axis])
        low, high = moved[:first], moved[max(moved.shape[0] - last, 0) :]
        sides = [np.broadcast_to(statistic(rows, axis=0, keepdims=True), (n, *moved.shape[1:]))
                 for rows, n in ((low, before), (high, after))]
        array = np.moveaxis(np.concatenate([sides[0], moved, sides[1]]), 0, axis)
    return array
