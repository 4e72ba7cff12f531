"""Products: linear in each operand, so the product rule serves every order.

A matmul of k planes is one matrix product where the planes lie so that their rows are the rows of one matrix.
"""

import functools
import math

import numpy as np

from .. import tangents
from ..errors import DifferentiationTypeError
from ..kinds import is_dual
from ..packing import part, primal, spread
from .registry import behind, linear, multilinear, numbers, rule, strong, value_only


def any_dual(*operands):
    return any(is_dual(a) for a in operands)


def store(result, out):
    """The result, written to ``out`` where NumPy's function was asked to."""
    if out is None:
        return result
    out[...] = result
    return out


# -- matmul ----------------------------------------------------------------------------------------------------------


def _many_rows(stack, b):
    """(k, …, n, m) times (m,) or (m, p): the rows of all planes are the rows of one matrix."""
    *lead, n, m = stack.shape
    product = np.matmul(stack.reshape((math.prod(lead) * n, m)), b)
    return product.reshape((*lead, n, *product.shape[1:]))


def _many_columns(a, stack):
    """(n, m) times (k, m, p): columns are gathered into one matrix where that needs no copy, for p = 1."""
    if stack.shape[2] != 1:
        return np.matmul(a, stack)
    return np.matmul(stack[..., 0], np.swapaxes(a, 0, 1))[..., None]


def _left_planes(stack, b):
    if stack.ndim == 2:
        return np.matmul(stack, b) if b.ndim <= 2 else np.moveaxis(np.matmul(stack, b), -2, 0)
    return _many_rows(stack, b) if b.ndim <= 2 else np.matmul(spread(stack, b.ndim), b)


def _right_planes(a, stack):
    if stack.ndim == 2:
        if a.ndim == 1:
            return np.matmul(stack, a)
        product = np.matmul(stack, np.swapaxes(a, -1, -2))
        return product if a.ndim == 2 else np.moveaxis(product, -2, 0)
    if a.ndim == 2 and stack.ndim == 3:
        return _many_columns(a, stack)
    return np.matmul(a, spread(stack, a.ndim))


def _both_planes(a, b):
    if a.ndim == 2 and b.ndim == 2:
        return np.matmul(a[:, None, :], b[:, :, None])[:, 0, 0]
    if a.ndim == 2:
        return np.matmul(spread(a[:, None, :], b.ndim - 1), b)[..., 0, :]
    if b.ndim == 2:
        return np.matmul(a, spread(b[:, :, None], a.ndim - 1))[..., 0]
    ndim = max(a.ndim, b.ndim) - 1
    return np.matmul(spread(a, ndim), spread(b, ndim))


def _matmul_planes(operands, lead):
    a, b = operands
    if lead == (0,):
        return _left_planes(a, b)
    return _right_planes(a, b) if lead == (1,) else _both_planes(a, b)


def _matmul_grid(operands, i, j):
    """Every plane of one operand times every plane of the other, as one matrix product where nothing is batched."""
    a, b = operands
    if a.ndim > 3 or b.ndim > 3:
        return None
    rows = a if a.ndim == 2 else _fold(a)
    product = np.matmul(rows, np.swapaxes(b, 0, 1) if b.ndim == 2 else b)
    if b.ndim == 2:
        product = np.swapaxes(product, 0, 1)
    # Now (kb, ka·n, …): apart again, in the order of the operands asked for.
    product = product.reshape((b.shape[0], a.shape[0], *a.shape[1:-1], *b.shape[2:]))
    return np.swapaxes(product, 0, 1) if i == 0 else product


def _fold(stack):
    return stack.reshape((stack.shape[0] * stack.shape[1], stack.shape[2]))


def _arrays(*operands):
    made = [numbers(a) for a in operands]
    return [a if is_dual(a) else np.asarray(a) for a in made]


def _structured_product(a, b):
    """A plain matrix or vector and an array with structured tangents, or two vectors; None for all else."""
    left, right = tangents.is_structured(a), tangents.is_structured(b)
    if not (left or right) or a.ndim == 0 or b.ndim == 0:
        return None
    if a.ndim == b.ndim == 1 and a.size == b.size and (left or not is_dual(a)) and (right or not is_dual(b)):
        value = np.asarray(np.matmul(*(x.value if is_dual(x) else x for x in (a, b))))
        return tangents.summed(np.multiply(a, b), (0,), False, value)
    matrix, x = (b, a) if left else (a, b)
    if is_dual(matrix) or matrix.ndim > 2 or matrix.dtype.kind not in "biuf" or (right and x.ndim > 2):
        return None
    value = part(np.matmul(a.value if left else a, b.value if right else b))
    if left or x.ndim == 1:
        return tangents.product(x, matrix if left else matrix.T, value, _times_transpose)
    # a @ b = (bᵀ aᵀ)ᵀ
    return np.transpose(tangents.product(np.transpose(x), matrix.T, value.T, _times_transpose))


