"""Where a window began: remembered by the text round it, and found again after edits elsewhere."""

from dataclasses import dataclass

REMEMBERED = 64
"""Characters on each side by which a place is known again."""
_TELLING = 16
"""Fewer characters in front of a place stand in many places."""
_INSERTED = 400
"""Characters that may have come between the two sides of a place."""


@dataclass(frozen=True, slots=True)
class Start:
    """Where a window began. Character 0 is the story's beginning, whatever stands there."""

    offset: int
    """The character of the manuscript, as it was."""
    after: str
    """What stood behind it."""
    before: str
    """What stood in front of it."""


def start_at(text: str, offset: int) -> Start:
    """Remember the place at character `offset` of a manuscript."""
    after = text[offset : offset + REMEMBERED]
    return Start(offset, after, text[max(0, offset - REMEMBERED) : offset])


def find_start(text: str, start: Start, low: int, high: int) -> int | None:
    """Where a remembered place is now, in characters; None where it is not known again.

    It is the place nearest to the old one that has the same text behind it or, where that was
    edited, the same text in front of it.

    Args:
        text: the manuscript.
        start: the place as it was.
        low: the first character that is looked at.
        high: the one behind the last.
    """
    if start.offset == 0:
        return 0 if low == 0 else None
    if start.after.strip():
        place = _nearest(text, start.after, start.offset, low, high)
        if place is not None:
            return _without_what_was_inserted(text, start, place, low)
    if len(start.before) >= _TELLING:
        length = len(start.before)
        place = _nearest(text, start.before, start.offset - length, max(0, low - length), high)
        return None if place is None else place + length
    return None


def _without_what_was_inserted(text: str, start: Start, place: int, low: int) -> int:
    """What was written at the very place since belongs behind it."""
    if len(start.before) < _TELLING or text.startswith(start.before, place - len(start.before)):
        return place
    near = max(low, place - _INSERTED)
    found = text.rfind(start.before, max(0, near - len(start.before)), place)
    return place if found < 0 else found + len(start.before)


def _nearest(text: str, part: str, offset: int, low: int, high: int) -> int | None:
    """Where `part` begins nearest to `offset` in `text[low:high]`."""
    offset = min(max(offset, low), high)
    if text.startswith(part, offset) and offset + len(part) <= high:
        return offset
    behind = text.find(part, offset, high)
    # Only what is nearer than that is looked at in front.
    reach = low if behind < 0 else max(low, offset - (behind - offset))
    front = text.rfind(part, reach, min(high, offset + len(part) - 1))
    if front >= 0:
        return front
    return None if behind < 0 else behind
