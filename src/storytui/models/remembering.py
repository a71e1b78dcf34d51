"""What was found out about files, kept in a small JSON file until they change.

A file counts as unchanged while its size, time of change and inode are the same. The cache is a
convenience: one that is missing, broken or cannot be written costs time and nothing else.
"""

import contextlib
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

MOST_ENTRIES = 64
_MOST_BYTES = 1 << 20
_SETTLED_NS = 2_000_000_000
"""A file that was changed this short a while ago may change again without its time showing it."""

_Value = TypeVar("_Value")


class FileMark(msgspec.Struct, frozen=True):
    """What tells that a file has changed."""

    size: int
    mtime_ns: int
    inode: int


Marks = tuple[FileMark, ...]


class _Entry(msgspec.Struct, frozen=True):
    marks: Marks
    value: msgspec.Raw


class _Cache(msgspec.Struct, frozen=True):
    version: str
    entries: dict[str, _Entry]


def marks_of(paths: Sequence[Path]) -> Marks:
    """The marks of files, in their order.

    Raises:
        OSError: one of them is not there.
    """
    try:
        stats = [path.stat() for path in paths]
    except ValueError as error:  # a NUL in a path
        raise OSError(str(error)) from error
    return tuple(FileMark(each.st_size, each.st_mtime_ns, each.st_ino) for each in stats)


def recall(
    cache: Path | None, version: str, path: Path, marks: Marks, kind: type[_Value]
) -> _Value | None:
    """What is known of a file; None where nothing is, or the file has changed since.

    Args:
        cache: the JSON file; None knows nothing.
        version: what another version of the program found out is not believed.
        path: the file.
        marks: as it is now, with the other files that count.
        kind: what is expected.
    """
    entry = _read(cache, version).get(_key(path))
    if entry is None or entry.marks != marks:
        return None
    try:
        return msgspec.json.decode(entry.value, type=kind)
    except (msgspec.MsgspecError, RecursionError):
        return None


def remember(
    cache: Path | None,
    version: str,
    path: Path,
    marks: Marks,
    value: object,
    *,
    settled: bool = False,
) -> None:
    """Keep what was found out about a file, unless the file is still being written.

    Args:
        cache: the JSON file; None keeps nothing.
        version: see `recall`.
        path: the file.
        marks: as it was when the finding out began.
        value: what JSON can hold.
        settled: whether it is certain that nobody writes the file any more.
    """
    newest = max((each.mtime_ns for each in marks), default=0)
    if cache is None or (not settled and abs(time.time_ns() - newest) < _SETTLED_NS):
        return
    entries = _read(cache, version)
    entries.pop(_key(path), None)
    entries[_key(path)] = _Entry(marks, msgspec.Raw(msgspec.json.encode(value)))
    kept = dict(list(entries.items())[-MOST_ENTRIES:])
    with contextlib.suppress(OSError):
        put_in_place(cache, msgspec.json.encode(_Cache(version, kept)))


def _key(path: Path) -> str:
    return os.fsencode(path.resolve()).decode("utf-8", "backslashreplace")


def _read(cache: Path | None, version: str) -> dict[str, _Entry]:
    if cache is None:
        return {}
    try:
        with cache.open("rb") as file:
            found = msgspec.json.decode(file.read(_MOST_BYTES), type=_Cache)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}
    return dict(found.entries) if found.version == version else {}


def put_in_place(cache: Path, body: bytes) -> None:
    """Put the whole file in place at once: two editors may do so at the same time.

    Raises:
        OSError: it cannot be written.
    """
    part = cache.with_name(f".{cache.name}.{os.getpid()}-{time.monotonic_ns()}")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(body)
        part.replace(cache)
    finally:
        part.unlink(missing_ok=True)
