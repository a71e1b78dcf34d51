"""Whole texts, cleaned: frames, chapters, paragraphs, verse, letters, plays."""

import os
import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storytui_train.data.clean import clean
from storytui_train.data.documents import SCENE_BREAK, Cleaned, Extracted, Heading
from storytui_train.data.edits import apply
from storytui_train.recipe import CleanOptions

BOOKS = Path(
    os.environ.get("STORYTUI_BOOKS") or Path(__file__).parents[4].joinpath("shared", "books")
)
PROSE = (
    "The old house stood at the end of the lane, and nobody had lived in it for years.",
    "“I shall go in,” said Mary, who was afraid of nothing; “and you may wait for me here if you "
    "like, or come along, or go home to your supper and tell them where I am.”",
    "So they went up the path together, past the dead rose trees and the broken gate, and there "
    "was no sound at all but that of their own feet upon the gravel, which seemed to them both to "
    "be far too loud.",
    "“Listen!” he whispered.",
    "She listened. Somewhere above them, behind one of the blind windows, a clock began to strike, "
    "and it struck thirteen, slowly, as if it had to think about each stroke before it made it.",
    "“That,” said Mary, “is a thing that clocks ought not to do. I have read about it in a book, "
    "and nothing good came of it, neither for the clock nor for the people who had heard it.”",
)


def cleaned(text: str, options: CleanOptions | None = None) -> Cleaned:
    found = clean(Extracted(text=text), options or CleanOptions())
    assert apply(text, found.edits) == found.text
    last = 0
    for chapter in found.chapters:
        inside = found.text[chapter.start : chapter.end]
        assert last <= chapter.start < chapter.end
        assert inside == inside.strip()
        last = chapter.end
    return found


def chapters(text: str) -> dict[str, list[str]]:
    found = cleaned(text)
    return {each.title: found.text[each.start : each.end].split("\n\n") for each in found.chapters}


def wrapped(
    paragraphs: tuple[str, ...] = PROSE, width: int = 70, first: str = "", between: str = "\n\n"
) -> str:
    return between.join(
        textwrap.fill(each, width, initial_indent=first, break_on_hyphens=False)
        for each in paragraphs
    )


def book(**how: object) -> str:
    names = ("CHAPTER I. THE HOUSE", "CHAPTER II. THE CLOCK", "CHAPTER III. THE STAIRS")
    return "\n\n\n\n\n".join(f"{name}\n\n\n{wrapped(**how)}" for name in names)  # type: ignore[arg-type]


START = "*** START OF THE PROJECT GUTENBERG EBOOK A HOUSE ***\n\n\n"
END = "\n\n\n*** END OF THE PROJECT GUTENBERG EBOOK A HOUSE ***\n\nUpdated editions will follow.\n"


@pytest.mark.parametrize("width", [50, 60, 66, 72, 80])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\r\r\n"])
def test_hard_wrapped_lines_are_joined_whatever_their_length_and_end(width: int, end: str) -> None:
    text = (START + book(width=width) + END).replace("\n", end)
    found = chapters(text)
    assert list(found) == [
        "CHAPTER I. THE HOUSE",
        "CHAPTER II. THE CLOCK",
        "CHAPTER III. THE STAIRS",
    ]
    assert all(each == list(PROSE) for each in found.values())


@pytest.mark.parametrize(
    "how",
    [
        {"first": "   "},
        {"first": "    ", "between": "\n"},
        {"first": "  ", "between": "\n", "width": 62},
        {"width": 100_000},
        {"width": 100_000, "between": "\n"},
    ],
    ids=["indented", "indented without blank lines", "two spaces", "one line each", "lines alone"],
)
def test_paragraphs_are_found_however_they_are_set(how: dict[str, object]) -> None:
    found = chapters(START + book(**how) + END)
    assert list(found.values()) == [list(PROSE)] * 3


def test_double_spaced_lines_are_joined() -> None:
    found = chapters((START + book() + END).replace("\n", "\n\n"))
    assert list(found.values()) == [list(PROSE)] * 3


def test_headings_without_a_blank_line_behind_them_are_found() -> None:
    text = book().replace("HOUSE\n\n\n", "HOUSE\n").replace("CLOCK\n\n\n", "CLOCK\n")
    assert list(chapters(START + text + END)) == [
        "CHAPTER I. THE HOUSE",
        "CHAPTER II. THE CLOCK",
        "CHAPTER III. THE STAIRS",
    ]


