"""The explorer in Python: what its attributes take, what they tell, and what a page may do to them."""

from __future__ import annotations

import base64
import logging
from contextlib import suppress
from pathlib import Path

import comm
import numpy as np
import pandas as pd
import pytest
import torch
import traitlets
from hosts import RecordingComm
from hypothesis import given
from hypothesis import strategies as st
from recorded import record
from synthetic import fitted, landscape

import dvi_widget as dvi
from dvi_widget import suggestions
from dvi_widget.baselines import PCA
from dvi_widget.runs.arguments import checked_classes
from dvi_widget.runs.storage import check_group
from dvi_widget.widget import bundle
from dvi_widget.widget.explorer import Explorer
from dvi_widget.widget.questions import ask
from dvi_widget.widget.selections import from_text, to_text


@pytest.fixture(autouse=True)
def host(monkeypatch):
    monkeypatch.setattr(comm, "create_comm", RecordingComm)


@pytest.fixture
def explorer():
    explorer = Explorer(landscape(groups=("flipped",)))
    yield explorer
    explorer.close()


def wire(**state):
    """Attributes as the page has them: selections are texts there."""
    if isinstance(state.get("selection"), list):
        state["selection"] = to_text(state["selection"])
    if "selections" in state:
        state["selections"] = {name: to_text(indices) for name, indices in state["selections"].items()}
    return state


def sync(explorer, **state):
    """What the front end does when a person changes something."""
    explorer.comm.hear({"method": "update", "state": state, "buffer_paths": []})


def heard(explorer, name):
    changes = []
    explorer.observe(lambda change: changes.append((change["old"], change["new"])), name)
    return changes


def test_it_opens_at_the_last_epoch_with_nothing_selected(explorer):
    assert explorer.epoch == 10
    assert explorer.selection == []
    assert explorer.hovered is None
    assert explorer.color_by == "label"
    assert repr(explorer) == "Explorer(40 samples, 3 epochs)"


def test_the_first_message_is_small(explorer):
    (kind, data, buffers), *_ = explorer.comm.said
    assert kind == "comm_open"
    assert buffers == []
    assert data["state"]["epoch"] == 10
    without_code = {name: value for name, value in data["state"].items() if name != "_esm"}
    assert len(repr(without_code)) < 3000


VIEW = {"speed": 1.5, "loop": True, "side": None, "path": [1, 2], "markers": [{"number": 1, "x": 0.5}]}


@pytest.mark.parametrize("page", [False, True], ids=["python", "page"])
@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("epoch", 5, 5),
        ("selection", [7, 3, 3], [3, 7]),
        ("hovered", 0, 0),
        ("color_by", "correctness", "correctness"),
        ("filter", "label:cat -flipped", "label:cat -flipped"),
        ("selections", {"odd <ones>": [7, 3, 3], "none": []}, {"odd <ones>": [3, 7], "none": []}),
        ("_view", VIEW, VIEW),
    ],
)
def test_a_change_is_kept_and_told_once(explorer, page, name, value, kept):
    before, changes = getattr(explorer, name), heard(explorer, name)
    if page:
        sync(explorer, **wire(**{name: value}))
        assert explorer.comm.updates() == []
    else:
        setattr(explorer, name, value)
        assert explorer.comm.updates() == [wire(**{name: kept})]
    assert getattr(explorer, name) == kept
    assert changes == [(before, kept)]


def test_setting_what_is_already_so_tells_nobody(explorer):
    explorer.selection = [1, 2]
    changes = heard(explorer, "selection") + heard(explorer, "epoch")
    said = len(explorer.comm.said)
    explorer.selection = np.array([2, 1])
    explorer.epoch = 10
    assert changes == []
    assert len(explorer.comm.said) == said


