"""Bad input and lost tangents: each works, or raises an error that names what was found and the cure."""

import ast
import math
import re
from pathlib import Path

import numpy as np
import pytest

import dualdiff as dd

V = np.array([1.0, 2.0, 3.0])
TRANSFORMS = (dd.derivative, dd.grad, dd.value_and_grad, dd.jacobian, dd.value_and_jacobian, dd.hessian,
              dd.value_grad_and_hessian, dd.laplacian, dd.divergence, dd.logabsdet_jacobian)  # fmt: skip
BY_NAME = {"ids": lambda t: getattr(t, "__name__", repr(t))}


def refused(call, builtin, *words):
    """The error of a call, with its family, its built-in and the words of its message checked."""
    with pytest.raises(dd.DualDiffError) as caught:
        call()
    assert isinstance(caught.value, builtin), f"{type(caught.value).__mro__}"
    message = str(caught.value)
    for word in words:
        alternatives = (word,) if isinstance(word, str) else word
        assert any(w in message for w in alternatives), f"{word!r} is missing in: {message}"
    assert len(message) > 20, "a message says what was found and the cure"
    return message


# The family ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name, builtin", [
    ("UnsupportedFunctionError", TypeError), ("DerivativeMismatch", AssertionError),
])  # fmt: skip
def test_errors_are_of_the_family(name, builtin):
    error = getattr(dd, name)
    assert issubclass(error, dd.DualDiffError) and issubclass(error, builtin)


def test_every_public_error_is_also_a_builtin():
    builtins = (TypeError, ValueError, RuntimeError, AssertionError, NotImplementedError, AttributeError, ImportError)
    errors = [e for e in vars(dd).values() if isinstance(e, type) and issubclass(e, Exception)]
    assert dd.DualDiffError in errors and len(errors) >= 3
    for error in errors:
        assert issubclass(error, dd.DualDiffError)
        assert error is dd.DualDiffError or issubclass(error, builtins), error


# What is differentiated ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transform", TRANSFORMS, **BY_NAME)
@pytest.mark.parametrize("f", (None, 3.0, "sin", V, [np.sin]), ids=repr)
def test_what_is_no_function(transform, f):
    refused(lambda: transform(f)(1.0), TypeError, "function", type(f).__name__)


@pytest.mark.parametrize("f", (None, 3.0), ids=repr)
def test_what_is_no_function_for_the_rest(f):
    refused(lambda: dd.jvp(f, (1.0,), (1.0,)), TypeError, "function", type(f).__name__)
    refused(lambda: dd.hvp(f, (1.0,), (1.0,)), TypeError, "function", type(f).__name__)
    refused(lambda: dd.propagate(f, V, np.eye(3)), TypeError, "function", type(f).__name__)
    refused(lambda: dd.check_derivatives(f, V), TypeError, "function", type(f).__name__)
    refused(lambda: dd.elementwise(d1=f), TypeError, "d1", type(f).__name__)


CALLS = {t.__name__: lambda f, x, t=t: t(f)(x) for t in (dd.jacobian, dd.hessian, dd.value_and_jacobian)}
CALLS["grad"] = lambda f, x: dd.grad(f)(x)
CALLS["value_grad_and_hessian"] = lambda f, x: dd.value_grad_and_hessian(f)(x)
CALLS["jvp"] = lambda f, x: dd.jvp(f, (x,), (np.ones(np.shape(x)),))
CALLS["derivative"] = lambda f, x: dd.derivative(f)(x)
CALLS["second derivative"] = lambda f, x: dd.derivative(f, order=2)(x)


