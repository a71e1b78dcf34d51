"""The standing notes of a story stand in a file beside it."""

from pathlib import Path

import pytest

from storytui.manuscript.file import ManuscriptError
from storytui.manuscript.notes import notes_path, read_notes


@pytest.mark.parametrize(
    ("story", "notes"),
    [
        ("lighthouse.md", "lighthouse.notes.md"),
        ("lighthouse.txt", "lighthouse.notes.md"),
        ("lighthouse", "lighthouse.notes.md"),
        ("draft v1.2", "draft v1.2.notes.md"),
        (".hidden", ".hidden.notes.md"),
        ("St. Ives", "St. Ives.notes.md"),
    ],
)
def test_notes_are_named_after_the_story_and_stand_beside_it(story: str, notes: str) -> None:
    assert notes_path(Path("stories", story)) == Path("stories", notes)


def test_notes_are_read_as_a_manuscript_is(tmp_path: Path) -> None:
    path = tmp_path / "lighthouse.notes.md"
    path.write_bytes("\ufeffAnna is the keeper.\r\nShe is sixty.\r\n".encode())
    assert read_notes(path) == "Anna is the keeper.\nShe is sixty.\n"


def test_where_there_is_no_file_there_are_no_notes(tmp_path: Path) -> None:
    assert read_notes(tmp_path / "lighthouse.notes.md") == ""


def test_notes_that_cannot_be_read_are_said(tmp_path: Path) -> None:
    with pytest.raises(ManuscriptError):
        read_notes(tmp_path)
