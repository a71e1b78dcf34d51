"""Headings, scene breaks, pictures, page numbers, notes, verse and letters, in every form."""

import pytest
from comparing import check
from made_books import SCENE, Layout, MadeBook, Piece, book, with_each, with_pieces
from made_parts import (
    HEADINGS,
    MAKERS,
    NOTES,
    PAGE_LINES,
    PAGES,
    PICTURES,
    SCENES,
    line_inside,
    noted,
    page_inside,
)
from made_verse import BEHIND, KEPT, LEAD, LETTERS, PLAYS
from made_wrappings import WRAPPINGS

from storytui_train.data.documents import SCENE_BREAK
from storytui_train.recipe import CleanOptions


def wrapped_book(seed: int, name: str = "2022", **more: object) -> MadeBook:
    front, back = WRAPPINGS[name]
    return book(seed=seed, front=front, back=back, **more)


@pytest.mark.parametrize("name", HEADINGS)
@pytest.mark.parametrize("wrapping", ["2022", "nothing at all"])
def test_chapters_are_found(name: str, wrapping: str) -> None:
    check(wrapped_book(30, wrapping, chapters=4, heading=HEADINGS[name]))


@pytest.mark.parametrize("name", HEADINGS)
def test_chapters_are_found_where_paragraphs_are_only_set_in(name: str) -> None:
    layout = Layout(indent=3, blank=0, width=66, before=3, after=1)
    check(wrapped_book(32, chapters=4, heading=HEADINGS[name], layout=layout))


@pytest.mark.parametrize("name", SCENES)
def test_a_scene_break_stays(name: str) -> None:
    sign = Piece(SCENE_BREAK, "break", printed=SCENES[name])
    check(with_pieces(wrapped_book(34), sign))


@pytest.mark.parametrize("name", SCENES)
def test_a_scene_break_stays_where_paragraphs_are_only_set_in(name: str) -> None:
    sign = Piece(SCENE_BREAK, "break", printed=f"\n{SCENES[name]}\n")
    layout = Layout(indent=3, blank=0, width=66, before=3, after=1)
    check(with_pieces(wrapped_book(36, layout=layout), sign))


@pytest.mark.parametrize("name", ["five stars", "three stars", "stars in the middle"])
def test_a_scene_break_stays_without_blank_lines_round_it(name: str) -> None:
    sign = Piece(SCENE_BREAK, "break", printed=SCENES[name])
    layout = Layout(indent=3, blank=0, width=66, before=3, after=1)
    check(with_pieces(wrapped_book(36, layout=layout), sign))


@pytest.mark.parametrize("lines", [3, 4])
def test_a_space_between_scenes_is_a_scene_break(lines: int) -> None:
    space = Piece(SCENE_BREAK, "break", printed="\n" * (lines - 3))
    made = wrapped_book(38)
    check(with_pieces(made, space))


def test_a_space_between_paragraphs_that_are_only_set_in_is_a_scene_break() -> None:
    layout = Layout(indent=3, blank=0, width=66, before=4, after=2)
    space = Piece(SCENE_BREAK, "break", printed="")
    check(with_pieces(wrapped_book(38, layout=layout), space))


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_goes(name: str) -> None:
    picture = Piece("", "nothing", printed=PICTURES[name])
    check(with_pieces(wrapped_book(40), picture))


@pytest.mark.parametrize("name", ["bare", "with a caption", "over lines", "picture"])
def test_a_paragraph_that_a_picture_cuts_is_one(name: str) -> None:
    made = wrapped_book(42)
    check(with_each(made, line_inside(PICTURES[name].replace("{", "{{"), made, blank=True)))


