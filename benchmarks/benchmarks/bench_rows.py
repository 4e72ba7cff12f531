"""Every row of the rule table on dual arrays, as a ratio to the same NumPy function on plain arrays."""

from .common import or_skip
from .rows import ROWS, SHAPES, prepare_row
from .timing import fastest


class Rows:
    params = (list(ROWS), list(SHAPES))
    param_names = ("row", "elements × tangents")
    unit = "× plain"

    def setup(self, row, shape):
        self.statements = or_skip(prepare_row, row, shape)

    def track_ratio(self, row, shape):
        best = fastest(self.statements, most=6)
        return best["dualdiff"] / best["plain"]
