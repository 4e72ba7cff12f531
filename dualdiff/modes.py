"""Which mode differentiates a call: the rule of ``mode="auto"``, and the way back to forward mode.

The rule, measured on layered networks, elementwise code and loops of small operations (the page "Forward or reverse"):

1. A list of numbers, a number, and an array of fewer than `FEW` inputs are served by forward mode: its pass costs less
   than a tape. So is whatever asks for chunks of columns or for complex derivatives.
2. Otherwise the function is recorded. Forward mode takes over, at the price of a second evaluation, where recording
   fails; where the m outputs cost more rows than the n inputs cost columns, ``m > n``; and where more than `NUMBERS`
   single numbers are taken out of arrays while n is below `MANY`: of a loop of small operations a scalar dual number
   makes shorter work. What was found out about a function is remembered for arguments of the same shape.
3. A second derivative goes forward over reverse from `FEW_SECOND` inputs on, where the recorded function has one
   output or fewer than half as many as inputs; else by hyper-dual numbers. A Hessian-vector product does so from
   `FEW_PRODUCT` inputs on.
"""

import dataclasses
import math
import weakref

import numpy as np

from . import levels
from ._reverse import LoopOfNumbers, is_traced
from .errors import DifferentiationValueError
from .kinds import is_dual
from .passes import Call
from .points import seed_along
from .pullbacks import Recording, pullback_of, vjp
from .results import name_of, own, read

FEW = {True: 48, False: 64}  # of a scalar function, of any other
FEW_SECOND = 48
FEW_PRODUCT = 100
NUMBERS, MANY = 64, 1500

# function -> the shapes of arguments of which forward mode is known to make shorter work.
_FORWARD = weakref.WeakKeyDictionary()


def _remembered(function, key):
    try:
        return key in _FORWARD.get(function, ())
    except TypeError:  # no weak reference to it
        return False


def _remember(function, key):
    try:
        _FORWARD.setdefault(function, set()).add(key)
    except TypeError:
        pass


def holds_recorded(x):
    """Whether an argument is recorded by an outer reverse mode, which only reverse mode can differentiate again."""
    return is_traced(x) or (isinstance(x, list | tuple) and any(map(is_traced, x)))


def _argument(settings, args):
    position = settings.argnums
    return args[position] if -len(args) <= position < len(args) else None


def prefers_forward(settings, args, few):
    """Point 1 of the rule: what is not worth a tape, seen without calling the function."""
    x = _argument(settings, args)
    if holds_recorded(x):
        return False
    return (
        settings.chunk_size is not None or settings.max_memory is not None or settings.holomorphic
        or isinstance(x, list | tuple | float | int) or np.ndim(x) == 0
        or (x.size if not settings.batched else x.size // max(len(x), 1)) < few
    )


def first_order(settings, args, kwargs, scalar, instead):
    """Value, derivative and aux by reverse mode; None where forward mode shall do it."""
    automatic = settings.mode == "auto"
    if settings.mode == "forward" or (automatic and prefers_forward(settings, args, FEW[scalar])):
        return None
    if settings.holomorphic:
        raise DifferentiationValueError(
            f"{settings.name}: mode='reverse' has no complex derivatives; leave mode out with holomorphic=True")
    forced = not automatic or holds_recorded(_argument(settings, args))
    key = (settings.name, settings.batched, np.shape(_argument(settings, args)))
    if not forced and _remembered(settings.function, key):
        return None
    try:
        call = Call(settings, args, kwargs)
        n = call.batch_shape()[1]
        recording = Recording(call, None if forced or n >= MANY else NUMBERS)
        if forced or recording.rows <= n:
            call.check_result(recording.y, scalar, instead)
            return *recording.jacobian(), call.aux
    except (Exception, LoopOfNumbers):
        # Whatever it was: forward mode serves it, or raises what the caller is to see.
        if forced:
            raise
    _remember(settings.function, key)
    return None


def second_order(settings, args, kwargs, scalar, compute, instead):
    """Value, gradient, Hessian and aux by forward over reverse; None where hyper-dual numbers shall do it.

    ``compute(settings)`` makes the function of (args, kwargs) that gives a first derivative.
    """
    automatic = settings.mode == "auto"
    recorded = holds_recorded(_argument(settings, args))
    if settings.mode == "forward" or (automatic and prefers_forward(settings, args, FEW_SECOND)):
        return None
    if settings.batched and not automatic:
        raise DifferentiationValueError(
            f"{settings.name}: batched=True goes by hyper-dual numbers; leave mode='reverse' out")
    if settings.batched:
        return None
    inner = compute(dataclasses.replace(settings, mode="reverse"), scalar)
    seen = []

    def gradient(*args, **kwargs):
        val, jac, aux = inner(args, kwargs)
        seen[:] = [val, aux]
        rows = math.prod(np.shape(val))
        if automatic and not recorded and 2 * rows > np.size(jac) // max(rows, 1) and rows > 1:
            raise DifferentiationValueError("more outputs than forward over reverse is good for")
        return jac, val

    outer = dataclasses.replace(
        settings, function=gradient, mode="reverse" if recorded else "forward", has_aux=True)
    try:
        jac, hess, val = compute(outer, False)(args, kwargs)
    except Exception:
        if automatic and not recorded:
            return None
        raise
    return _own(val), jac, symmetric(hess, np.ndim(val)), seen[1]


def _own(val):
    return np.asarray(val)[()] if not hasattr(val, "_level") else val


def symmetric(hess, lead):
    """One triangle and its mirror image: rounding differs between the two."""
    if hasattr(hess, "_level"):
        return hess
    hess = np.asarray(hess)
    ndim = (hess.ndim - lead) // 2
    n = math.prod(hess.shape[lead : lead + ndim])
    flat = hess.reshape((-1, n, n))
    upper = np.triu_indices(n, 1)
    flat[:, upper[1], upper[0]] = flat[:, upper[0], upper[1]]
    return flat.reshape(hess.shape)


def product(settings, primals, tangents, points):
    """A Hessian-vector product by forward over reverse; None where hyper-dual numbers shall do it."""
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
        # One pass of dual numbers: the gradients' tangents come with them.
        lvl = levels.open_level(settings.strict)
        try:
            seeded = [seed_along(point, (np.expand_dims(np.asarray(t, dtype=point.dtype), 0) if not is_dual(t)
                                         else np.expand_dims(t, 0),), None, lvl)
                      for point, t in zip(points, tangents, strict=True)]
            # What is read off is handed over, or copied where somebody else has it.
            gradients = gradient(*seeded).stacks(np.ones((1,)))
            out = [read(g[0], lvl, "hvp", settings.function) for g in gradients]
        finally:
            levels.close_level(lvl)
    except Exception:
        if automatic and not recorded:
            return None
        raise
    out = tuple(own(np.zeros(val.shape, val.dtype) if planes is None else planes[0][0]) for val, planes, _ in out)
    return out[0] if len(out) == 1 else out


def _product_reverse(gradient, primals, tangents):
    """Reverse over reverse: the gradient of ``⟨gradient, v⟩``."""
    def along(*primals):
        return sum(np.sum(np.multiply(g, t)) for g, t in zip(gradient(*primals)(1.0), tangents, strict=True))

    out = vjp(along, *primals)[1](1.0)
    return out[0] if len(out) == 1 else out
