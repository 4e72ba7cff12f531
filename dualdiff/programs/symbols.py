"""What a function sees while `dualdiff.replay` records it: arrays that know their values and how they were made.

A symbol takes part in NumPy's protocols. What it cannot record exactly it refuses with `NotReplayable`, and the
function is differentiated as any other is.
"""

import functools
import math
import weakref

import numpy as np

from ..kinds import NotReplayable, Symbolic
from .graph import BINARY, UNARY, Map

_COMPARISONS = {np.less: "less", np.less_equal: "less_equal", np.equal: "equal", np.not_equal: "not_equal",
                np.greater: "greater", np.greater_equal: "greater_equal"}
_UFUNCS = {getattr(np, name): ("unary", name) for name in UNARY if isinstance(getattr(np, name, None), np.ufunc)}
_UFUNCS |= {getattr(np, name): ("binary", name) for name in BINARY if isinstance(getattr(np, name, None), np.ufunc)}
_REDUCTIONS = {np.add: "sum", np.maximum: "max", np.minimum: "min"}

# What a symbol stands for: an array, which writing would change under all its names; a number of NumPy's; a float of
# Python's, which raises where NumPy's goes on.
ARRAY, NUMBER, PLAIN = range(3)

# Symbols of one number that an array may be taken apart to.
FEW = 1000

# Powers that NumPy computes by other functions.
_POWERS = {2.0: "square", 0.5: "sqrt", -1.0: "reciprocal", 1.0: "positive"}


