"""Put bytes in a file's place, wholly or not at all.

The way for almost every file: a temporary file beside it, forced to the disk, moved into its
place. Where that would take something from the file (its other names, its owner, an attribute) or
its folder does not let it, the file is written in place, and a whole copy of the new text is on
the disk for as long as that takes. The names of both kinds of file tell what they are to hold, so
that `leftovers` can say afterwards whether they do.
"""

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from storytui.manuscript.errors import NotSavedError
from storytui.manuscript.likeness import CannotKeepError, make_alike, take_usual_mode
from storytui.manuscript.saving_faults import NOT_OFFERED, because, cause, not_saved
from storytui.manuscript.saving_names import COPY, TEMPORARY, name_for

_PIECE = 1 << 18
"""Bytes written at a time."""

# A folder or a file system that refuses these lets the file itself be written.
_IN_PLACE = {errno.EACCES, errno.EPERM, errno.EXDEV, errno.EROFS, errno.EBUSY}


class _DamagedError(Exception):
    """A file was being written in place when the disk reported a fault."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error)
        self.error = error


def put(path: Path, data: bytes, *, spare: Path | None = None) -> os.stat_result:
    """Put `data` in the place of the file at `path`; where there is none, make it.

    Symbolic links are followed, so a link stays a link. Mode, owner and extended attributes are
    kept; a new file gets the mode that the umask gives.

    Args:
        path: the file.
        data: all that it is to hold.
        spare: a folder for the whole copy that is kept while a file is written in place; None
            keeps it beside the file, or with the system's temporary files.

    Returns:
        What the system says of the file now.

    Raises:
        NotSavedError: it could not be saved. Unless the error says `touched`, the file is as it
            was; where it was written in place and may be damaged, the message names the copy.
    """
    try:
        target = path.resolve()
        before = _stat_or_none(target)
    except (OSError, RuntimeError, ValueError) as error:
        raise NotSavedError(not_saved(path, error)) from None
    if before is not None:
        _refuse_what_must_stay(path, target, before)
    if before is None or before.st_nlink == 1:
        try:
            return _replace(path, target, data, before)
        except CannotKeepError:
            pass
        except OSError as error:
            if before is None or error.errno not in _IN_PLACE:
                raise NotSavedError(not_saved(path, error)) from error
    assert before is not None
    return _write_in_place(path, target, data, before, spare)


def _refuse_what_must_stay(path: Path, target: Path, before: os.stat_result) -> None:
    if not stat.S_ISREG(before.st_mode):
        raise NotSavedError(f"{path} was not saved: something that is not a file has its place.")
    if os.access(target, os.W_OK):
        return
    with contextlib.suppress(OSError):
        if os.name == "posix" and os.statvfs(target).f_flag & os.ST_RDONLY:
            raise NotSavedError(not_saved(path, OSError(errno.EROFS, os.strerror(errno.EROFS))))
    # Replacing needs only the folder's permission; a file marked read-only is meant to stay.
    raise NotSavedError(
        f"{path} was not saved: its permissions do not allow writing. "
        "Save it under another name or change them."
    )


def _replace(
    path: Path, target: Path, data: bytes, before: os.stat_result | None
) -> os.stat_result:
    """Write a temporary file and move it into the target's place.

    Raises:
        OSError: it could not be done, and the target is as it was.
        CannotKeepError: so too, because something of the target's would be lost.
        NotSavedError: the new text is in its place, but the disk reported a fault.
    """
    temporary = target.with_name(name_for(target, data, TEMPORARY))
    descriptor = _create(temporary)
    try:
        try:
            _write(descriptor, data)
            if before is None:
                take_usual_mode(descriptor)
            else:
                make_alike(descriptor, target, before)
            _sync(descriptor)
            after = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    try:
        _sync_folder(target.parent)
    except OSError as error:
        raise NotSavedError(
            f"{path} has the new text, but the disk reported a fault: {cause(error)}. "
            "Save again, or under another name elsewhere.",
            touched=True,
        ) from error
    with contextlib.suppress(OSError):
        # Moving it has changed the time of its last change of state.
        moved = target.stat()
        if moved.st_ino == after.st_ino:
            return moved
    return after


def _write_in_place(
    path: Path, target: Path, data: bytes, before: os.stat_result, spare: Path | None
) -> os.stat_result:
    """Write over the file itself, while a whole copy of the new text is on the disk."""
    try:
        copy = _whole_copy(target, data, spare)
    except OSError as error:
        raise NotSavedError(not_saved(path, error)) from error
    try:
        after = _write_over(target, data, before)
    except _DamagedError as damage:
        why = because(damage.error)
        raise NotSavedError(
            f"{path} was written only in part: {why}. The whole text is kept in {copy}.",
            touched=True,
        ) from damage.error
    except OSError as error:
        with contextlib.suppress(OSError):
            copy.unlink()
        raise NotSavedError(not_saved(path, error)) from error
    with contextlib.suppress(OSError):
        copy.unlink()
    return after


def _write_over(target: Path, data: bytes, before: os.stat_result) -> os.stat_result:
    """Write `data` over what a file holds; what it grows by comes first.

    So a disk that is full says so while everything that was there is still there.

    Raises:
        OSError: it could not be done, and the file is as it was.
        _DamagedError: the file may hold neither the old text nor the new.
    """
    descriptor = os.open(target, os.O_WRONLY | _BINARY)
    try:
        found = os.fstat(descriptor)
        if (found.st_dev, found.st_ino) != (before.st_dev, before.st_ino):
            raise OSError(errno.ESTALE, "another file has taken its place")
        size = found.st_size
        if len(data) > size:
            try:
                os.lseek(descriptor, size, os.SEEK_SET)
                _write(descriptor, data[size:])
                _sync(descriptor)
            except OSError as error:
                with _damaging():
                    os.ftruncate(descriptor, size)
                raise error
        with _damaging():
            os.lseek(descriptor, 0, os.SEEK_SET)
            _write(descriptor, data[:size])
            os.ftruncate(descriptor, len(data))
            _sync(descriptor)
            return os.fstat(descriptor)
    finally:
        # What counted was said when it was forced to the disk.
        with contextlib.suppress(OSError):
            os.close(descriptor)


@contextlib.contextmanager
def _damaging() -> Iterator[None]:
    """Mark a fault within as one that leaves the file neither old nor new."""
    try:
        yield
    except OSError as error:
        raise _DamagedError(error) from error


def _whole_copy(target: Path, data: bytes, spare: Path | None) -> Path:
    """Keep `data` in a file of its own, on the disk before this returns.

    Raises:
        OSError: no folder takes it; the error is that of the first.
    """
    # It brings much along, and hardly any save is in place.
    import tempfile

    first: OSError | None = None
    folders = [] if spare is None else [spare]
    for folder in [*folders, target.parent, Path(tempfile.gettempdir())]:
        copy = folder / name_for(target, data, COPY)
        try:
            descriptor = _create(copy)
        except OSError as error:
            first = first or error
            continue
        try:
            try:
                _write(descriptor, data)
                _sync(descriptor)
            finally:
                os.close(descriptor)
            _sync_folder(folder)
        except OSError as error:
            first = first or error
            with contextlib.suppress(OSError):
                copy.unlink()
        else:
            return copy
    assert first is not None
    raise first


_BINARY = getattr(os, "O_BINARY", 0)


def _create(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o600)


def _write(descriptor: int, data: bytes) -> None:
    """Write all of `data`; the system may take less at a time than it is given."""
    left = memoryview(data)
    while left:
        written = os.write(descriptor, left[:_PIECE])
        if written == 0:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        left = left[written:]


def _sync(descriptor: int) -> None:
    """Have everything written reach the disk itself."""
    try:
        if sys.platform == "darwin":
            import fcntl

            # There, fsync leaves it in the drive's own memory.
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
        else:
            os.fsync(descriptor)
    except OSError as error:
        if error.errno not in NOT_OFFERED:
            raise
        if sys.platform == "darwin":
            os.fsync(descriptor)


def _sync_folder(folder: Path) -> None:
    """Make a new name last through a power cut, where the system can say so.

    Raises:
        OSError: the disk reported a fault. That a file system does not offer it (network and some
            FUSE ones do not), or that the folder may not be read, is none.
    """
    if os.name != "posix":
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in NOT_OFFERED | _IN_PLACE:
            raise


def _stat_or_none(target: Path) -> os.stat_result | None:
    try:
        return target.stat()
    except FileNotFoundError:
        return None
