"""The table of special functions: one row, one rule, for the ufuncs of ``scipy.special``.

Rows and grammar are those of `dualdiff.rules`; texts may call every function of that table and of this one, in SciPy's
order of arguments. Numbers in parentheses are those of the NIST Digital Library of Mathematical Functions (DLMF).
Values are SciPy's own. Where a formula would cancel, a series or a continued fraction stands in its place, so that a
derivative is as accurate as SciPy's functions are.

SciPy is loaded by this module, and this module only where a function of SciPy meets a dual number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
from scipy import special

from . import rows, rules
from .errors import DifferentiationTypeError, UnsupportedFunctionError
from .kinds import is_dual
from .nested import chain
from .packing import has_duals, pack
from .rules import ABOVE_MINUS_ONE, NONNEGATIVE, OPEN_UNIT, POSITIVE, REALS, Binary, Domain, Unary

ZERO_TO_ONE = Domain(0.0, 1.0)
BELOW_ONE = Domain(-math.inf, 1.0)
CLOSED = Domain(0.0, 1.0, low_closed=True, high_closed=True)
ZERO_TO_TWO = Domain(0.0, 2.0)
ABOVE_BRANCH = Domain(-math.exp(-1.0), math.inf)


@dataclass(frozen=True)
class Function(Unary):
    """A function that is differentiated in one argument, which the texts call ``x``.

    Parameters
    ----------
    arguments : str
        SciPy's arguments in order; all but ``x`` are plain numbers or arrays, and parameters of the texts.
    source : str
        Where the derivative is found.
    accuracy : tuple of float
        Promised relative errors of both derivatives, for an argument that is itself known to as many digits.
    why : str
        Why that is more than 1e-13.
    """

    arguments: str = "x"
    source: str = ""
    accuracy: tuple[float, float] = (1e-13, 1e-13)
    why: str = ""


@dataclass(frozen=True)
class Function2(Binary):
    """A function that is differentiated in both arguments, ``x`` and ``y`` in the texts. Fields as in `Function`."""

    arguments: str = "x y"
    source: str = ""
    accuracy: tuple[float, float] = (1e-13, 1e-13)
    why: str = ""


def _f(name, d1, d2, arguments="x", **fields):
    parameters = tuple((one, None) for one in arguments.split() if one != "x")
    return Function(name, d1, d2, arguments=arguments, parameters=parameters, numpy=False, **fields)


def _f2(name, fx, fy, fxx, fxy, fyy, **fields):
    return Function2(name, fx, fy, fxx, fxy, fyy, numpy=False, **fields)


def _same(name, original):
    """A ufunc of SciPy that is a row of the main table under another name."""
    row = next(row for row in rules.UNARY if row.name == original)
    return _f(name, row.d1, row.d2, let=row.let, domain=row.domain, source="row " + original)


# ---------------------------------------------------------------------------------------------------------------------
# Texts that several rows share
# ---------------------------------------------------------------------------------------------------------------------


def _series(variable, coefficients):
    """Return ``c0 + v*(c1 + v*(c2 + …))``."""
    text = repr(float(coefficients[-1]))
    for coefficient in reversed(coefficients[:-1]):
        text = f"({float(coefficient)!r} + {variable}*{text})"
    return text


def _tail(depth, first, variable="u"):
    """Return the ratio ``i^n erfc / i^(n-1) erfc`` with n = ``first``, a continued fraction (7.18.7)."""
    text = "0.0"
    for n in range(depth, first - 1, -1):
        text = f"1.0/(2.0*{variable} + {2.0*(n + 1)!r}*{text})"
    return text


def _hankel(order, sign, times):
    """Coefficients of the expansions of scaled Bessel functions in 1/x (10.40.1), differentiated ``times`` times.

    The derivative of ``x**(-k - 1/2)`` is ``-(k + 1/2) x**(-k - 3/2)``.
    """
    found, a = [], Fraction(1)
    for k in range(28):
        factor = math.prod((Fraction(-(2*(k + j) + 1), 2) for j in range(times)), start=Fraction(1))
        found.append(a*factor)
        a = sign*a*(4*order*order - (2*k + 1)**2)/(8*(k + 1))
    return found


def _dawson(times):
    """Coefficients of the expansion of Dawson's integral in 1/x, differentiated ``times`` times, without its sign."""
    found, a = [], Fraction(1, 2)
    for n in range(28):
        found.append(a*(2*n + 1)*(2*n + 2 if times == 2 else 1))
        a *= Fraction(2*n + 1, 2)
    return found


def _elliptic(second):
    """Coefficients of the power series of 2/pi K or 2/pi E in m (19.5.1, 19.5.2)."""
    squares = [Fraction(math.comb(2*n, n), 4**n)**2 for n in range(30)]
    return [c/(1 - 2*n) if second else c for n, c in enumerate(squares)]


def _differentiated(coefficients):
    return [n*c for n, c in enumerate(coefficients)][1:]


# A Gaussian exp(-x*x/2) and its square root's other half: see the table of rules, which does the same for exp(-x*x).
_NORMAL = (
    "b = where(x > 40.0, 40.0, where(x < -40.0, -40.0, x)); h = rint(256.0*b)/256.0; "
    "r = exp(where(h*h < 1300.0, -0.5*h*h, -0.25*h*h)); w = where(h*h < 1300.0, 1.0, r); "
    "e = exp(-0.5*(b - h)*(b + h))"
)
# Far out, t is the ratio of the first repeated integral of erfc to erfc, and s that of the second to the first.
_FAR = f"u = where(x > 3.0, x, 3.0); t = {_tail(26, 1)}; s = {_tail(26, 2)}"
_FAR_LEFT = f"u = SQRT1_2*where({{x}} < -4.0, -{{x}}, 4.0); t = {_tail(26, 1)}"
_SQRT_HALF_PI = "1.2533141373155003"
_SQRT_2_OVER_PI = "0.7978845608028654"
_SQRT_2 = "1.4142135623730951"
_HALF_SQRT_PI = "0.886226925452758"

