"""Scalars store the tangents of a window of their columns: the same numbers as dense ones, at the cost of the window.

Numbers made by hand store every column; they are the independent formulation here, and so are dual arrays.
"""

import operator
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dualdiff as dd
from dualdiff import levels, tangents
from dualdiff._scalar import seed_duals, seed_hyperduals

TRIANGLE, FULL, DIAGONAL = 0, 1, 2
LANES = 4

UNARY = [
    operator.neg, operator.pos, abs, np.square, np.exp, np.sin, np.tanh, np.sqrt, np.log, dd.relu, np.floor, np.sign,
    lambda x: x**2, lambda x: x**3, lambda x: 1.0 / x, lambda x: 2.0 - x, lambda x: x * 0.0, lambda x: 3 * x,
]  # fmt: skip
BINARY = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, np.maximum, np.hypot, np.arctan2,
    np.fmin, np.logaddexp, operator.mod,
]  # fmt: skip


def expressions(size):
    """Trees of ``(function, *operands)``; a leaf is the number of a variable, or a constant."""
    leaves = st.integers(0, size - 1) | st.floats(-2.0, 2.0)
    return st.recursive(
        leaves,
        lambda tree: st.tuples(st.sampled_from(UNARY), tree) | st.tuples(st.sampled_from(BINARY), tree, tree),
        max_leaves=25,
    )


def evaluated(tree, x):
    """The value of a tree, with the numbers that it went through."""
    if isinstance(tree, tuple):
        parts = [evaluated(part, x) for part in tree[1:]]
        with np.errstate(all="ignore"):
            return tree[0](*parts)
    return x[tree] if isinstance(tree, int) else np.float64(tree)


def assert_same_bits(found, wanted):
    """Equal, nan as nan, and no zero has another sign."""
    found, wanted = np.asarray(found), np.asarray(wanted)
    np.testing.assert_array_equal(found, wanted)
    numbers = ~np.isnan(wanted)
    np.testing.assert_array_equal(np.signbit(found[numbers]), np.signbit(wanted[numbers]))


def by_hand(value, parts):
    return dd.Dual(value, *parts) if len(parts) == 1 else dd.HyperDual(value, *parts)


def unit(i, first, count):
    """The seed of variable i among columns first … first + count - 1."""
    return (np.arange(first, first + count) == i).astype(float)


SIZES = st.integers(1, 30)


@st.composite
def cases(draw):
    size = draw(SIZES)
    values = draw(st.lists(st.sampled_from([0.0, 1.0, -1.5, 0.3, 2.0, np.inf, np.nan]) | st.floats(-3.0, 3.0),
                           min_size=size, max_size=size))  # fmt: skip
    return values, draw(expressions(size))


@given(cases(), st.data())
@settings(max_examples=150, deadline=None)
def test_first_order_agrees_with_dense_numbers_to_the_bit(case, data):
    values, tree = case
    first = data.draw(st.integers(0, len(values) - 1))
    count = data.draw(st.integers(1, len(values) - first))
    windowed = seed_duals(values, levels.BY_HAND, first, count)
    dense = [by_hand(value, (unit(i, first, count),)) for i, value in enumerate(values)]
    found, wanted = evaluated(tree, windowed), evaluated(tree, dense)
    if isinstance(wanted, dd.Dual):
        assert_same_bits(found.value, wanted.value)
        assert_same_bits(found.tangent, wanted.tangent)


@given(cases(), st.data())
@settings(max_examples=150, deadline=None)
@pytest.mark.parametrize("kind", [TRIANGLE, FULL])
def test_second_order_agrees_with_dense_numbers_to_the_bit(kind, case, data):
    values, tree = case
    size = len(values)
    p, q = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size - 1))
    k1, k2 = data.draw(st.integers(1, size - p)), data.draw(st.integers(1, size - q))
    if kind == TRIANGLE:
        q, k2 = p, k1
    windowed = seed_hyperduals(values, levels.BY_HAND, p, k1, q, k2, kind)
    dense = [dense_hyper(value, unit(i, p, k1), unit(i, q, k2), kind) for i, value in enumerate(values)]
    found, wanted = evaluated(tree, windowed), evaluated(tree, dense)
    if isinstance(wanted, dd.HyperDual):
        for part in ("value", "e1", "e2", "e12"):
            assert_same_bits(getattr(found, part), getattr(wanted, part))


def dense_hyper(value, e1, e2, kind):
    """A number by hand of the kind that is asked for: seeds that happen to be equal would make a triangle."""
    number = dd.HyperDual(value, e1, e2)
    if number._layout[0] == kind:
        return number
    same = dd.HyperDual(value, e1, e2 + 1.0)  # FULL, and everything else is put right below
    return same - dd.HyperDual(0.0, np.zeros_like(e1), np.ones_like(e2), None)


