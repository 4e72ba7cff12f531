"""Renders the templates from the rule table and builds the extension modules; all else stands in pyproject.toml.

``DUALDIFF_DEBUG=1`` builds without optimisation and with bounds checks and assertions.
"""

import importlib.util
import os
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist

PACKAGE = Path("dualdiff")
DEBUG = os.environ.get("DUALDIFF_DEBUG", "0") not in ("", "0")

DIRECTIVES = {
    "language_level": 3,
    "binding": True,
    "embedsignature": False,
    "cdivision": True,
    "boundscheck": DEBUG,
    "wraparound": DEBUG,
    "initializedcheck": DEBUG,
    "nonecheck": DEBUG,
}
MACROS = [("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")]
# Portable code, and nothing that changes a result at nan, inf or signed zero; a product and a sum are rounded twice on
# every machine. The two -fno- flags only give up errno and the order of floating-point exceptions.
UNIX_FLAGS = ["-O3", "-g0", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"]
MSVC_FLAGS = ["/O2"]
UNIX_DEBUG_FLAGS = ["-O0", "-g", "-UNDEBUG", "-ffp-contract=off"]
MSVC_DEBUG_FLAGS = ["/Od", "/Z7", "/UNDEBUG"]


def load(path):
    """Import a file of the package by its path, without importing the package that is still to be built."""
    name = f"_dualdiff_build_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module


def write_if_changed(path, text):
    """Write a file only when that changes it, so that an unchanged rule table rebuilds nothing."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")


def render_templates():
    """Render every ``NAME.tp`` of the package to ``NAME`` beside it."""
    from Cython import Tempita

    names = {"rules": load(PACKAGE / "rules.py")}
    if (PACKAGE / "_stamp.py").exists():
        names["stamp"] = load(PACKAGE / "_stamp.py")
    for template in sorted(PACKAGE.glob("*.tp")):
        text = Tempita.Template(template.read_text(encoding="utf-8"), name=str(template)).substitute(names)
        write_if_changed(template.with_suffix(""), text)


def extension_modules():
    """One extension per ``.pyx`` file of the package, rendered or written by hand."""
    return [
        Extension(f"{PACKAGE}.{source.stem}", [source.as_posix()], define_macros=MACROS)
        for source in sorted(PACKAGE.glob("*.pyx"))
    ]


class BuildExtensions(build_ext):
    """Translates with Cython out of place, then compiles, several modules at a time."""

    def build_extensions(self):
        import numpy
        from Cython.Build import cythonize

        msvc = self.compiler.compiler_type == "msvc"
        if DEBUG:
            flags = MSVC_DEBUG_FLAGS if msvc else UNIX_DEBUG_FLAGS
        else:
            flags = MSVC_FLAGS if msvc else UNIX_FLAGS
        jobs = min(len(self.extensions), os.cpu_count() or 1)
        self.parallel = self.parallel or jobs
        # A directory per mode, and a file that changes with the flags: switching the mode rebuilds what it must.
        mode = Path("build", "debug" if DEBUG else "release")
        stamp = Path("build", "flags.txt")
        write_if_changed(stamp, f"{mode.name} {' '.join(flags)}\n")
        translated = cythonize(
            self.extensions, build_dir=str(mode), compiler_directives=DIRECTIVES, nthreads=jobs, annotate=False
        )
        sources = {extension.name: extension.sources for extension in translated}
        for extension in self.extensions:
            extension.sources = sources[extension.name]
            extension.include_dirs.append(numpy.get_include())
            extension.extra_compile_args = flags
            extension.depends.append(str(stamp))
        super().build_extensions()


class SourceDistribution(sdist):
    """Leaves out what is rendered: the templates are the source."""

    def make_release_tree(self, base_dir, files):
        generated = {path.with_suffix("").as_posix() for path in PACKAGE.glob("*.tp")}
        super().make_release_tree(base_dir, [file for file in files if Path(file).as_posix() not in generated])


if __name__ == "__main__":
    render_templates()
    setup(ext_modules=extension_modules(), cmdclass={"build_ext": BuildExtensions, "sdist": SourceDistribution})
