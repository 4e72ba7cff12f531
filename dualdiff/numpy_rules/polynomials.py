"""Polynomials by their coefficients, highest power first: NumPy's own recurrences on dual numbers."""

import numpy as np

from ..errors import DifferentiationTypeError, DifferentiationValueError
from ..kinds import is_dual
from ..nested import strong_product
from ..packing import primal
from .registry import apply_custom, numbers, refuse_dual, rule


def _coefficients(p):
    if isinstance(p, np.poly1d):
        p = p.coeffs
    p = numbers(p)
    p = p if is_dual(p) else np.asarray(p)
    return p.reshape((1,)) if p.ndim == 0 else p


@rule(np.polyval)
def _polyval(p, x):
    """Horner's scheme."""
    if isinstance(x, np.poly1d):
        raise DifferentiationTypeError(
            "np.polyval: x is a polynomial, and the coefficients are dual numbers; pass numbers for x"
        )
    p, x = _coefficients(p), numbers(x)
    x = x if is_dual(x) else np.asarray(x)
    y = np.zeros_like(x) + 0 * p[:1].sum()
    for i in range(p.shape[0]):
        y = y * x + p[i]
    return y


@rule(np.polyadd)
def _polyadd(a1, a2):
    a, b = _coefficients(a1), _coefficients(a2)
    missing = b.shape[0] - a.shape[0]
    return _padded(a, missing) + _padded(b, -missing)


@rule(np.polysub)
def _polysub(a1, a2):
    return _polyadd(a1, -_coefficients(a2))


def _padded(p, zeros):
    return np.concatenate([np.zeros(zeros, p.dtype), p]) if zeros > 0 else p


@rule(np.polymul)
def _polymul(a1, a2):
    return np.convolve(_coefficients(a1), _coefficients(a2))


@rule(np.polydiv)
def _polydiv(u, v):
    """Long division; quotient and remainder."""
    u, v = _coefficients(u) + 0.0, _coefficients(v) + 0.0
    quotients = []
    n = v.shape[0]
    for k in range(max(u.shape[0] - n + 1, 1)):
        if u.shape[0] < n:
            quotients = [0 * v[:1].sum()]
            break
        quotients.append(u[k] / v[0])
        u = np.concatenate([u[:k], u[k : k + n] - quotients[-1] * v, u[k + n :]])
    plain = primal(u)
    first = 0
    while first < plain.shape[0] - 1 and np.allclose(plain[first], 0, rtol=1e-14):
        first += 1
    return np.stack(quotients), u[first:]


@rule(np.polyder)
def _polyder(p, m=1):
    refuse_dual(np.polyder, m=m)
    p = _coefficients(p)
    for _ in range(m):
        p = p[:-1] * np.arange(p.shape[0] - 1, 0, -1)
    return p


@rule(np.polyint)
def _polyint(p, m=1, k=None):
    p = _coefficients(p)
    constants = np.zeros(m, p.dtype) if k is None else np.broadcast_to(_coefficients(k), (m,))
    for i in range(m):
        p = np.concatenate([p / np.arange(p.shape[0], 0, -1), constants[i : i + 1]])
    return p


@rule(np.vander)
def _vander(x, N=None, increasing=False):
    x = numbers(x)
    x = x.astype(np.promote_types(x.dtype, int))
    if x.ndim != 1:
        raise ValueError("x must be a one-dimensional array or sequence.")
    count = x.shape[0] if N is None else N
    columns = [np.ones_like(x)]
    for _ in range(count - 1):
        columns.append(columns[-1] * x)
    columns = columns[:count] if increasing else columns[:count][::-1]
    return np.stack(columns, -1) if columns else np.zeros_like(x, shape=(x.shape[0], 0))


@rule(np.poly)
def _poly(seq_of_zeros):
    zeros = numbers(seq_of_zeros)
    if zeros.ndim == 2 and zeros.shape[0] == zeros.shape[1] and zeros.shape[0]:
        return _characteristic(zeros)
    if zeros.ndim > 1:
        raise ValueError("input must be 1d or non-empty square 2d array.")
    p = np.ones(1, zeros.dtype)
    for i in range(zeros.shape[0]):
        p = np.convolve(p, np.stack([np.ones((), zeros.dtype), -zeros[i]]))
    return p


def _characteristic(a):
    """The characteristic polynomial (Faddeev and Le Verrier); no eigenvalue is asked for, so repeated ones are fine."""
    n = a.shape[0]
    eye = np.eye(n, dtype=a.dtype)
    coefficients, m = [np.ones((), a.dtype)], eye
    for k in range(1, n + 1):
        am = np.matmul(a, m)
        coefficients.append(-np.trace(am) / k)
        m = am + coefficients[-1] * eye
    return np.stack(coefficients)


def _roots_tangent(y, primals, stacks):
    """From p(r) = 0: dr = −dp(r)/p′(r); nan at a repeated root, where roots are not differentiable."""
    p = primals[0]
    degree = p.shape[0] - 1
    powers = np.stack([y**k for k in range(degree, -1, -1)])
    slope = np.sum(_polyder(p)[:, None] * powers[1:], 0)
    plain = primal(y)
    distance = np.abs(plain[:, None] - plain) + np.where(np.eye(len(plain)), np.inf, 0.0)
    repeated = distance.min(1, initial=np.inf) <= np.finfo(plain.dtype).eps ** 0.5 * np.abs(plain)
    change = np.matmul(stacks[0].astype(np.result_type(stacks[0].dtype, y.dtype)), powers)
    return strong_product(np.where(repeated, np.nan, -1 / slope), change)


@rule(np.roots)
def _roots(p):
    p = _coefficients(p)
    plain = primal(p)
    if plain.ndim != 1 or plain.size == 0 or plain[0] == 0 or plain[-1] == 0:
        raise DifferentiationValueError("np.roots: the first and the last coefficient must not be 0 in a derivative; "
                                        "strip zeros before the call")
    return apply_custom(np.roots, _roots_tangent, [p])


@rule(np.polyfit)
def _polyfit(x, y, deg, rcond=None, full=False, w=None, cov=False):
    """Least squares with the columns of a Vandermonde matrix scaled to unit length, as NumPy does."""
    if full or cov:
        raise DifferentiationTypeError(
            "np.polyfit: full=True and cov=True have no derivative rule; leave them out, or pass dualdiff.value(y)"
        )
    x, y = (_coefficients(a) + 0.0 for a in (x, y))
    left, right = np.vander(x, int(deg) + 1), y
    if w is not None:
        w = _coefficients(w) + 0.0
        left, right = left * w[:, None], (right.T * w).T
    rcond = x.shape[0] * np.finfo(x.dtype).eps if rcond is None else rcond
    scale = np.sqrt(np.sum(np.square(primal(left)), 0))
    c = np.linalg.lstsq(left / scale, right, rcond)[0]
    return (c.T / scale).T
