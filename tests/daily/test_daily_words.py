"""Words of today, from one session to the next."""

from datetime import date
from pathlib import Path

import pytest

from storytui.daily_words import keep_written_today, written_today

TODAY = date(2026, 5, 1)


def test_they_are_there_in_the_next_session(tmp_path: Path) -> None:
    story = tmp_path / "story.md"
    keep_written_today(tmp_path, story, TODAY, 312)
    keep_written_today(tmp_path, tmp_path / "other.md", TODAY, 5)
    assert written_today(tmp_path, story, TODAY) == 312


def test_they_are_gone_on_another_day(tmp_path: Path) -> None:
    story = tmp_path / "story.md"
    keep_written_today(tmp_path, story, TODAY, 312)
    assert written_today(tmp_path, story, date(2026, 5, 2)) == 0


def test_a_story_without_a_file_has_none(tmp_path: Path) -> None:
    keep_written_today(tmp_path, None, TODAY, 312)
    assert written_today(tmp_path, None, TODAY) == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["", "[]", '{"day": 3}', '{"day": "2026-05-01", "words": 3}'])
def test_a_broken_record_counts_as_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "words-today.json").write_text(content)
    assert written_today(tmp_path, tmp_path / "story.md", TODAY) == 0
