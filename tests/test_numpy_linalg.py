"""Linear algebra, norms, Fourier transforms and polynomials against roads that know nothing of duals.

`CASES` are checked along random directions by extrapolated central differences of the plain NumPy function; `SHARP`
against differences in 60 digits (mpmath); degenerate points against closed forms and promises.
"""

import mpmath
import numpy as np
import pytest
from problems import along, assert_close, twice_along

import dualdiff as dd

L = np.linalg
RNG = np.random.default_rng(5)


def normal(*shape):
    return RNG.normal(size=shape)


SQUARE = normal(3, 3) + 2 * np.eye(3)
FOUR = normal(4, 4) + np.eye(4)
BATCH = normal(2, 3, 3) + 2 * np.eye(3)
TALL = normal(4, 2)
WIDE = TALL.T.copy()
VECTOR = np.array([0.7, -1.3, 0.4])
TURNED = 3 * (SQUARE - SQUARE.T)
RANK_3 = np.vstack([FOUR[:3], FOUR[:1] + FOUR[1:2]])
RANK_2 = np.vstack([FOUR[:2], FOUR[:1], FOUR[:1]])
RANK_1 = np.outer(FOUR[0], FOUR[1])


def positive(x):
    return x @ np.swapaxes(x, -1, -2) + np.eye(x.shape[-1])


def hermitian(x):
    return positive(x) + 1j * (x - x.T)


def outside(q):
    """The projector on the columns beyond the second: what is determined of a complement."""
    return q[:, 2:] @ q[:, 2:].T


def rebuilt(u, s, vh):
    """A function of singular vectors that does not depend on their phases."""
    return (u * np.exp(s)) @ vh


