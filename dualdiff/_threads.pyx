"""Large elementwise work shared by threads: `threads`.

NumPy's inner loops and ours need no lock of the interpreter, so that blocks of one array can be computed side by side.
Each thread takes one contiguous part of the elements; whoever shares the work takes the first one, and waits for the
others. Blocks begin where they begin for one thread, so that results are the same to the bit.
"""

cimport cython

from ._kernels cimport BLOCK, Part, binary_first, binary_second, unary_first, unary_second

import os
import threading
from contextlib import ContextDecorator
from contextvars import ContextVar

from .errors import DifferentiationValueError

cdef enum:
    # Less work than so many numbers is done before other threads are awake.
    LEAST = 262144
    # And with so many numbers the interpreter's lock is let go.
    UNLOCKED = 100000

_wanted = ContextVar("threads", default=1)
_lock = threading.Lock()
# The helpers, for each number of them; started when they are needed for the first time.
cdef dict _pools = {}
cdef list _last = []


class threads(ContextDecorator):
    """A context, or a decorator, in which large elementwise work is shared by threads.

    Inside of it the elementwise functions and operators of dual arrays share the blocks of arrays that are large enough
    (some 10⁵ elements) among ``n`` threads, whatever transform makes them. Results are those of one thread, to the bit,
    and so are warnings. Python code still runs one line at a time, and NumPy's other functions as they always do: for
    passes that are shared as a whole see ``executor=`` of `jacobian`.

    Parameters
    ----------
    n : int
        The number of threads, this one included; 1 shares nothing.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> x = np.linspace(0.0, 1.0, 500_000)
    >>> with dd.threads(2):
    ...     y, ydot = dd.jvp(lambda x: np.exp(-x**2), (x,), (np.ones_like(x),))
    >>> bool(np.all(ydot == dd.jvp(lambda x: np.exp(-x**2), (x,), (np.ones_like(x),))[1]))
    True
    """

    def __init__(self, n):
        self.n = checked_count(n, "threads")
        self._tokens = []

    def __enter__(self):
        self._tokens.append(_wanted.set(self.n))
        return self

    def __exit__(self, *exception):
        _wanted.reset(self._tokens.pop())


def checked_count(n, name):
    if isinstance(n, bool) or not hasattr(type(n), "__index__") or n.__index__() < 1:
        raise DifferentiationValueError(f"{name}: the number of threads must be an integer of at least 1, found {n!r}")
    return n.__index__()


def last_shares():
    """The parts of the last work that was shared: the name of a thread, its first element and its last."""
    return list(_last)


