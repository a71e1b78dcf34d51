"""The library: which models and adapters are on this machine, by which names, and where.

Everything that `found.find_models` finds, the built-in model, what was trained here, and what she
added by its path. A model has one name that is its own, and others that lead to it: its id in the
catalogue, the names of its copies by links. Two that share a name are told apart by where they are.
"""

import difflib
import os
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from storytui import folders
from storytui.engine.api import ModelError
from storytui.models.added import Added, added_file, read_added
from storytui.models.catalog import CatalogueModel, catalogue, entry_for
from storytui.models.found import Elsewhere, Found, FoundModel, find_models
from storytui.models.gguf import further_parts
from storytui.models.library_model import (
    IN_THE_PACKAGE,
    TRAINED,
    LibraryAdapter,
    LibraryModel,
)
from storytui.models.library_names import adapters_with_names, with_names
from storytui.models.names import OLLAMA, typeable
from storytui.models.starter import starter_adapter, starter_model
from storytui.models.trained import Trained, TrainedModel, own_file, read_trained
from storytui.models.walking import identity, shown
from storytui.story.visible import visible

_MOST_NAMED = 8


_Thing = TypeVar("_Thing", LibraryModel, LibraryAdapter)


@dataclass(frozen=True, slots=True)
class Library:
    """What there is, each thing once."""

    models: tuple[LibraryModel, ...] = ()
    """The built-in one first, then those that were trained here, then the others, by name."""
    adapters: tuple[LibraryAdapter, ...] = ()
    troubles: tuple[str, ...] = ()
    """What was passed over, in sentences fit to be shown."""
    entries: Sequence[CatalogueModel] = field(default_factory=catalogue)

    def model(self, name: str) -> LibraryModel:
        """The model of a name, whatever the case of its letters.

        Raises:
            ModelError: none has it, or several have; the message says what there is instead.
        """
        if found := _called(self.models, name, "models"):
            return found
        self._refuse_unknown(name)
        raise ModelError(
            f"There is no model {_quoted(name)}.{self._meant(self.models, name)} "
            "storytui models list shows those that are here."
        )

    def adapter(self, name: str) -> LibraryAdapter:
        """The adapter of a name.

        Raises:
            ModelError: as `model`.
        """
        if found := _called(self.adapters, name, "adapters"):
            return found
        raise ModelError(
            f"There is no adapter {_quoted(name)}.{self._meant(self.adapters, name)} "
            "storytui models adapter list shows those that are here."
        )

    def model_at(self, path: Path) -> LibraryModel | None:
        """The model whose file a path leads to; None for one that is not in the library.

        A base is itself, whatever adapters were trained over it.
        """
        try:
            wanted = identity(path)
        except (OSError, ValueError):
            return next((each for each in self.models if path in each.files), None)
        for each in self.models:
            try:
                if identity(each.own) == wanted:
                    return each
            except (OSError, ValueError):
                continue  # it is gone since it was found
        return None

    def _refuse_unknown(self, name: str) -> None:
        """Say what to do for names whose files could be had."""
        plain = name.strip().casefold()
        if plain.startswith(OLLAMA):
            near = self._meant(self.models, name)
            raise ModelError(
                f"Ollama has no model {_quoted(name.strip()[len(OLLAMA) :])} on this machine."
                f"{near} Fetch one with: ollama pull NAME"
            )
        for entry in self.entries:
            if entry.id == plain:
                raise ModelError(
                    f"The model {entry.id} is in the catalogue, but its file is not on this "
                    f"machine. Get it with: storytui models add {entry.id}"
                )

    def _meant(self, things: Sequence[LibraryModel | LibraryAdapter], name: str) -> str:
        """What she may have meant, as a sentence with a blank before it; empty: nothing is near."""
        names = [each for thing in things for each in (thing.name, *thing.also_named)]
        if things is self.models:
            names += [entry.id for entry in self.entries]
        near = difflib.get_close_matches(typeable(name), dict.fromkeys(names), n=3, cutoff=0.7)
        return f" Did you mean {' or '.join(near)}?" if near else ""


# --- making one -----------------------------------------------------------------------------------


def library_here(
    more_folders: Sequence[str] = (), *, only: Collection[str] | None = None
) -> Library:
    """The library of this machine. Blocks while it reads folders and the beginnings of files.

    Args:
        more_folders: as `[models] folders` of the settings.
        only: whose folders are looked into; None: everybody's, and what she added.
    """
    try:
        added = read_added(added_file(folders.data_folder()))
        trouble: tuple[str, ...] = ()
    except ModelError as error:
        added, trouble = Added(), (str(error),)
    except OSError:
        # Where nothing can be kept, nothing was.
        added, trouble = Added(), ()
    return library(
        os.environ,
        Path.home(),
        sys.platform,
        folders=[folders.as_typed(each) for each in more_folders if each.strip()],
        added=added,
        built_in=starter_model(),
        trained=read_trained(),
        more_adapters=tuple(filter(None, [starter_adapter()])),
        troubles=trouble,
        only=only,
    )


