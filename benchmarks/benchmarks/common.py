"""What the asv files share: a suite is a list of problems, and every rival is a value of the parameter ``rival``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .problems import PROBLEMS
from .rivals import RIVALS, Unavailable, prepare


def or_skip(function: Callable[..., Any], *arguments: Any) -> Any:
    """``function(*arguments)``, with `Unavailable` as asv's way to skip; ``asv run --show-stderr`` says why."""
    try:
        return function(*arguments)
    except Unavailable as reason:
        raise NotImplementedError(str(reason)) from reason


class Suite:
    """Base class: `setup` leaves the statement to time in ``self.run``, its result checked against the others."""

    param_names = ("problem", "rival")

    def setup(self, problem, rival):
        self.run = or_skip(prepare, problem, rival).function()


def params(group: str) -> tuple[list[str], list[str]]:
    """The asv parameters of a group of problems."""
    return [problem.name for problem in PROBLEMS if problem.group == group], list(RIVALS)
