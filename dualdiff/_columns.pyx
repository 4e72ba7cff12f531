"""Column numbers of structured tangents (see tangents.py): comparing them, and finding what they point to.

An array of column numbers is most often a strided view of 0, 1, 2, …: then what it points to in another array is the
same view of that one, and two of them are equal when they begin and step alike.
"""

cimport cython
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.string cimport memcmp

cimport numpy as cnp

from ._deferred cimport Planing

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
    return view_of(out, number, strides, first)


cdef object view_of(cnp.ndarray out, cnp.ndarray number, const cnp.npy_intp *strides, char *first):
    """A view of ``out`` of the shape of ``number``."""
    view = new_view(<void *> cnp.ndarray, cnp.PyArray_NDIM(number), cnp.PyArray_DIMS(number), cnp.PyArray_TYPE(out),
                    strides, first, 0, cnp.NPY_ARRAY_WRITEABLE | cnp.NPY_ARRAY_ALIGNED, NULL)
    Py_INCREF(out)
    PyArray_SetBaseObject(<cnp.ndarray> view, out)
    return view


def window_of_pairs(cnp.ndarray out, cnp.ndarray rows, cnp.ndarray columns, cnp.ndarray counting):
    """The same of a C-contiguous matrix, whose entries two arrays of numbers point to."""
    cdef cnp.npy_intp strides[64]
    cdef cnp.npy_intp size = cnp.PyArray_ITEMSIZE(out), own = cnp.PyArray_ITEMSIZE(counting)
    cdef cnp.npy_intp row = cnp.PyArray_STRIDES(out)[0]
    cdef int i
    if cnp.PyArray_SIZE(rows) == 0 or not is_view_of(rows, counting) or not is_view_of(columns, counting) \
            or not is_injective(rows):
        return None
    for i in range(cnp.PyArray_NDIM(rows)):
        strides[i] = cnp.PyArray_STRIDES(rows)[i]//own*row + cnp.PyArray_STRIDES(columns)[i]//own*size
    cdef char *first = cnp.PyArray_BYTES(out) + (cnp.PyArray_BYTES(rows) - cnp.PyArray_BYTES(counting))//own*row
    first += (cnp.PyArray_BYTES(columns) - cnp.PyArray_BYTES(counting))//own*size
    return view_of(out, rows, strides, first)


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


# ---------------------------------------------------------------------------------------------------------------------
# What planes are derivatives by
# ---------------------------------------------------------------------------------------------------------------------

@cython.final
cdef class Columns:
    """What the planes of one array are derivatives by.

    Plane j of an element is its derivative by the variable ``numbers[j]`` of ``bases[j]``, counted from 1; number 0
    stands for none at all. A second-order array has ε1ε2 planes for the ``pairs`` (p, q) of its planes, p ≤ q, which
    are all others than zeros.
    """

    def __init__(self, tuple numbers, tuple bases, structure, pairs=None):
        self.numbers, self.bases, self.structure, self.pairs = numbers, bases, structure, pairs

    def moved_as_planes(self, function):
        """The columns after a function of stacks of planes, which moves entries and may leave zeros."""
        return like(self, tuple([np.asarray(function(number[np.newaxis]))[0, ...] for number in self.numbers]))

    def taken(self, index):
        """The columns of the entries at a basic index."""
        return like(self, tuple([number[index] for number in self.numbers]))

    def spread(self, shape):
        return like(self, tuple([number if number.shape == shape else np.broadcast_to(number, shape)
                                 for number in self.numbers]))


cdef Columns like(Columns model, tuple numbers):
    cdef Columns made = Columns.__new__(Columns)
    made.numbers, made.bases, made.structure, made.pairs = numbers, model.bases, model.structure, model.pairs
    return made


# ---------------------------------------------------------------------------------------------------------------------
# Where the planes of a result come from
# ---------------------------------------------------------------------------------------------------------------------

cdef cnp.ndarray new_indices(Py_ssize_t n):
    cdef cnp.npy_intp size = n
    return cnp.PyArray_EMPTY(1, &size, cnp.NPY_INTP, 0)


cdef inline Py_ssize_t *indices(cnp.ndarray a) noexcept:
    return <Py_ssize_t *> cnp.PyArray_DATA(a)


