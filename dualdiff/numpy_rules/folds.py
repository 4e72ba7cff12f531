"""Folds of one ufunc over an axis: reductions and scans, without a division by what was multiplied.

A fold looks at its operands as an array with the folded axes in front, as one axis. An associative ufunc folds in a
balanced tree and scans in one, so that a few elementwise calls do all the work; others go number by number. Extrema
select: all tied entries share alike, at every order, and what the others hold has no influence.
"""

import functools
import math

import numpy as np

from .._array import pairs, settle
from ..errors import LostTangentError
from ..kinds import is_dual, is_traced
from ..packing import part, primal
from .construction import like
from .registry import FULL, numbers

EXTREMA = {np.maximum: -np.inf, np.minimum: np.inf, np.fmax: -np.inf, np.fmin: np.inf}
ASSOCIATIVE = {np.add, np.multiply, np.logaddexp, np.logaddexp2, np.hypot}


def missing(option):
    """Whether an option was not given."""
    return option is None or option is np._NoValue


def cast(a, dtype):
    """An argument of a function with a ``dtype=``: packed, and converted when that is asked for."""
    a = numbers(a)
    if dtype is None:
        return a
    if not is_dual(a):
        return np.asarray(a, dtype=dtype)
    if np.dtype(dtype).kind in "biu":
        raise LostTangentError(
            f"dtype={np.dtype(dtype)}, given to a function of a dual array, has no room for tangents; leave dtype out, "
            f"or pass dualdiff.value(x)"
        )
    return a.astype(dtype)


def folded_axes(axis, ndim):
    """An ``axis=`` argument as a tuple of axes."""
    if axis is None:
        return tuple(range(ndim))
    return np.lib.array_utils.normalize_axis_tuple(axis, ndim)


def operands(a, axis, ufunc=None, initial=None, where=True):
    """What is folded, as an array of shape ``(n, *rest)``."""
    if where is not True:
        if missing(initial) and ufunc.identity is None:
            # NumPy's own error.
            ufunc.reduce(primal(a), axis=axis, where=where)
        a = np.where(primal(where), a, EXTREMA.get(ufunc, ufunc.identity))
    axes = folded_axes(axis, a.ndim)
    lead = tuple(range(len(axes)))
    rest = tuple(n for i, n in enumerate(a.shape) if i not in axes)
    a = a if axes == lead else np.moveaxis(a, axes, lead)
    a = a if len(axes) == 1 else a.reshape((math.prod(a.shape[: len(axes)]), *rest))
    if not missing(initial):
        first = numbers(initial)
        a = np.concatenate([np.broadcast_to(first if is_dual(first) else np.asarray(first, a.dtype), (1, *rest)), a])
    return a


def kept(result, shape, axis, keepdims):
    """The result of a fold over ``axis`` of an array of this shape, with its axes of length 1 if they are kept."""
    if keepdims in (False, np._NoValue):
        return settle(result)
    axes = folded_axes(axis, len(shape))
    return settle(np.reshape(result, tuple(1 if i in axes else n for i, n in enumerate(shape))))


def loud(result, source, where, weigh):
    """At ties and tips (``where``) a strict number is nan at both orders, in the planes of which a tangent arrives.

    ``weigh(stack)`` says what arrives of a stack of ``source``, with weights that are not negative.
    """
    if not is_dual(source) or not source._level & 1 or not np.any(where):
        return result
    if is_traced(source):
        from .. import reverse

        return reverse.scaled_by(result, np.where(where, np.nan, 1.0))
    hit = [where & (weigh(np.where(primal(stack) != 0, 1.0, 0.0)) != 0) for stack in source._stacks]
    if source._layout is not None:
        p, q = pairs(source._layout)
        hit[2] |= hit[0][p] & hit[1][q]
    stacks = [np.where(nan, np.nan, stack) for nan, stack in zip(hit, result._stacks, strict=True)]
    if result._layout is not None and result._layout[0] != FULL:
        stacks[1] = stacks[0]
    return result.with_parts(result.value, *map(part, stacks))


# -- reductions --------------------------------------------------------------------------------------------------------


def fold(ufunc, a, axis=0, dtype=None, keepdims=False, initial=None, where=True):
    """Serve ``ufunc.reduce``."""
    a = cast(a, dtype)
    a = a if is_dual(a) else np.asarray(a)
    entries = operands(a, axis, ufunc, initial, where)
    if not is_dual(entries):
        return kept(ufunc.reduce(entries, axis=0), a.shape, axis, keepdims)
    if ufunc in EXTREMA:
        result = extremum(ufunc, entries)
    elif ufunc in ASSOCIATIVE:
        value = part(ufunc.reduce(entries.value, axis=0))
        with np.errstate(all="ignore"):
            result = _tree(ufunc, entries).map_planes(lambda stack: stack, value) if len(entries) else None
        result = like(entries, primal(value)) if result is None else result
    else:
        # The first may be all there is, and must be no view.
        rows = [entries[:1].copy()[0, ...], *(entries[i, ...] for i in range(1, len(entries)))]
        result = functools.reduce(ufunc, rows)
    return kept(result, a.shape, axis, keepdims)


