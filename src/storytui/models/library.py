"""The library: which models and adapters are on this machine, by which names, and where.

Everything that `found.find_models` finds, the built-in model, and what she added by its path. A
model has one name that is its own, and others that lead to it: its id in the catalogue, the names
of its copies by links. Two that share a name are told apart by where they are.
"""

import difflib
import fnmatch
import os
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from storytui import folders
from storytui.engine.api import ModelError
from storytui.models.added import Added, added_file, read_added
from storytui.models.catalog import CatalogueModel, catalogue, entry_for
from storytui.models.found import Elsewhere, Found, FoundModel, find_models
from storytui.models.names import BUILT_IN, OLLAMA, ollama_name, typeable, unique, with_marks
from storytui.models.starter import starter_model
from storytui.models.walking import identity, shown
from storytui.story.visible import visible

_MOST_NAMED = 8
_BUILT_IN_SOURCE = "built in"


@dataclass(frozen=True, slots=True)
class LibraryModel:
    """A model on this machine."""

    name: str
    """Its own name: nothing else here has it, and it can be typed."""
    path: Path
    """What llama.cpp is given."""
    source: str
    """Where it comes from: `built in`, a program's name, `added` (by its path) or `folder`."""
    size_bytes: int
    also_named: tuple[str, ...] = ()
    """Other names that lead to it, its id in the catalogue among them; they may lead elsewhere too,
    and are then no use."""
    hints: tuple[str, ...] = ()
    """Names that lead to it where nothing else has them."""
    repository: str = ""
    """owner/name on Hugging Face, or its name in Ollama without the tag; empty: not known."""
    architecture: str = ""
    own_name: str = ""
    """What its header calls it."""
    entry: str = ""
    """The id of the catalogue's entry that it belongs to; empty: none."""
    parts: tuple[Path, ...] = ()
    """All files of a divided model; empty for an undivided one."""
    adapters: tuple[Path, ...] = ()
    """Adapters that Ollama lays over it, and this program does not by itself."""
    also: tuple[Elsewhere, ...] = ()
    """Where else the same file is found."""

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that it is made of."""
        return self.parts or (self.path,)


@dataclass(frozen=True, slots=True)
class LibraryAdapter:
    """A LoRA adapter on this machine."""

    name: str
    """Its own name, as of a model."""
    path: Path
    architecture: str
    """Of the models that it may go with."""
    also_named: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()


_Thing = TypeVar("_Thing", LibraryModel, LibraryAdapter)


@dataclass(frozen=True, slots=True)
class Library:
    """What there is, each thing once."""

    models: tuple[LibraryModel, ...] = ()
    """The built-in one first, then by name."""
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
        """The model whose file a path leads to; None for one that is not in the library."""
        try:
            wanted = identity(path)
        except (OSError, ValueError):
            return next((each for each in self.models if path in each.files), None)
        for each in self.models:
            try:
                if identity(each.path) == wanted:
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
        folders=[Path(each).expanduser() for each in more_folders if each.strip()],
        added=added,
        built_in=starter_model(),
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
        entries: the catalogue; None: the program's own.
        troubles: what went wrong already.
        only: whose folders are looked into; None: everybody's.
        find: finds models in folders; see `find_models`.
    """
    entries = catalogue() if entries is None else entries
    added = added or Added()
    found = find(environment, home, platform, folders=[*folders, *added.places], only=only)
    models = list(_with_built_in(found.models, built_in, added, entries))
    return Library(
        models=_with_names(models, entries),
        adapters=_adapters(found),
        troubles=(*troubles, *found.troubles),
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
            source=_BUILT_IN_SOURCE,
            size_bytes=size,
            architecture="llama",
            also=tuple(same),
        )
    yield from others


def _identity(path: Path) -> tuple[int, int] | str | None:
    try:
        return identity(path)
    except (OSError, ValueError):
        return None


def _file_name(model: FoundModel) -> str:
    """A file's name as far as it says what the model is: a blob's does not."""
    return "" if model.source == "Ollama" else model.path.name


# --- names ----------------------------------------------------------------------------------------


def _with_names(
    models: Sequence[LibraryModel], entries: Sequence[CatalogueModel]
) -> tuple[LibraryModel, ...]:
    """The models, each by a name of its own."""
    bases = [_base(each.name, each.source) for each in models]
    ideas = [
        with_marks(base, os.fsencode(each.path), each.source, each.repository.partition("/")[0])
        for base, each in zip(bases, models, strict=True)
    ]
    preferred = _preferred(models, entries)
    named = []
    for name, base, model in zip(unique(ideas), bases, models, strict=True):
        others = [base, *(_base(each.name, each.source) for each in model.also)]
        hints: list[str] = []
        if model.source == _BUILT_IN_SOURCE:
            others.append(BUILT_IN)
        if model.entry:
            (others if id(model) in preferred else hints).append(model.entry)
        others += [each.removesuffix(":latest") for each in others if each.endswith(":latest")]
        for each in others:
            if each.startswith(OLLAMA):
                plain = each.removeprefix(OLLAMA)
                hints += [plain, OLLAMA + plain.partition(":")[0]]
        named.append(
            replace(
                model,
                name=name,
                also_named=tuple(dict.fromkeys(each for each in others if each != name)),
                hints=tuple(dict.fromkeys(hints)),
            )
        )
    return tuple(named)


def _base(name: str, source: str) -> str:
    return ollama_name(name) if source == "Ollama" else typeable(name)


def _preferred(models: Sequence[LibraryModel], entries: Sequence[CatalogueModel]) -> set[int]:
    """Which models their catalogue's id means first: those whose file the entry names first."""
    by_entry: dict[str, list[tuple[int, LibraryModel]]] = {}
    patterns = {each.id: each.files for each in entries}
    for model in models:
        if model.entry:
            rank = _rank(model, patterns[model.entry])
            by_entry.setdefault(model.entry, []).append((rank, model))
    chosen: set[int] = set()
    for ranked in by_entry.values():
        best = min(rank for rank, _ in ranked)
        chosen |= {id(model) for rank, model in ranked if rank == best}
    return chosen


def _rank(model: LibraryModel, patterns: Sequence[str]) -> int:
    name = f"{model.name.lower().replace(':', '-')}.gguf"
    fitting = (at for at, each in enumerate(patterns) if fnmatch.fnmatchcase(name, each.lower()))
    return next(fitting, len(patterns))


def _adapters(found: Found) -> tuple[LibraryAdapter, ...]:
    bases = [typeable(each.name) for each in found.adapters]
    ideas = [
        with_marks(base, os.fsencode(each.path))
        for base, each in zip(bases, found.adapters, strict=True)
    ]
    named = zip(unique(ideas), bases, found.adapters, strict=True)
    adapters = [
        LibraryAdapter(name, each.path, each.architecture, (base,) if base != name else ())
        for name, base, each in named
    ]
    return tuple(sorted(adapters, key=lambda each: (each.name, str(each.path))))


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
