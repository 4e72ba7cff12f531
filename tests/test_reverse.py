"""Reverse mode: transforms, networks in closed form, assignment, nesting, memory, errors, and the choice of mode."""

import gc

import numpy as np
import pytest
from problems import assert_close

import dualdiff as dd
from dualdiff import levels, modes
from dualdiff._reverse import TracedArray
from dualdiff.compare import break_even
from dualdiff.passes import Call, Settings
from dualdiff.pullbacks import Recording

X = np.array([0.72, -1.31, 2.18, 1.43])


def both(f, x, rtol=1e-12, **options):
    """The Jacobian by reverse mode, held against forward mode."""
    back = dd.jacobian(f, mode="reverse", **options)(x)
    assert_close(back, dd.jacobian(f, mode="forward", **options)(x), rtol)
    return back


def recording(f, x):
    return Recording(Call(Settings("jacobian", f, mode="reverse"), (x,), {}))


def counted(f):
    def g(*args):
        g.calls += 1
        return f(*args)

    g.calls = 0
    return g


# -- a layered network in closed form ----------------------------------------------------------------------------------

RNG = np.random.default_rng(3)
SIZES = (5, 7, 6, 4)
LAYERS = [(RNG.normal(size=(m, n)) / np.sqrt(n), RNG.normal(size=m)) for n, m in zip(SIZES, SIZES[1:], strict=False)]
INPUT = RNG.normal(size=SIZES[0])


def sigmoid(a):
    return 1.0 / (1.0 + np.exp(-a))


def softmax(a):
    e = np.exp(a - np.max(a))
    return e / np.sum(e)


def network(x, layers=LAYERS, output=sigmoid):
    for w, b in layers[:-1]:
        x = np.tanh(w @ x + b)
    w, b = layers[-1]
    return output(w @ x + b)


def activations(x):
    found = []
    for w, b in LAYERS:
        found.append(w @ x + b)
        x = np.tanh(found[-1])
    return found


def backpropagated(kind):
    """``∂y_k/∂a_j = h'(a_j) Σ_l w_lj ∂y_k/∂a_l`` from the output's ``∂y_k/∂a_l``, down to the inputs."""
    a = activations(INPUT)
    if kind == "sigmoid":
        y = sigmoid(a[-1])
        d = np.diag(y * (1.0 - y))  # δ_kl σ'(a_l)
    else:
        y = softmax(a[-1])
        d = np.diag(y) - np.outer(y, y)  # δ_kl y_k − y_k y_l
    rows = {len(LAYERS) - 1: d}
    for layer in range(len(LAYERS) - 2, -1, -1):
        d = (1.0 - np.tanh(a[layer]) ** 2) * (d @ LAYERS[layer + 1][0])
        rows[layer] = d
    return rows


@pytest.mark.parametrize("kind", ["sigmoid", "softmax"])
@pytest.mark.parametrize("library", [False, True])
def test_a_network_follows_the_backpropagated_rows(kind, library):
    rows = backpropagated(kind)
    output = {"sigmoid": (sigmoid, dd.sigmoid), "softmax": (softmax, dd.softmax)}[kind][library]
    jac = dd.jacobian(lambda x: network(x, output=output), mode="reverse")(INPUT)
    assert_close(jac, rows[0] @ LAYERS[0][0], 1e-14)
    for layer in range(len(LAYERS)):
        # The derivative with respect to a bias is that with respect to the activation.
        def of_bias(b, layer=layer):
            layers = [(w, b if i == layer else c) for i, (w, c) in enumerate(LAYERS)]
            return network(INPUT, layers, output)

        assert_close(dd.jacobian(of_bias, mode="reverse")(LAYERS[layer][1]), rows[layer], 1e-14)


def test_weights_get_outer_products():
    rows = backpropagated("softmax")
    hidden = np.tanh(activations(INPUT)[0])

    def of_weights(w):
        return network(INPUT, [LAYERS[0], (w, LAYERS[1][1]), LAYERS[2]], softmax)

    jac = dd.jacobian(of_weights, mode="reverse")(LAYERS[1][0])
    assert_close(jac, rows[1][:, :, None] * hidden, 1e-14)


# -- transforms --------------------------------------------------------------------------------------------------------


def bowl(v):
    return np.sum(100.0 * (v[1:] - v[:-1] ** 2) ** 2 + (1.0 - v[:-1]) ** 2)


def test_one_call_of_the_function():
    for transform in (dd.grad, dd.value_and_grad, dd.jacobian, dd.hessian, dd.value_grad_and_hessian):
        f = counted(bowl)
        transform(f, mode="reverse")(X)
        assert f.calls == 1, transform
    f = counted(bowl)
    dd.hvp(f, (X,), (X,), mode="reverse")
    assert f.calls == 1
    f = counted(bowl)
    _, pullback = dd.vjp(f, X)
    pullback(1.0)
    pullback(2.0)
    assert f.calls == 1


@pytest.mark.parametrize("x", [0.7, np.float32(0.7), [0.5, 0.7], (0.5, 0.7), np.array([[0.5, 0.7]]), np.arange(1, 3),
                               np.zeros((2, 0)), np.float64(2.0)], ids=repr)
def test_arguments_of_every_kind(x):
    def f(v):
        return np.sin(v) * 2.0 if np.ndim(x) != 1 or isinstance(x, np.ndarray) else [v[0] * v[1], np.exp(v[0])]

    for options in ({}, {"strict": True}):
        got, want = (dd.jacobian(f, mode=mode, **options)(x) for mode in ("reverse", "forward"))
        assert np.shape(got) == np.shape(want) and np.asarray(got).dtype == np.asarray(want).dtype
        np.testing.assert_allclose(got, want, rtol=1e-6)


