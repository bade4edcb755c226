"""In JupyterLab: a picture of one's own is brought, falls on the map, and moves through the epochs."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from lab import ran
from PIL import Image
from playwright.sync_api import expect
from steps import At, eventually, open_panel

import dvi_widget as dvi
from dvi_widget.demonstration import network

pytestmark = pytest.mark.timeout(400)

VAE = "vae = dvi.VAE(latent_dim=8, epochs=20).fit(landscape.images.astype('float32') / 255)"


@pytest.fixture(scope="module")
def view(run_folder):
    return dvi.DVI().fit(dvi.Run(run_folder, model=network()))


@pytest.fixture(scope="module")
def notebook(browser, lab, run_folder):
    cell = f"""
import dvi_widget as dvi
from dvi_widget.demonstration import network
landscape = dvi.DVI().fit(dvi.Run({str(run_folder)!r}, model=network())).landscape()
{VAE}
explorer = dvi.Explorer(landscape, vae=vae)
explorer
"""
    with ran(browser, lab, "guests", cell) as notebook:
        yield notebook


@pytest.fixture
def digit(tmp_path):
    """A three, written as a person would scan it: larger, in colour, as a PNG."""
    (x, y), *_ = dvi.datasets.digits()
    own = x[np.flatnonzero(y == 3)[5], 0]
    path = tmp_path / "three.png"
    Image.fromarray(np.kron(own, np.ones((20, 20), np.uint8))).convert("RGB").save(path)
    return own, path


def corner(at, number):
    """Where a brought picture stands on the screen."""
    mark = at.part("guest-layer").locator(f"[data-guest='{number}'] i").bounding_box()
    return np.array([mark["x"] + 5, mark["y"] + 5])


@pytest.mark.feature("A8")
def test_a_picture_falls_where_the_network_puts_it_at_every_epoch(notebook, view, digit, shots):
    own, path = digit
    landscape = view.landscape()
    at = At(notebook.page, landscape)
    at.wait_for_epoch(landscape.epochs[-1])
    open_panel(at.root, "Places")
    at.part("drop").locator("input").set_input_files(path)
    guest = at.part("guest")
    expect(guest).to_have_count(1)
    x = (own[None, None] / 255).astype("float32")
    for epoch in (landscape.epochs[-1], landscape.epochs[2]):
        at.click_epoch(epoch)
        p = view.run_.subject(epoch).predict(x)[0]
        likeliest = str(p.argmax())
        expect(guest.locator("[data-class]").first).to_have_attribute("data-class", likeliest)
        expected = at.on_screen(view.transform(inputs=x, epoch=epoch))[0]
        eventually(lambda e=expected: bool(np.abs(corner(at, 1) - e).max() < 3), True, at.page)
    # Its neighbours are samples: a press on one selects it.
    guest.get_by_test_id("guest-nearest").first.click()
    eventually(lambda: len(notebook.python("list(explorer.selection)")), 1, at.page)
    open_panel(at.root, "Places")
    at.page.screenshot(path=shots / "guest.png")


@pytest.mark.feature("A8")
def test_pictures_are_dropped_on_the_map_and_what_is_none_is_said(notebook, view, digit):
    _, path = digit
    at = At(notebook.page, view.landscape())
    open_panel(at.root, "Places")
    before = at.part("guest").count()
    files = notebook.page.evaluate_handle(
        """([png]) => {
            const bytes = Uint8Array.from(atob(png), (c) => c.charCodeAt(0));
            const files = new DataTransfer();
            files.items.add(new File([bytes], "dropped.png", { type: "image/png" }));
            return files;
        }""",
        [base64.b64encode(path.read_bytes()).decode()],
    )
    at.part("stage").dispatch_event("drop", {"dataTransfer": files})
    expect(at.part("guest")).to_have_count(before + 1)
    no_picture = path.with_suffix(".txt")
    no_picture.write_text("no picture")
    at.part("drop").locator("input").set_input_files(no_picture)
    expect(at.part("guests").get_by_role("alert")).to_contain_text("Not every file is a picture")
    for left in range(before, -1, -1):
        at.part("guest").first.get_by_title("Remove").click()
        expect(at.part("guest")).to_have_count(left)


@pytest.mark.feature("B10")
def test_a_place_of_a_run_shows_a_picture_of_the_autoencoder(notebook, view, shots):
    at = At(notebook.page, view.landscape())
    at.part("stage").press("Enter")
    place = at.part("place")
    expect(place).to_contain_text("imagined by the autoencoder")
    expect(place.get_by_role("img", name="Decoded picture of this place")).to_be_visible()
    at.part("keep-place").click()
    expect(at.part("markers")).to_contain_text("imagined by the autoencoder")
    at.page.screenshot(path=shots / "imagined.png")
