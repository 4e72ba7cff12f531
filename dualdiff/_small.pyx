"""NumPy functions on small dual arrays, in one compiled call.

On three elements a general rule takes 10 to 100 µs: dozens of calls of NumPy, of which a few compute. A *shortcut*
serves the common arguments of a function: dense planes of float64 numbers, of first or second order, of one level,
beside plain float64 arrays, all of them small. It is asked before the rule of the registry, and answers None where
anything is out of the ordinary: other dtypes, structure, nesting, further options, numbers that are not finite, ties,
tips, and whatever is an error. The rule then has the call, so that all of that is said there alone.

Nothing is differentiated here. A shortcut treats the planes as the value (`mapped`, `join`, views), follows the product
rule with a product that NumPy's own loop or a few lines compute (`product`), or is a composition of these and of rows.
"""

cimport cython
from cpython.dict cimport PyDict_Next
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_CheckExact
from cpython.long cimport PyLong_CheckExact
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.object cimport PyObject
from libc.math cimport fabs, isnan
from libc.string cimport memcpy, memset

cimport numpy as cnp

cdef extern from "Python.h":
    const Py_ssize_t PY_SSIZE_T_MAX
    PyObject *PyDict_GetItemWithError(dict, object) except? NULL
    Py_ssize_t Py_REFCNT(PyObject *)

from ._array cimport (
    ArrayNumber, DualArray, HyperDualArray, as_index, call_binary, call_unary, is_array, is_flat, new_dual_array,
    new_hyper_array, new_stack, new_values, pairs, real_type, repeated, set_shortcuts,
)
from ._kernels cimport B_divide, B_subtract, U_root, U_sqrt, U_square, find_loop, loop_t
from ._scalar cimport (
    FULL, LANES, TRIANGLE, Dual, HyperDual, as_double, count_pairs, new_dual, new_hyper, whole_dual, whole_hyper,
)

import operator

import numpy as np

from . import levels

cnp.import_array()

cdef enum:
    # Numbers in one operand, value and planes together; larger ones do not feel the cost of a rule much.
    MOST = 16384
    MOST_DIMENSIONS = 8
    MOST_OPTIONS = 4
    MOST_PARTS = 16

cdef struct Shape:
    int nd
    cnp.npy_intp dims[MOST_DIMENSIONS + 1]


cdef inline Py_ssize_t size_of(const Shape *s) noexcept:
    cdef Py_ssize_t n = 1
    cdef int i
    for i in range(s.nd):
        n *= s.dims[i]
    return n


cdef inline Py_ssize_t product_of(const cnp.npy_intp *dims, int first, int last) noexcept:
    cdef Py_ssize_t n = 1
    cdef int i
    for i in range(first, last):
        n *= dims[i]
    return n


# ---------------------------------------------------------------------------------------------------------------------
# Operands and results
# ---------------------------------------------------------------------------------------------------------------------

# The value of a number and its stacks, each only once: the planes, or ε1, ε2 where its seeds differ, and ε1ε2.
cdef struct Parts:
    PyObject *value
    int count
    PyObject *stack[3]


cdef inline bint is_small(object a, Py_ssize_t others) noexcept:
    """Whether this is an array of float64 numbers, some, and with ``others`` not too many."""
    return real_type(a) == 0 and 0 < cnp.PyArray_SIZE(<cnp.ndarray> a) <= MOST - others


cdef bint look(object a, Parts *x) except -1:
    """Open an operand; False for what the general rule must look at. A plain array has no stacks."""
    cdef HyperDualArray h
    cdef Py_ssize_t size
    cdef int i
    x.count = 0
    if type(a) is cnp.ndarray:
        x.value = <PyObject *> a
    elif type(a) is DualArray:
        if (<DualArray> a).columns is not None:
            return False
        x.value = <PyObject *> (<DualArray> a).v
        x.stack[0] = <PyObject *> (<DualArray> a).t
        x.count = 1
    elif type(a) is HyperDualArray:
        h = <HyperDualArray> a
        if h.columns is not None or (h.e2_ is h.e1_) == (<int> h.layout[0] == FULL):
            return False
        x.value, x.stack[0] = <PyObject *> h.v, <PyObject *> h.e1_
        if h.e2_ is not h.e1_:
            x.stack[1] = <PyObject *> h.e2_
        x.count = 2 if h.e2_ is h.e1_ else 3
        x.stack[x.count - 1] = <PyObject *> h.e12_
    else:
        return False
    if not is_small(<object> x.value, 0) or not 0 < cnp.PyArray_NDIM(<cnp.ndarray> x.value) <= MOST_DIMENSIONS:
        return False
    size = cnp.PyArray_SIZE(<cnp.ndarray> x.value)
    for i in range(x.count):
        if not is_small(<object> x.stack[i], size):
            return False
        size += cnp.PyArray_SIZE(<cnp.ndarray> x.stack[i])
    return True


cdef object real_array(object a):
    """A plain array of other real numbers, or a list of them, as float64 numbers; anything else as it is."""
    cdef cnp.ndarray v
    if is_array(a) or real_type(a) == 0:
        return a
    if (type(a) is list or type(a) is tuple) and a and (PyFloat_CheckExact(a[0]) or PyLong_CheckExact(a[0])):
        try:
            a = np.array(a)
        except ValueError:
            return a
    if type(a) is not cnp.ndarray or cnp.PyArray_SIZE(<cnp.ndarray> a) > MOST:
        return a
    v = <cnp.ndarray> a
    if v.dtype.kind in "iuf" and cnp.PyArray_ITEMSIZE(v) <= 8:
        return cnp.PyArray_Cast(v, cnp.NPY_DOUBLE)
    return a


cdef bint are_alike(object a, object b):
    """Whether two dual arrays are of one level and have the same seeds."""
    if type(a) is not type(b) or (<ArrayNumber> a).level != (<ArrayNumber> b).level:
        return False
    if type(a) is DualArray:
        return cnp.PyArray_DIMS(<cnp.ndarray> (<DualArray> a).t)[0] == cnp.PyArray_DIMS(
            <cnp.ndarray> (<DualArray> b).t)[0]
    return (<HyperDualArray> a).layout == (<HyperDualArray> b).layout


cdef inline Py_ssize_t planes_of(PyObject *stack) noexcept:
    return cnp.PyArray_DIMS(<cnp.ndarray> stack)[0]


cdef inline object flat(PyObject *a, int lead):
    """The array, or a copy, with every plane in C order."""
    if is_flat(<cnp.ndarray> a, lead):
        return <object> a
    return cnp.PyArray_NewCopy(<cnp.ndarray> a, cnp.NPY_CORDER)


cdef inline Py_ssize_t plane_step(object a) noexcept:
    return cnp.PyArray_STRIDES(<cnp.ndarray> a)[0]


cdef Dual new_whole_dual(Py_ssize_t k, long level):
    """A scalar with all of its tangents stored, as zeros."""
    cdef Py_ssize_t n = (k + LANES - 1) & ~(LANES - 1)
    cdef Dual d = new_dual(k, 0, n, level, False)
    memset(d.stored, 0, n*sizeof(double))
    return d


cdef object new_number(ArrayNumber like, const Shape *s, double **out):
    """A number of the kind of another one, a scalar where there are no dimensions, and where its parts lie."""
    cdef Dual d
    cdef HyperDual h
    cdef tuple layout
    cdef Py_ssize_t k
    cdef bint full
    if type(like) is DualArray:
        k = cnp.PyArray_DIMS(<cnp.ndarray> (<DualArray> like).t)[0]
        if s.nd == 0:
            d = new_whole_dual(k, like.level)
            out[0], out[1] = &d.v, d.stored
            return d
        value, first = new_values(s.nd, s.dims, 0), new_stack(k, s.nd, s.dims, 0)
        out[0], out[1] = <double *> cnp.PyArray_DATA(value), <double *> cnp.PyArray_DATA(first)
        return new_dual_array(value, first, like.level)
    layout = (<HyperDualArray> like).layout
    full = <int> layout[0] == FULL
    if s.nd == 0:
        h = new_hyper(layout[1], layout[2], layout[0], like.level, False, 0, layout[1], 0, layout[2])
        out[0], out[1], out[2] = &h.v, h.e1_, h.e2_
        out[3 if full else 2] = h.e12_
        return h
    value, first = new_values(s.nd, s.dims, 0), new_stack(layout[1], s.nd, s.dims, 0)
    second = new_stack(layout[2], s.nd, s.dims, 0) if full else first
    cross = new_stack(count_pairs(layout[0], layout[1], layout[2]), s.nd, s.dims, 0)
    out[0], out[1] = <double *> cnp.PyArray_DATA(value), <double *> cnp.PyArray_DATA(first)
    out[2] = <double *> cnp.PyArray_DATA(second)
    out[3 if full else 2] = <double *> cnp.PyArray_DATA(cross)
    return new_hyper_array(value, first, second, cross, layout, like.level)


