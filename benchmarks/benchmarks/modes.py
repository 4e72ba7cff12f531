"""Forward against reverse: a grid of inputs and outputs on three kinds of code, and who differentiates.

The kinds are a layered network, elementwise code and a loop of small operations; what is asked for is a Jacobian, a
gradient, a Hessian or a Hessian-vector product. Every function takes the NumPy that it is written with, so that rivals
run the same text. As everywhere, what can be done once is not timed, and nobody is timed whose result is wrong.
"""

from __future__ import annotations

import importlib
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .rivals import Disagreement, Unavailable
from .timing import Statement, call

HIDDEN = 64
SIZES = (1, 10, 100, 1000, 10_000)
MOST_ENTRIES = 10**6  # of a Jacobian


def network(n, m):
    """Two hidden layers between n inputs and m outputs; a loss where m is 1."""
    rng = np.random.default_rng((n, m))
    sizes = (n, HIDDEN, HIDDEN, m)
    weights = [rng.normal(size=(b, a)) / np.sqrt(a) for a, b in zip(sizes, sizes[1:], strict=False)]

    def make(xp):
        def f(x):
            for w in weights[:-1]:
                x = xp.tanh(w @ x)
            y = weights[-1] @ x
            return xp.sum(y * y) if m == 1 else y

        return f

    return make


def elementwise(n, m):
    def make(xp):
        def f(x):
            y = xp.sin(x) * xp.exp(-x * x) + x**2
            return xp.sum(y) if m == 1 else y

        return f

    return make


def loop(n, m):
    def make(xp):
        def f(x):
            total = 0.0
            for i in range(n - 1):
                total = total + 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
            return total

        return f

    return make


@dataclass(frozen=True)
class Case:
    """A derivative of a kind of code; ``what`` is a method of the contestants."""

    what: str
    kind: Callable
    inputs: int
    outputs: int

    @property
    def name(self):
        return f"{self.what} of {self.kind.__name__}, {self.inputs} to {self.outputs}"

    def x(self):
        return np.linspace(-0.9, 1.1, self.inputs)

    def v(self):
        return np.cos(np.arange(float(self.inputs)))


CASES = [
    *(Case("jacobian", network, n, m) for n in SIZES for m in SIZES[1:] if n * m <= MOST_ENTRIES),
    *(Case("gradient", network, n, 1) for n in SIZES),
    *(Case("jacobian", elementwise, n, n) for n in (10, 100, 1000)),
    *(Case("gradient", elementwise, n, 1) for n in SIZES[1:]),
    *(Case("gradient", loop, n, 1) for n in (10, 100, 1000)),
    *(Case("hessian", network, n, 1) for n in (10, 100, 300)),
    *(Case("hvp", network, n, 1) for n in SIZES[1:]),
]
BY_NAME = {case.name: case for case in CASES}


class Ours:
    """dualdiff in one of its modes."""

    peer = False

    def __init__(self, mode):
        self.mode = mode
        self.dd = importlib.import_module("dualdiff")

    def statement(self, case):
        f, x = case.kind(case.inputs, case.outputs)(np), case.x()
        if self.mode == "reverse" and case.outputs > 1000:
            raise Unavailable("a row for each of so many outputs: out of reach")
        if case.what == "hvp":
            if self.mode == "forward" and case.inputs > 1000:
                raise Unavailable("one seed for each input: out of reach")
            names = {"hvp": self.dd.hvp, "f": f, "x": x, "v": case.v(), "mode": self.mode}
            return Statement("hvp(f, (x,), (v,), mode=mode)", names)
        transform = {"jacobian": self.dd.jacobian, "gradient": self.dd.grad, "hessian": self.dd.hessian}[case.what]
        return call(transform(f, mode=self.mode), x)


class Plain:
    """The function itself: the unit."""

    peer = False

    def statement(self, case):
        return call(case.kind(case.inputs, case.outputs)(np), case.x())