@pytest.mark.parametrize(
    "indices",
    [
        (4, 2),
        {4, 2},
        range(2, 5, 2),
        np.array([4, 2]),
        np.array([2, 4], np.uint8),
        pd.Index([4, 2]),
        pd.Series([4, 2]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_any_collection_of_indices_is_a_selection(explorer, indices):
    explorer.selection = indices
    assert explorer.selection == [2, 4]
    assert all(type(index) is int for index in explorer.selection)


def test_a_selection_travels_as_a_bitmask_in_base64(explorer):
    assert to_text([]) == ""
    assert to_text([0, 3, 8]) == base64.b64encode(bytes([0b1001, 1])).decode() == "CQE="
    assert len(to_text(range(0, 1_000_000, 2))) <= 167_000
    explorer.selection = [3, 39]
    assert explorer.get_state("selection") == {"selection": to_text([3, 39])}
    sync(explorer, selection=base64.b64encode(bytes([8, 0, 0, 0, 0])).decode())
    assert explorer.selection == [3]
    assert explorer.comm.updates()[-1] == {"selection": "CA=="}  # zero bytes at the end are cut


@given(st.sets(st.integers(0, 300)))
def test_what_is_written_of_a_selection_is_read_again(indices):
    text = to_text(list(indices))
    assert from_text(text) == sorted(indices)
    assert not base64.b64decode(text).endswith(b"\0")


def test_whole_numbers_of_numpy_are_whole_numbers(explorer):
    explorer.epoch = np.int64(5)
    explorer.hovered = np.uint8(3)
    assert (type(explorer.epoch), type(explorer.hovered)) == (int, int)


WRONG = [
    ("epoch", 3, r"epoch must be a recorded one \(0, 5, 10\); got 3"),
    ("epoch", "5", "got '5'"),
    ("epoch", 5.0, "got 5.0"),
    ("epoch", True, "got True"),
    ("epoch", None, "got None"),
    ("selection", [3, 40], "selection must name samples by whole numbers from 0 to 39; got 40"),
    ("selection", [-1], "got -1"),
    ("selection", [2**70], "got 118059"),
    ("selection", [1.5], "got 1.5"),
    ("selection", [3, True], "got True"),
    ("selection", "12", "collection of sample indices"),
    ("selection", 3, "collection of sample indices"),
    ("selection", None, "collection of sample indices"),
    ("hovered", 40, "hovered must name samples by whole numbers from 0 to 39; got 40"),
    ("hovered", "3", "got '3'"),
    ("color_by", "mood", "color_by"),
    ("selections", [3], r"dict of names to sample indices; got \[3\]"),
    ("selections", {"a": [40]}, r"selections\['a'\] must name samples by .*; got 40"),
    ("selections", {"a": 3}, r"selections\['a'\] must be a mask or a collection"),
    ("selections", {" ": [3]}, "names that are not blank"),
    ("selections", {3: [3]}, "names that are not blank .* got 3"),
    ("_view", None, "_view must be a dict of JSON"),
    ("_view", {"a": {1}}, "_view must be a dict of JSON"),
    ("_view", {"a": float("nan")}, "_view must be a dict of JSON"),
    ("_view", {"a": "x" * (1 << 14)}, "16384 characters"),
]


@pytest.mark.parametrize(("name", "value", "says"), WRONG)
def test_what_the_landscape_does_not_have_is_refused(explorer, name, value, says):
    before, changes = getattr(explorer, name), heard(explorer, name)
    with pytest.raises(traitlets.TraitError, match=says):
        setattr(explorer, name, value)
    assert getattr(explorer, name) == before
    assert changes == []


MASKS = {
    "numpy": lambda mask: mask,
    "torch": torch.from_numpy,
    "pandas": pd.Series,
    "nullable": lambda mask: pd.array(mask, dtype="boolean"),
    "list": lambda mask: mask.tolist(),
}
INDICES = {
    "list": lambda indices: indices,
    "tuple": tuple,
    "set": set,
    "generator": iter,
    "numpy": np.array,
    "torch": torch.tensor,
    "index": pd.Index,
    "NumPy's numbers": lambda indices: [np.int64(i) for i in indices],
}


@pytest.mark.parametrize("kind", MASKS)
def test_a_mask_of_any_kind_selects_where_it_is_true(explorer, kind):
    mask = np.zeros(40, bool)
    mask[[3, 5]] = True
    explorer.selection = MASKS[kind](mask)
    assert explorer.selection == [3, 5]
    explorer.selections = {"odd": MASKS[kind](mask)}
    assert explorer.selections == {"odd": [3, 5]}
    with pytest.raises(traitlets.TraitError, match=r"must have shape \(40,\) if it is a mask"):
        explorer.selection = MASKS[kind](mask[:7])


@pytest.mark.parametrize("kind", INDICES)
def test_indices_of_any_kind_select_these_samples(explorer, kind):
    explorer.selection = INDICES[kind]([5, 3, 5])
    assert explorer.selection == [3, 5]


@pytest.mark.parametrize("value", [[True, 3], [2.5], np.array([1.5]), ["a"], [40], [-1], np.array([[1]])])
def test_what_names_no_samples_is_refused(explorer, value):
    with pytest.raises(traitlets.TraitError, match="must name samples by whole numbers from 0 to 39; got"):
        explorer.selection = value
    assert explorer.selection == []


@pytest.mark.parametrize("name", ["", "  ", "\u202e", "\u200b\u200f", "\ud800", "a\udfff"])
def test_a_name_that_cannot_be_seen_or_sent_is_refused(explorer, name):
    with pytest.raises(traitlets.TraitError, match="names that are not blank and hold whole characters"):
        explorer.selections = {name: [1]}
    with pytest.raises((TypeError, ValueError), match=r"not blank|whole characters"):
        checked_classes(["one", name])
    with pytest.raises((TypeError, ValueError), match=r"not blank|whole characters"):
        check_group(name, np.ones(3, bool), 3, 0)


def test_a_filter_is_bounded_and_whole(explorer):
    for text in ("conf:" + "1" * 100_000, "\ud800"):
        with pytest.raises(traitlets.TraitError, match="a text of at most 10000 whole characters"):
            explorer.filter = text
    sync(explorer, filter="label:" + "a" * 100_000)
    assert explorer.filter == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[(name, value) for name, value, _ in WRONG],
        *[("selection", value) for value in ("AAAAAAAB", "AQ", "ü", "?", {})],
        *[("selections", {"a": value}) for value in ("AAAAAAAB", "AQ", None)],
    ],
)
def test_a_page_that_sets_nonsense_is_told_what_holds(explorer, caplog, capsys, name, value):
    before, changes = getattr(explorer, name), heard(explorer, name)
    sync(explorer, **{name: value})
    assert getattr(explorer, name) == before
    assert explorer.comm.updates()[-1] == wire(**{name: before})
    assert [change for change in changes if change[1] != before] == []
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert capsys.readouterr().err == ""


def test_the_pointer_may_leave(explorer):
    sync(explorer, hovered=3)
    changes = heard(explorer, "hovered")
    sync(explorer, hovered=None, epoch=0)
    assert (explorer.hovered, explorer.epoch) == (None, 0)
    assert changes == [(3, None)]
    assert explorer.comm.updates() == []


def test_what_is_wrong_does_not_stop_what_is_right(explorer):
    sync(explorer, hovered=3, epoch=4, color_by="prediction")
    assert (explorer.hovered, explorer.epoch, explorer.color_by) == (3, 10, "prediction")
    assert explorer.comm.updates() == [{"epoch": 10}]


def test_a_page_that_sets_what_does_not_exist_changes_nothing(explorer):
    sync(explorer, nonsense=1)
    assert not hasattr(explorer, "nonsense")


def test_requests_are_answered_over_the_comm(explorer):
    explorer.comm.hear({"method": "custom", "content": {"id": 7, "op": "hello", "args": {}}})
    ((content, buffers),) = explorer.comm.customs()
    assert content["id"] == 7
    assert content["ok"]
    assert len(buffers) == len(content["arrays"]) == 3
    explorer.comm.hear({"method": "custom", "content": "nonsense"})
    assert not explorer.comm.customs()[-1][0]["ok"]


def test_a_closed_explorer_says_nothing_more(explorer):
    line = explorer.comm
    explorer.close()
    said = len(line.said)
    explorer._conversation.receive({"id": 1, "op": "canvas", "args": {"landscape": 0, "epoch": 0}})
    assert len(line.said) == said
    assert line.said[-1][0] == "comm_close"


def test_the_table_tells_each_sample_as_it_stands_at_the_epoch(explorer):
    explorer.epoch = 5
    explorer.selection = [1, 35]
    table, frame = explorer.table(), explorer._landscapes[0].at(5)
    assert list(table.columns) == [
        "split",
        "label",
        "flipped",
        "prediction",
        "confidence",
        "correct",
        "selected",
        "shown",
        "tags",
    ]
    np.testing.assert_array_equal(table["prediction"], frame.predictions)
    np.testing.assert_array_equal(table["confidence"], frame.confidence)
    assert table.index[table.selected].tolist() == [1, 35]
    assert table.loc[0, "correct"] is pd.NA  # it has no label
    known = table[1:]
    np.testing.assert_array_equal(known.correct, known.label == known.prediction)
    table.loc[:, "label"] = 0
    assert not (explorer.table()["label"] == 0).all()  # the landscape's own is untouched


def test_the_table_says_which_samples_the_filter_shows(explorer):
    assert explorer.table()["shown"].all()
    explorer.epoch = 5
    explorer.filter = "label:cat,2 pred:owl conf<0.6 split:train -flipped changed:0-10 #5-39"
    table, frames = explorer.table(), explorer._landscapes[0]
    by_hand = (
        table["label"].isin([0, 2])
        & (table["prediction"] == 2)
        & (table["confidence"] < 0.6)
        & (table["split"] == "train")
        & ~table["flipped"]
        & (frames.at(0).predictions != frames.at(10).predictions)
        & (table.index >= 5)
    )
    np.testing.assert_array_equal(table["shown"], by_hand)
    explorer.filter = "wrong"
    at_five = explorer.table()["shown"]
    assert 0 < at_five.sum() < 40
    explorer.epoch = 0
    assert (explorer.table()["shown"] != at_five).any()


def test_a_filter_that_is_not_understood_is_refused_with_every_reason(explorer):
    explorer.filter = "wrong"
    says = "'label:cow': There is no class “cow”; classes are cat, dog, owl. '#40': There is no sample 40"
    with pytest.raises(traitlets.TraitError, match=says):
        explorer.filter = "label:cow wrong #40"
    with pytest.raises(traitlets.TraitError, match="filter"):
        explorer.filter = 4
    assert explorer.filter == "wrong"


def test_what_a_person_is_still_typing_is_kept_and_its_rest_counts(explorer):
    sync(explorer, filter="split:test label:ca")
    assert explorer.filter == "split:test label:ca"
    assert explorer.comm.updates() == []  # nothing is taken out of their hands
    table = explorer.table()
    np.testing.assert_array_equal(table["shown"], table["split"] == "test")
    sync(explorer, filter=3)
    assert explorer.comm.updates() == [{"filter": "split:test label:ca"}]
    with pytest.raises(traitlets.TraitError, match="no class “cow”"):
        explorer.filter = "label:cow"


class Recorded:
    """A source that knows the logits and nothing else."""

    def __init__(self, logits):
        self.recorded = logits
        self.asked = []

    def logits(self, epoch):
        self.asked.append(epoch)
        return self.recorded[epoch]


def test_suggestions_are_read_from_the_recorded_logits_once():
    shown = landscape()
    rng = np.random.default_rng(1)
    logits = {epoch: rng.normal(size=(40, 3)) for epoch in shown.epochs}
    shown.source = Recorded(logits)
    explorer = Explorer(shown)
    by_hand = suggestions.training_dynamics(logits.values(), shown.samples["label"].to_numpy(), [0, 5, 10])
    for name in suggestions.DEFINITIONS:
        table, expected = explorer.suggestions(name), suggestions.ranked(by_hand, name)
        assert len(table) > 0
        assert table.index.tolist() == expected.index.tolist()
        assert list(table.columns) == ["split", *expected.columns]
        explorer.selection = table.index[:5]
    assert shown.source.asked == [0, 5, 10]
    with pytest.raises(ValueError, match=r"name must be one of .*; got 'odd'"):
        explorer.suggestions("odd")
    assert dict(explorer.suggestions().to_numpy()) == suggestions.DEFINITIONS


def test_without_logits_or_a_second_epoch_suggestions_say_what_to_do():
    with pytest.raises(ValueError, match=r"logits of every epoch.*DVI\(\)\.fit\(run\)\.landscape\(\)"):
        Explorer(landscape()).suggestions("forgotten")
    with pytest.raises(ValueError, match="at least two epochs; this one has one"):
        Explorer(landscape(epochs=(3,))).suggestions("forgotten")


def test_it_exports_what_it_shows(explorer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    explorer.epoch, explorer.selection, explorer.color_by = 5, [3], "prediction"
    explorer.filter = "wrong"
    explorer.selections = {"odd": [4]}
    path = explorer.to_html("page.html")
    assert path == tmp_path / "page.html"
    state = '"state":{"epoch":5,"selection":"CA==","color_by":"prediction","size_by":"","filter":"wrong",'
    state += '"selections":{"odd":"EA=="},"_view":{}}'
    assert state in path.read_text(encoding="utf-8")


def test_pictures_may_be_given():
    images = np.zeros((40, 3, 5, 5), np.float32)
    explorer = Explorer(landscape(images=False), images=images)
    assert ask(explorer._scene, "hello", {}).result["images"] == {"height": 5, "width": 5, "channels": 3}


@pytest.mark.parametrize("shape", [(39, 1, 5, 5), (40, 2, 5, 5), (40, 5)])
def test_pictures_that_do_not_fit_are_refused(shape):
    with pytest.raises(ValueError, match="images"):
        Explorer(landscape(), images=np.zeros(shape, np.uint8))


def test_something_else_than_a_landscape_is_refused():
    with pytest.raises(TypeError, match=r"landscape must be a Landscape; got list. .* DVI\(\)\.fit\(run\)"):
        Explorer([landscape()])


@pytest.mark.feature("F7")
def test_two_landscapes_share_time_selection_and_samples():
    first, second = fitted(epochs=(0, 5, 10)), fitted(epochs=(3, 10, 20))
    second.samples = first.samples.assign(odd=np.arange(40) % 2 == 1)
    explorer = Explorer(first, second)
    assert repr(explorer) == "Explorer(2 landscapes, 40 samples, 5 epochs)"
    assert explorer.epoch == 20
    explorer.filter = "odd changed:3-10"
    for epoch, shown in ((0, (0, 3)), (3, (0, 3)), (5, (5, 3)), (20, (10, 20))):
        explorer.epoch = epoch
        for place, side in enumerate((first, second)):
            table = explorer.table(landscape=place)
            np.testing.assert_array_equal(table["prediction"], side.at(shown[place]).predictions)
    before, after = first.at(0).predictions, first.at(10).predictions
    np.testing.assert_array_equal(explorer.table()["shown"], explorer.table()["odd"] & (before != after))
    for place in (0, 1):
        aum = explorer.suggestions("likely mislabelled", landscape=place)["aum"]
        assert aum.is_monotonic_increasing
    assert not explorer.suggestions("on the boundary").equals(explorer.suggestions("on the boundary", 1))
    for read in (explorer.table, lambda place: explorer.suggestions(landscape=place)):
        with pytest.raises(IndexError, match="landscape must be 0 or 1; got 2"):
            read(2)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"classes": ("cat", "dog", "emu")},
            "the classes are cat, dog, owl in the first and cat, dog, emu in the second",
        ),
        ({"n": 44}, "there are 40 samples in the first and 44 in the second"),
        ({"seed": 1}, "the label of sample 2 is 1 in the first and 2 in the second"),
    ],
)
def test_landscapes_of_different_samples_do_not_stand_side_by_side(change, says):
    with pytest.raises(ValueError, match=f"the same samples and classes; {says}"):
        Explorer(landscape(), landscape(**change))


