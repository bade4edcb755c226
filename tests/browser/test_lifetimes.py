"""Kernels and pages that come and go in JupyterLab: what an explorer says then, and what it keeps."""

from __future__ import annotations

import pytest
from lab import Notebook
from playwright.sync_api import expect
from steps import At, open_panel
from waiting import WAIT_MS

RESTARTED = "The kernel was restarted: run this cell again."


@pytest.fixture
def context(browser):
    """A profile. JupyterLab prints an error of its own for a widget whose model is gone."""
    context = browser.new_context(viewport={"width": 1280, "height": 1040})
    context.set_default_timeout(WAIT_MS)
    yield context
    context.close()


def reopen_with_a_fresh_kernel(notebook: Notebook, lab, name: str) -> Notebook:
    page = notebook.page
    page.evaluate(
        """async () => {
            await window.jupyterapp.commands.execute("docmanager:save");
            await window.jupyterapp.shell.currentWidget.sessionContext.shutdown();
        }"""
    )
    page.goto("about:blank")
    page.goto(f"{lab.url}lab/workspaces/{name}-again/tree/{name}.ipynb?token={lab.token}&reset")
    return Notebook(page)


def test_after_a_restart_the_page_says_what_to_do_and_keeps_what_it_has(page, lab, cell, landscape, shots):
    notebook = lab.open(page, "restarted", [cell])
    notebook.run()
    at = At(page, landscape)
    at.click_epoch(landscape.epochs[0])
    expect(at.part("lost")).to_have_count(0)
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    expect(at.part("lost")).to_contain_text(RESTARTED)
    # What needs the kernel says the same in its place, and offers nothing that cannot help.
    open_panel(at.root, "Quality")
    expect(at.root.get_by_role("tabpanel")).to_contain_text(RESTARTED)
    expect(at.root.get_by_role("button", name="Try again")).to_have_count(0)
    at.click_epoch(landscape.epochs[-1])
    at.hover(at.alone(landscape.epochs[-1]), landscape.epochs[-1])
    page.screenshot(path=shots / "lifetime-restarted.png")
    notebook.wait_for_kernel()
    notebook.run()
    expect(page.get_by_test_id("lost")).to_have_count(0)
    At(page, landscape).click_epoch(landscape.epochs[0])


def test_a_kernel_that_is_killed_takes_no_tag_selection_or_view(page, lab, cell, landscape, shots):
    notebook = lab.open(page, "killed", [cell])
    notebook.run()
    at = At(page, landscape)
    at.click_epoch(landscape.epochs[0])
    at.part("legend-entry").nth(3).click()
    at.part("selected").click()
    at.part("selection-name").fill("threes")
    at.part("selection-name").press("Enter")
    expect(at.part("saved-selection")).to_contain_text("threes")
    page.keyboard.press("Escape")
    open_panel(at.root, "Classes")
    selected = at.part("selected").inner_text()
    assert selected != ""
    page.evaluate(
        """() => {
            const { kernel } = window.jupyterapp.shell.currentWidget.sessionContext.session;
            kernel.requestExecute({ code: "import os, signal; os.kill(os.getpid(), signal.SIGKILL)" });
        }"""
    )
    expect(at.part("lost")).to_contain_text(RESTARTED)
    expect(at.part("selected")).to_have_text(selected)
    expect(at.part("classes")).to_be_visible()
    at.wait_for_epoch(landscape.epochs[0])
    page.keyboard.press("Escape")
    at.part("selected").click()
    expect(at.part("saved-selection")).to_contain_text("threes")
    at.part("saved-selection").first.click()
    expect(at.part("selected")).to_have_text(selected)
    page.screenshot(path=shots / "lifetime-killed.png")


def test_a_notebook_opened_again_shows_the_still_picture(page, lab, cell, landscape, shots):
    bar = "from dvi_widget.progress import progress_bar\nfor _ in progress_bar(range(3), leave=False): pass"
    notebook = lab.open(page, "saved", [bar, cell])
    notebook.run()
    At(page, landscape)
    still = page.locator("[id^=dvi-still] img")
    # While the explorer is there, its picture is not.
    expect(still).to_be_hidden()
    reopen_with_a_fresh_kernel(notebook, lab, "saved")
    expect(still).to_be_visible()
    assert still.evaluate("(picture) => picture.naturalWidth") == 900
    # JupyterLab's row for a widget whose model is gone; one of a bar's would stand in its own output.
    expect(page.get_by_text("Error displaying widget").locator("visible=true")).to_have_count(0)
    expect(page.get_by_text("run this cell to walk through it")).to_be_visible()
    page.screenshot(path=shots / "lifetime-still.png")


def test_a_notebook_saved_with_its_widgets_says_what_to_do(page, lab, cell, landscape, shots):
    notebook = lab.open(page, "widgets", [cell])
    command = "@jupyter-widgets/jupyterlab-manager:saveWidgetState"
    page.evaluate("(command) => window.jupyterapp.commands.execute(command)", command)
    notebook.run()
    At(page, landscape)
    reopen_with_a_fresh_kernel(notebook, lab, "widgets")
    try:
        expect(page.get_by_test_id("lost")).to_contain_text("run this cell again")
        expect(page.locator("[id^=dvi-still] img")).to_be_visible()
        page.screenshot(path=shots / "lifetime-widgets.png")
    finally:
        # The setting is the server's, for all its notebooks.
        page.evaluate("(command) => window.jupyterapp.commands.execute(command)", command)


def test_a_cell_that_runs_again_leaves_one_explorer_in_the_kernel(page, lab, cell, landscape):
    notebook = lab.open(page, "again", [cell])
    held = "sum(type(w).__name__ == 'Explorer' for w in widget._instances.values())"
    for _ in range(3):
        notebook.run()
        At(page, landscape).click_epoch(landscape.epochs[0])
        notebook.execute("from ipywidgets.widgets import widget")
        assert notebook.python(held) == 1
    expect(page.get_by_test_id("lost")).to_have_count(0)
