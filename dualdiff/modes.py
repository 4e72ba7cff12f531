"""Which mode differentiates a call: the rule of ``mode="auto"``, and the way back to forward mode.

The rule, measured on layered networks, elementwise code and loops of small operations (the page "Forward or reverse"):

1. A list of numbers, a number, and an array of fewer than `FEW` inputs are served by forward mode: its pass costs less
   than a tape. So is whatever asks for chunks of columns or for complex derivatives.
2. A Jacobian of an array is computed in forward mode with structured tangents, in one call. Where its planes became
   dense and the outputs are at most half as many as the inputs, or as many and no more than `ROWS`, the function is
   remembered, and recorded for other arguments of the same shape; where they would not fit `DENSE` bytes, it is
   recorded at once.
3. A gradient, and all else, is recorded. Forward mode takes over, at the price of a second evaluation, where recording
   fails; where the m outputs cost more rows than the n inputs cost columns, ``m > n``; and where, with n below `MANY`,
   more single numbers are taken out of arrays than `NUMBERS` and one for every eight inputs: of a loop of small
   operations a scalar dual number makes shorter work. What was found out about a function is remembered for arguments
   of the same shape.
4. A second derivative of an array takes structured hyper-dual numbers, in one call, from `points.STRUCTURED_SECOND`
   inputs on: two to six times as fast as the other ways on elementwise code, sums, regressions and layered networks,
   whatever the number of inputs. Where these would need ε1ε2 planes of more than `DENSE_SECOND` bytes, or results of
   sums and products are taken apart in a loop of numbers, the function is remembered, and goes the other ways.
5. Those are forward over reverse, from `FEW_SECOND` inputs on, where the recorded function has one output or fewer than
   half as many as inputs; else dense hyper-dual numbers. A Hessian-vector product goes forward over reverse from
   `FEW_PRODUCT` inputs on.
"""

import dataclasses
import math
import weakref

import numpy as np

from . import levels
from ._reverse import LoopOfNumbers, is_traced, recorded_pass, swept
from .containers import flatten, is_container
from .errors import DifferentiationValueError, DualDiffError
from .kinds import is_dual
from .passes import LIVE_ARRAYS, Call
from .points import seed_along
from .pullbacks import Handout, Recording, pullback_of, vjp
from .results import name_of, sparse_arrays

FEW = {True: 48, False: 64}  # of a scalar function, of any other
ROWS = 128
FEW_SECOND = 48
FEW_PRODUCT = 32
NUMBERS, MANY = 16, 15_000

# Bytes of dense planes of one array beyond which a Jacobian is not computed in forward mode without need.
DENSE = 2**28

# The same of ε1ε2 planes, which forward over reverse does without.
DENSE_SECOND = 2**21

# function -> the shapes of arguments of which one mode is known to make shorter work; "dense" ones, of second
# derivatives, keep no structure.
_KNOWN = {mode: weakref.WeakKeyDictionary() for mode in ("forward", "reverse", "dense")}


def _remembered(mode, function, key):
    try:
        return key in _KNOWN[mode].get(function, ())
    except TypeError:  # no weak reference to it
        return False


def _remember(mode, function, key):
    try:
        _KNOWN[mode].setdefault(function, set()).add(key)
    except TypeError:
        pass


def _key(settings, x):
    return settings.name, settings.batched, np.shape(x) if isinstance(x, np.ndarray) or is_dual(x) else type(x)


