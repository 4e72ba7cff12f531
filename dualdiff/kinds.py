"""What is differentiated: dual numbers and recorded arrays alike.

Rules ask here, so that a rule written for dual numbers serves reverse mode too: there it runs on recorded arrays, or is
itself recorded and transposed.
"""

import numpy as np

from . import _array
from ._reverse import carries_derivatives as is_dual
from ._reverse import is_traced, level_of, row, row2

__all__ = ["Symbolic", "apply_binary", "apply_unary", "is_dual", "is_traced", "level", "lift"]

level = level_of


class Symbolic:
    """What `dualdiff.replay` shows to a function in the place of an array or a number."""

    __slots__ = ()


class NotReplayable(BaseException):
    """A function does something that no program can repeat. No `Exception`, so that users' handlers let it pass."""


def refuse_symbols(name, args):
    """Raise `NotReplayable` where a function with a rule of the user's own would be recorded through its value."""
    for a in args:
        if isinstance(a, Symbolic):
            raise NotReplayable(f"it calls {name}, which has a rule of its own")
        if isinstance(a, list | tuple) or (isinstance(a, np.ndarray) and a.dtype == object):
            refuse_symbols(name, a if isinstance(a, list | tuple) else a.ravel().tolist())


def lift(x):
    """A scalar dual as an array of dimension 0; arrays as they are."""
    return x if is_traced(x) else _array.lift(x)


def apply_unary(index, x, parameters=()):
    """Apply row ``rules.UNARY[index]``."""
    return row(index, x, tuple(parameters)) if is_traced(x) else _array.apply_unary(index, x, parameters)


def apply_binary(index, a, b):
    """Apply row ``rules.BINARY[index]`` to two operands, at least one of which is differentiated."""
    return row2(index, a, b) if is_traced(a) or is_traced(b) else _array.apply_binary(index, a, b)
