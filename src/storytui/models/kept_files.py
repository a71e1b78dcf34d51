"""Files of trained models where they are kept: copied whole or not at all, and cleared away."""

import contextlib
import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from storytui.engine.api import ModelError
from storytui.models.gguf_choice import part_of
from storytui.models.half_files import SPARE, remove_half_files
from storytui.models.walking import shown

_STEP = 4 << 20


def names_of(name: str, files: Sequence[Path]) -> list[str]:
    """What a model's files are called where they are kept.

    Args:
        name: the model's.
        files: those that are copied, in their order.
    """
    if len(files) == 1:
        return [f"{name}.gguf"]
    count = len(files)
    return [f"{name}-{number:05}-of-{count:05}.gguf" for number in range(1, count + 1)]


def see_to_room(folder: Path, files: Sequence[Path]) -> None:
    """See that the disk has room for copies of files.

    Raises:
        ModelError: it has none.
        OSError: a file cannot be looked at.
    """
    needed = sum(each.stat().st_size for each in files)
    free = shutil.disk_usage(folder).free
    if free < needed + SPARE:
        raise ModelError(
            f"There is no room for the model in {shown(folder)}: it takes {needed:,} bytes, and "
            f"{free:,} are free. Make room, and run the same command again."
        )


def copy(source: Path, to: Path) -> None:
    """Copy a file, so that it is on the disk afterwards.

    Raises:
        OSError: it cannot be read or written.
    """
    with source.open("rb") as opened, to.open("xb") as written:
        shutil.copyfileobj(opened, written, _STEP)
        written.flush()
        os.fsync(written.fileno())


def remove_left(folder: Path, name: str) -> None:
    """Remove half copies of a model's files, of processes that were ended."""
    remove_half_files(folder, rf"{re.escape(name)}(?:-\d{{5}}-of-\d{{5}})?\.gguf")


def clear(folder: Path, name: str, keep: Sequence[str] = ()) -> int:
    """Remove the files of a model that no record tells of; returns their bytes.

    Args:
        folder: where they are.
        name: the model's.
        keep: names of files that stay.
    """
    freed = 0
    for each in folder.glob("*.gguf"):
        part = part_of(each.name)
        if each.name not in keep and name == (each.stem if part is None else part[0]):
            # On some systems one that an editor has open stays; the next time it goes.
            with contextlib.suppress(OSError):
                size = each.stat().st_size
                each.unlink()
                freed += size
    return freed
