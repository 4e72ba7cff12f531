"""`numpy_aware`: functions that fill arrays made for floats, unedited, wherever their code may be."""

import functools
import sys
import threading
from dataclasses import dataclass

import aware_helpers
import numpy as np
import pytest
from aware_helpers import running_sum
from numpy import zeros

import dualdiff as dd

X = np.array([0.7, -1.3, 2.1])
FACTOR = 3.0


def squares(x):
    return x**2


def check(f, reference=squares, x=X):
    """The decorated function has the derivatives of the reference; without it the function raises."""
    aware = dd.numpy_aware(f)
    with pytest.raises(dd.LostTangentError):
        dd.jacobian(f)(x)
    np.testing.assert_allclose(dd.jacobian(aware)(x), dd.jacobian(reference)(x), rtol=1e-14)
    np.testing.assert_allclose(dd.hessian(aware)(x), dd.hessian(reference)(x), rtol=1e-14)
    np.testing.assert_allclose(dd.jacobian(dd.jacobian(aware))(x), dd.hessian(reference)(x), rtol=1e-14)
    np.testing.assert_array_equal(aware(x), f(x))
    assert type(aware(x)) is type(f(x))


# -- ways to make and fill an array ------------------------------------------------------------------------------------


def by_item(x):
    z = np.zeros(3)
    for i in range(3):
        z[i] = x[i] ** 2
    return z


def by_slice(x):
    z = np.empty(3)
    z[:] = x**2
    return z


def in_place(x):
    z = np.ones(3)
    z += x**2
    z -= 1.0
    return z


def through_view(x):
    z = np.full((2, 3), 7.0)
    z[0].reshape(3, 1).T[...] = x**2
    return z[0]


def like_plain(x):
    z = np.zeros_like(np.ones(3))
    z[np.array([2, 0])] = x[[2, 0]] ** 2
    z[1:2] = x[1] ** 2
    return z


def of_numbers(x):
    z = np.array([0.0, 1.0, 2.0])
    np.add.at(z, [0, 1, 2, 2], np.append(x**2, 1.0))
    return z - np.array([0.0, 1.0, 3.0])


def of_grid(x):
    z = np.linspace(0.0, 1.0, 3)
    z[z < 2.0] = x**2
    return z


def of_identity(x):
    z = np.eye(3)
    z[1] = x
    z[:, 2] *= x[2]
    return np.array([x[0] ** 2, z[1, 1] ** 2, z[1, 2]]) * np.diag(np.ones(3))[0, 0]


def by_out(x):
    z = np.zeros(3)
    np.multiply(x, x, out=z)
    return z


def by_mask(x):
    z = np.zeros(3)
    z[x > 0.0] = x[x > 0.0] ** 2
    z[~(x > 0.0)] = x[~(x > 0.0)] ** 2
    return z


def with_a_dtype(x):
    x = np.asarray(x, dtype=float)
    z = np.zeros(x.shape, dtype=np.float64)
    z[...] = x * x
    return z


def in_two_dimensions(x):
    a = np.zeros((3, 3))
    for i in range(3):
        for j in range(3):
            a[i, j] = x[i] * x[j]
    return a.diagonal()


@pytest.mark.parametrize("f", [by_item, by_slice, in_place, through_view, like_plain, of_numbers, of_grid, of_identity,
                               by_out, by_mask, with_a_dtype, in_two_dimensions], ids=lambda f: f.__name__)
def test_arrays_made_for_floats_hold_duals(f):
    check(f)


def test_a_list_of_scalars_and_a_scalar():
    aware = dd.numpy_aware(by_item)
    np.testing.assert_allclose(dd.jacobian(aware)([0.7, -1.3, 2.1]), np.diag(2 * X))

    @dd.numpy_aware
    def f(x):
        z = np.zeros(2)
        z[0], z[1] = x, x**2
        return z.sum()

    assert dd.derivative(f)(2.0) == 5.0
    assert dd.derivative(f, order=3)(2.0) == 0.0
    assert f(dd.Dual(2.0, [1.0])).tangent[0] == 5.0


