"""SciPy's solvers with exact derivatives: same answers, fewer evaluations than SciPy's own differences.

``python tests/test_scipy_clients.py`` prints the table of ``docs/how-to/scipy.md``.
"""

import doctest
import warnings
from pathlib import Path

import numpy as np
import pytest
import scipy.integrate
import scipy.optimize
import scipy.sparse
import scipy.stats

import dualdiff as dd
from dualdiff.scipy import integrate, likelihood, optimize, stats
from dualdiff.scipy.sparsity import Coloured, colour

N = 6
START = np.array([1.3, 0.7, 0.8, 1.9, 1.2, 1.1])


class Counted:
    """A function that counts its evaluations, and those at a plain x it has been at before."""

    def __init__(self, function):
        self.function, self.calls, self.__name__ = function, 0, function.__name__

    def __call__(self, *args, **kwargs):
        self.calls += 1
        return self.function(*args, **kwargs)


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def valley(x, a, b):
    return rosenbrock(x) * a + b


def decay(t, a, b, c):
    return a * np.exp(-b * t) + c


T = np.linspace(0.0, 4.0, 30)
Y = decay(T, 2.5, 1.3, 0.5) + 0.05 * np.sin(13.0 * T)


def residuals(p):
    return decay(T, p[0], p[1], p[2]) - Y


def broyden(x):
    """Broyden's tridiagonal system."""
    y = (3.0 - 2.0 * x) * x + 1.0
    y[1:] -= x[:-1]
    y[:-1] -= 2.0 * x[1:]
    return y


def kinetics(t, y):
    """Robertson's chemical kinetics, the standard stiff problem."""
    a, b, c = y
    fast = 1e4 * b * c
    slow = 3e7 * b * b
    return np.stack([-0.04 * a + fast, 0.04 * a - fast - slow, slow])


def heat(t, u):
    """Heat conduction on a rod with a source."""
    inner = np.concatenate([[0.0 * u[0]], u, [0.0 * u[0]]])
    return (inner[2:] - 2.0 * u + inner[:-2]) * (u.size + 1) ** 2 / 10.0 + u * (1.0 - u)


TRIDIAGONAL = scipy.sparse.diags_array([1.0, 1.0, 1.0], offsets=[-1, 0, 1], shape=(30, 30))
ROD = np.exp(-np.linspace(-2.0, 2.0, 30) ** 2)

# -- minimize ----------------------------------------------------------------------------------------------------------

GRADIENT = ("CG", "BFGS", "L-BFGS-B", "TNC", "SLSQP")
HESSIAN = ("Newton-CG", "dogleg", "trust-ncg", "trust-krylov", "trust-exact", "trust-constr")
FREE = ("Nelder-Mead", "Powell", "COBYLA", "COBYQA")
NEAR = {"dogleg": np.linspace(0.8, 1.2, N)}  # it needs a positive definite Hessian all the way


@pytest.mark.parametrize("method", [None, *GRADIENT, *HESSIAN])
def test_minimize_finds_the_minimum_by_every_method(method):
    f = Counted(valley)
    result = optimize.minimize(f, NEAR.get(method, START), (2.0, 1.0), method=method)
    np.testing.assert_allclose(result.x, 1.0, atol=2e-3)
    np.testing.assert_allclose(result.fun, 1.0, atol=1e-5)
    # One evaluation for each point, whatever is asked for there.
    assert f.calls <= result.nfev + 1


@pytest.mark.parametrize("method", GRADIENT)
def test_minimize_needs_fewer_evaluations_than_differences(method):
    exact, plain = Counted(rosenbrock), Counted(rosenbrock)
    optimize.minimize(exact, START, method=method)
    scipy.optimize.minimize(plain, START, method=method)
    assert 3 * exact.calls < plain.calls


@pytest.mark.parametrize("method", HESSIAN)
def test_gradients_and_hessians_are_those_of_closed_forms(method):
    x0 = NEAR.get(method, START)
    found = optimize.minimize(rosenbrock, x0, method=method)
    closed = scipy.optimize.minimize(
        rosenbrock, x0, method=method, jac=scipy.optimize.rosen_der, hess=scipy.optimize.rosen_hess
    )
    assert found.nit == closed.nit
    np.testing.assert_allclose(found.x, closed.x, rtol=1e-6)


