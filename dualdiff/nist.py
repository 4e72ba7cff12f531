"""NIST's certified nonlinear regressions: derivatives held against figures that somebody else computed.

The Statistical Reference Datasets (StRD) of the U.S. National Institute of Standards and Technology contain nonlinear
least-squares problems, observed and generated, whose solutions NIST computed with 128-bit arithmetic and published to
eleven digits: parameters, their standard deviations, residual sum of squares and residual standard deviation. Eighteen
of them ship in ``data/nist_strd.json``, with NIST's figures unchanged. Source: NIST/ITL Statistical Reference Datasets,
Nonlinear Regression, https://www.itl.nist.gov/div898/strd/nls/nls_main.shtml.

A standard deviation is ``s sqrt(diag((JᵀJ)⁻¹))`` with the residual standard deviation ``s`` and the Jacobian ``J`` of
the residuals, so at the certified solution it tests a Jacobian and nothing else. The models below are plain NumPy; this
is also what a fit of one's own looks like.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import dualdiff as dd

CERTIFIED_DIGITS = 11
REQUIRED_DIGITS = 8
EPS = np.finfo(float).eps


# The models ----------------------------------------------------------------------------------------------------------


def saturation(b, x):
    """BoxBOD, Misra1a: exponential rise to a ceiling."""
    b1, b2 = b
    return b1 * (1 - np.exp(-b2 * x))


def decay_over_line(b, x):
    """Chwirut2: ultrasonic response against metal distance."""
    b1, b2, b3 = b
    return np.exp(-b1 * x) / (b2 + b3 * x)


def power_law(b, x):
    """DanWood: radiated energy against temperature."""
    b1, b2 = b
    return b1 * x**b2


def three_cycles(b, x):
    """ENSO: an annual cycle and two of unknown period."""
    b1, b2, b3, b4, b5, b6, b7, b8, b9 = b
    annual, second, third = 2 * np.pi * x / 12, 2 * np.pi * x / b4, 2 * np.pi * x / b7
    return (
        b1
        + b2 * np.cos(annual) + b3 * np.sin(annual)
        + b5 * np.cos(second) + b6 * np.sin(second)
        + b8 * np.cos(third) + b9 * np.sin(third)
    )


def two_peaks(b, x):
    """Gauss1, Gauss2: two Gaussian peaks on a decaying baseline."""
    b1, b2, b3, b4, b5, b6, b7, b8 = b
    return b1 * np.exp(-b2 * x) + b3 * np.exp(-((x - b4) ** 2) / b5**2) + b6 * np.exp(-((x - b7) ** 2) / b8**2)


def three_decays(b, x):
    """Lanczos1, Lanczos3: a sum of three exponentials, nearly indistinguishable."""
    b1, b2, b3, b4, b5, b6 = b
    return b1 * np.exp(-b2 * x) + b3 * np.exp(-b4 * x) + b5 * np.exp(-b6 * x)


def ratio_of_quadratics(b, x):
    """MGH09: a rational function from an enzyme's kinetics."""
    b1, b2, b3, b4 = b
    return b1 * (x**2 + x * b2) / (x**2 + x * b3 + b4)


def two_decays(b, x):
    """MGH17: two exponentials above a constant."""
    b1, b2, b3, b4, b5 = b
    return b1 + b2 * np.exp(-x * b4) + b3 * np.exp(-x * b5)


def inverse_square_saturation(b, x):
    """Misra1b."""
    b1, b2 = b
    return b1 * (1 - (1 + b2 * x / 2) ** -2)


def inverse_root_saturation(b, x):
    """Misra1c."""
    b1, b2 = b
    return b1 * (1 - (1 + 2 * b2 * x) ** -0.5)


def hyperbolic_saturation(b, x):
    """Misra1d."""
    b1, b2 = b
    return b1 * b2 * x * (1 + b2 * x) ** -1


def breakdown(b, x):
    """Nelson: logarithm of a dielectric breakdown voltage, by time and temperature."""
    b1, b2, b3 = b
    weeks, temperature = x.T
    return b1 - b2 * weeks * np.exp(-b3 * temperature)


