"""Bytes of files that somebody else made: not too many, and nothing that only seems to be a file.

What cannot be used is refused with a short reason, for lists, and a sentence, for people.
"""

import io
import os
import stat
import zipfile
import zlib
from pathlib import Path

from storytui_train.errors import SourceError

MAXIMUM_TEXT = 64 * 1024 * 1024
"""Bytes that a single text may have; the largest novels have four million."""
MAXIMUM_ARCHIVE = 256 * 1024 * 1024
"""Bytes of a .docx or .epub, pictures included."""
MAXIMUM_UNPACKED = 64 * 1024 * 1024
"""Bytes that one part of a .docx or .epub, and all parts that are read, may unpack to."""

_ENCRYPTED = 0x1


class RefusedError(SourceError):
    """A source that is left out."""

    def __init__(self, reason: str, detail: str) -> None:
        """Say why.

        Args:
            reason: its short name: `unreadable`, `empty`, `binary`, `password`, `too big`,
                `permission`, `missing`, `not read yet`.
            detail: a sentence: what was found, and what to do.
        """
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def megabytes(size: int) -> str:
    """A size as people read it: `200.0 MB`."""
    return f"{size / 1_000_000:,.1f} MB"


def read_bytes(path: Path, shown: str, maximum: int | None = None) -> bytes:
    """All bytes of a file.

    Args:
        path: the file.
        shown: what messages call it.
        maximum: the most bytes; None: `MAXIMUM_TEXT`. A larger file is not read at all.

    Raises:
        RefusedError: there is no such file, it may not be read, is too big, or is empty.
    """
    limit = MAXIMUM_TEXT if maximum is None else maximum
    try:
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode):
            raise RefusedError("unreadable", f"{shown} is not a file that can be read.")
        if found.st_size > limit:
            raise _too_big(shown, found.st_size, limit)
        with open(path, "rb") as file:
            # One more than is allowed: it may have grown since.
            data = file.read(limit + 1)
    except OSError as error:
        raise refused(error, shown) from error
    if len(data) > limit:
        raise _too_big(shown, len(data), limit)
    if not data.strip(b"\0 \t\r\n\xef\xbb\xbf"):
        raise RefusedError("empty", f"{shown} is empty.")
    return data


def refused(error: OSError, shown: str) -> RefusedError:
    """What an error of the operating system means for a source."""
    if isinstance(error, PermissionError):
        return RefusedError(
            "permission", f"{shown} may not be read. Change its permissions, or leave it out."
        )
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return RefusedError("missing", f"There is no {shown}. Check the path.")
    why = error.strerror or type(error).__name__
    return RefusedError("unreadable", f"{shown} cannot be read: {why}.")


def _too_big(shown: str, size: int, limit: int) -> RefusedError:
    return RefusedError(
        "too big",
        f"{shown} has {megabytes(size)}, and {megabytes(limit)} is the most that is read as one "
        "text. Split it into books.",
    )


class Archive:
    """The parts of a ZIP archive, none of which unpacks to more than there is room for."""

    def __init__(self, data: bytes, shown: str) -> None:
        """Open an archive.

        Args:
            data: its bytes.
            shown: what messages call it.

        Raises:
            RefusedError: it is damaged, or locked with a password.
        """
        self._shown = shown
        self._unpacked = 0
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise self._damaged() from error
        self._members = {each.filename: each for each in self._archive.infolist()}
        if any(each.flag_bits & _ENCRYPTED for each in self._members.values()):
            raise password(shown)

    @property
    def names(self) -> list[str]:
        """The names of its parts, in the archive's order."""
        return list(self._members)

    def read(self, name: str) -> bytes:
        """One part; empty where there is none of that name.

        Raises:
            RefusedError: it is damaged, or unpacks to too much.
        """
        member = self._members.get(name)
        if member is None:
            return b""
        # No more than this many bytes come out, whatever the compressed data says.
        self._unpacked += member.file_size
        if self._unpacked > MAXIMUM_UNPACKED:
            raise RefusedError(
                "too big",
                f"{self._shown} unpacks to more than {megabytes(MAXIMUM_UNPACKED)} of text. "
                "It is damaged, or not a book.",
            )
        try:
            return self._archive.read(member)
        except (
            zipfile.BadZipFile,
            zlib.error,
            OSError,
            EOFError,
            ValueError,
            RuntimeError,
            NotImplementedError,
        ) as error:
            raise self._damaged() from error

    def _damaged(self) -> RefusedError:
        return RefusedError(
            "unreadable",
            f"{self._shown} is damaged: its archive cannot be unpacked. Make it again.",
        )


def password(shown: str) -> RefusedError:
    """What is said of a document that only a password opens."""
    return RefusedError(
        "password", f"{shown} is locked with a password. Save a copy without one, and name that."
    )
