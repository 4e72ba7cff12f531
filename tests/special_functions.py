"""The exact functions behind the rows of `dualdiff.scipy_rules`, in mpmath, and the points where they are swept."""

import functools
import math
import zlib

import mpmath as mp
import numpy as np

from dualdiff import scipy_rules

DIGITS = 30
# name -> (function in mpmath, parameters, (low, high) of the variable …); a range that starts above 0 and spans more
# than two powers of ten is sampled evenly in the exponent.
TINY, WIDE = (1e-8, 1.0), (-6.0, 6.0)


def _ndtr(x):
    return mp.erfc(-x/mp.sqrt(2))/2


class Closed:
    """A function given by its derivatives: ``derivatives(*arguments)`` are those of orders 0 to 3."""

    def __init__(self, derivatives):
        self.derivatives = derivatives


def _inverse(function, scipy):
    """The inverse of a function by Newton steps from SciPy's value, and its derivatives from those of the function."""

    def derivatives(*arguments):
        *given, x = arguments
        y = mp.mpf(float(scipy(*map(float, arguments))))
        for _ in range(2):
            f = [c*math.factorial(k) for k, c in enumerate(mp.taylor(lambda t: function(*given, t), y, 3, chop=False))]
            y -= (f[0] - x)/f[1]
        return y, 1/f[1], -f[2]/f[1]**3, (3*f[2]**2 - f[1]*f[3])/f[1]**5

    return Closed(derivatives)


def _k(v, x, k, scaled):
    """The derivative of order k of K, scaled or not, by the trapezoidal rule on its integral over cosh."""
    step, total = min(mp.mpf(1)/24, 1/(2*mp.sqrt(x))), mp.mpf(0)
    for i in range(1000):
        t = i*step
        c = mp.cosh(t)
        term = mp.exp(x*(1 - c))*mp.cosh(v*t)*((1 - c) if scaled else -c)**k
        total += term if i else term/2
        if i > 20 and abs(term) < mp.mpf(10)**-40*abs(total):
            break
    return step*total*(1 if scaled else mp.exp(-x))


def _bessel_k(scaled=False, order=None):
    if order is None:
        return Closed(lambda v, x: [_k(v, x, k, scaled) for k in range(4)])
    return Closed(lambda x: [_k(order, x, k, scaled) for k in range(4)])


def _gammainc(a, x):
    return mp.gammainc(a, 0, x, regularized=True)


def _gammaincc(a, x):
    return mp.gammainc(a, x, regularized=True)


def _betainc(a, b, x):
    return mp.betainc(a, b, 0, x, regularized=True)


def _betaincc(a, b, x):
    return mp.betainc(a, b, x, 1, regularized=True)


def _t_density(v, x):
    return mp.gamma((v + 1)/2)/mp.sqrt(v*mp.pi)/mp.gamma(v/2)*(1 + x*x/v)**(-(v + 1)/2)


def _stdtr(v, x):
    half = mp.betainc(v/2, mp.mpf(1)/2, 0, v/(v + x*x), regularized=True)/2
    return half if x < 0 else 1 - half


def _boxcox(x, y):
    return (x**y - 1)/y if y else mp.log(x)


def _degrees(function):
    return lambda x: function(x*mp.pi/180)


def _exprel(x):
    return mp.expm1(x)/x if x else mp.mpf(1)


def _sigmoid(x):
    return 1/(1 + mp.exp(-x))


def _spence(x):
    return mp.re(mp.polylog(2, 1 - x))


ERF = ((-5.0, 5.0), (-30.0, 25.0), TINY)
ALL = ((-3.0, 3.0), (-30.0, 30.0), TINY)
POSITIVE = ((1e-6, 1e4), (0.5, 4.0))
UNIT = ((1e-8, 1.0), (0.01, 0.99), (0.9, 0.999999))

