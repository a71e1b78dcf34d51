"""What of a base GGUF file counts for an adapter: architecture, heads, shapes, and its own name."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from storytui.engine.api import ModelError
from storytui.models.gguf import further_parts, opened
from storytui.models.gguf_reading import Contents, GgufFaultError, Listing
from storytui.models.gguf_rules import architecture_of, check_model, parts_of
from storytui.story.visible import visible
from storytui_train.errors import GgufError

_MOST_TEXT = 200


@dataclass(frozen=True, slots=True)
class BaseFile:
    """A base model's header, of all of its parts."""

    path: Path
    """Of a divided one, its first file."""
    architecture: str
    layers: int
    heads: tuple[int, ...]
    """Of the queries, in each layer."""
    kv_heads: tuple[int, ...]
    """Of the keys and values."""
    shapes: Mapping[str, tuple[int, ...]]
    """Of its tensors, the innermost dimension first."""
    said: Mapping[str, str]
    """The texts under `general.` in its header, fit to be shown."""
    languages: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What it calls itself, or else its file's name."""
        return self.said.get("general.name") or visible(self.path.stem, newlines=False)

    @property
    def parameters(self) -> int:
        """Numbers in its weights."""
        total = 0
        for shape in self.shapes.values():
            count = 1
            for each in shape:
                count *= each
            total += count
        return total


def read_base_file(path: Path) -> BaseFile:
    """Read a base model's header; its weights are not read.

    Raises:
        GgufError: a file of it is not there, is damaged, or is no model.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    try:
        with opened(path) as (contents, file_size):
            number, count = parts_of(contents)
            if number:
                raise GgufFaultError(
                    f"is part {number + 1} of {count}",
                    f"Name the first part, whose name ends in -00001-of-{count:05}.gguf.",
                )
            check_model(contents, file_size=file_size)
            architecture = architecture_of(contents)
            layers = contents.values[f"{architecture}.block_count"]
            assert isinstance(layers, int)
            heads = _by_layer(contents, f"{architecture}.attention.head_count", layers)
            if not heads:
                raise GgufFaultError("does not say how many heads its attention has")
            kv_heads = _by_layer(contents, f"{architecture}.attention.head_count_kv", layers)
            said = {
                key: visible(value[:_MOST_TEXT], newlines=False).strip()
                for key, value in contents.values.items()
                if key.startswith("general.") and isinstance(value, str)
            }
            languages = tuple(
                visible(each[:16].decode("utf-8", "replace"), newlines=False)
                for each in contents.raw_strings("general.languages")
            )
            shapes.update((each.name, each.shape) for each in contents.tensors)
        for part in further_parts(path):
            with opened(part) as (contents, _):
                shapes.update((each.name, each.shape) for each in contents.tensors)
    except ModelError as error:
        raise GgufError(str(error)) from error
    return BaseFile(
        path=path,
        architecture=architecture,
        layers=layers,
        heads=heads,
        kv_heads=kv_heads or heads,
        shapes=shapes,
        said=said,
        languages=languages,
    )


def _by_layer(contents: Contents, key: str, layers: int) -> tuple[int, ...]:
    """A number that is said for all layers, or for each; empty: it is not said."""
    value = contents.values.get(key)
    if isinstance(value, Listing):
        return tuple(int(each) for each in contents.numbers(key))
    return (value,) * layers if isinstance(value, int) else ()