cdef tuple numbers_of(Columns columns, tuple shape):
    """Column numbers of an operand, broadcast to ``shape``; None where they have it already."""
    return columns.numbers if shape is None else (<Columns> columns.spread(shape)).numbers


cdef Py_ssize_t match(tuple numbers_a, tuple bases_a, tuple numbers_b, tuple bases_b, Py_ssize_t *place):
    """Say where each plane of b stands: with the equal one of a, or behind all of them; return how many there are."""
    cdef Py_ssize_t ka = len(numbers_a), count = ka, i, j, other
    for j in range(len(numbers_b)):
        place[j] = -1
        for i in range(ka):
            if bases_a[i] is not bases_b[j] or not are_same(numbers_a[i], numbers_b[j]):
                continue
            # Only planes of the other operand can be the same: within one array they are told apart.
            for other in range(j):
                if place[other] == i:
                    break
            else:
                place[j] = i
                break
        if place[j] < 0:
            place[j] = count
            count += 1
    return count


cdef Columns united(Columns a, tuple na, Columns b, tuple nb, Py_ssize_t count, const Py_ssize_t *place):
    """The columns of a result: those of a, and those of b that a has not."""
    cdef Py_ssize_t ka = len(na), j
    cdef Columns made = Columns.__new__(Columns)
    made.structure = a.structure
    if count == ka:
        made.numbers, made.bases = na, a.bases
        return made
    more = [j for j in range(len(nb)) if place[j] >= ka]
    made.numbers = na + tuple([nb[j] for j in more])
    made.bases = a.bases + tuple([b.bases[j] for j in more])
    return made


cdef int set_origins(cnp.ndarray to_a, cnp.ndarray to_b, Py_ssize_t ka, Py_ssize_t kb, const Py_ssize_t *place):
    cdef Py_ssize_t k = cnp.PyArray_SIZE(to_a), j
    for j in range(k):
        indices(to_a)[j] = j if j < ka else -1
        indices(to_b)[j] = -1
    for j in range(kb):
        indices(to_b)[place[j]] = j
    return 0


cdef Planing plan_first(Columns a, Columns b, tuple shape):
    """Match the planes of two operands of one pass; None where all together are too many.

    ``shape`` is what both are broadcast to, None where both have it.
    """
    cdef tuple na = numbers_of(a, shape), nb = numbers_of(b, shape)
    cdef Py_ssize_t ka = len(na), kb = len(nb), count
    cdef Py_ssize_t *place = <Py_ssize_t *> PyMem_Malloc((kb + 1)*sizeof(Py_ssize_t))
    cdef Planing made
    if place == NULL:
        raise MemoryError
    try:
        count = match(na, a.bases, nb, b.bases, place)
        if count > <Py_ssize_t> a.structure.most and ka + kb > 2:
            return None
        made = Planing.__new__(Planing)
        made.k = count
        made.a, made.b = new_indices(count), new_indices(count)
        set_origins(made.a, made.b, ka, kb, place)
        made.columns = united(a, na, b, nb, count, place)
        return made
    finally:
        PyMem_Free(place)


cdef enum:
    NO_PAIR = -2
    NEW_PAIR = -1


cdef int put_pairs(Py_ssize_t *table, cnp.ndarray pairs, const Py_ssize_t *place, Py_ssize_t k) noexcept:
    """Write the number of each ε1ε2 plane of an operand to the table of pairs of the result, at p ≤ q."""
    cdef Py_ssize_t m = cnp.PyArray_DIMS(pairs)[1], j, p, q
    for j in range(m):
        p, q = indices(pairs)[j], indices(pairs)[m + j]
        if place != NULL:
            p, q = place[p], place[q]
        table[min(p, q)*k + max(p, q)] = j
    return 0


cdef void add_products(Py_ssize_t *table, const Py_ssize_t *left, Py_ssize_t kl, const Py_ssize_t *right,
                       Py_ssize_t kr, Py_ssize_t k) noexcept:
    """Every plane of one operand times every plane of the other makes an ε1ε2 plane."""
    cdef Py_ssize_t i, j, p, q
    for i in range(kl):
        for j in range(kr):
            p = i if left == NULL else left[i]
            q = j if right == NULL else right[j]
            if table[min(p, q)*k + max(p, q)] == NO_PAIR:
                table[min(p, q)*k + max(p, q)] = NEW_PAIR


