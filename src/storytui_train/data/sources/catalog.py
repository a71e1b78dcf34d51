"""Project Gutenberg's offline catalogue: which books there are, who wrote them, what they are of.

Read are `pg_catalog.csv` as the project publishes it every week (plain or .gz, fields quoted, some
with line breaks in them), and tables with tabs and without quoting that have the same columns, or
those of a folder's own list: `id`, `title`, `author`, `author_birth`, `author_death`, `language`,
`subject`, `file`. A catalogue is read line by line; the real one has more than 75,000 books.
"""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from storytui.story.visible import visible
from storytui_train.errors import RecipeError
from storytui_train.recipe import GutenbergSource

NAMES = ("pg_catalog.csv", "pg_catalog.csv.gz", "catalog.tsv", "catalog.csv", "catalog.tsv.gz")
"""What a catalogue is called where it lies in a folder of books."""

_COLUMNS = {
    **{"text#": "id", "id": "id", "ebook": "id", "ebook#": "id", "gutenberg_id": "id"},
    **{"type": "type", "title": "title", "language": "language", "languages": "language"},
    **{"authors": "authors", "author": "authors", "subjects": "subjects", "subject": "subjects"},
    **{"bookshelves": "shelves", "bookshelf": "shelves", "file": "file"},
    **{"author_birth": "birth", "author_death": "death"},
}
_YEAR = r"(?:(\d{1,4})\s*(\??)\s*(BCE?)?\s*\??)"
_YEARS = re.compile(rf",?\s*{_YEAR}?\s*-\s*{_YEAR}?\s*$")
_ROLE = re.compile(r"\s*\[([^\]]*)\]\s*$")
_LINE_BREAKS = re.compile(r"\s*[\r\n]+\s*")
_MOST_FIELD = 1 << 24
"""Characters of one field; the longest list of contents in the real catalogue has 20,000."""


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who had to do with a book."""

    name: str
    """As catalogues have it: `Carroll, Lewis`."""
    birth: int | None = None
    """The year; negative before our era. None: not known."""
    death: int | None = None
    role: str = ""
    """`Illustrator`, `Translator`, …; empty: an author."""


class CatalogBook(msgspec.Struct, frozen=True, kw_only=True):
    """One book of a catalogue."""

    id: int
    title: str = ""
    """On one line."""
    languages: tuple[str, ...] = ()
    people: tuple[Person, ...] = ()
    """Authors and all others, in the catalogue's order."""
    subjects: tuple[str, ...] = ()
    shelves: tuple[str, ...] = ()
    file: str = ""
    """The name of its file, where the catalogue is a folder's own list."""
    copyrighted: bool | None = None
    """Whether it is under copyright in the USA; None: the catalogue does not say."""

    @property
    def authors(self) -> tuple[Person, ...]:
        """Those who wrote it: no illustrators, translators, editors."""
        return tuple(each for each in self.people if not each.role)


