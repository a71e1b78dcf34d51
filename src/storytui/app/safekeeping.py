"""Nothing she wrote is lost: the journal, the versions, the file as others see it.

It hangs on one story screen. The journal hears every change of the text from the document itself;
the rest hears what the screen tells it.
"""

import asyncio
import contextlib
import contextvars
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from textual.app import App

from storytui.app.archive import Archive, Keep
from storytui.app.ending import end_anyway
from storytui.app.widgets.manuscript import ManuscriptArea
from storytui.manuscript.file import StoryFile
from storytui.manuscript.form import form_of
from storytui.manuscript.home import Home, find_home, new_home
from storytui.manuscript.journal import Journal, Recovered
from storytui.manuscript.journal_records import OpenTakes
from storytui.manuscript.journal_writer import JournalWriter
from storytui.manuscript.lines import runs
from storytui.manuscript.lock import Lock, living_holder, session_name
from storytui.manuscript.opening import Opened, remove_journal

if TYPE_CHECKING:
    from storytui.manuscript.history import Why
    from storytui.takes.take import Take

WORK_SECONDS = 240.0
"""While she works, the text is kept as a version this often."""

ENDING_SIGNALS = ("SIGTERM", "SIGHUP")


class KeptScreen(Protocol):
    """What a screen must have whose manuscript is kept safe."""

    story_file: StoryFile

    @property
    def app(self) -> App[object]:
        """The editor."""
        ...

    @property
    def area(self) -> ManuscriptArea:
        """The manuscript."""
        ...

    def say(self, text: str) -> None:
        """Tell the writer something, quietly."""
        ...

    def complain(self, text: str) -> None:
        """Tell the writer what went wrong."""
        ...


