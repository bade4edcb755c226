"""DeepVID: one prediction explained by a linear student of what the classifier does round the picture."""

from .along import Along, Crossing
from .directions import Directions, Intervals
from .fidelity import Fidelity, divergence
from .neighbors import Neighborhood, Neighbors
from .search import search
from .student import LinearStudent
from .vae import VAE

__all__ = [
    "VAE",
    "Along",
    "Crossing",
    "Directions",
    "Fidelity",
    "Intervals",
    "LinearStudent",
    "Neighborhood",
    "Neighbors",
    "divergence",
    "search",
]