def logistic_growth(b, x):
    """Rat42: sigmoidal growth."""
    b1, b2, b3 = b
    return b1 / (1 + np.exp(b2 - b3 * x))


def quantum_defect(b, x):
    """Roszman1: quantum defects of an iodine atom."""
    b1, b2, b3, b4 = b
    return b1 - b2 * x - np.arctan(b3 / (x - b4)) / np.pi


def ratio_of_cubics(b, x):
    """Thurber: electron mobility against the logarithm of density."""
    b1, b2, b3, b4, b5, b6, b7 = b
    return (b1 + b2 * x + b3 * x**2 + b4 * x**3) / (1 + b5 * x + b6 * x**2 + b7 * x**3)


MODELS: dict[str, Callable] = {
    "BoxBOD": saturation,
    "Chwirut2": decay_over_line,
    "DanWood": power_law,
    "ENSO": three_cycles,
    "Gauss1": two_peaks,
    "Gauss2": two_peaks,
    "Lanczos1": three_decays,
    "Lanczos3": three_decays,
    "MGH09": ratio_of_quadratics,
    "MGH17": two_decays,
    "Misra1a": saturation,
    "Misra1b": inverse_square_saturation,
    "Misra1c": inverse_root_saturation,
    "Misra1d": hyperbolic_saturation,
    "Nelson": breakdown,
    "Rat42": logistic_growth,
    "Roszman1": quantum_defect,
    "Thurber": ratio_of_cubics,
}


# The problems --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Problem:
    """One data set with its model and NIST's certified solution.

    Parameters
    ----------
    name, level : str
        NIST's name and its level of difficulty for fitting: ``"lower"``, ``"average"`` or ``"higher"``.
    formula : str
        The model as NIST writes it.
    model : callable
        The same as NumPy: ``model(b, x)``, of the shape of `y`.
    x, y : ndarray
        Data, shapes ``(n,)`` (``(n, 2)`` for Nelson) and ``(n,)``; `y` is log-transformed where NIST fits ``log y``.
    start : tuple of ndarray
        NIST's two starting points, each of shape ``(p,)``.
    certified, certified_sd : ndarray
        Certified parameters and their standard deviations, shape ``(p,)``.
    residual_sd, rss : float
        Certified residual standard deviation and residual sum of squares.
    """

    name: str
    level: str
    formula: str
    model: Callable
    x: np.ndarray
    y: np.ndarray
    start: tuple[np.ndarray, np.ndarray]
    certified: np.ndarray
    certified_sd: np.ndarray
    residual_sd: float
    rss: float


def problems() -> list[Problem]:
    """Read the problems that ship with the package.

    Returns
    -------
    list of Problem
        All eighteen, ordered by name.

    Examples
    --------
    >>> from dualdiff import nist
    >>> [problem.name for problem in nist.problems()][:3]
    ['BoxBOD', 'Chwirut2', 'DanWood']
    """
    raw = json.loads(Path(__file__).with_name("data").joinpath("nist_strd.json").read_text(encoding="utf-8"))
    return [_problem(name, entry) for name, entry in sorted(raw.items())]


def _problem(name: str, entry: dict) -> Problem:
    y = np.array(entry["y"])
    return Problem(
        name=name,
        level=entry["level"],
        formula=entry["model"],
        model=MODELS[name],
        x=np.array(entry["x"]),
        y=np.log(y) if entry["model"].startswith("log(y)") else y,
        start=(np.array(entry["start1"]), np.array(entry["start2"])),
        certified=np.array(entry["certified"]),
        certified_sd=np.array(entry["certified_sd"]),
        residual_sd=entry["residual_sd"],
        rss=entry["rss"],
    )


def residuals(b, problem: Problem):
    """``y − model(b, x)``, shape ``(n,)``."""
    return problem.y - problem.model(b, problem.x)


