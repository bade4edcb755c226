"""What the page asks about models: attributions, layers, agreement, answered or refused with a sentence."""

import contextlib
import json
import re
import threading

import numpy as np
import pandas as pd
import pytest
import torch
from conforming import ask
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from torch import nn
from waiting import WAIT_S

import dvi_widget as dvi
from dvi_widget.landscape import Landscape
from dvi_widget.widget.conversation import Conversation
from dvi_widget.widget.html import write_page
from dvi_widget.widget.models import RECORDED_NETWORK
from dvi_widget.widget.questions.models import check_models
from dvi_widget.widget.questions.predictions import SETTINGS, check_vae
from dvi_widget.widget.request import key
from dvi_widget.widget.scene import Scene
from dvi_widget.widget.wire import RequestError

N, CLASSES = 24, 3


def network(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, CLASSES)
    ).eval()


class Inputs:
    """A source that knows what the models take."""

    def __init__(self, x, model=None):
        self.x = x
        if model is not None:
            self.subject = lambda epoch: model if epoch == 0 else network(epoch)

    def inputs(self, indices):
        return self.x[indices]


def explained(model, picture, target):
    return dvi.attribute(model, picture, target, "gradient").values[0]  # noqa: PD011 - not pandas'


def shown(source=None, epochs=(0, 5)):
    rng = np.random.default_rng(0)
    labels = np.arange(N) % CLASSES
    labels[0] = -1
    samples = pd.DataFrame({"split": ["train"] * 16 + ["test"] * 8, "label": labels})
    return Landscape(
        epochs,
        [rng.normal(size=(N, 2)) for _ in epochs],
        [rng.integers(0, CLASSES, N) for _ in epochs],
        [np.full(N, 0.9) for _ in epochs],
        classes=["a", "b", "c"],
        samples=samples,
        source=source,
    )


PICTURES = np.random.default_rng(1).random((N, 1, 8, 8), np.float32)


def scene(models=None, source=None, images=None, vae=None):
    landscape = shown(Inputs(PICTURES) if source is None else source)
    return Scene([landscape], images, models=models, vae=vae)


@pytest.fixture
def two():
    return scene({"first": network(1), "second": network(2)})


@pytest.mark.feature("D1")
def test_a_page_is_told_of_the_models_and_what_they_are_made_of(two):
    assert ask(two, "hello", {}).result["models"] == [
        {"name": "first", "recorded": False},
        {"name": "second", "recorded": False},
    ]
    told = ask(two, "inspect", {"model": 1, "epoch": 0}).result
    assert [layer["name"] for layer in told["layers"]] == ["0", "1", "2", "3", "4"]
    assert told["layers"][0] == {
        "name": "0", "type": "Conv2d", "shape": [4, 6, 6], "units": 4, "convolution": True,
    }  # fmt: skip
    assert told["last_convolution"] == "0"
    assert {method["name"] for method in told["methods"] if not method["unsupported"]} >= {"gradient", "lime"}


@pytest.mark.parametrize("op", ["glance", "attribute"])
def test_an_attribution_is_the_engines_own(two, op):
    request = {
        "model": 0,
        "epoch": 5,
        "index": 7,
        "method": "gradient",
        "parameters": {},
        "target": 2,
        "against": None,
    }
    answer = ask(two, op, request)
    maps = dvi.attribute(network(1), PICTURES[7:8], 2, "gradient", likeness=True)
    np.testing.assert_allclose(answer.arrays["values"], explained(network(1), PICTURES[7:8], 2), rtol=1e-5)
    assert answer.result["target"] == 2
    assert answer.result["prediction"] == maps.predictions[0]
    assert answer.result["likeness"] == pytest.approx(float(maps.likeness[0]), abs=1e-5)
    assert answer.result["error"] is None
    assert sum(p for _, p in answer.result["top"]) == pytest.approx(1, abs=1e-5)


