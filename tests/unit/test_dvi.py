"""DeepVisualInsight as published: its complex, its losses, and the estimator on a recorded run."""

import inspect

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded import network, record, recorder, unfitted
from safetensors.numpy import load_file
from sklearn.exceptions import NotFittedError
from torch import nn

import dvi_widget as dvi
from dvi_widget.boundary import margins
from dvi_widget.dvi import Layout
from dvi_widget.dvi.complex import Complex, bavr_complex, curve, memberships
from dvi_widget.dvi.losses import head_gradients, reconstruction_loss, temporal_loss, umap_loss
from dvi_widget.dvi.paper import Paper, _PairSampler
from dvi_widget.projection import Checkpoint, cache
from dvi_widget.runs.storage import RunError

QUICK = {"method": "paper", "steps": (150, 80), "batch_size": 200, "seed": 3}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "digits"
    record(path, epochs=(0, 5, 10))
    return path


@pytest.fixture(scope="module")
def fitted(folder):
    return dvi.DVI(**QUICK).fit(dvi.Run(folder))


# The complex (Def. 3)


@settings(max_examples=40)
@given(st.integers(5, 30), st.integers(0, 2**32 - 1))
def test_memberships_of_a_row_start_at_one_fall_and_sum_to_log2_k(k, seed):
    d = np.sort(np.random.default_rng(seed).uniform(0.5, 3, size=(20, k)), axis=1)
    weights = memberships(d)
    assert (weights[:, 0] == 1).all()
    assert (np.diff(weights, axis=1) <= 0).all()
    assert weights.sum(axis=1) == pytest.approx(np.log2(k), rel=1e-3)


def test_memberships_do_not_depend_on_the_unit_of_distance():
    d = np.sort(np.random.default_rng(0).uniform(0, 1, size=(20, 15)), axis=1)
    assert memberships(1000 * d) == pytest.approx(memberships(d), rel=1e-4)


def test_equal_and_zero_distances_leave_finite_weights():
    d = np.array([[0.0] * 5, [1.0] * 5, [0, 0, 0, 0, 2]])
    weights = memberships(d)
    assert np.isfinite(weights).all()
    assert (weights[:2] == 1).all()


def test_weights_agree_with_umaps_own():
    from umap import umap_ as umap

    x = np.random.default_rng(0).normal(size=(300, 8)).astype(np.float32)
    found, distances = dvi.measures.neighbors(x, 15)
    # Its search finds each point itself first, and its rows sum to log2 of all columns.
    own = np.column_stack([np.arange(300), found]), np.column_stack([np.zeros(300), distances])
    theirs, *_ = umap.fuzzy_simplicial_set(x, 16, 0, "euclidean", knn_indices=own[0], knn_dists=own[1])
    complex_ = bavr_complex((found, distances))
    ours = np.asarray(theirs[complex_.heads, complex_.tails]).ravel()
    assert np.corrcoef(complex_.weights, ours)[0, 1] > 0.999
    a, b = umap.find_ab_params(1.0, 0.1)
    assert curve(0.1, 1.0) == pytest.approx((a, b), rel=1e-3)


@pytest.mark.feature("A3")
def test_the_complex_has_the_edges_of_definition_3_each_once():
    rng = np.random.default_rng(0)
    x, b, k = rng.normal(size=(40, 5)), rng.normal(size=(12, 5)), 4
    neighbors = dvi.measures.neighbors
    complex_ = bavr_complex(neighbors(x, k), neighbors(b, k, query=x), neighbors(b, k))
    edges = set(zip(complex_.heads.tolist(), complex_.tails.tolist(), strict=True))
    assert len(edges) == len(complex_.heads)

    def nearest(points, i, start):
        d = np.square(points - np.concatenate([x, b])[i]).sum(axis=1)
        return [j + start for j in np.argsort(d) if j + start != i][:k]

    expected = {tuple(sorted((i, j))) for i in range(40) for j in nearest(x, i, 0)}
    expected |= {(i, j) for i in range(40) for j in nearest(b, i, 40)}
    expected |= {tuple(sorted((i, j))) for i in range(40, 52) for j in nearest(b, i, 40)}
    assert edges == expected
    assert ((complex_.weights > 0) & (complex_.weights <= 1)).all()


# The losses (Eq. 8–10)


