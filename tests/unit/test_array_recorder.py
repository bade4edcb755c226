"""Recording from arrays, without a network: the same run as with one, and what needs the network says so."""

import warnings

import numpy as np
import pytest
import torch
from recorded import network, record, recorder, samples, train
from sklearn.linear_model import SGDClassifier

import dvi_widget as dvi
from dvi_widget.boundary import on_boundary

(X, Y), (XT, YT), NAMES = samples()


def parts(model, x):
    """Representations and logits of the test network, and its head."""
    with torch.no_grad():
        h = model[:3](torch.from_numpy(x)).numpy()
        z = model(torch.from_numpy(x)).numpy()
    return h, z


def head_of(model):
    return model[3].weight.detach().numpy(), model[3].bias.detach().numpy()


def trained(steps=30):
    model = network()
    train(model, X, Y, steps=steps)
    return model


def arrays(folder, **options):
    return dvi.ArrayRecorder(folder, **{"labels": (Y, YT), "classes": NAMES, **options})


def capture(recording, model, epoch=0, head=None, **options):
    (h, z), (ht, zt) = parts(model, X), parts(model, XT)
    recording.capture(epoch, features=(h, ht), logits=(z, zt), head=head, **options)


HEADS = {
    "weights": head_of,
    "weights the other way round": lambda model: (head_of(model)[0].T, head_of(model)[1]),
    "a function": lambda model: lambda x: x @ head_of(model)[0].T + head_of(model)[1],
    "none": lambda model: None,
}


@pytest.mark.feature("F11")
@pytest.mark.parametrize("head", HEADS)
def test_a_run_of_arrays_is_the_run_of_the_network(tmp_path, head):
    model = trained()
    capture(arrays(tmp_path / "arrays", images=(X, XT)), model, head=HEADS[head](model), scalars={"loss": 1})
    recorder(tmp_path / "network", model).capture(0)
    ours, theirs = dvi.Run(tmp_path / "arrays"), dvi.Run(tmp_path / "network")
    np.testing.assert_allclose(ours.features(0, "all"), theirs.features(0, "all"), atol=1e-6)
    np.testing.assert_allclose(ours.logits(0, "all"), theirs.logits(0, "all"), atol=1e-5)
    np.testing.assert_array_equal(ours.images, theirs.images)
    assert ours.samples.equals(theirs.samples)
    assert ours.scalars.loc[0, "test_accuracy"] == theirs.scalars.loc[0, "test_accuracy"]
    assert ours.scalars.loc[0, "loss"] == 1
    z = ours.head(0)(torch.from_numpy(ours.features(0).copy())).detach().numpy()
    centred = [value - value.mean(1, keepdims=True) for value in (z, theirs.logits(0))]
    np.testing.assert_allclose(*centred, atol=1e-2)
    assert ours.linear_head(0) is not None


def test_boundary_points_of_arrays_lie_on_the_boundary_of_the_head(tmp_path):
    model = trained()
    capture(arrays(tmp_path / "run"), model, head=head_of(model))
    run = dvi.Run(tmp_path / "run")
    for split in ("train", "test"):
        points = run.boundary(0, split)
        assert len(points) == 12
        z = run.head(0)(torch.from_numpy(np.array(points))).numpy()
        assert on_boundary(z, 0.1001).all()
    assert not np.array_equal(run.boundary(0, "train"), run.boundary(0, "test"))


def test_a_run_of_arrays_is_fitted_measured_shown_and_continued(tmp_path):
    model = network()
    recording = arrays(tmp_path / "run", images=(X, XT), groups={"first": np.arange(120) < 10})
    for epoch in range(2):
        train(model, X, Y, steps=15, seed=epoch)
        capture(recording, model, epoch, head_of(model))
    capture(arrays(tmp_path / "run"), model, 2, head_of(model))
    run = dvi.Run(tmp_path / "run")
    assert run.epochs == [0, 1, 2]
    assert run.samples["first"].sum() == 10
    shown = dvi.DVI(seed=0).fit(run).landscape(resolution=12)
    table = shown.measures(k=5)
    # Of so few samples, none may be mixed, and none may move.
    undefined = table["measure"].isin(["looks_pure", "class_distance", "move_change", "move_neighbors"])
    assert np.isfinite(table["value"][~undefined]).all()
    explorer = dvi.Explorer(shown)
    assert len(explorer.table()) == 160
    assert not run.has_inputs
    for ask in (run.inputs, lambda: run.subject(0)):
        with pytest.raises(dvi.RunError, match=r"recorded from arrays.*dvi\.Recorder"):
            ask()


def test_a_head_that_is_not_linear_is_painted_by_the_nearest_samples_and_said(tmp_path):
    model = trained(60)
    with torch.no_grad():
        hidden, hidden_test = (model[:2](torch.from_numpy(x)).numpy() for x in (X, XT))
    z, zt = parts(model, X)[1], parts(model, XT)[1]

    def head(x):
        return model[2:](torch.from_numpy(x)).detach()

    for name, given in (("function", head), ("none", None)):
        recording = arrays(tmp_path / name)
        with pytest.warns(UserWarning, match="painted by the logits of the nearest training samples"):
            recording.capture(0, features=(hidden, hidden_test), logits=(z, zt), head=given)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            recording.capture(1, features=(hidden, hidden_test), logits=(z, zt), head=given)
        run = dvi.Run(tmp_path / name)
        assert run.linear_head(0) is None
        x = torch.from_numpy(run.features(0, "test").copy()).requires_grad_()
        found = run.head(0)(x)
        found.sum().backward()
        assert x.grad.isfinite().all()
        agree = (found.argmax(1).numpy() == run.logits(0, "test").argmax(1)).mean()
        assert agree > 0.6  # ten classes: chance is 0.1
        shown = dvi.DVI(seed=0).fit(run).landscape(resolution=8)
        assert shown[0].canvas.classes.shape == (8, 8)
    points = torch.from_numpy(dvi.Run(tmp_path / "function").boundary(0).copy())
    second, first = head(points.numpy()).topk(2).values.T.flip(0)
    assert ((first - second) < (zt.max(1) - zt.min(1)).mean() * 0.2).all()


