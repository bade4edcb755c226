"""Executes a notebook start to end in a folder of its own: `python notebooks/execute.py NOTEBOOK FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

CELL_SECONDS = 1200


def execute(notebook: Path, folder: Path) -> nbformat.NotebookNode:
    """Run every cell with `folder` as the working directory, and leave the executed notebook there."""
    folder.mkdir(parents=True, exist_ok=True)
    nb = nbformat.read(notebook, as_version=4)
    client = NotebookClient(nb, timeout=CELL_SECONDS, resources={"metadata": {"path": str(folder)}})
    titles = [title(cell) for cell in nb.cells]
    client.on_cell_start = lambda cell, cell_index: (
        titles[cell_index] and print(titles[cell_index], flush=True)
    )
    try:
        client.execute()
    finally:
        nbformat.write(nb, folder / notebook.name)
    return nb


def title(cell: nbformat.NotebookNode) -> str:
    """The heading of a text cell, as a line of progress."""
    if cell.cell_type != "markdown" or not cell.source.startswith("#"):
        return ""
    return str(cell.source.splitlines()[0].lstrip("# "))


if __name__ == "__main__":
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    try:
        execute(source, target)
    except CellExecutionError as error:
        sys.exit(f"{source} stopped with an error:\n{error}")
    print(f"\nThe executed notebook:  {(target / source.name).resolve()}")
    for page in sorted(target.glob("*.html")):
        print(f"The explorer, one file: {page.resolve()}  (open it in a browser)")
