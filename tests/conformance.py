"""Plain NumPy code, differentiated: every case to first and second order on every route that is meaningful.

A case is an ordinary function of an array or a number, written as users write it. Its derivatives are held against
mpmath (formulas of one number), the complex step or extrapolated differences of the same function. An outcome is

- ``right``: shape, dtype and numbers agree;
- ``refused``: a `DualDiffError`, which is what the cases marked ``refused`` must raise, and no other case may;
- ``crash``: another error; allowed where a case is marked ``foreign``: NumPy's own, of functions that it does not
  hand over;
- ``wrong``: a failure, whatever the mark.

Routes: *scalar* (`derivative` to orders 1, 2, 3), *array* (`jacobian` and `hessian`), *elementwise* (`derivative` of an
array), *list* (a list of scalar duals), *batched* (rows), *nested* (a Jacobian of a Jacobian) and *float32*.

``python tests/conformance.py`` prints a table of counts, and everything that is not as it should be.
"""

from __future__ import annotations

import math
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType, SimpleNamespace

import mpmath
import numpy as np
from problems import TOLERANCES, assert_close, numdiff, numdiff2

import dualdiff as dd

RIGHT, REFUSED, WRONG, CRASH = OUTCOMES = ("right", "refused", "wrong", "crash")
V2 = np.array([0.7, 1.3])
V3 = np.array([0.72, 1.31, 2.18])
V4 = np.array([0.72, -1.31, 2.18, 1.43])
P4 = np.array([0.35, 0.62, 1.21, 1.87])
M22 = np.array([[1.9, 0.4], [0.7, 2.3]])
M23 = np.array([[1.93, 2.57, 1.12], [0.31, 3.13, 4.24]])
M33 = np.array([[2.1, 0.3, 0.5], [0.2, 3.2, 0.7], [0.4, 0.6, 4.3]])


@dataclass(frozen=True)
class Case:
    """A function, a point and what its reference needs.

    ``skip`` names routes that are not meaningful for it; ``scale`` says how much coarser than usual the reference is.
    Lists of floats are float64 and lists of float32 duals are not, so some cases skip ``float32``.
    """

    group: str
    name: str
    f: Callable
    x: np.ndarray | float
    analytic: bool = False
    step: float = 0.03
    scale: float = 1.0
    skip: tuple = ()
    refused: bool = False
    foreign: bool = False

    @property
    def routes(self):
        if np.ndim(self.x) == 0:
            routes = ("scalar", "elementwise", "float32") if self.analytic else ("scalar", "float32")
        else:
            routes = ("array", "nested", "batched", "float32") + (("list",) if np.ndim(self.x) == 1 else ())
        return [route for route in routes if route not in self.skip]


CASES = []


def case(group, x, **options):
    """A decorator: the function is a case, named after it."""

    def register(f):
        CASES.append(Case(group, f.__name__.replace("_", " "), f, x, **options))
        return f

    return register


def cases(group, x, functions, **options):
    for name, f in functions.items():
        CASES.append(Case(group, name, f, x, **options))


# -- formulas of one number, against mpmath ----------------------------------------------------------------------------

cases("formulas", 0.7, {
    "gaussian": lambda x: np.exp(-0.5 * x**2) / np.sqrt(2.0 * np.pi),
    "logistic": lambda x: 1.0 / (1.0 + np.exp(-x)),
    "damped oscillation": lambda x: np.exp(-0.3 * x) * np.cos(2.0 * np.pi * x),
    "rational": lambda x: (x**2 - 3.0 * x + 1.0) / (x**3 + 2.0),
    "nested roots": lambda x: np.sqrt(1.0 + np.sqrt(1.0 + np.sqrt(x))),
    "power of itself": lambda x: x**x,
    "tower": lambda x: x ** (x**x),
    "log of log": lambda x: np.log(2.0 + np.log(2.0 + x)),
    "sine of the inverse": lambda x: np.sin(1.0 / x),
    "inverse functions": lambda x: np.arcsin(x) * np.arccos(x) + np.arctan(x),
    "hyperbolic": lambda x: np.sinh(x) * np.cosh(x) - np.tanh(x) ** 2,
    "inverse hyperbolic": lambda x: np.arcsinh(x) + np.arctanh(x) + np.arccosh(1.0 + x),
    "softplus": lambda x: np.log1p(np.exp(x)),
    "expm1 and log1p": lambda x: np.expm1(x) * np.log1p(x),
    "cube root": lambda x: np.cbrt(x) ** 2,
    "negative powers": lambda x: x**-3 + x**-1 + x**0 + x**1,
    "fractional powers": lambda x: x**1.5 - x**0.25,
    "exp2 and log2": lambda x: np.exp2(x) + np.log2(x) + np.log10(x),
    "planck's law": lambda x: x**3 / np.expm1(1.0 / x),
    "lennard-jones": lambda x: 4.0 * ((1.0 / x) ** 12 - (1.0 / x) ** 6),
    "morse": lambda x: 4.7 * (1.0 - np.exp(-1.9 * (x - 0.74))) ** 2,
    "van der waals": lambda x: 8.0 * x / (3.0 * 1.4 - 1.0) - 3.0 / x**2,
    "lorentz factor": lambda x: 1.0 / np.sqrt(1.0 - x**2),
    "relativistic energy": lambda x: np.sqrt(x**2 + 1.0) - 1.0,
    "butler and volmer": lambda x: np.exp(0.5 * x) - np.exp(-0.5 * x),
    "langevin": lambda x: 1.0 / np.tanh(x) - 1.0 / x,
    "michaelis and menten": lambda x: 2.5 * x / (0.3 + x),
    "hill": lambda x: x**2.7 / (0.4**2.7 + x**2.7),
    "antoine": lambda x: 10.0 ** (8.07 - 1730.63 / (233.4 + x)),
    "arrhenius": lambda x: 3.1 * np.exp(-2.0 / x),
    "gompertz": lambda x: np.exp(-2.0 * np.exp(-0.9 * x)),
    "weibull density": lambda x: 1.5 * x**0.5 * np.exp(-(x**1.5)),
    "degrees": lambda x: np.sin(np.deg2rad(40.0 * x)) + np.rad2deg(x),
    "hypotenuse": lambda x: np.hypot(x, 2.0) + np.arctan2(x, 3.0),
    "continued fraction": lambda x: 1.0 / (1.0 + x / (2.0 + x / (3.0 + x / 4.0))),
    "square and reciprocal": lambda x: np.square(x) * np.reciprocal(x) + np.power(x, 4),
    "sinc by hand": lambda x: np.sin(np.pi * x) / (np.pi * x),
    "logaddexp": lambda x: np.logaddexp(x, 0.3) + np.logaddexp2(x, 0.3),
    "unary signs": lambda x: -(+x) - (-x) * x,
    "reflected operators": lambda x: (2.0 - x) / (3.0 / x) + 2**x - 1,
}, analytic=True)

_MP = SimpleNamespace(
    pi=mpmath.pi, exp=mpmath.exp, sqrt=mpmath.sqrt, log=mpmath.log, sin=mpmath.sin, cos=mpmath.cos, tan=mpmath.tan,
    arcsin=mpmath.asin, arccos=mpmath.acos, arctan=mpmath.atan, sinh=mpmath.sinh, cosh=mpmath.cosh, tanh=mpmath.tanh,
    arcsinh=mpmath.asinh, arccosh=mpmath.acosh, arctanh=mpmath.atanh, log1p=mpmath.log1p, expm1=mpmath.expm1,
    cbrt=mpmath.cbrt, exp2=lambda x: mpmath.mpf(2) ** x, log2=lambda x: mpmath.log(x, 2), log10=mpmath.log10,
    deg2rad=mpmath.radians, rad2deg=mpmath.degrees, hypot=mpmath.hypot, arctan2=mpmath.atan2, power=mpmath.power,
    square=lambda x: x * x, reciprocal=lambda x: 1 / x,
    logaddexp=lambda x, y: mpmath.log(mpmath.exp(x) + mpmath.exp(y)),
    logaddexp2=lambda x, y: mpmath.log(mpmath.mpf(2) ** x + mpmath.mpf(2) ** y, 2),
)


def in_mpmath(f):
    """The same code with mpmath's functions for NumPy's."""
    return FunctionType(f.__code__, {**f.__globals__, "np": _MP}, f.__name__, f.__defaults__, f.__closure__)


# -- one number: branches, loops, series -------------------------------------------------------------------------------


@case("programs", 0.7)
def newton_square_root(x):
    y = 1.0
    for _ in range(8):
        y = 0.5 * (y + x / y)
    return y


@case("programs", 0.7)
def while_loop(x):
    total, term, n = 0.0, 1.0, 0
    while abs(term) > 1e-18:
        total = total + term
        n += 1
        term = term * x / n
    return total


@case("programs", 0.7)
def branches(x):
    if x > 1.0:
        return x**3
    elif x > 0.5:
        return np.sin(x) * x
    return -x


@case("programs", 0.7)
def bisection_then_newton(x):
    low, high = 0.0, 2.0
    for _ in range(20):
        middle = 0.5 * (low + high)
        if np.cos(middle) > x * middle:
            low = middle
        else:
            high = middle
    y = 0.5 * (low + high)
    for _ in range(3):
        y = y - (np.cos(y) - x * y) / (-np.sin(y) - x)
    return y


@case("programs", 0.7)
def kepler(x):
    e = x
    for _ in range(12):
        e = e - (e - 0.3 * np.sin(e) - x) / (1.0 - 0.3 * np.cos(e))
    return e