cdef class Work:

    cdef int prepare(self, int parts) except -1:
        return 0

    cdef void compute(self, int part, Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
        pass

    def __call__(self, int part, Py_ssize_t start, Py_ssize_t stop):
        with nogil:
            self.compute(part, start, stop)
        return threading.current_thread().name, start, stop


cdef int share(Work work, Py_ssize_t n, Py_ssize_t unit, Py_ssize_t numbers) except -1:
    """Do the work on n elements, in parts that begin at multiples of ``unit``; ``numbers`` says how much it is."""
    global _last
    cdef Py_ssize_t blocks = (n + unit - 1)//unit
    cdef int i, parts = 1
    if numbers >= LEAST:
        parts = max(1, min(<Py_ssize_t> _wanted.get(), min(blocks, <Py_ssize_t> MOST)))
    work.prepare(parts)
    if parts == 1:
        with nogil:
            work.compute(0, 0, n)
        return 0
    submit = helpers(parts - 1).submit
    bounds = [min(n, blocks*i//parts*unit) for i in range(parts)] + [n]
    others = []
    try:
        for i in range(1, parts):
            others.append(submit(work, i, bounds[i], bounds[i + 1]))
        first = work(0, bounds[0], bounds[1])
    finally:
        wait_for(others)
    _last = [first, *[other.result() for other in others]]
    return 0


cdef int wait_for(list others) except -1:
    """Wait, through interruptions too: the memory of the work must not go before the helpers are done with it."""
    interruption = None
    for other in others:
        while not other.done():
            try:
                other.exception()
            except BaseException as error:
                interruption = error
    if interruption is not None:
        raise interruption
    return 0


# ---------------------------------------------------------------------------------------------------------------------
# Kernels
# ---------------------------------------------------------------------------------------------------------------------

@cython.final
cdef class Kernel(Work):
    """A row on whole operands; which of the four kernels is told by what is there."""
    cdef const UnaryRow *unary
    cdef const BinaryRow *binary
    cdef int t
    cdef const double *p
    cdef double strict
    cdef Py_ssize_t n
    cdef Py_ssize_t k
    cdef Stream *x
    cdef Stream *y
    cdef Stream *tx
    cdef Stream *ty
    cdef const Py_ssize_t *from_x
    cdef const Py_ssize_t *from_y
    cdef Planes *px
    cdef Planes *py
    cdef void *value
    cdef void *planes
    cdef Output *out
    cdef int flags[MOST]

    cdef int prepare(self, int parts) except -1:
        cdef int i
        for i in range(MOST):
            self.flags[i] = 0
        return 0

    cdef void compute(self, int part, Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
        cdef Part p
        p.first, p.last, p.size = start, stop, self.n
        if self.unary != NULL and self.out == NULL:
            self.flags[part] = unary_first(
                self.unary, self.t, self.p, self.strict, p, self.k, self.x, self.tx, self.value, self.planes)
        elif self.unary != NULL:
            self.flags[part] = unary_second(
                self.unary, self.t, self.p, self.strict, p, self.x, self.px, self.value, self.out)
        elif self.out == NULL:
            self.flags[part] = binary_first(
                self.binary, self.t, self.strict, p, self.k, self.x, self.y, self.tx, self.ty,
                self.from_x, self.from_y, self.value, self.planes)
        else:
            self.flags[part] = binary_second(
                self.binary, self.t, self.strict, p, self.x, self.y, self.px, self.py, self.value, self.out)

    cdef int run(self, Py_ssize_t numbers) except -1:
        cdef int i, flags = 0
        share(self, self.n, BLOCK, numbers)
        for i in range(MOST):
            flags |= self.flags[i]
        return flags


cdef int all_unary_first(
        const UnaryRow *row, int t, const double *p, double strict, Py_ssize_t n, Py_ssize_t k,
        Stream *x, Stream *tx, void *y, void *out) except -1:
    cdef Part whole
    cdef Kernel work
    if n*(k + 1) <= UNLOCKED:
        whole.first, whole.last, whole.size = 0, n, n
        return unary_first(row, t, p, strict, whole, k, x, tx, y, out)
    work = Kernel.__new__(Kernel)
    work.unary, work.t, work.p, work.strict, work.n, work.k = row, t, p, strict, n, k
    work.x, work.tx, work.value, work.planes = x, tx, y, out
    return work.run(n*(k + 1))


cdef int all_binary_first(
        const BinaryRow *row, int t, double strict, Py_ssize_t n, Py_ssize_t k,
        Stream *x, Stream *y, Stream *tx, Stream *ty, const Py_ssize_t *px, const Py_ssize_t *py,
        void *z, void *out) except -1:
    cdef Part whole
    cdef Kernel work
    if n*(k + 1) <= UNLOCKED:
        whole.first, whole.last, whole.size = 0, n, n
        return binary_first(row, t, strict, whole, k, x, y, tx, ty, px, py, z, out)
    work = Kernel.__new__(Kernel)
    work.binary, work.t, work.strict, work.n, work.k = row, t, strict, n, k
    work.x, work.y, work.tx, work.ty, work.from_x, work.from_y = x, y, tx, ty, px, py
    work.value, work.planes = z, out
    return work.run(n*(k + 1))


cdef int all_unary_second(
        const UnaryRow *row, int t, const double *p, double strict, Py_ssize_t n,
        Stream *x, Planes *px, void *y, Output *out) except -1:
    cdef Part whole
    cdef Kernel work
    cdef Py_ssize_t numbers = n*(1 + out.k1 + out.k2 + out.pairs)
    if numbers <= UNLOCKED:
        whole.first, whole.last, whole.size = 0, n, n
        return unary_second(row, t, p, strict, whole, x, px, y, out)
    work = Kernel.__new__(Kernel)
    work.unary, work.t, work.p, work.strict, work.n = row, t, p, strict, n
    work.x, work.px, work.value, work.out = x, px, y, out
    return work.run(numbers)


cdef int all_binary_second(
        const BinaryRow *row, int t, double strict, Py_ssize_t n,
        Stream *x, Stream *y, Planes *px, Planes *py, void *z, Output *out) except -1:
    cdef Part whole
    cdef Kernel work
    cdef Py_ssize_t numbers = n*(1 + out.k1 + out.k2 + out.pairs)
    if numbers <= UNLOCKED:
        whole.first, whole.last, whole.size = 0, n, n
        return binary_second(row, t, strict, whole, x, y, px, py, z, out)
    work = Kernel.__new__(Kernel)
    work.binary, work.t, work.strict, work.n = row, t, strict, n
    work.x, work.y, work.px, work.py, work.value, work.out = x, y, px, py, z, out
    return work.run(numbers)


# ---------------------------------------------------------------------------------------------------------------------
# Helpers
# ---------------------------------------------------------------------------------------------------------------------

cdef object helpers(int count):
    from concurrent.futures import ThreadPoolExecutor

    with _lock:
        pool = _pools.get(count)
        if pool is None:
            pool = _pools[count] = ThreadPoolExecutor(count, thread_name_prefix="dualdiff")
    return pool


def _forget():
    # In a forked process the threads are gone.
    global _lock
    _lock = threading.Lock()
    _pools.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
