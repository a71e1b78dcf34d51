"""PURE. What became of a book: rows, cuts, reasons and coverage, for the report."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from storytui.story.words import count_words
from storytui_train.data.chunk import CutBook, CutChapter

PLAIN = "sentence's end"
"""The name of rows that were not cut on purpose."""
_SUMS = (
    *("chapters", "sentences", "words", "rows", "continuation_words", "continuation_sentences"),
    *("context_sentences", "explained", "sentences_in_continuations", "sentences_in_rows"),
)
_TABLES = ("skipped", "cuts", "starts", "why")


class BookFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How a book was cut; of several books together, their sums."""

    id: str
    """The source's; of sums: `all`."""
    title: str = ""
    author: str = ""
    chapters: int = 0
    skipped: dict[str, int] = {}
    """Chapters without a row, by reason: `verse`, `play`, `short`, `no place for a cut`."""
    sentences: int = 0
    """Of the chapters that were read: those of other kinds are not."""
    words: int = 0
    """Of those chapters."""
    rows: int = 0
    continuation_words: int = 0
    continuation_sentences: int = 0
    context_sentences: int = 0
    cuts: dict[str, int] = {}
    """Rows by how they were cut."""
    starts: dict[str, int] = {}
    """Rows by what their continuation begins with."""
    explained: int = 0
    """Rows that have fewer or more sentences than asked."""
    why: dict[str, int] = {}
    """Those rows by reason; one may have two."""
    sentences_in_continuations: int = 0
    """Different ones."""
    sentences_in_rows: int = 0

    @property
    def coverage(self) -> tuple[float, float]:
        """The shares of the sentences that are in some continuation, and in some row."""
        return (
            self.sentences_in_continuations / max(1, self.sentences),
            self.sentences_in_rows / max(1, self.sentences),
        )


def figures_of(book: CutBook) -> BookFigures:
    """Count what a cut book's rows are, without making them."""
    text, source = book.document.cleaned.text, book.document.source
    read = [each for each in book.chapters if len(each.passage)]
    plans = [plan for each in book.chapters for plan in each.plans]
    words = sum(
        count_words(text[plan.at : each.passage.ends[plan.end - 1]])
        for each in book.chapters
        for plan in each.plans
    )
    return BookFigures(
        id=source.id,
        title=source.title,
        author=source.author,
        chapters=len(book.chapters),
        skipped=_counted(each.skipped for each in book.chapters if each.skipped),
        sentences=sum(len(each.passage) for each in read),
        words=sum(count_words(text[each.chapter.start : each.chapter.end]) for each in read),
        rows=len(plans),
        continuation_words=words,
        continuation_sentences=sum(plan.sentences[1] for plan in plans),
        context_sentences=sum(plan.sentences[0] for plan in plans),
        cuts=_counted(plan.kind or PLAIN for plan in plans),
        starts=_counted(plan.starts for plan in plans),
        explained=sum(bool(plan.why) for plan in plans),
        why=_counted(reason for plan in plans for reason in plan.why),
        sentences_in_continuations=sum(_covered(each, whole=False) for each in read),
        sentences_in_rows=sum(_covered(each, whole=True) for each in read),
    )


def summed(books: Sequence[BookFigures]) -> BookFigures:
    """The figures of all books together."""
    values: dict[str, object] = {"id": "all"}
    for name in _SUMS:
        values[name] = sum(getattr(book, name) for book in books)
    for name in _TABLES:
        tables: list[Mapping[str, int]] = [getattr(book, name) for book in books]
        names = Counter[str]()
        for table in tables:
            names.update(table)
        values[name] = dict(sorted(names.items()))
    return msgspec.convert(values, BookFigures)


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))


def _covered(chapter: CutChapter, *, whole: bool) -> int:
    """How many sentences are in some continuation; `whole`: in some row."""
    covered: set[int] = set()
    for plan in chapter.plans:
        covered.update(range(plan.start if whole else plan.cut, plan.end))
    return len(covered)