CASES = {
    "solve, vector": (lambda x: L.solve(x, VECTOR), SQUARE),
    "solve, matrix": (lambda x: L.solve(x, x * x), SQUARE),
    "solve, constant matrix": (lambda x: L.solve(SQUARE, x * x), SQUARE),
    "solve, batch and vector": (lambda x: L.solve(x, VECTOR), BATCH),
    "solve, batch": (lambda x: L.solve(x, x * x), BATCH),
    "solve, matrix and batch": (lambda x: L.solve(x, BATCH), SQUARE),
    "solve, constant batch": (lambda x: L.solve(BATCH, x * x), SQUARE),
    "solve, batch and dual matrix": (lambda x: L.solve(BATCH * x, x), SQUARE),
    "solve, complex": (lambda x: np.imag(L.solve(x + 1j * x.T, VECTOR)), SQUARE),
    "inv": (L.inv, SQUARE),
    "inv, batch": (L.inv, BATCH),
    "inv, complex": (lambda x: np.imag(L.inv(x + 1j * x * x)), SQUARE),
    "tensorinv": (lambda x: L.tensorinv(x.reshape(4, 2, 2), 1), FOUR),
    "tensorsolve": (lambda x: L.tensorsolve(x.reshape(2, 2, 2, 2), x[:2, :2]), FOUR),
    "tensorsolve, axes": (lambda x: L.tensorsolve(x.reshape(2, 2, 2, 2), x[:2, :2], (1,)), FOUR),
    "det, 1×1": (L.det, np.array([[0.0]])),
    "det, 2×2": (L.det, SQUARE[:2, :2]),
    "det, 3×3": (L.det, SQUARE),
    "det, batch": (L.det, BATCH),
    "det, 4×4": (L.det, FOUR),
    "det, rank 3": (L.det, RANK_3),
    "det, rank 2": (L.det, RANK_2),
    "det, rank 1": (L.det, RANK_1),
    "det, zero": (L.det, np.zeros((4, 4))),
    "det, batch of unequal ranks": (lambda x: L.det(np.stack([x, x * x])), RANK_3),
    "det, complex": (lambda x: np.imag(L.det(x + 1j * x.T * x)), FOUR),
    "slogdet": (lambda x: L.slogdet(x)[1], FOUR),
    "slogdet, batch": (lambda x: L.slogdet(x).logabsdet, BATCH),
    "slogdet, complex sign": (lambda x: np.real(L.slogdet(x + 1j * x.T * x)[0]), SQUARE),
    "slogdet, complex": (lambda x: L.slogdet(x + 1j * x.T * x)[1], SQUARE),
    "matrix_power, negative": (lambda x: L.matrix_power(x, -2), SQUARE),
    "cholesky": (lambda x: L.cholesky(positive(x)), SQUARE),
    "cholesky, batch": (lambda x: L.cholesky(positive(x)), BATCH),
    "cholesky, upper": (lambda x: L.cholesky(positive(x), upper=True), SQUARE),
    "cholesky, complex": (lambda x: np.real(L.cholesky(hermitian(0.3 * x))), SQUARE),
    "cholesky, complex, imaginary": (lambda x: np.imag(L.cholesky(hermitian(0.3 * x))), SQUARE),
    "eigh, values": (lambda x: L.eigh(positive(x))[0], SQUARE),
    "eigh, vectors": (lambda x: L.eigh(x + x.T).eigenvectors, SQUARE),
    "eigh, one triangle": (lambda x: L.eigh(x)[1], SQUARE),
    "eigh, the other": (lambda x: L.eigh(x, "U")[1], SQUARE),
    "eigh, batch": (lambda x: L.eigh(x)[1] ** 2, BATCH),
    "eigh, complex": (lambda x: np.abs(L.eigh(hermitian(x))[1]), SQUARE),
    "eigvalsh": (L.eigvalsh, SQUARE),
    "eigvalsh, upper": (lambda x: L.eigvalsh(x, "U"), SQUARE),
    "eigvalsh, complex": (lambda x: L.eigvalsh(hermitian(x)), SQUARE),
    "eig, values": (lambda x: np.real(L.eig(x)[0]), SQUARE),
    "eig, vectors": (lambda x: np.real(L.eig(x).eigenvectors), SQUARE),
    "eig, complex vectors": (lambda x: np.imag(L.eig(x - TURNED)[1]), SQUARE),
    "eig, batch": (lambda x: np.abs(L.eig(x)[0]), BATCH),
    "eigvals": (lambda x: np.sort(np.imag(L.eigvals(x - TURNED))), SQUARE),
    "svd, values": (lambda x: L.svd(x)[1], SQUARE),
    "svd, left": (lambda x: L.svd(x)[0], SQUARE),
    "svd, right": (lambda x: L.svd(x).Vh, SQUARE),
    "svd, tall": (lambda x: L.svd(x, full_matrices=False)[0], TALL),
    "svd, wide": (lambda x: L.svd(x, full_matrices=False)[2], WIDE),
    "svd, full": (lambda x: outside(L.svd(x)[0]), TALL),
    "svd, full, wide": (lambda x: outside(L.svd(x)[2].T), WIDE),
    "svd, batch": (lambda x: L.svd(x).S, BATCH),
    "svd, complex": (lambda x: np.real(rebuilt(*L.svd(x + 1j * x * x))), SQUARE),
    "svd, complex, tall": (lambda x: np.imag(rebuilt(*L.svd(x + 1j * x * x, full_matrices=False))), TALL),
    "svdvals": (L.svdvals, TALL),
    "qr, Q": (lambda x: L.qr(x).Q, SQUARE),
    "qr, R": (lambda x: L.qr(x).R, SQUARE),
    "qr, tall": (lambda x: L.qr(x).Q, TALL),
    "qr, wide": (lambda x: L.qr(x).R, WIDE),
    "qr, only R": (lambda x: L.qr(x, "r"), TALL),
    "qr, complete": (lambda x: outside(L.qr(x, "complete")[0]), TALL),
    "qr, complete, R": (lambda x: L.qr(x, "complete")[1], TALL),
    "qr, batch": (lambda x: L.qr(x)[0], BATCH),
    "qr, complex": (lambda x: np.real(L.qr(x + 1j * x * x)[0]), SQUARE),
    "pinv, tall": (L.pinv, TALL),
    "pinv, wide": (L.pinv, WIDE),
    "pinv, square": (L.pinv, SQUARE),
    "pinv, batch": (lambda x: L.pinv(x[:, :, :2]), BATCH),
    "pinv, complex": (lambda x: np.imag(L.pinv(x + 1j * x * x)), TALL),
    "lstsq": (lambda x: L.lstsq(x, np.arange(4.0))[0], TALL),
    "lstsq, residuals": (lambda x: L.lstsq(x, np.arange(8.0).reshape(4, 2) ** 2)[1], TALL),
    "lstsq, residual of a vector": (lambda x: L.lstsq(x, np.arange(4.0) ** 2)[1], TALL),
    "lstsq, singular values": (lambda x: L.lstsq(x, np.arange(4.0))[3], TALL),
    "lstsq, wide": (lambda x: L.lstsq(x, np.arange(2.0))[0], WIDE),
    "lstsq, right-hand side": (lambda x: L.lstsq(TALL, x[0] * x[1])[0], FOUR),
    "cond": (L.cond, SQUARE),
    "cond, fro": (lambda x: L.cond(x, "fro"), SQUARE),
    "cond, 1": (lambda x: L.cond(x, 1), SQUARE),
    "cond, -2": (lambda x: L.cond(x, -2), SQUARE),
    "norm of a complex matrix": (lambda x: L.norm(x + 1j * x[0]), SQUARE),
    "norm of complex vectors": (lambda x: L.norm(x + 1j * x[0] ** 2, 3, axis=1), SQUARE),
    "norm of everything": (L.norm, BATCH),
    "norm of a number": (lambda x: L.norm(x[0]), VECTOR),
    "vector_norm": (lambda x: L.vector_norm(x, axis=(0, 2)), BATCH),
    "vector_norm, keepdims": (lambda x: L.vector_norm(x, ord=3, keepdims=True), BATCH),
    "polyval, coefficients": (lambda x: np.polyval(x, 2.0), VECTOR),
    "polyval, points": (lambda x: np.polyval([1.0, 2.0, 3.0], x), SQUARE),
    "polyval, both": (lambda x: np.polyval(x, x * 2), VECTOR),
    "polyval, list": (lambda x: np.polyval([x[0], 1.0, x[1]], 3.0), VECTOR),
    "polyadd": (lambda x: np.polyadd(x, x[:2]), VECTOR),
    "polysub": (lambda x: np.polysub(x[:2], x * x), VECTOR),
    "polymul": (lambda x: np.polymul(x, x), VECTOR),
    "polydiv, quotient": (lambda x: np.polydiv(x, x[:2] * 2 + 1)[0], FOUR[0]),
    "polydiv, remainder": (lambda x: np.polydiv(x, x[:2] + 2)[1], FOUR[0]),
    "polyder": (lambda x: np.polyder(x * x, 2), FOUR[0]),
    "polyint": (lambda x: np.polyint(x * x, 2, [1.0, 2.0]), FOUR[0]),
    "polyint, constant": (lambda x: np.polyint(x * x, 1, x[0]), FOUR[0]),
    "polyfit": (lambda x: np.polyfit(np.arange(4.0), x, 1), FOUR[0]),
    "polyfit, points": (lambda x: np.polyfit(x, np.arange(4.0) ** 2, 1, w=x * x), FOUR[0]),
    "vander": (np.vander, VECTOR),
    "vander, increasing": (lambda x: np.vander(x, 5, increasing=True), VECTOR),
    "poly, of roots": (np.poly, VECTOR),
    "poly, of a matrix": (np.poly, SQUARE),
    "roots": (lambda x: np.sort(np.abs(np.roots(x))), np.array([1.0, -0.3, -2.0, 0.4])),
    "np.polynomial.polyval": (lambda x: np.polynomial.polynomial.polyval(x, [1.0, 2.0, 3.0]), SQUARE),
    "np.polynomial.polyval, coefficients": (lambda x: np.polynomial.polynomial.polyval(2.0, x), VECTOR),
    "np.polynomial.Polynomial": (lambda x: np.polynomial.Polynomial([1.0, 2.0, 3.0])(x), SQUARE),
    "np.polynomial.Chebyshev": (lambda x: np.polynomial.Chebyshev([1.0, 2.0, 3.0, 4.0])(x), SQUARE),
    "np.polynomial.legval": (lambda x: np.polynomial.legendre.legval(x, [1.0, 2.0, 3.0, 4.0]), SQUARE),
    "np.poly1d": (lambda x: np.poly1d([1.0, 2.0, 3.0])(x), SQUARE),
    "fftshift": (lambda x: np.fft.fftshift(x * x), SQUARE),
    "fftshift, axes": (lambda x: np.fft.fftshift(x * x, (0, 1)), BATCH),
    "ifftshift": (lambda x: np.fft.ifftshift(x * x, axes=-1), SQUARE),
}

