"""Linear and multilinear functions of NumPy with their transposes, and selections: what reverse mode records.

A function stands here when its transpose has a short form of its own. Every other entry of the registry is recorded
through its rule for dual numbers: compositions run on recorded arrays as they are, and what acts on planes is
transposed by recording the planes (`dualdiff.reverse.transposed`).

With the pairing ``⟨w, v⟩ = Re Σ conj(w) v`` the transpose of ``A`` is its conjugate transpose, for complex
intermediates as for real ones. Cotangents are stacks ``(m, *S)``. They are treated with NumPy's functions throughout,
so that dual cotangents give second derivatives and recorded ones nest.
"""

import functools
import math

import numpy as np

from .._reverse import (
    as_view,
    constant,
    empty,
    entries,
    fixed,
    is_traced,
    record,
    record_product,
    record_sum,
    stretched,
    times,
)
from ..errors import DifferentiationTypeError
from ..kinds import is_dual
from ..kinds import level as level_of
from ..levels import require_live
from ..packing import part, primal, shape_of
from . import products
from .folds import cast, folded_axes, kept, missing, operands
from .linalg import solve_planes
from .norms import with_value
from .registry import RULES, finite, numbers, refuse_dual, strong

# NumPy function -> what records it; called with the arguments that NumPy's function got.
RECORDED = {}
NONE = np._NoValue


def recorded(*functions):
    """Register how functions are recorded."""

    def register(handler):
        for function in functions:
            RECORDED[function] = handler
        return handler

    return register


def linear(*functions):
    """Register a function that is linear in its first argument: ``transpose(x, *args, **kwargs)`` gives value, map."""

    def register(prepare):
        for function in functions:
            @functools.wraps(prepare)
            def handler(x, *args, _function=function, **kwargs):
                if not is_traced(x):
                    return RULES[_function](x, *args, **kwargs)
                value, transpose = prepare(_function, x.value, *args, **kwargs)
                return record(value, (x,), transpose, x.level, True)

            RECORDED[function] = handler
        return prepare

    return register


def highest(*arguments):
    """The level that is recorded: the highest one."""
    return max(a.level for a in arguments if is_traced(a))


def at(a, level):
    """What an argument is to a recorded operation of this level: its value, or a constant."""
    if is_traced(a) and a.level == level:
        return a.value
    if is_dual(a):
        require_live(level_of(a))
    return fixed(a)


def is_active(a, level):
    return is_traced(a) and a.level == level and a.active


# -- shapes ------------------------------------------------------------------------------------------------------------


def is_view(new, old):
    """Whether an array shows the memory of another one."""
    new, old = primal(new), primal(old)
    return isinstance(new, np.ndarray) and new.size > 0 and np.may_share_memory(new, old)


def shown(x, value, function, transpose):
    """Record ``function(x)``, which is a view where its value is one."""
    y = record(value, (x,), transpose, x.level, True)
    return as_view(y, x, function) if is_view(value, x.value) else y


@recorded(np.reshape)
def _reshape(a, shape, order="C", *, copy=None):
    if not is_traced(a) or order != "C":
        return RULES[np.reshape](a, shape, order=order, copy=copy)
    value, old = a.value.reshape(shape), a.shape
    return shown(a, value, lambda x: x.reshape(shape), lambda g: g.reshape((g.shape[0], *old)))


@recorded(np.ravel)
def _ravel(a, order="C"):
    if not is_traced(a):
        return RULES[np.ravel](a, order)
    made = _reshape(a, -1, order="F" if order == "F" else "C")
    # A view only where the entries lie one behind the other, unlike that of reshape.
    return made if primal(made).flags.contiguous else made.copy()


@recorded(np.transpose)
def _transpose(a, axes=None):
    axes = tuple(range(a.ndim))[::-1] if axes is None else tuple(int(i) % a.ndim for i in axes)
    inverse = (0, *(int(i) + 1 for i in np.argsort(axes)))
    return shown(a, a.value.transpose(axes), lambda x: np.transpose(x, axes), lambda g: np.transpose(g, inverse))


@recorded(np.swapaxes)
def _swapaxes(a, axis1, axis2):
    axes = list(range(a.ndim))
    axes[axis1], axes[axis2] = axes[axis2], axes[axis1]
    return _transpose(a, axes)


@recorded(np.matrix_transpose, np.linalg.matrix_transpose)
def _matrix_transpose(x, /):
    return _swapaxes(x, -1, -2)


