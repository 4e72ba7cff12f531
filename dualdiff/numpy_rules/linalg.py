"""np.linalg: rules at first order, written with functions that take duals; higher orders come from nesting.

In every rule ``d`` in front of a name is the stack of planes that belongs to it, with the plane axis in front. Sources:
Giles (2008), Collected matrix derivative results for forward and reverse mode; Magnus (1985), On differentiating
eigenvalues and eigenvectors; Murray (2016), Differentiation of the Cholesky decomposition; Golub & Pereyra (1973) for
the pseudo-inverse; Walter & Lehmann (2010) for QR; Bird (2011), A simple division-free algorithm for determinants.
"""

import math

import numpy as np

from ..errors import DifferentiationValueError, UnsupportedFunctionError
from ..kinds import is_dual, lift
from ..nested import strong_product
from ..packing import primal, spread
from .norms import contract, with_value
from .registry import apply_custom, numbers, rule, value_only

value_only(np.linalg.matrix_rank)


# -- helpers --------------------------------------------------------------------------------------------------------


def _number(a):
    a = numbers(a)
    return a if is_dual(a) else np.asarray(a)


def _depth(a):
    """The order of differentiation that a number serves: 1 for each dual level, 2 for each hyper-dual one."""
    depth = 0
    while is_dual(a):
        depth += 1 if lift(a)._layout is None else 2
        a = lift(a).value
    return depth


def _t(a):
    return np.swapaxes(a, -1, -2)


def _h(a):
    """The conjugate transpose."""
    return np.conjugate(_t(a)) if a.dtype.kind == "c" else _t(a)


def _real(a):
    return np.real(a) if a.dtype.kind == "c" else a


def _diag(a):
    return np.diagonal(a, 0, -2, -1)


def _on_diagonal(v):
    """Vectors along the last axis as diagonal matrices."""
    return v[..., :, None] * np.eye(v.shape[-1], dtype=_real_type(v))


def _real_type(a):
    return np.finfo(a.dtype).dtype


def _epsilon(a):
    return np.finfo(a.dtype).eps


def _triangle(a, *, upper=False, strict=False):
    """The lower (or upper) triangle; what is outside may be anything, nan too."""
    rows, columns = a.shape[-2:]
    mask = np.tri(rows, columns, -1 if strict != upper else 0, dtype=bool)
    return np.where(~mask if upper else mask, a, np.zeros((), a.dtype))


def solve_planes(a, stack):
    """``a⁻¹`` times every plane (k, …, n, m): the columns of all planes are solved for at once."""
    stack = spread(stack, a.ndim)
    k, m = stack.shape[0], stack.shape[-1]
    columns = np.moveaxis(stack, 0, -2)
    solved = np.linalg.solve(a, columns.reshape((*columns.shape[:-2], k * m)))
    return np.moveaxis(solved.reshape((*solved.shape[:-1], k, m)), -2, 0)


def _reciprocal_gaps(x, gaps, size):
    """``1/gaps`` off the diagonal, 0 on it, nan between values that cannot be told apart.

    ``x`` are the values of a matrix of that size. Ties are those within what rounding leaves of equals: a small
    multiple of size · eps · the largest. A finite number there would have no correct digit.
    """
    tolerance = 16 * size * _epsilon(x)
    plain = primal(x)
    distance = np.abs(plain[..., None, :] - plain[..., :, None])
    largest = np.max(np.abs(plain), axis=-1, initial=0.0)[..., None, None]
    diagonal = np.eye(plain.shape[-1], dtype=bool)
    tied = (distance <= tolerance * largest) & ~diagonal
    one = np.ones((), plain.dtype)
    factors = one / np.where(tied | diagonal, one, gaps)
    return np.where(tied, one * np.nan, np.where(diagonal, 0 * one, factors))


# -- systems and inverses -----------------------------------------------------------------------------------------


def _solve_tangent(y, primals, stacks, vector):
    """A dx = db − dA x."""
    a = primals[0]
    da, db = stacks
    y, db = (y[..., None], None if db is None else db[..., None]) if vector else (y, db)
    right = None if db is None else spread(db, y.ndim)
    if da is not None:
        moved = np.matmul(spread(da, y.ndim), y)
        right = -moved if right is None else right - moved
    solved = solve_planes(a, right)
    return solved[..., 0] if vector else solved


