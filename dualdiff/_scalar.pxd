# Scalar dual and hyper-dual numbers as C sees them.
from ._kernels cimport BinaryRow, UnaryRow

cdef enum:
    # Parts that live inside the object; more of them go to the heap. Multiples of `LANES`.
    INLINE_TANGENTS = 12
    INLINE_HYPER = 20
    # Loops run in fours: memory is made in fours, and what lies behind the last part is zero.
    LANES = 4

cdef enum:
    # Which pairs (p, q) of seeds the ε1ε2 part holds.
    TRIANGLE = 0    # equal seeds: p <= q, the other half is the mirror image
    FULL = 1        # every pair
    DIAGONAL = 2    # equal seeds: p == q only, for Laplacians


# A number stores the tangents of a *window* of its k columns, and is zero in all others. The window of a result is the
# smallest that holds those of its operands.

cdef class Dual:
    cdef double v
    cdef double *stored     # columns first to first + n - 1; first and n are multiples of LANES
    cdef Py_ssize_t k
    cdef Py_ssize_t first
    cdef Py_ssize_t n
    cdef long level
    cdef bint single
    cdef double buffer[INLINE_TANGENTS]


cdef class HyperDual:
    cdef double v
    cdef double *e1_        # e1 and, of kind FULL, e2 and e12 behind each other; equal seeds have one window
    cdef double *e2_
    cdef double *e12_
    cdef Py_ssize_t k1
    cdef Py_ssize_t k2
    cdef Py_ssize_t first1
    cdef Py_ssize_t n1
    cdef Py_ssize_t first2
    cdef Py_ssize_t n2
    cdef Py_ssize_t size    # of all that is stored, rounded up to LANES
    cdef int kind
    cdef long level
    cdef bint single
    cdef double buffer[INLINE_HYPER]


cdef Py_ssize_t count_pairs(int kind, Py_ssize_t k1, Py_ssize_t k2) noexcept nogil
cdef Py_ssize_t row_start(int kind, Py_ssize_t n2, Py_ssize_t p) noexcept nogil
cdef Dual new_dual(Py_ssize_t k, Py_ssize_t first, Py_ssize_t n, long level, bint single)
cdef Dual dual_like(Dual x)
cdef Dual whole_dual(Dual x)
cdef HyperDual new_hyper(
    Py_ssize_t k1, Py_ssize_t k2, int kind, long level, bint single,
    Py_ssize_t first1, Py_ssize_t n1, Py_ssize_t first2, Py_ssize_t n2)
cdef HyperDual hyper_like(HyperDual x)
cdef HyperDual whole_hyper(HyperDual x)
cdef bint as_double(object number, double *out) except -1
cdef object dual_unary(UnaryRow *row, Dual x, const double *p)
cdef object hyper_unary(UnaryRow *row, HyperDual x, const double *p)
cdef object scalar_binary(BinaryRow *row, object a, object b)
cdef void set_hooks(object binary, object compare, object function)
