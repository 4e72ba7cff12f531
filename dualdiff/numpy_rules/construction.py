"""Arrays made like a dual array: they can hold what is assigned to them."""

import numpy as np

from .. import tangents
from .._array import make, settle
from .._reverse import constant
from ..kinds import is_dual, is_traced, lift
from ..packing import has_duals, join, part, primal, shape_of, spread
from .registry import behind, numbers, pick, refuse_dual, rule


def like(model, value):
    """A dual array with this plain ``value`` and zero tangents, of the kind and level of ``model``."""
    model = lift(model)
    if tangents.is_structured(model):
        return tangents.constant(model, value)
    if is_dual(model.value):
        value = like(model.value, value)
    if is_traced(model):
        return constant(value, model.level)
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


def _made(make, model, shape, dtype):
    """A new array like ``model``; a plain one where integers or truth values are asked for: masks, counters."""
    model = numbers(model)
    shape = model.shape if shape is None else shape
    if dtype is not None and np.dtype(dtype).kind in "biu":
        return make(shape, dtype)
    return like(model, make(shape, _real(model.dtype if dtype is None else dtype)))


def _alike(make):
    def handler(a, dtype=None, order="K", subok=True, shape=None, *, device=None):
        return _made(make, a, shape, dtype)

    return handler


def _anew(make):
    def handler(shape, dtype=None, order="C", *, device=None, like=None):
        return _made(make, like, shape, float if dtype is None else dtype)

    return handler


rule(np.zeros_like, np.empty_like)(_alike(np.zeros))
rule(np.ones_like)(_alike(np.ones))
rule(np.zeros, np.empty)(_anew(np.zeros))
rule(np.ones)(_anew(np.ones))


def _filled(out, fill_value):
    out[...] = primal(numbers(fill_value)) if not is_dual(out) and has_duals(fill_value) else fill_value
    return out


@rule(np.full_like)
def _full_like(a, fill_value, dtype=None, order="K", subok=True, shape=None, *, device=None):
    return _filled(_made(np.zeros, a, shape, dtype), fill_value)


@rule(np.full)
def _full(shape, fill_value, dtype=None, order="C", *, device=None, like=None):
    dtype = getattr(numbers(fill_value), "dtype", float) if dtype is None else dtype
    return _filled(_made(np.zeros, like, shape, dtype), fill_value)


@rule(np.array, np.asarray, np.asanyarray, np.ascontiguousarray, np.asfortranarray, np.require)
def _array(a, dtype=None, *args, like=None, **kwargs):
    made = numbers(a)
    if not is_dual(made):
        return _like_plain(like, np.array(a, dtype, *args, **kwargs), dtype)
    if made is a and kwargs.get("copy", True):
        made = made.copy()
    made = made if dtype is None else made.astype(dtype)
    return made.reshape((1,) * (kwargs.get("ndmin", 0) - made.ndim) + made.shape)


def _like_plain(model, array, dtype):
    if dtype is not None and array.dtype.kind in "biu":
        return array
    return like(model, array.astype(_real(array.dtype)))


def _plain_like(function):
    """A function of plain arguments with ``like=``."""

    def handler(*args, like=None, **kwargs):
        refuse_dual(function, **{f"argument {i + 1}": a for i, a in enumerate(args)}, **kwargs)
        return _like_plain(like, function(*args, **kwargs), kwargs.get("dtype"))

    return handler


_PLAIN = (np.arange, np.eye, np.identity, np.tri, np.fromfunction, np.fromiter, np.frombuffer, np.fromstring,
          np.loadtxt)
for _function in _PLAIN:
    rule(_function)(_plain_like(_function))

# What can be made like= a dual array.
TAKE_LIKE = {np.zeros, np.empty, np.ones, np.full, np.array, np.asarray, np.asanyarray, np.ascontiguousarray,
             np.asfortranarray, np.require, *_PLAIN}


# -- grids -------------------------------------------------------------------------------------------------------------


@rule(np.linspace)
def _linspace(start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0, *, device=None):
    ends = [numbers(start), numbers(stop)]
    ndim = max(len(shape_of(end)) for end in ends)
    options = {"num": num, "endpoint": endpoint}
    places = join(
        ends,
        lambda values: part(np.linspace(*values, axis=axis, **options)),
        lambda stacks: part(np.linspace(*(spread(s, ndim) for s in stacks), axis=behind(axis, ndim + 1), **options)),
    ) if any(map(is_dual, ends)) else np.linspace(*ends, axis=axis, **options)
    places = settle(places) if dtype is None else places.astype(dtype)
    if not retstep:
        return places
    return places, (ends[1] - ends[0]) / (num - 1 if endpoint else num)


@rule(np.logspace)
def _logspace(start, stop, num=50, endpoint=True, base=10.0, dtype=None, axis=0):
    places = np.power(base, np.linspace(start, stop, num, endpoint, axis=axis))
    return places if dtype is None else places.astype(dtype)


@rule(np.geomspace)
def _geomspace(start, stop, num=50, endpoint=True, dtype=None, axis=0):
    start, stop = numbers(start), numbers(stop)
    ratio = stop / start
    shares = np.linspace(np.zeros(np.shape(ratio)), 1.0, num, endpoint, axis=axis)
    places = np.expand_dims(start, axis) * np.power(np.expand_dims(ratio, axis), shares)
    return places if dtype is None else places.astype(dtype)


def _each(function):
    """A function that makes an array of each of its arguments, from the entries of that one only."""

    def handler(*arrays, **kwargs):
        arrays = [numbers(a) for a in arrays]
        plain = function(*[np.arange(1, np.size(a) + 1).reshape(np.shape(a)) if is_dual(a) else a for a in arrays],
                         **kwargs)
        return tuple(pick(a, p) if is_dual(a) else p for a, p in zip(arrays, plain, strict=True))

    return handler


rule(np.meshgrid)(_each(np.meshgrid))
rule(np.ix_)(_each(np.ix_))
