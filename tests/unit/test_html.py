"""The exported page: one file that carries every answer, fetches nothing, and appears whole or not at all."""

from __future__ import annotations

import base64
import gzip
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from synthetic import fitted, landscape

from dvi_widget.suggestions import DEFINITIONS
from dvi_widget.widget import html as page_writer
from dvi_widget.widget.html import SAMPLES_PER_BLOCK, script_json, write_page
from dvi_widget.widget.questions import ask
from dvi_widget.widget.request import key
from dvi_widget.widget.scene import Scene

BUNDLE = "export function mountPage(element, document) { /* </script> <!-- \u2028 é */ }"
STATE = {"epoch": 5, "selection": [3, 4], "color_by": "label"}


class Reader(HTMLParser):
    """Elements of a page as a browser would see them: tag, attributes, text."""

    def __init__(self, text):
        super().__init__()
        self.elements = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs), []))

    def handle_data(self, data):
        if self.elements:
            self.elements[-1][2].append(data)

    def scripts(self, **wanted):
        for tag, attributes, text in self.elements:
            if tag == "script" and all(attributes.get(k.replace("_", "-")) == v for k, v in wanted.items()):
                yield attributes, "".join(text)


class Page:
    """An exported page read back."""

    def __init__(self, path):
        self.text = path.read_text(encoding="utf-8")
        self.reader = Reader(self.text)
        ((_, manifest),) = self.reader.scripts(data_dvi="manifest")
        self.manifest = json.loads(manifest)
        self.blocks = {
            attributes["data-dvi-block"]: text for attributes, text in self.reader.scripts(type="text/plain")
        }

    def array(self, spec):
        values = gzip.decompress(base64.b64decode(self.blocks[str(spec["block"])]))
        return np.frombuffer(values, np.dtype(spec["dtype"]).newbyteorder("<")).reshape(spec["shape"])


def written(tmp_path, shown, images=None):
    path = write_page(
        tmp_path / "page.html", Scene([shown], shown.images if images is None else images), STATE, BUNDLE
    )
    return Page(path)


@pytest.mark.feature("F4")
def test_the_page_carries_every_answer_bit_by_bit(tmp_path):
    shown = landscape(groups=("flipped",))
    page, scene = written(tmp_path, shown), Scene([shown], shown.images)
    asked = [(op, {"landscape": 0, "epoch": e}) for e in (0, 5, 10) for op in ("frame", "canvas")]
    asked += [(op, {"landscape": 0}) for op in ("confusions", "events")]
    wanted = {"hello {}", *(key(op, args) for op, args in asked)}
    assert set(page.manifest["answers"]) == wanted
    hello, introduction = page.manifest["answers"]["hello {}"], ask(scene, "hello", {})
    told = json.loads(json.dumps(introduction.result))
    (outline,) = told["landscapes"]
    # No engine stands behind a page.
    assert hello["result"] == {**told, "landscapes": [{**outline, "services": []}]}
    for spec, array in zip(hello["arrays"], introduction.arrays.values(), strict=True):
        np.testing.assert_array_equal(page.array(spec), array, strict=True)
    for op, args in asked:
        recorded, answer = page.manifest["answers"][key(op, args)], ask(scene, op, args)
        assert recorded["result"] == answer.result
        assert [spec["name"] for spec in recorded["arrays"]] == list(answer.arrays)
        for spec, array in zip(recorded["arrays"], answer.arrays.values(), strict=True):
            np.testing.assert_array_equal(page.array(spec), array, strict=True)
    assert page.manifest["state"] == STATE


def cut(page, op, args, indices):
    """What the page makes of a request about some samples."""
    arrays = {}
    for spec in page.manifest["sliced"][key(op, args)]:
        rows = page.array(spec)[indices]
        if "steps" in spec:
            rows = np.where(rows > spec["steps"], np.nan, rows / spec["steps"])
        arrays[spec["name"]] = rows
    return arrays