def test_an_attribution_against_a_class_is_the_engines_own(two):
    request = {
        "model": 0, "epoch": 5, "index": 7, "method": "gradient", "parameters": {}, "target": 2, "against": 0,
    }  # fmt: skip
    answer = ask(two, "glance", request)
    expected = explained(network(1), PICTURES[7:8], 2) - explained(network(1), PICTURES[7:8], 0)
    np.testing.assert_allclose(answer.arrays["values"], expected, rtol=1e-4, atol=1e-6)
    assert answer.result["likeness"] is None


def test_a_map_tells_how_complete_it_is(two):
    request = {
        "model": 0, "epoch": 5, "index": 3, "method": "integrated_gradients",
        "parameters": {"steps": 1}, "target": None, "against": None,
    }  # fmt: skip
    rough = ask(two, "attribute", request).result
    assert rough["completeness"].endswith(".")
    assert rough["flagged"] == (rough["error"] > 0.05)
    contrast = ask(two, "attribute", request | {"target": 1, "against": 0}).result
    assert "the difference between both logits" in contrast["completeness"]
    fine = ask(two, "attribute", request | {"parameters": {"steps": 200}}).result
    assert fine["error"] < rough["error"]
    with pytest.raises(RequestError, match="Use attribute"):
        ask(two, "glance", request)


def test_the_recorded_network_has_the_weights_of_the_epoch_asked_about():
    own = scene(source=Inputs(PICTURES, network(0)))
    assert ask(own, "hello", {}).result["models"] == [{"name": RECORDED_NETWORK, "recorded": True}]
    request = {"model": 0, "index": 1, "method": "gradient", "parameters": {}, "target": 0, "against": None}
    maps = [ask(own, "glance", request | {"epoch": epoch}).arrays["values"] for epoch in (0, 5)]
    for found, model in zip(maps, (network(0), network(5)), strict=True):
        np.testing.assert_allclose(found, explained(model, PICTURES[1:2], 0), rtol=1e-5)


def test_without_recorded_inputs_the_models_get_the_pictures():
    images = np.rint(PICTURES * 255).astype(np.uint8)
    seen = scene({"one": network(1)}, source=object(), images=images)
    request = {
        "model": 0,
        "epoch": 0,
        "index": 1,
        "method": "gradient",
        "parameters": {},
        "target": 0,
        "against": None,
    }
    expected = explained(network(1), images[1:2].astype(np.float32) / 255, 0)
    np.testing.assert_allclose(ask(seen, "glance", request).arrays["values"], expected, rtol=1e-5)


@pytest.mark.parametrize("labels", [["c", "a", "b"], ["b", "c"], [2, 0], [0, 1, 2]])
def test_the_classes_of_a_scikit_learn_model_are_told_by_its_labels(labels):
    y = np.asarray(labels)[np.arange(N) % len(labels)]
    model = LogisticRegression().fit(PICTURES.reshape(N, -1), y)
    seen = scene({"numbers": model, "network": network(1)})
    found = ask(seen, "agreement", {"epoch": 0}).arrays["predictions"][0]
    wanted = model.predict(PICTURES.reshape(N, -1))
    np.testing.assert_array_equal(
        np.array(["a", "b", "c"])[found],
        [name if isinstance(name, str) else "abc"[name] for name in wanted.tolist()],
    )


def test_values_that_cannot_be_drawn_are_said_beside_the_verdict():
    vae = dvi.VAE(3, epochs=2, hidden=(16,)).fit(PICTURES)
    beyond = PICTURES.copy()
    beyond[3, 0, :4] += 0.4  # brighter than any picture of the training
    said = []
    for x in (PICTURES, beyond):
        seen = scene({"first": network(1)}, source=Inputs(x), vae=vae)
        said.append(ask(seen, "student", STUDENT | {"index": 3}).result["verdict"])
    assert "outside" not in said[0]
    assert re.search(r"\d\.\d% of the neighbours' values lie outside 0 to 1", said[1])