@pytest.mark.parametrize("call", CALLS.values(), ids=list(CALLS))
@pytest.mark.parametrize("x", (2.0, V, [1.0, 2.0]), ids=("number", "array", "list"))
def test_results_that_are_no_numbers(call, x):
    if isinstance(x, list) and call is not CALLS["jacobian"] and call is not CALLS["hessian"]:
        x = np.array(x)
    refused(lambda: call(lambda x: None, x), TypeError, "None", "return")
    refused(lambda: call(lambda x: "text", x), TypeError, "str")
    refused(lambda: call(lambda x: {"a": "text"}, x), TypeError, ("['a']", "str", "container"))
    refused(lambda: call(lambda x: {1.0, 2.0}, x), TypeError, "set")
    refused(lambda: call(lambda x: object(), x), TypeError, "object")
    refused(lambda: call(lambda x: np.array(["a"]), x), TypeError, ("U1", "str"))
    refused(lambda: call(lambda x: [np.sum(x), [np.sum(x), 1.0]], x), (TypeError, ValueError), "list")
    refused(lambda: call(lambda x: (x, "text"), x), (TypeError, ValueError), ("text", "str", "tuple"))
    refused(lambda: call(lambda x: (y for y in [1.0]), x), TypeError, "generator")


def test_ragged_results():
    for f in (lambda x: [x[0], [x[1], x[2]]], lambda x: [[x[0]], [x[1], x[2]]], lambda x: [x[0], x],
              lambda x: (x[:2], 1.0)):  # fmt: skip
        refused(lambda f=f: dd.jacobian(f)(V), ValueError, ("ragged", "shape", "regular"))


@pytest.mark.parametrize("constant, shape", [
    (5, ()), (5.0, ()), (np.float64(5), ()), (np.ones(3), (3,)), (np.ones((2, 2), int), (2, 2)), ([1.0, 2.0], (2,)),
    ((), (0,)), (np.zeros(0), (0,)), (True, ()), (np.array([True, False]), (2,)), (np.float32(5), ()),
])  # fmt: skip
def test_constants_have_zero_derivatives(constant, shape):
    for x in (V, 2.0, [1.0, 2.0], np.ones((2, 2))):
        inner = np.shape(x)
        jacobian = np.asarray(dd.jacobian(lambda x: constant)(x))
        assert jacobian.shape == shape + inner and jacobian.dtype.kind == "f" and not jacobian.any()
        hessian = np.asarray(dd.hessian(lambda x: constant)(x))
        assert hessian.shape == shape + inner + inner and not hessian.any()
    assert np.shape(dd.derivative(lambda x: constant)(2.0)) == shape
    if shape == ():
        assert dd.grad(lambda x: constant)(V).tolist() == [0.0, 0.0, 0.0]
        value, gradient, hessian = dd.value_grad_and_hessian(lambda x: constant)(V)
        assert value == constant and not gradient.any() and hessian.shape == (3, 3)


@pytest.mark.parametrize("call", CALLS.values(), ids=list(CALLS))
def test_complex_results_where_real_is_promised(call):
    refused(lambda: call(lambda x: np.exp(1j * x) if np.shape(x) == () else np.sum(np.exp(1j * x)), 0.5), TypeError,
            "complex", ("np.real", "np.abs", "real"))
    refused(lambda: call(lambda x: 1j, 0.5), TypeError, "complex")


def test_comparisons_as_results_are_constants():
    assert dd.jacobian(lambda x: x > 1.0)(V).tolist() == np.zeros((3, 3)).tolist()
    assert dd.derivative(lambda x: x > 1.0)(2.0) == 0.0


@pytest.mark.parametrize("shape", [(2,), (1, 1), (0,), (3,)])
def test_gradient_of_a_vector_names_the_jacobian(shape):
    for transform in (dd.grad, dd.value_and_grad):
        refused(lambda t=transform: t(lambda x: np.sum(x) * np.ones(shape))(V), (TypeError, ValueError), "jacobian",
                str(shape))
    refused(lambda: dd.grad(lambda x: [x[0], x[1]])(V), (TypeError, ValueError), "jacobian")


