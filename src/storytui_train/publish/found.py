"""What a working folder has that can be published, and what its files say about themselves."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from storytui.engine.api import ModelError
from storytui.engine.template import PLAIN_FRAME, TemplateError, render_frame
from storytui.models.gguf import further_parts, look_into, opened
from storytui.models.gguf_reading import Value
from storytui.story.visible import visible
from storytui_train.errors import PublishError
from storytui_train.publish.ollama_template import OllamaTemplate, ollama_template

ADAPTER, MERGED, GGUF, DATASET, EVALUATION = (
    *("train/adapter", "merged", "gguf", "dataset/parts"),
    "evaluation",
)
"""Where things are in a working folder."""
ADAPTER_CONFIG, ADAPTER_WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_MOST_JSON = 32 << 20
_NOT_SENT = ("README.md", ".gitattributes")


@dataclass(frozen=True, slots=True)
class GgufFile:
    """A GGUF file of a working folder."""

    path: Path
    """Of a divided one, its first part."""
    further: tuple[Path, ...]
    """The other parts."""
    is_adapter: bool
    values: Mapping[str, Value]
    """What its header says."""

    def text(self, key: str) -> str:
        """What an entry says, where that is a text; else empty."""
        value = self.values.get(key)
        return value.strip() if isinstance(value, str) else ""

    @property
    def context(self) -> int:
        """Tokens of context that the model was trained with; 0: not known."""
        value = self.values.get(f"{self.text('general.architecture')}.context_length")
        return value if isinstance(value, int) and value > 0 else 0


def gguf_files(folder: Path, made: Collection[str]) -> tuple[GgufFile, ...]:
    """The GGUF files of a working folder that a stage made, adapters first, by name.

    Args:
        folder: the working folder.
        made: their paths below it; what else lies there is not theirs, or half done.

    Raises:
        PublishError: one cannot be read.
    """
    there = [path for path in sorted((folder / GGUF).glob("*.gguf")) if _is_seen(path, folder)]
    own = [path for path in there if path.relative_to(folder).as_posix() in made]
    found = [_gguf(path, own) for path in own if not _is_further_part(path, own)]
    return tuple(sorted(found, key=lambda each: (not each.is_adapter, each.path.name)))


def files_below(folder: Path) -> list[Path]:
    """All files in a folder, by name; what we write ourselves is not among them, and nothing that
    is hidden or lies in a hidden folder."""
    there = (path for path in folder.rglob("*") if path.is_file() and path.name not in _NOT_SENT)
    return sorted(each for each in there if _is_seen(each, folder))


def _is_seen(path: Path, folder: Path) -> bool:
    """Whether neither a file nor a folder that it lies in, below the one named, is hidden."""
    return not any(each.startswith(".") for each in path.relative_to(folder).parts)


def template_of(path: Path) -> tuple[OllamaTemplate, int]:
    """A model's chat template as Ollama's, and the tokens of context that it was trained with.

    Raises:
        PublishError: it cannot be read.
    """
    try:
        header, template = look_into(path)
        with opened(path) as (contents, _):
            adds_bos = contents.values.get("tokenizer.ggml.add_bos_token", True) is not False
    except ModelError as error:
        raise PublishError(visible(str(error))) from error
    frame, bos = PLAIN_FRAME, ""
    if template is not None:
        try:
            frame = render_frame(template.source, bos=template.bos, eos=template.eos)
            bos = template.bos
        except TemplateError:
            # The editor uses the plain frame then, and so does training.
            frame = PLAIN_FRAME
    return ollama_template(frame, bos=bos, adds_bos=adds_bos), header.context


def read_json(path: Path) -> dict[str, Any]:
    """What a JSON file of the working folder says; empty where there is none.

    Raises:
        PublishError: it cannot be read, or is no JSON object.
    """
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(_MOST_JSON), type=dict[str, Any])
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise PublishError(f"{_shown(path)} cannot be read: {error.strerror or error}.") from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise PublishError(
            f"{_shown(path)} is no JSON object. Make it again with the stage that wrote it."
        ) from error


def _gguf(path: Path, own: Collection[Path]) -> GgufFile:
    try:
        with opened(path, "file") as (contents, _):
            kind = contents.values.get("general.type")
            values = dict(contents.values)
    except ModelError as error:
        raise PublishError(visible(str(error))) from error
    further = tuple(each for each in further_parts(path) if each in own)
    return GgufFile(path, further, kind == "adapter", values)


def _is_further_part(path: Path, own: Collection[Path]) -> bool:
    return any(path in further_parts(each) for each in own)


def _shown(path: Path) -> str:
    return visible(str(path), newlines=False)
