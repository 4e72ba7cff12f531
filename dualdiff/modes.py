"""Which mode differentiates a call: the rule of ``mode="auto"``, and the way back to forward mode.

The rule, measured on layered networks, elementwise code and loops of small operations (the page "Forward or reverse"):

1. A list of numbers, a number, and an array of fewer than `FEW` inputs are served by forward mode: its pass costs less
   than a tape. So is whatever asks for chunks of columns or for complex derivatives.
2. Otherwise the function is recorded. Forward mode takes over (a second evaluation) where recording fails, and where
   the m outputs of the recorded function would cost more rows than the n inputs cost columns: ``ROW m > n``.
3. A second derivative goes forward over reverse from `FEW_SECOND` inputs on, where the recorded function has fewer
   outputs than half of its inputs; else by hyper-dual numbers.
"""

import dataclasses

import numpy as np

from ._reverse import is_traced
from .errors import DifferentiationTypeError, DifferentiationValueError
from .passes import Call
from .pullbacks import Recording, vjp

FEW = {True: 16, False: 64}  # of a scalar function, of any other
FEW_SECOND = 48
ROW = 1.0


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
    try:
        call = Call(settings, args, kwargs)
        shape, n = call.batch_shape()
        recording = Recording(call)
        forced = not automatic or holds_recorded(_argument(settings, args))
        if not forced and ROW * recording.rows > n:
            return None
        call.check_result(recording.y, scalar, instead)
        val, jac = recording.jacobian()
    except Exception:
        if automatic and not holds_recorded(_argument(settings, args)):
            # Whatever it was: forward mode serves it, or raises what the caller is to see.
            return None
        raise
    return val, jac, call.aux


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
        rows = int(np.prod(np.shape(val), dtype=np.intp))
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
    n = int(np.prod(hess.shape[lead : lead + ndim], dtype=np.intp))
    flat = hess.reshape((-1, n, n))
    upper = np.triu_indices(n, 1)
    flat[:, upper[1], upper[0]] = flat[:, upper[0], upper[1]]
    return flat.reshape(hess.shape)


def hvp_gradient(function, strict):
    """The gradient of a scalar function of several arguments, by reverse mode."""

    def gradient(*primals):
        y, pullback = vjp(function, *primals, strict=strict)
        if np.shape(y) != ():
            raise DifferentiationTypeError("not a scalar")
        found = [np.ravel(g) for g in pullback(1.0)]
        return found[0] if len(found) == 1 else np.concatenate(found)

    return gradient