cdef bint are_finite(const double *x, Py_ssize_t n) noexcept:
    # Four sums at a time: one would wait for itself.
    cdef double[4] total = [0.0, 0.0, 0.0, 0.0]
    cdef Py_ssize_t i, whole = n & ~3
    for i in range(0, whole, 4):
        total[0] += 0.0*x[i]
        total[1] += 0.0*x[i + 1]
        total[2] += 0.0*x[i + 2]
        total[3] += 0.0*x[i + 3]
    for i in range(whole, n):
        total[0] += 0.0*x[i]
    return total[0] + total[1] + total[2] + total[3] == 0.0


# ---------------------------------------------------------------------------------------------------------------------
# What treats every plane as the value
# ---------------------------------------------------------------------------------------------------------------------

# From one plane, in C order, to one plane.
ctypedef void (*kernel_t)(const double *x, double *out, const void *how) noexcept


cdef int run(kernel_t kernel, const void *how, PyObject *part, int lead, double *out, Py_ssize_t size) except -1:
    a = flat(part, lead)
    cdef const char *data = cnp.PyArray_BYTES(<cnp.ndarray> a)
    cdef Py_ssize_t j
    for j in range(planes_of(<PyObject *> a) if lead else 1):
        kernel(<const double *> data, out + j*size, how)
        data += plane_step(a)
    return 0


cdef object mapped(kernel_t kernel, const void *how, ArrayNumber x, const Parts *parts, const Shape *s):
    cdef double *out[4]
    cdef int i
    r = new_number(x, s, out)
    run(kernel, how, parts.value, 0, out[0], size_of(s))
    for i in range(parts.count):
        run(kernel, how, parts.stack[i], 1, out[i + 1], size_of(s))
    return r


cdef const double *value_of(object r) noexcept:
    if type(r) is Dual:
        return &(<Dual> r).v
    if type(r) is HyperDual:
        return &(<HyperDual> r).v
    return <const double *> cnp.PyArray_DATA(<cnp.ndarray> (<ArrayNumber> r).v)


# A reduction as three loops: axes in front of the one that goes, that axis (or all), axes behind it.
cdef struct Fold:
    Py_ssize_t outer
    Py_ssize_t n
    Py_ssize_t inner
    const Py_ssize_t *chosen


cdef bint is_missing(PyObject *given) noexcept:
    return given == NULL or <object> given is None or <object> given is NO_VALUE


cdef object NO_VALUE = np._NoValue


cdef bint open_fold(Fold *f, Shape *s, PyObject *value, PyObject *axis, PyObject *keepdims) except -1:
    """Read ``axis=`` and ``keepdims=``; False where they are not None, an integer or a truth value that fit."""
    cdef int nd = cnp.PyArray_NDIM(<cnp.ndarray> value), first = 0, last = nd, i
    cdef const cnp.npy_intp *dims = cnp.PyArray_DIMS(<cnp.ndarray> value)
    cdef bint keep = False
    cdef Py_ssize_t place
    if not is_missing(keepdims):
        if <object> keepdims is not True and <object> keepdims is not False:
            return False
        keep = <object> keepdims is True
    if axis != NULL and <object> axis is not None:
        if not as_index(<object> axis, &place):
            return False
        place += nd if place < 0 else 0
        if not 0 <= place < nd:
            return False
        first, last = <int> place, <int> place + 1
    f.outer, f.n, f.inner = product_of(dims, 0, first), product_of(dims, first, last), product_of(dims, last, nd)
    s.nd = 0
    for i in range(nd):
        if first <= i < last and not keep:
            continue
        s.dims[s.nd] = 1 if first <= i < last else dims[i]
        s.nd += 1
    return True


cdef loop_t ADD[2]
cdef void *ADD_DATA[2]
find_loop(np.add, 3, ADD, ADD_DATA)
# What NumPy begins a sum with.
cdef double NOTHING = np.add.reduce(np.array([-0.0]))


cdef void add_up(const double *x, double *out, const void *how) noexcept:
    """Sums, by NumPy's own loop: along the last axis that adds in pairs, along others row by row."""
    cdef const Fold *f = <const Fold *> how
    cdef char *args[3]
    cdef bint last = f.inner == 1
    cdef cnp.npy_intp n = f.n if last else f.inner, size = sizeof(double)
    cdef cnp.npy_intp[3] steps = [0 if last else size, size, 0 if last else size]
    cdef Py_ssize_t i, j
    for i in range(f.outer*f.inner):
        out[i] = NOTHING
    for i in range(f.outer):
        for j in range(1 if last else f.n):
            args[0] = args[2] = <char *> (out + i*f.inner)
            args[1] = <char *> (x + (i*f.n + j)*f.inner)
            ADD[0](args, &n, steps, ADD_DATA[0])


cdef void average(const double *x, double *out, const void *how) noexcept:
    cdef const Fold *f = <const Fold *> how
    cdef Py_ssize_t i
    add_up(x, out, how)
    for i in range(f.outer*f.inner):
        out[i] /= <double> f.n


cdef void running(const double *x, double *out, const void *how) noexcept:
    """Sums of all that came before."""
    cdef const Fold *f = <const Fold *> how
    cdef Py_ssize_t i, j, first, length = f.n*f.inner
    for j in range(f.outer):
        first = j*length
        memcpy(out + first, x + first, f.inner*sizeof(double))
        for i in range(first + f.inner, first + length):
            out[i] = out[i - f.inner] + x[i]


cdef void pick(const double *x, double *out, const void *how) noexcept:
    cdef const Fold *f = <const Fold *> how
    cdef Py_ssize_t i
    for i in range(f.outer*f.inner):
        out[i] = x[f.chosen[i]]


cdef object total_of(kernel_t kernel, object x, PyObject *axis, PyObject *keepdims, bint flattens):
    """A linear function of entries along an axis; ``flattens`` where it takes all of them without."""
    cdef Parts parts
    cdef Fold f
    cdef Shape s
    if not is_array(x) or not look(x, &parts) or not open_fold(&f, &s, parts.value, axis, keepdims):
        return None
    # NumPy adds in the order of memory.
    if cnp.PyArray_NDIM(<cnp.ndarray> parts.value) > 1 and not is_flat(<cnp.ndarray> parts.value, 0):
        return None
    if not flattens:
        s.nd = 1 if is_missing(axis) else cnp.PyArray_NDIM(<cnp.ndarray> parts.value)
        if is_missing(axis):
            s.dims[0] = f.n
        else:
            memcpy(s.dims, cnp.PyArray_DIMS(<cnp.ndarray> parts.value), s.nd*sizeof(cnp.npy_intp))
    r = mapped(kernel, &f, <ArrayNumber> x, &parts, &s)
    return r if are_finite(value_of(r), size_of(&s)) else None


cdef object serve_sum(Shortcut self, PyObject **given):
    return total_of(add_up, <object> given[0], given[1], given[2], True)


cdef object serve_mean(Shortcut self, PyObject **given):
    return total_of(average, <object> given[0], given[1], given[2], True)


cdef object serve_cumsum(Shortcut self, PyObject **given):
    return total_of(running, <object> given[0], given[1], NULL, False)


cdef bint choose(const Fold *f, const double *x, bint largest, Py_ssize_t *chosen) noexcept:
    """Find the extrema along the axis; False where some are tied, or nan."""
    cdef Py_ssize_t i, j, at, first, best
    for i in range(f.outer*f.inner):
        best = first = i//f.inner*f.n*f.inner + i % f.inner
        if isnan(x[first]):
            return False
        for j in range(1, f.n):
            at = first + j*f.inner
            if x[at] == x[best] or isnan(x[at]):
                # A tie with what is no extremum is harmless, and rare.
                return False
            if (x[at] > x[best]) == largest:
                best = at
        chosen[i] = best
    return True


