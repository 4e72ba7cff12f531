"""The transforms: seed dual numbers, call the user's function once per pass, read the tangents off.

In forward mode a pass carries a chunk of columns; there is one pass whenever the planes fit the memory cap. Reverse
mode stands in `pullbacks`, the choice between them in `modes`.
"""

import dataclasses
import functools
import math
import operator
import sys

import numpy as np

from . import _scalar, _small, levels, modes, points, programs
from . import blockwise as by_blocks
from ._array import is_dual
from ._threads import threads as shared_by
from .containers import derivative_of, point_and_directions, read_result
from .curvature import mirror
from .errors import DifferentiationTypeError, DifferentiationValueError
from .packing import has_duals, pack
from .passes import Call, Settings, check_function, is_integer
from .points import FULL, TRIANGLE, seed_along
from .results import as_sparse_hessian, back, name_of, own

# -- first order -------------------------------------------------------------------------------------------------------


def _first_order(settings, args, kwargs, scalar=False, done=None):
    """The call, its value, and the planes of all columns; ``done`` is a result that the short cut could not read."""
    call = Call(settings, args, kwargs)
    val, planes = call.all_first() if done is None else call.read_first(*done[:2], call.point.size)
    call.check_result(val, scalar, "dualdiff.jacobian")
    return call, val, planes


def _jacobian(settings, scalar=False):
    """Return a function of (args, kwargs) that computes value, Jacobian and aux."""
    # Short lists of floats and small arrays are the commonest problems: half a µs to 2 µs of ado instead of 8 to 15.
    has_short_cut = settings.is_plain and settings.mode != "reverse"
    function, argnums, strict = settings.function, settings.argnums, settings.strict

    def small():
        return min(points.STRUCTURED, modes.FEW[scalar] if settings.mode == "auto" else math.inf)

    def compute(args, kwargs):
        done = None
        if has_short_cut:
            done = _scalar.first_order_pass(function, args, argnums, kwargs, strict, scalar)
            if done is None:
                done = _small.first_order_pass(function, args, argnums, kwargs, strict, scalar, small())
            if done is not None and done[2] is None:
                return done
        if done is None:
            found = modes.first_order(settings, args, kwargs, scalar, "dualdiff.jacobian")
            if found is not None:
                return found
            call = Call(settings, args, kwargs)
            first = call.structured_first(modes.DENSE if settings.mode == "auto" else math.inf)
            if first is not None:
                modes.learn(call, first[0])
            elif call.gave_up:
                found = modes.first_order(settings, args, kwargs, scalar, "dualdiff.jacobian", gave_up=True)
                if found is not None:
                    return found
            val, planes = call.all_first() if first is None else first
            call.check_result(val, scalar, "dualdiff.jacobian")
            return call.value(val), call.derivative(planes), call.aux
        call, val, planes = _first_order(settings, args, kwargs, scalar, done)
        return call.value(val), call.derivative(planes), call.aux

    return compute


def _public(settings, order, scalar, pick):
    """A transformed function; ``pick`` chooses what it returns from the tuple (value, derivatives, aux)."""
    compute = (_jacobian if order == 1 else _hessian)(settings, scalar)
    if programs.replays(settings):
        return functools.wraps(settings.function)(programs.replayed(settings, order, scalar, compute, pick))

    @functools.wraps(settings.function)
    def transformed(*args, **kwargs):
        return pick(compute(args, kwargs))

    return transformed


def _only(has_aux):
    return operator.itemgetter(1, 2) if has_aux else operator.itemgetter(1)


def _both(has_aux):
    return (lambda done: ((done[0], done[2]), done[1])) if has_aux else operator.itemgetter(0, 1)


