"""Memory for results: arrays take what was freed again.

Large ones take buffers whose pages are mapped and warm in the cache. An expression on 10⁶ elements makes a dozen
temporaries; handing each back to the system and faulting its pages in again took almost half of the time of the whole
expression (52 ms against 30 ms, with one tangent). Small ones take whole arrays: making two of them is a third of what
an operator on four elements costs.
"""

from cpython.object cimport PyObject
cimport numpy as cnp

import numpy as np

cnp.import_array()

cdef extern from *:
    """
    #include <stdlib.h>
    #if defined(_MSC_VER)
    #include <malloc.h>
    static void *dd_aligned(size_t n) { return _aligned_malloc(n, 64); }
    static void dd_release(void *p) { _aligned_free(p); }
    #else
    static void *dd_aligned(size_t n) {
        void *p;
        return posix_memalign(&p, n >= 4194304 ? 2097152 : 64, n) ? NULL : p;
    }
    static void dd_release(void *p) { free(p); }
    #endif
    #if defined(__linux__)
    #include <sys/mman.h>
    #include <stdint.h>
    static void dd_huge(void *p, size_t n) {
        uintptr_t start = ((uintptr_t)p + 4095) & ~(uintptr_t)4095, end = ((uintptr_t)p + n) & ~(uintptr_t)4095;
        if (end > start) madvise((void *)start, end - start, MADV_HUGEPAGE);
    }
    #else
    static void dd_huge(void *p, size_t n) { (void)p; (void)n; }
    #endif
    #ifdef Py_GIL_DISABLED
    #define DD_POOL 0
    #else
    #define DD_POOL 1
    #endif
    """
    void *aligned "dd_aligned"(size_t) nogil
    void release "dd_release"(void *) nogil
    void huge "dd_huge"(void *, size_t) nogil
    const bint POOL "DD_POOL"
    int PyTraceMalloc_Track(unsigned int, size_t, size_t)
    int PyTraceMalloc_Untrack(unsigned int, size_t)
    int PyArray_SetBaseObject(cnp.ndarray, object) except -1
    void Py_INCREF(object)
    void Py_DECREF(object)
    Py_ssize_t Py_REFCNT(PyObject *)

cdef extern from "Python.h":
    ctypedef struct PyTypeObject:
        Py_ssize_t tp_weaklistoffset

cdef enum:
    # Smaller arrays come from NumPy, whose own small-block cache serves them.
    SMALLEST = 65536
    HUGE = 4194304
    SLOTS = 16
    # Bytes that may lie idle.
    IDLE = 134217728
    TRACE_DOMAIN = 0x646475
    # Arrays of fewer bytes are kept whole, this many of them.
    SMALL = 4096
    SMALL_SLOTS = 16

ctypedef struct Slot:
    void *data
    size_t size

cdef Slot idle[SLOTS]
cdef int idle_count = 0
cdef size_t idle_bytes = 0


cdef void *take(size_t size) noexcept:
    """A buffer of exactly ``size`` bytes, the one freed last if there is one."""
    global idle_count, idle_bytes
    cdef int i
    cdef void *data
    for i in range(idle_count - 1, -1, -1):
        if idle[i].size == size:
            data = idle[i].data
            idle_bytes -= size
            idle_count -= 1
            while i < idle_count:
                idle[i] = idle[i + 1]
                i += 1
            return data
    data = aligned(size)
    if data != NULL and size >= HUGE:
        huge(data, size)
    return data


cdef void give_back(void *data, size_t size) noexcept:
    """Keep a buffer for later; the oldest ones go when too much lies idle."""
    global idle_count, idle_bytes
    cdef int i
    if not POOL or size > IDLE:
        release(data)
        return
    while idle_count == SLOTS or (idle_count > 0 and idle_bytes + size > IDLE):
        release(idle[0].data)
        idle_bytes -= idle[0].size
        idle_count -= 1
        for i in range(idle_count):
            idle[i] = idle[i + 1]
    idle[idle_count].data = data
    idle[idle_count].size = size
    idle_count += 1
    idle_bytes += size


cdef PyObject *small[SMALL_SLOTS]
cdef int small_count = 0