class Recorder:
    """One recording: its graph, and the decisions that were taken on values."""

    def __init__(self, graph):
        self.graph, self._decided = graph, {}
        self.refused = None  # why, also where the function's own handlers caught that
        self.is_closed = False

    @property
    def guards(self):
        return list(self._decided.values())

    def symbol(self, value, entry, is_truth=False, kind=None):
        return Symbol(self, value, entry, is_truth, (ARRAY if entry.shape else NUMBER) if kind is None else kind)

    def of(self, x):
        """Anything that meets a symbol, as a symbol."""
        if isinstance(x, Symbol):
            if x.recorder is not self:
                raise NotReplayable("it mixes the arrays of two recordings")
            return x
        kind = PLAIN if type(x) in (int, float, bool) else NUMBER if isinstance(x, np.generic) else ARRAY
        if kind != ARRAY:
            array = np.asarray(x)
        elif type(x) is np.ndarray:
            array = x
        elif isinstance(x, list | tuple):
            array = np.array(x)
        else:
            raise NotReplayable(f"it computes with a {type(x).__name__}")
        if array.dtype == object:
            return self.packed(array)
        if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
            raise NotReplayable(f"it computes with numbers of type {array.dtype}")
        entry = self.graph.captured(array) if array is x else self.graph.constant(array)
        return Symbol(self, array, entry, array.dtype == bool, kind)

    def packed(self, array):
        """An array of symbols of one number each."""
        parts = [self.of(one) for one in array.reshape(-1)]
        if any(part.shape != () for part in parts):
            raise NotReplayable("it makes an object array of arrays")
        values = np.array([part.value for part in parts], dtype=float).reshape(array.shape)
        joined = self.graph.join([part.entry for part in parts]) if parts else self.graph.constant(values)
        return self.symbol(values, self.graph.reshape(joined, array.shape))

    # -- operations ----------------------------------------------------------------------------------------------------

    def ufunc(self, ufunc, inputs):
        known = _UFUNCS.get(ufunc)
        values, entries = [x.value for x in inputs], [x.entry for x in inputs]
        graph = self.graph
        if ufunc in _COMPARISONS:
            return self.symbol(ufunc(*values), graph.compare(_COMPARISONS[ufunc], *entries), True)
        if ufunc is np.isfinite:
            entry = graph.compare("equal", graph.binary("subtract", *entries * 2), graph.constant(0.0))
            return self.symbol(np.isfinite(*values), entry, True)
        if ufunc in (np.power, np.float_power):
            known = self._power(known, inputs, entries)
        if known is None:
            return self._logical(ufunc, inputs)
        if any(x.is_truth for x in inputs) and np.result_type(*values) not in (np.float64, np.int64):
            raise NotReplayable(f"it takes np.{ufunc.__name__} of truth values")
        value = ufunc(*(np.asarray(v, dtype=float) for v in values))
        return self.symbol(value, getattr(graph, known[0])(known[1], *entries))

    @staticmethod
    def _power(known, inputs, entries):
        """NumPy's short ways for some exponents, which have the bits of its results."""
        exponent = inputs[1]
        if exponent.entry.op == "constant" and exponent.shape == ():
            name = _POWERS.get(float(exponent.value))
            if name is not None:
                entries[1:] = []
                return "unary", name
        return known

    def _logical(self, ufunc, inputs):
        graph, name = self.graph, ufunc.__name__
        if name.removeprefix("logical_").removeprefix("bitwise_") not in ("and", "or", "not", "invert") or not all(
                x.is_truth for x in inputs):
            raise NotReplayable(f"it calls np.{name}")
        value, entries = ufunc(*(np.asarray(x.value) for x in inputs)), [x.entry for x in inputs]
        if len(inputs) == 1:
            entry = graph.compare("equal", entries[0], graph.constant(0.0))
        else:
            entry = graph.binary("minimum" if name.endswith("and") else "maximum", *entries)
        return self.symbol(value, entry, True)

    def reduced(self, op, x, axis, keepdims):
        ndim = len(x.shape)
        axes = tuple(range(ndim)) if axis is None else np.lib.array_utils.normalize_axis_tuple(axis, ndim)
        value = getattr(np, op)(np.asarray(x.value), axis=axes)
        if op != "sum" and x.entry.size == 0:
            raise NotReplayable(f"it takes the {op} of an empty array")
        if x.is_truth and op == "sum":
            raise NotReplayable("it counts truth values")
        entry = self.graph.reduce(op, x.entry, axes)
        if keepdims:
            kept = tuple(1 if i in axes else n for i, n in enumerate(x.shape))
            value, entry = np.reshape(value, kept), self.graph.reshape(entry, kept)
        return self.symbol(value, entry, x.is_truth)

    def product(self, x, y):
        """``x @ y`` of vectors, matrices and stacks of matrices along one axis."""
        if not x.shape or not y.shape or len(x.shape) > 3 or len(y.shape) > 3:
            raise NotReplayable(f"it multiplies arrays of shapes {x.shape} and {y.shape}")
        if x.is_truth or y.is_truth:
            raise NotReplayable("it multiplies truth values")
        value, graph = np.asarray(x.value, dtype=float) @ np.asarray(y.value, dtype=float), self.graph
        a = x.entry if len(x.shape) > 1 else graph.reshape(x.entry, (1, *x.shape))
        b = y.entry if len(y.shape) > 1 else graph.reshape(y.entry, (*y.shape, 1))
        return self.symbol(value, graph.reshape(graph.matmul(a, b), np.shape(value)))

    def contracted(self, x, of_x, y, of_y, wanted):
        """The product of two arrays with letters on their axes, summed over those that nobody wants, and its letters.

        It is a product of stacks of matrices: common letters that are wanted count the stack.
        """
        stack, inner = ([c for c in of_x if c in of_y and (c in wanted) == kept] for kept in (True, False))
        rows, columns = ([c for c in a if c not in b] for a, b in ((of_x, of_y), (of_y, of_x)))
        sizes = dict(zip(of_x + of_y, x.shape + y.shape, strict=True))
        counts = [math.prod(sizes[c] for c in letters) for letters in (stack, rows, inner, columns)]
        a = self.arranged(x, of_x, [*stack, *rows, *inner]).reshape(counts[0], counts[1], counts[2])
        b = self.arranged(y, of_y, [*stack, *inner, *columns]).reshape(counts[0], counts[2], counts[3])
        letters = [*stack, *rows, *columns]
        found = self.product(a, b) if stack else self.product(a[0], b[0])
        return found.reshape([sizes[c] for c in letters]), "".join(letters)

    def arranged(self, x, letters, wanted):
        """An array with its axes in the order of the letters that are wanted, summed over the others."""
        lost = tuple(i for i, c in enumerate(letters) if c not in wanted)
        x, letters = self.reduced("sum", x, lost, False) if lost else x, [c for c in letters if c in wanted]
        return x.transpose([letters.index(c) for c in wanted])

    def moved(self, x, function, kind=ARRAY):
        """What a function that only moves entries makes of ``x``: a view where NumPy gives one."""
        value = function(np.asarray(x.value))
        y = self.symbol(value, self.graph.moved(x.entry, function), x.is_truth, kind)
        if kind == ARRAY and np.may_share_memory(value, x.value):
            root = x if x.base is None else x.base
            places = np.arange(x.size).reshape(x.shape) if x.base is None else x.places
            y.base, y.places = root, function(places)
            root.views.append(weakref.ref(y))
        return y

    def write(self, x, index, item):
        """``x[index] = item``: another entry for the array and the view that is written through.

        Other views that live are refused, since they would have to change with it.
        """
        root = x if x.base is None else x.base
        places = (np.arange(x.size).reshape(x.shape) if x.base is None else x.places)[index]
        if isinstance(item, Symbol) and item.base is root and np.array_equal(item.places, places):
            return  # what x[index] += 1 ends with: the view has written already
        others = (view() for view in root.views)
        if root.is_locked or any(view is not None and view is not x for view in others):
            raise NotReplayable("it writes to an array that has other names or views")
        item = self.of(item)
        places = np.asarray(places)
        if item.is_truth != root.is_truth or np.unique(places).size != places.size:
            raise NotReplayable("it writes truth values to numbers, or twice to a place")
        root.value[np.unravel_index(places, root.shape) if root.shape else ...] = item.value
        shape = item.shape[max(len(item.shape) - places.ndim, 0):]
        fitted = self.graph.expand(self.graph.reshape(item.entry, shape), places.shape)
        root.entry = self.graph.overwritten(root.entry, places.reshape(-1), fitted)
        if x is not root:
            x.entry = self.graph.gather(root.entry, Map(x.places), x.shape)

    def joined(self, arrays, function):
        """A function that joins several arrays, asked where each entry of its result comes from."""
        parts = [self.of(a) for a in arrays]
        value = function([np.asarray(part.value) for part in parts])
        ends = np.cumsum([0, *(part.entry.size for part in parts)])
        index = function([np.arange(a, a + part.entry.size).reshape(part.shape)
                          for a, part in zip(ends, parts, strict=False)])
        row = self.graph.join([part.entry for part in parts])
        return self.symbol(value, self.graph.moved(row, lambda _: index), all(part.is_truth for part in parts))

    def chosen(self, condition, yes, no):
        condition, yes, no = (self.of(a) for a in (condition, yes, no))
        if not condition.is_truth:
            condition = self.ufunc(np.not_equal, (condition, self.of(0.0)))
        value = np.where(np.asarray(condition.value), np.asarray(yes.value, float), np.asarray(no.value, float))
        return self.symbol(value, self.graph.where(condition.entry, yes.entry, no.entry))

    def decision(self, x):
        """The truth of one number, on which the program that is made depends."""
        if x.entry.size != 1:
            raise NotReplayable("it asks for the truth of several numbers")
        truth = bool(np.asarray(x.value).reshape(()))
        entry = x.entry if x.is_truth else self.graph.compare("not_equal", x.entry, self.graph.constant(0.0))
        if entry.op != "constant":
            self._decided[id(entry)] = entry, truth
        return truth

    def plainly(self, ufunc, inputs):
        """An operator on Python's floats, as far as it raises nothing: the decision stands in the program."""
        y = self.ufunc(ufunc, inputs)
        y.kind, zero = PLAIN, self.of(0.0)
        if ufunc in (np.divide, np.floor_divide, np.remainder):
            self.decision(self.ufunc(np.not_equal, (inputs[1], zero)))
        elif ufunc is np.power:
            self.decision(self.ufunc(np.isfinite, (y,)))
        return y