def jacobian(function, argnums=0, *, mode="auto", chunk_size=None, sparse=False, batched=False, executor=None,
             max_memory=None, has_aux=False, strict=False, holomorphic=False, progress=False):
    """Differentiate a function of arrays: every output with respect to every input, exactly.

    Parameters
    ----------
    function : callable
        Ordinary NumPy code; receives dual numbers in the place of ``x``.
    argnums : int or tuple of int
        The positional argument, or arguments, to differentiate with respect to.
    mode : {"auto", "forward", "reverse"}
        Columns, one per input, or rows, one per output; ``"auto"`` chooses by a measured rule (`dualdiff.modes`) and
        may call the function once more to go forward.
    chunk_size : int, optional
        The largest number of columns in one pass; without it all columns that fit ``max_memory``.
    sparse : bool
        Return a ``scipy.sparse`` array of shape ``(f(x).size, x.size)``, by rows. It comes from the structure of the
        tangents: nothing dense is made on the way where the code is elementwise, slices, stencils and sums.
    batched : bool
        x is (B, *in) and the function maps rows independently; the result is (B, *out, *in).
    executor : concurrent.futures.Executor, optional
        Threads, processes or machines (``client.get_executor()`` of dask.distributed) that share the columns, or with
        ``batched=True`` the rows. For other processes function and arguments are pickled, with cloudpickle where it is
        installed. A block of columns evaluates the value anew, so this pays where a pass is long. A derivative that is
        taken inside a worker stays there.
    max_memory : int, optional
        Bytes that the planes of a pass may take, a quarter of the machine's memory when nothing is said.
    has_aux : bool
        The function returns ``(result, aux)``; the transform returns ``(jacobian, aux)``.
    strict : bool
        At kinks: nan instead of a subgradient.
    holomorphic : bool
        x is complex, the function holomorphic, and the derivative the complex one.
    progress : bool
        Show progress on standard error, with tqdm where it is installed; it moves as passes end.

    Returns
    -------
    callable
        Takes the function's arguments; returns an array of shape ``f(x).shape + x.shape``. Where the result or x is a
        container of arrays (dict, list, tuple, dataclass, ...), or argnums a tuple, the derivative is nested: the
        container of the result outside, and in each of its leaves that of x.

    Raises
    ------
    DualDiffError
        Wherever a tangent would be lost, an argument cannot be differentiated, or a function has no rule.
    ExecutorError
        When work cannot reach the executor's workers, or is lost with them.

    Notes
    -----
    Forward mode calls the function once per chunk of columns (vector forward mode, Griewank & Walther 2008, sec. 3.1),
    reverse mode once.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> dd.jacobian(lambda v: np.array([v[0] * v[1], np.sin(v[0])]))(np.array([0.0, 5.0]))
    array([[5., 0.],
           [1., 0.]])
    """
    settings = Settings(
        "jacobian", function, argnums, mode, chunk_size, max_memory, batched, has_aux, strict, holomorphic,
        executor=executor, progress=progress, sparse=sparse,
    )
    return _public(settings, 1, False, _only(has_aux))


def value_and_jacobian(function, argnums=0, *, mode="auto", chunk_size=None, sparse=False, batched=False,
                       executor=None, max_memory=None, has_aux=False, strict=False, holomorphic=False, progress=False):
    """Compute the value and the Jacobian from the same evaluation; see `jacobian`.

    Returns
    -------
    callable
        Returns ``(value, jacobian)``, or ``((value, aux), jacobian)`` with ``has_aux=True``.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> dd.value_and_jacobian(np.square)(np.array([3.0]))
    (array([9.]), array([[6.]]))
    """
    settings = Settings(
        "value_and_jacobian", function, argnums, mode, chunk_size, max_memory, batched, has_aux, strict, holomorphic,
        executor=executor, progress=progress, sparse=sparse,
    )
    return _public(settings, 1, False, _both(has_aux))


