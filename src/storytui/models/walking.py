"""Walks through a folder for files that may be models, and comes back from any folder.

Links to folders are followed and no folder is entered twice. How deep it goes and how much it
looks at is bounded, nearest folders first, and said where the bound was reached.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from storytui.story.visible import visible

Scanner = Callable[[Path, int], list[Path]]
"""What is in a folder, as `listed` says it. A test gives one that fails."""

_SPECIAL = frozenset((".git", ".locks", "node_modules", "__pycache__"))
_OTHERS = ("datasets--", "spaces--")
"""Folders that are not entered, by name and by beginning: no models are in them, but much else."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of one place is looked at."""

    depth: int = 8
    """Folders below it."""
    entries: int = 50_000
    """Files and folders."""


@dataclass(slots=True)
class Walk:
    """One way through one place, and what went wrong on it."""

    bounds: Bounds
    scan: Scanner
    troubles: list[str] = field(default_factory=list)
    """Sentences, fit to be shown."""
    _left: int = field(init=False)
    """Files and folders that may still be looked at; -1: there were more."""
    _entered: set[tuple[int, int] | str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._left = self.bounds.entries

    def folder(self, path: Path) -> list[Path]:
        """What is in a folder, by name; nothing where that cannot be said or enough was seen."""
        try:
            names = sorted(self.scan(path, max(self._left, 0) + 1))
        except (OSError, ValueError) as error:
            self.troubles.append(f"The folder {shown(path)} cannot be looked into: {why(error)}.")
            return []
        if len(names) > self._left:
            if self._left >= 0:
                self.troubles.append(
                    f"The folder {shown(path)} is one of more than {self.bounds.entries:,} files "
                    "and folders; not all were looked at. Name a folder nearer to the models."
                )
            names = names[: max(self._left, 0)]
            self._left = -1
        else:
            self._left -= len(names)
        return names

    def enter(self, path: Path) -> bool:
        """Whether `path` is a folder that was not entered before."""
        try:
            if not path.is_dir():
                return False
            key = identity(path)
        except (OSError, ValueError):
            return False
        if key in self._entered:
            return False
        self._entered.add(key)
        return True

    def files(self, top: Path, ending: str = ".gguf") -> Iterator[Path]:
        """The files below a folder whose names have an ending, whatever its case."""
        waiting = deque([(top, 0)] if self.enter(top) else [])
        deep = False
        while waiting:
            here, depth = waiting.popleft()
            for path in self.folder(here):
                if path.name.lower().endswith(ending) and not is_folder(path):
                    yield path
                elif self._promises(path.name) and self.enter(path):
                    if depth < self.bounds.depth:
                        waiting.append((path, depth + 1))
                    elif not deep:
                        deep = True
                        self.troubles.append(
                            f"The folder {shown(path)} lies {depth + 1} folders deep and was not "
                            "looked into. Name a folder nearer to the models."
                        )

    def _promises(self, name: str) -> bool:
        return name not in _SPECIAL and not name.startswith(_OTHERS)


def listed(path: Path, most: int) -> list[Path]:
    """What is in a folder, of which `most` at most.

    Raises:
        OSError: that cannot be said.
    """
    with os.scandir(path) as entries:
        return [path / entry.name for entry in islice(entries, most)]


def is_folder(path: Path) -> bool:
    """Whether it is a folder or leads to one; False where that cannot be said."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def identity(path: Path) -> tuple[int, int] | str:
    """What tells that two paths lead to the same thing.

    Raises:
        OSError: it leads to nothing.
    """
    found = path.stat()
    return (found.st_dev, found.st_ino) if found.st_ino else os.path.realpath(path)


def shown(path: Path) -> str:
    """A path, fit to be shown in a sentence."""
    return visible(str(path), newlines=False)


def why(error: BaseException) -> str:
    """What went wrong, fit to be shown at a sentence's end."""
    text = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return visible(text, newlines=False)
