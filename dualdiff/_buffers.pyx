"""Memory for results: large arrays take freed buffers again, whose pages are mapped and warm in the cache.

An expression on 10⁶ elements makes a dozen temporaries. Handing each back to the system and faulting its pages in again
took almost half of the time of the whole expression (52 ms against 30 ms, with one tangent).
"""

cimport numpy as cnp

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

cdef enum:
    # Smaller arrays come from NumPy, whose own small-block cache serves them.
    SMALLEST = 65536
    HUGE = 4194304
    SLOTS = 16
    # Bytes that may lie idle.
    IDLE = 134217728
    TRACE_DOMAIN = 0x646475

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


def is_buffer(base):
    """Whether the base of an array is its own memory from here, and no other array."""
    return type(base) is Buffer


def idle_buffers():
    """The sizes in bytes of the buffers that lie idle."""
    return [idle[i].size for i in range(idle_count)]
