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
    >>> from dvi_widget import Run
    >>> run = Run("runs/digits")
    >>> view = PaperDVI(steps=(20, 10), batch_size=100).fit(run)  # a quick look; the defaults take longer
    >>> view.landscape().epochs
    [0, 1, 2]
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
    """Project every epoch of a run so that what is seen is there: separation, mixing and motion.

    Positions follow t-SNE's gradient on the boundary-augmented complex (DeepVisualInsight, Def. 3), all
    points at once (`dvi_widget.dvi.graph.descend`). Four things keep the picture from saying more than the
    representation does:

    - **Calibrated crossing**: edges between samples of different prediction are weighed so that the map's
      neighbourhoods are as mixed as the representation's (`dvi_widget.dvi.crossing`).
    - **Skeleton**: one coarse arrangement of all epochs, in which a group that travels travels, and one that
      does not stays (`dvi_widget.dvi.skeleton`).
    - **Evidence**: between two epochs a sample moves as far as its neighbours and its distances to others
      changed (`dvi_widget.dvi.movement`).
    - **Placement by all neighbours**: an unseen sample lies where its neighbours lie, whatever it is
      predicted (`dvi_widget.dvi.placement`).

    A table decodes the plane (`dvi_widget.dvi.grid_decoder`), from samples and boundary samples alike.
    Nothing is random, nothing is trained by steps that could end early, and rows in another order give the
    same map but for what their last digits make of it. The layout works on ``torch.get_num_threads()``
    threads; their number changes no bit of it.

    What distance on the map means: near is near, as far as `trustworthiness` and `nn_pv` say; between groups
    it ranks how far they are apart (`class_distance`); its unit means nothing.

    What it misses, beside the best of others (benchmarks/RESULTS.md, MNIST with flipped labels, three
    seeds): t-SNE keeps .55 of the 5 nearest samples, this .48; PCA orders the distances of classes better
    (.82 for .77), and distance to the drawn border follows the margin better in t-SNE (.63 for .51). Of the
    boundary samples .61 lie on a drawn border, for .38 of samples drawn by chance. Under unsure samples the
    paint is off by .02, but by .16 under unseen ones, as these are placed among sure neighbours. How far
    samples move follows how their distances changed with a rank correlation of .34, which a step as long as
    neighbours were lost gets too. Where no arrangement in the plane stands out, another 80 % of the samples
    give another one.

    Defaults were chosen on seed 0 of four runs (digits, MNIST with a tenth of the labels flipped, CIFAR-10,
    random labels); figures below are means over their recorded epochs. benchmarks/RESULTS.md has the others.

    Parameters
    ----------
    method : str
        "layout"; with "paper", `DVI` builds a `PaperDVI`, whose parameters then follow. "dvi-t" builds the
        same without the temporal loss (DVI-T of §6): each epoch starts from the one before, and nothing else
        holds it there.
    k : int, optional
        Nearest samples tied to each sample, the nearest most strongly; they also define its semantics
        (eval_sem, Eq. 11). More of them tie larger groups together: with 15, 20, 30 the share of the 5
        nearest kept is .44, .41, .41 on CIFAR-10, that of the 50 nearest .46, .48, .48. By default 20, or all
        others if these are fewer; the semantics are then defined by a third of them at most.
    boundary_k : int
        Nearest boundary samples tied to each sample, and to each boundary sample. They share the weight
        below.
    xb_weight : float
        Total weight of a sample's edges to boundary samples; its edges to samples weigh 1. It trades nn_pv
        for boundary_pv: .65, .9, 1.2 gave nn_pv .481, .474, .461 and boundary_pv .506, .515, .517 on MNIST
        with flipped labels.
    bb_weight : float
        Total weight of a boundary sample's edges to other boundary samples: it holds boundaries together.
    xb_cross : float, optional
        Factor on edges to boundary samples of other classes' boundaries, which draw a sample out of its
        territory. By default .1 for 1,000 boundary samples or more. Of fewer, those nearest to a sample more
        often lie on others' boundaries, and so weak edges would leave most of them untied: 100 over their
        number, and .5 at most.
    exaggeration : float
        Lasting exaggeration of attraction over repulsion (Böhm et al. 2022): it trades the nearest neighbours
        for wider ones and for boundaries. 1.15 instead of 1 gave .352 instead of .410 of the 5 nearest, .539
        instead of .523 of the 50 nearest and boundary_pv .525 instead of .506 on MNIST with flipped labels;
        boundary samples then lie on drawn borders less often (.39 instead of .61).
    cap : float
        Factor on how far a sample may move between two epochs for the evidence there is (see
        `dvi_widget.dvi.movement`). It trades the closeness of motion and change for neighbours: .5, 1.5, 3
        gave .34, .36, .37 of the 15 nearest on random labels. Infinity switches it off.
    iterations : tuple of three int
        Iterations on the first epoch, drawn together and after it, and on each later one.
    joint : bool
        Whether the skeleton arranges all epochs together. False arranges each after those before it alone, as
        a picture of a training that still runs must be; it then stays as later epochs are added.
    dimension : int
        l: 2 for a canvas, 3 for `Landscape.figure` alone.
    seed : int
        Without effect, as nothing here is random; another seed fits anew.

    Examples
    --------
    >>> from dvi_widget import Run
    >>> run = Run("runs/digits")
    >>> view = DVI().fit(run)
    >>> view.transform(run.features(2, "test"), epoch=2).shape  # [n_test, 2]
    (40, 2)
    """

    def __new__(cls, method: str = "layout", **settings: Any) -> Any:
        """Build a `PaperDVI` if the method is "paper" or "dvi-t"."""
        if method == "dvi-t":
            layout, reconstruction, *_ = settings.pop("weights", (1.0, 1.0))
            settings["weights"] = (layout, reconstruction, 0.0)
        return PaperDVI(**settings) if method in {"paper", "dvi-t"} else super().__new__(cls)

    def __init__(
        self,
        method: str = "layout",
        *,
        k: int | None = None,
        boundary_k: int = 8,
        xb_weight: float = 0.65,
        bb_weight: float = 0.1,
        xb_cross: float | None = None,
        exaggeration: float = 1.0,
        cap: float = 1.5,
        iterations: tuple[int, int, int] = (100, 450, 100),
        joint: bool = True,
        dimension: int = 2,
        seed: int = 0,
    ) -> None:
        self.method = method
        self.k = k
        self.boundary_k = boundary_k
        self.xb_weight = xb_weight
        self.bb_weight = bb_weight
        self.xb_cross = xb_cross
        self.exaggeration = exaggeration
        self.cap = cap
        self.iterations = iterations
        self.joint = joint
        self.dimension = dimension
        self.seed = seed

    def _method(self) -> Method:
        settings = self.get_params(deep=False)
        del settings["seed"]
        if settings.pop("method") != "layout":
            raise ValueError(
                f'method must be "layout", "paper" or "dvi-t"; got {self.method!r}. Build the published '
                "method anew: PaperDVI()."
            )
        return Layout(**settings)


# Help and completion show the parameters that the constructor stores, not those that __new__ passes on.
DVI.__signature__ = inspect.signature(DVI.__init__).replace(
    parameters=[*inspect.signature(DVI.__init__).parameters.values()][1:]
)