def grad(function, argnums=0, *, mode="auto", chunk_size=None, executor=None, max_memory=None, has_aux=False,
         strict=False, holomorphic=False, progress=False):
    """Differentiate a function with a scalar result; see `jacobian` for the parameters.

    Returns
    -------
    callable
        Returns the gradient, of the shape of x, in the container that x is.

    Raises
    ------
    DifferentiationValueError
        When the result is not a scalar.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> dd.grad(lambda v: v @ v)(np.array([1.0, 2.0]))
    array([2., 4.])
    """
    settings = Settings(
        "grad", function, argnums, mode, chunk_size, max_memory, False, has_aux, strict, holomorphic,
        executor=executor, progress=progress,
    )
    return _public(settings, 1, True, _only(has_aux))


def value_and_grad(function, argnums=0, *, mode="auto", chunk_size=None, executor=None, max_memory=None, has_aux=False,
                   strict=False, holomorphic=False, progress=False):
    """Compute the value and the gradient from the same evaluation; see `grad`.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> dd.value_and_grad(lambda v: v @ v)(np.array([1.0, 2.0]))
    (np.float64(5.0), array([2., 4.]))
    """
    settings = Settings(
        "value_and_grad", function, argnums, mode, chunk_size, max_memory, False, has_aux, strict, holomorphic,
        executor=executor, progress=progress,
    )
    return _public(settings, 1, True, _both(has_aux))


def derivative(function, *, order=1, strict=False, holomorphic=False, blockwise=False, threads=None):
    """Differentiate a function of one number, or an elementwise function of an array, any number of times.

    Parameters
    ----------
    function : callable
    order : int
        At least 1. Orders 1 and 2 are one evaluation of dual or hyper-dual numbers, higher ones nest them.
    strict : bool
        At kinks: nan instead of a subgradient.
    holomorphic : bool
        x is complex, the function holomorphic, and the derivative the complex one.
    blockwise : bool
        Evaluate the function on one block of a large array after the other; see `jvp`.
    threads : int, optional
        Share elementwise work on large arrays among so many threads; see `dualdiff.threads`.

    Returns
    -------
    callable
        For a number x the result has the shape of ``f(x)``; for an array x, f must be elementwise and the result has
        the shape of x. Further arguments pass through.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> dd.derivative(np.sin, order=3)(0.0)
    np.float64(-1.0)
    """
    settings = Settings("derivative", function, strict=strict, holomorphic=holomorphic)
    if threads is not None:
        return shared_by(threads)(
            derivative(function, order=order, strict=strict, holomorphic=holomorphic, blockwise=blockwise)
        )
    if not is_integer(order) or order < 1:
        raise DifferentiationValueError(f"derivative: order must be an integer of at least 1, found {order!r}")
    if blockwise:
        return _derivative_by_blocks(
            settings, order, derivative(function, order=order, strict=strict, holomorphic=holomorphic)
        )
    if order > 2:
        inner = derivative(function, order=2, strict=strict, holomorphic=holomorphic)
        return derivative(inner, order=order - 2, strict=strict, holomorphic=holomorphic)

    has_short_cut = settings.is_plain

    @functools.wraps(function)
    def transformed(*args, **kwargs):
        done = None
        if has_short_cut and args and type(args[0]) is float:
            if order == 1:
                done = _scalar.first_order_pass(function, args, 0, kwargs, strict, True)
            else:
                done = _scalar.second_order_pass(function, args, 0, kwargs, strict)
            if done[-1] is None:
                return done[order]
        call = Call(settings, args, kwargs)
        point = call.point
        if point.kind in ("list", "container"):
            raise DifferentiationTypeError(
                f"derivative: x is a {type(args[0]).__name__}; pass a number, or np.array(x) for an elementwise "
                f"function, or use dualdiff.jacobian"
            )
        y, lvl = call.seeded(lambda lvl: point.seeded_alike(lvl, order)) if done is None else done[:2]
        if order == 1:
            val, planes = call.read_first(y, lvl, 1)
        else:
            val, (_, _, planes) = call.read_second(y, lvl, (TRIANGLE, 1, 1))
        if point.shape != () and (call.outputs is not None or val.shape != point.shape):
            raise DifferentiationValueError(
                f"derivative: for an array x the function must be elementwise, but a result of shape {val.shape} "
                f"came from x of shape {point.shape}; use dualdiff.jacobian"
            )
        return call.value(planes[0])

    return transformed