def test_with_an_engine_the_page_answers_about_samples_too(tmp_path):
    shown, second = fitted(), fitted(epochs=(3, 7))
    scene = Scene([shown, second], shown.images)
    page = Page(write_page(tmp_path / "page.html", scene, STATE, BUNDLE))
    for place, landscape_ in enumerate((shown, second)):
        here = {"landscape": place}
        indices = [7, 0, 3]
        wanted = ask(scene, "history", {**here, "indices": indices}).arrays
        for name, rows in cut(page, "history", here, indices).items():
            np.testing.assert_allclose(rows, wanted[name], atol=0.5 / 254 + 1e-6)
        for epoch in landscape_.epochs:
            args = {**here, "epoch": epoch}
            wanted = ask(scene, "probabilities", {**args, "indices": indices}).arrays["probabilities"]
            rows = cut(page, "probabilities", args, indices)["probabilities"]
            np.testing.assert_allclose(rows, wanted, atol=0.5 / 254 + 1e-6)
        requests = [("dynamics", here), ("measures", here)]
        requests += [("list", {**here, "name": name}) for name in DEFINITIONS]
        requests += [("trust", {**here, "epoch": epoch}) for epoch in landscape_.epochs]
        for op, args in requests:
            recorded, wanted = page.manifest["answers"][key(op, args)], ask(scene, op, args)
            assert recorded["result"] == wanted.result
            for spec, array in zip(recorded["arrays"], wanted.arrays.values(), strict=True):
                np.testing.assert_allclose(page.array(spec), array, rtol=1e-4)
        services = page.manifest["answers"]["hello {}"]["result"]["landscapes"][place]["services"]
        # Decode and place stand for trust: no point was looked at, so none can be decoded.
        assert services == ["decode", "dynamics", "logits", "measures", "neighbors", "place"]
        args = {**here, "epoch": landscape_.epochs[1]}
        wanted = ask(scene, "neighbors", {**args, "indices": indices, "k": 30, "group": None}).arrays
        np.testing.assert_array_equal(
            cut(page, "neighbors", {**args, "group": None}, indices)["neighbors"], wanted["neighbors"]
        )


@pytest.mark.feature("F4")
def test_places_that_were_looked_at_come_along_at_every_epoch(tmp_path):
    shown = fitted()
    scene = Scene([shown], shown.images)
    marker, end = shown.at(5).positions[[4, 7]].tolist()
    asked = [
        ("decode", {"landscape": 0, "epoch": 5, "points": [marker]}),
        ("crossings", {"landscape": 0, "epoch": 5, "a": marker, "b": end}),
    ]
    for op, args in asked:
        ask(scene, op, args)
    page = Page(write_page(tmp_path / "page.html", scene, STATE, BUNDLE))
    for op, args in asked:
        for epoch in shown.epochs:
            there = {**args, "epoch": int(epoch)}
            recorded, wanted = page.manifest["answers"][key(op, there)], ask(scene, op, there)
            assert recorded["result"] == wanted.result
            for spec, array in zip(recorded["arrays"], wanted.arrays.values(), strict=True):
                np.testing.assert_allclose(page.array(spec), array, rtol=1e-3)
    (outline,) = page.manifest["answers"]["hello {}"]["result"]["landscapes"]
    assert {"decode", "classify", "neighbors"} <= set(outline["services"])


def test_columns_come_along_and_those_that_move_only_where_they_are_in_use(tmp_path):
    shown = fitted()
    shown.samples["age"] = np.arange(40.0)
    scene = Scene([shown])
    page = Page(write_page(tmp_path / "page.html", scene, {**STATE, "size_by": "margin"}, BUNDLE))
    (outline,) = page.manifest["answers"]["hello {}"]["result"]["landscapes"]
    names = {column["name"] for column in outline["columns"]}
    assert {"age", "aum", "margin"} <= names
    assert not {"loss", "lost neighbours"} & names
    for column in outline["columns"]:
        for epoch in shown.epochs if column["moves"] else shown.epochs[:1]:
            args = {"landscape": 0, "epoch": epoch, "name": column["name"]}
            assert key("column", args) in page.manifest["answers"]