@rule(np.linalg.solve)
def _solve(a, b):
    a, b = _number(a), _number(b)
    vector = b.ndim == 1
    return apply_custom(lambda a, b: np.linalg.solve(a, b), lambda y, p, s: _solve_tangent(y, p, s, vector), [a, b])


def _inv_tangent(y, primals, stacks):
    """dA⁻¹ = −A⁻¹ dA A⁻¹."""
    return -np.matmul(np.matmul(y, stacks[0]), y)


@rule(np.linalg.inv)
def _inv(a):
    return apply_custom(np.linalg.inv, _inv_tangent, [_number(a)])


@rule(np.linalg.tensorinv)
def _tensorinv(a, ind=2):
    a = _number(a)
    if ind <= 0:
        raise ValueError("Invalid ind argument.")
    shape = a.shape[ind:] + a.shape[:ind]
    return np.linalg.inv(a.reshape((-1, math.prod(a.shape[ind:])))).reshape(shape)


@rule(np.linalg.tensorsolve)
def _tensorsolve(a, b, axes=None):
    a, b = _number(a), _number(b)
    if axes is not None:
        a = np.transpose(a, [i for i in range(a.ndim) if i not in axes] + list(axes))
    shape = a.shape[b.ndim - a.ndim :] if b.ndim < a.ndim else ()
    size = math.prod(shape)
    return np.linalg.solve(a.reshape((b.size, size)), b.reshape((b.size,))).reshape(shape)


# -- determinants --------------------------------------------------------------------------------------------------


def _products_without(s):
    """For every i the product of all entries of the last axis but the i-th: no division, no overflow on the way."""
    mantissa, exponent = np.frexp(s)
    one = np.ones_like(mantissa[..., :1])
    before = np.cumprod(np.concatenate([one, mantissa[..., :-1]], -1), -1)
    after = np.cumprod(np.concatenate([one, mantissa[..., :0:-1]], -1), -1)[..., ::-1]
    return np.ldexp(before * after, exponent.sum(-1, keepdims=True) - exponent)


def _factors(a):
    """The singular value decomposition, and the product of the determinants of the two rotations."""
    u, s, vh = np.linalg.svd(a)
    turn = np.linalg.det(u) * np.linalg.det(vh)
    return u, s, vh, turn / np.abs(turn)


def _cofactors(a):
    """The matrix of cofactors, which is the derivative of det and exists where the inverse does not.

    With A = U S Vᴴ the adjugate is det(U Vᴴ) V adj(S) Uᴴ.
    """
    if is_dual(a):
        return apply_custom(_cofactors, _cofactors_tangent, [a])
    u, s, vh, turn = _factors(a)
    return turn[..., None, None] * np.matmul(np.conjugate(u) * _products_without(s)[..., None, :], np.conjugate(vh))


def _cofactors_tangent(y, primals, stacks):
    """Around a diagonal matrix: adj(S + E)ᵢⱼ = −Gᵢⱼ Eᵢⱼ and adj(S + E)ᵢᵢ = Σ Gᵢⱼ Eⱼⱼ, G the products without sᵢ, sⱼ."""
    u, s, vh, turn = _factors(primals[0])
    n = s.shape[-1]
    eye = np.eye(n, dtype=s.dtype)
    g = _products_without(np.where(eye == 1, 1, s[..., None, :])) * (1 - eye)
    e = np.matmul(np.matmul(_h(u), stacks[0]), _h(vh))
    diagonal = np.sum(g * _diag(e)[..., None, :], -1)
    adjugate = _on_diagonal(diagonal) - g * e
    return _t(turn[..., None, None] * np.matmul(np.matmul(_h(vh), adjugate), _h(u)))


def _contract(stack, a):
    """``Σ stack[k, …, i, j] a[…, i, j]``."""
    n = a.shape[-1] * a.shape[-2]
    return contract(stack.reshape((*stack.shape[:-2], n)), a.reshape((*a.shape[:-2], n)))


def _det_tangent(y, primals, stacks):
    return _contract(stacks[0], _cofactors(primals[0]))


