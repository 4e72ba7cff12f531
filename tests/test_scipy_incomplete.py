"""Derivatives of incomplete gamma and beta functions with respect to their parameters, over wide ranges.

Errors are relative to the derivative plus its change under a relative change of the parameter by as much: a second
derivative changes its sign somewhere, and there the largest term counts.
"""

import mpmath as mp
import numpy as np
import pytest
from scipy import special

import dualdiff as dd
from dualdiff import incomplete
from dualdiff.errors import DifferentiationTypeError

DIGITS = 40
SPANS = [(1e-6, 1e-3), (1e-3, 0.5), (0.5, 5.0), (5.0, 50.0), (50.0, 1e3), (1e3, 1e5)]


def log_uniform(rng, low, high):
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def exact_gamma(n, a, x):
    """By numerical differentiation of the tail that is small: there mpmath's own digits suffice."""
    with mp.workdps(DIGITS):
        a, x = mp.mpf(a), mp.mpf(x)
        if x < a:
            return mp.diff(lambda t: mp.gammainc(t, 0, x, regularized=True), a, n)
        return mp.diff(lambda t: -mp.gammainc(t, x, regularized=True), a, n)


def exact_beta(i, j, a, b, x):
    with mp.workdps(DIGITS):
        a, b, x = mp.mpf(a), mp.mpf(b), mp.mpf(x)
        if x < a/(a + b):
            f = lambda s, t: mp.betainc(s, t, 0, x, regularized=True)
        else:
            f = lambda s, t: -mp.betainc(t, s, 0, 1 - x, regularized=True)
        if i and j:
            return mp.diff(f, (a, b), (i, j))
        return mp.diff(lambda s: f(s, b), a, i) if i else mp.diff(lambda t: f(a, t), b, j)


@pytest.mark.parametrize("span", SPANS, ids=str)
def test_incomplete_gamma_function(span):
    rng = np.random.default_rng(int(-np.log(span[0])*10) % 97)
    for _ in range(8):
        a = log_uniform(rng, *span)
        near = log_uniform(rng, 1e-4, 20.0)
        x = near if a < 3.0 else max(a + 4.0*rng.normal()*np.sqrt(a), 0.01)
        for n in (1, 2, 3):
            want, got = exact_gamma(n, a, x), incomplete.gammainc(n, a, x)
            size = abs(want) + (abs(a*incomplete.gammainc(n + 1, a, x)) if n > 1 else 0.0)
            assert abs(got - want) <= 1e-13*size, (n, a, x, got, float(want))


@pytest.mark.parametrize("span", [(1e-4, 0.1), *SPANS[2:5], (0.01, 1e3)], ids=str)
def test_incomplete_beta_function(span):
    rng = np.random.default_rng(int(-np.log(span[0])*10) % 97)
    for _ in range(6):
        a, b = log_uniform(rng, *span), log_uniform(rng, *span)
        spread = 2.0*rng.normal()*np.sqrt(1.0/a + 1.0/b)
        x = float(special.expit(np.log(a/b) + spread)) if min(a, b) > 0.5 else float(rng.uniform(0.01, 0.99))
        for i, j in ((1, 0), (0, 1), (2, 0), (1, 1), (0, 2)):
            want, got = exact_beta(i, j, a, b, x), incomplete.betainc(i, j, a, b, x)
            more = abs(a*incomplete.betainc(i + 1, j, a, b, x)) + abs(b*incomplete.betainc(i, j + 1, a, b, x))
            size = abs(want) + (more if i + j > 1 else 0.0)
            assert abs(got - want) <= 2e-13*size, (i, j, a, b, x, got, float(want))


def test_far_tails():
    """Where the function itself is 0 or 1 to all digits its derivative is not."""
    for a, x in ((2.5, 1e-30), (0.01, 1e-200), (2.5, 300.0), (100.0, 600.0), (50.0, 0.5)):
        assert incomplete.gammainc(1, a, x) == pytest.approx(float(exact_gamma(1, a, x)), rel=1e-12)
    for a, b, x in ((2.5, 1.5, 1e-30), (3.0, 200.0, 0.6), (0.02, 0.5, 1e-100)):
        assert incomplete.betainc(1, 0, a, b, x) == pytest.approx(float(exact_beta(1, 0, a, b, x)), rel=1e-12)


def test_ends_and_outside():
    assert incomplete.gammainc(1, 2.0, 0.0) == 0.0 and incomplete.gammainc(1, 2.0, np.inf) == 0.0
    assert np.isnan(incomplete.gammainc(1, -1.0, 2.0)) and np.isnan(incomplete.gammainc(1, 2.0, -1.0))
    assert np.isnan(incomplete.gammainc(1, np.nan, 1.0)) and np.isnan(incomplete.gammainc(1, 1.0, np.nan))
    assert incomplete.betainc(1, 0, 2.0, 3.0, 0.0) == 0.0 and incomplete.betainc(0, 1, 2.0, 3.0, 1.0) == 0.0
    assert np.isnan(incomplete.betainc(1, 0, 2.0, 3.0, 1.5)) and np.isnan(incomplete.betainc(1, 0, 0.0, 3.0, 0.5))


def test_shapes_and_blocks():
    a, x = np.linspace(0.5, 9.0, 90)[:, None], np.linspace(0.1, 20.0, 70)
    out = incomplete.gammainc(1, a, x)
    assert out.shape == (90, 70)
    assert out[40, 50] == pytest.approx(incomplete.gammainc(1, a[40, 0], x[50]), rel=1e-14)
    assert incomplete.gammainc(1, np.zeros((0, 3)), 1.0).shape == (0, 3)
    assert incomplete.gammainc(1, np.float32(2.0), np.float32(1.0)).dtype == np.float32


def test_third_order_and_nested():
    want = float(exact_gamma(3, 2.5, 1.7))
    assert dd.derivative(lambda a: special.gammainc(a, 1.7), order=3)(2.5) == pytest.approx(want, rel=1e-11)
    f = lambda v: special.betainc(v[0], v[1], v[2])
    point = np.array([2.5, 1.5, 0.3])
    nested = dd.jacobian(dd.grad(f))(point)
    np.testing.assert_allclose(dd.hessian(f)(point), nested, rtol=1e-13)
    np.testing.assert_allclose(nested, nested.T, rtol=1e-11)
    grid = np.linspace(0.1, 0.9, 5)
    assert dd.jacobian(lambda a: special.betainc(a, 2.0, grid))(np.full(5, 1.5)).shape == (5, 5)


def test_a_count_is_still_refused():
    with pytest.raises(DifferentiationTypeError, match="whole number"):
        dd.derivative(lambda k: special.pdtr(k, 2.0))(3.0)


# -- large parameters: the density's own digits --------------------------------------------------------------------


@pytest.mark.parametrize("a, b", [(1e3, 1e6), (2e5, 3e5), (1e7, 2e7), (3.0, 1e6), (0.02, 1e5)])
def test_densities_of_large_parameters(a, b):
    with mp.workdps(DIGITS):
        x = a/(a + b)*1.001
        log = ((mp.mpf(a) - 1)*mp.log(x) + (mp.mpf(b) - 1)*mp.log(1 - mp.mpf(x)) - mp.loggamma(a) - mp.loggamma(b)
               + mp.loggamma(mp.mpf(a) + b))
        want = float(mp.exp(log))
    # x itself is known to an error that a density of this width multiplies
    with np.errstate(all="ignore"):
        have = incomplete.beta_density(a, b, x)
    assert have == pytest.approx(want, rel=1e-13 + 1e-15*a*abs(x*(a + b)/a - 1.0))