@pytest.mark.feature("A3")
def test_the_layout_loss_is_the_cross_entropy_of_its_definition():
    near, far, (a, b) = torch.tensor([0.5, 2.0]), torch.tensor([1.0, 9.0, 4.0]), (1.5, 0.9)
    q = [1 / (1 + a * d**b) for d in (near.numpy(), far.numpy())]
    expected = (-np.log(q[0]).mean() - 5 * np.log(1 - q[1]).mean()) / 6
    assert umap_loss(near, far, a, b, 5).item() == pytest.approx(expected, rel=1e-3)
    # Pairs at one place are the best and the worst case, and still have a gradient.
    zero = torch.zeros(1, requires_grad=True)
    umap_loss(zero, zero, a, b, 5).backward()
    assert torch.isfinite(zero.grad).all()


@pytest.mark.feature("A4")
def test_gradients_of_a_linear_head_are_its_two_rows():
    torch.manual_seed(0)
    head, x = nn.Linear(6, 4), torch.randn(30, 6)
    top = head(x).topk(2, dim=1).indices
    expected = head.weight[top[:, 0]].abs() + head.weight[top[:, 1]].abs()
    assert torch.allclose(head_gradients(head, x), expected)
    with torch.no_grad():
        assert torch.allclose(head_gradients(head, x), expected)


def test_gradients_of_a_curved_head_are_finite_differences():
    torch.manual_seed(0)
    head, x = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 4)).double(), torch.randn(4, 3).double()
    found = head_gradients(head, x)
    top = head(x).topk(2, dim=1).indices
    for i in range(4):
        for m in range(3):
            step = torch.zeros(3).double()
            step[m] = 1e-6
            slope = (head(x[i] + step) - head(x[i] - step))[top[i]] / 2e-6
            assert found[i, m].item() == pytest.approx(slope.abs().sum().item(), rel=1e-4)


@pytest.mark.feature("A4", "A5")
def test_reconstruction_and_temporal_loss_of_cases_solved_by_hand():
    x, decoded = torch.zeros(2, 2), torch.tensor([[1.0, 0], [0, 2]])
    weight = torch.tensor([[3.0, 1], [1, 2]])
    assert reconstruction_loss(x, decoded, weight).item() == (3 + 8) / 4
    assert temporal_loss(torch.tensor([1.0, 2]), torch.tensor([0.0, 4]), 0.2).item() == pytest.approx(1.0)


# The estimator


def test_all_epochs_are_fitted_in_order_under_their_recorded_numbers(fitted):
    assert fitted.epochs_ == [0, 5, 10]
    shown = fitted.landscape(resolution=50)
    assert shown.epochs == [0, 5, 10]
    assert len(shown.samples) == 160
    for frame in shown:
        assert frame.positions.shape == (160, 2)
        assert frame.positions.dtype == np.float32
        logits = fitted.run_.logits(frame.epoch, "all")
        assert np.array_equal(frame.predictions, logits.argmax(axis=1))
        probability = torch.from_numpy(np.array(logits)).softmax(dim=1).max(dim=1).values
        assert frame.confidence == pytest.approx(probability.numpy(), rel=1e-5)


def test_frames_hold_the_projection_of_train_then_test_samples(fitted):
    frame = fitted.landscape().at(5)
    everything = fitted.transform(fitted.run_.features(5, "all"), epoch=5)
    assert frame.positions == pytest.approx(everything, abs=1e-4)


@pytest.mark.feature("A7")
def test_the_canvas_is_the_decoded_and_classified_plane(fitted):
    shown = fitted.landscape(resolution=30)
    classes, shade, margin = shown.at(10).canvas
    x0, x1, y0, y1 = shown.extent
    row, column = 4, 21
    point = [[x0 + (column + 0.5) / 30 * (x1 - x0), y0 + (row + 0.5) / 30 * (y1 - y0)]]
    logits = fitted.run_.head(10)(torch.from_numpy(fitted.inverse_transform(point, epoch=10)))
    assert classes[row, column] == int(logits.argmax())
    assert margin[row, column] == pytest.approx(255 * np.sqrt(margins(logits.numpy())[0]), abs=0.6)
    assert shade[row, column] == pytest.approx(255 * logits.softmax(dim=1).max().item(), abs=0.6)


def test_the_same_seed_gives_the_same_positions_and_another_seed_others(folder, fitted, tmp_path):
    positions = [frame.positions for frame in fitted.landscape()]
    twin = dvi.DVI(**QUICK).fit(unfitted(folder, tmp_path / "twin")).landscape()
    assert all(np.array_equal(a.positions, b) for a, b in zip(twin, positions, strict=True))
    other = dvi.DVI(**{**QUICK, "seed": 4}).fit(dvi.Run(folder), epochs=[0]).landscape()
    assert not np.allclose(other[0].positions, positions[0])


