"""A training run on disk: recording it, reading it, its samples."""

from .array_recording import ArrayRecorder
from .checkpoints import record_checkpoints
from .reading import Run
from .recording import Recorder
from .storage import RunError

__all__ = [
    "ArrayRecorder",
    "Recorder",
    "Run",
    "RunError",
    "record_checkpoints",
]
