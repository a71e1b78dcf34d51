"""A quick look at a GGUF file's header, before an engine is started for it.

The layout is that of the GGUF specification (ggml, docs/gguf.md), versions 2 and 3, little endian.
"""

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path

from storytui.engine.api import ModelError

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_DEFAULT_ALIGNMENT = 32

# Value types by number: struct code of each scalar; 8 is a string, 9 an array.
_SCALARS = {
    0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q",
    12: "<d",
}  # fmt: skip
_STRING = 8
_ARRAY = 9


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """What the header of a model says about it."""

    name: str
    """The model's own name; the file's name where it has none."""
    architecture: str
    context: int
    """Tokens of context that the model was trained with; 0 where it does not say."""
    tensors: int


class _BrokenHeader(Exception):
    """The header says something that cannot be."""


def check_gguf(path: Path) -> GgufHeader:
    """See that `path` is a GGUF file whose tensors begin inside it.

    A file that breaks off inside its last tensor passes; the engine finds that.

    Raises:
        ModelError: there is no such file, it is no GGUF, or it breaks off.
    """
    try:
        if path.is_dir():
            raise ModelError(f"The model {path} is a folder. Name a GGUF file in it.")
        with path.open("rb") as file:
            head = file.read(24)
            _check_magic(path, head)
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _Reader(data).header(path)
    except FileNotFoundError:
        raise ModelError(f"There is no model {path}. Check the path.") from None
    except PermissionError:
        raise ModelError(f"The model {path} may not be read. Change its permissions.") from None
    except (OSError, ValueError) as error:
        raise ModelError(f"The model {path} cannot be read: {error}.") from None
    except (_BrokenHeader, struct.error, UnicodeDecodeError, RecursionError):
        raise ModelError(
            f"The model {path} breaks off or is damaged. Get the file again."
        ) from None


def _check_magic(path: Path, head: bytes) -> None:
    if not head.startswith(_MAGIC):
        raise ModelError(f"{path} is not a GGUF file. Models are files that end in .gguf.")
    if len(head) < 24:
        raise ModelError(f"The model {path} breaks off or is damaged. Get the file again.")
    version = int.from_bytes(head[4:8], "little")
    if version not in _VERSIONS:
        raise ModelError(
            f"The model {path} has GGUF version {version}, and only 2 and 3 can be read. "
            "Get or convert a newer file."
        )


class _Reader:
    """Walks through a header, skipping what nobody asks for."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self._at = 8

    def header(self, path: Path) -> GgufHeader:
        tensors = self._scalar("<Q")
        pairs = self._scalar("<Q")
        wanted: dict[str, object] = {}
        for _ in range(pairs):
            key = self._string()
            value = self._value(self._scalar("<I"))
            if value is not None:
                wanted[key] = value
        last = 0
        for _ in range(tensors):
            self._string()
            self._skip(8 * self._scalar("<I") + 4)
            last = max(last, self._scalar("<Q"))
        alignment = wanted.get("general.alignment", _DEFAULT_ALIGNMENT)
        if not isinstance(alignment, int) or alignment < 1:
            raise _BrokenHeader
        start = -(-self._at // alignment) * alignment
        if tensors and start + last >= len(self._data):
            raise _BrokenHeader
        architecture = str(wanted.get("general.architecture", ""))
        context = wanted.get(f"{architecture}.context_length", 0)
        return GgufHeader(
            name=str(wanted.get("general.name", "") or path.stem),
            architecture=architecture,
            context=context if isinstance(context, int) else 0,
            tensors=tensors,
        )

    def _scalar(self, code: str) -> int:
        (value,) = struct.unpack_from(code, self._data, self._at)
        self._at += struct.calcsize(code)
        return int(value)

    def _skip(self, count: int) -> None:
        self._at += count
        if self._at > len(self._data):
            raise _BrokenHeader

    def _string(self) -> str:
        length = self._scalar("<Q")
        begin = self._at
        self._skip(length)
        return self._data[begin : self._at].decode("utf-8", "replace")

    def _value(self, kind: int) -> object:
        """The value of one pair; None for arrays and fractions, which are only skipped."""
        if kind == _STRING:
            return self._string()
        if kind == _ARRAY:
            self._skip_array()
            return None
        code = _SCALARS.get(kind)
        if code is None:
            raise _BrokenHeader
        if code in ("<f", "<d"):
            self._skip(struct.calcsize(code))
            return None
        return self._scalar(code)

    def _skip_array(self) -> None:
        kind = self._scalar("<I")
        count = self._scalar("<Q")
        if kind == _STRING:
            data, at, unpack = self._data, self._at, struct.Struct("<Q").unpack_from
            for _ in range(count):
                at += 8 + unpack(data, at)[0]
            self._at = at
            self._skip(0)
        elif kind == _ARRAY:
            for _ in range(count):
                self._skip_array()
        elif kind in _SCALARS:
            self._skip(count * struct.calcsize(_SCALARS[kind]))
        else:
            raise _BrokenHeader
