"""A training run on disk: recording it, reading it, its samples."""

from .array_recording import ArrayRecorder
from .callbacks import HuggingFaceCallback, LightningCallback
from .checkpoints import record_checkpoints
from .reading import Run
from .recording import Recorder
from .storage import RunError

__all__ = [
    "ArrayRecorder",
    "HuggingFaceCallback",
    "LightningCallback",
    "Recorder",
    "Run",
    "RunError",
    "record_checkpoints",
]
