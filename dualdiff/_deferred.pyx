"""Elementwise operations on large arrays wait until somebody reads a result, and then run together.

An expression on 10⁶ elements is bound by memory: each operation streams 32 MB, for 8 ns of arithmetic per element in
all. Operations that have waited are computed block by block instead: all of them on one block, whose intermediate
results stay in the first-level cache, then the next. The chain of docs/reference/benchmarks.md takes 10 ns per element
this way, and 22 one operation after the other.

What waits reads only memory that nobody else can write to: whoever asks a dual array for its parts makes everything
that reads them run first (`compute_readers`). Nothing of this can be seen from outside.
"""

cimport cython
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.string cimport memcmp, memcpy

cimport numpy as cnp

from ._buffers cimport new_array
from ._kernels cimport BinaryRow, Part, Slope, Stream, UnaryRow, binary_first, unary_first
from ._scalar cimport Dual
from ._threads cimport Work, share

import warnings

import numpy as np

from ._scalar import BINARY_UFUNCS, UNARY_UFUNCS

cnp.import_array()

cdef enum:
    NUMBER = 0
    MEMORY = 1
    WAITING = 2
    # Bytes of a block of one array with its planes: four or five of them are alive at a time.
    BLOCK_BYTES = 16384
    SHORTEST = 64

cdef struct Operand:
    # The step whose block is read, or -1.
    Py_ssize_t step
    # Memory that is read from the start of the block on, or NULL.
    char *value
    char *planes
    Stream x
    Stream t

cdef struct Step:
    Py_ssize_t k
    const Py_ssize_t *from_a
    const Py_ssize_t *from_b
    UnaryRow *unary
    BinaryRow *binary
    const double *p
    double strict
    Operand a
    Operand b
    # A block of its own, unless it goes to memory.
    char *scratch
    char *kept_value
    char *kept_planes
    # The operand whose planes are those of the result, so that they need not be computed; NULL where there is none.
    Operand *lender
    # Where the present block is, and how far its planes are apart.
    char *value
    char *planes
    Py_ssize_t plane
    int flags
    Py_ssize_t last_use


# ---------------------------------------------------------------------------------------------------------------------
# Nodes
# ---------------------------------------------------------------------------------------------------------------------

@cython.final
cdef class Planing:
    """Where the planes of a result come from: plane ``a[j]`` of the first operand and ``b[j]`` of the second, or -1."""


@cython.final
@cython.no_gc
cdef class Node:

    def __dealloc__(self):
        leave(self)


# All nodes that wait: a ring of which this one is a member that never does.
cdef Node ring = Node.__new__(Node)
ring.before = ring.after = <void *> ring


cdef void enter(Node node) noexcept:
    cdef Node first = <Node> ring.after
    node.before = <void *> ring
    node.after = <void *> first
    first.before = <void *> node
    ring.after = <void *> node


cdef void leave(Node node) noexcept:
    if node.after != NULL:
        (<Node> node.before).after = node.after
        (<Node> node.after).before = node.before
        node.before = node.after = NULL


cdef Node array_node(cnp.ndarray value, cnp.ndarray tangent):
    """Memory: a value of float64 numbers and its planes, each in C order."""
    cdef Node node = Node.__new__(Node)
    cdef int i
    node.kind = MEMORY
    node.nd = cnp.PyArray_NDIM(value)
    for i in range(node.nd):
        node.dims[i] = cnp.PyArray_DIMS(value)[i]
    node.n = cnp.PyArray_SIZE(value)
    node.k = cnp.PyArray_DIMS(tangent)[0]
    node.value = value
    node.tangent = tangent
    node.shown = True
    return node


cdef Node constant_node(double number):
    cdef Node node = Node.__new__(Node)
    node.constant = number
    return node


cdef Node dual_node(Dual number):
    cdef Node node = Node.__new__(Node)
    node.dual = number
    node.k = number.k
    return node


cdef Node waiting(Node like, double strict, tuple errors, int depth):
    cdef Node node = Node.__new__(Node)
    cdef int i
    node.kind = WAITING
    node.nd = like.nd
    for i in range(node.nd):
        node.dims[i] = like.dims[i]
    node.n = like.n
    node.k = like.k
    node.strict = strict
    node.errors = errors
    node.depth = depth
    node.shown = True
    enter(node)
    return node


cdef Node unary_node(UnaryRow *row, Node x, const double *p, double strict, tuple errors):
    cdef Node node = waiting(x, strict, errors, x.depth + 1)
    cdef int i
    node.unary = row
    node.a = x
    if p != NULL:
        for i in range(4):
            node.p[i] = p[i]
    return node


