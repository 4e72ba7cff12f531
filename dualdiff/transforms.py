"""The transforms: seed dual numbers, call the user's function once per pass, read the tangents off.

Everything is forward mode. A pass carries a chunk of columns; there is one pass whenever the planes fit the memory cap.
"""

import functools
import math
import os

import numpy as np

from . import levels
from ._array import duplicate, is_dual, level, lift, make, pairs, settle, surrender
from ._scalar import first_order_pass, second_order_pass, seed_duals, seed_hyperduals
from .errors import DifferentiationTypeError, DifferentiationValueError, LevelError
from .functions import value as plain_value
from .numpy_rules.construction import like
from .packing import NUMERIC, as_numpy, has_duals, pack

TRIANGLE, FULL, DIAGONAL = 0, 1, 2

# Arrays of the input's size that a function is assumed to keep alive at a time, when the memory of a pass is estimated.
LIVE_ARRAYS = 4


# -- the point: what x is, how it is seeded -------------------------------------------------------------------------------


class Point:
    """Where to differentiate: a number, an array or a flat list of numbers, plain or dual of outer levels.

    Attributes
    ----------
    kind : {"number", "array", "list"}
    x : float, ndarray, dual number or list
        In the form that the function receives, without seeds.
    shape : tuple
        The shape of x in results.
    plain : bool
        Whether x holds float64 numbers and no duals of outer calls.
    """

    __slots__ = ("dtype", "kind", "plain", "shape", "size", "x")

    def __init__(self, x, name):
        if type(x) is list or type(x) is tuple:
            self._read_list(x, name)
        elif isinstance(x, np.ndarray) or (is_dual(x) and isinstance(x, np.ndarray | _ARRAYS)):
            self._read_array(x, name)
        else:
            self._read_number(x, name)

    def _read_list(self, x, name):
        self.kind, self.shape, self.size, self.dtype = "list", (len(x),), len(x), np.dtype(np.float64)
        self.plain = True
        self.x = [entry if type(entry) is float else self._entry(entry, name) for entry in x]

    def _entry(self, entry, name):
        if is_dual(entry) and entry.ndim == 0:
            self.plain = False
            return entry
        if isinstance(entry, list | tuple | np.ndarray) or is_dual(entry):
            raise DifferentiationTypeError(
                f"{name}: a list must hold numbers only, found a {type(entry).__name__} in it; "
                f"pass np.array(x) or np.concatenate the parts"
            )
        return _real_number(entry, name)

    def _read_number(self, x, name):
        self.kind, self.shape, self.size, self.dtype = "number", (), 1, np.dtype(np.float64)
        self.plain = not is_dual(x)
        self.x = _real_number(x, name) if self.plain else x
        if isinstance(x, np.float32):
            self.kind, self.x, self.dtype = "array", np.array(x), np.dtype(np.float32)

    def _read_array(self, x, name):
        if not is_dual(x) and x.dtype == object:
            x = pack(x) if has_duals(x) else _float_entries(x, name)
        self.kind, self.shape, self.size = "array", x.shape, x.size
        self.plain = not is_dual(x)
        self.x = _real_array(x, name) if self.plain else x
        self.dtype = self.x.dtype

    def seeded(self, lvl, chunk, batched=False):
        """The argument with first-order seeds for the columns of ``chunk = (first, count)``."""
        if self.kind != "array" and self.plain:
            seeds = seed_duals(self.x if self.kind == "list" else [self.x], lvl, *chunk)
            return seeds if self.kind == "list" else seeds[0]
        return self._wrap(lambda part, planes: make(part, (planes(chunk),), None, lvl), batched)

    def seeded_twice(self, lvl, first, second, kind, batched=False):
        """The argument with hyper-dual seeds for the columns of two chunks."""
        if self.kind != "array" and self.plain:
            seeds = seed_hyperduals(self.x if self.kind == "list" else [self.x], lvl, *first, *second, kind)
            return seeds if self.kind == "list" else seeds[0]
        layout = (kind, first[1], second[1])

        def build(part, planes):
            e1 = planes(first)
            e12 = zero_planes(part, len(pairs(layout)[0]))
            return make(part, (e1, planes(second) if kind == FULL else e1, e12), layout, lvl)

        return self._wrap(build, batched)

    def _wrap(self, build, batched):
        if self.kind == "list":
            return [
                settle(build(part(entry), functools.partial(one_hot, part(entry), i)))
                for i, entry in enumerate(self.x)
            ]
        x = duplicate(part(self.x))
        made = build(x, functools.partial(identity, x, 1 if batched else 0))
        return settle(made) if self.kind == "number" else made


_ARRAYS = type(make(np.zeros(()), (np.zeros((0,)),), None, 0)).__mro__[1]


def part(x):
    return lift(x) if is_dual(x) else np.asarray(x)


