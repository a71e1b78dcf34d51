"""Importance matrices: how much each column of a model's matrices matters, measured on texts.

As llama.cpp's llama-imatrix writes them: GGUF files (general.type `imatrix`, for each tensor
`NAME.in_sum2` and `NAME.counts`), and the older form without a header, both read as llama.cpp's
llama-quantize reads them (tools/quantize/quantize.cpp, common/imatrix-loader.cpp).
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from storytui.engine.api import ModelError
from storytui.models import gguf_layout
from storytui.models.gguf import opened
from storytui.models.gguf_reading import Listing, named
from storytui.story.visible import visible
from storytui_train.errors import GgufError
from storytui_train.gguf import layout
from storytui_train.gguf.ggml import Floats

_SUMS, _COUNTS = ".in_sum2", ".counts"
_MOST_ENTRIES = 1 << 20
_MOST_NAME = 256
_MOST_VALUES = 1 << 28


@dataclass(frozen=True, slots=True)
class ImportanceFile:
    """What was measured."""

    path: Path
    values: Mapping[str, Floats]
    """By a tensor's name: a number for each column; for experts, one matrix behind the other."""
    datasets: tuple[str, ...]
    chunks: int
    """Of text that it was measured on."""


def read_importance(path: Path) -> ImportanceFile:
    """Read an importance matrix.

    Raises:
        GgufError: it cannot be read, or is none.
    """
    shown = visible(str(path))
    try:
        with path.open("rb") as file:
            if file.read(4) != gguf_layout.MAGIC:
                file.seek(0)
                return _older(path, file)
        return _read(path)
    except ModelError as error:
        raise GgufError(visible(str(error))) from error
    except (struct.error, UnicodeDecodeError) as error:
        raise GgufError(f"{shown} is no importance matrix, or breaks off.") from error
    except OSError as error:
        raise GgufError(
            f"The importance matrix {shown} cannot be read: {error.strerror or error}."
        ) from error


def _read(path: Path) -> ImportanceFile:
    with opened(path, "importance matrix") as (contents, size):
        if contents.values.get("general.type") != "imatrix":
            raise ModelError(f"{path} is no importance matrix by what it says (general.type).")
        alignment = contents.values.get("general.alignment", gguf_layout.DEFAULT_ALIGNMENT)
        assert isinstance(alignment, int)
        begin = layout.aligned(contents.end, alignment)
        found: dict[str, Floats] = {}
        with path.open("rb") as file:
            for tensor in contents.tensors:
                if tensor.kind or begin + tensor.offset + tensor.size > size:
                    raise ModelError(f"The importance matrix {path} is damaged. Get it again.")
                file.seek(begin + tensor.offset)
                raw = np.frombuffer(file.read(tensor.size), np.float32)
                found[tensor.name] = raw.copy()
        chunks = contents.values.get("imatrix.chunk_count", 0)
        datasets = contents.values.get("imatrix.datasets")
        names = contents.raw_strings("imatrix.datasets") if isinstance(datasets, Listing) else ()
        return ImportanceFile(
            path,
            {
                name.removesuffix(_SUMS): _mean(path, name, found)
                for name in found
                if name.endswith(_SUMS)
            },
            tuple(each.decode("utf-8", "replace") for each in names),
            chunks if isinstance(chunks, int) else 0,
        )


def _mean(path: Path, name: str, found: Mapping[str, Floats]) -> Floats:
    """Sums by counts; all columns of a matrix that was never used matter alike."""
    sums, counts = found[name], found.get(name.removesuffix(_SUMS) + _COUNTS)
    if counts is None or not counts.size or sums.size % counts.size:
        raise ModelError(f"The importance matrix {path} says no counts for {named(name)}.")
    each = sums.reshape(counts.size, -1)
    used = counts[:, None] > 0
    mean = np.where(used, each / np.where(used, counts[:, None], 1), 1)
    return _usable(path, name, mean.ravel().astype(np.float32))


def _older(path: Path, file: BinaryIO) -> ImportanceFile:
    values: dict[str, Floats] = {}
    (entries,) = struct.unpack("<i", file.read(4))
    if not 0 < entries <= _MOST_ENTRIES:
        raise ModelError(f"{path} is no importance matrix.")
    for _ in range(entries):
        name = _text(path, file)
        calls, count = struct.unpack("<ii", file.read(8))
        if not 0 < count <= _MOST_VALUES:
            raise ModelError(f"{path} is no importance matrix, or damaged.")
        raw = file.read(4 * count)
        if len(raw) != 4 * count:
            raise ModelError(f"The importance matrix {path} breaks off. Get it again.")
        sums = np.frombuffer(raw, np.float32)
        values[name] = _usable(path, name, (sums / max(1, calls)).astype(np.float32))
    rest = file.read(4)
    chunks = struct.unpack("<i", rest)[0] if len(rest) == 4 else 0
    dataset = _text(path, file) if len(rest) == 4 and file.peek(1)[:1] else ""  # type: ignore[attr-defined]
    return ImportanceFile(path, values, (dataset,) if dataset else (), max(0, chunks))


def _text(path: Path, file: BinaryIO) -> str:
    (length,) = struct.unpack("<i", file.read(4))
    if not 0 < length <= _MOST_NAME:
        raise ModelError(f"{path} is no importance matrix, or damaged.")
    raw = file.read(length)
    if len(raw) != length:
        raise ModelError(f"The importance matrix {path} breaks off. Get it again.")
    return raw.decode()


def _usable(path: Path, name: str, values: Floats) -> Floats:
    """See that they are finite and not negative, which ggml ends the process over."""
    if not np.isfinite(values).all() or (values < 0).any():
        raise ModelError(
            f"The importance matrix {path} has numbers for {named(name)} that cannot be. "
            "Measure it anew."
        )
    return values
