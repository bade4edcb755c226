"""What Colab, VS Code and marimo are known for, imitated: policies, wheels, heights and shadow roots.

Colab and VS Code cannot be opened here. VS Code's notebook has a content policy when
`notebook.experimental.enableCsp` is on (its backLayerWebView.ts); the one below is stricter: no eval and no
inline script, only the module that anywidget imports from a blob.
"""

from __future__ import annotations

import pytest
import synthetic
from bare import open_bare
from steps import At, eventually, every_panel

POLICY = (
    "default-src 'none'; script-src 'nonce-bare' blob:; style-src 'unsafe-inline'; "
    "img-src data: blob:; connect-src 'none'"
)
# What VS Code's webview says of everything in it.
VSCODE_STYLE = """
    table, thead, tr, th, td, tbody { border: none !important; border-color: transparent; }
    table { width: 100%; }
    table, th, tr { text-align: left !important; }
    thead { font-weight: bold; background-color: rgba(130, 130, 130, 0.16); }
    th, td { padding: 4px 8px; }
    tr:nth-child(even) { background-color: rgba(130, 130, 130, 0.08); }
"""


@pytest.fixture(scope="module")
def landscape():
    return synthetic.landscape(400, range(6))


@pytest.fixture
def explorer(landscape, bare_explorer):
    return bare_explorer(landscape)


def test_a_strict_content_policy_takes_nothing_away(explorer, landscape, page, shots):
    open_bare(page, explorer, policy=POLICY, style=VSCODE_STYLE)
    at = At(page, landscape)
    first = landscape.epochs[0]
    at.click_epoch(first)
    eventually(lambda: explorer.epoch, first, page)
    sample = at.alone(first)
    at.expect_picture(at.hover(sample, first), sample)
    at.expect_pictures(at.lasso(first))
    for _ in every_panel(at.root):
        pass
    page.screenshot(path=shots / "limits-policy.png")
    assert page.evaluate("window.violations") == []


def test_it_works_in_a_shadow_root(explorer, landscape, page, shots):
    open_bare(page, explorer, shadow=True)
    at = At(page, landscape)
    last = landscape.epochs[-1]
    inside = at.lasso(last)
    eventually(lambda: explorer.selection, inside, page)
    at.expect_pictures(inside)
    page.screenshot(path=shots / "limits-shadow.png")


def test_the_wheel_zooms_and_never_scrolls_the_notebook(explorer, landscape, page):
    open_bare(page, explorer, style="body { min-height: 4000px }")
    at = At(page, landscape)
    page.evaluate(
        """() => {
            window.escaped = 0;
            window.addEventListener("wheel", () => window.escaped++);
        }"""
    )
    at.point_at_stage()
    # In, out, and on where there is nothing left to zoom out of; sideways too.
    for across, down in [(0, -400), (0, 400), (0, 4000), (0, 400), (300, 0)]:
        page.mouse.wheel(across, down)
    before = at.picture()
    page.mouse.wheel(0, -400)
    at.wait_for_another_picture(before)
    assert page.evaluate("[window.scrollY, window.escaped]") == [0, 0]


def test_its_height_is_its_own_where_a_frame_follows_it(explorer, landscape, page):
    """Hosts make the frame of an output as high as what lies in it: what follows the frame grows for ever."""
    open_bare(page, explorer)
    at = At(page, landscape)
    at.expect_pictures(at.lasso(landscape.epochs[-1]))
    heights = []
    for window in (200, 3000, 1000):
        page.set_viewport_size({"width": 1000, "height": window})
        heights.append(at.root.bounding_box()["height"])
    assert heights[0] == heights[1] == heights[2]
    assert 400 < heights[0] < 1000
