"""Pictures of reports, on a figure of matplotlib that the caller makes."""

from __future__ import annotations

from typing import Any

import numpy as np

from .report import RequestError


def digits(figure: Any, comparisons: list) -> None:
    """Correct digits of NIST's standard deviations, exact and by central differences."""
    figure.set_size_inches(8, 5)
    axes = figure.subplots()
    names = [c.problem.name for c in comparisons]
    for label, attribute, marker in (("exact Jacobian", "digits", "o"), ("central differences", "central_digits", "x")):
        points = [(i, digit) for i, c in enumerate(comparisons) for digit in getattr(c, attribute)]
        axes.plot(*zip(*points, strict=True), marker, label=label, alpha=0.7)
    axes.set_xticks(range(len(names)), names, rotation=60, ha="right")
    axes.set_ylabel("correct digits")
    axes.set_ylim(0, 12)
    axes.grid(axis="y", alpha=0.3)
    axes.legend()


def matrices(figure: Any, title: str, parts: dict[str, np.ndarray]) -> None:
    """Derivatives as matrices of colours; entries that are 0 are white."""
    parts = {name: matrix for name, matrix in parts.items() if matrix.size}
    if not parts:
        raise RequestError("--plot: a single number is no picture; leave it out, or take a point of several numbers")
    figure.set_size_inches(4.5 * len(parts) + 1, 4.5)
    figure.suptitle(title)
    for axes, (name, matrix) in zip(np.atleast_1d(figure.subplots(1, len(parts))), parts.items(), strict=True):
        finite = np.abs(matrix[np.isfinite(matrix)])
        limit = float(finite.max(initial=0.0)) or 1.0
        shown = np.ma.masked_where(matrix == 0, matrix)
        image = axes.imshow(shown, cmap="coolwarm", vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest")
        axes.set_title(name)
        axes.set_xlabel("input")
        axes.set_ylabel("input" if name == "Hessian" else "output")
        for axis, count in zip((axes.yaxis, axes.xaxis), matrix.shape, strict=True):
            step = -(-count // 8)
            axis.set_ticks(range(0, count, step))
        figure.colorbar(image, ax=axes, shrink=0.8)


def errors(figure: Any, rows: list, measured: dict) -> None:
    """The largest errors of rules, in units in the last place."""
    figure.set_size_inches(max(4.0, 0.22 * len(rows) + 2.0), 4.5)
    axes = figure.subplots()
    for part, marker in (("value", "o"), ("first", "s"), ("second", "^")):
        heights = [getattr(measured[row.name], part).ulp for row in rows]
        axes.plot(np.where(np.isfinite(heights), heights, np.nan), marker, label=part, alpha=0.7)
    axes.set_xticks(range(len(rows)), [row.name for row in rows], rotation=90)
    axes.set_ylabel("largest error, ulp")
    axes.grid(axis="y", alpha=0.3)
    axes.set_yscale("symlog", linthresh=1.0)
    axes.set_ylim(bottom=-0.2)
    axes.margins(x=0.01)
    axes.legend()
