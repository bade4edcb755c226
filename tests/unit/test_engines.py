"""Engines behave as scikit-learn's estimators: cloned, configured, shown, and checked in `fit` alone."""

import inspect

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError

import dvi_widget as dvi


def probabilities(x):
    p = x.reshape(len(x), -1).mean(axis=1)
    return np.stack([1 - p, p], axis=1)


PICTURES = np.random.default_rng(0).random((40, 1, 4, 4)).astype(np.float32)
TRAINED = dvi.VAE(2, hidden=(8,), epochs=1).fit(PICTURES)
ESTIMATORS = {
    "VAE": dvi.VAE(7, beta=0.3, hidden=(16,)),
    "Neighbors": dvi.Neighbors(TRAINED, 0.3, how="nearest", pictures=PICTURES),
    "LinearStudent": dvi.LinearStudent("descent", epochs=3),
    "DeepView": dvi.DeepView(probabilities, lam=0.3, classes=["dark", "bright"]),
    "DVI": dvi.DVI(k=10, iterations=(50, 50, 20)),
    "PaperDVI": dvi.PaperDVI(steps=(100, 50)),
    "UMAP": dvi.baselines.UMAP(warm=True),
}


@pytest.fixture(params=ESTIMATORS)
def estimator(request):
    return ESTIMATORS[request.param]


def test_a_clone_has_the_same_parameters_and_is_another_object(estimator):
    copy = clone(estimator)
    assert type(copy) is type(estimator)
    assert copy is not estimator
    for name, value in estimator.get_params(deep=False).items():
        other = copy.get_params(deep=False)[name]
        assert type(other) is type(value)
        if isinstance(value, int | float | str | tuple | None):
            assert other == value


def test_parameters_are_those_of_the_constructor_and_can_be_set(estimator):
    names = list(inspect.signature(type(estimator)).parameters)
    assert sorted(estimator.get_params(deep=False)) == sorted(names)
    copy = clone(estimator)
    assert copy.set_params(seed=17) is copy
    assert copy.seed == 17
    with pytest.raises(ValueError, match="Invalid parameter"):
        copy.set_params(sed=17)


def test_its_repr_names_it_and_what_differs_from_the_defaults(estimator):
    assert repr(estimator).startswith(type(estimator).__name__ + "(")
    assert "seed" not in repr(estimator)
    assert "seed=17" in repr(clone(estimator).set_params(seed=17))


def test_the_constructor_only_stores(estimator):
    nonsense = object()
    names = inspect.signature(type(estimator)).parameters
    built = type(estimator)(**dict.fromkeys(names, nonsense))
    assert vars(built) == dict.fromkeys(names, nonsense)


def test_a_clone_of_neighbors_draws_from_the_same_trained_vae():
    neighbors = ESTIMATORS["Neighbors"].set_params(n=10)
    copy = clone(neighbors)
    assert copy.vae is TRAINED
    np.testing.assert_array_equal(copy.sample(PICTURES[0]).pictures, neighbors.sample(PICTURES[0]).pictures)


def test_a_clone_of_a_deepview_asks_the_same_trained_model():
    forest = RandomForestClassifier(3, random_state=0).fit(PICTURES.reshape(40, -1), np.arange(40) % 2)
    assert clone(dvi.DeepView(forest)).model is forest


def test_neighbors_follow_pictures_and_training_that_change():
    neighbors = dvi.Neighbors(TRAINED, n=4, how="nearest", pictures=PICTURES)
    first = neighbors.sample(PICTURES[0]).pictures
    other = neighbors.set_params(pictures=PICTURES[:20]).sample(PICTURES[30]).pictures
    assert {picture.tobytes() for picture in other} <= {picture.tobytes() for picture in PICTURES[:20]}
    np.testing.assert_array_equal(neighbors.set_params(pictures=PICTURES).sample(PICTURES[0]).pictures, first)


@pytest.mark.parametrize(
    "call",
    [
        lambda: dvi.VAE().encode(PICTURES),
        lambda: dvi.VAE().decode(np.zeros((1, 10))),
        lambda: dvi.Neighbors(dvi.VAE()).sample(PICTURES[0]),
        lambda: dvi.LinearStudent().predict(PICTURES),
        lambda: dvi.LinearStudent().fidelity(),
        lambda: dvi.DeepView(probabilities).transform(PICTURES),
        lambda: dvi.DeepView(probabilities).measures(),
    ],
)
def test_what_is_not_fitted_says_so_in_scikit_learn_s_words(call):
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        call()
