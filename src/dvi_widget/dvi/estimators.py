"""DVI, which lays samples out, and PaperDVI, the published method: estimators of a whole run."""

from __future__ import annotations

import inspect
from typing import Any

from dvi_widget.projection import Method, Projection

from .layout import Layout
from .paper import Paper


class PaperDVI(Projection):
    """DeepVisualInsight as published: an autoencoder per epoch, each started from the one before.

    The defaults are the paper's where it gives a value.

    Parameters
    ----------
    k : int
        Neighbours in the complex and in eval_sem, Eq. 11 (§6 measures 10, 15 and 20; UMAP's 15).
    weights : tuple of three float
        λ1, λ2, λ3 of the layout, reconstruction and temporal losses (Eq. 12, §6).
    beta : float
        Exponent β of the gradients that weight the reconstruction (Eq. 8, §6). 0 weights all alike.
    layers, width : int, int or None
        Hidden layers of the encoder and their size; None for h / 2 (§6).
    learning_rate, decay, decay_every : float, float, int
        Adam's rate, the factor by which it decays, and the number of training epochs after which it does
        (§6).
    training_epochs, steps : int, tuple of two int
        Gradient steps on the first checkpoint and on each later one, which starts close to its goal. For the
        schedule above they count as so many epochs of equal length. The paper leaves both open; its epochs
        pass over all edges of the complex, these draw from them.
    batch_size : int
        Edges in a step.
    negatives : int
        Negative pairs per edge (UMAP's 5).
    min_dist, spread : float
        Shape of the similarity on the canvas (UMAP's 0.1 and 1).
    device : str or None
        Where to train, "cpu" or "cuda"; None uses a GPU if there is one. A map fitted on one device serves on
        the other.
    seed : int
        Seed of all random choices: the same seed on the same machine gives the same positions.

    Examples
    --------
    >>> model = PaperDVI(steps=(500, 250)).fit(run)  # doctest: +SKIP
    """

    def __init__(
        self,
        *,
        k: int = 15,
        weights: tuple[float, float, float] = (1.0, 1.0, 0.3),
        beta: float = 1.0,
        layers: int = 4,
        width: int | None = None,
        learning_rate: float = 0.01,
        decay: float = 0.1,
        decay_every: int = 8,
        training_epochs: int = 16,
        steps: tuple[int, int] = (1500, 800),
        batch_size: int = 500,
        negatives: int = 5,
        min_dist: float = 0.1,
        spread: float = 1.0,
        device: str | None = None,
        seed: int = 0,
    ) -> None:
        self.k = k
        self.weights = weights
        self.beta = beta
        self.layers = layers
        self.width = width
        self.learning_rate = learning_rate
        self.decay = decay
        self.decay_every = decay_every
        self.training_epochs = training_epochs
        self.steps = steps
        self.batch_size = batch_size
        self.negatives = negatives
        self.min_dist = min_dist
        self.spread = spread
        self.device = device
        self.seed = seed

    def _method(self) -> Method:
        settings = self.get_params(deep=False)
        del settings["seed"]
        return Paper(**settings)