SMALL_PRINT = """**The Project Gutenberg Etext of A House, by Somebody**

Please take a look at the important information in this header.

***START**THE SMALL PRINT!**FOR PUBLIC DOMAIN ETEXTS**START***
Why is this Small Print statement here?  You know: lawyers.
They tell us you might sue us if there is something wrong with
your copy of this etext, even if you got it for free.
*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*


Prepared by A. Volunteer <somebody@example.org>


"""
AUSTRALIA = """Title:      A House (1901)
Author:     Some Body
* A Project Gutenberg of Australia eBook *
eBook No.:  0200031.txt
Language:   English

Project Gutenberg of Australia eBooks are created from printed editions
which are in the public domain in Australia, unless a copyright notice
is included.

To contact Project Gutenberg of Australia go to http://gutenberg.net.au

-----------------------------------------------------------------------

"""
CANADA = """* A Distributed Proofreaders Canada eBook *

This ebook is made available at no cost and with very few restrictions.

Title: A House
Date first posted: January 1, 2012

This ebook was produced by: Someone & the online Distributed
Proofreaders Canada team at http://www.pgdpcanada.net

"""
LICENCE = (
    "*** START: FULL LICENSE ***\n\nTHE FULL PROJECT GUTENBERG LICENSE\n\n"
    + "\n\n".join(
        f"1.{letter}.  By reading or using any part of this Project Gutenberg-tm\n"
        "electronic work, you indicate that you have read, understand, agree\nto it."
        for letter in "ABCDEFGHIJ"
    )
    + "\n\n"
)


@pytest.mark.parametrize(
    ("head", "foot"),
    [
        ("", ""),
        ("A HOUSE\n\nby Some Body\n\n\n", "\n\n\nTHE END\n"),
        (SMALL_PRINT, "\n\n\nEnd of The Project Gutenberg Etext of A House\n\x1a"),
        (AUSTRALIA, "\n\n\nTHE END\n\n\nThis site is full of FREE ebooks - Gutenberg Australia\n"),
        (CANADA, "\n\n\n[The end of _A House_ by Some Body]\n"),
        (LICENCE + START, END),
        ("The Project Gutenberg EBook of A\n\n" + LICENCE, "\n\nEnd of Project Gutenberg's A"),
        (START, "\n\n          *** END OF THE PROJECT GUTENBERG EBOOK A HOUSE ***\n\n" + LICENCE),
        (
            "***START OF THE PROJECT GUTENBERG EBOOK A HOUSE AND\nALL***\n\n\n"
            "E-text prepared by X\n\n"
            "Transcriber's note:\n\n      The spelling was kept.\n\n\n",
            "\n\n\nTRANSCRIBER'S NOTES:\n\n1. “Teh” is now “the”.\n\n" + END,
        ),
        (
            START + "+-----+\n| Transcriber's note: |\n| kept.  |\n+---+\n\n\n",
            "\n\nFINIS.\n\n\n_BY THE SAME AUTHOR_\n\nTHE LANE. Crown 8vo, cloth, 6s.\n\n"
            "THE GATE. Crown 8vo, cloth, 3s. 6d.\n\nLONDON: MACMILLAN AND CO.\n" + END,
        ),
    ],
    ids=[
        "no frame", "title only", "small print", "Australia", "Canada", "licence before",
        "licence without a marker", "indented end", "wrapped marker", "box and advertisements",
    ],
)  # fmt: skip
def test_whatever_stands_before_and_behind_goes(head: str, foot: str) -> None:
    found = cleaned(head + book() + foot)
    assert [each.title for each in found.chapters] == [
        "CHAPTER I. THE HOUSE",
        "CHAPTER II. THE CLOCK",
        "CHAPTER III. THE STAIRS",
    ]
    kept = [found.text[each.start : each.end].split("\n\n") for each in found.chapters]
    assert kept == [list(PROSE)] * 3
    assert found.text.startswith("CHAPTER I.")
    assert found.text.endswith(PROSE[-1])


def test_front_matter_goes_and_a_preface_is_a_chapter_of_its_own() -> None:
    text = (
        f"{START}A HOUSE\n\nby Some Body\n\nLondon, 1901\n\n\n\nTo my Mother\n\n\n\nPREFACE\n\n\n"
        f"{wrapped()}\n\n\n\nCONTENTS\n\n   I. The House . . . . 1\n  II. The Clock . . . . 22\n"
        f"III. The Stairs . . . 40\n\n\n\nILLUSTRATIONS\n\nThe clock struck thirteen. . 22\n\n\n\n"
        f"{book()}{END}"
    )
    found = cleaned(text)
    assert [each.title.split(".")[0] for each in found.chapters] == [
        "PREFACE", "CHAPTER I", "CHAPTER II", "CHAPTER III",
    ]  # fmt: skip
    assert {each.why for each in found.losses} == {
        "licence", "title page", "dedication", "contents", "list of illustrations",
    }  # fmt: skip


