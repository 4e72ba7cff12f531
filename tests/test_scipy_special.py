"""Every row of `dualdiff.scipy_rules` against mpmath, and the ways in which SciPy's functions meet dual numbers.

``python tests/test_scipy_special.py`` writes ``docs/reference/scipy.md``.
"""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import mpmath as mp
import numpy as np
import pytest
import scipy
import special_functions as exact
from scipy import special

import dualdiff as dd
from dualdiff import scipy_coverage, scipy_rules
from dualdiff.errors import DifferentiationTypeError, UnsupportedFunctionError
from dualdiff.scipy import special as ours

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "scipy.md"
ONE = scipy_rules.UNARY
TWO = scipy_rules.BINARY
SEVERAL = scipy_rules.PARTIALS
MANY = [rule for rule in SEVERAL if rule.name in exact.MANY]


def name_of(rule):
    return rule.name


def differentiated(function, order, x):
    """The derivative of a real or complex function of real numbers."""
    if np.iscomplexobj(function(x)):
        return (dd.derivative(lambda t: np.real(function(t)), order=order)(x)
                + 1j*dd.derivative(lambda t: np.imag(function(t)), order=order)(x))
    return dd.derivative(function, order=order)(x)


def worst(name, points=6):
    """The largest errors of both derivatives of a function of one variable, and where."""
    function, errors = scipy_rules.FUNCTIONS[name], [(0.0, None), (0.0, None)]
    for given, x in exact.cases(name, points):
        for k in (1, 2):
            got = differentiated(lambda t, given=given: exact.call(name, function, given, t), k, x)
            for point, figure in zip(x, got, strict=True):
                figures = exact.exact(name, given, float(point))
                size = abs(figures[k]) + abs(point*figures[k + 1])
                want = figures[k] if np.iscomplexobj(figure) else mp.re(figures[k])
                error = float(abs(figure - want)/size) if size else float(abs(figure))
                if not error <= errors[k - 1][0]:
                    errors[k - 1] = error, (given, float(point), complex(figure), complex(want))
    return errors


def worst2(name):
    function, (x, y) = scipy_rules.FUNCTIONS[name], exact.points2(name)
    errors = [(0.0, None)]*2
    got = dd.jacobian(lambda v: function(v[0], v[1]))
    second = dd.hessian(lambda v: function(v[0], v[1]))
    for point in zip(x.tolist(), y.tolist(), strict=True):
        figures, sizes = exact.exact2(name, *point)
        h = second(np.array(point))
        have = [*got(np.array(point)), h[0, 0], h[0, 1], h[1, 1]]
        for i, (a, b, size) in enumerate(zip(have, figures, sizes, strict=True)):
            error = float(abs(a - b)/size) if size else float(abs(a))
            if not error <= errors[i > 1][0]:
                errors[i > 1] = error, (i, point, float(a), float(b))
    return errors


def worst_many(name):
    """The largest errors of gradient and Hessian in all arguments that have a derivative, and where."""
    function, errors = scipy_rules.FUNCTIONS[name], [(0.0, None)]*2
    for place, active in exact.points_many(name):
        def call(v, place=place, active=active):
            here = list(place)
            for i, one in zip(active, v, strict=True):
                here[i] = one
            return function(*here)

        start = np.array([place[i] for i in active])
        first, second, sizes1, sizes2 = exact.exact_many(name, place, active)
        for k, (got, want, size) in enumerate(((dd.grad(call)(start), first, sizes1),
                                               (dd.hessian(call)(start), second, sizes2))):
            for a, b, c in zip(np.ravel(got), np.ravel(want), np.ravel(size), strict=True):
                error = float(abs(a - mp.re(b))/c) if c else float(abs(a))
                if not error <= errors[k][0]:
                    errors[k] = error, (place, float(a), float(mp.re(b)))
    return errors


@pytest.mark.parametrize("rule", ONE, ids=name_of)
def test_every_row_of_one_variable(rule):
    for (error, where), promised in zip(worst(rule.name), rule.accuracy, strict=True):
        assert error <= promised, where


