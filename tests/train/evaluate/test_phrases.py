"""Phrases that models write too often: those of the list, and those of one model."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storytui_train.evaluate.phrases import (
    FEWEST_TAKES,
    Overused,
    overused,
    rate_of,
    stock,
    stock_phrases,
    stock_rate,
)

BOOKS = [f"In chapter {n} the bell of the old mill rang, and nobody came. " * 20 for n in range(4)]


def test_the_list_is_read() -> None:
    patterns = [each for some in stock_phrases().values() for each in some]
    assert len(patterns) > 100
    assert len(set(patterns)) == len(patterns)
    assert all(len(each) >= 2 for each in patterns)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("She couldn’t help but smile.", ["couldn't help but"]),
        ("A BREATH she didn't know", ["a breath she didn't know"]),
        ("His heart, pounding in his chest, slowed.", ["pounding in his chest"]),
        ("The testament to a friend was read.", []),
        ("It was a testament to her, a testament to him.", ["a testament to"] * 2),
        ("The mill was old.", []),
    ],
)
def test_stock_phrases_are_found(text: str, found: list[str]) -> None:
    assert stock(text) == found


def test_the_rate_is_by_words_and_books_have_a_low_one() -> None:
    assert stock_rate("She couldn't help but go on. " + "word " * 94) == pytest.approx(10)
    assert stock_rate(" … ") is None
    assert stock_rate(" ".join(BOOKS)) == 0


def takes(phrase: str, *, times: int = 4, books: int = 2) -> list[tuple[str, str]]:
    return [
        (
            f"book {n % books}",
            f"Take {'abcdefgh'[n]} tells of {'xyzuvwst'[n]}. {phrase} It ends {'klmnopqr'[n]}.",
        )
        for n in range(times)
    ]


def test_a_phrase_that_comes_again_from_take_to_take_is_told_once_and_whole() -> None:
    found = overused(takes("The dust danced in the pale light."), BOOKS)
    assert "danced in the pale light" in {each.phrase for each in found}
    assert "in the pale" not in {each.phrase for each in found}
    assert all(each.count == 4 for each in found)
    assert all(each.book_rate == 0 for each in found)


@pytest.mark.parametrize(
    "given",
    [
        takes("The bell of the old mill rang."),
        takes("The dust danced in the pale light.", times=FEWEST_TAKES - 1),
        takes("The dust danced in the pale light.", books=1),
        [],
    ],
    ids=["of the books", "rare", "of one book", "none"],
)
def test_what_the_books_say_and_what_chance_brings_is_not(given: list[tuple[str, str]]) -> None:
    phrases = {each.phrase for each in overused(given, BOOKS)}
    assert not any("mill" in each or "dust" in each or "pale" in each for each in phrases)


@settings(deadline=None)
@given(st.integers(0, 5), st.integers(1, 20))
def test_a_rate_counts_each_time(times: int, others: int) -> None:
    said = Overused(phrase="so it goes", count=3, rate=1, book_rate=0)
    text = "So it goes, " * times + "word " * others
    assert rate_of(text, [said]) == pytest.approx(1000 * times / (3 * times + others))
