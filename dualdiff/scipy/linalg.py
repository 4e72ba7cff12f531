"""``scipy.linalg`` on dual matrices, and on plain ones by SciPy itself.

Systems, inverses, determinants and eigenvalues go to the rules of `numpy.linalg`; functions of matrices are
differentiated with block matrices: ``f([[A, E], [0, A]])`` holds the derivative of f along E in its upper right
corner, exactly (Higham, Functions of Matrices, 2008, theorem 3.6).

Examples
--------
>>> import numpy as np, dualdiff as dd
>>> from dualdiff.scipy import linalg
>>> dd.derivative(lambda t: linalg.expm(t * np.array([[0.0, 1.0], [-1.0, 0.0]]))[0, 1])(0.0)
np.float64(1.0)
"""

import numpy as np
from scipy import linalg as _linalg

from ..functions import value
from ..kinds import is_dual
from ..numpy_rules.registry import apply_custom
from ..packing import has_duals, pack, spread

__all__ = ["cho_factor", "cho_solve", "cholesky", "det", "eigh", "eigvalsh", "expm", "inv", "logm", "lu_factor",
           "lu_solve", "solve", "solve_triangular", "sqrtm"]


def _array(a):
    return pack(a) if has_duals(a) else np.asarray(a)


def _t(a):
    return np.swapaxes(a, -1, -2)


# -- systems ---------------------------------------------------------------------------------------------------------


def solve(a, b, lower=False, assume_a=None, transposed=False, **options):
    """Solve ``a x = b``; see `scipy.linalg.solve`.

    ``lower`` says which triangle of a symmetric matrix is read, with ``assume_a`` "sym", "her" or "pos".

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> from dualdiff.scipy import linalg
    >>> dd.derivative(lambda t: linalg.solve(t * np.eye(2), np.ones(2))[0])(2.0)
    np.float64(-0.25)
    """
    a, b = _array(a), _array(b)
    if not (is_dual(a) or is_dual(b)):
        return _linalg.solve(a, b, lower=lower, assume_a=assume_a, transposed=transposed, **options)
    if assume_a in ("sym", "symmetric", "her", "hermitian", "pos", "positive definite"):
        a = _mirrored(a, lower)
    return np.linalg.solve(_t(a) if transposed else a, b)


def _mirrored(a, lower):
    """The symmetric matrix of which one triangle is read."""
    a = a if lower else _t(a)
    return np.tril(a) + _t(np.tril(a, -1))


def solve_triangular(a, b, trans=0, lower=False, unit_diagonal=False, **options):
    """Solve ``a x = b`` with a triangular matrix; see `scipy.linalg.solve_triangular`.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> from dualdiff.scipy import linalg
    >>> dd.derivative(lambda t: linalg.solve_triangular(t * np.eye(2), np.ones(2))[0])(2.0)
    np.float64(-0.25)
    """
    a, b = _array(a), _array(b)
    if not (is_dual(a) or is_dual(b)):
        return _linalg.solve_triangular(a, b, trans=trans, lower=lower, unit_diagonal=unit_diagonal, **options)
    a = np.tril(a) if lower else np.triu(a)
    if unit_diagonal:
        a = np.where(np.eye(a.shape[-1], dtype=bool), 1.0, a)
    return np.linalg.solve(_t(a) if trans in (1, 2, "T", "C") else a, b)


def cholesky(a, lower=False, **options):
    """Cholesky's factor of a positive definite matrix, of which one triangle is read; see `scipy.linalg.cholesky`.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> from dualdiff.scipy import linalg
    >>> dd.derivative(lambda t: linalg.cholesky(t * np.eye(2))[0, 0])(4.0)
    np.float64(0.25)
    """
    a = _array(a)
    if not is_dual(a):
        return _linalg.cholesky(a, lower=lower, **options)
    return np.linalg.cholesky(a) if lower else _t(np.linalg.cholesky(_t(a)))


