"""`storytui-train show ROWS`: leafs through rows in the terminal, and marks bad ones."""

import argparse
from pathlib import Path

from storytui_train.commands.run import workplace
from storytui_train.data.pipeline.outcome import MARKS
from storytui_train.errors import RecipeError
from storytui_train.recipe import load

FURTHEST = ("dataset", "reason", "split", "chunk")
"""Stages that have rows, the last one first."""


def run(options: argparse.Namespace) -> int:
    """Show rows; returns the exit status."""
    from storytui_train.data.dataset.showing import show

    path = Path(options.path)
    if not path.exists():
        raise RecipeError(f"{path} is not there.")
    work = _working_folder(path)
    marks = None
    if work is not None:
        marks = work / MARKS
        path = _rows(work) if path.is_file() or path == work else path
    return show(
        path,
        split=options.split or "",
        id=options.id,
        source=options.source,
        bad=options.bad,
        marks=marks,
    )


def _working_folder(path: Path) -> Path | None:
    """The working folder that a path names, or lies in; None where it is none's."""
    if path.suffix == ".toml":
        return workplace(path, load(path)).folder
    for folder in (path, path / "work", *path.resolve().parents[:3]):
        if (folder / "gather.json").is_file():
            return folder
    return None


def _rows(work: Path) -> Path:
    for name in FURTHEST:
        if (work / f"{name}.json").is_file():
            return work / name / "parts"
    raise RecipeError(f"There are no rows in {work} yet; run the recipe first.")
