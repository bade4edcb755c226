"""Progress bars: text on stderr, and in notebooks, which paint that as an error, on stdout."""

import sys
from types import SimpleNamespace

import pytest

from dvi_widget.progress import progress_bar


@pytest.mark.parametrize("notebook", [False, True])
def test_a_bar_is_text_and_in_notebooks_no_error(monkeypatch, capsys, notebook):
    shell = SimpleNamespace(kernel=None) if notebook else SimpleNamespace()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    assert list(progress_bar(range(3), desc="counting")) == [0, 1, 2]
    out, err = capsys.readouterr()
    assert "counting: 100%" in (out if notebook else err)
    assert (err if notebook else out) == ""
