"""Implicit derivatives of roots, against closed forms."""

import numpy as np
import pytest

import dualdiff as dd
from dualdiff.errors import DifferentiationValueError
from dualdiff.scipy import optimize

ROOTS = {
    "brentq": lambda f, a: optimize.brentq(f, 0.1, 9.0, args=(a,)),
    "brentq closure": lambda f, a: optimize.brentq(lambda x: f(x, a), 0.1, 9.0),
    "newton": lambda f, a: optimize.newton(f, 1.0, args=(a,)),
    "newton full": lambda f, a: optimize.newton(f, 1.0, args=(a,), full_output=True)[0],
    "newton slope": lambda f, a: optimize.newton(f, 1.0, fprime=lambda x, a: 3*x*x, args=(a,)),
    "fsolve": lambda f, a: optimize.fsolve(f, np.array([1.0]), args=(a,))[0],
    "fsolve full": lambda f, a: optimize.fsolve(f, [1.0], args=a, full_output=True)[0][0],
    "root": lambda f, a: optimize.root(f, np.array([1.0]), args=(a,)).x[0],
    "root lm": lambda f, a: optimize.root(lambda x: f(x, a), [1.0], method="lm").x[0],
}


@pytest.mark.parametrize("name", ROOTS)
def test_cube_root_to_third_order(name):
    def f(a):
        return ROOTS[name](lambda x, a: x**3 - a, a)

    exact = [2.0, 1/12, -1/144, 5/3456]
    assert f(8.0) == pytest.approx(2.0, rel=1e-8)
    for order in (1, 2, 3):
        assert dd.derivative(f, order=order)(8.0) == pytest.approx(exact[order], rel=1e-13)


def system(x, a, b):
    return np.stack([x[0]*x[1] - a, x[0] - b*x[1]])


def test_system_of_two():
    # x1 = sqrt(a/b), x0 = b x1
    def f(p):
        return optimize.root(system, np.array([1.0, 1.0]), args=(p[0], p[1])).x

    def closed(p):
        return np.stack([np.sqrt(p[0]*p[1]), np.sqrt(p[0]/p[1])])

    p = np.array([2.0, 3.0])
    np.testing.assert_allclose(f(p), closed(p), rtol=1e-10)
    np.testing.assert_allclose(dd.jacobian(f)(p), dd.jacobian(closed)(p), rtol=1e-13)
    np.testing.assert_allclose(dd.jacobian(dd.jacobian(f))(p), dd.jacobian(dd.jacobian(closed))(p), rtol=1e-12)
    np.testing.assert_allclose(dd.hessian(lambda p: np.sum(f(p)))(p), dd.hessian(lambda p: np.sum(closed(p)))(p),
                               rtol=1e-12, atol=1e-14)


def test_newton_on_arrays():
    def f(a):
        return optimize.newton(lambda x: x*x - a, np.ones(3))

    a = np.array([2.0, 3.0, 5.0])
    np.testing.assert_allclose(dd.jacobian(f)(a), np.diag(0.5/np.sqrt(a)), rtol=1e-13)
    np.testing.assert_allclose(dd.derivative(f, order=2)(a), -0.25*a**-1.5, rtol=1e-13)


def test_nested_roots():
    def outer(a):
        return optimize.brentq(lambda x: x - 1.0 - a*optimize.brentq(lambda t: t*t - x, 0.0, 9.0), 0.5, 9.0)

    # x = 1 + a sqrt(x): sqrt(x) = (a + sqrt(a a + 4))/2
    closed = lambda a: ((a + np.sqrt(a*a + 4))/2)**2
    for order in (1, 2):
        want = dd.derivative(closed, order=order)(0.7)
        assert dd.derivative(outer, order=order)(0.7) == pytest.approx(want, rel=1e-12)


def test_refusals():
    with pytest.raises(DifferentiationValueError, match="singular"):
        dd.derivative(lambda a: optimize.newton(lambda x: (x - a)**2, 1.0))(1.0)
    with pytest.raises(DifferentiationValueError, match="no root"):
        dd.derivative(lambda a: optimize.root(lambda x: x*x + a, np.array([1.0])).x[0])(1.0)