cdef Plan plan_second(Columns a, Columns b, tuple shape, bint aa, bint ab, bint bb):
    """Where the planes of a result of second order come from; None where they are too many.

    ``b`` is None where there is one operand with tangents alone. ``aa``, ``ab`` and ``bb`` say which second derivatives
    are not zero. Only pairs that something is written to become ε1ε2 planes.
    """
    cdef tuple na = numbers_of(a, shape), nb = () if b is None else numbers_of(b, shape)
    cdef Py_ssize_t ka = len(na), kb = len(nb), k = ka, m = 0, p, q, i
    cdef Py_ssize_t *place = <Py_ssize_t *> PyMem_Malloc((kb + 1)*sizeof(Py_ssize_t))
    cdef Py_ssize_t *table = NULL
    cdef Py_ssize_t *other = NULL
    cdef cnp.npy_intp dims[2]
    cdef Plan plan = Plan.__new__(Plan)
    cdef cnp.ndarray pairs
    if place == NULL:
        raise MemoryError
    try:
        if b is not None:
            k = match(na, a.bases, nb, b.bases, place)
            if k > <Py_ssize_t> a.structure.most and ka + kb > 2:
                return None
        table = <Py_ssize_t *> PyMem_Malloc((2*k*k + 1)*sizeof(Py_ssize_t))
        if table == NULL:
            raise MemoryError
        other = table + k*k
        for i in range(2*k*k):
            table[i] = NO_PAIR
        put_pairs(table, a.pairs, NULL, k)
        if b is not None:
            put_pairs(other, b.pairs, place, k)
        if aa:
            add_products(table, NULL, ka, NULL, ka, k)
        if b is not None and ab:
            add_products(table, NULL, ka, place, kb, k)
        if b is not None and bb:
            add_products(table, place, kb, place, kb, k)
        for i in range(k*k):
            m += table[i] != NO_PAIR or other[i] != NO_PAIR
        dims[0], dims[1] = 2, m
        pairs = cnp.PyArray_EMPTY(2, dims, cnp.NPY_INTP, 0)
        plan.k, plan.m = k, m
        plan.cross_a, plan.cross_b = new_indices(m), new_indices(m)
        i = 0
        for p in range(k):
            for q in range(p, k):
                if table[p*k + q] == NO_PAIR and other[p*k + q] == NO_PAIR:
                    continue
                indices(pairs)[i], indices(pairs)[m + i] = p, q
                indices(plan.cross_a)[i] = max(table[p*k + q], <Py_ssize_t> NEW_PAIR)
                indices(plan.cross_b)[i] = max(other[p*k + q], <Py_ssize_t> NEW_PAIR)
                i += 1
        if b is None:
            plan.columns = like(a, na)
        else:
            plan.first_a, plan.first_b = new_indices(k), new_indices(k)
            set_origins(plan.first_a, plan.first_b, ka, kb, place)
            plan.columns = united(a, na, b, nb, k, place)
        plan.columns.pairs = pairs
        return plan
    finally:
        PyMem_Free(place)
        PyMem_Free(table)


@cython.final
cdef class Plan:
    pass


def is_all(cnp.ndarray number, cnp.ndarray counting):
    """Whether column numbers are 1, 2, …, all of ``counting`` but 0, in C order and as a view of it."""
    return (cnp.PyArray_BYTES(number) == cnp.PyArray_BYTES(counting) + sizeof(cnp.npy_intp)
            and cnp.PyArray_SIZE(number) == cnp.PyArray_SIZE(counting) - 1 and cnp.PyArray_IS_C_CONTIGUOUS(number))


# ---------------------------------------------------------------------------------------------------------------------
# Sparse symmetric matrices
# ---------------------------------------------------------------------------------------------------------------------

cdef inline cnp.ndarray flat(object a, int kind):
    return cnp.PyArray_FROMANY(a, kind, 0, 0, cnp.NPY_ARRAY_C_CONTIGUOUS | cnp.NPY_ARRAY_ALIGNED)


