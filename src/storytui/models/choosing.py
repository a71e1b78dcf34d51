"""Which file a model's name or path means. The disk is searched only for a name."""

import contextlib
import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from storytui.engine.api import ModelError
from storytui.folders import as_typed
from storytui.models.hub_cache import repository_of
from storytui.models.names import BUILT_IN, OLLAMA, typeable
from storytui.models.ollama_store import repository_of_blob
from storytui.models.starter import chosen_model
from storytui.models.trained import files_to_run
from storytui.models.walking import shown

if TYPE_CHECKING:
    from storytui.models.library import Library
    from storytui.models.library_model import LibraryModel

Find = Callable[["Collection[str] | None"], "Library"]
"""Makes the library, or that part of it that is in the folders of some programs."""

_OLLAMA: Collection[str] = ("Ollama",)
_NO_FOLDERS: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Chosen:
    """A model that was named, and what its name says about it."""

    path: Path
    """As it was named, from the root on; links in it stay, since a blob's own name says nothing
    and the parts of a divided model are found by theirs."""
    name: str = ""
    """In the library; empty: it was named by its path."""
    repository: str = ""
    """owner/name on Hugging Face, or its name in Ollama without the tag; empty: not known."""
    file_name: str = ""
    """Empty where it says nothing: a blob's."""
    adapters: tuple[Path, ...] = ()
    """Adapters that Ollama lays over it."""
    laid: Path | None = None
    """The adapter that makes it the model that it is, where it was trained here: the path is then
    its base's."""


def choose(wanted: str, find: Find) -> Chosen:
    """The model that a setting or an option means.

    Args:
        wanted: a path, or a name that `storytui models list` shows; empty: the built-in model.
        find: asked for names only: for those of Ollama first in Ollama's folders alone, for others
            first for what is known without looking into any.

    Raises:
        ModelError: a name that no model has, or several; no name, and no built-in model; a model
            that was trained here and whose files are gone. Whether a path leads to a model is for
            `checking.examine` to say.
    """
    wanted = wanted.strip() if not is_path(wanted) else wanted
    if wanted.casefold() in ("", BUILT_IN):
        path = chosen_model("")
        return Chosen(path, path.stem, file_name=path.name)
    if is_path(wanted):
        path = Path(os.path.abspath(as_typed(wanted)))
        if blob := repository_of_blob(path):
            return Chosen(path, repository=blob)
        return Chosen(path, repository=repository_of(path), file_name=path.name)
    if wanted.casefold().startswith(OLLAMA):
        # Elsewhere only then: a store may be in a folder that she named.
        with contextlib.suppress(ModelError):
            return chosen(find(_OLLAMA).model(wanted))
    else:
        own = [each for each in find(_NO_FOLDERS).models if each.trained is not None]
        for each in own:
            if each.name == typeable(wanted):
                return chosen(each)
    try:
        return chosen(find(None).model(wanted))
    except ModelError:
        if Path(wanted).is_dir():
            # No such name: she means the folder, and is told what is wrong with that.
            return Chosen(Path(os.path.abspath(wanted)))
        raise


def resolve(wanted: str, find: Find) -> Path:
    """The one file that a setting or an option means; see `choose`.

    Raises:
        ModelError: as `choose`; the model is an adapter over another file.
    """
    found = choose(wanted, find)
    if found.laid is not None:
        raise ModelError(
            f"The trained model {found.name} is an adapter, and here a whole model is needed. Name "
            f"its base, {shown(found.path)}, or merge the two with storytui-train first."
        )
    return found.path


def chosen(model: "LibraryModel") -> Chosen:
    """A model of the library, as it is chosen.

    Raises:
        ModelError: it was trained here, and its files are gone.
    """
    if model.trained is not None:
        path, laid = files_to_run(model.trained)
        return Chosen(path, model.name, file_name=path.name, laid=laid)
    return Chosen(
        path=model.path,
        name=model.name,
        repository=model.repository,
        file_name="" if model.source == "Ollama" else model.path.name,
        adapters=model.adapters,
    )


def is_path(wanted: str) -> bool:
    """Whether a path is meant and no name: it has a separator, ends in .gguf or is there."""
    if wanted.casefold().startswith(OLLAMA):
        return False
    separators = {"/", os.sep, os.altsep or os.sep}
    if any(each in wanted for each in separators) or wanted.casefold().endswith(".gguf"):
        return True
    return wanted.startswith("~") or (bool(wanted.strip()) and Path(wanted).is_file())


def as_setting(model: "LibraryModel") -> str:
    """What is kept in the settings for a model of the library.

    Its path, so that no start has to search for it; of Ollama's the name, since a blob is replaced
    by another when the model is fetched anew; of one that was trained here the name, which is
    known without a search; of the built-in one nothing.
    """
    if model.source == "built in":
        return ""
    name = str(model.path)
    by_name = model.source == "Ollama" or model.trained is not None or not _is_text(name)
    return model.name if by_name else name


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