# Steps of digamma and trigamma, psi(x + y) - psi(x), without cancellation: ten recurrences, then the asymptotic series.
_BERNOULLI = [Fraction(1, 6), Fraction(-1, 30), Fraction(1, 42), Fraction(-1, 30), Fraction(5, 66),
              Fraction(-691, 2730), Fraction(7, 6)]


def _psi_step():
    """``psi(x + y) - psi(x)`` for positive x and x + y (5.5.2, 5.11.2); a = 1/X², b = 1/(X + y)² with X = x + 10."""
    steps = " + ".join(f"y/((x + {k}.0)*(x + y + {k}.0))" for k in range(10))
    value = "log1p(y/X) + y/(2.0*X*Y) + d*(" + " + ".join(
        f"{float(c/(2*(k + 1)))!r}*{power}" for k, (c, power) in enumerate(zip(_BERNOULLI, _powers(), strict=True))
    ) + ")"
    let = "X = x + 10.0; Y = X + y; a = 1.0/(X*X); b = 1.0/(Y*Y); d = y*(X + Y)*a*b; "
    return let, f"{steps} + {value}"


def _powers():
    """``(aⁿ - bⁿ)/(a - b)`` for n from 1."""
    texts = ["1.0"]
    for _ in range(6):
        texts.append(f"(a*{texts[-1]} + {'*'.join(['b']*len(texts))})")
    return texts


def _trigamma_step():
    """``psi'(x + y) - psi'(x)``, likewise."""
    steps = " + ".join(f"y*(2.0*x + {2*k}.0 + y)/((x + {k}.0)*(x + {k}.0)*(x + y + {k}.0)*(x + y + {k}.0))"
                       for k in range(10))
    # psi'(X) ~ 1/X + 1/(2X²) + Σ B/X^(2k+1); a^k/X - b^k/Y = a^k y/(X Y) + (a^k - b^k)/Y
    terms, power = [], "1.0"
    for c, ratio in zip(_BERNOULLI, _powers(), strict=True):
        power = f"{power}*a" if power != "1.0" else "a"
        terms.append(f"{float(c)!r}*({power}*y/(X*Y) + d*{ratio}/Y)")
    return f"-({steps} + y/(X*Y) + 0.5*d + {' + '.join(terms)})"


_LET_STEP, _PSI_STEP = _psi_step()
_TRIGAMMA_STEP = _trigamma_step()

# sin(pi x) and cos(pi x) with the sign of the nearest integer
_HALF_TURNS = "n = rint(x); i = where(n == 2.0*rint(0.5*n), 1.0, -1.0); s = i*sin(PI*(x - n)); c = i*cos(PI*(x - n)); "

_GAMMA_SLOPE = (
    "where(x == 0.0, where(a > 2.0, 0.0, where(a == 2.0, 1.0, where(a == 1.0, -1.0, (a - 1.0)*INF))), "
    "gamma_density(a, x)*((a - 1.0 - x)/x))"
)
_BETA_RATE = "((a - 1.0)/{x} - (b - 1.0)/(1.0 - {x}))"

# ---------------------------------------------------------------------------------------------------------------------
# Functions of one variable argument
# ---------------------------------------------------------------------------------------------------------------------

_LARGE = "(x > 20.0) | (x < -20.0)"
_MODULUS = "m = where(x < 0.0, -x, x); i = where(x < 0.0, -1.0, 1.0); o = where(m > 20.0, 1.0/m, 0.05); "
_ROOT = "INV_SQRT_2PI*sqrt(o)*o"
_ROOT_K = f"{_SQRT_HALF_PI}*sqrt(o)*o"
_NEAR = "(x < 0.2) & (x > -0.2)"
_K1, _K2 = (_differentiated(_elliptic(False)), _differentiated(_differentiated(_elliptic(False))))
_E1, _E2 = (_differentiated(_elliptic(True)), _differentiated(_differentiated(_elliptic(True))))
_LOG1P = [Fraction((-1)**k, k + 1) for k in range(40)]  # log(1 + t)/t
_SI2 = [Fraction((-1)**k*(2*k + 2), math.factorial(2*k + 3)) for k in range(10)]
_SHI2 = [abs(c) for c in _SI2]