def test_results_have_the_forms_of_forward_mode():
    (value, aux), slope = dd.value_and_grad(lambda v: (bowl(v), v * 2.0), mode="reverse", has_aux=True)(X)
    assert type(value) is np.float64 and isinstance(aux, np.ndarray)
    assert_close(slope, dd.grad(bowl, mode="forward")(X), 1e-14)
    assert type(dd.grad(np.sin, mode="reverse")(0.3)) is np.float64
    value, gradient, hessian = dd.value_grad_and_hessian(bowl, mode="reverse")(X)
    wanted = dd.value_grad_and_hessian(bowl, mode="forward")(X)
    assert value == wanted[0]
    assert_close(gradient, wanted[1], 1e-13)
    assert_close(hessian, wanted[2], 1e-13)
    assert np.array_equal(hessian, hessian.T)
    rows = np.stack([X, X + 1.0])
    f = lambda v: np.cumsum(v**2, axis=1)
    assert_close(dd.jacobian(f, mode="reverse", batched=True)(rows),
                 dd.jacobian(f, mode="forward", batched=True)(rows), 1e-15)
    matrix = lambda v: np.outer(v, np.sin(v))
    assert_close(dd.hessian(matrix, mode="reverse")(X), dd.hessian(matrix, mode="forward")(X), 1e-14)
    assert (dd.jacobian(lambda v: np.ones(3), mode="reverse")(X) == np.zeros((3, 4))).all()


def test_rows_in_chunks_are_the_same_rows():
    f = lambda v: np.outer(np.sin(v), np.exp(v))
    whole = dd.jacobian(f, mode="reverse")(X)
    calls = counted(f)
    assert np.array_equal(dd.jacobian(calls, mode="reverse", max_memory=2000)(X), whole)
    assert calls.calls == 1


def test_vjp_takes_several_arguments_and_cotangents():
    a, b = np.arange(6.0).reshape(2, 3), np.array([1.0, -2.0, 0.5])
    y, pullback = dd.vjp(lambda a, b: np.tanh(a @ b), a, b)
    assert_close(y, np.tanh(a @ b), 1e-16)
    one, other = pullback(np.array([1.0, 2.0]))
    slope = (1.0 - y**2) * [1.0, 2.0]
    assert_close(one, np.outer(slope, b), 1e-14)
    assert_close(other, slope @ a, 1e-14)
    several = pullback(np.eye(2))
    assert several[0].shape == (2, 2, 3) and several[1].shape == (2, 3)
    assert_close(np.tensordot([1.0, 2.0], several[0], 1), one, 1e-15)
    unused = dd.vjp(lambda a, b: a * 2.0, 1.0, b)[1](1.0)
    assert unused[0] == 2.0 and (unused[1] == 0.0).all()


def test_hvp_of_several_arguments():
    w, b, v = RNG.normal(size=(3, 4)), RNG.normal(size=3), (RNG.normal(size=(3, 4)), RNG.normal(size=3))
    f = lambda w, b: np.sum(np.exp(np.tanh(w @ X + b)))
    got, want = (dd.hvp(f, (w, b), v, mode=mode) for mode in ("reverse", "forward"))
    for one, other in zip(got, want, strict=True):
        assert_close(one, other, 1e-13)


def test_results_alias_nothing():
    c = np.array([1.0, 2.0, 3.0, 4.0])
    x, seed = X.copy(), np.ones(4)
    y, pullback = dd.vjp(lambda u, v: u + v, x, c)
    one, other = pullback(seed)
    one += 1.0
    assert (other == 1.0).all() and (seed == 1.0).all()
    y += 1.0
    assert np.array_equal(x, X)
    y, _ = dd.vjp(lambda v: v, x)
    y += 1.0
    assert np.array_equal(x, X)
    slope = dd.grad(lambda v: v @ c, mode="reverse")(x)
    slope += 1.0
    assert np.array_equal(c, [1.0, 2.0, 3.0, 4.0])
    twice = [dd.vjp(lambda v: v[:2], x)[1](np.ones(2))[0] for _ in range(2)]
    assert not np.shares_memory(*twice)


# -- assignment and views ----------------------------------------------------------------------------------------------


def scan(x):
    z = np.zeros_like(x)
    z[0] = x[0]
    for i in range(1, 4):
        z[i] = np.sin(z[i - 1]) * x[i]
    return z


def through_views(x):
    z = x.copy()
    head, rest = z[:2], z[1:]
    head *= 3.0
    rest[0] = head[0] * x[3]
    z[2:] += rest[:2]
    return np.concatenate([z * head[1], rest])


def through_shapes(x):
    z = x * 1.0
    square = z.reshape(2, 2)
    square.T[0] = square[1] ** 2
    flat = square.ravel()
    flat[3] = 7.0 * x[0]
    z[0] -= flat[1]
    return np.stack([z, square.ravel(), np.diagonal(square)[[0, 1, 0, 1]]])


def masks_and_fancy(x):
    z = np.exp(x)
    z[x > 1.0] = 0.5 * x[x > 1.0]
    z[[0, 0, 3]] = x[[1, 2, 3]] ** 2  # the last one of a place counts
    z[[1, 1]] += x[:2]
    np.add.at(z, [2, 2, 0], x[:3])
    z[-1:] = [x[0] * x[1]]
    return z


def reads_before_writes(x):
    z = x * 2.0
    y = z * x
    z[...] = np.cos(x)
    y *= z
    x[1] = z[0]
    return y + x


def shuffles(x):
    z = x.copy()
    z[[0, 1]] = z[[1, 0]]
    z[1:] = z[:-1]
    z.sort()
    z.fill(z[0] * z[3])
    w = np.zeros((2, 2), like=x)
    w.flat[:] = x
    np.fill_diagonal(w, x[0] ** 2)
    w[:, 0] += z[:2]
    return np.concatenate([w.ravel(), z])


