"""The table of attribution methods: one signature for all, and parameters that a form can be drawn from."""

from __future__ import annotations

import numbers
import reprlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch

from . import gradients, perturbations

__all__ = ["METHODS", "Method", "Parameter"]

Need = Literal["gradients", "relu", "deep_lift", "lrp", "maps"]


@dataclass(frozen=True)
class Parameter:
    """One parameter of a method, as a form shows it.

    Attributes
    ----------
    name : str
        Its name in ``attribute(..., name=value)``.
    kind : {"int", "float", "bool", "choice", "layer", "fill"}
        "layer" is the name of a module; None stands for the last convolution. "fill" says what covers pixels:
        one of `choices`, a number, a colour ``[C]`` or a picture ``[C, H, W]``.
    default : object
    description : str
        One sentence.
    low, high : float or None
        Inclusive range of a number.
    choices : tuple of str
    """

    name: str
    kind: Literal["int", "float", "bool", "choice", "layer", "fill"]
    default: Any
    description: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()

    def checked(self, value: Any) -> Any:
        """The value, or an error that says what would do.

        Raises
        ------
        TypeError
            If it is of another kind.
        ValueError
            If it is out of range, or none of the choices.
        """
        wanted = {
            "int": "a whole number",
            "float": "a number",
            "bool": "True or False",
            "layer": "a layer's name or None",
        }
        fits = {
            "int": isinstance(value, numbers.Integral) and not isinstance(value, bool),
            "float": isinstance(value, numbers.Real) and not isinstance(value, bool),
            "bool": isinstance(value, (bool, np.bool_)),
            "layer": value is None or isinstance(value, str),
        }
        if not fits.get(self.kind, True):
            raise TypeError(f"{self.name}: must be {wanted[self.kind]}, found {type(value).__name__}")
        if self.kind == "choice" and value not in self.choices:
            raise ValueError(f"{self.name}: {value!r} is none of {', '.join(map(repr, self.choices))}")
        if self.kind in {"int", "float"}:
            self._in_range(value)
            return int(value) if self.kind == "int" else float(value)
        if self.kind == "fill" and not isinstance(value, str):
            array = value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
            if array.dtype.kind not in "fiub" or not np.isfinite(array).all():
                raise ValueError(
                    f"{self.name}: must be one of {', '.join(self.choices)}, or finite numbers; found "
                    f"{reprlib.repr(value)}"
                )
            return float(array) if array.ndim == 0 else array.astype(np.float32)
        return value

    def _in_range(self, value: Any) -> None:
        low = -np.inf if self.low is None else self.low
        high = np.inf if self.high is None else self.high
        if not low <= value <= high:
            raise ValueError(f"{self.name}: must lie in {low:g} … {high:g}, found {value}")


@dataclass(frozen=True)
class Method:
    """One attribution method.

    Attributes
    ----------
    name, label, description : str
        The name in ``attribute(..., method=name)``, the words on a button, and one sentence.
    run : callable
        ``run(network, x [n, C, H, W], target [n], report, **parameters)`` gives maps ``[n, H, W]`` and what
        each should sum to, ``[n]``, or None where no law of completeness holds. `report` takes the share done
        and may raise to stop it.
    parameters : tuple of Parameter
    needs : frozenset of str
        What the model must offer: "gradients", "relu" (no activation but ReLU), "deep_lift" and "lrp" (a rule
        for each of its functions), "maps" (a layer with maps [n, channels, h, w]).
    eager : bool
        Quick enough to follow the pointer: one forward and one backward pass.
    law : str
        The law that the map's error is measured against; empty where there is none.
    several : int
        How many pictures a slow method takes in one go.
    """

    name: str
    label: str
    description: str
    run: Callable[..., gradients.Answer]
    parameters: tuple[Parameter, ...] = ()
    needs: frozenset[Need] = frozenset()
    eager: bool = False
    law: str = ""
    several: int = 1

    @property
    def at_once(self) -> int:
        """How many pictures it makes maps of in one go; slow ones are shown as each is ready."""
        return 64 if self.eager else self.several

    def settings(self, given: dict[str, Any]) -> dict[str, Any]:
        """All parameters, defaults filled in and values checked.

        Raises
        ------
        TypeError, ValueError
            If one is unknown, or its value does not do.
        """
        unknown = set(given) - {parameter.name for parameter in self.parameters}
        if unknown:
            known = ", ".join(parameter.name for parameter in self.parameters) or "none"
            raise TypeError(f"{', '.join(sorted(unknown))}: not a parameter of {self.name}; it has: {known}")
        settings = {p.name: p.checked(given.get(p.name, p.default)) for p in self.parameters}
        if settings.get("stride", 0) > settings.get("patch", np.inf):
            if "stride" in given:
                raise ValueError(
                    f"stride: at most the side of a square (patch={settings['patch']}), else pixels are left "
                    f"out; found {settings['stride']}"
                )
            settings["stride"] = settings["patch"]
        return settings

    def describe(self) -> dict[str, Any]:
        """The entry as plain values for a front end: name, label, description, parameters, eager, law."""
        return {
            "name": self.name,
            "label": self.label,
            "description": self.description,
            "eager": self.eager,
            "law": self.law,
            "parameters": [
                {
                    "name": p.name,
                    "kind": p.kind,
                    "default": p.default,
                    "description": p.description,
                    "low": p.low,
                    "high": p.high,
                    "choices": list(p.choices),
                }
                for p in self.parameters
            ],
        }


