"""The accessibility check of axe-core, run in a page on the explorer."""

from __future__ import annotations

from pathlib import Path

from steps import At

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"


def violations(at: At) -> list[str]:
    """What axe-core finds wrong in an explorer, a line for each element: rule, place, and what to do."""
    if not at.page.evaluate("'axe' in window"):
        at.page.evaluate(AXE.read_text(encoding="utf-8"))
    found = at.root.evaluate("(root) => axe.run(root, { resultTypes: ['violations'] })")
    return [
        f"{rule['id']}: {node['html'][:200]}: {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]
