"""Large elementwise results wait until they are read. Nothing of that may be seen from outside.

The same code on pieces too small to wait is the independent formulation.
"""

import gc
import threading
import warnings

import numpy as np
import pytest

import dualdiff as dd

# With warnings that are errors nothing waits.
pytestmark = pytest.mark.filterwarnings("default::RuntimeWarning")

N = 60_000
PIECE = 1000


def large(k=1, seed=0, shape=(N,)):
    rng = np.random.default_rng(seed)
    return dd.DualArray(rng.uniform(0.3, 2.0, shape), rng.normal(size=(k, *shape)))


def piecewise(f, *numbers):
    """Value and tangent of f on pieces, one after the other."""
    values, tangents = [], []
    for i in range(0, N, PIECE):
        y = f(*[dd.DualArray(x.value[i : i + PIECE], x.tangent[:, i : i + PIECE]) for x in numbers])
        values.append(y.value)
        tangents.append(y.tangent)
    return np.concatenate(values), np.concatenate(tangents, axis=1)


def assert_same(y, expected):
    np.testing.assert_array_equal(y.value, expected[0])
    np.testing.assert_array_equal(y.tangent, expected[1])


def chain(x):
    return np.exp(-(x**2)) * np.tanh(x) / (1 + x**2) + np.sqrt(1 + x**2)


def many(x, y):
    s = x * y
    z = np.arctan2(np.sin(s) - 3, s + np.float64(0.5)) ** 3 + np.hypot(x, 2.5 / y)
    return z - dd.sigmoid(s) + dd.leaky_relu(y - 1, 0.2)


@pytest.mark.parametrize("k", [0, 1, 2, 3, 7, 40])
def test_a_chain_is_what_it_is_in_pieces(k):
    x = large(k)
    expected = piecewise(chain, x)
    assert_same(chain(x), expected)


@pytest.mark.parametrize("k", [1, 3])
def test_what_is_written_twice_is_the_same_in_pieces(k):
    x, y = large(k), large(k, seed=1)

    def f(x, y):
        kept = x**2  # one of the equal operations is kept, and so computed for itself
        return np.sin(x**2) * (1 + x**2) / (1 + kept) + np.tanh(x * y) - np.tanh(x * y) ** 2 + (0.0 + x) * (-0.0 + x)

    expected = piecewise(f, x, y)
    assert_same(f(x, y), expected)


def test_equal_operations_warn_as_often_as_they_are_written():
    x = large()
    x[5] = -1.0
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        (np.sqrt(x) + np.sqrt(x)).value  # noqa: B018
    assert len(seen) == 2
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        with np.errstate(invalid="ignore"):
            first = np.sqrt(x)
        (first + np.sqrt(x)).value  # noqa: B018
    assert len(seen) == 1


def test_planes_that_are_taken_over_belong_to_their_array():
    x = large(2)
    shifted = [x + 1.0, 2.0 + x, x - 3.0]
    for y in shifted:
        np.testing.assert_array_equal(y.tangent, x.tangent)
        y.tangent[...] = 0.0
    assert x.tangent.all()
    y = x * 2.0
    z = y + 1.0
    total = z * y
    z[...] = 0.0
    np.testing.assert_array_equal(total.value, (x.value * 2.0 + 1.0) * (x.value * 2.0))
    np.testing.assert_allclose(total.tangent, (4.0 * x.value * 2.0 + 2.0) * x.tangent, rtol=1e-14)


@pytest.mark.parametrize("k", [1, 5])
def test_two_operands_and_every_kind_of_row(k):
    x, y = large(k), large(k, seed=1)
    expected = piecewise(many, x, y)
    assert_same(many(x, y), expected)


def test_several_dimensions_keep_their_shape():
    x = large(2, shape=(300, 200))
    assert np.exp(x).shape == (300, 200)
    y = np.exp(x) * x
    assert (y.shape, y.ndim, y.size, y.dtype, len(y)) == ((300, 200), 2, N, np.float64, 300)
    np.testing.assert_array_equal(y.value, np.exp(x.value) * x.value)
    np.testing.assert_allclose(y.tangent, np.exp(x.value) * (1 + x.value) * x.tangent, rtol=1e-14)


