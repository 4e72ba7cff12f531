"""What every test starts from: NumPy's own error state and seeded generators."""

import random

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def level_ground():
    random.seed(0)
    np.random.seed(0)
    with np.errstate(divide="warn", over="warn", invalid="warn", under="ignore"):
        yield


@pytest.fixture
def rng():
    return np.random.default_rng(2011)
