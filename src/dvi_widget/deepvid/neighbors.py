"""Neighbours of a picture in latent space, generated or real (DeepVID, Algorithm 1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from dvi_widget.arrays import as_array, check_whole

from .vae import VAE

__all__ = ["Neighborhood", "Neighbors", "check_band"]

_HELD_OUT_PICTURES = 128  # neighbours that no student learns from
_REAL_PICTURES = 16  # nearest real ones, to try students on
_KINDS = ("uniform", "line", "nearest", "hybrid")


@dataclass(frozen=True)
class Neighborhood:
    """A picture and its neighbours.

    Attributes
    ----------
    image : float32 [C, H, W]
        The picture itself.
    latent : float32 [d]
        Centre of the neighbourhood in latent space: the picture's own latent vector, or another that was
        passed.
    reconstruction : float32 [C, H, W]
        The centre, decoded.
    latents : float32 [n, d]
        Latent vectors of the neighbours.
    pictures : float32 [n, C, H, W]
        The neighbours.
    held_out : float32 [m, C, H, W]
        Further independent uniform draws from the band, to measure a student on.
    real : float32 [r, C, H, W]
        Up to 16 real pictures, the nearest in latent space of those that are not neighbours themselves, to
        try a student on; none if none were passed.
    bounds : float32 [d, 2]
        The band: least and largest value in each latent dimension.
    positions : float32 [n] or None
        Positions of neighbours on a line, ascending in [0, 1]; None if they do not lie on one.
    limits : tuple of float
        (low, high), the scale of the pictures.
    """

    image: NDArray[np.float32]
    latent: NDArray[np.float32]
    reconstruction: NDArray[np.float32]
    latents: NDArray[np.float32]
    pictures: NDArray[np.float32]
    held_out: NDArray[np.float32]
    real: NDArray[np.float32]
    bounds: NDArray[np.float32]
    positions: NDArray[np.float32] | None
    limits: tuple[float, float]

    def __len__(self) -> int:
        return len(self.pictures)


class Neighbors(BaseEstimator):  # type: ignore[misc]
    """Draws neighbours of a picture in the latent space of a VAE (DeepVID, Algorithm 1 and §6.2).

    By default they are independent uniform draws from a band round the picture's latent vector, so that every
    latent dimension varies, and they are anchored: decode(z′) + (x − decode(z)), clipped to the scale of the
    pictures. Details that the VAE does not reproduce stay in the neighbours, which are then neighbours of the
    picture rather than of a blurred copy. The paper's method is ``how="line", anchored=False``.

    Parameters
    ----------
    vae : VAE
        A trained VAE. It is an ingredient rather than learnt here, so that a clone shares it.
    band : float or array [latent_dim]
        Width of the band round the picture's latent vector, as a share of each dimension's range, in (0, 1];
        or one share in [0, 1] per dimension, 0 for those that stay fixed.
    n : int
        Number of neighbours, at least 2.
    how : {"uniform", "line", "nearest", "hybrid"}
        "uniform": independent uniform draws. "line": Algorithm 1, evenly spaced along the diagonal of the
        band. "nearest": the real pictures nearest in latent space. "hybrid": half nearest, half uniform.
    anchored : bool
        Whether generated neighbours keep the details of the picture that the VAE does not reproduce.
    pictures : array [m, C, H, W], optional
        Real pictures: the neighbours of "nearest" and "hybrid", and what students are tried on for all.
    seed : int
        Seed of the draws.

    Examples
    --------
    >>> import numpy as np
    >>> digits = np.random.default_rng(0).random((40, 1, 8, 8))
    >>> vae = VAE(latent_dim=3, epochs=1).fit(digits)
    >>> neighborhood = Neighbors(vae, band=0.15, n=64).sample(digits[0])
    >>> neighborhood.pictures.shape
    (64, 1, 8, 8)
    """

    def __init__(
        self,
        vae: VAE,
        band: float | ArrayLike = 0.15,
        n: int = 512,
        *,
        how: Literal["uniform", "line", "nearest", "hybrid"] = "uniform",
        anchored: bool = True,
        pictures: ArrayLike | None = None,
        seed: int = 0,
    ) -> None:
        self.vae = vae
        self.band = band
        self.n = n
        self.how = how
        self.anchored = anchored
        self.pictures = pictures
        self.seed = seed

    def __sklearn_clone__(self) -> Neighbors:
        # scikit-learn would clone the VAE as well, that is, forget its training.
        return Neighbors(**self.get_params(deep=False))

    def sample(
        self, image: ArrayLike, *, latent: ArrayLike | None = None, bounds: ArrayLike | None = None
    ) -> Neighborhood:
        """Draw neighbours of a picture.

        Parameters
        ----------
        image : array [C, H, W]
            On the scale of the VAE's training pictures.
        latent : array [d], optional
            Another centre than the picture's own latent vector, such as one whose values were dragged
            (Fig. 12).
        bounds : array [d, 2], optional
            The band itself, least and largest value per dimension, in place of `band` round the centre.

        Returns
        -------
        Neighborhood

        Raises
        ------
        NotFittedError
            If the VAE is not trained.
        TypeError, ValueError
            If parameters, picture, latent vector or bounds are invalid.
        """
        self._check_parameters()
        x = self._single(image, "image")
        own = self.vae.encode(x[None])[0]
        centre = own if latent is None else _checked_latent(latent, len(own))
        limits = self._bounds(centre, bounds)
        rng = np.random.default_rng(self.seed)
        width = limits[:, 1] - limits[:, 0]
        drawn = limits[:, 0] + rng.random((self.n, len(own)), np.float32) * width
        fresh = limits[:, 0] + rng.random((_HELD_OUT_PICTURES, len(own)), np.float32) * width
        positions = None
        if self.how == "line":
            # Algorithm 1, lines 3 and 7: from the lower edge of the band, in steps of band / n.
            positions = (np.arange(self.n) / self.n).astype(np.float32)
            drawn = limits[:, 0] + positions[:, None] * width
        decoded = self.vae.decode(np.concatenate([own[None], centre[None], drawn, fresh]))
        residual = x - decoded[0] if self.anchored else np.float32(0)
        generated = self._clipped(decoded[2:] + residual, x)
        pictures, latents, held_out = generated[: self.n], drawn, generated[self.n :]
        near, near_latents = self._nearest(centre)
        learnt = self._real_count()
        if learnt:
            pictures = np.concatenate([near[:learnt], pictures[learnt:]])
            latents = np.concatenate([near_latents[:learnt], latents[learnt:]])
        return Neighborhood(
            x,
            centre,
            decoded[1],
            latents,
            pictures,
            held_out,
            _others(near[learnt:], x),
            limits,
            positions,
            self.vae.limits_,
        )

    def morph(self, image_a: ArrayLike, image_b: ArrayLike) -> Neighborhood:
        """Generate pictures from one picture to another, evenly spaced in latent space (§6.2, Fig. 5).

        If anchored, details that the VAE does not reproduce fade from those of one picture to those of the
        other, so that the ends are the two pictures themselves. The neighbourhood is that of the first
        picture; its held-out pictures lie on the same line.

        Parameters
        ----------
        image_a, image_b : array [C, H, W]

        Returns
        -------
        Neighborhood
            With positions from 0 (image_a) to 1 (image_b).

        Raises
        ------
        NotFittedError, TypeError, ValueError
            As for `sample`.
        """
        self._check_parameters()
        a, b = self._single(image_a, "image_a"), self._single(image_b, "image_b")
        ends = self.vae.encode(np.stack([a, b]))
        positions = np.linspace(0, 1, self.n, dtype=np.float32)
        fresh = np.random.default_rng(self.seed).random(_HELD_OUT_PICTURES, np.float32)
        t = np.concatenate([positions, fresh])[:, None]
        latents = (1 - t) * ends[0] + t * ends[1]
        decoded = self.vae.decode(np.concatenate([ends, latents]))
        pictures = decoded[2:]
        if self.anchored:
            t = t[..., None, None]
            pictures = pictures + (1 - t) * (a - decoded[0]) + t * (b - decoded[1])
        pictures = self._clipped(pictures, a, b)
        bounds = np.sort(ends.T, axis=1)
        return Neighborhood(
            a,
            ends[0],
            decoded[0],
            latents[: self.n],
            pictures[: self.n],
            pictures[self.n :],
            _others(self._nearest(ends[0])[0], a),
            bounds,
            positions,
            self.vae.limits_,
        )

    def _check_parameters(self) -> None:
        if not isinstance(self.vae, VAE):
            raise TypeError(f"vae must be a VAE; got {type(self.vae).__name__}.")
        if self.how not in _KINDS:
            raise ValueError(f"how must be one of {', '.join(_KINDS)}; got {self.how!r}.")
        check_whole("n", self.n, 2)
        check_whole("seed", self.seed)
        check_band(self.band, self.vae.latent_dim)
        if self.how in ("nearest", "hybrid") and self.pictures is None:
            raise ValueError(f"pictures must be real pictures for how={self.how!r}; got None.")

    def _real_count(self) -> int:
        """Return how many of the neighbours are real pictures."""
        return {"nearest": self.n, "hybrid": self.n // 2}.get(self.how, 0)

    def _nearest(self, centre: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the nearest real pictures and their latent vectors: neighbours first, then some more."""
        if self.pictures is None:
            return np.empty((0, *self.vae.shape_), np.float32), np.empty((0, len(centre)), np.float32)
        real, latents = self._real_pictures()
        # One more, because the picture itself may be among them.
        rows = _nearest(latents, centre, min(len(real), self._real_count() + _REAL_PICTURES + 1))
        return real[rows].astype(np.float32), latents[rows]

    def _real_pictures(self) -> tuple[NDArray[Any], NDArray[np.float32]]:
        """Return the real pictures and their latent vectors, which are computed once per training."""
        known = getattr(self, "_encoded", None)
        if known is None or known[0] is not self.pictures or known[1:3] != (self.vae, self.vae.steps_):
            assert self.pictures is not None
            real = self.vae.check(self.pictures, "pictures")
            known = self._encoded = self.pictures, self.vae, self.vae.steps_, real, self.vae.encode(real)
        real, latents = known[3:]
        if len(real) < self._real_count():
            raise ValueError(
                f"pictures must be at least {self._real_count()}, the neighbours to choose; got "
                f"{len(real)}. Pass more, or a smaller n."
            )
        return real, latents

    def _single(self, image: ArrayLike, name: str) -> NDArray[np.float32]:
        """Return one picture as float32, after checking that the VAE takes it."""
        array = as_array(name, image)
        if array.ndim != 3:
            raise ValueError(
                f"{name} must be a single picture [channels, height, width]; got shape {array.shape}."
            )
        picture: NDArray[np.float32] = self.vae.check(array[None], name)[0].astype(np.float32)
        return picture

    def _bounds(self, centre: NDArray[np.float32], given: ArrayLike | None) -> NDArray[np.float32]:
        """Return the band round a centre, or the one that was passed, after checking it."""
        if given is None:
            ranges = self.vae.ranges_
            half = np.asarray(self.band, np.float32) * (ranges[:, 1] - ranges[:, 0]) / 2
            return np.stack([centre - half, centre + half], axis=1)
        bounds = as_array("bounds", given).astype(np.float32)
        if bounds.shape != (len(centre), 2):
            raise ValueError(
                f"bounds must be [{len(centre)}, 2], least and largest value per latent dimension; got "
                f"shape {bounds.shape}."
            )
        wrong = np.flatnonzero(~(np.isfinite(bounds).all(axis=1) & (bounds[:, 0] <= bounds[:, 1])))
        if wrong.size:
            raise ValueError(
                f"bounds must be finite, the least value first; got {bounds[wrong[0]].tolist()} in row "
                f"{wrong[0]}."
            )
        return bounds

    def _clipped(self, pictures: NDArray[np.float32], *own: NDArray[np.float32]) -> NDArray[np.float32]:
        """Clip pictures to their scale, widened where the given pictures themselves leave it."""
        low, high = self.vae.limits_
        clipped: NDArray[np.float32] = np.clip(
            pictures, min(low, *(float(x.min()) for x in own)), max(high, *(float(x.max()) for x in own))
        )
        return clipped


