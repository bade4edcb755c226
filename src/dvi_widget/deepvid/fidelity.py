"""Fidelity of a student: how far it is from its teacher, among neighbours and beyond (DeepVID, R3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax

from .changes import Changes
from .verdict import judge

__all__ = ["Answers", "Fidelity", "divergence", "measure"]

# A logit that moves by less moves no probability by a quarter of a percent.
_MIN_MOVE_NATS = 0.01


class Answers(NamedTuple):
    """Logits of teacher and student for the same pictures, float32 [m, C] each."""

    teacher: NDArray[np.float32]
    student: NDArray[np.float32]

    @property
    def agreement(self) -> float:
        """Share of the pictures that both put into the same class; NaN of none."""
        same = self.teacher.argmax(axis=1) == self.student.argmax(axis=1)
        return float(same.mean()) if len(same) else float("nan")


@dataclass(frozen=True)
class Fidelity:
    """The fidelity of a student at a picture.

    The figures come from three tests. The first are fresh neighbours: generated, and as narrow as those it
    learnt from. The second are changes of the picture itself: its blocks removed one by one, and the real
    pictures nearest in latent space, if `Neighbors` was given some. The third inverts, block by block, the
    inputs that no neighbour varied, about which the student can say nothing.

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
        explains; at most 1, negative if it explains less than their mean, NaN if there is none to explain.
    agreement : float
        Share of the held-out neighbours for which both predict the same class.
    real_agreement : float
        The same over real pictures near the picture; NaN if there are none.
    foreseen : float
        Share of what changes of the picture itself do to the teacher's probabilities that the student
        foresees; at most 1, 0 for a student that never moves, NaN if they do nothing.
    hidden : float
        Largest change of the teacher's answer, as total variation, by inputs that no neighbour varied.
    varied : float
        Share of the inputs that the neighbours vary.
    faithful : bool
        Whether the student stands for the teacher among generated neighbours.
    trustworthy : bool
        Whether it also foresees the changes of the picture itself, and nothing hidden turns the answer: then
        its weights can be read as an explanation.
    verdict : str
        The same in words, with what to do about it.
    """

    agrees: bool
    teacher: NDArray[np.float32]
    student: NDArray[np.float32]
    total_variation: float
    kl: float
    r2: float
    agreement: float
    real_agreement: float
    foreseen: float
    hidden: float
    varied: float
    faithful: bool
    trustworthy: bool
    verdict: str


def measure(
    own: Answers,
    held_out: Answers,
    changed: Answers,
    changes: Changes,
    varied: float,
    names: Sequence[str] | None,
    *,
    hard: bool,
) -> Fidelity:
    """Measure a student against its teacher.

    Parameters
    ----------
    own : Answers
        For the picture itself, [1, C].
    held_out : Answers
        For held-out neighbours.
    changed : Answers
        For the changes of the learnt picture: itself, removed, real, inverted, in this order.
    changes : Changes
    varied : float
        Share of the inputs that the neighbours vary.
    names : sequence of str, optional
        Names of the classes.
    hard : bool
        Whether the teacher answers with zeros and a one, mostly.

    Returns
    -------
    Fidelity
    """
    p, q = (softmax(z[0].astype(np.float64)) for z in own)
    kl, r2 = divergence(*held_out)
    if hard:  # what a student thinks a zero is does not count
        teacher, student = (np.eye(len(p))[z.argmax(axis=1)] for z in changed)
    else:
        teacher, student = (softmax(z.astype(np.float64), axis=1) for z in changed)
    moved, missed = _distance(teacher, teacher[:1])[1:], _distance(teacher, student)[1:]
    first, last = len(changes.removed), len(changes.removed) + len(changes.real)
    effect = np.square(moved[:last]).sum()
    figures = Fidelity(
        agrees=int(p.argmax()) == int(q.argmax()),
        teacher=p.astype(np.float32),
        student=q.astype(np.float32),
        total_variation=float(_distance(p, q)),
        kl=kl,
        r2=r2,
        agreement=held_out.agreement,
        real_agreement=Answers(*(z[1 + first : 1 + last] for z in changed)).agreement,
        foreseen=float(1 - np.square(missed[:last]).sum() / effect) if effect > 0 else float("nan"),
        hidden=float(moved[last:].max(initial=0)),
        varied=varied,
        faithful=False,
        trustworthy=False,
        verdict="",
    )
    class_names = [f"class {c}" for c in range(len(p))] if names is None else list(names)
    judged = judge(
        figures,
        class_names,
        hard=hard,
        usual=float(np.bincount(held_out.teacher.argmax(axis=1)).max() / len(held_out.teacher)),
        largest_miss=float(missed[:last].max(initial=0)),
        counts=(first, last - first),
        hidden_block=changes.blocks[int(moved[last:].argmax())] if len(moved) > last else None,
    )
    return replace(figures, faithful=judged.faithful, trustworthy=judged.trustworthy, verdict=judged.words)


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
        Share of the variation of the teacher's centred logits that the student explains. NaN if there is
        nothing to explain: if no logit leaves its mean by a hundredth on average.

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
    variation = np.square(t - t.mean(axis=0)).mean(axis=0)
    if np.sqrt(variation.max()) < _MIN_MOVE_NATS:
        return kl, float("nan")
    return kl, float(1 - np.square(t - s).mean(axis=0).sum() / variation.sum())


def _distance(p: NDArray[np.float64], q: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the total variation of probabilities [..., C]."""
    distance: NDArray[np.float64] = np.abs(p - q).sum(axis=-1) / 2
    return distance
