"""Search for a band, a latent space and a regularisation whose students can be trusted (DeepVID, §9)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from dvi_widget.progress import progress_bar

from .inputs import as_images, as_teacher
from .neighbors import Neighbors, check_band
from .student import LinearStudent
from .vae import VAE

__all__ = ["search"]


def search(
    vae: VAE | Sequence[VAE],
    images: ArrayLike,
    teacher: Any,
    *,
    bands: Sequence[float] = (0.05, 0.1, 0.15, 0.2, 0.3),
    regularizations: Sequence[float] = (0.01, 0.03, 0.1, 1.0),
    temperatures: Sequence[float] = (1.0, 3.0, 10.0),
    n: int = 512,
    seed: int = 0,
    pictures: ArrayLike | None = None,
    report: Callable[[float], object] | None = None,
) -> pd.DataFrame:
    """Fit students with several settings to some pictures, and rank the settings by fidelity (DeepVID, §9).

    Narrow bands are easier to be faithful on and tell less. So the settings whose students are trustworthy on
    as many pictures as the best, within one standard error, come first, in the order of falling bands and
    then of rising divergence.

    Parameters
    ----------
    vae : VAE or sequence of VAE
        A trained VAE, or several for pictures of one size, to choose the latent size among.
    images : array [m, C, H, W]
        The pictures to explain; a few dozen are enough.
    teacher
        As for `LinearStudent.fit`.
    bands, regularizations : sequence of float
        The settings to try, of students in closed form.
    temperatures : sequence of float
        The temperatures to try with each band, of students by gradient descent (§6.3); none if it is empty.
    n : int
        Neighbours per picture.
    seed : int
        Seed of the draws.
    pictures : array [k, C, H, W], optional
        Real pictures to try the students on, as for `Neighbors`.
    report : callable, optional
        Called with the share done, 0 to 1, instead of a progress bar. An exception it raises stops the
        search.

    Returns
    -------
    pandas.DataFrame
        One row per setting, best first: latent_dim, band, method ("ridge" or "descent"), regularization and
        temperature (NaN where the method has none), believed (share of the pictures
        whose student is trustworthy), agreement (share of agreement at the picture), kl (nats) and r2
        (medians over the pictures; NaN if there is nothing to explain), vae (position in the list).
        Interrupted (Ctrl-C, the notebook's stop
        button), the rows of the settings finished so far.

    Raises
    ------
    NotFittedError, TypeError, ValueError
        As for `Neighbors.sample` and `LinearStudent.fit`; also if a list is empty.
    """
    vaes = [vae] if isinstance(vae, VAE) else list(vae)
    for name, values in (("vae", vaes), ("bands", bands), ("regularizations", regularizations)):
        if len(values) == 0:
            raise ValueError(f"{name} must have at least one entry; got none.")
    explained = as_images(images, "images")
    for v, band in product(vaes, bands):
        check_band(band, v.latent_dim)
    settings = [(v, Neighbors(v, band, n, pictures=pictures, seed=seed)) for v in vaes for band in bands]
    students = [LinearStudent(regularization=r) for r in regularizations]
    students += [LinearStudent("descent", temperature=t) for t in temperatures]
    predictor = as_teacher(teacher, explained.shape[1:])
    rows, done = [], 0
    total = len(settings) * len(students) * len(explained)
    with progress_bar(total=total, desc="search", unit="student", disable=report is not None) as bar:
        try:
            for (v, neighbors), student in product(settings, students):
                figures = []
                for picture in explained:
                    fidelity = student.fit(neighbors.sample(picture), predictor).fidelity()
                    figures.append((fidelity.trustworthy, fidelity.agrees, fidelity.kl, fidelity.r2))
                    done += 1
                    bar.update()
                    if report is not None:
                        report(done / total)
                believed, agreement, kl, r2 = np.array(figures, float).T
                rows.append(
                    {
                        "latent_dim": v.latent_dim,
                        "band": neighbors.band,
                        "method": student.method,
                        "regularization": student.regularization if student.method == "ridge" else np.nan,
                        "temperature": student.temperature if student.method == "descent" else np.nan,
                        "believed": believed.mean(),
                        "agreement": agreement.mean(),
                        "kl": np.median(kl),
                        "r2": np.nan if np.isnan(r2).all() else np.nanmedian(r2),
                        "vae": vaes.index(v),
                    }
                )
        except KeyboardInterrupt:
            bar.set_postfix_str("stopped")
    return _ranked(pd.DataFrame(rows), len(explained))


def _ranked(table: pd.DataFrame, m: int) -> pd.DataFrame:
    """Sort a table best first; settings that m pictures cannot tell from the best count as equal to it."""
    if table.empty:
        return table
    best = float(table["believed"].max())
    error = np.sqrt(max(best * (1 - best), 0.25 / m) / m)
    as_good = table["believed"] >= best - error
    order = table.assign(
        worse=~as_good, wide=table["band"].where(as_good, 0), miss=-table["believed"].where(~as_good, best)
    )
    order = order.sort_values(
        ["worse", "miss", "wide", "kl"], ascending=[True, True, False, True], kind="stable"
    )
    return table.loc[order.index].reset_index(drop=True)
