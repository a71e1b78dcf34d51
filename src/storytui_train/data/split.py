"""PURE. Which rows train, which validate, which test: decided before anybody looks at a row.

Whole authors are held out; of a single author whole books; of a single book whole chapters that
follow each other, with a gap between the splits. So what is tested was written by somebody, or
in a book, or in a part of it, that was not trained on. Where a book has no chapters to go by, its
places stand for them: stretches of the text, counted from its beginning.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import Literal, Protocol

import msgspec

from storytui_train.data.documents import Source
from storytui_train.data.examples import Row, Split
from storytui_train.data.shares import nearest_stretches, nearest_subset
from storytui_train.errors import RecipeError
from storytui_train.recipe import SplitOptions

By = Literal["author", "book", "chapter", "place"]
HELD: tuple[Split, ...] = ("test", "validation")
"""In the order in which units are given to them."""

PLACE = 12_000
"""Characters of a stretch that stands for a chapter: some two thousand words."""

_NOBODY = re.compile(
    r"(?:anon(?:ymous|ymus|yme|ym)?|unknown|various|unbekannt|author unknown|unknown author|"
    r"n ?a|none)?"
)


class BookCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows a book has, and who wrote it."""

    source: str
    """The source's id."""
    title: str = ""
    authors: tuple[str, ...] = ()
    """As the catalogue has them, for people."""
    keys: tuple[str, ...] = ()
    """What an author is known by, one for each; empty: nobody knows, or it is nobody else's."""
    chapters: dict[int, int] = {}
    """Rows by the chapter's number, or the place's."""

    @property
    def rows(self) -> int:
        """All of its rows."""
        return sum(self.chapters.values())


class SplitReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was held out, for `report.json`."""

    by: By
    units: dict[str, list[str]]
    """By split: the names of its authors, its books, or its chapters; `gap`: of none."""
    rows: dict[str, int]
    """By split; `gap`: rows that belong to none."""
    sentence: str
    """For people."""


class SplitPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Which split each row belongs to."""

    by: By
    books: dict[str, dict[int, Split]]
    """By source and chapter; a chapter that is not there belongs to no split."""
    report: SplitReport

    def of(self, row: Row) -> Split | None:
        """The row's split; None where it stands in a gap between splits.

        Raises:
            KeyError: the plan was made without the row's source.
        """
        return self.books[row.source.id].get(unit_of(row, self.by))


class Placed(Protocol):
    """What of a row says where in its book it stands."""

    @property
    def chapter_number(self) -> int:
        """From 1."""

    @property
    def span(self) -> tuple[int, int]:
        """In characters."""


def unit_of(row: Placed, by: By) -> int:
    """The number of the part of its book that a row belongs to: of its chapter or its place."""
    return 1 + row.span[0] // PLACE if by == "place" else row.chapter_number


def author_keys(source: Source) -> tuple[str, ...]:
    """What a source's authors are known by: their names' letters, and the first one's birth.

    Anonymous and unknown authors have none: each of their books stands for itself.
    """
    names = source.authors or ((source.author,) if source.author else ())
    keys: list[str] = []
    for name in dict.fromkeys(names):
        words = _words_of(name)
        if _NOBODY.fullmatch(" ".join(words)):
            continue
        # `Austen, Jane` and `Jane Austen` are one person.
        key = " ".join(sorted(words))
        first = name == names[0] or name == source.author
        keys.append(f"{key} {source.birth}" if first and source.birth else key)
    return tuple(keys)


def count_books(rows: Iterable[Row], by: By = "chapter") -> list[BookCount]:
    """Count rows by book and chapter (or place), in the order of the sources' ids."""
    sources: dict[str, Source] = {}
    counts: dict[str, dict[int, int]] = {}
    for row in rows:
        sources.setdefault(row.source.id, row.source)
        chapters = counts.setdefault(row.source.id, {})
        unit = unit_of(row, by)
        chapters[unit] = chapters.get(unit, 0) + 1
    return [
        BookCount(
            source=identity,
            title=sources[identity].title,
            authors=sources[identity].authors or ((sources[identity].author or "anonymous"),),
            keys=author_keys(sources[identity]),
            chapters=dict(sorted(counts[identity].items())),
        )
        for identity in sorted(sources)
    ]


