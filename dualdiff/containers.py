"""Containers of numbers and arrays, as arguments and as results: one long point, and the way back.

The leaves of a container lie behind each other, in the order in which `flatten` meets them; a column of the Jacobian is
a place in that row. Seeds, chunks and passes know nothing else, and only the finished derivative is cut up again.

dicts, lists, tuples, named tuples and whatever else is registered with optree are taken apart by optree, which stays
optional; dataclasses by what they say of themselves; several arguments (``argnums=(0, 1)``) are a tuple of points.
"""

import dataclasses
import importlib
import inspect
import math
import sys
from collections import deque
from typing import Any, NamedTuple

import numpy as np

from ._scalar import Dual, HyperDual
from .errors import DifferentiationTypeError, DifferentiationValueError
from .kinds import is_dual
from .points import Point, check_directions, directions
from .results import back, name_of, own, read

LEAVES = (np.ndarray, int, float, complex, np.number, np.bool_)
# What long lists of numbers are made of, told by type alone.
PLAIN_KINDS = frozenset((int, float, np.float64, Dual, HyperDual))


def is_container(x):
    """Whether ``x`` holds arrays or is made of named parts; a list or tuple of numbers is none."""
    if is_dual(x) or isinstance(x, LEAVES):
        return False
    if type(x) is list or type(x) is tuple:
        return not PLAIN_KINDS.issuperset(map(type, x)) and any(_is_array(entry) or is_container(entry) for entry in x)
    return (
        isinstance(x, dict | deque)
        or (isinstance(x, tuple) and hasattr(x, "_fields"))
        or _is_record(x)
        or _is_registered(x)
    )


def _is_array(x):
    return (isinstance(x, np.ndarray) or is_dual(x)) and x.ndim > 0


def _is_registered(x):
    """Whether optree was told how to take ``x`` apart, by somebody who imported it for that."""
    trees = sys.modules.get("optree")
    return trees is not None and x is not None and not trees.tree_is_leaf(x)


def _is_record(x):
    return dataclasses.is_dataclass(x) and not isinstance(x, type)


def optree():
    try:
        return importlib.import_module("optree")
    except ImportError as error:
        raise DifferentiationTypeError(
            "dicts, lists and tuples of arrays need the optional package optree: python -m pip install optree "
            "(or install dualdiff-ad[containers]); without it, take one array and cut it up inside the function"
        ) from error


# -- structures: how leaves become a container -------------------------------------------------------------------------
#
# A structure joins children, and each child is a leaf (None) or a structure again. ``running`` tells the argument of
# the user's function, whose dataclasses run their __post_init__, from a result, whose dataclasses merely hold it.


class Tree(NamedTuple):
    """A container that optree knows."""

    spec: Any
    children: tuple

    def build(self, entries, running):
        return self.spec.unflatten(entries)


class Arguments(NamedTuple):
    """Several arguments of a function."""

    children: tuple

    def build(self, entries, running):
        return tuple(entries)


class Record(NamedTuple):
    """A dataclass: the names of the fields that are differentiated, and the other fields."""

    kind: type
    names: tuple
    rest: dict
    children: tuple

    def build(self, entries, running):
        fields = self.rest | dict(zip(self.names, entries, strict=True))
        if running:
            return self.kind(**fields)
        # What a constructor checks or computes is meant for values, not for their derivatives.
        made = object.__new__(self.kind)
        for field in dataclasses.fields(self.kind):
            object.__setattr__(made, field.name, fields.get(field.name))
        return made


def join(structure, leaves, running=False):
    """A container with these leaves."""
    supply = iter(leaves)

    def filled(node):
        if node is None:
            return next(supply)
        return node.build([filled(child) for child in node.children], running)

    return filled(structure)


def flatten(x, path, result=False):
    """Take a container apart.

    Returns
    -------
    leaves : list of (path, leaf)
    structure : Tree, Record or None
        None where ``x`` is a leaf itself.
    """
    leaves = []

    def walk(x, path):
        if _is_record(x):
            return _walk_record(x, path)
        if is_dual(x) or isinstance(x, LEAVES):
            leaves.append((path, x))
            return None
        trees = optree()
        if trees.tree_is_leaf(x):
            leaves.append((path, x))
            return None
        entries, spec = trees.tree_flatten(x)
        paths = [accessor.codify(path) for accessor in spec.accessors()]
        return Tree(spec, tuple(walk(entry, where) for entry, where in zip(entries, paths, strict=True)))

    def _walk_record(x, path):
        names, rest = _fields(x, path, result)
        return Record(type(x), names, rest, tuple(walk(getattr(x, name), f"{path}.{name}") for name in names))

    return leaves, walk(x, path)


