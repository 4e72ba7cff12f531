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

def _airy(derivative, second, scaled):
    """Airy functions on the half-line where the scaled ones are real; Bi without scaling left of 0."""

    def function(x):
        z = mp.airybi(x, derivative=derivative) if second else mp.airyai(x, derivative=derivative)
        zeta = mp.mpf(2)/3*x*mp.sqrt(x) if x > 0 else 0
        return z*mp.exp(-zeta if second else zeta) if scaled else z

    return function


def _integral(function, low, sign=1):
    """An integral by its integrand, which sits at orders 1 to 3; SciPy's value is none of our business."""

    def derivatives(*arguments):
        *given, x = arguments
        f = [c*math.factorial(k) for k, c in enumerate(mp.taylor(lambda t: function(*given, t), x, 2, chop=False))]
        return [mp.nan, *(sign*one for one in f)]

    return Closed(derivatives)


def _kelvin(part, shift, second):
    """Kelvin functions and their derivatives: Bessel functions on the ray of angle pi/4 or 3 pi/4 (10.61)."""
    root = mp.expjpi(mp.mpf(1)/4)

    def derivatives(x):
        with mp.workdps(DIGITS + 15):
            if second:
                step, z = mp.mpf(1)/40, root*x
                nodes = [(i*step, mp.cosh(i*step)) for i in range(400)]
                nodes = [(t, c, mp.exp(-z*c)) for t, c in nodes if c*x < 90*max(x, 1)]
                return [part(step*sum(((-root*c)**k*e)/(1 if t else 2) for t, c, e in nodes))
                        for k in range(shift, shift + 4)]
            u, total = 1j*x*x/4, []
            terms = [u**n/mp.factorial(n)**2 for n in range(90)]
            for k in range(shift, shift + 4):
                total.append(part(sum(term*mp.ff(2*n, k)/x**k for n, term in enumerate(terms) if 2*n >= k)))
            return total

    return Closed(derivatives)


def _wofz(n, z):
    w = lambda t: mp.exp(-t*t)*mp.erfc(-1j*t)
    return mp.diff(w, z, int(n)) if n else w(z)


def _modfresnel(sign):
    return lambda x: _wofz(0, mp.expjpi(mp.mpf(sign if sign > 0 else 3)/4)*x)/2


def _kolmogorov(x):
    return 2*mp.nsum(lambda k: (-1)**(int(k) - 1)*mp.exp(-2*k*k*x*x), [1, 60], method="d")


def _smirnov(n, x):
    """One polynomial on either side of its knots: the number of terms is that at the point."""
    n = int(n)
    last = int(mp.floor(n*(1 - mp.re(x))))
    return sum(mp.binomial(n, j)*x*(x + mp.mpf(j)/n)**(j - 1)*(1 - x - mp.mpf(j)/n)**(n - j) for j in range(last + 1))


def _inverse(function, scipy):
    """The inverse of a function by Newton steps from SciPy's value, and its derivatives from those of the function."""

    def derivatives(*arguments):
        *given, x = arguments
        y = mp.mpf(float(scipy(*map(float, arguments))))
        for _ in range(3):
            f = [c*math.factorial(k) for k, c in enumerate(mp.taylor(lambda t: function(*given, t), y, 3, chop=False))]
            y -= (f[0] - x)/f[1]
        return y, 1/f[1], -f[2]/f[1]**3, (3*f[2]**2 - f[1]*f[3])/f[1]**5

    return Closed(derivatives)


def _wright(a, b, x):
    return mp.nsum(lambda k: x**k/mp.factorial(k)*mp.rgamma(a*k + b), [0, 400], method="d")


def _power(v, x):
    return (x/2)**v/mp.sqrt(mp.pi)*mp.rgamma(v + mp.mpf(3)/2)


