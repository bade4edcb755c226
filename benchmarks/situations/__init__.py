"""What people bring: a model and samples they have, the lines they write, and how that must end."""

from .judging import Outcome, Situation, judge

__all__ = ["Outcome", "Situation", "judge"]
