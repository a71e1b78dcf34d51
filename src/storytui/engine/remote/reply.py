"""Text as it comes from a server becomes the events of a reply. Pure.

The text goes through the parser of replies, since tags may stand in it as the model pleases; what
it says is a segment's goes through the same text of a segment as with a local model, which ends it
near the words that were asked for, at a sentence's end.
"""

import re
from collections.abc import Iterator

from storytui.engine.api import (
    Event,
    Request,
    Retracted,
    SegmentEnded,
    SegmentPlan,
    SegmentStarted,
    Text,
)
from storytui.engine.segment import SegmentText
from storytui.story.reply import Piece, ReplyParser
from storytui.story.sentences import last_sentence_end

_CHUNK = re.compile(r"\s*\S+|\s+")
"""What is looked at for an end, one after the other: a word and the white space before it."""


class ReplyWriter:
    """Makes a reply's events of what one request, or one for each segment, brings."""

    def __init__(self, request: Request) -> None:
        """Begin before any text of the reply to `request`."""
        self.over = False
        """Whether no more is wanted of the request that is under way."""
        self.stop = ""
        """Why the last segment ended; empty while the reply is not complete."""
        self.texts: list[str] = []
        """The segments that ended."""
        self._plans: tuple[SegmentPlan, ...] = request.segments
        self._names = [each.name for each in request.segments]
        self.ours = False
        """Whether the tags are sent to the server; otherwise the model writes them. Set before
        `begin`."""
        self._parser = ReplyParser()
        self._segment: SegmentText | None = None
        self._white: str | None = None
        """White space in front of a segment's text that the parser must not see; None: past it."""
        self._thinking = False
        """Whether what was written last were thoughts that the server had separated."""

    @property
    def begun(self) -> bool:
        """Whether anything of the reply was given out."""
        return bool(self.texts) or self._segment is not None

    @property
    def answered(self) -> bool:
        """Whether there is any text of the last segment."""
        if len(self.texts) == len(self._plans):
            return bool(self.texts[-1].strip())
        last = self._segment is not None and len(self.texts) == len(self._plans) - 1
        return last and self._segment is not None and bool(self._segment.text.strip())

    def begin(self) -> list[Event]:
        """A request is sent for what is left of the reply."""
        self.over = False
        self._parser = ReplyParser()
        if not self.ours:
            return []
        plan = self._plans[len(self.texts)]
        self._parser.feed(plan.opening)
        self._white = ""
        return list(self._start())

    def thought(self, text: str) -> list[Event]:
        """More of the thoughts that the server keeps apart."""
        reasoning = self._names[:-1]
        if not reasoning or len(self.texts) >= len(reasoning):
            return []
        events = [] if self._segment is not None else list(self._start())
        assert self._segment is not None
        if not self._thinking and self._segment.text.strip():
            text = "\n\n" + text.lstrip()
        elif not self._segment.text:
            text = text.lstrip()
        self._thinking = True
        return events + list(self._write(text))

    def text(self, text: str) -> list[Event]:
        """More of the reply's text."""
        events: list[Event] = []
        if self._white is not None:
            self._white += text
            text = self._white.lstrip()
            if not text:
                return []
            white = self._white[: len(self._white) - len(text)]
            self._white = None
            plan = self._plans[len(self.texts)]
            if plan.verbatim or plan.lead or plan.prefix:
                # It belongs to the text: a new paragraph of the story, for one.
                events += self._write(white)
        return events + list(self._take(self._parser.feed(text)))

    def end(self, finish: str) -> list[Event]:
        """The request is over; `stop` or `texts` tell what is left to ask for.

        Args:
            finish: why, as the server says: `length` where its tokens were spent.
        """
        events = list(self._take(self._parser.close()))
        if self.over or self.stop:
            return events
        if self._segment is None:
            if self.ours or not self._plans:
                return events
            # Not a word came.
            events += self._start()
        segment = self._segment
        assert segment is not None
        if finish == "length" and len(segment.text) > 0:
            why = _cut_back(segment)
        else:
            segment.cut(segment.end_by_model())
            why = "closed"
        return events + list(self._end(why))

    def stopped(self) -> list[Event]:
        """She stopped it: what came is given out."""
        events = list(self._rest())
        if self._segment is not None:
            self._segment.cut(len(self._segment.text))
            events += self._end("stopped")
        self.stop = "stopped"
        return events

    def broken_off(self) -> list[Event]:
        """It broke off: what came is given out; the segment has no end."""
        events = list(self._rest())
        segment = self._segment
        if segment is not None:
            segment.cut(len(segment.text))
        if segment is not None and segment.shown < len(segment.text):
            events.append(Text(segment.plan.name, segment.text[segment.shown :]))
            segment.shown = len(segment.text)
        return events

    # --- segments ---------------------------------------------------------------------------------

    def _rest(self) -> Iterator[Event]:
        """What the parser held back, of whatever length."""
        for piece in self._parser.close():
            text = piece.text[: self._whole(piece.text)]
            if not text:
                continue
            yield from self._go_to(piece.segment)
            if self._segment is not None and self._segment.plan.name == piece.segment:
                self._segment.add(0, text.encode())

    def _whole(self, text: str) -> int:
        """Length of a text without the beginning of a tag that it ends in."""
        start = text.rfind("<")
        if start >= 0 and any(
            tag.startswith(text[start:])
            for plan in self._plans
            for tag in (plan.opening, plan.closing)
        ):
            return len(text[:start].rstrip())
        return len(text)

    def _take(self, pieces: list[Piece]) -> Iterator[Event]:
        for piece in pieces:
            if self.over:
                return
            yield from self._go_to(piece.segment)
            segment = self._segment
            if segment is None or segment.plan.name != piece.segment:
                # Thoughts behind the answer's beginning, or where none were asked for.
                continue
            text = piece.text
            if self._thinking:
                text = "\n\n" + text.lstrip() if piece.segment == self._names[0] else text
                self._thinking = False
            yield from self._write(text)

    def _go_to(self, name: str) -> Iterator[Event]:
        """Begin a segment, and end those before it."""
        if self.stop or name not in self._names:
            return
        index = self._names.index(name)
        while len(self.texts) < index:
            if self._segment is None:
                yield from self._start()
            assert self._segment is not None
            self._segment.cut(len(self._segment.text))
            yield from self._end("closed")
        if self._segment is None and len(self.texts) == index:
            yield from self._start()

    def _start(self) -> Iterator[Event]:
        plan = self._plans[len(self.texts)]
        self._segment = SegmentText(plan, ())
        self._thinking = False
        yield SegmentStarted(plan.name)
        if plan.prefix and self.ours:
            yield Text(plan.name, self._segment.news())
        elif plan.prefix:
            # The model was asked to write it, and may have.
            self._segment.text = ""

    def _write(self, text: str) -> Iterator[Event]:
        segment = self._segment
        assert segment is not None
        # Where the model goes on by itself, only what is last may end early.
        may_end = self.ours or len(self.texts) == len(self._plans) - 1
        for chunk in _CHUNK.findall(text):
            segment.add(0, chunk.encode())
            ended = segment.end_by_budget() if may_end else None
            if ended is not None:
                length, why = ended
                segment.cut(length)
                yield from self._end(why)
                self.over = True
                return
        fresh = segment.news()
        if fresh:
            yield Text(segment.plan.name, fresh)

    def _end(self, why: str) -> Iterator[Event]:
        """End the segment at the text that it has."""
        segment, self._segment = self._segment, None
        assert segment is not None
        name = segment.plan.name
        if segment.shown > len(segment.text):
            yield Retracted(name, len(segment.text))
        elif segment.shown < len(segment.text):
            yield Text(name, segment.text[segment.shown :])
        yield SegmentEnded(name, why)
        self.texts.append(segment.text)
        if len(self.texts) == len(self._plans) or why == "stopped":
            self.stop = why


def _cut_back(segment: SegmentText) -> str:
    """End a segment whose tokens are spent; returns how that is called."""
    end = last_sentence_end(segment.text, len(segment.text) // 2)
    if end is not None:
        segment.cut(end)
        return "length"
    space = max(segment.text.rfind(" "), segment.text.rfind("\n"))
    if space > 0:
        segment.cut(space)
    return "cut"