@pytest.mark.parametrize(("trained", "asked"), [(255, 1), (1, 255)])
def test_an_autoencoder_of_the_other_scale_explains_the_same(trained, asked):
    images = np.rint(PICTURES * 255).astype(np.uint8)
    own, other = (images if scale == 255 else images.astype(np.float32) / 255 for scale in (trained, asked))
    vae = dvi.VAE(2, epochs=2, hidden=(8,)).fit(own)
    seen = scene({"one": network(1)}, source=Inputs(other.astype(np.float32)), vae=vae)
    check_vae(seen)
    assert seen.vae.limits_ == (0, asked)
    assert vae.limits_ == (0, trained)
    found = ask(seen, "latent", {"index": 3})
    np.testing.assert_allclose(found.arrays["latent"], vae.encode(own[3:4])[0], atol=1e-5)
    decoded = vae.decode(vae.encode(own[3:4]))[0, 0] / trained * 255
    np.testing.assert_allclose(found.arrays["pixels"][0, ..., 0], decoded, atol=1)


def test_what_is_no_classifier_is_refused_by_its_name():
    with pytest.raises(
        TypeError, match=r"models must hold classifiers; 'a' is none: model must be .*got int"
    ):
        check_models({"a": 3})


def test_a_model_of_other_pictures_is_named_when_it_is_asked():
    larger = scene({"larger": nn.Sequential(nn.Flatten(), nn.Linear(9, 3))})
    with pytest.raises(RequestError, match=r"larger: .*samples of shape \(1, 8, 8\)"):
        ask(larger, "inspect", {"model": 0, "epoch": 0})


def test_layers_are_shown_unit_by_unit(two):
    at = {"model": 0, "epoch": 0, "layer": "0"}
    tiles = ask(two, "filters", at)
    assert tiles.arrays["pixels"].shape == (4, 3, 3, 1)
    assert tiles.result == {"units": 4, "channels": 1, "whole": True}
    maps = ask(two, "activations", at | {"index": 5})
    direct = dvi.activations(network(1), "0", PICTURES[5:6])[0]
    assert maps.arrays["maps"].shape == (4, 6, 6)
    np.testing.assert_allclose(maps.arrays["highest"], direct.max((1, 2)), rtol=1e-5)
    for unit, highest in zip(maps.arrays["maps"], direct.max((1, 2)), strict=True):
        assert unit.max() == (255 if highest > 0 else 0)
    assert ask(two, "activations", at | {"layer": "4", "index": 5}).arrays["maps"].shape == (3, 1, 1)


def test_patches_and_neighbours_name_samples(two):
    at = {"model": 0, "epoch": 0, "layer": "0"}
    best = ask(two, "patches", at | {"unit": 1, "k": 3})
    highest = dvi.activations(network(1), "0", PICTURES)[:, 1].max((1, 2))
    assert best.arrays["indices"].tolist() == np.argsort(-highest, kind="stable")[:3].tolist()
    assert best.arrays["boxes"].shape == (3, 4)
    assert best.arrays["reconstructions"].shape == (3, 8, 8)
    assert best.result["searched"] == N
    near = ask(two, "alike", at | {"layer": "4", "index": 2, "k": 4})
    assert 2 not in near.arrays["indices"]
    assert (near.arrays["indices"] < 16).all()
    assert (np.diff(near.arrays["distances"]) >= 0).all()


@pytest.mark.feature("D6")
def test_numbers_for_histograms_come_sample_by_sample(two):
    request = {"model": 0, "epoch": 0, "layer": None, "unit": None}
    wrong = ask(two, "histogram", request).arrays["values"]
    assert np.isnan(wrong[0])
    with torch.no_grad():
        p = network(1)(torch.from_numpy(PICTURES)).softmax(1).numpy()
    labels = np.arange(N) % CLASSES
    np.testing.assert_allclose(wrong[1:], p[np.arange(1, N), labels[1:]] - 1, atol=1e-5)
    excited = ask(two, "histogram", request | {"layer": "0", "unit": 2})
    assert excited.result["name"].startswith("highest activation of 0")
    np.testing.assert_allclose(
        excited.arrays["values"], dvi.activations(network(1), "0", PICTURES)[:, 2].max((1, 2)), rtol=1e-5
    )