def test_training_leaves_the_users_random_numbers_alone(folder):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    dvi.DVI(**{**QUICK, "seed": 11}).fit(dvi.Run(folder), epochs=[0])
    assert torch.equal(torch.rand(3), expected)


class Interrupted(Paper):
    """Stopped by hand while the last epoch is fitted."""

    def fit(self, checkpoint, previous, seed, report):
        if checkpoint.epoch == 10:
            raise KeyboardInterrupt
        return super().fit(checkpoint, previous, seed, report)


def test_a_fit_that_is_stopped_keeps_its_epochs_and_goes_on_where_it_was(
    folder, tmp_path, fitted, monkeypatch
):
    run = unfitted(folder, tmp_path / "run")
    model = dvi.DVI(**QUICK)
    with monkeypatch.context() as patch:
        patch.setattr("dvi_widget.dvi.estimators.Paper", Interrupted)
        with pytest.raises(KeyboardInterrupt, match=r"epochs \[0, 5\] are finished and kept"):
            model.fit(run)
    assert model.epochs_ == [0, 5]
    assert model.landscape().epochs == [0, 5]
    assert model.transform(run.features(5), epoch=5).shape == (120, 2)
    seen = []
    monkeypatch.setattr(
        Paper, "fit", lambda self, c, *rest, fit=Paper.fit: seen.append(c.epoch) or fit(self, c, *rest)
    )
    resumed = dvi.DVI(**QUICK).fit(run)
    assert seen == [10]
    for frame, whole in zip(resumed.landscape(), fitted.landscape(), strict=True):
        assert np.array_equal(frame.positions, whole.positions)


def test_a_second_fit_loads_and_another_setting_or_other_data_fits_anew(tmp_path, monkeypatch):
    model = record(tmp_path / "run", epochs=(0, 1))
    run = dvi.Run(tmp_path / "run")
    first = dvi.DVI(**QUICK).fit(run)
    seen = []
    monkeypatch.setattr(
        Paper, "fit", lambda self, c, *rest, fit=Paper.fit: seen.append(c.epoch) or fit(self, c, *rest)
    )
    again = dvi.DVI(**QUICK).fit(run)
    assert seen == []
    for one, two in zip(first.landscape(), again.landscape(), strict=True):
        assert np.array_equal(one.positions, two.positions)
    x = run.features(1, "test")
    assert np.array_equal(first.transform(x, epoch=1), again.transform(x, epoch=1))
    y = first.transform(x, epoch=1)
    assert np.array_equal(first.inverse_transform(y, epoch=1), again.inverse_transform(y, epoch=1))

    dvi.DVI(**{**QUICK, "beta": 0.5}).fit(run)
    assert seen == [0, 1]
    seen.clear()
    # The first epoch is recorded anew: it, and the one that started from it, are fitted again.
    recording = recorder(tmp_path / "run", network(seed=9))
    recording.capture(0, overwrite=True)
    dvi.DVI(**QUICK).fit(dvi.Run(tmp_path / "run"))
    assert seen == [0, 1]
    seen.clear()
    recording = recorder(tmp_path / "run", model)
    recording.capture(2)
    dvi.DVI(**QUICK).fit(dvi.Run(tmp_path / "run"))
    assert seen == [2]


def test_an_epoch_recorded_anew_is_not_mixed_with_the_old_fit(tmp_path):
    record(tmp_path / "run", epochs=(0, 1))
    run = dvi.Run(tmp_path / "run")
    model = dvi.baselines.PCA().fit(run)
    landscape, x = model.landscape(), run.features(1, "test")
    recorder(tmp_path / "run", network(seed=9)).capture(1, overwrite=True)
    points = np.zeros((1, 2), np.float32)
    for ask in (
        lambda: model.transform(x, epoch=1),
        lambda: model.inverse_transform(points, epoch=1),
        model.landscape,
        landscape.measures,
        lambda: landscape.neighbor_loss(1, 5),
        lambda: landscape.source.place(1, x),
        lambda: landscape.source.paint(1, points),
    ):
        with pytest.raises(RunError, match=r"Epoch 1 of .* was recorded anew after it was fitted"):
            ask()
    assert len(landscape[-1].positions) == len(landscape.samples)
    assert model.transform(x, epoch=0).shape == (len(x), 2)
    assert len(dvi.baselines.PCA().fit(run).landscape().measures()) > 0