def zero_planes(x, count):
    """Planes of zeros for ``x``; dual ones where x is dual, so that they can hold what is assigned to them."""
    zeros = np.zeros((count, *x.shape), x.dtype)
    return like(x, zeros) if is_dual(x) else zeros


def identity(x, batch, chunk):
    """Planes first … first + count of the identity seed; with ``batch`` leading axes every row gets the same seed."""
    first, count = chunk
    seeds = np.zeros((count, *x.shape), x.dtype)
    size = math.prod(x.shape[batch:])
    if size:
        flat = seeds.reshape((count, -1, size))
        index = np.arange(count)
        flat[index, :, index + first] = 1.0
    return like(x, seeds) if is_dual(x) else seeds


def one_hot(x, position, chunk):
    """Tangents of number ``position`` of a list: unit tangent ``position - first``."""
    first, count = chunk
    seeds = np.zeros((count,), x.dtype)
    if first <= position < first + count:
        seeds[position - first] = 1.0
    return like(x, seeds) if is_dual(x) else seeds


def _real_number(x, name):
    if type(x) is float:
        return x
    if isinstance(x, bool | np.bool_):
        raise DifferentiationTypeError(f"{name}: x is a truth value, which has no derivative; pass a number")
    if isinstance(x, complex | np.complexfloating):
        raise DifferentiationTypeError(
            f"{name}: x is complex; a real derivative needs a real x, differentiate with respect to real and "
            f"imaginary part"
        )
    if isinstance(x, np.float16 | np.longdouble) and not isinstance(x, float):
        raise DifferentiationTypeError(
            f"{name}: x has dtype {x.dtype}; dual numbers are float32 or float64, pass np.float64(x)"
        )
    if not isinstance(x, int | float | np.integer | np.floating):
        raise DifferentiationTypeError(
            f"{name}: x must be a number, an array or a flat list of numbers, found {type(x).__name__}"
        )
    return float(x)


def _real_array(x, name):
    kind = x.dtype.kind
    if kind in "iu":
        return x.astype(np.float64)
    if kind == "f" and x.dtype.itemsize in (4, 8):
        return x.astype(x.dtype.newbyteorder("="), copy=False)
    if kind == "b":
        raise DifferentiationTypeError(f"{name}: x holds truth values, which have no derivative; pass numbers")
    if kind == "c":
        raise DifferentiationTypeError(
            f"{name}: x is complex; a real derivative needs a real x, differentiate with respect to real and "
            f"imaginary part"
        )
    raise DifferentiationTypeError(
        f"{name}: x has dtype {x.dtype}; dual arrays are float32 or float64, pass x.astype(np.float64)"
    )


def _float_entries(x, name):
    return np.array([_real_number(entry, name) for entry in x.ravel()], dtype=np.float64).reshape(x.shape)


# -- the result -------------------------------------------------------------------------------------------------------------


def read(y, lvl, name, function):
    """Split a result into its value and its stacks of planes (None for a constant)."""
    if not is_dual(y):
        y = _packed(y, name, function)
        if not is_dual(y):
            if y.dtype.kind == "c":
                _refuse_complex(name, function)
            return np.array(y, dtype=np.float64 if y.dtype.kind in "biu" else None), None, None
    own = level(y)
    if own > lvl:
        raise LevelError(
            f"{name}: {_name(function)} returned a number of an inner derivative that has ended; return its value"
        )
    if own < lvl:
        levels.require_live(own)
        return part(y).copy(), None, None
    y = lift(y)
    if y.dtype.kind == "c":
        _refuse_complex(name, function)
    return *surrender(y), y._layout


def _packed(y, name, function):
    """A result that is no dual number, as an array or, where it holds dual numbers, a dual array."""
    if y is None:
        raise DifferentiationTypeError(
            f"{name}: {_name(function)} returned None; did it forget its return statement?"
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
        f"{name}: {_name(function)} returned {_described(y)}; it must return numbers: a number, an array, or a list of "
        f"numbers"
    )


def _pack_result(y, name, function):
    try:
        return pack(y)
    except (DifferentiationTypeError, DifferentiationValueError) as error:
        raise type(error)(
            f"{name}: {_name(function)} returned {_described(y)} that is no regular array of numbers ({error}); "
            f"return one array, or numbers of equal shapes"
        ) from None


def _described(y):
    return f"an array of dtype {y.dtype}" if isinstance(y, np.ndarray) else f"a {type(y).__name__}"


def _refuse_complex(name, function):
    raise DifferentiationTypeError(
        f"{name}: {_name(function)} returned complex numbers where a real derivative is promised; "
        f"return np.real, np.imag or np.abs of the result"
    )


def _name(function):
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


# -- calling the function --------------------------------------------------------------------------------------------------------


def check_function(function, name):
    if not callable(function):
        raise DifferentiationTypeError(
            f"{name}: needs a function to differentiate, found {type(function).__name__}; "
            f"write {name}(f)(x), not {name}(f(x))"
        )


