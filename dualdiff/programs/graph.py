"""What a recorded function computes: entries, each made of earlier ones, and how they are put together.

A graph is made once, by `dualdiff.replay`, and a program that runs it many times (`_program.pyx`). It knows few
operations: rows of the table and their local derivatives, comparisons, ``where``, reductions, matrix products, and two
that move entries: a gather pulls each place of its result from one place of its operand, an assembly pushes several
operands into places of zeros. Each is the other's transpose. Equal entries are one entry.
"""

import ast
import functools
import math

import numpy as np

from .. import rules
from ..kinds import NotReplayable

UNARY = {row.name: i for i, row in enumerate(rules.UNARY)}
BINARY = {row.name: i for i, row in enumerate(rules.BINARY)}

# Entries of a recording beyond which deriving and compiling it would take seconds.
MOST = 20_000
# Constants of so few numbers are compared by value.
SHORT = 64


class Map:
    """Where the entries of an array come from, or go to: one place in C order for each.

    Parameters
    ----------
    index : ndarray of int64
        The places, all non-negative.
    expands : tuple, optional
        The shape, with 1 where entries are repeated, that was broadcast to the result.
    stops : bool
        Nothing is differentiated through this movement.
    """

    def __init__(self, index, expands=None, stops=False):
        self.index = np.ascontiguousarray(index, dtype=np.int64).reshape(-1)
        self.size = self.index.size
        self.expands, self.stops = expands, stops

    @functools.cached_property
    def affine(self):
        """``(offset, step)`` where the places are in arithmetic progression, else None."""
        index = self.index
        if index.size < 2:
            return (int(index[0]) if index.size else 0, 1)
        offset, step = int(index[0]), int(index[1] - index[0])
        if not np.array_equal(index, offset + step * np.arange(index.size)):
            return None
        return offset, step

    @functools.cached_property
    def key(self):
        """What two equal maps have in common."""
        return self.size, self.affine or self.index.tobytes()

    def is_whole(self, size):
        """Whether this is every place of an array of ``size``, in order: no movement at all."""
        return self.size == size and self.affine == (0, 1)

    def repeated(self, times, size):
        """The same for each of a stack of arrays of ``size``."""
        return Map(np.arange(times)[:, None] * size + self.index)


class Entry:
    """One array of a graph.

    Attributes
    ----------
    op : str
        ``input``, ``constant``, ``unary``, ``d1``, ``d2``, ``binary``, ``partial``, ``compare``, ``where``, ``sum``,
        ``max``, ``min``, ``gather``, ``assemble`` or ``matmul``.
    args : tuple of Entry
        What it is made of; elementwise operations take operands of their own size, or of one number.
    data
        The row, axes, maps, or the constant itself.
    covers : bool
        Of an assembly: whether every place is hit exactly once.
    """

    __slots__ = ("args", "covers", "data", "op", "shape", "size")

    def __init__(self, op, args, data, shape, covers=False):
        self.op, self.args, self.data, self.shape, self.covers = op, args, data, shape, covers
        self.size = math.prod(shape)


def number(entry):
    """The number that an entry always is; None where there are several, or it depends on the input."""
    return float(entry.data.reshape(())) if entry.op == "constant" and entry.size == 1 else None


def _same_bits(kept, array):
    return np.array_equal(kept.view(np.int64), np.array(array, dtype=np.float64, order="C").view(np.int64))


def is_identity(entry):
    """Whether an entry is the unit matrix."""
    return (
        entry.op == "constant" and len(entry.shape) == 2 and entry.shape[0] == entry.shape[1]
        and np.array_equal(entry.data, np.eye(entry.shape[0]))
    )


