"""A raw reply of a model becomes reasoning and answer, piece by piece as it arrives.

The right form is `<reasoning>…</reasoning><answer>…</answer>`. This parser is for replies whose
form the project does not control, so it decides what models really write:

- Tags may be in any case, with blanks inside the brackets. Line breaks round them, and lines of a
  Markdown fence round them or round the whole reply, belong to no segment. A blank at a segment's
  edge is text.
- Without any tag everything is answer. Text before, between and after the segments is left out,
  unless there is no answer: then what follows the reasoning is the answer. A closing tag without
  an opening one ends a segment that the prompt may have opened.
- The last closing tag of the answer counts: an earlier one was spoken in the story. But an opening
  tag at the start of a line, or directly after the closing one, begins a second reply, which is
  left out.
- In the reasoning, `<answer>` opens the answer where a segment may begin: at the start of a line,
  after a finished sentence or another tag. In the middle of a sentence it may be a mention; what
  follows is held back until the next tag tells (`</reasoning>` or another `<answer>`: a mention;
  `</answer>` or the end: the answer).
- Other tags, `<think>` for one, are text.

Replies are parsed alike however they are cut, in time that grows with their length.
"""

from dataclasses import dataclass
from enum import Enum, auto
from itertools import groupby

from storytui.story.edges import SegmentText, holds_text, without_opening_fence
from storytui.story.tags import Tag, TagReader, TextBeforeTag, is_cut_off