@case("programs", 0.7)
def simpson(x):
    n, h = 20, x / 20
    total = 1.0 + np.exp(-(x**2))
    for i in range(1, n):
        total += (4.0 if i % 2 else 2.0) * np.exp(-((i * h) ** 2))
    return total * h / 3.0


@case("programs", 0.7)
def bessel_series(x):
    return sum((-1) ** m / math.factorial(m) ** 2 * (x / 2.0) ** (2 * m) for m in range(12))


@case("programs", 0.7)
def legendre_recurrence(x):
    p, q = 1.0, x
    for n in range(1, 6):
        p, q = q, ((2 * n + 1) * x * q - n * p) / (n + 1)
    return q


@case("programs", 0.7)
def logistic_map(x):
    for _ in range(6):
        x = 2.9 * x * (1.0 - x)
    return x


@case("programs", 0.7)
def recursion(x):
    def tower(n):
        return x if n == 0 else np.exp(-x * tower(n - 1))

    return tower(4)


@case("programs", 0.7)
def arithmetic_geometric_mean(x):
    a, b = 1.0, x
    for _ in range(6):
        a, b = (a + b) / 2.0, np.sqrt(a * b)
    return a


@case("programs", 0.7)
def accumulates_in_a_dict(x):
    memory = {"sum": 0.0}
    for n in range(1, 5):
        memory["sum"] += x**n / n
    return memory["sum"]


@case("programs", 0.7)
def min_max_abs(x):
    return max(x, 0.5) * min(x**2, 3.0) + abs(x - 2.0)


@case("programs", 0.7)
def remainders(x):
    return (7.0 * x) % 2.0 + x // 0.3 + divmod(x, 0.4)[1] + np.fmod(5.0 * x, 1.5)


@case("programs", 0.7)
def string_of_where(x):
    return np.where(x > 0.5, np.where(x < 0.6, x, x**2), np.sqrt(x))


@case("programs", 0.7)
def black_scholes(x):
    def cdf(z):  # Abramowitz and Stegun 26.2.17
        t = 1.0 / (1.0 + 0.2316419 * np.abs(z))
        poly = t * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
        upper = np.exp(-z * z / 2.0) / np.sqrt(2.0 * np.pi) * poly
        return np.where(z > 0.0, 1.0 - upper, upper)

    spot, strike, rate, years = 100.0, 105.0, 0.03, 1.5
    d1 = (np.log(spot / strike) + (rate + x * x / 2.0) * years) / (x * np.sqrt(years))
    return spot * cdf(d1) - strike * np.exp(-rate * years) * cdf(d1 - x * np.sqrt(years))


@case("programs", 0.7)
def to_array_and_back(x):
    v = np.array([x, x**2, 1.0])
    return np.dot(v, v) + v.sum() * v[1]


@case("programs", 0.7)
def matrix_of_a_number(x):
    rotation = np.array([[np.cos(x), -np.sin(x)], [np.sin(x), np.cos(x)]])
    return (rotation @ np.array([1.0, 2.0]))[0] * np.trace(rotation @ rotation)


@case("programs", 0.7)
def grid_of_a_number(x):
    t = np.linspace(0.0, x, 9)
    return np.trapezoid(np.sin(t) * t, t)


@case("programs", 0.7)
def complex_number(x):
    z = np.exp(1j * x) / (1.0 + 2j * x)
    return np.abs(z) + np.angle(z) + (z * np.conj(z)).real


@case("programs", 0.7)
def augmented_assignment(x):
    y = x
    y += 1.0
    y *= x
    y -= 0.5
    y /= x + 1.0
    y **= 2
    return y


@case("programs", 0.7)
def list_of_results(x):
    return [x, x**2, np.sin(x)]


# -- elementwise code --------------------------------------------------------------------------------------------------

cases("elementwise", V4, {
    "polynomial": lambda x: 3.0 * x**4 - 2.0 * x**2 + x - 7.0,
    "mixed functions": lambda x: np.sin(x) * np.exp(-(x**2)) + np.arctan(x),
    "with an array": lambda x: x * np.array([1.0, 2.0, 3.0, 4.0]) + np.arange(4),
    "with a list": lambda x: x + [1.0, 2.0, 3.0, 4.0],
    "with integers": lambda x: x ** np.array([1, 2, 3, 2]) * np.arange(1, 5),
    "where": lambda x: np.where(x > 0.0, x**2, -(x**3)),
    "guarded log": lambda x: np.where(x > 0.0, np.log(np.where(x > 0.0, x, 1.0)), 0.0),
    "clip": lambda x: np.clip(x, -1.0, 2.0) ** 2,
    "maximum of functions": lambda x: np.maximum(np.sin(x), np.cos(x)) + np.minimum(x, 1.0) + np.fmax(x, 0.0),
    "absolute values": lambda x: np.abs(x) * np.sign(x) + np.fabs(x) ** 3 + np.copysign(x, -1.0),
    "select": lambda x: np.select([x < -1.0, x < 1.0], [x**2, x**3], default=np.sin(x)),
    "piecewise": lambda x: np.piecewise(x, [x < 0.0, x >= 1.0], [lambda t: t**2, lambda t: np.exp(t), 3.0]),
    "choose": lambda x: np.choose(np.array([0, 1, 1, 0]), [x, x**2]),
    "remainders": lambda x: np.mod(x, 0.9) + np.floor(x) + np.fmod(x, 0.7) + np.rint(x),
    "masks as numbers": lambda x: (x > 0.0) * x**2 + (x <= 0.0) * x,
    "relu and leaky relu": lambda x: np.maximum(x, 0.0) + np.where(x > 0, x, 0.1 * x),
    "gelu": lambda x: 0.5 * x * (1.0 + np.tanh(np.sqrt(2.0 / np.pi) * (x + 0.044715 * x**3))),
    "huber": lambda x: np.where(np.abs(x) < 1.0, 0.5 * x**2, np.abs(x) - 0.5),
    "sinc and i0": lambda x: np.sinc(x) + np.i0(x),
    "nan to num": lambda x: np.nan_to_num(x**2),
    "ufunc with where": lambda x: np.multiply(x, x, where=np.array([True, False, True, True]), out=np.ones_like(x)),
    "ufunc outer": lambda x: np.multiply.outer(x, x**2) + np.subtract.outer(x, x),
    "divmod": lambda x: np.divmod(x, 0.8)[1] * np.modf(x)[0],
    "float power": lambda x: np.float_power(np.abs(x), 2.5) + np.power(2.0, x),
    "heaviside": lambda x: np.heaviside(x, 0.5) * x**2,
    "real if close": lambda x: np.real_if_close(x * (1 + 0j)) ** 2,
    "emath inverse functions": lambda x: np.emath.arccos(x).imag + np.emath.arcsin(x * 0.9).real * x,
    "ldexp": lambda x: np.ldexp(x, [1, 2, 3, 4]) * x,
    "emath": lambda x: np.emath.sqrt(x).real + np.emath.log(x).imag * x,
    "unwrap": lambda x: np.unwrap(x * 3.0),
    "vectorize": lambda x: np.vectorize(lambda a: a**2 if a > 0 else np.sin(a))(x),
    "frompyfunc": lambda x: np.frompyfunc(lambda a: a * np.exp(a), 1, 1)(np.asarray(x)),
}, skip=("list",))

# -- reductions and statistics -----------------------------------------------------------------------------------------

cases("reductions", M23, {
    "sum": lambda x: np.sum(x**2) * x.sum(axis=0)[1],
    "sum with keepdims": lambda x: x / x.sum(axis=1, keepdims=True),
    "sum where": lambda x: np.sum(x**2, where=np.array([True, False, True]), initial=1.0),
    "prod": lambda x: np.prod(x, axis=1) + x.prod(),
    "mean var std": lambda x: x.mean(0) * x.var(axis=0) + np.std(x, ddof=1),
    "average": lambda x: np.average(x, axis=1, weights=[1.0, 2.0, 3.0]),
    "average with dual weights": lambda x: np.average(np.sin(x), weights=x),
    "max min ptp": lambda x: np.max(x, axis=0) * np.min(x) + np.ptp(x, axis=1)[0],
    "argmax": lambda x: x[np.unravel_index(np.argmax(x), x.shape)] * x[0, np.argmin(x[0])],
    "cumsum cumprod": lambda x: np.cumsum(x, axis=1) * np.cumprod(x, axis=0),
    "cumulative of all": lambda x: np.cumsum(x) + np.cumprod(x),
    "diff": lambda x: np.diff(x, axis=1) ** 2,
    "diff of order 2": lambda x: np.diff(x, 2, axis=1, prepend=0.0),
    "ediff1d": lambda x: np.ediff1d(x, to_begin=x[0, :1]),
    "gradient": lambda x: np.gradient(x, axis=1) * np.gradient(x, 0.5, axis=0),
    "median": lambda x: np.median(x, axis=1) + np.median(x),
    "percentile": lambda x: np.percentile(x, [25, 60], axis=1),
    "quantile": lambda x: np.quantile(x, 0.3) * np.quantile(x, 0.8, axis=0, method="midpoint"),
    "nan functions": lambda x: np.nansum(x) * np.nanmean(x, axis=0) + np.nanmax(x) + np.nanstd(x),
    "trapezoid": lambda x: np.trapezoid(x, dx=0.5) * np.trapezoid(x**2, x, axis=1),
    "cov": lambda x: np.cov(x),
    "cov with weights": lambda x: np.cov(x, aweights=[1.0, 2.0, 3.0]),
    "corrcoef": lambda x: np.corrcoef(x)[0, 1],
    "logsumexp": lambda x: np.log(np.sum(np.exp(x - np.max(x, axis=1, keepdims=True)), axis=1)) + x.max(axis=1),
    "softmax": lambda x: np.exp(x - x.max()) / np.exp(x - x.max()).sum(),
    "geometric mean": lambda x: np.exp(np.mean(np.log(x), axis=0)),
    "harmonic mean": lambda x: x.size / np.sum(1.0 / x),
    "standardise": lambda x: (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True),
    "skewness": lambda x: np.mean((x - x.mean()) ** 3) / x.std() ** 3,
    "norms": lambda x: np.linalg.norm(x) + np.linalg.norm(x, axis=1).sum() + np.linalg.norm(x[0], 3),
    "logaddexp reduce": lambda x: np.logaddexp.reduce(x, axis=1) + np.maximum.reduce(x, axis=1),
    "multiply accumulate": lambda x: np.multiply.accumulate(x, axis=1) + np.maximum.accumulate(x, axis=1),
    "add reduceat": lambda x: np.add.reduceat(x, [0, 2], axis=1),
    "count and any": lambda x: np.count_nonzero(x > 1.0) * x * np.any(x > 3.0),
    "histogram with weights": lambda x: np.histogram([0.1, 0.4, 0.9], 2, (0.0, 1.0), weights=x[0])[0],
    "bincount": lambda x: np.bincount([0, 2, 2], weights=x[1]),
    "entropy": lambda x: -np.sum(x / x.sum() * np.log(x / x.sum())),
    "cross entropy": lambda x: -np.log((np.exp(x) / np.exp(x).sum(1, keepdims=True))[np.arange(2), [2, 0]]).mean(),
    "moving average": lambda x: np.convolve(x.ravel(), np.ones(3) / 3.0, mode="valid"),
    "exponential smoothing": lambda x: np.array([0.3 * b + 0.7 * a for a, b in zip(x[0], x[1], strict=True)]),
    "weighted variance": lambda x: np.average((x - np.average(x, weights=[1, 2, 1], axis=1)[:, None]) ** 2),
    "cumulative_sum": lambda x: np.cumulative_sum(x, axis=1, include_initial=True) * np.cumulative_prod(x[0])[1],
    "all pairs of distances": lambda x: np.sqrt(((x[:, None, :] - x[None, :, :]) ** 2).sum(-1) + np.eye(2)),
})

