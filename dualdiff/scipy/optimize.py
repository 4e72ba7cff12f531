"""Roots that depend on parameters: SciPy finds them, the implicit function theorem differentiates them.

With ``F(x(p), p) = 0`` and the Jacobian J of F in x at the root, the step ``x - J⁻¹ F(x, p)`` in dual arithmetic is
right to one order more than x: one step per order of differentiation, however many iterations SciPy needed. Parameters
may be arguments (``args``) or variables that the function closes over.

Examples
--------
>>> import dualdiff as dd
>>> from dualdiff.scipy import optimize
>>> root = dd.derivative(lambda a: optimize.brentq(lambda x: x**3 - a, 0.0, 10.0), order=2)(8.0)
>>> bool(abs(root + 1 / 144) < 1e-14)
True
"""

import numpy as np
from scipy import optimize as _optimize

from .. import transforms
from ..errors import DifferentiationValueError
from ..functions import value
from ..packing import has_duals, pack
from .integrate import order_of

__all__ = ["brentq", "fsolve", "newton", "root"]


def _plain(function, args):
    """What SciPy gets: plain numbers go in, plain numbers come out."""
    args = value(args)
    return lambda x, *rest: value(_packed(function(x, *args)))


def _packed(y):
    return pack(y) if has_duals(y) else y


def _tuple(args):
    return args if isinstance(args, tuple) else (args,)


def _require_regular(slope, flat, name):
    """Raise where the implicit function theorem says nothing."""
    if not np.all(np.isfinite(slope)) or np.any(slope == 0 if flat else np.linalg.cond(slope) > 1e15):
        raise DifferentiationValueError(
            f"{name}: the Jacobian of the function is singular at the root, so that the root has no derivative there; "
            f"move the parameters away from such a point, or differentiate another form of the equation"
        )


def _implicit(function, x, args, jacobian, name):
    """The root in dual arithmetic, from the plain root ``x`` and the function's Jacobian there."""
    residual = _packed(function(x, *args))
    steps = order_of(residual)
    if not steps:
        return x
    flat = jacobian is transforms.derivative
    for _ in range(2):
        # The first round polishes the root, whose error would spoil the derivatives.
        slope = value(jacobian(lambda t: _packed(function(t, *value(args))))(x))
        _require_regular(slope, flat, name)
        rest = value(residual)
        x = x - (rest / slope if flat else np.linalg.solve(slope, rest))
        residual = _packed(function(x, *args))
    for _ in range(steps):
        x = x - (residual / slope if flat else np.linalg.solve(slope, residual))
        residual = _packed(function(x, *args))
    return x


def root(fun, x0, args=(), method="hybr", **options):
    """Solve ``fun(x, *args) = 0`` for a vector x; see `scipy.optimize.root`.

    Parameters
    ----------
    fun : callable
        Written with functions that dualdiff knows, when its parameters are dual.
    x0 : array_like
        The start; the root does not depend on it.
    args : tuple
        Parameters, plain or dual. The function may close over dual numbers as well.
    method : str
    **options
        As SciPy takes them.

    Returns
    -------
    OptimizeResult
        With ``x`` dual when a parameter is.

    Raises
    ------
    DifferentiationValueError
        Where SciPy finds no root, or the Jacobian is singular there.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> from dualdiff.scipy import optimize
    >>> f = lambda x, a: np.stack([x[0] + x[1] - a, x[0] - x[1]])
    >>> dd.jacobian(lambda a: optimize.root(f, np.zeros(2), (a,)).x)(3.0)
    array([0.5, 0.5])
    """
    args = _tuple(args)
    start = np.asarray(value(_packed(x0)), dtype=float)
    result = _optimize.root(_plain(fun, args), start, method=method, **options)
    x = result.x.reshape(start.shape)
    if order_of(_packed(fun(x, *args))):
        if not result.success:
            raise DifferentiationValueError(
                f"root: no root was found, so that it has no derivative: {result.message}; start closer, or take "
                f"another method"
            )
        result.x = _implicit(fun, np.atleast_1d(x), args, transforms.jacobian, "root")
    return result


def fsolve(func, x0, args=(), **options):
    """Solve ``func(x, *args) = 0`` for a vector x; see `scipy.optimize.fsolve` and `root`.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> from dualdiff.scipy import optimize
    >>> float(round(dd.derivative(lambda a: optimize.fsolve(lambda x: x * x - a, np.array([1.0]))[0])(4.0), 12))
    0.25
    """
    args = _tuple(args)
    start = np.atleast_1d(np.asarray(value(_packed(x0)), dtype=float))
    found = _optimize.fsolve(_plain(func, args), start, **options)
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
    args = _tuple(args)
    found = _optimize.brentq(_plain(f, args), value(a), value(b), **options)
    x = found[0] if options.get("full_output") else found
    x = _implicit(f, x, args, transforms.derivative, "brentq")
    return (x, *found[1:]) if options.get("full_output") else x


def newton(func, x0, fprime=None, args=(), fprime2=None, **options):
    """Find a root of ``func(x, *args)`` near ``x0``, one for every entry of an array; see `scipy.optimize.newton`.

    Examples
    --------
    >>> import dualdiff as dd
    >>> from dualdiff.scipy import optimize
    >>> float(round(dd.derivative(lambda p: optimize.newton(lambda x: x * x - p, 1.0))(4.0), 12))
    0.25
    """
    args = _tuple(args)
    given = {name: None if one is None else _plain(one, args) for name, one in
             (("fprime", fprime), ("fprime2", fprime2))}
    found = _optimize.newton(_plain(func, args), value(_packed(x0)), **given, **options)
    x = found[0] if options.get("full_output") else found
    x = _implicit(func, x, args, transforms.derivative, "newton")
    return (x, *found[1:]) if options.get("full_output") else x
