"""Random programs of NumPy operations: every way to differentiate one must give the same Jacobian.

A program is a seed: its choices depend on shapes alone, so that it does the same with plain arrays, dual ones of any
kind and recorded ones. Central differences of the plain program are the independent formulation; dense planes are
what the others must equal to rounding.
"""

import numpy as np
import pytest

import dualdiff as dd
from dualdiff import points, tangents

VARIABLES = 12
STEPS = 14
# Values and tangents of so many numbers wait.
N_LARGE = 20_000
# Lengths up to which an outer product is made.
SMALL = 200


@pytest.fixture
def always(monkeypatch):
    """Structure from one variable on, and however many planes there are."""
    monkeypatch.setattr(points, "STRUCTURED", 1)
    monkeypatch.setattr(points, "STRUCTURED_SECOND", 1)
    monkeypatch.setattr(tangents, "SHARE", 0)
    monkeypatch.setattr(tangents, "MOST", 10**6)


# -- operations: each takes the random numbers and arrays of the program, and may return a new one ---------------------


def pick(rng, arrays):
    # Recent arrays first: programs get deep, and old views are met again now and then.
    return arrays[-1 - min(int(rng.geometric(0.35)) - 1, len(arrays) - 1)]


def same_shape(rng, arrays, a):
    return choose(rng, [b for b in arrays if b.shape == a.shape])


def choose(rng, options):
    return options[rng.integers(len(options))]


def random_slice(rng, n):
    kind = rng.integers(7)
    if kind == 0 or n < 2:
        return slice(None)
    if kind == 1:
        return slice(None, None, -1)
    if kind == 2:
        return slice(None, None, 2)
    if kind == 3:
        return slice(1, None)
    if kind == 4:
        return slice(None, -1)
    first = int(rng.integers(n))
    return slice(first, int(rng.integers(first, n)) + 1)


def basic_index(rng, a):
    """A basic index: slices, whole numbers, new axes, an ellipsis."""
    index = []
    for n in a.shape:
        kind = rng.integers(8)
        if kind == 0 and n:
            index.append(int(rng.integers(-n, n)))
        elif kind == 1 and a.ndim < 3:
            index += [None, slice(None)]
        else:
            index.append(random_slice(rng, n))
    if rng.integers(5) == 0:
        index.insert(int(rng.integers(len(index) + 1)), Ellipsis)
    return tuple(index)


def fancy_index(rng, a):
    """A mask or whole numbers, for the first axis."""
    n = a.shape[0]
    if rng.integers(2):
        return rng.integers(0, 2, n) == 1
    return rng.integers(-n, n, rng.integers(1, n + 3))


def any_index(rng, a):
    return basic_index(rng, a) if a.ndim == 0 or a.shape[0] == 0 or rng.integers(3) else fancy_index(rng, a)


def unary(rng, arrays):
    a = pick(rng, arrays)
    f = choose(rng, [np.sin, np.tanh, np.cos, np.arctan, lambda a: np.exp(np.sin(a)), lambda a: a**2, np.negative,
                     np.abs, lambda a: np.sqrt(1 + a * a), lambda a: 1 / (2 + np.cos(a)), np.square, np.positive,
                     lambda a: np.clip(a, -0.7, 0.8), lambda a: a**3, lambda a: 2 - a, lambda a: 0.0 * a,
                     lambda a: np.multiply(a, 2.5)])
    return f(a)


def binary(rng, arrays):
    a = pick(rng, arrays)
    b = same_shape(rng, arrays, a)
    f = choose(rng, [np.add, np.subtract, np.multiply, lambda a, b: a / (2 + np.sin(b)), np.maximum, np.minimum,
                     np.hypot, lambda a, b: np.where(dd.value(a) > dd.value(b), a * b, b),
                     lambda a, b: np.arctan2(a, 3 + b * b), lambda a, b: a - 2 * b])
    return f(a, b)


def with_captured(rng, a, b):
    """A plain array takes part and changes afterwards."""
    plain = rng.uniform(0.5, 1.0, a.shape)
    c = a * plain + b
    plain[...] = np.nan
    return c


