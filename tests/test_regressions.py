"""Programs that once gave a wrong answer, crashed, or refused what is right."""

import copy

import numpy as np
import pytest

import dualdiff as dd

V = np.array([1.0, 2.0, 3.0])


def accumulate(x):
    s = x[0]
    s += x[1]
    s += x[2]
    return s * x[0]


def swap(x):
    a, b = x[0], x[1]
    x[0] = b
    x[1] = a
    return x


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_elements_are_numbers_of_their_own(dtype):
    v = V.astype(dtype)
    np.testing.assert_array_equal(dd.grad(accumulate)(v), [7, 1, 1])
    np.testing.assert_array_equal(dd.jacobian(swap)(v), [[0, 1, 0], [1, 0, 0], [0, 0, 1]])
    np.testing.assert_array_equal(dd.jacobian(dd.grad(accumulate))(v), [[2, 1, 1], [1, 0, 0], [1, 0, 0]])
    np.testing.assert_array_equal(dd.hessian(accumulate)(v), [[2, 1, 1], [1, 0, 0], [1, 0, 0]])
    np.testing.assert_array_equal(dd.jacobian(dd.jacobian(swap))(v), np.zeros((3, 3, 3)))


@pytest.mark.parametrize(("order", "want"), [(1, 32.0), (2, 48.0), (3, 48.0), (4, 24.0), (5, 0.0)])
def test_in_place_operators_on_numbers_rebind(order, want):
    def f(x):
        p = x
        p *= x
        p *= x
        p *= x
        return p

    assert dd.derivative(f, order=order)(2.0) == want


def test_in_place_operators_on_sums_and_lists_rebind():
    def f(x):
        s = np.sum(x)
        t = s
        t += 1
        return s

    assert dd.value_and_grad(f)(V.astype(np.float32))[0] == 6.0

    def g(v):
        a = v[0]
        a *= 3.0
        return a * v[1]

    assert dd.derivative(lambda x: dd.jvp(g, ([x, x * x],), (np.ones(2),))[1])(2.0) == 15.0

    def h(x):
        z = 1j * x
        s = z
        s *= z
        return np.real(s * z * 1j)

    assert dd.derivative(h)(2.0) == 3 * 2.0**2


def test_complex_values_have_complex_planes():
    def f(x):
        y = x + 1j
        y *= 1j
        return y.imag

    np.testing.assert_array_equal(dd.jacobian(f)(V), np.eye(3))

    def g(x):
        y = x + 0j
        y.imag[:] = x**2
        return np.abs(y) ** 2

    np.testing.assert_allclose(dd.jacobian(g)(V), np.diag(2 * V + 4 * V**3), rtol=1e-14)

    def h(x):
        y = np.stack([x[0] + 1j, x[1]])
        y *= 1j
        return [y[0].imag, y.imag[1]]

    np.testing.assert_array_equal(dd.jacobian(h)(V), np.eye(3)[:2])
    # An object array of complex numbers answers .imag with zeros.
    for f in (lambda x: np.array([x[0] + 1j, x[1]]).imag, lambda x: np.asarray(x + 1j).imag):
        with pytest.raises(dd.LostTangentError, match="np.stack"):
            dd.jacobian(f)(V)


@pytest.mark.parametrize(
    "index", [((0, 1), slice(None), (0, 1)), (range(2), slice(None), range(2)), (0, slice(None), (0, 1))], ids=str
)
def test_sequences_of_any_kind_are_indices(index):
    x = dd.DualArray(np.arange(12.0).reshape(2, 3, 2), np.ones((2, 2, 3, 2)))
    arrays = tuple(np.asarray(part) if isinstance(part, tuple | range) else part for part in index)
    shape = x.value[arrays].shape
    size = int(np.prod(shape))
    item = dd.DualArray(np.arange(float(size)).reshape(shape), np.arange(2.0 * size).reshape(2, *shape))
    y, z = x.copy(), x.copy()
    y[index] = item
    z[arrays] = item
    np.testing.assert_array_equal(y.tangent, z.tangent)
    np.testing.assert_array_equal(y[index].tangent, item.tangent)