for _order in (None, 1, 2, 3, 2.5, 1.5, 0.5, 4, -1, -2, np.inf, -np.inf):
    CASES[f"norm, ord={_order}"] = (lambda x, o=_order: L.norm(x, o), VECTOR)
    CASES[f"norm, ord={_order}, axis"] = (lambda x, o=_order: L.norm(x * x + 1, o, axis=0), SQUARE)
    CASES[f"norm, ord={_order}, keepdims"] = (lambda x, o=_order: L.norm(x * x + 1, o, 1, True), BATCH)
for _order in ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf):
    CASES[f"norm of a matrix, ord={_order}"] = (lambda x, o=_order: L.norm(x, o), SQUARE)
    CASES[f"norm of matrices, ord={_order}"] = (lambda x, o=_order: L.norm(x, o, (2, 0)), BATCH)
    CASES[f"matrix_norm, ord={_order}"] = (lambda x, o=_order: L.matrix_norm(x, ord=o, keepdims=True), BATCH)
CASES["norm of matrices"] = (lambda x: L.norm(x, axis=(0, 2), keepdims=True), BATCH)


def spectrum(name, options, x):
    """A transform of entries that are real or complex as it wants them, with both parts of the result in view."""
    turned = x * (1 + 2j) if name in ("fft", "ifft", "irfft", "hfft", "fftn", "ifftn", "irfft2", "irfftn") else x
    y = getattr(np.fft, name)(turned * x, **options)
    return np.real(y) + 3 * np.imag(y)


