"""Finds the models that she already has, wherever other programs put them; nothing is copied.

Only the beginnings of files are read. What is broken, shut or out of reach becomes a sentence and
ends nothing. The result is a function of an environment, a home folder and what lies there.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from storytui.engine.api import ModelError
from storytui.models.found_places import (
    Machine,
    hugging_face_caches,
    llama_cpp_caches,
    lm_studio_folders,
    ollama_stores,
)
from storytui.models.gguf_choice import part_of
from storytui.models.glimpse import glimpse
from storytui.models.hub_cache import repository_of, without_outdated
from storytui.models.ollama_store import is_ollama_store, ollama_models
from storytui.models.walking import Bounds, Scanner, Walk, identity, is_folder, listed, shown
from storytui.story.visible import visible

Source = Literal["Hugging Face", "Ollama", "LM Studio", "llama.cpp", "folder"]
"""Whose folder a model was found in; `folder`: one that was named."""

MOST_TROUBLES = 50
"""Sentences about what was passed over; the rest are counted."""

_MOST_TEXT = 120
"""Characters of what a header says that are kept."""
_MOST_NOTES = 10_000
_MOST_ELSEWHERE = 16
_CACHE_NOTE = re.compile(r"manifest=([^=]+)=([^=]+)=[^=]*\.json")
"""How older versions of llama.cpp note where a file came from."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Another place in which a model is found, or another name of it: the same file, no copy."""

    name: str
    """Fit to be shown."""
    path: Path
    source: Source
    repository: str = ""


@dataclass(frozen=True, slots=True)
class FoundModel:
    """A model that is on this machine already."""

    name: str
    """Fit to be shown."""
    path: Path
    """What llama.cpp is given: the file, or the first part of a divided one, by its own name."""
    source: Source
    size_bytes: int
    """Of all its parts."""
    repository: str = ""
    """owner/name on Hugging Face, or its name in Ollama without the tag; empty: not known."""
    architecture: str = ""
    """As its header has it, fit to be shown: llama, qwen3 and so on."""
    own_name: str = ""
    """What its header calls it, fit to be shown; often the name of the model it was made from."""
    parts: tuple[Path, ...] = ()
    """All files of a divided model, in their order; empty for an undivided one."""
    adapters: tuple[Path, ...] = ()
    """Adapters that Ollama lays over it. Without them it is another model than the name says."""
    also: tuple[Elsewhere, ...] = ()


@dataclass(frozen=True, slots=True)
class FoundAdapter:
    """A LoRA adapter in a GGUF file."""

    name: str
    """Fit to be shown."""
    path: Path
    architecture: str
    """Of the models that it may go with, fit to be shown."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search brought."""

    models: tuple[FoundModel, ...]
    """By name."""
    adapters: tuple[FoundAdapter, ...]
    """They are no models of their own."""
    troubles: tuple[str, ...]
    """What was passed over, in sentences fit to be shown."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    """Something that may be a model."""

    path: Path
    source: Source
    name: str = ""
    """Empty: the file's own."""
    repository: str = ""
    parts: tuple[Path, ...] = ()
    adapters: tuple[Path, ...] = ()


_Identity = tuple[int, int] | str


@dataclass(slots=True)
class _Harvest:
    """What has been brought in so far."""

    models: dict[_Identity, FoundModel] = field(default_factory=dict)
    adapters: list[FoundAdapter] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    seen: dict[_Identity, list[_Candidate]] = field(default_factory=dict)
    """Every file that was looked at, with the candidates that lead to it as well."""

    def gathered(self) -> list[FoundModel]:
        """The models, each with where else it is."""
        return [
            replace(model, also=_elsewhere(model, self.seen[key]))
            for key, model in self.models.items()
        ]