cdef Node binary_node(BinaryRow *row, Node a, Node b, Planing planing, double strict, tuple errors):
    cdef Node node = waiting(b if a.kind == NUMBER else a, strict, errors, a.depth + b.depth + 1)
    node.planing = planing
    if planing is not None:
        node.k = planing.k
    node.binary = row
    node.a = a
    node.b = b
    return node


cdef tuple error_state():
    """What NumPy is to do about floating-point exceptions now, and Python about warnings; None where at once."""
    cdef dict state = np.geterr()
    for reaction in state.values():
        if reaction == "raise" or reaction == "call":
            return None
    for action, _, category, _, _ in warnings.filters:
        if issubclass(RuntimeWarning, category):
            if action == "error":
                return None
            break
    return state, warnings.filters


# ---------------------------------------------------------------------------------------------------------------------
# Running
# ---------------------------------------------------------------------------------------------------------------------

# How many runs there have been: nodes remember the one that collected them.
cdef Py_ssize_t runs = 0


cdef int collect(Node node, list order, list twins) except -1:
    """Append all steps that ``node`` needs, operands first; what is a step already is one of ``twins``."""
    cdef Py_ssize_t i
    if node.kind != WAITING or node.run == runs:
        return 0
    collect(node.a, order, twins)
    if node.b is not None:
        collect(node.b, order, twins)
    node.run = runs
    if not node.shown:
        for i in range(len(order)):
            if are_twins(node, <Node> order[i]):
                node.place = i
                twins.append(node)
                return 0
    node.place = len(order)
    order.append(node)
    return 0


cdef bint are_twins(Node one, Node other) noexcept:
    """Whether two operations that are collected are the same, so that ``x**2`` written twice is computed once."""
    return (
        one.unary == other.unary and one.binary == other.binary and one.planing is other.planing
        and memcmp(one.p, other.p, sizeof(one.p)) == 0 and memcmp(&one.strict, &other.strict, sizeof(double)) == 0
        and are_equal(one.a, other.a) and (one.b is None or are_equal(one.b, other.b))
    )


cdef bint are_equal(Node one, Node other) noexcept:
    """Whether two operands are the same step, the same memory or the same number."""
    if one is other or one.kind != other.kind or one.kind == MEMORY:
        return one is other
    if one.kind == WAITING:
        return one.place == other.place
    return one.dual is other.dual and memcmp(&one.constant, &other.constant, sizeof(double)) == 0


cdef Operand *lender(Step *s) noexcept:
    """The operand whose planes a result takes over: the only one that has any, where its local derivative is 1."""
    cdef int i
    if s.unary != NULL:
        return &s.a if is_one(&s.unary.d1) and not s.unary.selects else NULL
    if s.from_a != NULL or (s.a.t.present and s.b.t.present):
        return NULL
    i = 0 if s.a.t.present else 1
    return (&s.b if i else &s.a) if is_one(&s.binary.partial[i]) and not s.binary.selects[i] else NULL


cdef void lend(Step *steps, Py_ssize_t count) noexcept:
    """Find out whose planes are those of an operand, which must then stay as long as the result is read."""
    cdef Py_ssize_t i, source
    for i in range(count - 1, -1, -1):
        steps[i].lender = lender(&steps[i])
        if steps[i].lender != NULL and steps[i].lender.step >= 0:
            source = steps[i].lender.step
            steps[source].last_use = max(steps[source].last_use, steps[i].last_use)


cdef bint is_one(const Slope *slope) noexcept:
    return not slope.vary and slope.constant == 1.0


cdef void open_operand(Operand *o, Node node, Step *steps, Py_ssize_t reader) noexcept:
    o.step = -1
    o.value = o.planes = NULL
    o.x.present = o.t.present = True
    o.x.flat = o.t.flat = node.kind != NUMBER
    o.x.ndim = o.t.ndim = 0
    o.x.plane = 0
    if node.kind == WAITING:
        o.step = node.place
        steps[node.place].last_use = reader
    elif node.kind == MEMORY:
        o.value = cnp.PyArray_BYTES(<cnp.ndarray> node.value)
        o.planes = cnp.PyArray_BYTES(<cnp.ndarray> node.tangent)
        o.t.plane = cnp.PyArray_STRIDES(<cnp.ndarray> node.tangent)[0]
    elif node.dual is not None:
        o.x.data = <char *> &node.dual.v
        o.t.data = <char *> node.dual.stored
        o.t.plane = sizeof(double)
    else:
        o.x.data = <char *> &node.constant
        o.t.present = False


cdef inline void move_operand(Operand *o, Step *steps, Py_ssize_t start) noexcept nogil:
    """Let an operand show the block that begins at ``start``."""
    if o.step >= 0:
        o.x.data = steps[o.step].value
        o.t.data = steps[o.step].planes
        o.t.plane = steps[o.step].plane
    elif o.value != NULL:
        o.x.data = o.value + start*sizeof(double)
        o.t.data = o.planes + start*sizeof(double)