class DVI(Projection):
    """Project every epoch of a run so that neighbours, boundaries, predictions and continuity are preserved.

    It preserves the same four properties as the published method (DeepVisualInsight, §4) by other means.
    Positions follow t-SNE's gradient on the boundary-augmented complex (Def. 3), all points at once, see
    `dvi_widget.dvi.graph.descend`. Continuity comes not from a bound on weights (Eq. 10) but from a bound on
    each sample's movement, by how many of its neighbours it kept. A table decodes the plane
    (`dvi_widget.dvi.grid_decoder`), and unseen samples are placed among recorded ones
    (`dvi_widget.dvi.placement`). Nothing is random, and nothing is trained by steps that could end early.

    Figures below are means over the six epochs of the MNIST and CIFAR-10 reference runs, seed 0, on which the
    defaults were chosen.

    Test samples are placed among recorded samples of their own prediction, so their PPR is high by
    construction and says little about the decoder: without that restriction it was .963 instead of .999
    (MNIST) and .875 instead of .989 (CIFAR-10), while nn_pv rose by .005.

    Parameters
    ----------
    method : str
        "layout"; with "paper", `DVI` builds a `PaperDVI`, whose parameters then follow.
    k : int, optional
        Nearest samples tied to each sample, which also define its semantics (eval_sem, Eq. 11). More of them
        tie larger groups together, at a cost that grows with k. By default 15, or all others if these
        are fewer; the semantics are then defined by a third of them at most. Ties within classes of up to 3k
        samples are looser (`dvi_widget.dvi.few_samples`): `exaggeration` would draw these to one point.
    boundary_k : int
        Nearest boundary samples tied to each sample, and to each boundary sample. They share the weight
        below, so that each of many holds less: 8 is better than 15 and 25 for boundary_pv (.49 against .47 on
        MNIST) and for nn_pv.
    xb_weight : float
        Total weight of a sample's edges to boundary samples; its edges to samples weigh 1. It trades nn_pv
        and PPR for boundary_pv: .6, .65, .7 gave boundary_pv .436, .441, .443 (test), PPR .985, .981, .978
        and nn_pv .334, .330, .325 (train) on the first three epochs of CIFAR-10.
    bb_weight : float
        Total weight of a boundary sample's edges to other boundary samples: it holds boundaries together,
        against the pull of the samples on either side.
    xx_cross : float
        Factor on edges between samples of different prediction. A smaller one parts the classes, which lifts
        PPR, and lets go of neighbours across a boundary, which nn_pv and boundary_pv count: .05 instead of .1
        gave PPR .979 instead of .978, and boundary_pv .493 instead of .496, there.
    xb_cross : float, optional
        Factor on edges to boundary samples of other classes' boundaries, which draw a sample out of its
        territory. A smaller one trades boundary_pv for PPR: PPR .958 with 1, .979 with .1 on CIFAR-10, for
        .01 of boundary_pv. By default .1 for 1,000 boundary samples or more. Of fewer, those nearest to a
        sample more often lie on others' boundaries, and so weak edges would leave most of them untied: 100
        over their number, and .5 at most. With .5 instead of .1, boundary_pv was .546 instead of .496 (PPR
        .978 instead of .988) on 1,500 samples of CIFAR-10 that have 150, and .655 instead of .620 (.995 and
        .997) on 600 of MNIST that have 60.
    exaggeration : float
        Lasting exaggeration of attraction over repulsion (Böhm et al. 2022): it trades neighbours for
        boundaries. 1 keeps most neighbours (nn_pv .46 on MNIST, where 1.5 kept .37); 1.8 instead of 1.5 gave
        boundary_pv .453 instead of .436 (test), at nn_pv .281 instead of .334 and PPR .949 instead of .985
        (train), on the first three epochs of CIFAR-10.
    cap : float
        Bound on a sample's movement between two epochs: cap · (1 / eval_sem − 1), in widths of the
        similarity, if its prediction is unchanged; otherwise it is free. The published method bounds weights
        by λ · eval_sem (Eq. 10); this bounds each sample. It trades temporal_pv for nn_pv: .5, 1, 2 gave
        temporal −.83, −.76, −.67 on MNIST and −.31, −.24, −.19 on CIFAR-10, at nn_pv .294, .310, .319 there.
        Infinity switches it off.
    iterations : tuple of three int
        Iterations on the first epoch, with early exaggeration and after it, and on each later one. Time for
        nn_pv: the more a later epoch gets, the closer it comes to its own best layout, within `cap`.
    dimension : int
        l: 2 for a canvas, 3 for `Landscape.figure` alone.
    seed : int
        Without effect, as nothing here is random; another seed fits anew.

    Examples
    --------
    >>> model = DVI().fit(run)  # doctest: +SKIP
    >>> model.transform(run.features(5, "test"), epoch=5)  # [n_test, 2]  # doctest: +SKIP
    """

    def __new__(cls, method: str = "layout", **settings: Any) -> Any:
        """Build a `PaperDVI` if the method is "paper"."""
        return PaperDVI(**settings) if method == "paper" else super().__new__(cls)

    def __init__(
        self,
        method: str = "layout",
        *,
        k: int | None = None,
        boundary_k: int = 8,
        xb_weight: float = 0.65,
        bb_weight: float = 0.1,
        xx_cross: float = 0.1,
        xb_cross: float | None = None,
        exaggeration: float = 1.5,
        cap: float = 1.0,
        iterations: tuple[int, int, int] = (150, 400, 100),
        dimension: int = 2,
        seed: int = 0,
    ) -> None:
        self.method = method
        self.k = k
        self.boundary_k = boundary_k
        self.xb_weight = xb_weight
        self.bb_weight = bb_weight
        self.xx_cross = xx_cross
        self.xb_cross = xb_cross
        self.exaggeration = exaggeration
        self.cap = cap
        self.iterations = iterations
        self.dimension = dimension
        self.seed = seed

    def _method(self) -> Method:
        settings = self.get_params(deep=False)
        del settings["seed"]
        if settings.pop("method") != "layout":
            raise ValueError(
                f'method must be "layout" or "paper"; got {self.method!r}. Build the published method anew: '
                "PaperDVI()."
            )
        return Layout(**settings)


# Help and completion show the parameters that the constructor stores, not those that __new__ passes on.
DVI.__signature__ = inspect.signature(DVI.__init__).replace(
    parameters=[*inspect.signature(DVI.__init__).parameters.values()][1:]
)
