"""How time and peak memory grow with the size of a problem, and the page that draws it.

    OPENBLAS_NUM_THREADS=1 taskset -c 0 python benchmarks/growth.py

keeps the figures in ``benchmarks/growth.json`` and writes ``docs/reference/growth.md`` with its drawings; ``--page``
writes the page from figures that are there. Sizes double. Time is the least of many runs; peak memory is what Python
and NumPy allocate during one call beyond what was there before (tracemalloc), which does not see the memory of JAX.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import os
import platform
import re
import sys
from pathlib import Path

if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # before any library counts the cores

import benchmarks  # noqa: F401  # isort: skip  (sets the thread variables before NumPy is imported)
import numpy as np
from benchmarks.drawing import curves, seconds, size
from benchmarks.modes import peak
from benchmarks.problems import FAMILIES
from benchmarks.rivals import Unavailable, prepare_problem
from benchmarks.timing import fastest

HERE = Path(__file__).parent
FIGURES = HERE / "growth.json"
PAGE = HERE.parent / "docs" / "reference" / "growth.md"
COMMAND = "OPENBLAS_NUM_THREADS=1 taskset -c 0 python benchmarks/growth.py"
OURS = ("dualdiff", "dualdiff replayed")
CONTESTANTS = ("plain", *OURS, "dualdiff told", "JAX forward", "JAX reverse", "autograd", "differences", "by hand")
SEEN = tuple(name for name in CONTESTANTS if not name.startswith("JAX"))  # by tracemalloc
SLOW = 0.3  # seconds: whoever takes longer is not asked for the next size


def measure(only, budget):
    """Times and peaks by family, contestant and size."""
    times, peaks = {}, {}
    for family in FAMILIES:
        if only not in family.name:
            continue
        time, memory = times.setdefault(family.name, {}), peaks.setdefault(family.name, {})
        running = list(CONTESTANTS)
        for n in family.sizes:
            problem, found = family.problem(n), {}
            for who in running:
                try:
                    found[who] = prepare_problem(problem, who)
                except Unavailable:
                    continue
            best = fastest(found, budget, most=50, least=2)
            for who, statement in found.items():
                time.setdefault(who, {})[n] = best[who]
                if who in SEEN:
                    memory.setdefault(who, {})[n] = peak(statement)
            running = [who for who in found if best[who] < SLOW]
            if sys.stderr.isatty():
                print(f"\r\x1b[K{family.name}, {n}", end="", file=sys.stderr, flush=True)
    return {
        "date": datetime.date.today().isoformat(), "machine": platform.processor() or platform.machine(),
        "python": platform.python_version(), "numpy": np.__version__, "times": times, "peaks": peaks,
    }  # fmt: skip


def exponent(points):
    """The power of n with which something grows over the last three doublings; None where there are fewer."""
    last = points[-4:]
    if len(last) < 4:
        return None
    (n0, y0), (n1, y1) = last[0], last[-1]
    return math.log(y1 / y0) / math.log(n1 / n0)


def by_size(line):
    return sorted((int(n), y) for n, y in line.items() if y > 0)


TEXT = """# Growth

<!-- Written by benchmarks/growth.py; do not edit. -->

How time and peak memory of a derivative grow with the size of a problem: [the problems](benchmarks.md) of the
benchmarks, at sizes that double. Measured on {date} on one core of {machine}, Python {python}, NumPy {numpy}, by

```sh
{command}
```

which writes this page, too. Time is the least of many runs, in which all contestants take turns. Peak memory is what
Python and NumPy allocate during one call (`tracemalloc`); it does not see the memory of JAX. A line ends where one run
takes more than {slow:g} s, or where a contestant does not run.

Between the last four sizes, time and memory grow as these powers of the size. Recording a function that is replayed is
not part of a call:

{table}

{drawings}"""


def summary(figures):
    lines = ["| problem | | size | time | power | peak memory | power |", "|---|---|---:|---:|---:|---:|---:|"]
    for name, times in figures["times"].items():
        for who in (who for who in OURS if len(times.get(who, ())) > 1):
            time, memory = by_size(times[who]), by_size(figures["peaks"][name][who])
            rise, swell = ("–" if p is None else f"{p:.2f}" for p in (exponent(time), exponent(memory)))
            n, last = time[-1]
            cells = name, who, str(n), seconds(last), rise, size(memory[-1][1]), swell
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def write(figures):
    axes = {family.name: family.axis for family in FAMILIES}
    drawings = []
    for name in figures["times"]:
        stem = re.sub(r"\W+", "-", name.lower()).strip("-")
        drawings.append(f"## {name}\n")
        for what, label, show in (("times", "time", seconds), ("peaks", "memory", size)):
            series = {who: by_size(line) for who, line in figures[what][name].items()}
            series = {who: line for who, line in series.items() if len(line) > 1}
            path = PAGE.with_name(f"growth-{stem}-{label}.svg")
            title = f"{name}: {'time' if label == 'time' else 'peak memory'}"
            path.write_text(curves(title, axes[name], series, show=show), encoding="utf-8")
            drawings.append(f"![{title}]({path.name})\n")
    facts = {key: figures[key] for key in ("date", "machine", "python", "numpy")}
    page = TEXT.format(command=COMMAND, slow=SLOW, table=summary(figures), drawings="\n".join(drawings), **facts)
    PAGE.write_text(page, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", action="store_true", help="write the page from figures that are there")
    parser.add_argument("--only", default="", metavar="TEXT", help="families whose name has TEXT; keeps nothing")
    parser.add_argument("--seconds", type=float, default=0.03, help="how long each contestant is timed at a size")
    options = parser.parse_args()
    if options.only:
        print(json.dumps(measure(options.only, options.seconds), indent=1))
        return
    if not options.page:
        figures = measure("", options.seconds)
        FIGURES.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    write(json.loads(FIGURES.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
