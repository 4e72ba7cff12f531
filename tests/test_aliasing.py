"""Results share memory with their arguments exactly where NumPy's do: value and planes alike, and recorded arrays.

Else what is written to the one would show in the other, or not show there: a wrong number without any error.
"""

import numpy as np
import pytest

import dualdiff as dd

X = np.array([0.7, -1.3, 2.1, 0.4, 1.9, -0.6])


def matrix(x):
    return x.reshape(2, 3)


FUNCTIONS = {
    "ravel": np.ravel,
    "ravel of a step": lambda x: np.ravel(x[::2]),
    "ravel of a reversed array": lambda x: x[::-1].ravel(),
    "ravel of a transpose": lambda x: matrix(x).T.ravel(),
    "ravel in Fortran's order": lambda x: matrix(x).ravel("F"),
    "ravel of a transpose in Fortran's order": lambda x: matrix(x).T.ravel("F"),
    "ravel of a column": lambda x: np.ravel(matrix(x)[:, 1]),
    "reshape of a step": lambda x: x[::2].reshape(-1),
    "reshape of a transpose": lambda x: matrix(x).T.reshape(-1),
    "flatten": lambda x: x.flatten(),
    "squeeze": lambda x: np.squeeze(x[None]),
    "atleast_1d": np.atleast_1d,
    "atleast_2d": np.atleast_2d,
    "ellipsis": lambda x: x[...],
    "element": lambda x: x[2, ...],
    "maximum that keeps its axis": lambda x: np.max(x, 0, keepdims=True),
    "minimum that keeps its axis": lambda x: np.min(x, keepdims=True),
    "extrema along an axis": lambda x: np.max(matrix(x), 1),
    "extrema of one entry": lambda x: np.min(x[:, None], 1),
    "sum of one entry": lambda x: np.sum(x[:, None], 1),
    "mean of one entry": lambda x: np.mean(x[:, None], 1),
    "product of one entry": lambda x: np.prod(x[:, None], 1),
    "product that keeps its axis": lambda x: np.prod(x[:1], 0, keepdims=True),
    "hypot of one entry": lambda x: np.hypot.reduce(x[:, None], 1),
    "hypot of one number": lambda x: np.hypot.reduce(x[1:2], keepdims=True),
    "quotient of one number": lambda x: np.divide.reduce(x[1:2], keepdims=True),
    "quotient of numbers": lambda x: np.divide.reduce(x, keepdims=True),
    "difference of one entry": lambda x: np.subtract.reduce(x[None], 0),
    "scan of one entry": lambda x: np.cumprod(x[:, None], 1),
    "running maximum of one entry": lambda x: np.maximum.accumulate(x[:, None], 1),
    "sums of no axis": lambda x: np.sum(x, axis=()),
    "maxima of no axis": lambda x: np.max(x, axis=()),
    "products of no axis": lambda x: np.prod(x, axis=()),
    "clip of nothing": lambda x: np.clip(x, None, None),
    "clip": lambda x: np.clip(x, -5, 5),
    "positive": np.positive,
    "real": np.real,
    "conjugate": np.conjugate,
    "nan_to_num": np.nan_to_num,
    "where": lambda x: np.where(True, x, 0.0),
    "concatenate of one": lambda x: np.concatenate([x]),
    "pad by nothing": lambda x: np.pad(x, 0),
    "roll by nothing": lambda x: np.roll(x, 0),
    "diff of order 0": lambda x: np.diff(x, 0),
    "repeat once": lambda x: np.repeat(x, 1),
    "tile once": lambda x: np.tile(x, 1),
    "split": lambda x: np.split(x, 2)[1],
    "diagonal": lambda x: np.diagonal(matrix(x)),
    "diag": lambda x: np.diag(matrix(x)),
    "triangle": lambda x: np.tril(matrix(x), 5),
    "sort": lambda x: np.sort(x[:1]),
    "take": lambda x: np.take(x, [0, 1]),
    "compress": lambda x: np.compress([True, True], x),
    "mask": lambda x: x[np.ones(6, bool)],
    "trim_zeros": np.trim_zeros,
    "astype": lambda x: x.astype(float),
    "astype without a copy": lambda x: x.astype(float, copy=False),
    "broadcast_to": lambda x: np.broadcast_to(x, (2, 6)),
    "rot90": lambda x: np.rot90(matrix(x), 2),
    "delete nothing": lambda x: np.delete(x, []),
    "append nothing": lambda x: np.append(x, []),
    "copy": np.copy,
    "resize": lambda x: np.resize(x, 6),
    "trace of one": lambda x: np.trace(x[:, None, None], axis1=1, axis2=2),
    "einsum": lambda x: np.einsum("i->i", x),
    "einsum of a diagonal": lambda x: np.einsum("ii->i", matrix(x)[:, :2]),
    "interval of a percentile": lambda x: np.percentile(x[:, None], 50, axis=1),
    "median of one entry": lambda x: np.median(x[:, None], axis=1),
    "unwrap": lambda x: np.unwrap(x[:1]),
    "round": lambda x: np.round(x),
    "vstack of one": lambda x: np.vstack([x]),
    "columns": lambda x: np.column_stack([x]),
    "matrix_transpose": lambda x: np.matrix_transpose(matrix(x)),
    "partition": lambda x: np.partition(x[:1], 0),
    "triu": lambda x: np.triu(x[:1, None]),
    "select": lambda x: np.select([np.ones(6, bool)], [x]),
}


def writes_show(f, change):
    """What a write to the result does to the argument, and one to the argument to the result."""

    def g(x):
        x = x * 1.0
        y = f(x)
        change(x, y)
        return np.concatenate([np.reshape(x, -1), np.reshape(y, -1)])

    return g


def write_result(x, y):
    y[...] = 5.0


def write_argument(x, y):
    x[...] = x * x


@pytest.mark.parametrize("change", [write_result, write_argument], ids=["result", "argument"])
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("options", [{"chunk_size": 100}, {"mode": "reverse"}, {"sparse": True}],
                         ids=["dense", "reverse", "structured"])
def test_writes_show_where_they_do_in_numpy(name, change, options):
    f = writes_show(FUNCTIONS[name], change)
    try:
        expected = f(X)
    except ValueError:
        with pytest.raises(ValueError, match="read-only"):
            dd.jacobian(f, **options)(X)
        return
    try:
        value, jac = dd.value_and_jacobian(f, **options)(X)
    except dd.DualDiffError as error:
        assert "read-only" in str(error), error
        return
    np.testing.assert_array_equal(value, expected)
    h = 1e-6
    slopes = np.stack([(f(X + h * e) - f(X - h * e)) / (2 * h) for e in np.eye(6)], axis=-1)
    np.testing.assert_allclose(jac.toarray() if "sparse" in options else jac, slopes, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("change", [write_result, write_argument], ids=["result", "argument"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_writes_show_at_second_order(name, change):
    f = writes_show(FUNCTIONS[name], change)
    number = lambda x: np.sum(f(x) ** 3)
    try:
        value, _, expected = dd.value_grad_and_hessian(number, mode="forward", chunk_size=100)(X)
    except (ValueError, dd.DualDiffError) as error:
        with pytest.raises(type(error)):
            dd.hessian(number, sparse=True)(X)
        return
    try:
        assert value == number(X)
    except ValueError:
        pass  # NumPy's result is read-only where ours is a copy
    hess = dd.hessian(number, sparse=True, mode="forward")(X)
    np.testing.assert_allclose(hess.toarray(), expected, rtol=1e-12, atol=1e-12)
