"""Interpolation between points: differentiable in the values at the knots and in the places of evaluation.

`CubicSpline`, `PchipInterpolator` and `interp1d` have SciPy's signatures and values. Knots are plain numbers.

Examples
--------
>>> import numpy as np, dualdiff as dd
>>> from dualdiff.scipy import interpolate
>>> x = np.array([0.0, 1.0, 2.0, 3.0])
>>> float(dd.derivative(interpolate.CubicSpline(x, x**2))(1.5))
3.0
"""

import math

import numpy as np
from scipy import interpolate as _interpolate

from ..errors import DifferentiationTypeError, DifferentiationValueError
from ..functions import value
from ..kinds import is_dual, lift
from ..packing import has_duals, pack

__all__ = ["CubicSpline", "PchipInterpolator", "interp1d"]


def _number(a):
    return pack(a) if has_duals(a) else np.asarray(a)


def _column(v, ndim):
    """A vector along the first axis of an array of ``ndim`` dimensions."""
    return v.reshape((-1, *[1] * (ndim - 1)))


class _Piecewise:
    """A piecewise polynomial: ``c[m]`` are the coefficients of ``(x - x_i)**(degree - m)`` on every interval."""

    def __init__(self, x, y, axis, extrapolate, least):
        if has_duals(x):
            raise DifferentiationTypeError(
                f"{type(self).__name__}: no derivative with respect to the knots x; pass dualdiff.value(x)"
            )
        self.x = np.asarray(x, dtype=float)
        y = _number(y)
        if self.x.ndim != 1 or len(self.x) < least or np.any(np.diff(self.x) <= 0):
            raise DifferentiationValueError(
                f"{type(self).__name__}: x must be a strictly increasing sequence of at least {least} numbers"
            )
        if y.ndim == 0 or y.shape[axis] != len(self.x):
            raise DifferentiationValueError(
                f"{type(self).__name__}: y has shape {y.shape}, but axis {axis} must have {len(self.x)} entries"
            )
        self.axis, self.extrapolate = axis % y.ndim, extrapolate
        self._y = np.moveaxis(y, axis, 0)

    def _hermite(self, slopes):
        """Cubic coefficients from values and slopes at the knots."""
        y = self._y
        h = _column(np.diff(self.x), y.ndim)
        steps = (y[1:] - y[:-1]) / h
        bend = (slopes[:-1] + slopes[1:] - 2 * steps) / h
        return [bend / h, (steps - slopes[:-1]) / h - bend, slopes[:-1], y[:-1]]

    def __call__(self, x, nu=0, extrapolate=None):
        """The interpolant at ``x``, or its derivative of order ``nu`` there; nan outside without ``extrapolate``."""
        x = _number(x)
        place = np.asarray(value(x), dtype=float)
        i = np.clip(np.searchsorted(self.x, place, side="right") - 1, 0, len(self.x) - 2)
        t = x - self.x[i]
        ndim = place.ndim + self._y.ndim - 1
        t = np.reshape(t, (*place.shape, *[1] * (ndim - place.ndim)))
        degree, out = len(self.c) - 1, 0.0
        for m, c in enumerate(self.c[: degree + 1 - nu]):
            power = degree - m
            out = out * t + math.perm(power, nu) * c[i]
        out = out + 0.0 * t if degree < nu + 1 else out
        outside = (place < self.x[0]) | (place > self.x[-1])
        if not (self.extrapolate if extrapolate is None else extrapolate) and np.any(outside):
            out = np.where(np.reshape(outside, (*place.shape, *[1] * (ndim - place.ndim))), np.nan, out)
        axes = range(place.ndim)
        out = np.moveaxis(out, tuple(axes), tuple(self.axis + j for j in axes)) if self.axis else out
        return out[()] if isinstance(out, np.ndarray) and out.ndim == 0 else out


class CubicSpline(_Piecewise):
    """The cubic spline through points; see `scipy.interpolate.CubicSpline`.

    Parameters
    ----------
    x : array_like, shape (n,)
        Knots, increasing.
    y : array_like or dual array
        Values, n of them along ``axis``.
    axis : int
    bc_type : str or pair
        "not-a-knot", "natural", "clamped", "periodic" or a pair as SciPy takes it, of plain numbers.
    extrapolate : bool, optional

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> from dualdiff.scipy import interpolate
    >>> def middle(y):
    ...     return interpolate.CubicSpline(np.arange(4.0), y)(1.5)
    >>> dd.grad(middle)(np.zeros(4))
    array([-0.0625,  0.5625,  0.5625, -0.0625])
    """

    def __init__(self, x, y, axis=0, bc_type="not-a-knot", extrapolate=None):
        periodic = isinstance(bc_type, str) and bc_type == "periodic"
        super().__init__(x, y, axis, (not periodic) if extrapolate is None else extrapolate, 2)
        if has_duals(bc_type):
            raise DifferentiationTypeError("CubicSpline: no derivative with respect to bc_type; pass plain numbers")
        self.c = self._hermite(_spline_slopes(self.x, self._y, bc_type))