_ONE = ({}, {"n": 5}, {"n": 2, "axis": 0, "norm": "ortho"})
_MANY = ({}, {"s": (2, 4), "axes": (0, 1)}, {"axes": (-1, 0), "norm": "forward"})
for _name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft", "fft2", "ifft2", "rfft2", "irfft2", "fftn", "ifftn",
              "rfftn", "irfftn"):
    for _options in _ONE if _name.endswith("fft") else _MANY:
        CASES[f"{_name}, {_options}"] = (
            lambda x, name=_name, options=_options: spectrum(name, options, x), BATCH[:, :2])

NAMES = list(CASES)


def directed(planes, *directions):
    for d in reversed(directions):
        planes = np.tensordot(planes, d, axes=d.ndim)
    return planes


@pytest.mark.parametrize("name", NAMES)
def test_first_and_second_order(name):
    f, x = CASES[name]
    rng = np.random.default_rng(len(name))
    a, b = rng.normal(size=(2, *x.shape)) / np.sqrt(x.size)
    value, jacobian = dd.value_and_jacobian(f)(x)
    hessian = dd.hessian(f)(x)
    np.testing.assert_allclose(value, f(x), rtol=1e-14, atol=1e-15)
    assert_close(directed(jacobian, a), along(f, x, a, False, 0.02), 1e-9)
    assert_close(directed(hessian, a, a), twice_along(f, x, a, False, 0.02), 2e-6)
    mixed = (twice_along(f, x, a + b, False, 0.02) - twice_along(f, x, a - b, False, 0.02)) / 4
    assert_close(directed(hessian, a, b), mixed, 2e-6)


@pytest.mark.parametrize("name", NAMES)
def test_second_order_is_first_order_nested(name):
    f, x = CASES[name]
    assert_close(dd.jacobian(dd.jacobian(f))(x), dd.hessian(f)(x), 1e-11)


@pytest.mark.parametrize("name", NAMES)
def test_float32_stays_float32(name):
    f, x = CASES[name]
    if f(x.astype(np.float32)).dtype != np.float32:
        pytest.skip("the function holds float64 constants")
    assert dd.jacobian(f)(x.astype(np.float32)).dtype == np.float32
    assert dd.hessian(f)(x.astype(np.float32)).dtype == np.float32


# To the last digits, by differences in 60 digits --------------------------------------------------------------------

