"""Colourings of sparse matrices: columns of one colour share a direction of differentiation.

Greedy algorithms on the rows and columns of a pattern. A set of colours is one integer whose bits are the colours, so
that what the neighbours of a vertex have taken is a union of integers, and the least free colour is its lowest bit
that is not set.
"""

import numpy as np

ORDERS = ("natural", "largest_first", "smallest_last", "incidence_degree")

# Entries that the graph of a dynamic order may have where no order was asked for.
LARGEST_GRAPH = 10**7


def lists(indptr, indices):
    """The rows of a compressed sparse matrix as lists of column numbers."""
    ends, flat = indptr.tolist(), indices.tolist()
    return [flat[a:b] for a, b in zip(ends, ends[1:], strict=False)]


def adjacency(matrix):
    """The lists of neighbours of a graph whose matrix is symmetric, in CSR form; the diagonal counts for nothing."""
    matrix = matrix.tocoo()
    off = matrix.row != matrix.col
    rows, columns = matrix.row[off], matrix.col[off]
    return lists(np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=matrix.shape[0]))]), columns)


def lowest_free(taken):
    """The lowest bit that is not set, as an integer with this one bit."""
    return ~taken & (taken + 1)


def greedy_columns(columns, rows, order):
    """Give columns that meet in a row different colours.

    Parameters
    ----------
    columns : list of lists
        The rows that each column has entries in.
    rows : int
        How many rows there are.
    order : sequence of int
        In which the columns choose, each the least colour that is free.

    Returns
    -------
    ndarray of int

    Notes
    -----
    The method of Curtis, Powell & Reid (1974), as a greedy colouring of the column intersection graph (Coleman & Moré
    1983), which is never built: each row keeps the set of colours that its columns have taken. Time is
    ``O(entries * colours / 64)``.
    """
    used = [0] * rows
    colours = np.zeros(len(columns), dtype=np.intp)
    for j in order:
        taken = 0
        for i in columns[j]:
            taken |= used[i]
        bit = lowest_free(taken)
        for i in columns[j]:
            used[i] |= bit
        colours[j] = bit.bit_length() - 1
    return colours


def greedy_star(neighbours, order):
    """Colour the vertices of a graph so that neighbours differ and every path of four vertices has three colours.

    Parameters
    ----------
    neighbours : list of lists
        Of each vertex, without itself.
    order : sequence of int

    Returns
    -------
    ndarray of int

    Notes
    -----
    Colours are those of the greedy star colouring of Gebremedhin, Tarafdar, Manne & Pothen (2007, Alg. 4.1): two
    colours induce stars only, and a vertex ``v`` may not take

    1. the colour of a neighbour;
    2. a colour around a neighbour whose own colour ``v`` sees twice (the path ``u - v - w - x``);
    3. the colour of a vertex ``x`` that sees the colour of a neighbour ``w`` of ``v`` on ``w`` and once more: ``x``
       is the hub of a star that ``w`` belongs to (the path ``v - w - x - y``).

    Three sets per vertex answer these questions: the colours around it, those around it twice or more, and those of
    the hubs whose stars it belongs to. Each entry of the matrix changes them a bounded number of times, so that time is
    ``O(entries * colours / 64)``.
    """
    n = len(neighbours)
    colour = [-1] * n
    around, twice, hubs = [0] * n, [0] * n, [0] * n
    first = [{} for _ in range(n)]  # by colour: the neighbour that had it first
    for v in order:
        repeated = twice[v]
        taken = around[v]
        for w in neighbours[v]:
            if colour[w] >= 0:
                taken |= hubs[w]
                if repeated >> colour[w] & 1:
                    taken |= around[w]
        bit = lowest_free(taken)
        chosen = colour[v] = bit.bit_length() - 1
        for w in neighbours[v]:
            if colour[w] >= 0:
                if repeated >> colour[w] & 1:
                    hubs[w] |= bit
                if around[w] & bit:
                    mark = 1 << colour[w]
                    hubs[v] |= mark
                    hubs[first[w][chosen]] |= mark
            if around[w] & bit:
                twice[w] |= bit
            else:
                around[w] |= bit
                first[w][chosen] = v
    return np.array(colour, dtype=np.intp)


