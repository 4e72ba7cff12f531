"""Functions that derivatives of SciPy's special functions need and SciPy lacks.

Every family here is closed: its derivatives are members of the family, which the rows of `dualdiff.scipy_rules` say.
Numbers in parentheses are those of the NIST Digital Library of Mathematical Functions (DLMF).
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np
from scipy import special

from . import incomplete
from .incomplete import _as_floats, _bell, _vector

# -- elliptic integrals ------------------------------------------------------------------------------------------------

# With u = log(t) the integrand is analytic for |Im u| < pi and falls off exponentially on both sides: the trapezoidal
# sum errs by exp(-2 pi**2/step).
_STEP = 0.45
_NATS = 40.0


def carlson(r, i, j, k, m, x, y, z, p):
    """The integral of ``t**r (t + x)**-i (t + y)**-j (t + z)**-k (t + p)**-m`` over t from 0 to ∞ (19.16.1–5).

    Parameters
    ----------
    r, i, j, k, m : float
        The exponents.
    x, y, z, p : array_like
        Not negative; nan elsewhere. The integral is inf where it diverges at 0.
    """
    return _vector(partial(_carlson, float(r), [float(one) for one in (i, j, k, m)]), x, y, z, p)


def _carlson(r, powers, *arguments):
    used = [(power, a) for power, a in zip(powers, arguments, strict=True) if power]
    good = np.all([a >= 0.0 for _, a in used], 0)
    left = r + 1.0 - sum(power * (a == 0.0) for power, a in used)
    right = sum(power for power, _ in used) - r - 1.0
    finite = good & (left > 0.0)
    places = np.stack([np.where(finite & (a > 0.0), a, np.nan) for _, a in used])
    some = np.where(np.isnan(places).all(0), 1.0, places)
    low = np.nanmin(np.log(np.nanmin(some, 0)) - _NATS / np.where(finite, left, 1.0), initial=0.0)
    high = np.nanmax(np.log(np.nanmax(some, 0)), initial=0.0) + _NATS / right
    u = np.arange(low, high + _STEP, _STEP)[:, None]
    t = np.exp(u)
    exponent = (r + 1.0) * u - sum(power * np.log(t + np.where(finite, a, 1.0)) for power, a in used)
    out = _STEP * np.sum(np.exp(exponent), 0)
    return np.where(finite, out, np.where(good, np.inf, np.nan))


def elliptic(i, q, phi, m):
    """The integral of ``sin(t)**(2 i) (1 - m sin(t)**2)**q`` over t from 0 to phi, by Carlson's integrals (19.25)."""
    phi, m = np.broadcast_arrays(*_as_floats(phi, m))
    turns = np.rint(phi / np.pi)
    rest = phi - turns * np.pi
    s, c = np.sin(rest), np.cos(rest)

    def part(s, c):
        integral = carlson(0.0, 0.5, -q, i + 1.0 + q, 0.0, c * c, 1.0 - m * s * s, 1.0, 1.0)
        return 0.5 * s * np.abs(s)**(2.0 * i) * integral

    out = part(s, c)
    if np.any(turns):
        out = out + np.where(turns == 0.0, 0.0, 2.0 * turns * part(np.ones_like(s), np.zeros_like(s)))
    return out


# -- error functions ---------------------------------------------------------------------------------------------------


def wofz(n, z):
    """The derivative of order n of Faddeeva's function w(z) (7.10.1, 7.12.1)."""
    z = np.asarray(z)
    z = z.astype(np.result_type(z.dtype, np.complex64), copy=False)
    n = int(n)
    far = (np.abs(z) > 8.0) & (z.imag >= 0.0)
    near, outer = np.where(far, 1.0, z), np.where(far, z, 10.0)
    before, value = 0.0, special.wofz(near)
    for k in range(n):
        before, value = value, -2.0 * near * value - 2.0 * k * before + (2j / math.sqrt(math.pi) if k == 0 else 0.0)
    v, series = 1.0 / (outer * outer), 0.0
    for k in range(30, -1, -1):
        # (2 k - 1)!!/2**k times (2 k + 1) … (2 k + n), by ratios
        ratio = (k + 0.5) * math.prod((2 * k + 2 + s) / (2 * k + s) for s in range(1, n + 1))
        series = 1.0 + v * ratio * series
    tail = 1j / math.sqrt(math.pi) * (-1) ** n * math.factorial(n) * series / outer ** (n + 1)
    return np.where(far, tail, value).astype(z.dtype)[()]


