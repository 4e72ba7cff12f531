"""Differential equations with exact Jacobians, and equations and integrals whose data are dual numbers.

Values and tangents of the state are carried through SciPy's integrator together, as one long vector: the tangents
obey the variational equations, and dual arithmetic is what states these. Error control sees all of them.

Examples
--------
>>> import numpy as np, dualdiff as dd
>>> from dualdiff.scipy import integrate
>>> f = lambda a: integrate.quad(lambda x: np.exp(a * x), 0.0, 1.0)[0]
>>> bool(abs(dd.derivative(f)(0.0) - 0.5) < 1e-14)
True
"""


import numpy as np
from scipy import integrate as _integrate

from .. import transforms
from .._array import is_dual, lift, make, settle
from ..errors import DifferentiationTypeError, DifferentiationValueError, DualDiffError, UnsupportedFunctionError
from ..functions import value
from ..packing import has_duals, pack
from .evaluations import DIFFERENCES
from .sparsity import Coloured

__all__ = ["quad", "solve_ivp"]

# Methods of solve_ivp that take a Jacobian.
IMPLICIT = ("Radau", "BDF", "LSODA")


def _number(a):
    return pack(a) if has_duals(a) else np.asarray(a, dtype=float)


def order_of(a):
    """The order of differentiation that a number serves, over all its levels."""
    order = 0
    while is_dual(a):
        a = lift(a)
        order += 1 if a._layout is None else 2
        a = a.value
    return order


# -- dual numbers as vectors -----------------------------------------------------------------------------------------


def _stacks(x):
    """The stacks of a dual array, the one that serves both seeds once."""
    stacks = x._stacks
    return (stacks[0], stacks[2]) if len(stacks) == 3 and stacks[0] is stacks[1] else stacks


def _flatten(x):
    """All plain numbers of a dual number, in one vector."""
    if not is_dual(x):
        return np.ravel(x)
    x = lift(x)
    return np.concatenate([_flatten(part) for part in (x.value, *_stacks(x))])


def _restore(numbers, like):
    """The way back, to a number built as ``like`` is; axes behind the first stay behind.

    Parameters
    ----------
    numbers : ndarray, shape (n, …)
    like : number
        A plain or dual array whose plain numbers are n.
    """
    out, rest = _take(numbers, like)
    assert len(rest) == 0
    return out


def _take(numbers, like):
    if not is_dual(like):
        size = np.size(like)
        return numbers[:size].reshape((*np.shape(like), *numbers.shape[1:])), numbers[size:]
    like = lift(like)
    found, shared = [], len(_stacks(like)) == 2
    for part in (like.value, *_stacks(like)):
        one, numbers = _take(numbers, part)
        found.append(one)
    value, *stacks = found
    if shared:
        stacks = [stacks[0], stacks[0], stacks[1]]
    return make(value, tuple(stacks), like._layout, like._level), numbers


def _same_make(a, b):
    """Whether two numbers have the same levels, layouts and shapes."""
    if is_dual(a) != is_dual(b):
        return False
    if not is_dual(a):
        return np.shape(a) == np.shape(b)
    a, b = lift(a), lift(b)
    if a._level != b._level or a._layout != b._layout or len(_stacks(a)) != len(_stacks(b)):
        return False
    pairs = zip((a.value, *_stacks(a)), (b.value, *_stacks(b)), strict=True)
    return all(_same_make(one, other) for one, other in pairs)


def _zero(x):
    """A number of the make of ``x`` whose parts are all zero."""
    if not is_dual(x):
        return np.zeros(np.shape(x))
    return _restore(np.zeros(_flatten(x).size), lift(x))


def _joined(function, start, argument=None):
    """A number with all levels that ``function(number)`` brings in, and the value of ``start``."""
    like = start
    for _ in range(6):
        met = like + _zero(function(like))
        if _same_make(met, like):
            return like
        like = met
    raise DifferentiationTypeError(
        "solve_ivp, quad: the function brings in numbers of another derivative at each call; keep no dual numbers from "
        "one call to the next"
    )


