"""A take: one reply as it grows, and what became of it."""

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from storytui.story.sentences import in_quotation, paragraph_spans, sentence_spans

State = Literal["writing", "complete", "stopped", "failed"]
Kind = Literal["continue"]
"""What was asked for; more kinds will come (insert, rewrite)."""


@dataclass(slots=True)
class Take:
    """One reply of the model, with what is needed to make it again.

    Stretches of the answer are pairs of character offsets in it. They begin where the taken text
    ends, so that the white space in front of a sentence goes with it.
    """

    number: int = 1
    """Which take of its place it is, from 1."""
    id: str = field(default_factory=lambda: os.urandom(16).hex())
    """Its own name, which no other take has: 32 hexadecimal digits."""
    kind: Kind = "continue"
    made_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    """When it was asked for, in UTC."""
    place: int = 0
    """Where in the manuscript it was asked for, in characters."""
    before_hash: str = ""
    """SHA-256 of the manuscript up to the place; empty where that is not known."""
    prompt: str = ""
    """The user message that the model was sent; empty until it is known."""
    opening: str = ""
    """What the engine wrote of the reply before it sampled: the first tag and what stands
    behind it."""
    settings: str = ""
    """What was asked for (length, budget, sampling), as JSON."""
    seed: int = 0
    model: str = ""
    """The model's name, as its file gives it."""
    model_path: str = ""
    model_hash: str = ""
    """SHA-256 of the model's file; empty until it is known."""
    format: str = ""
    direction: str = ""
    words: int = 0
    reasoning: str = ""
    answer: str = ""
    reasoning_tokens: tuple[int, ...] = ()
    """The tokens that the reasoning consists of, by the model's vocabulary."""
    answer_tokens: tuple[int, ...] = ()
    state: State = "writing"
    problem: str = ""
    """What went wrong, as a sentence for the writer; empty where nothing did."""
    stop: str = ""
    """Why the reply ended: `closed`, `length`, `cut` or `stopped`."""
    statistics: object | None = field(default=None, compare=False)
    """What the reply cost, as the engine reports it; it is not kept."""
    accepted: list[int] = field(default_factory=list)
    """Ends of the accepted stretches of the answer, in characters."""
    dismissed: bool = False

    @property
    def taken(self) -> int:
        """How many characters of the answer stand in the manuscript."""
        return self.accepted[-1] if self.accepted else 0

    @property
    def finished_with(self) -> bool:
        """Whether there is nothing left to take, now or later."""
        return self.state != "writing" and not self.answer[self.taken :].strip()

    def add(self, segment: str, text: str) -> None:
        """More text of a segment arrived.

        Raises:
            ValueError: the segment is neither `reasoning` nor `answer`.
        """
        self._set(segment, self._get(segment) + text)

    def retract(self, segment: str, kept: int) -> None:
        """Only the first `kept` characters of a segment stand.

        What the writer took already stays: it stands in the manuscript.

        Raises:
            ValueError: the segment is neither `reasoning` nor `answer`.
        """
        if segment == "answer":
            kept = max(kept, self.taken)
        self._set(segment, self._get(segment)[: max(kept, 0)])

    def keep_tokens(self, segment: str, tokens: tuple[int, ...]) -> None:
        """A segment is complete, and these are its tokens.

        Raises:
            ValueError: the segment is neither `reasoning` nor `answer`.
        """
        self._get(segment)
        if segment == "answer":
            self.answer_tokens = tokens
        else:
            self.reasoning_tokens = tokens

    def next_sentence(self) -> tuple[int, int] | None:
        """The stretch up to the end of the next sentence; None where there is none (yet)."""
        paragraph = self._next_paragraph()
        if paragraph is None:
            return None
        start, end = paragraph
        # The whole paragraph is read, not only what is left of it: quotations began earlier.
        ends = [start + stop for _, stop in sentence_spans(self.answer[start:end])]
        return self._first_certain(ends)

    def next_paragraph(self) -> tuple[int, int] | None:
        """The stretch up to the end of the paragraph; None where there is none (yet)."""
        paragraph = self._next_paragraph()
        return None if paragraph is None else self._first_certain([paragraph[1]])

    def rest(self) -> tuple[int, int] | None:
        """All that is left; while the reply is being written, up to its last finished sentence."""
        end = len(self.answer.rstrip())
        if self.state == "writing":
            ends = [stop for _, stop in sentence_spans(self.answer) if self._is_certain(stop)]
            end = ends[-1] if ends else 0
        return (self.taken, end) if self.answer[self.taken : end].strip() else None

    def accept(self, end: int) -> None:
        """The answer up to `end` stands in the manuscript.

        Raises:
            ValueError: that is not more than was taken, or more than there is.
        """
        if not self.taken < end <= len(self.answer):
            raise ValueError(f"{end} is not between {self.taken} and {len(self.answer)}")
        self.accepted.append(end)

    def give_back(self) -> int | None:
        """Take the last acceptance back; returns where the taken text ends now, or None."""
        if not self.accepted:
            return None
        self.accepted.pop()
        return self.taken

    def _next_paragraph(self) -> tuple[int, int] | None:
        spans = paragraph_spans(self.answer)
        return next((span for span in spans if span[1] > self.taken), None)

    def _first_certain(self, ends: list[int]) -> tuple[int, int] | None:
        for end in ends:
            if self.answer[self.taken : end].strip() and self._is_certain(end):
                return self.taken, end
        return None

    def _is_certain(self, end: int) -> bool:
        """Whether a sentence's end will still be one when more is written.

        More has to follow: `3.` may go on as `3.50`, and `“Yes.` as `“Yes. No,” she said.`
        """
        if self.state != "writing":
            return True
        following = self.answer[end:]
        if not following.strip():
            return False
        return "\n" in following[: len(following) - len(following.lstrip())] or not in_quotation(
            self.answer, end
        )

    def _get(self, segment: str) -> str:
        if segment not in ("reasoning", "answer"):
            raise ValueError(f"a take has no segment {segment!r}")
        return self.answer if segment == "answer" else self.reasoning

    def _set(self, segment: str, text: str) -> None:
        if segment == "answer":
            self.answer = text
        else:
            self.reasoning = text