def test_none_or_three_landscapes_are_refused():
    with pytest.raises(TypeError, match="got nothing"):
        Explorer()
    with pytest.raises(ValueError, match="landscapes must be one or two, which stand side by side; got 3"):
        Explorer(*[landscape()] * 3)


def in_space(dimensions=3, **options):
    shown = landscape(**options)
    for frame in shown:
        frame.positions = np.zeros((len(shown.samples), dimensions), np.float32)
    return shown


def test_one_landscape_in_space_stands_beside_flat_ones():
    assert Explorer(landscape(), in_space())._scene.solid is not None
    assert Explorer(in_space(), landscape(), landscape())._scene.solid is not None
    assert Explorer(landscape())._scene.solid is None
    assert repr(Explorer(landscape(), in_space())) == repr(Explorer(landscape()))


def test_landscapes_in_space_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match=r"two dimensions to be drawn; got 3. .* Explorer\(flat, solid\)"):
        Explorer(in_space())
    with pytest.raises(ValueError, match="at most one in three dimensions; got 2"):
        Explorer(landscape(), in_space(), in_space())
    with pytest.raises(ValueError, match="two or three dimensions; got 4"):
        Explorer(landscape(), in_space(4))
    with pytest.raises(ValueError, match="the same samples and classes; there are 40"):
        Explorer(landscape(), in_space(n=50))