def _spline_slopes(x, y, bc_type):
    """Slopes at the knots: linear in y, up to the constants in ``bc_type``."""
    if not is_dual(y):
        return _interpolate.CubicSpline(x, y, bc_type=bc_type)(x, 1)
    y = lift(y)
    homogeneous = bc_type if isinstance(bc_type, str) else tuple(
        one if isinstance(one, str) else (one[0], np.zeros(np.shape(one[1]))) for one in bc_type
    )

    def planes(stack):
        moved = _spline_slopes(x, np.moveaxis(stack, 0, -1), _wider(homogeneous))
        return np.moveaxis(moved, -1, 0)

    return y.map_planes(planes, _spline_slopes(x, y.value, bc_type))


def _wider(bc_type):
    """Zero conditions for values with one more axis."""
    if isinstance(bc_type, str):
        return bc_type
    return tuple("natural" if one == "natural" else one if isinstance(one, str) else _name(one[0]) for one in bc_type)


def _name(order):
    return "clamped" if order == 1 else "natural"


class PchipInterpolator(_Piecewise):
    """The monotone cubic interpolant of Fritsch & Butland (1984); see `scipy.interpolate.PchipInterpolator`.

    Parameters
    ----------
    x : array_like, shape (n,)
    y : array_like or dual array
    axis : int
    extrapolate : bool, optional

    Notes
    -----
    Slopes have kinks where two neighbouring steps change their order of signs: there the derivative in y is that of
    the branch that ran.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> from dualdiff.scipy import interpolate
    >>> float(dd.derivative(lambda t: interpolate.PchipInterpolator(np.arange(3.0), t * np.arange(3.0))(0.5))(2.0))
    0.5
    """

    def __init__(self, x, y, axis=0, extrapolate=None):
        super().__init__(x, y, axis, True if extrapolate is None else extrapolate, 2)
        self.c = self._hermite(self._slopes())

    def _slopes(self):
        h = _column(np.diff(self.x), self._y.ndim)
        steps = (self._y[1:] - self._y[:-1]) / h
        if len(self.x) == 2:
            return np.concatenate([steps, steps])
        left, right = steps[:-1], steps[1:]
        plain = value(steps)
        flat = (np.sign(plain[:-1]) != np.sign(plain[1:])) | (plain[:-1] == 0) | (plain[1:] == 0)
        wide, narrow = 2 * h[1:] + h[:-1], h[1:] + 2 * h[:-1]
        # Steps of opposite signs are replaced before they divide.
        mean = (wide / np.where(flat, 1.0, left) + narrow / np.where(flat, 1.0, right)) / (wide + narrow)
        inner = np.where(flat, 0.0, 1.0 / mean)
        first = _end(h[:1], h[1:2], steps[:1], steps[1:2])
        return np.concatenate([first, inner, _end(h[-1:], h[-2:-1], steps[-1:], steps[-2:-1])])


def _end(h0, h1, near, far):
    """The slope at an end, of three points, that keeps the interpolant monotone."""
    slope = ((2 * h0 + h1) * near - h0 * far) / (h0 + h1)
    d, a, b = value(slope), value(near), value(far)
    steep = (np.sign(a) != np.sign(b)) & (np.abs(d) > 3 * np.abs(a))
    return np.where(np.sign(d) != np.sign(a), 0.0, np.where(steep, 3 * near, slope))


class interp1d(_Piecewise):
    """Interpolation by straight lines or a cubic spline; see `scipy.interpolate.interp1d`.

    Parameters
    ----------
    x : array_like, shape (n,)
    y : array_like or dual array
    kind : str
        "linear" or "cubic".
    axis : int
    bounds_error : bool, optional
        Raise for points outside, which is what happens unless ``fill_value`` is "extrapolate".
    fill_value : float or "extrapolate"

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> from dualdiff.scipy import interpolate
    >>> dd.grad(lambda y: interpolate.interp1d(np.arange(3.0), y)(0.25))(np.zeros(3))
    array([0.75, 0.25, 0.  ])
    """

    def __init__(self, x, y, kind="linear", axis=-1, bounds_error=None, fill_value=np.nan):
        if kind not in ("linear", "cubic"):
            raise DifferentiationValueError(f"interp1d: kind must be 'linear' or 'cubic', found {kind!r}")
        extrapolate = isinstance(fill_value, str) and fill_value == "extrapolate"
        super().__init__(x, y, axis, extrapolate, 2 if kind == "linear" else 4)
        self.bounds_error = (not extrapolate and np.all(np.isnan(value(fill_value)))) if bounds_error is None else (
            bounds_error)
        self.fill_value = fill_value
        h = _column(np.diff(self.x), self._y.ndim)
        if kind == "linear":
            self.c = [(self._y[1:] - self._y[:-1]) / h, self._y[:-1]]
        else:
            self.c = self._hermite(_spline_slopes(self.x, self._y, "not-a-knot"))

    def __call__(self, x):
        """The interpolant at ``x``."""
        place = np.asarray(value(_number(x)), dtype=float)
        outside = (place < self.x[0]) | (place > self.x[-1])
        if self.bounds_error and np.any(outside):
            raise ValueError(
                "interp1d: a point is outside of the range of x; pass bounds_error=False or fill_value='extrapolate'"
            )
        out = super().__call__(x)
        if self.extrapolate or not np.any(outside):
            return out
        rest = [1] * (self._y.ndim - 1)
        mask = np.reshape(outside, (*rest[: self.axis], *outside.shape, *rest[self.axis :]))
        return np.where(mask, self.fill_value, out)
