"""NumPy functions on dual arrays, by nature. Every function is one entry of `RULES`."""

from . import calculus, construction, fft, linalg, norms, polynomials, products, reductions, shaping, sorting  # noqa: F401  # noqa: F401
from .registry import RULES

__all__ = ["RULES"]