def cho_factor(a, lower=False, **options):
    """Cholesky's factor and whether it is the lower one, for `cho_solve`; see `scipy.linalg.cho_factor`.

    Examples
    --------
    >>> import numpy as np
    >>> from dualdiff.scipy import linalg
    >>> float(linalg.cho_factor(np.array([[4.0]]))[0][0, 0])
    2.0
    """
    a = _array(a)
    return (cholesky(a, lower), lower) if is_dual(a) else _linalg.cho_factor(a, lower=lower, **options)


def cho_solve(c_and_lower, b, **options):
    """Solve a system with the result of `cho_factor`; see `scipy.linalg.cho_solve`.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> from dualdiff.scipy import linalg
    >>> slope = dd.derivative(lambda t: linalg.cho_solve(linalg.cho_factor(t * np.eye(2)), np.ones(2))[0])(2.0)
    >>> float(round(slope, 12))
    -0.25
    """
    (c, lower), b = c_and_lower, _array(b)
    c = _array(c)
    if not (is_dual(c) or is_dual(b)):
        return _linalg.cho_solve((c, lower), b, **options)
    half = solve_triangular(c, b, trans=0 if lower else 1, lower=lower)
    return solve_triangular(c, half, trans=1 if lower else 0, lower=lower)


def _lu_tangent(y, primals, stacks):
    """With M = L⁻¹ dA U⁻¹: dL = L times M's strict lower triangle, dU = M's upper triangle times U."""
    one = np.eye(y.shape[-1])
    lower, upper = np.tril(y, -1) + one, np.triu(y)
    m = _t(np.linalg.solve(_t(upper), _t(np.linalg.solve(lower, stacks[0]))))
    return np.matmul(lower, np.tril(m, -1)) + np.matmul(np.triu(m), upper)


def lu_factor(a, **options):
    """LU factors with row exchanges, which are constants, for `lu_solve`; see `scipy.linalg.lu_factor`.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> from dualdiff.scipy import linalg
    >>> dd.derivative(lambda t: linalg.lu_factor(t * np.eye(2))[0][1, 1])(2.0)
    np.float64(1.0)
    """
    a = _array(a)
    if not is_dual(a):
        return _linalg.lu_factor(a, **options)
    pivots = _linalg.lu_factor(value(a))[1]
    ordered = a[_exchanged(pivots)]

    def function(a):
        return apply_custom(function, _lu_tangent, [a]) if is_dual(a) else _linalg.lu_factor(a)[0]

    return apply_custom(function, _lu_tangent, [ordered]), pivots


def _exchanged(pivots):
    """The order of rows that a list of exchanges leads to."""
    order = np.arange(len(pivots))
    for i, j in enumerate(pivots):
        order[[i, j]] = order[[j, i]]
    return order


def lu_solve(lu_and_piv, b, trans=0, **options):
    """Solve a system with the result of `lu_factor`; see `scipy.linalg.lu_solve`.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> from dualdiff.scipy import linalg
    >>> dd.derivative(lambda t: linalg.lu_solve(linalg.lu_factor(t * np.eye(2)), np.ones(2))[0])(2.0)
    np.float64(-0.25)
    """
    (lu, pivots), b = lu_and_piv, _array(b)
    lu = _array(lu)
    if not (is_dual(lu) or is_dual(b)):
        return _linalg.lu_solve((lu, pivots), b, trans=trans, **options)
    order = _exchanged(pivots)
    if trans in (0, "N"):
        return solve_triangular(lu, solve_triangular(lu, b[order], lower=True, unit_diagonal=True))
    solved = solve_triangular(lu, solve_triangular(lu, b, trans=1), trans=1, lower=True, unit_diagonal=True)
    return solved[np.argsort(order)]


def inv(a, **options):
    """The inverse; see `scipy.linalg.inv`.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> from dualdiff.scipy import linalg
    >>> dd.derivative(lambda t: linalg.inv(t * np.eye(2))[0, 0])(2.0)
    np.float64(-0.25)
    """
    a = _array(a)
    return np.linalg.inv(a) if is_dual(a) else _linalg.inv(a, **options)


def det(a, **options):
    """The determinant; see `scipy.linalg.det`. Singular matrices have derivatives, too.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> from dualdiff.scipy import linalg
    >>> dd.derivative(lambda t: linalg.det(t * np.eye(2)))(3.0)
    np.float64(6.0)
    """
    a = _array(a)
    return np.linalg.det(a) if is_dual(a) else _linalg.det(a, **options)


