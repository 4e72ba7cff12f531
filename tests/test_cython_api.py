"""The Cython API, tried from outside: the example builds against the installed declarations, and is right."""

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest

import dualdiff as dd

pytest.importorskip("Cython")
EXAMPLE = Path(__file__).parents[1] / "examples" / "cython"
PACKAGE = Path(dd.__file__).parent


# What the example has no use for.
READER = """

from dualdiff cimport tangent


def tangents(Dual x):
    return [tangent(x, i) for i in range(x.k)]
"""


@pytest.fixture(scope="module")
def kepler(tmp_path_factory):
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    if sys.platform != "win32" and shutil.which(compiler) is None:
        pytest.skip(f"there is no compiler {compiler}")
    folder = tmp_path_factory.mktemp("cython")
    for source in ("kepler.pyx", "setup.py"):
        shutil.copy(EXAMPLE / source, folder)
    with open(folder / "kepler.pyx", "a", encoding="utf-8") as source:
        source.write(READER)
    build = subprocess.run(
        [sys.executable, "setup.py", "-q", "build_ext", "--inplace"], cwd=folder, capture_output=True, text=True,
        timeout=300, env=os.environ | {"PYTHONPATH": str(PACKAGE.parent)},
    )  # fmt: skip
    assert build.returncode == 0, build.stdout + build.stderr
    (library,) = folder.glob("kepler*.so" if sys.platform != "win32" else "kepler*.pyd")
    spec = importlib.util.spec_from_file_location("kepler", library)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def iterated(mean, e):
    """The same in NumPy, by iteration: dualdiff sees into this one."""
    anomaly = mean
    for _ in range(60):
        anomaly = anomaly - (anomaly - e * np.sin(anomaly) - mean) / (1 - e * np.cos(anomaly))
    return anomaly


@pytest.mark.parametrize("e", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("mean", [0.2, 1.0, 3.0, 6.0])
def test_derivatives_are_those_of_the_same_in_numpy(kepler, mean, e):
    assert kepler.eccentric_anomaly(mean, e) == pytest.approx(iterated(mean, e), rel=1e-14)
    for order in (1, 2):
        got = dd.derivative(lambda m: kepler.eccentric_anomaly(m, e), order=order)(mean)
        want = dd.derivative(lambda m: iterated(m, e), order=order)(mean)
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14)


def test_every_layout_of_second_order_parts(kepler):
    def f(x, solve):
        return solve(x[0] * x[1], 0.4) * x[2] + solve(x[2], 0.4)

    x = [0.8, 1.3, 0.5]
    for transform in (dd.grad, dd.hessian, dd.laplacian):
        np.testing.assert_allclose(transform(f)(x, kepler.eccentric_anomaly), transform(f)(x, iterated), rtol=1e-12)
    chunked = dd.hessian(f, chunk_size=2)(x, kepler.eccentric_anomaly)
    np.testing.assert_allclose(chunked, dd.hessian(f)(x, iterated), rtol=1e-12)


def test_many_tangents_and_the_strong_zero(kepler):
    tangents = np.linspace(-1.0, 1.0, 31)
    number = kepler.eccentric_anomaly(dd.Dual(1.0, tangents), 0.3)
    slope = dd.derivative(lambda m: iterated(m, 0.3))(1.0)
    np.testing.assert_allclose(number.tangent, slope * tangents, rtol=1e-13)
    lost = kepler.eccentric_anomaly(dd.Dual(np.nan, [1.0, 0.0]), 0.3)  # the slope is nan there
    np.testing.assert_array_equal(lost.tangent, [np.nan, 0.0])
    assert ((number * 2.0) + number).tangent == pytest.approx(3.0 * slope * tangents)


def test_tangents_outside_of_a_window_are_zero(kepler):
    def f(x):
        y = kepler.eccentric_anomaly(x[9], 0.4) * x[5]
        assert y._window == (4, 8)
        assert kepler.tangents(y) == y.tangent.tolist()
        return y

    x = np.linspace(0.5, 1.5, 13).tolist()
    want = dd.grad(lambda x: iterated(x[9], 0.4) * x[5])(x)
    np.testing.assert_allclose(dd.grad(f)(x), want, rtol=1e-12)
    assert sorted(np.flatnonzero(want)) == [5, 9]


def test_numbers_that_it_does_not_know_are_refused(kepler):
    with pytest.raises(dd.LostTangentError):
        dd.jacobian(lambda x: kepler.eccentric_anomaly(x, 0.3))(np.array([1.0]))


def test_what_the_declarations_need_is_installed():
    assert {path.name for path in PACKAGE.glob("*.pxd")} >= {"__init__.pxd", "_scalar.pxd", "_kernels.pxd"}
