"""PURE. Which sentences of a chapter become the context and the continuation of which row."""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from storytui.story.words import count_words
from storytui_train.data.examples import Cut, Starts
from storytui_train.data.passages import Bar, Passage
from storytui_train.recipe import ChunkOptions

VARIED: tuple[Cut, ...] = ("mid-sentence", "quotation", "paragraph", "scene")
SHORT_CHAPTER = "the chapter is short"
CHAPTER_ENDS = "the chapter ends"
CHAPTER_BEGINS = "the context begins with the chapter"
SCENE_BEGINS = "the context begins at a scene break"
LINES_BEGIN = "the context begins with the lines it would have parted"
LEAST = "the continuation has as few sentences as it may"
ON_PURPOSE = "the row is cut on purpose"
_MOVED: dict[Bar, str] = {
    "speech": "the cut was moved out of quoted speech",
    "quotation": "the cut was moved out of a quotation of several paragraphs",
    "lines": "the cut was moved out of lines that belong together",
    "heading": "the cut was moved away from a heading",
    "sentence": "the cut was moved to a clear end of a sentence",
}
_END_MOVED: dict[Bar, str] = {
    bar: why.replace("the cut", "the continuation's end") for bar, why in _MOVED.items()
}

_SCENE_TOLERANCE = 15
"""Sentences by which a context may be longer or shorter to begin at a scene break."""
_CHAPTER_TOLERANCE = 5
"""Sentences of a chapter's beginning that are not left out of a context."""
_NEAR = 6
"""Sentences among which a place for a cut on purpose is looked for."""
_GAP = re.compile(r"(?<=[\w,;]) (?=\w)")
_WORD = re.compile(r"\w")


@dataclass(frozen=True, slots=True)
class Plan:
    """A row, in sentences of its chapter."""

    start: int
    """The first of the context."""
    cut: int
    """The first of the continuation, or the one that was cut."""
    at: int
    """Where the context ends, in characters of the whole text."""
    end: int
    """The one behind the continuation's last."""
    kind: Cut
    starts: Starts
    parted: bool
    """Whether words of sentence `cut` stand in the context."""
    forced: bool
    """Whether it was cut on purpose because there was no other way."""
    why: tuple[str, ...]

    @property
    def sentences(self) -> tuple[int, int]:
        """Of the context and of the continuation; one that was cut counts in both."""
        return self.cut + self.parted - self.start, self.end - self.cut