def _plain(x):
    """What a symbol stands for, after the recording."""
    if isinstance(x, list | tuple):
        return type(x)(map(_plain, x)) if not hasattr(x, "_fields") else x
    return x.value if isinstance(x, Symbol) else x


def _while_recorded(method):
    """A method of a symbol, of which a failure is not forgotten; after the recording that of the plain value."""

    @functools.wraps(method)
    def called(self, *args, **kwargs):
        recorder = self.recorder
        if recorder.is_closed:
            return getattr(np.asarray(self.value)[()], method.__name__)(*map(_plain, args), **kwargs)
        try:
            return method(self, *args, **kwargs)
        except BaseException as error:
            recorder.refused = recorder.refused or str(error) or type(error).__name__
            raise

    return called


def _refusal(name, what):
    def refuse(self, *args, **kwargs):
        raise NotReplayable(f"it {what}")

    refuse.__name__ = name
    return _while_recorded(refuse)


def _binary(name, ufunc):
    def forward(self, other):
        return self._operate(ufunc, self, other)

    def backward(self, other):
        return self._operate(ufunc, other, self)

    forward.__name__, backward.__name__ = f"__{name}__", f"__r{name}__"
    return _while_recorded(forward), _while_recorded(backward)


def _in_place(name, ufunc):
    def operate(self, other):
        y = self._operate(ufunc, self, other)
        if self.kind != ARRAY or y is NotImplemented:  # a number has no other names
            return y
        self.recorder.write(self, ..., y)
        return self

    operate.__name__ = f"__i{name}__"
    return _while_recorded(operate)