def broadcast(rng, arrays):
    a = pick(rng, arrays)
    if a.ndim == 0 or a.ndim > 2:
        return a * 1.5
    axis = int(rng.integers(a.ndim))
    if a.shape[axis] == 0:
        return None
    row = a[(slice(None),) * axis + (slice(0, 1),)]
    outer = [lambda: a[..., None] * np.sin(a[..., None, :])] if a.shape[-1] < SMALL else []
    return choose(rng, [*outer, lambda: a * row, lambda: row - a,
                        lambda: a * np.arange(1.0, a.shape[-1] + 1), lambda: a[0] * a,
                        lambda: np.broadcast_to(a, (2, *a.shape)), lambda: a + a.sum()])()


def view(rng, arrays):
    a = pick(rng, arrays)
    return a[basic_index(rng, a)]


def gather(rng, arrays):
    a = pick(rng, arrays)
    return a[fancy_index(rng, a)] if a.ndim and a.shape[0] else None


def reshape(rng, arrays):
    a = pick(rng, arrays)
    options = [lambda: a.reshape(-1), a.ravel, lambda: a.T, lambda: a.copy(), lambda: a[...], lambda: a.flatten(),
               lambda: np.expand_dims(a, 0), lambda: np.squeeze(a), lambda: np.atleast_2d(a), lambda: np.flip(a)]
    if a.size and a.size % 2 == 0:
        options += [lambda: a.reshape(2, -1), lambda: a.reshape(-1, 2), lambda: a.reshape(2, -1, order="F")]
    if a.size and a.size % 3 == 0:
        options += [lambda: a.reshape(3, -1), lambda: np.reshape(a, (-1, 3))]
    if a.ndim >= 2:
        options += [lambda: np.swapaxes(a, 0, 1), lambda: np.moveaxis(a, 0, -1), lambda: np.diagonal(a),
                    lambda: np.tril(a), lambda: np.triu(a, 1), lambda: a.transpose(), lambda: np.rot90(a)]
    return choose(rng, options)()


def move(rng, arrays):
    a = pick(rng, arrays)
    if not a.ndim or not a.size:
        return None
    axis = int(rng.integers(a.ndim))
    options = [
        lambda: np.roll(a, int(rng.integers(-3, 4)), axis), lambda: np.roll(a, 2), lambda: np.flip(a, axis),
        lambda: np.pad(a, 1), lambda: np.pad(a, 1, mode="edge"), lambda: np.repeat(a, 2, axis),
        lambda: np.tile(a, 2), lambda: np.take(a, [0, -1, 0], axis), lambda: np.diff(a, axis=axis),
        lambda: np.concatenate([a, a[:1] * 2, np.ones(a[:1].shape)]), lambda: np.stack([a, np.sin(a)], axis),
        lambda: np.concatenate([a, same_shape(rng, arrays, a)], axis), lambda: np.delete(a, 0, axis),
        lambda: np.append(a, a[:1], 0), lambda: np.sort(a, axis), lambda: np.insert(a, 0, 3.0, axis),
        lambda: np.array_split(a, 2, axis)[0], lambda: np.cumsum(a, axis), lambda: np.pad(a, 1, mode="wrap"),
        lambda: np.stack([np.zeros(a.shape), a]), lambda: np.hstack([a, a]),
    ]
    return choose(rng, options)()


def reduce(rng, arrays):
    a = pick(rng, arrays)
    if not a.ndim or not a.size:
        return None
    axis = int(rng.integers(a.ndim))
    keep = bool(rng.integers(2))
    options = [
        lambda: a.sum(axis, keepdims=keep), lambda: np.mean(a, axis, keepdims=keep), lambda: np.max(a, axis),
        lambda: np.min(a, axis, keepdims=keep), lambda: np.sum(a), lambda: np.mean(a),
        lambda: np.sum(a, where=np.arange(a.shape[-1]) % 2 == 0, axis=axis), lambda: np.prod(np.tanh(a), axis),
        lambda: np.var(a, axis), lambda: np.add.reduce(a, axis), lambda: np.sum(a, axis=axis, initial=2.0),
    ]
    y = choose(rng, options)()
    return np.asarray(y) if isinstance(y, float) else y


def product(rng, arrays):
    a = pick(rng, arrays)
    if not a.ndim or not a.size or a.ndim > 2:
        return None
    n = a.shape[-1]
    matrix = rng.normal(size=(n, 3)) / n
    options = [lambda: a @ matrix, lambda: np.dot(a, matrix), lambda: matrix.T @ a.T,
               lambda: np.einsum("...i,ij->...j", a, matrix), lambda: np.tensordot(a, matrix, 1),
               lambda: np.inner(a, matrix.T)]
    if len(a) < SMALL:
        options += [lambda: a @ a.T, lambda: np.outer(a[..., 0], a[..., -1])]
    return choose(rng, options)()


