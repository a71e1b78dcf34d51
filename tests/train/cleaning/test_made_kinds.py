"""Plays, poems, manuscripts; characters that are wrong; and what the recipe can ask for."""

import re

import pytest
from cleaning_laws import cleaned_lawfully
from comparing import check
from made_books import PASSAGES, VERSES, Heading, MadeBook, Piece, book, with_pieces
from made_wrappings import WRAPPINGS
from paragraph_accounting import words_of

from storytui_train.data.documents import SCENE_BREAK
from storytui_train.data.documents import Heading as Found
from storytui_train.recipe import CleanOptions

FRONT, BACK = WRAPPINGS["2022"]
SPEAKERS = {
    "Name. speech": "{name}.  {speech}",
    "NAME. speech": "{upper}. {speech}",
    "NAME: speech": "{upper}: {speech}",
    "_Name._ speech": "_{name}._ {speech}",
    "NAME (direction): speech": "{upper} (_aside_): {speech}",
}


@pytest.mark.parametrize("form", SPEAKERS)
def test_a_play_is_a_play(form: str) -> None:
    names = ["Algernon", "Jack", "Lady Bracknell", "Gwendolen"]
    chapters = []
    for act in range(3):
        pieces = []
        for at, each in enumerate(PASSAGES[act * 25 : act * 25 + 25]):
            name = names[(at + act) % 4]
            speech = SPEAKERS[form].format(name=name, upper=name.upper(), speech=each.strip('"'))
            pieces.append(Piece(speech))
            if at % 8 == 3:
                pieces.append(Piece("[Enter Lane.]"))
        heading = ["FIRST", "SECOND", "THIRD"][act] + " ACT"
        chapters.append((Heading(heading, heading), pieces))
    cleaned = cleaned_lawfully(MadeBook(chapters, front=FRONT, back=BACK).source)
    assert {each.kind for each in cleaned.chapters} == {"play"}
    want = [words_of(each.text) for _, pieces in chapters for each in pieces]
    got = [
        words_of(text)
        for each in cleaned.chapters
        for text in cleaned.text[each.start : each.end].split("\n\n")
    ]
    assert got == want


@pytest.mark.parametrize("by", [0, 4])
def test_poems_are_verse(by: int) -> None:
    chapters = []
    for number in range(3):
        pieces = []
        for at in range(12):
            text = "\n".join(VERSES[(at + number) % 5])
            printed = "\n".join(" " * by + line for line in text.split("\n"))
            pieces.append(Piece(text, "lines", printed=printed))
        chapters.append(
            (Heading(f"CANTO {'I' * (number + 1)}", f"CANTO {'I' * (number + 1)}"), pieces)
        )
    cleaned = check(MadeBook(chapters, front=FRONT, back=BACK), titles=False)
    assert {each.kind for each in cleaned.chapters} == {"verse"}


def test_prose_with_a_song_and_a_scene_in_dialogue_is_prose() -> None:
    made = with_pieces(book(seed=80, front=FRONT, back=BACK), Piece("\n".join(VERSES[0]), "lines"))
    assert {each.kind for each in check(made).chapters} == {"prose"}


CHARACTERS = {
    "a form feed before chapters": lambda text: text.replace("CHAPTER", "\fCHAPTER"),
    "form feeds on lines of their own": lambda text: text.replace("CHAPTER", "\f\n\nCHAPTER"),
    "the old end of file": lambda text: text + "\x1a",
    "a byte-order mark": lambda text: "\ufeff" + text,
    "zero-width spaces": lambda text: text.replace("the ", "the\u200b ", 20),
    "no-break spaces": lambda text: text.replace("of the", "of\u00a0the"),
    "tabs at paragraphs": lambda text: re.sub(r"\n\n(?!CHAPTER|\n)", "\n\n\t", text),
    "blank lines with spaces": lambda text: text.replace("\n\n", "\n  \n"),
    "blank lines with tabs": lambda text: text.replace("\n\n", "\n\t\n"),
}


@pytest.mark.parametrize("name", CHARACTERS)
def test_characters_that_are_no_text_do_no_harm(name: str) -> None:
    made = book(seed=82, front=FRONT, back=BACK)
    if name == "zero-width spaces":
        cleaned = cleaned_lawfully(made.but(touch=CHARACTERS[name]).source)
        got = [
            words_of(each)
            for chapter in cleaned.chapters
            for each in cleaned.text[chapter.start : chapter.end].split("\n\n")
        ]
        assert got == [words_of(each) for _, texts in made.truth for each in texts]
    else:
        check(made.but(touch=CHARACTERS[name]))


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("Itâ€™s a cafÃ©, he said, and nothing else.", "It’s a café, he said, and nothing else."),
        ("â€œYes,â€\x9d he said, and sat down again.", "“Yes,” he said, and sat down again."),
        ("The Zo\u00c3\u00b6logical Gardens were shut.", "The Zoölogical Gardens were shut."),
        ("The won\u00adder\u00adful house was shut again.", "The wonderful house was shut again."),
        ("Smith &amp; Sons of London, carriers &c.", "Smith & Sons of London, carriers &c."),
    ],
)
def test_wrong_decoding_is_mended(wrong: str, right: str) -> None:
    cleaned = cleaned_lawfully(
        with_pieces(book(seed=84, front=FRONT, back=BACK), Piece(right, wrapped=wrong)).source
    )
    assert right.replace("’", "'") in " ".join(cleaned.text.split()).replace("’", "'")


