"""How things are timed: statements, interleaved round by round, the minimum of the rounds."""

from __future__ import annotations

import timeit
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

SLICE = 2e-3  # seconds that one timed block lasts at least, unless a single call lasts longer


@dataclass(frozen=True)
class Statement:
    """A piece of Python, the names it uses, and how to read its result (not timed).

    The text itself is compiled into the timing loop, so that no wrapper is charged to anybody.
    """

    text: str
    names: Mapping[str, Any]
    read: Callable[[Any], Any] = field(default=lambda result: result)

    def timer(self) -> timeit.Timer:
        return timeit.Timer(self.text, globals=dict(self.names))

    def result(self) -> Any:
        return self.read(eval(self.text, dict(self.names)))

    def function(self) -> Callable[[], Any]:
        return eval(f"lambda: {self.text}", dict(self.names))


def call(function: Callable, *arguments: Any, read: Callable[[Any], Any] = lambda result: result) -> Statement:
    """The statement ``function(*arguments)``."""
    names = {f"a{i}": argument for i, argument in enumerate(arguments)}
    return Statement(f"call({', '.join(names)})", {"call": function, **names}, read)


def fastest(
    statements: Mapping[Any, Statement], seconds: float = 0.5, most: int = 100, least: int = 4
) -> dict[Any, float]:
    """The least time of one run of each statement, in seconds.

    All statements take turns within each round, so that a slow spell of the machine falls on all alike. There are
    `most` rounds; a statement that would use more than its `seconds` takes part in fewer of them (but in `least`, or in
    one where even that would take ten times as long). The
    first run of every turn is not timed: it warms the caches which the others have filled.
    """
    timers = {key: statement.timer() for key, statement in statements.items()}
    number, rounds, best = {}, {}, dict.fromkeys(timers, float("inf"))
    for key, timer in timers.items():
        timer.timeit(1)
        count, elapsed = 1, timer.timeit(1)
        while elapsed < SLICE:
            count = max(2 * count, min(10 * count, int(1.2 * count * SLICE / max(elapsed, 1e-9))))
            elapsed = timer.timeit(count)
        number[key] = count
        per_round = elapsed * (1 + 1 / count)
        enough = least if least * per_round < 10 * seconds else 1
        rounds[key] = max(enough, min(most, int(seconds / per_round)))
    most = max(rounds.values(), default=0)
    for turn in range(most):
        for key, timer in timers.items():
            if (turn + 1) * rounds[key] // most > turn * rounds[key] // most:
                timer.timeit(1)
                best[key] = min(best[key], timer.timeit(number[key]) / number[key])
    return best


def _python_work():
    total = 0.0
    for i in range(2000):
        total += 0.5 * i - 1.0
    return total


_VECTOR = np.linspace(0.0, 1.0, 10_000)
_MATRIX = np.cos(np.arange(64.0 * 64.0)).reshape(64, 64)


def _numpy_work():
    return np.exp(_VECTOR).sum() + (_MATRIX @ _MATRIX)[0, 0]


#: Fixed work that has nothing to do with derivatives: it tells when the machine itself is slow.
CONTROL = {"plain Python work": call(_python_work), "plain NumPy work": call(_numpy_work)}
