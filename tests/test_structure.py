"""Structured tangents: the same results as dense planes, at the cost that structure makes possible.

Dense planes are what ``chunk_size`` asks for; they are the independent formulation here, beside closed forms.
"""

from itertools import pairwise

import conformance
import numpy as np
import pytest

import dualdiff as dd
from dualdiff import points, tangents


@pytest.fixture(autouse=True)
def early(monkeypatch):
    """Structure for the sixty variables of most tests, whatever pays."""
    monkeypatch.setattr(points, "STRUCTURED", 32)
    monkeypatch.setattr(points, "STRUCTURED_SECOND", 8)


@pytest.fixture
def always(monkeypatch):
    """Structure from one variable on, and however many planes there are."""
    monkeypatch.setattr(points, "STRUCTURED", 1)
    monkeypatch.setattr(points, "STRUCTURED_SECOND", 1)
    monkeypatch.setattr(tangents, "SHARE", 0)
    monkeypatch.setattr(tangents, "MOST", 10**6)
    monkeypatch.setattr(tangents, "WORTH", 0)


def dense(f, **options):
    return dd.jacobian(f, chunk_size=10**9, **options)


def dense_hessian(f, **options):
    return dd.hessian(f, chunk_size=10**9, mode="forward", **options)


def point(n=60, seed=0):
    return np.random.default_rng(seed).uniform(0.2, 1.8, n)


def calls(f):
    def counted(*args):
        counted.count += 1
        return f(*args)

    counted.count = 0
    return counted


@pytest.mark.parametrize("case", [c for c in conformance.CASES if not (c.refused or c.foreign)],
                         ids=lambda case: f"{case.group}-{case.name}")
