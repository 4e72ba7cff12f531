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

import math
from dataclasses import dataclass, field

CONSTANTS = {
    "PI": math.pi,
    "LN2": math.log(2.0),
    "LN10": math.log(10.0),
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
        return {"": text, "zero": f"{text} without 0", "half_pi_odd": f"{text} without odd multiples of π/2"}[self.poles]


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
    second: float | tuple[float, float, float] | None
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
    selects: bool = False
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


UNARY: tuple[Unary, ...] = (
    Unary("exp", d1="y", d2="y", holomorphic=True, latex=r"e^x", latex_d1=r"e^x", latex_d2=r"e^x"),
    Unary("log", d1="1.0/x", d2="-1.0/x/x", domain=POSITIVE, holomorphic=True,
          special=(Special(0.0, math.inf, -math.inf, "one-sided limits"),)),
    Unary("sqrt", d1="0.5/y", d2="-0.25/y/x", domain=NONNEGATIVE, holomorphic=True,
          special=(Special(0.0, math.inf, -math.inf, "one-sided limits"),)),
    Unary("sin", let="c = cos(x)", d1="c", d2="-y", holomorphic=True),
    Unary("cos", let="s = sin(x)", d1="-s", d2="-y", holomorphic=True),
    Unary("tanh", let="e = exp(where(x > 0.0, -2.0*x, 2.0*x))", d1="4.0*e/(1.0 + e)/(1.0 + e)", d2="-2.0*y*d1",
          holomorphic=True),
    Unary("square", value="x*x", d1="2.0*x", d2="2.0", holomorphic=True),
    Unary("negative", value="-x", d1="-1.0", d2="0.0", holomorphic=True),
    Unary("positive", value="x", d1="1.0", d2="0.0", holomorphic=True),
    Unary("reciprocal", value="1.0/x", d1="-y/x", d2="-2.0*d1/x", domain=NONZERO, holomorphic=True),
    Unary("absolute", c="fabs", d1="where(x == 0.0, strict, where(x > 0.0, 1.0, -1.0))",
          d2="where(x == 0.0, NAN, 0.0)", aliases=("abs",)),
    Unary("sign", value="where(x > 0.0, 1.0, where(x < 0.0, -1.0, x))", d1="0.0", d2="0.0"),
    Unary("floor", d1="0.0", d2="0.0"),
    Unary("relu", value="where(x > 0.0, x, 0.0*x)", d1="where(x > 0.0, 1.0, 0.0)", d2="0.0", numpy=False, selects=True),
    Unary("leaky_relu", value="where(x > 0.0, x, slope*x)", d1="where(x > 0.0, 1.0, slope)", d2="0.0",
          parameters=(("slope", 0.01),), numpy=False, selects=True),
)

BINARY: tuple[Binary, ...] = (
    Binary("add", value="x + y", fx="1.0", fy="1.0", fxx="0.0", fxy="0.0", fyy="0.0", holomorphic=True),
    Binary("subtract", value="x - y", fx="1.0", fy="-1.0", fxx="0.0", fxy="0.0", fyy="0.0", holomorphic=True),
    Binary("multiply", value="x*y", fx="y", fy="x", fxx="0.0", fxy="1.0", fyy="0.0", holomorphic=True),
    Binary("divide", value="x/y", fx="1.0/y", fy="-z/y", fxx="0.0", fxy="-1.0/y/y", fyy="2.0*z/y/y",
           aliases=("true_divide",), holomorphic=True),
    Binary("power", c="pow", fx="where(y == 0.0, 0.0, y*power(x, y - 1.0))",
           fy="where((x == 0.0) & (y > 0.0), 0.0, z*log(x))",
           fxx="where((y == 0.0) | (y == 1.0), 0.0, y*(y - 1.0)*power(x, y - 2.0))",
           fxy="where(y == 0.0, 1.0/x, power(x, y - 1.0)*(1.0 + y*log(x)))",
           fyy="where((x == 0.0) & (y > 0.0), 0.0, z*log(x)*log(x))", aliases=("pow",), holomorphic=True),
    Binary("maximum", value="where((x >= y) | (x != x), x, y)", selects=True,
           fx="where(x > y, 1.0, where(x == y, 0.5 + strict, 0.0))", fy="where(x < y, 1.0, where(x == y, 0.5 + strict, 0.0))",
           fxx="where(x == y, strict, 0.0)", fxy="where(x == y, strict, 0.0)", fyy="where(x == y, strict, 0.0)"),
)

ROWS: tuple[Unary | Binary, ...] = UNARY + BINARY
