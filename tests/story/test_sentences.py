"""Sentences and paragraphs are found where a reader finds them."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storytui.story import sentences
from storytui.story.sentences import (
    ends_sentence,
    in_quotation,
    last_sentence_end,
    paragraph_spans,
    sentence_spans,
)

WRAPPED = """\
“Yes, yes,” said Mr. Bennet, “I knew
it. You need not tell me.” He paid 3.50
for the carriage... and left.

She was silent.
"""
PROSE = st.text(alphabet='Ab c.!?…"“”‘’«»*_()\n—,1', max_size=80)


def read(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            '"You knew," he said. "I did." He left!',
            ['"You knew," he said.', '"I did."', "He left!"],
        ),
        ("“Really?” he asked. “No.”", ["“Really?” he asked.", "“No.”"]),
        ("Well... no. Mr. J. Smith paid 3.50.", ["Well... no.", "Mr. J. Smith paid 3.50."]),
        ("‘I knew,’ she said. ‘No.’ And so on.", ["‘I knew,’ she said.", "‘No.’", "And so on."]),
        ('"Yes." "No." (He left.)', ['"Yes."', '"No."', "(He left.)"]),
        ("*So it goes.* Then.", ["*So it goes.*", "Then."]),
        ("no end", ["no end"]),
        ("", []),
    ],
)
def test_sentences_end_after_their_closing_marks(text: str, expected: list[str]) -> None:
    assert read(text) == expected


def test_hard_line_breaks_do_not_end_sentences() -> None:
    assert read(WRAPPED) == [
        "“Yes, yes,” said Mr. Bennet, “I knew\nit. You need not tell me.”",
        "He paid 3.50\nfor the carriage... and left.",
        "She was silent.",
    ]


@given(PROSE)
def test_sentences_hold_everything_that_is_not_white(text: str) -> None:
    spans = sentence_spans(text)
    assert "".join("".join(text[a:b].split()) for a, b in spans) == "".join(text.split())
    assert all(text[a:b] == text[a:b].strip() != "" for a, b in spans)
    assert all(left[1] <= right[0] for left, right in itertools.pairwise(spans))


def test_sentences_are_found_where_pysbd_changes_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    class Forgetful:
        def __init__(self, language: str) -> None:
            self.language = language

        def processor(self, text: str) -> "Forgetful":
            self.text = text
            return self

        def process(self) -> list[str]:
            return [self.text[1:]]

    monkeypatch.setattr(sentences, "_segmenter", Forgetful)
    assert read("Only here. It was lost?") == ["Only here.", "It was lost?"]


def test_sentences_are_read_in_their_language() -> None:
    text = "Er kam bzw. Ende Mai. Dann ging er."
    german = [text[a:b] for a, b in sentence_spans(text, "de")]
    assert german == ["Er kam bzw. Ende Mai.", "Dann ging er."]
    assert len(sentence_spans(text)) == 3


def test_a_language_that_pysbd_does_not_know_is_read_as_english() -> None:
    text = "Mr. Holt came. He left."
    assert sentence_spans(text, "fi") == sentence_spans(text, "en") == [(0, 14), (15, 23)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A.\n\nB\nb.\n \nC.", ["A.", "B\nb.", "C."]),
        ("A.\nB.\n", ["A.", "B."]),
        ("\n\n  A.  \r\n\r\nB.", ["  A.", "B."]),
        ("# One\n\nA.\nB.\nC.\nD.", ["# One", "A.", "B.", "C.", "D."]),
        (" \n", []),
    ],
)
def test_paragraphs_are_separated_as_the_text_separates_them(
    text: str, expected: list[str]
) -> None:
    assert [text[a:b] for a, b in paragraph_spans(text)] == expected


@pytest.mark.parametrize(
    "text",
    [
        "He left.",
        "He left. ",
        "Who?!",
        "Well…",
        "“Yes. No.”",
        '"You knew," he said.',
        'He said—"No."',
        "He said “yes.”",
        "„Ja.“",
        "»Ja.«",
        "« Oui. »",
        "*He left.*",
        "(He left.)",
        "It was I.",
        "In 1914.",
        "“An open one\n\nthat its paragraph ended. So.",
    ],
)
def test_a_sentence_ends(text: str) -> None:
    assert ends_sentence(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "He",
        "Mr.",
        "met Mrs.",
        "by J.",
        "by J. R. R.",
        "“Yes.",
        '"Yes. No.',
        "„Ja.",
        "»Ja.",
        "\n1.",
    ],
)
def test_a_sentence_does_not_end(text: str) -> None:
    assert not ends_sentence(text)


def test_the_last_end_is_outside_quotations_and_not_within_a_sentence() -> None:
    assert last_sentence_end("He left. Mr. Smith paid 3.50 for it... and well... no") == 8
    assert last_sentence_end('He went. "Really?" he asked. And') == 28
    assert last_sentence_end("He went. “Yes. No") == 8
    assert last_sentence_end("Well...\n\nno") == 7


def test_the_last_end_is_not_before_the_minimum() -> None:
    assert last_sentence_end("He went. She did", minimum=8) == 8
    assert last_sentence_end("He went. She did", minimum=9) is None
    assert last_sentence_end("") is None


@given(PROSE, st.integers(0, 40))
def test_the_last_end_ends_a_sentence(text: str, minimum: int) -> None:
    end = last_sentence_end(text, minimum)
    if end is not None:
        assert end >= minimum
        assert ends_sentence(text[:end])
        assert not in_quotation(text, end)
        assert text[:end] == text[:end].rstrip()
