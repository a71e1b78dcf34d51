"""Whatever an archive put round a book, and however its lines are set, the book comes out."""

import pytest
from comparing import check
from made_books import TITLE, Layout, book, with_pieces
from made_parts import CONTENTS, ENDS, FRONTS, HEADINGS
from made_verse import STANZA
from made_wrappings import WRAPPINGS


@pytest.mark.parametrize("name", WRAPPINGS)
def test_a_header_and_footer_go(name: str) -> None:
    front, back = WRAPPINGS[name]
    check(book(seed=len(name), front=front, back=back))


@pytest.mark.parametrize("name", WRAPPINGS)
def test_a_header_and_footer_go_with_title_and_contents(name: str) -> None:
    front, back = WRAPPINGS[name]
    made = book(seed=len(name) + 1)
    contents = CONTENTS["as the headings"](made)
    front = f"{front}\n\n{FRONTS['title']}\n\n\n{contents}\n"
    check(made.but(front=front, back=f"THE END\n\n\n\n{back}" if "THE END" not in back else back))


@pytest.mark.parametrize("name", FRONTS)
def test_the_pages_before_the_first_chapter_go(name: str) -> None:
    front, back = WRAPPINGS["2022"]
    check(book(seed=4, front=f"{front}\n\n{FRONTS[name]}\n", back=back))


@pytest.mark.parametrize("name", CONTENTS)
@pytest.mark.parametrize("wrapping", ["2022", "1993, small print in front", "nothing at all"])
def test_a_list_of_contents_goes(name: str, wrapping: str) -> None:
    front, back = WRAPPINGS[wrapping]
    made = book(seed=6, chapters=4)
    check(made.but(front=f"{front}\n\n{CONTENTS[name](made)}\n", back=back))


@pytest.mark.parametrize("name", ENDS)
@pytest.mark.parametrize("wrapping", ["2022", "only an end line", "nothing at all"])
def test_what_stands_behind_the_last_chapter_goes(name: str, wrapping: str) -> None:
    front, back = WRAPPINGS[wrapping]
    check(book(seed=8, front=front, back=f"{ENDS[name]}\n\n\n\n\n{back}"))


LAYOUTS = {
    **{f"{width} columns": Layout(width=width) for width in (55, 60, 65, 72, 76, 80)},
    "first lines indented": Layout(indent=3),
    "indented, no blank lines": Layout(indent=4, blank=0),
    "indented by two, no blank lines": Layout(indent=2, blank=0, width=60),
    "a line a paragraph": Layout(wrap=False),
    "a line a paragraph, no blank lines": Layout(wrap=False, blank=0),
    "a line a paragraph, indented, no blank lines": Layout(wrap=False, blank=0, indent=2),
    "double-spaced": Layout(double=True, blank=3, width=60, before=6, after=4),
    "double-spaced, indented": Layout(double=True, blank=1, indent=5, width=60, before=6, after=4),
    "two blank lines": Layout(blank=2),
    "a margin": Layout(margin=5, width=72),
    "a margin, indented": Layout(margin=4, indent=3, width=70),
    "a margin, no blank lines": Layout(margin=4, indent=4, blank=0, width=70),
    "CRLF": Layout(line_break="\r\n"),
    "CR": Layout(line_break="\r"),
    "spaces at line ends": Layout(trailing=True),
    "justified": Layout(justified=True, width=66),
    "words cut at line ends": Layout(hyphens=True, width=62),
    "headings close": Layout(before=1, after=1),
    "headings far": Layout(before=9, after=5),
}


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("wrapping", ["2008, THIS", "nothing at all"])
def test_lines_are_joined_however_a_book_is_set(name: str, wrapping: str) -> None:
    front, back = WRAPPINGS[wrapping]
    layout = LAYOUTS[name]
    check(book(seed=10, chapters=4, front=front, back=back, layout=layout))


@pytest.mark.parametrize("name", LAYOUTS)
def test_verse_keeps_its_lines_however_a_book_is_set(name: str) -> None:
    front, back = WRAPPINGS["2008, THIS"]
    layout = LAYOUTS[name]
    if layout.blank == 0 or layout.double:
        pytest.skip("nothing sets verse off from prose there")
    made = book(seed=12, chapters=4, front=front, back=back, layout=layout)
    check(with_pieces(made, STANZA, every=2))


def test_line_breaks_of_all_kinds_in_one_file() -> None:
    front, back = WRAPPINGS["2008, THIS"]
    made = book(seed=14, front=front, back=back)

    def mixed(text: str) -> str:
        lines = text.split("\n")
        breaks = ["\n", "\r\n", "\r\n"]
        return "".join(line + breaks[at % 3] for at, line in enumerate(lines))

    check(made.but(touch=mixed))


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-8"])
def test_the_same_whatever_the_encoding(encoding: str) -> None:
    front, back = WRAPPINGS["2022"]
    made = book(seed=16, front=front, back=back)
    check(made.but(touch=lambda text: text.encode(encoding).decode(encoding)))


def test_typographic_quotation_marks() -> None:
    import re

    front, back = WRAPPINGS["2022"]
    made = book(seed=18, front=front, back=back)

    def curly(text: str) -> str:
        text = re.sub(r'(^|[\s(\-])"', r"\1“", text).replace('"', "”")
        return text.replace("'", "’").replace("--", "—")

    chapters = [
        (heading, [each.__class__(curly(each.text), each.kind) for each in pieces])
        for heading, pieces in made.chapters
    ]
    check(made.but(chapters=chapters))


@pytest.mark.parametrize("chapters", [1, 2, 7])
def test_however_many_chapters(chapters: int) -> None:
    front, back = WRAPPINGS["2022"]
    check(book(seed=20, chapters=chapters, paragraphs=11, front=front, back=back))


@pytest.mark.parametrize("name", ["TITLE", "I. TITLE", "CHAPTER I. Title", "1", "PART I, I", "I"])
@pytest.mark.parametrize("contents", ["as the headings", "blank lines between", "page numbers"])
def test_a_list_of_contents_goes_whatever_the_headings(name: str, contents: str) -> None:
    front, back = WRAPPINGS["2022"]
    made = book(seed=22, chapters=4, heading=HEADINGS[name])
    check(made.but(front=f"{front}\n\n{CONTENTS[contents](made)}\n", back=back))


@pytest.mark.parametrize("contents", CONTENTS)
def test_the_title_again_before_the_first_chapter_goes(contents: str) -> None:
    front, back = WRAPPINGS["2008, THIS"]
    made = book(seed=24, chapters=4)
    parts = [front, FRONTS["title page"], CONTENTS[contents](made), TITLE.upper()]
    check(made.but(front="\n\n\n\n".join(parts) + "\n", back=back))