cdef object extremum(object x, PyObject *axis, PyObject *keepdims, bint largest):
    cdef Parts parts
    cdef Fold f
    cdef Shape s
    cdef Py_ssize_t *chosen
    if not is_array(x) or not look(x, &parts) or not open_fold(&f, &s, parts.value, axis, keepdims):
        return None
    value = flat(parts.value, 0)
    chosen = <Py_ssize_t *> allocate(size_of(&s)*sizeof(Py_ssize_t))
    try:
        if not choose(&f, <const double *> cnp.PyArray_DATA(<cnp.ndarray> value), largest, chosen):
            return None
        f.chosen = chosen
        return mapped(pick, &f, <ArrayNumber> x, &parts, &s)
    finally:
        PyMem_Free(chosen)


cdef object serve_max(Shortcut self, PyObject **given):
    return extremum(<object> given[0], given[1], given[2], True)


cdef object serve_min(Shortcut self, PyObject **given):
    return extremum(<object> given[0], given[1], given[2], False)


# ---------------------------------------------------------------------------------------------------------------------
# Rearrangements: what the function does to positions, which depends on shapes alone, is kept
# ---------------------------------------------------------------------------------------------------------------------

cdef dict POSITIONS = {}

cdef struct Places:
    const Py_ssize_t *position
    Py_ssize_t n


cdef void take(const double *x, double *out, const void *how) noexcept:
    """Entries by position from 1; position 0 is a zero."""
    cdef const Places *p = <const Places *> how
    cdef Py_ssize_t i
    for i in range(p.n):
        out[i] = x[p.position[i] - 1] if p.position[i] else 0.0


cdef object rearranged(object function, tuple args, dict kwargs):
    """Serve a function whose result holds entries of its first argument and zeros (see `registry.rearranging`)."""
    cdef Parts parts
    if not is_array(args[0]) or not look(args[0], &parts):
        return None
    shape = (<object> parts.value).shape
    key = (function, shape, args[1:], tuple(kwargs.items()))
    positions = POSITIONS.get(key)
    if positions is None:
        numbers = np.arange(1, cnp.PyArray_SIZE(<cnp.ndarray> parts.value) + 1).reshape(shape)
        positions = function(numbers, *args[1:], **kwargs)
        if len(POSITIONS) >= 256:
            POSITIONS.clear()
        POSITIONS[key] = positions
    return picked(args[0], positions)


def picked(x, positions):
    """Entries of a small dual array by flat position from 1, where 0 gives a zero; None where `registry.pick` must."""
    cdef Parts parts
    cdef Shape s
    cdef Places places
    cdef cnp.ndarray p
    if type(positions) is not cnp.ndarray or not is_array(x) or not look(x, &parts):
        return None
    p = <cnp.ndarray> positions
    if cnp.PyArray_TYPE(p) != cnp.NPY_INTP or not cnp.PyArray_ISBEHAVED_RO(p) or not (
            0 < cnp.PyArray_SIZE(p) <= MOST and 0 < cnp.PyArray_NDIM(p) <= MOST_DIMENSIONS):
        return None
    ordered = flat(<PyObject *> p, 0)
    s.nd = cnp.PyArray_NDIM(p)
    memcpy(s.dims, cnp.PyArray_DIMS(p), s.nd*sizeof(cnp.npy_intp))
    places.position = <const Py_ssize_t *> cnp.PyArray_DATA(<cnp.ndarray> ordered)
    places.n = cnp.PyArray_SIZE(p)
    return mapped(take, &places, <ArrayNumber> x, &parts, &s)


cdef object serve_like(Shortcut self, PyObject **given):
    """Zeros or ones without tangents."""
    cdef Parts parts
    cdef Shape s
    cdef double *out[4]
    cdef Py_ssize_t i
    cdef int j
    if not is_array(<object> given[0]) or not look(<object> given[0], &parts):
        return None
    s.nd = cnp.PyArray_NDIM(<cnp.ndarray> parts.value)
    memcpy(s.dims, cnp.PyArray_DIMS(<cnp.ndarray> parts.value), s.nd*sizeof(cnp.npy_intp))
    r = new_number(<ArrayNumber> <object> given[0], &s, out)
    for i in range(size_of(&s)):
        out[0][i] = 1.0 if self.kind == ONES else 0.0
    for j in range(parts.count):
        memset(out[j + 1], 0, cnp.PyArray_NBYTES(<cnp.ndarray> parts.stack[j]))
    return r


# ---------------------------------------------------------------------------------------------------------------------
# Joins and branches
# ---------------------------------------------------------------------------------------------------------------------

cdef object model_of(list operands, Parts *parts):
    """Open operands, of which the dual ones are alike; return one of those, None where the rule must look."""
    cdef int i
    model = None
    for i in range(len(operands)):
        if not look(operands[i], &parts[i]):
            return None
        if parts[i].count:
            if model is not None and not are_alike(model, operands[i]):
                return None
            model = operands[i]
    return model


cdef object join(object arrays, Py_ssize_t axis, bint stacks):
    """Join arrays along an axis, a new one where ``stacks``."""
    cdef Parts parts[MOST_PARTS]
    cdef Shape s
    cdef double *out[4]
    cdef int i, j, nd
    cdef const cnp.npy_intp *dims
    cdef Py_ssize_t outer, row = 0
    if type(arrays) is not list and type(arrays) is not tuple or not 0 < len(arrays) <= MOST_PARTS:
        return None
    operands = [real_array(a) for a in arrays]
    model = model_of(operands, parts)
    if model is None:
        return None
    nd = cnp.PyArray_NDIM(<cnp.ndarray> parts[0].value)
    axis += nd + stacks if axis < 0 else 0
    if not 0 <= axis < nd + stacks:
        return None
    s.nd = nd
    memcpy(s.dims, cnp.PyArray_DIMS(<cnp.ndarray> parts[0].value), nd*sizeof(cnp.npy_intp))
    for i in range(len(operands)):
        dims = cnp.PyArray_DIMS(<cnp.ndarray> parts[i].value)
        if cnp.PyArray_NDIM(<cnp.ndarray> parts[i].value) != nd:
            return None
        for j in range(nd):
            if dims[j] != s.dims[j] and (stacks or j != axis):
                return None
        row += product_of(dims, axis, nd)
    outer = product_of(s.dims, 0, axis)
    if stacks:
        for j in range(nd, axis, -1):
            s.dims[j] = s.dims[j - 1]
        s.nd = nd + 1
        s.dims[axis] = len(operands)
    else:
        s.dims[axis] = row//product_of(s.dims, axis + 1, nd)
    r = new_number(<ArrayNumber> model, &s, out)
    fill(operands, parts, -1, out[0], outer, row, 1, axis)
    for j in range(3):
        if j < (1 if type(model) is DualArray else 2 if (<HyperDualArray> model).e1_ is (<HyperDualArray> model).e2_
                else 3):
            fill(operands, parts, j, out[j + 1], outer, row, planes_of(stack_of(parts, len(operands), j)), axis)
    return r


cdef PyObject *stack_of(const Parts *parts, int count, int which) noexcept:
    cdef int i
    for i in range(count):
        if parts[i].count:
            return parts[i].stack[which]
    return NULL


cdef int fill(list operands, const Parts *parts, int which, double *out, Py_ssize_t outer, Py_ssize_t row,
              Py_ssize_t planes, Py_ssize_t axis) except -1:
    """Write the values (``which`` is -1) or stacks of what is joined behind each other; plain arrays have zeros."""
    cdef Py_ssize_t i, j, o, chunk
    cdef const char *data
    cdef PyObject *source
    for i in range(len(operands)):
        chunk = product_of(cnp.PyArray_DIMS(<cnp.ndarray> parts[i].value), axis,
                           cnp.PyArray_NDIM(<cnp.ndarray> parts[i].value))
        source = parts[i].value if which < 0 else parts[i].stack[which] if parts[i].count else NULL
        a = None if source == NULL else flat(source, which >= 0)
        for j in range(planes):
            data = NULL if source == NULL else cnp.PyArray_BYTES(<cnp.ndarray> a) + (j*plane_step(a) if j else 0)
            for o in range(outer):
                if source == NULL:
                    memset(out + (j*outer + o)*row, 0, chunk*sizeof(double))
                else:
                    memcpy(out + (j*outer + o)*row, data + o*chunk*sizeof(double), chunk*sizeof(double))
        out += chunk
    return 0


