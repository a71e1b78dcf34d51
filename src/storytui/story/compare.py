"""What differs between two texts, by words.

First whole lines are matched, then the words, spaces and signs of the lines that differ.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import Literal, NamedTuple

from storytui.story.matching import Block, Effort, matching_blocks
from storytui.story.words import count_words

Kind = Literal["equal", "removed", "added"]

_LONG_STRETCH = 20_000
"""Characters of both texts that differ in one stretch, beyond which its sentences are matched
before its words are."""
_LONGEST_STRETCH = 1_000_000
"""The same, beyond which it stays whole."""
_FEW_WORDS = 3
"""As many words that happen to be the same inside a rewritten sentence are no island."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text: in both texts, only in the one before, or only in the one after."""

    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """One place where the texts differ: `removed` became `added`; one of them may be empty."""

    before_start: int
    """Where it begins in the text before, in characters."""
    after_start: int
    """Where it begins in the text after, in characters."""
    removed: str
    added: str

    @property
    def before_end(self) -> int:
        """Where it ends in the text before."""
        return self.before_start + len(self.removed)

    @property
    def after_end(self) -> int:
        """Where it ends in the text after."""
        return self.after_start + len(self.added)


@dataclass(frozen=True, slots=True)
class Summary:
    """How much differs."""

    changes: int
    words_removed: int
    words_added: int


def compare(before: str, after: str) -> list[Piece]:
    """Say what became of `before` in `after`.

    The texts of the pieces that are equal or removed make `before`, of those that are equal or
    added `after`, character for character. No piece is empty, no two neighbours are of one kind,
    and where something was replaced the removed piece stands before the added one. Line breaks
    are `\\n`; every other character is text.
    """
    pieces: list[Piece] = []
    place = 0
    for span in _joined(before, _differences(before, after)):
        pieces.append(Piece("equal", before[place : span.before_start]))
        pieces.append(Piece("removed", before[span.before_start : span.before_end]))
        pieces.append(Piece("added", after[span.after_start : span.after_end]))
        place = span.before_end
    pieces.append(Piece("equal", before[place:]))
    return [each for each in pieces if each.text]


def changes(pieces: Sequence[Piece]) -> list[Change]:
    """The places where the texts differ, in their order.

    Args:
        pieces: from `compare`.
    """
    found: list[Change] = []
    before = after = 0
    removed = ""
    for at, piece in enumerate(pieces):
        if piece.kind == "equal":
            before += len(piece.text)
            after += len(piece.text)
        elif piece.kind == "removed":
            removed = piece.text
            if at + 1 == len(pieces) or pieces[at + 1].kind != "added":
                found.append(Change(before, after, removed, ""))
                before += len(removed)
                removed = ""
        else:
            found.append(Change(before, after, removed, piece.text))
            before += len(removed)
            after += len(piece.text)
            removed = ""
    return found


def restore(after: str, change: Change) -> str:
    """`after` with one change taken back, so that this passage reads as it did before.

    Args:
        after: the text that the comparison was made with.
        change: one of its changes.

    Raises:
        ValueError: the text has changed since, and the passage is not where it was.
    """
    if after[change.after_start : change.after_end] != change.added:
        raise ValueError("The text has changed since the comparison; compare again.")
    return after[: change.after_start] + change.removed + after[change.after_end :]


def summary(pieces: Sequence[Piece]) -> Summary:
    """How many places differ, and how many words went and came.

    Args:
        pieces: from `compare`.
    """
    return Summary(
        len(changes(pieces)),
        sum(count_words(each.text) for each in pieces if each.kind == "removed"),
        sum(count_words(each.text) for each in pieces if each.kind == "added"),
    )


class _Span(NamedTuple):
    """Where the texts differ, in characters."""

    before_start: int
    before_end: int
    after_start: int
    after_end: int


_Divide = Callable[[str], list[str]]
"""Cuts a text into parts that make it again when they are joined."""