UNARY: tuple[Function, ...] = (
    # Error functions
    _same("erf", "erf"),
    _same("erfc", "erfc"),
    _f("erfcx", let=_FAR, d1="where(x > 3.0, -2.0*y*t, 2.0*x*y - TWO_OVER_SQRT_PI)",
       d2="where(x > 3.0, 8.0*y*t*s, 2.0*y + 2.0*x*d1)", source="7.18.9"),
    _f("erfi", let="h = rint(256.0*x)/256.0", d1="TWO_OVER_SQRT_PI*exp(h*h)*exp((x - h)*(x + h))", d2="2.0*x*d1",
       source="7.2.1"),
    _f("erfinv", d1=f"{_HALF_SQRT_PI}*exp(y*y)", d2="2.0*y*d1*d1", domain=OPEN_UNIT, source="7.17.1"),
    _f("erfcinv", d1=f"where(x < 1.0, -{_HALF_SQRT_PI}*erfcx(y)/x, -{_HALF_SQRT_PI}*exp(y*y))", d2="2.0*y*d1*d1",
       domain=ZERO_TO_TWO, source="7.17.1"),
    _f("dawsn", let="c = (x < 7.0) & (x > -7.0); o = where(c, 0.02, 1.0/x)*where(c, 1.0, 1.0/x)",
       d1=f"where(c, 1.0 - 2.0*x*y, -o*{_series('o', _dawson(1))})",
       d2=f"where(c, -2.0*y - 2.0*x*d1, o/x*{_series('o', _dawson(2))})", source="7.12.1", accuracy=(1e-13, 1e-12),
       why="digits cancel up to 7"),
    _f("ndtr", let=_NORMAL, d1="INV_SQRT_2PI*e*r*w", d2="-b*INV_SQRT_2PI*e*r*w", source="7.2.1"),
    _f("log_ndtr", let=_NORMAL + "; " + _FAR_LEFT.format(x="x") + f"; k = where(x < 0.0, {_SQRT_2_OVER_PI}"
       "/erfcx(-SQRT1_2*where(x < 0.0, x, 0.0)), INV_SQRT_2PI*e*r*w/ndtr(where(x < 0.0, 0.0, x)))",
       d1="k", d2=f"-k*where(x < -4.0, {_SQRT_2}*t, x + k)", source="7.18.9"),
    _f("ndtri", d1=f"where(y < 0.0, {_SQRT_HALF_PI}*erfcx(-SQRT1_2*where(y < 0.0, y, 0.0))/x, "
       f"2.5066282746310002*exp(0.5*y*y))", d2="y*d1*d1", domain=ZERO_TO_ONE, source="7.17.1"),
    _f("ndtri_exp", let=_FAR_LEFT.format(x="y"),
       d1=f"where(y < 0.0, {_SQRT_HALF_PI}*erfcx(-SQRT1_2*where(y < 0.0, y, 0.0)), "
       "2.5066282746310002*exp(x + 0.5*y*y))",
       d2=f"where(y < -4.0, {_SQRT_2}*t, y + 1.0/d1)*d1*d1", domain=Domain(-math.inf, 0.0), source="7.18.9"),

    # Gamma functions
    _f("gamma", let="p = psi(x)", d1="y*p", d2="y*(p*p + zeta(2.0, x))", source="5.2.2"),
    _f("gammaln", d1="psi(x)", d2="zeta(2.0, x)", source="5.2.2"),
    _f("loggamma", d1="psi(x)", d2="zeta(2.0, x)", domain=POSITIVE, source="5.2.2"),
    _f("psi", d1="zeta(2.0, x)", d2="-2.0*zeta(3.0, x)", source="5.15.1"),
    _f("polygamma", let="i = where(n == 2.0*rint(0.5*n), 1.0, -1.0)", d1="polygamma(n + 1.0, x)",
       d2="polygamma(n + 2.0, x)", arguments="n x", domain=POSITIVE, source="5.15.1"),
    _f("rgamma", let=_HALF_TURNS + "g = gamma(1.0 - where(x < 0.5, x, 0.5)); p = psi(where(x < 0.5, 1.0 - x, x))",
       d1="where(x < 0.5, g*c - p*y, -p*y)",
       d2="where(x < 0.5, -g*p*c - PI*PI*y + zeta(2.0, 1.0 - where(x < 0.5, x, 0.5))*y - p*d1, "
       "(p*p - zeta(2.0, x))*y)", source="5.5.3"),
    _f("zeta", d1="-s*zeta(s + 1.0, x)", d2="s*(s + 1.0)*zeta(s + 2.0, x)", arguments="s x", domain=POSITIVE,
       source="25.11.17"),
    _f("gammainc", d1="gamma_density(a, x)", d2=_GAMMA_SLOPE, arguments="a x", domain=NONNEGATIVE, source="8.8.13"),
    _f("gammaincc", d1="-gamma_density(a, x)", d2="-" + _GAMMA_SLOPE, arguments="a x", domain=NONNEGATIVE,
       source="8.8.14"),
    _f("gammaincinv", d1="1.0/gamma_density(a, y)", d2="-(a - 1.0 - y)/y*d1*d1", arguments="a x",
       domain=ZERO_TO_ONE, source="8.8.13"),
    _f("gammainccinv", d1="-1.0/gamma_density(a, y)", d2="-(a - 1.0 - y)/y*d1*d1", arguments="a x",
       domain=ZERO_TO_ONE, source="8.8.14"),
    _f("betainc", d1="beta_density(a, b, x)", d2="d1*" + _BETA_RATE.format(x="x"), arguments="a b x",
       domain=CLOSED, source="8.17.1"),
    _f("betaincc", d1="-beta_density(a, b, x)", d2="d1*" + _BETA_RATE.format(x="x"), arguments="a b x",
       domain=CLOSED, source="8.17.1"),
    _f("betaincinv", d1="1.0/beta_density(a, b, y)", d2=f"-{_BETA_RATE.format(x='y')}*d1*d1",
       arguments="a b x", domain=ZERO_TO_ONE, source="8.17.1"),
    _f("betainccinv", d1="-1.0/beta_density(a, b, y)", d2=f"-{_BETA_RATE.format(x='y')}*d1*d1",
       arguments="a b x", domain=ZERO_TO_ONE, source="8.17.1"),
    _f("gamma_density", d1="y*((a - 1.0)/x - 1.0)", d2="y*(((a - 1.0)/x - 1.0)*((a - 1.0)/x - 1.0) - (a - 1.0)/x/x)",
       arguments="a x", domain=POSITIVE, source="elementary"),
    _f("beta_density", let="p = (a - 1.0)/x; q = (b - 1.0)/(1.0 - x)", d1="y*(p - q)",
       d2="y*((p - q)*(p - q) - p/x - q/(1.0 - x))", arguments="a b x", domain=ZERO_TO_ONE, source="elementary"),
    _f("t_density", let="w = v + x*x", d1="-(v + 1.0)*x/w*y",
       d2="(v + 1.0)*((v + 2.0)*x*x - v)/w/w*y", arguments="v x", source="elementary"),

    # Logistic functions and logarithms
    _same("expit", "sigmoid"),
    _same("log_expit", "log_sigmoid"),
    _f("logit", d1="1.0/(x*(1.0 - x))", d2="(2.0*x - 1.0)*d1*d1", domain=ZERO_TO_ONE, source="elementary"),
    _f("entr", let="p = x + 0.0", d1="-1.0 - log(p)", d2="where(x >= 0.0, -1.0/p, NAN)", domain=NONNEGATIVE,
       source="elementary"),
    _same("log1p", "log1p"), _same("expm1", "expm1"), _same("exp2", "exp2"), _same("cbrt", "cbrt"),
    _f("exp10", d1="LN10*y", d2="LN10*LN10*y", source="elementary"),
    _f("cosm1", d1="-sin(x)", d2="-cos(x)", source="elementary"),
    _f("sindg", d1="PI/180.0*cosdg(x)", d2="-PI/180.0*(PI/180.0)*y", source="elementary"),
    _f("cosdg", d1="-PI/180.0*sindg(x)", d2="-PI/180.0*(PI/180.0)*y", source="elementary"),
    _f("tandg", d1="PI/180.0*(1.0 + y*y)", d2="2.0*(PI/180.0)*y*d1", source="elementary"),
    _f("cotdg", d1="-PI/180.0*(1.0 + y*y)", d2="-2.0*(PI/180.0)*y*d1", source="elementary"),
    _f("exprel", d1="0.5*hyp1f1(2.0, 3.0, x)", d2="hyp1f1(3.0, 4.0, x)/3.0", source="13.3.15"),
    _f("spence", let="t = x - 1.0; u = where((t < 0.3) & (t > -0.3), t, 0.0)",
       d1=f"where((t < 0.3) & (t > -0.3), -{_series('u', _LOG1P)}, -log(x)/t)",
       d2=f"where((t < 0.3) & (t > -0.3), -{_series('u', _differentiated(_LOG1P))}, -(1.0/x + d1)/t)",
       domain=NONNEGATIVE, source="25.12.2"),
    # Box and Cox's power transformation backwards, in the transformed number
    _f("inv_boxcox", d1="power(y, 1.0 - k)", d2="(1.0 - k)*power(y, 1.0 - k - k)", arguments="x k",
       source="elementary"),
    _f("inv_boxcox1p", d1="exp((1.0 - k)*log1p(y))", d2="(1.0 - k)*exp((1.0 - k - k)*log1p(y))", arguments="x k",
       source="elementary"),
    _f("lambertw", d1="where(x == 0.0, 1.0, where((y > 1.0) | (y < -1.0), y/(x*(1.0 + y)), exp(-y)/(1.0 + y)))",
       d2="-d1*d1*(y + 2.0)/(1.0 + y)", arguments="x k", domain=ABOVE_BRANCH, source="4.13.4"),
    _f("wrightomega", d1="where(x < -50.0, y, y/(1.0 + y))", d2="y/((1.0 + y)*(1.0 + y)*(1.0 + y))", source="4.13.4"),

    # Exponential, sine and cosine integrals
    _f("exp1", d1="-exp(-x)/x", d2="exp(-x)*(1.0 + x)/x/x", domain=POSITIVE, source="6.2.1"),
    _f("expi", d1="exp(x)/x", d2="exp(x)*(x - 1.0)/x/x", source="6.2.5"),
    _f("expn", d1="where(n >= 1.0, -expn(where(n >= 1.0, n - 1.0, 0.0), x), -exp(-x)*(1.0 + x)/x/x)",
       d2="where(n >= 2.0, expn(where(n >= 2.0, n - 2.0, 0.0), x), where(n == 1.0, exp(-x)*(1.0 + x)/x/x, "
       "exp(-x)*(2.0 + x*(2.0 + x))/x/x/x))", arguments="n x", domain=NONNEGATIVE, source="8.19.13"),
    _f("_si", d1="where(x == 0.0, 1.0, sin(x)/where(x == 0.0, 1.0, x))",
       let="u = where((x < 1.0) & (x > -1.0), x*x, 0.0)",
       d2=f"where((x < 1.0) & (x > -1.0), -x*{_series('u', _SI2)}, (cos(x) - sin(x)/x)/x)", source="6.2.9"),
    _f("_ci", d1="cos(x)/x", d2="-(sin(x) + cos(x)/x)/x", domain=POSITIVE, source="6.2.11"),
    _f("_shi", d1="where(x == 0.0, 1.0, sinh(x)/where(x == 0.0, 1.0, x))",
       let="u = where((x < 1.0) & (x > -1.0), x*x, 0.0)",
       d2=f"where((x < 1.0) & (x > -1.0), x*{_series('u', _SHI2)}, (cosh(x) - sinh(x)/x)/x)", source="6.2.15"),
    _f("_chi", d1="cosh(x)/x", d2="(sinh(x) - cosh(x)/x)/x", domain=POSITIVE, source="6.2.16"),
    _f("_fresnels", d1="sin(0.5*PI*x*x)", d2="PI*x*cos(0.5*PI*x*x)", source="7.2.8"),
    _f("_fresnelc", d1="cos(0.5*PI*x*x)", d2="-PI*x*sin(0.5*PI*x*x)", source="7.2.7"),

    # Bessel functions
    _f("j0", d1="-j1(x)", d2="0.5*(jv(2.0, x) - y)", source="10.6.3"),
    _f("j1", d1="0.5*(j0(x) - jv(2.0, x))", d2="0.25*(jv(3.0, x) - 3.0*y)", source="10.6.1"),
    _f("jv", d1="0.5*(jv(v - 1.0, x) - jv(v + 1.0, x))", d2="0.25*(jv(v - 2.0, x) - 2.0*y + jv(v + 2.0, x))",
       arguments="v x", source="10.6.1"),
    _f("y0", d1="-y1(x)", d2="y1(x)/x - y", domain=POSITIVE, source="10.6.3"),
    _f("y1", d1="y0(x) - y/x", d2="(2.0*y/x - y0(x))/x - y", domain=POSITIVE, source="10.6.2"),
    _f("yn", d1="0.5*(yn(n - 1, x) - yn(n + 1, x))", d2="0.25*(yn(n - 2, x) - 2.0*y + yn(n + 2, x))",
       arguments="n x", domain=POSITIVE, source="10.6.1"),
    _f("yv", d1="0.5*(yv(v - 1.0, x) - yv(v + 1.0, x))", d2="0.25*(yv(v - 2.0, x) - 2.0*y + yv(v + 2.0, x))",
       arguments="v x", domain=POSITIVE, source="10.6.1"),
    _f("i0", d1="i1(x)", d2="0.5*(y + iv(2.0, x))", source="10.29.3"),
    _f("i1", d1="0.5*(i0(x) + iv(2.0, x))", d2="0.25*(3.0*y + iv(3.0, x))", source="10.29.1"),
    _f("i0e", let=_MODULUS, d1=f"where({_LARGE}, i*{_ROOT}*{_series('o', _hankel(0, -1, 1))}, i1e(x) - i*y)",
       d2=f"where({_LARGE}, {_ROOT}*o*{_series('o', _hankel(0, -1, 2))}, 1.5*y + 0.5*ive(2.0, x) - 2.0*i*i1e(x))",
       source="10.40.1"),
    _f("i1e", let=_MODULUS, d1=f"where({_LARGE}, {_ROOT}*{_series('o', _hankel(1, -1, 1))}, "
       "0.5*(i0e(x) + ive(2.0, x)) - i*y)",
       d2=f"where({_LARGE}, i*{_ROOT}*o*{_series('o', _hankel(1, -1, 2))}, "
       "1.75*y + 0.25*ive(3.0, x) - i*(i0e(x) + ive(2.0, x)))",
       source="10.40.1"),
    _f("iv", d1="0.5*(iv(v - 1.0, x) + iv(v + 1.0, x))", d2="0.25*(iv(v - 2.0, x) + 2.0*y + iv(v + 2.0, x))",
       arguments="v x", source="10.29.1"),
    _f("ive", let="i = where(x < 0.0, -1.0, 1.0)", d1="0.5*(ive(v - 1.0, x) + ive(v + 1.0, x)) - i*y",
       d2="0.25*(ive(v - 2.0, x) + 6.0*y + ive(v + 2.0, x)) - i*(ive(v - 1.0, x) + ive(v + 1.0, x))",
       arguments="v x", source="10.29.1", accuracy=(1e-12, 1e-10), why="digits cancel as x grows"),
    _f("k0", d1="-k1(x)", d2="k1(x)/x + y", domain=POSITIVE, source="10.29.3"),
    _f("k1", d1="-k0(x) - y/x", d2="y + (k0(x) + 2.0*y/x)/x", domain=POSITIVE, source="10.29.2"),
    _f("k0e", let=_MODULUS, d1=f"where(x > 20.0, {_ROOT_K}*{_series('o', _hankel(0, 1, 1))}, y - k1e(x))",
       d2=f"where(x > 20.0, {_ROOT_K}*o*{_series('o', _hankel(0, 1, 2))}, 2.0*y - (2.0 - 1.0/x)*k1e(x))",
       domain=POSITIVE, source="10.40.2"),
    _f("k1e", let=_MODULUS, d1=f"where(x > 20.0, {_ROOT_K}*{_series('o', _hankel(1, 1, 1))}, "
       "y - k0e(x) - y/x)",
       d2=f"where(x > 20.0, {_ROOT_K}*o*{_series('o', _hankel(1, 1, 2))}, "
       "2.0*(y - k0e(x)) - 2.0*y/x + (k0e(x) + 2.0*y/x)/x)",
       domain=POSITIVE, source="10.40.2"),
    _f("kn", d1="-0.5*(kv(n - 1.0, x) + kv(n + 1.0, x))", d2="0.25*(kv(n - 2.0, x) + 2.0*y + kv(n + 2.0, x))",
       arguments="n x", domain=POSITIVE, source="10.29.1"),
    _f("kv", d1="-0.5*(kv(v - 1.0, x) + kv(v + 1.0, x))", d2="0.25*(kv(v - 2.0, x) + 2.0*y + kv(v + 2.0, x))",
       arguments="v x", domain=POSITIVE, source="10.29.1"),
    _f("kve", d1="y - 0.5*(kve(v - 1.0, x) + kve(v + 1.0, x))",
       d2="0.25*(kve(v - 2.0, x) + 6.0*y + kve(v + 2.0, x)) - (kve(v - 1.0, x) + kve(v + 1.0, x))",
       arguments="v x", domain=POSITIVE, source="10.29.1", accuracy=(1e-12, 1e-10), why="digits cancel as x grows"),
    _f("_ai", d1="airy(x)[1]", d2="x*y", source="9.2.1"),
    _f("_aip", d1="x*airy(x)[0]", d2="airy(x)[0] + x*y", source="9.2.1"),
    _f("_bi", d1="airy(x)[3]", d2="x*y", source="9.2.1"),
    _f("_bip", d1="x*airy(x)[2]", d2="airy(x)[2] + x*y", source="9.2.1"),
    _f("hyp0f1", d1="hyp0f1(v + 1.0, x)/v", d2="hyp0f1(v + 2.0, x)/(v*(v + 1.0))", arguments="v x", source="16.3.1"),
    _f("hyp1f1", d1="a/b*hyp1f1(a + 1.0, b + 1.0, x)", d2="a*(a + 1.0)/(b*(b + 1.0))*hyp1f1(a + 2.0, b + 2.0, x)",
       arguments="a b x", source="13.3.15"),
    _f("hyp2f1", d1="a*b/c*hyp2f1(a + 1.0, b + 1.0, c + 1.0, x)",
       d2="a*(a + 1.0)*b*(b + 1.0)/(c*(c + 1.0))*hyp2f1(a + 2.0, b + 2.0, c + 2.0, x)", arguments="a b c x",
       domain=BELOW_ONE, source="15.5.1"),
    _f("hyperu", d1="-a*hyperu(a + 1.0, b + 1.0, x)", d2="a*(a + 1.0)*hyperu(a + 2.0, b + 2.0, x)", arguments="a b x",
       domain=POSITIVE, source="13.3.22", accuracy=(1e-12, 1e-12), why="SciPy's hyperu"),

    # Elliptic integrals
    _f("ellipk", let=f"e = ellipe(x); p = 1.0 - x; u = where({_NEAR}, x, 0.0)",
       d1=f"where({_NEAR}, 0.5*PI*{_series('u', _K1)}, (e - p*y)/(2.0*x*p))",
       d2=f"where({_NEAR}, 0.5*PI*{_series('u', _K2)}, (0.25*y - (p - x)*d1)/(x*p))",
       domain=BELOW_ONE, source="19.4.1"),
    _f("ellipkm1", let="e = ellipe(1.0 - x); m = 1.0 - x; u = where((x > 0.8) & (x < 1.2), m, 0.0)",
       d1=f"where((x > 0.8) & (x < 1.2), -0.5*PI*{_series('u', _K1)}, -(e - x*y)/(2.0*m*x))",
       d2=f"where((x > 0.8) & (x < 1.2), 0.5*PI*{_series('u', _K2)}, (0.25*y + (x - m)*d1)/(m*x))",
       domain=POSITIVE, source="19.4.1"),
    _f("ellipe", let=f"k = ellipk(x); u = where({_NEAR}, x, 0.0)",
       d1=f"where({_NEAR}, 0.5*PI*{_series('u', _E1)}, 0.5*(y - k)/x)",
       d2=f"where({_NEAR}, 0.5*PI*{_series('u', _E2)}, -0.5*(d1 + 0.5*(y - (1.0 - x)*k)/(x*(1.0 - x)))/x)",
       domain=BELOW_ONE, source="19.4.2"),
    _f("ellipkinc", let="s = sin(x); w = 1.0 - m*s*s", d1="1.0/sqrt(w)", d2="m*s*cos(x)*d1/w", arguments="x m",
       source="19.2.4"),
    _f("ellipeinc", let="s = sin(x); w = 1.0 - m*s*s", d1="sqrt(w)", d2="-m*s*cos(x)/d1", arguments="x m",
       source="19.2.5"),

    # Distribution functions
    _f("stdtr", d1="t_density(v, x)", d2="-(v + 1.0)*x/(v + x*x)*d1",
       arguments="v x", source="8.17.1"),
    _f("stdtrit", d1="1.0/t_density(v, y)", d2="(v + 1.0)*y/(v + y*y)*d1*d1", arguments="v x", domain=ZERO_TO_ONE,
       source="8.17.1"),
    _f("chdtr", d1="0.5*gamma_density(0.5*v, 0.5*x)", d2="d1*((0.5*v - 1.0)/x - 0.5)", arguments="v x",
       domain=NONNEGATIVE, source="8.8.13"),
    _f("chdtrc", d1="-0.5*gamma_density(0.5*v, 0.5*x)", d2="d1*((0.5*v - 1.0)/x - 0.5)", arguments="v x",
       domain=NONNEGATIVE, source="8.8.14"),
    _f("pdtr", d1="-gamma_density(floor(k) + 1.0, x)", d2="d1*(floor(k)/x - 1.0)", arguments="k x", domain=NONNEGATIVE,
       source="8.8.14"),
    _f("pdtrc", d1="gamma_density(floor(k) + 1.0, x)", d2="d1*(floor(k)/x - 1.0)", arguments="k x", domain=NONNEGATIVE,
       source="8.8.13"),

    # Orthogonal polynomials (18.9)
    _f("eval_legendre", d1="eval_gegenbauer(n - 1, 1.5, x)", d2="3.0*eval_gegenbauer(n - 2, 2.5, x)", arguments="n x",
       source="18.9.19"),
    _f("eval_chebyt", d1="n*eval_gegenbauer(n - 1, 1.0, x)", d2="2.0*n*eval_gegenbauer(n - 2, 2.0, x)",
       arguments="n x", source="18.9.21"),
    _f("eval_chebyu", d1="2.0*eval_gegenbauer(n - 1, 2.0, x)", d2="8.0*eval_gegenbauer(n - 2, 3.0, x)",
       arguments="n x", source="18.9.19"),
    _f("eval_gegenbauer", d1="2.0*a*eval_gegenbauer(n - 1, a + 1.0, x)",
       d2="4.0*a*(a + 1.0)*eval_gegenbauer(n - 2, a + 2.0, x)", arguments="n a x", source="18.9.19"),
    _f("eval_jacobi", d1="0.5*(n + a + b + 1.0)*eval_jacobi(n - 1, a + 1.0, b + 1.0, x)",
       d2="0.25*(n + a + b + 1.0)*(n + a + b + 2.0)*eval_jacobi(n - 2, a + 2.0, b + 2.0, x)", arguments="n a b x",
       source="18.9.15"),
    _f("eval_laguerre", d1="-eval_genlaguerre(n - 1, 1.0, x)", d2="eval_genlaguerre(n - 2, 2.0, x)", arguments="n x",
       source="18.9.23"),
    _f("eval_genlaguerre", d1="-eval_genlaguerre(n - 1, a + 1.0, x)", d2="eval_genlaguerre(n - 2, a + 2.0, x)",
       arguments="n a x", source="18.9.23"),
    _f("eval_hermite", d1="2.0*n*eval_hermite(n - 1, x)", d2="4.0*n*(n - 1)*eval_hermite(n - 2, x)", arguments="n x",
       source="18.9.25"),
    _f("eval_hermitenorm", d1="n*eval_hermitenorm(n - 1, x)", d2="n*(n - 1)*eval_hermitenorm(n - 2, x)",
       arguments="n x", source="18.9.27"),
)

