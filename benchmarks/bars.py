"""Set the tables of RESULTS.md beside the bars that a landscape has to meet: which are met, by how much not.

    python benchmarks/bars.py
    python benchmarks/bars.py --tried  # which bars settings win and lose that were tried

Nothing is measured here. A measure meets its bar where it is no worse than the default before, and behind the
best of warm-started UMAP, warm-started t-SNE and PCA by .03 at most.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

RESULTS = Path(__file__).parent / "RESULTS.md"
RUNS = ("cifar10", "mnist", "mnist-flips", "digits", "random-labels")
OTHERS = ("umap-t", "tsne-t", "pca")
MAX_BEHIND = 0.03
COMPARED = (
    "neighbours kept, 5",
    "neighbours kept, 15",
    "neighbours kept, 50",
    "trustworthiness",
    "continuity",
    "class distances, ρ",
    "triplets",
    "margin, ρ",
    "boundary_pv",
    "PPR of unseen samples",
)
PURE = "mixed, but looks pure ↓"
# Measure, bound, whether it is the most that is allowed, and the runs it is asked of.
BOUNDED: tuple[tuple[str, float, bool, tuple[str, ...]], ...] = (
    ("difference of the two, worst epoch ↓", 0.02, True, RUNS),
    ("margin, ρ", 0.70, False, ("cifar10",)),
    ("moved ~ distance ranks changed", 0.45, False, ("cifar10",)),
    ("moved ~ distance ranks changed", 0.40, False, ("digits",)),
    ("moved ~ distance ranks changed", 0.35, False, ("mnist-flips",)),
    ("moved ~ neighbours lost", 0.35, False, ("cifar10",)),
    ("moved ~ neighbours lost", 0.45, False, ("digits",)),
    ("moved ~ neighbours lost", 0.40, False, ("mnist-flips",)),
    ("boundary samples on drawn borders", 0.8, False, RUNS),
    ("painted confidence, error ↓", 0.08, True, RUNS),
    ("painted confidence, error, test ↓", 0.08, True, RUNS),
)
Table = dict[str, dict[str, float]]  # by measure and method
Bar = tuple[str, float, float]  # measure and what is asked, figure, and how much is missing (≤ 0: met)


def table(text: str, name: str) -> Table:
    """Read the table of a run; cells without a number are left out."""
    first, last = f"<!-- dvi {name} -->\n", f"<!-- /dvi {name} -->"
    lines = text.split(first, 1)[1].split(last, 1)[0].strip().splitlines()
    heads = [re.sub(r" \(\d+\)$", "", head) for head in _cells(lines[0])]
    found: Table = {}
    for line in lines[2:]:
        measure, *cells = _cells(line)
        numbers = {head: re.match(r"-?\d+\.\d+", cell) for head, cell in zip(heads[1:], cells, strict=True)}
        found[measure] = {head: float(number[0]) for head, number in numbers.items() if number}
    return found


def bars(run: str, own: Table, column: str, beside: Table) -> Iterator[Bar]:
    """Judge a column of a table, beside the other methods of the run."""
    for measure in COMPARED:
        value = own[measure].get(column)
        if value is not None:
            wanted = max(beside[measure][name] for name in OTHERS if name in beside[measure]) - MAX_BEHIND
            yield measure, value, max(wanted, beside[measure].get("before", wanted)) - value
    pure = own[PURE][column]
    yield PURE, pure, pure - (0.2 if beside[PURE]["tsne-t"] > 0.12 else 0.12)
    for measure, bound, most, runs in BOUNDED:
        if run in runs:
            value = own[measure][column]
            asked = f"{measure}, {'≤' if most else '≥'} {bound:g}"
            yield asked, value, value - bound if most else bound - value


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def short(value: float) -> str:
    return f"{value:.3f}".replace("0.", ".", 1)


def row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def judged(text: str) -> list[str]:
    """List every measure, its figure on each run, and by how much a bar is missed."""
    figures: dict[str, dict[str, str]] = {}
    for run in RUNS:
        measured = table(text, run)
        for measure, value, missing in bars(run, measured, "layout", measured):
            note = f", misses {short(missing)}" if missing > 0 else ""
            figures.setdefault(measure, {})[run] = short(value) + note
    lines = [row(["measure", *RUNS]), row(["---"] * (1 + len(RUNS)))]
    return lines + [row([name, *(of.get(run, "") for run in RUNS)]) for name, of in figures.items()]


def won(text: str) -> list[str]:
    """List, per setting that was tried and per run, which bars it wins and which it loses."""
    lines = [row(["run", "setting", "met by the default", "by this", "wins", "loses"]), row(["---"] * 6)]
    for run in RUNS:
        if f"<!-- dvi {run} tried -->" not in text:
            continue
        own, beside = table(text, f"{run} tried"), table(text, run)
        default = {measure: missing for measure, _, missing in bars(run, own, "layout", beside)}
        settings = [name for name in own[COMPARED[0]] if name not in ("layout", "placebo")]
        for name in settings:
            this = {measure: missing for measure, _, missing in bars(run, own, name, beside)}
            wins = [measure for measure, missing in this.items() if missing <= 0 < default[measure]]
            loses = [measure for measure, missing in this.items() if default[measure] <= 0 < missing]
            met = [sum(missing <= 0 for missing in of.values()) for of in (default, this)]
            of_all = [f"{count} of {len(this)}" for count in met]
            lines.append(row([run, name, *of_all, "; ".join(wins) or "–", "; ".join(loses) or "–"]))
    return lines


def write(part: str, lines: list[str]) -> None:
    """Put a table between its marks in RESULTS.md."""
    text = RESULTS.read_text(encoding="utf-8")
    first, last = f"<!-- bars {part} -->\n", f"<!-- /bars {part} -->\n"
    head, rest = text.split(first, 1)
    tail = rest.split(last, 1)[1]
    RESULTS.write_text(head + first + "\n".join(lines) + "\n\n" + last + tail, encoding="utf-8")
    print("\n".join(lines))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--tried", action="store_true", help="judge the settings that were tried")
    given = parser.parse_args()
    text = RESULTS.read_text(encoding="utf-8")
    if given.tried:
        write("tried", won(text))
    else:
        write("landscape", judged(text))


if __name__ == "__main__":
    main()
