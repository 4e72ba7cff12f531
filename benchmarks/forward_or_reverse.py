"""Measure forward mode against reverse mode, and write the page that says when to use which.

    OPENBLAS_NUM_THREADS=1 taskset -c 0 python benchmarks/forward_or_reverse.py

measures everything, keeps the figures in ``benchmarks/forward_or_reverse.json`` and writes
``docs/explanation/forward-or-reverse.md`` with its two drawings. ``--page`` writes the page from figures that are
there. All contestants of a case take turns and the fastest run counts; rivals that are not installed are left out.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import os
import platform
from pathlib import Path

if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # before any library counts the cores

import benchmarks  # noqa: F401  # isort: skip  (sets the thread variables before NumPy is imported)
import numpy as np
from benchmarks.drawing import curves, size
from benchmarks.drawing import seconds as seconds_of
from benchmarks.modes import CASES, CONTESTANTS, MOST_ENTRIES, SIZES, growth, peak, prepare
from benchmarks.rivals import Unavailable
from benchmarks.timing import fastest

HERE = Path(__file__).parent
FIGURES = HERE / "forward_or_reverse.json"
PAGE = HERE.parent / "docs" / "explanation" / "forward-or-reverse.md"
COMMAND = "OPENBLAS_NUM_THREADS=1 taskset -c 0 python benchmarks/forward_or_reverse.py"
MEMORY = ("forward", "reverse", "auto", "autograd")  # what JAX allocates is not seen


def measure(seconds):
    """Least times, peaks of memory and what stays behind, by case and contestant, and why somebody is left out."""
    times, peaks, growths, missing = {}, {}, {}, {}
    for case in CASES:
        found = {}
        for who in CONTESTANTS:
            try:
                found[who] = prepare(case.name, who)
            except Unavailable as reason:
                if "installed" in str(reason):
                    missing[who] = str(reason)
        times[case.name] = fastest(found, seconds)
        peaks[case.name] = {who: peak(found[who]) for who in MEMORY if who in found}
        growths[case.name] = {who: growth(found[who], runs=5) for who in MEMORY if who in found}
        line = ", ".join(f"{who} {1e6 * t:.0f}" for who, t in times[case.name].items())
        print(f"{case.name}: {line} us", flush=True)
    return {
        "date": datetime.date.today().isoformat(), "machine": platform.processor() or platform.machine(),
        "python": platform.python_version(), "numpy": np.__version__, "times": times, "peaks": peaks,
        "growths": growths, "missing": missing,
    }


# -- what the figures say ----------------------------------------------------------------------------------------------


def crossover(times, n):
    """Where forward and reverse mode break even on the network of n inputs: outputs, between two grid points."""
    rows = [(m, times[f"jacobian of network, {n} to {m}"]) for m in SIZES[1:] if n * m <= MOST_ENTRIES]
    points = [(m, row["forward"], row["reverse"]) for m, row in rows if "reverse" in row]
    ahead = [reverse < forward for _, forward, reverse in points]
    if all(ahead):
        return f"more than {points[-1][0]}"
    if not any(ahead):
        return f"fewer than {points[0][0]}"
    k = ahead.index(False)
    (m0, f0, r0), (m1, f1, r1) = points[k - 1], points[k]
    low, high = math.log(r0 / f0), math.log(r1 / f1)
    m = math.exp(math.log(m0) + (math.log(m1) - math.log(m0)) * -low / (high - low))
    return f"about {float(f'{m:.1g}'):.0f}"


def losses(times):
    """By how much ``mode="auto"`` is slower than the better mode, worst first."""
    found = []
    for name, row in times.items():
        best = min(row[who] for who in ("forward", "reverse") if who in row)
        found.append((row["auto"] / best, name))
    return sorted(found, reverse=True)


# -- drawings ----------------------------------------------------------------------------------------------------------

DRAWN = ("forward", "reverse", "differences", "autograd", "JAX reverse, jit")


def by_outputs(times, n):
    names = {m: f"jacobian of network, {n} to {m}" for m in SIZES[1:] if n * m <= MOST_ENTRIES}
    names = {1: f"gradient of network, {n} to 1", **names}
    return {who: line for who in DRAWN
            if len(line := [(m, times[name][who]) for m, name in names.items() if who in times[name]]) > 1}


def by_inputs(times):
    return {who: line for who in DRAWN
            if len(line := [(n, times[f"gradient of network, {n} to 1"][who]) for n in SIZES
                            if who in times[f"gradient of network, {n} to 1"]]) > 1}


# -- the page ----------------------------------------------------------------------------------------------------------


def table(times, what, whos):
    names = [case.name for case in CASES if case.what == what]
    present = [who for who in whos if any(who in times[name] for name in names)]
    lines = [f"| case | {' | '.join(present)} |", "|---|" + "---:|" * len(present)]
    for name in names:
        cells = [seconds_of(times[name][who]) if who in times[name] else "" for who in present]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def page(figures):
    """The text of the page."""
    times, peaks = figures["times"], figures["peaks"]
    worst = [(ratio, name) for ratio, name in losses(times) if ratio > 1.5]
    big = times["gradient of network, 10000 to 1"]
    if worst:
        misses = ["; the others:", "", "| case | auto over the better mode |", "|---|---:|",
                  *(f"| {name} | {ratio:.1f} |" for ratio, name in worst)]
    else:
        misses = ["."]
    titles = {"gradient": "Gradients", "jacobian": "Jacobians", "hessian": "Hessians",
              "hvp": "Hessian-vector products"}
    tables = [line for what, title in titles.items()
              for line in (f"### {title}", "", *table(times, what, list(CONTESTANTS)), "")]
    return TEXT.format(
        reverse=seconds_of(big["reverse"]), forward=seconds_of(big["forward"]), plain=seconds_of(big["plain"]),
        crossovers="\n".join(f"| {n} | {crossover(times, n)} |" for n in SIZES),
        good=len(times) - len(worst), total=len(times), misses="\n".join(misses),
        memory="\n".join(f"| {name} | {_memory(peaks[name].get('forward'))} | {_memory(peaks[name].get('reverse'))} |"
                         for name in REMEMBERED),
        **{key: figures[key] for key in ("date", "machine", "python", "numpy")},
        command=COMMAND, tables="\n".join(tables),
    )


REMEMBERED = (
    "gradient of network, 1000 to 1", "jacobian of network, 1000 to 10", "jacobian of network, 1000 to 1000",
    "gradient of elementwise, 1000 to 1", "gradient of loop, 1000 to 1", "hessian of network, 100 to 1",
)
TEXT = """# Forward or reverse