# -- differential equations ------------------------------------------------------------------------------------------


def solve_ivp(fun, t_span, y0, method="RK45", t_eval=None, dense_output=False, events=None, vectorized=False,
              args=None, **options):
    """Integrate ``dy/dt = fun(t, y, *args)``; see `scipy.integrate.solve_ivp`.

    Parameters
    ----------
    fun : callable
        Written with functions that dualdiff knows. Its arguments, and numbers that it closes over, may be dual.
    t_span : pair of float
        Both ends may be dual when ``t_eval`` is not given.
    y0 : array_like, shape (n,)
        The start, plain or dual.
    method, t_eval, dense_output, events, vectorized, args, **options
        As SciPy takes them. Events and vectorised functions are for plain numbers only.
    jac : optional
        For Radau, BDF and LSODA, which take one. Without it they get the exact Jacobian; ``jac=False`` asks for
        differences, ``jac="sparse"`` for an exact sparse one whose pattern is found out. It is left aside where the
        state is dual.
    jac_sparsity : array_like or sparse, shape (n, n), optional
        Where the Jacobian may be other than 0. Radau and BDF then get the exact Jacobian as a sparse array: columns
        that share no row come from one direction.

    Returns
    -------
    OdeResult
        With ``y`` of shape (n, number of times), and ``sol(t)``, dual when data are.

    Notes
    -----
    Derivatives have the accuracy of the tolerances (``rtol=1e-3`` when nothing is said, as in SciPy).

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> from dualdiff.scipy import integrate
    >>> def end(a):
    ...     solution = integrate.solve_ivp(lambda t, y: a * y, (0.0, 1.0), [1.0], rtol=1e-10, atol=1e-12)
    ...     return solution.y[0, -1]
    >>> bool(abs(dd.derivative(end)(0.5) - np.exp(0.5)) < 1e-8)
    True
    """
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    start, (t0, t1) = _number(y0), t_span
    span = t1 - t0
    moving = is_dual(t0) or is_dual(t1)
    if moving:
        if t_eval is not None:
            raise UnsupportedFunctionError("solve_ivp: leave t_eval out where an end of t_span is dual")
        t0, span = _number(t0), _number(span)

    def slope(t, y):
        rate = _number(fun(t0 + t * span if moving else t, y, *args))
        return rate * span if moving else rate

    first = value(t0) if not moving else 0.0
    if not order_of(start) and not order_of(slope(first, start)):
        given = {"args": args} if args else {}
        return _integrate.solve_ivp(fun, t_span, y0, method, t_eval, dense_output, events, vectorized, **given,
                                    **_with_jacobian(fun, method, options))
    if events is not None or vectorized:
        raise UnsupportedFunctionError(
            "solve_ivp: events and vectorized=True have no derivative rule, since the times of events depend on dual "
            "data, too; leave them out"
        )
    like = _joined(lambda y: slope(first, y), start)
    zero = _zero(like)

    def flat(t, numbers):
        return _flatten(slope(t, _restore(numbers, like)) + zero)

    options.pop("jac", None)
    result = _integrate.solve_ivp(flat, (0.0, 1.0) if moving else (value(t0), value(t1)), _flatten(like), method,
                                  t_eval, dense_output, **options)
    return _dual_result(result, like, (t0, span) if moving else None)


def _with_jacobian(fun, method, options):
    """The options with the exact Jacobian, for methods that take one where the caller gives none."""
    jac = options.get("jac")
    if jac is False:
        return options | {"jac": None}
    banded = options.get("lband") is not None or options.get("uband") is not None
    own = jac is not None and not isinstance(jac, str)
    if own or banded or method not in (*IMPLICIT, *(getattr(_integrate, name) for name in IMPLICIT)):
        return options
    sparse = method not in ("LSODA", _integrate.LSODA)  # which takes no pattern, and warns of one
    if isinstance(jac, str) and not sparse:
        raise DifferentiationValueError("solve_ivp: LSODA takes no sparse Jacobian; leave jac out, or take BDF")
    pattern = options.pop("jac_sparsity", None) if sparse else None
    return options | {"jac": _exact_jacobian(fun, jac, pattern)}


