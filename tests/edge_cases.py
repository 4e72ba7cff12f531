"""The promises at hard points, as data: function, point, first derivative, second derivative, reason.

Five kinds of rows:

`Number`
    A function of one number. Holds for scalars, entries of arrays, duals, hyper-duals and nested derivatives.
`Array`
    A function of an array: gradient or Jacobian, and Hessian.
`Direction`
    A value and a derivative along one given tangent, by ``jvp``.
`Form`
    Shapes and dtypes of results.
`Refused`
    An error of the library's family, the built-in it is as well, and words that its message must hold.

An expected figure is the exact value rounded to double precision. `Any` lists alternatives, one of which must be met;
it may stand for one entry. ``None`` means that nothing is promised there. A row whose ``needs`` is a key of `LATER`
is data already but belongs to work that is not done yet, for the reason that `LATER` states. Everything else runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any as Anything

import numpy as np

import dualdiff as dd

nan = math.nan
inf = math.inf

LATER: dict[str, str] = {}


class Any:
    """One of several figures."""

    def __init__(self, *figures):
        self.figures = figures

    def __repr__(self):
        return " or ".join(map(repr, self.figures))


NOT_FINITE = Any(nan, inf, -inf)
NAN_OR_ZERO = Any(nan, 0.0)

PLAIN, SINC, LINALG, SPECIAL = "plain", "sinc", "linalg", "special"
ULPS = {PLAIN: (4, 8), SINC: (16, 32), LINALG: (0, 0), SPECIAL: (0, 0)}
RELATIVE = {LINALG: 1e-13, SPECIAL: 1e-13}
ABSOLUTE = {LINALG: 1e-14}


@dataclass(frozen=True)
class Number:
    """A function of one number at a hard point.

    ``elementwise``: f maps arrays entry by entry; ``beside``: the harmless number that is put next to ``x`` then.
    ``prepare``: makes f, for functions that need something done before. ``or_error``: a clear error is right as well.
    ``unit``: where terms cancel, the largest term of first and second derivative.
    """

    name: str
    f: Callable
    x: float
    first: Anything
    second: Anything
    why: str
    elementwise: bool = True
    beside: float = 1.25
    accuracy: str = PLAIN
    unit: tuple[float, float] = (0.0, 0.0)
    or_error: bool = False
    prepare: Callable | None = None
    needs: str = ""

    def function(self):
        return self.prepare() if self.prepare else self.f


@dataclass(frozen=True)
class Array:
    """A function of an array at a hard point.

    ``by_index``: f only indexes or iterates, so that a list of numbers works as well as an array.
    """

    name: str
    f: Callable
    v: Anything
    first: Anything
    second: Anything
    why: str
    dtype: type = float
    by_index: bool = False
    accuracy: str = PLAIN
    unit: tuple[float, float] = (0.0, 0.0)
    or_error: bool = False
    needs: str = ""

    def point(self):
        return np.array(self.v, dtype=self.dtype)


@dataclass(frozen=True)
class Direction:
    """A value and a derivative along one tangent."""

    name: str
    f: Callable
    x: float
    tangent: float
    value: Anything
    first: Anything
    why: str


@dataclass(frozen=True)
class Form:
    """The shape or the dtype of derivatives (``None``: not looked at), and figures where they are given."""

    name: str
    f: Callable
    x: Anything
    call: str
    why: str
    first_shape: tuple | None = None
    second_shape: tuple | None = None
    dtype: type = np.float64
    first: Anything = None
    second: Anything = None


@dataclass(frozen=True)
class Refused:
    """A clear error: ``words`` must all occur in the message, ``one_of`` at least one.

    ``of_numpy``: the error is NumPy's own, since no number of ours takes part when it is raised.
    """

    name: str
    f: Callable
    x: Anything
    call: str
    builtin: type
    why: str
    words: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()
    of_numpy: bool = False


def full(shape, figure):
    """An array of expectations, all the same."""
    answer = np.empty(shape, dtype=object)
    answer.fill(figure)
    return answer


# Functions that need a body -----------------------------------------------------------------------------------------

A_LOG = np.array([[2.0, 1.0], [1.0, 3.0]])
A_CHOLESKY = np.array([[4.0, 2.0], [2.0, 3.0]])
A_EIGEN = np.array([[1.0, 0.0], [0.0, 3.0]])
CORNER = np.array([[1.0, 0.0], [0.0, 0.0]])
EXCHANGE = np.array([[0.0, 1.0], [1.0, 0.0]])
KNOTS, HEIGHTS = [0.0, 1.0, 2.0], [0.0, 1.0, 4.0]
ROOT_TWO = 1.4142135623730951


def product_with_exit(v):
    p = 1.0
    for t in v:
        p = p * t
        if p == 0:
            break
    return p


def product_to_the_end(v):
    p = 1.0
    for t in v:
        p = p * t
    return p


def write_through_view(x):
    y = x[1:]
    y[0] = x[0] * x[2]
    return x


def write_to_copy(x):
    y = x[1:].copy()
    y[0] = 5.0
    return x


def add_in_place(x):
    y = x
    x += x**2
    return y


def add_to_plain(x):
    z = np.zeros(3)
    z += x**2
    return z


def forgotten_return(x):
    x * 2


def two_newton_steps(x):
    y = ROOT_TWO
    for _ in range(2):
        y = y - (y * y - x) / (2 * y)
    return y


def newton_until_small(x):
    y = ROOT_TWO
    while abs(y * y - x) > 1e-12:
        y = y - (y * y - x) / (2 * y)
    return y


def times_a_kept_number():
    kept = []

    def remember(t):
        kept.append(t)
        return t * t

    dd.derivative(remember)(2.0)
    return lambda x: x * kept[0]


def scalar_into_plain(x):
    z = np.zeros(3)
    z[0] = x[0]
    return z


def array_into_plain(x):
    z = np.zeros(3)
    z[:] = x
    return z


def ufunc_into_plain(x):
    z = np.zeros(3)
    np.add(x, 1.0, out=z)
    return z


def scalar_into_integers(x):
    z = np.zeros(3, dtype=int)
    z[0] = x[0]
    return z


def into_zeros_like_by_argument(x):
    z = np.zeros(3, like=x)
    z[1] = x[0] * x[2]
    return z


def into_zeros_like(x):
    z = np.zeros_like(x)
    z[1] = x[0] * x[2]
    return z


def into_full_like(x):
    z = np.full_like(x, 0.0)
    z[1] = x[0] * x[2]
    return z


def array_like(x):
    return np.array([0.0, x[0] * x[2], 0.0], like=x)


def use_as_key(x):
    return {x: x}[x] * hash(x)


def special(name, *before, after=()):
    """A function of ``scipy.special``, looked up when it runs."""

    def f(*x):
        import scipy.special

        return getattr(scipy.special, name)(*before, *x, *after)

    return f


# Powers: an exponent without a tangent is a parameter, so no logarithm is taken -------------------------------------

POWERS = [
    Number("x**2", lambda x: x**2, 0.0, 0, 2, "polynomials are smooth at 0"),
    Number("square", lambda x: np.square(x), 0.0, 0, 2, "x**2 under another name"),
    Number("x**1", lambda x: x**1, 0.0, 1, 0, "never p(p-1)x**(p-2) literally: that is 0*inf"),
    Number("x**1.0", lambda x: x**1.0, 0.0, 1, 0, "a float exponent changes nothing"),
    Number("x**0", lambda x: x**0, 0.0, 0, 0, "the constant 1"),
    Number("x**0.0", lambda x: x**0.0, 0.0, 0, 0, "the constant 1, float exponent"),
    Number("exponents 0, 1, 2 together", lambda x: np.sum(x ** np.arange(3)), 0.0, 1, 2, "1 + x + x**2",
           elementwise=False),
    Array("negative base", lambda v: v[0] ** v[1], [-2.0, 3.0], [12, nan], [[-12, nan], [nan, nan]],
          "a cube in x; undefined in y, which must not spoil x", by_index=True),
    Array("0**0.5", lambda v: v[0] ** v[1], [0.0, 0.5], [inf, 0], None, "x**y*log(x) tends to 0 in y", by_index=True),
    Array("0**0", lambda v: v[0] ** v[1], [0.0, 0.0], [0, -inf], None, "in y it drops from inf through 1 to 0",
          by_index=True),
    Number("0**x at 2", lambda x: 0.0**x, 2.0, 0, 0, "0 for all positive exponents"),
    Number("0**x at 0", lambda x: 0.0**x, 0.0, -inf, None, "the drop of 0**0"),
    Number("2**x", lambda x: 2.0**x, 3.0, 5.545177444479562, 3.8436241113456115, "8 log 2, 8 log(2)**2"),
    Number("x**1.5", lambda x: x**1.5, 0.0, 0, inf, "flat, with infinite curvature"),
    Number("x**0.5 * x", lambda x: x**0.5 * x, 0.0, NAN_OR_ZERO, None, "the product rule meets 0*inf"),
    Number("1/x at an int", lambda x: x**-1, 2, -0.25, 0.25, "an int is made a float first"),
    Array("v**-2 of ints", lambda v: v**-2, [1, 2], [[-2, 0], [0, -0.25]], None, "ints are made floats first",
          dtype=int),
]

# Roots, absolute values, norms: at a tip 0 at first order, nan at second --------------------------------------------

NORMS = [
    Number("abs at 0", lambda x: np.abs(x), 0.0, 0, nan, "shortest subgradient; loud at second order"),
    Number("fabs at 0", lambda x: np.fabs(x), 0.0, 0, nan, "abs under another name"),
    Number("abs at -0", lambda x: np.abs(x), -0.0, 0, nan, "both zeros are the same point"),
    Number("sign at 0", lambda x: np.sign(x), 0.0, 0, 0, "a step"),
    Number("heaviside at 0", lambda x: np.heaviside(x, 0.5), 0.0, 0, 0, "a step"),
    Number("abs of nan", lambda x: np.abs(x), nan, nan, NAN_OR_ZERO, "nan stays nan"),
    Number("sqrt at 0", lambda x: np.sqrt(x), 0.0, inf, -inf, "limits from the right"),
    Array("sqrt at 0 without tangent", lambda v: np.sqrt(0.0 * v[0]) + v[1], [1.0, 1.0], [0, 1], [[0, 0], [0, 0]],
          "strong zero", by_index=True),
    Number("sqrt of a square", lambda x: np.sqrt(x**2), 0.0, 0, NOT_FINITE, "x**2 comes with tangent 0"),
    Number("sqrt of a fourth power", lambda x: np.sqrt(x**4), 0.0, 0, Any(0.0, 2.0, nan),
           "the 2 hides in a fourth-order term that no hyper-dual holds"),
    Number("cbrt at 0", lambda x: np.cbrt(x), 0.0, inf, NOT_FINITE, "a vertical tangent with an inflection"),
    Number("cbrt of -8", lambda x: np.cbrt(x), -8.0, 0.08333333333333333, 0.006944444444444444, "1/12, 1/144"),
    Array("norm of zeros", lambda v: np.linalg.norm(v), [0.0, 0.0], [0, 0],
          [[nan, NAN_OR_ZERO], [NAN_OR_ZERO, nan]], "tip of a cone", accuracy=LINALG),
    Array("squared norm of zeros", lambda v: np.linalg.norm(v) ** 2, [0.0, 0.0], [0, 0],
          [[Any(nan, 2.0), NAN_OR_ZERO], [NAN_OR_ZERO, Any(nan, 2.0)]], "nan rather than a silent 0; v @ v is smooth",
          accuracy=LINALG),
    Number("squared abs at 0", lambda x: np.abs(x) ** 2, 0.0, 0, Any(nan, 2.0), "likewise; x**2 is smooth"),
    Array("hypot of zeros", lambda v: np.hypot(v[0], v[1]), [0.0, 0.0], [0, 0],
          [[NOT_FINITE, NAN_OR_ZERO], [NAN_OR_ZERO, NOT_FINITE]], "tip of a cone", by_index=True),
    Array("std of equals", lambda v: np.std(v), [1.0, 1.0, 1.0], [0, 0, 0], full((3, 3), NOT_FINITE),
          "a norm of deviations that are 0"),
    Array("var of equals", lambda v: np.var(v), [1.0, 1.0, 1.0], [0, 0, 0],
          [[0.4444444444444444, -0.2222222222222222, -0.2222222222222222],
           [-0.2222222222222222, 0.4444444444444444, -0.2222222222222222],
           [-0.2222222222222222, -0.2222222222222222, 0.4444444444444444]], "(2/n)(I - 1/n)"),
]

# Choices: the branch that was taken; a tie is the mean --------------------------------------------------------------

CHOICES = [
    Number("guarded sqrt", lambda x: np.where(x > 0, np.sqrt(x), 0.0), 0.0, 0, 0, "inf of the other branch stays out"),
    Number("relu by where", lambda x: np.where(x > 0, x, 0.0), 0.0, 0, 0, "the branch that ran"),
    Number("branch on equality", lambda x: np.where(x == 1, 1.0, x**2), 1.0, 0, 0, "the constant branch ran"),
    Array("max of a tie", lambda v: np.max(v), [2.0, 2.0, 1.0], [0.5, 0.5, 0], full((3, 3), 0), "mean of the tied"),
    Number("maximum at a tie", lambda x: np.maximum(x, 1.0), 1.0, 0.5, 0, "half of either"),
    Number("maximum with itself", lambda x: np.maximum(x, x), 2.0, 1, 0, "two halves of x"),
    Array("entry at argmax", lambda v: v[np.argmax(v)], [2.0, 2.0, 1.0], [1, 0, 0], full((3, 3), 0),
          "an index: the first of the tied"),
    Direction("loser with infinite tangent", lambda x: np.maximum(x, 0.0), -1.0, -inf, 0.0, 0,
              "the winner is constant"),
    Number("clip at its bound", lambda x: np.clip(x, -1.0, 1.0), 1.0, 0.5, 0, "a tie with the bound", beside=0.25),
    Number("clip inside", lambda x: np.clip(x, -1.0, 1.0), 0.5, 1, 0, "the identity", beside=0.25),
    Number("clip outside", lambda x: np.clip(x, -1.0, 1.0), 2.0, 0, 0, "a constant", beside=0.25),
    Array("sort with ties", lambda v: np.sort(v), [2.0, 1.0, 1.0], [[0, 1, 0], [0, 0, 1], [1, 0, 0]], None,
          "tangents are permuted with their values, stably"),
    Array("median of four", lambda v: np.median(v), [4.0, 1.0, 3.0, 2.0], [0, 0, 0.5, 0.5], None,
          "mean of the middle pair"),
    Array("unique of distinct", lambda v: np.unique(v), [3.0, 1.0, 2.0], [[0, 1, 0], [0, 0, 1], [1, 0, 0]], None,
          "a sort"),
    Refused("unique of equals", lambda v: np.unique(v), [1.0, 2.0, 1.0], "jacobian", Exception,
            "merging would drop a tangent", words=("unique",)),
]

# Products, scans, tables, loops -------------------------------------------------------------------------------------

PRODUCTS = [
    Array("prod with a zero", lambda v: np.prod(v), [0.0, 2.0, 3.0], [6, 0, 0], [[0, 3, 2], [3, 0, 0], [2, 0, 0]],
          "nothing is divided by a factor"),
    Array("cumprod with a zero", lambda v: np.cumprod(v), [2.0, 0.0, 3.0], [[1, 0, 0], [0, 2, 0], [0, 6, 0]], None,
          "nothing is divided by a factor"),
    Array("last entry of cumprod", lambda v: np.cumprod(v)[2], [2.0, 0.0, 3.0], [0, 6, 0],
          [[0, 3, 0], [3, 0, 2], [0, 2, 0]], "second order across the zero"),
    Number("interp at a knot", lambda x: np.interp(x, KNOTS, HEIGHTS), 1.0, 3, 0, "NumPy evaluates the right piece"),
    Number("interp inside", lambda x: np.interp(x, KNOTS, HEIGHTS), 0.5, 1, 0, "slope of the piece"),
    Number("interp outside", lambda x: np.interp(x, KNOTS, HEIGHTS), 5.0, 0, 0, "constant"),
    Array("loop left at a zero", product_with_exit, [0.0, 2.0, 3.0], [1, 0, 0], None, "only v[0] was ever used",
          by_index=True),
    Array("loop run through", product_to_the_end, [0.0, 2.0, 3.0], [6, 0, 0], [[0, 3, 2], [3, 0, 0], [2, 0, 0]],
          "without the exit it is prod", by_index=True),
]

# Accuracy and range -------------------------------------------------------------------------------------------------

ACCURACY = [
    Array("log at 0, one tangent 0", lambda v: np.log(0.0 * v[0] + v[1]), [1.0, 0.0], [0, inf], [[0, 0], [0, -inf]],
          "strong zero, column by column", by_index=True),
    Array("overflowing factor", lambda v: v[0] * np.exp(-v[1]), [1.0, -1000.0], [inf, -inf], [[0, -inf], [-inf, inf]],
          "inf in one column is no nan in another", by_index=True),
    Number("expm1 far left", lambda x: np.expm1(x), -40.0, 4.248354255291589e-18, 4.248354255291589e-18,
           "1 + expm1(x) has lost it"),
    Number("tanh far right", lambda x: np.tanh(x), 20.0, 1.6993417021166355e-17, -3.398683404233271e-17,
           "1 - tanh(x)**2 has lost it"),
    Number("logaddexp with -inf", lambda x: np.logaddexp(-np.inf, x), 1.0, 1, 0, "adds nothing: the identity"),
    Array("logaddexp of two -inf", lambda v: np.logaddexp(v[0], v[1]), [-inf, -inf], [0.5, 0.5], None, "a tie, not nan",
          by_index=True),
    Array("logaddexp far apart", lambda v: np.logaddexp(v[0], v[1]), [1000.0, 0.0], [1, 0], [[0, 0], [0, 0]],
          "softmax weights", by_index=True),
    Array("logaddexp of equals", lambda v: np.logaddexp(v[0], v[1]), [2.0, 2.0], [0.5, 0.5],
          [[0.25, -0.25], [-0.25, 0.25]], "smooth", by_index=True),
    Array("logsumexp with its maximum taken off", lambda v: np.log(np.sum(np.exp(v - np.max(v)))) + np.max(v),
          [2.0, 2.0], [0.5, 0.5], [[0.25, -0.25], [-0.25, 0.25]], "the share of max cancels because it is finite"),
    Number("arcsinh of 1e200", lambda x: np.arcsinh(x), 1e200, 1e-200, 0, "x*x would overflow"),
    Number("arccosh of 1e200", lambda x: np.arccosh(x), 1e200, 1e-200, 0, "x*x would overflow"),
    Form("arcsinh of float32 1e22", lambda x: np.arcsinh(x), np.array([1e22], np.float32), "derivative",
         "x*x overflows float32 already", first_shape=(1,), dtype=np.float32, first=[1e-22]),
    Number("arctan of 1e200", lambda x: np.arctan(x), 1e200, 0, 0, "1e-400 is 0, quietly"),
    Number("1/x at 1e200", lambda x: 1 / x, 1e200, 0, 0, "-1e-400 is 0, quietly"),
    Array("quotient of huge", lambda v: v[0] / v[1], [1e200, 1e200], [1e-200, -1e-200], [[0, 0], [0, 0]],
          "divide twice, never by a square", by_index=True),
    Array("quotient of tiny", lambda v: v[0] / v[1], [1e-200, 1e-200], [1e200, -1e200], [[0, -inf], [-inf, inf]],
          "divide twice, never by a square", by_index=True),
    Number("sinc at 0", lambda x: np.sinc(x), 0.0, 0, -3.289868133696453, "-pi**2/3", accuracy=SINC),
    Number("sinc near 0", lambda x: np.sinc(x), 1e-8, -3.2898681336964526e-08, -3.289868133696452, "-pi**2 x/3",
           accuracy=SINC),
    Array("arctan2 of zeros", lambda v: np.arctan2(v[0], v[1]), [0.0, 0.0], [nan, nan], None, "there is no limit",
          by_index=True),
    Array("arctan2 of zeros without tangents", lambda v: np.arctan2(0.0 * v[0], 0.0 * v[1]) + v[0], [1.0, 1.0], [1, 0],
          None, "strong zero", by_index=True),
    Array("arctan2 on its cut", lambda v: np.arctan2(v[0], v[1]), [0.0, -1.0], [-1, 0], [[0, -1], [-1, 0]],
          "x/r**2 and -y/r**2 do not jump", by_index=True),
    Number("log of -1", lambda x: np.log(x), -1.0, nan, nan, "no value, no derivative; NumPy's warning"),
    Number("sqrt of -1", lambda x: np.sqrt(x), -1.0, nan, nan, "no value, no derivative; NumPy's warning"),
    Number("arctanh of 2", lambda x: np.arctanh(x), 2.0, nan, nan, "no value, no derivative, though 1/(1 - x*x) is one",
           beside=0.25),
]

# Remainders and steps -----------------------------------------------------------------------------------------------

REMAINDERS = [
    Array("mod", lambda v: np.mod(v[0], v[1]), [5.5, 2.0], [1, -2], [[0, 0], [0, 0]], "1, -floor(x/y)", by_index=True),
    Array("mod of a negative", lambda v: np.mod(v[0], v[1]), [-5.5, 2.0], [1, 3], None, "1, -floor(x/y)",
          by_index=True),
    Array("fmod of a negative", lambda v: np.fmod(v[0], v[1]), [-5.5, 2.0], [1, 2], None, "1, -trunc(x/y)",
          by_index=True),
    Number("mod at a multiple", lambda x: np.mod(x, 2.0), 4.0, 1, 0, "slope 1 on both sides"),
    Number("divmod, quotient", lambda x: np.divmod(x, 2.0)[0], 5.5, 0, 0, "a step"),
    Number("divmod, remainder", lambda x: np.divmod(x, 2.0)[1], 5.5, 1, 0, "slope 1"),
    Number("modf, fraction", lambda x: np.modf(x)[0], -2.5, 1, 0, "slope 1"),
    Number("floor division", lambda x: x // 1.0, 2.5, 0, 0, "a step, of floats"),
    Number("floor at an integer", lambda x: np.floor(x), 2.0, 0, 0, "a step"),
]

# Linear algebra -----------------------------------------------------------------------------------------------------

LINEAR_ALGEBRA = [
    Array("det of a singular matrix", lambda v: np.linalg.det(v), [[1.0, 2.0], [2.0, 4.0]], [[4, -2], [-2, 1]],
          [[[[0, 0], [0, 1]], [[0, 0], [-1, 0]]], [[[0, -1], [0, 0]], [[1, 0], [0, 0]]]],
          "cofactors exist without an inverse", accuracy=LINALG),
    Number("slogdet, logarithm", lambda x: np.linalg.slogdet(A_LOG + x * CORNER)[1], 1.0, 0.375, -0.140625,
           "log(3x + 5)", elementwise=False, accuracy=LINALG),
    Number("slogdet, sign", lambda x: np.linalg.slogdet(A_LOG + x * CORNER)[0], 1.0, 0, 0, "a step", elementwise=False,
           accuracy=LINALG),
    Array("inv at the identity", lambda v: np.linalg.inv(v), [[1.0, 0.0], [0.0, 1.0]],
          [[[[-1, 0], [0, 0]], [[0, -1], [0, 0]]], [[[0, 0], [-1, 0]], [[0, 0], [0, -1]]]], None,
          "-E for every direction E: zeros of the value are no structure", accuracy=LINALG),
    Array("solve at the identity", lambda v: np.linalg.solve(v, np.array([1.0, 2.0])), [[1.0, 0.0], [0.0, 1.0]],
          [[[-1, -2], [0, 0]], [[0, 0], [-1, -2]]], None, "likewise", accuracy=LINALG),
    Number("cholesky [0, 0]", lambda x: np.linalg.cholesky(A_CHOLESKY + x * CORNER)[0, 0], 0.0, 0.25, -0.03125,
           "sqrt(4 + x)", elementwise=False, accuracy=LINALG),
    Number("cholesky [1, 0]", lambda x: np.linalg.cholesky(A_CHOLESKY + x * CORNER)[1, 0], 0.0, -0.125, 0.046875,
           "2/sqrt(4 + x)", elementwise=False, accuracy=LINALG),
    Number("cholesky [1, 1]", lambda x: np.linalg.cholesky(A_CHOLESKY + x * CORNER)[1, 1], 0.0, 0.08838834764831845,
           -0.04971844555217912, "sqrt(3 - 4/(4 + x))", elementwise=False, accuracy=LINALG),
    Number("cholesky [0, 1]", lambda x: np.linalg.cholesky(A_CHOLESKY + x * CORNER)[0, 1], 0.0, 0, 0, "always 0",
           elementwise=False, accuracy=LINALG),
    Array("cholesky reads the lower triangle", lambda v: np.linalg.cholesky(v)[1, 1], [[4.0, 2.0], [2.0, 3.0]],
          [[0.08838834764831845, 0], [-0.35355339059327373, 0.35355339059327373]], None,
          "sqrt(A11 - A10**2/A00); the upper entry has no say", accuracy=LINALG),
    Number("eigenvalues apart", lambda x: np.linalg.eigvalsh(A_EIGEN + x * EXCHANGE)[0], 0.0, 0, -1,
           "2 - sqrt(1 + x*x)", elementwise=False, accuracy=LINALG),
    Number("eigenvalues apart, off the diagonal", lambda x: np.linalg.eigvalsh(A_EIGEN + x * EXCHANGE)[1], 0.75, 0.6,
           0.512, "2 + sqrt(1 + x*x)", elementwise=False, accuracy=LINALG),
    Array("symmetric function of equal eigenvalues", lambda v: np.sum(np.exp(np.linalg.eigvalsh(v))),
          [[1.0, 0.0], [0.0, 1.0]], [[2.718281828459045, 0], [0, 2.718281828459045]], None,
          "a sum over the group does not ask how it is split", accuracy=LINALG),
    Number("eigenvectors of equal eigenvalues", lambda x: np.linalg.eigh(np.eye(2) + x * EXCHANGE)[1][0, 0] ** 2, 0.0,
           NOT_FINITE, NOT_FINITE, "they jump", elementwise=False, accuracy=LINALG),
    Number("projector on one eigenvector", lambda x: np.linalg.eigh(A_EIGEN + x * EXCHANGE)[1][0, 0] ** 2, 0.75, -0.192,
           0.02048, "(1 + 1/sqrt(1 + x*x))/2, whatever the sign of the vector", elementwise=False, accuracy=LINALG),
]

# Shapes, dtypes, aliasing -------------------------------------------------------------------------------------------

FORMS = [
    Form("shape of a float", lambda x: x**2, 2.0, "derivative", "nothing squeezed or added", (), (), first=4, second=2),
    Form("shape of a float64", lambda x: x**2, np.float64(2), "derivative", "likewise", (), (), first=4, second=2),
    Form("shape of a 0-d array", lambda x: x**2, np.array(2.0), "derivative", "likewise", (), (), first=4, second=2),
    Form("shape of one entry", lambda x: x**2, np.array([2.0]), "derivative", "likewise", (1,), (1,), first=[4],
         second=[2]),
    Form("shape of a Jacobian", lambda v: np.outer(v, v), np.array([2.0, 5.0]), "jacobian", "f(x).shape + x.shape",
         (2, 2, 2), first=[[[4, 0], [5, 2]], [[5, 2], [0, 10]]]),
    Form("int point", lambda x: np.tanh(x), 2, "derivative", "made a float", (), first=0.07065082485316447),
    Refused("bool point", lambda x: x * 2.0, True, "derivative", TypeError, "a truth value has no derivative",
            one_of=("bool", "truth")),
    Form("float32 stays", lambda v: np.sin(v) * 2.0, np.array([1, 2], np.float32), "jacobian", "Python floats are weak",
         (2, 2), (2, 2, 2), dtype=np.float32),
    Form("float32 and float64", lambda v: v * np.array([0.1, 0.2]), np.array([1, 2], np.float32), "jacobian",
         "the wider wins", (2, 2), dtype=np.float64, first=[[0.1, 0], [0, 0.2]]),
    Number("real part of exp(ix)", lambda x: np.real(np.exp(1j * x)), 0.7, -0.644217687237691, -0.7648421872844885,
           "-sin, -cos through complex tangents"),
    Number("modulus of 1 + ix", lambda x: np.abs(1 + 1j * x), 1.0, 0.7071067811865476, 0.3535533905932738,
           "sqrt(1 + x*x)"),
    Number("angle of 1 + ix", lambda x: np.angle(1 + 1j * x), 1.0, 0.5, -0.5, "arctan(x)"),
    Array("write through a view", write_through_view, [1.0, 2.0, 3.0], [[1, 0, 0], [3, 0, 1], [0, 0, 1]], None,
          "a slice shares memory"),
    Array("write to a copy", write_to_copy, [1.0, 2.0, 3.0], np.eye(3), None, "a copy does not"),
    Array("add in place", add_in_place, [1.0, 2.0, 3.0], np.diag([3, 5, 7]), None, "two names, one array"),
    Array("add in place to plain", add_to_plain, [1.0, 2.0, 3.0], np.diag([2, 4, 6]), None,
          "right, or an error: never stale", or_error=True),
    Array("array of scalars", lambda v: np.array([v[0] * v[1], np.sin(v[0])]), [2.0, 5.0],
          [[5, 2], [-0.4161468365471424, 0]], None, "packed on return", by_index=True),
    Array("array of scalars and numbers", lambda v: np.array([v[0] * v[1], 1.0]) * v, [2.0, 5.0], [[20, 4], [0, 1]],
          None, "packed when it meets a dual array"),
    Array("list as result", lambda v: [v[0] * v[1], v[1]], [2.0, 5.0], [[5, 2], [0, 1]], None, "an array in the end",
          by_index=True),
    Array("constant result", lambda v: np.ones(3), [1.0, 2.0], np.zeros((3, 2)), np.zeros((3, 2, 2)),
          "a constant has derivative 0", by_index=True),
    Refused("no result", forgotten_return, 2.0, "derivative", TypeError, "a return was forgotten", words=("None",)),
    Array("input without influence", lambda v: np.array([1.0, 2.0]) * v[0], [1.0, 2.0, 3.0], [[1, 0, 0], [2, 0, 0]],
          None, "exact zeros", by_index=True),
]

# Nesting and control flow -------------------------------------------------------------------------------------------

QUIET = [  # function, number of dimensions of the point
    ("abs", lambda x: np.abs(x), 0),
    ("norm", lambda v: np.linalg.norm(v), 1),
    ("guarded sqrt", lambda x: np.where(x > 0, np.sqrt(x), 0.0), 0),
    ("prod", lambda v: np.prod(v), 1),
    ("maximum", lambda x: np.maximum(x, 0.0), 0),
    ("float square", lambda x: x**2.0, 0),
    ("hypot", lambda x: np.hypot(x, 0.0), 0),
]

SYMMETRIC_POINT = [0.3, -1.2, 0.7, 2.1, -0.4, 1.3, 0.9]


def seven(v):
    return np.sum(np.sin(np.outer(v, v))) * np.linalg.norm(v)


NESTING = [
    Number("inner sum", lambda x: x * dd.derivative(lambda y: x + y)(1.0), 1.0, 1, 0, "x and y are kept apart"),
    Number("inner product", lambda x: x * dd.derivative(lambda y: x * y)(1.0), 4.0, 8, 2, "d/dx of x*x"),
    Number("number of an earlier call", None, 3.0, 2, None, "a constant, or refused", prepare=times_a_kept_number,
           or_error=True),
    Number("branch by if", lambda x: x**2 if x > 0 else -x, 3.0, 6, 2, "if sees the value", elementwise=False),
    Refused("truth of an array", lambda v: v if v > 0 else -v, [1.0, 2.0], "jacobian", ValueError, "as in NumPy",
            words=("ambiguous",), of_numpy=True),
    Refused("hash", use_as_key, 2.0, "derivative", TypeError, "a cache would hand out numbers without tangents",
            words=("hash",)),
    Direction("nan tangent", lambda x: np.where(x > 1, x, 2 * x), 2.0, nan, 2.0, nan,
              "the branch is decided by the value"),
    Number("Newton at the root", two_newton_steps, 2.0, 0.3535533905932738, -0.08838834764831845,
           "one step is exact at first order, two at second"),
    Number("Newton that never starts", newton_until_small, 2.0, 0, 0, "the test sees values only", elementwise=False),
    Number("gammaln", special("gammaln"), 2.5, 0.7031566406452432, 0.49035775610023485, "digamma, trigamma",
           accuracy=SPECIAL),
    Number("digamma", special("digamma"), 2.5, 0.49035775610023485, -0.2362040516417274, "trigamma, tetragamma",
           accuracy=SPECIAL),
    Array("betaln", lambda v: special("betaln")(v[0], v[1]), [2.0, 3.5], [-1.188308813483284, -0.5079365079365079],
          [[0.44559167985859877, -0.19934238698962767], [-0.19934238698962767, 0.1310153691106072]], "both arguments",
          accuracy=SPECIAL),
    Number("betainc, last argument", special("betainc", 2.0, 3.0), 0.4, 1.728, -1.44, "12x(1 - x)**2", beside=0.25,
           accuracy=SPECIAL),
    Number("betainc, a parameter", special("betainc", after=(3.0, 0.4)), 2.0, -0.24086937608756572, None,
           "right, or an error that names function and argument", or_error=True, accuracy=SPECIAL),
    Form("shape of a Hessian", lambda v: v**3, np.array([2.0, 5.0]), "jacobian", "f(x).shape + x.shape + x.shape",
         (2, 2), (2, 2, 2)),
    Form("Hessian of one variable", lambda v: np.sum(v**3), np.array([2.0]), "jacobian", "likewise", (1,), (1, 1),
         first=[12], second=[[12]]),
    Refused("grad of a vector", lambda v: v * 2, [1.0, 2.0], "grad", ValueError, "another transform is meant",
            words=("jacobian",)),
]

# Lost tangents ------------------------------------------------------------------------------------------------------

LOST = [
    Refused("scalar into plain", scalar_into_plain, [1.0, 2.0, 3.0], "jacobian", TypeError, "float64 has no room",
            one_of=("zeros_like", "like=")),
    Refused("array into plain", array_into_plain, [1.0, 2.0, 3.0], "jacobian", TypeError, "float64 has no room",
            one_of=("zeros_like", "like=")),
    Refused("out= a plain array", ufunc_into_plain, [1.0, 2.0, 3.0], "jacobian", TypeError, "float64 has no room",
            words=("out",)),
    Refused("float()", lambda x: float(x) * 2.0, 2.0, "derivative", TypeError, "a float has no tangent",
            words=("float",), one_of=("dualdiff.value", "dd.value", "np.", "value(")),
    Refused("math.sin", lambda x: math.sin(x), 2.0, "derivative", TypeError, "math makes floats",
            one_of=("np.sin", "np.")),
    Refused("asarray with a dtype", lambda x: np.asarray(x, dtype=float) * 2.0, [1.0, 2.0, 3.0], "jacobian", TypeError,
            "without a dtype it keeps working", words=("dtype",)),
    Refused("scalar into integers", scalar_into_integers, [1.0, 2.0, 3.0], "jacobian", TypeError,
            "it would be cut as well", one_of=("zeros_like", "like=")),
    Array("cure: zeros with like=", into_zeros_like_by_argument, [1.0, 2.0, 3.0], [[0, 0, 0], [3, 0, 1], [0, 0, 0]],
          None, "room for tangents"),
    Array("cure: zeros_like", into_zeros_like, [1.0, 2.0, 3.0], [[0, 0, 0], [3, 0, 1], [0, 0, 0]],
          None, "room for tangents"),
    Array("cure: full_like", into_full_like, [1.0, 2.0, 3.0], [[0, 0, 0], [3, 0, 1], [0, 0, 0]],
          None, "room for tangents"),
    Array("cure: array with like=", array_like, [1.0, 2.0, 3.0], [[0, 0, 0], [3, 0, 1], [0, 0, 0]],
          None, "room for tangents"),
]

ALL = [*POWERS, *NORMS, *CHOICES, *PRODUCTS, *ACCURACY, *REMAINDERS, *LINEAR_ALGEBRA, *FORMS, *NESTING, *LOST]


def rows(kind):
    """The rows of one kind that run today."""
    return [row for row in ALL if isinstance(row, kind) and getattr(row, "needs", "") not in LATER]


# How figures are compared ---------------------------------------------------------------------------------------------


def agrees(got, want, order, accuracy=PLAIN, unit=0.0):
    """Whether one figure is the promised one; ``unit`` is the largest term where terms cancel."""
    if isinstance(want, Any):
        return any(agrees(got, figure, order, accuracy, unit) for figure in want.figures)
    got, want = float(got), float(want)
    if math.isnan(want):
        return math.isnan(got)
    if math.isinf(want) or not math.isfinite(got):
        return got == want
    if accuracy in RELATIVE:
        return abs(got - want) <= max(RELATIVE[accuracy] * abs(want), ABSOLUTE.get(accuracy, 0.0))
    if want.is_integer() and abs(want) < 2.0**53 and not unit:
        return got == want
    return abs(got - want) <= ULPS[accuracy][order - 1] * np.spacing(max(abs(want), unit))


def assert_agrees(got, want, order, row):
    """Every entry of ``got`` is the promised one, and the shapes are the same."""
    accuracy, unit = getattr(row, "accuracy", PLAIN), getattr(row, "unit", (0.0, 0.0))[order - 1]
    got, want = np.asarray(got), np.asarray(want, dtype=object)
    assert got.dtype.kind == "f", f"{row.name}: derivatives of kind {got.dtype}"
    assert got.shape == want.shape, f"{row.name}: shape {got.shape}, promised {want.shape}"
    for index in np.ndindex(got.shape):
        assert agrees(got[index], want[index], order, accuracy, unit), (
            f"{row.name}: order {order} at {index} is {got[index]!r}, promised {want[index]!r}"
        )
