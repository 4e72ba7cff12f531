"""
Newton's method with an exact Hessian
=====================================

Rosenbrock's valley: the gradient alone zigzags through it, the Hessian goes straight along. Both come out of one
evaluation.
"""

import matplotlib.pyplot as plt
import numpy as np

import dualdiff as dd


def valley(x):
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


def descend(step_of, steps, start=(-1.2, 1.0)):
    """The points of a descent that halves its step until the value goes down."""
    path = [np.array(start)]
    for _ in range(steps):
        x = path[-1]
        value, gradient, hessian = dd.value_grad_and_hessian(valley)(x)
        step = step_of(gradient, hessian)
        while valley(x + step) > value and np.linalg.norm(step) > 1e-12:
            step = step / 2
        path.append(x + step)
    return np.array(path)


paths = {
    "steepest descent, 300 steps": descend(lambda g, h: -g / np.linalg.norm(g), 300),
    "Newton, 20 steps": descend(lambda g, h: -np.linalg.solve(h, g), 20),
}
for name, path in paths.items():
    print(f"{name}: {valley(path[-1]):.1e} at {np.round(path[-1], 4)}")

# %%

x, y = np.meshgrid(np.linspace(-1.6, 1.4, 200), np.linspace(-0.6, 1.6, 200))
figure, axes = plt.subplots(figsize=(7, 5), layout="constrained")
axes.contour(x, y, np.log1p(valley(np.stack([x, y]))), levels=18, cmap="Greys", linewidths=0.8)
for (name, path), style in zip(paths.items(), (".-", "o-"), strict=True):
    axes.plot(*path.T, style, label=name, markersize=4)
axes.plot(1.0, 1.0, "k*", markersize=12, label="minimum")
axes.set_xlim(-1.6, 1.4)
axes.set_ylim(-0.6, 1.6)
axes.legend(loc="lower left")
plt.show()