# -- products and linear algebra ---------------------------------------------------------------------------------------

cases("linear algebra", M33, {
    "quadratic form": lambda a: np.array([1.0, 2.0, 3.0]) @ a @ np.array([1.0, -1.0, 0.5]),
    "matrix product": lambda a: a @ a.T @ a,
    "dot in all ways": lambda a: a.dot(a[0]) + np.dot(a[1], a) + np.inner(a, a[2]) + np.vdot(a, a),
    "plain times dual": lambda a: np.eye(3)[:2] @ a + np.ones((2, 3)).dot(a),
    "outer and kron": lambda a: np.outer(a[0], a[1]) + np.kron(a[:1], a[:, :1]),
    "tensordot": lambda a: np.tensordot(a, a, axes=([0], [1])) + np.tensordot(a, a),
    "einsum trace": lambda a: np.einsum("ii", a) * np.einsum("ij,jk,ki->", a, a, a),
    "einsum batch": lambda a: np.einsum("ij,ik->ijk", a, a) + np.einsum("...i->...", a)[..., None, None],
    "cross": lambda a: np.cross(a[0], a[1]) * np.cross(a, a[2])[0],
    "trace": lambda a: np.trace(a @ a) + a.trace(offset=1),
    "matrix power": lambda a: np.linalg.matrix_power(a, 3) + np.linalg.matrix_power(a, -1),
    "multi dot": lambda a: np.linalg.multi_dot([a, a.T, a[0]]),
    "solve": lambda a: np.linalg.solve(a, np.array([1.0, 2.0, 3.0])),
    "solve with a matrix": lambda a: np.linalg.solve(a, a.T @ a),
    "inv": lambda a: np.linalg.inv(a) @ a.T,
    "det": lambda a: np.linalg.det(a) * np.log(np.linalg.det(a)),
    "slogdet": lambda a: np.linalg.slogdet(a)[1] * np.linalg.slogdet(a).sign,
    "cholesky": lambda a: np.linalg.cholesky(a @ a.T + np.eye(3)),
    "log determinant by cholesky": lambda a: 2.0 * np.sum(np.log(np.diag(np.linalg.cholesky(a @ a.T)))),
    "qr": lambda a: np.linalg.qr(a)[1] * np.sign(np.diag(np.linalg.qr(a)[1]))[:, None],
    "eigvalsh": lambda a: np.linalg.eigvalsh(a + a.T),
    "eigh": lambda a: np.abs(np.linalg.eigh(a + a.T)[1]) * np.linalg.eigh(a + a.T)[0],
    "matrix function by eigh": lambda a: (
        lambda w, v: (v * np.exp(-w)) @ v.T)(*np.linalg.eigh((a + a.T) / 4.0)),
    "eigvals": lambda a: np.sort(np.linalg.eigvals(a).real),
    "svd": lambda a: np.linalg.svd(a, compute_uv=False),
    "singular vectors": lambda a: np.abs(np.linalg.svd(a)[0]) + np.abs(np.linalg.svd(a)[2]),
    "pinv": lambda a: np.linalg.pinv(a[:, :2]),
    "lstsq": lambda a: np.linalg.lstsq(a[:, :2], a[:, 2], rcond=None)[0],
    "normal equations": lambda a: np.linalg.solve(a[:, :2].T @ a[:, :2], a[:, :2].T @ a[:, 2]),
    "matrix norms": lambda a: np.linalg.norm(a, 2) + np.linalg.norm(a, "nuc") + np.linalg.norm(a, 1),
    "cond": lambda a: np.linalg.cond(a),
    "batched": lambda a: np.linalg.inv(np.stack([a, a + np.eye(3)])) @ a[0],
    "batched solve": lambda a: np.linalg.solve(np.stack([a, a.T]), np.ones((2, 3, 1)))[..., 0],
    "tensorsolve": lambda a: np.linalg.tensorsolve(a, a[0]),
    "power iteration": lambda a: (lambda v: (v @ a @ v) / (v @ v))(
        np.linalg.matrix_power(a / 4.0, 8) @ np.ones(3)),
    "gram and schmidt": lambda a: (
        lambda q: (a[1] - (a[1] @ q) * q) / np.linalg.norm(a[1] - (a[1] @ q) * q))(a[0] / np.linalg.norm(a[0])),
    "mahalanobis": lambda a: a[0] @ np.linalg.inv(a @ a.T + np.eye(3)) @ a[0],
    "cayley transform": lambda a: (lambda s: np.linalg.solve(np.eye(3) + s, np.eye(3) - s))((a - a.T) / 2.0),
    "matrix exponential by series": lambda a: sum(
        np.linalg.matrix_power(a / 4.0, k) / math.factorial(k) for k in range(12)),
    "vander fit": lambda a: np.linalg.lstsq(np.vander(a[0], 2), a[1], rcond=None)[0],
    "block matrix": lambda a: np.linalg.det(np.block([[a, np.eye(3)], [np.zeros((3, 3)), a.T]])) / 100.0,
    "triangles": lambda a: np.tril(a) @ np.triu(a, 1) + np.diag(np.diag(a)) + np.diagflat(a[0]),
    "matvec and vecdot": lambda a: np.matvec(a, a[0]) + np.vecmat(a[1], a) + np.vecdot(a, a),
}, scale=20.0)


# -- shapes, joining, indexing -----------------------------------------------------------------------------------------

