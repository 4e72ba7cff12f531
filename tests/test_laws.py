"""Laws that hold for all functions and points, tried on random ones.

Random functions are trees of analytic operations, so that the complex step gives an independent Jacobian that is exact
to rounding.
"""

import math
import operator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from problems import assert_close, numdiff

import dualdiff as dd
from dualdiff.rules import BINARY, ROWS, UNARY

FEW = settings(deadline=None, max_examples=30, derandomize=True)
VERY_FEW = settings(deadline=None, max_examples=10, derandomize=True)

# Random functions ---------------------------------------------------------------------------------------------------

ONE = {
    "sin": np.sin,
    "cos": np.cos,
    "tanh": np.tanh,
    "exp of tanh": lambda a: np.exp(np.tanh(a)),
    "bell": lambda a: np.exp(-(a**2)),
    "root": lambda a: np.sqrt(1.5 + np.sin(a)),
    "log": lambda a: np.log(2.0 + np.cos(a)),
    "minus": operator.neg,
    "square": lambda a: np.sin(a) ** 2,
    "reciprocal": lambda a: 1.0 / (2.5 + np.sin(a)),
    "scale": lambda a: 0.7 * a - 0.3,
    "sinh": lambda a: np.sinh(np.cos(a)),
}
TWO = {
    "plus": operator.add,
    "less": operator.sub,
    "times": operator.mul,
    "over": lambda a, b: a / (2.5 + np.sin(b)),
    "power": lambda a, b: (1.5 + 0.5 * np.sin(a)) ** np.cos(b),
    "mean": lambda a, b: 0.5 * (a + b),
}

coordinates = st.floats(-2.0, 2.0).map(lambda t: round(t, 3))
points = st.lists(coordinates, min_size=3, max_size=3).map(np.array)
leaves = st.one_of(st.tuples(st.just("x"), st.integers(0, 2)), st.tuples(st.just("c"), coordinates))
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(sorted(ONE)), inner), st.tuples(st.sampled_from(sorted(TWO)), inner, inner)
    ),
    max_leaves=8,
)


def function_of(tree):
    """The function of a vector (or a list, or stacked rows) that a tree stands for."""

    def evaluate(node, v):
        kind, *rest = node
        if kind == "x":
            return v[rest[0]]
        if kind == "c":
            return rest[0]
        operands = [evaluate(child, v) for child in rest]
        return (ONE if len(rest) == 1 else TWO)[kind](*operands)

    return lambda v: evaluate(tree, v) + 0.1 * np.sin(v[0]) * v[1]


functions = trees.map(function_of)


def scale(*arrays):
    return max(1.0, *(np.abs(a).max(initial=0.0) for a in map(np.asarray, arrays)))


@FEW
@given(functions, points)
def test_jacobian_against_the_complex_step(f, x):
    assert_close(dd.grad(f)(x), numdiff(f, x, analytic=True), 1e-13)


@FEW
@given(functions, points)
def test_all_first_orders_are_one(f, x):
    """Arrays, lists, duals by hand, hyper-duals, one column at a time, nested: the same gradient."""
    gradient = dd.grad(f)(x)
    tolerance = 1e-14
    seeds = np.eye(3)
    ways = {
        "list": dd.grad(f)(x.tolist()),
        "jacobian": dd.jacobian(f)(x),
        "one column at a time": dd.jacobian(f, chunk_size=1)(x),
        "all directions": dd.jvp(f, (x,), (seeds,))[1],
        "duals by hand": np.asarray(f([dd.Dual(t, e) for t, e in zip(x, seeds, strict=True)]).tangent),
        "dual array": f(dd.DualArray(x, seeds)).tangent,
        "with the Hessian": dd.value_grad_and_hessian(f)(x)[1],
        "inside another level": dd.jvp(dd.grad(f), (x,), (x,))[0],
    }
    h = f([dd.HyperDual(t, e, e) for t, e in zip(x, seeds, strict=True)])
    ways["hyper-duals"], ways["hyper-duals, second seeds"] = h.e1, h.e2
    h = f(dd.HyperDualArray(x, seeds, seeds, np.zeros((3, 3, 3))))
    ways["hyper-dual array"] = h.e1
    for name, other in ways.items():
        assert np.shape(other) == (3,), name
        assert_close(other, gradient, tolerance)
    assert_close(dd.jvp(f, (x,), (x,))[0], f(x), 1e-15)


