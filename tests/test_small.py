"""NumPy functions on small dual arrays: the shortcut says what the rule says, of everything, errors included."""

import warnings
from contextlib import contextmanager

import numpy as np
import pytest

import dualdiff as dd
from dualdiff import _small, points, protocols
from dualdiff._array import make, pairs

ARRAYS = (dd.DualArray, dd.HyperDualArray)
NAN, INF = np.nan, np.inf
TRIANGLE, FULL, DIAGONAL = 0, 1, 2

# -- functions of two operands of one shape, vectors of three or matrices 2 × 3 ----------------------------------------

COLUMN = np.array([[0.5], [-1.5], [2.5]])
MATRIX = np.array([[1.5, -0.25, 3.0], [0.75, 2.0, -1.0], [0.1, 0.2, 0.3]])
VECTOR = np.array([2.0, -1.0, 0.5])
CHOICE = np.array([True, False, True])

VECTORS = {
    "sum": lambda x, y: np.sum(x),
    "sum, kept": lambda x, y: np.sum(x, keepdims=True),
    "x.sum(0)": lambda x, y: x.sum(0),
    "sum along -1": lambda x, y: np.sum(x, axis=-1),
    "mean": lambda x, y: np.mean(x),
    "x.mean": lambda x, y: x.mean(axis=0, keepdims=True),
    "cumsum": lambda x, y: np.cumsum(x),
    "max": lambda x, y: np.max(x),
    "x.max": lambda x, y: x.max(axis=0),
    "min": lambda x, y: np.min(x, keepdims=True),
    "amin": lambda x, y: np.amin(x, 0),
    "dot": lambda x, y: np.dot(x, y),
    "dot with itself": lambda x, y: np.dot(x, x),
    "x.dot": lambda x, y: x.dot(VECTOR),
    "x @ y": lambda x, y: x @ y,
    "x @ M": lambda x, y: x @ MATRIX,
    "M @ x": lambda x, y: MATRIX @ x,
    "M.T @ x": lambda x, y: MATRIX.T @ x,
    "dot M": lambda x, y: np.dot(MATRIX, x),
    "c @ x": lambda x, y: VECTOR @ x,
    "x @ column": lambda x, y: x @ COLUMN,
    "matmul": lambda x, y: np.matmul(x, y),
    "inner": lambda x, y: np.inner(x, y),
    "inner, plain": lambda x, y: np.inner(VECTOR, x),
    "inner, matrix": lambda x, y: np.inner(MATRIX, x),
    "vdot": lambda x, y: np.vdot(x, y),
    "vecdot": lambda x, y: np.vecdot(x, y),
    "outer": lambda x, y: np.outer(x, y),
    "outer, plain": lambda x, y: np.outer(VECTOR, x),
    "linalg.outer": lambda x, y: np.linalg.outer(x, VECTOR),
    "cross": lambda x, y: np.cross(x, y),
    "cross, plain": lambda x, y: np.cross(x, VECTOR),
    "cross, plain left": lambda x, y: np.cross(VECTOR, x),
    "cross with rows": lambda x, y: np.cross(MATRIX, x),
    "linalg.cross": lambda x, y: np.linalg.cross(x, y),
    "norm": lambda x, y: np.linalg.norm(x),
    "norm, 2": lambda x, y: np.linalg.norm(x, 2),
    "norm, axis": lambda x, y: np.linalg.norm(x, axis=0),
    "norm, 1": lambda x, y: np.linalg.norm(x, 1),
    "norm, inf": lambda x, y: np.linalg.norm(x, np.inf),
    "vector_norm": lambda x, y: np.linalg.vector_norm(x),
    "concatenate": lambda x, y: np.concatenate([x, y]),
    "concatenate, plain": lambda x, y: np.concatenate((VECTOR, x, VECTOR), axis=-1),
    "stack": lambda x, y: np.stack([x, VECTOR, y]),
    "stack behind": lambda x, y: np.stack([x, VECTOR, y], axis=-1),
    "hstack": lambda x, y: np.hstack([x, VECTOR]),
    "vstack": lambda x, y: np.vstack([VECTOR, x]),
    "column_stack": lambda x, y: np.column_stack([VECTOR, x]),
    "append": lambda x, y: np.append(x, y),
    "lists": lambda x, y: np.cross([0.0, 0, 1], x),
    "integers": lambda x, y: np.dot(np.arange(9).reshape(3, 3), x),
    "float32 beside": lambda x, y: x @ VECTOR.astype(np.float32),
    "join lists": lambda x, y: np.concatenate([[0.5], x, (1, 2)]),
    "truth values": lambda x, y: np.outer(x, CHOICE),
    "lists of lists": lambda x, y: np.dot([[1.0, 2.0, 3.0]], x),
    "append list": lambda x, y: np.append(x, [1.0, 2]),
    "append number": lambda x, y: np.append(x, 1.0),
    "where": lambda x, y: np.where(CHOICE, x, y),
    "where number": lambda x, y: np.where(CHOICE, 2, x),
    "where plain": lambda x, y: np.where(CHOICE, x, VECTOR),
    "where value": lambda x, y: np.where(dd.value(x) > dd.value(y), x, 0.0),
    "where broadcast": lambda x, y: np.where(True, x, y),
    "reshape": lambda x, y: x.reshape(3, 1),
    "reshape -1": lambda x, y: np.reshape(x, (-1, 1)),
    "ravel": lambda x, y: x.ravel(),
    "T": lambda x, y: x.T,
    "squeeze": lambda x, y: np.squeeze(x.reshape(1, 3)),
    "expand_dims": lambda x, y: np.expand_dims(x, 1),
    "broadcast_to": lambda x, y: np.broadcast_to(x, (2, 3)),
    "flip": lambda x, y: np.flip(x),
    "roll": lambda x, y: np.roll(x, 1),
    "tile": lambda x, y: np.tile(x, (2, 2)),
    "repeat": lambda x, y: np.repeat(x, 2),
    "delete": lambda x, y: np.delete(x, 1),
    "diagflat": lambda x, y: np.diagflat(x, 1),
    "resize": lambda x, y: np.resize(x, (2, 2)),
    "var": lambda x, y: np.var(x),
    "var, ddof": lambda x, y: x.var(ddof=1, keepdims=True),
    "std": lambda x, y: np.std(x, 0),
    "zeros_like": lambda x, y: np.zeros_like(x),
    "ones_like": lambda x, y: np.ones_like(x),
    "split": lambda x, y: np.split(x, 3),
    "atleast_1d": lambda x, y: np.atleast_1d(x),
    "atleast_2d": lambda x, y: np.atleast_2d(x),
    "sort": lambda x, y: np.sort(x),
    "diag": lambda x, y: np.diag(x, 1),
    "take": lambda x, y: np.take(x, [2, 0, 0]),
    "pad": lambda x, y: np.pad(x, 1),
    "argmax": lambda x, y: np.argmax(x),
    "argsort": lambda x, y: x.argsort(),
    "any": lambda x, y: np.any(x),
    "isnan": lambda x, y: np.isnan(x),
    "shape": lambda x, y: np.shape(x),
    "size": lambda x, y: np.size(x, 0),
}

