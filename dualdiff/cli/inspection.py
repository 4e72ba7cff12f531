"""The commands ``inspect`` and ``check``: what dualdiff sees of a user's function at a point."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

import numpy as np

import dualdiff as dd

from . import drawing, target
from .report import Report

LARGE = 100  # inputs beyond which a Hessian must be asked for
ROWS, COLUMNS = 40, 100  # the largest picture of a matrix, in characters


def run_inspect(arguments: Namespace) -> Report:
    """Show value, derivatives and sparsity of a function at a point, and check them."""
    goal = target.read(arguments)
    n = np.size(goal.x)
    order = arguments.order if arguments.order is not None else (2 if n <= LARGE else 1)
    parts = {"value": goal.run(goal.of_x, goal.x)}
    matrices = {}
    names = _names(goal.x, parts["value"])
    if order >= 1:
        parts[names[0]] = goal.run(dd.jacobian(goal.of_x), goal.x)
        matrices[names[0]] = np.reshape(parts[names[0]], (np.size(parts["value"]), n))
    if order == 2:
        parts[names[1]] = goal.run(dd.hessian(goal.of_x), goal.x)
        matrices[names[1]] = _largest(np.reshape(parts[names[1]], (np.size(parts["value"]), n, n)))
    blocks = [f"{goal.name} at x of shape {np.shape(goal.x)}"]
    blocks += [f"{name}, shape {np.shape(part)}\n{_text(part)}" for name, part in parts.items()]
    blocks += [f"{name}: {picture(matrix)}" for name, matrix in matrices.items() if min(matrix.shape) > 1]
    data = {"function": goal.name, "x": goal.x, **{name.lower(): part for name, part in parts.items()}}
    passed = True
    if order and not arguments.no_check:
        passed, line, data["check"] = _check(goal, order=order)
        blocks.append(line)
    return Report(blocks, data, passed, lambda figure: drawing.matrices(figure, goal.name, matrices))


def run_check(arguments: Namespace) -> Report:
    """Compare derivatives with central differences."""
    goal = target.read(arguments)
    passed, line, figures = _check(goal, order=arguments.order, rtol=arguments.rtol, atol=arguments.atol)
    return Report([line], {"function": goal.name, "x": goal.x, **figures}, passed)


def run_compare(arguments: Namespace) -> Report:
    """Time forward mode, reverse mode and central differences on a function, and say which to take."""
    goal = target.read(arguments)
    comparison = goal.run(dd.compare_modes, goal.of_x, goal.x)
    ways = {row.name: vars(row) for row in comparison.rows}
    data = {"function": goal.name, "x": goal.x, "agrees": comparison.agree, **vars(comparison), **ways,
            "digits_lost": comparison.digits_lost, "recommended": comparison.recommended}
    return Report([str(comparison)], data, comparison.agree, plot=comparison.plot)


def _names(x: Any, value: Any) -> tuple[str, str]:
    """What first and second derivatives are called."""
    if np.ndim(x) == 0:
        return "derivative", "second derivative"
    return "gradient" if np.ndim(value) == 0 else "Jacobian", "Hessian"


def _check(goal: target.Target, **options: Any) -> tuple[bool, str, dict[str, Any]]:
    """Whether the check passed, the line that says so, and its figures."""
    try:
        report = goal.run(dd.check_derivatives, goal.of_x, goal.x, **options)
    except dd.DerivativeMismatch as error:
        return False, f"FAIL: {error}", {"agrees": False, "message": str(error)}
    return True, f"PASS: {report}", {"agrees": True, **vars(report)}


def _text(part: Any) -> str:
    return np.array2string(np.asarray(part), precision=8, max_line_width=100, threshold=200)


def _largest(stack: np.ndarray) -> np.ndarray:
    """Of several matrices the entry of the largest size at each place: one picture for the Hessians of all outputs."""
    if len(stack) == 0:
        return np.zeros(stack.shape[1:])
    return np.take_along_axis(stack, np.argmax(np.abs(stack), axis=0)[None], axis=0)[0]


def picture(matrix: np.ndarray) -> str:
    """Which entries of a matrix are not 0, an ``x`` for each; a character stands for a block of a large matrix."""
    filled = matrix != 0
    head = f"{np.count_nonzero(filled)} of {filled.size} entries are not 0 at this point"
    if not filled.size:
        return head
    down, across = (-(-n // most) for n, most in zip(filled.shape, (ROWS, COLUMNS), strict=True))
    if max(down, across) > 1:
        head += f" (a character for {down} by {across} entries, x if one of them is not)"
    rows = np.logical_or.reduceat(filled, range(0, filled.shape[0], down), axis=0)
    cells = np.logical_or.reduceat(rows, range(0, filled.shape[1], across), axis=1)
    return head + "\n" + "\n".join("".join("x" if cell else "." for cell in row) for row in cells)
