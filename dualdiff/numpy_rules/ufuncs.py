"""Ufuncs beyond the plain call of a row: methods, out=, where=, and ufuncs that are no row."""

import numpy as np

from ..errors import UnsupportedFunctionError
from .registry import RULES


def call_ufunc(ufunc, method, inputs, kwargs):
    """Serve ``__array_ufunc__`` where the compiled fast path does not."""
    if method == "__call__" and ufunc in RULES and not kwargs:
        return RULES[ufunc](*inputs)
    raise UnsupportedFunctionError(f"np.{ufunc.__name__}.{method} has no derivative rule for dual numbers")


__all__ = ["np"]