@recorded(np.moveaxis)
def _moveaxis(a, source, destination):
    source, destination = folded_axes(source, a.ndim), folded_axes(destination, a.ndim)
    order = [i for i in range(a.ndim) if i not in source]
    for to, origin in sorted(zip(destination, source, strict=True)):
        order.insert(to, origin)
    return _transpose(a, order)


@recorded(np.squeeze)
def _squeeze(a, axis=None):
    return _reshape(a, np.squeeze(primal(a), axis).shape)


@recorded(np.expand_dims)
def _expand_dims(a, axis):
    return _reshape(a, np.expand_dims(primal(a), axis).shape)


@recorded(np.broadcast_to)
def _broadcast_to(array, shape, subok=False):
    shape = (shape,) if np.ndim(shape) == 0 else tuple(shape)
    old = array.shape
    value = np.broadcast_to(array.value, shape)
    return shown(array, value, lambda x: np.broadcast_to(x, shape), lambda g: summed_to(g, old))


def summed_to(g, shape):
    """The transpose of broadcasting."""
    extra = g.ndim - 1 - len(shape)
    axes = tuple(i for i in range(1, g.ndim) if i <= extra or shape[i - 1 - extra] != g.shape[i])
    g = np.sum(g, axis=axes) if axes else g
    return g if g.shape[1:] == shape else g.reshape((g.shape[0], *shape))


def spread_back(g, shape, axes, keepdims):
    """The transpose of a sum over ``axes`` of an array of this shape."""
    if not keepdims:
        g = g.reshape((g.shape[0], *(1 if i in axes else n for i, n in enumerate(shape))))
    if type(g) is np.ndarray and len(axes) == len(shape):
        return stretched(g, shape)
    return np.broadcast_to(g, (g.shape[0], *shape))


def revalued(x, value):
    """The same entry beside NumPy's own value of it."""
    return record(part(value), (x,), lambda g: g, x.level)


# -- sums --------------------------------------------------------------------------------------------------------------


@recorded(np.sum)
def _sum(a, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=True):
    a = cast(a, dtype)
    if not missing(initial):
        return _sum(a, axis, keepdims=keepdims, where=where) + initial
    if where is not True:
        refuse_dual(np.sum, where=where)
        total = np.sum(a.value, axis=axis, keepdims=keepdims, where=where)
        return revalued(_sum(np.where(where, a, np.zeros((), a.dtype)), axis, keepdims=keepdims), total)
    keepdims = keepdims is not NONE and bool(keepdims)
    value = np.sum(a.value, axis=axis, keepdims=True) if keepdims else np.sum(a.value, axis=axis)
    return record_sum(value, a, folded_axes(axis, a.ndim), keepdims)


@recorded(np.mean)
def _mean(a, axis=None, dtype=None, out=None, keepdims=False, *, where=True):
    a = cast(a, dtype)
    if where is not True:
        refuse_dual(np.mean, where=where)
        mean = np.mean(a.value, axis=axis, keepdims=keepdims, where=where)
        count = np.sum(np.broadcast_to(where, a.shape), axis=axis, keepdims=keepdims)
        return revalued(_sum(a, axis, keepdims=keepdims, where=where) / count, mean)
    x, shape = a.value, a.shape
    axes = folded_axes(axis, len(shape))
    count = math.prod(shape[i] for i in axes)
    keepdims = keepdims is not NONE and bool(keepdims)
    value = np.mean(x, axis=axis, keepdims=True) if keepdims else np.mean(x, axis=axis)
    return record(value, (a,), lambda g: spread_back(g / count, shape, axes, keepdims), a.level)


@recorded(np.std)
def _std(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, **options):
    """A tip where the variance is 0: slope 0 at first order, nan at second, or nan when strict."""
    a = cast(a, dtype)
    variance = np.var(a, axis=axis, ddof=ddof, keepdims=keepdims, **options)
    value = part(np.sqrt(variance.value))
    tip = primal(value) == 0.0
    if not np.any(tip):
        return np.sqrt(variance)
    zero = np.zeros(tip.shape, value.dtype)
    with np.errstate(all="ignore"):
        slope = 0.5 / np.where(tip, zero + 1.0, value)
        deviations = a.value - np.mean(a.value, axis=axis, keepdims=True)
        loud = np.sum(deviations * np.nan, axis=axis, keepdims=keepdims)
        at_tip = zero * np.nan if a.level & 1 else with_value(loud, zero)
        slope, value = part(np.where(tip, at_tip, slope)), part(np.where(tip, zero, value))
    return times(value, variance, slope)