@pytest.mark.parametrize("method", FREE)
def test_methods_without_derivatives_get_floats(method):
    seen = []

    def f(x):
        seen.append(type(x))
        return float((x[0] - 1.0) ** 2 + (x[1] + 0.5) ** 2)  # float() would refuse a dual number

    result = optimize.minimize(f, [0.0, 0.0], method=method)
    np.testing.assert_allclose(result.x, [1.0, -0.5], atol=1e-3)
    assert set(seen) == {np.ndarray}


@pytest.mark.parametrize("method", ["trust-exact", "trust-ncg", "trust-constr"])
def test_refused_points_of_a_trust_region_cost_a_value_only(method):
    """Beyond SMALL variables: the value alone of a trial point, all derivatives together of one that is taken."""
    kinds = []

    def f(x):
        kinds.append("value" if type(x) is np.ndarray else type(x).__name__)
        return rosenbrock(x)

    result = optimize.minimize(f, np.linspace(0.6, 1.4, optimize.SMALL + 1), method=method)
    assert kinds.count("value") <= result.nfev + 1
    assert result.nhev <= kinds.count("HyperDualArray") <= result.nhev + 1  # the last one serves the gradient alone
    assert kinds.count("DualArray") == 0


@pytest.mark.parametrize("method", ["Newton-CG", "trust-ncg", "trust-krylov", "trust-constr"])
def test_large_problems_take_hessian_vector_products(method, monkeypatch):
    monkeypatch.setattr(optimize, "LARGE", 3)
    widths = []

    def f(x):
        if isinstance(x, dd.HyperDualArray):
            widths.append(x._layout[1:])
        return rosenbrock(x)

    result = optimize.minimize(f, START, method=method)
    np.testing.assert_allclose(result.x, 1.0, atol=1e-3)
    assert set(widths) == {(1, N)}


def test_what_the_caller_gives_goes_through():
    calls = []

    def jac(x, a, b):
        calls.append("jac")
        return a * scipy.optimize.rosen_der(x)

    def hess(x, a, b):
        calls.append("hess")
        return a * scipy.optimize.rosen_hess(x)

    f = Counted(valley)
    result = optimize.minimize(f, START, (2.0, 0.0), "trust-exact", jac, hess, tol=1e-8, options={"maxiter": 7})
    assert result.nit == 7 and calls.count("jac") == result.njev and calls.count("hess") == result.nhev
    hessp = optimize.minimize(
        valley, START, (1.0, 0.0), "trust-ncg", hessp=lambda x, p, a, b: scipy.optimize.rosen_hess_prod(x, p)
    )
    np.testing.assert_allclose(hessp.x, 1.0, atol=1e-4)
    steps = []
    optimize.minimize(rosenbrock, START, callback=lambda intermediate_result: steps.append(intermediate_result.fun))
    assert len(steps) > 3 and steps[-1] < 1e-6
    bounded = optimize.minimize(rosenbrock, START, bounds=[(None, 0.5)] * N)
    assert bounded.x.max() == 0.5
    together = optimize.minimize(lambda x: (rosenbrock(x), scipy.optimize.rosen_der(x)), START, jac=True)
    np.testing.assert_allclose(together.x, 1.0, atol=1e-4)
    plain = Counted(lambda x: float(rosenbrock(x)))
    for jac in (False, "2-point"):
        np.testing.assert_allclose(optimize.minimize(plain, START, jac=jac).x, 1.0, atol=1e-4)
    quasi = optimize.minimize(rosenbrock, START, method="trust-constr", hess=scipy.optimize.BFGS())
    np.testing.assert_allclose(quasi.x, 1.0, atol=1e-3)


def test_a_method_of_the_callers_own():
    def newton(fun, x0, args=(), jac=None, hess=None, **options):
        x = np.array(x0)
        for _ in range(8):
            x = x - np.linalg.solve(hess(x), jac(x))
        return scipy.optimize.OptimizeResult(x=x, fun=fun(x), success=True)

    np.testing.assert_allclose(optimize.minimize(rosenbrock, np.full(3, 0.9), method=newton).x, 1.0, rtol=1e-12)


@pytest.mark.parametrize("method", ["BFGS", "trust-exact", "Nelder-Mead"])
def test_results_of_one_number_are_numbers(method):
    for f in (lambda x: (x - 2.0) ** 2, lambda x: [(x[0] - 2.0) ** 2]):
        assert optimize.minimize(f, 1.0, method=method).x == pytest.approx([2.0], abs=1e-4)
    with pytest.raises(dd.DifferentiationValueError, match="scalar"):
        optimize.minimize(lambda x: x, [1.0, 2.0])


