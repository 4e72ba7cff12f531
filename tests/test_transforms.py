"""Every transform: results, shapes, arguments, chunks, counts of calls, and that nothing of the caller's is changed."""

import math

import numpy as np
import pytest
from problems import PROBLEMS, assert_close, numdiff, point, rosenbrock, rosenbrock_gradient, rosenbrock_hessian

import dualdiff as dd

VECTOR = np.array([0.3, -1.2, 0.7])
MATRIX = point(31, 2, 3)
WEIGHTS = point(32, 4, 3)


class Counted:
    """A function that counts its calls."""

    def __init__(self, f):
        self.f, self.calls = f, 0

    def __call__(self, *args, **kwargs):
        self.calls += 1
        return self.f(*args, **kwargs)


def is_plain(result):
    """Floats and float arrays only: no dual number, no object array."""
    if isinstance(result, (tuple, list)):
        return all(map(is_plain, result))
    if isinstance(result, dict):
        return all(map(is_plain, result.values()))
    return type(result) in (float, np.float64) or (type(result) is np.ndarray and result.dtype.kind == "f")


def warp(x):
    return np.tanh(WEIGHTS @ x)


def warp_jacobian(x):
    return (1 - np.tanh(WEIGHTS @ x) ** 2)[:, None] * WEIGHTS


def bowl(x):
    return np.sum(np.exp(x)) * x[0]


def bowl_gradient(x):
    g = np.exp(x) * x[0]
    g[0] += np.sum(np.exp(x))
    return g


def bowl_hessian(x):
    h = np.diag(np.exp(x) * x[0])
    h[0] += np.exp(x)
    h[:, 0] += np.exp(x)
    return h


# derivative ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", range(1, 7))
def test_derivative_of_any_order(order):
    for x in (0.7, -2.3):
        assert_close(dd.derivative(np.sin, order=order)(x), math.sin(x + order * math.pi / 2), 1e-15)
        assert_close(dd.derivative(lambda t: np.exp(2 * t), order=order)(x), 2.0**order * math.exp(2 * x), 1e-15)
    want = math.factorial(order) * (-1) ** order / 1.7 ** (order + 1)
    assert_close(dd.derivative(lambda t: 1 / t, order=order)(1.7), want, 1e-14)


@pytest.mark.parametrize("order, hermite", [
    (1, lambda x: -2 * x), (2, lambda x: 4 * x**2 - 2), (3, lambda x: -(8 * x**3 - 12 * x)),
    (4, lambda x: 16 * x**4 - 48 * x**2 + 12), (5, lambda x: -(32 * x**5 - 160 * x**3 + 120 * x)),
])  # fmt: skip
def test_derivatives_of_a_bell(order, hermite):
    def bell(x):
        return np.exp(-(x**2))

    x = np.array([-1.1, 0.0, 0.4, 2.0])
    assert_close(dd.derivative(bell, order=order)(x), hermite(x) * np.exp(-(x**2)), 1e-14)
    for t in x:
        assert_close(dd.derivative(bell, order=order)(t), hermite(t) * np.exp(-(t**2)), 1e-14)


def test_derivative_of_a_polynomial_ends():
    for order, want in enumerate((32.0, 48.0, 48.0, 24.0, 0.0, 0.0), start=1):
        assert dd.derivative(lambda x: x**4, order=order)(2.0) == want


def test_derivative_of_a_scalar_has_the_shape_of_the_value():
    assert type(dd.derivative(np.sin)(1)) in (float, np.float64)
    curve = dd.derivative(lambda t: np.stack([np.cos(t), np.sin(t), 1.0 + 0 * t]))
    np.testing.assert_allclose(curve(0.3), [-math.sin(0.3), math.cos(0.3), 0.0], rtol=1e-15)
    assert dd.derivative(lambda t: t * MATRIX)(0.3).shape == (2, 3)
    np.testing.assert_array_equal(dd.derivative(lambda t: t**2 * MATRIX, order=2)(0.3), 2 * MATRIX)
    assert dd.derivative(lambda t: [t, t**2])(3.0).tolist() == [1.0, 6.0]
    assert dd.derivative(lambda t: (t, 5.0))(3.0).tolist() == [1.0, 0.0]
    assert dd.derivative(lambda t: np.array([[t, 1.0], [0.0, t * t]]))(3.0).tolist() == [[1.0, 0.0], [0.0, 6.0]]


@pytest.mark.parametrize("shape", [(), (1,), (5,), (2, 3), (0,)])
def test_derivative_of_an_array_is_elementwise(shape):
    x = point(33, *shape)
    for order, want in ((1, np.cos(x)), (2, -np.sin(x)), (3, -np.cos(x))):
        result = dd.derivative(np.sin, order=order)(x)
        assert np.shape(result) == shape
        np.testing.assert_allclose(result, want, rtol=1e-15)


def test_derivative_of_an_array_needs_an_elementwise_function():
    for f in (np.sum, lambda x: x[1:], lambda x: np.outer(x, x)):
        with pytest.raises(dd.DualDiffError, match="jacobian"):
            dd.derivative(f)(np.ones(3))


@pytest.mark.parametrize("order", (0, -1, 1.5, "2", None))
def test_derivative_of_an_impossible_order(order):
    with pytest.raises(dd.DualDiffError, match="order"):
        dd.derivative(np.sin, order=order)(1.0)


# jvp ----------------------------------------------------------------------------------------------------------------


def test_jvp():
    y, ydot = dd.jvp(warp, (VECTOR,), (np.array([1.0, 2.0, -1.0]),))
    np.testing.assert_array_equal(y, warp(VECTOR))
    assert_close(ydot, warp_jacobian(VECTOR) @ [1.0, 2.0, -1.0], 1e-15)
    y, ydot = dd.jvp(np.sin, (0.5,), (2.0,))
    assert is_plain((y, ydot))
    assert (y, ydot) == (math.sin(0.5), 2 * math.cos(0.5))


