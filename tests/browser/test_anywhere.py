"""Everything that a person does at an explorer, inside JupyterLab, and part of it on pages without a kernel.

| where         | what is done                                                                              |
| ------------- | ----------------------------------------------------------------------------------------- |
| map           | hover; click with and without modifiers; lasso by tool and by shift; add and remove tools |
|               | drag, wheel, double click, keys that pan and zoom; land decoded by click and Enter        |
|               | markers, a path between two, the markers panel; the picture saved                         |
| time          | slider clicked, dragged, moved by keys; played, looped, its speed; the epoch typed        |
| find field    | typed, completed by key and by pointer, errors, cleared; the form of fields; select       |
| legend, menus | classes; colour by; overlays, points, palettes                                            |
| tags          | saved, replaced, added to, renamed, deleted, selected again                               |
| panels        | opened by pointer and key, pinned; samples, one sample, confusion, classes                |
| two maps      | the one that panels speak of, by press and by button                                      |

What looks different without a kernel is done on an exported page too, and what each host must pass on
(pointer, keys, time) on a bare page as well.
"""

from __future__ import annotations

import re

import numpy as np
import pytest
from anywhere import Anywhere, everywhere, in_jupyterlab, with_and_without_a_kernel
from playwright.sync_api import expect
from steps import eventually, expect_beside, open_panel


@pytest.fixture
def at(place, landscape):
    """A fresh view of one landscape with everything that panels can say of it."""
    return Anywhere(place, landscape)


# ---- the map


@pytest.mark.feature("A14")
@everywhere
def test_hovering_shows_a_sample_until_the_pointer_leaves(at, landscape):
    sample = at.alone(at.last)
    card = at.hover(sample, at.last)
    at.expect_picture(card, sample)
    expect(card).to_contain_text(landscape.classes[landscape.samples.label[sample]])
    expect(card).to_contain_text(landscape.classes[landscape.at(at.last).predictions[sample]])
    at.expect_told("hovered", sample)
    at.page.mouse.move(1, 1)
    expect(card).to_have_count(0)
    at.expect_told("hovered", None)


@in_jupyterlab
def test_clicks_select_and_modifiers_say_how(at):
    first, second = at.apart(2)
    at.click(first)
    at.expect_selected([first])
    at.click(second)
    at.expect_selected([second])
    at.click(first, "Control")
    at.expect_selected(sorted([first, second]))
    at.click(first, "Control")
    at.expect_selected([second])
    at.click(second, "Alt")
    at.expect_selected([])
    at.click(first)
    at.page.keyboard.press("Escape")
    at.expect_selected([])


@pytest.mark.feature("C1")
@everywhere
@pytest.mark.parametrize("which", [0, -1], ids=["first epoch", "last epoch"])
def test_a_lasso_selects_exactly_the_samples_inside(at, landscape, which):
    epoch = landscape.epochs[which]
    at.click_epoch(epoch)
    inside = at.lasso(epoch, seed=which + 1)
    at.expect_selected(inside)
    at.expect_pictures(inside)


@in_jupyterlab
def test_a_lasso_adds_to_the_selection_or_takes_from_it(at, of_class):
    at.part("legend-entry").nth(3).click()
    threes = of_class(3)
    at.part("combine-add").click()
    inside = at.lasso(at.last)
    at.expect_selected(sorted({*threes, *inside}))
    at.part("combine-subtract").click()
    at.expect_selected(sorted({*threes, *inside} - {*at.lasso(at.last)}))
    at.part("combine-replace").click()
    at.page.keyboard.down("Shift")
    inside = at.draw_round(at.last, seed=1)
    at.page.keyboard.up("Shift")
    at.expect_selected(inside)


