"""Every name that SciPy's part of the library promises: first and second order in one table, against differences.

The sweeps of the other files say how accurate each is; this one says that nothing is missing.
"""

import numpy as np
import pytest
import scipy
from scipy import special

import dualdiff as dd
from dualdiff.scipy import integrate, interpolate, linalg, optimize, stats
from dualdiff.scipy import special as ours

A = np.array([[4.0, 1.0, 0.5], [1.0, 3.0, 0.2], [0.5, 0.2, 2.0]])
B = np.array([1.0, -2.0, 0.5])
T = np.linspace(0.0, 3.0, 7)
WEIGHTS = np.array([0.3, -1.0, 2.0])


def matrix(v):
    """A symmetric positive definite matrix of two variables."""
    return A + v[0]*np.diag([1.0, 2.0, 3.0]) + v[1]*np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])


def weighted(m):
    """One number of a matrix or a vector, which depends on every entry."""
    m = m.reshape(-1)
    return np.sum(m*np.cos(np.arange(m.shape[0])))


def eigen(values_of):
    return lambda v: np.sum(values_of(v)*WEIGHTS)


# Ufuncs, and functions that SciPy does not dispatch: one argument after the other at these points
UFUNCS = {
    "erf": (0.7,), "erfc": (0.7,), "erfcx": (0.7,), "erfi": (0.7,), "erfinv": (0.3,), "erfcinv": (0.3,),
    "gamma": (2.3,), "gammaln": (2.3,), "loggamma": (2.3,), "rgamma": (2.3,), "digamma": (2.3,), "psi": (2.3,),
    "beta": (2.3, 1.4), "betaln": (2.3, 1.4), "expit": (0.7,), "logit": (0.3,), "log_expit": (0.7,),
    "xlogy": (0.7, 1.4), "xlog1py": (0.7, 1.4), "entr": (0.7,), "rel_entr": (0.7, 1.4), "kl_div": (0.7, 1.4),
    "ndtr": (0.7,), "log_ndtr": (0.7,), "ndtri": (0.3,), "j0": (1.3,), "j1": (1.3,), "y0": (1.3,), "y1": (1.3,),
    "i0": (1.3,), "i1": (1.3,), "k0": (1.3,), "k1": (1.3,), "i0e": (1.3,), "i1e": (1.3,), "k0e": (1.3,), "k1e": (1.3,),
    "ellipk": (0.4,), "ellipe": (0.4,), "ellipkinc": (0.8, 0.4), "ellipeinc": (0.8, 0.4), "exp1": (1.3,),
    "expi": (1.3,), "gammainc": (2.3, 1.4), "gammaincc": (2.3, 1.4), "betainc": (2.3, 1.4, 0.3),
    "betaincc": (2.3, 1.4, 0.3), "stdtr": (4.5, 0.7), "fdtr": (4.5, 3.2, 0.7), "gdtr": (1.2, 2.3, 0.7),
    "chdtr": (4.5, 0.7), "owens_t": (0.7, 0.4), "voigt_profile": (0.7, 1.1, 0.4), "elliprf": (0.7, 1.1, 0.4),
    "elliprj": (0.7, 1.1, 0.4, 1.3), "boxcox": (0.7, 0.4), "inv_boxcox": (0.7, 0.4), "exprel": (0.7,),
    "spence": (0.7,), "dawsn": (0.7,), "kolmogorov": (0.9,), "zetac": (2.3,),
}
ONE = {
    "jv": lambda v: special.jv(1.5, v[0]), "iv": lambda v: special.iv(1.5, v[0]), "kv": lambda v: special.kv(1.5, v[0]),
    "jve": lambda v: special.jve(1.5, v[0]), "ive": lambda v: special.ive(1.5, v[0]),
    "kve": lambda v: special.kve(1.5, v[0]), "yv": lambda v: special.yv(1.5, v[0]),
    "sici": lambda v: special.sici(v[0])[0]*special.sici(v[1])[1],
    "ellipj": lambda v: special.ellipj(v[0], 0.4*v[1])[0],
    "wofz": lambda v: np.real(special.wofz(v[0] + 0.3)), "airy": lambda v: special.airy(v[0])[2],
    "polygamma": lambda v: ours.polygamma(1, v[0]), "zeta": lambda v: ours.zeta(2.0 + v[0], v[1]),
    "lambertw": lambda v: ours.lambertw(v[0]), "multigammaln": lambda v: ours.multigammaln(v[0] + 2.0, 3),
    "logsumexp": lambda v: ours.logsumexp(v), "softmax": lambda v: weighted(ours.softmax(v)),
    "log_softmax": lambda v: weighted(ours.log_softmax(v)),
    "spherical_jn": lambda v: ours.spherical_jn(2, v[0]),
}
LINALG = {
    "solve": lambda v: weighted(linalg.solve(matrix(v), B*v[0])),
    "solve_triangular": lambda v: weighted(linalg.solve_triangular(np.tril(matrix(v)), B, lower=True)),
    "cho_factor": lambda v: weighted(linalg.cho_solve(linalg.cho_factor(matrix(v)), B)),
    "lu_factor": lambda v: weighted(linalg.lu_solve(linalg.lu_factor(matrix(v)), B)),
    "expm": lambda v: weighted(linalg.expm(0.3*matrix(v))), "logm": lambda v: weighted(linalg.logm(matrix(v))),
    "sqrtm": lambda v: weighted(linalg.sqrtm(matrix(v))), "det": lambda v: linalg.det(matrix(v)),
    "inv": lambda v: weighted(linalg.inv(matrix(v))), "cholesky": lambda v: weighted(linalg.cholesky(matrix(v))),
    "eigh": eigen(lambda v: linalg.eigh(matrix(v))[0]), "eigvalsh": eigen(lambda v: linalg.eigvalsh(matrix(v))),
    "eigh, generalised": eigen(lambda v: linalg.eigh(matrix(v), A + v[0]*np.eye(3))[0]),
}
SOLVERS = {
    "root": lambda v: weighted(optimize.root(lambda x, v: x**3 + v[0]*x - v, np.ones(2), args=(v,), tol=1e-13).x),
    "fsolve": lambda v: weighted(optimize.fsolve(lambda x, v: x**3 + v[0]*x - v, np.ones(2), args=(v,), xtol=1e-13)),
    "brentq": lambda v: optimize.brentq(lambda x, a, b: x**3 + a*x - b, 0.0, 3.0, args=(v[0], v[1]), xtol=1e-14),
    "newton": lambda v: optimize.newton(lambda x, a, b: x**3 + a*x - b, 1.0, args=(v[0], v[1]), tol=1e-14),
    "quad": lambda v: integrate.quad(lambda t, a, b: np.exp(-a*t*t)*np.cos(b*t), v[1], v[0] + 1.0,
                                     args=(v[0], v[1]))[0],
    "solve_ivp": lambda v: integrate.solve_ivp(lambda t, y, a, b: np.stack([y[1], -a*y[0] - b*y[1]]), (0.0, 1.0), v,
                                               args=(v[0], v[1]), rtol=1e-12, atol=1e-12).y[0, -1],
    "CubicSpline": lambda v: interpolate.CubicSpline(T, np.sin(T*v[0]))(v[1] + 0.5),
    "PchipInterpolator": lambda v: interpolate.PchipInterpolator(T, np.exp(T*v[0]))(v[1] + 0.5),
    "interp1d": lambda v: interpolate.interp1d(T, np.sin(T*v[0]))(v[1] + 0.57),
}
SHAPES = {
    "norm": (), "t": (4.5,), "cauchy": (), "laplace": (), "logistic": (), "lognorm": (0.7,), "gamma": (2.3,),
    "invgamma": (1.7,), "beta": (2.5, 1.4), "expon": (), "weibull_min": (1.6,),
}
COUNTS = {"poisson": (2.5,), "binom": (0.3,), "nbinom": (3.5, 0.4)}


