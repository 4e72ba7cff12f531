"""How Sphinx makes the pages: ``sphinx-build docs docs/_build``, with dualdiff installed."""

import re

import dualdiff

project = "dualdiff"
author = "dualdiff developers"
copyright = "2026, dualdiff developers"
release = dualdiff.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.mathjax"]
myst_enable_extensions = ["dollarmath"]
exclude_patterns = ["_build"]
autodoc_typehints = "none"
napoleon_google_docstring = False
napoleon_use_ivar = True
default_role = "code"
suppress_warnings = ["ref.python"]  # attributes of several classes share their names
html_theme = "alabaster"


def keep_stars(app, what, name, obj, options, lines):
    """A star in a docstring is a star, as in the shape ``(k, *S)``, and never the start of an emphasis."""
    for i, line in enumerate(lines):
        if not line.lstrip().startswith((">>>", "...")):
            lines[i] = re.sub(r"(`[^`]*`)|\*(?=\w)", lambda match: match[1] or r"\*", line)


def setup(app):
    app.connect("autodoc-process-docstring", keep_stars, priority=100)  # before napoleon's, at 500