HALF = ((0.05, 8.0), (8.0, 40.0))
UNARY |= {
    "_modfresnelp_0": (lambda x: mp.sqrt(mp.pi)/2*mp.expjpi(mp.mpf(1)/4)*mp.erfc(mp.expjpi(-mp.mpf(1)/4)*x), [()],
                       ((-4.0, 4.0),)),
    "_modfresnelm_0": (lambda x: mp.sqrt(mp.pi)/2*mp.expjpi(-mp.mpf(1)/4)*mp.erfc(mp.expjpi(mp.mpf(1)/4)*x), [()],
                       ((-4.0, 4.0),)),
    "_modfresnelp_1": (_modfresnel(1), [()], ((-2.0, 4.0), (8.0, 40.0))),
    "_modfresnelm_1": (_modfresnel(-1), [()], ((-2.0, 4.0), (8.0, 40.0))),
    "wofz": (lambda x: _wofz(0, x), [()], ((-7.9, 7.9), (-40.0, 40.0))),
    "_wofz": (_wofz, [(1,), (2,)], ((-7.9, 7.9), (-40.0, 40.0))),
    **{f"_airye_{i}": (_airy(i % 2, i > 1, True), [()],
                        ((0.1, 9.9), (10.0, 200.0), *([(-8.0, -0.1)] if i > 1 else [])))
       for i in range(4)},
    **{f"_itairy_{i}": (_integral((lambda f, s: lambda x: f(s*x))(mp.airyai if i % 2 == 0 else mp.airybi,
                                                                  -1 if i > 1 else 1), 0), [()], ((-5.0, 5.0),))
       for i in range(4)},
    "_itj0y0_0": (_integral(lambda x: mp.besselj(0, x), 0), [()], HALF),
    "_itj0y0_1": (_integral(lambda x: mp.bessely(0, x), 0), [()], HALF),
    "_iti0k0_0": (_integral(lambda x: mp.besseli(0, x), 0), [()], HALF),
    "_iti0k0_1": (_integral(lambda x: mp.besselk(0, x), 0), [()], HALF),
    "_it2j0y0_0": (_integral(lambda x: (1 - mp.besselj(0, x))/x, 0), [()], (*HALF, TINY)),
    "_it2j0y0_1": (_integral(lambda x: -mp.bessely(0, x)/x, 0), [()], HALF),
    "_it2i0k0_0": (_integral(lambda x: (mp.besseli(0, x) - 1)/x, 0), [()], (*HALF, TINY)),
    "_it2i0k0_1": (_integral(lambda x: -mp.besselk(0, x)/x, 0), [()], HALF),
    "jve": (mp.besselj, [(0.5,), (2,), (3.3,)], ((1e-2, 5.0), (5.0, 50.0))),
    "yve": (mp.bessely, [(0.5,), (3.3,)], ((1e-2, 5.0), (5.0, 50.0))),
    "hankel1": (mp.hankel1, [(0.5,), (3.3,)], ((1e-1, 5.0), (5.0, 50.0))),
    "hankel2": (mp.hankel2, [(0.5,), (3.3,)], ((1e-1, 5.0), (5.0, 50.0))),
    "hankel1e": (lambda v, x: mp.hankel1(v, x)*mp.exp(-1j*x), [(0.5,), (3.3,)], ((1e-1, 5.0), (5.0, 50.0))),
    "hankel2e": (lambda v, x: mp.hankel2(v, x)*mp.exp(1j*x), [(0.5,), (3.3,)], ((1e-1, 5.0), (5.0, 50.0))),
    **{name: (_kelvin(part, shift, second), [()], ((0.05, 8.0), (8.0, 20.0)))
       for second, letters in ((False, "be"), (True, "ke")) for shift, prime in ((0, ""), (1, "p"))
       for name, part in ((f"{letters}r{prime}", mp.re), (f"{letters}i{prime}", mp.im),
                          (f"_kelvin_{2*shift + second}", lambda z: z))},
    "struve": (mp.struveh, [(0.5,), (2,), (3.3,), (-0.7,)], ((1e-2, 5.0), (5.0, 40.0))),
    "modstruve": (mp.struvel, [(0.5,), (2,), (3.3,)], ((1e-2, 5.0), (5.0, 40.0))),
    "_struve_power": (_power, [(0.5,), (2,), (3.3,)], ((1e-2, 50.0),)),
    "_struve_slope": (lambda v, x: v/x*_power(v, x), [(0.5,), (2,), (3.3,)], ((1e-2, 50.0),)),
    "itstruve0": (_integral(lambda x: mp.struveh(0, x), 0), [()], ((0.1, 25.0),)),
    "itmodstruve0": (_integral(lambda x: mp.struvel(0, x), 0), [()], ((0.1, 25.0),)),
    "it2struve0": (_integral(lambda x: -mp.struveh(0, x)/x, 0), [()], ((0.1, 25.0), TINY)),
    "besselpoly": (Closed(lambda x, lmb, nu: [mp.nan, *(mp.quad(
        lambda t, k=k: t**(lmb + k)*2**k*mp.besselj(nu, 2*x*t, k), [0, 0.5, 1]) for k in (1, 2, 3))]),
        [(1.0, 2.0), (0.5, 0.5), (2.0, 0.0)], ((0.1, 5.0),)),
    "wright_bessel": (_wright, [(1.5, 0.7), (0.5, 2.0)], ((0.01, 5.0),)),
    "log_wright_bessel": (lambda a, b, x: mp.log(_wright(a, b, x)), [(1.5, 0.7), (0.5, 2.0)], ((0.01, 5.0),)),
    "kolmogorov": (_kolmogorov, [()], ((0.2, 3.0),)),
    "kolmogi": (_inverse(_kolmogorov, scipy_rules.special.kolmogi), [()], ((1e-6, 0.99),)),
    "_kolmogorov": (lambda n, x: mp.diff(_kolmogorov, x, int(n)), [(1,), (2,)], ((0.2, 3.0),)),
    "smirnov": (_smirnov, [(3,), (12,), (150,)], ((0.02, 0.4),)),
    "smirnovi": (_inverse(_smirnov, scipy_rules.special.smirnovi), [(3,), (12,)], ((0.05, 0.9),)),
    "_smirnov": (lambda r, n, x: mp.diff(lambda t: _smirnov(n, t), x, int(r)), [(1, 3), (1, 12)], ((0.02, 0.4),)),
    "eval_chebyc": (lambda n, x: 2*mp.chebyt(n, x/2), [(0,), (1,), (5,)], ((-3.0, 3.0),)),
    "eval_chebys": (lambda n, x: mp.chebyu(n, x/2), [(0,), (1,), (5,)], ((-3.0, 3.0),)),
    "eval_sh_chebyt": (lambda n, x: mp.chebyt(n, 2*x - 1), [(0,), (1,), (5,)], ((0.0, 1.0),)),
    "eval_sh_chebyu": (lambda n, x: mp.chebyu(n, 2*x - 1), [(0,), (1,), (5,)], ((0.0, 1.0),)),
    "eval_sh_legendre": (lambda n, x: mp.legendre(n, 2*x - 1), [(0,), (1,), (5,)], ((0.0, 1.0),)),
    "eval_sh_jacobi": (lambda n, p, q, x: mp.jacobi(n, p - q, q - 1, 2*x - 1)/mp.binomial(2*n + p - 1, n),
                       [(0, 2.5, 1.2), (1, 2.5, 1.2), (4, 2.5, 1.2)], ((0.05, 0.95),)),
    "lpmv": (lambda m, v, x: mp.re(mp.legenp(v, m, x)), [(0, 2.5), (2, 4.3)], ((-0.95, 0.95),)),
}


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


