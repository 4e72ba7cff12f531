"""Sweep every row of the table over its domain and count its errors in units in the last place, against mpmath.

An evaluator is a function ``(rule, operands) -> figures``: it gets the arguments as float64 arrays and returns the
value and the derivatives of a row there, in the order of `parts`. The exact figures come from closed forms that are
written here, on their own, in mpmath. ``python tests/sweep.py`` measures the table, writes the errors that ship with
the package, ``dualdiff/data/rule_errors.json``, and from them ``docs/reference/rules.md``.
"""

import functools
import math
import platform
import sys
import zlib
from fractions import Fraction
from pathlib import Path

import mpmath as mp
import numpy as np

import dualdiff as dd
from dualdiff import measured, rows, rules

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "rules.md"
DIGITS = 50
MAX = sys.float_info.max
# Values are NumPy's or libm's own, within 4 ulp; where a value is not, this says why.
VALUE_ULP = {
    "gelu": (32.0, "the product of x and a subnormal number, on the far left"),
    "sinc": (math.inf, "NumPy's own formula, which rounds its argument pi*x"),
}


RULES = {rule.name: rule for rule in rules.ROWS}


def parts(rule):
    """Name the figures of a row: the value first, then its derivatives."""
    return ("value", "d1", "d2") if rule.arity == 1 else ("value", "fx", "fy", "fxx", "fxy", "fyy")


# ---------------------------------------------------------------------------------------------------------------------
# Exact figures: value and derivatives, and the largest term where terms cancel at a root of a derivative
# ---------------------------------------------------------------------------------------------------------------------


def _logistic(x):
    return 1 / (1 + mp.exp(-x)), 1 / (1 + mp.exp(x))


def _sigmoid(x):
    s, r = _logistic(x)
    return s, s*r, -s*r*mp.tanh(x/2)


def _silu(x):
    s, r = _logistic(x)
    d1 = s*(1 + x*r)
    d2 = s*r*(2 - x*mp.tanh(x/2))
    return x*s, d1, d2, max(s, abs(d1)), max(2*s*r, abs(d2))


def _gelu(x):
    cdf, density = _complement(-x/mp.sqrt(2))/2, mp.exp(-x*x/2)/mp.sqrt(2*mp.pi)
    d1, d2 = cdf + x*density, (2 - x*x)*density
    return x*cdf, d1, d2, max(cdf, abs(x*density)), max(2*density, abs(d2))


def _sinc(x):
    if x == 0:
        return mp.mpf(1), mp.mpf(0), -mp.pi**2/3
    if abs(x) < 1e-8:
        u = (mp.pi*x)**2
        return 1 - u/6 + u*u/120, -mp.pi**2*x/3*(1 - u/10 + u*u/280), -mp.pi**2/3*(1 - 3*u/10 + u*u/56)
    s, c = mp.sinpi(x), mp.cospi(x)
    y = s/(mp.pi*x)
    d1 = (c - y)/x
    d2 = -(mp.pi*s + 2*d1)/x
    scale1 = max(abs(d1), abs(c/x) if abs(x) > 0.5 else 0)
    return y, d1, d2, scale1, max(abs(d2), abs(mp.pi*s/x), abs(2*c/x/x)) if abs(x) > 0.5 else abs(d2)


def _complement(x):
    return mp.erfc(x) if abs(x) < 1e5 else mp.mpf(2*(x < 0))


def _erf(x):
    g = 2*mp.exp(-x*x)/mp.sqrt(mp.pi)
    return 1 - _complement(x) if abs(x) > 1e5 else mp.erf(x), g, -2*x*g


def _erfc(x):
    g = 2*mp.exp(-x*x)/mp.sqrt(mp.pi)
    return _complement(x), -g, 2*x*g


def _step(function):
    return lambda x: (function(x), mp.mpf(0), mp.mpf(0))


def _linear(slope):
    return lambda x: (slope()*x, slope(), mp.mpf(0))


def _sinh(x):
    return mp.sinh(x), mp.cosh(x), mp.sinh(x)


def _arcsinh(x):
    w = 1 + x*x
    return mp.asinh(x), 1/mp.sqrt(w), -x/w/mp.sqrt(w)


def _arccosh(x):
    w = (x - 1)*(x + 1)
    return mp.acosh(x), 1/mp.sqrt(w), -x/w/mp.sqrt(w)