MATRICES = {
    "sum": lambda x, y: np.sum(x),
    "sum along 0": lambda x, y: np.sum(x, axis=0),
    "sum along 1, kept": lambda x, y: np.sum(x, axis=1, keepdims=True),
    "mean": lambda x, y: x.mean(),
    "mean along -1": lambda x, y: np.mean(x, axis=-1),
    "cumsum": lambda x, y: np.cumsum(x),
    "cumsum along 0": lambda x, y: np.cumsum(x, axis=0),
    "cumsum along 1": lambda x, y: np.cumsum(x, 1),
    "max": lambda x, y: np.max(x),
    "max along 0": lambda x, y: x.max(axis=0),
    "min along 1, kept": lambda x, y: np.min(x, axis=1, keepdims=True),
    "x @ y.T": lambda x, y: x @ y.T,
    "x.T @ y": lambda x, y: x.T @ y,
    "x @ c": lambda x, y: x @ VECTOR,
    "c @ x.T": lambda x, y: VECTOR @ x.T,
    "x @ M": lambda x, y: np.dot(x, MATRIX),
    "M @ x.T": lambda x, y: MATRIX @ x.T,
    "x @ column": lambda x, y: x @ COLUMN,
    "inner": lambda x, y: np.inner(x, y),
    "inner, vector": lambda x, y: np.inner(x, VECTOR),
    "vdot": lambda x, y: np.vdot(x, y),
    "vecdot": lambda x, y: np.vecdot(x, y),
    "outer": lambda x, y: np.outer(x, VECTOR),
    "cross": lambda x, y: np.cross(x, y),
    "cross, vector": lambda x, y: np.cross(x, VECTOR),
    "cross, other axis": lambda x, y: np.cross(x.T, y.T, axis=0),
    "norm": lambda x, y: np.linalg.norm(x),
    "norm along 1": lambda x, y: np.linalg.norm(x, axis=1),
    "norm along 0, kept": lambda x, y: np.linalg.norm(x, 2, 0, True),
    "norm, 2": lambda x, y: np.linalg.norm(x[:, :2] + 3 * np.eye(2), 2),
    "vector_norm": lambda x, y: np.linalg.vector_norm(x),
    "vector_norm along 0": lambda x, y: np.linalg.vector_norm(x, axis=0, ord=2),
    "concatenate": lambda x, y: np.concatenate([x, y, MATRIX]),
    "concatenate along 1": lambda x, y: np.concatenate([x, y, x], axis=1),
    "concatenate flat": lambda x, y: np.concatenate([x, y], axis=None),
    "stack along 1": lambda x, y: np.stack([x, y], 1),
    "stack behind": lambda x, y: np.stack([x, dd.value(x)], -1),
    "hstack": lambda x, y: np.hstack([x, y]),
    "vstack": lambda x, y: np.vstack([x, MATRIX]),
    "column_stack": lambda x, y: np.column_stack([x, y]),
    "where": lambda x, y: np.where(dd.value(x) > 0, x, y),
    "where broadcast": lambda x, y: np.where(CHOICE, x, y),
    "reshape": lambda x, y: x.reshape(3, 2),
    "reshape F": lambda x, y: x.reshape((3, 2), order="F"),
    "reshape of T": lambda x, y: x.T.reshape(6),
    "ravel": lambda x, y: np.ravel(x),
    "T": lambda x, y: x.T,
    "transpose": lambda x, y: np.transpose(x, (1, 0)),
    "swapaxes": lambda x, y: np.swapaxes(x, 0, 1),
    "moveaxis": lambda x, y: np.moveaxis(x, 0, -1),
    "mT": lambda x, y: x.mT,
    "diagonal": lambda x, y: np.diagonal(x),
    "flip 1": lambda x, y: np.flip(x, 1),
    "roll": lambda x, y: np.roll(x, (1, 2), axis=(0, 1)),
    "tril": lambda x, y: np.tril(x),
    "var": lambda x, y: np.var(x),
    "var along 0": lambda x, y: x.var(0, ddof=1),
    "var without freedom": lambda x, y: np.var(x, axis=0, ddof=2),
    "std along 1, kept": lambda x, y: np.std(x, axis=1, keepdims=True),
    "zeros_like": lambda x, y: np.zeros_like(x),
    "split along 1": lambda x, y: np.split(x, (1,), axis=1),
    "sort along 0": lambda x, y: np.sort(x, axis=0),
    "argmin along 1": lambda x, y: np.argmin(x, axis=1),
    "nonzero": lambda x, y: np.nonzero(x),
    "isfinite": lambda x, y: np.isfinite(x),
    "triu": lambda x, y: np.triu(x, 1),
    "slices": lambda x, y: x[:, 1:],
    "row": lambda x, y: x[1],
    "column": lambda x, y: x[:, -1],
    "new axis": lambda x, y: x[:, None, ::-1],
    "element": lambda x, y: x[1, 2],
    "element, negative": lambda x, y: x[-1, -3],
    "ellipsis": lambda x, y: x[..., 1],
}