@recorded(np.cumsum)
def _cumsum(a, axis=None, dtype=None, out=None):
    if dtype is not None or axis is None or not is_traced(a):
        return RULES[np.cumsum](a, axis=axis, dtype=dtype)
    axis = axis % a.ndim + 1

    def transpose(g):
        return np.flip(np.cumsum(np.flip(g, axis), axis), axis)

    return record(np.cumsum(a.value, axis=axis - 1), (a,), transpose, a.level)


# -- extrema -----------------------------------------------------------------------------------------------------------


def extreme(ufunc):
    """A maximum or minimum: all tied entries share alike, at every order."""

    def handler(a, axis=None, out=None, keepdims=False, initial=None, where=True):
        refuse_dual(ufunc, where=where)
        if not is_traced(a):
            return RULES[np.max if ufunc is np.maximum else np.min](
                a, axis=axis, keepdims=keepdims, initial=initial, where=where)
        if axis is None and where is True and missing(initial) and a.size and type(a.value) is np.ndarray:
            plain = a.value
            place = int(np.argmax(plain) if ufunc is np.maximum else np.argmin(plain))
            best = plain.reshape(-1)[place]
            if best == best and np.count_nonzero(plain == best) == 1:
                index = place if plain.ndim == 1 else tuple(int(i) for i in np.unravel_index(place, plain.shape))
                return kept(entries(a, index, best), a.shape, axis, keepdims)
        x = operands(a, axis, ufunc, initial, where)
        return kept(extremum(ufunc, x), a.shape, axis, keepdims)

    return handler


def extremum(ufunc, x):
    """The extremum along the first axis of a recorded array."""
    from ..reverse import strong_product

    plain, value = primal(x), part(ufunc.reduce(x.value, axis=0))
    best = primal(value)
    tied = (plain == best) | ((plain != plain) & (best != best))
    count = np.count_nonzero(tied, axis=0)
    if plain.ndim == 1 and count == 1:
        return entries(x, int(np.argmax(tied)), value)
    weights = tied / count.astype(plain.dtype)
    if x.level & 1:
        weights = np.where(tied & (count > 1), plain.dtype.type(np.nan), weights)
    return record(value, (x,), lambda g: strong_product(weights, np.broadcast_to(
        np.expand_dims(g, 1), (g.shape[0], *weights.shape)), 1.0, True), x.level)


recorded(np.max, np.amax)(extreme(np.maximum))
recorded(np.min, np.amin)(extreme(np.minimum))


# -- joining and branches ----------------------------------------------------------------------------------------------


@recorded(np.concatenate)
def _concatenate(arrays, axis=0, out=None, *, dtype=None, casting="same_kind"):
    parts = [numbers(a) for a in arrays]
    level = highest(*parts)
    values = [at(a, level) for a in parts]
    value = np.concatenate(values, axis, dtype=dtype, casting=casting) if dtype is not None else np.concatenate(
        values, axis)
    shapes = [shape_of(v) for v in values]
    if axis is None:
        sizes, along = [math.prod(s) for s in shapes], 1
    else:
        along = axis % value.ndim + 1
        sizes = [s[along - 1] for s in shapes]
    ends = np.cumsum(sizes).tolist()

    def transpose(g):
        pieces = []
        for shape, end, size, a in zip(shapes, ends, sizes, parts, strict=True):
            piece = None
            if is_traced(a):
                piece = g[(slice(None),) * along + (slice(end - size, end),)]
                piece = piece if axis is not None else piece.reshape((g.shape[0], *shape))
            pieces.append(piece)
        return tuple(pieces)

    return record(value, tuple(parts), transpose, level, True)


@recorded(np.stack)
def _stack(arrays, axis=0, out=None, *, dtype=None, casting="same_kind"):
    parts = [numbers(a) for a in arrays]
    level = highest(*parts)
    values = [at(a, level) for a in parts]
    value = np.stack(values, axis) if dtype is None else np.stack(values, axis, dtype=dtype, casting=casting)
    before = (slice(None),) * (axis % value.ndim + 1)

    def transpose(g):
        return tuple(g[(*before, i)] if is_traced(a) else None for i, a in enumerate(parts))

    return record(value, tuple(parts), transpose, level, True)


@recorded(np.where)
def _where(condition, *branches):
    condition = primal(numbers(condition))
    if not branches:
        return np.where(condition)
    branches = [numbers(b) for b in branches]
    if not any(map(is_traced, branches)):
        return np.where(condition, *branches)
    level = highest(*branches)
    values = [at(b, level) for b in branches]
    value = part(np.where(condition, *values))
    condition = np.asarray(condition)
    shapes = [shape_of(v) for v in values]

    def transpose(g):
        zero = np.zeros((), g.dtype)
        return (summed_to(np.where(condition, g, zero), shapes[0]) if is_active(branches[0], level) else None,
                summed_to(np.where(condition, zero, g), shapes[1]) if is_active(branches[1], level) else None)

    return record(value, tuple(branches), transpose, level)


