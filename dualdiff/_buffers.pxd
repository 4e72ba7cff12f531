cimport numpy as cnp

cdef cnp.ndarray new_array(int nd, const cnp.npy_intp *shape, int typenum)
