"""Sparse Jacobians and Hessians, evaluated again and again: patterns, colourings, recovery, verification.

A sparsity pattern tells which inputs never meet in an output. Those share one direction of differentiation, a colour,
and the entries of the matrix are read off where they lie: a Jacobian of 10⁵ columns with three entries in each row
takes three directions instead of 10⁵. Detect the pattern once (`pattern`), make an evaluator of it (`jacobian`,
`hessian`, ...), and call that wherever the derivative is needed. Every call also compares the result with one more,
random direction, so that a pattern that no longer holds is an error and not a wrong number.

SciPy is needed for all of this; it is imported when it is used.
"""

import functools

import numpy as np

from . import colouring
from ._array import is_dual, pairs
from .errors import DifferentiationTypeError, DifferentiationValueError, PatternError, optional
from .packing import has_duals, part, plain
from .passes import Call, Settings, check_function, is_integer
from .points import FULL, TRIANGLE, Point, identity, seed_along
from .results import own
from .transforms import hessian as dense_hessian
from .transforms import jacobian as dense_jacobian

__all__ = [
    "Pattern",
    "column_colouring",
    "hessian",
    "jacobian",
    "pattern",
    "star_colouring",
    "value_and_jacobian",
    "value_grad_and_hessian",
    "weighted_hessian",
]

# Characters of the largest picture of a pattern: 2 x 4 dots each, so that it has as many dots in either direction.
PICTURE = (72, 36)
# The Unicode bits of the dots of a Braille character, by row and column.
DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
BLANK = 0x2800


def _scipy_sparse():
    return optional("scipy.sparse", "dualdiff.sparse: a sparse matrix", "dualdiff-ad[scipy]")


# -- patterns ----------------------------------------------------------------------------------------------------------


