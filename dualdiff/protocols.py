"""NumPy's protocols on dual arrays: what the compiled operators hand over because it is not an elementwise row."""

import functools
import inspect
import operator

import numpy as np

from . import kinds, levels, tangents
from ._array import is_dual, level, lift, make_structured, rebind, settle
from .errors import (
    DifferentiationTypeError,
    DifferentiationValueError,
    LostTangentError,
    TangentMismatchError,
    UnsupportedFunctionError,
    refuse_conversion,
    refuse_pickle,  # noqa: F401 -- the compiled arrays call it
)
from .numpy_rules import RULES
from .numpy_rules.construction import TAKE_LIKE, like
from .numpy_rules.ufuncs import call_ufunc, store
from .packing import (
    NUMERIC,
    as_numpy,
    has_duals,
    matched,
    pack,
    plain,
    plane_counts,
    primal,
    refuse_subclass,
    spread,
    unraveled,
)

_COMPARISONS = (operator.lt, operator.le, operator.eq, operator.ne, operator.gt, operator.ge)


# -- operands ----------------------------------------------------------------------------------------------------------


def operand(a):
    """An operand as a dual array, an array or a number; NotImplemented when it is none of them."""
    if is_dual(a) or isinstance(a, int | float | complex):
        return a
    if isinstance(a, np.ndarray | np.generic | list | tuple):
        return array_operand(a, "a dual number")
    return NotImplemented


def array_operand(a, other):
    """An array, or what can become one, that meets ``other``: packed where it holds duals."""
    refuse_subclass(a)
    array = as_numpy(a)
    if array.dtype == object and has_duals(array):
        return pack(array)
    if array.dtype.kind in NUMERIC and array.dtype.itemsize <= (16 if array.dtype.kind == "c" else 8):
        return array
    raise DifferentiationTypeError(
        f"{other} met an operand of dtype {array.dtype}, which has no dual counterpart; "
        f"convert it with .astype(np.float64)"
    )


def compare(a, b, op):
    """Compare values; derivatives have no say."""
    if not (kinds.is_dual(b) or isinstance(b, int | float | complex | np.ndarray | np.generic | list | tuple)):
        return NotImplemented
    return _COMPARISONS[op](np.asarray(primal(a))[()], plain(b))


# -- refusals ----------------------------------------------------------------------------------------------------------


def to_object_array(x, dtype, copy):
    """What ``np.asarray(x)`` gets: an object array of scalars, so that no tangent is lost."""
    if dtype is not None and np.dtype(dtype) != object:
        raise LostTangentError(
            f"np.asarray(x, dtype={np.dtype(dtype)}) of a {type(x).__name__} would lose its tangents; leave dtype out, "
            f"use x.astype(dtype) to change the precision, np.zeros_like(x) for an array that can hold x, or "
            f"dualdiff.value(x) for the plain values"
        )
    if copy is False:
        raise ValueError("a dual array has no object array to share: np.asarray(x, copy=False) is not possible")
    if x.dtype.kind == "c":
        # NumPy takes .real of an object array for the array itself and .imag for zeros, whatever is in it.
        raise LostTangentError(
            "np.array of complex dual numbers would lose tangents in .real and .imag; use np.stack([...]) or "
            "dualdiff.pack([...]), which give a dual array"
        )
    out = np.empty(x.shape, dtype=object)
    for index in np.ndindex(x.shape):
        out[index] = x[index]
    # NumPy would share memory here; a write that x never sees must be an error.
    out.flags.writeable = bool(copy)
    return out


# -- texts -------------------------------------------------------------------------------------------------------------


def array_repr(x, parts):
    """``DualArray(value, tangent=…)`` with the parts indented as NumPy does."""
    name = type(x).__name__
    texts = [np.array2string(np.asarray(x.value) if not is_dual(x.value) else x.value.value, separator=", ",
                             prefix=name + "(")]
    for label, stack in parts:
        shown = stack if not is_dual(stack) else primal(stack)
        prefix = " " * (len(name) + 1) + label + "="
        texts.append(label + "=" + np.array2string(np.asarray(shown), separator=", ", prefix=prefix))
    return name + "(" + (",\n" + " " * (len(name) + 1)).join(texts) + ")"


# -- indexing ----------------------------------------------------------------------------------------------------------


def plain_index(index):
    """An index with lists as arrays and dual numbers refused."""
    if type(index) is tuple:
        return tuple(plain_index(np.asarray(part) if isinstance(part, tuple | range) else part) for part in index)
    if is_dual(index):
        refuse_conversion(index, "indexing with the value")
    return np.asarray(index, dtype=None if len(index) else np.intp) if isinstance(index, list | range) else index


