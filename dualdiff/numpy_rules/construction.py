"""Arrays made like a dual array: they can hold what is assigned to them."""

import numpy as np

from .._array import is_dual, lift, make
from .registry import numbers, primal, rule


def like(model, value):
    """A dual array with this plain ``value`` and zero tangents, of the kind and level of ``model``."""
    model = lift(model)
    if is_dual(model.value):
        value = like(model.value, value)
    stacks, seen = [], {}
    for stack in model._stacks:
        if id(stack) not in seen:
            zeros = np.zeros((stack.shape[0], *value.shape), value.dtype)
            seen[id(stack)] = like(stack, zeros) if is_dual(stack) else zeros
        stacks.append(seen[id(stack)])
    return make(value, tuple(stacks), model._layout, model._level)


def _real(dtype):
    """What a dual array can hold: integers and truth values become float64."""
    return np.dtype(np.float64) if np.dtype(dtype).kind in "biu" else np.dtype(dtype)


def _as(model, shape, dtype):
    return (model.shape if shape is None else shape), _real(model.dtype if dtype is None else dtype)


@rule(np.zeros_like)
def _zeros_like(a, dtype=None, order="K", subok=True, shape=None, *, device=None):
    a = numbers(a)
    return like(a, np.zeros(*_as(a, shape, dtype)))


@rule(np.empty_like)
def _empty_like(prototype, dtype=None, order="K", subok=True, shape=None, *, device=None):
    return _zeros_like(prototype, dtype, shape=shape)


@rule(np.ones_like)
def _ones_like(a, dtype=None, order="K", subok=True, shape=None, *, device=None):
    a = numbers(a)
    return like(a, np.ones(*_as(a, shape, dtype)))


@rule(np.full_like)
def _full_like(a, fill_value, dtype=None, order="K", subok=True, shape=None, *, device=None):
    out = _zeros_like(a, dtype, shape=shape)
    out[...] = fill_value
    return out


@rule(np.zeros)
def _zeros(shape, dtype=float, order="C", *, device=None, like=None):
    return _zeros_like(like, dtype, shape=shape)


@rule(np.empty)
def _empty(shape, dtype=float, order="C", *, device=None, like=None):
    return _zeros_like(like, dtype, shape=shape)


@rule(np.ones)
def _ones(shape, dtype=None, order="C", *, device=None, like=None):
    return _ones_like(like, dtype or float, shape=shape)


@rule(np.full)
def _full(shape, fill_value, dtype=None, order="C", *, device=None, like=None):
    return _full_like(like, fill_value, dtype, shape=shape)


@rule(np.array, np.asarray, np.asanyarray, np.ascontiguousarray)
def _array(a, dtype=None, *args, like=None, **kwargs):
    made = numbers(a)
    if not is_dual(made):
        made = _like_plain(like, np.asarray(a))
    elif made is a and kwargs.get("copy", True):
        made = made.copy()
    return made if dtype is None else made.astype(dtype)


def _like_plain(model, array):
    return like(model, array.astype(_real(array.dtype)))


__all__ = ["like", "primal"]
