"""Reads files to the end for their sha256; only for the process that talks to the Hub."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from storytui.models.fingerprint import known, note
from storytui.models.remembering import marks_of

BLOCK = 1 << 20
"""Bytes read at a time."""


def sha256_of(path: Path, told: Callable[[int], None]) -> str:
    """The sha256 of a file.

    Args:
        path: the file.
        told: is given the bytes read after each block.

    Raises:
        OSError: it cannot be read.
    """
    digest, done = sha256(), 0
    with path.open("rb", buffering=0) as file:
        while block := file.read(BLOCK):
            digest.update(block)
            done += len(block)
            told(done)
    return digest.hexdigest()


def remembered(path: Path, hashes: Path | None) -> str | None:
    """The sha256 of a file that was read before and is unchanged since."""
    return known(path, hashes)


def read_and_remembered(path: Path, hashes: Path | None, told: Callable[[int], None]) -> str:
    """As `sha256_of`; what is found out is kept until the file changes.

    Raises:
        OSError: it cannot be read.
    """
    marks = marks_of([path])
    found = sha256_of(path, told)
    if marks_of([path]) == marks:
        note(path, hashes, marks, found)
    return found