def _times_transpose(planes, matrix):
    return strong(_matmul_planes, [planes, matrix.T], (0,))


@rule(np.matmul, np.linalg.matmul)
def _matmul(a, b, /, out=None):
    a, b = _arrays(a, b)
    made = _structured_product(a, b)
    if made is None:
        made = multilinear(np.matmul, (a, b), _matmul_planes, _matmul_grid)
    return store(made, out)


# -- products of vectors with vectors and matrices -------------------------------------------------------------------


def _broadcasting(function, core):
    """Planes of a ufunc whose operands have ``core`` trailing axes each and broadcast in front of them."""

    def planes(operands, lead):
        batch = max(a.ndim - c - (i in lead) for i, (a, c) in enumerate(zip(operands, core, strict=True)))
        return function(*[spread(a, batch + c) if i in lead else a
                          for i, (a, c) in enumerate(zip(operands, core, strict=True))])

    return planes


_vecdot_planes = _broadcasting(np.vecdot, (1, 1))


@rule(np.vecdot)
def _vecdot(a, b, /, out=None, *, axis=-1):
    a, b = (np.moveaxis(x, axis, -1) if axis != -1 else x for x in _arrays(a, b))
    return store(multilinear(np.vecdot, (a, b), _vecdot_planes), out)


@rule(np.linalg.vecdot)
def _linalg_vecdot(x1, x2, /, *, axis=-1):
    return _vecdot(x1, x2, axis=axis)


def _matvec(a, b, /, out=None):
    a, b = _arrays(a, b)
    if a.ndim == 2:
        return store(_matmul(a, b) if b.ndim == 1 else _matmul(b, np.swapaxes(a, 0, 1)), out)
    return store(multilinear(np.matvec, (a, b), _broadcasting(np.matvec, (2, 1))), out)


def _vecmat(a, b, /, out=None):
    a, b = _arrays(a, b)
    if b.ndim == 2:
        return store(_matmul(np.conjugate(a), b), out)
    return store(multilinear(np.vecmat, (a, b), _broadcasting(np.vecmat, (1, 2))), out)


if hasattr(np, "matvec"):  # NumPy 2.2
    rule(np.matvec)(_matvec)
    rule(np.vecmat)(_vecmat)


@rule(np.vdot)
def _vdot(a, b, /):
    a, b = (np.ravel(x) for x in _arrays(a, b))
    return _matmul(np.conjugate(a) if a.dtype.kind == "c" else a, b)


@rule(np.dot)
def _dot(a, b, out=None):
    a, b = _arrays(a, b)
    if a.ndim == 0 or b.ndim == 0:
        return store(np.multiply(a, b), out)
    if b.ndim <= 2:
        return store(_matmul(a, b), out)
    return store(_tensordot(a, b, axes=(-1, -2)), out)


@rule(np.inner)
def _inner(a, b, /):
    a, b = _arrays(a, b)
    if a.ndim == 0 or b.ndim == 0:
        return np.multiply(a, b)
    if b.ndim == 1:
        return _matmul(a, b)
    return _tensordot(a, b, axes=(-1, -1))


@rule(np.outer)
def _outer(a, b, out=None):
    a, b = (np.ravel(x) for x in _arrays(a, b))
    return store(np.multiply(a[:, None], b[None, :]), out)


@rule(np.linalg.outer)
def _linalg_outer(x1, x2, /):
    a, b = _arrays(x1, x2)
    if a.ndim != 1 or b.ndim != 1:
        raise ValueError(f"Input arrays must be one-dimensional, but they are {a.ndim=} and {b.ndim=}.")
    return _outer(a, b)


# -- tensors ---------------------------------------------------------------------------------------------------------


def _axes(axes, a, b):
    """The contracted axes of both operands as two lists of non-negative numbers."""
    try:
        left, right = axes
    except TypeError:
        left, right = range(-axes, 0), range(axes)
    left, right = ([axis] if np.ndim(axis) == 0 else list(axis) for axis in (left, right))
    left = [axis + a.ndim if axis < 0 else axis for axis in left]
    right = [axis + b.ndim if axis < 0 else axis for axis in right]
    if len(left) != len(right) or any(a.shape[i] != b.shape[j] for i, j in zip(left, right, strict=True)):
        raise ValueError("shape-mismatch for sum")
    return left, right


