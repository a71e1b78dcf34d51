"""What is on the disk in a file's place, and whether it is still what was last seen there."""

import os
import stat
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Literal

from storytui.manuscript.errors import ManuscriptError
from storytui.manuscript.saving_faults import cause

MOST_BYTES = 64 << 20
"""Bytes of the largest file that is opened."""

# The coarsest clock that a file system keeps (FAT): a change within it may leave the time alone.
_COARSEST_NS = 2_000_000_000


@dataclass(frozen=True, slots=True)
class DiskState:
    """How a file stands to what was last read from it or saved to it."""

    state: Literal["same", "changed", "gone", "unreachable"]
    when: datetime | None = None
    """When the file was last changed, where it is there."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """By what a file is known to be unchanged, without reading it."""

    size: int
    changed_ns: int
    state_ns: int
    inode: int
    device: int
    settled: bool
    """Whether it was taken so long after the last change that the next one must show."""

    @classmethod
    def of(cls, found: os.stat_result) -> "Stamp":
        """The stamp of a file that is in this state now."""
        latest = max(found.st_mtime_ns, found.st_ctime_ns)
        return cls(
            found.st_size,
            found.st_mtime_ns,
            found.st_ctime_ns,
            found.st_ino,
            found.st_dev,
            settled=time.time_ns() - latest > _COARSEST_NS,
        )

    def proves(self, now: "Stamp") -> bool:
        """Whether a file with the stamp `now` has certainly not changed since this one."""
        return self.settled and now.key == self.key

    @property
    def key(self) -> tuple[int, int, int, int, int]:
        """Everything about the file itself."""
        return self.size, self.changed_ns, self.state_ns, self.inode, self.device

    @property
    def when(self) -> datetime:
        """When the file was last changed."""
        return datetime.fromtimestamp(self.changed_ns / 1e9, UTC)


@dataclass(frozen=True, slots=True)
class Seen:
    """A file as it was found."""

    data: bytes
    stamp: Stamp
    writable: bool


def see(path: Path) -> Seen | None:
    """The file at `path`; None where there is none but could be one.

    Raises:
        ManuscriptError: it is no file, too large, or cannot be read.
    """
    try:
        # Looked at first: opening a FIFO would wait for a writer that never comes.
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise ManuscriptError(f"{path} is a folder. Name a file in it.")
        if not stat.S_ISREG(found.st_mode):
            raise ManuscriptError(f"{path} is not a file that can be edited.")
        if found.st_size > MOST_BYTES:
            raise ManuscriptError(
                f"{path} has {found.st_size >> 20} MB, more than the {MOST_BYTES >> 20} MB that "
                "can be opened. Split it into several files."
            )
        # Taken before the reading: what changes meanwhile is found changed at the next look.
        stamp = Stamp.of(found)
        return Seen(path.read_bytes(), stamp, os.access(path, os.W_OK))
    except FileNotFoundError:
        if path.is_symlink():
            raise ManuscriptError(
                f"{path} is a link to a file that is not there. Remove the link or restore it."
            ) from None
        return None
    except PermissionError:
        raise ManuscriptError(
            f"{path} may not be read. Change its permissions to open it."
        ) from None
    except (OSError, ValueError) as error:
        raise ManuscriptError(f"{path} cannot be read: {cause(error)}.") from None


def compare(path: Path, stamp: Stamp | None, digest: str) -> tuple[DiskState, Stamp | None]:
    """How the file at `path` stands to one with this stamp and hash.

    The file is read only where its stamp does not prove that it is the same.

    Args:
        path: the file.
        stamp: the last one that belonged to `digest`; None where there was no file.
        digest: the SHA-256 of its bytes in hex; empty where there was no file.

    Returns:
        The state, and the stamp that belongs to `digest` from now on.
    """
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        if not path.parent.is_dir():
            return DiskState("unreachable"), stamp
        return DiskState("same" if not digest else "gone"), stamp
    except (OSError, ValueError):
        return DiskState("unreachable"), stamp
    now = Stamp.of(found)
    if stamp is not None and stamp.proves(now):
        return DiskState("same", now.when), stamp
    if not digest or not stat.S_ISREG(found.st_mode):
        return DiskState("changed", now.when), stamp
    if stamp is not None and now.size != stamp.size:
        return DiskState("changed", now.when), stamp
    try:
        same = sha256(path.read_bytes()).hexdigest() == digest
    except FileNotFoundError:
        return DiskState("gone"), stamp
    except OSError:
        return DiskState("unreachable", now.when), stamp
    if same:
        return DiskState("same", now.when), now
    return DiskState("changed", now.when), stamp
