"""The table itself: its grammar, its names, its promises, and that no ufunc of NumPy was forgotten."""

import ast
import math

import numpy as np
import pytest
import sweep

from dualdiff import rows, rules

ROWS = pytest.mark.parametrize("rule", rules.ROWS, ids=lambda rule: rule.name)
RULES = {rule.name: rule for rule in rules.ROWS}
LIBM = (
    "acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos cosh erf erfc exp exp2 expm1 fabs floor fmod hypot "
    "log log10 log1p log2 nextafter pow rint sin sinh sqrt tan tanh trunc"
).split()


def texts(rule):
    """Every text of a row with the names that it may use."""
    arguments = {"x"} if rule.arity == 1 else {"x", "y"}
    known = arguments | {name for name, _ in rule.parameters} | set(rules.CONSTANTS)
    if rule.value:
        yield "value", rule.value, known
    known = known | {"y" if rule.arity == 1 else "z"}
    for name, text in rules.lets(rule):
        yield name, text, known
        known = known | {name}
    known = known | {"strict"}
    for part in sweep.parts(rule)[1:]:
        yield part, getattr(rule, part), known | ({"d1"} if part == "d2" else set())


def check(node, known):
    """Walk an expression that gives a number."""
    match node:
        case ast.BinOp(op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div()):
            check(node.left, known)
            check(node.right, known)
        case ast.UnaryOp(op=ast.USub()):
            check(node.operand, known)
        case ast.Constant():
            assert type(node.value) is float, f"{node.value!r} is no float"
        case ast.Name():
            assert node.id in known, f"{node.id} is unknown here"
        case ast.Call(func=ast.Name(id="where"), args=[condition, yes, no], keywords=[]):
            check_condition(condition, known)
            check(yes, known)
            check(no, known)
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            assert name in RULES, f"{name} is no row"
            assert len(arguments) == RULES[name].arity
            assert not RULES[name].parameters
            for argument in arguments:
                check(argument, known)
        case _:
            raise AssertionError(f"{ast.unparse(node)} is not in the grammar")


def check_condition(node, known):
    """Walk an expression that gives a truth value."""
    match node:
        case ast.BinOp(op=ast.BitAnd() | ast.BitOr()):
            check_condition(node.left, known)
            check_condition(node.right, known)
        case ast.Compare(comparators=[right]):
            check(node.left, known)
            check(right, known)
        case _:
            raise AssertionError(f"{ast.unparse(node)} is no condition")


@ROWS
def test_texts_keep_the_grammar(rule):
    for part, text, known in texts(rule):
        try:
            check(ast.parse(text, mode="eval").body, known)
        except AssertionError as error:
            pytest.fail(f"{part} of {rule.name}: {error}")


@pytest.mark.parametrize("text", ["x**2.0", "2*x", "x > 0.0", "abs(x)", "where(x, 1.0, 0.0)", "q", "1.0 if x else x",
                                  "where(x > 0.0 & (x < 1.0), x, x)", "sin(x, x)", "0.0 < x < 1.0"])
def test_the_grammar_refuses(text):
    with pytest.raises(AssertionError):
        check(ast.parse(text, mode="eval").body, {"x"})


def test_names_are_unique():
    names = [name for rule in rules.ROWS for name in (rule.name, *rule.aliases)]
    names += [*rules.COMPOSED, *rules.NOT_ROWS]
    assert len(names) == len(set(names))


@ROWS
def test_temporaries_hide_nothing(rule):
    names = [name for name, _ in rules.lets(rule)]
    taken = {"x", "y", "z", "d1", "strict", *RULES, *rules.CONSTANTS} | {name for name, _ in rule.parameters}
    assert len(names) == len(set(names))
    assert not taken & set(names)


@ROWS
def test_every_row_is_complete(rule):
    assert rule.value or (rule.c or rule.name) in LIBM, "neither a text nor a libm function gives the value"
    formulas = ("latex", "latex_d1", "latex_d2") if rule.arity == 1 else ("latex", "latex_fx", "latex_fy")
    assert all(getattr(rule, formula) for formula in formulas)
    assert bool(rule.why_ulp) == ((rule.ulp1, rule.ulp2) != (4.0, 16.0))


@ROWS
def test_names_are_numpys(rule):
    for name in (rule.name, *rule.aliases):
        ufunc = getattr(np, name, None)
        assert isinstance(ufunc, np.ufunc) == rule.numpy
        if rule.numpy:
            assert (ufunc.nin, ufunc.nout) == (rule.arity, 1)


UFUNCS = {name: ufunc for name, ufunc in vars(np).items() if isinstance(ufunc, np.ufunc)}
ALIASES = {name for rule in rules.ROWS if rule.numpy for name in (rule.name, *rule.aliases)}


@pytest.mark.parametrize("name", UFUNCS)
def test_no_ufunc_of_numpy_is_forgotten(name):
    # Bitwise operations have further names, which say nothing new.
    names = {name, UFUNCS[name].__name__}
    assert names & ALIASES or names & {*rules.COMPOSED, *rules.NOT_ROWS}, f"np.{name} is neither a row nor listed"


def test_aliases_of_the_same_ufunc_are_listed():
    floats = {name for name, ufunc in UFUNCS.items() if any("d" in kind for kind in ufunc.types)}
    assert floats <= ALIASES | {*rules.COMPOSED, *rules.NOT_ROWS}
    assert all(reason for reason in rules.NOT_ROWS.values())


@pytest.mark.parametrize("name", ["divmod", "modf"])
def test_composed_ufuncs_are_what_they_are_made_of(name, rng):
    operands = rng.uniform(-9.0, 9.0, (UFUNCS[name].nin, 100))
    composed = [eval(text, vars(np), dict(zip("xy", operands, strict=False))) for text in rules.COMPOSED[name]]
    np.testing.assert_array_equal(composed, UFUNCS[name](*operands))


