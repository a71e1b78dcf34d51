"""A journal gives back what was written to it, however it ended."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storytui.manuscript import journal as module
from storytui.manuscript.journal import Journal, JournalError, read_journal
from storytui.manuscript.journal_records import Cursor, Edit, Record, Saved, now
from storytui.manuscript.lines import LineEdit, Lines

TEXT = "One.\n\nTwo.\n"
ANY_TEXT = st.text(st.characters(), max_size=12)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal-1"


def typed(row: int, column: int, text: str) -> Edit:
    return Edit.of(LineEdit((row, column), (row, column), text))


def test_what_was_typed_comes_back_with_the_cursor(path: Path) -> None:
    journal = Journal(path)
    journal.begin(TEXT, sha256="abc")
    journal.append([typed(0, 4, " More."), Cursor((0, 10), (0, 10)), now()])
    journal.append([typed(2, 0, "\udc80\0")])

    found = read_journal(path)

    assert found is not None
    assert found.text == "One. More.\n\n\udc80\0Two.\n"
    assert (found.base, found.sha256, found.saved) == (TEXT, "abc", False)
    assert found.cursor == Cursor((0, 10), (0, 10))
    assert [edit.text for edit in found.edits] == [" More.", "\udc80\0"]


def test_nothing_is_written_before_the_first_edit(path: Path) -> None:
    Journal(path).begin(TEXT)

    assert not path.exists()


def test_only_its_owner_may_read_it(path: Path) -> None:
    journal = Journal(path)
    journal.begin(TEXT)
    journal.append([typed(0, 0, "x")])

    assert path.stat().st_mode & 0o777 == 0o600


def test_a_save_is_remembered_until_the_next_edit(path: Path) -> None:
    journal = Journal(path)
    journal.begin(TEXT, saved=False)
    journal.append([typed(0, 0, "x"), Saved("def")])
    after_save = read_journal(path)
    journal.append([typed(0, 0, "y")])
    after_edit = read_journal(path)

    assert after_save is not None
    assert after_edit is not None
    assert (after_save.saved, after_save.sha256) == (True, "def")
    assert (after_edit.saved, after_edit.sha256) == (False, "def")


@pytest.mark.parametrize("missing", range(1, 60))
def test_a_record_cut_off_by_a_crash_ends_the_reading(path: Path, missing: int) -> None:
    journal = Journal(path)
    journal.begin(TEXT)
    journal.append([typed(0, 0, "kept ")])
    whole = path.stat().st_size
    journal.append([typed(0, 0, "lost, all of this stretch of words in one record " * 2)])
    data = path.read_bytes()
    path.write_bytes(data[: max(whole, len(data) - missing)])

    found = read_journal(path)

    assert found is not None
    assert found.text == "kept " + TEXT


def test_a_flipped_bit_ends_the_reading_before_it(path: Path) -> None:
    journal = Journal(path)
    journal.begin(TEXT)
    journal.append([typed(0, 0, "kept ")])
    whole = path.stat().st_size
    journal.append([typed(0, 0, "lost ")])
    data = bytearray(path.read_bytes())
    for at in range(whole, len(data)):
        flipped = bytearray(data)
        flipped[at] ^= 0x10
        path.write_bytes(flipped)
        found = read_journal(path)
        assert found is not None
        assert found.text == "kept " + TEXT


@pytest.mark.parametrize("data", [b"", b"storytui journal 1\n", b"something else", b"\0" * 100])
def test_a_file_without_a_whole_beginning_is_no_journal(path: Path, data: bytes) -> None:
    path.write_bytes(data)

    assert read_journal(path) is None


def test_a_long_journal_begins_anew_and_keeps_the_last_edits(path: Path) -> None:
    journal = Journal(path, limit=20_000)
    journal.begin(TEXT)
    expected = Lines(TEXT)
    largest = 0
    for number in range(3_000):
        edit = LineEdit((0, 0), (0, 0), f"{number} ")
        expected.apply(edit)
        journal.append([Edit.of(edit)])
        largest = max(largest, path.stat().st_size)

    found = read_journal(path)

    assert found is not None
    assert found.text == expected.text
    assert len(found.edits) >= 100
    assert largest < 20_000 + 2 * len(expected.text) + 200


def test_one_edit_larger_than_the_limit_is_taken_into_the_text(path: Path) -> None:
    journal = Journal(path, limit=10_000)
    journal.begin(TEXT)
    journal.append([typed(0, 0, os.urandom(20_000).hex())])
    size = journal.size
    journal.append([typed(0, 0, "x")])

    found = read_journal(path)

    assert found is not None
    assert found.text.startswith("x")
    assert journal.size < size + 100


@pytest.mark.parametrize("fault", ["write", "fsync", "open", "replace"])
def test_what_could_not_be_written_is_written_with_the_next(
    path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise OSError(28, "No space left on device")

    journal = Journal(path, limit=100)
    journal.begin(TEXT)
    journal.append([typed(0, 0, "one ")])
    monkeypatch.setattr(module.os, fault, fail)
    with pytest.raises(JournalError, match="no space left"):
        journal.append([typed(0, 4, "two " * 40)])
    before = read_journal(path) if fault != "open" else None
    monkeypatch.undo()
    journal.append([typed(0, 4, "three ")])

    found = read_journal(path)

    assert before is None or before.text.startswith("one ")
    assert found is not None
    assert found.text == "one three " + "two " * 40 + TEXT


@st.composite
def sessions(draw: st.DrawFn) -> tuple[str, list[list[LineEdit]]]:
    text = draw(ANY_TEXT)
    lines = Lines(text)
    strides = []
    for _ in range(draw(st.integers(0, 8))):
        stride = []
        for _ in range(draw(st.integers(0, 4))):
            places = sorted(
                (row, draw(st.integers(0, len(lines.lines[row]))))
                for row in draw(
                    st.lists(st.integers(0, len(lines.lines) - 1), min_size=2, max_size=2)
                )
            )
            edit = LineEdit(places[0], places[1], draw(ANY_TEXT))
            lines.apply(edit)
            stride.append(edit)
        strides.append(stride)
    return text, strides


@given(sessions(), st.sampled_from([200, 2_000]))
@settings(max_examples=150, deadline=None)
def test_any_session_comes_back(
    tmp_path_factory: pytest.TempPathFactory, session: tuple[str, list[list[LineEdit]]], limit: int
) -> None:
    text, strides = session
    path = tmp_path_factory.mktemp("session") / "journal-1"
    lines = Lines(text)
    journal = Journal(path, limit=limit)
    journal.begin(text)
    for stride in strides:
        for edit in stride:
            lines.apply(edit)
        records: list[Record] = [Edit.of(edit) for edit in stride]
        journal.append(records)
    journal.close(remove=False)

    if strides:
        found = read_journal(path)
        assert found is not None
        assert found.text == lines.text
        again = Lines(found.base)
        for edit in found.edits:
            again.apply(edit)
        assert again.text == lines.text


def test_removed_where_all_is_safe_elsewhere(path: Path) -> None:
    journal = Journal(path)
    journal.begin(TEXT)
    journal.append([typed(0, 0, "x")])
    journal.close(remove=True)

    assert not path.exists()
