"""How a case of the NumPy tests is checked: one function, one point, every kind of number.

Derivatives of all orders and kinds are held against extrapolated central differences of the plain function, values and
dtypes against NumPy's own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from problems import TOLERANCES, assert_close, numdiff, numdiff2

import dualdiff as dd

# No two entries, and no entry and a threshold of the cases, are nearer than the steps of the differences.
MATRIX = np.array([[1.93, 2.57, 1.12], [0.31, 3.13, 4.24]])
VECTOR = np.array([0.72, -1.31, 2.18, 1.43])


@dataclass(frozen=True)
class Case:
    """A function of an array; ``scale`` says how much coarser than usual the differences are."""

    name: str
    f: Callable
    x: np.ndarray = field(default_factory=MATRIX.copy)
    step: float = 0.04
    scale: float = 1.0

    def __str__(self):
        return self.name


def in_place(change):
    """The function that changes a copy of its argument by ``change`` and returns it."""

    def f(x):
        y = x.copy()
        change(y)
        return y

    return f


def dual(x, k=2, dtype=None):
    planes = np.random.default_rng(k).uniform(-1.0, 1.0, (k, *x.shape))
    x = x.copy() if dtype is None else x.astype(dtype)
    return dd.DualArray(x, planes.astype(x.dtype))


def hyper(x, k1=2, k2=3):
    """A hyper-dual array with unequal seeds and a second-order part of its own."""
    rng = np.random.default_rng((k1, k2))
    return dd.HyperDualArray(x.copy(), *(rng.uniform(-1.0, 1.0, (*k, *x.shape)) for k in ((k1,), (k2,), (k1, k2))))


def array(y):
    return dd.pack(y) if isinstance(y, (list, np.ndarray)) else y


def check_derivatives_of(case):
    """First and second derivatives: hyper-duals with equal seeds, with unequal ones, nesting, and reverse mode."""
    f, x, n = case.f, case.x, case.x.ndim
    first, second = TOLERANCES[False]
    jacobian, hessian = dd.jacobian(f)(x), dd.hessian(f)(x)
    assert_close(jacobian, numdiff(f, x, step=case.step), 10 * first * case.scale)
    assert_close(hessian, numdiff2(f, x, step=case.step), 10 * second * case.scale)
    assert_close(dd.jacobian(dd.jacobian(f))(x), hessian, 1e-12)
    assert_close(dd.jacobian(f, mode="reverse")(x), jacobian, 1e-13)
    assert_close(dd.hessian(f, mode="reverse")(x), hessian, 1e-12)
    z = hyper(x)
    y = array(f(hyper(x)))
    axes = list(range(-n, 0))

    def along(derivative, planes):
        return np.moveaxis(np.tensordot(derivative, planes, (axes, axes)), -1, 0)

    assert_close(y.e1, along(jacobian, z.e1), 1e-13)
    assert_close(y.e2, along(jacobian, z.e2), 1e-13)
    curved = np.stack([[along(along(hessian, b[None])[0], a[None])[0] for b in z.e2] for a in z.e1])
    straight = np.stack([along(jacobian, row) for row in z.e12])
    assert_close(y.e12, curved + straight, 1e-12)


def check_value_of(case):
    """NumPy's values, shapes and dtypes, in double and single precision, with and without tangents."""
    for dtype in (np.float64, np.float32):
        want = np.asarray(case.f(case.x.astype(dtype)))
        got = array(case.f(dual(case.x, dtype=dtype)))
        assert (np.float64 if isinstance(got, dd.Dual) else got.dtype) == want.dtype
        assert got.tangent.dtype == want.dtype and got.tangent.shape == (2, *want.shape)
        np.testing.assert_allclose(got.value, want, rtol=1e-14 if dtype is np.float64 else 1e-5, atol=1e-300)
    assert array(case.f(dual(case.x, k=0))).tangent.shape == (0, *want.shape)
    x = dual(case.x)
    before = x.value.copy(), x.tangent.copy()
    case.f(x)
    np.testing.assert_array_equal(x.value, before[0])
    np.testing.assert_array_equal(x.tangent, before[1])
