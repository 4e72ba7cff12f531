"""Helpers in another module, written by somebody who never heard of duals."""

import functools

import numpy as np
from numpy import empty

SCALE = 2.0
CALLS = 0


def running_sum(x):
    z = empty(len(x))
    total = 0.0
    for i, one in enumerate(x):
        total = total + one
        z[i] = total
    return z


def workspace(n):
    """No dual number comes in here."""
    return np.zeros((n, n)), np.zeros(n, dtype=int)


def scaled(x):
    return SCALE * running_sum(x)


def powers(x, n):
    """A generator with an array of its own."""
    z = np.ones(len(x))
    for _ in range(n):
        z *= x
        yield z.copy()


@functools.wraps(running_sum)
def wrapped(x):
    return running_sum(x)


def counted(x):
    """Assigns to a global name."""
    global CALLS
    CALLS += 1
    z = np.zeros(2)
    z[:] = x
    return z


class Filter:
    """Not decorated."""

    def __init__(self, n):
        self.state = np.zeros(n)

    def push(self, one):
        self.state[:-1] = self.state[1:]
        self.state[-1] = one
        return self.state.sum()
