"""Reads safetensors files: where each tensor is, and one at a time as float32.

The layout is that of the format's own description (huggingface/safetensors, README): eight bytes
of length, little endian, a JSON object of that length, and the numbers. Read here, so that a file
from anywhere is looked at before anything is made of it, and bfloat16 without torch.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]

_MOST_HEADER = 64 << 20
"""Bytes; that of a LoRA on each linear layer of the largest models has two."""
_KINDS: dict[str, tuple[int, str]] = {"F32": (4, "<f4"), "F16": (2, "<f2"), "BF16": (2, "<u2")}
"""Types of numbers that weights come in: bytes of each, and how numpy reads them."""


class SafetensorsError(Exception):
    """What is wrong with a file; the message is the middle of a sentence about it."""


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    dtype: str
    shape: tuple[int, ...]
    data_offsets: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Weights:
    """One tensor of a file."""

    path: Path
    name: str
    kind: str
    """F32, F16 or BF16."""
    shape: tuple[int, ...]
    """As torch has it: of a linear layer's weight, outputs and inputs."""
    begin: int
    """Where its numbers begin, in bytes from the file's start."""

    def load(self, rows: slice | None = None) -> Matrix:
        """Its numbers as float32, which holds each of the types exactly.

        Args:
            rows: of the first dimension; None: all.

        Raises:
            SafetensorsError: the file is shorter than it was.
        """
        width, code = _KINDS[self.kind]
        first, last, _ = (rows or slice(None)).indices(self.shape[0] if self.shape else 1)
        row = math.prod(self.shape[1:])
        count = row * (last - first)
        with self.path.open("rb") as file:
            file.seek(self.begin + first * row * width)
            found = np.fromfile(file, dtype=code, count=count)
        if found.size != count:
            raise SafetensorsError("was changed while it was read")
        if self.kind == "BF16":
            found = (found.astype("<u4") << 16).view("<f4")
        shape = (last - first, *self.shape[1:]) if self.shape else ()
        return found.astype(np.float32, copy=False).reshape(shape)


def bytes_of(weights: Weights) -> int:
    """How many bytes a tensor's numbers take."""
    return math.prod(weights.shape) * _KINDS[weights.kind][0]


def from_floats(numbers: Matrix, kind: str) -> NDArray[np.uint8]:
    """The bytes of finite numbers in a type of weights, rounded to the nearest, halves to even.

    Args:
        numbers: of any shape.
        kind: F32, F16 or BF16.
    """
    if kind != "BF16":
        return np.ascontiguousarray(numbers, _KINDS[kind][1]).reshape(-1).view(np.uint8)
    bits: NDArray[np.uint32] = np.ascontiguousarray(numbers, np.float32).view(np.uint32)
    rounded = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2")
    return np.ascontiguousarray(rounded).reshape(-1).view(np.uint8)


def read_table(path: Path) -> tuple[Weights, ...]:
    """The tensors of a file, by their names' order; no number is read.

    Raises:
        SafetensorsError: it is no safetensors file, breaks off, or holds numbers of a type that
            weights do not come in.
        OSError: it cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or not 2 <= length <= min(_MOST_HEADER, size - 8):
            raise SafetensorsError("is no safetensors file, or breaks off")
        header = file.read(length)
    try:
        raw = msgspec.json.decode(header, type=dict[str, msgspec.Raw])
        raw.pop("__metadata__", None)
        entries = {
            name: msgspec.json.decode(each, type=_Entry) for name, each in sorted(raw.items())
        }
    except (msgspec.MsgspecError, ValueError) as error:
        raise SafetensorsError("has a table that cannot be read") from error
    begin = 8 + length
    found = []
    for name, entry in entries.items():
        kind = entry.dtype
        if kind not in ("F32", "F16", "BF16"):
            raise SafetensorsError(f"holds numbers of the type {kind!r}, and weights are none")
        first, last = entry.data_offsets
        if min(entry.shape, default=0) < 0 or not 0 <= first <= last <= size - begin:
            raise SafetensorsError("has a tensor that is not within it, or breaks off")
        if last - first != math.prod(entry.shape) * _KINDS[kind][0]:
            raise SafetensorsError("has a tensor whose place does not fit its shape")
        found.append(Weights(path, name, kind, entry.shape, begin + first))
    places = sorted((each.begin, bytes_of(each)) for each in found)
    if any(place + length > following for (place, length), (following, _) in pairwise(places)):
        raise SafetensorsError("has two tensors in the same place")
    return tuple(found)
