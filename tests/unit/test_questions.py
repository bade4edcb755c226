"""Questions about samples, points and whole landscapes: each answer against what the engine says itself."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import recorded
from conforming import ask
from hypothesis import given
from hypothesis import strategies as st
from synthetic import fitted, landscape

import dvi_widget as dvi
from dvi_widget import suggestions
from dvi_widget.widget.arguments import MAX_NEIGHBORS, MAX_POINTS
from dvi_widget.widget.questions import tables
from dvi_widget.widget.scene import Scene
from dvi_widget.widget.scene import logits as open_logits
from dvi_widget.widget.wire import MAX_ANSWER_BYTES, RequestError


@pytest.fixture
def shown():
    return fitted(groups=("flipped",))


def asked(shown, op, **args):
    return ask(Scene([shown], shown.images), op, {"landscape": 0, **args})


def test_probabilities_are_those_of_the_logits_in_the_order_asked_for(shown):
    p = asked(shown, "probabilities", epoch=5, indices=[7, 3]).arrays["probabilities"]
    z = shown.source.logits(5)[[7, 3]].astype(float)
    np.testing.assert_allclose(p, np.exp(z) / np.exp(z).sum(axis=1, keepdims=True), rtol=1e-5)
    assert p.dtype == np.float32
    assert asked(shown, "probabilities", epoch=5, indices=[]).arrays["probabilities"].shape == (0, 3)


def test_a_history_tells_prediction_confidence_and_the_labels_probability_of_every_epoch(shown):
    arrays = asked(shown, "history", indices=[0, 9, 4]).arrays
    assert {name: (array.dtype.name, array.shape) for name, array in arrays.items()} == {
        "predictions": ("int16", (3, 3)),
        "confidence": ("float32", (3, 3)),
        "own": ("float32", (3, 3)),
    }
    label = shown.samples["label"].to_numpy()
    for column, frame in enumerate(shown):
        p = shown.source.classify(frame.epoch, shown.source.features(frame.epoch))
        np.testing.assert_array_equal(arrays["predictions"][:, column], frame.predictions[[0, 9, 4]])
        np.testing.assert_allclose(arrays["confidence"][:, column], p.max(axis=1)[[0, 9, 4]], rtol=1e-5)
        np.testing.assert_allclose(arrays["own"][1:, column], p[[9, 4], label[[9, 4]]], rtol=1e-5)
    assert np.isnan(arrays["own"][0]).all()  # sample 0 has no label


def test_labels_are_counted_against_predictions_split_by_split_and_epoch_by_epoch(shown):
    counts = asked(shown, "confusions").arrays["counts"]
    label, split = shown.samples["label"].to_numpy(), shown.samples["split"].to_numpy()
    assert counts.shape == (2, len(shown), 3, 3)
    for place, frame in enumerate(shown):
        for row, name in enumerate(("train", "test")):
            for i in range(3):
                for j in range(3):
                    meant = (split == name) & (label == i) & (frame.predictions == j)
                    assert counts[row, place, i, j] == meant.sum()


def test_confusions_of_too_many_classes_are_left_out(shown, monkeypatch):
    monkeypatch.setattr("dvi_widget.widget.questions.landscapes._MAX_CONFUSIONS", 2 * len(shown) * 9 - 1)
    assert asked(shown, "confusions").arrays["counts"].shape == (2, 0, 3, 3)


def test_without_logits_a_history_knows_the_label_where_it_is_predicted():
    shown = landscape()
    arrays = asked(shown, "history", indices=list(range(40))).arrays
    label = shown.samples["label"].to_numpy()[:, None]
    right = arrays["predictions"] == label
    np.testing.assert_array_equal(arrays["own"][right], arrays["confidence"][right])
    assert np.isnan(arrays["own"][~right]).all()


@pytest.mark.feature("A13")
@pytest.mark.parametrize("group", [None, "train", "test", "flipped"])
def test_neighbours_come_from_the_group_nearest_first(shown, group):
    found = asked(shown, "neighbors", epoch=5, indices=[9, 35], k=4, group=group).arrays["neighbors"]
    table, x = shown.samples, shown.source.features(5)
    member = {
        None: np.ones(40, bool),
        "train": table["split"] == "train",
        "test": table["split"] == "test",
        "flipped": table["flipped"],
    }[group]
    for index, row in zip([9, 35], found, strict=True):
        others = [i for i in np.flatnonzero(member) if i != index]
        nearest = sorted(others, key=lambda i, index=index: np.linalg.norm(x[i] - x[index]))
        assert row.tolist() == nearest[:4]


def test_a_small_group_gives_the_neighbours_it_has(shown):
    shown.samples["flipped"] = np.arange(40) < 3
    found = asked(shown, "neighbors", epoch=0, indices=[1, 20], k=10, group="flipped").arrays["neighbors"]
    assert found.shape == (2, 2)
    shown.samples["flipped"] = np.arange(40) < 1
    with pytest.raises(RequestError, match="group must be one with other samples"):
        asked(shown, "neighbors", epoch=0, indices=[0], k=1, group="flipped")


@pytest.mark.feature("E5")
@pytest.mark.parametrize("block", [1, 100, 1 << 25])
def test_samples_with_similar_pixels_are_those_of_brute_force_nearest_first(shown, monkeypatch, block):
    monkeypatch.setattr("dvi_widget.widget.questions.samples._COMPARED_BYTES", block)
    scene = Scene([shown], shown.images)
    pixels = shown.images.reshape(40, -1).astype(float)
    for index in (0, 17, 39):
        far = np.linalg.norm(pixels - pixels[index], axis=1)
        others = [i for i in np.argsort(far, kind="stable") if i != index]
        found = ask(scene, "lookalikes", {"index": index, "k": 7}).arrays["indices"]
        assert found.tolist() == others[:7]
    assert len(ask(scene, "lookalikes", {"index": 3, "k": 100}).arrays["indices"]) == 39


def test_without_pictures_there_are_no_similar_pixels(shown):
    with pytest.raises(RequestError, match=r"no pictures to compare. Pass them: Explorer\("):
        ask(Scene([shown]), "lookalikes", {"index": 1, "k": 3})


def test_a_point_decodes_to_probabilities_and_the_nearest_recorded_samples(shown):
    points = shown.at(5).positions[[4, 7]]
    arrays = asked(shown, "decode", epoch=5, points=points.tolist()).arrays
    x = np.column_stack([points, [0, 0]])
    np.testing.assert_allclose(arrays["probabilities"], shown.source.classify(5, x), rtol=1e-5)
    far = np.linalg.norm(shown.source.features(5) - x[:, None], axis=2)
    np.testing.assert_array_equal(arrays["nearest"], np.argsort(far, axis=1)[:, :5])
    assert "pixels" not in arrays  # it decodes to representations


def numbers(written):
    """Numbers of a plotly figure: a list in older versions, bytes in newer ones."""
    if isinstance(written, list):
        return np.array(written)
    return np.frombuffer(base64.b64decode(written["bdata"]), written["dtype"])


def test_a_landscape_in_space_is_drawn_by_plotly_at_the_last_epoch_it_has(shown):
    solid = fitted(epochs=(0, 5))
    for frame, height in zip(solid, (1.0, 2.0), strict=True):
        frame.positions = np.column_stack([frame.positions, np.full(40, height)])
    scene = Scene([shown], shown.images, solid=solid)
    assert ask(scene, "hello", {}).result["solid"]
    for epoch, height in ((0, 1.0), (5, 2.0), (10, 2.0)):
        traces = json.loads(ask(scene, "solid", {"epoch": epoch}).result["figure"])["data"]
        assert {trace["type"] for trace in traces} == {"scatter3d"}
        assert set(np.concatenate([numbers(trace["z"]) for trace in traces])) == {height}
        assert sorted(point[0] for trace in traces for point in trace["customdata"]) == list(range(40))
    script = ask(scene, "plotly", {}).arrays["script"].tobytes().decode()
    assert "Plotly" in script
    assert len(script) > 1_000_000


@pytest.mark.feature("A18")
def test_a_recorded_run_is_laid_out_in_space(tmp_path):
    recorded.record(tmp_path / "run", epochs=(0, 3))
    run = dvi.Run(tmp_path / "run")
    flat = dvi.DVI().fit(run).landscape(resolution=20)
    solid = dvi.DVI(dimension=3).fit(run).landscape()
    scene = Scene([flat], flat.images, solid=solid)
    traces = json.loads(ask(scene, "solid", {"epoch": 3}).result["figure"])["data"]
    drawn = np.empty((len(run.samples), 3))
    for trace in traces:
        for axis, name in enumerate("xyz"):
            values = numbers(trace[name])
            drawn[[point[0] for point in trace["customdata"]], axis] = values
    np.testing.assert_array_equal(drawn, solid.at(3).positions)


def test_without_a_landscape_in_space_there_is_nothing_to_draw(shown):
    scene = Scene([shown])
    assert not ask(scene, "hello", {}).result["solid"]
    with pytest.raises(RequestError, match=r"No landscape has three dimensions. Pass one: Explorer\(flat"):
        ask(scene, "solid", {"epoch": 0})


@pytest.fixture(scope="module")
def bordered(tmp_path_factory):
    """A run with its network, and its landscape."""
    folder = tmp_path_factory.mktemp("borders") / "run"
    recorded.record(folder, epochs=(0, 3), boundary=0.3)
    run = dvi.Run(folder, model=recorded.network())
    return run, dvi.DVI(method="layout").fit(run).landscape(resolution=20)


def test_boundary_samples_lie_where_the_engine_places_them(bordered):
    run, shown = bordered
    scene = Scene([shown], shown.images)
    assert "borders" in ask(scene, "hello", {}).result["landscapes"][0]["services"]
    arrays = ask(scene, "boundary", {"landscape": 0, "epoch": 3}).arrays
    x = run.boundary(3)
    assert len(x) == 36
    x0, x1, y0, y1 = shown.extent
    shares = arrays["positions"] / 65535
    places = np.column_stack([x0 + shares[:, 0] * (x1 - x0), y0 + shares[:, 1] * (y1 - y0)])
    inside = np.clip(shown.source.place_boundary(3, x), (x0, y0), (x1, y1))
    np.testing.assert_allclose(places, inside, atol=1e-4 * (x1 - x0))
    p = np.sort(shown.source.classify(3, x), axis=1)
    chosen = np.take_along_axis(shown.source.classify(3, x), arrays["classes"].astype(int), axis=1)
    np.testing.assert_allclose(chosen, p[:, :-3:-1])


def test_what_was_mixed_gives_the_boundary_sample_back(bordered):
    run, shown = bordered
    scene = Scene([shown], shown.images)
    arrays = ask(scene, "mixtures", {"landscape": 0, "epoch": 3}).arrays
    weights = arrays["weights"].reshape(-1, 1, 1, 1)
    first, second = (shown.source.inputs(arrays["parents"][:, column]) for column in (0, 1))
    features, _ = run.subject(3).features_and_logits((1 - weights) * first + weights * second)
    np.testing.assert_allclose(features, run.boundary(3), atol=1e-3)
    assert (arrays["parents"] < run.n_train).all()
    assert (weights > 0).all()
    assert (weights <= 0.4).all()


def test_of_another_seed_or_without_the_network_nothing_is_said_to_be_mixed(tmp_path):
    recorded.record(tmp_path / "run", epochs=(0,), boundary=0.3, seed=5)
    question = {"landscape": 0, "epoch": 0}
    for model, says in ((recorded.network(), "not known which pictures were mixed"), (None, "model=network")):
        shown = dvi.DVI(method="layout").fit(dvi.Run(tmp_path / "run", model=model)).landscape(resolution=20)
        with pytest.raises(RequestError, match=says):
            ask(Scene([shown], shown.images), "mixtures", question)


def test_an_engine_without_boundary_samples_offers_none(shown):
    shown.source = None
    scene = Scene([shown])
    assert "borders" not in ask(scene, "hello", {}).result["landscapes"][0]["services"]
    with pytest.raises(RequestError, match="Boundary samples need an engine"):
        ask(scene, "boundary", ONE)


def test_what_decodes_to_inputs_shows_them_as_the_samples_are_shown():
    (x, y), *_ = recorded.samples(60)
    pictures = x[:, None] if x.ndim == 3 else x
    weight = np.random.default_rng(0).normal(size=(64, 3))

    def model(x):
        p = np.exp(x.reshape(len(x), -1) @ weight)
        return p / p.sum(axis=1, keepdims=True)

    shown = dvi.DeepView(model, n_neighbors=10, lam=1.0).fit(pictures, y=y % 3).landscape()
    scene = Scene([shown], shown.images)
    place = shown[0].positions[8].tolist()
    arrays = ask(scene, "decode", {"landscape": 0, "epoch": 0, "points": [place]}).arrays
    decoded = shown.source.decode(0, np.float32([place])).reshape(-1, 1, 8, 8)
    np.testing.assert_array_equal(
        arrays["pixels"], np.rint(np.clip(decoded * 255, 0, 255)).transpose(0, 2, 3, 1)
    )
    np.testing.assert_allclose(arrays["probabilities"], model(decoded), rtol=1e-4)


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """A landscape of digits whose network is known, with its pictures as the network takes them."""
    folder = tmp_path_factory.mktemp("known") / "run"
    recorded.record(folder, epochs=(0, 8))
    return dvi.DVI().fit(dvi.Run(folder, model=recorded.network())).landscape()


def sent(picture):
    """A picture [h, w] as a page sends it: grey as RGB."""
    pixels = np.repeat(picture[:, :, None], 3, axis=2)
    return {
        "height": picture.shape[0],
        "width": picture.shape[1],
        "pixels": base64.b64encode(pixels.tobytes()).decode(),
    }


@pytest.mark.feature("A8")
@pytest.mark.parametrize("scale", [1, 12])
def test_a_picture_of_ones_own_lies_where_the_network_sees_it(known, scale):
    scene = Scene([known], known.images)
    (x, y), _, _ = dvi.datasets.digits()
    right = 0
    for index in range(300, 330):
        larger = np.kron(x[index, 0], np.ones((scale, scale), np.uint8))
        arrays = ask(scene, "place_picture", {"landscape": 0, "epoch": 8, **sent(larger)}).arrays
        np.testing.assert_array_equal(arrays["pixels"][0, :, :, 0], x[index, 0])
        own = x[index : index + 1].astype("float32") / 255
        z = known.source.subject(8).predict(own)[0]
        np.testing.assert_allclose(arrays["probabilities"][0], np.exp(z) / np.exp(z).sum(), atol=1e-4)
        x0, x1, *_ = known.extent
        place = known.source.place(8, known.source.represent(8, own))[0]
        np.testing.assert_allclose(
            known.extent[::2] + arrays["position"][0] / 65535 * (x1 - x0), place, atol=1e-3 * (x1 - x0)
        )
        assert arrays["nearest"].shape == (1, 5)
        right += known.samples["label"].to_numpy()[arrays["nearest"][0, 0]] == y[index]
    assert right > 15, "the nearest recorded sample is of its class, for most"


def test_a_picture_that_is_none_gets_a_sentence(known, shown):
    scene = Scene([known], known.images)
    whole = {"landscape": 0, "epoch": 8, **sent(np.zeros((4, 3), np.uint8))}
    for change, sentence in (
        ({"height": 0}, "height must be a whole number from 1 to 512"),
        ({"width": 4}, "pixels must be 4 × 4 pixels of three bytes in base64; got"),
        ({"pixels": "é"}, "pixels must be"),
        ({"pixels": None}, "pixels must be"),
    ):
        with pytest.raises(RequestError, match=sentence):
            ask(scene, "place_picture", {**whole, **change})
    odd = Scene([known], np.roll(known.images, 3, axis=2))
    with pytest.raises(RequestError, match="no linear function of the network's inputs"):
        ask(odd, "place_picture", whole)
    with pytest.raises(RequestError, match="New pictures"):
        ask(Scene([shown], shown.images), "place_picture", {**whole, "epoch": 5})


@pytest.mark.feature("B10")
def test_a_place_of_a_run_is_imagined_by_the_autoencoder(known):
    (x, _), _, _ = dvi.datasets.digits()
    vae = dvi.VAE(latent_dim=8, epochs=60, seed=0).fit(x.astype("float32") / 255)
    scene = Scene([known], known.images, vae=vae)
    rows = np.arange(0, 160, 2)
    points = known.at(8).positions[rows].tolist()
    answer = ask(scene, "decode", {"landscape": 0, "epoch": 8, "points": points})
    assert answer.result["imagined"]
    pixels = answer.arrays["pixels"][:, :, :, 0].astype(float)
    assert pixels.shape == (80, 8, 8)
    # Nearer to the sample's own picture than to one of another sample, on the whole.
    own = known.images[rows, 0].astype(float)
    error = np.square(pixels[:, None] - own).mean(axis=(2, 3))
    assert np.diag(error).mean() < 0.75 * error.mean()
    # The network takes what is imagined for the class of the place more often than one in ten.
    said = known.source.subject(8).predict((pixels[:, None] / 255).astype("float32")).argmax(axis=1)
    assert (said == answer.arrays["probabilities"].argmax(axis=1)).mean() > 0.5
    bare = ask(Scene([known], known.images), "decode", {"landscape": 0, "epoch": 8, "points": points})
    assert not bare.result["imagined"]
    assert "pixels" not in bare.arrays


def test_crossings_are_told_in_order(shown):
    a, b = shown.at(5).positions[[4, 7]].tolist()
    told = asked(shown, "crossings", epoch=5, a=a, b=b).result["crossings"]
    table = shown.crossings(5, a, b)
    assert len(told) == len(table) > 0
    assert [crossing["after"] for crossing in told] == table["after"].tolist()
    np.testing.assert_allclose([crossing["t"] for crossing in told], table["t"], atol=1e-6)
    with pytest.raises(RequestError, match="a point near the canvas"):
        asked(shown, "crossings", epoch=5, a=a, b=[1e9, 0.0])


def test_trust_comes_in_bytes_with_the_value_of_the_highest(shown):
    answer = asked(shown, "trust", epoch=5)
    error = shown.trust(5)
    width = shown.extent[1] - shown.extent[0]
    high = answer.result["high"]
    assert high == pytest.approx(error.max() / width)
    assert answer.arrays["trust"].shape == (100, 100)
    np.testing.assert_allclose(answer.arrays["trust"] / 255 * high, error / width, atol=high / 255)


def test_lost_neighbours_come_in_bytes(shown):
    loss = asked(shown, "loss", epoch=5, k=5).arrays["loss"]
    np.testing.assert_allclose(loss / 255, shown.neighbor_loss(5, 5), atol=0.5 / 255)
    assert loss.max() > 0


def test_dynamics_and_lists_are_those_of_python_and_read_the_logits_once(shown):
    scene = Scene([shown])
    label = shown.samples["label"].to_numpy()
    logits = [shown.source.logits(epoch) for epoch in shown.epochs]
    shown.source.asked.clear()
    table = suggestions.training_dynamics(logits, label, shown.epochs)
    answer = ask(scene, "dynamics", {"landscape": 0})
    assert answer.result["columns"] == [name for name in table.columns if name != "label"]
    for name, values in zip(answer.columns, answer.values, strict=True):
        np.testing.assert_allclose(values, table[name].to_numpy(float, na_value=np.nan), rtol=1e-5)
    for told in ask(scene, "hello", {}).result["lists"]:
        assert told["definition"] == suggestions.DEFINITIONS[told["name"]]
        found = ask(scene, "list", {"landscape": 0, "name": told["name"]})
        expected = suggestions.ranked(table, told["name"])
        measure = found.result["measure"]
        np.testing.assert_array_equal(found.arrays["indices"], expected.index)
        np.testing.assert_allclose(found.arrays["values"], expected[measure].to_numpy(float), rtol=1e-5)
    assert shown.source.asked == [0, 5, 10]


def test_measures_come_as_rows_of_json(shown):
    answer = asked(shown, "measures")
    table = shown.measures()
    assert answer.result["samples"] == 40
    rows = pd.DataFrame(answer.result["rows"])
    pd.testing.assert_frame_equal(rows.astype(table.dtypes.to_dict()), table)
    assert any(row["epoch"] is None for row in answer.result["rows"])


def test_the_introduction_tells_what_each_landscape_answers_and_recorded():
    shown = fitted()
    shown.scalars["loss"] = [0.5, np.nan, 0.1]
    shown.scalars["train_accuracy"] = 1.0
    first, second = ask(Scene([shown, landscape()]), "hello", {}).result["landscapes"]
    assert {"decode", "classify", "logits", "neighbors", "dynamics"} <= set(first["services"])
    assert first["scalars"] == {"loss": [0.5, None, 0.1]}
    assert (second["services"], second["scalars"]) == (["paint", "table"], {})


def test_a_recorded_run_tells_its_scalars_and_answers_everything(tmp_path):
    recorded.record(tmp_path / "run", epochs=(0, 3))
    run = dvi.Run(tmp_path / "run")
    shown = dvi.DVI(method="layout").fit(run).landscape(resolution=20)
    scene = Scene([shown], shown.images)
    (outline,) = ask(scene, "hello", {}).result["landscapes"]
    assert outline["scalars"] == {"loss": run.scalars["loss"].tolist()}
    place = shown.at(3).positions[5].tolist()
    decoded = ask(scene, "decode", {"landscape": 0, "epoch": 3, "points": [place]}).arrays
    kind, sure, _ = shown.source.paint(3, np.float32([place]))
    assert decoded["probabilities"][0].argmax() == kind[0]
    assert decoded["probabilities"][0].max() == pytest.approx(sure[0], abs=1e-4)
    assert decoded["nearest"].shape == (1, 5)
    history = ask(scene, "history", {"landscape": 0, "indices": [5]}).arrays
    z = run.logits(3, "all")[5].astype(float)
    assert history["own"][0, 1] == pytest.approx(np.exp(z)[run.samples.label[5]] / np.exp(z).sum(), abs=1e-5)
    near = ask(
        scene, "neighbors", {"landscape": 0, "epoch": 3, "indices": [5], "k": 3, "group": "test"}
    ).arrays["neighbors"]
    assert (near >= run.n_train).all()


ONE = {"landscape": 0, "epoch": 0}


class Untouchable:
    """An engine that has its methods and must not be asked."""

    def __init__(self, engine):
        for name in dir(engine):
            if not name.startswith("_") and callable(getattr(engine, name)):
                setattr(self, name, self._refuse)

    def _refuse(self, *_, **__):
        pytest.fail("The engine was asked.")


@pytest.mark.parametrize(
    ("op", "args", "says"),
    [
        ("probabilities", {**ONE, "indices": [40]}, "got 40 in it"),
        ("probabilities", {**ONE, "indices": [0] * (MAX_ANSWER_BYTES // 12 + 1)}, "Ask for fewer at a time"),
        ("history", {"landscape": 0, "indices": {}}, "must be a list of samples"),
        ("history", {"landscape": 2, "indices": []}, "number of a landscape, 0; got 2"),
        ("neighbors", {**ONE, "indices": [1], "k": 0, "group": None}, f"from 1 to {MAX_NEIGHBORS}"),
        ("neighbors", {**ONE, "indices": [1], "k": 101, "group": None}, f"from 1 to {MAX_NEIGHBORS}"),
        (
            "neighbors",
            {**ONE, "indices": [1], "k": 3, "group": "odd"},
            "group must be 'train' or 'test' or 'flipped'; got 'odd'",
        ),
        ("neighbors", {**ONE, "indices": [1], "k": 3, "group": ["train"]}, "got \\['train'\\]"),
        ("decode", {**ONE, "points": []}, f"list of 1 to {MAX_POINTS} points"),
        (
            "decode",
            {**ONE, "points": [[0, 0]] * (MAX_POINTS + 1)},
            f"{MAX_POINTS} points; got 257",
        ),
        ("decode", {**ONE, "points": [[0]]}, "a pair of numbers"),
        ("decode", {**ONE, "points": [["0", 0]]}, "a pair of numbers"),
        ("decode", {**ONE, "points": [[float("nan"), 0]]}, "near the canvas"),
        ("decode", {**ONE, "points": [[0, float("inf")]]}, "near the canvas"),
        ("decode", {**ONE, "points": [[10**400, 0]]}, "near the canvas"),
        ("trust", {"landscape": 0, "epoch": 1}, "a recorded epoch, one of 0, 5, 10; got 1"),
        ("loss", {**ONE, "k": 30}, "k must be at most 29"),
        ("loss", {**ONE, "k": 1.0}, "whole number"),
        ("list", {"landscape": 0, "name": "odd"}, "name must be 'likely mislabelled' or .*; got 'odd'"),
        ("dynamics", {}, "come with landscape"),
        ("measures", {"landscape": None}, "got None"),
    ],
)
def test_what_makes_no_sense_is_a_sentence_before_any_work(shown, op, args, says):
    shown.source = Untouchable(shown.source)
    with pytest.raises(RequestError, match=says):
        ask(Scene([shown]), op, args)


@pytest.mark.parametrize(
    ("op", "args"),
    [
        ("probabilities", {**ONE, "indices": [1]}),
        ("neighbors", {**ONE, "indices": [1], "k": 3, "group": None}),
        ("decode", {**ONE, "points": [[0, 0]]}),
        ("trust", ONE),
        ("loss", {**ONE, "k": 5}),
        ("list", {"landscape": 0, "name": "forgotten"}),
        ("dynamics", {"landscape": 0}),
        ("measures", {"landscape": 0}),
    ],
)
def test_a_landscape_without_an_engine_says_what_to_show(op, args):
    with pytest.raises(RequestError, match=r"DVI\(\)\.fit\(run\)\.landscape\(\)"):
        ask(Scene([landscape()]), op, args)


def test_of_one_epoch_there_are_no_dynamics():
    shown = fitted(epochs=(3,))
    (outline,) = ask(Scene([shown]), "hello", {}).result["landscapes"]
    assert "dynamics" not in outline["services"]
    with pytest.raises(RequestError, match="at least two epochs"):
        asked(shown, "list", name="forgotten")


def test_work_that_is_stopped_keeps_nothing_and_can_be_asked_for_again(shown):
    scene = Scene([shown])

    def stop(fraction, text, so_far=None):
        assert text
        if fraction > 0:
            raise KeyboardInterrupt

    for op, args in (
        ("trust", ONE),
        ("loss", {**ONE, "k": 5}),
        ("measures", {"landscape": 0}),
        ("dynamics", {"landscape": 0}),
    ):
        with pytest.raises(KeyboardInterrupt):
            ask(scene, op, args, stop)
        assert scene.answers.items() == []
    assert ask(scene, "trust", ONE) is ask(scene, "trust", ONE)


@given(st.lists(st.integers(0, 39), max_size=10))
def test_samples_are_answered_in_the_order_asked_for_repeats_included(indices):
    shown = fitted()
    p = asked(shown, "probabilities", epoch=0, indices=indices).arrays["probabilities"]
    every = asked(shown, "probabilities", epoch=0, indices=list(range(40))).arrays["probabilities"]
    np.testing.assert_array_equal(p, every[indices])


def test_files_of_logits_are_opened_once_and_not_without_end(shown, tmp_path):
    logits, opened = {epoch: shown.source.logits(epoch) for epoch in shown.epochs}, []

    def from_file(epoch):
        opened.append(epoch)
        np.save(tmp_path / f"{epoch}.npy", logits[epoch])
        return np.load(tmp_path / f"{epoch}.npy", mmap_mode="r")

    shown.source.logits = from_file
    scene = Scene([shown])
    first, again = (ask(scene, "history", {"landscape": 0, "indices": [3]}) for _ in range(2))
    ask(scene, "probabilities", {"landscape": 0, "epoch": 5, "indices": [3]})
    np.testing.assert_array_equal(first.own, again.own)
    assert opened == [0, 5, 10]
    assert open_logits.cache_info().currsize <= open_logits.cache_info().maxsize == 100


def test_two_landscapes_of_one_engine_are_named_by_the_folders_of_their_runs():
    both = fitted(), fitted()
    both[0].source.folder, both[1].source.folder = Path("runs/plain"), Path("runs/augmented")
    told = ask(Scene(both), "hello", {}).result["landscapes"]
    assert [outline["name"] for outline in told] == ["plain", "augmented"]
    both[1].source.folder = Path("elsewhere/plain")
    assert Scene(both).names == [both[0].name] * 2
    assert Scene(both[:1]).names == [both[0].name]


def test_a_table_becomes_a_parquet_file_with_names_and_tags(monkeypatch):
    shown = landscape(classes=["cat", "dog", "owl"])
    shown.samples["place"] = [f"room {i}" for i in range(len(shown.samples))]
    scene = Scene([shown])
    args = {"landscape": 0, "epoch": 5, "indices": [7, 0, 3], "tags": {"odd": [3, 7], "first": [0, 7]}}
    monkeypatch.setattr(tables, "find_spec", lambda _: None)
    with pytest.raises(
        RequestError, match=r"Parquet needs pyarrow, which is not installed: run %pip install"
    ):
        ask(scene, "parquet", args)
    monkeypatch.setattr(tables, "find_spec", lambda _: object())
    written = []

    def to_parquet(table, file, index):
        assert not index
        written.append(table)
        file.write(b"PAR1")

    monkeypatch.setattr(pd.DataFrame, "to_parquet", to_parquet)
    assert ask(scene, "parquet", args).file.tobytes() == b"PAR1"
    (table,) = written
    label = shown.samples["label"].to_numpy()[[7, 0, 3]]
    assert table["index"].tolist() == [7, 0, 3]
    assert table["label"].fillna("").tolist() == [shown.classes[i] if i >= 0 else "" for i in label]
    assert table["prediction"].tolist() == [shown.classes[i] for i in shown.at(5).predictions[[7, 0, 3]]]
    assert table["place"].tolist() == ["room 7", "room 0", "room 3"]
    assert table["tags"].tolist() == ["odd; first", "first", "odd"]

    def fail(*_, **__):
        raise TypeError("a cell holds a cat")

    monkeypatch.setattr(pd.DataFrame, "to_parquet", fail)
    with pytest.raises(RequestError, match=r"a cell holds a cat\. Save it as CSV instead\."):
        ask(scene, "parquet", args)
    with pytest.raises(RequestError, match="tags must be lists of samples' numbers by name"):
        ask(scene, "parquet", {**args, "tags": [1]})