cdef object serve_join(Shortcut self, PyObject **given):
    cdef Py_ssize_t axis = 0
    if given[1] != NULL and not as_index(<object> given[1], &axis):
        return None
    return join(<object> given[0], axis, self.kind == STACK)


cdef int dimensions(object a) noexcept:
    """How many axes an array has, plain or dual; 0 for anything else."""
    if is_array(a):
        a = (<ArrayNumber> a).v
    return cnp.PyArray_NDIM(<cnp.ndarray> a) if type(a) is cnp.ndarray else 0


cdef object serve_stack_of_vectors(Shortcut self, PyObject **given):
    """``hstack``, ``vstack`` and ``column_stack`` of vectors or of matrices."""
    arrays = <object> given[0]
    if type(arrays) is not list and type(arrays) is not tuple or not arrays:
        return None
    cdef int nd = dimensions(arrays[0])
    for a in arrays:
        if dimensions(a) != nd:
            return None
    if nd == 1:
        return join(arrays, 1 if self.kind == COLUMNS else 0, self.kind != ROW)
    return join(arrays, 0 if self.kind == ROWS else 1, False) if nd == 2 else None


cdef object serve_append(Shortcut self, PyObject **given):
    if given[1] == NULL:
        return None
    more = <object> given[1]
    more = (more,) if PyFloat_CheckExact(more) or PyLong_CheckExact(more) else more
    if dimensions(<object> given[0]) != 1 or (type(more) is not tuple and dimensions(more) != 1):
        return None
    return join((<object> given[0], more), 0, False)


cdef void branch(const char *condition, const char *a, Py_ssize_t a_step, const char *b, Py_ssize_t b_step,
                 double *out, Py_ssize_t n) noexcept:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = (<const double *> (a + i*a_step))[0] if condition[i] else (<const double *> (b + i*b_step))[0]


cdef struct Branch:
    double number
    bint is_number
    Parts parts


cdef bint open_branch(Branch *b, object a, cnp.ndarray condition) except -1:
    b.parts.count = 0
    b.is_number = not is_array(a) and type(a) is not cnp.ndarray
    if not b.is_number:
        return look(a, &b.parts) and cnp.PyArray_SAMESHAPE(<cnp.ndarray> b.parts.value, condition)
    if PyLong_CheckExact(a):
        return as_double(a, &b.number)
    if isinstance(a, float):
        b.number = PyFloat_AS_DOUBLE(a)
        return True
    return False


cdef double ZERO = 0.0


cdef int choose_plane(const char *condition, const Branch *a, const Branch *b, int which, Py_ssize_t planes,
                      double *out, Py_ssize_t n) except -1:
    """The values (``which`` is -1) or one stack of what is chosen."""
    cdef const Branch *sides[2]
    cdef const char *data[2]
    cdef Py_ssize_t steps[2]
    cdef Py_ssize_t jumps[2]
    cdef Py_ssize_t j
    cdef int i
    sides[0], sides[1] = a, b
    kept = [None, None]
    for i in range(2):
        steps[i], jumps[i], data[i] = 0, 0, <const char *> &ZERO
        if which < 0 and sides[i].is_number:
            data[i] = <const char *> &sides[i].number
        elif which < 0 or sides[i].parts.count:
            kept[i] = flat(sides[i].parts.value if which < 0 else sides[i].parts.stack[which], which >= 0)
            data[i], steps[i] = cnp.PyArray_BYTES(<cnp.ndarray> kept[i]), sizeof(double)
            jumps[i] = plane_step(kept[i])
    for j in range(planes):
        branch(condition, data[0], steps[0], data[1], steps[1], out + j*n, n)
        data[0] += jumps[0]
        data[1] += jumps[1]
    return 0


cdef object serve_where(Shortcut self, PyObject **given):
    cdef Branch a, b
    cdef Shape s
    cdef double *out[4]
    cdef const Parts *parts
    cdef cnp.ndarray condition
    cdef const char *chosen
    cdef int i
    if given[1] == NULL or given[2] == NULL or type(<object> given[0]) is not cnp.ndarray:
        return None
    condition = <cnp.ndarray> given[0]
    if cnp.PyArray_TYPE(condition) != cnp.NPY_BOOL or not cnp.PyArray_IS_C_CONTIGUOUS(condition) or not (
            0 < cnp.PyArray_NDIM(condition) <= MOST_DIMENSIONS):
        return None
    if not open_branch(&a, <object> given[1], condition) or not open_branch(&b, <object> given[2], condition):
        return None
    if a.parts.count and b.parts.count and not are_alike(<object> given[1], <object> given[2]):
        return None
    parts = &a.parts if a.parts.count else &b.parts
    if not parts.count:
        return None
    s.nd = cnp.PyArray_NDIM(condition)
    memcpy(s.dims, cnp.PyArray_DIMS(condition), s.nd*sizeof(cnp.npy_intp))
    r = new_number(<ArrayNumber> <object> given[1 if a.parts.count else 2], &s, out)
    chosen = cnp.PyArray_BYTES(condition)
    choose_plane(chosen, &a, &b, -1, 1, out[0], size_of(&s))
    for i in range(parts.count):
        choose_plane(chosen, &a, &b, i, planes_of(parts.stack[i]), out[i + 1], size_of(&s))
    return r


# ---------------------------------------------------------------------------------------------------------------------
# Products
# ---------------------------------------------------------------------------------------------------------------------

# An operand of a product, or planes of it: matrices that lie ``step`` bytes apart, 0 where all are the same one.
cdef struct Factor:
    const char *data
    Py_ssize_t step
    Py_ssize_t rows
    Py_ssize_t columns
    cnp.npy_intp row
    cnp.npy_intp column

# The product of ``count`` pairs, each result in C order behind the one before.
ctypedef void (*product_t)(const Factor *a, const Factor *b, double *out, Py_ssize_t count) noexcept


cdef void open_factor(Factor *f, object a, Py_ssize_t rows, Py_ssize_t columns) noexcept:
    """The matrices in an array, or in a stack of planes, in C order."""
    f.data = cnp.PyArray_BYTES(<cnp.ndarray> a)
    f.step = 0
    f.rows, f.columns = rows, columns
    f.row, f.column = columns*<Py_ssize_t> sizeof(double), sizeof(double)


cdef bint is_finite(const Factor *f, Py_ssize_t count) noexcept:
    cdef Py_ssize_t i, j, k
    cdef double total = 0.0
    for k in range(count):
        for i in range(f.rows):
            if f.column == sizeof(double):
                if not are_finite(<const double *> (f.data + k*f.step + i*f.row), f.columns):
                    return False
                continue
            for j in range(f.columns):
                total += 0.0*(<const double *> (f.data + k*f.step + i*f.row + j*f.column))[0]
    return total == 0.0


cdef inline const double *plane(const Factor *f, Py_ssize_t j) noexcept:
    return <const double *> (f.data + j*f.step)


cdef loop_t MATMUL[2]
cdef void *MATMUL_DATA[2]
find_loop(np.matmul, 3, MATMUL, MATMUL_DATA)


cdef void matrix_loop(const char *a, Py_ssize_t a_step, cnp.npy_intp a_row, cnp.npy_intp a_column,
                      const char *b, Py_ssize_t b_step, cnp.npy_intp b_row, cnp.npy_intp b_column,
                      double *out, Py_ssize_t count, Py_ssize_t n, Py_ssize_t m, Py_ssize_t p) noexcept:
    """NumPy's own loop for matmul, called as `np.matmul` calls it: axes of length 1 have no step."""
    cdef char *args[3]
    cdef cnp.npy_intp[4] dims = [count, n, m, p]
    cdef cnp.npy_intp size = sizeof(double)
    cdef cnp.npy_intp[9] steps = [
        a_step, b_step, n*p*size, a_row if n > 1 else 0, a_column if m > 1 else 0, b_row if m > 1 else 0,
        b_column if p > 1 else 0, p*size if n > 1 else 0, size if p > 1 else 0]
    args[0], args[1], args[2] = <char *> a, <char *> b, <char *> out
    MATMUL[0](args, dims, steps, MATMUL_DATA[0])


