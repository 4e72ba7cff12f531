"""Patterns, colourings, compressed evaluation and its verification, against closed forms and brute force."""

import itertools
import pickle
import sys

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import example, given, settings
from hypothesis import strategies as st
from problems import assert_close, rosenbrock, rosenbrock_gradient, rosenbrock_hessian

import dualdiff as dd
from dualdiff import colouring, sparse
from dualdiff.errors import DifferentiationTypeError, DifferentiationValueError, MissingPackageError, PatternError

ORDERS = ["best", "natural", "largest_first", "smallest_last", "incidence_degree"]


# -- problems ----------------------------------------------------------------------------------------------------------


def tridiagonal(n):
    return np.eye(n) + np.eye(n, k=1) + np.eye(n, k=-1)


def banded(n, b):
    return np.abs(np.subtract.outer(np.arange(n), np.arange(n))) <= b


def arrow(n):
    a = np.eye(n)
    a[0] = a[:, 0] = 1
    return a


def five_points(n, periodic=False):
    line = tridiagonal(n)
    if periodic:
        line[0, -1] = line[-1, 0] = 1
    return (np.kron(line, np.eye(n)) + np.kron(np.eye(n), line)) != 0


def broyden(x):
    y = (3.0 - 2.0 * x) * x + 1.0
    y[1:] -= x[:-1]
    y[:-1] -= 2.0 * x[1:]
    return y


def broyden_jacobian(x):
    n = x.size
    return np.diag(3.0 - 4.0 * x) - np.eye(n, k=-1) - 2.0 * np.eye(n, k=1)


def arrow_map(x):
    y = x**2
    y[1:] += np.sin(x[0])
    y[0] += np.sum(x[1:] ** 3)
    return y


def arrow_jacobian(x):
    j = np.diag(2.0 * x)
    j[1:, 0] = np.cos(x[0])
    j[0, 1:] = 3.0 * x[1:] ** 2
    return j


A, B, ALPHA = 1.0, 3.4, 0.1


def brusselator(z, laplacian):
    u, v = z[0], z[1]
    reaction = u**2 * v
    return np.stack([
        1.0 + reaction - (A + B) * u + ALPHA * laplacian(u),
        B * u - reaction + ALPHA * laplacian(v),
    ])


def periodic_laplacian(u):
    n = u.shape[0]
    around = np.roll(u, 1, 0) + np.roll(u, -1, 0) + np.roll(u, 1, 1) + np.roll(u, -1, 1)
    return (around - 4.0 * u) * n**2


def dirichlet_laplacian(u):
    n = u.shape[0]
    w = np.pad(u, 1)
    return (w[2:, 1:-1] + w[:-2, 1:-1] + w[1:-1, 2:] + w[1:-1, :-2] - 4.0 * u) * n**2


def brusselator_jacobian(z, periodic):
    n = z.shape[1]
    stencil = five_points(n, periodic).astype(float)
    np.fill_diagonal(stencil, -4.0)
    diffusion = ALPHA * n**2 * stencil
    u, v = z.reshape(2, -1)
    diagonal = lambda a: np.diag(np.broadcast_to(a, u.shape))
    return np.block([
        [diagonal(2 * u * v - (A + B)) + diffusion, diagonal(u**2)],
        [diagonal(B - 2 * u * v), diagonal(-(u**2)) + diffusion],
    ])


def extended_rosenbrock(x):
    """Independent pairs (Moré, Garbow & Hillstrom 1981, no. 21)."""
    odd, even = x[::2], x[1::2]
    return np.sum(100.0 * (even - odd**2) ** 2 + (1.0 - odd) ** 2)


def extended_rosenbrock_hessian(x):
    odd, even = x[::2], x[1::2]
    h = np.zeros((x.size, x.size))
    i = np.arange(0, x.size, 2)
    h[i, i] = 1200.0 * odd**2 - 400.0 * even + 2.0
    h[i + 1, i + 1] = 200.0
    h[i, i + 1] = h[i + 1, i] = -400.0 * odd
    return h


GRID = np.random.default_rng(1).uniform(0.5, 2.0, (2, 6, 6))
LINE = np.random.default_rng(2).uniform(0.5, 2.0, 12)

JACOBIANS = {
    "Broyden": (broyden, broyden_jacobian, LINE, 3),
    "arrow": (arrow_map, arrow_jacobian, LINE, 12),
    "Brusselator, periodic": (
        lambda z: brusselator(z, periodic_laplacian), lambda z: brusselator_jacobian(z, True), GRID, None),
    "Brusselator, Dirichlet": (
        lambda z: brusselator(z, dirichlet_laplacian), lambda z: brusselator_jacobian(z, False), GRID, None),
}
HESSIANS = {
    "Rosenbrock": (rosenbrock, rosenbrock_gradient, rosenbrock_hessian, 3),
    "extended Rosenbrock": (extended_rosenbrock, None, extended_rosenbrock_hessian, 2),
    "arrow": (lambda x: np.sum(x[0] ** 2 * x**3), None, None, 2),
}


def arrow_hessian(x):
    h = np.diag(6.0 * x[0] ** 2 * x)
    h[0, 1:] = h[1:, 0] = 6.0 * x[0] * x[1:] ** 2
    h[0, 0] = 20.0 * x[0] ** 3 + 2.0 * np.sum(x[1:] ** 3)
    return h


HESSIANS["arrow"] = (*HESSIANS["arrow"][:2], arrow_hessian, 2)


# -- brute force -------------------------------------------------------------------------------------------------------


def allows_columns(pattern, colours):
    """Whether no two columns of one colour meet in a row, pair by pair."""
    return not any(
        colours[i] == colours[j] and (pattern[:, i] & pattern[:, j]).any()
        for i, j in itertools.combinations(range(pattern.shape[1]), 2)
    )


def is_star(pattern, colours):
    """The definition: neighbours differ, and no path of four vertices has two colours. -1 is no colour yet."""
    n = len(colours)
    near = [[j for j in range(n) if j != i and pattern[i, j] and colours[j] >= 0] for i in range(n)]
    seen = [i for i in range(n) if colours[i] >= 0]
    if any(colours[i] == colours[j] for i in seen for j in near[i]):
        return False
    return not any(
        colours[a] == colours[c] and colours[b] == colours[d]
        for a in seen for b in near[a] for c in near[b] if c != a for d in near[c] if d not in (a, b)
    )