# ---------------------------------------------------------------------------------------------------------------------
# Functions of two variable arguments
# ---------------------------------------------------------------------------------------------------------------------

# psi(x + y) - psi(x) and psi(y) - psi(x + y), accurate where both arguments are positive.
_STEP_X, _STEP_Y = "psi_step(x, y)", "psi_step(y, x)"
_STEP_WHY = "tetragamma functions cancel where x is millions of y: third derivatives of beta functions only"
# u = r/delta, s = sqrt(1 + u²) and its distance p from 1
_PSEUDO = "u = y/x; s = hypot(1.0, u); p = u/(1.0 + s)*u"
_HUBER = "a = where(y < 0.0, -y, y); i = where(y < 0.0, -1.0, 1.0)"

BINARY: tuple[Function2, ...] = (
    _f2("psi_step", "trigamma_step(x, y)", "zeta(2.0, x + y)", "-2.0*(zeta(3.0, x + y) - zeta(3.0, x))",
        "-2.0*zeta(3.0, x + y)", "-2.0*zeta(3.0, x + y)", let=_LET_STEP, value=_PSI_STEP, source="5.11.2",
        accuracy=(1e-13, 1e-8), why=_STEP_WHY),
    _f2("trigamma_step", "-2.0*(zeta(3.0, x + y) - zeta(3.0, x))", "-2.0*zeta(3.0, x + y)",
        "6.0*(zeta(4.0, x + y) - zeta(4.0, x))", "6.0*zeta(4.0, x + y)", "6.0*zeta(4.0, x + y)", let=_LET_STEP,
        value=_TRIGAMMA_STEP, source="5.15.8", accuracy=(1e-8, 1e-8), why=_STEP_WHY),
    _f2("beta", let=f"p = -{_STEP_X}; q = -{_STEP_Y}", fx="z*p", fy="z*q", fxx="z*(p*p - trigamma_step(x, y))",
        fxy="z*(p*q - zeta(2.0, x + y))", fyy="z*(q*q - trigamma_step(y, x))", source="5.12.1"),
    _f2("betaln", fx=f"-{_STEP_X}", fy=f"-{_STEP_Y}", fxx="-trigamma_step(x, y)", fxy="-zeta(2.0, x + y)",
        fyy="-trigamma_step(y, x)", source="5.12.1"),
    _f2("binom", let="d = x - y + 1.0; p = psi_step(d, y); q = psi_step(y + 1.0, x - y - y)", fx="z*p", fy="z*q",
        fxx="z*(p*p + trigamma_step(d, y))", fxy="z*(p*q + zeta(2.0, d))",
        fyy="z*(q*q - zeta(2.0, d) - zeta(2.0, y + 1.0))", source="5.2.2"),
    _f2("poch", let="p = psi_step(x, y); q = psi(x + y)", fx="z*p", fy="z*q", fxx="z*(p*p + trigamma_step(x, y))",
        fxy="z*(p*q + zeta(2.0, x + y))", fyy="z*(q*q + zeta(2.0, x + y))", source="5.2.5"),
    _f2("xlogy", fx="log(y)", fy="where((x == 0.0) & (y == 0.0), 0.0, x/y)", fxx="0.0", fxy="1.0/y", fyy="-x/y/y",
        source="elementary"),
    _f2("xlog1py", fx="log1p(y)", fy="where((x == 0.0) & (y == -1.0), 0.0, x/(1.0 + y))", fxx="0.0",
        fxy="1.0/(1.0 + y)", fyy="-x/(1.0 + y)/(1.0 + y)", source="elementary"),
    _f2("rel_entr", let="c = (x > 0.5*y) & (x < 2.0*y)",
        fx="1.0 + where(c, log1p((x - y)/y), log(x) - log(y))", fy="-x/y", fxx="1.0/x",
        fxy="-1.0/y", fyy="x/y/y", domain=(NONNEGATIVE, NONNEGATIVE), source="elementary"),
    _f2("kl_div", let="c = (x > 0.5*y) & (x < 2.0*y)",
        fx="where(c, log1p((x - y)/y), log(x) - log(y))", fy="(y - x)/y", fxx="1.0/x", fxy="-1.0/y",
        fyy="x/y/y", domain=(NONNEGATIVE, NONNEGATIVE), source="elementary"),
    _f2("powm1", fx="y*power(x, y - 1.0)", fy="power(x, y)*log(x)", fxx="y*(y - 1.0)*power(x, y - 2.0)",
        fxy="power(x, y - 1.0)*(1.0 + y*log(x))", fyy="power(x, y)*log(x)*log(x)", domain=(POSITIVE, REALS),
        source="4.2.26"),
    # (x**y - 1)/y is l exprel(y l) with l = log(x)
    _f2("boxcox", let="l = log(x)", fx="power(x, y - 1.0)", fy="0.5*l*l*hyp1f1(2.0, 3.0, y*l)",
        fxx="(y - 1.0)*power(x, y - 2.0)", fxy="power(x, y - 1.0)*l", fyy="l*l*l*hyp1f1(3.0, 4.0, y*l)/3.0",
        domain=(POSITIVE, REALS), source="13.3.15"),
    _f2("boxcox1p", let="l = log1p(x)", fx="exp((y - 1.0)*l)", fy="0.5*l*l*hyp1f1(2.0, 3.0, y*l)",
        fxx="(y - 1.0)*exp((y - 2.0)*l)", fxy="exp((y - 1.0)*l)*l", fyy="l*l*l*hyp1f1(3.0, 4.0, y*l)/3.0",
        domain=(ABOVE_MINUS_ONE, REALS), source="13.3.15"),
    # x is delta, y is r
    _f2("huber", let=_HUBER, fx="where(a > x, a - x, 0.0)", fy="where(a > x, i*x, y)", fxx="where(a > x, -1.0, 0.0)",
        fxy="where(a > x, i, 0.0)", fyy="where(a > x, 0.0, 1.0)", domain=(NONNEGATIVE, REALS), source="elementary"),
    _f2("pseudo_huber", let=_PSEUDO, fx="x*p*p/s", fy="y/s", fxx="-p*p*(2.0*s + 1.0)/(s*s*s)", fxy="u*u*u/(s*s*s)",
        fyy="1.0/(s*s*s)", domain=(POSITIVE, REALS), source="elementary"),
)