def by_out(x):
    z = np.zeros_like(x)
    np.multiply(x, x, out=z)
    np.sin(z, out=z)
    w = np.zeros(1, like=x)
    np.sum(z, keepdims=True, out=w)
    return z * w


def while_loop(x):
    y, s = x, 0.0
    while np.sum(y) < 50.0:
        y = y * 1.5 + 0.1
        s = s + y[0]
    return y * s


MUTATING = [scan, through_views, through_shapes, masks_and_fancy, reads_before_writes, shuffles, by_out, while_loop]


@pytest.mark.parametrize("f", MUTATING, ids=lambda f: f.__name__)
def test_assignment_is_that_of_numpy(f):
    x = X.copy()
    y, _ = dd.vjp(f, x)
    assert np.array_equal(x, X), "the caller's input was written to"
    both(f, X)
    assert_close(dd.hessian(f, mode="reverse")(X), dd.hessian(f, mode="forward")(X), 1e-12)
    assert y.shape == dd.jvp(f, (X,), (X,))[0].shape


def test_values_that_the_tape_needs_are_not_overwritten():
    def f(x):
        z = x * x
        y = np.multiply(z, z)  # needs z
        z[0] = 100.0
        return y + z

    assert_close(both(f, X)[0, 0], 4.0 * X[0] ** 3, 1e-15)


def test_a_loop_of_assignments_does_not_copy_the_array_each_time():
    def f(x):
        z = np.zeros(2000, like=x)
        owners = set()
        for i in range(2000):
            z[i] = x[0] * i
            owners.add(z.value.__array_interface__["data"][0])
        f.buffers = len(owners)
        return np.sum(z)

    assert dd.grad(f, mode="reverse")(np.ones(1)) == [1999000.0]
    assert f.buffers < 10


@pytest.mark.parametrize(("f", "words"), [
    (lambda x: float(x[0]), ("float()", "dualdiff.value")),
    (lambda x: np.asarray(x, dtype=float), ("float", "dualdiff.value")),
    (lambda x: np.zeros(4).__setitem__(0, x[0]), ("zeros_like",)),
    (lambda x: np.add(x, 1.0, out=np.zeros(4)), ("out=", "zeros_like")),
    (lambda x: np.zeros(4).__iadd__(x), ("out=",)),
    (lambda x: {x: 1}, ("hash",)),
    (lambda x: range(x[0]), ("index",)),
    (lambda x: x.astype(np.longdouble), ("astype",)),
    (lambda x: (x + 0j).astype(float), ("imaginary",)),
    (lambda x: x.__setitem__(0, 1j), ("complex",)),
    (lambda x: np.broadcast_to(x, (2, 4)).__setitem__(0, 1.0), ("read-only",)),
    (lambda x: x + "one", ("str",)),
    (lambda x: np.lexsort, ("returned",)),
    (lambda x: None, ("return",)),
    (lambda x: np.sqrt(x + 0j), ("complex",)),
    (lambda x: bool(x), ("ambiguous",)),
])
def test_errors_name_what_to_do(f, words):
    with pytest.raises((dd.DualDiffError, TypeError, ValueError)) as caught:
        dd.jacobian(f, mode="reverse")(X)
    for word in words:
        assert word in str(caught.value)


def test_settings_and_cotangents_are_checked():
    with pytest.raises(dd.DualDiffError, match="holomorphic"):
        dd.grad(np.sin, mode="reverse", holomorphic=True)(1.0 + 0j)
    with pytest.raises(dd.DualDiffError, match="dualdiff.jacobian"):
        dd.grad(np.sin, mode="reverse")(X)
    with pytest.raises(dd.DualDiffError, match="scalar"):
        dd.hvp(np.sin, (X,), (X,), mode="reverse")
    _, pullback = dd.vjp(np.sin, X)
    with pytest.raises(dd.DualDiffError, match="shape"):
        pullback(np.ones(3))
    with pytest.raises(dd.DualDiffError, match="real"):
        pullback(1j * X)
    with pytest.raises(dd.DualDiffError, match="vjp"):
        dd.vjp(3.0, X)


def test_numbers_kept_from_an_ended_recording_are_errors():
    kept = []
    dd.grad(lambda x: (kept.append(x), np.sum(x))[1], mode="reverse")(X)
    for later in (lambda x: x * kept[0], lambda x: kept[0] + x, lambda x: np.concatenate([x, kept[0]])):
        with pytest.raises(dd.LevelError):
            dd.jacobian(later, mode="reverse")(X)


def test_the_plain_value_is_a_constant():
    assert_close(dd.grad(lambda x: np.sum(x * dd.value(x)), mode="reverse")(X), X, 1e-16)
    assert dd.grad(lambda x: x[0] * dd.value(x[0]), mode="reverse")(X)[0] == X[0]
    assert dd.grad(lambda x: x[0] * 1.0 if x[0] > 0.5 else x[1], mode="reverse")(X)[0] == 1.0


def test_object_arrays_and_lists():
    both(lambda x: np.array([x[0] * x[1], np.sin(x[2]), 1.0]), X)
    both(lambda x: [x[0] * x[1], 2.0, x[3]], X)
    both(lambda x: np.sin(np.array([x[0], x[1] * 2.0])) + np.asarray(x)[:2], X)
    both(lambda x: np.linalg.inv(dd.pack([[x[0], 1.0], [x[1], x[2]]])), X)
    both(lambda x: x @ np.array([[x[0], 0.0, 1.0, 2.0]] * 4), X)
    both(lambda x: np.stack([x, [1.0, 2.0, 3.0, x[0]]]), X)


# -- strong zero, kinks ------------------------------------------------------------------------------------------------