def slow_greedy(n, order, allowed):
    """The least colour that a definition allows, vertex by vertex."""
    colours = [-1] * n
    for v in order:
        colours[v] = next(c for c in itertools.count() if allowed([*colours[:v], c, *colours[v + 1:]]))
    return colours


def distinct(pattern, colours):
    n = len(colours)
    return all(
        colours[i] != colours[j] or colours[i] < 0 or not (pattern[:, i] & pattern[:, j]).any()
        for i, j in itertools.combinations(range(n), 2)
    )


@st.composite
def patterns(draw, symmetric=False, largest=9):
    n = draw(st.integers(0, largest))
    m = n if symmetric else draw(st.integers(0, largest))
    cells = draw(st.lists(st.booleans() if draw(st.booleans()) else st.sampled_from([False, False, False, True]),
                          min_size=m * n, max_size=m * n))
    p = np.array(cells, dtype=bool).reshape(m, n)
    return p | p.T if symmetric else p


# -- patterns ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", JACOBIANS)
def test_patterns_of_jacobians(name):
    f, jacobian, x, _ = JACOBIANS[name]
    p = sparse.pattern(f, x)
    np.testing.assert_array_equal(p.array.toarray(), jacobian(x) != 0)
    assert p.shape == (x.size, x.size) and p.nnz == np.count_nonzero(jacobian(x))
    assert isinstance(p.array, sp.csr_array) and p.array.dtype == bool and p.array.data.all()


@pytest.mark.parametrize("name", HESSIANS)
def test_patterns_of_hessians(name):
    f, _, hessian, _ = HESSIANS[name]
    np.testing.assert_array_equal(sparse.pattern(f, LINE, order=2).array.toarray(), hessian(LINE) != 0)


def test_detection_sees_what_is_zero_at_the_point_only():
    x = np.zeros(3)
    np.testing.assert_array_equal(
        sparse.pattern(lambda v: v[:2] * v[1:], x).array.toarray(), [[1, 1, 0], [0, 1, 1]])
    np.testing.assert_array_equal(
        sparse.pattern(lambda v: v[0] ** 3 + v[1] * v[2] ** 2, x, order=2).array.toarray(),
        [[1, 0, 0], [0, 0, 1], [0, 1, 1]])


def test_detection_counts_nan_and_keeps_within_domains():
    x = np.array([0.0, 4.0])
    with np.errstate(all="raise", under="ignore"), pytest.raises(FloatingPointError):
        dd.jacobian(np.log)(x)
    with np.errstate(all="ignore"):
        p = sparse.pattern(lambda v: np.log(v) + np.sqrt(v[::-1]), x)
    assert p.array.toarray().all()
    # Beside 0.999 the root has left its domain, and says nothing of it.
    assert sparse.pattern(lambda v: np.sqrt(1 - v), np.full(2, 0.999)).array.diagonal().all()
    np.testing.assert_array_equal(sparse.pattern(lambda v: v * np.nan, np.ones(2)).array.toarray(), np.eye(2))


@pytest.mark.parametrize("x, shape", [
    (2.0, (1, 1)), ([1.0, 2.0, 3.0], (3, 3)), (np.ones((2, 2)), (4, 4)), (np.ones(3, np.float32), (3, 3)),
    (np.ones(0), (0, 0)), (np.float32(2.0), (1, 1)), (np.arange(3), (3, 3)),
])
def test_pattern_of_every_kind_of_point(x, shape):
    f = lambda v: [e * e for e in v] if isinstance(v, list) else v * v
    p = sparse.pattern(f, x)
    assert p.shape == shape and p == sparse.Pattern(np.eye(shape[0]))
    total = lambda v: sum(e**2 for e in v) if isinstance(v, list) else np.sum(v * v)
    assert sparse.pattern(total, x, order=2) == p
    assert sparse.pattern(total, x) == sparse.Pattern(np.ones((1, shape[1])))


def test_pattern_passes_arguments_on():
    f = lambda x, k, shift=0: np.roll(x, shift) * k
    np.testing.assert_array_equal(
        sparse.pattern(f, np.ones(3), 2.0, shift=1).array.toarray(), np.roll(np.eye(3), 1, axis=0))


def test_pattern_of_several_results_at_second_order_is_their_union():
    p = sparse.pattern(lambda v: np.stack([v[0] * v[1], v[2] ** 2]), np.ones(3), order=2)
    np.testing.assert_array_equal(p.array.toarray(), [[0, 1, 0], [1, 0, 0], [0, 0, 1]])


def test_what_a_pattern_is_made_of():
    dense = np.array([[0, 2, np.nan], [0, 0, 0]])
    p = sparse.Pattern(dense)
    assert p == sparse.Pattern(sp.coo_matrix(dense)) == sparse.Pattern(dense.tolist()) == sparse.Pattern(p)
    stored = sp.csr_array((np.array([0.0, 1.0, 1.0]), np.array([2, 0, 0]), np.array([0, 3])), shape=(1, 3))
    np.testing.assert_array_equal(sparse.Pattern(stored).array.toarray(), [[1, 0, 1]])
    assert sparse.Pattern(stored).nnz == 2
    assert stored.nnz == 3
    assert p != sparse.Pattern(dense[:, :2]) and p != 3
    assert p.T.T == p and p.T.shape == (3, 2)
    assert pickle.loads(pickle.dumps(p)) == p
    assert p | sparse.Pattern([[1, 0, 0], [0, 0, 0]]) == sparse.Pattern([[1, 1, 1], [0, 0, 0]])
    with pytest.raises(ValueError, match="read-only"):
        p.array.indices[0] = 2
    with pytest.raises(TypeError):
        hash(p)


def test_a_pattern_does_not_follow_the_array_it_was_made_of():
    dense = np.eye(2, dtype=bool)
    csr = sp.csr_array(dense)
    p, q = sparse.Pattern(dense), sparse.Pattern(csr)
    dense[:], csr.indices[:] = False, 0
    assert p == q == sparse.Pattern(np.eye(2))


