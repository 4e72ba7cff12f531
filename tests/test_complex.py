"""Complex numbers: holomorphic derivatives, and real derivatives through complex intermediates."""

import mpmath
import numpy as np
import pytest

import dualdiff as dd

Z = 0.7 - 1.2j

HOLOMORPHIC = {
    "exp": (np.exp, mpmath.exp),
    "product": (lambda z: np.sin(z) ** 3 / z, lambda z: mpmath.sin(z) ** 3 / z),
    "log": (np.log, mpmath.log),
    "sqrt": (lambda z: np.sqrt(1 + z * z), lambda z: mpmath.sqrt(1 + z * z)),
    "power": (lambda z: z**2.5, lambda z: mpmath.power(z, 2.5)),
    "tanh": (np.tanh, mpmath.tanh),
    "arctan": (np.arctan, mpmath.atan),
    "sinh cosh": (lambda z: np.sinh(z) * np.cosh(2 * z), lambda z: mpmath.sinh(z) * mpmath.cosh(2 * z)),
    "reciprocal": (lambda z: 1 / (z - 1j), lambda z: 1 / (z - mpmath.mpc(0, 1))),
    "polynomial": (lambda z: z**5 - 2j * z + 1, lambda z: z**5 - mpmath.mpc(0, 2) * z + 1),
}


@pytest.mark.parametrize("name", HOLOMORPHIC)
@pytest.mark.parametrize("order", [1, 2, 3])
def test_holomorphic_derivative(name, order):
    f, exact = HOLOMORPHIC[name]
    with mpmath.workdps(40):
        want = complex(mpmath.diff(exact, mpmath.mpmathify(Z), order))
    got = dd.derivative(f, order=order, holomorphic=True)(Z)
    assert np.shape(got) == ()
    assert abs(got - want) <= 1e-12 * abs(want)
    array = dd.derivative(f, order=order, holomorphic=True)(np.array([Z, 0.3 + 0.1j]))
    assert abs(array[0] - want) <= 1e-12 * abs(want)


def test_holomorphic_jacobian_and_hessian():
    z = np.array([1 + 2j, 3 - 1j])
    np.testing.assert_allclose(
        dd.jacobian(lambda z: [z[0] * z[1], np.exp(z[0])], holomorphic=True)(z),
        [[z[1], z[0]], [np.exp(z[0]), 0]], rtol=1e-15,
    )
    np.testing.assert_allclose(
        dd.hessian(lambda z: z[0] ** 2 * z[1], holomorphic=True)(z), [[2 * z[1], 2 * z[0]], [2 * z[0], 0]], rtol=1e-15
    )
    y, t = dd.jvp(np.square, (z,), (np.array([1j, 2.0]),), holomorphic=True)
    np.testing.assert_allclose(y, z**2, rtol=1e-15)
    np.testing.assert_allclose(t, 2 * z * np.array([1j, 2.0]), rtol=1e-15)
    assert dd.jacobian(np.exp, holomorphic=True)(np.array([1.0], dtype=np.float32)).dtype == np.complex64


@pytest.mark.parametrize("f", [np.abs, np.conj, np.real, np.imag, np.angle], ids=lambda f: f.__name__)
def test_functions_without_a_complex_derivative(f):
    for order in (1, 2):
        with pytest.raises(dd.DifferentiationTypeError, match="holomorphic"):
            dd.derivative(f, order=order, holomorphic=True)(Z)


@pytest.mark.parametrize("transform", [dd.derivative, dd.jacobian, dd.grad, dd.hessian])
def test_complex_points_need_to_be_asked_for(transform):
    for z in (Z, np.array(Z), np.array([Z])):
        with pytest.raises(dd.DifferentiationTypeError, match="holomorphic=True"):
            transform(lambda z: z * z)(z)


def test_complex_results_of_real_points_are_refused():
    with pytest.raises(dd.DifferentiationTypeError, match=r"np\.real"):
        dd.derivative(lambda x: np.exp(1j * x))(0.3)


W = np.exp(2j * np.pi * np.outer(np.arange(4), np.arange(4)) / 4)

REAL = {
    "modulus of a transform": lambda v: np.abs(np.fft.fft(v))[1],
    "power spectrum": lambda v: np.sum(np.abs(np.fft.rfft(v * v)) ** 2),
    "phase": lambda v: np.angle(v[0] + 1j * v[1] ** 2) * v[2],
    "real part of a solve": lambda v: np.real(np.linalg.solve(W + np.diag(v), np.ones(4)))[2],
    "imaginary part of a product": lambda v: np.imag((v * np.exp(1j * v)) @ W[1]),
    "conjugate": lambda v: np.real(np.conj(np.exp(1j * v)) @ np.sin(v)),
    "log of the determinant": lambda v: np.linalg.slogdet(W + 1j * np.diag(v))[1],
    "complex array built by hand": lambda v: np.abs(np.stack([v[0] + 1j * v[1], v[2]]) @ np.array([1.0, 1j])),
}


@pytest.mark.parametrize("name", REAL)
def test_real_derivatives_through_complex_numbers(name):
    f, v, h = REAL[name], np.array([0.4, 1.3, -0.8, 0.9]), 1e-3
    eye = np.eye(4) * h

    def difference(g):
        # Central differences extrapolated twice: O(h^6).
        rows = [
            [(g(v + e * s) - g(v - e * s)) / (2 * h * s) for s in (1.0, 0.5, 0.25)] for e in eye
        ]
        return np.stack([(64 * c - 20 * b + a) / 45 for a, b, c in rows], axis=-1)

    gradient = dd.grad(f)
    np.testing.assert_allclose(gradient(v), difference(f), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(dd.hessian(f)(v), difference(gradient), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(dd.jacobian(gradient)(v), dd.hessian(f)(v), rtol=1e-12, atol=1e-12)
