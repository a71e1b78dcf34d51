"""What she added by its path: files and folders outside the usual places; nothing is copied.

Kept in a small JSON file among her data, with the sha256 of files that were looked at, so that it
can be said later whether they are still the same.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from storytui.engine.api import ModelError
from storytui.folders import as_typed
from storytui.manuscript.errors import NotSavedError
from storytui.manuscript.saving import put
from storytui.models.walking import shown, why

_MOST_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Added:
    """What was added, and what is known of files."""

    places: tuple[Path, ...] = ()
    """Files and folders, the latest last."""
    sums: Mapping[Path, str] = field(default_factory=dict)
    """The sha256 of files, in hexadecimal digits."""

    def holds(self, path: Path) -> bool:
        """Whether a path was added, or lies in a folder that was."""
        return any(each == path or each in path.parents for each in self.places)


class _Kept(msgspec.Struct, frozen=True):
    """The file's contents."""

    paths: tuple[str, ...] = ()
    sha256: dict[str, str] = {}
    version: int = 1


def added_file(data_folder: Path) -> Path:
    """Where it is kept."""
    return data_folder / "added-models.json"


def read_added(file: Path) -> Added:
    """What was added so far.

    Raises:
        ModelError: the file is there and cannot be read, or is damaged.
    """
    try:
        with file.open("rb") as opened:
            # The standard reader: names of files that are no text come back as they were.
            kept = msgspec.convert(json.loads(opened.read(_MOST_BYTES)), _Kept)
    except (FileNotFoundError, NotADirectoryError):
        return Added()
    except OSError as error:
        raise ModelError(
            f"The list of models that were added, {shown(file)}, cannot be read: {why(error)}. "
            "Allow reading it."
        ) from None
    except (ValueError, RecursionError):
        raise ModelError(
            f"The list of models that were added, {shown(file)}, is damaged. Remove that file, and "
            "add the models again; no model is lost by it."
        ) from None
    return Added(
        tuple(dict.fromkeys(map(Path, kept.paths))),
        {Path(path): value for path, value in kept.sha256.items()},
    )


def add_place(file: Path, path: Path) -> Path:
    """Remember a file or a folder; returns its whole path.

    Raises:
        ModelError: the list cannot be read or written.
    """
    path = whole(path)
    _change(file, lambda before: replace(before, places=_once((*before.places, path))))
    return path


def forget_place(file: Path, path: Path) -> bool:
    """Forget a file or a folder, which stays where it is; returns whether it had been added.

    Raises:
        ModelError: the list cannot be read or written.
    """
    path = whole(path)
    known = path in read_added(file).places
    if known:
        _change(
            file,
            lambda before: Added(
                tuple(each for each in before.places if each != path),
                {
                    each: value
                    for each, value in before.sums.items()
                    if each != path and path not in each.parents
                },
            ),
        )
    return known


def record_sums(file: Path, sums: Mapping[Path, str]) -> None:
    """Remember the sha256 of files.

    Raises:
        ModelError: the list cannot be read or written.
    """
    found = {whole(path): value for path, value in sums.items()}
    _change(file, lambda before: replace(before, sums={**before.sums, **found}))


def whole(path: Path) -> Path:
    """A path from the root on; links in it stay, and `~` is her home."""
    return Path(os.path.abspath(as_typed(path)))


def _once(paths: tuple[Path, ...]) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(paths))


def _change(file: Path, change: Callable[[Added], Added]) -> None:
    """Read, change and write the list at once: another command may have changed it."""
    before = read_added(file)
    after = change(before)
    if after == before:
        return
    kept = _Kept(
        tuple(map(str, after.places)), {str(path): value for path, value in after.sums.items()}
    )
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        put(file, (json.dumps(msgspec.to_builtins(kept), indent=1) + "\n").encode("ascii"))
    except (NotSavedError, OSError) as error:
        cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
        raise ModelError(
            f"The list of models that were added, {shown(file)}, cannot be written: {why(cause)}. "
            "Nothing was added or forgotten."
        ) from error
