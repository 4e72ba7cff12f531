"""The table of elementary functions: one row, one rule.

Every derivative formula of the project stands in this file and nowhere else. A row is text that is valid both as
Cython and as NumPy, so the build stamps C loops from it, nested and complex duals evaluate it with NumPy functions,
the tests sweep it against mpmath and the reference pages are written from it. This module imports the standard
library only: the build loads it by path before NumPy is there.

Grammar of the texts
--------------------
Names are ``x`` (and ``y`` in a binary row), the result (``y`` in a unary row, ``z`` in a binary one), ``let``
temporaries, ``d1`` inside ``d2``, a row's parameters, ``strict`` and the constants of `CONSTANTS`. Operators are
``+ - * /``, comparisons, and ``&`` ``|`` between parenthesised comparisons; there is no ``**``. ``where(c, a, b)`` is a
branch: it picks one operand and never looks at the other. Any other function must be a row of this table, since third
and higher derivatives differentiate the texts themselves. For the same reason a text must be smooth where the function
is: use ``where`` with branches that continue each other analytically, never ``absolute`` at a smooth point.

``strict`` is 0.0, or nan when a transform runs with ``strict=True``; adding it at ties and tips makes both orders nan.
"""

from __future__ import annotations

import ast
import math
from dataclasses import dataclass, field

CONSTANTS = {
    "PI": math.pi,
    "LN2": 0.6931471805599453,
    "LN10": 2.302585092994046,
    "LOG2E": 1.4426950408889634,
    "LOG10E": 0.4342944819032518,
    "SQRT1_2": 0.7071067811865476,
    "SQRT1_2_HEAD": 0.7071067839860916,  # the first 26 bits of sqrt(1/2)
    "SQRT1_2_TAIL": -2.799544089368687e-09,  # sqrt(1/2) - SQRT1_2_HEAD
    "INV_SQRT_PI": 0.5641895835477563,
    "TWO_OVER_SQRT_PI": 1.1283791670955126,
    "INV_SQRT_2PI": 0.3989422804014327,
    "INF": math.inf,
    "NAN": math.nan,
}


@dataclass(frozen=True)
class Domain:
    """Where a real function is defined: an interval with open or closed ends, minus isolated poles.

    ``poles`` names a family of excluded points that sweeps approach: ``"half_pi_odd"`` (tan), ``"zero"`` (1/x).
    """

    low: float = -math.inf
    high: float = math.inf
    low_closed: bool = False
    high_closed: bool = False
    poles: str = ""

    def __str__(self) -> str:
        left, right = "[" if self.low_closed else "(", "]" if self.high_closed else ")"
        text = f"{left}{self.low:g}, {self.high:g}{right}".replace("inf", "∞")
        without = {"": "", "zero": " without 0", "half_pi_odd": " without odd multiples of π/2"}
        return text + without[self.poles]


REALS = Domain()
POSITIVE = Domain(0.0, math.inf)
NONNEGATIVE = Domain(0.0, math.inf, low_closed=True)
UNIT = Domain(-1.0, 1.0, low_closed=True, high_closed=True)
OPEN_UNIT = Domain(-1.0, 1.0)
ABOVE_MINUS_ONE = Domain(-1.0, math.inf)
ABOVE_ONE = Domain(1.0, math.inf, low_closed=True)
NONZERO = Domain(poles="zero")
HALF_PI_ODD = Domain(poles="half_pi_odd")


@dataclass(frozen=True)
class Special:
    """What is promised at one hard point. ``None`` means that nothing is promised for that order."""

    at: float | tuple[float, float]
    first: float | tuple[float, float] | None
    second: float | tuple[float | None, float | None, float | None] | None
    why: str


@dataclass(frozen=True)
class Unary:
    """A function of one variable, ``y = name(x)``.

    Parameters
    ----------
    name : str
        The name of the NumPy ufunc, or of the function of `dualdiff.functions` when NumPy has none (``numpy=False``).
    d1, d2 : str
        First and second derivative.
    let : str
        Temporaries shared by the texts, ``"c = cosh(x); s = sinh(x)"``.
    value : str
        The value as text, for rows that are no NumPy ufunc and for rows whose libm name differs (``"asin(x)"`` is
        not needed: see ``c``).
    c : str
        The libm function of the value (default: the row's name); ignored when ``value`` is given.
    parameters : tuple
        ``(name, default)`` pairs of further plain arguments, as in leaky_relu's ``("slope", 0.01)``.
    selects : bool
        The rule picks an operand: a local derivative of 0 drops the tangent whatever it holds.
    numpy : bool
        Whether ``numpy.name`` is the ufunc of this row.
    aliases : tuple
        Further NumPy names of the same function.
    holomorphic : bool
        Whether the texts hold for complex arguments too.
    ulp1, ulp2 : float
        Promised accuracy against the exact derivative (4 and 16 unless ``why_ulp`` says why not).
    """

    name: str
    d1: str
    d2: str
    let: str = ""
    value: str = ""
    c: str = ""
    domain: Domain = REALS
    parameters: tuple[tuple[str, float], ...] = ()
    selects: bool = False
    numpy: bool = True
    aliases: tuple[str, ...] = ()
    holomorphic: bool = False
    special: tuple[Special, ...] = field(default=())
    latex: str = ""
    latex_d1: str = ""
    latex_d2: str = ""
    ulp1: float = 4.0
    ulp2: float = 16.0
    why_ulp: str = ""
    arity = 1


@dataclass(frozen=True)
class Binary:
    """A function of two variables, ``z = name(x, y)``, with its partial derivatives. Fields as in `Unary`.

    ``selects`` names the operands that the rule picks: where their local derivative is 0 their tangent is dropped,
    whatever it holds.

    A partial derivative is evaluated only for operands that carry a tangent: ``power`` never takes the logarithm of a
    base whose exponent is a parameter.
    """

    name: str
    fx: str
    fy: str
    fxx: str
    fxy: str
    fyy: str
    let: str = ""
    value: str = ""
    c: str = ""
    domain: tuple[Domain, Domain] = (REALS, REALS)
    selects: str = ""
    numpy: bool = True
    aliases: tuple[str, ...] = ()
    holomorphic: bool = False
    special: tuple[Special, ...] = field(default=())
    latex: str = ""
    latex_fx: str = ""
    latex_fy: str = ""
    ulp1: float = 4.0
    ulp2: float = 16.0
    why_ulp: str = ""
    parameters = ()
    arity = 2



