"""The command line: ``dualdiff`` or ``python -m dualdiff``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from dualdiff import nist
from dualdiff._version import __version__


def run_nist(arguments: argparse.Namespace) -> int:
    """Print the comparison with NIST's certified figures; 1 if it fails."""
    comparisons = [nist.compare(problem) for problem in nist.problems()]
    print(nist.report(comparisons))
    passed, _ = nist.verdict(comparisons)
    return 0 if passed else 1


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return the exit code.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; those of the process when left out. Without a command, ``nist`` runs.

    Returns
    -------
    int
        0 when all is well, 1 when a comparison failed.
    """
    parser = argparse.ArgumentParser(prog="dualdiff", description="Exact derivatives of plain NumPy functions.")
    parser.add_argument("--version", action="version", version=f"dualdiff {__version__}")
    parser.set_defaults(run=run_nist)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    command = commands.add_parser(
        "nist",
        help="compare with the certified figures of 18 NIST regression problems (the default)",
        description="Standard deviations from exact Jacobians beside those that NIST certifies, and beside those from "
        "central differences. Fails when one has fewer than 8 correct digits.",
    )
    command.set_defaults(run=run_nist)
    arguments = parser.parse_args(argv)
    return arguments.run(arguments)


if __name__ == "__main__":
    sys.exit(main())
