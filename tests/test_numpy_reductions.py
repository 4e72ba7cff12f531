"""Reductions, scans, statistics, order statistics and counting, and the array methods of the same names."""

import warnings

import numpy as np
import pytest
from numpy_cases import MATRIX, VECTOR, Case, check_derivatives_of, check_value_of, dual, hyper

import dualdiff as dd

MASK = MATRIX > 1.0

CASES = [
    Case("sum", lambda x: np.sum(x**2)),
    Case("sum, axis", lambda x: np.sum(x**2, axis=1)),
    Case("sum, axes kept", lambda x: np.sum(x**2, axis=(0, 1), keepdims=True)),
    Case("sum, where and initial", lambda x: np.sum(x**2, axis=0, where=MASK, initial=3.0)),
    Case("sum, initial that depends on x", lambda x: np.sum(x, axis=0, initial=x[0, 0] ** 2)),
    Case("sum, dtype", lambda x: np.sum(x**2, dtype=np.float64)),
    Case("mean", lambda x: np.mean(x**2, axis=-1)),
    Case("mean, where", lambda x: np.mean(x**2, axis=0, where=MASK)),
    Case("average", lambda x: np.average(x**2, axis=1, weights=[1.0, 2.0, 3.0])),
    Case("average, weights that depend on x", lambda x: np.average(x, axis=1, weights=x[0])),
    Case("average, one weight each", lambda x: np.average(x, weights=x * x)),
    Case("average, no weights", lambda x: np.average(x**2, axis=0, keepdims=True)),
    Case("var", lambda x: np.var(x)),
    Case("var, ddof", lambda x: np.var(x, axis=1, ddof=1)),
    Case("var, where", lambda x: np.var(x, where=MASK)),
    Case("var, given mean", lambda x: np.var(x, axis=0, mean=np.mean(x, axis=0, keepdims=True), keepdims=True)),
    Case("std", lambda x: np.std(x, axis=1)),
    Case("std, correction", lambda x: np.std(x, axis=0, correction=1)),
    Case("cov", lambda x: np.cov(x)),
    Case("cov, columns", lambda x: np.cov(x, rowvar=False, bias=True)),
    Case("cov, weights", lambda x: np.cov(x[0], x[1] ** 2, fweights=[1, 2, 2], aweights=[1.0, 2.0, 3.0])),
    Case("corrcoef", lambda x: np.corrcoef(x), scale=10.0),
    Case("prod", lambda x: np.prod(x)),
    Case("prod, axis", lambda x: np.prod(x, axis=0)),
    Case("prod, where and initial", lambda x: np.prod(x, axis=1, where=MASK, initial=3.0)),
    Case("max", lambda x: np.max(x**2)),
    Case("max, axis", lambda x: np.max(x**2, axis=1, keepdims=True)),
    Case("max, initial", lambda x: np.max(x**2, axis=1, initial=9.0)),
    Case("max, where", lambda x: np.max(x**2, axis=1, where=~MASK | (MATRIX < 2.0), initial=-1.0)),
    Case("min", lambda x: np.min(x**2, axis=0)),
    Case("amin and amax", lambda x: np.amax(x, axis=1) * np.amin(x, axis=1)),
    Case("ptp", lambda x: np.ptp(x**2, axis=1)),
    Case("cumsum", lambda x: np.cumsum(x**2)),
    Case("cumsum, axis", lambda x: np.cumsum(x**2, axis=1)),
    Case("cumprod", lambda x: np.cumprod(x)),
    Case("cumprod, axis", lambda x: np.cumprod(x, axis=1)),
    Case("cumulative_sum", lambda x: np.cumulative_sum(x**2, axis=1, include_initial=True)),
    Case("cumulative_prod", lambda x: np.cumulative_prod(x, axis=0, include_initial=True)),
    Case("nansum", lambda x: np.nansum(np.where(MASK, x**2, np.nan), axis=0)),
    Case("nanprod", lambda x: np.nanprod(np.where(MASK, x, np.nan), axis=1)),
    Case("nanmean", lambda x: np.nanmean(np.where(MASK, x**2, np.nan), axis=1)),
    Case("nanvar", lambda x: np.nanvar(np.where(MASK, x, np.nan))),
    Case("nanstd", lambda x: np.nanstd(np.where(MASK, x, np.nan))),
    Case("nanmax", lambda x: np.nanmax(np.where(MASK, x**2, np.nan), axis=1)),
    Case("nanmin", lambda x: np.nanmin(np.where(MASK, x**2, np.nan), axis=1)),
    Case("nancumsum", lambda x: np.nancumsum(np.where(MASK, x**2, np.nan))),
    Case("nancumprod", lambda x: np.nancumprod(np.where(MASK, x, np.nan))),
    Case("nanmedian", lambda x: np.nanmedian(np.where(MASK, x**2, np.nan), axis=1)),
    Case("nanquantile", lambda x: np.nanquantile(np.where(MASK, x**2, np.nan), 0.3, axis=1)),
    Case("nanpercentile", lambda x: np.nanpercentile(np.where(MASK, x**2, np.nan), 30)),
    Case("median", lambda x: np.median(x**2, axis=1)),
    Case("median of an even number", lambda x: np.median(x**2)),
    Case("percentile", lambda x: np.percentile(x**2, [[10.0, 33.0]], axis=0)),
    Case("quantile", lambda x: np.quantile(x**2, 0.37, axis=(0, 1), keepdims=True)),
    *(Case(f"quantile, {method}", lambda x, method=method: np.quantile(x**2, [0.21, 0.64], axis=1, method=method))
      for method in ("inverted_cdf", "averaged_inverted_cdf", "hazen", "weibull", "median_unbiased", "lower",
                     "higher", "nearest", "midpoint")),
    Case("quantile, weights", lambda x: np.quantile(x[0] ** 2, 0.4, weights=[1.0, 5.0, 2.0], method="inverted_cdf")),
    Case("diff", lambda x: np.diff(x**2, axis=0)),
    Case("diff, twice", lambda x: np.diff(x**2, 2)),
    Case("diff, ends", lambda x: np.diff(x**2, prepend=0.0, append=x[:, :1])),
    Case("ediff1d", lambda x: np.ediff1d(x**2, to_end=[1.0, 2.0], to_begin=x[0, 0])),
    Case("gradient", lambda x: np.gradient(x**2)[1]),
    Case("gradient, places", lambda x: np.gradient(x**2, [0.0, 1.0, 2.5], axis=1, edge_order=2)),
    Case("trapezoid", lambda x: np.trapezoid(x**2, dx=0.3, axis=0)),
    Case("trapezoid, places that depend on x", lambda x: np.trapezoid(x**2, x[0])),
    Case("interp", lambda x: np.interp(x, [0.0, 1.0, 2.0, 4.0], [1.0, 2.0, 4.0, -1.0])),
    Case("interp, dual heights", lambda x: np.interp([0.2, 0.7, 9.0, -1.0, 0.5, 1.0], [0.0, 0.5, 1.0], x[0] ** 2)),
    Case("interp, dual places", lambda x: np.interp([0.2, 1.7, 2.2], np.sort(x[0]), x[1], left=x[0, 0], right=7.0)),
    Case("interp, period", lambda x: np.interp(x, [0.0, 0.4, 0.8], x[1] ** 2, period=1.03)),
    Case("bincount", lambda x: np.bincount([0, 2, 2], x[0] ** 2)),
    Case("histogram, edges", lambda x: np.histogram(x**2, 3)[1]),
    Case("histogram, density", lambda x: np.histogram(x**2, 4, density=True)[0]),
    Case("histogram, weights", lambda x: np.histogram(MATRIX, 3, weights=x**2)[0]),
    Case("unwrap", lambda x: np.unwrap(3.0 * x)),
    Case("i0", lambda x: np.i0(x)),
    Case("sinc", lambda x: np.sinc(x)),
    Case("apply_along_axis", lambda x: np.apply_along_axis(lambda row: row**2 * row[0], 0, x)),
    Case("apply_along_axis, numbers", lambda x: np.apply_along_axis(lambda row: np.sum(row**3), 1, x)),
    Case("apply_over_axes", lambda x: np.apply_over_axes(np.sum, x**2, [0, 1])),
    Case("max of a product of three axes", lambda x: np.max(np.prod(x.reshape(1, 2, 3), axis=0), axis=1)),
    Case("std over two of three axes", lambda x: np.std(x.reshape(1, 2, 3), (0, 2))),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_derivatives(case):
    check_derivatives_of(case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_values(case):
    check_value_of(case)


# Ties: the mean of the tied entries, at every order -------------------------------------------------------------------

TIES = np.array([2.0, 1.0, 2.0, 2.0])
THIRD = 1.0 / 3.0


@pytest.mark.parametrize("f, x, gradient", [
    (np.max, TIES, [THIRD, 0.0, THIRD, THIRD]),
    (lambda x: np.max(x, axis=0), TIES, [THIRD, 0.0, THIRD, THIRD]),
    (lambda x: -np.min(-x), TIES, [THIRD, 0.0, THIRD, THIRD]),
    (np.nanmax, TIES, [THIRD, 0.0, THIRD, THIRD]),
    (np.maximum.reduce, TIES, [THIRD, 0.0, THIRD, THIRD]),
    (np.fmax.reduce, TIES, [THIRD, 0.0, THIRD, THIRD]),
    (lambda x: np.maximum.accumulate(x)[2], TIES, [0.5, 0.0, 0.5, 0.0]),
    (lambda x: np.maximum.accumulate(x)[3], TIES, [THIRD, 0.0, THIRD, THIRD]),
    (lambda x: np.max(x, initial=2.0), TIES, [0.25, 0.0, 0.25, 0.25]),
    (lambda x: np.max(x, initial=2.0, where=[True, True, False, True]), TIES, [THIRD, 0.0, 0.0, THIRD]),
    (np.ptp, np.array([1.0, 2.0, 2.0, 1.0]), [-0.5, 0.5, 0.5, -0.5]),
    (np.median, np.array([1.0, 1.0, 1.0]), [0.0, 1.0, 0.0]),
])  # fmt: skip
def test_ties(f, x, gradient):
    np.testing.assert_allclose(dd.grad(f)(x), gradient, rtol=1e-15)
    np.testing.assert_array_equal(dd.hessian(f)(x), np.zeros((x.size, x.size)))


def test_ties_share_second_derivatives():
    hessian = dd.hessian(lambda x: np.max(np.stack([x**2, 3.0 * x - 2.0, 0.0 * x]), axis=0))(np.array([1.0, 5.0]))
    np.testing.assert_array_equal(hessian[0], [[1.0, 0.0], [0.0, 0.0]])
    np.testing.assert_array_equal(hessian[1], [[0.0, 0.0], [0.0, 2.0]])


@pytest.mark.parametrize("f", [np.max, np.maximum.reduce, lambda x: np.maximum.accumulate(x)[-1], np.nanmax])
def test_strict_ties(f):
    x = np.array([2.0, 2.0, 1.0])
    assert np.isnan(dd.grad(f, strict=True)(x)).tolist() == [True, True, False]
    assert np.isnan(dd.hessian(f, strict=True)(x)).tolist() == [[True, True, False]] * 2 + [[False] * 3]
    assert np.isfinite(dd.hessian(f, strict=True)(np.array([3.0, 2.0, 1.0]))).all()


def test_strict_tip_of_std():
    assert np.isnan(dd.grad(np.std, strict=True)(np.ones(3))).all()
    assert np.isnan(dd.hessian(np.std)(np.ones(3))).all()
    np.testing.assert_array_equal(dd.grad(np.std)(np.ones(3)), np.zeros(3))


@pytest.mark.parametrize("f", [np.max, lambda x: np.maximum.accumulate(x)[-1], lambda x: np.sort(x)[-1],
                               lambda x: np.clip(x, 1.0, None)[1], lambda x: np.partition(x, 1)[1],
                               lambda x: np.median(np.append(x, 9.0)), lambda x: np.quantile(x, 1.0)])
@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_losers_have_no_influence(f, bad):
    y = f(dd.DualArray([1.0, 3.0], [[bad, 1.0]]))
    np.testing.assert_array_equal(y.tangent, [1.0])


def test_nan_is_handed_on():
    x = dual(np.array([1.0, np.nan, 3.0]))
    for f in (np.max, np.min, np.median, np.sum, np.prod):
        assert np.isnan(dd.value(f(x)))
    np.testing.assert_array_equal(np.nanmax(x).tangent, x.tangent[:, 2])
    np.testing.assert_array_equal(np.nanmin(x).tangent, x.tangent[:, 0])


# Products with zeros --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("x", [[0.0, 2.0, 3.0], [2.0, 0.0, 3.0, 5.0], [0.0, 0.0, 3.0], [0.0, 0.0, 0.0], [2.0], [],
                               [2.0, 3.0, 5.0, 7.0, 11.0, 13.0, 0.0]])
