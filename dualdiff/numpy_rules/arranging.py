"""Natures of functions that move entries about.

A view is a view of every part of a number. Everything else that moves entries, of one array or of several, tells where
each entry of its result comes from by what it does to positions.
"""

import functools
import inspect

import numpy as np

from .. import tangents
from .._array import settle
from ..errors import LostTangentError
from ..kinds import is_dual, is_traced
from ..packing import part
from .registry import numbers, pick, refuse_dual, rule


def array(a):
    """An argument that is dual, or an array."""
    a = numbers(a)
    return a if is_dual(a) else np.asarray(a)


# -- views -------------------------------------------------------------------------------------------------------------


def viewing(*functions):
    """Register functions whose result is a view of the first argument, or several views of it."""
    for function in functions:
        rule(function)(functools.partial(_view, function))


def _view(function, x, *args, **kwargs):
    x = numbers(x)
    refuse_dual(function, **{f"argument {i + 2}": a for i, a in enumerate(args)}, **kwargs)
    return views(x, lambda a: function(a, *args, **kwargs))


def views(x, function):
    """What ``function``, which gives views, makes of a number."""
    if not is_dual(x):
        return function(x)
    if is_traced(x):
        from .. import reverse

        return reverse.views(x, function)
    value = function(x.value)
    if not isinstance(value, tuple | list):
        return settle(x.map_planes(lambda stack: _behind_planes(function, stack), part(value), moves=True))
    if tangents.is_structured(x):
        return type(value)(
            x.map_planes(lambda stack, i=i: _behind_planes(function, stack)[i], v, moves=True)
            for i, v in enumerate(value))
    stacks = {id(stack): _behind_planes(function, stack) for stack in x._stacks}
    made = (settle(x.map_planes(lambda stack, i=i: stacks[id(stack)][i], part(v))) for i, v in enumerate(value))
    return type(value)(made)


def _behind_planes(function, stack):
    """The function of every plane of a stack at once."""
    if is_dual(stack):
        return views(stack, lambda a: _behind_planes(function, a))
    first = function(stack[0] if stack.shape[0] else np.zeros(stack.shape[1:], stack.dtype))
    if not isinstance(first, tuple | list):
        return _repeat_view(stack, first, function)
    return [_repeat_view(stack, v, lambda plane, i=i: function(plane)[i]) for i, v in enumerate(first)]


def _repeat_view(stack, first, function):
    """What was made of the first plane, of all planes: they lie in memory alike."""
    first = np.asarray(first)
    if stack.shape[0] == 0:
        return np.zeros((0, *first.shape), first.dtype)
    if not np.may_share_memory(first, stack):
        return np.stack([function(plane) for plane in stack])
    return np.lib.stride_tricks.as_strided(
        first, (stack.shape[0], *first.shape), (stack.strides[0], *first.strides), writeable=first.flags.writeable
    )


# -- arrangements of several arrays ------------------------------------------------------------------------------------


def pool(parts):
    """All entries of several arrays in one row, in the dtype in which they meet."""
    dtype = np.result_type(*[a if isinstance(a, int | float | complex) else a.dtype for a in parts])
    rows = [np.ravel(a) if is_dual(a) else np.asarray(a).ravel() for a in parts]
    return np.concatenate([row if is_dual(row) else row.astype(dtype) for row in rows])


class Positions:
    """Arrays, and the positions from 1 of their entries in the pool of all of them."""

    def __init__(self):
        self.parts, self.count = [], 0

    def add(self, a):
        """Take in an array and return the positions of its entries."""
        a = a if isinstance(a, int | float | complex) else array(a)
        shape = np.shape(a)
        size = int(np.prod(shape, dtype=np.intp))
        self.parts.append(a)
        self.count += size
        return np.arange(self.count - size + 1, self.count + 1).reshape(shape)

    def add_nested(self, a):
        """Take in lists of lists of arrays."""
        return [self.add_nested(one) for one in a] if isinstance(a, list | tuple) else self.add(a)

    def pick(self, positions):
        """The entries at ``positions``, where 0 gives a zero."""
        together = pool(self.parts)
        if not is_dual(together):
            return np.where(positions == 0, 0, together[np.asarray(positions) - 1])[()]
        return pick(together, positions)


# Functions written in C, whose signatures some versions of NumPy do not tell.
_IN_C = {
    np.copyto: lambda dst, src, casting="same_kind", where=True: None,
    np.putmask: lambda a, mask, values: None,
}


def signature_of(function):
    """The signature of a NumPy function."""
    return inspect.signature(_IN_C.get(function, function))


def arranging(function, *names):
    """Register a function that arranges the entries of the arguments called ``names`` and zeros.

    A name with a star is a sequence (of sequences) of arrays. Other arguments are plain.
    """
    signature = signature_of(function)

    @rule(function)
    def handler(*args, **kwargs):
        bound, positions = _enter(function, signature, names, args, kwargs)
        return positions.pick(function(*bound.args, **bound.kwargs))

    return handler


def _enter(function, signature, names, args, kwargs):
    """Bind arguments and put positions in the place of entries."""
    bound, positions = signature.bind(*args, **kwargs), Positions()
    entries = {name.lstrip("*") for name in names}
    refuse_dual(function, **{name: a for name, a in bound.arguments.items() if name not in entries})
    for name in names:
        plain = name.lstrip("*")
        if plain in bound.arguments and bound.arguments[plain] is not None:
            add = positions.add_nested if name != plain else positions.add
            bound.arguments[plain] = add(bound.arguments[plain])
    return bound, positions


def overwriting(function, target, *names):
    """Register a function that writes entries of arguments into its argument ``target``, a dual array."""
    signature = signature_of(function)

    @rule(function)
    def handler(*args, **kwargs):
        x = signature.bind(*args, **kwargs).arguments[target]
        if not (is_dual(x) and hasattr(x, "flags")):
            raise LostTangentError(
                f"np.{function.__name__}: a plain array has no room for tangents; give it room with np.zeros_like(x) "
                f"or np.zeros(n, like=x)"
            )
        bound, positions = _enter(function, signature, (target, *names), args, kwargs)
        function(*bound.args, **bound.kwargs)
        x[...] = positions.pick(bound.arguments[target])

    return handler
