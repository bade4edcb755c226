"""The verdict on a student, in words that claim no more than was tried (DeepVID, R3.1)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .fidelity import Fidelity

__all__ = ["Verdict", "judge"]

# A student is faithful among its neighbours within these bounds.
_MIN_R2 = 0.5
_MAX_KL_NATS = 0.1
_MAX_TOTAL_VARIATION = 0.15
# So often it must agree: with a hard teacher on neighbours, where it must also err half as often as the
# commonest class does, and with any teacher on the nearest real pictures.
_MIN_AGREEMENT = 0.9
_MAX_ERROR_SHARE = 0.5
# It is trustworthy if it also foresees so much of what changes of the picture do, or misses none by more.
_MIN_FORESEEN = 0.5
_MAX_MISS = 0.25
# Inputs that no neighbour varied must not turn the teacher's answer by more.
_MAX_HIDDEN = 0.5

_ADVICE = "Try a narrower band, more neighbours or another regularisation before reading its weights."
_HARD_ADVICE = (
    "Try a narrower band, which crosses fewer of its steps, or pass a teacher with probabilities: a forest "
    "for a tree, more neighbours for a vote."
)


class Verdict(NamedTuple):
    """Whether a student stands for its teacher among its neighbours, and beyond; and why, in words."""

    faithful: bool
    trustworthy: bool
    words: str


def judge(
    f: Fidelity,
    names: Sequence[str],
    *,
    hard: bool,
    usual: float,
    largest_miss: float,
    counts: tuple[int, int],
    hidden_block: tuple[slice, slice] | None,
) -> Verdict:
    """Judge a student by its figures.

    Parameters
    ----------
    f : Fidelity
        The figures.
    names : sequence of str
        Names of the classes.
    hard : bool
        Whether the teacher answers with zeros and a one, mostly. Then neither divergences nor logits tell
        much, and agreement decides.
    usual : float
        Share of the teacher's commonest class among the held-out neighbours.
    largest_miss : float
        The student's largest error, as total variation, at a change of the picture itself.
    counts : (int, int)
        How many blocks were removed, and how many real pictures tried.
    hidden_block : (slice, slice), optional
        Rows and columns of the inputs whose inversion gave ``f.hidden``.

    Returns
    -------
    Verdict
    """
    class_ = int(f.teacher.argmax())
    name, p, q = names[class_], float(f.teacher[class_]), float(f.student[class_])
    if math.isnan(f.r2):
        words = (
            f"There is nothing to explain: for all neighbours the teacher's answer stays {name}, {p:.0%}. "
            "Try a wider band, or a picture of which the teacher is less sure."
        )
        return Verdict(False, False, words)
    if not f.agrees:
        objection = f"it says {names[int(f.student.argmax())]} where the teacher says {name}"
    elif hard:
        objection = _objection_of_a_hard_teacher(f.agreement, usual)
    else:
        objection = _objection(f, name, p, q)
    if objection:
        advice = _HARD_ADVICE if hard else _ADVICE
        return Verdict(False, False, f"Do not believe this student: {objection}. {advice}")
    if hard:
        agreed = (
            f"Student and teacher both say {name}, and agree on {f.agreement:.0%} of fresh neighbours, where "
            f"the commonest class alone would on {usual:.0%}"
        )
    else:
        agreed = (
            f"Student and teacher both say {name} ({q:.0%} and {p:.0%}), and on fresh neighbours the student "
            f"explains {f.r2:.1%} of what moves the teacher"
        )
    if hidden_block is not None and f.hidden > _MAX_HIDDEN:
        rows, columns = (f"{part.start} to {part.stop - 1}" for part in hidden_block)
        doubt = (
            f"the answer also hangs on inputs that no neighbour varies: those in rows {rows} and columns "
            f"{columns}, inverted, move the teacher by {f.hidden:.0%} and the student not at all. Train the "
            "VAE on pictures in which they vary."
        )
    elif f.real_agreement < _MIN_AGREEMENT or (largest_miss > _MAX_MISS and not f.foreseen >= _MIN_FORESEEN):
        doubt = f"{_beyond(f, counts, largest_miss)}. Larger changes need a wider band, if any."
    else:
        scope = f"Its weights are about the {f.varied:.0%} of the inputs that the neighbours vary."
        return Verdict(True, True, f"{agreed}. Beyond them, {_beyond(f, counts, largest_miss)}. {scope}")
    return Verdict(True, False, f"Believe this student among its neighbours only. {agreed}. But {doubt}")


def _objection(f: Fidelity, name: str, p: float, q: float) -> str:
    """Return what speaks against a student among its neighbours; nothing if it is faithful."""
    if f.total_variation > _MAX_TOTAL_VARIATION:
        return f"it gives {name} {q:.0%} where the teacher gives {p:.0%}"
    if f.kl > _MAX_KL_NATS:
        return f"on fresh neighbours its probabilities are {f.kl:.2g} nats from the teacher's"
    if f.r2 < _MIN_R2:
        return f"on fresh neighbours it explains only {max(f.r2, 0):.0%} of what moves the teacher"
    return ""


def _objection_of_a_hard_teacher(agreement: float, usual: float) -> str:
    if agreement >= _MIN_AGREEMENT and 1 - agreement <= _MAX_ERROR_SHARE * (1 - usual):
        return ""
    return (
        f"the teacher says yes or no, and on fresh neighbours they agree on {agreement:.0%}, where "
        f"the commonest class alone would on {usual:.0%}"
    )


def _beyond(f: Fidelity, counts: tuple[int, int], largest_miss: float) -> str:
    """Return what became of the changes of the picture itself."""
    removed, real = counts
    changes = f"{removed} removed blocks" + (f" and {real} nearest real pictures" if real else "")
    if largest_miss <= _MAX_MISS:
        effect = f"it is off by at most {largest_miss:.0%} at {changes}"
    else:
        effect = f"it foresees {max(f.foreseen, 0):.0%} of what {changes} do to the teacher"
    if not real:
        return f"{effect}; pass Neighbors(vae, pictures=…) to try it on real pictures too"
    return f"{effect}, and agrees on {round(f.real_agreement * real)} of these {real} pictures"