def check_mode(mode, name):
    if mode not in ("auto", "forward"):
        raise DifferentiationValueError(f"{name}: mode must be 'auto' or 'forward', found {mode!r}")


class Call:
    """One call of a transformed function: its arguments, and the place of the one that is differentiated."""

    __slots__ = ("args", "argnum", "aux", "function", "has_aux", "kwargs", "name", "point", "strict")

    def __init__(self, function, argnum, args, kwargs, name, strict=False, has_aux=False):
        if not -len(args) <= argnum < len(args):
            raise DifferentiationTypeError(
                f"{name}: argnums={argnum} needs at least {argnum + 1 if argnum >= 0 else -argnum} positional "
                f"arguments, found {len(args)}"
            )
        self.function, self.args, self.kwargs, self.name = function, args, kwargs, name
        self.argnum = argnum % len(args)
        self.strict, self.has_aux, self.aux = strict, has_aux, None
        self.point = Point(args[self.argnum], name)

    def evaluate(self, seeded):
        """Call the function with the seeded argument in place."""
        args = (*self.args[: self.argnum], seeded, *self.args[self.argnum + 1 :])
        y = self.function(*args, **self.kwargs)
        if not self.has_aux:
            return y
        if not isinstance(y, tuple) or len(y) != 2:
            raise DifferentiationTypeError(
                f"{self.name}: with has_aux=True {_name(self.function)} must return (result, aux), "
                f"found {_described(y)}"
            )
        self.aux = plain_value(y[1])
        return y[0]

    def first_order(self, chunks, batched=False):
        """Value and all columns, chunk by chunk: planes of shape (columns, *Y)."""
        blocks = []
        for chunk in chunks:
            lvl = levels.open_level(self.strict)
            try:
                y = self.evaluate(self.point.seeded(lvl, chunk, batched))
            finally:
                levels.close_level(lvl)
            val, planes = self.read_first(y, lvl, chunk[1])
            blocks.append(planes)
        return val, blocks[0] if len(blocks) == 1 else np.concatenate(blocks)

    def read_first(self, y, lvl, count):
        """Value and planes of a first-order result."""
        val, stacks, _ = read(y, lvl, self.name, self.function)
        return val, np.zeros((count, *val.shape), val.dtype) if stacks is None else stacks[0]

    def second_order(self, first, second, kind, batched=False):
        """Value, e1, e2 planes and e12 planes of one pass."""
        lvl = levels.open_level(self.strict)
        try:
            y = self.evaluate(self.point.seeded_twice(lvl, first, second, kind, batched))
        finally:
            levels.close_level(lvl)
        return self.read_second(y, lvl, (kind, first[1], second[1]))

    def read_second(self, y, lvl, layout):
        """Value and stacks of a second-order result."""
        val, stacks, _ = read(y, lvl, self.name, self.function)
        if stacks is None:
            counts = (*layout[1:], len(pairs(layout)[0]))
            stacks = tuple(np.zeros((n, *val.shape), val.dtype) for n in counts)
        return val, stacks


@functools.cache
def machine_memory():
    """Bytes of memory of this machine; 8 GiB where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 2**33


def memory_cap(max_memory, name):
    if max_memory is None:
        return machine_memory() // 4
    if isinstance(max_memory, bool) or not isinstance(max_memory, int | float | np.number) or not max_memory > 0:
        raise DifferentiationValueError(f"{name}: max_memory must be a positive number of bytes, found {max_memory!r}")
    return max_memory


def check_chunk(chunk_size, name):
    if chunk_size is None:
        return
    if not isinstance(chunk_size, int | np.integer) or isinstance(chunk_size, bool) or chunk_size < 1:
        raise DifferentiationValueError(f"{name}: chunk_size must be an integer of at least 1, found {chunk_size!r}")


def columns(n, chunk_size, max_memory, size, itemsize, name, planes=1):
    """Split n columns into chunks.

    1. All n columns go in one pass when their planes, in `LIVE_ARRAYS` arrays of x's size, fit ``max_memory``.
    2. Otherwise a pass takes as many as fit, at least one; ``chunk_size`` is an upper limit of the caller's own.
    """
    cap = memory_cap(max_memory, name) / (LIVE_ARRAYS * itemsize * max(size, 1))
    fits = int(cap if planes == 1 else math.sqrt(cap))
    step = max(1, min(n, fits, n if chunk_size is None else int(chunk_size)))
    return [(first, min(step, n - first)) for first in range(0, n, step)] or [(0, 0)]


def check_argnums(argnums, name):
    if not isinstance(argnums, int | np.integer) or isinstance(argnums, bool):
        raise DifferentiationTypeError(
            f"{name}: argnums must be the position of one argument, an integer, found {argnums!r}"
        )


def _settings(function, name, mode, chunk_size, max_memory, argnums):
    check_function(function, name)
    check_argnums(argnums, name)
    check_mode(mode, name)
    check_chunk(chunk_size, name)
    memory_cap(max_memory, name)


def _batch_shapes(point, batched, name):
    """The shape of one row's x, and the number of columns."""
    if not batched:
        return point.shape, point.size
    if point.kind != "array" or len(point.shape) < 1:
        raise DifferentiationValueError(f"{name}: batched=True needs an array of shape (B, *in), found {point.kind}")
    return point.shape[1:], math.prod(point.shape[1:])