def test_parts_books_and_chapters_are_named_one_under_the_other() -> None:
    text = "".join(
        f"\n\n\n\n{name}\n\n\n\n{chapter}\n\nTHE TITLE OF IT\n\n\n{wrapped()}"
        for name, chapter in [
            ("PART ONE\n\n\nBOOK THE FIRST", "CHAPTER I"),
            ("BOOK THE SECOND", "CHAPTER I"),
            ("PART TWO\n\n\nBOOK THE FIRST", "CHAPTER I"),
        ]
    )
    titles = [each.title for each in cleaned(text).chapters]
    assert titles[0].endswith("BOOK THE FIRST / CHAPTER I THE TITLE OF IT") or len(titles) == 3


def test_stories_of_a_collection_are_known_by_their_capitals() -> None:
    text = "".join(
        f"\n\n\n\n\n{name}\n\n\n{wrapped()}" for name in ("ARABY", "EVELINE", "A PAINFUL CASE")
    )
    assert list(chapters(START + text + END)) == ["ARABY", "EVELINE", "A PAINFUL CASE"]


def test_numbered_sections_stand_under_their_story() -> None:
    text = "".join(
        f"\n\n\n\n\n{name}\n\n\n\nI\n\n{wrapped()}\n\n\n\nII\n\n{wrapped()}"
        for name in ("THE LOCKET", "THE KISS")
    )
    assert list(chapters(START + text + END)) == [
        "THE LOCKET / I", "THE LOCKET / II", "THE KISS / I", "THE KISS / II",
    ]  # fmt: skip


VERSE = (
    "    The wind was up, the night was late,\n      The moon was on the hill,\n"
    "    And no one opened at the gate,\n      And all the house was still.\n\n"
    "    They knocked again, they knocked in vain,\n      They called him by his name;\n"
    "    But there was nothing but the rain,\n      And nothing ever came."
)


def test_verse_in_prose_keeps_its_lines() -> None:
    text = book().replace(PROSE[0], "", 1).replace("HOUSE\n\n\n", f"HOUSE\n\n\n{VERSE}\n\n", 1)
    first = next(iter(chapters(START + text + END).values()))
    assert first[0].split("\n") == [line.strip() for line in VERSE.split("\n\n")[0].split("\n")]
    assert first[1].count("\n") == 3


def test_an_anthology_is_verse() -> None:
    poems = "".join(
        f"\n\n\n\n{name}\n\n\n{textwrap.dedent(VERSE)}\n\n{textwrap.dedent(VERSE)}"
        for name in ("THE GATE", "THE LANE", "THE HILL")
    )
    found = cleaned(START + poems + END)
    assert [(each.title, each.kind) for each in found.chapters] == [
        ("THE GATE", "verse"), ("THE LANE", "verse"), ("THE HILL", "verse"),
    ]  # fmt: skip
    assert "gate, And" not in found.text


def test_a_play_is_a_play() -> None:
    speeches = "\n\n".join(
        f"{name}.  {textwrap.fill(speech, 66)}"
        for speech in PROSE
        for name in ("Lane", "Algernon", "Jack")
    )
    text = f"{START}FIRST ACT\n\n\n{speeches}\n\n\n\nSECOND ACT\n\n\n{speeches}{END}"
    found = cleaned(text)
    assert [(each.title, each.kind) for each in found.chapters] == [
        ("FIRST ACT", "play"), ("SECOND ACT", "play"),
    ]  # fmt: skip


def test_letters_keep_their_heads_and_signatures() -> None:
    letter = (
        "                              Longbourn, 3 May.\n\n"
        "MY DEAR MOTHER,\n"
        + textwrap.fill(PROSE[2], 70)
        + "\n                    Your loving\n                         MARY."
    )
    first = next(
        iter(
            chapters(
                START + book().replace("HOUSE\n\n\n", f"HOUSE\n\n\n{letter}\n\n", 1) + END
            ).values()
        )
    )
    assert first[0] == "Longbourn, 3 May."
    lines = first[1].split("\n")
    assert lines[0] == "MY DEAR MOTHER,"
    assert lines[1] == PROSE[2]
    assert lines[2:] == ["Your loving", "MARY."]


