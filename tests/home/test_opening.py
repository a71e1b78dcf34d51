"""What is found when a manuscript is opened."""

from pathlib import Path

import pytest

from storytui.manuscript import opening
from storytui.manuscript.file import ManuscriptError
from storytui.manuscript.home import Home
from storytui.manuscript.journal import Journal
from storytui.manuscript.journal_records import Edit, Saved
from storytui.manuscript.lines import LineEdit
from storytui.manuscript.opening import Opened, open_manuscript, take_over

TEXT = "Once.\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "manuscripts"


@pytest.fixture
def story(tmp_path: Path) -> Path:
    path = tmp_path / "story.md"
    path.write_text(TEXT)
    return path


def home_in(opened: Opened) -> Home:
    assert opened.home is not None
    return opened.home


def leave_journal(home: Home, name: str, typed: str, *, saved: bool = False) -> Path:
    path = home.journal_path(name)
    journal = Journal(path)
    journal.begin(TEXT)
    journal.append([Edit.of(LineEdit((0, 0), (0, 0), typed)), *([Saved("x")] if saved else [])])
    journal.close(remove=False)
    return path


@pytest.fixture
def known(root: Path, story: Path) -> Home:
    opened = open_manuscript(root, story)
    assert opened.lock is not None
    opened.lock.release()
    return home_in(opened)


def test_it_is_claimed_and_has_a_home(root: Path, story: Path) -> None:
    opened = open_manuscript(root, story)

    assert opened.story_file.text == TEXT
    assert opened.lock is not None
    assert opened.lock.mine
    assert opened.story_file.spare == home_in(opened).folder
    assert (opened.recovered, opened.holder, opened.problem) == (None, None, "")


def test_a_second_one_is_told_of_the_first_and_may_take_over(root: Path, story: Path) -> None:
    first = open_manuscript(root, story)
    second = open_manuscript(root, story)

    assert second.holder is not None
    take_over(second)
    assert second.holder is None
    assert first.lock is not None
    assert not first.lock.mine


def test_what_a_crash_left_is_found(root: Path, story: Path, known: Home) -> None:
    leave_journal(known, "dead", "Then. ")

    opened = open_manuscript(root, story)

    assert opened.recovered is not None
    assert opened.recovered.text == "Then. " + TEXT


def test_a_journal_of_a_running_session_is_left_alone(
    root: Path, story: Path, known: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = leave_journal(known, "alive", "Then. ")
    monkeypatch.setattr(opening, "session_runs", lambda name: name == "alive")

    assert open_manuscript(root, story).recovered is None
    assert path.exists()


def test_of_several_the_last_is_brought_back_and_no_other_unsaved_one_is_dropped(
    root: Path, story: Path, known: Home
) -> None:
    leave_journal(known, "1", "One. ")
    saved = leave_journal(known, "2", "Two. ", saved=True)
    leave_journal(known, "3", "Three. ")

    opened = open_manuscript(root, story)

    assert opened.recovered is not None
    assert opened.recovered.text == "Three. " + TEXT
    assert [each.text for each in opened.older] == ["One. " + TEXT]
    assert not saved.exists()


def test_a_journal_that_cannot_be_read_is_put_aside(root: Path, story: Path, known: Home) -> None:
    known.journal_path("dead").write_bytes(b"not a journal")

    assert open_manuscript(root, story).recovered is None
    assert (known.folder / "damaged-journal-dead").read_bytes() == b"not a journal"


def test_a_first_journal_that_had_not_got_its_name_is_found(
    root: Path, story: Path, known: Home
) -> None:
    path = leave_journal(known, "dead", "Then. ")
    path.rename(path.with_name(f"new-{path.name}"))

    opened = open_manuscript(root, story)

    assert opened.recovered is not None
    assert opened.recovered.text == "Then. " + TEXT


def test_a_journal_that_was_to_be_shortened_is_taken_as_it_was(
    root: Path, story: Path, known: Home
) -> None:
    path = leave_journal(known, "dead", "Then. ")
    new = path.with_name(f"new-{path.name}")
    new.write_bytes(b"storytui journal 1\nhalf")

    opened = open_manuscript(root, story)

    assert opened.recovered is not None
    assert opened.recovered.text == "Then. " + TEXT
    assert not new.exists()


def test_a_story_without_a_name_that_a_crash_left_comes_back(root: Path) -> None:
    draft = open_manuscript(root, None)
    assert draft.lock is not None
    leave_journal(home_in(draft), "dead", "Unnamed. ")
    draft.lock.release()

    again = open_manuscript(root, None)

    assert home_in(again).id == home_in(draft).id
    assert again.recovered is not None
    assert again.recovered.text.startswith("Unnamed. ")


def test_a_story_without_a_name_that_is_open_elsewhere_is_not_taken(root: Path) -> None:
    first = open_manuscript(root, None)
    leave_journal(home_in(first), "dead", "Unnamed. ")

    assert home_in(open_manuscript(root, None)).id != home_in(first).id


def test_where_nothing_can_be_kept_the_story_opens_all_the_same(
    tmp_path: Path, story: Path
) -> None:
    root = tmp_path / "file"
    root.write_bytes(b"")

    opened = open_manuscript(root, story)

    assert opened.story_file.text == TEXT
    assert opened.home is None
    assert "cannot be kept" in opened.problem


def test_a_file_that_cannot_be_read_makes_no_home(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ManuscriptError):
        open_manuscript(root, tmp_path)
    assert not root.exists()


def test_what_was_saved_does_not_stand_against_what_others_wrote_since(
    root: Path, story: Path, known: Home
) -> None:
    leave_journal(known, "dead", "Then. ", saved=True)
    story.write_text("Written by another program.\n")

    opened = open_manuscript(root, story)

    assert opened.recovered is None
    assert opened.story_file.text == "Written by another program.\n"
    assert [each.text for each in opened.older] == ["Then. " + TEXT]


def test_cursor_and_undo_come_back_where_all_was_saved(
    root: Path, story: Path, known: Home
) -> None:
    leave_journal(known, "dead", "Then. ", saved=True)
    story.write_text("Then. " + TEXT)

    opened = open_manuscript(root, story)

    assert opened.recovered is not None
    assert opened.recovered.text == opened.story_file.text