# -- zeta functions ----------------------------------------------------------------------------------------------------

_TERMS, _CORRECTIONS = 20, 14


def hurwitz(n, s, q):
    """The derivative of order n of Hurwitz' zeta function with respect to s, for q > 0 (25.11.5).

    Everything in the formula of Euler and Maclaurin is a power series in the change of s; its coefficients give the
    derivatives.
    """
    return _vector(partial(_hurwitz, int(n)), s, q) if n >= 0 else np.zeros(np.broadcast(s, q).shape)


def _hurwitz(n, s, q):
    good = (q > 0.0) & (s != 1.0)
    s, q = np.where(good, s, 2.0), np.where(good, q, 1.0)

    def power(base):
        log = np.log(base)
        return [base**-s * (-log)**k / math.factorial(k) for k in range(n + 1)]

    total = [sum(terms) for terms in zip(*(power(q + k) for k in range(_TERMS)), strict=True)]
    end = q + _TERMS
    last = power(end)
    pole = [(-1.0) ** k / (s - 1.0) ** (k + 1) for k in range(n + 1)]
    total = _sum(total, [end * one for one in _times(pole, last)], [0.5 * one for one in last])
    rising = [s, *([np.ones_like(s)] if n else []), *[np.zeros_like(s)] * (n - 1)]
    bernoulli = special.bernoulli(2 * _CORRECTIONS)
    scaled = [one / end for one in last]
    for j in range(1, _CORRECTIONS + 1):
        total = _sum(total, [bernoulli[2 * j] / math.factorial(2 * j) * one for one in _times(rising, scaled)])
        for shift in (2 * j - 1, 2 * j):
            rising = [(s + shift) * a + b for a, b in zip(rising, [0.0, *rising], strict=False)]
        scaled = [one / (end * end) for one in scaled]
    return np.where(good, math.factorial(n) * total[n], np.nan)


def _sum(*series):
    return [sum(terms) for terms in zip(*series, strict=True)]


def _times(a, b):
    return [sum(a[i] * b[k - i] for i in range(k + 1)) for k in range(len(a))]


# -- Kolmogorov and Smirnov --------------------------------------------------------------------------------------------


def kolmogorov(n, x):
    """The derivative of order n of ``scipy.special.kolmogorov``: both series of theta functions (20.2, 20.7.30)."""
    return _vector(partial(_kolmogorov, int(n)), x)


def _kolmogorov(n, x):
    right = np.where(x > 0.8, x, 1.0)
    out = sum(2.0 * (-1.0) ** (k - 1) * (-math.sqrt(2.0) * k) ** n * special.eval_hermite(n, math.sqrt(2.0) * k * right)
              * np.exp(-2.0 * k * k * right * right) for k in range(1, 9))
    left = np.where((x > 0.04) & (x <= 0.8), x, 1.0)
    near = 0.0
    for k in range(1, 6):
        rate = (2 * k - 1) ** 2 * math.pi**2 / 8.0
        powers = {1: 1.0}
        for _ in range(n):
            # of x**-p exp(-rate/x**2)
            following = {}
            for p, c in powers.items():
                following[p + 1] = following.get(p + 1, 0.0) - p * c
                following[p + 3] = following.get(p + 3, 0.0) + 2.0 * rate * c
            powers = following
        near = near + np.exp(-rate / (left * left)) * sum(c * left**-p for p, c in powers.items())
    return np.where(x > 0.8, out, np.where(x > 0.04, -math.sqrt(2.0 * math.pi) * near, np.where(x == x, 0.0, np.nan)))


def smirnov(r, n, x):
    """The derivative of order r of ``scipy.special.smirnov(n, x)`` with respect to x, term by term."""
    return _vector(partial(_smirnov, int(r)), n, x)


def _smirnov(r, n, x):
    n = np.floor(n)
    good = (n >= 1.0) & (x >= 0.0) & (x <= 1.0)
    inside = good & (x > 0.0) & (x < 1.0)
    n, x = np.where(inside, n, 1.0), np.where(inside, x, 0.5)
    j = np.arange(np.max(n, initial=0.0))[:, None]
    a, b = x + j / n, 1.0 - x - j / n
    used = (j < n) & (b > 0.0)
    a, b = np.where(used, a, 1.0), np.where(used, b, 1.0)
    log = -special.betaln(n - j + 1.0, j + 1.0) - np.log(n + 1.0) + (j - 1.0) * np.log(a) + (n - j) * np.log(b)
    term = np.where(used, np.exp(np.where(used, log, 0.0)), 0.0)

    def cumulant(p, _):
        return math.factorial(p - 1) * ((-1.0) ** (p - 1) * (j - 1.0) / a**p - (n - j) / b**p)

    first = (cumulant(1, 0), 0.0)
    factor = x * _bell((r, 0), first, cumulant) + (r * _bell((r - 1, 0), first, cumulant) if r else 0.0)
    # At both ends the sum ends in a limit from inside.
    return np.where(inside, np.sum(term * factor, 0), np.nan)