def test_a_front_end_that_was_not_built_says_how_to_build_it(monkeypatch, tmp_path):
    monkeypatch.setattr(bundle, "STATIC", tmp_path)
    bundle.front_end.cache_clear()
    with pytest.raises(FileNotFoundError, match="run `make`"):
        Explorer(landscape())


def test_tags_are_a_column_of_the_table():
    explorer = Explorer(landscape())
    assert explorer.table()["tags"].unique().tolist() == [""]
    explorer.selections = {"odd": [1, 3], "twice": [3]}
    tags = explorer.table()["tags"]
    assert tags[[1, 3]].tolist() == ["odd", "odd; twice"]
    assert (tags.drop([1, 3]) == "").all()


def test_it_opens_at_a_view_that_a_page_wrote():
    shown = landscape()
    first = shown.epochs[0]
    explorer = Explorer(
        shown, view=f"#epoch={first}&filter=wrong&selection=Cg%3D%3D&panel=%22confusion%22&delta=0.1"
    )
    assert (explorer.epoch, explorer.filter, explorer.selection) == (first, "wrong", [1, 3])
    assert explorer._view == {"panel": "confusion", "delta": 0.1}


@pytest.mark.parametrize(
    ("view", "sentence"),
    [
        ("no such thing", "view must be a text that a page wrote"),
        ("epoch=many", "view must be a text that a page wrote"),
        ("panel=confusion", "view must be a text that a page wrote"),
        ("epoch=999", "view must fit these landscapes"),
        ("filter=nonsense:x", "view must fit these landscapes"),
    ],
)
def test_a_view_that_makes_no_sense_is_refused(view, sentence):
    with pytest.raises(ValueError, match=sentence):
        Explorer(landscape(), view=view)


