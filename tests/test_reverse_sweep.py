"""Reverse mode against forward mode: every conformance case, every function of NumPy that is supported, every row.

The pairing ``⟨w, J v⟩ = ⟨Jᵀ w, v⟩`` holds for all v and w exactly when the two modes give the same Jacobian, so the law
is checked with one random v and w, and the whole matrix beside it. The references of forward mode are independent ones
(`test_conformance`, `test_numpy_*`, `test_rules_sweep`).
"""

import warnings
from collections import Counter

import numpy as np
import pytest
import test_coverage
from conformance import CASES
from numpy_cases import Case
from problems import assert_close
from test_coverage import A, X

import dualdiff as dd
from dualdiff import coverage, rules
from dualdiff.numpy_rules import RULES
from dualdiff.numpy_rules.transposes import RECORDED

# What reverse mode hands to forward mode, and why.
FORWARD_ONLY = {
    "mean of a list": "NumPy converts the quotient of the object array by the dtype of its sum, which is refused",
}
DIFFERENTIABLE = [case for case in CASES if not (case.refused or case.foreign)]
SWEPT = [case for case in DIFFERENTIABLE if case.name not in FORWARD_ONLY]


def quiet(call):
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return call()


def assert_same(got, want, rtol):
    got, want = np.asarray(got), np.asarray(want)
    assert got.shape == want.shape
    assert got.dtype == want.dtype
    scale = max(1.0, np.max(np.abs(want), where=np.isfinite(want), initial=0.0))
    np.testing.assert_allclose(got, want, rtol=rtol, atol=rtol * scale)


@pytest.mark.parametrize("case", SWEPT, ids=lambda case: f"{case.group}-{case.name}")
def test_case_obeys_the_inner_product_law(case):
    rng = np.random.default_rng(7)
    v = rng.uniform(-1.0, 1.0, np.shape(case.x))
    y, moved = quiet(lambda: dd.jvp(case.f, (case.x,), (v,)))
    value, pullback = quiet(lambda: dd.vjp(case.f, case.x))
    assert_same(value, y, 1e-15)
    w = rng.uniform(-1.0, 1.0, np.shape(y))
    (back,) = quiet(lambda: pullback(w))
    assert np.shape(back) == np.shape(case.x)
    left, right = np.sum(w * moved), np.sum(back * v)
    size = 1.0 + np.sum(np.abs(w * moved)) + np.sum(np.abs(back * v))
    if np.isfinite(left):
        assert abs(left - right) <= 1e-11 * size
    assert_same(quiet(lambda: dd.jacobian(case.f, mode="reverse")(case.x)),
                quiet(lambda: dd.jacobian(case.f, mode="forward")(case.x)), 1e-11)


@pytest.mark.parametrize("case", SWEPT, ids=lambda case: f"{case.group}-{case.name}")
def test_second_order_is_that_of_hyper_duals(case):
    """Forward over reverse, and reverse over reverse."""
    want = quiet(lambda: dd.hessian(case.f, mode="forward")(case.x))
    got = quiet(lambda: dd.hessian(case.f, mode="reverse")(case.x))
    assert_same(got, want, 1e-9)
    assert np.array_equal(got, np.swapaxes(got, -1, -2) if np.ndim(case.x) == 1 else got, equal_nan=True)
    twice = dd.jacobian(dd.jacobian(case.f, mode="reverse"), mode="reverse")
    assert_same(quiet(lambda: twice(case.x)), want, 1e-9)


def test_what_falls_back_is_served_by_auto():
    names = {case.name: case for case in DIFFERENTIABLE}
    for name in FORWARD_ONLY:
        case = names[name]
        with pytest.raises(dd.DualDiffError):
            dd.jacobian(case.f, mode="reverse")(case.x)
        np.testing.assert_array_equal(dd.jacobian(case.f)(case.x), dd.jacobian(case.f, mode="forward")(case.x))


def test_the_sweep_is_of_all_cases():
    assert len(SWEPT) >= 440
    assert len(Counter(case.group for case in SWEPT)) >= 10


def test_the_sweep_sees_a_wrong_transpose(monkeypatch):
    case = Case("cumsum", lambda x: np.cumsum(x**2), np.array([1.0, 2.0, 3.0]))
    wrong = dict(RECORDED)
    wrong[np.cumsum] = lambda a, axis=None, **_: RECORDED[np.cumsum](a[::-1], 0)
    from dualdiff import _reverse, reverse

    _reverse.bind(reverse, reverse._UNARY_INDEX, reverse._BINARY_INDEX, wrong, reverse.METHODS)
    try:
        with pytest.raises(AssertionError):
            assert_same(dd.jacobian(case.f, mode="reverse")(case.x), dd.jacobian(case.f, mode="forward")(case.x), 1e-11)
    finally:
        _reverse.bind(reverse, reverse._UNARY_INDEX, reverse._BINARY_INDEX, RECORDED, reverse.METHODS)


# -- every function of NumPy -------------------------------------------------------------------------------------------

RUN = test_coverage.RUN


