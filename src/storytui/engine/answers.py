"""Whether what the child says answers what it was asked. Pure: events in, a verdict out.

The child's messages are well-formed by their types; here is what types cannot say. What passes can
be shown and kept without a further look.
"""

from collections.abc import Sequence
from itertools import pairwise

from storytui.engine.api import (
    Event,
    Finished,
    Loading,
    Reading,
    Request,
    Retracted,
    SegmentEnded,
    SegmentStarted,
    Text,
    Writing,
)
from storytui.engine.scores import Encoded, Passage, Scored


def answers(counts: Sequence[int], texts: Sequence[str]) -> bool:
    """Whether these may be the token counts of these texts."""
    return len(counts) == len(texts) and all(each >= 0 for each in counts)


def scores(scored: Scored, passage: Passage) -> bool:
    """Whether these may be the scores of a passage."""
    count = len(scored.tokens)
    ordered = all(before <= after for before, after in pairwise((0, *scored.starts)))
    return (
        len(scored.logprobs) == len(scored.starts) == count
        and ordered
        and (not scored.starts or scored.starts[-1] <= len(passage.text))
        and all(each <= 0 for each in scored.logprobs)
        and min(scored.evaluated, scored.reused) >= 0
    )


def encoded(found: Encoded) -> bool:
    """Whether these may be the tokens of a prompt and a reply."""
    return 0 <= found.reply <= len(found.tokens) and min((*found.tokens, 0)) >= 0


class ReplyCheck:
    """Follows one reply: its segments in their order, each begun, written and ended."""

    def __init__(self, request: Request) -> None:
        """Begin before the first event of the reply to `request`."""
        self._names = [each.name for each in request.segments]
        self._begun = 0
        self._open = ""
        self._length = 0
        self.finished = False
        """Whether the last event has come."""

    def takes(self, event: Event) -> bool:
        """Whether this may be the next event; False: what the child says makes no sense."""
        if self.finished:
            return False
        match event:
            case Loading():
                return False
            case Reading(done, total):
                return 0 <= done <= total and not self._begun
            case SegmentStarted(segment):
                return self._start(segment)
            case Text(segment, text):
                self._length += len(text)
                return self._writes(segment)
            case Writing(tokens):
                return tokens >= 0
            case Retracted(segment, kept):
                if not 0 <= kept <= self._length:
                    return False
                self._length = kept
                return self._writes(segment)
            case SegmentEnded(segment):
                fits = self._writes(segment)
                self._open = ""
                return fits
            case Finished():
                self.finished = True
                return not self._open

    def _start(self, segment: str) -> bool:
        if self._open or self._begun == len(self._names) or self._names[self._begun] != segment:
            return False
        self._begun += 1
        self._open = segment
        self._length = 0
        return True

    def _writes(self, segment: str) -> bool:
        return bool(self._open) and segment == self._open