ROWS: tuple[Function | Function2, ...] = UNARY + BINARY
# Ufuncs with several results, by rows
PARTS = {
    "sici": ("_si", "_ci"), "shichi": ("_shi", "_chi"), "fresnel": ("_fresnels", "_fresnelc"),
    "airy": ("_ai", "_aip", "_bi", "_bip"),
}


# ---------------------------------------------------------------------------------------------------------------------
# Values that are no ufunc of SciPy
# ---------------------------------------------------------------------------------------------------------------------


def _gamma_density(a, x):
    """``x**(a - 1) exp(-x)/Gamma(a)``; Stirling's series (5.11.1) where the powers would overflow."""
    a, x = np.broadcast_arrays(*_as_floats(a, x))
    v, w = 1.0/(a*a), (x - a)/a
    rest = (1/12 - (1/360 - (1/1260 - (1/1680 - v/1188)*v)*v)*v)/a
    far = np.sqrt(a)*rules.CONSTANTS["INV_SQRT_2PI"]*np.exp(a*(np.log1p(w) - w) - rest)/x
    power = np.power(x, a - 1)
    safe = (a < 15.0) | (x == 0.0) | ((a < 150.0) & (power > 1e-250) & (power < 1e250))
    return np.where(safe, power*np.exp(-x)*special.rgamma(a), far)