def _tiny_det(a):
    """Leibniz' formula up to 3×3."""
    n = a.shape[-1]
    if n == 1:
        return a[..., 0, 0]
    if n == 2:
        return a[..., 0, 0] * a[..., 1, 1] - a[..., 0, 1] * a[..., 1, 0]
    (a, b, c), (d, e, f), (g, h, i) = ([a[..., row, column] for column in range(3)] for row in range(3))
    return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)


def _division_free_det(a):
    """Bird's algorithm: n − 1 matrix products and no division."""
    n, dtype = a.shape[-1], _real_type(a)
    after = np.tri(n, k=-1, dtype=dtype)
    x = a
    for _ in range(n - 1):
        x = np.matmul(_triangle(x, upper=True, strict=True) - _on_diagonal(np.matmul(_diag(x), after)), a)
    return x[..., 0, 0] * (-1.0) ** (n - 1)


def _regular_det(a):
    """det of a well-conditioned matrix: d det = det · tr(A⁻¹ dA)."""
    if not is_dual(a):
        return np.linalg.det(a)
    return apply_custom(_regular_det, lambda y, p, s: y * _contract(s[0], _t(np.linalg.inv(p[0]))), [a])


def _composed_det(a):
    """det at third and higher orders, by a Schur complement.

    Constant rotations make the value diagonal; the block of large singular values is eliminated, and the determinant
    of the small rest needs no division.
    """
    u, s, vh, turn = _factors(primal(a))
    a = with_value(np.matmul(np.matmul(_h(u), a), _h(vh)), _on_diagonal(s).astype(a.dtype))
    r = int(np.min(np.count_nonzero(s > 1e-2 * s[..., :1], axis=-1), initial=s.shape[-1]))
    rest = a[..., r:, r:]
    if r:
        regular = a[..., :r, :r]
        rest = rest - np.matmul(a[..., r:, :r], np.linalg.solve(regular, a[..., :r, r:]))
        turn = turn * _regular_det(regular)
    return turn * _division_free_det(rest) if r < s.shape[-1] else turn


@rule(np.linalg.det)
def _det(a):
    a = _number(a)
    value = np.linalg.det(primal(a))
    if a.shape[-1] == 0:
        return np.sum(a, axis=(-1, -2)) + value
    if a.shape[-1] > 3 and _depth(a) <= 2:
        return apply_custom(np.linalg.det, _det_tangent, [a])
    with np.errstate(all="ignore"):
        return with_value(_tiny_det(a) if a.shape[-1] <= 3 else _composed_det(a), value)


def _slogdet_tangent(y, primals, stacks):
    """d log|det A| = Re tr(A⁻¹ dA); the sign of a complex determinant turns with the imaginary part."""
    sign, log = y
    a = primals[0]
    singular = ~np.isfinite(primal(log))
    inverse = np.linalg.inv(np.where(singular[..., None, None], np.eye(a.shape[-1], dtype=_real_type(a)), a))
    weights = np.where(singular[..., None, None], np.full((), np.nan, a.dtype), _t(inverse))
    trace = _contract(stacks[0], weights)
    if a.dtype.kind == "c":
        return 1j * np.imag(trace) * sign, np.real(trace)
    return np.zeros(trace.shape, trace.dtype), trace


@rule(np.linalg.slogdet)
def _slogdet(a):
    return apply_custom(np.linalg.slogdet, _slogdet_tangent, [_number(a)])


# -- Cholesky --------------------------------------------------------------------------------------------------------


def _hermitian(stack, uplo):
    """What LAPACK sees of a matrix of which it reads one triangle: the other is its mirror image."""
    strict = _triangle(stack, upper=uplo.upper() != "L", strict=True)
    return strict + _h(strict) + _on_diagonal(_real(_diag(stack)))


def _cholesky_tangent(y, primals, stacks):
    """dL = L Φ(L⁻¹ dA L⁻ᴴ), Φ the lower triangle with half the diagonal (Murray 2016)."""
    inverse = np.linalg.inv(y)
    inner = np.matmul(np.matmul(inverse, _hermitian(stacks[0], "L")), _h(inverse))
    phi = _triangle(inner, strict=True) + _on_diagonal(_diag(inner) * 0.5)
    return _triangle(np.matmul(y, phi))


@rule(np.linalg.cholesky)
def _cholesky(a, /, *, upper=False):
    a = _number(a)
    if upper:
        return _h(lift(np.linalg.cholesky(_h(a))))
    return apply_custom(np.linalg.cholesky, _cholesky_tangent, [a])


