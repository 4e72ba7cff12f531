"""The command line: ``dualdiff`` or ``python -m dualdiff``.

Each command computes a report: tables and lines for a reader, a dictionary for a machine, and whether all is well. What
stands here is the way from the arguments to a report and from the report to the terminal.

The exit code is

- 0 when all is well,
- 1 when a comparison failed: derivatives disagree, or figures are not those that were certified,
- 2 when the request cannot be carried out as it was written: an unknown command or function, a point that cannot be
  read, a package that is not installed,
- 3 when the user's function raised an error, or cannot be differentiated.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from dualdiff._version import __version__

from . import commands
from .report import RequestError
from .target import FunctionError

PASSED, FAILED, UNUSABLE, BROKEN = 0, 1, 2, 3

EPILOG = (
    "exit codes: 0 all is well; 1 a comparison failed; 2 the request cannot be carried out as written; 3 the function "
    "raised an error or cannot be differentiated"
)


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; without a command, ``nist`` runs."""
    shared = argparse.ArgumentParser(add_help=False)
    # Left out where they are not given: a command's defaults would overrule what stands before it.
    output = {"default": argparse.SUPPRESS}
    shared.add_argument("--json", action="store_true", **output, help="print the result as JSON, for machines")
    shared.add_argument("--plot", metavar="FILE.png", **output, help="draw the result to a file (needs matplotlib)")
    top = argparse.ArgumentParser(
        prog="dualdiff", description="Exact derivatives of plain NumPy functions.", epilog=EPILOG, parents=[shared]
    )
    top.add_argument("--version", action="version", version=f"dualdiff {__version__}")
    top.set_defaults(command=commands.NIST)
    listing = top.add_subparsers(title="commands", metavar="COMMAND")
    for command in commands.COMMANDS:
        one = listing.add_parser(
            command.name, help=command.help, description=command.description, epilog=EPILOG, parents=[shared]
        )
        command.add_arguments(one)
        one.set_defaults(command=command)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return the exit code.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; those of the process when left out. Without a command, ``nist`` runs.

    Returns
    -------
    int
        0 when all is well, 1 when a comparison failed, 2 when the request cannot be carried out as it was written,
        3 when the user's function raised an error or cannot be differentiated.
    """
    argv = sys.argv[1:] if argv is None else argv
    arguments = parser().parse_args([_protected(argument) for argument in argv])
    arguments.json, arguments.plot = getattr(arguments, "json", False), getattr(arguments, "plot", None)
    try:
        report = arguments.command.run(arguments)
        if arguments.plot:
            report.draw(arguments.plot)
    except RequestError as error:
        return _complain(error, UNUSABLE)
    except FunctionError as error:
        return _complain(error, BROKEN)
    report.show(as_json=arguments.json)
    return PASSED if report.passed else FAILED


def _protected(argument: str) -> str:
    """A negative number, with a space in front: argparse takes ``-1e-3`` for an option."""
    try:
        return f" {argument}" if float(argument) < 0.0 else argument
    except ValueError:
        return argument


def _complain(error: Exception, code: int) -> int:
    print(f"dualdiff: {error}", file=sys.stderr)
    return code