@pytest.mark.parametrize("given, error, match", [
    (np.ones(3), DifferentiationValueError, "shape"),
    (np.ones((2, 2, 2)), DifferentiationValueError, "reshape"),
    (np.array([["a"]]), DifferentiationTypeError, "truth values"),
    ([[dd.Dual(1.0, [1.0])]], DifferentiationTypeError, "dual"),
])
def test_what_no_pattern_can_be_made_of(given, error, match):
    with pytest.raises(error, match=match):
        sparse.Pattern(given)


def test_patterns_of_different_shapes_do_not_join():
    with pytest.raises(DifferentiationValueError, match="one shape"):
        sparse.Pattern(np.eye(2)) | sparse.Pattern(np.eye(3))
    with pytest.raises(TypeError):
        sparse.Pattern(np.eye(2)) | np.eye(2)


def test_picture_character_by_character():
    # Dots of a character: 1 4 / 2 5 / 3 6 / 7 8, bits 01 08 / 02 10 / 04 20 / 40 80.
    p = sparse.Pattern([
        [1, 0, 0, 1, 1],
        [0, 0, 1, 0, 0],
        [0, 1, 0, 0, 0],
        [0, 1, 0, 1, 0],
        [0, 0, 0, 0, 1],
    ])
    lines = str(p).split("\n")
    first = chr(0x2800 + 0x01 + 0x20 + 0x80) + chr(0x2800 + 0x08 + 0x02 + 0x80) + chr(0x2800 + 0x01)
    second = chr(0x2800) + chr(0x2800) + chr(0x2800 + 0x01)
    assert lines == ["┌───┐", f"│{first}│", f"│{second}│", "└───┘", "5 × 5, 8 entries"]
    assert p._repr_html_().startswith("<pre") and first in p._repr_html_()
    assert repr(p) == "<Pattern of shape (5, 5) with 8 entries>"


def test_picture_of_large_small_and_empty_patterns():
    n = 1000
    lines = str(sparse.Pattern(sp.eye_array(n))).split("\n")
    # 1000/144 rounds up to 7: 143 dots, in 72 by 36 characters, and the diagonal sets every dot of its own.
    assert lines[-1] == "1000 × 1000, 1000 entries; a dot stands for 7 × 7"
    assert len(lines) == 36 + 3 and {len(line) for line in lines[:-1]} == {72 + 2}
    assert [line[1 + 2 * i: 3 + 2 * i] for i, line in enumerate(lines[1:36])] == ["⠑⢄"] * 35
    assert str(sparse.Pattern(np.ones((1, 1)))) == "┌─┐\n│⠁│\n└─┘\n1 × 1, 1 entry"
    assert str(sparse.Pattern(np.zeros((0, 3)))) == "┌──┐\n│⠀⠀│\n└──┘\n0 × 3, 0 entries"
    corner = sp.coo_array((np.ones(1), ([99_999], [3])), shape=(100_000, 4))
    lines = str(sparse.Pattern(corner)).split("\n")
    assert lines[-1].endswith("a dot stands for 695 × 1")
    assert lines[-3] == "│" + "⠀" + chr(0x2800 + 0x80) + "│" and set("".join(lines[1:-3])) == {"│", "⠀"}


def test_plot():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    p = sparse.Pattern(arrow(5))
    ax = p.plot(color="red")
    (points,) = ax.collections
    np.testing.assert_array_equal(points.get_offsets()[:, ::-1], np.argwhere(arrow(5)))
    assert ax.get_ylim() == (4.5, -0.5) and ax.get_xlim() == (-0.5, 4.5)
    _, own = pyplot.subplots()
    assert p.plot(own) is own
    pyplot.close("all")


