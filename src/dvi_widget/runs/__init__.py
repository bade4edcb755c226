"""A training run on disk: recording it, reading it, its samples."""

from .lightning import LightningCallback
from .reading import Run
from .recording import Recorder
from .storage import RunError

__all__ = ["LightningCallback", "Recorder", "Run", "RunError"]
