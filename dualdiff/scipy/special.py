"""``scipy.special`` on floats and dual numbers: its ufuncs, and those of its functions that are none.

Every function with a rule is here under SciPy's name; the rules are the rows of `dualdiff.scipy_rules`.

Examples
--------
>>> import dualdiff as dd
>>> from dualdiff.scipy import special
>>> float(dd.derivative(lambda x: special.polygamma(1, x))(2.5))
-0.23620405164172736
"""

import numpy as np
from scipy import special as _special

from .. import scipy_rules
from ..functions import value
from ..packing import has_duals, pack

_INNER = {"psi_step", "trigamma_step", "gamma_density", "beta_density", "t_density"}
_OWN = {"polygamma", "zeta", "lambertw", "spherical_jn", "spherical_yn", "spherical_in", "spherical_kn"}
_ROWS = sorted(name for name in scipy_rules.FUNCTIONS if not name.startswith("_") and name not in _INNER | _OWN)
for _name in _ROWS:
    globals()[_name] = getattr(_special, _name)
digamma = psi = _special.psi
jn = _special.jv

__all__ = [*_ROWS, *sorted(_OWN), "digamma", "jn", "log_softmax", "logsumexp", "multigammaln", "softmax"]


def polygamma(n, x):
    """Derivative of order ``n`` of the digamma function (DLMF 5.15), differentiable in ``x`` > 0.

    Parameters
    ----------
    n : int or array_like of int
    x : array_like or dual number

    Examples
    --------
    >>> import dualdiff as dd
    >>> from dualdiff.scipy import special
    >>> bool(dd.derivative(lambda x: special.polygamma(0, x))(2.0) == special.polygamma(1, 2.0))
    True
    """
    return scipy_rules.FUNCTIONS["polygamma"](n, x)


def zeta(x, q=None):
    """Hurwitz' zeta function, differentiable in both arguments (DLMF 25.11), or Riemann's where ``q`` is left out.

    Examples
    --------
    >>> import dualdiff as dd
    >>> from dualdiff.scipy import special
    >>> bool(dd.derivative(lambda q: special.zeta(3, q))(2.0) == -3 * special.zeta(4, 2.0))
    True
    """
    return scipy_rules.FUNCTIONS["_riemann"](x) if q is None else scipy_rules.FUNCTIONS["zeta"](x, q)


def lambertw(z, k=0):
    """The real branches 0 and -1 of Lambert's W on real ``z`` (DLMF 4.13); nan where W is complex.

    Unlike SciPy's function this one returns real numbers.

    Examples
    --------
    >>> import dualdiff as dd
    >>> from dualdiff.scipy import special
    >>> float(dd.derivative(special.lambertw)(0.0))
    1.0
    """
    return scipy_rules.FUNCTIONS["lambertw"](z, k)


def _spherical(name):
    def function(n, z, derivative=False):
        row = scipy_rules.FUNCTIONS[name]
        return row.derivative(n, z) if derivative else row(n, z)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""``scipy.special.{name}``, or its derivative, differentiable in ``z`` (DLMF 10.51).

    Parameters
    ----------
    n : int or array_like of int
        The order, 0 or more.
    z : array_like or dual number
    derivative : bool
        Return the derivative in ``z``.

    Examples
    --------
    >>> import dualdiff as dd
    >>> from dualdiff.scipy import special
    >>> slope = dd.derivative(lambda z: special.{name}(2, z))(1.5)
    >>> bool(abs(slope - special.{name}(2, 1.5, derivative=True)) < 1e-14)
    True
    """
    return function


spherical_jn, spherical_yn, spherical_in, spherical_kn = (
    _spherical(name) for name in ("spherical_jn", "spherical_yn", "spherical_in", "spherical_kn")
)


def multigammaln(a, d):
    """Log of the multivariate gamma function of dimension ``d`` (DLMF 35.3.4), differentiable in ``a``.

    Examples
    --------
    >>> import dualdiff as dd
    >>> from dualdiff.scipy import special
    >>> bool(dd.derivative(lambda a: special.multigammaln(a, 1))(2.5) == special.digamma(2.5))
    True
    """
    a = _numbers(a)
    if not np.isscalar(d) or int(d) != d or d < 1:
        raise ValueError(f"multigammaln: d must be a positive integer, found {d!r}")
    if np.any(value(a) <= 0.5 * (d - 1)):
        raise ValueError(f"multigammaln: a must exceed (d - 1)/2 = {0.5 * (d - 1):g}")
    constant = 0.25 * d * (d - 1) * np.log(np.pi)
    return constant + sum(_special.gammaln(a - 0.5 * j) for j in range(int(d)))


def logsumexp(a, axis=None, b=None, keepdims=False, return_sign=False):
    """``log(sum(b * exp(a)))`` without overflow, differentiable in ``a`` and ``b``.

    Parameters
    ----------
    a : array_like or dual array
    axis : int or tuple of int, optional
        The axes summed over, all of them when nothing is said.
    b : array_like or dual array, optional
        Factors; 0 leaves an entry out.
    keepdims : bool
    return_sign : bool
        Return ``(log|s|, sign(s))`` of the sum s; without it the result is nan where s is negative.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> from dualdiff.scipy import special
    >>> dd.grad(special.logsumexp)(np.array([1000.0, 1000.0]))
    array([0.5, 0.5])
    """
    a = _numbers(a)
    if b is not None:
        a, b = np.broadcast_arrays(a, _numbers(b))
    plain = np.asarray(value(a), dtype=float)
    top = np.max(plain if b is None else np.where(value(b) == 0, -np.inf, plain), axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    if b is None:
        terms = np.exp(a - top)
    else:
        # An entry that is left out may be so large that its exponential overflows.
        terms = b * np.exp(np.where((value(b) == 0) & (plain - top > 700.0), 700.0, a - top))
    with np.errstate(divide="ignore", invalid="ignore"):
        total = np.sum(terms, axis=axis, keepdims=True)
        out = np.log(np.abs(total) if return_sign else total) + top
    sign = np.sign(value(total))
    if not keepdims:
        out, sign = np.squeeze(out, axis=axis), np.squeeze(sign, axis=axis)[()]
    return (_plain(out), sign) if return_sign else _plain(out)


def softmax(x, axis=None):
    """``exp(x) / sum(exp(x))`` without overflow; over all entries when no ``axis`` is given, as SciPy has it.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> from dualdiff.scipy import special
    >>> dd.jacobian(special.softmax)(np.zeros(2))
    array([[ 0.25, -0.25],
           [-0.25,  0.25]])
    """
    x = _numbers(x)
    e = np.exp(x - _top(x, axis))
    return e / np.sum(e, axis=axis, keepdims=True)


def log_softmax(x, axis=None):
    """``log(softmax(x))`` without overflow or cancellation.

    Examples
    --------
    >>> import numpy as np
    >>> from dualdiff.scipy import special
    >>> special.log_softmax(np.array([0.0, 1000.0]))
    array([-1000.,     0.])
    """
    x = _numbers(x)
    moved = x - _top(x, axis)
    return moved - np.log(np.sum(np.exp(moved), axis=axis, keepdims=True))


def _numbers(x):
    return pack(x) if has_duals(x) else np.asarray(x)


def _plain(x):
    return x[()] if isinstance(x, np.ndarray) and x.ndim == 0 else x


def _top(x, axis):
    """The maximum as a constant, on which the results do not depend: it only keeps exp in range."""
    top = np.max(np.asarray(value(x)), axis=axis, keepdims=True)
    return np.where(np.isfinite(top), top, 0.0)
