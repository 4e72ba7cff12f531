from ._kernels cimport BinaryRow, Output, Planes, Stream, UnaryRow

cdef enum:
    MOST = 64


cdef class Work:
    """Elementwise work on elements 0 … n, any part of which can be done at any time by anybody."""
    # What a part needs of its own; called with the interpreter's lock, in the thread that shares the work.
    cdef int prepare(self, int parts) except -1
    cdef void compute(self, int part, Py_ssize_t start, Py_ssize_t stop) noexcept nogil


cdef int share(Work work, Py_ssize_t n, Py_ssize_t unit, Py_ssize_t numbers) except -1

# The kernels on all n elements, without the interpreter's lock where there are many, and shared where that is asked for.
# They return the floating-point exceptions that NumPy would report.
cdef int all_unary_first(
    const UnaryRow *row, int t, const double *p, double strict, Py_ssize_t n, Py_ssize_t k,
    Stream *x, Stream *tx, void *y, void *out) except -1
cdef int all_binary_first(
    const BinaryRow *row, int t, double strict, Py_ssize_t n, Py_ssize_t k,
    Stream *x, Stream *y, Stream *tx, Stream *ty, const Py_ssize_t *px, const Py_ssize_t *py,
    void *z, void *out) except -1
cdef int all_unary_second(
    const UnaryRow *row, int t, const double *p, double strict, Py_ssize_t n,
    Stream *x, Planes *px, void *y, Output *out) except -1
cdef int all_binary_second(
    const BinaryRow *row, int t, double strict, Py_ssize_t n,
    Stream *x, Stream *y, Planes *px, Planes *py, void *z, Output *out) except -1