@pytest.mark.feature("A14")
@in_jupyterlab
def test_the_landscape_is_zoomed_and_dragged_and_the_host_does_not_scroll(at):
    sample = at.alone(at.last)
    x, y = (round(float(part)) for part in at.places(at.last)[sample])  # a wheel is told in whole pixels
    top = at.part("stage").bounding_box()
    # Towards the middle of the stage: a sample that stands alone may be at an edge of it.
    to_x = x + (60 if x < top["x"] + top["width"] / 2 else -60)
    to_y = y + (40 if y < top["y"] + top["height"] / 2 else -40)
    before = at.picture()
    at.page.mouse.move(x, y)
    at.page.mouse.wheel(0, -1600)  # so near that it can be dragged away from an edge
    zoomed = at.wait_for_another_picture(before)
    at.wait_for_hover_at(x, y, sample)  # it is where it was: one zooms around the pointer
    at.page.mouse.down()
    at.page.mouse.move(to_x, to_y, steps=4)
    at.page.mouse.up()
    at.wait_for_hover_at(to_x, to_y, sample)  # it came along
    at.expect_selected([])  # a drag selects nothing
    dragged = at.wait_for_another_picture(zoomed)
    at.page.mouse.dblclick(x, y)
    at.wait_for_another_picture(dragged)
    assert at.part("stage").bounding_box() == top
    at.part("reset-view").click()
    at.wait_for_hover_at(x, y, sample)


@in_jupyterlab
def test_keys_zoom_pan_and_show_the_whole(at):
    sample = at.alone(at.last)
    x, y = at.places(at.last)[sample]
    at.part("stage").focus()
    picture = at.picture()
    for key in ("+", "Shift+ArrowRight", "Shift+ArrowDown", "Shift+ArrowLeft", "Shift+ArrowUp", "-", "="):
        at.page.keyboard.press(key)
        picture = at.wait_for_another_picture(picture)
    at.page.keyboard.press("0")
    at.wait_for_hover_at(x, y, sample)


@pytest.mark.feature("A7")
@in_jupyterlab
def test_land_without_samples_is_decoded(at, landscape):
    corner = at.land()
    at.page.mouse.click(*corner)
    card = at.part("place")
    expect(card).to_contain_text("%")
    at.page.keyboard.press("Escape")
    expect(card).to_have_count(0)
    at.page.mouse.click(*corner)
    card.get_by_role("button", name="Close").click()
    expect(card).to_have_count(0)
    at.part("stage").press("Enter")  # the middle
    near = int(re.search(r"\d+", card.get_by_test_id("nearest").first.get_attribute("title"))[0])
    card.get_by_test_id("nearest").first.click()
    at.expect_selected([near])
    expect(card).to_have_count(0)
    at.page.mouse.click(*corner)
    card.get_by_test_id("keep-place").click()
    open_panel(at.root, "Places")
    expect(at.part("markers").locator("li")).to_have_count(1)
    expect(at.part("marker-layer").locator("text")).to_have_text("1")


@pytest.mark.feature("B10")
@in_jupyterlab
def test_markers_are_dropped_joined_and_removed(at):
    first, second = at.apart(2)
    places = at.places(at.last)
    at.part("tool-marker").click()
    at.page.mouse.move(*places[first])
    at.page.mouse.down()
    at.page.mouse.move(*places[second], steps=4)
    at.page.mouse.up()
    at.page.mouse.click(*at.land())
    open_panel(at.root, "Places")
    rows = at.part("markers").locator("li")
    expect(rows).to_have_count(3)
    expect(at.part("path")).to_contain_text("from 1 to 2")
    expect(at.part("crossings").locator("li")).not_to_have_count(0)
    rows.nth(0).get_by_role("button", name="path at marker").click()
    expect(at.part("path")).to_have_count(0)
    rows.nth(2).get_by_role("button", name="path at marker").click()
    expect(at.part("path")).to_contain_text("2")
    rows.nth(2).get_by_role("button", name="Remove").click()
    expect(rows).to_have_count(2)
    expect(at.part("path")).to_have_count(0)
    expect(at.part("marker-layer").locator("text")).to_have_count(2)


@pytest.mark.feature("F12")
@with_and_without_a_kernel
def test_the_land_carries_the_names_of_its_classes(at, landscape):
    """Each on its own land; none where they are switched off."""
    names = at.part("names").locator("span")
    expect(names.first).to_be_visible()
    shown = set(names.all_inner_texts())
    assert shown <= set(landscape.classes)
    assert len(shown) >= len(landscape.classes) // 2
    canvas = landscape.at(at.last).canvas.classes
    x0, x1, y0, y1 = landscape.extent
    low, high = at.on_screen([[x0, y0], [x1, y1]])
    for name in names.all():
        box = name.bounding_box()
        middle = np.array([box["x"] + box["width"] / 2, box["y"] + box["height"] / 2])
        column, row = ((middle - low) / (high - low) * len(canvas)).astype(int)
        assert landscape.classes[canvas[row, column]] == name.inner_text()
    at.part("show").click()
    at.part("show-names").click()
    expect(names).to_have_count(0)
    at.expect_told("_view.get('names')", False)


