"""Where every public NumPy callable stands: supported, not differentiable, unsupported, or never dispatched.

What is supported is read off the rules themselves. What is written here by hand are the reasons for the rest, and
calls that NumPy never hands over to another array type, each with what comes of it: tests run all of them.
``python tests/test_coverage.py`` writes the page ``docs/reference/coverage.md``.
"""

import functools
import importlib
from dataclasses import dataclass

import numpy as np

from .errors import UnsupportedFunctionError
from .numpy_rules import RULES
from .numpy_rules.registry import value_only
from .numpy_rules.ufuncs import COMPOSED, INTEGERS_ONLY, ON_VALUES, ROWS

SUPPORTED = "supported"
NOT_DIFFERENTIABLE = "not differentiable"
UNSUPPORTED = "unsupported"
NEVER_DISPATCHED = "never dispatched"

FAMILIES = {"polynomial": "poly", "chebyshev": "cheb", "legendre": "leg", "hermite": "herm", "hermite_e": "herme",
            "laguerre": "lag"}
NAMESPACES = ("numpy", "numpy.linalg", "numpy.fft", "numpy.emath", "numpy.lib", "numpy.lib.stride_tricks",
              "numpy.lib.array_utils", "numpy.lib.introspect", "numpy.lib.npyio", "numpy.lib.format",
              "numpy.lib.scimath", "numpy.lib.mixins", "numpy.polynomial",
              *(f"numpy.polynomial.{family}" for family in FAMILIES))

# What a function that takes part in NumPy's dispatch is an instance of.
DISPATCHER = type(np.sum)

VALUES = "looks at values only: the result is plain"
INTEGERS = "takes integers only: a dual number is refused"

# -- reasons, by hand --------------------------------------------------------------------------------------------------

_REASONS = {
    "no function of numbers: text, files, settings, tests": """
        add_docstring add_newdoc base_repr binary_repr descr_to_dtype drop_metadata
        dtype_to_descr format_float_positional format_float_scientific fromfile fromregex genfromtxt get_include
        get_printoptions getbufsize geterr geterrcall header_data_from_array_1_0 info isfileobj load magic open_memmap
        opt_func_info printoptions read_array read_array_header_1_0 read_array_header_2_0 read_magic save savetxt savez
        savez_compressed set_default_printstyle set_printoptions setbufsize seterr seterrcall show_config show_runtime
        test write_array write_array_header_1_0 write_array_header_2_0""",
    "types, shapes, memory": """
        broadcast_shapes byte_bounds from_dlpack isdtype isscalar issubdtype iterable mintypecode nested_iters
        normalize_axis_index normalize_axis_tuple promote_types typename""",
    "indices and bits": """
        diag_indices indices mask_indices packbits ravel_multi_index tril_indices triu_indices unpackbits
        unravel_index""",
    "dates": "busday_count busday_offset datetime_as_string datetime_data is_busday",
    "a table of numbers for an integer": "chebgauss chebpts1 chebpts2 hermegauss hermgauss laggauss leggauss",
}
REASONS = {name: reason for reason, names in _REASONS.items() for name in names.split()}
A_TYPE = "a type: scalars and containers of their own"


@dataclass(frozen=True)
class Trial:
    """A call in terms of ``x``, three positive numbers, and what comes of it."""

    name: str
    call: str
    outcome: str
    cure: str = ""


RIGHT = "right"
ERROR = "error of dualdiff"
FOREIGN = "error of NumPy"
OTHER = "another result than for floats"

# Functions that are dispatched and have no rule: a call that shows it, and what to do.
REFUSALS = {
    "histogram2d": ("np.histogram2d(x, x)", "counts are locally constant; pass `dd.value(x)`"),
    "histogramdd": ("np.histogramdd(x[:, None])", "counts are locally constant; pass `dd.value(x)`"),
    "intersect1d": ("np.intersect1d(x, x)",
                    "an entry of the result is equal to two of the arguments, and has the derivative of neither"),
    "polyval2d": ("np.polynomial.polynomial.polyval2d(x, x, np.ones((2, 2)))", "call `polyval` twice"),
    "polygrid2d": ("np.polynomial.polynomial.polygrid2d(x, x, np.ones((2, 2)))", "call `polyval` twice"),
}
if hasattr(np.polynomial.polynomial, "polyvalnd"):
    # NumPy 2.5 and later.
    REFUSALS["polyvalnd"] = (
        "np.polynomial.polynomial.polyvalnd((x, x), np.ones((2, 2)))", "call `polyval` once per variable"
    )

