"""Reads paths in a cache as huggingface_hub lays it out, without asking the library.

`models--<owner>--<name>/` holds `blobs/` (the bytes, by hash), `refs/<branch>` (a revision) and
`snapshots/<revision>/…` (links to blobs by the files' own names; on systems without links the
files themselves). Source: huggingface_hub's guide "Understand caching". Newer versions of
llama.cpp keep the same (common/hf-cache.cpp).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_PREFIX = "models--"
_MOST_REF = 256


@dataclass(frozen=True, slots=True)
class CachedFile:
    """What a path in such a cache says."""

    repository: str
    """owner/name"""
    commit: str
    name: str
    """The file's name in the repository, with `/` between folders."""


def cached_file(path: Path) -> CachedFile | None:
    """What a path by the file's own name says; None for one that is not in such a cache."""
    split = _split(path)
    if split is None:
        return None
    _, revision, name = split
    return CachedFile(repository_of(path), revision, name.as_posix())


def links_to(blob: Path) -> list[Path]:
    """The own names of a file that is given by its hash, in the order of their paths."""
    snapshots = blob.parent.parent / "snapshots"
    if blob.parent.name != "blobs" or not snapshots.is_dir():
        return []
    there = (path for path in snapshots.rglob("*") if path.is_symlink())
    return sorted(path for path in there if path.resolve() == blob.resolve())


def repository_of(path: Path) -> str:
    """owner/name of the repository that a file in such a cache belongs to; empty elsewhere."""
    place = _place(path)
    if place is None:
        return ""
    return path.parts[place].removeprefix(_PREFIX).replace("--", "/", 1)


def cache_folder_of(path: Path) -> Path | None:
    """The folder of the repository that a file in such a cache belongs to; None elsewhere."""
    place = _place(path)
    return None if place is None else Path(*path.parts[: place + 1])


def without_outdated(paths: Iterable[Path]) -> list[Path]:
    """`paths` without those of older revisions that the current one has too.

    A file that was not fetched again since the repository changed stays: it is all there is.
    """
    paths = list(paths)
    current: dict[Path, str] = {}
    names: dict[Path, set[Path]] = {}
    for path in paths:
        if split := _split(path):
            repository, revision, name = split
            if repository not in current:
                current[repository] = _main_revision(repository)
            if revision == current[repository]:
                names.setdefault(repository, set()).add(name)
    return [path for path in paths if not _outdated(path, current, names)]


def _outdated(path: Path, current: dict[Path, str], names: dict[Path, set[Path]]) -> bool:
    split = _split(path)
    if split is None:
        return False
    repository, revision, name = split
    return revision != current[repository] and name in names.get(repository, ())


def _place(path: Path) -> int | None:
    """Which part of a path is the repository's folder."""
    parts = path.parts
    for place in range(len(parts) - 3, -1, -1):
        if parts[place].startswith(_PREFIX) and parts[place + 1] == "snapshots":
            return place
    return None


def _split(path: Path) -> tuple[Path, str, Path] | None:
    """The repository's folder, the revision, and the file's name in it."""
    place = _place(path)
    if place is None or len(path.parts) < place + 4:
        return None
    parts = path.parts
    return Path(*parts[: place + 1]), parts[place + 2], Path(*parts[place + 3 :])


def _main_revision(repository: Path) -> str:
    """The revision that `main` is at; empty where that is not known."""
    try:
        with (repository / "refs" / "main").open("rb") as file:
            return file.read(_MOST_REF).decode("ascii", "replace").strip()
    except OSError:
        return ""
