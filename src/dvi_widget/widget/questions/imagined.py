"""Pictures of places on a landscape of representations, by regression of an autoencoder's latent vectors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from dvi_widget.deepvid import VAE
from dvi_widget.landscape.source import KnowsFeatures
from dvi_widget.widget.arguments import Landscape
from dvi_widget.widget.scene import Scene

from .predictions import pixels_of

_MAX_REGRESSED_SAMPLES = 2000
# Of standardised representations, per sample. From .001 to .1, unseen digits decoded to the class of their
# place equally often (.93), and to their own picture equally well.
_RIDGE = 0.03


def imagined(
    scene: Scene, landscape: Landscape, epoch: int, x: NDArray[np.float32]
) -> NDArray[np.uint8] | None:
    """Decode representations to pictures by the explorer's autoencoder.

    A classifier keeps of a picture what tells classes apart, and forgets the rest. So the picture is a
    typical one of the place, not one that was there: a ridge regression, fitted to the recorded samples of
    the epoch, leads from representations to latent vectors, and the autoencoder decodes these.

    Parameters
    ----------
    scene
        Whose autoencoder and pictures are used.
    landscape, epoch
        Where `x` was decoded.
    x : float32 [m, h]
        Representations.

    Returns
    -------
    uint8 [m, H, W, C]
        None without an autoencoder, or where representations or inputs are not known.
    """
    if not isinstance(scene.vae, VAE) or not scene.models.names:
        return None
    if not isinstance(landscape.source, KnowsFeatures):
        return None
    rows = scene.models.spread(_MAX_REGRESSED_SAMPLES)
    if scene.latents is None:
        scene.latents = scene.vae.encode(scene.models.inputs(rows))
    key = landscape, epoch
    if scene.regression is None or scene.regression[0] != key:
        known = landscape.source.features(epoch)[rows].astype(np.float64)
        units = StandardScaler().fit(known)
        line = Ridge(_RIDGE * len(rows)).fit(units.transform(known), scene.latents)
        scene.regression = key, (units, line)
    units, line = scene.regression[1]
    latents = line.predict(units.transform(x.astype(np.float64)))
    low, high = scene.vae.ranges_.T
    return pixels_of(scene.vae, scene.vae.decode(np.clip(latents, low, high).astype(np.float32)))
