"""Panels that ask the kernel, and following samples, inside JupyterLab.

| where     | what is done                                                                         |
| --------- | ------------------------------------------------------------------------------------ |
| follow    | trails, nearest neighbours, how many and among which, selected, kept in view         |
| To review | a list chosen, sorted by another measure, reversed, its first samples selected       |
| Quality   | figures, each beside its own name and above its own sentence; those of a selection   |
| Heatmaps  | the method, its parameters, the class explained, opacity; a sample pointed at        |
| Layers    | layer and unit chosen, patches and nearest samples clicked, a part closed            |
| Compare   | where models agree, a range typed, samples grouped by their maps                     |
| Why       | a latent value dragged by keys, a band drawn, settings changed, a morph into another |
"""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest
import torch
from anywhere import Anywhere, in_jupyterlab
from playwright.sync_api import expect
from steps import open_panel

pytestmark = in_jupyterlab


@pytest.fixture
def at(place, landscape):
    """A fresh view of one landscape with everything that panels can say of it."""
    return Anywhere(place, landscape)


# ---- following samples


@pytest.mark.feature("A13")
def test_selected_samples_are_followed_by_trails_neighbours_and_the_camera(at):
    first, second = at.apart(2)
    at.click(first)
    at.click(second, "Control")
    at.expect_selected(sorted([first, second]))
    at.part("follow").click()
    menu = at.root.get_by_role("dialog", name="Follow the selected samples")
    picture = at.picture()
    menu.get_by_text("Trails over the epochs").click()
    expect(at.part("trails")).not_to_be_checked()
    at.expect_told("_view['trails']", False)
    picture = at.wait_for_another_picture(picture)
    nearest = menu.get_by_text("Nearest in representation space")
    nearest.click()
    at.part("neighbors-k").fill("3")
    at.part("neighbors-k").press("Enter")
    at.expect_told("_view['k']", 3)
    at.part("neighbors-among").select_option("train")
    at.expect_told("_view['among']", "train")
    picture = at.wait_for_another_picture(picture)
    # Those of before stay until an answer comes; asked for anew, they come with it.
    nearest.click()
    expect(at.part("select-neighbors")).to_have_count(0)
    picture = at.wait_for_another_picture(picture)
    nearest.click()
    at.part("select-neighbors").click()
    train = "(landscape.samples['split'] == 'train').to_numpy()"
    near = at.python(f"landscape.source.neighbors({at.last}, [{second}], 3, {train})[0].tolist()")
    at.expect_selected(sorted({first, second, *near}))
    # The camera comes back to the samples from where it was moved to.
    picture = at.wait_for_another_picture(picture)
    at.page.keyboard.press("Escape")
    at.part("stage").focus()
    for key in ("+", "Shift+ArrowRight", "Shift+ArrowDown"):
        at.page.keyboard.press(key)
        picture = at.wait_for_another_picture(picture)
    at.part("follow").click()
    menu.get_by_text("Keep them in view").click()
    at.wait_for_another_picture(picture)
    at.page.keyboard.press("Escape")
    expect(menu).to_have_count(0)
    expect(at.part("follow")).to_be_focused()


# ---- lists


def test_a_list_is_sorted_by_any_measure_and_any_number_of_it_selected(at, shots):
    open_panel(at.root, "To review")
    rows = at.part("ranked-row")
    for name in ("late learners", "likely mislabelled"):
        at.part("list-name").filter(has_text=name).click()
        best = f"explorer.suggestions({name!r})"
        ranked = at.python(f"{best}.index.tolist()")
        expect(at.part("listed")).to_have_text(f"{len(ranked)} samples")
        expect(rows.first).to_have_attribute("data-index", str(ranked[0]))
    at.part("list-first").fill("7")
    at.part("select-first").click()
    at.expect_selected(sorted(ranked[:7]))
    at.part("list-measure").select_option("variability")
    order = at.python(f"{best}.sort_values('variability', kind='stable').index.tolist()")
    expect(rows.first).to_have_attribute("data-index", str(order[0]))
    assert [int(row.get_attribute("data-index")) for row in rows.all()[:5]] == order[:5]
    expect(rows.first).to_contain_text(re.compile("train|test"))
    at.page.screenshot(path=shots / f"lists-{at.place.name}.png")
    at.root.get_by_role("button", name="reverse").click()
    expect(rows.first).to_have_attribute("data-index", str(order[-1]))