@FEW
@given(functions, points)
def test_hyper_dual_is_a_dual_of_duals(f, x):
    hessian = dd.hessian(f)(x)
    np.testing.assert_array_equal(hessian, hessian.T)
    seeds = np.eye(3)
    ways = [
        dd.jacobian(dd.grad(f))(x), dd.jacobian(dd.jacobian(f))(x), dd.hessian(f)(x.tolist()),
        dd.hessian(f, chunk_size=2)(x), dd.value_grad_and_hessian(f)(x)[2],
        f([dd.HyperDual(t, e, e) for t, e in zip(x, seeds, strict=True)]).e12,
        f([dd.HyperDual(t, e, 1.0 * e, np.zeros((3, 3))) for t, e in zip(x, seeds, strict=True)]).e12,
        f(dd.HyperDualArray(x, seeds, seeds, np.zeros((3, 3, 3)))).e12,
        np.stack([dd.hvp(f, (x,), (e,)) for e in seeds]),
        dd.jvp(dd.grad(f), (x,), (seeds,))[1],
    ]  # fmt: skip
    for other in ways:
        assert_close(other, hessian, 1e-13)
    assert_close(hessian, numdiff(lambda v: numdiff(f, v, analytic=True), x), 1e-10)


@FEW
@given(functions, points, st.integers(1, 5))
def test_chunks_change_nothing(f, x, chunk_size):
    def g(v):
        return [f(v), f(v[::-1]), v[0] * v[2]]

    assert_close(dd.jacobian(g, chunk_size=chunk_size)(x), dd.jacobian(g)(x), 1e-15)
    assert_close(dd.hessian(g, chunk_size=chunk_size)(x), dd.hessian(g)(x), 1e-15)


@FEW
@given(functions, points, points, points, coordinates, coordinates)
def test_jvp_is_linear(f, x, u, v, a, b):
    along_u, along_v = dd.jvp(f, (x,), (u,))[1], dd.jvp(f, (x,), (v,))[1]
    both = dd.jvp(f, (x,), (a * u + b * v,))[1]
    size = scale(a * along_u, b * along_v, *(4 * dd.grad(f)(x)))
    assert abs(both - (a * along_u + b * along_v)) <= 1e-14 * size * 10
    assert dd.jvp(f, (x,), (np.zeros(3),))[1] == 0.0
    assert dd.jvp(f, (x,), (-u,))[1] == -along_u
    assert dd.jvp(f, (x,), (2.0 * u,))[1] == 2.0 * along_u
    assert_close(dd.grad(f)(x) @ u, along_u, 1e-13)


@FEW
@given(functions, functions, functions, points)
def test_chain_rule(f, g, outer, x):
    def inner(v):
        return np.stack([np.sin(f(v)), np.cos(g(v)), v[2]])

    first = dd.jacobian(inner)(x)
    middle = inner(x)
    composed = dd.grad(lambda v: outer(inner(v)))(x)
    assert_close(composed, dd.grad(outer)(middle) @ first, 1e-13)
    # Second order: J' H J plus the gradient contracted with the inner Hessians (Faà di Bruno).
    want = first.T @ dd.hessian(outer)(middle) @ first + np.tensordot(dd.grad(outer)(middle), dd.hessian(inner)(x), 1)
    got = dd.hessian(lambda v: outer(inner(v)))(x)
    assert_close(got, want, 1e-12 * scale(first) ** 2)


