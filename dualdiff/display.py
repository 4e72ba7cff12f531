"""How dual numbers look: as text, under format specifications, in notebooks as HTML and LaTeX, to tab completion.

The number types call these functions for ``str``, ``format``, ``_repr_html_``, ``_repr_latex_`` and ``__dir__``. What
is shown are plain numbers: of a number in a nested derivative the innermost value of each part.
"""

import numpy as np

# The parts of each type beside its value, and the unit that each is the coefficient of.
UNITS = {
    "Dual": {"tangent": "ε"},
    "DualArray": {"tangent": "ε"},
    "HyperDual": {"e1": "ε1", "e2": "ε2", "e12": "ε1ε2"},
    "HyperDualArray": {"e1": "ε1", "e2": "ε2", "e12": "ε1ε2"},
}
LATEX = {
    "ε": r"\varepsilon", "ε1": r"\varepsilon_1", "ε2": r"\varepsilon_2", "ε1ε2": r"\varepsilon_1\varepsilon_2"
}
# Attributes that modules of the package use, and nobody else.
INTERNAL = {"with_parts", "map_parts", "map_planes", "expanded", "strong_product", "root"}
LARGE = 12  # entries along an axis of a table or a matrix


def names(x):
    """What tab completion offers: what users call, without the underscore and what serves the package alone."""
    return sorted(
        name for name in set(object.__dir__(x)) - INTERNAL
        if not name.startswith("_") or (name.startswith("__") and "pyx" not in name and "cython" not in name)
    )


def parts(x):
    """The plain parts of a number beside its value, by unit; an empty one means none."""
    return {unit: _plain(getattr(x, name)) for name, unit in UNITS[type(x).__name__].items()}


def _plain(part):
    while hasattr(part, "_stacks"):
        part = part.value
    return np.asarray(part)


# -- text --------------------------------------------------------------------------------------------------------------


def text(x, specification="g"):
    """A scalar number as ``2 + [1, 3]ε``, each figure under the specification."""
    terms = [_term(part, unit, specification) for unit, part in parts(x).items() if part.size]
    return format(x.value, specification) + "".join(terms)


def _term(part, unit, specification):
    figures = [format(t, specification) for t in part.ravel().tolist()]
    body = figures[0] if len(figures) == 1 else "[" + ", ".join(figures) + "]"
    return f" - {body[1:]}{unit}" if body.startswith("-") else f" + {body}{unit}"


def formatted(x, specification):
    """``format(x, specification)``: the value alone, or all parts where the specification ends in ``ε``."""
    if not specification:
        return str(x)
    everything = specification.endswith("ε")
    specification = specification.removesuffix("ε")
    if x.ndim == 0 and not hasattr(x, "with_parts"):
        return text(x, specification or "g") if everything else format(x.value, specification)
    value = _figures(_plain(x), specification)
    if not everything:
        return value
    return value + "".join(f" + {_figures(part, specification)}{unit}" for unit, part in parts(x).items())


def _figures(array, specification):
    """An array with each entry under a format specification, which NumPy itself refuses."""
    if array.ndim == 0:
        return format(array[()], specification)
    return np.array2string(array, formatter={"all": lambda entry: format(entry, specification)})


# -- LaTeX -------------------------------------------------------------------------------------------------------------


def latex(x):
    r"""A number as ``$2 + 3\,\varepsilon$``; None for arrays that are large or have more than two dimensions."""
    value, others = _plain(x.value), parts(x)
    lengths = value.shape if value.ndim else [n for part in others.values() for n in part.shape]
    if value.ndim > 2 or max(lengths, default=0) > LARGE:
        return None
    terms = [_latex_matrix(value)]
    for unit, part in others.items():
        if not part.size:
            continue
        if value.ndim:
            body = r",\,".join(_latex_matrix(plane) for plane in part.reshape((-1, *value.shape))[:LARGE])
            terms.append(rf"\left[{body}\right]\,{LATEX[unit]}")
        else:
            terms.append(rf"{_latex_matrix(part if part.size > 1 else part.ravel()[0])}\,{LATEX[unit]}")
    return "$" + " + ".join(terms).replace("+ -", "- ") + "$"


def _latex_matrix(array):
    array = np.asarray(array)
    if array.ndim == 0:
        return _latex_number(array[()])
    rows = (" & ".join(map(_latex_number, row)) for row in np.atleast_2d(array))
    return r"\begin{pmatrix}" + r" \\ ".join(rows) + r"\end{pmatrix}"


def _latex_number(number):
    if isinstance(number, complex | np.complexfloating):
        return rf"({_latex_number(number.real)} + {_latex_number(number.imag)}\,i)".replace("+ -", "- ")
    figure = f"{number:.6g}"
    if "e" in figure:
        mantissa, exponent = figure.split("e")
        return rf"{mantissa}\times 10^{{{int(exponent)}}}"
    return figure.replace("inf", r"\infty").replace("nan", r"\mathrm{nan}")


# -- HTML --------------------------------------------------------------------------------------------------------------


def html(x):
    """A number as HTML: a table of value and tangents where it is small, folded texts where it is large."""
    value, others = _plain(x.value), parts(x)
    if value.ndim <= 1 and value.size <= LARGE:
        return _caption(x, value) + _table(value, others)
    folded = "".join(
        f"<details><summary>{unit} of shape {part.shape}</summary><pre>{_shortened(part)}</pre></details>"
        for unit, part in others.items()
    )
    return f"{_caption(x, value)}<pre>{_shortened(value)}</pre>{folded}"


def _caption(x, value):
    shape = f" of shape {value.shape}, {value.dtype}" if value.ndim else ""
    return f"<div><b>{type(x).__name__}</b>{shape}</div>"


def _table(value, others):
    """A row for the value and one for each tangent; a column for each entry."""
    rows = [("value", np.atleast_1d(value))]
    for unit, part in others.items():
        planes = part.reshape((-1, max(value.size, 1))) if part.size else []
        places = [", ".join(map(str, place)) for place in np.ndindex(part.shape[: part.ndim - value.ndim])]
        labels = [f"{unit}[{place}]" for place in places] if len(places) > 1 else [unit]
        rows += zip(labels, planes, strict=False)
    shown, left = rows[: 2 * LARGE], len(rows) - 2 * LARGE
    lines = [
        f"<tr><th style='text-align:left'>{label}</th>" + "".join(f"<td>{figure:.6g}</td>" for figure in row) + "</tr>"
        for label, row in shown
    ]
    more = f"<tr><th style='text-align:left'>… {left} more</th></tr>" if left > 0 else ""
    return f"<table>{''.join(lines)}{more}</table>"


def _shortened(array):
    """An array of numbers as text, in which nothing needs an escape."""
    return np.array2string(array, threshold=200)
