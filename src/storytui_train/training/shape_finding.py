"""Finds the shape of a base before any of its weights are here.

By a GGUF's header, a folder's `config.json`, the shapes that come with the program for models that
are known by name, or the configuration that the Hub has.
"""

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from storytui import folders
from storytui.engine.api import ModelError
from storytui.models.catalog import catalogue
from storytui.models.choosing import resolve
from storytui.models.hub.asking import repository, shape_on_hub
from storytui.models.hub.cache import standing
from storytui.models.hub.download import Download
from storytui.models.hub.errors import HubError
from storytui.models.hub.place import HubPlace, hub_place
from storytui.models.hub.records import HubRepository
from storytui.models.library import library_here
from storytui.models.published import build_shape, files_as_published
from storytui.models.shape_of_file import shape_in
from storytui.models.trained import is_kept
from storytui.story.visible import visible
from storytui_train.errors import RecipeError, TrainError
from storytui_train.training.trained_shape import (
    ARCHITECTURES,
    TrainedShape,
    from_config,
    from_gguf,
)

CONFIG = "config.json"
INDEX = "model.safetensors.index.json"
BUILT_IN = "built-in"
Origin = Literal["published", "hub", "folder", "gguf"]
_ON_THE_HUB = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
_MOST_BYTES = 32 << 20
"""Of a configuration or an index."""


@dataclass(frozen=True, slots=True)
class FoundShape:
    """The shape of a base, and where it is from."""

    base: str
    """As it was named, fit to be shown."""
    shape: TrainedShape
    origin: Origin


def hub_here() -> HubPlace:
    """The Hub, as this machine's environment has it."""
    return hub_place(os.environ, Path.home(), sys.platform, hashes=folders.model_hashes())


def find_shape(
    base: str, *, revision: str = "", folder: Path | None = None, hub: HubPlace | None = None
) -> FoundShape:
    """The shape of a base.

    Args:
        base: a repository of the Hub, a folder of weights, a GGUF by path or by its name in
            `storytui models list`, `built-in`, or a model of the catalogue.
        revision: of the repository; empty: its main branch.
        folder: what paths are relative to; None: the working directory.
        hub: the Hub; None: this machine's. It is asked only for what is known nowhere else.

    Raises:
        RecipeError: there is no such base, or it cannot be trained here.
        TrainError: it cannot be looked at: the Hub or the disk does not give it.
    """
    named = visible(base, newlines=False)
    path = (folder or Path()) / folders.as_typed(base)
    try:
        if base.strip().casefold() == BUILT_IN:
            return _built_in(named)
        if path.is_dir():
            return FoundShape(named, _of_folder(path), "folder")
        if path.is_file():
            return _in_file(named, path)
    except OSError as error:
        raise _unreadable(path, error) from error
    known = _published(base)
    if known is not None and not revision:
        return FoundShape(named, known, "published")
    if base.casefold().endswith(".gguf"):
        raise RecipeError(f"There is no file {named}. Check the path of the base.")
    if _ON_THE_HUB.fullmatch(base):
        return FoundShape(named, _on_hub(base, revision or "main", hub or hub_here()), "hub")
    try:
        return _in_file(named, resolve(base, _library))
    except ModelError as error:
        if is_kept(base.strip().casefold()):
            raise RecipeError(visible(str(error))) from error
        raise RecipeError(
            f"There is no base {named}. Name a repository of the Hub (owner/name), a folder of "
            f"weights, a GGUF file, or {BUILT_IN}."
        ) from None


def smaller_models() -> dict[str, TrainedShape]:
    """The bases of the catalogue's models whose shapes are known offline, by repository."""
    found: dict[str, TrainedShape] = {}
    for entry in catalogue():
        files = files_as_published(entry.id)
        if files and files[0].architecture in ARCHITECTURES and entry.base not in found:
            found[entry.base] = from_gguf(build_shape(files[0]))
    return found


def _library(only: Any) -> Any:
    return library_here(only=only)


def _published(base: str) -> TrainedShape | None:
    """The shape of a model that comes with the program, by its base, its repository or its id.

    Raises:
        RecipeError: it cannot be trained here.
    """
    wanted = base.strip().casefold()
    for entry in catalogue():
        if wanted in (entry.base.casefold(), entry.repository.casefold(), entry.id):
            files = files_as_published(entry.id)
            return from_gguf(build_shape(files[0])) if files else None
    return None


def _built_in(named: str) -> FoundShape:
    try:
        path = resolve("", _library)
    except ModelError as error:
        raise RecipeError(visible(str(error))) from error
    return _in_file(named, path)


def _in_file(named: str, path: Path) -> FoundShape:
    try:
        return FoundShape(named, from_gguf(shape_in(path)), "gguf")
    except ModelError as error:
        raise RecipeError(visible(str(error))) from error


def _of_folder(folder: Path) -> TrainedShape:
    config = folder / CONFIG
    if not config.is_file():
        raise RecipeError(
            f"{visible(str(folder), newlines=False)} has no {CONFIG}, so it is no folder of "
            "weights. Name the folder that holds it, or a GGUF file."
        )
    index = folder / INDEX
    return _shape(config, index if index.is_file() else None)


def _on_hub(name: str, revision: str, place: HubPlace) -> TrainedShape:
    """The shape of a repository: of its configuration, or of the GGUF that it has."""
    here = standing(place.cache, name, revision, (CONFIG,))
    if here:
        index = standing(place.cache, name, revision, (INDEX,))
        return _shape(here[0], index[0] if index else None)
    try:
        record = repository(place, name, revision)
        names = {each.name for each in record.files}
        if CONFIG not in names:
            return _gguf_on_hub(place, record)
        wanted = [CONFIG, *((INDEX,) if INDEX in names else ())]
        download = Download(place, name, wanted, revision=revision)
        download.run()
    except HubError as error:
        raise TrainError(str(error)) from error
    return _shape(download.paths[0], download.paths[1] if len(wanted) > 1 else None)


def _gguf_on_hub(place: HubPlace, record: HubRepository) -> TrainedShape:
    try:
        return from_gguf(shape_on_hub(place, record, record.chosen(("*f16*.gguf", "*.gguf"))))
    except HubError:
        raise
    except ModelError as error:
        raise RecipeError(
            f"{record.repository} has neither a {CONFIG} nor a GGUF model. Choose another base."
        ) from error


def _shape(config: Path, index: Path | None) -> TrainedShape:
    said = _json(config)
    weights = _json(index).get("weight_map") if index is not None else None
    names = frozenset(map(str, weights)) if isinstance(weights, dict) else frozenset()
    return from_config(said, names)


def _json(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(_MOST_BYTES), type=dict[str, Any])
    except OSError as error:
        raise _unreadable(path, error) from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RecipeError(
            f"{visible(str(path), newlines=False)} is no JSON object. Get the file again."
        ) from error


def _unreadable(path: Path, error: OSError) -> TrainError:
    shown = visible(str(path), newlines=False)
    return TrainError(f"{shown} cannot be read: {error.strerror or error}. Check its permissions.")
