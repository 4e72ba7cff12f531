"""`DualArray` and `HyperDualArray`: operators, ufuncs, views, assignment, methods, NumPy's everyday functions."""

import copy
import math
import operator
import pickle
import warnings

import numpy as np
import pytest
from problems import TOLERANCES, assert_close, numdiff, numdiff2, point

import dualdiff as dd


def planes(k, shape, seed=0):
    return np.random.default_rng((seed, k)).uniform(-1.0, 1.0, (k, *shape))


def dual(*shape, k=2, seed=0, low=0.4, high=1.6):
    """A dual array, its value and its tangent."""
    value, tangent = point(seed, *shape, low=low, high=high), planes(k, shape, seed)
    return dd.DualArray(value, tangent), value, tangent


def hyper(*shape, k1=2, k2=3, seed=0):
    value, e1, e2 = point(seed, *shape), planes(k1, shape, seed), planes(k2, shape, seed + 1)
    e12 = planes(k1 * k2, shape, seed + 2).reshape(k1, k2, *shape)
    return dd.HyperDualArray(value, e1, e2, e12), value, e1, e2, e12


def check(z, value, tangent, rtol=4e-15):
    """z is dual with this value and tangent."""
    assert isinstance(z, (dd.DualArray, dd.Dual))
    value, tangent = np.asarray(value), np.asarray(tangent)
    assert np.shape(z) == value.shape and z.tangent.shape == tangent.shape
    np.testing.assert_allclose(z.value, value, rtol=rtol, atol=1e-300)
    np.testing.assert_allclose(z.tangent, tangent, rtol=rtol, atol=rtol * np.abs(tangent).max(initial=0.0))


def check_hyper(z, value, e1, e2, e12, rtol=8e-15):
    for got, want in zip((z.value, z.e1, z.e2, z.e12), (value, e1, e2, e12), strict=True):
        assert np.shape(got) == np.shape(want)
        np.testing.assert_allclose(got, want, rtol=rtol, atol=rtol * np.abs(want).max(initial=0.0))


# Construction -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", (1, 2, 5, 12, 13, 40))
@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 3), (0,), (2, 0, 3)])
def test_parts_as_given(k, shape):
    x, value, tangent = dual(*shape, k=k)
    assert x.shape == shape and x.ndim == len(shape) and x.size == value.size and x.dtype == np.float64
    np.testing.assert_array_equal(x.value, value)
    np.testing.assert_array_equal(x.tangent, tangent)


@pytest.mark.parametrize("k1, k2", [(1, 1), (2, 2), (3, 1), (4, 13)])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0,)])
def test_hyper_parts_as_given(k1, k2, shape):
    x, *parts = hyper(*shape, k1=k1, k2=k2)
    assert x.shape == shape and x.ndim == len(shape)
    check_hyper(x, *parts, rtol=0.0)


def test_equal_seeds_and_a_crooked_second_order_part():
    seed = planes(2, (3,))
    e12 = planes(4, (3,)).reshape(2, 2, 3)
    check_hyper(dd.HyperDualArray(np.ones(3), seed, seed, e12), np.ones(3), seed, seed, e12, rtol=0.0)


def test_integers_are_promoted():
    x = dd.DualArray(np.array([1, 2]), np.array([[1, 0]]))
    assert x.dtype == x.value.dtype == x.tangent.dtype == np.float64
    assert dd.DualArray([1, 2], [[1, 0]]).dtype == np.float64


def test_given_arrays_are_not_written_to():
    value, tangent = point(0, 3), planes(2, (3,))
    kept = value.copy(), tangent.copy()
    x = dd.DualArray(value, tangent)
    x *= 3.0
    x[0] = 7.0
    np.testing.assert_array_equal(value, kept[0])
    np.testing.assert_array_equal(tangent, kept[1])
    value[:] = -1.0
    tangent[:] = -1.0
    check(x[1:], 3 * kept[0][1:], 3 * kept[1][:, 1:])


@pytest.mark.parametrize("make, found", [
    (lambda: dd.DualArray(np.ones(3), np.ones(3)), r"\(3,\)"),
    (lambda: dd.DualArray(np.ones(3), np.ones((2, 4))), r"\(2, 4\)"),
    (lambda: dd.DualArray(np.ones((2, 3)), np.ones((1, 3, 2))), r"\(1, 3, 2\)"),
    (lambda: dd.HyperDualArray(np.ones(3), np.ones((2, 3)), np.ones((2, 3)), np.ones((2, 3))), r"\(2, 3\)"),
    (lambda: dd.HyperDualArray(np.ones(3), np.ones((2, 3)), np.ones((1, 3)), np.ones((1, 2, 3))), r"\(1, 2"),
])  # fmt: skip
def test_parts_that_do_not_fit(make, found):
    with pytest.raises(dd.DualDiffError, match=found) as caught:
        make()
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("value", [np.array(["a", "b"]), np.array([None, 1]), np.array([True, False])])
def test_values_that_cannot_be_differentiated(value):
    with pytest.raises(dd.DualDiffError) as caught:
        dd.DualArray(value, np.ones((1, 2)))
    assert isinstance(caught.value, TypeError)
    assert str(value.dtype) in str(caught.value)


# Operators and broadcasting -----------------------------------------------------------------------------------------

OPERATORS = {
    # operator: fx, fy, fxx, fxy, fyy
    operator.add: lambda x, y: (1.0, 1.0, 0.0, 0.0, 0.0),
    operator.sub: lambda x, y: (1.0, -1.0, 0.0, 0.0, 0.0),
    operator.mul: lambda x, y: (y, x, 0.0, 1.0, 0.0),
    operator.truediv: lambda x, y: (1 / y, -x / y**2, 0.0, -1 / y**2, 2 * x / y**3),
    operator.pow: lambda x, y: (y * x ** (y - 1), np.log(x) * x**y, y * (y - 1) * x ** (y - 2),
                                x ** (y - 1) * (1 + y * np.log(x)), np.log(x) ** 2 * x**y),
    operator.mod: lambda x, y: (1.0, -np.floor(x / y), 0.0, 0.0, 0.0),
    operator.floordiv: lambda x, y: (0.0, 0.0, 0.0, 0.0, 0.0),
    np.hypot: lambda x, y: (x / np.hypot(x, y), y / np.hypot(x, y), y**2 / np.hypot(x, y) ** 3,
                            -x * y / np.hypot(x, y) ** 3, x**2 / np.hypot(x, y) ** 3),
    np.maximum: lambda x, y: (1.0 * (x > y), 1.0 * (y > x), 0.0, 0.0, 0.0),
}
SHAPES = [((3,), ()), ((), (3,)), ((2, 3), (3,)), ((3,), (2, 3)), ((2, 1), (1, 3)), ((1,), (3,)), ((2, 3), (2, 3)),
          ((4, 1, 3), (2, 1)), ((0,), (1,)), ((2, 0), (2, 1))]  # fmt: skip
BY_NAME = {"ids": lambda op: getattr(op, "__name__", repr(op))}


