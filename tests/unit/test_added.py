"""Digits that a run did not record: placed from their pixels, and added to its landscapes."""

import numpy as np
import pytest
from recorded import network, record, samples

import dvi_widget as dvi
from dvi_widget.pictures import Lines


@pytest.fixture(scope="module")
def unseen():
    (x, y), _, _ = dvi.datasets.digits()
    return x[600:680].astype("float32") / 255, y[600:680]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("added") / "run"
    record(folder, epochs=(0, 3, 6))
    return folder


@pytest.fixture
def view(folder):
    return dvi.DVI().fit(dvi.Run(folder, model=network()))


@pytest.mark.feature("A8")
def test_inputs_lie_where_their_representations_lie(view, unseen):
    pixels, labels = unseen
    for epoch in (0, 6):
        x = view.run_.subject(epoch).features(pixels)
        np.testing.assert_array_equal(view.transform(inputs=pixels, epoch=epoch), view.transform(x, epoch))
    # Most of them among training samples of their own class: one in ten would by chance.
    places = view.transform(inputs=pixels, epoch=6)
    (_, known), *_ = samples()
    near = dvi.measures.neighbors(view.landscape().at(6).positions[:120], 5, query=places)[0]
    assert (known[near] == labels[:, None]).mean() > 0.5


@pytest.mark.feature("B8")
def test_added_samples_join_at_every_epoch_and_move_nobody(view, unseen):
    pixels, labels = unseen
    before = view.landscape()
    after = view.add(pixels[:50], labels[:50]).add(pixels[50:]).landscape()
    assert len(after.samples) == len(before.samples) + 80 == 240
    added = after.samples["added"].to_numpy()
    assert added[160:].all()
    assert not added[:160].any()
    assert after.samples["label"].tolist()[160:] == [*labels[:50], *[-1] * 30]
    for frame in after:
        np.testing.assert_array_equal(frame.positions[:160], before.at(frame.epoch).positions)
        logits = view.run_.subject(frame.epoch).predict(pixels)
        np.testing.assert_array_equal(frame.predictions[160:], logits.argmax(axis=1))
        np.testing.assert_allclose(
            frame.positions[160:], view.transform(inputs=pixels, epoch=frame.epoch), atol=1e-5
        )
    np.testing.assert_array_equal(after.images[160:], np.rint(pixels * 255).astype(np.uint8))
    rows = np.array([3, 161, 239, 159])
    test_inputs = samples()[1][0]
    own = np.concatenate([samples()[0][0], test_inputs, pixels])[rows]
    np.testing.assert_array_equal(after.source.inputs(rows), own)
    near = after.source.neighbors(6, [200], 5)
    x = after.source.features(6)
    assert set(near[0]) == set(np.square(x - x[200]).sum(axis=1).argsort()[1:6])
    explorer = dvi.Explorer(after)
    explorer.filter = "added"
    assert explorer.table()["shown"].sum() == 80
    assert len(dvi.Explorer(view.fit(view.run_).landscape()).table()) == 160


def test_only_a_run_that_knows_its_network_takes_inputs(folder, unseen):
    blind = dvi.DVI().fit(dvi.Run(folder))
    for ask in (lambda: blind.add(unseen[0]), lambda: blind.transform(inputs=unseen[0], epoch=0)):
        with pytest.raises(dvi.RunError, match="needs the network itself"):
            ask()
    assert len(blind.landscape().samples) == 160
    assert "represent" not in blind.landscape().services


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda view, x: view.transform(epoch=0), "x must be given, or else inputs; got neither"),
        (lambda view, x: view.transform(x, 0, inputs=x), "x must be given, or else inputs; got both"),
        (lambda view, x: view.transform(inputs=x), r"epoch must be the number of a fitted epoch.*; got None"),
        (lambda view, x: view.add(x[0, 0, 0]), r"inputs must be \[m, ...\]"),
        (lambda view, x: view.add(x, [1]), "y must be one class index for each of the 80 samples"),
        (lambda view, x: view.add(x, np.full(80, 10)), r"y must lie in 0\.\.9, or be −1 for none; got 10"),
        (lambda view, x: view.add(x, images=x[:3]), r"images must be \(80, 1, 8, 8\), as the run's"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_added(view, unseen, call, message):
    with pytest.raises(ValueError, match=message):
        call(view, unseen[0])
    assert len(view.landscape().samples) == 160


def test_lines_lead_from_inputs_to_pictures_and_back():
    pictures = np.random.default_rng(0).integers(0, 256, (30, 3, 4, 5)).astype(np.uint8)
    mean, spread = np.array([0.4, 0.5, 0.6])[:, None, None], np.array([0.2, 0.25, 0.3])[:, None, None]
    inputs = ((pictures / 255 - mean) / spread).astype(np.float32)
    lines = Lines.between(inputs, pictures)
    assert lines.residual < 0.01
    np.testing.assert_array_equal(lines.pictures(inputs), pictures)
    np.testing.assert_allclose(lines.inputs(pictures), inputs, atol=1e-4)
