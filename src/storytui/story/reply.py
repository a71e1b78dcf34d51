"""A raw reply of a model becomes reasoning and answer, piece by piece as it arrives."""

from dataclasses import dataclass


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


class ReplyParser:
    """Parses a reply that arrives in pieces of any size."""

    def feed(self, text: str) -> list[Piece]:
        """Take more of the raw reply; returns the text that is certain by now."""
        raise NotImplementedError

    def close(self) -> list[Piece]:
        """The raw reply is over; returns what was held back."""
        raise NotImplementedError

    @property
    def reply(self) -> Reply:
        """The reply as known so far; final after `close`."""
        raise NotImplementedError


def parse_reply(text: str) -> Reply:
    """Parse a whole raw reply; any text gives a result."""
    parser = ReplyParser()
    parser.feed(text)
    parser.close()
    return parser.reply
