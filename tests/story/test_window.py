"""The window is what fits before the cursor, cut where a reader would begin."""

import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storytui.story.window import choose_window

STORY = "\n\n".join(f"Paragraph {n} begins here. It has a second sentence." for n in range(200))


def count(texts: Sequence[str]) -> list[int]:
    return [len(re.findall(r"\w+|\S", text)) for text in texts]


class Counter:
    def __init__(self) -> None:
        self.characters = 0

    def __call__(self, texts: Sequence[str]) -> list[int]:
        self.characters += sum(map(len, texts))
        return count(texts)


def test_everything_that_fits_is_in_the_window() -> None:
    window = choose_window(STORY, 10_000, count)
    assert (window.start, window.text) == (0, STORY)


@pytest.mark.parametrize("budget", [60, 100, 500, 1500])
def test_the_window_begins_at_a_paragraph(budget: int) -> None:
    window = choose_window(STORY, budget, count)
    assert STORY[window.start :] == window.text
    assert window.text.startswith("Paragraph")
    assert budget - 40 <= count([window.text])[0] <= budget


def test_single_newlines_separate_paragraphs_where_no_blank_lines_do() -> None:
    window = choose_window(STORY.replace("\n\n", "\n"), 100, count)
    assert window.text.startswith("Paragraph")


def test_line_breaks_of_two_characters_are_kept() -> None:
    window = choose_window(STORY.replace("\n\n", "\r\n\r\n"), 100, count)
    assert window.text.startswith("Paragraph")
    assert "\r\n\r\n" in window.text


def test_a_paragraph_that_is_too_long_is_cut_at_a_sentence() -> None:
    window = choose_window("It was long ago. " * 100 + "Now", 60, count)
    assert window.text.startswith("It was")
    assert 30 <= count([window.text])[0] <= 60


def test_a_short_last_paragraph_does_not_leave_the_window_empty() -> None:
    window = choose_window("It was long ago. " * 100 + "\n\n“No.”", 60, count)
    assert window.text.startswith("It was")
    assert count([window.text])[0] > 30


def test_a_sentence_that_is_too_long_is_cut_at_a_word() -> None:
    window = choose_window("word " * 1000, 20, count)
    assert window.text.startswith("word ")
    assert count([window.text])[0] == 20


def test_a_word_that_is_too_long_is_cut_at_a_character() -> None:
    window = choose_window("x" * 1000, 20, lambda texts: [len(text) for text in texts])
    assert len(window.text) == 20


def test_a_book_is_not_counted_for_a_small_budget() -> None:
    counter = Counter()
    choose_window(STORY * 100, 500, counter)
    assert counter.characters < 20_000


@given(
    st.text(alphabet="Ab. \n\r\t”", max_size=300),
    st.integers(-1, 200),
    st.sampled_from([count, lambda texts: [len(text) for text in texts]]),
)
def test_the_budget_is_never_exceeded(text: str, budget: int, counting: object) -> None:
    assert callable(counting)
    window = choose_window(text, budget, counting)
    assert text[window.start :] == window.text
    assert counting([window.text])[0] <= max(0, budget)