UNARY = {
    "erf": (mp.erf, [()], ((-5.0, 5.0), (-25.0, 25.0), TINY)),
    "erfc": (mp.erfc, [()], ((-5.0, 5.0), (-6.0, 26.0), TINY)),
    "erfcx": (lambda x: mp.exp(x*x)*mp.erfc(x), [()], ((-5.0, 5.0), (-25.0, 50.0), (1.0, 1e5))),
    "erfi": (mp.erfi, [()], ((-5.0, 5.0), (-26.0, 26.0), TINY)),
    "erfinv": (mp.erfinv, [()], ((-0.999, 0.999), (0.999, 0.9999999), TINY)),
    "erfcinv": (lambda x: mp.erfinv(1 - x) if x > 1e-10 else None, [()], ((1e-9, 1.9), (0.5, 1.5))),
    "dawsn": (lambda x: mp.sqrt(mp.pi)/2*mp.exp(-x*x)*mp.erfi(x), [()], ((-3.0, 3.0), (-9.0, 9.0), (7.0, 50.0), TINY)),
    "ndtr": (_ndtr, [()], ((-5.0, 5.0), (-37.0, 8.0), TINY)),
    "log_ndtr": (lambda x: mp.log(_ndtr(x)), [()], ((-5.0, 5.0), (-50.0, 30.0), TINY)),
    "ndtri": (lambda x: mp.sqrt(2)*mp.erfinv(2*x - 1), [()], ((1e-9, 0.5), (0.1, 0.9), (0.9, 0.9999))),
    "ndtri_exp": (lambda x: mp.sqrt(2)*mp.erfinv(2*mp.exp(x) - 1), [()], ((-20.0, -1.0), (-2.0, -0.1))),
    "gamma": (mp.gamma, [()], ((-9.9, 10.0), (1e-5, 150.0), (1.0, 4.0))),
    "gammaln": (lambda x: mp.re(mp.loggamma(x)), [()], ((-9.9, 10.0), (1e-6, 1e8), (1.0, 4.0))),
    "loggamma": (mp.loggamma, [()], ((1e-6, 1e8), (1.0, 4.0))),
    "psi": (lambda x: mp.psi(0, x), [()], ((-9.9, 10.0), (1e-6, 1e8), (1.0, 4.0))),
    "polygamma": (lambda n, x: mp.psi(int(n), x), [(0,), (1,), (4,)], ((1e-4, 1e4), (1.0, 10.0))),
    "rgamma": (mp.rgamma, [()], ((-9.9, 10.0), (1e-5, 150.0), (-1e-3, 1e-3))),
    "zeta": (mp.zeta, [(1.5,), (3.0,)], ((1e-3, 1e4), (0.5, 4.0))),
    "gammainc": (_gammainc, [(0.5,), (3.0,), (40.0,)], ((1e-3, 100.0), (1.0, 50.0))),
    "gammaincc": (_gammaincc, [(0.5,), (3.0,), (40.0,)], ((1.0, 100.0), (1.0, 50.0))),
    "gamma_density": (lambda a, x: x**(a - 1)*mp.exp(-x)/mp.gamma(a), [(0.5,), (3.0,), (30.0,), (200.0,)],
                      ((1.0, 100.0), (1.0, 50.0), (150.0, 250.0))),
    "betainc": (_betainc, [(0.5, 2.0), (3.0, 4.5), (40.0, 60.0)], ((0.01, 0.99),)),
    "betaincc": (_betaincc, [(0.5, 2.0), (3.0, 4.5), (40.0, 60.0)], ((0.01, 0.99),)),
    "beta_density": (lambda a, b, x: x**(a - 1)*(1 - x)**(b - 1)/mp.beta(a, b), [(0.5, 2.0), (3.0, 4.5), (40.0, 60.0)],
                     ((0.01, 0.99),)),
    "t_density": (_t_density, [(1.0,), (4.5,), (300.0,)], ((-5.0, 5.0), (1.0, 1e3))),
    "stdtr": (_stdtr, [(1.0,), (4.5,), (100.0,)], ((-5.0, 5.0), (1.0, 30.0))),
    "chdtr": (lambda v, x: _gammainc(v/2, x/2), [(1.0,), (6.5,)], ((1e-2, 30.0),)),
    "chdtrc": (lambda v, x: _gammaincc(v/2, x/2), [(1.0,), (6.5,)], ((1e-2, 30.0),)),
    "pdtr": (lambda k, x: _gammaincc(k + 1, x), [(0.0,), (6.0,)], ((1e-2, 30.0),)),
    "pdtrc": (lambda k, x: _gammainc(k + 1, x), [(0.0,), (6.0,)], ((1e-2, 30.0),)),
    "expit": (_sigmoid, [()], ALL),
    "log_expit": (lambda x: mp.log(_sigmoid(x)), [()], ALL),
    "logit": (lambda x: mp.log(x/(1 - x)), [()], UNIT),
    "entr": (lambda x: -x*mp.log(x), [()], POSITIVE),
    "log1p": (mp.log1p, [()], ((-0.9, 10.0), TINY)),
    "expm1": (mp.expm1, [()], ALL),
    "exp2": (lambda x: mp.mpf(2)**x, [()], ALL),
    "exp10": (lambda x: mp.mpf(10)**x, [()], ALL),
    "cbrt": (lambda x: mp.sign(x)*mp.cbrt(abs(x)), [()], ((0.1, 30.0), (-30.0, -0.1))),
    "cosm1": (lambda x: mp.cos(x) - 1, [()], ALL),
    "sindg": (_degrees(mp.sin), [()], ((-400.0, 400.0), TINY)),
    "cosdg": (_degrees(mp.cos), [()], ((-400.0, 400.0), TINY)),
    "tandg": (_degrees(mp.tan), [()], ((-85.0, 85.0), TINY)),
    "cotdg": (_degrees(mp.cot), [()], ((5.0, 175.0),)),
    "exprel": (_exprel, [()], ((-3.0, 3.0), (-100.0, 300.0), TINY)),
    "spence": (_spence, [()], ((1e-4, 100.0), (0.6, 1.4))),
    "lambertw": (lambda x, k: mp.re(mp.lambertw(x, int(k))), [(0,), (-1,)],
                 ((-0.36, -1e-3), (1e-3, 1e3), (1e-9, 1e-3))),
    "wrightomega": (lambda x: mp.re(mp.lambertw(mp.exp(x))), [()], ((-30.0, 30.0), (-3.0, 3.0))),
    "inv_boxcox": (lambda x, k: (1 + k*x)**(1/k), [(0.5,), (2.0,), (-0.3,)], ((0.01, 3.0),)),
    "inv_boxcox1p": (lambda x, k: (1 + k*x)**(1/k) - 1, [(0.5,), (2.0,), (-0.3,)], ((0.01, 3.0),)),
    "exp1": (mp.e1, [()], ((1e-6, 500.0), (0.5, 4.0))),
    "expi": (mp.ei, [()], ((1e-6, 500.0), (-30.0, -0.1), (0.5, 3.0))),
    "expn": (lambda n, x: mp.expint(int(n), x), [(0,), (1,), (2,), (5,)], ((1e-3, 100.0),)),
    "_si": (mp.si, [()], ((-3.0, 3.0), (-50.0, 50.0), TINY)),
    "_ci": (mp.ci, [()], ((1e-6, 50.0), (1.0, 10.0))),
    "_shi": (mp.shi, [()], ((-3.0, 3.0), (-50.0, 50.0), TINY)),
    "_chi": (mp.chi, [()], ((1e-6, 50.0), (1.0, 10.0))),
    "_fresnels": (mp.fresnels, [()], (WIDE, TINY)),
    "_fresnelc": (mp.fresnelc, [()], (WIDE, TINY)),
    "j0": (lambda x: mp.besselj(0, x), [()], ((-5.0, 5.0), (-50.0, 50.0), TINY)),
    "j1": (lambda x: mp.besselj(1, x), [()], ((-5.0, 5.0), (-50.0, 50.0), TINY)),
    "jv": (mp.besselj, [(0.5,), (2,), (3.3,)], ((1e-2, 5.0), (5.0, 50.0))),
    "y0": (lambda x: mp.bessely(0, x), [()], ((1e-4, 5.0), (5.0, 50.0))),
    "y1": (lambda x: mp.bessely(1, x), [()], ((1e-4, 5.0), (5.0, 50.0))),
    "yn": (mp.bessely, [(0,), (3,)], ((1e-2, 5.0), (5.0, 50.0))),
    "yv": (mp.bessely, [(0.5,), (3.3,)], ((1e-2, 5.0), (5.0, 50.0))),
    "i0": (lambda x: mp.besseli(0, x), [()], ALL),
    "i1": (lambda x: mp.besseli(1, x), [()], ALL),
    "i0e": (lambda x: mp.exp(-abs(x))*mp.besseli(0, x), [()], ((0.01, 5.0), (-30.0, -0.1), (5.0, 50.0), (1e2, 1e3))),
    "i1e": (lambda x: mp.exp(-abs(x))*mp.besseli(1, x), [()], ((0.01, 5.0), (-30.0, -0.1), (5.0, 50.0), (1e2, 1e3))),
    "iv": (mp.besseli, [(0.5,), (2,), (3.3,)], ((1e-2, 5.0), (5.0, 50.0))),
    "ive": (lambda v, x: mp.exp(-abs(x))*mp.besseli(v, x), [(0.5,), (2,), (3.3,)], ((1e-2, 5.0), (5.0, 50.0))),
    "k0": (_bessel_k(order=0), [()], ((1e-4, 5.0), (5.0, 50.0))),
    "k1": (_bessel_k(order=1), [()], ((1e-4, 5.0), (5.0, 50.0))),
    "k0e": (_bessel_k(True, 0), [()], ((1e-4, 5.0), (5.0, 50.0), (1e2, 1e3))),
    "k1e": (_bessel_k(True, 1), [()], ((1e-4, 5.0), (5.0, 50.0), (1e2, 1e3))),
    "kn": (_bessel_k(), [(0,), (3,)], ((1e-2, 5.0), (5.0, 50.0))),
    "kv": (_bessel_k(), [(0.5,), (3.3,)], ((1e-2, 5.0), (5.0, 50.0))),
    "kve": (_bessel_k(True), [(0.5,), (3.3,)], ((1e-2, 5.0), (5.0, 50.0))),
    "_ai": (mp.airyai, [()], ((-10.0, 10.0), (-2.0, 2.0))),
    "_aip": (lambda x: mp.airyai(x, derivative=1), [()], ((-10.0, 10.0), (-2.0, 2.0))),
    "_bi": (mp.airybi, [()], ((-10.0, 10.0), (-2.0, 2.0))),
    "_bip": (lambda x: mp.airybi(x, derivative=1), [()], ((-10.0, 10.0), (-2.0, 2.0))),
    "hyp0f1": (mp.hyp0f1, [(1.5,), (3.0,)], ((-3.0, 3.0), (0.1, 50.0))),
    "hyp1f1": (mp.hyp1f1, [(0.5, 1.5), (2.0, 3.5)], ((-3.0, 3.0), (0.1, 50.0))),
    "hyp2f1": (mp.hyp2f1, [(0.5, 1.0, 1.5), (2.0, -0.5, 3.5)], ((-0.9, 0.9), (-5.0, -1.0))),
    "hyperu": (mp.hyperu, [(0.5, 1.5), (2.0, 0.7)], ((0.1, 20.0),)),
    "ellipk": (mp.ellipk, [()], ((-2.0, 0.9), (1e-8, 0.3), (0.9, 0.9999), (-100.0, -1.0))),
    "ellipkm1": (lambda x: mp.ellipk(1 - x), [()], ((1e-8, 1.0), (0.5, 1.5), (1.0, 100.0))),
    "ellipe": (mp.ellipe, [()], ((-2.0, 0.9), (1e-8, 0.3), (0.9, 0.9999), (-100.0, -1.0))),
    "ellipkinc": (lambda x, m: mp.ellipf(x, m), [(0.3,), (-2.0,)], ((-1.5, 1.5), (1e-6, 1.0))),
    "ellipeinc": (lambda x, m: mp.ellipe(x, m), [(0.3,), (-2.0,)], ((-1.5, 1.5), (1e-6, 1.0))),
    "eval_legendre": (lambda n, x: mp.legendre(n, x), [(0,), (1,), (5,)], ((-1.0, 1.0), (-3.0, 3.0))),
    "eval_chebyt": (lambda n, x: mp.chebyt(n, x), [(0,), (1,), (5,)], ((-1.0, 1.0), (-3.0, 3.0))),
    "eval_chebyu": (lambda n, x: mp.chebyu(n, x), [(0,), (1,), (5,)], ((-1.0, 1.0), (-3.0, 3.0))),
    "eval_gegenbauer": (mp.gegenbauer, [(0, 1.5), (1, 0.7), (5, 0.7)], ((-1.0, 1.0), (-3.0, 3.0))),
    "eval_jacobi": (mp.jacobi, [(0, 1.5, 0.5), (1, 0.7, 0.2), (5, 0.7, 0.2)], ((-1.0, 1.0), (-3.0, 3.0))),
    "eval_laguerre": (lambda n, x: mp.laguerre(n, 0, x), [(0,), (1,), (5,)], ((-1.0, 10.0),)),
    "eval_genlaguerre": (mp.laguerre, [(0, 0.5), (1, 0.5), (5, 0.5)], ((-1.0, 10.0),)),
    "eval_hermite": (mp.hermite, [(0,), (1,), (5,)], ((-3.0, 3.0),)),
    "eval_hermitenorm": (lambda n, x: mp.hermite(n, x/mp.sqrt(2))/mp.sqrt(2)**n, [(0,), (1,), (5,)], ((-3.0, 3.0),)),
}
UNARY["gammaincinv"] = _inverse(_gammainc, scipy_rules.special.gammaincinv), [(0.5,), (3.0,), (40.0,)], ((0.01, 0.99),)
UNARY["gammainccinv"] = (_inverse(_gammaincc, scipy_rules.special.gammainccinv), [(0.5,), (3.0,), (40.0,)],
                         ((0.01, 0.99),))
