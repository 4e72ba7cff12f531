"""A user's typed file: mypy --strict reads it against the stubs that the wheel ships, and it runs."""

from typing import Any

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
gradient: NDArray[Any] = dd.grad(loss)(b, x)
hessian: NDArray[Any] = dd.hessian(loss)(b, x)
value, slope = dd.value_and_grad(loss)(b, x)
y, direction = dd.jvp(model, (b, x), (np.ones(2), np.zeros(5)))
curve, covariance = dd.propagate(lambda b: model(b, x), b, np.diag([0.1, 0.01]))
third = dd.derivative(np.sin, order=3)(0.1)

dual = dd.Dual(2.0, [1.0, 0.0])
product: dd.Dual = dual * dual + 1.0
number: float = product.value
tangent: Any = product.tangent
vector = dd.DualArray(b, np.eye(2))
shape: tuple[int, ...] = vector.shape


def refused() -> None:
    """Never called: strict mypy reports an ignore that nothing needs, so each of these lines must be an error."""
    dd.jacobian(3.0)  # type: ignore[arg-type]
    dd.hessian(loss, mood="forward")  # type: ignore[call-arg]
    print(dual.tangents)  # type: ignore[attr-defined]