# Points -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("x", (3, np.int8(3), np.uint64(3), np.array(3), np.int64(3)), ids=lambda x: type(x).__name__)
def test_integer_points_work(x):
    assert dd.derivative(lambda x: x**-1)(x) == -1 / 9
    assert dd.derivative(lambda x: x**2, order=2)(x) == 2.0
    assert np.asarray(dd.grad(lambda x: x / 2)(x)).dtype == np.float64
    assert dd.jacobian(lambda v: v / 2)(np.array([1, 2])).tolist() == [[0.5, 0.0], [0.0, 0.5]]
    assert dd.jacobian(lambda v: [v[0] / 2, v[1]])([1, 2]).tolist() == [[0.5, 0.0], [0.0, 1.0]]


@pytest.mark.parametrize("x", (True, np.True_, np.array(True), np.array([True, False])), ids=repr)
def test_truth_values_as_points(x):
    for call in CALLS.values():
        refused(lambda call=call: call(lambda x: np.sum(x * 2.0), x), TypeError, ("bool", "truth"))
    refused(lambda: dd.jacobian(lambda v: v[0])([True, 2.0]), TypeError, ("bool", "truth"))


@pytest.mark.parametrize("x", ("text", None, object(), b"1", np.array(["a"]), np.datetime64("2020-01-01"),
                               np.array([None, 1.0]), [1.0, "a"], [1.0, None], [[1.0, 2.0], [3.0]]))
def test_points_that_are_no_numbers(x):
    for transform in (dd.derivative, dd.grad, dd.jacobian, dd.hessian):
        refused(lambda t=transform: t(lambda x: 1.0)(x), (TypeError, ValueError))
    refused(lambda: dd.jvp(lambda x: 1.0, (x,), (1.0,)), (TypeError, ValueError))


@pytest.mark.parametrize("x", (1 + 2j, np.complex128(1), np.array([1j, 2.0]), [1j, 2.0]), ids=repr)
def test_complex_points(x):
    for transform in (dd.derivative, dd.grad, dd.jacobian, dd.hessian):
        refused(lambda t=transform: t(lambda x: x if np.shape(x) == () else x[0])(x), TypeError, "complex")


@pytest.mark.parametrize("dtype", (np.float16, np.longdouble))
def test_other_float_points(dtype):
    for x in (dtype(1.5), np.array([1.5, 2.0], dtype)):
        if np.dtype(dtype).itemsize == 8:
            continue  # long double is double on this machine
        try:
            result = dd.derivative(lambda x: x * x)(x)
        except dd.DualDiffError as error:
            assert isinstance(error, TypeError) and str(np.dtype(dtype)) in str(error)
        else:
            assert np.asarray(result).dtype == dtype
            np.testing.assert_allclose(result, 2 * x, rtol=1e-3)


def test_object_arrays_of_numbers_work_or_are_refused():
    x = np.array([1.0, 2, np.float64(3)], dtype=object)
    try:
        jacobian = dd.jacobian(lambda v: v * v)(x)
    except dd.DualDiffError as error:
        assert isinstance(error, TypeError) and "object" in str(error)
    else:
        assert jacobian.dtype == np.float64
        np.testing.assert_array_equal(jacobian, np.diag([2.0, 4.0, 6.0]))
    assert x.tolist() == [1.0, 2, 3.0]


def test_missing_point():
    with pytest.raises(TypeError):
        dd.derivative(np.sin)()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_nan_and_inf_as_points():
    assert math.isnan(dd.derivative(lambda x: x * x)(math.nan))
    assert dd.derivative(lambda x: x * x)(math.inf) == math.inf
    assert dd.derivative(lambda x: x * 3)(math.nan) == 3.0
    assert dd.derivative(lambda x: x * x, order=2)(math.nan) == 2.0
    jacobian = dd.jacobian(lambda v: v * v)(np.array([math.nan, 1.0, -math.inf]))
    np.testing.assert_array_equal(jacobian, np.diag([math.nan, 2.0, -math.inf]))
    np.testing.assert_array_equal(dd.grad(lambda v: v[1] * 2)([math.nan, math.inf]), [0.0, 2.0])
    assert np.isfinite(dd.hessian(lambda v: np.sum(v**2))(np.array([math.nan, math.inf]))).all()


