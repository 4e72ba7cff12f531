"""Structured tangents: planes of values with the number of the column that each value belongs to.

The identity seed of n variables is not an n × n matrix: it is one plane of ones whose column numbers are 1 … n. An
array of shape S whose elements depend on at most r variables each carries planes ``(r, *S)`` and r arrays of column
numbers, of shape S. Elementwise code keeps both, whatever moves entries moves the column numbers along, and two
operands keep the planes they share in common. A sum scatters its planes into a dense gradient. Everything else, and
everything whose planes become too many, gets dense planes (`dense`).

Column 0 stands for no column at all, so that rearrangements may fill holes with zeros.

A structured array has no memory for other columns than its own. Where code writes to one whose memory is seen
elsewhere, the pass gives up (`Structure.give_up`) and the transform starts again with dense planes: right, at the cost
of a call.
"""

import functools
import math

import numpy as np

from ._array import duplicate, is_dual, level, make, make_planing, make_structured, pack_scalars
from ._columns import are_distinct, are_same, window

# Planes of one array beyond which structure does not pay, as a share of the number of columns, and in all.
SHARE = 3
MOST = 64
# Numbers in dense planes from which on scalars and their results get structured ones: column numbers cost time, too.
WORTH = 10_000


class Restart(BaseException):
    """A pass cannot go on with structured tangents. No `Exception`, so that the user's code does not catch it."""


# The structures of the passes that run, by level.
RUNNING = {}


def restart(x):
    """Give up the structured passes that ``x`` takes part in; its values may be duals of outer ones."""
    while hasattr(x, "value"):
        if x._level in RUNNING:
            RUNNING[x._level].give_up()
        x = x.value


@functools.lru_cache(maxsize=4)
def counting(n):
    """The numbers 0 … n - 1: those of the last few sizes are kept, since every pass starts from them."""
    numbers = np.arange(n)
    numbers.flags.writeable = False
    return numbers


