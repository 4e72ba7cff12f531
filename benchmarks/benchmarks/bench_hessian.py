"""Hessians of small problems."""

from .common import Suite, params


class Hessian(Suite):
    params = params("hessian")

    def time_derivative(self, problem, rival):
        self.run()
