"""Which part of the manuscript the model sees.

The window's start stays where it is while the text from it to the cursor fits, so that what the
model has read stays read. When it must move it moves far: at least a quarter of the budget is
dropped at once, and then nothing for a long while.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from storytui.story.boundaries import (
    begins_chapter,
    begins_scene,
    paragraph_starts,
    separated_by_blank_lines,
)
from storytui.story.sentences import sentence_starts
from storytui.story.starts import REMEMBERED, Start, find_start, start_at

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
_PIECE = re.compile(r"(?s).{999,1499}?\S(?=\s)|.{1500}")
"""What is counted at once of a long paragraph: cut from its beginning on, so that what is written
at its end changes the last piece only."""
_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Window:
    """The part of the manuscript that goes into the prompt."""

    start: int
    """The character of the manuscript at which the window begins."""
    text: str
    mark: Start
    """What is to be remembered, so that the next window begins there too."""
    remembered: Start | None = None
    """The remembered start that this one is; None where the start is a new one."""


def choose_window(
    text: str, budget: int, count: Count, starts: Sequence[Start] = (), *, end: int | None = None
) -> Window:
    """Choose the text before the cursor that the model sees, of at most `budget` tokens.

    It begins at a remembered start from which the text fits and fills at least half of the budget;
    of several, at the one used last. Else it begins at the manuscript's start where all of it
    fits, else at a new one that fills half to three quarters of the budget: a chapter's, a scene's
    or a paragraph's; a sentence's where paragraphs are too long for that, a word's or a
    character's where sentences are. The text is counted backwards from the cursor by paragraphs,
    so that what is far from it costs nothing, and what did not change is counted once.

    Args:
        text: the manuscript; with `end` None, up to the cursor.
        budget: the most tokens the window may take.
        count: tokens of each of several texts. The window keeps to the budget wherever a text
            has no more tokens than its parts.
        starts: where earlier windows began, the one used last at the end.
        end: the cursor, in characters.
    """
    end = len(text) if end is None else end
    budget = max(0, budget)
    budget -= min(_MARGIN, budget // 50)
    filling = _Filling(text, end, budget, count)
    paragraphs = paragraph_starts(text, end)
    found = _remembered(text, end, filling, paragraphs, starts)
    if found is not None:
        place, remembered = found
    else:
        place, remembered = _new_start(text, end, filling, paragraphs), None
    return Window(place, text[place:end], start_at(text, place), remembered)


def shortest_cut(text: str, budget: int, count: Count) -> int:
    """Where a text is to begin, so that it keeps to `budget` tokens and loses the least.

    It begins with a paragraph as a window does; within one, at a sentence, a word or a character,
    where whole paragraphs would fill less than half of the budget.

    Args:
        text: loses nothing at its end.
        budget: the most tokens it may take.
        count: tokens of each of several texts.
    """
    filling = _Filling(text, len(text), max(0, budget), count)
    if filling.tokens_from(0, paragraph_starts(text, len(text))) is not None:
        return 0
    return _finer_start(filling, filling.counted[-1][0], filling.budget)


def text_at_the_end(text: str, end: int) -> str:
    """The growing end of the last paragraph of `text[:end]`: what `choose_window` counts first."""
    start = next((place for place in paragraph_starts(text, end) if place < end), end)
    return _pieces(text[start:end])[-1]


def _remembered(
    text: str, end: int, filling: "_Filling", paragraphs: Iterator[int], starts: Sequence[Start]
) -> tuple[int, Start] | None:
    """The remembered start that is used, and where it is now."""
    low = max(0, end - _LONGEST * filling.budget)
    for start in reversed(starts):
        place = find_start(text, start, low, end + REMEMBERED)
        if place is None or place >= end:
            continue
        tokens = filling.tokens_from(place, paragraphs)
        if tokens is not None and (place == 0 or 2 * tokens >= filling.budget):
            return place, start
    return None


def _new_start(text: str, end: int, filling: "_Filling", paragraphs: Iterator[int]) -> int:
    """Where to begin when no remembered start will do."""
    if filling.tokens_from(0, paragraphs) is not None:
        return 0
    most = 3 * filling.budget // 4
    places = [place for place, tokens in filling.counted if tokens <= most]
    enough = [
        place for place, tokens in filling.counted if filling.budget <= 2 * tokens <= 2 * most
    ]
    if enough:
        by_blank_lines = separated_by_blank_lines(text, end)
        # From the fullest window on.
        for begins in (
            lambda place: begins_chapter(text, place),
            lambda place: begins_scene(text, place, by_blank_lines=by_blank_lines),
        ):
            place = next(filter(begins, reversed(enough)), None)
            if place is not None:
                return place
        return enough[-1]
    return _finer_start(filling, places[-1], most)


def _finer_start(coarse: "_Filling", start: int, most: int) -> int:
    """A start in front of `start`, in a paragraph that is too long to be taken whole."""
    text, budget = coarse.text, coarse.budget
    used = dict(coarse.counted)[start]
    for finer in (sentence_starts, _word_starts, _character_starts):
        if 2 * used >= budget:
            break
        room = most - used
        near = max(0, start - _LONGEST * room)
        places = [near + place for place in finer(text[near:start])]
        # What was cut to begin with may be cut in the middle of a word.
        if near > 0 and finer is not _character_starts:
            places = places[1:]
        filling = _Filling(text, start, room, coarse.count)
        filling.reach(0, reversed(places))
        start, tokens = filling.counted[-1]
        used += tokens
    return start


class _Filling:
    """A stretch that grows from its end towards the manuscript's start, counted piece by piece."""

    def __init__(self, text: str, end: int, budget: int, count: Count) -> None:
        self.text = text
        self.budget = budget
        self._count = count
        self.counted = [(end, 0)]
        """Where pieces begin, from the last, and the tokens from there to the end; all fit."""
        self._refused = -1
        """Where the piece begins that did not fit any more; -1 while there is none."""

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, long ones piece by piece."""
        pieces = [_pieces(text) for text in texts]
        counts = iter(self._count([piece for each in pieces for piece in each]))
        return [sum(next(counts) for _ in each) for each in pieces]

    def tokens_from(self, place: int, starts: Iterator[int]) -> int | None:
        """Tokens from `place` to the end; None where they are more than the budget.

        Args:
            place: in characters.
            starts: where the pieces begin that were not counted yet, from the last.
        """
        self.reach(place, starts)
        if place < self._refused:
            return None
        behind, tokens = min(each for each in self.counted if each[0] >= place)
        if behind > place:
            if behind - place > _LONGEST * (self.budget - tokens):
                return None
            tokens += self.count([self.text[place:behind]])[0]
        return tokens if tokens <= self.budget else None

    def reach(self, place: int, starts: Iterator[int]) -> None:
        """Count pieces until `place` lies in the stretch, or nothing more fits."""
        while self._refused < 0 and self.counted[-1][0] > place:
            batch = self._batch(place, starts)
            if not batch:
                return
            counts = self.count([self.text[start:end] for start, end in batch])
            for (start, _), tokens in zip(batch, counts, strict=True):
                total = self.counted[-1][1] + tokens
                if total > self.budget:
                    self._refused = start
                    return
                self.counted.append((start, total))

    def _batch(self, place: int, starts: Iterator[int]) -> list[tuple[int, int]]:
        """Pieces in front of the stretch, from the last, about as many as may fit."""
        first, used = self.counted[-1]
        room = self.budget - used
        batch: list[tuple[int, int]] = []
        end = first
        for start in starts:
            if start >= end:
                continue
            if end - start > _LONGEST * room:
                self._refused = start
                break
            batch.append((start, end))
            end = start
            if start <= place or first - start >= max(_SMALLEST_BATCH, _LIKELY * room):
                break
        return batch


def _pieces(text: str) -> list[str]:
    """A text cut into pieces that are counted by themselves."""
    ends = [found.end() for found in _PIECE.finditer(text)]
    if not ends or ends[-1] < len(text):
        ends.append(len(text))
    return [text[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _word_starts(text: str) -> list[int]:
    return [found.start() for found in _WORD.finditer(text)]


def _character_starts(text: str) -> list[int]:
    return list(range(len(text)))
