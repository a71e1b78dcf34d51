"""ggml's own quantisation through ctypes: rows of weights to float32 and back.

The functions are those of the `libggml-base` file inside the installed llama-cpp-python, which is
found and opened without importing that package. Signatures and the struct are of ggml.h
(`ggml_type_traits`, `ggml_quantize_chunk`, `ggml_validate_row_data`); what can be checked of them
is, when the file is opened, since a later ggml may have them otherwise.

ggml ends the process over an argument that it does not expect, so each is looked at here first.
ctypes lets other threads run meanwhile, and all of these functions may be called by several.
"""

import ctypes
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storytui.models.gguf_layout import TENSOR_TYPES
from storytui_train.errors import TrainError

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

F32, F16, BF16 = 0, 1, 30
"""Types of weights that are no blocks (enum ggml_type in ggml.h)."""
PLAIN = (F32, F16, BF16)

_CHUNKED = frozenset(
    (2, 3, 6, 7, 8, 10, 11, 12, 13, 14, 16, 17, 18, 19, 20, 21, 22, 23, 29, 34, 35, 39)
)
"""Types in blocks that `ggml_quantize_chunk` has known since they came (its switch in ggml.c):
Q4_0 to Q8_0, the K types, the IQ types, TQ1_0, TQ2_0, MXFP4."""
_NEWEST = {40: "nvfp4", 41: "q1_0", 42: "q2_0"}
"""Types that not every ggml that can be installed knows; nothing is asked of it about them."""
_LIBRARIES = {"win32": ("ggml-base.dll",), "darwin": ("libggml-base.dylib", "libggml-base.so")}
_FOLDERS = ("lib", "bin", "")
_Silence = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)


class _Traits(ctypes.Structure):
    """struct ggml_type_traits of ggml.h."""

    _fields_ = (
        ("type_name", ctypes.c_char_p),
        ("blck_size", ctypes.c_int64),
        ("blck_size_interleave", ctypes.c_int64),
        ("type_size", ctypes.c_size_t),
        ("is_quantized", ctypes.c_bool),
        ("to_float", ctypes.c_void_p),
        ("from_float_ref", ctypes.c_void_p),
    )


