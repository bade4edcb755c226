"""Requests and answers: all that is asked is answered, in the bytes the front end reads; nothing raises."""

from __future__ import annotations

import asyncio
import json
import logging
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from synthetic import fitted, landscape

from dvi_widget.suggestions import DEFINITIONS
from dvi_widget.widget.answers import Answers
from dvi_widget.widget.exchange import Exchange
from dvi_widget.widget.operations import OPERATIONS, Operation, ask
from dvi_widget.widget.wire import (
    MAX_ANSWER_BYTES,
    Answer,
    RequestError,
    class_dtype,
    graded,
    listed,
    quantised,
)


@pytest.fixture(scope="module")
def shown():
    return fitted(groups=("flipped",))


class Page:
    """What the front end sees: a list of messages, and a way to wait for them."""

    def __init__(self, landscapes, images=None):
        self.messages = []
        self._arrived = threading.Condition()
        if images is None:
            images = landscapes[0].images
        self.exchange = Exchange(Answers(landscapes, images), self._take)

    def _take(self, content, buffers):
        json.dumps(content, allow_nan=False)
        with self._arrived:
            self.messages.append((content, buffers))
            self._arrived.notify_all()

    def ask(self, id_, op, args):
        self.exchange.receive({"id": id_, "op": op, "args": args})

    def answer(self, id_, timeout=30):
        def found():
            return [m for m in self.messages if m[0]["id"] == id_ and "ok" in m[0]]

        with self._arrived:
            assert self._arrived.wait_for(found, timeout), f"no answer to {id_}"
        (answer,) = found()
        return answer

    def arrays(self, id_):
        content, buffers = self.answer(id_)
        assert content["ok"], content
        return {
            spec["name"]: np.frombuffer(buffer, np.dtype(spec["dtype"]).newbyteorder("<")).reshape(
                spec["shape"]
            )
            for spec, buffer in zip(content["arrays"], buffers, strict=True)
        }


def refused(page, op, args):
    page.ask(99, op, args)
    content, buffers = page.answer(99)
    assert content.keys() == {"id", "ok", "error"}
    assert not content["ok"]
    assert buffers == []
    return content["error"]


def test_hello_introduces_samples_classes_and_landscapes():
    shown = landscape(groups=("flipped", "odd one"))
    page = Page([shown])
    page.ask(1, "hello", {})
    result = page.answer(1)[0]["result"]
    assert result["protocol"] == 1
    assert result["n"] == 40
    assert result["classes"] == ["cat", "dog", "owl"]
    assert result["images"] == {"height": 8, "width": 6, "channels": 1}
    assert result["groups"] == ["flipped", "odd one"]
    assert all(len(colors) == 3 for colors in result["palettes"].values())
    (outline,) = result["landscapes"]
    assert outline["name"] == "synthetic"
    assert outline["epochs"] == [0, 5, 10]
    assert tuple(outline["extent"]) == shown.extent
    assert outline["resolution"] == 12
    assert outline["services"] == ["paint"]
    assert outline["scalars"] == {}
    arrays = page.arrays(1)
    assert list(arrays) == ["labels", "split", "group:flipped", "group:odd one"]
    assert arrays["labels"].dtype == np.int32
    np.testing.assert_array_equal(arrays["labels"], shown.samples.label)
    np.testing.assert_array_equal(arrays["split"], [0] * 30 + [1] * 10)
    np.testing.assert_array_equal(arrays["group:odd one"], shown.samples["odd one"])


def test_accuracy_counts_labelled_samples_only():
    shown = landscape()
    (outline,) = Answers([shown]).hello().result["landscapes"]
    label, train = shown.samples.label.to_numpy(), (shown.samples.split == "train").to_numpy()
    for i, frame in enumerate(shown):
        right = frame.predictions == label
        assert outline["accuracy"]["train"][i] == pytest.approx(right[train][1:].mean())
        assert outline["accuracy"]["test"][i] == pytest.approx(right[~train].mean())
    shown.samples["label"] = -1
    (outline,) = Answers([shown]).hello().result["landscapes"]
    assert outline["accuracy"] == {"train": [None] * 3, "test": [None] * 3}


def test_a_frame_tells_position_prediction_and_confidence():
    shown = landscape()
    page = Page([shown])
    page.ask(1, "frame", {"landscape": 0, "epoch": 5})
    arrays, frame = page.arrays(1), shown.at(5)
    assert {name: array.dtype.name for name, array in arrays.items()} == {
        "positions": "uint16",
        "predictions": "uint8",
        "confidence": "uint16",
    }
    x0, x1, y0, y1 = shown.extent
    back = arrays["positions"] / 65535 * (x1 - x0, y1 - y0) + (x0, y0)
    np.testing.assert_allclose(back, frame.positions, atol=(x1 - x0) / 65535)
    np.testing.assert_array_equal(arrays["predictions"], frame.predictions)
    np.testing.assert_allclose(arrays["confidence"] / 60_000, frame.confidence, atol=1 / 60_000)


