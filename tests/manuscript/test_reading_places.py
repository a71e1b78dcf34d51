"""Where windows began is kept with the manuscript, and costs nothing but time when it is lost."""

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from storytui.manuscript.reading_places import FILE, MOST, ReadingPlaces
from storytui.story.starts import Start, start_at
from storytui.story.window import choose_window

TEXT = " ".join(f"Sentence {n} is here." for n in range(1_000))


def mark(offset: int) -> Start:
    return start_at(TEXT, offset)


def test_what_was_remembered_is_known_after_reopening(tmp_path: Path) -> None:
    places = ReadingPlaces(tmp_path)
    places.remember(mark(700))
    places.remember(mark(300))
    places.close()
    assert ReadingPlaces(tmp_path).starts() == (mark(700), mark(300))


def test_reopening_asks_for_the_same_windows(tmp_path: Path) -> None:
    def counts(texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    places = ReadingPlaces(tmp_path)
    began = []
    for end in range(2_000, len(TEXT), 100):
        window = choose_window(TEXT, 300, counts, places.starts(), end=end)
        places.remember(window.mark, window.remembered)
        began.append(window.start)
    places.close()
    reopened = ReadingPlaces(tmp_path)
    again = choose_window(TEXT, 300, counts, reopened.starts(), end=end)
    assert again.start == began[-1]
    assert 2 * len(set(began)) < len(began)


def test_the_start_used_last_comes_last(tmp_path: Path) -> None:
    places = ReadingPlaces(tmp_path)
    for offset in (700, 300, 700):
        places.remember(mark(offset))
    assert places.starts() == (mark(300), mark(700))


def test_a_start_that_moved_takes_its_own_place() -> None:
    places = ReadingPlaces()
    places.remember(mark(700))
    places.remember(mark(800), mark(700))
    assert places.starts() == (mark(800),)


def test_the_beginning_of_the_story_is_one_place_whatever_stands_there() -> None:
    places = ReadingPlaces()
    places.remember(Start(0, "It was late.", ""))
    places.remember(Start(0, "A title. It was late.", ""))
    assert places.starts() == (Start(0, "A title. It was late.", ""),)


def test_only_so_many_are_kept() -> None:
    places = ReadingPlaces()
    for offset in range(1, 60):
        places.remember(mark(offset))
    assert places.starts() == tuple(map(mark, range(60 - MOST, 60)))


def test_a_place_that_nothing_tells_is_not_remembered() -> None:
    places = ReadingPlaces()
    places.remember(Start(9, "", "and"))
    assert places.starts() == ()


def test_without_a_folder_they_are_kept_in_memory() -> None:
    places = ReadingPlaces()
    places.remember(mark(700))
    places.close()
    assert places.starts() == (mark(700),)


def test_bytes_that_are_no_character_are_kept(tmp_path: Path) -> None:
    start = Start(70, "na\udcefve and so on", "it was\udce9")
    places = ReadingPlaces(tmp_path)
    places.remember(start)
    places.close()
    assert ReadingPlaces(tmp_path).starts() == (start,)


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"\0" * 50,
        b"[1, 2]",
        b"[" * 100_000,
        b'{"version": 9, "starts": []}',
        b'{"version": 1, "starts": [{"offset": -1, "after": "", "before": ""}]}',
        b'{"version": 1, "starts": [{"offset": 1, "after": "/w==", "before": ""}]}',
    ],
)
def test_a_damaged_file_is_forgotten(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / FILE).write_bytes(damage)
    places = ReadingPlaces(tmp_path)
    assert places.starts() == ()
    places.remember(mark(700))
    places.close()
    assert ReadingPlaces(tmp_path).starts() == (mark(700),)


def test_only_its_owner_can_read_the_file(tmp_path: Path) -> None:
    places = ReadingPlaces(tmp_path)
    places.remember(mark(700))
    places.close()
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0
    assert [each.name for each in tmp_path.iterdir()] == [FILE]


def test_where_nothing_can_be_written_they_are_kept_in_memory(tmp_path: Path) -> None:
    places = ReadingPlaces(tmp_path / "gone")
    places.remember(mark(700))
    places.close()
    assert places.starts() == (mark(700),)


def test_many_threads_may_remember_at_once(tmp_path: Path) -> None:
    places = ReadingPlaces(tmp_path)
    threads = [
        threading.Thread(target=lambda n=n: places.remember(mark(n + 1)), name=f"{n}")
        for n in range(MOST)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    places.close()
    assert set(ReadingPlaces(tmp_path).starts()) == {mark(n + 1) for n in range(MOST)}