# -- functions of several arguments ------------------------------------------------------------------------------------


class Implicit:
    """A function that solves ``function(..., y, ...) = p``: SciPy's value, polished by Newton's method."""

    def __init__(self, name, function, place, given):
        self.name, self.function, self.place, self.given = name, function, place, given

    def __call__(self, *arguments):
        plain = (float(mp.re(a)) for a in arguments)
        start = mp.mpf(float(getattr(scipy_rules.special, self.name)(*(int(a) if a == int(a) else a for a in plain))))
        rest = [a for i, a in enumerate(arguments) if i != self.place]
        p = arguments[self.place]
        equation = lambda y: self.function(*self._filled(rest, y)) - p
        y, slope = start, None
        for _ in range(6):
            slope = mp.diff(equation, y) if slope is None else slope
            y -= equation(y)/slope
        return y

    def _filled(self, rest, y):
        return [y if one is None else rest[one] for one in self.given]


def _fdtr(dfn, dfd, x):
    return _betainc(dfn/2, dfd/2, dfn*x/(dfd + dfn*x))


def _bdtr(k, n, p):
    return _betaincc(k + 1, n - k, p)


def _nbdtr(k, n, p):
    return _betainc(n, k + 1, p)


def _ncx2_density(v, c, x):
    return mp.exp(-(x + c)/2)/2*(x/2)**(v/2 - 1)*mp.rgamma(v/2)*mp.hyp0f1(v/2, c*x/4)


def _chndtr(x, df, nc):
    return mp.nsum(lambda j: mp.exp(-nc/2)*(nc/2)**j/mp.factorial(j)*_gammainc(df/2 + j, x/2), [0, 35], method="d")


def _ncfdtr(dfn, dfd, nc, x):
    y = dfn*x/(dfd + dfn*x)
    return mp.nsum(lambda j: mp.exp(-nc/2)*(nc/2)**j/mp.factorial(j)*_betainc(dfn/2 + j, dfd/2, y), [0, 35], method="d")


def _ncbeta(function, a, b, h, y):
    return mp.nsum(lambda j: mp.exp(-h)*h**j/mp.factorial(j)*function(a + j, b, y), [0, 35], method="d")


def _nct_moment(k, v, d, t):
    """By the confluent functions that the integral over the half-line is (13.10.3, 12.5.1)."""
    a, b = (v + t*t)/2, t*d
    n = v + k
    constant = 2*(v/2)**(v/2)/mp.gamma(v/2)/mp.sqrt(2*mp.pi)*mp.exp(-d*d/2)
    even = mp.gamma(n/2)/2*a**(-n/2)*mp.hyp1f1(n/2, mp.mpf(1)/2, b*b/4/a)
    odd = b*mp.gamma((n + 1)/2)/2*a**(-(n + 1)/2)*mp.hyp1f1((n + 1)/2, mp.mpf(3)/2, b*b/4/a)
    return constant*(even + odd)


def _nctdtr(df, nc, t):
    return _ndtr(-nc) + mp.quad(lambda s: _nct_moment(1, df, nc, s), [0, t/2, t])


def _tukey(p, lmbda):
    return (p**lmbda - (1 - p)**lmbda)/lmbda


