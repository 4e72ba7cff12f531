"""SciPy's optimizers with exact derivatives, whose results may depend on parameters.

The functions take what SciPy's take, and need no derivatives: gradients, Jacobians and Hessians are exact, come from
the evaluation that gives the value, and are kept until x changes, so that nothing is computed twice. A ``jac``
(``hess``, ``fprime``) of the caller's own goes through to SciPy; ``jac=False`` asks for SciPy's differences.

Where parameters are dual numbers (``args``, or variables that the function closes over) so is the result, by the
implicit function theorem. With ``F(x(p), p) = 0`` and the Jacobian J of F in x at the root, the step
``x - J⁻¹ F(x, p)`` in dual arithmetic is right to one order more than x: one step per order of differentiation, however
many iterations SciPy needed. A minimum is a root of the gradient.

Examples
--------
>>> import numpy as np, dualdiff as dd
>>> from dualdiff.scipy import optimize
>>> result = optimize.minimize(lambda v: (v[0] - 1.0) ** 2 + 100.0 * (v[1] - v[0] ** 2) ** 2, [0.0, 0.0])
>>> bool(np.allclose(result.x, 1.0, atol=1e-6))
True
>>> root = dd.derivative(lambda a: optimize.brentq(lambda x: x**3 - a, 0.0, 10.0), order=2)(8.0)
>>> bool(abs(root + 1 / 144) < 1e-14)
True
"""

import functools
import warnings

import numpy as np
from scipy import linalg as _linalg
from scipy import optimize as _optimize

from .. import transforms
from ..errors import DifferentiationValueError, UnsupportedFunctionError
from ..functions import value
from ..packing import has_duals
from .evaluations import Shared, as_tuple, bound, given, packed, single
from .integrate import order_of
from .sparsity import Coloured

__all__ = [
    "NonlinearConstraint",
    "brentq",
    "curve_fit",
    "fsolve",
    "least_squares",
    "minimize",
    "newton",
    "root",
    "root_scalar",
]

# Up to so many variables a Hessian costs little more than the value, and comes with it; beyond, it waits to be asked.
SMALL = 10
# From so many variables on, methods that can do with Hessian-vector products get these instead of Hessians.
LARGE = 500
FIRST_ORDER = ("cg", "bfgs", "l-bfgs-b", "tnc", "slsqp")
DERIVATIVE_FREE = ("nelder-mead", "powell", "cobyla", "cobyqa")
CUSTOM = "custom"
# At most so many steps of Newton's at the end, where the root depends on parameters.
POLISH = 6
TAKE_PRODUCTS = ("newton-cg", "trust-ncg", "trust-krylov", "trust-constr")


def _require_regular(slope, flat, name):
    """Raise where the implicit function theorem says nothing."""
    if not np.all(np.isfinite(slope)) or np.any(slope == 0 if flat else np.linalg.cond(slope) > 1e15):
        raise DifferentiationValueError(
            f"{name}: the Jacobian of the function is singular at the root, so that the root has no derivative there; "
            f"move the parameters away from such a point, or differentiate another form of the equation"
        )


def _implicit(function, x, args, jacobian, name):
    """The root in dual arithmetic, from the plain root ``x`` and the function's Jacobian there."""
    residual = packed(function(x, *args))
    steps = order_of(residual)
    if not steps:
        return x
    flat = jacobian is transforms.derivative
    for _ in range(POLISH):
        # An error of the root would spoil the derivatives; solvers leave about 1e-8, Newton's steps square it.
        slope = value(jacobian(lambda t: packed(function(t, *value(args))))(x))
        _require_regular(slope, flat, name)
        rest = value(residual)
        step = rest / slope if flat else np.linalg.solve(slope, rest)
        x = x - step
        residual = packed(function(x, *args))
        if np.all(np.abs(step) <= 1e-14 * np.maximum(1.0, np.abs(x))):
            break
    for _ in range(steps):
        x = x - (residual / slope if flat else np.linalg.solve(slope, residual))
        residual = packed(function(x, *args))
    return x


# -- minima ------------------------------------------------------------------------------------------------------------


