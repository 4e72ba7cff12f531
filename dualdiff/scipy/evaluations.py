"""What SciPy is handed instead of the user's function: plain numbers, and each evaluation once."""

import functools

import numpy as np

from .. import transforms
from .._array import is_dual
from ..errors import DualDiffError
from ..functions import value
from ..packing import has_duals, pack

# How to go on where the function cannot be differentiated.
DIFFERENCES = "The solver asked for an exact derivative; jac=False (fprime=False) asks for SciPy's differences instead."


class Shared:
    """A function and its derivatives at the x asked for last, each computed once.

    Parameters
    ----------
    function : callable
        Of x alone.
    kind : {"gradient", "jacobian", "slope"}
        What its first derivative is: of a scalar function, of a vector, or of an elementwise function.
    with_value, with_first : int
        The order of derivatives that is computed when the value, or the first derivative, is asked for.

    Attributes
    ----------
    dual : bool
        Whether a result was a dual number: the function depends on a parameter that is being differentiated. What is
        handed out is plain.
    """

    def __init__(self, function, kind, with_value=1, with_first=1):
        function = single(function) if kind == "gradient" else function
        self.function, self.kind, self.with_value, self.with_first = function, kind, with_value, with_first
        first = {
            "gradient": transforms.value_and_grad(function),
            "jacobian": transforms.value_and_jacobian(function),
            "slope": lambda x: transforms.jvp(function, (x,), (np.ones(np.shape(x)),)),
        }
        self.passes = (lambda x: (packed(function(x)),), first[kind], transforms.value_grad_and_hessian(function))
        self.x, self.found, self.dual = None, (), False

    def value(self, x):
        return self._at(x, self.with_value)[0]

    def first(self, x):
        """The gradient, the slope, or the Jacobian as a matrix."""
        found = self._at(x, self.with_first)[1]
        return found.reshape((-1, np.size(x))) if self.kind == "jacobian" else found

    def second(self, x):
        return self._at(x, 2)[2]

    def product(self, x, vector):
        """The Hessian times a vector."""
        return self._plain(transforms.hvp(self.function, (x,), (vector,)))

    def _at(self, x, order):
        if self.x is None or not np.array_equal(x, self.x):
            self.x, self.found = np.array(x), ()
        if len(self.found) <= order:
            try:
                self.found = tuple(map(self._plain, self.passes[order](x)))
            except DualDiffError as error:
                if order:
                    error.add_note(DIFFERENCES)
                raise
        # SciPy may write into what it gets.
        return [part.copy() if isinstance(part, np.ndarray) else part for part in self.found]

    def _plain(self, part):
        self.dual = self.dual or is_dual(part)
        return value(part)


def bound(function, args, kwargs=None):
    """A function of x alone, with plain parameters."""
    args, kwargs = value(args), value(kwargs or {})

    @functools.wraps(function)
    def of_x(x):
        return function(x, *args, **kwargs)

    return of_x


def single(function):
    """A function whose results may be arrays of one number, which SciPy takes for a number."""

    @functools.wraps(function)
    def number(x):
        y = packed(function(x))
        return np.reshape(y, ()) if np.ndim(y) and np.size(y) == 1 else y

    return number


def given(function, args, kwargs=None):
    """A derivative of the caller's own, on plain numbers; False, None, True and names as they are."""
    if not callable(function):
        return function
    args, kwargs = value(args), value(kwargs or {})
    return lambda *own: value(packed(function(*own, *args, **kwargs)))


def packed(y):
    return pack(y) if has_duals(y) else y


def as_tuple(args):
    return args if isinstance(args, tuple) else (args,)
