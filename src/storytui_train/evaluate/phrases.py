"""PURE. Phrases that a model writes too often: those of all language models, and its own."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib import resources

import msgspec

from storytui_train.data.teacher.checks import words_of

LIST = "phrases.txt"
ANY_WORD = "*"
SIZES = (3, 4, 5)
"""Words of a phrase of a model's own."""
FEWEST_TAKES = 3
"""Takes that have it; once or twice is chance."""
FEWEST_BOOKS = 2
"""Books that it goes on in such a phrase; within one it may be the story's."""
TIMES = 5.0
"""How many times as often as in the books it is written, at the least."""
MOST = 40
"""Phrases of a model that are told."""

_ENDS = re.compile(r"[.!?…;:“”\"«»\n]+")

Pattern = tuple[str, ...]


class Overused(msgspec.Struct, frozen=True, kw_only=True):
    """A phrase that a model writes more often than the books do."""

    phrase: str
    count: int
    """In how many of its takes."""
    rate: float
    """Times in 1,000 words of its takes."""
    book_rate: float
    """Times in 1,000 words of the books."""


@cache
def stock_phrases() -> Mapping[str, tuple[Pattern, ...]]:
    """The phrases of the list, by their first word."""
    text = resources.files(__package__).joinpath(LIST).read_text(encoding="utf-8")
    found: dict[str, list[Pattern]] = defaultdict(list)
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            words = _pattern(line)
            found[words[0]].append(words)
    return {first: tuple(patterns) for first, patterns in found.items()}


def stock(text: str) -> list[str]:
    """The stock phrases in a text, in order, each as often as it stands there.

    Where one begins within another, both count once.
    """
    phrases, words = stock_phrases(), words_of(text)
    found = []
    for at, word in enumerate(words):
        for pattern in phrases.get(word, ()):
            there = words[at : at + len(pattern)]
            if len(there) == len(pattern) and all(
                wanted in (ANY_WORD, word) for wanted, word in zip(pattern, there, strict=True)
            ):
                found.append(" ".join(there))
    return found


def stock_rate(text: str) -> float | None:
    """Stock phrases in 1,000 words; None for a text without words."""
    words = len(words_of(text))
    return 1000 * len(stock(text)) / words if words else None


def overused(takes: Iterable[tuple[str, str]], books: Sequence[str]) -> list[Overused]:
    """The phrases that come again from take to take, and are rarer in the books.

    Args:
        takes: the book that each goes on in, and its text.
        books: texts of those books, contexts and continuations.

    Returns:
        The commonest first; of a phrase and a part of it that is in the same takes only the longer.
    """
    written: dict[Pattern, set[int]] = defaultdict(set)
    of_books: dict[Pattern, set[str]] = defaultdict(set)
    times: Counter[Pattern] = Counter()
    words = 0
    for number, (book, text) in enumerate(takes):
        words += len(words_of(text))
        for run in _runs(text):
            written[run].add(number)
            of_books[run].add(book)
            times[run] += 1
    common = {
        run
        for run, numbers in written.items()
        if len(numbers) >= FEWEST_TAKES and len(of_books[run]) >= FEWEST_BOOKS
    }
    in_books: Counter[Pattern] = Counter()
    book_words = 0
    for text in books:
        book_words += len(words_of(text))
        in_books.update(run for run in _runs(text) if run in common)
    kept: list[Overused] = []
    taken: list[tuple[str, frozenset[int]]] = []
    order = sorted(common, key=lambda run: (-len(written[run]), -len(run), run))
    for run in order:
        rate = 1000 * times[run] / words
        # One more than there are: what the books lack they may only lack by chance.
        likely = 1000 * (in_books[run] + 1) / max(book_words, 1)
        phrase, where = " ".join(run), frozenset(written[run])
        within = any(f" {phrase} " in f" {longer} " and where == at for longer, at in taken)
        if rate < TIMES * likely or within:
            continue
        taken.append((phrase, where))
        book_rate = 1000 * in_books[run] / max(book_words, 1)
        kept.append(Overused(phrase=phrase, count=len(where), rate=rate, book_rate=book_rate))
    return kept[:MOST]


def rate_of(text: str, phrases: Sequence[Overused]) -> float | None:
    """How often some phrases stand in a text, in 1,000 words; None for one without words."""
    words = len(words_of(text))
    if not words:
        return None
    # Two in a row share the blank between them.
    spaced = f" {' | '.join('  '.join(each) for each in _sentences(text))} "
    times = sum(spaced.count(f" {each.phrase.replace(' ', '  ')} ") for each in phrases)
    return 1000 * times / words


def _pattern(line: str) -> Pattern:
    # `words_of` knows no star.
    return tuple(
        each if each == ANY_WORD else words_of(each)[0] for each in re.findall(r"\S+", line)
    )


def _sentences(text: str) -> list[list[str]]:
    """The words of each sentence: a phrase does not reach over its end."""
    return [words_of(each) for each in _ENDS.split(text)]


def _runs(text: str) -> Iterator[Pattern]:
    for words in _sentences(text):
        for size in SIZES:
            for at in range(len(words) - size + 1):
                yield tuple(words[at : at + size])
