"""One call of a transformed function: its settings, its passes, and how columns are cut into chunks."""

import functools
import math
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from . import levels
from ._array import is_dual, pairs
from .errors import DifferentiationTypeError, DifferentiationValueError
from .functions import value as plain_value
from .points import FULL, TRIANGLE, Point
from .results import described, name_of, read

# Arrays of the input's size that a function is assumed to keep alive at a time, when the memory of a pass is estimated.
LIVE_ARRAYS = 4


@dataclass(frozen=True)
class Settings:
    """What a transform was asked for, checked once; ``name`` is the transform's, for messages."""

    name: str
    function: Callable
    argnums: int = 0
    mode: str = "auto"
    chunk_size: int | None = None
    max_memory: float | None = None
    batched: bool = False
    has_aux: bool = False
    strict: bool = False
    holomorphic: bool = False

    def __post_init__(self):
        check_function(self.function, self.name)
        if not is_integer(self.argnums):
            raise DifferentiationTypeError(
                f"{self.name}: argnums must be the position of one argument, an integer, found {self.argnums!r}"
            )
        if self.mode not in ("auto", "forward"):
            raise DifferentiationValueError(f"{self.name}: mode must be 'auto' or 'forward', found {self.mode!r}")
        if self.chunk_size is not None and not (is_integer(self.chunk_size) and self.chunk_size >= 1):
            raise DifferentiationValueError(
                f"{self.name}: chunk_size must be an integer of at least 1, found {self.chunk_size!r}"
            )
        memory = self.max_memory
        if memory is not None and (
            isinstance(memory, bool) or not isinstance(memory, int | float | np.number) or not memory > 0
        ):
            raise DifferentiationValueError(
                f"{self.name}: max_memory must be a positive number of bytes, found {memory!r}"
            )

    @property
    def is_plain(self):
        """Whether a short list of floats may take the compiled short cut."""
        return self.chunk_size is None and self.max_memory is None and not (
            self.batched or self.has_aux or self.holomorphic
        )

    def open_level(self):
        return levels.open_level(self.strict, self.holomorphic)

    def columns(self, point, n, planes=1, each=1):
        """Split n columns of ``each`` planes into chunks.

        1. All n columns go in one pass when their planes, in `LIVE_ARRAYS` arrays of x's size, fit ``max_memory``.
        2. Otherwise a pass takes as many as fit, at least one; ``chunk_size`` is an upper limit of the caller's own.
        """
        memory = machine_memory() // 4 if self.max_memory is None else self.max_memory
        fits = memory / (LIVE_ARRAYS * point.dtype.itemsize * max(point.size, 1))
        fits = fits if planes == 1 else math.sqrt(fits)
        step = max(1, int(min(n, fits / each, n if self.chunk_size is None else self.chunk_size)))
        return [(first, min(step, n - first)) for first in range(0, n, step)] or [(0, 0)]


def is_integer(number):
    return isinstance(number, int | np.integer) and not isinstance(number, bool)


def check_function(function, name):
    if not callable(function):
        raise DifferentiationTypeError(
            f"{name}: needs a function to differentiate, found {type(function).__name__}; "
            f"write {name}(f)(x), not {name}(f(x))"
        )


