"""Who differentiates: one class per contestant, each used the way its own documentation recommends.

The rules are the same for all. What can be done once is done once and is not timed: compiling, tracing, building the
gradient function, choosing a type of fixed size. What every call with a new ``x`` needs is timed: seeding, evaluating,
reading the derivative off. Arguments and results are what the library naturally takes and gives (lists for num-dual,
NumPy arrays for JAX, which is read back to NumPy and so synchronised). Nobody is timed whose result is wrong.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import math
import operator
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from .problems import (
    GRADIENT,
    HESSIAN,
    JACOBIAN,
    JVP,
    OPERATORS,
    PROBLEMS,
    SPARSE_HESSIAN,
    SPARSE_JACOBIAN,
    Operator,
    Problem,
    small_operands,
)  # fmt: skip
from .timing import Statement, call

EPSILON = np.finfo(float).eps
SLOWEST = 2.0  # seconds of one run of a peer that are worth waiting for


class Unavailable(Exception):
    """A rival that is not installed or cannot run this problem; the message says which."""


class Disagreement(AssertionError):
    """A rival whose derivative is wrong."""


class Rival:
    """A contestant. A subclass has a method per kind of derivative that it offers, which returns a `Statement`.

    Attributes
    ----------
    name : str
        The name in tables and in asv.
    distribution, module : str
        What pip and import call it; empty when there is nothing to install.
    peer : bool
        Whether it is another library, which may be missing or fail; our own failures are never skipped.
    forward : bool
        Whether it is a peer whose gradients go forward, column by column.
    rtol : dict
        How closely its result must agree with the derivative written by hand, relative to the largest entry.
    most_elements : float
        The largest ``x`` worth waiting for.
    note : str
        How it is used, for the table's legend.
    """

    name = distribution = module = note = ""
    peer, forward = True, False
    rtol = dict.fromkeys((GRADIENT, JACOBIAN, HESSIAN, JVP, SPARSE_JACOBIAN, SPARSE_HESSIAN), 1e-11)
    most_elements = math.inf

    def load(self) -> None:
        """Import the library, once."""
        if self.module:
            try:
                setattr(self, self.module, importlib.import_module(self.module))
            except ModuleNotFoundError as error:
                if error.name != self.module:
                    raise
                raise Unavailable(f"{self.distribution} is not installed") from error

    def version(self) -> str:
        return importlib.metadata.version(self.distribution) if self.distribution else ""

    def statement(self, problem: Problem) -> Statement:
        method = getattr(self, problem.what, None)
        if method is None:
            raise Unavailable(f"{self.name} does not offer this derivative")
        arguments = problem.arguments()
        if len(arguments[0]) > self.most_elements:
            raise Unavailable(f"one Python object per element: {len(arguments[0])} elements are out of reach")
        return method(problem, *arguments)

    def reach(self, x, most, why):
        """Refuse more than ``most`` variables."""
        if len(x) > most:
            raise Unavailable(f"{why}: {len(x)} variables are out of reach")


class Plain(Rival):
    name = "plain"
    peer = False
    note = "the function itself on plain numbers, without any derivative: the unit"

    def statement(self, problem):
        return call(problem.make(np), problem.arguments()[0])

    def operands(self, x, y, dx, dy):
        return x, y, lambda z: (z, None)


class DualDiff(Rival):
    name = module = "dualdiff"
    distribution = "dualdiff-ad"
    peer = False
    note = 'the unmodified NumPy function; `mode="auto"`, nothing compiled at run time'

    def operands(self, x, y, dx, dy):
        array = self.dualdiff.DualArray
        return array(x, dx), array(y, dy), lambda z: (z.value, z.tangent)

    def make(self, problem):
        return problem.make(np)

    def gradient(self, problem, x):
        return call(self.dualdiff.grad(self.make(problem)), x)

    def jacobian(self, problem, x):
        return call(self.dualdiff.jacobian(self.make(problem)), x)

    def hessian(self, problem, x):
        return call(self.dualdiff.hessian(self.make(problem)), x)

    def sparse_jacobian(self, problem, x):
        return call(self.dualdiff.jacobian(self.make(problem), sparse=True), x)

    def sparse_hessian(self, problem, x):
        return call(self.dualdiff.hessian(self.make(problem), sparse=True), x)

    def jvp(self, problem, x, v):
        names = {"jvp": self.dualdiff.jvp, "f": self.make(problem), "x": x, "v": v}
        return Statement("jvp(f, (x,), (v,))", names)


class Told(Rival):
    name, module, distribution = "dualdiff told", "dualdiff", "dualdiff-ad"
    peer = False
    note = "told what it cannot know: JVPs with `blockwise=True`; sparse derivatives by `dualdiff.sparse.jacobian` " \
           "along the colours of a pattern that is given to it, of the recorded gradient for a Hessian"

    def jvp(self, problem, x, v):
        names = {"jvp": self.dualdiff.jvp, "f": problem.make(np), "x": x, "v": v}
        return Statement("jvp(f, (x,), (v,), blockwise=True)", names)

    def sparse_jacobian(self, problem, x):
        return call(self.dualdiff.sparse.jacobian(problem.make(np), problem.exact(x), verify=False), x)

    def sparse_hessian(self, problem, x):
        gradient = self.dualdiff.grad(problem.make(np), mode="reverse")
        return call(self.dualdiff.sparse.jacobian(gradient, problem.exact(x), symmetric=True, verify=False), x)


class Replayed(DualDiff):
    name, module = "dualdiff replayed", "dualdiff"
    note = "the unmodified NumPy function, marked by `dualdiff.replay`: recorded and compared at its first two calls," \
           " which are not timed"
    operands = None

    def make(self, problem):
        return self.dualdiff.replay(problem.make(np))

    def statement(self, problem):
        found = super().statement(problem)
        place = "x" if "x" in found.names else "a0"
        x = found.names[place]
        for factor in (1.0, 1.03125):  # after two comparisons a program is trusted
            near = [factor * one for one in x] if isinstance(x, list) else factor * x
            eval(found.text, {**found.names, place: near})
        marked = found.names.get("f") or found.names["call"]
        if marked.refusals:
            raise Unavailable("; ".join(marked.refusals.values()))
        return found


class Jax(Rival):
    name = "JAX forward"
    distribution = module = "jax"
    forward = True
    note = "`jit(jacfwd)`, `jit(jacfwd(jacfwd))`, `jit(jvp)`; warm, float64, one XLA thread, NumPy in and out; " \
           "sparse: `jit(vmap(jvp))` along the colours of the pattern, which are given to it"

    def load(self):
        super().load()
        self.jax.config.update("jax_enable_x64", True)
        # On one core a dispatch thread only adds switches: JAX is faster without it.
        self.jax.config.update("jax_cpu_enable_async_dispatch", False)

    def statement(self, problem):
        if problem.unrolled:
            raise Unavailable("unrolls the loop when it compiles, which takes minutes")
        return super().statement(problem)

    def _compiled(self, transform, problem, x):
        compiled = self.jax.jit(transform(problem.make(self.jax.numpy)))
        return Statement("asarray(derivative(x))", {"asarray": np.asarray, "derivative": compiled, "x": np.asarray(x)})

    def _along_colours(self, push, problem, x):
        """A sparse matrix from its products with one direction for each colour of its columns."""
        from scipy.sparse import csr_array

        from dualdiff.sparse import column_colouring

        pattern = problem.exact(x)
        colours = np.asarray(column_colouring(pattern))
        seeds = self.jax.numpy.asarray(np.arange(colours.max() + 1)[:, None] == colours, dtype=float)
        products = self.jax.jit(lambda x: self.jax.vmap(lambda seed: push(x, seed))(seeds))
        rows = np.repeat(np.arange(pattern.shape[0]), np.diff(pattern.indptr))
        places = colours[pattern.indices], rows
        indices, indptr, shape = pattern.indices, pattern.indptr, pattern.shape

        def derivative(x):
            return csr_array((np.asarray(products(x))[places], indices, indptr), shape=shape)

        return call(derivative, x)

    def gradient(self, problem, x):
        self.reach(x, 10**3, "a column of n numbers for each of n variables")
        return self._compiled(self.jax.jacfwd, problem, x)

    def jacobian(self, problem, x):
        return self._compiled(self.jax.jacfwd, problem, x)

    def sparse_jacobian(self, problem, x):
        f = problem.make(self.jax.numpy)
        return self._along_colours(lambda x, seed: self.jax.jvp(f, (x,), (seed,))[1], problem, x)

    def hessian(self, problem, x):
        return self._compiled(lambda f: self.jax.jacfwd(self.jax.jacfwd(f)), problem, x)

    def jvp(self, problem, x, v):
        jax, f = self.jax, problem.make(self.jax.numpy)
        compiled = jax.jit(lambda x, v: jax.jvp(f, (x,), (v,)))
        names = {"asarray": np.asarray, "jvp": compiled, "x": x, "v": v}
        return Statement("[asarray(part) for part in jvp(x, v)]", names)


class JaxReverse(Jax):
    name = "JAX reverse"
    note = "`jit(grad)`, `jit(jacrev)`, `jit(hessian)` (forward over reverse); otherwise as JAX forward"
    forward = False
    jvp = sparse_jacobian = None

    def gradient(self, problem, x):
        return self._compiled(self.jax.grad, problem, x)

    def jacobian(self, problem, x):
        return self._compiled(self.jax.jacrev, problem, x)

    def hessian(self, problem, x):
        return self._compiled(self.jax.hessian, problem, x)

    def sparse_hessian(self, problem, x):
        gradient = self.jax.grad(problem.make(self.jax.numpy))
        return self._along_colours(lambda x, seed: self.jax.jvp(gradient, (x,), (seed,))[1], problem, x)


class Autograd(Rival):
    name = distribution = module = "autograd"
    note = "`grad`, `jacobian` (columns by `make_jvp` where inputs are fewer than outputs), `hessian`, `make_jvp`"

    def load(self):
        super().load()
        self.numpy = importlib.import_module("autograd.numpy")

    def gradient(self, problem, x):
        return call(self.autograd.grad(problem.make(self.numpy)), np.asarray(x))

    def jacobian(self, problem, x):
        f = problem.make(self.numpy)
        if len(x) >= len(problem.make(np)(x)):
            return call(self.autograd.jacobian(f), x)
        pushforward, seeds = self.autograd.make_jvp(f), list(np.eye(len(x)))

        def columns(x):
            push = pushforward(x)
            return np.stack([push(seed)[1] for seed in seeds], axis=-1)

        return call(columns, x)

    def hessian(self, problem, x):
        return call(self.autograd.hessian(problem.make(self.numpy)), np.asarray(x))

    def jvp(self, problem, x, v):
        pushforward = self.autograd.make_jvp(problem.make(self.numpy))
        return Statement("pushforward(x)(v)", {"pushforward": pushforward, "x": x, "v": v})


def _on_list(problem, x):
    """The function for libraries that hand over lists of their scalars: in an object array where f wants an array."""
    f = problem.make(np)
    return f if isinstance(x, list) else lambda scalars: f(np.array(scalars))


class NumDual(Rival):
    name, distribution, module = "num-dual", "num-dual", "num_dual"
    most_elements = 2048
    forward = True
    note = "`gradient`, `jacobian`, `hessian`; `Dual64` in an object array for JVPs"

    def gradient(self, problem, x):
        return call(self.num_dual.gradient, _on_list(problem, x), list(map(float, x)), read=operator.itemgetter(1))

    def jacobian(self, problem, x):
        return call(self.num_dual.jacobian, _on_list(problem, x), list(map(float, x)), read=operator.itemgetter(1))

    def hessian(self, problem, x):
        return call(self.num_dual.hessian, _on_list(problem, x), list(map(float, x)), read=operator.itemgetter(2))

    def jvp(self, problem, x, v):
        f, dual = problem.make(np), self.num_dual.Dual64

        def push(x, v):
            y = f(np.array(list(map(dual, x, v))))
            return [d.value for d in y], [d.first_derivative for d in y]

        return call(push, x.tolist(), v.tolist())


class HyperJet(Rival):
    name = distribution = module = "hyperjet"
    most_elements = 2048
    forward = True
    note = "scalars of fixed size up to 16 variables (`D10Scalar`, `DD10Scalar`), else `DScalar`, `DDScalar`"

    def _scalar(self, order, n):
        return getattr(self.hyperjet, f"{'D' * order}{n if n <= 16 else ''}Scalar")

    def gradient(self, problem, x):
        names = {"f": _on_list(problem, x), "variables": self._scalar(1, len(x)).variables, "x": list(map(float, x))}
        return Statement("f(variables(x)).g", names)

    def jacobian(self, problem, x):
        names = {"f": _on_list(problem, x), "variables": self._scalar(1, len(x)).variables, "x": x.tolist()}
        return Statement("d(f(variables(x)))", {"d": self.hyperjet.d, **names})

    def hessian(self, problem, x):
        names = {"f": _on_list(problem, x), "variables": self._scalar(2, len(x)).variables, "x": list(map(float, x))}
        return Statement("f(variables(x)).hm()", names)

    def jvp(self, problem, x, v):
        f, scalar, value, slope = problem.make(np), self.hyperjet.D1Scalar, self.hyperjet.f, self.hyperjet.d

        def push(x, v):
            y = f(np.array(list(map(scalar, zip(x, v, strict=True)))))
            return value(y), slope(y)[:, 0]

        return call(push, x.tolist(), v.tolist())

    def operands(self, x, y, dx, dy):
        scalar = self.hyperjet.D4Scalar
        X, Y = (np.array([scalar([a, *da]) for a, da in zip(u, du.T, strict=True)]) for u, du in ((x, dx), (y, dy)))
        return X, Y, lambda z: (self.hyperjet.f(z), self.hyperjet.d(z).T)


class FastDual(Rival):
    name = distribution = module = "fastdual"
    most_elements = 2048
    forward = True
    note = "`Dual` and `der` for loops, `DualArray` and `jac` for arrays, `autohess`"

    def _function(self, problem):
        # Data that f captures become DualArrays too: a fastdual scalar refuses a plain array beside it.
        def asarray(a):
            return np.asarray(a, dtype=object).view(self.fastdual.DualArray)

        return problem.make(SimpleNamespace(**{**vars(np), "asarray": asarray}))

    def gradient(self, problem, x):
        f, dual = problem.make(np), self.fastdual.Dual

        def gradient(x):
            seeds = [dual(v) for v in x]
            y = f(seeds)
            return [y.der(seed) for seed in seeds]

        return call(gradient, x)

    def jacobian(self, problem, x):
        f, array, jac = self._function(problem), self.fastdual.DualArray, self.fastdual.jac

        def jacobian(x):
            seeds = array(x)
            return jac(f(seeds), seeds)

        return call(jacobian, x)

    def hessian(self, problem, x):
        f = _on_list(problem, x)
        return call(self.fastdual.autohess(lambda *scalars: f(scalars)), *x, read=operator.itemgetter(1))

    def jvp(self, problem, x, v):
        f, array, val = problem.make(np), self.fastdual.DualArray, self.fastdual.val

        def push(x, v):
            seeds = array(x)
            y = f(seeds)
            return val(y), [a.der(seed) * b for a, seed, b in zip(y.tolist(), seeds.tolist(), v, strict=True)]

        return call(push, x, v.tolist())

    def operands(self, x, y, dx, dy):
        seeds = [self.fastdual.Dual(0.0) for _ in dx]

        def dense(u, du):
            scalars = [a + sum(map(operator.mul, da, seeds)) for a, da in zip(u, du.T.tolist(), strict=True)]
            return self.fastdual.DualArray(scalars)

        return (
            dense(x.tolist(), dx),
            dense(y.tolist(), dy),
            lambda z: (self.fastdual.val(z), self.fastdual.jac(z, seeds).T),
        )


class CasADi(Rival):
    name, distribution, module = "CasADi", "casadi", "casadi"
    note = "the derivative's own expression graph built once (`SX` for loops, `MX` for arrays), run through `buffer()`"

    def _symbols(self, problem, x):
        ca = self.casadi
        namespace = SimpleNamespace(
            exp=ca.exp, log=ca.log, sqrt=ca.sqrt, tanh=ca.tanh, sum=ca.sum1, max=ca.mmax, asarray=ca.DM
        )
        f = problem.make(namespace)
        if not isinstance(x, list):
            return f, ca.MX.sym("x", len(x))
        symbol = ca.SX.sym("x", len(x))
        return (lambda x: f(ca.vertsplit(x))), symbol

    def _sparse(self, symbol, result, x):
        """As `_buffered`, for the entries of one sparse result."""
        from scipy.sparse import csr_array

        transposed = self.casadi.transpose(result)  # by columns, as CasADi is: rows of the result
        indptr, indices, shape = *(np.array(part) for part in transposed.sparsity().get_ccs()), result.shape
        statement = self._buffered([symbol], [transposed.nz[:]], [x])
        run = statement.names["call"]
        return call(lambda x: csr_array((run(x), indices, indptr), shape=shape), x)

    def _buffered(self, symbols, results, arguments):
        """A function of NumPy arrays that evaluates the graph straight between their memories."""
        ca = self.casadi
        function = ca.Function("derivative", symbols, [ca.densify(ca.transpose(r)) for r in results])
        buffer, evaluate = function.buffer()
        inputs = [np.array(a, dtype=float) for a in arguments]
        outputs = [np.empty(r.shape) if r.shape[1] > 1 else np.empty(r.shape[0]) for r in results]
        for i, a in enumerate(inputs):
            buffer.set_arg(i, memoryview(a))
        for i, a in enumerate(outputs):
            buffer.set_res(i, memoryview(a))

        if len(inputs) == len(outputs) == 1:
            (inside,), (outside,) = inputs, outputs

            def run(x):
                inside[:] = x
                evaluate()
                return outside.copy()
        else:

            def run(*arguments):
                for inside, argument in zip(inputs, arguments, strict=True):
                    inside[:] = argument
                evaluate()
                return [outside.copy() for outside in outputs]

        run.keep = function, buffer
        return call(run, *arguments)

    def gradient(self, problem, x):
        f, symbol = self._symbols(problem, x)
        return self._buffered([symbol], [self.casadi.gradient(f(symbol), symbol)], [x])

    def jacobian(self, problem, x):
        f, symbol = self._symbols(problem, x)
        return self._buffered([symbol], [self.casadi.jacobian(f(symbol), symbol)], [x])

    def hessian(self, problem, x):
        f, symbol = self._symbols(problem, x)
        return self._buffered([symbol], [self.casadi.hessian(f(symbol), symbol)[0]], [x])

    def sparse_jacobian(self, problem, x):
        f, symbol = self._symbols(problem, x)
        return self._sparse(symbol, self.casadi.jacobian(f(symbol), symbol), x)

    def sparse_hessian(self, problem, x):
        f, symbol = self._symbols(problem, x)
        return self._sparse(symbol, self.casadi.hessian(f(symbol), symbol)[0], x)

    def jvp(self, problem, x, v):
        f, symbol = self._symbols(problem, x)
        direction = self.casadi.MX.sym("v", len(v))
        y = f(symbol)
        return self._buffered([symbol, direction], [y, self.casadi.jtimes(y, symbol, direction)], [x, v])


class CentralDifferences(Rival):
    name = "differences"
    peer = False
    note = "central differences, 2n evaluations for n inputs and 2n² for a Hessian; not exact"
    rtol = {GRADIENT: 1e-7, JACOBIAN: 1e-7, HESSIAN: 1e-5, JVP: 1e-7}

    def gradient(self, problem, x):
        self.reach(x, 10**4, "two evaluations for each variable")
        f, root = problem.make(np), EPSILON ** (1 / 3)

        def gradient(x):
            x, columns = x.copy(), []
            for i, middle in enumerate(x):
                h = root * max(1.0, abs(middle))
                x[i] = middle + h
                above = f(x)
                x[i] = middle - h
                columns.append((above - f(x)) / (2 * h))
                x[i] = middle
            return np.array(columns).T

        return call(gradient, x)

    jacobian = gradient

    def hessian(self, problem, x):
        f, root = problem.make(np), EPSILON ** (1 / 4)

        def hessian(x):
            n, middle, value, x = len(x), list(x), f(x), x.copy()
            steps = [root * max(1.0, abs(v)) for v in middle]
            result = np.empty((n, n))
            for i, h in enumerate(steps):
                for j, k in enumerate(steps[:i]):
                    x[i], x[j] = middle[i] + h, middle[j] + k
                    total = f(x)
                    x[i] = middle[i] - h
                    total -= f(x)
                    x[j] = middle[j] - k
                    total += f(x)
                    x[i] = middle[i] + h
                    total -= f(x)
                    x[j] = middle[j]
                    result[i, j] = result[j, i] = total / (4 * h * k)
                x[i] = middle[i] + h
                total = f(x) - 2 * value
                x[i] = middle[i] - h
                result[i, i] = (total + f(x)) / (h * h)
                x[i] = middle[i]
            return result

        return call(hessian, x)

    def jvp(self, problem, x, v):
        f = problem.make(np)

        def push(x, v):
            h = EPSILON ** (1 / 3)
            return f(x), (f(x + h * v) - f(x - h * v)) / (2 * h)

        return call(push, x, v)


class HandWritten(Rival):
    name = "by hand"
    peer = False
    note = "the derivative written out with plain Python or NumPy, as `problems.py` shows it"

    def statement(self, problem):
        return call(problem.exact, *problem.arguments())


RIVALS: dict[str, Rival] = {
    rival.name: rival
    for rival in (
        Plain(), DualDiff(), Told(), Replayed(), Jax(), JaxReverse(), Autograd(), NumDual(), HyperJet(), FastDual(),
        CasADi(), CentralDifferences(), HandWritten(),
    )
}  # fmt: skip
PROBLEM: dict[str, Problem] = {problem.name: problem for problem in PROBLEMS}
OPERATOR: dict[str, Operator] = {row.text: row for row in OPERATORS}


def check_agreement(found, expected, rtol: float, who: str) -> None:
    """Raise `Disagreement` unless every part agrees within ``rtol`` of the largest expected entry."""
    if not isinstance(expected, tuple):
        found, expected = (found,), (expected,)
    for part, wanted in zip(found, expected, strict=True):
        if hasattr(wanted, "tocsr") and part.shape == wanted.shape:
            worst = abs(part - wanted).max() / abs(wanted).max()
            if not worst <= rtol:
                raise Disagreement(f"{who}: the result is off by {worst:.1e} of its largest entry")
            continue
        part, wanted = np.asarray(part, dtype=float), np.asarray(wanted, dtype=float)
        if part.shape != wanted.shape:
            raise Disagreement(f"{who}: the result has shape {part.shape}, expected {wanted.shape}")
        worst = np.max(np.abs(part - wanted)) / np.max(np.abs(wanted))
        if not worst <= rtol:
            raise Disagreement(f"{who}: the result is off by {worst:.1e} of its largest entry")


def _first_result(rival: Rival, build: Callable[[], Statement]) -> tuple[Statement, Any]:
    """Load the rival, build its statement and run it once; a peer that fails is unavailable, and why is said."""
    try:
        rival.load()
        statement = build()
        begin = time.perf_counter()
        result = statement.result()
        if rival.peer and time.perf_counter() - begin > SLOWEST:
            begin = time.perf_counter()  # the first time it may have compiled
            statement.result()
            if (elapsed := time.perf_counter() - begin) > SLOWEST:
                raise Unavailable(f"one run takes {elapsed:.2g} s")
        return statement, result
    except Unavailable:
        raise
    except Exception as error:
        if not rival.peer:
            raise
        reason = " ".join(str(error).split())
        raise Unavailable(f"does not run this as written ({type(error).__name__}: {reason[:120]})") from error


DIFFERENCES = CentralDifferences.rtol


def check_along_direction(problem: Problem, derivative, who: str) -> None:
    """Hold a derivative written by hand against central differences along one direction only."""
    x, *given = problem.arguments()
    f, x = problem.make(np), np.asarray(x)
    v = given[0] if given else np.random.default_rng(0).normal(size=x.shape)
    h = 1e-4
    above, below = f(x + h * v), f(x - h * v)
    if problem.what == JVP:
        check_agreement(derivative[1], (above - below) / (2 * h), 1e-4, who)
    elif problem.what in (HESSIAN, SPARSE_HESSIAN):
        check_agreement(v @ (derivative @ v), (above - 2 * f(x) + below) / h**2, 1e-4, who)
    else:
        check_agreement(derivative @ v, (above - below) / (2 * h), 1e-4, who)


@functools.cache
def prepare(problem_name: str, rival_name: str) -> Statement:
    """As `prepare_problem`, for a problem that is listed."""
    return prepare_problem(PROBLEM[problem_name], rival_name)


def prepare_problem(problem: Problem, rival_name: str) -> Statement:
    """The statement to time, after its result has been checked. Raises `Unavailable` or `Disagreement`."""
    rival, problem_name = RIVALS[rival_name], problem.name
    statement, result = _first_result(rival, lambda: rival.statement(problem))
    if rival_name == Plain.name:
        assert np.all(np.isfinite(result))
    elif rival_name == HandWritten.name and (len(problem.arguments()[0]) > 2048 or problem.what not in DIFFERENCES):
        check_along_direction(problem, result, f"{rival_name}, {problem_name}")
    elif rival_name == HandWritten.name:
        differences = RIVALS[CentralDifferences.name]
        expected = differences.statement(problem).result()
        check_agreement(result, expected, differences.rtol[problem.what], f"{rival_name}, {problem_name}")
    else:
        expected = problem.exact(*problem.arguments())
        check_agreement(result, expected, rival.rtol[problem.what], f"{rival_name}, {problem_name}")
    return statement


@functools.cache
def prepare_operator(text: str, rival_name: str) -> Statement:
    """As `prepare`, for an operation on small arrays with dense tangents."""
    rival = RIVALS[rival_name]
    x, y, c = small_operands()
    dx, dy = np.random.default_rng(44).normal(size=(2, 4, 4))

    def build():
        if not getattr(rival, "operands", None):
            raise Unavailable(f"{rival.name} has no eager arrays with several tangents")
        X, Y, read = rival.operands(x, y, dx, dy)
        return Statement(text, {"np": np, "x": X, "y": Y, "c": c}, read)

    statement, (value, tangent) = _first_result(rival, build)

    def plain(h, j):
        return eval(text, {"np": np, "x": x + h * dx[j], "y": y + h * dy[j], "c": c})

    who, h = f"{rival_name}, {text}", 1e-5
    check_agreement(value, plain(0.0, 0), 1e-14, who)
    if tangent is not None:
        check_agreement(tangent, np.array([(plain(h, j) - plain(-h, j)) / (2 * h) for j in range(4)]), 1e-7, who)
    return statement
