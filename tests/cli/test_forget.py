"""`storytui forget`: nothing stays of a story but the story."""

import hashlib
import io
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from storytui import folders
from storytui.cli import main
from storytui.daily_words import keep_written_today, written_today
from storytui.manuscript.history import History
from storytui.manuscript.home import Home, home_of
from storytui.manuscript.lock import Lock
from storytui.manuscript.saving_names import TEMPORARY, name_for
from storytui.takes.store import TakeStore
from storytui.takes.take import Take

Run = Callable[..., subprocess.CompletedProcess[str]]

SECRET = "The keeper's real name was Ilse Vorberg."


@pytest.fixture
def manuscript(story: Path) -> Home:
    """A story with everything that can be kept about it."""
    home = home_of(folders.manuscripts_folder(), story)
    history = History(home.history_path)
    for text in (SECRET, f"{SECRET} She kept it."):
        history.add(text, "saved")
    history.close()
    takes = TakeStore(home.takes_path)
    takes.keep(Take(prompt=SECRET, answer=SECRET))
    takes.close()
    home.journal_path("1-2").write_text(SECRET)
    (home.folder / "takes.sqlite3.damaged-20260301-140200").write_text(SECRET)
    (home.folder / "read-0123.state").write_text(SECRET)
    left = name_for(story, SECRET.encode(), TEMPORARY)
    story.with_name(left).write_text(SECRET)
    keep_written_today(folders.state_folder(), story, date.today(), 4711)
    return home


def traces(home: Path, story: Path) -> list[Path]:
    """Files below the home folder and beside the story that tell of it."""
    files = [each for folder in (home, story.parent) for each in folder.rglob("*")]
    files = [each for each in files if each.is_file() and each != story]
    return [
        each
        for each in files
        if SECRET.encode() in each.read_bytes()
        or story.name.encode() in each.read_bytes()
        or story.name in each.name
        or each.suffix == ".sqlite3"
    ]


def test_every_trace_goes_and_the_story_stays(
    storytui: Run, story: Path, manuscript: Home, home: Path
) -> None:
    text = story.read_bytes()
    assert len(traces(home, story)) >= 8

    done = storytui("forget", story, "--yes")

    assert (done.returncode, done.stderr) == (0, "")
    assert traces(home, story) == []
    assert not manuscript.folder.exists()
    assert story.read_bytes() == text


def test_it_says_what_goes(storytui: Run, story: Path, manuscript: Home) -> None:
    said = storytui("forget", story, "--yes").stdout

    for part in ("2 versions", "1 take\n", "the journal", "an interrupted save", "words"):
        assert part in said
    assert f"what the model had read, {len(SECRET)} bytes" in said
    assert str(manuscript.folder) in said


def test_what_is_kept_about_other_stories_stays(
    storytui: Run, story: Path, manuscript: Home, tmp_path: Path
) -> None:
    other = tmp_path / "other.md"
    other.write_text("Another story.")
    others = home_of(folders.manuscripts_folder(), other)
    keep_written_today(folders.state_folder(), other, date.today(), 12)

    storytui("forget", story, "--yes")

    assert others.folder.exists()
    assert written_today(folders.state_folder(), other, date.today()) == 12


def test_a_story_whose_file_is_gone_can_be_forgotten(
    storytui: Run, story: Path, manuscript: Home, home: Path
) -> None:
    story.unlink()

    assert storytui("forget", story, "--yes").returncode == 0
    assert traces(home, story) == []


def test_a_story_that_was_renamed_since_can_be_forgotten(
    storytui: Run, story: Path, home: Path
) -> None:
    sha256 = hashlib.sha256(story.read_bytes()).hexdigest()
    manuscript = home_of(folders.manuscripts_folder(), story, sha256)
    keep_written_today(folders.state_folder(), story, date.today(), 4711)
    new = story.with_name("elsewhere.md")
    story.rename(new)

    assert storytui("forget", new, "--yes").returncode == 0
    assert not manuscript.folder.exists()
    assert traces(home, story) == []


def test_what_cannot_be_read_any_more_can_be_forgotten(
    storytui: Run, story: Path, manuscript: Home
) -> None:
    manuscript.history_path.write_bytes(b"no database, but long enough" * 100)

    assert storytui("forget", story, "--yes").returncode == 0
    assert not manuscript.folder.exists()


def test_words_of_another_day_are_forgotten_too(storytui: Run, story: Path, home: Path) -> None:
    keep_written_today(folders.state_folder(), story, date(2001, 1, 1), 4711)

    assert storytui("forget", story, "--yes").returncode == 0
    assert traces(home, story) == []


def test_nothing_is_forgotten_while_a_storytui_has_the_story_open(
    storytui: Run, story: Path, manuscript: Home
) -> None:
    Lock(manuscript.lock_path).take()

    done = storytui("forget", story, "--yes")

    assert done.returncode == 1
    assert "is open in another storytui" in done.stderr
    assert manuscript.history_path.exists()


def test_without_a_terminal_it_wants_to_be_told(
    storytui: Run, story: Path, manuscript: Home
) -> None:
    done = storytui("forget", story, input="y\n")

    assert done.returncode == 2
    assert "Add --yes" in done.stderr
    assert manuscript.history_path.exists()


class Terminal(io.StringIO):
    """Somebody who types an answer."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("answer", "status", "stays"),
    [("y\n", 0, False), ("Yes\n", 0, False), ("n\n", 1, True), ("\n", 1, True), ("", 1, True)],
)
def test_on_a_terminal_it_asks(
    story: Path,
    manuscript: Home,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
    answer: str,
    status: int,
    stays: bool,
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(answer))

    assert main(["forget", str(story)]) == status
    assert manuscript.history_path.exists() == stays
    assert b"It cannot be brought back. (y/n)" in capfdbinary.readouterr().out


def test_a_story_of_which_nothing_is_kept_is_a_failure(storytui: Run, story: Path) -> None:
    done = storytui("forget", story, "--yes")

    assert done.returncode == 1
    assert "Nothing is kept about" in done.stderr