cdef struct Run:
    # Entries (p, q) with value v, whose rows increase: max(p, q), or min(p, q) where it is mirrored.
    const Py_ssize_t *p
    const Py_ssize_t *q
    const double *v
    double factor
    bint mirrored
    Py_ssize_t n
    Py_ssize_t at
    # Of the next entry; the row is 0 when there is none.
    Py_ssize_t row
    Py_ssize_t column


cdef inline void show_next(Run *run) noexcept:
    cdef Py_ssize_t i, j
    run.row = 0
    while run.at < run.n:
        i, j = run.p[run.at], run.q[run.at]
        if i != j or not run.mirrored:
            run.row = min(i, j) if run.mirrored else max(i, j)
            run.column = i + j - run.row
            return
        run.at += 1


cdef bint increases(const Py_ssize_t *a, Py_ssize_t n) noexcept:
    cdef Py_ssize_t i
    for i in range(1, n):
        if a[i] <= a[i - 1]:
            return False
    return n == 0 or a[0] > 0


cdef object merged(list rows, list columns, list values, list factors, Py_ssize_t n):
    """What `symmetric` gives, in one pass over all parts at once; None where the rows of one are not in order.

    So it is where the column numbers are slices: bands of the matrix. Entries of a place are added in the order of the
    parts on either side of the diagonal.
    """
    cdef Py_ssize_t count = len(rows), most = 0, m = 0, begin, row, column, t, i, j
    cdef Run *runs
    cdef Run *run
    cdef double entry
    for t in range(count):
        i = cnp.PyArray_SIZE(<cnp.ndarray> values[t])
        if not increases(indices(rows[t]), i) or not increases(indices(columns[t]), i):
            return None
        most += i if factors[t] == 1.0 else 2*i
    if most >= 2**31 or n >= 2**31:
        return None
    data, places, indptr = np.empty(most), np.empty(most, np.int32), np.empty(n + 1, np.int32)
    cdef double *out = <double *> cnp.PyArray_DATA(<cnp.ndarray> data)
    cdef cnp.int32_t *where = <cnp.int32_t *> cnp.PyArray_DATA(<cnp.ndarray> places)
    cdef cnp.int32_t *pointer = <cnp.int32_t *> cnp.PyArray_DATA(<cnp.ndarray> indptr)
    runs = <Run *> PyMem_Malloc((2*count + 1)*sizeof(Run))
    if runs == NULL:
        raise MemoryError
    count = 0
    for t in range(len(rows)):
        # The diagonal is its own mirror image.
        for j in range(1 if factors[t] == 1.0 else 2):
            run = &runs[count]
            run.p, run.q = indices(rows[t]), indices(columns[t])
            run.v = <const double *> cnp.PyArray_DATA(<cnp.ndarray> values[t])
            run.n = cnp.PyArray_SIZE(<cnp.ndarray> values[t])
            run.factor, run.mirrored, run.at = factors[t], j, 0
            show_next(run)
            count += 1
    pointer[0] = 0
    for row in range(1, n + 1):
        begin = m
        for t in range(count):
            run = &runs[t]
            if run.row != row:
                continue
            column, entry = run.column - 1, run.v[run.at]
            if run.column == row:
                entry *= run.factor
            run.at += 1
            show_next(run)
            i = m
            while i > begin and where[i - 1] > column:
                i -= 1
            if i > begin and where[i - 1] == column:
                out[i - 1] += entry
                continue
            for j in range(m, i, -1):
                where[j], out[j] = where[j - 1], out[j - 1]
            where[i], out[i] = <cnp.int32_t> column, entry
            m += 1
        pointer[row] = <cnp.int32_t> m
    PyMem_Free(runs)
    return (data, places, indptr) if m == most else (data[:m].copy(), places[:m].copy(), indptr)


