"""From the words of a command line to a function and a point: ``module:function --at 1.0 data.npy``."""

from __future__ import annotations

import importlib
import importlib.util
import json
import operator
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dualdiff.errors import DerivativeMismatch, DualDiffError

from .report import RequestError


class FunctionError(Exception):
    """The user's function, or its module, raised an error."""


@dataclass(frozen=True)
class Target:
    """A function and the arguments to call it with, one of them to be differentiated."""

    name: str
    function: Callable
    arguments: tuple[Any, ...]
    argnum: int

    @property
    def x(self) -> Any:
        """The argument that is differentiated."""
        return self.arguments[self.argnum]

    def of_x(self, x: Any) -> Any:
        """Call the function with x in place."""
        return self.function(*self.arguments[: self.argnum], x, *self.arguments[self.argnum + 1 :])

    def run(self, computation: Callable, *args: Any, **options: Any) -> Any:
        """Call a transform or the function; its errors name the function."""
        try:
            return computation(*args, **options)
        except DerivativeMismatch:
            raise
        except DualDiffError as error:
            raise FunctionError(f"{self.name} cannot be differentiated: {error}") from error
        except Exception as error:
            raise FunctionError(f"{self.name} raised {type(error).__name__}: {error}") from error


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the function, its arguments, and which of them is differentiated."""
    parser.add_argument(
        "function", metavar="MODULE:FUNCTION",
        help="what to differentiate: package.module:function, or path/to/file.py:function",
    )
    parser.add_argument(
        "--at", nargs="+", action="extend", required=True, metavar="VALUE",
        help="the arguments in order, each a number, JSON such as '[1, 2]', or the name of a .npy or .json file",
    )
    parser.add_argument(
        "--argnum", type=int, default=0, metavar="N", help="the position of the argument to differentiate (default 0)"
    )


def read(arguments: Namespace) -> Target:
    """Find the function and read the point."""
    values = tuple(value(text.strip()) for text in arguments.at)
    if not -len(values) <= arguments.argnum < len(values):
        raise RequestError(f"--argnum {arguments.argnum}: there are {len(values)} values after --at, counted from 0")
    argnum = arguments.argnum % len(values)
    if type(values[argnum]) is int:  # 3 is an index or a count elsewhere, and a real number here
        values = (*values[:argnum], float(values[argnum]), *values[argnum + 1 :])
    return Target(arguments.function, function(arguments.function), values, argnum)


def function(name: str) -> Callable:
    """Import ``module:function``, where the module may be the path of a file."""
    place, colon, path = name.rpartition(":")
    if not colon or not place or not path:
        raise RequestError(f"{name}: write module:function, or path/to/file.py:function")
    module = _file(place) if place.endswith(".py") else _module(place)
    try:
        found = operator.attrgetter(path)(module)
    except AttributeError:
        raise RequestError(f"{name}: {place} has no {path}{_others(module)}") from None
    if not callable(found):
        raise RequestError(f"{name}: is a {type(found).__name__}; name a function")
    return found


def _module(place: str) -> Any:
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())  # what python -m does, for the console script
    try:
        return importlib.import_module(place)
    except ModuleNotFoundError as error:
        if error.name and (place == error.name or place.startswith(f"{error.name}.")):
            raise RequestError(
                f"{place}: there is no such module; run from the folder that holds it, or give the path of the file"
            ) from None
        raise FunctionError(f"{place} raised {type(error).__name__}: {error}") from error
    except Exception as error:
        raise FunctionError(f"{place} raised {type(error).__name__} when it was imported: {error}") from error


def _file(place: str) -> Any:
    path = Path(place)
    if not path.is_file():
        raise RequestError(f"{place}: there is no such file")
    sys.path.insert(0, str(path.parent.resolve()))  # as for a script: its neighbours can be imported
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise FunctionError(f"{place} raised {type(error).__name__} when it was run: {error}") from error
    return module


def _others(module: Any) -> str:
    names = [
        name for name, thing in vars(module).items()
        if callable(thing) and not name.startswith("_") and getattr(thing, "__module__", None) == module.__name__
    ]
    return f"; its functions are {', '.join(sorted(names)[:10])}" if names else ""


def value(text: str) -> Any:
    """An argument: a number, JSON, or what a .npy or .json file holds; lists of numbers become arrays."""
    if text.endswith(".npy"):
        try:
            return np.load(text, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise RequestError(f"--at {text}: cannot be read: {error}") from None
    if text.endswith(".json"):
        try:
            text, source = Path(text).read_text(encoding="utf-8"), text
        except (OSError, UnicodeDecodeError) as error:
            raise RequestError(f"--at {text}: cannot be read: {error}") from None
    else:
        source = text
    for read_text in (lambda: _arrays(json.loads(text)), lambda: float(text)):  # .5 and inf are no JSON
        try:
            return read_text()
        except ValueError:
            continue
    raise RequestError(
        f"--at {source}: is no number, no JSON, and no .npy or .json file; write 1.5, '[1, 2]' or data.npy"
    )


def _arrays(x: Any) -> Any:
    """Lists of numbers as arrays of floats, deep inside of dictionaries too."""
    if isinstance(x, dict):
        return {key: _arrays(entry) for key, entry in x.items()}
    if isinstance(x, list):
        try:
            return np.array(x, dtype=float)
        except (TypeError, ValueError):
            return [_arrays(entry) for entry in x]
    return x
