"""Every row of `dualdiff.scipy_rules` against mpmath, and the ways in which SciPy's functions meet dual numbers."""

import mpmath as mp
import numpy as np
import pytest
import special_functions as exact

import dualdiff as dd
from dualdiff import scipy_rules

ONE = scipy_rules.UNARY
TWO = scipy_rules.BINARY


def name_of(rule):
    return rule.name


def worst(name, points=6):
    """The largest errors of both derivatives of a function of one variable, and where."""
    function, errors = scipy_rules.FUNCTIONS[name], [(0.0, None), (0.0, None)]
    for given, x in exact.cases(name, points):
        for k in (1, 2):
            got = dd.derivative(lambda t, given=given: exact.call(name, function, given, t), order=k)(x)
            for point, figure in zip(x, got, strict=True):
                figures = exact.exact(name, given, float(point))
                size = abs(figures[k]) + abs(point*figures[k + 1])
                error = float(abs(figure - mp.re(figures[k]))/size) if size else float(abs(figure))
                if not error <= errors[k - 1][0]:
                    errors[k - 1] = error, (given, float(point), float(figure), float(mp.re(figures[k])))
    return errors


def worst2(name):
    function, (x, y) = scipy_rules.FUNCTIONS[name], exact.points2(name)
    errors = [(0.0, None)]*2
    got = dd.jacobian(lambda v: function(v[0], v[1]))
    second = dd.hessian(lambda v: function(v[0], v[1]))
    for point in zip(x.tolist(), y.tolist(), strict=True):
        figures, sizes = exact.exact2(name, *point)
        h = second(np.array(point))
        have = [*got(np.array(point)), h[0, 0], h[0, 1], h[1, 1]]
        for i, (a, b, size) in enumerate(zip(have, figures, sizes, strict=True)):
            error = float(abs(a - b)/size) if size else float(abs(a))
            if not error <= errors[i > 1][0]:
                errors[i > 1] = error, (i, point, float(a), float(b))
    return errors


@pytest.mark.parametrize("rule", ONE, ids=name_of)
def test_every_row_of_one_variable(rule):
    for (error, where), promised in zip(worst(rule.name), rule.accuracy, strict=True):
        assert error <= promised, where


@pytest.mark.parametrize("rule", TWO, ids=name_of)
def test_every_row_of_two_variables(rule):
    for (error, where), promised in zip(worst2(rule.name), rule.accuracy, strict=True):
        assert error <= promised, where


def test_worse_accuracy_has_a_reason():
    assert all(rule.why for rule in scipy_rules.ROWS if max(rule.accuracy) > 1e-13)
