"""Memory stays flat over scrubs and views, nothing is drawn in vain, and a lost context comes back."""

from __future__ import annotations

import pytest
import synthetic
from bare import open_bare, quiet
from playwright.sync_api import expect
from steps import At, eventually
from usage import COUNT_CONTEXTS, SCRUB, Usage

SCRUBS, VIEWS = 1000, 50


@pytest.fixture(scope="module")
def landscape():
    return synthetic.landscape(500, range(6))


@pytest.fixture
def at(bare_explorer, landscape, page):
    page.set_viewport_size({"width": 400, "height": 900})
    page.add_init_script(COUNT_CONTEXTS)
    open_bare(page, bare_explorer(landscape))
    return At(page, landscape)


@pytest.mark.feature("F6")
def test_a_thousand_scrubs_leave_nothing_behind(at, page, landscape):
    def scrub(steps):
        page.evaluate(SCRUB, [at.part("epoch-slider").element_handle(), steps, 10])
        at.wait_for_epoch(landscape.epochs[-1])

    usage = Usage(page)
    scrub(100)  # everything has been seen once
    before = usage.now()
    scrub(SCRUBS)
    after = usage.now()
    assert after["JSHeapUsedSize"] < before["JSHeapUsedSize"] + 500_000  # 500 bytes a scrub would show
    assert after["Nodes"] <= before["Nodes"] + 50
    assert after["JSEventListeners"] <= before["JSEventListeners"] + 5
    assert page.evaluate("window.living().length") == 1


def test_fifty_views_leave_nothing_behind(at, page, landscape):
    def show_again(times):
        for _ in range(times):
            page.evaluate("() => { window.hide(); window.show(); }")
            at.wait_for_epoch(landscape.epochs[-1])

    usage = Usage(page)
    show_again(30)  # what the browser keeps of a page at first, compiled code and pools, is a megabyte
    before = usage.now()
    show_again(VIEWS)
    after = usage.now()
    # 20 kB a view; one that is kept is more than that.
    assert after["JSHeapUsedSize"] < before["JSHeapUsedSize"] + 1_000_000
    assert after["Nodes"] <= before["Nodes"] + 50
    assert after["JSEventListeners"] <= before["JSEventListeners"] + 5
    assert page.evaluate("window.living().length") == 1
    page.evaluate("() => { window.hide(); window.show(); window.show(); window.show(); }")
    expect(page.locator(".dvi[data-ready=true]")).to_have_count(3)
    assert page.evaluate("window.living().length") == 1, "views share one context"
    page.evaluate("window.hide()")
    assert page.evaluate("window.living().length") == 0, "the last view gives the context back"


@pytest.mark.feature("F6")
def test_epochs_fetched_ahead_are_not_drawn(bare_explorer, page):
    ahead = synthetic.landscape(500, range(30))
    explorer = bare_explorer(ahead)
    page.add_init_script(
        """
        window.pictures = 0;
        const { clear } = WebGL2RenderingContext.prototype;
        WebGL2RenderingContext.prototype.clear = function (...what) {
            window.pictures++;
            clear.apply(this, what);
        };
        """
    )
    # An answer after the other, so that each could be drawn on its own.
    open_bare(page, explorer, delay=200)
    At(page, ahead)
    drawn = page.evaluate("window.pictures")

    def frames():
        return sum(
            any(array["name"] == "positions" for array in said.get("arrays", ()))
            for said, _ in explorer.comm.customs()
        )

    begun = frames()
    eventually(frames, len(ahead), page)
    quiet(page)
    assert len(ahead) - begun >= 15, "most of them came after the first picture"
    assert 0 < drawn <= page.evaluate("window.pictures") < drawn + 10


def test_a_lost_context_comes_back(at, page, landscape, shots):
    at.part("legend-entry").first.click()
    page.mouse.move(1, 1)
    at.wait_for_epoch(landscape.epochs[-1])
    before = steady(at)
    page.evaluate(
        """() => {
            window.lost = window.living()[0].getExtension("WEBGL_lose_context");
            window.lost.loseContext();
        }"""
    )
    # Lost, it goes on with what it has, and draws everything anew when there is a context again.
    at.part("epoch-slider").focus()
    page.keyboard.press("Home")
    page.evaluate("() => window.lost.restoreContext()")
    at.wait_for_epoch(landscape.epochs[0])
    assert steady(at) != before
    page.keyboard.press("End")
    at.wait_for_epoch(landscape.epochs[-1])
    assert steady(at) == before
    page.screenshot(path=shots / "memory-context.png")


def steady(at):
    """The canvas once all has arrived and two pictures in a row are the same."""
    quiet(at.page)
    return at.part("canvas").evaluate(
        """async (canvas) => {
            let before, now = canvas.toDataURL();
            do {
                before = now;
                await new Promise(requestAnimationFrame);
                await new Promise(requestAnimationFrame);
                now = canvas.toDataURL();
            } while (now !== before);
            return now;
        }"""
    )
