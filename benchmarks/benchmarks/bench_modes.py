"""Forward mode, reverse mode and rivals over a grid of inputs and outputs: time, peak memory, growth."""

from .common import or_skip
from .modes import CASES, CONTESTANTS, growth, peak, prepare


class Time:
    param_names = ("case", "who")
    params = ([case.name for case in CASES], list(CONTESTANTS))

    def setup(self, case, who):
        self.run = or_skip(prepare, case, who).function()

    def time_derivative(self, case, who):
        self.run()


class Memory:
    """Of NumPy's and Python's memory; what JAX allocates elsewhere is not seen."""

    param_names = ("case", "who")
    params = ([case.name for case in CASES], ["forward", "reverse", "auto", "autograd"])

    def setup(self, case, who):
        self.statement = or_skip(prepare, case, who)

    def track_peak(self, case, who):
        return peak(self.statement)

    track_peak.unit = "bytes"

    def track_growth(self, case, who):
        return growth(self.statement)

    track_growth.unit = "bytes per call"
