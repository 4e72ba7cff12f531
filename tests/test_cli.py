"""The command line, run as its users run it: in processes of their own, from folders of their own."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import dualdiff as dd
from dualdiff import coverage, measured, rules
from dualdiff.cli import commands, inspection, main, report, target

OWN = """
import numpy as np

def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

def model(b, x):
    return b[0] * np.exp(-b[1] * x)

def keyed(settings, x):
    return settings["scale"] * x ** 2

def count(n, x):
    return sum(x ** i for i in range(n))

def inexact(x):
    return np.sum(np.round(x, 3) + 0.0 * x)

def asks_for_floats(x):
    import math
    return math.sin(x)

def fails(x):
    raise RuntimeError("no data today")

class Plant:
    @staticmethod
    def power(x):
        return x ** 3

number = 3.0
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "own.py").write_text(OWN, encoding="utf-8")
    return tmp_path


def run(folder, *arguments, code=0):
    """Run the command line in a process; its output, after a look at the exit code."""
    done = subprocess.run(
        [sys.executable, "-m", "dualdiff", *arguments], cwd=folder, capture_output=True, timeout=300, encoding="utf-8",
        env=os.environ | {"PYTHONPATH": str(Path(dd.__file__).parents[1]), "PYTHONUTF8": "1"},
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout if code in (0, 1) else done.stderr


# -- inspect and check -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["own:rosenbrock", "own.py:rosenbrock"])
def test_inspect_shows_the_derivatives_and_their_pattern(folder, place):
    text = run(folder, "inspect", place, "--at", "[1, 2, 3, 4]")
    lines = text.splitlines()
    assert "gradient, shape (4,)" in lines and "Hessian, shape (4, 4)" in lines
    assert lines[lines.index("Hessian: 10 of 16 entries are not 0 at this point") + 1 :][:4] == [
        "xx..", "xxx.", ".xxx", "..xx"
    ]
    assert lines[-1].startswith("PASS: derivatives agree with central differences")


def test_inspect_as_json_is_what_python_computes(folder, monkeypatch):
    found = json.loads(run(folder, "inspect", "own:rosenbrock", "--at", "[1, 2, 3, 4]", "--json"))
    monkeypatch.syspath_prepend(str(folder))
    rosenbrock = target.function("own:rosenbrock")
    x = np.array([1.0, 2.0, 3.0, 4.0])
    assert found["x"] == x.tolist() and found["value"] == rosenbrock(x)
    assert found["gradient"] == dd.grad(rosenbrock)(x).tolist()
    assert found["hessian"] == dd.hessian(rosenbrock)(x).tolist()
    assert found["check"]["agrees"] is True and found["passed"] is True


def test_arguments_are_numbers_json_and_files(folder):
    np.save(folder / "x.npy", np.array([0.0, 1.0, 2.0]))
    (folder / "b.json").write_text("[2.0, 0.5]", encoding="utf-8")
    found = json.loads(run(folder, "inspect", "own:model", "--at", "b.json", "x.npy", "--order", "1", "--json"))
    x = np.array([0.0, 1.0, 2.0])
    np.testing.assert_allclose(found["jacobian"], np.stack([np.exp(-0.5 * x), -2.0 * x * np.exp(-0.5 * x)], 1))
    assert "hessian" not in found


def test_other_arguments_pass_through_and_argnum_counts_from_both_ends(folder):
    for argnum in ("1", "-1"):
        found = json.loads(
            run(folder, "inspect", "own:keyed", "--at", '{"scale": 2}', "3.0", "--argnum", argnum, "--json")
        )
        assert (found["derivative"], found["second derivative"]) == (12.0, 4.0)
    found = json.loads(run(folder, "inspect", "own:count", "--at", "3", "2", "--argnum=1", "--json"))
    assert found["derivative"] == 5.0


@pytest.mark.parametrize("number", ["-1e-3", "-2", "-.5"])
def test_negative_numbers_are_no_options(folder, number):
    found = json.loads(run(folder, "inspect", "own:Plant.power", "--at", number, "--json"))
    assert found["derivative"] == pytest.approx(3 * float(number) ** 2)


def test_check_passes_and_fails_by_exit_code(folder):
    assert run(folder, "check", "own:rosenbrock", "--at", "[1, 2, 3]").startswith("PASS:")
    assert run(folder, "check", "own:inexact", "--at", "[0.00049999]", code=1).startswith("FAIL: check_derivatives:")
    failed = json.loads(run(folder, "check", "own:inexact", "--at", "[0.00049999]", "--json", code=1))
    assert failed["passed"] is False and failed["agrees"] is False and "disagrees" in failed["message"]
    passed = json.loads(run(folder, "check", "own:Plant.power", "--at", "1", "--order", "1", "--json"))
    assert passed["evaluations"] == 3


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("own:missing", "--at", "1"), 2, "own has no missing; its functions are Plant, asks_for_floats"),
        (("own.py:missing", "--at", "1"), 2, "own.py has no missing; its functions are Plant"),
        (("own:number", "--at", "1"), 2, "is a float; name a function"),
        (("own", "--at", "1"), 2, "write module:function"),
        (("absent:f", "--at", "1"), 2, "there is no such module"),
        (("absent.py:f", "--at", "1"), 2, "there is no such file"),
        (("own:model", "--at", "[1, 2]", "0", "--argnum", "2"), 2, "there are 2 values after --at"),
        (("own:model", "--at", "one"), 2, "is no number, no JSON"),
        (("own:model", "--at", "none.npy"), 2, "cannot be read"),
        (("own:model", "--at", "none.json"), 2, "cannot be read"),
        (("own:fails", "--at", "1"), 3, "own:fails raised RuntimeError: no data today"),
        (("own:asks_for_floats", "--at", "1"), 3, "own:asks_for_floats cannot be differentiated: float() of a Dual"),
        (("broken.py:f", "--at", "1"), 3, "broken.py raised ZeroDivisionError when it was run"),
        (("broken:f", "--at", "1"), 3, "broken raised ZeroDivisionError when it was imported"),
        (("needy:f", "--at", "1"), 3, "needy raised ModuleNotFoundError: No module named 'no_such_package'"),
    ],
    ids=lambda part: part[0] if isinstance(part, tuple) else None,
)
def test_mistakes_are_named_with_an_exit_code(folder, arguments, code, words):
    (folder / "broken.py").write_text("1 / 0", encoding="utf-8")
    (folder / "needy.py").write_text("import no_such_package", encoding="utf-8")
    message = run(folder, "inspect", *arguments, code=code)
    assert words in message and message.startswith("dualdiff: ")