# -- products ----------------------------------------------------------------------------------------------------------


def _c(a):
    """The conjugate, of what may be complex."""
    return np.conjugate(a) if a.dtype.kind == "c" else a


def strongly(transpose, g, *others):
    """A transposed product under the strong zero: a zero cotangent contributes 0 beside an inf or a nan."""
    product = transpose(g, *others)
    # What is not finite in an operand is not finite in the product.
    if any(is_dual(a) for a in (g, *others)) or finite(product):
        return product
    return strong(lambda operands, lead: transpose(*operands), [g, *others], (0,))


def _product(a, b):
    """A matrix product; a large one in memory that is taken again, like those of dual arrays."""
    if not (type(a) is type(b) is np.ndarray and a.dtype == b.dtype == np.float64 and min(a.ndim, b.ndim) >= 2):
        return np.matmul(a, b)
    if a.shape[-2] * b.shape[-1] < 8192 or a.shape[-1] != b.shape[-2]:
        return np.matmul(a, b)
    shape = (*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1])
    return np.matmul(a, b, out=empty(shape))


def _constant_times(a, b):
    """``a @ b`` where a is plain: every part of a dual b is treated as its value is, if all stays finite."""
    if type(a) is np.ndarray and a.ndim == 2 and is_dual(b) and not is_traced(b) and b.ndim >= 2 and finite(a):
        return b.map_parts(lambda part: _product(a, part))
    return _product(a, b)


def _left(g, b, shape):
    """The cotangent of a in a @ b, both at least of two dimensions."""
    if b.ndim == 2:
        return summed_to(products._many_rows(g, np.transpose(_c(b))), shape)
    return summed_to(np.matmul(g, np.swapaxes(_c(b), -1, -2)), shape)


def _right(g, a, shape):
    """The cotangent of b in a @ b: the rows of a batch are the rows of one matrix where b has no batch."""
    if len(shape) == 2 and a.ndim > 2 and a.ndim == g.ndim - 1:
        rows = math.prod(a.shape[:-1])
        a, g = a.reshape((rows, a.shape[-1])), g.reshape((g.shape[0], rows, g.shape[-1]))
    if a.ndim == 2 and g.shape[-1] == 1 and g.ndim == 3:
        return np.matmul(g[..., 0], _c(a))[..., None]
    return summed_to(_constant_times(np.swapaxes(_c(a), -1, -2), g), shape)


def _factor(a):
    if is_traced(a) or (type(a) is np.ndarray and a.dtype != object):
        return a
    a = numbers(a)
    return a if is_dual(a) else np.asarray(a)


@recorded(np.matmul, np.linalg.matmul)
def _matmul(a, b, /, out=None):
    a, b = _factor(a), _factor(b)
    level = highest(a, b)
    x, y = at(a, level), at(b, level)
    return products.store(record_product(_constant_times(x, y), a, b, x, y, level), out)


def left_cotangent(g, y, shape):
    """The cotangent of a in ``a @ y``, of this shape: ``g yᴴ``."""
    row, column = len(shape) == 1, y.ndim == 1
    if column and len(shape) == 2:
        return strongly(lambda g, y: g[:, :, None] * _c(y), g, y)
    if row:
        g = np.expand_dims(g, -1 if column else -2)
    if column:
        g = np.expand_dims(g, -1)
    full = (1, *shape) if row else shape
    left = strongly(lambda g, y: _left(g, y[:, None] if column else y, full), g, y)
    return left.reshape((g.shape[0], *shape))


def right_cotangent(g, x, shape):
    """The cotangent of b in ``x @ b``, of this shape: ``xᴴ g``."""
    row, column = x.ndim == 1, len(shape) == 1
    if column and x.ndim == 2:
        # A matrix times a vector: cotangents are the rows of one matrix product.
        return strongly(lambda g, x: np.matmul(g, _c(x)), g, x)
    if row:
        g = np.expand_dims(g, -1 if column else -2)
    if column:
        g = np.expand_dims(g, -1)
    full = (*shape, 1) if column else shape
    right = strongly(lambda g, x: _right(g, x[None, :] if row else x, full), g, x)
    return right.reshape((g.shape[0], *shape))