def learn(call, val):
    """Remember what a forward pass of a Jacobian showed: dense planes, and few outputs beside the inputs."""
    settings = call.settings
    most = min(call.point.size, max(call.point.size // 2, ROWS))
    if settings.mode == "auto" and not call.stayed_structured and np.size(val) <= most:
        _remember("reverse", settings.function, _key(settings, _argument(settings, call.args)))


def holds_recorded(x):
    """Whether an argument is recorded by an outer reverse mode, which only reverse mode can differentiate again."""
    return is_traced(x) or (isinstance(x, list | tuple) and any(map(is_traced, x)))


def _argument(settings, args):
    """The argument that is differentiated; a tuple of several."""
    def argument(i):
        return args[i] if -len(args) <= i < len(args) else None

    chosen = settings.argnums
    return tuple(map(argument, chosen)) if isinstance(chosen, tuple) else argument(chosen)


def prefers_forward(settings, args, few):
    """Point 1 of the rule: what is not worth a tape, seen without calling the function."""
    x = _argument(settings, args)
    if holds_recorded(x):
        return False
    return (
        settings.chunk_size is not None or settings.max_memory is not None or settings.holomorphic or settings.sparse
        or settings.executor is not None or settings.progress
        or _numbers(settings, x) < few
    )


def _numbers(settings, x):
    """How many inputs there are, in each row of a batch."""
    size = sum(map(_size, x)) if isinstance(settings.argnums, tuple) else _size(x)
    return size // (_rows(x) if settings.batched else 1)


def _rows(x):
    return max(len(x), 1) if isinstance(x, np.ndarray) or is_dual(x) else 1


def _size(x):
    """The numbers in an array or a container of arrays; 0 where forward mode has a way of its own, and for all else."""
    if isinstance(x, np.ndarray) or is_dual(x):
        return x.size if np.ndim(x) else 0
    if not is_container(x):
        return 0
    try:
        return sum(np.size(leaf) for _, leaf in flatten(x, "x")[0])
    except DualDiffError:
        return 0  # what is wrong with it is said where it is differentiated


def first_order(settings, args, kwargs, scalar, instead, gave_up=False):
    """Value, derivative and aux by reverse mode; None where forward mode shall do it.

    ``gave_up``: forward mode tried structured tangents, and their dense planes would be too many.
    """
    if settings.mode == "forward":
        return None
    if settings.mode == "reverse":
        _refuse_for_reverse(settings)
        return _recorded(settings, args, kwargs, scalar, instead)
    x = _argument(settings, args)
    if settings.is_plain and type(x) is np.ndarray and x.ndim:
        # The commonest case: nothing else has a say.
        n = x.size
        if n < FEW[scalar]:
            return None
    else:
        if prefers_forward(settings, args, FEW[scalar]):
            return None
        if holds_recorded(x):
            _refuse_for_reverse(settings)
            return _recorded(settings, args, kwargs, scalar, instead)
        n = _numbers(settings, x)
    key = _key(settings, x)
    if _remembered("forward", settings.function, key):
        return None
    tries_structure = not scalar and settings.takes_structure and type(x) is np.ndarray
    if tries_structure and not (gave_up or _remembered("reverse", settings.function, key)):
        return None
    try:
        found = _recorded(settings, args, kwargs, scalar, instead, max(NUMBERS, n // 8) if n < MANY else None, n)
    except (Exception, LoopOfNumbers):
        # Whatever it was: forward mode serves it, or raises what the caller is to see.
        found = None
    if found is None:
        _remember("forward", settings.function, key)
    return found


def _recorded(settings, args, kwargs, scalar, instead, numbers=None, most_rows=math.inf):
    """Value, derivative and aux from a recording; None where it has more rows than are worth it."""
    made = None
    if settings.is_plain:
        made = recorded_pass(settings.function, args, settings.argnums, kwargs, settings.strict, numbers)
        if made is not None and is_traced(made[0]) and (made[0].ndim == 0 if scalar else made[0].size <= most_rows):
            found = swept(*made, settings.memory() / LIVE_ARRAYS)
            if found is not None:
                return *found, None
    call = Call(settings, args, kwargs)
    recording = Recording(call, numbers, made)
    if recording.rows > most_rows:
        return None
    call.check_result(recording.y, scalar, instead)
    return *recording.jacobian(), call.aux


def _refuse_for_reverse(settings):
    _refuse(settings, "sparse", "executor", "progress")
    if settings.holomorphic:
        raise DifferentiationValueError(
            f"{settings.name}: mode='reverse' has no complex derivatives; leave mode out with holomorphic=True")


def _refuse(settings, *names):
    """Options that only forward mode has."""
    for name in names:
        if getattr(settings, name):
            raise DifferentiationValueError(
                f"{settings.name}: mode='reverse' does not go with {name}=; leave mode out, or pass mode='forward'")


def structured_second(settings, args, call, gradient):
    """Value and planes by structured hyper-dual numbers; None where those do not last to the end."""
    x = _argument(settings, args)
    if settings.mode == "reverse" or type(x) is not np.ndarray:
        return None
    key = _key(settings, x)
    if _remembered("dense", settings.function, key):
        call.gave_up = True
        return None
    limits = (DENSE, DENSE_SECOND) if settings.mode == "auto" and settings.max_memory is None else ()
    found = call.structured_second(gradient, settings.sparse, *limits)
    if found is None and call.gave_up:
        _remember("dense", settings.function, key)
    return found


class _TooManyOutputs(Exception):
    """Hyper-dual numbers make shorter work: there are more outputs than forward over reverse is good for."""


def second_order(settings, args, kwargs, scalar, compute, instead):
    """Value, gradient, Hessian and aux by forward over reverse; None where hyper-dual numbers shall do it.

    ``compute(settings)`` makes the function of (args, kwargs) that gives a first derivative.
    """
    automatic = settings.mode == "auto"
    recorded = holds_recorded(_argument(settings, args))
    dense = dataclasses.replace(settings, sparse=False)
    # A sparse Hessian is the sparse Jacobian of a recorded gradient: structured tangents go through its sweep.
    if settings.mode == "forward" or (automatic and prefers_forward(dense, args, 0 if settings.sparse else FEW_SECOND)):
        return None
    if settings.batched and not automatic:
        raise DifferentiationValueError(
            f"{settings.name}: batched=True goes by hyper-dual numbers; leave mode='reverse' out")
    x = _argument(settings, args)
    if settings.batched or isinstance(settings.argnums, tuple) or is_container(x):
        if automatic:
            return None
        raise DifferentiationValueError(
            f"{settings.name}: mode='reverse' takes one array for second derivatives; leave mode out")
    _refuse(settings, "executor", "progress")
    inner = compute(dataclasses.replace(dense, mode="reverse"), scalar or settings.sparse)
    seen = []

    def gradient(*args, **kwargs):
        val, jac, aux = inner(args, kwargs)
        seen[:] = [val, aux]
        rows = math.prod(np.shape(val))
        if automatic and not recorded and 2 * rows > np.size(jac) // max(rows, 1) and rows > 1:
            raise _TooManyOutputs
        return jac, val

    outer = dataclasses.replace(
        settings, function=gradient, mode="reverse" if recorded else "forward", has_aux=True)
    try:
        jac, hess, val = compute(outer, False)(args, kwargs)
    except Exception:
        if automatic and not recorded:
            return None
        raise
    hess = symmetric_sparse(hess) if settings.sparse else symmetric(hess, np.ndim(val))
    return _own(val), jac, hess, seen[1]


def _own(val):
    return np.asarray(val)[()] if not hasattr(val, "_level") else val


def symmetric_sparse(hess):
    """One triangle of a sparse Hessian and its mirror image."""
    sparse = sparse_arrays("hessian")
    return sparse.csr_array(sparse.tril(hess) + sparse.tril(hess, -1).T)


def symmetric(hess, lead):
    """One triangle and its mirror image: rounding differs between the two."""
    if hasattr(hess, "_level"):
        return hess
    hess = np.asarray(hess)
    ndim = (hess.ndim - lead) // 2
    n = math.prod(hess.shape[lead : lead + ndim])
    flat = hess.reshape((math.prod(hess.shape[:lead]), n, n))
    upper = np.triu_indices(n, 1)
    flat[:, upper[1], upper[0]] = flat[:, upper[0], upper[1]]
    return flat.reshape(hess.shape)


def product(settings, primals, tangents, point):
    """A Hessian-vector product by forward over reverse; None where hyper-dual numbers shall do it."""
    points = point.leaves
    if any(child is not None for child in point.structure.children):
        if settings.mode == "reverse":
            raise DifferentiationValueError(
                "hvp: mode='reverse' takes arrays as primals, found a container; leave mode out")
        return None
    automatic = settings.mode == "auto"
    recorded = any(map(holds_recorded, primals))
    if settings.mode == "forward":
        return None
    if automatic and not recorded and (
        settings.chunk_size is not None or settings.max_memory is not None
        or any(point.kind == "list" for point in points) or sum(point.size for point in points) < FEW_PRODUCT
    ):
        return None

    def gradient(*primals):
        y, pullback = pullback_of(settings.function, primals, settings.strict, "hvp")
        if np.shape(y) != ():
            raise DifferentiationValueError(
                f"hvp: {name_of(settings.function)} returned an array of shape {np.shape(y)}, but a Hessian-vector "
                f"product needs a scalar; use dualdiff.hessian"
            )
        return pullback

    try:
        if recorded:
            # Dual numbers do not hold what an outer reverse mode records as fast as it differentiates again.
            return _product_reverse(gradient, primals, tangents)
        # One pass of dual numbers: the tangents of the gradients are what is asked for.
        lvl = levels.open_level(settings.strict)
        try:
            seeded = [seed_along(point, (np.expand_dims(np.asarray(t, dtype=point.dtype), 0) if not is_dual(t)
                                         else np.expand_dims(t, 0),), None, lvl)
                      for point, t in zip(points, tangents, strict=True)]
            hand = Handout()
            out = tuple(hand(stack[0]) for stack in gradient(*seeded).stacks(np.ones((1,)), along=lvl))
        finally:
            levels.close_level(lvl)
    except Exception:
        if automatic and not recorded:
            return None
        raise
    return out[0] if len(out) == 1 else out


def _product_reverse(gradient, primals, tangents):
    """Reverse over reverse: the gradient of ``⟨gradient, v⟩``."""
    def along(*primals):
        return sum(np.sum(np.multiply(g, t)) for g, t in zip(gradient(*primals)(1.0), tangents, strict=True))

    out = vjp(along, *primals)[1](1.0)
    return out[0] if len(out) == 1 else out