def test_float32_and_complex_arrays_and_integers_stay_what_they_are():
    @dd.numpy_aware
    def single(x):
        z = np.zeros(3, dtype=np.float32)
        z[:] = x
        return z

    assert dd.jacobian(single)(X.astype(np.float32)).dtype == np.float32

    @dd.numpy_aware
    def spectrum(x):
        z = np.zeros(2, dtype=complex)
        z[0] = np.exp(1j * x[0])
        return z.real[0] + z.imag[0]

    np.testing.assert_allclose(dd.grad(spectrum)(X), [np.cos(0.7) - np.sin(0.7), 0.0, 0.0])

    @dd.numpy_aware
    def counters(x):
        n = np.zeros(3, dtype=int)
        assert type(n) is np.ndarray and type(np.arange(3)) is np.ndarray and type(x > 0) is np.ndarray
        n[0] = x[0]
        return n

    with pytest.raises(dd.LostTangentError):
        dd.jacobian(counters)(X)


def test_shape_of_an_array_with_more_dimensions_is_kept():
    aware = dd.numpy_aware(lambda x: np.array(x, ndmin=2))
    assert dd.jacobian(aware)(X).shape == (1, 3, 3)


# -- where the code may be ---------------------------------------------------------------------------------------------


def test_from_imports():
    def f(x):
        z = zeros(3)
        z[:] = x**2
        return z

    check(f)


def test_imports_inside_the_function():
    def f(x):
        import numpy
        import numpy as other
        from numpy import ones

        z = ones(3)
        z[:] = x
        z[...] = z * other.array([1.0, 1.0, 1.0]) * numpy.asarray(x)
        return z

    def g(x):
        from aware_helpers import scaled

        return scaled(x)

    check(f)
    check(g, lambda x: 2.0 * np.cumsum(x))


def test_helpers_in_another_module():
    check(lambda x: running_sum(x), np.cumsum)
    check(lambda x: aware_helpers.running_sum(x), np.cumsum)
    check(lambda x: aware_helpers.scaled(x), lambda x: 2.0 * np.cumsum(x))
    check(lambda x: aware_helpers.wrapped(x), np.cumsum)
    check(functools.partial(running_sum), np.cumsum)


def test_helpers_that_see_no_dual_number():
    def f(x):
        z, count = aware_helpers.workspace(3)
        z[0] = x**2
        count[0] = 1
        return z[0] * count[0]

    check(f)


def test_module_variables_are_those_of_the_moment(monkeypatch):
    aware = dd.numpy_aware(lambda x: aware_helpers.scaled(x)[0] * FACTOR)
    assert dd.grad(aware)(X)[0] == 6.0
    monkeypatch.setattr(aware_helpers, "SCALE", 5.0)
    assert dd.grad(aware)(X)[0] == 15.0


def test_closures_and_nonlocal():
    def factory(power):
        calls = 0

        def helper(x):
            nonlocal calls
            calls += 1
            z = np.zeros(3)
            z[:] = x**power
            return z

        def f(x):
            return helper(x) * np.ones(3)

        return f, lambda: calls

    f, count = factory(2)
    check(f)
    assert count() >= 4


def test_a_dual_number_in_the_closure_only():
    def f(x):
        @dd.numpy_aware
        def inner(n):
            z = np.zeros(n)
            z[:] = x**2
            return z

        return inner(3)

    np.testing.assert_allclose(dd.jacobian(f)(X), np.diag(2 * X))


def test_generators():
    def f(x):
        *_, last = aware_helpers.powers(x, 2)
        return last

    def own(x):
        def rows():
            for one in x:
                z = np.zeros(1)
                z[0] = one**2
                yield z

        return np.concatenate(list(rows()))

    check(f)
    check(own)