class Differences:
    """Central differences, two evaluations per input."""

    peer = False

    def statement(self, case):
        if case.what in ("hessian", "hvp") or case.inputs > 1000:
            raise Unavailable("first order of up to 1000 inputs only")
        f, x = case.kind(case.inputs, case.outputs)(np), case.x()

        def differences(x):
            columns = []
            for i in range(x.size):
                h = 6e-6 * max(1.0, abs(x[i]))
                up, down = x.copy(), x.copy()
                up[i] += h
                down[i] -= h
                columns.append((f(up) - f(down)) / (2.0 * h))
            return np.stack(columns, axis=-1)

        return call(differences, x)


class Autograd:
    peer = True

    def __init__(self):
        try:
            self.autograd = importlib.import_module("autograd")
            self.numpy = importlib.import_module("autograd.numpy")
        except ModuleNotFoundError as error:
            raise Unavailable("autograd is not installed") from error

    def statement(self, case):
        if case.outputs > 100 and case.what == "jacobian":
            raise Unavailable("a sweep per output: out of reach")
        f, x = case.kind(case.inputs, case.outputs)(self.numpy), case.x()
        if case.what == "hvp":
            product = self.autograd.hessian_vector_product(f)
            return call(product, x, case.v())
        transform = {"jacobian": self.autograd.jacobian, "gradient": self.autograd.grad,
                     "hessian": self.autograd.hessian}[case.what]
        return call(transform(f), x)


class Jax:
    """JAX in double precision, warm; arguments come from NumPy and results go back there."""

    peer = True

    def __init__(self, mode, jit):
        self.mode, self.jit = mode, jit
        try:
            self.jax = importlib.import_module("jax")
        except ModuleNotFoundError as error:
            raise Unavailable("jax is not installed") from error
        self.jax.config.update("jax_enable_x64", True)
        self.numpy = importlib.import_module("jax.numpy")

    def statement(self, case):
        jax = self.jax
        if case.kind is loop and case.inputs > 100:
            raise Unavailable("the loop would be unrolled: compiling takes minutes")
        if not self.jit and (case.kind is loop or max(case.inputs, case.outputs) > 1000):
            raise Unavailable("operation by operation: out of reach")
        f, x = case.kind(case.inputs, case.outputs)(self.numpy), case.x()
        first = {"forward": jax.jacfwd, "reverse": jax.jacrev}[self.mode]
        if case.what == "hvp":
            transformed = lambda x, v: jax.jvp(jax.grad(f), (x,), (v,))[1]  # noqa: E731
            arguments = (x, case.v())
        else:
            transformed = jax.hessian(f) if case.what == "hessian" else first(f)
            arguments = (x,)
        transformed = jax.jit(transformed) if self.jit else transformed
        return call(lambda *arguments: np.asarray(transformed(*arguments)), *arguments)


CONTESTANTS: dict[str, Callable[[], Any]] = {
    "plain": Plain,
    "forward": lambda: Ours("forward"),
    "reverse": lambda: Ours("reverse"),
    "auto": lambda: Ours("auto"),
    "differences": Differences,
    "autograd": Autograd,
    "JAX reverse": lambda: Jax("reverse", False),
    "JAX reverse, jit": lambda: Jax("reverse", True),
    "JAX forward, jit": lambda: Jax("forward", True),
}


def prepare(name, contestant):
    """The statement of a contestant on a case, whose result agrees with ours; `Unavailable` where there is none."""
    case = BY_NAME[name]
    statement = CONTESTANTS[contestant]().statement(case)
    if contestant != "plain":
        reference = Ours("reverse" if case.outputs <= case.inputs else "forward").statement(case).result()
        got = statement.result()
        scale = max(1.0, float(np.max(np.abs(reference), initial=0.0)))
        tolerance = 1e-5 if contestant == "differences" else 1e-9
        if np.shape(got) != np.shape(reference) or not np.max(np.abs(got - reference), initial=0.0) < tolerance * scale:
            raise Disagreement(f"{contestant} disagrees on {name}")
    return statement


def peak(statement):
    """Bytes that one run takes at its peak."""
    run = statement.function()
    run()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        run()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def growth(statement, runs=20):
    """Bytes that stay behind after each run."""
    run = statement.function()
    for _ in range(3):
        run()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(runs):
            run()
        return max(0, tracemalloc.get_traced_memory()[0] - before) / runs
    finally:
        tracemalloc.stop()