cases("shapes", M23, {
    "reshape and ravel": lambda x: x.reshape(3, 2).ravel()[::2] * x.flatten()[:3],
    "fortran order": lambda x: x.reshape((3, 2), order="F") * np.ravel(x, order="F").reshape(3, 2),
    "transpose": lambda x: x.T * x.transpose(1, 0) + np.swapaxes(x, 0, 1),
    "newaxis": lambda x: x[:, None, :] * x[None, :, :],
    "negative steps": lambda x: x[::-1, ::-2] * x[:, 1:],
    "ellipsis": lambda x: x[..., -1] * x[0, ...][:2],
    "fancy index": lambda x: x[[0, 1, 1], [2, 0, 1]] * x[0],
    "boolean index": lambda x: x[x > 1.5] ** 2,
    "fancy and slice": lambda x: x[:, [2, 0, 2]] * x[np.ix_([1, 0], [0, 1, 2])],
    "take": lambda x: np.take(x, [1, 2], axis=1) * x.take([0, 5]),
    "take along axis": lambda x: np.take_along_axis(x, np.argsort(x, axis=1), axis=1),
    "concatenate": lambda x: np.concatenate([x, 2.0 * x, np.ones((2, 1))], axis=1) ** 2,
    "stacks": lambda x: np.hstack([x, x]) * np.vstack([x[0], x[1]]).repeat(2, axis=1),
    "stack on axes": lambda x: np.stack([x, x**2], axis=1) + np.dstack([x, x]).reshape(2, 2, 3),
    "column stack": lambda x: np.column_stack([x[0], x[1], np.ones(3)]) @ x.T,
    "r_ and c_": lambda x: np.r_[x[0], 1.0, x[1]][:6] * np.c_[x, x**2].ravel()[:6],
    "split": lambda x: np.split(x, 3, axis=1)[1] * np.array_split(x[0], 2)[0],
    "tile and repeat": lambda x: np.tile(x, (2, 1)) * np.repeat(x, 2, axis=0),
    "roll flip rot90": lambda x: np.roll(x, 1, axis=1) * np.flip(x) + np.rot90(x).T,
    "pad": lambda x: np.pad(x, ((1, 0), (1, 2)), mode="edge") + np.pad(x, ((0, 1), (2, 1))),
    "pad by reflection": lambda x: np.pad(x, 1, mode="reflect") * np.pad(x, 1, mode="wrap"),
    "insert delete append": lambda x: np.insert(x[0], 1, x[1, 0]) * np.append(np.delete(x[1], 0), [1.0, x[0, 0]]),
    "broadcasting": lambda x: np.broadcast_to(x[0], (2, 3)) * x + x[:, :1],
    "meshgrid": lambda x: (lambda a, b: a * b)(*np.meshgrid(x[0], x[1])),
    "moveaxis and expand": lambda x: np.moveaxis(np.expand_dims(x, 0), 0, -1) * np.squeeze(x[None])[..., None],
    "diagonal": lambda x: np.diagonal(x) * np.diag(x, 1),
    "sort": lambda x: np.sort(x, axis=1) * np.sort(x.ravel())[:3],
    "sort by key": lambda x: x[:, np.argsort(x[1])] * x[np.argsort(x[:, 0])],
    "partition": lambda x: np.partition(x[0], 1)[1] * np.partition(x.ravel(), 3)[3],
    "unique": lambda x: np.unique(x) ** 2,
    "searchsorted as index": lambda x: x[0, np.searchsorted(np.sort(x[0]), [1.5])] ** 2,
    "sliding windows": lambda x: np.lib.stride_tricks.sliding_window_view(x.ravel(), 3).sum(-1) ** 2,
    "iteration over rows": lambda x: np.stack([row * row.sum() for row in x]),
    "unpacking": lambda x: (lambda a, b: a * b[0])(*x),
    "flat": lambda x: np.array([a**2 for a in x.flat]),
    "ndindex": lambda x: np.stack([x[i] * (i[0] + 1) for i in np.ndindex(x.shape)]),
    "compress extract": lambda x: np.compress([True, False, True], x, axis=1).ravel()[:3] * np.extract(x > 1.9, x)[:3],
    "atleast": lambda x: np.atleast_3d(x)[:, :, 0] * np.atleast_2d(x[0]),
    "trim zeros": lambda x: np.trim_zeros(np.concatenate([[0.0], x[0], [0.0]])) ** 2,
    "ogrid": lambda x: (np.ogrid[0:2, 0:3][0] + 1.0) * x * np.mgrid[0:2, 0:3][1],
})

# -- coercion ----------------------------------------------------------------------------------------------------------

cases("coercion", V3, {
    "array of scalars": lambda x: np.array([x[0] * x[1], np.sin(x[2]), 1.0]),
    "nested lists": lambda x: np.array([[x[0], 1.0], [0.0, x[1] * x[2]]]),
    "asarray": lambda x: np.asarray(x) * 2.0 + np.asarray(x) ** 2,
    "sin of asarray": lambda x: np.sin(np.asarray(x)) * np.asarray(x).sum(),
    "atleast_1d": lambda x: np.atleast_1d(x) ** 2,
    "list result": lambda x: [x[0] * x[1], x[2] ** 2],
    "tuple result": lambda x: (x[0] * x[1], x[2]),
    "nested list result": lambda x: [[x[0], 1.0], [x[1], x[2] ** 2]],
    "object array through functions": lambda x: np.exp(np.array([x[0], x[1] * x[2]])).sum(),
    "object array into linalg": lambda x: np.linalg.solve(
        np.stack([np.stack([x[0], x[1]]), np.stack([-x[1], x[2]])]), np.ones(2)),
    "array of scalars times the argument": lambda x: np.array([x[0] * x[1], 1.0, x[2]]) * x,
    "rotation": lambda x: np.array([[np.cos(x[0]), -np.sin(x[0])], [np.sin(x[0]), np.cos(x[0])]]) @ x[:2],
    "comprehension": lambda x: np.array([a**i for i, a in enumerate(x)]),
    "sum of generator": lambda x: sum(a * b for a, b in zip(x, x[1:], strict=False)),
    "built-in sum and max": lambda x: sum(x) * max(x) + min(x) + abs(x[0]),
    "sorted": lambda x: np.array(sorted(x, key=lambda a: -a)) * x[0],
    "map and filter": lambda x: np.array(list(map(np.square, filter(lambda a: a > 1.0, x)))),
    "c_ of vectors": lambda x: np.c_[np.asarray(x), np.ones(3)].T @ np.ones(3),
    "array with like": lambda x: np.array([x[0], 2.0 * x[1]]) + np.stack([x[1], x[2]]),
    "hstack of scalars": lambda x: np.hstack([x[0], x[1] * x[2], 1.0]),
    "concatenate object and dual": lambda x: np.concatenate([np.array([x[0] ** 2, x[1]]), np.array([1.0])]),
    "dot of object arrays": lambda x: np.array([x[0], x[1]]) @ np.array([x[1], x[2]]),
    "where of scalars": lambda x: np.where(x[0] > 0.5, x[1] ** 2, x[2]),
    "float64 constants": lambda x: np.float64(2.0) * x[0] + x[1] / np.float64(3.0) + np.float32(0.5) * x[2],
    "integer constants": lambda x: np.int64(2) * x[0] + x[1] ** np.int64(3) + True * x[2],
    "copy": lambda x: np.copy(x) * np.array(x, copy=True),
    "broadcast of scalars": lambda x: x[0] * np.ones((2, 2)) + np.arange(4.0).reshape(2, 2) * x[1],
    "einsum of object array": lambda x: np.einsum("i,i->", np.stack([x[0], x[1]]), np.array([1.0, 2.0])),
    "max of a list": lambda x: np.max([x[0], x[1] ** 2]) * np.minimum(x[0], x[2]),
    "linspace between duals": lambda x: np.linspace(x[0], x[2], 5) ** 2,
})

cases("coercion", V3, {
    "asarray of a list": lambda x: np.asarray([x[2], x[0]]) @ np.array([[1.0, 2.0], [3.0, 4.0]]),
    "tolist": lambda x: np.array(x.tolist() if hasattr(x, "tolist") else list(x)) ** 2,
    "r_ of scalars": lambda x: np.r_[x[0], x[1] ** 2, 3.0],
    "full of a dual": lambda x: np.full(3, x[0]) * np.arange(3.0),
}, skip=("float32",))
cases("coercion", V3, {
    "mean of a list": lambda x: np.mean([x[0], x[1] ** 2, x[2] ** 3]),
}, skip=("float32", "nested"))
cases("coercion", V3, {
    "array of arrays": lambda x: np.array([x, x**2]) ** 2,
    "more dimensions": lambda x: np.array(x, ndmin=2) ** 2,
    "more dimensions, with like": lambda x: np.array(x, ndmin=2, like=x) ** 2,
}, skip=("list",))

# -- mutation ----------------------------------------------------------------------------------------------------------


def mutation(change):
    """A case that changes a copy of its argument."""

    def f(x):
        y = x.copy()
        change(y, x)
        return y

    CASES.append(Case("mutation", change.__name__.replace("_", " "), f, M23, skip=("list",)))


@mutation
def item_assignment(y, x):
    y[0, 1] = x[1, 1] ** 2
    y[-1, -1] = 3.0


@mutation
def slice_assignment(y, x):
    y[0] = x[1] * x[0]
    y[1, ::2] = x[0, 1]


@mutation
def fancy_assignment(y, x):
    y[[0, 1], [2, 0]] = x[0, :2] ** 2


@mutation
def repeated_fancy_assignment(y, x):
    y[0, [1, 1, 2]] = x[1] * 2.0


@mutation
def boolean_assignment(y, x):
    y[x > 2.0] = x[x > 2.0] ** 2
    y[y < 1.0] = 0.0


@mutation
def boolean_in_place(y, x):
    y[x > 2.0] *= x[0, 0]
    y[x < 2.0] += 1.0


@mutation
def in_place_operators(y, x):
    y += x
    y *= x**2
    y -= 1.0
    y /= x
    y **= 2


@mutation
def in_place_slices(y, x):
    y[0] += x[1]
    y[:, 1] *= 2.0
    y[1, 1:] -= y[0, :2]


@mutation
def overlapping_slices(y, x):
    y[0, 1:] = y[0, :-1]
    y[1, :-1] += y[1, 1:]


@mutation
def add_at(y, x):
    np.add.at(y, ([0, 0, 1], [1, 1, 2]), x[1] ** 2)


@mutation
def subtract_and_multiply_at(y, x):
    np.subtract.at(y, (0, [0, 0]), x[1, :2])
    np.multiply.at(y, (1, [2, 2]), x[0, :2])


@mutation
def view_of_a_row(y, x):
    row = y[0]
    row[1] = x[1, 2] * row[0]
    row *= 2.0


@mutation
def view_of_a_transpose(y, x):
    t = y.T
    t[0] = x[:, 1] ** 2
    y.reshape(-1)[4] = x[0, 0]


@mutation
def ravel_is_a_view(y, x):
    flat = y.ravel()
    flat[::2] *= x[1]


@mutation
def swap_rows(y, x):
    y[[0, 1]] = y[[1, 0]] * x


@mutation
def out_argument(y, x):
    np.sin(x, out=y)
    np.multiply(y, x, out=y)
    np.add(y[0], x[1], out=y[1])


@mutation
def put_place_copyto(y, x):
    np.put(y, [0, 5], x[0, :2] ** 2)
    np.place(y, np.array([[False, True, False]] * 2), x[1, :2])
    np.copyto(y[0], x[1] * 2.0, where=np.array([True, False, False]))


@mutation
def putmask_and_fill_diagonal(y, x):
    np.putmask(y, x > 3.0, x**2)
    np.fill_diagonal(y, x[0, 0])