def test_a_damaged_map_is_fitted_again_with_a_warning(tmp_path):
    record(tmp_path / "run", epochs=(0,))
    run = dvi.Run(tmp_path / "run")
    before = dvi.DVI(**QUICK).fit(run).landscape()
    (path,) = run.maps.glob("*.safetensors")
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.warns(UserWarning, match="is damaged"):
        after = dvi.DVI(**QUICK).fit(run).landscape()
    assert np.array_equal(before[0].positions, after[0].positions)
    assert np.array_equal(load_file(path)["positions"], after[0].positions)


def test_an_epoch_without_boundary_samples_is_fitted_on_its_samples_alone(tmp_path):
    record(tmp_path / "run", epochs=(0, 1), boundary=0.0)
    run = dvi.Run(tmp_path / "run")
    assert len(run.boundary(0)) == 0
    shown = dvi.DVI(**QUICK).fit(run).landscape(resolution=20)
    assert np.isfinite(shown[1].positions).all()
    assert shown[1].canvas[0].shape == (20, 20)
    assert "boundary_pv" not in set(shown.measures(k=[10])["measure"])


def test_a_head_of_several_layers_serves_like_a_linear_one(tmp_path):
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 12), nn.ReLU(), nn.Linear(12, 10)
    )
    torch.manual_seed(0)
    record(tmp_path / "run", epochs=(0,), model=model, layer="2")
    run = dvi.Run(tmp_path / "run", model=model)
    shown = dvi.DVI(**QUICK).fit(run).landscape(resolution=20)
    assert shown[0].canvas[0].shape == (20, 20)


@pytest.mark.feature("A6")
def test_settings_of_the_losses_do_what_they_say(tmp_path):
    record(tmp_path / "run", epochs=(0, 1))
    run = dvi.Run(tmp_path / "run")

    def moved(weights):
        first, second = (m.arrays() for m in dvi.DVI(**QUICK, weights=weights).fit(run).maps_.values())
        return sum(np.square(second[name] - first[name]).sum() for name in first)

    # The temporal loss holds the networks where they were.
    assert moved((1.0, 1.0, 1000.0)) < 0.1 * moved((1.0, 1.0, 0.0))
    decoded = dvi.DVI(**QUICK).fit(run, epochs=[0]).landscape().measures(k=[5])
    blind = dvi.DVI(**QUICK, weights=(1.0, 0.0, 0.3)).fit(run, epochs=[0]).landscape().measures(k=[5])
    error = [t.loc[t["measure"] == "rec_pv", "value"].mean() for t in (decoded, blind)]
    assert error[0] < 0.7 * error[1]


def test_positions_do_not_depend_on_the_units_of_the_representations(folder):
    run = dvi.Run(folder)
    plain = Checkpoint(run, 0)
    scaled = Checkpoint(run, 0)
    scaled.x, scaled.b = 1024 * plain.x, 1024 * plain.b
    scaled.head = lambda x, head=plain.head: head(x / 1024)
    method = Paper(steps=(60, 60), batch_size=200)
    maps = [method.fit(checkpoint, None, 0, lambda _: None) for checkpoint in (plain, scaled)]
    assert maps[1].positions == pytest.approx(maps[0].positions, abs=1e-3)


@pytest.mark.feature("A4")
def test_the_landscape_of_digits_keeps_more_than_chance(tmp_path):
    record(tmp_path / "run", epochs=(0, 1, 2, 3))
    model = dvi.DVI(method="paper", steps=(500, 250), batch_size=300).fit(dvi.Run(tmp_path / "run"))
    table = model.landscape().measures(k=[10])
    value = table.groupby(["measure", "split"])["value"].mean()
    # By chance 10 of 119 neighbours and of 12 boundary samples would be kept, and one class of ten.
    assert value["nn_pv", "train"] > 0.3
    assert value["nn_pv", "test"] > 0.25
    assert value["ppr", "train"] > 0.5
    assert value["ppr", "test"] > 0.4


# The source


def test_neighbors_of_samples_are_searched_in_representation_space_among_those_allowed(fitted):
    source, x = fitted.landscape().source, fitted.run_.features(5, "all")
    expected = dvi.measures.neighbors(x, 6)[0]
    assert np.array_equal(source.neighbors(5, [0, 7, 150], 6), expected[[0, 7, 150]])
    mask = np.arange(160) >= 120
    allowed = np.flatnonzero(mask)
    assert np.array_equal(
        source.neighbors(5, [3], 4, mask), allowed[dvi.measures.neighbors(x[allowed], 4, query=x[[3]])[0]]
    )
    found = source.neighbors(5, [130], 39, mask)
    assert sorted(found[0]) == [i for i in allowed if i != 130]
    with pytest.raises(ValueError, match=r"k must be a whole number in 1\.\.39"):
        source.neighbors(5, [130], 40, mask)


