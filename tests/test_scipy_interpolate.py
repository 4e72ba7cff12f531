"""Interpolants: SciPy's values, derivatives in values and places against SciPy's own and differences."""

import numpy as np
import pytest
import scipy.interpolate
from test_scipy_stats import differences

import dualdiff as dd
from dualdiff.errors import DifferentiationTypeError, DifferentiationValueError
from dualdiff.scipy import interpolate

X = np.array([0.0, 0.7, 1.5, 3.0, 3.6, 5.0])
Y = np.array([1.0, 2.5, 2.0, -1.0, -0.5, 4.0])
T = np.array([0.3, 0.7, 1.0, 2.9, 4.9, 5.5, -0.4])
KINDS = {
    "not-a-knot": (lambda m, y: m.CubicSpline(X, y), 3),
    "natural": (lambda m, y: m.CubicSpline(X, y, bc_type="natural"), 3),
    "clamped": (lambda m, y: m.CubicSpline(X, y, bc_type="clamped"), 3),
    "slopes": (lambda m, y: m.CubicSpline(X, y, bc_type=((1, 0.5), (2, -0.3))), 3),
    "pchip": (lambda m, y: m.PchipInterpolator(X, y), 3),
}


@pytest.mark.parametrize("kind", KINDS)
def test_values_and_derivatives_of_plain_interpolants(kind):
    make, degree = KINDS[kind]
    ours, theirs = make(interpolate, Y), make(scipy.interpolate, Y)
    for nu in range(degree + 1):
        np.testing.assert_allclose(ours(T, nu), theirs(T, nu), rtol=1e-12, atol=1e-12)
    for order in (1, 2, 3):
        np.testing.assert_allclose(dd.derivative(ours, order=order)(T), theirs(T, order), rtol=1e-12, atol=1e-12)
    assert np.isnan(ours(7.0, extrapolate=False))


@pytest.mark.parametrize("kind", KINDS)
def test_derivatives_in_values_and_places(kind):
    make, _ = KINDS[kind]

    def f(p):
        return make(interpolate, p[:6])(p[6:])

    p = np.concatenate([Y, T])
    np.testing.assert_allclose(f(p), make(scipy.interpolate, Y)(T), rtol=1e-12)
    # At the knot in T the third derivative jumps, which differences feel.
    np.testing.assert_allclose(dd.jacobian(f)(p), differences(f, p, 1e-4), rtol=1e-6, atol=2e-4)
    inner = np.delete(p, 7)
    np.testing.assert_allclose(dd.jacobian(f)(inner), differences(f, inner, 1e-4), rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(dd.hessian(lambda p: np.sum(np.sin(f(p))))(inner),
                               differences(dd.grad(lambda p: np.sum(np.sin(f(p)))), inner, 1e-4), rtol=1e-6, atol=1e-6)


def test_pchip_of_two_and_three_points():
    for n in (2, 3):
        ours, theirs = interpolate.PchipInterpolator(X[:n], Y[:n]), scipy.interpolate.PchipInterpolator(X[:n], Y[:n])
        np.testing.assert_allclose(ours(T), theirs(T), rtol=1e-12)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_axes(axis):
    y = np.moveaxis(np.stack([Y, Y**2]), -1, axis)
    for name in ("CubicSpline", "PchipInterpolator"):
        ours, theirs = (getattr(m, name)(X, y, axis=axis) for m in (interpolate, scipy.interpolate))
        for t in (T, T[:6].reshape(2, 3), 0.3):
            np.testing.assert_allclose(ours(t), theirs(t), rtol=1e-12)
        moved = dd.jvp(lambda s, axis=axis, name=name: getattr(interpolate, name)(X, s*y, axis=axis)(T), (1.0,), (1.0,))
        np.testing.assert_allclose(moved[1], theirs(T), rtol=1e-12)


@pytest.mark.parametrize("kind", ["linear", "cubic"])
def test_interp1d(kind):
    inside = T[:5]
    ours, theirs = (m.interp1d(X, np.stack([Y, Y**2]), kind) for m in (interpolate, scipy.interpolate))
    np.testing.assert_allclose(ours(inside), theirs(inside), rtol=1e-12)
    with pytest.raises(ValueError, match="outside"):
        ours(T)
    filled = [m.interp1d(X, Y, kind, bounds_error=False, fill_value=9.0)(T) for m in (interpolate, scipy.interpolate)]
    np.testing.assert_allclose(*filled, rtol=1e-12)
    beyond = [m.interp1d(X, Y, kind, fill_value="extrapolate")(T) for m in (interpolate, scipy.interpolate)]
    np.testing.assert_allclose(*beyond, rtol=1e-12)
    unit = np.eye(6)
    want = scipy.interpolate.interp1d(X, unit, kind)(inside).T
    np.testing.assert_allclose(dd.jacobian(lambda y: interpolate.interp1d(X, y, kind)(inside))(Y), want, atol=1e-14)


def test_refusals():
    with pytest.raises(DifferentiationTypeError, match="knots"):
        dd.derivative(lambda t: interpolate.CubicSpline(t*X, Y)(1.0))(1.0)
    with pytest.raises(DifferentiationValueError, match="increasing"):
        interpolate.PchipInterpolator(X[::-1], Y)
    with pytest.raises(DifferentiationValueError, match="entries"):
        interpolate.PchipInterpolator(X, Y[:3])