def _check_rows(val, point, name):
    if val.ndim < 1 or val.shape[0] != point.shape[0]:
        raise DifferentiationValueError(
            f"{name}: batched=True needs a function that keeps the batch axis of length {point.shape[0]}, its result "
            f"has shape {val.shape}"
        )


# -- first order -------------------------------------------------------------------------------------------------------------------


def _jacobian(function, argnums, mode, chunk_size, batched, max_memory, has_aux, strict, name, scalar=False):
    _settings(function, name, mode, chunk_size, max_memory, argnums)

    short = chunk_size is None and max_memory is None and not (batched or has_aux)

    def compute(args, kwargs):
        # A list of floats to a scalar is the commonest small problem: 1 µs of ado instead of 8.
        done = first_order_pass(function, args, argnums, kwargs, strict) if short else None
        if done is not None and done[2] is None:
            return *done[:2], None
        call = Call(function, argnums, args, kwargs, name, strict, has_aux)
        point = call.point
        shape, n = _batch_shapes(point, batched, name)
        if done is None:
            chunks = columns(n, chunk_size, max_memory, point.size, point.dtype.itemsize, name)
            val, planes = call.first_order(chunks, batched)
        else:
            val, planes = call.read_first(*done[:2], n)
        if scalar and val.shape != ():
            raise DifferentiationValueError(
                f"{name}: {_name(function)} returned an array of shape {val.shape}, but a gradient needs a scalar; "
                f"perhaps you meant dualdiff.jacobian"
            )
        if batched:
            _check_rows(val, point, name)
        return val, back(planes, shape), call.aux

    return compute


def _public(function, compute, pick):
    """A transformed function; ``pick`` chooses what it returns from (value, derivative, aux)."""

    @functools.wraps(function)
    def transformed(*args, **kwargs):
        return pick(*compute(args, kwargs))

    return transformed


def _only(has_aux):
    return (lambda val, d, aux: (d, aux)) if has_aux else (lambda val, d, aux: d)


def _both(has_aux):
    if has_aux:
        return lambda val, d, aux: ((own(val), aux), d)
    return lambda val, d, aux: (own(val), d)


def jacobian(function, argnums=0, *, mode="auto", chunk_size=None, batched=False, max_memory=None, has_aux=False,
             strict=False):
    """Differentiate a function of arrays: every output with respect to every input, exactly.

    Parameters
    ----------
    function : callable
        Ordinary NumPy code; receives dual numbers in the place of ``x``.
    argnums : int
        The positional argument to differentiate with respect to.
    mode : {"auto", "forward"}
    chunk_size : int, optional
        The largest number of columns in one pass; without it all columns that fit ``max_memory``.
    batched : bool
        x is (B, *in) and the function maps rows independently; the result is (B, *out, *in).
    max_memory : int, optional
        Bytes that the planes of a pass may take, a quarter of the machine's memory when nothing is said.
    has_aux : bool
        The function returns ``(result, aux)``; the transform returns ``(jacobian, aux)``.
    strict : bool
        At kinks: nan instead of a subgradient.

    Returns
    -------
    callable
        Takes the function's arguments; returns an array of shape ``f(x).shape + x.shape``.

    Raises
    ------
    DualDiffError
        Wherever a tangent would be lost, an argument cannot be differentiated, or a function has no rule.

    Notes
    -----
    The function is called once per chunk of columns (vector forward mode, Griewank & Walther 2008, sec. 3.1).

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> dd.jacobian(lambda v: np.array([v[0] * v[1], np.sin(v[0])]))(np.array([0.0, 5.0]))
    array([[5., 0.],
           [1., 0.]])
    """
    compute = _jacobian(function, argnums, mode, chunk_size, batched, max_memory, has_aux, strict, "jacobian")
    return _public(function, compute, _only(has_aux))


def value_and_jacobian(function, argnums=0, *, mode="auto", chunk_size=None, batched=False, max_memory=None,
                       has_aux=False, strict=False):
    """Compute the value and the Jacobian from the same evaluation; see `jacobian`.

    Returns
    -------
    callable
        Returns ``(value, jacobian)``, or ``((value, aux), jacobian)`` with ``has_aux=True``.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> dd.value_and_jacobian(np.square)(np.array([3.0]))
    (array([9.]), array([[6.]]))
    """
    compute = _jacobian(function, argnums, mode, chunk_size, batched, max_memory, has_aux, strict,
                        "value_and_jacobian")
    return _public(function, compute, _both(has_aux))


