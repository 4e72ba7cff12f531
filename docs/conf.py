"""How Sphinx makes the pages: ``sphinx-build docs docs/_build/html``, with dualdiff and its extra ``docs``."""

import html
import re
from xml.etree import ElementTree

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

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
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_memory": False,
    "remove_config_comments": True,
    "write_computation_times": False,
    "image_srcset": ["2x"],
}

html_theme = "furo"
html_math_renderer = "mathml"
html_title = f"dualdiff {release}"
html_static_path = ["_static"]
html_css_files = ["dualdiff.css"]
html_theme_options = {"navigation_with_keys": True}

# Pages of others that answer robots with a refusal.
linkcheck_ignore = [r"https://doi\.org/.*"]
linkcheck_timeout = 20


def keep_stars(app, what, name, obj, options, lines):
    """A star in a docstring is a star, as in the shape ``(k, *S)``, and never the start of an emphasis."""
    for i, line in enumerate(lines):
        if not line.lstrip().startswith((">>>", "...")):
            lines[i] = re.sub(r"(``.*?``|`[^`]*`)|\*(?=\w)", lambda match: match[1] or r"\*", line)


def keep_stars_of_attributes(app, what, name, obj, options, lines):
    """The same for what numpydoc takes from the docstrings of attributes."""
    for i, line in enumerate(lines):
        lines[i] = re.sub(r"(``.*?``|`[^`]*`)|(?<=, )\*(?=\w)", lambda match: match[1] or r"\*", line)


def trim_blocks(app, doctree):
    """Code ends with its last line."""
    for block in doctree.findall(nodes.literal_block):
        block.rawsource = text = block.astext().rstrip()
        block.children = [nodes.Text(text)]


def spaced(mathml):
    """A thin space between the name of a function and what it is applied to, as in ``ln x``."""
    ElementTree.register_namespace("", "http://www.w3.org/1998/Math/MathML")
    root = ElementTree.fromstring(re.sub(r"&(?!lt;|gt;|amp;)\w+;", lambda entity: html.unescape(entity[0]), mathml))
    for row in root.iter():
        if row.tag.rpartition("}")[2] not in ("math", "mrow", "mtd", "mstyle", "msqrt"):
            continue  # elsewhere the number of children has a meaning
        for i, child in reversed(list(enumerate(row))[:-1]):
            name = next(child.iter())
            while len(name):
                name = name[0]
            if name.tag.endswith("}mi") and len(name.text or "") > 1 and (row[i + 1].text or "") not in ("(", ")", ","):
                row.insert(i + 1, ElementTree.Element("mspace", width="0.17em"))
    return ElementTree.tostring(root, encoding="unicode")


def formula(block):
    """A renderer of formulas that browsers draw without any script: MathML."""

    def visit(self, node):
        mathml = spaced(tex2mathml(node.astext(), as_block=block).replace("<mo>'</mo>", "<mo>′</mo>"))
        self.body.append(f'<div class="math">{mathml}</div>' if block else mathml)
        raise nodes.SkipNode

    return visit, None


def setup(app):
    app.connect("autodoc-process-docstring", keep_stars, priority=100)  # before numpydoc's, at 500
    app.connect("autodoc-process-docstring", keep_stars_of_attributes, priority=900)
    app.connect("doctree-read", trim_blocks)
    app.add_html_math_renderer("mathml", formula(block=False), formula(block=True))