cdef void run_steps(
        Step *steps, Py_ssize_t count, Py_ssize_t n, Py_ssize_t start, Py_ssize_t stop, Py_ssize_t block
) noexcept nogil:
    """Run all steps on the blocks of elements ``start`` … ``stop`` of ``n``, one block after the other."""
    cdef Py_ssize_t m, i, j, k
    cdef Step *s
    cdef Part whole
    while start < stop:
        m = min(block, stop - start)
        whole.first, whole.last, whole.size = 0, m, m
        for i in range(count):
            s = &steps[i]
            s.value = s.scratch
            s.planes = s.scratch + block*sizeof(double)
            s.plane = m*sizeof(double)
            if s.kept_value != NULL:
                s.value = s.kept_value + start*sizeof(double)
                if s.k == 1:
                    s.planes = s.kept_planes + start*sizeof(double)
            move_operand(&s.a, steps, start)
            if s.unary == NULL:
                move_operand(&s.b, steps, start)
            k = s.k
            if s.lender != NULL:
                s.planes, s.plane, k = s.lender.t.data, s.lender.t.plane, 0
            if s.unary != NULL:
                s.flags |= unary_first(s.unary, 0, s.p, s.strict, whole, k, &s.a.x, &s.a.t, s.value, s.planes)
            else:
                s.flags |= binary_first(
                    s.binary, 0, s.strict, whole, k, &s.a.x, &s.b.x, &s.a.t, &s.b.t, s.from_a, s.from_b,
                    s.value, s.planes)
            if s.kept_value != NULL and s.planes != s.kept_planes + start*sizeof(double):
                for j in range(s.k):
                    memcpy(s.kept_planes + (j*n + start)*sizeof(double), s.planes + j*s.plane, m*sizeof(double))
        start += m


cdef Py_ssize_t count_scratch(Step *steps, Py_ssize_t count) except -1:
    """Number the blocks of those steps that need one, from 1; a block is used again once nobody reads it any more."""
    cdef Py_ssize_t i, j, used = 0
    cdef Py_ssize_t *owner = <Py_ssize_t *> PyMem_Malloc((count + 1)*sizeof(Py_ssize_t))
    if owner == NULL:
        raise MemoryError
    for i in range(count):
        steps[i].scratch = NULL
        if steps[i].kept_value != NULL and steps[i].k == 1:
            continue
        for j in range(used):
            if steps[owner[j]].last_use < i:
                break
        else:
            j = used
            used += 1
        owner[j] = i
        steps[i].scratch = <char *> <size_t> (j + 1)
    PyMem_Free(owner)
    return used


