"""Log-densities, log-distribution and log-survival functions of common families, on floats and dual numbers.

Names and arguments are SciPy's (`scipy.stats`): shapes, then ``loc`` and ``scale``. Densities and distribution
functions are differentiable in all of them, at every order; counts are constants, and so is the number of trials of the
binomial distribution.

Examples
--------
>>> import numpy as np, dualdiff as dd
>>> from dualdiff.scipy import stats
>>> x = np.array([1.0, 2.0, 4.0])
>>> dd.grad(lambda p: np.sum(stats.norm.logpdf(x, p[0], p[1])))(np.array([2.0, 1.5]))
array([ 0.44444444, -0.51851852])
"""

import numpy as np
from scipy import special

from ..functions import value
from ..packing import has_duals, pack
from .likelihood import covariance, standard_errors

__all__ = ["beta", "binom", "cauchy", "covariance", "expon", "gamma", "invgamma", "laplace", "logistic", "lognorm",
           "multivariate_normal", "nbinom", "norm", "poisson", "standard_errors", "t", "weibull_min"]

_LOG_2PI = np.log(2 * np.pi)


def _number(a):
    return pack(a) if has_duals(a) else np.asarray(a)[()]


def _tidy(x):
    """An array of dimension 0 as a number."""
    return x[()] if isinstance(x, np.ndarray) else x


def _log1mexp(x):
    """``log(1 - exp(x))`` for negative x, from the side that keeps its digits."""
    return np.where(value(x) > -0.7, np.log(-np.expm1(x)), np.log1p(-np.exp(x)))


class _Continuous:
    """A family with location and scale.

    A family states its functions of the standardised point, ``_logpdf``, ``_logcdf`` and ``_logsf``, and its support.
    """

    shapes = 0
    low, high = -np.inf, np.inf

    def _standard(self, args, loc, scale):
        args = [_number(a) for a in args]
        shapes, rest = args[: self.shapes], args[self.shapes :]
        if len(shapes) < self.shapes or len(rest) > 2:
            raise TypeError(
                f"{type(self).__name__.strip('_')}: takes {self.shapes} shape parameters, loc and scale, found "
                f"{len(args)} arguments after x; give the shapes by position"
            )
        loc = rest[0] if rest else _number(loc)
        scale = rest[1] if len(rest) > 1 else _number(scale)
        return shapes, loc, scale

    def _serve(self, function, x, args, loc, scale, below, above, density=False):
        shapes, loc, scale = self._standard(args, loc, scale)
        z = (_number(x) - loc) / scale
        plain = value(z)
        inside = (plain >= self.low) & (plain <= self.high)
        middle = 0.5 * (max(self.low, -1.0) + min(self.high, 1.0)) if self.low > -np.inf else 0.0
        with np.errstate(all="ignore"):
            # Points outside are moved inside, and their results replaced.
            out = function(np.where(inside, z, middle) if self.low > -np.inf else z, *shapes)
            out = out - np.log(scale) if density else out
            out = np.where(plain < self.low, below, np.where(plain > self.high, above, out))
        valid = value(scale) > 0
        for shape in shapes:
            valid = valid & self._valid(value(shape))
        return _tidy(np.where(valid & (plain == plain), out, np.nan))

    def _valid(self, shape):
        return shape > 0

    def logpdf(self, x, *args, loc=0, scale=1):
        """Log of the density at ``x``."""
        return self._serve(self._logpdf, x, args, loc, scale, -np.inf, -np.inf, density=True)

    def pdf(self, x, *args, loc=0, scale=1):
        """The density at ``x``."""
        return np.exp(self.logpdf(x, *args, loc=loc, scale=scale))

    def logcdf(self, x, *args, loc=0, scale=1):
        """Log of the probability of a number up to ``x``."""
        return self._serve(self._logcdf, x, args, loc, scale, -np.inf, 0.0)

    def cdf(self, x, *args, loc=0, scale=1):
        """The probability of a number up to ``x``."""
        return np.exp(self.logcdf(x, *args, loc=loc, scale=scale))

    def logsf(self, x, *args, loc=0, scale=1):
        """Log of the probability of a number beyond ``x``."""
        return self._serve(self._logsf, x, args, loc, scale, 0.0, -np.inf)

    def sf(self, x, *args, loc=0, scale=1):
        """The probability of a number beyond ``x``."""
        return np.exp(self.logsf(x, *args, loc=loc, scale=scale))


class _Norm(_Continuous):
    """The normal distribution."""

    def _logpdf(self, z):
        return -0.5 * z * z - 0.5 * _LOG_2PI

    def _logcdf(self, z):
        return special.log_ndtr(z)

    def _logsf(self, z):
        return special.log_ndtr(-z)


class _T(_Continuous):
    """Student's t distribution, ``df``."""

    shapes = 1

    def _logpdf(self, z, df):
        return -special.betaln(0.5 * df, 0.5) - 0.5 * np.log(df) - 0.5 * (df + 1) * np.log1p(z * z / df)

    def _logcdf(self, z, df):
        return np.log(special.stdtr(df, z))

    def _logsf(self, z, df):
        return np.log(special.stdtr(df, -z))


