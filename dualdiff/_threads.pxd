cdef class Work:
    """Elementwise work on elements 0 … n, any part of which can be done at any time by anybody."""
    # What a part needs of its own; called with the interpreter's lock, in the thread that shares the work.
    cdef int prepare(self, int parts) except -1
    cdef void compute(self, int part, Py_ssize_t start, Py_ssize_t stop) noexcept nogil


cdef int share(Work work, Py_ssize_t n, Py_ssize_t unit, Py_ssize_t numbers) except -1