@pytest.mark.feature("D5")
def test_models_are_compared_over_all_samples(two):
    found = ask(two, "agreement", {"epoch": 0})
    with torch.no_grad():
        p = [network(seed)(torch.from_numpy(PICTURES)).softmax(1).numpy() for seed in (1, 2)]
    said = np.stack([one.argmax(1) for one in p])
    np.testing.assert_array_equal(found.arrays["predictions"], said)
    np.testing.assert_array_equal(found.arrays["classes"], 1 + (said[0] != said[1]))
    np.testing.assert_allclose(found.arrays["score"], (p[0].max(1) + p[1].max(1)) / 2, atol=1e-5)
    assert found.arrays["quadrant"].max() < len(found.result["quadrants"]) == 4
    with pytest.raises(RequestError, match="at least two; there is one"):
        ask(scene({"one": network(1)}), "agreement", {"epoch": 0})


def test_pictures_explained_alike_are_grouped(two):
    request = {"model": 0, "epoch": 0, "method": "gradient", "parameters": {}}
    found = ask(two, "clusters", request | {"indices": list(range(4, 20))})
    assert found.arrays["indices"].tolist() == list(range(4, 20))
    assert len(found.arrays["prototypes"]) == found.arrays["cluster"].max() + 1
    with pytest.raises(RequestError, match="indices must be 4 to 2000 samples"):
        ask(two, "clusters", request | {"indices": [1, 2]})


@pytest.mark.parametrize(
    ("op", "args", "says"),
    [
        ("inspect", {"model": 2, "epoch": 0}, "model must be the number of a model, from 0 to 1; got 2"),
        ("inspect", {"model": 0, "epoch": 1}, "a recorded epoch, one of 0, 5; got 1"),
        ("filters", {"model": 0, "epoch": 0, "layer": "9"}, "first: layer must be"),
        ("filters", {"model": 0, "epoch": 0, "layer": 3}, "layer must be a text"),
        (
            "activations",
            {"model": 0, "epoch": 0, "layer": "0", "index": N},
            f"number of a sample, .*; got {N}",
        ),
        ("patches", {"model": 0, "epoch": 0, "layer": "0", "unit": 9, "k": 3}, r"units must lie in 0\.\.3"),
        ("patches", {"model": 0, "epoch": 0, "layer": "0", "unit": 0, "k": 0}, "from 1 to 64"),
        ("histogram", {"model": 0, "epoch": 0, "layer": "0", "unit": 9}, r"must be in 0\.\.3"),
    ],
)
def test_what_makes_no_sense_gets_a_sentence(two, op, args, says):
    with pytest.raises(RequestError, match=says):
        ask(two, op, args)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"method": "magic"}, "method must be one of gradient, .*; got 'magic'"),
        ({"target": 3}, "target must be the number of a class, from 0 to 2; got 3"),
        ({"against": 3}, "against must be the number of a class, from 0 to 2; got 3"),
        ({"target": 1, "against": 1}, "against must be another class than the one explained; got 1"),
        ({"method": "lime", "against": 1}, "against must be None for lime; got 1"),
        ({"parameters": {"steps": 3}}, "gradient takes no parameters; got steps"),
        ({"parameters": []}, "values by name"),
        ({"index": True}, "got True"),
    ],
)
def test_a_senseless_attribution_gets_a_sentence(two, change, says):
    request = {
        "model": 0,
        "epoch": 0,
        "index": 0,
        "method": "gradient",
        "parameters": {},
        "target": None,
        "against": None,
    }
    with pytest.raises(RequestError, match=says):
        ask(two, "attribute", request | change)


def test_what_is_no_picture_is_not_looked_into():
    flat = scene({"one": network(1)}, source=Inputs(PICTURES.reshape(N, -1)))
    assert ask(flat, "hello", {}).result["models"] == []


def test_without_models_or_inputs_the_page_is_told_what_to_pass():
    landscape = shown()
    for models in (None, {"one": network(1)}):
        bare = Scene([landscape], models=models)
        assert ask(bare, "hello", {}).result["models"] == []
        with pytest.raises(RequestError, match=r"models=\{'mine': model\}"):
            ask(bare, "inspect", {"model": 0, "epoch": 0})
    with pytest.raises(TypeError, match="models must be a mapping"):
        check_models([network(1)])