def _comparison(name, ufunc):
    def compare(self, other):
        y = self._operate(ufunc, self, other)
        # Numbers compare to a bool of Python's, as dual numbers do.
        return y if y is NotImplemented or y.shape else self.recorder.decision(y)

    compare.__name__ = f"__{name}__"
    return _while_recorded(compare)


class Symbol(Symbolic):
    """An array, or a number, that a recording knows by value and by entry."""

    __slots__ = (
        "__weakref__", "base", "entry", "is_locked", "is_truth", "kind", "places", "recorder", "value", "views",
    )

    def __init__(self, recorder, value, entry, is_truth, kind):
        self.recorder, self.value, self.entry, self.is_truth, self.kind = recorder, value, entry, is_truth, kind
        # Of a view the array that it belongs to, and its places there; of an array its views. An argument that is not
        # differentiated is the caller's, and locked.
        self.base, self.places, self.views, self.is_locked = None, None, [], False

    # -- what an array tells of itself ---------------------------------------------------------------------------------

    @property
    def shape(self):
        return self.entry.shape

    @property
    def ndim(self):
        return len(self.entry.shape)

    @property
    def size(self):
        return self.entry.size

    @property
    def dtype(self):
        return np.dtype(bool if self.is_truth else float)

    @property
    def T(self):
        return self.recorder.moved(self, np.transpose)

    def __len__(self):
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    @_while_recorded
    def __bool__(self):
        return self.recorder.decision(self)

    @_while_recorded
    def __getitem__(self, index):
        if _holds_symbol(index):
            raise NotReplayable("it takes entries at places that depend on the input")
        parts = index if isinstance(index, tuple) else (index,)
        is_number = len(parts) == self.ndim and all(isinstance(part, int | np.integer) for part in parts)
        return self.recorder.moved(self, lambda a: a[index], NUMBER if is_number else ARRAY)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        if self.recorder.is_closed:
            return getattr(np.asarray(self.value), name)
        self.recorder.refused = self.recorder.refused or f"it uses .{name}"
        raise NotReplayable(f"it uses .{name}")

    # -- operators -----------------------------------------------------------------------------------------------------

    def _operate(self, ufunc, *operands):
        try:
            inputs = [self.recorder.of(x) for x in operands]
        except NotReplayable:
            if any(hasattr(x, "__array_ufunc__") and not isinstance(x, Symbol | np.ndarray | np.generic)
                   for x in operands):
                return NotImplemented
            raise
        if all(x.kind == PLAIN for x in inputs):
            return self.recorder.plainly(ufunc, inputs)
        return self.recorder.ufunc(ufunc, inputs)

    __add__, __radd__ = _binary("add", np.add)
    __sub__, __rsub__ = _binary("sub", np.subtract)
    __mul__, __rmul__ = _binary("mul", np.multiply)
    __truediv__, __rtruediv__ = _binary("truediv", np.divide)
    __floordiv__, __rfloordiv__ = _binary("floordiv", np.floor_divide)
    __mod__, __rmod__ = _binary("mod", np.remainder)
    __pow__, __rpow__ = _binary("pow", np.power)
    __and__, __rand__ = _binary("and", np.logical_and)
    __or__, __ror__ = _binary("or", np.logical_or)
    __iadd__, __isub__ = _in_place("add", np.add), _in_place("sub", np.subtract)
    __imul__, __itruediv__ = _in_place("mul", np.multiply), _in_place("truediv", np.divide)
    __ipow__ = _in_place("pow", np.power)
    __lt__, __gt__ = _comparison("lt", np.less), _comparison("gt", np.greater)
    __le__, __ge__ = _comparison("le", np.less_equal), _comparison("ge", np.greater_equal)
    __eq__, __ne__ = _comparison("eq", np.equal), _comparison("ne", np.not_equal)

    @_while_recorded
    def __neg__(self):
        return self._operate(np.negative, self)

    @_while_recorded
    def __pos__(self):
        return self._operate(np.positive, self)

    @_while_recorded
    def __abs__(self):
        return self._operate(np.absolute, self)

    @_while_recorded
    def __invert__(self):
        return self._operate(np.logical_not, self)

    @_while_recorded
    def __matmul__(self, other):
        return self.recorder.product(self, self.recorder.of(other))

    @_while_recorded
    def __rmatmul__(self, other):
        return self.recorder.product(self.recorder.of(other), self)

    @_while_recorded
    def __setitem__(self, index, item):
        if _holds_symbol(index):
            raise NotReplayable("it writes to places that depend on the input")
        if self.kind != ARRAY:
            raise NotReplayable("it writes to a number")
        self.recorder.write(self, index, item)

    @_while_recorded
    def __array__(self, dtype=None, copy=None):
        """An object array of symbols of one number each, as ``np.array([x[0], x[1]])`` asks for."""
        if (dtype is not None and np.dtype(dtype) != object) or self.size > FEW:
            raise NotReplayable("it makes a plain array of one that depends on the input")
        out = np.empty(self.shape, dtype=object)
        for index in np.ndindex(self.shape):
            out[index] = self[index] if index else self
        # NumPy would share memory where no copy is asked for.
        out.flags.writeable = bool(copy) or not self.shape
        return out

    def __copy__(self):
        return self.copy()

    def __deepcopy__(self, memo):
        return self.copy()

    # -- methods -------------------------------------------------------------------------------------------------------

    def sum(self, axis=None, dtype=None, out=None, **others):
        return np.sum(self, axis, **_given(dtype=dtype, out=out), **others)

    def mean(self, axis=None, dtype=None, out=None, **others):
        return np.mean(self, axis, **_given(dtype=dtype, out=out), **others)

    def max(self, axis=None, out=None, **others):
        return np.max(self, axis, **_given(out=out), **others)

    def min(self, axis=None, out=None, **others):
        return np.min(self, axis, **_given(out=out), **others)

    def dot(self, other):
        return np.dot(self, other)

    def reshape(self, *shape, order="C"):
        shape = shape[0] if len(shape) == 1 else shape
        return self.recorder.moved(self, lambda a: a.reshape(shape, order=order))

    def ravel(self, order="C"):
        return self.recorder.moved(self, lambda a: a.ravel(order))

    flatten = ravel

    def transpose(self, *axes):
        return self.recorder.moved(self, lambda a: a.transpose(*axes))

    @_while_recorded
    def copy(self, order="C"):
        return self.recorder.symbol(np.array(self.value), self.entry, self.is_truth, self.kind)

    @_while_recorded
    def astype(self, dtype, **others):
        if np.dtype(dtype) != self.dtype or others:
            raise NotReplayable("it changes the type of an array")
        return self.copy()

    def row(self, row, parameters):
        """A row of the table that is no function of NumPy's."""
        if parameters != tuple(default for _, default in row.parameters):
            raise NotReplayable(f"it calls {row.name} with parameters")
        from .. import functions

        recorder = self.recorder
        value = getattr(functions, row.name)(np.asarray(self.value, dtype=float))
        return recorder.symbol(value, recorder.graph.unary(row.name, self.entry))

    def stopped(self):
        """The same numbers, from which nothing is differentiated."""
        return self.recorder.symbol(np.array(self.value)[()], self.recorder.graph.stop(self.entry), self.is_truth)

    # -- NumPy's protocols ---------------------------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        if self.recorder.is_closed:
            return getattr(ufunc, method)(*map(_plain, inputs), **kwargs)
        return self._called(ufunc, method, inputs, kwargs)

    @_while_recorded
    def _called(self, ufunc, method, inputs, kwargs):
        if method == "reduce" and ufunc in _REDUCTIONS and set(kwargs) <= {"axis", "keepdims"}:
            return self.recorder.reduced(_REDUCTIONS[ufunc], self, kwargs.get("axis", 0), kwargs.get("keepdims", False))
        if method != "__call__" or kwargs:
            raise NotReplayable(f"it calls np.{ufunc.__name__} with {', '.join(kwargs) or 'method ' + method}")
        inputs = [self.recorder.of(x) for x in inputs]
        return self.recorder.product(*inputs) if ufunc is np.matmul else self.recorder.ufunc(ufunc, inputs)

    def __array_function__(self, function, types, args, kwargs):
        if self.recorder.is_closed:
            return function(*map(_plain, args), **{name: _plain(a) for name, a in kwargs.items()})
        return self._asked(function, args, kwargs)

    @_while_recorded
    def _asked(self, function, args, kwargs):
        rule = FUNCTIONS.get(function)
        if rule is None:
            name = function.__module__.replace("numpy", "np", 1)
            raise NotReplayable(f"it calls {name}.{function.__name__}")
        return rule(self.recorder, *args, **kwargs)