def symmetric(list parts, Py_ssize_t n):
    """The sum of ``v (e_i e_jᵀ + e_j e_iᵀ)`` as ``(data, indices, indptr)`` by rows, columns in order.

    ``parts`` holds (i, j, v, same): arrays of positions from 1 and of values. Position 0 drops an entry, and where i
    and j are the ``same`` variables the term is ``v e_i e_iᵀ``. The lower triangle is sorted by two counting sorts, and mirrored.
    """
    cdef Py_ssize_t most = 0, m = 0, at, i, j, row, column, t
    cdef list rows = [], columns = [], values = [], factors = []
    for p, q, v, same in parts:
        p = flat(p, cnp.NPY_INTP)
        rows.append(p)
        columns.append(p if same else flat(q, cnp.NPY_INTP))
        values.append(flat(v, cnp.NPY_DOUBLE))
        factors.append(1.0 if same else 2.0)
        most += v.size
    done = merged(rows, columns, values, factors, n)
    if done is not None:
        return done
    cdef cnp.ndarray low = new_indices(most), high = new_indices(most), order = new_indices(most)
    cdef cnp.ndarray first = np.zeros(n + 1, np.intp), entries = np.empty(most)
    cdef Py_ssize_t *lo = indices(low)
    cdef Py_ssize_t *hi = indices(high)
    cdef Py_ssize_t *by_column = indices(order)
    cdef Py_ssize_t *start = indices(first)
    cdef double *entry = <double *> cnp.PyArray_DATA(entries)
    cdef Py_ssize_t *pr
    cdef Py_ssize_t *pc
    cdef double *pv
    cdef double factor
    for t in range(len(rows)):
        pr, pc = indices(rows[t]), indices(columns[t])
        pv = <double *> cnp.PyArray_DATA(<cnp.ndarray> values[t])
        factor = factors[t]
        for i in range(cnp.PyArray_SIZE(<cnp.ndarray> values[t])):
            if pr[i] == 0 or pc[i] == 0:
                continue
            lo[m], hi[m] = min(pr[i], pc[i]) - 1, max(pr[i], pc[i]) - 1
            entry[m] = factor*pv[i] if pr[i] == pc[i] else pv[i]
            start[lo[m] + 1] += 1
            m += 1
    # By column, then by row: both keep the order of what is equal.
    for i in range(n):
        start[i + 1] += start[i]
    for i in range(m):
        by_column[start[lo[i]]] = i
        start[lo[i]] += 1
    first[:] = 0
    for i in range(m):
        start[hi[i] + 1] += 1
    for i in range(n):
        start[i + 1] += start[i]
    cdef cnp.ndarray below = new_indices(m), data = np.empty(m), ends = np.array(first[:n])
    cdef Py_ssize_t *to = indices(below)
    cdef Py_ssize_t *end = indices(ends)
    cdef double *value = <double *> cnp.PyArray_DATA(data)
    for j in range(m):
        i = by_column[j]
        row = hi[i]
        at = end[row]
        if at > start[row] and to[at - 1] == lo[i]:
            value[at - 1] += entry[i]
            continue
        to[at], value[at] = lo[i], entry[i]
        end[row] += 1
    # Row i of the whole holds row i of the lower triangle, and behind it column i of what lies below the diagonal.
    cdef cnp.ndarray indptr = np.zeros(n + 1, np.intp)
    cdef Py_ssize_t *pointer = indices(indptr)
    for row in range(n):
        pointer[row + 1] += end[row] - start[row]
        for j in range(start[row], end[row]):
            if to[j] != row:
                pointer[to[j] + 1] += 1
    for row in range(n):
        pointer[row + 1] += pointer[row]
    m = pointer[n]
    kind = np.int32 if max(m, n) < 2**31 else np.int64
    cdef cnp.ndarray all_data = np.empty(m), all_columns = np.empty(m, np.intp), next_place = np.array(indptr[:n])
    cdef Py_ssize_t *place = indices(next_place)
    cdef Py_ssize_t *where = indices(all_columns)
    cdef double *whole = <double *> cnp.PyArray_DATA(all_data)
    for row in range(n):
        for j in range(start[row], end[row]):
            column = to[j]
            where[place[row]], whole[place[row]] = column, value[j]
            place[row] += 1
            if column != row:
                # Rows come in order, so that these are in order, too, and behind what the row has of its own.
                where[place[column]], whole[place[column]] = row, value[j]
                place[column] += 1
    return all_data, all_columns.astype(kind), indptr.astype(kind)
