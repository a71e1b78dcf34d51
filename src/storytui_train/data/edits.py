"""PURE. A text that was edited, and the way back to what it was made from.

Cleaning is a list of edits over the source. Passes follow each other, each in the coordinates of
what the one before it left; what is kept is always one list over the source.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Edit(NamedTuple):
    """`text` in place of the characters from `start` up to `end`."""

    start: int
    end: int
    text: str


class _Piece(NamedTuple):
    """A stretch of the edited text: the source's characters, or others in their place."""

    start: int
    end: int
    text: str | None
    """None: the source's own characters."""

    def length(self) -> int:
        return self.end - self.start if self.text is None else len(self.text)


def apply(source: str, edits: Iterable[Edit], start: int = 0, end: int | None = None) -> str:
    """The text that edits make of `source[start:end]`; edits that lie outside do nothing.

    Args:
        source: what the offsets count in.
        edits: in order, none overlapping another.
        start: of the stretch, in characters.
        end: of the stretch; None: to the source's end.

    Raises:
        ValueError: the edits overlap, are not in order, or one reaches over the stretch's edge.
    """
    end = len(source) if end is None else end
    parts: list[str] = []
    at = start
    for edit in edits:
        if edit.end < start or edit.start > end:
            continue
        if edit.start < at or edit.end < edit.start or edit.end > end:
            raise ValueError(f"the edit {edit} is out of order, or reaches over an edge")
        parts += (source[at : edit.start], edit.text)
        at = edit.end
    parts.append(source[at:end])
    return "".join(parts)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Where a stretch of an edited text comes from."""

    start: int
    """Where it begins in the source, in characters."""
    end: int
    edits: tuple[Edit, ...]
    """Those inside it: `apply(source, edits, start, end)` is the stretch's text."""


class Positions:
    """Where each stretch of an edited text comes from: known from its edits, without its source."""

    def __init__(self, edits: Iterable[Edit], length: int) -> None:
        """Lay the edited text out beside its source. Linear, once; `stretch` takes log n.

        Args:
            edits: over the source, in order, none overlapping another.
            length: of the edited text, in characters.

        Raises:
            ValueError: the edits overlap, are not in order, or give a longer text than that.
        """
        pieces = _pieces(edits)
        rest = length - sum(piece.length() for piece in pieces)
        if rest < 0:
            raise ValueError(f"the edits give a text that is longer than {length} characters")
        if rest:
            at = pieces[-1].end if pieces else 0
            pieces.append(_Piece(at, at + rest, None))
        self._lay(pieces)

    def _lay(self, pieces: list[_Piece]) -> None:
        self._pieces = pieces
        self._starts: list[int] = []
        length = 0
        for start, end, text in pieces:
            self._starts.append(length)
            length += end - start if text is None else len(text)

    @property
    def edits(self) -> list[Edit]:
        """All edits over the source, in order; those that touch are one."""
        return _edits(self._pieces)

    def stretch(self, start: int, end: int) -> Stretch:
        """Where `text[start:end]` comes from.

        Edits that only remove something at its edges do not belong to it.
        """
        pieces = self._cut(start, end)
        while pieces and not pieces[0].length():
            pieces.pop(0)
        while pieces and not pieces[-1].length():
            pieces.pop()
        if not pieces:
            at = self._source_of(start)
            return Stretch(at, at, ())
        return Stretch(pieces[0].start, pieces[-1].end, tuple(_edits(pieces)))

    def _source_of(self, at: int) -> int:
        """The source's offset that `at` stands for."""
        index = bisect_right(self._starts, at) - 1
        if index < 0:
            return 0
        piece = self._pieces[index]
        return piece.start + (at - self._starts[index] if piece.text is None else 0)

    def _cut(self, start: int, end: int) -> list[_Piece]:
        """The pieces from `start` up to `end`, cut at both; removals at the start belong to it."""
        if start >= end:
            return []
        walk = _Walk(self._pieces, self._starts)
        walk.skip(start)
        return walk.up_to(end)


