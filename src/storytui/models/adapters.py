"""What an adapter's file says of it, and whether it goes with a model: architecture and shapes.

An adapter holds two small matrices for each weight that it changes. It goes with every model that
has these weights in these shapes; whether it was made for that one, only its names can tell.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from storytui.engine.adapting import adapter_name
from storytui.engine.api import AdapterError, ModelError
from storytui.engine.model_info import PROMPT_FORMAT
from storytui.models.adapter_rules import EMBEDDINGS, Pair, check_adapter, shown_shape
from storytui.models.gguf import further_parts, opened
from storytui.models.gguf_reading import Contents, named
from storytui.models.gguf_rules import architecture_of
from storytui.story.visible import visible

MOST_TEXT = 120
"""Characters of what a header says that are kept."""
_MOST_BASES = 8


class AdapterHeader(msgspec.Struct, frozen=True, kw_only=True):
    """What an adapter's file says of it; its texts are fit to be shown."""

    name: str
    """The file's, as models are called too."""
    own_name: str
    """What its header calls it; empty: nothing."""
    architecture: str
    """Of the models that it may go with."""
    rank: int
    """The largest of its pairs'."""
    alpha: float
    """Its strength is alpha by rank; 0: the scale alone says it."""
    pairs: int
    """How many weights it changes."""
    size: int
    """Bytes of its file; about as much memory it takes where the model is."""
    bases: tuple[str, ...] = ()
    """The models that it says it was made from."""
    task: str = ""
    """What it says it is for."""
    prompt_prefix: str = ""
    """What it says is to stand before a prompt; nothing is put there."""
    prompt_format: str = ""
    """The prompt format that it says it was trained on; empty: none."""


@dataclass(frozen=True, slots=True)
class AdapterFile:
    """An adapter as its header has it."""

    header: AdapterHeader
    pairs: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class Base:
    """What of a model an adapter must fit."""

    name: str
    """Fit to be shown."""
    architecture: str
    shapes: Mapping[str, tuple[int, ...]]
    """Of its tensors, the innermost dimension first."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an adapter goes with a model, and why not."""

    agrees: bool
    sentence: str


def read_adapter(path: Path) -> AdapterFile:
    """Hold an adapter's header against all that a usable one says; its weights are not read.

    Raises:
        AdapterError: there is no such file, it is no adapter, it breaks off, or it is damaged.
    """
    try:
        with opened(path, "adapter") as (contents, file_size):
            pairs = check_adapter(contents, file_size=file_size)
            return AdapterFile(_header(path, contents, pairs, file_size), pairs)
    except ModelError as error:
        raise AdapterError(str(error)) from None


def read_base(path: Path) -> Base:
    """What of a model's header counts for adapters; of a divided one, all parts are read.

    Raises:
        ModelError: a file is not there, or damaged.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    architecture = ""
    for part in (path, *further_parts(path)):
        with opened(part) as (contents, _):
            architecture = architecture or architecture_of(contents)
            shapes.update((each.name, each.shape) for each in contents.tensors)
    return Base(visible(path.stem, newlines=False), architecture, shapes)


def matches(adapter: AdapterFile, base: Base) -> Verdict:
    """Whether an adapter goes with a model, in a sentence fit to be shown."""
    name, model = adapter.header.name, base.name
    if adapter.header.architecture != base.architecture:
        return Verdict(
            False,
            f"The adapter {name} is for models of the architecture "
            f"{adapter.header.architecture}, and {model} is of {named(base.architecture)}."
            + _made_for(adapter.header),
        )
    for pair in adapter.pairs:
        wrong = _wrong(pair, base)
        if wrong:
            return Verdict(False, f"The adapter {name} {wrong}." + _made_for(adapter.header))
    return Verdict(True, f"The adapter {name} goes with {model}.")


def _wrong(pair: Pair, base: Base) -> str:
    """What of a pair does not fit, as the end of a sentence; empty: all fits."""
    shape = base.shapes.get(pair.name)
    if shape is None:
        return f"changes {named(pair.name)}, which {base.name} does not have"
    if len(shape) < 2:
        return f"changes {named(pair.name)}, which is no matrix in {base.name}"
    if (*shape, 1, 1)[:4] != pair.shape:
        return (
            f"changes {named(pair.name)} as {shown_shape(pair.shape)}, "
            f"and in {base.name} it is {shown_shape(shape)}"
        )
    if pair.name == EMBEDDINGS and "output.weight" not in base.shapes:
        # llama.cpp would multiply with the matrices the wrong way round, and end its process.
        return (
            f"changes the table of words, which {base.name} uses for reading and for writing, "
            "and llama.cpp cannot do that"
        )
    return ""


def _made_for(header: AdapterHeader) -> str:
    return f" It was made for {' and '.join(header.bases)}." if header.bases else ""


def _header(
    path: Path, contents: Contents, pairs: tuple[Pair, ...], file_size: int
) -> AdapterHeader:
    alpha = contents.values.get("adapter.lora.alpha")
    return AdapterHeader(
        name=visible(adapter_name(path), newlines=False),
        own_name=_text(contents, "general.name"),
        architecture=_text(contents, "general.architecture"),
        rank=max(each.rank for each in pairs),
        alpha=alpha if isinstance(alpha, float) else 0.0,
        pairs=len(pairs),
        size=file_size,
        bases=_bases(contents),
        task=_text(contents, "adapter.lora.task_name"),
        prompt_prefix=_text(contents, "adapter.lora.prompt_prefix"),
        prompt_format=_text(contents, PROMPT_FORMAT),
    )


def _bases(contents: Contents) -> tuple[str, ...]:
    """The models that it was made from, by their names, or else by their addresses."""
    found = []
    for number in range(_MOST_BASES):
        key = f"general.base_model.{number}"
        name = _text(contents, f"{key}.name") or _text(contents, f"{key}.repo_url")
        if name:
            found.append(name)
    return tuple(found)


def _text(contents: Contents, key: str) -> str:
    value = contents.values.get(key)
    shown = visible(value[:MOST_TEXT], newlines=False) if isinstance(value, str) else ""
    return shown.strip()[:MOST_TEXT]
