"""What a person's own callable or columns show of samples that are no pictures."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from synthetic import landscape

import dvi_widget as dvi
from dvi_widget.widget.questions import ask
from dvi_widget.widget.rendering import columns, rendered, texts


def test_a_callable_that_gives_texts_is_asked_when_a_sample_is_looked_at():
    asked = []

    def render(index):
        asked.append(index)
        return f"note {index}"

    pictures, words = rendered(render, 100)
    assert pictures is None
    assert asked == [0]
    assert texts(words, [7, 3]) == ["note 7", "note 3"]
    assert asked == [0, 7, 3]


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_a_callable_that_gives_pictures_is_asked_when_a_sample_is_looked_at(kind):
    images = np.random.default_rng(0).integers(0, 256, (9, 4, 5)).astype(np.uint8)
    given = images if kind is np.uint8 else (images / 255).astype(np.float32)
    asked = []

    def render(index):
        asked.append(index)
        return given[index]

    pictures, words = rendered(render, 9)
    assert words is None
    assert pictures.shape == (9, 1, 4, 5)
    np.testing.assert_array_equal(pictures[[5, 2]], images[[5, 2], None])
    assert asked == [0, 5, 2]


@pytest.mark.parametrize(
    ("render", "error", "says"),
    [
        (3, TypeError, "render must be a function of a sample's index; got 3"),
        (lambda _: None, TypeError, r"render must give texts, or pictures \[C, H, W\]"),
        (lambda _: np.zeros(3), TypeError, r"got ndarray float64 \(3,\) for sample 0"),
        (lambda _: np.full((2, 2), 9.5), ValueError, r"floats in \[0, 1\]; got 9.5 to 9.5 for sample 0"),
        (lambda index: [1][index + 1], IndexError, "list index out of range"),
    ],
)
def test_what_is_neither_text_nor_picture_is_refused_at_once(render, error, says):
    with pytest.raises(error, match=says):
        rendered(render, 3)


def test_what_changes_its_kind_or_size_on_the_way_is_refused():
    _, words = rendered(lambda index: "first" if index == 0 else 5, 3)
    with pytest.raises(TypeError, match="texts, as for sample 0; got int for sample 2"):
        texts(words, [0, 2])
    pictures, _ = rendered(lambda index: np.zeros((2 + index, 2), np.uint8), 3)
    with pytest.raises(ValueError, match=r"\(1, 2, 2\) for sample 0 and \(1, 3, 2\) for sample 1"):
        pictures[[1]]


def test_columns_beside_split_label_and_groups_are_read():
    table = pd.DataFrame(
        {
            "split": "train",
            "label": [0, 1],
            "flipped": [True, False],
            "radius": [0.123456, 7.0],
            "note": ["a", "<b>"],
        }
    )
    assert texts(columns(table), [1]) == ["radius: 7\nnote: <b>"]
    assert texts(columns(table), [0]) == ["radius: 0.1235\nnote: a"]
    assert columns(table[["split", "label", "flipped"]]) is None


def test_a_text_longer_than_a_page_is_cut():
    (text,) = texts(lambda _: "long " * 10_000, [0])
    assert len(text) == 2000
    assert text.endswith(" …")


def test_the_explorer_shows_what_is_rendered():
    shown = landscape(images=False)
    shown.samples["note"] = [f"note {index}" for index in range(len(shown.samples))]
    scene = dvi.Explorer(shown)._scene
    assert "note" not in scene.groups
    assert ask(scene, "describe", {"indices": [4]}).result["texts"] == ["note: note 4"]
    assert "note" in dvi.Explorer(shown).table().columns
    scene = dvi.Explorer(shown, render=lambda index: np.full((2, 3), index, np.uint8))._scene
    assert ask(scene, "hello", {}).result["images"] == {"height": 2, "width": 3, "channels": 1}
    assert (ask(scene, "thumbnails", {"indices": [9], "size": None}).arrays["pixels"] == 9).all()
    blank = np.zeros((40, 2, 2), np.uint8)
    with pytest.raises(ValueError, match="images must be left out where render draws pictures"):
        dvi.Explorer(shown, images=blank, render=lambda index: blank[index])
