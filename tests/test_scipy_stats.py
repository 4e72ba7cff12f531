"""Log-densities and log-distribution functions: SciPy's values, derivatives against differences of mpmath's kind."""

import mpmath as mp
import numpy as np
import pytest
import scipy.stats

import dualdiff as dd
from dualdiff.scipy import stats

X = np.array([0.11, 0.4, 0.83])
CONTINUOUS = {
    "norm": (), "t": (4.5,), "cauchy": (), "laplace": (), "logistic": (), "lognorm": (0.7,), "gamma": (2.3,),
    "invgamma": (1.7,), "beta": (2.5, 1.4), "expon": (), "weibull_min": (1.6,),
}
DISCRETE = {"poisson": (2.5,), "binom": (7, 0.3), "nbinom": (3.5, 0.4)}


def differences(f, p, h=1e-3):
    """First derivatives by central differences of eighth order."""
    weights = {1: 4/5, 2: -1/5, 3: 4/105, 4: -1/280}
    columns = []
    for i in range(len(p)):
        step = np.zeros(len(p))
        step[i] = h
        columns.append(sum(w*(f(p + k*step) - f(p - k*step)) for k, w in weights.items())/h)
    return np.stack(columns, -1)


@pytest.mark.parametrize("kind", ["logpdf", "pdf", "logcdf", "cdf", "logsf", "sf"])
@pytest.mark.parametrize("name", CONTINUOUS)
def test_values_are_those_of_scipy(name, kind):
    x = np.concatenate([X, [-0.3, 0.0, 1.0, 1.5, 12.0, np.nan, np.inf, -np.inf]])
    ours, theirs = getattr(getattr(stats, name), kind), getattr(getattr(scipy.stats, name), kind)
    with np.errstate(all="ignore"):
        for arguments in (CONTINUOUS[name], (*CONTINUOUS[name], 0.05, 1.3)):
            np.testing.assert_allclose(ours(x, *arguments), theirs(x, *arguments), rtol=1e-12, atol=1e-15)
        assert np.isnan(ours(0.3, *CONTINUOUS[name], scale=-1.0))


@pytest.mark.parametrize("kind", ["logpdf", "logcdf", "logsf", "cdf", "sf"])
@pytest.mark.parametrize("name", CONTINUOUS)
def test_derivatives_of_continuous_families(name, kind):
    function, shapes = getattr(getattr(stats, name), kind), CONTINUOUS[name]
    point = np.array([0.02, 1.1, *shapes])

    def f(p):
        return function(X, *p[2:], loc=p[0], scale=p[1])

    def f_of_x(p):
        return np.stack([function(p[0], *p[3:], loc=p[1], scale=p[2])])

    np.testing.assert_allclose(dd.jacobian(f)(point), differences(f, point), rtol=2e-9, atol=1e-9)
    np.testing.assert_allclose(dd.hessian(lambda p: np.sum(f(p)))(point),
                               differences(lambda p: np.sum(dd.jacobian(f)(p), 0), point), rtol=2e-9, atol=1e-9)
    point = np.array([0.3, *point])
    np.testing.assert_allclose(dd.jacobian(f_of_x)(point), differences(f_of_x, point), rtol=2e-9, atol=1e-9)