def test_its_height_is_in_its_view_and_out_of_range_is_refused():
    shown = landscape()
    assert Explorer(shown, height=640)._view == {"height": 640}
    assert Explorer(shown, height=640, view="delta=0.1")._view == {"height": 640, "delta": 0.1}
    for height in (319, 2001, 600.5, "600", True):
        with pytest.raises(
            ValueError, match=r"^height must be a whole number of pixels from 320 to 2000; got"
        ):
            Explorer(shown, height=height)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="there is no list of open files")
def test_running_a_cell_again_opens_no_more_files(tmp_path):
    record(tmp_path / "run", epochs=range(12))

    def cell():
        shown = PCA().fit(dvi.Run(tmp_path / "run")).landscape(resolution=8)
        explorer = Explorer(shown)
        ask(explorer._scene, "history", {"landscape": 0, "indices": [1]})
        ask(explorer._scene, "thumbnails", {"indices": [1], "size": None})
        return len(list(Path("/proc/self/fd").iterdir()))

    opened = [cell() for _ in range(5)]
    assert opened[-1] <= opened[0] + 2, opened


@pytest.mark.parametrize("value", [True, 1.0, "1"])
def test_a_page_cannot_put_what_equals_a_whole_number_in_its_place(value, monkeypatch):
    monkeypatch.setattr(comm, "create_comm", RecordingComm)
    explorer = Explorer(landscape(epochs=(0, 1)))
    explorer.epoch = explorer.hovered = 1
    for name in ("epoch", "hovered"):
        with suppress(traitlets.TraitError):  # which ipywidgets shows in a notebook's log
            explorer.comm.hear({"method": "update", "state": {name: value}, "buffer_paths": []})
        assert type(getattr(explorer, name)) is int
    explorer.close()
