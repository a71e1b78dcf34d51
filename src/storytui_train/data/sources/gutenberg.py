"""Books of Project Gutenberg: from a folder or a copy of a mirror, or from a mirror itself."""

from collections.abc import Iterator
from pathlib import Path

from storytui.folders import as_typed
from storytui.story.visible import visible
from storytui_train.data.documents import Gathered, Refusal
from storytui_train.data.sources.catalog import (
    NAMES,
    CatalogBook,
    choose_books,
    in_languages,
    read_catalog,
    selects,
)
from storytui_train.data.sources.gutenberg_book import (
    catalog_path,
    foreign,
    gathered,
    name,
    refusal,
    with_missing,
)
from storytui_train.data.sources.layouts import Shelf
from storytui_train.data.sources.pace import Clock
from storytui_train.data.sources.place import Place
from storytui_train.errors import RecipeError, SourceError, UnreachableError
from storytui_train.recipe import GutenbergSource


def gather_gutenberg(
    options: GutenbergSource, place: Place, clock: Clock | None = None
) -> Iterator[Gathered | Refusal]:
    """The books that a source of a recipe names, each when its text is on this machine.

    Books that are not to be had come as refusals, as does a source that cannot be used at all.

    Args:
        options: the source.
        place: where the recipe and its working folder are.
        clock: what waiting between requests goes by; None: the time that passes.

    Raises:
        RecipeError: the recipe asks for what cannot or must not be done.
    """
    try:
        if options.folder:
            yield from _from_folder(options, place)
        else:
            # It brings httpx, which only a mirror needs.
            from storytui_train.data.sources.gutenberg_mirror import from_mirror

            yield from from_mirror(options, place, clock)
    except SourceError as error:
        reason = "unreachable" if isinstance(error, UnreachableError) else "unreadable"
        yield refusal("gutenberg", options.folder or options.mirror, reason, str(error))
    except OSError as error:
        where = visible(str(error.filename or options.folder), newlines=False)
        yield refusal(
            "gutenberg", options.folder, "unreadable", f"{where} cannot be read: {error.strerror}."
        )


def _from_folder(options: GutenbergSource, place: Place) -> Iterator[Gathered | Refusal]:
    folder = place.recipe_folder / as_typed(options.folder)
    if not folder.is_dir():
        raise RecipeError(
            f"The folder of books {visible(str(folder), newlines=False)} is not there; see "
            "`folder` in the recipe."
        )
    shelf = Shelf(folder)
    catalog = catalog_path(options, place) or next(
        (each for each in (folder / name for name in NAMES) if each.is_file()), None
    )
    if not selects(options):
        books = _all_books(shelf, catalog)
    else:
        if not catalog and (options.authors or options.subjects or options.topics):
            raise RecipeError(
                "To choose books by author, subject or topic a catalogue is needed: name "
                "`catalog` in the recipe, or put pg_catalog.csv into the folder."
            )
        chosen = choose_books(read_catalog(catalog) if catalog else (), options)
        books = with_missing(chosen, options)
    taken = 0
    for book in books:
        if options.limit and taken >= options.limit:
            return
        if not selects(options) and not in_languages(book, options.languages):
            yield foreign(book, options.languages)
            continue
        file = shelf.file_of(book.id, book.file)
        if file is None:
            where = visible(str(folder), newlines=False)
            yield refusal(
                name(book.id), book.title, "missing", f"No text of book {book.id} is in {where}."
            )
            continue
        found = gathered(book, file, file.relative_to(folder).as_posix(), str(file.absolute()))
        taken += isinstance(found, Gathered)
        yield found


def _all_books(shelf: Shelf, catalog: Path | None) -> list[CatalogBook]:
    """All books in a folder, ascending, with what the catalogue knows of them."""
    here = {number: CatalogBook(id=number) for number in shelf.numbers()}
    for book in read_catalog(catalog) if catalog else ():
        if book.id in here or (book.file and shelf.file_of(book.id, book.file)):
            here[book.id] = book
    return [here[number] for number in sorted(here)]
