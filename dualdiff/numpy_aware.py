"""A decorator for functions that fill arrays made for floats: while duals run through them, such arrays have room.

``z = np.zeros(n)`` asks NumPy for floats, and no protocol tells NumPy that duals will follow. So the function is built
a second time, from the same code, with other globals: there ``np`` is a copy of NumPy's namespace whose creators
make arrays ``like=`` the dual numbers that are around. Helpers get the same treatment where the code reaches them.
Nothing global is patched, no state is kept: which number to be like is read off the local variables of the calls
that are running, so threads, generators and nested transforms need no care.
"""

import builtins
import dis
import functools
import inspect
import itertools
import sys
from pathlib import PurePath
from types import CellType, CodeType, FunctionType, MethodType, ModuleType

import numpy as np

from . import levels
from .errors import DifferentiationTypeError
from .kinds import is_dual, level
from .packing import has_duals

# Globals with this key belong to functions that were built again.
MARK = "__dualdiff_numpy_aware__"
LIBRARIES = {"numpy", "scipy", "dualdiff"}


def numpy_aware(function):
    """Let a function fill ``np.zeros(n)`` and its like with dual numbers, unedited.

    Parameters
    ----------
    function : callable or class
        A Python function, method or `functools.partial`; of a class, all methods are decorated in place.

    Returns
    -------
    callable or class
        Calls without dual numbers run the function itself. With dual numbers it runs with arrays from
        ``np.zeros``, ``np.empty``, ``np.ones``, ``np.full``, ``np.eye``, ``np.array``, ``np.linspace`` and others
        (floats and complex numbers, not integers) that can hold duals. So do the helpers that its code calls, in the
        same module or in other modules of the user's.

    Raises
    ------
    DifferentiationTypeError
        When ``function`` is not written in Python.

    Notes
    -----
    The how-to page "Fill arrays made for floats" says what this cannot reach; the usual error is raised there.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> @dd.numpy_aware
    ... def squares(x):
    ...     z = np.zeros(2)
    ...     for i in range(2):
    ...         z[i] = x[i] ** 2
    ...     return z
    >>> dd.jacobian(squares)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """
    if isinstance(function, type):
        return _decorate_class(function)
    inner = function.func if isinstance(function, functools.partial) else function
    if not isinstance(inner, FunctionType | MethodType):
        raise DifferentiationTypeError(
            f"numpy_aware: needs a function written in Python, or a class, found {type(inner).__name__}; decorate "
            f"the function that creates the arrays"
        )

    @functools.wraps(function)
    def aware(*args, **kwargs):
        if model(args, kwargs, function) is None:
            return function(*args, **kwargs)
        again = Again(inner.__module__)
        return again(function)(*map(again, args), **{name: again(value) for name, value in kwargs.items()})

    return aware


_AWARE = numpy_aware(lambda: None).__code__


def _decorate_class(cls):
    for name, member in list(vars(cls).items()):
        if isinstance(member, FunctionType):
            setattr(cls, name, numpy_aware(member))
        elif isinstance(member, staticmethod | classmethod):
            setattr(cls, name, type(member)(numpy_aware(member.__func__)))
        elif isinstance(member, property):
            parts = (member.fget, member.fset, member.fdel)
            setattr(cls, name, property(*(part and numpy_aware(part) for part in parts), doc=member.__doc__))
    return cls


# -- which number to be like -------------------------------------------------------------------------------------------


def model(*values):
    """The innermost dual number among values and the local variables of aware functions that run, or None."""
    best, top = None, max(levels._live, default=levels.BY_HAND)
    for place in itertools.chain([values], _aware_locals()):
        for number in _duals(place):
            if level(number) in levels._live or level(number) == levels.BY_HAND:
                best = number if best is None or level(number) > level(best) else best
                if level(best) >= top:
                    return best
    return best


def _aware_locals():
    frame = inspect.currentframe()
    while frame is not None:
        if MARK in frame.f_globals:
            yield dict(frame.f_locals)
        frame = frame.f_back


def _duals(value):
    """Dual numbers in a value, in containers, attributes and closures, nearest first; the first 1000 places count."""
    queue, seen = [value], set()
    for place in itertools.islice(iter(queue), 1000):  # the queue grows as it is read
        if is_dual(place):
            yield place
        elif isinstance(place, np.ndarray):
            if place.dtype == object:
                yield from filter(is_dual, place.flat)
        elif not isinstance(place, str | bytes | int | float | type | ModuleType) and id(place) not in seen:
            seen.add(id(place))
            queue.extend(itertools.islice(_inside(place), 1000))


def _inside(value):
    """What a container, a function or an object holds."""
    if isinstance(value, list | tuple | set | frozenset):
        return iter(value)
    if isinstance(value, dict):
        return iter(value.values())
    if isinstance(value, functools.partial):
        return iter((value.func, value.args, value.keywords))
    if isinstance(value, MethodType):
        return iter((value.__self__, value.__func__))
    if isinstance(value, FunctionType):
        return iter([*map(_content, value.__closure__ or ()), value.__defaults__, value.__kwdefaults__])
    return iter(getattr(value, "__dict__", {}).values())


def _content(cell):
    try:
        return cell.cell_contents
    except ValueError:
        return None


# -- creators ----------------------------------------------------------------------------------------------------------


def _roomy(function):
    """A function that makes an array of plain numbers, now with room for tangents."""

    @functools.wraps(function)
    def made(*args, **kwargs):
        array = function(*args, **kwargs)
        if type(array) is not np.ndarray or array.dtype.char not in "fdFD":
            return array
        like = model()
        return array if like is None else np.array(array, like=like)

    return made