def grad(function, argnums=0, *, mode="auto", chunk_size=None, max_memory=None, has_aux=False, strict=False):
    """Differentiate a function with a scalar result; see `jacobian` for the parameters.

    Returns
    -------
    callable
        Returns the gradient, of the shape of x.

    Raises
    ------
    DifferentiationValueError
        When the result is not a scalar.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> dd.grad(lambda v: v @ v)(np.array([1.0, 2.0]))
    array([2., 4.])
    """
    compute = _jacobian(function, argnums, mode, chunk_size, False, max_memory, has_aux, strict, "grad", True)
    return _public(function, compute, _only(has_aux))


def value_and_grad(function, argnums=0, *, mode="auto", chunk_size=None, max_memory=None, has_aux=False, strict=False):
    """Compute the value and the gradient from the same evaluation; see `grad`.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> dd.value_and_grad(lambda v: v @ v)(np.array([1.0, 2.0]))
    (np.float64(5.0), array([2., 4.]))
    """
    compute = _jacobian(function, argnums, mode, chunk_size, False, max_memory, has_aux, strict, "value_and_grad",
                        True)
    return _public(function, compute, _both(has_aux))


def derivative(function, *, order=1, strict=False):
    """Differentiate a function of one number, or an elementwise function of an array, any number of times.

    Parameters
    ----------
    function : callable
    order : int
        At least 1. Orders 1 and 2 are one evaluation of dual or hyper-dual numbers, higher ones nest them.
    strict : bool
        At kinks: nan instead of a subgradient.

    Returns
    -------
    callable
        For a number x the result has the shape of ``f(x)``; for an array x, f must be elementwise and the result has
        the shape of x. Further arguments pass through.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> dd.derivative(np.sin, order=3)(0.0)
    np.float64(-1.0)
    """
    check_function(function, "derivative")
    if not isinstance(order, int | np.integer) or isinstance(order, bool) or order < 1:
        raise DifferentiationValueError(f"derivative: order must be an integer of at least 1, found {order!r}")
    if order > 2:
        return derivative(derivative(function, order=2, strict=strict), order=order - 2, strict=strict)

    @functools.wraps(function)
    def transformed(*args, **kwargs):
        call = Call(function, 0, args, kwargs, "derivative", strict)
        point = call.point
        if point.kind == "list":
            raise DifferentiationTypeError("derivative: x is a list; pass a number, or np.array(x) for an elementwise "
                                           "function, or use dualdiff.jacobian")
        batched = point.kind == "array" and point.shape != ()
        if batched:
            # Every element is a row of its own with one input.
            call.point = flat = Point(point.x, "derivative")
            val, planes = _elementwise_planes(call, flat, order)
            if val.shape != point.shape:
                raise DifferentiationValueError(
                    f"derivative: for an array x the function must be elementwise, but a result of shape {val.shape} "
                    f"came from x of shape {point.shape}; use dualdiff.jacobian"
                )
            return own(planes[0])
        chunk = (0, 1)
        if order == 1:
            return own(call.first_order([chunk])[1][0])
        return own(call.second_order(chunk, chunk, TRIANGLE)[1][2][0])

    return transformed


def _elementwise_planes(call, point, order):
    """Seed every element with the same single tangent."""
    lvl = levels.open_level(call.strict)
    try:
        x = duplicate(part(point.x))
        ones = np.ones((1, *x.shape), x.dtype)
        seed = like(x, ones) if is_dual(x) else ones
        if order == 1:
            seeded = make(x, (seed,), None, lvl)
        else:
            seeded = make(x, (seed, seed, zero_planes(x, 1)), (TRIANGLE, 1, 1), lvl)
        val, stacks, _ = read(call.evaluate(seeded), lvl, call.name, call.function)
    finally:
        levels.close_level(lvl)
    return val, np.zeros((1, *val.shape), val.dtype) if stacks is None else stacks[-1]


def jvp(function, primals, tangents, *, strict=False):
    """Compute the value and the derivative along given directions, from one evaluation.

    Parameters
    ----------
    function : callable
    primals : tuple
        The positional arguments, all of them differentiated.
    tangents : tuple
        For each primal a direction of its shape, or k of them along one leading axis.

    Returns
    -------
    y, ydot : the value and ``J v``, with a leading axis of k where the tangents have one.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> dd.jvp(np.multiply, (3.0, 2.0), (1.0, 0.0))
    (np.float64(6.0), np.float64(2.0))
    """
    check_function(function, "jvp")
    points, stacks, several = _directions(primals, tangents, "jvp")
    lvl = levels.open_level(strict)
    try:
        seeded = [_seed_direction(p, (s,), None, lvl) for p, s in zip(points, stacks, strict=True)]
        val, planes, _ = read(function(*seeded), lvl, "jvp", function)
    finally:
        levels.close_level(lvl)
    count = stacks[0].shape[0] if stacks else 1
    planes = np.zeros((count, *val.shape), val.dtype) if planes is None else planes[0]
    return own(val), own(planes if several else planes[0])


