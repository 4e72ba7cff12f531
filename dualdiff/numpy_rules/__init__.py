"""NumPy functions on dual arrays, by nature. Every function is one entry of `RULES`."""

from . import construction, linalg, products, reductions, shaping, sorting  # noqa: F401
from .registry import RULES

__all__ = ["RULES"]