def _arcsin(x):
    w = (1 - x)*(1 + x)
    return mp.asin(x), 1/mp.sqrt(w), x/w/mp.sqrt(w)


def _cbrt(x):
    y = mp.sign(x)*mp.cbrt(abs(x))
    return y, 1/(3*y*y), -2/(9*x*y*y)


def _log(base):
    return lambda x: (mp.log(x)/base(), 1/(x*base()), -1/(x*x*base()))


def _sqrt(x):
    y = mp.sqrt(x)
    return y, 1/(2*y), -1/(4*x*y)


def _absolute(x):
    return abs(x), mp.sign(x), mp.mpf(0)


UNARY = {
    "exp": lambda x: (mp.exp(x),)*3,
    "exp2": lambda x: (mp.power(2, x), mp.log(2)*mp.power(2, x), mp.log(2)**2*mp.power(2, x)),
    "expm1": lambda x: (mp.expm1(x), mp.exp(x), mp.exp(x)),
    "log": _log(lambda: mp.mpf(1)),
    "log2": _log(lambda: mp.log(2)),
    "log10": _log(lambda: mp.log(10)),
    "log1p": lambda x: (mp.log1p(x), 1/(1 + x), -1/(1 + x)**2),
    "sqrt": _sqrt,
    "root": _sqrt,
    "cbrt": _cbrt,
    "square": lambda x: (x*x, 2*x, mp.mpf(2)),
    "reciprocal": lambda x: (1/x, -1/(x*x), 2/x**3),
    "sin": lambda x: (mp.sin(x), mp.cos(x), -mp.sin(x)),
    "cos": lambda x: (mp.cos(x), -mp.sin(x), -mp.cos(x)),
    "tan": lambda x: (mp.tan(x), mp.sec(x)**2, 2*mp.tan(x)*mp.sec(x)**2),
    "arcsin": _arcsin,
    "arccos": lambda x: (mp.acos(x), -_arcsin(x)[1], -_arcsin(x)[2]),
    "arctan": lambda x: (mp.atan(x), 1/(1 + x*x), -2*x/(1 + x*x)**2),
    "sinh": _sinh,
    "cosh": lambda x: (mp.cosh(x), mp.sinh(x), mp.cosh(x)),
    "tanh": lambda x: (mp.tanh(x), mp.sech(x)**2, -2*mp.tanh(x)*mp.sech(x)**2),
    "arcsinh": _arcsinh,
    "arccosh": _arccosh,
    "arctanh": lambda x: (mp.atanh(x), 1/((1 - x)*(1 + x)), 2*x/((1 - x)*(1 + x))**2),
    "positive": _linear(lambda: mp.mpf(1)),
    "negative": _linear(lambda: mp.mpf(-1)),
    "conjugate": _linear(lambda: mp.mpf(1)),
    "deg2rad": _linear(lambda: mp.pi/180),
    "rad2deg": _linear(lambda: 180/mp.pi),
    "absolute": _absolute,
    "fabs": _absolute,
    "sign": _step(mp.sign),
    "floor": _step(mp.floor),
    "ceil": _step(mp.ceil),
    "trunc": _step(lambda x: mp.sign(x)*mp.floor(abs(x))),
    "rint": _step(mp.nint),
    "spacing": _step(lambda x: mp.mpf(math.copysign(math.ulp(float(x)), x))),
    "relu": lambda x: (x, mp.mpf(1), mp.mpf(0)) if x > 0 else (mp.mpf(0),)*3,
    "leaky_relu": lambda x: (x, mp.mpf(1), mp.mpf(0)) if x > 0 else (x*mp.mpf(0.01), mp.mpf(0.01), mp.mpf(0)),
    "sigmoid": _sigmoid,
    "log_sigmoid": lambda x: (-mp.log1p(mp.exp(-x)), _logistic(x)[1], -_sigmoid(x)[1]),
    "softplus": lambda x: (mp.log1p(mp.exp(x)), _logistic(x)[0], _sigmoid(x)[1]),
    "silu": _silu,
    "gelu": _gelu,
    "erf": _erf,
    "erfc": _erfc,
    "sinc": _sinc,
}


