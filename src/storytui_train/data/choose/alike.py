"""PURE. Of texts that are nearly the same, which is kept, whatever order they were found in."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

SAME = 0.6
"""Share of the shorter text's runs of words that stand in the longer one, from which the two
count as one text. Editions of one novel share 80 to 100 %, a volume and the whole 100 %, two
books of one author below 1 %."""
COMPARABLE = 0.3
"""The Jaccard index from which what the signatures say of `SAME` can be relied on."""
_NEARLY = 1.3
"""Chapters count as equally long up to this factor; then the longer book's is kept."""
_WHOLLY = 0.95
"""A book that loses so much of its words, chapter by chapter, goes as a whole."""


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """A book, or a chapter of it, as it was signed: one line of the list beside the signatures."""

    book: str
    """The id of its source."""
    title: str = ""
    """The book's."""
    chapter: int
    """From 1; 0 is the whole book."""
    words: int
    """Of this text."""
    book_words: int


class Likeness(msgspec.Struct, frozen=True, kw_only=True):
    """Why a book or a chapter goes: what is kept in its place."""

    book: str
    """The id of the book that is kept."""
    title: str = ""
    chapter: int = 0
    """Its chapter; 0: all of it."""
    share: float
    """Of the shorter text, what stands in the longer: from 0 to 1, estimated."""


class Verdict(msgspec.Struct, kw_only=True):
    """What goes of one book."""

    whole: Likeness | None = None
    chapters: dict[int, Likeness] = {}
    """Of a book that stays, the chapters that go, by their numbers from 1."""


Signature = Sequence[int]
Member = tuple[Text, Signature]


def contained(signature: Signature, other: Signature, words: int, others: int) -> float:
    """The share of the shorter text's runs of words that stand in the longer one too.

    Args:
        signature: MinHash values of one text; they equal the other's in as many places as the
            Jaccard index of the two texts says (Broder 1997).
        other: those of the other, as many.
        words: of one text.
        others: of the other.

    Returns:
        From 0 to 1; 0 where the Jaccard index is below `COMPARABLE`, as an estimate would say
        nothing then.
    """
    equal = sum(1 for a, b in zip(signature, other, strict=True) if a == b)
    jaccard = equal / len(signature)
    if jaccard < COMPARABLE:
        return 0.0
    shorter = max(min(words, others), 1)
    return min(jaccard * (words + others) / ((1 + jaccard) * shorter), 1.0)


def verdicts(
    clusters: Iterable[Sequence[Member]], keep: frozenset[str] = frozenset()
) -> dict[str, Verdict]:
    """What goes of each book, where anything does, by the books' ids in order.

    Args:
        clusters: texts that may be alike, with their signatures. Nothing goes but because of a
            text that it is nearly the same as, and that is kept.
        keep: ids of books of which nothing goes.

    Of books the longest is kept, then the one with the smaller id; a story that is a book by
    itself gives way to the collection that holds it. Of chapters, in books that are kept both,
    the longer one is kept, or of nearly equal ones the longer book's.
    """
    ordered = [sorted(each, key=lambda member: _order(member[0], keep)) for each in clusters]
    found: dict[str, Verdict] = {}
    for cluster in ordered:
        books = [member for member in cluster if not member[0].chapter]
        for text, like in _thinned(books, keep):
            found[text.book] = Verdict(whole=like)
    _books_in_chapters(found, ordered, keep)
    for cluster in ordered:
        chapters = [member for member in cluster if member[0].chapter]
        left = [member for member in chapters if not _gone(found, member[0].book)]
        for text, like in _thinned(left, keep):
            found.setdefault(text.book, Verdict()).chapters[text.chapter] = like
    _let_go(found, ordered)
    for verdict in found.values():
        if verdict.whole is None:
            verdict.chapters = dict(sorted(verdict.chapters.items()))
            continue
        verdict.chapters = {}
        verdict.whole = _kept(verdict.whole, found)
    return dict(sorted(found.items()))


def _kept(like: Likeness, found: Mapping[str, Verdict]) -> Likeness:
    """What is kept in the place of what was, which may have gone for something else since."""
    while verdict := found.get(like.book):
        further = verdict.whole or verdict.chapters.get(like.chapter)
        if further is None:
            break
        like = further
    return like


def _gone(found: Mapping[str, Verdict], book: str) -> bool:
    verdict = found.get(book)
    return verdict is not None and verdict.whole is not None


def _order(text: Text, keep: frozenset[str]) -> tuple[bool, int, int, str, int]:
    """The first in this order is kept."""
    length = round(math.log(max(text.words, 1), _NEARLY)) if text.chapter else text.words
    return text.book not in keep, -length, -text.book_words, text.book, text.chapter


def _books_in_chapters(
    found: dict[str, Verdict], clusters: Sequence[Sequence[Member]], keep: frozenset[str]
) -> None:
    """Let books go that are a chapter of a larger book, the largest book first."""
    books = [(text, its, each) for each in clusters for text, its in each if not text.chapter]
    for text, signature, cluster in sorted(books, key=lambda each: _standing(each[0], keep)):
        if text.book in keep or _gone(found, text.book):
            continue
        larger = [
            member
            for member in cluster
            if member[0].chapter
            and _standing(member[0], keep) < _standing(text, keep)
            and not _gone(found, member[0].book)
        ]
        if like := _like(text, signature, larger):
            found[text.book] = Verdict(whole=like)


def _standing(text: Text, keep: frozenset[str]) -> tuple[bool, int, str]:
    return text.book not in keep, -text.book_words, text.book


def _thinned(members: Sequence[Member], keep: frozenset[str]) -> list[tuple[Text, Likeness]]:
    """Those that go because of one before them, which is kept."""
    kept: list[Member] = []
    gone: list[tuple[Text, Likeness]] = []
    for text, signature in members:
        like = None if text.book in keep else _like(text, signature, kept)
        if like is None:
            kept.append((text, signature))
        else:
            gone.append((text, like))
    return gone


def _like(text: Text, signature: Signature, kept: Iterable[Member]) -> Likeness | None:
    """The first kept text that this one is nearly the same as, if there is one."""
    for other, its in kept:
        if other.book == text.book and (other.chapter == text.chapter or not text.chapter):
            continue  # itself, and what is in it
        share = contained(signature, its, text.words, other.words)
        if share >= SAME:
            return Likeness(
                book=other.book, title=other.title, chapter=other.chapter, share=round(share, 2)
            )
    return None


def _let_go(found: dict[str, Verdict], clusters: Sequence[Sequence[Member]]) -> None:
    """Let books go of which next to nothing is left, but for those that others went for."""
    texts = {(text.book, text.chapter): text for cluster in clusters for text, _ in cluster}
    wanted = {
        like.book
        for book, verdict in found.items()
        if verdict.whole is None
        for like in verdict.chapters.values()
        if like.book != book
    }
    for book, verdict in found.items():
        elsewhere = [like for like in verdict.chapters.values() if like.book != book]
        if verdict.whole is not None or not elsewhere or book in wanted:
            continue
        lost = [texts[book, number] for number in verdict.chapters]
        if sum(each.words for each in lost) < _WHOLLY * lost[0].book_words:
            continue
        times = Counter(like.book for like in elsewhere)
        mostly = min(times, key=lambda other: (-times[other], other))
        title = next(like.title for like in elsewhere if like.book == mostly)
        share = min(like.share for like in elsewhere)
        verdict.whole = Likeness(book=mostly, title=title, share=share)
