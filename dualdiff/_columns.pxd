# What the planes of structured arrays are derivatives by, as C sees it.
cimport numpy as cnp

from ._deferred cimport Planing


cdef class Columns:
    cdef readonly tuple numbers
    cdef readonly tuple bases
    cdef readonly object structure
    # Of second order: the pairs of planes, shape (2, m), that the ε1ε2 planes belong to; None at first order.
    cdef readonly cnp.ndarray pairs


cdef class Plan:
    """Where the planes of a result of second order come from; see `plan_second`."""
    cdef Py_ssize_t k
    cdef Py_ssize_t m
    cdef cnp.ndarray first_a
    cdef cnp.ndarray first_b
    cdef cnp.ndarray cross_a
    cdef cnp.ndarray cross_b
    cdef Columns columns


cdef Planing plan_first(Columns a, Columns b, tuple shape)
cdef Plan plan_second(Columns a, Columns b, tuple shape, bint aa, bint ab, bint bb)
