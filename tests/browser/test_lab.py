"""The explorer in JupyterLab: what a person does arrives in Python, and the other way round."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from steps import NASTY, At, eventually

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def notebook(browser, lab, cell):
    """One notebook for the tests of this file."""
    context = browser.new_context(viewport={"width": 1280, "height": 1040})
    notebook = lab.open(context.new_page(), "digits", [cell])
    notebook.run()
    notebook.execute("heard = []\nexplorer.observe(lambda change: heard.append(change['new']), 'epoch')")
    yield notebook
    context.close()


@pytest.fixture
def at(notebook, landscape):
    notebook.execute(f"explorer.epoch, explorer.selection = {landscape.epochs[-1]}, []\nheard.clear()")
    at = At(notebook.page, landscape)
    at.wait_for_epoch(landscape.epochs[-1])
    return at


def test_a_scrub_arrives_in_python(at, notebook, landscape, shots):
    notebook.page.screenshot(path=shots / "lab-last.png")
    first, last = landscape.epochs[0], landscape.epochs[-1]
    at.click_epoch(first)
    notebook.page.screenshot(path=shots / "lab-first.png")
    eventually(lambda: notebook.python("explorer.epoch"), first, at.page)
    assert notebook.python("heard") == [first]
    at.drag_to_epoch(landscape.epochs[3], last)
    eventually(lambda: notebook.python("explorer.epoch"), last, at.page)


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


def test_hovering_shows_the_sample_and_python_knows_it(at, notebook, landscape, shots):
    epoch = landscape.epochs[-1]
    sample = at.alone(epoch)
    card = at.hover(sample, epoch)
    frame = landscape.at(epoch)
    at.expect_picture(card, sample)
    expect(card).to_contain_text(landscape.classes[landscape.samples.label[sample]])
    expect(card).to_contain_text(landscape.classes[frame.predictions[sample]])
    expect(card).to_contain_text("%")
    notebook.page.screenshot(path=shots / "lab-hover.png")
    eventually(lambda: notebook.python("explorer.hovered"), sample, at.page)


@pytest.mark.parametrize("which", [0, -1], ids=["first epoch", "last epoch"])
def test_a_lasso_selects_exactly_the_samples_inside(at, notebook, landscape, shots, which):
    epoch = landscape.epochs[which]
    at.click_epoch(epoch)
    inside = at.lasso(epoch, seed=which + 1)
    eventually(lambda: notebook.python("explorer.selection"), inside, at.page)
    at.expect_pictures(inside)
    notebook.page.screenshot(path=shots / f"lab-selection-{epoch}.png")
    table = "explorer.table().query('selected')"
    assert notebook.python(f"{table}.index.tolist()") == inside
    assert (
        notebook.python(f"{table}['prediction'].tolist()") == landscape.at(epoch).predictions[inside].tolist()
    )


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
