"""What a person does at an explorer, in any host, and where on the screen a sample must be."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from lab import WAIT_MS, ready
from playwright.sync_api import Locator, Page, expect

from dvi_widget.landscape import Landscape

# Class names that would show themselves: as an element, as an alert, or by ending the script they are in.
NASTY = [
    "<b id=injected>zero</b>",
    "<img src=x onerror='window.injected=1'>",
    "</script><script>window.injected=1</script>",
    "&lt;three&gt; &amp;",
    "<!-- four",
    "\"five' ${5} {{5}}",
    "<svg onload=window.injected=1>",
    "seven\u2028\u202eneves",
    "  ",
    "]]>",
]


MIN_STEP_PX = 4  # between two corners of a lasso


class At:
    """An explorer on a page, used as a person uses it."""

    def __init__(self, page: Page, landscape: Landscape) -> None:
        self.page = page
        self.landscape = landscape
        self.root = ready(page)

    def part(self, name: str) -> Locator:
        """A part of the explorer by its test id."""
        return self.root.get_by_test_id(name)

    # ---- time

    def wait_for_epoch(self, epoch: int) -> None:
        """Wait until the picture rests at an epoch."""
        expect(self.root).to_have_attribute("data-epoch", str(epoch), timeout=WAIT_MS)

    def click_epoch(self, epoch: int) -> None:
        """Click the slider where the epoch is, and wait until the picture rests there."""
        x, y = self.on_slider(epoch)
        self.page.mouse.click(x, y)
        self.wait_for_epoch(epoch)

    def drag_to_epoch(self, *epochs: int) -> None:
        """Drag the slider's handle past some epochs and let it go at the last."""
        now = int(self.root.get_attribute("data-epoch"))
        self.page.mouse.move(*self.on_slider(now))
        self.page.mouse.down()
        for epoch in epochs:
            self.page.mouse.move(*self.on_slider(epoch), steps=5)
        self.page.mouse.up()
        self.wait_for_epoch(epochs[-1])

    def on_slider(self, epoch: int) -> tuple[float, float]:
        slider = self.part("epoch-slider")
        slider.scroll_into_view_if_needed()
        box = slider.bounding_box()
        share = self.landscape.epochs.index(epoch) / (len(self.landscape) - 1)
        inset = 9  # of the rail, on both sides
        return box["x"] + inset + share * (box["width"] - 2 * inset), box["y"] + box["height"] - 10

    # ---- samples

    def places(self, epoch: int) -> np.ndarray:
        """Where every sample must be, [N, 2]: the extent in the middle of the stage, then zoomed."""
        return self.on_screen(self.landscape.at(epoch).positions)

    def on_screen(self, positions: np.ndarray) -> np.ndarray:
        """Where positions of the landscape, [N, 2], must be on the page."""
        stage = self.part("stage")
        stage.scroll_into_view_if_needed()
        box = stage.bounding_box()
        x0, x1, y0, y1 = self.landscape.extent
        scale = min(box["width"] / (x1 - x0), box["height"] / (y1 - y0))
        middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        k, x, y = map(float, stage.get_attribute("data-view").split())
        unit = np.asarray(positions, float) - ((x0 + x1) / 2, (y0 + y1) / 2)
        fitted = unit * (scale, -scale) + middle - (box["x"], box["y"])
        return k * fitted + (x, y) + (box["x"], box["y"])

    def wait_for_another_picture(self, before: str) -> str:
        """Wait until the canvas looks other than before; gives back how."""
        return self.page.wait_for_function(
            "([canvas, before]) => canvas.toDataURL() !== before && canvas.toDataURL()",
            arg=[self.part("canvas").element_handle(), before],
            timeout=WAIT_MS,
        ).json_value()

    def picture(self) -> str:
        """The canvas as it is."""
        return self.part("canvas").evaluate("(canvas) => canvas.toDataURL()")

    def point_at_stage(self) -> None:
        """Put the pointer in the middle of the stage."""
        box = self.part("stage").bounding_box()
        self.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    def hover(self, sample: int, epoch: int) -> Locator:
        """Point at a sample; gives back the card that appears."""
        self.page.mouse.move(*self.places(epoch)[sample])
        card = self.part("hover-card")
        expect(card).to_have_attribute("data-index", str(sample), timeout=WAIT_MS)
        return card

    def alone(self, epoch: int) -> int:
        """A sample with no other near it on the screen, and nothing of the explorer over it."""
        places = self.places(epoch)
        gaps = np.linalg.norm(places[:, None] - places[None], axis=-1)
        np.fill_diagonal(gaps, np.inf)
        return int(np.where(self.reachable(places), gaps.min(axis=1), 0).argmax())

    def reachable(self, places: np.ndarray) -> np.ndarray:
        """Whether a pointer at each of these places of the page, [m, 2], meets the stage, [m]."""
        return np.array(
            self.part("stage").evaluate(
                """(stage, places) => places.map(
                    ([x, y]) => stage.contains(stage.getRootNode().elementFromPoint(x, y))
                )""",
                places.tolist(),
            )
        )

    def lasso(self, epoch: int, seed: int = 0, clearance: float = 0.2) -> list[int]:
        """Draw round some samples, with none so near the line (pixels); gives back what must be inside."""
        self.part("tool-lasso").click()
        inside = self.draw_round(epoch, seed, clearance)
        self.part("tool-pan").click()
        return inside

    def draw_round(self, epoch: int, seed: int = 0, clearance: float = 0.2) -> list[int]:
        """The same with the tool at hand."""
        polygon, inside = self._outline(epoch, seed, clearance)  # last: a click may scroll the page
        self.page.mouse.move(*polygon[0])
        self.page.mouse.down()
        for corner in polygon[1:]:
            self.page.mouse.move(*corner)
        self.page.mouse.up()
        return np.flatnonzero(inside).tolist()

    def _outline(self, epoch: int, seed: int, least: float) -> tuple[np.ndarray, np.ndarray]:
        """A ragged outline, [m, 2], in whole pixels, with 20 to 400 samples inside and none on its line."""
        rng = np.random.default_rng(seed)
        places = self.places(epoch)
        box = self.part("stage").bounding_box()
        low = np.array([box["x"], box["y"]]) + 4
        high = low + np.array([box["width"], box["height"]]) - 8
        for _ in range(5000):
            angles = np.sort(rng.uniform(0, 2 * np.pi, 11))
            reach = rng.uniform(25, 110, (11, 1))
            around = places[rng.integers(len(places))]
            polygon = np.rint(around + reach * np.stack([np.cos(angles), np.sin(angles)], axis=1))
            inside, clearance = _inside(places, polygon)
            on_stage = (polygon >= low).all() and (polygon <= high).all()
            # A lasso takes no notice of shorter steps.
            apart = np.linalg.norm(polygon - np.roll(polygon, 1, axis=0), axis=1).min() >= MIN_STEP_PX
            if on_stage and apart and 20 <= inside.sum() <= 400 and clearance.min() >= least:
                # Only where it starts must the stage lie open; from there on it holds the pointer.
                reachable = self.reachable(polygon)
                if reachable.any():
                    return np.roll(polygon, -int(reachable.argmax()), axis=0), inside
        raise AssertionError("No outline keeps clear of all samples.")

    def expect_pictures(self, samples: list[int]) -> None:
        """The grid shows the selection from its first sample on, each with its recorded picture."""
        tiles = self.part("thumbnail")
        expect(self.part("selected")).to_have_text(f"{len(samples):,} selected", timeout=WAIT_MS)
        expect(tiles.first.locator("canvas")).to_be_visible(timeout=WAIT_MS)
        shown = [int(tile.get_attribute("data-index")) for tile in tiles.all()]
        assert shown == samples[: len(shown)]
        for place in (0, min(len(shown), 12) - 1):
            self.expect_picture(tiles.nth(place), shown[place])

    def expect_picture(self, where: Locator, sample: int) -> None:
        """A picture on the page has the pixels that were recorded."""
        canvas = where.locator("canvas")
        expect(canvas).to_be_visible(timeout=WAIT_MS)
        pixels = canvas.evaluate("(c) => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]")
        _, height, width = self.landscape.images[sample].shape
        shown = np.array(pixels).reshape(height, width, 4)[:, :, 0]
        np.testing.assert_array_equal(shown, self.landscape.images[sample][0])

    # ---- names

    def expect_nothing_injected(self) -> None:
        """No name became an element or ran as code."""
        assert self.page.evaluate("window.injected === undefined")
        assert self.page.locator("#injected").count() == 0
        assert self.root.locator("img, script, b#injected").count() == 0


