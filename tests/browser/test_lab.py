"""The explorer in JupyterLab: what a person does arrives in Python, and the other way round."""

from __future__ import annotations

import pytest
from lab import ran
from playwright.sync_api import expect
from steps import NASTY, At, eventually

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def notebook(browser, lab, cell):
    """One notebook for the tests of this file."""
    with ran(browser, lab, "digits", cell) as notebook:
        notebook.execute("heard = []\nexplorer.observe(lambda change: heard.append(change['new']), 'epoch')")
        yield notebook


@pytest.fixture
def at(notebook, landscape):
    notebook.execute(f"explorer.epoch, explorer.selection = {landscape.epochs[-1]}, []\nheard.clear()")
    at = At(notebook.page, landscape)
    at.wait_for_epoch(landscape.epochs[-1])
    return at


@pytest.mark.feature("A11")
def test_play_runs_from_the_first_epoch_to_the_last(at, notebook, landscape):
    first, last = landscape.epochs[0], landscape.epochs[-1]
    at.click_epoch(first)
    at.part("play").click()
    expect(at.part("play")).to_have_attribute("aria-label", "Pause")
    at.wait_for_epoch(last)
    expect(at.part("play")).to_have_attribute("aria-label", "Play")
    eventually(lambda: notebook.python("explorer.epoch"), last, at.page)
    seen = notebook.python("heard")
    assert seen == sorted(seen)
    assert seen[0] == first


def test_python_moves_the_page(at, notebook, landscape):
    notebook.execute(f"explorer.epoch = {landscape.epochs[1]}")
    at.wait_for_epoch(landscape.epochs[1])
    notebook.execute("explorer.selection = explorer.table().query('label == 4').index")
    fours = landscape.samples.query("label == 4").index.tolist()
    at.expect_pictures(fours)


def test_a_running_cell_does_not_stop_the_page(at, notebook, landscape, tmp_path):
    done = tmp_path / "done"
    notebook.start_cell(f"import os, time\nwhile not os.path.exists({str(done)!r}):\n    time.sleep(0.02)")
    at.click_epoch(landscape.epochs[4])
    at.hover(at.alone(landscape.epochs[4]), landscape.epochs[4])
    done.touch()
    eventually(lambda: notebook.python("explorer.epoch"), landscape.epochs[4], at.page)


# Cells and their order, the mode and the cell at hand: what JupyterLab's single keys change.
HOST = """() => {
    const { content, model } = window.jupyterapp.shell.currentWidget;
    const sources = [...model.cells].map((cell) => cell.sharedModel.getSource());
    return [sources, content.mode, content.activeCellIndex];
}"""
# Delete, insert, cut, copy, paste, undo; change the mode, the cell, its kind; run it; edit the document.
HOST_KEYS = [
    *("d", "d", "a", "b", "x", "c", "v", "z", "y", "m", "r", "1", "i", "l", "o"),
    *("Enter", "Escape", "ArrowUp", "ArrowDown", "j", "k", "Shift+Enter", "Shift+m", "Backspace", "Delete"),
    *("Control+z", "Control+Shift+z", "Control+y", "Control+a", "Control+x", "Control+v"),
]


def test_keys_stay_in_the_explorer_and_outside_they_are_the_notebook_s(at, notebook):
    page = notebook.page
    at.part("stage").click(position={"x": 5, "y": 5})
    before, ran = page.evaluate(HOST), notebook.python("len(In)")
    for part in ("stage", "epoch-slider", "find", "epoch-input", "color-by"):
        for key in HOST_KEYS:
            at.part(part).focus()
            page.keyboard.press(key)
            assert page.evaluate(HOST) == before, f"{key} on {part}"
    assert notebook.python("len(In)") == ran, "no cell ran"
    at.part("find").fill("")
    at.part("find").press("Enter")
    # With the notebook at hand the same keys are its own.
    page.locator(".jp-InputArea-editor").first.click()
    page.keyboard.press("Escape")
    cells, _, active = before
    page.keyboard.press("b")
    eventually(lambda: page.evaluate(HOST), [[*cells, ""], "command", active + 1], page)
    page.keyboard.press("d")
    page.keyboard.press("d")
    eventually(lambda: page.evaluate(HOST)[0], cells, page)
    # What the arrow keys did to the epoch has arrived before the next test sets it.
    eventually(lambda: notebook.python("explorer.epoch"), int(at.root.get_attribute("data-epoch")), page)


def test_nonsense_from_a_page_leaves_no_trace_in_the_kernel(at, notebook, lab, landscape):
    notebook.say(
        notebook.python("explorer.comm.comm_id"),
        [
            {"method": "custom", "content": "nonsense"},
            {"method": "custom", "content": {"id": 1, "op": "nonsense", "args": {}}},
            {"method": "custom", "content": {"id": 2, "op": "canvas", "args": {"landscape": 0, "epoch": -1}}},
            {
                "method": "custom",
                "content": {"id": 3, "op": "thumbnails", "args": {"indices": [10**9], "size": 0}},
            },
            {"method": "update", "state": {"selection": ["x"], "color_by": 10**9}, "buffer_paths": []},
        ],
    )
    at.click_epoch(landscape.epochs[0])
    eventually(lambda: notebook.python("explorer.epoch"), landscape.epochs[0], at.page)
    assert notebook.python("explorer.selection") == []
    assert "Traceback" not in lab.log.read_text(errors="replace")


def test_it_follows_the_theme(at, notebook, shots):
    notebook.theme("JupyterLab Dark")
    expect(at.root).to_have_attribute("data-theme", "dark")
    notebook.page.screenshot(path=shots / "lab-dark.png")
    notebook.theme("JupyterLab Light")
    expect(at.root).to_have_attribute("data-theme", "light")


def test_names_are_text(page, lab, cell, landscape):
    nasty = cell.replace("explorer = ", f"landscape.classes[:] = {NASTY!r}\nexplorer = ")
    notebook = lab.open(page, "names", [nasty])
    notebook.run()
    at = At(page, landscape)
    expect(at.part("legend-entry").nth(1)).to_contain_text(NASTY[1])
    at.hover(at.alone(landscape.epochs[-1]), landscape.epochs[-1])
    at.expect_nothing_injected()