# -- Mathieu -----------------------------------------------------------------------------------------------------------


def mathieu(odd, n, m, q):
    """The derivative of order n of the characteristic value a_m(q), or b_m(q) where ``odd``, with respect to q.

    The matrix of the recurrences of Fourier coefficients (28.4.5–8) is linear in q; perturbation theory (Rayleigh and
    Schrödinger) gives the power series of its eigenvalues, which are simple.
    """
    return _vector(lambda m, q: np.array([_mathieu(bool(odd), int(n), *one) for one in zip(m, q, strict=True)]), m, q)


def _mathieu(odd, n, m, q):
    if not (np.isfinite(q) and m == int(m) and m >= odd):
        return np.nan
    m = int(m)
    size = m // 2 + 25 + int(2.0 * math.sqrt(abs(q)))
    orders = np.arange(size) * 2 + (1 if m % 2 else 2 if odd else 0)
    slope = np.eye(size, k=1) + np.eye(size, k=-1)
    if m % 2:
        slope[0, 0] = -1.0 if odd else 1.0
    elif not odd:
        slope[0, 1] = slope[1, 0] = math.sqrt(2.0)
    values, vectors = np.linalg.eigh(np.diag(orders.astype(float) ** 2) + q * slope)
    place = (m - 1 if odd else m) // 2
    gaps = values[place] - values
    gaps[place] = np.inf
    slope = vectors.T @ slope @ vectors
    states, series = [np.eye(size)[place]], [values[place]]
    for k in range(1, n + 1):
        pushed = slope @ states[-1]
        series.append(pushed[place])
        states.append((pushed - sum(series[i] * states[k - i] for i in range(1, k))
                       - series[k] * states[0]) / gaps)
    return math.factorial(n) * series[n]


# -- noncentral distributions ------------------------------------------------------------------------------------------

# Noncentral distributions are Poisson mixtures of central ones, whose derivatives with respect to degrees of freedom
# are those of incomplete gamma and beta functions.


def _mixture(term, rate, *arguments):
    """The sum of ``term(j, *arguments)`` with Poisson's weights of a rate."""
    top = np.max(np.where(rate < np.inf, rate, 0.0), initial=0.0)
    low = np.min(np.where(rate >= 0.0, rate, 0.0), initial=top)
    j = np.arange(max(0, int(low - 12.0*math.sqrt(low) - 30.0)), int(top + 12.0*math.sqrt(top) + 40.0))[:, None]
    weights = np.exp(special.xlogy(j, rate) - rate - special.gammaln(j + 1.0))
    return np.sum(weights * term(j, *arguments), 0)


def chndtr(n, v, c, x):
    """The derivative of order n ≥ 1 of ``scipy.special.chndtr`` with respect to the degrees of freedom v."""
    def values(v, c, x):
        return 0.5**n * _mixture(lambda j, v, x: incomplete.gammainc(n, 0.5*v + j, 0.5*x), 0.5*c, v, x)

    return _vector(values, v, c, x)


def ncx2_density(n, v, c, x):
    """The derivative of order n with respect to v of the density of the noncentral chi-squared distribution.

    It has v degrees of freedom and noncentrality c.
    """
    if n < 0:
        return np.zeros(np.broadcast(v, c, x).shape)
    return _vector(partial(_ncx2_density, int(n)), v, c, x)


def _ncx2_density(n, v, c, x):
    if n:
        def term(j, v, x):
            a, x = 0.5*v + j, 0.5*x
            return incomplete.gamma_density(a, x) * incomplete.gamma_bell(n, a, x)

        return 0.5**(n + 1) * _mixture(term, 0.5*c, v, x)
    order = 0.5 * v - 1.0
    small = c * x < 1.0
    near = 0.5 * np.power(0.5 * x, order) * np.exp(-0.5 * (x + c)) * special.rgamma(0.5 * v) * special.hyp0f1(
        0.5 * v, np.where(small, 0.25 * c * x, 0.0))
    gap = np.sqrt(x) - np.sqrt(c)
    far = 0.5 * np.exp(-0.5 * gap * gap) * np.power(x / c, 0.5 * order) * special.ive(order, np.sqrt(c * x))
    return np.where(small, near, far)