def family(name, kind):
    if name in SHAPES:
        return lambda v: getattr(getattr(stats, name), kind)(v[0], *v[3:], loc=v[1], scale=v[2])
    if name == "binom":
        return lambda v: getattr(stats.binom, kind)(2, 7, v[0])
    return lambda v: getattr(getattr(stats, name), kind)(2, *v)


CASES = {
    **{name: (lambda v, name=name: getattr(special, name)(*v), point) for name, point in UFUNCS.items()},
    **{name: (f, (0.7, 1.3)) for table in (ONE, LINALG, SOLVERS) for name, f in table.items()},
    **{f"{name}.{kind}": (family(name, kind), (0.4, 0.02, 1.1, *shapes)) for name, shapes in SHAPES.items()
       for kind in ("logpdf", "logcdf", "logsf")},
    **{f"{name}.{kind}": (family(name, kind), shapes) for name, shapes in COUNTS.items()
       for kind in ("logpmf", "logcdf", "logsf")},
    "multivariate_normal.logpdf": (lambda v: stats.multivariate_normal.logpdf(B, v[0]*WEIGHTS, matrix(v)), (0.7, 1.3)),
}


def differences(f, point, h=0.01):
    """Central differences of eighth order, along a new last axis."""
    weights = {1: 4/5, 2: -1/5, 3: 4/105, 4: -1/280}
    return np.stack([sum(w*(np.asarray(f(point + k*h*unit)) - f(point - k*h*unit)) for k, w in weights.items())/h
                     for unit in np.eye(len(point))], -1)


@pytest.mark.parametrize("name", CASES)
def test_first_and_second_order(name):
    f, point = CASES[name]
    point = np.array(point, float)
    gradient = dd.grad(f)
    # Solvers and inverses leave noise that a difference divides by its step.
    np.testing.assert_allclose(gradient(point), differences(lambda v: float(f(v)), point), rtol=2e-8, atol=1e-9)
    np.testing.assert_allclose(dd.hessian(f)(point), differences(gradient, point), rtol=2e-8, atol=1e-8)


def test_the_names_exist_in_scipy():
    assert all(hasattr(special, name.split(",")[0]) for name in (*UFUNCS, *ONE))
    assert all(hasattr(scipy.linalg, name.split(",")[0]) for name in LINALG)