@pytest.mark.parametrize("rule", TWO, ids=name_of)
def test_every_row_of_two_variables(rule):
    for (error, where), promised in zip(worst2(rule.name), rule.accuracy, strict=True):
        assert error <= promised, where


@pytest.mark.parametrize("rule", MANY, ids=name_of)
def test_every_row_of_several_variables(rule):
    for (error, where), promised in zip(worst_many(rule.name), rule.accuracy, strict=True):
        assert error <= promised, where


def differences(f, point, h):
    """The gradient by central differences of eighth order."""
    weights = {1: 4/5, 2: -1/5, 3: 4/105, 4: -1/280}
    return np.array([sum(w*(f(point + k*h*unit) - f(point - k*h*unit)) for k, w in weights.items())/h
                     for unit in np.eye(len(point))])


@pytest.mark.parametrize("name", exact.DIFFERENCES)
def test_rows_without_a_reference_against_differences(name):
    given, function = exact.DIFFERENCES[name], scipy_rules.FUNCTIONS[name]
    point = np.array([one[0] for one in given if isinstance(one, list)])

    def f(v):
        supply = iter(v)
        return function(*(next(supply) if isinstance(one, list) else one for one in given))

    gradient, h = dd.grad(f), 0.5 if point[0] > 20.0 else 0.02
    # SciPy's noncentral inverses are good to few digits, which differences divide by the step.
    tolerance = 1e-2 if name == "ncfdtrinc" else 1e-4 if name.startswith("nctdtri") else 1e-6
    np.testing.assert_allclose(gradient(point), differences(lambda v: float(f(v)), point, h), rtol=tolerance)
    np.testing.assert_allclose(dd.hessian(f)(point), differences(gradient, point, h), rtol=tolerance, atol=1e-8)


