"""Reads a GGUF header into its pairs and tensors, and believes none of it.

Every number is held against the file's length before anything is done with it, so that a header
costs time and memory by its true length and never by what it claims.
"""

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from storytui.models import gguf_layout as layout
from storytui.story.visible import visible

_LENGTH = struct.Struct("<Q")
_NUMBERS = {kind: struct.Struct(code) for kind, code in layout.SCALARS.items()}
_MOST_NAMED = 60


class GgufFaultError(Exception):
    """What a file says cannot be; the message is the middle of a sentence about the model."""

    def __init__(self, fault: str, advice: str = "Get the file again.") -> None:
        super().__init__(fault)
        self.advice = advice


@dataclass(frozen=True, slots=True)
class Listing:
    """A list in the header: where it is, not what it holds."""

    kind: int
    """Value type of its elements."""
    count: int
    at: int
    """Where its first element begins, in bytes from the file's start."""


class HeaderGoesOnError(GgufFaultError):
    """The header goes on behind the part of the file that was given."""


Value = int | float | bool | str | Listing | None
"""A pair's value; None for a text too long to be kept."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """One entry of the table of tensors."""

    name: str
    offset: int
    """Bytes from the beginning of the weights."""
    size: int
    """Bytes of its weights."""
    shape: tuple[int, ...] = ()
    """Elements in each dimension, the innermost first."""
    kind: int = 0
    """Its type's number in `layout.TENSOR_TYPES`."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a header holds."""

    data: memoryview = field(repr=False)
    """The file's beginning, at least as long as the header."""
    values: dict[str, Value]
    tensors: tuple[Tensor, ...]
    end: int
    """Where the header ends, in bytes from the file's start."""
    kinds: dict[str, int] = field(default_factory=dict, repr=False)
    """The value type of each pair: llama.cpp ends its process over a number of another width."""
    spans: dict[str, tuple[int, int]] = field(default_factory=dict, repr=False)
    """Where each pair begins, with its name, and where it ends, in bytes from the file's start."""

    def raw_strings(self, key: str) -> Iterator[bytes]:
        """The texts of a list of texts, as they are in the file."""
        listing = self.values.get(key)
        if isinstance(listing, Listing) and listing.kind == layout.STRING:
            at = listing.at
            for _ in range(listing.count):
                (length,) = _LENGTH.unpack_from(self.data, at)
                at += 8 + length
                yield bytes(self.data[at - length : at])

    def numbers(self, key: str) -> Iterator[float]:
        """The numbers of a list of numbers."""
        listing = self.values.get(key)
        if isinstance(listing, Listing) and listing.kind in _NUMBERS:
            size = layout.SIZES[listing.kind]
            for at in range(listing.at, listing.at + listing.count * size, size):
                yield _NUMBERS[listing.kind].unpack_from(self.data, at)[0]


def read_contents(data: memoryview, file_size: int) -> Contents:
    """Read a header.

    Args:
        data: the file's beginning; the whole file where that is shorter than
            `layout.MOST_HEADER_BYTES`.
        file_size: bytes of the whole file.

    Raises:
        HeaderGoesOnError: it may be in order, and does not end within `data`.
        GgufFaultError: it breaks off, or says something that cannot be.
    """
    cursor = _Cursor(data, file_size)
    if bytes(data[:4]) != layout.MAGIC:
        raise GgufFaultError("does not begin as a GGUF file does")
    cursor.skip(4)
    version = cursor.number(4)
    if version not in layout.VERSIONS:
        raise GgufFaultError(
            f"has GGUF version {version}, and only 2 and 3 can be read",
            "Get or convert another file.",
        )
    tensors = cursor.count("tensors", layout.MOST_TENSORS, least_bytes=24)
    pairs = cursor.count("entries", layout.MOST_PAIRS, least_bytes=13)
    values: dict[str, Value] = {}
    kinds: dict[str, int] = {}
    spans: dict[str, tuple[int, int]] = {}
    for _ in range(pairs):
        begin = cursor.at
        key = cursor.name("an entry's name", layout.MOST_KEY_BYTES)
        if key in values:
            raise GgufFaultError(f"says {named(key)} twice")
        kinds[key] = cursor.number(4)
        values[key] = cursor.value(key, kinds[key])
        spans[key] = (begin, cursor.at)
    table: dict[str, Tensor] = {}
    for _ in range(tensors):
        tensor = cursor.tensor()
        if tensor.name in table:
            raise GgufFaultError(f"holds the tensor {named(tensor.name)} twice")
        table[tensor.name] = tensor
    return Contents(data, values, tuple(table.values()), cursor.at, kinds, spans)


def named(text: str) -> str:
    """A name out of a file, fit to be shown in a sentence."""
    shown = visible(text[: _MOST_NAMED + 1], newlines=False)
    return shown if len(text) <= _MOST_NAMED else f"{shown[:_MOST_NAMED]}…"


