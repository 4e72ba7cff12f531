"""How Sphinx makes the pages: ``sphinx-build docs docs/_build/html``, with dualdiff and its extra ``docs``."""

import re

from sphinx_gallery.sorting import FileNameSortKey

import dualdiff

project = "dualdiff"
author = "dualdiff developers"
copyright = "2026, dualdiff developers"
release = version = dualdiff.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx_gallery.gen_gallery",
]
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "gallery/*.ipynb"]
templates_path = ["_templates"]
default_role = "code"
suppress_warnings = ["ref.python"]  # attributes of several classes share their names

autosummary_generate = True
autosummary_imported_members = True
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

sphinx_gallery_conf = {
    "examples_dirs": "../examples/gallery",
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$",  # each is executed
    "within_subsection_order": FileNameSortKey,
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_memory": False,
    "remove_config_comments": True,
    "write_computation_times": False,
    "image_srcset": ["2x"],
}

html_theme = "furo"
html_title = f"dualdiff {release}"
html_static_path = ["_static"]
html_css_files = ["dualdiff.css"]
html_theme_options = {"navigation_with_keys": True}
pygments_style = "friendly"

# Pages of others that answer robots with a refusal.
linkcheck_ignore = [r"https://doi\.org/.*"]
linkcheck_timeout = 20


def keep_stars(app, what, name, obj, options, lines):
    """A star in a docstring is a star, as in the shape ``(k, *S)``, and never the start of an emphasis."""
    for i, line in enumerate(lines):
        if not line.lstrip().startswith((">>>", "...")):
            lines[i] = re.sub(r"(`[^`]*`)|\*(?=\w)", lambda match: match[1] or r"\*", line)


def setup(app):
    app.connect("autodoc-process-docstring", keep_stars, priority=100)  # before numpydoc's, at 500