cdef void multiply(const Factor *a, const Factor *b, double *out, Py_ssize_t count) noexcept:
    """Matrix products, one for all planes where their rows are the rows of one matrix."""
    if b.step == 0 and a.rows == 1:
        matrix_loop(a.data, 0, a.step, a.column, b.data, 0, b.row, b.column, out, 1, count, a.columns, b.columns)
    elif b.step == 0 and a.step == a.rows*a.row:
        matrix_loop(a.data, 0, a.row, a.column, b.data, 0, b.row, b.column, out, 1, count*a.rows, a.columns, b.columns)
    elif a.step == 0 and b.columns == 1:
        matrix_loop(b.data, 0, b.step, b.row, a.data, 0, a.column, a.row, out, 1, count, a.columns, a.rows)
    else:
        matrix_loop(a.data, a.step, a.row, a.column, b.data, b.step, b.row, b.column, out, count, a.rows, a.columns,
                    b.columns)


cdef void cross(const Factor *a, const Factor *b, double *out, Py_ssize_t count) noexcept:
    """Vector products of rows of three."""
    cdef Py_ssize_t j, i, rows = max(a.rows, b.rows)
    cdef const double *x
    cdef const double *y
    for j in range(count):
        for i in range(rows):
            x, y = plane(a, j) + (3*i if a.rows > 1 else 0), plane(b, j) + (3*i if b.rows > 1 else 0)
            out[0] = x[1]*y[2] - x[2]*y[1]
            out[1] = x[2]*y[0] - x[0]*y[2]
            out[2] = x[0]*y[1] - x[1]*y[0]
            out += 3


cdef void outer(const Factor *a, const Factor *b, double *out, Py_ssize_t count) noexcept:
    cdef Py_ssize_t i, j, k
    for k in range(count):
        for i in range(a.columns):
            for j in range(b.columns):
                out[0] = plane(a, k)[i]*plane(b, k)[j]
                out += 1


cdef inline void add_to(double *out, const double *x, Py_ssize_t n) noexcept:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] += x[i]


cdef object product(product_t f, object a, object b, const Parts *pa, const Parts *pb, const Factor *fa,
                    const Factor *fb, const Shape *s):
    """The product rule, at both orders, where all factors of tangents are finite."""
    cdef double *out[4]
    cdef double *scratch
    cdef Factor ta, tb
    cdef Py_ssize_t size = size_of(s), k
    cdef const Parts *parts = pa if pa.count else pb
    cdef int i
    if pa.count and pb.count and not are_alike(a, b):
        return None
    if not is_finite(fa, 1) or not is_finite(fb, 1):
        return None
    r = new_number(<ArrayNumber> (a if pa.count else b), s, out)
    f(fa, fb, out[0], 1)
    if not are_finite(out[0], size):
        return None
    for i in range(parts.count):
        k = planes_of(parts.stack[i])
        if pa.count:
            planes = flat(pa.stack[i], 1)
            open_planes(&ta, planes, fa)
            f(&ta, fb, out[i + 1], k)
        if pb.count:
            planes = flat(pb.stack[i], 1)
            open_planes(&tb, planes, fb)
            if not pa.count:
                f(fa, &tb, out[i + 1], k)
                continue
            scratch = <double *> allocate(k*size*sizeof(double))
            f(fa, &tb, scratch, k)
            add_to(out[i + 1], scratch, k*size)
            PyMem_Free(scratch)
    if parts.count == 1 or not pa.count or not pb.count:
        return r
    return r if add_mixed(f, pa, pb, fa, fb, out[parts.count], size, (<HyperDualArray> a).layout) else None


cdef inline void open_planes(Factor *t, object planes, const Factor *like) noexcept:
    open_factor(t, planes, like.rows, like.columns)
    t.step = plane_step(planes)


cdef void *allocate(size_t size) except NULL:
    cdef void *memory = PyMem_Malloc(size)
    if memory == NULL:
        raise MemoryError()
    return memory


cdef bint add_mixed(product_t f, const Parts *pa, const Parts *pb, const Factor *fa, const Factor *fb, double *out,
                    Py_ssize_t size, tuple layout) except -1:
    """Add the terms of ε1ε2 with ε1 of one factor and ε2 of the other; False where not all of them are finite."""
    # Of factors that are not finite the rule for products knows.
    a1, a2 = flat(pa.stack[0], 1), flat(pa.stack[pa.count - 2], 1)
    b1, b2 = flat(pb.stack[0], 1), flat(pb.stack[pb.count - 2], 1)
    cdef Factor[4] factors
    cdef Factor x, y
    cdef double *scratch
    cdef Py_ssize_t j
    open_planes(&factors[0], a1, fa)
    open_planes(&factors[1], a2, fa)
    open_planes(&factors[2], b1, fb)
    open_planes(&factors[3], b2, fb)
    if not (is_finite(&factors[0], planes_of(<PyObject *> a1)) and is_finite(&factors[1], planes_of(<PyObject *> a2))
            and is_finite(&factors[2], planes_of(<PyObject *> b1))
            and is_finite(&factors[3], planes_of(<PyObject *> b2))):
        return False
    first, second = pairs(layout)
    cdef const Py_ssize_t *p = <const Py_ssize_t *> cnp.PyArray_DATA(<cnp.ndarray> first)
    cdef const Py_ssize_t *q = <const Py_ssize_t *> cnp.PyArray_DATA(<cnp.ndarray> second)
    scratch = <double *> allocate(size*sizeof(double))
    for j in range(cnp.PyArray_SIZE(<cnp.ndarray> first)):
        one_plane(&x, &factors[0], p[j])
        one_plane(&y, &factors[3], q[j])
        f(&x, &y, scratch, 1)
        add_to(out + j*size, scratch, size)
        one_plane(&x, &factors[1], q[j])
        one_plane(&y, &factors[2], p[j])
        f(&x, &y, scratch, 1)
        add_to(out + j*size, scratch, size)
    PyMem_Free(scratch)
    return True


cdef inline void one_plane(Factor *f, const Factor *planes, Py_ssize_t j) noexcept:
    f[0] = planes[0]
    f.data += j*planes.step
    f.step = 0


cdef bint open_matrix(Factor *f, PyObject *value, bint is_left) noexcept:
    """A vector or a matrix as it lies in memory: values are then NumPy's to the bit."""
    cdef cnp.ndarray v = <cnp.ndarray> value
    cdef const cnp.npy_intp *dims = cnp.PyArray_DIMS(v)
    cdef const cnp.npy_intp *strides = cnp.PyArray_STRIDES(v)
    f.data, f.step = cnp.PyArray_BYTES(v), 0
    if cnp.PyArray_NDIM(v) == 2:
        f.rows, f.columns, f.row, f.column = dims[0], dims[1], strides[0], strides[1]
    elif cnp.PyArray_NDIM(v) == 1 and is_left:
        f.rows, f.columns, f.row, f.column = 1, dims[0], 0, strides[0]
    elif cnp.PyArray_NDIM(v) == 1:
        f.rows, f.columns, f.row, f.column = dims[0], 1, strides[0], 0
    else:
        return False
    return True


cdef object serve_matmul(Shortcut self, PyObject **given):
    """Vectors and matrices; of `np.inner` the right one must be a vector, of `np.vecdot` and `np.vdot` both."""
    if given[0] == NULL or given[1] == NULL:
        return None
    return matrix_product(<object> given[0], <object> given[1], self.kind)


cdef object matrix_product(object a, object b, int kind):
    cdef Parts pa, pb
    cdef Factor fa, fb
    cdef Shape s
    a, b = real_array(a), real_array(b)
    if not look(a, &pa) or not look(b, &pb) or not (pa.count or pb.count):
        return None
    if not open_matrix(&fa, pa.value, True) or not open_matrix(&fb, pb.value, False) or fa.columns != fb.rows:
        return None
    if kind == RAVELLED:
        # NumPy copies before it multiplies.
        va, vb = flat(pa.value, 0), flat(pb.value, 0)
        open_matrix(&fa, <PyObject *> va, True)
        open_matrix(&fb, <PyObject *> vb, False)
    s.nd = 0
    if cnp.PyArray_NDIM(<cnp.ndarray> pa.value) == 2:
        if kind == VECTORS or kind == RAVELLED:
            return None
        s.dims[0], s.nd = fa.rows, 1
    if cnp.PyArray_NDIM(<cnp.ndarray> pb.value) == 2:
        if kind != MATRICES:
            return None
        s.dims[s.nd] = fb.columns
        s.nd += 1
    return product(multiply, a, b, &pa, &pb, &fa, &fb, &s)


