"""A quick look at the beginning of a GGUF file: what kind of thing it is.

Of the header only what stands before the vocabulary is read, some kilobytes, and little of it is
believed: whether llama.cpp can be given the file is for `gguf.check_gguf` to say. The entries are
those of the GGUF specification (ggml, docs/gguf.md) and of llama.cpp's gguf-py/gguf/constants.py.
"""

import mmap
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from storytui.engine.api import ModelError
from storytui.models import gguf_layout as layout
from storytui.story.visible import visible

Kind = Literal["writer", "adapter", "projector", "embedding", "other"]
"""A writing model; a LoRA; the half of a model that sees; one that only compares texts; the rest:
models of pictures and sound, importance matrices, further parts of divided models."""

_EMBEDDING = frozenset(
    (
        *("bert", "modern-bert", "nomic-bert", "nomic-bert-moe", "neo-bert", "eurobert"),
        *("jina-bert-v2", "jina-bert-v3", "gemma-embedding", "llama-embed", "t5encoder"),
    )
)
"""Architectures of llama.cpp that give vectors and no text."""
_NO_WRITERS = frozenset(("wavtokenizer-dec",))
_LFS_POINTER = b"version https://git-lfs"
"""How the files begin that Git LFS leaves in place of large ones."""

_Value = int | float | str | None
"""A value that was read; None for a list, or for a text too long to matter."""


@dataclass(frozen=True, slots=True)
class Glimpse:
    """What a GGUF file says about itself; strangers' text, as it is in the file."""

    kind: Kind
    architecture: str
    name: str


class _EndedError(Exception):
    """The file is shorter than its header says."""


def glimpse(path: Path) -> Glimpse:
    """See what a file is.

    Raises:
        ModelError: it cannot be read or is no GGUF file; the message is a sentence about it.
    """
    shown = visible(str(path), newlines=False)
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ModelError(f"{shown} is not a file.")
        with path.open("rb") as file:
            begin = file.read(len(_LFS_POINTER))
            if begin == _LFS_POINTER:
                raise ModelError(
                    f"{shown} only stands for a model that was not fetched: run git lfs pull there."
                )
            if begin[:4] != layout.MAGIC:
                raise ModelError(f"{shown} is not a GGUF file.")
            length = min(file.seek(0, 2), layout.MOST_HEADER_BYTES)
            with (
                mmap.mmap(file.fileno(), length, access=mmap.ACCESS_READ) as mapped,
                memoryview(mapped) as data,
            ):
                return _judged(_read(data))
    except FileNotFoundError:
        raise ModelError(f"{shown} leads to a file that is not there.") from None
    except PermissionError:
        raise ModelError(f"{shown} may not be read.") from None
    except (_EndedError, struct.error, ValueError):
        raise ModelError(f"{shown} breaks off or is damaged.") from None
    except OSError as error:
        reason = visible(error.strerror or str(error), newlines=False)
        raise ModelError(f"{shown} cannot be read: {reason}.") from None


def _judged(values: dict[str, _Value]) -> Glimpse:
    """What a header says, put together."""
    architecture = values.get("general.architecture")
    architecture = architecture if isinstance(architecture, str) else ""
    name = values.get("general.name")
    kind = _kind(values, architecture)
    return Glimpse(kind, architecture, name if isinstance(name, str) else "")


def _kind(values: dict[str, _Value], architecture: str) -> Kind:
    general = values.get("general.type", "model")
    if general == "adapter" or "adapter.type" in values:
        return "adapter"
    if general == "mmproj" or architecture == "clip":
        return "projector"
    if architecture in _EMBEDDING or values.get(f"{architecture}.pooling_type"):
        return "embedding"
    whole = general == "model" and not values.get("split.no")
    if not whole or architecture in _NO_WRITERS:
        return "other"
    # Models of pictures in GGUF files name an architecture and have no context.
    return "writer" if f"{architecture}.context_length" in values else "other"


def _read(data: memoryview) -> dict[str, _Value]:
    """The entries of a header up to the vocabulary, or all where the rest is not yet known."""
    version, _, pairs = struct.unpack_from("<IQQ", data, 4)
    if version not in layout.VERSIONS or pairs > layout.MOST_PAIRS:
        raise _EndedError
    values: dict[str, _Value] = {}
    for key, value in _pairs(data, pairs):
        architecture = values.get("general.architecture")
        if key.startswith("tokenizer.") and f"{architecture}.context_length" in values:
            break
        values[key] = value
    return values


def _pairs(data: memoryview, count: int) -> Iterator[tuple[str, _Value]]:
    at = 24
    for _ in range(count):
        key, at = _text(data, at)
        (kind,) = struct.unpack_from("<I", data, at)
        at += 4
        value: _Value = None
        if kind in layout.SCALARS:
            value = struct.unpack_from(layout.SCALARS[kind], data, at)[0]
            at += layout.SIZES[kind]
        elif kind == layout.STRING:
            value, at = _text(data, at)
        elif kind == layout.ARRAY:
            at = _past_list(data, at)
        else:
            raise _EndedError
        yield key or "", value


def _text(data: memoryview, at: int) -> tuple[str | None, int]:
    """A text and where it ends; None instead of one that is too long to be kept."""
    (length,) = struct.unpack_from("<Q", data, at)
    end: int = at + 8 + length
    if end > len(data):
        raise _EndedError
    if length > layout.MOST_TEXT_BYTES:
        return None, end
    return bytes(data[at + 8 : end]).decode("utf-8", "replace"), end


def _past_list(data: memoryview, at: int) -> int:
    """Where a list ends."""
    kind, count = struct.unpack_from("<IQ", data, at)
    at += 12
    if kind in layout.SIZES:
        at += count * layout.SIZES[kind]
    elif kind == layout.STRING and count <= layout.MOST_STRINGS:
        for _ in range(count):
            at += 8 + struct.unpack_from("<Q", data, at)[0]
            if at > len(data):
                raise _EndedError
    else:
        raise _EndedError
    if at > len(data):
        raise _EndedError
    return at