# -- eigenvalues -----------------------------------------------------------------------------------------------------


def _eigh_tangent(y, primals, stacks, uplo):
    """dw = diag(Vᴴ dA V), dV = V (F ∘ Vᴴ dA V) with F = 1/(wⱼ − wᵢ) (Magnus 1985)."""
    w, v = y
    inner = np.matmul(np.matmul(_h(v), _hermitian(stacks[0], uplo)), v)
    f = _reciprocal_gaps(w, w[..., None, :] - w[..., :, None], w.shape[-1])
    return _real(_diag(inner)), np.matmul(v, strong_product(f, inner))


@rule(np.linalg.eigh)
def _eigh(a, UPLO="L"):
    a = _number(a)
    return apply_custom(lambda a: np.linalg.eigh(a, UPLO), lambda y, p, s: _eigh_tangent(y, p, s, UPLO), [a])


def _eigvalsh_tangent(y, primals, stacks, uplo):
    v = np.linalg.eigh(primals[0], uplo).eigenvectors
    return _real(np.sum(np.conjugate(v) * np.matmul(_hermitian(stacks[0], uplo), v), -2))


@rule(np.linalg.eigvalsh)
def _eigvalsh(a, UPLO="L"):
    return apply_custom(lambda a: np.linalg.eigvalsh(a, UPLO),
                        lambda y, p, s: _eigvalsh_tangent(y, p, s, UPLO), [_number(a)])


def _eig_tangent(y, primals, stacks):
    """dw = diag(V⁻¹ dA V), dV = V (F ∘ V⁻¹ dA V), then kept at unit norm with a real largest entry, as LAPACK does."""
    w, v = y
    inverse = np.linalg.inv(v)
    inner = np.matmul(np.matmul(inverse, stacks[0]), v)
    f = _reciprocal_gaps(w, w[..., None, :] - w[..., :, None], w.shape[-1])
    loud = np.where(_defective(primal(inverse)), np.nan, 1.0).astype(_real_type(v))
    dv = np.matmul(v, strong_product(f, inner))
    dv = dv - v * _real(np.sum(np.conjugate(v) * dv, -2))[..., None, :]
    if v.dtype.kind == "c":
        size = np.abs(primal(v))
        largest = (np.arange(size.shape[-2])[:, None] == np.argmax(size, axis=-2)[..., None, :]).astype(size.dtype)
        turn = np.sum(np.imag(dv) * largest, -2) / np.sum(np.real(v) * largest, -2)
        dv = dv - 1j * v * turn[..., None, :]
    return strong_product(loud, _diag(inner)), strong_product(loud[..., None, :], dv)


def _defective(left):
    """Which eigenvalues have no eigenvector of their own: their left eigenvector is huge."""
    return np.linalg.norm(left, axis=-1) > _epsilon(left) ** -0.49


@rule(np.linalg.eig)
def _eig(a):
    return apply_custom(np.linalg.eig, _eig_tangent, [_number(a)])


@rule(np.linalg.eigvals)
def _eigvals(a):
    return np.linalg.eig(a).eigenvalues


# -- singular values -------------------------------------------------------------------------------------------------


def _zero(s, shape):
    """Which singular values are zero as far as rounding can tell."""
    return s <= max(shape[-2:]) * _epsilon(s) * np.max(s, axis=-1, keepdims=True, initial=0.0)


