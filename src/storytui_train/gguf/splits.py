"""GGUF models in one file or in several: read as one, and divided again.

Parts are named and numbered as llama.cpp's gguf-split does it: `NAME-00001-of-00003.gguf`, the
first with all the model's entries, each with `split.no`, `split.count`, `split.tensors.count`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from storytui.engine.api import ModelError
from storytui.models import gguf_layout
from storytui.models.gguf import further_parts, look_into, opened
from storytui.models.gguf_choice import MOST_PARTS, part_of
from storytui.models.gguf_reading import Tensor, Value
from storytui.models.gguf_rules import architecture_of
from storytui.story.visible import visible
from storytui_train.errors import GgufError
from storytui_train.gguf import layout

ALIGNMENT = "general.alignment"


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a model."""

    path: Path
    begin: int
    """Where its weights begin, in bytes from its start."""
    tensors: tuple[Tensor, ...]
    """In the order of its table."""
    size: int
    """Bytes of the file."""


@dataclass(frozen=True, slots=True)
class Model:
    """A model's header, and where its weights stand."""

    parts: tuple[Part, ...]
    pairs: Mapping[str, bytes]
    """The entries as they are in the file, name and type included, in their order; those that say
    which part a file is are left out."""
    values: Mapping[str, Value]
    """What they say; of lists, where they stand."""
    version: int
    alignment: int

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """Of all parts."""
        return tuple(tensor for part in self.parts for tensor in part.tensors)

    @property
    def path(self) -> Path:
        """The first file."""
        return self.parts[0].path

    @property
    def name(self) -> str:
        """The first file's name, fit to be shown."""
        return visible(self.path.name, newlines=False)

    def text(self, key: str) -> str:
        """What an entry says, where that is a text; else empty."""
        value = self.values.get(key)
        return value if isinstance(value, str) else ""


def read_model(path: Path) -> Model:
    """Read a model's header, of a divided one those of all parts, as strictly as the editor does.

    Args:
        path: the model; of a divided one, its first file.

    Raises:
        GgufError: a file is not there, broken, no model, or not the part that it should be.
    """
    try:
        look_into(path)
        return _read(path)
    except ModelError as error:
        raise GgufError(visible(str(error))) from error


def _read(path: Path) -> Model:
    parts: list[Part] = []
    whole: dict[str, Tensor] = {}
    told = 0
    pairs: dict[str, bytes] = {}
    values: dict[str, Value] = {}
    version, alignment = 3, gguf_layout.DEFAULT_ALIGNMENT
    for number, each in enumerate((path, *further_parts(path))):
        with opened(each) as (contents, size):
            own = contents.values.get(ALIGNMENT, gguf_layout.DEFAULT_ALIGNMENT)
            assert isinstance(own, int)
            if not number:
                architecture_of(contents)
                version, alignment = contents.data[4], own
                values = dict(contents.values)
                pairs = {
                    key: bytes(contents.data[begin:end])
                    for key, (begin, end) in contents.spans.items()
                    if key not in layout.DIVISION
                }
                count = contents.values.get("split.tensors.count", 0)
                told = count if isinstance(count, int) else 0
            for tensor in contents.tensors:
                if tensor.name in whole:
                    raise ModelError(
                        f"The model {each} holds the tensor {visible(tensor.name)}, which another "
                        "part of it holds too. Get its files again."
                    )
                whole[tensor.name] = tensor
            begin = layout.aligned(contents.end, own)
            parts.append(Part(each, begin, contents.tensors, size))
    if told and told != len(whole):
        raise ModelError(
            f"The parts of the model {path} hold {len(whole):,} tensors together, and the first "
            f"one says {told:,}. Get its files again."
        )
    return Model(tuple(parts), pairs, values, version, alignment)


def part_paths(out: Path, count: int) -> tuple[Path, ...]:
    """The files of a model that is written.

    Args:
        out: its file; where there are several, the first one's name or that without a number.
        count: of files.
    """
    if count == 1:
        return (out,)
    known = part_of(out.name)
    stem = known[0] if known else out.name.removesuffix(".gguf")
    return tuple(
        out.with_name(f"{stem}-{number:05}-of-{count:05}.gguf") for number in range(1, count + 1)
    )


def divided(tensors: Sequence[Tensor], most: int) -> tuple[tuple[Tensor, ...], ...]:
    """The tensors in as few parts of so many bytes as their order allows.

    A tensor larger than that has a part of its own.

    Raises:
        GgufError: there would be more parts than a model may have.
    """
    parts: list[list[Tensor]] = [[]]
    used = 0
    for each in tensors:
        if parts[-1] and used + each.size > most:
            parts.append([])
            used = 0
        parts[-1].append(each)
        used += each.size
    if len(parts) > MOST_PARTS:
        raise GgufError(f"That would be {len(parts):,} parts. Name a larger size.")
    return tuple(map(tuple, parts))
