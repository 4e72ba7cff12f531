"""Derivatives of differential equations and integrals, against closed forms."""

import numpy as np
import pytest

import dualdiff as dd
from dualdiff.errors import UnsupportedFunctionError
from dualdiff.scipy import integrate

FINE = {"rtol": 1e-11, "atol": 1e-13}


def end(p, method="DOP853", **options):
    """The logistic equation at t = 1: parameters are rate and start."""
    found = integrate.solve_ivp(lambda t, y, r: r*y*(1.0 - y), (0.0, 1.0), p[1:], method, args=(p[0],), **FINE,
                                **options)
    return found.y[0, -1]


def closed(p, t=1.0):
    return 1.0/(1.0 + (1.0/p[1] - 1.0)*np.exp(-p[0]*t))


P = np.array([0.8, 0.3])


@pytest.mark.parametrize("method", ["RK45", "DOP853", "Radau", "BDF", "LSODA"])
def test_logistic_equation(method):
    tolerance = 1e-5 if method == "BDF" else 1e-8
    assert end(P, method) == pytest.approx(closed(P), rel=tolerance)
    np.testing.assert_allclose(dd.grad(end)(P, method), dd.grad(closed)(P), rtol=tolerance)
    if method in ("RK45", "DOP853"):
        np.testing.assert_allclose(dd.hessian(end)(P, method), dd.hessian(closed)(P), rtol=tolerance)


def test_nested_derivatives():
    np.testing.assert_allclose(dd.jacobian(dd.grad(end))(P), dd.hessian(closed)(P), rtol=1e-9)


def test_all_times_and_the_dense_solution():
    t = np.linspace(0.0, 1.0, 4)

    def f(p):
        found = integrate.solve_ivp(lambda t, y: p[0]*y*(1.0 - y), (0.0, 1.0), p[1:], "DOP853", t_eval=t,
                                    dense_output=True, **FINE)
        return np.concatenate([found.y[0], found.sol(0.6), found.sol(t)[0]])

    def exact(p):
        return np.concatenate([closed(p, t), np.stack([closed(p, 0.6)]), closed(p, t)])

    np.testing.assert_allclose(dd.jacobian(f)(P), dd.jacobian(exact)(P), rtol=1e-7, atol=1e-9)


def test_end_of_the_span():
    def f(q):
        return integrate.solve_ivp(lambda t, y: y*t, (q[0], q[1]), [1.0], "DOP853", **FINE).y[0, -1]

    exact = lambda q: np.exp(0.5*(q[1]**2 - q[0]**2))
    q = np.array([0.2, 1.1])
    assert f(q) == pytest.approx(exact(q), rel=1e-9)
    np.testing.assert_allclose(dd.grad(f)(q), dd.grad(exact)(q), rtol=1e-9)
    np.testing.assert_allclose(dd.hessian(f)(q), dd.hessian(exact)(q), rtol=1e-9)


def test_system():
    def f(w):
        found = integrate.solve_ivp(lambda t, y: np.stack([y[1], -w*w*y[0]]), (0.0, 2.0), [1.0, 0.0], "DOP853", **FINE)
        return found.y[:, -1]

    exact = lambda w: np.stack([np.cos(2.0*w), -w*np.sin(2.0*w)])
    for order in (1, 2):
        np.testing.assert_allclose(dd.derivative(f, order=order)(1.3), dd.derivative(exact, order=order)(1.3),
                                   rtol=1e-8)


def test_events_are_refused():
    def f(a):
        return integrate.solve_ivp(lambda t, y: a*y, (0.0, 1.0), [1.0], events=lambda t, y: y[0]).y[0, -1]

    with pytest.raises(UnsupportedFunctionError, match="events"):
        dd.derivative(f)(1.0)


INTEGRALS = {
    "parameter": (lambda p: integrate.quad(lambda x, a: np.exp(-a*x*x), 0.0, np.inf, args=(p,))[0],
                  lambda p: 0.5*np.sqrt(np.pi/p)),
    "closure": (lambda p: integrate.quad(lambda x: np.cos(p*x), 0.0, 2.0)[0], lambda p: np.sin(2.0*p)/p),
    "upper limit": (lambda p: integrate.quad(lambda x: x**3, 0.0, p)[0], lambda p: p**4/4.0),
    "both limits": (lambda p: integrate.quad(np.exp, -p, p*p)[0], lambda p: np.exp(p*p) - np.exp(-p)),
    "limit and parameter": (lambda p: integrate.quad(lambda x: np.sin(p*x), 0.0, p)[0],
                            lambda p: (1.0 - np.cos(p*p))/p),
    "whole line": (lambda p: integrate.quad(lambda x: np.exp(-p*x*x), -np.inf, np.inf)[0], lambda p: np.sqrt(np.pi/p)),
    "constant": (lambda p: p*integrate.quad(np.sin, 0.0, np.pi)[0], lambda p: 2.0*p),
}


@pytest.mark.parametrize("name", INTEGRALS)
def test_integrals_to_third_order(name):
    f, exact = INTEGRALS[name]
    assert f(1.3) == pytest.approx(exact(1.3), rel=1e-10)
    for order in (1, 2, 3):
        want = dd.derivative(exact, order=order)(1.3)
        assert dd.derivative(f, order=order)(1.3) == pytest.approx(want, rel=1e-10, abs=1e-12)