def test_a_scikit_learn_classifier_is_recorded_as_it_learns(tmp_path):
    flat, flat_test = X.reshape(len(X), -1), XT.reshape(len(XT), -1)
    model = SGDClassifier(loss="log_loss", random_state=0)
    recording = arrays(tmp_path / "run", images=(X, XT))
    for epoch in range(3):
        model.partial_fit(flat, Y, classes=np.arange(10))
        recording.capture(
            epoch,
            features=(flat, flat_test),
            logits=(model.decision_function(flat), model.decision_function(flat_test)),
            head=(model.coef_, model.intercept_),
        )
    run = dvi.Run(tmp_path / "run")
    accuracy = run.scalars["test_accuracy"].iloc[-1]
    assert accuracy == pytest.approx(model.score(flat_test, YT))
    assert len(run.boundary(2)) == 12


def test_two_classes_may_have_one_logit_and_probabilities_are_read_with_a_warning(tmp_path):
    flat, y = X.reshape(len(X), -1), (Y > 4).astype(int)
    model = SGDClassifier(loss="log_loss", random_state=0).fit(flat, y)
    recording = dvi.ArrayRecorder(tmp_path / "run", labels=y, classes=["low", "high"])
    recording.capture(0, flat, model.decision_function(flat), head=(model.coef_, model.intercept_))
    run = dvi.Run(tmp_path / "run")
    assert (run.n_test, run.logits(0).shape) == (0, (120, 2))
    np.testing.assert_array_equal(run.logits(0).argmax(1), model.predict(flat))
    plain = dvi.ArrayRecorder(tmp_path / "plain", labels=y, classes=["low", "high"], boundary=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        plain.capture(1, flat, model.predict_proba(flat))
    assert any("taken as probabilities" in str(warning.message) for warning in caught)
    found, wanted = dvi.Run(tmp_path / "plain").logits(1), model.predict_proba(flat)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(np.exp(found), wanted, atol=1e-6)
    # Of two classes scikit-learn takes 1 - p, of which below this only rounding is left.
    told = wanted > 1e-4
    np.testing.assert_allclose(found[told], np.log(wanted[told]), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        (
            {"features": (np.zeros((120, 4)), np.zeros((39, 4)))},
            ValueError,
            r"test features must be \[40, ...\]",
        ),
        ({"features": np.zeros((120, 4))}, ValueError, r"test features must be \[40"),
        ({"features": (np.zeros((120, 4)), np.zeros((40, 5)))}, ValueError, "the same width .* got 4 and 5"),
        ({"logits": (np.zeros((120, 4)), np.zeros((40, 4)))}, ValueError, r"logits must be \[n, 10\]"),
        ({"features": (np.full((120, 4), np.nan), np.zeros((40, 4)))}, ValueError, "must be finite"),
        (
            {"head": (np.zeros((10, 16)), np.zeros(10))},
            ValueError,
            "which do not. Pass the features that enter",
        ),
        ({"head": lambda x: np.ones((len(x), 10)) * np.arange(10)}, ValueError, "gives others"),
        ({"head": "linear"}, TypeError, r"head must be \(W, b\), a function or None; got str"),
        ({"scalars": {"loss": float("nan")}}, ValueError, "scalars must be finite"),
        ({"epoch": -1}, ValueError, "epoch must be a whole number"),
    ],
)
def test_a_wrong_array_is_named_and_nothing_is_written(tmp_path, change, kind, words):
    model = trained()
    (h, z), (ht, zt) = parts(model, X), parts(model, XT)
    arguments = {"epoch": 0, "features": (h, ht), "logits": (z, zt), "head": head_of(model), **change}
    with pytest.raises(kind, match=words):
        arrays(tmp_path / "run").capture(**arguments)
    assert list(tmp_path.iterdir()) == []


def test_a_run_of_arrays_of_other_labels_or_of_a_network_is_not_continued(tmp_path):
    model = trained()
    capture(arrays(tmp_path / "run"), model)
    with pytest.raises(dvi.RunError, match="differs from this one"):
        arrays(tmp_path / "run", labels=(Y[::-1], YT))
    with pytest.raises(ValueError, match=r"features must be \[n, 16\], as in the epochs before"):
        arrays(tmp_path / "run").capture(
            1,
            features=(X.reshape(120, -1), XT.reshape(40, -1)),
            logits=(parts(model, X)[1], parts(model, XT)[1]),
        )
    record(tmp_path / "network", epochs=(0,))
    with pytest.raises(dvi.RunError, match="differs from this one"):
        arrays(tmp_path / "network")
    with pytest.raises(ValueError, match="must not have been recorded"):
        capture(arrays(tmp_path / "run"), model)


def test_a_run_of_arrays_can_be_watched(tmp_path):
    model = trained()
    recording = arrays(tmp_path / "run")
    told = []
    recording.follow(lambda: told.append(recording.epochs))
    capture(recording, model)
    assert told == [[0]]
    assert repr(recording).startswith("ArrayRecorder(")