# ---------------------------------------------------------------------------------------------------------------------
# Texts that several rows share
# ---------------------------------------------------------------------------------------------------------------------


def _horner(variable: str, coefficients: list[int]) -> str:
    """Return ``1/c0 - v*(1/c1 - v*(1/c2 - ...))``, an alternating series whose coefficients are 1 over integers."""
    text = f"(1.0/{float(coefficients[-1])!r})"
    for coefficient in reversed(coefficients[:-1]):
        text = f"(1.0/{float(coefficient)!r} - {variable}*{text})"
    return text


# x between -40 and 40, where every Gaussian has died away, and x rounded to few bits, so that h*h is exact: exp(-x*x)
# is exp(-h*h)*exp(-(x - h)*(x + h)), free of the rounding error of x*x. In the far tails r and w are the halves of the
# first factor, which would go through the coarse subnormal numbers. x times the normal density is t + t*m.
_BOUNDED = "b = where(x > 40.0, 40.0, where(x < -40.0, -40.0, x)); h = rint(256.0*b)/256.0; "
_NORMAL = _BOUNDED + (
    "r = exp(where(h*h < 1300.0, -0.5*h*h, -0.25*h*h)); w = where(h*h < 1300.0, 1.0, r); "
    "t = INV_SQRT_2PI*b*r*w; m = expm1(-0.5*(b - h)*(b + h))"
)
_GAUSS = _BOUNDED + (
    "r = exp(where(h*h < 650.0, -h*h, -0.5*h*h)); w = where(h*h < 650.0, 1.0, r); e = exp(-(b - h)*(b + h))"
)

# x/sqrt(2) less the product that is rounded to a double, which would cost the value all its digits on the far left.
_GELU_ROUNDED = (
    "(SQRT1_2*x - rint(256.0*x)/256.0*SQRT1_2_HEAD - (x - rint(256.0*x)/256.0)*SQRT1_2_HEAD - x*SQRT1_2_TAIL)"
)

# 1 - x², without cancellation. Beyond 1, on the cut of the complex plane, the sign of a zero imaginary part decides,
# and 1.0 - x would lose it.
_UNIT = "w = where(x <= 1.0, (1.0 - x)*(1.0 + x), -(x - 1.0)*(1.0 + x))"

# e is exp(-|x|); both branches are the same function of exp(x).
_FALLING = "e = exp(where(x > 0.0, -x, x))"

# a is -|x|, no smaller than -800, where exp has long been 0.
_SILU = "a = where(x > 0.0, where(x > 800.0, -800.0, -x), where(x < -800.0, -800.0, x)); e = exp(a)"

# sin(pi x) and cos(pi x) from the distance f to the nearest integer n, which is exact; g is the sign (-1)**n.
_SINC = (
    "n = rint(x); f = x - n; g = where(n == 2.0*rint(0.5*n), 1.0, -1.0); s = g*sin(PI*f); "
    "c = g*where(f > 0.25, sin(PI*(0.5 - f)), where(f < -0.25, sin(PI*(0.5 + f)), cos(PI*f))); "
    "u = PI*x; t = u*u"
)
_SINC_D1 = [(2*k + 1)*math.factorial(2*k - 1) for k in range(1, 12)]
_SINC_D2 = [(2*k + 1)*math.factorial(2*k - 2) for k in range(1, 12)]

# Where y*z/x is a safe power(x, y - 1): no second power, and exact where y - 1 would be rounded. At x = 0, and where z
# lost its digits or overflowed, the other branch takes that power; its exponent is exact there.
_RATIO = (
    "(x != 0.0) & ((y < 0.0) | ((y < 0.5) & (z < INF)) "
    "| ((z > 1e-30) & (z < 1e30)) | ((z < -1e-30) & (z > -1e30)))"
)
# z*w in two halves where z overflows or underflows and the product need not.
_POWER_TIMES = "where((z < 1e30) & (z > 1e-30), z*{w}, power(x, 0.5*y)*{w}*power(x, 0.5*y))"
# No branch may hide that a derivative depends on x and y, since the texts are differentiated too: where x**y*log(x) is
# 0, at x = 0 < y, stands a power of the same sign, whose derivatives are infinite where those of x**y*log(x) are.
_POWER = {
    "c": "pow",
    "fx": f"where((x == 0.0) & (y == 0.0), 0.0, where({_RATIO}, y*z/x, y*power(x, y - 1.0)))",
    "fy": "where((x == 0.0) & (y > 0.0), -power(x, 0.999*y), " + _POWER_TIMES.format(w="log(x)") + ")",
    "fxx": "where((x == 0.0) & ((y == 0.0) | (y == 1.0)), 0.0, "
           f"where({_RATIO}, (y - 1.0)*(y*z/x)/x, where((y < 1.0) & (x != 0.0), "
           "(y - 1.0)*(y*power(x, y - 1.0))/x, y*(y - 1.0)*power(x, y - 2.0))))",
    "fxy": "where((x == 0.0) & (y == 0.0), 1.0/x, where((x == 0.0) & (y > 1.0), -power(x, 0.999*(y - 1.0)), "
           f"where({_RATIO}, z*(1.0 + y*log(x))/x, "
           "power(x, 0.5*(y - 1.0))*(1.0 + y*log(x))*power(x, 0.5*(y - 1.0)))))",
    "fyy": "where((x == 0.0) & (y > 0.0), power(x, 0.999*y), " + _POWER_TIMES.format(w="log(x)*log(x)") + ")",
    "holomorphic": True,
    "special": (
        Special((0.0, 0.0), (0.0, -math.inf), None, "x**0 is the constant 1; 0**y falls from inf through 1 to 0"),
        Special((0.0, 0.5), (math.inf, 0.0), (-math.inf, None, 0.0), "infinite slope; 0**y is constantly 0"),
        Special((0.0, 1.0), (1.0, 0.0), (0.0, -math.inf, 0.0), "x**1 is x"),
        Special((0.0, 1.5), (0.0, 0.0), (math.inf, 0.0, 0.0), "the slope is 0, its slope infinite"),
        Special((0.0, 2.0), (0.0, 0.0), (2.0, 0.0, 0.0), "a polynomial is smooth at its zero"),
        Special((0.0, 3.0), (0.0, 0.0), (0.0, 0.0, 0.0), "a polynomial is smooth at its zero"),
        Special((-2.0, 3.0), (12.0, math.nan), (-12.0, math.nan, math.nan), "a cube in x, undefined in y"),
    ),
    "latex": r"x^y",
    "latex_fx": r"y x^{y-1}",
    "latex_fy": r"x^y \ln x",
}