@cython.final
cdef class Run(Work):
    """Steps that run on blocks; each part has steps and blocks of its own."""
    cdef Step *steps
    cdef Py_ssize_t count
    cdef Py_ssize_t n
    cdef Py_ssize_t block
    # Bytes of a block with its planes.
    cdef size_t size
    cdef char *memory
    cdef size_t part
    cdef int parts
    # What the steps point to.
    cdef object held

    cdef int prepare(self, int parts) except -1:
        cdef Py_ssize_t used = count_scratch(self.steps, self.count), i, shift
        cdef size_t head = (self.count*sizeof(Step) + 63) & ~<size_t> 63
        cdef Step *steps
        cdef char *blocks
        cdef int part
        self.part = head + used*self.size
        self.memory = <char *> PyMem_Malloc(parts*self.part + 64)
        if self.memory == NULL:
            raise MemoryError
        self.parts = parts
        for part in range(parts):
            steps = self.steps_of(part)
            memcpy(steps, self.steps, self.count*sizeof(Step))
            shift = <char *> steps - <char *> self.steps
            blocks = <char *> steps + head
            for i in range(self.count):
                if steps[i].lender != NULL:
                    steps[i].lender = <Operand *> (<char *> steps[i].lender + shift)
                if steps[i].scratch != NULL:
                    steps[i].scratch = blocks + (<size_t> steps[i].scratch - 1)*self.size
        return 0

    cdef Step *steps_of(self, int part) noexcept nogil:
        return <Step *> (((<size_t> self.memory + 63) & ~<size_t> 63) + part*self.part)

    cdef void compute(self, int part, Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
        run_steps(self.steps_of(part), self.count, self.n, start, stop, self.block)

    cdef int flags(self, Py_ssize_t step) noexcept:
        """The floating-point exceptions of a step, in whatever part."""
        cdef int part, found = 0
        for part in range(self.parts):
            found |= self.steps_of(part)[step].flags
        return found

    def __dealloc__(self):
        PyMem_Free(self.memory)


cdef list run(Node root, bint quiet):
    """Compute a node and, unless ``quiet``, all on the way that a dual array shows; return [(node, value, planes)]."""
    global runs
    cdef list order = [], twins = [], made = []
    # Another thread may compute the same nodes meanwhile and let go of what they read: held until all is done.
    cdef list left = [], right = [], planings = [], places = []
    cdef Node node
    cdef Py_ssize_t i, count, n = root.n, most = 0, block
    cdef Step *steps
    cdef Step *s
    cdef Run work = Run.__new__(Run)
    cdef cnp.npy_intp dims[33]
    runs += 1
    collect(root, order, twins)
    count = len(order)
    order.extend(twins)
    for node in order:
        left.append(node.a)
        right.append(node.b)
        planings.append(node.planing)
        places.append(node.place)
    steps = <Step *> PyMem_Malloc(count*sizeof(Step))
    if steps == NULL:
        raise MemoryError
    try:
        for i in range(root.nd):
            dims[i + 1] = root.dims[i]
        for i in range(count):
            node = order[i]
            s = &steps[i]
            s.unary, s.binary, s.p, s.strict = node.unary, node.binary, node.p, node.strict
            s.flags, s.last_use = 0, i
            s.k = node.k
            most = max(most, node.k)
            s.from_a = s.from_b = NULL
            if node.planing is not None:
                s.from_a = <const Py_ssize_t *> cnp.PyArray_DATA(node.planing.a)
                s.from_b = <const Py_ssize_t *> cnp.PyArray_DATA(node.planing.b)
            s.kept_value = s.kept_planes = NULL
            open_operand(&s.a, node.a, steps, i)
            if node.b is not None:
                open_operand(&s.b, node.b, steps, i)
        lend(steps, count)
        # Only now is anything made that could let the collector run, and code of others with it.
        for i in range(count):
            node = order[i]
            s = &steps[i]
            dims[0] = node.k
            if node is root or (node.shown and not quiet):
                value = new_array(node.nd, node.dims, cnp.NPY_DOUBLE)
                planes = new_array(node.nd + 1, dims, cnp.NPY_DOUBLE)
                s.kept_value = cnp.PyArray_BYTES(<cnp.ndarray> value)
                s.kept_planes = cnp.PyArray_BYTES(<cnp.ndarray> planes)
                made.append((node, value, planes))
        block = max(<Py_ssize_t> SHORTEST, (BLOCK_BYTES//(<Py_ssize_t> sizeof(double)*(most + 1))) & ~7)
        work.steps, work.count, work.n, work.block = steps, count, n, block
        work.held = order, left, right, planings, made
        work.size = (most + 1)*block*sizeof(double)
        share(work, n, block, n*(most + 1)*count)
        if not quiet:
            for i, node in enumerate(order):
                if work.flags(places[i]):
                    warn(node, left[i], right[i])
    finally:
        PyMem_Free(steps)
    return made


cdef object plain_value(Node node):
    if node.kind == NUMBER:
        return node.constant if node.dual is None else node.dual.v
    return node.value if node.kind == MEMORY else run(node, True)[0][1]


cdef int warn(Node node, Node left, Node right) except -1:
    """Ask NumPy's ufunc again, so that it reports its exceptions as it was set to when the operation was written."""
    state, filters = node.errors
    if filters is not warnings.filters:
        with warnings.catch_warnings():
            warnings.resetwarnings()
            warnings.filters[:] = filters
            ask_again(node, left, right, state)
    else:
        ask_again(node, left, right, state)
    return 0


cdef int ask_again(Node node, Node left, Node right, dict state) except -1:
    a = plain_value(left)
    with np.errstate(**state):
        if node.unary != NULL:
            UNARY_UFUNCS[node.unary.index](a)
        else:
            BINARY_UFUNCS[node.binary.index](a, plain_value(right))
    return 0


cdef int compute(Node node) except -1:
    """Give a node its memory, and all shown ones on the way theirs."""
    cdef Node one
    if node.kind != WAITING:
        return 0
    for one, value, planes in run(node, False):
        # Another thread may have been quicker.
        if one.kind == WAITING:
            one.value, one.tangent = value, planes
            one.kind = MEMORY
            one.a = one.b = one.planing = None
            one.depth = 0
            leave(one)
    return 0


cdef bint reads(Node node, Node source) noexcept:
    if node.kind != WAITING:
        return node is source
    return reads(node.a, source) or (node.b is not None and reads(node.b, source))


cdef int compute_readers(Node node) except -1:
    """Compute every shown result that reads ``node``, whose memory is about to be seen by others."""
    cdef Node one = <Node> ring.after
    while one is not ring:
        if one.shown and reads(one, node):
            compute(one)
            # The ring has changed.
            one = <Node> ring.after
        else:
            one = <Node> one.after
    return 0