def _derivative_by_blocks(settings, order, whole):
    @functools.wraps(settings.function)
    def transformed(*args, **kwargs):
        point = Call(settings, args, kwargs).point
        if point.kind != "array":
            return whole(*args, **kwargs)
        (out,) = by_blocks.evaluate(
            settings.function, settings.name, lambda piece: (whole(piece, *args[1:], **kwargs),), [point.x],
            point.shape, 1 + order,
        )
        return out

    return transformed


def jvp(function, primals, tangents, *, strict=False, holomorphic=False, blockwise=False, threads=None):
    """Compute the value and the derivative along given directions, from one evaluation.

    Parameters
    ----------
    function : callable
    primals : tuple
        The positional arguments, all of them differentiated; containers of arrays as well.
    tangents : tuple
        For each primal a direction of its shape, or k of them along one leading axis; for a container one of the same
        structure.
    blockwise : bool
        The function is elementwise: evaluate it on one block of large arrays after the other, in cache.
    threads : int, optional
        Share elementwise work on large arrays among so many threads; see `dualdiff.threads`.

    Returns
    -------
    y, ydot : the value and ``J v``, with a leading axis of k where the tangents have one.

    Raises
    ------
    DifferentiationValueError
        With ``blockwise=True``, where the function is seen not to be elementwise.

    Notes
    -----
    ``blockwise=True`` is a promise of the caller. Primals are numbers and arrays of one shape; the function receives
    one-dimensional pieces of the arrays, several times. An array that it captured is not cut: make it a primal, with a
    tangent of zeros. No result may depend on other elements, as in ``x - x.mean()``. What can be checked is: every
    piece must give a result of its shape, and a few elements are evaluated once more, in another order and among
    others.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> dd.jvp(np.multiply, (3.0, 2.0), (1.0, 0.0))
    (np.float64(6.0), np.float64(2.0))
    """
    check_function(function, "jvp")
    if threads is not None:
        if isinstance(function, programs.Replayed):  # a program runs in one thread
            function = function.function
        with shared_by(threads):
            return jvp(function, primals, tangents, strict=strict, holomorphic=holomorphic, blockwise=blockwise)
    if blockwise:
        return _jvp_by_blocks(function, primals, tangents, strict, holomorphic)
    if isinstance(function, programs.Replayed) and not (strict or holomorphic):
        return function.along("jvp", jvp, primals, tangents)
    done = None if holomorphic else _small.directional_pass(function, primals, tangents, strict)
    if done is not None and done[2] is None:
        return done[:2]
    if done is not None:
        val, (planes,), outputs = read_result(*done[:2], "jvp", function, (1,))
        return _along(val, planes[0], outputs)
    point, stacks, several = point_and_directions(primals, tangents, "jvp", holomorphic)
    count = stacks[0].shape[0] if stacks else 1
    lvl = levels.open_level(strict, holomorphic)
    try:
        y = function(*point.rebuilt(seed_along(p, (s,), None, lvl) for p, s in zip(point.leaves, stacks, strict=True)))
        alone = not is_dual(y) or sys.getrefcount(y) <= 2
        val, (planes,), outputs = read_result(y if alone else y.copy(), lvl, "jvp", function, (count,))
    finally:
        levels.close_level(lvl)
    return _along(val, planes if several else planes[0], outputs)


def _along(val, planes, outputs):
    """A value and its derivatives along directions in the form that the caller gets."""
    return (own(val), own(planes)) if outputs is None else (outputs.value(val), outputs.value(planes))


