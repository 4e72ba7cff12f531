"""Selections: values decide which entry, its tangent comes along."""

import numpy as np

from .._array import is_dual
from ..packing import join, spread
from .registry import numbers, part, primal, rule


@rule(np.where)
def _where(condition, *branches):
    condition = primal(numbers(condition))
    if not branches:
        return np.where(condition)
    parts = [numbers(branch) for branch in branches]
    if not any(is_dual(a) for a in parts):
        return np.where(condition, *parts)
    ndim = max(np.ndim(condition), *(np.ndim(a) for a in parts))
    return join(
        parts,
        lambda values: part(np.where(condition, *values)),
        lambda stacks: np.where(condition, *(spread(stack, ndim) for stack in stacks)),
    )