WRONG = {
    "axis": lambda x, y: np.sum(x, axis=7),
    "huge axis": lambda x, y: np.sum(x, axis=2**70),
    "option": lambda x, y: np.sum(x, nonsense=1),
    "shapes": lambda x, y: x @ np.ones(5),
    "shapes of a join": lambda x, y: np.concatenate([x, np.ones((4, 4, 4))]),
    "nothing": lambda x, y: np.concatenate([]),
    "vectors of two": lambda x, y: np.cross(x, np.ones(7)),
    "reshape": lambda x, y: x.reshape(5, 7),
    "reshape to a dual": lambda x, y: np.reshape(x, (x,)),
    "transpose": lambda x, y: np.transpose(x, (0, 0)),
    "index": lambda x, y: x[5],
    "index, tuple": lambda x, y: x[0, 0, 0],
    "index, huge": lambda x, y: x[2**70],
    "split": lambda x, y: np.roll(x, 1, axis=5),
    "where": lambda x, y: np.where(CHOICE, x),
    "norm": lambda x, y: np.linalg.norm(x, "nonsense"),
}


# -- operands ----------------------------------------------------------------------------------------------------------


def dual(shape, rng, level=0):
    return make(rng.normal(size=shape), (rng.normal(size=(4, *shape)),), None, level)