# ---- figures of merit


def test_each_figure_stands_beside_its_own_name_and_above_its_own_sentence(at, shots):
    open_panel(at.root, "Quality")
    measures = at.part("measure")
    expect(measures.first).to_be_visible()
    at.page.screenshot(path=shots / f"measures-{at.place.name}.png")
    blocks = measures.evaluate_all(
        """(blocks) => blocks.map((block) => {
            const boxOf = (element) => {
                const { left, right, top, bottom } = element.getBoundingClientRect();
                return { left, right, top, bottom };
            };
            const parts = [...block.children].map((part) => ({ ...boxOf(part), text: part.textContent }));
            const figures = [...block.querySelectorAll(".dvi-figure")].map((figure) => ({
                ...boxOf(figure), inside: [...figure.children].map(boxOf),
            }));
            return { ...boxOf(block), parts, figures };
        })"""
    )
    assert len(blocks) > 5
    for before, after in pairwise(blocks):
        assert before["bottom"] <= after["top"], "no measure reaches into the next one's"
    for block in blocks:
        name, *figures, sentence = block["parts"]
        assert len(figures) == len(block["figures"]) > 0
        assert len(sentence["text"].split()) > 3
        for above, below in pairwise(block["parts"]):
            assert above["bottom"] <= below["top"] + 1, f"{below['text']} stands below {above['text']}"
        for part in block["parts"]:
            assert abs(part["left"] - name["left"]) <= 1, f"{part['text']} begins where its name does"
            assert block["top"] - 1 <= part["top"]
            assert part["bottom"] <= block["bottom"] + 1
        for figure in block["figures"]:
            assert all(
                figure["top"] - 1 <= box["top"] and box["bottom"] <= figure["bottom"] + 1
                for box in figure["inside"]
            )
    kept = measures.filter(has_text="Neighbours kept")
    of = f"measure == 'nn_pv' and k == 15 and epoch == {at.last}"
    for split, value in at.python(f"landscape.measures().query({of!r})[['split', 'value']].values.tolist()"):
        figure = kept.locator(".dvi-figure").filter(has_text=split)
        expect(figure.locator("b")).to_have_text(f"{100 * value:.1f}%")
    expect(kept.get_by_role("img", name="Over the epochs").first).to_be_visible()


def test_figures_of_single_samples_are_those_of_the_selection(at, landscape, of_class):
    open_panel(at.root, "Quality")
    at.part("legend-entry").nth(3).click()
    threes = of_class(3)
    right = (landscape.at(at.last).predictions[threes] == 3).mean()
    expect(at.part("of-some").locator("b").first).to_have_text(f"{100 * right:.1f}%")


# ---- the models behind the map


@pytest.mark.feature("D4")
def test_heatmaps_say_what_the_network_looks_at(at, landscape, shots):
    first, second = at.apart(2)
    at.click(first)
    at.page.mouse.move(1, 1)
    open_panel(at.root, "Heatmaps")
    panel = at.part("explain")
    heat = panel.get_by_label(f"Attribution map of sample {first}").locator("canvas").last
    likeliest = panel.locator(".dvi-top-classes li").first
    expect(likeliest).to_contain_text(landscape.classes[landscape.at(at.last).predictions[first]])
    by_gradient = colours(heat)
    assert by_gradient > 1
    # A quick method follows the pointer.
    at.hover(second, at.last)
    expect(panel.get_by_label(f"Attribution map of sample {second}")).to_be_visible()
    at.page.mouse.move(1, 1)
    expect(panel.get_by_label(f"Attribution map of sample {second}")).to_have_count(0)
    panel.get_by_test_id("method").select_option("integrated_gradients")
    expect(panel.get_by_text(re.compile("of the effect|accounts for the effect")).first).to_be_visible()
    at.page.screenshot(path=shots / f"explain-{at.place.name}.png")
    before = picture(heat)
    panel.get_by_text("Parameters").click()
    steps = panel.locator("details input").first
    steps.fill("3")
    steps.press("Enter")
    named = panel.locator(".dvi-top-classes .dvi-name").all_inner_texts()
    other = next(c for c, name in enumerate(landscape.classes) if name not in named)
    panel.get_by_test_id("target").select_option(str(other))
    expect(panel.locator(".dvi-target")).to_contain_text(landscape.classes[other])
    wait_for_another(heat, before)
    before = picture(heat)
    panel.get_by_test_id("against").select_option(str((other + 1) % len(landscape.classes)))
    wait_for_another(heat, before)
    panel.get_by_test_id("opacity").fill("0.3")
    expect(heat).to_have_css("opacity", "0.3")
    at.expect_told("_view['blend']", 0.3)