SYMMETRIC = SQUARE + SQUARE.T
DEFINITE = positive(SQUARE)
SHARP = {
    "inv": (L.inv, mpmath.inverse, SQUARE),
    "solve": (lambda a: L.solve(a, VECTOR), lambda a: mpmath.lu_solve(a, mpmath.matrix(VECTOR.tolist())), SQUARE),
    "det": (L.det, mpmath.det, FOUR),
    "det, rank 3": (L.det, mpmath.det, RANK_3),
    "det, rank 2": (L.det, mpmath.det, RANK_2),
    "det, rank 1": (L.det, mpmath.det, RANK_1),
    "det, 3×3, rank 2": (L.det, mpmath.det, np.arange(9.0).reshape(3, 3)),
    "slogdet": (lambda a: L.slogdet(a)[1], lambda a: mpmath.log(abs(mpmath.det(a))), FOUR),
    "cholesky": (L.cholesky, mpmath.cholesky, DEFINITE),
    "eigvalsh": (L.eigvalsh, lambda a: mpmath.eigsy(a, eigvals_only=True), SYMMETRIC),
    "svdvals": (L.svdvals, lambda a: mpmath.svd_r(a, compute_uv=False), FOUR),
}


def entries(x):
    if not isinstance(x, mpmath.matrix):
        return np.array(float(x))
    array = np.array(x.tolist(), dtype=float)
    return array[:, 0] if x.cols == 1 else array


@pytest.mark.parametrize("name", SHARP)
def test_to_the_last_digits(name):
    f, exact, x = SHARP[name]
    d = np.round(np.random.default_rng(1).normal(size=x.shape), 3)
    d = d + d.T if exact in (mpmath.cholesky, SHARP["eigvalsh"][1]) else d
    with mpmath.workdps(60):
        h = mpmath.mpf(10) ** -15
        at = {i: exact(mpmath.matrix(x.tolist()) + i * h * mpmath.matrix(d.tolist())) for i in (-1, 0, 1)}
        first = entries((at[1] - at[-1]) / (2 * h))
        second = entries((at[1] - 2 * at[0] + at[-1]) / h**2)
    for got, want, tolerance in ((dd.derivative(lambda t: f(x + t * d))(0.0), first, 1e-13),
                                 (directed(dd.jacobian(f)(x), d), first, 1e-13),
                                 (dd.derivative(lambda t: f(x + t * d), order=2)(0.0), second, 2e-12),
                                 (directed(dd.hessian(f)(x), d, d), second, 2e-12)):
        got = np.asarray(got)
        got, want = (got[np.tril_indices(3)], want[np.tril_indices(3)]) if name == "cholesky" else (got, want)
        assert_close(got, want, tolerance)


@pytest.mark.parametrize("x", [FOUR, RANK_3, RANK_2, RANK_1, np.zeros((4, 4)), SQUARE, np.ones((2, 2))],
                         ids=["4", "3 of 4", "2 of 4", "1 of 4", "0 of 4", "3", "1 of 2"])
@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_determinants_at_any_rank_and_order(x, order):
    """det(x + t d) is a polynomial in t; its coefficients come from 60 digits."""
    d = np.round(np.random.default_rng(2).normal(size=x.shape), 3)
    with mpmath.workdps(60):
        coefficients = mpmath.taylor(
            lambda t: mpmath.det(mpmath.matrix(x.tolist()) + t * mpmath.matrix(d.tolist())), 0, order)
        want = float(coefficients[order] * mpmath.factorial(order))
    assert_close(dd.derivative(lambda t: L.det(x + t * d), order=order)(0.0), want, 2e-13)


def test_the_cofactors_of_a_large_matrix_do_not_overflow():
    x = np.diag(np.concatenate([np.full(10, 1e60), np.full(10, 1e-60)]))
    assert_close(np.diag(dd.jacobian(L.det)(x)) * np.diag(x), np.ones(20), 1e-13)


# Degenerate points ---------------------------------------------------------------------------------------------------

TIPS = {
    "norm": (L.norm, (3,)),
    "norm, ord=3": (lambda v: L.norm(v, 3), (3,)),
    "norm, ord=1.5": (lambda v: L.norm(v, 1.5), (3,)),
    "norm, ord=1": (lambda v: L.norm(v, 1), (3,)),
    "norm, ord=inf": (lambda v: L.norm(v, np.inf), (3,)),
    "norm, axis": (lambda v: L.norm(v, axis=1)[0], (2, 2)),
    "vector_norm": (L.vector_norm, (3,)),
    "fro": (L.norm, (2, 2)),
    "nuc": (lambda a: L.norm(a, "nuc"), (2, 2)),
    "spectral": (lambda a: L.norm(a, 2), (2, 2)),
}


