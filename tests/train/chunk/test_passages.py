"""Where between its sentences a chapter may be cut."""

import pytest

from storytui_train.data.documents import Chapter
from storytui_train.data.passages import Passage, announces, passage_of
from storytui_train.data.speech import quoting_of


def passage(text: str, **chapter: str) -> Passage:
    whole = Chapter(title="", start=0, end=len(text), **chapter)  # type: ignore[arg-type]
    return passage_of(text, whole, quoting_of(text))


def read(text: str) -> list[str]:
    found = passage(text)
    return [text[a:b] for a, b in zip(found.starts, found.ends, strict=True)]


def bars(text: str) -> list[str]:
    """Why there may be no cut behind each sentence but the last."""
    return list(passage(text).bars[1:])


def test_a_scene_break_is_no_sentence_but_the_next_sentence_knows_of_it():
    found = passage("He left.\n\n* * *\n\nIt was May. He slept.")
    assert len(found) == 3
    assert found.scenes == [False, True, False]
    assert found.bars == ["", "", ""]


def test_a_scene_break_before_the_first_sentence_parts_nothing():
    assert passage("* * *\n\nHe left.").scenes == [False]


@pytest.mark.parametrize("line", ["~", "———", "* * * * *", "⁂"])
def test_an_ornament_is_no_sentence(line: str):
    assert read(f"He left.\n\n{line}\n\nHe slept.") == ["He left.", "He slept."]


def test_the_lines_of_a_verse_are_read_as_if_they_were_joined():
    text = "He sang.\n\nThe rose is red,\nThe violet blue.\nSo are you."
    assert read(text)[1:] == ["The rose is red,\nThe violet blue.", "So are you."]
    assert passage(text).lines == [False, True, True]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("He left. She slept.", [""]),
        ("He left.\n\nShe slept.", [""]),
        ("“Go. Now,” he said. She went.", [""]),
        ("“Go!” I cried. She went.", ["speech", ""]),
        ("“Go!” The door fell shut.", [""]),
        ("“No,” he said. “I will not.” He left.", ["speech", ""]),
        ("He left. “No,” he said.", [""]),
        ("“One.\n\n“Two,” he said.\n\nHe left.", ["quotation", ""]),
        ("He sang:\n\nThe rose is red.\nSo are you.", ["heading", "lines"]),
        ("O rose.\nO thorn.\n\nO sea.\nO sky.\n\nHe wept.", ["lines", "lines", "lines", ""]),
        ("He read *Gone. Lost!* aloud. He wept.", ["sentence", ""]),
        ("CHAPTER NOTES\n\nHe left.", ["heading"]),
        ("He is well.\n\nYours truly,\n\nR. Walton", ["lines", "heading"]),
        ("He is well.\n\nYour affectionate brother,\nR. Walton", ["lines"]),
    ],
)
def test_cuts_are_barred_where_an_editor_would_not_cut(text: str, expected: list[str]):
    assert bars(text) == expected


def test_stanzas_of_a_verse_chapter_may_be_parted():
    text = "O rose.\nO thorn.\n\nO sea.\nO sky."
    assert passage(text, kind="verse").bars == ["", "lines", "", "lines"]


@pytest.mark.parametrize(
    "paragraph",
    [
        "DR. SEWARD’S DIARY",
        "THE SIGN OF THE FOUR.",
        "_Jonathan Harker’s Journal._",
        "*Letter to Mina.*",
        "## Two",
        "II.",
        "12",
        "5 June.",
        "St. Petersburgh, Dec. 11th, 17—.",
        "“_2 September._",
        "My dear Lucy,",
        "“My dear Art,--",
        "He wrote:",
        "The letter said:--",
        "Part the First",
    ],
)
def test_a_heading_announces_what_follows(paragraph: str):
    assert announces(paragraph)


@pytest.mark.parametrize(
    "paragraph",
    [
        "He left.",
        "NO!",
        "“NEVER.”",
        "“But I—”",
        "“Who?” he asked.",
        "I.  He left at once, and nobody saw him again.",
        "He had never been there before, and in May he went again.",
        "*Was it so?*",
        "He fell, and then—",
        "Well...",
    ],
)
def test_prose_announces_nothing(paragraph: str):
    assert not announces(paragraph)


def test_speech_is_not_followed_over_a_scene_break():
    assert bars("“He never closed it.\n\n* * *\n\n“So,” he said.") == [""]
