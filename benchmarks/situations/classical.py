"""Situations without a network of torch: scikit-learn, plain functions, and arrays of any framework."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from .having import digits, drawn
from .judging import Given, Situation

MAP = """
landscape = dvi.DeepView(model).fit(x, y).landscape(resolution=20)
"""
FEW = 48  # samples on a map


def table(classes: int = 3) -> Given:
    return drawn((5,), classes)


def flat() -> Given:
    have = digits()
    return have | {key: have[key].reshape(len(have[key]), -1) for key in ("x", "xt")}


def fitted(
    model: Any,
    have: Callable[[], Given] = table,
    *,
    named: Callable[[Any], Any] = lambda y: y,
    framed: Callable[[Any], Any] = lambda x: x,
) -> Callable[[], Given]:
    """A classifier that was fitted on a table, whose labels are named and whose rows are framed as told."""

    def given() -> Given:
        given = have()
        x, y = framed(given["x"]), named(given["y"])
        classifier = model().fit(x, y)
        few = x[:FEW]

        def own() -> Any:
            answers = classifier.predict(few)
            return (
                np.searchsorted(classifier.classes_, answers) if hasattr(classifier, "classes_") else answers
            )

        return given | {"model": classifier, "x": few, "y": y[:FEW], "own": own}

    return given


def frame(x: Any) -> pd.DataFrame:
    return pd.DataFrame(x, columns=[f"column {i}" for i in range(x.shape[1])])


def words(y: Any) -> Any:
    return np.array(["cat", "dog", "eel"])[y]


def texts() -> Given:
    have = table()
    vocabulary = np.array([["ape", "ant", "asp"], ["bee", "bat", "boa"], ["cow", "cat", "cod"]])
    generator = np.random.default_rng(0)
    said = [" ".join(generator.choice(vocabulary[label], 6)) for label in have["y"]]
    return have | {"x": TfidfVectorizer().fit_transform(said)}


def several() -> Given:
    have = table()
    model = MultiOutputClassifier(LogisticRegression()).fit(
        have["x"], np.stack([have["y"], have["y"] % 2], 1)
    )
    x, y = have["x"][:FEW], have["y"][:FEW]
    return have | {"model": model, "x": x, "y": y, "own": lambda: model.estimators_[0].predict(x)}


def function() -> Given:
    given = fitted(LogisticRegression)()
    return given | {"model": given["model"].predict_proba}


def partial(model: Callable[[], Any], says: Callable[[Any, Any], Any]) -> Callable[[], Given]:
    def given() -> Given:
        have = flat()
        classifier = model()
        return have | {
            "model": classifier,
            "own": lambda: np.concatenate([says(classifier, have[x]) for x in ("x", "xt")]),
        }

    return given


def hidden(model: Any, x: Any) -> Any:
    """What enters the last layer of a perceptron of scikit-learn, and its logits."""
    h = np.maximum(x @ model.coefs_[0] + model.intercepts_[0], 0)
    return h, h @ model.coefs_[1] + model.intercepts_[1]


def jax_like() -> Given:
    """A network of plain functions and its parameters, as those of JAX."""
    have = flat()
    generator = np.random.default_rng(0)
    params = {"v": generator.normal(size=(64, 8)), "w": generator.normal(size=(8, 10)), "b": np.zeros(10)}

    def features(params: Given, x: Any) -> Any:
        return np.tanh(x @ params["v"])

    def logits(params: Given, x: Any) -> Any:
        return features(params, x) @ params["w"] + params["b"]

    return have | {
        "params": params,
        "features": features,
        "logits": logits,
        "own": lambda: np.concatenate([logits(params, have[x]) for x in ("x", "xt")]).astype(np.float32),
    }


def embedded() -> Given:
    """Embeddings and probabilities that were saved, and nothing else."""
    have = jax_like()
    h, ht = (have["features"](have["params"], have[x]) for x in ("x", "xt"))
    z, zt = (have["logits"](have["params"], have[x]) for x in ("x", "xt"))
    p, pt = (np.exp(part) / np.exp(part).sum(1, keepdims=True) for part in (z, zt))
    return have | {
        "h": h,
        "ht": ht,
        "p": p,
        "pt": pt,
        "own": lambda: np.log(np.concatenate([p, pt]).astype(np.float32)),
    }


ARRAYS = "recorder = dvi.ArrayRecorder(folder, labels=(y, yt), classes=names)\n"
PARTIAL = (
    ARRAYS
    + """
