"""Selections: values decide which entry, its tangent comes along. And what looks at values only."""

import numpy as np

from ..errors import DifferentiationValueError
from ..kinds import is_dual
from ..packing import join, part, primal, shape_of, spread
from .arranging import Positions, array, signature_of
from .folds import folded_axes, missing, operands
from .registry import numbers, pick, plane_by_plane, refuse_dual, rule, value_only

value_only(
    np.all, np.any, np.allclose, np.array_equal, np.array_equiv, np.isclose, np.isin, np.argmax, np.argmin,
    np.nanargmax, np.nanargmin, np.argsort, np.argpartition, np.lexsort, np.argwhere, np.nonzero, np.flatnonzero,
    np.count_nonzero, np.diag_indices_from, np.tril_indices_from, np.triu_indices_from, np.searchsorted,
    np.digitize, np.isneginf, np.isposinf, np.iscomplex, np.isreal, np.iscomplexobj, np.isrealobj, np.shape,
    np.ndim, np.size, np.result_type, np.can_cast, np.min_scalar_type, np.common_type, np.may_share_memory,
    np.array_repr, np.array_str, np.array2string, np.isfortran,
)


@rule(np.shares_memory)
def _shares_memory(a, b, max_work=None):
    return np.may_share_memory(primal(a), primal(b))


# -- branches ----------------------------------------------------------------------------------------------------------


@rule(np.where)
def _where(condition, *branches):
    condition = primal(numbers(condition))
    if not branches:
        return np.where(condition)
    parts = [numbers(branch) for branch in branches]
    if not any(is_dual(a) for a in parts):
        return np.where(condition, *parts)
    ndim = max(len(shape_of(a)) for a in (condition, *parts))
    return join(
        parts,
        lambda values: part(np.where(condition, *values)),
        lambda stacks: np.where(condition, *(spread(stack, ndim) for stack in stacks)),
        moves=True,
    )


@rule(np.select)
def _select(condlist, choicelist, default=0):
    if len(condlist) != len(choicelist):
        raise ValueError("list of cases must be same length as list of conditions")
    choices = [choice if isinstance(choice, int | float | complex) else array(choice) for choice in choicelist]
    out = default
    for condition, choice in zip(condlist[::-1], choices[::-1], strict=True):
        out = np.where(primal(numbers(condition)), choice, out)
    dtype = np.result_type(*(a if isinstance(a, int | float | complex) else a.dtype for a in (*choices, default)))
    return out if out.dtype == dtype else out.astype(dtype)


def is_array(a):
    return isinstance(a, list | np.ndarray)


@rule(np.piecewise)
def _piecewise(x, condlist, funclist, *args, **kwargs):
    x = array(x)
    if np.isscalar(condlist) or not is_array(condlist[0]) and x.ndim != 0:
        condlist = [condlist]
    conditions = [np.broadcast_to(np.asarray(primal(numbers(c)), dtype=bool), x.shape) for c in condlist]
    if len(funclist) == len(conditions) + 1:
        conditions.append(~np.any(conditions, axis=0))
    if len(funclist) != len(conditions):
        raise ValueError(f"with {len(conditions)} condition(s), either {len(conditions)} or {len(conditions) + 1} "
                         f"functions are expected")
    where, pieces = np.zeros(x.shape, dtype=np.intp), Positions()
    for condition, function in zip(conditions, funclist, strict=True):
        if callable(function):
            entries = x[condition]
            function = function(entries, *args, **kwargs) if entries.size else 0.0
        where[condition] = pieces.add(function)
    return pieces.pick(where)


@rule(np.clip)
def _clip(a, a_min=None, a_max=None, out=None, *, min=None, max=None, **kwargs):
    low, high = (option if missing(bound) else bound
                 for bound, option in ((a_min, min), (a_max, max)))
    a = numbers(a)
    a = a if low is None else np.maximum(a, low)
    a = a if high is None else np.minimum(a, high)
    return np.positive(a) if low is None and high is None else a


