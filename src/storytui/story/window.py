"""Which part of the manuscript the model sees."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from storytui.story.sentences import blank_lines_separate, sentence_starts

Count = Callable[[Sequence[str]], Sequence[int]]
"""Tokens of each of several texts."""

_MARGIN = 8
"""Tokens kept free, where there is room: a text counted in parts may differ a little from the
same text counted whole."""
_LIKELY = 4
"""Characters of a token, to guess how much to count at once."""
_LONGEST = 12
"""Characters of a token at the most, on average, to know what not to count at all."""
_SMALLEST_BATCH = 500
_STYLE = 20_000
"""Characters before the cursor that tell how paragraphs are separated."""
_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Window:
    """The part of the manuscript that goes into the prompt."""

    start: int
    """The character of the manuscript at which the window begins."""
    text: str


def choose_window(before: str, budget: int, count: Count) -> Window:
    """Choose the text before the cursor that fits `budget` tokens.

    It begins at the manuscript's start where all of it fits, else at a paragraph's start; at a
    sentence's where paragraphs would leave half of the budget unused, at a word's or a
    character's where not even a sentence fits. The text is counted backwards from the cursor, so
    that what is far from it costs nothing.

    Args:
        before: the manuscript up to the cursor.
        budget: the most tokens the window may take.
        count: tokens of each of several texts. The window keeps to the budget wherever a text
            has no more tokens than its parts.
    """
    budget -= min(_MARGIN, max(0, budget) // 50)
    filling = _Filling(before, max(0, budget), count)
    filling.extend(_paragraph_starts(before))
    for finer in (sentence_starts, _word_starts, _character_starts):
        if filling.start == 0 or 2 * filling.room < budget:
            break
        near = max(0, filling.start - _LONGEST * filling.room)
        starts = [near + start for start in finer(before[near : filling.start])]
        # What was cut to begin with may be cut in the middle of a word.
        if near > 0 and finer is not _character_starts:
            starts = starts[1:]
        filling.extend(reversed(starts))
    return Window(filling.start, before[filling.start :])


class _Filling:
    """A window that grows towards the manuscript's start."""

    def __init__(self, text: str, room: int, count: Count) -> None:
        self.start = len(text)
        self.room = room
        """Tokens that are left."""
        self._text = text
        self._count = count

    def extend(self, starts: Iterator[int]) -> None:
        """Begin as early as fits, at one of `starts`, which are given from the last."""
        for batch in self._batches(starts):
            parts = [self._text[start:end] for start, end in batch]
            for (start, _), tokens in zip(batch, self._count(parts), strict=True):
                if tokens > self.room:
                    return
                self.room -= tokens
                self.start = start

    def _batches(self, starts: Iterator[int]) -> Iterator[list[tuple[int, int]]]:
        """Stretches before the window, from the last, about as many at once as may fit."""
        batch: list[tuple[int, int]] = []
        end = self.start
        for start in starts:
            if start >= end:
                continue
            if batch and self.start - start > _LONGEST * self.room:
                break
            if not batch and end - start > _LONGEST * self.room:
                return
            batch.append((start, end))
            end = start
            if self.start - start >= max(_SMALLEST_BATCH, _LIKELY * self.room):
                yield batch
                batch = []
        if batch:
            yield batch


def _paragraph_starts(text: str) -> Iterator[int]:
    """Where paragraphs begin, from the last."""
    by_blank_lines = blank_lines_separate(text[-_STYLE:])
    start = len(text)
    filled = False
    while start > 0:
        end = start - 1 if start < len(text) or text.endswith("\n") else start
        line_start = text.rfind("\n", 0, end) + 1
        empty = not text[line_start:end].strip()
        if filled and (empty or not by_blank_lines):
            yield start
            filled = False
        filled = filled or not empty
        start = line_start
    yield 0


def _word_starts(text: str) -> list[int]:
    return [found.start() for found in _WORD.finditer(text)]


def _character_starts(text: str) -> list[int]:
    return list(range(len(text)))
