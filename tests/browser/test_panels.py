"""The panels in JupyterLab: the overview one starts from, groups, and which samples each panel speaks of."""

from __future__ import annotations

import re

import numpy as np
import pytest
from lab import ran
from playwright.sync_api import expect
from steps import At, eventually, open_panel

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def notebook(browser, lab, cell):
    """One notebook for the tests of this file."""
    with ran(browser, lab, "panels", cell) as notebook:
        yield notebook


@pytest.fixture
def at(notebook, landscape):
    """The explorer with nothing selected, on its overview."""
    last = landscape.epochs[-1]
    notebook.execute(f"explorer.epoch, explorer.selection, explorer.filter = {last}, [], ''")
    at = At(notebook.page, landscape)
    at.wait_for_epoch(last)
    expect(at.part("selected")).to_be_empty()
    at.root.get_by_role("tab", name="Overview").click()
    return at


@pytest.fixture(scope="module")
def errors(landscape):
    """How often each label is taken for another class at the last epoch, of the test samples."""
    test = (landscape.samples["split"] == "test").to_numpy()
    label = landscape.samples["label"].to_numpy()[test]
    counts = np.zeros((10, 10), int)
    np.add.at(counts, (label, landscape[-1].predictions[test]), 1)
    np.fill_diagonal(counts, 0)
    return counts


def test_it_opens_on_an_overview_and_all_in_it_is_a_click_away(at, notebook, landscape, errors, shots):
    overview = at.part("overview")
    expect(overview).to_contain_text("Accuracy at epoch 11")
    expect(overview.get_by_test_id("overview-sample").first.locator("canvas")).to_be_visible()
    notebook.page.screenshot(path=shots / "overview-lab.png")
    rows = overview.get_by_test_id("overview-confusion")
    shown = [int(row.locator(".dvi-count").inner_text()) for row in rows.all()]
    assert shown == sorted(errors[errors > 0], reverse=True)[: len(shown)]
    rows.first.click()
    eventually(lambda: len(notebook.python("explorer.selection")), shown[0], at.page)
    expect(at.part("thumbnail")).to_have_count(shown[0])
    at.root.get_by_role("tab", name="Overview").click()
    at.part("overview-likely-mislabelled").get_by_role("button", name="Show all").click()
    ranked = notebook.python("explorer.suggestions('likely mislabelled').index.tolist()")
    notebook.execute("explorer.selection = []")
    expect(at.part("listed")).to_have_text(f"{len(ranked)} samples")
    at.root.get_by_role("tab", name="Overview").click()
    sample = at.part("overview-late-learners").get_by_test_id("overview-sample").first
    index = notebook.python("int(explorer.suggestions('late learners').index[0])")
    expect(sample).to_have_attribute("data-index", str(index))
    sample.click()
    expect(at.part("sample")).to_have_attribute("data-index", str(index))
    notebook.execute("explorer.selection = []")
    at.root.get_by_role("tab", name="Overview").click()
    at.part("overview-changed").click()
    before, after = landscape.epochs[-2:]
    eventually(lambda: notebook.python("explorer.filter"), f"changed:{before}-{after}", at.page)


def test_the_matrix_is_of_test_samples_and_follows_a_selection_made_elsewhere(
    at, notebook, landscape, errors, shots
):
    open_panel(at.root, "Confusion")
    test = int((landscape.samples["split"] == "test").sum())
    above = at.root.locator(".dvi-bar-above")
    expect(above).to_contain_text(f"of {test} right at epoch 11")
    expect(at.part("about")).to_have_text("Of all 1,797 samples")
    # A cell selects its samples, and the matrix that was clicked keeps the others.
    at.part("error").first.click()
    most = int(errors.max())
    eventually(lambda: len(notebook.python("explorer.selection")), most, at.page)
    expect(above).to_contain_text(f"of {test} right at epoch 11")
    open_panel(at.root, "Classes")
    expect(at.part("about")).to_have_text(f"Of the {most} selected samples")
    inside = at.lasso(11)
    eventually(lambda: notebook.python("explorer.selection"), inside, at.page)
    open_panel(at.root, "Confusion")
    at.part("confusion-split").select_option("all")
    expect(at.part("about")).to_have_text(f"Of the {len(inside)} selected samples")
    expect(above).to_contain_text(f"of {len(inside)} right at epoch 11")
    at.part("confusion-shares").select_option("true")
    at.part("plane").hover()
    expect(at.part("confusion").locator(".dvi-lines")).to_be_visible()
    notebook.page.screenshot(path=shots / "confusion-lab.png")


