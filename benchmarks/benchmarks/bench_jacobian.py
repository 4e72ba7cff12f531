"""Jacobians of small problems."""

from .common import Suite, params


class Jacobian(Suite):
    params = params("jacobian")

    def time_derivative(self, problem, rival):
        self.run()
