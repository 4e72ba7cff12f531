"""How dual numbers look to those who hold them: text, format specifications, notebooks, tab completion."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

import dualdiff as dd
from dualdiff import display

X = np.array([1.5, -2.0])
NUMBERS = {
    "scalar": dd.Dual(2.0, [1.0, 3.0]),
    "scalar, one tangent": dd.Dual(2.0, -1.0),
    "constant": dd.Dual(3.0),
    "hyper": dd.HyperDual(2.0, [1.0, 2.0], [3.0, 4.0], [[5.0, 6.0], [7.0, 8.0]]),
    "array": dd.DualArray(X, np.eye(2)),
    "array of dimension 0": dd.DualArray(1.0, [2.0]),
    "matrix": dd.DualArray(np.ones((2, 2)), np.ones((3, 2, 2))),
    "cube": dd.DualArray(np.ones((2, 2, 2)), np.ones((1, 2, 2, 2))),
    "large": dd.DualArray(np.ones((90, 90)), np.ones((3, 90, 90))),
    "long": dd.DualArray(np.ones(5000), np.ones((3, 5000))),
    "empty": dd.DualArray(np.ones(0), np.ones((2, 0))),
    "complex": dd.DualArray([1 + 2j], [[3 - 1j]]),
    "hyper array": dd.HyperDualArray(X, np.eye(2), np.eye(2), np.zeros((2, 2, 2))),
}
EACH = pytest.mark.parametrize("x", NUMBERS.values(), ids=NUMBERS.keys())


# -- HTML and LaTeX ----------------------------------------------------------------------------------------------------


@EACH
def test_html_is_well_formed_and_of_a_bounded_size(x):
    text = x._repr_html_()
    root = ElementTree.fromstring(f"<div>{text}</div>")
    assert root.find(".//b").text == type(x).__name__
    assert len(text) < 20_000


def cells(x):
    rows = ElementTree.fromstring(f"<div>{x._repr_html_()}</div>").findall(".//tr")
    return {row.find("th").text: [float(cell.text) for cell in row.findall("td")] for row in rows}


def test_html_tables_hold_every_part():
    assert cells(NUMBERS["scalar"]) == {"value": [2.0], "ε[0]": [1.0], "ε[1]": [3.0]}
    assert cells(NUMBERS["scalar, one tangent"]) == {"value": [2.0], "ε": [-1.0]}
    assert cells(NUMBERS["constant"]) == {"value": [3.0]}
    assert cells(NUMBERS["array"]) == {"value": [1.5, -2.0], "ε[0]": [1.0, 0.0], "ε[1]": [0.0, 1.0]}
    hyper = cells(NUMBERS["hyper"])
    assert (hyper["ε1[1]"], hyper["ε2[0]"], hyper["ε1ε2[0, 1]"], hyper["ε1ε2[1, 0]"]) == ([2.0], [3.0], [6.0], [7.0])


def test_html_tables_end_somewhere():
    text = dd.Dual(1.0, np.ones(1000))._repr_html_()
    assert text.count("<tr>") == 2 * display.LARGE + 1 and "977 more" in text


@EACH
def test_latex_has_matching_braces_or_is_left_out(x):
    text = x._repr_latex_()
    if x.ndim > 2 or x.size > display.LARGE:
        assert text is None
        return
    assert text.startswith("$") and text.endswith("$") and text.count("{") == text.count("}")
    assert text.count(r"\begin{pmatrix}") == text.count(r"\end{pmatrix}")
    assert text.count(r"\left[") == text.count(r"\right]")


@pytest.mark.parametrize(
    ("x", "want"),
    [
        (dd.Dual(2.0, 1.0), r"$2 + 1\,\varepsilon$"),
        (dd.Dual(2.0, -0.5), r"$2 - 0.5\,\varepsilon$"),
        (dd.Dual(2.5), "$2.5$"),
        (dd.Dual(np.inf, np.nan), r"$\infty + \mathrm{nan}\,\varepsilon$"),
        (dd.Dual(-1e-10, 2e20), r"$-1\times 10^{-10} + 2\times 10^{20}\,\varepsilon$"),
        (dd.Dual(1.0, [1.0, 2.0]), r"$1 + \begin{pmatrix}1 & 2\end{pmatrix}\,\varepsilon$"),
        (
            dd.HyperDual(2.0, 1.0, -1.0, 0.0),
            r"$2 + 1\,\varepsilon_1 - 1\,\varepsilon_2 + 0\,\varepsilon_1\varepsilon_2$",
        ),
    ],
)
def test_latex_of_scalars(x, want):
    assert x._repr_latex_() == want


def test_latex_of_a_complex_array():
    assert r"(1 + 2\,i)" in NUMBERS["complex"]._repr_latex_()
    assert r"(3 - 1\,i)" in NUMBERS["complex"]._repr_latex_()


def test_numbers_in_a_nested_derivative_show_plain_figures():
    seen = []

    def inner(y):
        seen.extend([y._repr_html_(), y._repr_latex_(), f"{y:.1f}", f"{y[0]:.1fε}", str(y), dir(y)])
        return np.sum(y**2)

    dd.jacobian(dd.grad(inner))(X)
    assert seen[2] == "[1.5 -2.0]" and seen[3] == "1.5 + [1.0 0.0]ε"
    assert "<td>-2</td>" in seen[0] and "pmatrix" in seen[1]


# -- text and format ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("specification", [".3f", "8.2e", "+.1g", "%"])
@EACH
def test_specifications_are_for_every_value(x, specification):
    if x.dtype.kind == "c" and specification == "%":
        pytest.skip("Python has no percentage of complex numbers")
    shown = format(x, specification)
    for value in np.ravel(x.value)[:3]:
        assert format(value, specification).strip() in shown


def test_specifications_that_end_in_epsilon_are_for_every_part():
    assert f"{NUMBERS['scalar']:.2fε}" == "2.00 + [1.00, 3.00]ε"
    assert f"{NUMBERS['scalar, one tangent']:.1fε}" == "2.0 - 1.0ε"
    assert f"{NUMBERS['constant']:.1fε}" == "3.0"
    assert f"{NUMBERS['hyper']:.0fε}" == "2 + [1, 2]ε1 + [3, 4]ε2 + [5, 6, 7, 8]ε1ε2"
    assert f"{NUMBERS['scalar']:ε}" == str(NUMBERS["scalar"]) == "2 + [1, 3]ε"
    assert f"{NUMBERS['array']:.1fε}" == "[1.5 -2.0] + [[1.0 0.0]\n [0.0 1.0]]ε"


def test_a_specification_that_makes_no_sense_is_refused():
    for x in (NUMBERS["scalar"], NUMBERS["array"]):
        with pytest.raises(ValueError, match="format code 'q'"):
            format(x, "q")


# -- tab completion ----------------------------------------------------------------------------------------------------


@EACH
def test_tab_completion_offers_what_users_call(x):
    names = dir(x)
    assert names == sorted(set(names))
    assert not [name for name in names if re.match(r"_(?!_)", name) or "pyx" in name or "cython" in name]
    assert not display.INTERNAL & set(names)
    assert {"value", "shape", "sin", "exp", "__add__"} <= set(names)
    assert set(display.UNITS[type(x).__name__]) <= set(names)
    assert set(names) <= set(object.__dir__(x))


def test_what_is_left_out_of_tab_completion_is_there_all_the_same():
    members = set(object.__dir__(NUMBERS["array"])) | set(object.__dir__(NUMBERS["scalar"]))
    assert display.INTERNAL <= members | {"expanded"}