class Pattern:
    """Which entries of a matrix may be other than 0.

    Parameters
    ----------
    entries : array_like or scipy.sparse array or matrix
        Of shape (m, n). Of a sparse one every stored entry counts, stored zeros too; of a dense one all but 0.

    Attributes
    ----------
    array : scipy.sparse.csr_array of bool, shape (m, n)
        All True, in canonical form; its memory is read-only.
    shape : tuple of int
    nnz : int
        The number of entries.

    Notes
    -----
    ``p | q`` has the entries of both, ``p.T`` is the transpose, ``p == q`` compares. ``str(p)`` is a picture in Braille
    characters, one dot for each entry; where the matrix is larger than 144 dots, a dot stands for a block of entries
    and is set when any of them is there.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> print(dd.sparse.Pattern(np.tri(6)))
    ┌───┐
    │⣷⣄⠀│
    │⠛⠛⠓│
    └───┘
    6 × 6, 21 entries
    """

    __slots__ = ("_colourings", "array")

    def __init__(self, entries):
        sparse = _scipy_sparse()
        if isinstance(entries, Pattern):
            entries = entries.array
        if has_duals(entries):
            raise DifferentiationTypeError(
                "Pattern: found dual numbers; a pattern is made of plain ones, pass dualdiff.value(a)"
            )
        if not sparse.issparse(entries):
            entries = np.asarray(entries)
            if entries.dtype.kind not in "biufc":
                raise DifferentiationTypeError(
                    f"Pattern: needs an array of truth values or numbers, found dtype {entries.dtype}; pass a != 0"
                )
            entries = entries != 0
        if entries.ndim != 2:
            raise DifferentiationValueError(
                f"Pattern: needs a matrix of shape (f(x).size, x.size), found shape {entries.shape}; reshape it"
            )
        array = sparse.csr_array(entries, copy=True)
        array.sum_duplicates()
        array = sparse.csr_array((np.ones(array.nnz, dtype=bool), array.indices, array.indptr), shape=array.shape)
        for memory in (array.data, array.indices, array.indptr):
            memory.flags.writeable = False
        self.array, self._colourings = array, {}

    @property
    def shape(self):
        return self.array.shape

    @property
    def nnz(self):
        return int(self.array.nnz)

    @property
    def T(self):
        """The transpose."""
        return Pattern(self.array.T)

    def coordinates(self):
        """Row and column of every entry, row by row."""
        return np.repeat(np.arange(self.shape[0]), np.diff(self.array.indptr)), self.array.indices

    def is_symmetric(self):
        """Whether (j, i) is there wherever (i, j) is."""
        return self.shape[0] == self.shape[1] and self == self.T

    def _colouring(self, kind, order):
        """A colouring of `dualdiff.colouring`, computed once."""
        if (kind, order) not in self._colourings:
            self._colourings[kind, order] = kind(self.array, order)
        return self._colourings[kind, order].copy()

    def __or__(self, other):
        if not isinstance(other, Pattern):
            return NotImplemented
        if self.shape != other.shape:
            raise DifferentiationValueError(
                f"Pattern: only patterns of one shape can be joined, found {self.shape} and {other.shape}; "
                f"detect both with the same sizes of x and f(x)"
            )
        return Pattern(self.array + other.array)

    def __eq__(self, other):
        if not isinstance(other, Pattern):
            return NotImplemented
        return (
            self.shape == other.shape
            and np.array_equal(self.array.indptr, other.array.indptr)
            and np.array_equal(self.array.indices, other.array.indices)
        )

    __hash__ = None

    def __reduce__(self):
        return Pattern, (self.array,)

    def __repr__(self):
        return f"<Pattern of shape {self.shape} with {self.nnz} {_entries(self.nnz)}>"

    def __str__(self):
        lines, (down, across) = self._picture()
        m, n = self.shape
        scale = "" if down == across == 1 else f"; a dot stands for {down} × {across}"
        bar = "─" * len(lines[0])
        body = "\n".join(f"│{line}│" for line in lines)
        return f"┌{bar}┐\n{body}\n└{bar}┘\n{m} × {n}, {self.nnz} {_entries(self.nnz)}{scale}"

    def _repr_html_(self):
        import html

        return f'<pre style="line-height: 1.1">{html.escape(str(self))}</pre>'

    def _picture(self):
        """Lines of Braille characters, and how many rows and columns a dot stands for."""
        (m, n), (width, height) = self.shape, PICTURE
        down, across = max(1, -(-m // (4 * height))), max(1, -(-n // (2 * width)))
        rows, columns = self.coordinates()
        i, j = rows // down, columns // across
        cells = np.full((max(1, -(-m // (4 * down))), max(1, -(-n // (2 * across)))), BLANK)
        np.bitwise_or.at(cells, (i // 4, j // 2), DOTS[i % 4, j % 2])
        return ["".join(map(chr, line)) for line in cells.tolist()], (down, across)

    def plot(self, ax=None, **options):
        """Draw the pattern with matplotlib.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where; a figure of its own when nothing is said.
        **options
            For `matplotlib.axes.Axes.scatter`, by which the entries are drawn.

        Returns
        -------
        matplotlib.axes.Axes
        """
        if ax is None:
            ax = optional("matplotlib.pyplot", "dualdiff.sparse: plot", "matplotlib").subplots()[1]
        rows, columns = self.coordinates()
        m, n = self.shape
        # A side of the axes is about 250 points: entries touch when there are many, and stay visible.
        side = min(max(250.0 / max(m, n, 1), 0.5), 8.0)
        ax.scatter(columns, rows, **{"s": side**2, "marker": "s", "linewidths": 0, **options})
        ax.set(xlim=(-0.5, n - 0.5), ylim=(m - 0.5, -0.5), aspect="equal", xlabel=f"{self.nnz} {_entries(self.nnz)}")
        return ax


def _as_pattern(entries):
    return entries if isinstance(entries, Pattern) else Pattern(entries)


def _entries(count):
    return "entry" if count == 1 else "entries"


def pattern(function, x, *args, order=1, **kwargs):
    """Detect the sparsity pattern of a Jacobian or a Hessian.

    Parameters
    ----------
    function : callable
    x : float, array_like
        A typical point.
    *args, **kwargs
        Passed on to the function.
    order : {1, 2}
        1 for the Jacobian, of shape ``(f(x).size, x.size)``; 2 for the Hessian, of shape ``(x.size, x.size)``, which
        for a function with several results is the union of theirs.

    Returns
    -------
    Pattern

    Notes
    -----
    Detection is local: derivatives are evaluated at x and at two points beside it (every coordinate moved by up to one
    percent of itself, zeros by up to 0.01), and an entry counts when it is other than 0, or nan, at any of them. A
    Jacobian that comes from structured tangents shows entries that happen to be 0, too. What depends on a branch that
    none of the three takes is not seen; join the patterns of several points with ``|``. The evaluators notice at every
    x whether the pattern holds there.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> p = dd.sparse.pattern(lambda v: np.diff(v) ** 2, np.zeros(4))
    >>> p
    <Pattern of shape (3, 4) with 6 entries>
    >>> dd.sparse.pattern(lambda v: np.sum(np.diff(v) ** 3), np.zeros(4), order=2).array.toarray().astype(int)
    array([[1, 1, 0, 0],
           [1, 1, 1, 0],
           [0, 1, 1, 1],
           [0, 0, 1, 1]])
    """
    check_function(function, "sparse.pattern")
    if not is_integer(order) or order not in (1, 2):
        raise DifferentiationValueError(
            f"sparse.pattern: order must be 1 for the Jacobian or 2 for the Hessian, found {order!r}"
        )
    _scipy_sparse()
    return Pattern(_detect(functools.partial(_with_arguments, function, args, kwargs), x, int(order)))


def _with_arguments(function, args, kwargs, x):
    return function(x, *args, **kwargs)


def _detect(f, x, order):
    """Where the derivative of the order may be other than 0: anything that `Pattern` takes."""
    found = None
    point = Point(x, "sparse.pattern")
    if not point.plain and has_duals(point.x):
        raise DifferentiationTypeError("sparse.pattern: x is a dual number; pass dualdiff.value(x)")
    base = np.asarray(point.x)
    rng = np.random.default_rng(1974)
    for radius in (0.0, 0.01, 0.01):
        step = radius * rng.uniform(0.5, 1.0, base.shape).astype(base.dtype)
        moved = _in_form(point, np.where(base == 0, step, base * (1 + step)) if radius else base)
        # Beside x a function may leave its domain: what is nan there counts as an entry.
        with np.errstate(**({"all": "ignore"} if radius else {})):
            d = _stored(dense_jacobian(f, sparse=True)(moved) if order == 1 else _second(f, moved, point.size))
        found = d if found is None else found + d
    return found


def _second(f, x, n):
    """A sparse array with the entries of the Hessian of a scalar function, of all Hessians of any other one."""
    try:
        # The structure of the tangents goes through a recorded gradient.
        return dense_hessian(f, sparse=True)(x)
    except DifferentiationValueError:
        hessians = np.asarray(plain(dense_hessian(f)(x))).reshape((-1, n, n))
        return _scipy_sparse().csr_array((hessians != 0).any(axis=0))


def _stored(d):
    """The entries that a sparse array stores, zeros among them, as truth values."""
    marked = d.copy()
    marked.data = np.ones(marked.data.shape, dtype=bool)
    return marked.astype(bool)


def _in_form(point, array):
    return array.tolist() if point.kind == "list" else array[()] if point.kind == "number" else array


# -- colourings --------------------------------------------------------------------------------------------------------


def column_colouring(pattern, *, order="best"):
    """Colour the columns of a pattern so that no two of one colour have an entry in the same row.

    Parameters
    ----------
    pattern : Pattern, or what one can be made of
    order : {"best", "natural", "largest_first", "smallest_last", "incidence_degree"}
        In which the columns choose; "best" tries these until one needs no more colours than the fullest row has
        entries (the last two, which build the intersection graph of the columns, where that has up to 10⁷ entries).

    Returns
    -------
    ndarray of int, shape (n,)
        The colour of each column, from 0.

    Notes
    -----
    Greedy colouring of the column intersection graph (Curtis, Powell & Reid 1974; Coleman & Moré 1983), in
    ``O(nnz * colours / 64)`` for the first two orders; the others take the square of each row's entries on top. Finding
    the least number is NP-hard; it is met for banded matrices, and whenever a row has as many entries as there are
    colours.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> dd.sparse.column_colouring(np.eye(7) + np.eye(7, k=1) + np.eye(7, k=-1))
    array([0, 1, 2, 0, 1, 2, 0])
    """
    return _as_pattern(pattern)._colouring(colouring.colour_columns, _order(order, "column_colouring"))


def star_colouring(pattern, *, order="best"):
    """Colour a symmetric pattern so that every entry can be read off directly, it or its mirror image.

    Parameters
    ----------
    pattern : Pattern, or what one can be made of
        Square and symmetric.
    order : {"best", "natural", "largest_first", "smallest_last", "incidence_degree"}
        In which the columns choose; "best" tries all of them.

    Returns
    -------
    ndarray of int, shape (n,)
        Neighbours in the graph of the matrix differ, and every path of four vertices has at least three colours
        (Coleman & Moré 1984).

    Raises
    ------
    DifferentiationValueError
        When the pattern is not symmetric.

    Notes
    -----
    Symmetry saves colours, often most of them: an arrow of any size takes two, its columns as such take n. Greedy
    algorithm of Gebremedhin, Tarafdar, Manne & Pothen (2007), with sets of colours as integers, in
    ``O(nnz * colours / 64)``; for the survey see Gebremedhin, Manne & Pothen (2005).

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> arrow = np.eye(6)
    >>> arrow[0] = arrow[:, 0] = 1
    >>> dd.sparse.star_colouring(arrow)
    array([0, 1, 1, 1, 1, 1])
    """
    pattern = _symmetric(_as_pattern(pattern), "star_colouring")
    return pattern._colouring(colouring.colour_star, _order(order, "star_colouring"))


def _order(order, name):
    if order != "best" and order not in colouring.ORDERS:
        raise DifferentiationValueError(
            f"sparse.{name}: order must be 'best' or one of {', '.join(map(repr, colouring.ORDERS))}, found {order!r}"
        )
    return None if order == "best" else order


def _symmetric(pattern, name):
    if not pattern.is_symmetric():
        what = "is not symmetric" if pattern.shape[0] == pattern.shape[1] else f"has shape {pattern.shape}"
        raise DifferentiationValueError(
            f"sparse.{name}: needs a symmetric pattern, and this one {what}; for a Hessian detect it with "
            f"dualdiff.sparse.pattern(f, x, order=2), and of a triangle make it with p | p.T"
        )
    return pattern


# -- evaluation --------------------------------------------------------------------------------------------------------


def _places(pattern, colours, name, symmetric):
    """Where every entry of a pattern stands among the products (colours, m) of the matrix with its colours.

    Entry (i, j) is in the product with the colour of j, in row i, when no other entry of the row has that colour. A
    symmetric matrix offers row j of the product with the colour of i instead; the two halves are read from one place,
    so that the result is symmetric to the bit.
    """
    m, n = pattern.shape
    if colours.shape != (n,) or colours.dtype.kind not in "iu" or colours.min(initial=0) < 0:
        raise DifferentiationValueError(
            f"{name}: colours must be {n} integers of at least 0, one for each column, found shape {colours.shape} and "
            f"dtype {colours.dtype}"
        )
    rows, columns = pattern.coordinates()
    lost = shared = colouring.repeated(rows * (int(colours.max(initial=0)) + 1) + colours[columns])
    if symmetric:
        mirror = np.lexsort((rows, columns))
        lost = shared & shared[mirror]
    if lost.any():
        i = int(rows[np.argmax(lost)])
        raise DifferentiationValueError(
            f"{name}: with these colours entries of row {i} cannot be told apart; "
            f"use dualdiff.sparse.{'star' if symmetric else 'column'}_colouring(pattern)"
        )
    if symmetric:
        upper = rows <= columns
        low, high = np.where(upper, (rows, columns), (columns, rows))
        rows, columns = np.where(np.where(upper, shared, shared[mirror]), (high, low), (low, high))
    return colours[columns] * m + rows


class Evaluator:
    """A sparse derivative, evaluated along one direction for each colour of its pattern; made by `jacobian` and others.

    Calling it with the function's arguments gives what the transform that made it promises. It holds no state that a
    call changes: threads may share one.

    Attributes
    ----------
    pattern : Pattern
        As it was given.
    colours : ndarray of int
        The colour of each column.
    """

    symmetric = False

    def __init__(self, settings, pattern, colours, verify, pick):
        _scipy_sparse()
        self.pattern = _as_pattern(pattern)
        if self.symmetric:
            _symmetric(self.pattern, settings.name.removeprefix("sparse."))
        if colours is None:
            colours = (star_colouring if self.symmetric else column_colouring)(self.pattern)
        self.colours = np.array(colours)
        self._settings, self._verified, self._pick = settings, bool(verify), pick
        self._places = _places(self.pattern, self.colours, settings.name, self.symmetric)
        n = self.pattern.shape[1]
        count = int(self.colours.max(initial=-1)) + 1
        # A row for each colour, and a random one in the end: what `verify` compares with.
        self._seeds = np.zeros((count + 1, n))
        self._seeds[self.colours, np.arange(n)] = 1.0
        self._seeds[-1] = np.random.default_rng(1983).uniform(1.0, 2.0, n)

    def __repr__(self):
        function = getattr(self._settings.function, "__name__", type(self._settings.function).__name__)
        return f"<{self._settings.name} of {function}, {self.pattern!r}, {len(self._seeds) - 1} colours>"

    def __call__(self, *args, **kwargs):
        return self._pick(*self._evaluate(args, kwargs, self._verified))

    def verify(self, *args, **kwargs):
        """Evaluate at the function's arguments, and raise unless the pattern holds there.

        Raises
        ------
        PatternError
            When the recovered matrix and the derivative disagree along a random direction ``v``, with coordinates drawn
            uniformly from [1, 2] when the evaluator was made: in some row by more than ``√ε |A| v``, where ε is that
            of x's dtype. The row that is furthest off is named.

        Notes
        -----
        An entry ``a`` at (i, j) that the pattern has not makes row i differ by a linear form in v in which ``v_j`` has
        the coefficient ``a``: it was lost, or was taken for another column's. Such a form is within δ of 0 with
        probability ``2 δ / |a|`` at most, so an entry whose share of its row is r stays unseen with probability
        ``4 √ε / r`` at most (in float64 6e-6 for r = 1 %). Entries of a share below √ε are not sought, since rounding
        can be as large; nor are entries of a row that holds nan or inf already. A `weighted_hessian` is judged by the
        quadratic form ``vᵀ H_t v`` of each term, a polynomial in v to which the same argument applies.
        """
        self._evaluate(args, kwargs, True)

    def _call(self, args, kwargs, verify):
        """The call, and its seeds in the dtype of x."""
        call = Call(self._settings, args, kwargs)
        if not isinstance(call.point, Point):
            raise DifferentiationTypeError(
                f"{self._settings.name}: x must be a number, an array or a flat list of numbers, since a pattern has a "
                f"column for each; join the parts of a container, or several arguments, with np.concatenate"
            )
        n = self.pattern.shape[1]
        if call.point.size != n:
            raise DifferentiationValueError(
                f"{self._settings.name}: the pattern has {n} columns, but x has size {call.point.size}; detect it with "
                f"dualdiff.sparse.pattern at an x of this size"
            )
        return call, self._seeds[: None if verify else -1].astype(call.point.dtype, copy=False)

    def _evaluate(self, args, kwargs, verify):
        """Value, gradient or None, and matrix."""
        call, seeds = self._call(args, kwargs, verify)
        val, gradient, products = self._products(call, seeds)
        self._refuse_duals(val, products)
        m = self.pattern.shape[0]
        if products.shape[1] != m:
            raise DifferentiationValueError(
                f"{self._settings.name}: the pattern has {m} rows, but the function returned {products.shape[1]} "
                f"numbers; detect it with dualdiff.sparse.pattern"
            )
        matrix = _csr(self.pattern.array, products.reshape(-1)[self._places])
        if verify:
            v = seeds[-1]
            self._compare(products[-1], matrix @ v, lambda: abs(matrix) @ v, val.shape)
        return val, gradient, matrix

    def _compare(self, want, got, scale, shape):
        """Raise where the derivative along the random direction is not what the recovered entries give.

        ``scale`` is asked for ``|A| v`` only where ``|A v|``, which is at most that, does not settle it.
        """
        tolerance = np.sqrt(np.finfo(want.dtype).eps)
        with np.errstate(invalid="ignore"):
            off = np.abs(want - got)
            wrong = ~(off <= tolerance * np.abs(got))
            if wrong.any():
                wrong = ~(off <= tolerance * scale()) & (np.isfinite(want) | np.isfinite(got))
        if not wrong.any():
            return
        i = int(np.argmax(np.where(wrong, off, -1.0)))
        index = f", the result at {tuple(map(int, np.unravel_index(i, shape)))}," if len(shape) > 1 else ""
        raise PatternError(
            f"{self._settings.name}: the pattern does not hold at this x; {int(wrong.sum())} of {wrong.size} rows are "
            f"wrong, worst of all row {i}{index} where the derivative along a random direction is {want[i]:.6g} and "
            f"the recovered entries give {got[i]:.6g}; detect the pattern again here with dualdiff.sparse.pattern, and "
            f"join it to the old one: old | new"
        )

    def _refuse_duals(self, *parts):
        if any(is_dual(part) for part in parts):
            raise DifferentiationTypeError(
                f"{self._settings.name}: an outer derivative runs, and scipy.sparse matrices cannot hold dual numbers; "
                f"use the dense transform of the same name, or dualdiff.value where no outer derivative is meant"
            )


class ColouredJacobian(Evaluator):
    """Products with the seeds are directional derivatives, all of them from one call of the function."""

    def _products(self, call, seeds):
        blocks = []
        for first, count in call.settings.columns(call.point, len(seeds)):
            stack = seeds[first : first + count].reshape((count, *call.point.shape))
            y, lvl = call.seeded(lambda lvl, stack=stack: seed_along(call.point, (stack,), None, lvl))
            val, planes = call.read_first(y, lvl, count)
            blocks.append(planes.reshape((count, val.size)))
        return val, None, blocks[0] if len(blocks) == 1 else np.concatenate(blocks)


class SymmetricJacobian(ColouredJacobian):
    """Of a gradient, say: symmetric, so that a star colouring does."""

    symmetric = True


class ColouredHessian(Evaluator):
    """Hyper-dual numbers: ε1 runs through the inputs and gives the gradient, ε1ε2 with the seeds in ε2 the products."""

    symmetric = True

    def _products(self, call, seeds):
        point, rows = call.point, []
        for begin, some in call.settings.columns(point, len(seeds)):
            e2 = seeds[begin : begin + some].reshape((some, *point.shape))
            gradient, columns = [], []
            for chunk in call.settings.columns(point, point.size, each=1 + some):
                val, (e1, _, e12) = self._pass(call, chunk, e2)
                gradient.append(e1)
                columns.append(e12.reshape((chunk[1], some)).T)
            rows.append(np.concatenate(columns, axis=1))
        return val, np.concatenate(gradient).reshape(point.shape), np.concatenate(rows)

    def _pass(self, call, chunk, e2):
        layout = (FULL, chunk[1], len(e2))

        def seed(lvl):
            e1 = identity(part(call.point.x), 0, chunk)
            return seed_along(call.point, (e1, e2, _zeros(call.point, layout)), layout, lvl)

        y, lvl = call.seeded(seed)
        val, stacks = call.read_second(y, lvl, layout)
        call.check_result(val, True, "dualdiff.sparse.weighted_hessian, the Hessian of a weighted sum of its entries")
        return val, stacks


class WeightedHessian(Evaluator):
    """Seeds are the colours of the Jacobian, in both places: each result's own small Hessian from one call."""

    def __init__(self, *args):
        super().__init__(*args)
        self._pairs(*self.pattern.coordinates())

    def _pairs(self, rows, columns):
        """Pairs of entries of one row: their result t, inputs i ≤ j, and the entry of the Hessian they add to."""
        starts = self.pattern.array.indptr
        lengths = np.diff(starts)[rows]
        left = np.repeat(np.arange(len(rows)), lengths)
        right = np.arange(len(left)) + np.repeat(starts[rows] - (np.cumsum(lengths) - lengths), lengths)
        keep = columns[left] <= columns[right]
        left, right = left[keep], right[keep]
        n = self.pattern.shape[1]
        self._t, self._i, self._j = rows[left], columns[left].astype(np.intp), columns[right].astype(np.intp)
        keys, self._target = np.unique(self._i * n + self._j, return_inverse=True)
        i, j = np.divmod(keys, max(n, 1))
        off = i != j
        i, j, source = np.append(i, j[off]), np.append(j, i[off]), np.append(np.arange(len(keys)), np.nonzero(off)[0])
        by_row = np.lexsort((j, i))
        self._structure = Pattern(_scipy_sparse().coo_array((np.ones(len(i), bool), (i, j)), shape=(n, n))).array
        self._source = source[by_row]

    def _evaluate(self, args, kwargs, verify):
        if len(args) < 2:
            raise DifferentiationTypeError(
                f"{self._settings.name}: call it with x and the weights, then the function's further arguments"
            )
        x, weights, *args = args
        call, seeds = self._call((x, *args), kwargs, verify)
        val, planes = self._products(call, seeds)
        if val.size != self.pattern.shape[0]:
            raise DifferentiationValueError(
                f"{self._settings.name}: the pattern has {self.pattern.shape[0]} rows, but the function returned "
                f"{val.size} numbers; detect it with dualdiff.sparse.pattern"
            )
        a, b = self.colours[self._i], self.colours[self._j]
        entries = planes[np.minimum(a, b), np.maximum(a, b), self._t]
        if verify:
            v = seeds[-1]
            along = entries * v[self._i] * v[self._j] * np.where(self._i == self._j, 1, 2)
            by_term = functools.partial(np.bincount, self._t, minlength=val.size)
            self._compare(planes[-1, -1], by_term(along), lambda: by_term(np.abs(along)), val.shape)
        weighted = entries * self._read_weights(weights, val.shape)[self._t]
        sums = np.bincount(self._target, weights=weighted, minlength=self._target.max(initial=-1) + 1)
        return val, None, _csr(self._structure, sums.astype(planes.dtype)[self._source])

    def _read_weights(self, weights, shape):
        weights = np.asarray(weights)
        if weights.dtype.kind not in "iuf" or weights.shape not in ((), shape):
            raise DifferentiationValueError(
                f"{self._settings.name}: weights must be a number or an array of real numbers of the shape {shape} of "
                f"the result, found shape {weights.shape} and dtype {weights.dtype}"
            )
        return np.broadcast_to(weights, shape).reshape(-1)

    def _products(self, call, seeds):
        """Second derivatives of every result along all pairs of seeds, the upper triangle: (seeds, seeds, m)."""
        point, planes = call.point, None
        chunks = call.settings.columns(point, len(seeds), planes=2)
        for i, (first, count) in enumerate(chunks):
            for second, many in chunks[i:]:
                e1 = seeds[first : first + count].reshape((count, *point.shape))
                e2 = e1 if second == first else seeds[second : second + many].reshape((many, *point.shape))
                layout = (TRIANGLE if second == first else FULL, count, many)
                y, lvl = call.seeded(
                    lambda lvl, e1=e1, e2=e2, layout=layout: seed_along(
                        point, (e1, e2, _zeros(point, layout)), layout, lvl)
                )
                val, (_, _, e12) = call.read_second(y, lvl, layout)
                self._refuse_duals(val, e12)
                if planes is None:
                    planes = np.zeros((len(seeds), len(seeds), val.size), val.dtype)
                p, q = pairs(layout)
                planes[first + p, second + q] = e12.reshape((len(p), val.size))
        return val, planes


def _zeros(point, layout):
    return np.zeros((len(pairs(layout)[0]), *point.shape), point.dtype)


def _csr(structure, data):
    """A matrix of the caller's own with the entries of a structure."""
    return _scipy_sparse().csr_array((data, structure.indices.copy(), structure.indptr.copy()), shape=structure.shape)


def jacobian(function, pattern, argnums=0, *, symmetric=False, colours=None, verify=True, chunk_size=None,
             max_memory=None, strict=False):
    """Evaluate a sparse Jacobian along as many directions as its pattern has colours.

    Parameters
    ----------
    function : callable
        Ordinary NumPy code.
    pattern : Pattern, or what one can be made of
        Of shape ``(f(x).size, x.size)``; see `dualdiff.sparse.pattern`.
    argnums : int
        The positional argument to differentiate with respect to.
    symmetric : bool
        The Jacobian is symmetric, as that of a gradient is: a star colouring then needs fewer directions.
    colours : array_like of int, optional
        The colour of each column; `column_colouring` or, if symmetric, `star_colouring` when nothing is said.
    verify : bool
        Carry one direction more and compare, at every call; see `Evaluator.verify`.
    chunk_size, max_memory, strict
        See `dualdiff.jacobian`; columns are directions here.

    Returns
    -------
    Evaluator
        Takes the function's arguments; returns a `scipy.sparse.csr_array` with the pattern's entries, of the dtype of
        f's result. It agrees with the dense Jacobian to rounding. x and f(x) count in C order when they have axes.

    Raises
    ------
    PatternError
        From the call, when the Jacobian has entries at x that the pattern has not.
    DifferentiationValueError
        When shapes do not fit, or the colours do not let the entries be told apart.

    Notes
    -----
    The function runs once, on dual numbers with a tangent for each colour (and one for verification), where these fit
    ``max_memory``, and else once per chunk of them. Columns of one colour share no row, so that the entries are read
    off directly (Curtis, Powell & Reid 1974; Griewank & Walther 2008, ch. 8).

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> f = lambda v: np.diff(v) ** 2
    >>> evaluate = dd.sparse.jacobian(f, dd.sparse.pattern(f, np.zeros(5)))
    >>> evaluate(np.arange(5.0)).toarray()
    array([[-2.,  2.,  0.,  0.,  0.],
           [ 0., -2.,  2.,  0.,  0.],
           [ 0.,  0., -2.,  2.,  0.],
           [ 0.,  0.,  0., -2.,  2.]])
    >>> evaluate.colours
    array([0, 1, 0, 1, 0])
    """
    settings = Settings(
        "sparse.jacobian", function, argnums, chunk_size=chunk_size, max_memory=max_memory, strict=strict)
    kind = SymmetricJacobian if symmetric else ColouredJacobian
    return kind(settings, pattern, colours, verify, lambda val, gradient, matrix: matrix)


def value_and_jacobian(function, pattern, argnums=0, *, symmetric=False, colours=None, verify=True, chunk_size=None,
                       max_memory=None, strict=False):
    """Compute the value and the sparse Jacobian from the same evaluation; see `jacobian`.

    Returns
    -------
    Evaluator
        Returns ``(value, jacobian)``.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> value, jac = dd.sparse.value_and_jacobian(np.square, np.eye(2))(np.array([3.0, 4.0]))
    >>> value, jac.data
    (array([ 9., 16.]), array([6., 8.]))
    """
    settings = Settings(
        "sparse.value_and_jacobian", function, argnums, chunk_size=chunk_size, max_memory=max_memory, strict=strict)
    kind = SymmetricJacobian if symmetric else ColouredJacobian
    return kind(settings, pattern, colours, verify, lambda val, gradient, matrix: (own(val), matrix))


def hessian(function, pattern, argnums=0, *, colours=None, verify=True, chunk_size=None, max_memory=None,
            strict=False):
    """Evaluate the sparse Hessian of a scalar function from its products with a few directions.

    Parameters
    ----------
    function : callable
        Returns a scalar.
    pattern : Pattern, or what one can be made of
        Of shape ``(x.size, x.size)``, symmetric; see `dualdiff.sparse.pattern` with ``order=2``.
    argnums, verify, chunk_size, max_memory, strict
        See `jacobian`.
    colours : array_like of int, optional
        The colour of each column; `star_colouring` when nothing is said.

    Returns
    -------
    Evaluator
        Takes the function's arguments; returns a `scipy.sparse.csr_array`, symmetric to the bit.

    Notes
    -----
    Entries are read off directly from the products of the Hessian with the colours of a star colouring (Coleman & Moré
    1984). These come from hyper-dual numbers, whose ε1 runs through all n inputs and whose ε2 runs through the
    colours: n times as many pairs as there are colours, not n². Two roads are shorter still. Where you have the
    gradient as a function, ``jacobian(gradient, pattern, symmetric=True)`` takes a direction for each colour and
    nothing else. Where the function is a sum over terms of a few inputs each, `weighted_hessian` of the terms takes a
    pair for each two colours.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> f = lambda v: np.sum(np.diff(v) ** 4)
    >>> x = np.arange(4.0) ** 2
    >>> dd.sparse.hessian(f, dd.sparse.pattern(f, x, order=2))(x).toarray()
    array([[  12.,  -12.,    0.,    0.],
           [ -12.,  120., -108.,    0.],
           [   0., -108.,  408., -300.],
           [   0.,    0., -300.,  300.]])
    """
    settings = Settings(
        "sparse.hessian", function, argnums, chunk_size=chunk_size, max_memory=max_memory, strict=strict)
    return ColouredHessian(settings, pattern, colours, verify, lambda val, gradient, matrix: matrix)


def value_grad_and_hessian(function, pattern, argnums=0, *, colours=None, verify=True, chunk_size=None,
                           max_memory=None, strict=False):
    """Compute value, gradient and sparse Hessian of a scalar function from the same evaluation; see `hessian`.

    Returns
    -------
    Evaluator
        Returns ``(value, gradient, hessian)``; the gradient is dense, of the shape of x.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> value, gradient, h = dd.sparse.value_grad_and_hessian(lambda v: v @ v, np.eye(2))(np.array([1.0, 2.0]))
    >>> value, gradient, h.data
    (np.float64(5.0), array([2., 4.]), array([2., 2.]))
    """
    settings = Settings(
        "sparse.value_grad_and_hessian", function, argnums, chunk_size=chunk_size, max_memory=max_memory,
        strict=strict)
    return ColouredHessian(
        settings, pattern, colours, verify, lambda val, gradient, matrix: (own(val), gradient, matrix))


def weighted_hessian(function, pattern, *, colours=None, verify=True, chunk_size=None, max_memory=None, strict=False):
    """Evaluate the sparse Hessian of a weighted sum ``Σ_t w_t f_t(x)`` of functions of a few inputs each.

    With all weights 1 that is the Hessian of a partially separable function (Griewank & Toint 1982); with multipliers
    it is what solvers ask for of constraints.

    Parameters
    ----------
    function : callable
        Returns the terms ``f_t(x)`` as an array.
    pattern : Pattern, or what one can be made of
        Of the Jacobian of the terms, shape ``(f(x).size, x.size)``; see `dualdiff.sparse.pattern`.
    colours, verify, chunk_size, max_memory, strict
        See `jacobian`.

    Returns
    -------
    Evaluator
        Takes x, the weights (a number, or an array of the shape of the result) and the function's further arguments;
        returns a `scipy.sparse.csr_array` of shape ``(x.size, x.size)``, symmetric to the bit, whose entries are the
        pairs of inputs that meet in a term.

    Notes
    -----
    Hyper-dual numbers carry the colours of the *Jacobian* in both places. Inputs of one term have different colours, so
    that its own second derivatives can be told apart, and c colours take c (c + 1) / 2 pairs whatever the size of x.
    Verification adds a pair for each colour and one, and compares each term's ``vᵀ H_t v``.

    Examples
    --------
    >>> import numpy as np, dualdiff as dd
    >>> terms = lambda v: np.diff(v) ** 4
    >>> x = np.arange(4.0) ** 2
    >>> dd.sparse.weighted_hessian(terms, dd.sparse.pattern(terms, x))(x, 1.0).toarray()
    array([[  12.,  -12.,    0.,    0.],
           [ -12.,  120., -108.,    0.],
           [   0., -108.,  408., -300.],
           [   0.,    0., -300.,  300.]])
    """
    settings = Settings(
        "sparse.weighted_hessian", function, chunk_size=chunk_size, max_memory=max_memory, strict=strict)
    return WeightedHessian(settings, pattern, colours, verify, lambda val, gradient, matrix: matrix)
