"""Differences, slopes, areas and tables; functions that are no ufunc but act entry by entry."""

import numpy as np

from .. import tangents
from .._array import settle
from ..errors import DifferentiationValueError
from ..kinds import is_dual
from ..packing import part, primal
from .arranging import array
from .folds import folded_axes
from .registry import behind, numbers, refuse_dual, rule


def valued(function, result, *args, **kwargs):
    """A composition's tangents beside the value that NumPy's own function has for plain arguments."""
    result = numbers(result)
    if not is_dual(result) or is_dual(result.value):
        return result
    value = np.asarray(function(*[primal(numbers(a)) for a in args], **kwargs))
    return settle(result.map_planes(lambda stack: stack, value.astype(result.dtype)))


# -- differences and areas ---------------------------------------------------------------------------------------------


@rule(np.diff)
def _diff(a, n=1, axis=-1, prepend=np._NoValue, append=np._NoValue):
    a = array(a)
    before, after = (_end(a, axis, end) for end in (prepend, append))
    a = np.concatenate([*before, a, *after], axis) if before or after else a
    if not is_dual(a):
        return np.diff(a, n, axis)
    if tangents.is_structured(a) and n >= 0:
        moved = np.moveaxis(a, axis, -1)
        for _ in range(n):
            moved = moved[..., 1:] - moved[..., :-1]
        return np.moveaxis(moved, -1, axis)
    planes = behind(axis, a.ndim)
    return a.map_planes(lambda stack: np.diff(stack, n, planes), np.diff(a.value, n, axis))


def _end(a, axis, end):
    """What stands before or behind an array along an axis, as a list of at most one array."""
    if end is np._NoValue:
        return []
    end, shape = array(end), list(a.shape)
    shape[axis] = 1
    return [np.broadcast_to(end, shape) if end.ndim == 0 else end]


@rule(np.ediff1d)
def _ediff1d(ary, to_end=None, to_begin=None):
    steps = np.diff(np.ravel(numbers(ary)))
    parts = [numbers(a) if is_dual(numbers(a)) else np.asarray(a, dtype=steps.dtype)
             for a in (to_begin, steps, to_end) if a is not None]
    return np.concatenate([np.ravel(a) for a in parts])


@rule(np.gradient)
def _gradient(f, *varargs, axis=None, edge_order=1):
    refuse_dual(np.gradient, **{f"spacing {i + 1}": a for i, a in enumerate(varargs)})
    f = array(f)
    axes = folded_axes(axis, f.ndim)
    spacings = varargs * len(axes) if len(varargs) == 1 else varargs or (1.0,) * len(axes)
    if len(spacings) != len(axes):
        raise TypeError("invalid number of arguments")
    slopes = []
    if not is_dual(f):
        return np.gradient(f, *varargs, axis=axis, edge_order=edge_order)
    for one, h in zip(axes, spacings, strict=True):
        value = np.gradient(f.value, h, axis=one, edge_order=edge_order)
        if tangents.is_structured(f):
            along = _slopes(np.moveaxis(f, one, -1), h, edge_order)
            slopes.append(_with_value(along, np.moveaxis(value, one, -1), one))
            continue
        slopes.append(f.map_planes(
            lambda stack, h=h, one=one: np.gradient(stack, h, axis=one + 1, edge_order=edge_order),
            part(value)))
    return slopes[0] if len(slopes) == 1 else tuple(slopes)


def _slopes(f, h, edge_order):
    """Slopes along the last axis as differences of neighbours, which keeps structure; the formulas are NumPy's."""
    n = f.shape[-1]
    steps = np.full(n - 1, float(h)) if np.ndim(h) == 0 else np.diff(h)
    before, after = steps[:-1], steps[1:]
    interior = (f[..., 2:] - f[..., 1:-1]) * (before / (after * (before + after)))
    interior = interior + (f[..., 1:-1] - f[..., :-2]) * (after / (before * (before + after)))
    first, last = (f[..., 1:2] - f[..., :1]) / steps[0], (f[..., -1:] - f[..., -2:-1]) / steps[-1]
    if edge_order == 2:
        second = (f[..., 2:3] - f[..., 1:2]) / steps[1]
        first = first + (first - second) * (steps[0] / (steps[0] + steps[1]))
        second = (f[..., -2:-1] - f[..., -3:-2]) / steps[-2]
        last = last + (last - second) * (steps[-1] / (steps[-1] + steps[-2]))
    return np.concatenate([first, interior, last], -1)


def _with_value(x, value, axis):
    """The tangents of ``x`` beside NumPy's own value, the last axis moved to its place."""
    return np.moveaxis(x.map_planes(lambda stack: stack, value, moves=True), -1, axis)


@rule(np.trapezoid)
def _trapezoid(y, x=None, dx=1.0, axis=-1):
    y = np.moveaxis(array(y), axis, -1)
    if x is None:
        width = dx
    else:
        x = array(x)
        width = np.diff(x) if x.ndim == 1 else np.moveaxis(np.diff(x, axis=axis), axis, -1)
    return np.sum(width * (y[..., 1:] + y[..., :-1]) / 2.0, axis=-1)


# -- tables ------------------------------------------------------------------------------------------------------------