class Structure:
    """What all structured arrays of one pass have in common."""

    __slots__ = ("broken", "limit", "numbers", "width")

    def __init__(self, width, limit):
        self.width, self.limit, self.broken = width, limit, False
        self.numbers = counting(width + 1)

    def give_up(self):
        # Whoever catches it all the same finds its result thrown away.
        self.broken = True
        raise Restart

    def most(self):
        """How many planes of one array pay."""
        return min(MOST, self.width // SHARE) if SHARE else MOST

    def fits(self, size, itemsize):
        """Whether dense planes of an array of this size are allowed."""
        return self.width * size * itemsize <= self.limit


class Columns:
    """The column numbers of the planes of one array, and the structure they belong to."""

    __slots__ = ("numbers", "structure")

    def __init__(self, numbers, structure):
        self.numbers, self.structure = numbers, structure

    def moved(self, function):
        """The column numbers after ``function``, which moves the entries of an array and may leave zeros."""
        return Columns(tuple(np.asarray(function(number)) for number in self.numbers), self.structure)

    def moved_as_planes(self, function):
        """The same, for a function of stacks of planes."""
        return Columns(tuple(np.asarray(function(number[None]))[0] for number in self.numbers), self.structure)

    def spread(self, shape):
        return Columns(tuple(np.broadcast_to(number, shape) for number in self.numbers), self.structure)


def seeds(x, lvl, limit):
    """The array ``x`` with the identity seed."""
    structure = RUNNING[lvl] = Structure(x.size, limit)
    numbers = structure.numbers[1:].reshape(x.shape)
    ones = duplicate(np.broadcast_to(np.ones((), x.dtype), (1, *x.shape)))
    # Nobody writes to the seed, so that large operations on slices of it may wait; see `assign` for who wants to.
    x.flags.writeable = ones.flags.writeable = False
    return make_structured(x, ones, Columns((numbers,), structure), lvl)


def constant(model, value):
    """A structured array without any planes, like ``model``."""
    none = np.zeros((0, *value.shape), value.dtype)
    return make_structured(value, none, Columns((), model._columns.structure), model._level)


# -- scalars -----------------------------------------------------------------------------------------------------------


def packed(entries, lvl):
    """Scalar numbers of level ``lvl`` and plain ones as an array; None where anything else stands among them."""
    structure = RUNNING.get(lvl)
    most = -1 if structure is None or structure.width * len(entries) < WORTH else structure.most()
    found = pack_scalars(entries, lvl, most)
    if found is None:
        return None
    value, planes, numbers = found
    if numbers is None:
        return make(value, (planes,), None, lvl)
    return make_structured(value, planes, Columns(tuple(numbers), structure), lvl)


def lifted(x, other):
    """A scalar as a structured array of dimension 0 where it meets a structured array, or a large plain one."""
    structure = RUNNING.get(x._level)
    if structure is None or not (is_structured(other) or structure.width * np.size(other) >= WORTH):
        return x
    value, planes, numbers = pack_scalars([x], x._level, structure.most())
    if numbers is None:
        return x
    columns = Columns(tuple(number.reshape(()) for number in numbers), structure)
    return make_structured(value.reshape(()), planes.reshape(-1), columns, x._level)


# -- from structured to dense ------------------------------------------------------------------------------------------


def dense(planes, columns):
    """Dense planes ``(width, *S)``."""
    structure, shape = columns.structure, planes.shape[1:]
    size = math.prod(shape)
    if not structure.fits(size, planes.itemsize):
        structure.give_up()
    holes = any(number.size and number.min() == 0 for number in columns.numbers)
    out = np.zeros((structure.width + holes, size), planes.dtype)
    places = np.arange(size)
    for plane, number in zip(planes, columns.numbers, strict=True):
        # No pair of column and place comes twice within one plane.
        out[number.reshape(-1) - (not holes), places] += plane.reshape(-1)
    return (out[1:] if holes else out).reshape((structure.width, *shape))


def element(planes, columns, index):
    """The dense tangents of one element."""
    out = np.zeros(columns.structure.width + 1, planes.dtype)
    for plane, number in zip(planes, columns.numbers, strict=True):
        out[number[index]] += plane[index]
    return out[1:]


def total(planes, columns):
    """The dense tangents of the sum of all elements."""
    structure = columns.structure
    out = duplicate(np.broadcast_to(np.zeros((), planes.dtype), (structure.width,)))
    for plane, number in zip(planes, columns.numbers, strict=True):
        seen = window(out, number, structure.numbers[1:])
        if seen is None:
            sums = np.bincount(number.reshape(-1), plane.reshape(-1), structure.width + 1)
            out += sums[1:].astype(out.dtype, copy=False)
        else:
            seen += plane
    return out


# -- operations --------------------------------------------------------------------------------------------------------


def planing(a, b):
    """Match the planes of two operands of one pass; None where one is dense or where all together are too many."""
    if not (is_structured(a) and is_structured(b)):
        return None
    structure = a._columns.structure
    try:
        shape = a.shape if a.shape == b.shape else np.broadcast_shapes(a.shape, b.shape)
    except ValueError:
        return None  # the operation itself will say so
    numbers = list(a._columns.numbers if a.shape == shape else a._columns.spread(shape).numbers)
    count = len(numbers)
    from_a, from_b = list(range(count)), [-1] * count
    for j, number in enumerate(b._columns.numbers):
        number = number if number.shape == shape else np.broadcast_to(number, shape)
        # Only planes of the other operand can be the same: within one array they are told apart.
        known = next((i for i in range(count) if from_b[i] < 0 and are_same(numbers[i], number)), None)
        if known is not None:
            from_b[known] = j
            continue
        numbers.append(number)
        from_a.append(-1)
        from_b.append(j)
    if len(numbers) > MOST or SHARE * len(numbers) > structure.width:
        return None
    return make_planing(from_a, from_b, Columns(tuple(numbers), structure))


def is_structured(x):
    """Whether the tangents of ``x`` are structured; of anything."""
    return getattr(x, "_columns", None) is not None


def joined(arrays, combine, shapes):
    """Planes and columns of arrays joined by ``combine``, which moves entries; None for a plain array among them."""
    structured = [x for x in arrays if x is not None]
    structure = structured[0]._columns.structure
    count = max(len(x._columns.numbers) for x in structured)
    dtype = np.result_type(*[x._planes.dtype for x in structured])
    planes, numbers = [], []
    for x, shape in zip(arrays, shapes, strict=True):
        stack, rows = np.zeros((count, *shape), dtype), np.zeros((count, *shape), np.intp)
        if x is not None:
            own = len(x._columns.numbers)
            stack[:own] = x._planes
            for row, number in zip(rows, x._columns.numbers, strict=False):
                row[...] = number
        planes.append(stack)
        numbers.append(rows)
    columns = Columns(tuple(np.asarray(combine(numbers))), structure)
    return np.asarray(combine(planes)), columns


def along(x, axes, keepdims):
    """Planes and columns of the sum over ``axes``: one plane for each place along them; None where those are many."""
    lengths = [x.shape[axis] for axis in axes]
    count = math.prod(lengths) * len(x._columns.numbers)
    if count > MOST or SHARE * count > x._columns.structure.width:
        return None
    rest = [axis for axis in range(x.ndim) if axis not in axes]
    shape = tuple(1 if axis in axes else n for axis, n in enumerate(x.shape) if keepdims or axis not in axes)

    def slices(a):
        return np.transpose(a, (*axes, *rest)).reshape((math.prod(lengths), *shape))

    planes = [plane for stack in x._planes for plane in slices(stack)]
    numbers = [number for one in x._columns.numbers for number in slices(one)]
    stack = np.stack(planes) if planes else np.zeros((0, *shape), x._planes.dtype)
    return stack, Columns(tuple(numbers), x._columns.structure)


def product(matrix, x):
    """Dense planes of ``matrix @ x`` for a structured vector: columns of the matrix, scaled."""
    structure, rows = x._columns.structure, matrix.shape[0]
    dtype = np.result_type(matrix, x._planes)
    if not structure.fits(rows, dtype.itemsize):
        structure.give_up()
    out = np.zeros((structure.width + 1, rows), dtype)
    with np.errstate(all="ignore"):
        for plane, number in zip(x._planes, x._columns.numbers, strict=True):
            scaled = matrix.T if (plane == 1.0).all() else matrix.T * plane[:, None]
            if (plane == 0.0).any():
                scaled = np.where(plane[:, None] == 0.0, 0.0, scaled)
            if are_distinct(number, structure.numbers):
                out[number] += scaled
            else:
                np.add.at(out, number, scaled)
    return out[1:]


# -- assignment --------------------------------------------------------------------------------------------------------


def assign(x, index, item):
    """``x[index] = item`` in the memory of ``x``, which nobody else sees; return False where x must be dense for it."""
    if is_dual(item) and level(item) == level(x):
        if not is_structured(item):
            return False
        count, planes, numbers = len(item._columns.numbers), item._planes, item._columns.numbers
        value = item._primal
    elif is_dual(item):
        return False
    else:
        count, planes, numbers, value = 0, (), (), item
    own = x._columns
    more = max(count, len(own.numbers))
    if more > MOST or SHARE * more > own.structure.width:
        return False
    stack = np.zeros((more, *x.shape), x._planes.dtype)
    stack[: len(own.numbers)] = x._planes
    rows = [*map(np.array, own.numbers), *(np.zeros(x.shape, np.intp) for _ in range(more - len(own.numbers)))]
    primal = x._primal if x._primal.flags.writeable else x._primal.copy()
    primal[index] = value
    for i in range(more):
        stack[i][index] = planes[i] if i < count else 0.0
        rows[i][index] = numbers[i] if i < count else 0
    x._rebind(make_structured(primal, stack, Columns(tuple(rows), own.structure), x._level))
    return True


def assign_through(view, index, item):
    """``view[index] = item`` where the view and the array it was taken from alone see the memory; False as above."""
    owner, place = view._owner
    made = view.copy()
    if not assign(made, index, item):
        return False
    view._rebind(made)
    if not assign(owner, place, made):
        return False
    view._rebind(owner[place])
    return True


# -- results -----------------------------------------------------------------------------------------------------------


def entries(y):
    """Row numbers, column numbers and values of the Jacobian of a structured result, flattened, plane by plane."""
    for plane, number in zip(y._planes, y._columns.numbers, strict=True):
        kept = np.flatnonzero(number)
        yield kept, number.reshape(-1)[kept] - 1, plane.reshape(-1)[kept]
