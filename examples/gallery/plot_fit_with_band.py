"""
A fit and its uncertainty
=========================

Electron mobility against the logarithm of density, the problem Thurber of NIST's Statistical Reference Datasets: a
ratio of cubics with seven parameters, among the hardest of the collection. An exact Jacobian gives the fit, its
standard deviations, and the band around the curve.
"""

import matplotlib.pyplot as plt
import numpy as np

import dualdiff as dd
from dualdiff import nist

problem = {problem.name: problem for problem in nist.problems()}["Thurber"]
x, y = problem.x, problem.y

# %%
# Levenberg and Marquardt's method, in ten lines: a step with the exact Jacobian, damped until it goes down.

b, damping = problem.start[1], 1e-3
for _ in range(100):
    residuals, J = dd.value_and_jacobian(nist.residuals)(b, problem)
    scale = np.linalg.norm(J, axis=0)
    matrix = np.vstack([J, np.diag(np.sqrt(damping) * scale)])
    step = np.linalg.lstsq(matrix, np.concatenate([-residuals, np.zeros(b.size)]), rcond=None)[0]
    if nist.residual_sum_of_squares(b + step, problem) <= residuals @ residuals:
        b, damping = b + step, damping / 10
        if np.max(np.abs(step / b)) < 1e-10:
            break
    else:
        damping *= 10

print("fitted    ", np.round(b[:4], 6))
print("certified ", np.round(problem.certified[:4], 6))

# %%
# The covariance of the parameters is ``s² (JᵀJ)⁻¹``; `propagate` carries it on to the curve.

J = dd.jacobian(problem.model)(b, x)
s = np.sqrt(np.sum(nist.residuals(b, problem) ** 2) / (y.size - b.size))
covariance = s**2 * np.linalg.inv(J.T @ J)
grid = np.linspace(-3.2, 2.3, 300)
curve, band = dd.propagate(problem.model, b, covariance, grid)
width = 2 * np.sqrt(np.diag(band))

figure, (above, below) = plt.subplots(2, 1, sharex=True, figsize=(7, 6), height_ratios=(3, 1), layout="constrained")
above.plot(x, y, "ko", markersize=4, label="observed")
above.plot(grid, curve, label="fit")
above.fill_between(grid, curve - width, curve + width, alpha=0.3, label="two standard deviations")
above.set_ylabel("electron mobility")
above.legend()
below.plot(x, nist.residuals(b, problem), "ko", markersize=4)
below.fill_between(grid, -width, width, alpha=0.3)
below.axhline(0.0, linewidth=0.8)
below.set_xlabel("logarithm of density")
below.set_ylabel("residual")
plt.show()