@rule(np.interp)
def _interp(x, xp, fp, left=None, right=None, period=None):
    given = (x, xp, fp, left, right, period)
    x, xp, fp = numbers(x), array(xp), array(fp)
    if period is not None:
        period = abs(period)
        x, xp = np.remainder(x, period), np.remainder(xp, period)
        order = np.argsort(xp)
        xp, fp = xp[order], fp[order]
        xp = np.concatenate([xp[-1:] - period, xp, xp[:1] + period])
        fp = np.concatenate([fp[-1:], fp, fp[:1]])
        left = right = None
    at, knots = primal(x), primal(xp)
    # The piece to the right of a knot; beyond the last one the table is constant.
    j = np.clip(np.searchsorted(knots, at, side="right") - 1, 0, max(len(knots) - 2, 0))
    left = fp[0] if left is None else left
    right = np.where(at == knots[-1], fp[-1], fp[-1] if right is None else right)
    y = right
    if len(knots) > 1:
        with np.errstate(all="ignore"):
            y = fp[j] + (fp[j + 1] - fp[j]) / (xp[j + 1] - xp[j]) * (x - xp[j])
            y = np.where(at < knots[-1], y, right)
    y = np.where(at < knots[0], left, y)
    y = np.where(np.isnan(at), np.nan, y)
    return valued(np.interp, y, *given)


# -- entry by entry ----------------------------------------------------------------------------------------------------


@rule(np.sinc)
def _sinc(x):
    from .. import functions

    return functions.sinc(x)


# I0 is the mean of cosh(x cos t); the midpoint rule is exact to rounding for every x that does not overflow.
_COSINES = np.cos((np.arange(64) + 0.5) * (np.pi / 128.0))


@rule(np.i0)
def _i0(x):
    x = numbers(x)
    with np.errstate(all="ignore"):
        mean = np.mean(np.cosh(np.expand_dims(x, -1) * _COSINES.astype(x.dtype)), axis=-1)
    return valued(np.i0, mean, x)


def _steps(function):
    """A locally constant function whose result is no integer."""

    def handler(x, *args, **kwargs):
        x = numbers(x)
        kwargs.pop("out", None)
        refuse_dual(function, **kwargs)
        return settle(x.map_planes(np.zeros_like, part(function(x.value, *args, **kwargs))))

    return handler


for _function in (np.round, np.around, np.fix):
    rule(_function)(_steps(_function))


@rule(np.nan_to_num)
def _nan_to_num(x, copy=True, nan=0.0, posinf=None, neginf=None):
    refuse_dual(np.nan_to_num, nan=nan, posinf=posinf, neginf=neginf)
    x = numbers(x)
    finite, kwargs = np.isfinite(primal(x)), {"nan": nan, "posinf": posinf, "neginf": neginf}
    y = x.map_planes(
        lambda stack: np.where(finite, stack, np.zeros((), stack.dtype)), part(np.nan_to_num(x.value, **kwargs))
    )
    if copy:
        return settle(y)
    x[...] = y
    return x


@rule(np.angle)
def _angle(z, deg=False):
    z = numbers(z)
    if z.dtype.kind == "c":
        angle = np.arctan2(np.imag(z), np.real(z))
        return angle * (180.0 / np.pi) if deg else angle
    return settle(z.map_planes(np.zeros_like, part(np.angle(z.value, deg))))


@rule(np.real_if_close)
def _real_if_close(a, tol=100):
    a = numbers(a)
    if a.dtype.kind != "c":
        return a
    parts = [a]
    while any(is_dual(one) for one in parts):
        parts = [inner for one in parts for inner in ((one.value, *one._stacks) if is_dual(one) else (one,))]
    return np.real(a) if all(np.isrealobj(np.real_if_close(one, tol)) for one in parts) else a


@rule(np.unwrap)
def _unwrap(p, discont=None, axis=-1, *, period=2 * np.pi):
    refuse_dual(np.unwrap, discont=discont, period=period)
    p = numbers(p)
    value = part(np.unwrap(p.value, discont, axis, period=period))
    return p.map_planes(lambda stack: stack.copy(), value)


def _complex_where_needed(function, real):
    """A function of np.emath: complex where the real one would be nan."""

    def handler(*args):
        dtype = np.asarray(function(*[primal(numbers(a)) for a in args])).dtype
        args = [numbers(a) for a in args]
        return real(*[a.astype(dtype) if dtype.kind == "c" and is_dual(a) else a for a in args])

    return handler


for _name in ("sqrt", "log", "log2", "log10", "power", "arccos", "arcsin", "arctanh"):
    rule(getattr(np.emath, _name))(_complex_where_needed(getattr(np.emath, _name), getattr(np, _name)))


@rule(np.emath.logn)
def _logn(n, x):
    return np.emath.log(x) / np.emath.log(n)


# -- functions that take functions -------------------------------------------------------------------------------------


@rule(np.apply_along_axis)
def _apply_along_axis(func1d, axis, arr, *args, **kwargs):
    arr = np.moveaxis(array(arr), axis, -1)
    rest = arr.shape[:-1]
    if 0 in rest:
        raise DifferentiationValueError(
            "Cannot apply_along_axis when any iteration dimensions are 0; give it an array with entries"
        )
    results = [numbers(func1d(arr[index], *args, **kwargs)) for index in np.ndindex(rest)]
    out = np.stack([r if is_dual(r) else np.asarray(r) for r in results])
    own = out.ndim - 1
    out = out.reshape((*rest, *out.shape[1:]))
    axis = axis % arr.ndim
    return np.moveaxis(out, tuple(range(out.ndim - own, out.ndim)), tuple(range(axis, axis + own))) if own else out


@rule(np.apply_over_axes)
def _apply_over_axes(func, a, axes):
    a = array(a)
    for axis in np.atleast_1d(axes):
        result = func(a, int(axis))
        a = result if result.ndim == a.ndim else np.expand_dims(result, int(axis))
    return a

