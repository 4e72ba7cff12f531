"""Every benchmark in one process, as ratios to plain evaluation.

    OPENBLAS_NUM_THREADS=1 taskset -c 0 python benchmarks/ratios.py

All contestants of a problem take turns within each round and the fastest run of each counts; the whole list is gone
through twice, so that a slow spell of the machine must come back to do harm. Rivals that are not installed are
left out, and named. ``--markdown FILE`` writes the page ``docs/reference/benchmarks.md``, a drawing beside it, and the
figures as JSON beside this script.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import sys
import traceback
from pathlib import Path

if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # before any library counts the cores

import benchmarks  # noqa: F401  # isort: skip  (sets the thread variables before NumPy is imported)
import numpy as np
from benchmarks.drawing import dots
from benchmarks.problems import BEST, COMPILED, FORWARD, OPERATORS, PROBLEMS, Goal
from benchmarks.rivals import RIVALS, Unavailable, prepare, prepare_operator
from benchmarks.rows import ROWS, SHAPES, prepare_row
from benchmarks.timing import CONTROL, fastest

PLAIN, OURS = "plain", "dualdiff"
WAYS = (OURS, "dualdiff told", "dualdiff replayed")
PEERS = [name for name, rival in RIVALS.items() if rival.peer]
STEADY = 1.15  # the control may be this much slower than its best before a measurement is called into question
COMMAND = "OPENBLAS_NUM_THREADS=1 taskset -c 0 python benchmarks/ratios.py"
FIGURES, DRAWING = Path(__file__).with_suffix(".json"), "benchmarks.svg"


class Board:
    """The measurements: least times by section, line and column, the reasons for gaps, and the control."""

    def __init__(self) -> None:
        self.times: dict[str, dict[str, dict[str, float]]] = {}
        self.reasons: dict[str, dict[str, list[str]]] = {}  # rival -> reason -> lines
        self.failures: list[str] = []
        self.control: dict[tuple[str, str], list[dict[str, float]]] = {}

    def statements(self, line, columns, prepare_one):
        """The statements that can be timed; whoever is missing or fails is noted with the reason."""
        found = {}
        for column in columns:
            try:
                found[column] = prepare_one(line, column)
            except Unavailable as reason:
                lines = self.reasons.setdefault(column, {}).setdefault(str(reason), [])
                if line not in lines:
                    lines.append(line)
            except Exception:
                failure = f"{column} failed at {line}:\n{traceback.format_exc(limit=-3)}"
                if failure not in self.failures:
                    self.failures.append(failure)
        return found

    def measure(self, section, line, statements, **budget):
        best = self.times.setdefault(section, {}).setdefault(line, {})
        control = self.control.setdefault((section, line), [])
        times = fastest({**statements, **CONTROL}, **budget)  # the control takes turns with the others
        control.append({work: times.pop(work) for work in CONTROL})
        for column, time in times.items():
            best[column] = min(time, best.get(column, time))

    def slow(self) -> dict[tuple[str, str], float]:
        """The lines during which the control was slow in every pass, with its slowness."""
        runs = [run for several in self.control.values() for run in several]
        least = {work: min(run[work] for run in runs) for work in CONTROL}
        worst = {
            key: min(max(run[work] / least[work] for work in CONTROL) for run in several)
            for key, several in self.control.items()
        }
        return {key: slowness for key, slowness in worst.items() if slowness > STEADY}


def run(board: Board, only: str, rivals: list[str], rows: bool, passes: int, seconds: float, say) -> None:
    """Measure everything whose name contains `only`."""
    for turn in range(passes):
        for problem in PROBLEMS:
            if only in problem.name:
                say(f"[{turn + 1}/{passes}] {problem.name}")
                statements = board.statements(problem.name, rivals, prepare)
                board.measure("problems", problem.name, statements, seconds=seconds)
        for operator in OPERATORS:
            if only in operator.text:
                say(f"[{turn + 1}/{passes}] {operator.text}")
                columns = [name for name in rivals if getattr(RIVALS[name], "operands", None)]
                statements = board.statements(operator.text, columns, prepare_operator)
                board.measure("operators", operator.text, statements, most=20)
        for name in ROWS if rows and OURS in rivals else ():
            if only in name:
                say(f"[{turn + 1}/{passes}] {name}")
                for shape in SHAPES:
                    both = board.statements(f"{name}, {shape}", [OURS], lambda *_, key=(name, shape): prepare_row(*key))
                    if both:
                        board.measure("rows", f"{name}, {shape}", both[OURS], most=10)


# Printing ---------------------------------------------------------------------------------------------------------


def figure(value: float | None) -> str:
    """A ratio with three significant digits."""
    if value is None:
        return "–"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def duration(seconds: float) -> str:
    unit, scale = next((u, s) for u, s in (("s", 1.0), ("ms", 1e-3), ("µs", 0.0)) if seconds >= s)
    return f"{seconds / (scale or 1e-6):.3g} {unit}"


def contestants(against: str) -> list[str]:
    """The columns that a goal names."""
    groups = {BEST: PEERS, FORWARD: [name for name in PEERS if RIVALS[name].forward], COMPILED: ["JAX reverse"]}
    return groups.get(against, [against])


def reached(goal: Goal, line: dict[str, float], ours: str = OURS) -> float | None:
    """How many times as slow as the best of those that a goal names; None where none of them runs."""
    others = [line[name] for name in contestants(goal.against) if name in line]
    return line[ours] / min(others) if others and ours in line else None


def verdict(goal: Goal, line: dict[str, float]) -> str:
    """What was promised, and whether it is held: by each of our columns."""
    ratios = [reached(goal, line, ours) for ours in WAYS]
    found = [f"{figure(ratio)} {'✓' if ratio <= goal.limit else '✗'}" for ratio in ratios if ratio is not None]
    return f"≤ {goal.limit:g} × {goal.against}: {', '.join(found)}" if found else ""


def ratio_table(times, goals) -> list[list[str]]:
    """Header and lines: the plain time, then ratios to it, then ours against the best peer."""
    columns = [name for name in RIVALS if name != PLAIN and any(name in line for line in times.values())]
    peers = [name for name in columns if name in PEERS]
    ours = OURS in columns
    promised = ours and any(goals.get(name) for name in times)
    table = [["", PLAIN, *columns, *(["ours / best peer"] if ours and peers else []), *(["promised"] * promised)]]
    for name, line in times.items():
        unit = line[PLAIN]
        row = [name, duration(unit), *(figure(line[c] / unit if c in line else None) for c in columns)]
        if ours and peers:
            best = min((peer for peer in peers if peer in line), key=line.get, default=None)
            row.append(f"{figure(line[OURS] / line[best])} ({best})" if best and OURS in line else "–")
        if promised:
            row.append("; ".join(filter(None, (verdict(goal, line) for goal in goals.get(name, ())))))
        table.append(row)
    return table


def rows_table(times) -> list[list[str]]:
    table = [["row", *SHAPES]]
    for name in ROWS:
        lines = [times.get(f"{name}, {shape}") for shape in SHAPES]
        if any(lines):
            table.append([name, *(figure(line and line[OURS] / line[PLAIN]) for line in lines)])
    return table


def as_text(table) -> str:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = []
    for first, *others in table:
        cells = [first.ljust(widths[0]), *map(str.rjust, others, widths[1:])]
        lines.append("  ".join(cells).rstrip())
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def as_markdown(table) -> str:
    lines = ["| " + " | ".join(line) + " |" for line in table]
    return "\n".join([lines[0], "|" + "|".join(["---"] + ["---:"] * (len(table[0]) - 1)) + "|", *lines[1:]])


def machine() -> list[str]:
    """The machine and the versions, one fact a line."""
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        processor = models[0] if models else processor
    config = np.show_config(mode="dicts")
    blas = config["Build Dependencies"]["blas"]
    simd = config["SIMD Extensions"]
    return [
        f"processor: {processor} ({platform.machine()}), one core",
        f"system: {platform.system()} {platform.release()}, {platform.python_implementation()} "
        f"{platform.python_version()}, {platform.python_compiler()}",
        f"NumPy {np.__version__}, {blas.get('name')} {blas.get('version')}, "
        f"SIMD: {', '.join([*simd['baseline'], *simd.get('found', [])])}",
        f"date: {datetime.datetime.now(datetime.UTC):%Y-%m-%d}",
    ]


def versions(rivals) -> tuple[dict[str, str], list[str]]:
    """The version of every library that is installed, and the names of those that are not."""
    found, missing = {}, []
    for name in rivals:
        rival = RIVALS[name]
        if rival.distribution:
            try:
                rival.load()
                found[name] = rival.version()
            except Unavailable:
                missing.append(name)
    return found, missing


def control_line(board: Board) -> str:
    slow = board.slow()
    if not slow:
        return f"Control: steady; fixed plain work was never more than {STEADY:g} × its best time."
    worst = sorted(slow.items(), key=lambda item: -item[1])
    lines = ", ".join(f"{line} ({slowness:.2f} ×)" for (_, line), slowness in worst[:8])
    return (
        f"Control: the machine itself was slow during {len(slow)} of {len(board.control)} measurements: "
        f"{lines}{', …' if len(slow) > 8 else ''}. Measure these again."
    )


def gaps(board: Board, missing: list[str]) -> list[str]:
    """One line per rival and reason for the dashes in the tables."""
    return [
        f"{name}: {', '.join(lines)}: {reason}"
        for name, reasons in board.reasons.items()
        if name not in missing
        for reason, lines in reasons.items()
        if "does not offer" not in reason
    ]


def tables(board: Board):
    """``(title, remark, table)`` of every section that was measured."""
    goals = {p.name: p.goals for p in PROBLEMS} | {o.text: o.goals for o in OPERATORS}
    if "problems" in board.times:
        yield "Problems", "Time of plain evaluation, and every other time as a multiple of it.", ratio_table(
            board.times["problems"], goals)  # fmt: skip
    if "operators" in board.times:
        remark = "Four elements with four dense tangents, as a multiple of the same operation on plain arrays."
        yield "Small arrays", remark, ratio_table(board.times["operators"], goals)
    if "rows" in board.times:
        remark = "Every function of the rule table on a dual array (elements × tangents), over NumPy's on plain arrays."
        yield "Rows", remark, rows_table(board.times["rows"])


def report(board: Board, found, missing) -> str:
    parts = [*machine(), "", "versions: " + ", ".join(f"{name} {version}" for name, version in found.items())]
    if missing:
        parts.append(f"not installed, left out: {', '.join(missing)}")
    for title, remark, table in tables(board):
        parts += ["", f"{title}. {remark}", "", as_text(table)]
    parts += ["", *gaps(board, missing), control_line(board), *board.failures]
    return "\n".join(parts)


def markdown(board: Board, found, missing) -> str:
    parts = [
        "# Benchmarks",
        "",
        "<!-- Written by benchmarks/ratios.py --markdown; do not edit. -->",
        "",
        "One core, one process. All contestants of a problem take turns within each round, and the fastest run of each",
        "counts. Plain evaluation is the function itself, without derivatives, on the same numbers. Every result is",
        "checked against the derivative written by hand before it is timed. Seeding, evaluating and reading the",
        "derivative off are timed; compiling, tracing and everything else that is needed once is not.",
        "",
        "```sh",
        COMMAND,
        "```",
        "",
        *(f"- {fact}" for fact in machine()),
        "",
        "| contestant | version | how it is used |",
        "|---|---|---|",
    ]
    for name, rival in RIVALS.items():
        if name not in missing:
            parts.append(f"| {name} | {found.get(name, '')} | {rival.note} |")
    if missing:
        parts += ["", f"Not installed on this machine, and so left out: {', '.join(missing)}."]
    for title, remark, table in tables(board):
        drawing = ["", f"![Times as multiples of plain evaluation]({DRAWING})"] if title == "Problems" else []
        parts += ["", f"## {title}", "", remark, *drawing, "", as_markdown(table)]
    remarks = gaps(board, missing)
    if remarks:
        reason = "A dash stands where a contestant does not offer a derivative, or does not run:"
        parts += ["", reason, "", *(f"- {remark}" for remark in remarks)]
    parts += ["", control_line(board), ""]
    return "\n".join(parts)


def write(path: Path, board: Board, found, missing) -> None:
    """The page, its drawing, and the figures that both show."""
    path.write_text(markdown(board, found, missing), encoding="utf-8")
    lines = {
        name: {who: time / line[PLAIN] for who, time in line.items() if who != PLAIN}
        for name, line in board.times["problems"].items()
    }
    drawing = dots("Times as multiples of plain evaluation", "× plain evaluation", lines)
    path.with_name(DRAWING).write_text(drawing, encoding="utf-8")
    figures = {"machine": machine(), "versions": found, "seconds": board.times}
    FIGURES.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", metavar="TEXT", help="problems, operators and rows whose name has TEXT")
    parser.add_argument("--rivals", default=",".join(RIVALS), metavar="A,B", help="default: %(default)s")
    parser.add_argument("--no-rows", action="store_true", help="leave out the rows of the rule table")
    parser.add_argument("--passes", type=int, default=2, metavar="N", help="go through the list N times (default 2)")
    parser.add_argument("--seconds", type=float, default=0.2, metavar="S",
                        help="how long a contestant of a problem is timed in each pass (default %(default)s)")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the page for the docs")
    options = parser.parse_args()
    chosen = [name.strip() for name in options.rivals.split(",")]
    unknown = [name for name in chosen if name not in RIVALS]
    if unknown:
        parser.error(f"no such rival: {', '.join(unknown)}; there are {', '.join(RIVALS)}")
    rivals = [name for name in RIVALS if name in chosen or name == PLAIN]

    def say(text):
        if sys.stderr.isatty():
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)

    board = Board()
    found, missing = versions(rivals)
    run(board, options.only, rivals, not options.no_rows, options.passes, options.seconds, say)
    say("")
    if not board.times:
        parser.error(f"nothing has {options.only!r} in its name")
    print(report(board, found, missing))
    if options.markdown:
        write(options.markdown, board, found, missing)
        print(f"written: {options.markdown}")
    return 1 if board.failures else 0


if __name__ == "__main__":
    sys.exit(main())