def _power(x, y):
    z = mp.power(x, y)
    if mp.im(x) == 0 and mp.re(x) < 0:
        return z, y*z/x, None, y*(y - 1)*z/x/x, None, None
    log = mp.log(x)
    fxy = z/x*(1 + y*log)
    return z, y*z/x, z*log, y*(y - 1)*z/x/x, (fxy, z/x*max(1, abs(y*log))), z*log*log


def _arctan2(x, y):
    w = x*x + y*y
    return mp.atan2(x, y), y/w, -x/w, -2*x*y/w/w, ((x - y)*(x + y)/w/w, 1/w), 2*x*y/w/w


def _hypot(x, y):
    z = mp.sqrt(x*x + y*y)
    return z, x/z, y/z, y*y/z**3, -x*y/z**3, x*x/z**3


def _logaddexp(base):
    def exact(x, y):
        log = base()
        s, r = 1/(1 + mp.exp((y - x)*log)), 1/(1 + mp.exp((x - y)*log))
        z = max(x, y) + mp.log1p(mp.exp(-abs(x - y)*log))/log
        return (z, max(abs(x), abs(y), abs(z))), s, r, log*s*r, -log*s*r, log*s*r

    return exact


def _whole(rounding):
    def exact(x, y):
        k = rounding(Fraction(float(x))/Fraction(float(y)))
        z = Fraction(float(x)) - k*Fraction(float(y))
        return _rational(z), mp.mpf(1), mp.mpf(-k), mp.mpf(0), mp.mpf(0), mp.mpf(0)

    return exact


def _rational(z):
    return mp.mpf(z.numerator)/z.denominator


def _constant(value, fx=0, fy=0):
    return lambda x, y: (value(x, y), mp.mpf(fx), mp.mpf(fy), mp.mpf(0), mp.mpf(0), mp.mpf(0))


def _power_of_two(x, factor):
    return x*factor, factor, mp.ln2*x*factor, mp.mpf(0), mp.ln2*factor, mp.ln2**2*x*factor


def _pick(better):
    return lambda x, y: _constant(better, *((1, 0) if better(x, y) == x else (0, 1)))(x, y)


def _product(x, y):
    return x*y, y, x, mp.mpf(0), mp.mpf(1), mp.mpf(0)


def _copysign(x, y):
    slope = mp.sign(x)*mp.sign(y)
    return _constant(lambda x, y: slope*x, slope)(x, y)


BINARY = {
    "add": _constant(lambda x, y: x + y, 1, 1),
    "subtract": _constant(lambda x, y: x - y, 1, -1),
    "multiply": _product,
    "strong_product": _product,
    "divide": lambda x, y: (x/y, 1/y, -x/y/y, mp.mpf(0), -1/y/y, 2*x/y**3),
    "power": _power,
    "float_power": _power,
    "arctan2": _arctan2,
    "hypot": _hypot,
    "maximum": _pick(max),
    "minimum": _pick(min),
    "fmax": _pick(max),
    "fmin": _pick(min),
    "heaviside": lambda x, y: _constant(lambda x, y: mp.mpf(x > 0) if x else y, 0, x == 0)(x, y),
    "logaddexp": _logaddexp(lambda: mp.mpf(1)),
    "logaddexp2": _logaddexp(lambda: mp.log(2)),
    "remainder": _whole(math.floor),
    "fmod": _whole(math.trunc),
    "floor_divide": _constant(lambda x, y: mp.mpf(math.floor(Fraction(float(x))/Fraction(float(y))))),
    "copysign": _copysign,
    "ldexp": lambda x, y: _power_of_two(x, mp.ldexp(1, int(y))),
    "nextafter": _constant(lambda x, y: mp.mpf(math.nextafter(float(x), float(y))), 1),
}


@functools.cache
def exact(name, *point):
    """Return exact figures of a row at a point: pairs of a figure and the magnitude whose ulp counts, or None."""
    with mp.workdps(DIGITS):
        figures = (UNARY if len(point) == 1 else BINARY)[name](*map(mp.mpf, point))
        if len(figures) == 5:  # a function of one variable with the largest term of both derivatives
            figures = figures[0], figures[1:4:2], figures[2:5:2]
        return tuple(f if f is None or isinstance(f, tuple) else (f, f) for f in figures)