# What would make a plain number of a symbol, or takes one for an object like any other.
_PLAIN_NUMBER = "makes a plain number of one that depends on the input"
for _name in ("float", "int", "index", "complex", "round", "trunc", "floor", "ceil", "divmod", "rdivmod", "format",
              "hash", "reduce_ex", "xor", "rxor", "lshift", "rlshift", "rshift", "rrshift"):
    setattr(Symbol, f"__{_name}__", _refusal(f"__{_name}__", _PLAIN_NUMBER))


def _given(**options):
    """The options that were given, for NumPy's function to refuse."""
    return {name: option for name, option in options.items() if option is not None}


def _holds_symbol(index):
    parts = index if isinstance(index, tuple | list) else (index,)
    return any(isinstance(part, Symbol) or (isinstance(part, np.ndarray) and part.dtype == object) for part in parts)


# -- NumPy's functions -------------------------------------------------------------------------------------------------

FUNCTIONS = {}


def _function(*functions):
    def register(rule):
        FUNCTIONS.update(dict.fromkeys(functions, rule))
        return rule

    return register


def _moving(function):
    def rule(recorder, x, *args, **kwargs):
        if any(isinstance(a, Symbol) for a in (*args, *kwargs.values())):
            raise NotReplayable(f"it calls np.{function.__name__} with places that depend on the input")
        return recorder.moved(recorder.of(x), lambda a: function(a, *args, **kwargs))

    FUNCTIONS[function] = rule


