"""One recording, what is derived of it, and the program that both become."""

import numpy as np

from .._program import Program
from ..kinds import NotReplayable
from ..results import sparse_arrays
from .derivatives import Pushforward, ordered, pullback, triplets
from .graph import MOST, Graph, Map
from .symbols import NUMBER, PLAIN, Recorder

# Outputs beyond which backward passes of a Jacobian are not worth their memory.
ROWS = 1024
# How far a result of a program may be from that of the ordinary way, relative to the largest number.
AGREEMENT = 1e-8
# What rounding leaves of numbers around 1 that cancel.
NOISE = 1e-12


def agreement(found, wanted):
    """Whether what a program gave is what the ordinary way gave, up to rounding; None where nothing can be said.

    Types are compared, too. What is not finite is no verdict, nor is a difference of numbers that are next to nothing.
    """
    if type(found) is not type(wanted):
        return False
    if not isinstance(found, tuple):
        found, wanted = (found,), (wanted,)
    verdicts = [_alike(one, other) for one, other in zip(found, wanted, strict=True) if one is not None]
    return False if False in verdicts else None if None in verdicts else True


def _alike(one, other):
    if type(one) is not type(other) or np.shape(one) != np.shape(other) or one.dtype != other.dtype:
        return False
    scale = _largest(other)
    if not np.isfinite(scale):
        return None
    difference = _largest(one - other)
    if difference <= AGREEMENT * scale:
        return True
    return None if max(scale, difference) < NOISE else False


def _largest(a):
    return np.max(np.abs(a.data if hasattr(a, "indptr") else a), initial=0.0)


class Recording:
    """A function's operations: the graph, the inputs that are differentiated, and the output."""

    def __init__(self, function, args, argnum):
        self.graph = Graph()
        recorder = Recorder(self.graph)
        given, self.all_inputs = [], []
        for i, a in enumerate(args):
            if not isinstance(a, float | np.ndarray | list):
                given.append(a)
                continue
            symbols = [self._input(recorder, one, i != argnum) for one in (a if isinstance(a, list) else [a])]
            given.append(symbols if isinstance(a, list) else symbols[0])
            if i == argnum:
                self.inputs = [symbol.entry for symbol in symbols]
                self.shape = (len(a),) if isinstance(a, list) else np.shape(a)
        try:
            y = function(*given)
            if recorder.refused is not None:
                raise NotReplayable(recorder.refused)
            self.output, self.guards = recorder.of(y).entry, recorder.guards
        finally:
            recorder.is_closed = True
        if len(ordered([self.output])) > MOST:
            raise NotReplayable("it has too many operations; write its loops as operations on whole arrays")

    def input(self, shape):
        """One more input."""
        self.all_inputs.append(self.graph.input(len(self.all_inputs), shape))
        return self.all_inputs[-1]

    def _input(self, recorder, a, is_further):
        """The next input of the program; a copy, since the function may keep it."""
        entry = self.input(np.shape(a))
        if isinstance(a, np.ndarray):
            symbol = recorder.symbol(np.array(a), entry)
            symbol.is_locked = is_further  # the caller would see that it is written to
            return symbol
        return recorder.symbol(a, entry, kind=PLAIN if is_further else NUMBER)

    @property
    def size(self):
        return sum(entry.size for entry in self.inputs)

    def joined(self, parts, lead=()):
        """Derivatives for the inputs, behind a stack of ``lead``, as one array."""
        graph = self.graph
        if len(parts) == 1 and self.shape == self.inputs[0].shape:
            return parts[0]
        m = lead[0] if lead else 1
        maps = [Map(np.arange(m) * len(parts) + i) for i in range(len(parts))]
        return graph.assemble(parts, maps, (*lead, len(parts)))

    def gradient(self):
        """The derivative of a number."""
        if self.output.shape != ():
            raise NotReplayable("its result is no number")
        return self.joined(pullback(self.graph, self.output, self.inputs))


# -- what is derived ---------------------------------------------------------------------------------------------------


