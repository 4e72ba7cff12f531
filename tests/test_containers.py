"""Containers as arguments and results, against the same function of one long vector and against closed forms."""

import dataclasses
import subprocess
import sys
import threading
from collections import OrderedDict, deque, namedtuple
from dataclasses import dataclass, field

import numpy as np
import pytest

import dualdiff as dd

optree = pytest.importorskip("optree")

Pair = namedtuple("Pair", "a b")


@dataclass
class Data:
    a: object
    b: object


@dataclass(frozen=True, slots=True)
class Frozen:
    a: object
    b: object


A, B = np.array([[0.3, -1.2, 0.7], [2.0, 0.1, -0.4]]), np.array([0.5, 1.5])
MAKERS = {
    "dict": (lambda a, b: {"a": a, "b": b}, lambda c: (c["a"], c["b"])),
    "ordered dict": (lambda a, b: OrderedDict(b=b, a=a), lambda c: (c["a"], c["b"])),
    "list": (lambda a, b: [a, b], tuple),
    "tuple": (lambda a, b: (a, b), tuple),
    "deque": (lambda a, b: deque([a, b]), tuple),
    "named tuple": (Pair, tuple),
    "dataclass": (Data, lambda c: (c.a, c.b)),
    "frozen dataclass": (Frozen, lambda c: (c.a, c.b)),
    "nested": (lambda a, b: {"p": [Data(a, None), (b,)], "q": None}, lambda c: (c["p"][0].a, c["p"][1][0])),
}
KINDS = pytest.mark.parametrize("kind", MAKERS)


def first(a, b):
    return np.tanh(a) @ (np.cumsum(a, axis=1).T @ b)


def second(a, b):
    return np.sum(np.exp(a) * b[:, None]) * b[0]


def long(v):
    return v[:6].reshape(2, 3), v[6:]


V = np.concatenate([A.ravel(), B])


def close(found, wanted, rtol=1e-13):
    assert np.shape(found) == np.shape(wanted)
    np.testing.assert_allclose(found, wanted, rtol=rtol, atol=1e-14)


def cut(matrix, *axes):
    """Blocks of a derivative in the long vector: axes of x, from the right."""
    where = {"a": (slice(0, 6), (2, 3)), "b": (slice(6, 8), (2,))}
    place = tuple(where[axis][0] for axis in axes)
    lead = matrix.shape[: matrix.ndim - len(axes)]
    return matrix[(..., *place)].reshape(lead + sum((where[axis][1] for axis in axes), ()))


@KINDS
def test_gradient_in_the_container_of_x(kind):
    make, take = MAKERS[kind]
    gradient = dd.grad(lambda c: second(*take(c)))(make(A, B))
    assert type(gradient) is type(make(A, B))
    want = dd.grad(lambda v: second(*long(v)))(V)
    for found, name in zip(take(gradient), "ab", strict=True):
        close(found, cut(want, name))
        assert found.flags.owndata and found.flags.c_contiguous


