"""Which prompt format a model gets, and a sentence that says where it comes from."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from storytui.engine.adapting import adapter_name
from storytui.engine.model_info import PROMPT_FORMAT, Adapter, ModelInfo
from storytui.models.catalog import CatalogueModel, entry_for
from storytui.models.gguf import opened
from storytui.models.gguf_reading import named
from storytui.models.hub_cache import repository_of
from storytui.models.ollama_store import repository_of_blob
from storytui.story.prompt import AUTO, DEFAULT_FORMAT, FORMATS

Origin = Literal["settings", "adapter", "file", "catalogue", "name", "default"]

_BY_NAME = (
    (re.compile(r"\bcra-v1(?:\.\d+)?-(?:\d+b-)?guided\b"), "cra-v1-guided"),
    (re.compile(r"\bcra-v1(?:\.\d+)?(?!-fim|\.?\d)\b"), "cra-v1"),
    (re.compile(r"\bstorytui-1\b"), "storytui-1"),
)
"""Names of models that were trained on a format. CRA's FIM models know another one."""


@dataclass(frozen=True, slots=True)
class FormatChoice:
    """A prompt format for a model."""

    name: str
    origin: Origin
    trained: bool
    """Whether the model is known to have been trained on it."""
    sentence: str
    """Where it comes from, fit to be shown."""
    disagreement: str = ""
    """What adapters say against one another, a sentence fit to be shown; empty: nothing."""


def prompt_format_for(
    *,
    adapters: Sequence[Adapter] = (),
    stored: str = "",
    repository: str = "",
    file_name: str = "",
    model_name: str = "",
    models: Sequence[CatalogueModel] | None = None,
) -> FormatChoice:
    """The prompt format of a model: by the adapters that are laid over it, by its file, the
    catalogue, its name; else the default one.

    Args:
        adapters: those that work. Of several that name a format the strongest decides, and of
            those that are as strong the first.
        stored: what its file says (`stored_format`); empty: nothing.
        repository: owner/name on Hugging Face, or its name in Ollama; empty: not known.
        file_name: empty: not known.
        model_name: what the model calls itself; empty: not known.
        models: the catalogue; None: the program's own.
    """
    strongest = sorted(adapters, key=lambda each: -abs(each.scale))
    unknown = "".join(
        f"The adapter {_name(each)} names {named(each.prompt_format)}, which this version does not "
        "know. "
        for each in strongest
        if each.prompt_format and each.prompt_format not in FORMATS
    )
    if saying := [each for each in strongest if each.prompt_format in FORMATS]:
        return _by_adapters(saying, unknown)
    if stored in FORMATS:
        return FormatChoice(stored, "file", True, f"{unknown}The model's file names {stored}.")
    if stored:
        unknown += f"The model's file names {named(stored)}, which this version does not know. "
    entry = entry_for(repository=repository, file_name=file_name, models=models)
    if entry is not None:
        trained = "it was trained on it" if entry.trained else "it was trained on none"
        sentence = f"The catalogue gives {entry.name} {entry.prompt_format}; {trained}."
        return FormatChoice(entry.prompt_format, "catalogue", entry.trained, unknown + sentence)
    for name in (repository, file_name, model_name):
        plain = re.sub(r"[\s_:/]+", "-", name.lower())
        for pattern, form in _BY_NAME:
            if pattern.search(plain):
                sentence = f"The name {named(name)} says that the model was trained on {form}."
                return FormatChoice(form, "name", True, unknown + sentence)
    sentence = (
        f"Nothing says which prompt format the model was trained on, so it gets {DEFAULT_FORMAT}; "
        "name another as format under [continue] in the settings."
    )
    return FormatChoice(DEFAULT_FORMAT, "default", False, unknown + sentence)


def _by_adapters(adapters: Sequence[Adapter], before: str) -> FormatChoice:
    """What adapters say that know a format, the one that decides first."""
    first, form = adapters[0], adapters[0].prompt_format
    other = next((each for each in adapters if each.prompt_format != form), None)
    if other is None:
        sentence = f"{before}The adapter {_name(first)} names {form}."
        return FormatChoice(form, "adapter", True, sentence)
    which = "first" if abs(first.scale) == abs(other.scale) else "strongest"
    sentence = (
        f"{before}The adapters were trained on different prompt formats: {_name(first)} names "
        f"{form}, and {_name(other)} names {other.prompt_format}. The {which}, {_name(first)}, "
        "decides."
    )
    return FormatChoice(form, "adapter", True, sentence, sentence)


def _name(adapter: Adapter) -> str:
    return named(adapter_name(adapter.path))


def format_in_use(wanted: str, info: ModelInfo) -> FormatChoice:
    """The prompt format that a loaded model is asked in.

    Args:
        wanted: a format's name, or `auto` for the model's own.
        info: the model.
    """
    repository, file_name = ("", "") if info.remote else _names_of(info.path)
    own = prompt_format_for(
        adapters=info.adapters,
        stored=info.stored_format,
        repository=repository,
        file_name=file_name,
        model_name=info.name,
    )
    if wanted in (AUTO, own.name):
        return own
    # The formats have their tags in common, so a model trained on one knows the others' replies.
    sentence = f"The settings or the command line name {wanted}. {own.sentence}"
    return FormatChoice(wanted, "settings", own.trained, sentence)


# A store of Ollama's is walked through for it, and this is asked with every request.
@lru_cache(maxsize=32)
def _names_of(path: str) -> tuple[str, str]:
    """Repository and file name of a model, as far as its path says them."""
    file = Path(path)
    if blob := repository_of_blob(file):
        # Its own name is its hash.
        return blob, ""
    return repository_of(file), file.name


def stored_format(path: Path) -> str:
    """What the file of a model or an adapter says about its prompt format; empty: nothing.

    The whole header is read, the weights are not.

    Raises:
        ModelError: the file cannot be read, or is no GGUF file.
    """
    with opened(path) as (contents, _):
        value = contents.values.get(PROMPT_FORMAT)
    return value.strip() if isinstance(value, str) else ""