# The remainders hold exactly x - k*y with the integer k that their derivative needs.
_WHOLE = "rint(x/y - z/y)"
_OPPOSITE = "((fmod(x, y) < 0.0) & (y > 0.0)) | ((fmod(x, y) > 0.0) & (y < 0.0))"

# d = x - y with its rounding error e (Knuth's two-sum), which would cost a distant weight all its digits; 0 at a tie of
# infinities. g is exp(-|x - y|).
_DIFFERENCE = (
    "d = where((x == y) & (x - x != 0.0), 0.0, x - y); b = x - d; "
    "e = where((d - d == 0.0) & (x - x == 0.0), (x - (d + b)) + (b - y), 0.0); "
)

# A maximum hands on the tangent of the operand that NumPy picks, nan included; a tie is the mean of both.
_PICK = "where({first}, {yes}, where(x == y, 0.5 + strict, {no}))"
_TIE = {"fxx": "where(x == y, strict, 0.0)", "fxy": "where(x == y, strict, 0.0)", "fyy": "where(x == y, strict, 0.0)"}


def _extremum(name: str, better: str, worse: str, nan: str, sign: str) -> Binary:
    """A row of maximum, minimum, fmax, fmin: x is picked where it is better, or where ``nan`` says so."""
    first = f"(x {better} y) | ({nan} != {nan})"
    return Binary(
        name, value=f"where((x {better}= y) | ({nan} != {nan}), x, y)", selects="xy",
        fx=_PICK.format(first=first, yes="1.0", no="0.0"), fy=_PICK.format(first=first, yes="0.0", no="1.0"), **_TIE,
        special=(Special((1.0, 1.0), (0.5, 0.5), (0.0, 0.0, 0.0), "a tie is the mean of the tied operands"),
                 Special((2.0, 1.0), (1.0, 0.0) if better == ">" else (0.0, 1.0), (0.0, 0.0, 0.0), "the one picked")),
        latex=rf"\{sign}(x, y)", latex_fx=rf"[x {better} y]", latex_fy=rf"[x {worse} y]",
    )


# ---------------------------------------------------------------------------------------------------------------------
# Functions of one variable
# ---------------------------------------------------------------------------------------------------------------------

