"""The long manuscript that the bench writes in."""

from pathlib import Path

import pytest

from storytui.bench.manuscripts import (
    WORDS,
    BookError,
    Manuscript,
    manuscript,
    shuffled_sample,
    unwrapped,
)
from storytui.story.words import count_words


def test_without_a_book_it_is_long_enough_and_always_the_same() -> None:
    made = manuscript(None)

    assert count_words(made.text) >= WORDS >= 60_000
    assert made == manuscript(None)
    assert "shuffled" in made.source


def test_its_paragraphs_differ() -> None:
    paragraphs = shuffled_sample(20_000).split("\n\n")

    assert len(set(paragraphs)) > 0.99 * len(paragraphs)


def test_a_book_loses_its_publishers_notes_and_its_hard_line_breaks(tmp_path: Path) -> None:
    book = tmp_path / "book.txt"
    book.write_bytes(
        b"\xef\xbb\xbfLicence\r\n*** START OF THE PROJECT GUTENBERG EBOOK X ***\r\n\r\n"
        b"One line\r\nand another.\r\n\r\nTwo.\r\n"
        b"*** END OF THE PROJECT GUTENBERG EBOOK X ***\r\nMore"
    )

    made = manuscript(book)

    assert made.text == "One line and another.\n\nTwo.\n"
    assert made.source == "book.txt"


def test_text_without_notes_is_taken_whole() -> None:
    assert unwrapped("One.\n\n\nTwo.") == "One.\n\nTwo.\n"


def test_a_book_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BookError, match=r"missing\.txt"):
        manuscript(tmp_path / "missing.txt")


def test_its_beginning_has_as_many_tokens_as_may_be_and_whole_words() -> None:
    made = Manuscript("One two three four five.", "")

    def count(texts: object) -> list[int]:
        return [len(each) for each in texts]  # type: ignore[attr-defined]

    assert made.beginning(13, count) == "One two"
    assert made.beginning(14, count) == "One two three"
    assert made.beginning(500, count) == made.text
