"""``blockwise=True``: elementwise functions of large arrays, one block after the other.

The same call without it is the independent formulation.
"""

import numpy as np
import pytest

import dualdiff as dd
from dualdiff import blockwise

LENGTH = 1000


@pytest.fixture(autouse=True)
def short_blocks(monkeypatch):
    monkeypatch.setattr(blockwise, "block_length", lambda planes, itemsize: LENGTH)


def point(shape, dtype=float, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(0.3, 2.0, shape).astype(dtype), rng.normal(size=shape).astype(dtype)


def chain(x):
    return np.exp(-(x**2)) * np.tanh(x) / (1 + x**2) + np.sqrt(1 + x**2)


class Counted:
    """A function that remembers the shapes of what it is called with."""

    def __init__(self, function):
        self.function, self.shapes = function, []

    def __call__(self, *args):
        self.shapes.append(args[0].shape)
        return self.function(*args)


def assert_same(found, expected):
    for one, other in zip(found, expected, strict=True):
        assert (one.shape, one.dtype) == (other.shape, other.dtype)
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("size", [0, 1, LENGTH - 1, LENGTH, LENGTH + 1, 2 * LENGTH, 3 * LENGTH + 7])
def test_a_jvp_is_the_same_at_the_edges_of_blocks(size):
    x, v = point(size)
    assert_same(dd.jvp(chain, (x,), (v,), blockwise=True), dd.jvp(chain, (x,), (v,)))


@pytest.mark.parametrize("shape", [(70, 90), (3, 5, 400), (1, 6300)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_shapes_and_types_stay(shape, dtype):
    x, v = point(shape, dtype)
    assert_same(dd.jvp(chain, (x,), (v,), blockwise=True), dd.jvp(chain, (x,), (v,)))
    assert_same(dd.jvp(chain, (x.T,), (v.T,), blockwise=True), dd.jvp(chain, (x.T,), (v.T,)))


def test_the_function_sees_blocks_and_one_probe():
    x, v = point((70, 90))
    f = Counted(chain)
    dd.jvp(f, (x,), (v,), blockwise=True)
    assert f.shapes == [(900,)] * 7 + [(blockwise.PROBES,)]


def test_small_arrays_are_evaluated_whole_and_once():
    x, v = point((20, 30))
    f = Counted(lambda x: x - x.mean())
    y, ydot = dd.jvp(f, (x,), (v,), blockwise=True)
    assert f.shapes == [(20, 30)]
    np.testing.assert_allclose(ydot, v - v.mean())


def test_several_directions_and_several_arguments():
    (x, _), (y, _) = point(4500), point(4500, seed=1)
    rng = np.random.default_rng(2)
    tangents = rng.normal(size=(3, 4500)), rng.normal(size=(3, 4500)), rng.normal(size=3)

    def f(x, y, a):
        return np.hypot(x, y) ** a

    assert_same(dd.jvp(f, (x, y, 1.7), tangents, blockwise=True), dd.jvp(f, (x, y, 1.7), tangents))


def test_an_array_that_would_be_captured_is_an_argument():
    x, v = point(4500)
    w = np.linspace(0.0, 1.0, 4500)
    assert_same(
        dd.jvp(np.multiply, (x, w), (v, np.zeros_like(w)), blockwise=True),
        dd.jvp(lambda x: x * w, (x,), (v,)),
    )


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_derivatives_of_every_order(order):
    x, _ = point((50, 60))
    assert_same([dd.derivative(np.arctan, order=order, blockwise=True)(x)], [dd.derivative(np.arctan, order=order)(x)])
    assert dd.derivative(np.arctan, order=order, blockwise=True)(0.5) == dd.derivative(np.arctan, order=order)(0.5)


def test_further_arguments_pass_through_a_derivative():
    x, _ = point(3000)

    def f(x, a, *, b):
        return a * x**2 + b

    np.testing.assert_allclose(dd.derivative(f, blockwise=True)(x, 3.0, b=1.0), 6.0 * x)


def test_options_reach_every_block():
    x = np.zeros(3000)
    assert np.isnan(dd.jvp(np.abs, (x,), (x + 1.0,), strict=True, blockwise=True)[1]).all()
    z = np.linspace(0.5, 1.0, 3000) * (1.0 + 2.0j)
    found = dd.derivative(np.exp, holomorphic=True, blockwise=True)(z)
    np.testing.assert_array_equal(found, dd.derivative(np.exp, holomorphic=True)(z))


def test_inside_other_derivatives():
    x, v = point(3000)

    def slope(s, **options):
        return np.sum(dd.jvp(lambda z: np.sin(s * z), (x,), (v,), **options)[1])

    expected = dd.derivative(slope)(1.3)
    for mode in ("forward", "reverse"):
        np.testing.assert_allclose(dd.grad(slope, mode=mode)(1.3, blockwise=True), expected, rtol=1e-12)
    np.testing.assert_allclose(
        dd.grad(lambda z: dd.derivative(np.sin, blockwise=True)(z).sum())(x), -np.sin(x), rtol=1e-14
    )


def test_blocks_that_do_not_depend_on_an_outer_variable():
    x = np.linspace(-1.0, 1.0, 4000)

    def f(z, s):
        return np.zeros_like(dd.value(z)) if np.all(z < -0.1) else np.where(z < 0.0, 0.0, s * z**2)

    def total(s, **options):
        return np.sum(dd.derivative(f, **options)(x, s))

    for mode in ("forward", "reverse"):
        np.testing.assert_allclose(
            dd.grad(total, mode=mode)(1.3, blockwise=True), dd.grad(total, mode=mode)(1.3), rtol=1e-12
        )


def test_results_alias_nothing_and_arguments_stay():
    x, v = point(3000)
    before = x.copy(), v.copy()

    def f(x):
        x += 1.0
        return x

    y, ydot = dd.jvp(f, (x,), (v,), blockwise=True)
    assert_same((x, v), before)
    y[:] = ydot[:] = 0.0
    assert_same((x, v), before)


W = np.random.default_rng(5).normal(size=4500)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x - x.mean(),
        lambda x: np.exp(x - x.max()),
        lambda x: x / len(x),
        lambda x: x - np.roll(x, 1),
        lambda x: x[::-1],
        lambda x: x * W[: len(x)],
        np.cumsum,
        np.sort,
        lambda x: x * np.sum(x) ** 1e-3,
    ],
)
def test_a_function_that_is_not_elementwise_shows_itself(f):
    x, v = point(4500)
    with pytest.raises(dd.DifferentiationValueError, match=r"when they are evaluated.*leave blockwise=True out"):
        dd.jvp(f, (x,), (v,), blockwise=True)


@pytest.mark.parametrize("f", [lambda x: x * np.exp(x - x.max()), lambda x: x / len(x), lambda x: x * W[: len(x)]])
def test_in_a_derivative_too(f):
    x, _ = point(4500)
    with pytest.raises(dd.DifferentiationValueError, match=r"when they are evaluated.*leave blockwise=True out"):
        dd.derivative(f, blockwise=True)(x)


def test_what_the_messages_say():
    x, v = point(4500)
    with pytest.raises(dd.DifferentiationValueError, match=r"not cut: make them arguments.*leave blockwise=True out"):
        dd.jvp(lambda x: x * W, (x,), (v,), blockwise=True)
    with pytest.raises(dd.DifferentiationValueError, match=r"a result of shape \(\) from a block of shape \(900,\)"):
        dd.jvp(np.sum, (x,), (v,), blockwise=True)
    with pytest.raises(dd.DifferentiationValueError, match="made a container from a block"):
        dd.jvp(lambda x: {"y": x}, (x,), (v,), blockwise=True)
    with pytest.raises(dd.DifferentiationValueError, match=r"arrays of one shape.*np\.broadcast_arrays"):
        dd.jvp(np.add, (x, x[:7]), (v, v[:7]), blockwise=True)
    with pytest.raises(dd.DifferentiationValueError, match="found a list"):
        dd.jvp(np.sum, ([1.0, 2.0],), ([1.0, 0.0],), blockwise=True)
    with pytest.raises(dd.DifferentiationValueError, match="must have the shape"):
        dd.jvp(np.sin, (x,), (v[1:],), blockwise=True)


def test_errors_of_the_function_itself_come_through():
    x, v = point(4500)

    def f(x):
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        dd.jvp(f, (x,), (v,), blockwise=True)


def test_values_that_are_not_finite_agree_with_themselves():
    x, v = point(4500)
    x[::3], x[1::3] = np.inf, np.nan
    assert_same(dd.jvp(np.sqrt, (x,), (v,), blockwise=True), dd.jvp(np.sqrt, (x,), (v,)))


def test_block_lengths_follow_the_cache(monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(blockwise, "cache_size", lambda: 2**20)
    assert blockwise.block_length(2, 8) == 65536
    assert blockwise.block_length(3, 4) == 2**20 // 12
    assert blockwise.block_length(100, 8) == blockwise.LEAST