def test_ufunc_at_copies_an_overlapping_operand():
    def f(x):
        y = x * 1.0
        np.multiply.at(y, [0, 0], y[::-1][:2])
        return y

    np.testing.assert_array_equal(dd.value_and_jacobian(f)(np.array([2.0, 3.0]))[0], f(np.array([2.0, 3.0])))


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_matrices_and_masked_arrays_are_refused():
    m, a = np.matrix([[1.0, 2.0], [3.0, 4.0]]), np.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 0])
    for call in (
        lambda: dd.jacobian(lambda x: x * x)(m),
        lambda: dd.jacobian(lambda x: m * x)(np.ones((2, 2))),
        lambda: dd.jacobian(lambda x: x * m)(np.ones((2, 2))),
        lambda: dd.grad(lambda x: x.sum())(a),
        lambda: dd.jacobian(lambda x: x * a)(V),
        lambda: dd.jacobian(lambda x: np.maximum(x, a))(V),
    ):
        with pytest.raises(dd.DifferentiationTypeError, match="np.asarray"):
            call()


def test_dtypes_without_room_are_refused():
    for f in (lambda x: np.add(x, 1, dtype=int), lambda x: np.exp(x, dtype=int)):
        with pytest.raises(dd.LostTangentError, match="dtype"):
            dd.jacobian(f)(V)
    assert dd.derivative(lambda x: np.ldexp(1.0, x))(1.5) == pytest.approx(2**1.5 * np.log(2), rel=1e-15)


def test_rules_with_a_tangent_of_the_wrong_shape_are_refused():
    @dd.custom_jvp
    def f(x):
        return np.sin(x)

    @f.defjvp
    def rule(primals, tangents):
        return np.sin(primals[0]), tangents[0][:2]

    with pytest.raises(dd.DifferentiationValueError, match="f: its rule"):
        dd.jacobian(lambda v: f(v) * 2.0)(np.ones(5))

    @dd.elementwise(d1=lambda x: np.arange(1.0, 4.0))
    def g(x):
        return np.sin(x)

    with pytest.raises(dd.DifferentiationValueError, match="g: its rule"):
        dd.jacobian(lambda v: g(v[:1]))(np.ones(3))


def test_hyper_duals_with_one_set_of_seeds():
    x = dd.HyperDual(2.0, [1.0, 0.0], [0.0, 1.0])
    y = dd.HyperDual(3.0, [], [1.0, 2.0])
    with pytest.raises(dd.TangentMismatchError):
        x * y
    for bad in (np.array([[1j]]), [[None]], "a"):
        with pytest.raises(dd.DualDiffError):
            dd.HyperDual(1.0, 1.0, 1.0, bad)


def test_numbers_that_the_function_keeps_are_not_handed_out():
    kept = []

    def f(x):
        y = np.sin(x)
        kept.append(y)
        return y

    y, t = dd.jvp(f, (V,), (np.ones(3),))
    y[:] = t[:] = 0
    np.testing.assert_array_equal(kept[0].value, np.sin(V))
    y = dd.value_and_jacobian(f)(V)[0]
    y[:] = 0
    np.testing.assert_array_equal(kept[1].value, np.sin(V))


def test_writing_into_what_numpy_would_share_is_an_error():
    def f(x):
        y = x * 1.0
        np.asarray(y)[0] = x[0] ** 3
        return y

    with pytest.raises(ValueError, match="read-only"):
        dd.jacobian(f)(V)

    def g(x):
        y = np.array(x)
        y[0] = x[0] ** 3
        return y

    np.testing.assert_array_equal(dd.jacobian(g)(V), np.diag([3.0, 1.0, 1.0]))


