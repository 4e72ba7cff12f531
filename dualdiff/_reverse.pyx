"""The tape of reverse mode: recorded arrays, the entries that made them, and the backward sweep.

An entry is a `Node` that knows the entries it was made of, so that the tape is a graph: an entry from which nothing
leads to the result is freed with the array that it made. `TracedArray` is what the user's code sees. Cotangents are
stacks with several of them in front, as tangents are.
"""
cimport cython
from cpython.float cimport PyFloat_CheckExact
from cpython.long cimport PyLong_CheckExact
from cpython.object cimport PyObject
from libc.math cimport NAN, fabs
from libc.string cimport memset

cimport numpy as cnp

cdef extern from "Python.h":
    Py_ssize_t Py_REFCNT(object)
    int PySlice_Unpack(object, Py_ssize_t *, Py_ssize_t *, Py_ssize_t *) except -1
    Py_ssize_t PySlice_AdjustIndices(Py_ssize_t, Py_ssize_t *, Py_ssize_t *, Py_ssize_t)

cdef extern from "numpy/arrayobject.h":
    # PyArray_New gives an array over memory that another object owns.
    object PyArray_New(type, int, const cnp.npy_intp *, int, const cnp.npy_intp *, void *, int, int, PyObject *)

from ._buffers cimport new_array
from ._kernels cimport BLOCK, COMPUTED, UnaryRow, unary_rows

import functools

import numpy as np

from . import levels
from ._array import DualArray, HyperDualArray, apply_binary, apply_unary, duplicate, is_dual, lift, make
from ._array import is_finite
from ._array import level as dual_level
from ._buffers import is_buffer
from ._scalar import UNARY_UFUNCS

cnp.import_array()

# The Python module that serves everything beyond the plain operators; it imports this one, hence the late binding.
cdef object reverse = None
cdef dict UNARY_INDEX = {}
cdef dict BINARY_INDEX = {}
cdef dict FUNCTIONS = {}
cdef dict METHODS = {}


def bind(module, dict unary, dict binary, dict functions, dict methods):
    """Tell the recorded arrays where rows, NumPy's functions and methods live."""
    global reverse, UNARY_INDEX, BINARY_INDEX, FUNCTIONS, METHODS
    reverse, UNARY_INDEX, BINARY_INDEX, FUNCTIONS, METHODS = module, unary, binary, functions, methods


class LoopOfNumbers(BaseException):
    """A recording gave up: its function goes number by number. No `Exception`, so that users' handlers let it pass."""


# How many single numbers the recording of one level may still take out of arrays.
cdef long LIMITED = -1
cdef long LEFT_OVER = 0


def limit(long level, long numbers):
    """Let the recording of ``level`` raise `LoopOfNumbers` after so many; returns what `limit` takes to go back."""
    global LIMITED, LEFT_OVER
    before = (LIMITED, LEFT_OVER)
    LIMITED, LEFT_OVER = level, numbers
    return before


# ---------------------------------------------------------------------------------------------------------------------
# Entries
# ---------------------------------------------------------------------------------------------------------------------

cdef enum:
    LEAF      # an input
    TIMES     # the local derivatives p and q times the cotangent
    DIVIDE    # p / q, the operands
    INDEX     # the entries at index p
    PRODUCT   # the matrix product p @ q; None for an operand that no cotangent needs
    SUM       # over the axes p, all of them where it is None; q says whether they are kept
    LAST_SCALED = SUM  # what follows gets its cotangent with the scale multiplied
    CALL      # p(cotangent) gives the cotangents of the parents
    JOINT     # several results: p(list of cotangents)
    ITEM      # result number p of a JOINT

cdef long long SWEEPS = 0


@cython.final
@cython.trashcan(True)
cdef class Node:
    """An entry of the tape: what it was made of, and how a cotangent goes back there."""

    cdef int kind
    cdef bint owned, is_real
    cdef bint linear  # a CALL whose pullback has constant coefficients
    cdef long along  # the level of which it takes tangents of cotangents alone, see `send_tangents_alone`; else -1
    cdef bint selects_a, selects_b  # a local derivative of 0 drops the cotangent whatever it holds
    cdef Node a, b
    cdef tuple parents
    cdef object p, q
    cdef double factor
    cdef readonly tuple shape
    cdef readonly object dtype
    cdef Py_ssize_t largest  # how many numbers the largest entry has that it was made of, itself included
    # What has arrived is ``scale`` times ``cotangent``: signs and constant factors take no pass through memory.
    cdef object cotangent
    cdef double scale
    cdef long long sweep


cdef Node new_node(int kind, object value, Node a, Node b, object p, object q):
    cdef Node n = Node.__new__(Node)
    n.kind, n.a, n.b, n.p, n.q, n.factor, n.along = kind, a, b, p, q, 1.0, -1
    if type(value) is cnp.ndarray:
        n.shape = value.shape
        n.dtype = (<cnp.ndarray> value).dtype
        n.is_real = not cnp.PyArray_ISCOMPLEX(<cnp.ndarray> value)
    else:
        n.shape, n.dtype = value.shape, value.dtype
        n.is_real = n.dtype.kind != "c"
    n.largest = value.size if type(value) is not cnp.ndarray else cnp.PyArray_SIZE(<cnp.ndarray> value)
    if a is not None:
        n.largest = max(n.largest, a.largest)
    if b is not None:
        n.largest = max(n.largest, b.largest)
    return n


# ---------------------------------------------------------------------------------------------------------------------
# Arithmetic of cotangents
# ---------------------------------------------------------------------------------------------------------------------

cdef inline bint is_double(object a) noexcept:
    return type(a) is cnp.ndarray and cnp.PyArray_TYPE(<cnp.ndarray> a) == cnp.NPY_DOUBLE \
        and cnp.PyArray_ISBEHAVED_RO(<cnp.ndarray> a)


cdef inline bint contiguous(object a) noexcept:
    return cnp.PyArray_IS_C_CONTIGUOUS(<cnp.ndarray> a)


cdef extern from *:
    """
    DD_CLONES static void dd_send(double *DD_RESTRICT out, const double *DD_RESTRICT w, const double *DD_RESTRICT g,
                                  Py_ssize_t n, double factor) {
        for (Py_ssize_t i = 0; i < n; i++) { double term = factor * w[i] * g[i]; out[i] = g[i] == 0 ? 0 : term; }
    }
    DD_CLONES static void dd_send_constant(double *DD_RESTRICT out, const double *DD_RESTRICT w, double g,
                                           Py_ssize_t n, double factor) {
        for (Py_ssize_t i = 0; i < n; i++) out[i] = factor * w[i] * g;
    }
    DD_CLONES static void dd_add(double *DD_RESTRICT held, const double *DD_RESTRICT g, Py_ssize_t n, double scale) {
        for (Py_ssize_t i = 0; i < n; i++) held[i] += scale * g[i];
    }
    """
    void send_all "dd_send"(double *out, const double *w, const double *g, Py_ssize_t n, double factor) noexcept nogil
    void send_constant "dd_send_constant"(
        double *out, const double *w, double g, Py_ssize_t n, double factor) noexcept nogil
    # ``held += scale*g``; the two never overlap.
    void add_to "dd_add"(double *held, const double *g, Py_ssize_t n, double scale) noexcept nogil


cdef void strong_loop(const double *w, const double *g, double *out, Py_ssize_t n, double factor, bint selects,
                      bint constant) noexcept nogil:
    """``factor w g``, where a g that is exactly 0 gives 0 (and, of a row that selects, a w that is 0 as well)."""
    cdef Py_ssize_t i
    cdef double one
    if selects:
        for i in range(n):
            one = g[0] if constant else g[i]
            out[i] = 0.0 if one == 0.0 or w[i] == 0.0 else factor*w[i]*one
    elif not constant:
        send_all(out, w, g, n, factor)
    elif g[0] == 0.0:
        memset(out, 0, n*sizeof(double))
    else:
        send_constant(out, w, g[0], n, factor)


