"""Fixed plain work without any derivative. When these change, the machine has changed and not the library."""

from .timing import CONTROL


class Control:
    params = list(CONTROL)
    param_names = ("work",)

    def setup(self, work):
        self.run = CONTROL[work].function()

    def time_control(self, work):
        self.run()