def find_models(
    environment: Mapping[str, str],
    home: Path,
    platform: str,
    *,
    folders: Sequence[Path] = (),
    only: Collection[str] | None = None,
    root: Path = Path("/"),
    bounds: Bounds | None = None,
    scan: Scanner = listed,
) -> Found:
    """The writing models on this machine, each once.

    Models that see, adapters, models that only compare texts, and models of pictures or sound
    are not among them. Blocks while it reads folders and the beginnings of files.

    Args:
        environment: as `os.environ`.
        home: her home folder.
        platform: as `sys.platform`.
        folders: further folders, or single files, by name.
        only: whose folders are looked into; None: everybody's.
        root: where the system's own folders begin.
        bounds: how much of each place is looked at.
        scan: what is in a folder.
    """
    machine = Machine(environment, home, platform, root)
    harvest = _Harvest()
    for source, place in _places(machine, folders):
        if only is not None and source not in only:
            continue
        walk = Walk(bounds or Bounds(), scan)
        for candidate in _candidates(source, place, walk):
            _take(candidate, harvest)
        harvest.troubles += walk.troubles
    return Found(
        tuple(sorted(harvest.gathered(), key=_order)),
        tuple(harvest.adapters),
        _few(harvest.troubles),
    )


def _places(machine: Machine, folders: Sequence[Path]) -> Iterator[tuple[Source, Path]]:
    """Where to look; where a thing is reached in several ways, the first place names it."""
    for place in hugging_face_caches(machine):
        yield "Hugging Face", place
    for place in lm_studio_folders(machine):
        yield "LM Studio", place
    for place in llama_cpp_caches(machine):
        yield "llama.cpp", place
    for place in ollama_stores(machine):
        yield "Ollama", place
    for place in folders:
        yield "folder", place


def _candidates(source: Source, place: Path, walk: Walk) -> Iterator[_Candidate]:
    """What may be models in one place."""
    if not _is_there(place, source, walk):
        return
    if not is_folder(place):
        if source == "folder":
            yield from _joined(_with_its_parts(place, walk), place.parent, source, walk)
        return
    store = next((each for each in (place, place / "models") if is_ollama_store(each)), None)
    if store is not None:
        for each in ollama_models(store, walk):
            yield _Candidate(
                each.blob, "Ollama", each.name, each.repository, adapters=each.adapters
            )
    elif source != "Ollama":
        yield from _joined(without_outdated(walk.files(place)), place, source, walk)


def _is_there(place: Path, source: Source, walk: Walk) -> bool:
    """Whether there is anything; that other programs' folders are missing is not worth a word."""
    try:
        place.lstat()
    except PermissionError:
        walk.troubles.append(f"{shown(place)} may not be looked into; models there are not listed.")
        return False
    except (OSError, ValueError):
        if source == "folder":
            what = "file" if place.suffix.lower() == ".gguf" else "folder"
            walk.troubles.append(f"There is no {what} {shown(place)}.")
        return False
    return True


def _with_its_parts(path: Path, walk: Walk) -> list[Path]:
    """A file that was named, and the other parts where it is one of several."""
    part = part_of(path.name)
    if part is None:
        return [path]
    others = ((each, part_of(each.name)) for each in walk.folder(path.parent))
    return [each for each, its in others if its and (its[0], its[2]) == (part[0], part[2])]


def _joined(files: Iterable[Path], place: Path, source: Source, walk: Walk) -> Iterator[_Candidate]:
    """Files as models: the parts of a divided one together, if all are there."""
    notes: dict[Path, dict[str, str]] = {}
    divided: dict[tuple[Path, str, int], dict[int, Path]] = {}
    for path in files:
        if part := part_of(path.name):
            stem, number, count = part
            divided.setdefault((path.parent, stem, count), {})[number] = path
        else:
            yield _candidate(path, path.stem, place, source, notes)
    for (folder, stem, count), parts in divided.items():
        lost = next((number for number in range(1, count + 1) if number not in parts), 0)
        if lost:
            walk.troubles.append(
                f"{shown(folder / stem)} is divided into {count} parts, and part {lost} is missing."
            )
            continue
        ordered = tuple(parts[number] for number in range(1, count + 1))
        yield replace(_candidate(ordered[0], stem, place, source, notes), parts=ordered)


