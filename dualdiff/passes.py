"""One call of a transformed function: its settings, its passes, and how columns are cut into chunks."""

import functools
import math
import operator
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import levels, points, tangents
from ._array import is_dual, level, pairs
from .containers import derivative_of, point_of, point_of_arguments, read_result
from .curvature import hessian, mirror
from .errors import DifferentiationTypeError, DifferentiationValueError
from .executors import Task, check_executor, columns_per_block, row_blocks, run, run_each, shares, worker_count
from .functions import value as plain_value
from .packing import packed_numbers
from .points import DIAGONAL, FULL, TRIANGLE
from .progress import Progress
from .results import as_sparse, described, name_of, own, sparse_arrays, sparse_jacobian

# Arrays of the input's size that a function is assumed to keep alive at a time, when the memory of a pass is estimated.
LIVE_ARRAYS = 4

# What a second-order pass has done, in the words of `progress`.
PAIRS = "pairs of columns"


@dataclass(frozen=True)
class Settings:
    """What a transform was asked for, checked once; ``name`` is the transform's, for messages."""

    name: str
    function: Callable
    argnums: int | tuple = 0
    mode: str = "auto"
    chunk_size: int | None = None
    max_memory: float | None = None
    batched: bool = False
    has_aux: bool = False
    strict: bool = False
    holomorphic: bool = False
    executor: Any = None
    progress: bool = False
    sparse: bool = False

    def __post_init__(self):
        check_function(self.function, self.name)
        if self.sparse:
            self._check_sparse()
        several = isinstance(self.argnums, tuple)
        if not (self.argnums and all(map(is_integer, self.argnums)) if several else is_integer(self.argnums)):
            raise DifferentiationTypeError(
                f"{self.name}: argnums must be the position of one argument, an integer, or a tuple of such, "
                f"found {self.argnums!r}"
            )
        if self.mode not in ("auto", "forward", "reverse"):
            raise DifferentiationValueError(
                f"{self.name}: mode must be 'auto', 'forward' or 'reverse', found {self.mode!r}"
            )
        if self.chunk_size is not None and not (is_integer(self.chunk_size) and self.chunk_size >= 1):
            raise DifferentiationValueError(
                f"{self.name}: chunk_size must be an integer of at least 1, found {self.chunk_size!r}"
            )
        check_executor(self.executor, self.name)
        if self.batched and self.has_aux and self.executor is not None:
            raise DifferentiationValueError(
                f"{self.name}: rows of a batch go to different workers, so that there is no aux of the whole batch; "
                f"leave has_aux or executor out"
            )
        memory = self.max_memory
        if memory is not None and (
            isinstance(memory, bool) or not isinstance(memory, int | float | np.number) or not memory > 0
        ):
            raise DifferentiationValueError(
                f"{self.name}: max_memory must be a positive number of bytes, such as 1e9, found {memory!r}"
            )

    def _check_sparse(self):
        if self.batched:
            raise DifferentiationValueError(
                f"{self.name}: batched=True gives dense blocks; take sparse=True of the whole function, without batched"
            )
        sparse_arrays(self.name)

    @functools.cached_property
    def is_plain(self):
        """Whether a short list of floats may take the compiled short cut."""
        return self.chunk_size is None and self.max_memory is None and not (
            self.sparse or self.batched or self.has_aux or self.holomorphic or isinstance(self.argnums, tuple)
            or self.executor or self.progress
        )

    @property
    def takes_structure(self):
        """Whether a pass may carry structured tangents: where nobody asked for chunks."""
        return self.chunk_size is None and self.executor is None and not self.batched and not self.holomorphic

    def memory(self):
        """The bytes that the planes of a pass may take."""
        return machine_memory() // 4 if self.max_memory is None else self.max_memory

    def open_level(self):
        return levels.open_level(self.strict, self.holomorphic)

    def columns(self, point, n, planes=1, each=1):
        """Split n columns of ``each`` planes into chunks.

        1. All n columns go in one pass when their planes, in `LIVE_ARRAYS` arrays of x's size, fit ``max_memory``.
        2. Otherwise a pass takes as many as fit, at least one; ``chunk_size`` is an upper limit of the caller's own.
        3. With an executor its workers share the memory, and `columns_per_block` is a further limit.

        Caches are no reason for smaller chunks: elementwise kernels go through all planes block by block whatever their
        number, and one large matrix product is faster than several. On a network 256-512-512-256 a pass of 128
        columns at a time takes 1.3 times as long as one of all 256, and 8 at a time 4.6 times.
        """
        fits = self.memory() / (LIVE_ARRAYS * point.dtype.itemsize * max(point.size, 1) * each)
        limit = n if self.chunk_size is None else self.chunk_size
        if self.executor is not None:
            workers = worker_count(self.executor)
            fits, limit = fits / workers, min(limit, columns_per_block(n, workers, point.size, planes))
        step = max(1, int(min(n, fits if planes == 1 else math.sqrt(fits), limit)))
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
    """One call of a transformed function: its arguments, and the places of those that are differentiated.

    Attributes
    ----------
    point : Point or ContainerPoint
    outputs : Outputs or None
        How the last result is made into a container again; None for arrays.
    """

    __slots__ = ("args", "aux", "gave_up", "kwargs", "outputs", "place", "point", "settings", "stayed_structured")

    def __init__(self, settings, args, kwargs):
        self.settings, self.args, self.kwargs, self.aux, self.outputs = settings, args, kwargs, None, None
        self.place, self.point = self._points(settings.argnums)
        self.gave_up = self.stayed_structured = False

    def _points(self, argnums):
        """The place, or places, of the arguments that are differentiated, and the point that they are."""
        settings = self.settings
        if not isinstance(argnums, tuple):
            place = self._place(argnums)
            return place, point_of(self.args[place], settings.name, settings.holomorphic)
        places = [self._place(argnum) for argnum in argnums]
        if len(set(places)) < len(places):
            raise DifferentiationValueError(
                f"{settings.name}: argnums={argnums} names an argument twice; give each number once"
            )
        chosen, labels = [self.args[place] for place in places], [f"argument {place}" for place in places]
        return places, point_of_arguments(chosen, labels, settings.name, settings.holomorphic)

    def _place(self, argnum):
        args = self.args
        if not -len(args) <= argnum < len(args):
            raise DifferentiationTypeError(
                f"{self.settings.name}: argnums={self.settings.argnums} needs at least "
                f"{argnum + 1 if argnum >= 0 else -argnum} positional arguments, found {len(args)}; pass what is "
                f"differentiated by position, not by name"
            )
        return argnum % len(args)

    def batch_shape(self):
        """The shape of one row's x, and the number of columns."""
        point, settings = self.point, self.settings
        if not settings.batched:
            return point.shape, point.size
        if point.kind == "container":
            if point.rows() is None:
                raise DifferentiationValueError(
                    f"{settings.name}: batched=True needs arrays of shapes (B, *in) with one B, found the shapes "
                    f"{[leaf.shape for leaf in point.leaves]}; give all leaves the same number of rows"
                )
            columns = point.offsets(batched=True)[-1]
            return (columns,), columns
        if point.kind != "array" or len(point.shape) < 1:
            raise DifferentiationValueError(
                f"{settings.name}: batched=True needs an array of shape (B, *in), found a {point.kind}; pass "
                f"np.stack of the points"
            )
        return point.shape[1:], math.prod(point.shape[1:])

    def check_result(self, val, scalar, instead):
        """A gradient needs a scalar, a batch one result per row."""
        settings = self.settings
        if scalar and self.outputs is not None:
            raise DifferentiationTypeError(
                f"{settings.name}: {name_of(settings.function)} returned a container, but a gradient needs a scalar; "
                f"perhaps you meant {instead}, or has_aux=True for a second result"
            )
        if scalar and val.shape != ():
            raise DifferentiationValueError(
                f"{settings.name}: {name_of(settings.function)} returned an array of shape {val.shape}, but a "
                f"gradient needs a scalar; perhaps you meant {instead}"
            )
        if settings.batched:
            rows = self.point.rows() if self.point.kind == "container" else self.point.shape[0]
            if val.shape[:1] != (rows,):
                raise DifferentiationValueError(
                    f"{settings.name}: batched=True needs a function that maps the rows of x on their own and keeps "
                    f"the batch axis of length {rows}, found a result of shape {val.shape}; for others leave "
                    f"batched=True out"
                )

    def _with(self, x):
        """The arguments, with another x or tuple of them in place."""
        place = self.place
        if not isinstance(place, list):
            return (*self.args[:place], x, *self.args[place + 1 :])
        args = list(self.args)
        for i, argument in zip(place, x, strict=True):
            args[i] = argument
        return tuple(args)

    def evaluate(self, seeded):
        """Call the function with the seeded argument, or the tuple of seeded arguments, in place."""
        settings = self.settings
        y = settings.function(*self._with(seeded), **self.kwargs)
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

    def structured(self, least, limit, limit_second=None):
        """The result of one pass with structured tangents, and its level; None where those cannot serve."""
        point, settings = self.point, self.settings
        if point.kind != "array" or not (settings.takes_structure and point.takes_structure(least)):
            return None, None
        lvl = settings.open_level()
        unit, total = ("columns", point.size) if limit_second is None else (PAIRS, point.size * (point.size + 1) // 2)
        try:
            with Progress(settings.progress, settings.name, total, unit) as progress:
                y = packed_numbers(self.evaluate(point.seeded_with_structure(lvl, limit, limit_second)))
                self.gave_up = tangents.RUNNING[lvl].broken
                if self.gave_up:
                    return None, None
                progress.advance(total)
            return (y.copy() if is_dual(y) and sys.getrefcount(y) > 2 else y), lvl
        except tangents.Restart:
            self.gave_up = lvl in tangents.RUNNING and tangents.RUNNING[lvl].broken
            if not self.gave_up:
                raise  # of an outer pass
            return None, None
        finally:
            levels.close_level(lvl)
            tangents.RUNNING.pop(lvl, None)

    def structured_first(self, limit=math.inf):
        """Value and planes of all columns from structured tangents; None where those cannot serve."""
        least = 0 if self.settings.sparse else points.STRUCTURED
        y, lvl = self.structured(least, min(limit, self.settings.memory() / LIVE_ARRAYS))
        return None if lvl is None else self._read_or_give_up(self.read_structured, y, lvl)

    def structured_second(self, gradient, sparse=False, limit=math.inf, limit_second=math.inf):
        """Value, first-order planes and second-order planes of all pairs; None where structured tangents cannot serve.

        Unless the ``gradient`` is asked for, first-order planes may be None. With ``sparse`` the Hessian of a number is
        a sparse array.
        """
        memory = self.settings.memory() / LIVE_ARRAYS
        least = 0 if sparse else points.STRUCTURED_SECOND
        y, lvl = self.structured(least, min(limit, memory), min(limit_second, memory))
        return None if lvl is None else self._read_or_give_up(self.read_structured_second, y, lvl, gradient, sparse)

    def _read_or_give_up(self, read, *args):
        """What a reader finds, None where that takes more memory than there is."""
        try:
            return read(*args)
        except tangents.Restart:
            self.gave_up = True
            return None

    def all_first(self):
        """Value and planes of all columns, (columns, *Y)."""
        if self._shares_rows():
            return self._by_rows("all_first", 1)
        found = None if self.gave_up else self.structured_first()
        if found is not None:
            return found
        chunks = self.settings.columns(self.point, self.batch_shape()[1])
        blocks = Blocks(chunks)
        tasks = [Task("first_block", (chunk,), chunk[1]) for chunk in chunks]
        run_each(self, tasks, "columns", lambda i, result: blocks.put(*result, chunks[i]))
        return blocks.value, blocks.first

    def first_block(self, chunk):
        """Value and planes of one pass."""
        batched = self.settings.batched
        y, lvl = self.seeded(lambda lvl: self.point.seeded(lvl, chunk, batched))
        return self.read_first(y, lvl, chunk[1])

    def all_second(self):
        """Value, first-order planes (n, *Y) and second-order planes (n n, *Y): a pass for each pair of chunks."""
        if self._shares_rows():
            return self._by_rows("all_second", 2)
        chunks = self.settings.columns(self.point, self.batch_shape()[1], planes=2)
        pairs_of_chunks = [(a, b) for i, a in enumerate(chunks) for b in chunks[: i + 1]]
        tasks = [
            Task("second_block", (a, b), a[1] * (a[1] + 1) // 2 if a == b else a[1] * b[1]) for a, b in pairs_of_chunks
        ]
        blocks = Blocks(chunks)
        run_each(self, tasks, PAIRS, lambda i, result: blocks.put_pair(*result, *pairs_of_chunks[i]))
        return blocks.value, blocks.first, blocks.second

    def second_block(self, first, second):
        """Value, first-order and second-order planes of one pass; of a pair of different chunks no first order."""
        if first == second:
            val, (e1, _, e12) = self.second_order(first, second, TRIANGLE)
            return val, e1, e12
        val, (_, _, e12) = self.second_order(first, second, FULL)
        return val, None, e12

    def all_diagonal(self):
        """The sum of the second derivatives of a scalar function."""
        chunks = self.settings.columns(self.point, self.point.size)
        return functools.reduce(
            operator.add, run(self, [Task("diagonal_block", (chunk,), chunk[1]) for chunk in chunks], "columns")
        )

    def diagonal_block(self, chunk):
        """The share of one pass in the sum."""
        val, (_, _, e12) = self.second_order(chunk, chunk, DIAGONAL)
        if self.outputs is not None or val.shape != ():
            found = f"an array of shape {val.shape}" if self.outputs is None else "a container"
            raise DifferentiationValueError(
                f"{self.settings.name}: {name_of(self.settings.function)} returned {found}; it must return a scalar, "
                f"use dualdiff.hessian for the second derivatives of arrays"
            )
        return np.sum(e12, axis=0)

    def _shares_rows(self):
        return self.settings.batched and shares(self.settings)

    def _by_rows(self, method, order):
        """Let workers have rows of the batch, each with all columns."""
        _, columns = self.batch_shape()
        container = self.point.kind == "container"
        leaves = self.point.leaves if container else [self.point]
        tasks, workers = [], worker_count(self.settings.executor)
        for first, last in row_blocks(leaves[0].shape[0], workers, columns ** (order + 1)):
            parts = [leaf.x[first:last] for leaf in leaves]
            args = self._with(self.point.rebuilt(parts) if container else parts[0])
            tasks.append(Task(method, (), last - first, args))
        try:
            results = run(self, tasks, "rows")
        except ValueError as error:
            error.add_note(
                f"{self.settings.name}: the executor's workers got some rows of the batch each; further arguments that "
                f"have a value for every row must be part of x"
            )
            raise
        # The rows of values are axis 0; planes have theirs in front of it.
        joined = [np.concatenate(parts, axis=min(i, 1)) for i, parts in enumerate(zip(*results, strict=True))]
        if self.outputs is not None:
            self.outputs = self.outputs.of_rows(joined[0].shape[0])
        return joined

    def _read(self, y, lvl, counts):
        settings = self.settings
        val, stacks, self.outputs = read_result(
            y, lvl, settings.name, settings.function, counts, 1 if settings.batched else 0
        )
        return val, stacks

    def read_structured(self, y, lvl):
        """Value and planes of a first-order result of a pass with structured tangents."""
        if not tangents.is_structured(y) or level(y) != lvl:
            return self.read_first(y, lvl, self.point.size)
        # Planes by earlier results are dense in the end: reverse mode may make shorter work.
        self.stayed_structured = tangents.is_by_inputs(y)
        if self.settings.sparse:
            return y._primal.copy(), sparse_jacobian(y, self.point.size)
        if not self.stayed_structured or y.ndim == 0:
            return y._primal.copy(), tangents.dense(y._planes, y._columns)
        jac = np.zeros((y.size, self.point.size), y._planes.dtype)
        for row, column, entry in tangents.entries(y):
            jac[row, column] += entry
        value = y._primal.copy()
        return value, np.moveaxis(jac.reshape((*value.shape, self.point.size)), -1, 0)

    def read_structured_second(self, y, lvl, gradient, sparse):
        """Value, first-order and second-order planes of a result of a pass with structured tangents."""
        if not (tangents.is_structured(y) and level(y) == lvl and y.ndim == 0):
            n = self.point.size
            val, (first, _, second) = self.read_second(y, lvl, (TRIANGLE, n, n))
            return val, first, second[mirror(n)]
        first = tangents.total(y._planes, y._columns) if gradient else None
        hess = hessian(y, sparse)
        return y._primal.copy(), first, hess if sparse else hess.reshape(-1)

    def read_first(self, y, lvl, count):
        """Value and planes of a first-order result."""
        val, (planes,) = self._read(y, lvl, (count,))
        return val, planes

    def second_order(self, first, second, kind):
        """Value, e1, e2 planes and e12 planes of one pass."""
        batched = self.settings.batched
        y, lvl = self.seeded(lambda lvl: self.point.seeded_twice(lvl, first, second, kind, batched))
        return self.read_second(y, lvl, (kind, first[1], second[1]))

    def read_second(self, y, lvl, layout):
        """Value and stacks of a second-order result."""
        return self._read(y, lvl, (*layout[1:], len(pairs(layout)[0])))

    def value(self, val):
        """A value, or a plane that is laid out as one, in the form that the caller gets."""
        return own(val) if self.outputs is None else self.outputs.value(val)

    def derivative(self, planes, order=1):
        """Planes of the result, one per column or pair of columns, in the form that the caller gets."""
        if self.settings.sparse:
            if self.outputs is not None or self.point.kind == "container":
                raise DifferentiationTypeError(
                    f"{self.settings.name}: sparse=True needs an array as x and as result, found a container; leave "
                    f"sparse=True out, or join the arrays with np.concatenate"
                )
            return as_sparse(planes, self.point.size)
        return derivative_of(planes, self.point, self.outputs, self.batch_shape()[0], order, self.settings.batched)


class Blocks:
    """The derivative of a call, put together from the planes of chunks of columns as these come.

    Memory is taken for the whole once, in the order in which the caller gets it, ``(*Y, n)`` and ``(*Y, n, n)``, so
    that beside the result there are never more planes than those of one pass. Planes that are dual themselves are
    joined at the end.

    Attributes
    ----------
    value : array
    first, second : arrays of shapes (n, *Y) and (n n, *Y)
    """

    def __init__(self, chunks):
        self.chunks, self.count = chunks, sum(count for _, count in chunks)
        self.value, self._first, self._second = None, {}, {}

    def put(self, value, planes, chunk):
        self.value = value
        self._place(self._first, planes, chunk)

    def put_pair(self, value, first, second, a, b):
        """Planes of a pair of chunks; of two equal ones the triangle, and those of first order."""
        self.value = value
        if a == b:
            self.put(value, first, a)
            self._place(self._second, second[mirror(a[1])], a, a)
        else:
            block = second.reshape((a[1], b[1], *value.shape))
            self._place(self._second, block, a, b)
            self._place(self._second, np.swapaxes(block, 0, 1), b, a)

    def _place(self, made, planes, *chunks):
        """Put the planes of these chunks into the memory of the whole; remember those that cannot lie there."""
        planes = planes.reshape((*(count for _, count in chunks), *self.value.shape))
        if len(self.chunks) == 1 or type(planes) is not np.ndarray:
            made[chunks] = planes
            return
        order = len(chunks)
        if not made:
            made[None] = np.moveaxis(np.empty((*self.value.shape, *[self.count] * order), planes.dtype),
                                     range(-order, 0), range(order))
        made[None][tuple(slice(first, first + count) for first, count in chunks)] = planes

    @property
    def first(self):
        if None in self._first:
            return self._first[None]
        return _joined([self._first[chunk,] for chunk in self.chunks], 0)

    @property
    def second(self):
        whole = self._second.get(None)
        if whole is None:
            whole = _joined([_joined([self._second[a, b] for b in self.chunks], 1) for a in self.chunks], 0)
        if None in self._second:
            return np.moveaxis(np.moveaxis(whole, (0, 1), (-2, -1)).reshape((*self.value.shape, self.count**2)), -1, 0)
        return whole.reshape((self.count**2, *self.value.shape))


def _joined(parts, axis):
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=axis)