UNARY: tuple[Unary, ...] = (
    # Exponentials
    Unary("exp", d1="y", d2="y", holomorphic=True, latex=r"e^x", latex_d1=r"e^x", latex_d2=r"e^x"),
    # The slope is smaller than the value: it is finite a little beyond the point where the value overflows.
    Unary("exp2", d1="where(y < INF, LN2*y, 4.0*LN2*exp2(x - 2.0))",
          d2="where(y < INF, LN2*LN2*y, 4.0*LN2*LN2*exp2(x - 2.0))", holomorphic=True,
          latex=r"2^x", latex_d1=r"2^x \ln 2", latex_d2=r"2^x \ln^2 2"),
    Unary("expm1", d1="where(y > -0.5, 1.0 + y, exp(x))", d2="d1", holomorphic=True,
          latex=r"e^x - 1", latex_d1=r"e^x", latex_d2=r"e^x"),

    # Logarithms: x + 0.0 makes -0.0 a 0.0
    Unary("log", let="p = x + 0.0", d1="1.0/p", d2="-d1/p", domain=POSITIVE, holomorphic=True,
          special=(Special(0.0, math.inf, -math.inf, "the one-sided limit"),),
          latex=r"\ln x", latex_d1=r"1/x", latex_d2=r"-1/x^2"),
    Unary("log2", let="p = x + 0.0", d1="LOG2E/p", d2="-d1/p", domain=POSITIVE, holomorphic=True,
          special=(Special(0.0, math.inf, -math.inf, "the one-sided limit"),),
          latex=r"\log_2 x", latex_d1=r"1/(x \ln 2)", latex_d2=r"-1/(x^2 \ln 2)"),
    Unary("log10", let="p = x + 0.0", d1="LOG10E/p", d2="-d1/p", domain=POSITIVE, holomorphic=True,
          special=(Special(0.0, math.inf, -math.inf, "the one-sided limit"),),
          latex=r"\log_{10} x", latex_d1=r"1/(x \ln 10)", latex_d2=r"-1/(x^2 \ln 10)"),
    Unary("log1p", let="p = 1.0 + x", d1="1.0/p", d2="-d1/p", domain=ABOVE_MINUS_ONE, holomorphic=True,
          special=(Special(-1.0, math.inf, -math.inf, "the one-sided limit"),),
          latex=r"\ln(1 + x)", latex_d1=r"1/(1 + x)", latex_d2=r"-1/(1 + x)^2"),

    # Powers and roots
    Unary("sqrt", d1="0.5/(y + 0.0)", d2="-0.5*d1/(x + 0.0)", domain=NONNEGATIVE, holomorphic=True,
          special=(Special(0.0, math.inf, -math.inf, "the one-sided limit"),),
          latex=r"\sqrt x", latex_d1=r"1/(2 \sqrt x)", latex_d2=r"-1/(4 x^{3/2})"),
    Unary("root", value="sqrt(x)", d1="where(x == 0.0, NAN, 0.5/y)", d2="where(x == 0.0, NAN, -0.5*d1/x)",
          domain=NONNEGATIVE, numpy=False, holomorphic=True,
          special=(Special(0.0, math.nan, math.nan, "the last step of a norm: at its tip the argument arrives with "
                                                    "tangent 0, and the second order is nan"),),
          latex=r"\sqrt x", latex_d1=r"1/(2 \sqrt x)", latex_d2=r"-1/(4 x^{3/2})"),
    Unary("cbrt", d1="1.0/(3.0*y*y)", d2="-2.0*d1/3.0/x",
          special=(Special(0.0, math.inf, None, "infinite slope, bending both ways"),
                   Special(-8.0, 1.0/12.0, 1.0/144.0, "negative numbers have a cube root")),
          latex=r"\sqrt[3] x", latex_d1=r"1/(3 y^2)", latex_d2=r"-2/(9 x y^2)"),
    Unary("square", value="x*x", d1="2.0*x", d2="2.0", holomorphic=True,
          special=(Special(0.0, 0.0, 2.0, "a polynomial is smooth at its zero"),),
          latex=r"x^2", latex_d1=r"2x", latex_d2=r"2"),
    Unary("reciprocal", value="1.0/x", d1="-y/x", d2="-2.0*d1/x", domain=NONZERO, holomorphic=True,
          special=(Special(1e200, 0.0, 0.0, "-1e-400 rounds to 0"), Special(1e-200, -math.inf, math.inf, "overflow")),
          latex=r"1/x", latex_d1=r"-1/x^2", latex_d2=r"2/x^3"),

    # Trigonometric functions and their inverses
    Unary("sin", let="c = cos(x)", d1="c", d2="-y", holomorphic=True,
          latex=r"\sin x", latex_d1=r"\cos x", latex_d2=r"-\sin x"),
    Unary("cos", let="s = sin(x)", d1="-s", d2="-y", holomorphic=True,
          latex=r"\cos x", latex_d1=r"-\sin x", latex_d2=r"-\cos x"),
    Unary("tan", d1="1.0 + y*y", d2="2.0*y*d1", domain=HALF_PI_ODD, holomorphic=True,
          latex=r"\tan x", latex_d1=r"1 + y^2", latex_d2=r"2 y (1 + y^2)"),
    Unary("arcsin", c="asin", let=_UNIT, d1="1.0/sqrt(w)", d2="x*d1/w", domain=UNIT,
          aliases=("asin",), holomorphic=True,
          special=(Special(1.0, math.inf, math.inf, "the one-sided limit"),
                   Special(-1.0, math.inf, -math.inf, "the one-sided limit")),
          latex=r"\arcsin x", latex_d1=r"1/\sqrt{1 - x^2}", latex_d2=r"x/(1 - x^2)^{3/2}"),
    Unary("arccos", c="acos", let=_UNIT, d1="-1.0/sqrt(w)", d2="x*d1/w", domain=UNIT,
          aliases=("acos",), holomorphic=True,
          special=(Special(1.0, -math.inf, -math.inf, "the one-sided limit"),
                   Special(-1.0, -math.inf, math.inf, "the one-sided limit")),
          latex=r"\arccos x", latex_d1=r"-1/\sqrt{1 - x^2}", latex_d2=r"-x/(1 - x^2)^{3/2}"),
    Unary("arctan", c="atan", d1="where((x < 1e9) & (x > -1e9), 1.0/(1.0 + x*x), 1.0/x/x)",
          d2="where((x < 1e9) & (x > -1e9), -2.0*x*d1*d1, -2.0*d1/x)", aliases=("atan",), holomorphic=True,
          special=(Special(1e200, 0.0, 0.0, "1e-400 rounds to 0"), Special(math.inf, 0.0, 0.0, "the limit")),
          latex=r"\arctan x", latex_d1=r"1/(1 + x^2)", latex_d2=r"-2x/(1 + x^2)^2"),

    # Hyperbolic functions and their inverses
    Unary("sinh", let="c = cosh(x)", d1="c", d2="y", holomorphic=True,
          latex=r"\sinh x", latex_d1=r"\cosh x", latex_d2=r"\sinh x"),
    Unary("cosh", let="s = sinh(x)", d1="s", d2="y", holomorphic=True,
          latex=r"\cosh x", latex_d1=r"\sinh x", latex_d2=r"\cosh x"),
    Unary("tanh", let="e = exp(where(x > 0.0, -2.0*x, 2.0*x))", d1="4.0*e/((1.0 + e)*(1.0 + e))", d2="-2.0*y*d1",
          holomorphic=True, special=(Special(math.inf, 0.0, 0.0, "the limit"),),
          latex=r"\tanh x", latex_d1=r"1/\cosh^2 x", latex_d2=r"-2 \tanh x/\cosh^2 x"),
    Unary("arcsinh", c="asinh",
          d1="where((x < 1e9) & (x > -1e9), 1.0/sqrt(1.0 + x*x), where(x > 0.0, 1.0/x, -1.0/x))",
          d2="where((x < 1e9) & (x > -1e9), -x*d1*d1*d1, -d1/x)", aliases=("asinh",), holomorphic=True,
          special=(Special(1e200, 1e-200, 0.0, "no square that overflows"), Special(math.inf, 0.0, 0.0, "the limit")),
          latex=r"\operatorname{arsinh} x", latex_d1=r"1/\sqrt{1 + x^2}", latex_d2=r"-x/(1 + x^2)^{3/2}"),
    Unary("arccosh", c="acosh", d1="1.0/(sqrt(x - 1.0)*sqrt(x + 1.0))", d2="-d1/(x - 1.0)/(1.0 + 1.0/x)",
          domain=ABOVE_ONE, aliases=("acosh",), holomorphic=True,
          special=(Special(1.0, math.inf, -math.inf, "the one-sided limit"),
                   Special(1e200, 1e-200, 0.0, "no square that overflows"), Special(math.inf, 0.0, 0.0, "the limit")),
          latex=r"\operatorname{arcosh} x", latex_d1=r"1/\sqrt{x^2 - 1}", latex_d2=r"-x/(x^2 - 1)^{3/2}"),
    Unary("arctanh", c="atanh", d1="1.0/((1.0 - x)*(1.0 + x))", d2="2.0*x*d1*d1", domain=OPEN_UNIT,
          aliases=("atanh",), holomorphic=True,
          special=(Special(1.0, math.inf, math.inf, "the one-sided limit"),
                   Special(-1.0, math.inf, -math.inf, "the one-sided limit"),
                   Special(2.0, math.nan, math.nan, "no derivative where there is no value")),
          latex=r"\operatorname{artanh} x", latex_d1=r"1/(1 - x^2)", latex_d2=r"2x/(1 - x^2)^2"),

    # Linear functions
    Unary("positive", value="x", d1="1.0", d2="0.0", holomorphic=True, latex="x", latex_d1="1", latex_d2="0"),
    Unary("negative", value="-x", d1="-1.0", d2="0.0", holomorphic=True, latex="-x", latex_d1="-1", latex_d2="0"),
    Unary("conjugate", value="x", d1="1.0", d2="0.0", aliases=("conj",),
          latex=r"\bar x", latex_d1="1", latex_d2="0"),
    Unary("deg2rad", value="x*(PI/180.0)", d1="PI/180.0", d2="0.0", aliases=("radians",),
          latex=r"\pi x/180", latex_d1=r"\pi/180", latex_d2="0"),
    Unary("rad2deg", value="x*(180.0/PI)", d1="180.0/PI", d2="0.0", aliases=("degrees",),
          latex=r"180 x/\pi", latex_d1=r"180/\pi", latex_d2="0"),

    # Tips and steps. At a tip root(x) is 0, and its derivative nan: so is the derivative of d1.
    Unary("absolute", c="fabs", d1="where(x == 0.0, strict + root(x), sign(x))", d2="where(x == 0.0, NAN, 0.0)",
          aliases=("abs",), special=(Special(0.0, 0.0, math.nan, "minimal-norm subgradient at the tip"),
                                     Special(-0.0, 0.0, math.nan, "the sign of zero makes no difference"),
                                     Special(math.nan, math.nan, None, "nan in, nan out")),
          latex=r"\lvert x \rvert", latex_d1=r"\operatorname{sign} x", latex_d2="0"),
    Unary("fabs", d1="where(x == 0.0, strict + root(x), sign(x))", d2="where(x == 0.0, NAN, 0.0)",
          special=(Special(0.0, 0.0, math.nan, "minimal-norm subgradient at the tip"),),
          latex=r"\lvert x \rvert", latex_d1=r"\operatorname{sign} x", latex_d2="0"),
    Unary("sign", value="where(x > 0.0, 1.0, where(x < 0.0, -1.0, x + 0.0))", d1="0.0", d2="0.0",
          special=(Special(0.0, 0.0, 0.0, "locally constant, at the jump too"),),
          latex=r"\operatorname{sign} x", latex_d1="0", latex_d2="0"),
    Unary("floor", d1="0.0", d2="0.0", special=(Special(2.0, 0.0, 0.0, "locally constant, at the jump too"),),
          latex=r"\lfloor x \rfloor", latex_d1="0", latex_d2="0"),
    Unary("ceil", d1="0.0", d2="0.0", special=(Special(2.0, 0.0, 0.0, "locally constant, at the jump too"),),
          latex=r"\lceil x \rceil", latex_d1="0", latex_d2="0"),
    Unary("trunc", d1="0.0", d2="0.0", special=(Special(2.0, 0.0, 0.0, "locally constant, at the jump too"),),
          latex=r"\operatorname{trunc} x", latex_d1="0", latex_d2="0"),
    Unary("rint", d1="0.0", d2="0.0", special=(Special(0.5, 0.0, 0.0, "locally constant, at the jump too"),),
          latex=r"\operatorname{rint} x", latex_d1="0", latex_d2="0"),
    Unary("spacing", value="nextafter(x, copysign(INF, x)) - x", d1="0.0", d2="0.0",
          special=(Special(1.0, 0.0, 0.0, "locally constant"),),
          latex=r"\operatorname{spacing} x", latex_d1="0", latex_d2="0"),

    # Activation functions and the error function, which NumPy lacks
    Unary("relu", value="where(x > 0.0, x, where(x <= 0.0, 0.0, x))",
          d1="where(x > 0.0, 1.0, where(x <= 0.0, 0.0, NAN))", d2="0.0", numpy=False, selects=True,
          special=(Special(0.0, 0.0, 0.0, "the branch that ran"),),
          latex=r"\max(x, 0)", latex_d1=r"[x > 0]", latex_d2="0"),
    Unary("leaky_relu", value="where(x > 0.0, x, slope*x)",
          d1="where(x > 0.0, 1.0, where(x <= 0.0, slope, NAN))", d2="0.0",
          parameters=(("slope", 0.01),), numpy=False, selects=True,
          special=(Special(0.0, 0.01, 0.0, "the branch that ran"),),
          latex=r"x \text{ if } x > 0 \text{ else } s x", latex_d1=r"1 \text{ if } x > 0 \text{ else } s",
          latex_d2="0"),
    Unary("sigmoid", value="where(x > -700.0, 1.0/(1.0 + exp(-x)), exp(x))",
          let=_FALLING, d1="e/((1.0 + e)*(1.0 + e))", d2="-d1*tanh(0.5*x)", numpy=False, holomorphic=True,
          special=(Special(0.0, 0.25, 0.0, "the steepest point"), Special(math.inf, 0.0, 0.0, "the limit"),
                   Special(-math.inf, 0.0, 0.0, "the limit")),
          latex=r"1/(1 + e^{-x})", latex_d1=r"y (1 - y)", latex_d2=r"y (1 - y) (1 - 2y)"),
    Unary("log_sigmoid", value="where(x > 0.0, -log1p(exp(-x)), x - log1p(exp(x)))",
          let=_FALLING, d1="where(x > 0.0, e, 1.0)/(1.0 + e)", d2="-e/((1.0 + e)*(1.0 + e))", numpy=False,
          special=(Special(0.0, 0.5, -0.25, "half way between its asymptotes"),
                   Special(math.inf, 0.0, 0.0, "the limit"), Special(-math.inf, 1.0, 0.0, "the limit")),
          latex=r"-\ln(1 + e^{-x})", latex_d1=r"\sigma(-x)", latex_d2=r"-\sigma(x) \sigma(-x)"),
    Unary("softplus", value="where(x > 0.0, x + log1p(exp(-x)), log1p(exp(x)))",
          let=_FALLING, d1="where(x > 0.0, 1.0, e)/(1.0 + e)", d2="e/((1.0 + e)*(1.0 + e))", numpy=False,
          special=(Special(0.0, 0.5, 0.25, "half way between its asymptotes"), Special(math.inf, 1.0, 0.0, "the limit"),
                   Special(-math.inf, 0.0, 0.0, "the limit")),
          latex=r"\ln(1 + e^x)", latex_d1=r"\sigma(x)", latex_d2=r"\sigma(x) \sigma(-x)"),
    Unary("silu", value="where(x < -800.0, -0.0, where(x < -700.0, x*exp(0.5*x)*exp(0.5*x), x/(1.0 + exp(-x))))",
          let=_SILU, d1="where(x > 0.0, (1.0 + e*(1.0 - a))/((1.0 + e)*(1.0 + e)), where(a > -700.0, "
          "e*(1.0 + a + e)/((1.0 + e)*(1.0 + e)), (1.0 + a)*exp(0.5*a)*exp(0.5*a)))",
          d2="where(a > -700.0, e*(2.0 + a*(1.0 - e)/(1.0 + e))/((1.0 + e)*(1.0 + e)), "
          "(2.0 + a)*exp(0.5*a)*exp(0.5*a))", numpy=False,
          special=(Special(0.0, 0.5, 0.5, "smooth, unlike relu"), Special(math.inf, 1.0, 0.0, "the limit"),
                   Special(-math.inf, 0.0, 0.0, "the limit")),
          latex=r"x \sigma(x)", latex_d1=r"\sigma(x) (1 + x \sigma(-x))",
          latex_d2=r"\sigma(x) \sigma(-x) (2 - x \tanh(x/2))"),
    Unary("gelu", value="where(x < -40.0, -0.0, where(x < -1.0, "
          f"x*(0.5*erfc(-SQRT1_2*x) - INV_SQRT_PI*exp(-0.5*x*x)*{_GELU_ROUNDED}), 0.5*x*erfc(-SQRT1_2*x)))",
          let=_NORMAL, d1="0.5*erfc(-SQRT1_2*b) + t*m + t", d2="INV_SQRT_2PI*(2.0 - b*b)*r*w*(1.0 + m)", numpy=False,
          special=(Special(0.0, 0.5, 0.7978845608028654, "2/sqrt(2 pi)"), Special(math.inf, 1.0, 0.0, "the limit"),
                   Special(-math.inf, 0.0, 0.0, "the limit")),
          latex=r"x \Phi(x)", latex_d1=r"\Phi(x) + x \varphi(x)", latex_d2=r"(2 - x^2) \varphi(x)"),
    Unary("erf", let=_GAUSS, d1="TWO_OVER_SQRT_PI*e*r*w", d2="-2.0*b*TWO_OVER_SQRT_PI*e*r*w", numpy=False,
          special=(Special(0.0, 1.1283791670955126, 0.0, "2/sqrt(pi)"), Special(math.inf, 0.0, 0.0, "the limit")),
          latex=r"\operatorname{erf} x", latex_d1=r"2 e^{-x^2}/\sqrt\pi", latex_d2=r"-4 x e^{-x^2}/\sqrt\pi"),
    Unary("erfc", let=_GAUSS, d1="-TWO_OVER_SQRT_PI*e*r*w", d2="2.0*b*TWO_OVER_SQRT_PI*e*r*w", numpy=False,
          special=(Special(0.0, -1.1283791670955126, 0.0, "-2/sqrt(pi)"), Special(math.inf, 0.0, 0.0, "the limit")),
          latex=r"\operatorname{erfc} x", latex_d1=r"-2 e^{-x^2}/\sqrt\pi", latex_d2=r"4 x e^{-x^2}/\sqrt\pi"),
    # NumPy's sinc is a Python function and no ufunc. Below 0.5 a series; beyond, sines and cosines of exact arguments.
    Unary("sinc", value="where(x == 0.0, 1.0, sin(PI*x)/(PI*x))", let=_SINC,
          d1=f"where((x < 0.5) & (x > -0.5), -PI*u*{_horner('t', _SINC_D1)}, (c - s/u)/x)",
          d2=f"where((x < 0.5) & (x > -0.5), -PI*PI*{_horner('t', _SINC_D2)}, -(PI*s + 2.0*d1)/x)", numpy=False,
          special=(Special(0.0, 0.0, -3.289868133696453, "the singularity is removable: -pi**2/3"),
                   Special(1e-8, -3.2898681336964526e-08, -3.289868133696452, "no cancellation near it")),
          latex=r"\sin(\pi x)/(\pi x)", latex_d1=r"(\cos(\pi x) - y)/x", latex_d2=r"-(\pi \sin(\pi x) + 2 y')/x",
          ulp1=16.0, ulp2=32.0, why_ulp="a difference of nearly equal terms beyond the series"),
)

