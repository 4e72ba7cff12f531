"""Derivatives over chunks of dask arrays, against those of the whole batch."""

import doctest

import numpy as np
import pytest

import dualdiff as dd

da = pytest.importorskip("dask.array")
from executor_helpers import rows  # noqa: E402

from dualdiff import dask  # noqa: E402
from dualdiff.dask import map_hessian, map_jacobian  # noqa: E402

BATCH = np.sin(np.arange(90.0)).reshape(30, 3)
MAPS = [(map_jacobian, dd.jacobian), (map_hessian, dd.hessian)]


def check(lazy, wanted):
    assert lazy.shape == wanted.shape and lazy.dtype == wanted.dtype
    found = lazy.compute(scheduler="synchronous")
    assert found.dtype == wanted.dtype
    np.testing.assert_allclose(found, wanted, rtol=1e-14)


@pytest.mark.parametrize("mapped, transform", MAPS)
@pytest.mark.parametrize("chunks", [(30, 3), (7, 3), (1, 1), ((1, 29), (2, 1))])
def test_chunks_of_a_batch(mapped, transform, chunks):
    lazy = mapped(rows, da.from_array(BATCH, chunks=chunks))
    check(lazy, transform(rows, batched=True)(BATCH))
    assert lazy.chunks[0] == da.from_array(BATCH, chunks=chunks).chunks[0]
    assert all(len(axis) == 1 for axis in lazy.chunks[1:])


@pytest.mark.parametrize("mapped, transform", MAPS)
@pytest.mark.parametrize("shape, f", [
    ((10,), lambda x: x**3),
    ((10,), lambda x: np.stack([x, np.cos(x)], axis=1)),
    ((10, 2), lambda x: x[:, 0] * x[:, 1]),
    ((10, 2, 3), lambda x: np.einsum("bij,bkj->bik", x, x)),
    ((0, 2), lambda x: x**2),
])  # fmt: skip
def test_shapes(mapped, transform, shape, f):
    x = np.linspace(0.1, 1.0, int(np.prod(shape))).reshape(shape)
    check(mapped(f, da.from_array(x, chunks=(3, *shape[1:]))), transform(f, batched=True)(x))


@pytest.mark.parametrize("mapped, transform", MAPS)
def test_nothing_runs_before_it_is_asked_for(mapped, transform):
    seen = []

    def f(x):
        seen.append(x.shape)
        return x**2

    lazy = mapped(f, da.from_array(BATCH, chunks=(10, 3)))
    assert seen == [(1, 3)]
    seen.clear()
    lazy[12].compute(scheduler="synchronous")
    assert seen == [(10, 3)]  # one chunk of three
    seen.clear()
    mapped(f, da.from_array(BATCH, chunks=(10, 3)), out_shape=(3,))
    assert seen == []


@pytest.mark.parametrize("mapped, transform", MAPS)
def test_arguments_with_a_value_for_every_row(mapped, transform):
    weights, table = np.arange(30.0), np.arange(60.0).reshape(30, 2)

    def f(x, w, t, power, *, scale):
        return (x * w[:, None]) ** power * np.sum(t, axis=1)[:, None] * scale

    x = da.from_array(BATCH, chunks=(7, 3))
    lazy = mapped(f, x, da.from_array(weights, chunks=10), da.from_array(table, chunks=(5, 1)), 2, scale=0.5)
    check(lazy, transform(f, batched=True)(BATCH, weights, table, 2, scale=0.5))


def test_options_reach_every_chunk():
    x = da.zeros((4, 3), chunks=(2, 3))
    calls = []

    def f(x):
        calls.append(1)
        return np.abs(x)

    lazy = map_jacobian(f, x, out_shape=(3,), chunk_size=1, strict=True)
    assert np.isnan(lazy.compute(scheduler="synchronous")[:, 0, 0]).all()
    assert len(calls) == 2 * 3


def test_unknown_numbers_of_rows():
    x = da.from_array(BATCH, chunks=(7, 3))
    some = x[x[:, 0] > 0]
    found = map_jacobian(rows, some).compute(scheduler="synchronous")
    np.testing.assert_allclose(found, dd.jacobian(rows, batched=True)(BATCH[BATCH[:, 0] > 0]), rtol=1e-14)


def test_single_precision_stays():
    check(map_jacobian(rows, da.from_array(BATCH.astype(np.float32), chunks=(7, 3))),
          dd.jacobian(rows, batched=True)(BATCH.astype(np.float32)))


@pytest.mark.parametrize("scheduler", ["threads", "processes"])
def test_schedulers(scheduler):
    found = map_jacobian(lambda x: rows(x) ** 2, da.from_array(BATCH, chunks=(7, 3))).compute(scheduler=scheduler)
    np.testing.assert_allclose(found, dd.jacobian(lambda x: rows(x) ** 2, batched=True)(BATCH), rtol=1e-14)


@pytest.mark.parametrize("call, words", [
    (lambda: map_jacobian(rows, BATCH), ("ndarray", "from_array", "batched=True")),
    (lambda: map_jacobian(np.sum, da.ones((4, 3))), ("map rows independently", "()")),
    (lambda: map_hessian(lambda x: [][0], da.ones((4, 3))), ("map_hessian", "out_shape", "IndexError")),
    (lambda: map_jacobian(3.0, da.ones((4, 3))), ("needs a function",)),
])  # fmt: skip
def test_refusals(call, words):
    with pytest.raises(dd.DualDiffError) as caught:
        call()
    assert all(word in str(caught.value) for word in words)


def test_examples():
    assert doctest.testmod(dask) == (0, 13)
