"""What the documentation shows runs: every Python block of the pages, every example of a public docstring.

The blocks of one page run in order in one namespace, as a reader would type them. A ``pycon`` block is compared with
the output it shows; a ``python`` block runs as it stands.
"""

import doctest
import inspect
import re
from pathlib import Path

import numpy as np
import pytest

import dualdiff as dd
from dualdiff import nist, rules

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(python|pycon)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
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
def test_page_runs_as_written(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = page.read_text(encoding="utf-8")
    namespace = {"__name__": "page"}
    for block in BLOCK.finditer(text):
        kind, code = block.groups()
        line = text.count("\n", 0, block.start(2))
        if kind == "pycon":
            check_examples(code, namespace, page.name, line)
        else:
            exec(compile("\n" * line + code, str(page), "exec"), namespace)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_between_pages_lead_somewhere(page):
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


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
