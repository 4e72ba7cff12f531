"""Arrays: elementwise chains, and single operations on small arrays, where overhead is all there is."""

from .common import Suite, or_skip, params
from .problems import OPERATORS
from .rivals import RIVALS, prepare_operator
from .timing import fastest


class Chain(Suite):
    params = params("arrays")

    def time_derivative(self, problem, rival):
        self.run()


class SmallOperators:
    """Four elements with four dense tangents, as a ratio to the same operation on plain arrays."""

    params = (
        [operator.text for operator in OPERATORS],
        [name for name, rival in RIVALS.items() if hasattr(rival, "operands") and name != "plain"],
    )
    param_names = ("operation", "rival")
    unit = "× plain"

    def setup(self, operation, rival):
        self.statements = {name: or_skip(prepare_operator, operation, name) for name in ("plain", rival)}

    def track_ratio(self, operation, rival):
        best = fastest(self.statements, most=10)
        return best[rival] / best["plain"]
