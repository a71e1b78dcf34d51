"""Takes files out of the cache, by the library's own means.

Only for the process that talks to the Hub.
"""

from pathlib import Path

from huggingface_hub import scan_cache_dir
from huggingface_hub.errors import CacheNotFound

from storytui.models.hub.cache import PARTIAL, remove_empty, size_of
from storytui.models.hub.faults import FaultError, of_disk, shown
from storytui.models.hub.messages import Remove, Removed


def remove(order: Remove) -> Removed:
    """Remove files, every other name of the same bytes in their repository, and what is left.

    Raises:
        FaultError: they may not be removed.
    """
    paths = [Path(each) for each in order.paths]
    folder = _repository(paths[0])
    try:
        freed = _remove(folder, paths) + _tidied(folder, paths)
    except CacheNotFound:
        freed = 0
    except OSError as error:
        fault = of_disk(error, str(folder))
        raise FaultError(fault.sentence, fault.trouble) from None
    left = [path for path in paths if path.exists()]
    if left:
        raise FaultError(
            f"{shown(str(left[0]))} may not be removed. Change the permissions of its folder.",
            "failed",
        )
    return Removed(freed)


def _remove(folder: Path, paths: list[Path]) -> int:
    """Remove files and every other name of theirs; returns the bytes that are free."""
    blobs = {path.resolve() for path in paths}
    found = scan_cache_dir(folder.parent)
    if all(repo.repo_path.resolve() != folder.resolve() for repo in found.repos):
        # The library passes over repositories in which anything is out of order.
        return _remove_by_hand(folder, blobs)
    files = [
        file
        for repo in found.repos
        if repo.repo_path.resolve() == folder.resolve()
        for revision in repo.revisions
        for file in revision.files
        if file.file_path.resolve() in blobs
    ]
    strategy = found.delete_files(*files)
    strategy.execute()
    return strategy.expected_freed_size


def _remove_by_hand(folder: Path, blobs: set[Path]) -> int:
    freed = sum(size_of(blob) for blob in blobs)
    names = [path for path in folder.glob("snapshots/**/*") if path.resolve() in blobs]
    for path in (*names, *blobs):
        path.unlink(missing_ok=True)
    return freed


def _tidied(folder: Path, paths: list[Path]) -> int:
    """Remove what earlier downloads left of these files, and revisions that hold nothing now."""
    freed = 0
    if not any(path.is_file() for path in folder.glob("snapshots/**/*")):
        # No file of the repository is left, so nothing of it is worth going on from.
        for partial in folder.glob(f"blobs/*{PARTIAL}"):
            freed += size_of(partial)
            partial.unlink(missing_ok=True)
    for snapshot in folder.glob("snapshots/*"):
        remove_empty(snapshot)
        if snapshot.exists():
            continue
        for ref in [path for path in folder.glob("refs/**/*") if path.is_file()]:
            if ref.read_text(encoding="ascii", errors="replace").strip() == snapshot.name:
                ref.unlink(missing_ok=True)
    remove_empty(folder)
    return freed


def _repository(path: Path) -> Path:
    """The repository's folder in the cache."""
    return next(each.parent for each in path.parents if each.name in ("snapshots", "blobs"))