@with_and_without_a_kernel
def test_the_view_is_saved_as_a_picture(at):
    with at.page.expect_download() as saved:
        at.part("save-picture").click()
    assert saved.value.path().read_bytes().startswith(b"\x89PNG")


# ---- time


@pytest.mark.feature("A11")
@everywhere
def test_the_slider_is_clicked_and_dragged(at, landscape):
    epochs = landscape.epochs
    at.click_epoch(epochs[0])
    at.expect_told("epoch", epochs[0])
    at.drag_to_epoch(epochs[3], epochs[-1])
    at.expect_told("epoch", epochs[-1])


@pytest.mark.feature("A11")
@in_jupyterlab
def test_time_is_played_once_or_over_and_over(at, landscape):
    first, last = landscape.epochs[0], landscape.epochs[-1]
    play = at.part("play")
    at.part("speed").select_option("4")
    at.click_epoch(first)
    play.click()
    expect(play).to_have_attribute("aria-label", "Pause")
    at.wait_for_epoch(last)
    expect(play).to_have_attribute("aria-label", "Play")
    at.expect_told("epoch", last)
    at.part("loop").click()
    play.click()
    slider = at.part("epoch-slider")
    for position in (len(landscape) - 1, 1, len(landscape) - 1):  # past the end and on
        expect(slider).to_have_attribute("aria-valuenow", str(position))
    play.click()
    expect(play).to_have_attribute("aria-label", "Play")


@in_jupyterlab
def test_keys_move_time(at, landscape):
    epochs = landscape.epochs
    press = at.page.keyboard.press
    at.part("stage").focus()
    for key, position in [("Home", 0), ("ArrowRight", 1), ("End", len(epochs) - 1), ("ArrowLeft", -2)]:
        press(key)
        at.wait_for_epoch(epochs[position])
    at.part("epoch-slider").focus()
    for key, position in [("ArrowUp", -1), ("ArrowDown", -2)]:
        press(key)
        at.wait_for_epoch(epochs[position])
    press("Space")
    at.wait_for_epoch(epochs[-1])
    at.expect_told("epoch", epochs[-1])


@in_jupyterlab
def test_the_epoch_is_typed(at, landscape):
    epochs = landscape.epochs
    field = at.part("epoch-input")
    field.fill(str(epochs[2]))
    field.press("Enter")
    at.wait_for_epoch(epochs[2])
    field.press("ArrowUp")
    at.wait_for_epoch(epochs[3])
    field.press("ArrowDown")
    at.wait_for_epoch(epochs[2])
    field.fill(str(epochs[5]))
    field.press("Escape")
    expect(field).to_have_value(str(epochs[2]))
    at.expect_told("epoch", epochs[2])


# ---- the find field


@with_and_without_a_kernel
def test_conditions_are_typed_completed_and_cleared(at, landscape, of_class):
    find, options = at.part("find"), at.part("option")
    n = len(landscape.samples)
    at.part("stage").focus()
    at.page.keyboard.press("/")
    expect(find).to_be_focused()
    at.page.keyboard.type("lab")
    options.first.wait_for()
    at.page.keyboard.press("Tab")
    expect(find).to_have_value("label:")
    options.filter(has_text="4").first.click()
    expect(find).to_have_value(re.compile(r"label:.?4.? $"))
    fours = of_class(4)
    expect(at.part("count")).to_have_text(f"{len(fours)} of {n:,}")
    at.part("select-found").click()
    at.expect_selected(fours)
    find.press("End")
    at.page.keyboard.type("spl")
    at.page.keyboard.press("ArrowDown")
    at.page.keyboard.press("Enter")
    expect(find).to_have_value(re.compile("split:"))
    find.fill("label:4 nonsense:3")
    find.press("Enter")
    at.part("stage").focus()
    expect(at.part("find-message")).to_contain_text("nonsense")
    find.press("Escape")
    expect(find).to_have_value("")
    find.fill("wrong")
    find.press("Enter")
    at.expect_told("filter", "wrong")
    at.part("clear-filter").click()
    expect(at.part("count")).to_have_text(f"{n:,} samples")
    at.expect_told("filter", "")


