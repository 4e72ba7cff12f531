"""Progress on standard error: with tqdm, without it, and not at all."""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import dualdiff as dd
from dualdiff import progress


def f(x):
    return np.cumsum(x) * x


X = np.arange(1.0, 11.0)
CALLS = {
    "jacobian: 10 of 10 columns": lambda **o: dd.jacobian(f, chunk_size=3, **o)(X),
    "value_and_jacobian: 10 of 10 columns": lambda **o: dd.value_and_jacobian(f, **o)(X),
    "grad: 10 of 10 columns": lambda **o: dd.grad(lambda x: x @ x, chunk_size=4, **o)(X),
    "value_and_grad: 10 of 10 columns": lambda **o: dd.value_and_grad(lambda x: x @ x, **o)(X),
    "hessian: 55 of 55 pairs of columns": lambda **o: dd.hessian(f, chunk_size=3, **o)(X),
    "value_grad_and_hessian: 55 of 55 pairs of columns": lambda **o: dd.value_grad_and_hessian(np.sum, **o)(X),
    # With structured tangents one pass does all.
    "value_and_jacobian: 100 of 100 columns": lambda **o: dd.value_and_jacobian(np.sin, **o)(np.ones(100)),
    "hessian: 210 of 210 pairs of columns": lambda **o: dd.hessian(np.sum, **o)(np.ones(20)),
    "laplacian: 10 of 10 columns": lambda **o: dd.laplacian(lambda x: x @ x, chunk_size=4, **o)(X),
    "divergence: 10 of 10 columns": lambda **o: dd.divergence(f, chunk_size=4, **o)(X),
    "logabsdet_jacobian: 10 of 10 columns": lambda **o: dd.logabsdet_jacobian(f, **o)(X),
    "grad: 2 of 2 columns": lambda **o: dd.grad(lambda v: v[0] * v[1], **o)([1.0, 2.0]),
    "jacobian: 4 of 4 rows": lambda **o: dd.jacobian(lambda x: x**2, batched=True, executor=POOL, **o)(np.ones((4, 2))),
    "jacobian: 10 of 10 columns, shared": lambda **o: dd.jacobian(f, executor=POOL, **o)(X),
}
POOL = ThreadPoolExecutor(2)


@pytest.fixture
def without_tqdm(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)


@pytest.mark.parametrize("line", CALLS)
def test_plain_lines(line, without_tqdm, capsys):
    CALLS[line]()
    assert capsys.readouterr() == ("", "")
    CALLS[line](progress=True)
    out, err = capsys.readouterr()
    assert out == "" and err == line.removesuffix(", shared") + ", 0 s\n"


@pytest.mark.parametrize("line", CALLS)
def test_bars_of_tqdm(line, capsys):
    pytest.importorskip("tqdm")
    CALLS[line](progress=True)
    out, err = capsys.readouterr()
    name, count = line.split(":")[0], line.split()[1]
    assert out == "" and f"{name}: 100%" in err and f"{count}/{count}" in err


def test_results_are_the_same(capsys):
    assert np.array_equal(dd.jacobian(f, chunk_size=3, progress=True)(X), dd.jacobian(f, chunk_size=3)(X))


class Clock:
    now = 0.0

    def monotonic(self):
        return self.now


def test_lines_come_once_a_second_and_tell_what_is_left(monkeypatch, capsys, without_tqdm):
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)

    def slow(x):
        clock.now += 0.4
        return f(x)

    dd.jacobian(slow, chunk_size=1, progress=True)(X)
    assert capsys.readouterr().err.splitlines() == [
        "jacobian: 3 of 10 columns, 1 s, 3 s to go",
        "jacobian: 6 of 10 columns, 2 s, 2 s to go",
        "jacobian: 9 of 10 columns, 4 s, 0 s to go",
        "jacobian: 10 of 10 columns, 4 s",
    ]


def test_an_error_ends_the_bar(capsys, without_tqdm):
    calls = []

    def g(x):
        calls.append(1)
        if len(calls) > 2:
            raise KeyError("third")
        return f(x)

    with pytest.raises(KeyError):
        dd.jacobian(g, chunk_size=2, progress=True)(X)
    assert capsys.readouterr().err == "jacobian: 4 of 10 columns, 0 s, stopped\n"