SAID = '"It\'s _very_ late--" she said; \'tis "the last" of \'em.'


@pytest.mark.parametrize(
    ("options", "want"),
    [
        (CleanOptions(), '"It\'s *very* late--" she said; \'tis "the last" of \'em.'),
        (CleanOptions(emphasis="keep"), SAID),
        (CleanOptions(emphasis="drop"), SAID.replace("_", "")),
        (CleanOptions(dashes="em"), '"It\'s *very* late—" she said; \'tis "the last" of \'em.'),
        (CleanOptions(quotes="curly"), "“It’s *very* late--” she said; ’tis “the last” of ’em."),
        (
            CleanOptions(quotes="straight"),
            '"It\'s *very* late--" she said; \'tis "the last" of \'em.',
        ),
    ],
)
def test_the_recipe_decides_on_marks(options: CleanOptions, want: str) -> None:
    made = with_pieces(book(seed=86, front=FRONT, back=BACK), Piece(want, wrapped=SAID))
    cleaned = cleaned_lawfully(made.source, options)
    assert want in cleaned.text


def test_typographic_marks_become_straight() -> None:
    piece = Piece("“It’s very late,” she said; ‘and I’ll go.’")
    made = with_pieces(book(seed=88, front=FRONT, back=BACK), piece)
    cleaned = cleaned_lawfully(made.source, CleanOptions(quotes="straight"))
    assert "\"It's very late,\" she said; 'and I'll go.'" in cleaned.text


MANUSCRIPT = (
    "Part One\n\nThe House\n\nShe *waited*. It was\nlate.\n\n* * *\n\n[1] I am no footnote.\n\n"
    "The Road\n\nCHAPTER I\n\nNobody came.\n\nPart Two\n\nThe Sea\n\nAt last. THE END"
)


def headings() -> tuple[Found, ...]:
    levels = {"Part One": 1, "The House": 2, "The Road": 2, "Part Two": 1, "The Sea": 2}
    return tuple(
        Found(MANUSCRIPT.index(each), MANUSCRIPT.index(each) + len(each), level)
        for each, level in levels.items()
    )


def test_a_finished_manuscript_is_cut_at_its_headings_and_nothing_else_is_done() -> None:
    cleaned = cleaned_lawfully(MANUSCRIPT, finished=True, headings=headings())
    assert [
        (words_of(each.title), cleaned.text[each.start : each.end]) for each in cleaned.chapters
    ] == [
        (
            ("part", "one", "the", "house"),
            f"She *waited*. It was\nlate.\n\n{SCENE_BREAK}\n\n[1] I am no footnote.",
        ),
        (("part", "one", "the", "road"), "CHAPTER I\n\nNobody came."),
        (("part", "two", "the", "sea"), "At last. THE END"),
    ]
    assert not cleaned.losses


def test_a_finished_manuscript_without_headings_is_one_chapter() -> None:
    text = "She waited.\n\n* * *\n\nNobody came."
    cleaned = cleaned_lawfully(text, finished=True, headings=())
    assert [cleaned.text[each.start : each.end] for each in cleaned.chapters] == [text]


def test_what_stands_before_the_first_heading_is_a_chapter_without_a_title() -> None:
    text = "She waited.\n\nThe House\n\nNobody came."
    at = text.index("The House")
    cleaned = cleaned_lawfully(text, finished=True, headings=(Found(at, at + 9, 1),))
    assert [(each.title, cleaned.text[each.start : each.end]) for each in cleaned.chapters] == [
        ("", "She waited."),
        ("The House", "Nobody came."),
    ]


@pytest.mark.parametrize(
    "text", ["", "\n", "   ", "\ufeff", "\x1a", "* * *", "CHAPTER I", "[", "_"]
)
def test_next_to_nothing_is_no_error(text: str) -> None:
    cleaned_lawfully(text)


def test_a_plain_story_without_chapters_is_one_chapter() -> None:
    text = "\n\n".join(PASSAGES[:6])
    cleaned = cleaned_lawfully(text + "\n")
    assert [cleaned.text[each.start : each.end] for each in cleaned.chapters] == [text]


@pytest.mark.parametrize(
    "text",
    [
        *("[" * 30_000, "*" * 30_000, " " * 30_000, "_" * 30_000, "-" * 30_000, "\n" * 30_000),
        *("_a " * 8_000, "[a " * 8_000, "a-\n" * 8_000, "I.\n\n" * 6_000, "“" * 30_000),
        *("[Illustration: " * 3_000, ". . " * 8_000, "*** START OF " * 6_000, "a" * 30_000),
        *("* " * 30_000, "1\n\n" * 8_000, "{1} " * 8_000, "+---+\n" * 3_000, "    a\n" * 5_000),
        *("End of Project Gutenberg\n" * 3_000, "[1] a\n\n" * 8_000, "CONTENTS\n\n" * 6_000),
    ],
    ids=lambda text: repr(text[:14]),
)
def test_long_runs_of_one_thing_come_to_an_end(text: str) -> None:
    """What grows with the square of a run's length is felt here, and in no book."""
    cleaned_lawfully(text)