# ---------------------------------------------------------------------------------------------------------------------
# Points
# ---------------------------------------------------------------------------------------------------------------------

PI = math.pi
TIPS = ("absolute", "fabs", "cbrt")  # what stands at their tips is promised in the table
EXTRA = {
    "exp": (709.78, 709.7827, -708.4, -745.1, 1e-17), "exp2": (1023.9, 1024.0, 1024.4, 1025.0, -1022.5, -1074.0),
    "expm1": (-0.693, -0.6931471805599453, -40.0, -20.0, 709.78), "log": (0.999999, 1.000001),
    "log1p": (1e-17, -1e-17), "sin": (PI, 2*PI, 1e22), "cos": (PI/2, 3*PI/2, 1e22),
    "sinh": (710.4, -710.4, 1e-9), "cosh": (710.4, -710.4, 1e-9), "tanh": (20.0, -20.0, 354.0, 372.0, -372.3),
    "arcsinh": (1e154, 1e155, -1e160), "arctan": (1e154, 1.5e154, 1e161, -1e160, 1e9, -1e9, 1e107),
    "arccosh": (1e154, 1e155, 1e160), "sigmoid": (-708.5, -745.0, 36.0, 40.0, 745.0, -700.0),
    "softplus": (-708.5, -745.0, 36.0, 745.0), "log_sigmoid": (-708.5, 745.0, 36.0, -745.0),
    "silu": (-1.2784645427610738, 2.3993572805154672, -2.3993572805154672, -700.0, -744.0, -751.0, 740.0),
    "gelu": (-0.7517915246935645, math.sqrt(2.0), -math.sqrt(2.0), -38.3, -38.5, -30.0, 8.3, 38.0),
    "erf": (26.6, 27.2, -26.9, 5.9), "erfc": (26.5, 26.9, 27.2, -5.9),
    "sinc": (1.4302966531242027, 0.6626, 0.49999, 0.50001, 1000.5, 100000000.5, 1e15, 4503599627370497.5),
    "square": (1.3e154, 1e-162, 1e308), "reciprocal": (1e-160, 1e103, 1e154, 1e-103),
}


def _neighbours(x, n=3):
    below, above, found = x, x, []
    for _ in range(n):
        below, above = math.nextafter(below, -math.inf), math.nextafter(above, math.inf)
        found += [below, above]
    return found


def _generator(name):
    return np.random.default_rng(zlib.crc32(name.encode()))


def _magnitudes(rng, n):
    """Numbers of both signs from the smallest subnormal one to the largest, evenly spread in their exponent."""
    exponents = np.linspace(-1074.0, 1023.99, n)
    return np.ldexp(rng.uniform(1.0, 2.0, n), np.floor(exponents).astype(int))*rng.choice((-1.0, 1.0), n)


def _inside(x, domain):
    return np.isfinite(x) & (x > domain.low) & (x < domain.high) & ((x != 0.0) | (domain.poles != "zero"))


def unary_points(rule):
    """Return points of the domain: all magnitudes, moderate numbers, the ends, the poles and what `EXTRA` names."""
    rng = _generator(rule.name)
    found = [
        _magnitudes(rng, 80), -_magnitudes(rng, 40), rng.uniform(-1.0, 1.0, 40), rng.normal(0.0, 3.0, 40),
        rng.uniform(-40.0, 40.0, 40), rng.uniform(-750.0, 750.0, 40), np.arange(-4.0, 4.5, 0.5),
        [5e-324, -5e-324, 2.2250738585072014e-308, 1e300, -1e300, MAX],
    ]
    for end in (rule.domain.low, rule.domain.high):
        if math.isfinite(end):
            gaps = np.ldexp(rng.uniform(0.5, 1.0, 53), -np.arange(53))
            found += [end + gaps, end - gaps, _neighbours(end), rng.uniform(end - 2.0, end + 2.0, 60)]
            if end == rule.domain.low and rule.domain.high == math.inf:
                found += [np.abs(_magnitudes(rng, 80))]
    if rule.domain.poles == "half_pi_odd":
        for pole in (PI/2, -PI/2, 3*PI/2, 1e3*PI + PI/2):
            gaps = np.ldexp(rng.uniform(0.5, 1.0, 40), -np.arange(40))
            found += [[pole], _neighbours(pole), pole + gaps, pole - gaps]
    found += [EXTRA.get(rule.name, ())]
    if rule.name == "spacing":  # overflows there with NumPy's warning
        found = [np.clip(np.concatenate(found), -1e308, 1e308)]
    points = np.unique(np.concatenate(found))
    return points[_inside(points, rule.domain) & ((points != 0.0) | (rule.name not in TIPS))]


