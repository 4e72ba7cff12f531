"""The point: what x is, in which form the function receives it, and how it is seeded."""

import functools
import math

import numpy as np

from . import tangents
from ._array import ArrayNumber, duplicate, make, pairs, settle
from ._scalar import seed_duals, seed_hyperduals
from .errors import DifferentiationTypeError, DifferentiationValueError
from .kinds import is_dual, is_traced
from .numpy_rules.construction import like
from .packing import as_numpy, has_duals, pack, part, refuse_subclass

TRIANGLE, FULL, DIAGONAL = 0, 1, 2
# Variables from which on the identity seed is not written out: with fewer, planes cost less than their column numbers.
STRUCTURED = 64
STRUCTURED_SECOND = 16


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

    def __init__(self, x, name, holomorphic=False):
        if holomorphic:
            self._read_complex(x, name)
        elif type(x) is list or type(x) is tuple:
            self._read_list(x, name)
        elif isinstance(x, np.ndarray) or (isinstance(x, ArrayNumber) and not x._is_scalar) or (
            is_traced(x) and x.ndim
        ):
            refuse_subclass(x)
            self._read_array(x, name)
        else:
            self._read_number(x, name)

    def _read_complex(self, x, name):
        x = pack(x) if has_duals(x) else np.asarray(x)
        if not is_dual(x) and x.dtype.kind not in "iufc":
            raise DifferentiationTypeError(
                f"{name}: with holomorphic=True x must hold numbers, found dtype {x.dtype}; pass x.astype(complex)"
            )
        self.x = x if x.dtype.kind == "c" else x.astype(np.complex64 if x.dtype == np.float32 else np.complex128)
        self.kind, self.shape, self.size, self.dtype = "array", x.shape, x.size, self.x.dtype
        self.plain = not is_dual(x)

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
        if isinstance(x, ArrayNumber) or is_traced(x):
            self.dtype = x.dtype
        if isinstance(x, np.float32):
            # Scalars hold float64; a float32 number is an array of dimension 0 that behaves as a number.
            self.plain, self.x, self.dtype = False, np.array(x), np.dtype(np.float32)

    def _read_array(self, x, name):
        if not is_dual(x) and x.dtype == object:
            x = pack(x) if has_duals(x) else _float_entries(x, name)
        self.kind, self.shape, self.size = "array", x.shape, x.size
        self.plain = not is_dual(x)
        self.x = _real_array(x, name) if self.plain else x
        self.dtype = self.x.dtype

    def takes_structure(self, least):
        """Whether the seed need not be written out: that of a plain array of ``least`` variables and more."""
        return self.kind == "array" and self.plain and self.dtype.kind == "f" and self.size >= least

    def seeded_with_structure(self, lvl, limit, limit_second=None):
        """The argument with the identity seed of all columns, not written out; of second order if that has a limit."""
        return tangents.seeds(duplicate(self.x), lvl, limit, limit_second)

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

    def seeded_alike(self, lvl, order):
        """The argument with the same unit tangent in every element: what an elementwise function needs."""
        if self.kind == "number":
            if order == 1:
                return self.seeded(lvl, (0, 1))
            return self.seeded_twice(lvl, (0, 1), (0, 1), TRIANGLE)
        x = duplicate(part(self.x))
        ones = np.ones((1, *x.shape), x.dtype)
        seed = like(x, ones) if is_dual(x) else ones
        if order == 1:
            return make(x, (seed,), None, lvl)
        return make(x, (seed, seed, zero_planes(x, 1)), (TRIANGLE, 1, 1), lvl)

    def _wrap(self, build, batched):
        if self.kind == "list":
            return [
                settle(build(part(entry), functools.partial(one_hot, part(entry), i)))
                for i, entry in enumerate(self.x)
            ]
        x = duplicate(part(self.x))
        made = build(x, functools.partial(identity, x, 1 if batched else 0))
        return settle(made) if self.kind == "number" else made




