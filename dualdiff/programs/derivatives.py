"""Derivatives of a graph, as entries of the same graph.

`pullback` goes backwards, with one cotangent or a stack of them. `Pushforward` goes forward with planes: each place of
an entry depends on one input by each of its planes, whose column numbers are known when the program is made, so that
the program computes the non-zero derivatives alone. One direction is the case where all columns are the same.
"""

import math
from typing import NamedTuple

import numpy as np

from ..kinds import NotReplayable
from .graph import Entry, Map, is_identity

# Planes of one entry, and entries of a sum taken apart, beyond which a graph is not structured.
PLANES = 32

_ELEMENTWISE = ("unary", "d1", "d2", "binary", "partial", "compare")


def ordered(outputs):
    """All entries that the outputs are made of, each after those that it is made of."""
    found, order, stack = set(), [], [(one, False) for one in reversed(outputs)]
    while stack:
        entry, ready = stack.pop()
        if ready:
            order.append(entry)
        elif id(entry) not in found:
            found.add(id(entry))
            stack.append((entry, True))
            stack.extend((a, False) for a in reversed(entry.args) if id(a) not in found)
    return order


def weights(graph, entry):
    """How much a maximum or minimum takes of each entry of its operand: of a tie the mean."""
    (x,), axes = entry.args, entry.data
    kept = tuple(1 if i in axes else n for i, n in enumerate(x.shape))
    met = graph.compare("equal", x, graph.reshape(entry, kept))
    return graph.binary("divide", met, graph.reshape(graph.reduce("sum", met, axes), kept))


# -- backwards ---------------------------------------------------------------------------------------------------------


class _Weighted(NamedTuple):
    """A stack of cotangents that are ``weight * base``: one array of factors for all of a stack.

    Elementwise code changes the weight alone, as long as nothing else is needed: of a regression's Hessian one product
    of the size of the stack is left of nine.
    """

    weight: Entry
    base: Entry


