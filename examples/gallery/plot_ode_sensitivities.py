"""
Sensitivities of a differential equation
========================================

Predators and prey: how much does each parameter move the populations, and when? Dual numbers go through SciPy's solver
with the solution, so that its sensitivities are solved for by the same steps.
"""

import matplotlib.pyplot as plt
import numpy as np

import dualdiff as dd
from dualdiff.scipy.integrate import solve_ivp

times = np.linspace(0.0, 15.0, 200)


def rates(t, state, p):
    prey, predators = state
    return np.stack([p[0] * prey - p[1] * prey * predators, p[2] * prey * predators - p[3] * predators])


def populations(p):
    return solve_ivp(rates, (0.0, 15.0), np.array([1.0, 0.5]), t_eval=times, args=(p,), rtol=1e-8, atol=1e-10).y


p = np.array([1.1, 0.4, 0.3, 0.9])
solution, sensitivities = dd.value_and_jacobian(populations)(p)
print(solution.shape, sensitivities.shape)

# %%
# Relative sensitivities, ``p_i / y · dy/dp_i``: percent of change of the prey for a percent of the parameter.

figure, (above, below) = plt.subplots(2, 1, sharex=True, figsize=(7, 6), layout="constrained")
above.plot(times, solution.T, label=["prey", "predators"])
above.legend()
above.set_ylabel("population")
below.plot(times, sensitivities[0] * p / solution[0][:, None], label=["growth", "losses", "gain", "death"])
below.legend(ncols=4, fontsize="small")
below.set_ylabel("relative sensitivity of the prey")
below.set_xlabel("time")
plt.show()