def _differences(before: str, after: str) -> Iterator[_Span]:
    """Where the texts differ: by lines, in long ones by sentences, and then by words."""
    effort = Effort()
    for lines in _spans(before, after, _lines, effort):
        for part in _inside(before, after, lines, _sentences, effort, at_least=_LONG_STRETCH):
            if _length(part) > _LONGEST_STRETCH:
                yield part
            else:
                yield from _inside(before, after, part, _words, effort)


def _inside(
    before: str, after: str, span: _Span, divide: _Divide, effort: Effort, *, at_least: int = 0
) -> Iterator[_Span]:
    """Where the texts differ inside a span, by finer parts; the span itself if it is short."""
    one = before[span.before_start : span.before_end]
    other = after[span.after_start : span.after_end]
    if not one or not other or _length(span) < at_least:
        yield span
        return
    for part in _spans(one, other, divide, effort):
        yield _Span(
            span.before_start + part.before_start,
            span.before_start + part.before_end,
            span.after_start + part.after_start,
            span.after_start + part.after_end,
        )


def _length(span: _Span) -> int:
    return span.before_end - span.before_start + span.after_end - span.after_start


def _lines(text: str) -> list[str]:
    """The lines with their breaks; only `\\n` breaks a line."""
    *lines, last = text.split("\n")
    return [line + "\n" for line in lines] + ([last] if last else [])


def _sentences(text: str) -> list[str]:
    """Roughly: up to each full stop, question mark or line break, and so mostly not repeated."""
    return re.findall(r"[^.?!\n]*[.?!\n]|[^.?!\n]+", text)


@cache
def _word_pattern() -> re.Pattern[str]:
    """A word with its apostrophes, hyphens and marks; a run of blanks; a line break; a sign."""
    # Marks over letters are neither letters nor blanks to Python; they stay with their letter.
    mark = "[^\\w\\s\x00-\u02ff\u2010-\u2bff\u3000-\u303f\ud800-\udfff]"
    letter = f"(?:\\w|{mark})"
    # Without blanks between words, each sign is compared for itself.
    sign = "[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
    return re.compile(f"{sign}{mark}*|(?:(?!{sign}){letter})+(?:['’-]{letter}+)*|\n|[^\\S\n]+|.")


def _words(text: str) -> list[str]:
    return _word_pattern().findall(text)


def _spans(before: str, after: str, divide: _Divide, effort: Effort) -> Iterator[_Span]:
    """Where two texts differ, by the parts that `divide` makes of them."""
    one, other = divide(before), divide(after)
    before_at = list(accumulate(map(len, one), initial=0))
    after_at = list(accumulate(map(len, other), initial=0))
    end = Block(len(one), len(other), 0)
    at = other_at = 0
    for block in [*matching_blocks(one, other, effort), end]:
        if block.before > at or block.after > other_at:
            yield _Span(
                before_at[at],
                before_at[block.before],
                after_at[other_at],
                after_at[block.after],
            )
        at, other_at = block.before + block.length, block.after + block.length


def _joined(before: str, spans: Iterator[_Span]) -> list[_Span]:
    """The same differences, where what lies between two is worth reading by itself.

    Two sentences that have nothing but “the” in common are one change, not two.
    """
    joined: list[_Span] = []
    for span in spans:
        joined.append(span)
        while len(joined) > 1 and _belong_together(before, joined[-2], joined[-1]):
            second, first = joined.pop(), joined.pop()
            joined.append(
                _Span(first.before_start, second.before_end, first.after_start, second.after_end)
            )
    return joined


def _belong_together(before: str, first: _Span, second: _Span) -> bool:
    length = second.before_start - first.before_end
    if length == 0:
        return True
    shorter = min(
        max(each.before_end - each.before_start, each.after_end - each.after_start)
        for each in (first, second)
    )
    # Words are short; this spares looking at the chapters that lie between most changes.
    if length > max(shorter, 8):
        return False
    between = before[first.before_end : second.before_start]
    if "\n" in between:
        return False
    words = sum(each[0].isalnum() for each in _words(between))
    return words == 0 or (words <= _FEW_WORDS and length <= shorter)