class _Sweep:
    """The cotangents of one pullback: ``lead`` is () for one, (m,) for a stack of m."""

    def __init__(self, graph, lead):
        self.graph, self.lead, self.cotangents = graph, lead, {}

    def give(self, entry, g):
        """Add to the cotangent of an entry."""
        held = self.cotangents.get(id(entry))
        if held is not None:
            if isinstance(g, _Weighted) and isinstance(held, _Weighted) and g.base is held.base:
                g = _Weighted(self.graph.plus(held.weight, g.weight), g.base)
            else:
                g = self.graph.plus(self.plain(held), self.plain(g))
        self.cotangents[id(entry)] = g

    def times(self, slope, g):
        """A local derivative times a cotangent."""
        if isinstance(g, _Weighted):
            return _Weighted(self.graph.times(g.weight, slope), g.base)
        return _Weighted(slope, g) if self.lead else self.graph.times(slope, g)

    def plain(self, g):
        return self.graph.times(*g) if isinstance(g, _Weighted) else g

    def full(self, g, entry):
        return self.graph.expand(self.plain(g), self.lead + entry.shape)

    def reduced(self, g, entry, arg):
        """The cotangent of an operand that was broadcast to the shape of ``entry``."""
        if arg.shape == entry.shape:
            return g
        g, shape = self.full(g, entry), self.lead + arg.shape
        if arg.size == entry.size:
            return self.graph.reshape(g, shape)
        base = (1,) * (len(entry.shape) - len(arg.shape)) + arg.shape
        axes = tuple(len(self.lead) + i for i, n in enumerate(base) if n == 1 and entry.shape[i] != 1)
        return self.graph.reshape(self.graph.reduce("sum", g, axes), shape)

    def reshaped(self, g, entry, arg):
        """The cotangent of an operand that has the same entries in another shape."""
        if isinstance(g, _Weighted) and g.weight.size in (1, arg.size):
            weight = g.weight if g.weight.size == 1 else self.graph.reshape(g.weight, arg.shape)
            return _Weighted(weight, self.graph.reshape(g.base, self.lead + arg.shape))
        return self.graph.reshape(self.full(g, entry), self.lead + arg.shape)

    def back(self, entry, g, wanted):
        """Hand a cotangent on to those operands that are wanted."""
        kind, args = entry.op, entry.args
        if kind in _ELEMENTWISE:
            for arg, slope in zip(args, self.graph.slopes(entry), strict=True):
                if slope is not None and id(arg) in wanted:
                    self.give(arg, self.reduced(self.times(slope, g), entry, arg))
        else:
            getattr(self, f"_{kind}")(entry, g, wanted)

    def _where(self, entry, g, wanted):
        condition, *branches = entry.args
        zero, g = self.graph.constant(0.0), self.plain(g)
        for i, arg in enumerate(branches):
            if id(arg) in wanted:
                part = self.graph.where(condition, *((g, zero) if i == 0 else (zero, g)))
                self.give(arg, self.reduced(part, entry, arg))

    def _sum(self, entry, g, wanted):
        (x,), g = entry.args, self.plain(g)
        if g.shape:
            kept = tuple(1 if i in entry.data else n for i, n in enumerate(x.shape))
            g = self.graph.expand(self.graph.reshape(g, self.lead + kept), self.lead + x.shape)
        self.give(x, g)

    def _max(self, entry, g, wanted):
        (x,), g = entry.args, self.plain(g)
        kept = tuple(1 if i in entry.data else n for i, n in enumerate(x.shape))
        g = g if not g.shape else self.graph.reshape(g, self.lead + kept)
        self.give(x, self.graph.times(weights(self.graph, entry), g))

    _min = _max

    def _gather(self, entry, g, wanted):
        (x,), places = entry.args, entry.data
        if places.stops:
            return
        shape = self.lead + x.shape
        if places.is_whole(x.size):
            self.give(x, self.reshaped(g, entry, x))
            return
        g = self.full(g, entry)
        if places.expands is not None:
            axes = tuple(len(self.lead) + i for i, n in enumerate(places.expands) if n == 1 and entry.shape[i] != 1)
            self.give(x, self.graph.reshape(self.graph.reduce("sum", g, axes), shape))
        else:
            self.give(x, self.graph.assemble((g,), (self._stacked(places, x.size),), shape))

    def _assemble(self, entry, g, wanted):
        g = self.full(g, entry)
        for piece, places in zip(entry.args, entry.data, strict=True):
            if id(piece) in wanted:
                self.give(piece, self.graph.gather(g, self._stacked(places, entry.size), self.lead + piece.shape))

    def _stacked(self, places, size):
        return places.repeated(self.lead[0], size) if self.lead else places

    def _matmul(self, entry, g, wanted):
        (a, b), (ta, tb) = entry.args, entry.data
        g = self.full(g, entry)
        if self.lead and len(entry.shape) == 3:  # stacks of stacks are longer stacks
            g = self.graph.reshape(g, (self.lead[0] * entry.shape[0], *entry.shape[1:]))
        if id(a) in wanted:
            found = self._against(g, self._tiled(b, entry), (False, not tb))
            self.give(a, self._fitted(found, entry, a, ta))
        if id(b) in wanted:
            found = self._against(self._tiled(a, entry), g, (not ta, False))
            self.give(b, self._fitted(found, entry, b, tb))

    def _tiled(self, operand, entry):
        """A stack of matrices once for each cotangent."""
        if not self.lead or len(operand.shape) == 2:
            return operand
        tiled = self.graph.expand(operand, (*self.lead, entry.shape[0], *operand.shape[1:]))
        return self.graph.reshape(tiled, (self.lead[0] * entry.shape[0], *operand.shape[1:]))

    def _against(self, left, right, transposed):
        """A product with a cotangent; stacks go in one product."""
        graph, (tl, tr) = self.graph, transposed
        if len(left.shape) == 3 and len(right.shape) == 2 and not tl:
            m, p, q = left.shape
            found = graph.matmul(graph.reshape(left, (m * p, q)), right, transposed)
            return graph.reshape(found, (m, p, found.shape[-1]))
        if len(right.shape) == 3 and right.shape[2] == 1 and len(left.shape) == 2 and not tr:
            flat = graph.reshape(right, right.shape[:2])
            if is_identity(flat):  # the cotangents of several outputs begin as such
                found = left if tl else graph.moved(left, np.transpose)
            else:
                found = graph.matmul(flat, left, (False, not tl))
            return graph.reshape(found, (*found.shape, 1))
        return graph.matmul(left, right, transposed)

    def _fitted(self, found, entry, operand, was_transposed):
        """A cotangent of an operand, as that is stored, summed over the stack that it served as a whole."""
        graph = self.graph
        if was_transposed:
            found = graph.moved(found, lambda a: np.swapaxes(a, -1, -2))
        shape = self.lead + operand.shape
        if math.prod(shape) != found.size:
            found = graph.reshape(found, self.lead + (entry.shape[0], *operand.shape[-2:]))
            found = graph.reduce("sum", found, (len(self.lead),))
        return graph.reshape(found, shape)