# Errors at the door


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"seed": -1}, "seed must be"),
        ({"k": 0}, "k must be a whole number"),
        ({"weights": (1, 1)}, "weights must be 3 numbers"),
        ({"learning_rate": 0}, "learning_rate must be a positive number"),
        ({"beta": -1}, "beta must be a number of 0 or more"),
        ({"steps": (10, 0)}, "steps must be a whole number of 1 or more"),
        ({"steps": 10}, "steps must be 2 numbers; got 10"),
        ({"width": 0}, "width must be"),
        ({"device": "abacus"}, "device must be"),
    ],
)
def test_settings_out_of_range_are_refused_before_any_work(folder, settings_, message):
    with pytest.raises(ValueError, match=message):
        dvi.PaperDVI(**settings_).fit(dvi.Run(folder))


def test_the_published_method_is_built_by_its_name_too(folder):
    model = dvi.DVI("paper", steps=(30, 20), seed=3)
    assert type(model) is dvi.PaperDVI
    assert model.get_params() == dvi.PaperDVI(steps=(30, 20), seed=3).get_params()
    with pytest.raises(TypeError, match="unexpected keyword argument 'stepz'"):
        dvi.DVI("paper", stepz=3)
    with pytest.raises(ValueError, match='method must be "layout", "paper" or "dvi-t"; got \'papers\''):
        dvi.DVI("papers").fit(dvi.Run(folder))


@pytest.mark.feature("A10")
def test_without_its_temporal_loss_the_published_method_is_dvi_t_and_moves_more(folder):
    free = dvi.DVI("dvi-t", steps=(60, 60), batch_size=100)
    assert free.weights == (1.0, 1.0, 0.0)
    assert dvi.DVI("dvi-t", weights=(2.0, 0.5, 0.3)).weights == (2.0, 0.5, 0.0)
    held = dvi.PaperDVI(weights=(1.0, 1.0, 30.0), steps=(60, 60), batch_size=100)

    def moved(model):
        first, then, *_ = (fitted.arrays() for fitted in model.fit(dvi.Run(folder)).maps_.values())
        return sum(np.square(then[name] - first[name]).sum() for name in first)

    assert moved(held) < 0.5 * moved(free)


@pytest.mark.feature("A3")
def test_negative_pairs_stay_within_the_sets_of_definition_3():
    """Pairs are told apart by their distance: vertex u lies at (2^u, 0) for u in X, and at (−2^u, 0) in B."""
    x, b = 6, 4
    edges = [(0, 1), (2, 3), (0, x), (4, x + 1), (x, x + 1), (x + 2, x + 3)]
    heads, tails = (np.array(side, np.int64) for side in zip(*edges, strict=True))
    generator = torch.Generator().manual_seed(0)
    draw = _PairSampler(Complex(heads, tails, np.ones(6, np.float32)), x, generator, torch.device("cpu"))
    pairs = draw(4000)
    places = torch.tensor([2.0**u for u in range(x)] + [-(2.0**u) for u in range(x, x + b)])
    at = torch.stack([places, torch.zeros(x + b)], dim=1)
    far = pairs.far(at[pairs.ends[0]], at[pairs.others], 3, generator).sqrt()
    assert len(far) == 3 * 4000
    inner, outer = range(x), range(x, x + b)
    sets = ((inner, inner), (inner, outer), (outer, outer))
    of_sets = [{abs(float(places[u] - places[v])) for u in first for v in second} for first, second in sets]
    counts = torch.bincount(pairs.sets, minlength=3) * 3
    for kind, found in enumerate(torch.split(far, counts.tolist())):
        assert set(found.round().tolist()) <= of_sets[kind]
    # All vertices of a set are as likely, whatever edges they have.
    drawn = torch.bincount(pairs.others, minlength=x + b)
    assert (drawn[:x] / drawn[:x].sum() - 1 / x).abs().max() < 0.05
    assert (drawn[x:] / drawn[x:].sum() - 1 / b).abs().max() < 0.05


