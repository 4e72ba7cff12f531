"""Record once, run often: derivatives of a function as programs that need no Python.

`replay` marks a function. A transform of it records its operations at the first arguments of each kind (`symbols`),
derives what is asked for as operations too (`derivatives`), and has both compiled to one program (``_program.pyx``).
What cannot be recorded, and whatever a program's result is not finite for, goes the ordinary way.
"""

import functools
import sys
from typing import NamedTuple

import numpy as np

from .. import errors
from ..kinds import NotReplayable

# Ways through a function's branches that are kept for one kind of arguments.
BRANCHES = 8
# Kinds of arguments that are kept.
KINDS = 64
# Different arguments at which a program must give what the ordinary way gives before it is trusted. A function that
# asks for the type of an argument, say, shows another value only at the second.
TRUSTED = 2
# Comparisons that may end without a verdict, as those of zeros do.
PATIENCE = 8


def replay(function):
    """Record a function once for each kind of arguments, and run its derivatives as programs without Python.

    Transforms of the function that are called again and again, with new numbers in arrays of the same shape, then cost
    little more than the arithmetic: no Python runs, operations on large arrays are fused block by block, and only the
    derivatives that are not zero are computed. The function itself stays as it is.

    Parameters
    ----------
    function : callable
        Ordinary NumPy code that computes the same from the same arguments. **Arrays and numbers that it takes from
        elsewhere are those of the recording**: pass what changes as an argument.

    Returns
    -------
    Replayed
        Behaves as the function; `grad`, `value_and_grad`, `jacobian` and `value_and_jacobian` (dense or sparse),
        `hessian` and `value_grad_and_hessian`, `jvp` and `hvp` replay it. ``refusals`` lists what was not replayed,
        and why.

    Notes
    -----
    Arrays of float64, floats, and flat lists of floats are inputs of a program; whole numbers, strings, truth values
    and None belong to the kind of arguments, as shapes do. A branch (``if x[0] > 0``) is recorded as it was taken, and
    tested whenever the program runs: where it goes the other way, the function is recorded again. Every program is
    compared with the ordinary derivative at the first two different arguments. Where a result is not finite, or an
    option is given that programs do not know (``mode``, ``chunk_size``, ``strict`` and so on), the ordinary way is
    taken, so that the answer is the same: `replay` never changes a result beyond rounding. It gives no warnings.

    A program is a tape that is derived rather than swept (Griewank & Walther 2008, ch. 6, on tapes and their reuse).

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> gradient = dd.grad(dd.replay(lambda v: np.sum(np.sin(v) ** 2)))
    >>> gradient(np.array([0.0, 1.0])).round(3)
    array([0.   , 0.909])
    >>> gradient(np.array([1.0, 0.0])).round(3)  # runs the program
    array([0.909, 0.   ])
    """
    if not callable(function):
        raise errors.DifferentiationTypeError(
            f"replay: takes a function, found {type(function).__name__}; pass the function itself, not its result")
    return Replayed(function)


class _Player:
    """A program, the function that makes a transform's result of what it gives, and how well it is known."""

    __slots__ = ("finish", "known", "program", "undecided")

    def __init__(self, program, finish):
        self.program, self.finish, self.known, self.undecided = program, finish, set(), 0

    @property
    def is_trusted(self):
        return len(self.known) >= TRUSTED