def test_missing_packages_are_named_with_the_command(monkeypatch):
    p = sparse.Pattern(np.eye(2))
    for module in [name for name in sys.modules if name.partition(".")[0] in ("scipy", "matplotlib")]:
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setitem(sys.modules, "scipy.sparse", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    for attempt in (lambda: sparse.pattern(np.sin, np.ones(2)), lambda: sparse.jacobian(np.sin, np.eye(2))):
        with pytest.raises(MissingPackageError, match=r'scipy.*pip install "dualdiff-ad\[scipy\]"'):
            attempt()
    with pytest.raises(ImportError, match='pip install "matplotlib"'):
        p.plot()


# -- colourings --------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(patterns(), st.sampled_from(ORDERS))
@example(np.zeros((0, 3), bool), "best")
@example(np.zeros((3, 0), bool), "incidence_degree")
@example(np.zeros((3, 3), bool), "smallest_last")
def test_column_colourings_are_valid(pattern, order):
    colours = sparse.column_colouring(pattern, order=order)
    assert colours.shape == (pattern.shape[1],) and colours.min(initial=0) >= 0
    assert set(colours) == set(range(colours.max(initial=-1) + 1))
    assert allows_columns(pattern, colours)
    assert colours.max(initial=-1) + 1 >= pattern.sum(axis=1).max(initial=0)


@settings(deadline=None)
@given(patterns(symmetric=True), st.sampled_from(ORDERS))
def test_star_colourings_are_valid(pattern, order):
    colours = sparse.star_colouring(pattern, order=order)
    assert colours.shape == (pattern.shape[1],) and colours.min(initial=0) >= 0
    assert is_star(pattern, colours)


@settings(deadline=None)
@given(patterns(), st.randoms(use_true_random=False))
def test_columns_take_the_least_colour_there_is(pattern, random):
    m, n = pattern.shape
    order = random.sample(range(n), n)
    columns = [np.nonzero(pattern[:, j])[0].tolist() for j in range(n)]
    want = slow_greedy(n, order, lambda colours: distinct(pattern, colours))
    assert colouring.greedy_columns(columns, m, order).tolist() == want


@settings(deadline=None)
@given(patterns(symmetric=True), st.randoms(use_true_random=False))
def test_stars_take_the_least_colour_there_is(pattern, random):
    n = len(pattern)
    order = random.sample(range(n), n)
    neighbours = colouring.adjacency(sp.csr_array(pattern))
    want = slow_greedy(n, order, lambda colours: is_star(pattern, colours))
    assert colouring.greedy_star(neighbours, order).tolist() == want


def test_stars_of_larger_graphs(rng):
    for n, density in ((40, 0.05), (40, 0.2), (80, 0.03)):
        pattern = rng.random((n, n)) < density
        pattern |= pattern.T
        for order in ORDERS:
            assert is_star(pattern, sparse.star_colouring(pattern, order=order))


@settings(deadline=None)
@given(patterns(symmetric=True))
def test_orders_are_what_they_are_called(pattern):
    n = len(pattern)
    graph = colouring.adjacency(sp.csr_array(pattern))
    degrees = np.array([len(some) for some in graph], dtype=int)
    get = lambda name: colouring.ordered(name, degrees, lambda: graph)
    assert get("natural") == list(range(n))
    assert degrees[get("largest_first")].tolist() == sorted(degrees, reverse=True)
    last, left = get("smallest_last"), set(range(n))
    for v in reversed(last):
        left_degree = {w: len(left.intersection(graph[w])) for w in left}
        assert left_degree[v] == min(left_degree.values())
        left.remove(v)
    done = set()
    for v in get("incidence_degree"):
        back = {w: len(done.intersection(graph[w])) for w in set(range(n)) - done}
        assert back[v] == max(back.values())
        done.add(v)


def test_neighbours_leave_the_diagonal_out():
    assert colouring.adjacency(sp.csr_array(arrow(3))) == [[1, 2], [0], [0]]
    assert colouring.adjacency(sp.csr_array((0, 0))) == []


@pytest.mark.parametrize("b", [0, 1, 2, 3])
@pytest.mark.parametrize("order", ["best", "natural", "largest_first"])
def test_bands_take_as_many_colours_as_a_row_has_entries(b, order):
    assert sparse.column_colouring(banded(30, b), order=order).max() + 1 == 2 * b + 1


@pytest.mark.parametrize("order", ORDERS)
def test_colours_of_known_patterns(order):
    count = lambda colours: colours.max() + 1
    assert count(sparse.column_colouring(arrow(12), order=order)) == 12
    assert count(sparse.star_colouring(arrow(12), order=order)) == 2
    assert count(sparse.star_colouring(tridiagonal(30), order=order)) == 3
    assert count(sparse.star_colouring(np.eye(5), order=order)) == 1
    assert count(sparse.star_colouring(np.ones((5, 5)), order=order)) == 5
    # A 5-point stencil needs 5 colours (i + 2 j mod 5, a row has 5 entries); greedy ones stay near.
    assert 5 <= count(sparse.column_colouring(five_points(12), order=order)) <= 8
    assert 4 <= count(sparse.star_colouring(five_points(12), order=order)) <= 7


def test_the_best_order_is_at_least_as_good_as_any(rng):
    pattern = rng.random((40, 30)) < 0.08
    symmetric = rng.random((30, 30)) < 0.08
    symmetric |= symmetric.T
    for colour, p in ((sparse.column_colouring, pattern), (sparse.star_colouring, symmetric)):
        assert colour(p).max() == min(colour(p, order=order).max() for order in ORDERS[1:])
    stencil = five_points(6)
    assert [sparse.column_colouring(stencil, order=order).max() for order in ("natural", "best")] == [6, 4]


def test_a_colouring_is_computed_once(monkeypatch):
    p = sparse.Pattern(tridiagonal(5))
    mine = sparse.column_colouring(p)
    mine[:] = 7
    monkeypatch.setattr(colouring, "greedy_columns", None)
    assert sparse.column_colouring(p).tolist() == [0, 1, 2, 0, 1]


def test_large_rows_build_no_intersection_graph(monkeypatch):
    monkeypatch.setattr(colouring, "LARGEST_GRAPH", 10)
    monkeypatch.setattr(colouring, "peel", None)
    assert allows_columns(five_points(5), sparse.column_colouring(five_points(5)))


def test_refusals_of_colourings():
    with pytest.raises(DifferentiationValueError, match=r"star_colouring: .*symmetric.*order=2"):
        sparse.star_colouring(np.tri(3))
    with pytest.raises(DifferentiationValueError, match=r"star_colouring.*\(2, 3\)"):
        sparse.star_colouring(np.ones((2, 3)))
    with pytest.raises(DifferentiationValueError, match="'best' or one of 'natural'"):
        sparse.column_colouring(np.eye(2), order="random")


# -- evaluation --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", JACOBIANS)
def test_jacobians(name):
    f, jacobian, x, colours = JACOBIANS[name]
    evaluate = sparse.jacobian(f, sparse.pattern(f, x))
    assert colours is None or evaluate.colours.max() + 1 == colours
    for point in (x, 2.0 - x / 3):
        got = evaluate(point)
        assert isinstance(got, sp.csr_array) and got.has_canonical_format
        assert_close(got.toarray(), jacobian(point), 1e-14)
        assert_close(got.toarray().reshape(dd.jacobian(f)(point).shape), dd.jacobian(f)(point), 1e-14)
        value, again = sparse.value_and_jacobian(f, evaluate.pattern)(point)
        np.testing.assert_array_equal(value, f(point))
        np.testing.assert_array_equal(again.data, got.data)


@pytest.mark.parametrize("name", HESSIANS)
def test_hessians(name):
    f, gradient, hessian, colours = HESSIANS[name]
    p = sparse.pattern(f, LINE, order=2)
    evaluate = sparse.hessian(f, p)
    assert evaluate.colours.max() + 1 == colours
    for x in (LINE, 3.0 - LINE):
        got = evaluate(x)
        assert isinstance(got, sp.csr_array)
        assert_close(got.toarray(), hessian(x), 1e-14)
        np.testing.assert_array_equal(got.toarray(), got.toarray().T)
        value, g, again = sparse.value_grad_and_hessian(f, p)(x)
        assert value == f(x)
        assert_close(g, gradient(x) if gradient else dd.grad(f)(x), 1e-14)
        np.testing.assert_array_equal(again.data, got.data)
        by_gradient = sparse.jacobian(dd.grad(f), p, symmetric=True)(x)
        assert_close(by_gradient.toarray(), hessian(x), 1e-14)
        np.testing.assert_array_equal(by_gradient.toarray(), by_gradient.toarray().T)


@settings(deadline=None)
@given(patterns(), st.integers(0, 2**32 - 1))
def test_any_matrix_is_recovered(pattern, seed):
    values = np.where(pattern, np.random.default_rng(seed).normal(size=pattern.shape), 0.0)
    x = np.linspace(0.5, 1.5, pattern.shape[1])
    got = sparse.jacobian(lambda v: values @ v**2, pattern)(x)
    assert_close(got.toarray(), values * 2 * x, 1e-14)
    assert got.nnz == pattern.sum()


@settings(deadline=None)
@given(patterns(symmetric=True), st.integers(0, 2**32 - 1))
def test_any_symmetric_matrix_is_recovered(pattern, seed):
    values = np.where(pattern, np.random.default_rng(seed).normal(size=pattern.shape), 0.0)
    values = values + values.T
    x = np.linspace(0.5, 1.5, len(pattern))
    assert_close(sparse.jacobian(lambda v: values @ v, pattern, symmetric=True)(x).toarray(), values, 1e-14)
    assert_close(sparse.hessian(lambda v: v @ values @ v / 2, pattern)(x).toarray(), values, 1e-14)


@settings(deadline=None)
@given(patterns(), st.integers(0, 2**32 - 1))
def test_any_weighted_hessian_is_recovered(pattern, seed):
    rng = np.random.default_rng(seed)
    (m, n), weights = pattern.shape, rng.normal(size=pattern.shape[0])
    terms = [np.where(np.outer(row, row), rng.normal(size=(n, n)), 0.0) for row in pattern]
    terms = np.array([t + t.T for t in terms]).reshape(m, n, n)
    got = sparse.weighted_hessian(lambda v: (terms @ v) @ v / 2, pattern)(np.linspace(0.5, 1.5, n), weights)
    assert_close(got.toarray(), np.tensordot(weights, terms, 1), 1e-13)
    np.testing.assert_array_equal(got.toarray(), got.toarray().T)
    np.testing.assert_array_equal(sparse.Pattern(got).array.toarray(), (pattern.T.astype(int) @ pattern) > 0)


def test_weighted_hessian_of_rosenbrock_terms():
    terms = lambda v, scale=100.0: scale * (v[1:] - v[:-1] ** 2) ** 2 + (1.0 - v[:-1]) ** 2
    evaluate = sparse.weighted_hessian(terms, sparse.pattern(terms, LINE))
    assert_close(evaluate(LINE, 1.0).toarray(), rosenbrock_hessian(LINE), 1e-14)
    weights = np.linspace(-1.0, 1.0, 11)
    want = np.tensordot(weights, dd.hessian(terms)(LINE, 3.0), 1)
    assert_close(evaluate(LINE, weights, scale=3.0).toarray(), want, 1e-14)
    assert_close(evaluate(LINE, weights, 3.0).toarray(), want, 1e-14)
    chunked = sparse.weighted_hessian(terms, evaluate.pattern, chunk_size=2)
    np.testing.assert_array_equal(chunked(LINE, weights).data, evaluate(LINE, weights).data)


def test_a_matrix_is_the_callers_own():
    evaluate = sparse.jacobian(broyden, tridiagonal(5))
    first = evaluate(np.ones(5))
    want = first.toarray()
    first.data[:], first.indices[:], first.indptr[:] = 0.0, 0, 0
    np.testing.assert_array_equal(evaluate(np.ones(5)).toarray(), want)
    terms = sparse.weighted_hessian(np.square, np.eye(3))
    first = terms(np.ones(3), 1.0)
    first.indices[:] = 0
    np.testing.assert_array_equal(terms(np.ones(3), 1.0).toarray(), 2 * np.eye(3))


def test_entries_of_the_pattern_that_are_zero_are_kept():
    got = sparse.jacobian(lambda v: v**2, np.ones((2, 2)))(np.zeros(2))
    assert got.nnz == 4 and not got.data.any()


def test_empty_rows_columns_and_constants():
    p = np.array([[0, 1, 0], [0, 0, 0]])
    f = lambda v: np.stack([v[1] ** 2, 0.0 * v[0] + 1.0])
    np.testing.assert_array_equal(sparse.jacobian(f, p)(np.ones(3)).toarray(), 2 * p)
    constant = sparse.jacobian(lambda v: np.ones(2), np.zeros((2, 3)))(np.ones(3))
    assert constant.shape == (2, 3) and constant.nnz == 0
    np.testing.assert_array_equal(sparse.hessian(lambda v: 3.0, np.eye(2))(np.ones(2)).toarray(), np.zeros((2, 2)))
    h = sparse.hessian(lambda v: v[1] ** 3, np.diag([0, 1, 0]))(np.ones(3))
    np.testing.assert_array_equal(h.toarray(), np.diag([0, 6, 0]))
    w = sparse.weighted_hessian(f, p)(np.ones(3), 1.0)
    np.testing.assert_array_equal(w.toarray(), np.diag([0, 2, 0]))


@pytest.mark.parametrize("verify", [True, False])
def test_matrices_without_rows_or_columns(verify):
    none = sparse.jacobian(lambda v: v * 2.0, np.zeros((0, 0)), verify=verify)(np.ones(0))
    assert none.shape == (0, 0)
    assert sparse.jacobian(lambda v: v[:0], np.zeros((0, 3)), verify=verify)(np.ones(3)).shape == (0, 3)
    assert sparse.jacobian(lambda v: np.ones(2), np.zeros((2, 0)), verify=verify)(np.ones(0)).shape == (2, 0)
    assert sparse.hessian(lambda v: np.sum(v), np.zeros((0, 0)), verify=verify)(np.ones(0)).shape == (0, 0)
    assert sparse.weighted_hessian(lambda v: v, np.zeros((0, 0)), verify=verify)(np.ones(0), 1.0).shape == (0, 0)


def test_numbers_and_lists():
    one = np.ones((1, 1))
    assert sparse.jacobian(np.sin, one)(0.5).toarray() == np.cos(0.5)
    assert sparse.hessian(np.sin, one)(0.5).toarray() == -np.sin(0.5)
    assert sparse.weighted_hessian(np.sin, one)(0.5, 2.0).toarray() == -2 * np.sin(0.5)
    f = lambda v: [v[0] * v[1], v[1] * v[2]]
    got = sparse.jacobian(f, [[1, 1, 0], [0, 1, 1]])([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(got.toarray(), [[2, 1, 0], [0, 3, 2]])
    value, gradient, h = sparse.value_grad_and_hessian(lambda v: v[0] * v[1] + v[1] * v[2], tridiagonal(3))(
        [1.0, 2.0, 3.0])
    assert value == 8.0 and gradient.tolist() == [2.0, 4.0, 2.0]
    np.testing.assert_array_equal(h.toarray(), np.eye(3, k=1) + np.eye(3, k=-1))
    w = sparse.weighted_hessian(f, [[1, 1, 0], [0, 1, 1]])([1.0, 2.0, 3.0], np.array([1.0, 5.0]))
    np.testing.assert_array_equal(w.toarray(), [[0, 1, 0], [1, 0, 5], [0, 5, 0]])


def test_float32_stays_float32():
    x = LINE.astype(np.float32)
    assert_close(sparse.jacobian(broyden, tridiagonal(12))(x).toarray(), broyden_jacobian(x), 1e-6)
    assert sparse.jacobian(broyden, tridiagonal(12))(x).dtype == np.float32
    h = sparse.hessian(rosenbrock, tridiagonal(12))(x)
    assert h.dtype == np.float32
    assert_close(h.toarray(), rosenbrock_hessian(x), 1e-5)
    terms = sparse.weighted_hessian(lambda v: np.diff(v) ** 3, np.eye(11, 12) + np.eye(11, 12, k=1))
    assert terms(x, 1.0).dtype == np.float32
    assert_close(terms(x, 1.0).toarray(), dd.hessian(lambda v: np.sum(np.diff(v) ** 3))(LINE), 1e-5)


def test_an_argument_other_than_the_first_and_further_ones():
    f = lambda k, x, shift=0.0: k * x**2 + shift
    got = sparse.jacobian(f, np.eye(3), argnums=1)(2.0, np.ones(3), shift=1.0)
    np.testing.assert_array_equal(got.toarray(), 4 * np.eye(3))
    got = sparse.hessian(lambda k, x: k * np.sum(x**2), np.eye(3), argnums=-1)(2.0, np.ones(3))
    np.testing.assert_array_equal(got.toarray(), 4 * np.eye(3))


def test_strict_is_passed_on():
    tips = np.array([0.0, 1.0])
    assert np.isnan(sparse.jacobian(np.abs, np.eye(2), strict=True)(tips).data[0])
    np.testing.assert_array_equal(sparse.jacobian(np.abs, np.eye(2))(tips).data, [0.0, 1.0])
    assert np.isnan(sparse.hessian(lambda v: np.sum(np.abs(v)), np.eye(2))(tips).data[0])


def test_colours_of_the_callers_own():
    f, x = lambda v: v**2, np.ones(4)
    mine = [3, 0, 3, 1]
    evaluate = sparse.jacobian(f, np.eye(4), colours=mine)
    assert evaluate.colours.tolist() == mine
    np.testing.assert_array_equal(evaluate(x).toarray(), 2 * np.eye(4))
    with pytest.raises(DifferentiationValueError, match=r"row 1 .*column_colouring\(pattern\)"):
        sparse.jacobian(f, tridiagonal(4), colours=[0, 1, 0, 1])
    with pytest.raises(DifferentiationValueError, match=r"row 1 .*star_colouring\(pattern\)"):
        sparse.hessian(f, tridiagonal(4), colours=[0, 1, 0, 1])
    for wrong in ([0, 1], [0.0] * 4, [-1, 0, 1, 2], [[0, 1, 2, 3]]):
        with pytest.raises(DifferentiationValueError, match="4 integers"):
            sparse.jacobian(f, np.eye(4), colours=wrong)


@settings(deadline=None)
@given(patterns(symmetric=True, largest=6), st.data())
def test_colours_are_accepted_where_the_definition_allows_recovery(pattern, data):
    n = len(pattern)
    colours = np.array(data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)), dtype=int)
    for symmetric in (False, True):
        alone = lambda i, j: sum(pattern[i, k] and colours[k] == colours[j] for k in range(n)) == 1
        readable = all(alone(i, j) or (symmetric and alone(j, i)) for i, j in np.argwhere(pattern))
        try:
            sparse.jacobian(np.sin, pattern, symmetric=symmetric, colours=colours)
        except DifferentiationValueError:
            assert not readable
        else:
            assert readable


def test_large_tridiagonal_matrices():
    n = 100_000
    x = np.linspace(0.5, 1.5, n)
    line = sp.diags_array([np.ones(n)] * 3, offsets=[-1, 0, 1], shape=(n, n))
    assert sparse.star_colouring(line, order="natural").max() + 1 == 3
    got = sparse.jacobian(broyden, line)(x)
    want = sp.diags_array([np.full(n, -1.0), 3.0 - 4.0 * x, np.full(n, -2.0)], offsets=[-1, 0, 1], shape=(n, n))
    assert abs(got - want).max() < 1e-14
    pairs = sp.diags_array([np.ones(n), np.ones(n)], offsets=[0, 1], shape=(n - 1, n))
    h = sparse.weighted_hessian(lambda v: 100.0 * (v[1:] - v[:-1] ** 2) ** 2 + (1.0 - v[:-1]) ** 2, pairs)(x, 1.0)
    assert h.nnz == 3 * n - 2
    np.testing.assert_allclose(h.diagonal(1), -400.0 * x[:-1], rtol=1e-15)
    np.testing.assert_allclose(h.diagonal()[1:-1], 202.0 + 1200.0 * x[1:-1] ** 2 - 400.0 * x[2:], rtol=1e-13)


# -- verification ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", JACOBIANS)
def test_every_missing_entry_of_a_jacobian_is_noticed(name):
    f, jacobian, x, _ = JACOBIANS[name]
    full = jacobian(x) != 0
    for i, j in np.argwhere(full)[:: 1 if x.ndim == 1 else 17]:
        p = full.copy()
        p[i, j] = False
        with pytest.raises(PatternError, match=rf"1 of {len(full)} rows are wrong, worst of all row {i}\b"):
            sparse.jacobian(f, p)(x)
        quiet = sparse.jacobian(f, p, verify=False)
        quiet(x)
        with pytest.raises(PatternError):
            quiet.verify(x)


@pytest.mark.parametrize("name", HESSIANS)
def test_every_missing_entry_of_a_hessian_is_noticed(name):
    f, _, hessian, _ = HESSIANS[name]
    full = hessian(LINE) != 0
    for i, j in np.argwhere(full):
        p = full.copy()
        p[i, j] = p[j, i] = False
        with pytest.raises(PatternError):
            sparse.hessian(f, p)(LINE)


def test_every_missing_entry_of_a_term_is_noticed_even_where_its_weight_is_zero():
    terms = lambda v: v[1:] ** 2 * v[:-1] ** 2
    full = np.eye(4, 5) + np.eye(4, 5, k=1)
    x, weights = np.zeros(5) + 0.5, np.zeros(4)
    sparse.weighted_hessian(terms, full)(x, weights)
    for i, j in np.argwhere(full):
        p = full.copy()
        p[i, j] = 0
        with pytest.raises(PatternError, match=f"row {i}"):
            sparse.weighted_hessian(terms, p)(x, weights)
        sparse.weighted_hessian(terms, p, verify=False)(x, weights)


def test_a_branch_that_changes_the_pattern_is_noticed():
    f = lambda v: np.where(v[0] > 1.0, v[::-1], v) ** 2
    evaluate = sparse.jacobian(f, sparse.pattern(f, np.full(3, 0.5)))
    evaluate(np.full(3, 0.6))
    with pytest.raises(PatternError, match=r"2 of 3 rows.*pattern, and join it to the old one: old \| new"):
        evaluate(np.full(3, 2.0))
    both = evaluate.pattern | sparse.pattern(f, np.full(3, 2.0))
    np.testing.assert_array_equal(sparse.jacobian(f, both)(np.full(3, 2.0)).toarray(), 4 * np.eye(3)[::-1])


def test_the_worst_row_is_named_in_the_shape_of_the_result():
    f = lambda v: v**2 + 1000.0 * np.eye(2) * np.sum(v) * np.array([[0.0, 0.0], [0.0, 1.0]]) + np.sum(v) * np.eye(2)
    with pytest.raises(PatternError, match=r"2 of 4 rows .* row 3, the result at \(1, 1\), where"):
        sparse.jacobian(f, np.eye(4))(np.ones((2, 2)))
    assert issubclass(PatternError, ValueError) and issubclass(PatternError, dd.DualDiffError)


def test_rows_that_are_not_finite():
    x = np.array([0.0, 1.0])
    with np.errstate(divide="ignore", invalid="ignore"):
        got = sparse.jacobian(np.sqrt, np.eye(2))(x)
        np.testing.assert_array_equal(got.toarray(), [[np.inf, 0.0], [0.0, 0.5]])
        with pytest.raises(PatternError, match="row 0"):
            sparse.jacobian(np.sqrt, [[0, 0], [0, 1]])(x)
        with pytest.raises(PatternError, match="row 1"):
            sparse.jacobian(lambda v: np.stack([v[1], np.nan * v[0]]), [[0, 1], [0, 0]])(x)


def test_rounding_raises_no_alarm(rng):
    """Cancellation of six digits inside the function, and rows of very different scales."""
    f = lambda v: ((1e6 * v + np.roll(v, 1)) - 1e6 * v) * 10.0 ** np.arange(-150, 150, 10)
    p = sparse.Pattern(np.eye(30) + np.roll(np.eye(30), 1, axis=0))
    evaluate = sparse.jacobian(f, p)
    for _ in range(20):
        evaluate(rng.normal(size=30))
    small = p.array.toarray()
    small[0, 29] = False  # the entry of the smallest row, 1e-150
    with pytest.raises(PatternError, match="worst of all row 0 "):
        sparse.jacobian(f, small)(np.ones(30))


def test_rows_that_cancel_along_the_random_direction_raise_no_alarm():
    v = sparse.jacobian(np.sin, np.eye(3))._seeds[-1]
    f = lambda x: np.stack([x[0] * v[1] - x[1] * v[0], x[2] * v[0] / 3 - x[0] * v[2] / 3])
    p = [[1, 1, 0], [1, 0, 1]]
    assert np.abs(dd.jacobian(f)(v) @ v).max() < 1e-15
    sparse.jacobian(lambda x: f(x) + 1e3 * x[:2] - x[:2] * 1e3, p)(np.ones(3))
    with pytest.raises(PatternError):
        sparse.jacobian(f, [[1, 1, 0], [0, 0, 1]])(np.ones(3))
    sparse.weighted_hessian(lambda x: f(x) * x[:1] / v[0] * 1.1, p)(np.ones(3), 1.0)


def test_a_symmetry_that_is_none_is_noticed():
    with pytest.raises(PatternError):
        sparse.jacobian(broyden, tridiagonal(6), symmetric=True)(np.ones(6))


def test_entries_of_small_shares_are_noticed():
    n = 200
    f = lambda v: v + 1e-4 * np.roll(v, 1)
    with pytest.raises(PatternError, match=f"{n} of {n} rows"):
        sparse.jacobian(f, np.eye(n))(np.ones(n))
    sparse.jacobian(lambda v: v + 1e-9 * np.roll(v, 1), np.eye(n))(np.ones(n))  # below the square root of rounding


# -- costs and refusals ------------------------------------------------------------------------------------------------


def counted(f):
    """The function, and a list of the stacks of planes that its argument had at each call."""
    seen = []

    def g(x):
        seen.append(tuple(len(stack) for stack in x._stacks))
        return f(x)

    return g, seen


def test_one_evaluation_along_colours_and_one_more():
    f, seen = counted(broyden)
    sparse.jacobian(f, tridiagonal(12))(LINE)
    sparse.jacobian(f, tridiagonal(12), verify=False)(LINE)
    sparse.value_and_jacobian(f, tridiagonal(12))(LINE)
    sparse.jacobian(f, tridiagonal(12)).verify(LINE)
    assert seen == [(4,), (3,), (4,), (4,)]


def test_one_evaluation_of_a_hessian():
    f, seen = counted(rosenbrock)
    sparse.hessian(f, tridiagonal(12))(LINE)
    sparse.value_grad_and_hessian(f, tridiagonal(12), verify=False)(LINE)
    terms, of_terms = counted(lambda v: np.diff(v) ** 2)
    sparse.weighted_hessian(terms, np.eye(11, 12) + np.eye(11, 12, k=1))(LINE, 1.0)

    def one_set_of_seeds(v):
        assert v._stacks[0] is v._stacks[1]
        return v**2

    sparse.weighted_hessian(one_set_of_seeds, np.eye(12))(LINE, 1.0)
    assert seen == [(12, 4, 48), (12, 3, 36)] and of_terms == [(3, 3, 6)]


@pytest.mark.parametrize("chunk", [1, 2, 3, 4, 5])
def test_chunks(chunk):
    f, seen = counted(broyden)
    got = sparse.jacobian(f, tridiagonal(12), chunk_size=chunk)(LINE)
    assert len(seen) == -(-4 // chunk)
    np.testing.assert_array_equal(got.data, sparse.jacobian(broyden, tridiagonal(12))(LINE).data)
    f, seen = counted(rosenbrock)
    value, g, h = sparse.value_grad_and_hessian(f, tridiagonal(12), chunk_size=chunk)(LINE)
    assert len(seen) == -(-4 // chunk) * -(-12 // chunk)
    assert_close(g, rosenbrock_gradient(LINE), 1e-14)
    assert_close(h.toarray(), rosenbrock_hessian(LINE), 1e-14)


def test_max_memory_sets_the_chunks():
    plane = 4 * 12 * 8  # of four arrays that are alive at a time
    f, seen = counted(broyden)
    sparse.jacobian(f, tridiagonal(12), max_memory=2 * plane)(LINE)
    assert seen == [(2,), (2,)]
    f, seen = counted(rosenbrock)
    sparse.hessian(f, tridiagonal(12), max_memory=20 * plane)(LINE)
    assert seen == [(4, 4, 16)] * 3
    sparse.hessian(f, tridiagonal(12), max_memory=1)(LINE)
    assert seen[3:] == [(1, 1, 1)] * 48
    terms, seen = counted(lambda v: np.diff(v) ** 2)
    sparse.weighted_hessian(terms, np.eye(11, 12) + np.eye(11, 12, k=1), max_memory=4 * plane)(LINE, 1.0)
    assert seen == [(2, 2, 3), (2, 1, 2), (1, 1, 1)]


@pytest.mark.parametrize("attempt, error, match", [
    (lambda: sparse.pattern(3.0, np.ones(2)), DifferentiationTypeError, "sparse.pattern: needs a function"),
    (lambda: sparse.pattern(np.sin, np.ones(2), order=3), DifferentiationValueError, "order must be 1"),
    (lambda: sparse.pattern(np.sin, np.ones(2), order=True), DifferentiationValueError, "order must be 1"),
    (lambda: sparse.pattern(np.sin, "x"), DifferentiationTypeError, "sparse.pattern: x must be"),
    (lambda: sparse.jacobian(2.0, np.eye(2)), DifferentiationTypeError, "sparse.jacobian: needs a function"),
    (lambda: sparse.jacobian(np.sin, np.eye(2), chunk_size=0), DifferentiationValueError, "sparse.jacobian: chunk"),
    (lambda: sparse.jacobian(np.sin, np.eye(2))(), DifferentiationTypeError, "positional"),
    (lambda: sparse.jacobian(np.sin, np.eye(2))(np.ones(3)), DifferentiationValueError, "2 columns.*size 3"),
    (lambda: sparse.jacobian(np.sin, np.ones((3, 2)))(np.ones(2)), DifferentiationValueError, "3 rows.*2 numbers"),
    (lambda: sparse.jacobian(np.sin, np.ones((3, 2)), symmetric=True), DifferentiationValueError, "symmetric"),
    (lambda: sparse.hessian(np.sum, np.tri(3)), DifferentiationValueError, r"hessian: .*p \| p.T"),
    (lambda: sparse.hessian(np.sum, np.eye(2))(np.ones(3)), DifferentiationValueError, "2 columns"),
    (lambda: sparse.hessian(np.sin, np.eye(2))(np.ones(2)), DifferentiationValueError, "weighted_hessian"),
    (lambda: sparse.weighted_hessian(np.sin, np.eye(2))(np.ones(2)), DifferentiationTypeError, "weights"),
    (lambda: sparse.weighted_hessian(np.sin, np.eye(2))(np.ones(2), np.ones(3)), DifferentiationValueError, "weights"),
    (lambda: sparse.weighted_hessian(np.sin, np.eye(2))(np.ones(2), "a"), DifferentiationValueError, "weights"),
    (lambda: sparse.weighted_hessian(np.sin, np.ones((1, 2)))(np.ones(2), 1.0), DifferentiationValueError, "1 rows"),
])
def test_refusals(attempt, error, match):
    with pytest.raises(error, match=match):
        attempt()


@pytest.mark.parametrize("make", [sparse.jacobian, sparse.hessian, sparse.weighted_hessian])
def test_containers_are_refused(make):
    with pytest.raises(DifferentiationTypeError, match="must be a number, an array or a flat list of numbers"):
        make(lambda p: np.sum(p["a"] ** 2), np.eye(2))({"a": np.ones(2)}, 1.0)
    with pytest.raises(DifferentiationTypeError, match="must be a number, an array or a flat list of numbers"):
        sparse.pattern(lambda p: np.sum(p["a"] ** 2), {"a": np.ones(2)})


def test_outer_derivatives_are_refused():
    x = np.ones(2)
    for evaluate in (
        lambda v: sparse.jacobian(np.sin, np.eye(2))(v).sum(),
        lambda v: sparse.jacobian(lambda u: u * v, np.eye(2))(x).sum(),
        lambda v: sparse.jacobian(lambda u: v, np.zeros((2, 2)))(x).sum(),
        lambda v: sparse.hessian(lambda u: np.sum(u**3), np.eye(2))(v).sum(),
        lambda v: sparse.hessian(lambda u: np.sum(u**2 * v), np.eye(2))(x).sum(),
        lambda v: sparse.weighted_hessian(lambda u: u**2 * v, np.eye(2))(x, 1.0).sum(),
        lambda v: sparse.weighted_hessian(np.sin, np.eye(2))(v, 1.0).sum(),
    ):
        with pytest.raises(DifferentiationTypeError, match="outer derivative"):
            dd.grad(evaluate)(x)
    with pytest.raises(DifferentiationTypeError, match="dual number"):
        dd.grad(lambda v: sparse.pattern(np.sin, v).nnz * v[0])(x)
    with pytest.raises(DifferentiationTypeError, match="dual number"):
        dd.grad(lambda v: sparse.pattern(np.sin, [v[0], 1.0]).nnz * v[0])(x)


def test_an_evaluator_tells_what_it_is():
    evaluate = sparse.jacobian(broyden, tridiagonal(4))
    assert repr(evaluate) == "<sparse.jacobian of broyden, <Pattern of shape (4, 4) with 10 entries>, 3 colours>"