@pytest.mark.parametrize("name", TIPS)
def test_tips(name):
    """At a tip the first order is 0 and the second is nan along every axis; nothing warns."""
    f, shape = TIPS[name]
    x = np.zeros(shape)
    np.testing.assert_array_equal(dd.jacobian(f)(x), np.zeros(shape))
    h = dd.hessian(f)(x).reshape(x.size, x.size)
    nested = dd.jacobian(dd.jacobian(f))(x).reshape(x.size, x.size)
    touched = np.arange(x.size) < (2 if name == "norm, axis" else x.size)
    assert np.isnan(np.diag(h)[touched]).all()
    assert np.isnan(np.diag(nested)[touched]).all()
    assert ((h == 0) | np.isnan(h)).all()


@pytest.mark.parametrize("name", ["norm", "norm, ord=3", "vector_norm", "fro"])
def test_strict_tips(name):
    f, shape = TIPS[name]
    assert np.isnan(dd.jacobian(f, strict=True)(np.zeros(shape))).all()


RANGE = {
    "huge": (lambda v: L.norm(v), [3e200, 4e200], [0.6, 0.8]),
    "tiny": (lambda v: L.norm(v), [3e-200, 4e-200], [0.6, 0.8]),
    "subnormal": (lambda v: L.norm(v), [3e-320, 4e-320], [0.6, 0.8]),
    "huge, ord=3": (lambda v: L.norm(v, 3), [1e200, 1e200], [2 ** (-2 / 3)] * 2),
    "one tiny": (lambda v: L.norm(v), [1.0, 1e-200], [1.0, 1e-200]),
    "one tiny, ord=1.5": (lambda v: L.norm(v, 1.5), [1.0, 1e-200], [1.0, 1e-100]),
    "zero entry, ord=3": (lambda v: L.norm(v, 3), [0.0, 2.0], [0.0, 1.0]),
    "tie": (lambda v: L.norm(v, np.inf), [2.0, -2.0], [0.5, -0.5]),
    "tie, -inf": (lambda v: L.norm(v, -np.inf), [2.0, -2.0], [0.5, -0.5]),
}


@pytest.mark.parametrize("name", RANGE)
@pytest.mark.filterwarnings("ignore:overflow")
def test_range_and_ties_of_norms(name):
    f, x, want = RANGE[name]
    tolerance = 2e-3 if name == "subnormal" else 1e-14
    np.testing.assert_allclose(dd.jacobian(f)(np.array(x)), want, rtol=tolerance)


@pytest.mark.parametrize("size", [1e200, 1e-200])
@pytest.mark.filterwarnings("ignore:overflow")
def test_range_of_the_second_order(size):
    """(1 − u uᵀ)/‖v‖, although the square of ‖v‖ is out of range."""
    h = dd.hessian(L.norm)(np.array([3.0, 4.0]) * size)
    np.testing.assert_allclose(h * size * 125, [[16.0, -12.0], [-12.0, 9.0]], rtol=1e-13)


def test_a_zero_entry_is_no_tip_of_a_smooth_norm():
    """For p = 3 the Hessian at (0, 1, 2) is finite, |v|³ being twice differentiable at 0."""
    h = dd.hessian(lambda v: L.norm(v, 3))(np.array([0.0, 1.0, 2.0]))
    inner = dd.hessian(lambda v: L.norm(v, 3))(np.array([1.0, 2.0]))
    np.testing.assert_allclose(h[1:, 1:], inner, rtol=1e-14)
    np.testing.assert_array_equal(h[0], np.zeros(3))


def test_a_zero_entry_of_a_norm_between_1_and_2():
    """|v|**1.5 has an infinite second derivative at 0, where its first is 0."""
    f, x = (lambda v: L.norm(v, 1.5)), np.array([0.0, 1.0])
    np.testing.assert_array_equal(dd.jacobian(f)(x), [0.0, 1.0])
    np.testing.assert_array_equal(dd.hessian(f)(x), [[np.inf, 0.0], [0.0, 0.0]])


def test_a_count_is_locally_constant():
    np.testing.assert_array_equal(dd.jacobian(lambda v: L.norm(v, 0))(np.array([1.0, 0.0])), np.zeros(2))


def test_values_overflow_as_in_numpy():
    with np.errstate(all="ignore"):
        value, gradient = dd.value_and_grad(L.norm)(np.array([1e200, 0.0]))
        assert value == L.norm(np.array([1e200, 0.0]))
    np.testing.assert_array_equal(gradient, [1.0, 0.0])


