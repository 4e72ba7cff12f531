"""Column numbers of structured tangents (see tangents.py): comparing them, and finding what they point to.

An array of column numbers is most often a strided view of 0, 1, 2, …: then what it points to in another array is the
same view of that one, and two of them are equal when they begin and step alike.
"""

from libc.string cimport memcmp

cimport numpy as cnp

import numpy as np

cnp.import_array()

cdef extern from *:
    object new_view "PyArray_New"(
        void *, int, const cnp.npy_intp *, int, const cnp.npy_intp *, void *, int, int, void *)
    int PyArray_SetBaseObject(cnp.ndarray, object) except -1
    void Py_INCREF(object)


cdef bint is_view_of(cnp.ndarray number, cnp.ndarray counting) noexcept:
    cdef char *start = cnp.PyArray_BYTES(counting)
    cdef char *data = cnp.PyArray_BYTES(number)
    return start <= data < start + cnp.PyArray_NBYTES(counting)


cdef bint is_injective(cnp.ndarray number) noexcept:
    """Whether no two entries of a strided view are the same place: steps larger than all that smaller ones reach."""
    cdef int nd = cnp.PyArray_NDIM(number), i, _, least
    cdef cnp.npy_intp reach = 0, step
    cdef bint used[64]
    for i in range(nd):
        used[i] = cnp.PyArray_DIMS(number)[i] < 2
    for _ in range(nd):
        least = -1
        for i in range(nd):
            if used[i]:
                continue
            if least < 0 or abs(cnp.PyArray_STRIDES(number)[i]) < abs(cnp.PyArray_STRIDES(number)[least]):
                least = i
        if least < 0:
            return True
        step = abs(cnp.PyArray_STRIDES(number)[least])
        if step <= reach:
            return False
        reach += step*(cnp.PyArray_DIMS(number)[least] - 1)
        used[least] = True
    return True


def are_distinct(cnp.ndarray number, cnp.ndarray counting):
    """Whether no column comes twice."""
    if is_view_of(number, counting):
        return bool(is_injective(number))
    return np.unique(number).size == number.size


def window(cnp.ndarray out, cnp.ndarray number, cnp.ndarray counting):
    """The entries of ``out`` that the numbers point to, as a view where they are distinct ones of 0, 1, 2, …; else None.

    ``out`` is one-dimensional and C-contiguous, ``counting`` holds 0, 1, 2, ….
    """
    cdef cnp.npy_intp strides[64]
    cdef cnp.npy_intp size = cnp.PyArray_ITEMSIZE(out), own = cnp.PyArray_ITEMSIZE(counting)
    cdef int i
    if cnp.PyArray_SIZE(number) == 0 or not is_view_of(number, counting) or not is_injective(number):
        return None
    for i in range(cnp.PyArray_NDIM(number)):
        strides[i] = cnp.PyArray_STRIDES(number)[i]//own*size
    cdef char *first = cnp.PyArray_BYTES(out) + (cnp.PyArray_BYTES(number) - cnp.PyArray_BYTES(counting))//own*size
    view = new_view(<void *> cnp.ndarray, cnp.PyArray_NDIM(number), cnp.PyArray_DIMS(number), cnp.PyArray_TYPE(out),
                    strides, first, 0, cnp.NPY_ARRAY_WRITEABLE | cnp.NPY_ARRAY_ALIGNED, NULL)
    Py_INCREF(out)
    PyArray_SetBaseObject(<cnp.ndarray> view, out)
    return view


cdef bint begin_alike(cnp.ndarray a, cnp.ndarray b) noexcept:
    """Whether two arrays of the same shape are the same view."""
    cdef int i
    if cnp.PyArray_BYTES(a) != cnp.PyArray_BYTES(b):
        return False
    for i in range(cnp.PyArray_NDIM(a)):
        if cnp.PyArray_DIMS(a)[i] > 1 and cnp.PyArray_STRIDES(a)[i] != cnp.PyArray_STRIDES(b)[i]:
            return False
    return True


def are_same(cnp.ndarray a, cnp.ndarray b):
    """Whether two arrays of column numbers are equal."""
    cdef int i
    cdef cnp.npy_intp size = cnp.PyArray_SIZE(a)
    if a is b:
        return True
    if cnp.PyArray_NDIM(a) != cnp.PyArray_NDIM(b):
        return False
    for i in range(cnp.PyArray_NDIM(a)):
        if cnp.PyArray_DIMS(a)[i] != cnp.PyArray_DIMS(b)[i]:
            return False
    if size == 0 or begin_alike(a, b):
        return True
    if (<cnp.npy_intp *> cnp.PyArray_DATA(a))[0] != (<cnp.npy_intp *> cnp.PyArray_DATA(b))[0]:
        return False
    if cnp.PyArray_IS_C_CONTIGUOUS(a) and cnp.PyArray_IS_C_CONTIGUOUS(b):
        return memcmp(cnp.PyArray_DATA(a), cnp.PyArray_DATA(b), size*sizeof(cnp.npy_intp)) == 0
    return bool(np.array_equal(a, b))
