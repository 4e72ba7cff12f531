"""
The density behind a map
========================

A map bends a normal distribution into another one. Its density needs the volume that the map stretches, ``log|det J|``
at every point: two hundred thousand small Jacobians, taken as one batch.
"""

import matplotlib.pyplot as plt
import numpy as np

import dualdiff as dd


def inverse(y):
    """From the bent plane back to the normal one; rows are points."""
    first = y[:, 0]
    second = y[:, 1] - 0.5 * first**2 + 1.0
    twist = 0.6 * np.tanh(second)
    return np.stack([first * np.exp(twist), second * 1.4], axis=1)


def log_density(y):
    """By the change of variables: ``log p(y) = log N(x) + log|det dx/dy|``."""
    x, jacobians = dd.value_and_jacobian(inverse, batched=True)(y)
    return -np.sum(x**2, axis=1) / 2 - np.log(2 * np.pi) + np.linalg.slogdet(jacobians)[1]


axis1, axis2 = np.linspace(-8.0, 8.0, 300), np.linspace(-5.0, 30.0, 700)
grid = np.stack(np.meshgrid(axis1, axis2), axis=-1).reshape(-1, 2)
density = np.exp(log_density(grid)).reshape(700, 300)

# %%
# A density integrates to one, and that tests every determinant:

total = np.trapezoid(np.trapezoid(density, axis1, axis=1), axis2)
print(f"integral over the grid: {total:.6f}")

figure, axes = plt.subplots(figsize=(6, 5), layout="constrained")
axes.contourf(axis1, axis2, density, levels=20, cmap="viridis")
axes.set_xlim(-3.5, 3.5)
axes.set_ylim(-4.0, 5.0)
axes.set_xlabel("first")
axes.set_ylabel("second")
plt.show()
