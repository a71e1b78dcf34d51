"""The passes of cleaning, one by one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storytui_train.data.clean import brackets, characters, layout, scenes
from storytui_train.data.clean.cuts import moved, ordered
from storytui_train.data.clean.emphasis import emphasis
from storytui_train.data.clean.footnotes import footnotes
from storytui_train.data.clean.headings import is_title, mark, value
from storytui_train.data.clean.joining import Joiner
from storytui_train.data.clean.pages import pages
from storytui_train.data.clean.typography import typography
from storytui_train.data.edits import Edit, apply
from storytui_train.recipe import CleanOptions


def _cut(text: str, cuts: list) -> str:
    return apply(text, [Edit(cut.start, cut.end, cut.text) for cut in ordered(cuts)])


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\r\r\n", "  \r\n", "\u2028"])
def test_every_line_end_becomes_one_line_feed(end: str) -> None:
    text = f"One{end}two{end}{end}three"
    assert apply(text, characters.spaces(text)) == "One\ntwo\n\nthree"


def test_mojibake_is_mended_and_honest_accents_are_left() -> None:
    text = "â€œHello,â€\x9d she said in the cafÃ©.\nA façade, “naïve”, é” and Ä as it is.\n"
    fixed = apply(text, characters.mojibake(text))
    assert fixed.startswith("“Hello,” she said in the café.\n")
    assert fixed.endswith("A façade, “naïve”, é” and Ä as it is.\n")


def test_control_characters_stand_for_those_of_windows_or_of_dos() -> None:
    windows = "\x93Well,\x94 he said \x97 it\x92s late."
    assert apply(windows, characters.controls(windows)) == "“Well,” he said — it’s late."
    dos = "Fran\x87ois and H\x82l\x8ane"
    assert apply(dos, characters.controls(dos)) == "François and Hélène"


def test_odd_spaces_and_invisible_characters_go() -> None:
    text = "a\xa0b\u200bc\xadd\ufeff\x1a \ufb01n\n\fe\n\f\nf"
    assert apply(text, characters.spaces(text)) == "a bcd fin\ne\nf"


def test_a_word_divided_by_a_soft_hyphen_is_whole_again() -> None:
    text = "impor\xad\n  tant"
    assert apply(text, characters.spaces(text)) == "important"


@pytest.mark.parametrize(
    ("tag", "left"),
    [
        ("A [Illustration] b", "A b"),
        ("A\n\n[Illustration: “Nested [a] thing”\n\n[_Copyright_]]\n\nB", "A\n\n\nB"),
        ("[Illustration: I]T was", "IT was"),
        ("[Illustration: Drop cap “W]HEN he", "“WHEN he"),
        ("word [Pg 12] word", "word word"),
        ("wo[Pg 12]rd", "word"),
        ("the end{12} of", "the end of"),
        ("A\n[Sidenote: The year 1801]\nb", "A\nb"),
        ("[Transcriber's Note: kept as printed.]\nText", "Text"),
        ("[Hands him a letter.] He took it.", "[Hands him a letter.] He took it."),
        ("H_{2}O and M^{r.}", "H_{2}O and M^{r.}"),
        ("/* NIND “My dear,” */\nText", "“My dear,”\nText"),
    ],
)
def test_tags_go_and_the_story_in_brackets_stays(tag: str, left: str) -> None:
    assert _cut(tag, brackets.tags(tag)) == left


def test_a_heading_drawn_into_a_picture_stays() -> None:
    text = "[Illustration: ·THE TITLE·\n\n\n\nChapter I.]\n\n\nIt was"
    assert _cut(text, brackets.tags(text)).strip() == "Chapter I.\n\n\nIt was"


def test_footnotes_go_with_their_marks() -> None:
    text = (
        "He came.[1] She went[A]; both* stayed.\n\n[Footnote 1: In\nMay.]\n\n[A] To town.\n\n"
        "* All day.\n"
    )
    assert _cut(text, footnotes(text)).strip() == "He came. She went; both stayed."


def test_emphasis_by_asterisks_is_no_footnote() -> None:
    text = "*So* he said it*.\n\n*4 May.*--I came home and *never* left.\n"
    assert "4 May" in _cut(text, footnotes(text))


def test_page_numbers_in_mid_sentence_go_and_chapter_numbers_stay() -> None:
    prose = "and so the story went on without an end in sight for any of\n"
    paged = "".join(f"{prose}{number}\n{prose}" for number in range(11, 20))
    assert "15" not in _cut(paged, pages(paged))
    chapters = "".join(f"\n\n{number}\n\nIt ended well.\n" for number in range(1, 9))
    assert _cut(chapters, pages(chapters)) == chapters


@pytest.mark.parametrize(
    ("line", "kind", "number", "title"),
    [
        ("CHAPTER IV.", "chapter", 4, ""),
        ("Chapter the Last", "chapter", 0, ""),
        ("BOOK THE FIRST", "book", 1, ""),
        ("Book the Second--the Golden Thread", "book", 2, "the Golden Thread"),
        ("THIRD ACT", "act", 3, ""),
        ("LETTER XXIII", "letter", 23, ""),
        ("Chapter Twenty-Three: The Key", "chapter", 23, "The Key"),
        ("XIV. A MAD TEA-PARTY", "numeral", 14, "A MAD TEA-PARTY"),
        ("4 The Sea-chest", "numeral", 4, "The Sea-chest"),
        ("EPILOGUE", "epilogue", 0, ""),
        ("Erstes Kapitel", "kapitel", 0, ""),
    ],
)
def test_lines_that_head_a_chapter(line: str, kind: str, number: int, title: str) -> None:
    found = mark(line)
    assert found is not None
    assert (found.kind, found.number, found.title) == (kind, number, title)


@pytest.mark.parametrize(
    "line",
    [
        "Part of it was gone.",
        "Letter by letter he read it.",
        "I came home late.",
        "Chapter and verse, he said.",
        "Book one was better than the second.",
        "24 hours later",
        "Mix. Stir. Serve.",
    ],
)
def test_lines_of_prose_that_begin_like_headings(line: str) -> None:
    assert mark(line) is None


@given(st.integers(1, 89))
def test_numerals_are_read_as_they_are_written(number: int) -> None:
    tens = {10: "X", 9: "IX", 5: "V", 4: "IV", 1: "I", 40: "XL", 50: "L"}
    roman, left = "", number
    for size in sorted(tens, reverse=True):
        while left >= size:
            roman += tens[size]
            left -= size
    assert value(roman) == number


def test_titles_are_carried_by_capitals() -> None:
    assert is_title("The Old Sea-dog at the Admiral Benbow")
    assert not is_title("the old man came home,")
    assert not is_title("He came home and found nobody there")


@pytest.mark.parametrize(
    ("text", "left", "right", "joined"),
    [
        ("", "the old", "man", "the old man"),
        ("one--two three--four", "he said--", "nothing", "he said--nothing"),
        ("one -- two three -- four", "he said --", "nothing", "he said -- nothing"),
        ("something old", "some-", "thing", "something"),
        ("his well-known face", "well-", "known", "well-known"),
        ("", "impor-", "tance", "importance"),
        ("the half of it was forgotten", "half-", "forgotten", "half-forgotten"),
        ("", "Anglo-", "Saxon", "Anglo-Saxon"),
        ("", "two-", "and three-legged", "two- and three-legged"),
        ("", "1914-", "1918", "1914-1918"),
    ],
)
def test_what_joins_two_lines(text: str, left: str, right: str, joined: str) -> None:
    back, with_ = Joiner(text).between(left, right)
    assert left[: len(left) - back] + with_ + right == joined


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("It was _so_ good.", "It was *so* good."),
        ("It was _very\ngood_.", "It was *very\ngood*."),
        ("=Bold= and +Small Caps+", "**Bold** and Small Caps"),
        ("the ____ of 18__", "the ____ of 18__"),
        ("[Languidly_._]", "[Languidly.]"),
        ("A _lost mark.\n\nNext.", "A lost mark.\n\nNext."),
        ("_One.\n\nTwo._\n\nThree.", "*One.*\n\n*Two.*\n\nThree."),
        ("M^{r.} and <i>so</i>", "Mr. and *so*"),
    ],
)
def test_emphasis_becomes_markdown(text: str, made: str) -> None:
    assert apply(text, emphasis(text, "markdown")) == made
    assert emphasis(text, "keep") == []


def test_quotes_and_dashes_are_made_alike_only_when_asked() -> None:
    text = "\"I'm here--'tis late,\" he said. “Good.”"
    assert typography(text, CleanOptions()) == []
    curly = apply(text, typography(text, CleanOptions(quotes="curly", dashes="em")))
    assert curly == "“I’m here—’tis late,” he said. “Good.”"
    straight = apply(text, typography(text, CleanOptions(quotes="straight")))
    assert straight == '"I\'m here--\'tis late," he said. "Good."'


@pytest.mark.parametrize(
    ("text", "is_row"),
    [
        ("* * * * *", True),
        ("       *       *", True),
        ("***", True),
        ("-----", True),
        (". . . . .", True),
        ("#", True),
        ("<tb>", True),
        ("o o o", True),
        ("...", False),
        ("O!", False),
        ("* A note", False),
        ("--", False),
    ],
)
def test_rows_that_part_scenes(text: str, is_row: bool) -> None:
    assert scenes.is_row(layout.read(text)[0]) is is_row


@given(st.text(alphabet="ab \n\r\t\xa0\x93é*_[]", max_size=60))
def test_characters_give_a_text_of_plain_lines(text: str) -> None:
    fixed = apply(text, characters.spaces(text))
    assert not set(fixed) & set("\r\t\xa0")
    assert not any(line.endswith(" ") for line in fixed.split("\n"))


@given(st.text(alphabet="abc", min_size=1, max_size=30), st.data())
def test_places_move_with_the_edits_before_them(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start, len(text) - 1))
    edits = [Edit(start, end, "xyz"[: data.draw(st.integers(0, 3))])]
    after = apply(text, edits)
    [place] = moved([len(text)], edits)
    assert place == len(after)
