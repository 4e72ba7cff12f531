"""Programs give what the ordinary way gives, without calling the function, or are not used."""

import pickle

import numpy as np
import pytest
import test_fuzz
from problems import PROBLEMS, assert_close

import dualdiff as dd
from dualdiff import programs, rules


def dense(a):
    return a.toarray() if hasattr(a, "indptr") else np.asarray(a)


def counted(f):
    """A function that counts its calls, replayed."""
    def g(*args):
        g.calls += 1
        return f(*args)

    g.calls = 0
    return dd.replay(g), g


def check(transform, f, *points, refused=False, tolerance=1e-12):
    """The transform of the replayed function at several points; afterwards its programs alone have run."""
    replayed, g = counted(f)
    run, ordinary = transform(replayed), transform(f)
    run(*points[0])
    run(*points[1])
    assert bool(replayed.refusals) == refused, replayed.refusals
    calls = g.calls
    for args in points:
        for got, want in zip(parts(run(*args)), parts(ordinary(*args)), strict=True):
            assert_close(got, want, tolerance)
    assert refused or g.calls == calls
    return replayed


def parts(result):
    return list(map(dense, result)) if isinstance(result, tuple) else [dense(result)]


def jvp(f):
    return lambda x: dd.jvp(f, (x,), (np.cos(np.arange(1.0, x.size + 1)).reshape(x.shape),))


def hvp(f):
    return lambda x: dd.hvp(f, (x,), (np.cos(np.arange(1.0, x.size + 1)).reshape(x.shape),))


def sparse_jacobian(f):
    return dd.jacobian(f, sparse=True)


def sparse_hessian(f):
    return dd.hessian(f, sparse=True)


FIRST = (dd.jacobian, dd.value_and_jacobian, jvp)
SCALAR = (dd.grad, dd.value_and_grad, dd.hessian, dd.value_grad_and_hessian, hvp)


# -- problems ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.name)
def test_problems(problem):
    """Whatever a function does: at the two points where programs are compared, and at one where none has run."""
    step = 1e-3 * np.cos(np.arange(problem.x.size)).reshape(problem.x.shape)
    scalar = np.ndim(problem.f(problem.x)) == 0
    for transform in (*FIRST, sparse_jacobian, *(SCALAR if scalar else ()), *([sparse_hessian] if scalar else [])):
        replayed = dd.replay(problem.f)
        run, ordinary = transform(replayed), transform(problem.f)
        for x in (problem.x, problem.x + step, problem.x - step):
            for got, want in zip(parts(run(x)), parts(ordinary(x)), strict=True):
                assert_close(got, want, 1e-10)


def test_most_problems_have_programs():
    """Not all is refused; what is, says why."""
    refused = {}
    for problem in PROBLEMS:
        replayed = dd.replay(problem.f)
        dd.jacobian(replayed)(problem.x)
        refused[problem.name] = next(iter(replayed.refusals.values()), None)
    refused = {name: reason for name, reason in refused.items() if reason is not None}
    assert len(refused) < len(PROBLEMS) / 2, refused
    assert all(refused.values())


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def rosenbrock_loop(x):
    total = 0.0
    for i in range(len(x) - 1):
        total += 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
    return total


@pytest.mark.parametrize("transform", [*SCALAR, sparse_hessian, dd.jacobian, jvp], ids=lambda t: t.__name__)
@pytest.mark.parametrize("n", [2, 3, 10, 700, 1500])
def test_rosenbrock(transform, n):
    if n > 700 and transform in (dd.hessian, dd.value_grad_and_hessian):
        return
    rng = np.random.default_rng(n)
    check(transform, rosenbrock, *((rng.uniform(-1.5, 1.5, n),) for _ in range(3)))


@pytest.mark.parametrize("transform", [dd.grad, dd.value_and_grad, dd.jacobian, dd.hessian, dd.value_grad_and_hessian],
                         ids=lambda t: t.__name__)
def test_lists_of_numbers(transform):
    rng = np.random.default_rng(3)
    check(transform, rosenbrock_loop, *((rng.uniform(-1.5, 1.5, 10).tolist(),) for _ in range(3)))


def test_a_number():
    check(dd.grad, lambda x: np.sin(x) * x, (1.2,), (0.4,), (np.float64(2.0),))
    check(dd.hessian, lambda x: np.sin(x) * x, (1.2,), (0.4,))
    check(dd.jacobian, lambda x: np.array([x, x * x]), (1.2,), (0.4,))


# -- operations --------------------------------------------------------------------------------------------------------