def test_too_many_dimensions_are_refused():
    for f in (lambda v: v * v, lambda v: v * 2.0, np.sin):
        with pytest.raises(dd.DifferentiationValueError, match="32 dimensions"):
            dd.jacobian(f)(np.ones((1,) * 40))


@pytest.mark.parametrize("kind", [dd.Dual, dd.HyperDual])
def test_a_number_without_init_is_the_constant_zero(kind):
    piled = [kind(1.0, np.ones(200), *([np.ones(200)] if kind is dd.HyperDual else [])) for _ in range(5)]
    del piled
    for _ in range(8):
        x = kind.__new__(kind)
        assert x.value == 0.0
        assert repr(x) and str(x) == "0"
        assert (x + 1.0).value == 1.0
        assert copy.deepcopy(x).value == 0.0


def test_init_may_be_called_again():
    x = dd.Dual(1.0, np.ones(50))
    x.__init__(2.0, np.full(3, 4.0))
    assert (x * x).tangent.tolist() == [16.0] * 3
    h = dd.HyperDual(1.0, np.ones(50), np.ones(50))
    h.__init__(2.0, 1.0, 1.0)
    assert (h**3).e12 == 12.0


def test_fresh_results_can_be_written_in_nested_calls():
    def f(x):
        y = x**2
        y[0] = x[1]
        y += x
        y.sort()
        return y

    x = np.array([1.0, 2.0])
    np.testing.assert_array_equal(dd.jacobian(dd.jacobian(f))(x), dd.hessian(f)(x))


def test_constants_meet_numbers_of_any_k():
    c, d = dd.Dual(2.0), dd.Dual(3.0, [1.0, 2.0])
    x = dd.DualArray([1.0, 2.0], [[1.0, 0.0], [0.0, 1.0]])
    np.testing.assert_array_equal(dd.pack([c, d]).tangent, [[0, 1], [0, 2]])
    np.testing.assert_array_equal(np.stack([d, c]).tangent, [[1, 0], [2, 0]])
    np.testing.assert_array_equal(np.where(x > 1, x, c).tangent, [[0, 0], [0, 1]])
    np.testing.assert_array_equal((np.array([c, d]) * x).tangent, [[2, 2], [0, 7]])
    np.testing.assert_array_equal((x @ dd.pack([c, d])).tangent, [2 + 2, 3 + 4])
    y = x.copy()
    y[0] = c
    np.testing.assert_array_equal(y.tangent, [[0, 0], [0, 1]])


def test_small_things():
    assert dd.jacobian(np.sin, max_memory=float("inf"))(V).shape == (3, 3)
    weights = dd.grad(lambda w: np.average([1.0, 2.0, 3.0], weights=w))(np.ones(3))
    np.testing.assert_allclose(weights, [-1 / 3, 0, 1 / 3], atol=1e-15)

    @dd.custom_jvp
    def f(x):
        return x * 2.0

    f.defjvp(lambda p, t: (p[0] * 2.0, t[0] * 2.0))
    assert dd.jacobian(f)(np.ones(0)).shape == (0, 0)


@pytest.mark.parametrize(
    "f",
    [np.sin, lambda x: x - x, lambda x: x * 0.0, lambda x: x / x, lambda x: x % 2.0],
    ids=["sin", "-", "*", "/", "%"],
)
@pytest.mark.parametrize("make", [lambda v: dd.Dual(v, 1.0), lambda v: dd.HyperDual(v, 1.0, 1.0), np.float64])
def test_numpys_warnings_at_infinity(f, make):
    with pytest.warns(RuntimeWarning, match="invalid"):
        f(make(np.inf))


def test_the_order_in_memory_is_not_promised():
    x = np.asfortranarray([[1.0, 2.0], [3.0, 4.0]])
    for f in (lambda v: v.ravel("K"), lambda v: v.flatten("K"), lambda v: np.reshape(v, -1, order="A")):
        with pytest.raises(dd.DifferentiationValueError, match="order='C'"):
            dd.jacobian(f)(x)
    np.testing.assert_array_equal(dd.value_and_jacobian(lambda v: v.ravel("F"))(x)[0], [1, 3, 2, 4])
    np.testing.assert_array_equal(dd.jacobian(lambda v: v.ravel("K"))(np.ones(2)), np.eye(2))