@pytest.mark.parametrize("k", (1, 2, 7, 13))
def test_jvp_of_several_directions(k):
    directions = np.random.default_rng(k).normal(size=(k, 3))
    y, ydot = dd.jvp(warp, (VECTOR,), (directions,))
    assert y.shape == (4,) and ydot.shape == (k, 4)
    assert_close(ydot, directions @ warp_jacobian(VECTOR).T, 1e-15)
    y, ydot = dd.jvp(lambda x: x**2, (3.0,), (np.arange(k, dtype=float),))
    np.testing.assert_array_equal(ydot, 6.0 * np.arange(k))
    _, ydot = dd.jvp(lambda x: np.sum(x * MATRIX), (MATRIX,), (np.ones((k, 2, 3)),))
    assert ydot.shape == (k,)


def test_jvp_of_several_arguments():
    def f(a, b, c):
        return a * np.sin(b) + c

    y, ydot = dd.jvp(f, (2.0, VECTOR, MATRIX[:, :1]), (1.0, VECTOR**2, np.array([[1.0], [-1.0]])))
    np.testing.assert_array_equal(y, f(2.0, VECTOR, MATRIX[:, :1]))
    assert_close(ydot, np.sin(VECTOR) + 2 * np.cos(VECTOR) * VECTOR**2 + np.array([[1.0], [-1.0]]), 1e-15)
    y, ydot = dd.jvp(f, (2.0, VECTOR, 0.0), (np.ones(5), np.zeros((5, 3)), np.zeros(5)))
    assert_close(ydot, np.tile(np.sin(VECTOR), (5, 1)), 1e-15)


def test_jvp_is_one_call():
    f = Counted(warp)
    dd.jvp(f, (VECTOR,), (np.ones((50, 3)),))
    assert f.calls == 1


def test_jvp_of_a_constant():
    y, ydot = dd.jvp(lambda x: np.ones((2, 2)), (VECTOR,), (np.ones((5, 3)),))
    np.testing.assert_array_equal(y, np.ones((2, 2)))
    np.testing.assert_array_equal(ydot, np.zeros((5, 2, 2)))


@pytest.mark.parametrize("primals, tangents", [
    ((VECTOR,), (np.ones(4),)), ((VECTOR,), (np.ones((2, 4)),)), ((VECTOR,), (1.0,)), ((1.0,), (np.ones((2, 2)),)),
    ((VECTOR, 1.0), (VECTOR,)), ((VECTOR,), (VECTOR, 1.0)), ((VECTOR, 1.0), (np.ones((2, 3)), np.ones(3))),
])  # fmt: skip
def test_jvp_of_tangents_that_do_not_fit(primals, tangents):
    with pytest.raises(dd.DualDiffError, match="tangent") as caught:
        dd.jvp(lambda *x: x[0] * 2, primals, tangents)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("tangent", (np.array(["a", "b", "c"]), VECTOR * 1j, None, np.array([None] * 3)))
def test_jvp_of_tangents_of_the_wrong_kind(tangent):
    with pytest.raises(dd.DualDiffError) as caught:
        dd.jvp(np.sin, (VECTOR,), (tangent,))
    assert isinstance(caught.value, TypeError)


# grad, jacobian, hessian --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.name)
def test_problems(problem):
    f, x = problem.f, problem.x
    given = x.copy()
    first, second, tolerance1, tolerance2 = problem.references()
    value, jacobian = dd.value_and_jacobian(f)(x)
    np.testing.assert_allclose(value, f(x), rtol=1e-15)
    assert_close(jacobian, first, tolerance1)
    np.testing.assert_array_equal(dd.jacobian(f)(x), jacobian)
    hessian = dd.hessian(f)(x)
    assert_close(hessian, second, tolerance2)
    np.testing.assert_array_equal(hessian, np.moveaxis(hessian, range(-x.ndim, 0), range(-2 * x.ndim, -x.ndim)))
    assert is_plain((jacobian, hessian))
    if np.ndim(f(x)) == 0:
        np.testing.assert_array_equal(dd.grad(f)(x), jacobian)
        value, gradient = dd.value_and_grad(f)(x)
        np.testing.assert_array_equal(gradient, jacobian)
        np.testing.assert_allclose(value, f(x), rtol=1e-15)
        value, gradient, matrix = dd.value_grad_and_hessian(f)(x)
        np.testing.assert_allclose(value, f(x), rtol=1e-15)
        assert_close(gradient, jacobian, 1e-15)
        assert_close(matrix, hessian, 1e-15)
    if problem.gradient:
        assert_close(jacobian, problem.gradient(x), 1e-14)
        assert_close(hessian, problem.hessian(x), 1e-14)
    np.testing.assert_array_equal(x, given)


@pytest.mark.parametrize("out", [(), (1,), (4,), (2, 3), (0,)])
@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 2)])
def test_shapes(shape, out):
    x, a = point(34, *shape), np.ones(out)

    def f(x):
        return np.sum(x**2) * a

    assert np.shape(dd.jacobian(f)(x)) == out + shape
    assert np.shape(dd.hessian(f)(x)) == out + shape + shape
    value, jacobian = dd.value_and_jacobian(f)(x)
    assert np.shape(value) == out and np.shape(jacobian) == out + shape
    if out == ():
        assert np.shape(dd.grad(f)(x)) == shape
        value, gradient, hessian = dd.value_grad_and_hessian(f)(x)
        assert (np.shape(value), np.shape(gradient), np.shape(hessian)) == ((), shape, shape + shape)
        np.testing.assert_allclose(hessian.reshape(x.size, x.size), 2 * np.eye(x.size), rtol=1e-15)


@pytest.mark.parametrize("shape", [(2,), (2, 2), (0,)])
def test_gradient_of_what_is_no_scalar(shape):
    for transform in (dd.grad, dd.value_and_grad):
        with pytest.raises(dd.DualDiffError, match="jacobian") as caught:
            transform(lambda x: np.sum(x) * np.ones(shape))(VECTOR)
        assert isinstance(caught.value, ValueError)
        assert str(shape) in str(caught.value)


