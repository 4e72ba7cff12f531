"""Derivatives compared with central differences on the user's own function."""

from dataclasses import dataclass

import numpy as np

from .errors import DerivativeMismatch, DifferentiationValueError
from .passes import check_function
from .points import Point
from .results import read
from .transforms import hessian, jacobian

EPSILON = np.finfo(np.float64).eps


@dataclass(frozen=True)
class Report:
    """What `check_derivatives` measured.

    Attributes
    ----------
    order : int
    first_error, second_error : float
        The largest difference, in units of the tolerance (at most 1 when the check passes); nan where not checked.
    evaluations : int
        Calls of the function that the differences took.
    """

    order: int
    first_error: float
    second_error: float
    evaluations: int

    def __str__(self):
        second = "" if self.order < 2 else f", second order {self.second_error:.2g}"
        return (
            f"derivatives agree with central differences: first order {self.first_error:.2g}{second} "
            f"of the tolerance, {self.evaluations} evaluations"
        )


def check_derivatives(function, x, *, order=2, rtol=1e-6, atol=1e-6):
    """Compare first and second derivatives with central differences.

    Parameters
    ----------
    function : callable
    x : float, array_like
        The point; keep away from kinks, where differences mean nothing.
    order : {1, 2}
    rtol, atol : float
        A difference passes when it is within ``atol + rtol |exact|`` times the scale of the function. The differences
        themselves lose half of the digits (first order ``O(h²)`` with ``h = ε^(1/3)``).

    Returns
    -------
    Report

    Raises
    ------
    DerivativeMismatch
        When the two disagree; the worst entry is named.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> report = dd.check_derivatives(lambda v: np.sum(np.sin(v)), np.array([0.5, 1.0]))
    >>> report.first_error < 1 and report.second_error < 1
    True
    """
    check_function(function, "check_derivatives")
    if order not in (1, 2):
        raise DifferentiationValueError(f"check_derivatives: order must be 1 or 2, found {order!r}")
    point = Point(x, "check_derivatives")
    base = np.asarray(point.x, dtype=np.float64)
    evaluate, count = _evaluation(function, point, "check_derivatives")
    flat = base.reshape(-1)
    centre = evaluate(flat)
    scale = max(1.0, float(np.max(np.abs(centre), initial=0.0)))
    first = _compare(
        "first", jacobian(function)(x), _differences(evaluate, flat, centre, base.shape), rtol, atol * scale
    )
    second = np.nan
    if order == 2:
        exact = hessian(function)(x)
        second = _compare(
            "second", exact, _second_differences(evaluate, flat, centre, base.shape), 100 * rtol, 100 * atol * scale
        )
    return Report(order, first, second, count[0])


def _evaluation(function, point, name):
    """The function of a flat array, and a list with the count of its calls."""
    shape, count = np.shape(point.x), [0]

    def evaluate(flat):
        count[0] += 1
        shaped = flat.reshape(shape).copy()
        argument = shaped.tolist() if point.kind in ("list", "number") else shaped
        return np.asarray(read(function(argument), 0, name, function)[0], dtype=np.float64)

    return evaluate, count


def central_jacobian(function, point):
    """The Jacobian by central differences ``(y(x + h) - y(x - h))/2h``, and how many evaluations it took."""
    evaluate, count = _evaluation(function, point, "central differences")
    base = np.asarray(point.x, dtype=np.float64)
    flat = base.reshape(-1)
    shape = () if flat.size else evaluate(flat).shape
    columns = _columns(evaluate, flat)
    return (np.stack(columns, axis=-1) if columns else np.zeros((*shape, 0))), count[0]


def _steps(flat, power):
    return EPSILON**power * np.maximum(1.0, np.abs(flat))


def _differences(evaluate, flat, centre, shape):
    columns = _columns(evaluate, flat)
    stacked = np.stack(columns, axis=-1) if columns else np.zeros((*centre.shape, 0))
    return stacked.reshape(centre.shape + shape)


def _columns(evaluate, flat):
    columns = []
    for i, h in enumerate(_steps(flat, 1 / 3)):
        up, down = flat.copy(), flat.copy()
        up[i] += h
        down[i] -= h
        columns.append((evaluate(up) - evaluate(down)) / (2.0 * h))
    return columns


def _second_differences(evaluate, flat, centre, shape):
    n, h = flat.size, _steps(flat, 1 / 4)
    out = np.zeros((*centre.shape, n, n))

    def moved(i, di, j, dj):
        point = flat.copy()
        point[i] += di
        point[j] += dj
        return evaluate(point)

    for i in range(n):
        for j in range(i + 1):
            if i == j:
                second = (moved(i, h[i], i, 0.0) - 2.0 * centre + moved(i, -h[i], i, 0.0)) / h[i] ** 2
            else:
                second = (
                    moved(i, h[i], j, h[j]) - moved(i, h[i], j, -h[j]) - moved(i, -h[i], j, h[j])
                    + moved(i, -h[i], j, -h[j])
                ) / (4.0 * h[i] * h[j])
            out[..., i, j] = out[..., j, i] = second
    return out.reshape(centre.shape + shape + shape)


def _compare(name, exact, differences, rtol, atol):
    exact = np.asarray(exact)
    if exact.size == 0:
        return 0.0
    error = np.abs(exact - differences) / (atol + rtol * np.abs(exact))
    error = np.where(np.isnan(error), np.inf, error)
    worst = np.unravel_index(np.argmax(error), error.shape)
    if not error[worst] <= 1.0:
        where = f"entry {tuple(int(i) for i in worst)}" if worst else "the value"
        raise DerivativeMismatch(
            f"check_derivatives: the {name} derivative disagrees at {where}: exact {exact[worst]:.17g}, central "
            f"differences {differences[worst]:.17g}; look for a kink near x, a random number, or a custom rule"
        )
    return float(error[worst])