def test_empty_zero_dimensional_and_read_only_points():
    assert dd.jacobian(lambda v: v)(np.zeros(0)).shape == (0, 0)
    assert dd.grad(lambda v: np.sum(v))(np.zeros((0, 3))).shape == (0, 3)
    assert dd.jacobian(lambda v: [1.0])([]).shape == (1, 0)
    assert np.shape(dd.jacobian(lambda x: x**2)(np.array(3.0))) == ()
    x = V.copy()
    x.flags.writeable = False
    assert dd.jacobian(lambda v: v * v)(x).tolist() == np.diag(2 * V).tolist()
    assert dd.hessian(lambda v: np.sum(v * v))(x).tolist() == (2 * np.eye(3)).tolist()
    assert dd.jvp(lambda v: v * v, (x,), (x,))[1].tolist() == (2 * V * V).tolist()


def test_subclasses_of_arrays():
    class Mine(np.ndarray):
        pass

    jacobian = dd.jacobian(lambda v: v * v)(V.view(Mine))
    np.testing.assert_array_equal(np.asarray(jacobian), np.diag(2 * V))


# Tangents -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tangent", (np.ones(2), np.ones((2, 2)), np.ones((1, 1, 3)), np.array(1.0), np.ones((3, 1))),
                         ids=lambda t: str(np.shape(t)))
def test_tangents_of_the_wrong_shape(tangent):
    message = refused(lambda: dd.jvp(np.sin, (V,), (tangent,)), ValueError, "tangent", "(3,)")
    assert str(np.shape(tangent)) in message
    refused(lambda: dd.hvp(np.sum, (V,), (tangent[..., None, None],)), ValueError, "tangent")


@pytest.mark.parametrize("tangent, found", [
    (V * 1j, "complex"), (np.array(["a"] * 3), "U1"), (None, ("object", "None")),
])  # fmt: skip
def test_tangents_of_the_wrong_kind(tangent, found):
    refused(lambda: dd.jvp(np.sin, (V,), (tangent,)), TypeError, "tangent", found)


def test_primals_and_tangents_that_are_no_tuples():
    refused(lambda: dd.jvp(np.sin, V, (V,)), TypeError, "primals", "tuple", "ndarray")
    refused(lambda: dd.jvp(np.sin, (V,), V), TypeError, "tangents", "tuple", "ndarray")
    refused(lambda: dd.jvp(np.sin, 1.0, 1.0), TypeError, "tuple", "float")
    refused(lambda: dd.hvp(np.sum, V, (V,)), TypeError, "tuple")
    refused(lambda: dd.jvp(np.add, (V, V), (V,)), ValueError, "2", "1")


def test_number_of_tangents_of_numbers_made_by_hand():
    a, b = dd.Dual(1.0, [1.0]), dd.Dual(1.0, [1.0, 2.0, 4.0])
    for call in (lambda: a + b, lambda: np.hypot(a, b), lambda: dd.pack([a, b]),
                 lambda: dd.DualArray([1.0], [[1.0]]) * b):  # fmt: skip
        refused(call, ValueError, "1", "3")


# Settings -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transform", (dd.jacobian, dd.hessian, dd.value_and_jacobian, dd.value_grad_and_hessian),
                         **BY_NAME)
@pytest.mark.parametrize("setting, given, words", [
    ("chunk_size", 0, ("0",)), ("chunk_size", -3, ("-3",)), ("chunk_size", 1.5, ("1.5",)), ("chunk_size", "x", ("x",)),
    ("mode", "sideways", ("sideways", "forward")), ("mode", "backward", ("backward", "reverse")),
    ("max_memory", 0, ("0",)), ("argnums", 7, ("7",)),
])  # fmt: skip
def test_settings_that_make_no_sense(transform, setting, given, words):
    refused(lambda: transform(np.sum, **{setting: given})(V), (TypeError, ValueError), setting, *words)