def _others(pictures: NDArray[np.float32], image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the first 16 of pictures that are not the image itself."""
    others: NDArray[np.float32] = pictures[(pictures != image).any(axis=(1, 2, 3))][:_REAL_PICTURES]
    return others


def _nearest(latents: NDArray[np.float32], centre: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """Return the rows of latents nearest to the centre, nearest first."""
    distances = np.square(latents - centre).sum(axis=1)
    rows = np.argpartition(distances, count - 1)[:count]
    order: NDArray[np.intp] = rows[np.lexsort((rows, distances[rows]))]
    return order


def check_band(band: float | ArrayLike, latent_dim: int) -> None:
    """Raise an error unless a band is a share of each latent range, or one per latent dimension.

    Raises
    ------
    ValueError
        If it is neither, or out of range.
    """
    try:
        array = np.asarray(band, np.float32)
    except (TypeError, ValueError):
        raise ValueError(
            f"band must be a share of each latent range, or {latent_dim} of them; got {band!r}."
        ) from None
    if array.ndim == 0:
        if not 0 < float(array) <= 1:
            raise ValueError(f"band must be in (0, 1], a share of each latent range; got {band!r}.")
    elif array.shape != (latent_dim,):
        raise ValueError(
            f"band must be one number, or one for each of the {latent_dim} latent dimensions; got shape "
            f"{array.shape}."
        )
    elif not ((array >= 0) & (array <= 1)).all():
        raise ValueError(f"band must be in [0, 1] in every dimension; got {array.tolist()}.")


def _checked_latent(latent: ArrayLike, d: int) -> NDArray[np.float32]:
    z = as_array("latent", latent).astype(np.float32)
    if z.shape != (d,) or not np.isfinite(z).all():
        raise ValueError(f"latent must be {d} finite numbers, one per latent dimension; got shape {z.shape}.")
    return z