def test_a_cotangent_of_zero_contributes_nothing():
    zero = np.array([0.0, 4.0])
    _, pullback = dd.vjp(np.sqrt, zero)
    assert np.array_equal(pullback(np.array([0.0, 1.0]))[0], [0.0, 0.25])
    jac = dd.jacobian(np.sqrt, mode="reverse")(zero)
    assert np.array_equal(jac, [[np.inf, 0.0], [0.0, 0.25]])
    with np.errstate(divide="ignore"):
        both(lambda x: np.where(x > 0.0, np.log(np.abs(x)), 0.0), np.array([0.0, 1.0, -2.0]))
    infinite = np.array([[np.inf, 1.0], [2.0, 3.0]])
    both(lambda x: (infinite @ x)[1:], np.array([1.0, 2.0]))
    both(lambda x: x * np.array([np.inf, 1.0]), np.array([0.5, 2.0]))
    both(lambda x: np.linalg.norm(x), np.zeros(3))


@pytest.mark.parametrize("f", [np.max, np.min, np.ptp, np.median, np.linalg.norm, np.std, np.sort,
                               lambda x: np.maximum(x, 1.0), lambda x: np.clip(x, 1.0, 2.0), np.abs,
                               lambda x: np.maximum.accumulate(x), dd.relu, lambda x: np.max(x.reshape(2, 2), axis=0)])
@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("x", [np.ones(4), np.zeros(4), np.array([1.0, 2.0, 2.0, 0.0])], ids=str)
def test_ties_and_tips_are_those_of_forward_mode(f, strict, x):
    got, want = (dd.jacobian(f, mode=mode, strict=strict)(x) for mode in ("reverse", "forward"))
    np.testing.assert_allclose(got, want, rtol=1e-15)
    got, want = (dd.hessian(f, mode=mode)(x) for mode in ("reverse", "forward"))
    np.testing.assert_allclose(got, want, rtol=1e-14, atol=1e-15)


# -- nesting -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outer", ["forward", "reverse"])
@pytest.mark.parametrize("inner", ["forward", "reverse"])
def test_transforms_nest(outer, inner):
    f = lambda v: np.sum(np.sin(v) * np.exp(v[::-1]))
    want = dd.hessian(f, mode="forward")(X)
    assert_close(dd.jacobian(dd.grad(f, mode=inner), mode=outer)(X), want, 1e-13)
    third = dd.jacobian(dd.jacobian(dd.grad(f, mode=inner), mode=outer), mode=inner)(X)
    assert_close(third, dd.jacobian(dd.hessian(f, mode="forward"), mode="forward")(X), 1e-12)


@pytest.mark.parametrize("outer", ["forward", "reverse"])
def test_inner_derivatives_with_respect_to_another_variable(outer):
    def f(v):
        return dd.derivative(lambda t: np.sin(t * v[0]) * v[1] ** 2)(0.5) + np.sum(dd.grad(lambda u: u @ v)(v))

    want = dd.grad(f, mode="forward")(X)
    assert_close(dd.grad(f, mode=outer)(X), want, 1e-14)
    assert_close(want[1], 2.0 * X[0] * X[1] * np.cos(0.5 * X[0]) + 1.0, 1e-14)


def test_perturbations_are_not_confused():
    # d/dx (x d/dy (x + y)) = 1 (Siskind & Pearlmutter 2005).
    for outer in ("forward", "reverse"):
        for inner in ("forward", "reverse"):
            slope = dd.grad(lambda x, inner=inner: x * dd.grad(lambda y: x + y, mode=inner)(1.0), mode=outer)(1.0)
            assert slope == 1.0


def test_hvp_and_hessian_inside_reverse_mode():
    f = lambda v: np.sum(v**3 * v[::-1])
    g = lambda v: np.sum(dd.hvp(f, (v,), (np.ones(4),)))
    assert_close(dd.grad(g, mode="reverse")(X), dd.grad(g, mode="forward")(X), 1e-13)
    h = lambda v: np.sum(dd.hessian(f)(v) ** 2)
    assert_close(dd.grad(h, mode="reverse")(X), dd.grad(h, mode="forward")(X), 1e-13)


# -- the tape ----------------------------------------------------------------------------------------------------------


def test_entries_that_lead_nowhere_are_freed():
    seen = []

    def f(x):
        unused = np.exp(x) * 2.0
        seen.append(unused.node is not None)
        del unused
        return np.sum(x * x)

    r = recording(f, X)
    assert seen == [True]
    assert r.entries == 3  # x, x*x, the sum


def test_the_tape_goes_with_the_pullback():
    _, pullback = dd.vjp(lambda v: np.sum(np.sin(v) * v), X)
    alive = sum(isinstance(one, TracedArray) for one in gc.get_objects())
    del pullback
    gc.collect()
    assert sum(isinstance(one, TracedArray) for one in gc.get_objects()) <= alive
    assert not levels._live


def test_a_long_chain_is_no_recursion():
    def f(x):
        y = x
        for _ in range(200_000):
            y = y + 1.0
        return np.sum(y)

    assert dd.grad(f, mode="reverse")(np.ones(2)).tolist() == [1.0, 1.0]


def test_checkpoint_evaluates_each_segment_once_more_and_keeps_its_ends():
    def body(v, w):
        for _ in range(10):
            v = np.tanh(v * w + np.sin(v))
        return v

    plain, segment = counted(body), counted(body)
    stored = dd.checkpoint(segment)

    def deep(step):
        def f(v):
            y = v
            for _ in range(5):
                y = step(y, v)
            return np.sum(y)

        return f

    want = dd.grad(deep(plain), mode="reverse")(X)
    assert_close(dd.grad(deep(stored), mode="reverse")(X), want, 1e-15)
    assert plain.calls == 5 and segment.calls == 10
    whole, cut = recording(deep(plain), X), recording(deep(stored), X)
    assert whole.entries == 1 + 5 * 40 + 1
    assert cut.entries == 1 + 5 * 2 + 1
    assert_close(dd.hessian(deep(stored), mode="reverse")(X), dd.hessian(deep(plain), mode="forward")(X), 1e-12)
    assert_close(dd.grad(deep(stored), mode="forward")(X), want, 1e-14)
    assert stored(X, X).shape == (4,)