@pytest.mark.feature("E2")
def test_layers_show_what_excites_a_unit(at, shots):
    sample = at.alone(at.last)
    at.click(sample)
    at.page.mouse.move(1, 1)
    open_panel(at.root, "Layers")
    panel = at.part("layers")
    panel.get_by_test_id("layer").select_option("0")
    filters = panel.locator("details").filter(has_text="Filters").first
    expect(filters.get_by_role("button")).to_have_count(16)
    filters.get_by_label("Unit 3", exact=True).click()
    expect(panel.get_by_text("What excites unit 3 most")).to_be_visible()
    panel.get_by_test_id("unit").fill("5")
    panel.get_by_test_id("unit").press("Enter")
    patches = panel.locator("details").filter(has_text="What excites unit 5 most").locator(".dvi-patches li")
    expect(patches).to_have_count(9)
    expect(patches.first.locator(".dvi-patch")).to_be_visible()
    at.page.screenshot(path=shots / f"layers-{at.place.name}.png")
    near = panel.locator("details").filter(has_text=f"Nearest to #{sample} in 0")
    expect(near.get_by_role("button")).to_have_count(9)
    filters.locator("summary").click()
    expect(filters.get_by_role("button")).to_have_count(0)
    excited = int(re.match(r"#(\d+),", patches.first.get_attribute("title"))[1])
    patches.first.get_by_role("button").click()
    at.expect_selected([excited])


@pytest.mark.feature("D5")
def test_models_are_compared_and_a_click_selects_where_they_disagree(place, landscape, names, shots):
    at = Anywhere(place, landscape, "several")
    inputs = torch.as_tensor(np.array(names["run"].inputs("all")))
    logits = [np.asarray(ask(model, inputs)) for model in names["models"].values()]
    differ = {i for i, row in enumerate(np.transpose([z.argmax(axis=1) for z in logits])) if len({*row}) > 1}
    open_panel(at.root, "Heatmaps")
    at.click(at.alone(at.last))
    expect(at.part("explain").get_by_text("<i>linear</i>").first).to_be_visible()
    open_panel(at.root, "Compare")
    panel = at.part("models")
    told = panel.get_by_role("button", name="disagree")
    expect(told.first).to_be_visible()
    selected = set()
    for button in told.all():
        if button.is_enabled():
            button.click()
            count = int(button.locator("b").inner_text().replace(",", ""))
            expect(at.part("selected")).to_have_text(f"{count:,} selected")
            at.expect_told("selection.__len__()", count)
            selected |= set(at.python("several.selection"))
    assert selected == differ
    at.page.screenshot(path=shots / f"models-{at.place.name}.png")

    # Between two values, so that rounding moves no sample across.
    labels = landscape.samples["label"].to_numpy()
    share = torch.as_tensor(logits[0]).softmax(dim=1).numpy()[np.arange(len(labels)), labels] - 1
    values = np.sort(share[(share > -0.9) & (share < -0.3)])
    widest = np.diff(values).argmax()
    limit = round(float(values[widest : widest + 2].mean()), 4)
    panel.get_by_role("spinbutton", name="from").fill("-1")
    panel.get_by_role("spinbutton", name="to").fill(str(limit))
    panel.get_by_role("button", name="Select", exact=True).click()
    at.expect_selected(np.flatnonzero(share <= limit).tolist())
    panel.get_by_role("button", name="Group").click()
    groups = panel.get_by_label(re.compile(r"Group \d+,"))
    expect(groups.first).to_be_visible()
    members = int(re.search(r", (\d+) sample", groups.first.get_attribute("aria-label"))[1])
    groups.first.click()
    expect(at.part("selected")).to_have_text(f"{members} selected")


