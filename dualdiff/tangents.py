"""Structured tangents: planes of values with the number of the variable that each value is a derivative by.

The identity seed of n variables is not an n × n matrix: it is one plane of ones whose column numbers are 1 … n. An
array of shape S whose elements depend on at most r variables each carries planes ``(r, *S)`` and r arrays of column
numbers, of shape S. Elementwise code keeps both, whatever moves entries moves the column numbers along, and two
operands keep the planes they share in common.

Column 0 stands for no column at all, so that rearrangements may fill holes with zeros.

The results of a sum or of a product with a matrix depend on everything. They become *variables of their own* (`Basis`):
one plane of ones whose column numbers count the results, beside the dense ``slopes (n, m)`` of these by the inputs.
Elementwise code behind a matrix product then costs one plane, not n; the tangents are ``slopes * plane``, and are
multiplied out where somebody asks for them (`dense`), at the end at the latest. What has too many planes becomes
variables, too (`gathered`).

At second order an array carries ε1ε2 planes for pairs of its own planes, as if its variables were the inputs. What the
variables of a basis are themselves curved stays unsaid until the end: `curvature.py` goes back from the result.

A structured array has no memory for other columns than its own. Where code writes to one whose memory is seen
elsewhere, the pass gives up (`Structure.give_up`) and the transform starts again with dense planes: right, at the cost
of a call.
"""

import functools
import itertools
import math

import numpy as np

from ._array import duplicate, is_dual, is_finite, level, make, make_structured, pack_scalars
from ._columns import Columns, are_distinct, is_all, window
from ._scalar import HyperDual

# Planes of one array beyond which structure does not pay: as a share of the number of columns, in all, and at second
# order, where 24 planes have 300 pairs.
SHARE = 3
MOST = 64
MOST_SECOND = 24
# Numbers taken out of second-order arrays beyond which dense ones do better, while the variables are fewer than MANY.
NUMBERS, MANY = 16, 80
# Linear functions behind each other that are remembered, to be differentiated back.
DEEPEST = 16

# Numbers in dense planes from which on scalars and their results get structured ones: column numbers cost time, too.
WORTH = 10_000

TRIANGLE = 0


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


@functools.lru_cache(maxsize=8)
def counting(n):
    """The numbers 0 … n - 1: those of the last few sizes are kept, since every pass starts from them."""
    numbers = np.arange(n)
    numbers.flags.writeable = False
    return numbers


