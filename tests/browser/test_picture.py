"""The picture that is saved of a view: everything written lies in it, and markers are on it."""

from __future__ import annotations

import io

import comm
import numpy as np
import pytest
from bare import open_bare, quiet
from hosts import RecordingComm
from PIL import Image
from playwright.sync_api import expect
from synthetic import fitted

import dvi_widget as dvi

NAMES = [f"Internationalisation coordinator of the north-western department number {i}" for i in range(40)]
STYLE = "html { background: Canvas; color-scheme: light dark }"
# What is written on canvases outside the page, each with where it ends and how wide the canvas is.
OVERHEAR = """
    window.written = [];
    const { fillText } = CanvasRenderingContext2D.prototype;
    CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
        const end = x + this.measureText(text).width * (this.textAlign === "center" ? 0.5 : 1);
        if (!this.canvas.isConnected) {
            const { a, e } = this.getTransform();
            window.written.push([text, end + e / a, this.canvas.width / a]);
        }
        fillText.call(this, text, x, y);
    };
"""


@pytest.fixture
def save(page, monkeypatch, shots):
    """Shows landscapes with a view and saves their picture: the pixels, and what is written in it."""
    monkeypatch.setattr(comm, "create_comm", RecordingComm)
    page.add_init_script(OVERHEAR)
    made = []

    def save(name, *landscapes, color_by="label", size_by="", **view):
        explorer = dvi.Explorer(*landscapes)
        explorer.color_by, explorer.size_by = color_by, size_by
        made.append(explorer)
        open_bare(page, explorer, style=STYLE)
        page.wait_for_selector("[data-ready]")
        explorer._view = view
        quiet(page)
        if color_by != "label":
            expect(page.get_by_test_id("color-scale")).to_contain_text("80")
            expect(page.get_by_test_id("size-scale")).to_be_visible()
        with page.expect_download() as found:
            page.get_by_test_id("save-picture").click()
        data = found.value.path().read_bytes()
        (shots / f"picture-{name}.png").write_bytes(data)
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")), page.evaluate("window.written")

    yield save
    for explorer in made:
        explorer.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_long_names_stay_inside_and_none_goes_unsaid(save, page, scheme):
    page.set_viewport_size({"width": 500, "height": 800})
    page.emulate_media(color_scheme=scheme)
    shown = fitted(200, (0, 5), classes=NAMES, resolution=60)
    shown.name = "A landscape whose own name is longer than a narrow page has room for, by far"
    pixels, written = save(f"narrow-{scheme}", shown, overlay="density")
    texts = [text for text, _, _ in written]
    assert pixels.shape[1] == 2 * written[0][2] < 1000
    assert all(end < width for _, end, width in written)
    assert "and 17 more" in texts
    assert len(shown.classes) + 1 - 24 == 17  # a sample has no label
    # Those on the land are shorter.
    named = [text for text in texts if text.startswith("Internationalisation") and len(text) > 22]
    assert [text.split()[-1] for text in named] == [str(i) for i in range(24)]
    after = texts.index("and 17 more") + 1
    assert texts[after : after + 4] == ["train", "test", "wrong", "undecided"]
    caption = " ".join(texts[after + 4 :])
    assert caption.startswith("Density: The number of samples")
    assert caption.endswith("join equal numbers.")
    assert "epoch 5" in texts


def marker(number, side, x, y):
    return {"number": number, "side": side, "x": x, "y": y}


def test_markers_and_their_path_are_in_it(save, page):
    shown = fitted(200, (0, 5), resolution=60)
    pixels, written = save(
        "markers", shown, markers=[marker(1, 0, 9000, 32000), marker(2, 0, 56000, 32000)], path=[1, 2]
    )
    texts = [text for text, _, _ in written]
    assert texts.count("1") == texts.count("2") == 1
    dark = (pixels.astype(int).sum(axis=2) < 150).sum(axis=1)
    middle = pixels.shape[0] // 2 + np.arange(-200, 200)
    assert dark[middle].max() > 300  # the dashes of the path, two pixels for each of the page's
    assert "and" not in " ".join(texts)


def test_scales_of_numbers_are_in_it(save):
    shown = fitted(60, (0, 5), resolution=60)
    shown.samples["age"] = np.clip(np.linspace(-10, 110, len(shown.samples)), 20, 80)
    pixels, written = save("scale", shown, color_by="age", size_by="confidence")
    texts = [text for text, _, _ in written]
    at = texts.index("age, 20 to 80")
    assert "undecided" in texts[at:]
    assert any(text.startswith("size: confidence, ") for text in texts[at:])
    legend = pixels[-80:].reshape(-1, 3)
    for end in ("#fde725", "#440154"):  # of viridis
        hue = [int(end[i : i + 2], 16) for i in (1, 3, 5)]
        assert (np.abs(legend.astype(int) - hue).max(axis=1) < 8).any()


def test_of_two_landscapes_each_has_its_name_and_its_markers(save, page):
    pair = [fitted(60, seed=seed, resolution=60) for seed in (0, 1)]
    pair[0].name, pair[1].name = "one with a name that is longer than half a page is wide " * 2, "two"
    pair[1].samples["label"] = pair[0].samples["label"]
    _, written = save("two", *pair, markers=[marker(1, 1, 30000, 30000)])
    ends = {text: end for text, end, _ in written}
    width = written[0][2]
    assert ends["1"] > width / 2
    assert ends["two"] > width / 2
    assert max(end for text, end in ends.items() if text.startswith("one with")) < width / 2
