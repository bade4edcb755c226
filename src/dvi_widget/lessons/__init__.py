"""Lessons for teaching labs: notebooks with exercises, each made from one source with its solutions."""

from . import checks
from .making import lesson

__all__ = ["checks", "lesson"]