def library(
    environment: Mapping[str, str],
    home: Path,
    platform: str,
    *,
    folders: Sequence[Path] = (),
    added: Added | None = None,
    built_in: Path | None = None,
    trained: Trained | None = None,
    more_adapters: Sequence[Path] = (),
    entries: Sequence[CatalogueModel] | None = None,
    troubles: Sequence[str] = (),
    only: Collection[str] | None = None,
    find: Callable[..., Found] = find_models,
) -> Library:
    """The library of a machine.

    Args:
        environment: as `os.environ`.
        home: her home folder.
        platform: as `sys.platform`.
        folders: folders, or files, that her settings name.
        added: what she added by its path.
        built_in: the built-in model; None: it is not installed.
        trained: what was trained here; None: nothing.
        more_adapters: adapters that lie in no folder of models.
        entries: the catalogue; None: the program's own.
        troubles: what went wrong already.
        only: whose folders are looked into; None: everybody's.
        find: finds models in folders; see `find_models`.
    """
    entries = catalogue() if entries is None else entries
    added = added or Added()
    trained = trained or Trained()
    made = [Path(each.adapter) for each in trained.models if each.adapter]
    adapters = [each for each in (*made, *more_adapters) if each.is_file()]
    places = [*folders, *added.places, *adapters]
    found = find(environment, home, platform, folders=places, only=only)
    models = [
        *_with_built_in(found.models, built_in, added, entries),
        *map(_of_trained, trained.models),
    ]
    models.sort(key=lambda each: (each.source != IN_THE_PACKAGE, each.source != TRAINED))
    return Library(
        models=with_names(models, entries),
        adapters=adapters_with_names(found),
        troubles=(*troubles, *trained.troubles, *found.troubles),
        entries=entries,
    )


def _with_built_in(
    found: Sequence[FoundModel],
    built_in: Path | None,
    added: Added,
    entries: Sequence[CatalogueModel],
) -> Iterator[LibraryModel]:
    """The models, of which the built-in one may be among those that were found; no names yet."""
    try:
        its = identity(built_in) if built_in is not None else None
        size = built_in.stat().st_size if built_in is not None else 0
    except OSError:
        its, size = None, 0
    same: list[Elsewhere] = []
    others: list[LibraryModel] = []
    for each in found:
        if its is not None and _identity(each.path) == its:
            here = Elsewhere(each.name, each.path, each.source, each.repository)
            same += [here, *each.also]
            continue
        entry = entry_for(repository=each.repository, file_name=_file_name(each), models=entries)
        source = "added" if each.source == "folder" and added.holds(each.path) else each.source
        others.append(
            LibraryModel(
                name=each.name,
                path=each.path,
                source=source,
                size_bytes=each.size_bytes,
                repository=each.repository,
                architecture=each.architecture,
                own_name=each.own_name,
                entry=entry.id if entry else "",
                parts=each.parts,
                adapters=each.adapters,
                also=each.also,
            )
        )
    if built_in is not None and its is not None:
        yield LibraryModel(
            name=built_in.stem,
            path=built_in,
            source=IN_THE_PACKAGE,
            size_bytes=size,
            architecture="llama",
            also=tuple(same),
        )
    yield from others


def _of_trained(model: TrainedModel) -> LibraryModel:
    """A model that was trained here; whether its files are there shows when it is chosen."""
    own = own_file(model)
    parts = (own, *(each for each in further_parts(own) if each.exists()))
    return LibraryModel(
        name=model.name,
        path=Path(model.base) if model.adapter else own,
        source=TRAINED,
        size_bytes=sum(each.stat().st_size for each in parts if each.exists()),
        parts=parts if len(parts) > 1 else (),
        trained=model,
    )


def _identity(path: Path) -> tuple[int, int] | str | None:
    try:
        return identity(path)
    except (OSError, ValueError):
        return None


def _file_name(model: FoundModel) -> str:
    """A file's name as far as it says what the model is: a blob's does not."""
    return "" if model.source == "Ollama" else model.path.name


def _called(things: Sequence[_Thing], name: str, what: str) -> _Thing | None:
    """The thing that a name means; None: no one has it.

    Raises:
        ModelError: several have it.
    """
    for wanted in dict.fromkeys((name.strip().casefold(), typeable(name))):
        for names in (
            lambda each: (each.name,),
            lambda each: each.also_named,
            lambda each: each.hints,
        ):
            found = [each for each in things if wanted in names(each)]
            if len(found) == 1:
                return found[0]
            if found:
                listed = [f"{each.name} ({shown(each.path)})" for each in found[:_MOST_NAMED]]
                more = len(found) - len(listed)
                listed += [f"{more:,} more"] if more else []
                raise ModelError(
                    f"Several {what} are called {_quoted(name)}: {', '.join(listed)}. "
                    "Name one of them by its own name or its path."
                )
    return None


def _quoted(name: str) -> str:
    return visible(name.strip()[:200], newlines=False)
