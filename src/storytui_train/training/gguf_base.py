"""The weights of a GGUF file, one tensor at a time, as transformers names and orders them.

A tensor is read and dequantised a block of rows at a time into one tensor of the type that is
computed in, and nothing else of the file is in memory: on the host that is the largest tensor
(`GgufWeights.largest`) and some tens of megabytes.
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from storytui.engine.api import ModelError
from storytui.models import gguf_layout as layout
from storytui.models.gguf import check_gguf, further_parts, opened
from storytui.models.gguf_reading import Contents, named
from storytui.models.gguf_reading import Tensor as Entry
from storytui.story.visible import visible
from storytui_train.errors import BaseModelError
from storytui_train.training.gguf_config import Metadata, configuration

if TYPE_CHECKING:
    from transformers import PretrainedConfig

BLOCK = 1 << 22
"""Weights that are dequantised at one time: 16 MiB of float32, and as much again several times
over for what gguf's functions need in between."""
ROPE_FACTORS = "rope_freqs.weight"
"""What the positions' frequencies are divided by (Llama 3.1 and later)."""

_GGUF_NAMES = {"gemma3_text": "gemma3", "mistral": "llama"}
"""gguf-py's names of architectures by transformers' model types, where they differ."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a tensor's weights are."""

    path: Path
    at: int
    entry: Entry


