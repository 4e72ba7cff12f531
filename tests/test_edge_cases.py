"""Every row of `edge_cases` on every route: scalars, entries of arrays, duals, hyper-duals, nested derivatives."""

import contextlib
import copy
import warnings

import numpy as np
import pytest
from edge_cases import (
    ALL,
    LATER,
    QUIET,
    SYMMETRIC_POINT,
    Any,
    Array,
    Direction,
    Form,
    Number,
    Refused,
    agrees,
    assert_agrees,
    rows,
    seven,
)

import dualdiff as dd


def by_name(row):
    return row.name


def parts(y, *names):
    """Parts of a number made by hand; a result without a part is a constant."""
    if isinstance(y, (list, tuple)):
        y = np.array(y, dtype=object)
    if isinstance(y, np.ndarray) and y.dtype == object:
        y = dd.pack(y)
    return [np.asarray(getattr(y, name, 0.0)) for name in names]


def first_entry(a):
    return np.ravel(a)[0]


def pair(row):
    return np.array([row.x, row.beside], dtype=float)


def hyper_pair(row, seed):
    seed = np.array([seed], dtype=float)
    return dd.HyperDualArray(pair(row), seed, seed, np.zeros((1, 1, 2)))


# Routes: how a derivative of a function of one number is reached. The first argument is f, the second the row.

FIRST = {
    "derivative": lambda f, row: dd.derivative(f)(row.x),
    "grad": lambda f, row: dd.grad(f)(row.x),
    "jvp": lambda f, row: dd.jvp(f, (row.x,), (1.0,))[1],
    "dual": lambda f, row: first_entry(parts(f(dd.Dual(row.x, 1.0)), "tangent")[0]),
    "hyper-dual, e1": lambda f, row: first_entry(parts(f(dd.HyperDual(row.x, 1.0, 1.0)), "e1")[0]),
    "hyper-dual, e2": lambda f, row: first_entry(parts(f(dd.HyperDual(row.x, [0.0], [1.0])), "e2")[0]),
    "inside a derivative": lambda f, row: dd.jvp(dd.derivative(f), (row.x,), (1.0,))[0],
    "0-d array": lambda f, row: dd.derivative(f)(np.array(float(row.x))),
}
FIRST_IN_ARRAYS = {
    "entry": lambda f, row: dd.derivative(f)(pair(row))[0],
    "diagonal of the Jacobian": lambda f, row: dd.jacobian(f)(pair(row))[0, 0],
    "entry of a hyper-dual": lambda f, row: parts(f(hyper_pair(row, [1, 0])), "e1")[0][0, 0],
}
SECOND = {
    "order=2": lambda f, row: dd.derivative(f, order=2)(row.x),
    "hessian": lambda f, row: dd.hessian(f)(row.x),
    "derivative of a derivative": lambda f, row: dd.derivative(dd.derivative(f))(row.x),
    "jacobian of a gradient": lambda f, row: dd.jacobian(dd.grad(f))(row.x),
    "hyper-dual": lambda f, row: first_entry(parts(f(dd.HyperDual(row.x, 1.0, 1.0)), "e12")[0]),
    "hyper-dual, unequal seeds": lambda f, row: 0.5 * first_entry(parts(f(dd.HyperDual(row.x, 1.0, 2.0)), "e12")[0]),
    "0-d array": lambda f, row: dd.derivative(f, order=2)(np.array(float(row.x))),
}
SECOND_IN_ARRAYS = {
    "entry": lambda f, row: dd.derivative(f, order=2)(pair(row))[0],
    "entry, nested": lambda f, row: dd.derivative(dd.derivative(f))(pair(row))[0],
    "diagonal of the Hessian": lambda f, row: dd.hessian(f)(pair(row))[0, 0, 0],
    "entry of a hyper-dual": lambda f, row: parts(f(hyper_pair(row, [1, 0])), "e12")[0][0, 0, 0],
}


def numbers(order):
    """Row, name of the route and route, for all rows of a number that promise this order."""
    everywhere, in_arrays = ((FIRST, FIRST_IN_ARRAYS), (SECOND, SECOND_IN_ARRAYS))[order - 1]
    for row in rows(Number):
        if (row.first, row.second)[order - 1] is not None:
            for name, route in {**everywhere, **(in_arrays if row.elementwise else {})}.items():
                if row.prepare and "dual" in name:
                    continue  # the promise is about a later call of a transform, and this is none
                yield pytest.param(row, route, id=f"{row.name}-{name}")


@contextlib.contextmanager
def forgiven(row):
    """An error of the family is as good as the figure where the row says so."""
    try:
        yield
    except dd.DualDiffError:
        if not row.or_error:
            raise


@pytest.mark.parametrize("row, route", list(numbers(1)))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_first_derivative_of_a_number(row, route):
    with forgiven(row):
        assert_agrees(route(row.function(), row), row.first, 1, row)