@in_jupyterlab
def test_a_form_writes_the_conditions(at, landscape):
    at.part("fields").click()
    form = at.part("fields-panel")
    form.get_by_label("correctness").select_option("wrong")
    expect(at.part("find")).to_have_value("wrong")
    form.get_by_label("split").select_option("test")
    form.get_by_label("confidence to").fill("0.9")
    form.get_by_label("confidence to").press("Enter")
    expect(at.part("find")).to_have_value(re.compile("wrong split:test conf<=0.9"))
    frame, samples = landscape.at(at.last), landscape.samples
    wrong = (frame.predictions != samples["label"]) & (samples["split"] == "test") & (frame.confidence <= 0.9)
    expect(at.part("count")).to_have_text(f"{wrong.sum()} of {len(samples):,}")
    at.page.keyboard.press("Escape")
    expect(form).to_have_count(0)
    expect(at.part("fields")).to_be_focused()


# ---- legend and menus


@everywhere
def test_the_legend_selects_and_says_what_colours_mean(at, landscape, of_class):
    entries = at.part("legend-entry")
    entries.nth(3).click()
    at.expect_selected(of_class(3))
    entries.nth(5).click(modifiers=["Shift"])
    at.expect_selected(sorted(of_class(3) + of_class(5)))
    entries.nth(3).click(modifiers=["Alt"])
    at.expect_selected(of_class(5))
    entries.nth(7).focus()
    at.page.keyboard.press("Enter")
    at.expect_selected(of_class(7))
    at.part("color-by").select_option("correctness")
    at.expect_told("color_by", "correctness")
    right = landscape.at(at.last).predictions == landscape.samples["label"]
    entries.filter(has_text="wrong").click()
    at.expect_selected(np.flatnonzero(~right).tolist())
    at.part("clear-selection").click()
    at.expect_selected([])


@with_and_without_a_kernel
def test_the_key_opens_by_its_sign_and_the_height_by_its_handle(at):
    at.part("stage").focus()
    at.page.keyboard.press("?")
    expect(at.part("key-text")).to_contain_text("Axes mean nothing")
    at.page.keyboard.press("Escape")
    expect(at.part("key-text")).to_have_count(0)
    handle = at.part("height")
    handle.scroll_into_view_if_needed()

    def tall():
        return at.part("stage").bounding_box()["height"]

    box, before = handle.bounding_box(), tall()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    at.page.mouse.move(x, y)
    at.page.mouse.down()
    at.page.mouse.move(x, y - 100, steps=4)
    at.page.mouse.up()
    eventually(tall, pytest.approx(before - 100, abs=2), at.page)
    handle.dblclick()
    eventually(tall, before, at.page)
    at.expect_told("_view.get('height')", 0)


@pytest.mark.feature("F12")
@in_jupyterlab
def test_colour_and_size_stand_for_any_column(at, landscape):
    picture = at.picture()
    at.part("color-by").select_option("loss")
    at.expect_told("color_by", "loss")
    expect(at.part("color-scale")).to_have_text(re.compile(r"^0\d"))  # both ends, and nothing waited for
    picture = at.wait_for_another_picture(picture)
    expect(at.part("legend-entry")).to_have_count(0)
    at.part("size-by").select_option("forgetting events")
    at.expect_told("size_by", "forgetting events")
    expect(at.part("size-scale")).to_contain_text("small 0")
    at.wait_for_another_picture(picture)
    at.part("color-by").select_option("split")
    at.part("legend-entry").filter(has_text="test").click()
    at.expect_selected(np.flatnonzero(landscape.samples["split"] == "test").tolist())


