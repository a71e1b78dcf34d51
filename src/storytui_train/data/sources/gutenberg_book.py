"""One book of Project Gutenberg, from what a catalogue and its own head say to what is gathered."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from storytui.folders import as_typed
from storytui.story.visible import visible
from storytui_train.data.documents import Gathered, Refusal, Source
from storytui_train.data.sources.catalog import CatalogBook
from storytui_train.data.sources.headers import HEAD, Head, read_head
from storytui_train.data.sources.place import Place
from storytui_train.recipe import GutenbergSource

LICENCE = "Public domain in the USA"


def catalog_path(options: GutenbergSource, place: Place) -> Path | None:
    """The catalogue that a recipe names; None: it names none."""
    return place.recipe_folder / as_typed(options.catalog) if options.catalog else None


def name(number: int) -> str:
    """The id of a book's source."""
    return f"gutenberg-{number}"


def refusal(id: str, title: str, reason: str, detail: str) -> Refusal:
    """A book, or a source, that was not gathered."""
    return Refusal(stage="gather", id=id, title=title, reason=reason, detail=detail)


def foreign(book: CatalogBook, languages: Iterable[str]) -> Refusal:
    """A book in another language than those asked for."""
    there, wanted = ", ".join(book.languages), ", ".join(languages)
    return refusal(
        name(book.id),
        book.title,
        "language",
        f"The catalogue says that it is in {there}; the source's `languages` are {wanted}.",
    )


def gathered(
    book: CatalogBook, file: Path, below: str, path: str, url: str = ""
) -> Gathered | Refusal:
    """A book whose text is on this machine, or why it cannot be used.

    Args:
        book: what the catalogue knows of it; what it does not the text's own head says.
        file: the text.
        below: its name, as it goes into every row.
        path: as it goes to the next stage.
        url: where it came from.
    """
    digest, begin = hashlib.sha256(), b""
    try:
        with open(file, "rb") as data:
            while piece := data.read(1 << 20):
                begin = begin or piece[: 2 * HEAD]
                digest.update(piece)
    except OSError as error:
        where = visible(below, newlines=False)
        return refusal(
            name(book.id), book.title, "unreadable", f"{where} cannot be read: {error.strerror}."
        )
    head = read_head(begin.decode("utf-8", "replace"))
    if book.copyrighted or head.copyrighted:
        return refusal(
            name(book.id),
            book.title or head.title,
            "copyright",
            "Project Gutenberg has it by its author's leave; it is not in the public domain. If "
            "you have the right to use it, give its file as a manuscript.",
        )
    return Gathered(
        source=_source(book, head, below, url, digest.hexdigest()), path=path, form="text"
    )


def _source(book: CatalogBook, head: Head, below: str, url: str, sha256: str) -> Source:
    authors = tuple(each.name for each in book.authors)
    if not book.people and head.author:
        authors = (head.author,)
    first = book.authors[0] if book.authors else None
    return Source(
        id=name(book.id),
        kind="gutenberg",
        file=below,
        url=url,
        sha256=sha256,
        gutenberg_id=book.id,
        title=book.title or head.title,
        author=authors[0] if authors else "",
        authors=authors,
        birth=first.birth if first else None,
        death=first.death if first else None,
        language=book.languages[0] if book.languages else head.language,
        licence=LICENCE,
        subjects=(*book.subjects, *book.shelves),
    )


def with_missing(books: list[CatalogBook], options: GutenbergSource) -> list[CatalogBook]:
    """The chosen books, and those that were asked for by numbers that the catalogue lacks.

    Args:
        books: by number as they were asked for, then the others.
        options: what is asked for, and how many at the most.
    """
    known = {each.id: each for each in books}
    asked = [known.get(each) or CatalogBook(id=each) for each in dict.fromkeys(options.ids)]
    numbers = {each.id for each in asked}
    every = asked + [each for each in books if each.id not in numbers]
    return every[: options.limit] if options.limit else every