# -- eigenvalues -----------------------------------------------------------------------------------------------------


def eigh(a, b=None, lower=True, eigvals_only=False, **options):
    """Eigenvalues and eigenvectors of ``a v = w b v``, a symmetric and b positive definite; see `scipy.linalg.eigh`.

    Eigenvectors have a derivative where their eigenvalue is simple, and are nan where it is not.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> from dualdiff.scipy import linalg
    >>> slope = dd.derivative(lambda t: linalg.eigh(np.diag([1.0, 2.0]), t * np.eye(2), eigvals_only=True)[1])(2.0)
    >>> float(round(slope, 12))
    -0.5
    """
    a, b = _array(a), None if b is None else _array(b)
    if not (is_dual(a) or is_dual(b)):
        return _linalg.eigh(a, b, lower=lower, eigvals_only=eigvals_only, **options)
    a, b = _mirrored(a, lower), None if b is None else _mirrored(b, lower)
    reduced = a
    if b is not None:
        factor = np.linalg.cholesky(b)
        reduced = np.linalg.solve(factor, _t(np.linalg.solve(factor, a)))
    if eigvals_only:
        return np.linalg.eigvalsh(reduced)
    w, v = np.linalg.eigh(reduced)
    v = v if b is None else np.linalg.solve(_t(factor), v)
    # Either sign is right: the one that SciPy picks.
    picked = _linalg.eigh(value(a), None if b is None else value(b))[1]
    return w, v * np.where(np.sum(value(v) * picked, axis=-2, keepdims=True) < 0, -1.0, 1.0)


def eigvalsh(a, b=None, lower=True, **options):
    """Eigenvalues of ``a v = w b v``; see `eigh`.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> from dualdiff.scipy import linalg
    >>> dd.derivative(lambda t: linalg.eigvalsh(t * np.eye(2))[0])(2.0)
    np.float64(1.0)
    """
    return eigh(a, b, lower, eigvals_only=True, **options)


# -- functions of matrices -------------------------------------------------------------------------------------------


def _each(function):
    """A function of one matrix on a stack of them."""

    def stacked(a):
        if a.ndim == 2:
            return function(a)
        flat = a.reshape((-1, *a.shape[-2:]))
        return np.stack([function(one) for one in flat]).reshape(a.shape) if len(flat) else np.zeros(a.shape, a.dtype)

    return stacked


def _apply(function, a):
    a = _array(a)
    plain = _each(function)
    if not is_dual(a):
        return plain(a)

    def matrix_function(a):
        return apply_custom(matrix_function, tangent, [a]) if is_dual(a) else plain(a)

    def tangent(y, primals, stacks):
        stack, n = spread(stacks[0], y.ndim), y.shape[-1]
        a = primals[0] + 0 * stack
        upper = np.concatenate([a, stack], -1)
        lower = np.concatenate([0 * stack, a], -1)
        return matrix_function(np.concatenate([upper, lower], -2))[..., :n, n:]

    return matrix_function(a)


def expm(a):
    """The exponential of a matrix; see `scipy.linalg.expm`.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> from dualdiff.scipy import linalg
    >>> dd.derivative(lambda t: linalg.expm(np.diag([t, 0.0]))[0, 0])(0.0)
    np.float64(1.0)
    """
    return _apply(_linalg.expm, a)


def logm(a):
    """The principal logarithm of a matrix; see `scipy.linalg.logm`.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> from dualdiff.scipy import linalg
    >>> float(round(dd.derivative(lambda t: linalg.logm(np.diag([t, 1.0]))[0, 0])(2.0), 12))
    0.5
    """
    return _apply(_linalg.logm, a)


def sqrtm(a):
    """The principal square root of a matrix; see `scipy.linalg.sqrtm`.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> from dualdiff.scipy import linalg
    >>> float(dd.derivative(lambda t: linalg.sqrtm(np.diag([t, 1.0]))[0, 0])(4.0))
    0.25
    """
    return _apply(_linalg.sqrtm, a)
