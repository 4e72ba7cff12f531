"""The result: split into its value and its planes, and given to the caller as arrays that alias nothing."""

import math

import numpy as np

from . import levels, tangents
from ._array import settle, surrender
from .errors import DifferentiationTypeError, DifferentiationValueError, LevelError, optional
from .kinds import is_dual, level, lift
from .packing import NUMERIC, pack


def read(y, lvl, name, function):
    """Split a result into its value and its stacks of planes (None for a constant)."""
    y, moves = of_level(y, lvl, name, function)
    return (*surrender(y), y._layout) if moves else (y, None, None)


def of_level(y, lvl, name, function):
    """A result, and whether it is a number of this level; else it is a constant that nobody else holds."""
    if not is_dual(y):
        y = _packed(y, name, function)
    if not is_dual(y):
        y, own = np.array(y, dtype=np.float64 if y.dtype.kind in "biu" else None), None
    else:
        own = level(y)
    if own is not None and own > lvl:
        raise LevelError(
            f"{name}: {name_of(function)} returned a number of an inner derivative that has ended; return its value"
        )
    if own is not None and own < lvl:
        levels.require_live(own)
        return lift(y).copy(), False
    if y.dtype.kind == "c" and not levels.is_holomorphic(lvl):
        _refuse_complex(name, function)
    return (y, False) if own is None else (lift(y), True)


def _packed(y, name, function):
    """A result that is no dual number, as an array or, where it holds dual numbers, a dual array."""
    if y is None:
        raise DifferentiationTypeError(
            f"{name}: {name_of(function)} returned None; did it forget its return statement?"
        )
    if isinstance(y, np.ndarray | int | float | complex | np.number | np.bool_ | list | tuple):
        if isinstance(y, list | tuple) or (isinstance(y, np.ndarray) and y.dtype == object):
            y = _pack_result(y, name, function)
            if is_dual(y):
                return y
        y = np.asarray(y)
        if y.dtype.kind in NUMERIC:
            return y
    raise DifferentiationTypeError(
        f"{name}: {name_of(function)} returned {described(y)}; it must return numbers: a number, an array, or a list "
        f"of numbers"
    )


def _pack_result(y, name, function):
    try:
        return pack(y)
    except (DifferentiationTypeError, DifferentiationValueError) as error:
        raise type(error)(
            f"{name}: {name_of(function)} returned {described(y)} that is no regular array of numbers ({error}); "
            f"return one array, or numbers of equal shapes"
        ) from None


def sparse_arrays(name):
    """The module ``scipy.sparse``, or an error that says how to get it."""
    return optional("scipy.sparse", f"{name}: sparse=True", "dualdiff-ad[scipy]")


def as_sparse(planes, width):
    """Planes ``(width, *Y)``, or what `sparse_jacobian` made, as a sparse Jacobian ``(Y.size, width)``."""
    if not isinstance(planes, np.ndarray):
        if is_dual(planes):
            raise DifferentiationTypeError(
                "jacobian: sparse=True inside another derivative would lose its tangents; leave sparse out there"
            )
        return planes
    return sparse_arrays("jacobian").csr_array(planes.reshape((width, math.prod(planes.shape[1:]))).T)


def as_sparse_hessian(hess, point):
    """A dense Hessian of a scalar function as a sparse array ``(x.size, x.size)``."""
    if point.kind == "container" or is_dual(hess):
        raise DifferentiationTypeError(
            "hessian: sparse=True needs one plain array as x, found a container or a dual number; leave sparse=True out"
        )
    return sparse_arrays("hessian").csr_array(np.reshape(hess, (point.size, point.size)))


def sparse_jacobian(y, width):
    """The Jacobian of a result with structured tangents, ``(y.size, width)`` by rows."""
    sparse = sparse_arrays("jacobian")
    parts = list(tangents.entries(y)) or [(np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros(0, y._planes.dtype))]
    rows, columns, entries = (np.concatenate(kind) for kind in zip(*parts, strict=True))
    return sparse.csr_array(sparse.coo_array((entries, (rows, columns)), shape=(y.size, width)))


def described(y):
    return f"an array of dtype {y.dtype}" if isinstance(y, np.ndarray) else f"a {type(y).__name__}"


def _refuse_complex(name, function):
    raise DifferentiationTypeError(
        f"{name}: {name_of(function)} returned complex numbers where a real derivative is promised; "
        f"return np.real, np.imag or np.abs of the result"
    )


def name_of(function):
    return f"the function {getattr(function, '__name__', type(function).__name__)!r}"


def back(planes, shape):
    """Planes (n, *Y) as a derivative (*Y, *shape)."""
    count = planes.shape[0]
    ndim = planes.ndim - 1
    moved = np.transpose(planes, (*range(1, ndim + 1), 0)) if ndim else planes
    out = moved.reshape((*planes.shape[1:], *shape)) if count else moved.reshape((*planes.shape[1:], *shape))
    if is_dual(out):
        return settle(out)
    out = np.ascontiguousarray(out) if out.ndim else out
    return out[()] if out.ndim == 0 else out


def own(x):
    """A value in the form that the caller gets: numbers for arrays of dimension 0."""
    return settle(x) if is_dual(x) else x[()] if x.ndim == 0 else x
