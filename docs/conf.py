"""How Sphinx makes the pages: ``sphinx-build docs docs/_build``, with dualdiff installed."""

import dualdiff

project = "dualdiff"
author = "dualdiff developers"
copyright = "2026, dualdiff developers"
release = dualdiff.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
autodoc_typehints = "none"
napoleon_google_docstring = False
default_role = "code"
html_theme = "alabaster"