@pytest.mark.parametrize("row, route", list(numbers(2)))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_second_derivative_of_a_number(row, route):
    with forgiven(row):
        assert_agrees(route(row.function(), row), row.second, 2, row)


PURE = [row for row in rows(Number) if not row.or_error]


@pytest.mark.parametrize("row", PURE, ids=by_name)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_value_is_that_of_numpy(row):
    want = row.f(np.float64(row.x))
    by_hyper_dual = row.f(dd.HyperDual(row.x, 1.0, 1.0))
    for got in (dd.jvp(row.f, (row.x,), (1.0,))[0], dd.value(by_hyper_dual)):
        assert np.shape(got) == ()
        assert np.isnan(got) if np.isnan(want) else abs(float(got) - want) <= 4 * np.spacing(abs(want))


# The strong zero: exact zeros of tangents stay exact zeros, whatever the local derivative is ------------------------


def double(figure):
    return Any(*(2 * f for f in figure.figures)) if isinstance(figure, Any) else 2 * figure


@pytest.mark.parametrize("row", PURE, ids=by_name)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_components_of_a_scalar_stay_apart(row):
    (tangent,) = parts(row.f(dd.Dual(row.x, [1.0, 0.0, 2.0])), "tangent")
    if tangent.ndim == 0:  # a constant came back
        tangent = np.full(3, float(tangent))
    assert_agrees(tangent, [row.first, 0, double(row.first)], 1, row)


@pytest.mark.parametrize("row", [row for row in PURE if row.second is not None], ids=by_name)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_second_order_components_of_a_scalar_stay_apart(row):
    for e1, e2 in (([1.0, 0.0], [1.0, 0.0]), ([1.0], [1.0, 0.0]), ([0.0, 1.0], [0.0, 0.0, 1.0])):
        (e12,) = parts(row.f(dd.HyperDual(row.x, e1, e2)), "e12")
        if e12.ndim == 0:
            e12 = np.full((len(e1), len(e2)), float(e12))
        want = [[row.second if a and b else 0 for b in e2] for a in e1]
        assert_agrees(e12, want, 2, row)


@pytest.mark.parametrize("row", [row for row in PURE if row.elementwise], ids=by_name)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_neighbour_without_tangent_stays_zero(row):
    harmless = dd.derivative(row.f)(row.beside)
    y, ydot = dd.jvp(row.f, (pair(row),), (np.array([1.0, 0.0]),))
    assert agrees(ydot[0], row.first, 1, row.accuracy, row.unit[0])
    assert ydot[1] == 0.0
    y, ydot = dd.jvp(row.f, (pair(row),), (np.array([0.0, 1.0]),))
    assert ydot[0] == 0.0, "the hard point has no tangent here"
    assert abs(ydot[1] - harmless) <= 4 * np.spacing(abs(harmless))
    y, ydot = dd.jvp(row.f, (pair(row),), (np.eye(2),))
    assert ydot[0, 1] == ydot[1, 0] == 0.0


@pytest.mark.parametrize("row", [row for row in PURE if row.elementwise], ids=by_name)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_neighbour_without_tangent_stays_zero_at_second_order(row):
    harmless = dd.derivative(row.f, order=2)(row.beside)
    (e12,) = parts(row.f(hyper_pair(row, [1, 0])), "e12")
    assert e12.ndim == 0 or e12[0, 0, 1] == 0.0
    e1, e12 = parts(row.f(hyper_pair(row, [0, 1])), "e1", "e12")
    if e12.ndim:
        assert e1[0, 0] == 0.0 and e12[0, 0, 0] == 0.0, "the hard point has no tangent here"
        assert abs(e12[0, 0, 1] - harmless) <= 8 * np.spacing(abs(harmless)) + 1e-300
    nested = dd.jvp(lambda x: dd.jvp(row.f, (x,), (np.array([0.0, 1.0]),))[1], (pair(row),), (np.array([0.0, 1.0]),))[1]
    assert nested[0] == 0.0


# Arrays -------------------------------------------------------------------------------------------------------------


def seeds(v):
    return np.eye(v.size).reshape(v.size, *v.shape)


def seeds_last(tangent, v, times=1):
    """``(n, ..., *out)`` made ``(*out, *v.shape, ...)``."""
    tangent = np.moveaxis(tangent, range(times), range(-times, 0))
    return tangent.reshape(tangent.shape[:-times] + v.shape * times)


def hyper_by_hand(f, v):
    seed = seeds(v.astype(float))
    return f(dd.HyperDualArray(v.astype(float), seed, seed.copy(), np.zeros((v.size, v.size, *v.shape))))


