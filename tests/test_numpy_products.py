"""Products of arrays: every derivative against differences that are exact, since products of integers are polynomials.

For a polynomial of degree up to 4 the five-point formulas below have no error at all, and with integer data hardly any
rounding; so no tolerance hides a wrong factor.
"""

import numpy as np
import pytest

import dualdiff as dd

RNG = np.random.default_rng(3)


def integers(*shape):
    return RNG.integers(-3, 4, size=shape).astype(float)


X = integers(3, 3)
A, B, W = integers(3, 4), integers(5, 3), integers(2, 3, 3)
V = integers(3)
C = integers(3, 3) + 1j * integers(3, 3)

CASES = {
    "matmul, matrix and matrix": lambda x: x @ x,
    "matmul, matrix and vector": lambda x: x @ V,
    "matmul, vector and matrix": lambda x: V @ x,
    "matmul, dual vector and matrix": lambda x: x[0] @ A,
    "matmul, matrix and dual vector": lambda x: B @ x[0],
    "matmul, both dual, matrix and vector": lambda x: x @ x[1],
    "matmul, both dual, vector and matrix": lambda x: x[2] @ x,
    "matmul, vector and vector": lambda x: x[0] @ x[1],
    "matmul, wide": lambda x: x @ A,
    "matmul, one column": lambda x: B @ x[:, :1],
    "matmul, batch on the left": lambda x: W @ x,
    "matmul, batch on the right": lambda x: x @ W,
    "matmul, dual vector and batch": lambda x: x[0] @ W,
    "matmul, batch and dual vector": lambda x: W @ x[0],
    "matmul, dual batch and matrix": lambda x: (W * x) @ A,
    "matmul, dual batch and vector": lambda x: (W * x) @ V,
    "matmul, vector and dual batch": lambda x: V @ (W * x),
    "matmul, both batches dual": lambda x: (W * x) @ (x + W),
    "matmul, dual vector and dual batch": lambda x: x[0] @ (W * x),
    "matmul, dual batch and dual vector": lambda x: (W * x) @ x[0],
    "matmul, broadcast batches": lambda x: (W[:, None] * x) @ (W[None] + x),
    "matmul, operator with a list": lambda x: x @ [1.0, 2.0, 3.0],
    "matmul, three factors": lambda x: x @ x @ x,
    "matmul, complex": lambda x: np.imag((x * C) @ (x + 1j * x.T)),
    "linalg.matmul": lambda x: np.linalg.matmul(x, x.T),
    "dot, matrices": lambda x: np.dot(x, A),
    "dot, with a number": lambda x: np.dot(x[0, 0], x),
    "dot, higher dimensions": lambda x: np.dot(W * x, W + x),
    "dot, method": lambda x: x.dot(x),
    "vdot": lambda x: np.vdot(x, x),
    "vdot, complex": lambda x: np.real(np.vdot(x * C, x + 1j * x)),
    "vecdot": lambda x: np.vecdot(x, x[0]),
    "vecdot, axis": lambda x: np.linalg.vecdot(x, x * x, axis=0),
    "vecdot, complex": lambda x: np.imag(np.vecdot(x * C, C)),
    "matvec": lambda x: np.matvec(x, x),
    "matvec, batch": lambda x: np.matvec(W * x, x[:2]),
    "vecmat": lambda x: np.vecmat(x, x),
    "vecmat, batch": lambda x: np.vecmat(x[0], W * x),
    "vecmat, complex": lambda x: np.imag(np.vecmat(x[0] * C[0], C)),
    "inner": lambda x: np.inner(x, x * 2 + V),
    "inner, vectors": lambda x: np.inner(x[0], x[1]),
    "inner, higher dimensions": lambda x: np.inner(x, W * x),
    "outer": lambda x: np.outer(x, x[0]),
    "linalg.outer": lambda x: np.linalg.outer(x[0], x[1]),
    "tensordot, one axis": lambda x: np.tensordot(W, x, 1),
    "tensordot, two axes": lambda x: np.tensordot(x, x + V),
    "tensordot, named axes": lambda x: np.tensordot(x, W * x, axes=([0, 1], [2, 1])),
    "tensordot, no axis": lambda x: np.tensordot(x[0], x, 0),
    "linalg.tensordot": lambda x: np.linalg.tensordot(x, x, axes=([0], [1])),
    "einsum, explicit": lambda x: np.einsum("ij,jk->ki", x, x),
    "einsum, implicit": lambda x: np.einsum("ba,bc", x, x),
    "einsum, with spaces": lambda x: np.einsum(" i j , j -> i ", x, x[0]),
    "einsum, ellipsis": lambda x: np.einsum("...ij,...jk->...ik", x, W * x),
    "einsum, implicit ellipsis": lambda x: np.einsum("...ji,i", W * x, x[0]),
    "einsum, ellipsis summed last": lambda x: np.einsum("i...->...", x * x),
    "einsum, three operands": lambda x: np.einsum("i,ij,j->", x[0], x, x[1]),
    "einsum, constant among them": lambda x: np.einsum("ij,jk,kl->il", x, A, A.T @ x),
    "einsum, trace": lambda x: np.einsum("ii", x @ x),
    "einsum, diagonal": lambda x: np.einsum("ii->i", x * x),
    "einsum, transposition": lambda x: np.einsum("ij->ji", x * x),
    "einsum, lists of axes": lambda x: np.einsum(x, [0, 1], x, [1, 2], [2, 0]),
    "einsum, lists of axes, implicit": lambda x: np.einsum(x, [0, 1], V, [1]),
    "einsum, lists with an ellipsis": lambda x: np.einsum(W * x, [Ellipsis, 0], x[0], [0], [Ellipsis]),
    "einsum, optimized": lambda x: np.einsum("ij,jk,kl", x, x, x, optimize=True),
    "einsum, by a path": lambda x: np.einsum("ij,jk,kl", x, x, A, optimize=["einsum_path", (0, 1), (0, 1)]),
    "einsum, of length one": lambda x: np.einsum("ij,ij->ij", x, x[:1]),
    "kron": lambda x: np.kron(x, x[:2]),
    "kron, vector and matrix": lambda x: np.kron(x[0], x),
    "cross": lambda x: np.cross(x, x[0]),
    "cross, axis": lambda x: np.cross(x, x * x, axis=0),
    "cross, axes apart": lambda x: np.cross(x, W[0] * x, axisa=0, axisb=1, axisc=0),
    "linalg.cross": lambda x: np.linalg.cross(x, x[::-1] * 2),
    "trace": lambda x: np.trace(x * x),
    "trace, offset": lambda x: np.trace(x * x, 1),
    "trace, axes": lambda x: np.trace(W * x, 0, 2, 1),
    "linalg.trace": lambda x: np.linalg.trace(W * x * x),
    "linalg.diagonal": lambda x: np.linalg.diagonal(W * x * x, offset=1),
    "linalg.matrix_transpose": lambda x: np.linalg.matrix_transpose(W * x * x),
    "convolve": lambda x: np.convolve(x[0], x[1]),
    "convolve, same": lambda x: np.convolve(x[0], np.arange(5.0), "same"),
    "convolve, valid": lambda x: np.convolve(x.ravel(), x[0], "valid"),
    "correlate": lambda x: np.correlate(x.ravel(), x[1, :2]),
    "correlate, full": lambda x: np.correlate(x[0], x[1, :2], "full"),
    "correlate, complex": lambda x: np.imag(np.correlate(C[0], x[0] * C[1], "full")),
    "multi_dot": lambda x: np.linalg.multi_dot([x[0], x, A, A.T @ x[1]]),
    "multi_dot, matrices": lambda x: np.linalg.multi_dot([x[:1], x, A]),
    "matrix_power": lambda x: np.linalg.matrix_power(x, 3),
    "matrix_power, zero": lambda x: np.linalg.matrix_power(x, 0),
    "matrix_power, four": lambda x: np.linalg.matrix_power(x, 4),
}
if not hasattr(np, "matvec"):  # NumPy 2.2
    CASES = {name: f for name, f in CASES.items() if not name.startswith(("matvec", "vecmat"))}
