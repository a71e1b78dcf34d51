"""How accepted text joins what stands before and after the cursor."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Joined:
    """What to do at the cursor so that a piece of an answer stands there rightly."""

    drop: int
    """Blanks to remove just before the cursor."""
    text: str
    """What to insert there."""
    caret: int
    """Where the cursor stands afterwards, counted from the start of `text`."""


def join(before: str, piece: str, after: str, *, first: bool) -> Joined:
    """How `piece` of an answer is inserted between `before` and `after`.

    Args:
        before: the manuscript up to the cursor (its last few thousand characters are enough).
        piece: a stretch of the answer with the white space that stands in front of it there.
        after: the manuscript from the cursor on (its first few thousand characters are enough).
        first: whether the piece is the beginning of the answer.
    """
    raise NotImplementedError