def test_products_with_zeros(x):
    x = np.array(x)
    n = x.size
    gradient = [np.prod(np.delete(x, i)) for i in range(n)]
    hessian = [[0.0 if i == j else np.prod(np.delete(x, [i, j])) for j in range(n)] for i in range(n)]
    np.testing.assert_array_equal(dd.grad(np.prod)(x), np.reshape(gradient, (n,)))
    np.testing.assert_array_equal(dd.hessian(np.prod)(x), np.reshape(hessian, (n, n)))
    jacobian = [[np.prod(np.delete(x[: i + 1], j)) if j <= i else 0.0 for j in range(n)] for i in range(n)]
    np.testing.assert_array_equal(dd.jacobian(np.cumprod)(x), np.reshape(jacobian, (n, n)))


def test_third_derivative_of_a_product():
    third = dd.jacobian(dd.hessian(np.prod))(np.array([0.0, 0.0, 0.0]))
    assert third[0, 1, 2] == third[2, 1, 0] == 1.0 and np.count_nonzero(third) == 6


def test_interp_at_and_beyond_knots():
    table = [0.0, 1.0, 2.0], [0.0, 1.0, 4.0]
    points = np.array([-1.0, 0.0, 0.5, 1.0, 2.0, 5.0])
    slopes = dd.derivative(lambda x: np.interp(x, *table))(points)
    np.testing.assert_array_equal(slopes, [0.0, 1.0, 1.0, 3.0, 0.0, 0.0])


