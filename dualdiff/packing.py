"""From what NumPy makes of dual numbers (object arrays, lists) back to dual arrays."""

import numpy as np

from . import levels, tangents
from ._array import make
from ._scalar import Dual
from .errors import DifferentiationTypeError, DifferentiationValueError, TangentMismatchError
from .kinds import is_dual, is_traced, level, lift

NUMERIC = "biufc"


def plane_counts(x):
    """Return how many planes each stack of a dual number has."""
    layout = x._layout if hasattr(x, "_layout") else None
    if layout is None:
        return (x._stacks[0].shape[0],)
    return tuple(stack.shape[0] for stack in x._stacks)


def spread(stack, ndim):
    """A stack of planes with as many axes behind the plane axis as an array of ``ndim`` dimensions needs."""
    missing = ndim + 1 - stack.ndim
    return stack.reshape((stack.shape[0], *[1] * missing, *stack.shape[1:])) if missing > 0 else stack


def primal(x):
    """The plain value, whatever the depth of nesting."""
    while is_dual(x):
        x = x.value
    return x


def part(x):
    """A part of a number: an array, plain or dual."""
    return lift(x) if is_dual(x) else np.asarray(x)


def unraveled(positions, shape):
    """The index arrays of flat positions: `np.unravel_index` of NumPy 2.4 errs beyond 8192 of them in several axes."""
    positions = np.asarray(positions)
    return tuple(index.reshape(positions.shape) for index in np.unravel_index(positions.reshape(-1), shape))


def refuse_subclass(a):
    """Masked arrays and matrices mean something else by their operators; read as plain arrays they would be wrong."""
    if isinstance(a, np.matrix | np.ma.MaskedArray):
        raise DifferentiationTypeError(
            f"a {type(a).__name__} met a dual number, whose operators are those of plain arrays; "
            f"pass np.asarray(m) for a matrix, and np.where(mask, 0.0, a.data) for a masked array"
        )


def shape_of(x):
    """The shape of a dual or plain array, or of a number, without a round through NumPy's protocols."""
    return x.shape if hasattr(x, "shape") else np.shape(x)


def moving(parts, active):
    """The positions of those numbers that carry tangents; one made by hand without any becomes its plain value."""
    constant = [i for i in active if not any(plane_counts(lift(parts[i])))]
    if len(constant) in (0, len(active)):
        return active
    for i in constant:
        parts[i] = lift(parts[i]).value
    return [i for i in active if i not in constant]


def matched(numbers):
    """Return the numbers with one common layout of ε1ε2 planes."""
    layouts = {x._layout for x in numbers}
    if len(layouts) == 1:
        return numbers
    if None in layouts:
        raise DifferentiationTypeError(
            "dual and hyper-dual numbers made by hand cannot be joined; make all of them of the same kind"
        )
    return [x.expanded() for x in numbers]


def join(parts, combine, combine_planes=None, moves=False):
    """Join arrays, some of them dual, by a function that is linear in all of them together.

    Parameters
    ----------
    parts : sequence
        Plain arrays and dual arrays of any level; the highest level is differentiated, the others are constants.
    combine : callable
        Takes the list of values.
    combine_planes : callable, optional
        Takes the list of stacks, each with the plane axis in front (``combine`` when nothing is said).
    moves : bool
        Whether the function only moves entries.
    """
    combine_planes = combine_planes or combine
    top = max(level(part) for part in parts)
    active = [i for i, part in enumerate(parts) if level(part) == top]
    for part in parts:
        if 0 <= level(part) < top:
            levels.require_live(level(part))
    parts = list(parts)
    if is_traced(parts[active[0]]):
        from . import reverse

        return reverse.join(parts, combine, combine_planes, top)
    if moves and all(tangents.is_structured(parts[i]) for i in active):
        return _join_structured(parts, active, combine, combine_planes)
    active = moving(parts, active)
    for i, number in zip(active, matched([lift(parts[i]) for i in active]), strict=True):
        parts[i] = number
    like = parts[active[0]]
    counts = plane_counts(like)
    for i in active:
        if plane_counts(parts[i]) != counts:
            raise TangentMismatchError(
                f"numbers made by hand must carry the same number of tangents, found {counts} and "
                f"{plane_counts(parts[i])}; seed all of them together, or let dualdiff.jacobian do it"
            )
    value = combine([part.value if i in active else part for i, part in enumerate(parts)])
    if value.dtype.kind not in NUMERIC:
        raise DifferentiationTypeError(
            f"dual numbers were joined with what is no number: the result would have dtype {value.dtype}; join numbers"
        )
    stacks = []
    for j, number_of_planes in enumerate(counts):
        if j == 1 and all(parts[i]._stacks[1] is parts[i]._stacks[0] for i in active):
            stacks.append(stacks[0])
            continue
        stacks.append(
            combine_planes(
                [
                    part._stacks[j] if i in active else np.zeros((number_of_planes, *shape_of(part)), value.dtype)
                    for i, part in enumerate(parts)
                ]
            )
        )
    return like.with_parts(value, *stacks)


def _join_structured(parts, active, combine, combine_planes):
    value = combine([x.value if i in active else x for i, x in enumerate(parts)])
    structured = [x if i in active else None for i, x in enumerate(parts)]
    return tangents.joined(structured, combine_planes, [shape_of(x) for x in parts], value)


