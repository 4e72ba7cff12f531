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