def _directions(primals, tangents, name):
    """Points and stacks of planes from tuples of primals and tangents."""
    for label, given in (("primals", primals), ("tangents", tangents)):
        if not isinstance(given, tuple | list):
            raise DifferentiationTypeError(
                f"{name}: {label} must be a tuple with one entry per argument, found {type(given).__name__}; "
                f"write ({label[0]},)"
            )
    if len(primals) != len(tangents):
        raise DifferentiationValueError(f"{name}: found {len(primals)} primals and {len(tangents)} tangents")
    points = [Point(x, name) for x in primals]
    stacks, counts = [], set()
    for i, (point, tangent) in enumerate(zip(points, tangents, strict=True)):
        t = pack(tangent) if has_duals(tangent) else as_numpy(tangent)
        if t.dtype.kind not in "iuf":
            raise DifferentiationTypeError(f"{name}: tangent {i} must hold real numbers, found dtype {t.dtype}")
        if t.shape != point.shape and (t.ndim != len(point.shape) + 1 or t.shape[1:] != point.shape):
            raise DifferentiationValueError(
                f"{name}: tangent {i} must have the shape {point.shape} of its primal, or (k, *{point.shape}) for k "
                f"directions, found {t.shape}"
            )
        lead = t.ndim - len(point.shape)
        counts.add(t.shape[0] if lead else None)
        stacks.append(t if lead else t.reshape((1, *t.shape)))
    if len(counts) > 1:
        raise DifferentiationValueError(f"{name}: the tangents carry different numbers of directions: {counts}")
    stacks = [s.astype(p.dtype, copy=False) for s, p in zip(stacks, points, strict=True)]
    return points, stacks, counts and None not in counts


def _seed_direction(point, stacks, layout, lvl):
    """The argument of ``point`` with given stacks."""
    if point.kind == "list":
        return [
            settle(make(part(entry).copy(), tuple(s[:, i] for s in stacks), layout, lvl))
            for i, entry in enumerate(point.x)
        ]
    x = duplicate(part(point.x))
    seeded = []
    for s in stacks:
        found = next((new for old, new in zip(stacks, seeded, strict=False) if old is s), None)
        seeded.append((like(x, s) if is_dual(x) and not is_dual(s) else duplicate(s)) if found is None else found)
    made = make(x, tuple(seeded), layout, lvl)
    return settle(made) if point.kind == "number" else made


# -- second order --------------------------------------------------------------------------------------------------------------------


def _hessian(function, argnums, mode, chunk_size, batched, max_memory, has_aux, strict, name, scalar=False):
    _settings(function, name, mode, chunk_size, max_memory, argnums)

    short = chunk_size is None and max_memory is None and not (batched or has_aux)

    def compute(args, kwargs):
        done = second_order_pass(function, args, argnums, kwargs, strict) if short else None
        if done is not None and done[3] is None:
            return *done[:3], None
        call = Call(function, argnums, args, kwargs, name, strict, has_aux)
        point = call.point
        shape, n = _batch_shapes(point, batched, name)
        if done is None:
            chunks = columns(n, chunk_size, max_memory, point.size, point.dtype.itemsize, name, planes=2)
            val, first, second = _blocks(call, chunks, n, batched)
        else:
            val, (first, _, second) = call.read_second(*done[:2], (TRIANGLE, n, n))
            second = second[mirror(n)]
        if scalar and val.shape != ():
            raise DifferentiationValueError(
                f"{name}: {_name(function)} returned an array of shape {val.shape}, but a gradient needs a scalar; "
                f"perhaps you meant dualdiff.value_and_jacobian and dualdiff.hessian"
            )
        if batched:
            _check_rows(val, point, name)
        return val, back(first, shape), back(second, shape + shape), call.aux

    return compute


def _blocks(call, chunks, n, batched):
    """First-order planes (n, *Y) and second-order planes (n n, *Y), from one pass per pair of chunks."""
    if len(chunks) == 1:
        val, (e1, _, e12) = call.second_order(chunks[0], chunks[0], TRIANGLE, batched)
        return val, e1, e12[mirror(n)]
    rows = {}
    first = []
    for i, a in enumerate(chunks):
        for j, b in enumerate(chunks[: i + 1]):
            if i == j:
                val, (e1, _, e12) = call.second_order(a, a, TRIANGLE, batched)
                first.append(e1)
                rows[i, i] = e12[mirror(a[1])].reshape((a[1], a[1], *val.shape))
            else:
                val, (_, _, e12) = call.second_order(a, b, FULL, batched)
                rows[i, j] = e12.reshape((a[1], b[1], *val.shape))
                rows[j, i] = np.swapaxes(rows[i, j], 0, 1)
    grid = range(len(chunks))
    full = np.concatenate([np.concatenate([rows[i, j] for j in grid], axis=1) for i in grid], axis=0)
    return val, np.concatenate(first), full.reshape((n * n, *val.shape))


