"""`Dual` and `HyperDual`: constructors, operators, comparisons, conversions, printing, copies, object arrays."""

import copy
import math
import operator
import pickle

import numpy as np
import pytest

import dualdiff as dd
from dualdiff.rules import BINARY, ROWS, UNARY

SIZES = (1, 2, 3, 4, 5, 12, 13, 64, 200)  # tangents live inside the object up to 12
NUMBERS = (int, float, np.float64, np.float32, np.int64)


def tangents(k, seed=0):
    """Some tangents, one of them 0 when there are several."""
    t = np.random.default_rng((seed, k)).uniform(-2.0, 2.0, k)
    if k > 1:
        t[k // 2] = 0.0
    return t


def close(got, want, ulps=4):
    got, want = np.asarray(got, dtype=float), np.asarray(want, dtype=float)
    assert got.shape == want.shape
    scale = np.abs(want).max(initial=0.0)
    np.testing.assert_array_less(np.abs(got - want), (ulps + 0.5) * np.spacing(max(scale, 1e-300)))


# An independent table of the operators: value and partial derivatives in plain Python -------------------------------


def power_parts(x, y):
    log = math.log(x)
    return (y * x ** (y - 1), log * x**y, y * (y - 1) * x ** (y - 2), x ** (y - 1) * (1 + y * log), log * log * x**y)


OPERATORS = {
    # operator: partial derivatives fx, fy, fxx, fxy, fyy as a function of the operands
    operator.add: lambda x, y: (1.0, 1.0, 0.0, 0.0, 0.0),
    operator.sub: lambda x, y: (1.0, -1.0, 0.0, 0.0, 0.0),
    operator.mul: lambda x, y: (y, x, 0.0, 1.0, 0.0),
    operator.truediv: lambda x, y: (1 / y, -x / y**2, 0.0, -1 / y**2, 2 * x / y**3),
    operator.pow: power_parts,
    operator.floordiv: lambda x, y: (0.0, 0.0, 0.0, 0.0, 0.0),
    operator.mod: lambda x, y: (1.0, -math.floor(x / y), 0.0, 0.0, 0.0),
}
BY_NAME = {"ids": lambda op: getattr(op, "__name__", repr(op))}
X, Y = 3.0, 1.75  # exact in every number type that is used below; int operands are made of 3 and 2


def expected_dual(op, x, tx, y, ty):
    fx, fy, *_ = OPERATORS[op](float(x), float(y))
    return op(float(x), float(y)), fx * tx + fy * ty


def expected_hyper(op, x, a, y, b):
    fx, fy, fxx, fxy, fyy = OPERATORS[op](float(x), float(y))
    e1, e2 = fx * a[0] + fy * b[0], fx * a[1] + fy * b[1]
    e12 = (fx * a[2] + fy * b[2] + fxx * np.outer(a[0], a[1]) + fyy * np.outer(b[0], b[1])
           + fxy * (np.outer(a[0], b[1]) + np.outer(b[0], a[1])))
    return op(float(x), float(y)), e1, e2, e12


def parts(k1, k2, seed):
    return tangents(k1, seed), tangents(k2, seed + 1), np.random.default_rng(seed).uniform(-1, 1, (k1, k2))


def nothing(k1, k2):
    return np.zeros(k1), np.zeros(k2), np.zeros((k1, k2))


@pytest.mark.parametrize("k", SIZES)
@pytest.mark.parametrize("op", OPERATORS, **BY_NAME)
def test_dual_with_dual(op, k):
    tx, ty = tangents(k, 1), tangents(k, 2)
    z = op(dd.Dual(X, tx), dd.Dual(Y, ty))
    value, tangent = expected_dual(op, X, tx, Y, ty)
    assert type(z) is dd.Dual
    close(z.value, value)
    close(z.tangent, tangent, 8)


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("op", OPERATORS, **BY_NAME)
@pytest.mark.parametrize("k", (1, 3, 13))
def test_dual_with_number(op, number, k):
    other, t = number(2), tangents(k)
    z = op(dd.Dual(X, t), other)
    value, tangent = expected_dual(op, X, t, 2.0, 0.0)
    assert type(z) is dd.Dual
    close(z.value, value)
    close(z.tangent, tangent)
    z = op(other, dd.Dual(X, t))
    value, tangent = expected_dual(op, 2.0, 0.0, X, t)
    assert type(z) is dd.Dual
    close(z.value, value)
    close(z.tangent, tangent)


@pytest.mark.parametrize("k1, k2", [(1, 1), (1, 3), (2, 2), (4, 4), (5, 2), (12, 12), (13, 13), (13, 1)])
@pytest.mark.parametrize("op", OPERATORS, **BY_NAME)
def test_hyper_dual_with_hyper_dual(op, k1, k2):
    a, b = parts(k1, k2, 1), parts(k1, k2, 5)
    z = op(dd.HyperDual(X, *a), dd.HyperDual(Y, *b))
    assert type(z) is dd.HyperDual
    for got, want in zip((z.value, z.e1, z.e2, z.e12), expected_hyper(op, X, a, Y, b), strict=True):
        close(got, want, 16)


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("op", OPERATORS, **BY_NAME)
def test_hyper_dual_with_number(op, number):
    a = parts(2, 3, 1)
    for z, want in (
        (op(dd.HyperDual(X, *a), number(2)), expected_hyper(op, X, a, 2.0, nothing(2, 3))),
        (op(number(2), dd.HyperDual(X, *a)), expected_hyper(op, 2.0, nothing(2, 3), X, a)),
    ):
        assert type(z) is dd.HyperDual
        for got, figure in zip((z.value, z.e1, z.e2, z.e12), want, strict=True):
            close(got, figure, 16)


@pytest.mark.parametrize("k", (1, 2, 4, 13))
def test_equal_seeds_keep_their_symmetry(k):
    t = tangents(k) + 3.0
    x = dd.HyperDual(1.3, t, t)
    for z in (x * x, x / (1 + x), np.sin(x) * x, 2**x, x**x, 1 - x, x % 0.5):
        np.testing.assert_array_equal(z.e1, z.e2)
        np.testing.assert_array_equal(z.e12, z.e12.T)
    close((x * x).e12, 2 * np.outer(t, t))


def test_triangle_meets_rectangle():
    t, u = np.array([1.0, -2.0]), np.array([0.5, 3.0])
    one_triangle, rectangle = dd.HyperDual(2.0, t, t), dd.HyperDual(3.0, t, u, [[1.0, 2.0], [3.0, 4.0]])
    for z in (one_triangle * rectangle, rectangle * one_triangle):
        close(z.e1, 5 * t)
        close(z.e2, 3 * t + 2 * u)
        close(z.e12, 2 * np.array([[1.0, 2.0], [3.0, 4.0]]) + np.outer(t, u) + np.outer(t, t))


@pytest.mark.parametrize("op", OPERATORS, **BY_NAME)
def test_number_with_itself(op):
    t = tangents(3)
    x = dd.Dual(X, t)
    z = op(x, x)
    value, tangent = expected_dual(op, X, t, X, t)
    close(z.value, value)
    close(z.tangent, tangent, 8)
    np.testing.assert_array_equal(x.tangent, t)


def test_divmod():
    t, u = tangents(2, 1), tangents(2, 2)
    for a, b, want in (
        (dd.Dual(7.5, t), dd.Dual(2.0, u), (3.0, 0 * t, 1.5, t - 3 * u)),
        (dd.Dual(-7.5, t), 2, (-4.0, 0 * t, 0.5, t)),
        (7.5, dd.Dual(2.0, u), (3.0, 0 * t, 1.5, -3 * u)),
    ):
        for quotient, remainder in (divmod(a, b), np.divmod(a, b)):
            assert (quotient.value, remainder.value) == want[::2]
            close(quotient.tangent, want[1])
            close(remainder.tangent, want[3])


def test_unary_operators():
    t = tangents(3)
    for x, op, value, slope in ((2.0, operator.neg, -2.0, -1), (2.0, operator.pos, 2.0, 1), (-2.0, abs, 2.0, -1),
                                (2.0, abs, 2.0, 1)):
        z = op(dd.Dual(x, t))
        assert z.value == value
        np.testing.assert_array_equal(z.tangent, slope * t)
        h = op(dd.HyperDual(x, t, t, np.ones((3, 3))))
        assert h.value == value
        np.testing.assert_array_equal(h.e1, slope * t)
        np.testing.assert_array_equal(h.e12, slope * np.ones((3, 3)))


def test_abs_at_its_kink():
    assert abs(dd.Dual(0.0, 1.0)).tangent == 0.0
    h = abs(dd.HyperDual(0.0, 1.0, 1.0))
    assert h.e1 == h.e2 == 0.0
    assert math.isnan(h.e12)


@pytest.mark.parametrize("cls", (dd.Dual, dd.HyperDual))
def test_rounding_is_constant(cls):
    x = cls(2.567, 1.0)
    assert round(x) == 3
    assert round(x, 1) == 2.6
    for z in (round(x, 1), np.round(x, 2), np.rint(x), np.floor(x), np.ceil(x), np.trunc(x), x // 1):
        assert not np.any(getattr(z, "tangent", 0.0)) and not np.any(getattr(z, "e1", 0.0))
    assert [float(dd.value(z)) for z in (np.rint(x), np.floor(x), np.ceil(x), np.trunc(x))] == [3, 2, 3, 2]


def test_in_place_operators_rebind():
    x = y = dd.Dual(3.0, [1.0])
    x *= 2.0
    x += 1.0
    x **= 2
    assert (x.value, x.tangent.tolist()) == (49.0, [28.0])
    assert (y.value, y.tangent.tolist()) == (3.0, [1.0])


def test_three_argument_power_is_refused():
    with pytest.raises(TypeError):
        pow(dd.Dual(2.0, 1.0), 2, 3)


# Constructors and parts ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", SIZES)
def test_dual_holds_what_it_was_given(k):
    t = tangents(k)
    x = dd.Dual(2.5, t)
    assert type(x.value) is float and x.value == 2.5
    assert x.tangent.shape == (k,) and x.tangent.dtype == np.float64
    np.testing.assert_array_equal(x.tangent, t)
    np.testing.assert_array_equal(dd.Dual(2.5, t.tolist()).tangent, t)


def test_number_as_tangent():
    x = dd.Dual(2.5, 3)
    assert type(x.tangent) is float and x.tangent == 3.0
    assert type((x * x).tangent) is float and (x * x).tangent == 15.0
    assert dd.Dual(2.5, [3]).tangent.shape == (1,)


@pytest.mark.parametrize("value", (2, np.float32(2), np.int64(2), np.float64(2)))
def test_value_becomes_a_float(value):
    x = dd.Dual(value, 1.0)
    assert type(x.value) is float and x.value == 2.0


def test_no_tangent_is_a_constant():
    x = dd.Dual(2.0)
    assert not np.any(x.tangent)
    y = x * dd.Dual(3.0, [1.0, 2.0, 3.0]) + x
    assert y.value == 8.0
    np.testing.assert_array_equal(y.tangent, [2.0, 4.0, 6.0])
    h = dd.HyperDual(2.0) * dd.HyperDual(3.0, [1.0, 2.0], [1.0, 2.0])
    np.testing.assert_array_equal(h.e1, [2.0, 4.0])
    np.testing.assert_array_equal(h.e12, np.zeros((2, 2)))


@pytest.mark.parametrize("k1, k2", [(1, 1), (1, 4), (3, 2), (4, 4), (12, 13), (13, 13), (64, 3)])
def test_hyper_dual_holds_what_it_was_given(k1, k2):
    e1, e2, e12 = parts(k1, k2, 3)
    x = dd.HyperDual(2.5, e1, e2, e12)
    assert type(x.value) is float and x.value == 2.5
    for got, want in ((x.e1, e1), (x.e2, e2), (x.e12, e12)):
        assert got.dtype == np.float64
        np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(dd.HyperDual(2.5, e1, e2).e12, np.zeros((k1, k2)))


def test_equal_seeds_with_a_crooked_second_order_part():
    e12 = [[1.0, 2.0], [3.0, 4.0]]
    np.testing.assert_array_equal(dd.HyperDual(2.0, [1.0, 5.0], [1.0, 5.0], e12).e12, e12)


def test_numbers_as_parts():
    x = dd.HyperDual(3.0, 1.0, 1.0)
    assert (x.e1, x.e2, x.e12) == (1.0, 1.0, 0.0)
    y = x**3
    assert (y.value, y.e1, y.e2, y.e12) == (27.0, 27.0, 27.0, 18.0)
    assert dd.HyperDual(3.0, 1.0, 1.0, 5.0).e12 == 5.0


@pytest.mark.parametrize("k", (1, 3, 13))
def test_parts_are_no_handles_on_the_inside(k):
    given = tangents(k)
    x = dd.Dual(2.0, given)
    before = given.copy()
    given[:] = 99.0
    np.testing.assert_array_equal(x.tangent, before)
    try:
        x.tangent[:] = 77.0
    except ValueError:
        pass  # read-only is as good as a copy
    np.testing.assert_array_equal(x.tangent, before)
    for name in ("value", "tangent"):
        with pytest.raises(AttributeError):
            setattr(x, name, 1.0)


@pytest.mark.parametrize("arguments, builtin", [
    (("two", [1.0]), TypeError),
    ((None, [1.0]), TypeError),
    ((2j, [1.0]), TypeError),
    ((True, [1.0]), TypeError),
    (([2.0, 3.0], [1.0]), TypeError),
    ((2.0, "one"), TypeError),
    ((2.0, [1j]), TypeError),
    ((2.0, [[1.0, 2.0]]), ValueError),
])  # fmt: skip
def test_what_is_no_number_is_refused(arguments, builtin):
    for cls in (dd.Dual, dd.HyperDual):
        with pytest.raises(dd.DualDiffError) as caught:
            cls(*arguments)
        assert isinstance(caught.value, builtin)
        assert cls.__name__ in str(caught.value)


def test_parts_that_do_not_fit_are_refused():
    with pytest.raises(dd.DualDiffError, match=r"\(2, 3\)"):
        dd.HyperDual(2.0, [1.0, 2.0], [1.0, 2.0, 3.0], [[1.0, 2.0]])


@pytest.mark.parametrize("op", [*OPERATORS, np.hypot, np.arctan2, divmod], **BY_NAME)
def test_different_numbers_of_tangents(op):
    with pytest.raises(dd.DualDiffError) as caught:
        op(dd.Dual(1.0, [1.0, 2.0]), dd.Dual(2.0, [1.0, 2.0, 3.0]))
    assert isinstance(caught.value, ValueError)
    assert "2" in str(caught.value) and "3" in str(caught.value)
    with pytest.raises(dd.DualDiffError):
        op(dd.HyperDual(1.0, [1.0], [1.0, 2.0]), dd.HyperDual(2.0, [1.0], [1.0]))


@pytest.mark.parametrize("op", OPERATORS, **BY_NAME)
def test_dual_and_hyper_dual_by_hand_do_not_mix(op):
    for a, b in ((dd.Dual(1.0, 1.0), dd.HyperDual(1.0, 1.0, 1.0)), (dd.HyperDual(1.0, 1.0, 1.0), dd.Dual(1.0, 1.0))):
        with pytest.raises(TypeError):
            op(a, b)


@pytest.mark.parametrize("other", ["text", None, {}, object()])
def test_operators_leave_strangers_alone(other):
    with pytest.raises(TypeError):
        dd.Dual(1.0, 1.0) + other
    with pytest.raises(TypeError):
        other * dd.Dual(1.0, 1.0)


def test_complex_operands_give_complex_values():
    z = dd.Dual(2.0, 1.0) * (1 + 2j)
    assert complex(np.asarray(z.value)[()]) == 2 + 4j
    assert complex(np.ravel(z.tangent)[0]) == 1 + 2j
    z = (1 + 2j) / dd.Dual(2.0, 1.0)
    assert complex(np.ravel(z.tangent)[0]) == -(1 + 2j) / 4


# As np.float64: inf and nan instead of ZeroDivisionError ------------------------------------------------------------


@pytest.mark.parametrize("x, op, y", [
    (1.0, operator.truediv, 0.0), (-1.0, operator.truediv, 0.0), (0.0, operator.truediv, 0.0),
    (1.0, operator.truediv, -0.0), (1.0, operator.floordiv, 0.0), (0.0, operator.floordiv, 0.0),
    (1.0, operator.mod, 0.0), (0.0, operator.pow, -1.0), (0.0, operator.pow, -2), (-8.0, operator.pow, 1 / 3),
    (10.0, operator.pow, 400.0), (1e308, operator.mul, 10.0), (math.inf, operator.sub, math.inf),
])  # fmt: skip
def test_values_follow_float64(x, op, y):
    with np.errstate(all="ignore"):
        want = op(np.float64(x), y)
        answers = [
            op(dd.Dual(x, 1.0), y), op(x, dd.Dual(y, 1.0)), op(dd.Dual(x, 1.0), dd.Dual(y, 1.0)),
            op(dd.HyperDual(x, 1.0, 1.0), y), op(np.float64(x), dd.HyperDual(y, 1.0, 1.0)),
        ]  # fmt: skip
    for answer in answers:
        np.testing.assert_array_equal(answer.value, want)
        assert math.copysign(1.0, answer.value) == math.copysign(1.0, want) or math.isnan(want)


def test_division_by_zero_has_one_sided_slopes():
    with np.errstate(all="ignore"):
        z = dd.Dual(1.0, [1.0, 0.0]) / 0.0
        assert z.value == math.inf
        np.testing.assert_array_equal(z.tangent, [math.inf, 0.0])
        z = 1.0 / dd.Dual(0.0, [1.0, 0.0])
        np.testing.assert_array_equal(z.tangent, [-math.inf, 0.0])


# Comparisons look at values only ------------------------------------------------------------------------------------

COMPARISONS = (operator.lt, operator.le, operator.eq, operator.ne, operator.gt, operator.ge)


@pytest.mark.parametrize("op", COMPARISONS, **BY_NAME)
@pytest.mark.parametrize("x, y", [(1.0, 2.0), (2.0, 2.0), (3.0, 2.0), (math.nan, 2.0), (2.0, math.inf), (0.0, -0.0)])
def test_comparison(op, x, y):
    want = op(x, y)
    for cls in (dd.Dual, dd.HyperDual):
        for a, b in ((cls(x, 5.0), y), (x, cls(y, 5.0)), (cls(x, 5.0), cls(y, -7.0)), (cls(x, 5.0), np.float64(y)),
                     (np.float64(x), cls(y, 5.0)), (np.float32(x), cls(y, 5.0))):
            answer = op(a, b)
            assert isinstance(answer, (bool, np.bool_)) and bool(answer) is want


def test_comparison_with_strangers():
    assert (dd.Dual(1.0, 1.0) == "text") is False
    assert (dd.Dual(1.0, 1.0) != None) is True  # noqa: E711
    with pytest.raises(TypeError):
        dd.Dual(1.0, 1.0) < "text"  # noqa: B015


def test_comparison_of_different_sizes():
    assert dd.Dual(1.0, [1.0]) < dd.Dual(2.0, [1.0, 2.0])


def test_truth_value():
    assert not dd.Dual(0.0, 1.0) and not dd.Dual(-0.0, 1.0) and not dd.HyperDual(0.0, 1.0, 1.0)
    assert dd.Dual(0.5, 0.0) and dd.Dual(math.nan, 1.0) and dd.HyperDual(-1.0, 0.0, 0.0)


def test_sorting_and_extremes_of_the_language():
    numbers = [dd.Dual(v, [v, 1.0]) for v in (3.0, 1.0, 2.0)]
    assert [n.value for n in sorted(numbers)] == [1.0, 2.0, 3.0]
    assert max(numbers) is numbers[0] and min(numbers) is numbers[1]
    total = sum(numbers)
    assert total.value == 6.0
    np.testing.assert_array_equal(total.tangent, [6.0, 3.0])


# Conversions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", (dd.Dual, dd.HyperDual))
@pytest.mark.parametrize("convert", (float, int, complex, math.sin, math.exp, math.sqrt, math.isnan, math.fsum,
                                     lambda x: math.hypot(x, 1.0)))
def test_conversion_is_refused(cls, convert):
    x = cls(1.5, 1.0)
    with pytest.raises(dd.DualDiffError) as caught:
        convert([x] if convert is math.fsum else x)
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize("convert", (float, int, math.sin))
def test_refused_conversion_names_the_cure(convert):
    with pytest.raises(dd.DualDiffError) as caught:
        convert(dd.Dual(1.5, 1.0))
    message = str(caught.value)
    assert "np.sin" in message and "value" in message


@pytest.mark.parametrize("cls", (dd.Dual, dd.HyperDual))
def test_hash_is_refused(cls):
    x = cls(1.5, 1.0)
    for use in (hash, lambda x: {x: 1}, lambda x: {x}, lambda x: x in {1.5: 2}):
        with pytest.raises(dd.DualDiffError) as caught:
            use(x)
        assert isinstance(caught.value, TypeError)
        assert "hash" in str(caught.value)


# Printing -----------------------------------------------------------------------------------------------------------


def test_repr_and_str():
    assert repr(dd.Dual(2.0, [1.0])) == "Dual(2.0, [1.0])"
    assert str(dd.Dual(2.0, [1.0])) == "2 + 1ε"
    assert repr(dd.Dual(0.1, [1.0, -2.5])) == "Dual(0.1, [1.0, -2.5])"


@pytest.mark.parametrize("x", [
    dd.Dual(0.1, [1 / 3]), dd.Dual(-2.0, [1.0, -2.5e-300, 7.0]), dd.HyperDual(0.1, [1 / 3], [2.0], [[5.0]]),
    dd.HyperDual(3.0, [1.0, 2.0], [3.0], [[4.0], [5.0]]),
], ids=repr)  # fmt: skip
def test_repr_can_be_read_back(x):
    y = eval(repr(x), {"Dual": dd.Dual, "HyperDual": dd.HyperDual})
    same_number(x, y)


def test_str_holds_value_and_tangents():
    text = str(dd.HyperDual(2.0, [3.0], [5.0], [[7.0]]))
    assert text.startswith("2 ") and all(figure in text for figure in "357") and "ε" in text
    assert "inf" in str(dd.Dual(math.inf, 1.0)) and "nan" in str(dd.Dual(1.0, math.nan))


@pytest.mark.parametrize("specification", (".3f", "10.2e", "+.1g", "010.3f", "%", ",.2f", ">12.4g"))
def test_format_specifications_are_for_the_value(specification):
    want = format(31.4159, specification)
    assert format(dd.Dual(31.4159, [1.0, 2.0]), specification) == want
    assert f"{dd.HyperDual(31.4159, 1.0, 1.0):{specification}}" == want


def test_format_without_specification_shows_all():
    assert f"{dd.Dual(2.0, [1.0])}" == "2 + 1ε"


def test_format_specification_that_makes_no_sense():
    with pytest.raises(ValueError):
        format(dd.Dual(2.0, 1.0), "q")


# Copies -------------------------------------------------------------------------------------------------------------


def same_number(x, y):
    assert type(x) is type(y)
    for name in ("value", "tangent", "e1", "e2", "e12"):
        if hasattr(x, name):
            assert type(getattr(x, name)) is type(getattr(y, name))
            np.testing.assert_array_equal(getattr(x, name), getattr(y, name))


def specimens():
    yield dd.Dual(1.5)
    yield dd.Dual(math.nan, math.inf)
    yield dd.Dual(-0.0, [-0.0])
    for k in SIZES:
        yield dd.Dual(1 / 3, tangents(k))
        yield dd.HyperDual(1 / 3, *parts(min(k, 20), min(k, 20), k))
    yield dd.HyperDual(2.0)
    yield dd.HyperDual(2.0, 1.0, 1.0, 4.0)
    yield dd.HyperDual(2.0, [1.0, 2.0], [1.0, 2.0], [[1.0, 2.0], [2.0, 5.0]])
    yield dd.HyperDual(2.0, [1.0, 2.0], [1.0, 2.0], [[1.0, 2.0], [3.0, 5.0]])
    yield dd.HyperDual(2.0, [1.0, 2.0, 3.0], [1.0], np.ones((3, 1)))


@pytest.mark.parametrize("x", list(specimens()), ids=lambda x: type(x).__name__)
def test_copies_lose_nothing(x):
    for y in (copy.copy(x), copy.deepcopy(x), *(pickle.loads(pickle.dumps(x, p)) for p in range(6))):
        same_number(x, y)
        assert math.copysign(1.0, y.value) == math.copysign(1.0, x.value)
        same_number(np.sin(x) * 2, np.sin(y) * 2)


def test_containers_of_numbers_are_copied():
    x = [dd.Dual(1.0, [1.0]), {"b": dd.Dual(2.0, [3.0])}]
    y = pickle.loads(pickle.dumps(copy.deepcopy(x)))
    same_number(x[0], y[0])
    same_number(x[1]["b"], y[1]["b"])


@pytest.mark.parametrize("order", (1, 2))
def test_no_pickles_while_a_transform_runs(order):
    with pytest.raises(dd.DualDiffError, match="pickle"):
        dd.derivative(lambda x: pickle.loads(pickle.dumps(x)) ** 2, order=order)(3.0)
    assert dd.derivative(lambda x: copy.copy(x) * copy.deepcopy(x) * x, order=order)(3.0) == (27.0, 18.0)[order - 1]
    assert dd.hessian(lambda x: copy.deepcopy(x)[0] * x[1])([3.0, 4.0]).tolist() == [[0.0, 1.0], [1.0, 0.0]]


# Rows as methods, as ufuncs, in object arrays -----------------------------------------------------------------------

SPECIAL_OPERANDS = {"ldexp": (0.75, 3), "nextafter": (0.75, 2.0), "power": (1.3, 0.7), "float_power": (1.3, 0.7)}


def inside(domain, share=0.37):
    """A harmless number of a domain."""
    low, high = max(domain.low, -2.0), min(domain.high, 2.5)
    if low >= high:
        low, high = domain.low, domain.low + 3.0
    return low + share * (high - low)


def operands(row):
    if row.name in SPECIAL_OPERANDS:
        return SPECIAL_OPERANDS[row.name]
    if row.arity == 1:
        return (inside(row.domain),)
    return inside(row.domain[0], 0.37), inside(row.domain[1], 0.71)


def home(row):
    return np if row.numpy else dd


def function_of(row):
    return getattr(home(row), row.name)


PUBLIC = [row for row in ROWS if hasattr(home(row), row.name)]  # the others are helpers of other rows


def same_parts(got, want):
    for name in ("value", "tangent", "e1", "e2", "e12"):
        if hasattr(want, name):
            np.testing.assert_allclose(getattr(got, name), getattr(want, name), rtol=1e-15, atol=1e-300)


@pytest.mark.parametrize("row", PUBLIC, ids=lambda row: row.name)
def test_method_of_every_row(row):
    f, (x, *rest) = function_of(row), operands(row)
    for number in (dd.Dual(x, [1.0, -2.0]), dd.HyperDual(x, [1.0, -2.0], [1.0, -2.0])):
        z = getattr(number, row.name)(*rest)
        assert type(z) is type(number)
        same_parts(z, f(number, *rest))
        np.testing.assert_allclose(z.value, f(np.float64(x), *rest), rtol=1e-15)
        if row.numpy and not any("O" in types for types in f.types):
            continue  # NumPy has no loop over objects for this one
        many = f(np.array([number, number + 0.0], dtype=object), *rest)
        assert many.shape == (2,)
        if isinstance(many[1], type(number)):
            same_parts(many[1], z)
        else:  # steps: NumPy itself makes a plain number
            assert many[1] == z.value
            assert not np.any(getattr(z, "tangent", 0.0)) and not np.any(getattr(z, "e1", 0.0))


@pytest.mark.parametrize("row", [row for row in UNARY if row.numpy], ids=lambda row: row.name)
def test_aliases_are_the_same_function(row):
    x = dd.Dual(operands(row)[0], [1.0, -2.0])
    for alias in row.aliases:
        same_parts(getattr(np, alias)(x), getattr(np, row.name)(x))


@pytest.mark.parametrize("row", [row for row in BINARY if row.numpy and row.name not in ("ldexp", "nextafter")],
                         ids=lambda row: row.name)
def test_binary_rows_reflected(row):
    f, (x, y) = function_of(row), operands(row)
    both = f(dd.Dual(x, [1.0, 0.0]), dd.Dual(y, [0.0, 1.0]))
    left, right = f(dd.Dual(x, [1.0]), y), f(x, dd.Dual(y, [1.0]))
    assert type(both) is type(left) is type(right) is dd.Dual
    np.testing.assert_allclose(both.tangent, [left.tangent[0], right.tangent[0]], rtol=1e-15)
    assert both.value == left.value == right.value


def test_functions_of_parameters():
    assert dd.leaky_relu(dd.Dual(-2.0, [1.0]), 0.25).value == -0.5
    assert dd.leaky_relu(dd.Dual(-2.0, [1.0]), 0.25).tangent[0] == 0.25
    assert dd.leaky_relu(dd.Dual(-2.0, [1.0])).tangent[0] == 0.01


VALUES = (0.5, 1.5, -0.7)


def objects(k=3):
    """Three numbers in an object array, and what they are: values and tangents (k, 3)."""
    t = np.array([tangents(k, s) for s in range(3)]).T
    return np.array([dd.Dual(v, t[:, i]) for i, v in enumerate(VALUES)], dtype=object), np.array(VALUES), t


def sums(z):
    """Value and tangent of a scalar or of an object array."""
    if isinstance(z, np.ndarray):
        return np.array([n.value for n in z.ravel()]).reshape(z.shape), np.array([n.tangent for n in z.ravel()])
    return z.value, z.tangent


OBJECT_CASES = {
    "sin": (np.sin, lambda v: np.cos(v)),
    "exp": (np.exp, lambda v: np.exp(v)),
    "times two": (lambda x: 2.0 * x, lambda v: 2.0 + 0 * v),
    "array by array": (lambda x: x * np.array([1.0, 2.0, 3.0]), lambda v: np.array([1.0, 2.0, 3.0])),
    "square": (lambda x: x**2, lambda v: 2 * v),
    "reflected": (lambda x: 1.0 / x, lambda v: -1 / v**2),
}


@pytest.mark.parametrize("name", OBJECT_CASES)
def test_object_arrays_entry_by_entry(name):
    f, slope = OBJECT_CASES[name]
    x, v, t = objects()
    z = f(x)
    assert z.dtype == object and z.shape == (3,) and all(type(n) is dd.Dual for n in z)
    value, tangent = sums(z)
    np.testing.assert_allclose(value, f(v), rtol=1e-15)
    np.testing.assert_allclose(tangent.T, slope(v) * t, rtol=1e-14, atol=1e-15)


WEIGHTS = np.array([[1.0, -2.0, 0.5], [3.0, 0.25, -1.0]])
REDUCING_CASES = {
    "sum": (np.sum, lambda v: np.ones(3)),
    "add.reduce": (np.add.reduce, lambda v: np.ones(3)),
    "mean": (np.mean, lambda v: np.full(3, 1 / 3)),
    "prod": (np.prod, lambda v: np.array([v[1] * v[2], v[0] * v[2], v[0] * v[1]])),
    "dot": (lambda x: np.dot(x, x), lambda v: 2 * v),
    "matmul with itself": (lambda x: x @ x, lambda v: 2 * v),
    "matmul by numbers": (lambda x: WEIGHTS[0] @ x, lambda v: WEIGHTS[0]),
    "max": (np.max, lambda v: np.array([0.0, 1.0, 0.0])),
    "min": (lambda x: x.min(), lambda v: np.array([0.0, 0.0, 1.0])),
    "last of cumsum": (lambda x: np.cumsum(x)[-1], lambda v: np.ones(3)),
}


@pytest.mark.parametrize("name", REDUCING_CASES)
def test_object_arrays_reduced(name):
    f, gradient = REDUCING_CASES[name]
    x, v, t = objects()
    z = f(x)
    assert type(z) is dd.Dual
    np.testing.assert_allclose(z.value, f(v), rtol=1e-14)
    np.testing.assert_allclose(z.tangent, t @ gradient(v), rtol=1e-14, atol=1e-15)


def test_object_matrices():
    x, v, t = objects()
    z = WEIGHTS @ x
    assert z.shape == (2,)
    value, tangent = sums(z)
    np.testing.assert_allclose(value, WEIGHTS @ v, rtol=1e-15)
    np.testing.assert_allclose(tangent, WEIGHTS @ t.T, rtol=1e-14)
    outer = np.outer(x, x)
    np.testing.assert_allclose(sums(outer)[0], np.outer(v, v), rtol=1e-15)
    np.testing.assert_allclose(outer[1, 2].tangent, v[1] * t[:, 2] + v[2] * t[:, 1], rtol=1e-14)


def test_object_arrays_compare_by_value():
    x, v, _ = objects()
    np.testing.assert_array_equal(x > 0.0, v > 0.0)
    np.testing.assert_array_equal(np.argsort(x), np.argsort(v))
    assert np.argmax(x) == 1


def test_scalar_meets_plain_array():
    x = dd.Dual(2.0, [1.0, -1.0])
    a = np.array([1.0, 2.0, 3.0])
    for z in (x * a, a * x):
        z = dd.pack(z)
        assert isinstance(z, dd.DualArray) and z.shape == (3,)
        np.testing.assert_array_equal(z.value, 2 * a)
        np.testing.assert_array_equal(z.tangent, [a, -a])
    z = dd.pack(a / x)
    np.testing.assert_array_equal(z.tangent, [-a / 4, a / 4])
    h = dd.HyperDual(2.0, [1.0], [1.0])
    z = dd.pack(h**2 * a)
    np.testing.assert_array_equal(z.e12, [[2 * a]])


def test_ufunc_with_out_of_a_plain_array_is_refused():
    with pytest.raises(dd.DualDiffError):
        np.multiply(dd.Dual(2.0, 1.0), np.ones(3), out=np.zeros(3))


def test_ufunc_without_a_rule_is_named():
    with pytest.raises(dd.DualDiffError, match="bitwise_and") as caught:
        np.bitwise_and(dd.Dual(2.0, 1.0), 1)
    assert isinstance(caught.value, TypeError)


def test_predicates_give_plain_truth():
    x = dd.Dual(2.0, 1.0)
    assert bool(np.isfinite(x)) and not bool(np.isnan(x)) and not bool(np.isinf(x)) and not bool(np.signbit(x))
    assert bool(np.isnan(dd.Dual(math.nan, 1.0)))
    assert bool(np.logical_and(x, True)) and not bool(np.logical_not(x))


def test_what_float64_has_too():
    x = dd.Dual(2.5, [1.0])
    assert x.shape == np.shape(x) == () and x.ndim == np.ndim(x) == 0 and x.size == 1
    assert np.zeros(1, dtype=x.dtype).dtype == object  # room for the number itself
    assert x.real.tangent[0] == 1.0 and x.imag.value == 0.0 and x.conj().tangent[0] == 1.0
    assert x.item().tangent[0] == 1.0
    assert not isinstance(x, float)
    with pytest.raises(TypeError):
        len(x)
    with pytest.raises(TypeError):
        iter(x)


@pytest.mark.parametrize("k", SIZES)
def test_long_products_keep_every_component(k):
    """x0 * x1 * ... in a loop with k seeds: each component is the product of the other factors."""
    values = np.linspace(0.8, 1.25, k)
    p = dd.Dual(1.0, np.zeros(k))
    for v, seed in zip(values, np.eye(k), strict=True):
        p = p * dd.Dual(v, seed)
    np.testing.assert_allclose(p.tangent, p.value / values, rtol=1e-14 * k)


def test_many_numbers_alive_at_once():
    """Recycled memory is not shared: every number keeps its own tangents."""
    for k in (1, 12, 13, 40):
        alive = [dd.Dual(float(i), np.full(k, float(i))) * 2.0 for i in range(300)]
        del alive[::3]
        alive += [dd.Dual(-1.0, np.full(k, -1.0)) + 0.0 for _ in range(200)]
        for n in alive:
            np.testing.assert_array_equal(n.tangent, np.full(k, n.value))
