"""Functions that move entries, join arrays, choose between them or make new ones: derivatives, views, writing."""

import numpy as np
import pytest
from numpy_cases import MATRIX, VECTOR, Case, check_derivatives_of, check_value_of, dual, hyper, in_place

import dualdiff as dd

MASK = MATRIX > 2.0
PLACES = np.array([[1], [0]])

CASES = [
    # Branches
    Case("where", lambda x: np.where(MASK, x**2, x[0])),
    Case("where, numbers", lambda x: np.where(x > 2.0, 1.0, np.exp(x))),
    Case("select", lambda x: np.select([x > 2.0, x > 1.0], [x**2, x**3], x)),
    Case("select, default", lambda x: np.select([x > 2.0, x > 1.0], [x**2, 7.0])),
    Case("piecewise", lambda x: np.piecewise(x, [x < 1.0, x > 2.0], [lambda t: t**3, 5.0, np.exp])),
    Case("piecewise, one condition", lambda x: np.piecewise(x[0], x[0] > 2.0, [lambda t, a: a * t**2, 1.0], 3.0)),
    Case("choose", lambda x: np.choose(np.array([[0, 1, 1], [1, 0, 2]]), [x**2, x**3, 1.0])),
    Case("clip", lambda x: np.clip(x**2, 1.5, 8.0)),
    Case("clip, dual bounds", lambda x: np.clip(x**2, x[0] + 0.5, 6.0 * x[0, 0])),
    Case("clip, one bound", lambda x: np.clip(x**2, None, 8.0) + np.clip(x, min=2.0)),
    Case("clip, no bounds", lambda x: np.clip(x**2, None, None)),
    # Picking
    Case("take", lambda x: np.take(x**2, [[0, 5], [2, 2]])),
    Case("take, axis and mode", lambda x: np.take(x**2, [0, 5], axis=1, mode="wrap")),
    Case("take_along_axis", lambda x: np.take_along_axis(x**2, np.array([[1, 0], [2, 2]]), 1)),
    Case("compress", lambda x: np.compress([True, False, True], x**2, axis=1)),
    Case("extract", lambda x: np.extract(MASK, x**2)),
    Case("sort", lambda x: np.sort(x**2, axis=None)),
    Case("sort, axis", lambda x: np.sort(np.sin(x), axis=0)),
    Case("partition", lambda x: np.partition(x**2, 1, axis=1)[:, 1]),
    Case("unique", lambda x: np.unique(x**2)),
    Case("unique, rows", lambda x: np.unique(x**2, axis=0)),
    Case("unique_all", lambda x: np.unique_all(x**2).values),
    Case("union1d", lambda x: np.union1d(x[0], x[1] ** 2)),
    Case("setdiff1d", lambda x: np.setdiff1d(x**2, [7.0]) * np.setxor1d(x**3, np.zeros(0))),
    Case("trim_zeros", lambda x: np.trim_zeros(x[0] ** 2 * [0.0, 1.0, 0.0])),
    Case("delete", lambda x: np.delete(x**2, 1, axis=1)),
    Case("diag", lambda x: np.diag(x[0] ** 2, 1)),
    Case("diag of a matrix", lambda x: np.diag(x**2)),
    Case("diagflat", lambda x: np.diagflat(x**2)),
    Case("tril and triu", lambda x: np.tril(x**2) - np.triu(x**3, 1)),
    Case("extract by the values", lambda x: x[x > 2.0] ** 2),
    # Shapes
    Case("reshape", lambda x: np.reshape(x**2, (3, -1))),
    Case("reshape, Fortran order", lambda x: np.reshape(x**2, (3, 2), order="F")),
    Case("ravel", lambda x: np.ravel(x.T**2)),
    Case("ravel, Fortran order", lambda x: np.ravel(x**2, "F")),
    Case("transpose", lambda x: np.transpose(x**2, (1, 0))),
    Case("swapaxes, moveaxis, rollaxis", lambda x: np.swapaxes(x, 0, 1) * np.moveaxis(x, -1, 0) + np.rollaxis(x**2, 1)),
    Case("expand_dims, squeeze", lambda x: np.squeeze(np.expand_dims(x**2, (0, 2)), 0)),
    Case("broadcast_to", lambda x: np.broadcast_to(x[0] ** 2, (2, 3))),
    Case("broadcast_arrays", lambda x: np.broadcast_arrays(x[0] ** 2, x)[0]),
    Case("flip", lambda x: np.flip(x**2, 1) + np.flipud(x) + np.fliplr(x)),
    Case("rot90", lambda x: np.rot90(x**2)),
    Case("roll", lambda x: np.roll(x**2, 1) + np.roll(x, (1, 1), axis=(0, 1))),
    Case("atleast", lambda x: np.atleast_1d(x[0, 0]) * np.atleast_2d(x[0]) + np.atleast_3d(x[1])[0, :, 0]),
    Case("diagonal", lambda x: np.diagonal(x**2, 1)),
    Case("sliding windows", lambda x: np.lib.stride_tricks.sliding_window_view(x[0] ** 2, 2)),
    # Splitting and joining
    Case("split", lambda x: np.split(x**2, 3, axis=1)[1] * np.array_split(x, 2, axis=1)[1]),
    Case("hsplit and vsplit", lambda x: np.hsplit(x**2, 3)[1][:, 0] * np.vsplit(x, 2)[1][0, 0]),
    Case("unstack", lambda x: np.unstack(x.T)[0] ** 2),
    Case("concatenate", lambda x: np.concatenate([x**2, np.ones((1, 3)), x], axis=0)),
    Case("concatenate, flat", lambda x: np.concatenate([x[0] ** 2, x], axis=None)),
    Case("concatenate, lists", lambda x: np.concatenate([x[0] ** 2, [1.0, 2.0]])),
    Case("stack", lambda x: np.stack([x**2, x, MATRIX], axis=-1)),
    Case("hstack", lambda x: np.hstack([x**2, x]) * 2.0),
    Case("hstack, rows", lambda x: np.hstack([x[0] ** 2, 1.0, x[1]])),
    Case("vstack", lambda x: np.vstack([x[0], x**2, [1.0, 2.0, 3.0]])),
    Case("dstack", lambda x: np.dstack([x, x * x])),
    Case("column_stack", lambda x: np.column_stack([x[0], x.T**2])),
    Case("block", lambda x: np.block([[x, x**2], [np.ones((1, 3)), x[:1]]])),
    Case("append", lambda x: np.append(x, [1.0, 2.0]) ** 2),
    Case("append, axis", lambda x: np.append(x, x**2, axis=0)),
    Case("insert", lambda x: np.insert(x, 1, x[0] ** 2, axis=0)),
    Case("insert, plain numbers", lambda x: np.insert(x**2, [1, 2], [7.0, 8.0])),
    Case("tile", lambda x: np.tile(x**2, (2, 2))),
    Case("repeat", lambda x: np.repeat(x**2, [1, 2], axis=0)),
    Case("resize", lambda x: np.resize(x**2, (3, 3))),
    Case("meshgrid", lambda x: np.meshgrid(x[0] ** 2, [1.0, 2.0])[0]),
    Case("ix_", lambda x: np.ix_(x[0] ** 2, [1, 2])[0]),
    # Padding
    *(Case(f"pad, {mode}", lambda x, mode=mode: np.pad(x**2, ((1, 2), (0, 1)), mode))
      for mode in ("constant", "edge", "wrap", "reflect", "symmetric", "mean", "maximum", "minimum", "median",
                   "linear_ramp")),
    Case("pad, odd reflection", lambda x: np.pad(x**2, 1, "reflect", reflect_type="odd")),
    Case("pad, values", lambda x: np.pad(x**2, 1, constant_values=((5.0, 6.0), (7.0, 8.0)))),
    Case("pad, values that depend on x", lambda x: np.pad(x, 1, constant_values=x[0, 0] ** 2)),
    Case("pad, ramp to given ends", lambda x: np.pad(x**2, 2, "linear_ramp", end_values=(3.0, 4.0))),
    Case("pad, short statistics", lambda x: np.pad(x**2, 2, "maximum", stat_length=2)),
    # Writing
    Case("put", in_place(lambda y: np.put(y, [0, 4], y[0, :2] ** 2))),
    Case("place", in_place(lambda y: np.place(y, MASK, y[0] ** 2))),
    Case("putmask", in_place(lambda y: np.putmask(y, MASK, y**2))),
    Case("copyto", in_place(lambda y: np.copyto(y, y[0] ** 2, where=MASK))),
    Case("put_along_axis", in_place(lambda y: np.put_along_axis(y, PLACES, y[:, :1] ** 2, 1))),
    Case("fill_diagonal", in_place(lambda y: np.fill_diagonal(y, y[0, :2] ** 2))),
    # New arrays
    Case("linspace", lambda x: np.linspace(x[0] ** 2, x[1], 4)),
    Case("linspace, last axis, open", lambda x: np.linspace(x[0] ** 2, 1.0, 4, axis=-1, endpoint=False)),
    Case("linspace, step", lambda x: np.linspace(x[0] ** 2, x[1], 4, retstep=True)[1]),
    Case("logspace", lambda x: np.logspace(x[0, 0], x[1, 0], 3), scale=1e3),
    Case("geomspace", lambda x: np.geomspace(x[0], x[1] ** 2, 4)),
    Case("full_like", lambda x: np.full_like(x, x[0, 0] ** 2)),
    Case("full", lambda x: np.full(2, x[0, 0] ** 2, like=x)),
    # Nearly the identity
    Case("nan_to_num", lambda x: np.nan_to_num(x**2)),
    Case("round", lambda x: np.round(x, 0) * x, step=0.03),
    Case("trunc and around", lambda x: np.trunc(x) * x + np.around(x), step=0.03),
    Case("copy and astype", lambda x: np.copy(x) * np.astype(x, x.dtype)),
    # Complex numbers on the way
    Case("real", lambda x: np.real(np.exp(1j * x))),
    Case("imag", lambda x: np.imag(np.exp(1j * x))),
    Case("imag of real numbers", lambda x: np.imag(x) + x**2),
    Case("angle", lambda x: np.angle(x + 1j * x**2) + np.angle(x, deg=True)),
    Case("real_if_close", lambda x: np.real_if_close(x**2 + 0j)),
    Case("emath", lambda x: np.emath.sqrt(x - 2.0).imag + np.emath.log(x)),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_derivatives(case):
    check_derivatives_of(case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_values(case):
    check_value_of(case)


# Views ----------------------------------------------------------------------------------------------------------------

VIEWS = {
    "reshape": lambda x: np.reshape(x, (3, 2)),
    "reshape, Fortran order": lambda x: np.reshape(x.T, (2, 3), order="F"),
    "ravel": np.ravel,
    "ravel of the transpose, Fortran order": lambda x: np.ravel(x.T, "F"),
    "transpose": np.transpose,
    "matrix_transpose": np.matrix_transpose,
    "swapaxes": lambda x: np.swapaxes(x, 0, 1),
    "moveaxis": lambda x: np.moveaxis(x, 0, 1),
    "rollaxis": lambda x: np.rollaxis(x, 1),
    "expand_dims": lambda x: np.expand_dims(x, 1),
    "squeeze": lambda x: np.squeeze(x[:, None]),
    "flip": np.flip,
    "fliplr": np.fliplr,
    "rot90": np.rot90,
    "split": lambda x: np.split(x, 3, 1)[1],
    "hsplit": lambda x: np.hsplit(x, 3)[2],
    "unstack": lambda x: np.unstack(x)[1],
    "atleast_1d": np.atleast_1d,
    "atleast_3d": np.atleast_3d,
    "real": np.real,
    "x.T": lambda x: x.T,
    "x.mT": lambda x: x.mT,
    "x.real": lambda x: x.real,
    "x.reshape(-1)": lambda x: x.reshape(-1),
    "x.ravel()": lambda x: x.ravel(),
    "x.squeeze()": lambda x: x.squeeze(),
    "x.transpose(1, 0)": lambda x: x.transpose(1, 0),
    "x.swapaxes(0, 1)": lambda x: x.swapaxes(0, 1),
    "x.view()": lambda x: x.view(),
    "x[..., None]": lambda x: x[..., None],
    "x[1:, ::2]": lambda x: x[1:, ::2],
    "a view of a view": lambda x: np.flip(np.reshape(x[:, 1:], (2, 2, 1)).T),
}
COPIES = {
    "flatten": lambda x: x.flatten(),
    "tile": lambda x: np.tile(x, 2),
    "roll": lambda x: np.roll(x, 1),
    "copy": np.copy,
    "take": lambda x: np.take(x, [1, 0]),
    "sort": np.sort,
    "repeat": lambda x: np.repeat(x, 1),
    "where": lambda x: np.where(True, x, 0.0),
    "concatenate": lambda x: np.concatenate([x]),
    "pad": lambda x: np.pad(x, 0),
    "clip": lambda x: np.clip(x, None, None),
    "ravel of a transpose": lambda x: np.ravel(x.T),
    "maximum.accumulate": lambda x: np.maximum.accumulate(x),
    "unwrap": lambda x: np.unwrap(x),
    "x[[0, 1]]": lambda x: x[[0, 1]],
    "positive": np.positive,
    "around": np.round,
}


def parts(x):
    return x.value, *x._stacks


@pytest.mark.parametrize("make", [dual, hyper])
@pytest.mark.parametrize("name", VIEWS)
def test_writing_through_views(name, make):
    """Every part of the array changes where NumPy's own array would, and nowhere else."""
    x, item = make(MATRIX), 7.0 * make(MATRIX)[1, 2]
    y, plain = VIEWS[name](x), MATRIX.copy()
    first = (0,) * y.ndim
    y[first] = item
    VIEWS[name](plain)[first] = np.nan
    changed = np.isnan(plain)
    assert changed.sum() == 1
    for got, old, new in zip(parts(x), parts(make(MATRIX)), (item.value, *item._stacks), strict=True):
        want = old.copy()
        want[..., changed] = np.asarray(new)[..., None]
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("make", [dual, hyper])
@pytest.mark.parametrize("name", COPIES)
def test_copies_are_copies(name, make):
    x = make(MATRIX)
    y = COPIES[name](x)
    y[...] = 0.0
    for got, want in zip(parts(x), parts(make(MATRIX)), strict=True):
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("f", [lambda x: np.broadcast_to(x, (4, 2, 3)), np.diagonal, np.diag,
                               lambda x: np.lib.stride_tricks.sliding_window_view(x, 2, axis=1)])
def test_read_only_views(f):
    with pytest.raises(ValueError, match="read-only"):
        f(dual(MATRIX))[...] = 0.0


def test_views_of_nested_numbers():
    def f(x):
        def g(t):
            z = np.stack([x * t, t * t])
            np.flip(z)[0] = z[0] * z[1]
            np.reshape(z, (2, 1))[0, 0] = t**3 * x
            return np.sum(z)

        return dd.derivative(g)(2.0)

    # g(t) = t**3*x + x*t*t*t, and its derivative in t at 2 is 24 x
    np.testing.assert_allclose(dd.derivative(f)(1.5), 24.0, rtol=1e-15)


def test_reshape_of_parts_that_lie_differently_in_memory():
    x = dual(MATRIX)
    y = x.with_parts(x.value, np.asfortranarray(x.tangent.transpose(2, 1, 0)).transpose(2, 1, 0)[:, ::1])
    flat = np.ravel(y)
    np.testing.assert_array_equal(flat.tangent, x.tangent.reshape(2, -1))
    before = y.value.copy(), y.tangent.copy()
    try:
        flat[0] = 9.0
    except ValueError:
        np.testing.assert_array_equal(y.value, before[0])
        np.testing.assert_array_equal(y.tangent, before[1])
    else:
        assert y.value[0, 0] == 9.0 and not y.tangent[:, 0, 0].any()


# Writing --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("write", [
    lambda z, x: np.copyto(z, x), lambda z, x: np.put(z, [0, 1], x[:2]), lambda z, x: np.place(z, z == 0.0, x),
    lambda z, x: np.putmask(z, z == 0.0, x), lambda z, x: np.put_along_axis(z, np.array([1]), x[:1], 0),
])  # fmt: skip
def test_plain_targets_are_refused(write):
    z = np.zeros(4)
    with pytest.raises(dd.LostTangentError, match="zeros_like"):
        write(z, dual(VECTOR))
    np.testing.assert_array_equal(z, np.zeros(4))