def plan_splits(books: Sequence[BookCount], options: SplitOptions, seed: int) -> SplitPlan:
    """Decide which rows train, validate and test.

    Shares are kept as nearly as whole units allow, but whatever is asked for gets at least one
    unit as long as one is left to train on.

    Args:
        books: all that have rows, in any order.
        options: by what, the shares, and the authors held out by name.
        seed: of the whole recipe.

    Raises:
        RecipeError: an author held out by name wrote none of the books, is held out twice, or
            nothing would be left to train on.
    """
    books = sorted(books, key=lambda book: book.source)
    groups = _by_author(books)
    by: By
    if options.by != "auto":
        by = options.by
    elif len(groups) != 1:
        by = "author"
    else:
        by = "book" if len(books) > 1 else "chapter"
    named = {
        "test": _named(options.test_authors, books),
        "validation": _named(options.validation_authors, books),
    }
    if by in ("chapter", "place"):
        if named["test"] or named["validation"]:
            raise RecipeError(
                f"Authors cannot be held out where books are split by {by}. "
                'Set by = "author" in the recipe\'s split section, or name no authors there.'
            )
        return _by_chapters(books, options, by)
    units = groups if by == "author" else [[book] for book in books]
    chosen = _chosen(units, options, named, seed)
    return _plan_of_units(units, chosen, by)