numbers = st.integers(-2, 30) | st.sampled_from([None, True, "1", 2**40])
arguments = {
    "model": st.integers(0, 1) | numbers,
    "epoch": st.sampled_from([0, 5]) | numbers,
    "index": st.integers(0, N - 1) | numbers,
    "indices": st.lists(st.integers(0, N - 1), max_size=8),
    "unit": st.none() | st.integers(0, 5) | numbers,
    "k": st.integers(1, 5) | numbers,
    "layer": st.none() | st.sampled_from(["0", "2", "4", "", "nowhere"]),
    "method": st.sampled_from(["gradient", "grad_cam", "nothing"]),
    "parameters": st.sampled_from([{}, {"relu": False}, {"layer": "0"}, {"layer": 3}, {"x": 1}, None]),
    "target": st.none() | numbers,
    "against": st.none() | numbers,
}
NEEDED = {
    "inspect": ("model", "epoch"),
    "glance": ("model", "epoch", "index", "method", "parameters", "target", "against"),
    "filters": ("model", "epoch", "layer"),
    "activations": ("model", "epoch", "layer", "index"),
    "patches": ("model", "epoch", "layer", "unit", "k"),
    "alike": ("model", "epoch", "layer", "index", "k"),
    "histogram": ("model", "epoch", "layer", "unit"),
    "clusters": ("model", "epoch", "indices", "method", "parameters"),
}


@given(
    st.sampled_from(sorted(NEEDED)).flatmap(
        lambda op: st.tuples(
            st.just(op), st.fixed_dictionaries({name: arguments[name] for name in NEEDED[op]})
        )
    )
)
@settings(max_examples=120)
def test_whatever_is_asked_of_a_model_is_answered_or_refused(request_):
    asked = scene({"first": network(1), "second": network(2)})
    with contextlib.suppress(RequestError):
        ask(asked, *request_)


def test_a_conversation_about_a_model_ends_with_its_answer(two):
    said, ended = [], threading.Event()

    def send(content, buffers):
        said.append(content)
        if "ok" in content:
            ended.set()

    args = {
        "model": 0,
        "epoch": 0,
        "index": 0,
        "method": "occlusion",
        "parameters": {},
        "target": None,
        "against": None,
    }
    Conversation(two, send).receive({"id": 1, "op": "attribute", "args": args})
    assert ended.wait(WAIT_S)
    assert said[-1]["ok"], said[-1]
    assert any("progress" in content for content in said)


def test_an_exported_page_takes_along_what_the_models_were_asked(two, tmp_path):
    asked = {
        "model": 0,
        "epoch": 0,
        "index": 2,
        "method": "gradient",
        "parameters": {},
        "target": None,
        "against": None,
    }
    ended = threading.Event()
    Conversation(two, lambda content, _: "ok" in content and ended.set()).receive(
        {"id": 1, "op": "glance", "args": asked}
    )
    assert ended.wait(WAIT_S)
    text = write_page(tmp_path / "page.html", two, {}, "").read_text()
    manifest = json.loads(text.split('data-dvi="manifest">')[1].split("</script>")[0])
    recorded = manifest["answers"][key("glance", asked)]
    assert recorded["result"]["target"] == ask(two, "glance", asked).result["target"]
    assert len(manifest["answers"]["hello {}"]["result"]["models"]) == 2
    fresh = scene({"first": network(1)})
    text = write_page(tmp_path / "other.html", fresh, {}, "").read_text()
    manifest = json.loads(text.split('data-dvi="manifest">')[1].split("</script>")[0])
    assert manifest["answers"]["hello {}"]["result"]["models"] == []


@pytest.fixture(scope="module")
def vae():
    return dvi.VAE(latent_dim=3, epochs=2, hidden=(16,)).fit(PICTURES)


@pytest.fixture
def around(vae):
    return scene({"first": network(1), "second": network(2)}, vae=vae)


STUDENT = {
    "model": 0, "epoch": 0, "index": 2, "other": None, "latent": None, "bounds": None, "settings": {"n": 64},
}  # fmt: skip


