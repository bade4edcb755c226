"""Attacks on a small network of digits: bounded, effective where gradients are right, and shown on maps."""

import numpy as np
import pytest
import torch
from recorded import network, record, samples
from sklearn.linear_model import LogisticRegression
from torch import nn

import dvi_widget as dvi


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("attacked") / "run"
    model = record(folder, epochs=(0, 3, 6, 9, 12))
    return model, folder


@pytest.mark.feature("F13")
def test_attacks_stay_within_epsilon_and_change_more_predictions_than_noise(trained):
    model, _ = trained
    (x, _), *_ = samples()
    noise = np.random.default_rng(0).choice([-0.1, 0.1], x.shape).astype("float32")
    predictor = dvi.Predictor(model)
    by_noise = predictor.predict(np.clip(x + noise, 0, 1)).argmax(1) != predictor.predict(x).argmax(1)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    gradients = [parameter.grad.clone() for parameter in model.parameters()]
    shares = {}
    for method in ("fgsm", "pgd"):
        found = dvi.attack(model, x, method=method, epsilon=0.1)
        assert (found.distance <= 0.1 + 1e-6).all()
        assert found.inputs.min() >= 0
        assert found.inputs.max() <= 1
        np.testing.assert_array_equal(found.before, predictor.predict(x).argmax(1))
        np.testing.assert_array_equal(found.after, predictor.predict(found.inputs).argmax(1))
        np.testing.assert_array_equal(found.changed, found.after != found.before)
        shares[method] = found.changed.mean()
    assert shares["pgd"] >= shares["fgsm"] > 2 * by_noise.mean()
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert all(torch.equal(p.grad, g) for p, g in zip(model.parameters(), gradients, strict=True))


def test_of_a_linear_network_the_least_change_is_known():
    """The prediction of w·x turns at a change of |w·x| / ‖w‖₁ per value."""
    rng = np.random.default_rng(1)
    w, x = rng.normal(size=8).astype("float32"), rng.normal(size=(20, 8)).astype("float32")
    model = nn.Linear(8, 2, bias=False)
    with torch.no_grad():
        model.weight.copy_(torch.from_numpy(np.stack([w, -w]) / 2))
    exact = np.abs(x @ w) / np.abs(w).sum()
    found = dvi.attack(model, x, epsilon=2.0, least=True, bounds=(-10, 10))
    assert found.changed.all()
    assert (found.distance >= exact - 1e-5).all()
    assert (found.distance <= exact + 2.0 / 100).all()


@pytest.mark.feature("F13")
def test_a_target_is_reached_and_labels_are_left(trained):
    model, _ = trained
    (x, y), *_ = samples()
    found = dvi.attack(model, x, target=8, epsilon=0.4)
    assert found.changed.mean() > 0.5
    assert (found.after[found.changed] == 8).all()
    wrong = np.flatnonzero(dvi.Predictor(model).predict(x).argmax(1) != y)
    left = dvi.attack(model, x, y, epsilon=1e-6)
    np.testing.assert_array_equal(np.flatnonzero(left.changed), wrong)


@pytest.mark.feature("F13")
def test_attacked_samples_are_added_to_the_map_beside_their_originals(trained):
    _, folder = trained
    (x, y), *_ = samples()
    view = dvi.DVI().fit(dvi.Run(folder, model=network()))
    found = dvi.attack(view.run_.subject(12).model, x, epsilon=0.3, least=True)
    rows = np.flatnonzero(found.changed)[:20]
    landscape = view.add(found.inputs[rows], y[rows]).landscape()
    frame = landscape.at(12)
    np.testing.assert_array_equal(frame.predictions[160:], found.after[rows])
    # Just over the border: the network is as unsure of them as it gets.
    assert frame.confidence[160:].mean() < frame.confidence[rows].mean()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            {"model": LogisticRegression().fit([[0.0], [1.0]], [0, 1])},
            TypeError,
            "model must be a torch network",
        ),
        ({"inputs": np.zeros((2, 1, 8, 8), np.uint8)}, TypeError, "inputs must be floats"),
        ({"method": "cw"}, ValueError, 'method must be "pgd" or "fgsm"; got \'cw\''),
        ({"epsilon": 0}, ValueError, "epsilon must be a positive number; got 0"),
        ({"epsilon": -1}, ValueError, "epsilon must be"),
        ({"steps": 0}, ValueError, "steps must be a whole number"),
        ({"target": 10}, ValueError, r"target must be a whole number in 0\.\.9"),
        ({"bounds": (1, 0)}, ValueError, "bounds must be a least and a larger value"),
        ({"y": [1]}, ValueError, "y must be a class index for each of the 2 samples"),
        ({"y": [1, 10]}, ValueError, r"y must lie in 0\.\.9; got 10"),
    ],
)
def test_what_cannot_be_attacked_is_refused(change, error, message):
    given = {"model": network(), "inputs": np.full((2, 1, 8, 8), 0.5, "float32"), "bounds": (0, 1)}
    given |= change
    with pytest.raises(error, match=message):
        dvi.attack(given.pop("model"), given.pop("inputs"), **given)