def _svd_tangent(y, primals, stacks, full):
    """Uᴴ dA V = Ω S + dS − S Ψ with skew Ω, Ψ, solved for each pair of singular values."""
    u, s, vh = y
    a, (da,) = primals[0], stacks
    k, rows, columns = s.shape[-1], a.shape[-2], a.shape[-1]
    u1, v1 = u[..., :, :k], _h(vh[..., :k, :])
    p = np.matmul(np.matmul(_h(u1), da), v1)
    si, sj = s[..., :, None], s[..., None, :]
    f = _reciprocal_gaps(s, (sj - si) * (sj + si), max(a.shape[-2:]))
    omega = strong_product(f, p * sj + _h(p) * si)
    psi = strong_product(f, p * si + _h(p) * sj)
    zero = _zero(primal(s), a.shape)
    if np.any(np.count_nonzero(zero, axis=-1) > 1):
        # Between two zeros the equations say nothing, not even 0.
        unknown = np.where(zero[..., :, None] & zero[..., None, :] & ~np.eye(k, dtype=bool), np.nan, 0.0)
        nothing = strong_product(unknown, p) + strong_product(unknown, _h(p))
        omega, psi = omega + nothing, psi + nothing
    inverse = np.where(zero, np.full((), np.nan, s.dtype), 1 / np.where(zero, np.ones((), s.dtype), s))
    if u.dtype.kind == "c":
        turn = _on_diagonal(0.5j * strong_product(inverse, np.imag(_diag(p))))
        omega, psi = omega + turn, psi - turn
    du, dv = np.matmul(u1, omega), np.matmul(v1, psi)
    if rows > k:
        du = _beyond(du, u, u1, strong_product(inverse[..., None, :], np.matmul(da, v1)), full)
    if columns > k:
        dv = _beyond(dv, _h(vh), v1, strong_product(inverse[..., None, :], np.matmul(_h(da), u1)), full)
    return du, _real(_diag(p)), _h(dv)


def _beyond(d, q, q1, moved, full):
    """Add what leaves the space of the first columns; the other columns turn the opposite way."""
    if not full:
        return d + moved - np.matmul(q1, np.matmul(_h(q1), moved))
    q2 = q[..., :, q1.shape[-1] :]
    outside = np.matmul(_h(q2), moved)
    return np.concatenate([d + np.matmul(q2, outside), -np.matmul(q1, _h(outside))], -1)


def _signed_svd(a, full):
    """The decomposition with singular values that would change sign at zero, as smooth ones do."""
    if not is_dual(a):
        return np.linalg.svd(a, full)
    return apply_custom(lambda a: _signed_svd(a, full), lambda y, p, s: _svd_tangent(y, p, s, full), [a])


def _signed_values(a):
    if not is_dual(a):
        return np.linalg.svd(a, compute_uv=False)
    return apply_custom(_signed_values, _signed_values_tangent, [a])


def _signed_values_tangent(y, primals, stacks):
    """dsᵢ = Re uᵢᴴ dA vᵢ."""
    u, _, vh = _signed_svd(primals[0], False)
    return _real(np.sum(np.conjugate(u) * np.matmul(stacks[0], _h(vh)), -2))


def _tips(s, shape):
    """Singular values have a tip at zero: derivative 0 at first order, nan at second."""
    plain = primal(s)
    zero = _zero(plain, shape)
    if not is_dual(s) or not np.any(zero):
        return s
    return with_value(np.abs(with_value(s, np.where(zero, np.zeros((), plain.dtype), plain))), plain)


@rule(np.linalg.svd)
def _svd(a, full_matrices=True, compute_uv=True, hermitian=False):
    a = _number(a)
    if not compute_uv:
        return _tips(_signed_values(a), a.shape)
    u, s, vh = _signed_svd(a, full_matrices)
    return type(np.linalg.svd(np.eye(1)))(u, _tips(s, a.shape), vh)


@rule(np.linalg.svdvals)
def _svdvals(x, /):
    return np.linalg.svd(x, compute_uv=False)


@rule(np.linalg.cond)
def _cond(x, p=None):
    x = _number(x)
    value = np.linalg.cond(primal(x), p)
    if p is None or p in (2, -2):
        s = np.linalg.svd(x, compute_uv=False)
        y = s[..., 0] / s[..., -1] if p != -2 else s[..., -1] / s[..., 0]
    else:
        y = np.linalg.norm(x, p, (-2, -1)) * np.linalg.norm(np.linalg.inv(x), p, (-2, -1))
    return with_value(y, value)


# -- least squares ---------------------------------------------------------------------------------------------------


def _require_full_rank(a, relative, name):
    """Raise where the rank is below full: there the function jumps."""
    a = primal(a)
    s = np.linalg.svd(a, compute_uv=False)
    cutoff = np.maximum(relative, max(a.shape[-2:]) * _epsilon(s))
    if np.any(s <= np.asarray(cutoff)[..., None] * np.max(s, axis=-1, keepdims=True, initial=0.0)):
        raise DifferentiationValueError(
            f"np.linalg.{name}: the matrix is rank-deficient, and {name} jumps with the rank, so that there is no "
            f"derivative; drop dependent columns or rows, or add a small multiple of the identity to AᴴA"
        )