ROTATION = L.qr(np.random.default_rng(9).normal(size=(4, 4)))[0]
REPEATED = ROTATION @ np.diag([1.0, 1.0, 2.0, 3.0]) @ ROTATION.T


def symmetric(x):
    return (x + x.T) / 2


@pytest.mark.parametrize("values", [L.eigvalsh, lambda a: L.eigh(a).eigenvalues, L.svdvals,
                                    lambda a: np.real(L.eigvals(a))])
def test_symmetric_functions_of_equal_eigenvalues(values):
    """d tr f(A) = tr f′(A) dA, whether eigenvalues are equal or not."""
    got = dd.jacobian(lambda x: np.sum(np.exp(values(symmetric(x)))))(REPEATED)
    assert_close(got, ROTATION @ np.diag(np.exp([1.0, 1.0, 2.0, 3.0])) @ ROTATION.T, 1e-13)


VECTORS = {
    "eigh": lambda a: L.eigh(a)[1],
    "eig": lambda a: np.real(L.eig(a)[1]),
    "svd, left": lambda a: L.svd(a)[0],
    "svd, right": lambda a: L.svd(a)[2].T,
}


@pytest.mark.parametrize("name", VECTORS)
def test_vectors_of_equal_eigenvalues_are_nan(name):
    jacobian = dd.jacobian(lambda x: VECTORS[name](symmetric(x)))(REPEATED)
    columns = np.isnan(jacobian).all(axis=0).any(axis=(1, 2))
    equal = np.isclose(np.diag(VECTORS[name](REPEATED).T @ REPEATED @ VECTORS[name](REPEATED)), 1.0)
    np.testing.assert_array_equal(columns, equal)
    assert not np.isnan(jacobian[:, ~equal]).any()


def test_second_order_of_equal_eigenvalues_is_loud_where_it_is_undefined():
    h = dd.hessian(lambda x: np.sum(np.exp(L.eigvalsh(symmetric(x)))))(np.eye(2))
    assert np.isnan(h[0, 1, 0, 1])
    np.testing.assert_allclose([h[0, 0, 0, 0], h[0, 0, 1, 1]], [np.e, 0.0], rtol=1e-14)


def test_distinct_eigenvalues_beside_equal_ones():
    """A distinct eigenvalue keeps its second order: 2 Σ |Mᵢⱼ|²/(wᵢ − wⱼ)."""
    d = symmetric(np.random.default_rng(3).normal(size=(4, 4)))
    second = dd.derivative(lambda t: L.eigvalsh(REPEATED + t * d)[3], order=2)(0.0)
    inner = ROTATION.T @ d @ ROTATION
    assert_close(second, 2 * np.sum(inner[3, :3] ** 2 / (3.0 - np.array([1.0, 1.0, 2.0]))), 1e-12)


def test_a_defective_matrix_is_loud():
    jordan = np.array([[1.0, 1.0], [0.0, 1.0]])
    assert np.isnan(dd.derivative(lambda t: np.real(L.eigvals(jordan + t * np.ones((2, 2)))))(0.0)).all()


def test_singular_values_at_zero():
    jacobian = dd.jacobian(L.svdvals)(np.diag([1.0, 0.0]))
    np.testing.assert_array_equal(jacobian[1], np.zeros((2, 2)))
    assert np.isnan(dd.hessian(L.svdvals)(np.diag([1.0, 0.0]))[1, 1, 1, 1, 1])
    np.testing.assert_allclose(dd.jacobian(lambda a: L.norm(a, "nuc"))(np.array([[1.0, 2.0], [2.0, 4.0]])),
                               [[0.2, 0.4], [0.4, 0.8]], rtol=1e-14)


REFUSED = {
    "pinv": L.pinv,
    "lstsq": lambda a: L.lstsq(a, np.ones(3))[0],
    "qr": lambda a: L.qr(a)[0],
}


@pytest.mark.parametrize("name", REFUSED)
def test_rank_deficient_matrices_are_refused(name):
    with pytest.raises(dd.DualDiffError, match=name):
        dd.jacobian(REFUSED[name])(np.arange(9.0).reshape(3, 3))


def test_a_rank_deficient_constant_matrix_is_fine():
    a = np.arange(9.0).reshape(3, 3)
    assert_close(dd.jacobian(lambda b: L.lstsq(a, b)[0])(VECTOR), L.pinv(a), 1e-13)


