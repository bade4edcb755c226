"""One situation: its lines are run as they stand, and what was recorded is compared with the model itself."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import dvi_widget as dvi

TOLERANCE = 1e-5  # of the largest logit: rounding of batches that are computed in another order

Given = dict[str, Any]


@dataclass(frozen=True)
class Situation:
    """A model and samples, and the lines that their owner writes.

    Attributes
    ----------
    name : str
        What is brought.
    given : callable
        Makes what the user has: the names that the lines use. Two of them are for the judge: ``own()``
        returns what the model itself says, logits [N, C] of a recorded run or classes [N] of a map, and is
        left out where the lines make attributions; ``folder`` is added.
    lines : str
        What the user writes, beyond imports and the training itself.
    says : str, optional
        A pattern: the lines are refused, with an error of this message.
    cure : str, optional
        What the user writes once the message has been read; needed with `says`.
    warns : str, optional
        A pattern that one of the warnings has.
    needs : tuple of str
        Modules from the optional extra.
    """

    name: str
    given: Callable[[], Given]
    lines: str
    says: str = ""
    cure: str = ""
    warns: str = ""
    needs: tuple[str, ...] = ()

    @property
    def missing(self) -> list[str]:
        """Modules that it needs and that are not installed."""
        return [name for name in self.needs if find_spec(name) is None]

    @property
    def written(self) -> str:
        """The lines that work: the cure's, if the first are refused."""
        return (self.cure or self.lines).strip()


@dataclass(frozen=True)
class Outcome:
    """How a situation ended.

    Attributes
    ----------
    verdict : {"works", "refused with the cure", "not"}
    why : str
        What went wrong, or the message that names the cure.
    error : float, optional
        Of a recorded run: largest difference from the model's own logits, as a share of the largest of these.
    """

    verdict: str
    why: str = ""
    error: float | None = None


def judge(situation: Situation, folder: Path, *, mapped: bool = False) -> Outcome:
    """Run the lines of a situation, and say how it ends.

    Parameters
    ----------
    situation
        Its modules must be there.
    folder
        An empty folder.
    mapped
        Whether a landscape must follow from what was recorded.
    """
    if situation.says:
        refused = _refused(situation, folder / "refused")
        if refused.verdict == "not":
            return refused
    try:
        error = _run(situation, situation.written, folder / "taken", mapped)
    except Exception as failure:  # noqa: BLE001 - whatever it is, it is the answer
        return Outcome("not", f"{type(failure).__name__}: {failure}")
    if error is not None and not error <= TOLERANCE:
        return Outcome("not", f"differs from the model by {error:.2g}", error)
    return (
        Outcome("refused with the cure", refused.why, error)
        if situation.says
        else Outcome("works", "", error)
    )


def _refused(situation: Situation, folder: Path) -> Outcome:
    """Whether the lines are refused with the words that they must be, and nothing is written."""
    try:
        _execute(situation.given(), situation.lines, folder)
    except (TypeError, ValueError, RuntimeError) as error:
        message = " ".join(str(error).split())
        if not re.search(situation.says, message):
            return Outcome("not", f"says {type(error).__name__}: {message}")
        if any((folder / "run" / "epochs").glob("*")):
            return Outcome("not", "left an epoch behind")
        return Outcome("refused with the cure", message)
    return Outcome("not", "is taken, and should be refused")


def _run(situation: Situation, lines: str, folder: Path, mapped: bool) -> float | None:
    """Run lines that must work, and compare what they made with the model."""
    given = situation.given()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        _execute(given, lines, folder)
    said = [str(warning.message) for warning in caught]
    if situation.warns and not any(re.search(situation.warns, text) for text in said):
        raise AssertionError(f"does not warn of {situation.warns!r}; it says {said}")
    if "maps" in given:
        values = given["maps"].values
        assert np.isfinite(values).all(), "attributions are not finite"
        assert np.ptp(values) > 0, "attributions are empty"
        return None
    if "landscape" in given:
        predictions = given["landscape"][0].predictions
        assert (predictions == given["own"]()).all(), "the map's predictions are not the model's"
        return None
    model = given.get("model")
    run = dvi.Run(given["folder"], model=model if isinstance(model, torch.nn.Module) else None)
    epoch = run.epochs[-1]
    if mapped:
        positions = dvi.DVI().fit(run).landscape(resolution=20)[0].positions
        assert np.isfinite(positions).all(), "the map is not finite"
    return _difference(run.logits(epoch, "all"), np.asarray(given["own"]()))


def _execute(given: Given, lines: str, folder: Path) -> None:
    """Run lines of a user, in what the user has."""
    folder.mkdir(parents=True)
    given |= {"folder": folder / "run", "dvi": dvi, "np": np, "torch": torch, "nn": torch.nn}
    exec(compile(lines.strip(), "<lines>", "exec"), given)  # what is shown is what is run


def _difference(recorded: NDArray[Any], own: NDArray[Any]) -> float:
    """Return the largest difference of logits as a share of the largest."""
    assert recorded.shape == own.shape, f"logits {recorded.shape} were recorded, the model's are {own.shape}"
    return float(np.abs(recorded - own).max() / (1 + np.abs(own).max()))