@pytest.mark.feature("C6", "C8")
def test_one_prediction_is_explained_by_its_neighbours(at, shots):
    first, second = at.apart(2)
    at.click(first)
    open_panel(at.root, "Why")
    panel = at.part("why")
    expect(panel.get_by_test_id("verdict")).to_be_visible()
    expect(panel.get_by_label("Neighbours").locator("li")).to_have_count(144)
    at.page.screenshot(path=shots / f"why-{at.place.name}.png")
    value = panel.get_by_role("slider", name="Latent dimension 2")
    before = float(value.get_attribute("aria-valuenow"))
    value.press("ArrowUp")
    expect(panel.get_by_text("as dragged")).to_be_visible()
    assert float(value.get_attribute("aria-valuenow")) > before
    panel.get_by_role("button", name="Back to the picture's own").click()
    expect(value).to_have_attribute("aria-valuenow", str(before))
    # Until the answer is here, the bands are those of the value that was dragged.
    expect(panel.locator(".dvi-stale")).to_have_count(0)
    axis = panel.locator(".dvi-axes-touch").first.bounding_box()
    at.page.mouse.move(axis["x"] + 2, axis["y"] + 20)
    at.page.mouse.down()
    at.page.mouse.move(axis["x"] + 2, axis["y"] + 60, steps=3)
    at.page.mouse.up()
    expect(panel.get_by_role("button", name="Back to the picture's own")).to_be_visible()
    expect(panel.locator(".dvi-stale")).to_have_count(0)
    panel.get_by_text("Settings").click()
    number = panel.get_by_label("n", exact=True)
    number.fill("36")
    number.press("Enter")
    expect(panel.get_by_label("Neighbours").locator("li")).to_have_count(36)
    expect(panel.get_by_test_id("student").locator("tbody tr")).to_have_count(10)
    panel.get_by_role("combobox", name="method").select_option("descent")
    panel.get_by_role("combobox", name="optimizer").select_option("adam")
    for name, typed in (("learning rate", "0.05"), ("batch size", "16"), ("epochs", "30")):
        panel.get_by_label(name, exact=True).fill(typed)
        panel.get_by_label(name, exact=True).press("Enter")
    course = panel.get_by_test_id("student-course")
    expect(course.get_by_role("img", name=re.compile("Loss of the student"))).to_be_visible()
    course.scroll_into_view_if_needed()
    at.page.screenshot(path=shots / f"why-course-{at.place.name}.png")
    expect(panel.get_by_role("alert")).to_have_count(0)
    at.click(second, "Control")
    panel.get_by_role("button", name="Morph into").click()
    expect(panel.get_by_role("button", name=re.compile(r"Back to #\d+ alone"))).to_be_visible()
    own, other = (panel.get_by_test_id(f"axes-{name}").get_attribute("d") for name in ("own", "other"))
    assert own != other
    expect(panel.get_by_test_id("weighted-other").first.locator("canvas").first).to_be_visible()
    at.page.screenshot(path=shots / f"why-morph-{at.place.name}.png")


def ask(model, inputs):
    """The logits of a model, in evaluation mode and without gradients."""
    with torch.no_grad():
        return (model.predict if hasattr(model, "predict") else model)(inputs)


def picture(canvas):
    return canvas.evaluate("(canvas) => canvas.toDataURL()")


def wait_for_another(canvas, before):
    expect(canvas).to_be_visible()
    return canvas.page.wait_for_function(
        "([canvas, before]) => canvas.toDataURL() !== before && canvas.toDataURL()",
        arg=[canvas.element_handle(), before],
    ).json_value()


def colours(canvas):
    """How many colours a canvas holds."""
    expect(canvas).to_be_visible()
    return canvas.evaluate(
        "canvas => new Set(new Uint32Array(canvas.getContext('2d')"
        ".getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size"
    )