@pytest.mark.parametrize("name", exact.UNDONE)
def test_inverses_undo_their_function(name):
    place, given = exact.UNDONE[name]
    given = [one[0] if isinstance(one, list) else one for one in given]

    def through(p, x):
        solved = getattr(special, name)(*given[:place], p, *given[place + 1:-1], x)
        return special.ncfdtr(*given[:place], solved, *given[place + 1:-1], x)

    point = np.array([given[place], given[-1]])
    np.testing.assert_allclose(dd.grad(lambda v: through(*v))(point), [1.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(dd.hessian(lambda v: through(*v))(point), 0.0, atol=1e-10)


def test_worse_accuracy_has_a_reason():
    assert all(rule.why for rule in scipy_rules.ROWS if max(rule.accuracy) > 1e-13)


def test_the_table_is_complete():
    known = set(exact.UNARY) | set(exact.BINARY) | set(exact.MANY) | set(exact.DIFFERENCES) | set(exact.UNDONE)
    assert known == {rule.name for rule in scipy_rules.ROWS}


def test_every_ufunc_of_scipy_is_a_row_or_has_a_reason():
    entries = scipy_coverage.entries()
    assert len(entries) >= 220
    for entry in entries:
        assert entry.state, f"{entry.name} is neither a row nor listed with a reason"
        assert all(reason for _, reason in entry.reasons), (entry.name, entry.reasons)
        if entry.state == scipy_coverage.SUPPORTED:
            assert entry.arguments
    listed = {f"{entry.name}.{argument}" for entry in entries for argument, _ in entry.reasons if argument}
    assert listed == set(scipy_coverage.REASONS), "reasons for arguments that have a derivative, or that do not exist"
    assert set(scipy_coverage.WITHOUT) == {e.name for e in entries if e.state != scipy_coverage.SUPPORTED}


def test_importing_dualdiff_does_not_import_scipy():
    code = "import sys, dualdiff, numpy as np; dualdiff.derivative(np.sin)(1.0); sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("rule", ONE, ids=name_of)
def test_scalars_arrays_and_orders_agree(rule):
    if rule.name.startswith("_"):
        return
    function = scipy_rules.FUNCTIONS[rule.name]
    given, points = next(exact.cases(rule.name))
    whole = lambda t: exact.call(rule.name, function, given, t)
    x = float(points[0])
    call = (lambda t: np.imag(whole(t))) if np.iscomplexobj(whole(x)) else whole
    with np.errstate(all="raise"):
        for order in (1, 2):
            scalar = dd.derivative(call, order=order)(x)
            array = dd.derivative(call, order=order)(np.array([x, x]))
            nested = dd.derivative(call)
            nested = nested if order == 1 else dd.derivative(nested)
            np.testing.assert_allclose([*array, nested(x)], scalar, rtol=1e-9, atol=1e-300)
    y = dd.Dual(x, [0.0, 1.0])
    assert whole(y).value == whole(x)
    assert whole(y).tangent[0] == 0.0


def arguments_of(name):
    """Arguments of a row, dual arrays where it has a derivative."""
    row = scipy_rules.FUNCTIONS[name]
    if name in exact.BINARY:
        given = exact.points2(name)
    elif name in exact.UNARY:
        plain, x = next(exact.cases(name))
        supply = iter(plain)
        given = [x if one in row.variables else next(supply) for one in row.names]
    elif name in exact.MANY:
        given = next(exact.points_many(name))[0]
    else:
        given = exact.DIFFERENCES[name] if name in exact.DIFFERENCES else exact.UNDONE[name][1]
        given = [one[0] if isinstance(one, list) else one for one in given]
    given = [np.atleast_1d(np.asarray(a, float)) if one in row.variables else a
             for one, a in zip(row.names, given, strict=True)]
    return [dd.DualArray(a, [np.ones_like(a)]) if one in row.variables else a
            for one, a in zip(row.names, given, strict=True)]


@pytest.mark.parametrize("name", [n for n in scipy_rules.FUNCTIONS if isinstance(getattr(special, n, None), np.ufunc)])
def test_ufuncs_of_scipy_meet_duals(name):
    ufunc = getattr(special, name)
    given = arguments_of(scipy_rules.PARTS.get(name, (name,))[0])
    out, plain = ufunc(*given), ufunc(*map(dd.value, given))
    if name in scipy_rules.PARTS:
        for ours, theirs in zip(out, plain, strict=True):
            np.testing.assert_array_equal(ours.value, theirs)
            assert ours.tangent.shape == (1, *theirs.shape)
        return
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(out.value, plain)
    place = dd.DualArray(np.zeros(out.shape, plain.dtype), np.zeros((1, *out.shape), plain.dtype))
    assert ufunc(*given, out=place) is place
    np.testing.assert_array_equal(place.tangent, out.tangent)


@pytest.mark.filterwarnings("ignore:non-integer arg n:DeprecationWarning")
@pytest.mark.parametrize("rule", SEVERAL, ids=name_of)
def test_single_precision_and_zero_tangents_of_several_variables(rule):
    """float32 stays where SciPy's loops keep it; a tangent of 0 contributes 0; scalars agree with arrays."""
    row, given = scipy_rules.FUNCTIONS[rule.name], arguments_of(rule.name)
    dual = [one in row.variables for one in row.names]
    array = row(*given)
    scalars = [dd.Dual(float(a.value[0]), [1.0]) if is_dual else a for a, is_dual in zip(given, dual, strict=True)]
    scalar = row(*scalars)
    assert isinstance(scalar, dd.Dual) and scalar.value == array.value[0]
    np.testing.assert_allclose(scalar.tangent[0], array.tangent[0, 0], rtol=1e-13)
    still = row(*(dd.Dual(float(a.value[0]), [0.0]) if is_dual else a for a, is_dual in zip(given, dual, strict=True)))
    assert still.tangent[0] == 0.0
    if rule.source == "30.2.1":
        return  # SciPy's spheroidal functions may not return from single precision.
    given = [a.astype(np.float32) if is_dual else a for a, is_dual in zip(given, dual, strict=True)]
    assert row(*given).dtype == row(*map(dd.value, given)).dtype


@pytest.mark.parametrize("name", ["gammaln", "erf", "expit", "j0", "ndtr", "psi", "i0e", "entr", "k1"])
def test_single_precision_stays(name):
    x = np.array([0.5, 2.0], np.float32)
    ufunc = getattr(special, name)
    assert ufunc(x).dtype == np.float32
    got = dd.jacobian(ufunc)(x)
    assert got.dtype == np.float32
    np.testing.assert_allclose(np.diag(got), dd.derivative(ufunc)(x.astype(float)), rtol=2e-5)
    assert dd.jvp(ufunc, (x,), (np.ones_like(x),))[1].dtype == np.float32


def test_parameters_broadcast():
    v, x = np.arange(3.0)[:, None], np.array([0.5, 1.5])
    got = dd.jacobian(lambda t: special.jv(v, t))(x)
    assert got.shape == (3, 2, 2)
    np.testing.assert_allclose(got[1, 0, 0], special.jvp(1, 0.5))
    assert dd.hessian(lambda t: np.sum(special.jv(v, t)))(x).shape == (2, 2)


@pytest.mark.parametrize("name, given, argument", [
    ("jv", (1.5, 2.0), 0), ("expn", (2.0, 1.0), 0), ("hyp2f1", (0.5, 1.0, 1.5, 0.3), 2), ("bdtr", (2.0, 5, 0.3), 0),
    ("hyperu", (2.0, 3.0, 0.4), 1), ("struve", (1.5, 2.0), 0), ("eval_jacobi", (3, 0.5, 0.7, 0.2), 1),
])
def test_arguments_without_a_rule(name, given, argument):
    names = scipy_rules.FUNCTIONS[name].names

    def f(t):
        return getattr(special, name)(*given[:argument], t, *given[argument + 1:])

    reason = re.escape(scipy_coverage.REASONS[f"{name}.{names[argument]}"])
    with pytest.raises(DifferentiationTypeError, match=rf"{name}.*respect to {names[argument]}\b.*{reason}"):
        dd.derivative(f)(given[argument])


@pytest.mark.parametrize("name", ["loggamma", "logit", "k0", "ndtri", "y1", "lambertw", "ellipk"])
def test_no_derivative_where_there_is_no_value(name):
    function = scipy_rules.FUNCTIONS[name]
    call = lambda t: function(t, 0) if name == "lambertw" else function(t)
    x = 2.5 if name in ("logit", "ndtri", "ellipk") else -2.5
    assert np.isnan(call(x))
    assert np.isnan(dd.derivative(call)(x)) and np.isnan(dd.derivative(call, order=2)(x))
    y = call(dd.Dual(x, [0.0]))
    assert y.tangent[0] == 0.0


@pytest.mark.parametrize("name, x, first, second", [
    ("gammaincc3", 0.0, 0.0, -1.0), ("erfinv", 1.0, np.inf, np.inf), ("erf", 0.0, 2/np.sqrt(np.pi), 0.0),
    ("rgamma", -2.0, 2.0, -3.6911373403938685), ("spence", 1.0, -1.0, 0.5), ("lambertw", 0.0, 1.0, -2.0),
    ("exprel", 0.0, 0.5, 1/3), ("entr", 0.0, np.inf, -np.inf), ("j1", 0.0, 0.5, 0.0),
    ("ellipk", 0.0, np.pi/8, 9*np.pi/64),
    ("ellipe", 0.0, -np.pi/8, -3*np.pi/64), ("log_ndtr", 1e3, 0.0, 0.0),
    ("log_ndtr", -1e3, 1000.000999998, -0.999999000006),
    ("dawsn", 1e5, -5.000000001e-11, 1.0000000003e-15), ("i0e", 1e8, -1.99471141e-13, 2.99206712e-21),
])
def test_hard_points(name, x, first, second):
    call = (lambda t: special.gammaincc(3.0, t)) if name == "gammaincc3" else scipy_rules.FUNCTIONS[name]
    if name == "lambertw":
        call = lambda t: scipy_rules.FUNCTIONS[name](t, 0)
    if name == "gammaincc3":
        second = 0.0
    assert dd.derivative(call)(x) == pytest.approx(first, rel=1e-8, abs=1e-300)
    assert dd.derivative(call, order=2)(x) == pytest.approx(second, rel=1e-8, abs=1e-300)


@pytest.mark.parametrize("v", [10.0, 1e3, 1e5])
def test_many_degrees_of_freedom(v):
    """Digits cancel as the derivative becomes small, and no faster than the page says."""
    for x in (-2.0, 3.0):
        with mp.workdps(40):
            tail = lambda t, x=x: mp.betainc(t/2, 0.5, 0, t/(t + mp.mpf(x)**2), regularized=True)/2
            want = float(mp.diff(tail, mp.mpf(v)))*(1 if x < 0 else -1)
        assert dd.derivative(lambda t, x=x: special.stdtr(t, x))(v) == pytest.approx(want, rel=1e-14 + 1e-15*v*v)


def test_third_order():
    for name, x in (("gammaln", 2.5), ("erfcx", 4.0), ("i0e", 25.0), ("ellipk", 0.1), ("dawsn", 10.0), ("spence", 1.1)):
        function = scipy_rules.FUNCTIONS[name]
        want = exact.exact(name, (), x)[3]
        assert dd.derivative(function, order=3)(x) == pytest.approx(float(want), rel=1e-9)


# -- functions that are no ufunc -----------------------------------------------------------------------------------


def test_logsumexp_and_softmax():
    x = np.array([[1.0, -2.0, 0.5], [1000.0, 999.0, -np.inf]])
    for axis in (None, 0, 1):
        for keep in (False, True):
            want = special.logsumexp(x, axis, keepdims=keep)
            np.testing.assert_allclose(ours.logsumexp(x, axis, keepdims=keep), want)
        np.testing.assert_allclose(ours.softmax(x, axis), special.softmax(x, axis))
        with np.errstate(invalid="ignore"):
            np.testing.assert_allclose(ours.log_softmax(x, axis), special.log_softmax(x, axis))
    b = np.array([2.0, 0.0, -0.5])
    np.testing.assert_allclose(ours.logsumexp(x[0], b=b), special.logsumexp(x[0], b=b))
    want = special.logsumexp(x[0], b=-b, return_sign=True)
    np.testing.assert_allclose(ours.logsumexp(x[0], b=-b, return_sign=True), want)
    assert np.isnan(ours.logsumexp(x[0], b=-b))
    p = special.softmax(x[0])
    np.testing.assert_allclose(dd.grad(ours.logsumexp)(x[0]), p)
    np.testing.assert_allclose(dd.hessian(ours.logsumexp)(x[0]), np.diag(p) - np.outer(p, p), atol=1e-16)
    np.testing.assert_allclose(dd.jacobian(ours.softmax)(x[0]), np.diag(p) - np.outer(p, p), atol=1e-16)
    weights = lambda w: ours.logsumexp(x[0], b=w)
    np.testing.assert_allclose(dd.grad(weights)(b), np.exp(x[0] - ours.logsumexp(x[0], b=b)))


def test_multigammaln():
    assert ours.multigammaln(4.5, 3) == pytest.approx(special.multigammaln(4.5, 3), rel=1e-15)
    want = sum(special.psi(4.5 - 0.5*j) for j in range(3))
    assert dd.derivative(lambda a: ours.multigammaln(a, 3))(4.5) == pytest.approx(want, rel=1e-14)
    with pytest.raises(ValueError, match="exceed"):
        ours.multigammaln(0.5, 3)


def test_zeta_polygamma_lambertw():
    assert ours.zeta(3.0) == special.zeta(3.0) and ours.zeta(3.0, 2.0) == special.zeta(3.0, 2.0)
    assert ours.polygamma(2, 1.5) == special.polygamma(2, 1.5)
    assert ours.lambertw(1.0) == special.lambertw(1.0).real and np.isnan(ours.lambertw(-1.0))
    for x in (2.0, -1.5):
        want = float(mp.diff(mp.zeta, x))
        assert dd.derivative(ours.zeta)(x) == dd.derivative(special.zeta)(x) == pytest.approx(want, rel=1e-13)
    with pytest.raises(UnsupportedFunctionError, match="dualdiff.scipy.special.lambertw"):
        dd.derivative(special.lambertw)(1.0)
    with pytest.raises(DifferentiationTypeError, match="respect to n"):
        dd.derivative(lambda n: ours.polygamma(n, 2.0))(1.0)


@pytest.mark.parametrize("letter", "jyik")
def test_spherical_bessel_functions(letter):
    mine, theirs = getattr(ours, f"spherical_{letter}n"), getattr(special, f"spherical_{letter}n")
    x, n = np.array([0.3, 2.5, 20.0]), np.array([[0], [3]])
    np.testing.assert_array_equal(mine(n, x), theirs(n, x))
    np.testing.assert_allclose(mine(n, x, derivative=True), theirs(n, x, derivative=True), rtol=1e-12)
    slope = dd.derivative(lambda t: mine(3, t))
    np.testing.assert_allclose(slope(x), theirs(3, x, derivative=True), rtol=1e-12)
    np.testing.assert_allclose(dd.derivative(lambda t: mine(3, t, derivative=True))(x),
                               dd.derivative(slope)(x), rtol=1e-12)


def test_every_name_is_there():
    for name in ours.__all__:
        assert callable(getattr(ours, name))


# -- the page ------------------------------------------------------------------------------------------------------

HEAD = """# SciPy

SciPy is optional: `import dualdiff` does not import it. Where both are loaded, the ufuncs of `scipy.special` take dual
numbers as NumPy's do, in every transform, at every order, with `out=` and `where=`:

```python
import numpy as np, scipy.special, dualdiff as dd

dd.hessian(lambda v: scipy.special.betaln(v[0], v[1]))(np.array([2.0, 3.5]))
```

What SciPy does not dispatch is in `dualdiff.scipy`, under SciPy's names and with SciPy's arguments, on floats and dual
numbers alike.

| module | functions |
|---|---|
| `dualdiff.scipy.special` | all ufuncs below, and `polygamma`, `zeta`, `lambertw` (real branches), \
`spherical_jn`, `spherical_yn`, `spherical_in`, `spherical_kn`, `multigammaln`, `logsumexp`, \
`softmax`, `log_softmax` |
| `dualdiff.scipy.stats` | `logpdf`, `logcdf`, `logsf` (and `pdf`, `cdf`, `sf`) of \
`norm`, `t`, `cauchy`, `laplace`, `logistic`, \
`lognorm`, `gamma`, `invgamma`, `beta`, `expon`, `weibull_min`; \
`logpmf`, `pmf`, `logcdf`, `logsf` of `poisson`, `binom`, \
`nbinom`; `logpdf` and `pdf` of `multivariate_normal`; `standard_errors` and `covariance` of \
maximum-likelihood estimates |
| `dualdiff.scipy.linalg` | `solve`, `solve_triangular`, `cholesky`, `cho_factor`, `cho_solve`, `lu_factor`, \
`lu_solve`, `inv`, `det`, `eigh` and `eigvalsh` (generalised as well), `expm`, `logm`, `sqrtm` |
| `dualdiff.scipy.optimize` | `minimize`, `least_squares`, `curve_fit`, `root`, `fsolve`, `newton`, \
`root_scalar`, `NonlinearConstraint` with [exact derivatives](../how-to/scipy.md); minima, fits and roots (`brentq`, \
too) in every parameter |
| `dualdiff.scipy.integrate` | `solve_ivp` with exact Jacobians for stiff equations, and in start, parameters and ends \
of the span; `quad` in parameters and limits |
| `dualdiff.scipy.interpolate` | `CubicSpline`, `PchipInterpolator`, `interp1d` (linear, cubic): in values and places |

Not differentiable beyond the special functions, and an error that says so: knots of interpolants, times of events.

## Special functions

All {count} ufuncs of `scipy.special` (SciPy {version}) take part: {supported} have derivatives, {constant} are locally
constant, and {unsupported} have no usable formula; the last two tables give the reasons. A test holds this list against
SciPy.

One row of `dualdiff/scipy_rules.py` each. Numbers under "source" are equations of the
[DLMF](https://dlmf.nist.gov). Errors are relative, the largest ones of a sweep against mpmath, measured against the
derivative plus its change under a relative change of the argument by as much; "differences" stands where mpmath has no
such function. This page is written by `python tests/test_scipy_special.py`.

Derivatives of incomplete gamma and beta functions with respect to their parameters are integrals of the density times
polynomials in logarithms, of every order; see `dualdiff/incomplete.py`. For parameters from 1e-6 to 1e5 they are good
to 1e-13 of themselves, apart from places where a derivative of second or higher order changes its sign. There the same
number of digits holds for the largest term.

Functions of one and two variables, `x` (and `y`) in SciPy's order:

| function | domain | source | error, first | second |
|---|---|---|---|---|
"""

SEVERAL_HEAD = """
Functions of several variables. Arguments in bold have derivatives:

| function | domain | source | error, first | second |
|---|---|---|---|---|
"""

ARGUMENTS_HEAD = """
Arguments without a derivative. A dual number there is an error that names the reason:

| reason | arguments |
|---|---|
"""

WITHOUT_HEAD = """
Functions without a row:

| function | state | reason |
|---|---|---|
"""


def head():
    """The top of the page, with counts."""
    states = Counter(entry.state for entry in scipy_coverage.entries())
    counts = {"count": sum(states.values()), "supported": states[scipy_coverage.SUPPORTED],
              "constant": states[scipy_coverage.NOT_DIFFERENTIABLE], "unsupported": states[scipy_coverage.UNSUPPORTED],
              "version": ".".join(scipy.__version__.split(".")[:2])}
    text = HEAD
    for name, number in counts.items():
        text = text.replace("{" + name + "}", str(number))
    return text


def reasons():
    """The tables of what has no derivative."""
    groups = {}
    for entry in scipy_coverage.entries():
        for argument, reason in entry.reasons:
            if argument:
                groups.setdefault(reason, []).append(f"`{entry.name}`: {argument}")
    lines = [f"| {reason} | {'; '.join(names)} |\n" for reason, names in groups.items()]
    without = [f"| `{entry.name}` | {entry.state} | {entry.reasons[0][1]} |\n" for entry in scipy_coverage.entries()
               if entry.state != scipy_coverage.SUPPORTED]
    return ARGUMENTS_HEAD + "".join(lines) + WITHOUT_HEAD + "".join(without)


def shown(rule):
    """A row's name on the page: that of the ufunc, with the number of its result; None for inner functions."""
    names = {part: f"{whole}, result {i + 1}" for whole, parts in scipy_rules.PARTS.items()
             for i, part in enumerate(parts)}
    return names.get(rule.name, rule.name if hasattr(special, rule.name) else None)


def document():
    """Return the page, with errors measured."""
    tables = {False: [], True: []}
    for rule in (*ONE, *TWO, *SEVERAL):
        name, several = shown(rule), rule in SEVERAL
        if name is None:
            continue
        arguments = ", ".join(f"**{one}**" if several and one in rule.partials else one
                              for one in rule.arguments.split())
        name = f"`{name}`({arguments})" if several else f"`{name}({arguments})`"
        if rule.name in exact.DIFFERENCES or rule.name in exact.UNDONE:
            figures = "differences | differences"
        else:
            errors = (worst if rule in ONE else worst2 if rule in TWO else worst_many)(rule.name)
            figures = " | ".join(f"{error:.0e}" if error else "0" for error, _ in errors)
        domain = " × ".join(map(str, rule.domain)) if rule in TWO else rule.domain
        note = f" ({rule.why})" if rule.why else ""
        tables[several].append(f"| {name} | {domain} | {rule.source} | {figures}{note} |\n")
    return head() + "".join(tables[False]) + SEVERAL_HEAD + "".join(tables[True]) + reasons()


def test_the_page_is_that_of_the_rows():
    text = PAGE.read_text(encoding="utf-8")
    without_version = lambda page: re.sub(r"\(SciPy [0-9.]+\)", "", page)
    if scipy.__version__ >= "1.17":
        assert without_version(text).startswith(without_version(head()))
        assert text.endswith(reasons())
    for rule in scipy_rules.ROWS:
        assert shown(rule) is None or f"`{shown(rule)}" in text


if __name__ == "__main__":
    PAGE.write_text(document(), encoding="utf-8")
