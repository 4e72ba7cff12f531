"""Programs of entries against a plain evaluator of the same entries, written with NumPy."""

import gc
import math
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from dualdiff._program import Program
from numpy.testing import assert_allclose, assert_array_equal

from dualdiff import rows, rules
from dualdiff.programs.graph import BINARY, UNARY, Entry, Map

SIZES = [1, 2, 5, 511, 512, 513, 5000]
COMPARE = {
    "less": np.less, "less_equal": np.less_equal, "equal": np.equal, "not_equal": np.not_equal,
    "greater": np.greater, "greater_equal": np.greater_equal,
}


# -- entries, one function for each kind -------------------------------------------------------------------------------


def make_input(position, shape):
    return Entry("input", (), position, shape)


def constant(value):
    value = np.array(value, dtype=float, order="C")
    value.flags.writeable = False
    return Entry("constant", (), value, value.shape)


def elementwise(op, args, data=None):
    return Entry(op, args, data, max((a.shape for a in args), key=lambda s: (math.prod(s) != 1, len(s))))


def unary(name, x):
    return elementwise("unary", (x,), UNARY[name])


def slope(op, name, x, y):
    return elementwise(op, (x, y), UNARY[name])


def binary(name, x, y):
    return elementwise("binary", (x, y), BINARY[name])


def partial(name, j, x, y, z):
    return elementwise("partial", (x, y, z), (BINARY[name], j))


def compare(name, x, y):
    return elementwise("compare", (x, y), name)


def where(c, a, b):
    return elementwise("where", (c, a, b))


def reduce(op, x, axes=None):
    axes = tuple(range(len(x.shape))) if axes is None else axes
    return Entry(op, (x,), axes, tuple(n for i, n in enumerate(x.shape) if i not in axes))


def gather(x, index, shape=None):
    places = Map(np.asarray(index))
    return Entry("gather", (x,), places, (places.size,) if shape is None else shape)


def reshape(x, shape):
    return gather(x, np.arange(x.size), shape)


def assemble(pieces, indices, shape):
    maps = tuple(Map(np.asarray(i)) for i in indices)
    hits = np.bincount(np.concatenate([m.index for m in maps] or [np.zeros(0, int)]), minlength=math.prod(shape))
    return Entry("assemble", tuple(pieces), maps, shape, bool((hits == 1).all()))


def matmul(a, b, turned=(False, False)):
    n = a.shape[-1] if turned[0] else a.shape[-2]
    p = b.shape[-2] if turned[1] else b.shape[-1]
    return Entry("matmul", (a, b), turned, (*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), n, p))


# -- what they mean ----------------------------------------------------------------------------------------------------


def ordered(outputs):
    """Every entry that the outputs need, operands first."""
    found, done = [], set()
    waiting = [(entry, False) for entry in reversed(outputs)]
    while waiting:
        entry, ready = waiting.pop()
        if ready:
            found.append(entry)
        elif id(entry) not in done:
            done.add(id(entry))
            waiting += [(entry, True), *((a, False) for a in reversed(entry.args))]
    return found


def row_of(op, data):
    name = rules.UNARY[data].name if op in ("unary", "d1", "d2") else \
        rules.BINARY[data[0] if op == "partial" else data].name
    return rows.named(name)


