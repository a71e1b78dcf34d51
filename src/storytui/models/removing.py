"""Takes a model out of a cache as huggingface_hub lays it out: its names, its bytes, nothing else.

The layout is that of huggingface_hub's guide "Understand caching". A blob goes with every name that
leads to it, in whatever revision; a repository of which nothing is left goes with its folder.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from storytui.engine.api import ModelError
from storytui.models.hub_cache import cache_folder_of
from storytui.models.walking import shown, why


@dataclass(frozen=True, slots=True)
class Removal:
    """What goes."""

    repository: Path
    """The repository's folder in the cache."""
    names: tuple[Path, ...]
    """Links to the model's files, and files that stand there themselves."""
    blobs: tuple[Path, ...]
    size_bytes: int
    """What becomes free."""


def plan_removal(files: Sequence[Path]) -> Removal:
    """What removing a model's files from the cache would take away; nothing is removed yet.

    Args:
        files: of one model, by their names in the cache's snapshots.

    Raises:
        ModelError: they do not lie in such a cache, or are gone.
    """
    repository = cache_folder_of(files[0]) if files else None
    if repository is None:
        raise ModelError("The model does not lie in the Hugging Face cache.")
    inside = os.path.realpath(repository / "blobs")
    blobs: dict[Path, int] = {}
    names: dict[Path, int] = {}
    try:
        for path in files:
            true = Path(os.path.realpath(path))
            size = true.stat().st_size
            if path.is_symlink() and os.path.dirname(true) == inside:
                blobs[true] = size
            names[path] = 0 if path.is_symlink() else size
        for name in _names_in(repository / "snapshots"):
            if name.is_symlink() and Path(os.path.realpath(name)) in blobs:
                names.setdefault(name, 0)
    except OSError as error:
        raise ModelError(f"{shown(files[0])} cannot be looked at: {why(error)}.") from None
    size = sum(blobs.values()) + sum(names.values())
    return Removal(repository, tuple(names), tuple(blobs), size)


def remove(removal: Removal) -> None:
    """Remove a model's files, and the repository's folder where nothing else is left in it.

    Raises:
        ModelError: something could not be removed; what was removed stays so, and the bytes go
            last, so that asking again goes on from there.
    """
    at = removal.repository
    try:
        for at in (*removal.names, *removal.blobs):
            at.unlink(missing_ok=True)
        snapshots = removal.repository / "snapshots"
        for name in {each.parent for each in removal.names}:
            for folder in (name, *name.parents):
                if snapshots not in folder.parents:
                    break
                if folder.is_dir():
                    if any(folder.iterdir()):
                        break
                    folder.rmdir()
        kept = (snapshots, removal.repository / "blobs")
        if not any(each for folder in kept for each in _names_in(folder)):
            at = removal.repository
            shutil.rmtree(removal.repository)
    except OSError as error:
        raise ModelError(
            f"{shown(at)} could not be removed: {why(error)}. Remove it by hand."
        ) from error


def _names_in(folder: Path) -> Iterator[Path]:
    """Every file and link below a folder; links to folders are not followed."""
    for here, folders, files in os.walk(folder):
        yield from (Path(here, each) for each in files)
        yield from (Path(here, each) for each in folders if Path(here, each).is_symlink())
