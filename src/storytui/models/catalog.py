"""The catalogue: models that suit fiction, where their files are, and what they ask for."""

import re
import tomllib
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from storytui.engine.api import ModelError
from storytui.story.prompt import FORMATS

Text = Annotated[str, Meta(min_length=1, max_length=400)]
Repository = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$")]


class CatalogueError(ValueError):
    """The catalogue's file is wrong; the message says where."""


class CatalogueModel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model of the catalogue."""

    id: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
    """What she types."""
    name: Text
    repository: Repository
    """The repository of its GGUF files on Hugging Face: owner/name."""
    files: Annotated[tuple[Text, ...], Meta(min_length=1)]
    """Patterns for the file that is wanted, the best first; see `gguf_choice.choose_files`."""
    base: Repository
    """The model it was made from."""
    parameters: Annotated[float, Meta(gt=0)]
    """Thousand millions of them."""
    licence: Text
    """An SPDX name, or the name of a licence of its own; `restrictions` then says what it asks."""
    restrictions: str = ""
    """What its terms forbid, in a sentence; empty where they are permissive."""
    prompt_format: Text
    trained: bool = False
    """Whether it was trained on that prompt format; others are led into it by the engine."""
    card: Literal[6, 8, 12, 16, 24]
    """The smallest graphics card it is meant for, in GB."""
    good_at: Text
    ollama: str = ""
    """Its name in Ollama's registry, where it is known to be there."""
    checked: bool = True
    """Whether name, terms and files were all seen in public documentation."""


class _Catalogue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    model: tuple[CatalogueModel, ...]


@cache
def catalogue() -> tuple[CatalogueModel, ...]:
    """The models of the catalogue that comes with the program, in its order; read once."""
    file = resources.files("storytui.models").joinpath("catalog.toml")
    return read_catalogue(file.read_text(encoding="utf-8"))


def read_catalogue(text: str) -> tuple[CatalogueModel, ...]:
    """The models of a catalogue in TOML.

    Raises:
        CatalogueError: it is no TOML, or says something that cannot be.
    """
    try:
        models = msgspec.convert(tomllib.loads(text), _Catalogue).model
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise CatalogueError(f"The catalogue cannot be read: {error}") from None
    seen: set[str] = set()
    for model in models:
        if model.id in seen:
            raise CatalogueError(f"The catalogue has two models with the id {model.id}.")
        seen.add(model.id)
        if model.prompt_format not in FORMATS:
            raise CatalogueError(
                f"The catalogue gives {model.id} the unknown prompt format {model.prompt_format}."
            )
    return models


def model_of(name: str, models: Sequence[CatalogueModel] | None = None) -> CatalogueModel:
    """The model of an id.

    Raises:
        ModelError: there is none; the message lists the ids.
    """
    models = catalogue() if models is None else models
    for model in models:
        if model.id == name.strip().lower():
            return model
    ids = ", ".join(each.id for each in models)
    raise ModelError(f"The catalogue has no model {name!r}. There are: {ids}.")


def entry_for(
    *, repository: str = "", file_name: str = "", models: Sequence[CatalogueModel] | None = None
) -> CatalogueModel | None:
    """The entry that a file belongs to: by its repository, or else by the file's own name.

    Args:
        repository: owner/name on Hugging Face, or the model's name in Ollama; empty: not known.
        file_name: the file's name, with or without folders; empty: not known.
        models: the catalogue; None: the program's own.
    """
    models = catalogue() if models is None else models
    wanted = repository.lower()
    for model in models:
        if wanted == model.repository.lower():
            return model
        if model.ollama and wanted.partition(":")[0] == model.ollama.lower():
            return model
    for name in (_plain(file_name), _plain(repository.partition(":")[0])):
        for model in models:
            if name and _file_of(model).fullmatch(name):
                return model
    return None


@cache
def _file_of(model: CatalogueModel) -> re.Pattern[str]:
    """What the names of a model's files look like, whoever quantised it."""
    owner = _plain(model.base.partition("/")[0])
    key = _plain(model.repository).removeprefix(f"{owner}-").removesuffix("-gguf")
    return re.compile(rf"(?:{re.escape(owner)}-)?{re.escape(key)}{_MADE_BY_QUANTISING}")


_MADE_BY_QUANTISING = (
    r"(?:-gguf)?(?:-i1)?(?:-ud)?(?:-i?q\d[a-z0-9-]*|-b?f16|-f32|-mxfp4)?(?:-\d{5}-of-\d{5})?"
)


def _plain(name: str) -> str:
    """A name in small letters, its parts divided by hyphens; without folders, owner and ending."""
    stem = re.sub(r"\.gguf$", "", re.split(r"[\\/]", name)[-1], flags=re.IGNORECASE)
    return re.sub(r"[\s_.-]+", "-", stem.lower())