def has_ellipsis(index):
    return index is Ellipsis or (type(index) is tuple and any(part is Ellipsis for part in index))


def gather(x, index):
    """Advanced indexing with a tuple: the map from result to source is what NumPy makes of the positions."""
    positions = np.arange(x.size).reshape(x.shape)[index]
    return take_flat(x, positions)


def take_flat(x, positions):
    """Elements of ``x`` at flat ``positions``, values and planes."""
    value = x.value.reshape(-1)[positions]
    return settle(x.map_planes(lambda stack: stack.reshape((stack.shape[0], x.size))[:, positions],
                               lift(value) if is_dual(value) else np.asarray(value), moves=True))


def assign(x, index, item):
    """``x[index] = item``: value and planes, through views, or an error that names the cure."""
    index = plain_index(index)
    columns = getattr(x, "_columns", None)
    if columns is None and not x.value.flags.writeable:
        tangents.restart(x)
        raise DifferentiationValueError("assignment destination is read-only; copy it first: x = x.copy()")
    item = pack(item) if has_duals(item) else item
    if is_dual(item):
        item = lift(item)
    own, other = level(x), level(item)
    if other > own:
        raise LostTangentError(
            "a number of an inner derivative cannot be stored in an array of the outer one: the array has no room for "
            "its tangent; make the array inside the inner function, with np.zeros_like or like="
        )
    if item_dtype(item).kind == "c" and x.dtype.kind != "c":
        raise DifferentiationTypeError(
            "a complex number cannot be stored in a real dual array; make the array complex with x.astype(complex)"
        )
    if columns is not None:
        if tangents.is_structured(item) and item._owner[0] is x and item._owner[1] == index:
            return  # what `x[index] += y` ends with: the view was written to already
        if x._is_only_view():
            if tangents.assign_through(x, index, item):
                return
            columns.structure.give_up()
        if not x._is_alone():
            columns.structure.give_up()
        if tangents.assign(x, index, item):
            return
    if other < own:
        if other >= 0:
            levels.require_live(other)
            make_room(x, item)
        x.value[index] = item
        ndim = x.value[index].ndim
        for stack in unique_stacks(x):
            write_planes(stack, index, np.zeros((stack.shape[0],)), ndim)
        return
    if plane_counts(item) != plane_counts(x) and not any(plane_counts(item)):
        return assign(x, index, item.value)
    source, target = matched([item, x])
    if target is not x:
        raise DifferentiationTypeError(
            "assignment: the item carries two sets of seeds and the array one; build a new array, with np.where or "
            "np.stack"
        )
    if plane_counts(source) != plane_counts(x):
        raise TangentMismatchError(
            f"assignment: the array has {plane_counts(x)} tangents, the item {plane_counts(source)}; seed them together"
        )
    if source is x or np.shares_memory(primal(source), primal(x)):
        source = source.copy()
    inner = [part for part in (source.value, *source._stacks) if is_dual(part)]
    if inner:
        make_room(x, max(inner, key=level))
    x.value[index] = source.value
    ndim = x.value[index].ndim
    for stack, planes in zip(unique_stacks(x), unique_stacks(source), strict=True):
        write_planes(stack, index, planes, ndim)


def make_room(x, item):
    """Let the parts of ``x`` hold tangents of the outer variable that ``item`` depends on."""
    if all(is_dual(part) and level(part) >= level(item) for part in (x.value, *x._stacks)):
        return
    if not rebind(x, x.map_parts(lambda part: roomy(item, part))):
        raise LostTangentError(
            "an array of an inner derivative was made of plain numbers, has views, and cannot hold a number that "
            "depends on the outer variable; assign before taking views, or build it with np.array([...]) or np.stack"
        )


def roomy(item, part):
    """A copy of ``part`` that can hold tangents of the level of ``item``."""
    return part + like(item, np.zeros(part.shape, part.dtype)) if is_dual(part) else like(item, part.copy())


def write_planes(stack, index, planes, ndim):
    """Write ``planes`` where ``index`` points to in every plane; ``ndim`` is the number of axes it selects."""
    if type(index) is tuple and any(isinstance(part, np.ndarray) for part in index):
        # Several advanced indices may move their axes to the front: plane by plane they do so as NumPy does.
        for plane in range(stack.shape[0]):
            stack[plane, ...][index] = planes[plane]
        return
    key = (slice(None), *index) if type(index) is tuple else (slice(None), index)
    excess = planes.ndim - 1 - ndim
    if excess > 0:
        # A source of more dimensions than the target has leading axes of length 1, as NumPy allows.
        planes = planes.reshape((planes.shape[0], *planes.shape[1 + excess :]))
    stack[key] = spread(planes, ndim)