def test_dual_scalars_as_operands():
    x = large(3)
    a = dd.Dual(1.5, [1.0, 0.0, 2.0])
    expected = piecewise(lambda x: np.sin(a * x) / a, x)
    assert_same(np.sin(a * x) / a, expected)


def test_writing_to_an_operand_afterwards():
    x = large()
    before = x.copy()
    y = np.exp(x) + 1.0
    x[3] = 100.0
    assert x[3] == 100.0
    np.testing.assert_array_equal(y.value, np.exp(before.value) + 1.0)
    x[...] = 0.0
    np.testing.assert_array_equal(y.tangent, np.exp(before.value) * before.tangent)


def test_in_place_operators():
    x = large()
    start = x.copy()
    y = x * 2.0
    x += 1.0
    x *= x
    assert_same(y, (start.value * 2.0, start.tangent * 2.0))
    np.testing.assert_array_equal(x.value, (start.value + 1.0) ** 2)


def test_writing_through_a_view_taken_before():
    x = large()
    start = x.copy()
    view = x[10:20]
    y = x * 3.0
    view[...] = -1.0
    np.testing.assert_array_equal(y.value, start.value * 3.0)


def test_writing_through_a_view_taken_afterwards():
    x = large()
    start = x.copy()
    y = x * 3.0
    x[10:20] = -1.0
    x.reshape(2, -1)[0] = 7.0
    np.testing.assert_array_equal(y.value, start.value * 3.0)


def test_writing_to_the_parts_themselves():
    x = large()
    start = x.copy()
    held = x.value
    y = x * 3.0
    held[5] = 9.0
    z = x * 4.0
    x.tangent[0, 5] = 8.0
    np.testing.assert_array_equal(y.value, start.value * 3.0)
    assert z[5].value == 36.0
    assert z[5].tangent[0] == 4.0 * start.tangent[0, 5]


def test_writing_to_a_result_that_waits():
    x = large()
    y = np.exp(x)
    z = y * 2.0
    y[0] = 0.0
    y.value[1] = 0.0
    np.testing.assert_array_equal(z.value, np.exp(x.value) * 2.0)
    assert y[0] == 0.0
    assert y[1] == 0.0


def test_a_captured_plain_array_may_change_afterwards():
    x = large()
    w = np.ones(N)
    y = np.exp(x) * w
    w[:] = 0.0
    np.testing.assert_array_equal(y.value, np.exp(x.value))


def test_named_intermediate_results_stay():
    x = large(2)
    s = np.sin(x)
    y = s * s + s
    np.testing.assert_array_equal(y.value, np.sin(x.value) ** 2 + np.sin(x.value))
    np.testing.assert_array_equal(s.value, np.sin(x.value))
    np.testing.assert_array_equal(s.tangent, np.cos(x.value) * x.tangent)


def test_an_operand_that_is_gone():
    x = large()
    value, tangent = x.value.copy(), x.tangent.copy()
    y = x * 2.0
    del x
    gc.collect()
    junk = [large(seed=i) for i in range(4)]
    assert_same(y, (value * 2.0, tangent * 2.0))
    assert len(junk) == 4


def test_a_result_nobody_reads():
    x = large()
    for _ in range(100):
        np.exp(x)
    np.testing.assert_array_equal((x + 1.0).value, x.value + 1.0)


def test_long_loops():
    x = y = large()
    for _ in range(500):
        y = y * 1.001
    np.testing.assert_allclose(y.tangent, x.tangent * 1.001**500, rtol=1e-12)
    z = x
    for _ in range(40):
        z = 0.5 * (z + z)
    np.testing.assert_allclose(z.value, x.value, rtol=1e-12)


def test_warnings_are_numpys():
    x = large() - 1.0
    with pytest.warns(RuntimeWarning, match="invalid value encountered in log"):
        np.log(x).value  # noqa: B018
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with np.errstate(invalid="ignore", divide="ignore"):
            y = np.log(x) / (x - x)
        y.value  # noqa: B018


def test_warnings_that_are_errors_are_raised_where_they_happen():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RuntimeWarning, match="invalid value"):
            np.log(large() - 1.0)


