"""Every row of the rule table as a benchmark: the function on a `DualArray` beside the same function on its value.

The table is read by path, as the build reads it, so that the list of rows is the list in this checkout whether or not
dualdiff is installed. A row for which no sample lies in its domain is an error: the suite refuses to run with a gap.
"""

from __future__ import annotations

import functools
import importlib.util
import sys
from pathlib import Path

import numpy as np

from .rivals import RIVALS, check_agreement
from .timing import Statement

#: elements × tangents
SHAPES = {"4 × 4": (4, 4), "1000 × 4": (1000, 4), "100000 × 1": (100_000, 1)}
INTERVALS = ((-2.0, 2.0), (0.5, 2.0), (0.1, 0.9), (1.1, 3.0))
INTEGER_SECOND = {"ldexp"}
#: rows that serve other rules and are no functions of anybody's
INTERNAL = {"root", "strong_product"}


def _table():
    path = Path(__file__).resolve().parents[2] / "dualdiff" / "rules.py"
    spec = importlib.util.spec_from_file_location("_dualdiff_rules", path)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.ROWS


def _interval(row, domain):
    """Where to sample: inside the domain, away from its ends and poles, and where every pair of operands is fine."""
    for low, high in INTERVALS:
        inside = domain.low < low and high < domain.high
        if inside and not (low < 0.0 and (domain.poles or row.arity == 2)):
            return low, high
    raise ValueError(f"benchmarks/rows.py has no sample for the domain {domain} of the row {row.name}")


ROWS = {row.name: row for row in _table() if row.name not in INTERNAL}
SAMPLES = {
    row.name: [_interval(row, domain) for domain in (row.domain if row.arity == 2 else (row.domain,))]
    for row in ROWS.values()
}


def _parts(result):
    """A result as a tuple: a few rows (modf, divmod, ...) have two."""
    return result if isinstance(result, tuple) else (result,)


@functools.cache
def prepare_row(name: str, shape: str) -> dict[str, Statement]:
    """The row's statement for "plain" and "dualdiff", checked against each other and against differences."""
    row, (n, k) = ROWS[name], SHAPES[shape]
    rival = RIVALS["dualdiff"]
    rival.load()
    function = getattr(np if row.numpy else rival.dualdiff, name)
    rng = np.random.default_rng(n)
    values = [rng.uniform(low, high, n) for low, high in SAMPLES[name]]
    tangents = [rng.normal(size=(k, n)) for _ in values]
    duals = [rival.dualdiff.DualArray(value, tangent) for value, tangent in zip(values, tangents, strict=True)]
    if name in INTEGER_SECOND:
        duals[1] = values[1] = values[1].astype(int)
        tangents[1] = 0 * tangents[1]
    text = f"f({', '.join('xy'[: row.arity])})"
    plain, ours = (
        Statement(text, {"f": function, **dict(zip("xy", operands, strict=False))}) for operands in (values, duals)
    )

    def shifted(h):
        operands = [v[:4] + h * t[0, :4] if t.any() else v[:4] for v, t in zip(values, tangents, strict=True)]
        return _parts(function(*operands))

    for found, expected, above, below in zip(
        _parts(ours.result()), _parts(plain.result()), shifted(1e-6), shifted(-1e-6), strict=True
    ):
        if not hasattr(found, "tangent"):  # an integer result, such as the exponent of frexp
            np.testing.assert_array_equal(found, expected)
            continue
        np.testing.assert_array_equal(found.value, expected)
        slope = (above - below) / 2e-6
        found, slope = np.append(found.tangent[0, :4], 1.0), np.append(slope, 1.0)  # 1.0: a scale where all are zero
        check_agreement(found, slope, 1e-6, f"{name}, {shape}")
    return {"plain": plain, "dualdiff": ours}
