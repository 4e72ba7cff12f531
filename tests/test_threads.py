"""`dualdiff.threads`: blocks of large arrays shared by threads. Results are those of one thread, to the bit."""

import os
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import dualdiff as dd
from dualdiff import _threads

# With warnings that are errors nothing waits.
pytestmark = pytest.mark.filterwarnings("default::RuntimeWarning")

N = 200_003


def point(k=1, n=N):
    rng = np.random.default_rng(0)
    return rng.uniform(0.3, 2.0, n), rng.normal(size=(k, n))


def chain(x):
    return np.exp(-(x**2)) * np.tanh(x) / (1 + x**2) + np.sqrt(1 + x**2)


def helpers():
    return [thread for thread in threading.enumerate() if thread.name.startswith("dualdiff")]


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
@pytest.mark.parametrize("k", [1, 2, 5])
def test_results_are_those_of_one_thread_to_the_bit(threads, k):
    x, v = point(k)
    expected = dd.jvp(chain, (x,), (v,))
    found = dd.jvp(chain, (x,), (v,), threads=threads)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_each_thread_gets_one_contiguous_part():
    x, v = point()
    dd.jvp(chain, (x,), (v,), threads=3)
    shares = _threads.last_shares()
    assert len(shares) == 3
    assert shares[0][0] == threading.current_thread().name
    assert all(name.startswith("dualdiff") for name, _, _ in shares[1:])
    assert [start for _, start, _ in shares] == [0, *(stop for _, _, stop in shares[:-1])]
    assert shares[-1][2] == N
    sizes = [stop - start for _, start, stop in shares]
    assert max(sizes) - min(sizes) <= 1024
    assert all(start % 64 == 0 for _, start, _ in shares)


def test_nothing_is_shared_unless_asked_for():
    x, v = point()
    dd.jvp(chain, (x,), (v,), threads=2)
    before = _threads.last_shares()
    dd.jvp(chain, (x[:-1000],), (v[:, :-1000],))
    with dd.threads(2):
        pass
    dd.jvp(chain, (x[:-1000],), (v[:, :-1000],), threads=1)
    assert _threads.last_shares() == before


def test_nothing_is_started_without_threads():
    code = (
        "import threading, numpy as np, dualdiff as dd\n"
        "x = np.linspace(0.0, 1.0, 400_000)\n"
        "dd.jvp(lambda x: np.exp(x) * x, (x,), (x,))\n"
        "dd.jvp(lambda x: np.exp(x) * x, (x[:100],), (x[:100],), threads=4)\n"
        "assert threading.active_count() == 1\n"
        "dd.jvp(lambda x: np.exp(x) * x, (x,), (x,), threads=2)\n"
        "assert threading.active_count() == 2\n"
    )
    assert os.spawnv(os.P_WAIT, sys.executable, [sys.executable, "-c", code]) == 0


W = np.random.default_rng(3).uniform(0.5, 1.5, (400, 500))


@pytest.mark.parametrize("f", [
    lambda x: x * W,  # a captured array does not wait
    lambda x: np.hypot(x, W[0]) + W[:, :1] / x,  # broadcast
    lambda x: np.maximum(x[::-1], x.T[:400].reshape(-1)[0]) ** W,
    lambda x: np.exp(x.astype(np.float32)),
])
@pytest.mark.parametrize("order", [1, 2])
def test_what_runs_at_once_is_shared_too(f, order):
    x = np.random.default_rng(1).uniform(0.3, 2.0, (400, 500))
    expected = dd.derivative(f, order=order)(x)
    dd.jvp(chain, (point()[0],), (point()[0],), threads=5)
    found = dd.derivative(f, order=order, threads=3)(x)
    np.testing.assert_array_equal(found, expected)
    assert len(_threads.last_shares()) == 3
    assert all(start % 512 == 0 for _, start, _ in _threads.last_shares())


def test_warnings_of_what_runs_at_once():
    x = np.ones((400, 500))
    x[300, 7] = 0.0
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        dd.derivative(lambda x: W / x, threads=3)(x)
    assert [str(w.message) for w in seen] == ["divide by zero encountered in divide"]
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        dd.derivative(lambda x: W / x, threads=3)(x)