# ---------------------------------------------------------------------------------------------------------------------
# Functions of two variables
# ---------------------------------------------------------------------------------------------------------------------

BINARY: tuple[Binary, ...] = (
    # Arithmetic
    Binary("add", value="x + y", fx="1.0", fy="1.0", fxx="0.0", fxy="0.0", fyy="0.0", holomorphic=True,
           latex="x + y", latex_fx="1", latex_fy="1"),
    Binary("subtract", value="x - y", fx="1.0", fy="-1.0", fxx="0.0", fxy="0.0", fyy="0.0", holomorphic=True,
           latex="x - y", latex_fx="1", latex_fy="-1"),
    Binary("multiply", value="x*y", fx="y", fy="x", fxx="0.0", fxy="1.0", fyy="0.0", holomorphic=True,
           latex="x y", latex_fx="y", latex_fy="x"),
    # A local derivative x times a tangent y, where a tangent that is exactly 0 contributes 0 whatever x and the
    # tangents of x are: it selects.
    Binary("strong_product", value="where(y == 0.0, 0.0, x*y)", fx="y", fy="x", fxx="0.0", fxy="1.0", fyy="0.0",
           selects="x", numpy=False, holomorphic=True, latex="x y", latex_fx="y", latex_fy="x"),
    Binary("divide", value="x/y", fx="1.0/y", fy="-z/y", fxx="0.0", fxy="-1.0/y/y", fyy="2.0*(z/y/y)",
           domain=(REALS, NONZERO), aliases=("true_divide",), holomorphic=True,
           special=(Special((1e200, 1e200), (1e-200, -1e-200), (0.0, 0.0, 0.0), "divide twice"),
                    Special((1e-200, 1e-200), (1e200, -1e200), (0.0, -math.inf, math.inf), "divide twice")),
           latex="x/y", latex_fx="1/y", latex_fy="-x/y^2"),
    Binary("power", **_POWER, aliases=("pow",)),
    Binary("float_power", **_POWER),

    # Angles and lengths
    # t is the smaller operand over the larger. A subnormal t has lost digits, so that t/x is y/(x*x) where it can be.
    Binary("arctan2", c="atan2", let="t = where(absolute(x) <= absolute(y), x/y, y/x); q = 1.0/(1.0 + t*t); "
           "u = where(absolute(x) <= absolute(y), q/y, where((x*x > 1e-300) & (x*x < 1e300), y/(x*x)*q, t*q/x)); "
           "v = where(absolute(x) <= absolute(y), "
           "where((y*y > 1e-300) & (y*y < 1e300), -x/(y*y)*q, -t*q/y), -q/x)",
           fx="u", fy="v", fxx="where(absolute(x) <= absolute(y), 2.0*v*q/y, -2.0*u*q/x)",
           fxy="where(absolute(x) <= absolute(y), (t - 1.0)*(t + 1.0)*q/y*(q/y), (1.0 - t)*(1.0 + t)*q/x*(q/x))",
           fyy="where(absolute(x) <= absolute(y), -2.0*v*q/y, 2.0*u*q/x)", aliases=("atan2",),
           special=(Special((0.0, 0.0), (math.nan, math.nan), None, "no limit exists"),
                    Special((0.0, -1.0), (-1.0, 0.0), (0.0, -1.0, 0.0), "the derivatives know no cut")),
           latex=r"\operatorname{atan2}(x, y)", latex_fx="y/(x^2 + y^2)", latex_fy="-x/(x^2 + y^2)"),
    # k scales where the length overflows, or loses digits among the subnormal numbers, and its slopes do not.
    Binary("hypot", let="k = where(z > 1e-30, where(z < INF, 1.0, 0.5), 1152921504606846976.0); "
           "h = where((z > 1e-30) & (z < INF), z, hypot(k*x, k*y)); u = k*x/h; v = k*y/h",
           fx="where(z == 0.0, strict + root(x) + root(y), u)", fy="where(z == 0.0, strict + root(x) + root(y), v)",
           fxx="where(z > 1e-300, v*(k*v/h), v*v*k/h)", fyy="where(z > 1e-300, u*(k*u/h), u*u*k/h)",
           fxy="where((z > 1e-30) & (z < 1e150), where(absolute(x) < absolute(y), -x/(h*h)*v, -y/(h*h)*u), -u*v*k/h)",
           special=(Special((0.0, 0.0), (0.0, 0.0), (math.nan, math.nan, math.nan), "minimal-norm subgradient"),
                    Special((3e200, 4e200), (0.6, 0.8), (1.28e-201, -9.6e-202, 7.2e-202), "no overflow")),
           latex=r"\sqrt{x^2 + y^2}", latex_fx="x/z", latex_fy="y/z"),

    # Selections
    _extremum("maximum", ">", "<", "x", "max"),
    _extremum("minimum", "<", ">", "x", "min"),
    _extremum("fmax", ">", "<", "y", "max"),
    _extremum("fmin", "<", ">", "y", "min"),
    Binary("heaviside", value="where(x > 0.0, 1.0, where(x < 0.0, 0.0, where(x == 0.0, y, x)))", selects="xy",
           fx="0.0", fy="where(x == 0.0, 1.0, 0.0)", fxx="0.0", fxy="0.0", fyy="0.0",
           special=(Special((0.0, 0.5), (0.0, 1.0), (0.0, 0.0, 0.0), "locally constant in x; y is picked at x = 0"),),
           latex=r"H(x; y)", latex_fx="0", latex_fy="[x = 0]"),

    # Logarithms of sums
    Binary("logaddexp", value="where(x == y, x + LN2, where(x > y, x + log1p(exp(y - x)), "
           "where(x < y, y + log1p(exp(x - y)), x + y)))",
           let=_DIFFERENCE + "g = where(d > 0.0, exp(-d)*(1.0 - e), exp(d)*(1.0 + e))",
           fx="where(d > 0.0, 1.0, g)/(1.0 + g)", fy="where(d > 0.0, g, 1.0)/(1.0 + g)",
           fxx="g/((1.0 + g)*(1.0 + g))", fxy="-g/((1.0 + g)*(1.0 + g))", fyy="g/((1.0 + g)*(1.0 + g))",
           special=(Special((-math.inf, 1.0), (0.0, 1.0), (0.0, 0.0, 0.0), "adds a probability 0"),
                    Special((-math.inf, -math.inf), (0.5, 0.5), None, "a tie"),
                    Special((1000.0, 0.0), (1.0, 0.0), (0.0, 0.0, 0.0), "the weights are a softmax"),
                    Special((2.0, 2.0), (0.5, 0.5), (0.25, -0.25, 0.25), "smooth at a tie")),
           latex=r"\ln(e^x + e^y)", latex_fx=r"\sigma(x - y)", latex_fy=r"\sigma(y - x)"),
    Binary("logaddexp2", value="where(x == y, x + 1.0, where(x > y, x + LOG2E*log1p(exp2(y - x)), "
           "where(x < y, y + LOG2E*log1p(exp2(x - y)), x + y)))",
           let=_DIFFERENCE + "g = where(d > 0.0, exp2(-d)*(1.0 - LN2*e), exp2(d)*(1.0 + LN2*e))",
           fx="where(d > 0.0, 1.0, g)/(1.0 + g)", fy="where(d > 0.0, g, 1.0)/(1.0 + g)",
           fxx="LN2*g/((1.0 + g)*(1.0 + g))", fxy="-LN2*g/((1.0 + g)*(1.0 + g))", fyy="LN2*g/((1.0 + g)*(1.0 + g))",
           special=(Special((-math.inf, 1.0), (0.0, 1.0), (0.0, 0.0, 0.0), "adds a probability 0"),
                    Special((-math.inf, -math.inf), (0.5, 0.5), None, "a tie"),
                    Special((2000.0, 0.0), (1.0, 0.0), (0.0, 0.0, 0.0), "the weights are a softmax")),
           latex=r"\log_2(2^x + 2^y)", latex_fx=r"1/(1 + 2^{y-x})", latex_fy=r"1/(1 + 2^{x-y})"),

    # Remainders, and functions whose second argument is a direction or an integer
    Binary("remainder", value=f"where({_OPPOSITE}, fmod(x, y) + y, where(fmod(x, y) == 0.0, copysign(0.0, y), "
           "fmod(x, y)))", fx="1.0", fy=f"-{_WHOLE}", fxx="0.0", fxy="0.0", fyy="0.0", domain=(REALS, NONZERO),
           aliases=("mod",),
           special=(Special((5.5, 2.0), (1.0, -2.0), (0.0, 0.0, 0.0), "1 and -floor(x/y)"),
                    Special((-5.5, 2.0), (1.0, 3.0), (0.0, 0.0, 0.0), "1 and -floor(x/y)"),
                    Special((4.0, 2.0), (1.0, -2.0), (0.0, 0.0, 0.0), "slope 1 on both sides of the jump")),
           latex=r"x - y \lfloor x/y \rfloor", latex_fx="1", latex_fy=r"-\lfloor x/y \rfloor"),
    Binary("fmod", fx="1.0", fy=f"-{_WHOLE}", fxx="0.0", fxy="0.0", fyy="0.0", domain=(REALS, NONZERO),
           special=(Special((5.5, 2.0), (1.0, -2.0), (0.0, 0.0, 0.0), "1 and -trunc(x/y)"),
                    Special((-5.5, 2.0), (1.0, 2.0), (0.0, 0.0, 0.0), "1 and -trunc(x/y)")),
           latex=r"x - y \operatorname{trunc}(x/y)", latex_fx="1", latex_fy=r"-\operatorname{trunc}(x/y)"),
    Binary("floor_divide", value=f"where(y == 0.0, x/y, rint((x - fmod(x, y))/y) - where({_OPPOSITE}, 1.0, 0.0))",
           fx="0.0", fy="0.0", fxx="0.0", fxy="0.0", fyy="0.0", domain=(REALS, NONZERO),
           special=(Special((2.5, 1.0), (0.0, 0.0), (0.0, 0.0, 0.0), "locally constant"),),
           latex=r"\lfloor x/y \rfloor", latex_fx="0", latex_fy="0"),
    Binary("copysign", fx="where(x == 0.0, strict + root(x), sign(x)*copysign(1.0, y))", fy="0.0",
           fxx="where(x == 0.0, NAN, 0.0)", fxy="0.0", fyy="0.0",
           special=(Special((-3.0, 2.0), (-1.0, 0.0), (0.0, 0.0, 0.0), "the sign changes"),
                    Special((0.0, 1.0), (0.0, 0.0), (math.nan, 0.0, 0.0), "the tip of the absolute value")),
           latex=r"\lvert x \rvert \operatorname{sign} y",
           latex_fx=r"\operatorname{sign} x \operatorname{sign} y", latex_fy="0"),
    Binary("ldexp", value="x*exp2(rint(0.5*y))*exp2(y - rint(0.5*y))", fx="exp2(y)", fy="LN2*z", fxx="0.0",
           fxy="LN2*exp2(y)", fyy="LN2*LN2*z", latex=r"x 2^y", latex_fx="2^y", latex_fy=r"x 2^y \ln 2"),
    Binary("nextafter", fx="1.0", fy="0.0", fxx="0.0", fxy="0.0", fyy="0.0",
           special=(Special((1.0, 2.0), (1.0, 0.0), (0.0, 0.0, 0.0), "x and a locally constant step"),),
           latex=r"\operatorname{nextafter}(x, y)", latex_fx="1", latex_fy="0"),
)

