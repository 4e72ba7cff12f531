"""Sums, means and what follows from them; products; extrema; scans."""

import numpy as np

from .. import rules, tangents
from .._array import level, make_structured, settle, sum_first
from ..kinds import apply_unary, is_dual
from ..packing import part, primal
from .folds import cast, fold, folded_axes, loud, missing, scan
from .registry import behind, numbers, refuse_dual, rule

ROOT = next(i for i, row in enumerate(rules.UNARY) if row.name == "root")


def given(**options):
    """Options that were given, to be handed on."""
    return {name: option for name, option in options.items() if option is not np._NoValue}


# -- sums --------------------------------------------------------------------------------------------------------------


@rule(np.sum)
def _sum(a, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=True):
    if dtype is None and keepdims is False and where is True:
        total = sum_first(a, axis)
        if total is None and tangents.is_structured(a):
            total = tangents.summed(a, folded_axes(axis, a.ndim), False, part(np.add.reduce(a._primal, axis=axis)))
        if total is not None:
            return total if missing(initial) else total + initial
    a = cast(a, dtype)
    refuse_dual(np.sum, where=where)
    options = given(keepdims=keepdims, where=where)
    if not is_dual(a):
        total = np.sum(a, axis=axis, **options)
    else:
        value = part(np.sum(a.value, axis=axis, **options))
        planes = behind(axis, a.ndim)
        total = _structured_sum(a, axis, value, keepdims, where)
        if total is None:
            total = a.map_planes(lambda stack: part(np.sum(stack, axis=planes, **options)), value)
    return total if missing(initial) else total + initial


def _structured_sum(a, axis, value, keepdims, where):
    """The sum of an array with structured tangents, beside its value; None where that is not the way."""
    if not tangents.is_structured(a) or where is not True:
        return None
    return tangents.summed(a, folded_axes(axis, a.ndim), keepdims is True, value)


@rule(np.mean)
def _mean(a, axis=None, dtype=None, out=None, keepdims=False, *, where=True):
    a = cast(a, dtype)
    refuse_dual(np.mean, where=where)
    if not is_dual(a):
        return np.mean(a, axis=axis, keepdims=keepdims, where=where)
    options = given(keepdims=keepdims, where=where)
    planes = behind(axis, a.ndim)
    value = part(np.mean(a.value, axis=axis, **options))
    total = _structured_sum(a, axis, value, keepdims, where)
    if total is not None:
        count = a.size // max(value.size, 1)
        cross = None if total._cross is None else total._cross / count
        return make_structured(value, total._planes / count, total._columns, level(a), cross)
    with np.errstate(all="ignore"):
        return a.map_planes(lambda stack: part(np.mean(stack, axis=planes, **options)), value)


@rule(np.average)
def _average(a, axis=None, weights=None, returned=False, *, keepdims=False):
    a = numbers(a)
    a = a if is_dual(a) else np.asarray(a)
    if weights is None:
        average = np.mean(a, axis=axis, keepdims=keepdims)
        total = primal(average) * 0.0 + np.size(a) / max(np.size(primal(average)), 1)
    else:
        weights = _weights(a, axis, numbers(weights))
        total = np.sum(weights, axis=axis, keepdims=keepdims)
        if np.any(primal(total) == 0.0):
            raise ZeroDivisionError("Weights sum to zero, can't be normalized")
        average = np.sum(np.multiply(a, weights), axis=axis, keepdims=keepdims) / total
        total = np.broadcast_to(total, np.shape(average))
    return (average, total) if returned else average


def _weights(a, axis, weights):
    """Weights with the shape of what they weigh: one for each place along ``axis``, or one for each entry."""
    weights = weights if is_dual(weights) else np.asarray(weights)
    if weights.shape == a.shape:
        return weights
    if axis is None:
        raise TypeError("Axis must be specified when shapes of a and weights differ.")
    axes = folded_axes(axis, a.ndim)
    if weights.shape != tuple(a.shape[i] for i in axes):
        raise ValueError("Shape of weights must be consistent with shape of a along specified axis.")
    weights = np.transpose(weights, np.argsort(axes))
    return np.broadcast_to(weights.reshape(tuple(n if i in axes else 1 for i, n in enumerate(a.shape))), a.shape)


# -- variances ---------------------------------------------------------------------------------------------------------


@rule(np.var)
def _var(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, mean=None, correction=None):
    a = cast(a, dtype)
    refuse_dual(np.var, where=where)
    ddof = ddof if missing(correction) else correction
    if missing(mean):
        mean = np.mean(a, axis=axis, keepdims=True, where=where)
    deviations = a - mean
    if deviations.dtype.kind == "c":
        squares = np.square(np.real(deviations)) + np.square(np.imag(deviations))
    else:
        squares = np.square(deviations)
    count = np.sum(np.broadcast_to(where, a.shape), axis=axis, keepdims=keepdims)
    if np.any(count <= ddof):
        # NumPy's own warning.
        np.var(primal(a), axis=axis, ddof=ddof, where=where)
    with np.errstate(all="ignore"):
        freedom = np.maximum(count - ddof, 0).astype(squares.dtype)
        return settle(np.sum(squares, axis=axis, keepdims=keepdims, where=where) / freedom)


