"""Forward mode, reverse mode and central differences, timed on the user's own function."""

import math
import textwrap
import time
from dataclasses import dataclass

import numpy as np

from .check import EPSILON, central_jacobian
from .errors import DifferentiationValueError, DualDiffError, optional
from .passes import check_function, is_integer
from .points import Point
from .pullbacks import vjp
from .transforms import jacobian

DIGITS = -math.log10(EPSILON)


@dataclass(frozen=True)
class Row:
    """One way to a Jacobian.

    Attributes
    ----------
    name : {"forward", "reverse", "differences"}
    seconds : float
        The best of the repeats; nan where the way is barred.
    evaluations : int
        Calls of the function.
    digits : float
        Decimal digits in which the worst entry agrees with forward mode, relative to the largest one of its row.
    why : str
        What barred the way.
    """

    name: str
    seconds: float
    evaluations: int
    digits: float
    why: str = ""


@dataclass(frozen=True)
class Comparison:
    """What `compare_modes` measured; prints as a table.

    Attributes
    ----------
    inputs, outputs : int
    evaluation : float
        Seconds that the function itself takes on plain numbers.
    forward, reverse, differences : Row
    agree : bool
        Whether the modes agree to twelve digits, and the differences to four.
    digits_lost : float
        Decimal digits of a double that central differences lose.
    crossover : float
        The predicted number of outputs at which both modes would cost the same, with these inputs; 0 where recording
        alone costs more than forward mode, inf where reverse mode would stay ahead, nan where it is barred.
    recommended : str
        The faster of the two modes.
    """

    inputs: int
    outputs: int
    evaluation: float
    forward: Row
    reverse: Row
    differences: Row
    crossover: float

    @property
    def rows(self):
        return self.forward, self.reverse, self.differences

    @property
    def agree(self):
        exact = math.isnan(self.reverse.seconds) or self.reverse.digits >= 12.0
        return exact and self.differences.digits >= 4.0

    @property
    def digits_lost(self):
        return max(0.0, DIGITS - self.differences.digits)

    @property
    def recommended(self):
        return "reverse" if self.reverse.seconds < self.forward.seconds else "forward"

    def __str__(self):
        lines = [
            f"{self.inputs} inputs, {self.outputs} outputs; one evaluation takes {_time(self.evaluation)}",
            "",
            f"{'':12} {'time':>10} {'evaluations':>12} {'calls of f':>11} {'digits':>7}",
        ]
        for row in self.rows:
            if row.why:
                lines.append(f"{row.name:12} {'-':>10}  {row.why}")
                continue
            lines.append(f"{row.name:12} {_time(row.seconds):>10} {row.seconds / self.evaluation:>11.1f}x "
                         f"{row.evaluations:>11} {row.digits:>7.1f}")
        lines += ["", *self._words()]
        return "\n".join(lines)

    def _words(self):
        if not self.agree:
            yield "The ways disagree: look for a kink near x, a random number, or a custom rule."
        yield f"Central differences lose {self.digits_lost:.0f} of {DIGITS:.0f} digits."
        if math.isinf(self.crossover):
            yield "Reverse mode would stay ahead for any number of outputs."
        elif self.crossover > 0.0:
            yield f"With these inputs the modes would break even at about {self.crossover:.0f} outputs."
        yield f'Recommended: mode="{self.recommended}".'

    def plot(self, ax=None):
        """Draw the times as bars, on a logarithmic axis.

        Parameters
        ----------
        ax : matplotlib axes, optional

        Returns
        -------
        matplotlib axes

        Raises
        ------
        MissingPackageError
            Without matplotlib.
        """
        if ax is None:
            ax = optional("matplotlib.pyplot", "compare_modes: .plot()", "matplotlib").subplots()[1]
        rows = [row for row in self.rows if not row.why]
        bars = ax.barh([row.name for row in rows], [row.seconds for row in rows])
        ax.bar_label(bars, [f"{_time(row.seconds)}, {row.digits:.0f} digits" for row in rows], padding=3)
        ax.axvline(self.evaluation, linestyle="--", color="grey", label="one evaluation")
        ax.set_xscale("log")
        ax.margins(x=0.3)
        ax.invert_yaxis()
        ax.set_xlabel("seconds")
        ax.set_title(f"Jacobian of {self.outputs} outputs with respect to {self.inputs} inputs")
        ax.legend()
        return ax