# Everything that is no array of some numbers --------------------------------------------------------------------------

NUMBERS = [np.sum, np.mean, np.prod, np.max, np.min, np.median, np.cumsum, np.cumprod, np.average, np.sinc, np.i0,
           lambda x: np.quantile(x, 0.3), lambda x: np.interp(x, [0.0, 2.0], [1.0, 3.0]), np.nansum, np.nanmax]


@pytest.mark.parametrize("f", NUMBERS)
def test_numbers(f):
    x = dd.Dual(0.75, [1.0, 2.0])
    y, want = f(x), f(np.array(0.75))
    assert np.shape(y) == np.shape(want)
    np.testing.assert_allclose(dd.value(y), want)
    z = f(dd.HyperDual(0.75, 1.0, 1.0))
    np.testing.assert_allclose(np.ravel(z.e1), np.ravel(y.tangent[0]))


@pytest.mark.parametrize("f", [np.sum, np.prod, np.cumsum, np.cumprod, lambda x: np.sum(x, axis=0),
                               lambda x: np.max(x, axis=1), lambda x: np.prod(x, axis=1), np.add.accumulate,
                               lambda x: np.logaddexp.reduce(x, axis=1), lambda x: np.sort(x, axis=1), np.diff])
@pytest.mark.parametrize("shape", [(0, 3), (2, 0, 3)])
def test_empty(f, shape):
    x = np.zeros(shape)
    try:
        want = f(x)
    except ValueError:
        with pytest.raises(ValueError):
            f(dual(x))
        return
    got = f(dual(x))
    np.testing.assert_array_equal(dd.value(got), want)
    assert got.tangent.shape == (2, *want.shape) and not got.tangent.any()
    assert f(hyper(x)).e12.shape == (2, 3, *want.shape)