@pytest.mark.parametrize("f", [L.inv, lambda a: L.solve(a, np.ones(2)), L.cholesky])
def test_numpy_errors_pass_through(f):
    with pytest.raises(L.LinAlgError):
        dd.jacobian(f)(np.array([[1.0, 2.0], [2.0, 4.0]]))


def test_slogdet_of_a_singular_matrix_is_loud():
    with np.errstate(divide="ignore"):
        assert np.isnan(dd.jacobian(lambda a: L.slogdet(a)[1])(np.array([[1.0, 2.0], [2.0, 4.0]]))).all()


def test_one_triangle_is_read():
    lower, upper = np.tril_indices(3, -1), np.triu_indices(3, 1)
    for f, unread in ((L.cholesky, upper), (lambda a: L.cholesky(a, upper=True), lower), (L.eigvalsh, upper),
                      (lambda a: L.eigh(a, "U")[1], lower)):
        assert (dd.jacobian(f)(DEFINITE)[..., unread[0], unread[1]] == 0).all()
    hole = np.where(np.triu(np.ones((3, 3)), 1) == 1, np.nan, 1.0)
    got = dd.jacobian(lambda t: L.cholesky(DEFINITE * t * hole))(1.0)
    assert_close(got, L.cholesky(DEFINITE) / 2, 1e-14)


def test_a_zero_direction_stays_zero():
    """The strong zero, seed by seed: nan along one seed does not reach another."""
    exchange = np.array([[0.0, 1.0], [1.0, 0.0]])
    j = dd.jacobian(lambda t: L.eigh(np.eye(2) + t[0] * exchange + 0 * t[1])[1])(np.zeros(2))
    assert np.isnan(j[0, 0, 0])
    assert (j[..., 1] == 0).all()
    h = dd.hessian(lambda t: L.eigh(np.eye(2) + t[0] * exchange + 0 * t[1])[1])(np.zeros(2))
    assert np.isnan(h[0, 0, 0, 0])
    assert (h[..., 0, 1] == 0).all()
    assert (h[..., 1, :] == 0).all()


EMPTY = {
    "inv": (L.inv, (0, 2, 2)), "det": (L.det, (0, 4, 4)), "det, 0×0": (L.det, (0, 0)),
    "solve": (lambda a: L.solve(a, a), (0, 2, 2)), "cholesky": (L.cholesky, (0, 2, 2)), "eigh": (
        lambda a: L.eigh(a)[1], (0, 2, 2)), "svdvals": (L.svdvals, (0, 2, 2)), "norm": (L.norm, (0,)),
    "norm, axis": (lambda a: L.norm(a, axis=1), (0, 3)), "fft": (lambda a: np.real(np.fft.fft(a)), (0, 3)),
    "slogdet": (lambda a: L.slogdet(a)[1], (0, 3, 3)), "qr": (lambda a: L.qr(a)[0], (0, 3, 3)),
}


@pytest.mark.parametrize("name", EMPTY)
def test_empty(name):
    f, shape = EMPTY[name]
    want = np.shape(f(np.zeros(shape)))
    assert dd.jacobian(f)(np.zeros(shape)).shape == want + shape
    assert dd.hessian(f)(np.zeros(shape)).shape == want + shape + shape


def test_results_keep_their_names():
    x = dd.DualArray(DEFINITE, DEFINITE[None])
    assert type(L.eigh(x)) is type(L.eigh(DEFINITE))
    assert type(L.svd(x)) is type(L.svd(DEFINITE))
    assert type(L.qr(x)) is type(L.qr(DEFINITE))
    assert type(L.slogdet(x)) is type(L.slogdet(DEFINITE))
    assert L.matrix_rank(x) == 3


def test_the_caller_is_not_written_to():
    x = SQUARE.copy()
    for f in (L.inv, L.det, L.norm, L.svdvals, lambda a: L.qr(a)[0], lambda a: np.real(np.fft.fft(a))):
        dd.hessian(f)(x)
    np.testing.assert_array_equal(x, SQUARE)


def test_roots_refuse_leading_and_trailing_zeros():
    with pytest.raises(dd.DualDiffError, match="roots"):
        dd.jacobian(lambda p: np.abs(np.roots(p)))(np.array([0.0, 1.0, 2.0]))
