"""The commands: what each takes, and the report that it makes of it."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass

from . import drawing, inspection, target
from .report import Report, RequestError, Table


@dataclass(frozen=True)
class Command:
    """One command: its name, its texts, its arguments and what runs."""

    name: str
    help: str
    description: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], Report]


# -- the main job ------------------------------------------------------------------------------------------------------


def run_nist(arguments: argparse.Namespace) -> Report:
    """Compare with NIST's certified figures; the text is the same on a terminal and in a pipe."""
    from dualdiff import nist

    comparisons = [nist.compare(problem) for problem in nist.problems()]
    passed, line = nist.verdict(comparisons)
    data = {"verdict": line, "problems": [_comparison(c) for c in comparisons]}
    return Report([nist.report(comparisons)], data, passed, lambda figure: drawing.digits(figure, comparisons))


def _comparison(c) -> dict:
    figures = {name: entry for name, entry in vars(c).items() if name != "problem"}
    problem = {name: getattr(c.problem, name) for name in ("name", "level", "certified", "certified_sd")}
    return {**problem, **figures}


# -- the user's function -----------------------------------------------------------------------------------------------


def add_inspect(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``inspect``."""
    target.add_arguments(parser)
    parser.add_argument(
        "--order", type=int, choices=(0, 1, 2), default=None,
        help=f"the highest derivative (default: 2 up to {inspection.LARGE} inputs, else 1)",
    )
    parser.add_argument("--no-check", action="store_true", help="do not compare with central differences")


def add_check(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``check``."""
    target.add_arguments(parser)
    parser.add_argument("--order", type=int, choices=(1, 2), default=2, help="the highest derivative (default 2)")
    parser.add_argument("--rtol", type=float, default=1e-6, help="relative tolerance (default 1e-6)")
    parser.add_argument("--atol", type=float, default=1e-6, help="absolute tolerance (default 1e-6)")


# -- tables ------------------------------------------------------------------------------------------------------------


def add_names(parser: argparse.ArgumentParser) -> None:
    """Declare names to choose from a table."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="functions to show (default: all)")


def run_rules(arguments: argparse.Namespace) -> Report:
    """Show the rule table with the errors that were measured."""
    from dualdiff import measured, rules

    rows = _chosen(rules.ROWS, arguments.names, lambda row: {row.name, *row.aliases})
    errors = measured.errors()
    cells = [(row.name, _domain(row), *errors[row.name].texts()) for row in rows]
    table = Table(
        ("function", "domain", ">value", ">first", ">second", ">float32"), cells,
        title="Largest error against mpmath over the whole domain, in units in the last place",
    )
    formulas = [_formulas(row) for row in rows] if arguments.names else []
    note = f"{len(rows)} rows; {measured.provenance()}."
    data = {"rules": [{**_texts(row), "errors": asdict(errors[row.name])} for row in rows]}
    return Report([table, *formulas, note], data, draw_on=lambda figure: drawing.errors(figure, rows, errors))


def _domain(row) -> str:
    return str(row.domain) if row.arity == 1 else " × ".join(map(str, row.domain))


def _texts(row) -> dict:
    parts = ("d1", "d2") if row.arity == 1 else ("fx", "fy", "fxx", "fxy", "fyy")
    texts = {name: getattr(row, name) for name in ("name", "let", *parts)}
    return {**texts, "arguments": row.arity, "promised": {"first": row.ulp1, "second": row.ulp2}}


def _formulas(row) -> str:
    """The texts of a row, as they stand in the table."""
    result = "y = " if row.arity == 1 else "z = "
    texts = {name: text for name, text in _texts(row).items() if isinstance(text, str) and name not in ("name", "let")}
    lines = [f"{result}{row.name}({', '.join('xy'[: row.arity])})", *filter(None, row.let.split("; "))]
    return "\n  ".join([*lines, *(f"{name} = {text}" for name, text in texts.items())])


def run_coverage(arguments: argparse.Namespace) -> Report:
    """Show where NumPy's callables stand."""
    from dualdiff import coverage

    entries = coverage.entries()
    counts = Counter(entry.state for entry in entries)
    chosen = _chosen(entries, arguments.names, lambda entry: {entry.name, f"{entry.namespace}.{entry.name}"})
    if arguments.state:
        chosen = [entry for entry in chosen if entry.state == arguments.state]
    cures = {trial.name: trial.cure for trial in coverage.TRIALS if trial.cure}
    cells = [
        (f"{entry.namespace}.{entry.name}", entry.state, entry.reason or _cure(entry, cures)) for entry in chosen
    ]
    summary = Table(("state", ">callables"), [(state, str(n)) for state, n in counts.items()])
    asked = arguments.names or arguments.state
    blocks = [Table(("callable", "state", "why, or what to do instead"), cells)] if asked else [summary]
    return Report(blocks, {"counts": dict(counts), "callables": [asdict(entry) for entry in chosen]})


def _cure(entry, cures: dict[str, str]) -> str:
    from dualdiff import coverage

    return cures.get(entry.name, "") if entry.state == coverage.NEVER_DISPATCHED else ""


def add_coverage(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``coverage``."""
    from dualdiff import coverage

    add_names(parser)
    states = (
        coverage.SUPPORTED, coverage.NOT_DIFFERENTIABLE, coverage.UNSUPPORTED, coverage.NEVER_DISPATCHED
    )
    parser.add_argument("--state", choices=states, help="only the callables of one class")


def _chosen(things, names: list[str], names_of: Callable[..., set[str]]) -> list:
    """The things that were asked for by name, all of them where nothing was."""
    wanted = {name.removeprefix("np.").removeprefix("numpy.") for name in names}
    known = set().union(*map(names_of, things))
    for name in sorted(wanted - known):
        raise RequestError(f"{name}: is not in the table; without a name all are shown")
    return [thing for thing in things if not wanted or wanted & names_of(thing)]


# -- the list ----------------------------------------------------------------------------------------------------------

NIST = Command(
    "nist",
    "compare with the certified figures of 18 NIST regression problems (the default)",
    "Standard deviations from exact Jacobians beside those that NIST certifies, and beside those from central "
    "differences. Fails when one has fewer than 8 correct digits.",
    lambda parser: None,
    run_nist,
)
COMMANDS = (
    NIST,
    Command(
        "inspect",
        "show value, derivatives and sparsity of your function at a point",
        "Value, gradient or Jacobian, Hessian, which entries of them are 0, and a comparison with central differences.",
        add_inspect,
        inspection.run_inspect,
    ),
    Command(
        "check",
        "compare the derivatives of your function with central differences",
        "Fails when first or second derivatives disagree, and names the worst entry.",
        add_check,
        inspection.run_check,
    ),
    Command(
        "compare",
        "time forward mode, reverse mode and differences on your function",
        "Checks that all of them agree, and recommends one for this function at this point.",
        target.add_arguments,
        inspection.run_compare,
    ),
    Command(
        "rules",
        "list the elementary functions with the errors that were measured",
        "The table of rules: derivatives, domains, and the largest errors in units in the last place, for float64 and "
        "(value/first/second) for float32.",
        add_names,
        run_rules,
    ),
    Command(
        "coverage",
        "say where every public callable of NumPy stands",
        "Supported, not differentiable, unsupported, or never dispatched by NumPy; with the reason, or what to do "
        "instead.",
        add_coverage,
        run_coverage,
    ),
)
