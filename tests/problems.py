"""Differentiable problems as data, and derivatives of any NumPy function by an independent road.

`PROBLEMS` lists ordinary NumPy functions with a point, to be reused by any test or benchmark: correctness, chunking,
counts of calls. `numdiff` and `numdiff2` differentiate numerically, with nothing of this library in between:

- first derivatives of analytic functions by the complex step, exact to rounding (Squire & Trapp 1998);
- everything else by central differences with steps halved five times and extrapolated to zero (Richardson 1911), good
  for eleven digits at first order and nine at second where the function is smooth within ``step`` of the point.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

# What the references are good for at first and second order, relative to the largest entry, by `analytic`.
TOLERANCES = {True: (5e-14, 5e-12), False: (5e-12, 5e-9)}


def extrapolated(difference, step, levels=6):
    """The limit of ``difference(h)`` for h to 0, whose error is a series in even powers of h.

    The entry that changed least from one column of the table to the next is taken, entry by entry.
    """
    table = [np.asarray(difference(step / 2**i)) for i in range(levels)]
    best, change = table[-1], np.full(np.shape(table[-1]), np.inf)
    for order in range(1, levels):
        finer = [(4.0**order * b - a) / (4.0**order - 1.0) for a, b in zip(table, table[1:], strict=False)]
        for new, old in zip(finer, table[1:], strict=False):
            moved = np.abs(new - old)
            best, change = np.where(moved < change, new, best), np.minimum(moved, change)
        table = finer
    return best


def directions(x):
    """The unit vectors of the space of x, each with the shape of x."""
    return np.eye(x.size).reshape(x.size, *x.shape)


def stacked(columns, x):
    """Columns of shape ``out`` as an array of shape ``out + x.shape``."""
    columns = np.stack(columns, axis=-1)
    return columns.reshape(columns.shape[:-1] + x.shape)


def along(f, x, d, analytic, step):
    """The derivative of f at x along d."""
    if analytic:
        return np.imag(f(x + 1e-30j * d)) / 1e-30
    return extrapolated(lambda h: (np.asarray(f(x + h * d)) - np.asarray(f(x - h * d))) / (2 * h), step)


def twice_along(f, x, d, analytic, step):
    """The second derivative of f at x along d."""
    if analytic:
        return extrapolated(
            lambda h: (along(f, x + h * d, d, True, step) - along(f, x - h * d, d, True, step)) / (2 * h), step)
    middle = np.asarray(f(x))
    return extrapolated(lambda h: (np.asarray(f(x + h * d)) - 2 * middle + np.asarray(f(x - h * d))) / h**2, step)


def numdiff(f, x, analytic=False, step=0.05):
    """The Jacobian of f at x, shape ``f(x).shape + x.shape``.

    ``analytic``: f accepts complex arrays and is made of analytic functions only (no abs, comparison, conj).
    """
    x = np.asarray(x, dtype=float)
    return stacked([along(f, x, d, analytic, step) for d in directions(x)], x)


def numdiff2(f, x, analytic=False, step=0.05):
    """The Hessian of f at x, shape ``f(x).shape + x.shape + x.shape``, from second derivatives along sums of axes."""
    x = np.asarray(x, dtype=float)
    units = directions(x)
    single = [twice_along(f, x, d, analytic, step) for d in units]
    rows = []
    for i, a in enumerate(units):
        row = []
        for j, b in enumerate(units):
            if i == j:
                row.append(single[i])
            elif j < i:
                row.append(rows[j][i])
            else:
                row.append((twice_along(f, x, a + b, analytic, step) - single[i] - single[j]) / 2)
        rows.append(row)
    return stacked([stacked(row, x) for row in zip(*rows, strict=True)], x)


def assert_close(got, want, tolerance):
    """Shapes are equal, and entries agree to a tolerance relative to the largest entry of ``want`` (at least 1).

    Entries that are not finite must be the same.
    """
    got, want = np.asarray(got), np.asarray(want)
    assert got.shape == want.shape, f"shape {got.shape}, wanted {want.shape}"
    finite = np.isfinite(want)
    np.testing.assert_array_equal(got[~finite], want[~finite])
    scale = max(1.0, np.abs(want[finite]).max(initial=0.0))
    worst = np.abs(got[finite] - want[finite]).max(initial=0.0)
    assert worst <= tolerance * scale, f"off by {worst:.3g} where entries are up to {scale:.3g}"


# Problems -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Problem:
    """A function, a point, and what the numerical reference has to know.

    ``gradient`` and ``hessian`` are closed forms where there are short ones.
    """

    name: str
    f: Callable
    x: np.ndarray
    analytic: bool = True
    step: float = 0.05
    gradient: Callable | None = None
    hessian: Callable | None = None

    def references(self):
        """Jacobian, Hessian and the tolerance of either."""
        first = numdiff(self.f, self.x, self.analytic, self.step)
        second = numdiff2(self.f, self.x, self.analytic, self.step)
        return first, second, *TOLERANCES[self.analytic]


def point(seed, *shape, low=0.4, high=1.6):
    return np.random.default_rng(seed).uniform(low, high, shape)


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def rosenbrock_gradient(x):
    g = np.zeros_like(x)
    g[1:] += 200.0 * (x[1:] - x[:-1] ** 2)
    g[:-1] += -400.0 * x[:-1] * (x[1:] - x[:-1] ** 2) - 2.0 * (1.0 - x[:-1])
    return g


def rosenbrock_hessian(x):
    diagonal = np.zeros_like(x)
    diagonal[1:] += 200.0
    diagonal[:-1] += 1200.0 * x[:-1] ** 2 - 400.0 * x[1:] + 2.0
    return np.diag(diagonal) - np.diag(400.0 * x[:-1], 1) - np.diag(400.0 * x[:-1], -1)


def rosenbrock_loop(x):
    """The same sum, number by number."""
    total = 0.0
    for a, b in zip(x[:-1], x[1:], strict=True):
        total = total + 100.0 * (b - a * a) ** 2 + (1.0 - a) ** 2
    return total


def himmelblau(x):
    return (x[0] ** 2 + x[1] - 11.0) ** 2 + (x[0] + x[1] ** 2 - 7.0) ** 2


def polar(q):
    return np.stack([q[0] * np.cos(q[1]), q[0] * np.sin(q[1])])


def helmholtz(x):
    """The Helmholtz energy of a mixed fluid, a classic of this field (Griewank's test function)."""
    n = x.shape[0]
    i = np.arange(n)
    a = 1.0 / (1.0 + i[:, None] + i[None, :])
    b = 0.1 / (1.0 + i)
    bx = b @ x
    root = np.sqrt(2.0)
    logs = np.log((1.0 + (1.0 + root) * bx) / (1.0 + (1.0 - root) * bx))
    return np.sum(x * np.log(x / (1.0 - bx))) - (x @ a @ x) / (np.sqrt(8.0) * bx) * logs


DATA = np.random.default_rng(7).normal(size=(12, 4))
LABELS = (DATA @ np.array([1.0, -2.0, 0.5, 0.3]) > 0).astype(float)


def logistic_loss(w):
    z = DATA @ w
    return np.sum(np.logaddexp(0.0, z) - LABELS * z)


def logistic_gradient(w):
    return DATA.T @ (1.0 / (1.0 + np.exp(-DATA @ w)) - LABELS)


def logistic_hessian(w):
    p = 1.0 / (1.0 + np.exp(-DATA @ w))
    return DATA.T @ ((p * (1.0 - p))[:, None] * DATA)


WEIGHTS = [np.random.default_rng(8).normal(size=shape) / 2 for shape in ((5, 3), (4, 5))]


def network(x):
    h = np.tanh(WEIGHTS[0] @ x)
    z = np.exp(WEIGHTS[1] @ h)
    return z / np.sum(z)


def runge_kutta(p, steps=8, h=0.1):
    """The end of a predator-prey orbit as a function of four rates."""

    def right(y):
        return np.stack([p[0] * y[0] - p[1] * y[0] * y[1], p[2] * y[0] * y[1] - p[3] * y[1]])

    y = np.stack([1.0 + 0.0 * p[0], 0.5 + 0.0 * p[0]])
    for _ in range(steps):
        k1 = right(y)
        k2 = right(y + 0.5 * h * k1)
        k3 = right(y + 0.5 * h * k2)
        y = y + h * (k1 + 2.0 * k2 + 2.0 * k3 + right(y + h * k3)) / 6.0
    return y


def redlich_kwong(x):
    """Compressibility by Newton's method, run past convergence so that derivatives have converged too."""
    t, p = x[0], x[1]
    a, b = 0.42748 * p / t**2.5, 0.08664 * p / t
    z = 1.0
    for _ in range(9):
        g = z**3 - z**2 + (a - b - b**2) * z - a * b
        z = z - g / (3.0 * z**2 - 2.0 * z + a - b - b**2)
    return z


def normal_log_likelihood(p):
    residual = (DATA[:, 0] - p[0]) / np.exp(p[1])
    return -0.5 * np.sum(residual**2) - residual.size * (p[1] + 0.5 * np.log(2.0 * np.pi))


def distances(x):
    """All distances between points of the plane, where none of them is 0."""
    i, j = np.triu_indices(x.shape[0], 1)
    return np.sqrt(np.sum((x[i] - x[j]) ** 2, axis=1))


def by_cases(x):
    return np.where(x > 1.0, x**2, np.where(x < 0.7, np.abs(np.sin(x)) * x, np.maximum(x**3, 0.1)))


PROBLEMS = [
    Problem("rosenbrock", rosenbrock, point(1, 7), gradient=rosenbrock_gradient, hessian=rosenbrock_hessian),
    Problem("rosenbrock, number by number", rosenbrock_loop, point(2, 5), gradient=rosenbrock_gradient,
            hessian=rosenbrock_hessian),
    Problem("himmelblau", himmelblau, point(3, 2)),
    Problem("polar coordinates", polar, point(4, 2)),
    Problem("helmholtz energy", helmholtz, point(5, 4, low=0.2, high=0.5), step=0.02),
    Problem("logistic regression", logistic_loss, point(6, 4), analytic=False, gradient=logistic_gradient,
            hessian=logistic_hessian),
    Problem("layered network", network, point(7, 3)),
    Problem("predator and prey", runge_kutta, point(8, 4)),
    Problem("redlich-kwong", redlich_kwong, np.array([1.3, 0.9]), step=0.02),
    Problem("normal likelihood", normal_log_likelihood, point(9, 2)),
    Problem("distances", distances, np.array([[0.1, 0.2], [1.3, -0.4], [-0.7, 1.9]]), step=0.02),
    Problem("by cases", by_cases, np.array([0.4, 0.85, 1.2, 1.9, 0.55]), analytic=False, step=0.02),
    Problem("matrix function", lambda x: np.sum(np.sin(x @ x.T) / (1.0 + x * x)), point(10, 3, 3)),
    Problem("one variable", lambda x: np.exp(-(x**2)) * np.tanh(x) / (1.0 + x**2) + np.sqrt(1.0 + x**2), point(11, 1)),
]