cdef object strong_times(object w, object g, double factor, bint selects):
    """A local derivative times every cotangent of a stack, under the strong zero."""
    cdef cnp.ndarray wa, ga, out
    cdef Py_ssize_t m, n, i
    cdef int nd
    cdef bint constant
    if type(w) is cnp.ndarray and cnp.PyArray_NDIM(<cnp.ndarray> w) == 0 and is_double(w):
        w = w[()]
    if isinstance(w, float):
        return reverse.scaled(factor*<double> w, g)
    if is_double(w) and is_double(g):
        wa, ga = <cnp.ndarray> w, <cnp.ndarray> g
        nd = cnp.PyArray_NDIM(wa)
        if nd == cnp.PyArray_NDIM(ga) - 1 and contiguous(w):
            for i in range(nd):
                if cnp.PyArray_DIMS(wa)[i] != cnp.PyArray_DIMS(ga)[i + 1]:
                    break
            else:
                constant = is_stretched(ga)
                if not constant and not contiguous(g):
                    ga = np.ascontiguousarray(g)
                m, n = cnp.PyArray_DIMS(ga)[0], cnp.PyArray_SIZE(wa)
                out = new_array(nd + 1, cnp.PyArray_DIMS(ga), cnp.NPY_DOUBLE)
                for i in range(m):
                    strong_loop(<double *> cnp.PyArray_DATA(wa),
                                <double *> (cnp.PyArray_BYTES(ga) + i*cnp.PyArray_STRIDES(ga)[0]),
                                (<double *> cnp.PyArray_DATA(out)) + i*n, n, factor, selects, constant)
                return out
    return reverse.strong_product(w, g, factor, selects)


cdef object ADD_REDUCE = np.add.reduce

# Sums of so few numbers are added one by one, as NumPy does.
cdef enum:
    SHORT = 128


cdef cnp.ndarray sums_of_rows(cnp.ndarray g):
    """The sum of every array of a stack: of few numbers, 0.1 µs where NumPy's function takes 2."""
    cdef cnp.npy_intp m = cnp.PyArray_DIMS(g)[0], i, j
    cdef cnp.npy_intp n = cnp.PyArray_SIZE(g)//m if m else 0
    cdef cnp.ndarray out = cnp.PyArray_EMPTY(1, &m, cnp.NPY_DOUBLE, 0)
    cdef double *row = <double *> cnp.PyArray_DATA(g)
    cdef double sum
    for i in range(m):
        sum = 0.0
        for j in range(n):
            sum += row[j]
        (<double *> cnp.PyArray_DATA(out))[i] = sum
        row += n
    return out


