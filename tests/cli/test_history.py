"""`storytui history`: the versions of a story, from outside the editor."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from storytui import folders
from storytui.manuscript.file import StoryFile
from storytui.manuscript.form import form_of
from storytui.manuscript.history import History
from storytui.manuscript.home import Home, home_of
from storytui.manuscript.lock import Lock

Run = Callable[..., subprocess.CompletedProcess[str]]

FIRST = "The lamp was out.\n"
SECOND = "The lamp was out.\n\n“You knew,” he said.\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "night.md"
    path.write_bytes(SECOND.encode())
    return path


@pytest.fixture
def manuscript(path: Path) -> Home:
    """Two versions: the first is another than the file, the second is the same."""
    return a_manuscript(path, FIRST, SECOND)


def a_manuscript(path: Path, *versions: str) -> Home:
    story = StoryFile.read(path)
    home = home_of(folders.manuscripts_folder(), path, story.sha256)
    minutes: Iterator[float] = iter(range(0, 6000, 60))
    start = datetime(2026, 3, 1, 14, 2).timestamp()
    history = History(home.history_path, clock=lambda: start + next(minutes))
    for number, text in enumerate(versions):
        history.add(text, "saved" if number else "opened", form_of(story))
    history.close()
    return home


def reasons(home: Home) -> list[str]:
    history = History(home.history_path)
    found = [each.why for each in history.versions()]
    history.close()
    return found


@pytest.mark.parametrize("verb", [["list"], []])
def test_versions_are_listed_newest_first(
    storytui: Run, path: Path, manuscript: Home, verb: list[str]
) -> None:
    done = storytui("history", path, *verb)

    assert done.returncode == 0
    assert [" ".join(line.split()) for line in done.stdout.splitlines()] == [
        "2 2026-03-01 14:04 saved 8 words +4",
        "1 2026-03-01 14:02 opened 4 words",
    ]


@pytest.mark.parametrize("arguments", [["list", "--json"], ["--json"], ["--json", "list"]])
def test_versions_are_listed_as_json(
    storytui: Run, path: Path, manuscript: Home, arguments: list[str]
) -> None:
    found = json.loads(storytui("history", path, *arguments).stdout)

    assert [(each["number"], each["why"], each["words"]) for each in found["versions"]] == [
        (2, "saved", 8),
        (1, "opened", 4),
    ]
    assert found["file"] == str(path)


def test_a_version_is_shown_exactly(storytui: Run, path: Path) -> None:
    text = "no break at the end,\f\x1b[31m \u2028 and \0 stay"
    a_manuscript(path, text)

    assert storytui("history", path, "show", 1).stdout == text


def test_a_version_is_shown_as_json(storytui: Run, path: Path) -> None:
    a_manuscript(path, "half \udc80 a byte")

    found = json.loads(storytui("history", path, "show", "1", "--json").stdout)

    assert (found["text"], found["number"]) == ("half \udc80 a byte", 1)


def test_what_became_of_a_version_is_shown_by_words(storytui: Run, tmp_path: Path) -> None:
    path = tmp_path / "long.md"
    lines = [f"Line {number}." for number in range(20)]
    path.write_text("\n".join(lines))
    a_manuscript(path, "\n".join([*lines[:10], "Line ten.", *lines[11:]]))

    shown = storytui("history", path, "show", "1", "--diff").stdout

    assert shown.splitlines() == ["…", "Line 9.", "Line [-ten-]{+10+}.", "Line 11.", "…"]


def test_a_version_that_is_as_the_file_differs_in_nothing(
    storytui: Run, path: Path, manuscript: Home
) -> None:
    assert storytui("history", path, "show", "2", "--diff").stdout == ""


def test_a_version_is_restored_and_what_stood_there_is_a_version(
    storytui: Run, path: Path, manuscript: Home
) -> None:
    path.write_text("Something else.\n")

    done = storytui("history", path, "restore", "1")

    assert path.read_text() == FIRST
    assert "is version 1, of 2026-03-01 14:02 (4 words) again" in done.stdout
    assert "What it was before is version 3." in done.stdout
    assert storytui("history", path, "show", "3").stdout == "Something else.\n"
    assert reasons(manuscript) == ["restored", "replaced", "saved", "opened"]


@pytest.mark.parametrize(
    "data",
    [
        FIRST.encode("utf-8-sig"),
        FIRST.replace("\n", "\r\n").encode(),
        "“Dämmerung”\r\n".encode("windows-1252"),
        b"\xff\xfe" + "Licht.\r\n".encode("utf-16-le"),
        b"a byte that is no letter: \xff, and \xc3\xa9\xc3\xa9\n",
    ],
    ids=["mark", "CRLF", "Windows-1252", "UTF-16", "bytes"],
)
def test_a_version_is_restored_with_the_bytes_that_it_had(
    storytui: Run, tmp_path: Path, data: bytes
) -> None:
    path = tmp_path / "old.txt"
    path.write_bytes(data)
    a_manuscript(path, StoryFile.read(path).text)
    path.write_text("In UTF-8 by now: “é”.\n")

    done = storytui("history", path, "restore", "1")

    assert (done.returncode, path.read_bytes()) == (0, data), done.stderr


def test_a_file_that_is_gone_comes_back(storytui: Run, path: Path, manuscript: Home) -> None:
    path.unlink()

    assert storytui("history", path, "restore", "2").returncode == 0
    assert path.read_bytes() == SECOND.encode()


def test_a_file_that_was_renamed_still_has_its_versions(
    storytui: Run, path: Path, manuscript: Home
) -> None:
    new = path.with_name("day.md")
    path.rename(new)

    assert storytui("history", new, "show", "1").stdout == FIRST


def test_nothing_is_restored_while_another_storytui_has_the_story_open(
    storytui: Run, path: Path, manuscript: Home
) -> None:
    Lock(manuscript.lock_path).take()

    done = storytui("history", path, "restore", "1")

    assert done.returncode == 1
    assert f"is open in another storytui (process {os.getpid()}" in done.stderr
    assert path.read_text() == SECOND
    assert storytui("history", path, "list").returncode == 0


def test_a_version_that_is_not_there_is_a_failure(
    storytui: Run, path: Path, manuscript: Home
) -> None:
    for verb in ("show", "restore"):
        done = storytui("history", path, verb, "77")
        assert (done.returncode, done.stdout) == (1, "")
        assert "There is no version 77." in done.stderr


def test_a_story_that_was_never_opened_is_a_failure_and_leaves_no_trace(
    storytui: Run, path: Path
) -> None:
    done = storytui("history", path, "list")

    assert done.returncode == 1
    assert "was not opened with storytui yet" in done.stderr
    assert not folders.manuscripts_folder().exists()


def test_a_story_without_versions_says_so(storytui: Run, path: Path) -> None:
    home_of(folders.manuscripts_folder(), path)

    assert "There are no versions of" in storytui("history", path).stderr


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["x.md", "lst"],
        ["x.md", "show"],
        ["x.md", "show", "one"],
        ["x.md", "show", "0"],
        ["x.md", "show", "1", "--json", "--diff"],
        ["x.md", "--json", "restore", "1"],
        ["x.md", "restore", "1", "2"],
    ],
)
def test_a_command_line_that_means_nothing_is_wrong_usage(
    storytui: Run, arguments: list[str]
) -> None:
    done = storytui("history", *arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