def test_orders_that_make_no_sense():
    for order in (0, -1, 1.5, "2", True):
        refused(lambda order=order: dd.derivative(np.sin, order=order)(1.0), (TypeError, ValueError), "order")


def test_words_that_do_not_exist_are_typing_errors():
    for transform in (dd.grad, dd.jacobian, dd.hessian, dd.derivative):
        with pytest.raises(TypeError):
            transform(np.sin, no_such_setting=1)


# Lost tangents ------------------------------------------------------------------------------------------------------

ROOM = ("np.zeros_like", "like=")  # the cure: one of these is named
PLAIN = ("np.", "dualdiff.value", "dd.value")


def into(target, index, source):
    def f(x):
        z = target()
        z[index] = source(x)
        return z

    return f


LOST = [
    ("float()", lambda x: float(x[0]), ("float", PLAIN)),
    ("int()", lambda x: int(x[0]), ("int", PLAIN)),
    ("complex()", lambda x: complex(x[0]), ("complex", PLAIN)),
    ("math.sin", lambda x: math.sin(x[0]), (("np.sin",),)),
    ("math.sqrt", lambda x: math.sqrt(x[1]), (PLAIN,)),
    ("math.fsum", lambda x: math.fsum(x), (PLAIN,)),
    ("float() of a 0-d array", lambda x: float(np.sum(x)), ("float",)),
    ("scalar into zeros", into(lambda: np.zeros(3), 0, lambda x: x[0]), (ROOM,)),
    ("scalar into empty", into(lambda: np.empty(3), 0, lambda x: x[0]), (ROOM,)),
    ("scalar into integers", into(lambda: np.zeros(3, int), 0, lambda x: x[0]), (ROOM,)),
    ("scalar into float32", into(lambda: np.zeros(3, np.float32), 0, lambda x: x[0]), (ROOM,)),
    ("scalar into a slice", into(lambda: np.zeros(3), slice(0, 2), lambda x: x[0]), (ROOM,)),
    ("array into zeros", into(lambda: np.zeros(3), slice(None), lambda x: x), (ROOM,)),
    ("array into a row", into(lambda: np.zeros((2, 3)), 1, lambda x: x), (ROOM,)),
    ("array through a mask", into(lambda: np.zeros(3), np.array([True, False, True]), lambda x: x[:2]), (ROOM,)),
    ("list into zeros", into(lambda: np.zeros(2), slice(None), lambda x: [x[0], x[1]]), (ROOM,)),
    ("asarray with a dtype", lambda x: np.asarray(x, dtype=float) * 2, ("dtype",)),
    ("array with a dtype", lambda x: np.array(x, dtype=np.float32) * 2, ("dtype",)),
    ("list with a dtype", lambda x: np.array([x[0], x[1]], dtype=float) * 2, (PLAIN,)),
    ("out= plain", lambda x: np.add(x, 1.0, out=np.zeros(3)), ("out",)),
    ("out= plain, by position", lambda x: np.exp(x, np.zeros(3)), ("out",)),
    ("reduce with out= plain", lambda x: np.add.reduce(x[None], out=np.zeros(3)), ("out",)),
    ("sum with out= plain", lambda x: np.sum(x[None], axis=0, out=np.zeros(3)), ("out",)),
    ("dot with out= plain", lambda x: np.dot(np.eye(3), x, out=np.zeros(3)), ("out",)),
    ("+= of a plain array", lambda x: operator_iadd(np.zeros(3), x), (ROOM,)),
    ("add.at of a plain array", lambda x: np.add.at(np.zeros(3), [0], x[:1]), ()),
    ("copyto a plain array", lambda x: np.copyto(np.zeros(3), x), ()),
    ("fill of a plain array", lambda x: np.zeros(3).fill(x[0]), ()),
    ("bitwise function", lambda x: np.bitwise_and(x, 1), ("bitwise_and",)),
    ("unsupported function", lambda x: np.packbits(x), ("packbits",)),
]  # fmt: skip


