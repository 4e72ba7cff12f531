"""The conformance cases, whole; ``python tests/conformance.py`` prints them as a table."""

from collections import Counter

import conformance
import numpy as np
import pytest
from conformance import CASES, CRASH, REFUSED, RIGHT, WRONG, Case

import dualdiff as dd


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.group}-{case.name}")
def test_case_is_right_or_refused_as_marked(case):
    results = conformance.run([case])
    assert results
    bad = [f"{route} {result}: {words}" for _, route, result, words in results
           if not conformance.as_it_should_be(case, result)]
    assert not bad, "\n".join(bad)


def test_there_are_enough_cases_and_routes():
    plain = [case for case in CASES if not (case.refused or case.foreign)]
    routes = Counter(route for case in plain for route in case.routes)
    assert len(plain) >= 250
    assert len({(case.group, case.name) for case in CASES}) == len(CASES)
    assert set(routes) == set(conformance.ROUTES)
    assert min(routes[route] for route in ("array", "nested", "batched", "float32")) >= 250


def stolen(x):
    """A function whose tangent is lost on purpose."""
    return dd.value(x) ** 2 if not isinstance(x, np.ndarray) else x**2


@pytest.mark.parametrize(("f", "expected"), [
    (lambda x: x**2, RIGHT),
    (stolen, WRONG),
    (lambda x: np.asarray(x, dtype=float), REFUSED),
    (lambda x: np.linalg.inv(np.array([[x[0], 1.0], [1.0, x[1]]])), CRASH),
])
def test_the_harness_tells_outcomes_apart(f, expected):
    case = Case("harness", "one", f, conformance.V3)
    assert conformance.outcome(case, "array", conformance.References(case))[0] == expected


def test_the_script_prints_a_table():
    case = CASES[0]
    text = conformance.table(conformance.run([case]))
    assert "scalar" in text and "right" in text and case.group in text