@pytest.mark.parametrize("row", ["* * * * *", "    *       *", "-----", ". . . . .", "#", "***"])
def test_scene_breaks_have_one_form(row: str) -> None:
    text = book().replace("\n\nSo they", f"\n\n{row}\n\nSo they")
    for paragraphs in chapters(START + text + END).values():
        assert paragraphs[2] == SCENE_BREAK
        assert len(paragraphs) == len(PROSE) + 1


def test_wide_gaps_that_come_again_are_scene_breaks() -> None:
    text = book().replace("\n\nSo they", "\n\n\n\nSo they")
    assert all(each[2] == SCENE_BREAK for each in chapters(START + text + END).values())


def test_a_paragraph_goes_on_behind_a_picture() -> None:
    text = book().replace(
        "behind one of the blind", "behind one of\n\n[Illustration]\n\nthe blind", 1
    )
    text = text.replace(
        "behind one\nof the blind", "behind one of\n\n[Illustration]\n\nthe blind", 1
    )
    assert "[Illustration]" in text
    assert all(each == list(PROSE) for each in chapters(START + text + END).values())


def test_finished_texts_only_get_their_chapters() -> None:
    text = "One\n\nIt was _so_ late.  \n\n\n\n***\n\nThe\nend.\n\nTwo\n\nMore.\n"
    headings = (Heading(0, 3, 1), Heading(text.index("Two"), text.index("Two") + 3, 1))
    found = clean(Extracted(text=text, headings=headings, finished=True))
    assert apply(text, found.edits) == found.text
    assert found.text == "One\n\nIt was _so_ late.\n\n* * *\n\nThe\nend.\n\nTwo\n\nMore."
    assert [(each.title, found.text[each.start : each.end]) for each in found.chapters] == [
        ("One", "It was _so_ late.\n\n* * *\n\nThe\nend."),
        ("Two", "More."),
    ]


@pytest.mark.parametrize("text", ["", "\n\n", "\x1a", "* * *", "CHAPTER I", START + END])
def test_a_text_with_nothing_in_it_has_no_chapters(text: str) -> None:
    assert cleaned(text).chapters == ()


LINES = st.sampled_from(
    [
        "", "", "", "CHAPTER I", "CHAPTER II. A TITLE", "I", "II.", "* * * * *", "THE END", "12",
        "[Illustration: a\n\nb]", "[Footnote 1: so]", "word[1]", "_some\nthing_", "     set in",
        "  Verse begins with capitals,", "CONTENTS", "PREFACE", "[Pg 3]", "Transcriber's Note:",
        *PROSE, *(textwrap.fill(each, 60) for each in PROSE), "*** START OF THIS PROJECT GUTENBERG",
        "*** END OF THIS PROJECT GUTENBERG", "\x93odd\x94", "half-", "[", "{2}", "*", "=b=", "–",
    ]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(LINES, max_size=40), st.sampled_from(["\n", "\r\n", "\r"]))
def test_the_edits_give_the_text_of_any_lines(lines: list[str], end: str) -> None:
    found = cleaned(end.join(lines).replace("\n", end) if end != "\n" else "\n".join(lines))
    assert not any("\n\n\n" in found.text[each.start : each.end] for each in found.chapters)


@pytest.mark.skipif(not BOOKS.is_dir(), reason="the folder of books is not beside the checkout")
@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("11-alices", 12), ("120-treasure", 34), ("1342-pride", 62),
        ("160-the-awakening", 51), ("1661-the-adventures", 14),
        ("1695-the-man", 17), ("209-the-turn", 25),
        ("215-the-call", 7), ("22367-die", 3), ("2814-dubliners", 15),
        ("289-the-wind", 12), ("308-three", 20),
        ("35-the-time", 13), ("62-a-princess", 29), ("71-on", 1), ("84-frankenstein", 28),
        ("844-the-importance", 3),
    ],
)  # fmt: skip
def test_each_book_has_its_chapters(name: str, count: int) -> None:
    [path] = BOOKS.glob(f"{name}*.txt")
    found = cleaned(path.read_bytes().decode("utf-8-sig"))
    assert len(found.chapters) == count
    kinds = {each.kind for each in found.chapters}
    assert kinds == ({"play"} if name.startswith("844") else kinds - {"play"})