def evaluated(e, args, inputs):
    if e.op == "input":
        return np.array(inputs[e.data], dtype=float).reshape(e.shape)
    if e.op == "constant":
        return e.data
    if e.op == "binary" and e.data == BINARY["ldexp"]:  # NumPy's wants integers; the table's text serves all numbers
        return args[0] * np.exp2(args[1])
    if e.op in ("unary", "binary"):
        return row_of(e.op, e.data).value(*args)
    if e.op in ("d1", "d2"):
        return getattr(row_of(e.op, e.data), e.op)(*args)
    if e.op == "partial":
        return getattr(row_of(e.op, e.data), ("fx", "fy", "fxx", "fxy", "fyy")[e.data[1]])(*args)
    if e.op == "compare":
        return COMPARE[e.data](*args).astype(float)
    if e.op == "where":
        return np.where(args[0] != 0, args[1], args[2])
    if e.op in ("sum", "max", "min"):
        return getattr(np, e.op)(args[0], axis=e.data)
    if e.op == "gather":
        return args[0].reshape(-1)[e.data.index]
    if e.op == "assemble":
        out = np.zeros(e.size)
        for piece, places in zip(args, e.data, strict=True):
            np.add.at(out, places.index, piece.reshape(-1))
        return out
    a, b = (np.swapaxes(m, -1, -2) if turned else m for m, turned in zip(args, e.data, strict=True))
    return a @ b


def expected(outputs, inputs):
    values = {}
    with np.errstate(all="ignore"):
        for e in ordered(outputs):
            flat = [values[id(a)] for a in e.args]
            if e.op in ("unary", "d1", "d2", "binary", "partial", "compare", "where"):
                flat = [x.reshape(e.shape) if x.size == e.size else x.reshape(()) for x in flat]
            value = np.asarray(evaluated(e, flat, inputs), dtype=float)
            values[id(e)] = value.reshape(e.shape) if value.size == e.size else np.full(e.shape, value)
    return [values[id(e)] for e in outputs]


def check(outputs, inputs, rtol=1e-13, atol=1e-14, guards=(), runs=2):
    """Run a program twice and compare; return the results of the last run."""
    program = Program(ordered([*outputs, *(g for g, _ in guards)]), outputs, list(guards))
    wanted = expected(outputs, inputs)
    copies = [np.array(x, dtype=float) for x in inputs]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(runs):
            results, finite = program.run(inputs)
    for got, want, entry in zip(results, wanted, outputs, strict=True):
        assert type(got) is (np.ndarray if entry.shape else np.float64)
        assert got.shape == want.shape and got.dtype == np.float64
        assert_allclose(got, want, rtol=rtol, atol=atol)
    assert finite == all(np.isfinite(w).all() for w in wanted)
    for x, before in zip(inputs, copies, strict=True):
        assert_array_equal(x, before)
    constants = [e.data for e in ordered(outputs) if e.op == "constant"]
    arrays = [r for r in results if isinstance(r, np.ndarray)]
    for i, r in enumerate(arrays):
        others = [*arrays[:i], *constants, *(x for x in inputs if isinstance(x, np.ndarray))]
        assert not any(np.shares_memory(r, other) for other in others)
    return results


def sample(row, n, rng, operand=0):
    domain = row.domain if row.arity == 1 else row.domain[operand]
    low, high = max(domain.low, -3.0), min(domain.high, 3.0)
    return rng.uniform(low + 0.01, high - 0.01, n)