def binary_points(rule):
    """Return pairs of points, as two arrays."""
    rng = _generator(rule.name)
    small = [tuple(rng.normal(0.0, 2.0, (2, 60))), tuple(rng.uniform(-50.0, 50.0, (2, 60)))]
    if rule.name in ("power", "float_power"):
        exponents = rng.choice((-2.0, -1.0, -0.5, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 10.0), 60)
        tiny = np.abs(_magnitudes(rng, 60))
        bounded = rng.uniform(-700.0, 700.0, 80)
        bases = np.exp(rng.uniform(-700.0, 700.0, 80))
        pairs = [
            *((np.abs(x), y) for x, y in small), (rng.uniform(0.1, 10.0, 60), exponents),
            (tiny, rng.uniform(-1.0, 3.0, 60)), (bases, bounded/np.log(bases)),
            (1.0 + rng.uniform(-1e-6, 1e-6, 30), rng.uniform(-1e8, 1e8, 30)),
            (-np.abs(small[0][0]), np.rint(small[0][1]*2.0)),
            ([1e-310, 1e300, 0.1, 1.0000001, 2.0], [1e-10, 0.1, -307.5, 7.1e9, -3.3]),
        ]
    elif rule.name == "ldexp":
        pairs = [(x, np.rint(y)) for x, y in (*small, (_magnitudes(rng, 60), rng.uniform(-900.0, 900.0, 60)))]
    elif rule.name in ("remainder", "fmod", "floor_divide"):
        pairs = [*small, (rng.uniform(-1e6, 1e6, 60), rng.uniform(-3.0, 3.0, 60)),
                 (rng.uniform(-1.0, 1.0, 30)*1e-20, rng.uniform(-1.0, 1.0, 30)),
                 (rng.integers(-20, 20, 40).astype(float), rng.choice((-3.0, -2.0, 2.0, 3.0, 5.0), 40))]
    else:
        both = _magnitudes(rng, 100)
        near = np.clip(both/4.0*rng.uniform(-3.0, 3.0, 100), -MAX/4.0, MAX/4.0)*4.0
        pairs = [*small, (both, near), (near, both), (_magnitudes(rng, 60), rng.permutation(_magnitudes(rng, 60)))]
        if rule.name.startswith("logaddexp"):
            far = rng.uniform(-700.0, 700.0, 100)
            pairs += [(far, rng.permutation(far)), (far, far + rng.normal(0.0, 1e-3, 100))]
        pairs += [([0.0, 0.0, 1.7e308, 3e-310, 1e-20], [1.5, -2.5, 1.7e308, 4e-310, 1e20])]
    x, y = (np.concatenate([np.asarray(pair[i], dtype=float) for pair in pairs]) for i in (0, 1))
    x, y = x + 0.0, y + 0.0  # no negative zeros
    good = _inside(x, rule.domain[0]) & _inside(y, rule.domain[1])
    if rule.name not in ("divide", "arctan2", "hypot", "add", "subtract", "logaddexp", "logaddexp2", "heaviside"):
        good &= (x != 0.0) & (y != 0.0) & (x != y)
    return x[good], y[good]


@functools.cache
def _points(name, dtype):
    rule = RULES[name]
    operands = (unary_points(rule),) if rule.arity == 1 else binary_points(rule)
    if dtype != np.float64:
        with np.errstate(over="ignore", under="ignore"):
            operands = tuple(operand.astype(dtype).astype(float) for operand in operands)
        domains = (rule.domain,) if rule.arity == 1 else rule.domain
        good = np.logical_and.reduce([_inside(*pair) for pair in zip(operands, domains, strict=True)])
        if rule.arity == 2:
            good &= (operands[0] != operands[1]) & (operands[0] != 0.0) & (operands[1] != 0.0)
        elif name in TIPS:
            good &= operands[0] != 0.0
        operands = tuple(operand[good] for operand in operands)
    return operands


