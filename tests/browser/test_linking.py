"""Links between widgets, in JupyterLab: a slider moves the explorer, also while a cell runs."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import expect
from steps import At, eventually

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "linking.ipynb"
DEMO = "explorer = dvi.demo()"


def test_a_slider_moves_the_explorer_without_the_kernel(page, lab, cell, landscape, shots, tmp_path):
    cells = [c.source for c in nbformat.read(NOTEBOOK, as_version=4).cells if c.cell_type == "code"]
    assert DEMO in cells[0]
    # The same landscape, fitted already; `cell` ends with showing it.
    show = cell.removesuffix("\nexplorer")
    notebook = lab.open(page, "linking", [cells[0].replace(DEMO, show), *cells[1:]])
    notebook.run()
    at = At(page, landscape)
    at.wait_for_epoch(3)
    assert notebook.python("heard") == [["epoch", 3], ["color_by", "correctness"]]
    eights = notebook.python("(landscape.samples['label'] == 8).sum().item()")
    expect(at.part("selected")).to_have_text(f"{eights:,} selected")

    handle = page.locator(".widget-slider .noUi-handle")
    expect(page.locator(".widget-readout").first).to_have_text("3")
    handle.press("ArrowRight")
    at.wait_for_epoch(4)
    eventually(lambda: notebook.python("explorer.epoch"), 4, page)
    assert notebook.python("heard[2:]") == [["epoch", 4]]

    done = tmp_path / "done"
    notebook.start_cell(f"import os, time\nwhile not os.path.exists({str(done)!r}):\n    time.sleep(0.02)")
    handle.press("ArrowRight")
    at.wait_for_epoch(5)
    assert not done.exists()  # the cell still runs
    done.touch()
    eventually(lambda: notebook.python("explorer.epoch"), 5, page)

    # The figure counts what is selected, at the epoch shown.
    counts = notebook.python("list(bars.data[0].y)")
    taken = landscape.at(5).predictions[landscape.samples["label"].to_numpy() == 8]
    assert counts == [int((taken == digit).sum()) for digit in range(10)]
    bars = page.locator(".js-plotly-plot")
    bars.scroll_into_view_if_needed()
    expect(bars.locator(".bars .point")).to_have_count(10)
    page.screenshot(path=shots / "linking-figure.png")
    at.part("stage").scroll_into_view_if_needed()
    page.screenshot(path=shots / "linking.png")


@pytest.mark.feature("F1")
def test_two_explorers_share_a_selection_without_the_kernel(page, lab, cell):
    linked = [
        "import ipywidgets",
        "other = dvi.Explorer(landscape)",
        "ipywidgets.jslink((explorer, 'selection'), (other, 'selection'))",
        "ipywidgets.VBox([explorer, other])",
    ]
    notebook = lab.open(page, "shared", [cell.removesuffix("\nexplorer"), "\n".join(linked)])
    notebook.run()
    notebook.execute("explorer.selection = [3, 20]")
    eventually(lambda: notebook.python("other.selection"), [3, 20], page)
