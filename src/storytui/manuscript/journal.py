"""The journal of one session: every edit on the disk, to be made again after a crash.

A journal is a file of records that is only ever appended to. The first one holds the whole text
that the edits begin from. A record that was cut off by a crash ends the reading; what stands
before it counts. When the records outgrow the limit, a shorter journal with a later text takes the
old one's place in one step.
"""

import contextlib
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from storytui.manuscript.journal_records import (
    MAGIC,
    Base,
    Breaks,
    Cursor,
    Edit,
    Moment,
    OpenTakes,
    Record,
    Saved,
    framed,
    to_bytes,
    to_text,
    whole_records,
)
from storytui.manuscript.lines import LineEdit, Lines, from_runs

LIMIT_BYTES = 1 << 20
"""Bytes of edits after which a journal is begun anew from a later text."""
KEPT_EDITS = 500
"""Edits that stay in a journal begun anew, so that they can be undone after a crash."""


class JournalError(Exception):
    """The journal could not be written; the message says why, for the writer."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a journal says about the session that wrote it."""

    base: str
    """The text that `edits` begin from."""
    base_breaks: list[str] | None
    edits: tuple[LineEdit, ...]
    """The last edits, which lead to `text`."""
    text: str
    """The text as it was last."""
    breaks: list[str] | None
    """Its line breaks where the file mixes them; for the text as it was last."""
    saved: bool
    """Whether `text` was in the file."""
    sha256: str
    """Of the file's bytes when it was last read or saved."""
    cursor: Cursor | None
    open_takes: OpenTakes | None
    when: float
    """When it was last written to, in seconds since 1970."""
    path: Path


class Journal:
    """The journal of one session, written by one thread at a time."""

    def __init__(self, path: Path, limit: int = LIMIT_BYTES) -> None:
        """Nothing is written before the first `append`.

        Args:
            path: where it is to be; its folder exists.
            limit: bytes of edits after which it is begun anew.
        """
        self.path = path
        self._limit = limit
        self._descriptor: int | None = None
        self._size = 0
        self._base = Base(b"", None, "", False)
        self._text = ""
        self._packed = True
        self._records: list[Record] = []
        """Everything after the base: a journal that cannot be written is begun anew elsewhere."""
        self._bytes = 0

    def begin(
        self,
        text: str,
        *,
        breaks: list[tuple[int, str]] | None = None,
        sha256: str = "",
        saved: bool = True,
    ) -> None:
        """Edits from now on begin from `text`; nothing is written yet.

        Args:
            text: what the editor shows.
            breaks: runs of line breaks where the file mixes them.
            sha256: of the file's bytes; empty where there is no file.
            saved: whether the text is the file's.
        """
        self._text, self._packed = text, False
        self._base = Base(b"", breaks, sha256, saved)
        self._records, self._bytes = [], 0
        self._drop_descriptor()

    def append(self, records: Sequence[Record]) -> None:
        """Write records and force them to the disk.

        Raises:
            JournalError: they could not be written; they are kept, and written with the next ones.
        """
        self._records.extend(records)
        try:
            if self._descriptor is None:
                self._write_anew()
                return
            data = b"".join(map(framed, records))
            _write_all(self._descriptor, data)
            os.fsync(self._descriptor)
            self._size += len(data)
            self._bytes += len(data)
            if self._bytes > self._limit:
                self._shorten()
        except OSError as error:
            # What reached the disk is unknown now: the next attempt writes a whole new one.
            self._drop_descriptor()
            raise JournalError(
                f"The journal of this story cannot be written: {_cause(error)}. "
                "Save the story, and make room; until then a crash would lose what is not saved."
            ) from error

    def close(self, *, remove: bool) -> None:
        """End the journal; `remove` it where everything in it is safe elsewhere."""
        self._drop_descriptor()
        if remove:
            with contextlib.suppress(OSError):
                self.path.unlink(missing_ok=True)

    @property
    def size(self) -> int:
        """Bytes of the file as far as it is known to be whole."""
        return self._size

    def _write_anew(self) -> None:
        """Put a journal of base and records in the place of the one that is there."""
        if not self._packed:
            packed = zlib.compress(to_bytes(self._text), 1)
            self._base = msgspec.structs.replace(self._base, packed=packed)
            self._packed = True
        head = MAGIC + framed(self._base)
        data = b"".join(map(framed, self._records))
        temporary = self.path.with_name(f"new-{self.path.name}")
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        descriptor = os.open(
            temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600
        )
        try:
            _write_all(descriptor, head + data)
            os.fsync(descriptor)
            os.replace(temporary, self.path)
        except BaseException:
            os.close(descriptor)
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        # An earlier descriptor is of the file that was replaced.
        self._drop_descriptor()
        self._descriptor, self._size, self._bytes = descriptor, len(head) + len(data), len(data)
        _sync_folder(self.path.parent)

    def _shorten(self) -> None:
        """Begin anew from a later text, with the last edits kept."""
        edits = [at for at, each in enumerate(self._records) if isinstance(each, Edit)]
        cut = edits[-KEPT_EDITS] if len(edits) > KEPT_EDITS else 0
        # Of edits that are large, fewer: the journal begun anew must be well under its limit.
        size = 0
        for at in range(len(self._records) - 1, cut - 1, -1):
            size += len(framed(self._records[at]))
            if size > self._limit // 4:
                cut = at + 1
                break
        state = _State(Lines(self._text), self._base)
        for record in self._records[:cut]:
            state.take(record)
        self._text = state.lines.text
        self._base, self._packed = Base(b"", state.breaks, state.sha256, state.saved), False
        moved: list[Record] = [
            *([state.open_takes] if state.open_takes is not None else []),
            *([state.cursor] if state.cursor is not None else []),
        ]
        self._records = moved + self._records[cut:]
        self._write_anew()

    def _drop_descriptor(self) -> None:
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = None