@in_jupyterlab
def test_menus_take_a_press_on_their_words(at):
    """A host that takes the focus at a press on plain text would close the menu before the click."""
    before = at.picture()
    at.part("show").click()
    menu = at.root.get_by_role("dialog", name="Show on the landscape")
    menu.get_by_text("Density").click()
    expect(at.part("overlay-density")).to_be_checked()
    expect(at.part("caption")).to_contain_text("Density")
    picture = at.wait_for_another_picture(before)
    menu.get_by_text("All samples").click()
    expect(at.part("show-points")).not_to_be_checked()
    at.wait_for_another_picture(picture)
    at.page.keyboard.press("Escape")
    expect(menu).to_have_count(0)
    expect(at.part("show")).to_be_focused()
    at.expect_told("_view['overlay']", "density")

    at.part("settings").click()
    menu = at.root.get_by_role("dialog", name="Colours of the classes")
    swatch = at.part("legend-entry").first.locator(".dvi-swatch")
    hue = swatch.get_attribute("style")
    other = menu.locator("label").last
    other.locator("> span").click(position={"x": 3, "y": 8})  # its name
    expect(other.get_by_role("radio")).to_be_checked()
    expect(swatch).not_to_have_attribute("style", hue)
    menu.get_by_text("colour-blind safe").click()
    expect(at.part("palette-safe")).to_be_checked()
    expect(menu).to_be_visible()
    at.page.mouse.click(*at.land())  # beside it
    expect(menu).to_have_count(0)
    expect(at.part("place")).to_have_count(0)


# ---- selections


@with_and_without_a_kernel
def test_selections_are_saved_changed_and_selected_again(at, of_class):
    at.part("legend-entry").nth(3).click()
    at.part("selected").click()
    at.part("selection-name").fill("threes")
    at.part("selection-name").press("Enter")
    at.expect_told("selections", {"threes": of_class(3)})
    saved = at.part("saved-selection")
    expect(saved).to_contain_text(f"threes{len(of_class(3))}")

    at.page.keyboard.press("Escape")
    at.part("legend-entry").nth(5).click()
    at.part("selected").click()
    at.part("selection-name").fill("fives")
    at.part("save-selection").click()
    expect(saved).to_have_count(2)
    at.part("add-to-selection").first.click()
    both = sorted(of_class(3) + of_class(5))
    at.expect_told("selections", {"threes": both, "fives": of_class(5)})

    at.part("rename-selection").first.click()
    name = at.part("new-name")
    name.fill("fives")
    expect(at.part("name-taken")).to_contain_text("Another tag")
    name.press("Escape")
    expect(saved.first).to_contain_text("threes")
    at.part("rename-selection").first.click()
    name.fill("odd")
    name.press("Enter")
    expect(saved.first).to_contain_text("odd")
    saved.first.click()
    at.expect_selected(both)
    saved.nth(1).click(modifiers=["Alt"])
    at.expect_selected(of_class(3))
    at.part("delete-selection").nth(1).click()
    at.expect_told("selections", {"odd": both})
    expect(saved).to_have_count(1)


# ---- panels


@in_jupyterlab
def test_panels_are_opened_and_pinned(at):
    errors = at.root.get_by_role("tab", name="Errors")
    errors.click()
    expect(at.part("plane")).to_be_visible()
    at.page.keyboard.press("ArrowLeft")
    expect(at.root.get_by_role("tab", name="Selection")).to_be_focused()
    at.page.keyboard.press("Home")
    expect(at.root.get_by_role("tab", name="Overview")).to_have_attribute("aria-selected", "true")
    errors.click()
    at.part("panel-classes").click()
    expect(at.part("classes")).to_be_visible()
    at.part("panel-confusion").click()
    at.part("pin-panel").click()
    beside = at.part("beside")
    expect(beside.get_by_test_id("plane")).to_be_visible()
    open_panel(at.root, "Classes")
    expect(at.part("classes")).to_be_visible()
    beside.get_by_role("button", name="back among the tabs").click()
    expect(beside).to_have_count(0)


@pytest.mark.feature("C3")
@with_and_without_a_kernel
def test_images_are_ordered_sized_and_walked_through(at, landscape, of_class):
    at.part("legend-entry").nth(3).click()
    tiles = at.part("thumbnail")
    confidence = landscape.at(at.last).confidence
    at.part("images-order").select_option("confidence")
    order = sorted(of_class(3), key=lambda index: (confidence[index], index))
    expect(tiles.first).to_have_attribute("data-index", str(order[0]))
    direction = at.part("images-direction")
    direction.click()
    most = [i for i in of_class(3) if confidence[i] == confidence[of_class(3)].max()]
    expect(tiles.first).to_have_attribute("data-index", re.compile("|".join(map(str, most))))
    direction.click()
    at.part("images-size").select_option("0")
    expect(tiles.first).to_contain_text(str(order[0]))
    tiles.first.click()
    expect(at.part("hover-card")).to_have_attribute("data-index", str(order[0]))
    at.page.keyboard.press("ArrowDown")
    expect(tiles.nth(1)).to_be_focused()
    expect(at.part("hover-card")).to_have_attribute("data-index", str(order[1]))
    at.part("images-size").select_option("128")
    at.expect_picture(tiles.nth(1), order[1])


