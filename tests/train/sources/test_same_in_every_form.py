"""One manuscript as docx, epub, HTML and a folder of Markdown is one text with the same rows."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from storytui_train.data.chunk import chunk
from storytui_train.data.clean import clean
from storytui_train.data.documents import Document, Extracted, Gathered
from storytui_train.data.sources.extraction import extract
from storytui_train.data.sources.gathering import gather
from storytui_train.data.sources.place import Place
from storytui_train.data.sources.plain import extract_plain
from storytui_train.recipe import ChunkOptions, ManuscriptSource

from .conftest import EXPECTED, Manuscript, Piece
from .test_plain import BOOKS

FORMS: dict[str, Callable[[Manuscript, Path], Path]] = {
    "docx": lambda each, folder: each.as_docx(folder / "rope.docx"),
    "epub": lambda each, folder: each.as_epub(folder / "rope.epub"),
    "html": lambda each, folder: each.as_html(folder / "rope.html"),
    "folder": lambda each, folder: each.as_markdown(folder / "rope"),
}


def gathered(path: Path, place: Place, **options: Any) -> Gathered:
    [found] = list(gather(ManuscriptSource(paths=(str(path),), **options), place))
    assert isinstance(found, Gathered), found
    return found


@pytest.mark.parametrize("form", FORMS)
def test_the_text_is_the_same(form: str, manuscript: Manuscript, place: Place) -> None:
    found = gathered(FORMS[form](manuscript, place.recipe_folder), place)

    extracted = extract(found, place.folder)

    assert found.form == form
    assert extracted.text == EXPECTED
    assert extracted.finished


@pytest.mark.parametrize("form", FORMS)
def test_the_chapters_are_the_same(form: str, manuscript: Manuscript, place: Place) -> None:
    found = gathered(FORMS[form](manuscript, place.recipe_folder), place)

    extracted = extract(found, place.folder)

    headings = extracted.headings or ()
    assert [(each.level, extracted.text[each.start : each.end]) for each in headings] == [
        (1, "Chapter One: The Lamp"),
        (1, "Chapter Two: The Rope"),
        (1, "10"),
    ]


@pytest.mark.parametrize("form", ["docx", "epub", "html"])
def test_title_and_author_are_the_documents_own(
    form: str, manuscript: Manuscript, place: Place
) -> None:
    source = gathered(FORMS[form](manuscript, place.recipe_folder), place).source

    assert (source.title, source.author) == ("The Long Rope", "Ada Keeper")
    assert source.id == "manuscript-the-long-rope"
    assert (source.private, source.licence) == (True, "private")


def test_what_the_recipe_says_goes_before_what_the_document_says(
    manuscript: Manuscript, place: Place
) -> None:
    path = manuscript.as_docx(place.recipe_folder / "rope.docx")

    source = gathered(path, place, title="Rope", author="A. K.", language="en").source

    assert (source.title, source.author, source.language) == ("Rope", "A. K.", "en")


def longer(chapters: int = 3, paragraphs: int = 60) -> Manuscript:
    """A manuscript that is long enough for rows."""
    return Manuscript(
        chapters=tuple(
            (
                f"Chapter {number}",
                tuple(
                    ()
                    if at % 17 == 16
                    else (
                        (f"On day {at} of year {number} she pulled the rope again. ", ""),
                        ("Nothing", "i"),
                        (f" moved, and the lamp of room {at} stayed dark. “Pull,” he said.", ""),
                    )
                    for at in range(paragraphs)
                ),
            )
            for number in range(1, chapters + 1)
        )
    )


def test_the_rows_are_the_same(place: Place) -> None:
    rows: dict[str, list[Any]] = {}
    for form, written in FORMS.items():
        found = gathered(written(longer(), place.recipe_folder), place, title="R")
        extracted: Extracted = extract(found, place.folder)
        document = Document(source=found.source, cleaned=clean(extracted))
        options = ChunkOptions(context_sentences=20, continuation_sentences=6)
        rows[form] = [
            (each.span, each.chapter, each.context, each.continuation, each.after, each.starts)
            for each in chunk(document, options, 1)
        ]

    assert len(rows["docx"]) > 10
    assert rows["docx"] == rows["epub"] == rows["html"] == rows["folder"]


def pieces(paragraph: str) -> tuple[Piece, ...]:
    """A paragraph of a cleaned text as it would be typed into a word processor."""
    if paragraph == "* * *":
        return ()
    return tuple(
        (part[1:-1], "i") if re.fullmatch(r"\*[^*\n]+\*", part) else (part, "")
        for part in re.split(r"(\*[^*\n]+\*)", paragraph)
        if part
    )


@pytest.mark.skipif(not BOOKS.is_dir(), reason="the shared books are not beside the checkout")
def test_a_real_book_comes_out_of_every_form_as_it_went_in(place: Place) -> None:
    name = "11-alices-adventures-in-wonderland.txt"
    cleaned = clean(extract_plain((BOOKS / name).read_bytes(), name))
    chapters = [
        (each.title, cleaned.text[each.start : each.end].split("\n\n")) for each in cleaned.chapters
    ]
    book = Manuscript(
        title="A Book",
        chapters=[(title, tuple(map(pieces, paragraphs))) for title, paragraphs in chapters],
    )
    expected = "\n\n".join(part for title, paragraphs in chapters for part in (title, *paragraphs))

    assert len(chapters) == 12
    for written in FORMS.values():
        found = gathered(written(book, place.recipe_folder), place, folders="book")
        assert extract(found, place.folder).text == expected + "\n"