@rule(np.std)
def _std(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, **options):
    a = cast(a, dtype)
    variance = np.var(a, axis=axis, ddof=ddof, keepdims=keepdims, **options)
    if not is_dual(variance):
        return np.sqrt(variance)
    # At the tip the first derivative is 0 and the second nan.
    deviation, tip = numbers(apply_unary(ROOT, variance)), primal(variance) == 0.0
    axes = behind(axis, a.ndim) if is_dual(a) else None
    arrived = a - np.mean(a, axis=axis, keepdims=True) if np.any(tip) else a
    return settle(loud(deviation, arrived, tip, lambda stack: np.sum(stack, axis=axes, keepdims=keepdims)))


@rule(np.cov)
def _cov(m, y=None, rowvar=True, bias=False, ddof=None, fweights=None, aweights=None, *, dtype=None):
    refuse_dual(np.cov, fweights=fweights, aweights=aweights)
    fweights, aweights = (a if a is None else np.asarray(a) for a in (fweights, aweights))
    rows = _variables(m, y, rowvar)
    ddof = (0 if bias else 1) if ddof is None else ddof
    weights = 1.0 if fweights is None else np.asarray(fweights, dtype=float)
    weights = weights if aweights is None else weights * aweights
    weights = np.broadcast_to(weights, rows.shape[1:])
    total = weights.sum()
    loss = ddof if aweights is None else ddof * np.sum(weights * aweights) / total
    deviations = rows - np.average(rows, axis=1, weights=weights, keepdims=True)
    cov = np.matmul(deviations * weights, np.conjugate(np.transpose(deviations))) / (total - loss)
    return np.squeeze(cov)


def _variables(m, y, rowvar):
    m = np.atleast_2d(numbers(m))
    m = np.transpose(m) if not rowvar and m.shape[0] != 1 else m
    if y is None:
        return m
    y = np.atleast_2d(numbers(y))
    return np.concatenate([m, np.transpose(y) if not rowvar and y.shape[0] != 1 else y])


@rule(np.corrcoef)
def _corrcoef(x, y=None, rowvar=True, *, dtype=None):
    cov = np.cov(x, y, rowvar)
    if np.ndim(cov) == 0:
        return cov / cov
    deviation = np.sqrt(np.real(np.diagonal(cov)))
    return cov / deviation[:, None] / deviation


# -- products and extrema ----------------------------------------------------------------------------------------------


@rule(np.prod)
def _prod(a, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=True):
    return fold(np.multiply, a, axis, dtype, keepdims, initial, where)


def _extreme(ufunc):
    def handler(a, axis=None, out=None, keepdims=False, initial=None, where=True):
        return fold(ufunc, a, axis, None, keepdims, initial, where)

    return handler


rule(np.max, np.amax)(_extreme(np.maximum))
rule(np.min, np.amin)(_extreme(np.minimum))


@rule(np.ptp)
def _ptp(a, axis=None, out=None, keepdims=False):
    a = numbers(a)
    return np.max(a, axis=axis, keepdims=keepdims) - np.min(a, axis=axis, keepdims=keepdims)


# -- scans -------------------------------------------------------------------------------------------------------------


def _flat_if_no_axis(a, axis):
    return (np.ravel(a), 0) if axis is None else (a, axis)


@rule(np.cumsum)
def _cumsum(a, axis=None, dtype=None, out=None):
    a, axis = _flat_if_no_axis(cast(a, dtype), axis)
    if not is_dual(a):
        return np.cumsum(a, axis=axis)
    planes = behind(axis, a.ndim)
    return a.map_planes(lambda stack: np.cumsum(stack, axis=planes), np.cumsum(a.value, axis=axis))


@rule(np.cumprod)
def _cumprod(a, axis=None, dtype=None, out=None):
    a, axis = _flat_if_no_axis(cast(a, dtype), axis)
    return scan(np.multiply, a, axis)


def _cumulative(function, ufunc):
    """The scans of the array API: an axis is needed beyond one dimension, and the identity may stand in front."""

    def handler(x, /, *, axis=None, dtype=None, out=None, include_initial=False):
        x = cast(x, dtype)
        if axis is None and x.ndim > 1:
            raise ValueError("For arrays which have more than one dimension ``axis`` argument is required.")
        x = np.atleast_1d(x)
        axis = 0 if axis is None else axis
        scanned = function(x, axis=axis)
        if not include_initial:
            return scanned
        shape = list(x.shape)
        shape[axis] = 1
        return np.concatenate([np.full(shape, ufunc.identity, dtype=x.dtype), scanned], axis=axis)

    return handler


for _name, _function, _ufunc in (("cumulative_sum", np.cumsum, np.add), ("cumulative_prod", np.cumprod, np.multiply)):
    if hasattr(np, _name):
        rule(getattr(np, _name))(_cumulative(_function, _ufunc))


# -- without nan -------------------------------------------------------------------------------------------------------


def _masking(function):
    def handler(a, *args, **kwargs):
        a = numbers(a)
        present = ~np.isnan(a)
        where = kwargs.pop("where", True)
        return function(a, *args, where=present if where is True or missing(where) else present & where, **kwargs)

    return handler


def _scanning(function, neutral):
    def handler(a, *args, **kwargs):
        a = numbers(a)
        return function(np.where(np.isnan(a), neutral, a), *args, **kwargs)

    return handler


for _function in (np.sum, np.prod, np.mean, np.var, np.std):
    rule(getattr(np, f"nan{_function.__name__}"))(_masking(_function))
rule(np.nancumsum)(_scanning(np.cumsum, 0.0))
rule(np.nancumprod)(_scanning(np.cumprod, 1.0))
rule(np.nanmax)(_extreme(np.fmax))
rule(np.nanmin)(_extreme(np.fmin))
