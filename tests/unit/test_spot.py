"""An explorer of digits and classifiers alone: the map is made on the spot."""

import gc
from pathlib import Path

import numpy as np
import pytest
from conforming import ask
from recorded import network, samples, train
from sklearn.linear_model import LogisticRegression

import dvi_widget as dvi


@pytest.fixture(scope="module")
def trained():
    model = network()
    (x, y), *_ = samples()
    for seed in range(8):
        train(model, x, y, seed=seed)
    return model


def scene_of(explorer):
    return explorer._scene


@pytest.mark.feature("D1")
def test_a_network_and_pictures_make_an_explorer_of_its_last_layer(trained):
    (x, y), *_ = samples()
    explorer = dvi.Explorer(images=x, models={"first": trained, "second": network(3)}, labels=y)
    table = explorer.table()
    assert len(table) == 120
    assert (table["label"] == y).all()
    frame = scene_of(explorer).landscapes[0][0]
    subject = dvi.Subject(trained)
    np.testing.assert_array_equal(frame.predictions, subject.predict(x).argmax(axis=1))
    near = dvi.measures.neighbors(frame.positions, 5)[0]
    assert (y[near] == y[:, None]).mean() > 0.6  # one in ten would be by chance
    assert frame.canvas.classes.shape == (300, 300)
    hello = ask(scene_of(explorer), "hello", {})
    assert [model["name"] for model in hello.result["models"]] == ["first", "second"]
    assert "represent" in hello.result["landscapes"][0]["services"]
    maps = ask(scene_of(explorer), "agreement", {"epoch": 0})
    assert maps.arrays["predictions"].shape == (2, 120)
    folder = scene_of(explorer).landscapes[0].source.folder
    assert Path(folder).is_dir()
    explorer.close()
    del explorer, frame, maps, hello
    gc.collect()


@pytest.mark.feature("D1")
def test_another_classifier_gets_a_map_of_its_decision_function():
    (x, y), *_ = samples()
    classifier = LogisticRegression(max_iter=300).fit(x.reshape(120, -1), y)
    model = lambda given: classifier.predict_proba(given.reshape(len(given), -1))  # noqa: E731
    explorer = dvi.Explorer(images=(x[:60] * 255).astype(np.uint8), models={"forest": model})
    assert (explorer.table()["label"] == -1).all() or explorer.table()["label"].isna().all()
    assert type(scene_of(explorer).landscapes[0].source).__name__ == "PictureSource"
    explorer.close()


def test_without_labels_nothing_is_right_or_wrong(trained):
    (x, _), *_ = samples()
    explorer = dvi.Explorer(images=x, models={"mine": trained})
    assert (scene_of(explorer).samples["label"] == -1).all()
    explorer.close()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({}, TypeError, "landscape must be a Landscape; got nothing"),
        ({"images": np.zeros((20, 1, 8, 8), "f")}, TypeError, "got nothing.*Or pass pictures and models"),
        (
            {"images": np.zeros((4, 1, 8, 8), "f"), "models": {"a": network()}},
            ValueError,
            "images must hold at least",
        ),
        (
            {"images": np.zeros((20, 8), "f"), "models": {"a": network()}},
            ValueError,
            "images must be uint8 or",
        ),
        ({"images": np.zeros((20, 1, 8, 8), "f"), "models": {"a": 3}}, TypeError, "models"),
        ({"labels": [1]}, ValueError, "labels must be left out beside a landscape"),
    ],
)
def test_what_makes_no_explorer_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        dvi.Explorer(**arguments)