def test_nan_to_num_in_place():
    x = dual(np.array([1.0, np.nan, np.inf]))
    y = np.nan_to_num(x, copy=False, nan=3.0)
    assert y is x and x.value[1] == 3.0 and not x.tangent[:, 1:].any() and x.tangent[:, 0].all()


# Selections and special cases -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("f", [
    lambda x, bad: np.where(x > 0.0, x, bad * x), lambda x, bad: np.select([x > 0.0], [x], bad * x),
    lambda x, bad: np.choose([0], [x, bad * x]), lambda x, bad: np.piecewise(x, [x > 0.0], [lambda t: t, np.log]),
    lambda x, bad: np.nan_to_num(np.append(x, bad * x))[:1],
    lambda x, bad: np.extract([True, False], np.append(x, bad)),
])  # fmt: skip
@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_other_branches_have_no_influence(f, bad):
    np.testing.assert_array_equal(dd.jacobian(lambda x: f(x, bad))(np.array([2.0])), [[1.0]])
    np.testing.assert_array_equal(dd.hessian(lambda x: f(x, bad))(np.array([2.0])), [[[0.0]]])


def test_sorting_is_stable():
    np.testing.assert_array_equal(dd.jacobian(np.sort)(np.array([2.0, 1.0, 1.0])), np.eye(3)[[1, 2, 0]])