def test_checkpoint_of_containers_and_errors():
    @dd.checkpoint
    def segment(state, *, scale):
        return state["a"] * scale, np.sin(state["b"][0])

    def f(v):
        one, other = segment({"a": v, "b": [v * 2.0]}, scale=3.0)
        return np.sum(one * other)

    both(f, X)
    with pytest.raises(dd.DualDiffError, match="argument"):
        dd.grad(lambda v: np.sum(dd.checkpoint(lambda u: u * v)(v)), mode="reverse")(X)


def test_several_threads_may_pull_one_tape_back():
    from concurrent.futures import ThreadPoolExecutor

    _, pullback = dd.vjp(lambda v: np.cumsum(np.sin(v)), np.linspace(0.0, 1.0, 500))
    seeds = [RNG.normal(size=500) for _ in range(20)]
    want = [pullback(seed)[0] for seed in seeds]
    with ThreadPoolExecutor(4) as pool:
        for got, one in zip(pool.map(lambda seed: pullback(seed)[0], seeds), want, strict=True):
            assert np.array_equal(got, one)


# -- rules of the user's own -------------------------------------------------------------------------------------------


def own_vjp():
    @dd.custom_vjp
    def f(x, y):
        return np.sin(x) * y

    @f.defvjp
    def rule(x, y):
        return f(x, y), lambda g: (g * np.cos(x) * y, np.sum(g * np.sin(x)))

    return f


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_custom_vjp_serves_both_modes_and_orders(mode):
    f = own_vjp()
    g = lambda v: f(v, v[0] * 2.0)
    h = lambda v: np.sin(v) * (v[0] * 2.0)
    assert_close(dd.jacobian(g, mode=mode)(X), dd.jacobian(h)(X), 1e-14)
    assert_close(dd.hessian(g, mode=mode)(X), dd.hessian(h)(X), 1e-13)
    assert f(0.5, 2.0) == np.sin(0.5) * 2.0


def test_custom_vjp_rules_are_checked():
    f = dd.custom_vjp(lambda x: x * 2.0)
    with pytest.raises(dd.DualDiffError, match="defvjp"):
        dd.grad(lambda v: np.sum(f(v)), mode="reverse")(X)
    f.defvjp(lambda x: (x * 2.0, lambda g: g[:2]))
    with pytest.raises(dd.DualDiffError, match="shape"):
        dd.grad(lambda v: np.sum(f(v)), mode="reverse")(X)
    f.defvjp(lambda x: (x * 2.0, lambda g: (g, g)))
    with pytest.raises(dd.DualDiffError, match="2 cotangents"):
        dd.grad(lambda v: np.sum(f(v)), mode="reverse")(X)
    with pytest.raises(dd.DualDiffError, match="defvjp"):
        f.defvjp(3.0)


def test_other_rules_are_transposed():
    @dd.elementwise(d1=lambda x: 3.0 * x**2)
    def cube(x):
        return x * x * x

    @dd.custom_jvp
    def total(x, y):
        return np.sum(x * y)

    @total.defjvp
    def rule(primals, tangents):
        (x, y), (dx, dy) = primals, tangents
        return total(x, y), np.sum(dx * y) + np.sum(x * dy)

    f = lambda v: total(cube(v), np.sin(v))
    both(f, X)
    assert_close(dd.hessian(f, mode="reverse")(X), dd.hessian(f, mode="forward")(X), 1e-13)


def test_special_functions_of_scipy():
    special = pytest.importorskip("scipy.special")
    f = lambda v: special.gammaln(v**2 + 1.0) * special.erf(v) + special.jv(0, v)
    both(f, X)
    assert_close(dd.hessian(f, mode="reverse")(X), dd.hessian(f, mode="forward")(X), 1e-12)


# -- the choice of mode ------------------------------------------------------------------------------------------------

LARGE = np.linspace(-1.0, 1.0, 200)


def chosen(transform, f, x):
    """Which mode auto takes, seen by the numbers that the function receives, and how often it is called."""
    kinds = []

    def g(v):
        kinds.append("reverse" if isinstance(v, TracedArray) else "forward")
        return f(v)

    transform(g)(x)
    first = list(kinds)
    transform(g)(x)
    return first, kinds[len(first) :]


@pytest.mark.parametrize(("transform", "f", "x", "first", "later"), [
    (dd.grad, bowl, LARGE, ["reverse"], ["reverse"]),
    (dd.grad, bowl, LARGE[:20], ["forward"], ["forward"]),
    (dd.grad, lambda v: np.sum(v[1:] * v[:-1]), np.ones(12_000), ["reverse"], ["reverse"]),
    (dd.grad, lambda v: sum(a * a for a in v), list(LARGE), ["forward"], ["forward"]),
    (dd.jacobian, lambda v: np.cumsum(v)[:50], LARGE, ["forward"], ["reverse"]),
    (dd.jacobian, lambda v: np.concatenate([v, v * v]), LARGE, ["forward"], ["forward"]),
    (dd.jacobian, lambda v: np.cumsum(v)[::200], np.ones(20_000), ["forward", "reverse"], ["forward", "reverse"]),
    (dd.jacobian, lambda v: v * v, LARGE[:40], ["forward"], ["forward"]),
    (dd.grad, lambda v: sum(v[i] * v[i] for i in range(200)), LARGE, ["reverse", "forward"], ["forward"]),
    (dd.grad, lambda v: np.mean([v[0], v[1]]), LARGE, ["reverse", "forward"], ["forward"]),
])
def test_auto_takes_the_mode_of_the_rule(transform, f, x, first, later):
    assert chosen(transform, f, x) == (first, later)