def hyper(kind):
    def build(shape, rng, level=0):
        k1, k2 = (3, 2) if kind == FULL else (3, 3)
        count = len(pairs((kind, k1, k2))[0])
        e1 = rng.normal(size=(k1, *shape))
        e2 = rng.normal(size=(k2, *shape)) if kind == FULL else e1
        return make(rng.normal(size=shape), (e1, e2, rng.normal(size=(count, *shape))), (kind, k1, k2), level)

    return build


def strided(shape, rng, level=0):
    """Every second number of longer rows, backwards."""
    long = (*shape[:-1], 2 * shape[-1])
    return make(rng.normal(size=long)[..., ::-2], (rng.normal(size=(4, *long))[..., ::-2],), None, level)


def fortran(shape, rng, level=0):
    x = dual(shape[::-1], rng, level)
    return make(x.value.T, (np.moveaxis(x.tangent, 0, -1).T,), None, level)


def unlike(shape, rng, level=0):
    """Planes that lie in memory in another way than the value."""
    x = dual(shape, rng, level)
    return make(x.value, (np.asfortranarray(x.tangent),), None, level)


def single(shape, rng, level=0):
    return dual(shape, rng, level).astype(np.float32)


def strict(shape, rng, level=0):
    return dual(shape, rng, 1)


def constant(shape, rng, level=0):
    return make(rng.normal(size=shape), (np.zeros((0, *shape)),), None, level)


def complicated(shape, rng, level=0):
    return make(rng.normal(size=shape) + 1j, (rng.normal(size=(2, *shape)) + 2j,), None, level)


KINDS = {
    "dual": dual, "triangle": hyper(TRIANGLE), "full": hyper(FULL), "diagonal": hyper(DIAGONAL), "strided": strided,
    "fortran": fortran, "unlike": unlike, "float32": single, "strict": strict, "constant": constant,
    "complex": complicated,
}  # fmt: skip

# What is written over entries of the value, of the first stack and of the last.
SPECIAL = {
    "ties": ((1.0, 1.0, 1.0), None, None),
    "zeros": ((0.0, -0.0, 0.0), (0.0,), None),
    "inf": ((INF, 1.0), (0.0, 1.0), None),
    "minus inf": ((1.0, -INF, INF), None, (0.0,)),
    "nan": ((1.0, NAN), (0.0,), (0.0,)),
    "inf in tangents": (None, (INF, 0.0, 1.0), (-INF,)),
    "nan in tangents": (None, (NAN,), (0.0,)),
    "huge": ((1e200, -1e300), None, None),
    "tiny": ((1e-200, 1e-300, -1e-310), None, None),
    "tiny tangents": (None, (1e-300, 1e-310), None),
}


def with_special(x, special):
    for part, numbers in zip((x.value, x._stacks[0], x._stacks[-1]), SPECIAL[special], strict=True):
        if numbers is not None and part.size >= len(numbers):
            flat = part.flat
            for i, number in enumerate(numbers):
                flat[i] = number
    return x


# -- the comparison ----------------------------------------------------------------------------------------------------


@contextmanager
def rules_alone():
    table = _small.table()
    kept = dict(table)
    table.clear()
    try:
        yield
    finally:
        table.update(kept)


