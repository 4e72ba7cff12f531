"""Work shared by threads, processes and a real cluster equals the work of one, and lost workers are no silent loss."""

import multiprocessing
import os
import subprocess
import sys
import threading
import warnings
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest
from executor_helpers import dies_always, dies_once, energy, fails, field, in_turn, parts, rows, with_aux

import dualdiff as dd
from dualdiff import executors
from dualdiff.executors import columns_per_block, row_blocks

X = np.linspace(-0.4, 0.6, 21)


class Inline(Executor):
    """An executor of somebody's own, which runs everything at once and remembers it."""

    _max_workers = 2

    def __init__(self):
        self.seen = []

    def submit(self, function, /, *args, **kwargs):
        self.seen.append(args)
        future = Future()
        try:
            future.set_result(function(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@pytest.fixture(scope="module")
def processes():
    pytest.importorskip("cloudpickle")  # for the lambdas
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.fixture(scope="module")
def client():
    distributed = pytest.importorskip("distributed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of a machine that is slow at the moment
        cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=50)
        client = distributed.Client(cluster)
    with cluster, client:
        client.wait_for_workers(2)
        yield client


@pytest.fixture(scope="module", params=["threads", "processes", "dask", "inline"])
def executor(request):
    if request.param == "threads":
        with ThreadPoolExecutor(2) as pool:
            yield pool
    elif request.param == "processes":
        yield request.getfixturevalue("processes")
    elif request.param == "dask":
        yield request.getfixturevalue("client").get_executor()
    else:
        yield Inline()


def close(found, wanted):
    assert type(found) is type(wanted)
    if isinstance(wanted, dict):
        assert list(found) == list(wanted)
        for key in wanted:
            close(found[key], wanted[key])
    elif isinstance(wanted, tuple):
        assert len(found) == len(wanted)
        for one, other in zip(found, wanted, strict=True):
            close(one, other)
    else:
        assert found.shape == wanted.shape and found.dtype == wanted.dtype
        np.testing.assert_allclose(found, wanted, rtol=1e-14, atol=1e-15)


POINT = {"a": np.linspace(0.0, 1.0, 7), "b": 1.5}
CASES = {
    "jacobian": lambda **o: dd.jacobian(field, **o)(X),
    "jacobian with a keyword": lambda **o: dd.jacobian(field, **o)(X, scale=0.3),
    "jacobian of a lambda": lambda **o: dd.jacobian(lambda x: field(x) * X, **o)(X),
    "jacobian in chunks": lambda **o: dd.jacobian(field, chunk_size=4, **o)(X),
    "value and jacobian": lambda **o: dd.value_and_jacobian(field, **o)(X),
    "jacobian with aux": lambda **o: dd.jacobian(with_aux, has_aux=True, **o)(X),
    "jacobian of a container": lambda **o: dd.value_and_jacobian(parts, **o)(POINT),
    "jacobian of a list": lambda **o: dd.jacobian(lambda x: [x[0] * x[1], x[2] ** 2], **o)([1.0, 2.0, 3.0]),
    "jacobian of nothing": lambda **o: dd.jacobian(field, **o)(np.zeros(0)),
    "gradient": lambda **o: dd.grad(energy, **o)(X),
    "value and gradient": lambda **o: dd.value_and_grad(energy, **o)(X),
    "hessian": lambda **o: dd.hessian(energy, **o)(X),
    "hessian of arrays": lambda **o: dd.hessian(field, chunk_size=5, **o)(X[:11]),
    "hessian of a container": lambda **o: dd.hessian(parts, **o)(POINT),
    "all three": lambda **o: dd.value_grad_and_hessian(energy, chunk_size=6, **o)(X),
    "laplacian": lambda **o: dd.laplacian(energy, **o)(X),
    "divergence": lambda **o: dd.divergence(field, **o)(X),
    "determinant": lambda **o: dd.logabsdet_jacobian(lambda x: field(x) + x, chunk_size=4, **o)(X),
    "holomorphic": lambda **o: dd.jacobian(np.exp, holomorphic=True, **o)(X[:5] + 1j),
    "strict": lambda **o: dd.jacobian(np.abs, strict=True, **o)(X),
    "rows": lambda **o: dd.jacobian(rows, batched=True, **o)(np.sin(np.arange(90.0)).reshape(30, 3)),
    "rows, second order": lambda **o: dd.hessian(rows, batched=True, **o)(np.sin(np.arange(15.0)).reshape(5, 3)),
    "rows of a container": lambda **o: dd.value_and_jacobian(
        lambda p: {"y": np.sin(p["a"]) * p["b"][:, None]}, batched=True, **o
    )({"a": np.sin(np.arange(22.0)).reshape(11, 2), "b": np.arange(11.0)}),
}


@pytest.mark.parametrize("name", CASES)
def test_shared_work_equals_that_of_one(name, executor):
    wanted = CASES[name]()
    close(CASES[name](executor=executor), wanted)


def test_hessians_stay_symmetric_to_the_bit(executor):
    hessian = dd.hessian(energy, executor=executor)(X)
    assert np.array_equal(hessian, hessian.T)


def test_an_evaluation_for_each_block_in_the_workers(executor, tmp_path):
    """21 columns on two workers: blocks of 11 and 10, and anew for every call."""
    for count in (2, 4):
        dd.jacobian(in_turn, executor=executor)(X, str(tmp_path))
        marks = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
        assert sum(marks.values()) == count
    assert (f"{os.getpid()}-{threading.get_ident()}" in marks) == isinstance(executor, Inline)


def test_workers_work_at_the_same_time():
    """A barrier that only two evaluations together pass."""
    barrier = threading.Barrier(2, timeout=20)
    with ThreadPoolExecutor(2) as pool:
        dd.jacobian(lambda x: barrier.wait() * 0.0 + field(x), executor=pool)(X[:16])


def test_errors_of_the_function_are_its_own(executor):
    with pytest.raises(ZeroDivisionError, match="of the function itself"):
        dd.jacobian(fails, executor=executor)(X)


def test_warnings_are_set_as_they_are_here(executor):
    with np.errstate(all="raise"), pytest.raises(FloatingPointError):
        dd.jacobian(lambda x: np.log(x - x), executor=executor)(X)
    with np.errstate(all="ignore"):
        dd.jacobian(lambda x: np.log(x - x), executor=executor)(X)


def test_outer_derivatives_go_to_threads_only(processes):
    def outer(t, pool):
        return dd.jacobian(lambda x: field(x, t), executor=pool)(X)

    wanted = dd.derivative(lambda t: outer(t, None))(0.7)
    with ThreadPoolExecutor(2) as pool:
        close(dd.derivative(lambda t: outer(t, pool))(0.7), wanted)
    close(dd.derivative(lambda t: outer(t, Inline()))(0.7), wanted)
    with pytest.raises(dd.ExecutorError, match="ThreadPoolExecutor"):
        dd.derivative(lambda t: outer(t, processes))(0.7)


def test_a_pool_that_waits_for_itself_does_not():
    wanted = dd.jacobian(dd.grad(energy))(X)
    with ThreadPoolExecutor(1) as pool:
        close(dd.jacobian(dd.grad(energy, executor=pool), executor=pool)(X), wanted)
        batch = dd.jacobian(dd.jacobian(rows, batched=True, executor=pool), batched=True, executor=pool)
        assert batch(np.ones((4, 3))).shape == (4, 2, 3, 3)


# -- how the work is cut -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n, workers, size, columns", [
    (21, 2, 21, 11),  # few numbers: a block for each worker, and no more evaluations of the value than that
    (96, 2, 96, 48), (1000, 2, 1000, 125),  # many: four blocks for each
    (1000, 2, 10**6, 125), (20, 2, 10**6, 8), (3, 2, 10**6, 2), (1, 2, 1, 1), (0, 2, 0, 1),
    (1000, 1, 1000, 250), (1000, 8, 1000, 33), (1000, 400, 1000, 3), (100, 400, 100, 1),
])  # fmt: skip
def test_blocks_are_sized_by_cost(n, workers, size, columns):
    assert columns_per_block(n, workers, size) == columns


