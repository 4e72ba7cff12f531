"""
Greeks of an option
===================

The sensitivities of the price of Black and Scholes, over a range of prices of the underlying: one function, every
derivative of it.
"""

import matplotlib.pyplot as plt
import numpy as np

import dualdiff as dd


def call(spot, strike=100.0, volatility=0.2, rate=0.03, years=0.5):
    """The price of a European call."""
    deviation = volatility * np.sqrt(years)
    d1 = (np.log(spot / strike) + (rate + volatility**2 / 2) * years) / deviation
    return spot * normal(d1) - strike * np.exp(-rate * years) * normal(d1 - deviation)


def normal(x):
    """The cumulative distribution of the normal distribution."""
    return dd.erfc(-x / np.sqrt(2)) / 2


# %%
# The price is an elementwise function of the spot, so `derivative` gives a whole curve. Other arguments are
# differentiated by a function that puts them first; a mixed derivative is a derivative of a derivative.

spot = np.linspace(60.0, 140.0, 200)
curves = {
    "price": call(spot),
    "delta": dd.derivative(call)(spot),
    "gamma": dd.derivative(call, order=2)(spot),
    "vega": dd.derivative(lambda v: call(spot, volatility=v))(0.2),
    "theta": -dd.derivative(lambda t: call(spot, years=t))(0.5),
    "vanna": dd.derivative(lambda v: dd.derivative(lambda s: call(s, volatility=v))(spot))(0.2),
}

figure, axes = plt.subplots(2, 3, sharex=True, figsize=(9, 5), layout="constrained")
for (name, curve), place in zip(curves.items(), axes.flat, strict=True):
    place.plot(spot, curve)
    place.set_title(name)
    place.axvline(100.0, color="gray", linewidth=0.8, linestyle=":")
for place in axes[-1]:
    place.set_xlabel("spot")
plt.show()

# %%
# The closed form of gamma, for a check:

d1 = (np.log(spot / 100.0) + (0.03 + 0.2**2 / 2) * 0.5) / (0.2 * np.sqrt(0.5))
gamma = np.exp(-(d1**2) / 2) / np.sqrt(2 * np.pi) / (spot * 0.2 * np.sqrt(0.5))
print(f"largest relative error: {np.max(np.abs(curves['gamma'] / gamma - 1)):.1e}")