@FEW
@given(functions, functions, points)
def test_product_and_quotient_rules(f, g, x):
    a, da, ha = dd.value_grad_and_hessian(f)(x)
    b, db, hb = dd.value_grad_and_hessian(lambda v: 2.5 + np.sin(g(v)))(x)

    def below(v):
        return 2.5 + np.sin(g(v))

    assert_close(dd.grad(lambda v: f(v) * below(v))(x), da * b + a * db, 1e-14)
    assert_close(dd.hessian(lambda v: f(v) * below(v))(x), ha * b + np.outer(da, db) + np.outer(db, da) + a * hb, 1e-13)
    assert_close(dd.grad(lambda v: f(v) / below(v))(x), da / b - a / b / b * db, 1e-14)
    want = ha / b - (np.outer(da, db) + np.outer(db, da)) / b**2 - a * hb / b**2 + 2 * a * np.outer(db, db) / b**3
    assert_close(dd.hessian(lambda v: f(v) / below(v))(x), want, 1e-13)
    assert_close(dd.grad(lambda v: below(v) / below(v))(x), np.zeros(3), 1e-14 * scale(db))
    assert_close(dd.hessian(lambda v: below(v) * (1.0 / below(v)))(x), np.zeros((3, 3)), 1e-13 * scale(hb, db**2))


@FEW
@given(functions, points)
def test_sums_and_multiples(f, x):
    np.testing.assert_array_equal(dd.grad(lambda v: 2.0 * f(v))(x), 2.0 * dd.grad(f)(x))
    np.testing.assert_array_equal(dd.grad(lambda v: f(v) - f(v))(x), np.zeros(3))
    np.testing.assert_array_equal(dd.hessian(lambda v: -f(v))(x), -dd.hessian(f)(x))
    assert_close(dd.grad(lambda v: f(v) + f(v))(x), 2.0 * dd.grad(f)(x), 1e-15)


@FEW
@given(functions, points)
def test_transforms_agree_with_each_other(f, x):
    def field(v):
        return np.stack([f(v), v[0] * v[1] + 3.0 * v[2], np.sin(v[0]) + 2.0 * v[1]])

    jacobian, hessian = dd.jacobian(field)(x), dd.hessian(f)(x)
    assert_close(dd.divergence(field)(x), np.trace(jacobian), 1e-14)
    assert_close(dd.laplacian(f)(x), np.trace(hessian), 1e-13)
    sign, logarithm = np.linalg.slogdet(jacobian)
    if np.linalg.cond(jacobian) < 1e4:
        assert_close(dd.logabsdet_jacobian(field)(x), logarithm, 1e-11)
    root = np.array([[0.3, 0.0, 0.1], [0.2, 0.5, 0.0], [0.0, -0.4, 0.6]])
    covariance = root @ root.T
    spread = dd.propagate(field, x, covariance)[1]
    assert_close(spread, jacobian @ covariance @ jacobian.T, 1e-14 * scale(jacobian) ** 2)
    assert_close(dd.hvp(f, (x,), (x,)), hessian @ x, 1e-13)


@FEW
@given(functions, st.lists(points, min_size=1, max_size=4))
def test_batches_are_loops(f, rows):
    x = np.array(rows)

    def on_rows(v):
        return f(np.moveaxis(v, -1, 0))

    got = dd.jacobian(on_rows, batched=True)(x)
    assert_close(got, np.stack([dd.grad(f)(row) for row in x]), 1e-14)
    assert_close(dd.hessian(on_rows, batched=True)(x), np.stack([dd.hessian(f)(row) for row in x]), 1e-13)


@FEW
@given(functions, st.lists(coordinates, min_size=1, max_size=6))
def test_arrays_are_loops(f, numbers):
    """A function of one variable: entry by entry, by the diagonal of the Jacobian, and number by number."""
    x = np.array(numbers)

    def one(t):
        return f([t, 0.3 + 0 * t, t * t])

    for order in (1, 2, 3):
        whole = dd.derivative(one, order=order)(x)
        assert_close(whole, [dd.derivative(one, order=order)(t) for t in numbers], 1e-12)
    jacobian = dd.jacobian(one)(x)
    assert_close(jacobian, np.diag(dd.derivative(one)(x)), 1e-14)


# Every row of the table, on every kind of number --------------------------------------------------------------------