def _dense(recording, output, symmetric=False):
    """The derivative of an entry as a dense array of shape ``output.shape + x.shape``."""
    graph, n = recording.graph, recording.size
    if output.size == 1 and not symmetric:
        parts = pullback(graph, graph.reshape(output, ()), recording.inputs)
        return graph.reshape(recording.joined(parts), output.shape + recording.shape)
    try:
        pieces = triplets(Pushforward(graph, recording.inputs), output)
        if symmetric:
            pieces = _mirrored(graph, pieces)
        maps = [Map(rows * n + columns) for rows, columns, _ in pieces]
        found = graph.assemble([entry for _, _, entry in pieces], maps, (output.size, n))
    except NotReplayable:
        if output.size > max(ROWS, n):
            raise
        flat = graph.reshape(output, (output.size,))
        found = recording.joined(pullback(graph, flat, recording.inputs, (output.size,)), (output.size,))
        found = graph.reshape(found, (output.size, n))
        if symmetric:
            found = graph.moved(found, lambda index: np.triu(index) + np.triu(index, 1).T)
    return graph.reshape(found, output.shape + recording.shape)


def _mirrored(graph, pieces):
    """One triangle of a symmetric matrix, and its mirror image."""
    found = []
    for rows, columns, entry in pieces:
        for keep, mirrored in ((rows <= columns, False), (rows < columns, True)):
            kept = np.flatnonzero(keep)
            if kept.size:
                part = entry if kept.size == entry.size else graph.gather(entry, Map(kept), (kept.size,))
                found.append((columns[kept], rows[kept], part) if mirrored else (rows[kept], columns[kept], part))
    return found


def _sparse(recording, output, name, symmetric=False):
    """The derivative of an entry as the data of a sparse array by rows, and the function that makes the array."""
    graph, n = recording.graph, recording.size
    pieces = triplets(Pushforward(graph, recording.inputs), output)
    if symmetric:
        pieces = _mirrored(graph, pieces)
    places = [rows * n + columns for rows, columns, _ in pieces]
    known = np.sort(np.concatenate([np.zeros(0, int), *places]), kind="stable")  # runs that are sorted are merged
    known = known[np.diff(known, prepend=-1) > 0]
    data = graph.assemble([entry for _, _, entry in pieces], [Map(np.searchsorted(known, p)) for p in places],
                          (known.size,))
    shape = (output.size, n)
    kind = np.int32 if max(known.size, *shape) < 2**31 else np.int64
    indices = (known % n).astype(kind)
    indptr = np.searchsorted(known, n * np.arange(output.size + 1)).astype(kind)
    csr = sparse_arrays(name).csr_array

    def finish(data):
        return csr((data, indices.copy(), indptr.copy()), shape=shape, copy=False)

    return data, finish


def _differentiated(recording, task):
    """Outputs of a gradient, a Jacobian or a Hessian, and the function that makes the transform's result of them."""
    output = recording.output if task.order == 1 else recording.gradient()
    symmetric, data, finish = task.order == 2, None, _as_it_is
    if task.sparse:
        data, finish = _sparse(recording, output, task.name, symmetric)
    elif task.order == 1 and task.scalar:
        data = recording.gradient()
    else:
        data = _dense(recording, output, symmetric)
    lower = ([recording.output] if task.order == 1 else [recording.output, output]) \
        if task.name.startswith("value") else []

    def result(found):
        return (*(found[1:] or (None,) * task.order), finish(found[0]), None)

    return [data, *lower], result


def _as_it_is(found):
    return found


def _along(recording, task):
    """Outputs of the value and its derivative along a direction."""
    return [recording.output, _pushed(recording, recording.output)], _as_it_is


def _product(recording, task):
    """Outputs of the product of the Hessian with a vector."""
    return [_pushed(recording, recording.gradient())], lambda found: found[0]


def _pushed(recording, output):
    graph = recording.graph
    directions = [recording.input(entry.shape) for entry in recording.inputs]
    planes = Pushforward(graph, recording.inputs, directions).planes(output)
    if not planes:
        return graph.constant(np.zeros(output.shape))
    (plane,) = planes
    return graph.reshape(graph.expand(plane.entry, (output.size,)), output.shape)


DERIVED = {"jvp": _along, "hvp": _product}


def made(function, task, args, argnum):
    """The program of a task, and the function that makes the transform's result of what the program gives."""
    recording = Recording(function, args, argnum)
    outputs, finish = DERIVED.get(task.name, _differentiated)(recording, task)
    entries = ordered([*recording.all_inputs, *outputs, *(entry for entry, _ in recording.guards)])
    return Program(entries, outputs, recording.guards), finish
