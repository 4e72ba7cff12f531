"""One call in reverse mode: the function is recorded once, and cotangents are sent back.

Beside `passes`, which does the same in forward mode; results have the same shapes.
"""

import functools
import math
import threading

import numpy as np

from . import levels
from ._array import settle
from ._reverse import (
    backward,
    constant,
    count_entries,
    fixed,
    is_traced,
    largest_entry,
    leaf,
    limit,
    record_joint,
    units,
)
from .containers import Outputs, flatten, is_result_container
from .errors import DifferentiationTypeError, DifferentiationValueError
from .kinds import is_dual, lift
from .packing import as_numpy, has_duals, pack, part
from .passes import LIVE_ARRAYS, check_function
from .points import Point
from .results import name_of, of_level


def planted(point, lvl):
    """The leaves of a point as recorded inputs."""
    if point.kind == "container":
        return [planted(one, lvl) for one in point.leaves]
    if point.kind == "list":
        return [leaf(part(entry), lvl) for entry in point.x]
    # The tape may live longer than the caller leaves his array as it is.
    return leaf(point.x.copy() if type(point.x) is np.ndarray else part(point.x), lvl)


def leaves_of(inputs):
    return [one.node for one in (inputs if isinstance(inputs, list) else [inputs])]


def gathered(found, point, count):
    """Cotangents of the inputs of a point as one stack of its shape; zeros where nothing arrived."""
    if point.kind != "list":
        return np.zeros((count, *point.shape), point.dtype) if found[0] is None else found[0]
    if not found or all(g is None for g in found):
        return np.zeros((count, *point.shape), point.dtype)
    return np.stack([np.zeros(count) if g is None else g for g in found], axis=-1)


def recorded_result(y, lvl, name, function):
    """What a recorded function returned, as a recorded array; a constant where nothing leads to the inputs."""
    y, moves = of_level(y, lvl, name, function)
    return y if moves else constant(y, lvl)


def unit_cotangents(y, first, count, batch=0):
    """Planes first … first + count of the identity; with ``batch`` leading axes every row gets the same."""
    shape = y.shape
    size = math.prod(shape[batch:])
    if size == count and not batch:
        return units(size).astype(y.dtype, copy=False).reshape((size, *shape))
    seeds = np.zeros((count, *shape), y.dtype)
    flat = seeds.reshape((count, -1, size))
    flat[np.arange(count), :, np.arange(first, first + count)] = 1.0
    return seeds


