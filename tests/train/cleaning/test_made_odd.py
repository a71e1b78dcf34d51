"""Books set, marked and annotated in ways that no book of the folder is come out as well."""

import pytest
from cleaning_laws import cleaned_lawfully
from comparing import check
from made_books import TITLE, Layout, MadeBook, Piece, book, with_each, with_pieces
from made_headers import ABOUT, BANNER, DATED, FREE, LICENCE, MONEY, SMALL, A
from made_odd import (
    HEADINGS,
    LETTERS,
    MAKERS,
    MARKERS,
    NOTES,
    PAGE_LINES,
    PAGES,
    POEMS,
    SCENES,
    WIDTHS,
)
from made_parts import line_inside, noted, page_inside
from made_wrappings import WRAPPINGS

from storytui_train.data.clean.entities import entities
from storytui_train.data.documents import SCENE_BREAK
from storytui_train.data.edits import apply

FRONT, BACK = WRAPPINGS["2022"]
HEAD = f"The Project Gutenberg EBook of {TITLE}, by {A}\n\n{FREE}{ABOUT}\n\n"


def odd_book(seed: int, **more: object) -> MadeBook:
    return book(seed=seed, front=FRONT, back=BACK, chapters=4, **more)


@pytest.mark.parametrize("name", WIDTHS)
def test_lines_of_any_width_are_joined(name: str) -> None:
    check(odd_book(130, layout=WIDTHS[name]))


@pytest.mark.parametrize("name", MARKERS)
@pytest.mark.parametrize("licence", [LICENCE, ""], ids=["a licence", "no licence"])
def test_odd_markers_go(name: str, licence: str) -> None:
    start, end = MARKERS[name]
    front = f"{HEAD}{start}\n\n\nProduced by Judith Boss\n\n\n"
    check(book(seed=31, front=front, back=f"{end}\n\n{licence}"))


@pytest.mark.parametrize("name", MARKERS)
def test_odd_markers_close_to_the_text_go(name: str) -> None:
    start, end = MARKERS[name]
    layout = Layout(before=1, after=1)
    check(book(seed=31, layout=layout, front=f"{HEAD}{start}", back=f"{end}\n{LICENCE}"))


@pytest.mark.parametrize(
    ("front", "back"),
    [
        (f"{BANNER}{DATED}{MONEY}{SMALL}\n\n\n", f"End of Project Gutenberg's {TITLE}\n"),
        (f"{SMALL}\n\n{TITLE}\n\nby {A}\n\n\n", ""),
        (f"{TITLE}\n\nby {A}\n\n\n", f"THE END\n\n\n{SMALL}"),
    ],
    ids=["in front, with no end of its own", "before the title", "behind the text"],
)
def test_small_print_without_markers_goes(front: str, back: str) -> None:
    check(book(seed=32, front=front, back=back))


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("at", [0, 3, 9], ids=["at the head", "in the midst", "at the end"])
def test_a_makers_note_anywhere_in_a_chapter_goes_alone(name: str, at: int) -> None:
    check(with_pieces(odd_book(33), Piece("", "nothing", printed=MAKERS[name]), at=at, every=2))


@pytest.mark.parametrize("name", HEADINGS)
@pytest.mark.parametrize("width", [42, 70])
def test_odd_headings_are_found(name: str, width: int) -> None:
    check(odd_book(34, heading=HEADINGS[name], layout=Layout(width=width)))


@pytest.mark.parametrize("sign", SCENES)
@pytest.mark.parametrize("centred", [False, True], ids=["flush", "centred"])
def test_odd_signs_are_scene_breaks(sign: str, centred: bool) -> None:
    if centred:
        sign = "\n".join(line.center(70).rstrip() for line in sign.split("\n"))
    check(with_pieces(odd_book(37), Piece(SCENE_BREAK, "break", printed=sign)))


@pytest.mark.parametrize("mark", PAGES)
def test_odd_page_numbers_inside_a_line_go(mark: str) -> None:
    check(with_each(odd_book(38), page_inside(mark)))


@pytest.mark.parametrize("mark", ["[Pg 12]", "[Page 12]"])
@pytest.mark.parametrize("width", [55, 61, 66])
def test_a_line_that_a_page_number_made_short_is_joined(mark: str, width: int) -> None:
    for seed in range(120, 128):
        layout = Layout(width=width, indent=seed % 2 * 2)
        check(with_each(odd_book(seed, layout=layout), page_inside(mark)))


@pytest.mark.parametrize("line", PAGE_LINES)
def test_odd_page_numbers_on_a_line_of_their_own_go(line: str) -> None:
    made = odd_book(50)
    check(with_each(made, line_inside(line, made, blank=False)))


@pytest.mark.parametrize("name", NOTES)
def test_odd_footnotes_go_with_their_marks(name: str) -> None:
    made = odd_book(40)
    change = noted(*NOTES[name])
    count = -1
    chapters = []
    for heading, pieces in made.chapters:
        put: list[Piece] = []
        for each in pieces:
            count += 1
            put += change(count, each)
        chapters.append((heading, put))
    check(made.but(chapters=chapters))


@pytest.mark.parametrize(
    "texts",
    [
        (
            "There were two reasons: (1) the tide, and (2) the wind, and neither would wait.",
            "(1) The tide turned at four, and by five nothing of the bank was to be seen.",
        ),
        ("He paid [5] and [12] and then [3] of them, as the ledger has it, and went home.",),
        ("Footnote 1: so began the paper, and nobody in the house knew what had been above it.",),
        ("He wrote 10^6 on the slate, and below it 10^9, and looked round the class.",),
    ],
)
def test_figures_that_are_no_notes_and_no_pages_stay(texts: tuple[str, ...]) -> None:
    check(with_pieces(odd_book(43), *map(Piece, texts), every=2))


@pytest.mark.parametrize("name", LETTERS)
@pytest.mark.parametrize("width", [70, 90])
def test_odd_letters_keep_their_lines(name: str, width: int) -> None:
    check(with_pieces(odd_book(41, layout=Layout(width=width)), *LETTERS[name], every=2))


@pytest.mark.parametrize("name", POEMS)
@pytest.mark.parametrize("width", [60, 70, 85])
def test_odd_poems_keep_their_lines(name: str, width: int) -> None:
    check(with_pieces(odd_book(42, layout=Layout(width=width)), *POEMS[name], every=2))


@pytest.mark.parametrize(
    ("encoded", "text"),
    [
        ("Smith &amp; Sons, &c.", "Smith & Sons, &c."),
        ("caf&eacute;&mdash;no more", "café—no more"),
        ("&#8220;No,&#8221; he said &#x2014; &#151;", "“No,” he said — —"),
        ("&amp;mdash; &amp;amp;", "— &"),
        ("<i>Smith &amp; Sons</i>", "<i>Smith & Sons</i>"),
    ],
)
def test_entities_become_what_they_stand_for(encoded: str, text: str) -> None:
    assert apply(encoded, entities(encoded)) == text


@pytest.mark.parametrize(
    "text",
    [
        "write `&amp;` for it",
        '<p class="a">&amp;</p>',
        "if (a == b &amp;&amp; c)",
        "AT&T; Q&A; R&D;",
        "&bogus; &alpha; &#0; &#10; &#1114112; &#xD800;",
        "Smith & Sons; &c.; &amp",
    ],
)
def test_code_and_what_is_no_entity_stay(text: str) -> None:
    assert not entities(text)


def test_entities_that_a_writer_left_in_a_manuscript_stay() -> None:
    text = "She typed &amp; and waited."
    assert cleaned_lawfully(text, finished=True, headings=()).text == text
