"""`dualdiff.scipy.linalg`: SciPy's values on plain matrices, and both orders against differences."""

import numpy as np
import pytest
import scipy.linalg
from test_scipy_stats import differences

import dualdiff as dd
from dualdiff.scipy import linalg

rng = np.random.default_rng(7)
A = rng.normal(size=(3, 3)) + 3.0*np.eye(3)
B = rng.normal(size=(3, 2))
DA, DB = rng.normal(size=(2, 3, 3)), rng.normal(size=(2, 3, 2))
S = A @ A.T
DS = DA + np.swapaxes(DA, -1, -2)
P = np.array([0.1, -0.2])


def a(p):
    return A + p[0]*DA[0] + p[1]*DA[1]


def b(p):
    return B + p[0]*DB[0] + p[1]*DB[1]*p[0]


def s(p):
    return S + p[0]*DS[0] + p[1]*p[1]*DS[1]


CASES = {
    "solve": lambda p: linalg.solve(a(p), b(p)),
    "solve vector": lambda p: linalg.solve(a(p), b(p)[:, 0]),
    "solve transposed": lambda p: linalg.solve(a(p), b(p), transposed=True),
    "solve positive": lambda p: linalg.solve(np.triu(s(p)), b(p), assume_a="pos"),
    "triangular": lambda p: linalg.solve_triangular(a(p), b(p)),
    "triangular lower": lambda p: linalg.solve_triangular(a(p), b(p), lower=True, unit_diagonal=True),
    "triangular transposed": lambda p: linalg.solve_triangular(a(p), b(p)[:, 0], trans=1),
    "cholesky": lambda p: linalg.cholesky(s(p)),
    "cholesky lower": lambda p: linalg.cholesky(s(p), lower=True),
    "cho_solve": lambda p: linalg.cho_solve(linalg.cho_factor(s(p)), b(p)),
    "cho_solve lower": lambda p: linalg.cho_solve(linalg.cho_factor(s(p), lower=True), b(p)),
    "cho_solve constant": lambda p: linalg.cho_solve(linalg.cho_factor(S), b(p)),
    "lu_factor": lambda p: linalg.lu_factor(a(p)[::-1])[0],
    "lu_solve": lambda p: linalg.lu_solve(linalg.lu_factor(a(p)[::-1]), b(p)),
    "lu_solve transposed": lambda p: linalg.lu_solve(linalg.lu_factor(a(p)[::-1]), b(p)[:, 0], trans=1),
    "inv": lambda p: linalg.inv(a(p)),
    "det": lambda p: linalg.det(a(p)),
    "eigvalsh": lambda p: linalg.eigvalsh(s(p)),
    "eigh": lambda p: linalg.eigh(s(p))[1]**2,  # whatever their signs
    "eigh upper": lambda p: linalg.eigh(np.triu(s(p)), lower=False)[0],
    "eigh generalised": lambda p: linalg.eigh(s(p), s(p) @ s(p) + np.eye(3))[1]**2,
    "eigvalsh generalised": lambda p: linalg.eigvalsh(s(p), s(p) @ s(p) + np.eye(3)),
    "expm": lambda p: linalg.expm(0.3*a(p)),
    "expm batched": lambda p: linalg.expm(np.stack([0.3*a(p), 0.1*s(p)])),
    "logm": lambda p: linalg.logm(s(p)),
    "sqrtm": lambda p: linalg.sqrtm(s(p)),
}


@pytest.mark.parametrize("name", CASES)
def test_both_orders(name):
    f = CASES[name]
    tolerance = {"rtol": 1e-8, "atol": 1e-8}
    np.testing.assert_allclose(dd.value(dd.jvp(f, (P,), (np.ones(2),))[0]), f(P), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(dd.jacobian(f)(P), differences(f, P), **tolerance)
    np.testing.assert_allclose(dd.jacobian(dd.jacobian(f))(P), differences(dd.jacobian(f), P), **tolerance)
    np.testing.assert_allclose(dd.hessian(lambda p: np.sum(np.sin(f(p))))(P),
                               differences(dd.grad(lambda p: np.sum(np.sin(f(p)))), P), **tolerance)


@pytest.mark.parametrize("lower", [True, False])
def test_generalised_eigenvectors_are_those_of_scipy(lower):
    m = S @ S + np.eye(3)
    for i, theirs in enumerate(scipy.linalg.eigh(S, m)):
        ours = dd.jvp(lambda t, i=i: linalg.eigh(t*S, m, lower=lower)[i], (1.0,), (1.0,))[0]
        np.testing.assert_allclose(ours, theirs, rtol=1e-10)


def test_expm_of_a_nilpotent_matrix_is_exact():
    n = np.array([[0.0, 1.0], [0.0, 0.0]])
    np.testing.assert_allclose(dd.derivative(lambda t: linalg.expm(t*n), order=2)(1.5), np.zeros((2, 2)), atol=1e-15)