# -- reverse mode ------------------------------------------------------------------------------------------------------

MODES = pytest.mark.parametrize("mode", ["forward", "reverse"])


@MODES
def test_recorded_arrays_are_compared_with_each_other(mode):
    def f(v):
        assert (v == v[:1]).tolist() == [True, False, False]
        return np.sum(np.where(v <= v[::-1], v**2, 3.0 * v))

    np.testing.assert_array_equal(dd.grad(f, mode=mode)(V), [2.0, 4.0, 3.0])

    def angles(v):
        return np.sum(np.arctan2(v, v[::-1]))

    nested = dd.jacobian(dd.grad(angles, mode=mode), mode=mode)(V)
    np.testing.assert_allclose(nested, dd.hessian(angles, mode="forward")(V), atol=1e-15)


@MODES
def test_constants_of_zero(mode):
    with np.errstate(all="ignore"):
        assert dd.grad(lambda v: np.sum(v / 0.0), mode=mode)(V).tolist() == [np.inf] * 3
        # What a constant slope of 0 multiplies is dropped, infinite or not.
        assert dd.grad(lambda v: np.sum(np.floor(v) * np.inf), mode=mode)(V).tolist() == [0.0] * 3
        assert dd.grad(lambda v: np.sum(np.sqrt(0.0 * v)), mode=mode)(V).tolist() == [0.0] * 3


@MODES
@pytest.mark.parametrize("product", [
    lambda v: v[:, None] @ np.ones((1, 0)), lambda v: v[:, None] * np.ones((3, 4)) @ np.ones((4, 0)),
    lambda v: np.ones((2, 5, 0)) @ (v[:0, None] * np.ones(3)), lambda v: np.ones((2, 0, 3)) @ v[:, None]])
def test_empty_matrix_products(product, mode):
    found = dd.grad(lambda v: np.sum(product(v)) + np.sum(v), mode=mode)(V)
    assert found.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_pullback_of_no_cotangents(dtype):
    _, pullback = dd.vjp(lambda v: np.sum(np.sin(v) * v[0]) + np.sum(v[[0, 0]]), V.astype(dtype))
    assert pullback(np.zeros(0))[0].shape == (0, 3)


@MODES
@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("outer", [False, True])
def test_each_derivative_is_strict_for_itself(mode, strict, outer):
    inner = dd.grad(lambda v: np.sum(np.abs(v)), mode=mode, strict=strict)
    first, _ = dd.jvp(inner, (np.array([0.0, 1.0]),), (np.ones(2),), strict=outer)
    np.testing.assert_array_equal(first, [np.nan if strict else 0.0, 1.0])


@MODES
@pytest.mark.parametrize("operation", [
    np.multiply, np.divide, np.power, np.matmul, np.arctan2, np.convolve, lambda w, x: np.einsum("i,i,i", w, w, x),
    lambda w, x: dd.checkpoint(np.divide)(w, x), lambda w, x: dd.checkpoint(np.divide)(x, w)])
def test_the_tape_keeps_arrays_of_outer_derivatives_as_they_were(mode, operation):
    """Wherever an inner recording captures one, an assignment afterwards makes no difference."""
    def outer(x, writes):
        def inner(w):
            y = np.sum(operation(w, x))
            if writes:
                x[0] = 100.0
            return y

        return np.sum(dd.grad(inner, mode="reverse")(V + 1.0) * V)

    kept, written = (dd.value_and_grad(lambda x, writes=writes: outer(x + 0.0, writes), mode=mode)(V)
                     for writes in (False, True))
    assert written[0] == kept[0]
    np.testing.assert_array_equal(written[1], kept[1])