def minimize(fun, x0, args=(), method=None, jac=None, hess=None, hessp=None, bounds=None, constraints=(), tol=None,
             callback=None, options=None):
    """Minimize a scalar function of several variables with exact derivatives; see `scipy.optimize.minimize`.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args)`` returns a number, and is written with functions that dualdiff knows.
    x0 : array_like, shape (n,)
    args : tuple
        Parameters, plain or dual.
    method : str or callable, optional
        Every method of SciPy's. Those that take a gradient get it with the value. Those that take a Hessian get it too:
        with the value up to `SMALL` variables, else when they ask for it; from `LARGE` variables on it is a
        Hessian-vector product where the method takes one.
    jac, hess, hessp : optional
        Derivatives of the caller's own; ``jac=False`` and ``jac="2-point"`` ask for SciPy's differences.
    bounds, tol, callback, options
        As SciPy takes them.
    constraints
        As SciPy takes them. Dicts without ``"jac"`` get the exact Jacobian; see also `NonlinearConstraint`.

    Returns
    -------
    OptimizeResult
        With ``x`` and ``fun`` dual when a parameter is.

    Raises
    ------
    UnsupportedFunctionError
        When a parameter is dual and there are bounds or constraints.

    Notes
    -----
    Counts in the result (``nfev``, ``njev``, ``nhev``) are SciPy's requests; several are served by one evaluation.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> from dualdiff.scipy import optimize
    >>> f = lambda v, a: (v[0] - a) ** 2 + np.cosh(v[1])
    >>> optimize.minimize(f, np.array([0.0, 1.0]), (3.0,), method="trust-exact").x.round(4) + 0.0
    array([3., 0.])
    >>> dd.derivative(lambda a: optimize.minimize(f, np.ones(2), (a,)).x)(3.0).round(12) + 0.0
    array([1., 0.])
    """
    args, n = as_tuple(args), np.size(x0)
    name = "bfgs" if method is None else method.lower() if isinstance(method, str) else CUSTOM
    exact = jac is None and name not in DERIVATIVE_FREE
    second = (
        name not in (*FIRST_ORDER, *DERIVATIVE_FREE) and hess is None and hessp is None and (exact or callable(jac))
    )
    products = second and n >= LARGE and name in TAKE_PRODUCTS
    shared = Shared(bound(fun, args), "gradient", *_orders(name, n, exact, second and not products))
    if second:
        hess, hessp = (None, shared.product) if products else (shared.second, None)
    else:
        hess, hessp = given(hess, args), given(hessp, args)
    result = _optimize.minimize(
        given(fun, args) if jac is True else shared.value, value(packed(x0)), (), method,
        shared.first if exact else given(jac, args), hess, hessp, bounds, _exact_constraints(constraints, name), tol,
        callback, options,
    )  # fmt: skip
    if shared.dual or has_duals(args):
        if bounds is not None or not _none(constraints):
            raise UnsupportedFunctionError(
                "minimize: a minimum under bounds or constraints has no derivative here; differentiate the equations "
                "that it satisfies with dualdiff.scipy.optimize.root"
            )
        result.x = _implicit(_slope_of(fun), result.x, args, transforms.jacobian, "minimize")
        result.fun = fun(result.x, *args)
    return result


def _orders(method, n, exact, hessian):
    """The orders of derivatives that come with the value, and with the gradient.

    A line search wants the gradient wherever it wants the value. A trust region wants the value alone of a point that
    it may refuse, and gradient and Hessian of one that it takes.
    """
    if not exact:
        return 0, 1
    if hessian and n <= SMALL and method != CUSTOM:
        return 2, 2
    if method in (*FIRST_ORDER, "newton-cg", CUSTOM):
        return 1, 1
    return 0, 2 if hessian else 1


def _none(constraints):
    return isinstance(constraints, list | tuple) and not constraints


def _slope_of(fun):
    return lambda x, *args: transforms.grad(single(lambda t: fun(t, *args)))(x)


def _exact_constraints(constraints, method):
    if isinstance(constraints, list | tuple):
        return [_exact_constraint(one, method) for one in constraints]
    return _exact_constraint(constraints, method)