def test_what_takes_too_long_or_too_much_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(page_writer, "_EPOCH_BUDGET_S", -1.0)
    monkeypatch.setattr(page_writer, "_MAX_PROBABILITIES", 40 * 3 * 3 - 1)
    monkeypatch.setattr(page_writer, "_MAX_NEIGHBORS", 40 * 30 * 3 - 1)
    scene = Scene([fitted()])
    ask(scene, "trust", {"landscape": 0, "epoch": 5})  # somebody looked at it
    ask(scene, "loss", {"landscape": 0, "epoch": 5, "k": 7})
    page = Page(write_page(tmp_path / "page.html", scene, STATE, BUNDLE))
    carried = {name for name in page.manifest["answers"] if name.split()[0] in {"trust", "measures", "loss"}}
    assert carried == {'trust {"landscape":0,"epoch":5}', 'loss {"landscape":0,"epoch":5,"k":7}'}
    assert set(page.manifest["sliced"]) == {'history {"landscape":0}'}
    (outline,) = page.manifest["answers"]["hello {}"]["result"]["landscapes"]
    assert outline["services"] == ["dynamics", "logits"]


def test_an_answer_that_is_too_much_for_one_request_is_put_together(tmp_path, monkeypatch):
    whole = Page(write_page(tmp_path / "a.html", Scene([fitted()]), STATE, BUNDLE))
    monkeypatch.setattr(page_writer, "MAX_ANSWER_BYTES", 4 * 3 * 3 * 7)  # seven samples at a time
    parts = Page(write_page(tmp_path / "b.html", Scene([fitted()]), STATE, BUNDLE))
    assert whole.text == parts.text


def test_keys_are_the_requests_as_the_front_end_writes_them():
    assert key("hello", {}) == "hello {}"
    assert key("frame", {"landscape": 0, "epoch": 3}) == 'frame {"landscape":0,"epoch":3}'


def test_pictures_come_in_blocks(tmp_path):
    shown = landscape(n=SAMPLES_PER_BLOCK + 10)
    page = written(tmp_path, shown)
    recorded = page.manifest["thumbnails"]
    assert recorded["per_block"] == SAMPLES_PER_BLOCK
    pixels = np.concatenate([page.array(spec) for spec in recorded["blocks"]])
    assert len(recorded["blocks"]) == 2
    np.testing.assert_array_equal(pixels, shown.images.transpose(0, 2, 3, 1))


def test_texts_come_in_blocks(tmp_path):
    shown = landscape(n=SAMPLES_PER_BLOCK + 10, images=False)
    texts = [f"<b>{index}</b> é" for index in range(SAMPLES_PER_BLOCK + 10)]
    path = write_page(tmp_path / "page.html", Scene([shown], describe=texts.__getitem__), STATE, BUNDLE)
    page = Page(path)
    recorded = page.manifest["texts"]
    assert recorded["per_block"] == SAMPLES_PER_BLOCK
    assert page.manifest["answers"]["hello {}"]["result"]["texts"] is True
    read = [json.loads(page.array(spec).tobytes()) for spec in recorded["blocks"]]
    assert [len(part) for part in read] == [SAMPLES_PER_BLOCK, 10]
    assert [text for part in read for text in part] == texts


def test_large_pictures_are_fitted_and_hello_says_so(tmp_path):
    images = np.full((40, 3, 200, 100), 7, np.uint8)
    page = written(tmp_path, landscape(), images)
    assert page.manifest["answers"]["hello {}"]["result"]["images"] == {
        "height": 64,
        "width": 32,
        "channels": 3,
    }
    (block,) = page.manifest["thumbnails"]["blocks"]
    assert block["shape"] == [40, 64, 32, 3]


def test_a_page_without_pictures_has_no_blocks_of_them(tmp_path):
    assert written(tmp_path, landscape(images=False)).manifest["thumbnails"]["blocks"] == []