def points(rule, dtype=np.float64):
    """Return the operands of a sweep, a tuple of one or two arrays of float64 numbers that ``dtype`` holds exactly."""
    return _points(rule.name, dtype)


# ---------------------------------------------------------------------------------------------------------------------
# Units in the last place
# ---------------------------------------------------------------------------------------------------------------------


@functools.cache
def _digest(name, column, dtype):
    rule, info = RULES[name], np.finfo(dtype)
    top = info.maxexp - info.nmant - 1
    nearest, rest, unit = [], [], []
    with mp.workdps(DIGITS):
        limit = mp.ldexp(1, info.maxexp)
        for point in zip(*points(rule, dtype), strict=True):
            figure = exact(name, *map(float, point))[column]
            if figure is None:
                nearest.append(math.nan)
                rest.append(math.nan)
                unit.append(math.nan)
                continue
            value, scale = (max(-limit, min(limit, f)) for f in figure)
            size = max(abs(value), abs(scale), mp.ldexp(1, info.minexp))
            ulp = mp.ldexp(1, min(mp.frexp(size)[1] - info.nmant - 1, top))
            close = max(-float(info.max), min(float(info.max), float(value)))
            nearest.append(close)
            rest.append(float((value - close)/ulp))
            unit.append(float(ulp))
    return tuple(map(np.array, (nearest, rest, unit)))


def digest(rule, part, dtype=np.float64):
    """Return what `ulps` needs of the exact figures: the nearest float64, the rest in ulps, the ulp that counts."""
    return _digest(rule.name, parts(rule).index(part), dtype)


def ulps(rule, part, got, dtype=np.float64):
    """Return the error of ``got`` in ulps at every point of the sweep; an overflow counts as the next power of two."""
    nearest, rest, unit = digest(rule, part, dtype)
    info = np.finfo(dtype)
    largest, top = float(info.max), math.ldexp(1.0, info.maxexp - info.nmant - 1)
    got = np.broadcast_to(np.asarray(got, dtype=float), nearest.shape)
    with np.errstate(all="ignore"):
        beyond = np.where(np.isinf(got), np.sign(got)*(top/unit), 0.0)
        error = np.abs((np.clip(got, -largest, largest)/unit - nearest/unit) + beyond - rest)
    error[np.isnan(got)] = np.inf
    error[np.isnan(nearest)] = 0.0
    return error


def excused(rule, part, value, dtype=np.float64):
    """Return the ulps that a derivative owes to the error of the value, where its text uses the value."""
    texts = [getattr(rule, part, "0.0"), *(text for _, text in rules.lets(rule)), rule.d1 if part == "d2" else "0.0"]
    if part == "value" or not any(("y" if rule.arity == 1 else "z") in rules.names(text) for text in texts):
        return 0.0
    nearest, _, unit = digest(rule, "value", dtype)
    with np.errstate(all="ignore"):
        relative = ulps(rule, "value", value, dtype)*(unit/np.abs(nearest))
        return np.nan_to_num(3.0*relative/np.finfo(dtype).eps, nan=0.0, posinf=np.inf)


def worst(rule, evaluator, dtype=np.float64):
    """Return for every part the worst error in ulps, beyond what is excused, and the point where it occurs."""
    operands = points(rule, dtype)
    with np.errstate(all="ignore"):
        figures = evaluator(rule, operands)
    found = {}
    for part, got in zip(parts(rule), figures, strict=True):
        error = ulps(rule, part, got, dtype)
        error = np.maximum(error - excused(rule, part, figures[0], dtype), np.minimum(error, 0.5))
        i = int(np.argmax(error))
        found[part] = float(error[i]), tuple(float(operand[i]) for operand in operands)
    return found


def promised(rule, part):
    """Return the largest error in ulps that the table promises."""
    if part == "value":
        return VALUE_ULP.get(rule.name, (4.0, ""))[0]
    return rule.ulp1 if part in ("d1", "fx", "fy") else rule.ulp2


# ---------------------------------------------------------------------------------------------------------------------
# Evaluators
# ---------------------------------------------------------------------------------------------------------------------


def by_rows(rule, operands):
    """The texts as NumPy evaluates them."""
    row = rows.Row(rule)
    value = row.value(*_integers(rule, operands))
    return (value, *(getattr(row, part)(*operands, value) for part in parts(rule)[1:]))


