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

from dvi_widget.arrays import check_number, check_whole
from dvi_widget.nearest import overlap
from dvi_widget.progress import Progress
from dvi_widget.projection import Checkpoint, Map

from .autoencoder import Autoencoder
from .complex import Complex, bavr_complex, curve
from .losses import head_gradients, reconstruction_loss, temporal_loss, umap_loss

_VERSION = 2
_BLOCK_ROWS = 1 << 15  # through the networks at once
_MAX_ONE_THREAD_WIDTH = 256  # width h of representations up to which training uses one thread


@dataclass(frozen=True)
class Paper:
    """The published method.

    Parameters
    ----------
    k, weights, beta, layers, width, learning_rate, decay, decay_every, training_epochs, steps, batch_size
        As for `PaperDVI`; so are the following.
    negatives, min_dist, spread, device

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
        for name in ("k", "layers", "decay_every", "training_epochs", "batch_size", "negatives"):
            check_whole(name, getattr(self, name), 1)
        if self.width is not None:
            check_whole("width", self.width, 1)
        for name in ("learning_rate", "decay", "spread"):
            if check_number(name, getattr(self, name), 0) == 0:
                raise ValueError(f"{name} must be a positive number; got 0.")
        for name in ("beta", "min_dist"):
            check_number(name, getattr(self, name), 0)
        for name, count, check in (("weights", 3, check_number), ("steps", 2, check_whole)):
            values = getattr(self, name)
            if not isinstance(values, (tuple, list)) or len(values) != count:
                raise ValueError(f"{name} must be {count} numbers; got {values!r}.")
            for value in values:
                check(name, value, int(check is check_whole))
        try:
            self._device()
        except (RuntimeError, TypeError) as error:
            raise ValueError(f"device must be one that torch knows; got {self.device!r}.") from error

    def key(self) -> Mapping[str, Any]:
        """Return name, version and settings, without the device."""
        settings = {name: value for name, value in asdict(self).items() if name != "device"}
        return {"method": "paper", "version": _VERSION, **settings}

    def fit(
        self,
        checkpoint: Checkpoint,
        previous: tuple[Checkpoint, Map] | None,
        seed: int,
        report: Progress,
    ) -> AutoencoderMap:
        """Train the autoencoder of one checkpoint (Eq. 12)."""
        if len(checkpoint.x) <= self.k:
            raise ValueError(f"k must be less than the {len(checkpoint.x)} training samples; got {self.k}.")
        device = self._device()
        generator = torch.Generator("cpu").manual_seed(seed)
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
        draw = _PairSampler(complex_, len(checkpoint.x), generator, device)
        with _threads(u.shape[1]):
            for step in range(steps):
                for group in optimizer.param_groups:
                    group["lr"] = self.learning_rate * self.decay ** (
                        step * self.training_epochs // steps // self.decay_every
                    )
                pairs = draw(self.batch_size)
                n = pairs.ends.shape[1]
                inputs = v.index_select(0, torch.cat([pairs.ends.flatten(), pairs.others]))
                y = autoencoder.encoder(inputs)
                heads, tails, others = y[:n], y[n : 2 * n], y[2 * n :]
                near = (heads - tails).square().sum(dim=1)
                far = pairs.far(heads, others, self.negatives, generator)
                layout = umap_loss(near, far, a, b, self.negatives)
                ends = pairs.ends.flatten()
                reconstruction = reconstruction_loss(
                    inputs[: 2 * n], autoencoder.decoder(y[: 2 * n]), emphasis.index_select(0, ends)
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
        """Rebuild a fitted autoencoder from its weights."""
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
        """Choose the device to train on."""
        return torch.device(self.device or ("cuda" if torch.cuda.is_available() else "cpu"))

    def _complex(self, checkpoint: Checkpoint) -> Complex:
        """Build the complex over X ∪ B; without boundary samples, over X."""
        xb = checkpoint.boundary_neighbors(self.k) if len(checkpoint.b) else None
        bb = checkpoint.neighbors_along_boundary(self.k) if len(checkpoint.b) > 1 else None
        return bavr_complex(checkpoint.neighbors(self.k), xb, bb)

    def _start(
        self, checkpoint: Checkpoint, previous: tuple[Checkpoint, Map] | None, u: torch.Tensor, seed: int
    ) -> tuple[Autoencoder, float]:
        """Build an autoencoder or copy the one before; also compute the mean of eval_sem (Eq. 11)."""
        if previous is None:
            h = u.shape[1]
            width = self.width or max(h // 2, 2)
            spread = u.std(dim=0, correction=0).square().mean().sqrt().clamp_min(1e-12)
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                return Autoencoder([h, *[width] * self.layers, 2], u.mean(dim=0), spread), 0.0
        before, fitted = previous
        assert isinstance(fitted, AutoencoderMap)
        similarity = overlap(before.semantic_neighbors(self.k), checkpoint.semantic_neighbors(self.k))
        return fitted.copy(), float(similarity.mean())


@contextmanager
def _threads(h: int) -> Iterator[None]:
    """Use one thread for small networks, as several would mostly wait for each other."""
    before = torch.get_num_threads()
    if h <= _MAX_ONE_THREAD_WIDTH:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@dataclass(frozen=True)
class _Pairs:
    """Drawn edges, each with another vertex for the negative pairs of its set.

    Attributes
    ----------
    ends : int64 [2, n]
        Heads and tails of the edges.
    others : int64 [n]
        Vertices drawn uniformly from the set that the tail belongs to: X for X × X, B for X × B and B × B.
    sets : int64 [n]
        The set of each edge: 0 for X × X, 1 for X × B, 2 for B × B.
    """

    ends: torch.Tensor
    others: torch.Tensor
    sets: torch.Tensor

    def far(
        self, heads: torch.Tensor, others: torch.Tensor, negatives: int, generator: torch.Generator
    ) -> torch.Tensor:
        """Compute squared distances of negative pairs, each of vertices of one set of pairs (Def. 3).

        Parameters
        ----------
        heads, others : tensor [n, 2]
            Places of the heads and of the other vertices.
        negatives : int
            Pairs per head.
        generator
            Source of the draws.

        Returns
        -------
        tensor [n · negatives]
        """
        found = []
        for kind in range(3):
            rows = torch.nonzero(self.sets == kind).flatten()
            if len(rows):
                drawn = torch.randint(len(rows), (negatives, len(rows)), generator=generator, device="cpu")
                partners = others[rows[drawn.to(rows.device)]]
                found.append((partners - heads[rows]).square().sum(dim=2).flatten())
        return torch.cat(found)


class _PairSampler:
    """Draws edges of a complex over X ∪ B in proportion to their weight, and vertices for negative pairs."""

    def __init__(
        self, complex_: Complex, samples: int, generator: torch.Generator, device: torch.device
    ) -> None:
        self._ends = torch.from_numpy(np.stack([complex_.heads, complex_.tails]))
        total = torch.from_numpy(complex_.weights.astype(np.float64)).cumsum(dim=0)
        self._cumulated = total / total[-1]
        self._samples = samples
        self._boundary = int(self._ends.max()) + 1 - samples
        self._generator = generator
        self._device = device

    def __call__(self, n: int) -> _Pairs:
        """Draw n edges, and for each one a vertex of its tail's set."""
        draws = torch.rand(2, n, generator=self._generator, dtype=torch.float64, device="cpu")
        ends = self._ends[
            :, torch.searchsorted(self._cumulated, draws[0]).clamp_max(len(self._cumulated) - 1)
        ]
        sets = (ends >= self._samples).sum(dim=0)
        in_x, in_b = (draws[1] * self._samples).long(), (draws[1] * self._boundary).long() + self._samples
        others = torch.where(sets == 0, in_x, in_b)
        return _Pairs(ends.to(self._device), others.to(self._device), sets.to(self._device))


class AutoencoderMap:
    """A trained autoencoder as a map."""

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
        """Return the weights of both networks, and the units of their input."""
        return {name: value.cpu().numpy() for name, value in self._autoencoder.state_dict().items()}

    def copy(self) -> Autoencoder:
        """Copy the networks, to start the next epoch from."""
        return copy.deepcopy(self._autoencoder).requires_grad_().train()

    def _through(
        self, network: Callable[[torch.Tensor], torch.Tensor], rows: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Pass rows through a network, some at a time."""
        device = self._autoencoder.centre.device
        # A copy: rows of a run are mapped from the disk and must not look writable.
        blocks = torch.split(torch.tensor(rows, dtype=torch.float32, device="cpu"), _BLOCK_ROWS)
        with torch.no_grad():
            result: NDArray[np.float32] = torch.cat(
                [network(block.to(device)).cpu() for block in blocks]
            ).numpy()
        return result
