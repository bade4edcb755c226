"""The panels about models: maps, layers, agreement, one prediction explained."""

from __future__ import annotations

import comm
import pytest
import torch
from bare import open_bare
from hosts import RecordingComm
from playwright.sync_api import expect
from steps import eventually, open_panel
from torch import nn

import dvi_widget as dvi
from dvi_widget.demo import network


@pytest.fixture(scope="module")
def run(run_folder):
    return dvi.Run(run_folder, model=network())


@pytest.fixture(scope="module")
def landscape(run):
    return dvi.DVI().fit(run).landscape()


@pytest.fixture
def opened(landscape, monkeypatch, page):
    """Show an explorer with what a test passes, some samples selected."""
    monkeypatch.setattr(comm, "create_comm", RecordingComm)
    explorers = []

    def show(**given):
        explorer = dvi.Explorer(landscape, **given)
        explorers.append(explorer)
        open_bare(page, explorer)
        page.wait_for_selector("[data-ready]")
        explorer.selection = list(range(0, 300, 10))
        return explorer

    yield show
    for explorer in explorers:
        explorer.close()


def painted(page, where):
    """Whether a canvas inside holds more than one colour."""
    return page.locator(where).first.evaluate(
        "canvas => new Set(new Uint32Array(canvas.getContext('2d')"
        ".getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size > 1"
    )


def test_the_recorded_network_explains_and_shows_its_layers(opened, landscape, page, shots):
    explorer = opened()
    open_panel(page, "Heatmaps")
    panel = page.get_by_test_id("explain")
    map_ = panel.get_by_label("Attribution map of sample 0")
    expect(map_).to_be_visible()
    eventually(
        lambda: painted(page, "[aria-label='Attribution map of sample 0'] canvas:last-child"), True, page
    )
    panel.get_by_test_id("method").select_option("integrated_gradients")
    expect(
        panel.get_by_text("accounts for the effect").or_(panel.get_by_text("of the effect")).first
    ).to_be_visible()
    expect(panel.get_by_text("Parameters")).to_be_visible()
    page.screenshot(path=shots / "explain.png")

    open_panel(page, "Layers")
    layers = page.get_by_test_id("layers")
    layers.get_by_test_id("layer").select_option("0")
    expect(layers.get_by_label("Unit 15").first).to_be_visible()
    layers.get_by_label("Unit 3").last.click()
    expect(layers.get_by_text("What excites unit 3 most")).to_be_visible()
    expect(layers.locator(".dvi-patch").first).to_be_visible()
    page.screenshot(path=shots / "layers.png")
    layers.locator(".dvi-patches button").first.click()
    eventually(lambda: len(explorer.selection), 1, page)


def test_several_models_are_compared_and_a_click_selects_where_they_disagree(
    opened, run, landscape, page, shots
):
    torch.manual_seed(0)
    linear = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    first, last = run.epochs[0], run.epochs[-1]
    explorer = opened(
        models={"late": run.subject(last), "early": run.subject(first), "<i>linear</i>": linear}
    )
    open_panel(page, "Heatmaps")
    expect(page.get_by_text("<i>linear</i>").first).to_be_visible()
    page.screenshot(path=shots / "models-explain.png")
    open_panel(page, "Compare")
    models = page.get_by_test_id("models")
    button = models.get_by_role("button", name="disagree, unsure")
    expect(button).to_be_enabled()
    count = int(button.locator("b").inner_text().replace(",", ""))
    button.click()
    eventually(lambda: len(explorer.selection), count, page)
    models.get_by_role("spinbutton", name="from").fill("-1")
    models.get_by_role("spinbutton", name="to").fill("-0.9")
    models.get_by_role("button", name="Select", exact=True).click()
    # Wrong and sure of it: fewer than all that are wrong.
    eventually(lambda: 0 < len(explorer.selection) < 400, True, page)
    models.get_by_role("button", name="Group").click()
    expect(models.get_by_label("Group 1,")).to_be_visible()
    page.screenshot(path=shots / "models.png")


def test_one_prediction_is_explained_by_its_neighbours(opened, run, page, shots):
    vae = dvi.VAE(latent_dim=4, epochs=2).fit(run.inputs("train"))
    explorer = opened(vae=vae)
    explorer.selection = [3]
    open_panel(page, "Why")
    why = page.get_by_test_id("why")
    expect(why.get_by_test_id("verdict")).to_be_visible()
    expect(why.get_by_label("Neighbours").locator("li")).to_have_count(144)
    page.screenshot(path=shots / "why.png")
    value = why.get_by_role("slider", name="Latent dimension 2")
    before = float(value.get_attribute("aria-valuenow"))
    value.focus()
    page.keyboard.press("ArrowUp")
    eventually(lambda: float(value.get_attribute("aria-valuenow")) > before, True, page)
    expect(why.get_by_text("as dragged")).to_be_visible()
    explorer.selection = [3, 20]
    why.get_by_role("button", name="Morph into #20").click()
    expect(why.get_by_role("button", name="Back to #3 alone")).to_be_visible()
    page.screenshot(path=shots / "why-morph.png")