def residual_sum_of_squares(b, problem: Problem):
    """What a fit minimises: ``sum(residuals²)``."""
    return np.sum(residuals(b, problem) ** 2)


# Statistics ----------------------------------------------------------------------------------------------------------


def standard_deviations(jacobian: np.ndarray, residual_sd: float) -> np.ndarray:
    """Standard deviations of fitted parameters, ``s sqrt(diag((JᵀJ)⁻¹))``.

    Columns are scaled to unit length and ``JᵀJ`` is never formed: with ``J = Q R diag(scale)`` the diagonal entries are
    the squared row norms of ``R⁻¹``, at the condition number of ``J`` instead of its square.

    Parameters
    ----------
    jacobian : ndarray
        Jacobian of the residuals (or of the model), shape ``(n, p)``.
    residual_sd : float
        Residual standard deviation ``s``.

    Returns
    -------
    ndarray
        Shape ``(p,)``; nan where the Jacobian is singular or holds nan.

    Examples
    --------
    >>> import numpy as np
    >>> from dualdiff.nist import standard_deviations
    >>> standard_deviations(np.array([[2.0, 0.0], [0.0, 4.0]]), 1.0)
    array([0.5 , 0.25])
    """
    norms = np.linalg.norm(jacobian, axis=0)
    scale = np.where(norms > 0.0, norms, 1.0)
    triangle = np.linalg.qr(jacobian / scale, mode="r")
    try:
        inverse = np.linalg.inv(triangle)
    except np.linalg.LinAlgError:
        return np.full(scale.shape, np.nan)
    return residual_sd * np.linalg.norm(inverse, axis=1) / scale


def correct_digits(computed: np.ndarray, certified: np.ndarray) -> np.ndarray:
    """Decimal digits in which figures agree with certified ones: ``−log10`` of the relative error.

    Parameters
    ----------
    computed, certified : ndarray
        Figures of one shape; certified ones are not zero.

    Returns
    -------
    ndarray
        Between 0 (wrong, or nan) and 11, the number of digits that NIST certifies.

    Examples
    --------
    >>> import numpy as np
    >>> from dualdiff.nist import correct_digits
    >>> correct_digits(np.array([1.001, 2.0, np.nan]), np.array([1.0, 2.0, 3.0])).round(3)
    array([ 3., 11.,  0.])
    """
    error = np.abs(computed - certified) / np.abs(certified)
    return np.where(error < 1.0, -np.log10(np.maximum(error, 10.0**-CERTIFIED_DIGITS)), 0.0)


# Central differences, the usual way ----------------------------------------------------------------------------------


def central_jacobian(f: Callable, b: np.ndarray, *args) -> np.ndarray:
    """Jacobian by central differences: ``2 p`` evaluations.

    A step of ``eps^(1/3)`` relative to the parameter balances truncation, ``O(h²)``, against rounding, ``O(eps/h)``.
    """
    steps = np.diag(np.cbrt(EPS) * _size(b))
    return np.stack([(f(b + h, *args) - f(b - h, *args)) / np.sum((b + h) - (b - h)) for h in steps], axis=-1)


def central_hessian(f: Callable, b: np.ndarray, *args) -> np.ndarray:
    """Hessian of a scalar function by second central differences: ``2 p (p + 1)`` evaluations.

    A step of ``eps^(1/4)`` relative to the parameter balances truncation, ``O(h²)``, against rounding, ``O(eps/h²)``.
    """
    size = EPS**0.25 * _size(b)
    steps = np.diag(size)
    hessian = np.empty((b.size, b.size))
    for i, hi in enumerate(steps):
        for j, hj in enumerate(steps[: i + 1]):
            difference = f(b + hi + hj, *args) - f(b + hi - hj, *args) - f(b - hi + hj, *args) + f(b - hi - hj, *args)
            hessian[i, j] = hessian[j, i] = difference / (4 * size[i] * size[j])
    return hessian


def _size(b: np.ndarray) -> np.ndarray:
    return np.where(b == 0.0, 1.0, np.abs(b))


