"""Nesting levels: every call of a transform differentiates with respect to a variable of its own.

A level is an integer. Numbers made by hand have level 0; each transform call opens the next larger one, so that an
inner call always has a larger level than the calls around it. Two numbers of different levels nest (the larger level
is outside); they never add, which is what rules out the confusion of perturbations (Siskind & Pearlmutter 2005).
The lowest two bits of a level say whether the call runs with ``strict=True`` and with ``holomorphic=True``, so that
kernels and rules know it from the number.
"""

import itertools

from .errors import LevelError

cdef object counter = itertools.count(1)
cdef set live = set()
_live = live

BY_HAND = 0


cpdef long open_level(bint strict=False, bint holomorphic=False) except -1:
    """Open a fresh level; close it with `close_level`."""
    cdef object level = 4*next(counter) + 2*holomorphic + strict
    live.add(level)
    return level


def open_like(level):
    """Open a fresh level of the same strictness and kind as another one."""
    return open_level(is_strict(level), is_holomorphic(level))


cpdef bint is_strict(long level) noexcept:
    """Whether ties and tips are nan at this level."""
    return level & 1


cpdef bint is_holomorphic(long level) noexcept:
    """Whether derivatives at this level are complex ones."""
    return (level & 2) != 0


cpdef close_level(long level):
    """Close a level: numbers that still carry it are errors from now on."""
    live.discard(level)


def require_live(level):
    """Raise `LevelError` unless ``level`` is by hand or belongs to a transform call that is running."""
    if level != BY_HAND and level not in live:
        raise LevelError(
            "a dual number was kept from a transform call that has returned and then used in another one; "
            "return it from the function, or keep dualdiff.value(x), the plain number"
        )
