"""What a command has to say, and how: tables with rich on a terminal, plain text elsewhere, JSON for machines."""

from __future__ import annotations

import io
import json
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np


class RequestError(Exception):
    """The request cannot be carried out as it was written; the message names the cure."""


@dataclass(frozen=True)
class Table:
    """Rows of texts under headings. Columns whose heading begins with ``>`` are flush right."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""

    def plain(self) -> str:
        """The table as text of aligned columns."""
        names = [heading.lstrip(">") for heading in self.headings]
        widths = [max(map(len, column)) for column in zip(names, *self.rows, strict=True)]
        sides = [str.rjust if heading.startswith(">") else str.ljust for heading in self.headings]
        lines = [
            "  ".join(side(cell, width) for side, cell, width in zip(sides, row, widths, strict=True)).rstrip()
            for row in (names, ["-" * width for width in widths], *self.rows)
        ]
        return "\n".join([self.title, *lines] if self.title else lines)

    def rich(self) -> Any:
        """The table as one of rich."""
        from rich import box
        from rich.table import Table as RichTable
        from rich.text import Text

        table = RichTable(title=self.title or None, title_justify="left", box=box.SIMPLE_HEAD)
        for heading in self.headings:
            table.add_column(heading.lstrip(">"), justify="right" if heading.startswith(">") else "left")
        for row in self.rows:
            table.add_row(*(Text(cell) for cell in row))
        return table


@dataclass
class Report:
    """The result of a command.

    Parameters
    ----------
    blocks : list of str or Table
        What a reader sees, in order.
    data : dict
        What a machine sees.
    passed : bool
        Whether all is well; decides the exit code.
    draw_on : callable, optional
        Draws on a figure of matplotlib.
    plot : callable, optional
        Draws on a figure of its own, and returns it or axes on it.
    """

    blocks: list[str | Table]
    data: dict[str, Any] = field(default_factory=dict)
    passed: bool = True
    draw_on: Callable[[Any], None] | None = None
    plot: Callable[[], Any] | None = None

    def show(self, as_json: bool = False) -> None:
        """Print the report; letters that the output cannot encode are escaped."""
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")
        if as_json:
            print(json.dumps(plain_data({**self.data, "passed": self.passed}), indent=2, allow_nan=False))
            return
        console = _console()
        for i, block in enumerate(self.blocks):
            if i:
                print(flush=console is not None)
            if isinstance(block, Table) and console is not None:
                console.print(block.rich())
            else:
                print(block.plain() if isinstance(block, Table) else block, flush=console is not None)

    def draw(self, path: str) -> None:
        """Write the report's picture to a file."""
        if self.draw_on is None and self.plot is None:
            raise RequestError("--plot: this command has nothing to draw; leave it out")
        try:
            from matplotlib.backends.backend_agg import FigureCanvasAgg
            from matplotlib.figure import Figure
        except ImportError:
            raise RequestError(
                '--plot: matplotlib is not installed; install it with python -m pip install "dualdiff-ad[plot]"'
            ) from None
        if self.draw_on is None:
            drawn = self.plot()
            figure = getattr(drawn, "figure", None) or drawn
        else:
            figure = Figure(layout="constrained", dpi=150)
            FigureCanvasAgg(figure)
            self.draw_on(figure)
        try:
            figure.savefig(path)
        except (OSError, ValueError) as error:
            raise RequestError(f"--plot: {path} cannot be written: {error}") from None


def _console() -> Any:
    """A console of rich, where rich is installed and a terminal is there to see it."""
    if not sys.stdout.isatty():
        return None
    try:
        from rich.console import Console
    except ImportError:
        return None
    return Console()


def plain_data(x: Any) -> Any:
    """What JSON can hold: lists for arrays, and the texts "nan", "inf" and "-inf" for numbers that JSON has not."""
    if isinstance(x, dict):
        return {str(key): plain_data(entry) for key, entry in x.items()}
    if isinstance(x, np.ndarray | np.generic):
        x = x.tolist()
    if isinstance(x, list | tuple):
        return [plain_data(entry) for entry in x]
    if isinstance(x, float) and not math.isfinite(x):
        return str(x)
    return x if isinstance(x, str | int | float | None) else str(x)
