"""Functions that NumPy lacks, alike on floats, arrays and dual numbers.

The elementwise ones come straight from the rows of `dualdiff.rules` that are no NumPy ufunc: a new row is a new
function here.
"""

import copy
import dataclasses
import inspect

import numpy as np

from . import rules
from ._array import plain_unary, settle
from .errors import DifferentiationTypeError
from .kinds import Symbolic, apply_unary, is_dual, refuse_symbols
from .packing import has_duals, pack, primal


def _row_function(index, row):
    def function(x, *parameters, **named):
        values = _bind(row, parameters, named)
        if has_duals(x):
            return settle(apply_unary(index, x if is_dual(x) else pack(x), values))
        if isinstance(x, Symbolic):
            return x.row(row, values)
        return plain_unary(index, x, values)

    function.__name__ = function.__qualname__ = row.name
    function.__doc__ = _document(row)
    function.__signature__ = _signature(row)
    return function


def _signature(row):
    """What editors and ``help`` show: x, then the row's parameters with their defaults."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    options = [inspect.Parameter(name, kind, default=default) for name, default in row.parameters]
    return inspect.Signature([inspect.Parameter("x", kind), *options])


def _bind(row, given, named):
    """Parameters of a row in order, from positional and keyword arguments."""
    values = dict(row.parameters)
    names = list(values)
    if len(given) > len(names) or not set(named) <= set(names):
        takes = f"x and {', '.join(names)}" if names else "x alone"
        unknown = ", ".join(sorted(set(named) - set(names)))
        raise DifferentiationTypeError(
            f"{row.name}: takes {takes}, found {unknown or f'{1 + len(given)} arguments'}; leave the others out"
        )
    values.update(zip(names, given, strict=False))
    values.update(named)
    for name, number in values.items():
        if is_dual(number):
            raise DifferentiationTypeError(f"{row.name}: no derivative with respect to {name}; pass a plain number")
    return tuple(float(number) for number in values.values())


def _document(row):
    parameters = "".join(f"\n{name} : float, optional\n    Default {default}." for name, default in row.parameters)
    return (
        f"Compute :math:`{row.latex or row.name}` elementwise, with exact derivatives.\n\n"
        f"Parameters\n----------\nx : float, array_like or dual number\n    Domain {row.domain}.{parameters}\n\n"
        f"Returns\n-------\nfloat, ndarray or dual number of the shape of x\n"
    )


for _index, _row in enumerate(rules.UNARY):
    if not _row.numpy:
        globals()[_row.name] = _row_function(_index, _row)


def value(x):
    """Take the plain value of a dual number, and say so in the code.

    What follows from it has derivative zero, by intention.

    Parameters
    ----------
    x : any
        Dual numbers give floats or arrays; lists, tuples, dicts and dataclasses are searched; anything else is
        returned as it is.

    Examples
    --------
    >>> import dualdiff as dd
    >>> dd.derivative(lambda x: x * dd.value(x))(3.0)
    np.float64(3.0)
    """
    if is_dual(x):
        x = primal(x)
        return (x.copy() if x.ndim else x[()]) if isinstance(x, np.ndarray) else x
    if isinstance(x, Symbolic):
        return x.stopped()
    if isinstance(x, np.ndarray) and x.dtype == object and has_duals(x):
        return value(pack(x))
    if isinstance(x, np.ndarray):
        refuse_symbols("value", [x])
    if isinstance(x, list | tuple):
        return type(x)(value(entry) for entry in x) if not hasattr(x, "_fields") else type(x)(*map(value, x))
    if isinstance(x, dict):
        return {key: value(entry) for key, entry in x.items()}
    if dataclasses.is_dataclass(x) and not isinstance(x, type):
        plain = copy.copy(x)
        for field in dataclasses.fields(x):
            object.__setattr__(plain, field.name, value(getattr(x, field.name)))
        return plain
    return x


stop_gradient = value


def _numbers(x):
    return pack(x) if has_duals(x) else x if isinstance(x, Symbolic) else np.asarray(x)


def _shift(x, axis):
    """The maximum as a constant; the functions below do not depend on it, it only keeps exp in range."""
    top = np.max(value(x), axis=axis, keepdims=True)
    return np.where(np.isfinite(top), top, 0.0).astype(top.dtype)


def logsumexp(x, axis=None, keepdims=False):
    """Compute ``log(sum(exp(x)))`` without overflow; the gradient is the softmax.

    Parameters
    ----------
    x : array_like or dual array
    axis : int or tuple of int, optional
        The axes summed over, all of them when nothing is said.
    keepdims : bool

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> dd.grad(dd.logsumexp)(np.array([1000.0, 1000.0]))
    array([0.5, 0.5])
    """
    x = _numbers(x)
    shift = _shift(x, axis)
    with np.errstate(divide="ignore"):
        out = np.log(np.sum(np.exp(x - shift), axis=axis, keepdims=True)) + shift
    if keepdims:
        return out
    out = np.squeeze(out, axis=axis)
    return out[()] if isinstance(out, np.ndarray) and out.ndim == 0 else out


def softmax(x, axis=-1):
    """Compute ``exp(x) / sum(exp(x))`` along ``axis`` without overflow.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> dd.jacobian(dd.softmax)(np.array([0.0, 0.0]))
    array([[ 0.25, -0.25],
           [-0.25,  0.25]])
    """
    x = _numbers(x)
    e = np.exp(x - _shift(x, axis))
    return e / np.sum(e, axis=axis, keepdims=True)


def log_softmax(x, axis=-1):
    """Compute ``log(softmax(x))`` along ``axis`` without overflow or cancellation.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> dd.log_softmax(np.array([0.0, 1000.0]))
    array([-1000.,     0.])
    """
    x = _numbers(x)
    moved = x - _shift(x, axis)
    return moved - np.log(np.sum(np.exp(moved), axis=axis, keepdims=True))