ROWS: tuple[Unary | Binary, ...] = UNARY + BINARY

# ---------------------------------------------------------------------------------------------------------------------
# NumPy's other ufuncs
# ---------------------------------------------------------------------------------------------------------------------

COMPOSED: dict[str, tuple[str, str]] = {
    # Ufuncs with two outputs, each written with rows. "e" is frexp's second output, a plain integer.
    "divmod": ("floor_divide(x, y)", "remainder(x, y)"),
    "modf": ("x - trunc(x)", "trunc(x)"),
    "frexp": ("ldexp(x, -e)", "e"),
}

_BITS = "takes integers only"
_TRUTH = "its result is a truth value; it is applied to plain values"
_BILINEAR = "bilinear: its rule stands in numpy_rules"

NOT_ROWS: dict[str, str] = {
    **dict.fromkeys(("bitwise_and", "bitwise_count", "bitwise_or", "bitwise_xor", "gcd", "invert", "lcm",
                     "left_shift", "right_shift"), _BITS),
    **dict.fromkeys(("equal", "not_equal", "greater", "greater_equal", "less", "less_equal", "isfinite", "isinf",
                     "isnan", "isnat", "logical_and", "logical_not", "logical_or", "logical_xor", "signbit"), _TRUTH),
    **dict.fromkeys(("matmul", "matvec", "vecdot", "vecmat"), _BILINEAR),
}