def fresh(rng, arrays):
    a = pick(rng, arrays)
    # A new array of x's kind, to be assigned to.
    return choose(rng, [lambda: np.zeros_like(a), lambda: np.ones_like(a), lambda: np.full_like(a, 0.3),
                        lambda: np.zeros(a.shape, like=arrays[0]), lambda: np.ones((2, 3), like=arrays[0])])()


# Writing operations: nothing new, or the array itself.


def item_for(rng, arrays, shape):
    """Something that can be assigned to a part of this shape: numbers, plain arrays, arrays of the program."""
    options = [lambda: 0.25, lambda: rng.normal(size=shape)]
    fitting = [b for b in arrays if b.shape == shape] * 4
    if shape:
        fitting += [b for b in arrays if b.shape == shape[1:] or b.shape == (1, *shape[1:])]
    options += [lambda b=b: b for b in fitting]
    options += [lambda b=b: np.sin(b) for b in fitting]
    return choose(rng, options)()


def assign(rng, arrays):
    a = pick(rng, arrays)
    if not a.ndim:
        return
    index = any_index(rng, a)
    if isinstance(index, np.ndarray) and index.dtype.kind == "i":
        index = np.unique(index % a.shape[0])  # which of repeated ones wins is nobody's business
    shape = np.empty(a.shape)[index].shape
    a[index] = item_for(rng, arrays, shape)


def in_place(rng, arrays):
    a = pick(rng, arrays)
    if not a.ndim:
        return
    target = a if rng.integers(2) else a[basic_index(rng, a)]
    if not target.ndim:
        return
    b = item_for(rng, arrays, target.shape)
    kind = rng.integers(4)
    if kind == 0:
        target += b
    elif kind == 1:
        target *= b
    elif kind == 2:
        target -= b
    else:
        np.multiply(target, b, out=target)


def add_at(rng, arrays):
    a = pick(rng, arrays)
    if not a.ndim or not a.shape[0]:
        return
    index = fancy_index(rng, a)
    shape = np.empty(a.shape)[index].shape
    np.add.at(a, index, item_for(rng, arrays, shape))


def overwrite(rng, arrays):
    a = pick(rng, arrays)
    if not a.ndim or not a.size:
        return
    kind = rng.integers(5)
    if kind == 0:
        a.sort()
    elif kind == 1:
        a.fill(0.1)
    elif kind == 2:
        a.flat[::2] = 0.4
    elif kind == 3:
        np.copyto(a, item_for(rng, arrays, a.shape))
    else:
        a[::-1][:1] = item_for(rng, arrays, a[:1].shape)


READING = [unary, unary, binary, binary, broadcast, view, view, gather, reshape, reshape, move, move, reduce, product,
           fresh]
WRITING = [assign, assign, in_place, add_at, overwrite]


def program(seed, steps=STEPS, most=150):
    """A function of an array; it tells its steps to ``trace``, a list."""

    def f(x, trace=None):
        rng = np.random.default_rng(seed)
        # Now and then the argument itself is written to.
        arrays = [x if rng.integers(3) == 0 else x * 1.0]
        for _ in range(steps):
            operation = choose(rng, READING + WRITING)
            y = operation(rng, arrays)
            if trace is not None:
                trace.append((operation.__name__, None if y is None else np.shape(y)))
            if y is not None and np.ndim(y) == 0:
                y = np.stack([y, 2 * y])
            if y is not None and np.ndim(y) <= 3 and np.size(y) <= most:
                arrays.append(y)
        return np.concatenate([np.sin(a).ravel() for a in arrays[-4:]])

    f.__name__ = f"program_{seed}"
    return f


def plain_result(f, x):
    """The program's result where NumPy runs it (it refuses to write to some views), and is not made of nothing."""
    try:
        y = f(x.copy())
    except ValueError as error:
        assert "read-only" in str(error)
        return None
    return y if y.size and np.isfinite(y).all() else None


def central(f, x, v, h=1e-6):
    return (f(x + h * v) - f(x - h * v)) / (2 * h)


