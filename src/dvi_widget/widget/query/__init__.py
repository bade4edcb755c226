"""The filter language: which samples to show, as one line of text.

The front end understands the same language; ``tests/query_cases.json`` holds both to it.
"""

from .grammar import Condition, Problem, Query, Vocabulary
from .holds import Samples, holds
from .parse import parse

__all__ = ["Condition", "Problem", "Query", "Samples", "Vocabulary", "holds", "parse"]
