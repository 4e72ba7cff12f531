"""What the documentation shows runs: every Python block of the pages, every example of a public docstring.

The blocks of one page run in order in one namespace, as a reader would type them. A ``pycon`` block is compared with
the output it shows; a ``python`` block runs as it stands, and is saved where its first line names a file; the commands
of a ``console`` block run, and their output is compared. The examples of the gallery run, too.
"""

import doctest
import inspect
import os
import re
import runpy
import shlex
from pathlib import Path

import numpy as np
import pytest

import dualdiff as dd
from dualdiff import cli, nist, rules

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
GALLERY = sorted((ROOT / "examples" / "gallery").glob("*.py"))
BLOCK = re.compile(r"^```(python|pycon|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)")
STAMPED = {row.name for row in rules.ROWS}
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def check_examples(text, namespace, name, line=0):
    test = doctest.DocTestParser().get_doctest(text, namespace, name, name, line)
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    report = []
    runner.run(test, out=report.append, clear_globs=False)
    namespace.update(test.globs)
    if runner.failures:
        pytest.fail("".join(report), pytrace=False)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_page_runs_as_written(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = page.read_text(encoding="utf-8")
    namespace = {"__name__": "page"}
    for block in BLOCK.finditer(text):
        kind, code = block.groups()
        line = text.count("\n", 0, block.start(2))
        if kind == "pycon":
            check_examples(code, namespace, page.name, line)
        elif kind == "console":
            check_commands(code, capsys)
        else:
            if named := re.match(r"# (\w+\.py)\n", code):
                (tmp_path / named[1]).write_text(code, encoding="utf-8")
            exec(compile("\n" * line + code, str(page), "exec"), namespace)


def check_commands(block, capsys):
    """Run the commands of a console block, and compare what they print with what the block shows."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, want = part.partition("\n")
        program, *arguments = shlex.split(command)
        assert program == "dualdiff", command
        capsys.readouterr()
        code = cli.main(arguments)
        out = "".join(capsys.readouterr())
        same = doctest.OutputChecker().check_output(want.strip() + "\n", out.strip() + "\n", FLAGS)
        assert same, f"{command} printed, with exit code {code}:\n{out}"


@pytest.mark.parametrize("example", GALLERY, ids=lambda path: path.stem)
def test_examples_of_the_gallery_run(example, monkeypatch):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pytest.importorskip("scipy")
    monkeypatch.setattr(pyplot, "show", lambda: None)
    pyplot.switch_backend("agg")
    runpy.run_path(str(example))
    assert pyplot.get_fignums(), "an example of the gallery draws a picture"
    pyplot.close("all")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_between_pages_lead_somewhere(page):
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        place = Path(os.path.normpath(page.parent / target))
        if place.parent == ROOT / "docs" / "gallery":  # made from an example when the pages are built
            place = ROOT / "examples" / "gallery" / place.with_suffix(".py").name
        assert place.exists() or place.name == "index.rst", f"{page.name} links to {target}"


def test_every_public_name_is_in_the_reference():
    page = (ROOT / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^   ([\w.]+)$", page, re.MULTILINE))
    assert set(dd.__all__) - {"__version__", "sparse"} <= listed
    functions = {
        f"{name}.{function}" for name in ("integrate", "interpolate", "linalg", "optimize")
        for function in scipy_names(name)
    }
    assert functions <= listed
    assert "__version__" in page


def scipy_names(name):
    """The public names of a module of `dualdiff.scipy`; none where SciPy is not installed."""
    pytest.importorskip("scipy")
    return __import__(f"dualdiff.scipy.{name}", fromlist=["__all__"]).__all__


def test_blocks_are_many():
    blocks = [block for page in PAGES for block in BLOCK.finditer(page.read_text(encoding="utf-8"))]
    assert len(blocks) >= 75


def public_objects():
    """Public names of the package and of `dualdiff.nist`, with the public attributes of the classes among them."""
    named = {f"dualdiff.{name}": getattr(dd, name) for name in dd.__all__}
    named |= {
        f"dualdiff.nist.{name}": value
        for name, value in vars(nist).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == nist.__name__
    }
    named |= {f"dualdiff.sparse.{name}": getattr(dd.sparse, name) for name in dd.sparse.__all__}
    for name, value in list(named.items()):
        if inspect.isclass(value):
            named |= {
                f"{name}.{attribute}": member
                for attribute, member in vars(value).items()
                if not attribute.startswith("_") and getattr(member, "__doc__", None)
            }
    return named


OBJECTS = public_objects()


@pytest.mark.parametrize("name", [name for name, value in OBJECTS.items() if ">>>" in (value.__doc__ or "")])
def test_docstring_runs_as_written(name):
    check_examples(inspect.getdoc(OBJECTS[name]), {"np": np, "dd": dd}, name)


@pytest.mark.parametrize("name", [*dd.__all__, *(f"sparse.{name}" for name in dd.sparse.__all__)])
def test_public_names_have_a_docstring(name):
    value = OBJECTS[f"dualdiff.{name}"]
    if not callable(value):
        return
    assert (value.__doc__ or "").strip(), f"dualdiff.{name} has no docstring"
    # The functions stamped from the rule table have their page, docs/reference/rules.md, instead of an example each.
    if inspect.isroutine(value) and name not in STAMPED:
        assert ">>>" in value.__doc__, f"the docstring of dualdiff.{name} has no example"
