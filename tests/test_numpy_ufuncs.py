"""Ufuncs beyond the plain call: methods, out=, where=, dtype=, several outputs, and what is refused."""

import operator
import warnings

import numpy as np
import pytest
from numpy_cases import MATRIX, VECTOR, Case, check_derivatives_of, check_value_of, dual, hyper, in_place

import dualdiff as dd
from dualdiff import rules

MASK = MATRIX > 2.0
ROWS, COLUMNS = np.array([0, 1, 0, 0]), np.array([2, 0, 2, 1])
FOUR = np.array([1.13, 0.52, 1.81, 0.77])

CASES = [
    # Calls
    Case("where and out", lambda x: np.divide(1.0, x, where=MASK, out=np.full_like(x, 7.0))),
    Case("where and out of x", lambda x: np.exp(x, where=MASK[0], out=x.copy())),
    Case("out", lambda x: np.multiply(x, x[0], out=np.zeros_like(x))),
    Case("out, itself", in_place(lambda y: np.multiply(y, y[:, ::-1], out=y))),
    Case("out, a view", in_place(lambda y: np.sin(y[0], out=y[1]))),
    Case("out, broader than the result", lambda x: np.sin(x[0], out=np.zeros_like(x))),
    Case("divmod", lambda x: np.divmod(x, 0.8)[1] + np.divmod(x, 0.8)[0] * x),
    Case("divmod, out", lambda x: np.divmod(x, 0.8, out=(None, np.zeros_like(x)))[1]),
    Case("modf", lambda x: np.modf(x)[0] * np.modf(x)[1]),
    Case("frexp", lambda x: np.frexp(x)[0]),
    Case("matmul", lambda x: np.matmul(x, x.T)),
    Case("matmul, out", lambda x: np.matmul(x, x.T, out=np.zeros_like(x[:, :2]))),
    # Reductions
    Case("add.reduce", lambda x: np.add.reduce(x**2)),
    Case("add.reduce, all axes", lambda x: np.add.reduce(x**2, axis=None, keepdims=True)),
    Case("multiply.reduce", lambda x: np.multiply.reduce(x, axis=1)),
    Case("maximum.reduce", lambda x: np.maximum.reduce(x**2, axis=(0, 1))),
    Case("minimum.reduce", lambda x: np.minimum.reduce(x**2, axis=1, initial=2.0)),
    Case("fmax.reduce, where", lambda x: np.fmax.reduce(x**2, axis=1, where=MASK, initial=-1.0)),
    Case("logaddexp.reduce", lambda x: np.logaddexp.reduce(x, axis=1)),
    Case("logaddexp.reduce, where", lambda x: np.logaddexp.reduce(x, axis=1, where=MASK | (x < 1.5))),
    Case("logaddexp2.reduce", lambda x: np.logaddexp2.reduce(x, axis=None)),
    Case("hypot.reduce", lambda x: np.hypot.reduce(x)),
    Case("subtract.reduce", lambda x: np.subtract.reduce(x**2, axis=1)),
    Case("divide.reduce", lambda x: np.divide.reduce(x, axis=1, keepdims=True), scale=10.0),
    Case("copysign.reduce", lambda x: np.copysign.reduce(-x, axis=1)),
    Case("remainder.reduce", lambda x: np.remainder.reduce(x[::-1], axis=0)),
    # Scans
    Case("add.accumulate", lambda x: np.add.accumulate(x**2)),
    Case("multiply.accumulate", lambda x: np.multiply.accumulate(x, axis=1)),
    Case("multiply.accumulate, five", lambda x: np.multiply.accumulate(np.append(x, 2.0)), x=FOUR, scale=10.0),
    Case("maximum.accumulate", lambda x: np.maximum.accumulate(x**2, axis=1)),
    Case("minimum.accumulate", lambda x: np.minimum.accumulate(x**2)),
    Case("logaddexp.accumulate", lambda x: np.logaddexp.accumulate(x, axis=-1)),
    Case("subtract.accumulate", lambda x: np.subtract.accumulate(x**2, axis=1)),
    Case("divide.accumulate", lambda x: np.divide.accumulate(x, axis=1), scale=10.0),
    Case("add.reduceat", lambda x: np.add.reduceat(x**2, [0, 2, 1], axis=1)),
    Case("multiply.reduceat", lambda x: np.multiply.reduceat(x, [0, 1])),
    # outer
    Case("multiply.outer", lambda x: np.multiply.outer(x, x[0])),
    Case("subtract.outer", lambda x: np.subtract.outer([1.0, 2.0], x**2)),
    Case("arctan2.outer", lambda x: np.arctan2.outer(x[0], 2.0)),
    # at
    Case("add.at", in_place(lambda y: np.add.at(y, (ROWS, COLUMNS), FOUR * y[0, 0]))),
    Case("add.at, slices", in_place(lambda y: np.add.at(y, (slice(None), [0, 0, 2]), y[:1] ** 2))),
    Case("add.at, rows", in_place(lambda y: np.add.at(y, [1, 1, 0], y[0] ** 2))),
    Case("add.at, plain numbers", in_place(lambda y: np.add.at(y, [1, 1], 2.0))),
    Case("add.at, itself", in_place(lambda y: np.add.at(y, [1, 0], y))),
    Case("subtract.at", in_place(lambda y: np.subtract.at(y, (ROWS, COLUMNS), FOUR * y[0, 0] ** 2))),
    Case("multiply.at", in_place(lambda y: np.multiply.at(y, (ROWS, COLUMNS), FOUR * y[1, 1]))),
    Case("divide.at", in_place(lambda y: np.divide.at(y, (ROWS, COLUMNS), FOUR + y[1, 1]))),
    Case("maximum.at", in_place(lambda y: np.maximum.at(y, (ROWS, COLUMNS), FOUR * y[1, 1]))),
    Case("logaddexp.at", in_place(lambda y: np.logaddexp.at(y, (ROWS, COLUMNS), FOUR * y[1, 1]))),
    Case("negative.at", in_place(lambda y: np.negative.at(y, (ROWS, COLUMNS)))),
    Case("square.at, mask", in_place(lambda y: np.square.at(y, MASK))),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_derivatives(case):
    check_derivatives_of(case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_values(case):
    check_value_of(case)


def test_where_leaves_the_rest_alone():
    x = dd.DualArray([4.0, 0.0, -1.0], [[1.0, 1.0, 1.0]])
    out = dd.DualArray([5.0, 6.0, 7.0], [[8.0, 9.0, 10.0]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = np.log(x, where=x > 0.0, out=out)
    assert y is out
    np.testing.assert_array_equal(y.value, [np.log(4.0), 6.0, 7.0])
    np.testing.assert_array_equal(y.tangent, [[0.25, 9.0, 10.0]])


def test_dtype():
    y = np.add(dual(MATRIX), 1.0, dtype=np.float32)
    assert y.dtype == y.tangent.dtype == np.float32
    assert np.add(dual(MATRIX, dtype=np.float32), 1.0, dtype=np.float64).dtype == np.float64
    assert np.multiply.reduce(dual(MATRIX), dtype=np.float32).tangent.dtype == np.float32


def test_values_of_composed_ufuncs_are_those_of_numpy():
    points = np.array([2.5, -2.5, np.inf, -0.0, np.nan])
    for f in (np.modf, np.frexp, lambda x: np.divmod(x, 0.7)):
        with np.errstate(all="ignore"):
            got, want = f(dual(points)), f(points)
        for a, b in zip(got, want, strict=True):
            np.testing.assert_array_equal(dd.value(a), b)
            np.testing.assert_array_equal(np.signbit(dd.value(a)), np.signbit(b))
    mantissa, exponent = np.frexp(dual(MATRIX))
    assert isinstance(exponent, np.ndarray) and exponent.dtype.kind == "i"
    assert dd.derivative(lambda x: np.modf(x)[0])(-2.5) == 1.0 and dd.derivative(lambda x: np.modf(x)[1])(-2.5) == 0.0


# Infinite numbers under a selection -----------------------------------------------------------------------------------


@pytest.mark.parametrize("f", [np.maximum.reduce, np.fmax.reduce, lambda x: np.maximum.accumulate(x)[1]])
def test_losing_tangents_have_no_influence(f):
    np.testing.assert_array_equal(f(dd.DualArray([-1.0, 0.0], [[np.inf, 2.0]])).tangent, [2.0])


def test_logaddexp_of_nothing_probable():
    x = np.array([-np.inf, -np.inf, 1.0])
    np.testing.assert_array_equal(dd.grad(np.logaddexp.reduce)(x), [0.0, 0.0, 1.0])


# Object arrays, lists, plain arrays -----------------------------------------------------------------------------------


def test_lists_and_object_arrays_among_the_operands():
    a, b = dd.Dual(2.0, [1.0, 0.0]), dd.Dual(3.0, [0.0, 1.0])
    x = dd.pack([a, b])
    for other in ([a, b], np.array([a, b]), (a, 3.0)):
        np.testing.assert_array_equal(np.multiply(x, other).value, [4.0, 9.0])
        np.testing.assert_array_equal(np.add(x, other, where=[True, True]).tangent[0], [2.0, 0.0])
        np.testing.assert_array_equal(np.greater(other, x), [False, False])
        np.testing.assert_array_equal(np.multiply.outer(other, x).value, [[4.0, 6.0], [6.0, 9.0]])


def refused(name):
    return pytest.raises(dd.LostTangentError, match=f"{name}.*zeros_like")


def test_plain_targets_are_refused():
    x, z = dual(VECTOR), np.zeros(4)
    for name, f in {
        "np.sin": lambda: np.sin(x, out=z),
        "np.add": lambda: np.add(x, 1.0, out=z),
        "np.multiply": lambda: operator.imul(z, x),
        "np.exp": lambda: np.exp(x, out=z, where=z == 0.0),
        "np.divmod": lambda: np.divmod(x, 1.0, out=(None, z)),
        "np.subtract.at": lambda: np.subtract.at(z, [0, 0], x[:2]),
        "np.maximum": lambda: np.maximum.reduce(x, out=z[0, ...]),
    }.items():
        with refused(name):
            f()
        np.testing.assert_array_equal(z, np.zeros(4))
    z = np.zeros(4, dtype=bool)
    assert np.greater(x, 1.0, out=z) is z and z.tolist() == [False, False, True, True]
    with pytest.raises(dd.DifferentiationTypeError, match="np.isnan"):
        np.isnan(x, out=np.zeros_like(x))


@pytest.mark.parametrize("f, name", [
    (lambda x: np.bitwise_and(x, 1), "np.bitwise_and"),
    (lambda x: np.gcd(x, 2), "np.gcd"),
    (lambda x: np.frompyfunc(abs, 1, 1)(x), "custom_jvp"),
    (lambda x: np.frompyfunc(max, 2, 1).outer(x, x), "derivative rule"),
    (lambda x: np.frompyfunc(max, 2, 1).reduce(x), "derivative rule"),
    (lambda x: np.add(x, 1.0, signature="dd->d"), "signature"),
    (lambda x: np.add.at(x, x, 1.0), "value"),
    (lambda x: np.add.at(x, [0.5], 1.0), "indices"),
    (lambda x: np.add.reduceat(x, x), "indices"),
    (lambda x: x[x], "value"),
])  # fmt: skip
def test_refusals(f, name):
    with pytest.raises((TypeError, IndexError, ValueError), match=name):
        f(dual(VECTOR))


def test_shape_of_out():
    with pytest.raises(ValueError):
        np.add(dual(MATRIX), 1.0, out=dual(VECTOR))


def test_complex_into_real():
    with pytest.raises(TypeError, match="complex"):
        np.multiply(dual(VECTOR), 1j, out=dual(VECTOR))


# Levels ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("f", [
    lambda x, t: np.add.reduce(np.stack([x * t, t * t])), lambda x, t: np.multiply.reduce(np.stack([x, t, x])),
    lambda x, t: np.multiply.accumulate(np.stack([x, t, x]))[-1],
    lambda x, t: np.logaddexp.reduce(np.stack([x + t, x * t])),
    lambda x, t: np.maximum.reduce(np.stack([x * x * t, t, x])), lambda x, t: np.add.outer(x, np.stack([t, t * x]))[1],
    lambda x, t: np.divmod(x * x * t, 1000.0)[1],
    lambda x, t: np.add(np.stack([x * x]), t * x, out=np.zeros_like(np.stack([t])))[0],
])  # fmt: skip
def test_two_variables_by_nesting(f):
    """d/dx of d/dt by nesting is the mixed entry of the Hessian."""
    hessian = dd.hessian(lambda p: f(p[0], p[1]))(np.array([1.3, 0.7]))
    nested = dd.derivative(lambda x: dd.derivative(lambda t: f(x, t))(0.7))(1.3)
    np.testing.assert_allclose(nested, hessian[0, 1], rtol=1e-14)


def test_add_at_of_an_inner_number_is_refused():
    def f(x):
        z = np.zeros(3, like=x)
        return dd.derivative(lambda t: np.add.at(z, [0, 0], np.stack([t, t])) or z[0])(1.0)

    with pytest.raises(dd.LostTangentError):
        dd.grad(lambda x: f(x))(np.array([1.0, 2.0]))


def test_add_at_of_many_equal_places():
    x = dual(np.random.default_rng(0).uniform(size=1000))
    z = np.zeros(3, like=x)
    np.add.at(z, np.arange(1000) % 3, x)
    np.testing.assert_allclose(z.tangent[:, 1], np.sum(x.tangent[:, 1::3], axis=1), rtol=1e-13)
    h = hyper(VECTOR)
    z = np.zeros(2, like=h)
    np.add.at(z, [0, 1, 0, 1], h)
    np.testing.assert_allclose(z.e12[:, :, 0], h.e12[:, :, ::2].sum(-1), rtol=1e-15)


HARD = np.array([0.0, -0.0, 0.3, -0.7, 1.0, -1.0, 1.5, 37.0, -800.0, 1e-310, 1e300, np.inf, -np.inf, np.nan])


@pytest.mark.parametrize("size", [14, 700])
@pytest.mark.parametrize("row", rules.ROWS, ids=lambda row: row.name)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_one_tangent_is_treated_as_each_of_several(row, size):
    # One tangent has loops of its own, which multiply where the local derivative is computed.
    function = getattr(np, row.name) if row.numpy else getattr(dd, row.name, None)
    if function is None or row.name == "ldexp":
        pytest.skip("no function of arrays of floats")
    rng = np.random.default_rng(7)
    numbers = []
    for _ in range(row.arity):
        value, tangent = rng.permutation(np.resize(HARD, size)), rng.normal(size=size)
        tangent[rng.random(size) < 0.3] = 0.0
        numbers.append((value, tangent))
    one = function(*[dd.DualArray(v, t[None]) for v, t in numbers])
    several = function(*[dd.DualArray(v, np.stack([t, 2.0 * t])) for v, t in numbers])
    np.testing.assert_array_equal(one.value, several.value)
    np.testing.assert_array_equal(one.tangent[0], several.tangent[0])
    numbers = ~np.isnan(one.value) & ~np.isnan(one.tangent[0])
    np.testing.assert_array_equal(np.signbit(one.tangent[0][numbers]), np.signbit(several.tangent[0][numbers]))


def test_square_roots_are_numpys_to_the_bit():
    x = np.abs(np.random.default_rng(3).normal(size=5000)) * 10.0 ** np.random.default_rng(4).integers(-300, 300, 5000)
    for values in (x, (x % 1e30).astype(np.float32), HARD[~(HARD < 0)]):
        root = np.sqrt(dd.DualArray(values, np.ones((1, values.size), values.dtype))).value
        assert root.dtype == values.dtype
        assert root.tobytes() == np.sqrt(values).tobytes()
