"""Elementwise functions of large arrays, evaluated block by block in cache: ``blockwise=True``.

An array of 10⁶ elements is streamed through memory by everything that reads or writes it: its seeds, every
intermediate result that does not wait (see _deferred.pyx) and those that Python code holds on to. A block of it stays
in cache from its seeds to its result. Only an elementwise function may be cut like that, and only the caller knows
whether his is one; what is wrong with it is looked for all the same, by `_check`.
"""

import functools
import math

import numpy as np

from ._buffers import empty
from .errors import DifferentiationValueError
from .functions import value
from .kinds import is_dual
from .results import name_of

# A block of fewer elements costs more in calls than it saves: with the chain of docs/reference/benchmarks.md blocks of
# 16384 elements take 1.15 times the time of blocks of 65536, and larger ones gain nothing.
LEAST = 16384
# Elements that are evaluated once more, all in one block of their own.
PROBES = 32
SIZE_OF_CACHE = "/sys/devices/system/cpu/cpu0/cache/index2/size"


@functools.cache
def cache_size():
    """Bytes of a core's second-level cache; 1 MB where the system does not say."""
    try:
        with open(SIZE_OF_CACHE, encoding="ascii") as file:
            return int(file.read().strip().removesuffix("K")) * 1024
    except (OSError, ValueError):
        return 2**20


def block_length(planes, itemsize):
    """Elements in a block.

    1. So many that a seed, value and planes, fills the second-level cache.
    2. At least `LEAST`.
    """
    return max(LEAST, cache_size() // (planes * itemsize))


def common_shape(points, name):
    """The shape of the arrays among the arguments; the others must be numbers."""
    shapes = {point.shape for point in points if point.kind == "array"}
    if len(shapes) != 1 or any(point.kind not in ("array", "number") for point in points):
        kinds = [f"an array of shape {p.shape}" if p.kind == "array" else f"a {p.kind}" for p in points]
        raise DifferentiationValueError(
            f"{name}: blockwise=True needs arrays of one shape, and numbers, found {', '.join(kinds)}; broadcast them "
            f"with np.broadcast_arrays, or leave blockwise=True out"
        )
    return shapes.pop()


def evaluate(function, name, compute, stacks, shape, planes):
    """Compute derivatives of an elementwise function block by block.

    Parameters
    ----------
    compute : callable
        ``compute(*pieces)`` gives a tuple of results with the elements on the last axis.
    stacks : list of arrays
        Each has the elements of ``shape`` on its trailing axes.
    planes : int
        How many numbers a seed has for each element.

    Returns
    -------
    tuple of the whole results, with ``shape`` as their trailing axes.
    """
    size = math.prod(shape)
    flat = [s.reshape((*s.shape[: s.ndim - len(shape)], size)) for s in stacks]
    length = block_length(planes, stacks[0].dtype.itemsize)
    if size <= length:
        return compute(*stacks)
    whole, count = _Whole(size), math.ceil(size / length)
    for i in range(count):
        # Of equal length, since the shortest arrays are computed by other loops, whose last bits may differ.
        part = slice(size * i // count, size * (i + 1) // count)
        whole.add(part, _block(function, name, compute, flat, part, size))
    # Backwards, so that a function that sorts, accumulates or looks at neighbours shows itself.
    chosen = np.linspace(0, size - 1, PROBES).astype(np.intp)[::-1]
    results = whole.results()
    _check(function, name, results, _block(function, name, compute, flat, chosen, size), chosen)
    return tuple(r.reshape((*r.shape[:-1], *shape)) for r in results)


def _block(function, name, compute, flat, part, size):
    """The results of one block, whose elements ``part`` selects."""
    pieces = [s[..., part] for s in flat]
    length = pieces[0].shape[-1]
    try:
        results = compute(*pieces)
    except (ValueError, IndexError) as error:
        raise DifferentiationValueError(
            f"{name}: with blockwise=True {name_of(function)} was evaluated on {length} of {size} elements, and failed "
            f"({type(error).__name__}: {error}); arrays that it captured are not cut: make them arguments, or leave "
            f"blockwise=True out"
        ) from error
    shape = getattr(results[0], "shape", None)
    if shape != (length,):
        raise DifferentiationValueError(
            f"{name}: blockwise=True needs an elementwise function, but {name_of(function)} made "
            f"{'a container' if shape is None else f'a result of shape {shape}'} from a block of shape ({length},); "
            f"leave blockwise=True out"
        )
    return results


class _Whole:
    """Results that are put together from those of blocks; dual ones, of an outer transform, are joined at the end."""

    def __init__(self, size):
        self.size, self.parts, self.whole = size, [], None

    def add(self, part, results):
        if not self.parts and any(map(is_dual, results)) and self.whole is not None:
            self.parts.append([whole[..., : part.start] for whole in self.whole])  # constants, until now
        if self.parts or any(map(is_dual, results)):
            self.parts.append(results)
            return
        if self.whole is None:
            self.whole = [empty((*r.shape[:-1], self.size), r.dtype) for r in results]
        for i, result in enumerate(results):
            if not np.can_cast(result.dtype, self.whole[i].dtype):
                self.whole[i] = self.whole[i].astype(np.result_type(result.dtype, self.whole[i].dtype))
            self.whole[i][..., part] = result

    def results(self):
        if not self.parts:
            return self.whole
        return [np.concatenate(parts, axis=-1) for parts in zip(*self.parts, strict=True)]


def _check(function, name, results, probes, chosen):
    """Raise where elements that were evaluated among others than their neighbours have other results."""
    for result, probe in zip(results, probes, strict=True):
        whole, alone = np.asarray(value(result[..., chosen])), np.asarray(value(probe))
        eps = np.finfo(whole.dtype).eps if whole.dtype.kind in "fc" else 0.0
        near = np.abs(alone[np.isfinite(alone)])
        if not np.allclose(whole, alone, rtol=math.sqrt(eps), atol=64 * eps * near.max(initial=0.0), equal_nan=True):
            raise DifferentiationValueError(
                f"{name}: blockwise=True needs an elementwise function, but elements have other results in "
                f"{name_of(function)} when they are evaluated among others (a mean, a sum, a sort, a neighbour, or a "
                f"captured array); leave blockwise=True out"
            )
