"""In JupyterLab: the land itself: what is undecided, what no sample supports, and the size of the map."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from lab import WAIT_MS, ran
from PIL import Image
from playwright.sync_api import expect
from scipy.spatial.distance import cdist
from steps import At, eventually

pytestmark = pytest.mark.timeout(400)

LEAST_AWAY = 0.12  # of the map's width, from every sample at every epoch: there nothing is known


@pytest.fixture(scope="module")
def notebook(browser, lab, cell):
    """One notebook for the tests of this file."""
    with ran(browser, lab, "land", cell) as notebook:
        yield notebook


@pytest.fixture
def at(notebook, landscape):
    """The explorer at its last epoch, with nothing on the land."""
    last = landscape.epochs[-1]
    notebook.execute(
        f"explorer.epoch = {last}\n"
        "explorer._view = {**explorer._view, 'points': False, 'names': False, 'delta': 0.02}"
    )
    at = At(notebook.page, landscape)
    at.wait_for_epoch(last)
    expect(at.part("names").locator("span")).to_have_count(0)
    return at


def pixels(picture):
    """The canvas as an array [h, w, 3]."""
    png = base64.b64decode(picture.split(",", 1)[1])
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def near_samples(at, landscape):
    """Whether each pixel of the canvas lies near a sample of the last epoch."""
    box = at.part("stage").bounding_box()
    shown = np.stack(np.meshgrid(np.arange(box["width"]), np.arange(box["height"])), axis=-1) + 0.5
    places = at.places(landscape.epochs[-1]) - (box["x"], box["y"])
    return cdist(shown.reshape(-1, 2), places).min(axis=1).reshape(shown.shape[:2]) < 8


def test_the_slider_of_the_margin_widens_what_is_undecided(at, notebook, landscape, shots):
    page = at.page
    near = near_samples(at, landscape)

    def undecided(picture):
        return float((pixels(picture)[: near.shape[0], : near.shape[1]][near].min(axis=1) > 250).mean())

    before = at.picture()
    at.part("show").click()
    slider = at.part("delta")
    slider.focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    eventually(lambda: round(notebook.python("explorer._view['delta']"), 2), 0.22, page)
    wide = at.wait_for_another_picture(before)
    page.screenshot(path=shots / "delta-lab.png")
    page.keyboard.press("Home")
    eventually(lambda: notebook.python("explorer._view['delta']"), 0, page)
    none = at.wait_for_another_picture(wide)
    assert undecided(none) < undecided(before) < undecided(wide)
    assert undecided(wide) > 2 * undecided(before)
    page.keyboard.press("Escape")


def land(at, landscape):
    """Pixels of the canvas, [m, 2] each: where no sample ever is near, and at samples of some epoch."""
    box = at.part("stage").bounding_box()
    x0, x1, y0, y1 = landscape.extent
    grid = np.stack(np.meshgrid(np.linspace(x0, x1, 80), np.linspace(y0, y1, 80)), axis=-1).reshape(-1, 2)
    away = np.min([cdist(grid, frame.positions).min(axis=1) for frame in landscape], axis=0)
    places = at.on_screen(grid) - (box["x"], box["y"])
    inside = ((places > 1) & (places < (box["width"] - 2, box["height"] - 2))).all(axis=1)
    unknown = places[(away > LEAST_AWAY * (x1 - x0)) & inside].astype(int)
    known = places[(away < 0.01 * (x1 - x0)) & inside].astype(int)
    assert len(unknown) > 50
    assert len(known) > 50
    return unknown, known


def expect_still(unknown, known):
    """Colours of land over time, [t, m, 3]: what is unknown stays as it is, while the rest changes."""
    assert np.abs(unknown - unknown[0, 0]).max() <= 2
    assert np.ptp(known, axis=0).max() > 30


def test_land_that_no_sample_supports_never_changes_while_time_moves(at, landscape):
    page = at.page
    unknown, known = land(at, landscape)
    pictures = [at.picture()]
    middles = [at.on_slider(epoch) for epoch in landscape.epochs]
    page.mouse.move(*middles[-1])
    page.mouse.down()
    for (left, y), (right, _) in zip(middles[:-1][::-1], middles[1:][::-1], strict=True):
        for share in (0.6, 0.3):
            page.mouse.move(left + share * (right - left), y)
            pictures.append(at.wait_for_another_picture(pictures[-1]))
    page.mouse.up()
    seen = np.stack([pixels(picture) for picture in pictures])
    expect_still(seen[:, unknown[:, 1], unknown[:, 0]], seen[:, known[:, 1], known[:, 0]])


def test_land_that_no_sample_supports_never_changes_while_it_plays(at, landscape):
    unknown, known = land(at, landscape)
    at.page.evaluate(
        """([canvas, root, places, last]) => {
            const pen = canvas.getContext("2d");
            window.playedLand = [];
            window.playedEpochs = new Set();
            const look = () => {
                const { data, width } = pen.getImageData(0, 0, canvas.width, canvas.height);
                const at = places.map(([x, y]) => 4 * (y * width + x));
                window.playedLand.push(at.map((i) => [data[i], data[i + 1], data[i + 2]]));
                window.playedEpochs.add(root.querySelector("[data-testid=epoch-slider]").ariaValueNow);
                if (window.playedEpochs.size < last || root.dataset.epoch === undefined) {
                    requestAnimationFrame(look);
                } else {
                    window.playedAll = true;
                }
            };
            look();
        }""",
        [
            at.part("canvas").element_handle(),
            at.root.element_handle(),
            [*unknown.tolist(), *known.tolist()],
            len(landscape),
        ],
    )
    at.part("play").click()
    at.page.wait_for_function("window.playedAll", timeout=WAIT_MS)
    seen = np.array(at.page.evaluate("window.playedLand"))
    at.wait_for_epoch(landscape.epochs[-1])
    expect_still(seen[:, : len(unknown)], seen[:, len(unknown) :])


def test_the_class_whose_land_fills_the_view_is_named_at_every_zoom(at, notebook, landscape, shots):
    page = at.page
    notebook.execute("explorer._view = {**explorer._view, 'names': True, 'points': True}")
    shown = at.part("names").locator("span")
    expect(shown.first).to_be_visible()
    last = landscape.epochs[-1]
    for target in (0, 3, 6):
        # A sample in the midst of its own, far from where its class' name stands on the whole map.
        own = np.flatnonzero((landscape.samples["label"] == target) & (landscape[-1].predictions == target))
        places = at.places(last)[own]
        name = shown.get_by_text(str(target), exact=True).bounding_box()
        away = np.hypot(*(places - (name["x"], name["y"])).T)
        inner = np.sort(cdist(places, places), axis=1)[:, 10] < 20
        x, y = places[np.where(inner, away, 0).argmax()]
        page.mouse.move(x, y)
        for step in range(6):
            view = at.part("stage").get_attribute("data-view")
            page.mouse.wheel(0, -1000 if step % 2 else -600)
            expect(at.part("stage")).not_to_have_attribute("data-view", view)
            expect(shown.get_by_text(str(target), exact=True)).to_be_visible()
        page.screenshot(path=shots / f"zoomed-{target}.png")
        page.keyboard.press("0")
        expect(shown).to_have_count(10)


def test_full_screen_gives_the_map_the_whole_screen_and_back(at, notebook, shots):
    page = at.page
    before = at.part("stage").bounding_box()
    at.part("full-screen").click()
    page.wait_for_function("document.fullscreenElement !== null")
    window = page.evaluate("[innerWidth, innerHeight]")
    eventually(lambda: [round(at.root.bounding_box()[side]) for side in ("width", "height")], window, page)
    page.screenshot(path=shots / "full-screen-lab.png")
    inside = at.part("stage").bounding_box()
    assert inside["width"] > before["width"]
    assert inside["height"] > before["height"]
    at.part("full-screen").click()
    page.wait_for_function("document.fullscreenElement === null")
    eventually(lambda: at.part("stage").bounding_box(), before, page)