def _candidate(
    path: Path, stem: str, place: Path, source: Source, notes: dict[Path, dict[str, str]]
) -> _Candidate:
    """A file, with what its place says about where it came from."""
    repository = repository_of(path)
    if not repository and source == "LM Studio":
        owner, _, rest = path.relative_to(place).as_posix().partition("/")
        name, _, file = rest.partition("/")
        repository = f"{owner}/{name}" if file else ""
    if not repository and source == "llama.cpp":
        if path.parent not in notes:
            notes[path.parent] = _noted(path.parent)
        for prefix, origin in notes[path.parent].items():
            if stem.startswith(prefix):
                return _Candidate(path, source, stem.removeprefix(prefix), origin)
    return _Candidate(path, source, stem, repository)


def _noted(folder: Path) -> dict[str, str]:
    """By the beginnings of file names in llama.cpp's older cache: the repositories they are of.

    The tool names a file `<owner>_<name>_<file>` and a note beside it
    `manifest=<owner>=<name>=<tag>.json` (common/arg.cpp).
    """
    try:
        names = [path.name for path in listed(folder, _MOST_NOTES)]
    except OSError:
        return {}
    matches = [match for name in names if (match := _CACHE_NOTE.fullmatch(name))]
    pairs = {f"{match[1]}_{match[2]}_": f"{match[1]}/{match[2]}" for match in matches}
    return dict(sorted(pairs.items(), key=lambda pair: -len(pair[0])))


def _take(candidate: _Candidate, harvest: _Harvest) -> None:
    """Bring in a candidate that is a model and was not brought in before."""
    path = candidate.path
    if "mmproj" in path.name.lower():
        return
    try:
        seen = identity(path)
        if seen in harvest.seen:
            harvest.seen[seen].append(candidate)
            return
        harvest.seen[seen] = []
        size = sum(part.stat().st_size for part in candidate.parts or (path,))
    except (OSError, ValueError):
        seen, size = str(path), 0  # the glimpse says what is wrong
        harvest.seen.setdefault(seen, [])
    try:
        seen_in_it = glimpse(path)
    except ModelError as error:
        harvest.troubles.append(str(error))
        return
    name = visible(candidate.name, newlines=False) or shown(path)
    architecture = visible(seen_in_it.architecture[:_MOST_TEXT], newlines=False)
    if seen_in_it.kind == "adapter":
        harvest.adapters.append(FoundAdapter(name, path, architecture))
    if seen_in_it.kind != "writer":
        return
    model = FoundModel(
        name=name,
        path=path,
        source=candidate.source,
        size_bytes=size,
        repository=visible(candidate.repository, newlines=False),
        architecture=architecture,
        own_name=visible(seen_in_it.name[:_MOST_TEXT], newlines=False),
        parts=candidate.parts,
        adapters=candidate.adapters,
    )
    harvest.models[seen] = model


def _elsewhere(model: FoundModel, candidates: Sequence[_Candidate]) -> tuple[Elsewhere, ...]:
    """Where else a model is, and as what: each name in each program's folders once."""
    found: dict[tuple[str, str], Elsewhere] = {}
    for each in candidates:
        name = visible(each.name, newlines=False) or shown(each.path)
        if (name, each.source) != (model.name, model.source) and len(found) < _MOST_ELSEWHERE:
            repository = visible(each.repository, newlines=False)
            place = Elsewhere(name, each.path, each.source, repository)
            found.setdefault((name, each.source), place)
    return tuple(found.values())


def _order(model: FoundModel) -> tuple[list[tuple[int, str]], str]:
    """By name, small letters as capitals, numbers by what they are worth; then by place."""
    pieces = re.findall(r"\d+|\D+", model.name.casefold())
    worth = [(int(each), "") if each.isdecimal() else (-1, each) for each in pieces]
    return worth, str(model.path)


def _few(troubles: Sequence[str]) -> tuple[str, ...]:
    """Each sentence once, and not more than can be read."""
    once = list(dict.fromkeys(troubles))
    more = len(once) - MOST_TROUBLES
    if more <= 0:
        return tuple(once)
    return (*once[:MOST_TROUBLES], f"{more:,} more files or folders were passed over.")