def open_panel(where: Page | Locator, title: str) -> None:
    """Open a panel by its title, whichever group it is in."""
    for tab in where.get_by_role("tab").all():
        tab.click()
        button = where.get_by_role("group", name="Panels of").get_by_role("button", name=title, exact=True)
        if button.count() > 0:
            button.click()
        if button.count() > 0 or tab.inner_text() == title:
            return
    raise AssertionError(f"no panel is called {title}")


def every_panel(where: Page | Locator) -> Iterator[str]:
    """Open each panel in turn; gives its title."""
    for tab in where.get_by_role("tab").all():
        tab.click()
        buttons = where.get_by_role("group", name="Panels of").get_by_role("button").all()
        if not buttons:
            yield tab.inner_text()
        for button in buttons:
            button.click()
            yield button.inner_text()


def expect_beside(names: Locator, values: Locator) -> None:
    """Every value stands in the row of its own name, at its right."""
    assert names.count() == values.count() > 0
    for name, value in zip(names.all(), values.all(), strict=True):
        left, right = name.bounding_box(), value.bounding_box()
        assert left["x"] + left["width"] <= right["x"] + 1
        assert min(left["y"] + left["height"], right["y"] + right["height"]) > max(left["y"], right["y"]) + 8


def eventually(read: Callable[[], Any], wanted: Any, page: Page) -> None:
    """Wait until something outside the page is as wanted."""
    deadline = time.monotonic() + WAIT_MS / 1000
    while (found := read()) != wanted:
        assert time.monotonic() < deadline, f"still {found!r}, not {wanted!r}"
        page.wait_for_timeout(50)  # lets the page's own messages through


def _inside(points: np.ndarray, polygon: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which points [n, 2] a polygon [m, 2] encloses, and how far each is from its line."""
    inside = np.zeros(len(points), bool)
    clearance = np.full(len(points), np.inf)
    x, y = points.T
    for (ax, ay), (bx, by) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        crosses = (ay > y) != (by > y)
        with np.errstate(divide="ignore", invalid="ignore"):
            inside ^= crosses & (x < ax + (y - ay) / (by - ay) * (bx - ax))
        along = np.array([bx - ax, by - ay])
        share = np.clip(((points - (ax, ay)) @ along) / max(along @ along, 1e-9), 0, 1)
        nearest = (ax, ay) + share[:, None] * along
        clearance = np.minimum(clearance, np.linalg.norm(points - nearest, axis=1))
    return inside, clearance