@given(cases())
@settings(max_examples=100, deadline=None)
@pytest.mark.parametrize("kind", [TRIANGLE, FULL, DIAGONAL])
def test_scalars_agree_with_arrays(kind, case):
    values, tree = case
    size = len(values)
    scalars = seed_hyperduals(values, levels.BY_HAND, 0, size, 0, size, kind)
    arrays = [dd._array.lift(x).reshape((1,)) for x in scalars]
    found, wanted = evaluated(tree, scalars), evaluated(tree, arrays)
    if isinstance(wanted, dd.HyperDualArray):
        for part in ("value", "e1", "e2"):
            np.testing.assert_allclose(getattr(found, part), getattr(wanted, part)[..., 0], rtol=1e-12, atol=1e-300)
        known = np.eye(size, dtype=bool) if kind == DIAGONAL else np.ones((size, size), bool)
        np.testing.assert_allclose(found.e12[known], wanted.e12[..., 0][known], rtol=1e-12, atol=1e-300)
    first = seed_duals(values, levels.BY_HAND, 0, size)
    number = evaluated(tree, first)
    if isinstance(number, dd.Dual):
        assert_same_bits(found.e1, number.tangent)


@given(cases())
@settings(max_examples=100, deadline=None)
def test_hessians_are_symmetric_to_the_bit(case):
    values, tree = case
    found = evaluated(tree, seed_hyperduals(values, levels.BY_HAND, 0, len(values), 0, len(values), TRIANGLE))
    if isinstance(found, dd.HyperDual):
        np.testing.assert_array_equal(found.e12, found.e12.T)


# -- what is stored ----------------------------------------------------------------------------------------------------


def stored(x):
    """How many tangents, and second-order parts of equal seeds, a number stores."""
    if isinstance(x, dd.Dual):
        return x._window[1]
    n = x._window[1]
    return n + n * (n + 1) // 2


def rosenbrock_terms(x):
    return [100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2 for i in range(len(x) - 1)]


@pytest.mark.parametrize("n", [10, 100, 1000])
def test_terms_of_a_loop_store_a_constant_number_of_tangents(n):
    x = np.linspace(-1.0, 1.0, n).tolist()
    assert max(map(stored, rosenbrock_terms(seed_duals(x, 0, 0, n)))) <= 2 * LANES
    if n <= 100:
        assert max(map(stored, rosenbrock_terms(seed_hyperduals(x, 0, 0, n, 0, n, TRIANGLE)))) == 2 + 3


