"""DeepVID: what is known of neighbours and students holds, training resumes, and errors come at the door."""

import json
import re
import threading

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.tree import DecisionTreeClassifier
from torch import nn

from dvi_widget.deepvid import VAE, LinearStudent, Neighbors, divergence, search
from dvi_widget.subject import as_predictor

DIGITS = load_digits()
PICTURES = (DIGITS.images[:, None] / 16).astype(np.float32)  # [1797, 1, 8, 8]
LABELS = DIGITS.target
QUICK = {"hidden": (64,), "epochs": 1, "latent_dim": 4}


class Linear(nn.Module):
    """A teacher whose logits are linear in the pixels."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.weight = nn.Parameter(torch.randn(10, 64, generator=generator))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1) @ self.weight.T + 0.1


@pytest.fixture(scope="module")
def vae() -> VAE:
    return VAE(epochs=60, hidden=(128,)).fit(PICTURES)


@pytest.fixture(scope="module")
def forest() -> RandomForestClassifier:
    return RandomForestClassifier(50, random_state=0).fit(PICTURES.reshape(len(PICTURES), -1), LABELS)


@pytest.fixture(scope="module")
def network() -> nn.Module:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 10))
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(60):
        loss = nn.functional.cross_entropy(model(torch.tensor(PICTURES)), torch.tensor(LABELS))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


# The VAE.


@pytest.mark.feature("C5")
def test_most_predictions_survive_encoding_and_decoding(vae: VAE, network: nn.Module) -> None:
    assert vae.finished
    assert len(vae.history_) == 60
    assert vae.history_[-1] < vae.history_[0]
    assert vae.prediction_preservation(PICTURES, network) > 0.8


def test_equal_seeds_give_equal_weights_and_leave_the_random_state_alone() -> None:
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    a, b = VAE(**QUICK).fit(PICTURES[:300]), VAE(**QUICK).fit(PICTURES[:300])
    assert torch.equal(before, torch.random.get_rng_state())
    np.testing.assert_array_equal(a.encode(PICTURES[:5]), b.encode(PICTURES[:5]))
    c = VAE(**QUICK, seed=1).fit(PICTURES[:300])
    assert not np.array_equal(a.encode(PICTURES[:5]), c.encode(PICTURES[:5]))


def test_latent_ranges_hold_all_but_a_percent_of_the_pictures(vae: VAE) -> None:
    z = vae.encode(PICTURES)
    inside = (z >= vae.ranges_[:, 0]) & (z <= vae.ranges_[:, 1])
    assert np.all(inside.mean(axis=0) > 0.985)
    assert np.all(inside.mean(axis=0) < 1)


@pytest.mark.feature("C5")
def test_a_saved_vae_is_the_same_vae(vae: VAE, tmp_path) -> None:
    vae.save(tmp_path / "vae.safetensors")
    (tmp_path / "new").touch()
    assert (tmp_path / "vae.safetensors").stat().st_mode == (tmp_path / "new").stat().st_mode
    (tmp_path / "new").unlink()
    again = VAE.load(tmp_path / "vae.safetensors")
    np.testing.assert_array_equal(again.encode(PICTURES[:20]), vae.encode(PICTURES[:20]))
    np.testing.assert_array_equal(again.ranges_, vae.ranges_)
    assert again.finished
    assert again.history_ == vae.history_
    assert [path.name for path in tmp_path.iterdir()] == ["vae.safetensors"]


def interrupted(monkeypatch: pytest.MonkeyPatch, after: int, **parameters) -> VAE:
    """A VAE whose training was stopped by hand."""
    vae = VAE(hidden=(64,), epochs=4, latent_dim=4, **parameters)
    step = VAE._step

    def stop(self: VAE, x: torch.Tensor) -> float:
        if self.steps_ == after:
            raise KeyboardInterrupt
        return step(self, x)

    monkeypatch.setattr(VAE, "_step", stop)
    with pytest.warns(UserWarning, match="resumes the training"):
        vae.fit(PICTURES[:500])
    monkeypatch.undo()
    return vae


@pytest.mark.parametrize("after", [4, 6, 9])
def test_an_interrupted_training_is_usable_and_resumes_to_the_same_weights(
    monkeypatch: pytest.MonkeyPatch, tmp_path, after: int
) -> None:
    whole = VAE(hidden=(64,), epochs=4, latent_dim=4).fit(PICTURES[:500])
    stopped = interrupted(monkeypatch, after)
    assert not stopped.finished
    assert stopped.decode(stopped.encode(PICTURES[:3])).shape == (3, 1, 8, 8)
    stopped.save(tmp_path / "part.safetensors")
    for part in (stopped, VAE.load(tmp_path / "part.safetensors")):
        part.fit(PICTURES[:500])
        assert part.finished
        np.testing.assert_array_equal(part.encode(PICTURES[:9]), whole.encode(PICTURES[:9]))
        np.testing.assert_allclose(part.history_, whole.history_)


def test_a_killed_training_goes_on_from_its_file(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    path = tmp_path / "vae.safetensors"
    step = VAE._step

    def die(self: VAE, x: torch.Tensor) -> float:
        if self.steps_ == 7:
            raise RuntimeError("power cut")
        return step(self, x)

    monkeypatch.setattr(VAE, "_step", die)
    parameters = {"hidden": (64,), "epochs": 4, "latent_dim": 4}
    with pytest.raises(RuntimeError, match="power cut"):
        VAE(**parameters).fit(PICTURES[:500], path)
    monkeypatch.undo()
    assert VAE.load(path).steps_ == 4
    again = VAE(**parameters).fit(PICTURES[:500], path)
    whole = VAE(**parameters).fit(PICTURES[:500])
    np.testing.assert_array_equal(again.encode(PICTURES[:9]), whole.encode(PICTURES[:9]))
    with pytest.raises(ValueError, match=r"path must hold this very training.* other pictures"):
        VAE(**{**parameters, "latent_dim": 5}).fit(PICTURES[:500], path)


def test_it_can_be_asked_while_it_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    vae = VAE(hidden=(64,), epochs=3, latent_dim=4)
    seen = []
    step = VAE._step

    def ask(self: VAE, x: torch.Tensor) -> float:
        if self.steps_ == 4:
            other = threading.Thread(target=lambda: seen.append(self.decode(self.encode(PICTURES[:2]))))
            other.start()
            other.join()
        return step(self, x)

    monkeypatch.setattr(VAE, "_step", ask)
    vae.fit(PICTURES[:500])
    assert seen[0].shape == (2, 1, 8, 8)


def test_floats_from_zero_to_one_are_no_bytes() -> None:
    vae = VAE(2, epochs=1, hidden=(8,)).fit((PICTURES[:50] * 255).astype(np.uint8))
    with pytest.raises(ValueError, match=r"images must be on the scale .*, 0 to 255; got values from 0 to 1"):
        vae.encode(PICTURES[:5])
    shares = vae.on_scale(0, 1)
    np.testing.assert_allclose(shares.encode(PICTURES[:5]), vae.encode(PICTURES[:5] * 255), atol=1e-5)
    assert shares.decode(np.zeros((1, 2))).max() <= 1
    assert vae.encode(np.zeros((1, 1, 8, 8))).shape == (1, 2)  # black on either scale
    with pytest.raises(ValueError, match="high must be above low"):
        vae.on_scale(1, 1)


@pytest.mark.parametrize(
    ("scale", "limits"), [(lambda x: (x * 255).astype(np.uint8), (0, 255)), (lambda x: 4 * x - 2, (-2, 2))]
)
def test_pictures_come_back_on_the_scale_they_came_on(scale, limits: tuple[float, float]) -> None:
    images = scale(PICTURES[:300])
    vae = VAE(**QUICK).fit(images)
    assert vae.limits_ == limits
    decoded = vae.decode(vae.encode(images))
    assert decoded.min() >= limits[0]
    assert decoded.max() <= limits[1]
    unit = VAE(**QUICK).fit(PICTURES[:300])
    if images.dtype != np.uint8:
        np.testing.assert_allclose(decoded, 4 * unit.decode(unit.encode(PICTURES[:300])) - 2, atol=1e-4)


@pytest.mark.feature("C5")
def test_larger_and_coloured_pictures_are_convolved() -> None:
    rng = np.random.default_rng(0)
    for shape in ((3, 13, 10), (1, 33, 40)):
        images = rng.random((40, *shape)).astype(np.float32)
        vae = VAE(3, channels=(8, 8), epochs=2, batch_size=16).fit(images)
        assert any(isinstance(m, nn.Conv2d) for m in vae._network.modules())
        assert vae.decode(vae.encode(images)).shape == images.shape


def test_feature_consistency_keeps_more_of_what_the_network_sees_and_leaves_it_alone(
    network: nn.Module,
) -> None:
    before = [p.detach().clone() for p in network.parameters()]
    network.train()
    for p in network.parameters():
        p.grad = None
    plain = VAE(3, hidden=(64,), epochs=10).fit(PICTURES)
    kept = VAE(3, hidden=(64,), epochs=10, features=network, feature_weight=3.0).fit(PICTURES)
    assert kept.prediction_preservation(PICTURES, network) > plain.prediction_preservation(PICTURES, network)
    assert network.training
    assert all(p.grad is None for p in network.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))


def test_a_few_pictures_are_learnt_from_more_often() -> None:
    assert len(VAE(2, hidden=(8,), batch_size=2).fit(PICTURES[:100]).history_) == 40


# Neighbours.


@pytest.mark.feature("C7")
def test_neighbours_are_independent_draws_from_the_band(vae: VAE) -> None:
    found = Neighbors(vae, band=0.15, n=512).sample(PICTURES[0])
    width = 0.15 * (vae.ranges_[:, 1] - vae.ranges_[:, 0])
    off = (found.latents - found.latent) / width
    assert np.abs(off).max() <= 0.5 + 1e-5
    assert np.linalg.matrix_rank(off) == vae.latent_dim
    assert np.abs(off.mean(axis=0)).max() < 0.06
    assert np.abs(np.corrcoef(off.T) - np.eye(vae.latent_dim)).max() < 0.2
    assert len(found) == 512
    assert found.pictures.min() >= 0
    assert found.pictures.max() <= 1


def test_a_band_of_nothing_gives_the_picture_itself(vae: VAE) -> None:
    found = Neighbors(vae, band=np.zeros(10), n=20).sample(PICTURES[3])
    np.testing.assert_allclose(found.pictures, np.broadcast_to(PICTURES[3], (20, 1, 8, 8)), atol=1e-5)
    with pytest.raises(ValueError, match="neighbors must differ"):
        LinearStudent().fit(found, Linear())


def test_the_papers_line_has_rank_one_and_even_steps(vae: VAE) -> None:
    found = Neighbors(vae, n=64, how="line", anchored=False).sample(PICTURES[5])
    off = found.latents - found.latent
    assert np.linalg.matrix_rank(off, tol=1e-4) == 1
    np.testing.assert_allclose(np.diff(found.latents, axis=0).std(axis=0), 0, atol=1e-5)
    # Algorithm 1, line 7: lat_x − band / 2 + i · band / n.
    width = 0.15 * (vae.ranges_[:, 1] - vae.ranges_[:, 0])
    np.testing.assert_allclose(off[10], -width / 2 + 10 * width / 64, atol=1e-5)
    np.testing.assert_allclose(found.pictures, vae.decode(found.latents), atol=1e-6)


@pytest.mark.feature("C9")
def test_the_ends_of_a_morph_are_the_two_pictures(vae: VAE) -> None:
    a, b = PICTURES[4], PICTURES[9]
    found = Neighbors(vae, n=33).morph(a, b)
    np.testing.assert_allclose(found.pictures[0], a, atol=1e-5)
    np.testing.assert_allclose(found.pictures[-1], b, atol=1e-5)
    np.testing.assert_allclose(found.latents[16], vae.encode(np.stack([a, b])).mean(axis=0), atol=1e-5)
    assert np.linalg.matrix_rank(found.latents - found.latents[0], tol=1e-4) == 1


def test_anchored_neighbours_carry_what_the_vae_misses(vae: VAE) -> None:
    anchored = Neighbors(vae).sample(PICTURES[0]).pictures.mean(axis=0)
    plain = Neighbors(vae, anchored=False).sample(PICTURES[0]).pictures.mean(axis=0)
    assert np.abs(anchored - PICTURES[0]).mean() < np.abs(plain - PICTURES[0]).mean()


@pytest.mark.feature("C17")
def test_nearest_real_pictures_are_real_and_nearest(vae: VAE) -> None:
    found = Neighbors(vae, n=20, how="nearest", pictures=PICTURES).sample(PICTURES[0])
    distances = np.linalg.norm(vae.encode(PICTURES) - vae.encode(PICTURES[:1]), axis=1)
    np.testing.assert_array_equal(found.pictures, PICTURES[np.argsort(distances, kind="stable")[:20]])
    hybrid = Neighbors(vae, n=20, how="hybrid", pictures=PICTURES).sample(PICTURES[0])
    np.testing.assert_array_equal(hybrid.pictures[:10], found.pictures[:10])
    assert len(hybrid) == 20


@pytest.mark.feature("C7")
def test_a_dragged_value_and_a_brushed_axis_move_the_band(vae: VAE) -> None:
    z = vae.encode(PICTURES[:1])[0]
    z[2] += 1
    dragged = Neighbors(vae, n=50).sample(PICTURES[0], latent=z)
    np.testing.assert_allclose(dragged.bounds.mean(axis=1), z, atol=1e-5)
    np.testing.assert_allclose(dragged.reconstruction, vae.decode(z[None])[0], atol=1e-5)
    bounds = np.stack([z, z], axis=1)
    bounds[1] = -0.5, 0.5
    brushed = Neighbors(vae, n=50).sample(PICTURES[0], bounds=bounds)
    moved = brushed.latents.std(axis=0) > 1e-6
    assert list(np.flatnonzero(moved)) == [1]


# The student.


@pytest.mark.feature("C10")
def test_a_linear_teacher_is_recovered_on_the_neighbours_span(vae: VAE) -> None:
    found = Neighbors(vae, band=0.5).sample(PICTURES[7])
    teacher = Linear()
    student = LinearStudent(regularization=1e-10, smoothness=0).fit(found, teacher)
    inside = found.pictures[:100] * 0.3 + found.pictures[100:200] * 0.7
    said, learnt = as_predictor(teacher).predict(inside), student.predict(inside)
    said, learnt = said - said.mean(axis=1, keepdims=True), learnt - learnt.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(learnt, said, atol=0.03)  # inputs that hardly vary do not count
    fidelity = student.fidelity()
    assert fidelity.r2 > 0.9999
    assert fidelity.kl < 1e-4
    assert fidelity.faithful


def test_weights_are_identified_along_directions_and_not_over_pixels(vae: VAE) -> None:
    found = Neighbors(vae).sample(PICTURES[7])
    teacher = Linear()
    student = LinearStudent().fit(found, teacher)
    true = teacher.weight.detach().numpy().reshape(10, 1, 8, 8)
    true = true - np.tensordot(student._rival_shares("others"), true, axes=1)

    def likeness(a, b):
        return (a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b)

    assert likeness(student.weights(), true) < 0.7
    along = student.directions(10)
    expected = np.tensordot(true, along.patterns, axes=([1, 2, 3], [1, 2, 3])) * along.spread
    assert likeness(along.weights, expected) > 0.995
    flat = along.patterns.reshape(10, -1)
    np.testing.assert_allclose(flat @ flat.T, np.eye(10), atol=1e-4)
    assert (np.diff(along.spread) <= 0).all()
    # Intervals are narrow where weights are identified, and reach over chance elsewhere.
    assert np.median((along.high - along.low) / np.abs(along.weights)) < 0.2
    over = student.intervals(draws=4)
    assert (over.low <= over.high).all()
    assert not over.high[:, ~student.varied_].any()


def test_weights_of_noise_have_intervals_that_hold_zero(vae: VAE) -> None:
    def noise(x):
        p = np.random.default_rng(len(x)).uniform(0.2, 0.8, len(x))
        return np.stack([p, 1 - p], axis=1)

    along = LinearStudent().fit(Neighbors(vae).sample(PICTURES[7]), noise).directions(10)
    assert ((along.low < 0) & (along.high > 0)).mean() > 0.5


@settings(max_examples=10)
@given(st.floats(-50, 50))
def test_a_constant_added_to_all_logits_changes_nothing(
    vae: VAE, network: nn.Module, constant: float
) -> None:
    found = Neighbors(vae, n=64).sample(PICTURES[7])
    plain = LinearStudent().fit(found, network)
    predict = as_predictor(network).predict

    class Shifted(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.tensor(predict(x)) + constant

    shifted = LinearStudent().fit(found, Shifted())
    np.testing.assert_allclose(shifted.weights_, plain.weights_, atol=1e-4)
    np.testing.assert_allclose(shifted.bias_, plain.bias_, atol=1e-3)


def test_the_student_is_deterministic_and_faithful(vae: VAE, network: nn.Module) -> None:
    found = Neighbors(vae).sample(PICTURES[17])
    student = LinearStudent().fit(found, network)
    again = LinearStudent().fit(Neighbors(vae).sample(PICTURES[17]), network)
    np.testing.assert_array_equal(student.weights_, again.weights_)
    fidelity = student.fidelity()
    assert fidelity.agrees
    assert fidelity.r2 > 0.9
    assert fidelity.kl < 0.05
    teacher = as_predictor(network).predict(PICTURES[17:18])[0]
    np.testing.assert_allclose(np.log(fidelity.teacher), teacher - np.log(np.exp(teacher).sum()), atol=1e-4)


def test_independent_draws_teach_more_than_the_papers_line(vae: VAE, network: nn.Module) -> None:
    r2 = {"line": [], "uniform": []}
    for picture in PICTURES[:12]:
        for how, found in r2.items():
            student = LinearStudent(regularization=0.01).fit(Neighbors(vae, how=how).sample(picture), network)
            found.append(student.fidelity().r2)
    assert np.mean(r2["uniform"]) > 0.9
    assert np.mean(r2["line"]) < np.mean(r2["uniform"]) - 0.2


@pytest.mark.feature("C11")
def test_weights_are_relative_and_add_up_to_the_logits(vae: VAE, network: nn.Module) -> None:
    student = LinearStudent().fit(Neighbors(vae).sample(PICTURES[17]), network)
    np.testing.assert_allclose(student.weights(against="mean").mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(student.weights(against=3)[3], 0, atol=0)
    logits = student.predict(PICTURES[17:18])[0]
    added = student.weighted(against="mean").sum(axis=(1, 2, 3)) + student.bias_ - student.bias_.mean()
    np.testing.assert_allclose(added, logits - logits.mean(), atol=1e-3)
    np.testing.assert_array_equal(student.weighted(PICTURES[17]), student.weighted())


def test_weights_against_the_others_are_the_gradient_of_the_log_odds(vae: VAE, network: nn.Module) -> None:
    student = LinearStudent().fit(Neighbors(vae).sample(PICTURES[17]), network)
    x = torch.from_numpy(student.neighbors_.pictures).double().requires_grad_()
    weights = torch.from_numpy(student.weights_).double().flatten(1)
    logits = x.flatten(1) @ weights.T + torch.from_numpy(student.bias_)
    for c in range(10):
        others = torch.cat([logits[:, :c], logits[:, c + 1 :]], dim=1)
        odds = (logits[:, c] - others.logsumexp(1)).mean()
        (expected,) = torch.autograd.grad(odds, x, retain_graph=True)
        np.testing.assert_allclose(student.weights()[c], expected.sum(0).numpy(), atol=1e-4)


@pytest.mark.feature("C10")
def test_the_papers_descent_learns_with_every_start_and_optimiser(vae: VAE, network: nn.Module) -> None:
    found = Neighbors(vae, n=256).sample(PICTURES[17])
    zero = LinearStudent("descent", initializer="zeros", epochs=1, learning_rate=1e-9).fit(found, network)
    for optimizer, rate in (("gd", 0.5), ("adam", 0.05), ("rmsprop", 0.01), ("adagrad", 0.1)):
        for initializer in ("zeros", "random"):
            student = LinearStudent(
                "descent",
                optimizer=optimizer,
                initializer=initializer,
                learning_rate=rate,
                temperature=2.0,
                epochs=40,
            ).fit(found, network)
            assert student.fidelity().kl < zero.fidelity().kl


def test_the_course_is_the_divergence_from_the_softened_labels(vae: VAE, network: nn.Module) -> None:
    found = Neighbors(vae, n=64).sample(PICTURES[17])
    still = {"epochs": 3, "batch_size": 64, "learning_rate": 1e-12, "temperature": 3.0}
    student = LinearStudent("descent", **still).fit(found, network)
    soft = torch.from_numpy(student.logits_).double().div(3).log_softmax(1)
    own = torch.from_numpy(student.predict(found.pictures)).double().div(3).log_softmax(1)
    expected = (soft.exp() * (soft - own)).sum(1).mean()
    np.testing.assert_allclose(student.course_, [expected] * 3, rtol=1e-4)
    learnt = LinearStudent("descent", epochs=30).fit(found, network)
    assert learnt.course_.shape == (30,)
    assert learnt.course_[-1] < learnt.course_[0]
    assert len(LinearStudent().fit(found, network).course_) == 0


@pytest.mark.feature("C16")
def test_a_random_forest_may_be_the_teacher(vae: VAE, forest: RandomForestClassifier) -> None:
    found = Neighbors(vae, band=0.3).sample(PICTURES[17])
    student = LinearStudent().fit(found, forest)
    fidelity = student.fidelity()
    assert fidelity.agrees
    assert np.isfinite(student.weights_).all()
    np.testing.assert_allclose(
        fidelity.teacher, forest.predict_proba(PICTURES[17].reshape(1, -1))[0], atol=1e-5
    )
    flat = LinearStudent().fit(found, lambda x: forest.predict_proba(x.reshape(len(x), -1)))
    np.testing.assert_array_equal(flat.weights_, student.weights_)


@pytest.mark.feature("C12")
def test_a_student_that_is_wrong_says_so_in_words(vae: VAE, network: nn.Module) -> None:
    found = Neighbors(vae).sample(PICTURES[17])
    names = [f"digit {c}" for c in range(10)]
    good = LinearStudent().fit(found, network).fidelity(classes=names)
    assert good.faithful
    assert "Student and teacher both say digit" in good.verdict
    bad = LinearStudent("descent", epochs=1, learning_rate=1e-6, seed=3).fit(found, network)
    fidelity = bad.fidelity(classes=names)
    assert not fidelity.faithful
    assert "Do not believe this student" in fidelity.verdict
    elsewhere = [LinearStudent().fit(found, network).fidelity(picture) for picture in PICTURES[:40]]
    assert not all(fidelity.faithful for fidelity in elsewhere)


def with_corner(model: nn.Module, weight: float = 20.0):
    """A teacher that adds to the class 0 where the corner is white."""
    predict = as_predictor(model).predict

    def teacher(x):
        logits = predict(x).astype(np.float64)
        logits[:, 0] += weight * (x[:, 0, 0, 0] > 0.5)
        p = np.exp(logits - logits.max(axis=1, keepdims=True))
        return p / p.sum(axis=1, keepdims=True)

    return teacher


def test_what_no_neighbour_varies_has_no_weight_and_no_student_is_believed_that_misses_it(
    vae: VAE, network: nn.Module
) -> None:
    teacher = with_corner(network)
    neighbors = Neighbors(vae, pictures=PICTURES)
    missed = 0
    for i, picture in enumerate(PICTURES[:24].copy()):
        picture[0, 0, 0] = i % 2
        flipped = picture.copy()
        flipped[0, 0, 0] = 1 - i % 2
        p, q = teacher(np.stack([picture, flipped]))
        if np.abs(p - q).sum() / 2 < 0.9:
            continue
        student = LinearStudent().fit(neighbors.sample(picture), teacher)
        assert not student.varied_[0, 0, 0]
        assert not student.weights_[:, ~student.varied_].any()
        fidelity = student.fidelity()
        assert fidelity.hidden > 0.9
        assert not fidelity.trustworthy
        missed += fidelity.faithful
    assert missed > 10, "among its neighbours nothing speaks against such a student"
    assert fidelity.verdict.startswith("Believe this student among its neighbours only.")
    assert re.search(r"those in rows 0 to [01] and columns 0 to [01], inverted, move", fidelity.verdict)


def test_a_corner_that_the_neighbours_vary_has_rank_one() -> None:
    x = PICTURES[:600].copy()
    x[::2, 0, :2, :2] = 1
    vae = VAE(latent_dim=6, hidden=(64,), epochs=30).fit(x)

    def teacher(pictures):
        p = 1 / (1 + np.exp(-8 * (pictures[:, 0, 0, 0] - 0.5)))
        return np.stack([1 - p, p], axis=1)

    for picture in x[:8]:
        student = LinearStudent().fit(Neighbors(vae, band=0.5, pictures=x).sample(picture), teacher)
        assert student.varied_[0, :2, :2].all()
        assert np.abs(student.weights()[1, 0]).argmax() in (0, 1, 8, 9)


@pytest.mark.feature("C12")
def test_a_student_is_tried_on_real_pictures_that_it_did_not_learn_from(vae: VAE, network: nn.Module) -> None:
    found = Neighbors(vae, pictures=PICTURES).sample(PICTURES[0])
    z = vae.encode(PICTURES)
    order = np.argsort(np.linalg.norm(z - z[0], axis=1), kind="stable")
    np.testing.assert_array_equal(found.real, PICTURES[order[1:17]])
    nearest = Neighbors(vae, n=20, how="nearest", pictures=PICTURES).sample(PICTURES[0])
    np.testing.assert_array_equal(nearest.real, PICTURES[order[20:36]])
    assert len(Neighbors(vae).sample(PICTURES[0]).real) == 0
    student = LinearStudent().fit(found, network)
    fidelity = student.fidelity()
    said, taught = student.predict(found.real), as_predictor(network).predict(found.real)
    assert fidelity.real_agreement == (said.argmax(1) == taught.argmax(1)).mean()
    alone = LinearStudent().fit(Neighbors(vae).sample(PICTURES[0]), network).fidelity()
    assert np.isnan(alone.real_agreement)
    assert fidelity.foreseen <= 1


def test_believed_students_foresee_more_of_changes_that_did_not_judge_them(
    vae: VAE, network: nn.Module
) -> None:
    predict = as_predictor(network).predict
    neighbors, agreement = Neighbors(vae, pictures=PICTURES[:1000]), {True: [], False: []}
    others = PICTURES[1000:]
    z = vae.encode(others)
    for picture in others[:60]:
        student = LinearStudent().fit(neighbors.sample(picture), network)
        near = others[np.argsort(np.linalg.norm(z - vae.encode(picture[None]), axis=1))[1:9]]
        same = student.predict(near).argmax(1) == predict(near).argmax(1)
        agreement[student.fidelity().trustworthy].append(same.mean())
    assert len(agreement[True]) > 3
    assert np.mean(agreement[True]) > 0.95


def test_a_student_that_fails_on_real_pictures_is_believed_among_its_neighbours_only(vae: VAE) -> None:
    found = Neighbors(vae, pictures=PICTURES).sample(PICTURES[7])
    real = {picture.tobytes() for picture in found.real}

    def teacher(x, turn=True):
        p = 1 / (1 + np.exp(-6 * (x[:, 0, 3:5, 3:5].mean(axis=(1, 2)) - 0.1)))
        turned = np.array([turn and np.float32(picture).tobytes() in real for picture in x])
        p = np.where(turned, 1 - p, p)
        return np.stack([1 - p, p], axis=1)

    straight = LinearStudent().fit(found, lambda x: teacher(x, turn=False)).fidelity()
    assert straight.trustworthy
    turned = LinearStudent().fit(found, teacher).fidelity()
    assert turned.faithful
    assert turned.real_agreement < 0.5
    assert not turned.trustworthy
    assert "of these 16 pictures" in turned.verdict


@pytest.mark.parametrize(
    "teacher",
    [
        lambda x: np.tile([0.3, 0.7], (len(x), 1)),
        lambda x: np.full((len(x), 3), 1 / 3),
        lambda x: np.stack([0.5 + 1e-5 * x[:, 0, 4, 4], 0.5 - 1e-5 * x[:, 0, 4, 4]], axis=1),
        lambda x: np.tile([0.0, 1.0], (len(x), 1)),
    ],
    ids=["constant", "uniform", "nearly constant", "certain"],
)
def test_a_teacher_that_does_not_move_has_nothing_to_explain(vae: VAE, teacher) -> None:
    fidelity = LinearStudent().fit(Neighbors(vae, n=64).sample(PICTURES[3]), teacher).fidelity()
    assert np.isnan(fidelity.r2)
    assert not fidelity.faithful
    assert not fidelity.trustworthy
    assert fidelity.verdict.startswith("There is nothing to explain")


def test_a_hard_teacher_is_judged_by_agreement_and_by_what_the_commonest_class_reaches(vae: VAE) -> None:
    flat = PICTURES.reshape(len(PICTURES), -1)
    teacher = DecisionTreeClassifier(random_state=0).fit(flat, LABELS)
    neighbors = Neighbors(vae, pictures=PICTURES)
    faithful, agreement = 0, []
    for picture in PICTURES[:24]:
        fidelity = LinearStudent().fit(neighbors.sample(picture), teacher).fidelity()
        if np.isnan(fidelity.r2):
            continue
        agreement.append(fidelity.agreement)
        if fidelity.faithful:
            faithful += 1
            assert fidelity.agreement >= 0.9
            assert "the commonest class alone" in fidelity.verdict
        else:
            assert "pass a teacher with probabilities" in fidelity.verdict
    assert faithful > 1
    assert np.mean(agreement) > 0.9


@pytest.mark.feature("C9", "C13")
def test_the_neighbours_stand_in_a_row_with_the_crossings_marked(vae: VAE, network: nn.Module) -> None:
    logits = as_predictor(network).predict(PICTURES)
    predicted = logits.argmax(axis=1)
    a, b = PICTURES[predicted == 4][0], PICTURES[predicted == 9][0]
    morph = LinearStudent().fit(Neighbors(vae, n=100).morph(a, b), network).along()
    np.testing.assert_array_equal(morph.order, np.arange(100))
    assert morph.predictions[0] == 4
    assert morph.predictions[-1] == 9
    assert morph.crossings[0].before_class == 4
    assert morph.crossings[-1].after_class == 9
    for crossing in morph.crossings:
        assert morph.predictions[crossing.after] == crossing.before_class
        assert morph.predictions[crossing.after + 1] == crossing.after_class
    margin = np.sort(logits, axis=1)
    unsure = PICTURES[np.argmin(margin[:, -1] - margin[:, -2])]
    row = LinearStudent().fit(Neighbors(vae).sample(unsure), network).along()
    assert sorted(row.order) == list(range(512))
    assert np.all(np.diff(row.positions) >= 0)
    assert len(row.crossings) >= 1
    places = row.evenly(144)
    assert len(places) == 144
    assert (places[0], places[-1]) == (0, 511)
    own = int(as_predictor(network).predict(unsure[None]).argmax())
    assert row.probabilities[:64, own].mean() > row.probabilities[-64:, own].mean()


@pytest.mark.feature("C18")
def test_two_teachers_of_one_picture_can_be_compared(
    vae: VAE, network: nn.Module, forest: RandomForestClassifier
) -> None:
    found = Neighbors(vae).sample(PICTURES[17])
    a, b = LinearStudent().fit(found, network), LinearStudent().fit(found, forest)
    assert a.weights().shape == b.weights().shape == (10, 1, 8, 8)


def test_the_figure_shows_weights_features_and_bars(vae: VAE, network: nn.Module) -> None:
    figure = LinearStudent().fit(Neighbors(vae).sample(PICTURES[17]), network).figure()
    assert [trace.type for trace in figure.data].count("heatmap") == 20
    assert [trace.name for trace in figure.data if trace.type == "bar"] == ["teacher", "student"]
    together = {trace.zmax for trace in figure.data[1:20:2]}
    assert len(together) == 1, "weighted features are scaled together"


def test_divergence_of_a_teacher_from_itself_is_nothing() -> None:
    z = np.random.default_rng(0).normal(size=(30, 5)).astype(np.float32)
    assert divergence(z, z + 3) == (pytest.approx(0, abs=1e-6), pytest.approx(1))


@pytest.mark.feature("C15")
def test_the_search_prefers_the_widest_band_that_can_be_believed(vae: VAE, network: nn.Module) -> None:
    tried = {"regularizations": (0.01, 0.1), "temperatures": (1.0, 10.0)}
    table = search(vae, PICTURES[:6], network, bands=(0.05, 0.1), n=128, **tried)
    assert len(table) == 8
    descent = table[table["method"] == "descent"]
    assert sorted(descent["temperature"]) == [1, 1, 10, 10]
    assert descent["regularization"].isna().all()
    assert len(descent["kl"].round(6).unique()) == 4, "the temperature changes what is learnt"
    best = table.iloc[0]
    as_good = table[table["believed"] == table["believed"].max()]
    assert best["band"] == as_good["band"].max()
    other = VAE(**QUICK).fit(PICTURES)
    one = {"bands": (0.1,), "regularizations": (0.1,), "temperatures": ()}
    table = search([vae, other], PICTURES[:6], network, n=128, **one)
    assert sorted(table["latent_dim"]) == [4, 10]


# Errors at the door.


def test_an_untrained_vae_is_refused() -> None:
    for call in (
        lambda: VAE().encode(PICTURES),
        lambda: VAE().decode(np.zeros((1, 10))),
        lambda: Neighbors(VAE()).sample(PICTURES[0]),
        lambda: VAE().save("vae.safetensors"),
    ):
        with pytest.raises(NotFittedError, match="VAE instance is not fitted"):
            call()
    with pytest.raises(NotFittedError, match="LinearStudent instance is not fitted"):
        LinearStudent().weights()


@pytest.mark.parametrize("band", [0, -0.1, 1.5, float("nan")])
def test_a_band_outside_its_range_is_refused(vae: VAE, band: float) -> None:
    with pytest.raises(ValueError, match="band must be in"):
        Neighbors(vae, band=band).sample(PICTURES[0])


def test_other_pictures_are_refused(vae: VAE) -> None:
    neighbors = Neighbors(vae)
    with pytest.raises(ValueError, match=r"image must be pictures \(1, 8, 8\).*got \(1, 7, 8\)"):
        neighbors.sample(PICTURES[0, :, 1:])
    with pytest.raises(ValueError, match="image must be a single picture"):
        neighbors.sample(PICTURES[:2])
    with pytest.raises(ValueError, match="image_b must be finite"):
        neighbors.morph(PICTURES[0], PICTURES[0] * np.nan)
    with pytest.raises(TypeError, match=r"image must be on the scale .* got uint8"):
        neighbors.sample((PICTURES[0] * 255).astype(np.uint8))
    with pytest.raises(
        ValueError, match=r"image must be on the scale of .*, 0 to 1; got values from 0 to 255"
    ):
        neighbors.sample(PICTURES[0] / PICTURES[0].max() * 255)
    with pytest.raises(ValueError, match=r"images must be on .* from -255 .* Scale the pictures"):
        vae.encode(-255 * PICTURES)
    assert np.isfinite(vae.encode(PICTURES[:2] * 1.2 - 0.1)).all()
    with pytest.raises(TypeError, match="images must be uint8 or floating"):
        VAE().fit(PICTURES.astype(int))
    with pytest.raises(ValueError, match="images must be pictures"):
        VAE().fit(PICTURES[:, 0])
    with pytest.raises(ValueError, match="images must be at least two different pictures"):
        VAE().fit(np.zeros((5, 1, 8, 8), np.float32))
    with pytest.raises(ValueError, match=r"z must be a matrix \[n, 10\]"):
        vae.decode(np.zeros((2, 3)))


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"latent_dim": 0}, "latent_dim"),
        ({"epochs": 1.5}, "epochs"),
        ({"beta": 0}, "beta"),
        ({"learning_rate": -1}, "learning_rate"),
        ({"architecture": "deep"}, "architecture"),
        ({"channels": ()}, "channels"),
        ({"hidden": 64}, "hidden"),
        ({"features": nn.ReLU()}, "features"),
        ({"seed": "0"}, "seed"),
    ],
)
def test_parameters_out_of_range_are_named(parameters: dict, name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} must"):
        VAE(**parameters).fit(PICTURES)


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"method": "lasso"}, "method"),
        ({"regularization": 0}, "regularization"),
        ({"smoothness": -1}, "smoothness"),
        ({"temperature": float("inf")}, "temperature"),
        ({"optimizer": "newton"}, "optimizer"),
        ({"initializer": "ones"}, "initializer"),
        ({"batch_size": 0}, "batch_size"),
        ({"seed": "a"}, "seed"),
    ],
)
def test_parameters_of_the_student_are_named(vae: VAE, parameters: dict, name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} must"):
        LinearStudent(**parameters).fit(Neighbors(vae, n=20).sample(PICTURES[0]), Linear())


def test_neighbours_and_teachers_that_cannot_teach_are_refused(vae: VAE) -> None:
    with pytest.raises(ValueError, match=r"neighbors must be at least .* 10 classes; got 6"):
        LinearStudent().fit(Neighbors(vae, n=6).sample(PICTURES[0]), Linear())
    with pytest.raises(TypeError, match="neighbors must be a Neighborhood"):
        LinearStudent().fit(PICTURES, Linear())

    class Lost(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.flatten(1)[:, :3] * torch.nan

    with pytest.raises(ValueError, match="teacher must return finite values; got NaN"):
        LinearStudent().fit(Neighbors(vae, n=20).sample(PICTURES[0]), Lost())
    for arguments, message in (
        ({"how": "circle"}, "how must be one of"),
        ({"n": 1}, "n must be a whole number"),
        ({"seed": 0.5}, "seed must be a whole number"),
        ({"band": "a"}, "band must be a share"),
        ({"how": "nearest"}, "pictures must be real pictures for how="),
        ({"how": "nearest", "pictures": PICTURES[:5]}, "pictures must be at least 512.* got 5"),
        ({"band": [0.1, 0.2]}, "band must be one number"),
    ):
        with pytest.raises(ValueError, match=message):
            Neighbors(vae, **arguments).sample(PICTURES[0])
    for arguments, message in (
        ({"latent": np.zeros(3)}, "latent must be 10 finite numbers"),
        ({"bounds": np.zeros((3, 2))}, "bounds must be"),
        ({"bounds": np.tile([1.0, 0.0], (10, 1))}, "bounds must be finite, the least value first"),
    ):
        with pytest.raises(ValueError, match=message):
            Neighbors(vae).sample(PICTURES[0], **arguments)


def test_files_that_hold_no_vae_are_refused(tmp_path, vae: VAE) -> None:
    from safetensors.torch import save_file

    with pytest.raises(TypeError, match="path must be a path"):
        VAE.load(None)
    with pytest.raises(FileNotFoundError, match=r"path must be a file that VAE\.save wrote"):
        VAE.load(tmp_path / "none.safetensors")
    with pytest.raises(FileNotFoundError, match="path must be in an existing folder"):
        vae.save(tmp_path / "none" / "vae.safetensors")
    (tmp_path / "text").write_text(json.dumps({}))
    with pytest.raises(
        ValueError, match=r"got another one.*text is damaged: it is not a whole safetensors file"
    ):
        VAE.load(tmp_path / "text")
    save_file({"a": torch.zeros(1)}, tmp_path / "other")
    with pytest.raises(ValueError, match="holds no VAE"):
        VAE.load(tmp_path / "other")
    save_file({"a": torch.zeros(1)}, tmp_path / "newer", {"dvi_widget.VAE": json.dumps({"format": 99})})
    with pytest.raises(ValueError, match="with format 99"):
        VAE.load(tmp_path / "newer")
