"""Find what interrupted saves have left: temporary files, and whole copies of the new text."""

import contextlib
import os
import stat
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from storytui.manuscript.disk import MOST_BYTES
from storytui.manuscript.encoding import decode
from storytui.manuscript.errors import ManuscriptError
from storytui.manuscript.saving_faults import cause
from storytui.manuscript.saving_names import SaveName, read_name, stem_of


@dataclass(frozen=True, slots=True)
class Leftover:
    """A file that a save made and could not remove."""

    path: Path
    when: datetime
    """When it was written."""
    whole: bool
    """Whether it holds all of the text that was to be saved."""
    same_as_file: bool
    """Whether the story's file holds the same bytes; then there is nothing to offer."""

    def text(self, encoding: str | None = None) -> str:
        """What it holds, with `\\n` for every line break.

        Args:
            encoding: the story's; None recognises it.

        Raises:
            ManuscriptError: it cannot be read.
        """
        try:
            return decode(self.path.read_bytes(), str(self.path), encoding).text
        except OSError as error:
            raise ManuscriptError(f"{self.path} cannot be read: {cause(error)}.") from None

    def remove(self) -> None:
        """Delete it.

        Raises:
            ManuscriptError: it cannot be deleted.
        """
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise ManuscriptError(
                f"{self.path} could not be deleted: {cause(error)}. Delete it by hand."
            ) from None


def leftovers(path: Path, spare: Path | None = None) -> list[Leftover]:
    """What saves of the file at `path` have left, the newest first.

    A save that goes on at this moment in another process is seen, too.

    Args:
        path: the story's file; it need not be there.
        spare: the folder where whole copies are kept.
    """
    with contextlib.suppress(OSError, RuntimeError, ValueError):
        path = path.resolve()
    content = _bytes_or_none(path)
    folders = {path.parent: False, Path(tempfile.gettempdir()): True}
    if spare is not None:
        folders[spare] = False
    found: dict[Path, Leftover] = {}
    for folder, by_path in folders.items():
        for each, name in _named_so(folder):
            # Beside the file, and in the manuscript's own folder, it is known by its name, so that
            # it is found after the folder was moved; among everybody's files by the whole path.
            if not name.is_for(path) and (by_path or name.stem != stem_of(path)):
                continue
            if by_path and not _is_own(each):
                continue
            data = _bytes_or_none(each)
            if data is not None:
                found[each] = Leftover(
                    each, _when(each), name.is_whole(data), same_as_file=data == content
                )
    return sorted(found.values(), key=lambda each: (each.when, each.path), reverse=True)


def _named_so(folder: Path) -> list[tuple[Path, SaveName]]:
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries]
    except OSError:
        return []
    return [(folder / name, said) for name in names if (said := read_name(name)) is not None]


def _bytes_or_none(path: Path) -> bytes | None:
    """The bytes of a file; None where there is none that can be read."""
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode) or found.st_size > MOST_BYTES:
            return None
        return path.read_bytes()
    except (OSError, ValueError):
        return None


def _is_own(path: Path) -> bool:
    """Whether nobody else has put it there, as anyone may among the temporary files."""
    try:
        return os.name != "posix" or path.lstat().st_uid == os.geteuid()
    except OSError:
        return False


def _when(path: Path) -> datetime:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:
        return datetime.fromtimestamp(0, UTC)