@pytest.mark.parametrize("kind", ["logpmf", "logcdf", "logsf", "cdf", "sf"])
@pytest.mark.parametrize("name", DISCRETE)
def test_discrete_families(name, kind):
    k, shapes = np.array([-1, 0, 1, 3, 7, 9, 2.5]), DISCRETE[name]
    function, theirs = getattr(getattr(stats, name), kind), getattr(getattr(scipy.stats, name), kind)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(function(k, *shapes), theirs(k, *shapes), rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(function(k, *shapes, loc=1), theirs(k, *shapes, loc=1), rtol=1e-12, atol=1e-15)
    k = np.array([0, 1, 3])

    def f(p):
        return function(k, *shapes[:-1], p[0])

    point = np.array(shapes[-1:])
    np.testing.assert_allclose(dd.jacobian(f)(point), differences(f, point), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(dd.hessian(lambda p: np.sum(f(p)))(point),
                               differences(lambda p: np.sum(dd.jacobian(f)(p), 0), point), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", ["logpmf", "logcdf", "logsf"])
def test_negative_binomial_in_its_number_of_successes(kind):
    def f(p):
        return getattr(stats.nbinom, kind)(np.arange(4), p[0], p[1])

    point = np.array([3.5, 0.4])
    np.testing.assert_allclose(dd.jacobian(f)(point), differences(f, point), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(dd.hessian(lambda p: np.sum(f(p)))(point),
                               differences(lambda p: np.sum(dd.jacobian(f)(p), 0), point), rtol=1e-9, atol=1e-9)


def along(function, place, at):
    """A function of the argument number ``at``, the others as they are."""
    return lambda t: function(*place[:at], t, *place[at + 1:])


def test_shapes_of_distribution_functions_against_mpmath():
    """Both tails, where the probability itself is 1 or next to nothing."""
    cases = (
        (stats.gamma.logsf, (40.0, 2.3), 1, lambda x, a: mp.log(mp.gammainc(a, x, regularized=True))),
        (stats.gamma.logcdf, (0.01, 2.3), 1, lambda x, a: mp.log(mp.gammainc(a, 0, x, regularized=True))),
        (stats.gamma.logcdf, (40.0, 2.3), 1, lambda x, a: mp.log(mp.gammainc(a, 0, x, regularized=True))),
        (stats.invgamma.logcdf, (0.02, 1.7), 1, lambda x, a: mp.log(mp.gammainc(a, 1/x, regularized=True))),
        (stats.beta.logcdf, (0.01, 2.5, 1.4), 1, lambda x, a, b: mp.log(mp.betainc(a, b, 0, x, regularized=True))),
        (stats.beta.logsf, (0.99, 2.5, 1.4), 2, lambda x, a, b: mp.log(mp.betainc(a, b, x, 1, regularized=True))),
        (stats.t.logcdf, (-30.0, 4.5), 1,
         lambda x, v: mp.log(mp.betainc(v/2, 0.5, 0, v/(v + x*x), regularized=True)/2)),
    )
    for function, place, at, exact in cases:
        with mp.workdps(40):
            reference = along(exact, [mp.mpf(one) for one in place], at)
            want = [float(mp.diff(reference, mp.mpf(place[at]), k)) for k in (1, 2)]
        have = [dd.derivative(along(function, place, at), order=k)(place[at]) for k in (1, 2)]
        np.testing.assert_allclose(have, want, rtol=2e-12)


def test_log_probabilities_keep_their_digits():
    for z in (-40.0, 40.0):
        assert dd.derivative(stats.norm.logcdf)(z) == pytest.approx(40.0249688472 if z < 0 else 0.0, rel=1e-9)
    assert dd.derivative(lambda x: stats.expon.logcdf(x))(1e-10) == pytest.approx(1e10, rel=1e-9)


def test_outside_of_the_support():
    assert dd.derivative(lambda x: stats.expon.logpdf(x))(-1.0) == 0.0
    np.testing.assert_array_equal(dd.derivative(lambda x: stats.beta.logcdf(x, 2.0, 3.0))(np.array([-1.0, 2.0])), 0.0)


def test_multivariate_normal():
    rng = np.random.default_rng(1)
    a = rng.normal(size=(3, 3))
    cov, mean, x = a @ a.T + np.eye(3), rng.normal(size=3), rng.normal(size=(4, 3))
    ours, theirs = stats.multivariate_normal.logpdf, scipy.stats.multivariate_normal.logpdf
    for arguments in ((x, mean, cov), (x[0], mean, cov), (x, mean, 2.0), (x, None, cov), (0.3, 0.1, 2.0),
                      (x[:, 0], 0.1, 2.0), (x, mean, np.array([1.0, 2.0, 3.0]))):
        np.testing.assert_allclose(ours(*arguments), theirs(*arguments), rtol=1e-12)

    def f(p):
        return ours(x, p[:3], np.diag(p[3:]) + 0.1)

    point = np.array([0.1, -0.2, 0.3, 1.0, 1.5, 2.0])
    np.testing.assert_allclose(dd.jacobian(f)(point), differences(f, point), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(dd.hessian(lambda p: np.sum(f(p)))(point),
                               differences(lambda p: np.sum(dd.jacobian(f)(p), 0), point), rtol=1e-8, atol=1e-8)
