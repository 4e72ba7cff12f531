"""Derivatives of the incomplete gamma and beta functions with respect to their parameters, of every order.

Both functions are integrals of a density ``p``, and every derivative of it with respect to its parameters is ``p``
times a polynomial ``B`` in logarithms (a complete Bell polynomial in the cumulants). The integral of ``p B`` up to the
point and that beyond it sum to 0, so the tail in which ``B`` has one sign serves: there nothing cancels at first order.

The logarithm (or the logit) of the variable of integration makes the integrand log-concave, and the double exponential
rule for half-lines (Takahasi & Mori, Publ. RIMS 9, 1974) with the trapezoidal sum ends with the accuracy of the
machine, whatever the parameters. Series, as in R. J. Moore (Algorithm AS 187, Appl. Statist. 31, 1982) for the gamma
function and continued fractions as in Boik & Robison-Cox (J. Stat. Softw. 3(1), 1998) for the beta function, need
numbers of terms that grow with the parameters.

Accuracy: see `tests/test_scipy_incomplete.py`, which holds them to mpmath.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np
from scipy import special

# Nodes of the rule on (0, ∞): distances in units of the scale, and weights. Beyond both ends nothing is left.
_STEP = 1.0 / 24
_S = np.arange(-90, 93) * _STEP
_NODES = np.exp(_S - np.exp(-_S))
_WEIGHTS = _STEP * _NODES * (1.0 + np.exp(-_S))
_DROP = 45.0  # where an integrand has fallen by exp(-45), it ends
_BLOCK = 2048  # points that are served together


# -- densities ---------------------------------------------------------------------------------------------------------

_STIRLING = (1/12, -1/360, 1/1260, -1/1680, 1/1188, -691/360360, 1/156)


def _stirling(a):
    """``log Gamma(a) - (a - 1/2) log(a) + a - log(2 pi)/2``, without cancellation for a > 15 (DLMF 5.11.1)."""
    return np.polynomial.polynomial.polyval(1.0 / (a * a), _STIRLING) / a


def _deviance(k, m):
    """``k log(k/m) + m - k``, without cancellation near k = m (C. Loader, 2000)."""
    w = (m - k) / k
    v = w / (2.0 + w)
    # log1p(w) = 2 artanh(v), and w = 2 v/(1 - v)
    u = v * v
    series = 2.0 * v * u * (1/3 + u * (1/5 + u * (1/7 + u * (1/9 + u * (1/11 + u * (1/13 + u / 15))))))
    return k * np.where(np.abs(w) < 0.1, w * v - series, w - np.log1p(w))


def gamma_density(a, x):
    """``x**(a - 1) exp(-x)/Gamma(a)``."""
    a, x = np.broadcast_arrays(*_as_floats(a, x))
    far = np.sqrt(a / (2.0 * np.pi)) * np.exp(-_stirling(a) - _deviance(a, x)) / x
    power = np.power(x, a - 1)
    safe = (a < 15.0) | (x == 0.0) | ((a < 150.0) & (power > 1e-250) & (power < 1e250) & (x < 0.5 * a))
    return np.where(safe, power * np.exp(-x) * special.rgamma(a), far).astype(a.dtype)[()]


def beta_density(a, b, x, y=None):
    """``x**(a - 1) (1 - x)**(b - 1)/B(a, b)``; ``y`` is 1 - x where that is known to more digits."""
    a, b, x, y = np.broadcast_arrays(*_as_floats(a, b, x, 1.0 - x if y is None else y))
    n, small, large = a + b, np.minimum(a, b), np.maximum(a, b)
    log_x, log_y = np.where(x < 0.5, np.log(x), np.log1p(-y)), np.where(y < 0.5, np.log(y), np.log1p(-x))
    none = np.power(x, a - 1) * np.power(y, b - 1) / special.beta(a, b)
    # Gamma(n)/Gamma(large) by Stirling's series, and the power that goes with it
    ratio = small * np.log(n) + (large - 0.5) * np.log1p(small / large) - small + _stirling(n) - _stirling(large)
    power = np.where(a < b, (b - 1.0) * log_y, (a - 1.0) * log_x)
    one = np.where(a < b, np.power(x, a - 1), np.power(y, b - 1)) * special.rgamma(small) * np.exp(power + ratio)
    both = np.sqrt(a * b / (2.0 * np.pi * n)) / (x * y) * np.exp(
        _stirling(n) - _stirling(a) - _stirling(b) - _deviance(a, n * x) - _deviance(b, n * y)
    )
    inside = (x > 0.0) & (y > 0.0)
    out = np.where(inside & (small > 15.0), both, np.where(inside & (large > 15.0), one, none))
    return out.astype(a.dtype)[()]


def _as_floats(*arrays):
    kind = np.result_type(*arrays)
    return [np.asarray(a, kind if kind.kind == "f" else float) for a in arrays]


# -- Bell polynomials --------------------------------------------------------------------------------------------------


def _log_less_psi(a):
    """``log(a) - psi(a)`` (DLMF 5.11.2)."""
    v = 1.0 / (a * a)
    series = v * (1/12 - v * (1/120 - v * (1/252 - v * (1/240 - v * (1/132 - v * (691/32760 - v / 12))))))
    return np.where(a > 15.0, 0.5 / a + series, np.log(a) - special.psi(a))


def _log_ratio(x, a):
    return np.where(np.abs(x - a) < 0.5 * a, np.log1p((x - a) / a), np.log(x) - np.log(a))


def _bell(orders, first, rest):
    """The complete Bell polynomial of ``orders`` (i, j), from the cumulants of order 1 and ``rest(p, q)`` of others."""
    known = {(0, 0): 1.0}

    def cumulant(p, q):
        return first[q] if p + q == 1 else rest(p, q)

    def polynomial(i, j):
        if (i, j) not in known:
            di, dj = (1, 0) if i else (0, 1)
            known[i, j] = sum(
                math.comb(i - di, p) * math.comb(j - dj, q) * cumulant(p + di, q + dj)
                * polynomial(i - di - p, j - dj - q)
                for p in range(i - di + 1) for q in range(j - dj + 1)
            )
        return known[i, j]

    return polynomial(*orders)


def _gamma_cumulants(a):
    cached = {}

    def rest(p, q):
        if p not in cached:
            cached[p] = -special.polygamma(p - 1, a)
        return cached[p]

    return rest


def _beta_cumulants(a, b, c):
    """Cumulants of order 2 and more of ``Gamma(c)/(Gamma(a) Gamma(b)) x**a (1 - x)**b``, c = a + b + a constant."""
    cached = {}

    def rest(p, q):
        if (p, q) not in cached:
            cached[p, q] = special.polygamma(p + q - 1, c) - sum(
                special.polygamma(p + q - 1, one) for one, other in ((a, q), (b, p)) if other == 0
            )
        return cached[p, q]

    return rest


def gamma_bell(n, a, x):
    """The derivative of order n of the density of the gamma distribution with respect to a, divided by the density."""
    return _vector(lambda a, x: _gamma_bell(int(n), a, x), a, x) if n >= 0 else np.zeros_like(a + x)


def _gamma_bell(n, a, x):
    return _bell((n, 0), (_log_ratio(x, a) + _log_less_psi(a), 0.0), _gamma_cumulants(a)) + 0.0 * x


def beta_bell(i, j, a, b, x):
    """As `gamma_bell`, of order i in a and j in b, for the beta distribution."""
    if min(i, j) < 0:
        return np.zeros_like(a + b + x)
    return _vector(lambda a, b, x: _beta_bell(int(i), int(j), a, b, a + b, x, 1.0 - x, a + b) + 0.0 * x, a, b, x)


def beta_step(i, j, a, b, x):
    """The derivative of orders i in a and j in b of ``x**a (1 - x)**b/(a B(a, b)) = I_x(a, b) - I_x(a + 1, b)``."""
    return _vector(lambda a, b, x: _beta_step(int(i), int(j), a, b, x, 1.0 - x), a, b, x)


def _beta_step(i, j, a, b, x, y):
    step = beta_density(a + 1.0, b, x, y) * y / (a + b)
    return step * _beta_bell(i, j, a + 1.0, b, a + b + 1.0, x, y, a + b)


def _beta_bell(i, j, a, b, n, x, y, c):
    """Of ``x**a y**b Gamma(c)/(Gamma(a) Gamma(b))``, where c is n = a + b or one less."""
    step = _log_less_psi(c) + np.log1p((n - c) / c)
    first = (_log_ratio(n * x, a) + _log_less_psi(a) - step, _log_ratio(n * y, b) + _log_less_psi(b) - step)
    return _bell((i, j), first, _beta_cumulants(a, b, c))


# -- integrals ---------------------------------------------------------------------------------------------------------


def _newton(d, drop, slope):
    """The distance at which a concave, falling exponent has dropped; every step from the right stays on the right."""
    for _ in range(12):
        d = d - (drop(d) + _DROP) / slope(d)
    return d


def _tail(end, exponent, polynomial):
    """The integral of ``exp(exponent(d)) polynomial(d)`` over distances from 0 to ``end``, per point."""
    scale = end / _DROP
    d = scale * _NODES[:, None]
    return scale * np.sum(_WEIGHTS[:, None] * np.exp(exponent(d)) * polynomial(d), 0)


def gammainc(n, a, x):
    """The derivative of order n ≥ 1 of the regularised lower incomplete gamma function P(a, x) with respect to a.

    Parameters
    ----------
    n : int
    a, x : array_like
        Positive a, nonnegative x; nan elsewhere.
    """
    return _vector(partial(_gammainc, int(n)), a, x)


def _gammainc(n, a, x):
    good = (a > 0.0) & (x >= 0.0)
    inside = good & (x > 0.0) & (x < np.inf) & (a < np.inf)
    a, x = np.where(inside, a, 1.0), np.where(inside, x, 1.0)
    small = a < 2.0
    # P(a) = P(a + 1) + gamma_density(a + 1): what would cancel for small a
    p = np.where(small, a + 1.0, a)
    lower = x < np.exp(special.psi(p))
    density = gamma_density(p, x)
    sign = np.where(lower, -1.0, 1.0)
    start = np.where(lower, (_DROP + x) / p, ((p - x) + np.sqrt((p - x)**2 + 2.0 * _DROP * x)) / x)

    def exponent(d):
        d = sign * d
        return (p - x) * d - x * _expm1_rest(d)

    end = _newton(start, exponent, lambda d: sign * (p - x * np.exp(sign * d)))
    level, rest = _log_ratio(x, p) + _log_less_psi(p), _gamma_cumulants(p)
    integral = _tail(end, exponent, lambda d: _bell((n, 0), (level + sign * d, 0.0), rest))
    out = -sign * density * x * integral
    if small.any():
        out = out + np.where(small, density * _gamma_bell(n, p, x), 0.0)
    return np.where(inside, out, np.where(good, 0.0, np.nan))


def _expm1_rest(d):
    """``expm1(d) - d``."""
    series = d * d * (1/2 + d * (1/6 + d * (1/24 + d * (1/120 + d * (1/720 + d * (1/5040 + d / 40320))))))
    return np.where(np.abs(d) < 0.03, series, np.expm1(d) - d)


def betainc(i, j, a, b, x):
    """The derivative of orders i in a and j in b of the regularised incomplete beta function I_x(a, b).

    Parameters
    ----------
    i, j : int
        Not both 0.
    a, b, x : array_like
        Positive a and b, x from 0 to 1; nan elsewhere.
    """
    return _vector(partial(_betainc, int(i), int(j)), a, b, x)


def _betainc(i, j, a, b, x):
    good = (a > 0.0) & (b > 0.0) & (x >= 0.0) & (x <= 1.0)
    inside = good & (x > 0.0) & (x < 1.0) & (a < np.inf) & (b < np.inf)
    a, b, x = (np.where(inside, one, half) for one, half in ((a, 1.0), (b, 1.0), (x, 0.5)))
    # Where the factor of the first order changes its sign; mixed derivatives have no such point.
    split_a = np.exp(special.psi(a) - special.psi(a + b))
    split_b = -np.expm1(special.psi(b) - special.psi(a + b))
    lower = x < (split_a if j == 0 else split_b if i == 0 else 0.5 * (split_a + split_b))
    out = np.empty_like(x)
    for side in (True, False):
        here = lower == side
        if here.any():
            one = (a[here], b[here], x[here], 1.0 - x[here])
            out[here] = _lower(i, j, *one) if side else -_lower(j, i, one[1], one[0], one[3], one[2])
    return np.where(inside, out, np.where(good, 0.0, np.nan))


def _lower(i, j, a, b, x, y):
    """The integral up to x; y is 1 - x."""
    small = a < 2.0
    # I(a) = I(a + 1) + x**a y**b/(a B(a, b))
    p = np.where(small, a + 1.0, a)
    n = p + b
    density = beta_density(p, b, x, y)
    start = (_DROP - n * np.log1p(-x)) / p

    def exponent(d):
        # log(t/x) is -d less the log of 1 - x + x exp(-d), and log((1 - t)/y) is minus that.
        r = x * np.expm1(-d)
        return -p * d - n * np.log1p(r)

    end = _newton(start, exponent, lambda d: -p + n * x * np.exp(-d) / (1.0 + x * np.expm1(-d)))
    first = (_log_ratio(n * x, p) + _log_less_psi(p) - _log_less_psi(n),
             _log_ratio(n * y, b) + _log_less_psi(b) - _log_less_psi(n))
    rest = _beta_cumulants(p, b, n)

    def polynomial(d):
        r = np.log1p(x * np.expm1(-d))
        return _bell((i, j), (first[0] - d - r, first[1] - r), rest)

    out = density * x * y * _tail(end, exponent, polynomial)
    if small.any():
        out = out + np.where(small, _beta_step(i, j, a, b, x, y), 0.0)
    return out


def _vector(function, *arguments):
    """A function of flat arrays on whatever broadcasts, block by block."""
    arguments = np.broadcast_arrays(*_as_floats(*arguments))
    kind, shape = arguments[0].dtype, arguments[0].shape
    flat = [np.asarray(a, float).ravel() for a in arguments]
    with np.errstate(all="ignore"):
        parts = [function(*(a[k : k + _BLOCK] for a in flat)) for k in range(0, flat[0].size, _BLOCK)]
    return np.concatenate([np.zeros(0), *parts]).reshape(shape).astype(kind)[()]
