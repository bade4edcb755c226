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
def notebook(browser, lab, run_folder):
    """One notebook for the tests of this file."""
    cell = f"""
import dvi_widget as dvi
from dvi_widget.demonstration import network
run = dvi.Run({str(run_folder)!r}, model=network())
landscape = dvi.DVI().fit(run).landscape()
explorer = dvi.Explorer(landscape)
explorer
"""
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
    # The names go before the canvas is drawn anew, in the next picture.
    at.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
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

    eventually(lambda: undecided(at.picture()) > 0, True, page)  # the land has been painted
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


@pytest.mark.feature("F13")
def test_what_changed_between_two_epochs_stands_out(at, notebook, landscape, shots):
    page = at.page
    plain = at.picture()
    at.part("show").click()
    at.part("overlay-changes").click()
    page.keyboard.press("Escape")
    at.part("since").select_option("0")
    first, last = landscape.epochs[0], landscape.epochs[-1]
    box = at.part("stage").bounding_box()
    x0, x1, y0, y1 = landscape.extent
    cells = landscape.resolution
    middle = (np.arange(cells) + 0.5) / cells
    centres = np.stack(np.meshgrid(x0 + middle * (x1 - x0), y0 + middle * (y1 - y0)), axis=-1).reshape(-1, 2)
    near = cdist(centres, landscape[-1].positions).min(axis=1) < 0.01 * (x1 - x0)
    places = (at.on_screen(centres) - (box["x"], box["y"])).astype(int)
    inside = ((places > 2) & (places < (box["width"] - 3, box["height"] - 3))).all(axis=1) & near

    def held(epoch):
        return landscape.at(epoch).canvas.classes

    def uniform(mask):
        """Cells whose neighbours are all of the same kind: away from borders and outlines."""
        around = np.stack([np.roll(mask, shift, (0, 1)) for shift in np.ndindex(5, 5)])
        return np.roll(around.all(axis=0), (-2, -2), (0, 1)).ravel() & inside

    drawn = pixels(at.wait_for_another_picture(plain))
    page.screenshot(path=shots / "changes-lab.png")
    sure = landscape.at(last).canvas.margins() > 0.1
    changed = held(first) != held(last)

    def colour(mask):
        seen = drawn[places[mask][:, 1], places[mask][:, 0]]
        return np.ptp(seen, axis=1).mean()

    moved, stayed = uniform(changed & sure), uniform(~changed & sure)
    assert moved.sum() > 50
    assert stayed.sum() > 50
    assert colour(moved) > 2 * colour(stayed)
    at.part("crossed").check()
    eventually(lambda: notebook.python("explorer.filter"), f"changed:{first}-{last}", page)
    shown = int((landscape.at(first).predictions != landscape.at(last).predictions).sum())
    eventually(lambda: notebook.python("int(explorer.table().shown.sum())"), shown, page)
    at.part("crossed").uncheck()
    eventually(lambda: notebook.python("explorer.filter"), "", page)
    notebook.execute("explorer._view = {**explorer._view, 'overlay': '', 'since': -1}")


@pytest.mark.feature("A2")
def test_a_boundary_sample_shows_what_it_was_mixed_from(at, notebook, landscape, shots):
    page = at.page
    last = landscape.epochs[-1]
    at.part("show").click()
    at.part("show-boundary").check()
    page.keyboard.press("Escape")
    layer = at.part("boundary-layer")
    expect(layer).to_be_visible()
    positions = np.array(
        notebook.python(f"landscape.source.place_boundary({last}, run.boundary({last})).tolist()")
    )
    places = at.on_screen(positions)
    box = at.part("stage").bounding_box()
    low, high = np.array([box["x"], box["y"]]), np.array([box["x"] + box["width"], box["y"] + box["height"]])
    inside = ((places > low) & (places < high)).all(axis=1)
    assert abs(int(layer.get_attribute("data-shown")) - inside.sum()) <= 2, "but for those on the very edge"
    page.screenshot(path=shots / "boundary-lab.png")
    # One with neither a sample nor another of its kind near it.
    others = np.sort(cdist(places, places), axis=1)[:, 1]
    clear = np.minimum(cdist(places, at.places(last)).min(axis=1), others)
    reachable = np.zeros(len(places), bool)
    reachable[inside] = at.reachable(places[inside])
    chosen = int(np.where(reachable, clear, 0).argmax())
    page.mouse.click(*places[chosen])
    here = at.part("boundary-here")
    expect(here).to_have_attribute("data-index", str(chosen))
    notebook.execute(
        "from dvi_widget.boundary import synthesize\n"
        f"found = synthesize(run.subject({last}), run.inputs('train'), run.logits({last}), "
        f"len(run.boundary({last})), seed=(0, {last}, 0))"
    )
    parents = notebook.python(f"found.parents[{chosen}].tolist()")
    weight = notebook.python(f"float(found.weights[{chosen}])")
    shown = here.get_by_test_id("parent")
    expect(shown).to_have_text(
        [f"{100 * (1 - weight):.1f}% of #{parents[0]}", f"{100 * weight:.1f}% of #{parents[1]}"]
    )
    mixture = here.get_by_role("img", name="a mixture").locator("canvas")
    seen = np.array(
        mixture.evaluate("(c) => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]")
    ).reshape(8, 8, 4)[:, :, 0]
    first, second = (landscape.images[parent, 0].astype(float) for parent in parents)
    np.testing.assert_allclose(seen, first + weight * (second - first), atol=1)
    page.screenshot(path=shots / "boundary-card-lab.png")
    page.keyboard.press("Escape")
    notebook.execute("explorer._view = {**explorer._view, 'boundary': False}")


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
