"""Nesting levels: every call of a transform differentiates with respect to a variable of its own.

A level is an integer. Numbers made by hand have level 0; each transform call opens the next larger one, so that an
inner call always has a larger level than the calls around it. Two numbers of different levels nest (the larger level
is outside); they never add, which is what rules out the confusion of perturbations (Siskind & Pearlmutter 2005).
The lowest two bits of a level say whether the call runs with ``strict=True`` and with ``holomorphic=True``, so that
kernels and rules know it from the number.
"""

import itertools

from .errors import LevelError

_counter = itertools.count(1)
_live = set()

BY_HAND = 0


def open_level(strict=False, holomorphic=False):
    """Open a fresh level; close it with `close_level`."""
    level = 4 * next(_counter) + 2 * bool(holomorphic) + bool(strict)
    _live.add(level)
    return level


def open_like(level):
    """Open a fresh level of the same strictness and kind as another one."""
    return open_level(is_strict(level), is_holomorphic(level))


def is_strict(level):
    """Whether ties and tips are nan at this level."""
    return bool(level & 1)


def is_holomorphic(level):
    """Whether derivatives at this level are complex ones."""
    return bool(level & 2)


def close_level(level):
    """Close a level: numbers that still carry it are errors from now on."""
    _live.discard(level)


def require_live(level):
    """Raise `LevelError` unless ``level`` is by hand or belongs to a transform call that is running."""
    if level != BY_HAND and level not in _live:
        raise LevelError(
            "a dual number was kept from a transform call that has returned and then used in another one; "
            "return it from the function, or keep dualdiff.value(x), the plain number"
        )