def _beta_density(a, b, x):
    """``x**(a - 1) (1 - x)**(b - 1)/B(a, b)``."""
    a, b, x = np.broadcast_arrays(*_as_floats(a, b, x))
    near = np.power(x, a - 1)*np.power(1 - x, b - 1)/special.beta(a, b)
    far = np.exp(special.xlogy(a - 1, x) + special.xlog1py(b - 1, -x) - special.betaln(a, b))
    return np.where(a + b < 60.0, near, far)


def _t_density(v, x):
    """The density of Student's t distribution with ``v`` degrees of freedom."""
    v, x = np.broadcast_arrays(*_as_floats(v, x))
    return special.poch(0.5*v, 0.5)/np.sqrt(np.pi*v)*np.exp(-0.5*(v + 1)*np.log1p(x*x/v))


def _as_floats(*arrays):
    kind = np.result_type(*arrays)
    return [np.asarray(a, kind if kind.kind == "f" else float) for a in arrays]


def _lambertw(x, k=0):
    """The real branches of Lambert's function; nan where W is complex."""
    w = special.lambertw(x, k)
    dtype = np.float32 if getattr(x, "dtype", None) == np.float32 else np.float64
    return np.where(np.imag(w) == 0.0, np.real(w), np.nan).astype(dtype)[()]