def _jvp_by_blocks(function, primals, tangents, strict, holomorphic):
    point, stacks, several = point_and_directions(primals, tangents, "jvp", holomorphic)
    points = point.leaves
    shape = by_blocks.common_shape(points, "jvp")
    cut = [i for i, point in enumerate(points) if point.kind == "array"]

    def compute(*pieces):
        primals, tangents = [point.x for point in points], list(directions)
        for place, i in enumerate(cut):
            primals[i], tangents[i] = pieces[place], pieces[len(cut) + place]
        return jvp(function, tuple(primals), tuple(tangents), strict=strict, holomorphic=holomorphic)

    directions = stacks if several else [stack[0] for stack in stacks]
    arrays = [points[i].x for i in cut] + [directions[i] for i in cut]
    return by_blocks.evaluate(function, "jvp", compute, arrays, shape, 1 + stacks[0].shape[0])


# -- second order ------------------------------------------------------------------------------------------------------


def _hessian(settings, scalar=False):
    """Return a function of (args, kwargs) that computes value, gradient, Hessian and aux."""
    dense = dataclasses.replace(settings, sparse=False)
    has_short_cut = settings.is_plain and settings.mode != "reverse"
    function, argnums, strict = settings.function, settings.argnums, settings.strict

    def compute(args, kwargs):
        done = None
        if has_short_cut:
            done = _scalar.second_order_pass(function, args, argnums, kwargs, strict)
            if done is None:
                done = _small.second_order_pass(function, args, argnums, kwargs, strict, points.STRUCTURED_SECOND)
            if done is not None and done[3] is None:
                return done
        instead = "dualdiff.value_and_jacobian and dualdiff.hessian"
        call = Call(dense, args, kwargs)
        if done is None:
            found = modes.structured_second(settings, args, call, gradient=scalar)
            if found is None:
                by_reverse = modes.second_order(settings, args, kwargs, scalar, _jacobian, instead)
                if by_reverse is not None:
                    return by_reverse
            val, first, second = call.all_second() if found is None else found
        else:
            n = call.point.size
            val, (first, _, second) = call.read_second(*done[:2], (TRIANGLE, n, n))
            second = second[mirror(n)]
        call.check_result(val, scalar or settings.sparse, instead)
        hess = second
        if not hasattr(second, "indptr"):  # a sparse one is as it shall be
            hess = call.derivative(second, order=2)
            hess = as_sparse_hessian(hess, call.point) if settings.sparse else hess
        return call.value(val), None if first is None else call.derivative(first), hess, call.aux

    return compute


def hessian(function, argnums=0, *, mode="auto", chunk_size=None, sparse=False, batched=False, executor=None,
            max_memory=None, has_aux=False, strict=False, holomorphic=False, progress=False):
    """Compute exact second derivatives; see `jacobian` for the parameters.

    Hyper-dual numbers are ``mode="forward"``, forward over reverse is ``mode="reverse"``. With ``sparse=True`` the
    result of a scalar function is a symmetric ``scipy.sparse`` array of shape ``(x.size, x.size)``, and nothing dense
    is made on the way where the code keeps structure.

    Returns
    -------
    callable
        Returns an array of shape ``f(x).shape + x.shape + x.shape`` (with ``batched=True`` (B, *out, *in, *in)),
        symmetric to the bit: one triangle is computed, the other is its mirror image. Containers nest: that of the
        result outside, then that of x, then that of x again.

    Notes
    -----
    ``chunk_size`` limits each of the two sets of seeds, so that a pass carries at most its square in pairs
    (Fike & Alonso 2011).

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> dd.hessian(lambda v: v[0]**2 * v[1])(np.array([1.0, 3.0]))
    array([[6., 2.],
           [2., 0.]])
    """
    settings = Settings(
        "hessian", function, argnums, mode, chunk_size, max_memory, batched, has_aux, strict, holomorphic,
        executor=executor, progress=progress, sparse=sparse,
    )
    return _public(settings, 2, False, operator.itemgetter(2, 3) if has_aux else operator.itemgetter(2))