_VALUE = "`dd.value` where the plain number is wanted"
_LIKE = "`np.zeros(n, like=x)`, or `numpy_aware`"
_FIT = "`np.polyfit`, or `np.linalg.lstsq` with the matrix of `{p}vander`, packed with `dd.pack`"
_ROOTS = "`np.roots`"

# Suffixes of the functions of the polynomial families.
_POLYNOMIAL = {
    "line": ("{f}(x[0], x[1])", RIGHT, ""),
    "add": ("{f}(x, [1.0])", RIGHT, ""),
    "sub": ("{f}([1.0, 2.0], x)", RIGHT, ""),
    "mulx": ("{f}(x)", RIGHT, ""),
    "mul": ("{f}(x, x)", RIGHT, ""),
    "div": ("{f}(x, [1.0, 2.0])[0]", ERROR, "`np.polydiv`"),
    "pow": ("{f}(x, 2)", RIGHT, ""),
    "val": ("{f}(x, x)", RIGHT, ""),
    "valfromroots": ("{f}(x[0], [1.0, 2.0])", RIGHT, ""),
    "der": ("{f}(x)", RIGHT, ""),
    "int": ("{f}(x)", RIGHT, ""),
    "fromroots": ("{f}(x)", RIGHT, ""),
    "vander": ("{f}(x, 2)", RIGHT, ""),
    "vander2d": ("{f}(x, x, [1, 1])", RIGHT, ""),
    "vander3d": ("{f}(x, x, x, [1, 1, 0])", RIGHT, ""),
    "val2d": ("{f}(x, x, np.ones((2, 2)))", RIGHT, ""),
    "val3d": ("{f}(x, x, x, np.ones((2, 2, 2)))", RIGHT, ""),
    "valnd": ("{f}((x, x), np.ones((2, 2)))", RIGHT, ""),
    "grid2d": ("{f}(x, x, np.ones((2, 2)))", ERROR, "`{p}vander` of each axis and `np.einsum`"),
    "grid3d": ("{f}(x, x, x, np.ones((2, 2, 2)))", ERROR, "`{p}vander` of each axis and `np.einsum`"),
    "fit": ("{f}(np.arange(3.0), x, 1)", FOREIGN, _FIT),
    "trim": ("{f}(x)", RIGHT, ""),
    "roots": ("{f}(x)", ERROR, _ROOTS),
    "companion": ("{f}(x)", ERROR, _ROOTS),
    "weight": ("{f}(x / 10)", RIGHT, ""),
    "interpolate": ("{f}(lambda t: t * x[0], 2)", RIGHT, ""),
    "2poly": ("{f}(x)", RIGHT, ""),
    "from poly": ("{f}(x)", RIGHT, ""),
}


def _polynomial_trials():
    for family, p in FAMILIES.items():
        module = importlib.import_module(f"numpy.polynomial.{family}")
        for suffix, (call, outcome, cure) in _POLYNOMIAL.items():
            name = f"poly2{p}" if suffix == "from poly" else p + suffix
            if name in module.__all__ and name not in REFUSALS:
                yield Trial(name, call.format(f=f"np.polynomial.{family}.{name}"), outcome, cure.format(p=p))