def operator_iadd(z, x):
    z += x
    return z


@pytest.mark.parametrize("name, f, words", LOST, ids=[case[0] for case in LOST])
@pytest.mark.parametrize("transform", (dd.jacobian, dd.hessian, lambda f: dd.jacobian(dd.jacobian(f))),
                         ids=("jacobian", "hessian", "nested"))
def test_lost_tangents(transform, name, f, words):
    refused(lambda: transform(f)(V), TypeError, *words)


SCALAR_LOST = [case for case in LOST if case[0] in ("float()", "int()", "complex()", "math.sin", "scalar into zeros")]


@pytest.mark.parametrize("name, f, words", SCALAR_LOST, ids=[case[0] for case in SCALAR_LOST])
def test_lost_tangents_of_scalars(name, f, words):
    refused(lambda: dd.derivative(lambda x: f([x, x]))(2.0), TypeError, *words)
    refused(lambda: dd.derivative(lambda x: f([x, x]), order=2)(2.0), TypeError, *words)
    refused(lambda: dd.grad(f)([1.0, 2.0]), TypeError, *words)
    refused(lambda: f([dd.Dual(2.0, 1.0)]), TypeError, *words)
    refused(lambda: f([dd.HyperDual(2.0, 1.0, 1.0)]), TypeError, *words)


def test_plain_arrays_survive_a_refusal():
    z = np.zeros(3)

    def f(x):
        z[0] = x[0]
        return z

    refused(lambda: dd.jacobian(f)(V), TypeError)
    refused(lambda: dd.jacobian(lambda x: np.add(x, 1.0, out=z))(V), TypeError)
    assert z.tolist() == [0.0, 0.0, 0.0]


CURES = [
    ("zeros_like", lambda x: np.zeros_like(x)),
    ("zeros with like=", lambda x: np.zeros(3, like=x)),
    ("empty with like=", lambda x: np.empty(3, like=x)),
    ("ones with like=", lambda x: np.ones(3, like=x)),
    ("full with like=", lambda x: np.full(3, 7.0, like=x)),
    ("full_like", lambda x: np.full_like(x, 0.0)),
    ("array with like=", lambda x: np.array([0.0, 0.0, 0.0], like=x)),
    ("copy", lambda x: x.copy()),
    ("object array", lambda x: np.zeros(3, dtype=object)),
    ("zeros with like= a scalar", lambda x: np.zeros(3, like=x[0])),
]


@pytest.mark.parametrize("name, make", CURES, ids=[name for name, _ in CURES])
def test_the_cures_work(name, make):
    def f(x):
        z = make(x)
        z[0] = x[0] * x[2]
        z[1] = 5.0
        z[2:] = x[1:2] ** 2
        return z

    assert dd.jacobian(f)(V).tolist() == [[3.0, 0.0, 1.0], [0.0, 0.0, 0.0], [0.0, 4.0, 0.0]]
    hessian = dd.hessian(f)(V)
    assert hessian[0, 0, 2] == hessian[0, 2, 0] == 1.0 and hessian[2, 1, 1] == 2.0 and hessian.sum() == 4.0
    assert dd.jacobian(dd.jacobian(f))(V).tolist() == hessian.tolist()


def test_the_other_cures_work():
    assert dd.derivative(lambda x: x * float(dd.value(x)))(3.0) == 3.0
    assert dd.jacobian(lambda x: np.asarray(x) * 2)(V).tolist() == (2 * np.eye(3)).tolist()
    assert dd.jacobian(lambda x: np.add(x, 1.0, out=np.zeros_like(x)))(V).tolist() == np.eye(3).tolist()