@dataclass(frozen=True, slots=True)
class Piece:
    """More text of a segment."""

    segment: str
    """`reasoning` or `answer`."""
    text: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What a raw reply says."""

    reasoning: str
    answer: str
    complete: bool
    """Whether both segments were opened and closed, properly and in order."""
    problems: tuple[str, ...]
    """What was wrong with the form of the reply, as sentences for a reader."""


class _At(Enum):
    """Where in the reply the parser stands, and what the text held back may turn out to be."""

    BEFORE = auto()
    """Before any tag: left out, or, if none comes, the answer."""
    REASONING = auto()
    REASONING_TWICE = auto()
    """After `<reasoning>` within a sentence of the reasoning: a closing tag unless text follows."""
    DOUBT = auto()
    """After `<answer>` within a sentence of the reasoning: a mention, or the answer."""
    BETWEEN = auto()
    """After the reasoning: left out, or, if no answer comes, the answer."""
    ANSWER = auto()
    ANSWER_TWICE = auto()
    """After `<answer>` within a line of the answer: a closing tag unless text follows."""
    CLOSED = auto()
    """After `</answer>`: left out, or, if the answer is closed again, still the answer."""
    AFTER = auto()
    """After the whole reply: left out."""


class ReplyParser:
    """Parses a reply that arrives in pieces of any size."""

    def __init__(self) -> None:
        self._tags = TagReader()
        self._at = _At.BEFORE
        self._reasoning = SegmentText()
        self._answer = SegmentText()
        self._held: list[str] = []
        self._before = TextBeforeTag()
        self._problems: dict[str, None] = {}
        self._steps: list[str] = []
        """The tags that opened and closed the segments, in their exact form."""
        self._pieces: list[Piece] = []
        self._over = False

    def feed(self, text: str) -> list[Piece]:
        """Take more of the raw reply; returns the text that is certain by now.

        Raises:
            ValueError: the reply was closed.
        """
        if self._over:
            raise ValueError("the reply is closed and takes no more text")
        for each in self._tags.feed(text):
            if isinstance(each, Tag):
                self._take_tag(each)
                self._before.clear()
            else:
                self._take_text(each)
        return self._given()

    def close(self) -> list[Piece]:
        """The raw reply is over; returns what was held back. Closing twice does nothing."""
        if not self._over:
            self._over = True
            held = self._tags.close()
            if self._at is not _At.BEFORE and is_cut_off(held):
                self._note("The reply ends in the middle of a tag.")
            elif held:
                self._take_text(held)
            self._end()
        return self._given()

    @property
    def reply(self) -> Reply:
        """The reply as known so far; final after `close`."""
        steps = ["<reasoning>", "</reasoning>", "<answer>", "</answer>"]
        return Reply(
            reasoning=str(self._reasoning),
            answer=str(self._answer),
            complete=self._over and self._steps == steps,
            problems=tuple(self._problems),
        )

    # --- text -----------------------------------------------------------------------------------

    def _take_text(self, text: str) -> None:
        self._before.add(text)
        match self._at:
            case _At.REASONING:
                self._write("reasoning", text)
            case _At.ANSWER:
                self._write("answer", text)
            case _At.REASONING_TWICE | _At.ANSWER_TWICE if not text.isspace():
                self._held.append(text)
                self._mention()
            case _:
                self._held.append(text)

    def _mention(self) -> None:
        """What was held back, a tag included, is text of the segment it stands in."""
        answer = self._at in (_At.ANSWER_TWICE, _At.CLOSED)
        self._at = _At.ANSWER if answer else _At.REASONING
        self._write("answer" if answer else "reasoning", self._release())

    # --- tags -----------------------------------------------------------------------------------

    def _take_tag(self, tag: Tag) -> None:
        match self._at:
            case _At.BEFORE | _At.BETWEEN:
                self._tag_outside(tag)
            case _At.REASONING:
                self._tag_in_reasoning(tag)
            case _At.REASONING_TWICE:
                self._held.clear()
                self._close_by_second()
                self._tag_outside(tag)
            case _At.DOUBT if tag.closing and tag.name == "answer":
                self._open_in_doubt()
                self._tag_in_answer(tag)
            case _At.DOUBT:
                self._mention()
                self._tag_in_reasoning(tag)
            case _At.ANSWER:
                self._tag_in_answer(tag)
            case _At.ANSWER_TWICE:
                self._tag_after_second(tag)
            case _At.CLOSED:
                self._tag_after_answer(tag)
            case _At.AFTER:
                self._held.append(tag.raw)

    def _tag_outside(self, tag: Tag) -> None:
        held = self._release()
        if not tag.closing:
            where = "in front of" if self._at is _At.BEFORE else "between"
            if holds_text(held):
                self._note(f"Text {where} the tags was left out.")
            if tag.name == "answer":
                self._open(tag, _At.ANSWER)
                return
            if not self._reasoning.empty:
                self._note("There is a second reasoning.")
                self._reasoning.begin_paragraph()
            self._open(tag, _At.REASONING)
        elif not holds_text(held):
            self._note(f"A closing tag of the {tag.name} closes nothing.")
        else:
            self._note(f"The {tag.name} is closed without having been opened.")
            if self._at is _At.BETWEEN and tag.name == "reasoning":
                self._reasoning.begin_paragraph()
            self._write(tag.name, without_opening_fence(held))
            self._close(tag)

    def _tag_in_reasoning(self, tag: Tag) -> None:
        match tag.name, tag.closing:
            case "reasoning", True:
                self._close(tag)
            case "reasoning", False:
                if self._reasoning.empty:
                    self._note("The reasoning is opened twice.")
                elif self._before.ends_sentence:
                    self._close_by_second()
                else:
                    self._at = _At.REASONING_TWICE
                    self._held.append(tag.raw)
            case "answer", False:
                if self._before.ends_sentence:
                    self._note("The reasoning is not closed.")
                    self._give("reasoning", self._reasoning.finish())
                    self._open(tag, _At.ANSWER)
                else:
                    self._at = _At.DOUBT
                    self._held.append(tag.raw)
            case _:
                if self._before.ends_sentence:
                    self._note("The reasoning is closed by a tag of the answer.")
                    self._give("reasoning", self._reasoning.finish())
                    self._at = _At.BETWEEN
                else:
                    self._write("reasoning", tag.raw)

    def _tag_in_answer(self, tag: Tag) -> None:
        match tag.name, tag.closing:
            case "answer", True:
                self._close(tag)
            case "answer", False:
                if self._answer.empty or self._before.ends_line:
                    self._note("The answer is opened twice.")
                else:
                    self._at = _At.ANSWER_TWICE
                    self._held.append(tag.raw)
            case "reasoning", False:
                if self._answer.empty and self._reasoning.empty:
                    self._note("The answer is opened in front of the reasoning.")
                    self._open(tag, _At.REASONING)
                elif self._before.ends_line:
                    self._note("The answer is not closed.")
                    self._note("Text after the answer was left out.")
                    self._at = _At.AFTER
                else:
                    self._write("answer", tag.raw)
            case _:
                if self._answer.empty:
                    self._note("A closing tag of the reasoning closes nothing.")
                else:
                    self._write("answer", tag.raw)

    def _tag_after_second(self, tag: Tag) -> None:
        if tag.name == "answer":
            self._held.clear()
            self._note("The answer is opened twice.")
            self._at = _At.ANSWER
            if tag.closing:
                self._close(tag)
        else:
            self._note("The answer is closed by a second opening tag.")
            self._at = _At.CLOSED
            self._tag_after_answer(tag)

    def _tag_after_answer(self, tag: Tag) -> None:
        if tag.closing and tag.name == "answer":
            if holds_text("".join(self._held[1:])):
                self._mention()
                self._close(tag)
            else:
                self._note("The answer is closed twice.")
                del self._held[1:]
        elif tag.closing or not self._before.ends_line:
            self._held.append(tag.raw)
        elif self._answer.empty and tag.name == "answer":
            self._note("The answer is opened twice.")
            self._held.clear()
            self._open(tag, _At.ANSWER)
        else:
            self._note("Text after the answer was left out.")
            self._held.append(tag.raw)
            self._at = _At.AFTER

    # --- opening and closing --------------------------------------------------------------------

    def _open(self, tag: Tag, at: _At) -> None:
        self._check(tag)
        self._steps.append(f"<{tag.name}>")
        self._at = at

    def _close(self, tag: Tag) -> None:
        self._check(tag)
        if tag.name == "reasoning":
            self._give("reasoning", self._reasoning.finish())
            self._steps.append("</reasoning>")
            self._at = _At.BETWEEN
        else:
            # The answer is not finished: it goes on if another closing tag comes.
            if self._steps[-1:] != ["</answer>"]:
                self._steps.append("</answer>")
            self._held = [tag.raw]
            self._at = _At.CLOSED

    def _close_by_second(self) -> None:
        self._note("The reasoning is closed by a second opening tag.")
        self._give("reasoning", self._reasoning.finish())
        self._at = _At.BETWEEN

    def _open_in_doubt(self) -> None:
        self._note("The reasoning is not closed.")
        self._give("reasoning", self._reasoning.finish())
        held = "".join(self._held[1:])
        self._held.clear()
        self._steps.append("<answer>")
        self._at = _At.ANSWER
        self._write("answer", held)

    def _end(self) -> None:
        if self._at is _At.DOUBT:
            self._open_in_doubt()
        held = "".join(self._held[1:] if self._at is _At.CLOSED else self._held)
        match self._at:
            case _At.BEFORE if holds_text(held):
                self._note("The reply has no tags; all of it was taken as the answer.")
                self._write("answer", without_opening_fence(held))
            case _At.REASONING:
                self._note("The reasoning is not closed.")
            case _At.REASONING_TWICE:
                self._close_by_second()
            case _At.BETWEEN if holds_text(held):
                self._note("The answer has no tags; what follows the reasoning was taken for it.")
                self._write("answer", without_opening_fence(held))
            case _At.ANSWER:
                self._note("The answer is not closed.")
            case _At.ANSWER_TWICE:
                self._note("The answer is closed by a second opening tag.")
            case _At.CLOSED if holds_text(held):
                if self._answer.empty:
                    self._note("The answer stands behind its tags.")
                    self._steps.clear()
                    self._write("answer", without_opening_fence(held))
                else:
                    self._note("Text after the answer was left out.")
        self._give("reasoning", self._reasoning.finish())
        self._give("answer", self._answer.finish())
        if self._reasoning.empty:
            self._note("There is no reasoning.")
        if self._answer.empty:
            self._note("There is no answer.")

    # --- what the steps share ---------------------------------------------------------------------

    def _check(self, tag: Tag) -> None:
        if not tag.exact:
            self._note("A tag is written with other letters or blanks than it should.")

    def _note(self, problem: str) -> None:
        self._problems[problem] = None

    def _release(self) -> str:
        held = "".join(self._held)
        self._held.clear()
        return held

    def _write(self, segment: str, text: str) -> None:
        target = self._reasoning if segment == "reasoning" else self._answer
        self._give(segment, target.write(text))

    def _give(self, segment: str, text: str) -> None:
        if text:
            self._pieces.append(Piece(segment, text))

    def _given(self) -> list[Piece]:
        pieces, self._pieces = self._pieces, []
        return [
            Piece(segment, "".join(piece.text for piece in run))
            for segment, run in groupby(pieces, key=lambda piece: piece.segment)
        ]


def parse_reply(text: str) -> Reply:
    """Parse a whole raw reply; any text gives a result."""
    parser = ReplyParser()
    parser.feed(text)
    parser.close()
    return parser.reply