@mutation
def fill_and_sort(y, x):
    y[0].fill(x[0, 1])
    y[1].sort()
    y[1] *= x[0]


@mutation
def ellipsis_and_newaxis(y, x):
    y[...] = x[0]
    y[:, None, 1] = x[:, :1] ** 2


@mutation
def broadcast_assignment(y, x):
    y[:] = x[:, :1] * x[0, 0]
    y[:, 1:] = x[1, 0]


@mutation
def diagonal_through_einsum_order(y, x):
    i = np.arange(2)
    y[i, i] += x[i, i + 1]


@mutation
def cumulative_loop(y, x):
    for j in range(1, 3):
        y[:, j] += y[:, j - 1] * x[:, j]


@mutation
def gauss_elimination(y, x):
    y[1] -= y[0] * (y[1, 0] / y[0, 0])
    y[0] -= y[1] * (y[0, 1] / y[1, 1])


cases("mutation", V4, {
    "zeros_like, filled": lambda x: [z := np.zeros_like(x), z.__setitem__(slice(1, 3), x[:2] ** 2)][0],
    "zeros with like": lambda x: [z := np.zeros(3, like=x), z.__setitem__(1, x[0] * x[2])][0],
    "empty_like and ones_like": lambda x: [z := np.ones_like(x), z.__setitem__(0, x[1] ** 3)][0] * x,
    "full_like": lambda x: np.full_like(x, x[2]) * x,
    "object array, filled": lambda x: [z := np.empty(2, dtype=object), z.__setitem__(0, x[0] ** 2),
                                       z.__setitem__(1, x[1] * x[2])][0],
    "object array times dual": lambda x: np.array([x[0], 2.0], dtype=object) * x[1:3],
    "list, appended": lambda x: (lambda out: [out.append(a * a) for a in x] and np.array(out))([]),
    "list, by index": lambda x: [out := [0.0] * 3, out.__setitem__(1, x[3] ** 2)][0],
}, skip=("list",))

# -- tables, polynomials, fft, complex numbers -------------------------------------------------------------------------

cases("tables and polynomials", V3, {
    "interp in the points": lambda x: np.interp(x, [0.0, 1.0, 2.0, 3.0], [0.0, 1.0, 4.0, 9.0]),
    "interp in the values": lambda x: np.interp([0.5, 1.7], [0.0, 1.0, 2.0], x),
    "interp in the knots": lambda x: np.interp([0.9, 2.0], x, [1.0, 5.0, 2.0]),
    "periodic interp": lambda x: np.interp(x * 3.0, [0.0, 1.0, 2.0], [0.0, 1.0, 0.5], period=3.0),
    "polyval": lambda x: np.polyval(x, 1.3) + np.polyval([1.0, 2.0, 3.0], x),
    "polynomial arithmetic": lambda x: np.polymul(x, [1.0, 2.0]) + np.polyadd(x, [1.0, 0.0, 0.0, 0.0]),
    "polyder polyint": lambda x: np.polyder(x) * np.polyint(x)[1:3],
    "polydiv": lambda x: np.polydiv([1.0, 2.0, 3.0, 4.0], x)[0],
    "roots": lambda x: np.sort(np.roots(np.stack([x[0], 9.0 + x[1], x[2]])).real),
    "poly from roots": lambda x: np.poly(x),
    "polyfit": lambda x: np.polyfit([0.0, 1.0, 2.0, 4.0], np.append(x, 1.0), 2),
    "polyfit with weights": lambda x: np.polyfit(np.arange(3.0), x, 1, w=[1.0, 2.0, 1.0]),
    "polyfit in the places": lambda x: np.polyfit(x, [1.0, 2.0, 0.5], 1),
    "vander": lambda x: np.vander(x, 3, increasing=True),
    "poly1d": lambda x: np.poly1d([1.0, -2.0, 0.5])(x),
    "chebval": lambda x: np.polynomial.chebyshev.chebval(x, [1.0, 2.0, 3.0]) + np.polynomial.legendre.legval(0.3, x),
    "horner": lambda x: ((2.0 * x + 1.0) * x - 3.0) * x + 0.5,
    "lagrange": lambda x: sum(
        y * np.prod(np.stack([(x[0] - a) / (b - a) for a in (0.0, 1.0, 3.0) if a != b]))
        for b, y in zip((0.0, 1.0, 3.0), x, strict=True)),
    "bilinear": lambda x: (1 - x[0]) * (2 - x[1]) * 1.0 + x[0] * (x[1] - 1) * 4.0 + x[2],
    "cubic hermite": lambda x: (lambda t: (2 * t**3 - 3 * t**2 + 1) * x[1] + (t**3 - 2 * t**2 + t) * x[2])(x[0]),
    "convolve correlate": lambda x: np.convolve(x, x) + np.correlate(x, [1.0, 2.0, 0.5], mode="full"),
    "kaiser window": lambda x: np.kaiser(5, x[0]) * np.hamming(5),
    "geomspace logspace": lambda x: np.geomspace(x[0], x[2], 4) * np.logspace(x[0], x[1], 4),
    "digitize": lambda x: np.array([1.0, 2.0, 3.0])[np.digitize(x, [1.0, 2.0])] * x**2,
    "finite volume": lambda x: (lambda u: np.diff(0.5 * (u[1:] ** 2 + u[:-1] ** 2)))(np.pad(x, 1, mode="edge")),
}, skip=("list",))

cases("tables and polynomials", V3, {
    "Polynomial": lambda x: np.polynomial.Polynomial([1.0, 2.0, 3.0])(x),
}, skip=("list", "float32"))

cases("complex", V4, {
    "power spectrum": lambda x: np.abs(np.fft.fft(x)) ** 2,
    "rfft and back": lambda x: np.fft.irfft(np.fft.rfft(x) * np.exp(-np.arange(3.0)), 4),
    "convolution by fft": lambda x: np.fft.ifft(np.fft.fft(x) * np.fft.fft(x**2)).real,
    "fft2": lambda x: np.abs(np.fft.fft2(x.reshape(2, 2)))[1],
    "fftshift": lambda x: np.fft.fftshift(np.fft.fft(x).imag) * np.fft.fftfreq(4),
    "spectral derivative": lambda x: np.fft.ifft(1j * np.fft.fftfreq(4, 0.25) * np.fft.fft(np.sin(x))).real,
    "phase": lambda x: np.angle(x[0] + 1j * x[1]) + np.abs(x[2] * np.exp(1j * x[3])),
    "conj real imag": lambda x: (lambda z: (z * np.conj(z)).real + z.imag * np.real(z))(x[:2] + 1j * x[2:]),
    "polar": lambda x: (lambda z: np.stack([np.abs(z), np.angle(z)]))(np.exp(x[0] + 1j * x[1])),
    "complex solve": lambda x: np.abs(np.linalg.solve(np.diag(x[:2]) + 1j * np.eye(2), x[2:] + 0j)),
    "complex det": lambda x: np.linalg.det(x.reshape(2, 2) + 1j * np.eye(2)).imag,
    "impedance": lambda x: np.abs(x[2] + 1j * 2.0 * x[0] + 1.0 / (1j * 3.0 * x[3])),
    "transfer function": lambda x: 20.0 * np.log10(np.abs(x[0] / (1.0 + 1j * np.array([0.5, 2.0]) * x[2]))),
    "quantum overlap": lambda x: np.abs(np.vdot(np.exp(1j * x), np.exp(-1j * x**2) / 2.0)) ** 2,
    "hermitian eigenvalues": lambda x: np.linalg.eigvalsh(np.stack([np.stack([x[0] + 0j, x[1] + 1j * x[2]]),
                                                                 np.stack([x[1] - 1j * x[2], x[3] + 0j])])),
    "joukowski": lambda x: (lambda z: (z + 1.0 / z).real)(1.2 * np.exp(1j * x)),
    "complex powers": lambda x: ((x + 2j) ** 3 / (1.0 - 1j * x) ** 0.5).real,
    "complex log and sqrt": lambda x: (np.log(x + 2j) * np.sqrt(x + 3j)).imag,
    "unitary step": lambda x: np.abs((np.eye(4) + 1j * np.diag(x)) @ np.linalg.inv(np.eye(4) - 1j * np.outer(x, x))),
    "discrete fourier by hand": lambda x: np.abs(np.exp(-2j * np.pi * np.outer(np.arange(4), np.arange(4)) / 4) @ x),
}, skip=("list",))

# -- methods and attributes --------------------------------------------------------------------------------------------