def _joining(function):
    def rule(recorder, arrays, *args, **kwargs):
        if _given(**kwargs).keys() - {"axis"}:
            raise NotReplayable(f"it calls np.{function.__name__} with {', '.join(kwargs)}")
        return recorder.joined(arrays, lambda parts: function(parts, *args, **kwargs))

    FUNCTIONS[function] = rule


for _name in ("reshape", "ravel", "transpose", "roll", "flip", "fliplr", "flipud", "rot90", "swapaxes", "moveaxis",
              "rollaxis", "squeeze", "expand_dims", "tile", "repeat", "take", "diagonal", "copy"):
    _moving(getattr(np, _name))
for _name in ("concatenate", "stack", "vstack", "hstack", "dstack", "column_stack"):
    _joining(getattr(np, _name))


def _reducing(function, op):
    def rule(recorder, a, axis=None, dtype=None, out=None, keepdims=False, **others):
        if dtype is not None or out is not None or others:
            raise NotReplayable(f"it calls np.{function.__name__} with further options")
        return recorder.reduced(op, recorder.of(a), axis, keepdims)

    FUNCTIONS[function] = rule


_reducing(np.sum, "sum")
_reducing(np.max, "max")
_reducing(np.min, "min")
FUNCTIONS[np.amax], FUNCTIONS[np.amin] = FUNCTIONS[np.max], FUNCTIONS[np.min]


