"""Record once, run often: derivatives of a function as programs that need no Python.

`replay` marks a function. A transform of it records its operations at the first arguments of each kind (`symbols`),
derives what is asked for as operations too (`derivatives`), and has both compiled to one program (``_program.pyx``).
What cannot be recorded, and whatever a program's result is not finite for, goes the ordinary way.
"""

import functools
from typing import NamedTuple

import numpy as np

from .. import errors
from ..kinds import NotReplayable

# Ways through a function's branches that are kept for one kind of arguments.
BRANCHES = 8
# Kinds of arguments that are kept.
KINDS = 64


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
    tested whenever the program runs: where it goes the other way, the function is recorded again. Every new program is
    compared with the ordinary derivative at the arguments at hand before it is used. Where a result is not finite, or
    an option is given that programs do not know (``mode``, ``chunk_size``, ``strict`` and so on), the ordinary way is
    taken, so that the answer is the same: `replay` never changes a result beyond rounding.

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


class Replayed:
    """A function whose derivatives are run as programs; see `replay`.

    Attributes
    ----------
    refusals : dict
        For each kind of derivative and arguments that goes the ordinary way, the reason.
    """

    def __init__(self, function):
        functools.update_wrapper(self, function)
        self.function = function
        self.refusals = {}
        self._programs = {}

    def __call__(self, *args, **kwargs):
        return self.function(*args, **kwargs)

    def __repr__(self):
        return f"replay({self.function!r})"

    def __get__(self, instance, owner=None):
        return self if instance is None else functools.partial(self, instance)

    def __reduce__(self):
        return Replayed, (self.function,)

    def run(self, task, ordinary, args, kwargs, argnum=0, directions=(), latest=None):
        """What a task asks for at these arguments: by a program, or where there is none by ``ordinary()``.

        ``latest`` is a list for the `shortcut` to the program that has run.
        """
        signature = _signature(args, kwargs, argnum)
        if signature is None:
            return ordinary()
        kinds, inputs = signature
        key = (task, *kinds)
        inputs += directions
        programs = self._programs.get(key, ())
        for program, finish in programs:
            found = program.run(inputs)
            if found is not None:
                if latest is not None:
                    latest[:] = shortcut(program, task, args)
                return finish(found[0]) if found[1] else ordinary()
        result = ordinary()
        if len(programs) < BRANCHES and key not in self.refusals:
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
        """Make a program, and take it where its result is that of the ordinary way."""
        from .recording import made  # once it is needed: five modules

        try:
            program = made(self.function, key[0], args, argnum, inputs, result)
        except NotReplayable as reason:
            self._refuse(key, str(reason))
            return
        except Exception as reason:
            # Whatever it was: the ordinary way serves it, or raises what the caller is to see.
            self._refuse(key, f"while it was recorded, {type(reason).__name__}: {reason}")
            return
        if len(self._programs) >= KINDS:
            self._programs.clear()
        self._programs.setdefault(key, []).append(program)

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
        return []
    (x,) = args
    if type(x) is list:
        count, numbers = len(x), program.numbers

        def run(args):
            if len(args) == 1 and type(args[0]) is list and len(args[0]) == count:
                found = numbers(args[0])
                if type(found) is tuple and found[1]:
                    return found[0][0]
    elif type(x) is np.ndarray:
        shape, whole, double = x.shape, program.run, np.dtype(float)

        def run(args):
            x = args[0] if len(args) == 1 else None
            if type(x) is np.ndarray and x.shape == shape and x.dtype is double and x.flags.c_contiguous:
                found = whole([x])
                if found is not None and found[1]:
                    return found[0][0]
    else:
        return []
    return [run]


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
    latest = []

    def transformed(*args, **kwargs):
        if latest and not kwargs:
            found = latest[0](args)
            if found is not None:
                return found
        return pick(function.run(task, lambda: compute(args, kwargs), args, kwargs, argnum, latest=latest))

    return transformed
