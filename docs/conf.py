"""How the documentation is built: `make docs`. Nothing is fetched, neither at build nor when it is read."""

from __future__ import annotations

import sys
from pathlib import Path

from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parent))
import dvi_widget

project = "dvi_widget"
author = "dvi_widget contributors"
project_copyright = author
release = version = dvi_widget.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_design",
    "gallery",
]
exclude_patterns = ["_build"]
nitpicky = False

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

templates_path = ["_templates"]
autosummary_generate = True
autodoc_typehints = "none"  # the docstrings say it, with shapes
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

html_theme = "pydata_sphinx_theme"
html_title = "dvi_widget"
html_static_path = ["_static"]
html_css_files = ["dvi.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "logo": {"text": "dvi_widget"},
    "navbar_end": ["theme-switcher"],
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "navigation_with_keys": False,
}
# These pages have no others beside them.
html_sidebars: dict[str, list[str]] = {page: [] for page in ("tutorial", "gallery", "benchmarks")}


def _foreign(app: Sphinx, what: str, name: str, member: object, skip: bool, options: object) -> bool | None:
    """Leave out what traitlets, ipywidgets and scikit-learn give to every class of theirs."""
    del app, what, name, skip, options
    function = getattr(member, "fget", None) or getattr(member, "__func__", member)
    module = getattr(function, "__module__", None) or ""
    return None if module.startswith("dvi_widget") else True


def setup(app: Sphinx) -> None:
    """Register it with Sphinx."""
    app.connect("autodoc-skip-member", _foreign)
