"""
Why no step size
================

Differences need a step, and every step is wrong: a large one is far from the limit, a small one loses digits to
cancellation. The complex step has no cancellation, and needs a function that takes complex numbers; a dual number has
neither step nor condition.
"""

import matplotlib.pyplot as plt
import mpmath
import numpy as np

import dualdiff as dd


def f(x):
    return np.exp(x) / np.sqrt(np.sin(x) ** 3 + np.cos(x) ** 3)


# %%
# The exact derivatives at 1.5, by arithmetic of 50 digits:

mpmath.mp.dps = 50
x = 1.5
first, second = (
    float(mpmath.diff(lambda t: mpmath.exp(t) / mpmath.sqrt(mpmath.sin(t) ** 3 + mpmath.cos(t) ** 3), x, order))
    for order in (1, 2)
)
h = np.logspace(-17, -0.5, 200)
estimates = {
    "forward difference": ((f(x + h) - f(x)) / h, first),
    "central difference": ((f(x + h) - f(x - h)) / (2 * h), first),
    "complex step": (f(x + 1j * h).imag / h, first),
    "second difference": ((f(x + h) - 2 * f(x) + f(x - h)) / h**2, second),
}
exact = {
    "dual number": abs(dd.derivative(f)(x) / first - 1),
    "hyper-dual number": abs(dd.derivative(f, order=2)(x) / second - 1),
}
print({name: f"{error:.1e}" for name, error in exact.items()})

# %%
# Errors against the step. The lines at the bottom are dual numbers, which have none.

figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
for name, (estimate, truth) in estimates.items():
    axes.loglog(h, np.maximum(np.abs(estimate / truth - 1), 1e-17), label=name)
for (name, error), style in zip(exact.items(), ("k-", "k--"), strict=True):
    axes.axhline(max(error, 1e-17), color=style[0], linestyle=style[1:], label=name)
axes.set_ylim(1e-18, 1e2)
axes.set_xlabel("step")
axes.set_ylabel("relative error")
axes.legend(loc="upper center", ncols=2, fontsize="small")
plt.show()