def test_checkpoint_keeps_its_arguments_and_lets_nobody_write_to_them():
    def f(v):
        c = V.copy()
        y = dd.checkpoint(np.multiply)(v, c)
        c[...] = 0.0
        return np.sum(y**2)

    np.testing.assert_array_equal(dd.grad(f, mode="reverse")(V), 2.0 * V**3)

    def writes(v):
        v += 1.0
        return v * v

    with pytest.raises(ValueError, match="read-only"):
        dd.grad(lambda v: np.sum(dd.checkpoint(writes)(v * 2.0)), mode="reverse")(V)


@MODES
def test_writing_nothing_through_a_view_of_a_number(mode):
    def f(v):
        m = np.max(v, keepdims=True)
        m[1:] = 5.0
        m[1:] *= 2.0
        return np.sum(m**2)

    value, gradient = dd.value_and_grad(f, mode=mode)(V)
    assert value == 9.0 and gradient.tolist() == [0.0, 0.0, 6.0]

    def misfit(v):
        np.max(v, keepdims=True)[1:] = np.ones(3)

    with pytest.raises(ValueError, match="broadcast"):
        dd.grad(misfit, mode=mode)(V)


@MODES
def test_the_product_of_no_numbers_in_nested_derivatives(mode):
    hess = dd.jacobian(dd.grad(lambda v: np.sum(np.hypot(v, np.prod(v[:0]))), mode=mode))(V)
    np.testing.assert_allclose(hess, np.diag((1.0 + V**2) ** -1.5), rtol=1e-14)


@MODES
def test_imaginary_parts_of_tangents_that_are_recorded(mode):
    def f(v):
        return np.sum(np.imag(np.exp(v * (1.0 + 2.0j))))

    want = dd.grad(f, mode="forward")(V)
    np.testing.assert_allclose(dd.grad(lambda t: dd.jvp(f, (V,), (t,))[1], mode=mode)(V), want, rtol=1e-14)


@MODES
def test_parts_of_complex_numbers_are_views(mode):
    def f(v):
        z = v * (1.0 + 2.0j)
        real, imag = z.real, np.imag(z)[1:]
        z[0] = 5.0j * v[1]
        real[1] = v[0] ** 3
        imag *= v[0]
        imag[[1, 1]] = 7.0
        with pytest.raises(TypeError, match="complex"):
            real[0] = 1.0j
        return np.sum(real**2) + np.sum(imag**3) + np.sum(np.abs(z) ** 4)

    x = np.array([0.5, 1.5, -1.0])
    # z = [5i v1, v0³ + 2i v0 v1, v2 + 7i]
    value, gradient = dd.value_and_grad(f, mode=mode)(x)
    z = np.array([7.5j, 0.125 + 1.5j, -1.0 + 7.0j])
    assert value == pytest.approx(np.sum(z.real**2) + 1.5**3 + 7.0**3 + np.sum(np.abs(z) ** 4), rel=1e-14)
    a, b = 0.125, 1.5
    weights = 2.0 * a + 4.0 * (a * a + b * b) * a, 3.0 * b**2 + 4.0 * (a * a + b * b) * b
    expected = [weights[0] * 3.0 * 0.25 + weights[1] * 2.0 * 1.5, 4.0 * 7.5**3 * 5.0 + weights[1] * 2.0 * 0.5,
                -2.0 + 4.0 * 50.0 * -1.0]
    np.testing.assert_allclose(gradient, expected, rtol=1e-13)


def test_a_pullback_that_captures_a_number_which_the_value_does_not():
    def outer(t):
        @dd.custom_vjp
        def same(v):
            return v * 1.0

        same.defvjp(lambda v: (v * 1.0, lambda ybar: ybar * t))
        return dd.grad(lambda v: np.sum(same(v)), mode="reverse")(V)

    value, tangent = dd.jvp(outer, (2.0,), (1.0,))
    assert value.tolist() == [2.0] * 3 and tangent.tolist() == [1.0] * 3
