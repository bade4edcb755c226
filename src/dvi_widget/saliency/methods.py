"""The table of attribution methods: one signature for all, and parameters described for a form."""

from __future__ import annotations

import numbers
import reprlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from dvi_widget.arrays import as_array

from . import attention, gradients, integration, perturbations
from .rules import LRP_RULES, Deconvolution, DeepTaylor, GuidedBackprop, Relevance, Rescale, Rule

__all__ = ["METHODS", "Method", "Parameter"]

Need = Literal["gradients", "maps", "attention"]

# Pictures per step of the methods that take one forward and one backward pass.
_EAGER_BATCH = 64


@dataclass(frozen=True)
class Parameter:
    """One parameter of a method, described for a form.

    Attributes
    ----------
    name : str
        Its name in ``attribute(..., name=value)``.
    kind : {"int", "float", "bool", "choice", "layer", "fill"}
        "layer" is the name of a module, None being the last convolution. "fill" is what covers pixels: one of
        `choices`, a number, a colour ``[C]`` or a picture ``[C, H, W]``.
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
        """Return the value as its kind, after checking it.

        Raises
        ------
        TypeError
            If it is of another kind.
        ValueError
            If it is out of range, or not one of the choices.
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
            raise TypeError(f"{self.name} must be {wanted[self.kind]}; got {type(value).__name__}.")
        if self.kind == "choice" and value not in self.choices:
            raise ValueError(f"{self.name} must be one of {', '.join(self.choices)}; got {value!r}.")
        if self.kind in {"int", "float"}:
            self._in_range(value)
            return int(value) if self.kind == "int" else float(value)
        if self.kind == "fill" and not isinstance(value, str):
            array = as_array(self.name, value)
            if array.dtype.kind not in "fiub" or not np.isfinite(array).all():
                raise ValueError(
                    f"{self.name} must be one of {', '.join(self.choices)}, or finite numbers; got "
                    f"{reprlib.repr(value)}."
                )
            return float(array) if array.ndim == 0 else array.astype(np.float32)
        return value

    def _in_range(self, value: Any) -> None:
        low = -np.inf if self.low is None else self.low
        high = np.inf if self.high is None else self.high
        if not low <= value <= high:
            raise ValueError(f"{self.name} must be in {low:g}..{high:g}; got {value}.")


