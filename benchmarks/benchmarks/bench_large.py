"""Problems of 10⁵ numbers and more, where memory counts: time, and the peak of a process of its own."""

from .common import Suite, params


class Large(Suite):
    params = params("large")

    def time_derivative(self, problem, rival):
        self.run()

    def peakmem_derivative(self, problem, rival):
        self.run()