def _owens_t(h, a):
    return mp.quad(lambda t: mp.exp(-h*h*(1 + t*t)/2)/(1 + t*t), [0, a])/2/mp.pi


def _voigt(x, sigma, gamma):
    z = (x + 1j*gamma)/sigma/mp.sqrt(2)
    bar = (x - 1j*gamma)/sigma/mp.sqrt(2)
    # The real part as an analytic function of the arguments
    w = lambda t: mp.exp(-t*t)*mp.erfc(-1j*t)
    return (w(z) + mp.exp(-bar*bar)*mp.erfc(1j*bar))/2/sigma/mp.sqrt(2*mp.pi)


def _bell(log, orders, arguments, n):
    """Derivatives of a density with respect to its shapes, divided by the density, from those of its logarithm."""
    f = lambda *shapes: mp.exp(log(*shapes, *arguments[n:]) - log(*arguments))
    return mp.diff(f, tuple(arguments[:n]), tuple(map(int, orders))) if any(orders) else mp.mpf(1)


def _log_gamma_density(a, x):
    return (a - 1)*mp.log(x) - x - mp.loggamma(a)


def _log_beta_density(a, b, x):
    return (a - 1)*mp.log(x) + (b - 1)*mp.log(1 - x) - mp.loggamma(a) - mp.loggamma(b) + mp.loggamma(a + b)


def _ellipj(i):
    kinds = ("sn", "cn", "dn")
    if i < 3:
        return lambda u, m: mp.ellipfun(kinds[i], u, m=m)
    return lambda u, m: mp.findroot(lambda t: mp.ellipf(t, m) - u, float(scipy_rules.special.ellipj(
        float(mp.re(u)), float(mp.re(m)))[3]))


def _carlson(r, i, j, k, m, x, y, z, p):
    """The two that mpmath has; other exponents are derivatives of them and of elliprg."""
    return mp.elliprj(x, y, z, p)*2/3 if m else mp.elliprd(x, y, z)*2/3


def _elliptic(i, q, phi, m):
    return 2*mp.diff(lambda t: mp.ellipf(phi, t), m) if i else mp.ellipe(phi, m)


def _spherical(function, factor=1):
    return lambda n, x: mp.sqrt(mp.pi/2/x)*function(n + mp.mpf(1)/2, x)*factor


def _mathieu_value(odd, m, q):
    """The characteristic value, from the matrix of the recurrences."""
    m, size = int(m), 14
    orders = [2*r + (1 if m % 2 else 2 if odd else 0) for r in range(size)]
    matrix = mp.diag([mp.mpf(one)**2 for one in orders])
    for r in range(size - 1):
        matrix[r, r + 1] = matrix[r + 1, r] = q*(mp.sqrt(2) if r == 0 and m % 2 == 0 and not odd else 1)
    if m % 2:
        matrix[0, 0] += -q if odd else q
    place = (m - 1 if odd else m)//2
    # Newton's method on the characteristic polynomial by its three-term recurrence
    def polynomial(value):
        before, now = mp.mpf(1), matrix[0, 0] - value
        for r in range(1, size):
            before, now = now, (matrix[r, r] - value)*now - matrix[r, r - 1]**2*before
        return now
    start = np.linalg.eigvalsh(np.array(matrix.tolist(), dtype=complex).real)[place]
    return mp.findroot(polynomial, mp.mpf(float(start)))


# name -> arguments where rows are held to differences of SciPy's own values, for want of a reference: mpmath has no
# such function, or takes minutes for it. A number is plain; a float in a list is differentiated.
DIFFERENCES = {
    **{f"_mathieu_{kind}_{i}": (2 if kind[0] != "s" else 3, 1.5, [25.0]) for kind in ("cem", "sem") for i in (0, 1)},
    **{f"_mathieu_mod{kind}_{i}": (2, 1.5, [0.7]) for kind in ("cem1", "cem2", "sem1", "sem2") for i in (0, 1)},
    **{f"_{kind}_{i}": (1, 2, 1.5, *([getattr(scipy_rules.special, kind[:3] + "_cv")(1, 2, 1.5)][:"_cv" in kind]),
                        [3.0 if "rad2" in kind else 1.6 if "pro_rad" in kind else 0.4])
       for kind in (a + b for a in ("pro_ang1", "pro_rad1", "pro_rad2", "obl_ang1", "obl_rad1", "obl_rad2")
                    for b in ("", "_cv")) for i in (0, 1)},
    "nctdtrit": ([4.5], [0.7], [0.8]), "nctdtrinc": ([4.5], [0.4], [2.0]), "nctdtridf": (0.9, 0.3, [2.0]),
    "chndtrix": ([0.3], [3.5], [2.0]), "chndtrinc": ([11.0], [3.5], [0.4]), "chndtridf": ([3.0], [0.4], [2.0]),
    "ncfdtrinc": (3.5, 6.0, [0.4], [3.0]),
}

