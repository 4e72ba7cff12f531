# Dual and hyper-dual arrays as C sees them.
cimport numpy as cnp

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


# A NumPy function on small arrays, None where its rule must be asked (see _small.pyx).
ctypedef object (*shortcut_t)(object function, tuple args, dict kwargs)

cdef bint is_array(object a) noexcept
cdef bint as_index(object a, Py_ssize_t *out) except -1
cdef int real_type(object a) noexcept
cdef bint is_flat(cnp.ndarray a, int lead) noexcept
cdef cnp.ndarray new_values(int nd, const cnp.npy_intp *dims, int t)
cdef cnp.ndarray new_stack(Py_ssize_t k, int nd, const cnp.npy_intp *dims, int t)
cdef DualArray new_dual_array(object value, object tangent, long level)
cdef HyperDualArray new_hyper_array(object value, object e1, object e2, object e12, tuple layout, long level)
cdef object call_binary(int index, object a, object b)
cdef object call_unary(int index, object x, const double *p)
cdef object repeated(ArrayNumber x, object view)
cdef void set_shortcuts(shortcut_t function)
cpdef tuple pairs(tuple layout)