class _Walk:
    """Pieces from the first to the last, cut where they are asked to be."""

    def __init__(self, pieces: Sequence[_Piece], starts: Sequence[int]) -> None:
        self._pieces = pieces
        self._starts = starts
        """Where each piece begins in the edited text."""
        self._place = 0
        """The piece that comes next, or the one that `_at` lies in."""
        self._at = 0
        """Up to where the edited text was given out."""

    def skip(self, at: int) -> None:
        """Go on at an offset; removals that stand there are not behind it."""
        # Removals have no length: the first of several pieces that begin at one offset.
        self._place = bisect_left(self._starts, at, self._place)
        self._at = at
        if self._place and self._behind(self._place - 1) > at:
            self._place -= 1

    def up_to(self, end: int) -> list[_Piece]:
        """The pieces from here up to an offset; removals that stand there come next."""
        place, at = self._place, self._at
        if end <= at:
            return []
        stop = bisect_left(self._starts, end, place)
        if place == stop:
            return []
        found = list(self._pieces[place:stop])
        if (over := end - self._starts[stop - 1]) < found[-1].length():
            # Also where it is the first: the start is cut below.
            found[-1] = _part(found[-1], 0, over)
            stop -= 1
        if self._starts[place] < at:
            found[0] = _part(found[0], at - self._starts[place], found[0].length())
        self._place, self._at = stop, end
        return found

    def rest(self) -> list[_Piece]:
        """All that is left, removals at the end too."""
        found = list(self._pieces[self._place :])
        if found and self._starts[self._place] < self._at:
            found[0] = _part(found[0], self._at - self._starts[self._place], found[0].length())
        return found

    def _behind(self, place: int) -> int:
        return self._starts[place] + self._pieces[place].length()


def _part(piece: _Piece, start: int, end: int) -> _Piece:
    """Some of a piece's characters; what a replacement stood for goes with its first part."""
    if piece.text is None:
        return _Piece(piece.start + start, piece.start + end, None)
    return _Piece(piece.end if start else piece.start, piece.end, piece.text[start:end])


class Edited(Positions):
    """A source with edits: its text now, and where each stretch of it comes from."""

    def __init__(self, source: str, edits: Iterable[Edit] = ()) -> None:
        """Apply edits to a source.

        Args:
            source: what the offsets count in.
            edits: in order, none overlapping another.

        Raises:
            ValueError: they overlap, or are not in order.
        """
        self.source = source
        pieces = _pieces(edits)
        at = pieces[-1].end if pieces else 0
        if at > len(source):
            raise ValueError(f"an edit ends at {at}, behind the source's end")
        if at < len(source):
            pieces.append(_Piece(at, len(source), None))
        self._set(pieces)

    def _set(self, pieces: list[_Piece]) -> None:
        self._lay(pieces)
        source = self.source
        self.text = "".join(
            [source[start:end] if text is None else text for start, end, text in pieces]
        )
        """The text with all edits."""

    def edit(self, edits: Sequence[Edit]) -> "Edited":
        """The text after more edits, which count in `text` as it is now.

        Args:
            edits: in order, none overlapping another.

        Raises:
            ValueError: they overlap, or are not in order.
        """
        walk = _Walk(self._pieces, self._starts)
        pieces: list[_Piece] = []
        at = 0
        for start, end, text in edits:
            if start < at or end < start or end > len(self.text):
                raise ValueError(f"the edit from {start} to {end} is out of order")
            pieces += walk.up_to(start)
            replaced = walk.up_to(end)
            where = replaced[0].start if replaced else pieces[-1].end if pieces else 0
            pieces.append(_Piece(where, replaced[-1].end if replaced else where, text))
            at = end
        pieces += walk.rest()
        result = Edited.__new__(Edited)
        result.source = self.source
        result._set([each for each in pieces if each.text or each.end > each.start])
        return result


def _pieces(edits: Iterable[Edit]) -> list[_Piece]:
    """The edits, and what they leave before and between them."""
    pieces: list[_Piece] = []
    at = 0
    for start, end, text in edits:
        if start < at or end < start:
            raise ValueError(f"the edit from {start} to {end} is out of order")
        if start > at:
            pieces.append(_Piece(at, start, None))
        pieces.append(_Piece(start, end, text))
        at = end
    return pieces


def _edits(pieces: Iterable[_Piece]) -> list[Edit]:
    edits: list[Edit] = []
    for start, end, text in pieces:
        if text is None:
            continue
        if edits and edits[-1].end == start:
            edits[-1] = Edit(edits[-1].start, end, edits[-1].text + text)
        else:
            edits.append(Edit(start, end, text))
    return edits