def zero_planes(x, count):
    """Planes of zeros for ``x``; dual ones where x is dual, so that they can hold what is assigned to them."""
    zeros = np.zeros((count, *x.shape), x.dtype)
    return like(x, zeros) if is_dual(x) else zeros


def identity(x, batch, chunk):
    """Planes first … first + count of the identity seed; with ``batch`` leading axes every row gets the same seed.

    Columns below 0 or beyond the size of x belong to other leaves of a container, and are zero.
    """
    first, count = chunk
    seeds = np.zeros((count, *x.shape), x.dtype)
    size = math.prod(x.shape[batch:])
    low, high = max(first, 0), min(first + count, size)
    if low < high:
        flat = seeds.reshape((count, -1, size))
        index = np.arange(low, high)
        flat[index - first, :, index] = 1.0
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
            f"{name}: x is complex; a real derivative needs a real x: differentiate with respect to real and "
            f"imaginary part, or pass holomorphic=True for a holomorphic function"
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
            f"{name}: x is complex; a real derivative needs a real x: differentiate with respect to real and "
            f"imaginary part, or pass holomorphic=True for a holomorphic function"
        )
    raise DifferentiationTypeError(
        f"{name}: x has dtype {x.dtype}; dual arrays are float32 or float64, pass x.astype(np.float64)"
    )


def _float_entries(x, name):
    return np.array([_real_number(entry, name) for entry in x.ravel()], dtype=np.float64).reshape(x.shape)


# -- directions: tangents given by the caller --------------------------------------------------------------------------


def check_directions(primals, tangents, name):
    for label, given in (("primals", primals), ("tangents", tangents)):
        if not isinstance(given, tuple | list):
            raise DifferentiationTypeError(
                f"{name}: {label} must be a tuple with one entry per argument, found {type(given).__name__}; "
                f"write ({label[0]},)"
            )
    if len(primals) != len(tangents):
        raise DifferentiationValueError(
            f"{name}: found {len(primals)} primals and {len(tangents)} tangents; give one tangent for each primal"
        )


def directions(points, tangents, name, holomorphic=False):
    """Stacks of planes from the tangents, pairs of a name and a tangent, that go with the points."""
    stacks, counts = [], set()
    for point, (label, tangent) in zip(points, tangents, strict=True):
        t = pack(tangent) if has_duals(tangent) else as_numpy(tangent)
        if t.dtype.kind not in ("iufc" if holomorphic else "iuf"):
            raise DifferentiationTypeError(
                f"{name}: {label} must hold real numbers, found dtype {t.dtype}; pass floats"
            )
        if t.shape != point.shape and (t.ndim != len(point.shape) + 1 or t.shape[1:] != point.shape):
            raise DifferentiationValueError(
                f"{name}: {label} must have the shape {point.shape} of its primal, or (k, *{point.shape}) for k "
                f"directions, found {t.shape}"
            )
        lead = t.ndim - len(point.shape)
        counts.add(t.shape[0] if lead else None)
        stacks.append(t if lead else t.reshape((1, *t.shape)))
    if len(counts) > 1:
        raise DifferentiationValueError(
            f"{name}: the tangents carry different numbers of directions, {counts} (None stands for a tangent without "
            f"that axis); give all of them one leading axis of k directions, or none"
        )
    stacks = [s.astype(p.dtype, copy=False) for s, p in zip(stacks, points, strict=True)]
    return stacks, counts and None not in counts


def seed_along(point, stacks, layout, lvl):
    """The argument of ``point`` with given stacks of planes."""
    if point.kind == "list":
        return [
            settle(make(part(entry).copy(), tuple(s[:, i].copy() for s in stacks), layout, lvl))
            for i, entry in enumerate(point.x)
        ]
    x = duplicate(part(point.x))
    seeded = []
    for s in stacks:
        found = next((new for old, new in zip(stacks, seeded, strict=False) if old is s), None)
        seeded.append((like(x, s) if is_dual(x) and not is_dual(s) else duplicate(s)) if found is None else found)
    made = make(x, tuple(seeded), layout, lvl)
    return settle(made) if point.kind == "number" else made