@rule(np.tensordot)
def _tensordot(a, b, axes=2):
    a, b = _arrays(a, b)
    left, right = _axes(axes, a, b)
    rows = [i for i in range(a.ndim) if i not in left]
    columns = [j for j in range(b.ndim) if j not in right]
    shape = [a.shape[i] for i in rows] + [b.shape[j] for j in columns]
    inner = math.prod(a.shape[i] for i in left)
    a = np.transpose(a, rows + left).reshape((math.prod(a.shape[i] for i in rows), inner))
    b = np.transpose(b, right + columns).reshape((inner, math.prod(b.shape[j] for j in columns)))
    return _matmul(a, b).reshape(tuple(shape))


@rule(np.linalg.tensordot)
def _linalg_tensordot(x1, x2, /, *, axes=2):
    return _tensordot(x1, x2, axes)


@rule(np.kron)
def _kron(a, b):
    a, b = _arrays(a, b)
    ndim = max(a.ndim, b.ndim)
    left = (1,) * (ndim - a.ndim) + a.shape
    right = (1,) * (ndim - b.ndim) + b.shape
    a = a.reshape(tuple(n for size in left for n in (size, 1)))
    b = b.reshape(tuple(n for size in right for n in (1, size)))
    return np.multiply(a, b).reshape(tuple(m * n for m, n in zip(left, right, strict=True)))


@rule(np.cross)
def _cross(a, b, axisa=-1, axisb=-1, axisc=-1, axis=None):
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = _arrays(a, b)
    a, b = np.moveaxis(a, axisa, -1), np.moveaxis(b, axisb, -1)
    if a.shape[-1] not in (2, 3) or b.shape[-1] not in (2, 3):
        raise ValueError("incompatible dimensions for cross product\n(dimension must be 2 or 3)")
    x, y = ([v[..., i] for i in range(v.shape[-1])] for v in (a, b))
    last = x[0] * y[1] - x[1] * y[0]
    if len(x) == len(y) == 2:
        return last
    # A vector of the plane has 0 as its third entry.
    first = (x[1] * y[2] if len(y) == 3 else 0.0) - (x[2] * y[1] if len(x) == 3 else 0.0)
    second = (x[2] * y[0] if len(x) == 3 else 0.0) - (x[0] * y[2] if len(y) == 3 else 0.0)
    return np.moveaxis(np.stack([first, second, last], -1), -1, axisc)


@rule(np.linalg.cross)
def _linalg_cross(x1, x2, /, *, axis=-1):
    a, b = _arrays(x1, x2)
    if a.shape[axis] != 3 or b.shape[axis] != 3:
        raise ValueError(f"Both input arrays must be (arrays of) 3-dimensional vectors, but they are "
                         f"{a.shape[axis]} and {b.shape[axis]} dimensional instead.")
    return _cross(a, b, axis=axis)


# -- einsum ----------------------------------------------------------------------------------------------------------

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
# From this many multiplications on, planes are contracted by matrix products.
_BIG = 20000
value_only(np.einsum_path)


def _sublist(entries):
    return "".join("..." if entry is Ellipsis else _LETTERS[entry] for entry in entries)


def _subscripts(arguments):
    """Subscripts of each operand, of the result, and the operands, from any of the forms that NumPy knows."""
    if isinstance(arguments[0], str):
        text, operands = arguments[0].replace(" ", ""), list(arguments[1:])
    else:
        pairs = len(arguments) // 2
        operands = list(arguments[0 : 2 * pairs : 2])
        text = ",".join(_sublist(entries) for entries in arguments[1 : 2 * pairs : 2])
        if len(arguments) % 2:
            text += "->" + _sublist(arguments[-1])
    inputs, arrow, output = text.partition("->")
    if not arrow:
        letters = inputs.replace(",", "").replace(".", "")
        output = "..." * ("." in inputs) + "".join(sorted(x for x in set(letters) if letters.count(x) == 1))
    return inputs.split(","), output, operands


@rule(np.einsum)
def _einsum(*arguments, out=None, optimize=False, **kwargs):
    inputs, output, operands = _subscripts(arguments)
    operands = _arrays(*operands)
    if not any_dual(*operands):
        return np.einsum(",".join(inputs) + "->" + output, *operands, out=out, optimize=optimize, **kwargs)
    plane = next((letter for letter in _LETTERS if letter not in output + "".join(inputs)), None)
    if plane is None:
        raise DifferentiationTypeError("np.einsum: all 52 letters are taken and none is left for the tangents; "
                                       "contract in two steps")

    def contract(*operands):
        return np.einsum(",".join(inputs) + "->" + output, *operands, optimize=optimize, **kwargs)

    def planes(operands, lead):
        marked = [plane * (i in lead) + text for i, text in enumerate(inputs)]
        fast = optimize or (len(operands) > 1 and _work(marked, operands) > _BIG)
        return np.einsum(f"{','.join(marked)}->{plane}{output}", *operands, optimize=fast, **kwargs)

    def grid(operands, i, j):
        other = next((letter for letter in _LETTERS if letter not in plane + output + "".join(inputs)), None)
        if other is None:
            return None
        marked = [{i: plane, j: other}.get(position, "") + text for position, text in enumerate(inputs)]
        fast = optimize or _work(marked, operands) > _BIG
        return np.einsum(f"{','.join(marked)}->{plane}{other}{output}", *operands, optimize=fast, **kwargs)

    return store(multilinear(contract, operands, planes, grid), out)