FIXED = {  # operands that a domain does not say
    "ldexp": (st.floats(-3.0, 3.0), st.integers(-4, 4)),
    "nextafter": (st.floats(0.5, 2.0), st.floats(-3.0, 3.0)),
    "power": (st.floats(0.2, 3.0), st.floats(-3.0, 3.0)),
    "float_power": (st.floats(0.2, 3.0), st.floats(-3.0, 3.0)),
    "remainder": (st.floats(-5.0, 5.0), st.floats(0.3, 2.0)),
    "fmod": (st.floats(-5.0, 5.0), st.floats(0.3, 2.0)),
    "floor_divide": (st.floats(-5.0, 5.0), st.floats(0.3, 2.0)),
    "divide": (st.floats(-5.0, 5.0), st.floats(0.3, 2.0)),
    "arctan2": (st.floats(-3.0, 3.0), st.floats(0.3, 2.0)),
    "hypot": (st.floats(-3.0, 3.0), st.floats(0.3, 2.0)),
}


def numbers_of(domain):
    """Numbers well inside a domain."""
    low, high = max(domain.low, -3.0), min(domain.high, 3.0)
    margin = 0.05 * (high - low)
    inside = st.floats(low + margin, high - margin)
    return inside.filter(lambda t: abs(t) > 0.1) if domain.poles else inside


def operands_of(row):
    if row.name in FIXED:
        return FIXED[row.name]
    return tuple(map(numbers_of, (row.domain,) if row.arity == 1 else row.domain))


def home(row):
    return np if row.numpy else dd


def ufunc_of(row):
    return getattr(home(row), row.name)


def public(rows):
    """The rows that are functions for users, not helpers of other rows."""
    return [row for row in rows if hasattr(home(row), row.name)]


def by_name(row):
    return row.name


def equal(got, want, ulps=4):
    """Entries agree to a few units in the last place, nan with nan."""
    got, want = np.asarray(got, dtype=float), np.asarray(want, dtype=float)
    assert got.shape == want.shape
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
    finite = np.isfinite(want)
    np.testing.assert_array_equal(got[~finite], want[~finite])
    assert np.all(np.abs(got[finite] - want[finite]) <= ulps * np.spacing(np.abs(want[finite]))), (got, want)


T, U = np.array([1.0, -0.5, 0.0]), np.array([0.25, 2.0, 0.0])


@pytest.mark.parametrize("row", public(UNARY), ids=by_name)
def test_unary_row_is_the_same_on_every_number(row):
    f = ufunc_of(row)

    @VERY_FEW
    @given(*operands_of(row))
    def law(x):
        scalar = f(dd.Dual(x, T))
        hyper = f(dd.HyperDual(x, T, U))
        assert type(scalar) is dd.Dual and type(hyper) is dd.HyperDual
        equal(scalar.value, f(np.float64(x)), 1)
        equal(hyper.value, scalar.value, 0)
        equal(hyper.e1, scalar.tangent, 0)
        equal(hyper.e2, f(dd.Dual(x, U)).tangent, 0)
        assert scalar.tangent[2] == 0.0 and not np.any(hyper.e12[2]) and not np.any(hyper.e12[:, 2])
        array = f(dd.DualArray([x, x], np.stack([T, T], axis=1)))
        equal(array.value, [scalar.value] * 2)
        equal(array.tangent, np.stack([scalar.tangent] * 2, axis=1))
        hyper_array = f(dd.HyperDualArray([x], T[:, None], U[:, None], np.zeros((3, 3, 1))))
        equal(hyper_array.e1[:, 0], hyper.e1)
        equal(hyper_array.e12[:, :, 0], hyper.e12)
        long = f(dd.DualArray(np.full(300, x), np.ones((1, 300))))  # past every block of the loops
        equal(long.tangent, np.full((1, 300), scalar.tangent[0]))
        first, second = dd.derivative(f)(x), dd.derivative(f, order=2)(x)
        equal(first, scalar.tangent[0])
        weights = np.outer(T, U)
        with np.errstate(invalid="ignore"):
            equal(hyper.e12, np.where(weights == 0.0, 0.0, second * weights), 4)
        small = f(dd.DualArray(np.array([x], np.float32), np.ones((1, 1), np.float32)))
        assert small.dtype == np.float32
        assert_close(small.tangent[0], dd.derivative(f)(np.array([np.float32(x)], dtype=float)), 1e-5)

    law()


