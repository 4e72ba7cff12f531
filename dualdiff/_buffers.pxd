from cpython.object cimport PyObject
cimport numpy as cnp

cdef cnp.ndarray new_array(int nd, const cnp.npy_intp *shape, int typenum)
cdef void keep(PyObject *array, Py_ssize_t references) noexcept