def test_warnings_are_those_of_numpy():
    x = dual(np.zeros((0,)))
    with pytest.warns(RuntimeWarning, match="Mean of empty slice|invalid value"):
        np.mean(x)
    with pytest.warns(RuntimeWarning, match="Degrees of freedom"), np.errstate(all="ignore"):
        np.var(dual(np.ones(1)), ddof=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.std(hyper(np.ones(4))), np.prod(hyper(np.zeros(4))), np.max(dual(np.array([1.0, np.nan])))


def test_out():
    x = dual(VECTOR)
    out = np.zeros(1, like=x)
    assert np.sum(x, keepdims=True, out=out) is out
    np.testing.assert_array_equal(out.tangent, np.sum(x.tangent, axis=1, keepdims=True))
    out = np.zeros(4, like=x)
    assert np.cumsum(x, 0, None, out) is out
    np.testing.assert_array_equal(out.tangent, np.cumsum(x.tangent, axis=1))
    for give in (lambda o: np.sum(x, out=o), lambda o: np.sum(x, None, None, o), lambda o: x.max(out=o)):
        with pytest.raises(dd.LostTangentError, match="zeros_like"):
            give(np.zeros(()))


def test_errors_of_numpy_remain():
    with pytest.raises(ValueError, match="identity"):
        np.max(dual(VECTOR), where=VECTOR > 0.0)
    with pytest.raises(ValueError, match="zero-size"):
        np.max(dual(VECTOR[:0]))
    with pytest.raises(ValueError, match="axis"):
        np.sum(dual(VECTOR), axis=1)


def test_weights_that_sum_to_zero():
    with pytest.raises(ZeroDivisionError):
        np.average(dual(VECTOR), weights=[1.0, -1.0, 0.0, 0.0])


# Methods --------------------------------------------------------------------------------------------------------------

METHODS = ["sum", "mean", "var", "std", "prod", "min", "max", "argmin", "argmax", "cumsum", "cumprod", "trace",
           "argsort", "all", "any", "nonzero", "round", "squeeze", "ravel", "flatten", "copy", "tolist", "conj",
           "transpose"]
ARGUMENTS = [{}, {"axis": 1}, {"axis": (0, 1)}, {"axis": 0, "keepdims": True}, {"ddof": 1}]


@pytest.mark.parametrize("make", [dual, hyper])
@pytest.mark.parametrize("method", METHODS)
def test_methods(method, make):
    for arguments in ARGUMENTS:
        try:
            want = getattr(MATRIX, method)(**arguments)
        except (TypeError, ValueError):
            continue
        got = dd.value(getattr(make(MATRIX), method)(**arguments))
        np.testing.assert_allclose(np.asarray(got), np.asarray(want), rtol=1e-15)


CALLS = {
    "clip": lambda x: x.clip(1.0, 3.0),
    "clip, one bound": lambda x: x.clip(max=2.0),
    "take": lambda x: x.take([1, 0], axis=1),
    "repeat": lambda x: x.repeat(2, axis=0),
    "dot": lambda x: x.dot(np.ones(3)),
    "compress": lambda x: x.compress([True, False], axis=0),
    "searchsorted": lambda x: x[0].searchsorted(2.0),
    "diagonal": lambda x: x.diagonal(1),
    "astype": lambda x: x.astype(np.float32),
    "round": lambda x: x.round(1),
    "reshape(-1)": lambda x: x.reshape(-1),
    "reshape(3, 2)": lambda x: x.reshape(3, 2),
    "reshape((3, -1))": lambda x: x.reshape((3, -1)),
    "transpose(1, 0)": lambda x: x.transpose(1, 0),
    "transpose((1, 0))": lambda x: x.transpose((1, 0)),
    "swapaxes": lambda x: x.swapaxes(0, 1),
    "item": lambda x: x.item(1, 2),
    "argpartition": lambda x: x.argpartition(1)[:, 1],
    "max, axis by place": lambda x: x.max(1),
    "T": lambda x: x.T,
    "real and imag": lambda x: x.real + x.imag,
}


@pytest.mark.parametrize("make", [dual, hyper])
@pytest.mark.parametrize("name", CALLS)
def test_calls_of_methods(name, make):
    got = dd.value(CALLS[name](make(MATRIX)))
    np.testing.assert_array_equal(got, CALLS[name](MATRIX))


CHANGES = {
    "fill": lambda x: x.fill(3.0),
    "sort": lambda x: x.sort(axis=0),
    "sort, last axis": lambda x: x.sort(),
    "partition": lambda x: x.partition(1),
    "put": lambda x: x.put([0, 3], [1.0, 2.0]),
}


@pytest.mark.parametrize("name", CHANGES)
def test_methods_that_change_the_array(name):
    x, want = dual(MATRIX), MATRIX.copy()
    CHANGES[name](x)
    CHANGES[name](want)
    np.testing.assert_array_equal(x.value, want)
    # The tangents went along: they are those of the entries that moved, or 0.
    source = dict(zip(MATRIX.ravel(), dual(MATRIX).tangent.reshape(2, -1).T, strict=True))
    for v, t in zip(x.value.ravel(), x.tangent.reshape(2, -1).T, strict=True):
        np.testing.assert_array_equal(t, source.get(v, np.zeros(2)))


# Values only ----------------------------------------------------------------------------------------------------------

ON_VALUES = [
    np.argmax, np.argmin, np.argsort, np.nonzero, np.count_nonzero, np.any, np.all, np.flatnonzero, np.argwhere,
    np.isnan, np.isfinite, np.signbit, np.logical_not, np.shape, np.ndim, np.size, np.isreal, np.iscomplexobj,
    lambda x: np.searchsorted(np.sort(x[0]), x[1]), lambda x: np.digitize(x, [1.0, 3.0]), lambda x: np.isclose(x, 1.93),
    lambda x: np.allclose(x, x), lambda x: np.array_equal(x, MATRIX), lambda x: np.lexsort((x[0], x[1])),
    lambda x: np.histogram(x, [0.0, 2.0, 5.0])[0], lambda x: np.greater(x, 2.0), lambda x: np.equal(x, x[0]),
    lambda x: np.logical_and.reduce(x > 1.0, axis=0), lambda x: np.logical_or(x, 0.0), lambda x: np.isin(x, [1.12]),
    lambda x: np.triu_indices_from(x[:, :2]), lambda x: np.result_type(x, np.float32), lambda x: np.histogram(x)[0],
]  # fmt: skip


@pytest.mark.parametrize("make", [dual, hyper])
@pytest.mark.parametrize("f", ON_VALUES)
def test_values_decide(f, make):
    got, want = f(make(MATRIX)), f(MATRIX)
    assert type(got) is type(want)
    np.testing.assert_array_equal(np.asarray(got), np.asarray(want))