cases("methods", M23, {
    "sum mean prod": lambda x: x.sum(0) * x.mean(axis=0) + x.prod(axis=0, keepdims=True),
    "std var": lambda x: x.std(ddof=1) * x.var(axis=1),
    "min max": lambda x: x.min(axis=1) * x.max() + x[0].max(),
    "cumsum cumprod": lambda x: x.cumsum(axis=1) * x.cumprod(axis=0),
    "dot": lambda x: x.dot(x.T).dot(np.ones(2)),
    "clip round": lambda x: x.clip(1.0, 3.5) * x.round(1) + x.clip(min=0.5, max=x[0, 0] + 5.0),
    "reshape": lambda x: x.reshape(-1) * x.reshape((6,)) + x.flatten() + x.ravel(),
    "transpose": lambda x: x.transpose() @ x + x.T @ x + x.swapaxes(0, 1) @ x,
    "sort argsort": lambda x: (lambda y: [y.sort(axis=1), y][1])(x.copy()) * x[:, x[0].argsort()],
    "argmax argmin": lambda x: x[0, x[0].argmax()] * x.ravel()[x.argmin()],
    "repeat take": lambda x: x.repeat(2, axis=0)[::2] * x.take([0, 2, 1], axis=1),
    "diagonal trace": lambda x: x.diagonal() * x.trace(),
    "squeeze": lambda x: x[None].squeeze() ** 2,
    "astype": lambda x: x.astype(np.float64) ** 2,
    "copy and real": lambda x: x.copy() * x.real + x.imag + x.conj(),
    "nonzero": lambda x: x[(x > 2.0).nonzero()] * x[np.nonzero(x > 2.0)],
    "compress choose": lambda x: x.compress([True, False, True], axis=1) ** 2,
    "partition": lambda x: (lambda y: [y.partition(1, axis=1), y[:, 1]][1])(x.copy()) ** 2,
    "searchsorted": lambda x: x[0, np.sort(x[0]).searchsorted(1.5)] ** 2,
    "any all": lambda x: x * (x > 1.0).any() * (x > 0.0).all(),
    "fill": lambda x: (lambda y: [y.fill(x[0, 0] ** 2), y][1])(x.copy()),
    "attributes": lambda x: x * x.ndim * x.size / x.shape[1] * len(x),
    "ptp and norm": lambda x: np.ptp(x) * np.linalg.norm(x, axis=0),
    "matmul in place": lambda x: (lambda y: [y.__imatmul__(np.eye(3) + 1.0), y][1])(x.copy()) ** 2,
    "divmod and floor": lambda x: divmod(x, 0.7)[1] * (x // 0.9) + x % 1.1,
    "comparisons": lambda x: x * (x == x) * (x != 0.0) * (x >= 0.3) * (1.0 < x),
    "plain methods with duals": lambda x: np.ones((3, 3)).dot(x.T) + np.ones((3, 2)) * x.T,
})

cases("methods", M23, {
    "item": lambda x: x.item(1) * x[1, 2].item(),
}, skip=("float32",))
cases("methods", M23, {
    "reverse operators": lambda x: 2.0 - x + 3.0 / x + 2.0**x + (5.0 % x) + np.ones(3) @ x.T[:, :1],
}, scale=5.0)

# -- fits, likelihoods, optimisation -----------------------------------------------------------------------------------

T = np.linspace(0.1, 2.0, 9)
Y = 2.0 * np.exp(-0.8 * T) + 0.05 * np.cos(7.0 * T)
DESIGN = np.column_stack([np.ones(9), T, T**2])
COUNTS = np.array([2.0, 1.0, 4.0, 3.0, 0.0, 2.0, 5.0, 1.0, 2.0])
GROUPS = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2])

cases("fits and likelihoods", V3, {
    "least squares": lambda p: np.sum((p[0] * np.exp(-p[1] * T) + 0.1 * p[2] - Y) ** 2),
    "residuals": lambda p: p[0] * np.exp(-p[1] * T) + p[2] * T - Y,
    "linear regression": lambda p: np.mean((DESIGN @ p - Y) ** 2),
    "ridge": lambda p: np.sum((DESIGN @ p - Y) ** 2) + 0.1 * np.dot(p, p),
    "logistic regression": lambda p: np.mean(np.logaddexp(0.0, DESIGN @ p) - (Y > 1.0) * (DESIGN @ p)),
    "normal": lambda p: -0.5 * np.sum(((Y - p[0]) / p[1]) ** 2) - Y.size * np.log(p[1]) + 0 * p[2],
    "student": lambda p: -np.sum(np.log1p(((Y - p[0]) / p[1]) ** 2 / 4.0)) - 9 * np.log(p[1]) + p[2],
    "poisson": lambda p: np.sum(COUNTS * np.log(p[0] + p[1] * T) - (p[0] + p[1] * T)) + p[2],
    "mixture": lambda p: np.sum(np.log(0.3 * np.exp(-((Y - p[0]) ** 2)) + 0.7 * np.exp(-((Y - p[1]) ** 2) / p[2]))),
    "gaussian process": lambda p: (lambda k: -0.5 * Y @ np.linalg.solve(k, Y) - 0.5 * np.linalg.slogdet(k)[1])(
        p[0] ** 2 * np.exp(-0.5 * (T[:, None] - T[None, :]) ** 2 / p[1] ** 2) + p[2] ** 2 * np.eye(9)),
    "random effects": lambda p: np.sum((Y - p[GROUPS]) ** 2) + np.sum((p - p.mean()) ** 2),
    "garch": lambda p: (lambda h: np.sum(np.log(np.array(h)) + Y[: len(h)] ** 2 / np.array(h)))(
        [p[0] + p[1] * 0.1 * Y[i] ** 2 + p[2] * 0.1 for i in range(9)]),
    "michaelis and menten": lambda p: np.sum((p[0] * T / (p[1] + T) - Y) ** 2) * p[2],
    "robust": lambda p: np.sum(np.sqrt(1.0 + (Y - DESIGN @ p) ** 2) - 1.0),
    "poisson deviance": lambda p: 2.0 * np.sum(
        np.where(COUNTS > 0, COUNTS * np.log(np.where(COUNTS > 0, COUNTS, 1.0) / np.exp(DESIGN @ p / 3)), 0.0)
        - COUNTS + np.exp(DESIGN @ p / 3)),
    "multivariate normal": lambda p: (lambda c: -0.5 * np.linalg.slogdet(c)[1] - 0.5 * V2 @ np.linalg.inv(c) @ V2)(
        np.stack([np.stack([p[0] + 1.0, 0.1 * p[1]]), np.stack([0.1 * p[1], p[2]])])),
    "kl divergence": lambda p: np.sum(p / p.sum() * np.log(p / p.sum() / np.array([0.2, 0.3, 0.5]))),
    "attention": lambda p: (lambda s: (np.exp(s) / np.exp(s).sum(-1, keepdims=True)) @ np.outer(p, V2))(np.outer(p, p)),
    "two layers": lambda p: np.tanh(np.tanh(np.outer(T, p) + 0.1).dot(np.outer(p, V2))).sum(0),
    "batch normalisation": lambda p: (lambda a: (a - a.mean(0)) / np.sqrt(a.var(0) + 1e-3))(np.outer(T[:3], p) ** 2)[1],
    "gradient descent, unrolled": lambda p: (lambda w: [w := w - 0.01 * (DESIGN.T @ (DESIGN @ w - Y)) for _ in range(3)]
                                             [-1])(p),
    "gauss and newton step": lambda p: p + np.linalg.solve(DESIGN.T @ DESIGN, DESIGN.T @ (Y - DESIGN @ p**2)),
    "cubic spline system": lambda p: np.linalg.solve(np.diag([2.0, 4.0, 2.0]) + np.eye(3, k=1) + np.eye(3, k=-1), p**2),
    "portfolio": lambda p: (p / p.sum()) @ np.cov(DESIGN.T + np.sin(9 * T)) @ (p / p.sum()),
    "rank loss": lambda p: np.sum(np.maximum(0.0, 1.0 - (p[:, None] - p[None, :])) * np.triu(np.ones((3, 3)), 1)),
}, skip=("list",))

# -- dynamics, physics, finance ----------------------------------------------------------------------------------------


def rk4(right, y, h, steps):
    for _ in range(steps):
        a = right(y)
        b = right(y + h / 2 * a)
        c = right(y + h / 2 * b)
        y = y + h / 6 * (a + 2 * b + 2 * c + right(y + h * c))
    return y


@case("dynamics", P4)
def predator_and_prey(p):
    return rk4(lambda y: np.array([p[0] * y[0] - p[1] * y[0] * y[1], p[2] * y[0] * y[1] - p[3] * y[1]]),
               np.array([1.0, 0.5]), 0.1, 5)


@case("dynamics", P4)
def pendulum_with_list_state(p):
    y = [p[0], p[1]]
    for _ in range(10):
        y = [y[0] + 0.05 * y[1], y[1] - 0.05 * (np.sin(y[0]) + p[2] * y[1])]
    return y


@case("dynamics", P4, skip=("list",))
def leapfrog_energy(p):
    q, v = p[:2], p[2:]
    for _ in range(5):
        v = v - 0.05 * q / np.sqrt(q[0] ** 2 + q[1] ** 2) ** 3
        q = q + 0.1 * v
        v = v - 0.05 * q / np.sqrt(q[0] ** 2 + q[1] ** 2) ** 3
    return 0.5 * np.sum(v**2) - 1.0 / np.sqrt(q[0] ** 2 + q[1] ** 2)


@case("dynamics", P4, skip=("list",))
def heat_equation(u):
    for _ in range(4):
        u = u + 0.2 * (np.roll(u, 1) - 2.0 * u + np.roll(u, -1))
    return u**2


@case("dynamics", P4, skip=("list",))
def heat_equation_in_place(u):
    u = u.copy()
    for _ in range(4):
        u[1:-1] += 0.2 * (u[2:] - 2.0 * u[1:-1] + u[:-2])
    return u**2


@case("dynamics", P4, skip=("list",))
def upwind_burgers(u):
    for _ in range(3):
        new = np.zeros_like(u)
        new[1:] = u[1:] - 0.1 * u[1:] * (u[1:] - u[:-1])
        new[0] = u[0]
        u = new
    return u


@case("dynamics", P4, skip=("list",))
def implicit_euler(u):
    a = np.eye(4) - 0.1 * (np.eye(4, k=1) - 2.0 * np.eye(4) + np.eye(4, k=-1))
    for _ in range(3):
        u = np.linalg.solve(a, u + 0.01 * u**2)
    return u