FIRST_OF_ARRAYS = {
    "jacobian": lambda f, v: dd.jacobian(f)(v),
    "value_and_jacobian": lambda f, v: dd.value_and_jacobian(f)(v)[1],
    "one column at a time": lambda f, v: dd.jacobian(f, chunk_size=1)(v),
    "jvp": lambda f, v: seeds_last(dd.jvp(f, (v.astype(float),), (seeds(v),))[1], v),
    "dual array": lambda f, v: seeds_last(parts(f(dd.DualArray(v.astype(float), seeds(v))), "tangent")[0], v),
    "hyper-dual array, e1": lambda f, v: seeds_last(parts(hyper_by_hand(f, v), "e1")[0], v),
    "hyper-dual array, e2": lambda f, v: seeds_last(parts(hyper_by_hand(f, v), "e2")[0], v),
}
SECOND_OF_ARRAYS = {
    "hessian": lambda f, v: dd.hessian(f)(v),
    "one column at a time": lambda f, v: dd.hessian(f, chunk_size=1)(v),
    "jacobian of a Jacobian": lambda f, v: dd.jacobian(dd.jacobian(f))(v),
    "hyper-dual array": lambda f, v: seeds_last(parts(hyper_by_hand(f, v), "e12")[0], v, 2),
}


def arrays(order):
    for row in rows(Array):
        routes = dict((FIRST_OF_ARRAYS, SECOND_OF_ARRAYS)[order - 1])
        want = (row.first, row.second)[order - 1]
        if want is None:
            continue
        if row.name == "constant result":  # nothing that was made by hand comes back
            routes = {name: route for name, route in routes.items() if "array" not in name}
        if np.ndim(row.first) == row.point().ndim:
            if order == 1:
                routes["grad"] = lambda f, v: dd.grad(f)(v)
                routes["value_grad_and_hessian"] = lambda f, v: dd.value_grad_and_hessian(f)(v)[1]
            else:
                routes["jacobian of a gradient"] = lambda f, v: dd.jacobian(dd.grad(f))(v)
                routes["value_grad_and_hessian"] = lambda f, v: dd.value_grad_and_hessian(f)(v)[2]
        if row.by_index:
            call = ("jacobian", "hessian")[order - 1]
            routes["list of numbers"] = lambda f, v, call=call: getattr(dd, call)(f)(v.tolist())
        for name, route in routes.items():
            yield pytest.param(row, route, id=f"{row.name}-{name}")


@pytest.mark.parametrize("row, route", list(arrays(1)))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_first_derivative_of_an_array(row, route):
    v = row.point()
    with forgiven(row):
        assert_agrees(route(row.f, v), row.first, 1, row)
    np.testing.assert_array_equal(v, row.point())


@pytest.mark.parametrize("row, route", list(arrays(2)))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_second_derivative_of_an_array(row, route):
    v = row.point()
    with forgiven(row):
        assert_agrees(route(row.f, v), row.second, 2, row)
    np.testing.assert_array_equal(v, row.point())


# Directions, shapes, errors -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", rows(Direction), ids=by_name)
def test_direction(row):
    for x, tangent in ((row.x, row.tangent), (np.array([row.x]), np.array([row.tangent]))):
        y, ydot = dd.jvp(row.f, (x,), (tangent,))
        assert np.shape(y) == np.shape(ydot) == np.shape(x)
        assert agrees(np.ravel(y)[0], row.value, 1)
        assert agrees(np.ravel(ydot)[0], row.first, 1)
    (tangent,) = parts(row.f(dd.Dual(row.x, [row.tangent])), "tangent")
    assert agrees(first_entry(tangent), row.first, 1)


@pytest.mark.parametrize("row", rows(Form), ids=by_name)
def test_form(row):
    before = copy.copy(row.x)
    first = np.asarray(getattr(dd, row.call)(row.f)(row.x))
    assert first.dtype == row.dtype
    assert first.shape == row.first_shape
    if row.first is not None:
        np.testing.assert_allclose(first, row.first, rtol=4 * np.finfo(row.dtype).eps)
    if row.second_shape is not None:
        second = dd.hessian(row.f)(row.x) if row.call == "jacobian" else dd.derivative(row.f, order=2)(row.x)
        second = np.asarray(second)
        assert second.dtype == row.dtype
        assert second.shape == row.second_shape
        if row.second is not None:
            np.testing.assert_allclose(second, row.second, rtol=8 * np.finfo(row.dtype).eps)
    np.testing.assert_array_equal(row.x, before)


def refusals():
    for row in rows(Refused):
        yield pytest.param(row, lambda row: getattr(dd, row.call)(row.f), id=f"{row.name}-{row.call}")
        if row.call == "jacobian":
            yield pytest.param(row, lambda row: dd.hessian(row.f), id=f"{row.name}-hessian")
            yield pytest.param(row, lambda row: dd.jacobian(dd.jacobian(row.f)), id=f"{row.name}-nested")
        if row.call == "derivative":
            yield pytest.param(row, lambda row: dd.derivative(row.f, order=2), id=f"{row.name}-order=2")