class Graph:
    """Makes entries. Methods named as NumPy's functions make what those compute, operation by operation.

    `times`, `plus` and the like serve derivatives: they drop factors of 1 and let constants meet.
    """

    def __init__(self):
        self._known = {}
        self._kept = {}

    def _entry(self, op, args, data, shape, covers=False, key=None):
        key = (op, tuple(map(id, args)), data if key is None else key, shape)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= 8 * MOST:
                raise NotReplayable("it has too many operations; write its loops as operations on whole arrays")
            found = self._known[key] = Entry(op, args, data, shape, covers)
        return found

    # -- leaves --------------------------------------------------------------------------------------------------------

    def input(self, position, shape):
        return self._entry("input", (), position, shape)

    def constant(self, value):
        """A copy of plain numbers, which later writes leave alone."""
        value = np.array(value, dtype=np.float64, order="C")
        value.flags.writeable = False
        key = value.tobytes() if value.size <= SHORT else id(value)
        return self._entry("constant", (), value, value.shape, key=key)

    def captured(self, array):
        """The constant that an array of the function's own is; it is copied once, as long as it stays what it is."""
        if array.size <= SHORT:
            return self.constant(array)
        kept = self._kept.get(id(array))
        if kept is None or not _same_bits(kept[1].data, array):
            kept = self._kept[id(array)] = (array, self.constant(array))
        return kept[1]

    # -- elementwise operations ----------------------------------------------------------------------------------------

    def _elementwise(self, op, args, data=None):
        shape = np.broadcast_shapes(*(a.shape for a in args))
        size = math.prod(shape)
        args = tuple(a if a.size == size or a.size == 1 else self.expand(a, shape) for a in args)
        return self._entry(op, args, data, shape)

    def unary(self, name, x):
        return self._elementwise("unary", (x,), UNARY[name])

    def binary(self, name, x, y):
        return self._elementwise("binary", (x, y), BINARY[name])

    def compare(self, name, x, y):
        return self._elementwise("compare", (x, y), name)

    def where(self, condition, yes, no):
        return self._elementwise("where", (condition, yes, no))

    # -- reductions and products ---------------------------------------------------------------------------------------

    def reduce(self, op, x, axes):
        """The sum, max or min over axes, which are dropped."""
        axes = tuple(sorted(axes))
        if not axes:
            return x
        shape = tuple(n for i, n in enumerate(x.shape) if i not in axes)
        return self._entry(op, (x,), axes, shape)

    def matmul(self, a, b, transposed=(False, False)):
        """The product of two matrices, or of stacks of them along one leading axis."""
        rows, inner = (a.shape[-2], a.shape[-1])[:: -1 if transposed[0] else 1]
        again, columns = (b.shape[-2], b.shape[-1])[:: -1 if transposed[1] else 1]
        if inner != again or not inner:
            raise NotReplayable(f"a product of shapes {a.shape} and {b.shape} has no program; use sums")
        lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        return self._entry("matmul", (a, b), transposed, (*lead, rows, columns))

    # -- movements -----------------------------------------------------------------------------------------------------

    def gather(self, x, places, shape):
        """``x.flat[places.index]`` in another shape."""
        if x.op == "constant":
            return self.constant(x.data.reshape(-1)[places.index].reshape(shape))
        if x.op == "gather" and places.expands is None and not x.data.stops:
            (base,), inner = x.args, x.data
            return self.gather(base, Map(inner.index[places.index]), shape)
        if shape == x.shape and places.is_whole(x.size):
            return x
        return self._entry("gather", (x,), places, shape, key=(places.key, places.expands))

    def stop(self, x):
        """The same entry as a constant of what is differentiated."""
        return self._entry("gather", (x,), Map(np.arange(x.size), stops=True), x.shape, key="stop")

    def reshape(self, x, shape):
        return x if x.shape == shape else self.gather(x, Map(np.arange(x.size)), shape)

    def moved(self, x, function):
        """What a function that only moves entries makes of ``x``: it is asked where it moves them."""
        index = np.asarray(function(np.arange(x.size).reshape(x.shape)))
        if index.dtype.kind not in "iu" or (index.size and not 0 <= index.min() <= index.max() < x.size):
            raise NotReplayable("it moves entries to places that are no places")
        return self.gather(x, Map(index), index.shape)

    def expand(self, x, shape):
        """``x`` broadcast to a shape."""
        if x.shape == shape:
            return x
        base = (1,) * (len(shape) - len(x.shape)) + x.shape
        index = np.broadcast_to(np.arange(x.size).reshape(x.shape), shape)
        return self.gather(x, Map(index, base), shape)

    def assemble(self, pieces, maps, shape):
        """Zeros of a shape, to whose places the pieces are added."""
        size = math.prod(shape)
        if not pieces:
            return self.constant(np.zeros(shape))
        if len(pieces) == 1 and maps[0].is_whole(size):
            return self.reshape(pieces[0], shape)
        hits = np.zeros(size, np.int8)
        covers = sum(m.size for m in maps) == size
        for m in maps if covers else ():
            hits[m.index] = 1
        covers = covers and bool(hits.all())
        return self._entry("assemble", tuple(pieces), tuple(maps), shape, covers, key=tuple(m.key for m in maps))

    def overwritten(self, x, places, item):
        """``x`` with the entries of ``item`` at some places, and those that it is assembled of at the others."""
        hit = np.zeros(x.size, bool)
        hit[places] = True
        pieces = zip(x.args, x.data, strict=True) if x.op == "assemble" and x.covers else \
            [(x, Map(np.arange(x.size)))]
        kept, maps = [], []
        for piece, where in pieces:
            left = np.flatnonzero(~hit[where.index])
            if left.size:
                kept.append(piece if left.size == piece.size else self.gather(piece, Map(left), left.shape))
                maps.append(Map(where.index[left]))
        return self.assemble((*kept, item), (*maps, Map(places)), x.shape)

    def join(self, pieces):
        """The entries of several arrays in one row."""
        ends = np.cumsum([0, *(piece.size for piece in pieces)])
        maps = [Map(np.arange(a, b)) for a, b in zip(ends[:-1], ends[1:], strict=True)]
        return self.assemble(pieces, maps, (int(ends[-1]),))

    # -- arithmetic of derivatives -------------------------------------------------------------------------------------

    def scaled(self, x):
        """A number and an entry, of which ``x`` is the product."""
        if number(x) is not None:
            return number(x), None
        if x.op == "unary" and x.data == UNARY["negative"]:
            return -1.0, x.args[0]
        if x.op == "binary" and x.data == BINARY["multiply"] and number(x.args[0]) is not None \
                and x.args[1].shape == x.shape:
            return number(x.args[0]), x.args[1]
        return 1.0, x

    def scale(self, factor, x):
        """A number times an entry."""
        known, rest = self.scaled(x)
        product = factor * known
        if rest is None:
            return self.constant(np.full(x.shape, product))
        if not 1e-60 < abs(product) < 1e60:  # a product of constants may overflow where the whole does not
            return self.binary("multiply", self.constant(factor), x)
        if product == 1.0:
            return rest
        return self.unary("negative", rest) if product == -1.0 else \
            self.binary("multiply", self.constant(product), rest)

    def times(self, x, y):
        (a, x1), (b, y1) = self.scaled(x), self.scaled(y)
        if x1 is None:
            return self.expand(self.scale(a, y), np.broadcast_shapes(x.shape, y.shape))
        if y1 is None:
            return self.expand(self.scale(b, x), np.broadcast_shapes(x.shape, y.shape))
        if x.op == y.op == "constant":
            return self.constant(x.data * y.data)
        if 1.0 not in (abs(a), abs(b)) and 1e-60 < abs(a * b) < 1e60:
            return self.scale(a * b, self.binary("multiply", x1, y1))
        # Signs go on, to end in a difference; a single factor stays, where what it is part of is shared.
        (a, x), (b, y) = self._sign(x), self._sign(y)
        return self.scale(a * b, self.binary("multiply", x, y))

    def _sign(self, x):
        factor, rest = self.scaled(x)
        return (factor, rest) if factor == -1.0 and rest is not None else (1.0, x)

    def over(self, x, y):
        (a, x), (b, y) = self._sign(x), self._sign(y)
        return self.scale(a * b, self._quotient(x, y))

    def _quotient(self, x, y):
        """x / y, by 1 / y where that is computed anyway: a division takes five times as long as a product.

        No quotient loses more than four units in the last place by it: 1 / y has at least 51 bits, however large y is.
        """
        one = self.constant(1.0)
        known = self._known.get(("binary", (id(one), id(y)), BINARY["divide"], y.shape))
        return self.binary("divide", x, y) if known is None or x is one else self.times(x, known)

    def plus(self, x, y):
        if x.op == "assemble" or y.op == "assemble":
            if x.shape == y.shape and x.size > 1:
                first, second = (self._pieces(a) for a in (x, y))
                return self.assemble((*first[0], *second[0]), (*first[1], *second[1]), x.shape)
        (a, x1), (b, y1) = self._sign(x), self._sign(y)
        if a == b:
            return self.scale(a, self.binary("add", x1, y1))
        return self.binary("subtract", x, y1) if b < 0.0 else self.binary("subtract", y, x1)

    @staticmethod
    def _pieces(x):
        return (x.args, x.data) if x.op == "assemble" else ((x,), (Map(np.arange(x.size)),))

    # -- local derivatives ---------------------------------------------------------------------------------------------

    def slopes(self, entry):
        """The local derivative of an elementwise entry for each operand; None where it is zero everywhere."""
        kind, args = entry.op, entry.args
        if kind == "unary":
            row = rules.UNARY[entry.data]
            return (self._slope(row, row.d1, "d1", entry.data, (*args, entry)),)
        if kind == "binary":
            row = rules.BINARY[entry.data]
            return tuple(self._slope(row, getattr(row, name), "partial", (entry.data, j), (*args, entry))
                         for j, name in enumerate(("fx", "fy")))
        if kind == "d1":
            row = rules.UNARY[entry.data]
            return self._slope(row, row.d2, "d2", entry.data, args), None
        if kind == "partial":
            index, j = entry.data
            row = rules.BINARY[index]
            if j < 2:
                names = (("fxx", 2), ("fxy", 3)) if j == 0 else (("fxy", 3), ("fyy", 4))
                return (*(self._slope(row, getattr(row, name), "partial", (index, k), args) for name, k in names), None)
        if kind == "compare":
            return None, None
        raise NotReplayable("third derivatives have no program; nest the transforms of the function itself")

    def _slope(self, row, text, op, data, args):
        if is_zero(text):
            return None
        found = arithmetic(row, text)
        if found is not None:
            return self._evaluated(found, dict(zip(("x", "y") if row.arity == 1 else ("x", "y", "z"), args,
                                                   strict=True)))
        return self._elementwise(op, args, data)

    def _evaluated(self, node, names):
        """A text of sums, products and quotients as entries."""
        if isinstance(node, ast.Constant):
            return self.constant(node.value)
        if isinstance(node, ast.Name):
            return names[node.id] if node.id in names else self.constant(rules.CONSTANTS[node.id])
        if isinstance(node, ast.UnaryOp):
            return self.scale(-1.0, self._evaluated(node.operand, names))
        left, right = (self._evaluated(side, names) for side in (node.left, node.right))
        if isinstance(node.op, ast.Mult):
            return self.times(left, right)
        if isinstance(node.op, ast.Div):
            return self.over(left, right)
        return self.plus(left, right if isinstance(node.op, ast.Add) else self.scale(-1.0, right))


@functools.cache
def is_zero(text):
    """Whether a slope is zero everywhere."""
    return rules.is_zero(text, strict=False)


@functools.cache
def arithmetic(row, text):
    """The tree of a text that consists of + - * / alone, and holds wherever the function is defined; else None.

    Such a slope shares its parts with what the function computes; any other is computed by the row's own kernel.
    """
    domains = row.domain if row.arity == 2 else (row.domain,)
    if any(math.isfinite(d.low) or math.isfinite(d.high) for d in domains):
        return None
    tree = ast.parse(text, mode="eval").body
    known = {"x", "y"} | ({"z"} if row.arity == 2 else set()) | set(rules.CONSTANTS)
    for node in ast.walk(tree):
        allowed = (
            isinstance(node, ast.BinOp | ast.Add | ast.Sub | ast.Mult | ast.Div | ast.USub | ast.Constant | ast.Load)
            or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub))
            or (isinstance(node, ast.Name) and node.id in known)
        )
        if not allowed:
            return None
    return tree