def peel(neighbours, keys, ranks):
    """Take away the vertex of least key again and again, each time lowering the keys of its neighbours by one.

    Ties go to the vertex whose key fell last, at first to the one that comes first in ``ranks``. Time and memory are
    those of the edges: a vertex stands in one bucket for each key it ever had, and leaves from the lowest.
    """
    keys = [int(key) for key in keys]
    buckets = [[] for _ in range(max(keys, default=0) + 1)]
    for v in reversed(ranks):
        buckets[keys[v]].append(v)
    gone = bytearray(len(keys))
    order, low = [], 0
    while len(order) < len(keys):
        while not buckets[low]:
            low += 1
        v = buckets[low].pop()
        if gone[v]:
            continue
        gone[v] = 1
        order.append(v)
        for w in neighbours[v]:
            if not gone[w]:
                keys[w] -= 1
                buckets[keys[w]].append(w)
        low = max(low - 1, 0)
    return order


def ordered(name, degrees, graph):
    """The order in which vertices choose their colours.

    Parameters
    ----------
    name : {"natural", "largest_first", "smallest_last", "incidence_degree"}
    degrees : ndarray of int
        Of the vertices, exact or bounds from above.
    graph : callable
        Returns the lists of neighbours; called for the last two orders, which follow degrees as they change.

    Notes
    -----
    Largest first (Welsh & Powell 1967): by falling degree. Smallest last (Matula & Beck 1983): last comes the vertex of
    least degree, before it the one that has least degree without it, and so on. Incidence degree (Coleman & Moré 1983):
    next comes the vertex that has most neighbours among those that came already.
    """
    if name == "natural":
        return list(range(len(degrees)))
    ranks = np.argsort(-degrees, kind="stable").tolist()
    if name == "largest_first":
        return ranks
    neighbours = graph()
    if name == "smallest_last":
        return peel(neighbours, [len(some) for some in neighbours], ranks)[::-1]
    return peel(neighbours, [max(map(len, neighbours), default=0)] * len(neighbours), ranks)


def fewest(colour, names, degrees, graph, bound):
    """The colouring with fewest colours among those of several orders; ``bound`` is a number that none can go below."""
    best = None
    for name in names:
        colours = colour(ordered(name, degrees, graph))
        if best is None or colours.max(initial=-1) < best.max(initial=-1):
            best = colours
        if best.max(initial=-1) < bound:
            break
    return best


def colour_columns(pattern, name=None):
    """Column colouring of a pattern in CSR form; the best of all orders where none is named."""
    m, n = pattern.shape
    by_row = np.diff(pattern.indptr)
    bound = int(by_row.max(initial=0))
    if bound == n:
        return np.arange(n)  # a full row: every column needs a colour of its own
    transposed = pattern.T.tocsr()
    columns = lists(transposed.indptr, transposed.indices)
    # Neighbours counted once for each row in which they meet: all that an order needs, without the graph.
    degrees = pattern.T.astype(np.int64) @ (by_row - 1)
    names = (name,) if name else ORDERS if np.sum(by_row.astype(float) ** 2) <= LARGEST_GRAPH else ORDERS[:2]
    return fewest(
        lambda order: greedy_columns(columns, m, order), names, degrees,
        lambda: adjacency((transposed @ pattern).tocsr()), bound,
    )


def colour_star(pattern, name=None):
    """Star colouring of a symmetric pattern in CSR form; the best of all orders where none is named."""
    neighbours = adjacency(pattern)
    degrees = np.array([len(some) for some in neighbours], dtype=np.intp)
    bound = min(1 + int(degrees.max(initial=0)), 2)
    return fewest(
        lambda order: greedy_star(neighbours, order), (name,) if name else ORDERS, degrees, lambda: neighbours, bound
    )


def repeated(keys):
    """For each key whether it occurs more than once."""
    _, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
    return counts[inverse] > 1