# Inverses that SciPy finds to six digits: name -> (place of the probability, arguments), undone by ncfdtr
UNDONE = {"ncfdtridfn": (0, ([0.5], 6.0, 2.0, 1.6)), "ncfdtridfd": (1, (3.5, [0.5], 2.0, 1.6))}

SHAPE, LEVEL = (0.3, 40.0), (0.05, 0.95)
RF = ((0.1, 5.0), (0.1, 5.0), (0.1, 5.0))
BETWEEN = (0.05, 0.95)
# name -> (function, sets of arguments); an argument is a number, which stays plain, or a range.
MANY = {
    "gammainc": (_gammainc, [((0.05, 3.0), (0.05, 5.0)), ((5.0, 80.0), (5.0, 80.0)), (2.0, (0.01, 30.0))]),
    "gammaincc": (_gammaincc, [((0.05, 3.0), (0.05, 5.0)), ((5.0, 80.0), (5.0, 80.0))]),
    "_gammainc": (lambda n, a, x: mp.diff(lambda t: _gammainc(t, x), a, int(n)), [(1.0, (0.5, 9.0), (0.5, 9.0))]),
    "_gamma_bell": (lambda n, a, x: _bell(_log_gamma_density, (n,), (a, x), 1),
                    [(0.0, (0.5, 9.0), (0.5, 9.0)), (2.0, (0.5, 50.0), (0.5, 50.0))]),
    "gamma_density": (lambda a, x: mp.exp(_log_gamma_density(a, x)),
                      [((0.1, 5.0), (0.1, 9.0)), ((10.0, 500.0), (10.0, 500.0))]),
    "chdtr": (lambda v, x: _gammainc(v/2, x/2), [((0.5, 20.0), (0.5, 30.0))]),
    "chdtrc": (lambda v, x: _gammaincc(v/2, x/2), [((0.5, 20.0), (0.5, 30.0))]),
    "gdtr": (lambda a, b, x: _gammainc(b, a*x), [((0.5, 2.0), (0.5, 20.0), (0.5, 9.0))]),
    "gdtrc": (lambda a, b, x: _gammaincc(b, a*x), [((0.5, 2.0), (0.5, 20.0), (0.5, 9.0))]),
    "pdtr": (lambda k, m: _gammaincc(k + 1, m), [(0.0, (0.01, 30.0)), (6.0, (0.01, 30.0))]),
    "pdtrc": (lambda k, m: _gammainc(k + 1, m), [(0.0, (0.01, 30.0)), (6.0, (0.01, 30.0))]),
    "betainc": (_betainc, [((0.1, 5.0), (0.1, 5.0), LEVEL), ((10.0, 60.0), (10.0, 60.0), LEVEL), (3.0, 4.5, LEVEL)]),
    "betaincc": (_betaincc, [((0.1, 5.0), (0.1, 5.0), LEVEL), ((10.0, 60.0), (10.0, 60.0), LEVEL)]),
    "_betainc": (lambda i, j, a, b, x: mp.diff(lambda s, t: _betainc(s, t, x), (a, b), (int(i), int(j))),
                 [(1.0, 0.0, SHAPE, SHAPE, LEVEL), (1.0, 1.0, SHAPE, SHAPE, LEVEL)]),
    "_beta_bell": (lambda i, j, a, b, x: _bell(_log_beta_density, (i, j), (a, b, x), 2),
                   [(1.0, 0.0, SHAPE, SHAPE, LEVEL), (1.0, 1.0, SHAPE, SHAPE, LEVEL)]),
    "beta_density": (lambda a, b, x: mp.exp(_log_beta_density(a, b, x)),
                     [((0.1, 5.0), (0.1, 5.0), LEVEL), ((10.0, 90.0), (10.0, 90.0), LEVEL),
                      ((0.1, 5.0), (20.0, 300.0), (0.001, 0.1))]),
    "fdtr": (_fdtr, [((1.0, 20.0), (1.0, 20.0), (0.1, 5.0))]),
    "fdtrc": (lambda a, b, x: 1 - _fdtr(a, b, x), [((1.0, 20.0), (1.0, 20.0), (0.1, 5.0))]),
    "stdtr": (lambda v, x: _stdtr(v, x), [((1.0, 100.0), (-5.0, -0.1)), ((1.0, 100.0), (0.1, 30.0))]),
    "t_density": (_t_density, [((1.0, 300.0), (-5.0, 5.0))]),
    "bdtr": (_bdtr, [(3.0, 10, BETWEEN), (0.0, 4, BETWEEN)]),
    "bdtrc": (lambda k, n, p: 1 - _bdtr(k, n, p), [(3.0, 10, BETWEEN), (0.0, 4, BETWEEN)]),
    "nbdtr": (_nbdtr, [(3, 10, BETWEEN), (0, 4, BETWEEN)]),
    "nbdtrc": (lambda k, n, p: 1 - _nbdtr(k, n, p), [(3, 10, BETWEEN), (0, 4, BETWEEN)]),
    "chndtr": (_chndtr, [((1.0, 20.0), (1.0, 9.0), (0.5, 3.0))]),
    "_chndtr": (lambda n, v, c, x: mp.diff(lambda t: _chndtr(x, t, c), v, int(n)),
                [(1.0, (1.0, 9.0), (0.5, 3.0), (1.0, 20.0))]),
    "_ncx2_density": (lambda n, v, c, x: mp.diff(lambda t: _ncx2_density(t, c, x), v, int(n)),
                      [(0.0, (1.0, 9.0), (0.01, 20.0), (0.1, 30.0)), (1.0, (1.0, 9.0), (0.1, 20.0), (0.1, 30.0))]),
    "ncfdtr": (_ncfdtr, [((1.0, 9.0), (1.0, 9.0), (0.5, 3.0), (0.2, 4.0))]),
    "_ncbeta": (lambda i, k, a, b, h, y: mp.diff(lambda s, t: _ncbeta(_betainc, s, t, h, y), (a, b), (int(i), int(k))),
                [(1.0, 0.0, (0.5, 5.0), (0.5, 5.0), (0.2, 1.5), LEVEL)]),
    "_ncbeta_density": (lambda i, k, a, b, h, y: _ncbeta(lambda *v: mp.exp(_log_beta_density(*v)), a, b, h, y),
                        [(0.0, 0.0, (0.5, 5.0), (0.5, 5.0), (0.2, 1.5), LEVEL)]),
    "_ncbeta_step": (lambda i, k, a, b, h, y: _ncbeta(_betainc, a, b, h, y) - _ncbeta(_betainc, a + 1, b, h, y),
                     [(0.0, 0.0, (0.5, 5.0), (0.5, 5.0), (0.2, 1.5), LEVEL)]),
    "nctdtr": (_nctdtr, [((1.0, 30.0), (-2.0, 2.0), (0.2, 4.0))]),
    "_nctdtr": (lambda n, v, d, t: mp.diff(lambda s: _nctdtr(s, d, t), v, int(n)), [(1.0, (2.0, 9.0), 0.7, 1.5)]),
    "_nct_moment": (lambda n, k, v, d, t: mp.diff(lambda s: _nct_moment(k, s, d, t), v, int(n)),
                    [(0.0, 0.0, (2.0, 9.0), (-2.0, 2.0), (-3.0, 4.0)), (0.0, 1.0, 0.7, (-2.0, 2.0), (-3.0, 4.0)),
                     (0.0, 1.0, 200.0, (-2.0, 2.0), (-3.0, 4.0)), (1.0, 1.0, (2.0, 9.0), (-2.0, 2.0), (-3.0, 4.0))]),
    "nrdtrimn": (lambda p, std, x: x - std*mp.sqrt(2)*mp.erfinv(2*p - 1), [((0.01, 0.99), (0.5, 3.0), (-2.0, 2.0))]),
    "nrdtrisd": (lambda mn, p, x: (x - mn)/(mp.sqrt(2)*mp.erfinv(2*p - 1)), [((-2.0, 0.0), (0.6, 0.99), (0.5, 2.0))]),
    "owens_t": (_owens_t, [((-3.0, 3.0), (-3.0, 3.0))]),
    "voigt_profile": (_voigt, [((-4.0, 4.0), (0.5, 2.0), (0.1, 2.0)), ((10.0, 50.0), (0.5, 2.0), (0.1, 2.0))]),
    "zeta": (mp.zeta, [((1.2, 12.0), (0.1, 20.0)), (3.0, (0.001, 1e4))]),
    "_hurwitz": (lambda n, s, x: mp.zeta(s, x, int(n)), [(1.0, (1.2, 12.0), (0.1, 20.0)),
                                                             (2.0, (1.2, 4.0), (0.5, 3.0))]),
    "zetac": (lambda x: mp.zeta(x) - 1, [((1.1, 20.0),), ((-8.0, 0.9),)]),
    "_riemann": (mp.zeta, [((1.1, 20.0),), ((-8.0, 0.9),)]),
    "inv_boxcox": (lambda x, k: (1 + k*x)**(1/k), [((0.01, 3.0), (-0.3, 2.0)), ((0.01, 1.0), (1e-6, 1e-3))]),
    "inv_boxcox1p": (lambda x, k: (1 + k*x)**(1/k) - 1, [((0.01, 3.0), (-0.3, 2.0)), ((0.01, 1.0), (1e-6, 1e-3))]),
    "radian": (lambda d, m, s: mp.pi/180*(d + m/60 + s/3600), [((1.0, 80.0), (1.0, 60.0), (1.0, 60.0))]),
    "ellipkinc": (mp.ellipf, [((-1.5, 1.5), (-2.0, 0.9)), ((2.0, 9.0), (-2.0, 0.9))]),
    "ellipeinc": (mp.ellipe, [((-1.5, 1.5), (-2.0, 0.9)), ((2.0, 9.0), (-2.0, 0.9))]),
    "_elliptic": (_elliptic, [(1.0, -1.5, (0.2, 1.5), (-2.0, 0.9)), (0.0, 0.5, (2.0, 5.0), (-2.0, 0.5))]),
    **{f"_ellipj_{i}": (_ellipj(i), [((-1.5, 1.5), (0.1, 0.9)), ((2.0, 9.0), (0.1, 0.9))]) for i in range(4)},
    "agm": (mp.agm, [((0.1, 9.0), (0.1, 9.0))]),
    "elliprf": (mp.elliprf, [RF]),
    "elliprg": (mp.elliprg, [RF]),
    "elliprd": (mp.elliprd, [RF]),
    "elliprc": (mp.elliprc, [RF[:2], ((0.1, 5.0), (-5.0, -0.1))]),
    "elliprj": (mp.elliprj, [(*RF, (0.1, 5.0))]),
    "_carlson": (_carlson, [(0.0, 0.5, 0.5, 0.5, 1.0, *RF, (0.1, 5.0)), (0.0, 0.5, 0.5, 1.5, 0.0, *RF, 1.0)]),
    "_pbdv_0": (mp.pcfd, [(0.5, (-3.0, 3.0)), (2.0, (-3.0, 3.0))]),
    "_pbdv_1": (lambda v, x: mp.diff(lambda t: mp.pcfd(v, t), x), [(0.5, (-3.0, 3.0)), (2.0, (-3.0, 3.0))]),
    "_pbvv_0": (lambda v, x: mp.pcfv(-v - 0.5, x), [(0.5, (-3.0, 3.0)), (2.0, (-3.0, 3.0))]),
    "_pbvv_1": (lambda v, x: mp.diff(lambda t: mp.pcfv(-v - 0.5, t), x), [(0.5, (-3.0, 3.0)), (2.0, (-3.0, 3.0))]),
    "_pbwa_0": (lambda a, x: mp.re(mp.pcfw(a, x)), [(0.5, (-3.0, 3.0)), (2.0, (-3.0, 3.0))]),
    "_pbwa_1": (lambda a, x: mp.diff(lambda t: mp.re(mp.pcfw(a, t)), x), [(0.5, (-3.0, 3.0))]),
    "mathieu_a": (lambda m, q: _mathieu_value(False, m, q), [(0, (0.5, 9.0)), (3, (-9.0, -0.5)), (2, (0.5, 9.0))]),
    "mathieu_b": (lambda m, q: _mathieu_value(True, m, q), [(1, (0.5, 9.0)), (2, (-9.0, -0.5)), (4, (0.5, 9.0))]),
    "_mathieu": (lambda odd, n, m, q: mp.diff(lambda t: _mathieu_value(odd, m, t), q, int(n)), [(0, 1, 2, (0.5, 9.0))]),
    "spherical_jn": (_spherical(mp.besselj), [(0, (0.1, 30.0)), (3, (0.1, 30.0))]),
    "spherical_yn": (_spherical(mp.bessely), [(0, (0.1, 30.0)), (3, (0.1, 30.0))]),
    "spherical_in": (_spherical(mp.besseli), [(0, (0.1, 30.0)), (3, (0.1, 30.0))]),
    "spherical_kn": (_spherical(mp.besselk), [(0, (0.1, 30.0)), (3, (0.1, 30.0))]),
}
# Inverses: name -> (function that is solved, place of the probability, what its arguments are made of, arguments)
# where None stands for the result and a number for an argument that is left when the probability is taken out.
_INVERSES = {
    "gammaincinv": (_gammainc, 1, (0, None), [((0.3, 9.0), LEVEL)]),
    "gammainccinv": (_gammaincc, 1, (0, None), [((0.3, 9.0), LEVEL)]),
    "chdtri": (lambda v, x: _gammaincc(v/2, x/2), 1, (0, None), [((0.5, 20.0), LEVEL)]),
    "chdtriv": (lambda v, x: _gammainc(v/2, x/2), 0, (None, 0), [(LEVEL, (0.5, 20.0))]),
    "gdtria": (lambda a, b, x: _gammainc(b, a*x), 0, (None, 0, 1), [(LEVEL, (0.5, 9.0), (0.5, 9.0))]),
    "gdtrib": (lambda a, b, x: _gammainc(b, a*x), 1, (0, None, 1), [((0.5, 9.0), LEVEL, (0.5, 9.0))]),
    "gdtrix": (lambda a, b, x: _gammainc(b, a*x), 2, (0, 1, None), [((0.5, 9.0), (0.5, 9.0), LEVEL)]),
    "pdtri": (lambda k, m: _gammaincc(k + 1, m), 1, (0, None), [(2, LEVEL)]),
    "pdtrik": (lambda k, m: _gammaincc(k + 1, m), 0, (None, 0), [((0.1, 0.6), (2.0, 20.0))]),
    "betaincinv": (_betainc, 2, (0, 1, None), [((0.5, 9.0), (0.5, 9.0), LEVEL)]),
    "betainccinv": (_betaincc, 2, (0, 1, None), [((0.5, 9.0), (0.5, 9.0), LEVEL)]),
    "btdtria": (_betainc, 0, (None, 0, 1), [(LEVEL, (0.5, 9.0), LEVEL)]),
    "btdtrib": (_betainc, 1, (0, None, 1), [((0.5, 9.0), LEVEL, LEVEL)]),
    "fdtri": (_fdtr, 2, (0, 1, None), [((1.0, 20.0), (1.0, 20.0), LEVEL)]),
    "fdtridfd": (_fdtr, 1, (0, None, 1), [(2.5, 0.6, (1.2, 1.5))]),
    "stdtrit": (lambda v, x: _stdtr(v, x), 1, (0, None), [((1.0, 50.0), (0.05, 0.45)), ((1.0, 50.0), (0.55, 0.95))]),
    "stdtridf": (lambda v, x: _stdtr(v, x), 0, (None, 0), [((0.86, 0.9), 1.5)]),
    "bdtri": (_bdtr, 2, (0, 1, None), [(3.0, 10, LEVEL)]),
    "bdtrik": (_bdtr, 0, (None, 0, 1), [((0.3, 0.9), (5.0, 20.0), (0.3, 0.7))]),
    "bdtrin": (_bdtr, 1, (0, None, 1), [((2.0, 5.0), LEVEL, (0.3, 0.7))]),
    "nbdtri": (_nbdtr, 2, (0, 1, None), [(3, 10, LEVEL)]),
    "nbdtrik": (_nbdtr, 0, (None, 0, 1), [((0.5, 0.9), (2.0, 9.0), (0.3, 0.6))]),
    "nbdtrin": (_nbdtr, 1, (0, None, 1), [((2.0, 9.0), LEVEL, (0.3, 0.6))]),
    "ncfdtri": (_ncfdtr, 3, (0, 1, 2, None), [(3.5, 6.0, (0.5, 3.0), LEVEL)]),
    "tklmbda": (_tukey, 0, (None, 0), [((0.1, 1.0), (-0.5, 0.7)), ((-1.0, -0.1), (-0.5, 0.7))]),
}
MANY |= {name: (Implicit(name, function, place, given), sets)
         for name, (function, place, given, sets) in _INVERSES.items()}