class _Cauchy(_Continuous):
    """The Cauchy distribution."""

    def _logpdf(self, z):
        # Far out z*z would overflow.
        far = np.abs(value(z)) > 1e150
        tail, near = np.where(far, z, 1.0), np.where(far, 1.0, z)
        return np.where(far, -2 * np.log(np.abs(tail)), -np.log1p(near**2)) - np.log(np.pi)

    def _logcdf(self, z):
        return np.log(np.arctan2(1.0, -z) / np.pi)

    def _logsf(self, z):
        return np.log(np.arctan2(1.0, z) / np.pi)


class _Laplace(_Continuous):
    """The Laplace distribution."""

    def _logpdf(self, z):
        return -np.abs(z) - np.log(2.0)

    def _logcdf(self, z):
        left = value(z) < 0
        return np.where(left, z - np.log(2.0), np.log1p(-0.5 * np.exp(-np.where(left, 0.0, z))))

    def _logsf(self, z):
        return self._logcdf(-z)


class _Logistic(_Continuous):
    """The logistic distribution."""

    def _logpdf(self, z):
        return special.log_expit(z) + special.log_expit(-z)

    def _logcdf(self, z):
        return special.log_expit(z)

    def _logsf(self, z):
        return special.log_expit(-z)


class _Expon(_Continuous):
    """The exponential distribution."""

    low = 0.0

    def _logpdf(self, z):
        return -z

    def _logcdf(self, z):
        return _log1mexp(-z)

    def _logsf(self, z):
        return -z


class _Lognorm(_Continuous):
    """The lognormal distribution, ``s``."""

    shapes, low = 1, 0.0

    def _logpdf(self, z, s):
        w = np.log(z) / s
        return np.where(value(z) > 0, -0.5 * w * w - np.log(s * z) - 0.5 * _LOG_2PI, -np.inf)

    def _logcdf(self, z, s):
        return special.log_ndtr(np.log(z) / s)

    def _logsf(self, z, s):
        return special.log_ndtr(-np.log(z) / s)


class _Gamma(_Continuous):
    """The gamma distribution, ``a``."""

    shapes, low = 1, 0.0

    def _logpdf(self, z, a):
        return special.xlogy(a - 1.0, z) - z - special.gammaln(a)

    def _logcdf(self, z, a):
        return np.log(special.gammainc(a, z))

    def _logsf(self, z, a):
        return np.log(special.gammaincc(a, z))


class _Invgamma(_Continuous):
    """The inverse gamma distribution, ``a``."""

    shapes, low = 1, 0.0

    def _logpdf(self, z, a):
        return np.where(value(z) > 0, -(a + 1.0) * np.log(z) - 1.0 / z - special.gammaln(a), -np.inf)

    def _logcdf(self, z, a):
        return np.log(special.gammaincc(a, 1.0 / z))

    def _logsf(self, z, a):
        return np.log(special.gammainc(a, 1.0 / z))


class _Beta(_Continuous):
    """The beta distribution, ``a`` and ``b``."""

    shapes, low, high = 2, 0.0, 1.0

    def _logpdf(self, z, a, b):
        return special.xlogy(a - 1.0, z) + special.xlog1py(b - 1.0, -z) - special.betaln(a, b)

    def _logcdf(self, z, a, b):
        return np.log(special.betainc(a, b, z))

    def _logsf(self, z, a, b):
        return np.log(special.betaincc(a, b, z))


class _WeibullMin(_Continuous):
    """The Weibull distribution of minima, ``c``."""

    shapes, low = 1, 0.0

    def _logpdf(self, z, c):
        return np.log(c) + special.xlogy(c - 1.0, z) - z**c

    def _logcdf(self, z, c):
        return _log1mexp(-(z**c))

    def _logsf(self, z, c):
        return -(z**c)


