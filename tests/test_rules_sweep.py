"""Every row of the table, over its whole domain, against mpmath: texts, compiled scalars and compiled arrays."""

import dataclasses

import mpmath as mp
import numpy as np
import pytest
import sweep

from dualdiff import rows, rules

ROWS = pytest.mark.parametrize("rule", rules.ROWS, ids=lambda rule: rule.name)
MORE = "1.0000000000000142"  # 64 ulp


@ROWS
def test_every_row_has_exact_figures_and_points(rule):
    assert rule.name in (sweep.UNARY if rule.arity == 1 else sweep.BINARY)
    assert all(len(operand) > 100 for operand in sweep.points(rule))


@pytest.mark.parametrize("evaluator", sweep.EVALUATORS)
@ROWS
def test_errors_stay_within_the_promised_ulps(rule, evaluator):
    if evaluator not in sweep.evaluators(rule):
        pytest.skip("does not reach this row")
    for part, (error, point) in sweep.worst(rule, *sweep.EVALUATORS[evaluator]).items():
        assert error <= sweep.promised(rule, part), f"{part} of {rule.name} is off by {error:.3g} ulp at {point}"


def mutants():
    """Rows with one derivative that is wrong: 64 ulp too large, of the wrong sign, or not the constant it should be."""
    for rule in rules.ROWS:
        for part in sweep.parts(rule)[1:]:
            text = getattr(rule, part)
            changes = {"64 ulp": f"({text})*{MORE}", "sign": f"-({text})"}
            if rules.is_zero(text.replace("NAN", "0.0"), strict=False):
                changes = {"zero": f"{text} + 1e-300"}
            for change, mutation in changes.items():
                yield pytest.param(
                    dataclasses.replace(rule, **{part: mutation}), part, id=f"{rule.name}-{part}-{change}")


@pytest.mark.parametrize(("mutant", "part"), list(mutants()))
def test_the_sweep_catches_a_wrong_row(mutant, part):
    error, _ = sweep.worst(mutant, sweep.by_rows)[part]
    assert error > sweep.promised(mutant, part)


POINTS = (0.3 + 0.4j, -0.7 + 0.2j, 1.6 - 0.9j, -2.3 - 1.1j, 0.4 + 3.0j, 9.0 + 1.0j)


@pytest.mark.parametrize("rule", [rule for rule in rules.UNARY if rule.holomorphic], ids=lambda rule: rule.name)
def test_texts_of_holomorphic_rows_hold_for_complex_numbers(rule):
    row, x = rows.Row(rule), np.array(POINTS)
    y = row.value(x)
    with mp.workdps(sweep.DIGITS):
        for order, got in enumerate((y, row.d1(x, y), row.d2(x, y))):
            want = [complex(mp.diff(lambda z: sweep.UNARY[rule.name](z)[0], mp.mpc(z), order)) for z in POINTS]
            np.testing.assert_allclose(np.broadcast_to(got, x.shape), want, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("rule", [rule for rule in rules.BINARY if rule.holomorphic], ids=lambda rule: rule.name)
def test_texts_of_holomorphic_binary_rows_hold_for_complex_numbers(rule):
    row, x, y = rows.Row(rule), np.array(POINTS), np.array(POINTS[::-1])
    z = row.value(x, y)
    orders = {"value": (0, 0), "fx": (1, 0), "fy": (0, 1), "fxx": (2, 0), "fxy": (1, 1), "fyy": (0, 2)}
    with mp.workdps(sweep.DIGITS):
        for part, order in orders.items():
            got = z if part == "value" else getattr(row, part)(x, y, z)
            want = [
                complex(mp.diff(lambda a, b: sweep.BINARY[rule.name](a, b)[0], (mp.mpc(a), mp.mpc(b)), order))
                for a, b in zip(x, y, strict=True)
            ]
            np.testing.assert_allclose(np.broadcast_to(got, x.shape), want, rtol=1e-12, atol=1e-14)
