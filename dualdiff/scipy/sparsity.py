"""Sparse Jacobians along a pattern that is known: columns that share no row travel in one direction."""

import numpy as np
from scipy import sparse

from .. import transforms
from ..errors import DifferentiationValueError
from ..functions import value


def colour(pattern):
    """Give every column a colour, such that columns of one colour share no row.

    Greedy, the fullest columns first (Curtis, Powell & Reid 1974; Gebremedhin, Manne & Pothen 2005, sec. 3).

    Parameters
    ----------
    pattern : sparse array, shape (m, n)

    Returns
    -------
    ndarray of int, shape (n,)
    """
    columns = sparse.csc_array(pattern)
    rows = [columns.indices[a:b] for a, b in zip(columns.indptr, columns.indptr[1:], strict=False)]
    taken, colours = [], np.zeros(len(rows), dtype=int)
    for j in sorted(range(len(rows)), key=lambda j: -len(rows[j])):
        free = next((c for c, mask in enumerate(taken) if not mask[rows[j]].any()), len(taken))
        if free == len(taken):
            taken.append(np.zeros(columns.shape[0], dtype=bool))
        taken[free][rows[j]] = True
        colours[j] = free
    return colours


class Coloured:
    """A pattern, coloured once, for exact Jacobians at many places.

    Parameters
    ----------
    pattern : array_like or sparse, shape (m, n)
        Other than 0 wherever the Jacobian may be.
    """

    def __init__(self, pattern):
        self.pattern = sparse.csc_array(pattern)
        colours = colour(self.pattern)
        self.seeds = (colours == np.arange(colours.max(initial=-1) + 1)[:, None]).astype(float)
        columns = np.repeat(np.arange(self.pattern.shape[1]), np.diff(self.pattern.indptr))
        self.places = colours[columns], self.pattern.indices

    def jacobian(self, function, x):
        """The Jacobian of ``function(x)``, a sparse array, from one evaluation with a tangent for each colour."""
        y, planes = transforms.jvp(function, (x,), (self.seeds,))
        if (*np.shape(y), *np.shape(x)) != self.pattern.shape:
            raise DifferentiationValueError(
                f"the pattern of the Jacobian has shape {self.pattern.shape}, but the function maps {np.shape(x)} to "
                f"{np.shape(y)}; pass a pattern of {np.size(y)} rows and {np.size(x)} columns"
            )
        data = value(planes)[self.places]
        return sparse.csc_array((data, self.pattern.indices, self.pattern.indptr), self.pattern.shape, copy=True)
