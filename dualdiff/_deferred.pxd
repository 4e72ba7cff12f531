cimport numpy as cnp

from ._kernels cimport BinaryRow, UnaryRow
from ._scalar cimport Dual


cdef enum:
    # From this many numbers on, value and planes together, an operation waits.
    LARGE = 32768
    # Operations that wait for each other at most.
    DEEPEST = 64


cdef class Planing:
    """Which planes of two operands each of the ``k`` planes of a result comes from, and the columns of those."""
    cdef Py_ssize_t k
    cdef cnp.ndarray a
    cdef cnp.ndarray b
    cdef object columns


cdef class Node:
    """An elementwise operation that waits, the memory that such operations read, or a number."""
    cdef int kind
    cdef Py_ssize_t n
    cdef Py_ssize_t k
    cdef int nd
    cdef cnp.npy_intp dims[32]
    # Memory, once there is some.
    cdef object value
    cdef object tangent
    # A number: a dual one, or a constant.
    cdef Dual dual
    cdef double constant
    # An operation: a row, its parameters, its operands, and what was to be done about floating-point exceptions.
    cdef UnaryRow *unary
    cdef BinaryRow *binary
    cdef double p[4]
    cdef double strict
    cdef Node a
    cdef Node b
    # Where the planes of a binary result come from, if that is not the same for all (see `binary_first`).
    cdef Planing planing
    cdef tuple errors
    cdef int depth
    # Whether a dual array stands for the result, so that it must be kept when it is computed on the way to another.
    cdef bint shown
    # The ring of all that wait.
    cdef void *before
    cdef void *after
    # The run that collected it last, and its place among the steps of that.
    cdef Py_ssize_t run
    cdef Py_ssize_t place


cdef Node array_node(cnp.ndarray value, cnp.ndarray tangent)
cdef Node constant_node(double number)
cdef Node dual_node(Dual number)
cdef Node unary_node(UnaryRow *row, Node x, const double *p, double strict, tuple errors)
cdef Node binary_node(BinaryRow *row, Node a, Node b, Planing planing, double strict, tuple errors)
cdef int compute(Node node) except -1
cdef int compute_readers(Node node) except -1
cdef tuple error_state()
