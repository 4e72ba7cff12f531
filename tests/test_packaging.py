"""What a user installs and imports: versions, modules that are loaded, files that ship."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import dualdiff as dd

PACKAGE = Path(dd.__file__).parent
ROOT = Path(__file__).parents[1]
# Beyond NumPy's own modules; an import takes about 25 ms, and NumPy's 60 ms.
MODULES = 75
HEAVY = {"scipy", "matplotlib", "rich", "optree", "tqdm", "dask", "distributed", "concurrent", "multiprocessing",
         "asyncio", "logging", "unittest", "argparse", "html", "http", "email", "xml", "sqlite3"}  # fmt: skip


def loaded(code):
    """The modules after running some code, in a process of its own."""
    before = f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r})"
    after = "import json; print(json.dumps([*sys.modules]))"
    command = [sys.executable, "-c", f"{before}\n{code}\n{after}"]
    return set(json.loads(subprocess.run(command, capture_output=True, check=True).stdout))


def test_an_import_loads_few_modules_and_no_optional_package():
    beyond = loaded("import numpy, dualdiff") - loaded("import numpy")
    assert "dualdiff.transforms" in beyond
    assert len(beyond) <= MODULES, sorted(beyond)
    assert not {name.partition(".")[0] for name in beyond} & HEAVY
    assert not {name for name in beyond if name.startswith("dualdiff.")} & {
        "dualdiff.cli", "dualdiff.nist", "dualdiff.coverage", "dualdiff.measured", "dualdiff.scipy"
    }


def test_there_is_one_version():
    assert re.fullmatch(r"\d+\.\d+\.\d+([.\w]+)?", dd.__version__)
    if (ROOT / "CITATION.cff").exists():
        assert f"\nversion: {dd.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


@pytest.mark.parametrize("folder", [PACKAGE, PACKAGE / "scipy"], ids=lambda path: path.name)
def test_what_ships_is_typed(folder):
    assert (PACKAGE / "py.typed").exists() and (folder / "__init__.pyi").exists()


@pytest.mark.parametrize("name", ["integrate", "interpolate", "linalg", "optimize", "special", "stats"])
def test_stubs_of_scipy_functions_are_complete(name):
    """A stub hides what it does not name: a new function needs its line there."""
    pytest.importorskip("scipy")
    module = __import__(f"dualdiff.scipy.{name}", fromlist=["__all__"])
    stub = (PACKAGE / "scipy" / f"{name}.pyi").read_text(encoding="utf-8")
    if "def __getattr__" in stub:
        return
    for public in module.__all__:
        assert re.search(rf"^(def {public}\(|class {public}\b|{public}: )", stub, re.MULTILINE), public


def test_data_files_are_small_and_there():
    names = {path.name: path.stat().st_size for path in (PACKAGE / "data").iterdir()}
    assert {"nist_strd.json", "rule_errors.json"} <= set(names)
    assert sum(names.values()) < 200_000


@pytest.mark.skipif(importlib.util.find_spec("tomllib") is None, reason="TOML is read by Python 3.11")
@pytest.mark.skipif(not (ROOT / "pyproject.toml").exists(), reason="no checkout")
def test_the_wheels_that_are_built_are_those_that_are_declared():
    import tomllib

    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    tested = {
        c.rsplit(" ", 1)[1].replace(".", "") for c in settings["project"]["classifiers"]
        if re.search(r"Python :: 3\.\d+$", c)
    }
    built = {re.match(r"cp(\d+)", pattern)[1] for pattern in settings["tool"]["cibuildwheel"]["build"]}
    assert tested <= built
    extras = settings["project"]["optional-dependencies"]
    assert {"scipy", "cli", "plot", "test", "docs", "dev"} <= set(extras)