@case("dynamics", P4, skip=("list",))
def thomas_algorithm(d):
    c, e = np.zeros_like(d), np.zeros_like(d)
    c[0], e[0] = 0.5, d[0] / 2.0
    for i in range(1, 4):
        w = 2.5 + d[i] - c[i - 1]
        c[i], e[i] = 1.0 / w, (d[i] - e[i - 1]) / w
    y = np.zeros_like(d)
    y[-1] = e[-1]
    for i in range(2, -1, -1):
        y[i] = e[i] - c[i] * y[i + 1]
    return y


@case("dynamics", P4)
def n_bodies(p):
    potential = 0.0
    for i in range(4):
        for j in range(i):
            potential = potential - 1.0 / np.sqrt((p[i] - p[j]) ** 2 + 0.3)
    return potential


@case("dynamics", P4)
def kalman_filter(p):
    mean, variance, likelihood = 0.0, 1.0, 0.0
    for y in (0.9, 1.1, 0.4):
        mean, variance = p[0] * mean, p[0] ** 2 * variance + p[1]
        s = variance + p[2]
        likelihood = likelihood - 0.5 * (np.log(s) + (y - mean) ** 2 / s)
        gain = variance / s
        mean, variance = mean + gain * (y - mean), (1.0 - gain) * variance
    return likelihood * p[3]


@case("dynamics", P4, skip=("list",))
def hidden_markov_model(p):
    transition = np.array([[0.9, 0.1], [0.2, 0.8]]) + 0.01 * np.outer(p[:2], p[2:])
    alpha = np.array([0.5, 0.5])
    for emission in ([0.3, 0.7], [0.8, 0.1]):
        alpha = (alpha @ transition) * np.array(emission) * p[:2]
    return np.log(alpha.sum())


@case("dynamics", P4)
def binomial_tree(p):
    up = np.exp(p[0] * 0.3)
    prices = [100.0 * up ** (2 * i - 4) for i in range(5)]
    values = [np.maximum(s - 100.0 * p[1], 0.0) for s in prices]
    for n in range(4, 0, -1):
        values = [0.99 * (0.52 * values[i + 1] + 0.48 * values[i]) for i in range(n)]
    return values[0] + p[2] * p[3]


@case("dynamics", P4, step=0.004, scale=100.0, skip=("list",))
def monte_carlo(p):
    z = np.random.default_rng(5).normal(size=6)
    s = 100.0 * np.exp(-0.5 * p[0] ** 2 + p[0] * z)
    return np.mean(np.maximum(s - 100.0 * p[2] / 1.2, 0.0)) * np.exp(-p[1])


@case("dynamics", P4, skip=("list",))
def bond_price_and_yield(p):
    t = np.arange(1, 6)
    return np.sum(5.0 * p[0] * np.exp(-p[1] / 10 * t)) + 100.0 * (1.0 + p[2] / 10) ** -5.0 * p[3]


@case("dynamics", P4)
def nelson_and_siegel(p):
    t = np.array([0.5, 1.0, 5.0])
    return p[0] + (p[1] + p[2]) * (1.0 - np.exp(-t / p[3])) / (t / p[3]) - p[2] * np.exp(-t / p[3])


@case("dynamics", P4)
def robot_arm(q):
    angles = [q[0], q[0] + q[1], q[0] + q[1] + q[2]]
    return np.array([sum(np.cos(a) for a in angles), sum(np.sin(a) for a in angles) * q[3]])


@case("dynamics", P4, skip=("list",))
def quaternion_rotation(q):
    w, x, y, z = q / np.linalg.norm(q)
    return np.array([[1 - 2 * (y * y + z * z), 2 * (x * y - z * w)], [2 * (x * y + z * w), 1 - 2 * (x * x + z * z)]])


@case("dynamics", P4, skip=("list",))
def strain_energy(p):
    f = np.eye(2) + 0.1 * p.reshape(2, 2)
    c = f.T @ f
    j = np.linalg.det(f)
    return 0.5 * (np.trace(c) - 2.0 - 2.0 * np.log(j)) + 0.5 * np.log(j) ** 2


@case("dynamics", P4)
def orbit_by_while(p):
    t, y, v = 0.0, p[0], p[1]
    while t < 0.45:
        y, v, t = y + 0.1 * v, v - 0.1 * p[2] * y, t + 0.1
    return y * p[3]


@case("dynamics", P4, skip=("list",))
def image_stencil(p):
    image = np.outer(p, p[::-1])
    padded = np.pad(image, 1, mode="edge")
    return np.sqrt(1e-2 + (padded[2:, 1:-1] - padded[:-2, 1:-1]) ** 2 + (padded[1:-1, 2:] - padded[1:-1, :-2]) ** 2)


@case("dynamics", P4, skip=("list",))
def convolution_of_an_image(p):
    image, kernel = np.outer(p, p), np.array([[1.0, 2.0], [0.5, -1.0]])
    windows = np.lib.stride_tricks.sliding_window_view(image, (2, 2))
    return np.einsum("ijkl,kl->ij", windows, kernel)


@case("dynamics", P4, skip=("list",))
def max_pooling(p):
    return np.outer(p, p).reshape(2, 2, 2, 2).max(axis=(1, 3))


@case("dynamics", P4, skip=("list",))
def finite_elements(p):
    k = np.zeros((5, 5), like=p)
    for e in range(4):
        k[e : e + 2, e : e + 2] += p[e] * np.array([[1.0, -1.0], [-1.0, 1.0]])
    return np.linalg.solve(k[1:, 1:], np.ones(4))


@case("dynamics", P4, skip=("list",))
def assembly_by_add_at(p):
    k = np.zeros(25, like=p)
    np.add.at(k, [0, 6, 6, 12], p**2)
    return k.reshape(5, 5).sum(axis=0)[:3]


@case("dynamics", P4, skip=("list",))
def page_rank(p):
    a = np.outer(p, np.ones(4)) + np.eye(4)
    a = a / a.sum(axis=0)
    r = np.ones(4) / 4
    for _ in range(5):
        r = 0.85 * a @ r + 0.15 / 4
    return r


@case("dynamics", P4, skip=("list",))
def sinkhorn(p):
    k = np.exp(-np.abs(p[:, None] - np.arange(4.0)[None, :]))
    u = np.ones(4)
    for _ in range(4):
        v = 0.25 / (k.T @ u)
        u = 0.25 / (k @ v)
    return np.sum(u[:, None] * k * v[None, :] * (p[:, None] - np.arange(4.0)) ** 2)


@case("dynamics", P4, skip=("list",))
def levenshtein_like_table(p):
    table = [[0.0] * 3 for _ in range(3)]
    for i in range(1, 3):
        for j in range(1, 3):
            table[i][j] = np.minimum(table[i - 1][j] + p[i], table[i][j - 1] + p[j + 1] ** 2) + p[0]
    return table[2][2]


# -- ways to write a function ------------------------------------------------------------------------------------------


class Model:
    """A class of the user's."""

    def __init__(self, p):
        self.p, self.cache = p, {}

    def __call__(self, t):
        return self.p[0] * np.exp(-self.p[1] * t) + self.offset

    @property
    def offset(self):
        if "offset" not in self.cache:
            self.cache["offset"] = self.p[2] ** 2
        return self.cache["offset"]


@dataclass
class State:
    y: object
    t: float = 0.0

    def step(self, h):
        return State(self.y + h * np.sin(self.y), self.t + h)


def closure(x):
    def outer(a):
        def inner(b):
            return a * b * x[2]

        return inner

    return outer(x[0])(x[1])


def by_recursion(x):
    return x[0] ** 2 if len(x) == 1 else by_recursion(x[1:]) * x[0] + x[-1]


def tree_sum(x):
    if len(x) == 1:
        return np.sin(x[0])
    half = len(x) // 2
    return tree_sum(x[:half]) * tree_sum(x[half:])


def generator(x):
    def partial_products():
        total = 1.0
        for a in x:
            total = total * a
            yield total

    return sum(partial_products())


def try_and_except(x):
    try:
        np.linalg.solve(np.zeros((2, 2)), np.ones(2))
    except np.linalg.LinAlgError:
        return x**2
    return x


def with_errstate(x):
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(x > 1.0, np.log(x), x / (x - 5.0))


def fold(x):
    from functools import reduce

    return reduce(lambda a, b: a * b + np.sin(a), x)


def match_statement(x):
    match len(x):
        case n if n > 2:
            return x[0] * x[1]
    return x[0]


cases("styles", V3, {
    "class with a cache": lambda x: Model(x)(np.array([0.5, 1.0])),
    "dataclass": lambda x: State(x).step(0.1).step(0.1).y,
    "closure": closure,
    "recursion": by_recursion,
    "tree": tree_sum,
    "generator": generator,
    "try": try_and_except,
    "errstate": with_errstate,
    "reduce": fold,
    "match": match_statement,
    "walrus": lambda x: (y := x**2) * y.sum(),
    "keyword arguments": lambda x: np.sum(a=x**2, axis=0, keepdims=False),
    "star arguments": lambda x: (lambda a, *rest: a * sum(rest))(*x),
    "dictionary": lambda x: (lambda d: d["a"] * d["b"] ** 2)({"a": x[0], "b": x[1]}),
    "zip and enumerate": lambda x: sum(i * a * b for i, (a, b) in enumerate(zip(x, x[::-1], strict=True), 1)),
    "ufunc as an argument": lambda x: np.stack([g(x[0]) for g in (np.sin, np.exp, np.sqrt)]),
    "apply along axis": lambda x: np.apply_along_axis(lambda v: v * v.sum(), 0, np.outer(x, x)),
    "inner derivative": lambda x: x * dd.derivative(lambda t: np.sin(t) * x[0])(1.0),
    "inner gradient": lambda x: dd.grad(lambda p: np.sum(p**2 * x))(x),
    "isinstance and len": lambda x: x[len(x) - 1] ** 2 if np.ndim(x[0]) == 0 else x[0],
    "shape and size": lambda x: np.sum(x) / np.size(x) * np.shape(x)[0],
    "chained comparison": lambda x: x[0] ** 2 if 0.0 < x[0] < x[1] <= x[2] else -x[0],
    "all and any": lambda x: x[0] ** 2 if all(a > 0 for a in x) and any(a > 2 for a in x) else -x[0],
    "formatting does no harm": lambda x: [f"{a:.2f} {a!r}" for a in x] and x[0] * x[1],
    "constant result": lambda x: np.ones(2),
    "identity": lambda x: x,
}, skip=("list",))

