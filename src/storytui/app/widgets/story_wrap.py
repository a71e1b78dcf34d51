"""Soft wrapping of the manuscript, over what is shown and not over what is stored.

Textual's own wrapped document renumbers every row below an edit that changes the number of rows,
and counts all rows for every row it draws. Here the rows' numbers are worked out from the top as
far as somebody looks, and an edit forgets those below it.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

from rich.cells import split_graphemes
from textual.document._document import DocumentBase, Location
from textual.document._wrapped_document import WrappedDocument
from textual.geometry import Offset, clamp

from storytui.app.widgets.line_memory import remembered
from storytui.app.widgets.markdown_look import shown

# Everything but Latin, Greek and Cyrillic letters and typographer's punctuation, which take one
# column each.
_NOT_PLAIN = re.compile(
    r"[^\x20-\x7e\xa0-\xac\xae-\u02ff\u0370-\u0482\u048a-\u052f\u2010-\u2027\u2030-\u205e]"
)
_BLANKS = " \t"


@remembered(1024)
def _is_plain(line: str) -> bool:
    """Whether every character of a shown line takes one column."""
    return _NOT_PLAIN.search(line) is None


@remembered(64)
def cells(line: str, tab_width: int) -> Sequence[int]:
    """Columns of each character of a shown line, tab stops counted from the line's start.

    What is drawn over the character before it, or joined to it, has none: the first character of
    such a group has them all.
    """
    if _is_plain(line):
        return [1] * len(line)
    columns: list[int] = []
    x = 0
    for stretch in line.split("\t"):
        groups, width = split_graphemes(stretch)
        for start, end, group_width in groups:
            columns.append(group_width)
            columns.extend([0] * (end - start - 1))
        x += width
        columns.append(tab_width - x % tab_width)
        x += columns[-1]
    columns.pop()
    return columns


def wrap_line(line: str, width: int, tab_width: int) -> list[int]:
    """Where a shown line breaks, as character positions; `width` columns a row, 0 for no end.

    A row may end in one blank beyond its width, where the cursor has its place.
    """
    if not width or (len(line) <= width and _is_plain(line)):
        return []
    if not _is_plain(line):
        return _wrap_groups(line, cells(line, tab_width), width)
    breaks: list[int] = []
    start = 0
    while len(line) - start > width:
        blank = line.rfind(" ", start, start + width + 1)
        start = start + width if blank < 0 else blank + 1
        breaks.append(start)
    return breaks


def _wrap_groups(line: str, columns: Sequence[int], width: int) -> list[int]:
    """Where a line breaks whose characters take different columns; no group is torn apart."""
    breaks: list[int] = []
    start = x = 0
    behind_blank, x_behind_blank = 0, 0
    group = ""
    for place, taken in enumerate(columns):
        if not taken:
            continue
        if group and group in _BLANKS:
            behind_blank, x_behind_blank = place, x
        group = line[place]
        while x + taken > width and place > start and not (group == " " and x == width):
            if behind_blank > start:
                start, x = behind_blank, x - x_behind_blank
            else:
                start, x = place, 0
            breaks.append(start)
        x += taken
    return breaks


class StoryWrap(WrappedDocument):
    """Textual's wrapped view, fit for long texts; columns are those of the shown text."""

    def __init__(self, document: DocumentBase, tab_width: int) -> None:
        self._breaks: list[list[int]] = []
        self._height = 0
        self._tops: list[int] = []
        super().__init__(document, tab_width=tab_width)

    # --- wrapping ---------------------------------------------------------------------------------

    def wrap(self, width: int, tab_width: int | None = None) -> None:
        """Wrap all lines at `width` columns."""
        self._width = width
        self._tab_width = tab_width or self._tab_width
        self._breaks = [self._wrap(line) for line in self.document.lines]
        self._height = sum(map(len, self._breaks)) + len(self._breaks)
        self._tops = [0]

    def wrap_range(self, start: Location, old_end: Location, new_end: Location) -> None:
        """Wrap the lines that an edit touched; the document was edited before."""
        first = min(start[0], old_end[0], new_end[0])
        old_past = max(start[0], old_end[0]) + 1
        # What an edit leaves alone is the same number of lines, counted from the end.
        new_past = self.document.line_count - (len(self._breaks) - old_past)
        new = [self._wrap(line) for line in self.document.lines[first:new_past]]
        old = self._breaks[first:old_past]
        self._breaks[first:old_past] = new
        self._height += sum(map(len, new)) + len(new) - sum(map(len, old)) - len(old)
        del self._tops[first + 1 :]

    def _wrap(self, line: str) -> list[int]:
        return wrap_line(shown(line), self._width, self._tab_width)

    # --- rows -------------------------------------------------------------------------------------

    @property
    def height(self) -> int:
        """Rows in all."""
        return self._height

    @property
    def width(self) -> int:
        """Columns a row has; 0 while there is no wrapping."""
        return self._width

    def row(self, y: int) -> tuple[int, int]:
        """The line that row `y` shows, and which of its sections."""
        y = clamp(y, 0, self._height - 1)
        while self._tops[-1] + len(self._breaks[len(self._tops) - 1]) < y:
            self._count_one_more()
        line = bisect_right(self._tops, y) - 1
        return line, y - self._tops[line]

    def top(self, line: int) -> int:
        """The first row of a line."""
        while len(self._tops) <= line:
            self._count_one_more()
        return self._tops[line]

    def _count_one_more(self) -> None:
        last = len(self._tops) - 1
        self._tops.append(self._tops[last] + len(self._breaks[last]) + 1)

    def section(self, line: int, index: int) -> tuple[int, int]:
        """Where a section of a line starts and ends; negative ones count from the line's end."""
        bounds = [0, *self._breaks[line], len(self.document.get_line(line))]
        index %= len(bounds) - 1
        return bounds[index], bounds[index + 1]

    def get_offsets(self, line_index: int) -> list[int]:
        """Where a line breaks."""
        if not 0 <= line_index < len(self._breaks):
            raise ValueError(f"there is no line {line_index}; there are {len(self._breaks)}")
        return self._breaks[line_index]

    def get_sections(self, line_index: int) -> list[str]:
        """A line's shown text, row by row."""
        line = shown(self.document.get_line(line_index))
        bounds = [0, *self._breaks[line_index], len(line)]
        return [line[start:end] for start, end in pairwise(bounds)]

    def get_tab_widths(self, line_index: int) -> list[int]:
        """Columns of each tab of a line."""
        line = shown(self.document.get_line(line_index))
        columns = cells(line, self._tab_width)
        return [width for width, character in zip(columns, line, strict=True) if character == "\t"]

    # --- between the screen and the text ----------------------------------------------------------

    def widths(self, line_index: int, start: int, end: int) -> Sequence[int]:
        """Columns of each character of a stretch of a line."""
        return cells(shown(self.document.get_line(line_index)), self._tab_width)[start:end]

    def group(self, line_index: int, column: int) -> tuple[int, int]:
        """Where the characters start and end that share their columns with the one at `column`."""
        columns = cells(shown(self.document.get_line(line_index)), self._tab_width)
        start = column
        while 0 < start < len(columns) and not columns[start]:
            start -= 1
        end = start + 1
        while end < len(columns) and not columns[end]:
            end += 1
        return start, end

    def location_to_offset(self, location: Location) -> Offset:
        """Column and row of a place, from the top left of the whole text."""
        line, column = location
        line = clamp(line, 0, len(self._breaks) - 1)
        index = bisect_right(self._breaks[line], column)
        start, _ = self.section(line, index)
        column, _ = self.group(line, column)
        return Offset(sum(self.widths(line, start, column)), self.top(line) + index)

    def offset_to_location(self, offset: Offset) -> Location:
        """The place nearest to a column and row."""
        x, y = offset
        line, index = self.row(y)
        return line, self.get_target_document_column(line, x, index)

    def get_target_document_column(self, line_index: int, x_offset: int, y_offset: int) -> int:
        """The character of a line at column `x_offset` of its section `y_offset`."""
        line_index %= len(self._breaks)
        start, end = self.section(line_index, y_offset)
        column, x = start, 0
        for width in self.widths(line_index, start, end):
            x += width
            if x > x_offset:
                break
            column += 1
        is_last = end == len(self.document.get_line(line_index))
        # Beyond the last character of a row that goes on is the next row's first place.
        return column if is_last else min(column, end - 1)
