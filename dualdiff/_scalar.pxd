# Scalar dual and hyper-dual numbers as C sees them.
from ._kernels cimport BinaryRow, UnaryRow

cdef enum:
    # Tangents that live inside the object; more of them go to the heap. A multiple of 4, since loops run in fours.
    INLINE_TANGENTS = 12
    INLINE_HYPER = 16

cdef enum:
    # Which pairs (p, q) of seeds the ε1ε2 part holds.
    TRIANGLE = 0    # equal seeds: p <= q, the other half is the mirror image
    FULL = 1        # every pair
    DIAGONAL = 2    # equal seeds: p == q only, for Laplacians


cdef class Dual:
    cdef double v
    cdef double *t
    cdef Py_ssize_t k
    cdef long level
    cdef bint single
    cdef double buffer[INLINE_TANGENTS]


cdef class HyperDual:
    cdef double v
    cdef double *e1_
    cdef double *e2_
    cdef double *e12_
    cdef Py_ssize_t k1
    cdef Py_ssize_t k2
    cdef Py_ssize_t pairs
    cdef int kind
    cdef long level
    cdef bint single
    cdef double buffer[INLINE_HYPER]


cdef Py_ssize_t count_pairs(int kind, Py_ssize_t k1, Py_ssize_t k2) noexcept nogil
cdef Dual new_dual(Py_ssize_t k, long level, bint single)
cdef HyperDual new_hyper(Py_ssize_t k1, Py_ssize_t k2, int kind, long level, bint single)
cdef bint as_double(object number, double *out) except -1
cdef object dual_unary(UnaryRow *row, Dual x, const double *p)
cdef object hyper_unary(UnaryRow *row, HyperDual x, const double *p)
cdef object scalar_binary(BinaryRow *row, object a, object b)
cdef void set_hooks(object binary, object compare, object function)
