"""Books by topic, or by number, from a Gutendex-style API.

`GET {api}/books?topic=…&languages=en&sort=ascending` answers `{"count", "next", "results"}`; a
page has 32 books, and `next` is the next one's address.
Source: https://github.com/garethbjohnson/gutendex.
"""

from collections.abc import Iterator
from urllib.parse import urlencode, urljoin, urlsplit

import msgspec

from storytui.story.visible import visible
from storytui_train.data.sources.catalog import CatalogBook, Person
from storytui_train.data.sources.polite import Polite
from storytui_train.errors import SourceError

IDS_AT_ONCE = 32
MOST_BYTES = 8 << 20
"""Of one page."""


class _Person(msgspec.Struct, frozen=True):
    name: str
    birth_year: int | None = None
    death_year: int | None = None


class _Book(msgspec.Struct, frozen=True):
    id: int
    title: str | None = ""
    authors: tuple[_Person, ...] = ()
    translators: tuple[_Person, ...] = ()
    subjects: tuple[str, ...] = ()
    bookshelves: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    copyright: bool | None = None
    media_type: str = "Text"


class _Page(msgspec.Struct, frozen=True):
    results: tuple[_Book, ...]
    next: str | None = None


def books_of(
    polite: Polite,
    api: str,
    *,
    topic: str = "",
    ids: tuple[int, ...] = (),
    languages: tuple[str, ...] = (),
    limit: int = 0,
) -> Iterator[CatalogBook]:
    """The books of a topic or with some numbers, ascending by number, asked for page by page.

    Args:
        polite: asks.
        api: the API's address, with or without `/books` at its end.
        topic: part of a subject or a bookshelf.
        ids: numbers; with more than a page of them, several questions.
        languages: ISO 639-1; none: all.
        limit: after so many no further page is asked for; 0: all.

    Raises:
        SourceError: it does not answer, or with something else; or leads to another host.
        RecipeError: the address is none that may be asked.
    """
    api = api.rstrip("/")
    address = api if api.endswith("/books") else f"{api}/books"
    questions = [ids[at : at + IDS_AT_ONCE] for at in range(0, len(ids), IDS_AT_ONCE)] or [()]
    found = 0
    for some in questions:
        query = {"sort": "ascending"}
        if topic:
            query["topic"] = topic
        if some:
            query["ids"] = ",".join(map(str, some))
        if languages:
            query["languages"] = ",".join(sorted(languages))
        for book in _all_pages(polite, f"{address}?{urlencode(query)}"):
            yield book
            found += 1
            if limit and found >= limit:
                return


def _all_pages(polite: Polite, url: str) -> Iterator[CatalogBook]:
    seen = {url}
    while url:
        page = _page(polite, url)
        yield from (_as_catalog(each) for each in page.results if each.media_type == "Text")
        if not page.next:
            return
        url = _next(url, page.next)
        if url in seen:
            raise SourceError(f"{visible(url, newlines=False)} names itself as the next page.")
        seen.add(url)


def _next(here: str, there: str) -> str:
    """The next page's address, on the same host and by the same scheme."""
    url = urljoin(here, there)
    old, new = urlsplit(here), urlsplit(url)
    if new.scheme not in ("http", "https") or new.hostname != old.hostname:
        raise SourceError(
            f"The API at {visible(old.netloc, newlines=False)} goes on at "
            f"{visible(url, newlines=False)}; only its own host is asked."
        )
    # Behind a proxy that ends TLS an API may take itself for http.
    return new._replace(scheme=old.scheme, netloc=old.netloc).geturl()


def _page(polite: Polite, url: str) -> _Page:
    shown = visible(url, newlines=False)
    with polite.asking(url, {"Accept": "application/json"}) as answer:
        if answer.status_code != 200:
            raise SourceError(f"{shown} was refused (status {answer.status_code}).")
        body = bytearray()
        for piece in answer.iter_bytes():
            body += piece
            if len(body) > MOST_BYTES:
                raise SourceError(f"{shown} answers with far too much for a page of books.")
    try:
        return msgspec.json.decode(bytes(body), type=_Page)
    except msgspec.DecodeError as error:
        raise SourceError(
            f"{shown} does not answer as a Gutendex API does ({visible(str(error))}); see that "
            "the recipe's `api` is its address."
        ) from error


def _as_catalog(book: _Book) -> CatalogBook:
    people = [_as_person(each, "") for each in book.authors]
    people += [_as_person(each, "Translator") for each in book.translators]
    return CatalogBook(
        id=book.id,
        title=" ".join((book.title or "").split()),
        languages=book.languages,
        people=tuple(people),
        subjects=book.subjects,
        shelves=book.bookshelves,
        copyrighted=book.copyright,
    )


def _as_person(person: _Person, role: str) -> Person:
    return Person(name=person.name, birth=person.birth_year, death=person.death_year, role=role)