class Planner:
    """Lays rows over one chapter."""

    def __init__(self, passage: Passage, options: ChunkOptions) -> None:
        """Prepare for a chapter.

        Args:
            passage: its sentences.
            options: the sizes.
        """
        self.passage = passage
        self.options = options
        self.total = total = len(passage)
        words = _words_before(passage, options)
        self._context = words if options.context_words else range(total + 1)
        self._continuation = words if options.continuation_words else range(total + 1)
        self._wanted_context = options.context_words or options.context_sentences
        self._wanted_continuation = options.continuation_words or options.continuation_sentences
        self._full = total + 1
        """The sentences of a full context from the chapter's beginning, if it has so many."""
        if self._context[total] >= self._wanted_context:
            self._full = _nearest(self._context, self._wanted_context)
        self._usual = self._forward(0)
        """The sentences of a full continuation, or nearly."""
        self._least_context = _at_most(options.minimum_context_sentences, self._full, total)
        self._least = _at_most(options.minimum_continuation_sentences, self._usual, total)

    def plans(self, wishes: Mapping[int, Random] | None = None) -> Iterator[Plan]:
        """The chapter's rows, in order.

        Args:
            wishes: by a row's number in the chapter, from 0: the chance that decides where it is
                cut on purpose.
        """
        first = target = self._first_cut()
        low = self._least_context
        number = step = 0
        stride = self.options.stride_sentences
        while self._least_context <= target <= self.total - self._least:
            chosen = self._choose(target, low)
            if chosen is None:
                return
            plan = self._plan(*chosen, target, wishes.get(number) if wishes else None)
            yield plan
            if plan.end >= self.total:
                return
            number += 1
            low = plan.end if not stride or stride >= self._usual else plan.cut + 1
            if stride:
                step = max(step + 1, -((first - low) // stride))
                target = first + step * stride
            else:
                target = low

    def why_none(self) -> str:
        """Why the chapter has no row: `short`, or `no place for a cut`."""
        return "short" if self.total < self._least_context + self._least else "no place for a cut"

    def _first_cut(self) -> int:
        """Where the first row's continuation begins, if nothing stands in the way."""
        if self.options.early_rows:
            return self._least_context
        if self._whole_from(self._full):
            return self._full
        whole = self._continuation[self.total]
        rest = _nearest(self._continuation, whole - self._wanted_continuation)
        if rest >= self._least_context:
            return rest
        # Too short for a whole continuation: what there is, in the same proportion.
        share = self._wanted_continuation / (self._wanted_context + self._wanted_continuation)
        if bool(self.options.context_words) != bool(self.options.continuation_words):
            share = 0.2
        return self.total - max(self._least, round(self.total * share))

    def _whole_from(self, cut: int) -> bool:
        """Whether a whole continuation is left behind `cut`."""
        if cut > self.total:
            return False
        left = self._continuation[self.total] - self._continuation[cut]
        return left >= self._wanted_continuation

    def _forward(self, cut: int) -> int:
        """Where a continuation from `cut` ends, if nothing stands in the way."""
        return _nearest(self._continuation, self._continuation[cut] + self._wanted_continuation)

    def _choose(self, target: int, low: int) -> tuple[int, bool] | None:
        """The place for a cut nearest to `target`, from `low` on, and whether it is forced.

        Where a quotation goes on for longer than a continuation, it is cut between two of its
        paragraphs, if rows may be cut on purpose at all.
        """
        bars, high = self.passage.bars, self.total - self._least
        free = _first_where(around(target, low, high), lambda place: not bars[place])
        if free is not None and abs(free - target) <= self._usual:
            return free, False
        if self.options.varied_cuts > 0:
            low, high = max(low, target - self._usual), min(high, target + self._usual)
            near = around(target, low, high)
            between = _first_where(near, lambda place: bars[place] == "quotation")
            if between is not None:
                return between, True
        return None if free is None else (free, False)

    def _plan(self, chosen: int, forced: bool, target: int, chance: Random | None) -> Plan:
        passage = self.passage
        kind: Cut = "paragraph" if forced else ""
        cut, at = chosen, passage.ends[chosen - 1]
        if chance is not None and not forced:
            kind, cut, at = self._varied(chosen, chance)
        starts: Starts = "sentence"
        parted = False
        if kind in ("mid-sentence", "quotation"):
            starts = "mid-sentence"
            parted = _WORD.search(passage.text, passage.starts[cut], at) is not None
        elif passage.scenes[cut]:
            starts = "scene"
        elif passage.paragraphs[cut] != passage.paragraphs[cut - 1]:
            starts = "paragraph"
        moved = _MOVED[passage.bars[target] or "sentence"] if chosen != target else ""
        if parted or cut != chosen:
            moved = ON_PURPOSE
        start, why = self._start(cut, parted, moved)
        end, ended = self._end(cut)
        reasons = tuple(dict.fromkeys(each for each in (why, ended) if each))
        return Plan(start, cut, at, end, kind, starts, parted, forced, reasons)

    def _start(self, cut: int, parted: bool, moved: str) -> tuple[int, str]:
        """Where the context of a cut begins, and why not as far before it as asked for."""
        passage = self.passage
        more = parted and not self.options.context_words
        if cut + more < self._full:
            enough = self._whole_from(self._full)
            return 0, (moved or CHAPTER_BEGINS) if enough else SHORT_CHAPTER
        wanted = _nearest(self._context, self._context[cut] + more - self._wanted_context)
        tolerance = (cut - wanted) // 5
        if wanted <= min(_CHAPTER_TOLERANCE, tolerance):
            return 0, (moved or CHAPTER_BEGINS) if wanted else ""
        tolerance = min(_SCENE_TOLERANCE, tolerance)
        low, high = max(1, wanted - tolerance), min(wanted + tolerance, cut - self._least_context)
        scene = _first_where(around(wanted, low, high), lambda place: passage.scenes[place])
        if scene is not None:
            return scene, SCENE_BEGINS if scene != wanted else ""
        place = wanted
        while passage.lines[place] and passage.paragraphs[place] == passage.paragraphs[place - 1]:
            place -= 1
        if wanted - tolerance <= place < wanted:
            return place, LINES_BEGIN
        return wanted, ""

    def _end(self, cut: int) -> tuple[int, str]:
        """Where the continuation from `cut` ends, and why not after as many as asked for."""
        asked = self._forward(cut)
        target = max(asked, cut + self._least)
        whole = self._whole_from(cut)
        if not whole or self.total - target < self._least:
            return self.total, "" if whole and asked == self.total else CHAPTER_ENDS
        bars, slack = self.passage.bars, self._usual // 4
        low, high = cut + self._least, self.total - self._least
        near = list(around(target, max(low, target - 2 * slack), min(target + 2 * slack, high)))
        nearer = [place for place in near if abs(place - target) <= slack]
        place = _first_where(nearer, lambda place: not bars[place])
        if place is None:
            place = _first_where(nearer, lambda place: bars[place] == "quotation")
        if place is None:
            place = _first_where(near, lambda place: not bars[place])
        place = target if place is None else place
        if place == asked:
            return place, ""
        return place, _END_MOVED[bars[target]] if bars[target] else LEAST

    def _varied(self, cut: int, chance: Random) -> tuple[Cut, int, int]:
        """A cut on purpose at `cut` or soon behind it: its kind, sentence and character."""
        for kind in chance.sample(VARIED, len(VARIED)):
            reach = _NEAR if kind in ("mid-sentence", "quotation") else self._usual
            places = range(cut, min(cut + reach, self.total - self._least + 1))
            if kind == "mid-sentence":
                found = self._in_sentence(places, chance)
            elif kind == "quotation":
                found = self._behind_opening(places, chance)
            else:
                found = self._at_break(places, scene=kind == "scene")
            if found is not None:
                return kind, *found
        return "", cut, self.passage.ends[cut - 1]

    def _in_sentence(self, places: Iterable[int], chance: Random) -> tuple[int, int] | None:
        passage = self.passage
        for place in places:
            if passage.lines[place] or passage.bars[place + 1 : place + 2] == ["heading"]:
                continue
            start, end = passage.starts[place], passage.ends[place]
            gaps = [found.start() for found in _GAP.finditer(passage.text, start, end)]
            gaps = [
                gap
                for gap in gaps
                if count_words(passage.text[start:gap]) > 1
                and count_words(passage.text[gap:end]) > 1
            ]
            if gaps:
                return place, chance.choice(gaps)
        return None

    def _behind_opening(self, places: Sequence[int], chance: Random) -> tuple[int, int] | None:
        passage = self.passage
        found = [
            (place, at)
            for place in places
            if not passage.lines[place]
            for at, until in passage.openings_between(passage.starts[place], passage.ends[place])
            if count_words(passage.text[at:until]) > 2
        ]
        return chance.choice(found) if found else None

    def _at_break(self, places: Iterable[int], *, scene: bool) -> tuple[int, int] | None:
        passage = self.passage
        for place in places:
            if passage.bars[place] or passage.scenes[place] != scene:
                continue
            if passage.paragraphs[place] != passage.paragraphs[place - 1]:
                return place, passage.ends[place - 1]
        return None


def _words_before(passage: Passage, options: ChunkOptions) -> Sequence[int]:
    """The words before each sentence, if anything is measured in words."""
    words = [0]
    if options.context_words or options.continuation_words:
        for start, end in zip(passage.starts, passage.ends, strict=True):
            words.append(words[-1] + count_words(passage.text[start:end]))
    return words


def _at_most(minimum: int, full: int, total: int) -> int:
    """A minimum that is no more than what is asked for, where that is known to be less."""
    return max(1, min(minimum, full) if full < total else minimum)


def _nearest(measure: Sequence[int], value: int) -> int:
    """The place in a rising measure whose value is nearest; of two, the first."""
    place = bisect_left(measure, value)
    if place == len(measure):
        return place - 1
    if place and value - measure[place - 1] <= measure[place] - value:
        return place - 1
    return place


def _first_where(places: Iterable[int], holds: Callable[[int], bool]) -> int | None:
    return next((place for place in places if holds(place)), None)


def around(target: int, low: int, high: int) -> Iterator[int]:
    """Numbers from `low` up to `high`, both among them, the nearest to `target` first."""
    for distance in range(max(abs(target - low), abs(high - target)) + 1):
        if low <= target + distance <= high:
            yield target + distance
        if distance and low <= target - distance <= high:
            yield target - distance