def test_a_large_point_has_no_hessian_unless_asked(folder):
    point = json.dumps([0.5] * (inspection.LARGE + 1))
    assert "Hessian" not in run(folder, "inspect", "own:rosenbrock", "--at", point, "--no-check")
    assert "Hessian" in run(folder, "inspect", "own:rosenbrock", "--at", point, "--no-check", "--order", "2")


def test_pictures_of_large_matrices_are_blocks():
    matrix = np.eye(200)
    head, *lines = inspection.picture(matrix).splitlines()
    assert head == (
        "200 of 40000 entries are not 0 at this point (a character for 5 by 2 entries, x if one of them is not)"
    )
    assert len(lines) == 40 and {len(line) for line in lines} == {100}
    assert all(line[5 * i // 2] == "x" and line.count("x") <= 4 for i, line in enumerate(lines))
    assert inspection.picture(np.zeros((0, 3))) == "0 of 0 entries are not 0 at this point"


# -- compare -----------------------------------------------------------------------------------------------------------


def test_compare_shows_what_compare_modes_reports(folder):
    text = run(folder, "compare", "own:rosenbrock", "--at", "[1, 2, 3]")
    assert "forward" in text and "reverse" in text
    found = json.loads(run(folder, "compare", "own:rosenbrock", "--at", "[1, 2, 3]", "--json"))
    assert found["agrees"] is True and found["passed"] is True and len(found) > 4
    failed = json.loads(run(folder, "compare", "own:inexact", "--at", "[0.00049999]", "--json", code=1))
    assert failed["passed"] is False


def test_compare_draws(folder):
    pytest.importorskip("matplotlib")
    run(folder, "compare", "own:rosenbrock", "--at", "[1, 2, 3]", "--plot", "modes.png")
    assert (folder / "modes.png").read_bytes().startswith(b"\x89PNG")


# -- tables ------------------------------------------------------------------------------------------------------------


def test_rules_show_every_row_with_its_measured_errors(folder):
    lines = run(folder, "rules").splitlines()
    for rule in rules.ROWS:
        (line,) = [line for line in lines if line.split("  ")[0] == rule.name]
        assert " ".join(line.split()).endswith(" ".join(measured.errors()[rule.name].texts()))
    found = json.loads(run(folder, "rules", "tanh", "np.asin", "--json"))["rules"]
    assert [row["name"] for row in found] == ["arcsin", "tanh"]
    assert [found[1]["d2"]] == [rule.d2 for rule in rules.ROWS if rule.name == "tanh"]
    assert 0.5 <= found[1]["errors"]["first"]["ulp"] <= found[1]["promised"]["first"] == 4.0
    assert "d1 = c" in run(folder, "rules", "sin")
    assert "nonsense: is not in the table" in run(folder, "rules", "nonsense", code=2)


def test_errors_that_ship_are_those_of_every_row_and_within_what_is_promised():
    errors = measured.errors()
    assert set(errors) == {rule.name for rule in rules.ROWS}
    for rule in rules.ROWS:
        assert errors[rule.name].first.ulp <= rule.ulp1 and errors[rule.name].second.ulp <= rule.ulp2
        assert len(errors[rule.name].value.at) == rule.arity
    assert max(e.second.ulp for e in errors.values()) > 1.0


def test_errors_survive_the_file(tmp_path, monkeypatch):
    before = measured.errors()
    monkeypatch.setattr(measured, "PATH", tmp_path / "errors.json")
    measured.write(before, "this machine")
    after = measured.errors()
    assert repr(after) == repr(before) and measured.provenance() == "measured with this machine"


def test_coverage_counts_and_finds(folder):
    found = json.loads(run(folder, "coverage", "--json"))
    assert found["counts"]["supported"] == sum(e.state == coverage.SUPPORTED for e in coverage.entries())
    assert "np.ndindex" in run(folder, "coverage", "np.nditer")
    assert "unsupported" in run(folder, "coverage", "numpy.histogram2d")
    listed = run(folder, "coverage", "--state", "unsupported")
    assert all(name in listed for name in coverage.REFUSALS if hasattr(np, name))
    assert "cumsum" not in listed


# -- output ------------------------------------------------------------------------------------------------------------


def test_the_main_job_speaks_json(folder):
    found = json.loads(run(folder, "--json"))
    assert found["verdict"].startswith("PASS: 78") and len(found["problems"]) == 18
    assert min(min(problem["digits"]) for problem in found["problems"]) > 8
    assert found == found | {"passed": True}


def test_json_has_texts_for_numbers_that_it_cannot_write():
    data = report.plain_data({"a": np.array([1.0, np.nan, np.inf]), "b": (np.float64(2.0), -np.inf), "c": True})
    assert data == {"a": [1.0, "nan", "inf"], "b": [2.0, "-inf"], "c": True}
    assert json.loads(json.dumps(data, allow_nan=False)) == data


def test_a_terminal_without_the_letters_gets_others(monkeypatch):
    narrow = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", narrow)
    assert main(["rules", "sin"]) == 0
    narrow.flush()
    assert rb"(-\u221e, \u221e)" in narrow.buffer.getvalue()


def test_tables_are_aligned_in_a_pipe():
    table = report.Table(("name", ">n"), (("one", "1"), ("eleven", "11")), title="T")
    assert table.plain().splitlines() == ["T", "name     n", "------  --", "one      1", "eleven  11"]


@pytest.mark.parametrize("with_rich", [True, False])
def test_tables_are_rich_on_a_terminal_where_rich_is(with_rich, monkeypatch, capsys):
    if with_rich:
        pytest.importorskip("rich")
    else:
        monkeypatch.setitem(sys.modules, "rich.console", None)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "dumb")
    report.Report(["before", report.Table(("name", ">n"), (("[one]", "1"),)), "after"]).show()
    out = capsys.readouterr().out
    assert "[one]" in out and out.index("before") < out.index("[one]") < out.index("after")
    assert ("─" in out) == with_rich


@pytest.mark.parametrize(
    "arguments", [("nist",), ("rules", "sin", "hypot"), ("inspect", "own:rosenbrock", "--at", "[1, 2, 3]")]
)
def test_plots_are_pictures(folder, arguments):
    pytest.importorskip("matplotlib")
    run(folder, *arguments, "--plot", "picture.png")
    assert (folder / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_a_plot_that_cannot_be_drawn_is_refused(folder, monkeypatch, capsys):
    assert "nothing to draw" in run(folder, "coverage", "--plot", "picture.png", code=2)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert main(["rules", "sin", "--plot", str(folder / "picture.png")]) == 2
    assert "matplotlib is not installed" in capsys.readouterr().err


def test_a_plot_that_cannot_be_written_is_refused(folder):
    pytest.importorskip("matplotlib")
    assert "cannot be written" in run(folder, "rules", "sin", "--plot", "none/picture.png", code=2)
    assert "single number" in run(folder, "inspect", "own:Plant.power", "--at", "[]", "--plot", "p.png", code=2)


def test_every_command_says_what_it_does(folder):
    listing = run(folder, "--help")
    for command in commands.COMMANDS:
        assert command.help.split()[0] in listing
        assert "exit codes: 0 all is well" in " ".join(run(folder, command.name, "--help").split())
