"""Second derivatives of what has structured tangents: back from a result through the variables it is made of.

A structured hyper-dual array knows its second derivatives by pairs of its own variables. Those of a basis of results
(see tangents.py) are functions of earlier variables, by a sum or a product with a matrix; with weights λ on them, their
second derivatives are those of what they were made of, with the transposed weights. So the Hessian of a sum is

    Σ_pairs  T_p diag(c_pq) T_qᵀ  +  Σ_bases  Σ_k λ_k H_k,

one matrix product for each pair of planes, or a few entries where T is the identity, and the latest basis goes back
first: what edge pushing (Gower & Mello 2012) does one operation at a time is done here for one basis at a time.
"""

import functools
import math

import numpy as np

from ._array import is_finite, pairs
from ._columns import is_all, symmetric, window_of_pairs
from .tangents import TRIANGLE, by_basis, combined, local_total, times

# Columns from which on one triangle of a product costs less than all of it: where the values have one sign, and where
# those of either sign must be picked out first.
WIDE, WIDE_MIXED = 32, 128


# -- going back --------------------------------------------------------------------------------------------------------


def collect(planes, cross, columns, weights, sink):
    """Give ``sink`` all terms of the second derivatives of ``Σ weights y``; weights None are ones."""
    waiting = {}
    _step(planes, cross, columns, weights, sink, waiting)
    _go_back(waiting, sink)


def _go_back(waiting, sink):
    """Second derivatives of the variables that wait, with their weights; the latest first."""
    while waiting:
        basis = max(waiting, key=lambda basis: basis.order)
        weights, source = waiting.pop(basis), basis.source
        back = source.back(weights.reshape((1, *source.shape)), combined)[0]
        one = back.size == 1 and back.reshape(-1)[0] == 1.0
        _step(source.planes, source.cross, source.columns, None if one else back, sink, waiting)


def _step(planes, cross, columns, weights, sink, waiting):
    numbers, bases = columns.numbers, columns.bases
    for (p, q), values in zip(columns.pairs.T.tolist(), cross, strict=True):
        values = values if weights is None else times(values, weights)
        sink.add((bases[p], numbers[p]), (bases[q], numbers[q]), p == q, values)
    if any(basis.is_curved for basis in bases):
        _wait(planes if weights is None else times(planes, weights), columns, waiting)


def _wait(planes, columns, waiting):
    """Put the weights that variables get aside, until all that is made of them has gone back."""
    for basis, where in by_basis(columns):
        if basis.is_curved:
            weights = local_total(planes, columns, basis, where)
            waiting[basis] = weights + waiting[basis] if basis in waiting else weights


# -- where the terms go ------------------------------------------------------------------------------------------------


class Dense:
    """A dense Hessian. Terms are added on both sides of the diagonal alike, so that it is symmetric to the bit."""

    def __init__(self, width, dtype):
        self.width = width
        self.out = np.zeros((width, width), dtype)

    def add(self, left, right, same, values):
        """Add ``Σ values (a bᵀ + b aᵀ)``, or ``Σ values a aᵀ`` where both are the same, for slopes a and b."""
        if left[0].is_inputs and right[0].is_inputs:
            self._add_entries(left[1], right[1], values, left[0].numbers)
            if not same:
                self._add_entries(right[1], left[1], values, left[0].numbers)
        elif same:
            self._add_gram(*left, values)
        else:
            mixed = self._mixed(*((right, left) if left[0].is_inputs else (left, right)), values)
            self.out += mixed + mixed.T

    def _add_entries(self, rows, columns, values, counting):
        seen = window_of_pairs(self.out, rows, columns, counting[1:])
        if seen is not None:
            seen += values
            return
        rows, columns, values = rows.reshape(-1), columns.reshape(-1), values.reshape(-1)
        kept = np.flatnonzero((rows > 0) & (columns > 0))
        np.add.at(self.out.reshape(-1), (rows[kept] - 1) * self.width + columns[kept] - 1, values[kept])

    def _add_gram(self, basis, number, values):
        values = values.reshape(-1)
        if not is_all(number, basis.numbers):
            sums = np.bincount(number.reshape(-1), values, basis.size + 1)
            values = sums[1:].astype(self.out.dtype, copy=False)
        self.out += gram(basis.slopes, values)

    def _mixed(self, left, right, values):
        """``Σ values a bᵀ`` where the slopes a are dense ones."""
        a = left[0].at(left[1]).reshape((self.width, -1))
        if not right[0].is_inputs:
            return weighted(a, values.reshape(-1), right[0].at(right[1]).reshape((self.width, -1)))
        out, number = np.zeros((self.width + 1, self.width), a.dtype), right[1].reshape(-1)
        np.add.at(out, number, times(a, values.reshape(-1)).T)
        return out[1:].T

    def finish(self):
        return self.out