def _exact_constraint(constraint, method):
    if isinstance(constraint, dict) and constraint.get("jac") is None and method not in DERIVATIVE_FREE:
        shared = Shared(bound(constraint["fun"], as_tuple(constraint.get("args", ()))), "jacobian")
        return constraint | {"fun": shared.value, "jac": shared.first, "args": ()}
    if isinstance(constraint, NonlinearConstraint) and method not in ("trust-constr", CUSTOM):
        return constraint.without_hessian()
    return constraint


class NonlinearConstraint(_optimize.NonlinearConstraint):
    """A constraint ``lb <= fun(x) <= ub`` with exact derivatives; see `scipy.optimize.NonlinearConstraint`.

    Parameters
    ----------
    fun : callable
        ``fun(x)`` returns a number or an array of shape (m,).
    lb, ub : array_like
    jac, hess : optional
        Derivatives of the caller's own. Without them the Jacobian comes with the value, and the Hessian of ``v · fun``,
        which is what the Lagrangian needs, from one pass whatever m is.
    keep_feasible, **options
        As SciPy takes them.

    Examples
    --------
    >>> import numpy as np
    >>> from dualdiff.scipy import optimize
    >>> disc = optimize.NonlinearConstraint(lambda v: v @ v, -np.inf, 1.0)
    >>> found = optimize.minimize(lambda v: v[0] + v[1], [0.1, 0.0], method="trust-constr", constraints=disc)
    >>> bool(np.allclose(found.x, -np.sqrt(0.5), atol=1e-4))
    True
    """

    def __init__(self, fun, lb, ub, jac=None, hess=None, keep_feasible=False, **options):
        shared = Shared(fun, "jacobian", with_value=1 if jac is None else 0)

        def curvature(x, v):
            def weighted(t):
                c = packed(fun(t))
                return np.sum(np.reshape(v, np.shape(c)) * c)

            return transforms.hessian(weighted)(x)

        super().__init__(
            shared.value, lb, ub, shared.first if jac is None else jac, curvature if hess is None else hess,
            keep_feasible, **options,
        )  # fmt: skip

    def without_hessian(self):
        """The same for methods that take no Hessian, and would warn that they ignore it."""
        return _optimize.NonlinearConstraint(
            self.fun, self.lb, self.ub, self.jac, keep_feasible=self.keep_feasible,
            finite_diff_rel_step=self.finite_diff_rel_step, finite_diff_jac_sparsity=self.finite_diff_jac_sparsity,
        )  # fmt: skip


# -- least squares -----------------------------------------------------------------------------------------------------


def least_squares(fun, x0, jac=None, bounds=(-np.inf, np.inf), method="trf", *, args=(), kwargs=None,
                  jac_sparsity=None, **options):
    """Solve a nonlinear least-squares problem with an exact Jacobian; see `scipy.optimize.least_squares`.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args, **kwargs)`` returns the residuals, an array of shape (m,).
    x0 : array_like, shape (n,)
    jac : optional
        A Jacobian of the caller's own; ``"2-point"`` asks for SciPy's differences.
    bounds, method, **options
        As SciPy takes them.
    args, kwargs
        Parameters, plain or dual.
    jac_sparsity : array_like or sparse, shape (m, n), optional
        Where the Jacobian may be other than 0. It is then exact and sparse: columns that share no row come from one
        direction.

    Returns
    -------
    OptimizeResult
        With ``x`` dual when a parameter is, without bounds and with ``loss="linear"``.

    Examples
    --------
    >>> import numpy as np
    >>> from dualdiff.scipy import optimize
    >>> t = np.linspace(0.0, 1.0, 5)
    >>> optimize.least_squares(lambda b: b[0] * np.exp(b[1] * t) - 2.0 * np.exp(-t), [1.0, 0.0]).x.round(8)
    array([ 2., -1.])
    """
    args, kwargs = as_tuple(args), kwargs or {}
    exact, function = jac is None, bound(fun, args, kwargs)
    shared = Shared(function, "jacobian", with_value=1 if exact and jac_sparsity is None else 0)
    if exact and jac_sparsity is not None:
        slope, jac_sparsity = functools.partial(Coloured(jac_sparsity).jacobian, function), None
    else:
        slope = shared.first if exact else "2-point" if jac is False else given(jac, args, kwargs)
    result = _optimize.least_squares(
        shared.value, value(packed(x0)), slope, bounds, method, jac_sparsity=jac_sparsity, **options
    )
    if shared.dual or has_duals(args) or has_duals(list(kwargs.values())):
        if options.get("loss", "linear") != "linear" or np.any(result.active_mask):
            raise UnsupportedFunctionError(
                "least_squares: a solution at its bounds, or of another loss than 'linear', has no derivative here; "
                "leave the bounds out where they are not met, and differentiate dualdiff.scipy.optimize.minimize of "
                "the loss"
            )

        def half(x, *args):
            residual = packed(fun(x, *args, **kwargs))
            return 0.5 * np.sum(residual * residual)

        result.x = _implicit(_slope_of(half), result.x, args, transforms.jacobian, "least_squares")
    return result