@KINDS
@pytest.mark.parametrize("chunk_size", [None, 1, 3, 6, 7, 8, 9])
def test_jacobian_has_the_result_outside_and_x_inside(kind, chunk_size):
    make, take = MAKERS[kind]
    calls = []

    def f(c):
        calls.append(1)
        return {"first": first(*take(c)), "second": second(*take(c))}

    value, jacobian = dd.value_and_jacobian(f, chunk_size=chunk_size)(make(A, B))
    assert len(calls) == (1 if chunk_size is None else -(-8 // chunk_size))
    assert list(jacobian) == list(value) == ["first", "second"]
    for name, g in (("first", first), ("second", second)):
        close(value[name], g(A, B))
        want = dd.jacobian(lambda v, g=g: g(*long(v)))(V)
        for found, leaf in zip(take(jacobian[name]), "ab", strict=True):
            close(found, cut(want, leaf))


@KINDS
@pytest.mark.parametrize("chunk_size", [None, 1, 3, 7])
def test_hessian_has_x_twice(kind, chunk_size):
    make, take = MAKERS[kind]
    value, gradient, hessian = dd.value_grad_and_hessian(lambda c: second(*take(c)), chunk_size=chunk_size)(make(A, B))
    want = dd.hessian(lambda v: second(*long(v)))(V)
    close(value, second(A, B))
    close(take(gradient)[0], cut(dd.grad(lambda v: second(*long(v)))(V), "a"))
    for row, p in zip(take(hessian), "ab", strict=True):
        for found, q in zip(take(row), "ab", strict=True):
            close(found, cut(want, p, q))
    assert np.array_equal(take(take(hessian)[0])[1].reshape(6, 2), take(take(hessian)[1])[0].reshape(2, 6).T)


@KINDS
def test_results_in_every_container(kind):
    make, take = MAKERS[kind]
    x = np.array([0.5, -1.5])

    def f(x):
        return make(np.outer(x, x), np.sin(x))

    value, jacobian = dd.value_and_jacobian(f)(x)
    assert type(jacobian) is type(value) is type(f(x))
    close(take(value)[0], np.outer(x, x))
    close(take(jacobian)[0], np.einsum("ik,j->ijk", np.eye(2), x) + np.einsum("jk,i->ijk", np.eye(2), x))
    close(take(jacobian)[1], np.diag(np.cos(x)))
    hessian = take(dd.hessian(f)(x))
    close(hessian[1], -np.einsum("ij,ik,i->ijk", np.eye(2), np.eye(2), np.sin(x)))


@KINDS
def test_products_along_containers(kind, rng):
    make, take = MAKERS[kind]
    T, U = rng.normal(size=A.shape), rng.normal(size=B.shape)
    t = np.concatenate([T.ravel(), U])
    y, ydot = dd.jvp(lambda c: make(first(*take(c)), take(c)[1] ** 2), (make(A, B),), (make(T, U),))
    assert type(y) is type(ydot) is type(make(A, B))
    close(take(ydot)[0], dd.jacobian(lambda v: first(*long(v)))(V) @ t)
    close(take(ydot)[1], 2.0 * B * U)
    several = dd.jvp(lambda c: first(*take(c)), (make(A, B),), (make(np.stack([T, 2 * T]), np.stack([U, 2 * U])),))[1]
    close(several, np.outer([1.0, 2.0], take(ydot)[0]))
    product = dd.hvp(lambda c: second(*take(c)), (make(A, B),), (make(T, U),))
    want = dd.hessian(lambda v: second(*long(v)))(V) @ t
    close(take(product)[0], cut(want, "a"))
    close(take(product)[1], cut(want, "b"))
    chunked = dd.hvp(lambda c: second(*take(c)), (make(A, B),), (make(T, U),), chunk_size=3)
    close(take(chunked)[0], take(product)[0])


def test_several_arguments():
    want = dd.grad(lambda v: second(*long(v)))(V)
    for argnums, places in (((0, 1), "ab"), ((1, 0), "ba"), ((-1,), "b"), ((np.int64(0), -1), "ab")):
        found = dd.grad(second, argnums=argnums)(A, B)
        assert type(found) is tuple and len(found) == len(places)
        for one, name in zip(found, places, strict=True):
            close(one, cut(want, name))
    hessian = dd.hessian(second, argnums=(1, 0))(A, B)
    close(hessian[0][1], cut(dd.hessian(lambda v: second(*long(v)))(V), "b", "a"))
    assert [np.shape(one) for one in dd.jacobian(lambda a, b, c: a * b[0] * c, argnums=(0, 2))(2.0, B, [1.0, 2.0])] \
        == [(2,), (2, 2)]  # fmt: skip
    inside = dd.grad(lambda p, c: np.sum(p["w"] * c), argnums=(0, 1))({"w": B}, 3.0)
    close(inside[0]["w"], np.full(2, 3.0))
    close(inside[1], 2.0)


def test_other_arguments_and_keywords_pass_untouched():
    seen, data, options = [], object(), {"power": 3}

    def f(p, data, *, options):
        seen.append((data, options))
        return np.sum(p["x"] ** options["power"]), {"note": "text", "seen": p["x"]}

    gradient, aux = dd.grad(f, has_aux=True)({"x": B}, data, options=options)
    assert seen[0][0] is data and seen[0][1] is options
    close(gradient["x"], 3.0 * B**2)
    assert aux["note"] == "text" and type(aux["seen"]) is np.ndarray
    aux = dd.jacobian(lambda x: (x, Data(x, "text")), has_aux=True)(B)[1]
    assert type(aux) is Data and type(aux.a) is np.ndarray and aux.b == "text"


def test_one_evaluation_whatever_the_number_of_leaves():
    calls = []

    def f(p):
        calls.append(1)
        return sum(np.sum(leaf**2) for leaf in p)

    x = [np.full(3, float(i)) for i in range(20)]
    for transform in (dd.grad, dd.hessian, dd.value_and_grad, dd.laplacian):
        calls.clear()
        transform(f)(x)
        assert len(calls) == 1
    assert dd.laplacian(f)(x) == 120.0


def test_batches_of_containers(rng):
    x = {"a": rng.normal(size=(5, 2)), "b": rng.normal(size=(5,))}

    def f(x):
        return {"y": np.sin(x["a"]) * x["b"][:, None], "z": x["b"] ** 2}

    found = dd.jacobian(f, batched=True)(x)
    for i in range(5):
        row = dd.jacobian(f)({key: x[key][i : i + 1] for key in x})
        close(found["y"]["a"][i], row["y"]["a"][0, :, 0])
        close(found["y"]["b"][i], row["y"]["b"][0, :, 0])
        close(found["z"]["b"][i], row["z"]["b"][0, 0])
    assert dd.hessian(f, batched=True)(x)["y"]["a"]["b"].shape == (5, 2, 2)
    with pytest.raises(dd.DifferentiationValueError, match="one B"):
        dd.jacobian(f, batched=True)({"a": np.ones((5, 2)), "b": np.ones(4)})


def test_nested_transforms():
    def inner(p):
        return dd.grad(lambda q: np.sum(q["a"] ** 3) * q["b"])(p)

    x = {"a": B, "b": 2.0}
    found = dd.jacobian(inner)(x)
    want = dd.hessian(lambda q: np.sum(q["a"] ** 3) * q["b"])(x)
    for p in "ab":
        for q in "ab":
            close(found[p][q], want[p][q])
    third = dd.derivative(lambda t: dd.grad(lambda q: np.sum(q["a"] ** 3) * t)({"a": B}))(2.0)
    close(third["a"], 3.0 * B**2)


def test_lists_of_numbers_stay_arrays():
    for x in ([1.0, 2.0], (1.0, 2.0)):
        assert type(dd.grad(lambda v: v[0] * v[1])(x)) is np.ndarray
        assert dd.jacobian(lambda v: [v[0] * v[1], v[0]])(x).shape == (2, 2)
        assert dd.jacobian(lambda v: (v[0] * v[1], [v[0], 1.0][0]))(x).shape == (2, 2)
    assert dd.jacobian(lambda v: [[v[0], v[1]], [1.0, v[0]]])(B).shape == (2, 2, 2)
    assert dd.grad(lambda p: p["v"][0] * p["v"][1])({"v": [2.0, 3.0]}) == {"v": [3.0, 2.0]}


def test_dtypes_stay():
    x = {"a": np.ones(2, np.float32), "b": np.ones(2), "i": np.arange(2)}
    y = dd.jvp(lambda p: {"f": p["a"] * 2, "d": p["b"] * p["i"]}, (x,), ({k: np.ones(2) for k in x},))[1]
    assert y["f"].dtype == np.float32 and y["d"].dtype == np.float64
    close(y["d"], [1.0, 2.0])


@dataclass
class Computed:
    width: float
    name: str = field(default="", metadata={"pytree_node": False})
    area: float = field(init=False)

    def __post_init__(self):
        if self.width <= 0.0:
            raise ValueError("the width must be positive")
        self.area = self.width**2


def test_fields_that_are_computed_carry_derivatives():
    gradient = dd.grad(lambda c: -c.area)(Computed(3.0, "c"))
    assert (gradient.width, gradient.name, gradient.area) == (-6.0, "c", None)
    jacobian = dd.jacobian(lambda w: Computed(w, "made"))(3.0)
    assert (jacobian.width, jacobian.name, jacobian.area) == (1.0, "made", 6.0)


@dataclass
class Asks:
    a: float
    more: dataclasses.InitVar[int]


@pytest.mark.parametrize("call, error, words", [
    (lambda: dd.grad(lambda p: 0.0)({"a": "text"}), TypeError, ("x['a']", "str")),
    (lambda: dd.grad(lambda p: 0.0)({"a": {"b": np.array([True])}}), TypeError, ("x['a']['b']", "truth")),
    (lambda: dd.grad(lambda p: 0.0)(Data(np.ones(2), object())), TypeError, ("x.b", "object")),
    (lambda: dd.grad(lambda p: 0.0)(Asks(1.0, 2)), TypeError, ("Asks", "constructor")),
    (lambda: dd.grad(lambda p: p)({"a": 1.0}), TypeError, ("container", "jacobian", "has_aux")),
    (lambda: dd.jacobian(lambda p: {"r": "text"})(1.0), TypeError, ("result['r']", "str")),
    (lambda: dd.jacobian(lambda p: (p["a"], 1.0))({"a": B}), ValueError, ("ragged", "arrays")),
    (lambda: dd.grad(second, argnums=(0, 0))(A, B), ValueError, ("twice",)),
    (lambda: dd.grad(second, argnums=(0, -2))(A, B), ValueError, ("twice",)),
    (lambda: dd.grad(second, argnums=())(A, B), TypeError, ("argnums",)),
    (lambda: dd.grad(second, argnums=(0, 1.0))(A, B), TypeError, ("argnums",)),
    (lambda: dd.jvp(lambda p: p["a"], ({"a": B},), ({"b": B},)), ValueError, ("built as its primal", "dict")),
    (lambda: dd.jvp(lambda p: p["a"], ({"a": B},), ({"a": np.ones(3)},)), ValueError, ("tangent 0['a']", "(2,)")),
    (lambda: dd.derivative(lambda p: p["a"])({"a": B}), TypeError, ("dict", "jacobian")),
    (lambda: dd.grad(lambda x: x[0][0])([[1.0, 2.0], [3.0, 4.0]]), TypeError, ("list",)),
    (lambda: dd.hvp(lambda p: p, ({"a": 1.0},), ({"a": 1.0},)), ValueError, ("container", "scalar")),
])  # fmt: skip
def test_refusals(call, error, words):
    with pytest.raises(error) as caught:
        call()
    assert isinstance(caught.value, dd.DualDiffError)
    for word in words:
        assert word in str(caught.value)


def test_lost_tangents_in_constructors_are_loud():
    @dataclass
    class Rounded:
        a: float

        def __post_init__(self):
            self.a = float(self.a)

    with pytest.raises(dd.LostTangentError):
        dd.grad(lambda r: r.a)(Rounded(1.0))


def test_the_long_vector_of_propagation_and_determinants():
    x = {"b": np.array([2.0, 3.0]), "a": 5.0}
    value, cov = dd.propagate(lambda p: p["a"] * p["b"], x, np.diag([0.01, 0.04, 0.09]))
    J = np.array([[2.0, 5.0, 0.0], [3.0, 0.0, 5.0]])  # the keys are sorted: a, then b
    close(cov, J @ np.diag([0.01, 0.04, 0.09]) @ J.T)
    close(dd.logabsdet_jacobian(lambda p: {k: 2.0 * p[k] for k in p})(x), 3.0 * np.log(2.0))


def test_threads_may_meet_a_dataclass_for_the_first_time_together():
    @dataclass
    class New:
        a: object

    found, barrier = [], threading.Barrier(8)

    def work():
        barrier.wait()
        found.append(dd.grad(lambda n: np.sum(n.a**2))(New(B)).a)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8 and all(np.array_equal(one, 2.0 * B) for one in found)


WITHOUT = """
import sys
sys.modules["optree"] = None
import numpy as np, dualdiff as dd
dd.grad(lambda v: v[0] * v[1])([1.0, 2.0]); dd.grad(lambda v: v @ v)(np.ones(3))
dd.jacobian(lambda v: [v[0], 1.0])((1.0,))
assert dd.grad(lambda a, b: a * b, argnums=(0, 1))(2.0, 3.0) == (3.0, 2.0)
try:
    dd.grad(lambda p: p["a"])({"a": 1.0})
except dd.DifferentiationTypeError as error:
    assert "python -m pip install optree" in str(error), error
else:
    raise AssertionError("no error")
"""


def test_without_optree():
    code = "import sys, dualdiff as dd; dd.grad(lambda v: v[0])([1.0]); assert 'optree' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
    subprocess.run([sys.executable, "-c", WITHOUT], check=True)