@pytest.mark.parametrize("row", public(BINARY), ids=by_name)
def test_binary_row_is_the_same_on_every_number(row):
    f = ufunc_of(row)
    second_is_integer = row.name == "ldexp"

    @VERY_FEW
    @given(*operands_of(row))
    def law(x, y):
        if second_is_integer:
            equal(f(dd.Dual(x, T), y).tangent, T * 2.0**y)
            return
        a, b = dd.Dual(x, T), dd.Dual(y, U)
        scalar = f(a, b)
        equal(scalar.value, f(np.float64(x), np.float64(y)), 1)
        left, right = f(a, y), f(x, b)
        size = np.abs(left.tangent) + np.abs(right.tangent)
        assert np.all(np.abs(scalar.tangent - (left.tangent + right.tangent)) <= 4 * np.spacing(size))
        array = f(dd.DualArray([x], T[:, None]), dd.DualArray([y], U[:, None]))
        equal(array.value, [scalar.value])
        assert np.all(np.abs(array.tangent[:, 0] - scalar.tangent) <= 4 * np.spacing(size))
        mixed = f(dd.DualArray([x, x], np.stack([T, T], axis=1)), dd.Dual(y, U))
        assert np.all(np.abs(mixed.tangent[:, 1] - scalar.tangent) <= 4 * np.spacing(size))
        e1, e2, f1, f2 = T, U, 0.5 * U, T - U
        hyper = f(dd.HyperDual(x, e1, e2), dd.HyperDual(y, f1, f2))
        equal(hyper.value, scalar.value, 0)
        equal(hyper.e1, f(dd.Dual(x, e1), dd.Dual(y, f1)).tangent, 0)
        equal(hyper.e2, f(dd.Dual(x, e2), dd.Dual(y, f2)).tangent, 0)
        zeros = np.zeros((3, 3, 1))
        hyper_array = f(dd.HyperDualArray([x], e1[:, None], e2[:, None], zeros),
                        dd.HyperDualArray([y], f1[:, None], f2[:, None], zeros))
        assert_close(hyper_array.e12[:, :, 0], hyper.e12, 1e-15 * scale(hyper.e12))
        hessian = dd.hessian(lambda v: f(v[0], v[1]))([x, y])
        first, second = np.stack([e1, f1]), np.stack([e2, f2])
        if np.isfinite(hessian).all():
            assert_close(hyper.e12, first.T @ hessian @ second, 1e-14)
        assert hyper.e12[2, 2] == 0.0

    law()


@pytest.mark.parametrize("row", [row for row in public(ROWS) if row.name != "ldexp"], ids=by_name)
def test_nested_row_is_the_hyper_dual_row(row):
    """Second and third derivatives from differentiating the texts of the row, against the text of the second."""
    f = ufunc_of(row)

    @VERY_FEW
    @given(st.tuples(*operands_of(row)).map(list))
    def law(x):
        hessian = dd.hessian(lambda v: f(*v))(x)
        if not np.isfinite(hessian).all():  # a kink
            return
        nested = dd.jacobian(dd.jacobian(lambda v: f(*v)))(x)
        assert_close(nested, hessian, 1e-12 * scale(hessian))
        third = dd.jacobian(dd.hessian(lambda v: f(*v)))(x)
        assert_close(dd.hessian(dd.jacobian(lambda v: f(*v)))(x), third, 1e-10 * scale(third))

    law()


