"""Files from a mirror by the `rsync` program: many in one call, gone on with after a break."""

import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from storytui.story.visible import visible
from storytui_train.data.sources.downloading import NoRoomError
from storytui_train.data.sources.polite import MIRRORS_ADVICE
from storytui_train.errors import RecipeError, SourceError, UnreachableError

NOT_ALL = (23, 24)
"""Its exit status where some of what was asked for is not there."""
_FULL = 11
"""Its exit status where it cannot write."""
SECONDS = 60
"""Without a byte before it gives up."""


def fetch_all(
    mirror: str, names: Iterable[str], to: Path, program: Sequence[str] = ("rsync",)
) -> None:
    """Copy files from a mirror, as far as they are there, under their names below its top.

    Args:
        mirror: `rsync://host/module`, perhaps with folders behind it.
        names: of the files, seen from there.
        to: the folder that gets them; it is made.
        program: what is run.

    Raises:
        RecipeError: there is no such program, or the address is none of rsync's.
        UnreachableError: the mirror does not answer.
        NoRoomError: the disk is full.
        SourceError: it failed otherwise; its last line is in the message.
    """
    wanted = list(names)
    if not wanted:
        return
    shown = visible(mirror, newlines=False)
    if not mirror.startswith("rsync://") or any(each.isspace() for each in mirror):
        raise RecipeError(f"{shown} is no address for rsync; one is rsync://host/module.")
    if shutil.which(program[0]) is None:
        raise RecipeError(
            f"The mirror {shown} needs the program rsync, which is not on this machine. Install "
            f"it, or name one that is asked over HTTP: {MIRRORS_ADVICE}."
        )
    to.mkdir(parents=True, exist_ok=True)
    command = [
        *program,
        *("--times", "--copy-links", "--files-from=-", "--from0", "--partial-dir=.partial"),
        *(f"--timeout={SECONDS}", f"--contimeout={SECONDS}", "--"),
        f"{mirror.rstrip('/')}/",
        f"{to.resolve()}/",
    ]
    done = subprocess.run(
        command,
        input=b"\0".join(each.encode() for each in wanted),
        capture_output=True,
        check=False,
    )
    if done.returncode in (0, *NOT_ALL):
        return
    said = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["it said nothing"]
    why = visible(said[-1][:300], newlines=False)
    if done.returncode == _FULL:
        raise NoRoomError(
            f"{visible(str(to), newlines=False)} cannot be written ({why}). Make room or choose "
            "another working folder, and run again; what has come is kept."
        )
    if done.returncode in (5, 10, 12, 30, 35):
        raise UnreachableError(f"{shown} does not answer ({why}); try later, or another mirror.")
    raise SourceError(f"rsync failed with {shown}, status {done.returncode}: {why}.")