def test_auto_agrees_with_both_modes_and_lets_errors_through():
    for f in (bowl, lambda v: np.outer(v[:80], v[:80]).sum(1), lambda v: np.sum([a * a for a in v])):
        assert_close(dd.jacobian(f)(LARGE), dd.jacobian(f, mode="forward")(LARGE), 1e-12)
    assert_close(dd.hessian(bowl)(LARGE), dd.hessian(bowl, mode="forward")(LARGE), 1e-12)
    assert_close(dd.hvp(bowl, (LARGE,), (LARGE,)), dd.hvp(bowl, (LARGE,), (LARGE,), mode="forward"), 1e-12)

    def broken(v):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        dd.grad(broken)(LARGE)
    with pytest.raises(dd.DualDiffError, match="jacobian"):
        dd.grad(np.sin)(LARGE)


def test_a_loop_is_given_up_even_where_exceptions_are_caught():
    def f(v):
        total = 0.0
        for i in range(200):
            try:
                total = total + v[i] ** 2
            except Exception:
                total = total + 1e9
        return total

    assert_close(dd.grad(f)(LARGE), 2.0 * LARGE, 1e-14)


def test_hessians_three_ways_agree():
    f = lambda v: np.sum(np.sin(v[1:] * v[:-1]))
    want = dd.hessian(f, mode="forward")(LARGE)
    twice = dd.jacobian(dd.grad(f, mode="reverse"), mode="reverse")
    for other in (dd.hessian(f, mode="reverse"), dd.hessian(f), twice):
        assert_close(other(LARGE), want, 1e-12)
    assert modes.FEW_SECOND <= LARGE.size


# -- compare_modes -----------------------------------------------------------------------------------------------------


def test_compare_modes_counts_checks_and_recommends():
    w = RNG.normal(size=(3, 400)) / 20.0
    report = dd.compare_modes(lambda v: np.tanh(w @ np.sin(v)), np.linspace(0.0, 1.0, 400), repeats=2)
    assert (report.inputs, report.outputs) == (400, 3)
    assert report.forward.evaluations == report.reverse.evaluations == 1
    assert report.differences.evaluations == 800
    assert report.agree and report.reverse.digits > 13.0 and 3.0 < report.digits_lost < 10.0
    # Which one is faster is the machine's affair; what is said of it must follow from the figures.
    faster = min(report.forward, report.reverse, key=lambda row: row.seconds)
    assert report.recommended == faster.name
    text = str(report)
    recommended = f'mode="{report.recommended}"'
    for word in ("forward", "reverse", "differences", "400 inputs, 3 outputs", recommended, "digits"):
        assert word in text


@pytest.mark.parametrize(("seconds", "outputs"), [
    ((11, 101.0, 26.0, 5.0, 25.0), 48.5),  # recording 1, a row 5, a further one 2: 1 + 5 + 2 * 47.5 = 101
    ((1, 20.0, 8.0, 6.0, 6.0), 3.0),  # a single output: each further row as dear as the first
    ((11, 5.0, 26.0, 5.0, 25.0), 0.0),  # recording and one row are dearer than forward mode
    ((11, 101.0, 26.0, 5.0, 5.0), np.inf),  # further rows cost nothing
])
def test_the_predicted_crossover_follows_from_the_times(seconds, outputs):
    assert break_even(*seconds) == outputs


def test_compare_modes_sees_a_wrong_rule():
    @dd.elementwise(d1=lambda x: 2.0 * np.cos(x))
    def wrong(x):
        return np.sin(x)

    report = dd.compare_modes(lambda v: wrong(v), X, repeats=1)
    assert not report.agree and "disagree" in str(report)


def test_compare_modes_says_why_reverse_mode_is_barred():
    report = dd.compare_modes(lambda v: np.mean([v[0], v[1]]), X, repeats=1)
    assert report.recommended == "forward" and "LostTangentError" in str(report)
    for bad in ({"repeats": 0}, {"repeats": 1.5}):
        with pytest.raises(dd.DualDiffError, match="repeats"):
            dd.compare_modes(np.sin, X, **bad)
    assert dd.compare_modes(lambda v: v[0] * v[1], [1.0, 2.0], repeats=1).outputs == 1


def test_compare_modes_draws():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    ax = dd.compare_modes(np.sin, X, repeats=1).plot()
    assert len(ax.patches) == 3


# -- forward transforms of what is recorded ----------------------------------------------------------------------------


@dd.numpy_aware
def filled(v):
    z = np.zeros(4)
    for i in range(4):
        z[i] = v[i] ** 2
    return z


INNER = {
    "derivative": lambda v: dd.derivative(np.sin)(v[0]) + np.sum(dd.derivative(np.tanh)(v)),
    "second derivative": lambda v: dd.derivative(np.sin, order=2)(v[0]) + np.sum(dd.derivative(np.tanh, order=2)(v)),
    "jvp": lambda v: dd.jvp(lambda u: u * np.sin(u), (v,), (v,))[1],
    "vjp": lambda v: dd.vjp(lambda u: u * np.sin(u), v)[1](v)[0],
    "list": lambda v: dd.jacobian(lambda u: u[0] * u[1])([v[0], v[1]]),
    "hyper-duals": lambda v: dd.hessian(lambda u: np.sum(u**3), mode="forward")(v),
    "laplacian": lambda v: dd.laplacian(lambda u: np.sum(u**3))(v),
    "logabsdet": lambda v: dd.logabsdet_jacobian(lambda u: u**3)(v),
    "propagate": lambda v: dd.propagate(lambda u: u[0] * u[1], v, np.eye(4))[1],
    "numpy_aware": filled,
}


