"""A user's typed file on what comes with SciPy: read by type checkers as strictly as they can, and run."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

import dualdiff as dd
from dualdiff.scipy import integrate, interpolate, linalg, optimize, special, stats

Vector = NDArray[np.float64]


def log_likelihood(p: Vector, data: Vector) -> np.float64:
    total: np.float64 = np.sum(stats.norm.logpdf(data, loc=p[0], scale=p[1])) + stats.gamma.logpdf(p[1], 2.0)
    return total


def decay(t: float, y: Vector, rate: Any) -> Vector:
    change: Vector = -rate * y
    return change


def end(p: Vector) -> Any:
    return integrate.solve_ivp(decay, (0.0, 1.0), p[:1], args=(p[1],)).y[:, -1]


p = np.array([0.5, 1.5])
score: NDArray[Any] = dd.grad(log_likelihood)(p, np.array([0.1, 0.7]))
flow: NDArray[Any] = dd.jacobian(end)(p)
area = dd.derivative(lambda a: integrate.quad(lambda x: np.exp(-a * x), 0.0, 1.0)[0])(2.0)
best: Any = optimize.minimize(lambda x: x @ x, np.ones(2), constraints=optimize.NonlinearConstraint(np.sum, 1.0, 2.0))
errors: NDArray[Any] = stats.standard_errors(lambda m, data: -stats.norm.logpdf(data, m[0], 1.0), [0.5], np.arange(2.0))
root = dd.derivative(lambda a: optimize.brentq(lambda x: x**3 - a, 0.0, 3.0))(2.0)
roots: NDArray[Any] = dd.jacobian(lambda a: optimize.root(lambda x: x**2 - a, np.ones(2)).x)(p)
knots = [0.0, 1.0, 2.0]
spline: NDArray[Any] = dd.jacobian(lambda y: interpolate.CubicSpline(knots, y)(0.5))(np.array([1.0, 2.0, 0.0]))
factor, lower = linalg.cho_factor(np.eye(2) * 2.0)
solution: Any = linalg.cho_solve((factor, lower), p)
bessel = dd.derivative(special.j0)(1.0)
counts = dd.derivative(lambda mu: stats.poisson.logpmf(3, mu))(2.0)