for epoch in range(2):
    model.partial_fit(x, y, classes=range(len(names)))
    z, zt = model.decision_function(x), model.decision_function(xt)
    recorder.capture(epoch, features=(x, xt), logits=(z, zt), head=(model.coef_, model.intercept_))
"""
)
PERCEPTRON = (
    ARRAYS
    + """
for epoch in range(2):
    model.partial_fit(x, y, classes=range(len(names)))
    (h, z), (ht, zt) = hidden(model, x), hidden(model, xt)
    recorder.capture(epoch, features=(h, ht), logits=(z, zt), head=(model.coefs_[1], model.intercepts_[1]))
"""
)
FUNCTIONS = (
    ARRAYS
    + """
h, ht = features(params, x), features(params, xt)
recorder.capture(0, features=(h, ht), logits=(logits(params, x), logits(params, xt)),
                 head=(params["w"], params["b"]))
"""
)
SOFTMAX = """
model = dvi.Predictor(model, outputs="logits")
landscape = dvi.DeepView(model, classes=names).fit(x, y).landscape(resolution=20)
"""

CLASSICAL = [
    Situation("LogisticRegression", fitted(LogisticRegression), MAP),
    Situation("GaussianNB", fitted(GaussianNB), MAP),
    Situation("KNeighborsClassifier", fitted(KNeighborsClassifier), MAP),
    Situation(
        "RandomForestClassifier whose labels are words",
        fitted(lambda: RandomForestClassifier(20, random_state=0), named=words),
        MAP,
    ),
    Situation(
        "HistGradientBoostingClassifier", fitted(lambda: HistGradientBoostingClassifier(max_iter=20)), MAP
    ),
    Situation("labels 1 to 3", fitted(LogisticRegression, named=lambda y: y + 1), MAP),
    Situation(
        "a pipeline that scales", fitted(lambda: make_pipeline(StandardScaler(), LogisticRegression())), MAP
    ),
    Situation(
        "a grid search", fitted(lambda: GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, cv=2)), MAP
    ),
    Situation("a data frame", fitted(LogisticRegression, framed=frame), MAP),
    Situation("a sparse matrix of words", fitted(LogisticRegression, texts), MAP),
    Situation(
        "SVC without probabilities", fitted(SVC), MAP, says='Calibrate it.*outputs="logits"', cure=SOFTMAX
    ),
    Situation("LinearSVC", fitted(LinearSVC), MAP, says='Calibrate it.*outputs="logits"', cure=SOFTMAX),
    Situation(
        "RidgeClassifier", fitted(RidgeClassifier), MAP, says='Calibrate it.*outputs="logits"', cure=SOFTMAX
    ),
    Situation(
        "MultiOutputClassifier",
        several,
        MAP,
        says=r"Pass one of its classifiers: model.estimators_\[0\]",
        cure=MAP.replace("(model)", "(model.estimators_[0])"),
    ),
    Situation("a function that returns probabilities", function, MAP),
    Situation(
        "SGDClassifier as it learns",
        partial(lambda: SGDClassifier(random_state=0), lambda m, x: m.decision_function(x)),
        PARTIAL,
    ),
    Situation(
        "MLPClassifier as it learns",
        lambda: (
            partial(lambda: MLPClassifier((16,), random_state=0), lambda m, x: hidden(m, x)[1])()
            | {"hidden": hidden}
        ),
        PERCEPTRON,
    ),
    Situation("functions and their parameters, as in JAX", jax_like, FUNCTIONS),
    Situation(
        "saved embeddings and probabilities",
        embedded,
        ARRAYS + "recorder.capture(0, features=(h, ht), logits=(p, pt))",
        warns="taken as probabilities",
    ),
]
