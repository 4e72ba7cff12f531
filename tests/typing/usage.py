"""A user's typed file: mypy --strict reads it against the stubs that the wheel ships, and it runs."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import dualdiff as dd

Vector = NDArray[np.float64]


def model(b: Vector, x: Vector) -> Vector:
    y: Vector = b[0] * np.exp(-b[1] * x)
    return y


def loss(b: Vector, x: Vector) -> np.float64:
    return np.sum(model(b, x) ** 2)


b = np.array([2.0, 0.5])
x = np.linspace(0.0, 1.0, 5)

jacobian: NDArray[Any] = dd.jacobian(model)(b, x)
in_x: NDArray[Any] = dd.jacobian(model, argnums=1)(b, x)
gradient: NDArray[Any] = dd.grad(loss)(b, x)
hessian: NDArray[Any] = dd.hessian(loss)(b, x)
value, slope = dd.value_and_grad(loss)(b, x)
assert_type(value, np.float64)
assert_type(slope, NDArray[Any])
assert_type(dd.grad(np.tanh)(0.5), np.float64)
rosenbrock: NDArray[Any] = dd.grad(lambda v: (1 - v[0]) ** 2 + 100 * (v[1] - v[0] ** 2) ** 2)([1.0, 2.0])
with_aux, aux = dd.jacobian(lambda b: (model(b, x), "note"), has_aux=True)(b)
in_both = dd.grad(lambda b, x: loss(b, x), argnums=(0, 1))(b, x)
in_a_dict = dd.grad(lambda p: loss(p["b"], p["x"]))({"b": b, "x": x})["b"]
with ThreadPoolExecutor(2) as pool:
    shared: NDArray[Any] = dd.jacobian(model, executor=pool, progress=False)(b, x)
y, direction = dd.jvp(model, (b, x), (np.ones(2), np.zeros(5)))
with dd.threads(2):
    assert_type(dd.derivative(np.sin, blockwise=True, threads=2)(x), NDArray[Any])
    dd.jvp(np.sin, (x,), (x,), blockwise=True, threads=2)
curve, covariance = dd.propagate(lambda b: model(b, x), b, np.diag([0.1, 0.01]))
third = dd.derivative(np.sin, order=3)(0.1)
replayed = dd.replay(loss)
assert_type(replayed(b, x), np.float64)
assert_type(dd.grad(replayed)(b, x), NDArray[Any])
reasons: list[str] = list(replayed.refusals.values())
error: float = dd.check_derivatives(lambda b: loss(b, x), b).first_error


def newton_step(f: Callable[[Vector], np.float64], b: Vector) -> Vector:
    """What a strict function may return without a cast."""
    _, g, h = dd.value_grad_and_hessian(f)(b)
    return b - np.linalg.solve(h, g)


step = newton_step(lambda b: loss(b, x), b)

pattern = dd.sparse.pattern(model, b, x, order=1)
assert_type(pattern | pattern.T.T, dd.sparse.Pattern)
evaluate: dd.sparse.Evaluator = dd.sparse.jacobian(model, pattern, verify=False)
evaluate.verify(b, x)
colours: NDArray[np.intp] = dd.sparse.column_colouring(np.eye(2), order="natural")

dual = dd.Dual(2.0, [1.0, 0.0])
product: dd.Dual = dual * dual + 1.0
reflected: dd.Dual = 1 / dual.sqrt()
number: float = product.value
tangent: Any = product.tangent
positive: bool = dual > 0.0
vector = dd.DualArray(b, np.eye(2))
shape: tuple[int, ...] = vector.shape
assert_type(-vector * 2.0, dd.DualArray)
assert_type(dual * b, dd.DualArray)
assert_type(vector.reshape(2, 1).T, dd.DualArray)

assert_type(dd.relu(dual), dd.Dual)
assert_type(dd.relu(vector), dd.DualArray)
assert_type(dd.leaky_relu(-1.0, slope=0.1), np.float64)
assert_type(dd.sigmoid(b), NDArray[Any])
assert_type(dd.value(dual), float)
assert_type(dd.value(vector), NDArray[Any])


@dd.elementwise(d1=lambda x: 3.0 * x**2)
def cube(x: float) -> float:
    return x * x * x


@dd.custom_jvp
def log1pexp(x: float) -> float:
    return float(np.logaddexp(0.0, x))


@log1pexp.defjvp
def rule(primals: tuple[Any], tangents: tuple[Any]) -> tuple[Any, Any]:
    (x,), (t,) = primals, tangents
    return log1pexp(x), t / (1.0 + np.exp(-x))


assert_type(cube(2.0) + log1pexp(2.0), float)


class Model:
    @dd.replay
    def loss(self, b: Vector) -> np.float64:
        return loss(b, x)


assert_type(Model().loss(b), np.float64)


def refused() -> None:
    """Never called: strict mypy reports an ignore that nothing needs, so each of these lines must be an error."""
    dd.jacobian(3.0)  # type: ignore[call-overload]
    dd.hessian(loss, mood="forward")  # type: ignore[call-overload]
    print(dual.tangents)  # type: ignore[attr-defined]
    float(dual)  # type: ignore[arg-type]
    dd.jacobian(model)(None, x)  # type: ignore[call-overload]
    replayed(b, "x")  # type: ignore[arg-type]
    dd.replay(b)  # type: ignore[arg-type]