def _fill(default: str, description: str) -> Parameter:
    return Parameter("baseline", "fill", default, description, choices=("mean", "zero", "blur"))


def _count(name: str, default: int, description: str, high: int = 10000) -> Parameter:
    return Parameter(name, "int", default, description, low=1, high=high)


_SEED = Parameter(
    "seed", "int", 0, "Seed of the random draws; the same seed gives the same map.", low=0, high=2**31 - 1
)
_PATCH = _count("patch", 4, "Side of a square, in pixels.", 1024)
_COVER = _fill(
    "mean",
    "What covers pixels: the picture's mean colour, zero, the picture without detail, or a colour of "
    "your own.",
)
_REFERENCE = _fill(
    "zero", "The picture that stands for nothing: the effect explained is the difference to it."
)
_LAYER = Parameter(
    "layer", "layer", None, "The layer whose maps are weighted; the last convolution unless another is named."
)
_NOISE = Parameter(
    "noise",
    "float",
    0.15,
    "Standard deviation of the noise, as a share of the picture's range.",
    low=0,
    high=1,
)
_COMPLETE = "The values sum to the logit less the logit of the baseline."

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method(
            "gradient",
            "Gradient",
            "How fast the logit grows with each pixel.",
            gradients.gradient,
            needs=frozenset({"gradients"}),
            eager=True,
        ),
        Method(
            "input_x_gradient",
            "Input × gradient",
            "The gradient times the pixel itself.",
            gradients.input_x_gradient,
            needs=frozenset({"gradients"}),
            eager=True,
        ),
        Method(
            "smoothgrad",
            "SmoothGrad",
            "The gradient averaged over noisy copies of the picture.",
            gradients.smoothgrad,
            (_count("samples", 32, "Noisy copies per picture."), _NOISE, _SEED),
            frozenset({"gradients"}),
        ),
        Method(
            "integrated_gradients",
            "Integrated gradients",
            "The gradient gathered on the way from a baseline to the picture.",
            gradients.integrated_gradients,
            (_count("steps", 64, "Points on the way."), _REFERENCE),
            frozenset({"gradients"}),
            law=_COMPLETE,
            several=8,
        ),
        Method(
            "deep_lift",
            "DeepLIFT",
            "Differences to a baseline, handed back through each activation in proportion.",
            gradients.deep_lift,
            (_REFERENCE,),
            frozenset({"gradients", "deep_lift"}),
            eager=True,
            law=_COMPLETE,
        ),
        Method(
            "gradient_shap",
            "Gradient SHAP",
            "The gradient at random points between noisy baselines and the picture.",
            gradients.gradient_shap,
            (
                _count("samples", 128, "Random points per picture."),
                replace(_NOISE, default=0.05),
                _REFERENCE,
                _SEED,
            ),
            frozenset({"gradients"}),
            law="The values sum, on average, to the logit less the mean logit of the noisy baselines.",
        ),
        Method(
            "guided_backprop",
            "Guided backpropagation",
            "The gradient through ReLUs that let only positive values back. Clean to look at, nearly "
            "the same for every class.",
            gradients.guided_backprop,
            needs=frozenset({"gradients", "relu"}),
            eager=True,
        ),
        Method(
            "deconvolution",
            "Deconvolution",
            "The gradient through ReLUs that ignore what they passed and let only positive values back.",
            gradients.deconvolution,
            needs=frozenset({"gradients", "relu"}),
            eager=True,
        ),
        Method(
            "grad_cam",
            "Grad-CAM",
            "A layer's maps, each weighted by how much the logit depends on it on average.",
            gradients.grad_cam,
            (
                _LAYER,
                Parameter("relu", "bool", True, "Show only what speaks for the class, as the paper does."),
            ),
            frozenset({"gradients", "maps"}),
            eager=True,
        ),
        Method(
            "grad_cam_plus_plus",
            "Grad-CAM++",
            "Grad-CAM with pixel-wise weights of positive gradients, for several objects in one picture.",
            gradients.grad_cam_plus_plus,
            (_LAYER,),
            frozenset({"gradients", "maps"}),
            eager=True,
        ),
        Method(
            "guided_grad_cam",
            "Guided Grad-CAM",
            "Guided backpropagation seen through Grad-CAM.",
            gradients.guided_grad_cam,
            (_LAYER,),
            frozenset({"gradients", "relu", "maps"}),
            eager=True,
        ),
        Method(
            "lrp",
            "LRP",
            "The logit handed back layer by layer, to each input by its share.",
            gradients.lrp,
            (
                Parameter(
                    "rule",
                    "choice",
                    "epsilon",
                    "epsilon: every share; epsilon_plus: positive shares only in convolutions.",
                    choices=("epsilon", "epsilon_plus"),
                ),
                Parameter(
                    "epsilon",
                    "float",
                    1e-6,
                    "What keeps small denominators away from zero.",
                    low=1e-12,
                    high=10,
                ),
            ),
            frozenset({"gradients", "lrp"}),
            eager=True,
        ),
        Method(
            "deep_taylor",
            "Deep Taylor",
            "The logit handed back by positive shares only; the first layer by the bounds of its input.",
            gradients.deep_taylor,
            needs=frozenset({"gradients", "lrp"}),
            law="The values sum to the logit.",
            several=16,
        ),
        Method(
            "occlusion",
            "Occlusion",
            "How much the logit falls when a square is covered.",
            perturbations.occlusion,
            (
                _PATCH,
                _count(
                    "stride", 2, "Pixels from one square to the next; at most the side of a square.", 1024
                ),
                _COVER,
            ),
        ),
        Method(
            "prediction_difference",
            "Prediction difference",
            "How much the odds of the class fall when a square shows something else from the same picture.",
            perturbations.prediction_difference,
            (_PATCH, _count("samples", 8, "Other contents tried per square."), _SEED),
        ),
        Method(
            "lime",
            "LIME",
            "A linear model of the logit over squares kept or covered.",
            perturbations.lime,
            (
                _PATCH,
                _count("samples", 512, "Changed pictures the linear model is fitted to.", 100000),
                Parameter(
                    "width",
                    "float",
                    0.25,
                    "How quickly a changed picture loses weight with its distance.",
                    low=0.01,
                    high=10,
                ),
                _COVER,
                _SEED,
            ),
        ),
        Method(
            "kernel_shap",
            "Kernel SHAP",
            "Shapley values of squares, by weighted least squares over random coalitions.",
            perturbations.kernel_shap,
            (_PATCH, _count("samples", 512, "Coalitions drawn.", 100000), _COVER, _SEED),
            law=_COMPLETE,
        ),
        Method(
            "shapley_sampling",
            "Shapley sampling",
            "Shapley values of squares, by adding them in random orders.",
            perturbations.shapley_sampling,
            (_PATCH, _count("permutations", 8, "Random orders."), _COVER, _SEED),
            law=_COMPLETE,
        ),
        Method(
            "rise",
            "RISE",
            "How much better the logit is when a pixel is seen through a random soft mask.",
            perturbations.rise,
            (
                _count("masks", 1024, "Random masks.", 100000),
                _count("cells", 7, "Cells of a mask along a side.", 64),
                Parameter("keep", "float", 0.5, "Share of a mask that is open.", low=0.05, high=0.95),
                _COVER,
                _SEED,
            ),
        ),
    )
}
