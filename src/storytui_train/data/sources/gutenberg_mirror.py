"""Books of Project Gutenberg from a mirror, over HTTP or by rsync, with its catalogue and an API.

In `books/` of the working folder each book has its text, as the mirror names it, and
`gutenberg-{number}.json` with where it came from and its SHA-256, written last: a book that has it
is never asked for again.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from msgspec import structs

from storytui.story.visible import visible
from storytui_train.data.documents import Gathered, Refusal
from storytui_train.data.sources import rsync
from storytui_train.data.sources.catalog import CatalogBook, choose_books, read_catalog, selects
from storytui_train.data.sources.downloading import Fetched, MissingError, NoRoomError, fetch
from storytui_train.data.sources.gutenberg_book import (
    catalog_path,
    gathered,
    name,
    refusal,
    with_missing,
)
from storytui_train.data.sources.gutendex import books_of
from storytui_train.data.sources.layouts import CATALOGS, places
from storytui_train.data.sources.pace import Clock
from storytui_train.data.sources.place import Place
from storytui_train.data.sources.polite import (
    MIRRORS_ADVICE,
    Polite,
    refuse_closed,
)
from storytui_train.errors import RecipeError, SourceError, UnreachableError
from storytui_train.recipe import GutenbergSource

GIVING_UP = 2
"""Books in a row for which a mirror does not answer, before the others are not asked for."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A text that came, as it is written down beside it."""

    file: str
    """Its name in the same folder."""
    fetched: Fetched


@dataclass
class _Run:
    """One source of a recipe, gathered from a mirror."""

    options: GutenbergSource
    place: Place
    polite: Polite
    troubles: list[Refusal] = field(default_factory=list)
    """What could not be asked; the others go on."""

    @property
    def mirror(self) -> str:
        return self.options.mirror.rstrip("/")

    @property
    def books(self) -> Path:
        return self.place.folder / "books"


def from_mirror(
    options: GutenbergSource, place: Place, clock: Clock | None
) -> Iterator[Gathered | Refusal]:
    """The books that a source names, from its mirror, as far as they are not here yet.

    Args:
        options: the source; it names no folder.
        place: where the recipe and its working folder are.
        clock: what waiting goes by; None: the time that passes.

    Raises:
        RecipeError: it names no books, or an address that is none or must not be asked.
        SourceError: the mirror has no catalogue and one is needed, or the disk is full.
    """
    if not selects(options):
        raise RecipeError(
            "The Gutenberg source names no books: give ids, authors, subjects or topics, or a "
            "folder with books."
        )
    if not options.mirror.startswith(("http://", "https://", "rsync://")):
        raise RecipeError(
            f"{visible(options.mirror, newlines=False)} is no mirror; name one of {MIRRORS_ADVICE}."
        )
    refuse_closed(options.mirror)
    with Polite(
        seconds_between=options.seconds_between, contact=options.contact, clock=clock
    ) as polite:
        run = _Run(options, place, polite)
        chosen = _chosen(run)
        yield from run.troubles
        kept = {each.id: _kept(run.books, each.id) for each in chosen}
        missing = [each for each in chosen if kept[each.id] is None]
        if missing:
            place.told(
                f"{len(missing):,} of {len(chosen):,} books are asked of "
                f"{visible(run.mirror, newlines=False)}; the others are here."
            )
        wanted = _rsynced(run, missing) if run.mirror.startswith("rsync:") else _asked(run, missing)
        fetched = iter(wanted)
        for book in chosen:
            there = kept[book.id] or next(fetched)
            if isinstance(there, Refusal):
                yield there
            else:
                file = run.books / there.file
                yield gathered(book, file, there.file, f"books/{there.file}", there.fetched.url)


def _chosen(run: _Run) -> list[CatalogBook]:
    """What the catalogue, and the API where there is one, have of what is asked for."""
    options = run.options
    by_api = bool(options.api)
    local = structs.replace(options, topics=() if by_api else options.topics, limit=0)
    path = catalog_path(options, run.place) or _catalog(run)
    found = choose_books(read_catalog(path), local) if path else []
    lacking = {*options.ids} - {each.id for each in found}
    if lacking and path and not options.catalog:
        # The one that is kept may be older than the book.
        newer = _catalog(run, again=True)
        found = choose_books(read_catalog(newer), local) if newer else found
        lacking -= {each.id for each in found}
    if by_api:
        found += _of_api(run, {each.id for each in found}, sorted(lacking))
        order = {number: place for place, number in enumerate(options.ids)}
        found.sort(key=lambda each: (order.get(each.id, len(order)), each.id))
    return with_missing(found, options)


def _of_api(run: _Run, have: set[int], lacking: list[int]) -> list[CatalogBook]:
    """The topics' books that are not among those there are, and those that the catalogue lacks."""
    options, api, most = run.options, run.options.api, run.options.limit
    questions = [
        (topic, books_of(run.polite, api, topic=topic, languages=options.languages, limit=most))
        for topic in options.topics
    ]
    if lacking:
        questions.append(("books by number", books_of(run.polite, api, ids=tuple(lacking))))
    found: dict[int, CatalogBook] = {}
    for what, books in questions:
        try:
            for book in books:
                if book.id not in have:
                    found.setdefault(book.id, book)
        except SourceError as error:
            reason = "unreachable" if isinstance(error, UnreachableError) else "unreadable"
            run.troubles.append(refusal("gutenberg", what, reason, str(error)))
    return list(found.values())


