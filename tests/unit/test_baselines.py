"""The classical projections behind the same estimator shape."""

import subprocess
import sys

import numpy as np
import pytest
from recorded import record
from sklearn import decomposition
from sklearn.exceptions import NotFittedError

import dvi_widget as dvi


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "digits"
    record(path, epochs=(0, 5))
    return dvi.baselines.PCA().fit(dvi.Run(path))


def test_pca_is_that_of_scikit_learn_but_for_the_sign_of_its_axes(fitted):
    run = fitted.run_
    reference = decomposition.PCA(2, svd_solver="full").fit(run.features(5))
    y = fitted.transform(run.features(5, "test"), epoch=5)
    expected = reference.transform(run.features(5, "test"))
    assert np.abs(y) == pytest.approx(np.abs(expected), abs=1e-3)
    x = fitted.inverse_transform(y, epoch=5)
    assert x == pytest.approx(reference.inverse_transform(expected), abs=1e-3)


@pytest.mark.feature("A10")
def test_pca_makes_a_landscape_like_any_engine(fitted):
    shown = fitted.landscape(resolution=20)
    assert shown.epochs == [0, 5]
    assert shown.name == "PCA"
    assert shown[0].positions.shape == (160, 2)
    assert shown[0].canvas[0].shape == (20, 20)
    assert set(shown.measures(k=[5])["split"]) == {"train", "test"}


def test_pca_is_kept_in_the_run_beside_other_maps(fitted):
    again = dvi.baselines.PCA().fit(fitted.run_)
    assert np.array_equal(again.landscape()[1].positions, fitted.landscape()[1].positions)
    assert {path.name.split("-")[0] for path in fitted.run_.maps.iterdir()} == {"pca"}


def test_pca_needs_a_fit_too():
    with pytest.raises(NotFittedError, match="This PCA instance is not fitted yet"):
        dvi.baselines.PCA().landscape()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "digits"
    record(path, epochs=(0, 5))
    return dvi.Run(path)


OTHERS = {
    "TSNE": lambda: dvi.baselines.TSNE(perplexity=15),
    "UMAP": lambda seed=0: dvi.baselines.UMAP(n_neighbors=10, seed=seed),
    "UMAP, warm": lambda seed=0: dvi.baselines.UMAP(n_neighbors=10, warm=True, seed=seed),
}


@pytest.mark.parametrize("make", OTHERS.values(), ids=OTHERS)
def test_a_second_fit_gives_the_same_positions(run, make):
    model = make().fit(run)
    first = model.landscape()
    assert [frame.positions.shape for frame in first] == [(160, 2)] * 2
    assert np.array_equal(model.transform(run.features(5, "test"), epoch=5), first[1].positions[120:])
    for path in run.maps.iterdir():
        path.unlink()
    again = make().fit(run).landscape()
    assert all(np.array_equal(a.positions, b.positions) for a, b in zip(first, again, strict=True))


def test_another_seed_of_umap_gives_other_positions(run):
    one, other = (OTHERS["UMAP"](seed).fit(run, epochs=[0]).landscape() for seed in (0, 1))
    assert not np.array_equal(one[0].positions, other[0].positions)


@pytest.mark.parametrize("make", OTHERS.values(), ids=OTHERS)
def test_a_map_that_was_kept_places_as_the_one_that_was_fitted(run, make):
    fitted, loaded = make().fit(run), make().fit(run)
    b = run.boundary(5)
    assert np.array_equal(loaded.maps_[5].positions, fitted.maps_[5].positions)
    assert np.array_equal(loaded.transform(b, epoch=5), fitted.transform(b, epoch=5))


@pytest.mark.feature("A10")
@pytest.mark.parametrize("make", OTHERS.values(), ids=OTHERS)
def test_the_others_keep_more_neighbours_than_chance(run, make):
    y = make().fit(run).landscape()[1].positions[:120]
    assert dvi.measures.nn_pv(run.features(5), y, k=10) > 3 * 10 / 119


