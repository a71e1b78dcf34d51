"""`storytui forget FILE`: remove every trace of a manuscript, but not the manuscript."""

import argparse
import sys
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from storytui import folders
from storytui.commands.ending import FAILURE, USAGE_ERROR, fail
from storytui.commands.kept import hash_of, print_lines, refuse_while_open, shown_size
from storytui.commands.printing import write
from storytui.daily_words import forget_written, knows
from storytui.manuscript.file import ManuscriptError
from storytui.manuscript.home import Home, find_home, homes
from storytui.manuscript.leftovers import Leftover, leftovers
from storytui.manuscript.states import kept_states
from storytui.storage.database import StorageError


@dataclass(frozen=True, slots=True)
class _Traces:
    """Everything that is kept about a manuscript."""

    homes: list[Home]
    leftovers: list[Leftover]
    """Files of interrupted saves, outside the homes."""
    counted: bool
    """Whether today's words are remembered."""


def run_forget(options: argparse.Namespace) -> int:
    """Remove what is kept about a file, when it was agreed to; returns the exit status."""
    path = Path(options.file)
    try:
        traces = _traces_of(path)
        for home in traces.homes:
            refuse_while_open(home, path)
        if not (traces.homes or traces.leftovers or traces.counted):
            return fail(f"Nothing is kept about {path}. Check the name.")
        print_lines(_listed(traces, path))
        if not options.yes:
            if not sys.stdin.isatty():
                return fail(
                    "Nothing was removed: there is no terminal to ask at. Add --yes to remove it "
                    "unasked.",
                    USAGE_ERROR,
                )
            if not _agreed():
                print_lines(["Nothing was removed."])
                return FAILURE
        _remove(traces, path)
    except (ManuscriptError, StorageError) as error:
        return fail(error)
    except OSError as error:
        return fail(f"{error.filename} could not be removed: {error.strerror}. Remove it by hand.")
    print_lines([f"Nothing is kept about {path} any more."])
    return 0


def _traces_of(path: Path) -> _Traces:
    root = folders.manuscripts_folder()
    resolved = path.resolve()
    found = {each.folder: each for each in homes(root) if resolved in each.files}
    # Its file may have been renamed or moved since it was opened.
    moved = find_home(root, path, hash_of(path))
    if moved is not None:
        found[moved.folder] = moved
    beside = {each.path: each for each in leftovers(path)}
    return _Traces(
        list(found.values()),
        [each for each in beside.values() if each.path.parent not in found],
        knows(folders.state_folder(), path),
    )


def _listed(traces: _Traces, path: Path) -> list[str]:
    """What will be removed, line by line."""
    lines = [f"This is kept about {path}, beside the file itself:"]
    for home in traces.homes:
        if versions := _versions_in(home):
            lines.append(f"  {versions}")
        if takes := _takes_in(home):
            lines.append(f"  {takes}")
        if journals := len(home.journals()):
            lines.append("  the journal" if journals == 1 else f"  {journals} journals")
        if size := kept_states(home.folder):
            lines.append(f"  what the model had read, {shown_size(size)}")
        sizes = [each.stat().st_size for each in home.folder.rglob("*") if each.is_file()]
        lines.append(f"  the folder {home.folder}, of {shown_size(sum(sizes))}")
    lines += [f"  {each.path}, which an interrupted save left" for each in traces.leftovers]
    if traces.counted:
        lines.append("  how many words were written today")
    return lines


def _versions_in(home: Home) -> str:
    if not home.history_path.exists():
        return ""
    from storytui.manuscript.history import History

    # What cannot be counted can still be removed.
    with suppress(StorageError), closing(History(home.history_path)) as history:
        return _counted(len(history.versions()), "version")
    return "versions that cannot be read"


def _takes_in(home: Home) -> str:
    if not home.takes_path.exists():
        return ""
    from storytui.takes.store import TakeStore

    with suppress(StorageError), closing(TakeStore(home.takes_path)) as store:
        return _counted(len(store.numbered()), "take")
    return "takes that cannot be read"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _agreed() -> bool:
    write(sys.stdout, "Remove all of it? It cannot be brought back. (y/n) ")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _remove(traces: _Traces, path: Path) -> None:
    for leftover in traces.leftovers:
        leftover.remove()
    forget_written(folders.state_folder(), path)
    for home in traces.homes:
        home.forget()
        for each in home.files:
            forget_written(folders.state_folder(), each)