def compare_modes(function, x, *, repeats=5):
    """Time forward mode, reverse mode and central differences on a function, and check that they agree.

    Parameters
    ----------
    function : callable
        Of one argument; it is called many times.
    x : float, array_like
    repeats : int
        How often each way is timed after a warm-up; the best time counts.

    Returns
    -------
    Comparison
        Prints as a table, and draws itself by ``.plot()``.

    Raises
    ------
    DualDiffError
        Where forward mode does; where reverse mode cannot record the function, its row says why.

    Notes
    -----
    Central differences ``(y(x + e) - y(x - e))/2e`` take two evaluations per input. The crossover follows from the
    times of recording, of one row and of all rows: reverse mode is taken as affine in the outputs.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> report = dd.compare_modes(lambda v: np.sum(np.tanh(v)), np.linspace(0.0, 1.0, 50), repeats=2)
    >>> report.agree, report.inputs, report.outputs, report.differences.evaluations
    (True, 50, 1, 100)
    """
    check_function(function, "compare_modes")
    if not is_integer(repeats) or repeats < 1:
        raise DifferentiationValueError(f"compare_modes: repeats must be an integer of at least 1, found {repeats!r}")
    point = Point(x, "compare_modes")
    if not point.plain:
        raise DifferentiationValueError("compare_modes: x must hold plain numbers; call it outside other transforms")
    base = np.asarray(point.x, dtype=np.float64)
    plain = point.x if point.kind != "array" else base
    evaluation = _best(lambda: function(plain), repeats)
    counter = _Counted(function)

    forward = jacobian(counter, mode="forward")
    exact = np.asarray(forward(x))
    columns = counter.taken()
    seconds = _best(lambda: forward(x), repeats)
    first = Row("forward", seconds, columns, DIGITS)
    counter.taken()

    difference, calls = central_jacobian(function, point)
    third = Row("differences", _best(lambda: central_jacobian(function, point), repeats, most=0.5), calls,
                _digits(difference, exact, point.size))

    outputs = exact.size // max(point.size, 1) if point.size else 0
    second, crossover = _reversed(function, counter, x, exact, point, outputs, seconds, repeats)
    return Comparison(point.size, outputs, evaluation, first, second, third, crossover)


def _reversed(function, counter, x, exact, point, outputs, forward_seconds, repeats):
    """The row of reverse mode, and where the modes would break even."""
    back = jacobian(counter, mode="reverse")
    try:
        got = np.asarray(back(x))
    except (DualDiffError, TypeError, AttributeError) as error:
        why = textwrap.shorten(f"{type(error).__name__}: {error}", 70, placeholder=" ...")
        return Row("reverse", math.nan, 0, math.nan, why), math.nan
    calls = counter.taken()
    seconds = _best(lambda: back(x), repeats)
    row = Row("reverse", seconds, calls, _digits(got, exact, point.size))
    y, pullback = vjp(function, x)
    units = np.eye(max(outputs, 1)).reshape((-1, *np.shape(y)))
    one = _best(lambda: pullback(units[:1]), repeats)
    every = _best(lambda: pullback(units), repeats)
    return row, break_even(outputs, forward_seconds, seconds, one, every)


def break_even(outputs, forward, reverse, one, every):
    """The number of outputs at which both modes would take as long.

    Of the seconds of a whole Jacobian in ``forward`` and in ``reverse`` mode, and of ``one`` pulled-back row and of
    ``every`` row: recording takes ``reverse - every``, and each further row as long as the rows did on average.
    """
    each = (every - one) / (outputs - 1) if outputs > 1 else one
    left = forward - (reverse - every) - one
    if left <= 0.0:
        return 0.0
    return 1.0 + left / each if each > 0.0 else math.inf


class _Counted:
    """The function, with its calls counted."""

    def __init__(self, function):
        self.function, self.calls = function, 0
        self.__name__ = getattr(function, "__name__", type(function).__name__)

    def __call__(self, *args, **kwargs):
        self.calls += 1
        return self.function(*args, **kwargs)

    def taken(self):
        calls, self.calls = self.calls, 0
        return calls


def _best(call, repeats, most=2.0):
    """The shortest of several timings, each of so many calls that the clock sees them; no longer than ``most``."""
    start = time.perf_counter()
    call()
    once = max(time.perf_counter() - start, 1e-7)
    number = max(1, int(2e-3 / once))
    best, spent = math.inf, 0.0
    for _ in range(repeats):
        start = time.perf_counter()
        for _ in range(number):
            call()
        taken = time.perf_counter() - start
        best, spent = min(best, taken / number), spent + taken
        if spent > most:
            break
    return best


def _digits(got, exact, columns):
    """Decimal digits of the worst entry, relative to the largest of its row."""
    if exact.size == 0:
        return DIGITS
    got, exact = (np.reshape(a, (-1, columns)) for a in (got, exact))
    scale = np.max(np.abs(exact), axis=1, keepdims=True)
    error = np.max(np.abs(got - exact) / np.where(scale > 0.0, scale, 1.0))
    if math.isnan(error):
        return 0.0
    return DIGITS if error <= EPSILON else max(0.0, -math.log10(error))


def _time(seconds):
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if seconds * factor >= 1.0:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"

