"""Every public NumPy callable is in a class, and each class keeps what it says.

``python tests/test_coverage.py`` writes ``docs/reference/coverage.md``.
"""

import itertools
import re
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from problems import assert_close, numdiff, numdiff2

import dualdiff as dd
from dualdiff import coverage
from dualdiff.coverage import NEVER_DISPATCHED, NOT_DIFFERENTIABLE, RIGHT, SUPPORTED, UNSUPPORTED

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "coverage.md"
ENTRIES = coverage.entries()
X = np.array([0.7, 1.3, 2.1])
A = np.array([[2.0, 1.0, 0.3], [1.0, 3.0, 0.5], [0.3, 0.5, 4.0]])


# -- the page ----------------------------------------------------------------------------------------------------------


def short(namespace):
    return namespace.replace("numpy", "np", 1)


def listing(entries):
    """Names by namespace, as lines of Markdown."""
    for namespace, group in itertools.groupby(entries, lambda entry: entry.namespace):
        yield f"**{short(namespace)}**: " + ", ".join(f"`{entry.name}`" for entry in group) + "\n"


def page():
    """Return the text of ``docs/reference/coverage.md``."""
    counts = Counter(entry.state for entry in ENTRIES)
    states = {state: [entry for entry in ENTRIES if entry.state == state]
              for state in (SUPPORTED, NOT_DIFFERENTIABLE, UNSUPPORTED)}
    lines = [
        "# NumPy, function by function",
        "",
        f"Every public callable of NumPy {'.'.join(np.__version__.split('.')[:2])}, by what happens to a dual number",
        "in it. The first list is read off the rules, the others hold reasons; tests go through all of them. This page",
        "is written by `python tests/test_coverage.py`.",
        "",
        "| class | callables |",
        "|---|---|",
        *(f"| {state} | {counts[state]} |"
          for state in (SUPPORTED, NOT_DIFFERENTIABLE, UNSUPPORTED, NEVER_DISPATCHED)),
        "",
        "## Supported",
        "",
        "First, second and nested derivatives. Locally constant functions, such as `floor`, have derivative 0.",
        "",
        *listing(states[SUPPORTED]),
        "## Not differentiable",
        "",
    ]
    for reason in dict.fromkeys(entry.reason for entry in states[NOT_DIFFERENTIABLE]):
        lines += [f"### {reason[0].upper()}{reason[1:]}", ""]
        lines += listing([entry for entry in states[NOT_DIFFERENTIABLE] if entry.reason == reason])
    lines += ["## Unsupported", "", "These raise `UnsupportedFunctionError`, with their name.", "",
              "| function | what to do |", "|---|---|"]
    lines += [f"| `{short(entry.namespace)}.{entry.name}` | {entry.reason} |" for entry in states[UNSUPPORTED]]
    lines += ["", "## Never dispatched", "",
              "NumPy does not hand these calls over to another array type: they run on the object array of scalar "
              "duals",
              "that `np.asarray(x)` makes, or refuse it. Here `x` holds three numbers.", "",
              "| call | outcome | instead |", "|---|---|---|"]
    lines += [f"| `{trial.call}` | {trial.outcome} | {trial.cure} |" for trial in coverage.TRIALS]
    return "\n".join(lines) + "\n"


def test_the_page_is_up_to_date():
    text = PAGE.read_text(encoding="utf-8")
    if f"NumPy {'.'.join(np.__version__.split('.')[:2])}," not in text:
        pytest.skip("the page is that of another version of NumPy")
    assert text == page(), "run python tests/test_coverage.py"


# -- classes -----------------------------------------------------------------------------------------------------------


def test_every_public_callable_is_in_a_class():
    unknown = [f"{entry.namespace}.{entry.name}" for entry in ENTRIES if not entry.state]
    assert not unknown, f"give a rule or a reason (dualdiff/coverage.py) to: {', '.join(unknown)}"
    assert len(ENTRIES) > 600


def test_reasons_are_of_things_without_a_rule():
    supported = {entry.name for entry in ENTRIES if entry.state == SUPPORTED}
    assert not supported & set(coverage.REASONS)
    assert not supported & set(coverage.REFUSALS)
    assert not set(coverage.REASONS) & set(coverage.REFUSALS)