def _words_of(name: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", name)
    plain = "".join(each for each in plain if not unicodedata.combining(each)).casefold()
    return re.findall(r"\w+", re.sub(r"\([^)]*\)", " ", plain))


def _by_author(books: Sequence[BookCount]) -> list[list[BookCount]]:
    """Books that share an author, by however many others, together."""
    parent = {book.source: book.source for book in books}

    def root(source: str) -> str:
        while parent[source] != source:
            parent[source] = parent[parent[source]]
            source = parent[source]
        return source

    first: dict[str, str] = {}
    for book in books:
        for key in book.keys:
            other = first.setdefault(key, book.source)
            low, high = sorted((root(other), root(book.source)))
            parent[high] = low
    groups: dict[str, list[BookCount]] = {}
    for book in books:
        groups.setdefault(root(book.source), []).append(book)
    return list(groups.values())


def _named(names: Sequence[str], books: Sequence[BookCount]) -> set[str]:
    """The books of authors that the recipe names: all words of one in the author's name.

    Raises:
        RecipeError: nobody has that name.
    """
    found: set[str] = set()
    for name in names:
        words = set(_words_of(name))
        theirs = {
            book.source
            for book in books
            if words and any(words <= set(_words_of(author)) for author in book.authors)
        }
        if not theirs:
            raise RecipeError(
                f"The author {name}, whom the recipe holds out, wrote none of the books that "
                "have rows. Correct the name in the split section, or take it out."
            )
        found |= theirs
    return found


def _chosen(
    units: Sequence[Sequence[BookCount]],
    options: SplitOptions,
    named: Mapping[str, set[str]],
    seed: int,
) -> dict[int, Split]:
    """Which units are held out, by their place."""
    chosen: dict[int, Split] = {}
    for split in HELD:
        for place, unit in enumerate(units):
            if any(book.source in named[split] for book in unit):
                if chosen.get(place, split) != split:
                    names = ", ".join(sorted(_authors(unit)))
                    raise RecipeError(
                        f"The books of {names} are held out both for validation and for test. "
                        "Name them once in the recipe's split section."
                    )
                chosen[place] = split
    sizes = [sum(book.rows for book in unit) for unit in units]
    order = [place for place in range(len(units)) if place not in chosen]
    Random(f"{seed}:split").shuffle(order)
    shares = {"test": options.test, "validation": options.validation}
    for split in HELD:
        if named[split] or shares[split] <= 0 or len(order) < 2:
            continue
        wanted = round(shares[split] * sum(sizes))
        taken = nearest_subset([sizes[place] for place in order], wanted)
        for place in taken:
            chosen[order[place]] = split
        order = [each for place, each in enumerate(order) if place not in set(taken)]
    if units and not order:
        raise RecipeError(
            "Every author is held out, and nothing is left to train on. "
            "Name fewer authors in the recipe's split section, or add books."
        )
    return chosen


def _authors(unit: Iterable[BookCount]) -> set[str]:
    return {author for book in unit for author in book.authors}


def _plan_of_units(
    units: Sequence[Sequence[BookCount]], chosen: Mapping[int, Split], by: By
) -> SplitPlan:
    plan: dict[str, dict[int, Split]] = {}
    names: dict[str, list[str]] = {"train": [], "validation": [], "test": []}
    rows = dict.fromkeys(names, 0)
    for place, unit in enumerate(units):
        split = chosen.get(place, "train")
        if by == "author":
            names[split] += sorted(_authors(unit))
        for book in unit:
            plan[book.source] = dict.fromkeys(book.chapters, split)
            rows[split] += book.rows
            if by == "book":
                names[split].append(book.title or book.source)
    names = {split: sorted(each) for split, each in names.items()}
    sentence = _sentence(f"by {by}", names, rows, by)
    report = SplitReport(by=by, units=names, rows=rows, sentence=sentence)
    return SplitPlan(by=by, books=plan, report=report)


def _by_chapters(books: Sequence[BookCount], options: SplitOptions, by: By) -> SplitPlan:
    plan: dict[str, dict[int, Split]] = {}
    names: dict[str, list[str]] = {"train": [], "validation": [], "test": [], "gap": []}
    rows = dict.fromkeys(names, 0)
    for book in books:
        plan[book.source] = split_chapters(book.chapters, options)
        for number, count in book.chapters.items():
            split = plan[book.source].get(number) or "gap"
            rows[split] += count
            title = f"{book.title or book.source}, " if len(books) > 1 else ""
            names[split].append(f"{title}{by} {number}")
    how = f"by {by}, since all rows come from one book"
    if len(books) > 1:
        how = f"by {by} within each book"
    sentence = _sentence(how, names, rows, by)
    report = SplitReport(by=by, units=names, rows=rows, sentence=sentence)
    return SplitPlan(by=by, books=plan, report=report)


def split_chapters(chapters: Mapping[int, int], options: SplitOptions) -> dict[int, Split]:
    """Give a book's chapters to the splits: first train, then validation, then test.

    Args:
        chapters: rows by the chapter's number.
        options: the shares, and how many chapters stand between two splits.

    Returns:
        By number; chapters in a gap are missing. A split that has no room gets none, and
        validation goes before test does.
    """
    if not chapters:
        return {}
    first, last = min(chapters), max(chapters)
    counts = [chapters.get(number, 0) for number in range(first, last + 1)]
    before = [0]
    for count in counts:
        before.append(before[-1] + count)
    shares: list[tuple[Split, float]] = [
        ("validation", options.validation),
        ("test", options.test),
    ]
    held = [(split, share) for split, share in shares if share > 0]
    while held:
        found = nearest_stretches(
            before, [share for _, share in held], max(0, options.gap_chapters)
        )
        if found is not None:
            result: dict[int, Split] = {}
            names: list[Split] = ["train", *(split for split, _ in held)]
            for (low, high), split in zip(found, names, strict=True):
                result.update(dict.fromkeys(range(first + low, first + high), split))
            return {number: split for number, split in result.items() if number in chapters}
        held = held[1:]
    return dict.fromkeys(chapters, "train")


def _sentence(how: str, names: Mapping[str, Sequence[str]], rows: Mapping[str, int], by: By) -> str:
    parts = []
    for split, does in (("train", "to train"), ("validation", "to validate"), ("test", "to test")):
        units = len(names[split])
        if units:
            parts.append(f"{units:,} {by}{'' if units == 1 else 's'} ({rows[split]:,} rows) {does}")
    text = f"Split {how}: {'; '.join(parts)}."
    if rows.get("gap"):
        text += f" The {rows['gap']:,} rows of the {by}s between them belong to none."
    missing = [split for split in ("validation", "test") if not names[split]]
    if missing:
        text += f" Nothing is held out for {' or '.join(missing)}."
    return text
