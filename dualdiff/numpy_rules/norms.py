"""Norms, written with other NumPy functions; values are NumPy's own.

A tip has derivative 0 at first order and nan at second. The slope of a p-norm is made of quotients of an entry and the
norm, so that derivatives exist where squares overflow or underflow.
"""

import numpy as np

from .._array import make
from .._reverse import record
from ..kinds import is_dual, is_traced, level, lift
from ..nested import strong_product
from ..packing import part, primal
from .registry import apply_custom, behind, finite, leaves, numbers, rule


def with_value(x, value):
    """The same tangents around another plain value: NumPy's own, or one known to be exact."""
    if not is_dual(x):
        return np.asarray(value)
    if is_traced(x):
        return record(part(with_value(x.value, value)), (x,), lambda g: g, x.level)
    x = lift(x)
    return make(part(with_value(x.value, value)), x._stacks, x._layout, x._level)


def contract(stack, a):
    """``Σ stack[k, …, i] a[…, i]``, as a matrix product where nothing is batched, under the strong zero."""
    if not all(finite(leaf) for leaf, _ in leaves(a)):
        return np.sum(strong_product(a, stack), -1)
    if a.ndim == 1:
        return np.matmul(stack, a)
    return np.matmul(stack[..., None, :], a[..., :, None])[..., 0, 0]


def _power_of_two(x, axes):
    """A power of two near the largest entry."""
    largest = np.max(np.abs(x), axis=axes, keepdims=True, initial=0.0)
    bits = np.finfo(largest.dtype).maxexp
    _, exponent = np.frexp(np.where(np.isfinite(largest), largest, 1.0))
    exponent = np.where(largest == 0, 0, np.clip(exponent, 2 - bits, bits - 2))
    return np.ldexp(np.ones((), largest.dtype), exponent)


def _p_norm(x, axes, p, strict):
    """``(Σ |x|**p)**(1/p)``, whose axes stay with length 1."""
    if is_dual(x):
        return apply_custom(lambda x: _p_norm(x, axes, p, strict),
                            lambda y, primals, stacks: _p_tangent(y, primals[0], stacks[0], axes, p, strict), [x])
    y = _plain_norm(x, axes, p)
    low, high = _SAFE[y.dtype.char]
    if low < np.min(y, initial=1.0) and np.max(y, initial=1.0) < high:
        return y
    s = _power_of_two(x, axes)
    return _plain_norm(x / s, axes, p) * s


# Norms in between, in every precision, are those of entries whose squares did not matter or did not overflow.
_SAFE = {"d": (1e-140, 1e140), "f": (1e-15, 1e15)}


def _plain_norm(x, axes, p):
    if p == 2:
        squares = x.real**2 + x.imag**2 if x.dtype.kind == "c" else x * x
        return np.sqrt(np.sum(squares, axis=axes, keepdims=True))
    return np.sum(np.abs(x) ** p, axis=axes, keepdims=True) ** (1 / p)


def _p_tangent(y, x, dx, axes, p, strict):
    """``dy = Σ Re(conj(u) dx)``, u the unit vector of x and of the dual norm."""
    u = _slope(x, y, p, strict)
    if u.dtype.kind == "c":
        return _total(np.real(dx), np.real(u), axes) + _total(np.imag(dx), np.imag(u), axes)
    return _total(dx, u, axes)


def _total(stack, u, axes):
    """The sum over ``axes`` of the products of every plane with ``u``; the axes stay with length 1."""
    if len(axes) == u.ndim:
        total = contract(stack.reshape((stack.shape[0], u.size)), u.reshape((u.size,)))
        return total.reshape((stack.shape[0], *[1] * u.ndim))
    return np.sum(strong_product(u, stack), axis=behind(tuple(axes), u.ndim), keepdims=True)


def _slope(x, y, p, strict):
    """``sign(x) (|x|/y)**(p - 1)``; at the tip 0 with slope nan, or nan when ``strict``."""
    tip = primal(y) == 0
    r = x / np.where(tip, np.ones((), primal(y).dtype), y)
    u = r if p == 2 else np.sign(r) * np.abs(r) ** (p - 1)
    plain = primal(x)
    zero = np.zeros(plain.shape, plain.dtype)
    if p < 2 and np.any(plain == 0):
        u = np.where(plain == 0, with_value(r * (np.inf if p > 1 else np.nan), zero), u)
    if np.any(tip):
        u = np.where(tip, zero * np.nan if strict else with_value(x * np.nan, zero), u)
    return u


def _vector(x, axes, order):
    """A vector norm over ``axes`` taken as one, which stay with length 1."""
    if order == np.inf:
        return np.max(np.abs(x), axis=axes, keepdims=True)
    if order == -np.inf:
        return np.min(np.abs(x), axis=axes, keepdims=True)
    if order == 1:
        return np.sum(np.abs(x), axis=axes, keepdims=True)
    return _p_norm(x, axes, 2 if order is None else order, level(x) & 1)


def _matrix(x, axes, order):
    """A matrix norm over two axes, which stay with length 1."""
    row, column = axes
    if order is None or order == "fro":
        return _p_norm(x, axes, 2, level(x) & 1)
    if order in (1, -1, np.inf, -np.inf):
        summed, kept = (row, column) if abs(order) == 1 else (column, row)
        sums = np.sum(np.abs(x), axis=summed, keepdims=True)
        return (np.max if order > 0 else np.min)(sums, axis=kept, keepdims=True)
    s = np.linalg.svd(np.moveaxis(x, axes, (-2, -1)), compute_uv=False)
    pick = {"nuc": np.sum, 2: np.max, -2: np.min}[order]
    return np.expand_dims(pick(s, axis=-1), tuple(sorted(axes)))


def _finish(x, kind, axes, order, value):
    if order == 0:
        return value
    with np.errstate(all="ignore"):
        y = kind(x, axes, order)
    return with_value(lift(y).reshape(np.shape(value)), value)


@rule(np.linalg.norm)
def _norm(x, ord=None, axis=None, keepdims=False):
    x = numbers(x)
    value = np.linalg.norm(primal(x), ord, axis, keepdims)
    x = x.reshape((1,)) if x.ndim == 0 else x
    everything = axis is None
    axes = tuple(range(x.ndim)) if everything else axis if isinstance(axis, tuple | list) else (axis,)
    axes = tuple(i % x.ndim for i in axes)
    whole = everything and ord is None
    kind = _vector if len(axes) == 1 or whole else _matrix
    return _finish(x, kind, axes, ord, value)


@rule(np.linalg.vector_norm)
def _vector_norm(x, /, *, axis=None, keepdims=False, ord=2):
    x = numbers(x)
    value = np.linalg.vector_norm(primal(x), axis=axis, keepdims=keepdims, ord=ord)
    x = x.reshape((1,)) if x.ndim == 0 else x
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, tuple | list) else (axis,)
    return _finish(x, _vector, tuple(i % x.ndim for i in axes), ord, value)


@rule(np.linalg.matrix_norm)
def _matrix_norm(x, /, *, keepdims=False, ord="fro"):
    x = numbers(x)
    value = np.linalg.matrix_norm(primal(x), keepdims=keepdims, ord=ord)
    return _finish(x, _matrix, (x.ndim - 2, x.ndim - 1), ord, value)
