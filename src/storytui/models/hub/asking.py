"""Questions to the Hub: what there is, what a model's header says, whether a file is whole.

Each blocks for a second or so, in which a process of its own does the talking.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from storytui.models.gguf import further_parts
from storytui.models.hub.cache import PARTIAL, remove_empty, size_of, slot
from storytui.models.hub.errors import HubError
from storytui.models.hub.messages import (
    Look,
    Looked,
    Measure,
    Measured,
    Models,
    Progress,
    Remove,
    Removed,
    Search,
    Verdict,
    Verify,
)
from storytui.models.hub.place import HubPlace
from storytui.models.hub.process import HubProcess, answer_to
from storytui.models.hub.records import HubFile, HubModel, HubRepository, is_etag
from storytui.models.hub_cache import cached_file, links_to
from storytui.models.shape import Shape
from storytui.story.visible import visible


@dataclass(frozen=True, slots=True)
class Unfinished:
    """What a download left that did not come to its end."""

    repository: str
    """owner/name, fit to be shown."""
    path: Path
    size: int
    """Bytes that are here."""


def search(place: HubPlace, query: str, limit: int = 20) -> tuple[HubModel, ...]:
    """Repositories of GGUF files whose names hold the words, those fetched most often first.

    Raises:
        HubError: the Hub cannot be asked.
    """
    _online(place)
    return answer_to(place, Search(query, limit), Models).models


def repository(place: HubPlace, name: str, revision: str = "main") -> HubRepository:
    """What a repository holds now.

    Args:
        place: the Hub.
        name: owner/name.
        revision: a branch, a tag or a commit.

    Raises:
        HubError: there is none, or the Hub cannot be asked.
    """
    _online(place)
    return answer_to(place, Look(name, revision), Looked).record


def shape_on_hub(place: HubPlace, record: HubRepository, files: Sequence[HubFile]) -> Shape:
    """The shape of a model that is not here: its header alone is fetched.

    Args:
        place: the Hub.
        record: the repository.
        files: the model, or all its parts in order, as `record.chosen` gives them.

    Raises:
        HubError: its terms were not accepted, it is no model that can be used, or the Hub cannot
            be asked.
    """
    return measured_on_hub(place, record, files).shape


def measured_on_hub(place: HubPlace, record: HubRepository, files: Sequence[HubFile]) -> Measured:
    """As `shape_on_hub`, with what it cost."""
    _online(place)
    return answer_to(place, Measure(record, tuple(each.name for each in files)), Measured)


def verify(
    place: HubPlace, path: Path, on_progress: Callable[[Progress], None] | None = None
) -> Verdict:
    """Read a model in the cache, with all its parts, and hold it against the Hub's record.

    Offline, and where the Hub cannot be reached, it is held against its name in the cache, which
    is the hash that the Hub gave for it.

    Args:
        place: the Hub.
        path: the model, or the first of its parts, by its own name or as a blob.
        on_progress: is told how far it is.

    Raises:
        HubError: it is not in the Hub's cache, is not there, or there is nothing to hold it
            against.
    """
    paths = _with_parts(path)
    first = cached_file(paths[0])
    if first is None:
        raise HubError(
            f"{_shown(path)} did not come from the Hub, so there is no record to hold it against. "
            "Name a model that storytui models list shows as from Hugging Face.",
            "unusable",
        )
    names = [cached.name for each in paths if (cached := cached_file(each))]
    order = Verify(
        first.repository,
        first.commit,
        tuple(names),
        tuple(str(each) for each in paths),
        str(place.hashes or ""),
        place.offline,
    )
    process = HubProcess(place, order)
    with contextlib.closing(process.answers()) as answers:
        for answer in answers:
            if isinstance(answer, Progress) and on_progress is not None:
                on_progress(answer)
            if isinstance(answer, Verdict):
                return answer
    raise HubError(f"{_shown(path)} could not be verified. Try again.")


def remove(place: HubPlace, path: Path) -> int:
    """Take a model with all its parts out of the cache; returns the bytes of disk that are free.

    Every revision of these files that has the same bytes goes too, and what an earlier download
    left of them. Other files of the repository stay.

    Args:
        place: the Hub.
        path: the model, or the first of its parts, by its own name or as a blob.

    Raises:
        HubError: it is not in the Hub's cache, or may not be removed.
    """
    paths = _with_parts(path)
    if cached_file(paths[0]) is None:
        raise HubError(
            f"{_shown(path)} is not in the Hub's cache and stays. Remove it where it came from.",
            "unusable",
        )
    return answer_to(place, Remove(tuple(str(each) for each in paths)), Removed).freed


def unfinished(place: HubPlace) -> tuple[Unfinished, ...]:
    """What downloads of this program's left that did not come to their end, by repository.

    The next download of the same file goes on from there.
    """
    found = []
    for path in sorted(place.cache.glob(f"models--*/blobs/*{PARTIAL}")):
        name = path.parent.parent.name.removeprefix("models--").replace("--", "/", 1)
        with contextlib.suppress(OSError):
            size = path.stat().st_size
            found.append(Unfinished(visible(name, newlines=False), path, size))
    return tuple(found)


def bytes_here(place: HubPlace, record: HubRepository, files: Sequence[HubFile]) -> int:
    """Bytes of a model that are in the cache already, of files that came in part too."""
    here = 0
    for file in files:
        if file.sha256:
            at = slot(place.cache, record.repository, record.commit, file.name, file.sha256)
            here += size_of(at.blob) or size_of(at.partial)
    return here


def discard(left: Unfinished) -> None:
    """Delete what a download left, and its repository's folder where it held nothing else.

    Raises:
        HubError: it may not be deleted.
    """
    try:
        left.path.unlink(missing_ok=True)
        remove_empty(left.path.parent.parent)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise HubError(
            f"{_shown(left.path)} cannot be deleted: {reason}. Change the permissions of its "
            "folder."
        ) from error


def known_hash(path: Path) -> str:
    """The sha256 that a file in the cache must have, by its name there; empty: not known."""
    name = path.resolve().name
    return name if is_etag(name) and len(name) == 64 else ""


def _with_parts(path: Path) -> list[Path]:
    """A model's files by their own names."""
    if cached_file(path) is None:
        path = next(iter(links_to(path)), path)
    return [path, *further_parts(path)]


def _online(place: HubPlace) -> None:
    if place.offline:
        raise HubError(
            "The Hub is not asked while HF_HUB_OFFLINE is set. Unset it, or take a model that is "
            "here already.",
            "offline",
        )


def _shown(path: Path) -> str:
    return visible(str(path), newlines=False)
