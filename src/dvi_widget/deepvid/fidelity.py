"""Fidelity of a student: divergence from its teacher, and a verdict in words (DeepVID, R3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax

__all__ = ["Fidelity", "divergence", "measure"]

# A student is trustworthy within these bounds.
_MIN_R2 = 0.5
_MAX_KL_NATS = 0.1
_MAX_TOTAL_VARIATION = 0.15


@dataclass(frozen=True)
class Fidelity:
    """The fidelity of a student at a picture.

    Attributes
    ----------
    agrees : bool
        Whether student and teacher predict the same class for the picture.
    teacher, student : float32 [C]
        Their probabilities for the picture.
    total_variation : float
        Half the summed absolute difference of these, in [0, 1].
    kl : float
        Mean KL(teacher ‖ student) over held-out neighbours, in nats.
    r2 : float
        Share of the variation of the teacher's centred logits over held-out neighbours that the student
        explains; at most 1, negative if it explains less than their mean.
    trustworthy : bool
        Whether the student's weights can be read as an explanation.
    verdict : str
        The same in words, with what to do about it.
    """

    agrees: bool
    teacher: NDArray[np.float32]
    student: NDArray[np.float32]
    total_variation: float
    kl: float
    r2: float
    trustworthy: bool
    verdict: str


def measure(
    teacher: NDArray[np.float32],
    student: NDArray[np.float32],
    held_out: tuple[NDArray[np.float32], NDArray[np.float32]],
    names: Sequence[str] | None,
) -> Fidelity:
    """Measure a student against its teacher.

    Parameters
    ----------
    teacher, student : float32 [C]
        Their logits of the picture.
    held_out : pair of float32 [m, C]
        Their logits of held-out neighbours.
    names : sequence of str, optional
        Names of the classes.

    Returns
    -------
    Fidelity
    """
    p, q = (softmax(z.astype(np.float64)).astype(np.float32) for z in (teacher, student))
    kl, r2 = divergence(*held_out)
    variation = float(np.abs(p - q).sum() / 2)
    named = [f"class {c}" for c in range(len(p))] if names is None else list(names)
    verdict, trustworthy = _verdict(p, q, variation, kl, r2, named)
    return Fidelity(int(p.argmax()) == int(q.argmax()), p, q, variation, kl, r2, trustworthy, verdict)


def divergence(teacher: NDArray[np.float32], student: NDArray[np.float32]) -> tuple[float, float]:
    """Return how far a student's logits are from its teacher's on the same pictures.

    Parameters
    ----------
    teacher, student : float32 [n, C]

    Returns
    -------
    kl : float
        Mean KL(teacher ‖ student) of their probabilities, in nats.
    r2 : float
        Share of the variation of the teacher's centred logits that the student explains.

    Examples
    --------
    >>> import numpy as np
    >>> z = np.array([[1.0, 0.0], [0.0, 2.0]], np.float32)
    >>> divergence(z, z + 5)  # a constant added to all logits changes nothing
    (0.0, 1.0)
    """
    t, s = teacher.astype(np.float64), student.astype(np.float64)
    t, s = t - t.mean(axis=1, keepdims=True), s - s.mean(axis=1, keepdims=True)
    log_t, log_s = log_softmax(t, axis=1), log_softmax(s, axis=1)
    kl = float((np.exp(log_t) * (log_t - log_s)).sum(axis=1).mean())
    variation, left = np.square(t - t.mean(axis=0)).sum(), np.square(t - s).sum()
    return kl, float(1 - left / variation) if variation > 0 else float(left == 0)


def _verdict(
    teacher: NDArray[np.float32],
    student: NDArray[np.float32],
    variation: float,
    kl: float,
    r2: float,
    names: Sequence[str],
) -> tuple[str, bool]:
    """Return whether the student is trustworthy, in words and as a bool."""
    t, s = int(teacher.argmax()), int(student.argmax())
    if t != s:
        objection = f"it says {names[s]} where the teacher says {names[t]}"
    elif variation > _MAX_TOTAL_VARIATION:
        objection = f"it gives {names[t]} {student[t]:.0%} where the teacher gives {teacher[t]:.0%}"
    elif kl > _MAX_KL_NATS:
        objection = f"on fresh neighbours its probabilities are {kl:.2g} nats from the teacher's"
    elif r2 < _MIN_R2:
        objection = f"on fresh neighbours it explains only {max(r2, 0):.0%} of what moves the teacher"
    else:
        agreed = f"Student and teacher both say {names[t]} ({student[t]:.0%} and {teacher[t]:.0%})"
        return (
            f"{agreed}, and on fresh neighbours the student explains {r2:.1%} of what moves the teacher.",
            True,
        )
    advice = "Try a narrower band, more neighbours or another regularisation before reading its weights."
    return f"Do not believe this student: {objection}. {advice}", False