@pytest.mark.parametrize("row", [row for row in UNARY if row.numpy and row.holomorphic], ids=by_name)
def test_holomorphic_row_on_complex_numbers(row):
    """Along a real parameter: d/dt f(z + t w) = f'(z) w, with f' from a real difference in the complex plane."""
    f = ufunc_of(row)

    @VERY_FEW
    @given(*operands_of(row), st.floats(0.2, 0.9))
    def law(x, y):
        z, w = np.array([x + 1j * y]), np.array([[0.6 - 0.8j]])
        got = f(dd.DualArray(z, w))
        np.testing.assert_allclose(got.value, f(z), rtol=1e-15)
        h = 1e-3
        steps = [(f(z + s * h * w[0]) - f(z - s * h * w[0])) / (2 * s * h) for s in (1, 2, 4)]
        middle = [(4 * steps[0] - steps[1]) / 3, (4 * steps[1] - steps[2]) / 3]
        want = (16 * middle[0] - middle[1]) / 15
        assert_close(got.tangent[0], want, 1e-10 * scale(want))

    law()


# Laws of the functions themselves -----------------------------------------------------------------------------------

INVERSES = [
    ("exp, log", np.exp, np.log, st.floats(-3.0, 3.0)),
    ("log, exp", np.log, np.exp, st.floats(0.1, 5.0)),
    ("exp2, log2", np.exp2, np.log2, st.floats(-3.0, 3.0)),
    ("10**x, log10", lambda x: 10.0**x, np.log10, st.floats(-2.0, 2.0)),
    ("expm1, log1p", np.expm1, np.log1p, st.floats(-2.0, 3.0)),
    ("square, sqrt", np.square, np.sqrt, st.floats(0.1, 5.0)),
    ("cube, cbrt", lambda x: x**3, np.cbrt, st.floats(0.1, 5.0)),
    ("sin, arcsin", np.sin, np.arcsin, st.floats(-1.2, 1.2)),
    ("cos, arccos", np.cos, np.arccos, st.floats(0.3, 2.8)),
    ("tan, arctan", np.tan, np.arctan, st.floats(-1.2, 1.2)),
    ("sinh, arcsinh", np.sinh, np.arcsinh, st.floats(-3.0, 3.0)),
    ("cosh, arccosh", np.cosh, np.arccosh, st.floats(0.3, 3.0)),
    ("tanh, arctanh", np.tanh, np.arctanh, st.floats(-1.5, 1.5)),
    ("deg2rad, rad2deg", np.deg2rad, np.rad2deg, st.floats(-99.0, 99.0)),
    ("reciprocal twice", np.reciprocal, np.reciprocal, st.floats(0.2, 9.0)),
    ("sigmoid, logit", lambda x: dd.sigmoid(x), lambda p: np.log(p) - np.log1p(-p), st.floats(-3.0, 3.0)),
]


@pytest.mark.parametrize("name, f, inverse, numbers", INVERSES, ids=[i[0] for i in INVERSES])
def test_inverse_functions(name, f, inverse, numbers):
    @FEW
    @given(numbers)
    def law(x):
        first = dd.derivative(f)(x)
        back = dd.derivative(inverse)(f(x))
        assert abs(first * back - 1.0) <= 3e-14 * scale(x) * scale(1 / first, first)
        assert_close(dd.derivative(lambda t: inverse(f(t)))(x), 1.0, 3e-14 * scale(1 / first, first))
        assert_close(dd.derivative(lambda t: inverse(f(t)), order=2)(x), 0.0, 1e-11 * scale(1 / first, first) ** 2)

    law()