def test_what_cannot_be_differentiated_says_how_to_go_on():
    with pytest.raises(TypeError) as caught:
        optimize.minimize(lambda x: float(rosenbrock(x)), START)
    assert "jac=False" in "".join(caught.value.__notes__)


# -- constraints -------------------------------------------------------------------------------------------------------


def circle(x):
    return np.stack([x[0] ** 2 + x[1] ** 2, x[0] * x[1] * x[2]])


def goal(x):
    return x[0] + 2.0 * x[1] + np.cosh(x[2])


@pytest.mark.parametrize("method", ["trust-constr", "SLSQP", "COBYLA", "COBYQA"])
def test_nonlinear_constraints(method):
    c = Counted(circle)
    constraint = optimize.NonlinearConstraint(c, [-np.inf, -1.0], [1.0, 1.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # trust-constr tells with a warning of its own that a step was singular
        warnings.filterwarnings("ignore", "delta_grad == 0.0|Singular Jacobian")
        result = optimize.minimize(goal, [0.1, 0.2, 0.3], method=method, constraints=constraint)
    np.testing.assert_allclose(result.x[:2], [-1 / np.sqrt(5), -2 / np.sqrt(5)], atol=2e-3)
    plain = Counted(circle)
    scipy.optimize.minimize(
        goal, [0.1, 0.2, 0.3], method=method,
        constraints=scipy.optimize.NonlinearConstraint(plain, [-np.inf, -1.0], [1.0, 1.0]),
    )  # fmt: skip
    if method in ("trust-constr", "SLSQP"):
        assert c.calls < plain.calls


def test_the_hessian_of_a_constraint_is_one_pass_weighted():
    c = Counted(circle)
    constraint = optimize.NonlinearConstraint(c, -1.0, 1.0)
    x, v = np.array([0.3, -0.7, 1.1]), np.array([2.0, -3.0])
    found = constraint.hess(x, v)
    assert c.calls == 1
    np.testing.assert_allclose(
        found, 2.0 * np.diag([2.0, 2.0, 0.0]) - 3.0 * np.array([[0, x[2], x[1]], [x[2], 0, x[0]], [x[1], x[0], 0]]),
        rtol=1e-14,
    )  # fmt: skip
    c.calls = 0
    np.testing.assert_allclose(constraint.jac(x), [[0.6, -1.4, 0.0], [-0.77, 0.33, -0.21]], rtol=1e-14)
    np.testing.assert_allclose(constraint.fun(x), circle(x))
    assert c.calls == 1
    own = optimize.NonlinearConstraint(c, -1.0, 1.0, jac="2-point", hess=scipy.optimize.BFGS())
    assert own.jac == "2-point" and isinstance(own.hess, scipy.optimize.BFGS)
    scalar = optimize.NonlinearConstraint(lambda x: x @ x, -1.0, 1.0)
    np.testing.assert_allclose(scalar.hess(x, np.array([3.0])), 6.0 * np.eye(3))


def test_constraints_in_dicts_get_jacobians():
    c, plain = Counted(lambda x, r: r - x @ x), Counted(lambda x, r: r - x @ x)
    for function, solve in ((c, optimize.minimize), (plain, scipy.optimize.minimize)):
        for constraints in (
            {"type": "ineq", "fun": function, "args": (2.0,)}, [{"type": "ineq", "fun": function, "args": (2.0,)}]
        ):  # fmt: skip
            result = solve(lambda x: np.sum(x), [0.1, 0.2], method="SLSQP", constraints=constraints)
            np.testing.assert_allclose(result.x, -1.0, atol=1e-3)
    assert c.calls < plain.calls / 2


# -- least squares -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["trf", "dogbox", "lm"])
def test_least_squares(method):
    exact, plain = Counted(residuals), Counted(residuals)
    x0 = [1.0, 1.0, 0.0]
    found = optimize.least_squares(exact, x0, method=method)
    wanted = scipy.optimize.least_squares(plain, x0, method=method)
    np.testing.assert_allclose(found.x, wanted.x, rtol=1e-6)
    np.testing.assert_allclose(found.jac, dd.jacobian(residuals)(found.x), rtol=1e-6)
    assert exact.calls <= found.nfev + 1 and 2 * exact.calls < plain.calls


def test_least_squares_options_go_through():
    def shifted(p, y, *, scale):
        return (decay(T, *p) - y) * scale

    found = optimize.least_squares(
        shifted, [1.0, 1.0, 0.0], bounds=([0, 0, 0], [2.0, 9, 9]), loss="soft_l1", x_scale="jac", max_nfev=50,
        args=(Y,), kwargs={"scale": 2.0},
    )  # fmt: skip
    wanted = scipy.optimize.least_squares(
        shifted, [1.0, 1.0, 0.0], bounds=([0, 0, 0], [2.0, 9, 9]), loss="soft_l1", x_scale="jac", max_nfev=50,
        args=(Y,), kwargs={"scale": 2.0},
    )  # fmt: skip
    np.testing.assert_allclose(found.x, wanted.x, rtol=1e-6)
    calls = []

    def jac(p, y, *, scale):
        calls.append(1)
        return dd.jacobian(shifted)(p, y, scale=scale)

    optimize.least_squares(shifted, [1.0, 1.0, 0.0], jac, args=(Y,), kwargs={"scale": 2.0})
    assert calls
    plain = optimize.least_squares(lambda p: np.array([float(v) for v in residuals(p)]), [1.0, 1.0, 0.0], jac=False)
    np.testing.assert_allclose(plain.x, scipy.optimize.least_squares(residuals, [1.0, 1.0, 0.0]).x, rtol=1e-6)


def test_a_known_pattern_gives_sparse_jacobians_from_few_directions():
    widths = []

    def f(x):
        if isinstance(x, dd.DualArray):
            widths.append(x.tangent.shape[0])
        return broyden(x.copy())

    found = optimize.least_squares(f, -np.ones(30), jac_sparsity=TRIDIAGONAL)
    np.testing.assert_allclose(broyden(found.x), 0.0, atol=1e-8)
    assert scipy.sparse.issparse(found.jac) and set(widths) == {3}
    np.testing.assert_allclose(found.jac.toarray(), dd.jacobian(broyden)(found.x.copy()), rtol=1e-14, atol=1e-14)


def test_colours_share_no_row(rng):
    for _ in range(20):
        pattern = rng.random((12, 9)) < 0.3
        colours = colour(scipy.sparse.csc_array(pattern))
        for c in range(colours.max() + 1):
            assert pattern[:, colours == c].sum(axis=1).max(initial=0) <= 1
    A = rng.normal(size=(12, 9)) * pattern
    jacobian = Coloured(pattern).jacobian(lambda x: A @ np.sin(x), np.ones(9))
    np.testing.assert_allclose(jacobian.toarray(), A * np.cos(1.0), rtol=1e-14)
    with pytest.raises(ValueError, match="shape"):
        Coloured(pattern).jacobian(lambda x: x, np.ones(9))


# -- curve_fit ---------------------------------------------------------------------------------------------------------

FITS = {
    "lm": {}, "trf": {"method": "trf"}, "dogbox": {"method": "dogbox"}, "bounds": {"bounds": (0.0, 10.0)},
    "sigma": {"sigma": 0.1 + 0.01 * T}, "absolute": {"sigma": 0.1 + 0.01 * T, "absolute_sigma": True},
    "covariance": {"sigma": 0.01 * np.exp(-np.abs(T[:, None] - T)), "absolute_sigma": True},
}  # fmt: skip


@pytest.mark.parametrize("name", FITS)
def test_curve_fit_with_exact_covariance(name):
    options = FITS[name]
    exact, plain = Counted(decay), Counted(decay)
    p, cov = optimize.curve_fit(exact, T, Y, [1.0, 1.0, 0.0], **options)
    p0, cov0 = scipy.optimize.curve_fit(plain, T, Y, [1.0, 1.0, 0.0], **options)
    np.testing.assert_allclose(p, p0, rtol=1e-5)
    np.testing.assert_allclose(cov, cov0, rtol=1e-3)
    assert 2 * exact.calls < plain.calls
    # The closed form of the Jacobian, at the parameters found.
    J = np.stack([np.exp(-p[1] * T), -p[0] * T * np.exp(-p[1] * T), np.ones_like(T)], axis=1)
    W = options.get("sigma", np.ones_like(T))
    W = np.linalg.inv(W) if W.ndim == 2 else np.diag(1.0 / W**2)
    r = decay(T, *p) - Y
    scale = 1.0 if options.get("absolute_sigma") else r @ W @ r / (T.size - 3)
    np.testing.assert_allclose(cov, np.linalg.inv(J.T @ W @ J) * scale, rtol=1e-11)


def test_curve_fit_arguments():
    p, cov = optimize.curve_fit(decay, T, Y)  # the number of parameters comes from the signature
    assert p.shape == (3,)
    full = optimize.curve_fit(decay, T, Y, full_output=True)
    assert len(full) == 5 and np.array_equal(full[1], cov) and full[2]["fvec"].shape == T.shape
    holes = Y.copy()
    holes[3] = np.nan
    kept = ~np.isnan(holes)
    for sigma in (None, 0.1 + 0.01 * T, np.diag(0.1 + 0.01 * T)):
        few = None if sigma is None else sigma[kept] if sigma.ndim == 1 else sigma[np.ix_(kept, kept)]
        found = optimize.curve_fit(decay, T, holes, sigma=sigma, nan_policy="omit", check_finite=False)
        wanted = optimize.curve_fit(decay, T[kept], holes[kept], sigma=few)
        np.testing.assert_allclose(found[0], wanted[0], rtol=1e-8)
        np.testing.assert_allclose(found[1], wanted[1], rtol=1e-7)
    own = optimize.curve_fit(decay, T, Y, jac=lambda t, a, b, c: np.stack(
        [np.exp(-b * t), -a * t * np.exp(-b * t), np.ones_like(t)], axis=1))  # fmt: skip
    np.testing.assert_allclose(own[0], p, rtol=1e-7)
    two = optimize.curve_fit(lambda x, a, b: a * x[0] + b * x[1], np.stack([T, T**2]), 2.0 * T - T**2)[0]
    np.testing.assert_allclose(two, [2.0, -1.0], rtol=1e-10)
    with pytest.warns(scipy.optimize.OptimizeWarning, match="Covariance"):
        singular = optimize.curve_fit(lambda t, a, b: (a + b) * t, T, Y, [1.0, 1.0])[1]
    assert np.isinf(singular).all()


# -- roots -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["hybr", "lm"])
def test_roots_with_exact_jacobians(method):
    exact, plain = Counted(broyden), Counted(broyden)
    found = optimize.root(exact, -np.ones(30), method=method)
    wanted = scipy.optimize.root(plain, -np.ones(30), method=method)
    np.testing.assert_allclose(found.x, wanted.x, rtol=1e-6)
    assert 2 * exact.calls < plain.calls


@pytest.mark.parametrize("method", ["broyden1", "krylov", "df-sane"])
def test_roots_by_methods_without_jacobians(method):
    np.testing.assert_allclose(broyden(optimize.root(broyden, -np.ones(5), method=method).x), 0.0, atol=1e-4)


def test_fsolve_and_its_options():
    exact, plain = Counted(broyden), Counted(broyden)
    x, info, flag, message = optimize.fsolve(exact, -np.ones(30), full_output=True, xtol=1e-10)
    scipy.optimize.fsolve(plain, -np.ones(30), xtol=1e-10)
    assert flag == 1 and 2 * exact.calls < plain.calls
    np.testing.assert_allclose(broyden(x), 0.0, atol=1e-9)
    floats = optimize.fsolve(lambda x: [float(v) ** 2 - 2.0 for v in x], [1.0], fprime=False)
    np.testing.assert_allclose(floats, np.sqrt(2.0))
    own = optimize.fsolve(lambda x, a: x * x - a, [1.0], (3.0,), fprime=lambda x, a: np.diag(2.0 * x))
    np.testing.assert_allclose(own, np.sqrt(3.0))


def test_newton_is_quadratic_and_needs_one_evaluation_an_iteration():
    f, secant = Counted(lambda x, a: np.exp(x) - a), Counted(lambda x, a: np.exp(x) - a)
    x, info = optimize.newton(f, 2.0, args=(20.0,), full_output=True)
    np.testing.assert_allclose(x, np.log(20.0), rtol=1e-12)
    assert f.calls == info.iterations
    scipy.optimize.newton(secant, 2.0, args=(20.0,))
    assert f.calls < secant.calls
    several = optimize.newton(f, np.ones(3), args=(np.array([2.0, 3.0, 4.0]),))
    np.testing.assert_allclose(several, np.log([2.0, 3.0, 4.0]), rtol=1e-12)
    halley = optimize.newton(f, 1.0, args=(3.0,), fprime2=lambda x, a: np.exp(x), full_output=True)[1]
    assert halley.iterations < optimize.newton(f, 1.0, args=(3.0,), full_output=True)[1].iterations
    assert optimize.newton(lambda x: float(x) - 2.0, 1.0, fprime=False) == pytest.approx(2.0)
    assert optimize.newton(lambda x: float(x) - 2.0, 1.0, x1=1.5) == pytest.approx(2.0)
    assert optimize.newton(lambda z: z * z + 1.0, 0.5 + 0.5j) == pytest.approx(1j)


def test_root_scalar():
    cube = Counted(lambda x, a: x**3 - a)
    for method in (None, "newton", "halley"):
        extra = {"fprime2": lambda x, a: 6.0 * x} if method == "halley" else {}
        cube.calls = 0
        result = optimize.root_scalar(cube, (8.0,), method, x0=1.0, **extra)
        assert result.root == pytest.approx(2.0) and cube.calls == result.iterations
    assert optimize.root_scalar(cube, 8.0, bracket=[0.0, 5.0]).root == pytest.approx(2.0)
    assert optimize.root_scalar(cube, 8.0, method="secant", x0=1.0, x1=3.0).root == pytest.approx(2.0)
    pair = optimize.root_scalar(lambda x: (x * x - 2.0, 2.0 * x), x0=1.0, fprime=True)
    assert pair.root == pytest.approx(np.sqrt(2.0))
    for options in ({"x0": 1.0}, {"bracket": [0.0, 5.0]}):
        for order, exact in ((1, 1 / 12), (2, -1 / 144)):
            f = lambda a, o=options: optimize.root_scalar(cube, (a,), **o).root
            assert dd.derivative(f, order=order)(8.0) == pytest.approx(exact, rel=1e-12)


# -- results that depend on parameters ---------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [None, "BFGS", "trust-exact", "Nelder-Mead"])
def test_minima_are_differentiated_in_their_parameters(method):
    # x0 = a, x1 solves sinh(x1) = b
    def f(x, a, b):
        return (x[0] - a) ** 2 + np.cosh(x[1]) - b * x[1]

    def found(p):
        return optimize.minimize(f, np.zeros(2), (p[0], p[1]), method).x

    def closed(p):
        return np.stack([p[0], np.arcsinh(p[1])])

    p = np.array([1.5, 0.7])
    np.testing.assert_allclose(dd.jacobian(found)(p), dd.jacobian(closed)(p), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(dd.hessian(found)(p), dd.hessian(closed)(p), rtol=1e-10, atol=1e-12)
    least = dd.grad(lambda p: optimize.minimize(lambda x: f(x, p[0], p[1]), np.zeros(2), method=method).fun)(p)
    np.testing.assert_allclose(least, [0.0, -np.arcsinh(0.7)], atol=1e-10)  # the envelope theorem
    row = dd.derivative(lambda a: optimize.minimize(lambda x: (x - a) ** 2, 0.0, method=method).x[0])(1.5)
    assert row == pytest.approx(1.0)
    with pytest.raises(dd.UnsupportedFunctionError, match="bounds"):
        dd.jacobian(lambda p: optimize.minimize(f, np.zeros(2), (p[0], p[1]), bounds=[(0, 1), (0, 1)]).x)(p)


def test_fits_are_differentiated_in_their_data():
    A = np.stack([np.ones_like(T), T], axis=1)

    def line(y):
        return optimize.least_squares(lambda p: A @ p - y, np.zeros(2)).x

    np.testing.assert_allclose(dd.jacobian(line)(Y), np.linalg.pinv(A), rtol=1e-10, atol=1e-12)
    with pytest.raises(dd.UnsupportedFunctionError, match="bounds"):
        dd.jacobian(lambda y: optimize.least_squares(lambda p: A @ p - y, np.zeros(2), loss="cauchy").x)(Y)


# -- differential equations --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["Radau", "BDF", "LSODA", scipy.integrate.Radau, scipy.integrate.BDF])
def test_stiff_equations_get_exact_jacobians(method):
    exact, plain = Counted(kinetics), Counted(kinetics)
    args = ((0.0, 40.0), [1.0, 0.0, 0.0], method)
    found = integrate.solve_ivp(exact, *args, rtol=1e-6, atol=1e-10)
    wanted = scipy.integrate.solve_ivp(plain, *args, rtol=1e-6, atol=1e-10)
    assert found.success
    np.testing.assert_allclose(found.y[:, -1], wanted.y[:, -1], rtol=1e-4)
    np.testing.assert_allclose(found.y[:, -1], [0.7158271, 9.185535e-6, 0.2841638], rtol=1e-4)
    assert exact.calls < plain.calls
    if method != "LSODA":
        assert exact.calls == found.nfev + found.njev + 1  # one to see whether the data are dual


@pytest.mark.parametrize("method", ["Radau", "BDF"])
def test_a_known_pattern_of_the_equations(method):
    widths = []

    def f(t, u):
        if isinstance(u, dd.DualArray):
            widths.append(u.tangent.shape[0])
        return heat(t, u)

    found = integrate.solve_ivp(f, (0.0, 1.0), ROD, method, jac_sparsity=TRIDIAGONAL)
    dense = integrate.solve_ivp(heat, (0.0, 1.0), ROD, method)
    assert set(widths) == {3} and found.njev == dense.njev
    np.testing.assert_allclose(found.y, dense.y, rtol=1e-9, atol=1e-12)


def test_a_pattern_that_is_found_out():
    found = integrate.solve_ivp(heat, (0.0, 1.0), ROD, "BDF", jac="sparse")
    np.testing.assert_allclose(found.y, integrate.solve_ivp(heat, (0.0, 1.0), ROD, "BDF").y, rtol=1e-9, atol=1e-12)


def test_lsoda_takes_nothing_sparse():
    with pytest.raises(dd.DifferentiationValueError, match="LSODA.*BDF"):
        integrate.solve_ivp(heat, (0.0, 1.0), ROD, "LSODA", jac="sparse")


def test_options_of_equations_go_through():
    seen = []

    def f(t, y, rate):
        return -rate * y

    def jac(t, y, rate):
        seen.append(rate)
        return -rate * np.eye(2)

    def event(t, y, rate):
        return y[0] - 0.5

    found = integrate.solve_ivp(
        f, (0.0, 3.0), [1.0, 2.0], "BDF", events=event, dense_output=True, args=(2.0,), rtol=1e-8, atol=1e-10,
        max_step=0.5,
    )  # fmt: skip
    np.testing.assert_allclose(found.t_events[0], np.log(2.0) / 2.0, rtol=1e-6)
    np.testing.assert_allclose(found.sol(1.0), [np.exp(-2.0), 2.0 * np.exp(-2.0)], rtol=1e-6)
    integrate.solve_ivp(f, (0.0, 1.0), [1.0, 2.0], "BDF", args=(2.0,), jac=jac)
    assert set(seen) == {2.0}
    constant = integrate.solve_ivp(f, (0.0, 1.0), [1.0, 2.0], "Radau", args=(2.0,), jac=-2.0 * np.eye(2))
    assert constant.success
    floats = lambda t, y: [-float(y[0])]
    assert integrate.solve_ivp(floats, (0.0, 1.0), [1.0], "BDF", jac=False).success
    with pytest.raises(TypeError) as caught:
        integrate.solve_ivp(floats, (0.0, 1.0), [1.0], "BDF")
    assert "jac=False" in "".join(caught.value.__notes__)
    many = integrate.solve_ivp(lambda t, y: -y, (0.0, 1.0), [1.0, 2.0], "Radau", vectorized=True)
    assert many.success
    with pytest.raises(ValueError, match="'sparse'"):
        integrate.solve_ivp(f, (0.0, 1.0), [1.0, 2.0], "BDF", args=(2.0,), jac="2-point")


# -- standard errors ---------------------------------------------------------------------------------------------------


def gaussian(p, y):
    return -stats.norm.logpdf(y, p[0], np.exp(p[1]))


def test_observed_information(rng):
    y = rng.normal(2.0, 1.5, size=200)
    best = np.array([y.mean(), np.log(y.std())])
    closed = [y.std() / np.sqrt(y.size), 1.0 / np.sqrt(2.0 * y.size)]
    np.testing.assert_allclose(stats.standard_errors(gaussian, best, y), closed, rtol=1e-12)
    summed = stats.standard_errors(lambda p: np.sum(gaussian(p, y)), best)
    np.testing.assert_allclose(summed, closed, rtol=1e-12)
    assert stats.standard_errors(gaussian, best.reshape(2, 1), y[:, None]).shape == (2, 1)


def test_sandwich_of_a_linear_model_is_white(rng):
    """The covariance of least squares that holds for unequal variances, White (1980): (X'X)⁻¹ X' diag(r²) X (X'X)⁻¹."""
    X = np.stack([np.ones(100), rng.normal(size=100)], axis=1)
    y = X @ [1.0, 2.0] + rng.normal(size=100) * (1.0 + X[:, 1] ** 2)
    best, *_ = np.linalg.lstsq(X, y, rcond=None)
    r, bread = y - X @ best, np.linalg.inv(X.T @ X)
    found = stats.covariance(lambda b, y: 0.5 * (y - X @ b) ** 2, best, y, sandwich=True)
    np.testing.assert_allclose(found, bread @ (X.T @ (X * r[:, None] ** 2)) @ bread, rtol=1e-11)
    errors = stats.standard_errors(lambda b: 0.5 * (y - X @ b) ** 2, best, sandwich=True)
    np.testing.assert_allclose(errors, np.sqrt(np.diag(found)), rtol=1e-14)


def test_standard_errors_that_do_not_exist():
    with pytest.raises(dd.DifferentiationValueError, match="positive definite.*no minimum"):
        stats.standard_errors(lambda p: -np.sum(p**2), np.ones(2))
    with pytest.raises(dd.DifferentiationValueError, match="one term"):
        stats.standard_errors(lambda p: np.sum(p**2), np.ones(2), sandwich=True)


@pytest.mark.parametrize("module", [optimize, integrate, likelihood])
def test_examples(module):
    failed, tried = doctest.testmod(module)
    assert tried and not failed


def test_every_solver_of_the_page_saves_evaluations():
    page = (Path(__file__).parents[1] / "docs" / "how-to" / "scipy.md").read_text(encoding="utf-8")
    for solver, method, exact, plain in table():
        assert f"| `{solver}` | {method} |" in page
        assert plain is None or exact < plain


# -- the table of the pages --------------------------------------------------------------------------------------------


def table():
    """Rows of evaluations of f: solver, method, with dualdiff, with SciPy's differences."""
    problems = []
    for method in (*GRADIENT, *HESSIAN):
        x0 = NEAR.get(method, START)
        problems.append(("minimize", method, lambda m, f, k=method, x0=x0: m.minimize(f, x0, method=k), rosenbrock))
    for method in ("trf", "dogbox", "lm"):
        problems.append(("least_squares", method,
                         lambda m, f, k=method: m.least_squares(f, [1.0, 1.0, 0.0], method=k), residuals))
    problems.append(("curve_fit", "lm", lambda m, f: m.curve_fit(f, T, Y, [1.0, 1.0, 0.0]), decay))
    for method in ("hybr", "lm"):
        problems.append(("root", method, lambda m, f, k=method: m.root(f, -np.ones(30), method=k), broyden))
    problems.append(("newton", "", lambda m, f: m.newton(f, 2.0), lambda x: np.exp(x) - 20.0))
    for method in ("Radau", "BDF", "LSODA"):
        problems.append(("solve_ivp", method, lambda m, f, k=method: m.solve_ivp(
            f, (0.0, 40.0), [1.0, 0.0, 0.0], k, rtol=1e-6, atol=1e-10), kinetics))
    for method in ("Radau", "BDF"):
        problems.append(("solve_ivp", f"{method}, 30 equations",
                         lambda m, f, k=method: m.solve_ivp(f, (0.0, 1.0), ROD, k), heat))
    for solver, method, run, f in problems:
        counts = []
        for exact in (True, False):
            counted = Counted(f)
            module = (optimize if exact else scipy.optimize) if solver != "solve_ivp" else (
                integrate if exact else scipy.integrate)
            try:
                run(module, counted)
                counts.append(counted.calls)
            except ValueError:
                counts.append(None)  # the method takes no differences
        yield solver, method, *counts


def main():
    print("| solver | method | evaluations, exact | with SciPy's differences | saved |\n|---|---|---|---|---|")
    for solver, method, exact, plain in table():
        saved = "derivatives are required" if plain is None else f"{1 - exact / plain:.0%}"
        print(f"| `{solver}` | {method} | {exact} | {'–' if plain is None else plain} | {saved} |")


if __name__ == "__main__":
    main()
