"""What counts as quoted speech."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storytui_train.data.speech import Quoting, quoting_of, speech_of


def spoken(text: str) -> list[list[str]]:
    """What is spoken, paragraph by paragraph."""
    paragraphs = text.split("\n\n")
    found = speech_of(paragraphs, quoting_of(text))
    return [
        [paragraph[a:b] for a, b in speech.spans]
        for paragraph, speech in zip(paragraphs, found, strict=True)
    ]


def going_on(text: str) -> list[bool]:
    return [each.goes_on for each in speech_of(text.split("\n\n"), quoting_of(text))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("“No. Not yet,” he said.", ["“No. Not yet,”"]),
        ("He said: “No.” Then: “Yes.”", ["“No.”", "“Yes.”"]),
        ('"Sit," he said, "down. Now."', ['"Sit,"', '"down. Now."']),
        ('He stopped--"But why? Tell me." He left.', ['"But why? Tell me."']),
        ('"It is--" He stopped. "Never mind."', ['"It is--"', '"Never mind."']),
        ('*"Come! Now!"* he cried.', ['"Come! Now!"']),
        ("‘I don’t know. I can’t,’ said Alice.", ["‘I don’t know. I can’t,’"]),
        ("‘The boys’ hats. All of them,’ he said.", ["‘The boys’ hats. All of them,’"]),
        ("‘Runnin’ off! I saw ’em. Go!’ he said.", ["‘Runnin’ off! I saw ’em. Go!’"]),
        ("He called it ‘home’. It was ‘far away.’ So.", ["‘home’", "‘far away.’"]),
        ("`It's mine. Don't touch it,' he said.", ["`It's mine. Don't touch it,'"]),
        ("« Viens. Tout de suite », dit-il.", ["« Viens. Tout de suite »"]),
        ("»Komm. Sofort«, sagte er.", ["»Komm. Sofort«"]),
        ("„Komm. Sofort“, sagte er.", ["„Komm. Sofort“"]),
        ("—No, said he. I will not.", ["—No, said he. I will not."]),
        ("– Non. Pas encore.", ["– Non. Pas encore."]),
        ('"I read "Emma" there. Twice." He left.', ['"I read "Emma" there. Twice."']),
        ("“He said ‘No. Never,’ and left. Odd.” So.", ["“He said ‘No. Never,’ and left. Odd.”"]),
        ("The dogs' dinner. It's late. 'Tis so.", []),
        ("She was 5 years old. He left.", []),
    ],
)
def test_speech_is_found_between_its_marks(text: str, expected: list[str]):
    assert spoken(text) == [expected]


def test_straight_single_marks_are_speech_where_the_text_speaks_in_them():
    text = "\n\n".join(["'It's late. Come,' said he.", "He said, 'No. Not I.'"] * 4)
    assert spoken(text)[1] == ["'No. Not I.'"]
    assert spoken("\"Yes,\" he said.\n\nThe 'old' house. It fell.") == [['"Yes,"'], []]


@pytest.mark.parametrize(("left", "right"), ["“”", '""', "‘’", "`'", "«»", "„“"])
def test_speech_over_several_paragraphs_opens_again_at_each(left: str, right: str):
    text = f"{left}One. Two.\n\n{left}Three. Four.\n\n{left}Five.{right}\n\nHe left."
    assert going_on(text) == [True, True, False, False]


def test_speech_that_does_not_open_again_goes_on_to_where_it_closes():
    text = "“Listen:\n\nA rose.\nA thorn.\n\nThat is all,” he said. He left."
    assert going_on(text) == [True, True, False]
    assert spoken(text)[2] == ["That is all,”"]


def test_a_mark_that_was_forgotten_ends_with_its_paragraph():
    text = "“Hello, said he.\n\nHe went to the door. It was shut.\n\nHe said “No.”"
    assert going_on(text) == [False, False, False]
    assert spoken(text)[1] == []


def test_nothing_is_spoken_behind_the_last_paragraph():
    assert going_on("“He never closed it.") == [False]


def test_an_opening_is_where_a_cursor_could_stand():
    text = "He said, “Go on.” So she went."
    (speech,) = speech_of([text], Quoting())
    assert [text[a:b] for a, b in speech.openings] == ["Go on."]


@given(st.lists(st.text("ab .,!?“”\"‘’'`«»„—*_", max_size=30), max_size=6))
def test_spans_are_in_order_and_within_their_paragraphs(paragraphs: list[str]):
    found = speech_of(paragraphs, quoting_of("\n\n".join(paragraphs)))
    assert len(found) == len(paragraphs)
    for paragraph, speech in zip(paragraphs, found, strict=True):
        ends = [edge for span in speech.spans for edge in span]
        assert ends == sorted(ends)
        assert all(0 <= edge <= len(paragraph) for edge in ends)
