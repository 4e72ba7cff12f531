"""Costs as counts: evaluations of the function, and memory that operations take beyond their result."""

import tracemalloc

import numpy as np
import pytest

import dualdiff as dd

N, K = 60_000, 3
PLANE = 8 * N
INTEGERS = np.arange(N)


def number(shape=(N,), hyper=False):
    value = np.linspace(0.5, 1.5, int(np.prod(shape))).reshape(shape)
    stack = np.ones((K, *shape))
    if hyper:
        return dd.HyperDualArray(value, stack, stack, np.zeros((K, K, *shape)))
    return dd.DualArray(value, stack)


def extra_planes(operation, planes):
    """Peak memory of an operation beyond its result of so many planes, in planes."""
    operation()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        result = operation()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert result.nbytes == planes * PLANE
    return (peak - before) / PLANE - planes


OPERATIONS = {
    "x*y": lambda x, y: x * y,
    "x/y": lambda x, y: x / y,
    "x + 1.0": lambda x, y: x + 1.0,
    "2.0 - x": lambda x, y: 2.0 - x,
    "x**2": lambda x, y: x**2,
    "x**y": lambda x, y: x**y,
    "exp": lambda x, y: np.exp(x),
    "tanh": lambda x, y: np.tanh(x),
    "maximum": lambda x, y: np.maximum(x, y),
    "hypot": lambda x, y: np.hypot(x, 2.0),
    "plain operand": lambda x, y: x * y.value,
    "integer operand": lambda x, y: x * INTEGERS.reshape(x.shape),
}


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("hyper", [False, True], ids=["dual", "hyper-dual"])
def test_an_elementwise_operation_takes_one_temporary_at_most(name, hyper):
    x, y = number(hyper=hyper), number(hyper=hyper)
    planes = 1 + (K + K * (K + 1) // 2 if hyper else K)
    assert extra_planes(lambda: OPERATIONS[name](x, y), planes) <= 1.05


@pytest.mark.parametrize("name", OPERATIONS)
def test_strided_and_broadcast_operands_take_one_temporary_at_most(name):
    x = number((200, N // 200)).T
    y = number((N // 200, 200))
    assert extra_planes(lambda: OPERATIONS[name](x, y), 1 + K) <= 1.05
    column, row = number((200, 1)), number((1, N // 200))
    if "operand" not in name and name not in ("x + 1.0", "2.0 - x", "x**2", "exp", "tanh", "hypot"):
        assert extra_planes(lambda: OPERATIONS[name](column, row), 1 + K) <= 1.05


def test_a_hessian_carries_one_triangle():
    seen = []

    def f(v):
        w = np.exp(v)
        seen.append(w._stacks[2].shape[0])
        return np.sum(w)

    dd.hessian(f)(np.zeros(7))
    assert seen == [7 * 8 // 2]


def test_a_laplacian_carries_the_diagonal():
    seen = []

    def f(v):
        seen.append((v * v)._stacks[2].shape[0])
        return v @ v

    assert dd.laplacian(f)(np.ones(7)) == 14.0
    assert seen == [7]


@pytest.mark.parametrize("transform", [dd.jacobian, dd.hessian, dd.value_and_jacobian])
@pytest.mark.parametrize("x", [np.ones(40), [1.0] * 40, np.ones((5, 8)), 1.0], ids=["array", "list", "table", "one"])
def test_one_evaluation(transform, x):
    calls = []

    def f(v):
        calls.append(1)
        return v[0] * 2.0 if not isinstance(v, dd.Dual | dd.HyperDual) else v * 2.0

    transform(f)(x)
    assert len(calls) == 1


def test_buffers_that_are_taken_again_belong_to_nobody():
    """Results keep their memory while later operations reuse what was freed."""
    x = number()
    kept = [x * float(i) for i in range(40)]
    for _ in range(40):
        np.exp(x) * x
    for i, one in enumerate(kept):
        np.testing.assert_array_equal(one.value, x.value * i)
        assert (one.tangent == i).all()
    y = dd.jacobian(lambda v: np.sum(v * v) * np.ones(2))(np.ones(3))
    z = dd.jacobian(lambda v: np.sum(v * v) * np.ones(2))(np.full(3, 5.0))
    assert (y == 2.0).all() and (z == 10.0).all()


@pytest.mark.filterwarnings("default::RuntimeWarning")  # with warnings as errors nothing waits
def test_results_of_large_passes_stay_what_they_were():
    v = np.linspace(0.0, 1.0, 50_000)
    results = [dd.jvp(lambda u, c=c: np.sin(u) * c, (v,), (np.ones_like(v),)) for c in (1.0, 2.0, 3.0)]
    for c, (y, t) in zip((1.0, 2.0, 3.0), results, strict=True):
        np.testing.assert_allclose(y, np.sin(v) * c, rtol=1e-15)
        np.testing.assert_allclose(t, np.cos(v) * c, rtol=1e-15)


def peak_beside_the_result(compute):
    compute()
    tracemalloc.start()
    try:
        result = compute()
        return tracemalloc.get_traced_memory()[1] - result.nbytes
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("memory", [2e5, 1e6, 4e6])
def test_the_planes_of_a_jacobian_stay_below_max_memory(memory):
    a = np.linspace(-1.0, 1.0, 300_000).reshape(300, 1000) ** 3
    x = np.linspace(0.0, 1.0, 1000)
    jac = dd.jacobian(lambda x: np.tanh(a @ np.sin(x)) + 0.0, max_memory=memory)
    assert peak_beside_the_result(lambda: jac(x)) < memory


@pytest.mark.parametrize("memory", [4e5, 1e6])
def test_the_planes_of_a_hessian_stay_below_max_memory(memory):
    x = np.linspace(0.1, 1.0, 60)
    hess = dd.hessian(lambda x: np.prod(np.sin(x) + 1.0), mode="forward", max_memory=memory, chunk_size=60)
    assert peak_beside_the_result(lambda: hess(x)) < memory