def _exact_jacobian(fun, kind, pattern):
    if kind == "sparse":
        compute = transforms.jacobian(fun, argnums=1, sparse=True)
    elif kind is not None:
        raise DifferentiationValueError(f"solve_ivp: jac must be callable, a matrix, False or 'sparse', found {kind!r}")
    elif pattern is not None:
        coloured = Coloured(pattern)

        def compute(t, y, *args):
            return coloured.jacobian(lambda y: fun(t, y, *args), y)
    else:
        compute = transforms.jacobian(fun, argnums=1)

    def jacobian(t, y, *args):
        try:
            return compute(t, y, *args)
        except DualDiffError as error:
            error.add_note(DIFFERENCES)
            raise

    return jacobian


def _dual_result(result, like, moved):
    result.y = _restore(result.y, like)
    if moved is not None:
        result.t = moved[0] + result.t * moved[1]
    if result.sol is not None:
        plain = result.sol
        if moved is not None:
            raise UnsupportedFunctionError("solve_ivp: leave dense_output out where an end of t_span is dual")
        result.sol = lambda t: settle(_restore(plain(t), like))
    return result


# -- integrals -------------------------------------------------------------------------------------------------------


def quad(func, a, b, args=(), epsabs=1.49e-8, epsrel=1.49e-8, limit=50, points=None, **options):
    """Integrate ``func(x, *args)`` from ``a`` to ``b``; see `scipy.integrate.quad`.

    The integral is differentiated under its sign, and in its limits by Leibniz' rule.

    Parameters
    ----------
    func : callable
        Takes a number and ``args``. Arguments, and numbers that it closes over, may be dual.
    a, b : float or dual number
        The limits, infinite ones as well.
    args : tuple
    epsabs, epsrel, limit, points, **options
        As SciPy takes them; further options are for plain numbers only.

    Returns
    -------
    tuple
        The integral and an estimate of its error.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> from dualdiff.scipy import integrate
    >>> bool(abs(dd.derivative(lambda b: integrate.quad(np.sin, 0.0, b)[0])(1.0) - np.sin(1.0)) < 1e-15)
    True
    """
    args = args if isinstance(args, tuple) else (args,)
    low, high = float(value(a)), float(value(b))
    probe = _number(func(_inside(low, high), *args))
    if not (order_of(probe) or order_of(a) or order_of(b)):
        return _integrate.quad(func, a, b, args, epsabs=epsabs, epsrel=epsrel, limit=limit, points=points, **options)
    if options:
        raise UnsupportedFunctionError(f"quad: leave out {', '.join(options)}, which duals cannot serve")
    zero = _zero(probe)
    numbers, error = _integrate.quad_vec(
        lambda x: _flatten(func(x, *args) + zero), low, high, epsabs=epsabs, epsrel=epsrel, norm="max", limit=limit,
        points=points,
    )
    total = settle(_restore(numbers, probe))
    return total + _margin(func, b, args) - _margin(func, a, args), error


def _inside(low, high):
    """A point between two limits."""
    if np.isinf(low) and np.isinf(high):
        return 0.4
    if np.isinf(low):
        return high - 1.0
    return low + 1.0 if np.isinf(high) else low + 0.4 * (high - low)


def _margin(func, limit, args):
    """The integral from the value of a limit to the dual limit: Gauss' rule is exact on nilpotent steps."""
    order = order_of(limit)
    if not order:
        return 0.0
    nodes, weights = np.polynomial.legendre.leggauss(order // 2 + 1)
    step = limit - value(limit)
    return step * sum(0.5 * w * func(value(limit) + 0.5 * (1.0 + u) * step, *args)
                      for u, w in zip(nodes, weights, strict=True))
