"""PURE. Where a recipe and its working folder are, for those who gather sources."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Place:
    """Where gathering looks, and where it puts what it fetches."""

    recipe_folder: Path
    """Paths of the recipe are relative to it."""
    folder: Path
    """The working folder; downloads go to `folder / "books"`."""
    told: Callable[[str], None]
    """Gets a line for the user."""