# ---------------------------------------------------------------------------------------------------------------------
# Reading the texts
# ---------------------------------------------------------------------------------------------------------------------


def lets(rule: Unary | Binary) -> tuple[tuple[str, str], ...]:
    """Return the temporaries of a row as ``(name, text)`` pairs, in order."""
    pairs = (part.split("=", 1) for part in rule.let.split(";") if part.strip())
    return tuple((name.strip(), text.strip()) for name, text in pairs)


def names(text: str) -> frozenset[str]:
    """Return the names that a text uses: variables, temporaries, constants and functions."""
    return frozenset(node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name))


def is_zero(text: str, *, strict: bool = True) -> bool:
    """Say whether a text is the constant 0, on every branch; ``strict=False`` takes ``strict`` for the 0 it then is.

    >>> is_zero("0.0"), is_zero("where(x == y, strict, 0.0)"), is_zero("where(x == y, strict, 0.0)", strict=False)
    (True, False, True)
    """

    def zero(node: ast.expr) -> bool:
        match node:
            case ast.Constant(value=value):
                return value == 0.0
            case ast.Name(id="strict"):
                return not strict
            case ast.UnaryOp(operand=operand):
                return zero(operand)
            case ast.Call(func=ast.Name(id="where"), args=[_, yes, no]):
                return zero(yes) and zero(no)
        return False

    return zero(ast.parse(text, mode="eval").body)
