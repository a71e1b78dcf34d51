"""Words are counted as a writer counts them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storytui.story.words import count_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        (" \n\t ", 0),
        ("one", 1),
        ("“You knew,” he said.", 4),
        ("it's well-known", 2),
        ("1914–1918", 1),
        ("so—it--goes", 3),
        ("a … b – c * d", 4),
        ("* * *", 0),
        ("no\u00a0break", 2),
        ("Чехов сказал…", 2),
    ],
)
def test_words_are_runs_with_a_letter_or_digit(text: str, words: int) -> None:
    assert count_words(text) == words


@given(st.text(alphabet="aé1 \n\t-—–’“.…\u00a0\x85я⸺", max_size=60))
def test_the_quick_way_counts_what_the_definition_says(text: str) -> None:
    plain = text.replace("—", " ").replace("⸺", " ").replace("--", " ")
    runs = [run for run in plain.split() if any(sign.isalnum() for sign in run)]
    assert count_words(text) == len(runs)