@recorded(np.vecdot)
def _vecdot(a, b, /, out=None, *, axis=-1):
    a, b = numbers(a), numbers(b)
    return products.store(np.sum(np.multiply(np.conjugate(a) if a.dtype.kind == "c" else a, b), axis=axis), out)


def _matvec(a, b, /, out=None):
    return products.store(np.matmul(a, np.expand_dims(b, -1))[..., 0], out)


def _vecmat(a, b, /, out=None):
    a = numbers(a)
    a = np.conjugate(a) if a.dtype.kind == "c" else a
    return products.store(np.matmul(np.expand_dims(a, -2), b)[..., 0, :], out)


if hasattr(np, "matvec"):  # NumPy 2.2
    recorded(np.matvec)(_matvec)
    recorded(np.vecmat)(_vecmat)


@recorded(np.einsum)
def _einsum(*arguments, out=None, optimize=False, **kwargs):
    inputs, output, parts = products._subscripts(arguments)
    parts = [numbers(a) for a in parts]
    level = highest(*parts)
    values = [np.asarray(v) if not is_dual(v) else v for v in (at(a, level) for a in parts)]
    inputs, output = _spelled(inputs, output, values)
    value = part(np.einsum(f"{','.join(inputs)}->{output}", *values, optimize=optimize, **kwargs))

    def transpose(g):
        return tuple(
            strongly(lambda g, *others, i=i: _einsum_transposed(g, others, inputs, output, i, values[i].shape), g,
                     *(v for j, v in enumerate(values) if j != i)) if is_active(a, level) else None
            for i, a in enumerate(parts))

    if len(parts) == 1:
        # NumPy gives a view where nothing is summed.
        text = f"{inputs[0]}->{output}"
        return products.store(shown(parts[0], value, lambda x: np.einsum(text, x), transpose), out)
    return products.store(record(value, tuple(parts), transpose, level), out)


def _spelled(inputs, output, values):
    """Subscripts with letters in the place of an ellipsis."""
    if not any("." in text for text in (*inputs, output)):
        return inputs, output
    free = [letter for letter in products._LETTERS if letter not in "".join(inputs) + output]
    depths = [v.ndim - len(text.replace("...", "")) if "." in text else 0
              for text, v in zip(inputs, values, strict=True)]
    deepest = max(depths)
    letters = "".join(free[:deepest])
    inputs = [text.replace("...", letters[deepest - depth :]) for text, depth in zip(inputs, depths, strict=True)]
    return inputs, output.replace("...", letters)


def _einsum_transposed(g, others, inputs, output, i, shape):
    """The cotangent of operand i: g takes its place, and its subscripts are asked for."""
    used = set("".join(inputs) + output)
    plane = next((letter for letter in products._LETTERS if letter not in used), None)
    if plane is None:
        raise DifferentiationTypeError("np.einsum: all 52 letters are taken and none is left for the cotangents; "
                                       "contract in two steps")
    own = "".join(dict.fromkeys(inputs[i]))
    rest = [text for j, text in enumerate(inputs) if j != i]
    known = [letter for letter in own if letter in output or any(letter in text for text in rest)]
    texts = [plane + output, *rest]
    # Two operands of a matrix product's size go through BLAS.
    fast = len(texts) > 2 or sum(math.prod(a.shape) for a in (g, *others)) > 2000
    back = np.einsum(f"{','.join(texts)}->{plane}{''.join(known)}", g, *map(_c, others), optimize=fast)
    sizes = dict(zip(inputs[i], shape, strict=True))
    # A letter that stands nowhere else was summed over; one of length 1 here was broadcast.
    back = back.reshape((g.shape[0], *(back.shape[1 + known.index(x)] if x in known else 1 for x in own)))
    wide = tuple(sizes[x] if x not in known else back.shape[1 + j] for j, x in enumerate(own))
    back = summed_to(np.broadcast_to(back, (g.shape[0], *wide)), tuple(sizes[x] for x in own))
    if len(own) == len(inputs[i]):
        return back
    # A repeated letter is a diagonal.
    index = np.indices([sizes[x] for x in own])
    key = tuple(index[own.index(x)] for x in inputs[i])
    from ..reverse import scattered

    return scattered(back, key, shape)


@recorded(np.convolve)
def _convolve(a, v, mode="full"):
    a, v = (np.atleast_1d(one) if is_dual(one) else np.atleast_1d(np.asarray(one)) for one in map(numbers, (a, v)))
    level = highest(a, v)
    x, y = at(a, level), at(v, level)

    def transpose(g):
        return tuple(
            np.stack([np.correlate(plane, other, "valid") for plane in g]) if is_active(one, level) else None
            for one, other in ((a, y), (v, x)))

    full = record(part(np.convolve(x, y)), (a, v), transpose, level)
    return full if mode == "full" else _window(full, np.convolve, x, y, mode)