def test_the_guard_sees_a_function_without_a_class():
    assert coverage.classify("nonsense", np.vectorize(len)) == ("", "")
    assert coverage.classify("nonsense", np.frompyfunc(len, 1, 1)) == ("", "")
    assert coverage.classify("sin", np.sin) == (SUPPORTED, "")


@pytest.mark.parametrize("name", coverage.REFUSALS)
def test_unsupported_functions_raise_with_their_name(name):
    x = dd.DualArray(X, np.eye(3))
    assert name in (coverage.refused(coverage.REFUSALS[name][0], x) or "")


# -- supported functions run -------------------------------------------------------------------------------------------

# Arguments to try, in this order, on a function of which nothing else is known.
ARGUMENTS = [
    lambda x, a: (x,), lambda x, a: (a,), lambda x, a: (x, x), lambda x, a: (x, 2), lambda x, a: (a, 0),
    lambda x, a: (a, x), lambda x, a: ([x, x],), lambda x, a: (x, [0, 2]), lambda x, a: (x, [True, False, True]),
]
CALLS = {
    "take_along_axis": lambda x, a: np.take_along_axis(a, np.array([[0], [1], [2]]), 1),
    "put_along_axis": lambda x, a: np.put_along_axis(a.copy(), np.array([[0], [1], [2]]), x[:1], 1),
    "apply_along_axis": lambda x, a: np.apply_along_axis(np.sum, 0, a),
    "apply_over_axes": lambda x, a: np.apply_over_axes(np.sum, a, [0]),
    "piecewise": lambda x, a: np.piecewise(x, [dd.value(x) > 1.0], [np.sin, np.cos]),
    "select": lambda x, a: np.select([dd.value(x) > 1.0], [x], 0.0),
    "choose": lambda x, a: np.choose([0, 1, 0], [x, 2 * x]),
    "compress": lambda x, a: np.compress([True, False, True], x),
    "extract": lambda x, a: np.extract([True, False, True], x),
    "place": lambda x, a: np.place(x.copy(), [True, False, True], x[:2]),
    "putmask": lambda x, a: np.putmask(x.copy(), [True, False, True], x),
    "put": lambda x, a: np.put(x.copy(), [0, 2], x[:2]),
    "copyto": lambda x, a: np.copyto(x.copy(), 2 * x),
    "clip": lambda x, a: np.clip(x, 1.0, 2.0),
    "insert": lambda x, a: np.insert(x, 1, x[0]),
    "delete": lambda x, a: np.delete(x, 1),
    "moveaxis": lambda x, a: np.moveaxis(a, 0, 1),
    "rollaxis": lambda x, a: np.rollaxis(a, 1),
    "swapaxes": lambda x, a: np.swapaxes(a, 0, 1),
    "interp": lambda x, a: np.interp(x, [0.0, 1.0, 3.0], [0.0, 1.0, 5.0]),
    "polyfit": lambda x, a: np.polyfit(np.arange(3.0), x, 1),
    "einsum": lambda x, a: np.einsum("i,ij->j", x, a),
    "histogram": lambda x, a: np.histogram([0.1, 0.5, 0.9], 2, (0.0, 1.0), weights=x)[0],
    "bincount": lambda x, a: np.bincount([0, 1, 1], x),
    "percentile": lambda x, a: np.percentile(x, 30),
    "nanpercentile": lambda x, a: np.nanpercentile(x, 30),
    "quantile": lambda x, a: np.quantile(x, 0.3),
    "nanquantile": lambda x, a: np.nanquantile(x, 0.3),
    "reshape": lambda x, a: np.reshape(a, (9,)),
    "resize": lambda x, a: np.resize(a, (2, 2)),
    "dsplit": lambda x, a: np.dsplit(a.reshape((1, 3, 3)), 3)[0],
    "linspace": lambda x, a: np.linspace(x[0], x[1], 3),
    "logspace": lambda x, a: np.logspace(x[0], x[1], 3),
    "geomspace": lambda x, a: np.geomspace(x[0], x[1], 3),
    "astype": lambda x, a: np.astype(x, np.float32),
    "broadcast_to": lambda x, a: np.broadcast_to(x, (2, 3)),
    "sliding_window_view": lambda x, a: np.lib.stride_tricks.sliding_window_view(x, 2),
    "where": lambda x, a: np.where([True, False, True], x, 0.0),
    "full_like": lambda x, a: np.full_like(x, 2.0),
    "split": lambda x, a: np.split(x, 3),
    "hsplit": lambda x, a: np.hsplit(a, 3),
    "vsplit": lambda x, a: np.vsplit(a, 3),
    "roll": lambda x, a: np.roll(x, 1),
    "tensordot": lambda x, a: np.tensordot(a, x, 1),
    "union1d": lambda x, a: np.union1d(x, x + 10.0),
    "vecmat": lambda x, a: np.vecmat(x, a),
    "tensorsolve": lambda x, a: np.linalg.tensorsolve(a, x),
    "tensorinv": lambda x, a: np.linalg.tensorinv(a, 1),
    "multi_dot": lambda x, a: np.linalg.multi_dot([a, a, x]),
    "ldexp": lambda x, a: np.ldexp(x, 2),
    "float_power": lambda x, a: np.float_power(x, 2.5),
    "full": lambda x, a: np.full(3, 1.0, like=x),
    "fromfunction": lambda x, a: np.fromfunction(lambda i: i + 0.5, (3,), like=x),
    "fromiter": lambda x, a: np.fromiter([1.0, 2.0], float, like=x),
    "frombuffer": lambda x, a: np.frombuffer(np.ones(2).tobytes(), like=x),
    "fromstring": lambda x, a: np.fromstring("1.0 2.0", sep=" ", like=x),
    "loadtxt": lambda x, a: np.loadtxt(["1.0 2.0"], like=x),
    **{name: lambda x, a, name=name: getattr(np, name)(3, like=x)
       for name in ("zeros", "ones", "empty", "arange", "eye", "identity", "tri")},
}
RUN = {(entry.namespace, entry.name): entry for entry in ENTRIES if entry.state == SUPPORTED}