UNARY["betaincinv"] = _inverse(_betainc, scipy_rules.special.betaincinv), [(0.5, 2.0), (3.0, 4.5)], ((0.01, 0.99),)
UNARY["betainccinv"] = _inverse(_betaincc, scipy_rules.special.betainccinv), [(0.5, 2.0), (3.0, 4.5)], ((0.01, 0.99),)
UNARY["stdtrit"] = _inverse(_stdtr, scipy_rules.special.stdtrit), [(1.0,), (4.5,)], ((0.01, 0.49), (0.51, 0.99))


def _psi_step(k):
    return lambda x, y: mp.psi(k, x + y) - mp.psi(k, x)


QUADRANT = (((1e-3, 1e3), (1e-3, 1e3)), ((0.5, 5.0), (0.5, 5.0)), ((1e3, 1e6), (1e-3, 1.0)))
# Functions of two variables: pairs of ranges
BINARY = {
    "psi_step": (_psi_step(0), QUADRANT),
    "trigamma_step": (_psi_step(1), QUADRANT),
    "beta": (mp.beta, (((1e-2, 50.0), (1e-2, 50.0)), ((0.5, 5.0), (0.5, 5.0)))),
    "betaln": (lambda x, y: mp.loggamma(x) + mp.loggamma(y) - mp.loggamma(x + y), QUADRANT),
    "binom": (mp.binomial, (((5.0, 50.0), (0.1, 5.0)), ((10.0, 11.0), (4.0, 6.0)))),
    "poch": (mp.rf, (((0.1, 30.0), (0.1, 10.0)),)),
    "xlogy": (lambda x, y: x*mp.log(y), (((-3.0, 3.0), (1e-3, 1e3)),)),
    "xlog1py": (lambda x, y: x*mp.log1p(y), (((-3.0, 3.0), (-0.9, 10.0)), ((-3.0, 3.0), (1e-8, 1e-3)))),
    "rel_entr": (lambda x, y: x*mp.log(x/y), (((1e-3, 1e3), (1e-3, 1e3)), ((1.0, 1.1), (1.0, 1.1)))),
    "kl_div": (lambda x, y: x*mp.log(x/y) - x + y, (((1e-3, 1e3), (1e-3, 1e3)), ((1.0, 1.1), (1.0, 1.1)))),
    "powm1": (lambda x, y: x**y - 1, (((0.01, 10.0), (-3.0, 3.0)),)),
    "boxcox": (_boxcox, (((0.01, 10.0), (-3.0, 3.0)), ((0.01, 10.0), (1e-6, 1e-3)))),
    "boxcox1p": (lambda x, y: _boxcox(1 + x, y), (((-0.9, 10.0), (-3.0, 3.0)), ((1e-6, 10.0), (1e-6, 1e-3)))),
    "huber": (lambda d, r: r*r/2 if abs(r) <= d else d*(abs(r) - d/2), (((0.5, 3.0), (-5.0, 5.0)),)),
    "pseudo_huber": (lambda d, r: d*d*(mp.sqrt(1 + (r/d)**2) - 1), (((0.5, 3.0), (-5.0, 5.0)),)),
}