def curve_fit(f, xdata, ydata, p0=None, sigma=None, absolute_sigma=False, check_finite=None,
              bounds=(-np.inf, np.inf), method=None, jac=None, *, full_output=False, nan_policy=None, **kwargs):
    """Fit ``f(xdata, *params)`` to data with exact Jacobian and covariance; see `scipy.optimize.curve_fit`.

    Parameters
    ----------
    f : callable
        Receives xdata and the parameters, one by one.
    xdata, ydata, p0, sigma, absolute_sigma, check_finite, bounds, method, full_output, nan_policy, **kwargs
        As SciPy takes them.
    jac : optional
        A Jacobian of the caller's own, ``jac(xdata, *params)``; ``"2-point"`` asks for SciPy's differences.

    Returns
    -------
    popt : ndarray
    pcov : ndarray
        From the exact Jacobian at ``popt``. (SciPy's ``"lm"`` takes the Jacobian of its last step, and by differences.)
    infodict, mesg, ier
        With ``full_output=True``.

    Examples
    --------
    >>> import numpy as np
    >>> from dualdiff.scipy import optimize
    >>> x = np.linspace(0.0, 2.0, 9)
    >>> p, cov = optimize.curve_fit(lambda x, a, b: a * np.exp(-b * x), x, 3.0 * np.exp(-0.5 * x), [1.0, 1.0])
    >>> p.round(8)
    array([3. , 0.5])
    """
    if jac is not None:
        return _optimize.curve_fit(
            f, xdata, ydata, p0, sigma, absolute_sigma, check_finite, bounds, method, None if jac is False else jac,
            full_output=full_output, nan_policy=nan_policy, **kwargs,
        )  # fmt: skip
    latest = {}

    def shared(x):
        """One for each xdata, since missing values may be left out of it."""
        if latest.get("x") is not x:
            latest.update(x=x, f=Shared(lambda p: f(x, *p), "jacobian"))
        return latest["f"]

    @functools.wraps(f)
    def function(x, *params):
        return shared(x).value(np.array(params))

    def slope(x, *params):
        return shared(x).first(np.array(params))

    with warnings.catch_warnings():
        # Whether there is a covariance is seen below, from the exact Jacobian.
        warnings.filterwarnings("ignore", "Covariance of the parameters", _optimize.OptimizeWarning)
        popt, _, info, message, flag = _optimize.curve_fit(
            function, xdata, ydata, p0, sigma, absolute_sigma, check_finite, bounds, method, slope, full_output=True,
            nan_policy=nan_policy, **kwargs,
        )  # fmt: skip
    pcov = _fit_covariance(latest["f"].first(popt), info["fvec"], sigma, absolute_sigma, ydata, nan_policy)
    return (popt, pcov, info, message, flag) if full_output else (popt, pcov)