def test_small_work_is_not_shared():
    x, v = point()
    dd.jvp(chain, (x,), (v,), threads=2)
    before = _threads.last_shares()
    dd.jvp(chain, (x[:5000],), (v[:, :5000],), threads=2)
    dd.jvp(np.sin, (x[:20_000],), (v[:, :20_000],), threads=2)
    assert _threads.last_shares() == before


def test_a_context_serves_every_transform_and_nests():
    x, _ = point()

    def f(x):
        return np.sum(chain(x))

    expected = dd.grad(f, mode="forward")(x)
    with dd.threads(4):
        np.testing.assert_array_equal(dd.grad(f, mode="forward")(x), expected)
        assert len(_threads.last_shares()) == 4
        with dd.threads(2):
            dd.grad(f, mode="forward")(x)
            assert len(_threads.last_shares()) == 2
        dd.grad(f, mode="forward")(x)
        assert len(_threads.last_shares()) == 4


def test_as_a_decorator_and_in_a_derivative():
    x, _ = point()
    slope = dd.derivative(chain, threads=2)
    np.testing.assert_array_equal(slope(x), dd.derivative(chain)(x))
    assert len(_threads.last_shares()) == 2
    np.testing.assert_array_equal(dd.derivative(chain, threads=2, blockwise=True)(x), slope(x))
    assert slope(0.5) == dd.derivative(chain)(0.5)


def test_a_context_holds_for_its_own_thread():
    x, v = point()
    with dd.threads(5), ThreadPoolExecutor(1) as pool:
        dd.jvp(chain, (x,), (v,), threads=2)
        before = _threads.last_shares()
        pool.submit(dd.jvp, chain, (x,), (v,)).result()
        assert _threads.last_shares() == before


def test_workers_of_an_executor_may_share_too():
    x, v = point()
    expected = dd.jvp(chain, (x,), (v,))
    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(dd.jvp, chain, (x,), (v,), threads=3) for _ in range(12)]
        for future in futures:
            for one, other in zip(future.result(), expected, strict=True):
                np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("place", [0, N // 2, N - 1])
def test_warnings_come_from_whatever_thread_met_the_reason(place):
    x, v = point()
    x[place] = -1.0
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        y, _ = dd.jvp(lambda x: np.sqrt(x) + 1.0, (x,), (v,), threads=3)
    assert [str(w.message) for w in seen] == ["invalid value encountered in sqrt"]
    assert np.isnan(y[place])
    assert np.isfinite(y).sum() == N - 1
    with np.errstate(invalid="ignore"), warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        dd.jvp(lambda x: np.sqrt(x) + 1.0, (x,), (v,), threads=3)
    assert not seen
    with np.errstate(invalid="raise"), pytest.raises(FloatingPointError, match="sqrt"):
        dd.jvp(lambda x: np.sqrt(x) + 1.0, (x,), (v,), threads=3)


def test_results_that_are_kept_on_the_way():
    x, v = point()
    kept = []

    def f(x):
        kept.append(x * 2.0)
        kept.append(np.exp(kept[0]) / kept[0])
        return np.sin(kept[1]) + kept[0]

    expected = dd.jvp(lambda x: np.sin(np.exp(x * 2.0) / (x * 2.0)) + x * 2.0, (x,), (v,))
    found = dd.jvp(f, (x,), (v,), threads=3)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(dd.value(kept[0]), x * 2.0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_process_starts_threads_of_its_own():
    x, v = point()
    expected = dd.jvp(chain, (x,), (v,), threads=2)[0]
    child = os.fork()
    if child == 0:
        os._exit(0 if np.array_equal(dd.jvp(chain, (x,), (v,), threads=2)[0], expected) else 1)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("count", [0, -1, 1.5, True, "2"])
def test_a_wrong_number_of_threads(count):
    with pytest.raises(dd.DifferentiationValueError, match="integer of at least 1"):
        dd.threads(count)
    with pytest.raises(dd.DifferentiationValueError, match="integer of at least 1"):
        dd.jvp(np.sin, (1.0,), (1.0,), threads=count)