def _sample(rng, low, high, n):
    if low > 0.0 and high/low >= 100.0:
        return np.exp(rng.uniform(math.log(low), math.log(high), n))
    return rng.uniform(low, high, n)


def _generator(name):
    return np.random.default_rng(zlib.crc32(name.encode()))


SLOW = ("y0", "y1", "yn", "yv", "hyp2f1", "stdtrit", "gammainccinv", "ellipeinc")


def cases(name, n=6):
    """Every parameter set of a function of one variable with its points."""
    _, parameters, ranges = UNARY[name]
    rng = _generator(name)
    n = 2 if name in SLOW else n
    for given in parameters:
        x = np.concatenate([_sample(rng, low, high, n) for low, high in ranges])
        if name == "lambertw" and given == (-1,):
            x = -np.abs(x[np.abs(x) < 0.367])
        if name == "zeta" or not len(x):
            x = np.abs(x)
        yield given, x


def call(name, function, given, x):
    """Call a function with SciPy's order of arguments."""
    supply, names = iter(given), scipy_rules.FUNCTIONS[name].names
    return function(*(x if one == "x" else next(supply) for one in names))


@functools.cache
def exact(name, given, x):
    """Derivatives 0 to 3 of a function of one variable."""
    function = UNARY[name][0]
    parameters = [mp.mpf(one) for one in given]
    with mp.workdps(DIGITS):
        if isinstance(function, Closed):
            return call(name, function.derivatives, parameters, mp.mpf(x))
        series = mp.taylor(lambda t: call(name, function, parameters, t), mp.mpf(x), 3, chop=False)
        return [c*math.factorial(k) for k, c in enumerate(series)]


def points2(name, n=6):
    """Pairs of a function of two variables."""
    rng = _generator(name)
    pairs = [[_sample(rng, *one, n) for one in ranges] for ranges in BINARY[name][1]]
    return [np.concatenate([pair[i] for pair in pairs]) for i in (0, 1)]


@functools.cache
def exact2(name, x, y):
    """fx, fy, fxx, fxy, fyy and the magnitudes that stand for 1 in their errors."""
    function = BINARY[name][0]
    with mp.workdps(DIGITS):
        orders = ((1, 0), (0, 1), (2, 0), (1, 1), (0, 2))
        figures = [mp.diff(function, (mp.mpf(x), mp.mpf(y)), order) for order in orders]
        fx, fy, fxx, fxy, fyy = figures
        sizes = [abs(fx) + abs(x*fxx) + abs(y*fxy), abs(fy) + abs(y*fyy) + abs(x*fxy), abs(fxx) + abs(fx/x),
                 abs(fxy) + abs(fx/y) + abs(fy/x), abs(fyy) + abs(fy/y)]
        return figures, sizes