def value_grad_and_hessian(function, argnums=0, *, mode="auto", chunk_size=None, executor=None, max_memory=None,
                           has_aux=False, strict=False, holomorphic=False, progress=False):
    """Compute value, gradient and Hessian of a scalar function from one evaluation where memory allows.

    Returns
    -------
    callable
        Returns ``(value, gradient, hessian)``; with ``has_aux=True`` ``((value, aux), gradient, hessian)``.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> dd.value_grad_and_hessian(lambda v: v @ v)(np.array([1.0]))
    (np.float64(1.0), array([2.]), array([[2.]]))
    """
    settings = Settings(
        "value_grad_and_hessian", function, argnums, mode, chunk_size, max_memory, False, has_aux, strict, holomorphic,
        executor=executor, progress=progress,
    )
    pick = (lambda done: ((done[0], done[3]), *done[1:3])) if has_aux else operator.itemgetter(0, 1, 2)
    return _public(settings, 2, True, pick)


def hvp(function, primals, tangents, *, mode="auto", chunk_size=None, max_memory=None, strict=False):
    """Compute the product of the Hessian of a scalar function with a vector.

    Parameters
    ----------
    function : callable
        Returns a scalar.
    primals, tangents : tuple
        The arguments and, for each, the part of the vector that goes with it.
    mode : {"auto", "forward", "reverse"}
        ``"reverse"`` goes forward over reverse: a few evaluations whatever the size; ``"forward"`` takes hyper-dual
        numbers with one seed for each input.

    Returns
    -------
    ndarray of the shape of x, or a tuple with one such array per primal when there are several.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> dd.hvp(lambda v: v[0]**2 * v[1], (np.array([1.0, 3.0]),), (np.array([1.0, 0.0]),))
    array([6., 2.])
    """
    settings = Settings("hvp", function, mode=mode, chunk_size=chunk_size, max_memory=max_memory, strict=strict)
    if programs.replays(settings):
        return function.along("hvp", hvp, primals, tangents)
    point, stacks, several = point_and_directions(primals, tangents, "hvp")
    if several:
        raise DifferentiationValueError("hvp: takes one vector, found tangents with a leading axis; call it for each")
    found = modes.product(settings, primals, tangents, point)
    if found is not None:
        return found
    offsets = point.offsets()
    rows = []
    for first, count in settings.columns(point, point.size):
        layout = (FULL, 1, count)
        lvl = settings.open_level()
        try:
            y = function(*point.rebuilt(
                seed_along(p, (s, _columns_of(p, first - o, count), np.zeros((count, *p.shape), p.dtype)), layout, lvl)
                for p, s, o in zip(point.leaves, stacks, offsets, strict=False)
            ))
            val, (_, _, planes), outputs = read_result(y, lvl, "hvp", function, (1, count, count))
        finally:
            levels.close_level(lvl)
        if outputs is not None or val.shape != ():
            raise DifferentiationValueError(
                f"hvp: {name_of(function)} returned {'a container' if outputs else f'an array of shape {val.shape}'}, "
                f"but a Hessian-vector product needs a scalar; use dualdiff.hessian"
            )
        rows.append(planes)
    flat = rows[0] if len(rows) == 1 else np.concatenate(rows)
    out = derivative_of(flat, point, None, point.shape)
    return out[0] if len(out) == 1 else out


def _columns_of(point, first, count):
    """Planes first … first + count of the identity over all arguments, as far as they concern this one."""
    seeds = np.zeros((count, point.size), point.dtype)
    low, high = max(first, 0), min(first + count, point.size)
    if low < high:
        seeds[np.arange(low - first, high - first), np.arange(low, high)] = 1.0
    return seeds.reshape((count, *point.shape))


