"""A text as lines, and edits of it that can be made again: what a journal replays."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

Place = tuple[int, int]
"""Line and column, from 0."""


class LineEdit(NamedTuple):
    """What stood between two places became `text`."""

    start: Place
    end: Place
    """Not before `start`."""
    text: str


class Lines:
    """A text that is edited line by line; its only line break is the line feed."""

    def __init__(self, text: str) -> None:
        self.lines = text.split("\n")

    @property
    def text(self) -> str:
        """The whole text."""
        return "\n".join(self.lines)

    def apply(self, edit: LineEdit) -> None:
        """Make an edit.

        Raises:
            IndexError: it begins or ends outside the text.
        """
        (top, left), (bottom, right) = edit.start, edit.end
        lines = self.lines
        if not (0 <= top <= bottom < len(lines)) or left > len(lines[top]) or min(left, right) < 0:
            raise IndexError(f"no place {edit.start}–{edit.end} in {len(lines)} lines")
        if right > len(lines[bottom]):
            raise IndexError(f"no place {edit.end} in {len(lines)} lines")
        new = edit.text.split("\n")
        new[0] = lines[top][:left] + new[0]
        new[-1] += lines[bottom][right:]
        lines[top : bottom + 1] = new


def joined(edits: Iterable[LineEdit]) -> list[LineEdit]:
    """The same edits with runs of typing, and of deleting backwards, made into one each."""
    result: list[LineEdit] = []
    for edit in edits:
        if result and (both := _one(result[-1], edit)) is not None:
            result[-1] = both
        else:
            result.append(edit)
    return result


def _one(first: LineEdit, second: LineEdit) -> LineEdit | None:
    """Two edits as one; None where they are not of one run within one line."""
    if "\n" in first.text or "\n" in second.text:
        return None
    if first.text and second.start == second.end == after(first):
        return LineEdit(first.start, first.end, first.text + second.text)
    deletes = not first.text and not second.text
    if deletes and second.end == first.start and second.start[0] == first.end[0]:
        return LineEdit(second.start, first.end, "")
    return None


def after(edit: LineEdit) -> Place:
    """Where the new text of an edit ends."""
    row, column = edit.start
    *above, last = edit.text.split("\n")
    return row + len(above), len(last) if above else column + len(last)


def runs(breaks: Sequence[str] | None) -> list[tuple[int, str]] | None:
    """The line breaks of a text that mixes them, as runs; None stays None."""
    if breaks is None:
        return None
    found: list[tuple[int, str]] = []
    for each in breaks:
        if found and found[-1][1] == each:
            found[-1] = (found[-1][0] + 1, each)
        else:
            found.append((1, each))
    return found


def from_runs(found: Iterable[tuple[int, str]] | None) -> list[str] | None:
    """The inverse of `runs`."""
    return None if found is None else [each for count, each in found for _ in range(count)]