@pytest.mark.parametrize("kind", (list, tuple))
def test_flat_lists_of_numbers(kind):
    seen = []

    def loop(x):
        seen.append((type(x), len(x), {type(t) for t in x}))
        total = 0.0
        for t in x:
            total = total + t * t * x[0]
        return total

    x = kind([0.3, -1.2, 0.7])
    gradient, hessian = dd.grad(loop)(x), dd.hessian(loop)(x)
    for given, length, inside in seen:
        assert given in (list, kind) and length == 3 and inside <= {dd.Dual, dd.HyperDual}
    assert type(gradient) is np.ndarray and gradient.shape == (3,) and hessian.shape == (3, 3)
    assert_close(gradient, 2 * VECTOR * VECTOR[0] + np.array([VECTOR @ VECTOR, 0.0, 0.0]), 1e-15)
    assert_close(gradient, numdiff(loop, VECTOR), 5e-12)
    np.testing.assert_array_equal(hessian, hessian.T)
    assert_close(dd.jacobian(lambda x: [x[0] * x[1], 5.0, x[2]])(x), [[-1.2, 0.3, 0], [0, 0, 0], [0, 0, 1]], 1e-15)
    assert dd.jacobian(lambda x: x)(x).tolist() == np.eye(3).tolist()
    assert dd.jacobian(lambda x: np.array(x) * np.arange(3.0))(x).tolist() == np.diag(np.arange(3.0)).tolist()
    assert dd.grad(lambda x: x[1])(kind([1, 2, 3])).tolist() == [0.0, 1.0, 0.0]
    assert x == kind([0.3, -1.2, 0.7])


def test_long_lists():
    for n in (12, 13, 40):
        x = point(n, n)
        product = dd.grad(lambda x: math.prod(x))(x.tolist())
        assert_close(product, np.prod(x) / x, 1e-14 * max(1.0, abs(np.prod(x) / x).max()))


# Arguments ----------------------------------------------------------------------------------------------------------


def test_other_arguments_pass_through_untouched():
    data, option, seen = {"a": [1, 2]}, object(), []

    def f(x, *args, **kwargs):
        seen.append((args, kwargs))
        return np.sum(x**2)

    calls = (
        lambda: dd.grad(f)(VECTOR, data, 3, option=option), lambda: dd.jacobian(f)(VECTOR, data, 3, option=option),
        lambda: dd.hessian(f)(VECTOR, data, 3, option=option),
        lambda: dd.value_and_grad(f)(VECTOR, data, 3, option=option),
        lambda: dd.value_and_jacobian(f)(VECTOR, data, 3, option=option),
        lambda: dd.value_grad_and_hessian(f)(VECTOR, data, 3, option=option),
        lambda: dd.derivative(f)(0.5, data, 3, option=option), lambda: dd.laplacian(f)(VECTOR, data, 3, option=option),
    )  # fmt: skip
    for call in calls:
        seen.clear()
        call()
        assert seen
        for args, kwargs in seen:
            assert args[0] is data and type(args[1]) is int and kwargs["option"] is option
    assert data == {"a": [1, 2]}


def saxpy(a, x, y):
    return np.sum(a * x**2 + x * y)


def test_argnums():
    a, x, y = 2.0, VECTOR, VECTOR**2
    assert_close(dd.grad(saxpy, argnums=1)(a, x, y), 2 * a * x + y, 1e-15)
    assert_close(dd.grad(saxpy, 0)(a, x, y), np.sum(x**2), 1e-15)
    assert_close(dd.grad(saxpy, argnums=-1)(a, x, y), x, 1e-15)
    assert_close(dd.hessian(saxpy, argnums=1)(a, x, y), 2 * a * np.eye(3), 1e-15)
    assert_close(dd.jacobian(lambda a, x: a * x, argnums=1)(2.0, x), 2 * np.eye(3), 1e-15)


@pytest.mark.parametrize("argnums", (3, -4, (0, 5), 1.0, "x", ()))
def test_argnums_that_do_not_exist(argnums):
    for transform in (dd.grad, dd.jacobian, dd.hessian):
        with pytest.raises(dd.DualDiffError, match="argnums"):
            transform(saxpy, argnums=argnums)(2.0, VECTOR, VECTOR)


def test_auxiliary_results():
    marker = object()

    def f(x):
        return np.sum(x**3), {"marker": marker, "residual": x * 2, "size": 3}

    for transform, want in ((dd.grad, 3 * VECTOR**2), (dd.jacobian, 3 * VECTOR**2), (dd.hessian, np.diag(6 * VECTOR))):
        result, aux = transform(f, has_aux=True)(VECTOR)
        assert_close(result, want, 1e-15)
        assert aux["marker"] is marker and aux["size"] == 3
        assert is_plain(aux["residual"])
        np.testing.assert_array_equal(aux["residual"], 2 * VECTOR)
    (value, aux), gradient = dd.value_and_grad(f, has_aux=True)(VECTOR)
    assert_close(value, np.sum(VECTOR**3), 1e-15)
    assert_close(gradient, 3 * VECTOR**2, 1e-15)
    assert aux["size"] == 3


def test_auxiliary_result_that_is_missing():
    with pytest.raises(dd.DualDiffError, match="aux"):
        dd.grad(lambda x: np.sum(x), has_aux=True)(VECTOR)


def test_transforms_look_like_the_function():
    def named(x):
        """Words about it."""
        return x

    for transform in (dd.derivative, dd.grad, dd.jacobian, dd.hessian):
        assert "named" in transform(named).__name__


# Chunks, memory, counts of calls ------------------------------------------------------------------------------------

N = 24
MIX = np.random.default_rng(5).normal(size=(30, N)) / 5


def mixed(x):
    return np.sin(MIX @ x) * np.exp(-x[0])


def mixed_scalar(x):
    return np.sum(np.sin(MIX @ x) ** 2) * x[3]


