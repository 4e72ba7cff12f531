"""Drawings for the docs: lines on two logarithmic axes, and dots on one. SVG as text, with nothing to install."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

COLOURS = {
    "plain": "#000000", "dualdiff": "#0072b2", "dualdiff told": "#56b4e9",
    "dualdiff replayed": "#003f5c", "forward": "#0072b2", "reverse": "#d55e00",
    "JAX forward": "#7b3294", "JAX reverse": "#cc79a7", "JAX reverse, jit": "#cc79a7", "autograd": "#009e73",
    "num-dual": "#e69f00", "hyperjet": "#b58900", "fastdual": "#8c564b", "CasADi": "#d55e00",
    "differences": "#777777", "by hand": "#aaaaaa",
}  # fmt: skip
WIDTH, HEIGHT, LEFT, BOTTOM, RIGHT, TOP = 640, 360, 70, 50, 150, 30
LINE = 14  # pixels between two lines of text


def seconds(t: float) -> str:
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if t * factor >= 0.999:
            return f"{t * factor:.3g} {unit}"
    return f"{t * 1e9:.3g} ns"


def size(number: float) -> str:
    for unit, factor in (("GB", 2**30), ("MB", 2**20), ("kB", 2**10)):
        if number >= factor:
            return f"{number / factor:.3g} {unit}"
    return f"{number:.0f} B"


def _open(width, height, title):
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        f'font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<text x="{LEFT}" y="18" font-size="14">{title}</text>',
    ]


def curves(
    title: str,
    label: str,
    series: Mapping[str, Sequence[tuple[float, float]]],
    colours: Mapping[str, str] = COLOURS,
    show: Callable[[float], str] = seconds,
) -> str:
    """Lines on two logarithmic axes; ``series`` maps a name to points (x, seconds)."""
    points = [point for line in series.values() for point in line]
    x0, x1 = (math.log10(pick(p[0] for p in points)) for pick in (min, max))
    y0, y1 = (pick(math.log10(p[1]) for p in points) for pick in (min, max))
    y0, y1 = math.floor(y0), math.ceil(y1)

    def at(x, y):
        return (LEFT + (math.log10(x) - x0) / (x1 - x0) * (WIDTH - LEFT - RIGHT),
                HEIGHT - BOTTOM - (math.log10(y) - y0) / (y1 - y0) * (HEIGHT - BOTTOM - TOP))  # fmt: skip

    text = _open(WIDTH, HEIGHT, title)
    for k in range(y0, y1 + 1):
        _, y = at(10**x0, 10.0**k)
        text.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#dddddd"/>')
        text.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{show(10.0**k)}</text>')
    for k in range(math.ceil(x0), math.floor(x1) + 1):
        x, y = at(10.0**k, 10.0**y0)
        text.append(f'<text x="{x:.1f}" y="{y + 18:.1f}" text-anchor="middle">{10**k}</text>')
    text.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle">{label}</text>')
    for name, line in series.items():
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(*point) for point in line))
        text.append(f'<polyline points="{path}" fill="none" stroke="{colours[name]}" stroke-width="2"/>')
    ends = sorted(((*at(*line[-1]), name) for name, line in series.items()), key=lambda end: end[1])
    below = -math.inf
    for x, y, name in ends:
        below = max(y, below + LINE)
        text.append(f'<text x="{x + 6:.1f}" y="{below + 4:.1f}" fill="{colours[name]}">{name}</text>')
    return "\n".join([*text, "</svg>", ""])


def dots(title: str, label: str, lines: Mapping[str, Mapping[str, float]], colours=COLOURS) -> str:
    """One line for each name, with a dot for each contestant at its ratio, on a logarithmic axis."""
    left, names = 300, sorted({name for line in lines.values() for name in line}, key=list(colours).index)
    width, top = 900, 60
    height = top + 22 * len(lines) + BOTTOM
    ratios = [ratio for line in lines.values() for ratio in line.values()]
    low, high = math.floor(math.log10(min(ratios))), math.ceil(math.log10(max(ratios)))

    def at(ratio):
        return left + (math.log10(ratio) - low) / (high - low) * (width - left - 20)

    text = _open(width, height, title)
    for i, name in enumerate(names):
        x = 20 + 86 * i
        text.append(f'<circle cx="{x}" cy="38" r="5" fill="{colours[name]}"/>')
        text.append(f'<text x="{x + 8}" y="42" font-size="11">{name}</text>')
    for k in range(low, high + 1):
        x, colour = at(10.0**k), "#888888" if k == 0 else "#dddddd"
        text.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top - 8}" y2="{height - BOTTOM}" stroke="{colour}"/>')
        text.append(f'<text x="{x:.1f}" y="{height - BOTTOM + 18}" text-anchor="middle">{10.0**k:g}</text>')
    for i, (name, line) in enumerate(lines.items()):
        y = top + 22 * i + 8
        text.append(f'<text x="{left - 10}" y="{y + 4}" text-anchor="end">{name}</text>')
        for who in sorted(line, key=list(colours).index, reverse=True):  # ours on top
            text.append(f'<circle cx="{at(line[who]):.1f}" cy="{y}" r="5" fill="{colours[who]}" fill-opacity="0.85"/>')
    text.append(f'<text x="{(left + width) / 2}" y="{height - 12}" text-anchor="middle">{label}</text>')
    return "\n".join([*text, "</svg>", ""])