class _Cursor:
    """Walks through a header; every step is held against the file's length."""

    def __init__(self, data: memoryview, file_size: int) -> None:
        self._data = data
        self._file_size = file_size
        self.at = 0

    def skip(self, count: int) -> int:
        """Go on by `count` bytes; returns where they begin."""
        begin = self.at
        if count > len(self._data) - begin:
            if count <= self._file_size - begin:
                raise HeaderGoesOnError("has a header longer than that of any model")
            raise GgufFaultError("breaks off inside its header")
        self.at = begin + count
        return begin

    def number(self, kind: int) -> int:
        """A whole number of a value type."""
        begin = self.skip(layout.SIZES[kind])
        value: int = _NUMBERS[kind].unpack_from(self._data, begin)[0]
        return value

    def count(self, what: str, most: int, *, least_bytes: int) -> int:
        """How many of something follow, each of at least `least_bytes`."""
        count = self.number(10)
        if count > most:
            raise GgufFaultError(f"claims {count:,} {what}, more than any model has")
        if count * least_bytes > self._file_size - self.at:
            raise GgufFaultError(f"claims {count:,} {what} and is too short for them")
        return count

    def name(self, what: str, most: int) -> str:
        """A name: short, not empty, of characters that can be seen."""
        length = self.number(10)
        if not 0 < length <= most:
            raise GgufFaultError(f"has {what} of {length:,} bytes, where 1 to {most:,} are allowed")
        begin = self.skip(length)
        try:
            text = bytes(self._data[begin : self.at]).decode()
        except UnicodeDecodeError:
            raise GgufFaultError(f"has {what} that is no text") from None
        if not text.isprintable():
            raise GgufFaultError(f"has {what} with characters that cannot be seen: {named(text)}")
        return text

    def value(self, key: str, kind: int) -> Value:
        """The value of a pair."""
        if kind == layout.STRING:
            length = self.number(10)
            begin = self.skip(length)
            if length > layout.MOST_TEXT_BYTES:
                return None
            return bytes(self._data[begin : self.at]).decode("utf-8", "replace")
        if kind == layout.ARRAY:
            return self._listing(key)
        if kind not in _NUMBERS:
            raise GgufFaultError(f"has {named(key)} of the unknown type {kind}")
        begin = self.skip(layout.SIZES[kind])
        number: float = _NUMBERS[kind].unpack_from(self._data, begin)[0]
        if kind == layout.BOOL:
            if number > 1:
                raise GgufFaultError(f"has {named(key)} neither true nor false")
            return bool(number)
        if not math.isfinite(number):
            raise GgufFaultError(f"has {named(key)} without a finite value")
        return number

    def _listing(self, key: str) -> Listing:
        kind = self.number(4)
        count = self.number(10)
        at = self.at
        if kind == layout.STRING:
            if count > layout.MOST_STRINGS:
                raise GgufFaultError(f"claims {count:,} texts in {named(key)}")
            self._skip_strings(count)
        elif kind in layout.SIZES:
            self.skip(count * layout.SIZES[kind])
        elif kind == layout.ARRAY:
            # The specification allows lists of lists; no model has one, and llama.cpp reads none.
            raise GgufFaultError(f"has lists inside the list {named(key)}")
        else:
            raise GgufFaultError(f"has {named(key)} of the unknown type {kind}")
        return Listing(kind, count, at)

    def _skip_strings(self, count: int) -> None:
        # The one loop that is long: a vocabulary and its merges.
        data, at, unpack = self._data, self.at, _LENGTH.unpack_from
        try:
            for _ in range(count):
                at += 8 + unpack(data, at)[0]
        except (struct.error, OverflowError):
            at = max(at, len(data)) + 1
        self.skip(at - self.at)

    def tensor(self) -> Tensor:
        """One entry of the table of tensors."""
        name = self.name("a tensor's name", layout.MOST_TENSOR_NAME_BYTES)
        dimensions = self.number(4)
        if dimensions > layout.MOST_DIMENSIONS:
            raise GgufFaultError(f"has the tensor {named(name)} in {dimensions:,} dimensions")
        shape = [self.number(10) for _ in range(dimensions)]
        kind = self.number(4)
        offset = self.number(10)
        if kind not in layout.TENSOR_TYPES:
            raise GgufFaultError(f"has the tensor {named(name)} of the unknown type {kind}")
        per_block, block_bytes = layout.TENSOR_TYPES[kind]
        if 0 in shape or (shape[:1] and shape[0] % per_block):
            raise GgufFaultError(f"has the tensor {named(name)} in a shape that its type rules out")
        elements = math.prod(shape)
        size = elements // per_block * block_bytes
        if size > self._file_size or elements >= 1 << 63:
            raise GgufFaultError(f"has the tensor {named(name)} larger than the whole file")
        return Tensor(name, offset, size, tuple(shape), kind)