@pytest.mark.parametrize("name", ["bare", "with a caption"])
def test_a_picture_at_a_paragraphs_beginning_goes(name: str) -> None:
    def change(count: int, piece: Piece) -> Piece:
        if count % 4:
            return piece
        return Piece(piece.text, wrapped=f"{PICTURES[name]} {piece.text}")

    check(with_each(wrapped_book(44), change))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_number_inside_a_line_goes(name: str) -> None:
    check(with_each(wrapped_book(46), page_inside(PAGES[name])))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_number_at_a_paragraphs_beginning_goes(name: str) -> None:
    def change(count: int, piece: Piece) -> Piece:
        mark = PAGES[name].replace("12", str(12 + count))
        return Piece(piece.text, wrapped=mark + piece.text) if count % 3 == 0 else piece

    check(with_each(wrapped_book(48), change))


@pytest.mark.parametrize("name", PAGE_LINES)
@pytest.mark.parametrize("blank", [True, False], ids=["blank lines", "no blank lines"])
def test_a_paragraph_that_a_page_number_cuts_is_one(name: str, blank: bool) -> None:
    made = wrapped_book(50)
    check(with_each(made, line_inside(PAGE_LINES[name], made, blank)))


@pytest.mark.parametrize("name", PAGE_LINES)
def test_a_page_number_between_paragraphs_goes(name: str) -> None:
    made = wrapped_book(52)
    chapters = []
    page = 11
    for heading, pieces in made.chapters:
        put = []
        for at, each in enumerate(pieces):
            put.append(each)
            if at % 3 == 2:
                page += 1
                put.append(Piece("", "nothing", printed=PAGE_LINES[name].format(n=page)))
        chapters.append((heading, put))
    check(made.but(chapters=chapters))


def with_notes(made: MadeBook, name: str) -> MadeBook:
    change = noted(*NOTES[name])
    count = -1
    chapters = []
    for heading, pieces in made.chapters:
        put: list[Piece] = []
        for each in pieces:
            count += 1
            put += change(count, each)
        chapters.append((heading, put))
    return made.but(chapters=chapters)


@pytest.mark.parametrize("name", NOTES)
def test_a_footnote_goes_with_its_mark(name: str) -> None:
    check(with_notes(wrapped_book(54), name))


@pytest.mark.parametrize("name", ["[1] and [1]", "[Footnote 1: ]"])
def test_footnotes_stay_where_the_recipe_says_so(name: str) -> None:
    made = with_notes(wrapped_book(54), name)
    from cleaning_laws import cleaned_lawfully

    cleaned = cleaned_lawfully(made.source, CleanOptions(footnotes="keep"))
    assert "nothing was known" in cleaned.text


@pytest.mark.parametrize("name", MAKERS)
def test_a_note_of_the_makers_goes(name: str) -> None:
    check(with_pieces(wrapped_book(56), Piece("", "nothing", printed=MAKERS[name])))


@pytest.mark.parametrize("name", KEPT)
def test_lines_of_verse_and_signs_stay(name: str) -> None:
    check(with_pieces(wrapped_book(58), *KEPT[name], every=2))


@pytest.mark.parametrize("name", LETTERS)
def test_a_letters_lines_stay_and_its_prose_is_joined(name: str) -> None:
    check(with_pieces(wrapped_book(60), *LETTERS[name], every=2))


@pytest.mark.parametrize("name", PLAYS)
def test_a_scene_in_dialogue_keeps_its_speeches(name: str) -> None:
    check(
        with_pieces(
            wrapped_book(62),
            LEAD,
            *(Piece(each, wrapped=each.replace("*", "_")) for each in PLAYS[name]),
            BEHIND,
            every=2,
        )
    )


EMPHASIS = {
    "a word": ("It was _very_ dark", "It was *very* dark"),
    "words": ("It was _very dark indeed_ outside", "It was *very dark indeed* outside"),
    "with a mark behind": ("It was _dark_, and cold", "It was *dark*, and cold"),
    "a mark inside": ("It was _dark,_ and cold", "It was *dark,* and cold"),
    "in a word": ("He said _un_happy, not happy", "He said *un*happy, not happy"),
    "of a whole name": ("the _Hispaniola_'s crew", "the *Hispaniola*'s crew"),
}