def _fit_covariance(J, residual, sigma, absolute_sigma, ydata, nan_policy):
    """Covariance of fitted parameters from the Jacobian of the curve and the weighted residuals."""
    if sigma is not None:
        sigma = np.asarray(sigma, dtype=float)
        if nan_policy == "omit" and sigma.shape[:1] == np.shape(ydata)[:1]:
            kept = ~np.isnan(np.asarray(ydata, dtype=float))
            if kept.sum() == len(J):
                sigma = sigma[kept] if sigma.ndim == 1 else sigma[np.ix_(kept, kept)]
        J = (
            _linalg.solve_triangular(np.linalg.cholesky(sigma), J, lower=True)
            if sigma.ndim == 2
            else J / np.reshape(sigma, (-1, 1))
        )
    m, n = J.shape
    _, s, vt = np.linalg.svd(J, full_matrices=False)
    regular = m >= n and np.all(s > np.finfo(float).eps * max(m, n) * s[0])
    if not regular or (m == n and not absolute_sigma):
        warnings.warn("Covariance of the parameters could not be estimated", _optimize.OptimizeWarning, stacklevel=3)
        return np.full((n, n), np.inf)
    cov = (vt.T / s**2) @ vt
    return cov if absolute_sigma else cov * (np.sum(np.square(residual)) / (m - n))


# -- roots -------------------------------------------------------------------------------------------------------------


def root(fun, x0, args=(), method="hybr", jac=None, tol=None, callback=None, options=None):
    """Solve ``fun(x, *args) = 0`` for a vector x; see `scipy.optimize.root`.

    Parameters
    ----------
    fun : callable
        Written with functions that dualdiff knows.
    x0 : array_like
        The start; the root does not depend on it.
    args : tuple
        Parameters, plain or dual. The function may close over dual numbers as well.
    method : str
        ``"hybr"`` and ``"lm"`` get the exact Jacobian; the others take none.
    jac : optional
        A Jacobian of the caller's own; ``jac=False`` asks for SciPy's differences.
    tol, callback, options
        As SciPy takes them.

    Returns
    -------
    OptimizeResult
        With ``x`` dual when a parameter is.

    Raises
    ------
    DifferentiationValueError
        Where SciPy finds no root, or the Jacobian is singular there, when a parameter is dual.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> from dualdiff.scipy import optimize
    >>> f = lambda x, a: np.stack([x[0] + x[1] - a, x[0] - x[1]])
    >>> dd.jacobian(lambda a: optimize.root(f, np.zeros(2), (a,)).x)(3.0)
    array([0.5, 0.5])
    """
    args = as_tuple(args)
    start = np.asarray(value(packed(x0)), dtype=float)
    exact = jac is None and method.lower() in ("hybr", "lm") and not (options or {}).get("col_deriv")
    # Levenberg and Marquardt want a Jacobian of nearly every point, Powell's hybrid method of few.
    shared = Shared(bound(fun, args), "jacobian", with_value=1 if exact and method.lower() == "lm" else 0)
    result = _optimize.root(
        given(fun, args) if jac is True else shared.value, start, (), method,
        shared.first if exact else given(jac, args), tol, callback, options,
    )  # fmt: skip
    if shared.dual or has_duals(args):
        if not result.success:
            raise DifferentiationValueError(
                f"root: no root was found, so that it has no derivative: {result.message}; start closer, or take "
                f"another method"
            )
        result.x = _implicit(
            fun, np.atleast_1d(result.x.reshape(start.shape)), args, transforms.jacobian, "root"
        )
    return result


def fsolve(func, x0, args=(), fprime=None, **options):
    """Solve ``func(x, *args) = 0`` for a vector x; see `scipy.optimize.fsolve` and `root`.

    Parameters
    ----------
    func, x0, args
        As for `root`.
    fprime : optional
        A Jacobian of the caller's own; ``fprime=False`` asks for SciPy's differences.
    **options
        As SciPy takes them.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> from dualdiff.scipy import optimize
    >>> float(round(dd.derivative(lambda a: optimize.fsolve(lambda x: x * x - a, np.array([1.0]))[0])(4.0), 12))
    0.25
    """
    args = as_tuple(args)
    start = np.atleast_1d(np.asarray(value(packed(x0)), dtype=float))
    shared = Shared(bound(func, args), "jacobian", with_value=0)
    exact = fprime is None and not options.get("col_deriv")
    slope = shared.first if exact else given(fprime, args) or None
    found = _optimize.fsolve(shared.value, start, (), slope, **options)
    if not (shared.dual or has_duals(args)):
        return found
    x = found[0] if options.get("full_output") else found
    x = _implicit(func, x, args, transforms.jacobian, "fsolve")
    return (x, *found[1:]) if options.get("full_output") else x