@pytest.mark.parametrize("f", [np.unique, np.unique_values, np.unique_counts, lambda x: np.union1d(x, [1.0])])
def test_equal_entries_are_not_merged(f):
    with pytest.raises(dd.DifferentiationValueError, match="unique"):
        dd.jacobian(f)(np.array([1.0, 2.0, 1.0]))


def test_clip_at_its_bounds():
    x = np.array([-1.0, 0.5, 1.0, 2.0])
    np.testing.assert_array_equal(dd.jacobian(lambda x: np.clip(x, -1.0, 1.0))(x), np.diag([0.5, 1.0, 0.5, 0.0]))
    assert np.isnan(dd.jacobian(lambda x: np.clip(x, -1.0, 1.0), strict=True)(x)[[0, 2], [0, 2]]).all()


def test_arrays_like_a_dual_array():
    x = dual(VECTOR)
    for z in (np.zeros_like(x), np.zeros(4, like=x), np.empty_like(x), np.array([0.0] * 4, like=x),
              np.asarray([0] * 4, like=x), np.full(4, 0, like=x), np.arange(4, like=x), np.full_like(x, 0.0)):
        z[1] = x[0] * x[2]
        np.testing.assert_array_equal(z.tangent[:, 1], (x[0] * x[2]).tangent)
    assert np.zeros_like(x, dtype=bool).dtype == bool and np.zeros(3, dtype=int, like=x).dtype == int
    assert isinstance(np.ones_like(x, dtype=np.float32), dd.DualArray)
    assert np.eye(2, like=x).tangent.shape == (2, 2, 2)


