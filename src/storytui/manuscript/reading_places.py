"""Where the windows of a manuscript began, kept with it: reopening asks for the same tokens.

Nothing is lost with them but time: what cannot be read is forgotten, what cannot be written is
kept in memory only.
"""

import contextlib
import os
import threading
import uuid
from pathlib import Path
from typing import Annotated

import msgspec

from storytui.story.starts import Start

FILE = "windows.json"
"""What the file is called in the manuscript's folder."""
MOST = 24
"""Starts that are kept."""
_VERSION = 1
_DELAY = 1.0
"""Seconds from a new start to its being written."""


class _Known(msgspec.Struct, frozen=True):
    offset: Annotated[int, msgspec.Meta(ge=0)]
    after: bytes
    """UTF-8, with what the manuscript keeps of bytes that are no character."""
    before: bytes


class _Record(msgspec.Struct, frozen=True, kw_only=True):
    version: int
    starts: list[_Known]
    """The one used last at the end."""


class ReadingPlaces:
    """The starts of one manuscript's windows; may be used from any thread."""

    def __init__(self, folder: Path | None = None) -> None:
        """Nothing is read before it is asked for.

        Args:
            folder: the manuscript's own folder; None keeps them in memory only.
        """
        self._path = None if folder is None else folder / FILE
        self._starts: list[Start] | None = None
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()
        """Guards the starts and the timer."""
        self._writing = threading.Lock()
        """One writes at a time, and the last one writes what is newest."""

    def starts(self) -> tuple[Start, ...]:
        """Where windows began, the one used last at the end."""
        with self._lock:
            return tuple(self._read())

    def remember(self, start: Start, instead_of: Start | None = None) -> None:
        """A window begins there now; it is written soon, in a thread of its own.

        Args:
            start: the place, as it is now.
            instead_of: the same place as it was remembered, if it was.
        """
        if start.offset > 0 and not start.after.strip():
            return
        with self._lock:
            starts = self._read()
            if starts and starts[-1] == start:
                return
            # All that were remembered of the story's beginning are one place.
            self._starts = [
                each
                for each in starts
                if each not in (start, instead_of) and (each.offset > 0 or start.offset > 0)
            ][1 - MOST :]
            self._starts.append(start)
            if self._path is not None and self._timer is None:
                self._timer = threading.Timer(_DELAY, self.close)
                self._timer.name = "reading-places"
                self._timer.daemon = True
                self._timer.start()

    def close(self) -> None:
        """Write what is not written yet, now."""
        with self._writing:
            with self._lock:
                if self._timer is None or self._path is None or self._starts is None:
                    return
                self._timer.cancel()
                self._timer = None
                starts = [_known(each) for each in self._starts]
            # Where the folder is gone or full, the next window begins where it would have anyway.
            with contextlib.suppress(OSError):
                _put(self._path, msgspec.json.encode(_Record(version=_VERSION, starts=starts)))

    def _read(self) -> list[Start]:
        if self._starts is None:
            self._starts = [] if self._path is None else _read(self._path)
        return self._starts


def _known(start: Start) -> _Known:
    after, before = (each.encode("utf-8", "surrogatepass") for each in (start.after, start.before))
    return _Known(start.offset, after, before)


def _start(known: _Known) -> Start:
    after, before = (each.decode("utf-8", "surrogatepass") for each in (known.after, known.before))
    return Start(known.offset, after, before)


def _read(path: Path) -> list[Start]:
    try:
        record = msgspec.json.decode(path.read_bytes(), type=_Record)
        starts = [_start(each) for each in record.starts[-MOST:]]
    except (OSError, ValueError, RecursionError):
        return []
    if record.version != _VERSION:
        return []
    return starts


def _put(path: Path, data: bytes) -> None:
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(data)
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