@_function(np.mean)
def _mean(recorder, a, axis=None, dtype=None, out=None, keepdims=False, **others):
    total = FUNCTIONS[np.sum](recorder, a, axis, dtype, out, keepdims, **others)
    size = recorder.of(a).size
    if not size:
        raise NotReplayable("it takes the mean of an empty array")
    return total / (size // max(total.size, 1))


@_function(np.var)
def _var(recorder, a, axis=None, dtype=None, out=None, ddof=0, keepdims=False):
    a = recorder.of(a)
    total = FUNCTIONS[np.sum](recorder, (a - _mean(recorder, a, axis, keepdims=True)) ** 2, axis, dtype, out, keepdims)
    return total / (a.size // max(total.size, 1) - ddof)


@_function(np.std)
def _std(recorder, *args, **kwargs):
    return _root(recorder, _var(recorder, *args, **kwargs))


def _root(recorder, x):
    """The last step of a norm, whose slope at 0 is nan, so that the ordinary way is asked there."""
    return recorder.symbol(np.sqrt(x.value), recorder.graph.unary("root", x.entry))


@_function(np.trace)
def _trace(recorder, a):
    return np.sum(recorder.moved(recorder.of(a), np.diagonal))


@_function(np.dot)
def _dot(recorder, a, b, out=None):
    a, b = recorder.of(a), recorder.of(b)
    if out is not None:
        raise NotReplayable("it writes to an array")
    return a * b if not a.shape or not b.shape else recorder.product(a, b)


@_function(np.linalg.norm)
def _norm(recorder, x, ord=None, axis=None, keepdims=False):
    if ord is not None:
        raise NotReplayable("it calls np.linalg.norm with an order")
    return _root(recorder, recorder.reduced("sum", recorder.of(x) ** 2, axis, keepdims))


@_function(np.inner)
def _inner(recorder, a, b):
    a, b = recorder.of(a), recorder.of(b)
    return a * b if not a.shape or not b.shape else _tensordot(recorder, a, b, (-1, -1))


@_function(np.vdot)
def _vdot(recorder, a, b):
    return recorder.product(recorder.of(a).ravel(), recorder.of(b).ravel())


@_function(np.einsum)
def _einsum(recorder, subscripts, *operands, **others):
    parts, _, result = subscripts.replace(" ", "").partition("->") if isinstance(subscripts, str) else "..."
    terms = parts.split(",")
    if others or "." in parts + result or any(len(set(term)) < len(term) for term in terms):
        raise NotReplayable("it calls np.einsum with options, ellipses, diagonals or lists")
    if "->" not in subscripts:
        result = sorted(c for c in set(parts) - {","} if parts.count(c) == 1)
    x, letters = recorder.of(operands[0]), terms[0]
    for i, operand in enumerate(operands[1:], 1):
        wanted = {*result, *"".join(terms[i + 1:])}
        x, letters = recorder.contracted(x, letters, recorder.of(operand), terms[i], wanted)
    return recorder.arranged(x, letters, [*result])


@_function(np.tensordot)
def _tensordot(recorder, a, b, axes=2):
    a, b = recorder.of(a), recorder.of(b)
    n = axes if isinstance(axes, int) else None
    pairs = ([*range(a.ndim - n, a.ndim)], [*range(n)]) if n is not None else axes
    first, second = ([one] if isinstance(one, int) else list(one) for one in pairs)
    letters = [chr(97 + i) for i in range(a.ndim)], [chr(65 + i) for i in range(b.ndim)]
    for i, j in zip(first, second, strict=True):
        letters[1][j] = letters[0][i]
    free = [c for c in letters[0] if c not in letters[1]], [c for c in letters[1] if c not in letters[0]]
    found = recorder.contracted(a, "".join(letters[0]), b, "".join(letters[1]), ())
    return recorder.arranged(*found, [*free[0], *free[1]])


@_function(np.outer)
def _outer(recorder, a, b, out=None):
    if out is not None:
        raise NotReplayable("it writes to an array")
    return recorder.of(a).ravel()[:, None] * recorder.of(b).ravel()


@_function(np.cross)
def _cross(recorder, a, b, **others):
    a, b = recorder.of(a), recorder.of(b)
    if others or a.shape[-1:] != (3,) or b.shape[-1:] != (3,):
        raise NotReplayable("it calls np.cross of other than arrays of three numbers")
    (a1, a2), (b1, b2) = ([recorder.moved(x, lambda v, k=k: np.roll(v, -k, -1)) for k in (1, 2)] for x in (a, b))
    return a1 * b2 - a2 * b1


@_function(np.where)
def _where(recorder, condition, *branches):
    if len(branches) != 2:
        raise NotReplayable("it calls np.where for places")
    return recorder.chosen(condition, *branches)


@_function(np.clip)
def _clip(recorder, a, a_min=None, a_max=None, **others):
    if others:
        raise NotReplayable("it calls np.clip with further options")
    a = recorder.of(a).copy() if a_min is None else np.maximum(a, a_min)
    return a if a_max is None else np.minimum(a, a_max)


@_function(np.diff)
def _diff(recorder, a, n=1, axis=-1, **others):
    if others:
        raise NotReplayable("it calls np.diff with further options")
    a = recorder.of(a)
    for _ in range(n):
        a = recorder.moved(a, lambda v: np.delete(v, 0, axis)) - recorder.moved(a, lambda v: np.delete(v, -1, axis))
    return a


@_function(np.broadcast_to)
def _broadcast_to(recorder, array, shape, subok=False):
    x = recorder.of(array)
    shape = shape if isinstance(shape, tuple) else (shape,)
    return recorder.symbol(np.array(np.broadcast_to(x.value, shape)), recorder.graph.expand(x.entry, shape), x.is_truth)


@_function(np.shape)
def _shape(recorder, a):
    return recorder.of(a).shape


@_function(np.ndim)
def _ndim(recorder, a):
    return len(recorder.of(a).shape)


@_function(np.size)
def _size(recorder, a, axis=None):
    shape = recorder.of(a).shape
    return recorder.of(a).size if axis is None else shape[axis]


def _filling(function, alike):
    """Arrays of numbers that are to be written to."""
    def rule(recorder, *args, like=None, **kwargs):
        if any(isinstance(a, Symbol) for a in (*args[1:], *kwargs.values())):
            raise NotReplayable(f"it calls np.{function.__name__} with a number that depends on the input")
        value = function(np.asarray(recorder.of(args[0]).value) if alike else args[0], *args[1:], **kwargs)
        if value.dtype != np.float64:
            return value
        if "empty" in function.__name__:
            value[...] = 0.0  # whatever they hold
        return recorder.symbol(value, recorder.graph.constant(value), kind=ARRAY)

    FUNCTIONS[function] = rule


for _name in ("zeros", "ones", "full", "empty"):
    _filling(getattr(np, _name), alike=False)
    _filling(getattr(np, _name + "_like"), alike=True)


@_function(np.any, np.all)
def _decision(recorder, *args, **kwargs):
    raise NotReplayable("it asks for the truth of several numbers")
