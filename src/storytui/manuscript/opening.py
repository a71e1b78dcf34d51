"""Opening a manuscript: its file, its home, who else has it, and what a crash left behind."""

import contextlib
import os
from dataclasses import dataclass, field
from pathlib import Path

from storytui.manuscript.file import ManuscriptError, StoryFile
from storytui.manuscript.home import Home, find_home, homes, new_home
from storytui.manuscript.journal import Recovered, read_journal
from storytui.manuscript.leftovers import Leftover, leftovers
from storytui.manuscript.lock import Holder, Lock, session_runs


@dataclass(slots=True)
class Opened:
    """A manuscript that was opened, and what there is to tell about it."""

    story_file: StoryFile
    home: Home | None = None
    """Where what belongs to it is kept; None where nothing can be."""
    lock: Lock | None = None
    holder: Holder | None = None
    """Another storytui that has it open; then the lock is not taken yet."""
    recovered: Recovered | None = None
    """What the last session that did not end well left in its journal."""
    older: list[Recovered] = field(default_factory=list)
    """What sessions before that one left."""
    leftovers: list[Leftover] = field(default_factory=list)
    """What interrupted saves left."""
    problem: str = ""
    """Why nothing can be kept beside the file, as a sentence; empty where all is well."""


def open_manuscript(root: Path, path: Path | None, *, encoding: str | None = None) -> Opened:
    """Open the manuscript at `path`; without one, a draft that a crash left, or an empty story.

    Args:
        root: the folder that holds the manuscripts' folders.
        path: the file; it need not exist.
        encoding: the file's encoding, where the writer says it.

    Raises:
        ManuscriptError: the file cannot be read.
    """
    story_file = StoryFile() if path is None else StoryFile.read(path, encoding=encoding)
    opened = Opened(story_file)
    home = _home_of(root, story_file)
    lock = opened.lock = Lock(home.lock_path)
    opened.holder = lock.holder()
    try:
        if story_file.path is not None:
            home.remember(story_file.path, _known_by(story_file))
        home.make()
        if opened.holder is None:
            lock.take()
    except ManuscriptError as error:
        opened.problem = str(error)
    except OSError as error:
        opened.problem = (
            f"History, takes and journal cannot be kept: {error.strerror}. "
            "The story itself can be edited and saved."
        )
    # What a crash left there is shown even where nothing more can be written.
    if not home.folder.is_dir():
        return opened
    opened.home, story_file.spare = home, home.spare
    if opened.holder is None:
        _find_remains(opened)
    return opened


def take_over(opened: Opened) -> None:
    """Take the manuscript from the other storytui that has it open.

    Raises:
        ManuscriptError: the claim cannot be written.
    """
    assert opened.lock is not None
    try:
        opened.lock.take()
    except OSError as error:
        raise ManuscriptError(
            f"The story could not be taken over: {error.strerror}. It stays open for reading."
        ) from error
    opened.holder = None


def remove_journal(recovered: Recovered) -> None:
    """Remove a journal whose text is safe elsewhere."""
    with contextlib.suppress(OSError):
        recovered.path.unlink(missing_ok=True)


def _home_of(root: Path, story_file: StoryFile) -> Home:
    if story_file.path is not None:
        return find_home(root, story_file.path, _known_by(story_file)) or new_home(root)
    drafts = [each for each in homes(root) if not each.records and _is_abandoned(each)]
    return max(drafts, key=_last_written, default=None) or new_home(root)


def _known_by(story_file: StoryFile) -> str:
    """The hash by which a file is known under another name."""
    # Bytes tell a moved file from others only where there are some.
    return story_file.sha256 if story_file.text else ""


def _is_abandoned(home: Home) -> bool:
    """Whether a story without a name was left by a session that did not end well."""
    return bool(_dead_journals(home)) and Lock(home.lock_path).holder() is None


def _last_written(home: Home) -> int:
    return max(each.stat().st_mtime_ns for each in _dead_journals(home))


def _dead_journals(home: Home) -> list[Path]:
    """The journals of sessions that do not run any more, oldest first."""
    return [
        each for each in home.journals() if not session_runs(each.name.removeprefix("journal-"))
    ]


def settle(new: Path) -> None:
    """A journal that was to take an older one's place when a crash came: it goes, the old one has
    everything; where there is no older one, it does take the place."""
    journal = new.with_name(new.name.removeprefix("new-"))
    if session_runs(journal.name.removeprefix("journal-")):
        return
    if journal.exists():
        new.unlink()
    else:
        os.replace(new, journal)


def _find_remains(opened: Opened) -> None:
    """Find what crashes left: journals, temporary files, copies."""
    home, story_file = opened.home, opened.story_file
    assert home is not None
    with contextlib.suppress(OSError):
        for each in home.folder.glob("new-journal-*"):
            settle(each)
    found: list[Recovered] = []
    for path in _dead_journals(home):
        recovered = None
        with contextlib.suppress(OSError):
            recovered = read_journal(path)
        if recovered is None:
            with contextlib.suppress(OSError):
                os.replace(path, path.with_name(f"damaged-{path.name}"))
        else:
            found.append(recovered)
    if found and found[-1].saved and story_file.exists and found[-1].text != story_file.text:
        # All was saved then, and another program has written the file since: that one counts.
        opened.older.append(found.pop())
    elif found:
        opened.recovered = found.pop()
    if found:
        opened.older += [each for each in found if not each.saved]
        for older in found:
            if older.saved:
                remove_journal(older)
    if story_file.path is not None:
        with contextlib.suppress(OSError):
            for leftover in leftovers(story_file.path, home.spare):
                if leftover.same_as_file:
                    leftover.remove()
                else:
                    opened.leftovers.append(leftover)
