"""Figures that NIST certified, and derivatives of NIST's models taken by other means."""

import dataclasses
import subprocess
import sys
from importlib.metadata import entry_points

import mpmath
import numpy as np
import pytest

import dualdiff as dd
from dualdiff import nist
from dualdiff.__main__ import main

PROBLEMS = nist.problems()
every_problem = pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.name)


def formula(problem, functions, constant):
    """NIST's own text as a function of one observation: independent of the NumPy models."""
    code = compile(problem.formula.split("=")[-1].strip(), problem.name, "eval")

    def model(b, x):
        names = {f"b{j}": value for j, value in enumerate(b, 1)}
        names |= {"x": x} if np.ndim(x) == 0 else {"x1": x[0], "x2": x[1]}
        return eval(code, functions | {"pi": constant}, names)

    return model


def reference_hessian(problem):
    """Hessian of the residual sum of squares: NIST's text and second differences, both with 60 digits."""
    functions = {"exp": mpmath.exp, "cos": mpmath.cos, "sin": mpmath.sin, "arctan": mpmath.atan}
    p = problem.certified.size
    hessian = np.empty((p, p))
    with mpmath.workdps(60):
        model = formula(problem, functions, +mpmath.pi)
        data = [(mpmath.matrix(x) if np.ndim(x) else mpmath.mpf(x), mpmath.mpf(y)) for x, y in zip(
            problem.x.tolist(), problem.y.tolist(), strict=True)]
        b = [mpmath.mpf(value) for value in problem.certified.tolist()]
        h = [abs(value) * mpmath.mpf(10) ** -18 for value in b]

        def rss(*moves):
            point = list(b)
            for j, sign in moves:
                point[j] += sign * h[j]
            return mpmath.fsum((y - model(point, x)) ** 2 for x, y in data)

        for i in range(p):
            for j in range(i + 1):
                corners = [s * t * rss((i, s), (j, t)) for s in (1, -1) for t in (1, -1)]
                hessian[i, j] = hessian[j, i] = mpmath.fsum(corners) / (4 * h[i] * h[j])
    return hessian


def unit_diagonal(hessian, like):
    scale = 1.0 / np.sqrt(np.diag(like))
    return scale * hessian * scale[:, None]


# The data and the models ---------------------------------------------------------------------------------------------


def test_eighteen_problems_ship_with_the_package():
    assert [problem.name for problem in PROBLEMS] == sorted(nist.MODELS)
    assert len(PROBLEMS) == 18
    for problem in PROBLEMS:
        assert problem.x.shape[0] == problem.y.size
        assert problem.certified.shape == problem.certified_sd.shape == problem.start[0].shape == problem.start[1].shape


@every_problem
@pytest.mark.parametrize("point", ["certified", 0, 1])
def test_models_are_nists_formulas(problem, point):
    b = problem.certified if point == "certified" else problem.start[point]
    functions = {name: getattr(np, name) for name in ("exp", "cos", "sin", "arctan")}
    model = formula(problem, functions, np.pi)
    with np.errstate(over="ignore"):
        expected = [model(b, x) for x in problem.x]
        np.testing.assert_allclose(problem.model(b, problem.x), expected, rtol=1e-14)


# Not Lanczos1: its residuals, 1e-13, are smaller than the rounding of the certified parameters.
@pytest.mark.parametrize("problem", [p for p in PROBLEMS if p.name != "Lanczos1"], ids=lambda problem: problem.name)
def test_residuals_have_the_certified_sum_of_squares(problem):
    computed = nist.residual_sum_of_squares(problem.certified, problem)
    np.testing.assert_allclose(computed, problem.rss, rtol=1e-9)
    degrees = problem.y.size - problem.certified.size
    np.testing.assert_allclose(np.sqrt(computed / degrees), problem.residual_sd, rtol=1e-9)


# Exact derivatives ---------------------------------------------------------------------------------------------------


@every_problem
def test_standard_deviations_are_the_certified_ones(problem):
    jacobian = dd.jacobian(nist.residuals)(problem.certified, problem)
    assert jacobian.shape == (problem.y.size, problem.certified.size)
    sd = nist.standard_deviations(jacobian, problem.residual_sd)
    assert nist.correct_digits(sd, problem.certified_sd).min() >= 9.0


@every_problem
def test_jacobian_is_that_of_a_complex_step(problem):
    b = problem.certified
    moved = b + 1e-30j * np.diag(b)
    expected = np.stack([nist.residuals(point, problem).imag for point in moved], axis=-1) / (1e-30 * b)
    computed = dd.jacobian(nist.residuals)(b, problem)
    np.testing.assert_allclose(computed, expected, rtol=1e-13, atol=1e-14 * np.abs(expected).max(axis=0).min())


@every_problem
def test_hessian_is_that_of_sixty_digits(problem):
    computed = dd.hessian(nist.residual_sum_of_squares)(problem.certified, problem)
    expected = reference_hessian(problem)
    np.testing.assert_array_equal(computed, computed.T)
    np.testing.assert_allclose(
        unit_diagonal(computed, expected), unit_diagonal(expected, expected), rtol=0.0, atol=1e-12
    )


