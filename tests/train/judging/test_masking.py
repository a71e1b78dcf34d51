"""Which words of a continuation stand in a plan, where its middle is, which tokens are left."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storytui_train.data.teacher.masking import middle, shared_spans, unmasked


def words(plan: str, text: str) -> list[str]:
    return [text[start:end] for start, end in shared_spans(plan, text)]


def test_content_words_of_the_plan_are_found_in_the_text_whatever_their_case() -> None:
    assert words("The LAMP goes out.", "A lamp, and Lamp’s light.") == ["lamp", "Lamp’s"]


@pytest.mark.parametrize(
    ("plan", "text"),
    [
        ("She walks.", "walked"),
        ("She is running.", "runs"),
        ("He hopes.", "hoping"),
        ("They stop.", "stopped"),
        ("He tries.", "tried"),
        ("She cries.", "cry"),
        ("It moves slowly.", "slow"),
        ("Tom's boat.", "Tom"),
    ],
)
def test_another_form_of_a_word_is_the_word(plan: str, text: str) -> None:
    assert words(plan, text) == [text]


def test_words_that_stand_in_every_text_stay() -> None:
    assert (
        words("She would have gone to him with the others.", "And then she had gone to it.") == []
    )


def test_other_words_stay() -> None:
    assert words("The lamp is lit.", "A boat came in at night.") == []


@given(st.text(max_size=60), st.text(max_size=60))
def test_spans_are_words_of_the_text_in_order(plan: str, text: str) -> None:
    at = 0
    for start, end in shared_spans(plan, text):
        assert at <= start < end <= len(text)
        assert not any(each.isspace() for each in text[start:end])
        at = end


@given(st.text(alphabet="ab \n", max_size=60))
def test_the_second_half_begins_with_white_space_next_to_the_middle(text: str) -> None:
    half = middle(text)
    gaps = [
        at
        for at in range(1, len(text))
        if text[at].isspace() and not text[at - 1].isspace() and text[at:].strip()
    ]
    gaps = [at for at in gaps if text[:at].strip()]
    if gaps:
        assert half in gaps
        assert abs(2 * half - len(text)) == min(abs(2 * at - len(text)) for at in gaps)
    else:
        assert half == len(text)


@given(
    st.lists(st.integers(0, 30), min_size=1, max_size=20).map(sorted),
    st.lists(st.integers(0, 30), max_size=8, unique=True).map(sorted),
)
def test_a_token_is_left_out_where_it_shares_a_character_with_a_span(
    starts: list[int], edges: list[int]
) -> None:
    spans = list(zip(edges[::2], edges[1::2], strict=False))
    end = 31
    ends = [*starts[1:], end]
    expected = [
        not any(a < max(stop, start + 1) and start < b for a, b in spans)
        for start, stop in zip(starts, ends, strict=True)
    ]
    assert unmasked(starts, end, spans) == expected