@pytest.mark.feature("C4")
@with_and_without_a_kernel
def test_a_sample_tells_its_epochs(at, landscape):
    sample = at.alone(at.last)
    open_panel(at.root, "One sample")
    expect(at.part("sample-empty")).to_be_visible()
    at.click(sample)
    expect(at.part("sample")).to_have_attribute("data-index", str(sample))
    facts = at.part("sample").locator(".dvi-facts").first
    expect_beside(facts.locator("dt"), facts.locator("dd"))
    strip = at.part("strip")
    strip.scroll_into_view_if_needed()
    box = strip.bounding_box()
    at.page.mouse.click(box["x"] + 3, box["y"] + 20)
    at.wait_for_epoch(landscape.epochs[0])
    strip.press("ArrowRight")
    at.wait_for_epoch(landscape.epochs[1])


@in_jupyterlab
def test_a_sample_has_training_dynamics(at):
    open_panel(at.root, "One sample")
    at.click(at.alone(at.last))
    at.root.get_by_role("button", name="Show training dynamics").click()
    dynamics = at.part("dynamics")
    expect(dynamics).to_be_visible()
    expect_beside(dynamics.locator("dt"), dynamics.locator("dd"))


@pytest.mark.feature("C2")
@with_and_without_a_kernel
def test_the_confusion_matrix_selects_its_cells(at, landscape):
    labels, predictions = landscape.samples["label"].to_numpy(), landscape.at(at.last).predictions
    test = landscape.samples["split"].to_numpy() == "test"
    open_panel(at.root, "Confusion")
    at.part("confusion-split").select_option("test")
    plane, words = at.part("plane"), at.part("confusion-words")
    box = plane.bounding_box()
    corner = box["x"] + box["width"] - 6, box["y"] + box["height"] - 6
    at.page.mouse.move(*corner)
    nines = np.flatnonzero((labels == 9) & (predictions == 9) & test).tolist()
    expect(words).to_contain_text(f"{len(nines)} samples")
    at.page.mouse.click(*corner)
    at.expect_selected(nines)
    at.page.mouse.move(1, 1)
    plane.focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight", "Enter"):
        at.page.keyboard.press(key)
    at.expect_selected(np.flatnonzero((labels == 1) & (predictions == 1) & test).tolist())
    at.part("confusion-split").select_option("all")
    at.part("error").first.click()
    counts = np.zeros((10, 10), int)
    np.add.at(counts, (labels, predictions), 1)
    np.fill_diagonal(counts, 0)
    expect(at.part("selected")).to_have_text(f"{counts.max()} selected")


@with_and_without_a_kernel
def test_classes_are_ordered_and_selected(at, landscape, of_class):
    open_panel(at.root, "Classes")
    rows = at.part("classes").get_by_role("button")
    rows.nth(2).click()
    at.expect_selected(of_class(2))
    rows.nth(4).click(modifiers=["Shift"])
    at.expect_selected(sorted(of_class(2) + of_class(4)))
    at.part("classes-order").select_option("most samples first")
    most = int(landscape.samples["label"].value_counts().max())
    expect(rows.first).to_contain_text(str(most))


# ---- two landscapes


@with_and_without_a_kernel
def test_a_press_or_a_button_says_whose_panels_are_seen(place, landscape):
    at = Anywhere(place, landscape, "pair")
    told, buttons = at.part("readout-of"), at.part("side")
    expect(told).to_have_text(landscape.name)
    at.part("stage").nth(1).click(position={"x": 12, "y": 12})
    expect(told).to_have_text("the other")
    expect(buttons.nth(1)).to_have_attribute("aria-pressed", "true")
    buttons.nth(0).click()
    expect(told).to_have_text(landscape.name)
    at.click_epoch(landscape.epochs[0])
    at.expect_told("epoch", landscape.epochs[0])