@pytest.mark.parametrize("f", [np.ravel, np.atleast_2d, lambda x: np.reshape(x, (1, 1)), lambda x: np.tile(x, 3),
                               lambda x: np.stack([x, 1.0]), lambda x: np.hstack([x, x]), lambda x: np.pad([x], 1),
                               lambda x: np.broadcast_to(x, (2, 2)), lambda x: np.where(True, x, 0.0), np.real,
                               lambda x: np.concatenate([[x], [1.0]]), lambda x: np.linspace(0.0, x, 3), np.nan_to_num,
                               lambda x: np.clip(x, 0.0, 1.0), lambda x: np.append(x, x), np.copy,
                               lambda x: np.expand_dims(x, 0)])
def test_numbers(f):
    got, want = f(dd.Dual(0.75, [1.0, 2.0])), f(np.array(0.75))
    got = dd.pack(got) if isinstance(got, np.ndarray) else got
    assert np.shape(got) == np.shape(want)
    np.testing.assert_array_equal(dd.value(got), want)


@pytest.mark.parametrize("case", [c for c in CASES if c.name in ("roll", "tile", "flip", "concatenate", "pad, edge")])
def test_empty_stacks_and_arrays(case):
    assert case.f(dual(MATRIX, k=0)).tangent.shape[0] == 0
    x = dual(np.zeros((0, 3)))
    assert np.roll(x, 1).shape == np.flip(x).shape == x.shape and np.tile(x, (1, 2)).tangent.shape == (2, 0, 6)