@recorded(np.correlate)
def _correlate(a, v, mode="valid"):
    """A convolution with the other vector reversed."""
    a, v = (np.atleast_1d(one) if is_dual(one) else np.atleast_1d(np.asarray(one)) for one in map(numbers, (a, v)))
    full = np.convolve(a, np.flip(np.conjugate(v) if v.dtype.kind == "c" else v))
    level = highest(a, v)
    return _window(full, np.correlate, at(a, level), at(v, level), mode)


def _window(full, function, x, y, mode):
    """The part of a full convolution that another mode keeps; probes tell which."""
    probes = [np.sin(np.arange(1.0, 1.0 + primal(one).shape[0]) ** 2) for one in (x, y)]
    whole, kept_part = function(*probes, mode="full"), function(*probes, mode=mode)
    size = kept_part.shape[0]
    first = next(int(i) for i in range(whole.shape[0] - size + 1)
                 if np.allclose(whole[i : i + size], kept_part, rtol=1e-12, atol=1e-12))
    return full[first : first + size]


# -- Fourier -----------------------------------------------------------------------------------------------------------

_SWAPPED = {None: "forward", "backward": "forward", "ortho": "ortho", "forward": "backward"}


def _fitted(a, n, axis):
    """Crop or pad with zeros to length n."""
    if a.shape[axis] >= n:
        return a[(slice(None),) * axis + (slice(n),)] if a.shape[axis] > n else a
    widths = [(0, 0)] * a.ndim
    widths[axis] = (0, n - a.shape[axis])
    return np.pad(a, widths)


@linear(np.fft.fft, np.fft.ifft)
def _fft(function, x, n=None, axis=-1, norm=None, out=None):
    """Fᴴ is the other transform, with the other scaling."""
    other = np.fft.ifft if function is np.fft.fft else np.fft.fft
    axis, length = axis % x.ndim, x.shape[axis]
    n = length if n is None else n
    return function(x, n, axis, norm), lambda g: _fitted(other(g, n, axis + 1, _SWAPPED[norm]), length, axis + 1)


@linear(np.fft.rfft)
def _rfft(function, x, n=None, axis=-1, norm=None, out=None):
    """The spectrum's other half had no cotangent."""
    axis, length = axis % x.ndim, x.shape[axis]
    n = length if n is None else n
    return function(x, n, axis, norm), lambda g: _fitted(
        np.real(np.fft.ifft(_fitted(g, n, axis + 1), n, axis + 1, _SWAPPED[norm])), length, axis + 1)


@linear(np.fft.irfft)
def _irfft(function, x, n=None, axis=-1, norm=None, out=None):
    """Frequencies other than 0 and n/2 stand for two."""
    axis, length = axis % x.ndim, x.shape[axis]
    n = 2 * (length - 1) if n is None else n
    half = n // 2 + 1
    weights = np.full(half, 2.0)
    weights[0] = 1.0
    if n % 2 == 0:
        weights[-1] = 1.0
    weights = weights.reshape((half, *[1] * (x.ndim - 1 - axis)))
    return function(x, n, axis, norm), lambda g: _fitted(
        np.fft.rfft(g, n, axis + 1, _SWAPPED[norm]) * weights, length, axis + 1)


@recorded(np.fft.hfft)
def _hfft(a, n=None, axis=-1, norm=None, out=None):
    return np.fft.irfft(np.conjugate(a), n, axis, _SWAPPED[norm])


@recorded(np.fft.ihfft)
def _ihfft(a, n=None, axis=-1, norm=None, out=None):
    return np.conjugate(np.fft.rfft(a, n, axis, _SWAPPED[norm]))


def _axis_by_axis(function, one, last, default):
    """A transform over several axes: one after the other, the one that is real first or last."""

    def handler(a, s=None, axes=default, norm=None, out=None):
        axes = (range(a.ndim) if s is None else range(a.ndim - len(s), a.ndim)) if axes is None else axes
        axes = [axis % a.ndim for axis in axes]
        sizes = [None] * len(axes) if s is None else [None if n == -1 else n for n in s]
        steps = list(zip(axes, sizes, strict=True))
        if last is np.fft.rfft:
            a = last(a, steps[-1][1], steps[-1][0], norm)
            steps = steps[:-1]
        for axis, n in steps if last is not np.fft.irfft else steps[:-1]:
            a = one(a, n, axis, norm)
        return last(a, steps[-1][1], steps[-1][0], norm) if last is np.fft.irfft else a

    recorded(function)(handler)


