"""In JupyterLab: undo, the legend, tags, files, a view as a text, and finding."""

from __future__ import annotations

import csv

import pytest
from lab import ran
from playwright.sync_api import expect
from steps import At, eventually, open_panel

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def notebook(browser, lab, cell):
    """One notebook for the tests of this file."""
    with ran(browser, lab, "undo", cell, accept_downloads=True) as notebook:
        yield notebook


@pytest.fixture
def at(notebook, landscape):
    """The explorer with nothing selected, tagged or filtered."""
    last = landscape.epochs[-1]
    notebook.execute(
        f"explorer.epoch, explorer.selection, explorer.filter, explorer.selections = {last}, [], '', {{}}"
    )
    at = At(notebook.page, landscape)
    at.wait_for_epoch(last)
    expect(at.part("selected")).to_be_empty()
    expect(at.part("find")).to_have_value("")
    return at


@pytest.mark.feature("F12")
def test_undo_and_redo_by_button_and_by_key(at, notebook, shots):
    page = at.page
    done = at.part("undo-redo")  # changes that follow each other closely are one step
    start = int(done.get_attribute("data-undoable"))
    inside = at.lasso(11)
    eventually(lambda: notebook.python("explorer.selection"), inside, page)
    expect(done).to_have_attribute("data-undoable", str(start + 1))
    at.part("find").fill("wrong")
    eventually(lambda: notebook.python("explorer.filter"), "wrong", page)
    expect(done).to_have_attribute("data-undoable", str(start + 2))
    before = at.picture()
    at.part("stage").focus()
    page.keyboard.press("+")
    zoomed = at.wait_for_another_picture(before)
    at.part("undo").click()
    at.wait_for_another_picture(zoomed)
    assert notebook.python("explorer.filter") == "wrong"
    at.part("stage").focus()
    page.keyboard.press("Control+z")
    eventually(lambda: notebook.python("explorer.filter"), "", page)
    page.keyboard.press("Control+z")
    eventually(lambda: notebook.python("explorer.selection"), [], page)
    page.screenshot(path=shots / "undo-lab.png")
    page.keyboard.press("Control+Shift+z")
    eventually(lambda: notebook.python("explorer.selection"), inside, page)
    at.part("redo").click()
    eventually(lambda: notebook.python("explorer.filter"), "wrong", page)
    # The notebook's own undo did not hear of it.
    assert page.locator(".jp-CodeCell").count() == 1


def test_a_click_in_the_legend_isolates_shift_adds_and_pointing_raises(at, notebook, landscape):
    page = at.page
    labels = landscape.samples["label"]
    entries = at.part("legend-entry")
    before = at.picture()
    entries.nth(3).hover()
    at.wait_for_another_picture(before)
    assert notebook.python("explorer.selection") == []
    entries.nth(3).click()
    eventually(lambda: notebook.python("explorer.selection"), labels.index[labels == 3].tolist(), page)
    expect(entries.nth(3)).to_have_attribute("aria-pressed", "true")
    entries.nth(5).click(modifiers=["Shift"])
    both = labels.index[labels.isin([3, 5])].tolist()
    eventually(lambda: notebook.python("explorer.selection"), both, page)
    entries.nth(5).click()
    eventually(lambda: notebook.python("explorer.selection"), labels.index[labels == 5].tolist(), page)
    entries.nth(5).click()
    eventually(lambda: notebook.python("explorer.selection"), [], page)


@pytest.mark.feature("F12")
def test_tags_are_written_back_and_saved_as_a_file(at, notebook, landscape, shots, tmp_path):
    page = at.page
    inside = at.lasso(11)
    at.part("selections").click()
    at.part("selection-name").fill("odd, ones")
    page.screenshot(path=shots / "tags-lab.png")
    page.keyboard.press("Enter")
    tagged = "explorer.table().query(\"tags == 'odd, ones'\").index.tolist()"
    eventually(lambda: notebook.python(tagged), inside, page)
    page.keyboard.press("Escape")
    at.part("share").click()
    page.screenshot(path=shots / "share-lab.png")
    with page.expect_download() as downloading:
        at.part("save-table").click()
    downloading.value.save_as(tmp_path / "samples.csv")
    with (tmp_path / "samples.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["index"]) for row in rows] == inside
    assert {row["tags"] for row in rows} == {"odd, ones"}
    predicted = [landscape.classes[i] for i in landscape[-1].predictions[inside]]
    assert [row["prediction"] for row in rows] == predicted
    if notebook.python("__import__('importlib.util').util.find_spec('pyarrow') is None"):
        at.part("save-parquet").click()
        expect(at.part("save-problem")).to_contain_text("Parquet needs pyarrow")
        page.screenshot(path=shots / "parquet-lab.png")
    else:
        with page.expect_download() as downloading:
            at.part("save-parquet").click()
        downloading.value.save_as(tmp_path / "samples.parquet")
        assert (tmp_path / "samples.parquet").read_bytes()[:4] == b"PAR1"
    page.keyboard.press("Escape")


@pytest.mark.feature("F12")
def test_a_view_is_a_text_that_opens_it_again(at, notebook, lab, landscape, cell, context):
    at.click_epoch(landscape.epochs[2])
    open_panel(at.root, "Classes")
    at.part("find").fill("wrong")
    eventually(lambda: notebook.python("explorer.filter"), "wrong", at.page)
    at.part("share").click()
    link = at.part("view-link").input_value()
    at.page.keyboard.press("Escape")
    assert len(link) < 60
    page = context.new_page()
    lab.open(
        page, "linked", [cell.replace("Explorer(landscape)", f"Explorer(landscape, view={link!r})")]
    ).run()
    again = At(page, landscape)
    again.wait_for_epoch(landscape.epochs[2])
    expect(again.part("find")).to_have_value("wrong")
    expect(again.part("classes")).to_be_visible()
    page.close()


def test_enter_says_at_once_what_was_not_understood(at):
    find = at.part("find")
    find.fill("conf<")
    find.press("Enter")
    expect(at.part("find-message")).not_to_be_empty()
    expect(find).to_be_focused()
    find.fill("")
