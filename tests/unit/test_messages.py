"""Requests and answers: all that is asked is answered, in the bytes the front end reads; nothing raises."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from synthetic import fitted, landscape
from waiting import WAIT_S

from dvi_widget.landscape.canvas import Canvas as Painted
from dvi_widget.suggestions import DEFINITIONS
from dvi_widget.widget.conversation import Conversation
from dvi_widget.widget.questions import ask
from dvi_widget.widget.questions.landscapes import Canvas
from dvi_widget.widget.request import REQUESTS
from dvi_widget.widget.scene import AnswerCache, Scene
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
        self.conversation = Conversation(Scene(landscapes, images), self._take)

    def _take(self, content, buffers):
        json.dumps(content, allow_nan=False)
        with self._arrived:
            self.messages.append((content, buffers))
            self._arrived.notify_all()

    def ask(self, id_, op, args):
        self.conversation.receive({"id": id_, "op": op, "args": args})

    def answer(self, id_, timeout=WAIT_S):
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
    assert result["protocol"] == 3
    assert result["n"] == 40
    assert result["classes"] == ["cat", "dog", "owl"]
    assert result["images"] == {"height": 8, "width": 6, "channels": 1}
    assert result["groups"] == ["flipped", "odd one"]
    assert {name: len(colors) for name, colors in result["palettes"].items()} == {"safe": 10, "vivid": 10}
    assert result["colors"] == {name: shown.colors(name) for name in result["palettes"]}
    (outline,) = result["landscapes"]
    assert outline["name"] == "synthetic"
    assert outline["epochs"] == [0, 5, 10]
    assert tuple(outline["extent"]) == shown.extent
    assert outline["resolution"] == 12
    assert outline["services"] == ["paint", "table"]
    assert outline["scalars"] == {}
    arrays = page.arrays(1)
    assert list(arrays) == ["labels", "split", "members"]
    assert arrays["labels"].dtype == np.int32
    np.testing.assert_array_equal(arrays["labels"], shown.samples.label)
    np.testing.assert_array_equal(arrays["split"], [0] * 30 + [1] * 10)
    np.testing.assert_array_equal(arrays["members"], shown.samples[["flipped", "odd one"]].T)


def test_accuracy_counts_labelled_samples_only():
    shown = landscape()
    (outline,) = ask(Scene([shown]), "hello", {}).result["landscapes"]
    label, train = shown.samples.label.to_numpy(), (shown.samples.split == "train").to_numpy()
    for i, frame in enumerate(shown):
        right = frame.predictions == label
        assert outline["accuracy"]["train"][i] == pytest.approx(right[train][1:].mean())
        assert outline["accuracy"]["test"][i] == pytest.approx(right[~train].mean())
    shown.samples["label"] = -1
    (outline,) = ask(Scene([shown]), "hello", {}).result["landscapes"]
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


@pytest.mark.feature("F6")
def test_an_epoch_of_seventy_thousand_samples_is_sent_in_at_most_800_kilobytes():
    n, side = 70_000, 300
    large = landscape(n, (0,), images=False, resolution=side)
    page = Page([large])
    page.ask(1, "frame", {"landscape": 0, "epoch": 0})
    page.ask(2, "canvas", {"landscape": 0, "epoch": 0})
    assert sum(array.nbytes for id_ in (1, 2) for array in page.arrays(id_).values()) <= 800_000


def test_a_canvas_is_painted_once_with_progress_and_kept():
    shown = landscape(resolution=300)
    page = Page([shown])
    for id_ in (1, 2):
        page.ask(id_, "canvas", {"landscape": 0, "epoch": 10})
        arrays = page.arrays(id_)
        np.testing.assert_array_equal(arrays["classes"], shown.at(10).canvas[0])
        np.testing.assert_array_equal(arrays["shade"], shown.at(10).canvas.shade)
        np.testing.assert_array_equal(arrays["margin"], shown.at(10).canvas.margin)
    shares = [m[0]["progress"] for m in page.messages if m[0]["id"] == 1 and "progress" in m[0]]
    assert shares[0] == 0
    assert shares[-1] == 1
    assert shares == sorted(shares)
    assert len(set(shown.source.painted)) == 1


def test_a_canvas_that_sharpens_is_told_as_it_does():
    shown = landscape(resolution=8)
    coarse, fine = (np.full((8, 8), value, np.uint8) for value in (0, 1))
    shown.source.sharpen = lambda *_: iter([(Painted(*3 * [coarse]), 0.4), (Painted(*3 * [fine]), 1.0)])
    page = Page([shown])
    page.ask(1, "canvas", {"landscape": 0, "epoch": 10})
    np.testing.assert_array_equal(page.arrays(1)["classes"], fine)
    ((content, buffers),) = [m for m in page.messages if m[0].get("arrays") and "progress" in m[0]]
    assert content["progress"] == 0.4
    assert [array["name"] for array in content["arrays"]] == ["classes", "shade", "margin"]
    assert buffers == 3 * [coarse.tobytes()]


def test_texts_come_in_the_order_asked_for():
    shown = landscape(images=False)
    scene = Scene([shown], describe=lambda index: f"sample {index}")
    assert ask(scene, "hello", {}).result["texts"] is True
    told = ask(scene, "describe", {"indices": [7, 3]})
    assert told.result["texts"] == ["sample 7", "sample 3"]
    assert ask(Scene([shown]), "hello", {}).result["texts"] is False
    with pytest.raises(RequestError, match="no texts"):
        ask(Scene([shown]), "describe", {"indices": [7]})


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
        ("paint", {}, "the kernel knows"),
        (None, {}, "the kernel knows"),
        (["hello"], {}, "the kernel knows"),
        ("hello", None, "no arguments"),
        ("hello", {"x": 1}, "got x"),
        ("frame", {"landscape": 0}, "come with landscape, epoch"),
        ("frame", {"landscape": 0, "epoch": 0, "more": 1}, "got landscape, epoch, more"),
        ("frame", {"landscape": 1, "epoch": 0}, "number of a landscape, 0; got 1"),
        ("frame", {"landscape": -1, "epoch": 0}, "number of a landscape, 0; got -1"),
        ("frame", {"landscape": True, "epoch": 0}, "got True"),
        ("frame", {"landscape": 0, "epoch": 3}, "a recorded epoch, one of 0, 5, 10; got 3"),
        ("frame", {"landscape": 0, "epoch": "0"}, "got '0'"),
        ("frame", {"landscape": 0, "epoch": None}, "got None"),
        ("frame", [0, 0], "got list"),
        ("canvas", {"landscape": 0, "epoch": 4}, "a recorded epoch, one of 0, 5, 10; got 4"),
        ("thumbnails", {"indices": [40], "size": None}, "got 40 in it"),
        ("thumbnails", {"indices": [-1], "size": None}, "from 0 to 39; got -1 in it"),
        ("thumbnails", {"indices": [1.5], "size": None}, "got 1.5 in it"),
        ("thumbnails", {"indices": "all", "size": None}, "list"),
        ("thumbnails", {"indices": [1], "size": 0}, "from 1 to 4096"),
        ("thumbnails", {"indices": [1], "size": "32"}, "whole number"),
        (
            "thumbnails",
            {"indices": [0] * (MAX_ANSWER_BYTES // 48 + 1), "size": None},
            "Ask for fewer at a time",
        ),
        ("cancel", {}, "args must be {id: a whole number}"),
        ("cancel", {"id": "1"}, "whole number"),
    ],
)
def test_a_senseless_request_gets_a_sentence(op, args, says):
    assert says in refused(Page([landscape()]), op, args)


def test_a_sentence_reaches_the_page_whatever_it_names():
    error = refused(Page([landscape()]), "frame", {"landscape": 0, "\ud800": 0})
    assert "\\ud800" in error
    error.encode()


@pytest.mark.parametrize(
    "content", [None, 3, "hello", [], {}, {"id": None, "op": "hello"}, {"id": True}, {"id": 1.5}]
)
def test_a_message_without_a_proper_id_is_answered_too(content):
    id_ = content.get("id") if isinstance(content, dict) else None
    page = Page([landscape()])
    page.conversation.receive(content)
    ((answer, buffers),) = page.messages
    assert answer == {"id": None, "ok": False, "error": f"id must be a whole number; got {id_!r}."}
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
    "against": st.none() | numbers,
    "layer": st.none() | st.sampled_from(["0", "none"]) | json_values,
    "method": st.sampled_from(["gradient", "occlusion"]) | json_values,
    "parameters": json_values,
    "latent": st.lists(numbers, max_size=3) | json_values,
    "bounds": json_values,
    "other": st.none() | numbers,
    "settings": json_values,
    "id": numbers | json_values,
}
NEEDED = {name: tuple(request.arguments) for name, request in REQUESTS.items()} | {"cancel": ("id",)}
almost = st.sampled_from(sorted(NEEDED)).flatmap(
    lambda op: st.tuples(
        st.just(op),
        st.fixed_dictionaries({name: likely.get(name, numbers | json_values) for name in NEEDED[op]}),
    )
)


@given(almost | st.tuples(st.sampled_from([*NEEDED, "paint"]) | json_values, json_values))
@settings(max_examples=300)
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


@pytest.mark.feature("D7")
def test_a_scrub_is_answered_while_a_canvas_is_being_painted():
    gate = threading.Event()
    shown = landscape(gate=gate)
    page = Page([shown])
    page.ask(1, "canvas", {"landscape": 0, "epoch": 0})
    assert shown.source.started.wait(WAIT_S)
    page.ask(2, "frame", {"landscape": 0, "epoch": 5})
    assert page.messages[-1][0]["id"] == 2  # answered before `ask` returned
    gate.set()
    assert page.answer(1)[0]["ok"]


def test_a_question_of_a_moment_is_let_in_between_two_steps_of_long_work():
    shown = fitted(gate=threading.Event(), resolution=300)
    page = Page([shown])
    page.ask(1, "canvas", {"landscape": 0, "epoch": 0})
    page.ask(2, "canvas", {"landscape": 0, "epoch": 5})
    assert shown.source.started.wait(WAIT_S)
    page.ask(3, "decode", {"landscape": 0, "epoch": 0, "points": [[0, 0]]})
    shown.source.gate.set()
    assert page.answer(2)[0]["ok"]
    answered = [content["id"] for content, _ in page.messages if "ok" in content]
    assert answered == [3, 1, 2]


def test_a_part_of_an_answer_may_come_with_the_progress(monkeypatch):
    part = Canvas(np.arange(4, dtype=np.uint16).reshape(2, 2), np.zeros((2, 2), np.uint8))

    def work(scene, report, **_):
        report(0.5, "Half of it", part)
        return Canvas()

    monkeypatch.setitem(REQUESTS, "canvas", dataclasses.replace(REQUESTS["canvas"], function=work))
    page = Page([landscape()])
    page.ask(1, "canvas", {"landscape": 0, "epoch": 0})
    assert page.answer(1)[0]["ok"]
    (content, buffers), _ = page.messages
    assert content == {
        "id": 1,
        "progress": 0.5,
        "text": "Half of it",
        "result": {},
        "arrays": [
            {"name": "classes", "dtype": "uint16", "shape": [2, 2]},
            {"name": "shade", "dtype": "uint8", "shape": [2, 2]},
        ],
    }
    assert buffers == [np.arange(4, dtype="<u2").tobytes(), bytes(4)]


def test_a_number_that_is_being_answered_is_not_taken_twice():
    shown = landscape(gate=threading.Event())
    page = Page([shown])
    page.ask(1, "canvas", {"landscape": 0, "epoch": 0})
    assert shown.source.started.wait(WAIT_S)
    page.ask(1, "canvas", {"landscape": 0, "epoch": 5})
    assert "Use another" in page.answer(1)[0]["error"]
    shown.source.gate.set()


def test_a_cancelled_request_is_answered_at_once_and_its_work_stops():
    gate = threading.Event()
    shown = landscape(gate=gate)
    page = Page([shown])
    page.ask(1, "canvas", {"landscape": 0, "epoch": 0})
    page.ask(2, "canvas", {"landscape": 0, "epoch": 5})
    assert shown.source.started.wait(WAIT_S)
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
    assert shown.source.started.wait(WAIT_S)
    said = len(page.messages)
    page.conversation.close()
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

        Conversation(Scene([shown]), send).receive(
            {"id": 1, "op": "canvas", "args": {"landscape": 0, "epoch": 0}}
        )
        await asyncio.wait_for(done.wait(), WAIT_S)

    asyncio.run(kernel())
    assert set(threads) == {threading.current_thread()}


def test_a_loop_that_is_gone_takes_no_answer_and_harms_nobody():
    gate = threading.Event()
    shown = landscape(gate=gate)
    sent = []

    async def kernel():
        conversation = Conversation(Scene([shown]), lambda *message: sent.append(message))
        conversation.receive({"id": 1, "op": "canvas", "args": {"landscape": 0, "epoch": 0}})
        await asyncio.to_thread(shown.source.started.wait, WAIT_S)

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
    scene = Scene([shown])
    frame = ask(scene, "frame", {"landscape": 0, "epoch": 0})
    canvas = ask(scene, "canvas", {"landscape": 0, "epoch": 0})
    assert frame.arrays["predictions"].dtype == canvas.arrays["classes"].dtype == np.uint16
    assert frame.buffers[1] == shown[0].predictions.astype("<u2").tobytes()
    assert class_dtype(254) is np.uint8
    assert class_dtype(255) is np.uint16
    assert len(ask(scene, "hello", {}).result["colors"]["safe"]) == 300


def test_asking_directly_raises_the_sentence():
    with pytest.raises(RequestError, match="one of 0, 5, 10; got 1"):
        ask(Scene([landscape()]), "frame", {"landscape": 0, "epoch": 1})


@dataclasses.dataclass
class Sizes(Answer):
    """An answer with one array and one optional one."""

    name: str
    sizes: NDArray[np.int32]
    more: NDArray[np.uint8] | None = None


def test_fields_that_hold_arrays_travel_as_buffers_and_the_rest_as_json():
    answer = Sizes("a", np.array([1, 2], np.int32))
    assert answer.result == {"name": "a"}
    assert answer.headers == [{"name": "sizes", "dtype": "int32", "shape": [2]}]
    assert answer.buffers == [b"\1\0\0\0\2\0\0\0"]
    assert list(Sizes("a", answer.sizes, np.zeros(3, np.uint8)).arrays) == ["sizes", "more"]


def test_an_array_of_another_dtype_than_the_page_expects_is_an_error():
    with pytest.raises(TypeError, match="sizes must be int32; got int64"):
        _ = Sizes("a", np.array([1, 2])).arrays


def test_the_latest_answers_are_kept_up_to_a_number_of_bytes():
    cache = AnswerCache(limit=100)
    for name, size in (("a", 40), ("b", 40), ("a", 60), ("c", 200), ("d", 10)):
        cache.put(name, Sizes(name, np.zeros(size // 4, np.int32)))
        names = [kept for kept, _ in cache.items()]
        assert name in names
    assert names == ["d"]
    for name in "efg":
        cache.put(name, Sizes(name, np.zeros(10, np.int32)))
    assert [kept for kept, _ in cache.items()] == ["f", "g"]
    assert cache.get("f").name == "f"
    assert cache.get("e") is None


def test_long_lists_are_shortened_in_sentences():
    assert listed([1, 2, 3]) == "1, 2, 3"
    assert listed(range(100), most=4) == "0, 1, 2, … 99"


def test_a_check_that_fails_is_an_answer_too(shown, monkeypatch):
    def prepare(*_):
        raise OverflowError("too large")

    answers = []
    conversation = Conversation(Scene([shown]), lambda content, _: answers.append(content))
    monkeypatch.setattr("dvi_widget.widget.request.Request.prepare", prepare)
    conversation.receive({"id": 3, "op": "hello", "args": {}})
    assert answers == [{"id": 3, "ok": False, "error": "The kernel could not answer: too large"}]