class Replayed:
    """A function whose derivatives are run as programs; see `replay`.

    Attributes
    ----------
    refusals : dict
        For each kind of derivative and arguments that goes the ordinary way, the reason.
    """

    def __init__(self, function):
        functools.update_wrapper(self, function, updated=())
        self.function = function
        self.refusals = {}
        self._players = {}

    def __call__(self, *args, **kwargs):
        return self.function(*args, **kwargs)

    def __repr__(self):
        return f"replay({self.function!r})"

    def __get__(self, instance, owner=None):
        return self if instance is None else functools.partial(self, instance)

    def __reduce__(self):
        name = getattr(self, "__qualname__", "")
        module = sys.modules.get(getattr(self, "__module__", None))
        # A decorated function is found by its name, as any other is.
        return name if getattr(module, name, None) is self else (Replayed, (self.function,))

    def run(self, task, ordinary, args, kwargs, argnum=0, directions=(), latest=None):
        """What a task asks for at these arguments: by a program, or where there is none by ``ordinary()``.

        ``latest`` is a list of one item, for the `shortcut` to the program that has run.
        """
        signature = _signature(args, kwargs, argnum)
        if signature is None:
            return ordinary()
        kinds, inputs = signature
        key = (task, *kinds)
        inputs += directions
        players = self._players.get(key, ())
        for player in players:
            found = player.program.run(inputs)
            if found is None:
                continue
            if not found[1]:
                return ordinary()
            result = player.finish(found[0])
            if not player.is_trusted:
                return self._judged(key, player, result, ordinary, inputs)
            if latest is not None:
                latest[0] = shortcut(player.program, task, args)
            return result
        result = ordinary()
        if len(players) < BRANCHES and key not in self.refusals:
            self._learn(key, args, argnum, inputs, result)
        return result

    def along(self, name, transform, primals, tangents):
        """The derivative along one direction, of value or gradient, in one array."""
        def ordinary():
            return transform(self.function, primals, tangents)

        if type(primals) is tuple and type(tangents) is tuple and len(primals) == len(tangents) == 1:
            (x,), (v,) = primals, tangents
            if type(x) is type(v) is np.ndarray and x.shape == v.shape and v.dtype == np.float64:
                return self.run(Task(name), ordinary, primals, {}, directions=[np.ascontiguousarray(v)])
        return ordinary()

    def _learn(self, key, args, argnum, inputs, result):
        """Make a program, and compare it with a result of the ordinary way."""
        from .recording import made  # once it is needed: five modules

        try:
            player = _Player(*made(self.function, key[0], args, argnum))
            found = player.program.run(inputs)
            if found is None:
                raise NotReplayable("its branches do not repeat")
        except NotReplayable as reason:
            self._refuse(key, str(reason))
            return
        except Exception as reason:
            # Whatever it was: the ordinary way serves it, or raises what the caller is to see.
            self._refuse(key, f"while it was recorded, {type(reason).__name__}: {reason}")
            return
        if key not in self._players and len(self._players) >= KINDS:
            self._players.clear()
        self._players.setdefault(key, []).append(player)
        if found[1]:
            self._judged(key, player, player.finish(found[0]), lambda: result, inputs)

    def _judged(self, key, player, result, ordinary, inputs):
        """The result of a program that is not trusted yet; where it is not known for these inputs, the ordinary one."""
        from .recording import agreement

        numbers = tuple(a if type(a) is float else hash(a.tobytes()) for a in inputs)
        if numbers in player.known:
            return result
        wanted = ordinary()
        verdict = agreement(result, wanted)
        if verdict:
            player.known.add(numbers)
        player.undecided += verdict is None
        if verdict is False or player.undecided > PATIENCE:
            self._players.pop(key, None)
            self._refuse(key, "its program does not give what the function gives" if verdict is False else
                         "its results are too small or not finite, so that nothing can be compared")
        return wanted

    def _refuse(self, key, reason):
        if len(self.refusals) >= KINDS:
            self.refusals.clear()
        self.refusals[key] = reason


def _signature(args, kwargs, argnum):
    """The kind of arguments, and those that are inputs; None where a program cannot take them."""
    if kwargs or not 0 <= argnum < len(args):
        return None
    kinds, inputs = [argnum], []
    for i, a in enumerate(args):
        kind = type(a)
        if kind is np.ndarray:
            if a.dtype != np.float64 or not a.ndim:
                return None
            kinds.append(a.shape)
            inputs.append(a if a.flags.c_contiguous and a.flags.aligned else np.ascontiguousarray(a))
        elif kind is float or kind is np.float64:
            kinds.append(float)
            inputs.append(float(a))
        elif kind is list and i == argnum:
            if not all(type(one) is float for one in a):
                return None
            kinds.append(len(a))
            inputs += a
        elif i != argnum and kind in (int, str, bool, type(None)):
            kinds.append((kind, a))
        else:
            return None
    return kinds, inputs


def shortcut(program, task, args):
    """The program as a function of a tuple of arguments, for one dense result of one array or list of numbers.

    It returns None for other arguments and where the program does not serve: 0.3 µs where `Replayed.run` takes 3.
    """
    if len(args) > 1 or task.sparse or task.name.startswith("value"):
        return None
    (x,) = args
    if type(x) is list:
        count, numbers = len(x), program.numbers

        def run(args):
            if len(args) == 1 and type(args[0]) is list and len(args[0]) == count:
                found = numbers(args[0])
                if type(found) is tuple and found[1]:
                    return found[0][0]

        return run
    if type(x) is np.ndarray:
        shape, whole, double = x.shape, program.run, np.dtype(float)

        def run(args):
            x = args[0] if len(args) == 1 else None
            if type(x) is np.ndarray and x.shape == shape and x.dtype is double and x.flags.c_contiguous:
                found = whole([x])
                if found is not None and found[1]:
                    return found[0][0]

        return run
    return None


class Task(NamedTuple):
    """What a program computes."""

    name: str
    order: int = 1
    scalar: bool = False
    sparse: bool = False


def replays(settings):
    """Whether programs know all that a transform was asked for."""
    return (
        isinstance(settings.function, Replayed) and settings.mode == "auto" and not settings.strict
        and settings.chunk_size is None and settings.max_memory is None
        and not (settings.batched or settings.has_aux or settings.holomorphic or isinstance(settings.argnums, tuple)
                 or settings.executor or settings.progress)
    )


def replayed(settings, order, scalar, compute, pick):
    """A transform, ``pick(compute(args, kwargs))``, that runs programs where they serve."""
    function, argnum, task = settings.function, settings.argnums, Task(settings.name, order, scalar, settings.sparse)
    latest = [None]

    def transformed(*args, **kwargs):
        quick = latest[0]
        if quick is not None and not kwargs:
            found = quick(args)
            if found is not None:
                return found
        return pick(function.run(task, lambda: compute(args, kwargs), args, kwargs, argnum, latest=latest))

    return transformed