def test_unsupported_function_says_how_to_go_on():
    def mystery(x):
        """Dispatched as NumPy's functions are; nobody gave it a rule."""
        return x.__array_function__(mystery, (type(x),), (x,), {})

    for call in (lambda: dd.jacobian(mystery)(V), lambda: dd.hessian(mystery)(V), lambda: dd.derivative(mystery)(2.0)):
        refused(call, dd.UnsupportedFunctionError, "mystery", ("custom_jvp", "elementwise"))
    refused(lambda: dd.jacobian(lambda x: np.gcd(x, 2))(V), TypeError, "gcd")


def test_truth_value_and_hash():
    with pytest.raises(ValueError, match="ambiguous"):  # by NumPy: v > 0 is a plain array
        dd.jacobian(lambda v: v if v > 0 else -v)(V)
    refused(lambda: dd.jacobian(lambda v: v if np.all(v > 0) and v else -v)(V), ValueError, "ambiguous")
    refused(lambda: dd.derivative(lambda x: {x: 1}[x])(2.0), TypeError, "hash")
    refused(lambda: dd.jacobian(lambda x: hash(x))(V), TypeError, "hash")


def test_indices_must_be_integers():
    with pytest.raises((TypeError, IndexError)):
        dd.derivative(lambda x: np.arange(5.0)[x])(2.0)
    with pytest.raises(TypeError):
        dd.derivative(lambda x: [1.0, 2.0, 3.0][x])(2.0)
    with pytest.raises(TypeError):
        dd.derivative(lambda x: sum(range(x)))(2.0)


def test_errors_leave_the_library_usable():
    for case in LOST:
        with pytest.raises(TypeError):
            dd.jacobian(case[1])(V)
    assert dd.jacobian(lambda x: x * x)(V).tolist() == np.diag(2 * V).tolist()
    assert dd.derivative(lambda x: x * dd.derivative(lambda y: x + y)(1.0))(1.0) == 1.0


# Every message ------------------------------------------------------------------------------------------------------

CURES = ("use", "pass", "write", "leave", "give", "return", "make", "take", "seed", "call", "drop", "decorate", "look",
         "move", "start", "keep", "build", "say", "copy", "fit", "set", "convert", "reshape", "strip", "add", "assign",
         "differentiate", "contract", "must", "join", "pickle", "pad", "perhaps", "did", "install",
         "detect")  # fmt: skip


def raised():
    """Our own errors as the sources raise them: where, and the text of the message with the values left out."""
    package = Path(dd.__file__).parent
    ours = {e.__name__ for e in vars(dd).values() if isinstance(e, type) and issubclass(e, dd.DualDiffError)}
    for path in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
                if getattr(node.exc.func, "id", "") in ours:
                    text = " ".join(n.value for n in ast.walk(node.exc.args[0]) if isinstance(n, ast.Constant)
                                    and isinstance(n.value, str))
                    yield pytest.param(text, id=f"{path.relative_to(package).as_posix()}:{node.lineno}")


MESSAGES = list(raised())


def test_the_messages_are_found():
    assert len(MESSAGES) > 80


@pytest.mark.parametrize("text", MESSAGES)
def test_every_message_names_a_cure(text):
    words = set(re.findall(r"[a-z]+", text.lower()))
    assert words & set(CURES), f"what is the reader to do? {text}"


def test_a_conversion_says_where_numbers_are_lost_and_what_to_write():
    for x in (dd.Dual(1.0, 1.0), dd.DualArray([1.0], [[1.0]])):
        refused(lambda x=x: float(x), TypeError, type(x).__name__, "np.sin", "like=x", "numpy_aware", "dualdiff.scipy",
                "dualdiff.value")  # fmt: skip


def test_what_is_differentiated_goes_by_position():
    refused(lambda: dd.grad(np.sum)(x=V), TypeError, "by position")


def test_arguments_that_a_function_has_not():
    refused(lambda: dd.relu(1.0, 2.0), TypeError, "relu", "x alone", "2 arguments")
    refused(lambda: dd.leaky_relu(1.0, slop=2.0), TypeError, "leaky_relu", "x and slope", "found slop")
