"""What people bring, and how it ends: a table of situations, each with the lines that its user writes.

    pip install -c constraints.txt -e '.[compatibility]'
    python benchmarks/compatibility.py [--only BERT]

Each situation runs as it stands in benchmarks/situations: with random weights and nothing downloaded. What
was recorded is compared with what the model says itself, and a landscape is fitted on it. Results are kept in
build/compatibility.json, so that an interrupted call goes on; ``--again`` begins anew. The table is written
into docs/compatibility.md. Situations that need no extra are tests too.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import tempfile
import warnings
from dataclasses import asdict
from pathlib import Path

from situations import Outcome, Situation, judge
from situations.classical import CLASSICAL
from situations.frameworks import FRAMEWORKS
from situations.networks import NETWORKS
from situations.samples import SAMPLES

HERE = Path(__file__).parent
KEPT = HERE.parent / "build" / "compatibility.json"
TABLE = HERE.parent / "docs" / "compatibility.md"

VERDICTS = ("works", "refused with the cure", "not")
HEADING = "| situation | ends | lines | difference of logits |"
GROUPS = {
    "Networks of torch": NETWORKS,
    "Samples, labels, checkpoints": SAMPLES,
    "Without a network": CLASSICAL,
    "Other frameworks": FRAMEWORKS,
}


def main() -> None:
    """Run what has not been run, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="a part of the names of situations to run")
    parser.add_argument("--again", action="store_true", help="forget what was kept")
    options = parser.parse_args()
    kept: dict[str, dict[str, object]] = {}
    if KEPT.exists() and not options.again:
        kept = json.loads(KEPT.read_text(encoding="utf-8"))
    for situation in (s for group in GROUPS.values() for s in group):
        key = f"{situation.name}: {situation.lines}{situation.cure}"
        if key not in kept and options.only in situation.name:
            outcome = run(situation)
            if outcome is not None:
                kept[key] = asdict(outcome)
                KEPT.parent.mkdir(exist_ok=True)
                KEPT.write_text(json.dumps(kept, indent=1), encoding="utf-8")
                print(
                    f"{outcome.verdict:22} {situation.name} {outcome.why if outcome.verdict == 'not' else ''}"
                )
    TABLE.write_text(table(kept), encoding="utf-8")


def run(situation: Situation) -> Outcome | None:
    """Judge a situation; None if a module that it needs is not installed."""
    if situation.missing:
        print(f"{'not run':22} {situation.name}: needs {', '.join(situation.missing)}")
        return None
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with contextlib.redirect_stderr(io.StringIO()):  # progress bars
            return judge(situation, Path(folder), mapped=True)


def table(kept: dict[str, dict[str, object]]) -> str:
    """Write what was found as a page of Markdown."""
    known = [
        (group, s, kept[key])
        for group, situations in GROUPS.items()
        for s in situations
        if (key := f"{s.name}: {s.lines}{s.cure}") in kept
    ]
    counts = {verdict: sum(o["verdict"] == verdict for *_, o in known) for verdict in VERDICTS}
    counted = [len(s.written.splitlines()) for _, s, o in known if o["verdict"] != "not"]
    sentence = (
        f"{len(known)} situations: {counts['works']} work, {counts['refused with the cure']} are refused in "
        f"words whose cure works, {counts['not']} do neither. Lines to write: {min(counted)} to "
        f"{max(counted)}, mostly {sorted(counted)[len(counted) // 2]}."
    )
    page = [
        "# What works with what",
        "",
        (
            "Made by `python benchmarks/compatibility.py`, with random weights. The lines are those that "
            "were run; imports, and the training where it is no loop around them, are left out. Of recorded "
            "runs, logits were compared with the model's own, as a share of the largest."
        ),
        "",
        sentence,
    ]
    for group in GROUPS:
        page += ["", f"## {group}", "", HEADING, "| --- | --- | --- | --- |"]
        mine = [(s, o) for name, s, o in known if name == group]
        page += [
            f"| {s.name} | {o['verdict']} | {len(s.written.splitlines())} | {difference(o['error'])} |"
            for s, o in mine
        ]
        # The same lines serve many situations: they are shown once.
        for lines in dict.fromkeys(s.written for s, _ in mine):
            who = "; ".join(s.name for s, _ in mine if s.written == lines)
            page += ["", f"{who}:", "", "```python", lines, "```"]
        refused = [(s, o) for s, o in mine if o["verdict"] == "refused with the cure"]
        if refused:
            page += ["", "What the refusals say:", ""]
            page += [f"- {s.name}: {shortened(str(o['why']))}" for s, o in refused]
    return "\n".join(page) + "\n"


def difference(error: object) -> str:
    return "" if error is None else ("0" if error == 0 else f"{float(str(error)):.0e}")


def shortened(message: str) -> str:
    return message.partition(" Its layers:")[0].replace("|", "\\|")


if __name__ == "__main__":
    main()