@pytest.mark.parametrize("name", EMPHASIS)
def test_underscores_become_emphasis(name: str) -> None:
    printed, text = EMPHASIS[name]
    piece = Piece(f"{text}, and nobody spoke of it.", wrapped=f"{printed}, and nobody spoke of it.")
    check(with_pieces(wrapped_book(64), piece))


def test_emphasis_over_a_line_end_stays_one() -> None:
    said = "it was the last night of all the nights that we were to spend in that house together"
    piece = Piece(
        f"I knew that *{said}*, and said so.", wrapped=f"I knew that _{said}_, and said so."
    )
    check(with_pieces(wrapped_book(66), piece))


def test_a_whole_paragraph_in_italics_over_lines() -> None:
    said = (
        "The chief beauty of this book lies not so much in its literary style, or in the extent "
        "and usefulness of the information it conveys, as in its simple truthfulness."
    )
    check(with_pieces(wrapped_book(68), Piece(f"*{said}*", wrapped=f"_{said}_")))


@pytest.mark.parametrize(
    "text",
    [
        "In the year of grace 17__ he went to sea, and in 18__ he came back.",
        "It was the modern Morpheus--C_{2}HCl_{3}O. H_{2}O! I must be careful.",
        "Mr. ---- of B----shire was there, and the Duke of ---- with him.",
        "2 * 3 * 4 is twenty-four, said the clerk, and wrote it down.",
        "He wrote to me [sic] that the word was spelled 'recieve' in the copy.",
        "[The rest of the page was torn away, and nobody has found it since.]",
        "He read the words [in red ink] twice, and put the paper away.",
        "The illustrations in the book were of no use to her; she closed it.",
        "I was born in 1804. My father kept an inn, and my mother kept him.",
        '"Chapter and verse!" he cried. "Give me chapter and verse for that!"',
        "The contents of the box were soon told: a pipe, a knife, and a book.",
        '"It is the end of the project," he said, "and Gutenberg himself could not save it."',
        "He had produced by his own hand three volumes of sermons and a play.",
        "I. That was all he wrote; the rest was blotted out by the rain.",
        "I! I! The voice came back from the wall again and again.",
        "M. de Charlus bowed, and I bowed, and we went in to dinner.",
        "THE suburb of Saffron Park lay on the sunset side of London.",
        '"STOP!" cried the man in the red coat.',
        "No.",
        '"--"',
        "*",
    ],
)
def test_a_paragraph_that_looks_like_something_else_stays(text: str) -> None:
    if text == "*":
        check(with_pieces(wrapped_book(70), SCENE))
    else:
        check(with_pieces(wrapped_book(70), Piece(text)))


SMALL = {
    "a dash at the line's end": ("the inn door, and his hat in his hand--", "a tall, strong man"),
    "a long dash at the line's end": (
        "the inn door, and his hat in his hand—",
        "a tall, strong man",
    ),
}


@pytest.mark.parametrize("name", SMALL)
def test_lines_that_end_in_a_dash_are_joined_without_a_space(name: str) -> None:
    first, second = SMALL[name]
    before = "I remember him as if it were yesterday, as he came plodding to"
    piece = Piece(f"{before} {first}{second}.", printed=f"{before}\n{first}\n{second}.")
    other = Piece(f"There was nothing more to say{first[-2:].strip('d')}nothing at all, I thought.")
    check(with_pieces(wrapped_book(72), piece, other))


@pytest.mark.parametrize(
    "word", ["wonder-\nful", "mother-\nin-law", "mother-in-\nlaw", "to-\nmorrow"]
)
def test_a_word_cut_at_a_lines_end_is_as_it_stands_elsewhere(word: str) -> None:
    whole = {"wonder-\nful": "wonderful"}.get(word, word.replace("\n", ""))
    before = "There was nobody who could have told us then that it was the"
    piece = Piece(f"{before} {whole} that we saw.", printed=f"{before}\n{word} that we saw.")
    other = Piece(f"And again the word {whole} was heard, and {whole} once more.")
    check(with_pieces(wrapped_book(74), piece, other))
