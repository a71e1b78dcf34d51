"""Puts files into the cache of Hugging Face as the library lays it out.

`models--<owner>--<name>/` holds `blobs/` (the bytes, by entity tag, which is the sha256 of models),
`refs/<branch>` (a commit) and `snapshots/<commit>/…` (links to blobs by the files' own names).
Source: huggingface_hub's guide "Understand caching", and file_download.py of its version 2.4.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from storytui.models.hub.records import is_commit

PARTIAL = ".storytui.incomplete"
"""Ends the name of what has come of a blob. The library's own such files are one program's each,
and the ending is one that `hf cache prune` knows."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a file is put."""

    blob: Path
    partial: Path
    """What has come so far; every byte in it is one of the file's, from its first on."""
    lock: Path
    """Held by whoever fetches the blob, this program or another."""
    link: Path
    """The file by its own name."""


def slot(cache: Path, repository: str, commit: str, name: str, etag: str) -> Slot:
    """Where a file is put; its names must be checked before (`records.is_safe_name`)."""
    folder = cache / folder_of(repository)
    blob = folder / "blobs" / etag
    return Slot(
        blob=blob,
        partial=blob.with_name(etag + PARTIAL),
        lock=cache / ".locks" / folder.name / f"{etag}.lock",
        link=folder.joinpath("snapshots", commit, *name.split("/")),
    )


def folder_of(repository: str) -> str:
    """The name of a repository's folder."""
    return "--".join(("models", *repository.split("/")))


def size_of(path: Path) -> int:
    """Bytes of a file; 0 where there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def put_link(place: Slot) -> None:
    """Give a blob its own name; where the system has no links, the blob is moved there.

    Raises:
        OSError: it cannot be.
    """
    if place.link.exists() and not place.blob.exists():
        return
    place.link.parent.mkdir(parents=True, exist_ok=True)
    target = os.path.relpath(place.blob, place.link.parent)
    if place.link.is_symlink() and place.link.exists() and place.link.samefile(place.blob):
        return
    place.link.unlink(missing_ok=True)
    try:
        place.link.symlink_to(target)
    except FileExistsError:
        pass  # somebody else was as quick
    except (OSError, NotImplementedError):
        place.blob.replace(place.link)


def put_ref(cache: Path, repository: str, revision: str, commit: str) -> None:
    """Note which commit a branch is at.

    Raises:
        OSError: it cannot be.
    """
    if is_commit(revision):
        return
    ref = cache.joinpath(folder_of(repository), "refs", *revision.split("/"))
    ref.parent.mkdir(parents=True, exist_ok=True)
    part = ref.with_name(f"{ref.name}.{os.getpid()}.tmp")
    try:
        part.write_text(commit, encoding="ascii")
        part.replace(ref)
    finally:
        part.unlink(missing_ok=True)


def remove_empty(folder: Path) -> None:
    """Remove a folder in which, however deep, there is no file.

    Raises:
        OSError: it cannot be.
    """
    inside = sorted(folder.rglob("*"), key=lambda path: len(path.parts), reverse=True)
    for each in (*inside, folder):
        if each.is_dir() and not each.is_symlink() and not any(each.iterdir()):
            each.rmdir()


def standing(cache: Path, repository: str, revision: str, names: tuple[str, ...]) -> list[Path]:
    """Files that are here by what a branch was at when they came; empty unless all are."""
    folder = cache / folder_of(repository)
    commit = revision
    if not is_commit(revision):
        try:
            commit = folder.joinpath("refs", *revision.split("/")).read_text("ascii").strip()
        except (OSError, ValueError):
            return []
    if not is_commit(commit):
        return []
    paths = [folder.joinpath("snapshots", commit, *name.split("/")) for name in names]
    return paths if all(path.is_file() for path in paths) else []
