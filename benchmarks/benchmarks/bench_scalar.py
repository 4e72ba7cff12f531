"""Plain Python loops over a list of floats."""

from .common import Suite, params


class Scalar(Suite):
    params = params("scalar")

    def time_derivative(self, problem, rival):
        self.run()
