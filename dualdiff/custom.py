"""Rules of the user's own: elementwise functions by their derivatives, anything else by its directional derivative."""

import functools
import math

import numpy as np

from ._reverse import record
from .errors import DifferentiationTypeError, DifferentiationValueError
from .kinds import is_dual, is_traced, level, refuse_symbols
from .nested import strong_product
from .numpy_rules.registry import apply_custom, numbers
from .packing import shape_of


def elementwise(*, d1, d2=None):
    """Give a function of one number, applied elementwise, its derivatives.

    Parameters
    ----------
    d1 : callable
        The first derivative, a function of ``x``.
    d2 : callable, optional
        The second derivative. Without it the second order comes from differentiating ``d1``, which must then be
        written with functions that dualdiff knows.

    Returns
    -------
    callable
        A decorator; the decorated function receives plain numbers or arrays only.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> @dd.elementwise(d1=lambda x: 3.0 * x**2)
    ... def cube(x):
    ...     return x * x * x
    >>> dd.derivative(cube, order=2)(2.0)
    np.float64(12.0)
    """
    for name, function in (("d1", d1), ("d2", d2)):
        if not callable(function) and not (name == "d2" and function is None):
            raise DifferentiationTypeError(
                f"elementwise: {name} must be a function of x, found {type(function).__name__}; pass a callable"
            )
    slope = d1 if d2 is None else elementwise(d1=d2)(d1)

    def decorate(function):
        def tangent(y, primals, stacks):
            return strong_product(slope(primals[0]), stacks[0])

        @functools.wraps(function)
        def wrapped(x):
            x = numbers(x)
            if not is_dual(x):
                refuse_symbols(function.__name__, [x])
                return function(x)
            return apply_custom(named(function, lambda a: wrapped(a) if is_dual(a) else function(a)), tangent, [x])

        return wrapped

    return decorate


def custom_jvp(function):
    """Give any function a directional derivative of its own.

    The result has a method ``defjvp``: its argument is the rule ``rule(primals, tangents)``, which returns
    ``(y, ydot)`` for tuples of primals and of tangents of the same shapes. Arguments without influence have zero
    tangents. Higher orders differentiate the rule.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> @dd.custom_jvp
    ... def log1pexp(x):
    ...     return np.logaddexp(0.0, x)
    >>> @log1pexp.defjvp
    ... def rule(primals, tangents):
    ...     (x,), (t,) = primals, tangents
    ...     return log1pexp(x), t / (1.0 + np.exp(-x))
    >>> dd.derivative(log1pexp)(0.0)
    np.float64(0.5)
    """
    rules = []

    def tangent(y, primals, stacks):
        count = next(stack.shape[0] for stack in stacks if stack is not None)
        planes = []
        if count == 0:
            return np.zeros((0, *shape_of(y)))
        for i in range(count):
            tangents = tuple(np.zeros(np.shape(x)) if stack is None else _plane(stack[i])
                             for x, stack in zip(primals, stacks, strict=True))
            planes.append(rules[-1](tuple(primals), tangents)[1])
        return np.stack([numbers(plane) if is_dual(plane) else np.asarray(plane) for plane in planes])

    return _ruled(function, rules, tangent, "defjvp", "(primals, tangents) that returns (y, ydot)")


