"""The accuracy of the rules, as it was measured: what ``python tests/sweep.py`` found and wrote down.

The figures ship as ``data/rule_errors.json``; the reference page ``docs/reference/rules.md`` and ``dualdiff rules`` are
written from that file.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

PATH = Path(__file__).with_name("data") / "rule_errors.json"
OUT_OF_REACH = 1e6


@dataclass(frozen=True)
class Figure:
    """The largest error of one part of a rule.

    Parameters
    ----------
    ulp : float
        In units in the last place of the exact result; infinite where the promise is none.
    at : tuple of float
        The arguments where it occurs.
    """

    ulp: float
    at: tuple[float, ...]

    def __str__(self) -> str:
        return "0" if self.ulp == 0.0 else f"{self.ulp:.1f}" if self.ulp < OUT_OF_REACH else "see note"


@dataclass(frozen=True)
class Errors:
    """The largest errors of a rule over its whole domain.

    Parameters
    ----------
    value, first, second : Figure
        For float64.
    single : tuple of float
        Value, first and second derivative for float32, in units in its last place; nan where float32 is not reached.
    """

    value: Figure
    first: Figure
    second: Figure
    single: tuple[float, float, float]

    def texts(self) -> tuple[str, str, str, str]:
        """The four cells of a table."""
        single = "/".join("–" if not ulp < OUT_OF_REACH else f"{ulp:.1f}" for ulp in self.single)
        return str(self.value), str(self.first), str(self.second), single


def errors() -> dict[str, Errors]:
    """Read the errors of every rule.

    Returns
    -------
    dict
        From the name of a rule to its `Errors`.

    Examples
    --------
    >>> from dualdiff import measured
    >>> measured.errors()["tanh"].first.ulp < 4
    True
    """
    return {name: _errors(entry) for name, entry in _read()["rules"].items()}


def provenance() -> str:
    """Say with what the errors were measured."""
    return f"measured with {_read()['measured_with']}"


def _read() -> dict:
    return json.loads(PATH.read_text(encoding="utf-8"))


def _errors(entry: dict) -> Errors:
    parts = (Figure(_number(entry[name]["ulp"]), tuple(entry[name]["at"])) for name in ("value", "first", "second"))
    return Errors(*parts, tuple(map(_number, entry["float32"])))


def _number(x: float | None) -> float:
    return math.nan if x is None else math.inf if x == "inf" else float(x)


def write(found: dict[str, Errors], measured_with: str) -> None:
    """Write the file that `errors` reads."""
    rules = {
        name: {
            **{part: {"ulp": _plain(figure.ulp), "at": list(figure.at)} for part, figure in (
                ("value", e.value), ("first", e.first), ("second", e.second))},
            "float32": [_plain(ulp) for ulp in e.single],
        }
        for name, e in found.items()
    }
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(entry)}" for name, entry in rules.items())
    text = f'{{"measured_with": {json.dumps(measured_with)}, "rules": {{\n{lines}\n}}}}\n'
    PATH.write_text(text, encoding="utf-8", newline="\n")


def _plain(x: float) -> float | str | None:
    return None if math.isnan(x) else "inf" if math.isinf(x) else float(f"{x:.4g}")