Both modes are exact, and both read the same rules. They differ in what an extra input or an extra output costs.

- **Forward mode** carries columns of the Jacobian along with the values: as many as an element depends on inputs where
  the code has [structure](structure.md), else one per input. Outputs are free. It needs no memory beyond the numbers in
  use, and a Python loop over single numbers runs at the speed of a compiled scalar.
- **Reverse mode** records the function once and sends one row per output back. An extra output costs a row; inputs are
  free. It keeps intermediate values, and every operation costs about a microsecond to record.

In plain words: *a loss of many parameters, or few outputs of many inputs: reverse. As many outputs as inputs, or few
inputs, or a stencil, or a loop over single numbers: forward.* `mode="auto"`, the default, does that for you;
`dualdiff.compare_modes(f, x)` measures it on your own function. Where one derivative is asked for many times,
[`dualdiff.replay`](../how-to/replay-functions.md) chooses once and costs less than either.

![Time of a Jacobian by outputs](forward-or-reverse-outputs.svg)

![Time of a gradient by inputs](forward-or-reverse-inputs.svg)

## Where they cross

A network with two hidden layers of 64. The gradient of 10000 inputs takes {reverse} by reverse mode and {forward} by
forward mode; the network itself takes {plain}. The modes cost the same at so many outputs:

| inputs | outputs at which they break even |
|---:|---:|
{crossovers}

## What auto does

1. A list of numbers, a number, or fewer than 64 inputs (48 for a gradient): forward. So is whatever asks for
   `chunk_size`, `max_memory`, `executor`, `progress` or `holomorphic`, and a Jacobian with `sparse=True`.
2. The Jacobian of a function of one array is tried forward with structured tangents, in one call. Where they became
   dense and the outputs are at most half as many as the inputs, or as many and no more than 128, the function is
   recorded at its next call with an argument of that shape; where the dense planes of an array would take more than
   256 MB, it is recorded at once, by a second call.
3. A gradient is recorded, and so is a Jacobian with respect to containers, to several arguments or to a batch. Forward
   mode takes over where recording fails, where a Jacobian has more outputs than inputs, and where more single numbers
   are taken out of arrays than 16 and one for every eight inputs, while there are fewer than 15 000 inputs. This costs
   a second evaluation, once: the choice is remembered for the function and the shape of its argument.
4. A Hessian by an array of 16 inputs and more, dense or sparse, takes structured hyper-dual numbers, in one call. Where
   these would need dense planes of more than 2 MB, or where results of sums and products are taken apart number by
   number, the function is called a second time, and goes the next way from then on.
5. That is forward over reverse, from 48 inputs on (from 1 on with `sparse=True`), where the function has one output or
   fewer than half as many as inputs, and x is one array without `batched=True`. A Hessian-vector product goes forward
   over reverse from 32 inputs on. All others go by hyper-dual numbers.

`mode="forward"` and `mode="reverse"` are orders: what such a mode cannot do raises an error.

On the {total} cases below it is within 1.5 times of the better mode on {good}{misses}

## Hessians

Three ways give the same Hessian: hyper-dual numbers (`mode="forward"`), forward over reverse (`mode="reverse"`), and
reverse over reverse, by nesting. Hyper-dual numbers with [structure](structure.md) are the fastest on elementwise code,
sums, regressions and layered networks, whatever the number of inputs. A product with one vector needs no Hessian:
`hvp`. A sparse Hessian need not be dense on the way: `dualdiff.hessian(f, sparse=True)`.

## Memory

Reverse mode keeps what it needs to go back; `dualdiff.checkpoint` keeps the ends of segments only and evaluates each
once more. Peaks of one derivative:

| case | forward | reverse |
|---|---:|---:|
{memory}

## All figures

Measured on {date} on one core of {machine}, Python {python}, NumPy {numpy}, double precision, by

```sh
{command}
```

which also writes this page. An empty cell: not offered, or out of reach. `plain` is the function itself.

{tables}"""


def _memory(number):
    return "" if number is None else size(number)


def write(figures):
    PAGE.write_text(page(figures), encoding="utf-8")
    times = figures["times"]
    for name, text in {
        "outputs": curves("Jacobian of a network with 1000 inputs", "outputs", by_outputs(times, 1000)),
        "inputs": curves("Gradient of a network", "inputs", by_inputs(times)),
    }.items():
        PAGE.with_name(f"{PAGE.stem}-{name}.svg").write_text(text, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--page", action="store_true", help="write the page from figures that are there")
    parser.add_argument("--seconds", type=float, default=0.5, help="how long each contestant of a case is timed")
    options = parser.parse_args()
    if not options.page:
        figures = measure(options.seconds)
        FIGURES.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    write(json.loads(FIGURES.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
