"""A take knows what may be taken next, and what was."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storytui.takes.take import Take

ANSWER = "“I knew,” she said.\n\nHe looked past her. He did not ask.\n\nShe"


def a_take(answer: str = ANSWER, state: str = "complete") -> Take:
    take = Take(state="writing")
    take.add("answer", answer)
    take.state = "complete" if state == "complete" else "writing"
    return take


def text(take: Take, stretch: tuple[int, int] | None) -> str | None:
    return None if stretch is None else take.answer[slice(*stretch)]


def test_sentences_are_taken_one_by_one_with_the_space_before_them() -> None:
    take = a_take()
    taken = []
    while (stretch := take.next_sentence()) is not None:
        taken.append(text(take, stretch))
        take.accept(stretch[1])
    assert taken == [
        "“I knew,” she said.",
        "\n\nHe looked past her.",
        " He did not ask.",
        "\n\nShe",
    ]
    assert take.finished_with


def test_a_paragraph_is_taken_from_where_the_taken_text_ends() -> None:
    take = a_take()
    take.accept(len("“I knew,” she said.\n\nHe looked past her."))
    assert text(take, take.next_paragraph()) == " He did not ask."


def test_the_rest_is_everything_that_is_left() -> None:
    take = a_take("One. Two.\n\nThree. ")
    take.accept(4)
    assert text(take, take.rest()) == " Two.\n\nThree."


@pytest.mark.parametrize("answer", ["", "He", "He went.", "He paid 3.", "“Yes. No", '"Yes. No. '])
def test_while_it_is_written_only_a_certain_sentence_is_offered(answer: str) -> None:
    take = a_take(answer, "writing")
    assert take.next_sentence() is None
    assert take.next_paragraph() is None
    assert take.rest() is None
    assert not take.finished_with


def test_while_it_is_written_a_sentence_is_certain_once_more_follows() -> None:
    take = a_take("He went. She", "writing")
    assert text(take, take.next_sentence()) == "He went."
    assert take.next_paragraph() is None
    assert text(take, take.rest()) == "He went."


def test_what_was_given_back_is_offered_again() -> None:
    take = a_take()
    take.accept(19)
    take.accept(40)
    assert take.give_back() == 19
    assert take.give_back() == 0
    assert take.give_back() is None
    assert text(take, take.next_sentence()) == "“I knew,” she said."


@pytest.mark.parametrize("end", [0, 3, 1000])
def test_only_more_text_that_there_is_can_be_accepted(end: int) -> None:
    take = a_take()
    take.accept(3)
    with pytest.raises(ValueError, match="between"):
        take.accept(end)


def test_a_retraction_leaves_what_was_taken() -> None:
    take = a_take("He went. She stayed and", "writing")
    take.accept(8)
    take.retract("answer", 20)
    assert take.answer == "He went. She stayed "
    take.retract("answer", 3)
    assert take.answer == "He went."
    take.add("reasoning", "Hm. Well")
    take.retract("reasoning", 3)
    assert take.reasoning == "Hm."


def test_a_take_has_two_segments() -> None:
    with pytest.raises(ValueError, match="thoughts"):
        Take().add("thoughts", "x")


@given(st.text(alphabet='Ab c.!"“”\n', max_size=60))
def test_sentence_by_sentence_everything_is_taken(answer: str) -> None:
    take = a_take(answer)
    taken = ""
    while (stretch := take.next_sentence()) is not None:
        assert stretch[0] == take.taken
        taken += answer[slice(*stretch)]
        take.accept(stretch[1])
    assert taken == answer.rstrip()
    assert take.finished_with


def test_every_take_has_a_name_and_a_time_of_its_own() -> None:
    first, second = Take(), Take()
    assert first.id != second.id
    assert first.made_at.utcoffset() == timedelta(0)


def test_a_segments_tokens_are_kept_with_it() -> None:
    take = a_take()
    take.keep_tokens("reasoning", (1, 2))
    take.keep_tokens("answer", (3,))
    assert (take.reasoning_tokens, take.answer_tokens) == ((1, 2), (3,))
