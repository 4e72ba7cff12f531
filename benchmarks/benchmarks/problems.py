"""What is differentiated: one list of problems, each a plain function, a point and the derivative that is asked for.

``make(xp)`` returns the function as a user of ``numpy`` would write it, with ``xp`` in NumPy's place, so that JAX and
autograd run the very same lines over their own namespaces; data that the function captures pass through
``xp.asarray`` once, outside the timing. ``exact`` is the derivative written by hand. It is a contestant, and it is what
every other contestant must agree with before it is timed.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

GRADIENT, JACOBIAN, HESSIAN, JVP = "gradient", "jacobian", "hessian", "jvp"
SPARSE_JACOBIAN, SPARSE_HESSIAN = "sparse_jacobian", "sparse_hessian"

# What is promised against.
PLAIN, HAND = "plain", "by hand"
BEST, FORWARD, COMPILED = "best peer", "forward peers", "compiled reverse mode"


@dataclass(frozen=True)
class Goal:
    """At most so many times as slow as the best of the contestants that ``against`` names."""

    limit: float
    against: str = BEST


@dataclass(frozen=True)
class Problem:
    """One derivative of one function at one point.

    Parameters
    ----------
    name : str
        As printed in tables; unique.
    group : str
        The asv file that runs it: "scalar", "arrays", "jacobian", "hessian" or "large".
    what : str
        `GRADIENT`, `JACOBIAN`, `HESSIAN`, `JVP`, `SPARSE_JACOBIAN` or `SPARSE_HESSIAN`.
    make : callable
        ``make(xp)`` gives f.
    arguments : callable
        ``arguments()`` gives ``(x,)``, or ``(x, v)`` for a JVP. ``x`` is a NumPy array, or a list of floats for plain
        Python loops.
    exact : callable
        ``exact(x)`` gives the gradient, Jacobian or Hessian, in COO form where it is sparse; ``exact(x, v)`` gives
        ``(y, ydot)``.
    goals : tuple of Goal
        What dualdiff promises.
    unrolled : bool
        A Python loop of so many steps that compilers which unroll it take minutes.
    """

    name: str
    group: str
    what: str
    make: Callable[[Any], Callable]
    arguments: Callable[[], tuple]
    exact: Callable
    goals: tuple[Goal, ...] = ()
    unrolled: bool = False


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


def rosenbrock_hessian_sparse(x):
    from scipy.sparse import diags_array

    diagonal = np.zeros_like(x)
    diagonal[:-1] = 1200.0 * x[:-1] ** 2 - 400.0 * x[1:] + 2.0
    diagonal[1:] += 200.0
    beside = -400.0 * x[:-1]
    return diags_array([beside, diagonal, beside], offsets=[-1, 0, 1]).tocsr()


def normal_numbers(n):
    def arguments():
        return (np.random.default_rng(n).uniform(-1.5, 1.5, n),)

    return arguments


# The Brusselator on a periodic grid of 32 × 32 cells, two species ---------------------------------------------------


def make_brusselator(xp, side=32):
    def brusselator(y):
        u, v = y.reshape(2, side, side)

        def spread(a):
            return xp.roll(a, 1, 0) + xp.roll(a, -1, 0) + xp.roll(a, 1, 1) + xp.roll(a, -1, 1) - 4.0 * a

        first = 1.0 + u * u * v - 4.4 * u + 0.1 * spread(u)
        return xp.stack([first, 3.4 * u - u * u * v + 0.1 * spread(v)]).reshape(-1)

    return brusselator


def brusselator_jacobian(y):
    return brusselator_jacobian_sparse(y).toarray()


def brusselator_jacobian_sparse(y):
    from scipy.sparse import coo_array

    u, v = y.reshape(2, -1)
    n, side = len(u), math.isqrt(len(u))
    cells, rows = np.arange(n).reshape(side, side), np.arange(n)
    neighbours = [np.roll(cells, step, axis).reshape(-1) for step, axis in ((1, 0), (-1, 0), (1, 1), (-1, 1))]
    first = [(rows, rows, 2.0 * u * v - 4.8), (rows, n + rows, u * u)]
    second = [(n + rows, rows, 3.4 - 2.0 * u * v), (n + rows, n + rows, -u * u - 0.4)]
    spread = [(at + rows, at + columns, np.full(n, 0.1)) for at in (0, n) for columns in neighbours]
    i, j, entries = (np.concatenate(kind) for kind in zip(*first, *second, *spread, strict=True))
    return coo_array((entries, (i, j)), shape=(2 * n, 2 * n)).tocsr()


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


def _network(width=128):
    rng = np.random.default_rng(64)
    sizes = (64, width, width, 10)
    return [(rng.normal(size=(m, n)) / np.sqrt(n), 0.1 * rng.normal(size=m)) for n, m in pairwise(sizes)]


def make_network(xp, width=128):
    (w1, b1), (w2, b2), (w3, b3) = [(xp.asarray(w), xp.asarray(b)) for w, b in _network(width)]

    def network(x):
        h = xp.tanh(w1 @ x + b1)
        h = xp.tanh(w2 @ h + b2)
        z = w3 @ h + b3
        e = xp.exp(z - xp.max(z))
        return e / xp.sum(e)

    return network


def make_network_jacobian(width=128):
    (w1, b1), (w2, b2), (w3, b3) = _network(width)

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


# Logistic regression: observations, coefficients, a ridge ------------------------------------------------------------


@functools.cache
def _observations(m, n):
    rng = np.random.default_rng(500)
    design = rng.normal(size=(m, n))
    return design, np.where(design @ rng.normal(size=n) + rng.normal(size=m) > 0, 1.0, -1.0)


def logistic(m, n):
    def make(xp):
        design, sign = (xp.asarray(a) for a in _observations(m, n))

        def loss(w):
            return xp.sum(xp.log(1.0 + xp.exp(-sign * (design @ w)))) + 0.5 * xp.sum(w**2)

        return loss

    return make


def logistic_hessian(m, n):
    def hessian(w):
        design, sign = _observations(m, n)
        p = 1.0 / (1.0 + np.exp(sign * (design @ w)))
        return design.T * (p * (1.0 - p)) @ design + np.eye(len(w))

    return hessian


def coefficients(n):
    def arguments():
        return (0.3 * np.random.default_rng(20).normal(size=n),)

    return arguments


# Predators and prey by the classical Runge-Kutta method, in a Python loop as a user writes it: four parameters --------


def make_runge_kutta(xp, steps=1000):
    def populations(p):
        def rate(y):
            return xp.array([p[0] * y[0] - p[1] * y[0] * y[1], p[2] * y[0] * y[1] - p[3] * y[1]])

        y, h = xp.array([1.0, 0.5]), 0.01
        for _ in range(steps):
            k1 = rate(y)
            k2 = rate(y + 0.5 * h * k1)
            k3 = rate(y + 0.5 * h * k2)
            k4 = rate(y + h * k3)
            y = y + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
        return y

    return populations


def runge_kutta_sensitivity(p, steps=1000):
    """The variational equations by the same method, which is the exact derivative of its result."""
    a, b, c, d = p

    def rate(z):
        (u, v), s = z[:, 0], z[:, 1:]
        by_state = np.array([[a - b * v, -b * u], [c * v, c * u - d]])
        by_parameters = np.array([[u, -u * v, 0.0, 0.0], [0.0, 0.0, u * v, -v]])
        value = np.array([[a * u - b * u * v], [c * u * v - d * v]])
        return np.hstack([value, by_state @ s + by_parameters])

    z, h = np.zeros((2, 5)), 0.01
    z[:, 0] = 1.0, 0.5
    for _ in range(steps):
        k1 = rate(z)
        k2 = rate(z + 0.5 * h * k1)
        k3 = rate(z + 0.5 * h * k2)
        k4 = rate(z + h * k3)
        z = z + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
    return z[:, 1:]


def four_rates():
    return (np.array([1.1, 0.9, 0.8, 1.0]),)


ROSENBROCK_GOALS = (Goal(1.0, FORWARD), Goal(3.0, COMPILED))


def rosenbrock_gradient_problem(size, label, goals=ROSENBROCK_GOALS):
    return Problem(f"Rosenbrock array, n = {label}, gradient", "arrays" if size <= 10**3 else "large", GRADIENT,
                   make_rosenbrock, normal_numbers(size), rosenbrock_gradient_vectorised, goals)  # fmt: skip


def rosenbrock_sparse_problem(size, label, goals=()):
    return Problem(f"Rosenbrock array, n = {label}, sparse Hessian", "large", SPARSE_HESSIAN,
                   make_rosenbrock, normal_numbers(size), rosenbrock_hessian_sparse, goals)  # fmt: skip


PROBLEMS: tuple[Problem, ...] = (
    Problem("Rosenbrock loop, n = 10, gradient", "scalar", GRADIENT,
            make_rosenbrock_loop, ten_floats, rosenbrock_gradient, (Goal(1.0), Goal(2.0, PLAIN))),
    Problem("Rosenbrock loop, n = 10, Hessian", "hessian", HESSIAN,
            make_rosenbrock_loop, ten_floats, rosenbrock_hessian, (Goal(1.0),)),
    rosenbrock_gradient_problem(10**2, "10²", ()),
    rosenbrock_gradient_problem(10**3, "10³", (*ROSENBROCK_GOALS, Goal(0.2, "autograd"))),
    rosenbrock_gradient_problem(10**5, "10⁵"),
    rosenbrock_gradient_problem(10**6, "10⁶"),
    Problem("Rosenbrock array, n = 10², Hessian", "hessian", HESSIAN,
            make_rosenbrock, normal_numbers(10**2), rosenbrock_hessian),
    rosenbrock_sparse_problem(10**3, "10³"),
    rosenbrock_sparse_problem(10**5, "10⁵", (Goal(1.0),)),
    rosenbrock_sparse_problem(10**6, "10⁶"),
    Problem("distance from a line, gradient", "arrays", GRADIENT,
            make_distance, lambda: (np.array([0.3, 0.4, 0.5]),), distance_gradient, (Goal(1.0),)),
    Problem("Brusselator, 32 × 32 × 2, Jacobian", "jacobian", JACOBIAN,
            make_brusselator, normal_numbers(2048), brusselator_jacobian),
    Problem("Brusselator, 32 × 32 × 2, sparse Jacobian", "large", SPARSE_JACOBIAN,
            make_brusselator, normal_numbers(2048), brusselator_jacobian_sparse, (Goal(1.0),)),
    Problem("elementwise chain, 10³, JVP", "arrays", JVP, make_chain, line(10**3), chain_jvp),
    Problem("elementwise chain, 10⁶, JVP", "large", JVP, make_chain, line(10**6), chain_jvp,
            (Goal(1.5), Goal(2.5, PLAIN))),
    Problem("curve fit, 200 × 5, Jacobian", "jacobian", JACOBIAN, make_curve, five_parameters, curve_jacobian),
    Problem("network 64-128-128-10, Jacobian", "jacobian", JACOBIAN,
            make_network, sixty_four_inputs, make_network_jacobian(), (Goal(1.0, "JAX forward"), Goal(1.5, COMPILED))),
    Problem("logistic regression, 500 × 20, Hessian", "hessian", HESSIAN,
            logistic(500, 20), coefficients(20), logistic_hessian(500, 20)),
    Problem("logistic regression, 5000 × 50, Hessian", "large", HESSIAN,
            logistic(5000, 50), coefficients(50), logistic_hessian(5000, 50), (Goal(1.0), Goal(1.2, HAND))),
    Problem("Runge-Kutta, 1000 steps, 4 parameters, Jacobian", "large", JACOBIAN,
            make_runge_kutta, four_rates, runge_kutta_sensitivity, (Goal(1.0), Goal(2.0, PLAIN)), unrolled=True),
)  # fmt: skip


@dataclass(frozen=True)
class Family:
    """One problem at sizes that double, as ``problem(n)`` makes it; ``n`` counts what ``axis`` says."""

    name: str
    axis: str
    sizes: tuple[int, ...]
    problem: Callable[[int], Problem]


def doubling(low, high):
    """Powers of two from ``2**low`` to ``2**high``."""
    return tuple(2**k for k in range(low, high + 1))


def _loop(n):
    def floats():
        return (np.random.default_rng(n).uniform(-1.5, 1.5, n).tolist(),)

    return Problem(f"loop {n}", "", GRADIENT, make_rosenbrock_loop, floats, rosenbrock_gradient)


def _dense_hessian(n):
    return Problem(f"Hessian {n}", "", HESSIAN, make_rosenbrock, normal_numbers(n), rosenbrock_hessian)


def _brusselator(n):
    side = math.isqrt(n // 2)
    make = functools.partial(make_brusselator, side=side)
    return Problem(f"cells {n}", "", SPARSE_JACOBIAN, make, normal_numbers(n), brusselator_jacobian_sparse)


def _network_of(n):
    make = functools.partial(make_network, width=n)
    return Problem(f"width {n}", "", JACOBIAN, make, sixty_four_inputs, make_network_jacobian(n))


def _logistic_of(m):
    return Problem(f"rows {m}", "", HESSIAN, logistic(m, 50), coefficients(50), logistic_hessian(m, 50))


def _runge_kutta_of(steps):
    make, exact = (functools.partial(f, steps=steps) for f in (make_runge_kutta, runge_kutta_sensitivity))
    return Problem(f"steps {steps}", "", JACOBIAN, make, four_rates, exact, unrolled=True)


FAMILIES: tuple[Family, ...] = (
    Family("Rosenbrock loop, gradient", "variables", doubling(2, 8), _loop),
    Family("Rosenbrock array, gradient", "variables", doubling(6, 20), lambda n: rosenbrock_gradient_problem(n, n)),
    Family("Rosenbrock array, Hessian", "variables", doubling(3, 9), _dense_hessian),
    Family("Rosenbrock array, sparse Hessian", "variables", doubling(6, 18),
           lambda n: rosenbrock_sparse_problem(n, n)),
    Family("elementwise chain, JVP", "elements", doubling(8, 20),
           lambda n: Problem(f"chain {n}", "", JVP, make_chain, line(n), chain_jvp)),
    Family("Brusselator, sparse Jacobian", "variables", tuple(2 * side**2 for side in (8, 11, 16, 23, 32, 45, 64, 91)),
           _brusselator),
    Family("network, Jacobian", "units in each hidden layer", doubling(4, 10), _network_of),
    Family("logistic regression, Hessian", "observations, 50 coefficients", doubling(8, 14), _logistic_of),
    Family("Runge-Kutta, Jacobian", "steps, 4 parameters", doubling(4, 10), _runge_kutta_of),
)  # fmt: skip


@dataclass(frozen=True)
class Operator:
    """One operation on small arrays: four elements, and four tangents where the operands carry them.

    The text is timed as it stands. ``x`` and ``y`` are differentiated, ``c`` is a plain array of the same shape.
    """

    text: str
    goals: tuple[Goal, ...] = (Goal(2.0, PLAIN),)


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