@pytest.mark.feature("E5")
def test_similar_samples_are_ranked_as_the_representation_has_them(at, notebook, landscape, shots):
    sample = at.alone(11)
    at.page.mouse.click(*at.places(11)[sample])
    open_panel(at.root, "Similar")
    near = notebook.python(f"landscape.source.neighbors(11, [{sample}], 30)[0].tolist()")
    rows = at.part("similar").get_by_test_id("sample-row")
    expect(rows).to_have_count(30)
    assert [int(row.get_attribute("data-index")) for row in rows.all()] == near
    expect(rows.first.locator("canvas")).to_be_visible()
    notebook.page.screenshot(path=shots / "similar-lab.png")
    at.part("compare-pixels").check()
    pixels = landscape.images.reshape(len(landscape.samples), -1).astype(float)
    far = np.linalg.norm(pixels - pixels[sample], axis=1)
    far[sample] = np.inf
    lookalikes = np.argsort(far, kind="stable")[:30].tolist()
    rows = at.part("by-pixels").get_by_test_id("sample-row")
    expect(rows).to_have_count(30)
    assert [int(row.get_attribute("data-index")) for row in rows.all()] == lookalikes
    expect(at.part("in-common")).to_have_text(f"{len(set(lookalikes) & set(near))} of 30 in both")
    expect(rows.first.locator("canvas")).to_be_visible()
    notebook.page.screenshot(path=shots / "similar-pixels-lab.png")
    at.part("compare-pixels").uncheck()
    at.part("select-similar").click()
    eventually(lambda: notebook.python("explorer.selection"), sorted([sample, *near]), at.page)


@pytest.mark.parametrize("theme", ["Dark", "Light"])
def test_the_overview_looks_the_same_in_both_themes(at, notebook, shots, theme):
    notebook.theme(f"JupyterLab {theme}")
    expect(at.root).to_have_attribute("data-theme", theme.lower())
    expect(at.part("overview-sample").first.locator("canvas")).to_be_visible()
    at.root.screenshot(path=shots / f"overview-{theme.lower()}.png")


@pytest.mark.feature("F1")
def test_charts_filter_each_other_and_the_map(at, notebook, landscape, shots):
    open_panel(at.root, "Charts")
    labels, predicted = landscape.samples["label"], landscape[-1].predictions
    bars = at.part("chart-label")
    expect(bars.nth(8).locator(".dvi-count")).to_have_text(str(int((labels == 8).sum())))
    bars.nth(8).click()
    eventually(lambda: notebook.python("explorer.filter"), "label:8", at.page)
    # The other charts count those that fit; the one that was chosen in keeps all to choose from.
    eights = int(((labels == 8) & (predicted == 1)).sum())
    expect(at.part("chart-pred").nth(1).locator(".dvi-count")).to_have_text(str(eights))
    expect(bars.nth(3).locator(".dvi-count")).to_have_text(str(int((labels == 3).sum())))
    bars.nth(3).click(modifiers=["Shift"])
    eventually(lambda: notebook.python("explorer.filter"), "label:3,8", at.page)
    confidence = at.part("chart-confidence")
    box = confidence.bounding_box()
    at.page.mouse.move(box["x"] + 1, box["y"] + 20)
    at.page.mouse.down()
    at.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20, steps=4)
    at.page.mouse.up()
    expect(at.part("find")).to_have_value(re.compile(r"label:3,8 conf:0(\.01)?-0\.5"))
    shown = "explorer.table().query('shown').index.tolist()"
    table = notebook.python("explorer.table().confidence.tolist()")
    low, high = map(float, at.part("find").input_value().split("conf:")[1].split("-"))
    wanted = [i for i in range(len(table)) if labels[i] in (3, 8) and low <= table[i] <= high]
    eventually(lambda: notebook.python(shown), wanted, at.page)
    at.page.screenshot(path=shots / "charts-lab.png")
    bars.nth(8).click()
    bars.nth(8).click()
    confidence.click()
    eventually(lambda: notebook.python("explorer.filter"), "", at.page)


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_the_groups_stand_on_one_line_beside_an_open_side_bar(browser, lab, run_folder, shots, theme):
    cell = f"""
import dvi_widget as dvi
from dvi_widget.demonstration import network
dvi.Explorer(dvi.DVI().fit(dvi.Run({str(run_folder)!r}, model=network())).landscape())
"""
    size = {"width": 1280, "height": 800}
    with ran(browser, lab, f"tabs-{theme}", cell, viewport=size) as notebook:
        notebook.theme(f"JupyterLab {theme}")
        notebook.page.evaluate("() => window.jupyterapp.shell.expandLeft('filebrowser')")
        expect(notebook.page.get_by_role("region", name="File Browser Section")).to_be_visible()
        tabs = notebook.explorer().get_by_role("tab")
        expect(tabs).to_have_text(["Overview", "Selection", "Errors", "Model", "Map"])
        notebook.page.screenshot(path=shots / f"tabs-{theme.lower()}.png")
        expect_on_one_line(tabs, notebook.explorer().locator(".dvi-tabs"))
        narrow = notebook.explorer().bounding_box()["width"]
        notebook.page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
        eventually(lambda: notebook.explorer().bounding_box()["width"] > narrow + 100, True, notebook.page)
        notebook.page.screenshot(path=shots / f"tabs-wide-{theme.lower()}.png")
        expect_on_one_line(tabs, notebook.explorer().locator(".dvi-tabs"))


def expect_on_one_line(tabs, around):
    boxes, around = [tab.bounding_box() for tab in tabs.all()], around.bounding_box()
    assert len({round(box["y"]) for box in boxes}) == 1
    assert tabs.evaluate_all("(tabs) => tabs.every((tab) => tab.scrollWidth <= tab.clientWidth)")
    assert boxes[-1]["x"] + boxes[-1]["width"] <= around["x"] + around["width"]