def test_warnings_follow_the_filters_of_their_operation():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        y = np.log(large() - 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y.value  # noqa: B018


def test_threads_that_compute_the_same_and_warn():
    for _ in range(20):
        x = large(2) - 1.0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            y = np.log(np.sin(x)) * 2.0
            threads = [threading.Thread(target=lambda y=y: (y + 1.0).value) for _ in range(4)]
            for thread in threads:
                thread.start()
            x[0] = 1.0
            for thread in threads:
                thread.join()
        assert y.value[0] != 2 * np.log(np.sin(1.0))


def test_errors_are_raised_where_they_happen():
    x = large()
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        x / (x.value - x.value)
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        1.0 / (x * 0.0)


def test_shapes_that_do_not_fit_are_refused_at_once():
    with pytest.raises(ValueError, match="broadcast"):
        large() + large(shape=(N + 1,))
    with pytest.raises(dd.TangentMismatchError):
        np.exp(large(2)) + large(3)


def test_broadcasting_and_other_types():
    x = np.exp(large(2, shape=(300, 200)))
    row = large(2, shape=(200,))
    np.testing.assert_array_equal((x * row).value, x.value * row.value)
    single = x.astype(np.float32)
    assert (single * 2).dtype == np.float32
    assert (x * np.arange(200)).dtype == np.float64
    np.testing.assert_array_equal((x[::2] + 1).value, x.value[::2] + 1)


def test_everything_else_reads_them():
    x = large()
    y = np.exp(x)
    assert np.sum(np.exp(x)).value == np.sum(np.exp(x.value))
    assert np.exp(x)[7] == np.exp(x.value[7])
    assert bool(np.all(np.exp(x) > 0))
    assert repr(np.exp(x)).startswith("DualArray(")
    assert np.concatenate([np.exp(x), y]).shape == (2 * N,)
    assert y.copy().value is not y.value
    assert next(iter(np.exp(x))) == y[0]
    np.testing.assert_array_equal(np.where(y > 2, y, -y).value, np.where(y.value > 2, y.value, -y.value))


def test_results_of_transforms_alias_nothing():
    x0, v0 = large().value, large(seed=1).value
    kept = []

    def f(x):
        kept.append(np.sin(x))
        return np.sin(x)

    y, t = dd.jvp(f, (x0,), (v0,))
    np.testing.assert_array_equal(t, np.cos(x0) * v0)
    again, same = dd.jvp(lambda x: x, (x0,), (v0,))
    for part in (y, t, again, same):
        assert not np.shares_memory(part, x0)
        assert not np.shares_memory(part, v0)
        part[:] = 0.0
    np.testing.assert_array_equal(kept[0].value, np.sin(x0))


def test_strict_and_ties():
    x = np.zeros(N)
    assert np.isnan(dd.jvp(lambda x: np.abs(x * 1.0), (x,), (np.ones(N),), strict=True)[1]).all()
    assert (dd.jvp(lambda x: np.abs(x * 1.0), (x,), (np.ones(N),))[1] == 0.0).all()


def test_nested_levels():
    x = large().value
    inner = dd.derivative(lambda x: np.sin(x) * x)
    second = dd.derivative(lambda x: inner(x))(x)
    np.testing.assert_allclose(second, 2 * np.cos(x) - x * np.sin(x), rtol=1e-12, atol=1e-14)


def test_threads_share_what_waits():
    x = large(4)
    y = np.exp(np.sin(x) * 2.0)
    expected = np.exp(np.sin(x.value) * 2.0)
    results = []

    def work():
        results.append((np.sqrt(y) * y).value)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        np.testing.assert_array_equal(result, np.sqrt(expected) * expected)


def test_one_array_of_the_size_of_the_result_is_all_that_is_made():
    import tracemalloc

    x = large(1)
    tracemalloc.start()
    y = chain(x)
    y.value  # noqa: B018
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * N * 8 * 1.2  # value and tangent; one operation after the other takes five times as much


def test_operations_on_the_seeds_of_a_transform_wait():
    import tracemalloc

    grown = []

    def f(x):
        before = tracemalloc.get_traced_memory()[0]
        y = chain(x)
        grown.append(tracemalloc.get_traced_memory()[0] - before)
        return y

    x = np.linspace(0.1, 1.0, 100_000)
    tracemalloc.start()
    try:
        dd.jvp(f, (x,), (x,))
        dd.derivative(f)(x)
        dd.jvp(lambda x, y: f(x * y), (x, x), (x, x))
    finally:
        tracemalloc.stop()
    assert len(grown) == 3 and max(grown) < x.nbytes
