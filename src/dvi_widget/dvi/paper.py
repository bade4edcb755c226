"""DeepVisualInsight as published: an autoencoder per epoch, each started from the one before."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.utils import parameters_to_vector

from dvi_widget.estimator import Checkpoint, Map
from dvi_widget.nearest import overlap

from .autoencoder import Autoencoder
from .complex import Complex, bavr_complex, curve
from .losses import head_gradients, reconstruction_loss, temporal_loss, umap_loss

_VERSION = 1
_BLOCK = 1 << 15  # rows through the networks at once
_SMALL = 256  # width h of representations up to which training takes one thread


@dataclass(frozen=True)
class Paper:
    """Settings of the published method; the defaults are the paper's where it gives a value.

    Parameters
    ----------
    k : int
        Neighbours that make up the complex and a sample's meaning (§6 measures 10, 15 and 20; UMAP's 15).
    weights : tuple of three float
        λ1, λ2, λ3 of the layout, reconstruction and temporal losses (Eq. 12, §6).
    beta : float
        Exponent β of the gradients that weight the reconstruction (Eq. 8, §6). 0 weights all alike.
    layers, width : int, int or None
        Hidden layers of the encoder and their size; None stands for h / 2 (§6).
    learning_rate, decay, decay_every : float, float, int
        Adam's rate, and what it is multiplied with after every so many epochs of training (§6).
    training_epochs, steps : int, tuple of two int
        Gradient steps on the first checkpoint and on each later one, which starts close to its goal. They are
        counted as so many epochs of equal length, for the schedule above. The paper leaves both open; where
        its epochs pass over all edges of the complex, these draw from them.
    batch_size : int
        Edges in a step.
    negatives : int
        Negative pairs to each edge (UMAP's 5).
    min_dist, spread : float
        Shape of the similarity on the canvas (UMAP's 0.1 and 1).
    device : str or None
        Where to train, "cpu" or "cuda"; None takes a GPU where there is one. A map fitted on one device
        serves on the other.

    Raises
    ------
    ValueError
        If a value is out of its range.
    """

    k: int = 15
    weights: tuple[float, float, float] = (1.0, 1.0, 0.3)
    beta: float = 1.0
    layers: int = 4
    width: int | None = None
    learning_rate: float = 0.01
    decay: float = 0.1
    decay_every: int = 8
    training_epochs: int = 16
    steps: tuple[int, int] = (1500, 800)
    batch_size: int = 500
    negatives: int = 5
    min_dist: float = 0.1
    spread: float = 1.0
    device: str | None = None

    def __post_init__(self) -> None:
        whole = ("k", "layers", "decay_every", "training_epochs", "batch_size", "negatives")
        for name in whole:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a whole number of 1 or more; found {value!r}.")
        if self.width is not None and (not isinstance(self.width, int) or self.width < 1):
            raise ValueError(
                f"width must be a whole number of 1 or more, or None for h / 2; found {self.width!r}."
            )
        for name in ("learning_rate", "decay", "spread"):
            if not 0 < getattr(self, name) < np.inf:
                raise ValueError(f"{name} must be a positive number; found {getattr(self, name)!r}.")
        for name in ("beta", "min_dist"):
            if not 0 <= getattr(self, name) < np.inf:
                raise ValueError(f"{name} must be a number of 0 or more; found {getattr(self, name)!r}.")
        if len(self.weights) != 3 or not all(0 <= value < np.inf for value in self.weights):
            raise ValueError(f"weights must be three numbers of 0 or more; found {self.weights!r}.")
        if len(self.steps) != 2 or not all(isinstance(value, int) and value > 0 for value in self.steps):
            raise ValueError(f"steps must be two whole numbers of 1 or more; found {self.steps!r}.")
        try:
            self._device()
        except RuntimeError as error:
            raise ValueError(f"device must be one that torch knows; found {self.device!r}.") from error

    def key(self) -> Mapping[str, Any]:
        """Name, version and settings; not the device."""
        settings = {name: value for name, value in asdict(self).items() if name != "device"}
        return {"method": "paper", "version": _VERSION, **settings}

    def fit(
        self,
        checkpoint: Checkpoint,
        previous: tuple[Checkpoint, Map] | None,
        seed: int,
        report: Callable[[float], object],
    ) -> AutoencoderMap:
        """Train the autoencoder of one checkpoint (Eq. 12)."""
        if len(checkpoint.x) <= self.k:
            raise ValueError(f"k must be less than the {len(checkpoint.x)} training samples; found {self.k}.")
        device = self._device()
        generator = torch.Generator().manual_seed(seed)
        complex_ = self._complex(checkpoint)
        u = torch.from_numpy(np.concatenate([checkpoint.x, checkpoint.b])).to(device)
        autoencoder, similarity = self._start(checkpoint, previous, u, seed)
        autoencoder.to(device)
        before = parameters_to_vector(autoencoder.parameters()).detach().clone()
        scale = autoencoder.scale
        # Per unit of the network's own input, like the representations it is compared with.
        emphasis = (1 + scale * head_gradients(checkpoint.head, u)).pow(self.beta)  # Eq. 8
        v = (u - autoencoder.centre) / scale
        a, b = curve(self.min_dist, self.spread)
        steps = self.steps[0 if previous is None else 1]
        optimizer = torch.optim.Adam(autoencoder.parameters(), self.learning_rate, fused=True)
        draw = _EdgeSampler(complex_, generator, device)
        with _threads(u.shape[1]):
            for step in range(steps):
                for group in optimizer.param_groups:
                    group["lr"] = self.learning_rate * self.decay ** (
                        step * self.training_epochs // steps // self.decay_every
                    )
                ends = draw(self.batch_size)
                inputs = v.index_select(0, ends)
                y = autoencoder.encoder(inputs)
                near = (y[: self.batch_size] - y[self.batch_size :]).square().sum(dim=1)
                far = self._negatives(y, generator)
                layout = umap_loss(near, far, a, b, self.negatives)
                reconstruction = reconstruction_loss(
                    inputs, autoencoder.decoder(y), emphasis.index_select(0, ends)
                )
                loss = self.weights[0] * layout + self.weights[1] * reconstruction
                if previous is not None and self.weights[2]:
                    loss = loss + self.weights[2] * temporal_loss(
                        parameters_to_vector(autoencoder.parameters()), before, similarity
                    )
                optimizer.zero_grad(set_to_none=True)
                torch.autograd.backward(loss)
                optimizer.step()
                report((step + 1) / steps)
        fitted = AutoencoderMap(autoencoder.eval().requires_grad_(requires_grad=False))
        fitted.positions = fitted.transform(checkpoint.x)
        return fitted

    def load(
        self,
        arrays: Mapping[str, NDArray[Any]],
        positions: NDArray[np.float32],
        reopen: Callable[[], Checkpoint],  # noqa: ARG002
    ) -> AutoencoderMap:
        """A fitted autoencoder from its weights."""
        tensors = {name: torch.from_numpy(value) for name, value in arrays.items()}
        encoder = sorted(
            (name for name in tensors if name.startswith("encoder") and name.endswith("weight")),
            key=lambda name: int(name.split(".")[1]),
        )
        widths = [tensors[encoder[0]].shape[1], *(len(tensors[name]) for name in encoder)]
        autoencoder = Autoencoder(widths, tensors["centre"], tensors["scale"])
        autoencoder.load_state_dict(tensors)
        autoencoder.eval().requires_grad_(requires_grad=False).to(self._device())
        return AutoencoderMap(autoencoder, positions)

    def _device(self) -> torch.device:
        """Where to train."""
        return torch.device(self.device or ("cuda" if torch.cuda.is_available() else "cpu"))

    def _complex(self, checkpoint: Checkpoint) -> Complex:
        """The complex over X ∪ B; without boundary samples it is that of X."""
        xb = checkpoint.boundary_neighbors(self.k) if len(checkpoint.b) else None
        bb = checkpoint.neighbors_along_boundary(self.k) if len(checkpoint.b) > 1 else None
        return bavr_complex(checkpoint.neighbors(self.k), xb, bb)

    def _start(
        self, checkpoint: Checkpoint, previous: tuple[Checkpoint, Map] | None, u: torch.Tensor, seed: int
    ) -> tuple[Autoencoder, float]:
        """A new autoencoder, or the one of the epoch before, and how much of their meaning samples kept."""
        if previous is None:
            h = u.shape[1]
            width = self.width or max(h // 2, 2)
            spread = u.std(dim=0, correction=0).square().mean().sqrt().clamp_min(1e-12)
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                return Autoencoder([h, *[width] * self.layers, 2], u.mean(dim=0), spread), 0.0
        before, fitted = previous
        assert isinstance(fitted, AutoencoderMap)
        kept = overlap(before.meaning(self.k), checkpoint.meaning(self.k)).mean()  # Eq. 11
        return fitted.copy(), float(kept)

    def _negatives(self, y: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Squared distances of random pairs: every drawn vertex meets others of the batch."""
        shifts = torch.randint(1, len(y), (self.negatives,), generator=generator).tolist()
        others = torch.stack([y.roll(shift, dims=0)[: self.batch_size] for shift in shifts])
        return (others - y[: self.batch_size]).square().sum(dim=2).flatten()


@contextmanager
def _threads(h: int) -> Iterator[None]:
    """One thread for small networks: more would wait for each other, and burn their time waiting."""
    before = torch.get_num_threads()
    if h <= _SMALL:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _EdgeSampler:
    """Draws edges of a complex in proportion to their weight."""

    def __init__(self, complex_: Complex, generator: torch.Generator, device: torch.device) -> None:
        self._ends = torch.from_numpy(np.stack([complex_.heads, complex_.tails])).to(device)
        total = torch.from_numpy(complex_.weights.astype(np.float64)).cumsum(dim=0)
        self._cumulated = total / total[-1]
        self._generator = generator

    def __call__(self, n: int) -> torch.Tensor:
        """Both ends of n edges: all heads, then all tails [2n]."""
        at = torch.searchsorted(
            self._cumulated, torch.rand(n, generator=self._generator, dtype=torch.float64)
        )
        at = at.clamp_max(len(self._cumulated) - 1).to(self._ends.device)
        return self._ends[:, at].flatten()


class AutoencoderMap:
    """A trained autoencoder as a map (see `estimator.Map`)."""

    def __init__(self, autoencoder: Autoencoder, positions: NDArray[np.float32] | None = None) -> None:
        self._autoencoder = autoencoder
        self.positions = np.empty((0, 2), np.float32) if positions is None else positions

    def transform(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """φ: [m, h] to [m, 2]."""
        return self._through(self._autoencoder.encode, x)

    def inverse_transform(self, y: NDArray[np.float32]) -> NDArray[np.float32]:
        """ψ: [m, 2] to [m, h]."""
        return self._through(self._autoencoder.decode, y)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Weights of both networks, and the units of their input."""
        return {name: value.cpu().numpy() for name, value in self._autoencoder.state_dict().items()}

    def copy(self) -> Autoencoder:
        """The networks to start the next epoch from."""
        return copy.deepcopy(self._autoencoder).requires_grad_().train()

    def _through(
        self, network: Callable[[torch.Tensor], torch.Tensor], rows: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Rows through a network, some at a time."""
        device = self._autoencoder.centre.device
        # A copy: rows of a run are mapped from the disk and must not look writable.
        blocks = torch.split(torch.tensor(rows, dtype=torch.float32), _BLOCK)
        with torch.no_grad():
            result: NDArray[np.float32] = torch.cat(
                [network(block.to(device)).cpu() for block in blocks]
            ).numpy()
        return result