def points_many(name, n=2):
    """Places of a function of several arguments: plain numbers, and floats where there is a range."""
    rng = _generator(name)
    for given in MANY[name][1]:
        for _ in range(1 if name in SLOW else n):
            yield [float(_sample(rng, *one, 1)[0]) if isinstance(one, tuple) else one for one in given], [
                i for i, one in enumerate(given) if isinstance(one, tuple)]


def exact_many(name, place, active):
    """Gradient and Hessian in the active arguments, and the magnitudes that stand for 1 in their errors."""
    function, place = MANY[name][0], [mp.mpf(one) for one in place]
    with mp.workdps(DIGITS):
        def at(*variables):
            here = list(place)
            for i, one in zip(active, variables, strict=True):
                here[i] = one
            return function(*here)

        start, n = tuple(place[i] for i in active), len(active)
        unit = lambda *which: tuple(sum(1 for one in which if one == i) for i in range(n))
        first = [mp.diff(at, start, unit(i)) for i in range(n)]
        second = [[None]*n for _ in range(n)]
        for i in range(n):
            for j in range(i + 1):
                second[i][j] = second[j][i] = mp.diff(at, start, unit(i, j))
        sizes1 = [abs(first[i]) + sum(abs(start[j]*second[i][j]) for j in range(n)) for i in range(n)]
        sizes2 = [[abs(second[i][j]) + abs(first[i]/start[j]) + abs(first[j]/start[i]) for j in range(n)]
                  for i in range(n)]
        return first, second, sizes1, sizes2


SLOW = ("y0", "y1", "yn", "yv", "hyp2f1", "_it2j0y0_1", "struve", "modstruve", "hankel1", "hankel2", "hankel1e",
        "hankel2e", "_itj0y0_1", "yve", "besselpoly", "lpmv", "nctdtr", "ncfdtri", "owens_t",
        "ncfdtr", "_ncbeta", "_chndtr", "chndtr", "_ncbeta_step", "_ncbeta_density", "_nctdtr")


def cases(name, n=6):
    """Every parameter set of a function of one variable with its points."""
    _, parameters, ranges = UNARY[name]
    rng = _generator(name)
    n = 2 if name in SLOW else n
    for given in parameters:
        x = np.concatenate([_sample(rng, low, high, n) for low, high in ranges])
        if name == "lambertw" and given == (-1,):
            x = -np.abs(x[np.abs(x) < 0.367])
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