NAMES = list(CASES)


def along(f, x, d):
    """First and second derivative along d, exact for polynomials of degree 4."""
    far, near, middle = (f(x + 2 * d), f(x - 2 * d)), (f(x + d), f(x - d)), f(x)
    first = (8 * (near[0] - near[1]) - (far[0] - far[1])) / 12
    second = (16 * (near[0] + near[1]) - (far[0] + far[1]) - 30 * middle) / 12
    return first, second


def directed(planes, *directions):
    """Derivatives with respect to x, the last axes, along directions."""
    for d in reversed(directions):
        planes = np.tensordot(planes, d, axes=d.ndim)
    return planes


def close(got, want, tolerance=1e-13):
    got, want = np.asarray(got), np.asarray(want)
    assert got.shape == want.shape
    assert np.abs(got - want).max(initial=0) <= tolerance * max(1.0, np.abs(want).max(initial=0))


@pytest.mark.parametrize("name", NAMES)
def test_first_and_second_order(name):
    f = CASES[name]
    a, b = integers(3, 3), integers(3, 3)
    value, jacobian = dd.value_and_jacobian(f)(X)
    hessian = dd.hessian(f)(X)
    close(value, f(X))
    for d in (a, b):
        first, second = along(f, X, d)
        close(directed(jacobian, d), first)
        close(directed(hessian, d, d), second)
    mixed = (along(f, X, a + b)[1] - along(f, X, a - b)[1]) / 4
    close(directed(hessian, a, b), mixed)