def _integers(rule, operands):
    """The exponents of ldexp as integers."""
    return (operands[0], operands[1].astype(int)) if rule.name == "ldexp" else operands


def _callable(rule):
    """The function that a user calls."""
    return getattr(np, rule.name) if rule.numpy else getattr(dd.functions, rule.name)


def by_scalars(rule, operands):
    """Compiled scalars, one point at a time."""
    function = _callable(rule)
    figures = []
    for point in zip(*(operand.tolist() for operand in _integers(rule, operands)), strict=True):
        if rule.arity == 1:
            (x,) = point
            first, second = function(dd.Dual(x, 1.0)), function(dd.HyperDual(x, 1.0, 1.0))
            figures.append((first.value, first.tangent, second.e12))
            continue
        x, y = point
        in_x, in_xx = function(dd.Dual(x, 1.0), y), function(dd.HyperDual(x, 1.0, 1.0), y)
        in_y, in_yy = function(x, dd.Dual(y, 1.0)), function(x, dd.HyperDual(y, 1.0, 1.0))
        in_xy = function(dd.HyperDual(x, 1.0, 0.0), dd.HyperDual(y, 0.0, 1.0))
        figures.append((in_x.value, in_x.tangent, in_y.tangent, in_xx.e12, in_xy.e12, in_yy.e12))
    return tuple(np.array(column, dtype=float).reshape(len(figures)) for column in zip(*figures, strict=True))


def by_arrays(dtype):
    """Compiled arrays of one dtype."""

    def evaluator(rule, operands):
        function = _callable(rule)
        operands = tuple(operand.astype(dtype) for operand in operands)
        one, none = np.ones((1, operands[0].size), dtype), np.zeros((1, operands[0].size), dtype)

        def dual(x):
            return dd.DualArray(x, one)

        def hyper(x, e1=one, e2=one):
            return dd.HyperDualArray(x, e1, e2, none[None])

        if rule.arity == 1:
            first, second = function(dual(*operands)), function(hyper(*operands))
            return first.value, first.tangent[0], second.e12[0, 0]
        x, y = _integers(rule, operands)
        in_x, in_xx = function(dual(x), y), function(hyper(x), y)
        y = operands[1]
        in_y, in_yy = function(x, dual(y)), function(x, hyper(y))
        in_xy = function(hyper(x, e2=none), hyper(y, e1=none))
        return in_x.value, in_x.tangent[0], in_y.tangent[0], in_xx.e12[0, 0], in_xy.e12[0, 0], in_yy.e12[0, 0]

    return evaluator


EVALUATORS = {
    "texts": (by_rows, np.float64),
    "scalars": (by_scalars, np.float64),
    "float64 arrays": (by_arrays(np.float64), np.float64),
    "float32 arrays": (by_arrays(np.float32), np.float32),
}
INTERNAL = ("root", "strong_product")  # rows that other rules are made of


def evaluators(rule):
    """Return the names of the evaluators that reach a row."""
    if rule.name in INTERNAL:
        return ("texts",)
    # float_power makes float64 of float32; the neighbours of a number are not the same in both.
    double = rule.name in ("float_power", "spacing", "nextafter")
    return tuple(name for name in EVALUATORS if not (double and "32" in name))


# ---------------------------------------------------------------------------------------------------------------------
# The page
# ---------------------------------------------------------------------------------------------------------------------

HEAD = """\
# Rules

Every elementary function is one row of the table `dualdiff/rules.py`: its value, its derivatives, its domain and what
is promised at its hard points. This page is written from the table by `python tests/sweep.py`.

The last columns are measured: the largest error against mpmath (50 digits) over the whole domain, in units in the last
place (ulp) of the result, with the argument where it occurs. The arguments reach from the smallest subnormal number to
the largest, and crowd at the ends of domains, at poles and at roots. Where terms cancel, at a root of a derivative say,
an ulp is that of the largest term; what a derivative owes to the error of NumPy's own value is not counted. Each figure
is the worst of the texts under NumPy, of scalars and of arrays. First derivatives are promised within 4 ulp and second
ones within 16, unless a note says otherwise.
"""


def _number(x):
    text = f"{x:.6g}"
    if float(text).is_integer() and not x.is_integer() and math.isfinite(x):
        text = repr(x)  # next to an integer
    return text.replace("-", "−").replace("inf", "∞")


