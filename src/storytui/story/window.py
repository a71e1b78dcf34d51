"""Which part of the manuscript the model sees."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from storytui.story.sentences import sentence_spans

Count = Callable[[Sequence[str]], Sequence[int]]

_MARGIN = 8
"""Tokens kept free: a text counted in pieces and the same text whole may differ by a few."""
_MARGIN_SHARE = 0.01
_FIRST_BATCH = 4_000
"""Characters counted in the first call; each further call counts twice as many."""
_LONGEST = 64
"""Characters a token may stand for at the most, to leave what cannot fit uncounted."""


@dataclass(frozen=True, slots=True)
class Window:
    """The part of the manuscript that goes into the prompt."""

    start: int
    """The character of the manuscript at which the window begins."""
    text: str


def choose_window(before: str, budget: int, count: Count) -> Window:
    """Choose the text before the cursor that fits `budget` tokens.

    From the manuscript's start where all of it fits, else from a paragraph's start; from a
    sentence's or a word's start where even the last paragraph is too long.

    Args:
        before: the manuscript up to the cursor.
        budget: the most tokens the window may take.
        count: tokens of each of several texts.
    """
    room = budget - _MARGIN - int(budget * _MARGIN_SHARE)
    start = _fill(before, _paragraph_starts(before), room, count)
    if start == len(before):
        # At least one token a word: what is further away cannot fit.
        near = max(0, len(before) - max(0, room) * _LONGEST)
        starts = [near + a for a, _ in sentence_spans(before[near:])]
        start = _fill(before, reversed(starts), room, count)
    if start == len(before):
        near = max(0, len(before) - max(0, room) * _LONGEST)
        starts = [near + match.start() for match in re.finditer(r"\S+", before[near:])]
        start = _fill(before, reversed(starts), room, count)
    return Window(start, before[start:])


def _paragraph_starts(text: str) -> Iterator[int]:
    """Where paragraphs begin, the last one first."""
    separator = "\n\n" if "\n\n" in text.strip() else "\n"
    end = len(text)
    while end > 0:
        found = text.rfind(separator, 0, end)
        start = found + len(separator) if found >= 0 else 0
        # The last of several line breaks is the one before the paragraph.
        if text[start:end].strip():
            yield start
        end = found if found >= 0 else 0


def _fill(text: str, starts: Iterator[int], room: int, count: Count) -> int:
    """The earliest of `starts` (given from the last) from which the text fits; its end if none."""
    chosen = end = len(text)
    batch_size = _FIRST_BATCH
    exhausted = False
    while not exhausted:
        batch: list[tuple[int, str]] = []
        size = 0
        exhausted = True
        for start in starts:
            piece = text[start:end]
            if len(piece) > max(0, room) * _LONGEST:
                break
            batch.append((start, piece))
            end = start
            size += len(piece)
            if size >= batch_size:
                exhausted = False
                break
        for (start, _), tokens in zip(batch, count([piece for _, piece in batch]), strict=True):
            room -= tokens
            if room < 0:
                return chosen
            chosen = start
        batch_size *= 2
    return chosen