# The comparison ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Comparison:
    """Exact derivatives and central differences of one problem, at its certified solution.

    Parameters
    ----------
    problem : Problem
        What was compared.
    sd, central_sd : ndarray
        Standard deviations from the exact Jacobian and from the one by central differences, shape ``(p,)``.
    digits, central_digits : ndarray
        Their correct digits against the certified ones, shape ``(p,)``.
    seconds : dict
        Best time of ``"jacobian"``, ``"central_jacobian"``, ``"hessian"`` and ``"central_hessian"``.
    eigenvalue : float
        Smallest eigenvalue of the exact Hessian, its diagonal scaled to ones. Positive: a strict minimum.
    hessian_digits : float
        Digits to which the central-difference Hessian agrees with the exact one.
    newton_digits : float
        Digits of the certified parameters that one exact Newton step leaves as they are.
    """

    problem: Problem
    sd: np.ndarray
    digits: np.ndarray
    central_sd: np.ndarray
    central_digits: np.ndarray
    seconds: dict[str, float]
    eigenvalue: float
    hessian_digits: float
    newton_digits: float


def compare(problem: Problem, repeats: int = 5) -> Comparison:
    """Differentiate one problem exactly and by central differences, and time both.

    Parameters
    ----------
    problem : Problem
        One of `problems`.
    repeats : int
        Each time is the best of so many runs.

    Returns
    -------
    Comparison

    Examples
    --------
    >>> from dualdiff import nist
    >>> comparison = nist.compare(nist.problems()[0], repeats=1)
    >>> bool(comparison.digits.min() > 10)
    True
    """
    b = problem.certified
    calls = {
        "jacobian": lambda: dd.jacobian(residuals)(b, problem),
        "central_jacobian": lambda: central_jacobian(residuals, b, problem),
        "hessian": lambda: dd.hessian(residual_sum_of_squares)(b, problem),
        "central_hessian": lambda: central_hessian(residual_sum_of_squares, b, problem),
    }
    results, seconds = {}, {}
    for name, call in calls.items():
        results[name], seconds[name] = _best_time(call, repeats)

    sd = standard_deviations(results["jacobian"], problem.residual_sd)
    central_sd = standard_deviations(results["central_jacobian"], problem.residual_sd)
    # With a unit diagonal the Hessian has no units, and its entries can be compared.
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = 1.0 / np.sqrt(np.diag(results["hessian"]))
        scaled = scale * results["hessian"] * scale[:, None]
    error = np.max(np.abs(scale * results["central_hessian"] * scale[:, None] - scaled))
    gradient = 2.0 * residuals(b, problem) @ results["jacobian"]
    eigenvalue, step = _minimum(scaled, -scale * gradient)
    return Comparison(
        problem=problem,
        sd=sd,
        digits=correct_digits(sd, problem.certified_sd),
        central_sd=central_sd,
        central_digits=correct_digits(central_sd, problem.certified_sd),
        seconds=seconds,
        eigenvalue=eigenvalue,
        hessian_digits=float(correct_digits(1.0 + error, np.float64(1.0))),
        newton_digits=float(np.min(correct_digits(b + scale * step, b))),
    )


def _minimum(hessian: np.ndarray, descent: np.ndarray) -> tuple[float, np.ndarray]:
    """Smallest eigenvalue of a Hessian and the Newton step along a negative gradient; nan where there is none."""
    try:
        return float(np.linalg.eigvalsh(hessian)[0]), np.linalg.solve(hessian, descent)
    except np.linalg.LinAlgError:
        return np.nan, np.full(descent.shape, np.nan)


def _best_time(call: Callable, repeats: int):
    """The result of a call and its best time of so many runs."""
    best = np.inf
    for _ in range(repeats):
        start = time.perf_counter()
        result = call()
        best = min(best, time.perf_counter() - start)
    return result, best


# The report ----------------------------------------------------------------------------------------------------------