def test_a_picture_is_taken_apart_and_put_together(around, vae):
    told = ask(around, "hello", {}).result["vae"]
    np.testing.assert_allclose(told["ranges"], vae.ranges_, rtol=1e-6)
    seen = ask(around, "latent", {"index": 4}).arrays
    np.testing.assert_allclose(seen["latent"], vae.encode(PICTURES[4:5])[0], rtol=1e-5)
    again = ask(around, "unfold", {"latent": seen["latent"].tolist()}).arrays["pixels"]
    assert again.shape == (1, 8, 8, 1)
    np.testing.assert_array_equal(again, seen["pixels"])


def test_a_student_is_the_engines_own(around, vae):
    found = ask(around, "student", STUDENT)
    neighbors = dvi.Neighbors(vae, n=64, pictures=PICTURES[:16]).sample(PICTURES[2])
    student = dvi.LinearStudent().fit(neighbors, network(1))
    fidelity = student.fidelity(classes=["a", "b", "c"])
    unknown = np.broadcast_to(~student.varied_.any(0), (CLASSES, 8, 8))
    for name, maps in (("weights", student.weights()), ("weighted", student.weighted())):
        expected = np.where(unknown, np.nan, maps.sum(1))
        np.testing.assert_allclose(found.arrays[name], expected, atol=1e-5)
    np.testing.assert_allclose(found.arrays["teacher"], fidelity.teacher, atol=1e-5)
    assert found.result["verdict"] == fidelity.verdict
    assert found.result["kl"] == pytest.approx(fidelity.kl, rel=1e-3)
    assert found.arrays["pixels"].shape == (64, 8, 8, 1)
    assert found.arrays["latents"].shape == (64, 3)
    assert found.arrays["probabilities"].shape == (64, CLASSES)
    np.testing.assert_array_equal(
        found.arrays["classes"], found.arrays["probabilities"].argmax(1), "neighbours stand in their row"
    )


@pytest.mark.feature("C6")
def test_a_dragged_value_and_a_brushed_band_move_the_neighbours(around, vae):
    z = vae.encode(PICTURES[2:3])[0] + 1
    moved = ask(around, "student", STUDENT | {"latent": z.tolist()}).arrays["bounds"]
    np.testing.assert_allclose(moved.mean(1), z, atol=1e-5)
    bounds = [[-1, 1], [0, 0], [0.5, 2]]
    brushed = ask(around, "student", STUDENT | {"bounds": bounds}).arrays
    np.testing.assert_allclose(brushed["bounds"], bounds)
    assert (brushed["latents"][:, 1] == 0).all()


@pytest.mark.feature("C9")
def test_a_morph_ends_at_the_two_pictures(around):
    pixels = ask(around, "student", STUDENT | {"other": 9}).arrays["pixels"]
    ends = np.rint(PICTURES[[2, 9]] * 255).astype(np.uint8).transpose(0, 2, 3, 1)
    np.testing.assert_allclose(pixels[[0, -1]].astype(int), ends.astype(int), atol=1)


@pytest.mark.feature("C9")
def test_a_morph_tells_both_latent_vectors_and_what_the_weights_make_of_both_pictures(around):
    arrays = ask(around, "student", STUDENT | {"other": 9}).arrays
    np.testing.assert_allclose(arrays["ends"], around.vae.encode(PICTURES[[2, 9]]), atol=1e-5)
    # One set of weights, times either picture.
    inked = (PICTURES[2, 0] > 0.1) & (PICTURES[9, 0] > 0.1)
    own, other = (
        arrays[name][:, inked] / PICTURES[i, 0][inked] for name, i in (("weighted", 2), ("weighted_other", 9))
    )
    np.testing.assert_allclose(own, other, atol=1e-4)
    assert not np.allclose(arrays["weighted"], arrays["weighted_other"], rtol=0.1, atol=0, equal_nan=True)
    alone = ask(around, "student", STUDENT).arrays
    assert "ends" not in alone
    assert "weighted_other" not in alone


