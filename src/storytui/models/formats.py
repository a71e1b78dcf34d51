"""Which prompt format a model gets, and a sentence that says where it comes from."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from storytui.engine.model_info import ModelInfo
from storytui.models.catalog import CatalogueModel, entry_for
from storytui.models.gguf import opened
from storytui.models.gguf_reading import named
from storytui.models.hub_cache import repository_of
from storytui.models.ollama_store import repository_of_blob
from storytui.story.prompt import AUTO, DEFAULT_FORMAT, FORMATS

KEY = "storytui.prompt_format"
"""The GGUF entry that says it; this project's trainer writes it."""

Origin = Literal["settings", "file", "catalogue", "name", "default"]

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


def prompt_format_for(
    *,
    stored: str = "",
    repository: str = "",
    file_name: str = "",
    model_name: str = "",
    models: Sequence[CatalogueModel] | None = None,
) -> FormatChoice:
    """The prompt format of a model: by its file, the catalogue, its name; else the default one.

    Args:
        stored: what its file says (`stored_format`); empty: nothing.
        repository: owner/name on Hugging Face, or its name in Ollama; empty: not known.
        file_name: empty: not known.
        model_name: what the model calls itself; empty: not known.
        models: the catalogue; None: the program's own.
    """
    if stored in FORMATS:
        return FormatChoice(stored, "file", True, f"The model's file names {stored}.")
    unknown = ""
    if stored:
        unknown = f"The model's file names {named(stored)}, which this version does not know. "
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


def format_in_use(wanted: str, info: ModelInfo) -> FormatChoice:
    """The prompt format that a loaded model is asked in.

    Args:
        wanted: a format's name, or `auto` for the model's own.
        info: the model.
    """
    repository, file_name = ("", "") if info.remote else _names_of(info.path)
    own = prompt_format_for(
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
    """What a model's file says about its prompt format; empty where it says nothing.

    The whole header is read, the weights are not.

    Raises:
        ModelError: the file cannot be read, or is no GGUF file.
    """
    with opened(path) as (contents, _):
        value = contents.values.get(KEY)
    return value.strip() if isinstance(value, str) else ""