def test_frexp_is_what_it_is_made_of(rng):
    x = rng.normal(0.0, 1e5, 100)
    mantissa, e = np.frexp(x)
    np.testing.assert_array_equal(eval(rules.COMPOSED["frexp"][0], vars(np), {"x": x, "e": e}), mantissa)


# Hard points ---------------------------------------------------------------------------------------------------------


def local(rule, *point, strict=0.0):
    """Value and derivatives of a row at one point, as plain floats."""
    row = rows.Row(rule)
    point = tuple(map(np.float64, point))
    with np.errstate(all="ignore"):
        value = row.value(*point[:1], int(point[1])) if rule.name == "ldexp" else row.value(*point)
        slopes = (getattr(row, part)(*point, value, strict=strict) for part in sweep.parts(rule)[1:])
        return float(value), *map(float, slopes)


def specials():
    for rule in rules.ROWS:
        for special in rule.special:
            yield pytest.param(rule, special, id=f"{rule.name}-{special.at}")


@pytest.mark.parametrize(("rule", "special"), list(specials()))
def test_hard_points_are_as_promised(rule, special):
    if rule.arity == 1:
        _, *got = local(rule, special.at)
        promised = [special.first, special.second]
        limits = [rule.ulp1, rule.ulp2]
    else:
        _, *got = local(rule, *special.at)
        promised = [*(special.first or (None,)*2), *(special.second or (None,)*3)]
        limits = [rule.ulp1]*2 + [rule.ulp2]*3
    for figure, want, limit in zip(got, promised, limits, strict=True):
        if want is None:
            continue
        if math.isfinite(want) and want != 0.0:
            assert abs(figure - want) <= limit*math.ulp(want)
        else:
            assert figure == want or math.isnan(want) and math.isnan(figure)


@pytest.mark.parametrize("rule", [rule for rule in rules.UNARY if math.isfinite(rule.domain.low + rule.domain.high)
                                  or math.isfinite(rule.domain.low)], ids=lambda rule: rule.name)
def test_derivatives_outside_a_domain_are_nan(rule):
    for x in (rule.domain.low - 0.5, -1e300, rule.domain.high + 0.5):
        if not math.isinf(x):
            assert all(map(math.isnan, local(rule, x)))


@pytest.mark.parametrize(("name", "point"), [
    ("absolute", (0.0,)), ("fabs", (-0.0,)), ("hypot", (0.0, 0.0)), ("copysign", (0.0, -1.0)), ("maximum", (2.0, 2.0)),
    ("minimum", (2.0, 2.0)), ("fmax", (2.0, 2.0)), ("fmin", (0.0, -0.0))])
def test_strict_makes_both_orders_nan_at_ties_and_tips(name, point):
    first, second = (slice(1, 2), 2) if len(point) == 1 else (slice(1, 2) if name == "copysign" else slice(1, 3), 3)
    figures = local(RULES[name], *point, strict=math.nan)
    assert all(map(math.isnan, figures[first]))
    assert math.isnan(figures[second])
    assert not any(map(math.isnan, local(RULES[name], *point)[first]))


@pytest.mark.parametrize("point", [(3.0,), (1.5, 2.5)])
def test_strict_changes_nothing_elsewhere(point):
    for rule in rules.UNARY if len(point) == 1 else rules.BINARY:
        np.testing.assert_array_equal(local(rule, *point, strict=math.nan), local(rule, *point))


@pytest.mark.parametrize(("name", "point", "slopes"), [
    ("maximum", (math.nan, 1.0), (1.0, 0.0)), ("maximum", (1.0, math.nan), (0.0, 1.0)),
    ("minimum", (math.nan, 1.0), (1.0, 0.0)), ("fmax", (math.nan, 1.0), (0.0, 1.0)),
    ("fmin", (1.0, math.nan), (1.0, 0.0)), ("fmax", (math.nan, math.nan), (1.0, 0.0))])
def test_extrema_hand_on_the_operand_that_numpy_picks(name, point, slopes):
    assert local(RULES[name], *point)[1:3] == slopes


# Reading the texts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "zero", "unless_strict"), [
    ("0.0", True, True), ("-0.0", True, True), ("1.0", False, False), ("x", False, False),
    ("where(x == y, strict, 0.0)", False, True), ("where(x > 0.0, 0.0, -0.0)", True, True),
    ("where(x == 0.0, NAN, 0.0)", False, False)])
def test_zeros_are_read_off_the_text(text, zero, unless_strict):
    assert rules.is_zero(text) is zero
    assert rules.is_zero(text, strict=False) is unless_strict


def test_rows_say_which_derivatives_vanish():
    assert rows.named("floor").d1_is_zero and rows.named("negative").d2_is_zero
    assert not rows.named("exp").d1_is_zero
    multiply = rows.named("multiply")
    assert multiply.fxx_is_zero and multiply.fyy_is_zero and not multiply.fxy_is_zero
    assert repr(multiply) == "Row('multiply')" and multiply.rule is RULES["multiply"]


def test_parameters_reach_the_texts():
    row, x = rows.named("leaky_relu"), np.array([-2.0, 3.0])
    np.testing.assert_array_equal(row.value(x, slope=0.5), [-1.0, 3.0])
    np.testing.assert_array_equal(row.d1(x, x, slope=0.5), [0.5, 1.0])
    np.testing.assert_array_equal(row.d1(x, x), [0.01, 1.0])


def test_derivatives_warn_of_nothing():
    with np.errstate(all="raise"):
        assert rows.named("log").d1(np.array([0.0]), np.array([-np.inf])) == np.inf