def test_a_decorated_generator():
    @dd.numpy_aware
    def rows(x):
        for one in x:
            z = np.zeros(1)
            z[0] = one**2
            yield z

    np.testing.assert_allclose(dd.jacobian(lambda x: np.concatenate(list(rows(x))))(X), np.diag(2 * X))


def test_defaults():
    def f(x, make=np.zeros, *, also=running_sum, scratch=[0]):  # noqa: B006
        scratch[0] += 1
        z = make(3)
        z[:] = np.diff(also(x), prepend=0.0) * x
        return z

    check(f)
    assert f.__defaults__[0] is np.zeros and f.__kwdefaults__["also"] is running_sum
    assert f.__kwdefaults__["scratch"][0] >= 4


@dd.numpy_aware
def decorated_recursion(x):
    z = np.zeros(len(x))
    z[0] = x[0] ** 2
    if len(x) > 1:
        z[1:] = decorated_recursion(x[1:])
    return z


def recursion(x):
    z = np.zeros(len(x))
    z[0] = x[0] ** 2
    if len(x) > 1:
        z[1:] = recursion(x[1:])
    return z


def even(x):
    z = np.zeros(len(x))
    z[:1] = x[:1] ** 2
    z[1:] = odd(x[1:]) if len(x) > 1 else 0.0
    return z


def odd(x):
    return even(x) * np.ones(len(x))


def test_recursion():
    check(recursion)
    check(even)
    np.testing.assert_allclose(dd.jacobian(decorated_recursion)(X), np.diag(2 * X))

    def f(x):
        def inner(x):
            z = np.zeros(len(x))
            z[0] = x[0] ** 2
            if len(x) > 1:
                z[1:] = inner(x[1:])
            return z

        return inner(x)

    check(f)


def test_comprehensions_and_lambdas():
    def f(x):
        rows = [np.zeros(3) for _ in range(3)]
        for i, row in enumerate(rows):
            row[i] = x[i] ** 2
        fill = lambda n: np.zeros(n)
        z = fill(3)
        z += sum(rows)
        return z

    check(f)


def test_callbacks():
    def solve(right, y, steps=2):
        path = np.zeros((steps + 1, len(y)))
        path[0] = y
        for i in range(steps):
            path[i + 1] = path[i] + 0.1 * right(path[i])
        return path[-1]

    def right(y):
        dy = np.zeros(3)
        dy[0], dy[1], dy[2] = y[1], -y[0], y[2] ** 2
        return dy

    def reference(y):
        for _ in range(2):
            y = y + 0.1 * np.stack([y[1], -y[0], y[2] ** 2])
        return y

    check(lambda y: solve(right, y), reference)
    np.testing.assert_allclose(dd.jacobian(lambda y: dd.numpy_aware(solve)(right, y))(X), dd.jacobian(reference)(X))


class Base:
    def fill(self, x):
        z = np.zeros(3)
        z[:] = x
        return z


@dd.numpy_aware
class Model(Base):
    """A class decorated as a whole."""

    def __init__(self, x):
        self.x = x

    def workspace(self):
        return np.zeros(3)

    @staticmethod
    def room(n):
        return np.zeros(n)

    @classmethod
    def of(cls, x):
        return cls(x)

    @property
    def squares(self):
        z = self.workspace()
        z[:] = self.x**2
        return z

    def product(self, x):
        z = self.room(3)
        z[:] = self.x
        z *= x
        return z

    def fill(self, x):
        z = self.workspace()
        z[:] = super().fill(x) if type(x) is np.ndarray else x
        return z


def test_classes():
    for f in (lambda x: Model.of(x).squares, lambda x: Model(x).product(x), lambda x: Model(x).fill(x) * x):
        np.testing.assert_allclose(dd.jacobian(f)(X), np.diag(2 * X))
        np.testing.assert_allclose(dd.hessian(f)(X), dd.hessian(squares)(X))
        assert type(f(X)) is np.ndarray