@pytest.mark.parametrize("n, workers, size, columns", [
    (14, 2, 14, 7),  # two chunks: two triangles and a square
    (1000, 2, 1000, 250), (1000, 8, 1000, 125), (1000, 100, 1000, 36), (3, 8, 3, 1), (0, 2, 0, 1),
])  # fmt: skip
def test_pairs_are_sized_by_cost(n, workers, size, columns):
    found = columns_per_block(n, workers, size, order=2)
    chunks = -(-n // found)
    assert found == columns and (chunks * (chunks + 1) // 2 >= workers or found == 1)


def test_two_workers_share_the_triangle_in_three_blocks():
    calls = []
    pool = Inline()
    dd.hessian(lambda x: calls.append(x.shape) or energy(x), executor=pool)(X[:14])
    assert len(calls) == 3
    # The square of the two chunks holds twice the pairs of a triangle, and is handed out first.
    assert pool.seen[0][2] == ((7, 7), (0, 7))


@pytest.mark.parametrize("rows, workers, size, count", [
    (0, 2, 9, 1), (1, 2, 9, 1), (7, 2, 9, 2), (8, 2, 10**5, 8), (7, 2, 10**5, 7), (10**6, 2, 9, 8), (20_000, 2, 9, 5),
])  # fmt: skip
def test_rows_are_shared_evenly(rows, workers, size, count):
    blocks = row_blocks(rows, workers, size)
    assert len(blocks) == count and blocks[0][0] == 0 and blocks[-1][1] == rows
    sizes = [last - first for first, last in blocks]
    assert max(sizes) - min(sizes) <= 1


def test_memory_is_shared_by_the_workers():
    pool = Inline()
    dd.jacobian(field, executor=pool, max_memory=2 * 4 * 8 * 21 * 3)(X)
    assert [args[2][0][1] for args in pool.seen] == [3] * 7


def test_chunk_size_limits_blocks():
    pool = Inline()
    dd.jacobian(field, executor=pool, chunk_size=2)(X)
    assert len(pool.seen) == 11


# -- what cannot be ----------------------------------------------------------------------------------------------------


def test_a_killed_worker_of_a_pool_is_a_clear_error(tmp_path):
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        with pytest.raises(dd.ExecutorError, match="of 2 blocks .*BrokenProcessPool.*new executor"):
            dd.jacobian(dies_once, executor=pool)(X, str(tmp_path / "flag"))
    assert (tmp_path / "flag").exists()


def test_a_killed_worker_of_a_cluster_is_made_up_for(client, tmp_path):
    found = dd.jacobian(dies_once, executor=client.get_executor())(X, str(tmp_path / "flag"))
    assert (tmp_path / "flag").exists()
    close(found, dd.jacobian(field)(X))


def test_a_function_that_kills_every_worker_is_a_clear_error(client):
    with pytest.raises(dd.ExecutorError, match="jacobian: .*killed"):
        dd.jacobian(dies_always, executor=client.get_executor())(X)
    close(dd.jacobian(field, executor=client.get_executor())(X), dd.jacobian(field)(X))


def test_an_executor_that_is_shut_down():
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    with pytest.raises(dd.ExecutorError, match="shutdown"):
        dd.jacobian(field, executor=pool)(X)


def test_functions_that_cannot_be_pickled(processes, monkeypatch):
    lock = threading.Lock()
    with pytest.raises(dd.ExecutorError, match="top of a module.*ThreadPoolExecutor"):
        dd.jacobian(lambda x: x * bool(lock), executor=processes)(X)
    monkeypatch.setattr(executors, "_pickler", lambda: __import__("pickle").dumps)
    with pytest.raises(dd.ExecutorError, match="cloudpickle"):
        dd.jacobian(lambda x: x, executor=processes)(X)
    close(dd.jacobian(field, executor=processes)(X), dd.jacobian(field)(X))


def test_functions_that_the_worker_does_not_find(processes):
    nowhere = type(fails)(fails.__code__, {"__name__": "no_such_module"}, "fails")
    nowhere.__module__, nowhere.__qualname__ = "no_such_module", "fails"
    module = type(os)("no_such_module")
    module.fails = nowhere
    sys.modules["no_such_module"] = module
    try:
        with pytest.raises(dd.ExecutorError, match="no_such_module.*workers can import"):
            dd.jacobian(nowhere, executor=processes)(X)
    finally:
        del sys.modules["no_such_module"]


def test_rows_whose_data_stay_behind():
    data = np.arange(30.0)
    with pytest.raises(ValueError) as caught:
        dd.jacobian(lambda x, d: x * d[:, None], batched=True, executor=Inline())(np.ones((30, 3)), data)
    assert "must be part of x" in "".join(caught.value.__notes__)


@pytest.mark.parametrize("call, words", [
    (lambda: dd.jacobian(field, executor=4), ("executor", "int", "ThreadPoolExecutor")),
    (lambda: dd.hessian(field, executor="dask"), ("executor", "str")),
    (lambda: dd.jacobian(with_aux, executor=Inline(), batched=True, has_aux=True), ("aux", "batch")),
])  # fmt: skip
def test_refusals(call, words):
    with pytest.raises(dd.DualDiffError) as caught:
        call()
    assert all(word in str(caught.value) for word in words)


def test_nothing_of_it_is_imported_before_it_is_used():
    code = (
        "import sys, numpy, dualdiff as dd; dd.jacobian(lambda x: x)(numpy.ones(3));"
        "assert not {'concurrent.futures', 'multiprocessing', 'optree', 'tqdm', 'dask', 'scipy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_client_is_no_executor(client):
    with pytest.raises(TypeError, match="get_executor"):
        dd.jacobian(field, executor=client)
