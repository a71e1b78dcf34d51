"""One manuscript as docx, epub, HTML and a folder of Markdown is one text with the same rows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from storytui_train.data.documents import Extracted, Gathered
from storytui_train.data.sources.extraction import extract
from storytui_train.data.sources.gathering import gather
from storytui_train.data.sources.place import Place
from storytui_train.recipe import ManuscriptSource

from .conftest import EXPECTED, Manuscript

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
    clean = pytest.importorskip("storytui_train.data.clean").clean
    chunk = pytest.importorskip("storytui_train.data.chunk").chunk
    from storytui_train.data.documents import Document
    from storytui_train.recipe import ChunkOptions

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