def outcome(function, *operands):
    """The result, or the type and text of an error, and the texts of warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = function(*operands)
        except Exception as error:
            result = type(error), str(error)
    return result, {str(warning.message) for warning in caught}


def assert_same(fast, rule):
    assert type(fast) is type(rule)
    if isinstance(fast, tuple | list):
        assert len(fast) == len(rule)
        for a, b in zip(fast, rule, strict=True):
            assert_same(a, b)
        return
    if isinstance(fast, type | str):
        assert fast == rule
        return
    if not hasattr(fast, "_stacks"):
        np.testing.assert_array_equal(fast, rule)
        return
    assert fast._level == rule._level
    assert getattr(fast, "_layout", None) == getattr(rule, "_layout", None)
    for i, (a, b) in enumerate(zip((fast.value, *fast._stacks), (rule.value, *rule._stacks), strict=True)):
        a, b = np.asarray(a), np.asarray(b)
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        if i == 0:
            np.testing.assert_array_equal(a, b)
            np.testing.assert_array_equal(np.signbit(a.real), np.signbit(b.real))
        else:
            # Relative to the largest term, not to what is left where terms cancel.
            finite = b[np.isfinite(b)]
            scale = max(np.max(np.abs(finite), initial=0.0), 1.0)
            np.testing.assert_allclose(a, b, rtol=2e-15, atol=4e-15 * scale if a.dtype.itemsize != 4 else 1e-6)


def compare(function, build, shape, special=None):
    operands = []
    for seed in (1, 2):
        x = build(shape, np.random.default_rng(seed))
        operands.append(with_special(x, special) if special and seed == 1 else x)
    fast, warned = outcome(function, *operands)
    with rules_alone():
        rule, expected = outcome(function, *operands)
    assert_same(fast, rule)
    assert warned <= expected
    if isinstance(fast, ARRAYS):
        assert fast.value.flags.writeable == rule.value.flags.writeable
        assert fast._stacks[0].flags.writeable == rule._stacks[0].flags.writeable
        assert np.shares_memory(fast.value, operands[0].value) == np.shares_memory(rule.value, operands[0].value)
        assert np.shares_memory(fast._stacks[0], operands[0]._stacks[0]) == np.shares_memory(
            rule._stacks[0], operands[0]._stacks[0])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", VECTORS)
def test_vectors(name, kind):
    compare(VECTORS[name], KINDS[kind], (3,))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", MATRICES)
def test_matrices(name, kind):
    compare(MATRICES[name], KINDS[kind], (2, 3))


@pytest.mark.parametrize("special", SPECIAL)
@pytest.mark.parametrize("kind", ["dual", "triangle", "full", "strict", "strided"])
def test_special_numbers(kind, special):
    for name, function in VECTORS.items():
        try:
            compare(function, KINDS[kind], (3,), special)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error
    for name, function in MATRICES.items():
        try:
            compare(function, KINDS[kind], (2, 3), special)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error


@pytest.mark.parametrize("name", WRONG)
def test_errors_are_those_of_the_rules(name):
    x, y = (dual((3,), np.random.default_rng(seed)) for seed in (1, 2))
    fast, _ = outcome(WRONG[name], x, y)
    with rules_alone():
        rule, _ = outcome(WRONG[name], x, y)
    assert type(rule) is tuple
    assert issubclass(rule[0], Exception)
    assert fast == rule


@pytest.mark.parametrize("name", ["x @ y", "cross", "concatenate", "where", "outer", "stack"])
def test_operands_that_do_not_go_together(name):
    rng = np.random.default_rng(0)
    others = [make(np.ones(3), (np.ones((2, 3)),), None, 0), hyper(TRIANGLE)((3,), rng), np.ones(3, np.float32),
              np.ones(3, int), [1.0, 2.0, 3.0], dual((3,), rng)[0], single((3,), rng), constant((3,), rng), 2.0]
    others += [np.array([1, 2, 3], np.int8), np.array([1 + 1j] * 3), np.array(["a", "b", "c"]),
               [1.0, dual((3,), rng)[1], 2.0],
               [], [1.0, [2.0]], None, np.ma.array([1.0, 2.0, 3.0]), np.array([2**63, 1, 2], np.uint64)]
    for other in others:
        for operands in ((dual((3,), rng), other), (other, dual((3,), rng))):
            fast, _ = outcome(VECTORS[name], *operands)
            with rules_alone():
                rule, _ = outcome(VECTORS[name], *operands)
            assert_same(fast, rule)


NOT_SERVED = {
    "norm, 1", "norm, inf", "append list", "truth values", "lists of lists", "where broadcast", "where value", "sort",
    "diag", "take", "pad", "size",
}  # fmt: skip


@pytest.mark.parametrize("kind", ["dual", "triangle", "full", "diagonal"])
@pytest.mark.parametrize("name", [name for name in VECTORS if name not in NOT_SERVED])
def test_the_shortcut_serves(name, kind, monkeypatch):
    """A shortcut that always gave way would pass every other test."""
    def refuse(*args):
        raise AssertionError("the rule was asked")

    for entry in ("array_function", "array_ufunc", "matmul"):
        monkeypatch.setattr(protocols, entry, refuse)
    x, y = (KINDS[kind]((3,), np.random.default_rng(seed)) for seed in (1, 2))
    VECTORS[name](x, y)


@pytest.mark.parametrize("size", [1, 2, 7, 8, 9, 31, 64, 129, 200, 1000])
@pytest.mark.parametrize("name", ["sum", "mean", "dot", "cumsum", "max", "norm", "concatenate", "outer", "norm, axis"])
def test_sizes(name, size):
    """Beyond 8 numbers NumPy adds in pairs, beyond 128 in halves."""
    compare(VECTORS[name], dual, (size,))


@pytest.mark.parametrize("shape", [(5, 1), (1, 5), (1, 1), (17, 9), (2, 3, 4), (3, 1, 2)])
def test_shapes(shape):
    for name in ("sum", "sum along 0", "sum along 1, kept", "mean along -1", "max along 0", "cumsum along 0",
                 "cumsum along 1", "norm", "norm along 1", "T", "ravel", "stack along 1", "concatenate along 1"):
        for kind in ("dual", "triangle", "strided"):
            compare(MATRICES[name], KINDS[kind], shape)


@pytest.mark.parametrize("n,m,p", [(1, 1, 1), (1, 4, 1), (3, 1, 2), (4, 5, 6), (2, 7, 1), (1, 3, 5), (20, 30, 4)])
@pytest.mark.parametrize("kind", ["dual", "triangle", "full", "fortran", "strided"])
def test_products_of_matrices(kind, n, m, p):
    rng = np.random.default_rng(n + 10 * m + 100 * p)
    a, b = KINDS[kind]((n, m), rng), KINDS[kind]((m, p), rng)
    v, w = KINDS[kind]((m,), rng), rng.normal(size=m)
    for x, y in ((a, b), (a.value, b), (a, b.value), (a, v), (a, w), (v, b), (w, b), (v, v), (v, w)):
        fast = x @ y
        with rules_alone():
            rule = x @ y
        assert_same(fast, rule)
        np.testing.assert_array_equal(dd.value(fast), getattr(x, "value", x) @ getattr(y, "value", y))


# -- views and writing -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["dual", "triangle", "full", "float32", "strided", "fortran", "unlike", "complex"])
def test_views_share_all_parts(kind):
    x = KINDS[kind]((2, 3), np.random.default_rng(0))
    for view in (lambda a: a[1], lambda a: a[:, ::-1], lambda a: a.T, lambda a: a[..., None, 1:], lambda a: a[:1, 2],
                 lambda a: np.flip(a), lambda a: np.swapaxes(a, 0, 1)[1:]):
        seen = view(x)
        seen[...] = 0.0
        seen += 7.0
        for part in (x.value, *x._stacks):
            assert np.shares_memory(part, (seen.value, *seen._stacks)[0]) or part is not x.value
        assert np.all(view(dd.value(x)) == 7.0)
        for stack in x._stacks:
            assert np.all(view(stack[0]) == 0.0)


INDICES = [1, -1, slice(None), slice(1, 2), (0, 1), (-1, -1), (slice(None), 1), Ellipsis, (Ellipsis, 0), (None, 1)]


@pytest.mark.parametrize("kind", ["dual", "triangle", "full", "float32", "strided", "unlike"])
@pytest.mark.parametrize("index", INDICES, ids=str)
def test_assignment(index, kind):
    rng = np.random.default_rng(0)
    model, other = KINDS[kind]((2, 3), rng), KINDS[kind]((2, 3), rng)
    for item in (2.0, 3, np.float64(4.0), other[1, 1], other[index], dd.value(other)[index], model[index],
                 np.ones(1), other[:, :1][index] if index == slice(None) else other[0, 0]):
        x = model.copy()
        expected = [part.copy() for part in (x.value, *x._stacks)]
        parts = (item.value, *item._stacks) if hasattr(item, "_stacks") else (item, *[0.0] * len(x._stacks))
        if np.ndim(parts[0]) > np.ndim(expected[0][index]):
            continue
        x[index] = item
        key = index if type(index) is tuple else (index,)
        expected[0][key] = parts[0]
        for stack, planes in zip(expected[1:], parts[1:], strict=True):
            for j in range(len(stack)):
                stack[(j, *key)] = planes[j] if np.ndim(planes) else 0.0
        for got, want in zip((x.value, *x._stacks), expected, strict=True):
            np.testing.assert_array_equal(got, want)


def test_assignment_that_overlaps():
    x = dual((6,), np.random.default_rng(0))
    value, planes = x.value.copy(), x.tangent.copy()
    x[1:] = x[:-1]
    np.testing.assert_array_equal(x.value[1:], value[:-1])
    np.testing.assert_array_equal(x.tangent[:, 1:], planes[:, :-1])


def test_refused_assignments():
    x = dual((3,), np.random.default_rng(0))
    with pytest.raises(dd.TangentMismatchError):
        x[0] = dd.Dual(1.0, [1.0, 2.0])
    with pytest.raises(dd.DualDiffError):
        x[0] = dd.HyperDual(1.0, [1.0], [1.0], [[1.0]])
    with pytest.raises(dd.DifferentiationTypeError):
        x[0] = 1j
    with pytest.raises(IndexError):
        x[3] = 1.0
    with pytest.raises(dd.DifferentiationValueError, match="read-only"):
        np.broadcast_to(x, (2, 3))[0, 0] = 1.0
    with pytest.raises(dd.LostTangentError):
        dd.derivative(lambda y: x.__setitem__(0, y))(1.0)


def test_comparisons():
    x = dual((3,), np.random.default_rng(0))
    for other in (0.0, 1, x.value, x, x.tangent[0], np.float32(0.5), [0.0, 1.0, 2.0], np.arange(3), x[1], True):
        np.testing.assert_array_equal(x > other, x.value > dd.value(other))
        np.testing.assert_array_equal(x == other, x.value == dd.value(other))
        np.testing.assert_array_equal(other <= x, dd.value(other) <= x.value)
    assert (x == "text") is False or not np.any(x == "text")
    assert type(x > 0) is np.ndarray


# -- transforms --------------------------------------------------------------------------------------------------------


def distance(x):
    n = np.cross(x - VECTOR, MATRIX[0])
    return np.sqrt(np.dot(n, n))


FUNCTIONS = {
    "distance": distance,
    "first": lambda x: x[0],
    "constant": lambda x: 3.0,
    "itself": lambda x: x,
    "reshaped": lambda x: np.outer(x, x),
    "objects": lambda x: np.array([x[0] * x[1], 2.0]),
    "list": lambda x: [x[0], x[1] * x[2]],
    "softmax": lambda x: np.exp(x - np.max(x)) / np.sum(np.exp(x - np.max(x))),
    "transposed": lambda x: np.stack([x, x * x]).T,
    "norms": lambda x: np.linalg.norm(np.outer(x, x), axis=1),
    "in place": lambda x: np.add(x, 1.0, out=x.copy()),
}


@pytest.mark.parametrize("options", [{}, {"strict": True}, {"mode": "forward"}], ids=str)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_small_arrays_in_transforms(name, options, monkeypatch):
    f, x = FUNCTIONS[name], np.array([0.3, 0.4, 0.5])
    small = dd.value_and_jacobian(f, **options)(x), dd.hessian(f, **options)(x)
    monkeypatch.setattr(_small, "first_order_pass", lambda *args: None)
    monkeypatch.setattr(_small, "second_order_pass", lambda *args: None)
    with rules_alone():
        general = dd.value_and_jacobian(f, **options)(x), dd.hessian(f, **options)(x)
    for a, b in zip((*small[0], small[1]), (*general[0], general[1]), strict=True):
        assert type(a) is type(b)
        np.testing.assert_allclose(a, b, rtol=1e-14, atol=1e-15)
        assert not isinstance(a, np.ndarray) or a.flags.writeable and a.flags.c_contiguous


@pytest.mark.parametrize("name", ["distance", "softmax", "norms"])
def test_nested_and_structured(name, monkeypatch):
    f, x = FUNCTIONS[name], np.array([0.3, 0.4, 0.5])
    with rules_alone():
        second, first = dd.jacobian(dd.jacobian(f))(x), dd.jacobian(f)(x)
    np.testing.assert_allclose(dd.jacobian(dd.jacobian(f))(x), second, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(dd.hessian(f)(x), second, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(dd.jacobian(f, mode="reverse")(x), first, rtol=1e-14, atol=1e-15)
    monkeypatch.setattr(points, "STRUCTURED", 1)
    np.testing.assert_allclose(dd.jacobian(f)(x), first, rtol=1e-14, atol=1e-15)


def test_directions():
    x, v = np.array([0.3, 0.4, 0.5]), np.array([1.0, -2.0, 0.5])
    for name, f in FUNCTIONS.items():
        small = dd.jvp(f, (x,), (v,))
        general = dd.jvp(f, (x,), (v[None],))
        np.testing.assert_allclose(small[0], general[0], err_msg=name)
        np.testing.assert_allclose(small[1], np.asarray(general[1])[0], rtol=1e-15, atol=1e-16, err_msg=name)
        assert type(small[0]) is type(general[0])
    y, t = dd.jvp(lambda a, b: a * b, (2.0, x), (1.0, v))
    np.testing.assert_array_equal(t, x + 2.0 * v)
    assert dd.jvp(lambda a: 3.0, (2.0,), (1.0,)) == (3.0, 0.0)
    kept = []
    y, t = dd.jvp(lambda a: kept.append(a) or a, (x,), (v,))
    kept[0].value[...] = kept[0].tangent[...] = 9.0
    np.testing.assert_array_equal((y, t), (x, v))
    for wrong in ((x, (v,)), ((x,), (v[:2],)), ((x,), ()), ((x,), (1j * v,)), ((x,), (None,))):
        with pytest.raises(dd.DualDiffError):
            dd.jvp(np.sin, *wrong)


def test_numbers():
    for f in (np.sin, lambda x: x * x, lambda x: 2.0, abs):
        for x in (0.5, 0.0):
            expected = dd.jacobian(f)(np.array([x]))[..., 0] if f is not abs else dd.grad(f)([x][0])
            assert type(dd.grad(f)(x)) is type(dd.derivative(f)(x)) is np.float64
            np.testing.assert_array_equal(dd.grad(f)(x), expected)
            np.testing.assert_array_equal(dd.derivative(f)(x), expected)
    assert np.isnan(dd.grad(abs, strict=True)(0.0))
    np.testing.assert_array_equal(dd.jacobian(lambda x: x * np.ones(3))(2.0), np.ones(3))
    np.testing.assert_array_equal(dd.derivative(lambda x: np.array([x, x * x]))(2.0), [1.0, 4.0])
    with pytest.raises(dd.DifferentiationValueError, match="needs a scalar"):
        dd.grad(lambda x: x * np.ones(3))(2.0)


def test_results_alias_nothing():
    kept, x = [], np.array([1.0, 2.0, 3.0])

    def f(y):
        kept.append(y)
        kept.append(np.stack([y, y]))
        return kept[-1]

    value, jac = dd.value_and_jacobian(f)(x)
    before = value.copy(), jac.copy()
    with pytest.raises(dd.DualDiffError):
        dd.jacobian(lambda y: y + kept[0])(x)
    kept[0].value[...] = kept[1].value[...] = 9.0
    kept[1].tangent[...] = 9.0
    np.testing.assert_array_equal(value, before[0])
    np.testing.assert_array_equal(jac, before[1])
    np.testing.assert_array_equal(x, [1.0, 2.0, 3.0])


def test_large_results_of_small_arrays():
    x = np.array([1.0, 2.0, 3.0])
    kept = []

    def f(y):
        kept.append(np.exp(y[:, None] * np.ones(20_000)))
        return kept[-1]

    jac = dd.jacobian(f)(x)
    kept[0].tangent[...] = 0.0
    np.testing.assert_allclose(jac[1, :, 1], np.exp(2.0))


def test_gradients_of_arrays_are_refused_as_before():
    with pytest.raises(dd.DifferentiationValueError, match="perhaps you meant dualdiff.jacobian"):
        dd.grad(lambda x: 2.0 * x)(np.ones(3))
    with pytest.raises(dd.DifferentiationTypeError):
        dd.jacobian(lambda x: x, argnums=1)(np.ones(3))
    np.testing.assert_array_equal(dd.jacobian(lambda a, x: a * x, argnums=-1)(2.0, np.ones(2)), 2.0 * np.eye(2))
    np.testing.assert_array_equal(dd.hessian(lambda x, a: np.sum(a * x * x))(np.ones((1, 2)), a=2.0),
                                  4.0 * np.eye(2).reshape(1, 2, 1, 2))