class Recording:
    """A call of a transformed function, recorded.

    Parameters
    ----------
    call : passes.Call
    numbers : int, optional
        How many single numbers may be taken out of arrays before it gives up with `LoopOfNumbers`.
    made : tuple, optional
        What `_reverse.recorded_pass` recorded already.

    Attributes
    ----------
    y : TracedArray
    """

    __slots__ = ("call", "leaves", "y")

    def __init__(self, call, numbers=None, made=None):
        self.call = call
        y, lvl, self.leaves = self._made(numbers) if made is None else (*made[:2], [made[2]])
        self.y = self._result(y, lvl)

    def _made(self, numbers):
        """The result of the function on recorded inputs, their level, and the entries that they are."""
        call = self.call
        lvl = levels.open_level(call.settings.strict)
        before = None if numbers is None else limit(lvl, numbers)
        try:
            inputs = planted(call.point, lvl)
            # The function may write to its argument, which is another version then.
            leaves = leaves_of(inputs)
            return call.evaluate(call.point.rebuilt(inputs) if call.point.kind == "container" else inputs), lvl, leaves
        finally:
            levels.close_level(lvl)
            if before is not None:
                limit(*before)

    def _result(self, y, lvl):
        """What the function returned as one recorded array; the leaves of a container lie behind each other."""
        settings, call = self.call.settings, self.call
        if not is_result_container(y, settings.name, settings.function):
            return recorded_result(y, lvl, settings.name, settings.function)
        leaves, structure = flatten(y, "result", result=True)
        parts = [recorded_result(leaf, lvl, f"{settings.name}, in {path}", settings.function) for path, leaf in leaves]
        call.outputs = Outputs(
            structure, tuple(part.shape for part in parts), tuple(part.dtype for part in parts), 0)
        return np.concatenate([np.ravel(part) for part in parts])

    @property
    def entries(self):
        """How many entries of the tape lead to the result."""
        return count_entries(self.y.node)

    @property
    def rows(self):
        """How many cotangents the derivative takes."""
        batch = 1 if self.call.settings.batched else 0
        return math.prod(self.y.shape[batch:])

    def jacobian(self):
        """The value, and the derivative of shape ``Y + X`` (with ``batched`` (B, *out, *in)), or in containers."""
        y, call = self.y, self.call
        point, settings = call.point, call.settings
        if point.kind == "container" or call.outputs is not None:
            return self._of_containers()
        count, batch = self.rows, 1 if settings.batched else 0
        shape = point.shape[batch:]
        if y.node is None or count == 0:
            return _copied(y.value), np.zeros(y.shape + shape, point.dtype)[()]
        step = count if count == 1 else self._rows_at_a_time(count)
        with np.errstate(all="ignore"):
            planes = self._block(0, step, batch)
            if step < count and type(planes) is np.ndarray:
                planes = self._in_blocks(planes, count, batch)
            elif step < count:
                planes = np.concatenate([planes, *(
                    self._block(first, min(step, count - first), batch) for first in range(step, count, step))])
        if batch:
            planes = np.moveaxis(planes, 0, 1)
        return _copied(y.value), Handout()(planes.reshape(y.shape + shape))

    def _in_blocks(self, block, count, batch):
        """All rows, of which the first ones are there: put where the derivative needs them as they come."""
        step = len(block)
        planes = np.empty((count, *block.shape[1:]), block.dtype)
        planes[:step] = block
        for first in range(step, count, step):
            planes[first : first + step] = self._block(first, min(step, count - first), batch)
        return planes

    def _rows_at_a_time(self, count):
        """How many cotangents the memory holds together."""
        largest = max(largest_entry(self.y.node), 1)
        fits = self.call.settings.memory() / (LIVE_ARRAYS * self.y.dtype.itemsize * largest)
        return max(1, int(min(count, fits)))

    def _block(self, first, number, batch):
        """Some rows of the derivative, as a stack."""
        found = backward([self.y.node], [unit_cotangents(self.y, first, number, batch)], self.leaves)
        return gathered(found, self.call.point, number)

    def _of_containers(self):
        """The same where x or the result is a container."""
        y, call = self.y, self.call
        point, count = call.point, self.rows
        leaves = point.leaves if point.kind == "container" else [point]
        found = [None] * len(self.leaves)
        if y.node is not None and count:
            with np.errstate(all="ignore"):
                found = backward([y.node], [unit_cotangents(y, 0, count)], self.leaves)
        if point.kind != "container":
            blocks = [gathered(found, point, count)]
        else:
            blocks = [gathered([one], leaf, count) for one, leaf in zip(found, leaves, strict=True)]
        flat = [block.reshape((count, leaf.size)) for block, leaf in zip(blocks, leaves, strict=True)]
        rows = np.concatenate(flat, axis=1)
        planes = np.moveaxis(rows.reshape((*y.shape, rows.shape[1])), -1, 0)
        return call.value(_copied(y.value)), call.derivative(planes)


class Handout:
    """Hands results to the caller: as they are where nobody else has their memory, else copied."""

    def __init__(self, *taken):
        self._taken = {id(_root(a)) for a in taken if type(a) is np.ndarray}

    def __call__(self, x):
        if is_dual(x):
            return settle(x.copy())
        if x.ndim == 0:
            return x[()]
        root = _root(x)
        if id(root) in self._taken or not (x.flags.c_contiguous and x.flags.writeable and root.flags.owndata):
            return np.array(x)
        self._taken.add(id(root))
        return x


def _copied(x):
    """The value of a result, which the tape may need or an input may share."""
    return settle(x.copy()) if is_dual(x) else x[()] if x.ndim == 0 else np.array(x)


def _root(a):
    """The array whose memory this one shows."""
    while type(a.base) is np.ndarray:
        a = a.base
    return a


