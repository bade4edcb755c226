"""The generative model behind the neighbours: a variational auto-encoder of pictures (DeepVID, §3)."""

from __future__ import annotations

import copy
import hashlib
import json
import math
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from dvi_widget import files
from dvi_widget.arrays import as_array, as_matrix, check_number, check_path, check_whole, warn
from dvi_widget.progress import progress_bar
from dvi_widget.weights import load_tensors_and_header, save_tensors

from .consistency import compared_layers, inconsistency
from .inputs import as_images, as_teacher
from .networks import Convolutional, Dense

__all__ = ["VAE"]

_FORMAT = 1
# Values per picture up to which "auto" takes fully connected layers, which hold 32 × 32 grey pixels well.
_MAX_DENSE_VALUES = 1024
# Share of the training pictures inside the range of each latent dimension, so that no odd picture widens it.
_RANGE_COVERAGE = 0.99
# By default the training is as long as the longer of the two.
_MIN_EPOCHS, _MIN_STEPS = 10, 2000
_WARM_UP_SHARE = 0.1  # of all steps, in which the learning rate rises
# How far values may lie outside the scale of the training pictures, as a share of it.
_MAX_OVERSHOOT = 0.5
_BATCH_ROWS = 4096  # pictures per pass outside training


class VAE(BaseEstimator):  # type: ignore[misc]
    """Variational auto-encoder of pictures (DeepVID, §3, Eq. 2; networks of §7.1).

    The encoder maps a picture to a normal distribution q(z|x) over latent vectors, the decoder maps a latent
    vector to a picture. Small grey pictures get fully connected layers and a Bernoulli likelihood; larger or
    coloured ones get convolutions and a Gaussian likelihood at the batch's own variance. Pictures keep their
    scale: the decoder's are on that of the training pictures.

    Parameters
    ----------
    latent_dim : int
        Dimensions of the latent space.
    architecture : {"auto", "dense", "convolutional"}
        "auto" is dense up to 1,024 grey values per picture, else convolutional.
    hidden : tuple of int
        Widths of the fully connected layers between a picture and its latent vector; the decoder mirrors
        them. The paper's is (400,).
    channels : tuple of int
        Channels of the convolutions, each of which halves the picture.
    beta : float
        Weight of KL(q(z|x) ‖ N(0, 1)) in Eq. 2. Below one, reconstructions are closer and the latent space is
        less normal.
    features : torch module, optional
        Network for the feature-consistency loss (DFC): its convolutions and linear layers should respond
        alike to a picture and to its reconstruction. It takes pictures on their own scale, and is not
        changed.
    feature_weight : float
        Weight of that loss, a relative squared difference that counts once per value of a picture.
    epochs : int, optional
        Passes over the pictures; by default 10, or as many as make 2,000 steps of Adam.
    batch_size : int
        Pictures per step.
    learning_rate : float
        Of Adam. It rises over the first tenth of the steps and falls to zero along half a cosine.
    seed : int
        Seed of weights, order and noise. Equal parameters and pictures give equal weights.

    Attributes
    ----------
    shape_ : tuple of int
        (C, H, W) of the pictures.
    limits_ : tuple of float
        (low, high), the scale of the pictures: 0 and 255 for uint8, 0 and 1 for floats within them, else
        their least and largest value.
    ranges_ : float32 [latent_dim, 2]
        Range of each latent dimension over the training pictures (Algorithm 1's Ranges): the central 99 %.
    steps_, total_steps_ : int
        Steps of Adam taken, and planned.
    history_ : list of float
        Loss per picture of each finished epoch, in nats.

    Examples
    --------
    >>> import numpy as np
    >>> pictures = np.random.default_rng(0).random((40, 1, 8, 8))
    >>> vae = VAE(latent_dim=3, epochs=1).fit(pictures)
    >>> vae.encode(pictures).shape
    (40, 3)
    >>> vae.decode(vae.encode(pictures)).shape
    (40, 1, 8, 8)
    """

    shape_: tuple[int, int, int]
    limits_: tuple[float, float]
    ranges_: NDArray[np.float32]
    steps_: int
    total_steps_: int
    history_: list[float]

    def __init__(
        self,
        latent_dim: int = 10,
        *,
        architecture: Literal["auto", "dense", "convolutional"] = "auto",
        hidden: tuple[int, ...] = (400, 128),
        channels: tuple[int, ...] = (32, 64, 128),
        beta: float = 0.6,
        features: nn.Module | None = None,
        feature_weight: float = 1.0,
        epochs: int | None = None,
        batch_size: int = 128,
        learning_rate: float = 2e-3,
        seed: int = 0,
    ) -> None:
        self.latent_dim = latent_dim
        self.architecture = architecture
        self.hidden = hidden
        self.channels = channels
        self.beta = beta
        self.features = features
        self.feature_weight = feature_weight
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.seed = seed

    def fit(self, images: ArrayLike, path: str | Path | None = None) -> VAE:
        """Train on pictures.

        An interrupted training (Ctrl-C, the notebook's stop button) leaves a usable model. A further call
        with the same pictures and parameters resumes it, to the same result as without the interruption.
        Other threads may encode and decode while it runs, from the end of the first epoch on.

        Parameters
        ----------
        images : array [n, C, H, W]
            uint8, or floats on any finite scale.
        path : str or Path, optional
            A file that is updated after every epoch. A part of this very training that it already holds is
            resumed.

        Returns
        -------
        VAE
            Itself.

        Raises
        ------
        TypeError, ValueError
            If pictures or parameters are invalid, or the file holds another training.
        """
        pictures = as_images(images, "images")
        self._check_parameters(pictures)
        key = self._key(pictures)
        if (
            path is not None
            and check_path("path", path).exists()
            and getattr(self, "_trained_on", None) != key
        ):
            saved = VAE.load(path, features=self.features)
            if saved._trained_on != key:  # noqa: SLF001
                raise ValueError(
                    f"path must hold this very training, or nothing; got {path}, a VAE of other pictures "
                    "or parameters. Choose another path, or delete the file."
                )
            self.__dict__.update(saved.__dict__)
        if getattr(self, "_trained_on", None) != key:
            self._begin(pictures, key)
        if self.steps_ < self.total_steps_:
            self._train(pictures, path)
        return self

    @property
    def finished(self) -> bool:
        """Whether all epochs are done; the model is usable from the end of the first one on."""
        return getattr(self, "steps_", 0) == getattr(self, "total_steps_", -1)

    def encode(self, images: ArrayLike) -> NDArray[np.float32]:
        """Return the latent vectors of pictures: the means of q(z|x).

        Parameters
        ----------
        images : array [n, C, H, W]
            On the scale of the training pictures.

        Returns
        -------
        float32 [n, latent_dim]

        Raises
        ------
        NotFittedError
            Before `fit`.
        TypeError, ValueError
            If pictures have another size or scale than the training pictures.
        """
        pictures = self.check(images, "images")
        return self._means(pictures)

    def decode(self, z: ArrayLike) -> NDArray[np.float32]:
        """Return the pictures of latent vectors.

        Parameters
        ----------
        z : array [n, latent_dim]

        Returns
        -------
        float32 [n, C, H, W]
            On the scale of the training pictures.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If z is not a finite matrix of that width.
        """
        check_is_fitted(self, "ranges_")
        latents = as_matrix("z", z, self.latent_dim).astype(np.float32)
        low, high = self.limits_
        with torch.no_grad():
            parts = [
                self._network.decode(part).sigmoid()
                for part in torch.split(torch.from_numpy(latents), _BATCH_ROWS)
            ]
        return _numpy(torch.cat(parts).reshape(-1, *self.shape_).mul_(high - low).add_(low))

    def prediction_preservation(self, images: ArrayLike, teacher: Any) -> float:
        """Return the share of pictures whose reconstruction is predicted as the picture is.

        Parameters
        ----------
        images : array [n, C, H, W]
        teacher
            The classifier, as `as_predictor` takes it.

        Returns
        -------
        float
            In [0, 1].

        Raises
        ------
        NotFittedError, TypeError, ValueError
            As for `encode`, and for the teacher's predictions.
        """
        latents = self.encode(images)
        predictor = as_teacher(teacher, self.shape_)
        pictures = as_array("images", images)
        preserved = 0
        for start in range(0, len(latents), _BATCH_ROWS):
            block = slice(start, start + _BATCH_ROWS)
            before = predictor.predict(pictures[block]).argmax(1)
            preserved += int((predictor.predict(self.decode(latents[block])).argmax(1) == before).sum())
        return preserved / len(latents)

    def save(self, path: str | Path) -> None:
        """Write the model to one safetensors file, with its parameters as JSON in the header.

        An unfinished training can be resumed after `load`.

        Raises
        ------
        NotFittedError
            Before `fit`.
        FileNotFoundError
            If the folder does not exist.
        """
        check_is_fitted(self, "ranges_")
        target = check_path("path", path)
        if not target.parent.is_dir():
            raise FileNotFoundError(
                f"path must be in an existing folder; got {target}. Make the folder first."
            )
        tensors = {f"network.{name}": t for name, t in self._network.state_dict().items()}
        tensors["ranges"] = torch.tensor(self.ranges_, device="cpu")
        if not self.finished:
            for i, state in self._optimizer.state_dict()["state"].items():
                tensors |= {f"adam.{i}.{name}": value.clone() for name, value in state.items()}
        header = {
            "format": _FORMAT,
            "parameters": self._described(),
            "shape": self.shape_,
            "limits": self.limits_,
            "steps": self.steps_,
            "total_steps": self.total_steps_,
            "history": self.history_,
            "running": self._running,
            "trained_on": self._trained_on,
        }
        with files.write_aside(target) as aside:
            save_tensors(aside, tensors, {"dvi_widget.VAE": json.dumps(header)})

    @classmethod
    def load(cls, path: str | Path, *, features: nn.Module | None = None) -> VAE:
        """Read a model that `save` wrote.

        Parameters
        ----------
        path : str or Path
            The file.
        features : torch module, optional
            The network of the feature-consistency loss, which is not in the file, for resuming a training.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        PermissionError
            If it may not be read.
        ValueError
            If it holds something else, or a newer format.
        """
        path = check_path("path", path)
        if not path.is_file():
            raise FileNotFoundError(
                f"path must be a file that VAE.save wrote; got {path}, which does not exist."
            )
        try:
            tensors, header = load_tensors_and_header(path)
        except files.DamagedFileError as error:
            raise ValueError(f"path must be a file that VAE.save wrote; got another one. {error}") from error
        if "dvi_widget.VAE" not in header:
            raise ValueError(f"path must be a file that VAE.save wrote; got {path}, which holds no VAE.")
        try:
            described = dict(json.loads(header["dvi_widget.VAE"]))
            if described["format"] == _FORMAT:
                return cls._restored(described, tensors, features)
        # Whatever is made of parameters and tensors that do not fit each other.
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise ValueError(
                f"path must be a file that VAE.save wrote; got {path}, which is damaged ({reason})."
            ) from error
        raise ValueError(
            f"path must have format {_FORMAT}; got {path} with format {described['format']}. Update "
            "dvi_widget."
        )

    @classmethod
    def _restored(cls, header: dict[str, Any], tensors: dict[str, Tensor], features: nn.Module | None) -> VAE:
        """Build a model from what `save` wrote."""
        parameters: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in header["parameters"].items()
        }
        parameters["features"] = features
        vae = cls(**parameters)
        vae.shape_, vae.limits_ = tuple(header["shape"]), tuple(header["limits"])
        vae.steps_, vae.total_steps_ = header["steps"], header["total_steps"]
        vae.history_, vae._running, vae._trained_on = (
            header["history"],
            header["running"],
            header["trained_on"],
        )
        vae._build()
        vae.ranges_ = tensors.pop("ranges").numpy()
        vae._network.load_state_dict(
            {name[len("network.") :]: t for name, t in tensors.items() if name.startswith("network.")}
        )
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in tensors.items():
            if name.startswith("adam."):
                _, i, entry = name.split(".")
                state.setdefault(int(i), {})[entry] = value
        groups = vae._optimizer.state_dict()["param_groups"]
        vae._optimizer.load_state_dict({"state": state, "param_groups": groups})
        return vae

    def on_scale(self, low: float, high: float) -> VAE:
        """Return this very model for pictures on another scale, such as 0 to 1 instead of 0 to 255.

        Parameters
        ----------
        low, high : float
            What stands for the least and the largest value of the training pictures' scale.

        Returns
        -------
        VAE
            It shares the network, and is not to be trained further.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If the scale is empty or not finite.
        """
        check_is_fitted(self, "ranges_")
        low, high = check_number("low", low), check_number("high", high)
        if not low < high:
            raise ValueError(f"high must be above low; got {low:g} and {high:g}.")
        twin = copy.copy(self)
        twin.limits_ = low, high
        return twin

    def check(self, images: ArrayLike, name: str) -> NDArray[Any]:
        """Return pictures that this model can encode, as they are.

        Parameters
        ----------
        images : array [n, C, H, W]
        name : str
            What errors call them.

        Raises
        ------
        NotFittedError
            Before `fit`.
        TypeError, ValueError
            If they are no pictures, or of another size or scale than the training pictures.
        """
        check_is_fitted(self, "ranges_")
        pictures = as_images(images, name)
        if pictures.shape[1:] != self.shape_:
            raise ValueError(
                f"{name} must be pictures {self.shape_} (channels, height, width), like those the VAE was "
                f"trained on; got {pictures.shape[1:]}."
            )
        low, high = self.limits_
        wanted = f"{name} must be on the scale of the training pictures, {low:g} to {high:g}"
        if pictures.dtype == np.uint8 and self.limits_ != (0.0, 255.0):
            raise TypeError(f"{wanted}; got uint8. Scale the pictures in the same way.")
        least, largest = float(pictures.min()), float(pictures.max())
        bytes_as_shares = self.limits_ == (0.0, 255.0) and _are_shares(pictures)
        if bytes_as_shares or max(low - least, largest - high) > _MAX_OVERSHOOT * (high - low):
            raise ValueError(
                f"{wanted}; got values from {least:g} to {largest:g}. Scale the pictures in the same way."
            )
        return pictures

    def _check_parameters(self, pictures: NDArray[Any]) -> None:
        for name in ("latent_dim", "batch_size"):
            check_whole(name, getattr(self, name), 1)
        if self.epochs is not None:
            check_whole("epochs", self.epochs, 1)
        for name in ("beta", "learning_rate", "feature_weight"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise ValueError(f"{name} must be a finite number above 0; got {value!r}.")
        if self.architecture not in ("auto", "dense", "convolutional"):
            raise ValueError(
                f"architecture must be 'auto', 'dense' or 'convolutional'; got {self.architecture!r}."
            )
        for name in ("hidden", "channels"):
            widths = getattr(self, name)
            if not isinstance(widths, tuple | list) or not widths or min(widths) < 1:
                raise ValueError(f"{name} must be a tuple of one or more positive widths; got {widths!r}.")
        if self.features is not None and not isinstance(self.features, nn.Module):
            raise TypeError(f"features must be a torch module; got {type(self.features).__name__}.")
        if self.features is not None and not compared_layers(self.features):
            raise ValueError("features must have a convolution or linear layer to compare; got none.")
        check_whole("seed", self.seed)
        if len(pictures) < 2 or pictures.min() == pictures.max():
            raise ValueError("images must be at least two different pictures; got all values equal.")

    def _described(self) -> dict[str, Any]:
        """Return the parameters as JSON takes them; `features` only says whether there is a network."""
        names = (
            "latent_dim architecture hidden channels beta feature_weight epochs batch_size learning_rate seed"
        )
        parameters = {name: getattr(self, name) for name in names.split()}
        lists = {"hidden": list(self.hidden), "channels": list(self.channels)}
        return {**parameters, **lists, "features": self.features is not None}

    def _key(self, pictures: NDArray[Any]) -> str:
        """Return a digest of everything that decides what is learnt."""
        digest = hashlib.blake2b(digest_size=16)
        digest.update(json.dumps(self._described(), sort_keys=True).encode())
        digest.update(f"{pictures.dtype}{pictures.shape}".encode())
        for start in range(0, len(pictures), _BATCH_ROWS):
            digest.update(np.ascontiguousarray(pictures[start : start + _BATCH_ROWS]).data)
        for tensor in () if self.features is None else self.features.state_dict().values():
            digest.update(_numpy(tensor.float()).tobytes())
        return digest.hexdigest()

    def _begin(self, pictures: NDArray[Any], key: str) -> None:
        """Begin a new training, in which nothing of an earlier one remains."""
        self.__dict__.pop("ranges_", None)
        self.shape_ = (pictures.shape[1], pictures.shape[2], pictures.shape[3])
        low, high = float(pictures.min()), float(pictures.max())
        if pictures.dtype == np.uint8:
            low, high = 0.0, 255.0
        elif low >= 0 and high <= 1:
            low, high = 0.0, 1.0
        self.limits_ = (low, high)
        per_epoch = math.ceil(len(pictures) / self.batch_size)
        epochs = max(_MIN_EPOCHS, math.ceil(_MIN_STEPS / per_epoch)) if self.epochs is None else self.epochs
        self.steps_, self.total_steps_ = 0, epochs * per_epoch
        self.history_: list[float] = []
        self._running = 0.0
        self._build()
        self._trained_on = key

    def _build(self) -> None:
        """Make the network with its initial weights, and Adam."""
        convolve = self.architecture == "convolutional" or (
            self.architecture == "auto" and (self.shape_[0] > 1 or math.prod(self.shape_) > _MAX_DENSE_VALUES)
        )
        with torch.random.fork_rng([]):
            torch.manual_seed(self.seed)
            self._network: Dense | Convolutional = (
                Convolutional(self.shape_, self.latent_dim, self.channels)
                if convolve
                else Dense(self.shape_, self.latent_dim, self.hidden)
            )
        self._optimizer = torch.optim.Adam(self._network.parameters(), self.learning_rate)

    def _train(self, pictures: NDArray[Any], path: str | Path | None) -> None:
        """Take the remaining steps, with a bar, saving after every epoch."""
        per_epoch = math.ceil(len(pictures) / self.batch_size)
        bar = progress_bar(total=self.total_steps_, initial=self.steps_, desc="VAE", unit="step")
        try:
            while self.steps_ < self.total_steps_:
                epoch, step = divmod(self.steps_, per_epoch)
                order = np.random.default_rng((self.seed, epoch)).permutation(len(pictures))
                batches = np.array_split(order, np.arange(self.batch_size, len(order), self.batch_size))
                if step == 0:
                    self._running = 0.0
                for rows in batches[step:]:
                    self._running += self._step(self._unit(pictures[np.sort(rows)]))
                    self.steps_ += 1
                    bar.update()
                self.history_.append(self._running / len(pictures))
                bar.set_postfix(nats=f"{self.history_[-1]:.1f}")
                self._measure_ranges(pictures)
                if path is not None:
                    self.save(path)
        except KeyboardInterrupt:
            self._measure_ranges(pictures)
            warn(
                f"stopped after step {self.steps_} of {self.total_steps_}: the VAE is usable as it is, and "
                "fit with the same pictures resumes the training"
            )
        finally:
            bar.close()

    def _step(self, x: Tensor) -> float:
        """Take one step of Adam on Eq. 2 and return its loss, summed over the batch x [n, C, H, W]."""
        noise = torch.Generator("cpu").manual_seed(hash((self.seed, self.steps_)) & (2**63 - 1))
        mean, log_variance = self._network.encode(x)
        epsilon = torch.randn(mean.shape, generator=noise, dtype=torch.float32, device="cpu")
        logits = self._network.decode(mean + epsilon * (log_variance / 2).exp())
        # KL(q(z|x) ‖ N(0, 1)) of a normal distribution, in closed form.
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum()
        loss = self._network.error(logits, x) + self.beta * divergence
        if self.features is not None:
            low, high = self.limits_
            decoded = logits.sigmoid().reshape(x.shape)
            scaled = x * (high - low) + low, decoded * (high - low) + low
            loss = loss + self.feature_weight * x.numel() * inconsistency(self.features, *scaled)
        parameters = list(self._network.parameters())
        # Not backward(), which would leave gradients in the user's network.
        for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            parameter.grad = gradient
        self._optimizer.param_groups[0]["lr"] = self.learning_rate * self._rate_share()
        # Older versions of Adam compute with numbers on the process's default device.
        with torch.device("cpu"):
            self._optimizer.step()
        return loss.item()

    def _rate_share(self) -> float:
        """Return this step's share of the learning rate: a linear rise, then half a cosine."""
        done = (self.steps_ + 1) / (self.total_steps_ + 1)
        if done < _WARM_UP_SHARE:
            return done / _WARM_UP_SHARE
        return 0.5 + 0.5 * math.cos(math.pi * (done - _WARM_UP_SHARE) / (1 - _WARM_UP_SHARE))

    def _measure_ranges(self, pictures: NDArray[Any]) -> None:
        """Measure the ranges of the latent dimensions over the training pictures."""
        outside = (1 - _RANGE_COVERAGE) / 2
        means = self._means(pictures)
        self.ranges_ = np.quantile(means, [outside, 1 - outside], axis=0).T.astype(np.float32)

    def _means(self, pictures: NDArray[Any]) -> NDArray[np.float32]:
        """Return the means of q(z|x), in batches."""
        with torch.no_grad():
            parts = [
                self._network.encode(self._unit(pictures[start : start + _BATCH_ROWS]))[0]
                for start in range(0, len(pictures), _BATCH_ROWS)
            ]
        return _numpy(torch.cat(parts))

    def _unit(self, pictures: NDArray[Any]) -> Tensor:
        """Return pictures as the network takes them, between 0 and 1."""
        low, high = self.limits_
        x = torch.from_numpy(np.array(pictures, np.float32))
        return x if (low, high) == (0.0, 1.0) else x.sub_(low).div_(high - low)


def _are_shares(pictures: NDArray[Any]) -> bool:
    """Whether floating pictures lie in [0, 1] with values in between, as they cannot among bytes."""
    if pictures.dtype == np.uint8 or pictures.min() < 0 or pictures.max() > 1:
        return False
    return bool((pictures != np.rint(pictures)).any())


def _numpy(tensor: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = tensor.detach().cpu().numpy()
    return array