# -- every operation ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", UNARY)
def test_unary_rows(name, rng):
    for n in SIZES:
        x = make_input(0, (n,))
        y = unary(name, x)
        outputs = [y, slope("d1", name, x, y), slope("d2", name, x, y)]
        given = sample(rules.UNARY[UNARY[name]], n, rng)
        results = check(outputs, [given], rtol=1e-12, atol=1e-13)
        if rules.UNARY[UNARY[name]].numpy:
            assert_array_equal(results[0], getattr(np, name)(given))
        check([outputs[2]], [given], rtol=1e-12, atol=1e-13)
    x = make_input(0, ())
    y = unary(name, x)
    given = float(sample(rules.UNARY[UNARY[name]], 1, rng)[0])
    check([y, slope("d1", name, x, y), slope("d2", name, x, y)], [given], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", BINARY)
def test_binary_rows(name, rng):
    row = rules.BINARY[BINARY[name]]
    for n in [*SIZES, None]:
        for number in (None, 0, 1):
            shapes = [() if n is None or number == i else (n,) for i in range(2)]
            x, y = (make_input(i, shape) for i, shape in enumerate(shapes))
            if max(x.size, y.size) == 1 and n is not None and number is not None:
                continue
            z = binary(name, x, y)
            given = [sample(row, s, rng, i) for i, s in enumerate(shapes)]
            if name in ("ldexp", "power", "float_power"):
                given[0] = np.abs(given[0]) + 0.1
            outputs = [z, *(partial(name, j, x, y, z) for j in range(5))]
            results = check(outputs, given, rtol=1e-11, atol=1e-12)
            if row.numpy and n is not None and name != "ldexp":
                assert_array_equal(results[0], getattr(np, name)(*given))


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("name", COMPARE)
def test_comparisons_and_where(name, n, rng):
    x, y, t = make_input(0, (n,)), make_input(1, (n,)), make_input(2, ())
    given = [rng.integers(0, 3, n).astype(float), rng.integers(0, 3, n).astype(float), 1.0]
    given[0][0] = math.nan
    cs = [compare(name, x, y), compare(name, x, t), compare(name, t, y), compare(name, t, t)]
    outputs = [*cs, *(where(c, a, b) for c in cs for a in (y, t) for b in (y, t)), where(x, y, t)]
    check(outputs, given)


@pytest.mark.parametrize("op", ["sum", "max", "min"])
@pytest.mark.parametrize("shape", [
    (1,), (5,), (700,), (5000,), (3, 4), (40, 300), (600, 3), (2, 3, 4), (4, 1, 5), (2, 3, 4, 5),
])
def test_reductions(op, shape, rng):
    x = make_input(0, shape)
    axes = [tuple(i for i in range(len(shape)) if bits >> i & 1) for bits in range(1, 2 ** len(shape))]
    outputs = [reduce(op, x, a) for a in axes] + [reduce(op, unary("sin", x), a) for a in axes]
    given = rng.normal(size=shape)
    check(outputs, [given])
    given.flat[-1] = math.nan
    check(outputs, [given])
    given.flat[0] = math.inf
    check(outputs, [given])


def test_sums_are_accurate(rng):
    given = rng.normal(size=1_000_000) * 10.0 ** rng.integers(0, 12, 1_000_000)
    program = Program(ordered([s := reduce("sum", make_input(0, given.shape))]), [s], [])
    ((total,), _) = program.run([given])
    exact = math.fsum(given)
    assert abs(total - exact) <= max(abs(np.sum(given) - exact), 1e-15 * np.abs(given).max())


def test_sums_of_a_block_are_those_of_numpy(rng):
    for n in [*range(1, 140), 255, 256, 257, 300, 383, 500, 511, 512]:
        given = rng.normal(size=(3, n))
        x = make_input(0, (3, n))
        outputs = [reduce("sum", x, (1,)), reduce("sum", gather(x, np.arange(n)))]
        (rows_, row), _ = Program(ordered(outputs), outputs, []).run([given])
        assert_array_equal(rows_, np.sum(given, 1))
        assert row == np.sum(given[0])


@pytest.mark.parametrize("shapes", [
    ((3, 4), (4, 5)), ((1, 4), (4, 1)), ((4, 1), (1, 3)), ((1, 1), (1, 1)), ((2, 3, 4), (4, 5)), ((3, 4), (2, 4, 5)),
    ((2, 3, 4), (2, 4, 5)), ((6, 1, 4), (4, 5)), ((3, 4), (6, 4, 1)), ((1, 3, 4), (2, 4, 5)), ((1, 3, 4), (1, 4, 5)),
    ((40, 30), (30, 50)), ((2, 3, 1), (1, 4)),
])
@pytest.mark.parametrize("turned", [(False, False), (True, False), (False, True), (True, True)])
def test_products(shapes, turned, rng):
    shapes = [(*s[:-2], s[-1], s[-2]) if t else s for s, t in zip(shapes, turned, strict=True)]
    a, b = (make_input(i, s) for i, s in enumerate(shapes))
    c = matmul(a, b, turned)
    check([c, unary("sin", c), matmul(unary("sin", a), unary("cos", b), turned)], [rng.normal(size=s) for s in shapes])


def test_a_product_with_itself(rng):
    a = make_input(0, (20, 30))
    check([matmul(a, a, (True, False)), matmul(a, a, (False, True))], [rng.normal(size=(20, 30))])


MOVES = {
    "whole": lambda n: np.arange(n), "slice": lambda n: np.arange(1, n), "backwards": lambda n: np.arange(n)[::-1],
    "steps": lambda n: np.arange(0, n, 3), "one": lambda n: np.array([n - 1]),
    "repeated": lambda n: np.repeat(np.arange(n), 5),
    "tiled": lambda n: np.tile(np.arange(n), 3), "same": lambda n: np.full(7, n // 2), "none": lambda n: np.arange(0),
    "turned": lambda n: np.arange(n - n % 2).reshape(2, -1).T.ravel(),
    "inside": lambda n: np.arange(n - n % 5).reshape(-1, 5)[:, 1:-1].ravel(),
    "few columns": lambda n: np.arange(n - n % 10).reshape(-1, 10)[::2, 1:9:2].ravel(),
    "any": lambda n: np.random.default_rng(n).integers(0, n, 2 * n),
}


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("name", MOVES)
def test_movements(name, n, rng):
    index = MOVES[name](n)
    x = make_input(0, (n,))
    moved, moved_sin = gather(x, index), gather(unary("sin", x), index)
    outputs = [moved, moved_sin, unary("cos", moved), binary("add", moved, moved_sin)]
    if len(index):
        outputs += [reduce("sum", moved), reduce("max", moved_sin)]
    y = make_input(1, (len(index),))
    for piece in (y, unary("exp", y), moved_sin):
        outputs += [assemble([piece], [index], (n,)), assemble([piece, piece], [index, index], (n,)),
                    assemble([piece, x], [index, np.arange(n)], (n,)),
                    assemble([x, piece], [np.arange(n), index], (n,))]
    check(outputs, [rng.normal(size=n), rng.normal(size=len(index))], rtol=1e-12)


@pytest.mark.parametrize("n", [2, 5, 511, 512, 513, 5000])
def test_assemblies(n, rng):
    x, y, t = make_input(0, (n,)), make_input(1, (n,)), make_input(2, ())
    s, c, i = unary("sin", x), unary("cos", y), np.arange(n)
    outputs = [
        assemble([s, c], [i, i + n], (2 * n,)), assemble([s, c], [i + n, i], (2 * n,)),
        assemble([s, c], [i + 3, i + 1], (n + 10,)), assemble([s, c, x], [i + n + 7, i + 1, i], (3 * n + 9,)),
        assemble([s, c], [2 * i, 2 * i + 1], (n, 2)), assemble([s, t], [i, [n]], (n + 1,)),
        assemble([t, s], [[0], i], (n,)), assemble([t, t], [[1], [1]], (2 * n,)), assemble([t], [[1]], (3,)),
        assemble([s, unary("sin", s), reduce("sum", s)], [i, i, [0]], (n,)), assemble([], [], (n, 2)),
        assemble([t, reduce("sum", c)], [[1], [0]], (2,)), assemble([s], [np.zeros(n, int)], (1,)),
        assemble([t, t], [[0], [0]], ()),
    ]
    outer = assemble([outputs[0], x], [np.arange(2 * n), i + 2 * n], (3 * n,))
    outputs += [outer, unary("exp", outer), reduce("sum", unary("negative", outer))]
    check(outputs, [rng.normal(size=n), rng.normal(size=n), 0.7])


# -- results -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", SIZES)
def test_results_of_every_kind(n, rng):
    x, t, c, k = make_input(0, (n,)), make_input(1, ()), constant(np.arange(float(n))), constant(2.5)
    s = unary("sin", x)
    same = reshape(s, (n, 1))
    part = gather(s, np.arange(n // 2, n))
    outputs = [x, x, t, t, c, c, k, s, s, same, part, reshape(x, (1, n)), gather(x, np.arange(n // 2)),
               gather(c, np.arange(n // 2)), gather(t, np.zeros(n, int)), gather(k, np.zeros(4, int), (2, 2)),
               binary("add", gather(t, np.zeros(n, int)), gather(k, np.zeros(n, int))),
               reduce("sum", gather(t, np.zeros(n, int))), reduce("sum", s), reduce("sum", s), reshape(t, (1, 1)),
               unary("positive", s), unary("positive", x), slope("d1", "exp", x, unary("exp", x))]
    check(outputs, [rng.normal(size=n), 0.3])


def test_empty_arrays():
    x, y = make_input(0, (0,)), make_input(1, (0, 3))
    outputs = [x, unary("sin", x), reduce("sum", x), reduce("sum", unary("exp", y)), reduce("sum", y, (0,)),
               reduce("sum", y, (1,)), reduce("max", y, (1,)), assemble([x], [np.arange(0)], (3,)),
               assemble([x], [np.arange(0)], (0,)), matmul(y, y, (False, True)), reshape(y, (3, 0)),
               assemble([x, x], [np.arange(0)] * 2, (0,)), binary("add", x, constant(1.0))]
    check(outputs, [np.zeros(0), np.zeros((0, 3))])


def test_guards():
    x, y = make_input(0, ()), make_input(1, (4,))
    positive, alike = compare("greater", x, constant(0.0)), compare("equal", reduce("max", y), x)
    outputs = [binary("multiply", x, y)]
    program = Program(ordered([*outputs, positive, alike]), outputs, [(positive, True), (alike, False)])
    ((result,), finite) = program.run([2.0, np.arange(4.0)])
    assert finite
    assert_array_equal(result, 2 * np.arange(4.0))
    assert program.run([-2.0, np.arange(4.0)]) is None
    assert program.run([3.0, np.arange(4.0)]) is None
    known = constant(1.0)
    assert Program([known, x, y, *outputs], outputs, [(known, False)]).run([1.0, np.arange(4.0)]) is None


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
def test_what_is_not_finite_is_said(n, bad, rng):
    x = make_input(0, (n,))
    i = np.arange(n)
    s = unary("negative", x)
    ways = [
        [s], [x], [reduce("sum", s)], [reduce("max", s)], [assemble([s, s], [i + 1, i], (n + 4,))],
        [assemble([s, s], [i, i + 1], (n + 1,))], [assemble([s, s], [i, i + n], (2 * n,))],
        [assemble([s], [2 * i], (2 * n,))], [gather(s, i[::-1])], [reshape(s, (n, 1))], [s, reshape(s, (1, n))],
        [matmul(reshape(s, (1, n)), constant(np.ones((n, 1))))],
        [assemble([reduce("sum", s)], [[1]], (3,))], [assemble([s, reduce("sum", x)], [i, [n // 2]], (n,))],
    ]
    good = rng.normal(size=n)
    for outputs in ways:
        program = Program(ordered(outputs), outputs, [])
        assert program.run([good])[1] is True
        for k in {0, n // 2, n - 1}:
            given = good.copy()
            given[k] = bad
            assert program.run([given])[1] is all(np.isfinite(w).all() for w in expected(outputs, [given]))
        assert program.run([good])[1] is True
    # What overflows where pieces meet.
    outputs = [assemble([s, s], [i + 1, i], (n + 1,))]
    if n > 1:
        assert Program(ordered(outputs), outputs, []).run([np.full(n, 1e308)])[1] is False


def test_flags_stay_down():
    x = make_input(0, (5,))
    outputs = [unary("log", x), binary("divide", x, x)]
    program = Program(ordered(outputs), outputs, [])
    with np.errstate(all="raise"):
        assert program.run([np.array([0.0, -1.0, 1e308, 1.0, np.inf])])[1] is False
        np.multiply(np.ones(3), 2.0)


def test_numbers():
    x, y = make_input(0, ()), make_input(1, ())
    outputs = [binary("power", x, y), assemble([x, y, x], [[0], [1], [1]], (2,))]
    program = Program(ordered(outputs), outputs, [])
    for given in ([2.0, 3.0], [1.5, -2.0]):
        (value, both), finite = program.numbers(given)
        assert finite and type(value) is np.float64
        assert value == given[0] ** given[1]
        assert_array_equal(both, [given[0], given[0] + given[1]])
    for wrong in ([1.0], [1.0, 2], [1.0, np.float64(2.0)], [], [1.0, None]):
        assert program.numbers(wrong) is NotImplemented
    arrays = Program(ordered([z := make_input(0, (1,))]), [z], [])
    assert arrays.numbers([1.0]) is NotImplemented
    assert program.numbers([1e300, 2.0])[1] is False


def test_inputs_that_do_not_fit():
    x = make_input(0, (3,))
    program = Program(ordered([y := unary("sin", x)]), [y], [])
    with pytest.raises(ValueError, match="shape"):
        program.run([np.zeros(4)])
    with pytest.raises(ValueError, match="1 inputs"):
        program.run([])
    ((got,), _) = program.run([[1, 2, 3]])
    assert_array_equal(got, np.sin([1.0, 2.0, 3.0]))
    ((got,), _) = program.run([np.arange(6.0)[::2]])
    assert_array_equal(got, np.sin([0.0, 2.0, 4.0]))


def test_results_stay_when_the_program_runs_again(rng):
    x = make_input(0, (2000,))
    y = unary("exp", x)
    outputs = [y, reduce("sum", y), gather(y, np.arange(1, 2000))]
    program = Program(ordered(outputs), outputs, [])
    kept = [(given, program.run([given])[0]) for given in rng.normal(size=(5, 2000))]
    del program
    gc.collect()
    for given, results in kept:
        for got, want in zip(results, expected(outputs, [given]), strict=True):
            assert_allclose(got, want, rtol=1e-14)


def test_numbers_of_assembled_numbers(rng):
    x = make_input(0, (4,))
    parts = [gather(x, [i]) for i in range(4)]
    few = assemble([unary("exp", parts[0]), parts[1], constant(3.0)], [[0], [2], [2]], (3,))
    loaded = gather(few, [2])
    outputs = [
        assemble([loaded, gather(few, [0, 2])], [[1], [0, 4]], (20_000,)), binary("multiply", loaded, gather(few, [0])),
        few, assemble([few, few], [np.arange(3), np.arange(3) + 3], (6,)),
        assemble([loaded, few], [[0], [0, 0, 0]], (1,)), matmul(reshape(few, (1, 3)), reshape(few, (3, 1))),
    ]
    check(outputs, [rng.normal(size=4)])


# -- whole programs ----------------------------------------------------------------------------------------------------


def test_memory_is_used_again(rng):
    n = 3000
    x = make_input(0, (n,))
    y = x
    for _ in range(40):
        y = binary("add", unary("sin", gather(y, np.arange(n)[::-1])), gather(y, np.roll(np.arange(n), 1)))
    program = Program(ordered([y]), [y], [])
    assert program.nbytes < 6 * 8 * n
    check([y], [rng.normal(size=n)], rtol=1e-10, atol=1e-10)


def test_equal_entries_may_be_several(rng):
    x, again = make_input(0, (600,)), make_input(0, (600,))
    y = unary("tanh", x)
    slopes = [slope(op, "tanh", x, y) for op in ("d1", "d1", "d2", "d2", "d1")]
    check([binary("add", x, again), *slopes, binary("add", slopes[0], slopes[2])], [rng.normal(size=600)])


def test_the_largest_of_nothing():
    largest = reduce("max", make_input(0, (0, 3)), (0,))
    with pytest.raises(ValueError, match="no numbers"):
        Program(ordered([largest]), [largest], [])


def test_threads_share_a_program(rng):
    x = make_input(0, (3000,))
    y = unary("sin", gather(unary("exp", x), np.arange(3000)[::-1]))
    outputs = [y, reduce("sum", y)]
    program = Program(ordered(outputs), outputs, [])
    given = rng.normal(size=(8, 3000))
    wanted = [program.run([g])[0] for g in given]

    def work(i):
        return all(np.array_equal(program.run([given[i]])[0][0], wanted[i][0]) for _ in range(50))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(8)))


def random_graph(rng, n, steps):
    """Entries of sizes around n, and single numbers, made of each other at random."""
    inputs = [make_input(0, (n,)), make_input(1, (n,)), make_input(2, ()), make_input(3, (n, 3))]
    pool = [*inputs, constant(rng.normal(size=n)), constant(0.75)]
    names = ["sin", "cos", "tanh", "square", "negative", "positive", "sigmoid", "arctan", "exp2"]
    twos = ["add", "subtract", "multiply", "strong_product", "maximum", "arctan2"]

    def pick(size=None):
        found = [e for e in pool if size is None or e.size == size]
        return found[min(rng.integers(len(found)), rng.integers(len(found)))] if rng.random() < 0.3 else \
            found[rng.integers(len(found))]

    for _ in range(steps):
        kind = rng.integers(10)
        x = pick()
        y = pick(x.size) if rng.random() < 0.7 else pick(1)
        if kind <= 1:
            name = names[rng.integers(len(names))]
            x = unary("tanh", x)
            new = unary(name, x)
            if rng.random() < 0.5:
                pool.append(slope("d1", name, x, new))
                pool.append(slope("d2", name, x, new))
        elif kind <= 3:
            name = twos[rng.integers(len(twos))]
            new = binary(name, *((x, y) if rng.random() < 0.5 else (y, x)))
            if rng.random() < 0.3:
                pool.append(partial("arctan2", int(rng.integers(5)), x, y, binary("arctan2", x, y)))
        elif kind == 4:
            new = where(compare("less", x, y), x, y)
        elif kind == 5:
            axes = tuple(i for i in range(len(x.shape)) if rng.random() < 0.7)
            new = reduce(["sum", "max", "min"][rng.integers(3)], x, axes) if axes and x.size else unary("sin", x)
        elif kind == 6 and x.size > 1:
            low = int(rng.integers(x.size))
            index = [np.arange(low, x.size), np.arange(x.size), np.arange(x.size)[::-1], rng.integers(0, x.size, n),
                     np.arange(x.size), np.array([low])][rng.integers(6)]
            new = gather(x, index)
        elif kind == 7 and max(x.size, y.size) <= 4 * n:
            offset = int(rng.integers(0, 3))
            new = assemble([x, y], [np.arange(x.size) + offset, np.arange(y.size)], (max(x.size, y.size) + 3,))
        elif kind == 8 and x.size + y.size <= 6 * n:
            new = assemble([x, y], [np.arange(x.size), x.size + np.arange(y.size)], (x.size + y.size,))
        else:
            turned = rng.random() < 0.5
            a, b = reshape(x, (x.size, 1) if turned else (1, x.size)), reshape(pick(x.size), (x.size, 1))
            new = unary("tanh", matmul(a, b, (turned, False)))
        pool.append(new)
    made = [e for e in pool if e.op not in ("input", "constant")]
    outputs = [made[i] for i in rng.integers(0, len(made), 5)] + [made[-1], pool[rng.integers(len(pool))]]
    return inputs, outputs


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("seed", range(25))
def test_random_graphs(n, seed):
    rng = np.random.default_rng([n, seed])
    inputs, outputs = random_graph(rng, n, int(rng.integers(3, 60)))
    check(outputs, [rng.normal(size=e.shape) if e.shape else float(rng.normal()) for e in inputs], rtol=1e-8, atol=1e-8,
          runs=3)