def vjp(function, *primals, strict=False):
    """Compute the value, and the function that sends cotangents back: reverse mode.

    Parameters
    ----------
    function : callable
        Ordinary NumPy code; it is called once.
    *primals : float, array_like
        The positional arguments, all of them differentiated.
    strict : bool
        At kinks: nan instead of a subgradient.

    Returns
    -------
    y : ndarray or float
        The value.
    pullback : callable
        ``pullback(ybar)`` is a tuple with one cotangent ``Jᵀ ybar`` per primal, of its shape; ybar has the shape of y,
        or one leading axis of m cotangents, which the results then have too. It may be called many times.

    Raises
    ------
    DualDiffError
        Wherever a derivative would be lost, and where a function cannot be recorded; ``jvp`` is forward mode.

    Notes
    -----
    ``⟨w, J v⟩ = ⟨Jᵀ w, v⟩`` for every v (`jvp`) and w (Griewank & Walther 2008, sec. 3.2). The tape lives as long as
    the pullback does; `checkpoint` bounds its memory.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> y, pullback = dd.vjp(np.multiply, 3.0, 2.0)
    >>> y, pullback(1.0)
    (np.float64(6.0), (np.float64(2.0), np.float64(3.0)))
    """
    y, pullback = pullback_of(function, primals, strict, "vjp")
    return _copied(y), pullback


def pullback_of(function, primals, strict, name):
    """The value, which may be shared with the inputs, and the pullback, for the transform of this name."""
    check_function(function, name)
    points = [Point(x, name) for x in primals]
    lvl = levels.open_level(strict)
    try:
        inputs = [planted(point, lvl) for point in points]
        leaves = [leaves_of(one) for one in inputs]
        y = recorded_result(function(*inputs), lvl, name, function)
    finally:
        levels.close_level(lvl)
    return y.value, _Pullback(y, points, leaves)


class _Pullback:
    """The tape of one call of `vjp`."""

    def __init__(self, y, points, leaves):
        self._y, self._points, self._leaves = y, points, leaves
        self._lock = threading.Lock()

    def __call__(self, ybar):
        stack, several, g = self._checked(ybar)
        hand = Handout(stack, g)
        return tuple(hand(planes if several else planes[0]) for planes in self.stacks(stack))

    def stacks(self, stack, along=-1):
        """For each primal a stack of cotangents, which may share memory with the given one or with each other.

        With ``along``, a level of dual numbers, only the tangents of the cotangents.
        """
        leaves = [node for one in self._leaves for node in one]
        if self._y.node is None:
            found = [None] * len(leaves)
        else:
            with self._lock, np.errstate(all="ignore"):
                found = backward([self._y.node], [stack], leaves, along)
        out, start = [], 0
        for point, own_leaves in zip(self._points, self._leaves, strict=True):
            out.append(gathered(found[start : start + len(own_leaves)], point, stack.shape[0]))
            start += len(own_leaves)
        return out

    def _checked(self, ybar):
        """The cotangent as a stack, whether there are several, and as it was given."""
        y = self._y
        g = pack(ybar) if has_duals(ybar) else as_numpy(ybar)
        if g.dtype.kind not in "iuf":
            raise DifferentiationTypeError(f"vjp: a cotangent must hold real numbers, found dtype {g.dtype}")
        several = g.shape != y.shape
        if several and g.shape[1:] != y.shape:
            raise DifferentiationValueError(
                f"vjp: the cotangent must have the shape {y.shape} of the result, or (m, *{y.shape}) for m cotangents, "
                f"found {g.shape}"
            )
        stack = g if several else g.reshape((1, *g.shape))
        return stack.astype(y.dtype), several, g


# -- memory ------------------------------------------------------------------------------------------------------------


