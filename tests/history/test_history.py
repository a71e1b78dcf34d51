"""The local history: what is a version, what it holds, and how large it may become."""

import random
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from storytui.manuscript.history import History, HistoryError, Why
from storytui.storage.database import StorageError

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def open_history(tmp_path: Path, clock: Clock) -> Callable[..., History]:
    return lambda **sizes: History(tmp_path / "history.sqlite3", clock=clock, **sizes)


@pytest.fixture
def history(open_history: Callable[..., History]) -> History:
    return open_history()


def why(history: History) -> list[str]:
    return [each.why for each in history.versions()]


def test_a_version_says_when_why_and_how_long(history: History) -> None:
    added = history.add("The lamp was out.", "saved", "a form")

    assert added is not None
    assert history.versions() == [added]
    assert (added.when, added.why, added.words, added.characters, added.form) == (
        datetime.fromtimestamp(NOON, UTC),
        "saved",
        4,
        17,
        "a form",
    )
    assert added.when.tzinfo is not None


def test_versions_come_newest_first_and_each_has_its_text(history: History, clock: Clock) -> None:
    for text in ("One.", "One. Two.", "One. Two. Three."):
        history.add(text, "saved")
        clock.pass_by(60)

    assert [history.text(each.number) for each in history.versions()] == [
        "One. Two. Three.",
        "One. Two.",
        "One.",
    ]


@pytest.mark.parametrize("text", ["", "a\0b\f\u2028\x85", "\udc80 and \ud800", "\r\n is kept\r"])
def test_a_version_is_exact(history: History, text: str) -> None:
    added = history.add(text, "saved")

    assert added is not None
    assert history.text(added.number) == text


def test_what_is_the_newest_version_already_is_no_new_one(history: History) -> None:
    assert history.add("One.", "saved") is not None
    assert history.add("One.", "working") is None
    assert why(history) == ["saved"]


def test_a_reason_that_tells_more_takes_the_place_of_one_that_tells_less(
    history: History, clock: Clock
) -> None:
    history.add("One.", "working")
    clock.pass_by(300)
    history.add("One.", "saved")

    (version,) = history.versions()
    assert (version.why, version.when.timestamp()) == ("saved", NOON + 300)


def test_a_text_that_comes_back_later_is_a_version_again(history: History) -> None:
    for text in ("One.", "Two.", "One."):
        history.add(text, "saved")

    assert len(history.versions()) == 3


def test_the_same_text_written_down_in_another_form_is_another_version(history: History) -> None:
    history.add("One.", "saved", "utf-8")
    history.add("One.", "working")
    history.add("One.", "saved", "utf-16")

    assert [each.form for each in history.versions()] == ["utf-16", "utf-8"]


def test_words_that_were_counted_elsewhere_are_believed(history: History) -> None:
    added = history.add("One two three.", "working", words=4711)

    assert added is not None
    assert added.words == 4711


def test_versions_last_and_keep_their_numbers(open_history: Callable[..., History]) -> None:
    first = open_history()
    first.add("One.", "saved")
    first.close()
    again = open_history()
    again.add("Two.", "saved")

    assert {each.number: again.text(each.number) for each in again.versions()} == {
        1: "One.",
        2: "Two.",
    }


def test_a_version_that_is_not_there_is_named(history: History) -> None:
    with pytest.raises(HistoryError, match="no version 12"):
        history.text(12)
    with pytest.raises(HistoryError, match="no version 12"):
        history.version(12)


def test_a_history_that_was_damaged_is_begun_anew_and_says_where_the_old_one_is(
    open_history: Callable[..., History], tmp_path: Path
) -> None:
    (tmp_path / "history.sqlite3").write_bytes(b"no database, but long enough" * 100)

    history = open_history()

    assert history.versions() == []
    assert history.moved_aside is not None
    assert history.moved_aside.is_file()


def test_a_history_that_an_editor_has_open_can_be_read_beside_it(
    open_history: Callable[..., History],
) -> None:
    editor, command = open_history(), open_history()
    editor.add("One.", "saved")

    assert command.text(command.versions()[0].number) == "One."


def test_several_threads_may_use_one_history(history: History) -> None:
    def write(thread: int) -> None:
        for number in range(5):
            history.add(f"Thread {thread}, {number}.", "working")
            history.versions()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(4)))

    texts = {history.text(each.number) for each in history.versions()}
    assert texts == {f"Thread {one}, {two}." for one in range(4) for two in range(5)}


def test_a_closed_history_says_so(history: History) -> None:
    history.close()

    with pytest.raises(StorageError, match="The local history"):
        history.add("One.", "saved")


def test_old_versions_are_thinned_while_new_ones_are_added(history: History, clock: Clock) -> None:
    for day in range(40):
        for part in range(5):
            history.add(f"Day {day}, part {part}.", "saved" if part == 4 else "working")
            clock.pass_by(3600)
        clock.pass_by(19 * 3600)
    history.prune()

    versions = history.versions()
    old = [each for each in versions if clock.now - each.when.timestamp() > 8 * 86400]
    assert len(old) < 40
    assert {each.why for each in old[:-1]} == {"saved"}
    assert history.text(versions[0].number) == "Day 39, part 4."
    assert history.text(versions[-1].number) == "Day 0, part 0."


def noise(size: int, seed: int) -> str:
    """Text that does not compress."""
    chance = random.Random(seed)
    return "".join(chance.choice("abcdefghijklmnopqrstuvwxyz 0123456789\n") for _ in range(size))


def test_the_history_stays_under_its_cap_and_keeps_the_first_and_the_newest(
    open_history: Callable[..., History],
) -> None:
    history = open_history(cap_bytes=1_000_000)
    whys: list[Why] = ["working", "saved"]
    for number in range(60):
        history.add(noise(50_000, number), whys[number % 2])
        assert history.used_bytes() < 1_000_000

    numbers = [each.number for each in history.versions()]
    assert (numbers[0], numbers[-1]) == (60, 1)
    assert len(numbers) > 10
    assert history.text(1) == noise(50_000, 0)


def test_a_cap_that_is_too_small_for_anything_still_keeps_the_newest(
    open_history: Callable[..., History],
) -> None:
    history = open_history(cap_bytes=1)
    for number in range(5):
        history.add(noise(3_000, number), "saved")

    assert [each.number for each in history.versions()] == [5, 1]
    assert history.text(5) == noise(3_000, 4)


def test_what_was_pruned_is_not_to_be_found_on_the_disk(
    open_history: Callable[..., History], tmp_path: Path
) -> None:
    def on_the_disk() -> bool:
        kept = zlib.compress(b"She never said it.")
        return any(kept in each.read_bytes() for each in tmp_path.iterdir())

    history = open_history(cap_bytes=1)
    history.add("First.", "saved")
    history.add("She never said it.", "saved")
    there = on_the_disk()
    history.add("Last.", "saved")

    assert (there, on_the_disk()) == (True, False)