def spread(planes, value, shape):
    """Planes of an operand, broadcast behind their plane axes."""
    lead = planes.ndim - value.ndim
    planes = planes.reshape(planes.shape[:lead] + (1,) * (len(shape) - value.ndim) + value.shape)
    return np.broadcast_to(planes, planes.shape[:lead] + shape)


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
@pytest.mark.parametrize("op", OPERATORS, **BY_NAME)
def test_operators_broadcast_in_both_directions(op, shapes):
    (x, a, s), (y, b, t) = dual(*shapes[0], seed=1), dual(*shapes[1], seed=2)
    value = op(a, b)
    fx, fy, *_ = OPERATORS[op](a, b)
    dx, dy = fx * spread(s, a, value.shape), fy * spread(t, b, value.shape)
    check(op(x, y), value, dx + dy, 1e-14)
    check(op(x, b), value, dx)
    check(op(a, y), value, dy)
    np.testing.assert_array_equal(x.value, a)
    np.testing.assert_array_equal(y.tangent, t)


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
@pytest.mark.parametrize("op", OPERATORS, **BY_NAME)
def test_operators_at_second_order(op, shapes):
    x, a, a1, a2, a12 = hyper(*shapes[0], seed=1)
    y, b, b1, b2, b12 = hyper(*shapes[1], seed=4)
    value = op(a, b)
    fx, fy, fxx, fxy, fyy = OPERATORS[op](a, b)
    a1, a2, a12 = (spread(p, a, value.shape) for p in (a1, a2, a12))
    b1, b2, b12 = (spread(p, b, value.shape) for p in (b1, b2, b12))

    def product(p, q):
        return p[:, None] * q[None]

    check_hyper(op(x, y), value, fx * a1 + fy * b1, fx * a2 + fy * b2,
                fx * a12 + fy * b12 + fxx * product(a1, a2) + fyy * product(b1, b2)
                + fxy * (product(a1, b2) + product(b1, a2)), 3e-14)
    check_hyper(op(x, b), value, fx * a1, fx * a2, fx * a12 + fxx * product(a1, a2))
    check_hyper(op(a, y), value, fy * b1, fy * b2, fy * b12 + fyy * product(b1, b2))


@pytest.mark.parametrize("number", (2, 2.0, np.float64(2), np.int64(2), [2.0, 2.0, 2.0], (2, 2, 2), np.array(2)))
@pytest.mark.parametrize("op", (operator.add, operator.sub, operator.mul, operator.truediv, operator.pow), **BY_NAME)
def test_operators_with_plain_operands(op, number):
    x, a, s = dual(3)
    fx, fy, *_ = OPERATORS[op](a, 2.0)
    check(op(x, number), op(a, 2.0), fx * s)
    fx, fy, *_ = OPERATORS[op](2.0 + 0 * a, a)
    check(op(number, x), op(2.0, a), fy * s)


@pytest.mark.parametrize("op", OPERATORS, **BY_NAME)
def test_scalar_meets_array(op):
    x, a, s = dual(2, 3, seed=1)
    t = np.array([0.5, -2.0])
    y = dd.Dual(0.9, t)
    fx, fy, *_ = OPERATORS[op](a, 0.9)
    check(op(x, y), op(a, 0.9), fx * s + fy * t[:, None, None] + 0 * s, 1e-14)
    fx, fy, *_ = OPERATORS[op](0.9, a)
    check(op(y, x), op(0.9, a), fx * t[:, None, None] + fy * s + 0 * s, 1e-14)