def test_confidence_lies_on_its_own_side_of_every_level_of_four_digits():
    levels = np.arange(10_001) / 10_000
    near = np.concatenate([np.nextafter(levels[1:], 0), levels, np.nextafter(levels[:-1], 1)])
    for values in (near, near.astype(np.float32), np.random.default_rng(0).random(5000, np.float32)):
        sent, exact = graded(values) / 60_000, values.astype(np.float64).clip(0, 1)
        for level in levels[::97]:
            np.testing.assert_array_equal(sent < level, exact < level)
            np.testing.assert_array_equal(sent <= level, exact <= level)


def test_an_epoch_of_seventy_thousand_samples_is_sent_in_at_most_700_kilobytes():
    n, side = 70_000, 300
    large = landscape(n, (0,), images=False, resolution=side)
    page = Page([large])
    page.ask(1, "frame", {"landscape": 0, "epoch": 0})
    page.ask(2, "canvas", {"landscape": 0, "epoch": 0})
    assert sum(array.nbytes for id_ in (1, 2) for array in page.arrays(id_).values()) <= 700_000


def test_a_canvas_is_painted_once_with_progress_and_kept():
    shown = landscape(resolution=300)
    page = Page([shown])
    for id_ in (1, 2):
        page.ask(id_, "canvas", {"landscape": 0, "epoch": 10})
        arrays = page.arrays(id_)
        np.testing.assert_array_equal(arrays["classes"], shown.at(10).canvas[0])
        np.testing.assert_array_equal(arrays["shade"], shown.at(10).canvas[1])
    shares = [m[0]["progress"] for m in page.messages if m[0]["id"] == 1 and "progress" in m[0]]
    assert shares[0] == 0
    assert shares[-1] == 1
    assert shares == sorted(shares)
    assert len(set(shown.source.painted)) == 1


def test_a_canvas_that_sharpens_is_told_as_it_does():
    shown = landscape(resolution=8)
    coarse, fine = (np.full((8, 8), value, np.uint8) for value in (0, 1))
    shown.source.sharpen = lambda *_: iter([(coarse, coarse, 0.4), (fine, fine, 1.0)])
    page = Page([shown])
    page.ask(1, "canvas", {"landscape": 0, "epoch": 10})
    np.testing.assert_array_equal(page.arrays(1)["classes"], fine)
    ((content, buffers),) = [m for m in page.messages if m[0].get("arrays") and "progress" in m[0]]
    assert content["progress"] == 0.4
    assert [array["name"] for array in content["arrays"]] == ["classes", "shade"]
    assert buffers == [coarse.tobytes(), coarse.tobytes()]


def test_texts_come_in_the_order_asked_for():
    shown = landscape(images=False)
    answers = Answers([shown], words=lambda index: f"sample {index}")
    assert ask(answers, "hello", {}).result["texts"] is True
    told = ask(answers, "describe", {"indices": [7, 3]})
    assert told.result["texts"] == ["sample 7", "sample 3"]
    assert ask(Answers([shown]), "hello", {}).result["texts"] is False
    with pytest.raises(RequestError, match="no texts"):
        ask(Answers([shown]), "describe", {"indices": [7]})


def test_thumbnails_come_in_the_order_asked_for():
    shown = landscape()
    page = Page([shown])
    page.ask(1, "thumbnails", {"indices": [7, 3], "size": None})
    np.testing.assert_array_equal(page.arrays(1)["pixels"], shown.images[[7, 3]].transpose(0, 2, 3, 1))
    page.ask(2, "thumbnails", {"indices": [], "size": 4})
    assert page.arrays(2)["pixels"].shape == (0, 4, 3, 1)