def _tree(ufunc, entries):
    if ufunc is np.hypot and entries.shape[0] == 1:
        # NumPy begins with 0, beside which the sign of an only entry does not stay.
        entries = np.abs(entries)
    while entries.shape[0] > 1:
        half = entries.shape[0] // 2
        pairs = ufunc(entries[:half], entries[half : 2 * half])
        entries = np.concatenate([pairs, entries[2 * half :]]) if entries.shape[0] % 2 else pairs
    return entries[0, ...].copy()


def extremum(ufunc, entries):
    """The extremum along the first axis: the mean of the tied entries."""
    plain = primal(entries)
    value = part(ufunc.reduce(entries.value, axis=0))
    best = primal(value)
    tied = (plain == best) | ((plain != plain) & (best != best))
    count = np.count_nonzero(tied, axis=0)
    if entries.ndim == 1 and count == 1:
        return entries[int(np.argmax(tied)), ...].copy()
    if np.all(count == 1):
        return along_first(entries, np.argmax(tied, axis=0))

    def planes(stack):
        return part(np.sum(np.where(tied, stack, 0.0), axis=1) / count.astype(stack.dtype))

    return loud(entries.map_planes(planes, value), entries, count > 1, planes)


def along_first(entries, index):
    """One entry of the first axis for each place of the other axes."""
    key = (index, *np.ogrid[tuple(slice(n) for n in entries.shape[1:])])
    taken = entries.map_planes(lambda stack: part(stack[(slice(None), *key)]), part(entries.value[key]), moves=True)
    # Of one axis the index is a number, and what it takes a view.
    return taken if np.ndim(index) else taken.copy()


# -- scans -------------------------------------------------------------------------------------------------------------


def scan(ufunc, a, axis=0, dtype=None):
    """Serve ``ufunc.accumulate``."""
    a = cast(a, dtype)
    if not is_dual(a):
        return ufunc.accumulate(a, axis=axis)
    entries = np.moveaxis(a, axis, 0)
    if ufunc not in ASSOCIATIVE and ufunc not in EXTREMA:
        return np.moveaxis(_steps(ufunc, entries), 0, axis)
    value = part(ufunc.accumulate(a.value, axis=axis))
    with np.errstate(all="ignore"):
        steps = _running_extremum(ufunc, entries) if ufunc in EXTREMA else _pairs(ufunc, entries)
    return np.moveaxis(steps, 0, axis).map_planes(lambda stack: stack, value)


def _pairs(ufunc, entries):
    """Neighbours fold to one, the scan of those is every second number, one more step gives the others."""
    n = entries.shape[0]
    if n < 2:
        return entries.copy()
    odd = _pairs(ufunc, ufunc(entries[: n - 1 : 2], entries[1::2]))
    even = ufunc(odd[: (n - 1) // 2], entries[2::2])
    places = np.concatenate([np.zeros(1, dtype=np.intp), np.arange(1, n, 2), np.arange(2, n, 2)])
    return np.concatenate([entries[:1], odd, even])[np.argsort(places)]


def _steps(ufunc, entries):
    rows = [entries[i, ...] for i in range(entries.shape[0])]
    for i in range(1, len(rows)):
        rows[i] = ufunc(rows[i - 1], rows[i])
    return np.stack(rows) if rows else entries.copy()


def _running_extremum(ufunc, entries):
    """The mean of all entries that are tied so far: ``maximum.accumulate(x)[i]`` is ``max(x[: i + 1])``."""
    plain = primal(entries)
    best = ufunc.accumulate(plain, axis=0)
    tied = (plain == best) | ((plain != plain) & (best != best))
    moved = tied.copy()
    moved[1:] &= (best[1:] != best[:-1]) & ((best[1:] == best[1:]) | (best[:-1] == best[:-1]))
    counts = [tied[:1].sum(0)]
    for i in range(1, len(tied)):
        counts.append(np.where(moved[i], 1, counts[-1] + tied[i]))

    def planes(stack):
        total, rows = stack[:, 0], []
        for i, count in enumerate(counts):
            if i:
                total = np.where(moved[i], stack[:, i], np.where(tied[i], total + stack[:, i], total))
            rows.append(total / count.astype(stack.dtype))
        return part(np.stack(rows, axis=1))

    if len(tied) == 0:
        return entries.copy()
    return loud(entries.map_planes(planes, entries.value), entries, np.stack(counts) > 1, planes)