@dataclass(frozen=True)
class Method:
    """One attribution method.

    Attributes
    ----------
    name, label, description : str
        The name in ``attribute(..., method=name)``, the words on a button, and one sentence.
    run : callable
        ``run(network, x [n, C, H, W], target, report, **parameters) -> Attributions``. `report` takes the
        share done, 0 to 1, and may raise to stop the method.
    parameters : tuple of Parameter
    needs : frozenset of {"gradients", "maps", "attention"}
        What the model must offer; "maps" is a layer with maps [n, channels, h, w], "attention" is that of
        the patches of a picture to each other.
    rule : type of Rule, optional
        The rule that replaces gradients. It must support all of the model's functions.
    eager : bool
        Whether it is quick enough to follow the pointer: one forward and one backward pass.
    completeness : str
        What a map sums to; empty if the method is not complete. The error of maps is measured against it.
    completeness_against : str
        The same for a class against another one.
    batch_size : int
        Pictures per step. Results of slow methods can be shown step by step.
    """

    name: str
    label: str
    description: str
    run: Callable[..., gradients.Attributions]
    parameters: tuple[Parameter, ...] = ()
    needs: frozenset[Need] = frozenset()
    rule: type[Rule] | None = None
    eager: bool = False
    completeness: str = ""
    completeness_against: str = ""
    batch_size: int = 1

    @property
    def contrasts(self) -> bool:
        """Whether it can explain a class against another one: the difference between their logits."""
        return "gradients" in self.needs

    def settings(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return all parameters, with defaults filled in and values checked.

        Raises
        ------
        TypeError, ValueError
            If a parameter is unknown, or its value is of the wrong kind or out of range.
        """
        unknown = set(given) - {parameter.name for parameter in self.parameters}
        if unknown:
            names = ", ".join(parameter.name for parameter in self.parameters)
            known = f"the parameters {names}" if names else "no parameters"
            raise TypeError(f"{self.name} takes {known}; got {', '.join(sorted(unknown))}.")
        settings = {p.name: p.checked(given.get(p.name, p.default)) for p in self.parameters}
        if settings.get("stride", 0) > settings.get("patch", np.inf):
            if "stride" in given:
                raise ValueError(
                    f"stride must be at most patch={settings['patch']}, else pixels are left out; got "
                    f"{settings['stride']}."
                )
            settings["stride"] = settings["patch"]
        return settings

    def describe(self) -> dict[str, Any]:
        """Return the entry as plain values, all that a form needs."""
        return {
            "name": self.name,
            "label": self.label,
            "description": self.description,
            "eager": self.eager,
            "contrasts": self.contrasts,
            "completeness": self.completeness,
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


_SEED = Parameter("seed", "int", 0, "Seed of the random draws.", low=0, high=2**31 - 1)
_PATCH = _count("patch", 4, "Side of a square, in pixels.", 1024)
_COVER = _fill(
    "mean",
    "What covers pixels: the picture's mean colour, zero, the picture without detail, or a colour.",
)
_REFERENCE = _fill("zero", "The picture without content; the difference to its logit is explained.")
_LAYER = Parameter(
    "layer", "layer", None, "The layer whose maps are weighted; the last convolution by default."
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
_COMPLETE_AGAINST = "The values sum to the difference between both logits, less that of the baseline."

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
            batch_size=_EAGER_BATCH,
        ),
        Method(
            "input_x_gradient",
            "Input × gradient",
            "The gradient times the pixel itself.",
            gradients.input_x_gradient,
            needs=frozenset({"gradients"}),
            eager=True,
            batch_size=_EAGER_BATCH,
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
            "The gradient integrated from a baseline to the picture.",
            integration.integrated_gradients,
            (
                _count("steps", 64, "Points on the way from the baseline."),
                _count("max_steps", 2048, "Points at most, where the values do not sum up with fewer."),
                _REFERENCE,
            ),
            frozenset({"gradients"}),
            completeness=_COMPLETE,
            completeness_against=_COMPLETE_AGAINST,
            batch_size=8,
        ),
        Method(
            "deep_lift",
            "DeepLIFT",
            "The difference to a baseline, handed back through each activation in proportion.",
            gradients.deep_lift,
            (_REFERENCE,),
            frozenset({"gradients"}),
            Rescale,
            eager=True,
            batch_size=_EAGER_BATCH,
            completeness=_COMPLETE,
            completeness_against=_COMPLETE_AGAINST,
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
            completeness="The values sum on average to the logit less the mean logit of the noisy baselines.",
            completeness_against=(
                "The values sum on average to the difference between both logits, less its mean for the "
                "noisy baselines."
            ),
        ),
        Method(
            "guided_backprop",
            "Guided backpropagation",
            "The gradient through ReLUs that send back positive values only. Clear to look at, nearly "
            "the same for every class.",
            gradients.guided_backprop,
            needs=frozenset({"gradients"}),
            rule=GuidedBackprop,
            eager=True,
            batch_size=_EAGER_BATCH,
        ),
        Method(
            "deconvolution",
            "Deconvolution",
            "The gradient through ReLUs that send back all positive values, whether they were active or not.",
            gradients.deconvolution,
            needs=frozenset({"gradients"}),
            rule=Deconvolution,
            eager=True,
            batch_size=_EAGER_BATCH,
        ),
        Method(
            "grad_cam",
            "Grad-CAM",
            "A layer's maps, each weighted by how much the logit depends on it on average.",
            gradients.grad_cam,
            (
                _LAYER,
                Parameter("relu", "bool", True, "Show only what speaks for the class, as in the paper."),
                Parameter(
                    "counterfactual",
                    "bool",
                    False,
                    "Show what speaks for other classes: the gradients negated.",
                ),
            ),
            frozenset({"gradients", "maps"}),
            eager=True,
            batch_size=_EAGER_BATCH,
        ),
        Method(
            "grad_cam_plus_plus",
            "Grad-CAM++",
            "Grad-CAM with pixel-wise weights of positive gradients, for several objects in one picture.",
            gradients.grad_cam_plus_plus,
            (_LAYER,),
            frozenset({"gradients", "maps"}),
            eager=True,
            batch_size=_EAGER_BATCH,
        ),
        Method(
            "guided_grad_cam",
            "Guided Grad-CAM",
            "Guided backpropagation times Grad-CAM.",
            gradients.guided_grad_cam,
            (_LAYER,),
            frozenset({"gradients", "maps"}),
            GuidedBackprop,
            eager=True,
            batch_size=_EAGER_BATCH,
        ),
        Method(
            "attention_rollout",
            "Attention rollout",
            "How much of each patch reaches what a transformer classifies, by its attention alone; the same "
            "for every class.",
            attention.attention_rollout,
            needs=frozenset({"attention"}),
            eager=True,
            batch_size=_EAGER_BATCH,
        ),
        Method(
            "lrp",
            "LRP",
            "The logit handed back layer by layer, to each input by its contribution.",
            gradients.lrp,
            (
                Parameter(
                    "rule",
                    "choice",
                    "epsilon",
                    "epsilon: all contributions; epsilon_plus: positive contributions only in convolutions; "
                    "alpha_beta: twice the positive less once the negative ones; w_square: squared weights.",
                    choices=tuple(LRP_RULES),
                ),
                Parameter(
                    "epsilon",
                    "float",
                    1e-6,
                    "Keeps denominators away from zero.",
                    low=1e-12,
                    high=10,
                ),
            ),
            frozenset({"gradients"}),
            Relevance,
            eager=True,
            batch_size=_EAGER_BATCH,
        ),
        Method(
            "deep_taylor",
            "Deep Taylor",
            "The logit handed back by positive contributions; in the first layer by the bounds of the input.",
            gradients.deep_taylor,
            needs=frozenset({"gradients"}),
            rule=DeepTaylor,
            completeness="The values sum to the logit.",
            completeness_against="The values sum to the difference between both logits.",
            batch_size=16,
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
            "How much the odds of the class fall when a square shows another part of the same picture.",
            perturbations.prediction_difference,
            (_PATCH, _count("samples", 8, "Other contents per square."), _SEED),
        ),
        Method(
            "lime",
            "LIME",
            "A linear model of the logit over visible and covered squares.",
            perturbations.lime,
            (
                _PATCH,
                _count("samples", 512, "Changed pictures that the linear model is fitted to.", 100000),
                Parameter(
                    "width",
                    "float",
                    0.25,
                    "How fast a changed picture's weight falls with its distance.",
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
            (_PATCH, _count("samples", 512, "Random coalitions.", 100000), _COVER, _SEED),
            completeness=_COMPLETE,
        ),
        Method(
            "shapley_sampling",
            "Shapley sampling",
            "Shapley values of squares, by adding them in random orders.",
            perturbations.shapley_sampling,
            (_PATCH, _count("permutations", 8, "Random orders."), _COVER, _SEED),
            completeness=_COMPLETE,
        ),
        Method(
            "rise",
            "RISE",
            "How much the logit rises when a random soft mask shows a pixel.",
            perturbations.rise,
            (
                _count("masks", 1024, "Random masks.", 100000),
                _count("cells", 7, "Cells of a mask along a side.", 64),
                Parameter("keep", "float", 0.5, "Open share of a mask.", low=0.05, high=0.95),
                _COVER,
                _SEED,
            ),
        ),
    )
}