@every_problem
def test_hessian_of_squares_is_gauss_newton_and_curvature(problem):
    b = problem.certified
    residuals, jacobian = dd.value_and_jacobian(nist.residuals)(b, problem)
    curvature = dd.hessian(nist.residuals)(b, problem)
    assert curvature.shape == (problem.y.size, b.size, b.size)
    expected = 2.0 * (jacobian.T @ jacobian + np.tensordot(residuals, curvature, axes=1))
    computed = dd.hessian(nist.residual_sum_of_squares)(b, problem)
    np.testing.assert_allclose(
        unit_diagonal(computed, expected), unit_diagonal(expected, expected), rtol=0.0, atol=1e-13
    )


@every_problem
def test_central_differences_agree_as_far_as_they_can(problem):
    comparison = nist.compare(problem, repeats=1)
    assert comparison.central_digits.min() > 6.0
    assert comparison.hessian_digits > 4.0
    assert comparison.newton_digits > 10.0
    assert comparison.eigenvalue > 0.0


# Statistics ----------------------------------------------------------------------------------------------------------


def test_standard_deviations_do_not_square_the_condition_number():
    # JᵀJ of this matrix is singular in double precision.
    jacobian = np.array([[1.0, 1.0], [0.0, 1e-9]])
    np.testing.assert_allclose(nist.standard_deviations(jacobian, 1.0), [1e9, 1e9], rtol=1e-7)


@pytest.mark.parametrize("jacobian", [np.zeros((3, 2)), np.full((3, 2), np.nan), np.array([[1.0, 0.0], [2.0, 0.0]])])
def test_standard_deviations_of_no_use_are_nan_and_count_as_wrong(jacobian):
    sd = nist.standard_deviations(jacobian, 1.0)
    assert np.isnan(sd).any()
    assert nist.correct_digits(sd, np.ones(2)).min() == 0.0


def test_correct_digits_lie_between_none_and_the_certified_ones():
    digits = nist.correct_digits(np.array([1.0, 1.0 + 1e-6, 3.0, -1.0, np.inf, np.nan]), np.ones(6))
    np.testing.assert_allclose(digits, [11.0, 6.0, 0.0, 0.0, 0.0, 0.0], atol=1e-9)


# The command line ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [[], ["nist"]])
def test_main_job_from_any_folder(arguments, tmp_path):
    run = subprocess.run(
        [sys.executable, "-m", "dualdiff", *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    lines = run.stdout.splitlines()
    assert lines[-1].startswith("PASS: 78 standard deviations")
    assert sum(line.startswith(("PASS", "FAIL")) for line in lines) == 1
    assert run.stdout.isascii() and max(map(len, lines)) <= 110
    for problem in PROBLEMS:
        assert sum(line.startswith(f"{problem.name} ") for line in lines) == 2


def test_console_script_is_the_same_function():
    (script,) = entry_points(group="console_scripts", name="dualdiff")
    assert script.load() is main


def spoil_certified(monkeypatch):
    problem = PROBLEMS[2]
    spoilt = dataclasses.replace(problem, certified_sd=problem.certified_sd * [1.0, 1.0 + 1e-7])
    monkeypatch.setattr(nist, "problems", lambda: [PROBLEMS[0], spoilt])


def spoil_jacobian(monkeypatch, factor=1.0 + 1e-6):
    jacobian = dd.jacobian
    monkeypatch.setattr(nist, "problems", lambda: [PROBLEMS[2]])
    monkeypatch.setattr(dd, "jacobian", lambda f: lambda *args: factor * jacobian(f)(*args))


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (spoil_certified, "FAIL: 1 of 4 standard deviations with fewer than 8 correct digits; the worst is b2 of Dan"),
        (spoil_jacobian, "FAIL: 2 of 2 standard deviations"),
        (lambda monkeypatch: spoil_jacobian(monkeypatch, 0.0), "FAIL: 2 of 2 standard deviations"),
        (lambda monkeypatch: spoil_jacobian(monkeypatch, np.nan), "FAIL: 2 of 2 standard deviations"),
    ],
    ids=["certified figure", "jacobian", "zero jacobian", "nan jacobian"],
)
def test_a_spoilt_figure_fails(spoil, line, monkeypatch, capsys):
    spoil(monkeypatch)
    assert main([]) == 1
    assert capsys.readouterr().out.splitlines()[-1].startswith(line)


@pytest.mark.parametrize("spoilt", [lambda h: -h, lambda h: h * np.nan, lambda h: h * [[1.0, 9.0], [9.0, 1.0]]])
def test_a_hessian_that_is_no_minimum_fails(spoilt, monkeypatch, capsys):
    hessian = dd.hessian
    monkeypatch.setattr(nist, "problems", lambda: PROBLEMS[:1])
    monkeypatch.setattr(dd, "hessian", lambda f: lambda *args: spoilt(hessian(f)(*args)))
    assert main([]) == 1
    assert capsys.readouterr().out.splitlines()[-1].startswith("FAIL: the Hessian is not positive definite")


def test_an_unknown_command_is_refused(capsys):
    with pytest.raises(SystemExit) as refusal:
        main(["nits"])
    assert refusal.value.code == 2
    assert "nist" in capsys.readouterr().err