class Structure:
    """What all structured arrays of one pass have in common.

    ``limit`` is how many bytes dense planes of one array may take, ``limit_second`` how many its ε1ε2 planes.
    """

    __slots__ = ("broken", "inputs", "layout", "limit", "limit_second", "most", "taken", "width")

    def __init__(self, width, limit, limit_second=None):
        self.width, self.limit, self.limit_second, self.broken = width, limit, limit_second, False
        most = MOST if limit_second is None else min(MOST, MOST_SECOND)
        self.most = max(2, min(most, width // SHARE)) if SHARE else most
        self.layout = (TRIANGLE, width, width)
        self.taken = 0
        self.inputs = Basis(width)

    def give_up(self):
        # Whoever catches it all the same finds its result thrown away.
        self.broken = True
        raise Restart

    def take_number(self):
        """Give up in a loop of numbers: scalars carry all pairs of a few variables in less time than one plane."""
        self.taken += 1
        if self.taken > NUMBERS and self.width < MANY:
            self.give_up()

    def require(self, size, itemsize):
        """Give up where dense planes of an array of this size are not allowed; those of one number always are."""
        if size > 1 and self.width * size * itemsize > self.limit:
            self.give_up()

    def require_second(self, size, itemsize):
        if self.width * (self.width + 1) // 2 * size * itemsize > self.limit_second:
            self.give_up()


class Basis:
    """Variables that planes are derivatives by: the inputs, or the results of a sum or of a product.

    Attributes
    ----------
    size : int
    numbers : ndarray
        0 … size: what column numbers are views of as long as they are slices of all.
    source : Source or None
        What the results were made of; None for the inputs, and where that is forgotten.
    is_inputs, is_curved : bool
        Whether these are the inputs; whether they have second derivatives by them.
    order, depth : int
        Later ones have larger numbers; how many linear functions lie between these and the inputs, at most.
    """

    __slots__ = ("_slopes", "depth", "is_curved", "is_inputs", "numbers", "order", "size", "source")

    made = itertools.count()

    def __init__(self, size, source=None):
        self.size, self.source, self._slopes = size, source, None
        self.is_inputs = source is None
        self.is_curved = source is not None and is_curved(source.columns)
        self.depth = 0 if source is None else 1 + max((basis.depth for basis in source.columns.bases), default=0)
        self.order = next(Basis.made)
        self.numbers = counting(size + 1)

    @property
    def has_slopes(self):
        return self._slopes is not None

    @property
    def is_at_hand(self):
        """Whether slopes cost nothing: those of the inputs, those made already, and of one sum over inputs."""
        return self.is_inputs or self.has_slopes or (self.size == 1 and self.depth == 1)

    @property
    def slopes(self):
        """The derivatives of results by the inputs, shape ``(width, size)``, which nobody writes to.

        They are made when they are asked for: a Hessian needs none of a sum that enters linearly, and few results of
        many inputs are differentiated back to them.
        """
        if self._slopes is None:
            # The earliest first, whose slopes those of the others are made of.
            for basis in sorted(_ancestors(self), key=lambda basis: basis.order):
                slopes = basis.source.forward(basis.source.planes, basis.source.columns)
                basis._slopes = slopes.reshape((basis.source.columns.structure.width, basis.size))
                basis._slopes.flags.writeable = False
        return self._slopes

    def forget(self):
        """Keep nothing but the slopes."""
        self.slopes  # noqa: B018
        self.source, self.depth = None, 0

    def at(self, number):
        """The slopes of the variables with these column numbers, ``(width, *S)``."""
        if is_all(number, self.numbers):
            return self.slopes.reshape((self.slopes.shape[0], *number.shape))
        taken = np.take(self.slopes, number - 1, axis=1, mode="wrap")
        holes = number == 0
        if holes.any():
            taken[:, holes] = 0.0
        return taken


NO_PAIRS = np.zeros((2, 0), np.intp)


def seeds(x, lvl, limit, limit_second=None):
    """The array ``x`` with the identity seed: of second order where there is a limit for its planes."""
    second = limit_second is not None
    structure = RUNNING[lvl] = Structure(x.size, limit, limit_second)
    # Nobody writes to the seed, so that large operations on slices of it may wait; see `assign` for who wants to.
    x.flags.writeable = False
    return _variables(x, structure.inputs, structure, second, lvl)


def _ancestors(basis):
    """A basis and those that its slopes are made of, as far as they have no slopes yet."""
    found, waiting = set(), [basis]
    while waiting:
        one = waiting.pop()
        if not (one.is_inputs or one.has_slopes or one in found):
            found.add(one)
            waiting += one.source.columns.bases
    return found


class Source:
    """What the variables of a basis are made of, by a linear function.

    ``forward(planes, columns)`` gives its dense slopes, ``(width, *shape)``, of those of its argument; ``back(stack,
    product)`` is its transpose, from stacks ``(k, *shape)``, with a product of matrices that minds zeros or does not.
    """

    __slots__ = ("back", "columns", "cross", "forward", "planes", "shape")

    def __init__(self, x, shape, forward, back):
        self.planes, self.cross, self.columns, self.shape = x._planes, x._cross, x._columns, shape
        self.forward, self.back = forward, back


def is_curved(columns):
    """Whether an array has second derivatives."""
    if columns.pairs is None:
        return False
    return columns.pairs.shape[1] > 0 or any(basis.is_curved for basis in columns.bases)


def variables(value, model, forward, back):
    """New variables, made of the array ``model`` by a linear function; see `Source`."""
    columns = model._columns
    basis = Basis(value.size, Source(model, value.shape, forward, back))
    if columns.pairs is None and basis.depth > DEEPEST:
        # A loop of many steps must not keep all of them.
        columns.structure.require(value.size, value.itemsize)
        basis.forget()
    return _variables(value, basis, columns.structure, columns.pairs is not None, level(model))


def _variables(value, basis, structure, second, lvl):
    """An array whose entries are the variables of ``basis``."""
    shape, dtype = value.shape, value.dtype
    ones = (_small_ones if value.size < 4096 else _ones)(shape, dtype)
    columns = Columns((basis.numbers[1:].reshape(shape),), (basis,), structure, NO_PAIRS if second else None)
    return make_structured(value, ones, columns, lvl, _no_planes(shape, dtype) if second else None)


def _ones(shape, dtype):
    """One plane of ones that nobody writes to."""
    ones = duplicate(np.broadcast_to(np.ones((), dtype), (1, *shape)))
    ones.flags.writeable = False
    return ones


_small_ones = functools.lru_cache(maxsize=64)(_ones)


@functools.lru_cache(maxsize=64)
def _no_planes(shape, dtype):
    return np.zeros((0, *shape), dtype)


def constant(model, value):
    """A structured array without any planes, like ``model``."""
    none, second = np.zeros((0, *value.shape), value.dtype), model._columns.pairs is not None
    columns = Columns((), (), model._columns.structure, NO_PAIRS if second else None)
    return make_structured(value, none, columns, model._level, none.copy() if second else None)


def zeros(shape, dtype):
    """Zeros in memory that is taken again where that pays."""
    return duplicate(np.broadcast_to(np.zeros((), dtype), shape))


def is_structured(x):
    """Whether the tangents of ``x`` are structured; of anything."""
    return getattr(x, "_columns", None) is not None


def is_by_inputs(x):
    """Whether the planes of a structured array are derivatives by the inputs themselves."""
    return all(basis.is_inputs for basis in x._columns.bases)


# -- scalars -----------------------------------------------------------------------------------------------------------


def packed(entries, lvl):
    """Scalar numbers of level ``lvl`` and plain ones as an array; None where anything else stands among them."""
    structure = RUNNING.get(lvl)
    most = -1 if structure is None or structure.width * len(entries) < WORTH else structure.most
    found = pack_scalars(entries, lvl, most)
    if found is None:
        return None
    value, planes, numbers = found
    if numbers is None:
        return make(value, (planes,), None, lvl)
    return make_structured(value, planes, _by_inputs(tuple(numbers), structure), lvl)


def lifted(x, other):
    """A scalar as a structured array of dimension 0 where it meets a structured array, or a large plain one."""
    structure = RUNNING.get(x._level)
    if structure is None or not (is_structured(other) or structure.width * np.size(other) >= WORTH):
        return x
    if type(x) is HyperDual:
        return _lifted_second(x, structure)
    value, planes, numbers = pack_scalars([x], x._level, structure.most)
    if numbers is None:
        return x
    columns = _by_inputs(tuple(number.reshape(()) for number in numbers), structure)
    return make_structured(value.reshape(()), planes.reshape(-1), columns, x._level)


def _lifted_second(x, structure):
    """The same of second order."""
    first, cross = np.asarray(x.e1), np.asarray(x.e12)
    found = np.flatnonzero((first != 0.0) | (cross != 0.0).any(axis=0))
    if len(found) > structure.most:
        return x
    cross = np.triu(cross[np.ix_(found, found)])
    pairs = np.stack(np.nonzero(cross))
    columns = _by_inputs(tuple((found + 1)[i, ...] for i in range(len(found))), structure, pairs)
    return make_structured(np.array(x.value), first[found], columns, x._level, cross[pairs[0], pairs[1]])


def _by_inputs(numbers, structure, pairs=None):
    return Columns(numbers, (structure.inputs,) * len(numbers), structure, pairs)


# -- from structured to dense ------------------------------------------------------------------------------------------


def times(a, b):
    """A product under the strong zero: a zero of either contributes 0 beside an inf or a nan."""
    with np.errstate(all="ignore"):
        product = a * b
        if is_finite(product):
            return product
        return np.where((a == 0.0) | (b == 0.0), np.zeros((), product.dtype), product)


def dense(planes, columns):
    """Dense planes ``(width, *S)``."""
    structure, shape = columns.structure, planes.shape[1:]
    size = math.prod(shape)
    structure.require(size, planes.itemsize)
    if 0 < 2 * size <= structure.width and not all(basis.is_at_hand for basis in columns.bases):
        from . import backward

        out = backward.jacobian(planes, columns).T
        # What comes back from an inf may be a nan where tangents are exact zeros.
        if is_finite(out):
            return out.reshape((structure.width, *shape))
    return _dense_forward(planes, columns)


def _dense_forward(planes, columns):
    structure, shape = columns.structure, planes.shape[1:]
    out, by_inputs = None, []
    for plane, number, basis in zip(planes, columns.numbers, columns.bases, strict=True):
        if basis.is_inputs:
            by_inputs.append((plane, number))
        else:
            slopes = basis.at(number)
            # The scale of a sum that nothing was done to is 1.
            is_one = plane.size == 1 and plane.reshape(-1)[0] == 1.0
            product = duplicate(slopes) if is_one else times(slopes, plane)
            out = product if out is None else np.add(out, product, out=out)
    if out is None or by_inputs:
        placed = _placed(by_inputs, structure.width, shape, planes.dtype)
        out = placed if out is None else np.add(out, placed, out=out)
    return out


def _placed(by_inputs, width, shape, dtype):
    """Dense planes of those that are derivatives by the inputs, with their column numbers."""
    size = math.prod(shape)
    holes = any(number.size and number.min() == 0 for _, number in by_inputs)
    out = np.zeros((width + holes, size), dtype)
    places = np.arange(size)
    for plane, number in by_inputs:
        # No pair of column and place comes twice within one plane.
        out[number.reshape(-1) - (not holes), places] += plane.reshape(-1)
    return (out[1:] if holes else out).reshape((width, *shape))


def dense_second(planes, cross, columns):
    """Dense planes ``(width, *S)`` and ε1ε2 planes ``(width (width + 1) / 2, *S)``."""
    from . import curvature

    columns.structure.require_second(math.prod(planes.shape[1:]), planes.itemsize)
    return dense(planes, columns), curvature.dense_cross(planes, cross, columns)


def element(planes, columns, index):
    """The dense tangents of one element."""
    out = np.zeros(columns.structure.width + 1, planes.dtype)
    for plane, number, basis in zip(planes, columns.numbers, columns.bases, strict=True):
        if basis.is_inputs:
            out[number[index]] += plane[index]
        elif number[index]:
            out[1:] += times(basis.slopes[:, number[index] - 1], plane[index])
    return out[1:]


def by_basis(columns):
    """The bases of an array, with the positions of their planes."""
    if len(columns.bases) == 1:
        return ((columns.bases[0], (0,)),)
    found = {}
    for i, basis in enumerate(columns.bases):
        found.setdefault(basis, []).append(i)
    return found.items()


def local_total(planes, columns, basis, where):
    """The derivatives of the sum of all elements by the variables of one basis, which may be a plane itself."""
    if len(where) == 1 and is_all(columns.numbers[where[0]], basis.numbers):
        return planes[where[0]].reshape(-1)
    out = zeros((basis.size,), planes.dtype)
    for i in where:
        plane, number = planes[i], columns.numbers[i]
        seen = window(out, number, basis.numbers[1:])
        if seen is None and number.size and not any(number.strides):
            # One variable in all places.
            if number.flat[0]:
                out[number.flat[0] - 1] += plane.sum()
        elif seen is None:
            sums = np.bincount(number.reshape(-1), plane.reshape(-1), basis.size + 1)
            out += sums[1:].astype(out.dtype, copy=False)
        else:
            seen += plane
    return out


def total(planes, columns):
    """The dense tangents of the sum of all elements."""
    out = None
    for basis, where in by_basis(columns):
        one = local_total(planes, columns, basis, where)
        if not basis.is_inputs:
            one = combined(basis.slopes, one)
        elif one.base is not None:
            one = duplicate(one)
        out = one if out is None else np.add(out, one, out=out)
    return np.zeros(columns.structure.width, planes.dtype) if out is None else out


def combined(slopes, weights):
    """``slopes @ weights``, for weights ``(m,)`` or ``(m, p)``, under the strong zero."""
    with np.errstate(all="ignore"):
        product = slopes @ weights
    if is_finite(product):
        return product
    if weights.ndim == 1:
        return times(slopes, weights).sum(axis=1)
    return np.stack([times(slopes, column).sum(axis=1) for column in weights.T], axis=1)


def total_along(planes, columns, axes):
    """The dense tangents ``(width, *rest)`` of sums over some axes."""
    structure, ndim = columns.structure, planes.ndim - 1
    rest = [n for axis, n in enumerate(planes.shape[1:]) if axis not in axes]
    count = math.prod(rest)
    structure.require(count, planes.itemsize)
    shape = [1 if axis in axes else n for axis, n in enumerate(planes.shape[1:])]
    places = np.broadcast_to(np.arange(count).reshape(shape), planes.shape[1 : ndim + 1])
    out = np.zeros((structure.width, count), planes.dtype)
    for basis, where in by_basis(columns):
        sums = np.zeros((basis.size + 1) * count)
        for i in where:
            at = columns.numbers[i] * count + places
            sums += np.bincount(at.reshape(-1), planes[i].reshape(-1), sums.size)
        sums = sums.reshape((basis.size + 1, count))[1:].astype(out.dtype, copy=False)
        out += sums if basis.is_inputs else combined(basis.slopes, sums)
    return out.reshape((structure.width, *rest))


# -- operations --------------------------------------------------------------------------------------------------------


def gathered(a, b):
    """Two operands that have too many planes together, the one with more of them, or both, as variables."""
    first, second = (a, b) if len(a._columns.numbers) >= len(b._columns.numbers) else (b, a)
    one = _as_variables(first)
    two = second if len(second._columns.numbers) < a._columns.structure.most else _as_variables(second)
    return (one, two) if first is a else (two, one)


def _as_variables(x):
    return variables(x._primal, x, dense, lambda stack, product: stack)


def summed(x, axes, keepdims, value):
    """The sum of a structured array over ``axes``, beside its value."""
    if len(axes) < x.ndim:
        kept = _along(x, axes, keepdims)
        if kept is not None:
            return make_structured(value, kept[0], kept[1], level(x), kept[2])
    shape = tuple(1 if axis in axes else n for axis, n in enumerate(x.shape))
    forward = total if len(axes) == x.ndim else functools.partial(total_along, axes=axes)
    return variables(value, x, forward, lambda stack, product: stack.reshape((len(stack), *shape)))


def _along(x, axes, keepdims):
    """Planes, columns and ε1ε2 planes of a sum, one plane for each place along the axes; None where those are many."""
    lengths, columns = [x.shape[axis] for axis in axes], x._columns
    times = math.prod(lengths)
    if times * len(columns.numbers) > columns.structure.most:
        return None
    rest = [axis for axis in range(x.ndim) if axis not in axes]
    shape = tuple(1 if axis in axes else n for axis, n in enumerate(x.shape) if keepdims or axis not in axes)

    def slices(a):
        return np.transpose(a, (*axes, *rest)).reshape((times, *shape))

    def stacked(planes):
        return np.concatenate(list(map(slices, planes))) if len(planes) else np.zeros((0, *shape), x._planes.dtype)

    numbers = tuple(number for one in columns.numbers for number in slices(one))
    bases = tuple(basis for basis in columns.bases for _ in range(times))
    if columns.pairs is None:
        return stacked(x._planes), Columns(numbers, bases, columns.structure), None
    places = (columns.pairs[:, :, None] * times + np.arange(times)).reshape((2, -1))
    return stacked(x._planes), Columns(numbers, bases, columns.structure, places), stacked(x._cross)


def product(x, matrix, value, careful):
    """``x @ matrix`` of a structured array and a plain matrix or vector, beside its value.

    ``careful(planes, matrix)`` multiplies dense planes by the transpose of a matrix, under the strong zero.
    """
    own = _copied(matrix if matrix.ndim == 2 else matrix[:, None], np.result_type(matrix, x._planes)).T
    shape = x.shape

    def slopes(planes, columns):
        if len(shape) == 1:
            return _product_slopes(own, careful, planes, columns)
        return careful(dense(planes, columns), own)

    def back(stack, product):
        rows = math.prod((len(stack), *shape[:-1]))
        return product(stack.reshape((rows, own.shape[0])), own).reshape((len(stack), *shape))

    return variables(value, x, slopes, back)


def _product_slopes(matrix, careful, planes, columns):
    columns.structure.require(matrix.shape[0], matrix.itemsize)
    if _is_untouched(planes, columns.numbers, columns.bases):
        return matrix.T
    slopes = None
    with np.errstate(all="ignore"):
        for basis, where in by_basis(columns):
            product = _product_by_inputs if basis.is_inputs else _product_by_slopes
            one = product(matrix, planes, columns.numbers, basis, where)
            slopes = one if slopes is None else slopes + one
        if slopes is None:
            return np.zeros((columns.structure.width, matrix.shape[0]), matrix.dtype)
        return slopes if is_finite(slopes) else careful(dense(planes, columns), matrix)


def _is_untouched(planes, numbers, bases):
    return len(bases) == 1 and bases[0].is_inputs and is_all(numbers[0], bases[0].numbers) \
        and (planes[0] == 1.0).all()


def _copied(matrix, dtype):
    """A copy that nobody else can write to, in the same order."""
    if matrix.dtype != dtype:
        return matrix.astype(dtype)
    return duplicate(matrix.T).T if matrix.flags.f_contiguous else duplicate(matrix)


def _product_by_inputs(matrix, planes, numbers, inputs, where):
    """The slopes of ``matrix @ x`` as far as x depends on inputs: columns of the matrix, scaled."""
    if len(where) == 1 and is_all(numbers[where[0]], inputs.numbers):
        return matrix.T * planes[where[0]][:, None]
    out = np.zeros((inputs.size + 1, matrix.shape[0]), matrix.dtype)
    for i in where:
        scaled = matrix.T * planes[i][:, None]
        if are_distinct(numbers[i], inputs.numbers):
            out[numbers[i]] += scaled
        else:
            np.add.at(out, numbers[i], scaled)
    return out[1:]


def _product_by_slopes(matrix, planes, numbers, basis, where):
    """The same as far as x depends on earlier results: one matrix product, with the smaller factor scaled."""
    first, *rest = where
    slopes, plane = basis.at(numbers[first]), planes[first]
    if not rest and matrix.shape[0] < slopes.shape[0]:
        return slopes @ (matrix * plane).T
    scaled = slopes * plane
    for i in rest:
        scaled += basis.at(numbers[i]) * planes[i]
    return scaled @ matrix.T


# -- arrays joined and written to --------------------------------------------------------------------------------------


class Slots:
    """Planes of several arrays that can lie behind each other: the i-th of a basis with the i-th of it elsewhere."""

    def __init__(self, arrays):
        self.structure = arrays[0]._columns.structure
        self.keys, self.places = {}, []
        for x in arrays:
            counts, own = {}, []
            for basis in x._columns.bases:
                counts[basis] = counts.get(basis, -1) + 1
                own.append(self.keys.setdefault((basis, counts[basis]), len(self.keys)))
            self.places.append(own)
        self.pairs = None
        if arrays[0]._columns.pairs is not None:
            self.pairs = {}
            for x, own in zip(arrays, self.places, strict=True):
                for pair in self._pairs(x, own):
                    self.pairs.setdefault(pair, len(self.pairs))

    @staticmethod
    def _pairs(x, own):
        return [tuple(sorted((own[p], own[q]))) for p, q in x._columns.pairs.T.tolist()]

    def parts(self, x, i, shape, dtype):
        """Planes, column numbers and ε1ε2 planes of array ``i`` in these slots; zeros where ``x`` is None."""
        stack, rows = np.zeros((len(self.keys), *shape), dtype), np.zeros((len(self.keys), *shape), np.intp)
        cross = None if self.pairs is None else np.zeros((len(self.pairs), *shape), dtype)
        if x is not None:
            for j, slot in enumerate(self.places[i]):
                stack[slot], rows[slot] = x._planes[j], x._columns.numbers[j]
            if cross is not None:
                for j, pair in enumerate(self._pairs(x, self.places[i])):
                    cross[self.pairs[pair]] = x._cross[j]
        return stack, rows, cross

    def columns(self, rows):
        pairs = None
        if self.pairs is not None:
            pairs = np.array(list(self.pairs), np.intp).reshape((-1, 2)).T.copy()
        # Arrays of dimension 0, too, are arrays.
        numbers = tuple(rows[i, ...] for i in range(len(rows)))
        return Columns(numbers, tuple(basis for basis, _ in self.keys), self.structure, pairs)


def joined(arrays, combine, shapes, value):
    """Arrays joined by ``combine``, which moves entries, beside the value; None for a plain array among them."""
    structured = [x for x in arrays if x is not None]
    slots = Slots(structured)
    dtype = np.result_type(*[x._planes.dtype for x in structured])
    parts, i = [], 0
    for x, shape in zip(arrays, shapes, strict=True):
        parts.append(slots.parts(x, i, shape, dtype))
        i += x is not None
    planes, numbers, cross = zip(*parts, strict=True)
    columns = slots.columns(np.asarray(combine(numbers)))
    cross = None if slots.pairs is None else np.asarray(combine(cross))
    return make_structured(value, np.asarray(combine(planes)), columns, level(structured[0]), cross)


def assign(x, index, item):
    """``x[index] = item`` in the memory of ``x``, which nobody else sees; return False where x must be dense for it."""
    if is_dual(item) and (level(item) != level(x) or not is_structured(item)):
        return False
    source = item if is_dual(item) else None
    slots = Slots([x] if source is None else [x, source])
    if len(slots.keys) > x._columns.structure.most:
        return False
    stack, rows, cross = slots.parts(x, 0, x.shape, x._planes.dtype)
    primal = x._primal if x._primal.flags.writeable else x._primal.copy()
    primal[index] = item if source is None else source._primal
    if source is None:
        new = [[0.0] * len(stack), [0] * len(rows), None if cross is None else [0.0] * len(cross)]
    else:
        new = slots.parts(source, 1, source.shape, x._planes.dtype)
    for old, parts in zip((stack, rows, cross), new, strict=True):
        for i in range(0 if old is None else len(old)):
            old[i, ...][index] = parts[i]
    x._rebind(make_structured(primal, stack, slots.columns(rows), x._level, cross))
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
    for plane, number, basis in zip(y._planes, y._columns.numbers, y._columns.bases, strict=True):
        if basis.is_inputs:
            kept = np.flatnonzero(number)
            yield kept, number.reshape(-1)[kept] - 1, plane.reshape(-1)[kept]
        else:
            values = times(basis.at(number), plane).reshape((y._columns.structure.width, plane.size))
            columns, rows = np.nonzero(values)
            yield rows, columns, values[columns, rows]
