"""Files and folders that were named on the command line, and what they turn out to be."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from storytui.folders import as_typed
from storytui_train.data.documents import Form, Gathered, Refusal
from storytui_train.data.sources import names
from storytui_train.data.sources.forms import form_by_name
from storytui_train.data.sources.manuscripts import below, books_at, gather_one, refusal
from storytui_train.data.sources.marks import is_gutenberg_file, number_in, number_of
from storytui_train.data.sources.place import Place
from storytui_train.data.sources.reading import MAXIMUM_TEXT, RefusedError
from storytui_train.recipe import DatasetSource, ManuscriptSource

if TYPE_CHECKING:
    from storytui_train.data.sources.catalog import CatalogBook

_OF_AND_BY = re.compile(
    r"Project Gutenberg(?:'s|’s)?(?: (?:E-?Book|Etext)(?: of)?)? ([^\n]{1,100}?),\s+"
    r"by ([^\n*]{1,80})",
    re.IGNORECASE,
)
"""A first line that says what it is: the only one that some have."""


class _Known:
    """The books of a catalogue, by number and by the name of their file."""

    def __init__(self, catalog: Path | None) -> None:
        self._numbers: dict[int, CatalogBook] = {}
        self._files: dict[str, CatalogBook] = {}
        if catalog is not None:
            from storytui_train.data.sources.catalog import read_catalog

            for book in read_catalog(catalog):
                self._numbers.setdefault(book.id, book)
                if book.file:
                    self._files.setdefault(Path(book.file).name, book)

    def named(self, path: Path) -> "CatalogBook | None":
        """The book whose file has this name."""
        return self._files.get(path.name)

    def numbered(self, number: int | None) -> "CatalogBook | None":
        """The book of this number."""
        return None if number is None else self._numbers.get(number)


def gather_by_hand(
    paths: Sequence[Path], place: Place, catalog: Path | None
) -> Iterator[Gathered | Refusal]:
    """The texts in files and folders that were named by hand.

    Raises:
        RecipeError: the catalogue cannot be read.
    """
    known = _Known(catalog)
    named_paths = tuple(str(each) for each in paths)
    for named in paths:
        path = place.recipe_folder / as_typed(named)
        for found in books_at(path, place):
            if isinstance(found, RefusedError):
                yield refusal(path, path.name, found)
                continue
            shown = below(found, path)
            book = None if found.is_dir() else _gutenberg(found, shown, known)
            if book is not None:
                yield book
            elif form_by_name(found) in ("jsonl", "parquet") and not found.is_dir():
                from storytui_train.data.sources.datasets import gather_dataset

                yield from gather_dataset(DatasetSource(path=str(found), private=True), place)
            else:
                yield from gather_one(found, shown, ManuscriptSource(paths=named_paths), place)


def _gutenberg(path: Path, shown: str, known: _Known) -> Gathered | Refusal | None:
    """A text or page of Project Gutenberg; None where it is none."""
    form = form_by_name(path) or "text"
    if form not in ("text", "html"):
        return None
    try:
        if not path.is_file() or path.stat().st_size > MAXIMUM_TEXT:
            return None
        marked = is_gutenberg_file(path)
        with open(path, "rb") as file:
            head = file.read(20_000)
    except OSError:
        return None  # The reader of manuscripts says why.
    book = known.named(path)
    if book is None and marked:
        book = known.numbered(number_of(path)) or known.numbered(number_in(head))
    if (book is None and not marked) or not head.strip() or b"\0" in head:
        return None
    return _of_book(path, shown, form, book, head)


def _of_book(
    path: Path, shown: str, form: Form, book: "CatalogBook | None", head: bytes
) -> Gathered | Refusal:
    from storytui_train.data.sources.catalog import CatalogBook
    from storytui_train.data.sources.gutenberg_book import gathered

    number = number_in(head) or number_of(path)
    found = gathered(book or CatalogBook(id=number or 0), path, shown, str(path))
    unknown = book is None and number is None
    id = f"gutenberg-{names.slug(path.stem) or 'unnumbered'}"
    if isinstance(found, Refusal):
        return msgspec.structs.replace(found, id=id) if unknown else found
    source = found.source
    said = _OF_AND_BY.search(head.decode("utf-8", "replace")) if book is None else None
    author = source.author or (" ".join(said[2].split()) if said else "")
    source = msgspec.structs.replace(
        source,
        title=source.title
        or (" ".join(said[1].split()) if said else "")
        or names.title_of(path.stem),
        author=author,
        authors=source.authors or ((author,) if author else ()),
    )
    if unknown:
        source = msgspec.structs.replace(source, id=id, gutenberg_id=None)
    return msgspec.structs.replace(found, source=source, form=form)