@pytest.mark.feature("C10")
def test_every_setting_is_heeded(around):
    plain = ask(around, "student", STUDENT).arrays
    changes = {
        "band": 0.6, "n": 32, "how": "line", "anchored": False, "method": "descent",
        "regularization": 5.0, "smoothness": 0.0, "seed": 3,
    }  # fmt: skip
    for name, value in changes.items():
        other = ask(around, "student", STUDENT | {"settings": {"n": 64, name: value}}).arrays
        assert not np.allclose(other["weights"], plain["weights"], atol=1e-6), name
    descent = {"n": 64, "method": "descent"}
    base = ask(around, "student", STUDENT | {"settings": descent}).arrays["weights"]
    learning = {
        "temperature": 1.0, "epochs": 2, "initializer": "zeros", "optimizer": "adam", "learning_rate": 0.05,
        "batch_size": 16,
    }  # fmt: skip
    for name, value in learning.items():
        other = ask(around, "student", STUDENT | {"settings": descent | {name: value}}).arrays["weights"]
        assert not np.allclose(other, base, atol=1e-6), name
    real = ask(around, "student", STUDENT | {"settings": {"n": 16, "how": "nearest"}}).arrays
    train = np.rint(PICTURES[:16] * 255).astype(np.uint8).transpose(0, 2, 3, 1)
    assert all((train == picture).all((1, 2, 3)).any() for picture in real["pixels"])
    assert set(changes) | set(learning) == {field["name"] for field in SETTINGS}


@pytest.mark.feature("C19")
def test_the_course_of_the_descent_comes_with_its_student(around):
    settings = {"n": 64, "method": "descent", "epochs": 20}
    course = ask(around, "student", STUDENT | {"settings": settings}).arrays["course"]
    assert course.shape == (20,)
    assert (course > 0).all()
    assert course[-1] < course[0]
    assert ask(around, "student", STUDENT).arrays["course"].shape == (0,)


@pytest.mark.feature("C15")
def test_settings_are_searched(around):
    rows = ask(around, "search", {"model": 0, "epoch": 0, "indices": [1, 2, 3]}).result["rows"]
    assert {"band", "regularization", "believed"} <= set(rows[0])
    tried = {(row["method"], row["regularization"] is None, row["temperature"] is None) for row in rows}
    assert tried == {("ridge", False, True), ("descent", True, False)}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"settings": {"n": 2}}, "n must be a whole number from 16 to 4096; got 2"),
        ({"settings": {"band": 0}}, "band must be a number from 0.01 to 1; got 0"),
        ({"settings": {"how": "magic"}}, "how must be uniform or line or nearest or hybrid; got 'magic'"),
        ({"settings": {"anchored": 1}}, "anchored must be true or false; got 1"),
        ({"settings": {"x": 1}}, "settings must be among band, .*; got 'x'"),
        ({"settings": None}, "values by name"),
        ({"latent": [1, 2]}, "latent must be 3 finite numbers; got"),
        ({"latent": [1, 2, float("nan")]}, "latent must be 3 finite"),
        ({"bounds": [[1, 0]] * 3}, "the least value first"),
        ({"bounds": "wide"}, "3 × 2 finite"),
        ({"other": N}, "other must be the number of a sample"),
        ({"model": 5}, "model must be the number of a model"),
    ],
)
def test_a_senseless_student_gets_a_sentence(around, change, says):
    with pytest.raises(RequestError, match=says):
        ask(around, "student", STUDENT | change)


def test_without_a_fitting_autoencoder_the_page_is_told_what_to_pass(two, vae):
    with pytest.raises(RequestError, match="no autoencoder"):
        ask(two, "latent", {"index": 0})
    assert ask(two, "hello", {}).result["vae"] is None
    with pytest.raises(ValueError, match="vae must be trained"):
        check_vae(scene({"one": network(1)}, vae=dvi.VAE()))
    with pytest.raises(TypeError, match="must be a VAE"):
        check_vae(scene({"one": network(1)}, vae="vae"))
    with pytest.raises(ValueError, match="must take the same pictures as the models"):
        check_vae(scene({"one": network(1)}, source=Inputs(PICTURES[:, :, :4]), vae=vae))
