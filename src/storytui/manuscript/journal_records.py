"""The records of a journal, and their form on the disk.

Each record is its length and the CRC-32 of its payload, both as four bytes little-endian, and the
payload, msgpack.
"""

import time
import zlib

import msgspec

from storytui.manuscript.lines import LineEdit, Place

MAGIC = b"storytui journal 1\n"
_HEAD_BYTES = 8


class Base(msgspec.Struct, frozen=True, array_like=True, tag="b"):
    """The text that the edits after it begin from."""

    packed: bytes
    """The text's bytes, deflated."""
    breaks: list[tuple[int, str]] | None
    """Runs of line breaks where the file mixes them."""
    sha256: str
    """Of the file's bytes when they were last read or saved; empty where there was no file."""
    saved: bool
    """Whether this text is the file's."""


class Edit(msgspec.Struct, frozen=True, array_like=True, tag="e"):
    """What stood between two places became another text."""

    start: Place
    end: Place
    data: bytes

    @classmethod
    def of(cls, edit: LineEdit) -> "Edit":
        """The record of an edit."""
        return cls(edit.start, edit.end, to_bytes(edit.text))

    @property
    def made(self) -> LineEdit:
        """The edit, to be made again."""
        return LineEdit(self.start, self.end, to_text(self.data))


class Cursor(msgspec.Struct, frozen=True, array_like=True, tag="c"):
    """Where the cursor is, and where the selection began."""

    place: Place
    anchor: Place


class Saved(msgspec.Struct, frozen=True, array_like=True, tag="s"):
    """The text as it is now stands in the file."""

    sha256: str


class Breaks(msgspec.Struct, frozen=True, array_like=True, tag="l"):
    """The line breaks as they are now, where the file mixes them."""

    found: list[tuple[int, str]]


class StandingPiece(msgspec.Struct, frozen=True, array_like=True):
    """A piece of a take's answer that stands in the text."""

    end: int
    """Where it ends in the answer."""
    start: Place
    removed: bytes
    inserted: bytes


class OpenTake(msgspec.Struct, frozen=True, array_like=True):
    """A take of the open place."""

    id: str
    pieces: list[StandingPiece]


class OpenTakes(msgspec.Struct, frozen=True, array_like=True, tag="t"):
    """The takes that lie open, and where accepted text goes."""

    place: Place
    shown: int
    takes: list[OpenTake]


class Moment(msgspec.Struct, frozen=True, array_like=True, tag="m"):
    """When the records before this one were written, in seconds since 1970."""

    at: float


Record = Base | Edit | Cursor | Saved | Breaks | OpenTakes | Moment

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Record).decode


def to_bytes(text: str) -> bytes:
    """Any text, lone surrogates included, as bytes."""
    return text.encode("utf-8", "surrogatepass")


def to_text(data: bytes) -> str:
    """The inverse of `to_bytes`."""
    return data.decode("utf-8", "surrogatepass")


def now() -> Moment:
    """The record that says when."""
    return Moment(time.time())


def whole_records(data: bytes) -> list[Record]:
    """The whole records at the beginning of a journal."""
    if not data.startswith(MAGIC):
        return []
    found: list[Record] = []
    at = len(MAGIC)
    while at + _HEAD_BYTES <= len(data):
        length = int.from_bytes(data[at : at + 4], "little")
        check = int.from_bytes(data[at + 4 : at + _HEAD_BYTES], "little")
        payload = data[at + _HEAD_BYTES : at + _HEAD_BYTES + length]
        if len(payload) < length or zlib.crc32(payload) != check:
            break
        try:
            found.append(_decode(payload))
        except msgspec.MsgspecError:
            break
        at += _HEAD_BYTES + length
    return found


def framed(record: Record) -> bytes:
    """A record as it stands in the file."""
    payload = _encode(record)
    return len(payload).to_bytes(4, "little") + zlib.crc32(payload).to_bytes(4, "little") + payload