def unique_stacks(x):
    stacks = x._stacks
    return (stacks[0], stacks[2]) if len(stacks) == 3 and stacks[0] is stacks[1] else stacks


class Flat:
    """What ``x.flat`` gives: the elements in C order, to read, to write and to iterate over."""

    def __init__(self, x):
        self.x = x

    def __len__(self):
        return self.x.size

    def __iter__(self):
        return iter(self.x.ravel())

    def __getitem__(self, index):
        picked = self.x.ravel()[index]
        return picked.copy() if picked.ndim else picked

    def __setitem__(self, index, item):
        positions = np.arange(self.x.size)[plain_index(index)]
        assign(self.x, unraveled(positions, self.x.shape), item)


def item_dtype(item):
    return item.dtype if hasattr(item, "dtype") else np.asarray(item).dtype


def in_place(x, result):
    """Finish ``x op= y``: the numbers of ``result`` go into the memory of ``x``."""
    if result is NotImplemented or x._is_scalar:
        return result
    if result.shape != x.shape:
        raise DifferentiationValueError(
            f"non-broadcastable output operand with shape {x.shape} does not match the broadcast shape "
            f"{result.shape}; write x = x op y"
        )
    assign(x, Ellipsis, result)
    return x


def astype(x, dtype, casting="unsafe", copy=True):
    """``x.astype``: another precision, or plain integers and truth values (locally constant)."""
    dtype = np.dtype(dtype)
    if dtype.kind in "biu":
        return primal(x).astype(dtype)
    if dtype.kind == "O":
        return to_object_array(x, None, None)
    if dtype.kind == "c" or (dtype.kind == "f" and dtype.itemsize in (4, 8)):
        if x.dtype.kind == "c" and dtype.kind == "f":
            raise LostTangentError("astype: a complex dual array as a real one would drop the imaginary part; "
                                   "use x.real or np.abs(x)")
        if not np.can_cast(x.dtype, dtype, casting):
            raise DifferentiationTypeError(
                f"astype: cannot cast from {x.dtype} to {dtype} with casting={casting!r}; leave casting out"
            )
        if not copy and x.dtype == dtype:
            return x
        if tangents.is_structured(x) and dtype.kind == "f":
            cross = None if x._cross is None else x._cross.astype(dtype)
            return make_structured(x.value.astype(dtype), x._planes.astype(dtype), x._columns, level(x), cross)
        return x.map_parts(lambda part: part.astype(dtype))
    raise DifferentiationTypeError(
        f"astype: dual numbers are float32, float64 or complex, found {dtype}; use x.astype(np.float64)"
    )


def matmul(a, b):
    a, b = operand(a), operand(b)
    if a is NotImplemented or b is NotImplemented:
        return NotImplemented
    return settle(RULES[np.matmul](a, b))


# -- dispatch ----------------------------------------------------------------------------------------------------------


def array_ufunc(ufunc, method, inputs, kwargs):
    """Everything of ``__array_ufunc__`` beyond the plain call of a row."""
    return call_ufunc(ufunc, method, inputs, kwargs)


def array_function(function, args, kwargs, model):
    """``__array_function__``: one entry of the registry for every function."""
    rule = RULES.get(function)
    if function in TAKE_LIKE:
        # NumPy keeps the argument like= to itself: it is the number whose protocol was called.
        kwargs = {**kwargs, "like": model}
    if rule is None:
        name = f"{function.__module__}.{function.__name__}".replace("numpy.", "np.")
        raise UnsupportedFunctionError(
            f"{name} has no derivative rule for dual numbers; write it with supported NumPy functions, give it a rule "
            f"with @dualdiff.custom_jvp, or call it on dualdiff.value(x) if its result does not depend on x smoothly"
        )
    out = kwargs.pop("out", None) if "out" in kwargs else None
    place = out_place(function)
    if place < len(args):
        out, args = args[place], (*args[:place], None, *args[place + 1 :])
    result = settle(rule(*args, **kwargs))
    return result if out is None else store(f"np.{function.__name__}", out, result)


@functools.cache
def out_place(function):
    """Which positional argument of a NumPy function is ``out``; a number beyond all of them when none is."""
    try:
        names = list(inspect.signature(function).parameters.values())
    except ValueError:
        return 99
    places = [i for i, one in enumerate(names) if one.name == "out" and one.kind != one.KEYWORD_ONLY]
    return places[0] if places else 99