# -- what must be refused ----------------------------------------------------------------------------------------------


def into_plain_zeros(x):
    z = np.zeros(3)
    z[0] = x[0]
    return z


def slice_into_plain_zeros(x):
    z = np.zeros(3)
    z[:] = x
    return z


def out_into_plain_zeros(x):
    z = np.zeros(3)
    np.multiply(x, x, out=z)
    return z


def add_at_plain_zeros(x):
    z = np.zeros(3)
    np.add.at(z, [0, 1, 2], x)
    return z


def cached_by_value(x):
    from functools import lru_cache

    @lru_cache
    def square(a):
        return a * a

    return square(x[0])


def forgets_to_return(x):
    x * 2.0


cases("refusals", V3, {
    "item into plain zeros": into_plain_zeros,
    "slice into plain zeros": slice_into_plain_zeros,
    "out= plain zeros": out_into_plain_zeros,
    "add.at plain zeros": add_at_plain_zeros,
    "float()": lambda x: float(x[0]) * 2.0,
    "math.sin": lambda x: math.sin(x[0]),
    "asarray with a dtype": lambda x: np.asarray(x, dtype=float),
    "array of floats": lambda x: np.array([x[0], 1.0], dtype=float),
    "int index": lambda x: x[int(x[0])],
    "astype of a complex": lambda x: (x * 1j).astype(float),
    "item() to float": lambda x: np.float64(x[0]),
    "lru_cache": cached_by_value,
    "no result": forgets_to_return,
    "ragged result": lambda x: [x[0], [x[1], x[2]]],
    "unique with ties": lambda x: np.unique(np.concatenate([x, x])),
    "histogram2d": lambda x: np.histogram2d(x, x)[0],
    "arange to a dual": lambda x: np.arange(0.0, x[2]),
    "fromiter of floats": lambda x: np.fromiter((a * a for a in x), float),
    "bitwise": lambda x: np.bitwise_and(x, 1),
    "random with a dual": lambda x: np.random.default_rng(0).normal(x[0], 1.0),
    "string of numbers": lambda x: np.array(["1.0"]) * x,
}, refused=True, skip=("list", "float32", "batched", "nested"))


# NumPy hands an object array over to nobody, so these stay errors of its own.
cases("beyond reach", V3, {
    "object array into inv": lambda x: np.linalg.inv(np.array([[x[0], 1.0], [x[1], x[2]]])),
    "object array into det": lambda x: np.linalg.det(np.array([[x[0], 1.0], [x[1], x[2]]])),
    "object array into fft": lambda x: np.fft.fft(np.array([x[0], x[1]])).real,
    "object array into interp": lambda x: np.interp(np.array([x[0], x[1]]), [0.0, 3.0], [1.0, 2.0]),
    "polynomial fit": lambda x: np.polynomial.polynomial.polyfit([0.0, 1.0, 2.0], x, 1),
    "nditer": lambda x: [a * 2 for a in np.nditer(x)],
}, foreign=True, skip=("list", "float32", "batched", "nested"))


# -- routes ------------------------------------------------------------------------------------------------------------


def value_of(y):
    return np.asarray(y, dtype=float)


class References:
    """Derivatives of a case by an independent road, computed once."""

    def __init__(self, case):
        self.case, self.kept = case, {}

    def __getitem__(self, order):
        if order not in self.kept:
            self.kept[order] = self.compute(order)
        return self.kept[order]

    def compute(self, order):
        case = self.case
        if np.ndim(case.x):
            differ = numdiff if order == 1 else numdiff2
            return differ(lambda x: value_of(case.f(x)), case.x, step=case.step)
        if case.analytic:
            with mpmath.workdps(40):
                return np.asarray(float(mpmath.diff(in_mpmath(case.f), mpmath.mpf(case.x), order)))
        x = np.asarray(case.x)
        differ = numdiff if order == 1 else numdiff2
        return differ(lambda x: value_of(case.f(x[()])), x, step=case.step)


def tolerances(case):
    if np.ndim(case.x) == 0 and case.analytic:
        return 2e-14, 2e-13
    first, second = TOLERANCES[False]
    return 20 * first * case.scale, 20 * second * case.scale


def scalar(case, want):
    first, second = tolerances(case)
    assert_close(dd.derivative(case.f)(case.x), want[1], first)
    assert_close(dd.derivative(case.f, order=2)(case.x), want[2], second)
    assert_close(dd.derivative(dd.derivative(case.f))(case.x), want[2], second)
    if case.analytic:
        assert_close(dd.derivative(case.f, order=3)(case.x), want[3], 1e-11)


def elementwise(case, want):
    """The formula of an array, three times the point."""
    x = np.full(3, case.x)
    first, second = tolerances(case)
    assert_close(dd.derivative(case.f)(x), np.full(3, want[1]), first)
    assert_close(dd.derivative(case.f, order=2)(x), np.full(3, want[2]), second)


def array(case, want):
    first, second = tolerances(case)
    before = case.x.copy()
    assert_close(dd.jacobian(case.f)(case.x), want[1], first)
    assert_close(dd.hessian(case.f)(case.x), want[2], second)
    np.testing.assert_array_equal(case.x, before)


def on_list(case, want):
    """The function gets a list of scalar duals."""
    first, second = tolerances(case)
    assert_close(dd.jacobian(case.f)(case.x.tolist()), want[1], first)
    assert_close(dd.hessian(case.f)(case.x.tolist()), want[2], second)


def nested(case, want):
    assert_close(dd.jacobian(dd.jacobian(case.f))(case.x), want[2], tolerances(case)[1])


def batched(case, want):
    rows = np.stack([case.x, case.x * 1.001])
    f = lambda rows: np.stack([np.asarray(dd.pack(y) if isinstance(y, list | tuple) else y) if not hasattr(y, "value")
                               else y for y in map(case.f, rows)])
    first, second = tolerances(case)
    assert_close(dd.jacobian(f, batched=True)(rows)[0], want[1], first)
    assert_close(dd.hessian(f, batched=True)(rows)[0], want[2], second)


def float32(case, want):
    """Single precision in, what NumPy gives out."""
    x = np.float32(case.x) if np.ndim(case.x) == 0 else case.x.astype(np.float32)
    dtype = np.asarray(case.f(x.copy())).dtype
    if np.ndim(x):
        first, second = dd.jacobian(case.f)(x), dd.hessian(case.f)(x)
    else:
        first, second = dd.derivative(case.f)(x), dd.derivative(case.f, order=2)(x)
    if np.ndim(x) and dtype.kind == "f":
        assert np.asarray(first).dtype == dtype, f"dtype {np.asarray(first).dtype}, wanted {dtype}"
    assert_close(first, want[1], 1e-3 * case.scale)
    assert_close(second, want[2], 2e-2 * case.scale)


ROUTES = {"scalar": scalar, "elementwise": elementwise, "array": array, "list": on_list, "nested": nested,
          "batched": batched, "float32": float32}


def outcome(case, route, want):
    """What comes of a case on a route, and the words for it."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            ROUTES[route](case, want)
    except dd.DualDiffError as error:
        return REFUSED, f"{type(error).__name__}: {error}"
    except AssertionError as error:
        return WRONG, str(error).strip().split("\n")[0]
    except Exception as error:
        return CRASH, f"{type(error).__name__}: {error}"
    return RIGHT, ""


def run(chosen=None):
    """All outcomes: a list of (case, route, outcome, words)."""
    results = []
    for case in CASES if chosen is None else chosen:
        want = References(case)
        for route in case.routes:
            results.append((case, route, *outcome(case, route, want)))
    return results


def as_it_should_be(case, result):
    return result in ((CRASH, REFUSED) if case.foreign else (REFUSED,) if case.refused else (RIGHT,))


def table(results):
    """Counts by route and by group, as text."""
    lines = []
    for title, key in (("route", lambda case, route: route), ("group", lambda case, route: case.group)):
        counts = Counter((key(case, route), result) for case, route, result, _ in results)
        rows = list(dict.fromkeys(key(case, route) for case, route, *_ in results))
        lines.append(f"{title:24s}" + "".join(f"{one:>9s}" for one in OUTCOMES))
        lines += [f"{row:24s}" + "".join(f"{counts[row, one]:9d}" for one in OUTCOMES) for row in rows]
        lines.append("")
    totals = Counter(result for *_, result, _ in results)
    lines.append(f"{len(CASES)} cases, {len(results)} runs: " + ", ".join(f"{totals[one]} {one}" for one in OUTCOMES))
    return "\n".join(lines)


def main():
    start = time.perf_counter()
    results = run()
    print(table(results))
    bad = [one for one in results if not as_it_should_be(one[0], one[2])]
    for case, route, result, words in bad:
        print(f"{result}: {case.group}, {case.name}, {route}: {words[:300]}")
    print(f"{len(bad)} not as they should be; {time.perf_counter() - start:.1f} s")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
