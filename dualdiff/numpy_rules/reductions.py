"""Sums, means and what follows from them; products; extrema."""

import numpy as np

from .registry import behind, linear


def _sum_planes(stack, axis=None, dtype=None, out=None, keepdims=False, **kwargs):
    return np.sum(stack, axis=behind(axis, stack.ndim - 1), dtype=dtype, keepdims=keepdims)


linear(np.sum, _sum_planes)