cdef object serve_outer(Shortcut self, PyObject **given):
    cdef Parts pa, pb
    cdef Factor fa, fb
    cdef Shape s
    if given[0] == NULL or given[1] == NULL:
        return None
    a, b = real_array(<object> given[0]), real_array(<object> given[1])
    if not look(a, &pa) or not look(b, &pb) or not (pa.count or pb.count):
        return None
    if self.kind == VECTORS and (dimensions(a) != 1 or dimensions(b) != 1):
        return None
    va, vb = flat(pa.value, 0), flat(pb.value, 0)
    open_factor(&fa, va, 1, cnp.PyArray_SIZE(<cnp.ndarray> va))
    open_factor(&fb, vb, 1, cnp.PyArray_SIZE(<cnp.ndarray> vb))
    s.nd, s.dims[0], s.dims[1] = 2, fa.columns, fb.columns
    return product(outer, a, b, &pa, &pb, &fa, &fb, &s)


cdef object serve_cross(Shortcut self, PyObject **given):
    """Vectors of three, or rows of them: equally many, or one on one side."""
    cdef Parts pa, pb
    cdef Factor fa, fb
    cdef Shape s
    cdef cnp.ndarray va, vb, larger
    if given[0] == NULL or given[1] == NULL:
        return None
    a, b = real_array(<object> given[0]), real_array(<object> given[1])
    if not look(a, &pa) or not look(b, &pb) or not (pa.count or pb.count):
        return None
    va, vb = flat(pa.value, 0), flat(pb.value, 0)
    larger = va if cnp.PyArray_NDIM(va) > cnp.PyArray_NDIM(vb) else vb
    if cnp.PyArray_DIMS(va)[cnp.PyArray_NDIM(va) - 1] != 3 or cnp.PyArray_DIMS(vb)[cnp.PyArray_NDIM(vb) - 1] != 3:
        return None
    if cnp.PyArray_NDIM(va) > 1 and cnp.PyArray_NDIM(vb) > 1 and not cnp.PyArray_SAMESHAPE(va, vb):
        return None
    open_factor(&fa, va, cnp.PyArray_SIZE(va)//3, 3)
    open_factor(&fb, vb, cnp.PyArray_SIZE(vb)//3, 3)
    s.nd = cnp.PyArray_NDIM(larger)
    memcpy(s.dims, cnp.PyArray_DIMS(larger), s.nd*sizeof(cnp.npy_intp))
    return product(cross, a, b, &pa, &pb, &fa, &fb, &s)


# ---------------------------------------------------------------------------------------------------------------------
# Compositions
# ---------------------------------------------------------------------------------------------------------------------

cdef enum:
    # The exponents of two of the largest entry between which no square that matters and no product of an entry with a
    # tangent that does overflows or underflows.
    LEAST = -25
    LARGEST = 25


cdef object KEPT = True


cdef object variance(object x, PyObject *axis, PyObject *ddof, PyObject *keepdims):
    """The mean square of the deviations from the mean, as NumPy computes it."""
    cdef Py_ssize_t less = 0, n
    if ddof != NULL and not as_index(<object> ddof, &less):
        return None
    mean = total_of(average, x, axis, <PyObject *> KEPT, True)
    if mean is None:
        return None
    deviations = call_binary(B_subtract, x, mean)
    squares = total_of(add_up, call_unary(U_square, deviations, NULL), axis, keepdims, True)
    n = cnp.PyArray_SIZE(<cnp.ndarray> (<ArrayNumber> x).v)//cnp.PyArray_SIZE(<cnp.ndarray> (<ArrayNumber> mean).v)
    return None if squares is None or n <= less else call_binary(B_divide, squares, <double> (n - less))


cdef object serve_var(Shortcut self, PyObject **given):
    """Variances, and standard deviations where no tip is among them."""
    cdef Py_ssize_t i
    cdef const double *v
    made = variance(<object> given[0], given[1], given[2], given[3])
    if made is None or self.kind != ROOT:
        return made
    v = value_of(made)
    for i in range(cnp.PyArray_SIZE(<cnp.ndarray> (<ArrayNumber> made).v) if is_array(made) else 1):
        if v[i] == 0.0:
            return None
    return call_unary(U_root, made, NULL)


cdef bint is_moderate(PyObject *value):
    """Whether the largest entry is between these powers of two: no tip, and no trouble with squares."""
    v = flat(value, 0)
    cdef const double *x = <const double *> cnp.PyArray_DATA(<cnp.ndarray> v)
    cdef double largest = 0.0
    cdef Py_ssize_t i
    for i in range(cnp.PyArray_SIZE(<cnp.ndarray> v)):
        # Of nan, too, it is not less.
        if not fabs(x[i]) < 2.0**LARGEST:
            return False
        largest = max(largest, fabs(x[i]))
    return largest > 2.0**LEAST


cdef object serve_norm(Shortcut self, PyObject **given):
    """The 2-norm: the root of a dot product, as NumPy has it, or of sums of squares along an axis."""
    cdef Parts parts
    cdef Factor left, right
    cdef Shape s
    cdef int nd
    x, order = <object> given[0], given[1]
    if not is_array(x) or not look(x, &parts) or not is_moderate(parts.value):
        return None
    if not is_missing(order) and not (PyLong_CheckExact(<object> order) and <object> order == 2):
        return None
    nd = cnp.PyArray_NDIM(<cnp.ndarray> parts.value)
    if self.kind == VECTORS or not is_missing(given[2]):
        return root_of(total_of(add_up, call_unary(U_square, x, NULL), given[2], given[3], True))
    # NumPy adds in the order of memory; of a matrix 2 is another norm.
    if not is_missing(given[3]) or (nd > 1 and (not is_missing(order) or not is_flat(<cnp.ndarray> parts.value, 0))):
        return None
    value = flat(parts.value, 0)
    open_factor(&left, value, 1, cnp.PyArray_SIZE(<cnp.ndarray> value))
    open_factor(&right, value, left.columns, 1)
    s.nd = 0
    return root_of(product(multiply, x, x, &parts, &parts, &left, &right, &s))


cdef object root_of(object squares):
    """The square root of sums of squares; None at a tip, and where something is not finite."""
    cdef Py_ssize_t i
    cdef const double *x
    if squares is None:
        return None
    x = value_of(squares)
    for i in range(cnp.PyArray_SIZE(<cnp.ndarray> (<ArrayNumber> squares).v) if is_array(squares) else 1):
        if x[i] < 2.0**(2*LEAST):
            return None
    root = call_unary(U_sqrt, squares, NULL)
    return root if is_tame(root) else None


cdef bint is_tame(object x) except -1:
    """Whether all tangents of a result are finite."""
    cdef Parts parts
    cdef int i
    if type(x) is Dual:
        return are_finite((<Dual> x).stored, (<Dual> x).n)
    if type(x) is HyperDual:
        return are_finite((<HyperDual> x).e1_, (<HyperDual> x).size)
    if not look(x, &parts):
        return False
    for i in range(parts.count):
        if not are_finite(<const double *> cnp.PyArray_DATA(<cnp.ndarray> parts.stack[i]),
                          cnp.PyArray_SIZE(<cnp.ndarray> parts.stack[i])):
            return False
    return True


# ---------------------------------------------------------------------------------------------------------------------
# The table, and the way into it
# ---------------------------------------------------------------------------------------------------------------------

ctypedef object (*handler_t)(Shortcut self, PyObject **given)

cdef enum:
    # What functions that share a handler differ in.
    MATRICES
    RIGHT_VECTOR
    VECTORS
    RAVELLED
    CONCATENATE
    STACK
    ROW
    ROWS
    COLUMNS
    ONES
    ROOT
    VIEWS
    MOVES
    VALUES


@cython.final
cdef class Shortcut:
    """How a function is served: a handler and the names of its arguments, of which so many may be given by position.

    Without a handler ``plain`` is the function of a plain array: it gives a view, or looks at values only, or tells by
    what it does to positions how it rearranges entries.
    """

    cdef handler_t handler
    cdef tuple names
    cdef int positional
    cdef int kind
    cdef object plain


# NumPy function -> its shortcut.
cdef dict SHORTCUTS = {}


cdef int add(tuple functions, handler_t handler, tuple names, int positional, int kind=0) except -1:
    cdef Shortcut s
    for function in functions:
        s = Shortcut.__new__(Shortcut)
        s.handler, s.names, s.positional, s.kind = handler, names, positional, kind
        SHORTCUTS[function] = s
    return 0


cdef int add_plain(object function, object plain, int kind) except -1:
    cdef Shortcut s = Shortcut.__new__(Shortcut)
    s.handler = NULL
    s.plain, s.kind = plain, kind
    SHORTCUTS[function] = s
    return 0


cdef object shortcut(object function, tuple args, dict kwargs):
    """The result of a NumPy function on small dual arrays, None where its rule must be asked."""
    cdef PyObject *entry = PyDict_GetItemWithError(SHORTCUTS, function)
    cdef PyObject *given[MOST_OPTIONS]
    cdef Shortcut s
    if entry == NULL:
        return None
    s = <Shortcut> entry
    if s.handler != NULL:
        return s.handler(s, given) if bind(s, args, kwargs, given) else None
    if not args or not are_numbers(args[1:]) or not are_numbers(kwargs.values()):
        return None
    return rearranged(function, args, kwargs) if s.kind == MOVES else applied(s, args, kwargs)


cdef bint are_numbers(object options) except -1:
    """Whether options are integers, tuples of integers or None, which say where entries go and nothing else."""
    for option in options:
        if not (option is None or PyLong_CheckExact(option) or (type(option) is tuple and are_numbers(option))):
            return False
    return True


cdef bint says_nothing(object name, object option):
    """Whether an option has its default, which rules that are compositions hand on."""
    return option is NO_VALUE or (option is None and name in ("dtype", "out")) or (option is True and name == "where")


cdef bint bind(Shortcut s, tuple args, dict kwargs, PyObject **given) except -1:
    """Give every argument its place; False where there is another one."""
    cdef Py_ssize_t i, place = 0, number = len(args)
    cdef PyObject *name
    cdef PyObject *option
    if not 0 < number <= s.positional:
        return False
    for i in range(MOST_OPTIONS):
        given[i] = <PyObject *> args[i] if i < number else NULL
    if kwargs is None or not kwargs:
        return True
    while PyDict_Next(kwargs, &place, &name, &option):
        for i in range(number, len(s.names)):
            # Names of arguments are interned.
            if name == <PyObject *> s.names[i]:
                given[i] = option
                break
        else:
            if not says_nothing(<object> name, <object> option):
                return False
    return True


cdef object applied(Shortcut s, tuple args, dict kwargs):
    """What a function gives of the value, and views of the planes alike; errors are for the rule to raise."""
    if not is_array(args[0]) or type((<ArrayNumber> args[0]).v) is not cnp.ndarray:
        return None
    try:
        made = s.plain((<ArrayNumber> args[0]).v, *args[1:], **kwargs)
    except Exception:
        return None
    if s.kind == VALUES:
        return made
    if type(made) is not list and type(made) is not tuple:
        return repeated(<ArrayNumber> args[0], made)
    views = [repeated(<ArrayNumber> args[0], view) for view in made]
    return None if None in views else type(made)(views)


cdef int fill_table() except -1:
    add((np.sum,), serve_sum, ("a", "axis", "keepdims"), 2)
    add((np.mean,), serve_mean, ("a", "axis", "keepdims"), 2)
    add((np.var,), serve_var, ("a", "axis", "ddof", "keepdims"), 2)
    add((np.std,), serve_var, ("a", "axis", "ddof", "keepdims"), 2, ROOT)
    add((np.cumsum,), serve_cumsum, ("a", "axis"), 2)
    add((np.max, np.amax), serve_max, ("a", "axis", "keepdims"), 2)
    add((np.min, np.amin), serve_min, ("a", "axis", "keepdims"), 2)
    add((np.zeros_like, np.empty_like), serve_like, ("a",), 1)
    add((np.ones_like,), serve_like, ("a",), 1, ONES)
    add((np.concatenate,), serve_join, ("arrays", "axis"), 2, CONCATENATE)
    add((np.stack,), serve_join, ("arrays", "axis"), 2, STACK)
    add((np.hstack,), serve_stack_of_vectors, ("tup",), 1, ROW)
    add((np.vstack,), serve_stack_of_vectors, ("tup",), 1, ROWS)
    add((np.column_stack,), serve_stack_of_vectors, ("tup",), 1, COLUMNS)
    add((np.append,), serve_append, ("arr", "values"), 2)
    add((np.where,), serve_where, ("condition", "x", "y"), 3)
    add((np.matmul, np.linalg.matmul), serve_matmul, ("x1", "x2"), 2, MATRICES)
    add((np.dot,), serve_matmul, ("a", "b"), 2, MATRICES)
    add((np.inner,), serve_matmul, ("a", "b"), 2, RIGHT_VECTOR)
    add((np.vdot,), serve_matmul, ("a", "b"), 2, RAVELLED)
    add((np.vecdot, np.linalg.vecdot), serve_matmul, ("x1", "x2"), 2, VECTORS)
    add((np.outer,), serve_outer, ("a", "b"), 2, MATRICES)
    add((np.linalg.outer,), serve_outer, ("x1", "x2"), 2, VECTORS)
    add((np.cross,), serve_cross, ("a", "b"), 2)
    add((np.linalg.cross,), serve_cross, ("x1", "x2"), 2)
    add((np.linalg.norm,), serve_norm, ("x", "ord", "axis", "keepdims"), 4, MATRICES)
    add((np.linalg.vector_norm,), serve_norm, ("x", "ord", "axis", "keepdims"), 1, VECTORS)
    add_plain(np.reshape, np.ndarray.reshape, VIEWS)
    add_plain(np.ravel, np.ndarray.ravel, VIEWS)
    add_plain(np.transpose, np.ndarray.transpose, VIEWS)
    add_plain(np.swapaxes, np.ndarray.swapaxes, VIEWS)
    add_plain(np.squeeze, np.ndarray.squeeze, VIEWS)
    add_plain(np.diagonal, np.ndarray.diagonal, VIEWS)
    add_plain(np.matrix_transpose, np.matrix_transpose, VIEWS)
    for function in (np.moveaxis, np.expand_dims, np.broadcast_to, np.flip, np.atleast_1d, np.atleast_2d, np.split,
                     np.array_split, np.hsplit, np.vsplit):
        add_plain(function, function, VIEWS)
    for function in (np.roll, np.tile, np.repeat, np.delete, np.resize, np.diagflat, np.tril, np.triu):
        add_plain(function, function, MOVES)
    for name in ("argmax", "argmin", "argsort", "nonzero", "all", "any"):
        add_plain(getattr(np, name), getattr(np.ndarray, name), VALUES)
    for name in ("shape", "ndim", "size"):
        add_plain(getattr(np, name), operator.attrgetter(name), VALUES)
    for function in (np.isnan, np.isfinite, np.isinf, np.signbit, np.count_nonzero):
        add_plain(function, function, VALUES)
    return 0


fill_table()
set_shortcuts(shortcut)


def table():
    """The shortcuts by NumPy function: the table itself, which tests empty to compare with the rules."""
    return SHORTCUTS


# ---------------------------------------------------------------------------------------------------------------------
# Seeding and reading small arrays: the short cut of the transforms
# ---------------------------------------------------------------------------------------------------------------------

cdef bint is_point(object x, Py_ssize_t below) noexcept:
    """Whether this is an array of fewer than ``below`` float64 numbers, and no number."""
    return (real_type(x) == 0 and 0 < cnp.PyArray_NDIM(<cnp.ndarray> x) <= MOST_DIMENSIONS
            and 0 < cnp.PyArray_SIZE(<cnp.ndarray> x) < below)


cdef object argument(tuple args, Py_ssize_t *position):
    """The argument at a position, counted from the end where that is negative; None where there is none."""
    cdef Py_ssize_t count = len(args)
    if not -count <= position[0] < count:
        return None
    position[0] += count if position[0] < 0 else 0
    return args[position[0]]


cdef cnp.ndarray copied(cnp.ndarray x):
    cdef cnp.ndarray made = new_values(cnp.PyArray_NDIM(x), cnp.PyArray_DIMS(x), 0)
    cnp.PyArray_CopyInto(made, x)
    return made


cdef cnp.ndarray seeds(cnp.ndarray x, Py_ssize_t planes, bint identity):
    """Planes of zeros for an array; with ones on the diagonal where they are to be the identity."""
    cdef cnp.ndarray t = new_stack(planes, cnp.PyArray_NDIM(x), cnp.PyArray_DIMS(x), 0)
    cdef double *data = <double *> cnp.PyArray_DATA(t)
    cdef Py_ssize_t i, n = cnp.PyArray_SIZE(x)
    memset(data, 0, planes*n*sizeof(double))
    for i in range(planes if identity else 0):
        data[i*n + i] = 1.0
    return t


cdef Dual seeded_number(double x, double tangent, long level):
    cdef Dual d = new_whole_dual(1, level)
    d.v, d.stored[0] = x, tangent
    return d


cdef object evaluated(object function, tuple args, Py_ssize_t position, dict kwargs, object seeded, long level):
    try:
        if len(args) == 1:
            return function(seeded, **kwargs)
        return function(*args[:position], seeded, *args[position + 1:], **kwargs)
    finally:
        levels.close_level(level)


cdef object own(object y):
    """A result for the general path: whoever else holds it keeps numbers of his own."""
    return y.copy() if is_array(y) and Py_REFCNT(<PyObject *> y) > 1 else y


cdef bint open_result(object y, long level, Py_ssize_t k, Parts *parts) except -1:
    """Open a small array that carries k dense tangents of this level, one behind the other."""
    return (type(y) is DualArray and (<DualArray> y).level == level and look(y, parts)
            and planes_of(parts.stack[0]) == k and is_flat(<cnp.ndarray> parts.stack[0], 0)
            and cnp.PyArray_NDIM(<cnp.ndarray> parts.value) <= MOST_DIMENSIONS)


cdef cnp.ndarray derivative(cnp.ndarray x, int orders, int nd, const cnp.npy_intp *dims):
    """Room for a derivative: the shape of the result and, for each order, that of x."""
    cdef cnp.npy_intp shape[3*MOST_DIMENSIONS]
    cdef int i, own = cnp.PyArray_NDIM(x)
    memcpy(shape, dims, nd*sizeof(cnp.npy_intp))
    for i in range(orders):
        memcpy(shape + nd + i*own, cnp.PyArray_DIMS(x), own*sizeof(cnp.npy_intp))
    return new_values(nd + orders*own, shape, 0)


cdef cnp.ndarray jacobian(cnp.ndarray x, const double *planes, Py_ssize_t size, int nd, const cnp.npy_intp *dims):
    """Planes, of so many numbers each, as the derivative of a result of this shape."""
    cdef cnp.ndarray made = derivative(x, 1, nd, dims)
    cdef double *out = <double *> cnp.PyArray_DATA(made)
    cdef Py_ssize_t i, j, n = cnp.PyArray_SIZE(x)
    for i in range(size):
        for j in range(n):
            out[i*n + j] = planes[j*size + i]
    return made


cdef cnp.ndarray hessian(cnp.ndarray x, const double *triangle):
    """The triangle of a scalar's second derivatives and its mirror image."""
    cdef cnp.ndarray made = derivative(x, 2, 0, NULL)
    cdef double *out = <double *> cnp.PyArray_DATA(made)
    cdef Py_ssize_t p, q, n = cnp.PyArray_SIZE(x)
    for p in range(n):
        for q in range(p, n):
            out[p*n + q] = out[q*n + p] = triangle[0]
            triangle += 1
    return made


def first_order_pass(function, tuple args, Py_ssize_t position, dict kwargs, bint strict, bint scalar,
                     Py_ssize_t below):
    """Differentiate a function of a small array: what `_scalar.first_order_pass` does for numbers and lists of them.

    Returns None when the argument is something else, else ``(value, derivative, None)``; or ``(result, level, True)``
    when the general path must read it.
    """
    cdef Parts parts
    cdef cnp.ndarray t
    cdef Dual d
    cdef Py_ssize_t n
    cdef long level
    x = argument(args, &position)
    if not is_point(x, below):
        return None
    level = levels.open_level(strict)
    n = cnp.PyArray_SIZE(<cnp.ndarray> x)
    seeded = new_dual_array(copied(<cnp.ndarray> x), seeds(<cnp.ndarray> x, n, True), level)
    y = evaluated(function, args, position, kwargs, seeded, level)
    if type(y) is Dual and (<Dual> y).level == level and (<Dual> y).k == n:
        d = whole_dual(<Dual> y)
        return np.float64(d.v), jacobian(<cnp.ndarray> x, d.stored, 1, 0, NULL), None
    if scalar or not open_result(y, level, n, &parts):
        return own(y), level, True
    t = <cnp.ndarray> parts.stack[0]
    return copied(<cnp.ndarray> parts.value), jacobian(
        <cnp.ndarray> x, <const double *> cnp.PyArray_DATA(t), cnp.PyArray_SIZE(<cnp.ndarray> parts.value),
        cnp.PyArray_NDIM(t) - 1, cnp.PyArray_DIMS(t) + 1), None


def second_order_pass(function, tuple args, Py_ssize_t position, dict kwargs, bint strict, Py_ssize_t below):
    """The same at second order, of arrays: ``(value, gradient, Hessian, None)`` or ``(result, level, None, True)``."""
    cdef HyperDual h
    cdef Py_ssize_t n
    cdef long level
    x = argument(args, &position)
    if not is_point(x, below):
        return None
    n = cnp.PyArray_SIZE(<cnp.ndarray> x)
    level = levels.open_level(strict)
    e1, e12 = seeds(<cnp.ndarray> x, n, True), seeds(<cnp.ndarray> x, count_pairs(TRIANGLE, n, n), False)
    seeded = new_hyper_array(copied(<cnp.ndarray> x), e1, e1, e12, (TRIANGLE, n, n), level)
    y = evaluated(function, args, position, kwargs, seeded, level)
    if type(y) is not HyperDual or (<HyperDual> y).level != level or (<HyperDual> y).kind != TRIANGLE or (
            (<HyperDual> y).k1 != n):
        return own(y), level, None, True
    h = whole_hyper(<HyperDual> y)
    return (np.float64(h.v), jacobian(<cnp.ndarray> x, h.e1_, 1, 0, NULL), hessian(<cnp.ndarray> x, h.e12_), None)


def directional_pass(function, primals, tangents, bint strict):
    """Differentiate along one direction: ``(value, derivative, None)``, or as `first_order_pass` says.

    Serves tuples of floats and arrays, with a direction of the same shape for each.
    """
    cdef Parts parts
    cdef long level
    cdef cnp.ndarray stack
    cdef double v, t
    if type(primals) is not tuple or type(tangents) is not tuple or not primals or len(primals) != len(tangents):
        return None
    for x, direction in zip(<tuple> primals, <tuple> tangents):
        if not (PyFloat_CheckExact(x) and PyFloat_CheckExact(direction)) and not (
                is_point(x, PY_SSIZE_T_MAX) and is_point(direction, PY_SSIZE_T_MAX)
                and cnp.PyArray_SAMESHAPE(<cnp.ndarray> x, <cnp.ndarray> direction)):
            return None
    level = levels.open_level(strict)
    seeded = []
    for x, direction in zip(<tuple> primals, <tuple> tangents):
        if PyFloat_CheckExact(x):
            v, t = x, direction
            seeded.append(seeded_number(v, t, level))
            continue
        stack = new_stack(1, cnp.PyArray_NDIM(<cnp.ndarray> x), cnp.PyArray_DIMS(<cnp.ndarray> x), 0)
        cnp.PyArray_CopyInto(stack, <cnp.ndarray> direction)
        seeded.append(new_dual_array(copied(<cnp.ndarray> x), stack, level))
    # Operations on large arrays wait only where the seeds alone have their memory.
    stack = None
    try:
        y = function(*seeded)
    finally:
        levels.close_level(level)
    if type(y) is Dual and (<Dual> y).level == level and (<Dual> y).k == 1:
        return np.float64((<Dual> y).v), np.float64(whole_dual(<Dual> y).stored[0]), None
    if not open_result(y, level, 1, &parts):
        return own(y), level, True
    return copied(<cnp.ndarray> parts.value), copied((<object> parts.stack[0])[0]), None
