"""The text under the editing area: lines that break at line feeds only, marks, counted words.

Textual's own document takes form feeds, U+0085, U+2028 and others for line breaks and forgets
which was which; a manuscript must come out as it went in.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from textual.document._document import Document, EditResult, Location

Gravity = Literal["left", "right"]
"""Where a mark stays when text is inserted exactly at it: before the text, or after it."""


class Mark:
    """A place in a document that stays true through every edit, undo and redo."""

    __slots__ = ("_document", "gravity", "location")

    def __init__(self, document: "StoryDocument", location: Location, gravity: Gravity) -> None:
        self._document = document
        self.location: Location = location
        """Line and column, kept by the document."""
        self.gravity: Gravity = gravity

    @property
    def offset(self) -> int:
        """The place as a number of characters from the document's start."""
        return self._document.offset_of(self.location)


class StoryDocument(Document):
    """A document whose only line break is the line feed.

    The cost of an edit depends on the lines it touches, not on the length of the document.
    """

    def __init__(self, text: str, count_words: Callable[[str], int]) -> None:
        """Hold `text`; `count_words` must not count across line breaks."""
        super().__init__("")
        self._lines = text.split("\n")
        self._known_row = (0, 0)
        """A line, and how many characters stand before it: places are counted from there."""
        self._count_words = count_words
        self._words_by_line: list[int] | None = None
        self._words = 0
        self._marks: set[Mark] = set()
        self.state = 0
        """The number of the state the text is in; undo and redo lead back to old numbers."""
        self._newest_state = 0
        self._saved_state = 0
        self.breaks: list[str] | None = None
        """The line break behind each line but the last, where a file mixes them; else None."""
        self.default_break = "\n"
        """What a new line of such a file gets where there is no line above it."""
        self.on_change: Callable[[Location, Location, str], None] | None = None
        """Called before each change: what stands between two places becomes a text."""

    # --- text -------------------------------------------------------------------------------------

    def replace_range(self, start: Location, end: Location, text: str) -> EditResult:
        """Replace what stands between two places; every change of the text comes through here."""
        top, bottom = sorted((self._inside(start), self._inside(end)))
        if self.on_change is not None:
            self.on_change(top, bottom, text)
        replaced = self.get_text_range(top, bottom)
        (top_row, top_column), (bottom_row, bottom_column) = top, bottom
        lines = self._lines
        if self._known_row[0] > top_row:
            self._characters_before(top_row)
        after = lines[bottom_row][bottom_column:]
        before = lines[top_row][:top_column]
        new_lines = text.split("\n")
        if self.breaks is not None:
            # A new line is broken as the one that it was opened in.
            like = self.breaks[top_row] if top_row < len(self.breaks) else self.default_break
            self.breaks[top_row:bottom_row] = [like] * (len(new_lines) - 1)
        new_lines[0] = before + new_lines[0]
        new_end = (top_row + len(new_lines) - 1, len(new_lines[-1]))
        new_lines[-1] += after
        lines[top_row : bottom_row + 1] = new_lines
        self._recount(top_row, bottom_row + 1, new_lines)
        for mark in self._marks:
            mark.location = _moved(mark, top, bottom, new_end)
        return EditResult(new_end, replaced)

    def get_text_range(self, start: Location, end: Location) -> str:
        """The text between two places, in either order; both must be in the document."""
        (top_row, top_column), (bottom_row, bottom_column) = sorted((start, end))
        lines = self._lines
        if top_row == bottom_row:
            return lines[top_row][top_column:bottom_column] if top_row < len(lines) else ""
        parts = [lines[top_row][top_column:], *lines[top_row + 1 : bottom_row]]
        if bottom_row < len(lines):
            parts.append(lines[bottom_row][:bottom_column])
        return "\n".join(parts)

    def keep_breaks(self, breaks: Sequence[str] | None, default: str) -> None:
        """Know the line break behind each line but the last, where the file mixes them.

        Args:
            breaks: as many as there are lines but one; None where all are the same. Too few or
                too many are as good as none known: every line then gets the default.
            default: what a line gets where nothing else is known.
        """
        self.default_break = default
        self.breaks = None
        if breaks is not None:
            fits = len(breaks) == len(self._lines) - 1
            self.breaks = list(breaks) if fits else [default] * (len(self._lines) - 1)

    def _inside(self, location: Location) -> Location:
        """The place, or the nearest one that there is."""
        row, column = location
        if row < 0:
            return 0, 0
        if row >= len(self._lines):
            return len(self._lines) - 1, len(self._lines[-1])
        return row, max(0, min(column, len(self._lines[row])))

    # --- states -----------------------------------------------------------------------------------

    def new_state(self) -> int:
        """A number that no state of this text has had."""
        self._newest_state += 1
        return self._newest_state

    @property
    def changed(self) -> bool:
        """Whether the text is in another state than the saved one."""
        return self.state != self._saved_state

    def mark_saved(self) -> None:
        """The state the text is in is the saved one."""
        self._saved_state = self.state

    def mark_unsaved(self) -> None:
        """No state that the text was in is the saved one."""
        self._saved_state = -1

    # --- places -----------------------------------------------------------------------------------

    def offset_of(self, location: Location) -> int:
        """Characters before a place; a place outside the document counts as its nearest end."""
        row, column = location
        lines = self._lines
        if row < 0:
            return 0
        if row >= len(lines):
            row, column = len(lines) - 1, len(lines[-1])
        return self._characters_before(row) + max(0, min(column, len(lines[row])))

    def location_of(self, offset: int) -> Location:
        """The place before which there are `offset` characters, or the document's nearest end."""
        offset = max(0, offset)
        lines = self._lines
        row, before = self._known_row
        while before > offset:
            row -= 1
            before -= len(lines[row]) + 1
        while before + len(lines[row]) < offset:
            if row == len(lines) - 1:
                return self.end
            before += len(lines[row]) + 1
            row += 1
        self._known_row = row, before
        return row, offset - before

    def _characters_before(self, row: int) -> int:
        """Characters before a line, counted from the one that was last asked for.

        What is asked for lies together: the cursor, the take's place, what was accepted there.
        """
        known_row, known = self._known_row
        between = self._lines[min(row, known_row) : max(row, known_row)]
        characters = sum(map(len, between)) + len(between)
        before = known + characters if row >= known_row else known - characters
        self._known_row = row, before
        return before

    def mark(self, location: Location, gravity: Gravity) -> Mark:
        """Start keeping a place true."""
        mark = Mark(self, location, gravity)
        self._marks.add(mark)
        return mark

    def unmark(self, mark: Mark) -> None:
        """Stop keeping a place true; it may already have been given up."""
        self._marks.discard(mark)

    def marks_between(self, top: Location, bottom: Location) -> list[tuple[Mark, Location]]:
        """The marks from `top` to `bottom`, both included, and where they are."""
        return [(mark, mark.location) for mark in self._marks if top <= mark.location <= bottom]

    # --- words ------------------------------------------------------------------------------------

    @property
    def words(self) -> int:
        """Words of the whole document, counted at the first call and then kept line by line."""
        if self._words_by_line is None:
            self._words_by_line = [self._count_words(line) for line in self._lines]
            self._words = sum(self._words_by_line)
        return self._words

    def words_between(self, start: Location, end: Location) -> int:
        """Words between two places; only the first and the last line are counted anew."""
        top, bottom = sorted((start, end))
        if top[0] == bottom[0]:
            return self._count_words(self.get_text_range(top, bottom))
        _ = self.words
        assert self._words_by_line is not None
        return (
            self._count_words(self._lines[top[0]][top[1] :])
            + sum(self._words_by_line[top[0] + 1 : bottom[0]])
            + self._count_words(self._lines[bottom[0]][: bottom[1]])
        )

    def _recount(self, first: int, past: int, new_lines: Iterable[str]) -> None:
        """Keep the counts true where lines `first` up to `past` became `new_lines`."""
        if self._words_by_line is None:
            return
        new_counts = [self._count_words(line) for line in new_lines]
        self._words += sum(new_counts) - sum(self._words_by_line[first:past])
        self._words_by_line[first:past] = new_counts


def _moved(mark: Mark, top: Location, bottom: Location, new_end: Location) -> Location:
    """Where a mark is after the text from `top` to `bottom` became one that ends at `new_end`."""
    place = mark.location
    if place < top or (place == top and top < bottom):
        return place
    if place == top:  # a pure insertion, exactly at the mark
        return new_end if mark.gravity == "right" else place
    if place < bottom:  # its surroundings were replaced
        return new_end if mark.gravity == "right" else top
    row, column = place
    if row == bottom[0]:
        column += new_end[1] - bottom[1]
    return row + new_end[0] - bottom[0], column