def custom_vjp(function):
    """Give any function a rule for reverse mode of its own.

    The result has a method ``defvjp``: its argument is the rule ``rule(*primals)``, which returns ``(y, pullback)``;
    ``pullback(ybar)`` returns the cotangent of the primal, or a tuple with one for each, None where there is none.
    Higher orders differentiate the rule and its pullback. Forward mode asks the pullback for the rows of the Jacobian,
    one per output.

    Parameters
    ----------
    function : callable
        Takes and returns numbers and arrays.

    Returns
    -------
    callable
        Like ``function``, with the method ``defvjp``.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> @dd.custom_vjp
    ... def log1pexp(x):
    ...     return np.logaddexp(0.0, x)
    >>> @log1pexp.defvjp
    ... def rule(x):
    ...     return log1pexp(x), lambda ybar: ybar / (1.0 + np.exp(-x))
    >>> dd.grad(lambda v: np.sum(log1pexp(v)), mode="reverse")(np.zeros(2))
    array([0.5, 0.5])
    """
    rules = []

    def recorded(inputs, top):
        primals = [_plane(a.value) if is_traced(a) and a.level == top else a for a in inputs]
        y, pullback = pulled(primals)

        def pull(g):
            rows = [pullback(_plane(plane)) for plane in g]
            return tuple(None if row[0] is None else np.stack([_shaped(one, a) for one in row])
                         for row, a in zip(zip(*rows, strict=True), inputs, strict=True))

        return record(y if is_dual(y) else np.array(y), tuple(inputs), pull, top)

    def pulled(primals):
        """The value, and a pullback that gives a checked tuple."""
        y, pullback = rules[-1](*primals)

        def checked(ybar):
            found = pullback(ybar)
            found = found if isinstance(found, tuple | list) else (found,)
            if len(found) != len(primals):
                raise DifferentiationValueError(
                    f"{function.__name__}: its pullback gave {len(found)} cotangents for {len(primals)} arguments; "
                    f"return one for each"
                )
            return found

        return y, checked

    def _shaped(cotangent, primal):
        cotangent = numbers(cotangent) if is_dual(cotangent) else np.asarray(cotangent)
        if cotangent.shape != shape_of(primal):
            raise DifferentiationValueError(
                f"{function.__name__}: its pullback gave a cotangent of shape {cotangent.shape} for an argument of "
                f"shape {shape_of(primal)}; both must be equal"
            )
        return cotangent

    def tangent(y, primals, stacks):
        """Row by row: a pullback of each unit cotangent."""
        _, pullback = pulled(primals)
        shape, count = shape_of(y), next(stack.shape[0] for stack in stacks if stack is not None)
        size = math.prod(shape)
        rows = []
        for i in range(size):
            unit = np.zeros(size)
            unit[i] = 1.0
            row = pullback(_plane(unit.reshape(shape)))
            terms = [np.sum(strong_product(np.reshape(_shaped(g, x), (1, -1)), stack.reshape((count, -1))), axis=1)
                     for g, x, stack in zip(row, primals, stacks, strict=True) if stack is not None and g is not None]
            rows.append(sum(terms[1:], terms[0]) if terms else np.zeros(count))
        return np.stack(rows, axis=1).reshape((count, *shape)) if rows else np.zeros((count, *shape))

    return _ruled(function, rules, tangent, "defvjp", "the primals that returns (y, pullback)", recorded)


def _ruled(function, rules, tangent, method, form, recorded=None):
    """The function that follows the last of ``rules`` where an argument is differentiated.

    ``tangent`` is the rule for tangents that they make, ``recorded(inputs, level)`` their way to be recorded if there
    is one of its own; ``method`` is the name of the method that takes a rule, a function of ``form``.
    """
    @functools.wraps(function)
    def wrapped(*args):
        inputs = [numbers(a) for a in args]
        if not any(is_dual(a) for a in inputs):
            refuse_symbols(function.__name__, args)
            return function(*args)
        if not rules:
            raise DifferentiationTypeError(
                f"{function.__name__}: has no rule yet; give it one with @{function.__name__}.{method}"
            )
        top = max(inputs, key=level)
        if recorded is not None and is_traced(top):
            return recorded(inputs, top.level)

        def call(*plain):
            return wrapped(*plain) if any(map(is_dual, plain)) else function(*plain)

        return apply_custom(named(function, call), tangent, inputs)

    def define(rule):
        if not callable(rule):
            raise DifferentiationTypeError(
                f"{method}: needs a function of {form}, found {type(rule).__name__}; decorate one with "
                f"@{function.__name__}.{method}"
            )
        rules.append(rule)
        return rule

    setattr(wrapped, method, define)
    return wrapped


def named(function, wrapper):
    """The wrapper under the name of the user's function, for messages."""
    wrapper.__name__ = getattr(function, "__name__", type(function).__name__)
    return wrapper


def _plane(plane):
    return plane if is_dual(plane) else np.asarray(plane)[()]
