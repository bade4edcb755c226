"""Neighbours of a picture: pictures a little way off in the latent space, generated or real."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dvi_widget.arguments import check_whole

from .vae import VAE, as_images

_HELD_OUT = 128  # neighbours that no student learns from
_KINDS = ("uniform", "line", "nearest", "hybrid")


@dataclass(frozen=True)
class Neighborhood:
    """A picture and its neighbours.

    Attributes
    ----------
    image : [C, H, W], the picture itself.
    latent : float32 [d], the centre in the latent space: the picture's own latent vector, or the one asked
        for.
    reconstruction : float32 [C, H, W], that latent vector decoded.
    latents : float32 [n, d], of the neighbours.
    pictures : float32 [n, C, H, W], the neighbours.
    held_out : float32 [m, C, H, W], further independent uniform draws from the band, to measure a student on.
    bounds : float32 [d, 2], the band: least and largest value in each latent dimension.
    positions : float32 [n] in [0, 1] if the neighbours lie on a line, in its order; else None.
    limits : the scale of the pictures, (low, high).
    """

    image: NDArray[np.float32]
    latent: NDArray[np.float32]
    reconstruction: NDArray[np.float32]
    latents: NDArray[np.float32]
    pictures: NDArray[np.float32]
    held_out: NDArray[np.float32]
    bounds: NDArray[np.float32]
    positions: NDArray[np.float32] | None
    limits: tuple[float, float]

    def __len__(self) -> int:
        return len(self.pictures)


class Neighbors:
    """Neighbours of a picture in the latent space of a VAE (DeepVID, Algorithm 1 and §6.2).

    By default they are independent uniform draws from the band, so that every latent dimension shows what
    it does, and they are anchored: decode(z′) + (x − decode(z)), held within the scale of the pictures.
    What the VAE cannot reproduce of the picture stays in its neighbours, which are then the picture's own
    and not those of a blurred copy. The paper's way is ``how="line", anchored=False``.

    Parameters
    ----------
    vae
        A trained VAE.
    band
        Width of the band round the picture's latent vector, as a share of each dimension's range, in (0,
        1]; or one share in [0, 1] per dimension, 0 for those that shall not move.
    n
        How many neighbours.
    how
        "uniform": independent uniform draws. "line": Algorithm 1, evenly spaced along the diagonal of the
        band, all dimensions together. "nearest": the real pictures nearest in the latent space. "hybrid":
        half nearest, half uniform.
    anchored
        Whether generated neighbours carry what the VAE misses of the picture.
    pictures : array [m, C, H, W], optional
        The real pictures for "nearest" and "hybrid".
    seed
        Of the draws; equal seeds give equal neighbours.

    Raises
    ------
    TypeError, ValueError
        For parameters out of range.

    Examples
    --------
    >>> neighbors = Neighbors(vae, band=0.15, n=512).sample(picture)  # doctest: +SKIP
    >>> neighbors.pictures.shape  # (512, C, H, W)  # doctest: +SKIP
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
        if not isinstance(vae, VAE):
            raise TypeError(f"vae: must be a VAE, found {type(vae).__name__}")
        if how not in _KINDS:
            raise ValueError(f"how: must be one of {', '.join(_KINDS)}; found {how!r}")
        check_whole("n", n, 2)
        if how in ("nearest", "hybrid") and pictures is None:
            raise ValueError(f'pictures: how="{how}" chooses among real pictures; pass them as pictures=')
        self.vae = vae
        self.band = _checked_band(band, vae)
        self.n = n
        self.how = how
        self.anchored = anchored
        self.seed = check_whole("seed", seed)
        self._real: NDArray[Any] | None = None
        if pictures is not None:
            self._real = as_images(pictures, "pictures")
            self._real_latents = vae.encode(self._real)
            wanted = n if how == "nearest" else n // 2
            if len(self._real) < wanted:
                raise ValueError(
                    f"pictures: has {len(self._real)} pictures, fewer than the {wanted} neighbours asked "
                    "for; pass more, or a smaller n"
                )

    def sample(
        self, image: ArrayLike, *, latent: ArrayLike | None = None, bounds: ArrayLike | None = None
    ) -> Neighborhood:
        """Neighbours of a picture.

        Parameters
        ----------
        image : array [C, H, W]
            On the scale of the VAE's training pictures.
        latent : array [d], optional
            Another centre than the picture's own latent vector, as when a value has been dragged (Fig. 12).
        bounds : array [d, 2], optional
            The band itself, least and largest value per dimension, instead of `band` round the centre, as
            when an axis has been brushed.

        Returns
        -------
        Neighborhood

        Raises
        ------
        RuntimeError, TypeError, ValueError
            For an untrained VAE, for pictures that it does not take, for a latent vector or bounds that do
            not fit.
        """
        x = self._single(image, "image")
        own = self.vae.encode(x[None])[0]
        centre = own if latent is None else _checked_latent(latent, len(own))
        limits = self._bounds(centre, bounds)
        rng = np.random.default_rng(self.seed)
        drawn = limits[:, 0] + rng.random((self.n, len(own)), np.float32) * (limits[:, 1] - limits[:, 0])
        fresh = limits[:, 0] + rng.random((_HELD_OUT, len(own)), np.float32) * (limits[:, 1] - limits[:, 0])
        positions = None
        if self.how == "line":
            # Algorithm 1, lines 3 and 7: from the lower edge of the band, in steps of band / n.
            positions = (np.arange(self.n) / self.n).astype(np.float32)
            drawn = limits[:, 0] + positions[:, None] * (limits[:, 1] - limits[:, 0])
        decoded = self.vae.decode(np.concatenate([own[None], centre[None], drawn, fresh]))
        residual = x - decoded[0] if self.anchored else np.float32(0)
        generated = self._within(decoded[2:] + residual, x)
        pictures, latents, held_out = generated[: self.n], drawn, generated[self.n :]
        if self.how in ("nearest", "hybrid"):
            assert self._real is not None
            chosen = self._nearest(centre, self.n if self.how == "nearest" else self.n // 2)
            pictures = np.concatenate([self._real[chosen].astype(np.float32), pictures[len(chosen) :]])
            latents = np.concatenate([self._real_latents[chosen], latents[len(chosen) :]])
        return Neighborhood(
            x, centre, decoded[1], latents, pictures, held_out, limits, positions, self.vae.limits_
        )

    def morph(self, image_a: ArrayLike, image_b: ArrayLike) -> Neighborhood:
        """Pictures on the way from one picture to another (§6.2, Fig. 5), evenly spaced in the latent space.

        Anchored, what the VAE misses goes over from the one's to the other's as well, so that the ends are
        the two pictures themselves. The neighbourhood is that of the first picture; its held-out pictures
        lie on the same way.

        Parameters
        ----------
        image_a, image_b : array [C, H, W]

        Returns
        -------
        Neighborhood
            With positions 0 (image_a) to 1 (image_b).

        Raises
        ------
        RuntimeError, TypeError, ValueError
            As for `sample`.
        """
        a, b = self._single(image_a, "image_a"), self._single(image_b, "image_b")
        ends = self.vae.encode(np.stack([a, b]))
        positions = np.linspace(0, 1, self.n, dtype=np.float32)
        fresh = np.random.default_rng(self.seed).random(_HELD_OUT, np.float32)
        t = np.concatenate([positions, fresh])[:, None]
        latents = (1 - t) * ends[0] + t * ends[1]
        decoded = self.vae.decode(np.concatenate([ends, latents]))
        pictures = decoded[2:]
        if self.anchored:
            t = t[..., None, None]
            pictures = pictures + (1 - t) * (a - decoded[0]) + t * (b - decoded[1])
        pictures = self._within(pictures, a, b)
        bounds = np.sort(ends.T, axis=1)
        return Neighborhood(
            a,
            ends[0],
            decoded[0],
            latents[: self.n],
            pictures[: self.n],
            pictures[self.n :],
            bounds,
            positions,
            self.vae.limits_,
        )

    def _single(self, image: ArrayLike, name: str) -> NDArray[np.float32]:
        array = np.asarray(image)
        if array.ndim != 3:
            raise ValueError(
                f"{name}: must be a single picture [channels, height, width], found the shape {array.shape}"
            )
        picture: NDArray[np.float32] = self.vae.check(array[None], name)[0].astype(np.float32)
        return picture

    def _bounds(self, centre: NDArray[np.float32], given: ArrayLike | None) -> NDArray[np.float32]:
        if given is None:
            ranges = self.vae.ranges_
            half = np.asarray(self.band, np.float32) * (ranges[:, 1] - ranges[:, 0]) / 2
            return np.stack([centre - half, centre + half], axis=1)
        bounds = np.asarray(given, np.float32)
        if bounds.shape != (len(centre), 2):
            raise ValueError(
                f"bounds: must be [{len(centre)}, 2], least and largest value per latent dimension; "
                f"found the shape {bounds.shape}"
            )
        wrong = np.flatnonzero(~(np.isfinite(bounds).all(axis=1) & (bounds[:, 0] <= bounds[:, 1])))
        if wrong.size:
            raise ValueError(
                f"bounds: row {wrong[0]} is {bounds[wrong[0]].tolist()}; least first, both finite"
            )
        return bounds

    def _nearest(self, centre: NDArray[np.float32], count: int) -> NDArray[np.intp]:
        """The real pictures nearest to the centre, nearest first."""
        distances = np.square(self._real_latents - centre).sum(axis=1)
        chosen = np.argpartition(distances, count - 1)[:count]
        order: NDArray[np.intp] = chosen[np.lexsort((chosen, distances[chosen]))]
        return order

    def _within(self, pictures: NDArray[np.float32], *own: NDArray[np.float32]) -> NDArray[np.float32]:
        """Pictures held within their scale; a picture that leaves the scale itself stays what it is."""
        low, high = self.vae.limits_
        held: NDArray[np.float32] = np.clip(
            pictures, min(low, *(float(x.min()) for x in own)), max(high, *(float(x.max()) for x in own))
        )
        return held


def _checked_band(band: float | ArrayLike, vae: VAE) -> float | NDArray[np.float32]:
    try:
        array = np.asarray(band, np.float32)
    except (TypeError, ValueError):
        raise ValueError(
            f"band: must be a share of each latent range, or one for each of the {vae.latent_dim}; found "
            f"{band!r}"
        ) from None
    if array.ndim == 0:
        if not 0 < float(array) <= 1:
            raise ValueError(f"band: must lie in (0, 1], a share of each latent range; found {band!r}")
        return float(array)
    if array.shape != (vae.latent_dim,):
        raise ValueError(
            f"band: must be one number, or one for each of the {vae.latent_dim} latent dimensions; "
            f"found the shape {array.shape}"
        )
    if not ((array >= 0) & (array <= 1)).all():
        raise ValueError(f"band: every dimension's share must lie in [0, 1]; found {array.tolist()}")
    return array


def _checked_latent(latent: ArrayLike, d: int) -> NDArray[np.float32]:
    z = np.asarray(latent, np.float32)
    if z.shape != (d,) or not np.isfinite(z).all():
        raise ValueError(
            f"latent: must be {d} finite numbers, one per latent dimension; found the shape {z.shape}"
        )
    return z