def pullback(graph, output, inputs, lead=()):
    """The cotangents of the inputs for the cotangent 1 of a number, or for the identity of m = ``lead[0]`` outputs.

    Returns
    -------
    list of Entry
        Of shape ``lead + input.shape``.
    """
    order = ordered([output])
    wanted = {id(one) for one in inputs}
    for entry in order:
        if any(id(a) in wanted for a in entry.args):
            wanted.add(id(entry))
    sweep = _Sweep(graph, lead)
    seed = np.eye(output.size).reshape(lead + output.shape) if lead else 1.0
    if id(output) in wanted:
        sweep.give(output, graph.constant(seed))
    for entry in reversed(order):
        g = sweep.cotangents.get(id(entry))
        if g is not None and entry.op != "input":
            sweep.back(entry, g, wanted)
    zeros = [graph.constant(np.zeros(lead + one.shape)) for one in inputs]
    found = [sweep.cotangents.get(id(one), zero) for one, zero in zip(inputs, zeros, strict=True)]
    return [sweep.full(g, one) for g, one in zip(found, inputs, strict=True)]


# -- forward -----------------------------------------------------------------------------------------------------------


class Plane:
    """What each place of an entry takes from the input in its column, -1 for none.

    ``entry`` has the size of the columns, or is one number for all of them.
    """

    __slots__ = ("columns", "entry")

    def __init__(self, columns, entry):
        self.columns, self.entry = columns, entry