TRIALS = (
    Trial("array", "np.array([x[0] * x[1], 1.0])", RIGHT),
    Trial("array", "np.array([[x[0], 0.0], [1.0, x[1]]])", RIGHT),
    Trial("array", "np.array(x, dtype=float)", ERROR, "`x.copy()`, `x.astype(dtype)`"),
    Trial("asarray", "np.sin(np.asarray(x))", RIGHT),
    Trial("asarray", "np.asarray(x, dtype=float)", ERROR, "leave `dtype` out"),
    Trial("asarray_chkfinite", "np.asarray_chkfinite(x)", RIGHT),
    Trial("ascontiguousarray", "np.ascontiguousarray(x)", RIGHT),
    Trial("asmatrix", "np.asmatrix(x)", ERROR, "arrays of two dimensions"),
    Trial("bmat", "np.bmat([[x, x]])", ERROR, "`np.block`"),
    Trial("r_", "np.r_[x, 1.0, x[:1]]", RIGHT),
    Trial("c_", "np.c_[x, x**2]", RIGHT),
    Trial("mgrid", "np.mgrid[0 : x[0] : 3j]", RIGHT),
    Trial("ogrid", "np.ogrid[0 : x[0] : 3j]", RIGHT),
    Trial("zeros", "np.zeros(3).__setitem__(0, x[0])", ERROR, _LIKE),
    Trial("full", "np.full(3, x[0])", RIGHT),
    Trial("arange", "np.arange(x[0], 5.0)", ERROR, "`x[0] + np.arange(n)`"),
    Trial("fromiter", "np.fromiter((a * a for a in x), float)", ERROR, "`np.stack([a * a for a in x])`"),
    Trial("fromiter", "np.fromiter((a * a for a in x), object)", RIGHT),
    Trial("frombuffer", "np.frombuffer(x)", FOREIGN, "`x.copy()`"),
    Trial("vectorize", "np.vectorize(lambda a: a if a > 1 else a**2)(x)", RIGHT),
    Trial("vectorize", "np.vectorize(lambda a: a * a, otypes=[float])(x)", ERROR, "leave `otypes` out"),
    Trial("frompyfunc", "np.frompyfunc(lambda a: a * a, 1, 1)(np.asarray(x))", RIGHT),
    Trial("frompyfunc", "np.frompyfunc(lambda a: a * a, 1, 1)(x)", ERROR, "`np.vectorize`"),
    Trial("bartlett", "np.bartlett(5) * x[0]", RIGHT),
    Trial("blackman", "np.blackman(5) * x[0]", RIGHT),
    Trial("hamming", "np.hamming(5) * x[0]", RIGHT),
    Trial("hanning", "np.hanning(5) * x[0]", RIGHT),
    Trial("kaiser", "np.kaiser(4, x[0])", RIGHT),
    Trial("fftfreq", "np.fft.fftfreq(3, x[0])", RIGHT),
    Trial("rfftfreq", "np.fft.rfftfreq(3, x[0])", RIGHT),
    Trial("as_strided", "np.lib.stride_tricks.as_strided(x, (2,), (8,))", RIGHT),
    Trial("nditer", "np.nditer(x)", FOREIGN, "`np.ndindex(x.shape)`, or a plain loop"),
    Trial("ndenumerate", "np.stack([a * (i[0] + 1) for i, a in np.ndenumerate(x)])", RIGHT),
    Trial("poly1d", "np.poly1d(x)(2.0)", RIGHT),
    Trial("poly1d", "np.poly1d([1.0, 2.0, 3.0])(x)", RIGHT),
    Trial("Polynomial", "np.polynomial.Polynomial([1.0, 2.0, 3.0])(x)", RIGHT),
    Trial("Polynomial", "np.polynomial.Polynomial(x)(2.0)", RIGHT),
    Trial("Chebyshev", "np.polynomial.Chebyshev(x).deriv()(0.5)", RIGHT),
    Trial("Legendre", "np.polynomial.Legendre(x).integ()(0.5)", RIGHT),
    Trial("Hermite", "np.polynomial.Hermite(x)(0.5)", RIGHT),
    Trial("HermiteE", "np.polynomial.HermiteE(x)(0.5)", RIGHT),
    Trial("Laguerre", "np.polynomial.Laguerre(x)(0.5)", RIGHT),
    Trial("ndarray.dot", "np.eye(3).dot(x)", RIGHT),
    Trial("ndarray.clip", "np.ones(3).clip(max=x)", RIGHT),
    Trial("ndarray.clip", "np.ones(3).clip(x, 3.0)", ERROR, "`np.clip`"),
    Trial("ndarray.fill", "np.zeros(3).fill(x[0])", ERROR, _LIKE),
    Trial("ndarray.put", "np.zeros(3).put([0], x[0])", ERROR, _LIKE),
    Trial("ndarray.choose", "np.array([0, 1]).choose(x)", FOREIGN, "`x[np.array([0, 1])]`"),
    Trial("float64", "np.float64(x[0])", ERROR, _VALUE),
    Trial("complex128", "np.complex128(x[0])", ERROR, "`x[0] + 0j`"),
    Trial("int64", "np.int64(x[0])", ERROR, _VALUE),
    Trial("random.Generator.normal", "np.random.default_rng(0).normal(x, 1.0)", ERROR,
          "`x + rng.normal(size=3)`, seeded inside the function"),
    Trial("random.Generator.permutation", "np.random.default_rng(0).permutation(x)", FOREIGN,
          "`x[rng.permutation(3)]`, seeded inside the function"),
    Trial("isscalar", "np.isscalar(x[0]) * x", RIGHT),
    *((Trial("row_stack", "np.row_stack([x, x])", RIGHT),) if hasattr(np, "row_stack") else ()),
    *_polynomial_trials(),
    *(Trial(f"{p}val", f"np.polynomial.{family}.{p}val(x, np.ones((2, 3)))", OTHER,
            "`np.expand_dims` the coefficients: NumPy asks whether `x` is an `ndarray` and takes it for a number")
      for family, p in FAMILIES.items()),
)
TRIED = {trial.name for trial in TRIALS}

