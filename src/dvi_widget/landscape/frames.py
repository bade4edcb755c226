"""A landscape: frames of positions over one painted plane, epoch by epoch."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dvi_widget.arrays import as_array, check_finite, check_path, check_whole
from dvi_widget.progress import Progress
from dvi_widget.texts import is_sendable

from . import saved
from .colors import class_colors, mistakes
from .events import MAX_PAIRS, events
from .frame import Frame
from .plane import as_point, extent_of
from .source import ABILITIES, KnowsFeatures, Measurable, Measures, Paints, RoundTrips, Sharpens

if TYPE_CHECKING:
    import plotly
    from typing_extensions import Self

MAX_RESOLUTION = 4096  # pixels along each side of a canvas
_ROOM = 0.3  # share of the width of all positions that is left free where they outgrew the extent
_CANVASES_IN_MEMORY = 64  # of engines that paint in a moment; 17 MB at 300 pixels a side

Ability = TypeVar("Ability")


class Landscape:
    """Frames in chronological order over one set of samples.

    Engines build it (`model.landscape()`); a person indexes, measures or draws it, or gives it to `Explorer`.
    All frames share one extent, a square around every position of every epoch, and one colour per class.

    Parameters
    ----------
    epochs : sequence of int
        Recorded numbers, ascending.
    positions : sequence of arrays [N, l]
        Per epoch, the positions of the samples.
    predictions : sequence of int arrays [N]
        Per epoch, the predicted classes.
    confidence : sequence of arrays [N]
        Per epoch, the probability of the predicted class, in [0, 1].
    classes : sequence of str
        Names of the classes.
    samples : DataFrame
        One row per sample, index 0..N−1, with columns split ("train" or "test") and label (−1: none).
    images : uint8 array [N, C, H, W], optional
        Pictures of the samples.
    source : object, optional
        The engine that paints canvases and takes measures (see `dvi_widget.landscape.source`).
    resolution : int
        Pixels R along each side of the canvas.
    name : str
        Name of this landscape beside another.
    scalars : DataFrame, optional
        Further numbers to show beside the epochs, such as a loss: one column each, indexed by epoch. Epochs
        without a number may be missing.

    Attributes
    ----------
    extent : tuple of float
        x0, x1, y0, y1 of every frame and canvas.
    scalars : DataFrame
        As given, one row per epoch; NaN where there is no number.

    Raises
    ------
    ValueError
        If epochs are not ascending, or arrays do not fit each other, or positions are not finite.
    """

    def __init__(
        self,
        epochs: Sequence[int],
        positions: Sequence[ArrayLike],
        predictions: Sequence[ArrayLike],
        confidence: Sequence[ArrayLike],
        *,
        classes: Sequence[str],
        samples: pd.DataFrame,
        images: NDArray[np.uint8] | None = None,
        source: Any = None,
        resolution: int = 300,
        name: str = "",
        scalars: pd.DataFrame | None = None,
    ) -> None:
        self.epochs = [int(epoch) for epoch in epochs]
        if not self.epochs or sorted(set(self.epochs)) != self.epochs:
            raise ValueError(f"epochs must be ascending numbers, at least one; got {self.epochs}.")
        counts = len(positions), len(predictions), len(confidence)
        if set(counts) != {len(self.epochs)}:
            raise ValueError(
                f"positions, predictions and confidence must hold one array per epoch, {len(self.epochs)}; "
                f"got {counts[0]}, {counts[1]} and {counts[2]}."
            )
        resolution = check_whole("resolution", resolution, 2, MAX_RESOLUTION)
        if images is not None and len(images) != len(samples):
            raise ValueError(
                f"images and samples must be of the same samples; got {len(images)} and {len(samples)} rows."
            )
        self.classes = [str(name) for name in classes]
        if not all(map(is_sendable, self.classes)):
            raise ValueError(f"classes must have names of whole characters; got {self.classes!r}.")
        labels = samples["label"].to_numpy()
        if len(labels) and not -1 <= labels.min() <= labels.max() < len(self.classes):
            wrong = labels.min() if labels.min() < -1 else labels.max()
            raise ValueError(
                f"samples must have labels in 0..{len(self.classes) - 1}, or −1 for none; got {wrong}."
            )
        self.samples = samples
        self.images = images
        self.source = source
        self.resolution = resolution
        self.name = name
        numbers = pd.DataFrame() if scalars is None else scalars
        self.scalars = numbers.reindex(pd.Index(self.epochs, name="epoch")).astype(float)
        self._trust: dict[int, NDArray[np.float32]] = {}
        self._colors: dict[str, list[str]] = {}
        self._painted: deque[Frame] = deque()
        self._frames = [
            self._frame(*parts) for parts in zip(self.epochs, positions, predictions, confidence, strict=True)
        ]
        self.extent = extent_of([frame.positions for frame in self._frames])

    def _frame(
        self, epoch: int, positions: ArrayLike, predictions: ArrayLike, confidence: ArrayLike
    ) -> Frame:
        """Check one epoch's arrays against the samples."""
        n = len(self.samples)
        y = np.ascontiguousarray(as_array("positions", positions), np.float32)
        c = as_array("predictions", predictions)
        p = np.asarray(as_array("confidence", confidence), np.float32)
        if y.ndim != 2 or not len(y) == len(c) == len(p) == n:
            raise ValueError(
                f"positions, predictions and confidence must be [{n}, l], [{n}] and [{n}], one row per "
                f"sample; got {y.shape}, {c.shape} and {p.shape} in epoch {epoch}."
            )
        check_finite(f"positions in epoch {epoch}", y)
        if c.dtype.kind not in "iu" or c.min(initial=0) < 0 or c.max(initial=0) >= len(self.classes):
            raise ValueError(
                f"predictions must be classes in 0..{len(self.classes) - 1}; got {c.dtype} in "
                f"{c.min(initial=0)}..{c.max(initial=0)} in epoch {epoch}."
            )
        return Frame(self, epoch, y, c.astype(np.int32), p)

    def __repr__(self) -> str:
        n, epochs = len(self.samples), len(self)
        return f"Landscape({n:,} samples, {epochs} epoch{'s' if epochs > 1 else ''})"

    def __len__(self) -> int:
        return len(self._frames)

    def __iter__(self) -> Iterator[Frame]:
        return iter(self._frames)

    def append(
        self,
        epoch: int,
        positions: ArrayLike,
        predictions: ArrayLike,
        confidence: ArrayLike,
        scalars: Mapping[Hashable, float] | None = None,
    ) -> bool:
        """Add the frame of a later epoch, of a training that goes on.

        Parameters
        ----------
        epoch : int
            Recorded number, later than those there are.
        positions : array [N, l]
        predictions : int array [N]
        confidence : array [N]
            As for the landscape.
        scalars : mapping of str to float, optional
            Further numbers of this epoch.

        Returns
        -------
        bool
            Whether the extent grew, because a position lies outside of it. It then leaves room for more, and
            canvases are painted anew.

        Raises
        ------
        ValueError
            If the epoch is not later, or arrays do not fit the samples. Nothing is added then.
        """
        epoch = check_whole("epoch", epoch)
        if epoch <= self.epochs[-1]:
            raise ValueError(f"epoch must be later than the last one, {self.epochs[-1]}; got {epoch}.")
        frame = self._frame(epoch, positions, predictions, confidence)
        if frame.positions.shape[1] != self._frames[0].positions.shape[1]:
            raise ValueError(
                f"positions must have {self._frames[0].positions.shape[1]} columns, as in other epochs; got "
                f"{frame.positions.shape[1]}."
            )
        numbers = {str(name): float(value) for name, value in (scalars or {}).items()}
        table = pd.concat([self.scalars, pd.DataFrame(numbers, index=[epoch])]).astype(float)
        table.index.name = self.scalars.index.name
        x0, x1, y0, y1 = self.extent
        (left, low), (right, high) = frame.positions[:, :2].min(0), frame.positions[:, :2].max(0)
        grows = bool(left < x0 or right > x1 or low < y0 or high > y1)
        self.scalars = table
        self._frames.append(frame)
        self.epochs.append(epoch)  # last, as another thread may look up its frame
        if grows:
            self.extent = extent_of([frame.positions for frame in self._frames], _ROOM)
            self._trust.clear()
            self._painted.clear()
            for earlier in self._frames:
                earlier.forget()
        return grows

    def keep_canvas(self, frame: Frame) -> None:
        """Keep the canvas that a frame has just painted, and let go of the one painted longest ago."""
        if isinstance(self.source, Sharpens):
            return
        self._painted.append(frame)
        if len(self._painted) > _CANVASES_IN_MEMORY:
            self._painted.popleft().forget()

    @overload
    def __getitem__(self, position: int) -> Frame: ...

    @overload
    def __getitem__(self, position: slice) -> list[Frame]: ...

    def __getitem__(self, position: int | slice) -> Frame | list[Frame]:
        return self._frames[position]

    def at(self, epoch: int) -> Frame:
        """Return the frame of a recorded epoch.

        Raises
        ------
        ValueError
            If that epoch is not part of the landscape.
        """
        if epoch not in self.epochs:
            raise ValueError(f"epoch must be part of this landscape, one of {self.epochs}; got {epoch!r}.")
        return self._frames[self.epochs.index(epoch)]

    @property
    def services(self) -> list[str]:
        """Names of the abilities that the source has, as in `dvi_widget.landscape.source.ABILITIES`."""
        return [name for name, ability in ABILITIES.items() if isinstance(self.source, ability)]

    def require(self, ability: type[Ability]) -> Ability:
        """Return the source, as something that has an ability.

        Parameters
        ----------
        ability : type
            A protocol of `dvi_widget.landscape.source`, or one made of several of these.

        Raises
        ------
        RuntimeError
            If the source lacks it.
        """
        missing = [
            name
            for name, part in ABILITIES.items()
            if part in ability.__mro__ and not isinstance(self.source, part)
        ]
        if missing:
            raise RuntimeError(
                f"This landscape cannot answer {', '.join(missing)}: it has no engine that can. Take it from "
                "a fitted model: model.fit(...).landscape()."
            )
        return self.source  # type: ignore[no-any-return]

    def colors(self, palette: str = "safe") -> list[str]:
        """Choose a colour for each class; every picture of this landscape has the same ones.

        Where classes outnumber the palette's own colours, those that are mistaken for each other at any epoch
        get colours far apart. Epochs appended later change none.

        Parameters
        ----------
        palette : str
            A name in `dvi_widget.landscape.PALETTES`; another raises ValueError.

        Returns
        -------
        list of str: "#rrggbb", one per class.
        """
        if palette not in self._colors:
            predictions = [frame.predictions for frame in self._frames]
            counts = mistakes(self.samples["label"].to_numpy(), predictions, len(self.classes))
            self._colors[palette] = class_colors(len(self.classes), palette, counts)
        return self._colors[palette]

    def require_plane(self) -> None:
        """Raise RuntimeError unless the landscape is two-dimensional."""
        dimension = self._frames[0].positions.shape[1]
        if dimension != 2:
            raise RuntimeError(
                f"This landscape has {dimension} dimensions; a canvas needs 2. Draw figure() instead."
            )

    def measures(
        self,
        k: int | Sequence[int] | None = None,
        rows: ArrayLike | None = None,
        decoded: ArrayLike | None = None,
        report: Progress | None = None,
    ) -> pd.DataFrame:
        """Measure how much the map preserves, on every epoch and split, beside what a placebo gets.

        An engine with figures of merit of its own (DeepView) returns these instead. On test, nn_pv and
        temporal_pv search among train ∪ test and average over the test samples, and boundary_pv uses the
        boundary set that took no part in the fit. On train, the neighbours searched while fitting are used
        if they are enough; from 20,000 samples on, about 99 in 100 of them are true ones.

        Parameters
        ----------
        k : int or sequence of int, optional
            Numbers of neighbours; by default 10, 15 and 20, or the number of other samples if that is less.
            If an epoch has fewer boundary samples than k, boundary_pv is left out.
        rows : array of int or bool, optional
            Average over these samples only; neighbours are searched among all.
        decoded : array of int or bool, optional
            Of these, decode only the ones named here for ppr, rec_pv and confidence_error, and paint no
            canvas for the measures of borders, if the engine is slow at decoding.
        report : callable, optional
            Called with the share of the work done, in (0, 1]. An exception it raises stops the work.

        Returns
        -------
        DataFrame
            Columns epoch, split, measure, k, value, placebo. What does not apply is <NA>; a value that is not
            defined (a correlation with something that does not vary) is NaN. The placebo is what a map
            without information gets on the same data: every sample at random in the disc of its prediction,
            and for motion a step of length 1 / overlap − 1 in a random direction.

            - trustworthiness, continuity: of 300 samples, drawn with a fixed seed.
            - purity, label_hit: share of the neighbours with the sample's prediction, or label, on the map;
              purity_of_representation, label_hit_of_representation: the same in the representation. A
              faithful map has both alike.
            - looks_pure: of the samples whose neighbours are mixed, the share that the map surrounds by one
              prediction. Lower is better.
            - class_distance, triplets: distances between the means of the labels' classes, and of triplets of
              samples, in the representation and on the map.
            - margin: Spearman's correlation of a sample's distance to the drawn border with the log-odds of
              its two likeliest classes.
            - delta_recall: share of the δ-boundary samples that lie within 1 % of the canvas' side of a drawn
              border; delta_precision: share of the drawn border, as far as it runs within 5 % of a sample,
              that has a δ-boundary sample so near. As many other samples serve as placebo.
            - confidence_error: of the samples with a confidence of at most 2/3, the mean difference between
              it and the confidence painted at their place. Lower is better. The placebo paints the mean
              confidence of each prediction.
            - move_change, move_neighbors: Spearman's correlation of how far samples moved with the change of
              their distance ranks to 300 landmark samples, and with the neighbours they lost.
            - sign_agreement: of the distances between neighbours of this epoch and of the one before, the
              share that grows or shrinks on the map as in the representation.
            - nn_pv, boundary_pv, ppr, rec_pv, temporal_pv (over all epochs: without epoch; the form quoted)
              and temporal_pv_pooled (for the transition that ends in the epoch): the paper's. ppr and rec_pv
              are left out where the engine has no way back from the canvas. A placebo gets a ppr of 1 and a
              temporal_pv near −1: these say little by themselves. On test, ppr says how many unseen samples
              lie on land of their own prediction.
            - temporal_undefined: share of the samples whose correlation in temporal_pv is not defined, and
              counts as 0.

        Raises
        ------
        RuntimeError
            If the landscape has no engine that can answer.
        ValueError
            If k exceeds the number of other samples, or rows name none.
        """
        if isinstance(self.source, Measures):
            return self.source.measures()
        self.require(Measurable)  # before torch is loaded, which may not be there
        from . import measuring  # noqa: PLC0415 - loads torch

        return measuring.measure(self, k, rows, decoded, report)

    def trust(self, epoch: int, report: Progress | None = None) -> NDArray[np.float32]:
        """Measure the round-trip error: decode each pixel, project it again, measure how far it moved.

        Where it is large, the canvas shows what the decoder invented: no representation that the projection
        knows belongs there. Pixels far from any sample are of that kind. On the last epoch of the MNIST
        reference run, 61 units wide, the median error is 0.6 for pixels within 1 of a sample, 4 at 1 to 3,
        and 11 beyond; 48 % of all pixels lie beyond.

        Parameters
        ----------
        epoch : int
            Recorded number.
        report : callable, optional
            Called with the share of the work done, in (0, 1]. An exception it raises stops the work.

        Returns
        -------
        float32 [100, 100]
            Distance on the canvas, in units of `extent`, between the centre of each pixel of a 100 × 100 grid
            and φ(ψ(centre)). Row 0 has the lowest y. Computed on the first call, then kept.

        Raises
        ------
        ValueError
            If that epoch is not part of the landscape.
        RuntimeError
            If the landscape has no engine that decodes and projects, or is not two-dimensional.
        """
        self.at(epoch)
        if epoch not in self._trust:
            self.require(RoundTrips)
            from . import measuring  # noqa: PLC0415 - loads torch

            self._trust[epoch] = measuring.round_trip_error(self, epoch, report)
        return self._trust[epoch]

    def crossings(self, epoch: int, a: ArrayLike, b: ArrayLike) -> pd.DataFrame:
        """Find where the predicted class changes along the line between two points of the plane.

        The line is decoded and classified at 256 points; each change between two of them is then narrowed
        down by bisection.

        Parameters
        ----------
        epoch : int
            Recorded number.
        a, b : array [2]
            The ends of the line, in units of `extent`.

        Returns
        -------
        DataFrame
            One row per change, in order: `t` in (0, 1) (share of the line), `x`, `y` (the point), `before`,
            `after` (class indices).

        Raises
        ------
        ValueError
            If that epoch is not part of the landscape, or a or b is no point.
        RuntimeError
            If the landscape has no engine that decodes, or is not two-dimensional.
        """
        self.at(epoch)
        self.require(Paints)
        from . import measuring  # noqa: PLC0415 - loads torch

        return measuring.crossings(self, epoch, as_point("a", a), as_point("b", b))

    def neighbor_loss(
        self, epoch: int, k: int | None = None, report: Progress | None = None
    ) -> NDArray[np.float64]:
        """Measure the share of its nearest neighbours that each sample loses on the map: 1 − its own nn_pv.

        Parameters
        ----------
        epoch : int
            Recorded number.
        k : int, optional
            Neighbours per sample, among the training samples; for test samples among all. By default 15, or
            the number of other samples if that is less.
        report : callable, optional
            Called with the share of the work done, in (0, 1]. An exception it raises stops the work.

        Returns
        -------
        float64 [N]
            In [0, 1].

        Raises
        ------
        ValueError
            If that epoch is not part of the landscape, or k exceeds the number of other samples.
        RuntimeError
            If the landscape has no engine that knows the representations.
        """
        self.at(epoch)
        if k is not None:
            k = check_whole("k", k, 1)
        self.require(KnowsFeatures)
        from . import measuring  # noqa: PLC0415 - loads torch

        return measuring.neighbor_loss(self, epoch, k, report)

    def events(self, pairs: int = MAX_PAIRS) -> pd.DataFrame:
        """List what each epoch changed: classes that fell, pairs of classes that merged or parted, and so on.

        Of labelled samples those of the split "test" are compared, or all if there are none. A pair merges if
        its samples are taken for each other more often, and parts if less often; see
        `dvi_widget.landscape.events.events` for when a change counts.

        Parameters
        ----------
        pairs
            How many pairs that merged to list at most for an epoch, and as many that parted.

        Returns
        -------
        DataFrame
            One row per event, by epoch: `epoch` and the one `before` it, `event` ("changed", "fell",
            "merged", "parted"), `classes` (tuple of indices), `change` (of the share of samples), `samples`
            (how many).
        """
        labels = self.samples["label"].to_numpy()
        test = (self.samples["split"] == "test").to_numpy() & (labels >= 0)
        compared = np.where(test, labels, -1) if test.any() else labels
        rows = [
            (after.epoch, before.epoch, *event)
            for before, after in pairwise(self)
            for event in events(compared, before.predictions, after.predictions, pairs)
        ]
        return pd.DataFrame(rows, columns=["epoch", "before", "event", "classes", "change", "samples"])

    def figure(self, epoch: int | None = None) -> plotly.graph_objects.Figure:
        """Draw the landscape with plotly.

        Parameters
        ----------
        epoch : int, optional
            Draw this recorded epoch alone. Without it all epochs, with a slider and a play button.

        Returns
        -------
        plotly.graph_objects.Figure
            Painted canvas below, samples in the colour of their label above it; hover shows label, prediction
            and confidence. In three dimensions, the samples alone. Class names are shown as text, whatever
            they contain.

        Raises
        ------
        ValueError
            If that epoch is not part of the landscape.
        RuntimeError
            If the canvas cannot be painted (see `Frame.canvas`).
        """
        from . import figure  # noqa: PLC0415 - loads plotly

        return figure.draw(self, self._frames if epoch is None else [self.at(epoch)])

    def save(
        self, path: str | os.PathLike[str], epochs: Sequence[int] | None = None, size: int = 600
    ) -> Path:
        """Write the training as a moving picture, or the landscape as a file that opens without torch.

        In a GIF or film points move, territories morph, and classes are named. A ``.dvi`` file holds what the
        explorer shows by itself: the samples with their pictures and texts, and the positions, predictions,
        confidences, logits and canvases of every epoch, which are painted now where they were not yet. It
        holds neither representations nor the network: measures, similar samples and what lies between
        samples need those. `load` reads it. Of the table of samples, numbers and truth values stay as they
        are; all else becomes text.

        Parameters
        ----------
        path
            Ends in ``.dvi``, ``.gif`` or ``.mp4``, which needs imageio-ffmpeg
            (``pip install dvi-widget[video]``).
            A file that is there is replaced once the new one is whole.
        epochs : sequence of int, optional
            Recorded numbers, in the order in which they are shown; by default all. Up to 400; the more there
            are, the fewer pictures lie between them.
        size : int
            Side of the map in pixels, 120 to 1600.

        Returns
        -------
        Path
            Where it was written.

        Raises
        ------
        ValueError
            If the path has another ending, epochs are chosen for a ``.dvi`` file, an epoch is not part of the
            landscape, there are too many of them, or the size is out of range.
        RuntimeError
            If the landscape is not two-dimensional.
        ImportError
            If an MP4 is asked for and imageio-ffmpeg is not installed.
        """
        if saved.meant(check_path("path", path)):
            if epochs is not None:
                raise ValueError(f"epochs must be left out for a {saved.SUFFIX} file; got {epochs!r}.")
            return saved.save(self, path)
        from . import animation  # noqa: PLC0415 - draws, which few do

        return animation.save(self, path, epochs, size)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a landscape that `save` wrote to a ``.dvi`` file. Nothing in the file is run.

        Parameters
        ----------
        path
            The file.

        Returns
        -------
        Landscape
            Its frames equal those that were saved; `Explorer` shows it as it showed those.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        DamagedFileError
            If it holds something else, or was written by a newer version; a ValueError.
        """
        return saved.load(cls, check_path("path", path).expanduser())