class _State:
    """What a journal's records lead to."""

    def __init__(self, lines: Lines, base: Base) -> None:
        self.lines = lines
        self.breaks = base.breaks
        self.sha256 = base.sha256
        self.saved = base.saved
        self.cursor: Cursor | None = None
        self.open_takes: OpenTakes | None = None
        self.when = 0.0

    def take(self, record: Record) -> None:
        match record:
            case Edit():
                self.lines.apply(record.made)
                self.saved = False
            case Cursor():
                self.cursor = record
            case Saved(sha256):
                self.saved, self.sha256 = True, sha256
            case Breaks(found):
                self.breaks = found
            case OpenTakes():
                self.open_takes = record
            case Moment(at):
                self.when = at


def read_journal(path: Path) -> Recovered | None:
    """What the journal at `path` holds; None where not even its first text is whole.

    Raises:
        OSError: it cannot be read.
    """
    records = whole_records(path.read_bytes())
    if not records or not isinstance(records[0], Base):
        return None
    base = records[0]
    try:
        text = to_text(zlib.decompress(base.packed))
    except (zlib.error, UnicodeDecodeError):
        return None
    edits = [at for at, each in enumerate(records) if isinstance(each, Edit)]
    cut = edits[-KEPT_EDITS] if len(edits) > KEPT_EDITS else 1
    state = _State(Lines(text), base)
    made: list[LineEdit] = []
    early = text
    early_breaks = base.breaks
    for at, record in enumerate(records[1:], 1):
        if at == cut:
            early, early_breaks = state.lines.text, state.breaks
        try:
            state.take(record)
        except IndexError:
            # Whole records that do not fit together: what stood before them is all there is.
            break
        if at >= cut and isinstance(record, Edit):
            made.append(record.made)
    return Recovered(
        base=early,
        base_breaks=from_runs(early_breaks),
        edits=tuple(made),
        text=state.lines.text,
        breaks=from_runs(state.breaks),
        saved=state.saved,
        sha256=state.sha256,
        cursor=state.cursor,
        open_takes=state.open_takes,
        when=state.when or path.stat().st_mtime,
        path=path,
    )


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync_folder(folder: Path) -> None:
    # Where a folder cannot be synchronised the journal is still written.
    if os.name == "posix":
        with contextlib.suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def _cause(error: OSError) -> str:
    text = error.strerror or str(error)
    return text[:1].lower() + text[1:]
