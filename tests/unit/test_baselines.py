"""The classical projections behind the same estimator shape."""

import numpy as np
import pytest
from recorded import record
from sklearn import decomposition

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
    with pytest.raises(RuntimeError, match="This PCA is not fitted yet"):
        dvi.baselines.PCA().landscape()
