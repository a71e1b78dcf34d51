"""Writes the journal while she types; only a thread of its own waits for the disk."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from storytui.manuscript.journal import Journal, JournalError
from storytui.manuscript.journal_records import Breaks, Cursor, Edit, OpenTakes, Record, Saved, now
from storytui.manuscript.lines import LineEdit, Place, after, joined, runs

REST_SECONDS = 0.25
"""How long edits are gathered before they are written; twice that and the disk's own time is the
most that a crash can take."""
END_SECONDS = 5.0
"""How long closing waits for a disk that does not answer."""
RETRY_SECONDS = 5.0
"""How long a journal that could not be written is left alone; its edits are kept."""


class JournalWriter:
    """A thread that writes a journal. The other methods are called by the editor and never wait,
    but for `flush` and `close`."""

    def __init__(self, journal: Journal, problem: Callable[[str], None]) -> None:
        """Nothing is written before the first edit.

        Args:
            journal: the journal, begun.
            problem: called in the thread with a sentence when the journal cannot be written, once
                for each time it goes wrong; with an empty one when it can be again.
        """
        self._journal = journal
        self._problem = problem
        self._edits: list[LineEdit | Saved] = []
        self._cursor: Cursor | None = None
        self._takes: OpenTakes | None = None
        self._breaks: Sequence[str] | None = None
        self._pending = threading.Condition()
        self._writing = threading.Lock()
        self._asked = False
        self._anew = False
        """Whether the journal's first text is to be written even without an edit."""
        self._closing = threading.Event()
        self._troubled = False
        self._thread: threading.Thread | None = None

    @property
    def path(self) -> Path:
        """The journal's file."""
        return self._journal.path

    # --- called by the editor ---------------------------------------------------------------------

    def edited(self, start: Place, end: Place, text: str) -> None:
        """What stood between two places became `text`."""
        edit = LineEdit(start, end, text)
        # What is said of the cursor comes later than the edit, and a crash may come between them.
        place = after(edit)
        with self._pending:
            self._edits.append(edit)
            self._cursor = Cursor(place, place)
        self._wake()

    def saved(self, sha256: str) -> None:
        """The text as it is now stands in the file, whose bytes have this hash."""
        with self._pending:
            self._edits.append(Saved(sha256))
        self._wake()

    def moved(self, place: Place, anchor: Place) -> None:
        """The cursor is at `place`; written with the next edit."""
        self._cursor = Cursor(place, anchor)

    def laid_open(self, takes: OpenTakes) -> None:
        """These takes lie open; written with the next edit, or soon."""
        with self._pending:
            self._takes = takes
        self._wake()

    def broken(self, breaks: Sequence[str] | None) -> None:
        """The line breaks as they are now, where the file mixes them."""
        with self._pending:
            self._breaks = breaks

    def flush(self) -> bool:
        """Write everything now; returns whether it is on the disk."""
        return self._write()

    def begin_anew(self, begin: Callable[[Journal], None]) -> None:
        """Let `begin` begin the journal anew from another text; what was pending is dropped.

        It is written soon even where nothing is edited.
        """
        with self._writing:
            with self._pending:
                self._edits, self._takes, self._breaks = [], None, None
                self._anew = True
            begin(self._journal)
        self._wake()

    def close(self, *, remove: bool) -> None:
        """Write what is pending, end the thread, and remove the journal where asked to."""
        self._closing.set()
        with self._pending:
            self._asked = True
            self._pending.notify()
        if self._thread is not None:
            self._thread.join(END_SECONDS)
            if self._thread.is_alive():
                # A disk that does not answer: the thread is a daemon, and ends with the editor.
                return
        if not remove:
            self._write()
        with self._writing:
            self._journal.close(remove=remove)

    # --- the thread -------------------------------------------------------------------------------

    def _wake(self) -> None:
        if self._asked:
            return
        with self._pending:
            self._asked = True
            self._pending.notify()
        if self._thread is None:
            # A daemon: a disk that never answers must not keep the editor from ending.
            self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while not self._closing.is_set():
            with self._pending:
                while not self._asked:
                    self._pending.wait()
                self._asked = False
            # Not at once: typing is written in strides, and a stride is one record.
            self._closing.wait(REST_SECONDS)
            if not self._closing.is_set() and not self._write():
                self._closing.wait(RETRY_SECONDS)
                self._asked = True

    def _write(self) -> bool:
        with self._writing:
            records = self._gathered()
            # A journal that could not be written still holds what it was given then.
            if not records and not self._troubled:
                return True
            try:
                self._journal.append(records)
            except JournalError as error:
                if not self._troubled:
                    self._troubled = True
                    self._problem(str(error))
                return False
            if self._troubled:
                self._troubled = False
                self._problem("")
            return True

    def _gathered(self) -> list[Record]:
        with self._pending:
            edits, self._edits = self._edits, []
            cursor = self._cursor
            takes, self._takes = self._takes, None
            breaks, self._breaks = self._breaks, None
            anew, self._anew = self._anew, False
        if not edits and takes is None and not anew:
            return []
        records: list[Record] = []
        run: list[LineEdit] = []
        for each in [*edits, None]:
            if isinstance(each, LineEdit):
                run.append(each)
                continue
            records.extend(map(Edit.of, joined(run)))
            run = []
            if each is not None:
                records.append(each)
        if (found := runs(breaks)) is not None:
            records.append(Breaks(found))
        if takes is not None:
            records.append(takes)
        if cursor is not None:
            records.append(cursor)
        records.append(now())
        return records