def checkpoint(function):
    """Trade time for memory: the tape keeps the arguments of a call only, and records it again when it goes back.

    Parameters
    ----------
    function : callable
        Its recorded arguments are arrays, numbers, and lists, tuples and dicts of them, and it gives an array or a
        tuple of arrays; it must compute the same when called again, and may not write to its arguments.

    Returns
    -------
    callable
        Outside reverse mode it is the function itself.

    Notes
    -----
    With k segments of equal length the tape holds k results and one segment at a time (Griewank & Walther 2008,
    ch. 12); each segment is evaluated once more.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> step = dd.checkpoint(lambda v: np.tanh(v + np.sin(v)))
    >>> x = np.linspace(0.0, 1.0, 3)
    >>> f = lambda v: np.sum(step(step(v)))
    >>> np.allclose(dd.grad(f, mode="reverse")(x), dd.grad(f, mode="forward")(x))
    True
    """
    check_function(function, "checkpoint")

    @functools.wraps(function)
    def segment(*args, **kwargs):
        found = []
        _visit((args, kwargs), found.append)
        if not found:
            return function(*args, **kwargs)
        top = max(one.level for one in found)
        inputs = [one for one in found if one.level == top]
        values = iter([_read_only(one.value) for one in inputs])
        plain_args, plain_kwargs = _replaced((args, kwargs), lambda one: next(values) if one.level == top else one)
        y = function(*plain_args, **plain_kwargs)
        outputs = list(y) if isinstance(y, tuple | list) else [y]
        outputs = [_output(one, top, function) for one in outputs]

        def pullback(stacks):
            lvl = levels.open_like(top)
            try:
                again = [leaf(one, lvl) for one in values_again]
                leaves = leaves_of(again)
                supply = iter(again)
                a, k = _replaced(
                    (args_again, kwargs_again), lambda one: next(supply) if isinstance(one, _Hole) else one)
                made = function(*a, **k)
            finally:
                levels.close_level(lvl)
            made = list(made) if isinstance(made, tuple | list) else [made]
            made = [pack(one) if has_duals(one) else one for one in made]
            moving = [(one.node, g) for one, g in zip(made, stacks, strict=True)
                      if g is not None and is_traced(one) and one.level == lvl and one.active]
            return tuple(backward([n for n, _ in moving], [g for _, g in moving], leaves))

        values_again = [one.value for one in inputs]
        args_again, kwargs_again = _replaced(
            (args, kwargs), lambda one: _Hole() if one.level == top else fixed(one), _copy_of)
        made = record_joint(outputs, tuple(inputs), pullback, top)
        if isinstance(y, tuple | list):
            return type(y)(*made) if hasattr(y, "_fields") else type(y)(made)
        return made[0]

    return segment


class _Hole:
    """The place of a recorded argument."""


def _output(y, top, function):
    y = pack(y) if has_duals(y) else y
    if is_traced(y) and y.level >= top:
        raise DifferentiationTypeError(
            f"checkpoint: {name_of(function)} uses a recorded array that is none of its arguments; pass it as one"
        )
    return lift(y) if is_dual(y) else as_numpy(y)


def _visit(tree, see):
    if is_traced(tree):
        see(tree)
    elif isinstance(tree, list | tuple):
        for one in tree:
            _visit(one, see)
    elif isinstance(tree, dict):
        for one in tree.values():
            _visit(one, see)
    elif isinstance(tree, np.ndarray) and tree.dtype == object:
        for one in tree.ravel().tolist():
            _visit(one, see)


def _read_only(a):
    """A view that nobody writes to: the tape would not see it."""
    if type(a) is np.ndarray:
        a = a.view()
        a.flags.writeable = False
    return a


def _copy_of(a):
    """What the tape keeps of an argument to which the caller may write afterwards."""
    return a.copy() if isinstance(a, np.ndarray) else fixed(a)


def _replaced(tree, change, keep=lambda one: one):
    """The same containers with other numbers in the place of recorded ones (and of holes)."""
    if is_traced(tree) or isinstance(tree, _Hole):
        return change(tree)
    if isinstance(tree, list | tuple):
        made = [_replaced(one, change, keep) for one in tree]
        return type(tree)(*made) if hasattr(tree, "_fields") else type(tree)(made)
    if isinstance(tree, dict):
        return {key: _replaced(one, change, keep) for key, one in tree.items()}
    if isinstance(tree, np.ndarray) and tree.dtype == object:
        out = np.empty(tree.shape, object)
        for index in np.ndindex(tree.shape):
            out[index] = _replaced(tree[index], change, keep)
        return out
    return keep(tree)