def gram(slopes, values):
    """``slopes diag(values) slopesᵀ``, symmetric to the bit."""
    width = slopes.shape[0]
    if width >= WIDE and (values >= 0.0).all():
        return _square(slopes, values)
    if width >= WIDE_MIXED and is_finite(values):
        above = values > 0.0
        out = _square(slopes[:, above], values[above])
        out -= _square(slopes[:, ~above], -values[~above])
        return out
    product = weighted(slopes, values, slopes)
    return (product + product.T) * product.dtype.type(0.5)


def _square(slopes, values):
    """The same for values of one sign: a matrix times its own transpose, of which one triangle is computed."""
    with np.errstate(all="ignore"):
        roots = slopes * np.sqrt(values)
        product = roots @ roots.T
    return product if is_finite(product) else weighted(slopes, values, slopes)


def weighted(a, values, b):
    """``a diag(values) bᵀ`` under the strong zero."""
    with np.errstate(all="ignore"):
        product = (a * values) @ b.T
    if is_finite(product):
        return product
    return np.stack([times(times(row, values), b).sum(axis=1) for row in a])


class Sparse:
    """A sparse Hessian: entries by column numbers, and a dense share where results have become variables."""

    def __init__(self, structure, dtype):
        self.structure, self.dtype, self.parts, self.dense = structure, dtype, [], None

    def add(self, left, right, same, values):
        if left[0].is_inputs and right[0].is_inputs:
            self.parts.append((left[1], right[1], values, same))
            return
        if self.dense is None:
            self.structure.require(self.structure.width, self.dtype.itemsize)
            self.dense = Dense(self.structure.width, self.dtype)
        self.dense.add(left, right, same, values)

    def finish(self):
        import scipy.sparse

        n = self.structure.width
        data, columns, rows = symmetric(self.parts, n)
        out = scipy.sparse.csr_array((data.astype(self.dtype, copy=False), columns, rows), shape=(n, n))
        out.has_canonical_format = True
        return out if self.dense is None else scipy.sparse.csr_array(out + scipy.sparse.csr_array(self.dense.finish()))


# -- results -----------------------------------------------------------------------------------------------------------


def hessian(y, sparse=False):
    """The Hessian ``(width, width)`` of a structured number."""
    structure = y._columns.structure
    sink = Sparse(structure, y._planes.dtype) if sparse else Dense(structure.width, y._planes.dtype)
    collect(y._planes, y._cross, y._columns, None, sink)
    return sink.finish()


@functools.lru_cache(maxsize=4)
def mirror(n):
    """For every pair (p, q) of n seeds the number of its plane in the triangle."""
    where = np.zeros((n, n), dtype=np.intp)
    p, q = pairs((TRIANGLE, n, n))
    where[p, q] = where[q, p] = np.arange(len(p))
    where = where.reshape(-1)
    where.flags.writeable = False
    return where


def dense_cross(planes, cross, columns):
    """Dense ε1ε2 planes ``(width (width + 1) / 2, *S)`` of a structured array."""
    width, shape = columns.structure.width, planes.shape[1:]
    size = math.prod(shape)
    p, q = pairs(columns.structure.layout)
    out = np.zeros((len(p), size), planes.dtype)
    for (i, j), values in zip(columns.pairs.T.tolist(), cross, strict=True):
        a, b = (_slopes(columns, number, planes.dtype) for number in (i, j))
        values = values.reshape(-1)
        out += times(times(a[p], b[q]), values)
        if i != j:
            out += times(times(b[p], a[q]), values)
    if any(basis.is_curved for basis in columns.bases):
        for place in range(size):
            one, waiting, sink = np.zeros(size, planes.dtype), {}, Dense(width, planes.dtype)
            one[place] = 1.0
            _wait(times(planes, one.reshape(shape)), columns, waiting)
            _go_back(waiting, sink)
            out[:, place] += sink.finish()[p, q]
    return out.reshape((len(p), *shape))


def _slopes(columns, i, dtype):
    """The slopes by the inputs, ``(width, size)``, of the variables that plane ``i`` is a derivative by."""
    basis, number = columns.bases[i], columns.numbers[i]
    if not basis.is_inputs:
        return basis.at(number).reshape((columns.structure.width, -1))
    out = np.zeros((columns.structure.width + 1, number.size), dtype)
    out[number.reshape(-1), np.arange(number.size)] = 1.0
    return out[1:]