def _work(texts, operands):
    sizes = {}
    for text, a in zip(texts, operands, strict=True):
        if "." in text:
            return math.prod(max(a.shape for a in operands))
        sizes.update(zip(text, a.shape, strict=False))
    return math.prod(sizes.values())


# -- diagonals, convolutions, chains ---------------------------------------------------------------------------------


linear(np.trace, lambda stack, offset=0, axis1=0, axis2=1, dtype=None, out=None: np.trace(
    stack, offset, behind(axis1, stack.ndim - 1), behind(axis2, stack.ndim - 1)))
linear(np.linalg.trace, lambda stack, /, *, offset=0, dtype=None: np.trace(stack, offset, -2, -1))
linear(np.linalg.diagonal, lambda stack, /, *, offset=0: np.diagonal(stack, offset, -2, -1))
linear(np.linalg.matrix_transpose, lambda stack, /: np.swapaxes(stack, -1, -2))


def _structured_convolution(function, a, v, mode):
    """The convolution of a structured vector with a short plain one, as a sum of shifted vectors; None for all else."""
    if not tangents.is_structured(a) or is_dual(v) or v.size > min(tangents.MOST, a.size) or v.dtype.kind not in "biuf":
        return None
    kernel = v[::-1] if function is np.correlate else v
    full = [np.pad(a, (j, v.size - 1 - j)) * float(kernel[j]) for j in range(v.size)]
    full = functools.reduce(np.add, full)
    first = {"full": 0, "same": (v.size - 1) // 2, "valid": v.size - 1}[mode]
    value = function(a.value, v, mode=mode)
    return full[first : first + value.size].map_planes(lambda stack: stack, value, moves=True)


def _sliding(function):
    """Register a bilinear function of two vectors that NumPy computes for one pair at a time."""

    @rule(function)
    def handler(a, v, mode="full" if function is np.convolve else "valid"):
        def planes(operands, lead):
            a, v = operands
            count = operands[lead[0]].shape[0]
            rows = [function(a[i] if 0 in lead else a, v[i] if 1 in lead else v, mode=mode) for i in range(count)]
            return np.stack(rows) if rows else np.zeros((0, *function(*map(_one, operands), mode=mode).shape))

        def _one(a):
            return np.zeros(a.shape[-1:])

        a, v = (x.reshape((1,)) if x.ndim == 0 else x for x in _arrays(a, v))
        short = _structured_convolution(function, a, v, mode)
        if short is not None:
            return short
        return multilinear(lambda a, v: function(a, v, mode=mode), (a, v), planes)


_sliding(np.convolve)
_sliding(np.correlate)


def _best_split(shapes):
    """The order of a chain of matrix products with the fewest multiplications (Cormen et al., dynamic programming)."""
    n = len(shapes)
    p = [rows for rows, _ in shapes] + [shapes[-1][1]]
    cost = {(i, i): 0 for i in range(n)}
    split = {}
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            cost[i, j], split[i, j] = min(
                (cost[i, s] + cost[s + 1, j] + p[i] * p[s + 1] * p[j + 1], s) for s in range(i, j))
    return split


@rule(np.linalg.multi_dot)
def _multi_dot(arrays, *, out=None):
    parts = _arrays(*arrays)
    if len(parts) < 2:
        raise ValueError("Expecting at least two arrays.")
    row, column = parts[0].ndim == 1, parts[-1].ndim == 1
    parts[0] = parts[0][None, :] if row else parts[0]
    parts[-1] = parts[-1][:, None] if column else parts[-1]
    split = _best_split([a.shape for a in parts])

    def product(i, j):
        return parts[i] if i == j else _matmul(product(i, split[i, j]), product(split[i, j] + 1, j))

    result = product(0, len(parts) - 1)
    result = result[..., 0] if column else result
    return store(result[0] if row else result, out)


@rule(np.linalg.matrix_power)
def _matrix_power(a, n):
    (a,) = _arrays(a)
    if n == 0:
        return np.zeros_like(a) + np.linalg.matrix_power(primal(a), 0)
    if n < 0:
        a, n = np.linalg.inv(a), -n
    result = None
    while n > 0:
        if n & 1:
            result = a if result is None else _matmul(result, a)
        n >>= 1
        a = _matmul(a, a) if n else a
    return result