def first_that_runs(function):
    """The first call that NumPy accepts of plain numbers, with its result."""
    for arguments in ARGUMENTS:
        try:
            return arguments, function(*arguments(X.copy(), A.copy()))
        except (TypeError, ValueError, IndexError, np.linalg.LinAlgError):
            continue
    return None, None


def leaves(result):
    """All arrays of a result, plain."""
    if isinstance(result, (list, tuple)):
        return [leaf for one in result for leaf in leaves(one)]
    return [] if result is None else [np.asarray(dd.value(result))]


@pytest.mark.parametrize(("namespace", "name"), RUN, ids=lambda part: part.replace("numpy", "np"))
def test_supported_functions_run_and_give_the_values_of_numpy(namespace, name):
    x, a = dd.DualArray(X, np.eye(3)), dd.DualArray(A, np.ones((3, 3, 3)))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        if name in CALLS:
            want, got = CALLS[name](X.copy(), A.copy()), CALLS[name](x, a)
        else:
            function = dict(coverage.public(namespace))[name]
            arguments, want = first_that_runs(function)
            assert arguments is not None, f"write a call of {name} into CALLS"
            got = function(*arguments(x, a))
    wanted = leaves(want)
    assert [leaf.shape for leaf in leaves(got)] == [leaf.shape for leaf in wanted]
    for one, other in zip(leaves(got), wanted, strict=True):
        if name not in ("empty", "empty_like"):
            np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)


# -- what NumPy never dispatches ---------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("trial", coverage.TRIALS, ids=lambda trial: trial.call)
def test_calls_that_are_never_dispatched_do_what_the_page_says(trial):
    f = eval(f"lambda x: {trial.call}", {"np": np})
    plain = lambda x: np.asarray(f(x), dtype=float)
    assert trial.cure or trial.outcome == RIGHT
    if trial.outcome == coverage.OTHER:
        got, want = dd.jacobian(f)(X), numdiff(plain, X)
        assert got.shape != want.shape or not np.allclose(got, want)
        return
    if trial.outcome != RIGHT:
        with pytest.raises((TypeError, ValueError)) as caught:
            dd.jacobian(f)(X)
        assert isinstance(caught.value, dd.DualDiffError) == (trial.outcome == coverage.ERROR)
        return
    assert_close(dd.jacobian(f)(X), numdiff(plain, X), 1e-10)
    assert_close(dd.hessian(f)(X), numdiff2(plain, X), 1e-7)


def test_cures_are_written_for_users():
    for trial in coverage.TRIALS:
        assert not re.search(r"\{.\}", trial.cure + trial.call)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
    print(f"wrote {PAGE}:", dict(Counter(entry.state for entry in ENTRIES)))