def verdict(comparisons: list[Comparison]) -> tuple[bool, str]:
    """Whether all is well, and the line that says so.

    It is well when every standard deviation has at least 8 correct digits and every Hessian is positive definite.
    """
    digits = np.concatenate([c.digits for c in comparisons])
    central = np.concatenate([c.central_digits for c in comparisons])
    wrong = int(np.sum(digits < REQUIRED_DIGITS))
    if wrong:
        worst = min(comparisons, key=lambda c: c.digits.min())
        return False, (
            f"FAIL: {wrong} of {digits.size} standard deviations with fewer than {REQUIRED_DIGITS} correct digits; "
            f"the worst is b{worst.digits.argmin() + 1} of {worst.problem.name} with {worst.digits.min():.1f}."
        )
    saddles = [c.problem.name for c in comparisons if not c.eigenvalue > 0.0]
    if saddles:
        return False, f"FAIL: the Hessian is not positive definite at the certified minimum of {', '.join(saddles)}."
    return True, (
        f"PASS: {digits.size} standard deviations with at least {digits.min():.1f} correct digits each "
        f"({REQUIRED_DIGITS} required; {central.min():.1f} by central differences)."
    )


def report(comparisons: list[Comparison]) -> str:
    """The comparison as text: one row per standard deviation, one row per problem, one closing line.

    Parameters
    ----------
    comparisons : list of Comparison
        Results of `compare`.

    Returns
    -------
    str
        ASCII only, lines of at most 110 characters; the last line is the verdict.
    """
    return "\n".join([*_deviation_lines(comparisons), "", *_cost_lines(comparisons), "", verdict(comparisons)[1]])


def _deviation_lines(comparisons: list[Comparison]) -> list[str]:
    header = (
        f"{'problem':<10}{'':<4}{'parameter':>15}{'certified sd':>20}"
        f"{'exact Jacobian':>18}{'digits':>8}{'central diff.':>18}{'digits':>8}"
    )
    lines = [
        "NIST StRD, nonlinear regression: standard deviations of the parameters at the certified solution",
        "",
        header,
        "-" * len(header),
    ]
    for c in comparisons:
        columns = (c.problem.certified, c.problem.certified_sd, c.sd, c.digits, c.central_sd, c.central_digits)
        rows = zip(*columns, strict=True)
        for j, (value, certified, sd, digits, central_sd, central_digits) in enumerate(rows, 1):
            lines.append(
                f"{c.problem.name if j == 1 else '':<10}{f'b{j}':<4}{value:>#15.9g}{certified:>#20.11g}"
                f"{sd:>#18.11g}{digits:>8.1f}{central_sd:>#18.11g}{central_digits:>8.1f}"
            )
    return lines


def _cost_lines(comparisons: list[Comparison]) -> list[str]:
    groups = (
        f"{'':<30}{'Jacobian of residuals, ms':>26}{'Hessian of their squares, ms':>30}"
        f"{'smallest':>12}{'Newton':>8}"
    )
    header = (
        f"{'problem':<12}{'level':<8}{'n':>5}{'p':>5}{'exact':>14}{'central':>12}"
        f"{'exact':>12}{'central':>10}{'agree':>8}{'eigenvalue':>12}{'digits':>8}"
    )
    lines = [groups, header, "-" * len(header)]
    for c in comparisons:
        ms = {name: 1e3 * seconds for name, seconds in c.seconds.items()}
        lines.append(
            f"{c.problem.name:<12}{c.problem.level:<8}{c.problem.y.size:>5}{c.problem.certified.size:>5}"
            f"{ms['jacobian']:>14.3f}{ms['central_jacobian']:>12.3f}{ms['hessian']:>12.3f}{ms['central_hessian']:>10.3f}"
            f"{c.hessian_digits:>8.1f}{c.eigenvalue:>12.1e}{c.newton_digits:>8.1f}"
        )
    return [
        *lines,
        "",
        "agree: digits in which both Hessians agree. Smallest eigenvalue: of the exact one scaled to a unit diagonal.",
        "Newton digits: digits of the certified parameters that a step with exact derivatives leaves as they are.",
    ]