def _pinv_tangent(y, primals, stacks):
    """dP = −P dA P + P Pᴴ dAᴴ (1 − A P) + (1 − P A) dAᴴ Pᴴ P (Golub & Pereyra 1973)."""
    a, (da,) = primals[0], stacks
    out = -np.matmul(np.matmul(y, da), y)
    if a.shape[-2] > a.shape[-1]:
        moved = _h(da)
        out = out + np.matmul(np.matmul(y, _h(y)), moved - np.matmul(np.matmul(moved, a), y))
    if a.shape[-2] < a.shape[-1]:
        moved = _h(da)
        out = out + np.matmul(moved - np.matmul(y, np.matmul(a, moved)), np.matmul(_h(y), y))
    return out


@rule(np.linalg.pinv)
def _pinv(a, rcond=None, hermitian=False, **kwargs):
    a = _number(a)
    relative = kwargs.get("rtol", rcond)
    _require_full_rank(a, 0.0 if relative is None else relative, "pinv")

    def function(a):
        return np.linalg.pinv(a, rcond, hermitian, **kwargs)

    return apply_custom(function, _pinv_tangent, [a])


@rule(np.linalg.lstsq)
def _lstsq(a, b, rcond=None):
    a, b = _number(a), _number(b)
    x, residuals, rank, s = np.linalg.lstsq(primal(a), primal(b), rcond)
    cutoff = _epsilon(x) * max(a.shape) if rcond is None else rcond
    if is_dual(a):
        _require_full_rank(a, cutoff, "lstsq")
    solution = np.matmul(np.linalg.pinv(a, rcond=cutoff), b)
    if residuals.size:
        rest = b - np.matmul(a, solution)
        rest = rest[:, None] if b.ndim == 1 else rest
        residuals = with_value(np.sum(np.square(np.abs(rest)), 0), residuals)
    values = with_value(np.linalg.svd(a, compute_uv=False), s) if is_dual(a) else s
    return with_value(solution, x), residuals, rank, values


# -- QR --------------------------------------------------------------------------------------------------------------


def _qr_tangent(y, primals, stacks):
    """QᴴdQ is skew; its part below the diagonal is that of Qᴴ dA R⁻¹ (Walter & Lehmann 2010)."""
    q, r = y
    (da,) = stacks
    k = min(primals[0].shape[-2:])
    q1 = q[..., :, :k]
    square = r[..., :k, :k]
    scaled = np.matmul(da[..., :, :k], np.linalg.inv(square))
    inner = np.matmul(_h(q1), scaled)
    lower = _triangle(inner, strict=True)
    skew = lower - _h(lower)
    if q.dtype.kind == "c":
        skew = skew + _on_diagonal(1j * np.imag(_diag(inner)))
    dr = np.matmul(_h(q1), da) - np.matmul(skew, r[..., :k, :])
    dr = _triangle(dr, upper=True)
    dq = np.matmul(q1, skew)
    if q.shape[-2] > k:
        dq = _beyond(dq, q, q1, scaled, q.shape[-1] > k)
    if r.shape[-2] > k:
        zeros = np.zeros((*dr.shape[:-2], r.shape[-2] - k, dr.shape[-1]), dr.dtype)
        dr = np.concatenate([dr, zeros], -2)
    return dq, dr


@rule(np.linalg.qr)
def _qr(a, mode="reduced"):
    a = _number(a)
    if mode not in ("reduced", "complete", "r"):
        raise UnsupportedFunctionError(f"np.linalg.qr: mode {mode!r} has no derivative rule; use mode='reduced'")
    kept = "complete" if mode == "complete" else "reduced"
    k = min(a.shape[-2:])
    diagonal = np.abs(_diag(np.linalg.qr(primal(a)[..., :k], mode="r")))
    if np.any(diagonal <= max(a.shape[-2:]) * _epsilon(diagonal) * np.max(diagonal, axis=-1, keepdims=True, initial=0)):
        raise DifferentiationValueError(
            "np.linalg.qr: the matrix is rank-deficient, and Q is not determined by it; drop dependent columns"
        )
    result = apply_custom(lambda a: np.linalg.qr(a, kept), _qr_tangent, [a])
    return result.R if mode == "r" else result
