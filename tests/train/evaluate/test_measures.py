"""What is measured of a text: by hand, by law, and on replies that are damaged on purpose."""

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storytui.samples import sample_text
from storytui_train.evaluate.measures import (
    copied,
    distinct,
    first_words,
    leaked,
    of_prose,
    of_take,
    paragraphs,
    paragraphs_per_hundred,
    repeated,
    runs,
    sentence_words,
    spoken,
)

STORY = sample_text()
START = STORY.index("\n\n", 2800)
CONTEXT, ANSWER = STORY[:START], STORY[START:][:1400]
PLAN = (
    "He hides something from her, and she begins to see that. She will ask once more, and he will "
    "have to choose between the truth and the door."
)
PIECES = ("the", "sea.", "was,", "\n\n", "“Cold”", "and", "it’s", "don't", "7", "—", "o")
TEXTS = st.lists(st.sampled_from(PIECES)).map(" ".join)


def test_the_answer_is_long_enough_to_be_measured() -> None:
    assert len(ANSWER.split()) > 180
    assert len(of_prose(ANSWER, CONTEXT)) == 8


@settings(deadline=None)
@given(TEXTS, TEXTS, st.sampled_from([1, 2, 3]))
def test_shares_are_shares(text: str, context: str, size: int) -> None:
    for share in (
        copied(text, context),
        leaked(text, context, ""),
        repeated(text),
        distinct(text, size),
        spoken(text),
    ):
        assert share is None or 0 <= share <= 100


@settings(deadline=None)
@given(TEXTS, st.integers(1, 6))
def test_a_text_has_as_many_runs_as_places_for_them(text: str, size: int) -> None:
    words = len(runs(text, 1))
    assert len(runs(text, size)) == max(0, words - size + 1)


@settings(deadline=None)
@given(TEXTS)
def test_whatever_stands_in_the_context_is_copied_and_nothing_leaks_from_it(text: str) -> None:
    assert copied(text, f"x {text} y") in (None, 100.0)
    assert leaked(text, text, f"x {text} y") in (None, 0.0)


@settings(deadline=None)
@given(TEXTS)
def test_written_twice_a_text_is_half_repeated_at_the_least(text: str) -> None:
    if len(runs(text, 1)) >= 4:
        found = repeated(f"{text} {text}")
        assert found is not None
        assert found >= 100 * (len(runs(text, 4)) / len(runs(f"{text} {text}", 4))) - 1e-9
        assert found > 0


@settings(deadline=None)
@given(TEXTS, st.integers(1, 40))
def test_the_first_words_are_a_beginning(text: str, words: int) -> None:
    found = first_words(text, words)
    assert text.startswith(found)
    assert len(found.split()) == min(words, len(text.split()))
    assert found == text or not found[-1].isspace()


@pytest.mark.parametrize(
    ("text", "count"),
    [("", 0), (" \n\n ", 0), ("One.", 1), ("\n\nOne.\n\nTwo.", 2), ("One.\nTwo.\n \nThree.", 3)],
)
def test_paragraphs_are_counted(text: str, count: int) -> None:
    assert paragraphs(text) == count


def test_texts_that_are_too_short_have_no_figure() -> None:
    assert copied("one two three", "one two three") is None
    assert repeated("one two") is None
    assert distinct("word " * 99, 1) is None
    assert sentence_words(" ") is None
    assert of_prose("", CONTEXT) == {}
    assert of_take("", "", CONTEXT, 100) == {"length": 0.0}


def test_known_values() -> None:
    text = "The sea was cold. “Go,” she said. The sea was cold."
    assert sentence_words(text) == pytest.approx(11 / 3)
    assert repeated("a b c d a b c d") == pytest.approx(20)
    assert distinct("the sea " * 50, 1) == pytest.approx(2)
    assert distinct("the sea " * 50, 2) == pytest.approx(100 * 2 / 99)
    assert spoken("“Go,” he said.") == pytest.approx(100 * 5 / 14)
    assert of_take("word " * 90, "", CONTEXT, 120)["length"] == pytest.approx(75)
    assert paragraphs_per_hundred("word " * 50) == pytest.approx(2)


# --- damage ---------------------------------------------------------------------------------------


def joined(text: str) -> str:
    return " ".join(text.split())


def stuck(text: str) -> str:
    sentence = "She looked at the door for a long time and did not move."
    return f"{text[:400]} {' '.join([sentence] * 8)}"


def chopped(text: str) -> str:
    words = "".join(each for each in text if each.isalpha() or each.isspace()).lower().split()
    return " ".join(" ".join(words[at : at + 3]).capitalize() + "." for at in range(0, 180, 3))


DAMAGE = {
    # damage → the measure that shows it, and which way
    "joined": (joined, "paragraphs", "less"),
    "unquoted": (lambda text: re.sub('[“”"]', "", text), "spoken", "less"),
    "chopped": (chopped, "sentence_words", "less"),
    "copied": (lambda text: text[:300] + CONTEXT[200:900], "copied", "more"),
    "stuck": (stuck, "repeated", "more"),
    "poor": (lambda text: " ".join(text.split()[:25] * 8), "distinct_2", "less"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_reply_is_worse_where_it_should_be(kind: str) -> None:
    damage, name, way = DAMAGE[kind]
    whole, damaged = of_prose(ANSWER, CONTEXT)[name], of_prose(damage(ANSWER), CONTEXT)[name]
    assert damaged < 0.75 * whole if way == "less" else damaged > whole + 15


def test_words_in_another_order_say_nothing_of_copying() -> None:
    words = CONTEXT.split()
    random.Random(1).shuffle(words)
    assert copied(" ".join(words), CONTEXT) == 0


def test_a_plan_in_the_prose_is_seen() -> None:
    clean = of_take(ANSWER, PLAN, CONTEXT, 180)["leaked"]
    told = of_take(f"{ANSWER[:200]} {PLAN}", PLAN, CONTEXT, 180)["leaked"]
    assert clean == 0
    assert told > 30
    assert "leaked" not in of_take(ANSWER, " ", CONTEXT, 180)


def test_a_reply_that_is_cut_is_short() -> None:
    assert of_take(ANSWER[:300], PLAN, CONTEXT, 180)["length"] < 40