class Pushforward:
    """The planes of every entry of a graph, from those of the inputs.

    Without ``directions`` each input has columns of its own, one for each of its places; with them all is one column,
    and the plane of an input is its direction.
    """

    def __init__(self, graph, inputs, directions=None):
        self.graph, self.along = graph, directions is not None
        self.known, first = {}, 0
        for i, entry in enumerate(inputs):
            columns = np.zeros(entry.size, int) if self.along else np.arange(first, first + entry.size)
            seed = self._flat(directions[i]) if self.along else graph.constant(1.0)
            self.known[id(entry)] = [Plane(columns, seed)]
            first += entry.size

    def planes(self, output):
        for entry in ordered([output]):
            if not entry.args:
                self.known.setdefault(id(entry), [])
            elif id(entry) not in self.known:
                found = self._of(entry)
                if len(found) > PLANES:
                    raise NotReplayable(f"an entry depends on more than {PLANES} inputs by planes")
                self.known[id(entry)] = found
        return self.known[id(output)]

    def _of(self, entry):
        if not any(self.known[id(a)] for a in entry.args):
            return []
        if entry.op in _ELEMENTWISE:
            return self._merged(plane for arg, slope in zip(entry.args, self.graph.slopes(entry), strict=True)
                                if slope is not None for plane in self._scaled(entry, arg, slope))
        return getattr(self, f"_{entry.op}")(entry)

    def _scaled(self, entry, arg, slope):
        for plane in self.known[id(arg)]:
            columns = plane.columns if arg.size == entry.size else np.broadcast_to(plane.columns, entry.size)
            yield Plane(columns, self._flat(self.graph.times(self._flat(slope), plane.entry)))

    def _flat(self, x):
        return self.graph.reshape(x, (x.size,) if x.size != 1 else ())

    def _merged(self, planes):
        """Planes with the same columns everywhere are one."""
        found = []
        for plane in planes:
            for held in found:
                if held.columns is plane.columns or np.array_equal(held.columns, plane.columns):
                    held.entry = self.graph.plus(held.entry, plane.entry)
                    break
            else:
                found.append(plane)
        return found

    def _where(self, entry):
        condition, *branches = entry.args
        condition, zero, made = self._flat(condition), self.graph.constant(0.0), []
        for i, arg in enumerate(branches):
            for plane in self.known[id(arg)]:
                columns = plane.columns if arg.size == entry.size else np.broadcast_to(plane.columns, entry.size)
                chosen = (plane.entry, zero) if i == 0 else (zero, plane.entry)
                made.append(Plane(columns, self.graph.where(condition, *chosen)))
        return self._merged(made)

    def _gather(self, entry):
        (x,), places = entry.args, entry.data
        return [] if places.stops else self._merged(self._picked(plane, places) for plane in self.known[id(x)])

    def _picked(self, plane, places):
        part = plane.entry
        if part.size != 1:
            part = self._flat(self.graph.gather(part, Map(places.index), (places.size,)))
        return Plane(plane.columns[places.index], part)

    def _assemble(self, entry):
        """Planes of the pieces that lie in different places share a plane."""
        shelves = []
        for piece, places in zip(entry.args, entry.data, strict=True):
            if not self.along and self.known[id(piece)] and np.unique(places.index).size != places.size:
                raise NotReplayable("entries that are added to the same place have no planes")
            for plane in self.known[id(piece)]:
                columns = np.full(entry.size, 0 if self.along else -1)
                columns[places.index] = plane.columns
                part = plane.entry
                if part.size != piece.size:
                    part = self.graph.expand(part, (piece.size,))
                for shelf in shelves:
                    if not np.any((shelf[0] >= 0) & (columns >= 0)):
                        shelf[0] = np.where(columns >= 0, columns, shelf[0])
                        shelf[1].append(part)
                        shelf[2].append(places)
                        break
                else:
                    shelves.append([columns, [part], [places]])
        return self._merged(Plane(columns, self._flat(self.graph.assemble(parts, maps, (entry.size,))))
                            for columns, parts, maps in shelves)

    def _sum(self, entry):
        (x,), axes = entry.args, entry.data
        return self._summed(x, axes, entry.size, self.known[id(x)])

    def _summed(self, x, axes, size, planes):
        graph, made = self.graph, []
        rest = tuple(i for i in range(len(x.shape)) if i not in axes)
        length = math.prod(x.shape[i] for i in axes)
        places = np.arange(x.size).reshape(x.shape).transpose(rest + axes).reshape((size, length))
        for plane in planes:
            columns = plane.columns[places]
            if length and np.all(columns == columns[:, :1]):
                full = graph.expand(plane.entry, (x.size,)) if plane.entry.size != x.size else plane.entry
                part = graph.reduce("sum", graph.reshape(full, x.shape), axes)
                made.append(Plane(columns[:, 0], self._flat(part)))
            elif length * len(planes) <= PLANES:
                made += [self._picked(plane, Map(places[:, j])) for j in range(length)]
            else:
                raise NotReplayable("a sum over many inputs has no planes")
        return self._merged(made)

    def _max(self, entry):
        (x,) = entry.args
        share = weights(self.graph, entry)
        scaled = [Plane(plane.columns, self._flat(self.graph.times(self._flat(share), plane.entry)))
                  for plane in self.known[id(x)]]
        return self._summed(x, entry.data, entry.size, scaled)

    _min = _max

    def _matmul(self, entry):
        made = []
        for i, arg in enumerate(entry.args):
            for plane in self.known[id(arg)]:
                if not np.all(plane.columns == plane.columns[0]):
                    raise NotReplayable("a product of matrices has no planes")
                pair = list(entry.args)
                pair[i] = self.graph.reshape(self.graph.expand(plane.entry, (arg.size,)), arg.shape)
                product = self.graph.matmul(*pair, entry.data)
                made.append(Plane(np.full(entry.size, plane.columns[0]), self._flat(product)))
        return self._merged(made)


def triplets(push, output):
    """Rows, columns and entries of the derivative: a list of pieces; the last operation is taken apart."""
    pieces = zip(output.args, output.data, strict=True) if output.op == "assemble" else \
        [(output, Map(np.arange(output.size)))]
    found = []
    for piece, places in pieces:
        for plane in push.planes(piece):
            held = np.flatnonzero(plane.columns >= 0)
            entry = plane.entry
            if entry.size != piece.size:
                entry = push.graph.expand(entry, (piece.size,))
            if held.size != piece.size:
                entry = push.graph.gather(entry, Map(held), (held.size,))
            found.append((places.index[held], plane.columns[held], entry))
    return found
