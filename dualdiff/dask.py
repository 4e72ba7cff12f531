"""Derivatives over the chunks of a dask array, lazily. Needs dask: ``python -m pip install "dualdiff-ad[dask]"``.

Examples
--------
>>> import numpy as np, dask.array as da
>>> from dualdiff.dask import map_jacobian
>>> x = da.ones((1000, 3), chunks=(250, 3))
>>> jacobians = map_jacobian(lambda v: np.stack([v[:, 0] * v[:, 1], np.sin(v[:, 2])], axis=1), x)
>>> jacobians.shape, jacobians.numblocks
((1000, 2, 3), (4, 1, 1))
>>> float(jacobians[:, 0, 0].sum().compute())
1000.0
"""

import functools

import dask.array as da
import numpy as np

from . import transforms
from .errors import DifferentiationTypeError, DifferentiationValueError

__all__ = ["map_hessian", "map_jacobian"]


def map_jacobian(function, x, *args, out_shape=None, chunk_size=None, max_memory=None, strict=False, **kwargs):
    """Compute the Jacobian of every row of a batch that lies in chunks, lazily.

    Parameters
    ----------
    function : callable
        Takes rows and maps them independently: (b, *in) to (b, *out), for every b.
    x : dask.array.Array, shape (B, *in)
        Chunks are cut along the first axis; others are joined. B may be unknown.
    *args
        Further arguments. Dask arrays have a value for every row and are cut as x is; all else reaches every chunk as
        it is.
    out_shape : tuple of int, optional
        The shape that the function gives for one row. Without it the function is called once with a row of ones.
    chunk_size, max_memory, strict
        As for `dualdiff.jacobian`, for each chunk.
    **kwargs
        For the function.

    Returns
    -------
    dask.array.Array, shape (B, *out, *in)
        Nothing is computed before it is asked for.

    Raises
    ------
    DifferentiationTypeError
        When x is no dask array.
    DifferentiationValueError
        When the function does not keep the batch axis, or cannot be called with a row of ones.

    Examples
    --------
    >>> import numpy as np, dask.array as da
    >>> from dualdiff.dask import map_jacobian
    >>> x = da.from_array(np.array([[1.0, 2.0], [3.0, 4.0]]), chunks=(1, 2))
    >>> map_jacobian(lambda v: v[:, 0] * v[:, 1], x).compute()
    array([[2., 1.],
           [4., 3.]])
    """
    options = {"chunk_size": chunk_size, "max_memory": max_memory, "strict": strict}
    return _map(transforms.jacobian, 1, "map_jacobian", function, x, args, kwargs, out_shape, options)


def map_hessian(function, x, *args, out_shape=None, chunk_size=None, max_memory=None, strict=False, **kwargs):
    """Compute the Hessian of every row of a batch that lies in chunks, lazily; see `map_jacobian`.

    Returns
    -------
    dask.array.Array, shape (B, *out, *in, *in)

    Examples
    --------
    >>> import dask.array as da
    >>> from dualdiff.dask import map_hessian
    >>> map_hessian(lambda v: v[:, 0] ** 2 * v[:, 1], da.ones((4, 2), chunks=(2, 2)))[0].compute()
    array([[2., 2.],
           [2., 0.]])
    """
    options = {"chunk_size": chunk_size, "max_memory": max_memory, "strict": strict}
    return _map(transforms.hessian, 2, "map_hessian", function, x, args, kwargs, out_shape, options)


def _map(transform, order, name, function, x, args, kwargs, out_shape, options):
    if not isinstance(x, da.Array) or x.ndim < 1:
        raise DifferentiationTypeError(
            f"{name}: x must be a dask array of shape (B, *in), found {type(x).__name__}; make one with "
            f"dask.array.from_array(x, chunks=...), or use dualdiff.{transform.__name__} with batched=True"
        )
    derivative = transform(function, batched=True, **options)
    if out_shape is None:
        out_shape = _out_shape(function, name, x, args, kwargs)
    if np.isnan(x.shape[1:]).any():
        raise DifferentiationValueError(f"{name}: the lengths of all axes but the first must be known, found {x.shape}")
    x = _in_rows(x)
    # Axes are numbers for dask: 0 is the batch, behind it those of x, of the result, and of x once more.
    inner = tuple(range(1, x.ndim))
    outer = tuple(range(100, 100 + len(out_shape)))
    again = tuple(range(200, 200 + len(inner))) if order == 2 else ()
    new = dict(zip(outer, out_shape, strict=True)) | dict(zip(again, x.shape[1:], strict=False))
    pairs = [x, (0, *inner)]
    for i, arg in enumerate(args):
        if isinstance(arg, da.Array):
            pairs += [_in_rows(arg), (0, *range(1000 + 100 * i, 1000 + 100 * i + arg.ndim - 1))]
        else:
            pairs += [arg, None]
    dtype = x.dtype if x.dtype == np.float32 else np.dtype(np.float64)
    ndim = 1 + len(outer) + order * len(inner)
    return da.blockwise(
        functools.partial(_chunk, derivative, kwargs), (0, *outer, *inner, *again), *pairs, new_axes=new,
        concatenate=True, name=None, token=name, dtype=dtype, meta=np.empty((0,) * ndim, dtype),
    )  # fmt: skip


def _chunk(derivative, kwargs, x, *args):
    return derivative(x, *args, **kwargs)


def _in_rows(x):
    """The same array in chunks that hold whole rows."""
    return x.rechunk(dict.fromkeys(range(1, x.ndim), -1))


def _out_shape(function, name, x, args, kwargs):
    """What the function makes of one row of ones."""
    row, *rest = (
        np.ones((1, *arg.shape[1:]), arg.dtype) if isinstance(arg, da.Array) else arg for arg in (x, *args)
    )
    try:
        with np.errstate(all="ignore"):
            shape = np.shape(function(row, *rest, **kwargs))
    except Exception as error:
        raise DifferentiationValueError(
            f"{name}: the shape of the result is not known, and calling the function with a row of ones failed "
            f"({type(error).__name__}: {error}); pass out_shape, the shape of the result for one row"
        ) from error
    if shape[:1] != (1,):
        raise DifferentiationValueError(
            f"{name}: the function must map rows independently, (b, *in) to (b, *out), but made a result of shape "
            f"{shape} of one row"
        )
    return shape[1:]
