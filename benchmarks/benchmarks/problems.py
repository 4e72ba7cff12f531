"""What is differentiated: one list of problems, each a plain function, a point and the derivative that is asked for.

``make(xp)`` returns the function as a user of ``numpy`` would write it, with ``xp`` in NumPy's place, so that JAX and
autograd run the very same lines over their own namespaces; data that the function captures pass through
``xp.asarray`` once, outside the timing. ``exact`` is the derivative written by hand. It is a contestant, and it is what
every other contestant must agree with before it is timed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

GRADIENT, JACOBIAN, HESSIAN, JVP = "gradient", "jacobian", "hessian", "jvp"


@dataclass(frozen=True)
class Problem:
    """One derivative of one function at one point.

    Parameters
    ----------
    name : str
        As printed in tables; unique.
    group : str
        The asv file that runs it: "scalar", "arrays", "jacobian" or "hessian".
    what : str
        `GRADIENT`, `JACOBIAN`, `HESSIAN` or `JVP`.
    make : callable
        ``make(xp)`` gives f.
    arguments : callable
        ``arguments()`` gives ``(x,)``, or ``(x, v)`` for a JVP. ``x`` is a NumPy array, or a list of floats for plain
        Python loops.
    exact : callable
        ``exact(x)`` gives the gradient, Jacobian or Hessian; ``exact(x, v)`` gives ``(y, ydot)``.
    promise : float or None
        The ratio to plain evaluation that dualdiff promises.
    """

    name: str
    group: str
    what: str
    make: Callable[[Any], Callable]
    arguments: Callable[[], tuple]
    exact: Callable
    promise: float | None = None


# Rosenbrock's function as a Python loop over a list of floats -----------------------------------------------------


def make_rosenbrock_loop(xp):
    def rosenbrock(x):
        total = 0.0
        for i in range(len(x) - 1):
            total += 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
        return total

    return rosenbrock


def rosenbrock_gradient(x):
    gradient = [0.0] * len(x)
    for i in range(len(x) - 1):
        step = x[i + 1] - x[i] ** 2
        gradient[i] -= 400.0 * x[i] * step + 2.0 * (1.0 - x[i])
        gradient[i + 1] += 200.0 * step
    return gradient


def rosenbrock_hessian(x):
    hessian = np.zeros((len(x), len(x)))
    for i in range(len(x) - 1):
        hessian[i, i] += 1200.0 * x[i] ** 2 - 400.0 * x[i + 1] + 2.0
        hessian[i + 1, i + 1] += 200.0
        hessian[i, i + 1] = hessian[i + 1, i] = -400.0 * x[i]
    return hessian


def ten_floats():
    return (np.random.default_rng(10).uniform(-1.5, 1.5, 10).tolist(),)


# Rosenbrock's function of a whole array -----------------------------------------------------------------------------


def make_rosenbrock(xp):
    def rosenbrock(x):
        return xp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)

    return rosenbrock


def rosenbrock_gradient_vectorised(x):
    step = x[1:] - x[:-1] ** 2
    gradient = np.zeros_like(x)
    gradient[:-1] = -400.0 * x[:-1] * step - 2.0 * (1.0 - x[:-1])
    gradient[1:] += 200.0 * step
    return gradient


def normal_numbers(n):
    def arguments():
        return (np.random.default_rng(n).uniform(-1.5, 1.5, n),)

    return arguments


# The Brusselator on a periodic grid of 32 × 32 cells, two species ---------------------------------------------------


def make_brusselator(xp):
    def brusselator(y):
        u, v = y.reshape(2, 32, 32)

        def spread(a):
            return xp.roll(a, 1, 0) + xp.roll(a, -1, 0) + xp.roll(a, 1, 1) + xp.roll(a, -1, 1) - 4.0 * a

        first = 1.0 + u * u * v - 4.4 * u + 0.1 * spread(u)
        return xp.stack([first, 3.4 * u - u * u * v + 0.1 * spread(v)]).reshape(-1)

    return brusselator


def brusselator_jacobian(y):
    u, v = y.reshape(2, 1024)
    cells = np.arange(1024).reshape(32, 32)
    jacobian = np.zeros((2048, 2048))
    rows = cells.reshape(-1)
    for first in (0, 1024):
        jacobian[first + rows, first + rows] = -0.4
        for step, axis in ((1, 0), (-1, 0), (1, 1), (-1, 1)):
            jacobian[first + rows, first + np.roll(cells, step, axis).reshape(-1)] += 0.1
    jacobian[rows, rows] += 2.0 * u * v - 4.4
    jacobian[rows, 1024 + rows] += u * u
    jacobian[1024 + rows, rows] += 3.4 - 2.0 * u * v
    jacobian[1024 + rows, 1024 + rows] -= u * u
    return jacobian


# The distance of a point from a line in space: three inputs, all of it overhead -------------------------------------

POINT, DIRECTION = np.array([1.0, 2.0, 3.0]), np.array([2.0, -1.0, 2.0]) / 3.0


def make_distance(xp):
    a, d = xp.asarray(POINT), xp.asarray(DIRECTION)

    def distance(x):
        n = xp.cross(x - a, d)
        return xp.sqrt(xp.dot(n, n))

    return distance


def distance_gradient(x):
    r = x - POINT
    across = r - (r @ DIRECTION) * DIRECTION
    return across / np.sqrt(across @ across)


# A chain of elementwise functions -----------------------------------------------------------------------------------


def make_chain(xp):
    def chain(x):
        return xp.exp(-(x**2)) * xp.tanh(x) / (1 + x**2) + xp.sqrt(1 + x**2)

    return chain


def chain_jvp(x, v):
    e, t, q = np.exp(-(x**2)), np.tanh(x), 1 + x**2
    r = np.sqrt(q)
    p = e / q
    return p * t + r, (p * (1 - t * t - 2 * x * t * (1 + 1 / q)) + x / r) * v


def line(n):
    def arguments():
        return np.linspace(-3.0, 3.0, n), np.random.default_rng(n).normal(size=n)

    return arguments


# A curve fit: two exponentials and a background, 200 points, 5 parameters -------------------------------------------

TIMES = np.linspace(0.0, 4.0, 200)


def make_curve(xp):
    t = xp.asarray(TIMES)

    def curve(b):
        return b[0] * xp.exp(-b[1] * t) + b[2] * xp.exp(-b[3] * t) + b[4]

    return curve


def curve_jacobian(b):
    e1, e2 = np.exp(-b[1] * TIMES), np.exp(-b[3] * TIMES)
    return np.stack([e1, -b[0] * TIMES * e1, e2, -b[2] * TIMES * e2, np.ones_like(TIMES)], axis=1)


def five_parameters():
    return (np.array([1.5, 2.2, 0.7, 0.4, 0.1]),)


# A network: 64 inputs, two hidden layers of 128, softmax over 10 outputs ---------------------------------------------


def _network():
    rng = np.random.default_rng(64)
    sizes = (64, 128, 128, 10)
    return [(rng.normal(size=(m, n)) / np.sqrt(n), 0.1 * rng.normal(size=m)) for n, m in pairwise(sizes)]


def make_network(xp):
    (w1, b1), (w2, b2), (w3, b3) = [(xp.asarray(w), xp.asarray(b)) for w, b in _network()]

    def network(x):
        h = xp.tanh(w1 @ x + b1)
        h = xp.tanh(w2 @ h + b2)
        z = w3 @ h + b3
        e = xp.exp(z - xp.max(z))
        return e / xp.sum(e)

    return network


def make_network_jacobian():
    (w1, b1), (w2, b2), (w3, b3) = _network()

    def jacobian(x):
        h1 = np.tanh(w1 @ x + b1)
        h2 = np.tanh(w2 @ h1 + b2)
        z = w3 @ h2 + b3
        e = np.exp(z - z.max())
        y = e / e.sum()
        top = y[:, None] * (w3 - y @ w3)
        return top * (1 - h2 * h2) @ w2 * (1 - h1 * h1) @ w1

    return jacobian


def sixty_four_inputs():
    return (np.random.default_rng(6).normal(size=64),)


# Logistic regression: 500 observations, 20 coefficients, a ridge -----------------------------------------------------


def _observations():
    rng = np.random.default_rng(500)
    design = rng.normal(size=(500, 20))
    return design, np.where(design @ rng.normal(size=20) + rng.normal(size=500) > 0, 1.0, -1.0)


def make_logistic(xp):
    design, sign = (xp.asarray(a) for a in _observations())

    def loss(w):
        return xp.sum(xp.log(1.0 + xp.exp(-sign * (design @ w)))) + 0.5 * xp.sum(w**2)

    return loss


def make_logistic_hessian():
    design, sign = _observations()

    def hessian(w):
        p = 1.0 / (1.0 + np.exp(sign * (design @ w)))
        return design.T * (p * (1.0 - p)) @ design + np.eye(len(w))

    return hessian


def twenty_coefficients():
    return (0.3 * np.random.default_rng(20).normal(size=20),)


PROBLEMS: tuple[Problem, ...] = (
    Problem("Rosenbrock loop, n = 10, gradient", "scalar", GRADIENT,
            make_rosenbrock_loop, ten_floats, rosenbrock_gradient, promise=2.5),
    Problem("Rosenbrock loop, n = 10, Hessian", "hessian", HESSIAN,
            make_rosenbrock_loop, ten_floats, rosenbrock_hessian),
    Problem("Rosenbrock array, n = 10³, gradient", "arrays", GRADIENT,
            make_rosenbrock, normal_numbers(10**3), rosenbrock_gradient_vectorised),
    Problem("Rosenbrock array, n = 10⁴, gradient", "arrays", GRADIENT,
            make_rosenbrock, normal_numbers(10**4), rosenbrock_gradient_vectorised),
    Problem("Rosenbrock array, n = 10², Hessian", "hessian", HESSIAN,
            make_rosenbrock, normal_numbers(10**2), rosenbrock_hessian),
    Problem("distance from a line, gradient", "arrays", GRADIENT,
            make_distance, lambda: (np.array([0.3, 0.4, 0.5]),), distance_gradient),
    Problem("Brusselator, 32 × 32 × 2, Jacobian", "jacobian", JACOBIAN,
            make_brusselator, normal_numbers(2048), brusselator_jacobian),
    Problem("elementwise chain, 10³, JVP", "arrays", JVP, make_chain, line(10**3), chain_jvp),
    Problem("elementwise chain, 10⁶, JVP", "arrays", JVP, make_chain, line(10**6), chain_jvp, promise=2.5),
    Problem("curve fit, 200 × 5, Jacobian", "jacobian", JACOBIAN, make_curve, five_parameters, curve_jacobian),
    Problem("network 64-128-128-10, Jacobian", "jacobian", JACOBIAN,
            make_network, sixty_four_inputs, make_network_jacobian()),
    Problem("logistic regression, 500 × 20, Hessian", "hessian", HESSIAN,
            make_logistic, twenty_coefficients, make_logistic_hessian()),
)  # fmt: skip


@dataclass(frozen=True)
class Operator:
    """One operation on small arrays: four elements, and four tangents where the operands carry them.

    The text is timed as it stands. ``x`` and ``y`` are differentiated, ``c`` is a plain array of the same shape.
    """

    text: str
    promise: float | None = 2.0


OPERATORS: tuple[Operator, ...] = tuple(
    Operator(text)
    for text in (
        "x + y", "x - y", "x * y", "x / y", "x ** y",
        "x + c", "c - x", "x * c", "c / x",
        "x + 2.0", "2.0 * x", "1.0 / x", "x ** 2", "-x",
        "np.exp(x)", "np.sqrt(x)", "np.sin(x)", "np.tanh(x)",
    )
)  # fmt: skip


def small_operands():
    rng = np.random.default_rng(4)
    return rng.uniform(0.5, 2.0, 4), rng.uniform(0.5, 2.0, 4), rng.uniform(0.5, 2.0, 4)