def _converting(function, view):
    """A function that makes an array of anything; of duals, a dual array."""
    roomy = function if view else _roomy(function)

    @functools.wraps(function)
    def made(a, dtype=None, **kwargs):
        if not has_duals(a):
            return roomy(a, dtype=dtype, **kwargs)
        if is_dual(a) and np.ndim(a) and (view or not kwargs.get("copy", True)):
            array = a if dtype is None else a.astype(dtype, copy=False)
        else:
            array = np.array(a, dtype=dtype, like=next(_duals(a)))
        missing = kwargs.get("ndmin", 0) - np.ndim(array)
        return array if missing <= 0 else array[(None,) * missing]

    return made


_NAMES = ("zeros", "empty", "ones", "full", "zeros_like", "empty_like", "ones_like", "full_like", "eye", "identity",
          "tri", "linspace", "logspace", "geomspace", "arange", "copy", "diag", "tile", "fromiter", "fromfunction")
CREATORS = {
    **{name: _roomy(getattr(np, name)) for name in _NAMES},
    "array": _converting(np.array, view=False),
    **{name: _converting(getattr(np, name), view=True) for name in ("asarray", "asanyarray", "ascontiguousarray")},
}
_REPLACED = {id(getattr(np, name)): made for name, made in CREATORS.items()}
NUMPY = ModuleType("numpy", np.__doc__)
vars(NUMPY).update({**vars(np), **CREATORS})
_REPLACED[id(np)] = NUMPY


# -- the same code again, in another namespace -------------------------------------------------------------------------


class Again:
    """Builds the user's functions again, each at most once, and stands in for modules.

    Parameters
    ----------
    home : str
        Name of the module of the decorated function; its package is the user's, wherever it is installed.
    """

    def __init__(self, home):
        self.home, self.done = (home or "").partition(".")[0], {}
        self.builtins = {**vars(builtins), "__import__": self.load}

    def __call__(self, value):
        """What stands for ``value`` in aware code; mostly the value itself."""
        if id(value) in _REPLACED:
            return _REPLACED[id(value)]
        if isinstance(value, FunctionType):
            if value.__code__ is _AWARE:
                return self(value.__wrapped__)
            return self.function(value) if self.owns(value.__globals__.get("__name__")) else value
        if isinstance(value, MethodType):
            function = self(value.__func__)
            return value if function is value.__func__ else MethodType(function, value.__self__)
        if type(value) is functools.partial:
            keywords = {name: self(one) for name, one in value.keywords.items()}
            return functools.partial(self(value.func), *map(self, value.args), **keywords)
        if isinstance(value, ModuleType) and self.owns(value.__name__):
            return Stand(value, self)
        return value

    def owns(self, name):
        """Whether a module is the user's own: of no library, unless of the package of the decorated function."""
        top = (name or "").partition(".")[0]
        if top in LIBRARIES or top in sys.stdlib_module_names:
            return False
        file = getattr(sys.modules.get(name), "__file__", None) or ""
        return top == self.home or not {"site-packages", "dist-packages"} & set(PurePath(file).parts)

    def function(self, old):
        """The same code with creators that make room."""
        if id(old) in self.done:
            return self.done[id(old)]
        names, assigns = names_of(old.__code__)
        if assigns:  # a copy of the globals would not see it
            return old
        space = self.namespace(old.__globals__)
        cells = tuple(self.cell(cell) for cell in old.__closure__ or ())
        new = FunctionType(old.__code__, space, old.__name__, None, cells)
        self.done[id(old)] = functools.update_wrapper(new, old)
        new.__defaults__ = old.__defaults__ and tuple(map(self, old.__defaults__))
        new.__kwdefaults__ = old.__kwdefaults__ and {name: self(one) for name, one in old.__kwdefaults__.items()}
        for name in names & old.__globals__.keys():
            space[name] = self(old.__globals__[name])
        for cell, source in zip(cells, old.__closure__ or (), strict=True):
            if cell is not source:
                cell.cell_contents = self(source.cell_contents)
        return new

    def cell(self, cell):
        """The cell itself, so that ``nonlocal`` works, or an empty one where its content will be another."""
        content = _content(cell)
        if id(content) in _REPLACED or isinstance(content, FunctionType | MethodType | functools.partial | ModuleType):
            return self.done.setdefault(id(cell), CellType())
        return cell

    def namespace(self, space):
        if id(space) not in self.done:
            self.done[id(space)] = {**space, MARK: True, "__builtins__": self.builtins}
        return self.done[id(space)]

    def load(self, name, space=None, local=None, fromlist=(), level=0):
        """``import`` inside a function."""
        return self(builtins.__import__(name, space, local, fromlist, level))


class Stand(ModuleType):
    """Stands in for a module of the user's: its functions are built again when they are asked for."""

    def __init__(self, module, again):
        super().__init__(module.__name__)
        vars(self).update(_module=module, _again=again)

    def __getattr__(self, name):
        return self._again(getattr(self._module, name))

    def __setattr__(self, name, value):
        setattr(self._module, name, value)


@functools.lru_cache(maxsize=1024)
def names_of(code):
    """The names that code and the functions in it may look up, and whether it assigns to global ones."""
    names = set(code.co_names)
    assigns = any(step.opname in ("STORE_GLOBAL", "DELETE_GLOBAL") for step in dis.get_instructions(code))
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            more, too = names_of(inner)
            names, assigns = names | more, assigns or too
    return frozenset(names), assigns