def read_catalog(path: Path) -> Iterator[CatalogBook]:
    """The texts of a catalogue, one after the other, in its order.

    Sounds, images and data sets are left out.

    Args:
        path: a table with commas and quotes, or with tabs and none; gzip where it ends in `.gz`.

    Raises:
        RecipeError: it cannot be read, or is no catalogue; the message says where.
    """
    name = visible(str(path), newlines=False)
    try:
        with open(path, "rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            data = gzip.GzipFile(fileobj=raw) if packed else raw
            text = io.TextIOWrapper(data, encoding="utf-8-sig", newline="")
            yield from _read(text, name)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise RecipeError(
            f"The catalogue {name} is cut off or damaged; fetch or copy it again."
        ) from error
    except OSError as error:
        raise RecipeError(f"The catalogue {name} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise RecipeError(f"The catalogue {name} is not UTF-8 text.") from error


def _read(lines: Iterable[str], name: str) -> Iterator[CatalogBook]:
    lines = iter(lines)
    first = next(lines, "")
    tabs = "\t" in first
    header = next(_rows([first], tabs=tabs), [])
    columns = [_COLUMNS.get(each.strip().lower(), "") for each in header]
    if "id" not in columns or "title" not in columns:
        found = visible(", ".join(header)[:200], newlines=False) or "nothing"
        raise RecipeError(
            f"{name} is no catalogue of books: its first line should name the columns "
            f"Text# (or id), Title, Language, Authors, …, and has {found}."
        )
    rows = _rows(lines, tabs=tabs)
    number = 1
    try:
        for number, row in enumerate(rows, 2):
            if any(row):
                fields = {key: value for key, value in zip(columns, row, strict=False) if key}
                if fields.get("type", "Text") in ("Text", ""):
                    yield _book(fields, number, name)
    except csv.Error as error:
        raise RecipeError(
            f"The catalogue {name} cannot be read behind its row {number}: {error}."
        ) from error


def _rows(lines: Iterable[str], *, tabs: bool) -> Iterator[list[str]]:
    if tabs:
        return (line.rstrip("\r\n").split("\t") for line in lines)
    csv.field_size_limit(_MOST_FIELD)
    return csv.reader(lines, strict=False)


def _book(fields: dict[str, str], number: int, name: str) -> CatalogBook:
    given = fields["id"].strip()
    if not (given.isascii() and given.isdigit()):
        raise RecipeError(
            f"In row {number} of the catalogue {name} the book's number is "
            f"“{visible(given[:40], newlines=False)}”; it has to be a whole number."
        )
    people = people_of(fields.get("authors", ""))
    birth, death = _year(fields.get("birth", "")), _year(fields.get("death", ""))
    if people and (birth is not None or death is not None):
        first = msgspec.structs.replace(people[0], birth=birth, death=death)
        people = (first, *people[1:])
    return CatalogBook(
        id=int(given),
        title=_LINE_BREAKS.sub(" ", fields.get("title", "").strip()),
        languages=_parts(fields.get("language", ""), ";,|"),
        people=people,
        subjects=_parts(fields.get("subjects", ""), ";|"),
        shelves=_parts(fields.get("shelves", ""), ";|"),
        file=fields.get("file", "").strip(),
    )


def _parts(text: str, separators: str) -> tuple[str, ...]:
    parts = re.split(f"[{re.escape(separators)}]", text)
    return tuple(" ".join(each.split()) for each in parts if each.strip())


def _year(text: str) -> int | None:
    found = re.match(rf"{_YEAR}$", text.strip().removeprefix("-"))
    if found is None:
        return None
    before = bool(found[3]) or text.strip().startswith("-")
    return -int(found[1]) if before else int(found[1])


def people_of(text: str) -> tuple[Person, ...]:
    """The people of a catalogue's column.

    Args:
        text: `Carroll, Lewis, 1832-1898; Tenniel, John, 1820-1914 [Illustrator]`. A year may be
            missing, doubtful (`1254?-1324?`), or before our era (`751? BCE-651? BCE`).
    """
    found = []
    for each in text.split(";"):
        name, role = " ".join(each.split()), ""
        if bracket := _ROLE.search(name):
            role, name = bracket[1].strip(), name[: bracket.start()]
        birth = death = None
        years = _YEARS.search(name)
        if years and (years[1] or years[4]):
            name = name[: years.start()]
            birth = int(years[1]) if years[1] else None
            death = int(years[4]) if years[4] else None
            if death is not None and years[6]:
                death = -death
            # The era is often given once, behind both years.
            if birth is not None and (years[3] or (death is not None and death < 0)):
                birth = -birth
        name = name.strip().rstrip(",")
        if name:
            role = "" if role.lower() == "author" else role
            found.append(Person(name=name, birth=birth, death=death, role=role))
    return tuple(found)


def selects(options: GutenbergSource) -> bool:
    """Whether a recipe says which books it wants; otherwise it is all there are in its folder."""
    return bool(options.ids or options.authors or options.subjects or options.topics)


def choose_books(catalog: Iterable[CatalogBook], options: GutenbergSource) -> list[CatalogBook]:
    """The books that a recipe names: those asked for by number first, then by number.

    A book that is asked for by its number is taken in any language; what is asked for by author,
    subject or topic only in the recipe's.

    Args:
        catalog: read once, in any order.
        options: `ids`, and parts of names of `authors`, `subjects`, `topics` (subjects or
            bookshelves), of which any will do; `languages` (none: all) and `limit`.
    """
    wanted = {number: place for place, number in enumerate(options.ids)}
    chosen: dict[int, CatalogBook] = {}
    for book in catalog:
        if book.id in wanted or (matches(book, options) and in_languages(book, options.languages)):
            chosen.setdefault(book.id, book)
    books = sorted(chosen.values(), key=lambda each: (wanted.get(each.id, len(wanted)), each.id))
    return books[: options.limit] if options.limit else books


def matches(book: CatalogBook, options: GutenbergSource) -> bool:
    """Whether an author, a subject or a topic of a recipe is the book's, whatever its language."""
    return (
        any(_is_name(part, each.name) for part in options.authors for each in book.authors)
        or _any(options.subjects, book.subjects)
        or _any(options.topics, (*book.subjects, *book.shelves))
    )


def in_languages(book: CatalogBook, languages: Sequence[str]) -> bool:
    """Whether a book is in one of the languages; where the catalogue does not say, it may be."""
    return not languages or not book.languages or bool({*book.languages} & {*languages})


def _any(wanted: Iterable[str], there: Iterable[str]) -> bool:
    texts = [_plain(each) for each in there]
    return any(_plain(part) in text for part in wanted if part.strip() for text in texts)


def _is_name(part: str, name: str) -> bool:
    """Whether all words of a part stand in a name: `Jane Austen` finds `Austen, Jane`."""
    part, name = _plain(part), _plain(name)
    words = {*re.findall(r"\w+", part)}
    return bool(words) and (part in name or words <= {*re.findall(r"\w+", name)})


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
