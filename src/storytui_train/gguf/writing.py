"""Model files written whole or not at all: beside their place, forced to the disk, then moved.

Whatever ends the writing leaves what stood there before, and no half file.
"""

import errno
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from storytui.models.half_files import SPARE, half_file, remove_half_files
from storytui.story.visible import visible
from storytui_train.errors import GgufError

_FULL = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))


def check_places(outputs: Sequence[Path], inputs: Sequence[Path]) -> None:
    """See that files can be written where they are to go, and that none is read too.

    Raises:
        GgufError: a folder is missing, something else is there, or an input would be replaced.
    """
    for out in outputs:
        shown = visible(str(out))
        if out.is_dir():
            raise GgufError(f"{shown} is a folder. Name a file in it.")
        if out.exists() and not out.is_file():
            raise GgufError(f"{shown} is not a file. Name another one.")
        if not out.parent.is_dir():
            raise GgufError(f"There is no folder {visible(str(out.parent))}. Make it first.")
        for each in inputs:
            with suppress(OSError):
                if out.samefile(each):
                    raise GgufError(
                        f"{shown} is read and would be written over. Name another file with --out."
                    )


def check_room(folder: Path, needed: int, *, free: int | None = None) -> None:
    """See that so many bytes will find room on the disk of a folder.

    Args:
        folder: where they are to go.
        needed: bytes.
        free: bytes that are free there; None: asked of the system.

    Raises:
        GgufError: they will not.
    """
    free = shutil.disk_usage(folder).free if free is None else free
    if needed + SPARE > free:
        raise GgufError(
            f"{_size(needed)} are to be written, and the disk that holds {visible(str(folder))} "
            f"has {_size(free)} free. Make {_size(needed + SPARE - free)} of room there, or name "
            "a file on another disk with --out."
        )


@contextmanager
def replacing(outputs: Sequence[Path]) -> Iterator[Sequence[BinaryIO]]:
    """Files to write to, which take their places when all of it is done.

    Raises:
        GgufError: the disk is full, or the files cannot be written.
    """
    parts = [half_file(each) for each in outputs]
    for out in outputs:
        remove_left(out)
    moving = False
    try:
        with ExitStack() as stack:
            files = [stack.enter_context(each.open("wb")) for each in parts]
            yield files
            for file in files:
                file.flush()
                os.fsync(file.fileno())
        moving = len(outputs) > 1
        settle(outputs)
    except OSError as error:
        raise unwritten(outputs[0], error, as_it_was=not moving) from error
    finally:
        for each in parts:
            each.unlink(missing_ok=True)


def settle(outputs: Sequence[Path]) -> None:
    """Move finished files to their places; the first, without which there is no model, last.

    Of several, the first one that stood there goes before any is moved: whatever ends this, old and
    new parts never pass for one model.

    Raises:
        OSError: one cannot be moved.
    """
    if len(outputs) > 1:
        outputs[0].unlink(missing_ok=True)
        _to_the_disk(outputs[0].parent)
    for out in reversed(outputs):
        half_file(out).replace(out)
    _to_the_disk(outputs[0].parent)


def _to_the_disk(folder: Path) -> None:
    """Have the disk know what a folder holds now."""
    with suppress(OSError):
        # Windows opens no folders.
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def is_full(folder: Path) -> bool:
    """Whether the disk of a folder has less left than is to be left free."""
    with suppress(OSError):
        return shutil.disk_usage(folder).free < SPARE
    return False


def unwritten(out: Path, error: OSError, *, as_it_was: bool = True) -> GgufError:
    """What to say where writing failed.

    Args:
        out: the file, or the first of several.
        error: why.
        as_it_was: whether what stood there still does; else some of its parts were replaced.
    """
    where = visible(str(out))
    left = (
        "What stood there is as it was."
        if as_it_was
        else "The model that stood there is gone, and the parts that are left are of no use."
    )
    if error.errno in _FULL:
        return GgufError(
            f"The disk that holds {where} is full. {left} Make room, or name a file on another "
            "disk with --out."
        )
    why = (error.strerror or str(error)).lower()
    return GgufError(f"{where} cannot be written: {why}. {left}")


def remove_left(out: Path) -> None:
    """Remove half files of processes that were killed, of one output, and half files of those."""
    remove_half_files(out.parent, re.escape(out.name))


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{-(-count // 2**20):,} MiB"