def test_a_decorated_method():
    class Plain:
        scale = 2.0

        @dd.numpy_aware
        def value(self, x):
            z = np.zeros(3)
            z[:] = self.scale * x
            return z

    np.testing.assert_allclose(dd.jacobian(Plain().value)(X), 2 * np.eye(3))
    check(functools.partial(Plain.value.__wrapped__, Plain()), lambda x: 2.0 * x)


def test_dataclass_arguments():
    @dataclass
    class State:
        y: object

    @dd.numpy_aware
    def step(state):
        z = np.zeros(3)
        z[:] = state.y**2
        return State(z)

    np.testing.assert_allclose(dd.jacobian(lambda x: step(State(x)).y)(X), np.diag(2 * X))


# -- nothing else changes ----------------------------------------------------------------------------------------------


def test_plain_calls_run_the_function_itself():
    def f(x):
        z = np.zeros(3)
        z[:] = x
        return z, np.zeros, f.__globals__ is globals()

    aware = dd.numpy_aware(f)
    z, creator, same = aware(X)
    assert type(z) is np.ndarray and creator is np.zeros and same
    assert aware.__name__ == "f" and aware.__wrapped__ is f
    assert dd.numpy_aware(aware)(X)[1] is np.zeros


def test_nothing_global_is_patched():
    before = {name: getattr(np, name) for name in dir(np) if not name.startswith("_")}
    own = dict(vars(aware_helpers)), set(globals())
    seen = []

    @dd.numpy_aware
    def f(x):
        worker = threading.Thread(target=lambda: seen.append(type(sys.modules["aware_helpers"].np.zeros(2))))
        worker.start()
        worker.join()
        return aware_helpers.scaled(x)

    dd.jacobian(f)(X)
    assert seen == [np.ndarray]
    assert before == {name: getattr(np, name) for name in before}
    assert own == (dict(vars(aware_helpers)), set(globals()))
    assert running_sum.__globals__["np"] is np


def test_threads():
    aware, errors = dd.numpy_aware(by_item), []

    def work(i):
        try:
            for _ in range(20):
                x = X + i
                np.testing.assert_allclose(dd.jacobian(aware)(x), np.diag(2 * x))
                assert type(aware(x)) is np.ndarray
        except Exception as error:
            errors.append(error)

    workers = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not errors


def test_nested_transforms_inside_and_outside():
    @dd.numpy_aware
    def f(x):
        def g(y):
            z = np.zeros(2)
            z[0], z[1] = x[0] * y**2, y
            return z.sum()

        z = np.zeros(2)
        z[0] = dd.derivative(g)(x[1])  # 2 x0 x1 + 1
        z[1] = x[2]
        return z.sum()

    np.testing.assert_allclose(dd.grad(f)(X), [2 * X[1], 2 * X[0], 1.0])
    np.testing.assert_allclose(dd.hessian(f)(X), [[0, 2, 0], [2, 0, 0], [0, 0, 0]])

    @dd.numpy_aware
    def inner(y, x):
        z = np.zeros(2)
        z[0], z[1] = x * y**2, x**3
        return z.sum()

    assert dd.derivative(lambda x: dd.derivative(inner)(x, x))(3.0) == 12.0


# -- limits ------------------------------------------------------------------------------------------------------------


def test_what_cannot_be_reached_raises_as_without_the_decorator():
    start = aware_helpers.CALLS
    for f in (
        lambda x: aware_helpers.counted(x[:2]),  # assigns to a global name, so it runs as it is
        lambda x: aware_helpers.Filter(2).push(x[0]),  # a class that is not decorated
        lambda x: eval("vars(aware_helpers)['np'].zeros(2).__setitem__(0, x)", globals(), {"x": x[0]}),
    ):
        with pytest.raises(dd.LostTangentError):
            dd.jacobian(dd.numpy_aware(f))(X)
    assert aware_helpers.CALLS == start + 1


def test_what_is_no_python_function_is_refused():
    for f in (np.sin, len, 3.0):
        with pytest.raises(dd.DifferentiationTypeError, match="numpy_aware"):
            dd.numpy_aware(f)