def _part(name, i):
    return lambda x: getattr(special, name)(x)[i]


VALUES = {
    "gamma_density": _gamma_density, "beta_density": _beta_density, "t_density": _t_density, "lambertw": _lambertw,
    **{part: _part(name, i) for name, parts in PARTS.items() for i, part in enumerate(parts)},
}


# ---------------------------------------------------------------------------------------------------------------------
# Evaluation
# ---------------------------------------------------------------------------------------------------------------------


class Row(rows.Row):
    """A row of this table as callables, with derivatives that are nan wherever the function is."""

    def __init__(self, rule):
        super().__init__(rule)
        self._restricted = True
        self.names = rule.arguments.split()

    def is_function(self, name):
        """Whether a name in a text is a function of this table, of SciPy or of the main table."""
        return name in _BY_NAME or name in PARTS or super().is_function(name)

    def function(self, name):
        """The function of a name in a text: rows of this table go before those of the main one."""
        return FUNCTIONS[name] if name in FUNCTIONS else super().function(name)

    def plain(self, *operands):
        """The function on plain numbers: SciPy's own."""
        with np.errstate(all="ignore"):
            return self._plain(*operands)

    @cached_property
    def _plain(self):
        name = self.rule.name
        if self.rule.value:
            return self._compile(self.rule.value, self._arguments, rules.lets(self.rule))
        return VALUES[name] if name in VALUES else getattr(special, name)

    def __call__(self, *operands):
        """The function on anything."""
        operands = [_number(a) for a in operands]
        if not any(is_dual(a) for a in operands):
            return self.plain(*operands)
        if len(operands) != len(self.names):
            raise DifferentiationTypeError(f"{self.rule.name}: takes {', '.join(self.names)}")
        named = dict(zip(self.names, operands, strict=True))
        variables = [named.pop(name) for name in self._arguments]
        for name, parameter in named.items():
            if is_dual(parameter):
                raise DifferentiationTypeError(
                    f"scipy.special.{self.rule.name}: no derivative with respect to {name} is known, only to "
                    f"{' and '.join(self._arguments)}; pass dualdiff.value({name}) where it is a constant"
                )
        return chain(self, variables, lambda *parts: self._again(parts, named), **named)

    def _again(self, variables, named):
        named = {**named, **dict(zip(self._arguments, variables, strict=True))}
        return self(*(named[name] for name in self.names))


def _number(a):
    return a if is_dual(a) else pack(a) if has_duals(a) else a


def _several(names):
    """A ufunc with several results."""
    return lambda x: tuple(FUNCTIONS[name](x) for name in names)


_BY_NAME = {rule.name: rule for rule in ROWS}
FUNCTIONS = {name: Row(rule) for name, rule in _BY_NAME.items()}
FUNCTIONS |= {name: _several(parts) for name, parts in PARTS.items()}
# The rules by ufunc; SciPy hides the ufunc behind its function zeta.
UFUNCS = {getattr(special, name): function for name, function in FUNCTIONS.items()
          if isinstance(getattr(special, name, None), np.ufunc)}
if isinstance(getattr(special._ufuncs, "_zeta", None), np.ufunc):
    UFUNCS[special._ufuncs._zeta] = FUNCTIONS["zeta"]


def _complex(*operands):
    raise UnsupportedFunctionError(
        "scipy.special.lambertw is complex everywhere; use dualdiff.scipy.special.lambertw, which has real branches"
    )


if isinstance(getattr(special._ufuncs, "_lambertw", None), np.ufunc):
    UFUNCS[special._ufuncs._lambertw] = _complex