def pack(a):
    """Make a dual array of an object array, list or tuple that holds dual numbers.

    Parameters
    ----------
    a : array_like
        Dual numbers and plain numbers; a `DualArray` is returned as it is.

    Returns
    -------
    DualArray, HyperDualArray or ndarray
        A plain array when nothing in ``a`` is dual.

    Raises
    ------
    DifferentiationTypeError
        When an entry is no number.
    DifferentiationValueError
        When ``a`` is ragged.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> x = dd.Dual(2.0, [1.0])
    >>> dd.pack([x * x, 1.0]).tangent
    array([[4., 0.]])
    """
    if is_dual(a):
        return lift(a)
    if isinstance(a, list | tuple) and has_duals(a):
        return _pack_list(a)
    array = a if isinstance(a, np.ndarray) else as_numpy(a)
    if array.dtype.kind in NUMERIC:
        return array
    if array.dtype != object:
        raise DifferentiationTypeError(
            f"pack: found dtype {array.dtype}; only numbers can be differentiated, pass an array of them"
        )
    return _pack_flat(array.ravel().tolist()).reshape(array.shape)


def _pack_list(entries):
    """Pack a list without NumPy in between: numbers as they stand, arrays and lists stacked."""
    if all(shape_of(entry) == () for entry in entries if not isinstance(entry, list | tuple)) and not any(
        isinstance(entry, list | tuple) for entry in entries
    ):
        return _pack_flat(entries)
    parts = [pack(entry) for entry in entries]
    shapes = {part.shape for part in parts}
    if len(shapes) > 1:
        raise DifferentiationValueError(
            f"a sequence of numbers of equal lengths is needed, found a ragged {type(entries).__name__} with parts of "
            f"shapes {sorted(shapes)}; pad them, or join them with np.concatenate"
        )
    return join(parts, lambda values: np.stack([part(value) for value in values]), lambda s: np.stack(s, 1))


def as_numpy(a):
    """``np.asarray`` with an error that says what was found where NumPy finds a ragged sequence."""
    try:
        return np.asarray(a)
    except ValueError as error:
        raise DifferentiationValueError(
            f"a sequence of numbers of equal lengths is needed, found a ragged {type(a).__name__} ({error}); pad its "
            f"parts, or join them with np.concatenate"
        ) from None


def _pack_flat(entries):
    top = max((level(entry) for entry in entries), default=-1)
    for entry in entries:
        if level(entry) < 0 and not isinstance(entry, int | float | complex | np.number | np.bool_):
            raise DifferentiationTypeError(
                f"pack: an entry is a {type(entry).__name__}; only numbers and dual numbers can be packed, leave the "
                f"others out"
            )
    if top < 0:
        return np.array(entries)
    scalars = tangents.packed(list(entries), top)
    if scalars is not None:
        return scalars
    for entry in entries:
        if 0 <= level(entry) < top:
            levels.require_live(level(entry))
    entries = list(entries)
    if any((is_traced(entry) or tangents.is_structured(entry)) and level(entry) == top for entry in entries):
        return np.stack(entries)
    moving(entries, [i for i, entry in enumerate(entries) if level(entry) == top])
    entries = [entry[()] if isinstance(entry, np.ndarray) else entry for entry in entries]
    active = matched([lift(entry) for entry in entries if level(entry) == top])
    counts = {plane_counts(entry) for entry in active}
    if len(counts) > 1:
        raise TangentMismatchError(
            f"pack: numbers made by hand must carry the same number of tangents, found {sorted(counts)}; seed all of "
            f"them together, or let dualdiff.jacobian do it"
        )
    (count,) = counts
    supply = iter(active)
    numbers = [next(supply) if level(entry) == top else entry for entry in entries]
    values = [entry.value if level(entry) == top else entry for entry in numbers]
    value = _stack_numbers(values)
    stacks = []
    for j, k in enumerate(count):
        zero = np.zeros(k, value.dtype)
        parts = [entry._stacks[j] if level(entry) == top else zero for entry in numbers]
        if any(is_dual(part) for part in parts):
            stacks.append(join(parts, lambda a: np.stack(a, -1), lambda a: np.stack(a, -1)))
        else:
            stacks.append(np.stack(parts, -1))
    layout = active[0]._layout
    if layout is not None and layout[0] != 1:
        stacks[1] = stacks[0]
    return make(value, tuple(stacks), layout, top)


def packed_numbers(y):
    """A list, tuple or object array of scalars, packed; anything else as it is."""
    if isinstance(y, list | tuple) or (isinstance(y, np.ndarray) and y.dtype == object):
        entries = y.ravel().tolist() if isinstance(y, np.ndarray) else y
        if entries and all(isinstance(entry, Dual | float | int | np.number) for entry in entries):
            return pack(y)
    return y


def _stack_numbers(values):
    values = [value[()] if isinstance(value, np.ndarray) else value for value in values]
    if any(is_dual(value) for value in values):
        return _pack_flat(values)
    array = np.array(values)
    return array.astype(np.float64) if array.dtype.kind in "biu" else array


def has_duals(a):
    """Whether a (nested) list, tuple or object array holds a dual number somewhere."""
    if is_dual(a):
        return True
    if isinstance(a, np.ndarray):
        return a.dtype == object and any(is_dual(entry) for entry in a.ravel().tolist())
    if isinstance(a, list | tuple):
        return any(has_duals(entry) for entry in a)
    return False


def plain(a):
    """The plain values of anything that NumPy takes: dual numbers, object arrays and lists of them."""
    if is_dual(a):
        return primal(a)
    return primal(pack(a)) if has_duals(a) else a