_ToFloat = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of weights."""

    number: int
    """As in a GGUF file (enum ggml_type)."""
    name: str
    """As llama.cpp writes it: `q4_K`."""
    block: int
    """Weights that stand together."""
    size: int
    """Bytes of a block."""
    readable: bool
    """Whether it can be turned into float32."""
    writable: bool
    """Whether it can be made of float32."""
    wants_importance: bool
    """Whether it can be made only with an importance matrix."""

    def row(self, columns: int) -> int:
        """Bytes of a row of so many weights."""
        return columns // self.block * self.size


class Ggml:
    """An opened libggml-base."""

    def __init__(self, library: ctypes.CDLL) -> None:
        """Take an opened file; `ggml` opens the one that is installed.

        Raises:
            TrainError: it is not the ggml that is known here.
        """
        self._library = library
        try:
            self._declare()
        except AttributeError as error:
            raise _unknown(f"{error}") from error
        self._to_float: dict[int, Callable[[Any, Any, int], None] | None] = {}
        self._kinds = {number: self._look_at(number) for number in TENSOR_TYPES}
        if "llama_cpp" not in sys.modules:
            # What it finds wrong with rows is said by those who asked.
            self._silence = _Silence(lambda _level, _text, _data: None)
            library.ggml_log_set(self._silence, None)

    def kind(self, number: int) -> Kind:
        """A type of weights by its number in `TENSOR_TYPES`."""
        return self._kinds[number]

    def to_floats(self, kind: Kind, raw: Bytes, columns: int) -> Floats:
        """Rows of weights as numbers.

        Args:
            kind: of the weights, `readable`.
            raw: their bytes, whole rows one behind the other.
            columns: weights of a row, whole blocks.

        Returns:
            rows × columns.
        """
        rows = self._rows(kind, raw, columns)
        out: Floats = np.empty((rows, columns), np.float32)
        turn = self._to_float[kind.number]
        if kind.number == F32:
            out[:] = raw.view(np.float32).reshape(rows, columns)
        elif turn is not None and rows:
            turn(raw.ctypes.data, out.ctypes.data, rows * columns)
        else:
            assert not rows, kind
        return out

    def from_floats(self, kind: Kind, weights: Floats, importance: Floats | None = None) -> Bytes:
        """Numbers as rows of weights of a type.

        Args:
            kind: `writable`.
            weights: rows × columns, finite.
            importance: columns; how much each column matters. Not for types that are no blocks.

        Returns:
            their bytes.
        """
        rows, columns = weights.shape
        assert kind.writable, kind
        assert columns % kind.block == 0, (kind, columns)
        assert importance is not None or not kind.wants_importance, kind
        source = np.ascontiguousarray(weights, np.float32)
        out: Bytes = np.empty(rows * kind.row(columns), np.uint8)
        pointer = None
        if importance is not None and kind.number not in PLAIN:
            assert importance.shape == (columns,), importance.shape
            importance = np.ascontiguousarray(importance, np.float32)
            pointer = importance.ctypes.data
        if rows:
            written = self._library.ggml_quantize_chunk(
                kind.number, source.ctypes.data, out.ctypes.data, 0, rows, columns, pointer
            )
            assert written == out.nbytes, (kind, written, out.nbytes)
        return out

    def valid(self, kind: Kind, raw: Bytes) -> bool:
        """Whether all weights are finite numbers, as far as their bytes tell."""
        return bool(self._library.ggml_validate_row_data(kind.number, raw.ctypes.data, raw.nbytes))

    def _declare(self) -> None:
        library, pointer, size = self._library, ctypes.c_void_p, ctypes.c_size_t
        whole = ctypes.c_int64
        for name, takes, gives in (
            ("ggml_get_type_traits", [ctypes.c_int], ctypes.POINTER(_Traits)),
            ("ggml_type_name", [ctypes.c_int], ctypes.c_char_p),
            ("ggml_blck_size", [ctypes.c_int], whole),
            ("ggml_type_size", [ctypes.c_int], size),
            ("ggml_quantize_requires_imatrix", [ctypes.c_int], ctypes.c_bool),
            (
                "ggml_quantize_chunk",
                [ctypes.c_int, pointer, pointer, whole, whole, whole, pointer],
                size,
            ),
            ("ggml_validate_row_data", [ctypes.c_int, pointer, size], ctypes.c_bool),
            ("ggml_log_set", [_Silence, pointer], None),
        ):
            function = getattr(library, name)
            function.argtypes, function.restype = takes, gives

    def _look_at(self, number: int) -> Kind:
        """What this ggml says of a type.

        Raises:
            TrainError: it has another idea of it than the GGUF format.
        """
        library, (block, size) = self._library, TENSOR_TYPES[number]
        if number in _NEWEST:
            return Kind(number, _NEWEST[number], block, size, False, False, False)
        traits = library.ggml_get_type_traits(number).contents
        name = library.ggml_type_name(number)
        known = (library.ggml_blck_size(number), library.ggml_type_size(number))
        if known != (block, size) or (traits.blck_size, traits.type_size) != known:
            raise _unknown(f"type {number} has blocks of {known}, not of {(block, size)}")
        if traits.type_name != name:
            raise _unknown(f"type {number} has two names")
        turn = _ToFloat(traits.to_float) if traits.to_float else None
        self._to_float[number] = turn
        return Kind(
            number=number,
            name=name.decode("ascii", "replace"),
            block=block,
            size=size,
            readable=turn is not None or number == F32,
            writable=number in PLAIN or number in _CHUNKED,
            wants_importance=bool(library.ggml_quantize_requires_imatrix(number)),
        )

    def _rows(self, kind: Kind, raw: Bytes, columns: int) -> int:
        assert kind.readable, kind
        assert raw.flags.c_contiguous
        assert columns % kind.block == 0, (kind, columns)
        rows, rest = divmod(raw.nbytes, kind.row(columns))
        assert not rest, (kind, raw.nbytes, columns)
        return rows


@cache
def ggml() -> Ggml:
    """The ggml of the installed llama-cpp-python, opened once.

    Raises:
        TrainError: it is not installed, or is another than is known here.
    """
    path = library_file()
    try:
        return Ggml(ctypes.CDLL(str(path)))
    except OSError as error:
        raise TrainError(
            f"{path} cannot be opened: {error}. Install llama-cpp-python anew."
        ) from error


def library_file() -> Path:
    """Where libggml-base stands; llama_cpp is not imported.

    Raises:
        TrainError: it is not there.
    """
    spec = find_spec("llama_cpp")
    for folder in spec.submodule_search_locations or () if spec else ():
        for below in _FOLDERS:
            for name in _LIBRARIES.get(sys.platform, ("libggml-base.so",)):
                path = Path(folder) / below / name
                if path.is_file():
                    return path
    raise TrainError(
        "llama-cpp-python is not installed, or its libggml-base is missing: "
        "pip install --force-reinstall llama-cpp-python."
    )


def _unknown(why: str) -> TrainError:
    return TrainError(
        f"The installed llama-cpp-python has a ggml that is not known here ({why}). "
        "Install another version of llama-cpp-python, or a newer storytui."
    )