@pytest.mark.parametrize("row, call", list(refusals()))
def test_refused(row, call):
    x = np.array(row.x) if isinstance(row.x, list) else row.x
    with pytest.raises(row.builtin if row.of_numpy else dd.DualDiffError) as caught:
        call(row)(x)
    assert isinstance(caught.value, row.builtin)
    message = str(caught.value)
    assert all(word in message for word in row.words), message
    assert not row.one_of or any(word in message for word in row.one_of), message


def test_mirror_image():
    v = np.array(SYMMETRIC_POINT)
    for hessian in (dd.hessian(seven)(v), dd.hessian(seven, chunk_size=3)(v), dd.value_grad_and_hessian(seven)(v)[2]):
        assert hessian.shape == (7, 7)
        assert np.isfinite(hessian).all()
        np.testing.assert_array_equal(hessian, hessian.T)


# Silence: where NumPy says nothing, neither do derivatives ----------------------------------------------------------


def numpy_is_silent(f, x):
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        f(x)
    return not heard


def call_routes(row):
    """All routes of a row as functions without arguments, and the plain points that they evaluate."""
    if isinstance(row, Number):
        points = [np.float64(row.x)]
        chosen = [FIRST, SECOND if row.second is not None else {}]
        if row.elementwise:
            points.append(pair(row))
            chosen += [FIRST_IN_ARRAYS, SECOND_IN_ARRAYS if row.second is not None else {}]
        return points, {name: (lambda route=route: route(row.f, row)) for d in chosen for name, route in d.items()}
    chosen = [FIRST_OF_ARRAYS, SECOND_OF_ARRAYS if row.second is not None else {}]
    if row.name == "constant result":
        return [row.point().astype(float)], {"jacobian": lambda: dd.jacobian(row.f)(row.point())}
    return [row.point().astype(float)], {
        name: (lambda route=route: route(row.f, row.point())) for d in chosen for name, route in d.items()
    }


def quiet_rows():
    """The rows at whose points plain NumPy says nothing."""
    for row in rows((Number, Array)):
        if not row.or_error and all(numpy_is_silent(row.f, point) for point in call_routes(row)[0]):
            yield row


QUIET_ROWS = list(quiet_rows())


@pytest.mark.parametrize("row", QUIET_ROWS, ids=by_name)
def test_no_warning_of_our_own(row):
    _, routes = call_routes(row)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for route in routes.values():
            route()


@pytest.mark.parametrize("row", QUIET_ROWS, ids=by_name)
def test_no_floating_point_error_of_our_own(row):
    _, routes = call_routes(row)
    with np.errstate(invalid="raise", divide="raise", over="raise"):
        for route in routes.values():
            route()


@pytest.mark.parametrize("name, x", [("log", -1.0), ("sqrt", -1.0), ("arctanh", 2.0), ("log", 0.0)])
def test_warnings_of_numpy_remain(name, x):
    f = getattr(np, name)
    for point in (x, np.array([x, 0.5])):
        with pytest.warns(RuntimeWarning):
            dd.derivative(f)(point)
        with pytest.warns(RuntimeWarning):
            dd.derivative(f, order=2)(point)


@pytest.mark.parametrize("name, f, ndim", QUIET, ids=[name for name, _, _ in QUIET])
def test_guarded_points_are_quiet(name, f, ndim):
    with warnings.catch_warnings(), np.errstate(all="raise", under="ignore"):
        warnings.simplefilter("error")
        for x in [0.0, np.zeros(3)] if ndim == 0 else [np.zeros(3)]:
            if ndim == 0:
                dd.derivative(f)(x)
                dd.derivative(f, order=2)(x)
            dd.jacobian(f)(x)
            dd.hessian(f)(x)
            dd.jacobian(dd.jacobian(f))(x)


# The data themselves ------------------------------------------------------------------------------------------------


def test_rows_have_names_of_their_own():
    names = [row.name for row in ALL]
    assert len(set(names)) == len(names)
    assert all(row.why for row in ALL)


def test_what_comes_later_is_stated():
    needs = {getattr(row, "needs", "") for row in ALL} - {""}
    assert needs == set(LATER)
    assert all(LATER.values())


def test_comparison_can_fail():
    row = Number("", None, 0.0, 0, 0, "")
    for got, want in ((1.0, 1.0 + 1e-12), (0.0, float("nan")), (1e-300, 0), (float("inf"), 1.5), (1.0, Any(0.0, 2.0))):
        with pytest.raises(AssertionError):
            assert_agrees(got, want, 1, row)
    with pytest.raises(AssertionError):
        assert_agrees(np.zeros(2), np.zeros((2, 1)), 1, row)
