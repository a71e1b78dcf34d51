"""Half files of models: written beside their place, and cleared away after a process that ended.

A process that is killed cannot take its half file away; the next one that writes to the same place
does, and leaves alone what a running one writes there.
"""

import contextlib
import re
from pathlib import Path

from storytui.manuscript.lock import session_name, session_runs

SPARE = 64 << 20
"""Bytes that are left free on a disk that models are written to."""
_ENDING = ".part"


def half_file(out: Path, what: str = "") -> Path:
    """Where this process writes what is to become `out`.

    Args:
        out: the file.
        what: what it is, where there is more than one.
    """
    kind = f"{what}+" if what else ""
    return out.with_name(f".{out.name}.{kind}{session_name()}{_ENDING}")


def remove_half_files(folder: Path, names: str) -> None:
    """Remove half files of processes that were ended, and half files of those.

    Args:
        folder: where they are.
        names: what the files that they were to become are called, a regular expression.
    """
    ending = re.escape(_ENDING)
    half = re.compile(
        rf"\.\.?(?:{names})\.(?:[\w-]+\+)?(?P<session>[\w-]+){ending}(?:\.[\w-]+{ending})?"
    )
    for each in folder.glob(f".*{_ENDING}"):
        found = half.fullmatch(each.name)
        if found and not session_runs(found["session"]):
            with contextlib.suppress(OSError):
                each.unlink()