def test_unary_operators():
    x, a, s = dual(3, low=-1.0, high=1.0)
    check(-x, -a, -s)
    check(+x, a, s)
    check(abs(x), abs(a), np.sign(a) * s)
    check(np.round(x, 1), np.round(a, 1), 0 * s)
    quotient, remainder = divmod(x, 0.3)
    check(quotient, a // 0.3, 0 * s)
    check(remainder, a % 0.3, s)


def test_matmul_operator():
    x, a, s = dual(2, 3, seed=1)
    y, b, t = dual(3, 4, seed=2)
    check(x @ y, a @ b, s @ b + a @ t, 1e-14)
    check(x @ b, a @ b, s @ b, 1e-14)
    check(a @ y, a @ b, a @ t, 1e-14)
    v, c, u = dual(3, seed=3)
    check(x @ v, a @ c, s @ c + np.einsum("ij,kj->ki", a, u), 1e-14)
    check(v @ v, c @ c, 2 * u @ c, 1e-14)
    with pytest.raises(ValueError):
        x @ x
    check(x @ np.eye(3), a, s)


def test_matmul_redoes_what_is_not_finite():
    """Strong zero: inf in the other operand touches only the planes that meet it."""
    x = dd.DualArray(np.ones((2, 2)), np.array([[[1.0, 0.0], [0.0, 0.0]]]))
    with np.errstate(all="ignore"):
        z = x @ np.array([[2.0], [np.inf]])
    np.testing.assert_array_equal(z.tangent, [[[2.0], [0.0]]])


def test_different_numbers_of_tangents():
    for op in OPERATORS:
        with pytest.raises(dd.DualDiffError) as caught:
            op(dual(3, k=2)[0], dual(3, k=5)[0])
        assert isinstance(caught.value, ValueError)
        assert "2" in str(caught.value) and "5" in str(caught.value)


def test_shapes_that_do_not_broadcast():
    with pytest.raises(ValueError):
        dual(3)[0] + dual(4)[0]
    with pytest.raises(ValueError):
        dual(3)[0] * np.ones(4)


# Memory: views, copies, layout --------------------------------------------------------------------------------------

VIEWS = {
    "slice": lambda x: x[1:],
    "step": lambda x: x[::2, ::-1],
    "row": lambda x: x[1],
    "new axis": lambda x: x[:, None],
    "ellipsis": lambda x: x[..., 1],
    "T": lambda x: x.T,
    "transpose": lambda x: x.transpose(1, 0),
    "swapaxes": lambda x: x.swapaxes(0, 1),
    "reshape": lambda x: x.reshape(2, 6),
    "reshape by method and -1": lambda x: x.reshape(-1),
    "ravel": lambda x: x.ravel(),
    "squeeze": lambda x: x[None].squeeze(),
    "np.reshape": lambda x: np.reshape(x, (6, 2)),
    "np.transpose": lambda x: np.transpose(x),
    "np.ravel": lambda x: np.ravel(x),
}
COPIES = {
    "copy": lambda x: x.copy(),
    "np.copy": lambda x: np.copy(x),
    "flatten": lambda x: x.flatten(),
    "fancy": lambda x: x[[0, 2]],
    "mask": lambda x: x[np.array([True, False, True])],
    "plus": lambda x: +x,
    "astype": lambda x: x.astype(float),
    "copy.copy": lambda x: copy.copy(x),
    "copy.deepcopy": lambda x: copy.deepcopy(x),
    "ravel of a transpose": lambda x: x.T.ravel(),
    "take": lambda x: x.take([0, 1], axis=0),
}


@pytest.mark.parametrize("name", VIEWS)
def test_views_share_memory(name):
    for cls, x, plain in ((dd.DualArray, dual(3, 4)[0], dual(3, 4)[1]), (dd.HyperDualArray, *hyper(3, 4)[:2])):
        y, z = VIEWS[name](x), VIEWS[name](plain)
        assert isinstance(y, cls) and y.shape == z.shape
        np.testing.assert_array_equal(y.value, z)
        corner = (0,) * z.ndim
        z[corner] = -5.0
        y[corner] = -5.0
        np.testing.assert_array_equal(x.value, plain)
        changed = tuple(np.argwhere(plain == -5.0)[0])
        for part in ("tangent", "e1", "e2", "e12"):
            if hasattr(x, part):
                assert not np.any(getattr(x, part)[(..., *changed)])
        x += 1.0
        plain += 1.0
        np.testing.assert_array_equal(y.value, z)
        y *= 2.0
        z *= 2.0
        np.testing.assert_array_equal(x.value, plain)


@pytest.mark.parametrize("name", COPIES)
def test_copies_do_not_share_memory(name):
    for x, *before in (dual(3, 4), hyper(3, 4)):
        y = COPIES[name](x)
        parts = ("value", "tangent") if hasattr(x, "tangent") else ("value", "e1", "e2", "e12")
        inside = [np.array(getattr(y, part)) for part in parts]
        y[(0,) * y.ndim] = -5.0
        y += 3.0
        for part, want in zip(parts, before, strict=True):
            np.testing.assert_array_equal(getattr(x, part), want)
        y = COPIES[name](x)
        x *= 7.0
        x[0, 0] = -5.0
        for part, want in zip(parts, inside, strict=True):
            np.testing.assert_array_equal(getattr(y, part), want)


def test_view_chain_of_the_first_example():
    x, a, s = dual(4)
    y = x[1:]
    y[0] = x[0] * x[2]
    a[1], s[:, 1] = a[0] * a[2], s[:, 0] * a[2] + a[0] * s[:, 2]
    check(x, a, s)
    check(y, a[1:], s[:, 1:])


def test_two_results_of_one_array_are_independent():
    x, a, s = dual(3)
    y, z = x + 0.0, x + 0.0
    y[:] = 0.0
    check(z, a, s)
    check(x, a, s)


LAYOUTS = {
    "C": lambda a: a,
    "Fortran": np.asfortranarray,
    "transposed": lambda a: np.ascontiguousarray(a.T).T,
    "strided": lambda a: np.repeat(np.repeat(a, 2, axis=-1), 3, axis=-2)[..., ::3, ::2],
    "reversed": lambda a: np.ascontiguousarray(a[..., ::-1])[..., ::-1],
    "broadcast": lambda a: np.broadcast_to(a[..., :1, :], a.shape),
    "byte-swapped": lambda a: a.astype(a.dtype.newbyteorder()),
    "unaligned": lambda a: unaligned(a),
}


def unaligned(a):
    memory = np.zeros(a.nbytes + 1, np.uint8)
    b = memory[1:].view(a.dtype).reshape(a.shape)
    b[...] = a
    return b


@pytest.mark.parametrize("name", LAYOUTS)
def test_any_layout_of_the_input(name):
    layout = LAYOUTS[name]
    a, s = layout(point(0, 3, 4)), layout(planes(2, (3, 4)))
    x = dd.DualArray(a, s)
    b = np.array(a, dtype=float)
    check(np.sin(x) * x, np.sin(b) * b, (np.cos(b) * b + np.sin(b)) * np.array(s, dtype=float))
    check(x.T @ x, b.T @ b, np.swapaxes(s, 1, 2) @ b + b.T @ s, 1e-14)
    check(x.sum(axis=0), b.sum(axis=0), np.sum(s, axis=1))
    jacobian = dd.jacobian(lambda v: np.exp(v) / 2)(a)
    np.testing.assert_allclose(jacobian.reshape(12, 12), np.diag(np.exp(b).ravel() / 2), rtol=1e-15)


@pytest.mark.parametrize("name", LAYOUTS)
def test_plain_operand_in_any_layout(name):
    x, a, s = dual(3, 4, seed=1)
    b = LAYOUTS[name](point(0, 3, 4))
    plain = np.array(b, dtype=float)
    check(x * b, a * plain, s * plain)
    check(b - x, plain - a, -s)
    check(x @ b.T, a @ plain.T, s @ plain.T, 1e-14)


def test_read_only_input():
    a = point(0, 3)
    a.flags.writeable = False
    np.testing.assert_allclose(dd.jacobian(lambda x: x * x)(a), np.diag(2 * a), rtol=1e-15)

    def in_place(x):
        x *= 2.0
        return x

    np.testing.assert_array_equal(dd.jacobian(in_place)(a), 2 * np.eye(3))
    np.testing.assert_array_equal(a, point(0, 3))


def test_broadcast_views_are_not_written_through():
    x, a, s = dual(1)
    y = np.broadcast_to(x, (3,))
    check(y, np.broadcast_to(a, 3), np.broadcast_to(s, (2, 3)))
    check(y * 2.0, 2 * np.broadcast_to(a, 3), 2 * np.broadcast_to(s, (2, 3)))


# Indexing and assignment --------------------------------------------------------------------------------------------

INDICES = [0, -1, (1, 2), slice(None), (slice(None), 1), (..., 0), None, (0, slice(1, 3)), [0, 2], ([0, 2], [1, 1]),
           np.array([[0, 1], [2, 0]]), (slice(None), [3, 0, 0]), np.eye(3, 4) > 0, (np.array([True, False, True]), 2),
           slice(5, None), ([], slice(None)), (), Ellipsis, (slice(None, None, -1), [1, 2], None)]  # fmt: skip


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_getitem(index):
    x, a, s = dual(3, 4)
    z = x[index]
    lead = index if isinstance(index, tuple) else (index,)
    planes = np.array([plane[lead] for plane in s])
    check(z, a[index], planes, 0.0)
    h, value, e1, e2, e12 = hyper(3, 4)
    z = h[index]
    np.testing.assert_array_equal(z.value, value[index])
    np.testing.assert_array_equal(z.e1, np.array([plane[lead] for plane in e1]))
    np.testing.assert_array_equal(z.e12[1, 2], e12[1, 2][lead])


@pytest.mark.parametrize("index", INDICES, ids=str)
@pytest.mark.parametrize("kind", ("number", "scalar dual", "dual array", "plain array"))
def test_setitem(index, kind):
    x, a, s = dual(3, 4)
    shape = a[index].shape
    if kind == "number":
        given, value, tangent = 7.0, 7.0, 0.0
    elif kind == "scalar dual":
        given, value, tangent = dd.Dual(7.0, [2.0, 3.0]), 7.0, np.array([2.0, 3.0]).reshape(2, *[1] * len(shape))
    elif kind == "dual array":
        given, value, tangent = dual(*shape, seed=5)
    else:
        given = value = point(5, *shape)
        tangent = 0.0
    a[index] = value
    lead = index if isinstance(index, tuple) else (index,)
    for i, plane in enumerate(s):
        plane[lead] = tangent[i] if isinstance(tangent, np.ndarray) else tangent
    x[index] = given
    check(x, a, s, 0.0)


def test_setitem_at_second_order():
    x, value, e1, e2, e12 = hyper(3)
    x[1] = dd.HyperDual(7.0, [1.0, 2.0], [3.0, 4.0, 5.0], np.ones((2, 3)))
    x[0] = 2.0
    value[:2], e1[:, 1], e2[:, 1], e12[:, :, 1] = (2.0, 7.0), [1.0, 2.0], [3.0, 4.0, 5.0], 1.0
    e1[:, 0], e2[:, 0], e12[:, :, 0] = 0.0, 0.0, 0.0
    check_hyper(x, value, e1, e2, e12, 0.0)


@pytest.mark.parametrize("target, source", [(slice(1, None), slice(None, -1)), (slice(None, -1), slice(1, None)),
                                            (slice(None), slice(None, None, -1)), ([0, 1, 2], [1, 2, 0])])
def test_overlapping_assignment(target, source):
    x, a, s = dual(5)
    if isinstance(target, list):
        x, a, s = dual(3)
    x[target] = x[source]
    a[target] = a[source].copy()
    s[:, target] = s[:, source].copy()
    check(x, a, s, 0.0)


def test_overlapping_addition():
    x, a, s = dual(5)
    x[1:] += x[:-1]
    a[1:] += a[:-1].copy()
    s[:, 1:] += s[:, :-1].copy()
    check(x, a, s)


def test_setitem_of_what_does_not_fit():
    x, *_ = dual(3)
    with pytest.raises(dd.DualDiffError):
        x[0] = dd.Dual(1.0, [1.0, 2.0, 3.0])
    with pytest.raises(ValueError):
        x[:] = np.ones(4)
    with pytest.raises(IndexError):
        x[3] = 1.0
    with pytest.raises(IndexError):
        x[3]
    with pytest.raises((TypeError, ValueError)):
        x[0] = "text"


def test_chained_assignment_by_mask():
    x, a, s = dual(6, low=-1.0, high=1.0)
    x[x < 0] = 0.0
    s[:, a < 0] = 0.0
    a[a < 0] = 0.0
    check(x, a, s, 0.0)
    x[a > 0] *= 2.0
    check(x, 2 * a, 2 * s, 0.0)


IN_PLACE = {
    operator.iadd: operator.add, operator.isub: operator.sub, operator.imul: operator.mul,
    operator.itruediv: operator.truediv, operator.ipow: operator.pow, operator.imod: operator.mod,
    operator.ifloordiv: operator.floordiv,
}  # fmt: skip


@pytest.mark.parametrize("op", IN_PLACE, **BY_NAME)
@pytest.mark.parametrize("other", ("number", "row", "dual row", "scalar dual", "itself"))
def test_in_place_operators(op, other):
    for make in (dual, hyper):
        x, expected = make(2, 3)[0], make(2, 3)[0]
        given = {
            "number": 1.5, "row": np.array([1.0, 2.0, 0.5]), "dual row": make(3, seed=9)[0],
            "scalar dual": make(3, seed=9)[0][1], "itself": None,
        }[other]  # fmt: skip
        want = IN_PLACE[op](expected, expected if other == "itself" else given)
        same = view = x
        x = op(x, x if other == "itself" else given)
        assert x is same and view is same
        for part in ("value", "tangent", "e1", "e2", "e12"):
            if hasattr(want, part):
                np.testing.assert_allclose(getattr(x, part), getattr(want, part), rtol=1e-15, atol=1e-300)


def test_in_place_does_not_broadcast_the_target():
    x, *_ = dual(3)
    with pytest.raises(ValueError):
        x += np.ones((2, 3))


# Ufunc machinery: out, where, reduce, accumulate, at, outer ---------------------------------------------------------


def test_out_of_a_dual_array():
    x, a, s = dual(3, seed=1)
    z, *_ = dual(3, seed=2)
    for result in (np.multiply(x, 2.0, out=z), np.multiply(x, 2.0, out=(z,))):
        assert result is z
        check(z, 2 * a, 2 * s)
    np.add(x, z, out=x)
    check(x, 3 * a, 3 * s)
    np.sin(x, out=x)
    check(x, np.sin(3 * a), np.cos(3 * a) * 3 * s)


@pytest.mark.parametrize("call", [
    lambda x, z: np.add(x, 1, out=z), lambda x, z: np.sin(x, out=z), lambda x, z: np.add.reduce(x[None], out=z),
    lambda x, z: x.sum(axis=0, keepdims=True, out=z[:1]), lambda x, z: np.multiply(2.0, x, z),
])  # fmt: skip
def test_out_of_a_plain_array_is_refused(call):
    for x in (dual(3)[0], hyper(3)[0]):
        z = np.zeros(3)
        with pytest.raises(dd.DualDiffError) as caught:
            call(x, z)
        assert isinstance(caught.value, TypeError)
        assert "out" in str(caught.value)
        np.testing.assert_array_equal(z, np.zeros(3))


def test_plain_array_is_not_added_to_in_place():
    z = np.zeros(3)
    with pytest.raises(dd.DualDiffError, match="zeros_like|like="):
        z += dual(3)[0]
    np.testing.assert_array_equal(z, np.zeros(3))


def test_where_of_a_ufunc():
    x, a, s = dual(4, seed=1)
    z, b, t = dual(4, seed=2)
    mask = np.array([True, False, True, False])
    result = np.exp(x, out=z, where=mask)
    assert result is z
    check(z, np.where(mask, np.exp(a), b), np.where(mask, np.exp(a) * s, t))
    total = np.add.reduce(x, where=mask)
    check(total, a[mask].sum(), s[:, mask].sum(axis=1))
    check(np.sum(x, where=mask), a[mask].sum(), s[:, mask].sum(axis=1))


REDUCTIONS = {
    "add": (np.add, lambda a, axis: np.ones_like(a)),
    "multiply": (np.multiply, lambda a, axis: np.multiply.reduce(a, axis=axis, keepdims=True) / a),
    "maximum": (np.maximum, lambda a, axis: 1.0 * (a == np.max(a, axis=axis, keepdims=True))),
    "minimum": (np.minimum, lambda a, axis: 1.0 * (a == np.min(a, axis=axis, keepdims=True))),
    "logaddexp": (np.logaddexp, lambda a, axis: np.exp(a - np.logaddexp.reduce(a, axis=axis, keepdims=True))),
}


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("axis", (0, 1, -1))
@pytest.mark.parametrize("keepdims", (False, True))
def test_reduce(name, axis, keepdims):
    ufunc, slope = REDUCTIONS[name]
    x, a, s = dual(3, 4)
    planes_axis = axis if axis < 0 else axis + 1
    want = np.sum(slope(a, axis) * s, axis=planes_axis, keepdims=keepdims)
    check(ufunc.reduce(x, axis=axis, keepdims=keepdims), ufunc.reduce(a, axis=axis, keepdims=keepdims), want, 1e-14)


def test_reduce_with_no_axis_named_takes_the_first():
    x, a, s = dual(3, 4)
    check(np.add.reduce(x), a.sum(axis=0), s.sum(axis=1), 1e-14)
    check(np.add.reduce(x, axis=None), a.sum(), s.sum(axis=(1, 2)), 1e-14)
    check(np.add.reduce(x, axis=(0, 1)), a.sum(), s.sum(axis=(1, 2)), 1e-14)
    check(np.add.reduce(x, axis=0, initial=5.0), 5.0 + a.sum(axis=0), s.sum(axis=1), 1e-14)


def test_reduce_with_ties():
    x = dd.DualArray([2.0, 2.0, 1.0], np.eye(3))
    np.testing.assert_array_equal(np.maximum.reduce(x).tangent, [0.5, 0.5, 0.0])
    x = dd.DualArray([2.0, 2.0, 2.0], np.eye(3))
    np.testing.assert_allclose(np.minimum.reduce(x).tangent, [1 / 3, 1 / 3, 1 / 3], rtol=1e-15)


def test_accumulate():
    x, a, s = dual(3, 4)
    for axis in (0, 1, -1):
        check(np.add.accumulate(x, axis=axis), np.cumsum(a, axis=axis),
              np.cumsum(s, axis=axis if axis < 0 else axis + 1), 1e-14)
    running = np.multiply.accumulate(x, axis=1)
    value = np.cumprod(a, axis=1)
    check(running, value, value * np.cumsum(s / a, axis=2), 1e-14)
    x, a, s = dual(4)
    check(np.maximum.accumulate(dd.DualArray([1.0, 3.0, 2.0], np.eye(3))), [1.0, 3.0, 3.0],
          np.array([[1, 0, 0], [0, 1, 1], [0, 0, 0]]))


def test_at():
    x, a, s = dual(4)
    y, b, t = dual(3, seed=3)
    np.add.at(x, [0, 2, 0], y)
    for i, j in enumerate((0, 2, 0)):
        a[j] += b[i]
        s[:, j] += t[:, i]
    check(x, a, s)
    np.add.at(x, ([1, 1],), 2.0)
    a[1] += 4.0
    check(x, a, s)
    np.subtract.at(x, [3], 1.0)
    a[3] -= 1.0
    check(x, a, s)
    with pytest.raises(dd.DualDiffError):
        np.add.at(np.zeros(3), [0, 1, 1], y)


def test_outer():
    (x, a, s), (y, b, t) = dual(3, seed=1), dual(2, 2, seed=2)
    product = s[:, :, None, None] * b + a[:, None, None] * t[:, None]
    check(np.multiply.outer(x, y), np.multiply.outer(a, b), product)
    check(np.add.outer(x, b), np.add.outer(a, b), np.broadcast_to(s[:, :, None, None], (2, 3, 2, 2)))
    check(np.subtract.outer(a, x), np.subtract.outer(a, a), np.broadcast_to(-s[:, None, :], (2, 3, 3)))


def test_ufuncs_with_two_results():
    x, a, s = dual(4, low=-3.0, high=3.0)
    fraction, whole = np.modf(x)
    check(fraction, np.modf(a)[0], s)
    np.testing.assert_array_equal(dd.value(whole), np.modf(a)[1])
    quotient, remainder = np.divmod(x, 0.7)
    check(remainder, a % 0.7, s)
    np.testing.assert_array_equal(dd.value(quotient), a // 0.7)


def test_predicates_are_plain():
    x = dd.DualArray([1.0, math.nan, math.inf, -2.0], np.ones((1, 4)))
    for f in (np.isnan, np.isfinite, np.isinf, np.signbit, np.logical_not):
        answer = f(x)
        assert isinstance(answer, np.ndarray) and answer.dtype == bool
        np.testing.assert_array_equal(answer, f(np.array(x.value)))


# Comparisons, truth, iteration, conversion --------------------------------------------------------------------------


COMPARISONS = (operator.lt, operator.le, operator.eq, operator.ne, operator.gt, operator.ge)


@pytest.mark.parametrize("op", COMPARISONS, **BY_NAME)
def test_comparisons_see_values(op):
    x, y = dd.DualArray([1.0, 2.0, 3.0], np.ones((1, 3))), dd.DualArray([3.0, 2.0, math.nan], -np.ones((1, 3)))
    a, b = np.array(x.value), np.array(y.value)
    for got, want in ((op(x, y), op(a, b)), (op(x, b), op(a, b)), (op(a, y), op(a, b)), (op(x, 2.0), op(a, 2.0)),
                      (op(2, x), op(2, a)), (op(x, x[1]), op(a, 2.0)), (op(hyper(3)[0], 1.0), op(hyper(3)[1], 1.0))):
        assert type(got) is np.ndarray and got.dtype == bool
        np.testing.assert_array_equal(got, want)


def test_truth_value():
    for x in (dual(3)[0], hyper(2, 2)[0]):
        with pytest.raises(ValueError, match="ambiguous") as caught:
            bool(x)
        assert isinstance(caught.value, dd.DualDiffError)
    assert bool(dd.DualArray([2.0], [[1.0]])) is True
    assert bool(dd.DualArray(0.0, [1.0])) is False


def test_iteration_and_length():
    x, a, s = dual(2, 3)
    assert len(x) == 2
    rows = list(x)
    for i, row in enumerate(rows):
        check(row, a[i], s[:, i], 0.0)
    numbers = list(rows[0])
    assert all(type(n) is dd.Dual for n in numbers)
    check(numbers[2], a[0, 2], s[:, 0, 2], 0.0)
    rows[0][0] = 5.0
    assert x.value[0, 0] == 5.0
    first, second = x
    assert first.shape == (3,)
    for nothing in (len, iter):
        with pytest.raises(TypeError):
            nothing(dd.DualArray(1.0, [1.0]))
    assert [n.value for n in reversed(dd.DualArray([1.0, 2.0], [[0.0, 0.0]]))] == [2.0, 1.0]


def test_item_and_tolist():
    x, a, s = dual(2, 3)
    for number in (x.item(4), x.item(1, 1), x.item((1, 1)), x[1, 1], dd.DualArray(a[1, 1], s[:, 1, 1]).item()):
        assert type(number) is dd.Dual
        check(number, a[1, 1], s[:, 1, 1], 0.0)
    lists = x.tolist()
    assert [[n.value for n in row] for row in lists] == a.tolist()
    assert all(type(n) is dd.Dual for row in lists for n in row)
    np.testing.assert_array_equal(lists[1][2].tangent, s[:, 1, 2])
    assert type(hyper(3)[0][0]) is dd.HyperDual
    with pytest.raises(ValueError):
        x.item()


@pytest.mark.parametrize("convert", [
    float, int, complex, math.sin, lambda x: np.asarray(x, dtype=float), lambda x: np.array(x, dtype=np.float32),
    lambda x: np.array([x, x], dtype=float), lambda x: np.zeros(2).__setitem__(0, x),
    lambda x: np.zeros(2).__setitem__(slice(None), x), lambda x: np.float64(x),
])  # fmt: skip
def test_conversions_that_would_lose_the_tangent(convert):
    for x in (dd.DualArray(2.0, [1.0]), dd.HyperDualArray(2.0, [1.0], [1.0], [[0.0]])):
        with pytest.raises(dd.DualDiffError) as caught:
            convert(x)
        assert isinstance(caught.value, TypeError)


def test_asarray_without_dtype_keeps_the_tangents():
    x, a, s = dual(2, 3)
    for b in (np.asarray(x), np.array(x), np.asarray(x, dtype=object), np.asarray(x.tolist(), dtype=object)):
        assert type(b) is np.ndarray and b.dtype == object and b.shape == (2, 3)
        assert type(b[1, 2]) is dd.Dual
        check(dd.pack(b), a, s, 0.0)
        check(dd.pack(np.sin(b) * 2), 2 * np.sin(a), 2 * np.cos(a) * s)
    h, *parts = hyper(2, 2)
    check_hyper(dd.pack(np.asarray(h)), *parts, rtol=0.0)


def test_arrays_of_scalars_are_packed():
    x, a, s = dual(3)
    b = np.array([x[0] * x[1], 1.0, x[2]])
    assert b.dtype == object
    packed = dd.pack(b)
    value = np.array([a[0] * a[1], 1.0, a[2]])
    tangent = np.stack([s[:, 0] * a[1] + a[0] * s[:, 1], 0 * s[:, 0], s[:, 2]], axis=1)
    check(packed, value, tangent)
    check(b * x, value * a, tangent * a + value * s)
    check(x - b, a - value, s - tangent)
    check(np.array([[x[0], x[1]], [x[1], x[0]]]) @ x[:2], [a[0] ** 2 + a[1] ** 2, 2 * a[0] * a[1]],
          np.stack([2 * a[0] * s[:, 0] + 2 * a[1] * s[:, 1], 2 * a[0] * s[:, 1] + 2 * a[1] * s[:, 0]], axis=1), 1e-14)
    check(dd.pack(np.array([x, 2 * x])), np.stack([a, 2 * a]), np.stack([s, 2 * s], axis=1))


def test_pack_of_plain_numbers():
    a = np.array([1.0, 2.0])
    np.testing.assert_array_equal(dd.value(dd.pack(a)), a)
    x, value, tangent = dual(3)
    check(dd.pack(x), value, tangent, 0.0)
    b = np.array([x[0], "text"], dtype=object)
    with pytest.raises(dd.DualDiffError):
        dd.pack(b)


def test_value_takes_the_plain_array():
    x, a, _ = dual(3)
    assert type(dd.value(x)) is np.ndarray
    np.testing.assert_array_equal(dd.value(x), a)
    assert dd.stop_gradient is dd.value or dd.stop_gradient(3.0) == 3.0
    y = dd.value(x)
    y += 1.0
    np.testing.assert_array_equal(x.value, a)


def test_printing():
    x = dd.DualArray([1.5, -2.25], [[3.0, 0.125]])
    for text in (repr(x), str(x)):
        assert "1.5" in text and "-2.25" in text
    assert repr(x).startswith("DualArray(") and "0.125" in repr(x)
    assert repr(hyper(2)[0]).startswith("HyperDualArray(")
    assert len(repr(dual(300, 300)[0])) < 5000


@pytest.mark.parametrize("make", (dual, hyper))
@pytest.mark.parametrize("shape", [(), (3,), (2, 0), (2, 3)])
def test_pickle(make, shape):
    x, *parts = make(*shape)
    names = ("value", "tangent") if make is dual else ("value", "e1", "e2", "e12")
    for protocol in range(2, 6):
        y = pickle.loads(pickle.dumps(x, protocol))
        assert type(y) is type(x)
        for name, part in zip(names, parts, strict=True):
            np.testing.assert_array_equal(getattr(y, name), part)
    with pytest.raises(dd.DualDiffError, match="pickle"):
        dd.jacobian(lambda v: pickle.loads(pickle.dumps(v)))(np.ones(2))


def test_hash_is_refused():
    with pytest.raises(TypeError, match="hash"):
        hash(dual(3)[0])


# dtypes -------------------------------------------------------------------------------------------------------------


def test_float32_stays():
    x = dd.DualArray(np.array([1, 2], np.float32), np.ones((1, 2), np.float32))
    assert x.dtype == x.tangent.dtype == np.float32
    for z in (np.sin(x), x * 2.0, 2 * x, x + x, x**2, x / 3, x @ x, x.sum(), x.mean(), x[0], np.where(x > 1, x, 0.0),
              x.copy(), x.reshape(2, 1), np.linalg.norm(x), np.exp(x) @ np.eye(2, dtype=np.float32), x * np.float32(2)):
        assert z.dtype == np.float32 and np.asarray(z.value).dtype == np.float32 and z.tangent.dtype == np.float32
    for z in (x * np.array([1.0, 2.0]), x + np.float64(1.0), x.astype(float), x * np.array([1, 2])):
        assert z.dtype == np.float64 and z.tangent.dtype == np.float64


def test_float32_meets_float64_tangents():
    x = dd.DualArray(np.array([1, 2], np.float32), np.full((1, 2), 1 / 3))
    assert x.dtype == np.float32
    assert x.tangent.dtype == np.float32


def test_assignment_into_float32_rounds():
    x = dd.DualArray(np.array([1, 2], np.float32), np.ones((1, 2), np.float32))
    x[0] = dd.Dual(1 / 3, [1 / 7])
    x += np.array([0.0, 1.0])
    assert x.dtype == np.float32
    assert x.value[0] == np.float32(1 / 3) and x.tangent[0, 0] == np.float32(1 / 7)


@pytest.mark.parametrize("dtype", (np.float16, np.longdouble))
def test_other_floats_are_refused_or_right(dtype):
    x = np.array([0.5, 1.5], dtype)
    try:
        jacobian = dd.jacobian(lambda v: v * v)(x)
    except dd.DualDiffError as error:
        assert isinstance(error, TypeError)
        assert np.dtype(dtype).name in str(error)
    else:
        assert jacobian.dtype == dtype
        np.testing.assert_allclose(jacobian, np.diag(2 * x), rtol=2e-3)


@pytest.mark.parametrize("dtype", (np.int8, np.int64, np.uint8, np.uint64))
def test_integer_points_are_promoted(dtype):
    jacobian = dd.jacobian(lambda v: v**-1 * 2)(np.array([1, 2, 4], dtype))
    assert jacobian.dtype == np.float64
    np.testing.assert_array_equal(jacobian, np.diag([-2.0, -0.5, -0.125]))


def test_complex_on_the_way():
    x, a, s = dual(3)
    z = np.exp(1j * x)
    assert z.dtype == np.complex128
    np.testing.assert_allclose(z.tangent, 1j * np.exp(1j * a) * s, rtol=4e-15)
    check(z.real, np.cos(a), -np.sin(a) * s)
    check(z.imag, np.sin(a), np.cos(a) * s)
    check(np.abs(x * (3 + 4j)), 5 * a, 5 * s)
    square = (z * z.conj()).real
    np.testing.assert_allclose(square.value, np.ones(3), rtol=1e-15)
    np.testing.assert_allclose(square.tangent, 0 * s, atol=1e-15)
    assert x.real.dtype == np.float64 and x.imag.value.tolist() == [0.0, 0.0, 0.0]


# Hard shapes --------------------------------------------------------------------------------------------------------


def test_zero_dimensional():
    x = dd.DualArray(np.array(2.0), [1.0, -1.0])
    assert x.shape == () and x.ndim == 0 and x.size == 1
    for z in (x * x, np.square(x), x**2.0):
        assert np.shape(z) == () and float(dd.value(z)) == 4.0
        np.testing.assert_array_equal(z.tangent, [4.0, -4.0])
    check(x * np.ones(2), [2.0, 2.0], [[1.0, 1.0], [-1.0, -1.0]])
    x[...] = 5.0
    assert float(x.value) == 5.0 and not x.tangent.any()
    x = dd.DualArray(np.array(2.0), [1.0])
    x += 1.0
    assert isinstance(x, dd.DualArray) and float(x.value) == 3.0
    assert type(x[()]) is dd.Dual


def test_empty():
    x, a, s = dual(0)
    check(np.sin(x), a, s)
    check(x + x, a, s)
    check(x.sum(), 0.0, np.zeros(2))
    check(np.prod(x), 1.0, np.zeros(2))
    check(x @ x, 0.0, np.zeros(2))
    check(np.concatenate([x, x]), a, s)
    with pytest.raises(ValueError):
        x.max()
    assert list(x) == [] and x.tolist() == []
    assert dd.jacobian(lambda v: v * 2)(np.zeros(0)).shape == (0, 0)
    assert dd.jacobian(lambda v: np.ones(3) * np.sum(v))(np.zeros(0)).shape == (3, 0)
    assert dd.hessian(np.sum)(np.zeros((0, 2))).shape == (0, 2, 0, 2)
    assert dd.grad(np.sum)(np.zeros((2, 0))).shape == (2, 0)


def test_nan_and_inf_pass_through():
    x = dd.DualArray([math.nan, math.inf, 1.0], np.ones((1, 3)))
    with np.errstate(all="ignore"):
        z = x * 2.0 + np.exp(-x)
    np.testing.assert_array_equal(np.isnan(z.tangent), [[True, False, False]])
    np.testing.assert_array_equal(z.value[1:], [math.inf, 2.0 + math.exp(-1.0)])


def test_results_do_not_alias_inputs_or_captured_arrays():
    captured, x = np.ones(3), np.array([1.0, 2.0, 3.0])
    for f in (lambda v: v, lambda v: captured, lambda v: v[::-1], lambda v: v.T, lambda v: v + 0):
        y, jacobian = dd.value_and_jacobian(f)(x)
        y += 100.0
        jacobian += 100.0
        y, ydot = dd.jvp(f, (x,), (captured,))
        y += 100.0
        ydot += 100.0
        np.testing.assert_array_equal(captured, np.ones(3))
        np.testing.assert_array_equal(x, [1.0, 2.0, 3.0])


def test_tangents_of_a_caller_are_not_handed_back():
    seed = np.ones(3)
    _, ydot = dd.jvp(lambda v: v, (np.arange(3.0),), (seed,))
    ydot += 1.0
    np.testing.assert_array_equal(seed, np.ones(3))


# Methods and everyday functions against independent derivatives -----------------------------------------------------

V = point(21, 5)
M = point(22, 3, 4)
S = point(23, 3, 3) + 2 * np.eye(3)
FAR = np.array([0.5, 2.0, -1.0, 3.5, 1.2])  # no two entries close to each other, none close to 0
A, B = point(24, 4, 2), point(25, 3)
MASK = np.array([True, False, True, True, False])

ANALYTIC, ROUGH = True, False
CASES = [
    # methods
    ("method sum", lambda x: x.sum(), M, ANALYTIC),
    ("method sum axis", lambda x: x.sum(axis=1) ** 2, M, ANALYTIC),
    ("method sum keepdims", lambda x: x / x.sum(axis=0, keepdims=True), M, ANALYTIC),
    ("method mean", lambda x: x.mean(axis=0) * x.mean(), M, ANALYTIC),
    ("method var", lambda x: x.var(), V, ROUGH),
    ("method var ddof axis", lambda x: x.var(axis=1, ddof=1), M, ROUGH),
    ("method std", lambda x: x.std(), V, ROUGH),
    ("method std axis", lambda x: x.std(axis=0, ddof=1), M, ROUGH),
    ("method prod", lambda x: x.prod(), V, ANALYTIC),
    ("method prod axis", lambda x: x.prod(axis=1), M, ANALYTIC),
    ("method min", lambda x: x.min() * x[0], FAR, ROUGH),
    ("method max", lambda x: x.max() ** 2, FAR, ROUGH),
    ("method max axis", lambda x: (x * FAR[:3, None]).max(axis=0), M, ROUGH),
    ("method reshape", lambda x: x.reshape(4, 3) * x.reshape((4, 3)), M, ANALYTIC),
    ("method ravel", lambda x: x.ravel()[2:5] * x.ravel()[0], M, ANALYTIC),
    ("method flatten", lambda x: x.flatten() ** 2, M, ANALYTIC),
    ("attribute T", lambda x: x.T @ x, M, ANALYTIC),
    ("method transpose", lambda x: x.transpose() * 2.0 * x.transpose(1, 0), M, ANALYTIC),
    ("method dot", lambda x: x.dot(x), V, ANALYTIC),
    ("method dot matrix", lambda x: x.dot(A), M, ANALYTIC),
    ("method copy", lambda x: x.copy() * x, V, ANALYTIC),
    ("method astype", lambda x: x.astype(x.dtype) ** 3, V, ANALYTIC),
    ("method cumsum", lambda x: x.cumsum() ** 2, V, ANALYTIC),
    ("method cumsum axis", lambda x: x.cumsum(axis=0) ** 2, M, ANALYTIC),
    ("method cumprod", lambda x: x.cumprod(), V, ANALYTIC),
    ("method clip", lambda x: x.clip(-0.5, 1.6) ** 2, FAR, ROUGH),
    ("method clip one side", lambda x: x.clip(0.2, None) ** 2, FAR, ROUGH),
    ("method take", lambda x: x.take([0, 2, 2]) ** 2, V, ANALYTIC),
    ("method take axis", lambda x: x.take([1, 1], axis=1) ** 2, M, ANALYTIC),
    ("method squeeze", lambda x: x[:, None].squeeze() ** 2, V, ANALYTIC),
    ("method repeat", lambda x: x.repeat(2) ** 2, V, ANALYTIC),
    ("method repeat axis", lambda x: x.repeat([1, 0, 2], axis=0) ** 2, M, ANALYTIC),
    ("method diagonal", lambda x: x.diagonal() ** 2, S, ANALYTIC),
    ("method diagonal offset", lambda x: x.diagonal(1) ** 2, S, ANALYTIC),
    ("method trace", lambda x: (x @ x).trace(), S, ANALYTIC),
    ("method sort", lambda x: sorted_copy(x) ** 2, FAR, ROUGH),
    ("indexed by argsort", lambda x: x[x.argsort()] * V, FAR, ROUGH),
    ("indexed by argmax", lambda x: x[x.argmax()] ** 2 + x[x.argmin()], FAR, ROUGH),
    ("method item", lambda x: x.item(1) ** 2, V, ANALYTIC),
    ("list of tolist", lambda x: sum(t * t for t in x.tolist()), V, ANALYTIC),
    ("method swapaxes", lambda x: x.swapaxes(0, 1) ** 2, M, ANALYTIC),
    ("method round", lambda x: x.round() * x, FAR + 0.2, ROUGH),
    # functions
    ("sum", lambda x: np.sum(x**2), V, ANALYTIC),
    ("sum axes", lambda x: np.sum(x**2, axis=(0, 1)), M, ANALYTIC),
    ("mean", lambda x: np.mean(x, axis=1) ** 2, M, ANALYTIC),
    ("prod", lambda x: np.prod(x, axis=0), M, ANALYTIC),
    ("var", lambda x: np.var(x, axis=0), M, ROUGH),
    ("std", lambda x: np.std(x), M, ROUGH),
    ("max, min", lambda x: np.max(x) * np.min(x), FAR, ROUGH),
    ("amax axis", lambda x: np.amax(x * FAR[:3, None], axis=0) ** 2, M, ROUGH),
    ("dot vectors", lambda x: np.dot(x, x), V, ANALYTIC),
    ("dot matrix vector", lambda x: np.dot(x, x[0]), M, ANALYTIC),
    ("dot matrices", lambda x: np.dot(x.T, x), M, ANALYTIC),
    ("matmul", lambda x: np.matmul(x, A) ** 2, M, ANALYTIC),
    ("matmul batched", lambda x: np.matmul(x.reshape(2, 2, 3), x.reshape(2, 3, 2)), M, ANALYTIC),
    ("matmul vector matrix", lambda x: B @ x * (x[0] @ x.T @ B), M, ANALYTIC),
    ("where", lambda x: np.where(MASK, x**2, x), V, ANALYTIC),
    ("where by value", lambda x: np.where(x > 1.0, x**2, np.sin(x)), FAR, ROUGH),
    ("where with numbers", lambda x: np.where(MASK, 3.0, x**2), V, ANALYTIC),
    ("concatenate", lambda x: np.concatenate([x, x[:2] ** 2, B]), V, ANALYTIC),
    ("concatenate axis", lambda x: np.concatenate((x, x**2), axis=1), M, ANALYTIC),
    ("concatenate flat", lambda x: np.concatenate((x, x**2), axis=None), M, ANALYTIC),
    ("stack", lambda x: np.stack([x, x**2, V], axis=1), V, ANALYTIC),
    ("reshape", lambda x: np.reshape(x**2, (2, -1)), M, ANALYTIC),
    ("reshape order", lambda x: np.reshape(x**2, (2, 6), order="F"), M, ANALYTIC),
    ("transpose", lambda x: np.transpose(x**2), M, ANALYTIC),
    ("transpose axes", lambda x: np.transpose((x**2).reshape(3, 2, 2), (2, 0, 1)), M, ANALYTIC),
    ("zeros_like filled", lambda x: filled(np.zeros_like(x), x), V, ANALYTIC),
    ("ones_like filled", lambda x: filled(np.ones_like(x), x), V, ANALYTIC),
    ("empty_like filled", lambda x: filled(np.empty_like(x), x, whole=True), V, ANALYTIC),
    ("full_like filled", lambda x: filled(np.full_like(x, 2.5), x), V, ANALYTIC),
    ("full_like of a dual", lambda x: np.full_like(x, x[1]) * x, V, ANALYTIC),
    ("maximum", lambda x: np.maximum(x, 1.5) ** 2, FAR, ROUGH),
    ("minimum of two", lambda x: np.minimum(x, x[::-1]) ** 2 * x, FAR, ROUGH),
    ("fmax", lambda x: np.fmax(x, 1.5) ** 2, FAR, ROUGH),
    ("clip", lambda x: np.clip(x, -0.5, 1.6) ** 2, FAR, ROUGH),
    ("clip by duals", lambda x: np.clip(x, x[2], x[4]), FAR, ROUGH),
    ("einsum trace", lambda x: np.einsum("ii", x @ x), S, ANALYTIC),
    ("einsum product", lambda x: np.einsum("ij,jk->ik", x, A), M, ANALYTIC),
    ("einsum two duals", lambda x: np.einsum("ij,kj->ik", x, x), M, ANALYTIC),
    ("einsum three", lambda x: np.einsum("i,ij,j->", x[:, 0], x, x[0]), M, ANALYTIC),
    ("einsum implicit", lambda x: np.einsum("ij,j", x, x[0]), M, ANALYTIC),
    ("einsum ellipsis", lambda x: np.einsum("...j,j->...", x, x[1]), M, ANALYTIC),
    ("outer", lambda x: np.outer(x, x[:2]), V, ANALYTIC),
    ("outer with numbers", lambda x: np.outer(B, x**2), V, ANALYTIC),
    ("norm", lambda x: np.linalg.norm(x), V, ROUGH),
    ("norm axis", lambda x: np.linalg.norm(x, axis=1) ** 3, M, ROUGH),
    ("norm Frobenius", lambda x: np.linalg.norm(x), M, ROUGH),
    ("norm 1", lambda x: np.linalg.norm(x, 1) ** 2, FAR, ROUGH),
    ("norm inf", lambda x: np.linalg.norm(x, np.inf) ** 2, FAR, ROUGH),
    ("norm 3", lambda x: np.linalg.norm(x, 3), FAR, ROUGH),
    ("solve", lambda x: np.linalg.solve(x, B), S, ANALYTIC),
    ("solve right side", lambda x: np.linalg.solve(S, x**2), B, ANALYTIC),
    ("solve both", lambda x: np.linalg.solve(x, x[0]), S, ANALYTIC),
    ("solve several", lambda x: np.linalg.solve(x, x.T @ A[:3]), S, ANALYTIC),
    ("inv", lambda x: np.linalg.inv(x), S, ANALYTIC),
    ("det", lambda x: np.linalg.det(x), S, ANALYTIC),
    ("inv batched", lambda x: np.linalg.inv(np.stack([x, x @ x])), S, ANALYTIC),
    ("det batched", lambda x: np.linalg.det(np.stack([x, x @ x])), S, ANALYTIC),
    ("index and slice", lambda x: x[1:, ::2] * x[:2, 1:3], M, ANALYTIC),
    ("fancy index", lambda x: x[[0, 0, 2], [1, 1, 3]] ** 2, M, ANALYTIC),
    ("mask index", lambda x: x[MASK] ** 2, V, ANALYTIC),
    ("broadcast", lambda x: x * x[:, :1] - x[0], M, ANALYTIC),
    ("softmax by hand", lambda x: np.exp(x - np.max(x)) / np.sum(np.exp(x - np.max(x))), FAR, ROUGH),
    ("quadratic form", lambda x: x @ S @ x / (x @ x), B, ANALYTIC),
    ("ufunc reduce", lambda x: np.multiply.reduce(x**2), V, ANALYTIC),
    ("logaddexp reduce", lambda x: np.logaddexp.reduce(x), FAR, ROUGH),
]


def sorted_copy(x):
    y = x.copy()
    y.sort()
    return y


def filled(z, x, whole=False):
    """z with some entries assigned."""
    if whole:
        z[:] = x
    z[1] = x[0] * x[2]
    z[3:] = x[:2] ** 2
    return z * 2.0


def references(case):
    _, f, x, analytic = case
    return numdiff(f, x, analytic), numdiff2(f, x, analytic), *TOLERANCES[analytic]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_against_independent_derivatives(case):
    name, f, x, analytic = case
    given = x.copy()
    first, second, tolerance1, tolerance2 = references(case)
    value, jacobian = dd.value_and_jacobian(f)(x)
    np.testing.assert_allclose(value, f(x), rtol=1e-14, atol=1e-14)
    assert_close(jacobian, first, tolerance1)
    hessian = dd.hessian(f)(x)
    assert_close(hessian, second, tolerance2)
    swapped = np.moveaxis(hessian, range(-x.ndim, 0), range(-2 * x.ndim, -x.ndim))
    np.testing.assert_array_equal(hessian, swapped)
    nested = dd.jacobian(dd.jacobian(f))(x)
    assert_close(nested, hessian, 1e-12)
    np.testing.assert_array_equal(x, given)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_float32_through_everything(case):
    name, f, x, _ = case
    small = x.astype(np.float32)
    jacobian = dd.jacobian(f)(small)
    if name not in ("list of tolist", "method item"):  # there NumPy makes floats of the language
        assert jacobian.dtype == np.asarray(f(small)).dtype
    assert_close(jacobian, dd.jacobian(f)(small.astype(float)), 2e-4)


# What has no rule ---------------------------------------------------------------------------------------------------


def test_error_names_the_function_and_the_cure():
    for x in (dual(3)[0], hyper(3)[0], dual(3)[0][0]):
        for name, call in (("packbits", lambda x: np.packbits(x)), ("bitwise_xor", lambda x: np.bitwise_xor(x, 1)),
                           ("gcd", lambda x: np.gcd(x, 2)), ("left_shift", lambda x: np.left_shift(x, 1))):
            with pytest.raises(dd.DualDiffError, match=name) as caught:
                call(x)
            assert isinstance(caught.value, TypeError)


def test_no_function_of_numpy_loses_a_tangent_silently():
    """Whatever a function without a rule does, a plain float array is never its answer."""
    x, *_ = dual(4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in ("nanmean", "unwrap", "i0", "corrcoef", "packbits", "trim_zeros", "real_if_close", "ptp"):
            try:
                z = getattr(np, name)(x)
            except (dd.DualDiffError, TypeError, ValueError):
                continue
            assert not (isinstance(z, np.ndarray) and z.dtype.kind == "f"), name


def test_flat_reads_and_writes_in_c_order():
    x, a, s = dual(3, 4, seed=3)
    assert len(x.flat) == 12 and [e.value for e in x.flat] == a.ravel().tolist()
    np.testing.assert_array_equal(x.flat[5].tangent, s.reshape(len(s), -1)[:, 5])
    np.testing.assert_array_equal(x.flat[2:5].value, a.ravel()[2:5])
    y = x.T
    y.flat[1] = 7.0  # the second element of the transpose is x[1, 0]
    assert x.value[1, 0] == 7.0 and not x.tangent[:, 1, 0].any()
    x.flat[[0, 3]] = x[2, :2]
    np.testing.assert_array_equal(x.tangent[:, 0, [0, 3]], s[:, 2, :2])
