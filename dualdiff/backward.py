"""First derivatives of what has structured tangents, back from few results to many inputs.

Sums and products with matrices have made variables of their results (see tangents.py), which are linear in earlier ones
as far as their planes say. From fewer results than inputs, the derivatives by the latest variables are cheaper taken
back to the inputs than all slopes forward: the order of a product of matrices is free.
"""

import numpy as np

from ._array import duplicate
from ._columns import are_distinct, is_all, window
from .tangents import zeros


def jacobian(planes, columns):
    """The Jacobian ``(size, width)`` of a structured array, flattened; zeros meet infinities as in any product."""
    size, width = planes[0].size, columns.structure.width
    waiting, out = {}, None
    with np.errstate(all="ignore"):
        _wait_first(planes, columns, waiting)
        while waiting:
            basis = max(waiting, key=lambda basis: basis.order)
            stack = waiting.pop(basis)
            if basis.is_inputs or basis.has_slopes:
                stack = stack if basis.is_inputs else stack @ basis.slopes.T
                out = stack if out is None else np.add(out, stack, out=out)
            else:
                source = basis.source
                sent = source.back(stack.reshape((size, *source.shape)), np.matmul)
                _wait(sent, source.planes, source.columns, waiting)
    return np.zeros((size, width), planes.dtype) if out is None else out


def _wait_first(planes, columns, waiting):
    """Let the bases wait, each with the derivatives ``(size, m)`` of all elements by its variables."""
    size = planes[0].size
    for plane, number, basis in zip(planes, columns.numbers, columns.bases, strict=True):
        out = _waiting(waiting, basis, size, planes.dtype)
        plane = plane.reshape(-1)
        if is_all(number, basis.numbers):
            out.reshape(-1)[:: basis.size + 1] += plane
            continue
        number = number.reshape(-1)
        kept = np.flatnonzero(number)
        out[kept, number[kept] - 1] += plane[kept]


def _waiting(waiting, basis, size, dtype):
    if basis not in waiting:
        waiting[basis] = zeros((size, basis.size), dtype)
    return waiting[basis]


def _wait(stack, planes, columns, waiting):
    """Add what comes by an array whose own derivatives, of each result, are in ``stack``."""
    is_one = stack.size == 1 and stack.reshape(-1)[0] == 1.0  # of a sum
    for plane, number, basis in zip(planes, columns.numbers, columns.bases, strict=True):
        product = plane[np.newaxis] if is_one else stack * plane
        sent = product.reshape((len(stack), -1))
        if is_all(number, basis.numbers):
            sent = duplicate(sent) if is_one else sent
            waiting[basis] = waiting[basis] + sent if basis in waiting else sent
            continue
        out = _waiting(waiting, basis, len(stack), planes.dtype)
        if number.size and not any(number.strides):
            if number.flat[0]:
                out[:, number.flat[0] - 1] += sent.sum(axis=1)  # one variable in all places
            continue
        if window(out[0], number, basis.numbers[1:]) is not None:
            for row, entries in zip(out, product, strict=True):
                seen = window(row, number, basis.numbers[1:])
                seen += entries
            continue
        number = number.reshape(-1)
        kept = np.flatnonzero(number)
        if kept.size < number.size:
            number, sent = number[kept], sent[:, kept]
        if are_distinct(number, basis.numbers):
            out[:, number - 1] += sent
        else:
            np.add.at(out, (slice(None), number - 1), sent)