@pytest.mark.parametrize("name", NAMES)
def test_second_order_is_first_order_nested(name):
    f = CASES[name]
    close(dd.jacobian(dd.jacobian(f))(X), dd.hessian(f)(X))


@pytest.mark.parametrize("name", NAMES)
def test_scalar_seeds(name):
    f, d = CASES[name], integers(3, 3)
    first, second = along(f, X, d)
    close(dd.derivative(lambda t: f(X + t * d))(0.0), first)
    close(dd.derivative(lambda t: f(X + t * d), order=2)(0.0), second)


@pytest.mark.parametrize("name", [name for name in NAMES if "path" not in name])
def test_float32_stays_float32(name, monkeypatch):
    f = CASES[name]
    for key in ("A", "B", "C", "V", "W"):
        monkeypatch.setitem(globals(), key, globals()[key].astype(np.complex64 if key == "C" else np.float32))
    x = X.astype(np.float32)
    if f(x).dtype != np.float32:
        pytest.skip("NumPy itself leaves float32 here")
    assert dd.jacobian(f)(x).dtype == np.float32
    assert dd.hessian(f)(x).dtype == np.float32


def test_third_order_by_nesting():
    third = dd.derivative(lambda t: np.einsum("ij,jk,ki->", X * t, X * t, X * t), order=3)(2.0)
    close(third, 6 * np.trace(X @ X @ X))


def test_two_variables():
    mixed = dd.jacobian(lambda y: dd.grad(lambda x: x @ y @ x)(V))(X)
    want = np.zeros((3, 3, 3))
    for i in range(3):
        want[i, i, :] += V
        want[i, :, i] += V
    close(mixed, want)