cdef object reduced(object g, tuple shape):
    """The cotangent of what was broadcast: summed over the axes along which it was repeated."""
    cdef tuple found = g.shape
    cdef Py_ssize_t i, extra = len(found) - 1 - len(shape)
    if extra == 0:
        for i in range(len(shape)):
            if shape[i] != found[i + 1]:
                break
        else:
            return g
    elif not shape:
        if is_double(g) and contiguous(g) and cnp.PyArray_SIZE(<cnp.ndarray> g) <= SHORT*cnp.PyArray_DIMS(<cnp.ndarray> g)[0]:
            return sums_of_rows(<cnp.ndarray> g)
        return ADD_REDUCE(g.reshape((found[0], cnp.PyArray_SIZE(<cnp.ndarray> g)//max(found[0], 1))), 1) if type(g) is cnp.ndarray \
            else np.sum(g, axis=tuple(range(1, len(found))))
    axes = tuple([i for i in range(1, len(found)) if i <= extra or shape[i - 1 - extra] != found[i]])
    g = np.add.reduce(g, axis=axes) if type(g) is cnp.ndarray else np.sum(g, axis=axes)
    return g if g.shape[1:] == shape else g.reshape((found[0], *shape))


def stretched(cnp.ndarray g, tuple shape):
    """A stack of one number each as one of arrays of ``shape``, by strides of 0."""
    cdef cnp.npy_intp dims[64]
    cdef cnp.npy_intp strides[64]
    cdef int i, nd = len(shape) + 1
    dims[0], strides[0] = cnp.PyArray_DIMS(g)[0], cnp.PyArray_STRIDES(g)[0]
    for i in range(1, nd):
        dims[i], strides[i] = shape[i - 1], 0
    view = PyArray_New(cnp.ndarray, nd, dims, cnp.PyArray_TYPE(g), strides, cnp.PyArray_DATA(g), 0, 0, NULL)
    cnp.set_array_base(<cnp.ndarray> view, g)
    return view


cdef bint is_stretched(cnp.ndarray g) noexcept:
    """Whether every array of a stack is one number, repeated by strides of 0."""
    cdef int i
    for i in range(1, cnp.PyArray_NDIM(g)):
        if cnp.PyArray_STRIDES(g)[i] != 0:
            return False
    return cnp.PyArray_NDIM(g) > 1


cdef void add_constants(cnp.ndarray held, cnp.ndarray g, double scale) noexcept:
    """``held += scale*g`` for a stretched stack."""
    cdef Py_ssize_t m = cnp.PyArray_DIMS(g)[0], n = cnp.PyArray_SIZE(g)//m if m else 0, i, j
    cdef double *row = <double *> cnp.PyArray_DATA(held)
    cdef double one
    for i in range(m):
        one = scale*(<double *> (cnp.PyArray_BYTES(g) + i*cnp.PyArray_STRIDES(g)[0]))[0]
        for j in range(n):
            row[j] += one
        row += n


cdef int settle_scale(Node n) except -1:
    """Multiply what has arrived by its scale."""
    if n.scale != 1.0:
        if n.owned and type(n.cotangent) is cnp.ndarray:
            np.multiply(n.cotangent, n.scale, n.cotangent)
        else:
            n.cotangent = n.cotangent*n.scale
            n.owned = type(n.cotangent) is cnp.ndarray
        n.scale = 1.0
    return 0


cdef int give(Node n, Node by, object g, bint fresh, double scale) except -1:
    """Add ``scale`` times a cotangent to what an entry has; ``fresh`` when nobody else holds it."""
    if n is None or g is None:
        return 0
    if n.along >= 0 and (by is None or by.along < 0):
        g, fresh = tangents_of(g, n.along), False
        if g is None:
            return 0
    if type(g) is cnp.ndarray:
        if n.is_real and cnp.PyArray_ISCOMPLEX(<cnp.ndarray> g):
            g, fresh = g.real, False
        if (<cnp.ndarray> g).dtype is not n.dtype and (<cnp.ndarray> g).dtype != n.dtype:
            g, fresh = g.astype(n.dtype), True
    elif n.is_real and g.dtype.kind == "c":
        g = np.real(g)
    if len(n.shape) != g.ndim - 1 or n.shape != g.shape[1:]:
        raise AssertionError(f"a cotangent of shape {g.shape[1:]} came to an entry of shape {n.shape}")
    if n.cotangent is None:
        n.cotangent, n.owned, n.scale = g, fresh, scale
        return 0
    if n.scale == scale:
        scale = 1.0
    else:
        settle_scale(n)
    if n.owned and type(g) is cnp.ndarray:
        if is_double(g) and is_double(n.cotangent) and contiguous(g) and contiguous(n.cotangent):
            add_to(<double *> cnp.PyArray_DATA(<cnp.ndarray> n.cotangent),
                   <double *> cnp.PyArray_DATA(<cnp.ndarray> g), cnp.PyArray_SIZE(<cnp.ndarray> g), scale)
        elif is_double(g) and is_double(n.cotangent) and is_stretched(<cnp.ndarray> g) and contiguous(n.cotangent):
            add_constants(<cnp.ndarray> n.cotangent, <cnp.ndarray> g, scale)
        else:
            np.add(n.cotangent, g if scale == 1.0 else g*scale, out=n.cotangent)
    else:
        n.cotangent = calculated(ADD, n.cotangent, g if scale == 1.0 else g*scale)
        n.owned = type(n.cotangent) is cnp.ndarray
    return 0


cdef inline bint has_own_memory(cnp.ndarray a):
    """Whether an array is no view and may be written to."""
    return cnp.PyArray_CHKFLAGS(a, cnp.NPY_ARRAY_WRITEABLE) and (
        cnp.PyArray_CHKFLAGS(a, cnp.NPY_ARRAY_OWNDATA) or is_buffer((<object> a).base))


cdef inline bint is_scale(double factor) noexcept:
    """Whether a constant may wait: not where it, or a product of a few of them, could overflow or vanish."""
    return 1e-60 < fabs(factor) < 1e60


cdef object tangents_of(object g, long level):
    """The tangents of a stack of cotangents, as a stack; None where they are zero."""
    if dual_level(g) != level:
        return None
    planes = g._stacks[0]
    return planes[0] if planes.shape[0] == 1 else planes.reshape((-1, *planes.shape[2:]))


cdef int give_product(Node n, Node by, object w, object g, double factor, bint selects) except -1:
    cdef object product, sent
    if w is None or isinstance(w, float):
        if w is not None:
            factor *= <double> w
        if factor == 0.0:
            return 0
        if is_scale(factor):
            sent = reduced(g, n.shape)
            return give(
                n, by, sent, sent is not g and type(sent) is cnp.ndarray and has_own_memory(<cnp.ndarray> sent), factor)
        w, factor = factor, 1.0
    product = strong_times(w, g, factor, selects)
    sent = reduced(product, n.shape)
    return give(n, by, sent, sent is not g and type(sent) is cnp.ndarray and has_own_memory(<cnp.ndarray> sent), 1.0)


cdef int give_quotient(Node n, object g, double scale) except -1:
    cdef object q = n.q
    if type(q) is cnp.ndarray and cnp.PyArray_NDIM(<cnp.ndarray> q) == 0:
        q = q[()]
    if n.a is not None:
        give_product(n.a, n, 1.0/q, g, scale, False)
    if n.b is not None:
        give_product(n.b, n, n.p/q/q, g, -scale, False)
    return 0


cdef bint add_to_dual(Node n, object index, object g) except -1:
    """Add dense dual cotangents to the entries at a basic index, in the memory of what is there already.

    The weights of a network lie in one vector and are taken out of it by slices: a zero vector for each of them, value
    and tangents, took two thirds of a Hessian-vector product.
    """
    cdef object value, planes, held, entry
    if g._columns is not None:
        return False
    value, planes = g._primal, g._planes
    if type(value) is not cnp.ndarray or type(planes) is not cnp.ndarray or value.dtype != n.dtype:
        return False
    held = n.cotangent
    if held is None:
        zero = np.zeros((), value.dtype)
        held = make(duplicate(np.broadcast_to(zero, (value.shape[0], *n.shape))),
                    (duplicate(np.broadcast_to(zero, (planes.shape[0], value.shape[0], *n.shape))),), None, g._level)
        n.cotangent, n.owned = held, True
    elif not n.owned or type(held) is not DualArray or held._level != g._level or held._columns is not None \
            or held._planes.shape[0] != planes.shape[0]:
        return False
    entry = (slice(None), *index) if type(index) is tuple else (slice(None), index)
    at = held._primal[entry]
    np.add(at, value, out=at)
    at = held._planes[(slice(None), *entry)]
    np.add(at, planes, out=at)
    return True


cdef object zeros(tuple shape, object dtype):
    """Zeros, in memory that is taken again where that pays."""
    if dtype is not DOUBLE:
        return np.zeros(shape, dtype)
    cdef cnp.ndarray out = empty(shape)
    memset(cnp.PyArray_DATA(out), 0, cnp.PyArray_NBYTES(out))
    return out


cdef bint add_to_slice(Node n, object index, cnp.ndarray g, double scale) except -1:
    """Add a stack to a number or a slice of a vector, in place: 0.1 µs where NumPy's views and ufunc take 1.5."""
    cdef Py_ssize_t size, start, stop, step, length, i
    cdef cnp.ndarray held
    cdef bint fresh = n.cotangent is None
    size = n.shape[0]
    if PyLong_CheckExact(index):
        start, step, length = index, 1, 1
        start += size if start < 0 else 0
        if not 0 <= start < size or cnp.PyArray_NDIM(g) != 1:
            return False
    elif type(index) is slice and cnp.PyArray_NDIM(g) == 2:
        PySlice_Unpack(index, &start, &stop, &step)
        length = PySlice_AdjustIndices(size, &start, &stop, step)
        if length != cnp.PyArray_DIMS(g)[1]:
            return False
    else:
        return False
    cdef Py_ssize_t along = cnp.PyArray_STRIDES(g)[1] if cnp.PyArray_NDIM(g) == 2 else <Py_ssize_t> sizeof(double)
    if fresh:
        n.cotangent, n.owned = empty((g.shape[0], size)), True
    held = <cnp.ndarray> n.cotangent
    for i in range(cnp.PyArray_DIMS(g)[0]):
        add_row((<double *> cnp.PyArray_DATA(held)) + i*size, size, start, step, length,
                cnp.PyArray_BYTES(g) + i*cnp.PyArray_STRIDES(g)[0], along, scale, fresh)
    return True


cdef void add_row(double *held, Py_ssize_t size, Py_ssize_t start, Py_ssize_t step, Py_ssize_t length, const char *g,
                  Py_ssize_t along, double scale, bint fresh) noexcept nogil:
    """The same for one vector; a fresh one holds nothing yet, and what the slice covers is not filled with zeros."""
    cdef Py_ssize_t j
    cdef double *into = held + start
    if step == 1 and along == sizeof(double):
        if not fresh:
            add_to(into, <const double *> g, length, scale)
            return
        memset(held, 0, start*sizeof(double))
        memset(into + length, 0, (size - start - length)*sizeof(double))
        send_constant(into, <const double *> g, 1.0, length, scale)
        return
    if fresh:
        memset(held, 0, size*sizeof(double))
    for j in range(length):
        into[j*step] += scale*(<const double *> (g + j*along))[0]


cdef int give_entries(Node n, Node by, object index, object g, double scale) except -1:
    """The cotangent of entries goes to their places."""
    cdef object at
    if n.along >= 0 and by.along < 0:
        g = tangents_of(g, n.along)
        if g is None:
            return 0
    if n.cotangent is not None:
        settle_scale(n)
    n.scale = 1.0
    if scale != 1.0 and not is_double(g):
        g, scale = g*scale, 1.0
    if type(g) is DualArray and is_basic(index) and add_to_dual(n, index, g):
        return 0
    if type(g) is not cnp.ndarray or (n.cotangent is not None and type(n.cotangent) is not cnp.ndarray) or (
            n.is_real and cnp.PyArray_ISCOMPLEX(<cnp.ndarray> g)):
        return give(n, n, reverse.scattered(g if scale == 1.0 else g*scale, index, n.shape), False, 1.0)
    if n.cotangent is not None and not (n.owned and contiguous(n.cotangent)):
        n.cotangent, n.owned = n.cotangent.copy(), True
    if len(n.shape) == 1 and is_double(g) and n.dtype is DOUBLE and add_to_slice(n, index, <cnp.ndarray> g, scale):
        return 0
    if n.cotangent is None:
        n.cotangent, n.owned = zeros((g.shape[0], *n.shape), n.dtype), True
    if scale != 1.0:
        g = g*scale
    if is_basic(index):
        at = n.cotangent[(slice(None), *index) if type(index) is tuple else (slice(None), index)]
        np.add(at, g, out=at)
    else:
        reverse.add_entries(n.cotangent, index, g)
    return 0


# From so many numbers on a matrix product goes to memory that is taken again.
cdef enum:
    LARGE_PRODUCT = 8192


cdef object matrix_times(object a, object b):
    """The product of two matrices of real numbers, by BLAS."""
    cdef Py_ssize_t size = cnp.PyArray_DIMS(<cnp.ndarray> a)[0]*cnp.PyArray_DIMS(<cnp.ndarray> b)[1]
    if size < LARGE_PRODUCT:
        return cnp.PyArray_MatrixProduct(a, b)
    return np.matmul(a, b, out=empty((a.shape[0], b.shape[1])))


cdef object left_cotangent(object g, object y, tuple shape):
    """Of a in ``a @ y`` by one product of matrices; None where not all is real and finite."""
    if not (is_double(g) and is_double(y) and cnp.PyArray_NDIM(<cnp.ndarray> y) == 2 and len(shape) <= 2):
        return None
    if len(shape) == 1:
        found = matrix_times(g, y.T)
    elif contiguous(g):
        found = matrix_times(g.reshape((g.shape[0]*g.shape[1], g.shape[2])), y.T).reshape((g.shape[0], *shape))
    else:
        return None
    return found if is_finite(found) else None


cdef object right_cotangent(object g, object x, tuple shape):
    """Of b in ``x @ b``, the same way."""
    if not (is_double(g) and is_double(x) and cnp.PyArray_NDIM(<cnp.ndarray> x) == 2 and len(shape) <= 2):
        return None
    if len(shape) == 1:
        found = matrix_times(g, x)
    elif cnp.PyArray_DIMS(<cnp.ndarray> g)[0] == 1:
        found = matrix_times(x.T, g[0])[None]
    else:
        return None
    return found if is_finite(found) else None


cdef int give_factors(Node n, object g, double scale) except -1:
    """The cotangents of both factors: what BLAS cannot serve is served by the transpose."""
    if n.a is not None:
        quick = left_cotangent(g, n.q, n.a.shape)
        give(n.a, n, reverse.left_cotangent(g, n.q, n.a.shape) if quick is None else quick, quick is not None, scale)
    if n.b is not None:
        quick = right_cotangent(g, n.p, n.b.shape)
        give(n.b, n, reverse.right_cotangent(g, n.p, n.b.shape) if quick is None else quick, quick is not None, scale)
    return 0


cdef int give_summands(Node n, object g, double scale) except -1:
    """Every summand gets the cotangent of its sum."""
    if n.p is None and type(g) is cnp.ndarray:
        return give(n.a, n, stretched(<cnp.ndarray> g, n.a.shape), False, scale)
    axes = tuple(range(len(n.a.shape))) if n.p is None else n.p
    return give(n.a, n, reverse.spread_back(g, n.a.shape, axes, n.q), False, scale)


# ---------------------------------------------------------------------------------------------------------------------
# The backward sweep
# ---------------------------------------------------------------------------------------------------------------------

cdef list ordered(list roots, long long sweep):
    """Every entry that the roots were made of, parents first."""
    cdef list order = [], stack = list(roots)
    cdef Node n
    while stack:
        n = <Node> stack[len(stack) - 1]
        if n.sweep == -sweep or n.sweep == sweep:
            stack.pop()
            if n.sweep == -sweep:
                n.sweep = sweep
                order.append(n)
            continue
        n.sweep = -sweep
        if n.a is not None and n.a.sweep != sweep:
            stack.append(n.a)
        if n.b is not None and n.b.sweep != sweep:
            stack.append(n.b)
        if n.parents is not None:
            for parent in n.parents:
                if parent is not None and (<Node> parent).sweep != sweep:
                    stack.append(parent)
    return order


def count_entries(Node root):
    """How many entries a result was made of."""
    global SWEEPS
    SWEEPS += 1
    return 0 if root is None else len(ordered([root], SWEEPS))


def largest_entry(Node root):
    """How many numbers the largest entry has that a result was made of."""
    return root.largest


cdef int send(Node n, object g) except -1:
    """Send the cotangent of an entry to what it was made of."""
    if n.kind == TIMES:
        if n.a is not None:
            give_product(n.a, n, n.p, g, n.factor*n.scale, n.selects_a)
        if n.b is not None:
            give_product(n.b, n, n.q, g, n.scale, n.selects_b)
    elif n.kind == DIVIDE:
        give_quotient(n, g, n.scale)
    elif n.kind == INDEX:
        give_entries(n.a, n, n.p, g, n.scale)
    elif n.kind == PRODUCT:
        give_factors(n, g, n.scale)
    elif n.kind == SUM:
        give_summands(n, g, n.scale)
    elif n.kind == ITEM:
        if n.a.cotangent is None:
            n.a.cotangent, n.a.scale = [None]*<int> n.a.q, 1.0
        (<list> n.a.cotangent)[<int> n.p] = g
    else:
        sent = n.p(g)
        if len(n.parents) == 1 and type(sent) is not tuple:
            sent = (sent,)
        for parent, h in zip(n.parents, sent):
            if parent is not None and h is not None:
                give(<Node> parent, n, h, False, 1.0)
    return 0


cdef inline bint is_constant(Node parent, object w) noexcept:
    """Whether a cotangent goes to this parent with a plain coefficient, and from there on so to the leaves."""
    return parent is None or (parent.along >= 0 and (w is None or type(w) is cnp.ndarray or type(w) is float))


cdef bint is_straight(Node n) except -1:
    """Whether all that lies between an entry and the leaves is linear, with plain coefficients."""
    if n.kind == LEAF:
        return True
    if n.kind == TIMES:
        return is_constant(n.a, n.p) and is_constant(n.b, n.q)
    if n.kind == DIVIDE:
        return n.b is None and is_constant(n.a, n.q)
    if n.kind == PRODUCT:
        return is_constant(n.a, n.q) and is_constant(n.b, n.p)
    if n.kind == INDEX or n.kind == SUM:
        return is_constant(n.a, None)
    if n.kind == CALL and n.linear:
        for parent in n.parents:
            if not is_constant(<Node> parent, None):
                return False
        return True
    return False


cdef int send_tangents_alone(list order, long level) except -1:
    """Mark the entries to which only the tangents of dual cotangents need to go.

    Of a Hessian-vector product the gradient is not asked for. Where all on the way to the inputs is linear, its
    cotangents stay apart from their tangents, so that half of the products there need not be computed.
    """
    for n in order:
        if is_straight(<Node> n):
            (<Node> n).along = level
    return 0


def backward(list roots, list seeds, list leaves, long along=-1):
    """Send cotangents from the roots to the leaves.

    Parameters
    ----------
    roots : list of Node
    seeds : list of arrays
        For each root a stack of cotangents, ``(m, *shape)``.
    leaves : list of Node
        Where they shall arrive.
    along : int
        A level of dual numbers: only the tangents of that level shall arrive, as a stack ``(k m, *shape)``.

    Returns
    -------
    list
        For each leaf its stack of cotangents, None where nothing arrived.
    """
    global SWEEPS
    cdef Node n
    cdef object g
    cdef Py_ssize_t i
    cdef list order, found = []
    SWEEPS += 1
    order = ordered(roots, SWEEPS)
    try:
        if along >= 0:
            send_tangents_alone(order, along)
        for n, g in zip(roots, seeds):
            give(n, None, g, False, 1.0)
        for i in range(len(order) - 1, -1, -1):
            n = <Node> order[i]
            if n.kind == LEAF or n.cotangent is None:
                continue
            if n.kind > LAST_SCALED:
                settle_scale(n)
            g, n.cotangent = n.cotangent, None
            send(n, g)
        for n in leaves:
            if n.cotangent is not None:
                settle_scale(n)
            found.append(n.cotangent)
    finally:
        for n in order:
            n.cotangent = None
            n.along = -1
    return found


# ---------------------------------------------------------------------------------------------------------------------
# Recorded arrays
# ---------------------------------------------------------------------------------------------------------------------

cdef TracedArray new_traced(object value, Node node, long level):
    cdef TracedArray x = TracedArray.__new__(TracedArray)
    x.held = value
    x.node = node
    x.level = level
    return x


cdef inline object as_part(object z):
    """A result as an array of some kind, plain or of a lower level."""
    if type(z) is cnp.ndarray or type(z) is TracedArray:
        return z
    return lift(z) if is_dual(z) else np.asarray(z)


cdef inline int sync(TracedArray x) except -1:
    """A view follows what was written to the array that it shows."""
    if x.base is not None:
        sync(x.base)
        if x.seen != x.base.version:
            refresh(x)
    return 0


cdef int refresh(TracedArray x) except -1:
    cdef TracedArray now = x.view(x.base)
    x.held, x.node, x.seen = now.held, now.node, x.base.version
    x.version += 1
    return 0


cdef inline bint is_basic(object index):
    if type(index) is not tuple:
        return index is None or index is Ellipsis or type(index) is slice or PyLong_CheckExact(index)
    for part in <tuple> index:
        if not (part is None or part is Ellipsis or type(part) is slice or PyLong_CheckExact(part)):
            return False
    return True


cdef int count_number() except -1:
    global LEFT_OVER
    LEFT_OVER -= 1
    if LEFT_OVER < 0:
        raise LoopOfNumbers
    return 0


cdef class _Indexing:
    """The view that a basic index makes."""
    cdef object index

    def __init__(self, index):
        self.index = index

    def __call__(self, a):
        return a[self.index]


cdef enum:
    ADD, SUBTRACT, MULTIPLY, TRUE_DIVIDE


cdef tuple NAMES = ("add", "subtract", "multiply", "divide")


cdef inline bint is_plain(object a):
    if PyFloat_CheckExact(a) or PyLong_CheckExact(a):
        return True
    return type(a) is cnp.ndarray and (cnp.PyArray_ISFLOAT(<cnp.ndarray> a) or cnp.PyArray_ISINTEGER(<cnp.ndarray> a))


# From so many numbers on a result goes to memory that is taken again: faults of pages took two thirds of the time of a
# gradient in 10⁵ inputs (3.5 ms).
cdef enum:
    LARGE = 8192


cdef inline bint is_large(object a):
    return is_double(a) and cnp.PyArray_SIZE(<cnp.ndarray> a) >= LARGE


cdef object calculated(int op, object a, object b):
    """``a op b`` of values."""
    if is_large(a) and (PyFloat_CheckExact(b) or PyLong_CheckExact(b) or is_double(b) and (
            cnp.PyArray_NDIM(<cnp.ndarray> b) == 0 or cnp.PyArray_SAMESHAPE(<cnp.ndarray> a, <cnp.ndarray> b))):
        return ARITHMETIC[op](a, b, new_like(a))
    if is_large(b) and (PyFloat_CheckExact(a) or PyLong_CheckExact(a)):
        return ARITHMETIC[op](a, b, new_like(b))
    if op == ADD:
        return a + b
    if op == SUBTRACT:
        return a - b
    return a*b if op == MULTIPLY else a/b


cdef tuple ARITHMETIC = (np.add, np.subtract, np.multiply, np.divide)


cdef inline object new_like(object a):
    return new_array(cnp.PyArray_NDIM(<cnp.ndarray> a), cnp.PyArray_DIMS(<cnp.ndarray> a), cnp.NPY_DOUBLE)


cdef object arithmetic(int op, object left, object right):
    cdef Node a = None, b = None, n
    cdef TracedArray x
    cdef long level
    cdef object lv = left, rv = right, z
    if type(left) is TracedArray and type(right) is TracedArray:
        sync(<TracedArray> left)
        sync(<TracedArray> right)
        level = (<TracedArray> left).level
        if level == (<TracedArray> right).level:
            lv, a = (<TracedArray> left).held, (<TracedArray> left).node
            rv, b = (<TracedArray> right).held, (<TracedArray> right).node
        elif level > (<TracedArray> right).level:
            reverse.require_live((<TracedArray> right).level)
            lv, a = (<TracedArray> left).held, (<TracedArray> left).node
        else:
            reverse.require_live(level)
            level = (<TracedArray> right).level
            rv, b = (<TracedArray> right).held, (<TracedArray> right).node
    elif type(left) is TracedArray:
        x = <TracedArray> left
        sync(x)
        level, lv, a = x.level, x.held, x.node
        if not is_plain(right):
            rv = reverse.operand(right, level)
            if rv is NotImplemented:
                return rv
            if rv is reverse.INNER:
                return reverse.beside_inner(NAMES[op], left, right)
            if type(rv) is TracedArray and (<TracedArray> rv).level == level:
                return arithmetic(op, left, rv)
    else:
        x = <TracedArray> right
        sync(x)
        level, rv, b = x.level, x.held, x.node
        if not is_plain(left):
            lv = reverse.operand(left, level)
            if lv is NotImplemented:
                return lv
            if lv is reverse.INNER:
                return reverse.beside_inner(NAMES[op], left, right)
            if type(lv) is TracedArray and (<TracedArray> lv).level == level:
                return arithmetic(op, lv, right)
    z = as_part(calculated(op, lv, rv))
    if a is None and b is None:
        return new_traced(z, None, level)
    if op == MULTIPLY or op == TRUE_DIVIDE:
        lv = frozen(fixed(lv)) if lv is left or type(left) is not TracedArray else lv
        rv = frozen(fixed(rv)) if rv is right or type(right) is not TracedArray else rv
    if op == ADD:
        n = new_node(TIMES, z, a, b, None, None)
    elif op == SUBTRACT:
        n = new_node(TIMES, z, a, b, None, -1.0)
    elif not n_real(z):
        return reverse.complex_arithmetic(op == MULTIPLY, z, lv, rv, left, right, level)
    elif op == MULTIPLY:
        n = new_node(TIMES, z, a, b, factor_of(rv) if a is not None else None, factor_of(lv) if b is not None else None)
    elif b is None and (PyFloat_CheckExact(rv) or PyLong_CheckExact(rv)) and rv != 0:
        n = new_node(TIMES, z, a, None, 1.0/rv, None)
    else:
        n = new_node(DIVIDE, z, a, b, lv, as_part(rv))
    return new_traced(z, n, level)


def fixed(a):
    """What the tape keeps of a number of a lower level, a constant there: this version, which no assignment changes."""
    if type(a) is TracedArray:
        return snapshot(a)
    return a.copy() if type(a) in (DualArray, HyperDualArray) else a


def frozen(a):
    """What the tape keeps of arguments: plain arrays, in sequences too, become copies that nobody else can write to."""
    cdef int flags
    if type(a) is cnp.ndarray:
        flags = cnp.PyArray_FLAGS(<cnp.ndarray> a)
        if not flags & cnp.NPY_ARRAY_WRITEABLE and (flags & cnp.NPY_ARRAY_OWNDATA or is_buffer(a.base)):
            return a
        # Large copies take memory that is mapped already.
        a = duplicate(a) if flags & cnp.NPY_ARRAY_C_CONTIGUOUS else a.copy("K")
        a.flags.writeable = False
        return a
    if type(a) is tuple:
        return tuple([frozen(one) for one in <tuple> a])
    if type(a) is list:
        return [frozen(one) for one in <list> a]
    return a


cdef object product(object left, object right):
    """The matrix product of matrices and vectors of real numbers; None for all else, which the rules serve."""
    cdef TracedArray x = <TracedArray> left if type(left) is TracedArray else None
    cdef TracedArray y = <TracedArray> right if type(right) is TracedArray else None
    cdef long level = x.level if x is not None else y.level
    cdef object lv = left, rv = right
    if x is not None:
        sync(x)
        lv = x.held
    if y is not None:
        sync(y)
        rv = y.held
        if y.level != level:
            return None
    if not (is_double(lv) and is_double(rv)):
        return None
    cdef int rows = cnp.PyArray_NDIM(<cnp.ndarray> lv), columns = cnp.PyArray_NDIM(<cnp.ndarray> rv)
    if not (1 <= rows <= 2 and 1 <= columns <= 2 and rows + columns > 2):
        return None
    return product_of(np.matmul(lv, rv), left, right, lv, rv, level)


cdef object product_of(object value, object left, object right, object lv, object rv, long level):
    cdef Node a = node_of(left, level), b = node_of(right, level)
    if a is None and b is None:
        return new_traced(value, None, level)
    # Of the operands the tape keeps what it needs.
    lv = None if b is None else lv if type(left) is TracedArray else frozen(lv)
    rv = None if a is None else rv if type(right) is TracedArray else frozen(rv)
    return new_traced(value, new_node(PRODUCT, value, a, b, lv, rv), level)


cdef inline Node node_of(object x, long level):
    return (<TracedArray> x).node if type(x) is TracedArray and (<TracedArray> x).level == level else None


cdef object total(TracedArray x):
    """The sum of all numbers; None where the rules serve."""
    sync(x)
    if real_type(x.held) != 0:
        return None
    value = np.asarray(ADD_REDUCE(x.held, None))
    if x.node is None:
        return new_traced(value, None, x.level)
    return new_traced(value, new_node(SUM, value, x.node, None, None, False), x.level)


cdef object peak(TracedArray x, double sign):
    """The maximum (of ``-x`` where sign is -1) of a vector that has it once; None where the rules serve."""
    cdef Py_ssize_t i, place = 0, n
    cdef double best, one
    cdef bint tied = False
    sync(x)
    if not is_double(x.held) or cnp.PyArray_NDIM(<cnp.ndarray> x.held) != 1 or not contiguous(x.held):
        return None
    n = cnp.PyArray_SIZE(<cnp.ndarray> x.held)
    cdef double *data = <double *> cnp.PyArray_DATA(<cnp.ndarray> x.held)
    if n == 0 or data[0] != data[0]:
        return None
    best = sign*data[0]
    for i in range(1, n):
        one = sign*data[i]
        if one > best:
            best, place, tied = one, i, False
        elif not one < best:  # as large, or nan
            if one != one:
                return None
            tied = True
    if tied:
        return None
    value = x.held[place:place + 1].reshape(()).copy()
    if x.node is None:
        return new_traced(value, None, x.level)
    return new_traced(value, new_node(INDEX, value, x.node, None, place, None), x.level)


# Functions of one array that have a compiled way for real numbers.
cdef dict QUICK = {np.sum: 0, np.max: 1, np.amax: 1, np.min: -1, np.amin: -1}


cdef inline object factor_of(object w):
    return float(w) if PyLong_CheckExact(w) else w


cdef inline bint n_real(object z):
    return not cnp.PyArray_ISCOMPLEX(<cnp.ndarray> z) if type(z) is cnp.ndarray else z.dtype.kind != "c"


cdef cnp.dtype DOUBLE = np.dtype(np.float64)
cdef object ONE = np.ones(1)
cdef object ONE32 = np.ones(1, np.float32)
cdef object LEFT = np.array([1.0, 0.0])
cdef object RIGHT = np.array([0.0, 1.0])


cdef inline int real_type(object a) noexcept:
    if type(a) is not cnp.ndarray or not cnp.PyArray_ISBEHAVED_RO(<cnp.ndarray> a):
        return -1
    if cnp.PyArray_TYPE(<cnp.ndarray> a) == cnp.NPY_DOUBLE:
        return 0
    return 1 if cnp.PyArray_TYPE(<cnp.ndarray> a) == cnp.NPY_FLOAT else -1


cdef UnaryRow *UNARY = unary_rows()


cdef object slope_of(int index, cnp.ndarray x, cnp.ndarray y, long level):
    """The local derivative of a row on few numbers; None for many, whose value and slope belong in one pass."""
    cdef UnaryRow *row = &UNARY[index]
    cdef Py_ssize_t n = cnp.PyArray_SIZE(x)
    if n > BLOCK or not row.d1.vary or row.d1.operand != COMPUTED or not contiguous(x) or not contiguous(y) \
            or not is_double(y):
        return None
    cdef cnp.ndarray slope = new_array(cnp.PyArray_NDIM(x), cnp.PyArray_DIMS(x), cnp.NPY_DOUBLE)
    row.slopes[0](cnp.PyArray_DATA(x), cnp.PyArray_DATA(y), cnp.PyArray_DATA(slope), NULL, n, row.p,
                  NAN if level & 1 else 0.0)
    return slope


cdef tuple dual_value_and_slope(int index, object x, tuple parameters):
    """A row on a dual array, and its local derivative, which is dual, too; None where parts are no plain real arrays.

    Hyper-dual numbers know both: with ``ε1`` along the variable and ``ε2`` along the tangents, their parts are the
    value, the local derivative, the tangents of the value and those of the local derivative.
    """
    if x._columns is not None:
        return None
    value, planes = x._primal, x._planes
    if not (is_double(value) and is_double(planes)):
        return None
    shape = value.shape
    one = np.broadcast_to(UNIT, (1, *shape))
    zero = np.broadcast_to(NOUGHT, planes.shape)
    made = lift(apply_unary(index, make(value, (one, planes, zero), (FULL, 1, planes.shape[0]), x._level), parameters))
    slope, tangents, cross = made._stacks
    return make(made.value, (tangents,), None, x._level), make(slope[0], (cross,), None, x._level)


cdef enum:
    FULL = 1  # every pair of seeds has a plane


cdef object UNIT = np.ones(()), NOUGHT = np.zeros(())


cdef object dual_unary(int index, TracedArray x, tuple parameters):
    """A row of one variable on a value that is a dual array; None where the rules serve."""
    # The kernels ask one level whether they are to be strict, of the value and of the local derivative alike.
    if x.held.dtype.kind != "f" or (x.level ^ <long> x.held._level) & 1:
        return None
    simple = reverse.SIMPLE.get(index)
    if simple is not None:
        value = lift(apply_unary(index, x.held, parameters))
        return new_traced(value, simple_entry(value, x, simple), x.level)
    parts = dual_value_and_slope(index, x.held, parameters)
    if parts is None:
        return None
    cdef Node n = new_node(TIMES, parts[0], x.node, None, parts[1], None)
    n.selects_a = reverse.UNARY_SELECTS[index]
    return new_traced(parts[0], n, x.level)


cdef Node simple_entry(object value, TracedArray x, object simple):
    """The entry of a row whose local derivative is the result, twice the argument or a number."""
    cdef Node n = new_node(TIMES, value, x.node, None, None, None)
    if simple == "y":
        n.p = value
    elif simple == "2x":
        n.p, n.factor = x.held, 2.0
    else:
        n.p = float(simple)
    return n


cdef object unary(int index, TracedArray x, tuple parameters):
    """A row of one variable: on real arrays the kernel gives value and local derivative at once."""
    cdef int t
    cdef Node n
    sync(x)
    t = real_type(x.held)
    if t < 0:
        made = dual_unary(index, x, parameters) if type(x.held) is DualArray and x.node is not None else None
        return reverse.nested_unary(index, x, parameters) if made is None else made
    if x.node is None:
        value = as_part(reverse.row_value(index, x.held, parameters))
        return new_traced(value, None, x.level)
    simple = reverse.SIMPLE.get(index)
    if simple is not None:
        value = UNARY_UFUNCS[index](x.held, new_like(x.held)) if is_large(x.held) else as_part(
            UNARY_UFUNCS[index](x.held))
        if value.dtype != x.held.dtype:
            return reverse.nested_unary(index, x, parameters)
        return new_traced(value, simple_entry(value, x, simple), x.level)
    if t == 0 and not parameters and UNARY_UFUNCS[index] is not None:
        value = as_part(UNARY_UFUNCS[index](x.held))
        slope = slope_of(index, x.held, value, x.level)
        if slope is not None:
            n = new_node(TIMES, value, x.node, None, slope, None)
            n.selects_a = reverse.UNARY_SELECTS[index]
            return new_traced(value, n, x.level)
    made = lift(apply_unary(index, make(x.held, (ONE32 if t else ONE,), None, x.level), parameters))
    n = new_node(TIMES, made.value, x.node, None, made._stacks[0][0], None)
    n.p = as_part(n.p)
    n.selects_a = reverse.UNARY_SELECTS[index]
    return new_traced(made.value, n, x.level)


cdef object binary(int index, object left, object right):
    """A row of two variables, the same way with one tangent for each of them."""
    cdef TracedArray x, y
    cdef Node n
    if type(left) is TracedArray:
        sync(<TracedArray> left)
    if type(right) is TracedArray:
        sync(<TracedArray> right)
    both = type(left) is TracedArray and type(right) is TracedArray and (
        (<TracedArray> left).level == (<TracedArray> right).level)
    if both:
        x, y = <TracedArray> left, <TracedArray> right
        if x.node is not None and y.node is not None and real_type(x.held) == 0 and real_type(y.held) == 0:
            made = lift(apply_binary(index, make(x.held, (LEFT,), None, x.level), make(y.held, (RIGHT,), None, x.level)))
            stack = made._stacks[0]
            n = new_node(TIMES, made.value, x.node, y.node, as_part(stack[0]), as_part(stack[1]))
            n.selects_a, n.selects_b = reverse.BINARY_SELECTS[index]
            return new_traced(made.value, n, x.level)
    elif type(left) is TracedArray and is_plain(right):
        x = <TracedArray> left
        if x.node is not None and real_type(x.held) == 0:
            made = lift(apply_binary(index, make(x.held, (ONE,), None, x.level), right))
            n = new_node(TIMES, made.value, x.node, None, as_part(made._stacks[0][0]), None)
            n.selects_a, n.selects_b = reverse.BINARY_SELECTS[index]
            return new_traced(made.value, n, x.level)
    elif type(right) is TracedArray and is_plain(left):
        y = <TracedArray> right
        if y.node is not None and real_type(y.held) == 0:
            made = lift(apply_binary(index, left, make(y.held, (ONE,), None, y.level)))
            n = new_node(TIMES, made.value, None, y.node, None, as_part(made._stacks[0][0]))
            n.selects_a, n.selects_b = reverse.BINARY_SELECTS[index]
            return new_traced(made.value, n, y.level)
    return reverse.nested_binary(index, left, right)


@cython.final
@cython.freelist(64)
cdef class TracedArray:
    """An array whose making is recorded, for reverse mode.

    Behaves as an array of its shape. Views follow what is written to the array that they show, and the other way
    round: an assignment makes a new entry of the tape, and values that the tape needs are never overwritten.
    """

    cdef object held
    cdef readonly Node node
    cdef readonly long level
    cdef readonly TracedArray base
    cdef object view
    cdef long version, seen

    # -- parts ---------------------------------------------------------------------------------------------------------

    @property
    def value(self):
        sync(self)
        return self.held

    @property
    def _level(self):
        return self.level

    @property
    def _layout(self):
        """As of a first-order dual number: rules for tangents see no more."""
        return None

    @property
    def _stacks(self):
        """None: what is recorded has no planes."""
        return ()

    @property
    def active(self):
        """Whether cotangents go anywhere from here."""
        sync(self)
        return self.node is not None

    @property
    def shape(self):
        return self.held.shape

    @property
    def ndim(self):
        return self.held.ndim

    @property
    def size(self):
        return self.held.size

    @property
    def dtype(self):
        return self.held.dtype

    @property
    def itemsize(self):
        return self.held.dtype.itemsize

    @property
    def nbytes(self):
        return self.held.dtype.itemsize*self.held.size

    @property
    def flags(self):
        return self.held.flags

    @property
    def T(self):
        return np.transpose(self)

    @property
    def mT(self):
        return np.matrix_transpose(self)

    @property
    def real(self):
        return np.real(self)

    @property
    def imag(self):
        return np.imag(self)

    @property
    def flat(self):
        return reverse.Flat(self)

    def __getattr__(self, name):
        method = METHODS.get(name)
        if method is None:
            raise AttributeError(f"a recorded array of reverse mode has no attribute {name!r}")
        return reverse.partial(method, self)

    def __len__(self):
        if self.held.ndim == 0:
            raise TypeError("len() of unsized object")
        return self.held.shape[0]

    def __iter__(self):
        if self.held.ndim == 0:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(self.held.shape[0]))

    def __reversed__(self):
        return (self[i] for i in range(self.held.shape[0] - 1, -1, -1))

    def __contains__(self, item):
        return bool(np.any(self == item))

    def __bool__(self):
        return reverse.truth(self)

    def __float__(self):
        reverse.refuse_conversion("float()")

    def __int__(self):
        reverse.refuse_conversion("int()")

    def __complex__(self):
        reverse.refuse_conversion("complex()")

    def __index__(self):
        reverse.refuse_conversion("indexing with the value")

    def __hash__(self):
        reverse.refuse_conversion("the hash")

    def __repr__(self):
        return f"TracedArray({self.value!r})"

    def __format__(self, specification):
        value = reverse.primal(self)
        return format(value[()] if value.ndim == 0 else value, specification) if specification else str(value)

    def __array__(self, dtype=None, copy=None):
        return reverse.to_object_array(self, dtype, copy)

    def __copy__(self):
        return self.copy()

    def __deepcopy__(self, memo):
        return self.copy()

    def __reduce__(self):
        reverse.refuse_conversion("a pickle")

    # -- indexing ------------------------------------------------------------------------------------------------------

    def __getitem__(self, index):
        cdef TracedArray y
        cdef object value
        sync(self)
        if not is_basic(index):
            index = frozen(reverse.plain_index(index))
        value = self.held[index]
        if type(value) is not cnp.ndarray:
            value = as_part(value)
            if self.level == LIMITED:
                count_number()
        y = new_traced(value, None, self.level)
        if self.node is not None:
            y.node = new_node(INDEX, value, self.node, None, index, None)
        if is_basic(index) and (value.ndim or reverse.has_ellipsis(index)):
            y.base, y.view, y.seen = self, _Indexing(index), self.version
        return y

    def __setitem__(self, index, item):
        reverse.assign(self, index, item)

    # -- operators -----------------------------------------------------------------------------------------------------

    def __add__(self, other):
        return arithmetic(ADD, self, other)

    def __radd__(self, other):
        return arithmetic(ADD, other, self)

    def __sub__(self, other):
        return arithmetic(SUBTRACT, self, other)

    def __rsub__(self, other):
        return arithmetic(SUBTRACT, other, self)

    def __mul__(self, other):
        return arithmetic(MULTIPLY, self, other)

    def __rmul__(self, other):
        return arithmetic(MULTIPLY, other, self)

    def __truediv__(self, other):
        return arithmetic(TRUE_DIVIDE, self, other)

    def __rtruediv__(self, other):
        return arithmetic(TRUE_DIVIDE, other, self)

    def __floordiv__(self, other):
        return reverse.operator("floor_divide", self, other)

    def __rfloordiv__(self, other):
        return reverse.operator("floor_divide", other, self)

    def __mod__(self, other):
        return reverse.operator("remainder", self, other)

    def __rmod__(self, other):
        return reverse.operator("remainder", other, self)

    def __divmod__(self, other):
        return self//other, self % other

    def __rdivmod__(self, other):
        return other//self, other % self

    def __pow__(self, other, modulus):
        if modulus is not None:
            raise TypeError("pow(x, y, modulus) has no derivative; use x**y % modulus")
        if (PyLong_CheckExact(other) or PyFloat_CheckExact(other)) and other == 2:
            return unary(UNARY_INDEX[np.square], self, ())
        return reverse.operator("power", self, other)

    def __rpow__(self, other, modulus):
        return reverse.operator("power", other, self)

    def __matmul__(self, other):
        made = product(self, other)
        return reverse.operator("matmul", self, other) if made is None else made

    def __rmatmul__(self, other):
        made = product(other, self)
        return reverse.operator("matmul", other, self) if made is None else made

    def __iadd__(self, other):
        return reverse.in_place(self, self + other)

    def __isub__(self, other):
        return reverse.in_place(self, self - other)

    def __imul__(self, other):
        return reverse.in_place(self, self*other)

    def __itruediv__(self, other):
        return reverse.in_place(self, self/other)

    def __ipow__(self, other):
        return reverse.in_place(self, self**other)

    def __ifloordiv__(self, other):
        return reverse.in_place(self, self//other)

    def __imod__(self, other):
        return reverse.in_place(self, self % other)

    def __imatmul__(self, other):
        return reverse.in_place(self, self @ other)

    def __neg__(self):
        return unary(UNARY_INDEX[np.negative], self, ())

    def __pos__(self):
        return unary(UNARY_INDEX[np.positive], self, ())

    def __abs__(self):
        return np.absolute(self)

    def __round__(self, digits=None):
        return np.round(self, digits or 0)

    def __richcmp__(self, other, int op):
        return reverse.compare(self, other, op)

    # -- NumPy protocols -----------------------------------------------------------------------------------------------

    @cython.binding(False)
    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        if method == "__call__" and not kwargs:
            if len(inputs) == 1:
                index = UNARY_INDEX.get(ufunc)
                if index is not None:
                    return unary(index, self, ())
            else:
                if ufunc is np.add:
                    return arithmetic(ADD, inputs[0], inputs[1])
                if ufunc is np.subtract:
                    return arithmetic(SUBTRACT, inputs[0], inputs[1])
                if ufunc is np.multiply:
                    return arithmetic(MULTIPLY, inputs[0], inputs[1])
                if ufunc is np.divide:
                    return arithmetic(TRUE_DIVIDE, inputs[0], inputs[1])
                index = BINARY_INDEX.get(ufunc)
                if index is not None:
                    return binary(index, inputs[0], inputs[1])
                if ufunc is np.matmul:
                    made = product(inputs[0], inputs[1])
                    if made is not None:
                        return made
        return reverse.call_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, function, types, args, kwargs):
        if len(<tuple> args) == 1 and not kwargs and type((<tuple> args)[0]) is TracedArray:
            way = QUICK.get(function)
            if way is not None:
                made = total((<tuple> args)[0]) if way == 0 else peak((<tuple> args)[0], way)
                if made is not None:
                    return made
        rule = FUNCTIONS.get(function)
        if rule is not None and "out" not in kwargs:
            for one in types:
                if one is not TracedArray and one is not cnp.ndarray:
                    break
            else:
                return rule(*frozen(args), **{name: frozen(option) for name, option in kwargs.items()})
        return reverse.array_function(function, args, kwargs, self)


# ---------------------------------------------------------------------------------------------------------------------
# A whole pass
# ---------------------------------------------------------------------------------------------------------------------

def recorded_pass(function, tuple args, argnum, dict kwargs, bint strict, numbers):
    """Record a function of one array of real numbers, ``args[argnum]``: the commonest case, in 2 µs instead of 7.

    Returns
    -------
    tuple or None
        What the function returned, the level and the seed; None for other arguments, and nothing has been called.
    """
    cdef object x, y, before = None
    cdef Py_ssize_t place
    cdef long level
    cdef TracedArray seed
    if not PyLong_CheckExact(argnum) or not 0 <= argnum < len(args):
        return None
    place = argnum
    x = args[place]
    if not is_double(x) or cnp.PyArray_NDIM(<cnp.ndarray> x) == 0:
        return None
    # The tape may live longer than the caller leaves his array as it is.
    x = duplicate(x)
    level = levels.open_level(strict)
    if numbers is not None:
        before = limit(level, numbers)
    try:
        seed = new_traced(x, new_node(LEAF, x, None, None, None, None), level)
        # The function may write to its argument, which is another version then.
        leaf = seed.node
        if len(args) == 1:
            y = function(seed, **kwargs)
        else:
            y = function(*args[:place], seed, *args[place + 1:], **kwargs)
    finally:
        levels.close_level(level)
        if before is not None:
            limit(*before)
    return y, level, leaf


def swept(y, long level, Node leaf, double memory):
    """Value and derivative of what `recorded_pass` recorded; None where it is no real array or needs several sweeps."""
    cdef Py_ssize_t count
    cdef TracedArray z
    if type(y) is not TracedArray or (<TracedArray> y).level != level:
        return None
    z = <TracedArray> y
    sync(z)
    if z.node is None or not is_double(z.held):
        return None
    count = cnp.PyArray_SIZE(<cnp.ndarray> z.held)
    if count == 0 or (count > 1 and count*z.node.largest*<double> sizeof(double) > memory):
        return None
    seeds = units(count)
    if cnp.PyArray_NDIM(<cnp.ndarray> z.held) != 1:
        seeds = seeds.reshape((count, *z.node.shape))
    with ALL_IGNORED():
        found = backward([z.node], [seeds], [leaf])[0]
    if found is not None and type(found) is not cnp.ndarray:
        return None
    value = z.held[()] if cnp.PyArray_NDIM(<cnp.ndarray> z.held) == 0 else z.held.copy()
    if found is None:
        found = np.zeros((count, *leaf.shape))
    elif not contiguous(found) or not has_own_memory(<cnp.ndarray> found):
        found = np.array(found)
    return value, found.reshape(z.node.shape + leaf.shape)


cdef object ALL_IGNORED = functools.partial(np.errstate, all="ignore")


def empty(tuple shape):
    """A float64 array in memory that is taken again where that pays."""
    cdef cnp.npy_intp dims[64]
    cdef int i
    for i in range(len(shape)):
        dims[i] = shape[i]
    return new_array(len(shape), dims, cnp.NPY_DOUBLE)


def is_traced(x):
    """Whether ``x`` is a recorded array."""
    return type(x) is TracedArray


def carries_derivatives(x):
    """Whether ``x`` is a dual number or a recorded array."""
    return type(x) is TracedArray or is_dual(x)


def level_of(x):
    """The level of what is differentiated, -1 for anything else."""
    return (<TracedArray> x).level if type(x) is TracedArray else dual_level(x)


def leaf(value, long level):
    """A recorded array that is an input."""
    return new_traced(value, new_node(LEAF, value, None, None, None, None), level)


def constant(value, long level):
    """A recorded array on which nothing depends yet."""
    return new_traced(value, None, level)


def row(int index, x, tuple parameters=()):
    """Row number ``index`` of one variable on a recorded array."""
    return unary(index, x, parameters)


def row2(int index, left, right):
    """Row number ``index`` of two variables, at least one operand recorded."""
    return binary(index, left, right)


def record(value, tuple inputs, pullback, long level, bint linear=False):
    """A recorded array with this value; ``pullback(stack)`` gives the cotangents of the inputs (or of the only one).

    ``linear``: the pullback has no other coefficients than constants.
    """
    cdef list parents = [], any_active = []
    for x in inputs:
        if type(x) is TracedArray and (<TracedArray> x).level == level and (<TracedArray> x).node is not None:
            parents.append((<TracedArray> x).node)
            any_active.append(True)
        else:
            parents.append(None)
    value = as_part(value)
    if not any_active:
        return new_traced(value, None, level)
    cdef Node n = new_node(CALL, value, None, None, pullback, None)
    n.parents, n.linear = tuple(parents), linear
    for parent in parents:
        if parent is not None:
            n.largest = max(n.largest, (<Node> parent).largest)
    return new_traced(value, n, level)


def record_joint(list values, tuple inputs, pullback, long level):
    """Recorded arrays of one entry with several results; ``pullback(list of stacks or None)``."""
    cdef Node joint, n
    cdef TracedArray head = record(np.zeros(()), inputs, pullback, level)
    cdef list made = []
    if head.node is None:
        return [new_traced(as_part(v), None, level) for v in values]
    joint = head.node
    joint.kind, joint.q = JOINT, len(values)
    for i, v in enumerate(values):
        v = as_part(v)
        n = new_node(ITEM, v, joint, None, i, None)
        made.append(new_traced(v, n, level))
    return made


def times(value, TracedArray x, slope, bint selects=False):
    """An elementwise function of ``x`` with this value and this local derivative."""
    value = as_part(value)
    if x.node is None:
        return new_traced(value, None, x.level)
    cdef Node n = new_node(TIMES, value, x.node, None, slope, None)
    n.selects_a = selects
    return new_traced(value, n, x.level)


def times2(value, x, y, p, q, long level, bint selects_x=False, bint selects_y=False):
    """The same with two operands, of which None is a constant."""
    value = as_part(value)
    cdef Node a = (<TracedArray> x).node if x is not None else None
    cdef Node b = (<TracedArray> y).node if y is not None else None
    if a is None and b is None:
        return new_traced(value, None, level)
    cdef Node n = new_node(TIMES, value, a, b, p, q)
    n.selects_a, n.selects_b = selects_x, selects_y
    return new_traced(value, n, level)


def record_product(value, left, right, lv, rv, long level):
    """The matrix product of two operands, of which these are the values at this level."""
    return product_of(as_part(value), left, right, lv, rv, level)


def record_sum(value, TracedArray x, tuple axes, bint keepdims):
    """The sum of ``x`` over axes."""
    value = as_part(value)
    if x.node is None:
        return new_traced(value, None, x.level)
    return new_traced(value, new_node(SUM, value, x.node, None, None if len(axes) == len(x.shape) else axes, keepdims),
                      x.level)


def units(Py_ssize_t n):
    """The identity, as cotangents of n numbers."""
    cdef cnp.npy_intp dims[2]
    cdef Py_ssize_t i
    dims[0] = dims[1] = n
    cdef cnp.ndarray out = cnp.PyArray_ZEROS(2, dims, cnp.NPY_DOUBLE, 0)
    for i in range(n):
        (<double *> cnp.PyArray_DATA(out))[i*(n + 1)] = 1.0
    return out


def entries(TracedArray x, index, value):
    """The entries at ``index``, with their value."""
    value = as_part(value)
    if x.node is None:
        return new_traced(value, None, x.level)
    return new_traced(value, new_node(INDEX, value, x.node, None, index, None), x.level)


def as_view(TracedArray y, TracedArray x, function):
    """Say that ``y`` is the view ``function(x)`` of x."""
    sync(x)
    y.base, y.view, y.seen = x, function, x.version
    return y


def view_of(TracedArray x):
    """The function that makes this view of its base."""
    return x.view


def is_unshared(TracedArray x):
    """Whether the values of ``x`` may be overwritten: no other name, view or entry of the tape needs them."""
    return type(x.held) is cnp.ndarray and Py_REFCNT(x.held) <= 1 and cnp.PyArray_CHKFLAGS(
        <cnp.ndarray> x.held, cnp.NPY_ARRAY_OWNDATA | cnp.NPY_ARRAY_WRITEABLE)


def held(TracedArray x):
    """The value itself, to be written to where `is_unshared`."""
    return x.held


def snapshot(TracedArray x):
    """This version of an array, which later assignments leave alone."""
    sync(x)
    return new_traced(x.held, x.node, x.level)


def become(TracedArray x, TracedArray new):
    """Let ``x`` be another version of itself."""
    x.held, x.node = new.held, new.node
    x.version += 1


cdef extern from *:
    ctypedef struct PySequenceMethods:
        void *sq_item
    ctypedef struct PyTypeObject:
        PySequenceMethods *tp_as_sequence


# NumPy turns errors of sequences into its own "setting an array element with a sequence"; ours name the cure.
(<PyTypeObject *> TracedArray).tp_as_sequence.sq_item = NULL
