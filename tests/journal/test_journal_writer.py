"""What the editor hands over reaches the journal, in strides and in order."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storytui.manuscript import journal as module
from storytui.manuscript import journal_writer
from storytui.manuscript.journal import Journal, Recovered, read_journal
from storytui.manuscript.journal_writer import JournalWriter
from storytui.manuscript.lines import LineEdit, Lines, from_runs, joined, runs


class Session:
    """A writer, and what it said."""

    def __init__(self, path: Path) -> None:
        self.path = path
        journal = Journal(path)
        journal.begin("One.")
        self.said: list[str] = []
        self.heard = threading.Event()
        self.writer = JournalWriter(journal, self._hear)

    def _hear(self, problem: str) -> None:
        self.said.append(problem)
        self.heard.set()

    @property
    def found(self) -> Recovered:
        found = read_journal(self.path)
        assert found is not None
        return found


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    running = Session(tmp_path / "journal-1")
    yield running
    running.writer.close(remove=True)


def test_a_stride_of_typing_is_one_edit(session: Session) -> None:
    for at, letter in enumerate(" Two."):
        session.writer.edited((0, 4 + at), (0, 4 + at), letter)
    session.writer.moved((0, 9), (0, 9))
    assert session.writer.flush()

    assert session.found.text == "One. Two."
    assert session.found.edits == (LineEdit((0, 4), (0, 4), " Two."),)
    assert session.found.cursor is not None
    assert session.found.cursor.place == (0, 9)


def test_the_cursor_is_behind_an_edit_after_which_nothing_was_said_of_it(session: Session) -> None:
    session.writer.moved((0, 0), (0, 2))
    session.writer.edited((0, 4), (0, 4), " Two.\nThree")
    assert session.writer.flush()

    assert session.found.cursor is not None
    assert session.found.cursor.place == session.found.cursor.anchor == (1, 5)


def test_edits_are_written_without_being_asked(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_writer, "REST_SECONDS", 0.0)
    written = threading.Event()
    append = Journal.append

    def appended(journal: Journal, records: list[module.Record]) -> None:
        append(journal, records)
        written.set()

    monkeypatch.setattr(Journal, "append", appended)
    session.writer.edited((0, 4), (0, 4), " Two.")

    assert written.wait(10)
    assert session.found.text == "One. Two."


def test_closing_writes_what_is_pending(session: Session) -> None:
    session.writer.edited((0, 4), (0, 4), " Two.")
    session.writer.close(remove=False)

    assert session.found.text == "One. Two."


def test_a_full_disk_is_told_once_and_nothing_is_dropped(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "fsync", fail)
    session.writer.edited((0, 4), (0, 4), " Two.")
    assert not session.writer.flush()
    session.writer.edited((0, 9), (0, 9), " Three.")
    assert not session.writer.flush()
    assert len(session.said) == 1
    assert "no space left" in session.said[0]

    monkeypatch.undo()
    assert session.writer.flush()
    assert session.said[1:] == [""]
    assert session.found.text == "One. Two. Three."


def test_line_breaks_that_are_mixed_are_kept(session: Session) -> None:
    session.writer.broken(["\n", "\r\n", "\r\n"])
    session.writer.edited((0, 4), (0, 4), "\n\n\n")
    assert session.writer.flush()

    assert session.found.breaks == ["\n", "\r\n", "\r\n"]


@given(st.lists(st.sampled_from(["\n", "\r\n", "\r"]), max_size=20))
def test_runs_of_line_breaks_come_back(breaks: list[str]) -> None:
    assert from_runs(runs(breaks)) == breaks
    assert from_runs(runs(None)) is None


@given(st.data())
def test_joined_edits_lead_to_the_same_text(data: st.DataObject) -> None:
    lines, again, edits = Lines("ab\ncd"), Lines("ab\ncd"), []
    place = (0, 1)
    for _ in range(data.draw(st.integers(0, 12))):
        row, column = place
        if data.draw(st.booleans()) and column:
            edit = LineEdit((row, column - 1), place, "")
        else:
            edit = LineEdit(place, place, data.draw(st.sampled_from(["x", "yz", "\n"])))
        lines.apply(edit)
        edits.append(edit)
        new_rows = edit.text.split("\n")
        if len(new_rows) > 1:
            place = (edit.start[0] + len(new_rows) - 1, len(new_rows[-1]))
        else:
            place = (edit.start[0], edit.start[1] + len(edit.text))
    for edit in joined(edits):
        again.apply(edit)

    assert again.text == lines.text
