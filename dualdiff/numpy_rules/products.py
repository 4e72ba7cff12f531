"""Products: linear in each operand. A matmul of k planes is one matrix product."""

import numpy as np

from .registry import multilinear, rule


def _matmul_planes(operands, lead):
    a, b = operands
    if lead == (0,):
        # (k, …, n, m) @ (…, m, p) broadcasts over planes; a stack of vectors (k, m) is a matrix already.
        return np.matmul(a, b) if a.ndim > 2 or np.ndim(b) <= 2 else np.matmul(a[:, None, :], b[None])[..., 0, :]
    if lead == (1,):
        if b.ndim == 2:
            # a stack of vectors: (k, m) against a (…, n, m)
            return np.moveaxis(np.matmul(a, b.T), -1, 0)
        if np.ndim(a) == 1:
            return np.matmul(a, b)
        return np.matmul(a, _lead_axes(b, np.ndim(a)))
    va, vb = a.ndim == 2, b.ndim == 2
    a = a[:, None, :] if va else a
    b = b[:, :, None] if vb else b
    a, b = _lead_axes(a, b.ndim - 1), _lead_axes(b, a.ndim - 1)
    out = np.matmul(a, b)
    out = out[..., 0] if vb else out
    return (out[..., 0] if vb else out[..., 0, :]) if va else out


def _lead_axes(stack, ndim):
    missing = ndim + 1 - stack.ndim
    return stack.reshape((stack.shape[0], *[1] * missing, *stack.shape[1:])) if missing > 0 else stack


@rule(np.matmul)
def _matmul(a, b):
    return multilinear(np.matmul, (a, b), _matmul_planes)


@rule(np.dot)
def _dot(a, b, out=None):
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return np.multiply(a, b)
    if np.ndim(b) <= 2 or np.ndim(a) == 1 and np.ndim(b) == 1:
        return _matmul(a, b)
    return np.tensordot(a, b, axes=(-1, -2))
