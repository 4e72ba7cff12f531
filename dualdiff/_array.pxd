# Dual and hyper-dual arrays as C sees them.
from ._deferred cimport Node

cdef class ArrayNumber:
    # None while a large result waits to be computed; `value` and `tangent` are for everybody else.
    cdef object v
    cdef long level
    # Stands for a number where NumPy has a scalar: `y = x; y *= 2` must leave x alone.
    cdef bint scalar
    # Dense planes, or structured ones, which are derivatives by what `columns` says (see tangents.py).
    cdef object columns
    # Of a view with structured planes: the array it was taken from, and the index.
    cdef object owner
    cdef object owner_index


cdef class DualArray(ArrayNumber):
    cdef object t
    # What waits for its memory, or is read by what does.
    cdef Node node


cdef class HyperDualArray(ArrayNumber):
    cdef object e1_
    cdef object e2_
    # Of structured planes, those of the pairs in `columns` alone; `layout` is that of the dense ones.
    cdef object e12_
    cdef tuple layout