class GgufWeights:
    """A GGUF file as a source of weights."""

    def __init__(self, path: Path) -> None:
        """Look into the header, and those of a divided model's further parts.

        Raises:
            BaseModelError: it cannot be read, or is no model that can be trained.
        """
        self.path = path
        self.named = visible(path.name, newlines=False)
        try:
            check_gguf(path)
            with ExitStack() as stack:
                files = [path, *(each for each in further_parts(path) if each.exists())]
                contents = [stack.enter_context(opened(each))[0] for each in files]
                self.config = _config(Metadata(self.named, *contents))
                self._places = {
                    entry.name: _Place(file, _begin(part) + entry.offset, entry)
                    for file, part in zip(files, contents, strict=True)
                    for entry in part.tensors
                }
        except ModelError as error:
            raise BaseModelError(visible(str(error))) from error

    @property
    def architecture(self) -> str:
        """transformers' model type."""
        return str(self.config.model_type)

    @property
    def largest(self) -> int:
        """Weights of the largest tensor."""
        return max(_count(place.entry.shape) for place in self._places.values())

    def rope_factors(self) -> Tensor | None:
        """What the positions' frequencies are divided by, in float32; None: by nothing."""
        place = self._places.get(ROPE_FACTORS)
        return None if place is None else self._read(place, torch.float32)

    def read(self, names: Iterable[str], dtype: torch.dtype) -> Iterator[tuple[str, Tensor]]:
        """The tensors of these names, each as it is read, in the file's order.

        Args:
            names: of the parameters in transformers.
            dtype: of the tensors.

        Raises:
            BaseModelError: the file holds tensors that the model has no place for, is of a type
                that cannot be dequantised, or breaks off.
        """
        wanted = self._by_gguf_name(names)
        for name, place in self._places.items():
            if name == ROPE_FACTORS and self.architecture == "llama":
                continue
            if name not in wanted:
                raise BaseModelError(
                    f"The base {self.named} holds the tensor {named(name)}, which a model of the "
                    f"architecture {self.architecture} has no place for."
                )
            yield wanted[name], self._as_transformers(name, place, dtype)

    def _by_gguf_name(self, names: Iterable[str]) -> dict[str, str]:
        from gguf import MODEL_ARCH_NAMES, get_tensor_name_map

        kind = _GGUF_NAMES.get(self.architecture, self.architecture)
        number = next(key for key, value in MODEL_ARCH_NAMES.items() if value == kind)
        table = get_tensor_name_map(number, self.config.num_hidden_layers)
        found = {}
        for name in names:
            module, _, ending = name.rpartition(".")
            gguf_name = table.get_name(module)
            if gguf_name is not None:
                found[f"{gguf_name}.{ending}"] = name
        return found

    def _as_transformers(self, name: str, place: _Place, dtype: torch.dtype) -> Tensor:
        """A tensor, without what the conversion to GGUF did to it."""
        if self.architecture.startswith("gemma") and name.endswith("norm.weight"):
            # transformers adds the one itself. It is taken off before anything is rounded: beside
            # a one a half precision has few digits for what is small.
            return (self._read(place, torch.float32) - 1).to(dtype)
        tensor = self._read(place, dtype)
        if self.architecture == "llama":
            heads = {
                "attn_q": self.config.num_attention_heads,
                "attn_k": self.config.num_key_value_heads,
            }.get(name.split(".")[-2])
            if heads is not None:
                return unpermuted(tensor, heads)
        return tensor

    def _read(self, place: _Place, dtype: torch.dtype) -> Tensor:
        entry = place.entry
        per_block, block_bytes = layout.TENSOR_TYPES[entry.kind]
        width = entry.shape[0]
        rows = _count(entry.shape) // width
        row_bytes = width // per_block * block_bytes
        made = torch.empty((rows, width), dtype=dtype)
        at_once = max(1, min(rows, BLOCK // width))
        buffer = bytearray(at_once * row_bytes)
        try:
            with place.path.open("rb", buffering=0) as file:
                file.seek(place.at)
                for first in range(0, rows, at_once):
                    count = min(at_once, rows - first)
                    part = memoryview(buffer)[: count * row_bytes]
                    _fill(file, part)
                    made[first : first + count] = self._dequantised(part, count, entry)
        except (OSError, EOFError) as error:
            raise BaseModelError(
                f"The base {self.named} cannot be read: {visible(str(error))}."
            ) from error
        return made.reshape(tuple(reversed(entry.shape)))

    def _dequantised(self, data: memoryview, rows: int, entry: Entry) -> Tensor:
        import numpy
        from gguf import GGMLQuantizationType
        from gguf.quants import dequantize

        raw = numpy.frombuffer(data, dtype=numpy.uint8).reshape(rows, -1)
        try:
            with numpy.errstate(all="ignore"):
                floats = dequantize(raw, GGMLQuantizationType(entry.kind))
        except (NotImplementedError, ValueError) as error:
            raise BaseModelError(
                f"The base {self.named} holds the tensor {named(entry.name)} in a type that "
                "cannot be turned into numbers here. Take a file of another type, such as Q4_K_M "
                "or F16."
            ) from error
        return torch.from_numpy(floats)


def unpermuted(tensor: Tensor, heads: int) -> Tensor:
    """Rows of llama's queries or keys in transformers' order.

    llama.cpp turns pairs of neighbours, transformers the two halves of a head; the conversion to
    GGUF reorders the rows of each head for it (convert_hf_to_gguf.py, LlamaModel.permute).

    Args:
        tensor: of shape (heads × size of a head, …).
        heads: of queries or of keys.
    """
    half = tensor.shape[0] // heads // 2
    pairs = tensor.reshape(heads, half, 2, *tensor.shape[1:])
    return pairs.transpose(1, 2).reshape(tensor.shape)


def _config(metadata: Metadata) -> "PretrainedConfig":
    from transformers import AutoConfig

    kind, keywords = configuration(metadata)
    try:
        made: PretrainedConfig = AutoConfig.for_model(kind, **keywords)
    except Exception as error:
        # It is held to types by a library of its own, whose errors are of no common family.
        raise metadata.refuse(f"cannot be trained: {error}") from error
    return made


def _begin(contents: Contents) -> int:
    """Where a file's weights begin, in bytes from its start."""
    alignment = contents.values.get("general.alignment", layout.DEFAULT_ALIGNMENT)
    assert isinstance(alignment, int)
    return -(-contents.end // alignment) * alignment


def _count(shape: tuple[int, ...]) -> int:
    count = 1
    for each in shape:
        count *= each
    return count


def _fill(file: FileIO, part: memoryview) -> None:
    done = 0
    while done < len(part):
        read = file.readinto(part[done:])
        if not read:
            raise EOFError("it breaks off")
        done += read