def mirror(n):
    """For every pair (p, q) of n seeds the number of its plane in the triangle."""
    where = np.zeros((n, n), dtype=np.intp)
    p, q = pairs((TRIANGLE, n, n))
    where[p, q] = where[q, p] = np.arange(len(p))
    return where.reshape(-1)


def hessian(function, argnums=0, *, mode="auto", chunk_size=None, batched=False, max_memory=None, has_aux=False,
            strict=False):
    """Compute exact second derivatives by hyper-dual numbers; see `jacobian` for the parameters.

    Returns
    -------
    callable
        Returns an array of shape ``f(x).shape + x.shape + x.shape`` (with ``batched=True`` (B, *out, *in, *in)),
        symmetric to the bit: one triangle is computed, the other is its mirror image.

    Notes
    -----
    ``chunk_size`` limits each of the two sets of seeds, so that a pass carries at most its square in pairs
    (Fike & Alonso 2011).

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> dd.hessian(lambda v: v[0]**2 * v[1])(np.array([1.0, 3.0]))
    array([[6., 2.],
           [2., 0.]])
    """
    compute = _hessian(function, argnums, mode, chunk_size, batched, max_memory, has_aux, strict, "hessian")
    pick = (lambda val, g, h, aux: (h, aux)) if has_aux else (lambda val, g, h, aux: h)
    return _public(function, compute, pick)


def value_grad_and_hessian(function, argnums=0, *, mode="auto", chunk_size=None, max_memory=None, has_aux=False,
                           strict=False):
    """Compute value, gradient and Hessian of a scalar function from one evaluation where memory allows.

    Returns
    -------
    callable
        Returns ``(value, gradient, hessian)``; with ``has_aux=True`` ``((value, aux), gradient, hessian)``.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> dd.value_grad_and_hessian(lambda v: v @ v)(np.array([1.0]))
    (np.float64(1.0), array([2.]), array([[2.]]))
    """
    compute = _hessian(function, argnums, mode, chunk_size, False, max_memory, has_aux, strict,
                       "value_grad_and_hessian", True)

    def pick(val, g, h, aux):
        return ((own(val), aux) if has_aux else own(val)), g, h

    return _public(function, compute, pick)


def hvp(function, primals, tangents, *, chunk_size=None, max_memory=None, strict=False):
    """Compute the product of the Hessian of a scalar function with a vector.

    Parameters
    ----------
    function : callable
        Returns a scalar.
    primals, tangents : tuple
        The arguments and, for each, the part of the vector that goes with it.

    Returns
    -------
    ndarray of the shape of x, or a tuple with one such array per primal when there are several.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> dd.hvp(lambda v: v[0]**2 * v[1], (np.array([1.0, 3.0]),), (np.array([1.0, 0.0]),))
    array([6., 2.])
    """
    check_function(function, "hvp")
    check_chunk(chunk_size, "hvp")
    points, stacks, several = _directions(primals, tangents, "hvp")
    if several:
        raise DifferentiationValueError("hvp: takes one vector, found tangents with a leading axis; call it for each")
    sizes = [point.size for point in points]
    offsets = np.cumsum([0, *sizes])
    n, largest = int(offsets[-1]), max(sizes, default=1)
    itemsize = max((point.dtype.itemsize for point in points), default=8)
    rows = []
    for first, count in columns(n, chunk_size, max_memory, largest, itemsize, "hvp"):
        layout = (FULL, 1, count)
        lvl = levels.open_level(strict)
        try:
            seeded = [
                _seed_direction(p, (s, _columns_of(p, first - int(o), count), np.zeros((count, *p.shape), p.dtype)),
                                layout, lvl)
                for p, s, o in zip(points, stacks, offsets[:-1], strict=True)
            ]
            val, planes, _ = read(function(*seeded), lvl, "hvp", function)
        finally:
            levels.close_level(lvl)
        if val.shape != ():
            raise DifferentiationValueError(
                f"hvp: {_name(function)} returned an array of shape {val.shape}, but a Hessian-vector product needs a "
                f"scalar; use dualdiff.hessian"
            )
        rows.append(np.zeros(count) if planes is None else planes[2])
    flat = rows[0] if len(rows) == 1 else np.concatenate(rows)
    out = tuple(own(flat[o : o + s].reshape(p.shape)) for p, o, s in zip(points, offsets[:-1], sizes, strict=True))
    return out[0] if len(out) == 1 else out