@pytest.mark.parametrize("n", [100, 10_000])
def test_entries_of_a_structured_array_store_a_constant_number(n):
    seen = []

    def f(x):
        y = x[1:] * x[:-1]
        for i in (0, n // 2, -1):
            seen.append((x[i]._window, (x[i] - 1).tangent))
            seen.append((y[i]._window, y[i].tangent))
        grid = x.reshape(4, -1)
        seen.append((grid[2, 3]._window, grid[2, 3].tangent))
        seen.append((grid[-1, -1]._window, grid[-1, -1].tangent))
        return y[0] + x[n // 2]

    x = np.linspace(1.0, 2.0, n)
    gradient = dd.grad(f, mode="forward")(x)
    np.testing.assert_array_equal(np.flatnonzero(gradient), [0, 1, n // 2])
    assert max(count for (_, count), _ in seen) <= 2 * LANES
    wanted = [{0}, {0, 1}, {n // 2}, {n // 2, n // 2 + 1}, {n - 1}, {n - 2, n - 1}, {2 * (n // 4) + 3}, {n - 1}]
    for (_, tangent), columns in zip(seen, wanted, strict=True):
        assert set(np.flatnonzero(tangent)) == columns


def test_entries_of_dense_arrays_are_trimmed():
    seen = []

    def f(x):
        seen.extend((x[3]._window, (x[3] * x[5])._window))
        return x[3] * x[5] * x[4]

    dd.hessian(f, mode="forward")(np.arange(1.0, 11.0))
    assert seen == [(3, 1, 3, 1), (3, 3, 3, 3)]
    dd.grad(f, mode="forward")(np.arange(1.0, 11.0))
    assert seen[2:] == [(0, 4), (0, 8)]


def test_what_a_function_selects_away_is_not_stored():
    (x,) = seed_duals([-1.0], 0, 0, 1)
    assert dd.relu(x)._window == (0, 0)
    assert (dd.relu(x) + x).tangent == [1.0]
    assert (x - dd.relu(x)).tangent == [1.0]
    assert (dd.relu(x) * dd.relu(x)).tangent == [0.0]


def test_second_order_parts_beside_first_order_ones_that_vanish():
    # (x - 1)**2 at 1: the second derivative must not be lost with the tangent that is zero.
    def f(x):
        y = (x - 1.0) ** 2
        return y[2] * 3.0 + y[0]

    np.testing.assert_array_equal(dd.hessian(f, mode="forward")(np.ones(4)), np.diag([2.0, 0.0, 6.0, 0.0]))


# -- everything else sees all columns ----------------------------------------------------------------------------------


def test_parts_have_all_columns():
    x, y = seed_duals([2.0, 3.0], 0, -5, 13)[:2]
    z = x * y
    assert z.tangent.tolist() == [0.0] * 5 + [3.0, 2.0] + [0.0] * 6
    assert repr(z) == f"Dual(6.0, {z.tangent.tolist()})"
    assert pickle.loads(pickle.dumps(z)).tangent.tolist() == z.tangent.tolist()
    h, g = seed_hyperduals([2.0, 3.0], 0, -5, 9, -3, 7, FULL)
    w = h * g
    assert w.e1.tolist() == [0.0] * 5 + [3.0, 2.0, 0.0, 0.0]
    assert w.e2.tolist() == [0.0] * 3 + [3.0, 2.0, 0.0, 0.0]
    assert np.argwhere(w.e12).tolist() == [[5, 4], [6, 3]]
    copy = pickle.loads(pickle.dumps(w))
    assert copy.e12.tolist() == w.e12.tolist()
    assert repr(copy) == repr(w)


def test_arrays_and_windows_meet():
    x = seed_duals([2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0], 0, 0, 9)
    packed = dd.pack(x)
    np.testing.assert_array_equal(packed.tangent, np.eye(9))
    product = packed * x[6]
    np.testing.assert_array_equal(product.tangent, np.eye(9) * 8.0 + np.outer(np.eye(9)[6], packed.value))
    np.testing.assert_array_equal((x[6] - packed).tangent, np.outer(np.eye(9)[6], np.ones(9)) - np.eye(9))
    h = seed_hyperduals([2.0, 3.0, 4.0, 5.0, 6.0], 0, 0, 5, 0, 5, TRIANGLE)
    packed = dd.pack(h)
    np.testing.assert_array_equal((packed * h[3]).e12[:, :, 1], np.array((h[1] * h[3]).e12))


def test_large_arrays_that_wait_and_windows_meet():
    v = np.linspace(0.0, 1.0, 20_000)
    found = dd.jacobian(lambda x: (np.sin(x[1] * v) * x[5] + x[0] * v).sum(), mode="forward")(np.arange(1.0, 7.0))
    wanted = [v.sum(), 6.0 * (v * np.cos(2.0 * v)).sum(), 0.0, 0.0, 0.0, np.sin(2.0 * v).sum()]
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


@pytest.mark.parametrize("n", [3, 9, 40, 150])
def test_transforms_of_loops(n):
    x = np.random.default_rng(n).uniform(-1.0, 1.0, n)

    def loop(x):
        return sum(rosenbrock_terms(x), x[0] * x[n - 1])

    def vectorised(x):
        return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2) + x[0] * x[-1]

    gradient, hessian = dd.grad(vectorised, mode="reverse")(x), dd.hessian(vectorised)(x)
    for point in (x, x.tolist()):
        for options in ({}, {"mode": "forward"}, {"mode": "forward", "chunk_size": 4}):
            np.testing.assert_allclose(dd.grad(loop, **options)(point), gradient, rtol=1e-11, atol=1e-11)
            if n <= 40 or not options:
                np.testing.assert_allclose(dd.hessian(loop, **options)(point), hessian, rtol=1e-11, atol=1e-11)
        trace = dd.laplacian(loop)(point)
        np.testing.assert_allclose(trace, np.trace(hessian), rtol=1e-11)


@pytest.fixture
def watched(monkeypatch):
    """How many planes each structured array has that scalars become."""
    counts, made = [], tangents.make_structured

    def counted(value, planes, *rest):
        counts.append(planes.shape[0])
        return made(value, planes, *rest)

    monkeypatch.setattr(tangents, "make_structured", counted)
    return counts


@pytest.mark.parametrize("result", [list, tuple, np.array, dd.pack])
def test_results_of_a_loop_keep_structure(result, watched):
    def residuals(x):
        return result([x[i + 1] - x[i] ** 2 for i in range(len(x) - 1)] + [1.0])

    n = 300
    x = np.linspace(0.5, 1.0, n)
    wanted = np.eye(n, n, 1) - np.diag(2.0 * x)
    wanted[-1] = 0.0
    for options in ({}, {"mode": "forward"}, {"mode": "forward", "chunk_size": 7}):
        np.testing.assert_array_equal(dd.jacobian(residuals, **options)(x), wanted)
    del watched[:]
    found = dd.jacobian(residuals, sparse=True)(x)
    np.testing.assert_array_equal(found.toarray(), wanted)
    assert found.nnz == 2 * (n - 1)
    assert watched == [1, 2]  # the seed and the result


def test_arrays_of_scalars_inside_a_pass_keep_structure(watched):
    def f(x):
        shifted = np.array([x[i] * x[i + 1] for i in range(len(x) - 1)])
        return np.sin(dd.pack(shifted)) * x[1:]

    x = np.linspace(0.5, 1.5, 200)
    found = dd.jacobian(f, mode="forward")(x)
    np.testing.assert_allclose(found, dd.jacobian(f, chunk_size=200)(x), rtol=1e-14)
    assert max(watched) == 2


def test_a_scalar_times_an_array_keeps_structure(watched):
    weights = np.linspace(1.0, 2.0, 500)

    def f(x):
        return x[3] * x[1:] + (x[0] - x[5]) * weights[: x.size - 1] + weights[: x.size - 1] / x[7]

    x = np.linspace(0.5, 1.5, 100)
    found = dd.jacobian(f, mode="forward")(x)
    np.testing.assert_allclose(found, dd.jacobian(f, chunk_size=100)(x), rtol=1e-14)
    assert 1 <= max(watched) <= 2
    sparse = dd.jacobian(f, sparse=True)(x)
    np.testing.assert_allclose(sparse.toarray(), found, rtol=1e-14)


def test_wide_scalars_make_dense_planes():
    def f(x):
        total = sum(x[i] for i in range(len(x)))
        return dd.pack([total * x[i] for i in range(len(x))]) + total * np.ones(len(x))

    x = np.linspace(0.5, 1.5, 120)
    wanted = np.add.outer(x, np.ones(120)) + x.sum() * np.eye(120)
    np.testing.assert_allclose(dd.jacobian(f, mode="forward")(x), wanted, rtol=1e-13)


def test_packing_refuses_what_it_refused():
    with pytest.raises(dd.TangentMismatchError, match="same number of tangents"):
        dd.pack([dd.Dual(1.0, [1.0]), dd.Dual(1.0, [1.0, 2.0])])
    mixed = dd.pack([dd.Dual(1.0, [1.0, 2.0]), dd.Dual(3.0), True, np.float32(0.5), 2])
    np.testing.assert_array_equal(mixed.tangent, [[1.0, 0, 0, 0, 0], [2.0, 0, 0, 0, 0]])
    np.testing.assert_array_equal(mixed.value, [1.0, 3.0, 1.0, 0.5, 2.0])
    assert dd.pack([dd.Dual(1.0), dd.Dual(2.0)]).tangent.shape == (0, 2)


# -- short cuts of numbers and short lists -----------------------------------------------------------------------------

RESULTS = {
    "number": lambda x, y: x * y,
    "list": lambda x, y: [x * y, x, 2.0, y],
    "tuple": lambda x, y: (x, np.sin(y)),
    "array": lambda x, y: np.array([x, y * x, 3]),
    "matrix": lambda x, y: np.array([[x, y * x], [y, 1.0]]),
    "array of no dimension": lambda x, y: np.array(x * y),
    "dual array": lambda x, y: dd.pack([x, y]),
    "arrays": lambda x, y: x * np.arange(3.0) + y,
    "list of lists": lambda x, y: [[x, y], [y, x]],
    "list of arrays": lambda x, y: [x * np.arange(2.0), y * np.arange(3.0)],
    "constant": lambda x, y: 2.0,
    "constants": lambda x, y: [2.0, 3.0],
    "inner numbers": lambda x, y: [dd.derivative(lambda z: z * x)(2.0), x],
    "nothing": lambda x, y: [],
}


def same(found, wanted):
    assert type(found) is type(wanted)
    if isinstance(wanted, list | tuple):
        assert len(found) == len(wanted)
        for one, other in zip(found, wanted, strict=True):
            same(one, other)
    else:
        assert found.dtype == wanted.dtype
        np.testing.assert_array_equal(found, wanted)


def outcome(transform, *args):
    try:
        return transform(*args)
    except dd.DualDiffError as error:
        return str(type(error))


@pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS)
@pytest.mark.parametrize("transform", [dd.grad, dd.value_and_grad, dd.jacobian, dd.value_and_jacobian, dd.hessian,
                                       dd.value_grad_and_hessian])  # fmt: skip
def test_short_cuts_give_what_the_general_path_gives(transform, result):
    of_list, of_number = lambda v, w=1.0: result(v[0] * w, v[1]), lambda a, w=1.0: result(a * w, a * a)
    second = lambda w, v: of_list(v, w)
    # A limit of memory asks for the general path.
    for f, args, options in ((of_list, ([0.5, 2.0],), {}), (of_number, (0.5,), {}), (of_list, ([0.5, 2.0], 3.0), {}),
                             (of_number, (0.5, 3.0), {}), (second, (3.0, [0.5, 2.0]), {"argnums": 1}),
                             (second, (3.0, [0.5, 2.0]), {"argnums": -1})):  # fmt: skip
        found = outcome(transform(f, **options), *args)
        wanted = outcome(transform(f, **options, max_memory=1e9) if transform not in (dd.grad, dd.value_and_grad)
                         else general_gradient(transform, f, **options), *args)  # fmt: skip
        same(found, wanted) if not isinstance(wanted, str) else None
        assert isinstance(found, str) == isinstance(wanted, str)


def general_gradient(transform, f, **options):
    """What a gradient gives with an aux, which only the general path has."""
    made = transform(lambda *args: (f(*args), None), has_aux=True, **options)
    if transform is dd.grad:
        return lambda *args: made(*args)[0]
    return lambda *args: (made(*args)[0][0], made(*args)[1])


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS)
def test_the_short_cut_of_derivatives(order, result):
    f = lambda a: result(a * a, a)
    try:
        wanted = dd.derivative(f, order=order)(np.float64(0.5))
    except dd.DualDiffError as error:
        with pytest.raises(type(error)):
            dd.derivative(f, order=order)(0.5)
        return
    same(dd.derivative(f, order=order)(0.5), wanted)


def test_short_cuts_call_the_function_once():
    seen = []

    def f(x, result):
        seen.append(x)
        return result(x, x)

    for result in RESULTS.values():
        for transform in (dd.derivative, dd.jacobian):
            del seen[:]
            outcome(transform(f), 0.5, result)
            assert len(seen) == 1


def test_a_number_that_is_made_twice_keeps_no_old_window():
    x = seed_duals([2.0] * 50, 0, 0, 50)[40]
    x.__init__(3.0, [1.0, 2.0])
    assert (x * x).tangent.tolist() == [6.0, 12.0]
    x.__init__(3.0, np.arange(100.0))
    x.__init__(3.0)
    assert x.tangent.tolist() == []
    h = seed_hyperduals([2.0] * 9, 0, 0, 9, 0, 9, TRIANGLE)[8]
    h.__init__(3.0, 1.0, 1.0)
    assert (h * h).e12 == 2.0


def _duplicated(x):
    y, z = x[1:] * x[:-1] * x[1:], np.take(x, [1, 1, 2]) * x[1:4]
    return y[0] * z[0] * z[1] + np.sum(z * z[0])


def _put(x):
    y = np.zeros_like(x)
    y[0], y[1:3] = x[0] * x[1], x[2] * x[3]
    y[4] = y[0] * 2
    return np.sum(y**3) + y[1] * y[4]


@pytest.mark.parametrize("f", [
    lambda x: np.sum(x[0] * x[3] * np.sin(x)), lambda x: np.sum(np.exp(x * x[1]) * x[2]),
    lambda x: np.sum((x[0] * x[0] + x[1]) * x**2) + x[3] * x[4] * x[3], _duplicated, _put,
    lambda x: np.sum(np.array([x[0] * x[1], np.sin(x[2]), x[3]]) * x[:3] ** 2),
    lambda x: np.sum(x) * x[0] * np.prod(x[:3]), lambda x: (x @ x) * x[0] + np.linalg.norm(x) * x[1],
    lambda x: sum(x[i] * x[-i - 1] ** 2 for i in range(10)) * np.sum(x[:2]),
    lambda x: np.sum(np.where(x > 0.5, x * x[0], x**2)), lambda x: np.max(x) * np.max(x * x[0]),
])
def test_second_order_numbers_leave_structured_arrays_and_come_back(f):
    """Taken out they store a window, and they meet structured arrays again: the Hessian is that of dense planes."""
    x = np.linspace(0.1, 1.3, 40)
    hess = dd.hessian(f, mode="forward")(x)
    np.testing.assert_allclose(hess, dd.hessian(f, mode="forward", chunk_size=40)(x), rtol=1e-13, atol=1e-13)
    np.testing.assert_array_equal(hess, hess.T)