def test_unequal_seeds():
    """ε1 and ε2 carry different seeds, and an ε1ε2 part of its own: the full product rule."""
    a, b = integers(2, 3, 3), integers(1, 3, 3)
    c = integers(2, 1, 3, 3)
    y = dd.HyperDualArray(X, a, b, c) @ dd.HyperDualArray(X.T, b[[0, 0]], a[:1], 2 * c)
    close(y.e1, a @ X.T + X @ b[[0, 0]])
    close(y.e12, c @ X.T + X @ (2 * c) + a[:, None] @ a[:1] + b[0] @ b[0])


STRONG = [
    # The matrix, the value, the tangent, what the tangent of the product is.
    ([[np.inf, np.inf], [1, 2]], [1, 1], [1, 0], [np.inf, 1]),
    ([[np.inf, np.nan], [1, 2]], [1, 1], [1, 0], [np.inf, 1]),
    ([[np.inf, np.nan], [1, 2]], [1, 1], [0, 1], [np.nan, 2]),
    ([[np.inf, -np.inf], [1, 2]], [1, 1], [1, 1], [np.nan, 3]),
    ([[np.inf, -np.inf], [1, 2]], [1, 1], [1, -1], [np.inf, -1]),
    ([[-np.inf, 5], [1, 2]], [1, 1], [0, 3], [15, 6]),
    ([[0, 5], [1, 2]], [1, 1], [np.inf, 0], [np.nan, np.inf]),
]


@pytest.mark.parametrize("product", [np.matmul, np.dot, lambda a, x: np.einsum("ij,j->i", a, x),
                                     lambda a, x: np.tensordot(a, x, 1), lambda a, x: np.vecdot(a, x),
                                     lambda a, x: np.einsum("ij,j,->i", a, x, 1.0)])
@pytest.mark.parametrize("row", STRONG, ids=range(len(STRONG)))
@pytest.mark.filterwarnings("ignore:invalid value")
def test_strong_zero(product, row):
    a, x, t, want = (np.array(part, float) for part in row)
    got = product(a, dd.DualArray(x, t[None])).tangent[0]
    np.testing.assert_array_equal(got, want)


@pytest.mark.filterwarnings("ignore:overflow")
def test_strong_zero_between_two_tangents():
    """Columns keep apart: an infinite tangent of one seed meets the zero tangent of the other."""
    h = dd.hessian(lambda v: np.exp(1000 * v) @ v)(np.array([1.0, 2.0]))
    np.testing.assert_array_equal(h, [[np.inf, 0], [0, np.inf]])


EMPTY = {
    "no rows": (lambda v: np.ones((0, 3)) @ v, (3,), (0, 3)),
    "no columns": (lambda v: np.ones((3, 0)) @ v, (0,), (3, 0)),
    "einsum": (lambda v: np.einsum("ij,j->i", np.ones((0, 3)), v), (3,), (0, 3)),
    "kron": (lambda v: np.kron(v, np.ones(0)), (3,), (0, 3)),
}


@pytest.mark.parametrize("name", EMPTY)
def test_empty(name):
    f, shape, want = EMPTY[name]
    assert dd.jacobian(f)(np.ones(shape)).shape == want
    assert dd.hessian(f)(np.ones(shape)).shape == want + shape


def test_a_plain_array_as_out_is_an_error():
    with pytest.raises(dd.DualDiffError):
        dd.jacobian(lambda x: np.dot(x, x, out=np.zeros((3, 3))))(X)


def test_mismatched_shapes_raise_what_numpy_raises():
    with pytest.raises(ValueError, match="matmul"):
        dd.jacobian(lambda x: x @ np.ones(4))(X)
    with pytest.raises(ValueError, match="shape-mismatch"):
        dd.jacobian(lambda x: np.tensordot(x, np.ones(4), 1))(X)


def test_letters_run_out():
    x = np.ones((1,) * 26)
    letters = "abcdefghijklmnopqrstuvwxyz"
    y = np.ones((1,) * 26)
    with pytest.raises(dd.DualDiffError, match="letters"):
        dd.jacobian(lambda v: np.einsum(f"{letters},{letters.upper()}->", x * v, y))(1.0)