def laplacian(function, argnums=0, *, chunk_size=None, executor=None, max_memory=None, strict=False, progress=False):
    """Compute the sum of the second derivatives ``Σ ∂²f/∂x_i²`` of a scalar function.

    Only the diagonal pairs of seeds are carried: n planes, not n². See `jacobian` for the parameters.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> dd.laplacian(lambda v: v @ v)(np.zeros(3))
    np.float64(6.0)
    """
    settings = Settings(
        "laplacian", function, argnums, chunk_size=chunk_size, max_memory=max_memory, strict=strict,
        executor=executor, progress=progress,
    )

    @functools.wraps(function)
    def transformed(*args, **kwargs):
        return Call(settings, args, kwargs).all_diagonal()

    return transformed


def _square_jacobian(function, argnums, name, **options):
    settings = Settings(name, function, argnums, **options)

    def square(args, kwargs):
        call, val, planes = _first_order(settings, args, kwargs)
        n = call.point.size
        if val.size != n:
            raise DifferentiationValueError(
                f"{name}: needs as many outputs as inputs, found a result of shape {val.shape} for x of size "
                f"{n}; use dualdiff.jacobian"
            )
        return np.reshape(back(planes, (n,)), (n, n))

    return square


def divergence(function, argnums=0, *, chunk_size=None, executor=None, max_memory=None, strict=False,
               progress=False):
    """Compute ``Σ ∂f_i/∂x_i`` of a map from R^n to R^n; see `jacobian` for the parameters.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> dd.divergence(lambda v: v**2)(np.array([1.0, 2.0]))
    np.float64(6.0)
    """
    square = _square_jacobian(
        function, argnums, "divergence", chunk_size=chunk_size, executor=executor, max_memory=max_memory,
        strict=strict, progress=progress,
    )

    @functools.wraps(function)
    def transformed(*args, **kwargs):
        return np.trace(square(args, kwargs))

    return transformed


def logabsdet_jacobian(function, argnums=0, *, chunk_size=None, executor=None, max_memory=None, strict=False,
                       progress=False):
    """Compute ``log|det J|`` of a map from R^n to R^n: the change-of-variables term of a density.

    See `jacobian` for the parameters.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> dd.logabsdet_jacobian(np.exp)(np.array([1.0, 2.0]))
    np.float64(3.0)
    """
    square = _square_jacobian(
        function, argnums, "logabsdet_jacobian", chunk_size=chunk_size, executor=executor, max_memory=max_memory,
        strict=strict, progress=progress,
    )

    @functools.wraps(function)
    def transformed(*args, **kwargs):
        return np.linalg.slogdet(square(args, kwargs))[1]

    return transformed


def propagate(function, x, cov, *args, strict=False, **kwargs):
    """Propagate uncertainty to first order: the value and its covariance ``J C Jᵀ``.

    Parameters
    ----------
    function : callable
    x : float, array_like
        The measured numbers.
    cov : float or array_like
        Their covariance: of shape (n, n) for x of size n, a variance for a number.

    Returns
    -------
    y : the value ``f(x)``
    covariance : of shape ``f(x).shape + f(x).shape``

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> dd.propagate(lambda v: v[0] * v[1], np.array([2.0, 5.0]), np.diag([0.01, 0.04]))
    (np.float64(10.0), np.float64(0.41000000000000003))
    """
    settings = Settings("propagate", function, strict=strict)
    call, val, planes = _first_order(settings, (x, *args), kwargs)
    cov = pack(cov) if has_duals(cov) else np.asarray(cov, dtype=np.float64)
    n = call.point.size
    if cov.shape != (n, n) and not (cov.shape == () and n == 1):
        raise DifferentiationValueError(
            f"propagate: cov must have shape ({n}, {n}) for x of size {n}, found {cov.shape}; "
            f"for independent errors pass np.diag(sigma**2)"
        )
    flat = np.reshape(back(planes, (n,)), (-1, n))
    out = flat @ np.reshape(cov, (n, n)) @ flat.T
    return call.value(val), own(np.reshape(out, (*np.shape(val), *np.shape(val))))