MATRIX = np.arange(1.0, 13.0).reshape(3, 4) / 7
FUNCTIONS = {
    "softmax": lambda v: dd.softmax(MATRIX @ v),
    "log_softmax": lambda v: dd.log_softmax(MATRIX @ v),
    "logsumexp": lambda v: dd.logsumexp(v * MATRIX, axis=0),
    "value": lambda v: v * dd.value(v),
    "mean": lambda v: np.mean(v * MATRIX, axis=1) + v.mean(),
    "var": lambda v: np.var(v) * v,
    "std": lambda v: np.std(v * MATRIX, axis=0, ddof=1),
    "trace": lambda v: np.trace(v.reshape(2, 2) @ v.reshape(2, 2)) * v,
    "diff": lambda v: np.diff(v) ** 2,
    "diff twice": lambda v: np.diff(v**2 * MATRIX**2, n=2, axis=0),
    "concatenate": lambda v: np.concatenate([v, 2 * v[::-1]])[1::2] * 3,
    "stack": lambda v: np.stack([v, np.ones(4), v**2], axis=1),
    "vstack": lambda v: np.vstack([v, v * v]).T,
    "hstack": lambda v: np.hstack([v, v[:2]]),
    "array": lambda v: np.array([[v[0] * v[1], 1.0], [v[2], v[3] ** 2]]),
    "list": lambda v: [v[0], v[1] * 2.0, 3.0],
    "where": lambda v: np.where(v > 1, v**2, np.sin(v)),
    "where, number": lambda v: np.where(v > 1, v, 0.0),
    "and, or, not": lambda v: np.where((v > 0.5) & ~(v > 2) | (v < 0.1), v**3, v),
    "max": lambda v: np.max(v * MATRIX, axis=1),
    "min": lambda v: (v * MATRIX).min() * v,
    "maximum": lambda v: np.maximum(v, 1.0) + np.minimum(v, v[::-1]),
    "a tie": lambda v: np.maximum(v, v) * np.max(np.stack([v, v])),
    "clip": lambda v: np.clip(v, 0.5, 1.5),
    "clip below": lambda v: np.clip(v, 0.5, None),
    "absolute": lambda v: abs(v - 1) + np.fabs(v),
    "outer": lambda v: np.outer(v, v[:2]),
    "cross": lambda v: np.cross(v[:3], v[1:]),
    "norm": lambda v: np.linalg.norm(v) * v + np.linalg.norm(v * MATRIX),
    "norms of rows": lambda v: np.linalg.norm(v * MATRIX, axis=1),
    "dot": lambda v: np.dot(v, v) * v,
    "inner": lambda v: np.inner(v, v) * v,
    "vdot": lambda v: np.vdot(v.reshape(2, 2), v.reshape(2, 2)) * v,
    "matrix by vector": lambda v: MATRIX @ v * v[0],
    "vector by matrix": lambda v: v[:3] @ MATRIX * v,
    "normal equations": lambda v: MATRIX.T @ (MATRIX @ v) * v,
    "matrices": lambda v: v.reshape(2, 2) @ v.reshape(2, 2).T,
    "constant by matrix": lambda v: np.ones((3, 2)) @ v.reshape(2, 2) * 2,
    "matrix by constant": lambda v: v.reshape(2, 2) @ np.ones((2, 3)),
    "quadratic form": lambda v: v[:3] @ (MATRIX[:, :3] @ v[1:]) * v,
    "stacks of matrices": lambda v: (v[:, None, None] * MATRIX) @ (v[:, None, None] * MATRIX.T),
    "stack of one": lambda v: (v[:, None, None] * MATRIX) @ (v.reshape(1, 4, 1) * np.ones((1, 4, 2))),
    "matrix by stack": lambda v: MATRIX @ (v[:, None, None] * MATRIX.T) + v.reshape(2, 2)[:1, :1] @ v.reshape(4, 1, 1),
    "stack by matrix": lambda v: (v[:, None, None] * MATRIX) @ v.reshape(4, 1),
    "einsum": lambda v: np.einsum("kij,nkj->nki", v * np.ones((2, 3, 4)), v * np.arange(24.0).reshape(3, 2, 4)),
    "einsum of one": lambda v: np.einsum("ij->j", v * MATRIX) + np.einsum("ij->i", (v * MATRIX).T),
    "einsum of three": lambda v: np.einsum("i,ij,j", v[:3], MATRIX, v) * v,
    "einsum, implicit": lambda v: np.einsum("ba,bc", v * MATRIX, MATRIX * v),
    "outer einsum": lambda v: np.einsum("i,j->ji", v, v[:2]),
    "tensordot": lambda v: np.tensordot(v * MATRIX, MATRIX * v, axes=([1], [1])) + np.tensordot(v, v, 1),
    "tensordot of all": lambda v: np.tensordot(v * MATRIX, MATRIX) * v,
    "inner of matrices": lambda v: np.inner(v * MATRIX, v.reshape(1, 4)),
    "sums": lambda v: (v[:, None] * MATRIX.T).sum(0) * v[0] + np.sum(v),
    "keepdims": lambda v: v.reshape(2, 2) / v.reshape(2, 2).sum(axis=1, keepdims=True),
    "sum of a list": lambda v: np.sum([v[0], v[1] * v[2]]) * v,
    "roll": lambda v: np.roll(v, 1) * v + np.roll(v, -1),
    "flip": lambda v: np.flip(v) * v,
    "tile": lambda v: np.tile(v, 2) ** 2,
    "repeat": lambda v: np.repeat(v, 2) * np.arange(8),
    "take": lambda v: np.take(v, [0, 0, 3]) * v[[1, 1, 2]],
    "transpose": lambda v: (v.reshape(2, 2).T * v.reshape(2, 2)).transpose(),
    "broadcast": lambda v: np.broadcast_to(v, (3, 4)) * MATRIX,
    "newaxis": lambda v: v[:, None] * v[None, :],
    "ellipsis": lambda v: v.reshape(2, 2)[..., 0] * 3,
    "mask of constants": lambda v: v[np.array([True, False, True, True])] ** 2,
    "powers": lambda v: v**3 + v**1.5 + 2**v + v**0.5 + v**-1 + v**0 + v**v,
    "integers": lambda v: v * np.arange(4) + np.array([1, 2, 3, 4], dtype=np.int8),
    "float32": lambda v: v * np.arange(4, dtype=np.float32),
    "a constant": lambda v: np.array([1.0, 2.0]),
    "nothing": lambda v: v[:0],
    "itself": lambda v: v,
    "shape": lambda v: v.reshape(v.size // 2, len(v) // 2, v.ndim) * np.zeros_like(v).sum() + v.shape[0],
    "remainder": lambda v: v % 0.4 + v // 0.4,
    "a loop": lambda v: sum(v[i] * v[i - 1] for i in range(4)),
    "iteration": lambda v: np.array([a * a for a in v]),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name):
    f = FUNCTIONS[name]
    x = np.array([0.3, 1.2, 0.7, 2.1])
    points = [(x,), (x * 1.01,), (x + 1e-3,)]
    for transform in FIRST:
        check(transform, f, *points)
    loss = lambda v: np.sum(np.array(f(v)) ** 2) if isinstance(f(v), list) else np.sum(f(v) ** 2)
    for transform in SCALAR:
        check(transform, loss, *points, tolerance=1e-11)


def argument(row):
    """Numbers inside the domain of a row, away from its kinks."""
    domain = row.domain if row.arity == 1 else row.domain[0]
    low, high = max(domain.low, -2.0), min(domain.high, 3.0)
    return low + (high - low) * np.array([0.13, 0.47, 0.61, 0.83])


@pytest.mark.parametrize("row", rules.UNARY, ids=lambda row: row.name)
@pytest.mark.parametrize("size", [1, 4])
def test_rows_of_one_variable(row, size):
    function = getattr(np, row.name) if row.numpy else getattr(dd, row.name, None)
    if function is None:
        return
    x = argument(row)[:size]
    check(dd.jacobian, lambda v: function(v) * v**2, (x,), (x * 1.001,))
    check(dd.hessian, lambda v: np.sum(function(v) * v**3), (x,), (x * 1.001,))
    check(dd.grad, lambda v: function(v[0]) * v[0] ** 2, (x,), (x * 1.001,))


@pytest.mark.parametrize("row", rules.BINARY, ids=lambda row: row.name)
def test_rows_of_two_variables(row):
    if not row.numpy or row.name == "ldexp":
        return
    function, x = getattr(np, row.name), np.array([0.4, 1.3, 0.9, 1.7])
    for f in (lambda v: function(v, v[::-1]), lambda v: function(v, 1.25), lambda v: function(1.25, v)):
        check(dd.jacobian, f, (x,), (x * 1.001,))
        check(dd.hessian, lambda v, f=f: np.sum(f(v) * v**3), (x,), (x * 1.001,))


@pytest.mark.parametrize("seeds", [range(first, first + 30) for first in range(0, 240, 30)], ids=str)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_programs_of_all_kinds(seeds):
    """Most of these use something that is refused; the result is the same, and no program is wrong."""
    x = np.random.default_rng(5).uniform(-1.2, 1.4, test_fuzz.VARIABLES)
    for seed in seeds:
        f = test_fuzz.program(seed)
        if test_fuzz.plain_result(f, x) is None:
            continue
        for transform in (dd.value_and_jacobian, jvp):
            never_wrong(transform, f, [(x + 1e-4 * k,) for k in range(3)], rtol=1e-9, atol=1e-10)


def never_wrong(transform, f, points, rtol, atol):
    """Compare at all points, and say whether programs have run; they may be refused, but not for their results."""
    replayed = dd.replay(f)
    run, ordinary = transform(replayed), transform(f)
    for args in points:
        for got, want in zip(parts(run(*args)), parts(ordinary(*args)), strict=True):
            scale = 1 + np.abs(want[np.isfinite(want)]).max(initial=0)
            np.testing.assert_allclose(got, want, rtol=rtol, atol=atol * scale, err_msg=f.__name__)
    assert not any("does not give" in reason for reason in replayed.refusals.values()), f.__name__
    return not replayed.refusals


ONE = (np.sin, np.tanh, np.arctan, np.square, np.negative, np.expm1, dd.sigmoid, dd.softplus,
       lambda a: np.sqrt(1 + a * a))
TWO = (np.add, np.subtract, np.multiply, np.hypot, np.maximum, lambda a, b: a / (2 + b * b),
       lambda a, b: np.where(a > b, a, b * b))


def reading_program(seed):
    """A function of operations that are all recorded: it makes a few numbers of two arrays' ways."""
    def f(x):
        rng = np.random.default_rng(seed)
        pool = [x]
        for _ in range(8):
            a, b = (np.ravel(pool[rng.integers(len(pool))]) for _ in range(2))
            n, matrix = min(a.size, b.size), np.reshape(a[: a.size // 2 * 2], (2, -1))
            match rng.integers(8):
                case 0 | 1:
                    made = ONE[rng.integers(len(ONE))](a)
                case 2 | 3:
                    made = TWO[rng.integers(len(TWO))](a[:n], b[-n:])
                case 4:
                    made = [a[::-1], np.roll(a, 2), a[rng.integers(0, a.size, 5)], a[1:] - a[:-1]][rng.integers(4)]
                case 5:
                    made = np.concatenate([a, b[:3]])
                case 6:
                    made = [np.sum, np.mean, np.max][rng.integers(3)](matrix, axis=int(rng.integers(2)), keepdims=True)
                case 7:
                    made = np.tanh([matrix @ matrix.T, matrix.T @ np.ones(2), a @ a][rng.integers(3)])
            pool.append(made if np.size(made) > 1 else np.ravel(made) * x[:2])
        return np.concatenate([np.ravel(a) for a in pool[-3:]])

    f.__name__ = f"reading_program_{seed}"
    return f


@pytest.mark.parametrize("seeds", [range(first, first + 25) for first in range(0, 150, 25)], ids=str)
def test_random_programs(seeds):
    """First and second order, at points where programs have run alone."""
    points = [(np.random.default_rng(k).uniform(-1.2, 1.4, 7),) for k in range(4)]
    for seed in seeds:
        f = reading_program(seed)
        for transform in (dd.value_and_jacobian, jvp):
            assert never_wrong(transform, f, points, rtol=1e-9, atol=1e-11)

        def total(x, f=f):
            return np.sum(np.sin(f(x)))

        for transform in (dd.grad, dd.hessian, hvp):
            assert never_wrong(transform, total, points, rtol=1e-8, atol=1e-10)


# -- what a program may not change -------------------------------------------------------------------------------------


def test_a_branch_is_recorded_each_way():
    def f(x):
        return np.sum(x**2) if x[0] > 0 else np.sum(np.sin(x))

    replayed, g = counted(f)
    gradient = dd.grad(replayed)
    for sign in (1.0, -1.0, 1.0, -1.0):
        x = np.array([sign, 2.0])
        assert_close(gradient(x), dd.grad(f)(x), 1e-15)
    assert g.calls == 4  # once for the recording and once for the comparison, each way
    for x in (np.array([2.0, 2.0]), np.array([-2.0, 2.0])):
        assert_close(gradient(x), dd.grad(f)(x), 1e-15)
    assert g.calls == 6  # the second comparison, each way
    for x in (np.array([3.0, 2.0]), np.array([-3.0, 2.0])):
        assert_close(gradient(x), dd.grad(f)(x), 1e-15)
    assert g.calls == 6
    assert not replayed.refusals


def test_a_loop_until_convergence():
    def root(x):
        y = x
        while np.abs(y * y - x) > 1e-12:
            y = (y + x / y) / 2
        return y

    gradient = dd.grad(dd.replay(root))
    for x in np.linspace(2.0, 50.0, 30):
        assert_close(gradient(float(x)), 0.5 / np.sqrt(x), 1e-9)


def test_strong_zero_goes_the_ordinary_way():
    """A tangent of 0 beside an infinite slope contributes 0, which the plain product of a program does not."""
    f = lambda x: np.sum(np.sqrt(x * np.array([0.0, 1.0])))
    replayed = dd.replay(f)
    x = np.array([1.0, 4.0])
    np.testing.assert_array_equal(dd.grad(replayed)(x), dd.grad(f)(x))
    np.testing.assert_array_equal(dd.grad(replayed)(x), dd.grad(f)(x))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_is_not_finite_is_asked_again():
    f = lambda x: np.sum(np.sqrt(x))
    gradient = dd.grad(dd.replay(f))
    gradient(np.array([1.0, 2.0]))
    np.testing.assert_array_equal(gradient(np.array([0.0, 4.0])), [np.inf, 0.25])
    np.testing.assert_array_equal(gradient(np.array([-1.0, 4.0]))[1], 0.25)


def test_further_arguments_are_inputs():
    f = lambda x, a, k, n=2: np.sum(a * x**n) * k
    replayed, g = counted(f)
    x = np.array([1.0, 2.0])
    gradient = dd.grad(replayed)
    for a, k in ((np.array([1.0, 3.0]), 2.0), (np.array([5.0, 7.0]), -1.0)):
        for n in (2, 3):
            assert_close(gradient(x, a, k, n), dd.grad(f)(x, a, k, n), 1e-15)
    assert g.calls == 6  # for each n the recording and two comparisons
    assert_close(dd.grad(replayed, argnums=1)(x, x, 1.0), x**2, 1e-15)
    # Whatever is no such argument goes the ordinary way.
    assert_close(dd.grad(dd.replay(f))(x, x, k=1.0), dd.grad(f)(x, x, k=1.0), 1e-15)
    assert_close(gradient(x, [1.0, 2.0], 1.0), dd.grad(f)(x, np.array([1.0, 2.0]), 1.0), 1e-15)


def test_captured_arrays_are_those_of_the_recording():
    captured = np.array([1.0, 2.0])
    gradient = dd.grad(dd.replay(lambda x: np.sum(captured * x)))
    x = np.ones(2)
    gradient(x)
    captured[0] = 100.0
    np.testing.assert_array_equal(gradient(x), [1.0, 2.0])


@pytest.mark.parametrize(("f", "why"), [
    (lambda x: np.sum(np.linalg.inv(np.outer(x, x) + np.eye(2))), "np.linalg.inv"),
    (lambda x: x[int(dd.value(x)[0])], "plain number"),
    (lambda x: np.sort(x).sum(), "np.sort"),
    (lambda x: np.cumsum(x).sum(), "np.cumsum"),
    (lambda x: x[x > 0].sum(), "depend on the input"),
    (lambda x: np.sum((x > 0) + x), None),
    (lambda x: x.prod(), ".prod"),
])
def test_what_is_refused_is_right_all_the_same(f, why):
    x = np.array([1.0, 2.0])
    replayed = dd.replay(f)
    for _ in range(2):
        assert_close(dd.grad(replayed)(x), dd.grad(f)(x), 1e-15)
    if why is not None:
        (reason,) = replayed.refusals.values()
        assert why in reason


def filled(x):
    y = np.zeros_like(x)
    y[1:] = x[:-1] ** 2
    y[0] = x[-1]
    y[1:-1] *= 3.0
    return np.sum(x * y)


def same_object(x):
    y = x
    y *= 2.0
    y[::2] -= x[1] * np.arange(2.0)
    return np.sum(x * y)


def through_views(x):
    y = np.empty(x.shape, like=x)
    y[...] = x
    top = y[:2]
    top += x[2:]
    top[0] = top[1] * x[0]
    return y * y[0]


def number_by_number(x):
    y = np.zeros(6, like=x).reshape(2, 3).copy()
    for i in range(2):
        for j in range(3):
            y[i, j] = x[i] * x[j + 1]
    y[:, [2, 0]] = y[:, [0, 2]]
    y[np.array([[True, False, False], [False, True, True]])] = 1.0
    return y @ x[:3]


def copies(x):
    y, z = x.copy(), +x
    y[0] = 5.0
    z += y
    return x * y * z


def transposed(x):
    y = (x.reshape(2, 2).T * 2.0)
    y[0] = x[:2]
    return y[:, 1] * (2.0 if y[0, 1] > 1.0 else 1.0)


def old_numbers(x):
    a = x[0]
    x[0] = 3.0 * x[1]
    return np.array([a, x[0] * a])


@pytest.mark.parametrize("f", [filled, same_object, through_views, number_by_number, copies, transposed, old_numbers],
                         ids=lambda f: f.__name__)
def test_writing(f):
    x = np.array([0.3, 1.2, 0.7, 2.1])
    check(dd.value_and_jacobian, f, (x,), (x * 1.01,), (x + 1e-3,))
    check(dd.value_grad_and_hessian, lambda v: np.sum(f(v) ** 3), (x,), (x * 1.01,), (x + 1e-3,))


def writing_program(seed):
    """A function that writes to arrays under several names, and reads them again."""
    def f(x):
        rng = np.random.default_rng(seed)
        arrays = [x, x * 1.0, np.zeros_like(x), x.reshape(2, 3) + 1.0]

        def piece(a):
            if a.ndim == 2 and rng.random() < 0.4:
                return rng.choice([0, 1]) if rng.random() < 0.5 else (slice(None), slice(rng.integers(2), 3))
            start = rng.integers(len(a))
            return [slice(start, None), slice(None, start + 1), slice(None, None, -1), slice(None, None, 2), ...,
                    np.arange(len(a))[::-1], int(start)][rng.integers(7)]

        def item(shape):
            fitting = [a for a in arrays if np.shape(a) == shape]
            if fitting and rng.random() < 0.7:
                return np.sin(fitting[rng.integers(len(fitting))])
            return x[rng.integers(6)] * 0.5 if rng.random() < 0.7 else 0.3

        for _ in range(12):
            a = arrays[rng.integers(len(arrays))]
            index = piece(a)
            match rng.integers(6):
                case 0:
                    a[index] = item(np.shape(a[index]))
                case 1:
                    a[index] += item(np.shape(a[index]))
                case 2:
                    a *= item(a.shape)
                case 3:
                    arrays.append(a[index] if rng.random() < 0.5 else a.T)
                case 4:
                    arrays.append(a.copy() if rng.random() < 0.5 else np.cos(a) * x[0])
                case 5:
                    del arrays[rng.integers(len(arrays))]
                    arrays.append(x.reshape(2, 3) * 2.0)
            arrays = [a for a in arrays if np.ndim(a)] or [x]
        return np.concatenate([np.ravel(a) for a in arrays])

    f.__name__ = f"writing_program_{seed}"
    return f


def test_random_writing():
    x = np.array([0.3, 1.2, 0.7, 2.1, -0.4, 0.9])
    replays = 0
    for seed in range(300):
        f = writing_program(seed)
        try:
            f(x.copy())
        except (ValueError, IndexError):
            continue
        replays += never_wrong(dd.value_and_jacobian, f, [(x + 0.01 * k,) for k in range(4)], rtol=1e-10, atol=1e-12)
    assert replays > 30


def test_many_numbers_are_filled_in():
    def f(x):
        y = np.zeros_like(x)
        for i in range(len(x)):
            y[i] = x[i] * x[i - 1]
        return y

    rng = np.random.default_rng(0)
    check(sparse_jacobian, f, *((rng.normal(size=200),) for _ in range(3)))


def written_beside_a_view(x):
    y = x * 1.0
    view = y[1:]
    y[1] = 5.0
    return np.sum(view * x[1:])


def written_twice(x):
    y = x * 1.0
    y[[0, 0]] = x[1:3]
    return np.sum(y)


def written_to_an_argument(x, w):
    w[0] = 2.0
    return np.sum(x * w)


@pytest.mark.parametrize(("f", "why"), [
    (written_beside_a_view, "other names or views"), (written_twice, "twice to a place"),
    (written_to_an_argument, "other names or views"),
], ids=lambda a: getattr(a, "__name__", a))
def test_writing_that_is_refused(f, why):
    replayed = dd.replay(f)
    x = np.array([1.0, 2.0, 3.0])
    more = [(np.ones(3),)] * 3 if f is written_to_an_argument else [()] * 3
    for args in more:
        np.testing.assert_array_equal(dd.grad(replayed)(x.copy(), *map(np.copy, args)),
                                      dd.grad(f)(x.copy(), *map(np.copy, args)))
    (reason,) = replayed.refusals.values()
    assert why in reason


def test_object_arrays_are_read_only():
    def f(x):
        np.asarray(x)[0] = 5.0
        return np.sum(x * x)

    with pytest.raises(ValueError, match="read-only"):
        dd.grad(dd.replay(f))(np.ones(3))


def test_rules_of_the_users_own_are_asked():
    """A rule that is not the derivative of its function's text would be lost by recording the text."""
    @dd.custom_jvp
    def clipped(x):
        return x * x

    @clipped.defjvp
    def rule(primals, tangents):
        (x,), (t,) = primals, tangents
        return x * x, t * np.clip(2.0 * x, -3.0, 3.0)

    @dd.custom_vjp
    def pulled(x):
        return x * x

    @pulled.defvjp
    def back(x):
        return x * x, lambda g: g * np.clip(2.0 * x, -3.0, 3.0)

    own = dd.elementwise(d1=lambda x: np.clip(2.0 * x, -3.0, 3.0))(lambda x: x * x)
    for f in (clipped, pulled, own):
        for g in (lambda x, f=f: np.sum(f(x)), lambda x, f=f: np.sum(f([x[0], x[1]]))):
            gradient = dd.grad(dd.replay(g))
            gradient(np.array([1.0, 1.4]))
            np.testing.assert_array_equal(gradient(np.array([1.0, 5.0])), [2.0, 3.0])


X1 = np.array([1.0, 2.0, 3.0])


def rounded_by_hand(x):
    try:
        k = round(x[0])
    except TypeError:
        k = 0.0
    return x.sum() ** 2 * (1 + k)


def kind_of_weight(x, w):
    return np.sum((w if isinstance(w, np.ndarray) else 1.0) * x**2)


def through_a_view(x):
    y = x[0, ...]
    y *= 2.0
    return np.sum(x * x)


@pytest.mark.parametrize(("f", "points"), [
    pytest.param(lambda x, k: (k if isinstance(k, float) else 1.0) * np.sum(x**2),
                 [(X1, 1.0), (X1, 10.0), (X1, 3.0)], id="type of a number"),
    pytest.param(kind_of_weight, [(X1, np.ones(3)), (X1, X1), (X1, 2 * X1)], id="type of an array"),
    pytest.param(rounded_by_hand, [(np.zeros(3),), (X1,), (2 * X1,)], id="handler of a TypeError"),
    pytest.param(lambda x: x[0] * dd.value(np.array([x[0], x[1]]))[1], [(np.zeros(3),), (X1,)], id="value of objects"),
    pytest.param(lambda x: np.sum(x**2) * ((x > 0) @ (x > 0)), [(np.array([1.0, -1.0, -2.0]),), (X1,)], id="truth @"),
    pytest.param(lambda x: np.sum(x**2) * np.sum((x > 0) * np.int8(100) * np.int8(2)), [(-X1,), (X1,)], id="int8"),
    pytest.param(lambda x: np.sum(x**2) * (2.0 if (x[0] > 0) is True else 1.0), [(-X1,), (X1,)], id="is True"),
    pytest.param(lambda x, k: (2.0 if (k == 0.0) is False else 1.0) * np.sum(x**2), [(X1, 0.0), (X1, 1.0)],
                 id="is False"),
    pytest.param(through_a_view, [(np.zeros(3),), (X1,)], id="view of one entry"),
    pytest.param(lambda x: (np.eye(3) @ np.exp(x))[1] ** 2, [(X1,), (2 * X1,)], id="unit matrix"),
    pytest.param(lambda x: np.sum(np.sqrt(x)) * np.sum(x), [(np.array([0.0, 1.0, 2.0]),), (X1,)],
                 id="infinite at first"),
    pytest.param(lambda x: sum(np.atleast_1d(x, np.array([1.0, 0.0, 2.0]))[1]) * x.sum(), [(X1,), (2 * X1,)],
                 id="several at once"),
])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_a_recording_could_get_wrong(f, points):
    """Functions that show themselves at later arguments only."""
    gradient = dd.grad(dd.replay(f))
    for args in [*points, *points]:
        arguments = [np.copy(a) if isinstance(a, np.ndarray) else a for a in args]
        np.testing.assert_allclose(gradient(*arguments), dd.grad(f)(*map(np.copy, args[:1]), *args[1:]), rtol=1e-13)


def test_floats_of_pythons_raise():
    x = np.ones(2)
    quotient = dd.grad(dd.replay(lambda x, k: np.sum(x**2) * np.exp(-1.0 / (k * k))))
    power = dd.grad(dd.replay(lambda x, k: np.sum(x**2) / (1 + k**400)))
    for k in (2.0, 3.0, 2.5):
        quotient(x, k), power(x, k / 2)
    with pytest.raises(ZeroDivisionError):
        quotient(x, 0.0)
    with pytest.raises(OverflowError):
        power(x, 10.0)


def test_results_keep_their_type():
    for f in (lambda x: [x, 2 * x], lambda x: (x, {"a": x}), lambda x: np.float32(3.3) + 0 * np.float32(x.size)):
        replayed, x = dd.replay(f), np.array([1.0, 2.0])
        for _ in range(3):
            found, wanted = dd.jacobian(replayed)(x), dd.jacobian(f)(x)
            assert type(found) is type(wanted)
            assert getattr(found, "dtype", None) == getattr(wanted, "dtype", None)


def test_symbols_that_outlive_the_recording_are_plain():
    trace = []

    def f(x):
        y = np.sum(x**2)
        trace.extend([dd.value(y), dd.value(x)])
        return y

    gradient = dd.grad(dd.replay(f))
    for x in (X1, 2 * X1, 3 * X1):
        gradient(x)
    assert {float(t) for t in trace[::2]} == {14.0, 56.0}
    for t in trace[1::2]:
        assert np.asarray(t).shape == (3,)
        assert np.sum(t * 2) in (12.0, 24.0)
        assert (t + 1)[0] in (2.0, 3.0)
        assert np.linalg.norm(t) > 0


def test_callables_with_attributes():
    class Model:
        def __init__(self):
            self.run = self.along = 7

        def __call__(self, x):
            return np.sum(x**2)

    np.testing.assert_array_equal(dd.grad(dd.replay(Model()))(X1), 2 * X1)


@dd.replay
def decorated(x):
    return np.sum(x**2)


def test_decorated_functions_pickle():
    assert pickle.loads(pickle.dumps(decorated)) is decorated


def test_branches_see_the_sum_that_numpy_makes():
    """Of up to 128 numbers, to the bit."""
    f = lambda x: x[0] * (2.0 if np.sum(x) >= 1.0 else 1.0)
    rng = np.random.default_rng(0)
    for n in (3, 8, 12, 100, 128):
        gradient = dd.grad(dd.replay(f))
        for _ in range(40):
            x = rng.random(n)
            x /= x.sum()
            np.testing.assert_array_equal(gradient(x), dd.grad(f)(x))


def test_handlers_do_not_hide_a_refusal():
    def f(x):
        try:
            return np.sum(np.sort(x) * np.arange(2.0))
        except Exception:
            return np.sum(x * np.array([0.0, 1.0]))

    gradient = dd.grad(dd.replay(f))
    gradient(np.array([1.0, 2.0]))
    np.testing.assert_array_equal(gradient(np.array([2.0, 1.0])), [1.0, 0.0])


def test_errors_are_the_users():
    def f(x):
        raise KeyError("no such thing")

    with pytest.raises(KeyError, match="no such thing"):
        dd.grad(dd.replay(f))(np.ones(2))
    with pytest.raises(dd.DifferentiationValueError, match="jacobian"):
        dd.grad(dd.replay(np.sin))(np.ones(2))
    with pytest.raises(dd.DifferentiationTypeError, match="takes a function"):
        dd.replay(np.ones(2))


@pytest.mark.parametrize("options", [
    {"mode": "forward"}, {"mode": "reverse"}, {"chunk_size": 1}, {"strict": True}, {"max_memory": 10**6},
    {"argnums": (0,)}, {"progress": True},
], ids=str)
def test_options_take_the_ordinary_way(options):
    replayed, g = counted(rosenbrock)
    gradient = dd.grad(replayed, **options)
    x = np.array([0.5, 1.5, -0.3])
    for _ in range(2):
        calls = g.calls
        found = gradient(x)
        assert_close(found[0] if isinstance(found, tuple) else found, dd.grad(rosenbrock)(x), 1e-14)
        assert g.calls > calls
    assert not replayed.refusals


def test_aux_takes_the_ordinary_way():
    gradient = dd.grad(dd.replay(lambda x: (np.sum(x**2), "aux")), has_aux=True)
    for _ in range(2):
        found, aux = gradient(np.ones(2))
        assert aux == "aux"
        np.testing.assert_array_equal(found, [2.0, 2.0])


def test_nesting():
    f = dd.replay(lambda x: np.sum(np.sin(x) * x**2))
    x = np.array([0.3, 1.4])
    dd.grad(f)(x)
    assert_close(dd.jacobian(dd.grad(f))(x), dd.hessian(f.function)(x), 1e-13)
    assert_close(dd.jacobian(dd.hessian(f))(x), dd.jacobian(dd.hessian(f.function))(x), 1e-12)

    def squared(f):
        return lambda v: np.sum(dd.grad(f)(v) ** 2)

    assert_close(dd.grad(squared(f))(x), dd.grad(squared(f.function))(x), 1e-13)
    outer = dd.replay(lambda x: np.sum(dd.grad(f)(x)))  # refused, and right
    assert_close(dd.grad(outer)(x), dd.grad(lambda v: np.sum(dd.grad(f.function)(v)))(x), 1e-13)


def test_results_and_arguments_are_the_callers():
    x = np.linspace(0.1, 1.0, 600)
    before = x.copy()
    for transform in (dd.jacobian, dd.value_and_jacobian, sparse_jacobian):
        run = transform(dd.replay(lambda v: v * 2.0 if v.size else v))
        run(x)
        first = run(x)
        kept = [part.copy() for part in parts(first)]
        for part in first if isinstance(first, tuple) else [first]:
            data = part.data if hasattr(part, "indptr") else part
            assert data.flags.writeable
            assert not np.shares_memory(data, x)
            data[...] = -1.0
            if hasattr(part, "indptr"):
                part.indices[...] = 0
        for got, want in zip(parts(run(x)), kept, strict=True):
            np.testing.assert_array_equal(got, want)
    value, _ = dd.jvp(dd.replay(lambda v: v), (x,), (x,))
    assert not np.shares_memory(value, x)
    np.testing.assert_array_equal(x, before)


def test_layouts_of_arguments():
    f = lambda x: np.sum(x**2 * np.arange(6.0).reshape(2, 3))
    gradient = dd.grad(dd.replay(f))
    x = np.arange(6.0).reshape(2, 3) + 1
    for a in (x, np.asfortranarray(x), np.repeat(x, 2, axis=1)[:, ::2], x.astype(int), x.astype(np.float32)):
        assert_close(gradient(a), dd.grad(f)(a), 1e-6 if a.dtype == np.float32 else 1e-15)


def test_methods_and_pickles():
    class Model:
        power = 3

        @dd.replay
        def loss(self, x):
            return np.sum(x**self.power)

    assert_close(dd.grad(Model().loss)(np.array([1.0, 2.0])), [3.0, 12.0], 1e-15)
    copy = pickle.loads(pickle.dumps(dd.replay(np.sum)))
    assert_close(dd.grad(copy)(np.array([1.0, 2.0])), [1.0, 1.0], 0)


def test_kinds_and_branches_are_bounded():
    replayed = dd.replay(lambda x: np.sum(x**2))
    for n in range(2, programs.KINDS + 10):
        dd.grad(replayed)(np.ones(n))
    assert len(replayed._players) <= programs.KINDS

    def f(x):
        for k in range(20):
            if x[0] < k:
                return x[0] * k
        return x[0]

    replayed = dd.replay(f)
    for k in range(20):
        assert_close(dd.grad(replayed)(np.array([k - 0.5])), [k], 0)
    assert max(map(len, replayed._players.values())) == programs.BRANCHES


def test_too_many_operations_are_refused():
    replayed = dd.replay(lambda x: sum((x * float(i) for i in range(30_000)), np.zeros(2)).sum())
    dd.grad(replayed)(np.ones(2))
    (reason,) = replayed.refusals.values()
    assert "too many operations" in reason
