"""The linear student: what the teacher does round one picture, as one weight per pixel and class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from dvi_widget.arrays import as_array, check_number, check_whole

from .along import Along, in_a_row
from .changes import changes, varied
from .directions import Directions, Intervals, main_directions
from .fidelity import Answers, Fidelity, measure
from .inputs import as_teacher
from .neighbors import Neighborhood
from .solvers import OPTIMIZERS, descend, solve_ridge

if TYPE_CHECKING:
    import plotly.graph_objects

__all__ = ["LinearStudent"]

# A logarithm below this is that of a probability of exactly zero.
_LOG_ZERO = float(np.log(np.finfo(np.float32).tiny)) + 1e-3
# What a probability of zero counts as. It is below what a vote of 50 trees can say, and not so far that zeros
# outweigh all else: of 30 students of such a forest on digits, all are faithful at .01, six at .0001.
_ZERO = 0.01
_MIN_LIKELIHOOD = np.finfo(np.float64).tiny  # that shares are divided by


class LinearStudent(BaseEstimator):  # type: ignore[misc]
    """A linear classifier of pixels that imitates the teacher round one picture (DeepVID, §3, §6.3).

    It knows what the neighbours vary and nothing else: inputs that they leave as they are get no weight. And
    it knows directions rather than pixels: neighbours vary along about as many directions as the latent space
    has dimensions, along which it is right; how the credit is spread over the pixels of one direction is the
    prior's. `directions` has the weights along these directions, `intervals` what redrawn neighbours make of
    each. `fidelity` says whether the student also foresees changes that no neighbour makes.

    By default the teacher's logits, centred over classes, are fitted by ridge regression in closed form:
    deterministic, and done in milliseconds. Its prior expects similar weights for pixels within `smoothness`
    of each other, which spreads the credit over a stroke where the neighbours cannot tell single pixels
    apart. Errors are weighted as the Kullback–Leibler divergence weighs them, most where the teacher
    hesitates; the picture itself weighs a twentieth of all neighbours. The paper's method is
    ``method="descent"``.

    Parameters
    ----------
    method : {"ridge", "descent"}
    regularization : float
        Of the ridge, relative to the neighbours' mean variation.
    smoothness : float
        Width of the ridge's prior: the standard deviation of a Gaussian, in pixels. 0 is the ordinary ridge.
    temperature : float
        Of the descent: softens the teacher's labels.
    initializer : {"zeros", "random"}
        Of the descent.
    optimizer : {"gd", "adam", "rmsprop", "adagrad"}
        Of the descent.
    learning_rate, epochs, batch_size : float, int, int
        Of the descent.
    seed : int
        Seed of the descent's start and order.

    Attributes
    ----------
    weights_ : float32 [classes, C, H, W]
        In logits per unit of the pictures' scale; zero where inputs do not vary.
    bias_ : float32 [classes]
    varied_ : bool [C, H, W]
        Which inputs vary over the neighbours: by a standard deviation of more than .01 of the pictures'
        scale, or of a tenth of the most varying input's where the band is narrow. The student says nothing
        about the others.
    neighbors_ : Neighborhood
        The neighbourhood learnt from.
    logits_ : float32 [n, classes]
        The teacher's logits of the neighbours.
    course_ : float32 [epochs]
        Of the descent: per epoch, the mean divergence from the teacher's softened labels in nats, while it
        learns. Empty for the ridge.

    Examples
    --------
    >>> import numpy as np
    >>> from dvi_widget import VAE, Neighbors
    >>> def teacher(x):  # any classifier of pictures
    ...     p = x.mean(axis=(1, 2, 3))
    ...     return np.stack([1 - p, p], axis=1)
    >>> pictures = np.random.default_rng(0).random((40, 1, 8, 8))
    >>> vae = VAE(latent_dim=3, epochs=1).fit(pictures)
    >>> student = LinearStudent().fit(Neighbors(vae, n=64).sample(pictures[0]), teacher)
    >>> student.weights().shape
    (2, 1, 8, 8)
    >>> student.fidelity().agrees
    True
    """

    weights_: NDArray[np.float32]
    bias_: NDArray[np.float32]
    varied_: NDArray[np.bool_]
    neighbors_: Neighborhood
    logits_: NDArray[np.float32]
    course_: NDArray[np.float32]

    def __init__(
        self,
        method: Literal["ridge", "descent"] = "ridge",
        *,
        regularization: float = 0.03,
        smoothness: float = 1.0,
        temperature: float = 10.0,
        initializer: Literal["zeros", "random"] = "random",
        optimizer: Literal["gd", "adam", "rmsprop", "adagrad"] = "gd",
        learning_rate: float = 0.5,
        epochs: int = 10,
        batch_size: int = 128,
        seed: int = 0,
    ) -> None:
        self.method = method
        self.regularization = regularization
        self.smoothness = smoothness
        self.temperature = temperature
        self.initializer = initializer
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.batch_size = batch_size
        self.seed = seed

    def fit(self, neighbors: Neighborhood, teacher: Any) -> LinearStudent:
        """Learn from a picture's neighbours and the teacher's predictions for them.

        Parameters
        ----------
        neighbors : Neighborhood
            Of one picture, from `Neighbors`.
        teacher
            Any classifier that `as_predictor` takes. A scikit-learn classifier of flat rows gets flat rows. A
            probability of exactly zero counts as .01.

        Returns
        -------
        LinearStudent
            Itself.

        Raises
        ------
        TypeError, ValueError
            If parameters are out of range, there are fewer neighbours than classes, the neighbours are all
            equal, or the teacher returns NaN or infinity.
        """
        self._check_parameters()
        if not isinstance(neighbors, Neighborhood):
            raise TypeError(
                f"neighbors must be a Neighborhood; got {type(neighbors).__name__}. "
                "Neighbors(vae).sample(image) returns one."
            )
        n, (channels, height, width) = len(neighbors), neighbors.image.shape
        predictor = as_teacher(teacher, (channels, height, width))
        moves = varied(neighbors.pictures, neighbors.limits)
        changed = changes(neighbors.image, neighbors.real, moves, neighbors.limits)
        image = neighbors.image[None]
        asked = [
            neighbors.pictures,
            neighbors.held_out,
            image,
            changed.removed,
            changed.real,
            changed.inverted,
        ]
        logits = predictor.predict(np.concatenate(asked))
        _check_finite(logits)
        classes = logits.shape[1]
        if n < classes:
            raise ValueError(
                f"neighbors must be at least as many as the teacher's {classes} classes; got {n}. Sample "
                f"more, say by Neighbors(vae, n={4 * classes})."
            )
        zeros = logits <= _LOG_ZERO
        targets = np.where(zeros, np.float32(np.log(_ZERO)), logits)
        held_out = n + len(neighbors.held_out)
        self._predictor = predictor
        self._hard = bool((zeros[:held_out].sum(axis=1) == classes - 1).mean() > 0.5)
        self.neighbors_, self.varied_, self._changes = neighbors, moves, changed
        self.logits_, self._held_out = logits[:n], targets[n:held_out]
        self._own, self._changed = logits[held_out : held_out + 1], logits[held_out:]
        low, high = neighbors.limits
        x = torch.from_numpy(np.concatenate([neighbors.pictures, neighbors.image[None]]))
        y = torch.from_numpy(np.concatenate([targets[:n], targets[held_out : held_out + 1]])).double()
        self._learnt = (x - low) / (high - low), y
        weights, bias, course = self._solve(*self._learnt, torch.from_numpy(moves))
        self.course_ = np.array(course, np.float32)
        # Back from values between 0 and 1 to the pictures' own scale.
        weights /= high - low
        bias = bias - low * weights.sum(1)
        self.weights_ = weights.reshape(-1, *neighbors.image.shape).numpy().astype(np.float32)
        self.bias_ = bias.numpy().astype(np.float32)
        return self

    def predict(self, images: ArrayLike) -> NDArray[np.float32]:
        """Return the student's logits.

        Parameters
        ----------
        images : array [n, C, H, W]
            On the scale of the neighbours.

        Returns
        -------
        float32 [n, classes]

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If pictures have another size.
        """
        check_is_fitted(self, "weights_")
        x = as_array("images", images).astype(np.float32)
        if x.shape[1:] != self.weights_.shape[1:]:
            raise ValueError(
                f"images must be pictures [n, …] of shape {self.weights_.shape[1:]}; got shape {x.shape}."
            )
        logits: NDArray[np.float32] = (
            x.reshape(len(x), -1) @ self.weights_.reshape(len(self.weights_), -1).T + self.bias_
        )
        return logits

    def weights(self, against: int | Literal["others", "mean"] = "others") -> NDArray[np.float32]:
        """Return the weight of each pixel for each class (§6.3, first column of Fig. 1c).

        Only differences between classes mean anything: a vector added to the weights of all classes changes
        no probability. So each class is compared, by default with the others, each weighted by its mean
        probability among them over the neighbours. That is the mean gradient of the student's log-odds
        log p / (1 − p): what speaks for a class rather than for those it competes with.

        Parameters
        ----------
        against : "others", "mean" or int
            "mean" compares with the mean over all classes, an int with that class.

        Returns
        -------
        float32 [classes, C, H, W]
            In logits per unit of the pictures' scale.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If there is no such class.
        """
        check_is_fitted(self, "weights_")
        compared: NDArray[np.float32] = self.weights_ - np.tensordot(
            self._rival_shares(against), self.weights_, axes=1
        )
        return compared

    def weighted(
        self, image: ArrayLike | None = None, against: int | Literal["others", "mean"] = "others"
    ) -> NDArray[np.float32]:
        """Return weights times pixels: each pixel's contribution to each class (second column of Fig. 1c).

        Parameters
        ----------
        image : array [C, H, W], optional
            The picture that was learnt about, by default.
        against
            As for `weights`.

        Returns
        -------
        float32 [classes, C, H, W]
            In logits. With the bias, compared in the same way, they sum to the student's.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            As for `weights`; also if the picture has another size.
        """
        weights = self.weights(against)
        x = self.neighbors_.image if image is None else as_array("image", image).astype(np.float32)
        if x.shape != weights.shape[1:]:
            raise ValueError(f"image must be one picture of shape {weights.shape[1:]}; got shape {x.shape}.")
        return weights * x

    def intervals(self, draws: int = 16) -> Intervals:
        """Return the interval of each weight over redrawn neighbours: what of a map is chance.

        The student is learnt again from neighbours drawn with replacement from its own (bootstrap). The
        intervals do not hold what the prior decides, nor what another VAE would generate: on digits three in
        ten weights learnt from another seed's VAE lie within them, while the maps' cosine is .96.

        Parameters
        ----------
        draws : int
            Times it is learnt again, at least 2. Intervals are the least and the largest weight.

        Returns
        -------
        Intervals
            Of `weights`, each class compared with the others.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If draws is out of range.
        """
        weights = self._redrawn(draws)
        return Intervals(weights.min(axis=0), weights.max(axis=0))

    def directions(self, k: int = 10, draws: int = 16) -> Directions:
        """Return the weights along the k directions in which the neighbours vary most.

        In this basis the weights are identified. Over pixels they are not: of an exactly linear teacher the
        single pixels' weights may be far off where the weights along directions are right.

        Parameters
        ----------
        k : int
            Directions, at least 1; no more than neighbours or inputs.
        draws : int
            As for `intervals`.

        Returns
        -------
        Directions

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If k or draws is out of range.
        """
        check_is_fitted(self, "weights_")
        pictures = self.neighbors_.pictures
        check_whole("k", k, 1, min(len(pictures), self.varied_.size))
        patterns, spread = main_directions(pictures, k)

        def along(weights: NDArray[np.float32]) -> NDArray[np.float32]:
            projected: NDArray[np.float32] = np.tensordot(weights, patterns, axes=([-3, -2, -1], [1, 2, 3]))
            return projected * spread

        redrawn = along(self._redrawn(draws))
        return Directions(patterns, spread, along(self.weights()), redrawn.min(axis=0), redrawn.max(axis=0))

    def fidelity(self, image: ArrayLike | None = None, classes: Sequence[str] | None = None) -> Fidelity:
        """Measure how far this student can be trusted (R3.1), and say what to do if it cannot.

        Parameters
        ----------
        image : array [C, H, W], optional
            Where to compare; the picture that was learnt about, by default.
        classes : sequence of str, optional
            Names for the verdict; numbers by default.

        Returns
        -------
        Fidelity
            KL and R² are over independent draws from the band that the student has not learnt from.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            As for `predict`; also if there is not one name per class.
        """
        check_is_fitted(self, "weights_")
        if classes is not None and len(classes) != len(self.weights_):
            raise ValueError(
                f"classes must be {len(self.weights_)} names, one per class; got {len(classes)}."
            )
        x = self.neighbors_.image if image is None else as_array("image", image).astype(np.float32)
        teacher = self._own
        if image is not None:
            teacher = self._predictor.predict(x[None])
            _check_finite(teacher)
        changed, around = self._changes, self.neighbors_
        pictures = np.concatenate([around.image[None], changed.removed, changed.real, changed.inverted])
        return measure(
            Answers(teacher, self.predict(x[None])),
            Answers(self._held_out, self.predict(around.held_out)),
            Answers(self._changed, self.predict(pictures)),
            changed,
            float(self.varied_.mean()),
            classes,
            hard=self._hard,
        )

    def along(self) -> Along:
        """Put the neighbours into a row, with the teacher's probabilities along it (Fig. 1-b2, Fig. 9).

        Neighbours on a line keep its order. Others are ordered along their main direction, in which the
        student's logits vary most, from where the picture's class is likeliest to where it is least likely.
        Independent draws scatter round that direction, so that crossings are then those of the running mean
        over a sixteenth of the row.

        Returns
        -------
        Along

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        check_is_fitted(self, "weights_")
        student = self.predict(self.neighbors_.pictures)
        return in_a_row(self.logits_, student, self.neighbors_.positions, int(self._own.argmax()))

    def figure(self, classes: Sequence[str] | None = None) -> plotly.graph_objects.Figure:
        """Draw the student (Fig. 1c): weights, weighted features, and both probability bars.

        The weights of each class have a scale of their own; the weighted features share one.

        Parameters
        ----------
        classes : sequence of str, optional
            Names; numbers by default.

        Returns
        -------
        plotly.graph_objects.Figure

        Raises
        ------
        NotFittedError, ValueError
            As for `fidelity`.
        """
        from .figure import student_figure  # noqa: PLC0415 - plotly loads slowly

        return student_figure(self, classes)

    def _check_parameters(self) -> None:
        if self.method not in ("ridge", "descent"):
            raise ValueError(f"method must be 'ridge' or 'descent'; got {self.method!r}.")
        if self.initializer not in ("zeros", "random"):
            raise ValueError(f"initializer must be 'zeros' or 'random'; got {self.initializer!r}.")
        if self.optimizer not in OPTIMIZERS:
            raise ValueError(f"optimizer must be one of {', '.join(OPTIMIZERS)}; got {self.optimizer!r}.")
        for name in ("regularization", "temperature", "learning_rate"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise ValueError(f"{name} must be a finite number above 0; got {value!r}.")
        check_number("smoothness", self.smoothness, 0)
        for name in ("epochs", "batch_size"):
            check_whole(name, getattr(self, name), 1)
        check_whole("seed", self.seed)

    def _solve(
        self, x: torch.Tensor, y: torch.Tensor, moves: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, list[float]]:
        """Return weights, zero where nothing moves, bias and course; the last row of x is the picture."""
        if self.method == "ridge":
            ridge = {"regularization": self.regularization, "smoothness": self.smoothness}
            return (*solve_ridge(x, y, moves, **ridge), [])
        return descend(
            x[:-1],
            y[:-1],
            moves,
            temperature=self.temperature,
            initializer=self.initializer,
            optimizer=self.optimizer,
            learning_rate=self.learning_rate,
            epochs=self.epochs,
            batch_size=self.batch_size,
            seed=self.seed,
        )

    def _redrawn(self, draws: int) -> NDArray[np.float32]:
        """Return the weights learnt from neighbours drawn with replacement: [draws, classes, C, H, W]."""
        check_is_fitted(self, "weights_")
        check_whole("draws", draws, 2)
        rng = np.random.default_rng(self.seed)
        x, y = self._learnt
        n, shares = len(x) - 1, self._rival_shares("others")
        low, high = self.neighbors_.limits
        found = []
        for _ in range(draws):
            rows = torch.from_numpy(np.append(rng.integers(n, size=n), n))
            weights = self._solve(x[rows], y[rows], torch.from_numpy(self.varied_))[0].numpy() / (high - low)
            found.append((weights - shares @ weights).reshape(self.weights_.shape))
        return np.array(found, np.float32)

    def _rival_shares(self, against: int | Literal["others", "mean"]) -> NDArray[np.float32]:
        """Return the shares of all classes in what each class is compared with, [classes, classes]."""
        classes = len(self.weights_)
        if against == "mean":
            return np.full((classes, classes), 1 / classes, np.float32)
        if against == "others":
            logits = self.predict(self.neighbors_.pictures).astype(np.float64)
            likelihoods = np.exp(logits - logits.max(axis=1, keepdims=True))
            # The sum over all other classes; where a difference would leave rounding alone, summed anew.
            others = likelihoods.sum(axis=1, keepdims=True) - likelihoods
            leading = np.arange(len(logits)), logits.argmax(axis=1)
            rest = likelihoods.copy()
            rest[leading] = 0
            others[leading] = rest.sum(axis=1)
            shares = (1 / np.maximum(others, _MIN_LIKELIHOOD)).T @ likelihoods / len(logits)
            np.fill_diagonal(shares, 0)
            return np.asarray(shares, np.float32)
        if isinstance(against, str) or not 0 <= against < classes:
            raise ValueError(
                f"against must be 'others', 'mean' or a class, 0 to {classes - 1}; got {against!r}."
            )
        return np.repeat(np.eye(classes, dtype=np.float32)[against : against + 1], classes, axis=0)


def _check_finite(logits: NDArray[np.float32]) -> None:
    """Raise an error if the teacher returned NaN or infinity."""
    bad = np.flatnonzero(~np.isfinite(logits).all(axis=1))
    if bad.size:
        raise ValueError(
            f"teacher must return finite values; got NaN or infinity for {bad.size} of {len(logits)} "
            "pictures. Check that it takes pictures on the scale that the VAE was trained on."
        )