@functools.cache
def machine_memory():
    """Bytes of memory of this machine; 8 GiB where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 2**33


class Call:
    """One call of a transformed function: its arguments, and the place of the one that is differentiated."""

    __slots__ = ("args", "argnum", "aux", "kwargs", "point", "settings")

    def __init__(self, settings, args, kwargs):
        argnum, name = settings.argnums, settings.name
        if not -len(args) <= argnum < len(args):
            raise DifferentiationTypeError(
                f"{name}: argnums={argnum} needs at least {argnum + 1 if argnum >= 0 else -argnum} positional "
                f"arguments, found {len(args)}"
            )
        self.settings, self.args, self.kwargs, self.aux = settings, args, kwargs, None
        self.argnum = argnum % len(args)
        self.point = Point(args[self.argnum], name, settings.holomorphic)

    def batch_shape(self):
        """The shape of one row's x, and the number of columns."""
        point, settings = self.point, self.settings
        if not settings.batched:
            return point.shape, point.size
        if point.kind != "array" or len(point.shape) < 1:
            raise DifferentiationValueError(
                f"{settings.name}: batched=True needs an array of shape (B, *in), found a {point.kind}"
            )
        return point.shape[1:], math.prod(point.shape[1:])

    def check_result(self, val, scalar, instead):
        """A gradient needs a scalar, a batch one result per row."""
        settings = self.settings
        if scalar and val.shape != ():
            raise DifferentiationValueError(
                f"{settings.name}: {name_of(settings.function)} returned an array of shape {val.shape}, but a "
                f"gradient needs a scalar; perhaps you meant {instead}"
            )
        rows = self.point.shape[:1]
        if settings.batched and val.shape[:1] != rows:
            raise DifferentiationValueError(
                f"{settings.name}: batched=True needs a function that keeps the batch axis of length {rows[0]}, its "
                f"result has shape {val.shape}"
            )

    def evaluate(self, seeded):
        """Call the function with the seeded argument in place."""
        settings = self.settings
        args = (*self.args[: self.argnum], seeded, *self.args[self.argnum + 1 :])
        y = settings.function(*args, **self.kwargs)
        if not settings.has_aux:
            return y
        if not isinstance(y, tuple) or len(y) != 2:
            raise DifferentiationTypeError(
                f"{settings.name}: with has_aux=True {name_of(settings.function)} must return (result, aux), "
                f"found {described(y)}"
            )
        self.aux = plain_value(y[1])
        return y[0]

    def seeded(self, seed):
        """Call the function with ``seed(level)``; return the result and its level."""
        lvl = self.settings.open_level()
        try:
            y = self.evaluate(seed(lvl))
        finally:
            levels.close_level(lvl)
        # Whoever else holds the result keeps numbers of his own (2: the name y, and the argument of the count).
        return (y.copy() if is_dual(y) and sys.getrefcount(y) > 2 else y), lvl

    def first_order(self, chunks):
        """Value and all columns, chunk by chunk: planes of shape (columns, *Y)."""
        batched, blocks = self.settings.batched, []
        for chunk in chunks:
            y, lvl = self.seeded(lambda lvl, chunk=chunk: self.point.seeded(lvl, chunk, batched))
            val, planes = self.read_first(y, lvl, chunk[1])
            blocks.append(planes)
        return val, blocks[0] if len(blocks) == 1 else np.concatenate(blocks)

    def read_first(self, y, lvl, count):
        """Value and planes of a first-order result."""
        val, stacks, _ = read(y, lvl, self.settings.name, self.settings.function)
        return val, np.zeros((count, *val.shape), val.dtype) if stacks is None else stacks[0]

    def second_order(self, first, second, kind):
        """Value, e1, e2 planes and e12 planes of one pass."""
        batched = self.settings.batched
        y, lvl = self.seeded(lambda lvl: self.point.seeded_twice(lvl, first, second, kind, batched))
        return self.read_second(y, lvl, (kind, first[1], second[1]))

    def read_second(self, y, lvl, layout):
        """Value and stacks of a second-order result."""
        val, stacks, _ = read(y, lvl, self.settings.name, self.settings.function)
        if stacks is None:
            counts = (*layout[1:], len(pairs(layout)[0]))
            stacks = tuple(np.zeros((n, *val.shape), val.dtype) for n in counts)
        return val, stacks


def hessian_blocks(call, chunks, n):
    """First-order planes (n, *Y) and second-order planes (n n, *Y), from one pass per pair of chunks."""
    if len(chunks) == 1:
        val, (e1, _, e12) = call.second_order(chunks[0], chunks[0], TRIANGLE)
        return val, e1, e12[mirror(n)]
    rows = {}
    first = []
    for i, a in enumerate(chunks):
        for j, b in enumerate(chunks[: i + 1]):
            if i == j:
                val, (e1, _, e12) = call.second_order(a, a, TRIANGLE)
                first.append(e1)
                rows[i, i] = e12[mirror(a[1])].reshape((a[1], a[1], *val.shape))
            else:
                val, (_, _, e12) = call.second_order(a, b, FULL)
                rows[i, j] = e12.reshape((a[1], b[1], *val.shape))
                rows[j, i] = np.swapaxes(rows[i, j], 0, 1)
    grid = range(len(chunks))
    full = np.concatenate([np.concatenate([rows[i, j] for j in grid], axis=1) for i in grid], axis=0)
    return val, np.concatenate(first), full.reshape((n * n, *val.shape))


def mirror(n):
    """For every pair (p, q) of n seeds the number of its plane in the triangle."""
    where = np.zeros((n, n), dtype=np.intp)
    p, q = pairs((TRIANGLE, n, n))
    where[p, q] = where[q, p] = np.arange(len(p))
    return where.reshape(-1)