@pytest.mark.filterwarnings("ignore")
def test_conformance_cases_are_the_same_with_structure(case, always):
    x = np.asarray(case.x, dtype=float)
    if x.ndim == 0:
        x = x.reshape(1)
        f = lambda v: case.f(v[0])
    else:
        f = case.f
    try:
        expected = dense(f)(x)
    except dd.DualDiffError as error:
        with pytest.raises(type(error)):
            dd.jacobian(f)(x)
        return
    np.testing.assert_allclose(dd.jacobian(f)(x), expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("case", [c for c in conformance.CASES if not (c.refused or c.foreign)],
                         ids=lambda case: f"{case.group}-{case.name}")
@pytest.mark.filterwarnings("ignore")
def test_second_derivatives_of_conformance_cases_are_the_same_with_structure(case, always):
    x = np.asarray(case.x, dtype=float)
    f = case.f if x.ndim else lambda v: case.f(v[0])
    x = x.reshape(x.shape or 1)
    try:
        expected = dense_hessian(f)(x)
    except dd.DualDiffError as error:
        with pytest.raises(type(error)):
            dd.hessian(f, mode="forward")(x)
        return
    for mode in ("forward", "auto"):
        np.testing.assert_allclose(dd.hessian(f, mode=mode)(x), expected, rtol=1e-11, atol=1e-12)


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def rosenbrock_gradient(x):
    g = np.zeros_like(x)
    g[:-1] = -400 * (x[1:] - x[:-1] ** 2) * x[:-1] - 2 * (1 - x[:-1])
    g[1:] += 200 * (x[1:] - x[:-1] ** 2)
    return g


@pytest.mark.parametrize("n", [32, 33, 1000, 50_000])
def test_rosenbrock(n):
    x = point(n)
    np.testing.assert_allclose(dd.grad(rosenbrock)(x), rosenbrock_gradient(x), rtol=1e-11, atol=1e-10)


def brusselator(y):
    u, v = y.reshape(2, 8, 8)

    def laplacian(a):
        return np.roll(a, 1, 0) + np.roll(a, -1, 0) + np.roll(a, 1, 1) + np.roll(a, -1, 1) - 4 * a

    return np.stack([1 + u * u * v - 4.4 * u + 0.1 * laplacian(u), 3.4 * u - u * u * v + 0.1 * laplacian(v)]).ravel()


def assigned(x):
    z = np.zeros_like(x)
    z[1:-1] = x[2:] - 2 * x[1:-1] + x[:-2]
    z[0] = 3.0
    z[-1:] = x[-1:] * x[:1]
    return np.exp(z)


def written_over(x):
    x = x * 1.0
    y = x[2:5]
    y[0] = 7.0
    return x * 2


def written_through_two_views(x):
    x = x * 1.0
    a, b = x[:10], x[5:15]
    a[:] = b * 2
    b += 1
    return x**2


def input_written(x):
    x[3] = x[4] * 2
    return np.sin(x)


def scattered(x):
    z = np.zeros(10, like=x)
    np.add.at(z, np.arange(60) % 10, x**2)
    return z


def centred(x):
    return (x - x.mean()) ** 2


FUNCTIONS = {
    "elementwise": lambda x: np.exp(x) * np.sin(x) / (1 + x**2),
    "slices": lambda x: x[1:] * x[:-1] + x[::-1][1:],
    "differences": lambda x: np.diff(x, 2) ** 2,
    "gradient": lambda x: np.gradient(x * x),
    "rolls": lambda x: np.roll(x, 3) * x,
    "gathers": lambda x: x[np.arange(60) * 7 % 60] * x,
    "repeated gathers": lambda x: x[[0, 0, 1, 5, 5]] * x[:5],
    "masks": lambda x: x[np.arange(60) % 2 == 0] ** 2,
    "where": lambda x: np.where(dd.value(x) > 1.0, x**2, -x),
    "clip": lambda x: np.clip(x, 0.5, 1.5) * x,
    "concatenate": lambda x: np.concatenate([x[:3] ** 2, np.ones(4), x[10:]]) * 2,
    "stack and transpose": lambda x: np.stack([x, x**2]).T * 3,
    "reshapes": lambda x: (x.reshape(6, 10)[1:, ::2] * 2).ravel(),
    "broadcasting": lambda x: x[:6, None] * x[6:9],
    "row sums": lambda x: (x.reshape(20, 3) ** 2).sum(axis=1),
    "column means": lambda x: np.mean(x.reshape(3, 20) ** 2, axis=0),
    "kept dimensions": lambda x: x.reshape(20, 3) / x.reshape(20, 3).sum(1, keepdims=True),
    "total": lambda x: np.sum(x**3) * x[:4],
    "mean": centred,
    "products": lambda x: np.arange(120.0).reshape(2, 60) @ (x**2),
    "products from the left": lambda x: (x * x) @ np.arange(120.0).reshape(60, 2),
    "inner products": lambda x: x @ x * x[:2],
    "sorting": lambda x: np.sort(x)[:5] * x[:5],
    "cumulative": lambda x: np.cumsum(x)[::7],
    "padding": lambda x: np.pad(x[:10], 2) * 1.5,
    "padding by edges": lambda x: np.pad(x[:10], 2, mode="edge") ** 2,
    "triangles": lambda x: np.tril(x[:25].reshape(5, 5)) @ np.ones(5),
    "windows": lambda x: np.lib.stride_tricks.sliding_window_view(x, 3).sum(axis=-1),
    "diagonals": lambda x: np.diagonal(x[:49].reshape(7, 7)) ** 2,
    "maximum": lambda x: np.maximum(x[1:], x[:-1]),
    "split": lambda x: np.split(x, 3)[1] * np.split(x, 3)[2],
    "elements": lambda x: np.array([x[0] * x[1], x[-1] ** 2]),
    "element of a matrix": lambda x: x.reshape(6, 10)[2, 3] * x[:2],
    "loop": lambda x: np.array([x[i] * x[i - 1] for i in range(60)]),
    "iteration": lambda x: sum(v * v for v in x),
    "coercion": lambda x: np.asarray(x)[:5] * 2,
    "solve": lambda x: np.linalg.solve(np.diag(np.arange(1.0, 61.0)), x**2),
    "norm": lambda x: np.linalg.norm(x[:3]),
    "gradient with places": lambda x: np.gradient(x * x, np.arange(60.0) ** 1.5, edge_order=2),
    "gradient along an axis": lambda x: np.gradient(x.reshape(6, 10) * 2, 0.5, axis=0, edge_order=2),
    "convolve": lambda x: np.convolve(x, [1.0, -2.0, 3.0], "same"),
    "convolve valid": lambda x: np.convolve(x * x, [1.0, -2.0, 3.0, 4.0], "valid"),
    "correlate": lambda x: np.correlate(x, [1.0, -2.0, 3.0, 4.0], "same") * np.correlate(x, [1.0, 2.0], "full")[:-1],
    "copies": lambda x: x.copy()[2:] * x.astype(np.float64)[:-2],
    "assignment": assigned,
    "views written to": written_over,
    "overlapping views written to": written_through_two_views,
    "the input written to": input_written,
    "scatter": scattered,
    "brusselator": None,
    "constant": lambda x: np.ones(3),
    "partly constant": lambda x: np.concatenate([np.ones(3), x[:2]]),
    "nested": lambda x: dd.jacobian(lambda y: y * x[:3])(np.ones(3)) * 1.0,
    "nested the other way": lambda x: dd.derivative(lambda t: np.sin(t * x))(0.5),
    "complex on the way": lambda x: np.abs(np.fft.fft(x[:8])),
    "single precision on the way": lambda x: x.astype(np.float32)[1:] * x.astype(np.float32)[:-1],
    "einsum": lambda x: np.einsum("ij,ij->i", x.reshape(6, 10), x.reshape(6, 10)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("forced", [False, True])
def test_structure_changes_nothing(name, forced, request):
    if forced:
        request.getfixturevalue("always")
    f, x = FUNCTIONS[name], point()
    if name == "brusselator":
        f, x = brusselator, point(128)
    before = x.copy()
    value, jac = dd.value_and_jacobian(f)(x)
    expected_value, expected = dd.value_and_jacobian(f, chunk_size=10**9)(x)
    tolerance = 1e-5 if "single" in name else 1e-13
    np.testing.assert_allclose(value, expected_value, rtol=tolerance)
    np.testing.assert_allclose(jac, expected, rtol=tolerance, atol=tolerance)
    np.testing.assert_array_equal(x, before)
    assert value.dtype == expected_value.dtype
    assert jac.dtype == expected.dtype


def kept(f, x):
    """How many planes the result of a structured pass has; None where it is dense."""
    seen = []

    def watched(x):
        y = f(x)
        columns = getattr(y, "_columns", None)
        seen.append(None if columns is None else len(columns.numbers))
        return y

    dd.jacobian(watched)(x)
    assert len(seen) == 1
    return seen[0]


@pytest.mark.parametrize(("name", "planes"), [
    ("elementwise", 1), ("slices", 3), ("differences", 3), ("rolls", 2), ("gathers", 2), ("where", 1),
    ("concatenate", 1), ("stack and transpose", 1), ("reshapes", 1), ("broadcasting", 2), ("row sums", 3),
    ("column means", 3), ("kept dimensions", 4), ("padding", 1), ("windows", 3), ("maximum", 2), ("split", 2),
    ("assignment", 3), ("copies", 2), ("mean", 2), ("products", 1), ("products from the left", 1), ("total", 2),
    ("inner products", 2), ("solve", None), ("cumulative", None),
])
def test_planes_are_as_many_as_an_element_depends_on(name, planes):
    assert kept(FUNCTIONS[name], point()) == planes


def test_brusselator_keeps_six_planes():
    assert kept(brusselator, point(128)) == 6


@pytest.mark.parametrize("name", ["elementwise", "slices", "assignment", "brusselator", "total", "mean", "products"])
def test_the_function_is_called_once(name):
    f, x = (brusselator, point(128)) if name == "brusselator" else (FUNCTIONS[name], point())
    f = calls(f)
    dd.jacobian(f)(x)
    assert f.count == 1


@pytest.mark.parametrize("name", ["overlapping views written to"])
def test_writing_to_shared_memory_starts_again_with_dense_planes(name):
    f = calls(FUNCTIONS[name])
    dd.jacobian(f)(point())
    assert f.count == 2


def test_catching_everything_does_not_hide_a_restart():
    def f(x):
        try:
            return written_through_two_views(x)
        except BaseException:
            return x * 0.0

    np.testing.assert_array_equal(dd.jacobian(f)(point()), dense(f)(point()))


def test_restart_of_an_outer_pass_goes_through_an_inner_one():
    def f(x):
        x = x * 1.0

        def inner(t):
            view, other = x[1:3], x[2:4]
            view[0] = other[0] * 0.0
            return t * np.ones(40)

        return x * dd.jacobian(inner)(2.0)[0] + dd.grad(lambda z: np.sum(z * z))(np.ones(60))

    np.testing.assert_array_equal(dd.jacobian(f)(point()), dense(f)(point()))


def test_strong_zero_and_infinite_slopes():
    x = point()
    x[:5] = 0.0

    def f(x):
        return np.sqrt(x[1:] * np.r_[np.zeros(10), np.ones(49)]) + x[:-1]

    np.testing.assert_array_equal(dd.jacobian(f)(x), dense(f)(x))
    matrix = np.ones((3, 60))
    matrix[1, 2] = 1e308
    matrix[1, 3] = np.inf
    x[3] = 1.0
    np.testing.assert_array_equal(dd.jacobian(lambda x: matrix @ (x * x))(x), dense(lambda x: matrix @ (x * x))(x))


def test_ties():
    x = np.ones(40)
    f = lambda x: np.maximum(x[1:], x[:-1])
    np.testing.assert_array_equal(dd.jacobian(f)(x), dense(f)(x))


def test_single_precision():
    x = point().astype(np.float32)
    jac = dd.jacobian(FUNCTIONS["slices"])(x)
    assert jac.dtype == np.float32
    np.testing.assert_array_equal(jac, dense(FUNCTIONS["slices"])(x))


def test_matrices_as_inputs():
    x = point(64).reshape(8, 8)
    f = lambda x: x @ np.ones((8, 2)) + x[:, :2] * x.T[:, 1:3]
    np.testing.assert_allclose(dd.jacobian(f)(x), dense(f)(x), rtol=1e-14)


def test_dense_planes_beyond_the_memory_are_made_in_chunks():
    x = point(200)
    f = calls(lambda x: np.cumsum(x) ** 2)
    memory = 8 * 200 * 60
    jac = dd.jacobian(f, max_memory=memory)(x)
    np.testing.assert_allclose(jac, dense(f)(x), rtol=1e-13, atol=1e-15)
    assert f.count > 2


def test_the_printed_form_is_dense():
    seen = []
    dd.jacobian(lambda x: seen.append(repr(x[:2])) or x)(point(32))
    assert seen[0].count("1.") >= 2


@pytest.mark.filterwarnings("default::RuntimeWarning")  # with warnings as errors nothing waits
def test_large_arrays_wait_and_keep_their_structure():
    x = point(40_000)

    def f(x):
        y = x * 1.0
        y = np.exp(y) * y + np.sin(y)
        return y[1:] - y[:-1] * y[1:]

    seen = []

    def planes(x):
        y = f(x)
        seen.append(len(y._columns.numbers))
        return np.sum(y * np.cos(y))

    gradient = dd.grad(planes)(x)
    assert seen == [2]
    y = np.exp(x) * x + np.sin(x)
    d = np.exp(x) * x + np.exp(x) + np.cos(x)
    z = y[1:] - y[:-1] * y[1:]
    outer = np.cos(z) - z * np.sin(z)
    expected = np.zeros_like(x)
    expected[1:] += outer * (1 - y[:-1]) * d[1:]
    expected[:-1] -= outer * y[1:] * d[:-1]
    np.testing.assert_allclose(gradient, expected, rtol=1e-10, atol=1e-12)


def test_memory_of_a_gradient_is_linear():
    import tracemalloc

    peaks = []
    for n in (40_000, 80_000):
        x = point(n)
        dd.grad(rosenbrock)(x)
        tracemalloc.start()
        dd.grad(rosenbrock)(x)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 2.3 * peaks[0]
    assert peaks[1] < 80_000 * 8 * 20


# -- sparse results ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FUNCTIONS)
def test_sparse_jacobians(name):
    sparse = pytest.importorskip("scipy.sparse")
    f, x = (brusselator, point(128)) if name == "brusselator" else (FUNCTIONS[name], point())
    jac = dd.jacobian(f, sparse=True)(x)
    assert isinstance(jac, sparse.csr_array)
    expected = dense(f)(x)
    tolerance = 1e-5 if "single" in name else 1e-13
    np.testing.assert_allclose(jac.toarray(), expected.reshape(-1, x.size), rtol=tolerance, atol=tolerance)


def test_a_sparse_jacobian_takes_no_dense_memory():
    import tracemalloc

    pytest.importorskip("scipy.sparse")
    n = 20_000
    x = point(n)

    def tridiagonal(x):
        return (3 - 2 * x[1:-1]) * x[1:-1] - x[:-2] - 2 * x[2:] + 1

    tracemalloc.start()
    value, jac = dd.value_and_jacobian(tridiagonal, sparse=True)(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (jac.shape, jac.nnz, value.shape) == ((n - 2, n), 3 * (n - 2), (n - 2,))
    np.testing.assert_allclose(jac.diagonal(1), 3 - 4 * x[1:-1], rtol=1e-14)
    np.testing.assert_array_equal(jac.diagonal(0), -np.ones(n - 2))
    np.testing.assert_array_equal(jac.diagonal(2), -2 * np.ones(n - 2))
    assert peak < n * 8 * 60


def test_small_sparse_jacobians_and_repeated_columns():
    pytest.importorskip("scipy.sparse")
    jac = dd.jacobian(lambda x: x[[0, 0, 1]] * x[[0, 1, 1]], sparse=True)(np.array([2.0, 3.0]))
    np.testing.assert_array_equal(jac.toarray(), [[4.0, 0.0], [3.0, 2.0], [0.0, 6.0]])
    assert dd.jacobian(lambda x: x * 0 + 1, sparse=True)(np.ones(3)).shape == (3, 3)
    np.testing.assert_array_equal(dd.jacobian(lambda v: [v[0] * v[1]], sparse=True)([2.0, 3.0]).toarray(), [[3.0, 2.0]])
    np.testing.assert_array_equal(dd.jacobian(lambda v: v * v, sparse=True)(2.0).toarray(), [[4.0]])


def test_sparse_goes_neither_with_batches_nor_inside_another_derivative():
    pytest.importorskip("scipy.sparse")
    with pytest.raises(ValueError, match="batched=True"):
        dd.jacobian(np.sin, sparse=True, batched=True)
    with pytest.raises(dd.DualDiffError, match="sparse=True inside"):
        dd.derivative(lambda t: dd.jacobian(lambda x: x * t, sparse=True)(np.ones(3)) @ np.ones(3))(1.0)


# -- sparse Hessians ---------------------------------------------------------------------------------------------------


def rosenbrock_hessian(x):
    n = x.size
    h = np.zeros((n, n))
    i = np.arange(n - 1)
    h[i, i] += 1200 * x[:-1] ** 2 - 400 * x[1:] + 2
    h[i + 1, i + 1] += 200
    h[i, i + 1] = h[i + 1, i] = -400 * x[:-1]
    return h


@pytest.mark.parametrize("n", [2, 5, 40, 300])
def test_sparse_hessian_of_rosenbrock(n):
    sparse = pytest.importorskip("scipy.sparse")
    f, x = calls(rosenbrock), point(n)
    hess = dd.hessian(f, sparse=True)(x)
    assert isinstance(hess, sparse.csr_array)
    assert hess.nnz == 3 * n - 2
    assert f.count == 1
    np.testing.assert_allclose(hess.toarray(), rosenbrock_hessian(x), rtol=1e-11, atol=1e-10)
    assert (hess != hess.T).nnz == 0


SCALARS = {
    "differences": lambda x: np.sum(np.diff(x, 2) ** 4),
    "rolls": lambda x: np.sum(np.sin(x) * np.roll(x, 1) ** 2),
    "two sums": lambda x: np.sum(x**3) - 2 * np.sum(x[1:] * x[:-1]),
    "matrices": lambda x: np.sum(x.reshape(6, 10)[1:] ** 2 * x.reshape(6, 10)[:-1]),
    "assignment": lambda x: np.sum(assigned(x) ** 2),
    "means": lambda x: np.mean(np.exp(x) * x),
    "gathers": lambda x: np.sum(x[[0, 0, 1, 5, 5]] ** 2 * x[[1, 2, 3, 4, 5]]),
    "where": lambda x: np.sum(np.where(dd.value(x) > 1.0, x**3, -(x**2))),
    "row sums": lambda x: np.sum(x.reshape(20, 3).sum(axis=1) ** 3),
    "loop": lambda x: sum(x[i] * x[i - 1] ** 2 for i in range(60)),
    "dense": lambda x: np.sum(x**2) ** 2,
    "logarithm of a sum": lambda x: np.log(np.sum(np.exp(x))),
    "linear": lambda x: np.sum(x),
    "forward alone": lambda x: dd.derivative(lambda t: np.sum(np.exp(t * x)))(1.0),
}


@pytest.mark.parametrize("name", SCALARS)
def test_sparse_hessians(name):
    pytest.importorskip("scipy.sparse")
    f, x = SCALARS[name], point()
    hess = dd.hessian(f, sparse=True)(x)
    np.testing.assert_allclose(hess.toarray(), dd.hessian(f, mode="forward")(x), rtol=1e-11, atol=1e-11)
    assert (abs(hess - hess.T) > 0).nnz == 0


def test_sparse_hessians_elsewhere():
    pytest.importorskip("scipy.sparse")
    np.testing.assert_array_equal(
        dd.hessian(lambda v: v[0] ** 2 * v[1], sparse=True)([1.0, 3.0]).toarray(), [[6.0, 2.0], [2.0, 0.0]])
    np.testing.assert_array_equal(dd.hessian(lambda v: v**3, sparse=True)(2.0).toarray(), [[12.0]])
    hess, aux = dd.hessian(lambda x: (np.sum(x**3), "more"), sparse=True, has_aux=True)(np.ones(3))
    assert aux == "more"
    np.testing.assert_array_equal(hess.toarray(), 6 * np.eye(3))
    np.testing.assert_array_equal(
        dd.hessian(lambda x: np.sum(x**3), sparse=True, mode="forward")(np.ones(3)).toarray(), 6 * np.eye(3))
    with pytest.raises(ValueError, match="scalar"):
        dd.hessian(np.sin, sparse=True)(np.ones(3))
    with pytest.raises(ValueError, match="batched=True"):
        dd.hessian(np.sum, sparse=True, batched=True)


def test_a_sparse_hessian_takes_no_dense_memory():
    import tracemalloc

    pytest.importorskip("scipy.sparse")
    n = 20_000
    x = point(n)
    tracemalloc.start()
    hess = dd.hessian(rosenbrock, sparse=True)(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_allclose(hess.diagonal(1), -400 * x[:-1], rtol=1e-12)
    assert peak < n * 8 * 150


# -- aliases -----------------------------------------------------------------------------------------------------------


def read_as_dense(x):
    y = x * 1.0
    view = y.reshape(2, -1)
    view @ np.ones(view.shape[1])
    return y, view


def written_after_its_view_became_dense(x):
    y, view = read_as_dense(x)
    y[:4] = 7.0
    return view * 2


def written_after_a_view_of_its_view(x):
    y, view = read_as_dense(x)
    view = view[1]
    y[-4:] *= 3.0
    return view * 2


def added_to_after_its_view_became_dense(x):
    y, view = read_as_dense(x)
    np.add.at(y, np.arange(5), y[:5] ** 2)
    return view * 2


@pytest.mark.parametrize("f", [written_after_its_view_became_dense, written_after_a_view_of_its_view,
                               added_to_after_its_view_became_dense])
def test_views_that_became_dense_still_see_what_is_written(f):
    x = point()
    value, jac = dd.value_and_jacobian(f)(x)
    expected_value, expected = dd.value_and_jacobian(f, chunk_size=10**9)(x)
    np.testing.assert_array_equal(expected_value, f(x))
    np.testing.assert_array_equal(value, expected_value)
    np.testing.assert_array_equal(jac, expected)


# -- writing through views ---------------------------------------------------------------------------------------------


def residual(x):
    y = (3 - 2 * x) * x + 1
    y[1:] -= x[:-1]
    y[:-1] -= 2 * x[1:]
    return y


def named_view(x):
    y = x * 1.0
    view = y[2:20]
    view *= x[1:19]
    view[0] = x[5]
    view[::2] += 1.0
    return y * 2


def view_and_owner(x):
    y = x * x
    view = y[2:20]
    view[:] = x[:18]
    del view
    y[3] = x[4] * x[5]
    return y


def two_dimensions(x):
    y = x.reshape(6, 10) * 1.0
    y[1:, ::2] += x.reshape(6, 10)[:-1, ::2] ** 2
    y[0] *= 2.0
    y[:, 3] = 0.0
    return y


def the_view_shows_it(x):
    y = x * 1.0
    view = y[2:5]
    view -= x[:3]
    return np.concatenate([view * 2, y[:6]])


def the_owner_was_written(x):
    y = x * 1.0
    view = y[2:5]
    y[3] = x[0]
    return view * y[:3]


def two_views(x):
    y = x * 1.0
    a, b = y[2:8], y[4:10]
    a += 1.0
    b *= x[:6]
    return a * b


def view_of_a_view(x):
    y = x * 1.0
    inner = y[2:30][3:9]
    inner += x[:6]
    return y


WRITERS = (residual, named_view, view_and_owner, two_dimensions, the_view_shows_it, the_owner_was_written, two_views,
           view_of_a_view)


@pytest.mark.parametrize("f", WRITERS)
def test_writing_through_views_is_that_of_numpy(f):
    x = point()
    expected = f(x)
    value, jac = dd.value_and_jacobian(f)(x)
    np.testing.assert_array_equal(value, expected)
    np.testing.assert_allclose(jac, dense(f)(x), rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(jac, dd.jacobian(f, mode="reverse")(x), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("f", [residual, two_dimensions, the_view_shows_it, written_over])
def test_writing_through_the_only_view_keeps_structure(f):
    assert kept(f, point()) is not None


# -- variables of their own: results of sums and products --------------------------------------------------------------


def network(x, layers):
    for weights, bias in layers[:-1]:
        x = np.tanh(weights @ x + bias)
    weights, bias = layers[-1]
    z = weights @ x + bias
    e = np.exp(z - np.max(z))
    return e / np.sum(e)


def layers_of(*sizes):
    rng = np.random.default_rng(3)
    return [(rng.normal(size=(n, m)) / np.sqrt(m), rng.normal(size=n)) for m, n in pairwise(sizes)]


def test_a_layer_costs_one_plane():
    layers, x = layers_of(40, 25, 25, 6), point(40)
    assert kept(lambda x: np.tanh(layers[0][0] @ x + layers[0][1]), x) == 1
    assert kept(lambda x: np.tanh(layers[1][0] @ np.tanh(layers[0][0] @ x)), x) == 1
    assert kept(lambda x: network(x, layers), x) == 3
    f = lambda x: network(x, layers)
    jac = dd.jacobian(f, mode="forward")(x)
    np.testing.assert_allclose(jac, dense(f)(x), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(jac, dd.jacobian(f, mode="reverse")(x), rtol=1e-12, atol=1e-15)


def moved_results(x):
    """Results that are sliced, gathered, joined, written to, and meet what depends on the inputs themselves."""
    a = np.arange(1.0, 181.0).reshape(3, 60) / 50
    u = np.exp(-(a @ x))
    z = np.zeros(8, like=x)
    z[1:4] = u
    z[4] = x[0] * u[1]
    z[5:7] += u[::-1][:2] * x[:2]
    z = np.roll(np.concatenate([z, u[[0, 0, 2]], x[:3] ** 2]), 2)
    s = np.sum(z)
    return np.outer(z[:4], z[2:5]) * s + np.stack([s, u[0], x[5], np.mean(x)])[:, None]


def sums_along(x):
    y = x.reshape(6, 10)
    u = np.arange(60.0).reshape(10, 6) / 30 @ np.sin(y[:, 0])
    return np.sum(u[:, None] * y[:2].T, axis=0) + np.mean(y * y, axis=1, keepdims=True)[:2, 0] * np.sum(y)


@pytest.mark.parametrize("f", [moved_results, sums_along])
@pytest.mark.parametrize("most", [2, 4, 64])
def test_results_as_variables_change_nothing(f, most, monkeypatch):
    monkeypatch.setattr(tangents, "MOST", most)
    x = point()
    np.testing.assert_allclose(dd.jacobian(f, mode="forward")(x), dense(f)(x), rtol=1e-12, atol=1e-13)
    pytest.importorskip("scipy.sparse")
    np.testing.assert_allclose(
        dd.jacobian(f, sparse=True)(x).toarray(), dense(f)(x).reshape(-1, 60), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(dd.hessian(f, mode="forward")(x), dense_hessian(f)(x), rtol=1e-11, atol=1e-12)


def test_a_matrix_that_changes_later_does_no_harm():
    x = point(40)

    def f(x):
        matrix = np.sin(np.arange(80.0)).reshape(2, 40)
        u = matrix @ x
        matrix[...] = np.nan
        other = np.cos(np.arange(4.0)).reshape(2, 2)
        v = other @ np.tanh(u)
        w = np.tanh(u) @ other
        other[...] = np.nan
        return v * w * x[:2]

    np.testing.assert_allclose(dd.jacobian(f, mode="forward")(x), dense(f)(x), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(dd.hessian(f, mode="forward")(x), dense_hessian(f)(x), rtol=1e-11, atol=1e-13)


def test_results_of_products_are_written_to():
    matrix = np.sin(np.arange(400.0)).reshape(10, 40)

    def f(x):
        u = matrix @ x
        v = u * 1.0
        u[2:5] = x[:3]
        u[0] = 3.0
        u *= v
        return np.concatenate([u, v])

    x = point(40)
    np.testing.assert_allclose(dd.jacobian(f, mode="forward")(x), dense(f)(x), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(dd.hessian(f, mode="forward")(x), dense_hessian(f)(x), rtol=1e-11, atol=1e-13)


def test_results_never_alias_what_the_pass_holds():
    matrix = np.sin(np.arange(400.0)).reshape(10, 40)
    before, x = matrix.copy(), point(40)
    for f in (lambda x: matrix @ x, lambda x: x @ matrix.T, lambda x: np.sum(x), lambda x: x):
        first = dd.jacobian(f, mode="forward")(x)
        expected = first.copy()
        first[...] = np.nan
        np.testing.assert_array_equal(dd.jacobian(f, mode="forward")(x), expected)
    np.testing.assert_array_equal(matrix, before)


def test_strong_zero_of_results():
    matrix = np.ones((4, 40))
    matrix[0, :3] = 0.0
    matrix[1] = 0.0
    x = point(40)
    x[3:] = 0.0

    def f(x):
        u = matrix @ x  # element 1 is 0 and depends on nothing
        return np.sqrt(u) * np.array([1.0, 1.0, 0.0, 1.0]) + np.sqrt(u)[::-1]

    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(dd.jacobian(f, mode="forward")(x), dense(f)(x))
        np.testing.assert_array_equal(dd.hessian(f, mode="forward")(x), dense_hessian(f)(x))
        np.testing.assert_array_equal(
            dd.hessian(lambda x: np.sum(f(x)), mode="forward")(x), dense_hessian(lambda x: np.sum(f(x)))(x))


# -- second derivatives ------------------------------------------------------------------------------------------------


def kept_second(f, x, **options):
    """How many planes the result of a structured pass of second order has, and how many ε1ε2 planes."""
    seen = []

    def watched(x):
        y = f(x)
        columns = getattr(y, "_columns", None)
        seen.append(None if columns is None else (len(columns.numbers), columns.pairs.shape[1]))
        return y

    dd.hessian(watched, mode="forward", **options)(x)
    return seen[0]


@pytest.mark.parametrize(("f", "planes"), [
    (lambda x: x * 2 + 1, (1, 0)), (lambda x: x[1:] + x[:-1], (2, 0)), (lambda x: x[1:] * x[:-1], (2, 1)),
    (lambda x: np.exp(x), (1, 1)), (lambda x: np.exp(x[1:] - x[:-1]), (2, 3)), (lambda x: np.sum(x**2), (1, 0)),
    (lambda x: np.sum(x**2) ** 2, (1, 1)), (lambda x: np.ones((5, 60)) @ x, (1, 0)),
    (lambda x: np.exp(np.ones((5, 60)) @ x), (1, 1)), (lambda x: np.max(x) ** 2, (1, 1)),
    (lambda x: x.reshape(20, 3).sum(axis=1), (3, 0)), (lambda x: (x.reshape(20, 3) ** 2).sum(axis=1), (3, 3)),
    (lambda x: np.concatenate([x[:3] ** 2, x[3:]]), (1, 1)),
    (lambda x: np.take(x, [0]) * x[1:2] + x[2:3], (3, 1)),
])
def test_only_pairs_with_second_derivatives_have_planes(f, planes):
    assert kept_second(f, point()) == planes


def logistic(design, sign, form):
    def loss(w):
        z = -sign * (design @ w)
        if form == "log":
            return np.sum(np.log(1.0 + np.exp(z))) + 0.5 * np.sum(w**2)
        if form == "log1p":
            return np.sum(np.log1p(np.exp(z))) + 0.5 * np.dot(w, w)
        return np.mean(np.logaddexp(0.0, z)) * len(sign) + 0.5 * (w @ w)

    return loss


@pytest.mark.parametrize("form", ["log", "log1p", "logaddexp"])
@pytest.mark.parametrize("mode", ["auto", "forward"])
@pytest.mark.parametrize(("rows", "n"), [(50, 8), (300, 60), (40, 300)])
def test_hessian_of_logistic_regression(form, mode, rows, n):
    rng = np.random.default_rng(n)
    design, sign, w = rng.normal(size=(rows, n)), rng.choice([-1.0, 1.0], rows), rng.normal(size=n) / n
    f = calls(logistic(design, sign, form))
    value, gradient, hess = dd.value_grad_and_hessian(f, mode=mode)(w)
    assert f.count == 1
    p = 1 / (1 + np.exp(sign * (design @ w)))
    expected = design.T * (p * (1 - p)) @ design + np.eye(n)
    np.testing.assert_array_equal(hess, hess.T)
    np.testing.assert_allclose(hess, expected, rtol=1e-12, atol=1e-12 * np.abs(expected).max())
    np.testing.assert_allclose(gradient, -design.T @ (sign * p) + w, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(value, f(w), rtol=1e-14)


def test_hessian_of_a_network_goes_back_through_its_layers():
    layers, x = layers_of(40, 25, 25, 6), point(40)

    def f(x):
        return -np.log(network(x, layers)[2]) + np.sum(network(x, layers) ** 2)

    hess = dd.hessian(f)(x)
    np.testing.assert_array_equal(hess, hess.T)
    np.testing.assert_allclose(hess, dense_hessian(f)(x), rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(hess, dd.hessian(f, mode="reverse")(x), rtol=1e-10, atol=1e-13)


def test_no_array_of_second_order_planes_is_made():
    import tracemalloc

    rng = np.random.default_rng(1)
    design, w = rng.normal(size=(20_000, 40)), rng.normal(size=40) / 40
    f = lambda w: np.sum(np.log1p(np.exp(design @ w)))
    dd.hessian(f)(w)
    tracemalloc.start()
    dd.hessian(f)(w)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # The matrix twice, and some vectors; dense ε1ε2 planes would be twenty times the matrix.
    assert peak < 4 * design.nbytes


HESSIANS = {name: f for name, f in FUNCTIONS.items()
            if name not in ("brusselator", "nested", "complex on the way", "single precision on the way")}


@pytest.mark.parametrize("name", HESSIANS)
def test_second_derivatives_are_the_same_with_structure(name):
    f, x = HESSIANS[name], point()
    weighted = lambda x: np.sum(f(x) * np.cos(np.arange(np.size(f(dd.value(x))))).reshape(np.shape(f(dd.value(x)))))
    expected = dense_hessian(weighted)(x)
    for mode in ("auto", "forward"):
        hess = dd.hessian(weighted, mode=mode)(x)
        np.testing.assert_allclose(hess, expected, rtol=1e-11, atol=1e-12)
        np.testing.assert_array_equal(hess, hess.T)


@pytest.mark.parametrize("f", [*WRITERS, written_over, written_through_two_views, input_written, scattered, assigned])
def test_writing_is_that_of_numpy_at_second_order(f):
    x = point()
    value, gradient, hess = dd.value_grad_and_hessian(lambda x: np.sum(f(x) ** 3))(x)
    np.testing.assert_allclose(value, np.sum(dd.value(f(x * 1.0)) ** 3) if f is not scattered else value, rtol=1e-13)
    np.testing.assert_allclose(hess, dense_hessian(lambda x: np.sum(f(x) ** 3))(x), rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(gradient, dd.grad(lambda x: np.sum(f(x) ** 3), chunk_size=60)(x), rtol=1e-11, atol=1e-11)


def test_vectors_have_hessians_of_their_entries():
    x = point(12)
    matrix = np.sin(np.arange(36.0)).reshape(3, 12)
    for f in (lambda x: np.exp(x[1:]) * x[:-1], lambda x: np.exp(matrix @ x), lambda x: matrix @ x**3,
              lambda x: np.tanh(matrix @ x) * x[:3] * np.sum(x**2)):
        np.testing.assert_allclose(dd.hessian(f, mode="forward")(x), dense_hessian(f)(x), rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(dd.hessian(f)(x), dense_hessian(f)(x), rtol=1e-11, atol=1e-13)


def test_automatic_mode_tries_structure_once():
    f = calls(lambda x: np.sum(np.cumsum(x**2)) ** 2 * x[0])  # dense planes of as many elements as there are inputs
    x, derivative = point(200), dd.hessian(f)
    expected = dd.hessian(f, mode="reverse")(x)
    f.count = 0
    np.testing.assert_allclose(derivative(x), expected, rtol=1e-11)
    assert f.count == 2
    np.testing.assert_allclose(derivative(x), expected, rtol=1e-11)
    assert f.count == 3


def test_second_order_under_strict_and_at_ties(always):
    x = np.array([0.0, 1.0, 1.0, 2.0, -1.0, 3.0, 0.5, 0.25])
    matrix = np.sin(np.arange(24.0)).reshape(3, 8)
    for f in (lambda x: np.sum(np.abs(x) ** 2), lambda x: np.sum(np.maximum(x[1:], x[:-1]) ** 2),
              lambda x: np.sum(np.abs(matrix @ (x * 0.0)) * x[0]), lambda x: np.max(x[1:3]) ** 2):
        for strict in (False, True):
            np.testing.assert_array_equal(
                dd.hessian(f, mode="forward", strict=strict)(x), dense_hessian(f, strict=strict)(x))


def test_second_order_in_single_precision():
    x = point(40).astype(np.float32)
    design = np.sin(np.arange(400.0, dtype=np.float32)).reshape(10, 40)
    f = lambda x: np.sum(np.exp(design @ x) ** 2) + np.sum(x[1:] * x[:-1] ** 2)
    hess = dd.hessian(f, mode="forward")(x)
    assert hess.dtype == np.float32
    expected = dense_hessian(f)(x)
    np.testing.assert_allclose(hess, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


def test_nested_derivatives_go_through():
    x = point(40)
    f = lambda x, t: np.sum(np.sin(t * x[1:]) * x[:-1])
    np.testing.assert_allclose(
        dd.derivative(lambda t: dd.hessian(f, mode="forward")(x, t))(0.5),
        dd.derivative(lambda t: dense_hessian(f)(x, t))(0.5), rtol=1e-12, atol=1e-13)
    g = lambda x: np.sum(x * dd.grad(lambda y: np.sum(np.sin(x * y)))(np.ones(40)))
    np.testing.assert_allclose(dd.hessian(g)(x), dense_hessian(g)(x), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("n", [40, 400])
def test_numbers_taken_out_of_an_array_stay_structured(n):
    def f(x):
        total = 0.0
        for i in range(1, len(x)):
            total = total + 100.0 * (x[i] - x[i - 1] ** 2) ** 2 + (1.0 - x[i - 1]) ** 2
        return total

    x = point(n)
    np.testing.assert_allclose(dd.hessian(f, mode="forward")(x), rosenbrock_hessian(x), rtol=1e-11, atol=1e-10)


def test_a_loop_of_numbers_over_few_variables_takes_scalars():
    """Numbers of the input are scalars with windows; those of results of sums and products make the pass give up."""
    single = calls(lambda x: sum(x[i] * x[i - 1] ** 2 for i in range(len(x))))
    np.testing.assert_allclose(dd.hessian(single, mode="forward")(point(40)), dense_hessian(single)(point(40)))
    assert single.count == 2

    matrix = np.cos(np.arange(1600.0)).reshape(40, 40)

    def f(x):
        y = matrix @ x
        return sum(y[i] * y[i - 1] ** 2 for i in range(len(x)))

    f, x = calls(f), point(40)
    derivative = dd.hessian(f, mode="forward")
    expected = dense_hessian(f)(x)
    f.count = 0
    np.testing.assert_allclose(derivative(x), expected, rtol=1e-13)
    assert f.count == 2
    derivative(x)
    assert f.count == 3  # remembered


def test_an_intercept_keeps_structure():
    design = np.sin(np.arange(300.0)).reshape(30, 10)
    f = lambda w: np.sum(np.logaddexp(0.0, w[0] + design @ w[1:]))
    w = point(11)
    np.testing.assert_allclose(dd.hessian(f)(w), dense_hessian(f)(w), rtol=1e-12, atol=1e-14)
    assert kept_second(lambda w: np.logaddexp(0.0, w[0] + design @ w[1:]), w) == (2, 3)


def test_memory_of_a_loop_of_products_does_not_grow():
    import tracemalloc

    matrix = np.sin(np.arange(6400.0)).reshape(80, 80) / 20

    def steps(x, count):
        for _ in range(count):
            x = np.tanh(matrix @ x)
        return np.sum(x)

    peaks = []
    for count in (100, 400):
        tracemalloc.start()
        gradient = dd.grad(steps, mode="forward")(point(80), count)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        np.testing.assert_allclose(
            gradient, dd.grad(steps, chunk_size=80)(point(80), count), rtol=1e-9, atol=1e-300)
    assert peaks[1] < 1.2 * peaks[0]


def test_long_chains_of_results():
    def f(x):
        s = np.sum(x)
        for _ in range(1500):
            s = np.sum(x[:3] * 0.3) + np.sin(s) * 0.5
        return s * np.sum(x**2)

    x = point(40)
    np.testing.assert_allclose(dd.hessian(f)(x), dense_hessian(f)(x), rtol=1e-11, atol=1e-12)


def test_dense_second_order_planes_beyond_the_memory_are_made_in_chunks():
    x = point(30)
    f = calls(lambda x: np.sum(np.cumsum(x**2)) ** 2)
    memory = 8 * 30 * 30 * 4
    hess = dd.hessian(f, mode="forward", max_memory=memory)(x)
    np.testing.assert_allclose(hess, dense_hessian(f)(x), rtol=1e-12)
    assert f.count > 3


def test_sums_that_share_a_variable_are_found_again():
    pytest.importorskip("scipy.sparse")
    matrix = np.sin(np.arange(400.0)).reshape(10, 40)
    for f in (lambda x: np.sum((x - x.mean()) ** 2), lambda x: np.log(np.sum(np.exp(x))) + np.sum(np.diff(x) ** 4),
              lambda x: np.sum(np.exp(matrix @ x)) * np.sum(x**2), lambda x: np.var(x) ** 2 + x[0] * x[3]):
        x = point(40)
        expected = dense_hessian(f)(x)
        for mode in ("auto", "forward"):
            hess = dd.hessian(f, sparse=True, mode=mode)(x)
            assert (abs(hess - hess.T) > 0).nnz == 0
            np.testing.assert_allclose(hess.toarray(), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("order", ["slices", "gathers"])
def test_sparse_assembly_adds_what_comes_twice(order):
    pytest.importorskip("scipy.sparse")
    places = np.arange(40) if order == "slices" else np.random.default_rng(1).permutation(40)
    f = lambda x: np.sum(x[places][1:] ** 2 * x[places][:-1]) + np.sum(x[[3, 3, 5]] ** 2 * x[[3, 4, 3]])
    x = point(40)
    hess = dd.hessian(f, sparse=True)(x)
    assert hess.has_canonical_format
    assert hess.has_sorted_indices
    hess.check_format(full_check=True)
    np.testing.assert_allclose(hess.toarray(), dense_hessian(f)(x), rtol=1e-12, atol=1e-13)
    assert hess.nnz < 40 * 3 + 6


# -- products of arrays of two dimensions ------------------------------------------------------------------------------


def regression_of_matrices(x):
    inputs = np.sin(np.arange(60.0)).reshape(12, 5)
    first, bias, second = x[:20].reshape(5, 4), x[20:24], x[24:32].reshape(4, 2)
    return np.tanh(inputs @ first + bias), second


MATRICES = {
    "plain times structured": lambda x: np.sin(np.arange(12.0)).reshape(2, 6) @ (x.reshape(6, 10) ** 2),
    "structured times plain": lambda x: np.exp(x.reshape(6, 10) @ np.cos(np.arange(30.0)).reshape(10, 3)),
    "times a vector": lambda x: (x.reshape(6, 10) @ np.arange(10.0)) ** 2,
    "a vector times": lambda x: np.arange(6.0) @ x.reshape(6, 10) * x[:10],
    "three dimensions": lambda x: np.tanh(x.reshape(2, 3, 10) @ np.cos(np.arange(20.0)).reshape(10, 2)),
    "by the transpose": lambda x: (x.reshape(6, 10).T @ np.cos(np.arange(18.0)).reshape(6, 3)).T[::2] * 2,
    "a layer": lambda x: regression_of_matrices(x)[0],
    "two layers": lambda x: np.matmul(*regression_of_matrices(x)),
    "layers behind each other": lambda x: np.tanh(
        np.sin(np.arange(16.0)).reshape(4, 4) @ np.tanh(np.cos(np.arange(24.0)).reshape(4, 6) @ x.reshape(6, 10))),
}


@pytest.mark.parametrize("name", MATRICES)
def test_products_of_matrices_change_nothing(name):
    f, x = MATRICES[name], point()
    value, jac = dd.value_and_jacobian(f, mode="forward")(x)
    np.testing.assert_allclose(value, f(x), rtol=1e-14)
    np.testing.assert_allclose(jac, dense(f)(x), rtol=1e-12, atol=1e-13)
    weighted = lambda x: np.sum(np.sin(f(x)))
    np.testing.assert_allclose(dd.grad(weighted, mode="forward")(x), dense(weighted)(x), rtol=1e-12, atol=1e-13)
    for mode in ("forward", "auto"):
        hess = dd.hessian(weighted, mode=mode)(x)
        np.testing.assert_array_equal(hess, hess.T)
        np.testing.assert_allclose(hess, dense_hessian(weighted)(x), rtol=1e-11, atol=1e-12)


def test_a_gradient_by_the_weights_of_a_layer_makes_no_dense_planes():
    import tracemalloc

    inputs = np.sin(np.arange(6400.0)).reshape(100, 64)
    loss = lambda w: np.sum(np.tanh(inputs @ w.reshape(64, 64)) ** 2)
    w = point(4096) / 64
    dd.grad(loss, mode="forward")(w)
    tracemalloc.start()
    gradient = dd.grad(loss, mode="forward")(w)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_allclose(gradient, dd.grad(loss, mode="reverse")(w), rtol=1e-11, atol=1e-13)
    assert peak < 4096 * 8 * 40


# -- sums as numbers ---------------------------------------------------------------------------------------------------

DESIGN = np.sin(np.arange(120.0)).reshape(3, 40)
NUMBERS = {
    "complex": lambda x: np.abs(np.sum(x**2) * (1 + 2j)),
    "real": lambda x: np.real(np.sum(x**2)) * x[0],
    "where": lambda x: np.where(dd.value(x[:3]) > 1, np.sum(x**2), x[:3]),
    "maximum": lambda x: np.maximum(np.sum(x**2), 1.0) * np.maximum(np.sum(x), x[:3]),
    "full": lambda x: np.full(3, np.sum(x**2), like=x) * x[:3],
    "array": lambda x: np.array([np.sum(x**2), 1.0, x[0]]) * 2,
    "array of sums mean": lambda x: np.mean([np.sum(x**2), np.sum(x), x[0] * x[1]]),
    "std list": lambda x: np.std([np.sum(x**2), np.sum(x), x[0] * x[1]]),
    "sum list": lambda x: sum([np.sum(x**2), np.sum(x)]),
    "stack": lambda x: np.stack([np.sum(x**2), np.sum(x) ** 2]),
    "round": lambda x: np.round(np.sum(x**2), 1) + np.sum(x),
    "floordiv": lambda x: np.sum(x**2) // 1.0 + np.sum(x) % 1.0,
    "divmod": lambda x: divmod(np.sum(x**2), 0.7)[1],
    "pow": lambda x: 2.0 ** np.sum(x * 0.1) + np.sum(x) ** -1.5,
    "concat": lambda x: np.concatenate([np.array([np.sum(x**2)], dtype=object), x[:2]]),
    "append": lambda x: np.append(x[:2], np.sum(x**2)),
    "linspace": lambda x: np.linspace(0.0, np.sum(x**2), 5),
    "dot": lambda x: np.dot(np.sum(x**2), x[:3]),
    "matmul rows": lambda x: (DESIGN @ x) @ (DESIGN @ x) + (DESIGN @ x)[0] ** 2,
    "einsum": lambda x: np.einsum("i,i->", x, x),
    "norm": lambda x: np.linalg.norm(DESIGN @ x),
    "norm all": lambda x: np.linalg.norm(x),
    "det": lambda x: np.linalg.det(np.stack([np.sum(x), x[0], x[1], np.sum(x**2)]).reshape(2, 2)),
    "logsumexp": lambda x: dd.logsumexp(DESIGN @ x) + dd.logsumexp(x),
    "softmax": lambda x: dd.softmax(DESIGN @ x),
    "log_softmax": lambda x: dd.log_softmax(DESIGN @ x)[1],
    "reshape": lambda x: np.reshape(np.sum(x**2), (1, 1)) * x[:2],
    "item": lambda x: np.sum(x**2).item() * 2,
    "outer": lambda x: np.outer(DESIGN @ x, x[:2]) * np.sum(x),
    "var": lambda x: np.var(x) * np.var(DESIGN @ x),
    "cumsum": lambda x: np.cumsum(DESIGN @ x) * np.sum(x),
    "sort": lambda x: np.sort(DESIGN @ x) * np.sum(x),
    "median": lambda x: np.median(DESIGN @ x) * np.sum(x),
    "prod": lambda x: np.prod(DESIGN @ x),
    "meshgrid": lambda x: np.meshgrid(x[:2], DESIGN @ x)[0] * np.sum(x),
    "interp": lambda x: np.interp(np.sum(x) / 40.0, np.arange(3.0), DESIGN @ x),
    "clip": lambda x: np.clip(np.sum(x), 0.0, 100.0) * np.clip(DESIGN @ x, -0.1, 0.1),
    "min": lambda x: np.min(DESIGN @ x) * np.max(x) + np.ptp(DESIGN @ x),
    "abs": lambda x: abs(np.sum(x) - 30),
    "neg": lambda x: -np.sum(x**2) + +np.sum(x),
    "ones mean axis": lambda x: np.mean(x.reshape(8, 5), axis=1) @ np.mean(x.reshape(8, 5) ** 2, axis=1),
    "diag": lambda x: np.trace(np.diag(DESIGN @ x)) * np.sum(x),
    "kron": lambda x: np.kron(DESIGN @ x, x[:2]),
    "cross": lambda x: np.cross(DESIGN @ x, x[:3]),
    "polyval": lambda x: np.polyval(DESIGN @ x, np.sum(x) / 40),
    "convolve": lambda x: np.convolve(DESIGN @ x, [1.0, 2.0]),
    "fft": lambda x: np.abs(np.fft.rfft(DESIGN @ x)) ** 2,
    "roll": lambda x: np.roll(DESIGN @ x, 1) * (DESIGN @ x),
    "searchsorted": lambda x: np.searchsorted(np.sort(dd.value(DESIGN @ x)), 0.1) * np.sum(x),
    "list result": lambda x: [np.sum(x**2), x[0] * np.sum(x)],
    "hypot": lambda x: np.hypot(np.sum(x), np.sum(x**2)),
    "sign": lambda x: np.sign(np.sum(x)) * np.sum(x * x),
    "bool": lambda x: np.sum(x) if bool(np.sum(x)) else 0.0,
    "nan_to_num": lambda x: np.nan_to_num(np.sum(x)) * np.nan_to_num(DESIGN @ x),
    "mean keepdims": lambda x: (x.reshape(8, 5) - np.mean(x.reshape(8, 5), axis=0, keepdims=True))[0] ** 2,
    "var axis": lambda x: np.var(x.reshape(8, 5), axis=0),
    "standardise": lambda x: ((x - x.mean()) / x.std())[:4] ** 3,
    "minmax": lambda x: (x - x.min()) / (x.max() - x.min()),
    "add.at": lambda x: (lambda z: (np.add.at(z, [0, 0, 1], DESIGN @ x), z * z)[1])(np.zeros(3, like=x)),
    "broadcast_to": lambda x: np.broadcast_to(np.sum(x**2), (2, 3)) * x[:3],
    "atleast": lambda x: np.atleast_1d(np.sum(x**2)) * x[:2],
    "squeeze": lambda x: np.squeeze(np.sum(x.reshape(1, 40), axis=1, keepdims=True)) ** 2,
    "sum initial": lambda x: np.sum(x**2, initial=2.0) * np.sum(DESIGN @ x, where=[True, False, True]),
    "average": lambda x: np.average(x, weights=np.arange(40.0)),
    "cov": lambda x: np.cov(np.stack([DESIGN @ x, x[:3]])),
    "sum bool": lambda x: np.sum(dd.value(x) > 1) * np.sum(x),
}


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_numbers_and_results_meet_everything(name):
    f, x = NUMBERS[name], point(40)
    for mode in ("forward", "auto"):
        for got, want in ((dd.jacobian(f, mode=mode)(x), dense(f)(x)),
                          (dd.hessian(f, mode=mode)(x), dense_hessian(f)(x))):
            for one, expected in zip(*((got, want) if isinstance(want, list) else ([got], [want])), strict=True):
                assert np.shape(one) == np.shape(expected)
                np.testing.assert_allclose(one, expected, rtol=1e-10, atol=1e-11)


def written_after_a_sum(x):
    y = x * 1.0
    s = np.sum(y * y) + np.sum(y)
    u = np.sin(np.arange(180.0)).reshape(3, 60) @ y
    y[0] = 3.0
    y[2:5] *= 2.0
    y[1:] -= x[:-1]
    y[True] += 1.0
    y[np.arange(60) % 7 == 0] *= 1.5
    u[1] = s
    return np.concatenate([u, y * s])


def test_nothing_of_results():
    matrix = np.ones((4, 60))
    for f in (lambda x: (matrix @ (matrix.T @ np.tanh(matrix @ x)))[:0], lambda x: matrix[:0] @ x,
              lambda x: x[:0] @ x[:0]):
        np.testing.assert_array_equal(dd.jacobian(f, mode="forward")(point()), dense(f)(point()))
        np.testing.assert_array_equal(dd.hessian(f, mode="forward")(point()), dense_hessian(f)(point()))


def test_the_way_back_through_slices():
    matrix = np.sin(np.arange(232.0)).reshape(4, 58)

    def f(x):
        u = matrix @ (x[1:-1] * x[2:] + x[::-1][:58])
        return np.tanh(np.cos(np.arange(8.0)).reshape(2, 4) @ (u * np.sum(x[::2] * x[1::2])))

    x = point()
    np.testing.assert_allclose(dd.jacobian(f, mode="forward")(x), dense(f)(x), rtol=1e-11, atol=1e-13)


def test_writing_to_what_was_summed_keeps_structure():
    f, x = calls(written_after_a_sum), point()
    value, jac = dd.value_and_jacobian(f, mode="forward")(x)
    assert f.count == 1
    np.testing.assert_array_equal(value, written_after_a_sum(x))
    np.testing.assert_allclose(jac, dense(f)(x), rtol=1e-12, atol=1e-12)
    number = lambda x: np.sum(np.sin(f(x)))
    f.count = 0
    hess = dd.hessian(number)(x)
    assert f.count == 1
    np.testing.assert_allclose(hess, dense_hessian(number)(x), rtol=1e-10, atol=1e-10)