def brentq(f, a, b, args=(), **options):
    """Find a root of ``f(x, *args)`` between ``a`` and ``b``; see `scipy.optimize.brentq`.

    Examples
    --------
    >>> import dualdiff as dd
    >>> from dualdiff.scipy import optimize
    >>> float(round(dd.derivative(lambda p: optimize.brentq(lambda x: x * x - p, 0.0, 9.0))(4.0), 12))
    0.25
    """
    args = as_tuple(args)
    shared = Shared(bound(f, args), "slope", with_value=0)
    found = _optimize.brentq(shared.value, value(a), value(b), **options)
    if not (shared.dual or has_duals(args)):
        return found
    x = found[0] if options.get("full_output") else found
    x = _implicit(f, x, args, transforms.derivative, "brentq")
    return (x, *found[1:]) if options.get("full_output") else x


def newton(func, x0, fprime=None, args=(), tol=1.48e-08, maxiter=50, fprime2=None, x1=None, **options):
    """Find a root of ``func(x, *args)`` near ``x0``, one for every entry of an array; see `scipy.optimize.newton`.

    Without ``fprime`` the derivative is exact and comes with the value, so that an iteration is one evaluation, as of
    the secant method; ``fprime=False``, or an ``x1``, asks for the secant method.

    Examples
    --------
    >>> import dualdiff as dd
    >>> from dualdiff.scipy import optimize
    >>> float(round(dd.derivative(lambda p: optimize.newton(lambda x: x * x - p, 1.0))(4.0), 12))
    0.25
    """
    args, start = as_tuple(args), value(packed(x0))
    exact = fprime is None and x1 is None and not np.iscomplexobj(start)
    shared = Shared(bound(func, args), "slope", with_value=1 if exact else 0)
    found = _optimize.newton(
        shared.value, start, shared.first if exact else given(fprime, args) or None, (), tol, maxiter,
        given(fprime2, args), value(x1), **options,
    )  # fmt: skip
    if not (shared.dual or has_duals(args)):
        return found
    x = found[0] if options.get("full_output") else found
    x = _implicit(func, x, args, transforms.derivative, "newton")
    return (x, *found[1:]) if options.get("full_output") else x


def root_scalar(f, args=(), method=None, bracket=None, fprime=None, fprime2=None, x0=None, x1=None, **options):
    """Find a root of ``f(x, *args)`` by any of SciPy's methods; see `scipy.optimize.root_scalar`.

    Methods that take a derivative get the exact one, with the value. Where no method is named and there is a start
    ``x0`` alone, it is Newton's.

    Returns
    -------
    RootResults
        With ``root`` dual when a parameter is.

    Examples
    --------
    >>> import dualdiff as dd
    >>> from dualdiff.scipy import optimize
    >>> float(optimize.root_scalar(lambda x: x**3 - 8.0, x0=1.0).root)
    2.0
    >>> float(round(dd.derivative(lambda a: optimize.root_scalar(lambda x: x**3 - a, x0=1.0).root)(8.0), 12))
    0.083333333333
    """
    args = as_tuple(args)
    alone = method is None and bracket is None and x1 is None and x0 is not None
    exact = fprime is None and (alone or method in ("newton", "halley"))
    shared = Shared(bound(f, args), "slope", with_value=1 if exact else 0)
    result = _optimize.root_scalar(
        given(f, args) if fprime is True else shared.value, (), method, value(bracket),
        shared.first if exact else given(fprime, args), given(fprime2, args), value(x0), value(x1), **options,
    )  # fmt: skip
    if shared.dual or (has_duals(args) and fprime is not True):
        result.root = _implicit(f, result.root, args, transforms.derivative, "root_scalar")
    return result