@pytest.mark.parametrize(
    ("op", "args", "says"),
    [
        ("paint", {}, "does not know"),
        (None, {}, "does not know"),
        (["hello"], {}, "does not know"),
        ("hello", None, "no arguments"),
        ("hello", {"x": 1}, "came with x"),
        ("frame", {"landscape": 0}, "needs landscape, epoch"),
        ("frame", {"landscape": 0, "epoch": 0, "more": 1}, "came with landscape, epoch, more"),
        ("frame", {"landscape": 1, "epoch": 0}, "There is no landscape 1"),
        ("frame", {"landscape": -1, "epoch": 0}, "There is no landscape -1"),
        ("frame", {"landscape": True, "epoch": 0}, "whole number"),
        ("frame", {"landscape": 0, "epoch": 3}, "recorded are 0, 5, 10"),
        ("frame", {"landscape": 0, "epoch": "0"}, "whole number"),
        ("frame", {"landscape": 0, "epoch": None}, "whole number"),
        ("frame", [0, 0], "came with list"),
        ("canvas", {"landscape": 0, "epoch": 4}, "Epoch 4 was not recorded"),
        ("thumbnails", {"indices": [40], "size": None}, "There is no sample 40"),
        ("thumbnails", {"indices": [-1], "size": None}, "0 to 39"),
        ("thumbnails", {"indices": [1.5], "size": None}, "whole number"),
        ("thumbnails", {"indices": "all", "size": None}, "list"),
        ("thumbnails", {"indices": [1], "size": 0}, "1 to 4096"),
        ("thumbnails", {"indices": [1], "size": "32"}, "whole number"),
        ("thumbnails", {"indices": [0] * (MAX_ANSWER_BYTES // 48 + 1), "size": None}, "too many"),
        ("cancel", {}, "needs id"),
        ("cancel", {"id": "1"}, "whole number"),
    ],
)
def test_a_senseless_request_gets_a_sentence(op, args, says):
    assert says in refused(Page([landscape()]), op, args)


@pytest.mark.parametrize(
    "content", [None, 3, "hello", [], {}, {"id": None, "op": "hello"}, {"id": True}, {"id": 1.5}]
)
def test_a_message_without_a_proper_id_is_answered_too(content):
    page = Page([landscape()])
    page.exchange.receive(content)
    ((answer, buffers),) = page.messages
    assert answer == {"id": None, "ok": False, "error": "A request needs an id, a whole number."}
    assert buffers == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-50, 50) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


numbers = st.integers(-3, 45) | st.floats() | st.sampled_from([2**40, 10**400, True, None, "1"])
pair = st.lists(st.floats(-2, 2) | numbers, min_size=2, max_size=2)
likely = {
    "landscape": st.just(0) | numbers | json_values,
    "epoch": st.sampled_from([0, 5, 10]) | numbers,
    "indices": st.lists(st.integers(0, 39), max_size=4) | st.lists(numbers, max_size=3) | json_values,
    "size": st.none() | numbers,
    "k": st.integers(1, 12) | numbers,
    "group": st.sampled_from([None, "train", "test", "flipped", "\ud800"]) | json_values,
    "points": st.lists(st.lists(st.floats(-2, 2), min_size=2, max_size=2), min_size=1, max_size=3)
    | st.lists(st.lists(numbers, max_size=3), max_size=3)
    | json_values,
    "a": pair | json_values,
    "b": pair | json_values,
    "name": st.sampled_from([*DEFINITIONS]) | json_values,
    "model": numbers,
    "index": numbers,
    "unit": st.none() | numbers,
    "target": st.none() | numbers,
    "layer": st.none() | st.sampled_from(["0", "none"]) | json_values,
    "method": st.sampled_from(["gradient", "occlusion"]) | json_values,
    "parameters": json_values,
    "latent": st.lists(numbers, max_size=3) | json_values,
    "bounds": json_values,
    "other": st.none() | numbers,
    "settings": json_values,
    "id": numbers | json_values,
}
NEEDED = {
    "hello": (),
    "module": (),
    "frame": ("landscape", "epoch"),
    "canvas": ("landscape", "epoch"),
    "thumbnails": ("indices", "size"),
    "probabilities": ("landscape", "epoch", "indices"),
    "history": ("landscape", "indices"),
    "neighbors": ("landscape", "epoch", "indices", "k", "group"),
    "decode": ("landscape", "epoch", "points"),
    "crossings": ("landscape", "epoch", "a", "b"),
    "describe": ("indices",),
    "trust": ("landscape", "epoch"),
    "loss": ("landscape", "epoch", "k"),
    "list": ("landscape", "name"),
    "dynamics": ("landscape",),
    "measures": ("landscape",),
    "inspect": ("model", "epoch"),
    "glance": ("model", "epoch", "index", "method", "parameters", "target"),
    "attribute": ("model", "epoch", "index", "method", "parameters", "target"),
    "filters": ("model", "epoch", "layer"),
    "activations": ("model", "epoch", "layer", "index"),
    "patches": ("model", "epoch", "layer", "unit", "k"),
    "alike": ("model", "epoch", "layer", "index", "k"),
    "histogram": ("model", "epoch", "layer", "unit"),
    "agreement": ("epoch",),
    "latent": ("index",),
    "unfold": ("latent",),
    "student": ("model", "epoch", "index", "other", "latent", "bounds", "settings"),
    "search": ("model", "epoch", "indices"),
    "clusters": ("model", "epoch", "indices", "method", "parameters"),
    "cancel": ("id",),
}
almost = st.sampled_from(sorted(NEEDED)).flatmap(
    lambda op: st.tuples(st.just(op), st.fixed_dictionaries({name: likely[name] for name in NEEDED[op]}))
)


def test_every_operation_is_tried_with_junk():
    assert set(OPERATIONS) | {"cancel"} == set(NEEDED)


@given(almost | st.tuples(st.sampled_from([*NEEDED, "paint"]) | json_values, json_values))
@settings(max_examples=300, deadline=None)
def test_whatever_a_page_sends_is_answered(shown, request_):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logging.Logger, "callHandlers", lambda _, record: pytest.fail(record.getMessage()))
        page = Page([shown])
        page.ask(1, *request_)
        content, buffers = page.answer(1)
    if content["ok"]:
        for spec, buffer in zip(content["arrays"], buffers, strict=True):
            assert len(buffer) == np.dtype(spec["dtype"]).itemsize * np.prod(spec["shape"])
    else:
        # Checked at the door: nothing came as far as an engine.
        assert not content["error"].startswith("The kernel could not answer")
        assert content["error"].endswith((".", "?"))
        content["error"].encode()


def test_without_pictures_thumbnails_say_what_to_pass():
    page = Page([landscape(images=False)])
    page.ask(1, "hello", {})
    assert page.answer(1)[0]["result"]["images"] is None
    assert "images=" in refused(page, "thumbnails", {"indices": [1], "size": 32})


def test_an_engine_that_fails_is_an_answer_not_an_exception(caplog):
    page = Page([landscape(error=RuntimeError("The disk is gone."))])
    assert "The disk is gone." in refused(page, "canvas", {"landscape": 0, "epoch": 0})
    assert not [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]


def test_a_scrub_is_answered_while_a_canvas_is_being_painted():
    gate = threading.Event()
    shown = landscape(gate=gate)
    page = Page([shown])
    page.ask(1, "canvas", {"landscape": 0, "epoch": 0})
    assert shown.source.started.wait(30)
    page.ask(2, "frame", {"landscape": 0, "epoch": 5})
    assert page.messages[-1][0]["id"] == 2  # answered before `ask` returned
    gate.set()
    assert page.answer(1)[0]["ok"]


def test_a_question_of_a_moment_is_let_in_between_two_steps_of_long_work():
    shown = fitted(gate=threading.Event(), resolution=300)
    page = Page([shown])
    page.ask(1, "canvas", {"landscape": 0, "epoch": 0})
    page.ask(2, "canvas", {"landscape": 0, "epoch": 5})
    assert shown.source.started.wait(30)
    page.ask(3, "decode", {"landscape": 0, "epoch": 0, "points": [[0, 0]]})
    shown.source.gate.set()
    assert page.answer(2)[0]["ok"]
    answered = [content["id"] for content, _ in page.messages if "ok" in content]
    assert answered == [3, 1, 2]


def test_a_part_of_an_answer_may_come_with_the_progress(monkeypatch):
    def work(answers, args, report):
        report(0.5, "Half of it", Answer({"rows": 1}, {"part": np.arange(2, dtype=np.int32)}))
        return Answer({}, {})

    monkeypatch.setitem(OPERATIONS, "canvas", Operation(lambda _, __: (), work, "long"))
    page = Page([landscape()])
    page.ask(1, "canvas", {})
    assert page.answer(1)[0]["ok"]
    (content, buffers), _ = page.messages
    assert content == {
        "id": 1,
        "progress": 0.5,
        "text": "Half of it",
        "result": {"rows": 1},
        "arrays": [{"name": "part", "dtype": "int32", "shape": [2]}],
    }
    assert buffers == [np.arange(2, dtype="<i4").tobytes()]


def test_a_number_that_is_being_answered_is_not_taken_twice():
    shown = landscape(gate=threading.Event())
    page = Page([shown])
    page.ask(1, "canvas", {"landscape": 0, "epoch": 0})
    assert shown.source.started.wait(30)
    page.ask(1, "canvas", {"landscape": 0, "epoch": 5})
    assert "use another id" in page.answer(1)[0]["error"]
    shown.source.gate.set()


def test_a_cancelled_request_is_answered_at_once_and_its_work_stops():
    gate = threading.Event()
    shown = landscape(gate=gate)
    page = Page([shown])
    page.ask(1, "canvas", {"landscape": 0, "epoch": 0})
    page.ask(2, "canvas", {"landscape": 0, "epoch": 5})
    assert shown.source.started.wait(30)
    for id_ in (2, 1):
        page.ask(10 + id_, "cancel", {"id": id_})
        assert page.answer(10 + id_)[0]["result"] == {"cancelled": True}
        assert page.answer(id_)[0]["error"] == "Cancelled."
    page.ask(20, "cancel", {"id": 1})
    assert page.answer(20)[0]["result"] == {"cancelled": False}
    gate.set()
    page.ask(3, "canvas", {"landscape": 0, "epoch": 10})
    assert page.answer(3)[0]["ok"]
    assert 5 not in shown.source.painted  # passed over
    assert not shown.at(0).painted  # stopped half way, nothing kept


def test_closing_stops_the_work_and_says_nothing_more():
    gate = threading.Event()
    shown = landscape(gate=gate)
    page, other = Page([shown]), Page([landscape(seed=1)])
    page.ask(1, "canvas", {"landscape": 0, "epoch": 0})
    page.ask(2, "canvas", {"landscape": 0, "epoch": 5})
    assert shown.source.started.wait(30)
    said = len(page.messages)
    page.exchange.close()
    gate.set()
    page.ask(3, "canvas", {"landscape": 0, "epoch": 10})
    other.ask(1, "canvas", {"landscape": 0, "epoch": 0})  # the worker is free for others
    assert other.answer(1)[0]["ok"]
    assert len(page.messages) == said
    assert not any(frame.painted for frame in shown)


def test_answers_of_long_work_go_home_on_the_event_loop_of_the_request():
    """The kernels of Jupyter and of other hosts send from the loop's thread; a worker must not."""
    threads = []
    shown = landscape()

    async def kernel():
        done = asyncio.Event()

        def send(content, buffers):
            threads.append(threading.current_thread())
            if "ok" in content:
                done.set()

        Exchange(Answers([shown]), send).receive(
            {"id": 1, "op": "canvas", "args": {"landscape": 0, "epoch": 0}}
        )
        await asyncio.wait_for(done.wait(), 30)

    asyncio.run(kernel())
    assert set(threads) == {threading.current_thread()}


def test_a_loop_that_is_gone_takes_no_answer_and_harms_nobody():
    gate = threading.Event()
    shown = landscape(gate=gate)
    sent = []

    async def kernel():
        exchange = Exchange(Answers([shown]), lambda *message: sent.append(message))
        exchange.receive({"id": 1, "op": "canvas", "args": {"landscape": 0, "epoch": 0}})
        await asyncio.to_thread(shown.source.started.wait, 30)

    asyncio.run(kernel())
    before = len(sent)
    gate.set()
    other = Page([landscape(seed=1)])
    other.ask(1, "canvas", {"landscape": 0, "epoch": 0})
    assert other.answer(1)[0]["ok"]
    assert len(sent) == before


@given(
    hnp.arrays(np.float32, st.tuples(st.integers(0, 20), st.just(2)), elements=st.floats(-8, 8, width=32)),
)
def test_quantising_moves_nothing_by_more_than_half_a_step(positions):
    extent = (-8.0, 8.0, -16.0, 16.0)
    back = quantised(positions, extent) / 65535 * (16.0, 32.0) - (8.0, 16.0)
    assert (np.abs(back - positions) <= np.array([16, 32]) / 65535 / 2 + 1e-9).all()


def test_many_classes_travel_in_two_bytes():
    names = [f"class {i}" for i in range(300)]
    shown = landscape(classes=names)
    answers = Answers([shown])
    frame = ask(answers, "frame", {"landscape": 0, "epoch": 0})
    canvas = ask(answers, "canvas", {"landscape": 0, "epoch": 0})
    assert frame.arrays["predictions"].dtype == canvas.arrays["classes"].dtype == np.uint16
    assert frame.buffers()[1] == shown[0].predictions.astype("<u2").tobytes()
    assert class_dtype(254) is np.uint8
    assert class_dtype(255) is np.uint16
    assert len(answers.hello().result["palettes"]["safe"]) == 300


def test_asking_directly_raises_the_sentence():
    with pytest.raises(RequestError, match="recorded are 0, 5, 10"):
        ask(Answers([landscape()]), "frame", {"landscape": 0, "epoch": 1})


def test_long_lists_are_shortened_in_sentences():
    assert listed([1, 2, 3]) == "1, 2, 3"
    assert listed(range(100), most=4) == "0, 1, 2, … 99"
