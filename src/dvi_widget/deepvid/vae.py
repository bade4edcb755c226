"""The generative model behind the neighbours: a variational auto-encoder of the pictures."""

from __future__ import annotations

import hashlib
import json
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.nn import functional
from tqdm.auto import tqdm

from dvi_widget.arguments import check_path, check_whole
from dvi_widget.runs import storage
from dvi_widget.subject import as_predictor, evaluating

_FORMAT = 1
# Values per picture above which "auto" convolves: fully connected layers hold up to 32 × 32 grey pixels well.
_DENSE_VALUES = 1024
# Share of the training pictures that an axis of the latent space spans, so that one odd picture stretches
# none.
_SPANNED = 0.99
_LEAST_EPOCHS, _LEAST_STEPS = 10, 2000
_WARM_UP = 0.1  # share of the steps in which the learning rate rises
_OVERSHOOT = 0.5  # of the scale; values farther outside are of another scale
_BATCH = 4096  # pictures at a time outside training


class VAE:
    """Variational auto-encoder of pictures (DeepVID, §3, Eq. 2; structures of §7.1).

    The encoder gives a normal distribution q(z|x) over latent vectors, the decoder a picture for each of
    them. Small pictures get fully connected layers and a Bernoulli likelihood; larger or
    coloured ones get convolutions and a Gaussian likelihood whose variance is the batch's own error.
    Pictures keep their scale: the decoder answers on the scale of the pictures learnt from.

    Parameters
    ----------
    latent_dim
        Dimensions of the latent space.
    architecture
        "dense", "convolutional", or "auto": dense up to 1,024 grey values a picture, else convolutional.
    hidden
        Widths of the fully connected layers between a picture and its latent vector; the decoder mirrors
        them. The paper has one of them, (400,).
    channels
        Channels of the convolutions, each of which halves the picture.
    beta
        Weight of KL(q(z|x) ‖ N(0, 1)) in Eq. 2. Below one, pictures are kept better and the latent space is
        less normal.
    features
        A network of the user's for the feature-consistency loss (DFC): what its convolutions and linear
        layers say of a picture and of its reconstruction shall agree. It takes pictures on their own scale,
        and is not changed.
    feature_weight
        Weight of that loss. The squared difference is relative to the squared activations, and counts as many
        times as a picture has values.
    epochs
        How often each picture is learnt from; by default 10 times, or as often as makes 2,000 steps of Adam.
    batch_size, learning_rate
        Of Adam; the rate rises over the first tenth of the steps and falls to zero as a half cosine.
    seed
        Of weights, order and noise. Equal parameters and pictures give equal weights.

    Attributes
    ----------
    shape_ : (C, H, W) of the pictures.
    limits_ : (low, high), the scale of the pictures: 0 and 255 for uint8, 0 and 1 for floats between them,
        else their least and largest value.
    ranges_ : float32 [latent_dim, 2], the span of each latent dimension over the training pictures,
        Algorithm 1's Ranges: the central 99 %, so that one odd picture stretches no axis.
    steps_, total_steps_ : steps of Adam taken, and asked for.
    history_ : the loss per picture of each finished epoch, in nats.

    Examples
    --------
    >>> vae = VAE(latent_dim=10).fit(pictures)  # [n, C, H, W]  # doctest: +SKIP
    >>> vae.decode(vae.encode(pictures))  # [n, C, H, W]  # doctest: +SKIP
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
        self.seed = check_whole("seed", seed)

    def fit(self, images: ArrayLike, path: str | Path | None = None) -> VAE:
        """Learn from pictures.

        Interrupted (Ctrl-C, the notebook's stop button) it leaves a usable model; called again with the
        same pictures and parameters it goes on where it stopped, to the same result as without the
        interruption. While it runs, other threads may already encode and decode once the first epoch is
        over.

        Parameters
        ----------
        images : array [n, C, H, W]
            uint8, or floats on any finite scale.
        path
            A file that is kept up to date after every epoch. If it already holds a part of this very
            training, that is gone on with.

        Returns
        -------
        VAE
            Itself.

        Raises
        ------
        TypeError, ValueError
            For pictures or parameters that cannot be used; for a file that holds another training.
        """
        pictures = as_images(images, "images")
        self._check_parameters(pictures)
        key = self._key(pictures)
        if (
            path is not None
            and check_path("path", path).exists()
            and getattr(self, "_trained_on", None) != key
        ):
            kept = VAE.load(path, features=self.features)
            if kept._trained_on != key:  # noqa: SLF001
                raise ValueError(
                    f"path: {path} holds a VAE of other pictures or parameters; choose another, or delete it"
                )
            self.__dict__.update(kept.__dict__)
        if getattr(self, "_trained_on", None) != key:
            self._begin(pictures, key)
        if self.steps_ < self.total_steps_:
            self._train(pictures, path)
        return self

    @property
    def finished(self) -> bool:
        """Whether all epochs are done; before, the model is usable as soon as the first one is."""
        return getattr(self, "steps_", 0) == getattr(self, "total_steps_", -1)

    def encode(self, images: ArrayLike) -> NDArray[np.float32]:
        """Latent vectors of pictures: the means of q(z|x).

        Parameters
        ----------
        images : array [n, C, H, W]
            On the scale of the pictures learnt from.

        Returns
        -------
        float32 [n, latent_dim]

        Raises
        ------
        RuntimeError
            If the model is not trained.
        TypeError, ValueError
            For pictures of another size or scale.
        """
        pictures = self.check(images, "images")
        with torch.no_grad():
            parts = [
                self._network.encode(self._unit(pictures[start : start + _BATCH]))[0]
                for start in range(0, len(pictures), _BATCH)
            ]
        return _array(torch.cat(parts))

    def decode(self, z: ArrayLike) -> NDArray[np.float32]:
        """Pictures of latent vectors.

        Parameters
        ----------
        z : array [n, latent_dim]

        Returns
        -------
        float32 [n, C, H, W]
            On the scale of the pictures learnt from.

        Raises
        ------
        RuntimeError
            If the model is not trained.
        ValueError
            If z is not a finite matrix of that width.
        """
        self._check_trained()
        latents = np.asarray(z, np.float32)
        if latents.ndim != 2 or latents.shape[1] != self.latent_dim:
            raise ValueError(f"z: latent vectors are [n, {self.latent_dim}], found {latents.shape}")
        if not np.isfinite(latents).all():
            raise ValueError("z: holds NaN or infinity; latent vectors are finite")
        low, high = self.limits_
        with torch.no_grad():
            parts = [
                self._network.decode(part).sigmoid() for part in torch.split(torch.tensor(latents), _BATCH)
            ]
        return _array(torch.cat(parts).reshape(-1, *self.shape_).mul_(high - low).add_(low))

    def survival(self, images: ArrayLike, teacher: Any) -> float:
        """Share of pictures whose prediction survives encoding and decoding: the quality that matters here.

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
        RuntimeError, TypeError, ValueError
            As `encode`, and as the teacher's predictions do.
        """
        latents = self.encode(images)
        predictor = as_teacher(teacher, self.shape_)
        pictures = np.asarray(images)
        kept = 0
        for start in range(0, len(latents), _BATCH):
            block = slice(start, start + _BATCH)
            before = predictor.predict(pictures[block]).argmax(1)
            kept += int((predictor.predict(self.decode(latents[block])).argmax(1) == before).sum())
        return kept / len(latents)

    def save(self, path: str | Path) -> None:
        """Write the model to one safetensors file, with its parameters as JSON in the header.

        What is not finished can be gone on with after `load`.

        Raises
        ------
        RuntimeError
            If the model is not trained.
        FileNotFoundError
            If the folder is not there.
        """
        self._check_trained()
        target = check_path("path", path)
        if not target.parent.is_dir():
            raise FileNotFoundError(f"path: there is no folder {target.parent}; make it first")
        tensors = {f"network.{name}": t for name, t in self._network.state_dict().items()}
        tensors["ranges"] = torch.tensor(self.ranges_)
        if not self.finished:
            for i, state in self._optimizer.state_dict()["state"].items():
                tensors |= {f"adam.{i}.{name}": value.clone() for name, value in state.items()}
        header = {
            "format": _FORMAT,
            "parameters": self._parameters(),
            "shape": self.shape_,
            "limits": self.limits_,
            "steps": self.steps_,
            "total_steps": self.total_steps_,
            "history": self.history_,
            "running": self._running,
            "trained_on": self._trained_on,
        }
        with storage.write_aside(target) as aside:
            storage.save_tensors(aside, tensors, {"dvi_widget.VAE": json.dumps(header)})

    @classmethod
    def load(cls, path: str | Path, *, features: nn.Module | None = None) -> VAE:
        """Read a model that `save` wrote.

        Parameters
        ----------
        path
            The file.
        features
            The network of the feature-consistency loss, if the training shall go on with it; it is not in
            the file.

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
            raise FileNotFoundError(f"path: there is no file {path}; VAE.save writes one")
        storage.check_readable(path)
        try:
            with safe_open(path, framework="pt") as file:
                text = (file.metadata() or {}).get("dvi_widget.VAE")
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        except SafetensorError as error:
            raise ValueError(f"path: {path} is no safetensors file ({error}); VAE.save writes one") from error
        if text is None:
            raise ValueError(f"path: {path} holds no VAE; VAE.save writes one")
        header = json.loads(text)
        if header["format"] != _FORMAT:
            raise ValueError(
                f"path: {path} has format {header['format']}, this version reads {_FORMAT}; update dvi_widget"
            )
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

    def check(self, images: ArrayLike, name: str) -> NDArray[Any]:
        """Pictures that this model can encode, as they are; an error that names the argument for all others.

        Raises
        ------
        RuntimeError
            If the model is not trained.
        TypeError, ValueError
            For what is no picture, or of another size or scale than those learnt from.
        """
        self._check_trained()
        pictures = as_images(images, name)
        if pictures.shape[1:] != self.shape_:
            raise ValueError(
                f"{name}: has pictures of {pictures.shape[1:]} (channels, height, width); this VAE was "
                f"trained on {self.shape_}"
            )
        low, high = self.limits_
        told = (
            f"but this VAE was trained on values from {low:g} to {high:g}; scale the pictures in the same "
            "way as those"
        )
        if pictures.dtype == np.uint8 and self.limits_ != (0.0, 255.0):
            raise TypeError(f"{name}: is uint8 (0 to 255), {told}")
        least, largest = float(pictures.min()), float(pictures.max())
        if max(low - least, largest - high) > _OVERSHOOT * (high - low):
            raise ValueError(f"{name}: has values from {least:g} to {largest:g}, {told}")
        return pictures

    def _check_trained(self) -> None:
        if not hasattr(self, "ranges_"):
            raise RuntimeError("this VAE is not trained yet: call fit(images) first, or VAE.load(path)")

    def _check_parameters(self, pictures: NDArray[Any]) -> None:
        for name in ("latent_dim", "batch_size"):
            check_whole(name, getattr(self, name), 1)
        if self.epochs is not None:
            check_whole("epochs", self.epochs, 1)
        for name in ("beta", "learning_rate", "feature_weight"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise ValueError(f"{name}: must be a number above 0, found {value!r}")
        if self.architecture not in ("auto", "dense", "convolutional"):
            raise ValueError(
                f'architecture: must be "auto", "dense" or "convolutional", found {self.architecture!r}'
            )
        for name in ("hidden", "channels"):
            widths = getattr(self, name)
            if not isinstance(widths, tuple | list) or not widths or min(widths) < 1:
                raise ValueError(
                    f"{name}: needs one or more numbers of at least 1 in a tuple, found {widths!r}"
                )
        if self.features is not None and not isinstance(self.features, nn.Module):
            raise TypeError(f"features: must be a torch module, found {type(self.features).__name__}")
        if self.features is not None and not _layers(self.features):
            raise ValueError("features: the network has no convolution or linear layer to compare")
        if len(pictures) < 2 or pictures.min() == pictures.max():
            raise ValueError("images: all values are equal; a VAE needs two different pictures at least")

    def _parameters(self) -> dict[str, Any]:
        names = (
            "latent_dim architecture hidden channels beta feature_weight epochs batch_size learning_rate seed"
        )
        parameters = {name: getattr(self, name) for name in names.split()}
        lists = {"hidden": list(self.hidden), "channels": list(self.channels)}
        return {**parameters, **lists, "features": self.features is not None}

    def _key(self, pictures: NDArray[Any]) -> str:
        """A digest of all that decides what is learnt."""
        digest = hashlib.blake2b(digest_size=16)
        digest.update(json.dumps(self._parameters(), sort_keys=True).encode())
        digest.update(f"{pictures.dtype}{pictures.shape}".encode())
        for start in range(0, len(pictures), _BATCH):
            digest.update(np.ascontiguousarray(pictures[start : start + _BATCH]).data)
        for tensor in () if self.features is None else self.features.state_dict().values():
            digest.update(_array(tensor.float()).tobytes())
        return digest.hexdigest()

    def _begin(self, pictures: NDArray[Any], key: str) -> None:
        """A new training: nothing of an earlier one stays."""
        self.__dict__.pop("ranges_", None)
        self.shape_ = (pictures.shape[1], pictures.shape[2], pictures.shape[3])
        low, high = float(pictures.min()), float(pictures.max())
        if pictures.dtype == np.uint8:
            low, high = 0.0, 255.0
        elif low >= 0 and high <= 1:
            low, high = 0.0, 1.0
        self.limits_ = (low, high)
        per_epoch = math.ceil(len(pictures) / self.batch_size)
        epochs = (
            max(_LEAST_EPOCHS, math.ceil(_LEAST_STEPS / per_epoch)) if self.epochs is None else self.epochs
        )
        self.steps_, self.total_steps_ = 0, epochs * per_epoch
        self.history_: list[float] = []
        self._running = 0.0
        self._build()
        self._trained_on = key

    def _build(self) -> None:
        """The network with its first weights, and Adam."""
        convolve = self.architecture == "convolutional" or (
            self.architecture == "auto" and (self.shape_[0] > 1 or math.prod(self.shape_) > _DENSE_VALUES)
        )
        with torch.random.fork_rng([]):
            torch.manual_seed(self.seed)
            self._network: _Dense | _Convolutional = (
                _Convolutional(self.shape_, self.latent_dim, self.channels)
                if convolve
                else _Dense(self.shape_, self.latent_dim, self.hidden)
            )
        self._optimizer = torch.optim.Adam(self._network.parameters(), self.learning_rate)

    def _train(self, pictures: NDArray[Any], path: str | Path | None) -> None:
        per_epoch = math.ceil(len(pictures) / self.batch_size)
        bar = tqdm(total=self.total_steps_, initial=self.steps_, desc="VAE", unit="step")
        try:
            while self.steps_ < self.total_steps_:
                epoch, step = divmod(self.steps_, per_epoch)
                order = np.random.default_rng((self.seed, epoch)).permutation(len(pictures))
                if step == 0:
                    self._running = 0.0
                for chosen in np.array_split(order, np.arange(self.batch_size, len(order), self.batch_size))[
                    step:
                ]:
                    self._running += self._step(self._unit(pictures[np.sort(chosen)]))
                    self.steps_ += 1
                    bar.update()
                self.history_.append(self._running / len(pictures))
                bar.set_postfix(nats=f"{self.history_[-1]:.1f}")
                self._span(pictures)
                if path is not None:
                    self.save(path)
        except KeyboardInterrupt:
            self._span(pictures)
            warnings.warn(
                f"stopped after step {self.steps_} of {self.total_steps_}: the VAE is usable as it is, and "
                "fit with the same pictures goes on from here",
                UserWarning,
                stacklevel=3,
            )
        finally:
            bar.close()

    def _step(self, x: Tensor) -> float:
        """One step of Adam on Eq. 2; its loss, summed over the batch."""
        noise = torch.Generator().manual_seed(hash((self.seed, self.steps_)) & (2**63 - 1))
        mean, log_variance = self._network.encode(x)
        epsilon = torch.randn(mean.shape, generator=noise)
        logits = self._network.decode(mean + epsilon * (log_variance / 2).exp())
        # KL(q(z|x) ‖ N(0, 1)) of a normal distribution, in closed form.
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum()
        loss = self._network.error(logits, x) + self.beta * divergence
        if self.features is not None:
            loss = loss + self.feature_weight * x.numel() * self._inconsistency(x, logits.sigmoid())
        parameters = list(self._network.parameters())
        # Not backward(): the gradients of the user's network are none of our business.
        for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            parameter.grad = gradient
        self._optimizer.param_groups[0]["lr"] = self.learning_rate * self._schedule()
        self._optimizer.step()
        return loss.item()

    def _schedule(self) -> float:
        """A linear rise, then half a cosine."""
        done = (self.steps_ + 1) / (self.total_steps_ + 1)
        return (
            done / _WARM_UP
            if done < _WARM_UP
            else 0.5 + 0.5 * math.cos(math.pi * (done - _WARM_UP) / (1 - _WARM_UP))
        )

    def _inconsistency(self, x: Tensor, decoded: Tensor) -> Tensor:
        """Mean over layers of the relative squared difference of activations (DFC)."""
        assert self.features is not None
        low, high = self.limits_
        both = torch.cat([x, decoded.reshape(x.shape)]) * (high - low) + low
        with _listened(self.features) as heard:
            self.features(both)
        terms = []
        for activations in heard:
            original, copy = activations.chunk(2)
            original = original.detach()
            terms.append((copy - original).square().mean() / original.square().mean().clamp_min(1e-12))
        return torch.stack(terms).mean()

    def _span(self, pictures: NDArray[Any]) -> None:
        """The ranges of the latent dimensions, once there is a network to ask."""
        with torch.no_grad():
            z = [
                self._network.encode(self._unit(pictures[start : start + _BATCH]))[0]
                for start in range(0, len(pictures), _BATCH)
            ]
        outside = (1 - _SPANNED) / 2
        self.ranges_ = np.quantile(_array(torch.cat(z)), [outside, 1 - outside], axis=0).T.astype(np.float32)

    def _unit(self, pictures: NDArray[Any]) -> Tensor:
        """Pictures as the network takes them, between 0 and 1."""
        low, high = self.limits_
        x = torch.from_numpy(np.array(pictures, np.float32))
        return x if (low, high) == (0.0, 1.0) else x.sub_(low).div_(high - low)


class _Dense(nn.Module):
    """Fully connected layers each way (Fig. 8, left)."""

    def __init__(self, shape: tuple[int, int, int], latent: int, hidden: tuple[int, ...]) -> None:
        super().__init__()
        values = math.prod(shape)
        self.encoder = nn.Sequential(nn.Flatten(), *_connected((values, *hidden, 2 * latent)))
        self.decoder = nn.Sequential(*_connected((latent, *hidden[::-1], values)))

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.encoder(x).chunk(2, dim=1)
        return mean, log_variance

    def decode(self, z: Tensor) -> Tensor:
        decoded: Tensor = self.decoder(z)
        return decoded

    def error(self, logits: Tensor, x: Tensor) -> Tensor:
        """−log p(x|z) of a Bernoulli distribution per value."""
        return functional.binary_cross_entropy_with_logits(logits, x.flatten(1), reduction="sum")


class _Convolutional(nn.Module):
    """Convolutions that halve the picture, and their mirror (Fig. 8, right)."""

    def __init__(self, shape: tuple[int, int, int], latent: int, channels: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape
        factor = 2 ** len(channels)
        rows, columns = (math.ceil(size / factor) for size in shape[1:])
        self.padded = (rows * factor, columns * factor)
        self.grid = (channels[-1], rows, columns)
        down: list[nn.Module] = []
        up: list[nn.Module] = []
        for before, after in zip((shape[0], *channels), channels, strict=False):
            down += [nn.Conv2d(before, after, 4, 2, 1), nn.ReLU()]
            up = [nn.ReLU(), nn.ConvTranspose2d(after, before, 4, 2, 1), *up]
        values = math.prod(self.grid)
        self.encoder = nn.Sequential(*down, nn.Flatten(), nn.Linear(values, 2 * latent))
        self.widen = nn.Linear(latent, values)
        self.decoder = nn.Sequential(*up)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        right, below = self.padded[1] - self.shape[2], self.padded[0] - self.shape[1]
        mean, log_variance = self.encoder(functional.pad(x, (0, right, 0, below))).chunk(2, dim=1)
        return mean, log_variance

    def decode(self, z: Tensor) -> Tensor:
        decoded: Tensor = self.decoder(self.widen(z).reshape(-1, *self.grid))
        return decoded[:, :, : self.shape[1], : self.shape[2]]

    def error(self, logits: Tensor, x: Tensor) -> Tensor:
        """−log p(x|z) of a Gaussian distribution at its best variance, up to a constant."""
        return 0.5 * x.numel() * functional.mse_loss(logits.sigmoid(), x).clamp_min(1e-8).log()


def _connected(widths: tuple[int, ...]) -> list[nn.Module]:
    """Fully connected layers from width to width, with ReLU between them."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return layers[:-1]


def as_images(images: ArrayLike, name: str) -> NDArray[Any]:
    """Pictures [n, C, H, W], uint8 or finite floats, as they are; an error for all else."""
    array = images.detach().cpu().numpy() if isinstance(images, Tensor) else np.asarray(images)
    if array.dtype != np.uint8 and array.dtype.kind != "f":
        raise TypeError(f"{name}: pictures are uint8 or floats, found {array.dtype}")
    if array.ndim != 4 or 0 in array.shape:
        raise ValueError(
            f"{name}: pictures are [n, channels, height, width], found the shape {array.shape}; a single one "
            "is images[None], grey ones without channels images[:, None]"
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"{name}: holds NaN or infinity; pictures are finite")
    return array


class _Flat:
    """A scikit-learn classifier of flat rows, as a classifier of pictures."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def predict_proba(self, images: NDArray[Any]) -> Any:
        return self.model.predict_proba(images.reshape(len(images), -1))


def as_teacher(teacher: Any, shape: tuple[int, int, int]) -> Any:
    """The classifier under study as a predictor of pictures; scikit-learn's get them as flat rows."""
    if hasattr(teacher, "predict_proba") and getattr(teacher, "n_features_in_", None) == math.prod(shape):
        return as_predictor(_Flat(teacher))
    return as_predictor(teacher)


def _layers(network: nn.Module) -> list[nn.Module]:
    kinds = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
    return [module for module in network.modules() if isinstance(module, kinds)]


@contextmanager
def _listened(network: nn.Module) -> Iterator[list[Tensor]]:
    """Hear the outputs of convolutions and linear layers, in evaluation mode; the modes come back."""
    heard: list[Tensor] = []
    handles = [
        layer.register_forward_hook(lambda _, __, output: heard.append(output)) for layer in _layers(network)
    ]
    try:
        with evaluating(network):
            yield heard
    finally:
        for handle in handles:
            handle.remove()


def _array(tensor: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = tensor.detach().cpu().numpy()
    return array