for _suffix, _default in (("2", (-2, -1)), ("n", None)):
    _axis_by_axis(getattr(np.fft, f"fft{_suffix}"), np.fft.fft, None, _default)
    _axis_by_axis(getattr(np.fft, f"ifft{_suffix}"), np.fft.ifft, None, _default)
    _axis_by_axis(getattr(np.fft, f"rfft{_suffix}"), np.fft.fft, np.fft.rfft, _default)
    _axis_by_axis(getattr(np.fft, f"irfft{_suffix}"), np.fft.ifft, np.fft.irfft, _default)


@recorded(np.fft.fftshift)
def _fftshift(x, axes=None):
    axes = folded_axes(axes, x.ndim)
    return np.roll(x, [x.shape[i] // 2 for i in axes], axes)


@recorded(np.fft.ifftshift)
def _ifftshift(x, axes=None):
    axes = folded_axes(axes, x.ndim)
    return np.roll(x, [-(x.shape[i] // 2) for i in axes], axes)


# -- complex parts -----------------------------------------------------------------------------------------------------


@recorded(np.real)
def _real(val):
    if val.dtype.kind != "c":
        return val
    return as_view(record(np.real(val.value), (val,), lambda g: g + 0j, val.level), val, np.real)


@recorded(np.imag)
def _imag(val):
    if val.dtype.kind != "c":
        return constant(np.zeros(val.shape, val.dtype), val.level)
    return as_view(record(np.imag(val.value), (val,), lambda g: g * 1j, val.level), val, np.imag)


# -- diagonals and differences -----------------------------------------------------------------------------------------


@recorded(np.trace)
def _trace(a, offset=0, axis1=0, axis2=1, dtype=None, out=None):
    return np.sum(np.diagonal(a, offset, axis1, axis2), axis=-1)


@recorded(np.linalg.trace)
def _linalg_trace(x, /, *, offset=0, dtype=None):
    return _trace(x, offset, -2, -1)


@recorded(np.linalg.diagonal)
def _linalg_diagonal(x, /, *, offset=0):
    return np.diagonal(x, offset, -2, -1)


@recorded(np.diff)
def _diff(a, n=1, axis=-1, prepend=NONE, append=NONE):
    if prepend is not NONE or append is not NONE or not is_traced(a):
        return RULES[np.diff](a, n, axis, prepend, append)
    before = (slice(None),) * (axis % a.ndim)
    for _ in range(n):
        a = a[(*before, slice(1, None))] - a[(*before, slice(None, -1))]
    return a


@recorded(np.gradient)
def _gradient(f, *varargs, axis=None, edge_order=1):
    """Every slope is made of five neighbours at most; slopes of combs tell their weights."""
    refuse_dual(np.gradient, **{f"spacing {i + 1}": a for i, a in enumerate(varargs)})
    axes = folded_axes(axis, f.ndim)
    values = np.gradient(primal(f), *varargs, axis=axis, edge_order=edge_order)
    values = values if isinstance(values, tuple | list) else (values,)
    spacings = varargs * len(axes) if len(varargs) == 1 else varargs or (1.0,) * len(axes)
    slopes = []
    for one, h, value in zip(axes, spacings, values, strict=True):
        n, moved = f.shape[one], np.moveaxis(f, one, 0)
        places, total = np.arange(n), 0.0
        for comb in range(min(5, n)):
            weights = np.gradient((places % 5 == comb).astype(float), h, edge_order=edge_order)
            # Of the places i - 2 … i + 2 one is a tooth of the comb.
            source = np.clip(places - 2 + (comb - places + 2) % 5, 0, n - 1)
            total = total + weights.reshape((n, *[1] * (f.ndim - 1))) * moved[source]
        total = np.moveaxis(total, 0, one)
        slopes.append(total if is_dual(f.value) else with_value(total, value))
    return slopes[0] if len(slopes) == 1 else tuple(slopes)


@recorded(np.linspace)
def _linspace(start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0, *, device=None):
    ends = [one if is_dual(one) else np.asarray(one) for one in map(numbers, (start, stop))]
    shape = np.broadcast_shapes(*map(np.shape, ends))
    plain = np.linspace(*(np.broadcast_to(primal(end), shape) for end in ends), num, endpoint, axis=axis)
    shares = np.linspace(np.zeros(shape), 1.0, num, endpoint, axis=axis)
    low, high = (np.expand_dims(np.broadcast_to(end, shape), axis) for end in ends)
    places = with_value(low * (1.0 - shares) + high * shares, plain)
    places = places if dtype is None else places.astype(dtype)
    return (places, (ends[1] - ends[0]) / (num - 1 if endpoint else num)) if retstep else places


@recorded(np.pad)
def _pad(array, pad_width, mode="constant", **kwargs):
    """Modes that compute what they pad with are linear along each axis in turn: the padded identity is their matrix."""
    array = numbers(array)
    linearly = not callable(mode) and (mode in ("mean", "linear_ramp") or kwargs.get("reflect_type") == "odd")
    if not linearly or not is_traced(array):
        return RULES[np.pad](array, pad_width, mode, **kwargs)
    refuse_dual(np.pad, pad_width=pad_width, **kwargs)
    widths = np.broadcast_to(np.asarray(pad_width), (array.ndim, 2)).tolist()
    value = np.pad(primal(array), widths, mode, **kwargs)
    lengths = kwargs.pop("stat_length", None)
    kwargs = kwargs | ({"end_values": 0} if "end_values" in kwargs else {})
    for axis, width in enumerate(widths):
        if lengths is not None:
            kwargs["stat_length"] = [(1, 1), np.broadcast_to(np.asarray(lengths), (array.ndim, 2))[axis].tolist()]
        matrix = np.pad(np.eye(array.shape[axis]), [(0, 0), width], mode, **kwargs)
        array = np.moveaxis(np.matmul(np.moveaxis(array, axis, -1), matrix), -1, axis)
    return with_value(array, value)


# -- counting ----------------------------------------------------------------------------------------------------------


@recorded(np.bincount)
def _bincount(x, /, weights=None, minlength=0):
    refuse_dual(np.bincount, x=x)
    x, weights = np.asarray(x), numbers(weights)
    size = max(int(x.max(initial=-1)) + 1, minlength)
    value = np.bincount(x, weights.value, minlength) if type(weights.value) is np.ndarray else np.bincount(
        x, weights.value, size)
    return record(value, (weights,), lambda g: g[:, x], weights.level)


@recorded(np.histogram)
def _histogram(a, bins=10, range=None, density=None, weights=None):
    weights = numbers(weights)
    if not is_traced(weights):
        return RULES[np.histogram](a, bins, range, density, weights)
    edges = np.histogram_bin_edges(a, bins, range)
    places, plain = primal(edges), np.ravel(primal(numbers(a)))
    which = np.searchsorted(places, plain, side="right") - 1
    which = np.where(plain == places[-1], len(places) - 2, which)
    inside = (which >= 0) & (which < len(places) - 1)
    counts = np.bincount(which[inside], np.ravel(weights)[inside], len(places) - 1)
    return (counts / np.diff(edges) / np.sum(counts) if density else counts), edges


# -- linear systems ----------------------------------------------------------------------------------------------------


@recorded(np.linalg.solve)
def _solve(a, b):
    """The cotangent of b solves with the conjugate transpose; that of a is its outer product with the solution."""
    a, b = (one if is_dual(one) else np.asarray(one) for one in map(numbers, (a, b)))
    level, vector = highest(a, b), b.ndim == 1
    matrix, right = at(a, level), at(b, level)
    y = part(np.linalg.solve(matrix, right))

    def transpose(g):
        columns, solution = (np.expand_dims(g, -1), y[:, None]) if vector else (g, y)
        solved = solve_planes(_c(np.swapaxes(matrix, -1, -2)), columns)
        left = None
        if is_active(a, level):
            left = summed_to(-np.matmul(solved, _c(np.swapaxes(solution, -1, -2))), matrix.shape)
        return left, summed_to(solved[..., 0] if vector else solved, right.shape)

    return record(y, (a, b), transpose, level)


# -- taking ------------------------------------------------------------------------------------------------------------


@recorded(np.take)
def _take(a, indices, axis=None, out=None, mode="raise"):
    refuse_dual(np.take, indices=indices)
    if not is_traced(a):
        return RULES[np.take](a, indices, axis=axis, mode=mode)
    if axis is None:
        a, axis = np.ravel(a), 0
    indices = np.take(np.arange(a.shape[axis]), np.asarray(indices, dtype=np.intp), mode=mode)
    key = (slice(None),) * (axis % a.ndim) + (indices,)
    return entries(a, key, a.value[key])


@recorded(np.copy)
def _copy(a, order="K", subok=False):
    return a.copy()


@recorded(np.shape)
def _shape(a):
    return np.shape(primal(numbers(a)))


__all__ = ["RECORDED"]