cdef cnp.ndarray take_small(int nd, const cnp.npy_intp *shape, int typenum):
    """An idle array of this shape and type, None if there is none."""
    global small_count
    cdef int i, j
    cdef cnp.ndarray array
    cdef PyObject *found
    for i in range(small_count - 1, -1, -1):
        found = small[i]
        if cnp.PyArray_NDIM(<cnp.ndarray> found) != nd or cnp.PyArray_TYPE(<cnp.ndarray> found) != typenum:
            continue
        for j in range(nd):
            if cnp.PyArray_DIMS(<cnp.ndarray> found)[j] != shape[j]:
                break
        else:
            small_count -= 1
            small[i] = small[small_count]
            array = <cnp.ndarray> found
            Py_DECREF(array)
            return array
    return None


cdef void keep(PyObject *array, Py_ssize_t references) noexcept:
    """Keep an array that its holder is about to let go, if he has all references to it and it is as new."""
    global small_count
    cdef int i
    if not POOL or array == NULL or Py_REFCNT(array) != references or not cnp.PyArray_CheckExact(<object> array):
        return
    if cnp.PyArray_NBYTES(<cnp.ndarray> array) >= SMALL or cnp.PyArray_FLAGS(<cnp.ndarray> array) & AS_NEW != AS_NEW \
            or <PyObject *> cnp.PyArray_DESCR(<cnp.ndarray> array) not in (<PyObject *> DOUBLE, <PyObject *> SINGLE):
        return
    if (<PyObject **> (<char *> array + (<PyTypeObject *> cnp.ndarray).tp_weaklistoffset))[0] != NULL:
        return
    if small_count == SMALL_SLOTS:
        small_count -= 1
        Py_DECREF(<object> small[0])
        for i in range(small_count):
            small[i] = small[i + 1]
    Py_INCREF(<object> array)
    small[small_count] = array
    small_count += 1


cdef cnp.dtype DOUBLE = cnp.PyArray_DescrFromType(cnp.NPY_DOUBLE)
cdef cnp.dtype SINGLE = cnp.PyArray_DescrFromType(cnp.NPY_FLOAT)
cdef int AS_NEW = cnp.NPY_ARRAY_CARRAY | cnp.NPY_ARRAY_OWNDATA


cdef class Buffer:
    """The owner of an array's memory."""

    cdef void *data
    cdef size_t size

    def __dealloc__(self):
        if self.data != NULL:
            PyTraceMalloc_Untrack(TRACE_DOMAIN, <size_t> self.data)
            give_back(self.data, self.size)


cdef cnp.ndarray new_array(int nd, const cnp.npy_intp *shape, int typenum):
    """An uninitialised C-contiguous array of float64 or float32 numbers."""
    cdef size_t size = 4 if typenum == cnp.NPY_FLOAT else 8
    cdef Buffer buffer
    cdef object array
    cdef int i
    for i in range(nd):
        size *= <size_t> shape[i]
    if size < SMALL:
        array = take_small(nd, shape, typenum)
        if array is not None:
            return <cnp.ndarray> array
    if size < SMALLEST:
        return <cnp.ndarray> cnp.PyArray_SimpleNew(nd, <cnp.npy_intp *> shape, typenum)
    buffer = Buffer.__new__(Buffer)
    buffer.data = take(size)
    if buffer.data == NULL:
        raise MemoryError(f"{size} bytes for a dual array; set chunk_size or max_memory")
    buffer.size = size
    PyTraceMalloc_Track(TRACE_DOMAIN, <size_t> buffer.data, size)
    array = cnp.PyArray_SimpleNewFromData(nd, <cnp.npy_intp *> shape, typenum, buffer.data)
    Py_INCREF(buffer)
    PyArray_SetBaseObject(<cnp.ndarray> array, buffer)
    return <cnp.ndarray> array


def empty(shape, dtype):
    """As np.empty, in memory from here where there is some for that dtype."""
    cdef cnp.npy_intp dims[33]
    cdef int i
    if dtype not in (DOUBLE, SINGLE):
        return np.empty(shape, dtype)
    for i in range(len(shape)):
        dims[i] = shape[i]
    return new_array(len(shape), dims, cnp.NPY_DOUBLE if dtype == DOUBLE else cnp.NPY_FLOAT)


def is_buffer(base):
    """Whether the base of an array is its own memory from here, and no other array."""
    return type(base) is Buffer


def idle_buffers():
    """The sizes in bytes of the buffers that lie idle."""
    return [idle[i].size for i in range(idle_count)]