def _cell(figure):
    text = str(figure)
    return text if figure.ulp == 0.0 or not text[0].isdigit() else f"{text} at {', '.join(map(_number, figure.at))}"


def _measure(rule, dtype):
    """The worst error of every part over the evaluators of one dtype."""
    found = {part: [] for part in parts(rule)}
    for name in evaluators(rule):
        evaluator, precision = EVALUATORS[name]
        if precision == dtype:
            for part, figure in worst(rule, evaluator, dtype).items():
                found[part].append(figure)
    return found


def measure(rule):
    """The largest errors of a row over its evaluators, first and second partial derivatives taken together."""
    found, single = _measure(rule, np.float64), _measure(rule, np.float32)
    groups = (("value",), ("d1",), ("d2",)) if rule.arity == 1 else (("value",), ("fx", "fy"), ("fxx", "fxy", "fyy"))
    figures = (measured.Figure(*max(figure for part in group for figure in found[part])) for group in groups)
    return measured.Errors(*figures, tuple(
        max((figure[0] for part in group for figure in single[part]), default=math.nan) for group in groups
    ))


def _accuracy(errors):
    """The measured columns of a row: value, first and second derivatives for float64, all three for float32."""
    return [*map(_cell, (errors.value, errors.first, errors.second)), errors.texts()[3]]


def _promise(value):
    if isinstance(value, tuple):
        return ", ".join(map(_promise, value))
    return "–" if value is None else _number(value)


def page():
    """Return the text of ``docs/reference/rules.md``, with the errors that ship with the package."""
    lines, errors = [HEAD], measured.errors()
    for title, table in (("one variable", rules.UNARY), ("two variables", rules.BINARY)):
        unary = table is rules.UNARY
        heads = ("$y'$", "$y''$", "domain") if unary else (r"$\partial/\partial x$", r"$\partial/\partial y$", "domain")
        lines += [f"## Functions of {title}", ""]
        lines += ["| function | value | " + " | ".join(heads) + " | ulp: value | first | second | float32 |"]
        lines += ["|" + "---|"*9]
        for rule in table:
            names = ", ".join(f"`{name}`" for name in (rule.name, *rule.aliases))
            formulas = (rule.latex, *((rule.latex_d1, rule.latex_d2) if unary else (rule.latex_fx, rule.latex_fy)))
            domain = " × ".join(map(str, (rule.domain,) if unary else rule.domain)).replace("-", "−")
            cells = [names, *(f"${formula}$" for formula in formulas), domain, *_accuracy(errors[rule.name])]
            lines.append("| " + " | ".join(cells) + " |")
        lines.append("")
    lines += ["`root` and `strong_product` are rows that other rules are made of.", "", "Exceptions:", ""]
    lines += [f"- `{name}`, value: {why}." for name, (_, why) in VALUE_ULP.items()]
    lines += [
        f"- `{rule.name}`, derivatives: {rule.ulp1:g} and {rule.ulp2:g} ulp promised, since {rule.why_ulp}."
        for rule in rules.ROWS if rule.why_ulp
    ]
    lines += ["", "## Hard points", "", "What stands here is promised, and a test holds it; – promises nothing.", ""]
    lines += ["| function | at | first | second | why |", "|---|---|---|---|---|"]
    for rule in rules.ROWS:
        for special in rule.special:
            cells = (_promise(special.at), _promise(special.first), _promise(special.second), special.why)
            lines.append(f"| `{rule.name}` | " + " | ".join(cells) + " |")
    lines += ["", "## Ufuncs that are no rows", "", "| ufunc | made of, or why not |", "|---|---|"]
    for name, texts in rules.COMPOSED.items():
        lines.append(f"| `{name}` | " + ", ".join(f"`{text}`" for text in texts) + " |")
    for why in dict.fromkeys(rules.NOT_ROWS.values()):
        names = ", ".join(f"`{name}`" for name, reason in rules.NOT_ROWS.items() if reason == why)
        lines.append(f"| {names} | {why} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    measured.write(
        {rule.name: measure(rule) for rule in rules.ROWS},
        f"NumPy {np.__version__}, {platform.machine()}, {platform.system()}",
    )
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