# -- order -------------------------------------------------------------------------------------------------------------


def _positions_along(a, axis, decide):
    """Flat positions along an axis from those within it, that ``decide(value, axis)`` gives."""
    a, axis = (np.ravel(a), 0) if axis is None else (a, axis)
    index = decide(primal(a), axis)
    return np.take_along_axis(np.arange(a.size).reshape(a.shape), index, axis)


@rule(np.sort)
def _sort(a, axis=-1, kind=None, order=None, *, stable=None):
    a = numbers(a)
    return pick(a, 1 + _positions_along(a, axis, lambda value, axis: np.argsort(value, axis, kind="stable")))


@rule(np.partition)
def _partition(a, kth, axis=-1, kind="introselect", order=None):
    refuse_dual(np.partition, kth=kth)
    a = numbers(a)
    return pick(a, 1 + _positions_along(a, axis, lambda value, axis: np.argpartition(value, kth, axis)))


@rule(np.sort_complex)
def _sort_complex(a):
    return np.sort(numbers(a), axis=-1).astype(np.complex128)


@rule(np.unique)
def _unique(ar, return_index=False, return_inverse=False, return_counts=False, axis=None, **kwargs):
    ar = numbers(ar)
    value = primal(ar)
    values, index, inverse, counts = np.unique(value, True, True, True, axis=axis, **kwargs)
    if np.any(counts > 1):
        raise DifferentiationValueError(
            "np.unique: equal entries would be merged and all tangents but one dropped; use np.sort(x), or "
            "np.unique(dualdiff.value(x)) for the plain values"
        )
    entries = np.take(ar if axis is not None else np.ravel(ar), index, axis=axis)
    asked = (return_index, return_inverse, return_counts)
    results = (entries, *(r for r, wanted in zip((index, inverse, counts), asked, strict=True) if wanted))
    return results if len(results) > 1 else entries


rule(np.unique_values)(_unique)


def _unique_with(function):
    def handler(x):
        return function(primal(numbers(x)))._replace(values=_unique(x))

    return handler


for _function in (np.unique_all, np.unique_counts, np.unique_inverse):
    rule(_function)(_unique_with(_function))


@rule(np.union1d)
def _union1d(ar1, ar2):
    return np.unique(np.concatenate([np.ravel(numbers(ar1)), np.ravel(numbers(ar2))]))


@rule(np.setdiff1d)
def _setdiff1d(ar1, ar2, assume_unique=False):
    ar1 = np.ravel(numbers(ar1))
    ar1 = ar1 if assume_unique else np.unique(ar1)
    return ar1[~np.isin(ar1, ar2)]


@rule(np.setxor1d)
def _setxor1d(ar1, ar2, assume_unique=False):
    return np.sort(np.concatenate([np.setdiff1d(ar1, ar2, assume_unique), np.setdiff1d(ar2, ar1, assume_unique)]))


@rule(np.trim_zeros)
def _trim_zeros(filt, trim="fb", axis=None):
    filt = numbers(filt)
    kept = np.nonzero(primal(filt))
    key = []
    for i, places in enumerate(kept):
        chosen = axis is None or i in folded_axes(axis, filt.ndim)
        low, high = (places.min(), places.max() + 1) if places.size else (0, 0)
        key.append(slice(low if chosen and "f" in trim.lower() or not places.size and chosen else None,
                         high if chosen and "b" in trim.lower() or not places.size and chosen else None))
    return filt[tuple(key)]


# -- counting ----------------------------------------------------------------------------------------------------------


@rule(np.bincount)
def _bincount(x, /, weights=None, minlength=0):
    refuse_dual(np.bincount, x=x)
    weights = numbers(weights)
    planes = plane_by_plane(lambda plane: np.bincount(x, plane, minlength))
    return weights.map_planes(planes, part(np.bincount(x, weights.value, minlength)))