@pytest.mark.parametrize("chunk_size", (1, N // 3, N // 2, N - 1, N, N + 1, 12, 13, 1000, np.int64(5)))
def test_chunks_change_nothing(chunk_size):
    x = point(35, N)
    jacobian, hessian, matrix = dd.jacobian(mixed)(x), dd.hessian(mixed)(x), dd.hessian(mixed_scalar)(x)
    assert_close(dd.jacobian(mixed, chunk_size=chunk_size)(x), jacobian, 1e-15)
    assert_close(dd.hessian(mixed, chunk_size=chunk_size)(x), hessian, 1e-15)
    chunked = dd.hessian(mixed_scalar, chunk_size=chunk_size)(x)
    assert_close(chunked, matrix, 1e-15)
    np.testing.assert_array_equal(chunked, chunked.T)
    value, gradient, chunked = dd.value_grad_and_hessian(mixed_scalar, chunk_size=chunk_size)(x)
    assert_close(gradient, dd.grad(mixed_scalar)(x), 1e-15)
    assert_close(chunked, matrix, 1e-15)
    assert_close(value, mixed_scalar(x), 1e-15)


@pytest.mark.parametrize("chunk_size", (1, 5, 12, N - 1, N, N + 1))
def test_one_call_per_chunk(chunk_size):
    f = Counted(mixed)
    dd.jacobian(f, chunk_size=chunk_size)(point(35, N))
    assert f.calls == -(-N // chunk_size)


@pytest.mark.parametrize("chunk_size", (0, -1, 2.5, "all"))
def test_chunks_that_make_no_sense(chunk_size):
    for transform in (dd.jacobian, dd.hessian):
        with pytest.raises(dd.DualDiffError, match="chunk_size") as caught:
            transform(mixed, chunk_size=chunk_size)(point(35, N))
        assert isinstance(caught.value, (ValueError, TypeError))
        assert repr(chunk_size).strip("'") in str(caught.value)


@pytest.mark.parametrize("n", (1, 12, 13, 100))
def test_one_call_where_tangents_fit(n):
    for transform in (dd.grad, dd.value_and_grad, dd.jacobian, dd.value_and_jacobian, dd.hessian, dd.laplacian,
                      dd.value_grad_and_hessian):  # fmt: skip
        f = Counted(lambda x: np.sum(np.sin(x) * x[0]))
        transform(f)(point(36, n))
        assert f.calls == 1, transform.__name__
    f = Counted(lambda x: sum(t * t for t in x))
    dd.hessian(f)(point(36, n).tolist())
    assert f.calls == 1


@pytest.mark.parametrize("call", [
    lambda f: dd.derivative(f)(0.3), lambda f: dd.derivative(f, order=2)(0.3), lambda f: dd.jvp(f, (0.3,), (1.0,)),
    lambda f: dd.hvp(f, (0.3,), (1.0,)), lambda f: dd.derivative(f)(VECTOR), lambda f: dd.divergence(f)(VECTOR),
    lambda f: dd.logabsdet_jacobian(f)(VECTOR), lambda f: dd.propagate(f, VECTOR, np.eye(3)),
])  # fmt: skip
def test_one_call_of_the_rest(call):
    f = Counted(lambda x: np.exp(x))
    call(f)
    assert f.calls == 1


def test_max_memory_makes_chunks():
    n = 120
    mix = np.random.default_rng(6).normal(size=(n, n)) / 10
    x = point(37, n)

    def f(x):
        return np.tanh(mix @ x)

    whole, few = Counted(f), Counted(f)
    want = dd.jacobian(whole)(x)
    assert whole.calls == 1
    got = dd.jacobian(few, max_memory=n * n * 8 // 4)(x)
    assert few.calls > 1
    assert_close(got, want, 1e-15)
    few = Counted(lambda x: np.sum(f(x) ** 2))
    got = dd.hessian(few, max_memory=n * n * 8 // 4)(x)
    assert few.calls > 1
    assert_close(got, dd.hessian(lambda x: np.sum(f(x) ** 2))(x), 1e-14)
    np.testing.assert_array_equal(got, got.T)
    assert_close(dd.jacobian(f, max_memory=10**9)(x), want, 1e-15)


@pytest.mark.parametrize("max_memory", (0, -1, "much"))
def test_memory_that_makes_no_sense(max_memory):
    with pytest.raises(dd.DualDiffError, match="max_memory"):
        dd.jacobian(mixed, max_memory=max_memory)(point(35, N))


# batched, strict, mode ----------------------------------------------------------------------------------------------


def rows_apart(x):
    return np.stack([x[..., 0] * x[..., 1], np.sin(x[..., 2]), x[..., 0] ** 2], axis=-1)[..., :2]


def test_batched():
    x = point(38, 5, 3)
    got = dd.jacobian(rows_apart, batched=True)(x)
    assert got.shape == (5, 2, 3)
    for row, jacobian in zip(x, got, strict=True):
        assert_close(jacobian, dd.jacobian(rows_apart)(row), 1e-15)
    value, got = dd.value_and_jacobian(rows_apart, batched=True)(x)
    np.testing.assert_array_equal(value, rows_apart(x))
    assert got.shape == (5, 2, 3)
    hessian = dd.hessian(rows_apart, batched=True)(x)
    assert hessian.shape == (5, 2, 3, 3)
    assert_close(hessian[3], dd.hessian(rows_apart)(x[3]), 1e-15)
    f = Counted(rows_apart)
    dd.jacobian(f, batched=True)(x)
    assert f.calls == 1
    chunked = dd.jacobian(rows_apart, batched=True, chunk_size=2)(x)
    assert_close(chunked, dd.jacobian(rows_apart, batched=True)(x), 1e-15)


@pytest.mark.parametrize("shape", [(2, 2), (3,), (), (2, 0)])
def test_batched_shapes(shape):
    x = point(39, 4, *shape)
    assert dd.jacobian(lambda x: x**2, batched=True)(x).shape == (4, *shape, *shape)
    got = dd.jacobian(lambda x: np.sum(x.reshape(4, -1) ** 2, axis=1), batched=True)(x)
    assert_close(got, 2 * x, 1e-15)


@pytest.mark.parametrize("x, f", [(1.0, np.sin), (np.ones((4, 3)), np.sum), (np.ones((4, 3)), lambda x: x[:2])])
def test_batched_needs_a_batch(x, f):
    with pytest.raises(dd.DualDiffError, match="batch"):
        dd.jacobian(f, batched=True)(x)


STRICT = [
    ("abs", np.abs, 0.0), ("maximum", lambda x: np.maximum(x, 1.0), 1.0), ("clip", lambda x: np.clip(x, -1, 1), 1.0),
    ("minimum of equals", lambda x: np.minimum(x, 2.0), 2.0), ("hypot", lambda x: np.hypot(x, 0 * x), 0.0),
    ("fabs", np.fabs, 0.0), ("fmax", lambda x: np.fmax(x, 1.0), 1.0),
]  # fmt: skip


@pytest.mark.parametrize("name, f, x", STRICT, ids=[s[0] for s in STRICT])
def test_strict_is_nan_at_kinks(name, f, x):
    assert math.isfinite(dd.derivative(f)(x))
    assert math.isnan(dd.derivative(f, strict=True)(x))
    assert math.isnan(dd.derivative(f, order=2, strict=True)(x))
    at = np.array([x, 0.5])
    assert np.isnan(dd.derivative(f, strict=True)(at)).tolist() == [True, False]
    jacobian = dd.jacobian(f, strict=True)(at)
    assert np.isnan(jacobian[0, 0]) and jacobian[0, 1] == jacobian[1, 0] == 0.0
    assert np.isfinite(dd.jacobian(f)(at)).all()
    hessian = dd.hessian(f, strict=True)(at)
    assert np.isnan(hessian[0, 0, 0]) and np.isfinite(hessian[1]).all() and hessian[0, 1, 1] == 0.0
    assert math.isnan(dd.jvp(f, (x,), (1.0,), strict=True)[1])
    assert dd.jvp(f, (x,), (0.0,), strict=True)[1] == 0.0


def test_strict_for_functions_of_arrays():
    ties = np.array([2.0, 2.0, 1.0])
    assert np.isnan(dd.grad(np.max, strict=True)(ties)).tolist() == [True, True, False]
    assert np.isnan(dd.grad(np.linalg.norm, strict=True)(np.zeros(2))).all()
    assert np.isnan(dd.grad(np.std, strict=True)(np.ones(3))).all()
    assert np.isnan(dd.value_and_grad(np.max, strict=True)(ties)[1][:2]).all()
    assert np.isnan(dd.hvp(np.max, (ties,), (np.array([1.0, 0.0, 0.0]),), strict=True)[0])


def test_strict_does_not_touch_branches_and_smooth_points():
    assert dd.derivative(dd.relu, strict=True)(0.0) == 0.0
    assert dd.derivative(lambda x: np.where(x > 0, x, 0.0), strict=True)(0.0) == 0.0
    assert dd.derivative(np.abs, strict=True)(-2.0) == -1.0
    assert_close(dd.grad(bowl, strict=True)(VECTOR), bowl_gradient(VECTOR), 1e-15)


def test_modes():
    want = warp_jacobian(VECTOR)
    for mode in ("auto", "forward", "reverse"):
        assert_close(dd.jacobian(warp, mode=mode)(VECTOR), want, 1e-15)
        assert_close(dd.grad(bowl, mode=mode)(VECTOR), bowl_gradient(VECTOR), 1e-15)
        assert_close(dd.hessian(bowl, mode=mode)(VECTOR), bowl_hessian(VECTOR), 1e-15)
    for transform in (dd.grad, dd.jacobian, dd.hessian, dd.value_and_grad):
        for mode in ("sideways", None):
            with pytest.raises(dd.DualDiffError, match="mode") as caught:
                transform(bowl, mode=mode)(VECTOR)
            assert isinstance(caught.value, ValueError)
            assert "forward" in str(caught.value)


# hvp, laplacian, divergence, logabsdet_jacobian, propagate ----------------------------------------------------------


def test_hvp():
    v = np.array([1.0, -2.0, 0.5])
    assert_close(dd.hvp(bowl, (VECTOR,), (v,)), bowl_hessian(VECTOR) @ v, 1e-15)
    assert_close(dd.hvp(lambda x: x**3, (2.0,), (5.0,)), 60.0, 1e-15)
    x = MATRIX
    got = dd.hvp(lambda x: np.sum(x**3), (x,), (np.ones((2, 3)),))
    assert got.shape == (2, 3)
    assert_close(got, 6 * x, 1e-15)


def test_hvp_that_makes_no_sense():
    with pytest.raises(dd.DualDiffError):
        dd.hvp(lambda x: x**2, (VECTOR,), (VECTOR,))
    with pytest.raises(dd.DualDiffError):
        dd.hvp(bowl, (VECTOR,), (np.ones(4),))


def test_laplacian():
    assert_close(dd.laplacian(bowl)(VECTOR), np.trace(bowl_hessian(VECTOR)), 1e-15)
    assert_close(dd.laplacian(lambda x: 1 / np.sqrt(np.sum(x**2)))(VECTOR), 0.0, 1e-14)
    assert_close(dd.laplacian(lambda x: np.sum(x**3))(MATRIX), 6 * MATRIX.sum(), 1e-15)
    assert_close(dd.laplacian(lambda x: x**4)(2.0), 48.0, 1e-15)
    assert is_plain(dd.laplacian(bowl)(VECTOR))
    with pytest.raises(dd.DualDiffError, match="scalar"):
        dd.laplacian(warp)(VECTOR)


def test_divergence():
    def field(x):
        return np.stack([x[0] * x[1], np.sin(x[2]), x[2] ** 2 * x[0]])

    assert_close(dd.divergence(field)(VECTOR), VECTOR[1] + 2 * VECTOR[2] * VECTOR[0], 1e-15)
    assert_close(dd.divergence(lambda x: x**2)(MATRIX), 2 * MATRIX.sum(), 1e-15)
    assert is_plain(dd.divergence(field)(VECTOR))
    with pytest.raises(dd.DualDiffError, match="shape"):
        dd.divergence(warp)(VECTOR)


def test_logabsdet_jacobian():
    def polar(q):
        return np.stack([q[0] * np.cos(q[1]), q[0] * np.sin(q[1])])

    def spherical(q):
        r, t, p = q
        return np.array([r * np.sin(t) * np.cos(p), r * np.sin(t) * np.sin(p), r * np.cos(t)])

    assert_close(dd.logabsdet_jacobian(polar)(np.array([2.5, 0.7])), math.log(2.5), 1e-15)
    q = np.array([1.5, 0.8, 2.1])
    assert_close(dd.logabsdet_jacobian(spherical)(q), 2 * math.log(1.5) + math.log(math.sin(0.8)), 1e-14)
    assert_close(dd.logabsdet_jacobian(np.exp)(VECTOR), VECTOR.sum(), 1e-14)
    assert_close(dd.logabsdet_jacobian(lambda x: -2 * x)(3.0), math.log(2.0), 1e-15)
    assert is_plain(dd.logabsdet_jacobian(np.exp)(VECTOR))
    assert dd.logabsdet_jacobian(lambda x: 0 * x)(VECTOR) == -math.inf
    with pytest.raises(dd.DualDiffError, match="shape"):
        dd.logabsdet_jacobian(warp)(VECTOR)


def test_logabsdet_jacobian_can_be_differentiated():
    got = dd.grad(lambda q: dd.logabsdet_jacobian(lambda q: np.stack([q[0] * np.cos(q[1]), q[0] * np.sin(q[1])]))(q))(
        np.array([2.5, 0.7]))
    assert_close(got, [1 / 2.5, 0.0], 1e-14)


def test_propagate():
    root = np.random.default_rng(9).normal(size=(3, 3))
    covariance = root @ root.T
    value, spread = dd.propagate(warp, VECTOR, covariance)
    j = warp_jacobian(VECTOR)
    np.testing.assert_array_equal(value, warp(VECTOR))
    assert_close(spread, j @ covariance @ j.T, 1e-14)
    value, spread = dd.propagate(lambda x: x[0] * x[1], np.array([3.0, 4.0]), np.diag([0.01, 0.04]))
    assert_close(spread, 16 * 0.01 + 9 * 0.04, 1e-15)
    assert np.shape(value) == np.shape(spread) == ()
    value, spread = dd.propagate(lambda x: x**2, 3.0, 0.25)
    assert (float(value), float(spread)) == (9.0, 9.0)


@pytest.mark.parametrize("covariance", (np.eye(4), np.ones((3, 2)), np.ones((3, 3, 3))))
def test_propagate_of_a_covariance_that_does_not_fit(covariance):
    with pytest.raises(dd.DualDiffError, match="cov") as caught:
        dd.propagate(warp, VECTOR, covariance)
    assert isinstance(caught.value, ValueError)
    assert str(covariance.shape) in str(caught.value)


# check_derivatives --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.name)
def test_check_derivatives_agrees(problem):
    report = dd.check_derivatives(problem.f, problem.x)
    assert report is not None and str(report)


def test_check_derivatives_finds_a_wrong_entry():
    @dd.elementwise(d1=lambda x: np.where(x > 1.0, np.cos(x) * 1.01, np.cos(x)), d2=lambda x: -np.sin(x))
    def wrong(x):
        return np.sin(x)

    with pytest.raises(dd.DerivativeMismatch) as caught:
        dd.check_derivatives(wrong, np.array([0.3, 1.4, 0.5]))
    assert isinstance(caught.value, dd.DualDiffError)
    assert "1" in str(caught.value)
    dd.check_derivatives(wrong, np.array([0.3, 0.4]))


def test_check_derivatives_looks_at_the_second_order_too():
    @dd.elementwise(d1=lambda x: np.cos(x), d2=lambda x: -1.02 * np.sin(x))
    def wrong(x):
        return np.sin(x)

    with pytest.raises(dd.DerivativeMismatch):
        dd.check_derivatives(wrong, np.array([0.3, 1.4]))
    dd.check_derivatives(wrong, np.array([0.3, 1.4]), order=1)


def test_check_derivatives_tolerances():
    @dd.elementwise(d1=lambda x: 1.0001 * np.cos(x), d2=lambda x: -np.sin(x))
    def nearly(x):
        return np.sin(x)

    with pytest.raises(dd.DerivativeMismatch):
        dd.check_derivatives(nearly, 0.3)
    dd.check_derivatives(nearly, 0.3, rtol=1e-2, atol=1e-2)


# value, pack, elementwise, custom_jvp -------------------------------------------------------------------------------


def test_value_stops_the_gradient():
    assert dd.derivative(lambda x: dd.value(x) * x)(3.0) == 3.0
    assert dd.derivative(lambda x: dd.stop_gradient(x) * x, order=2)(3.0) == 0.0
    np.testing.assert_array_equal(dd.jacobian(lambda x: dd.value(x) * x)(VECTOR), np.diag(VECTOR))
    seen = []
    dd.grad(lambda x: seen.append((dd.value(x), dd.value(x[0]), dd.value(5), dd.value(VECTOR))) or np.sum(x))(VECTOR)
    array, number, five, plain = seen[0]
    assert is_plain((array, number)) and five == 5
    np.testing.assert_array_equal(array, VECTOR)
    np.testing.assert_array_equal(plain, VECTOR)


def test_value_of_nested_numbers_is_plain():
    seen = []
    dd.hessian(dd.grad(lambda x: seen.append(dd.value(x)) or np.sum(x**3)))(VECTOR)
    assert all(is_plain(v) for v in seen)


def test_pack_inside_a_function():
    def f(x):
        return np.linalg.det(dd.pack(np.array([[x[0], 1.0], [x[1], x[2]]])))

    assert_close(dd.grad(f)(VECTOR), [VECTOR[2], -1.0, VECTOR[0]], 1e-15)
    assert_close(dd.grad(f)(VECTOR.tolist()), [VECTOR[2], -1.0, VECTOR[0]], 1e-15)
    assert_close(dd.hessian(f)(VECTOR), [[0, 0, 1], [0, 0, 0], [1, 0, 0]], 1e-15)


@dd.elementwise(d1=lambda x: 1 / (1 + x * x), d2=lambda x: -2 * x / (1 + x * x) ** 2)
def own_arctan(x):
    """The angle whose tangent is x."""
    return np.arctan(x)


def test_elementwise():
    x = np.array([[0.3, -1.2], [0.7, 4.0]])
    assert own_arctan.__name__ == "own_arctan" and "angle" in own_arctan.__doc__
    assert own_arctan(0.5) == math.atan(0.5)
    np.testing.assert_array_equal(own_arctan(x), np.arctan(x))
    for order in (1, 2, 3):
        assert_close(dd.derivative(own_arctan, order=order)(0.3), dd.derivative(np.arctan, order=order)(0.3), 1e-14)
        assert_close(dd.derivative(own_arctan, order=order)(x), dd.derivative(np.arctan, order=order)(x), 1e-14)
    assert_close(dd.hessian(lambda v: np.sum(own_arctan(v * v)))(VECTOR),
                 dd.hessian(lambda v: np.sum(np.arctan(v * v)))(VECTOR), 1e-14)
    assert_close(dd.hessian(lambda v: own_arctan(v[0] * v[1]))([0.3, 0.4]),
                 dd.hessian(lambda v: np.arctan(v[0] * v[1]))([0.3, 0.4]), 1e-14)
    assert_close(dd.derivative(dd.derivative(own_arctan))(0.3), dd.derivative(np.arctan, order=2)(0.3), 1e-14)
    assert_close(dd.derivative(lambda t: own_arctan(np.array([t, 2 * t])))(0.3), [1 / 1.09, 2 / 1.36], 1e-15)


def test_elementwise_without_a_second_derivative():
    @dd.elementwise(d1=lambda x: np.cos(x))
    def own_sine(x):
        return np.sin(x)

    assert dd.derivative(own_sine)(0.3) == math.cos(0.3)
    assert_close(dd.derivative(dd.derivative(own_sine))(0.3), -math.sin(0.3), 1e-15)
    assert_close(dd.derivative(own_sine, order=2)(0.3), -math.sin(0.3), 1e-15)


def test_elementwise_obeys_the_strong_zero():
    @dd.elementwise(d1=lambda x: 0.5 / np.sqrt(x), d2=lambda x: -0.25 / np.sqrt(x) / x)
    def root(x):
        return np.sqrt(x)

    with np.errstate(all="ignore"):
        _, ydot = dd.jvp(root, (np.array([0.0, 4.0]),), (np.array([0.0, 1.0]),))
    np.testing.assert_array_equal(ydot, [0.0, 0.25])


@dd.custom_jvp
def log1pexp(x):
    """log(1 + exp(x)), with a derivative that does not overflow."""
    return np.where(x > 0, x, 0.0) + np.log1p(np.exp(-np.abs(x)))


@log1pexp.defjvp
def log1pexp_jvp(primals, tangents):
    (x,), (xdot,) = primals, tangents
    return log1pexp(x), xdot / (1 + np.exp(-x))


def test_custom_jvp():
    assert log1pexp(0.0) == math.log(2.0)
    assert "overflow" in log1pexp.__doc__
    x = np.array([-3.0, 0.0, 2.0])
    s = 1 / (1 + np.exp(-x))
    assert_close(dd.derivative(log1pexp)(x), s, 1e-15)
    assert_close(dd.derivative(log1pexp)(2.0), s[2], 1e-15)
    assert_close(dd.jacobian(log1pexp)(x), np.diag(s), 1e-15)
    assert_close(dd.grad(lambda v: np.sum(log1pexp(v * v)))(x), 2 * x / (1 + np.exp(-x * x)), 1e-15)
    assert_close(dd.derivative(dd.derivative(log1pexp))(x), s * (1 - s), 1e-15)
    assert_close(dd.derivative(log1pexp, order=2)(2.0), s[2] * (1 - s[2]), 1e-15)
    assert_close(dd.hessian(lambda v: np.sum(log1pexp(v)))(x), np.diag(s * (1 - s)), 1e-15)


def test_custom_jvp_of_several_arguments():
    @dd.custom_jvp
    def scaled(a, x):
        return a * x

    @scaled.defjvp
    def scaled_jvp(primals, tangents):
        (a, x), (adot, xdot) = primals, tangents
        return scaled(a, x), adot * x + 3.0 * a * xdot  # deliberately three times too steep in x

    y, ydot = dd.jvp(scaled, (2.0, VECTOR), (1.0, np.ones(3)))
    np.testing.assert_array_equal(y, 2 * VECTOR)
    assert_close(ydot, VECTOR + 6.0, 1e-15)
    assert_close(dd.jacobian(lambda x: scaled(2.0, x))(VECTOR), 6 * np.eye(3), 1e-15)


# Nothing of the caller's is changed, nothing of ours leaks ----------------------------------------------------------


def careless(x):
    x *= 2.0
    x[0] = 7.0
    x[1:] += x[:-1] ** 2
    return x


def careless_sum(x):
    return np.sum(careless(x))


@pytest.mark.parametrize("call", [
    lambda x: dd.jacobian(careless)(x), lambda x: dd.jacobian(careless, chunk_size=1)(x),
    lambda x: dd.hessian(careless)(x), lambda x: dd.hessian(careless, chunk_size=1)(x),
    lambda x: dd.grad(careless_sum)(x),
    lambda x: dd.value_grad_and_hessian(careless_sum)(x), lambda x: dd.jvp(careless, (x,), (x,)),
    lambda x: dd.hvp(careless_sum, (x,), (x,)), lambda x: dd.laplacian(careless_sum)(x),
    lambda x: dd.divergence(careless)(x), lambda x: dd.logabsdet_jacobian(careless)(x),
    lambda x: dd.propagate(careless, x, np.eye(3)), lambda x: dd.derivative(careless)(x),
    lambda x: dd.jacobian(dd.jacobian(careless))(x), lambda x: dd.check_derivatives(careless, x),
    lambda x: dd.value_and_jacobian(careless)(x), lambda x: dd.value_and_grad(careless_sum)(x),
])  # fmt: skip
def test_arrays_of_the_caller_are_not_changed(call):
    x = VECTOR.copy()
    call(x)
    np.testing.assert_array_equal(x, VECTOR)


def test_careless_is_differentiated_as_it_runs():
    x = VECTOR
    d = 7.0 + 0 * x[0]
    second = 2 * x[1] + d**2
    assert_close(dd.value_and_jacobian(careless)(x)[0], [7.0, second, 2 * x[2] + (2 * x[1]) ** 2], 1e-15)
    assert_close(dd.jacobian(careless)(x), [[0, 0, 0], [0, 2, 0], [0, 8 * x[1], 2]], 1e-15)
    assert dd.hessian(careless)(x)[2, 1, 1] == 8.0


def test_tuples_of_directions_are_not_changed():
    v = np.ones(3)
    dd.jvp(careless, (VECTOR,), (v,))
    dd.hvp(careless_sum, (VECTOR,), (v,))
    np.testing.assert_array_equal(v, np.ones(3))


RESULTS = {
    "derivative": lambda: dd.derivative(np.sin)(0.3), "derivative of an array": lambda: dd.derivative(np.sin)(VECTOR),
    "third derivative": lambda: dd.derivative(np.sin, order=3)(0.3), "jvp": lambda: dd.jvp(warp, (VECTOR,), (VECTOR,)),
    "grad": lambda: dd.grad(bowl)(VECTOR), "value_and_grad": lambda: dd.value_and_grad(bowl)(VECTOR),
    "jacobian": lambda: dd.jacobian(warp)(VECTOR), "of a list": lambda: dd.value_and_jacobian(lambda x: x)([1.0, 2.0]),
    "hessian": lambda: dd.hessian(bowl)(VECTOR), "all": lambda: dd.value_grad_and_hessian(bowl)(VECTOR),
    "hvp": lambda: dd.hvp(bowl, (VECTOR,), (VECTOR,)), "laplacian": lambda: dd.laplacian(bowl)(VECTOR),
    "divergence": lambda: dd.divergence(np.exp)(VECTOR), "propagate": lambda: dd.propagate(warp, VECTOR, np.eye(3)),
    "nested": lambda: dd.jacobian(dd.grad(bowl))(VECTOR), "constant": lambda: dd.jacobian(lambda x: 5.0)(VECTOR),
    "scalars": lambda: dd.value_and_jacobian(lambda x: np.array([x[0], 1.0]))(VECTOR),
}  # fmt: skip


@pytest.mark.parametrize("name", RESULTS)
def test_results_are_plain_and_writable(name):
    result = RESULTS[name]()
    assert is_plain(result)
    for part in result if isinstance(result, tuple) else (result,):
        if isinstance(part, np.ndarray):
            assert part.flags.writeable
            part += 1.0
    again = RESULTS[name]()
    for part, other in zip(np.atleast_1d(result) if not isinstance(result, tuple) else result,
                           np.atleast_1d(again) if not isinstance(again, tuple) else again, strict=True):
        if isinstance(part, np.ndarray) and part.ndim:
            assert not np.shares_memory(part, other)


def test_an_exception_of_the_function_is_handed_on():
    class Mine(Exception):
        pass

    def f(x):
        raise Mine("as it is")

    for transform in (dd.derivative, dd.grad, dd.jacobian, dd.hessian, dd.value_grad_and_hessian, dd.laplacian):
        with pytest.raises(Mine, match="as it is"):
            transform(f)(0.5)
    assert dd.derivative(lambda x: x**2)(3.0) == 6.0


def test_rosenbrock_of_many_variables():
    x = point(40, 200)
    assert_close(dd.grad(rosenbrock)(x), rosenbrock_gradient(x), 1e-15)
    assert_close(dd.hessian(rosenbrock)(x), rosenbrock_hessian(x), 1e-15)


def test_functions_of_the_library_on_plain_numbers():
    for f in (dd.relu, dd.leaky_relu, dd.sigmoid, dd.log_sigmoid, dd.softplus, dd.silu, dd.gelu, dd.sinc):
        assert np.shape(f(0.3)) == () and f(VECTOR).shape == (3,)
        assert np.asarray(f(VECTOR)).dtype == np.float64 and f(VECTOR.astype(np.float32)).dtype == np.float32
        np.testing.assert_allclose(f(VECTOR)[1], f(float(VECTOR[1])), rtol=1e-15)
        x = point(41, 4, low=0.2, high=1.3)
        assert_close(dd.jacobian(f)(x), numdiff(f, x), 5e-12)


def test_softmax_and_its_relatives():
    x = np.array([1.0, 3.0, -0.5, 1000.0])
    y = np.array([0.3, 0.1, 2.0, -1.0])
    with np.errstate(all="raise", under="ignore"):
        assert_close(dd.softmax(x), [0.0, 0.0, 0.0, 1.0], 1e-15)
        assert dd.logsumexp(x) == 1000.0
        np.testing.assert_array_equal(dd.grad(dd.logsumexp)(x), [0.0, 0.0, 0.0, 1.0])
        assert np.isfinite(dd.hessian(dd.logsumexp)(x)).all()
        assert np.isfinite(dd.jacobian(dd.log_softmax)(x)).all()
    p = np.exp(y) / np.exp(y).sum()
    assert_close(dd.jacobian(dd.softmax)(y), np.diag(p) - np.outer(p, p), 1e-15)
    assert_close(dd.jacobian(dd.log_softmax)(y), np.eye(4) - p, 1e-15)
    assert_close(dd.hessian(dd.logsumexp)(y), np.diag(p) - np.outer(p, p), 1e-15)
    table = np.stack([x[:3], y[:3]])
    assert_close(dd.softmax(table, axis=1).sum(axis=1), [1.0, 1.0], 1e-15)
    assert_close(dd.softmax(table, axis=0).sum(axis=0), np.ones(3), 1e-15)
    assert dd.logsumexp(table, axis=1).shape == (2,) and dd.log_softmax(table, axis=0).shape == (2, 3)
    assert dd.logsumexp(np.array([-np.inf, -np.inf])) == -np.inf


@pytest.mark.parametrize(
    "x", [[1.0, 2.0, 3.0], (1.0, 2.0, 3.0), np.array([1.0, 2.0, 3.0])], ids=["list", "tuple", "array"]
)
def test_values_beside_derivatives_of_any_container(x):
    def f(v):
        return v[0] * v[1] + v[2] ** 2

    for transform, want in ((dd.value_and_grad, 2), (dd.value_and_jacobian, 2), (dd.value_grad_and_hessian, 3)):
        got = transform(f)(x)
        assert len(got) == want and got[0] == 11.0 and np.shape(got[0]) == () and isinstance(got[0], np.float64)
        np.testing.assert_array_equal(got[1], [2.0, 1.0, 6.0])
