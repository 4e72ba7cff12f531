# Dual and hyper-dual arrays as C sees them.

cdef class ArrayNumber:
    cdef readonly object value
    cdef long level
    # Stands for a number where NumPy has a scalar: `y = x; y *= 2` must leave x alone.
    cdef bint scalar


cdef class DualArray(ArrayNumber):
    cdef object t


cdef class HyperDualArray(ArrayNumber):
    cdef object e1_
    cdef object e2_
    cdef object e12_
    cdef tuple layout