def _columns_of(point, first, count):
    """Planes first … first + count of the identity over all arguments, as far as they concern this one."""
    seeds = np.zeros((count, point.size), point.dtype)
    low, high = max(first, 0), min(first + count, point.size)
    if low < high:
        seeds[np.arange(low - first, high - first), np.arange(low, high)] = 1.0
    return seeds.reshape((count, *point.shape))


def laplacian(function, argnums=0, *, chunk_size=None, max_memory=None, strict=False):
    """Compute the sum of the second derivatives ``Σ ∂²f/∂x_i²`` of a scalar function.

    Only the diagonal pairs of seeds are carried: n planes, not n².

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> dd.laplacian(lambda v: v @ v)(np.zeros(3))
    np.float64(6.0)
    """
    _settings(function, "laplacian", "auto", chunk_size, max_memory, argnums)

    @functools.wraps(function)
    def transformed(*args, **kwargs):
        call = Call(function, argnums, args, kwargs, "laplacian", strict)
        point = call.point
        total = None
        for chunk in columns(point.size, chunk_size, max_memory, point.size, point.dtype.itemsize, "laplacian"):
            val, (_, _, e12) = call.second_order(chunk, chunk, DIAGONAL)
            if val.shape != ():
                raise DifferentiationValueError(
                    f"laplacian: {_name(function)} returned an array of shape {val.shape}; it must return a scalar, "
                    f"use dualdiff.hessian for the second derivatives of arrays"
                )
            part_sum = np.sum(e12, axis=0)
            total = part_sum if total is None else total + part_sum
        return total

    return transformed


def _square_jacobian(function, argnums, name, chunk_size, max_memory, strict):
    compute = _jacobian(function, argnums, "auto", chunk_size, False, max_memory, False, strict, name)

    def square(args, kwargs):
        val, jac, _ = compute(args, kwargs)
        n = math.isqrt(jac.size)
        if n * n != jac.size or val.size != n:
            raise DifferentiationValueError(
                f"{name}: needs as many outputs as inputs, found a result of shape {val.shape} for x of size "
                f"{jac.size // max(val.size, 1)}; use dualdiff.jacobian"
            )
        return np.reshape(jac, (n, n))

    return square


def divergence(function, argnums=0, *, chunk_size=None, max_memory=None, strict=False):
    """Compute ``Σ ∂f_i/∂x_i`` of a map from R^n to R^n.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> dd.divergence(lambda v: v**2)(np.array([1.0, 2.0]))
    np.float64(6.0)
    """
    square = _square_jacobian(function, argnums, "divergence", chunk_size, max_memory, strict)

    @functools.wraps(function)
    def transformed(*args, **kwargs):
        return np.trace(square(args, kwargs))

    return transformed


def logabsdet_jacobian(function, argnums=0, *, chunk_size=None, max_memory=None, strict=False):
    """Compute ``log|det J|`` of a map from R^n to R^n: the change-of-variables term of a density.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> dd.logabsdet_jacobian(np.exp)(np.array([1.0, 2.0]))
    np.float64(3.0)
    """
    square = _square_jacobian(function, argnums, "logabsdet_jacobian", chunk_size, max_memory, strict)

    @functools.wraps(function)
    def transformed(*args, **kwargs):
        return np.linalg.slogdet(square(args, kwargs))[1]

    return transformed


def propagate(function, x, cov, *args, strict=False, **kwargs):
    """Propagate uncertainty to first order: the value and its covariance ``J C Jᵀ``.

    Parameters
    ----------
    function : callable
    x : float, array_like
        The measured numbers.
    cov : float or array_like
        Their covariance: of shape (n, n) for x of size n, a variance for a number.

    Returns
    -------
    y : the value ``f(x)``
    covariance : of shape ``f(x).shape + f(x).shape``

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> dd.propagate(lambda v: v[0] * v[1], np.array([2.0, 5.0]), np.diag([0.01, 0.04]))
    (np.float64(10.0), np.float64(0.41000000000000003))
    """
    val, jac = value_and_jacobian(function, strict=strict)(x, *args, **kwargs)
    cov = pack(cov) if has_duals(cov) else np.asarray(cov, dtype=np.float64)
    n = np.size(jac) // max(np.size(val), 1) if np.size(val) else Point(x, "propagate").size
    if cov.shape != (n, n) and not (cov.shape == () and n == 1):
        raise DifferentiationValueError(
            f"propagate: cov must have shape ({n}, {n}) for x of size {n}, found {cov.shape}; "
            f"for independent errors pass np.diag(sigma**2)"
        )
    flat = np.reshape(jac, (-1, n))
    out = flat @ np.reshape(cov, (n, n)) @ flat.T
    return val, own(np.reshape(out, (*np.shape(val), *np.shape(val))))

