"""PURE. How a GGUF header is written: pairs, the table of tensors, and where weights stand.

From the GGUF specification (ggml, docs/gguf.md), version 3, little endian; version 2 is the same
but for its number. `storytui.models.gguf_reading` reads what is written here.
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from storytui.models import gguf_layout as layout
from storytui.models.gguf_reading import Tensor

UINT16, UINT32 = 2, 4
DIVISION = ("split.no", "split.count", "split.tensors.count")
"""Entries that say which part of a divided model a file is."""

Written = str | bool | int | float | Sequence[str]
"""What a pair that is written here can hold. Whole numbers are written as 32 bits unsigned."""


def text(value: str) -> bytes:
    """A text with its length."""
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def pair(key: str, value: Written, kind: int | None = None) -> bytes:
    """An entry of a header: its name, its type and its value.

    Args:
        key: its name.
        value: a text, a truth, a number or a list of texts.
        kind: the type's number of a whole number, where it is not UINT32.
    """
    if isinstance(value, str):
        return text(key) + struct.pack("<I", layout.STRING) + text(value)
    if isinstance(value, bool):
        return text(key) + struct.pack("<IB", layout.BOOL, value)
    if isinstance(value, int):
        kind = UINT32 if kind is None else kind
        return text(key) + struct.pack("<I", kind) + struct.pack(layout.SCALARS[kind], value)
    if isinstance(value, float):
        return text(key) + struct.pack("<If", layout.FLOAT32, value)
    head = struct.pack("<IIQ", layout.ARRAY, layout.STRING, len(value))
    return text(key) + head + b"".join(text(each) for each in value)


def division_pairs(number: int, count: int, tensors: int) -> dict[str, bytes]:
    """The entries of one part of a divided model, of the types that llama.cpp asks for.

    Args:
        number: of the part, from 0.
        count: of parts.
        tensors: of the whole model.
    """
    return {
        "split.no": pair("split.no", number, UINT16),
        "split.count": pair("split.count", count, UINT16),
        "split.tensors.count": pair("split.tensors.count", tensors, layout.INT32),
    }


@dataclass(frozen=True, slots=True)
class Arranged:
    """A file as it will be: its header, and where the weights go."""

    head: bytes
    """The header, filled up to where the weights begin."""
    tensors: tuple[Tensor, ...]
    """In their order in the file; offsets from where the weights begin."""
    alignment: int

    @property
    def size(self) -> int:
        """Bytes of the whole file."""
        last = self.tensors[-1] if self.tensors else None
        return len(self.head) + (aligned(last.offset + last.size, self.alignment) if last else 0)


def arranged(
    pairs: Iterable[bytes],
    tensors: Iterable[tuple[str, tuple[int, ...], int]],
    *,
    version: int,
    alignment: int,
) -> Arranged:
    """Arrange a file: tensors one behind the other, each at a multiple of the alignment.

    Args:
        pairs: the header's entries, written.
        tensors: name, shape (the innermost dimension first) and type of each.
        version: of the format.
        alignment: bytes.
    """
    entries = list(pairs)
    placed, end = [], 0
    for name, shape, kind in tensors:
        size = size_of(shape, kind)
        placed.append(Tensor(name, end, size, shape, kind))
        end = aligned(end + size, alignment)
    head = bytearray(layout.MAGIC)
    head += struct.pack("<IQQ", version, len(placed), len(entries))
    for entry in entries:
        head += entry
    for each in placed:
        dimensions = len(each.shape)
        head += text(each.name)
        head += struct.pack(f"<I{dimensions}QIQ", dimensions, *each.shape, each.kind, each.offset)
    head += bytes(aligned(len(head), alignment) - len(head))
    return Arranged(bytes(head), tuple(placed), alignment)


def size_of(shape: tuple[int, ...], kind: int) -> int:
    """Bytes of a tensor's weights."""
    per_block, block_bytes = layout.TENSOR_TYPES[kind]
    elements = 1
    for each in shape:
        elements *= each
    return elements // per_block * block_bytes


def aligned(size: int, alignment: int) -> int:
    """The next multiple of the alignment."""
    return -(-size // alignment) * alignment
