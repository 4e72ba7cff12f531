"""The table of special functions: one row, one rule, for the ufuncs of ``scipy.special``.

Rows and grammar are those of `dualdiff.rules`; texts may call every function of that table and of this one, in SciPy's
order of arguments. Numbers in parentheses are those of the NIST Digital Library of Mathematical Functions (DLMF).
Values are SciPy's own. Where a formula would cancel, a series or a continued fraction stands in its place, so that a
derivative is as accurate as SciPy's functions are.

Functions of one and two variables state both orders. A function of several variables states its first partial
derivatives alone, and the second order comes from differentiating their texts (`Partials`).

SciPy is loaded by this module, and this module only where a function of SciPy meets a dual number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
from scipy import special

from . import incomplete, rows, rules, special_values
from ._array import lift
from .errors import DifferentiationTypeError, UnsupportedFunctionError
from .kinds import is_dual
from .nested import chain, strong_product
from .numpy_rules.registry import apply_custom
from .packing import has_duals, pack, spread
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


@dataclass(frozen=True)
class Partials:
    """A function of several arguments by its first partial derivatives, whose texts are differentiated for the rest.

    Parameters
    ----------
    name : str
    arguments : str
        SciPy's arguments in order; those without a partial derivative are plain. ``out`` is the result.
    partials : dict
        Text by argument.
    domain : str
        Where the function is differentiable, where that is not everywhere.

    Other fields as in `Function`.
    """

    name: str
    arguments: str
    partials: dict
    let: str = ""
    domain: str = ""
    source: str = ""
    accuracy: tuple[float, float] = (1e-13, 1e-13)
    why: str = ""
    value: str = ""
    parameters = ()


def _f(name, d1, d2, arguments="x", **fields):
    parameters = tuple((one, None) for one in arguments.split() if one != "x")
    return Function(name, d1, d2, arguments=arguments, parameters=parameters, numpy=False, **fields)


def _f2(name, fx, fy, fxx, fxy, fyy, **fields):
    return Function2(name, fx, fy, fxx, fxy, fyy, numpy=False, **fields)


def _p(name, arguments, fields=None, **partials):
    return Partials(name, arguments, partials, **(fields or {}))


def _fields(**fields):
    return fields


def _family(arguments, cdf, sf, inverses, fields, **partials):
    """Rows of a distribution function, of its complement, and of its inverses in various arguments.

    An inverse is ``(name, arguments, solved, sign)``: its argument ``p`` is the probability, of the complement where
    the sign is ``"-"``, and the implicit function theorem gives its derivatives.
    """
    if cdf:
        yield _p(cdf, arguments, fields, **partials)
    if sf:
        yield _p(sf, arguments, fields, **{name: f"-({text})" for name, text in partials.items()})
    for name, given, solved, sign in inverses:
        let = f"{solved} = out; {fields.get('let', '')}; S = {partials[solved]}".replace("; ;", ";")
        texts = {one: f"{sign}1.0/S" if one == "p" else f"-({partials[one]})/S"
                 for one in given.split() if one == "p" or one in partials}
        yield _p(name, given, fields | {"let": let}, **texts)


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

_EIGHTH, _THREE_EIGHTHS = ("(0.7071067811865476 + 0.7071067811865476j)", "(-0.7071067811865476 + 0.7071067811865476j)")
_TWO_OVER_PI = "0.6366197723675814"
_SMIRNOV = (1e-11, 1e-10)
_KELVIN = {"accuracy": (1e-10, 1e-10), "why": "SciPy's Kelvin functions"}
_SHIFTED = "t = 2.0*x - 1.0"
_SHORT = "(x < 2.0) & (x > -2.0)"
_SQUARE = f"u = where({_SHORT}, 0.25*x*x, 0.0)"
# (J_0(x) - 1)/x and (I_0(x) - 1)/x, up to signs, and their derivatives; struve(0, x)/x
_ONE_LESS = {sign: ([Fraction(sign**k, math.factorial(k + 1)**2) for k in range(16)],
                    [Fraction(sign**k*(2*k + 1), math.factorial(k + 1)**2) for k in range(16)]) for sign in (-1, 1)}
_STRUVE = [Fraction((-1)**k*4**k, math.prod(range(1, 2*k + 2, 2))**2) for k in range(18)]

_AIRY = "o = where(x > 10.0, 1.5/(x*sqrt(x)), 0.01); q = sqrt(sqrt(where(x > 10.0, x, 10.0)))"


def _airy(prime, sign, times):
    """The expansions of scaled Airy functions (9.7.5–8), Ai or Bi by the sign, differentiated, up to their signs."""
    found, u = [], Fraction(1)
    for k in range(28):
        power = Fraction(1 if prime else -1, 4) - Fraction(3*k, 2)
        factor = math.prod((power - j for j in range(times)), start=Fraction(1))
        a = u*Fraction(6*k + 1, 1 - 6*k) if prime else u
        found.append(a*factor*sign**k*(-1 if times == 1 and not prime else 1))
        u *= Fraction((6*k + 5)*(6*k + 3)*(6*k + 1), 216*(k + 1)*(2*k + 1))
    roots = {(0, 1): "q*q*q*q*q", (0, 2): "q*q*q*q*q*q*q*q*q", (1, 1): "q*q*q", (1, 2): "q*q*q*q*q*q*q"}
    return f"0.5*INV_SQRT_PI/({roots[prime, times]})*{_series('o', found)}"


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

    _f("_modfresnelp_0", d1="-exp(1j*x*x)", d2="-2j*x*exp(1j*x*x)", holomorphic=True, source="7.2.6"),
    _f("_modfresnelp_1", d1=f"0.5*{_EIGHTH}*_wofz(1.0, {_EIGHTH}*x)", d2=f"0.5j*_wofz(2.0, {_EIGHTH}*x)",
       holomorphic=True, source="7.12.1"),
    _f("_modfresnelm_0", d1="-exp(-1j*x*x)", d2="2j*x*exp(-1j*x*x)", holomorphic=True, source="7.2.6"),
    _f("_modfresnelm_1", d1=f"0.5*{_THREE_EIGHTHS}*_wofz(1.0, {_THREE_EIGHTHS}*x)",
       d2=f"-0.5j*_wofz(2.0, {_THREE_EIGHTHS}*x)", holomorphic=True, source="7.12.1"),
    _f("wofz", d1="_wofz(1.0, x)", d2="_wofz(2.0, x)", holomorphic=True, source="7.10.1", accuracy=(1e-12, 1e-10),
       why="digits cancel up to abs(x) = 8"),
    _f("_wofz", d1="_wofz(n + 1.0, x)", d2="_wofz(n + 2.0, x)", arguments="n x", holomorphic=True, source="7.10.1",
       accuracy=(1e-10, 1e-8), why="digits cancel up to abs(x) = 8"),

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
    _f("_airye_0", let=_AIRY, d1=f"where(x > 10.0, -{_airy(0, -1, 1)}, airye(x)[1] + sqrt(x)*y)",
       d2=f"where(x > 10.0, {_airy(0, -1, 2)}, 2.0*x*y + 2.0*sqrt(x)*airye(x)[1] + 0.5*y/sqrt(x))",
       domain=NONNEGATIVE, source="9.7.5", accuracy=(1e-12, 1e-11),
       why="digits cancel up to x = 10"),
    _f("_airye_1", let=_AIRY, d1=f"where(x > 10.0, -{_airy(1, -1, 1)}, x*airye(x)[0] + sqrt(x)*y)",
       d2=f"where(x > 10.0, -{_airy(1, -1, 2)}, airye(x)[0] + 2.0*x*y + 2.0*x*sqrt(x)*airye(x)[0] + 0.5*y/sqrt(x))",
       domain=NONNEGATIVE, source="9.7.6", accuracy=(1e-12, 1e-11),
       why="digits cancel up to x = 10"),
    _f("_airye_2", let=_AIRY,
       d1=f"where(x > 10.0, -2.0*{_airy(0, 1, 1)}, airye(x)[3] - where(x > 0.0, sqrt(x)*y, 0.0))",
       d2=f"where(x > 10.0, 2.0*{_airy(0, 1, 2)}, x*y + where(x > 0.0, x*y - 2.0*sqrt(x)*airye(x)[3] - 0.5*y/sqrt(x), "
       "0.0))", source="9.7.7", accuracy=(1e-12, 1e-11),
       why="digits cancel up to x = 10"),
    _f("_airye_3", let=_AIRY,
       d1=f"where(x > 10.0, 2.0*{_airy(1, 1, 1)}, x*airye(x)[2] - where(x > 0.0, sqrt(x)*y, 0.0))",
       d2=f"where(x > 10.0, 2.0*{_airy(1, 1, 2)}, airye(x)[2] + x*y + where(x > 0.0, x*y - 2.0*x*sqrt(x)*airye(x)[2] "
       "- 0.5*y/sqrt(x), 0.0))", source="9.7.8", accuracy=(1e-12, 1e-11),
       why="digits cancel up to x = 10"),
    *(_f(f"_itairy_{i}", d1=f"airy({'-' if i > 1 else ''}x)[{2*(i % 2)}]",
         d2=f"{'-' if i > 1 else ''}airy({'-' if i > 1 else ''}x)[{2*(i % 2) + 1}]", source="9.10") for i in range(4)),
    _f("_itj0y0_0", d1="j0(x)", d2="-j1(x)", source="10.22.39"),
    _f("_itj0y0_1", d1="y0(x)", d2="-y1(x)", domain=POSITIVE, source="10.22.39"),
    _f("_iti0k0_0", d1="i0(x)", d2="i1(x)", source="10.43.1"),
    _f("_iti0k0_1", d1="k0(x)", d2="-k1(x)", domain=POSITIVE, source="10.43.1"),
    _f("_it2j0y0_0", let=_SQUARE, d1=f"where({_SHORT}, 0.25*x*{_series('u', _ONE_LESS[-1][0])}, (1.0 - j0(x))/x)",
       d2=f"where({_SHORT}, 0.25*{_series('u', _ONE_LESS[-1][1])}, (j1(x) - (1.0 - j0(x))/x)/x)", source="10.22.39"),
    _f("_it2j0y0_1", d1="-y0(x)/x", d2="(y1(x) + y0(x)/x)/x", domain=POSITIVE, source="10.22.39"),
    _f("_it2i0k0_0", let=_SQUARE, d1=f"where({_SHORT}, 0.25*x*{_series('u', _ONE_LESS[1][0])}, (i0(x) - 1.0)/x)",
       d2=f"where({_SHORT}, 0.25*{_series('u', _ONE_LESS[1][1])}, (i1(x) - (i0(x) - 1.0)/x)/x)", source="10.43.1"),
    _f("_it2i0k0_1", d1="-k0(x)/x", d2="(k1(x) + k0(x)/x)/x", domain=POSITIVE, source="10.43.1"),
    _f("jve", d1="0.5*(jv(v - 1.0, x) - jv(v + 1.0, x))", d2="0.25*(jv(v - 2.0, x) - 2.0*y + jv(v + 2.0, x))",
       arguments="v x", source="10.6.1"),
    _f("yve", d1="0.5*(yv(v - 1.0, x) - yv(v + 1.0, x))", d2="0.25*(yv(v - 2.0, x) - 2.0*y + yv(v + 2.0, x))",
       arguments="v x", domain=POSITIVE, source="10.6.1"),
    *(_f(name, d1=f"0.5*({name}(v - 1.0, x) - {name}(v + 1.0, x))",
         d2=f"0.25*({name}(v - 2.0, x) - 2.0*y + {name}(v + 2.0, x))", arguments="v x", domain=POSITIVE,
         holomorphic=True, source="10.6.1") for name in ("hankel1", "hankel2")),
    *(_f(name, d1=f"0.5*({name}(v - 1.0, x) - {name}(v + 1.0, x)) + {i}*y",
         d2=f"0.25*({name}(v - 2.0, x) - 6.0*y + {name}(v + 2.0, x)) + {i}*({name}(v - 1.0, x) - {name}(v + 1.0, x))",
         arguments="v x", domain=POSITIVE, holomorphic=True, source="10.6.1", accuracy=(1e-12, 1e-10),
         why="digits cancel as x grows") for name, i in (("hankel1e", "-1j"), ("hankel2e", "1j"))),
    _f("ber", d1="berp(x)", d2="where(x == 0.0, 0.0, -bei(x) - berp(x)/x)", source="10.61.9", **_KELVIN),
    _f("bei", d1="beip(x)", d2="where(x == 0.0, 0.5, ber(x) - beip(x)/x)", source="10.61.9", **_KELVIN),
    _f("berp", d1="where(x == 0.0, -0.1875*x*x, -bei(x) - y/x)",
       d2="where(x == 0.0, -0.375*x, -beip(x) + (bei(x) + 2.0*y/x)/x)", source="10.61.9", **_KELVIN),
    _f("beip", d1="where(x == 0.0, 0.5, ber(x) - y/x)",
       d2="where(x == 0.0, 0.0, berp(x) - (ber(x) - 2.0*y/x)/x)", source="10.61.9", **_KELVIN),
    _f("ker", d1="kerp(x)", d2="-kei(x) - kerp(x)/x", domain=POSITIVE, source="10.61.9", **_KELVIN),
    _f("kei", d1="keip(x)", d2="ker(x) - keip(x)/x", domain=POSITIVE, source="10.61.9", **_KELVIN),
    _f("kerp", d1="-kei(x) - y/x", d2="-keip(x) + (kei(x) + 2.0*y/x)/x", domain=POSITIVE, source="10.61.9", **_KELVIN),
    _f("keip", d1="ker(x) - y/x", d2="kerp(x) - (ker(x) - 2.0*y/x)/x", domain=POSITIVE, source="10.61.9", **_KELVIN),
    _f("_kelvin_0", d1="kelvin(x)[2]", d2="1j*y - kelvin(x)[2]/x", holomorphic=True, source="10.61.3", **_KELVIN),
    _f("_kelvin_1", d1="kelvin(x)[3]", d2="1j*y - kelvin(x)[3]/x", domain=POSITIVE, holomorphic=True,
       source="10.61.3", **_KELVIN),
    _f("_kelvin_2", d1="1j*kelvin(x)[0] - y/x", d2="1j*y - (1j*kelvin(x)[0] - 2.0*y/x)/x", holomorphic=True,
       source="10.61.3", **_KELVIN),
    _f("_kelvin_3", d1="1j*kelvin(x)[1] - y/x", d2="1j*y - (1j*kelvin(x)[1] - 2.0*y/x)/x", domain=POSITIVE,
       holomorphic=True, source="10.61.3", **_KELVIN),
    _f("struve", d1="0.5*(struve(v - 1.0, x) - struve(v + 1.0, x) + _struve_power(v, x))",
       d2="0.25*(struve(v - 2.0, x) - 2.0*y + struve(v + 2.0, x) + _struve_power(v - 1.0, x) "
       "- _struve_power(v + 1.0, x)) + 0.5*_struve_slope(v, x)", arguments="v x", source="11.4.27"),
    _f("modstruve", d1="0.5*(modstruve(v - 1.0, x) + modstruve(v + 1.0, x) + _struve_power(v, x))",
       d2="0.25*(modstruve(v - 2.0, x) + 2.0*y + modstruve(v + 2.0, x) + _struve_power(v - 1.0, x) "
       "+ _struve_power(v + 1.0, x)) + 0.5*_struve_slope(v, x)", arguments="v x", source="11.4.29",
       accuracy=(1e-11, 1e-11), why="SciPy's modstruve"),
    _f("_struve_power", d1="_struve_slope(v, x)", d2="where(x == 0.0, 0.0, (v - 1.0)/x*_struve_slope(v, x))",
       arguments="v x", source="elementary"),
    _f("_struve_slope", d1="where(x == 0.0, 0.0, (v - 1.0)/x*y)", d2="where(x == 0.0, 0.0, (v - 1.0)*(v - 2.0)/x/x*y)",
       arguments="v x", source="elementary"),
    _f("itstruve0", d1="struve(0.0, x)", d2=f"{_TWO_OVER_PI} - struve(1.0, x)", source="11.4.27"),
    _f("itmodstruve0", d1="modstruve(0.0, x)", d2=f"{_TWO_OVER_PI} + modstruve(1.0, x)", source="11.4.29"),
    _f("it2struve0", let=_SQUARE, d1=f"where({_SHORT}, -{_TWO_OVER_PI}*{_series('u', _STRUVE)}, -struve(0.0, x)/x)",
       d2=f"where({_SHORT}, -{_TWO_OVER_PI}*0.5*x*{_series('u', _differentiated(_STRUVE))}, "
       f"(struve(1.0, x) - {_TWO_OVER_PI} + struve(0.0, x)/x)/x)", source="11.4.27"),
    _f("besselpoly", let="p = besselpoly(x, lmb + 1.0, nu + 1.0)",
       d1="where(nu >= 1.0, besselpoly(x, lmb + 1.0, nu - 1.0) - p, nu/x*y - 2.0*p)",
       d2="where(nu >= 2.0, besselpoly(x, lmb + 2.0, nu - 2.0) - 2.0*besselpoly(x, lmb + 2.0, nu) "
       "+ besselpoly(x, lmb + 2.0, nu + 2.0), nu*(nu - 1.0)/x/x*y - (4.0*nu + 2.0)/x*p "
       "+ 4.0*besselpoly(x, lmb + 2.0, nu + 2.0))", arguments="x lmb nu", domain=POSITIVE, source="10.6.2"),
    _f("hyp0f1", d1="hyp0f1(v + 1.0, x)/v", d2="hyp0f1(v + 2.0, x)/(v*(v + 1.0))", arguments="v x", source="16.3.1"),
    _f("hyp1f1", d1="a/b*hyp1f1(a + 1.0, b + 1.0, x)", d2="a*(a + 1.0)/(b*(b + 1.0))*hyp1f1(a + 2.0, b + 2.0, x)",
       arguments="a b x", source="13.3.15"),
    _f("hyp2f1", d1="a*b/c*hyp2f1(a + 1.0, b + 1.0, c + 1.0, x)",
       d2="a*(a + 1.0)*b*(b + 1.0)/(c*(c + 1.0))*hyp2f1(a + 2.0, b + 2.0, c + 2.0, x)", arguments="a b c x",
       domain=BELOW_ONE, source="15.5.1"),
    _f("hyperu", d1="-a*hyperu(a + 1.0, b + 1.0, x)", d2="a*(a + 1.0)*hyperu(a + 2.0, b + 2.0, x)", arguments="a b x",
       domain=POSITIVE, source="13.3.22", accuracy=(1e-12, 1e-12), why="SciPy's hyperu"),

    _f("wright_bessel", d1="wright_bessel(a, b + a, x)", d2="wright_bessel(a, b + a + a, x)", arguments="a b x",
       domain=NONNEGATIVE, source="10.46.1"),
    _f("log_wright_bessel", d1="exp(log_wright_bessel(a, b + a, x) - y)",
       d2="exp(log_wright_bessel(a, b + a + a, x) - y) - d1*d1", arguments="a b x", domain=NONNEGATIVE,
       source="10.46.1"),

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
    # Distribution functions
    _f("kolmogorov", d1="_kolmogorov(1.0, x)", d2="_kolmogorov(2.0, x)", source="20.7.30"),
    _f("kolmogi", d1="1.0/_kolmogorov(1.0, y)", d2="-_kolmogorov(2.0, y)*d1*d1*d1", domain=ZERO_TO_ONE,
       source="20.7.30"),
    _f("_kolmogorov", d1="_kolmogorov(n + 1.0, x)", d2="_kolmogorov(n + 2.0, x)", arguments="n x", source="20.7.30"),
    _f("smirnov", d1="_smirnov(1.0, n, x)", d2="_smirnov(2.0, n, x)", arguments="n x", domain=CLOSED,
       source="term by term", accuracy=_SMIRNOV, why="alternating sums"),
    _f("smirnovi", d1="1.0/_smirnov(1.0, n, y)", d2="-_smirnov(2.0, n, y)*d1*d1*d1", arguments="n x",
       domain=ZERO_TO_ONE, source="term by term", accuracy=_SMIRNOV, why="alternating sums"),
    _f("_smirnov", d1="_smirnov(r + 1.0, n, x)", d2="_smirnov(r + 2.0, n, x)", arguments="r n x",
       domain=Domain(0.0, 1.0), source="term by term", accuracy=_SMIRNOV, why="alternating sums"),

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
    _f("eval_chebyc", d1="n*eval_gegenbauer(n - 1, 1.0, 0.5*x)", d2="n*eval_gegenbauer(n - 2, 2.0, 0.5*x)",
       arguments="n x", source="18.9.21"),
    _f("eval_chebys", d1="eval_gegenbauer(n - 1, 2.0, 0.5*x)", d2="2.0*eval_gegenbauer(n - 2, 3.0, 0.5*x)",
       arguments="n x", source="18.9.19"),
    _f("eval_sh_chebyt", let=_SHIFTED, d1="2.0*n*eval_gegenbauer(n - 1, 1.0, t)",
       d2="8.0*n*eval_gegenbauer(n - 2, 2.0, t)", arguments="n x", source="18.9.21"),
    _f("eval_sh_chebyu", let=_SHIFTED, d1="4.0*eval_gegenbauer(n - 1, 2.0, t)",
       d2="32.0*eval_gegenbauer(n - 2, 3.0, t)", arguments="n x", source="18.9.19"),
    _f("eval_sh_legendre", let=_SHIFTED, d1="2.0*eval_gegenbauer(n - 1, 1.5, t)",
       d2="12.0*eval_gegenbauer(n - 2, 2.5, t)", arguments="n x", source="18.9.19"),
    _f("eval_sh_jacobi", let=_SHIFTED + "; w = binom(2.0*n + p - 1.0, n)",
       d1="(n + p)*eval_jacobi(n - 1, p - q + 1.0, q, t)/w",
       d2="(n + p)*(n + p + 1.0)*eval_jacobi(n - 2, p - q + 2.0, q + 1.0, t)/w", arguments="n p q x", source="18.9.15"),
    _f("lpmv", let="w = (1.0 - x)*(1.0 + x)", d1="((m - v - 1.0)*lpmv(m, v + 1.0, x) + (v + 1.0)*x*y)/w",
       d2="(2.0*x*d1 - (v*(v + 1.0) - m*m/w)*y)/w", arguments="m v x", domain=OPEN_UNIT, source="14.10.5",
       accuracy=(1e-12, 1e-11), why="digits cancel beside the ends"),
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

# ---------------------------------------------------------------------------------------------------------------------
# Functions of several variable arguments
# ---------------------------------------------------------------------------------------------------------------------

_GAMMA_EDGE = "where(a > 2.0, 0.0, where(a == 2.0, 1.0, where(a == 1.0, -1.0, (a - 1.0)*INF)))"
_SHAPES = "a = 0.5*dfn; b = 0.5*dfd; d = dfd + dfn*{x}; w = dfn*{x}/d; u = dfd/d"
# Of the F distribution: the parameter of the incomplete beta function that is the smaller of w and 1 - w.
_F_A = "where(w < 0.5, _betainc(1.0, 0.0, a, b, w), -_betainc(0.0, 1.0, b, a, u))"
_F_B = "where(w < 0.5, _betainc(0.0, 1.0, a, b, w), -_betainc(1.0, 0.0, b, a, u))"
_F_DENSITY = "where(w < 0.5, beta_density(a, b, w), beta_density(b, a, u))"
_T_TAIL = ("where(x*x < v, -_betainc(0.0, 1.0, 0.5, 0.5*v, x*x/(v + x*x)), "
           "_betainc(1.0, 0.0, 0.5*v, 0.5, v/(v + x*x)))")
# With many degrees of freedom the distribution is nearly normal, and hardly depends on them.
_FREEDOM = "in v about 1e-15 v²: digits cancel"
_NORMAL_QUANTILE = "t = ndtri(p); s = 2.5066282746310002*exp(0.5*t*t)"
_ELLIPJ_LET = "p = ellipj(u, m); g = 0.5*_elliptic(1.0, -1.5, p[3], m)"
_ELLIPJ = _fields(let=_ELLIPJ_LET, domain="0 ≤ m < 1", source="22.13.1, 19.4.6")
_RIEMANN = ("r = where(x < 0.5, 2.0, x); l = where(x < 0.5, x, 0.25); "
            "c = 2.0*power(2.0*PI, l - 1.0)*gamma(1.0 - l)*_riemann(1.0 - l)")
_RC = "t = where(y > 0.0, y, 1.0); g = 0.5*(out - 1.0/sqrt(x))/(y - x)"
_RJ = ("t = where(p > 0.0, p, 1.0); g = 0.5*(out - elliprd(y, z, x))/(p - x); "
       "h = 0.5*(out - elliprd(x, z, y))/(p - y); i = 0.5*(out - elliprd(x, y, z))/(p - z)")


def _spheroidal(kind, equation, which):
    """A spheroidal function and its derivative, by the differential equation (30.2.1)."""
    given = {"cv": "m n c cv x"}.get(which, "m n c x")
    lambda_ = "cv" if which == "cv" else f"{kind[:3]}_cv(m, n, c)"
    call = f"{kind}({', '.join(given.split())})"
    # By its Wronskian SciPy's function of the second kind is wrong at some small c x.
    why = "SciPy's values are wrong at some small c x" if "rad2" in kind else "held to differences"
    source = _fields(source="30.2.1", domain=equation[1], accuracy=(1e-6, 1e-6), why=why)
    yield _p(f"_{kind}_0", given, source, x=f"{call}[1]")
    yield _p(f"_{kind}_1", given, source, x=equation[0].format(call=call, eigenvalue=lambda_))


_PROLATE = "(2.0*x*out - ({eigenvalue} - c*c*x*x - m*m/(1.0 - x*x))*{call}[0])/(1.0 - x*x)"
_OBLATE = "(2.0*x*out - ({eigenvalue} + c*c*x*x - m*m/(1.0 - x*x))*{call}[0])/(1.0 - x*x)"
_OBLATE_RADIAL = "(({eigenvalue} - c*c*x*x - m*m/(1.0 + x*x))*{call}[0] - 2.0*x*out)/(1.0 + x*x)"
_EQUATIONS = {
    "pro_ang1": (_PROLATE, "-1 < x < 1"), "pro_rad1": (_PROLATE, "x > 1"), "pro_rad2": (_PROLATE, "x > 1"),
    "obl_ang1": (_OBLATE, "-1 < x < 1"), "obl_rad1": (_OBLATE_RADIAL, "x ≥ 0"),
    "obl_rad2": (_OBLATE_RADIAL, "x ≥ 0"),
}
# Mathieu's functions in degrees, the modified ones in radians (28.2.1, 28.20.1): the factor of x, and y'' = factor y
_MATHIEU = {
    **{f"mathieu_{kind}": ("PI/180.0*", f"(2.0*q*cosdg(2.0*x) - mathieu_{value}(m, q))")
       for kind, value in (("cem", "a"), ("sem", "b"))},
    **{f"mathieu_{kind}": ("", f"(mathieu_{value}(m, q) - 2.0*q*cosh(2.0*x))")
       for kind, value in (("modcem1", "a"), ("modcem2", "a"), ("modsem1", "b"), ("modsem2", "b"))},
}
_PARABOLIC = "(0.25*x*x - v - 0.5)"

PARTIALS: tuple[Partials, ...] = (
    # Incomplete gamma function and the distributions made of it
    *_family("a x", "gammainc", "gammaincc", [("gammaincinv", "a p", "x", ""), ("gammainccinv", "a p", "x", "-")],
             _fields(domain="a > 0, x ≥ 0", source="8.2.4"), a="_gammainc(1.0, a, x)", x="gamma_density(a, x)"),
    _p("_gammainc", "n a x", _fields(domain="a > 0, x ≥ 0", source="Takahasi & Mori"), a="_gammainc(n + 1.0, a, x)",
       x="gamma_density(a, x)*_gamma_bell(n, a, x)"),
    _p("_gamma_bell", "n a x", _fields(source="DLMF 26.7"),
       a="_gamma_bell(n + 1.0, a, x) - _gamma_bell(1.0, a, x)*out", x="n*_gamma_bell(n - 1.0, a, x)/x"),
    _p("gamma_density", "a x", _fields(domain="a > 0, x > 0", source="elementary"), a="out*_gamma_bell(1.0, a, x)",
       x=f"where(x == 0.0, {_GAMMA_EDGE}, out*((a - 1.0 - x)/x))"),
    *_family("v x", "chdtr", "chdtrc", [("chdtri", "v p", "x", "-"), ("chdtriv", "p x", "v", "")],
             _fields(domain="v > 0, x ≥ 0", source="8.2.4"), v="0.5*_gammainc(1.0, 0.5*v, 0.5*x)",
             x="0.5*gamma_density(0.5*v, 0.5*x)"),
    *_family("a b x", "gdtr", "gdtrc", [("gdtria", "p b x", "a", ""), ("gdtrib", "a p x", "b", ""),
                                        ("gdtrix", "a b p", "x", "")],
             _fields(domain="a > 0, b > 0, x ≥ 0", source="8.2.4"), a="x*gamma_density(b, a*x)",
             b="_gammainc(1.0, b, a*x)", x="a*gamma_density(b, a*x)"),
    # Poisson: whole numbers k in the function, any in the inverse
    *_family("k m", "pdtrc", "pdtr", [("pdtri", "k p", "m", "-")], _fields(domain="m ≥ 0", source="8.8.13"),
             m="gamma_density(floor(k) + 1.0, m)"),
    *_family("k m", "", "", [("pdtrik", "p m", "k", "-")], _fields(domain="m > 0", source="8.8.13"),
             k="_gammainc(1.0, k + 1.0, m)", m="gamma_density(k + 1.0, m)"),

    # Incomplete beta function and the distributions made of it
    *_family("a b x", "betainc", "betaincc",
             [("betaincinv", "a b p", "x", ""), ("betainccinv", "a b p", "x", "-"), ("btdtria", "p b x", "a", ""),
              ("btdtrib", "a p x", "b", "")],
             _fields(domain="a > 0, b > 0, 0 ≤ x ≤ 1", source="8.17.1"), a="_betainc(1.0, 0.0, a, b, x)",
             b="_betainc(0.0, 1.0, a, b, x)", x="beta_density(a, b, x)"),
    _p("_betainc", "i j a b x", _fields(domain="a > 0, b > 0, 0 ≤ x ≤ 1", source="Takahasi & Mori"),
       a="_betainc(i + 1.0, j, a, b, x)", b="_betainc(i, j + 1.0, a, b, x)",
       x="beta_density(a, b, x)*_beta_bell(i, j, a, b, x)"),
    _p("_beta_bell", "i j a b x", _fields(source="DLMF 26.7"),
       a="_beta_bell(i + 1.0, j, a, b, x) - _beta_bell(1.0, 0.0, a, b, x)*out",
       b="_beta_bell(i, j + 1.0, a, b, x) - _beta_bell(0.0, 1.0, a, b, x)*out",
       x="i*_beta_bell(i - 1.0, j, a, b, x)/x - j*_beta_bell(i, j - 1.0, a, b, x)/(1.0 - x)"),
    _p("beta_density", "a b x", _fields(domain="a > 0, b > 0, 0 < x < 1", source="elementary"),
       a="out*_beta_bell(1.0, 0.0, a, b, x)", b="out*_beta_bell(0.0, 1.0, a, b, x)",
       x="out*((a - 1.0)/x - (b - 1.0)/(1.0 - x))"),
    *_family("dfn dfd x", "fdtr", "fdtrc", [("fdtri", "dfn dfd p", "x", ""), ("fdtridfd", "dfn p x", "dfd", "")],
             _fields(let=_SHAPES.format(x="x"), domain="dfn > 0, dfd > 0, x ≥ 0", source="8.17.1"),
             dfn=f"0.5*{_F_A} + {_F_DENSITY}*x*dfd/(d*d)", dfd=f"0.5*{_F_B} - {_F_DENSITY}*x*dfn/(d*d)",
             x=f"{_F_DENSITY}*dfn*dfd/(d*d)"),
    *_family("v x", "stdtr", "", [("stdtrit", "v p", "x", ""), ("stdtridf", "p x", "v", "")],
             _fields(domain="v > 0", source="8.17.1", accuracy=(1e-11, 1e-11), why=_FREEDOM),
             v=f"where(x < 0.0, 0.25, -0.25)*{_T_TAIL} - 0.5*x/v*t_density(v, x)", x="t_density(v, x)"),
    _p("t_density", "v x", _fields(domain="v > 0", source="elementary"),
       v="0.5*out*(psi_step(0.5*v, 0.5) - 1.0/v - log1p(x*x/v) + (v + 1.0)*x*x/(v*(v + x*x)))",
       x="-(v + 1.0)*x/(v + x*x)*out"),
    # Binomial and negative binomial: whole numbers in the functions, any in the inverses
    *_family("k n p", "bdtrc", "bdtr", [], _fields(domain="0 ≤ p ≤ 1", source="8.17.5"),
             p="beta_density(floor(k) + 1.0, floor(n) - floor(k), p)"),
    _p("bdtri", "k n y", _fields(domain="0 < y < 1", source="8.17.5"),
       y="-1.0/beta_density(floor(k) + 1.0, floor(n) - floor(k), out)"),
    _p("bdtrik", "y n p", _fields(let="a = out + 1.0; b = n - out; i = _betainc(1.0, 0.0, a, b, p); "
                                      "j = _betainc(0.0, 1.0, a, b, p)", domain="0 < y < 1",
                                  accuracy=(1e-10, 1e-9), why="SciPy's iterations", source="8.17.5"),
       y="1.0/(j - i)", n="j/(j - i)", p="beta_density(a, b, p)/(j - i)"),
    _p("bdtrin", "k y p", _fields(let="a = k + 1.0; b = out - k; j = _betainc(0.0, 1.0, a, b, p)",
                                  domain="0 < y < 1", accuracy=(1e-10, 1e-9), why="SciPy's iterations",
                 source="8.17.5"),
       k="1.0 - _betainc(1.0, 0.0, a, b, p)/j", y="-1.0/j", p="-beta_density(a, b, p)/j"),
    *_family("k n p", "nbdtr", "nbdtrc", [], _fields(domain="0 ≤ p ≤ 1", source="8.17.24"),
             p="beta_density(floor(n), floor(k) + 1.0, p)"),
    _p("nbdtri", "k n y", _fields(domain="0 < y < 1", source="8.17.24"),
       y="1.0/beta_density(floor(n), floor(k) + 1.0, out)"),
    _p("nbdtrik", "y n p", _fields(let="b = out + 1.0; j = _betainc(0.0, 1.0, n, b, p)", domain="0 < y < 1",
                                   accuracy=(1e-10, 1e-9), why="SciPy's iterations",
                 source="8.17.24"),
       y="1.0/j", n="-_betainc(1.0, 0.0, n, b, p)/j", p="-beta_density(n, b, p)/j"),
    _p("nbdtrin", "k y p", _fields(let="b = k + 1.0; i = _betainc(1.0, 0.0, out, b, p)", domain="0 < y < 1",
                                   accuracy=(1e-10, 1e-9), why="SciPy's iterations",
                 source="8.17.24"),
       k="-_betainc(0.0, 1.0, out, b, p)/i", y="1.0/i", p="-beta_density(out, b, p)/i"),

    # Noncentral distributions (Johnson, Kotz & Balakrishnan, chapters 29 to 31)
    *_family("x df nc", "chndtr", "",
             [("chndtrix", "p df nc", "x", ""), ("chndtridf", "x p nc", "df", ""), ("chndtrinc", "x df p", "nc", "")],
             _fields(domain="x > 0, nc ≥ 0", source="Poisson mixture", accuracy=(1e-11, 1e-11), why="SciPy's chndtr"),
             x="_ncx2_density(0.0, df, nc, x)", df="_chndtr(1.0, df, nc, x)",
             nc="-_ncx2_density(0.0, df + 2.0, nc, x)"),
    _p("_chndtr", "n v c x", _fields(source="Poisson mixture"), v="_chndtr(n + 1.0, v, c, x)",
       c="-_ncx2_density(n, v + 2.0, c, x)", x="_ncx2_density(n, v, c, x)"),
    _p("_ncx2_density", "n v c x", _fields(source="10.25.2"), v="_ncx2_density(n + 1.0, v, c, x)",
       c="0.5*(_ncx2_density(n, v + 2.0, c, x) - out)",
       x="out*((0.5*v - 1.0)/x - 0.5) + 0.5*(c*_ncx2_density(n, v + 2.0, c, x) + n*_ncx2_density(n - 1.0, v, c, x))/x"),
    *_family("dfn dfd nc x", "ncfdtr", "",
             [("ncfdtri", "dfn dfd nc p", "x", ""), ("ncfdtridfn", "p dfd nc x", "dfn", ""),
              ("ncfdtridfd", "dfn p nc x", "dfd", ""), ("ncfdtrinc", "dfn dfd p x", "nc", "")],
             _fields(let=_SHAPES.format(x="x") + "; h = 0.5*nc; f = _ncbeta_density(0.0, 0.0, a, b, h, w)/(d*d)",
                     domain="x > 0, nc ≥ 0", source="Poisson mixture", accuracy=(1e-11, 1e-11), why="SciPy's ncfdtr"),
             dfn="0.5*_ncbeta(1.0, 0.0, a, b, h, w) + f*x*dfd", dfd="0.5*_ncbeta(0.0, 1.0, a, b, h, w) - f*x*dfn",
             nc="-0.5*_ncbeta_step(0.0, 0.0, a, b, h, w)", x="f*dfn*dfd"),
    _p("_ncbeta", "i k a b h y", _fields(source="Poisson mixture"), a="_ncbeta(i + 1.0, k, a, b, h, y)",
       b="_ncbeta(i, k + 1.0, a, b, h, y)", h="-_ncbeta_step(i, k, a, b, h, y)", y="_ncbeta_density(i, k, a, b, h, y)"),
    *(_p(name, "i k a b h y", _fields(source="Poisson mixture"), a=f"{name}(i + 1.0, k, a, b, h, y)",
         b=f"{name}(i, k + 1.0, a, b, h, y)", h=f"{name}(i, k, a + 1.0, b, h, y) - out",
         y=f"out*((a - {one})/y - (b - {one})/(1.0 - y)) + (i*{name}(i - 1.0, k, a, b, h, y) "
           f"+ h*{name}(i, k, a + 1.0, b, h, y))/y - k*{name}(i, k - 1.0, a, b, h, y)/(1.0 - y)")
      for name, one in (("_ncbeta_density", "1.0"), ("_ncbeta_step", "0.0"))),
    *_family("df nc x", "nctdtr", "",
             [("nctdtrit", "df nc p", "x", ""), ("nctdtridf", "p nc x", "df", ""), ("nctdtrinc", "df p x", "nc", "")],
             _fields(domain="df > 0", source="mean of normals", accuracy=(1e-11, 1e-11), why="SciPy's nctdtr"),
             df="_nctdtr(1.0, df, nc, x)", nc="-_nct_moment(0.0, 0.0, df, nc, x)",
             x="_nct_moment(0.0, 1.0, df, nc, x)"),
    _p("_nctdtr", "n v d x", _fields(source="mean of normals", accuracy=(1e-11, 1e-10), why=_FREEDOM),
       v="_nctdtr(n + 1.0, v, d, x)", d="-_nct_moment(n, 0.0, v, d, x)", x="_nct_moment(n, 1.0, v, d, x)"),
    _p("_nct_moment", "n k v d x", _fields(source="mean of normals"), v="_nct_moment(n + 1.0, k, v, d, x)",
       d="x*_nct_moment(n, k + 1.0, v, d, x) - d*out",
       x="d*_nct_moment(n, k + 1.0, v, d, x) - x*_nct_moment(n, k + 2.0, v, d, x)"),
    _p("nrdtrimn", "p std x", _fields(let=_NORMAL_QUANTILE, domain="0 < p < 1", source="7.17.1"), p="-std*s", std="-t",
       x="1.0"),
    _p("nrdtrisd", "mn p x", _fields(let=_NORMAL_QUANTILE, domain="0 < p < 1", source="7.17.1"), mn="-1.0/t",
       p="-(x - mn)*s/(t*t)", x="1.0/t"),
    # The quantile function is boxcox(p, lmbda) - boxcox(q, lmbda).
    _p("tklmbda", "x lmbda",
       _fields(let="q = tklmbda(-x, lmbda); s = where((out > 0.0) & (q > 0.0), 1.0/(power(out, lmbda - 1.0) "
                   "+ power(q, lmbda - 1.0)), 0.0); k = log(out); l = log(q)", source="13.3.15",
               accuracy=(1e-11, 1e-10), why="SciPy's iterations"),
       x="s", lmbda="where(s == 0.0, 0.0, -0.5*s*(k*k*hyp1f1(2.0, 3.0, lmbda*k) - l*l*hyp1f1(2.0, 3.0, lmbda*l)))"),
    _p("owens_t", "h a", _fields(source="Owen 1956"), h="-0.5*INV_SQRT_2PI*exp(-0.5*h*h)*erf(SQRT1_2*a*h)",
       a="exp(-0.5*h*h)*exp(-0.5*h*h*a*a)/(2.0*PI*(1.0 + a*a))"),
    _p("voigt_profile", "x sigma gamma",
       _fields(let="w = _wofz(1.0, SQRT1_2*(x + 1j*gamma)/sigma); s = 0.5*INV_SQRT_PI/(sigma*sigma)",
               domain="sigma > 0, gamma ≥ 0", source="7.19.3", accuracy=(1e-11, 1e-9), why="digits cancel"),
       x="s*real(w)", sigma="-out/sigma - s*(x*real(w) - gamma*imag(w))/sigma", gamma="-s*imag(w)"),

    # Zeta functions
    _p("zeta", "s x", _fields(domain="s > 1, x > 0", source="25.11.5"), s="_hurwitz(1.0, s, x)",
       x="-s*zeta(s + 1.0, x)"),
    _p("_hurwitz", "n s x", _fields(domain="s > 1, x > 0", source="25.11.5"), s="_hurwitz(n + 1.0, s, x)",
       x="-s*_hurwitz(n, s + 1.0, x) - n*_hurwitz(n - 1.0, s + 1.0, x)"),
    *(_p(name, "x", _fields(let=_RIEMANN, source="25.4.2"), x="where(x < 0.5, c*(0.5*PI*cos(0.5*PI*l) + "
       "sin(0.5*PI*l)*(1.8378770664093453 - psi(1.0 - l) - _hurwitz(1.0, 1.0 - l, 1.0)/_riemann(1.0 - l))), "
       "_hurwitz(1.0, r, 1.0))") for name in ("zetac", "_riemann")),

    # Powers
    _p("inv_boxcox", "x k", _fields(source="15.6.1"), x="power(out, 1.0 - k)",
       k="-0.5*out*x*x*hyp2f1(2.0, 2.0, 3.0, -k*x)"),
    _p("inv_boxcox1p", "x k", _fields(source="15.6.1"), x="exp((1.0 - k)*log1p(out))",
       k="-0.5*(1.0 + out)*x*x*hyp2f1(2.0, 2.0, 3.0, -k*x)"),
    _p("radian", "d m s", _fields(source="elementary"), d="PI/180.0", m="PI/10800.0", s="PI/648000.0"),

    # Elliptic integrals and functions
    _p("ellipkinc", "phi m", _fields(domain="m sin²φ < 1", source="19.2.4"), phi="1.0/sqrt(1.0 - m*sin(phi)*sin(phi))",
       m="0.5*_elliptic(1.0, -1.5, phi, m)"),
    _p("ellipeinc", "phi m", _fields(domain="m sin²φ < 1", source="19.2.5"), phi="sqrt(1.0 - m*sin(phi)*sin(phi))",
       m="-0.5*_elliptic(1.0, -0.5, phi, m)"),
    _p("_elliptic", "i q phi m", _fields(let="s = sin(phi)", domain="m sin²φ < 1", source="19.25.5"),
       phi="where(i == 0.0, 1.0, power(s*s, i))*power(1.0 - m*s*s, q)", m="-q*_elliptic(i + 1.0, q - 1.0, phi, m)"),
    _p("_ellipj_0", "u m", _ELLIPJ, u="p[1]*p[2]", m="-p[1]*p[2]*g"),
    _p("_ellipj_1", "u m", _ELLIPJ, u="-p[0]*p[2]", m="p[0]*p[2]*g"),
    _p("_ellipj_2", "u m", _ELLIPJ, u="-m*p[0]*p[1]", m="m*p[0]*p[1]*g - 0.5*p[0]*p[0]/p[2]"),
    _p("_ellipj_3", "u m", _ELLIPJ, u="p[2]", m="-p[2]*g"),
    _p("agm", "x y", _fields(let="s = out/(3.0*elliprf(0.0, x*x, y*y))", source="19.8.5"),
       x="s*x*elliprd(0.0, y*y, x*x)", y="s*y*elliprd(0.0, x*x, y*y)"),
    _p("elliprf", "x y z", _fields(domain="x, y, z ≥ 0", source="19.18.1"), x="-elliprd(y, z, x)/6.0",
       y="-elliprd(x, z, y)/6.0", z="-elliprd(x, y, z)/6.0"),
    _p("elliprg", "x y z", _fields(domain="x, y, z ≥ 0", source="19.16.3"),
       x="0.125*_carlson(1.0, 1.5, 0.5, 0.5, 0.0, x, y, z, 1.0)",
       y="0.125*_carlson(1.0, 0.5, 1.5, 0.5, 0.0, x, y, z, 1.0)",
       z="0.125*_carlson(1.0, 0.5, 0.5, 1.5, 0.0, x, y, z, 1.0)"),
    _p("elliprd", "x y z", _fields(domain="x, y ≥ 0, z > 0", source="19.16.5"),
       x="-0.75*_carlson(0.0, 1.5, 0.5, 1.5, 0.0, x, y, z, 1.0)",
       y="-0.75*_carlson(0.0, 0.5, 1.5, 1.5, 0.0, x, y, z, 1.0)",
       z="-2.25*_carlson(0.0, 0.5, 0.5, 2.5, 0.0, x, y, z, 1.0)"),
    # Cauchy principal values: y < 0 in elliprc and p < 0 in elliprj, where nothing cancels in other formulas
    _p("elliprc", "x y", _fields(domain="x ≥ 0, y ≠ 0", source="19.16.6", let=_RC),
       x="where(y > 0.0, -0.25*_carlson(0.0, 1.5, 1.0, 0.0, 0.0, x, t, 1.0, 1.0), g)",
       y="where(y > 0.0, -0.5*_carlson(0.0, 0.5, 2.0, 0.0, 0.0, x, t, 1.0, 1.0), (-0.5*out - x*g)/y)"),
    _p("elliprj", "x y z p", _fields(domain="x, y, z ≥ 0, p ≠ 0", source="19.16.2", let=_RJ),
       x="where(p > 0.0, -0.75*_carlson(0.0, 1.5, 0.5, 0.5, 1.0, x, y, z, t), g)",
       y="where(p > 0.0, -0.75*_carlson(0.0, 0.5, 1.5, 0.5, 1.0, x, y, z, t), h)",
       z="where(p > 0.0, -0.75*_carlson(0.0, 0.5, 0.5, 1.5, 1.0, x, y, z, t), i)",
       p="where(p > 0.0, -1.5*_carlson(0.0, 0.5, 0.5, 0.5, 2.0, x, y, z, t), "
         "(-1.5*out - x*g - y*h - z*i)/p)"),
    _p("_carlson", "r i j k l x y z p", _fields(domain="x, y, z, p ≥ 0", source="19.16.9"),
       x="-i*_carlson(r, i + 1.0, j, k, l, x, y, z, p)", y="-j*_carlson(r, i, j + 1.0, k, l, x, y, z, p)",
       z="-k*_carlson(r, i, j, k + 1.0, l, x, y, z, p)", p="-l*_carlson(r, i, j, k, l + 1.0, x, y, z, p)"),

    # Solutions of linear differential equations of second order, with their derivatives
    *(row for name in ("pbdv", "pbvv") for row in (
        _p(f"_{name}_0", "v x", _fields(source="12.2.4"), x=f"{name}(v, x)[1]"),
        _p(f"_{name}_1", "v x", _fields(source="12.2.4"), x=f"{_PARABOLIC}*{name}(v, x)[0]"))),
    _p("_pbwa_0", "a x", _fields(source="12.14.1", accuracy=(1e-11, 1e-11), why="SciPy's pbwa"), x="pbwa(a, x)[1]"),
    _p("_pbwa_1", "a x", _fields(source="12.14.1", accuracy=(1e-11, 1e-11), why="SciPy's pbwa"),
       x="(a - 0.25*x*x)*pbwa(a, x)[0]"),
    *(row for name, (unit, factor) in _MATHIEU.items() for row in (
        _p(f"_{name}_0", "m q x", _fields(source="28.2.1"), x=f"{unit}{name}(m, q, x)[1]"),
        _p(f"_{name}_1", "m q x", _fields(source="28.2.1"), x=f"{unit}{factor}*{name}(m, q, x)[0]"))),
    _p("mathieu_a", "m q", _fields(source="28.4.5", accuracy=(1e-11, 1e-11), why="SciPy's mathieu_a"),
       q="_mathieu(0.0, 1.0, m, q)"),
    _p("mathieu_b", "m q", _fields(source="28.4.7", accuracy=(1e-11, 1e-11), why="SciPy's mathieu_b"),
       q="_mathieu(1.0, 1.0, m, q)"),
    _p("_mathieu", "odd n m q", _fields(source="perturbation theory"), q="_mathieu(odd, n + 1.0, m, q)"),
    *(row for kind, equation in _EQUATIONS.items() for row in _spheroidal(kind, equation, "")),
    *(row for kind, equation in _EQUATIONS.items() for row in _spheroidal(f"{kind}_cv", equation, "cv")),
    *(_p(f"spherical_{letter}n", "n x", _fields(source=source),
         x=f"{sign}(n*spherical_{letter}n(where(n > 0.0, n - 1.0, 0.0), x) "
           f"{other} (n + 1.0)*spherical_{letter}n(n + 1.0, x))/(2.0*n + 1.0)")
      for letter, sign, other, source in (("j", "", "-", "10.51.1"), ("y", "", "-", "10.51.1"),
                                          ("i", "", "+", "10.51.4"), ("k", "-", "+", "10.51.4"))),
)

ROWS: tuple[Function | Function2 | Partials, ...] = UNARY + BINARY + PARTIALS
# Ufuncs with several results, by rows
PARTS = {
    "sici": ("_si", "_ci"), "shichi": ("_shi", "_chi"), "fresnel": ("_fresnels", "_fresnelc"),
    "airy": ("_ai", "_aip", "_bi", "_bip"),
}
for _row in ROWS:
    _name, _, _place = _row.name[1:].rpartition("_")
    if _row.name.startswith("_") and _place.isdigit():
        PARTS[_name] = (*PARTS.get(_name, ()), _row.name)


# ---------------------------------------------------------------------------------------------------------------------
# Values that are no ufunc of SciPy
# ---------------------------------------------------------------------------------------------------------------------


def _t_density(v, x):
    """The density of Student's t distribution with ``v`` degrees of freedom."""
    return special.poch(0.5*v, 0.5)/np.sqrt(np.pi*v)*np.exp(-0.5*(v + 1)*np.log1p(x*x/v))