def numbers_in(result):
    """All floating numbers of a result, in one row."""
    if isinstance(result, list | tuple):
        parts = [numbers_in(one) for one in result]
        return np.concatenate(parts) if parts else np.zeros(0)
    if result is None or isinstance(result, str | np.dtype | type):
        return np.zeros(0)
    dtype = np.asarray(dd.value(result)).dtype
    if dtype.kind == "c":
        return np.concatenate([np.ravel(np.real(result)), np.ravel(np.imag(result))])
    return np.ravel(result) if dtype.kind in "f" else np.zeros(0)


def call_of(namespace, name):
    if name in test_coverage.CALLS:
        return test_coverage.CALLS[name]
    function = dict(coverage.public(namespace))[name]
    arguments, _ = quiet(lambda: test_coverage.first_that_runs(function))
    return lambda x, a: function(*arguments(x, a))


@pytest.mark.parametrize(("namespace", "name"), RUN, ids=lambda part: part.replace("numpy", "np"))
def test_supported_functions_are_recorded(namespace, name):
    """Coverage: whatever forward mode serves, reverse mode serves, with the same derivatives at both orders."""
    call = call_of(namespace, name)
    point = np.concatenate([X, A.ravel()])

    def f(z):
        return numbers_in(call(z[:3], np.reshape(z[3:], A.shape))) + 0.0 * z[0]

    want = quiet(lambda: dd.jacobian(f, mode="forward")(point))
    assert_same(quiet(lambda: dd.jacobian(f, mode="reverse")(point)), want, 1e-10)
    want = quiet(lambda: dd.hessian(f, mode="forward")(point))
    assert_same(quiet(lambda: dd.hessian(f, mode="reverse")(point)), want, 1e-8)


def test_every_transpose_belongs_to_an_entry_of_the_registry():
    assert not [function for function in RECORDED if function not in RULES and not isinstance(function, np.ufunc)]


# -- every row ---------------------------------------------------------------------------------------------------------


def row_function(rule):
    if rule.numpy:
        return getattr(np, rule.name)
    return getattr(dd, rule.name, None)


POINTS = np.array([-2.5, -1.0, -0.4, 0.0, 0.3, 1.0, 1.5, 800.0, -800.0, np.inf, -np.inf, np.nan])


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("rule", rules.UNARY, ids=lambda rule: rule.name)
def test_rows_of_one_variable_agree_everywhere(rule, strict):
    """Kinks, poles, ends of domains: the modes promise the same, since they read the same row."""
    f = row_function(rule)
    if f is None:
        pytest.skip("root is there for np.std alone")
    want = quiet(lambda: dd.derivative(f, strict=strict)(POINTS))
    (got,) = quiet(lambda: dd.vjp(f, POINTS, strict=strict)[1](np.ones(POINTS.size)))
    np.testing.assert_array_equal(got, want)
    (got,) = quiet(lambda: dd.vjp(f, POINTS, strict=strict)[1](np.zeros(POINTS.size)))
    np.testing.assert_array_equal(got, np.zeros(POINTS.size))
    for x in POINTS:
        scalar = quiet(lambda x=x: dd.grad(f, mode="reverse", strict=strict)(x))
        # A scalar's value is libm's, an array's NumPy's.
        np.testing.assert_allclose(scalar, quiet(lambda x=x: dd.grad(f, mode="forward", strict=strict)(x)), rtol=1e-15)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("rule", [rule for rule in rules.BINARY if rule.numpy], ids=lambda rule: rule.name)
def test_rows_of_two_variables_agree_everywhere(rule, strict):
    f = getattr(np, rule.name)
    grid = np.array([-1.5, -1.0, 0.0, 0.5, 1.0, 2.0, np.inf])
    x, y = (part.ravel() for part in np.meshgrid(grid, grid))
    if rule.name == "ldexp":
        y = np.where(np.isfinite(y), y, 3.0).astype(int)
        want = quiet(lambda: dd.derivative(lambda u: f(u, y), strict=strict)(x))
        (got,) = quiet(lambda: dd.vjp(lambda u: f(u, y), x, strict=strict)[1](np.ones(x.size)))
        np.testing.assert_array_equal(got, want)
        return
    unit, zero = np.ones(x.size), np.zeros(x.size)
    back = quiet(lambda: dd.vjp(f, x, y, strict=strict)[1](unit))
    for i, tangents in enumerate(((unit, zero), (zero, unit))):
        want = quiet(lambda t=tangents: dd.jvp(f, (x, y), t, strict=strict)[1])
        np.testing.assert_allclose(back[i], want, rtol=4e-16, atol=0.0)
    for part in quiet(lambda: dd.vjp(f, x, y, strict=strict)[1](zero)):
        np.testing.assert_array_equal(part, zero)


def test_closed_forms_of_the_rows():
    x = np.array([0.3, 0.8])
    assert_close(dd.grad(lambda v: np.sum(np.tan(v)), mode="reverse")(x), 1.0 / np.cos(x) ** 2, 1e-15)