@pytest.mark.parametrize("name", INNER)
def test_forward_transforms_run_inside_reverse_mode(name):
    both(INNER[name], X, 1e-13)


def test_functions_of_scipy_that_cannot_dispatch_are_recorded():
    pytest.importorskip("scipy")
    from dualdiff.scipy import integrate, interpolate, linalg, stats

    both(lambda v: linalg.expm(np.outer(v, v) * 0.1), X, 1e-12)
    both(lambda v: stats.norm.logpdf(v, loc=v[0], scale=v[2]), X, 1e-13)
    both(lambda v: interpolate.CubicSpline(np.arange(4.0), v)(0.5), X, 1e-13)
    area = lambda v: integrate.quad(lambda t: np.sin(t * v[0]), 0.0, 1.0)[0]
    with pytest.raises(dd.LostTangentError):
        dd.grad(area, mode="reverse")(X)
    assert_close(dd.grad(area)(LARGE + 2.0)[0], dd.grad(area, mode="forward")(LARGE[:1] + 2.0)[0], 1e-12)


def test_rules_that_are_part_of_their_own_transpose_go_by_columns():
    """The tangent of expm is expm of a block matrix: recording it would never end."""
    linalg = pytest.importorskip("dualdiff.scipy.linalg")
    f = lambda v: linalg.expm(np.outer(v, v) * 0.1) @ v
    both(f, X, 1e-12)
    assert_close(dd.hessian(f, mode="reverse")(X), dd.hessian(f, mode="forward")(X), 1e-11)


# -- what the tape keeps is its own ------------------------------------------------------------------------------------


def elementwise_buffer(x, w):
    return x * w, x / w, w / x, x**w, np.maximum(x, w), np.hypot(w, x)


def products_with_buffers(x, w):
    return x @ w, np.outer(w, x), np.einsum("i,i->i", x, w), np.convolve(x, w, "same"), np.diag(w) @ x


def places_in_buffers(x, w):
    index = np.argsort(w)
    mask = w > 1.0
    made = [x[index] ** 2, x[mask], np.take(x, index), np.where(mask, x, 0.0), x[(index[:2],)]]
    z = np.zeros_like(x)
    z[index[:3]] = x[:3]
    np.add.at(z, index[:2], x[:2])
    made.append(z)
    index[:] = 0
    mask[:] = False
    return made


def other_buffers(x, w):
    return (np.sum(x * x, where=w > 1.0), np.average(x, weights=w), np.interp(0.3, w, x),
            np.linalg.solve(np.diag(w), x), np.concatenate([x, w]) ** 2, np.clip(x, w, 9.0), np.polyval(x, w))


@pytest.mark.parametrize("f", [elementwise_buffer, products_with_buffers, places_in_buffers, other_buffers])
def test_captured_arrays_may_change_afterwards(f):
    x = np.array([0.4, 1.7, 2.2, 0.9])

    def total(x):
        w = np.array([0.5, 1.1, 1.6, 2.3])
        made = f(x, w)
        w[:] = np.nan
        return sum(np.sum(np.sin(y)) for y in made)

    np.testing.assert_allclose(dd.grad(total, mode="reverse")(x), dd.grad(total, mode="forward")(x), rtol=1e-12)


def test_a_buffer_in_a_loop_gives_the_same_in_every_mode():
    x = np.linspace(0.5, 1.5, 100)

    def f(x):
        buffer, total = np.empty(100), 0.0
        for i in range(3):
            buffer[...] = i + 1.0
            total = total + np.sum(buffer * x)
        return total

    np.testing.assert_array_equal(dd.grad(f)(x), np.full(100, 6.0))


def test_a_pullback_keeps_its_point():
    x = np.array([1.0, 2.0])
    _, pullback = dd.vjp(lambda x: x**2, x)
    x[:] = 100.0
    np.testing.assert_array_equal(pullback(np.ones(2))[0], [2.0, 4.0])


def test_cotangents_in_other_orders():
    x = np.linspace(0.5, 1.5, 24).reshape(2, 3, 4)

    def f(x):
        y = x.transpose(2, 0, 1) * 1.0
        z = y[np.array([0, 0, 3])] ** 2
        return np.sum(z) + np.sum(np.sin(np.transpose(y, (1, 2, 0)))) + np.sum(y[[1, 1]])

    np.testing.assert_allclose(dd.grad(f, mode="reverse")(x), dd.grad(f, mode="forward")(x), rtol=1e-13)


@pytest.mark.parametrize("turned", [np.rot90, lambda x: np.flip(x, 1).T, lambda x: np.expand_dims(x, 0)[..., ::-1].T])
def test_large_views_in_other_orders(turned):
    x, w = np.linspace(0.5, 1.5, 20_000), np.arange(20_000.0)
    f = lambda x: np.sum(np.ravel(turned(np.stack([x * w]))) ** 2)
    np.testing.assert_allclose(dd.grad(f, mode="reverse")(x), 2 * w**2 * x, rtol=1e-14)


def test_large_writes_through_views_in_other_orders():
    w = np.arange(20_000.0)

    def f(x):
        y = np.stack([x * 0.0])
        np.rot90(y)[...] = (x * w)[:, None]
        y.T.flat[:10_000] = 0.0
        np.add.at(y, (0, np.arange(20_000)[::-1]), x)
        return np.sum(y)

    expected = w + 1.0
    expected[10_000:] = 1.0
    x = np.linspace(0.5, 1.5, 20_000)
    np.testing.assert_allclose(dd.grad(f, mode="reverse")(x), expected, rtol=1e-14)
    np.testing.assert_allclose(dd.jvp(f, (x,), (x,))[1], expected @ x, rtol=1e-12)