# -- classes -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Entry:
    """A public callable, its class and the reason."""

    namespace: str
    name: str
    state: str
    reason: str = ""


# No function of arrays, and types that only some platforms have.
_SKIPPED = {"__array_namespace_info__", "float96", "float128", "complex192", "complex256"}


def public(namespace):
    """Names and objects of the public callables of a namespace."""
    module = importlib.import_module(namespace)
    names = getattr(module, "__all__", None) or [name for name in dir(module) if not name.startswith("_")]
    for name in sorted(set(names) - _SKIPPED):
        thing = getattr(module, name, None)
        if callable(thing):
            yield name, thing


def classify(name, thing):
    """The class of a callable and the reason; the class is empty when nothing is known."""
    try:
        known = thing in RULES
    except TypeError:
        known = False
    if known or thing in ROWS or thing in COMPOSED:
        return (NOT_DIFFERENTIABLE, VALUES) if _is_on_values(RULES.get(thing)) else (SUPPORTED, "")
    if isinstance(thing, np.ufunc):
        if thing in ON_VALUES or thing in INTEGERS_ONLY:
            return NOT_DIFFERENTIABLE, VALUES if thing in ON_VALUES else INTEGERS
        return "", ""
    if name in REASONS:
        return NOT_DIFFERENTIABLE, REASONS[name]
    if type(thing) is DISPATCHER:
        return (UNSUPPORTED, REFUSALS[name][1]) if name in REFUSALS else ("", "")
    if name in TRIED:
        return NEVER_DISPATCHED, ""
    return (NOT_DIFFERENTIABLE, A_TYPE) if isinstance(thing, type) else ("", "")


def _is_on_values(rule):
    return isinstance(rule, functools.partial) and rule.func.__globals__ is value_only.__globals__ and (
        rule.func.__name__ == "_on_values"
    )


def entries():
    """All public callables with their classes.

    Returns
    -------
    list of Entry

    Examples
    --------
    >>> from dualdiff import coverage
    >>> {entry.name: entry.state for entry in coverage.entries()}["cumsum"]
    'supported'
    """
    found = []
    for namespace in NAMESPACES:
        try:
            found += [Entry(namespace, name, *classify(name, thing)) for name, thing in public(namespace)]
        except ModuleNotFoundError:  # a namespace of newer versions of NumPy
            continue
    return found


def refused(call, x):
    """The message of the error that a call without a rule raises; None when it raises none."""
    try:
        eval(call, {"np": np, "x": x})
    except UnsupportedFunctionError as error:
        return str(error)
    return None