def test_maps_of_the_published_method_that_earlier_versions_kept_are_found_under_their_keys():
    assert cache.key(Paper(), 0, 5, "0123", "before") == "514202ddae0145e730a684cd"
    assert cache.key(Layout(k=np.int64(9)), 0, 5, "", "") == cache.key(Layout(k=9), 0, 5, "", "")


@pytest.mark.feature("A6")
def test_help_shows_the_settings_of_both_methods():
    assert "exaggeration" in inspect.signature(dvi.DVI).parameters
    assert "self" not in inspect.signature(dvi.DVI).parameters
    assert "weights" in inspect.signature(dvi.PaperDVI).parameters


def test_what_needs_a_fit_says_so():
    for call in (
        lambda model: model.landscape(),
        lambda model: model.transform(np.zeros((1, 16)), epoch=0),
        lambda model: model.inverse_transform(np.zeros((1, 2)), epoch=0),
    ):
        with pytest.raises(NotFittedError, match="This DVI instance is not fitted yet"):
            call(dvi.DVI())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda model: model.transform(np.zeros((2, 16)), epoch=3),
            r"epoch must be the number of a fitted epoch, one of \[0, 5, 10\]; got 3",
        ),
        (
            lambda model: model.transform(np.zeros((2, 16)), "5"),
            r"epoch must be the number of a fitted epoch, one of \[0, 5, 10\]; got '5'",
        ),
        (
            lambda model: model.landscape().measures(k="5"),
            "k must be a whole number of 1 or more; got '5'",
        ),
        (lambda model: model.transform(np.zeros((2, 16)), [5]), "epoch must be the number of a fitted epoch"),
        (lambda model: model.fit(model.run_, epochs="05"), "epochs must be a whole number"),
        (lambda model: model.transform(np.zeros((2, 7)), epoch=5), r"x must be a matrix \[n, 16\]"),
        (lambda model: model.transform(np.full((2, 16), np.nan), epoch=5), "x must be finite"),
        (lambda model: model.inverse_transform(np.zeros((2, 3)), epoch=5), r"y must be a matrix \[n, 2\]"),
        (lambda model: model.landscape(resolution=0), "resolution must be"),
        (lambda model: model.fit(model.run_, epochs=[0, 4]), "epochs must be recorded numbers"),
        (lambda model: model.fit(model.run_, epochs=[5, 0]), "ascending"),
        (lambda model: model.fit(model.run_, epochs=[]), "epochs must be"),
        (
            lambda model: dvi.DVI(method="paper", k=120).fit(model.run_),
            "k must be less than the 120 training samples",
        ),
    ],
)
def test_wrong_calls_are_refused(fitted, call, message):
    with pytest.raises(ValueError, match=message):
        call(fitted)
    assert fitted.landscape().epochs == [0, 5, 10]  # nothing is lost


def test_only_a_run_can_be_fitted(folder):
    with pytest.raises(TypeError, match=r"run must be a dvi_widget.Run; got str"):
        dvi.DVI().fit(str(folder))


def test_values_of_another_kind_are_refused_by_name(fitted):
    with pytest.raises(TypeError, match=r"epochs must be a list of recorded numbers; got 5"):
        fitted.fit(fitted.run_, epochs=5)
    with pytest.raises(TypeError, match="x must hold real numbers; got dtype <U1"):
        fitted.transform(np.full((2, 16), "a"), 5)


def test_a_number_of_neighbours_may_be_numpys(fitted):
    assert set(fitted.landscape().measures(k=np.int64(5))["k"].dropna()) == {5}


def test_a_run_without_an_epoch_is_refused(tmp_path):
    recorder(tmp_path / "run")
    with pytest.raises(ValueError, match="run must have a complete epoch"):
        dvi.DVI().fit(dvi.Run(tmp_path / "run"))


def test_huge_representations_are_refused_by_their_epoch(folder, monkeypatch):
    run = dvi.Run(folder)
    huge = np.float32(1e17) * run.features(0)
    monkeypatch.setattr(run, "features", lambda *_: huge)
    with pytest.raises(
        ValueError, match=r"representations of the training samples in epoch 0 must be .*diverge"
    ):
        dvi.DVI().fit(run)


def test_representations_that_are_not_numbers_are_refused_by_name(folder, monkeypatch):
    run = dvi.Run(folder)
    broken = np.array(run.features(0))
    broken[17, 2] = np.nan
    monkeypatch.setattr(run, "features", lambda *_: broken)
    with pytest.raises(
        ValueError, match=r"representations of the training samples in epoch 0 must be finite.*row 17\. Did"
    ):
        dvi.DVI(**QUICK, k=9).fit(run)