def test_measures_that_decode_can_do_with_some_samples(fitted):
    shown = fitted.landscape()
    some = np.concatenate([np.arange(0, 120, 7), np.arange(120, 160, 7)])
    decoding = ["ppr", "rec_pv", "confidence_error"]
    painted = ["margin", "delta_recall", "delta_precision"]
    table = shown.measures(k=[5], decoded=some)
    assert not table["measure"].isin(painted).any()
    for taken, options in ((True, {"rows": some}), (False, {})):
        other = shown.measures(k=[5], **options)
        own, others = (
            part[(part["measure"].isin(decoding) == taken) & ~part["measure"].isin(painted)]
            for part in (table, other)
        )
        assert own["value"].tolist() == pytest.approx(others["value"].tolist(), rel=0, abs=0, nan_ok=True)


def test_tsne_leaves_out_what_needs_a_way_back(run):
    model = dvi.baselines.TSNE(perplexity=15).fit(run)
    shown = model.landscape()
    assert "paint" not in shown.services
    assert not any(frame.paintable for frame in shown)
    assert not {"ppr", "rec_pv"} & set(shown.measures(k=[5])["measure"])
    with pytest.raises(RuntimeError, match="TSNE cannot be inverted"):
        model.inverse_transform([[0.0, 0.0]], epoch=5)


def test_tsne_is_shown_without_territories(run, tmp_path):
    shown = dvi.baselines.TSNE(perplexity=15).fit(run).landscape()
    assert not any(trace.type == "image" for trace in shown.figure(epoch=5).data)
    page = dvi.Explorer(shown).to_html(tmp_path / "tsne.html")
    assert page.stat().st_size > 10_000


def test_umap_decodes_as_umap_learn_does(run):
    model = dvi.baselines.UMAP(n_neighbors=10).fit(run)
    y = model.landscape()[1].positions[:40]
    x = model.inverse_transform(y, epoch=5)
    # Nearer to the samples that lie there than to others.
    own = np.square(x - run.features(5)[:40]).mean()
    assert own < np.square(x - np.roll(run.features(5)[:40], 1, axis=0)).mean() / 2
    assert np.array_equal(model.inverse_transform(y, epoch=5), x)


@pytest.mark.feature("A10")
def test_a_warm_start_keeps_samples_closer_to_where_they_were(run):
    def moved(model):
        before, after = (frame.positions for frame in model.fit(run).landscape())
        return np.median(np.linalg.norm(after - before, axis=1)) / before.std()

    assert moved(OTHERS["UMAP, warm"]()) < moved(OTHERS["UMAP"]())


def test_umap_is_imported_without_its_word_on_tensorflow():
    script = (
        "import warnings, numpy as np\n"
        "warnings.simplefilter('error', ImportWarning)\n"
        "from dvi_widget.baselines import _FuzzyLayout\n"
        "assert 'UMAP' in repr(_FuzzyLayout(5, 0.1, False).model(0))\n"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (said.returncode, said.stderr) == (0, "")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: dvi.baselines.TSNE(perplexity=0), "perplexity must be a positive number; got 0"),
        (lambda: dvi.baselines.UMAP(seed=-1), "seed must be a whole number of 0 or more; got -1"),
        (
            lambda: dvi.baselines.UMAP(n_neighbors=1),
            "n_neighbors must be a whole number of 2 or more; got 1",
        ),
        (lambda: dvi.baselines.UMAP(min_dist=2.0), r"min_dist must be a number in \[0, 1\]; got 2.0"),
        (lambda: dvi.baselines.UMAP(seed=0.5), "seed must be a whole number of 0 or more; got 0.5"),
    ],
)
def test_baselines_refuse_parameters_out_of_range(run, make, message):
    with pytest.raises(ValueError, match=message):
        make().fit(run)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (dvi.baselines.TSNE(perplexity=120), "perplexity must be less than the 120 training samples"),
        (dvi.baselines.UMAP(n_neighbors=120), "n_neighbors must be less than the 120 training samples"),
    ],
)
def test_baselines_refuse_more_neighbours_than_samples(run, model, message):
    with pytest.raises(ValueError, match=message):
        model.fit(run)
