"""The cases that are measured, each drawn at random from a long manuscript.

What an engine is asked for first and what next: the same for all of them, token for token.
"""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from storytui.bench.contenders import Ask
from storytui.bench.shared import shared_beginning, shared_end

CASES = ("cold", "unchanged", "appended", "slid", "edited", "edited_one_token")
APPENDED = 20
"""Tokens typed at the end."""
DROPPED = 1 / 3
"""Share of the story that a window that moves on drops."""
EDITED = 420
"""Tokens between an edit and the end."""
_TRIES = 200
_WORD = re.compile(r"\s*\S+")
_BREAK = re.compile(r"\n\n")
_BETWEEN_BLANKS = re.compile(r"(?<= )[a-z]{3,9}(?= )")

Count = Callable[[Sequence[str]], Sequence[int]]
"""Tokens of each of several texts."""
MakeAsk = Callable[[str, int], Ask | None]
"""What is asked for where a text ends, with a window that begins at a character; None where no
window would begin there."""


class CaseError(Exception):
    """A case could not be drawn; the message says why."""


@dataclass(frozen=True, slots=True)
class Work:
    """One case, drawn."""

    case: str
    base: Ask | None
    """What the engine has evaluated before; None: nothing."""
    wanted: Ask
    """What is asked for then."""
    new_tokens: int
    """Tokens behind the first difference that do not merely stand elsewhere; a prompt that
    changed at all has its template's end among them."""


class Drawing:
    """Draws cases from a manuscript: the places and the edits at random."""

    def __init__(self, text: str, size: int, seed: int, count: Count, make_ask: MakeAsk) -> None:
        """Nothing is drawn yet.

        Args:
            text: the manuscript.
            size: tokens of the prompts, about; a little less than that.
            seed: the same seed draws the same cases.
            count: tokens of texts.
            make_ask: what is asked for where a text ends, and its window begins.

        Raises:
            CaseError: the manuscript is too short.
        """
        self._text = text
        self._words = _BETWEEN_BLANKS.findall(text)
        """What words are changed to."""
        self._draw = random.Random(seed)
        self._count = count
        self._make_ask = make_ask
        # Two that share nothing: what they have in common is the format's and the template's.
        one, other = make_ask("It was morning.", 0), make_ask("They ran,", 0)
        assert one is not None
        assert other is not None
        frame = shared_beginning(one.tokens, other.tokens)
        self._tail = shared_end(one.tokens, other.tokens)
        self._size = size - frame - self._tail
        """Tokens of the story in a prompt."""
        if self._size < 200:
            raise CaseError(f"A prompt of {size:,} tokens has no room for the cases.")

    def draw(self, case: str) -> Work:
        """One case.

        Raises:
            CaseError: the manuscript has no place for it.
        """
        for _ in range(_TRIES):
            place = self._place()
            work = None if place is None else self._at(case, *place)
            if work is not None:
                return work
        raise CaseError(
            f"No place was found in the manuscript for the case {case}: it is too short for "
            "prompts of this size, or holds too few words."
        )

    def _at(self, case: str, start: int, end: int) -> Work | None:
        """A case with a window that begins and ends there; None where it cannot be had."""
        story = self._text[:end]
        if case == "cold":
            return self._work(case, None, story, start, start)
        if case == "unchanged":
            return self._work(case, story, story, start, start)
        if case == "appended":
            typed = self._first_words(self._text[end : end + 2000], APPENDED)
            return self._work(case, story, story + typed, start, start) if typed else None
        if case == "slid":
            return self._work(case, story, story, start, self._later(start, end))
        return self._edited(case, start, end)

    def _work(self, case: str, base: str | None, wanted: str, start: int, then: int) -> Work | None:
        before = None if base is None else self._make_ask(base, start)
        after = self._make_ask(wanted, then)
        if after is None or (before is None and base is not None):
            return None
        new = new_tokens(before.tokens if before else (), after.tokens, self._tail)
        return Work(case, before, after, new)

    def _place(self) -> tuple[int, int] | None:
        """Where a window begins and ends that makes a prompt of the size, drawn at random."""
        # Room for the story before, and for what is typed after it.
        first = len(self._text) // 5
        end = self._draw.randrange(first, max(first + 1, len(self._text) * 9 // 10))
        found = _WORD.search(self._text, end)
        # What stands at a place drawn blindly may be the rest of a word.
        found = _WORD.match(self._text, found.end()) if found else None
        if found is None:
            return None
        start = self._start_of(found.end(), self._size)
        return None if start is None else (start, found.end())

    def _start_of(self, end: int, tokens: int) -> int | None:
        """Where a word begins that stands about so many tokens before `end`."""
        near = max(0, end - 12 * tokens)
        words = list(_WORD.finditer(self._text, near, end))
        counts = self._count([each.group() for each in words])
        start, left = end, tokens
        for word, size in zip(reversed(words), reversed(counts), strict=True):
            if size > left:
                break
            left -= size
            start = word.end() - len(word.group().lstrip())
        return start if start > near + 20 else None

    def _first_words(self, text: str, tokens: int) -> str:
        words = _WORD.findall(text)
        taken = ""
        for word, size in zip(words, self._count(words), strict=True):
            if size > tokens:
                break
            tokens -= size
            taken += word
        return taken

    def _later(self, start: int, end: int) -> int:
        """Where a window begins that dropped about a third: at the nearest paragraph, if any."""
        near = start + round((end - start) * DROPPED)
        # A window drops a quarter at the least, and keeps half of what there is room for.
        most = (end - start) // 12
        at = min(
            (found.start() for found in _BREAK.finditer(self._text, near - most, near + most)),
            key=lambda place: abs(place - near),
            default=max(near, self._text.find(" ", near, end)),
        )
        return at + len(self._text[at:end]) - len(self._text[at:end].lstrip())

    def _edited(self, case: str, start: int, end: int) -> Work | None:
        """Words changed in the middle: with another number of tokens, or one token by one."""
        story = self._text[:end]
        at = self._start_of(end, min(EDITED, self._size // 2))
        found = None if at is None else _BETWEEN_BLANKS.search(story, at)
        if found is None:
            return None
        words = self._draw.choices(self._words, k=1 if case == "edited_one_token" else 3)
        edited = story[: found.start()] + " ".join(words) + story[found.end() :]
        work = self._work(case, story, edited, start, start)
        if work is None or work.base is None:
            return None
        return work if _fits(case, work.base.tokens, work.wanted.tokens) else None


def _fits(case: str, base: Sequence[int], wanted: Sequence[int]) -> bool:
    if case == "edited":
        return len(base) != len(wanted)
    return len(base) == len(wanted) and sum(map(int.__ne__, base, wanted)) == 1


def new_tokens(base: Sequence[int], wanted: Sequence[int], tail: int) -> int:
    """Tokens of `wanted` that are neither a beginning nor an end that it shares with `base`.

    Args:
        base: what was evaluated.
        wanted: what is asked for.
        tail: tokens of the template's end, which count as new where anything before them changed.
    """
    prefix = shared_beginning(base, wanted)
    if prefix == len(wanted):
        return 0
    suffix = min(shared_end(base, wanted), len(wanted) - prefix, len(base) - prefix)
    return len(wanted) - prefix - suffix + min(tail, suffix)