def ncbeta(i, k, a, b, h, y):
    """The derivative of orders i in a and k in b, not both 0, of the sum of ``I_y(a + j, b)`` in Poisson's weights."""
    def values(a, b, h, y):
        return _mixture(lambda j, a, b, y: incomplete.betainc(i, k, a + j, b, y), h, a, b, y)

    return _vector(values, a, b, h, y)


def ncbeta_density(i, k, a, b, h, y):
    """The same, i and k also 0, of the density of the beta distribution."""
    def term(j, a, b, y):
        return incomplete.beta_density(a + j, b, y) * incomplete.beta_bell(i, k, a + j, b, y)

    if min(i, k) < 0:
        return np.zeros(np.broadcast(a, b, h, y).shape)
    return _vector(lambda a, b, h, y: _mixture(term, h, a, b, y), a, b, h, y)


def ncbeta_step(i, k, a, b, h, y):
    """The same of ``I_y(a, b) - I_y(a + 1, b)``."""
    if min(i, k) < 0:
        return np.zeros(np.broadcast(a, b, h, y).shape)
    return _vector(lambda a, b, h, y: _mixture(
        lambda j, a, b, y: incomplete.beta_step(i, k, a + j, b, y), h, a, b, y), a, b, h, y)


def nct_moment(n, k, v, d, t):
    """The derivative of order n with respect to v of the mean of ``s**k phi(t s - d)``.

    ``v s**2`` has the chi-squared distribution with v degrees of freedom. With n = 0 and k = 1 it is the density of the
    noncentral t distribution. The logarithm of s makes the integrand log-concave, and the trapezoidal sum exact for
    practical purposes.
    """
    return _vector(partial(_nct_moment, int(n), float(k)), v, d, t)


def _chi(n, k, v, r):
    """``r**k`` times the density of log(s), s as above, differentiated n times with respect to v."""
    half = 0.5 * v
    out = np.exp(math.log(2.0) + half * np.log(half) - special.gammaln(half) + (v + k) * np.log(r) - half * r * r)
    if n:
        first = 0.5 * (np.log(half) - special.psi(half)) + 0.5 + np.log(r) - 0.5 * r * r
        out = out * _bell((n, 0), (first, 0.0), lambda p, _: 0.5**p * (
            (-1.0)**p * math.factorial(p - 2) / half**(p - 1) - special.polygamma(p - 1, half)))
    return out


def _nct_moment(n, k, v, d, t):
    a = v + t * t
    s = (t * d + np.sqrt(t * t * d * d + 4.0 * a * (v + k))) / (2.0 * a)
    r, step = _around(s, 1.0 / np.sqrt(2.0 * a * s * s - t * d * s), v + k)
    return step * np.sum(_chi(n, k, v, r) * np.exp(-0.5 * (t * r - d) ** 2), 0) / math.sqrt(2.0 * math.pi)


def _around(s, width, decay):
    """Nodes of a trapezoidal sum in log(s) around a peak."""
    left = np.maximum(12.0 * width, 50.0 / decay)
    step = (left + 12.0 * width) / 500.0
    return s * np.exp(step * np.arange(501.0)[:, None] - left), step


def nctdtr(n, v, d, t):
    """The derivative of order n ≥ 1 of ``scipy.special.nctdtr`` with respect to the degrees of freedom v."""
    return _vector(partial(_nctdtr, int(n)), v, d, t)


def _nctdtr(n, v, d, t):
    # The integral of all is 0: either tail of the normal distribution serves, and the smaller one is more accurate.
    sign = np.where(t > d, -1.0, 1.0)
    # In the tail the integrand sits where the ratio of the normal variable to s is t.
    a = v + t * t
    peak = np.where(t * d > 0.0, (t * d + np.sqrt(t * t * d * d + 4.0 * a * v)) / (2.0 * a), np.sqrt(v / a))
    low, high = np.minimum(peak, 1.0), np.maximum(peak, 1.0)
    width = 1.0 / np.sqrt(2.0 * v)
    left = np.log(low) - np.maximum(12.0 * width, 50.0 / v)
    right = np.log(high) + 12.0 * width
    step = (right - left) / 800.0
    r = np.exp(left + step * np.arange(801.0)[:, None])
    return sign * step * np.sum(_chi(n, 0.0, v, r) * special.ndtr(sign * (t * r - d)), 0)
