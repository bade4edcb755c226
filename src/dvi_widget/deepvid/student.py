"""The linear student: what the teacher does round one picture, as one weight per pixel and class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.nn import functional

from dvi_widget.arguments import check_whole

from .neighbors import Neighborhood
from .vae import as_teacher

if TYPE_CHECKING:
    import plotly.graph_objects

# Beyond these the student is not to be believed: half of the teacher's variation unexplained; probabilities
# that differ by more than a reader of the bars would forgive.
_LEAST_R2 = 0.5
_MOST_KL = 0.1
_MOST_VARIATION = 0.15
_SURE = 0.05  # what neighbours count for of whose class the teacher has no doubt, in terms of 1 − Σp²
_OWN = 0.05  # the weight of the picture itself, as a share of all neighbours'
_SINGLE = 1e-3  # the regularisation from which on single precision is enough
_EQUAL = 1e-10  # mean squared difference of pictures, between 0 and 1, that rounding alone makes
# Below this, a logarithm is that of a probability of exactly zero.
_ZERO = float(np.log(np.finfo(np.float32).tiny)) + 1e-3
_OPTIMIZERS = {
    "gd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "rmsprop": torch.optim.RMSprop,
    "adagrad": torch.optim.Adagrad,
}


@dataclass(frozen=True)
class Fidelity:
    """How far the student may be believed at a picture.

    Attributes
    ----------
    agrees : whether student and teacher say the same class at the picture.
    teacher, student : float32 [C], their probabilities at the picture.
    total_variation : half the summed difference of these, in [0, 1].
    kl : mean KL(teacher ‖ student) over held-out neighbours, in nats.
    r2 : share of the variation of the teacher's centred logits over held-out neighbours that the student
        explains; at most 1, negative if it explains less than their mean.
    trustworthy : whether the explanation may be believed.
    verdict : the same in words, with what to do about it.
    """

    agrees: bool
    teacher: NDArray[np.float32]
    student: NDArray[np.float32]
    total_variation: float
    kl: float
    r2: float
    trustworthy: bool
    verdict: str


@dataclass(frozen=True)
class Crossing:
    """A place in the row of neighbours where the teacher changes its mind."""

    after: int
    before_class: int
    after_class: int


@dataclass(frozen=True)
class Along:
    """The neighbours in a row, and what the teacher says of each.

    Attributes
    ----------
    order : int [n], neighbours from one end to the other.
    positions : float32 [n], where each stands, 0 to 1, ascending.
    probabilities : float32 [n, C], the teacher's, in that order.
    predictions : int [n], the teacher's classes, in that order.
    crossings : where the teacher's leading class changes: `after` counts places in the order.
    """

    order: NDArray[np.intp]
    positions: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    predictions: NDArray[np.intp]
    crossings: tuple[Crossing, ...]

    def evenly(self, m: int = 144) -> NDArray[np.intp]:
        """Places in the row of m neighbours evenly spread over it, all if there are no more (§6.2)."""
        n = len(self.order)
        return np.arange(n) if m >= n else np.linspace(0, n - 1, m).round().astype(np.intp)


class LinearStudent:
    """A linear classifier of pixels that does round one picture what the teacher does (DeepVID, §3, §6.3).

    By default the teacher's logits, centred over classes, are fitted by ridge regression in closed form:
    deterministic, and done in milliseconds. Its prior says that the weights of pixels close to one another
    are alike, over `smoothness` pixels; this spreads the credit over a stroke instead of putting it on
    single pixels, which the neighbours cannot tell apart. Errors are weighted as the Kullback–Leibler
    divergence weighs them: to second order that is ½ Δᵀ(diag p − p pᵀ)Δ for an error Δ of the logits, so a
    neighbour counts by the trace 1 − Σp², most where the teacher hesitates. The picture itself counts as much
    as a twentieth of them all. The paper's way is ``method="descent"``: soft
    labels at a temperature (Eq. 1 without hard labels), a random start and plain gradient descent.

    Parameters
    ----------
    method
        "ridge" or "descent".
    regularization
        Of the ridge, relative to the neighbours' mean variation.
    smoothness
        Width of the ridge's prior, in pixels: the standard deviation of a Gaussian; 0 for the ordinary ridge.
    temperature, initializer, optimizer, learning_rate, epochs, batch_size
        Of the descent. The initialiser is "zeros" or "random", the optimiser "gd", "adam", "rmsprop" or
        "adagrad".
    seed
        Of the descent's start and order.

    Attributes
    ----------
    weights_ : float32 [C, channels, H, W], as learnt.
    bias_ : float32 [C].
    neighbors_ : the neighbourhood learnt from.
    logits_ : float32 [n, C], the teacher's on the neighbours.

    Examples
    --------
    >>> student = LinearStudent().fit(neighbors, teacher)  # doctest: +SKIP
    >>> student.fidelity().verdict  # doctest: +SKIP
    """

    weights_: NDArray[np.float32]
    bias_: NDArray[np.float32]
    neighbors_: Neighborhood
    logits_: NDArray[np.float32]

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
        """Learn from a picture's neighbours and what the teacher says of them.

        Parameters
        ----------
        neighbors : Neighborhood
            Of one picture, from `Neighbors`.
        teacher
            Any classifier that `as_predictor` takes: a torch module, an object with ``predict_proba``, a
            callable that gives probabilities. A scikit-learn classifier of flat rows is given flat rows. A
            probability of exactly zero counts as half of the least positive one.

        Returns
        -------
        LinearStudent
            Itself.

        Raises
        ------
        TypeError, ValueError
            For parameters out of range, fewer neighbours than classes, or a teacher that gives NaN or
            infinity.
        """
        self._check_parameters()
        if not isinstance(neighbors, Neighborhood):
            raise TypeError(
                f"neighbors: must be a Neighborhood, found {type(neighbors).__name__}; "
                "Neighbors(vae).sample(image) gives one"
            )
        n = len(neighbors)
        predictor = as_teacher(teacher, neighbors.image.shape)
        said = predictor.predict(
            np.concatenate([neighbors.pictures, neighbors.held_out, neighbors.image[None]])
        )
        _check_said(said)
        if n < said.shape[1]:
            raise ValueError(
                f"neighbors: {n} neighbours are fewer than the teacher's {said.shape[1]} classes; "
                f"sample more, Neighbors(vae, n={4 * said.shape[1]}) at least"
            )
        targets = np.where(said <= _ZERO, _half_of_least(said), said)
        self._predictor = predictor
        self.neighbors_ = neighbors
        self.logits_, self._held_out, self._own = said[:n], targets[n:-1], said[-1:]
        low, high = neighbors.limits
        x = (torch.from_numpy(np.concatenate([neighbors.pictures, neighbors.image[None]])) - low) / (
            high - low
        )
        y = torch.from_numpy(np.concatenate([targets[:n], targets[-1:]])).double()
        weights, bias = self._ridge(x, y) if self.method == "ridge" else self._descend(x[:-1], y[:-1])
        # Back from values between 0 and 1 to the pictures' own scale.
        weights /= high - low
        bias = bias - low * weights.sum(1)
        self.weights_ = weights.reshape(-1, *neighbors.image.shape).numpy().astype(np.float32)
        self.bias_ = bias.numpy().astype(np.float32)
        return self

    def predict(self, images: ArrayLike) -> NDArray[np.float32]:
        """The student's logits.

        Parameters
        ----------
        images : array [n, C, H, W]
            On the scale of the neighbours.

        Returns
        -------
        float32 [n, classes]

        Raises
        ------
        RuntimeError
            If the student is not fitted.
        ValueError
            For pictures of another size.
        """
        self._check_fitted()
        x = np.asarray(images, np.float32)
        if x.shape[1:] != self.weights_.shape[1:]:
            raise ValueError(
                f"images: must be pictures [n, …] of {self.weights_.shape[1:]}, found the shape {x.shape}"
            )
        logits: NDArray[np.float32] = (
            x.reshape(len(x), -1) @ self.weights_.reshape(len(self.weights_), -1).T + self.bias_
        )
        return logits

    def weights(self, against: int | Literal["others", "mean"] = "others") -> NDArray[np.float32]:
        """The weight of each pixel for each class (§6.3, first column of Fig. 1c).

        Only differences between classes mean anything: a vector added to the weights of all classes changes
        no probability. So each class is compared: by default with the others, each of which counts by its
        probability among them, on average over the neighbours. That is the mean gradient of the student's
        log-odds log p / (1 − p), and says what speaks for a class rather than for those it competes with.

        Parameters
        ----------
        against
            "others", "mean" for the mean over all classes, or a class.

        Returns
        -------
        float32 [classes, C, H, W]
            In logits per unit of the pictures' scale.

        Raises
        ------
        RuntimeError
            If the student is not fitted.
        ValueError
            For a class that there is not.
        """
        self._check_fitted()
        compared: NDArray[np.float32] = self.weights_ - np.tensordot(
            self._rivals(against), self.weights_, axes=1
        )
        return compared

    def _rivals(self, against: int | Literal["others", "mean"]) -> NDArray[np.float32]:
        """What each class is compared with: the shares of all classes [classes, classes]."""
        classes = len(self.weights_)
        if against == "mean":
            return np.full((classes, classes), 1 / classes, np.float32)
        if against == "others":
            logits = self.predict(self.neighbors_.pictures).astype(np.float64)
            likelihoods = np.exp(logits - logits.max(axis=1, keepdims=True))
            # All but one class: a difference, except where that would leave nothing but rounding.
            others = likelihoods.sum(axis=1, keepdims=True) - likelihoods
            leading = np.arange(len(logits)), logits.argmax(axis=1)
            rest = likelihoods.copy()
            rest[leading] = 0
            others[leading] = rest.sum(axis=1)
            shares = (1 / np.maximum(others, np.finfo(np.float64).tiny)).T @ likelihoods / len(logits)
            np.fill_diagonal(shares, 0)
            return np.asarray(shares, np.float32)
        if isinstance(against, str) or not 0 <= against < classes:
            raise ValueError(
                f'against: must be "others", "mean" or a class, 0 to {classes - 1}; found {against!r}'
            )
        return np.repeat(np.eye(classes, dtype=np.float32)[against : against + 1], classes, axis=0)

    def weighted(
        self, image: ArrayLike | None = None, against: int | Literal["others", "mean"] = "others"
    ) -> NDArray[np.float32]:
        """Weights times pixels: what each pixel of a picture says for each class (second column of Fig. 1c).

        Parameters
        ----------
        image : array [C, H, W], optional
            By default the picture whose neighbours were learnt from.
        against
            As for `weights`.

        Returns
        -------
        float32 [classes, C, H, W]
            In logits; with the bias compared in the same way, they sum up to the student's.

        Raises
        ------
        RuntimeError, ValueError
            As `weights`; for pictures of another size.
        """
        weights = self.weights(against)
        x = self.neighbors_.image if image is None else np.asarray(image, np.float32)
        if x.shape != weights.shape[1:]:
            raise ValueError(f"image: must be one picture {weights.shape[1:]}, found the shape {x.shape}")
        return weights * x

    def fidelity(self, image: ArrayLike | None = None, classes: Sequence[str] | None = None) -> Fidelity:
        """How far this student may be believed (R3.1), and what to do if it may not.

        Parameters
        ----------
        image : array [C, H, W], optional
            Where to compare; by default the picture whose neighbours were learnt from.
        classes
            Names for the verdict; by default the classes are numbers.

        Returns
        -------
        Fidelity
            KL and R² are over independent draws from the band that the student has not seen, whatever it
            learnt from.

        Raises
        ------
        RuntimeError, ValueError
            As `predict`; if there are not as many names as classes.
        """
        self._check_fitted()
        if classes is not None and len(classes) != len(self.weights_):
            raise ValueError(
                f"classes: needs {len(self.weights_)} names, one per class; found {len(classes)}"
            )
        x = self.neighbors_.image if image is None else np.asarray(image, np.float32)
        if image is None:
            own = self._own
        else:
            own = self._predictor.predict(x[None])
            _check_said(own)
        teacher, student = _softmax(own)[0], _softmax(self.predict(x[None]))[0]
        kl, r2 = divergence(self._held_out, self.predict(self.neighbors_.held_out))
        variation = float(np.abs(teacher - student).sum() / 2)
        names = [f"class {c}" for c in range(len(teacher))] if classes is None else list(classes)
        verdict, trustworthy = _verdict(teacher, student, variation, kl, r2, names)
        agrees = int(teacher.argmax()) == int(student.argmax())
        return Fidelity(agrees, teacher, student, variation, kl, r2, trustworthy, verdict)

    def along(self) -> Along:
        """The neighbours in a row, and the teacher's probabilities along it (Fig. 1-b2, Fig. 9).

        Neighbours on a line keep its order. Others stand in the order of their main direction: the one in
        which the student's logits vary most, from where the picture's class is likeliest to where it is
        least. Single draws are off that direction by chance, so crossings are then those of the running
        mean over a sixteenth of the row.

        Returns
        -------
        Along

        Raises
        ------
        RuntimeError
            If the student is not fitted.
        """
        self._check_fitted()
        probabilities = _softmax(self.logits_)
        positions = self.neighbors_.positions
        window = 1
        if positions is None:
            z = self.predict(self.neighbors_.pictures)
            z = z - z.mean(axis=1, keepdims=True)
            z = z - z.mean(axis=0)
            direction = np.linalg.svd(z, full_matrices=False)[2][0]
            own = int(self._own.argmax())
            score = z @ direction * (-1.0 if direction[own] > 0 else 1.0)
            spread = float(np.ptp(score))
            positions = (score - score.min()) / (spread if spread > 0 else 1.0)
            window = max(1, len(score) // 16)
        order = np.argsort(positions, kind="stable")
        probabilities = probabilities[order]
        sums = np.concatenate([np.zeros((1, probabilities.shape[1])), probabilities.cumsum(axis=0)])
        places = np.arange(len(order))
        first, last = np.maximum(places - window // 2, 0), np.minimum(places + window // 2 + 1, len(order))
        leading = ((sums[last] - sums[first]) / (last - first)[:, None]).argmax(axis=1)
        crossings = _crossings(leading, window)
        return Along(
            order,
            positions[order].astype(np.float32),
            probabilities,
            probabilities.argmax(axis=1),
            crossings,
        )

    def figure(self, classes: Sequence[str] | None = None) -> plotly.graph_objects.Figure:
        """The student view as a figure (Fig. 1c): weights, weighted features, and both probability bars.

        The weights of each class are scaled by themselves, the weighted features all together.

        Parameters
        ----------
        classes
            Names; by default the classes are numbers.

        Returns
        -------
        plotly.graph_objects.Figure

        Raises
        ------
        RuntimeError, ValueError
            As `fidelity`.
        """
        from .figure import student_figure  # noqa: PLC0415 - plotly loads slowly

        return student_figure(self, classes)

    def _check_fitted(self) -> None:
        if not hasattr(self, "weights_"):
            raise RuntimeError("this student has not learnt yet: call fit(neighbors, teacher) first")

    def _check_parameters(self) -> None:
        if self.method not in ("ridge", "descent"):
            raise ValueError(f'method: must be "ridge" or "descent", found {self.method!r}')
        if self.initializer not in ("zeros", "random"):
            raise ValueError(f'initializer: must be "zeros" or "random", found {self.initializer!r}')
        if self.optimizer not in _OPTIMIZERS:
            raise ValueError(f"optimizer: must be one of {', '.join(_OPTIMIZERS)}; found {self.optimizer!r}")
        for name in ("regularization", "temperature", "learning_rate"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise ValueError(f"{name}: must be a number above 0, found {value!r}")
        if not (np.isfinite(self.smoothness) and self.smoothness >= 0):
            raise ValueError(f"smoothness: must be a number of pixels, 0 or more; found {self.smoothness!r}")
        for name in ("epochs", "batch_size"):
            check_whole(name, getattr(self, name), 1)
        check_whole("seed", self.seed)

    def _ridge(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Weighted ridge regression of centred logits, in its dual form: an unknown per row, not per pixel.

        The last row is the picture itself.
        """
        doubt = 1 - y[:-1].softmax(1).square().sum(1) + _SURE
        share = torch.cat([doubt / doubt.mean(), doubt.new_tensor([_OWN * len(doubt)])])
        share = share / share.sum()
        y = y - y.mean(1, keepdim=True)
        mean_x = (share.view(-1, 1, 1, 1) * x).sum(0)
        mean_y = (share[:, None] * y).sum(0)
        root = share.sqrt()
        a = (x - mean_x).float() * root.float().view(-1, 1, 1, 1)  # [n + 1, C, H, W]
        # The prior covariance K of the weights enters as w = K aᵀ α, (a K aᵀ + λ) α = y. Single precision
        # is twice as fast, and what it rounds off the products is far below any λ but a very small one.
        if self.regularization < _SINGLE:
            a = (x.double() - mean_x) * root.view(-1, 1, 1, 1)
        smooth = _smoothed(a, self.smoothness).flatten(1)
        gram = (a.flatten(1) @ smooth.T).double()
        scale = gram.diagonal().mean()
        if not scale * len(x) > _EQUAL:
            raise ValueError(
                "neighbors: they are all equal, so there is nothing to learn from; use a wider band"
            )
        gram.diagonal().add_(self.regularization * scale)
        alpha = torch.cholesky_solve(root[:, None] * (y - mean_y), torch.linalg.cholesky(gram))
        weights = (alpha.T.to(smooth) @ smooth).double()  # [C, pixels]
        return weights, mean_y - weights @ mean_x.flatten()

    def _descend(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The paper's training: cross-entropy with the soft labels, both at the temperature (§3)."""
        generator = torch.Generator().manual_seed(self.seed)
        flat = x.flatten(1)
        soft = (y / self.temperature).softmax(1).float()
        weights, bias = torch.zeros(y.shape[1], flat.shape[1]), torch.zeros(y.shape[1])
        if self.initializer == "random":
            weights.normal_(0, flat.shape[1] ** -0.5, generator=generator)
        weights.requires_grad_(True)
        bias.requires_grad_(True)
        descent = _OPTIMIZERS[self.optimizer]([weights, bias], lr=self.learning_rate)
        for _ in range(self.epochs):
            for chosen in torch.split(torch.randperm(len(flat), generator=generator), self.batch_size):
                logits = functional.linear(flat[chosen], weights, bias) / self.temperature
                loss = functional.cross_entropy(logits, soft[chosen])
                weights.grad, bias.grad = torch.autograd.grad(loss, [weights, bias])
                descent.step()
        return weights.detach().double(), bias.detach().double()


def divergence(teacher: NDArray[np.float32], student: NDArray[np.float32]) -> tuple[float, float]:
    """How far a student is from its teacher.

    Parameters
    ----------
    teacher, student : float32 [n, C]
        Logits on the same pictures.

    Returns
    -------
    kl : float
        Mean KL(teacher ‖ student) of their probabilities, in nats.
    r2 : float
        Share of the variation of the teacher's centred logits that the student explains.
    """
    t, s = teacher.astype(np.float64), student.astype(np.float64)
    t, s = t - t.mean(axis=1, keepdims=True), s - s.mean(axis=1, keepdims=True)
    log_t, log_s = _log_softmax(t), _log_softmax(s)
    kl = float((np.exp(log_t) * (log_t - log_s)).sum(axis=1).mean())
    variation, left = np.square(t - t.mean(axis=0)).sum(), np.square(t - s).sum()
    return kl, float(1 - left / variation) if variation > 0 else float(left == 0)


def _crossings(leading: NDArray[np.intp], window: int) -> tuple[Crossing, ...]:
    """Where the leading class changes, between stretches that last at least the window."""
    starts = np.concatenate([[0], np.flatnonzero(leading[1:] != leading[:-1]) + 1])
    lengths = np.diff(np.append(starts, len(leading)))
    lasting = [int(start) for start, length in zip(starts, lengths, strict=True) if length >= window]
    return tuple(
        Crossing(start - 1, int(leading[before]), int(leading[start]))
        for before, start in pairwise(lasting)
        if leading[before] != leading[start]
    )


def _verdict(
    teacher: NDArray[np.float32],
    student: NDArray[np.float32],
    variation: float,
    kl: float,
    r2: float,
    names: Sequence[str],
) -> tuple[str, bool]:
    """What to think of the student, in words and as a yes or no."""
    t, s = int(teacher.argmax()), int(student.argmax())
    if t != s:
        against = f"it says {names[s]} where the teacher says {names[t]}"
    elif variation > _MOST_VARIATION:
        against = f"it gives {names[t]} {student[t]:.0%} where the teacher gives {teacher[t]:.0%}"
    elif kl > _MOST_KL:
        against = f"on fresh neighbours its probabilities are {kl:.2g} nats from the teacher's"
    elif r2 < _LEAST_R2:
        against = f"on fresh neighbours it explains only {max(r2, 0):.0%} of what moves the teacher"
    else:
        agreed = f"Student and teacher both say {names[t]} ({student[t]:.0%} and {teacher[t]:.0%})"
        return (
            f"{agreed}, and on fresh neighbours the student explains {r2:.1%} of what moves the teacher.",
            True,
        )
    advice = "Try a narrower band, more neighbours or another regularisation before reading its weights."
    return f"Do not believe this student: {against}. {advice}", False


def _smoothed(pictures: Tensor, width: float) -> Tensor:
    """Pictures blurred by a Gaussian of that many pixels: the prior covariance of the weights, applied."""
    if width == 0:
        return pictures
    for axis in (2, 3):
        size = pictures.shape[axis]
        offsets = torch.arange(size, dtype=pictures.dtype)
        apart = offsets[:, None] - offsets
        kernel = torch.exp(-0.5 * (apart / width).square())
        pictures = torch.movedim(torch.movedim(pictures, axis, 3) @ kernel, 3, axis)
    return pictures


def _check_said(logits: NDArray[np.float32]) -> None:
    bad = np.flatnonzero(~np.isfinite(logits).all(axis=1))
    if bad.size:
        raise ValueError(
            f"teacher: gave NaN or infinity for {bad.size} of {len(logits)} pictures; check that it takes "
            "pictures on the scale the VAE was trained on"
        )


def _half_of_least(logits: NDArray[np.float32]) -> np.float32:
    """The logarithm that a probability of exactly zero counts as: that of half the least positive one."""
    positive = logits[logits > _ZERO]
    return np.float32(positive.min() - np.log(2)) if positive.size else np.float32(_ZERO)


def _log_softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return log_p


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    p: NDArray[np.float32] = np.exp(_log_softmax(logits.astype(np.float64))).astype(np.float32)
    return p
