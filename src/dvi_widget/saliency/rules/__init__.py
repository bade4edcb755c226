"""Rules for what operations send back: by function call, not by module, so that `F.relu` counts as `nn.ReLU`.

A rule is a subclass of `Rule` with a method per kind of operation (`calls.Kind`); a relevance rule for linear
layers is a subclass of `LayerRule` with its terms. Both say in a few lines how a gradient propagates.
"""

from .calls import Call, CallMode, Kind, SeenCall
from .dependency import Dependency
from .propagation import Epsilon, Layer, LayerRule, Term, ZBox, ZPlus
from .rectifiers import Deconvolution, GuidedBackprop
from .relevance import LRP_RULES, DeepTaylor, EpsilonLRP, EpsilonPlusLRP, Relevance
from .rescale import Rescale
from .rule import Rule
from .trace import ModuleCall, Trace, TracedCall, places

__all__ = [
    "LRP_RULES",
    "Call",
    "CallMode",
    "Deconvolution",
    "DeepTaylor",
    "Dependency",
    "Epsilon",
    "EpsilonLRP",
    "EpsilonPlusLRP",
    "GuidedBackprop",
    "Kind",
    "Layer",
    "LayerRule",
    "ModuleCall",
    "Relevance",
    "Rescale",
    "Rule",
    "SeenCall",
    "Term",
    "Trace",
    "TracedCall",
    "ZBox",
    "ZPlus",
    "places",
]