def _lambertw(x, k=0):
    """The real branches of Lambert's function; nan where W is complex."""
    w = special.lambertw(x, k)
    dtype = np.float32 if getattr(x, "dtype", None) == np.float32 else np.float64
    return np.where(np.imag(w) == 0.0, np.real(w), np.nan).astype(dtype)[()]


def _struve_power(v, x):
    """``(x/2)**v/(sqrt(pi) Gamma(v + 3/2))``."""
    return np.power(0.5*x, v)*special.rgamma(v + 1.5)*rules.CONSTANTS["INV_SQRT_PI"]


def _struve_slope(v, x):
    return 0.5*v*np.power(0.5*x, v - 1.0)*special.rgamma(v + 1.5)*rules.CONSTANTS["INV_SQRT_PI"]


def _spherical(name):
    return lambda n, x: getattr(special, name)(np.asarray(n).astype(int), x)


def _part(name, i):
    return lambda *operands: getattr(special, name)(*operands)[i]


VALUES = {
    "gamma_density": incomplete.gamma_density, "_gamma_bell": incomplete.gamma_bell,
    "_gammainc": incomplete.gammainc, "beta_density": incomplete.beta_density, "_beta_bell": incomplete.beta_bell,
    "_betainc": incomplete.betainc, "t_density": _t_density, "lambertw": _lambertw, "_riemann": special.zeta,
    "_wofz": special_values.wofz, "_hurwitz": special_values.hurwitz, "_elliptic": special_values.elliptic,
    "_carlson": special_values.carlson, "_kolmogorov": special_values.kolmogorov, "_smirnov": special_values.smirnov,
    "_mathieu": special_values.mathieu, "_ncx2_density": special_values.ncx2_density,
    "_nct_moment": special_values.nct_moment, "_nctdtr": special_values.nctdtr, "_chndtr": special_values.chndtr,
    "_ncbeta": special_values.ncbeta, "_ncbeta_density": special_values.ncbeta_density,
    "_ncbeta_step": special_values.ncbeta_step, "_struve_power": _struve_power, "_struve_slope": _struve_slope,
    **{f"spherical_{letter}n": _spherical(f"spherical_{letter}n") for letter in "jyik"},
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
        self.variables = self.names if rule.arity == 2 else self._arguments

    def is_function(self, name):
        """Whether a name in a text is a function of this table, of SciPy or of the main table."""
        return name in _BY_NAME or name in PARTS or name in _ON_CONSTANTS or name in _PARTS or super().is_function(name)

    def function(self, name):
        """The function of a name in a text: rows of this table go before those of the main one."""
        if name in FUNCTIONS:
            return FUNCTIONS[name]
        if name in _ON_CONSTANTS:
            return getattr(special, name)
        return getattr(np, name) if name in _PARTS else super().function(name)

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
            raise DifferentiationTypeError(
                f"scipy.special.{self.rule.name}: takes {', '.join(self.names)}, found {len(operands)} arguments; "
                f"give each of them once"
            )
        named = dict(zip(self.names, operands, strict=True))
        variables = [named.pop(name) for name in self._arguments]
        self._refuse(named)
        return chain(self, variables, lambda *parts: self._again(parts, named), **named)

    def _refuse(self, named):
        """Arguments without a derivative must be plain."""
        for name, parameter in named.items():
            if is_dual(parameter):
                from .scipy_coverage import REASONS

                function = _WHOLES.get(self.rule.name, self.rule.name)
                reason = REASONS.get(f"{function}.{name}", "")
                raise DifferentiationTypeError(
                    f"scipy.special.{function}: no derivative with respect to {name} is known, only to "
                    f"{' and '.join(self.variables)}; pass dualdiff.value({name}) where it is a constant"
                    + (f" ({name} is {reason})" if reason else "")
                )

    def _again(self, variables, named):
        named = {**named, **dict(zip(self._arguments, variables, strict=True))}
        return self(*(named[name] for name in self.names))


class PartialsRow(Row):
    """A row of first partial derivatives, applied by NumPy's rules for functions of that kind."""

    def __init__(self, rule):
        self.rule, self.names, self.variables = rule, rule.arguments.split(), tuple(rule.partials)
        self.__name__ = rule.name
        self._slopes = {}

    def slope(self, name, *operands):
        """The derivative with respect to an argument, from all arguments and the result; nan where that is nan."""
        if name not in self._slopes:
            text, names = self.rule.partials[name], (*self.names, "out")
            self._slopes[name] = self._compile(text, names, rules.lets(self.rule))
        with np.errstate(all="ignore"):
            out = operands[-1]
            return np.where(out != out, out, self._slopes[name](*operands))

    def derivative(self, *operands):
        """The derivative in the last argument, itself a function of all of them."""
        return self.slope(self.names[-1], *operands, self(*operands))

    def __call__(self, *operands):
        """The function on anything."""
        if not any(is_dual(a) or has_duals(a) for a in operands):
            return self.plain(*operands)
        operands = [lift(a) if is_dual(a) else _number(a) for a in operands]
        if len(operands) != len(self.names):
            raise DifferentiationTypeError(
                f"{self.rule.name}: takes {', '.join(self.names)}, found {len(operands)} arguments; pass one for each")
        self._refuse({name: a for name, a in zip(self.names, operands, strict=True) if name not in self.variables})
        return apply_custom(self, self._tangent, operands)

    def _tangent(self, out, primals, stacks):
        """The sum of all arguments' planes, each times its derivative."""
        total, shape = 0.0, np.shape(out)
        for name, stack in zip(self.names, stacks, strict=True):
            if stack is not None:
                total = total + strong_product(self.slope(name, *primals, out), spread(stack, len(shape)))
        return total if np.shape(total)[1:] == shape else np.broadcast_to(total, (np.shape(total)[0], *shape))


def _number(a):
    return a if is_dual(a) else pack(a) if has_duals(a) else a


def _several(names):
    """A ufunc with several results."""
    return lambda *operands: tuple(FUNCTIONS[name](*operands) for name in names)


# Functions of arguments that texts never differentiate, and parts of complex numbers
_ON_CONSTANTS = {"pro_cv", "obl_cv"}
_PARTS = {"real", "imag"}
_BY_NAME = {rule.name: rule for rule in ROWS}
FUNCTIONS = {name: (PartialsRow if isinstance(rule, Partials) else Row)(rule) for name, rule in _BY_NAME.items()}
FUNCTIONS |= {name: _several(parts) for name, parts in PARTS.items()}
# Ufuncs by their parts' names
_WHOLES = {part: name for name, parts in PARTS.items() for part in parts}
# The rules by ufunc
UFUNCS = {getattr(special, name): function for name, function in FUNCTIONS.items()
          if isinstance(getattr(special, name, None), np.ufunc)}
NAMES = {ufunc: name for name in FUNCTIONS if (ufunc := getattr(special, name, None)) in UFUNCS}


def _complex(*operands):
    raise UnsupportedFunctionError(
        "scipy.special.lambertw is complex everywhere; use dualdiff.scipy.special.lambertw, which has real branches"
    )


# Ufuncs that SciPy hides behind functions of Python
_HIDDEN = {"_zeta": FUNCTIONS["zeta"], "_riemann_zeta": FUNCTIONS["_riemann"], "_lambertw": _complex}
UFUNCS |= {getattr(special._ufuncs, name): function for name, function in _HIDDEN.items()
           if isinstance(getattr(special._ufuncs, name, None), np.ufunc)}