def _catalog(run: _Run, *, again: bool = False) -> Path | None:
    """The mirror's catalogue, kept in the working folder; None: it is not to be had.

    Args:
        run: this one.
        again: ask whether there is a newer one.

    Raises:
        SourceError: it is not to be had, and books cannot be chosen without it.
    """
    about = run.books / "catalog.json"
    kept = _read(about)
    if kept and not _is_whole(run.books, kept):
        kept = None
    if kept and not again:
        return run.books / kept.file
    try:
        by_rsync = run.mirror.startswith("rsync:")
        new = _catalog_by_rsync(run) if by_rsync else _catalog_over_http(run, kept)
    except NoRoomError:
        raise
    except SourceError as error:
        options = run.options
        if kept:
            return run.books / kept.file
        if options.authors or options.subjects or (options.topics and not options.api):
            raise type(error)(
                f"The catalogue is needed to choose books, and did not come: {error} A catalogue "
                "on this machine can be named in the recipe as `catalog`."
            ) from error
        run.place.told(f"The books' authors are read from the books: {error}")
        return None
    if new is not None:
        _write(about, new)
        kept = new
    return run.books / kept.file if kept else None


def _catalog_over_http(run: _Run, kept: Kept | None) -> Kept | None:
    *others, last = CATALOGS
    before = kept.fetched if kept else None
    for each in (*others, last):
        file = Path(each).name
        try:
            came = fetch(run.polite, f"{run.mirror}/{each}", run.books / file, before)
        except MissingError:
            if each == last:
                raise
            continue
        return Kept(file=file, fetched=came) if came else None
    raise AssertionError("the last of the places returns or raises")


def _catalog_by_rsync(run: _Run) -> Kept:
    arriving = run.books / "arriving"
    for each in CATALOGS:
        rsync.fetch_all(run.mirror, [each], arriving)
        if (arriving / each).is_file():
            return _arrived(run, arriving / each, f"{run.mirror}/{each}")
    raise MissingError(f"There is no catalogue at {visible(run.mirror, newlines=False)}.")


def _asked(run: _Run, missing: list[CatalogBook]) -> Iterator[Kept | Refusal]:
    """Each of the missing books over HTTP, as it comes."""
    silent = 0
    for book in missing:
        try:
            if silent >= GIVING_UP:
                host = visible(run.mirror, newlines=False)
                raise UnreachableError(f"{host} did not answer for the books before this one.")
            kept = _one(run, book.id)
        except NoRoomError:
            raise
        except UnreachableError as error:
            silent += 1
            yield refusal(name(book.id), book.title, "unreachable", str(error))
        except MissingError as error:
            silent = 0
            yield refusal(name(book.id), book.title, "missing", str(error))
        except SourceError as error:
            silent = 0
            yield refusal(name(book.id), book.title, "unreadable", str(error))
        else:
            silent = 0
            _write(run.books / f"{name(book.id)}.json", kept)
            yield kept


def _one(run: _Run, number: int) -> Kept:
    for each in places(number):
        file = Path(each).name
        try:
            came = fetch(run.polite, f"{run.mirror}/{each}", run.books / file)
        except MissingError:
            continue
        assert came is not None, "nothing was here before"
        return Kept(file=file, fetched=came)
    raise MissingError(
        f"{visible(run.mirror, newlines=False)} has no plain text of book {number}; it may be "
        "audio, images, or a number that was never given."
    )


def _rsynced(run: _Run, missing: list[CatalogBook]) -> Iterator[Kept | Refusal]:
    """Each of the missing books by rsync: a call for each kind of name, for all books together."""
    arriving = run.books / "arriving"
    found: dict[int, Kept] = {}
    kinds = len(places(1))
    for kind in range(kinds):
        names = {each.id: places(each.id)[kind] for each in missing if each.id not in found}
        rsync.fetch_all(run.mirror, names.values(), arriving)
        for number, below in names.items():
            if (arriving / below).is_file():
                kept = _arrived(run, arriving / below, f"{run.mirror}/{below}")
                _write(run.books / f"{name(number)}.json", kept)
                found[number] = kept
    shutil.rmtree(arriving, ignore_errors=True)
    shown = visible(run.mirror, newlines=False)
    for book in missing:
        yield found.get(book.id) or refusal(
            name(book.id), book.title, "missing", f"{shown} has no plain text of book {book.id}."
        )


def _arrived(run: _Run, file: Path, url: str) -> Kept:
    data = file.read_bytes()
    os.replace(file, run.books / file.name)
    fetched = Fetched(url=url, sha256=hashlib.sha256(data).hexdigest(), size=len(data))
    return Kept(file=file.name, fetched=fetched)


def _kept(books: Path, number: int) -> Kept | None:
    """A book that came in an earlier run and is as it came; None: it has to be asked for."""
    kept = _read(books / f"{name(number)}.json")
    return kept if kept and _is_whole(books, kept) else None


def _is_whole(books: Path, kept: Kept) -> bool:
    file = books / Path(kept.file).name
    try:
        if file.stat().st_size != kept.fetched.size:
            return False
        with open(file, "rb") as data:
            return hashlib.file_digest(data, "sha256").hexdigest() == kept.fetched.sha256
    except OSError:
        return False


def _read(about: Path) -> Kept | None:
    try:
        return msgspec.json.decode(about.read_bytes(), type=Kept)
    except (OSError, msgspec.DecodeError):
        return None


def _write(about: Path, kept: Kept) -> None:
    """Write down what came, in one go.

    Raises:
        NoRoomError: the disk is full.
    """
    new = about.with_name(about.name + ".new")
    try:
        new.write_bytes(msgspec.json.format(msgspec.json.encode(kept), indent=1) + b"\n")
        os.replace(new, about)
    except OSError as error:
        where = visible(str(about), newlines=False)
        raise NoRoomError(
            f"{where} cannot be written: {error.strerror}. Make room and run again."
        ) from error