class _Discrete:
    """A family of counts with a location; a family states its functions of a whole number ``k``."""

    shapes = 1

    def _standard(self, k, args, loc):
        args = [_number(a) for a in args]
        shapes, rest = args[: self.shapes], args[self.shapes :]
        if len(shapes) < self.shapes or len(rest) > 1:
            raise TypeError(
                f"{type(self).__name__.strip('_').lower()}: takes {self.shapes} shape parameters and loc, found "
                f"{len(args)} arguments after k; give the shapes by position"
            )
        return value(_number(k)) - value(rest[0] if rest else _number(loc)), shapes

    def _serve(self, function, k, shapes, inside, outside):
        with np.errstate(all="ignore"):
            out = np.where(inside, function(np.where(inside, k, 0.0), *shapes), outside)
        return _tidy(np.where(self._valid(*map(value, shapes)) & (k == k), out, np.nan))

    def _top(self, *shapes):
        return np.inf

    def logpmf(self, k, *args, loc=0):
        """Log of the probability of ``k``, a constant."""
        k, shapes = self._standard(k, args, loc)
        inside = (k >= 0) & (k == np.floor(k)) & (k <= self._top(*map(value, shapes)))
        return self._serve(self._logpmf, k, shapes, inside, -np.inf)

    def pmf(self, k, *args, loc=0):
        """The probability of ``k``."""
        return np.exp(self.logpmf(k, *args, loc=loc))

    def logcdf(self, k, *args, loc=0):
        """Log of the probability of counts up to ``k``."""
        k, shapes = self._standard(k, args, loc)
        k = np.floor(k)
        top = self._top(*map(value, shapes))
        return self._serve(self._logcdf, k, shapes, (k >= 0) & (k < top), np.where(k >= top, 0.0, -np.inf))

    def cdf(self, k, *args, loc=0):
        """The probability of counts up to ``k``."""
        return np.exp(self.logcdf(k, *args, loc=loc))

    def sf(self, k, *args, loc=0):
        """The probability of counts beyond ``k``."""
        return np.exp(self.logsf(k, *args, loc=loc))

    def logsf(self, k, *args, loc=0):
        """Log of the probability of counts beyond ``k``."""
        k, shapes = self._standard(k, args, loc)
        k = np.floor(k)
        top = self._top(*map(value, shapes))
        return self._serve(self._logsf, k, shapes, (k >= 0) & (k < top), np.where(k >= top, -np.inf, 0.0))


class _Poisson(_Discrete):
    """The Poisson distribution, ``mu``."""

    def _valid(self, mu):
        return mu >= 0

    def _logpmf(self, k, mu):
        return special.xlogy(k, mu) - mu - special.gammaln(k + 1.0)

    def _logcdf(self, k, mu):
        return np.log(special.gammaincc(k + 1.0, mu))

    def _logsf(self, k, mu):
        return np.log(special.gammainc(k + 1.0, mu))


class _Binom(_Discrete):
    """The binomial distribution, ``n`` and ``p``."""

    shapes = 2

    def _valid(self, n, p):
        return (n >= 0) & (n == np.floor(n)) & (p >= 0) & (p <= 1)

    def _top(self, n, p):
        return n

    def _logpmf(self, k, n, p):
        choose = -special.betaln(value(n) - k + 1.0, k + 1.0) - np.log(value(n) + 1.0)
        return choose + special.xlogy(k, p) + special.xlog1py(value(n) - k, -p)

    def _logcdf(self, k, n, p):
        return np.log(special.betaincc(k + 1.0, value(n) - k, p))

    def _logsf(self, k, n, p):
        return np.log(special.betainc(k + 1.0, value(n) - k, p))


class _Nbinom(_Discrete):
    """The negative binomial distribution, ``n`` and ``p``."""

    shapes = 2

    def _valid(self, n, p):
        return (n > 0) & (p > 0) & (p <= 1)

    def _logpmf(self, k, n, p):
        choose = special.gammaln(n + k) - special.gammaln(n) - special.gammaln(k + 1.0)
        return choose + special.xlogy(n, p) + special.xlog1py(k, -p)

    def _logcdf(self, k, n, p):
        return np.log(special.betainc(n, k + 1.0, p))

    def _logsf(self, k, n, p):
        return np.log(special.betaincc(n, k + 1.0, p))


class _MultivariateNormal:
    """The multivariate normal distribution."""

    def logpdf(self, x, mean=None, cov=1):
        """Log of the density at ``x`` of shape (…, n), with mean (n,) and covariance (n, n), (n,) or a number."""
        x, cov = _number(x), _number(cov)
        # As in SciPy, numbers for mean and covariance mean one variable.
        n = np.size(mean) if mean is not None else np.shape(cov)[0] if np.ndim(cov) == 2 else 1
        mean = np.zeros(n) if mean is None else _number(mean)
        if np.ndim(cov) < 2:
            cov = cov * np.eye(n)
        gap = x - mean
        if n == 1 and (np.ndim(gap) == 0 or np.shape(gap)[-1] != 1):
            gap = gap[..., None] if np.ndim(gap) else np.reshape(gap, (1,))
        lower = np.linalg.cholesky(cov)
        rows = np.reshape(gap, (-1, n))
        white = np.linalg.solve(lower, np.transpose(rows))
        out = -0.5 * np.sum(white * white, 0) - np.sum(np.log(np.diagonal(lower))) - 0.5 * n * _LOG_2PI
        return _tidy(np.reshape(out, np.shape(gap)[:-1]))

    def pdf(self, x, mean=None, cov=1):
        """The density at ``x``."""
        return np.exp(self.logpdf(x, mean, cov))


norm, t, cauchy, laplace, logistic = _Norm(), _T(), _Cauchy(), _Laplace(), _Logistic()
lognorm, gamma, invgamma, beta = _Lognorm(), _Gamma(), _Invgamma(), _Beta()
expon, weibull_min = _Expon(), _WeibullMin()
poisson, binom, nbinom = _Poisson(), _Binom(), _Nbinom()
multivariate_normal = _MultivariateNormal()