@rule(np.histogram_bin_edges)
def _histogram_bin_edges(a, bins=10, range=None, weights=None):
    refuse_dual(np.histogram_bin_edges, bins=bins, range=range)
    a = numbers(a)
    edges = np.histogram_bin_edges(primal(a), bins, range, weights)
    if range is not None or np.ndim(bins) or not is_dual(a) or a.size == 0:
        return edges
    # Bins of equal width between the smallest and the largest number, which NumPy widens where they are equal.
    low, high = np.min(a), np.max(a)
    shift = [primal(low) - edges[0], edges[-1] - primal(high)]
    return np.linspace(low - shift[0], high + shift[1], len(edges))


@rule(np.histogram)
def _histogram(a, bins=10, range=None, density=None, weights=None):
    """Counts are locally constant; edges, densities and weighted counts are not."""
    edges = np.histogram_bin_edges(a, bins, range)
    a, places, weights = primal(numbers(a)), primal(edges), numbers(weights)
    if not is_dual(weights):
        counts = np.histogram(a, places, weights=weights)[0]
    else:
        def count(plane):
            return np.histogram(a, places, weights=plane)[0]

        counts = weights.map_planes(plane_by_plane(count), part(count(weights.value)))
    return (counts / np.diff(edges) / np.sum(counts) if density else counts), edges


# -- order statistics --------------------------------------------------------------------------------------------------


def _order_statistic(function):
    """Medians and quantiles are means of two neighbours in the sorted row: the ranks say which, and with what share.

    What the function makes of the ranks 0, 1, 2, … of the entries is the rank of its result, for every method.
    """
    signature = signature_of(function)

    def handler(*args, **kwargs):
        options = signature.bind(*args, **kwargs).arguments
        a = numbers(options.pop("a"))
        refuse_dual(function, **options)
        if not is_dual(a):
            return function(a, **options)
        inner = {name: option for name, option in options.items() if name not in ("out", "overwrite_input")}
        value = part(function(a.value, **inner))
        entries = operands(a, inner.pop("axis", None))
        inner.pop("keepdims", None)
        low, high, share = _neighbours(function, primal(entries), inner)

        def planes(stack):
            mixed = _weighted(stack, low, 1.0 - share) + _weighted(stack, high, share)
            return part(mixed.astype(value.dtype).reshape((stack.shape[0], *value.shape)))

        return a.map_planes(lambda stack: planes(_stack_entries(stack, a.ndim, options.get("axis"))), value)

    return handler


def _stack_entries(stack, ndim, axis):
    """The stack of what is folded: the plane axis in front."""
    moved = operands(np.moveaxis(stack, 0, -1), tuple(range(ndim)) if axis is None else folded_axes(axis, ndim))
    return np.moveaxis(moved, -1, 0)


def _weighted(stack, index, share):
    """Entries of the stack at ``index`` along its first axis behind the planes, times their share, if that is not 0."""
    grid = np.ogrid[tuple(slice(n) for n in stack.shape[2:])]
    taken = stack[(slice(None), index, *grid)]
    return np.where(share == 0.0, 0.0, taken * share.astype(stack.dtype))


def _neighbours(function, value, options):
    """The places of the two entries that the result lies between, and the share of the upper one."""
    order = np.argsort(value, axis=0, kind="stable")
    ranks = np.empty(value.shape)
    np.put_along_axis(ranks, order, np.arange(value.shape[0], dtype=float).reshape((-1, *[1] * (value.ndim - 1))), 0)
    ranks[np.isnan(value)] = np.nan
    rank = np.asarray(function(ranks, axis=0, **options))
    known = np.where(np.isnan(rank), 0.0, rank)
    low, high = np.floor(known).astype(np.intp), np.ceil(known).astype(np.intp)
    grid = np.ogrid[tuple(slice(n) for n in value.shape[1:])]
    return order[(low, *grid)], order[(high, *grid)], rank - low


for _function in (np.median, np.percentile, np.quantile, np.nanmedian, np.nanpercentile, np.nanquantile):
    rule(_function)(_order_statistic(_function))
