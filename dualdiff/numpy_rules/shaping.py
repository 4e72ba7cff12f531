"""Functions that move entries: views act on the stacks as on the value, everything else is a rearrangement."""

import numpy as np

from .._array import is_dual, settle
from .registry import behind, joining, linear, numbers, rearranging, rule

# -- views: the result shares memory with the argument, planes too ------------------------------------------------------


@rule(np.reshape)
def _reshape(a, shape, order="C", *, copy=None):
    a = numbers(a)
    value = np.reshape(a.value, shape, order=order)
    if order != "C":
        positions = np.arange(a.size).reshape(a.shape).reshape(shape, order=order)
        return a.map_planes(lambda stack: stack.reshape((stack.shape[0], -1))[:, positions], value)
    return a.map_planes(lambda stack: stack.reshape((stack.shape[0], *value.shape)), value)


@rule(np.ravel)
def _ravel(a, order="C"):
    return np.reshape(a, -1, order="F" if order == "F" else "C")


def _transpose_planes(stack, axes=None):
    ndim = stack.ndim - 1
    axes = range(ndim)[::-1] if axes is None else axes
    return np.transpose(stack, (0, *[axis % ndim + 1 for axis in axes]))


linear(np.transpose, _transpose_planes)
linear(np.matrix_transpose, lambda stack: np.swapaxes(stack, -1, -2))
linear(np.swapaxes, lambda stack, a, b: np.swapaxes(stack, behind(a, stack.ndim - 1), behind(b, stack.ndim - 1)))
linear(np.moveaxis, lambda stack, source, destination: np.moveaxis(
    stack, behind(source, stack.ndim - 1), behind(destination, stack.ndim - 1)))
linear(np.squeeze, lambda stack, axis=None: np.squeeze(
    stack, tuple(i + 1 for i, n in enumerate(stack.shape[1:]) if n == 1) if axis is None
    else behind(axis, stack.ndim - 1)))
linear(np.expand_dims, lambda stack, axis: np.stack([np.expand_dims(plane, axis) for plane in stack])
       if stack.shape[0] else np.zeros((0, *np.expand_dims(np.zeros(stack.shape[1:]), axis).shape)))
linear(np.broadcast_to, lambda stack, shape, subok=False: np.broadcast_to(
    stack.reshape((stack.shape[0], *[1] * (len(tuple(np.atleast_1d(shape))) + 1 - stack.ndim), *stack.shape[1:])),
    (stack.shape[0], *tuple(np.atleast_1d(shape)))))
linear(np.diagonal, lambda stack, offset=0, axis1=0, axis2=1: np.diagonal(
    stack, offset, behind(axis1, stack.ndim - 1), behind(axis2, stack.ndim - 1)))

# -- joining --------------------------------------------------------------------------------------------------------------


def _joined_axis(stacks, axis):
    return behind(axis, stacks[0].ndim - 1)


joining(np.concatenate, lambda stacks, axis=0, **kwargs: np.concatenate(
    [s.reshape((s.shape[0], -1)) for s in stacks] if axis is None else stacks,
    1 if axis is None else _joined_axis(stacks, axis), **kwargs))
joining(np.stack, lambda stacks, axis=0, **kwargs: np.stack(stacks, axis + 1 if axis >= 0 else axis, **kwargs))


# -- rearrangements ---------------------------------------------------------------------------------------------------------

rearranging(np.flip, np.fliplr, np.flipud, np.roll, np.rot90, np.tile, np.repeat, np.delete, np.rollaxis, np.resize,
            np.split, np.array_split, np.hsplit, np.vsplit, np.dsplit, np.unstack, np.diag, np.diagflat, np.tril,
            np.triu, np.trim_zeros)


@rule(np.copy)
def _copy(a, order="K", subok=False):
    return numbers(a).copy()


@rule(np.atleast_1d)
def _atleast_1d(*arrays):
    made = [numbers(a) for a in arrays]
    made = [a.reshape((1,)) if is_dual(a) and a.ndim == 0 else a if is_dual(a) else np.atleast_1d(a) for a in made]
    return made[0] if len(made) == 1 else tuple(made)


@rule(np.take)
def _take(a, indices, axis=None, out=None, mode="raise"):
    a = numbers(a)
    positions = np.take(np.arange(a.size).reshape(a.shape), indices, axis=axis, mode=mode)
    from ..protocols import take_flat

    return settle(take_flat(a, positions))