class Safekeeping:
    """What keeps one open manuscript safe beside its file."""

    def __init__(self, screen: KeptScreen, opened: Opened, keep: Keep) -> None:
        """Begin keeping; the text is on the page, and not yet edited.

        Args:
            screen: shows the manuscript, and is told what goes wrong.
            opened: the manuscript.
            keep: how much is kept.
        """
        self._screen = screen
        self._area = screen.area
        self._opened = opened
        self._keep = keep
        self._loop = asyncio.get_running_loop()
        self._context = contextvars.copy_context()
        self._writer: JournalWriter | None = None
        self._archive: Archive | None = None
        self._version_of = -1
        """The state of the text that was last kept as a version."""
        self._laid: OpenTakes | None = None
        self._signals: list[signal.Signals] = []
        if opened.home is not None:
            self._settle(opened.home)
        self._listen_for_the_end()

    @property
    def archive(self) -> Archive | None:
        """The versions and takes; None where nothing can be kept."""
        return self._archive

    @property
    def home(self) -> Home | None:
        """Where everything is kept; None where nothing can be."""
        return self._opened.home

    @property
    def state(self) -> int:
        """The number of the state that the text is in."""
        return self._area.document.state

    def may_save(self) -> bool:
        """Whether no other storytui has the manuscript; where one had it and ended, it is ours."""
        lock = self._opened.lock
        if lock is None or (self._opened.holder is None and lock.mine):
            return True
        if lock.holder() is not None:
            return False
        # Where no claim can be written, nobody else's stands either.
        with contextlib.suppress(OSError):
            lock.take()
        self._opened.holder = None
        return True

    def held_elsewhere(self, path: Path) -> bool:
        """Whether another storytui has the manuscript that the file at `path` belongs to."""
        if self.home is None:
            return False
        there = find_home(self.home.folder.parent, path)
        if there is None or there.id == self.home.id:
            return False
        return living_holder(there.lock_path) is not None

    def _settle(self, home: Home) -> None:
        """Keep everything in `home` from now on."""
        journal = Journal(home.journal_path(session_name()))
        self._begin(journal)
        self._writer = JournalWriter(journal, self._journal_trouble)
        self._archive = Archive(home, self._keep, self._screen.complain)
        self._version_of = -1
        self._area.document.on_change = self._writer.edited
        self._lay_open_again()

    def _begin(self, journal: Journal) -> None:
        document, story_file = self._area.document, self._screen.story_file
        journal.begin(
            document.text,
            breaks=runs(document.breaks),
            sha256=story_file.sha256,
            saved=not document.changed,
        )

    # --- what the screen tells --------------------------------------------------------------------

    def edited(self) -> None:
        """The text changed; the journal has heard of it already."""
        area = self._area
        if self._writer is not None:
            if area.document.breaks is not None:
                self._writer.broken(area.document.breaks)
            self.moved()
        if self._version_of == -1 and (area.document.state or area.changed):
            # The first change: what was there before it is the first version.
            self._version_of = 0
            self._add_version(self._screen.story_file.text, "opened")

    def moved(self) -> None:
        """The cursor moved."""
        if self._writer is not None:
            selection = self._area.selection
            self._writer.moved(selection.end, selection.start)

    def saved(self) -> None:
        """The text was saved to its file."""
        story_file = self._screen.story_file
        if self._writer is not None:
            self._writer.saved(story_file.sha256)
        if self.home is not None and story_file.path is not None:
            self.home.remember(story_file.path, story_file.sha256)
        self.version("saved")

    def version(self, why: "Why") -> None:
        """Keep the text as a version, where it was changed since the last one."""
        state = self._area.document.state
        if state != self._version_of or why == "saved":
            self._version_of = state
            self._add_version(self._area.text, why, words=self._area.words)

    def other_version(self, text: str, why: "Why") -> None:
        """Keep a text that is not on the page: what another program wrote, what was recovered."""
        self._add_version(text, why)

    def keep_then(self, text: str, why: "Why", then: Callable[[], None]) -> None:
        """Keep a text as a version, and do something once it is kept; never, where it cannot be."""
        if self._archive is not None:

            def kept(_version: object) -> None:
                then()

            self._archive.ask_history(lambda history: history.add(text, why), kept)

    def _add_version(self, text: str, why: "Why", *, words: int | None = None) -> None:
        if self._archive is not None:
            self._archive.version(text, why, form_of(self._screen.story_file), words=words)

    def no_longer_the_files(self) -> None:
        """The file became another, and the text on the page is kept: from now on only here."""
        if self._writer is not None:
            self._writer.begin_anew(self._begin)
            self._lay_open_again()
        self._add_version(self._area.text, "working", words=self._area.words)

    def take(self, take: "Take") -> None:
        """Keep a take as it is now."""
        if self._archive is not None:
            self._archive.take(take)

    def laid_open(self, takes: OpenTakes) -> None:
        """These takes lie open."""
        self._laid = takes
        if self._writer is not None:
            self._writer.laid_open(takes)

    def _lay_open_again(self) -> None:
        """Tell a journal that was begun anew what lies open."""
        if self._writer is not None and self._laid is not None:
            self._writer.laid_open(self._laid)

    def flush(self) -> bool:
        """Bring everything typed to the disk now; returns whether it is there."""
        return self._writer is None or self._writer.flush()

    # --- another file -----------------------------------------------------------------------------

    def renamed(self) -> None:
        """The story was saved under another name, which may be another manuscript's.

        A story that had no name keeps its home. One that had becomes a manuscript of its own, as
        the file under the old name stays what it was.

        Raises:
            ManuscriptError: there is no place for it; nothing is kept then.
        """
        home, path = self.home, self._screen.story_file.path
        if home is None or path is None:
            return
        there = find_home(home.folder.parent, path)
        if there is None and not home.records:
            there = home
        if there is None or there.id != home.id:
            new = there or new_home(home.folder.parent)
            self._leave_home(clean=True)
            self._opened.home = self._opened.lock = self._opened.holder = None
            new.remember(path, self._screen.story_file.sha256)
            lock = Lock(new.lock_path)
            with contextlib.suppress(OSError):
                lock.take()
            self._opened.home, self._opened.lock = new, lock
            self._screen.story_file.spare = new.spare
            self._settle(new)
        else:
            home.remember(path, self._screen.story_file.sha256)

    # --- recovery ---------------------------------------------------------------------------------

    def bring_back(self, recovered: Recovered) -> None:
        """Put recovered text on the page, with the last edits as steps that can be undone.

        Only when this session's own journal holds it does the old one go.
        """
        area = self._area
        replay(area, recovered)
        made = area.document.breaks
        if recovered.breaks is None or made is None or len(recovered.breaks) == len(made):
            area.document.breaks = recovered.breaks
        area.document.default_break = self._screen.story_file.newline
        area.document.on_change = None if self._writer is None else self._writer.edited
        if area.text == self._screen.story_file.text:
            area.mark_saved()
        elif recovered.base != self._screen.story_file.text:
            area.document.mark_unsaved()
        if recovered.cursor is not None:
            place, anchor = recovered.cursor.place, recovered.cursor.anchor
            area.move_cursor(anchor)
            area.move_cursor(place, select=anchor != place)
        if self._writer is None:
            return

        def begin(journal: Journal) -> None:
            journal.begin(
                recovered.base,
                breaks=runs(recovered.base_breaks),
                sha256=self._screen.story_file.sha256,
                saved=False,
            )

        self._writer.begin_anew(begin)
        for edit in recovered.edits:
            self._writer.edited(*edit)
        self._laid = recovered.open_takes
        self._lay_open_again()
        if not area.changed:
            self._writer.saved(self._screen.story_file.sha256)
        self.edited()
        if self._writer.flush() and recovered.path != self._writer.path:
            remove_journal(recovered)

    def put_away(self, recovered: Recovered) -> None:
        """Keep the text of an older journal as a version; then the journal can go."""
        self.keep_then(recovered.text, "recovered", lambda: remove_journal(recovered))

    # --- the end ----------------------------------------------------------------------------------

    def close(self, *, clean: bool) -> None:
        """End keeping; the journal stays, unless all was saved or given up on purpose."""
        for each in self._signals:
            with contextlib.suppress(ValueError, RuntimeError):
                self._loop.remove_signal_handler(each)
        self._leave_home(clean=clean)

    def _leave_home(self, *, clean: bool) -> None:
        self._area.document.on_change = None
        if self._writer is not None:
            self._writer.close(remove=clean)
            self._writer = None
        if self._archive is not None:
            self._archive.close()
            self._archive = None
        if self._opened.lock is not None and self._opened.holder is None:
            self._opened.lock.release()
        if self.home is not None:
            self.home.leave()

    def _listen_for_the_end(self) -> None:
        """A closed terminal and a machine that shuts down say so; the last words are kept then."""
        for name in ENDING_SIGNALS:
            number = getattr(signal, name, None)
            # Not on Windows, and not outside the main thread.
            with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
                if number is not None:
                    self._loop.add_signal_handler(number, self._end, number)
                    self._signals.append(number)

    def _end(self, number: signal.Signals) -> None:
        self.flush()
        end_anyway(128 + number)
        self._screen.app.exit(return_code=128 + number)

    def _journal_trouble(self, problem: str) -> None:
        """Called in the journal's thread."""
        say = self._screen.complain if problem else self._screen.say
        sentence = problem or "The journal is written again."
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(say, sentence, context=self._context)


def replay(area: ManuscriptArea, recovered: Recovered) -> None:
    """Show the text that the last edits began from, and make them again as undo steps."""
    area.load_story(recovered.base)
    area.document.breaks = recovered.base_breaks
    for edit in recovered.edits:
        area.history.checkpoint()
        area.replace(edit.text, edit.start, edit.end, maintain_selection_offset=False)
    area.history.checkpoint()