CONSTANTS = [
    ("sin, cos", lambda x: np.sin(x) ** 2 + np.cos(x) ** 2),
    ("cosh, sinh", lambda x: np.cosh(x) ** 2 - np.sinh(x) ** 2),
    ("exp of sums", lambda x: np.exp(x) * np.exp(-x)),
    ("log of quotients", lambda x: np.log(x + 9) - np.log(2 * x + 18)),
    ("powers", lambda x: (x + 9) ** 1.7 * (x + 9) ** -1.7),
    ("arctan", lambda x: np.arctan2(x + 9, 1) + np.arctan(1 / (x + 9))),
    ("hypot", lambda x: np.hypot(x, 2.0) ** 2 - x * x),
    ("sigmoid", lambda x: dd.sigmoid(x) + dd.sigmoid(-x)),
    ("softplus", lambda x: dd.softplus(x) - dd.softplus(-x) - x),
    ("log_sigmoid", lambda x: dd.log_sigmoid(x) + dd.softplus(-x)),
    ("silu", lambda x: dd.silu(x) - x * dd.sigmoid(x)),
    ("gelu", lambda x: dd.gelu(x) - dd.gelu(-x) - x),
    ("relu", lambda x: dd.relu(x) - dd.relu(-x) - x),
    ("sinc", lambda x: dd.sinc(x) * x * math.pi - np.sin(math.pi * x)),
    ("logaddexp", lambda x: np.logaddexp(x, 1.0) - np.logaddexp(1.0 - x, 0.0) - x),
    ("modulus", lambda x: np.maximum(x, -x) - np.abs(x)),
    ("remainder", lambda x: np.mod(x, 0.7) + 0.7 * np.floor_divide(x, 0.7) - x),
    ("norm", lambda x: np.linalg.norm(np.stack([np.sin(x), np.cos(x), x])) ** 2 - x**2),
]


@pytest.mark.parametrize("name, f", CONSTANTS, ids=[c[0] for c in CONSTANTS])
def test_identities_have_zero_derivatives(name, f):
    @FEW
    @given(st.floats(0.05, 3.0), st.booleans())
    def law(x, flip):
        x = -x if flip else x
        assert abs(dd.derivative(f)(x)) <= 1e-12
        assert abs(dd.derivative(f, order=2)(x)) <= 1e-11
        assert abs(dd.derivative(dd.derivative(f))(x)) <= 1e-11

    law()


@FEW
@given(coordinates, coordinates, coordinates)
def test_algebra_of_numbers(x, y, z):
    a, b, c = dd.Dual(x, T), dd.Dual(y, U), dd.Dual(z, T - U)
    for one, other in ((a + b, b + a), (a * b, b * a), (a - b, -(b - a)), (+a, a), (-(0 - a), a), (a + 0, a),
                       (a * 1, a), (a / 1, a), (a - 0.0, a), (a**1, a)):
        assert one.value == other.value
        np.testing.assert_array_equal(one.tangent, other.tangent)
    for one, other in (((a + b) + c, a + (b + c)), (a * b * c, a * (b * c)), (a * (b + c), a * b + a * c),
                       (a**2, a * a), (a**3, a * a * a)):
        assert_close(one.value, other.value, 1e-14)
        assert_close(one.tangent, other.tangent, 2e-14)
    zero = a - a
    assert zero.value == 0.0 and not zero.tangent.any()
    if abs(y) > 0.01:
        assert_close((a / b).tangent, (a * (1 / b)).tangent, 1e-14 * scale((1 / b).tangent))
        assert_close((a / b * b).tangent, T, 1e-13 * scale((1 / b).tangent, y))


@FEW
@given(points, points)
def test_matrix_laws(x, y):
    """Derivatives of det and inv in terms of each other (Jacobi's formula)."""
    eye = 2.5 * np.eye(3)

    def matrix(v):
        return eye + 0.5 * np.sin(np.outer(v, y))

    inverse = np.linalg.inv(matrix(x))
    slope = dd.jacobian(matrix)(x)
    determinant = np.linalg.det(matrix(x))
    trace = determinant * np.einsum("ij,jik->k", inverse, slope)
    assert_close(dd.grad(lambda v: np.linalg.det(matrix(v)))(x), trace, 1e-13)
    want = -np.einsum("ij,jkl,km->iml", inverse, slope, inverse)
    assert_close(dd.jacobian(lambda v: np.linalg.inv(matrix(v)))(x), want, 1e-14)
    right = dd.jacobian(lambda v: np.linalg.solve(matrix(v), y))(x)
    assert_close(right, np.einsum("ijl,j->il", want, y), 1e-14)
    assert_close(dd.hessian(lambda v: np.sum(matrix(v) @ np.linalg.inv(matrix(v))))(x), np.zeros((3, 3)), 1e-13)