def _fields(x, path, result):
    """Names of the fields that are differentiated, and a dict of those that only come along.

    Fields that the constructor does not take (``init=False``) follow from the others: an argument computes them from
    dual numbers, a result holds them as they came out.
    """
    moving, rest = [], {}
    for field in dataclasses.fields(x):
        if not field.metadata.get("pytree_node", True):
            if field.init or result:
                rest[field.name] = getattr(x, field.name)
        elif field.init or result:
            moving.append(field.name)
    if not result:
        taken = inspect.signature(type(x)).parameters.values()
        asked = {p.name for p in taken if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
        open_ended = any(p.kind is p.VAR_KEYWORD for p in taken)
        if not asked <= {*moving, *rest} or not (open_ended or {*moving, *rest} <= {p.name for p in taken}):
            raise DifferentiationTypeError(
                f"{path} is a {type(x).__name__} whose constructor takes other arguments than its fields, so that it "
                f"cannot be made again with dual numbers; pass its numbers in a dict or as arguments"
            )
    return tuple(moving), rest


# -- arguments ---------------------------------------------------------------------------------------------------------


class ContainerPoint:
    """A container of points as one point.

    Attributes
    ----------
    leaves : list of Point
    structure : Tree, Record or Arguments
    size : int
        The numbers in all leaves.
    """

    kind = "container"
    __slots__ = ("dtype", "leaves", "plain", "shape", "size", "structure")

    def __init__(self, leaves, structure, name, holomorphic):
        self.leaves = [Point(leaf, f"{name}, in {path}", holomorphic) for path, leaf in leaves]
        self.structure = structure
        self.size = sum(leaf.size for leaf in self.leaves)
        self.shape = (self.size,)
        self.dtype = np.result_type(np.float32, *(leaf.dtype for leaf in self.leaves))
        self.plain = all(leaf.plain for leaf in self.leaves)

    def offsets(self, batched=False):
        """Where the columns of each leaf begin, and after the last leaf the number of columns."""
        sizes = [math.prod(leaf.shape[1:]) if batched else leaf.size for leaf in self.leaves]
        return [0, *np.cumsum(sizes, dtype=int).tolist()]

    def seeded(self, lvl, chunk, batched=False):
        """The container with first-order seeds for the columns of ``chunk = (first, count)``."""
        return self.rebuilt(
            leaf.seeded(lvl, shifted(chunk, first), batched)
            for leaf, first in zip(self.leaves, self.offsets(batched), strict=False)
        )

    def seeded_twice(self, lvl, first, second, kind, batched=False):
        """The container with hyper-dual seeds for the columns of two chunks."""
        return self.rebuilt(
            leaf.seeded_twice(lvl, shifted(first, offset), shifted(second, offset), kind, batched)
            for leaf, offset in zip(self.leaves, self.offsets(batched), strict=False)
        )

    def rebuilt(self, leaves):
        """The container, as the user's function receives it, with these leaves."""
        return join(self.structure, leaves, running=True)

    def rows(self):
        """The common number of rows of all leaves, None where they differ or a leaf has none."""
        rows = {leaf.shape[0] if leaf.kind == "array" and leaf.shape else None for leaf in self.leaves}
        return rows.pop() if len(rows) == 1 else None


def shifted(chunk, offset):
    return chunk[0] - offset, chunk[1]


def point_of(x, name, holomorphic=False, path="x"):
    """The point, or the container of points, that an argument is."""
    if not is_container(x):
        return Point(x, name, holomorphic)
    leaves, structure = flatten(x, path)
    return ContainerPoint(leaves, structure, name, holomorphic)


def point_of_arguments(args, labels, name, holomorphic=False):
    """Several arguments as one point; the labels name them in messages."""
    leaves, children = [], []
    for x, label in zip(args, labels, strict=True):
        found, structure = flatten(x, label) if is_container(x) else ([(label, x)], None)
        leaves += found
        children.append(structure)
    return ContainerPoint(leaves, Arguments(tuple(children)), name, holomorphic)


def point_and_directions(primals, tangents, name, holomorphic=False):
    """All primals as one point, the stacks of planes of its leaves, and whether there are several directions."""
    check_directions(primals, tangents, name)
    point = point_of_arguments(primals, [f"primal {i}" for i in range(len(primals))], name, holomorphic)
    leaves = []
    for i, (child, tangent) in enumerate(zip(point.structure.children, tangents, strict=True)):
        found, structure = ([(f"tangent {i}", tangent)], None) if child is None else flatten(tangent, f"tangent {i}")
        if structure != child:
            raise DifferentiationValueError(
                f"{name}: tangent {i} must be a container built as its primal is, found {_shown(tangent)}"
            )
        leaves += found
    return point, *directions(point.leaves, leaves, name, holomorphic)


def _shown(x):
    return f"a {type(x).__name__} with {sorted(map(str, x))}" if isinstance(x, dict) else f"a {type(x).__name__}"


# -- results -----------------------------------------------------------------------------------------------------------


class Outputs(NamedTuple):
    """How to make a container of one long result."""

    structure: Any
    shapes: tuple
    dtypes: tuple
    batch: int

    def blocks(self):
        """For every leaf its place on the last axis, its shape and its dtype."""
        widths = [math.prod(shape[self.batch :]) for shape in self.shapes]
        ends = np.cumsum(widths, dtype=int).tolist()
        places = [slice(end - width, end) for end, width in zip(ends, widths, strict=True)]
        return list(zip(places, self.shapes, self.dtypes, strict=True))

    def of_rows(self, rows):
        """The same for another number of rows of a batch."""
        return self._replace(shapes=tuple((rows, *shape[1:]) for shape in self.shapes))

    def value(self, flat):
        """The container of values."""
        return join(
            self.structure,
            [own(_alone(flat[..., place].reshape(shape), dtype)) for place, shape, dtype in self.blocks()],
        )


def read_result(y, lvl, name, function, counts, batch=0):
    """Split a result into its value and its stacks; those of a container lie behind each other on the last axis.

    Parameters
    ----------
    counts : tuple of int
        The planes of each stack, for constants that have none.
    batch : {0, 1}
        Leading axes that stay.

    Returns
    -------
    value, stacks, outputs
        ``outputs`` is None where the result is no container.
    """
    if not is_result_container(y, name, function):
        val, stacks, _ = read(y, lvl, name, function)
        return val, stacks or _zeros(counts, val), None
    leaves, structure = flatten(y, "result", result=True)
    parts = []
    for path, leaf in leaves:
        val, stacks, _ = read(leaf, lvl, f"{name}, in {path}", function)
        parts.append((val, stacks or _zeros(counts, val)))
    shapes = tuple(val.shape for val, _ in parts)
    lead = shapes[0][:batch] if shapes else ()
    if any(len(shape) < batch or shape[:batch] != lead for shape in shapes):
        raise DifferentiationValueError(
            f"{name}: batched=True needs results that all keep the batch axis, found shapes {list(shapes)}"
        )
    value = _concatenated([val.reshape((*lead, -1)) for val, _ in parts])
    stacks = tuple(
        _concatenated([stacks[j].reshape((count, *lead, -1)) for _, stacks in parts], (count,))
        for j, count in enumerate(counts)
    )
    return value, stacks, Outputs(structure, shapes, tuple(val.dtype for val, _ in parts), batch)


def _zeros(counts, val):
    return tuple(np.zeros((count, *val.shape), val.dtype) for count in counts)


def _concatenated(parts, lead=()):
    return np.concatenate(parts, axis=-1) if parts else np.zeros((*lead, 0))


def is_result_container(y, name, function):
    """Whether a result stays a container; a list or tuple that mixes numbers with arrays is refused."""
    if not is_container(y):
        return False
    if type(y) in (list, tuple) and any(not (_is_array(part) or part is None or is_container(part)) for part in y):
        raise DifferentiationValueError(
            f"{name}: {name_of(function)} returned a ragged {type(y).__name__} of numbers and arrays; return arrays "
            f"alone, of any shape (np.atleast_1d makes one of a number), or a dict or a named tuple"
        )
    return True


# -- derivatives -------------------------------------------------------------------------------------------------------


def derivative_of(planes, point, outputs, shape, order=1, batched=False):
    """Planes (n**order, *Y) in the form that the caller gets.

    An array of shape ``(*Y, *shape)`` per order where result and x are none; else nested containers: that of the result
    outside, in each of its leaves that of x, and for second derivatives in each of its leaves that of x again.
    """
    if outputs is None and point.kind != "container":
        return back(planes, shape * order)
    n = math.prod(shape) if point.kind != "container" else point.offsets(batched)[-1]
    cube = planes.reshape((*[n] * order, *planes.shape[1:]))
    if point.kind == "container":
        ends = point.offsets(batched)
        columns = [
            (slice(first, last), leaf.shape[1:] if batched else leaf.shape)
            for leaf, first, last in zip(point.leaves, ends, ends[1:], strict=False)
        ]
    else:
        columns = [(slice(None), shape)]

    def block(rows, chosen):
        part = cube[tuple(place for place, _ in chosen)]
        inner = sum((shape for _, shape in chosen), ())
        if rows is not None:
            place, outer, dtype = rows
            part = part[..., place].astype(dtype, copy=False)
        else:
            outer = planes.shape[1:]
        part = part.reshape((math.prod(part.shape[:order]), *outer))
        return _alone(back(part, inner))

    def over_inputs(rows, chosen):
        if len(chosen) == order:
            return block(rows, chosen)
        parts = [over_inputs(rows, (*chosen, column)) for column in columns]
        return join(point.structure, parts) if point.kind == "container" else parts[0]

    if outputs is None:
        return over_inputs(None, ())
    return join(outputs.structure, [over_inputs(rows, ()) for rows in outputs.blocks()])


def _alone(x, dtype=None):
    """An array that shares no memory with its neighbours in the long row."""
    if dtype is not None:
        x = x.astype(dtype, copy=False)
    return x.copy() if isinstance(x, np.ndarray) and x.base is not None else x
