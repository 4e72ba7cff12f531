"""Large elementwise work shared by threads: `threads`.

NumPy's inner loops and ours need no lock of the interpreter, so that blocks of one array can be computed side by side.
Each thread takes one contiguous part of the elements; whoever shares the work takes the first, and waits for the others.
Elements are computed as they are by one thread, in blocks that begin at the same places, and so to the same bits.
"""

import os
import threading
from contextlib import ContextDecorator
from contextvars import ContextVar

from .errors import DifferentiationValueError

cdef enum:
    # Less work than so many numbers is done before other threads are awake.
    LEAST = 262144

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
        parts = max(1, min(<Py_ssize_t> _wanted.get(), blocks))
    work.prepare(parts)
    if parts == 1:
        with nogil:
            work.compute(0, 0, n)
        return 0
    submit = helpers(parts - 1).submit
    bounds = [min(n, blocks*i//parts*unit) for i in range(parts + 1)]
    others = [submit(work, i, bounds[i], bounds[i + 1]) for i in range(1, parts)]
    try:
        first = work(0, bounds[0], bounds[1])
    finally:
        # Whatever happens, the memory of the work must not go before the helpers are done with it.
        done = [other.result() for other in others]
    _last = [first, *done]
    return 0


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