def test_a_landscape_that_cannot_paint_is_exported_without_canvases(tmp_path):
    shown = landscape()
    shown[1].paint()
    shown.source = None
    answers = written(tmp_path, shown).manifest["answers"]
    arrays = {name: len(answer["arrays"]) for name, answer in answers.items() if "canvas" in name}
    assert len(arrays) == len(shown)
    assert {name for name, count in arrays.items() if count} == {'canvas {"landscape":0,"epoch":5}'}


def test_names_cannot_leave_their_script_and_are_not_elements(tmp_path):
    nasty = ["</script><img src=x onerror=alert(1)>", "<!--<script>", " & \u2028"]
    shown = landscape(classes=nasty, groups=("</script><b>group</b>",))
    shown.name = "</title><script>alert(2)</script>"
    page = written(tmp_path, shown)
    result = page.manifest["answers"]["hello {}"]["result"]
    assert result["classes"] == nasty
    assert result["landscapes"][0]["name"] == shown.name
    tags = {tag for tag, _, _ in page.reader.elements}
    assert tags == {"html", "head", "meta", "title", "style", "body", "main", "noscript", "script"}
    assert sum("type" not in attributes for attributes, _ in page.reader.scripts()) == 0


def test_the_bundle_arrives_unchanged(tmp_path):
    page = written(tmp_path, landscape())
    ((_, module),) = page.reader.scripts(type="module")
    literal = re.search(r"^const bundle = (.*);$", module, re.MULTILINE)[1]
    assert json.loads(literal) == BUNDLE


@pytest.mark.feature("F4")
def test_the_page_forbids_the_network_and_names_no_address(tmp_path):
    page = written(tmp_path, landscape())
    (policy,) = [a["content"] for tag, a, _ in page.reader.elements if a.get("http-equiv")]
    assert policy.startswith("default-src 'none';")
    assert "http:" not in policy
    assert not [tag for tag, attributes, _ in page.reader.elements if {"src", "href"} & set(attributes)]


def test_two_exports_are_the_same_bytes(tmp_path):
    a, b = (write_page(tmp_path / name, Scene([landscape()]), STATE, BUNDLE) for name in "ab")
    assert a.read_bytes() == b.read_bytes()


def test_a_page_is_replaced_but_nothing_else_is(tmp_path):
    scene = Scene([landscape()])
    path = write_page(tmp_path / "page.html", scene, STATE, BUNDLE)
    first = path.read_bytes()
    assert write_page(path, scene, {**STATE, "epoch": 0}, BUNDLE) == path
    assert path.read_bytes() != first

    thesis = tmp_path / "thesis.html"
    thesis.write_text("<html>years of work</html>")
    with pytest.raises(FileExistsError, match=r"hold a page of dvi_widget; .*thesis\.html is another"):
        write_page(thesis, scene, STATE, BUNDLE)
    assert thesis.read_text() == "<html>years of work</html>"
    with pytest.raises(FileExistsError, match="got the folder"):
        write_page(tmp_path, scene, STATE, BUNDLE)
    with pytest.raises(FileNotFoundError, match="Create it first"):
        write_page(tmp_path / "nowhere" / "page.html", scene, STATE, BUNDLE)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["page.html", "thesis.html"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("The engine broke.")])
def test_an_export_that_breaks_off_leaves_what_was_there(tmp_path, error):
    path = write_page(tmp_path / "page.html", Scene([landscape()]), STATE, BUNDLE)
    before = path.read_bytes()
    broken = landscape(error=error)
    with pytest.raises(type(error)):
        write_page(path, Scene([broken]), STATE, BUNDLE)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["page.html"]


def test_a_file_is_not_there_before_it_is_whole(tmp_path, monkeypatch):
    path = tmp_path / "page.html"
    seen = []
    write = page_writer._write

    def watched(*arguments):
        write(*arguments)
        seen.append(path.exists())

    monkeypatch.setattr(page_writer, "_write", watched)
    write_page(path, Scene([landscape()]), STATE, BUNDLE)
    assert seen == [False]
    assert path.exists()


def test_json_in_a_script_reads_back(tmp_path):
    value = {"<b>": ["</script>", 1.5, None, "é\u2028"]}
    assert "<" not in script_json(value)
    assert json.loads(script_json(value)) == value