# -- tests -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seeds", [range(first, first + 30) for first in range(0, 300, 30)], ids=str)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_every_way_gives_the_same_jacobian(seeds, always):
    x = np.random.default_rng(5).uniform(-1.2, 1.4, VARIABLES)
    checked = 0
    for seed in seeds:
        f = program(seed)
        y = plain_result(f, x)
        if y is None:
            continue
        expected_value, expected = dd.value_and_jacobian(f, chunk_size=10**9)(x)
        slopes = np.stack([central(f, x, e) for e in np.eye(x.size)], axis=-1)
        scale = 1.0 + np.abs(expected).max()
        # Programs that magnify rounding errors are none that differences can judge.
        if scale < 1e3:
            np.testing.assert_allclose(expected, slopes, atol=1e-5 * scale, err_msg=f"{f.__name__}, differences")
        np.testing.assert_allclose(expected_value, y, rtol=1e-9, atol=1e-10, err_msg=f.__name__)
        for options in ({}, {"mode": "forward"}, {"mode": "reverse"}, {"chunk_size": 5}, {"sparse": True}):
            value, jac = dd.value_and_jacobian(f, **options)(x)
            jac = jac.toarray() if "sparse" in options else jac
            message = f"{f.__name__}, {options}"
            np.testing.assert_allclose(value, y, rtol=1e-9, atol=1e-10, err_msg=message)
            np.testing.assert_allclose(jac, expected, rtol=1e-9, atol=1e-10 * scale, err_msg=message)
        checked += 1
    assert checked > 0.8 * len(seeds)


@pytest.mark.parametrize("most", [2, 6, 10**6])
@pytest.mark.parametrize("seeds", [range(first, first + 25) for first in range(0, 150, 25)], ids=str)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_every_way_gives_the_same_hessian(seeds, most, always, monkeypatch):
    monkeypatch.setattr(tangents, "MOST", most)
    x = np.random.default_rng(5).uniform(-1.2, 1.4, VARIABLES)
    checked = 0
    for seed in seeds:
        f = program(seed)
        y = plain_result(f, x)
        if y is None:
            continue
        weights = np.random.default_rng(seed).normal(size=y.size)
        number = lambda x, f=f, weights=weights: np.sum(f(x) * weights)
        expected = dd.hessian(number, mode="forward", chunk_size=10**9)(x)
        if not np.isfinite(expected).all():
            continue
        scale = 1.0 + np.abs(expected).max()
        for options in ({}, {"mode": "forward"}, {"sparse": True}, {"sparse": True, "mode": "forward"}):
            hess = dd.hessian(number, **options)(x)
            hess = hess.toarray() if "sparse" in options else hess
            np.testing.assert_array_equal(hess, hess.T, err_msg=f.__name__)
            np.testing.assert_allclose(hess, expected, rtol=1e-8, atol=1e-10 * scale, err_msg=f"{f.__name__} {options}")
        value, gradient, hess = dd.value_grad_and_hessian(number)(x)
        np.testing.assert_allclose(gradient, dd.grad(number, chunk_size=10**9)(x), rtol=1e-9, atol=1e-10 * scale)
        np.testing.assert_allclose(value, number(x), rtol=1e-9, atol=1e-10)
        if y.size < 60:
            np.testing.assert_allclose(
                dd.hessian(f, mode="forward")(x), dd.hessian(f, mode="forward", chunk_size=10**9)(x),
                rtol=1e-8, atol=1e-10 * scale, err_msg=f.__name__)
        checked += 1
    assert checked > 0.7 * len(seeds)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_waits_is_what_is_computed_at_once():
    rng = np.random.default_rng(6)
    x, v = rng.uniform(-1.2, 1.4, N_LARGE), rng.normal(size=N_LARGE)
    checked = 0
    for seed in range(60):
        f = program(seed, most=4 * N_LARGE)
        y = plain_result(f, x)
        if y is None:
            continue
        value, tangent = dd.jvp(f, (x,), (v,))
        # With exceptions that are raised nothing waits.
        with np.errstate(divide="raise"):
            at_once, expected = dd.jvp(f, (x,), (v,))
        np.testing.assert_array_equal(value, at_once, err_msg=f.__name__)
        np.testing.assert_array_equal(tangent, expected, err_msg=f.__name__)
        np.testing.assert_allclose(value, y, rtol=1e-7, atol=1e-8, err_msg=f.__name__)
        gradient = dd.vjp(f, x)[1](np.ones(y.size))[0]
        np.testing.assert_allclose(
            gradient @ v, tangent.sum(), rtol=1e-7, atol=1e-7 * np.abs(gradient * v).sum(), err_msg=f.__name__)
        checked += 1
    assert checked > 40