# -- what the sweep saves ----------------------------------------------------------------------------------------------


def test_constant_factors_wait_without_a_trace():
    """They are multiplied at the end; sums of different ones are exact, and none of them overflows on the way."""
    x = np.array([1.0, 2.0, 3.0])
    assert dd.grad(lambda v: np.sum(100.0 * v - v), mode="reverse")(x).tolist() == [99.0] * 3
    assert dd.grad(lambda v: np.sum(-v) + 3.0 * np.sum(v) - np.sum(v / 2.0), mode="reverse")(x).tolist() == [1.5] * 3
    assert dd.grad(lambda v: np.sum(1e250 * (1e-200 * (1e-200 * (1e160 * v)))), mode="reverse")(x) == pytest.approx(
        [1e10] * 3, rel=1e-14)
    assert dd.grad(lambda v: np.sum(0.0 * v), mode="reverse")(x).tolist() == [0.0] * 3
    assert np.isnan(dd.grad(lambda v: np.sum(np.nan * v), mode="reverse")(x)).all()


@pytest.mark.parametrize("index", [0, -1, 2, slice(None), slice(1, None), slice(None, -1), slice(4, 1, -1),
                                   slice(None, None, 2), slice(3, 3), slice(1, 100)], ids=str)
def test_slices_of_a_vector_send_back_to_their_places(index):
    def f(v):
        return np.sum(np.exp(v[index]) * 3.0) - 2.0 * np.sum(v[index] ** 2) + np.sum(np.sin(v[1:] - v[:-1]))

    x = RNG.normal(size=6)
    assert_close(dd.grad(f, mode="reverse")(x), dd.grad(f, mode="forward")(x), 1e-14)
    assert_close(dd.hessian(f, mode="reverse")(x), dd.hessian(f, mode="forward")(x), 1e-13)


@pytest.mark.parametrize("shapes", [((3, 4), (4,)), ((4,), (4, 2)), ((4,), (4,)), ((3, 4), (4, 2)), ((1, 4), (4, 1)),
                                    ((5, 3, 4), (4, 2)), ((3, 4), (5, 4, 2)), ((0, 4), (4, 2)), ((3, 0), (0, 2))],
                         ids=str)
@pytest.mark.parametrize("recorded", ["left", "right", "both"])
def test_matrix_products(shapes, recorded):
    """Against forward mode; a captured factor may be written to afterwards."""
    a, b = (RNG.normal(size=shape) for shape in shapes)
    n = a.size

    def f(v):
        left = v[:n].reshape(a.shape) if recorded != "right" else a.copy()
        right = v[n:].reshape(b.shape) if recorded != "left" else b.copy()
        y = left @ right
        for one in (left, right):
            if type(one) is np.ndarray:
                one[...] = np.nan
        return np.tanh(y) if y.shape else np.tanh(y) + 0.0

    x = np.concatenate([a.ravel(), b.ravel()])
    assert_close(dd.jacobian(f, mode="reverse")(x), dd.jacobian(f, mode="forward")(x), 1e-13)

    def g(v):
        return np.sum(f(v) ** 2)

    assert_close(dd.hessian(g, mode="reverse")(x), dd.hessian(g, mode="forward")(x), 1e-12)


def test_a_matrix_product_keeps_the_strong_zero():
    w = np.array([[1.0, np.inf], [2.0, 3.0]])
    with np.errstate(invalid="ignore"):
        found = dd.grad(lambda v: (w @ v)[1], mode="reverse")(np.ones(2))
        many = dd.jacobian(lambda v: w @ v, mode="reverse")(np.ones(2))
    assert found.tolist() == [2.0, 3.0] and many.tolist() == [[1.0, np.inf], [2.0, 3.0]]


@pytest.mark.parametrize("entries", [[1.0, 3.0, 2.0], [3.0, 1.0, 3.0], [np.nan, 1.0, 2.0], [1.0, np.nan, 2.0], [2.0],
                                     [-0.0, 0.0], [np.inf, np.inf], [-np.inf, -np.inf]], ids=str)
@pytest.mark.parametrize("function", [np.max, np.min])
def test_extrema_of_a_vector(function, entries):
    x = np.array(entries)
    assert_close(dd.grad(function, mode="reverse")(x), dd.grad(function, mode="forward")(x), 0.0)
    strict = [dd.grad(function, mode=mode, strict=True)(x) for mode in ("reverse", "forward")]
    assert_close(*strict, 0.0)
    assert np.array_equal(dd.value_and_grad(function, mode="reverse")(x)[0], function(x), equal_nan=True)


def test_a_hessian_vector_product_sends_tangents_alone_through_linear_code():
    """Half of the matrix products of the sweep need not be computed; the result is that of the Hessian."""
    w, b = RNG.normal(size=(7, 5)), RNG.normal(size=7)
    x, v = RNG.normal(size=130), RNG.normal(size=130)

    def f(p):
        h = np.tanh(w @ p[:5] + b) / 3.0
        u = np.concatenate([p[5:12] * 2.0, h])
        return np.sum(u**3) + np.sum(p[12:].reshape(2, 59) @ np.ones(59)) + np.sum(p[20:30] * p[30:40])

    assert_close(dd.hvp(f, (x,), (v,), mode="reverse"), dd.hessian(f, mode="forward")(x) @ v, 1e-12)
    assert_close(dd.hvp(lambda p: np.sum(3.0 * p), (x,), (v,), mode="reverse"), np.zeros(130), 0.0)
    nested = dd.jacobian(lambda t: dd.hvp(f, (x * t,), (v,), mode="reverse"))(1.0)
    step = 1e-5
    either = (dd.hvp(f, (x * (1 + step),), (v,)) - dd.hvp(f, (x * (1 - step),), (v,))) / (2 * step)
    assert_close(nested, either, 1e-8)
