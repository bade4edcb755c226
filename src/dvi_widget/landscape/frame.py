"""One epoch of a landscape: positions, predictions, and the canvas that is painted below them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dvi_widget.progress import Progress

from .canvas import Canvas
from .paint import paint
from .source import Paints, Sharpens

if TYPE_CHECKING:
    from .frames import Landscape


class Frame:
    """One epoch of a landscape.

    Attributes
    ----------
    epoch : int
        The recorded number.
    positions : float32 [N, l]
        Positions of the samples, in units of `Landscape.extent`.
    predictions : int32 [N]
        Predicted class of each sample.
    confidence : float32 [N]
        Probability of the predicted class, in [0, 1].
    """

    def __init__(
        self,
        landscape: Landscape,
        epoch: int,
        positions: NDArray[np.float32],
        predictions: NDArray[np.integer],
        confidence: NDArray[np.float32],
    ) -> None:
        self.epoch = epoch
        self.positions = positions
        self.predictions = predictions
        self.confidence = confidence
        self._landscape = landscape
        self._canvas: Canvas | None = None
        self._lock = threading.Lock()

    @property
    def painted(self) -> bool:
        """Whether the canvas has been painted."""
        return self._canvas is not None

    @property
    def paintable(self) -> bool:
        """Whether the canvas has been painted, or can be."""
        return self.painted or isinstance(self._landscape.source, (Paints, Sharpens))

    @property
    def canvas(self) -> Canvas:
        """The plane decoded and classified pixel by pixel; painted on first access, then kept for a while.

        Of engines that paint in a moment, the 64 painted last are kept.

        Returns
        -------
        Canvas
            A named tuple (classes, shade, margin), each [R, R]; row 0 has the lowest y.

        Raises
        ------
        RuntimeError
            If the landscape cannot paint: its source lacks the ability, or it is not two-dimensional.
        """
        return self.paint()

    def paint(
        self,
        report: Progress | None = None,
        show: Callable[[Canvas], object] | None = None,
    ) -> Canvas:
        """Paint the canvas unless it has been painted, and return it (see `canvas`).

        Parameters
        ----------
        report : callable, optional
            Called with the share of the work done, in (0, 1]. An exception it raises stops the painting and
            is passed on; nothing half painted is kept.
        show : callable, optional
            Called with the canvas as far as it is known, ever finer, by engines that paint from coarse to
            fine.

        Raises
        ------
        RuntimeError
            As for `canvas`.
        """
        with self._lock:
            if self._canvas is not None:
                return self._canvas
            canvas = self._canvas = self._paint(report, show)
        self._landscape.keep_canvas(self)  # without the lock, as it takes those of other frames
        return canvas

    def restore(self, canvas: Canvas) -> None:
        """Take over a canvas that was painted before, and saved.

        Raises
        ------
        ValueError
            If its parts are not as `canvas` says.
        """
        side, count = self._landscape.resolution, len(self._landscape.classes)
        kinds = (np.uint8, np.uint16), (np.uint8,), (np.uint8,)
        for name, part, kind in zip(canvas._fields, canvas, kinds, strict=True):
            if part.shape != (side, side) or part.dtype not in kind:
                raise ValueError(
                    f"{name} of a canvas must be [{side}, {side}] of {kind[-1].__name__}; got {part.dtype} "
                    f"{part.shape}."
                )
        if canvas.classes.max() >= count:
            raise ValueError(f"classes of a canvas must be in 0..{count - 1}; got {canvas.classes.max()}.")
        with self._lock:
            self._canvas = canvas

    def forget(self) -> None:
        """Let go of the painted canvas: the next access paints it anew."""
        with self._lock:
            self._canvas = None

    def sharpen(self) -> Iterator[tuple[Canvas, float]]:
        """Paint from coarse to fine.

        Yields
        ------
        Canvas
            Ever finer; the last one is the canvas. They are not changed afterwards.
        share : float
            Part of the work that is done, in (0, 1].

        Raises
        ------
        RuntimeError
            If the engine behind this landscape paints in one go.
        """
        landscape = self._landscape
        source = landscape.require(Sharpens)
        yield from source.sharpen(self.epoch, landscape.extent, landscape.resolution)

    def _paint(
        self,
        progress: Progress | None,
        show: Callable[[Canvas], object] | None,
    ) -> Canvas:
        """Paint coarse to fine if the source can, else some rows at a time."""
        landscape = self._landscape
        if isinstance(landscape.source, Sharpens):
            for canvas, share in self.sharpen():
                if progress is not None:
                    progress(share)
                if show is not None and share < 1:
                    show(canvas)
        else:
            source = landscape.require(Paints)
            landscape.require_plane()
            canvas = paint(
                source,
                self.epoch,
                landscape.extent,
                landscape.resolution,
                len(landscape.classes),
                progress,
            )
        for part in canvas:
            part.flags.writeable = False
        return canvas
