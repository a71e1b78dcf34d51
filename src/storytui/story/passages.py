"""The places where two texts differ, each with a little of the text round it.

A comparison of two books is two books long; what is read is the changes, and enough of what
stands before and after them to know where one is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from storytui.story.compare import Piece

CONTEXT = 180
"""Characters of unchanged text before and after a change: two or three lines."""
_LONGEST = 3_000
"""Characters after which a passage ends at the next change, however near it is."""


@dataclass(frozen=True, slots=True)
class Passage:
    """Changes that stand near each other, and what is round them."""

    pieces: tuple[Piece, ...]
    first: int
    """The number of its first change, from 0."""
    count: int
    """How many changes are in it, at least one."""
    line: int
    """The line of the text after in which its first change begins, from 1."""
    begins_inside: bool
    """Whether what it begins with is not the beginning of a line."""
    ends_inside: bool
    """Whether what it ends with is not the end of a line."""


def passages(pieces: Sequence[Piece], *, context: int = CONTEXT) -> list[Passage]:
    """Gather the changes of a comparison into passages.

    Args:
        pieces: from `compare.compare`.
        context: how many characters of what did not change are shown on each side, at most.
    """
    found: list[Passage] = []
    open_ = _Open(0, 1)
    line = 1
    for at, piece in enumerate(pieces):
        if piece.kind != "equal":
            open_.add(piece, starts_change=at == 0 or pieces[at - 1].kind == "equal", line=line)
        else:
            last = at == len(pieces) - 1
            near = len(piece.text) <= 2 * context and open_.length < _LONGEST
            if open_.count and near and not last:
                open_.pieces.append(piece)
            else:
                # Between two passages nothing is shown twice.
                between = bool(open_.count) and not last
                room = min(context, len(piece.text) // 2) if between else context
                if open_.count:
                    after, inside = _head(piece.text, room)
                    found.append(open_.closed(after, inside))
                before, inside = _tail(piece.text, room)
                open_ = _Open(open_.first + open_.count, line)
                if before:
                    open_.pieces.append(Piece("equal", before))
                open_.begins_inside = inside
        if piece.kind != "removed":
            line += piece.text.count("\n")
    if open_.count:
        found.append(open_.closed("", False))
    return found


class _Open:
    """A passage that may still grow."""

    def __init__(self, first: int, line: int) -> None:
        self.first = first
        self.pieces: list[Piece] = []
        self.count = 0
        self.line = line
        self.begins_inside = False

    @property
    def length(self) -> int:
        return sum(len(each.text) for each in self.pieces)

    def add(self, piece: Piece, *, starts_change: bool, line: int) -> None:
        if not self.count:
            self.line = line
        self.count += starts_change
        self.pieces.append(piece)

    def closed(self, after: str, ends_inside: bool) -> Passage:
        pieces = [*self.pieces, Piece("equal", after)] if after else self.pieces
        return Passage(
            tuple(pieces), self.first, self.count, self.line, self.begins_inside, ends_inside
        )


def _head(text: str, most: int) -> tuple[str, bool]:
    """The first characters of `text`, to the end of a line or word; whether inside a line."""
    if len(text) <= most:
        return text.rstrip("\n"), False
    short = text[:most]
    end = short.rfind("\n", most // 2)
    if end >= 0:
        return short[:end].rstrip("\n"), False
    return short[: max(short.rfind(" "), 0) or most], True


def _tail(text: str, most: int) -> tuple[str, bool]:
    """The last characters of `text`, from the start of a line or word; whether inside a line."""
    if len(text) <= most:
        return text.lstrip("\n"), False
    short = text[len(text) - most :]
    start = short.find("\n", 0, most // 2) + 1
    if start:
        return short[start:].lstrip("\n"), False
    return short[short.find(" ") + 1 :], True
