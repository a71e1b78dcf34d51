"""Edits that remember: where marks were, and which state of the text they lead to."""

from collections.abc import Sequence

from textual.document._document import EditResult, Location
from textual.document._edit import Edit
from textual.widgets import TextArea
from textual.widgets.text_area import Selection

from storytui.app.widgets.story_document import Mark, StoryDocument


class TrackedEdit(Edit):
    """An edit after whose undo and redo every mark is where it was before them.

    A mark inside deleted text goes to where the text was; that alone would not bring it back.
    The same is true of the line breaks of a file that mixes them.
    """

    def __init__(
        self, edit: Edit, document: StoryDocument, *, cursor_back: int | None = None
    ) -> None:
        """Track `edit`.

        Args:
            edit: the edit, not made yet.
            document: what it is made in.
            cursor_back: how many characters before the end of its text the cursor goes, the first
                time and with every redo; None: where `edit` itself puts it.
        """
        super().__init__(
            edit.text, edit.from_location, edit.to_location, edit.maintain_selection_offset
        )
        self._cursor_back = cursor_back
        self._document = document
        self._state_before = document.state
        self._state_after = document.new_state()
        self._marks_before: list[tuple[Mark, Location]] = []
        self._marks_after: list[tuple[Mark, Location]] = []
        self._breaks_before: list[str] = []
        self._breaks_after: list[str] | None = None
        """As they were when the edit was undone; None while it never was."""

    def do(self, text_area: TextArea, record_selection: bool = True) -> EditResult:
        """Make the edit, the first time or again."""
        self._marks_before = self._document.marks_between(self.top, self.bottom)
        if self._document.breaks is not None:
            self._breaks_before = self._document.breaks[self.top[0] : self.bottom[0]]
        result = super().do(text_area, record_selection)
        _put_back(self._marks_after)
        if self._breaks_after is not None:
            self._put_breaks(result.end_location, self._breaks_after)
        if self._cursor_back is not None:
            end = self._document.offset_of(result.end_location)
            cursor = self._document.location_of(end - self._cursor_back)
            self._updated_selection = Selection.cursor(cursor)
        changed = self.text != result.replaced_text
        self._document.state = self._state_after if changed else self._state_before
        return result

    def undo(self, text_area: TextArea) -> EditResult:
        """Take the edit back."""
        assert self._edit_result is not None
        end = self._edit_result.end_location
        self._marks_after = self._document.marks_between(self.top, end)
        if self._document.breaks is not None:
            self._breaks_after = self._document.breaks[self.top[0] : end[0]]
        result = super().undo(text_area)
        _put_back(self._marks_before)
        self._put_breaks(self.bottom, self._breaks_before)
        self._document.state = self._state_before
        return result

    def _put_breaks(self, end: Location, breaks: Sequence[str]) -> None:
        """Give the lines from the edit's top to `end` the breaks that they had."""
        first, past = self.top[0], end[0]
        if self._document.breaks is not None and len(breaks) == past - first:
            self._document.breaks[first:past] = breaks

    def absorb(self, later: "TrackedEdit") -> bool:
        """Be this edit and `later`, which was made right after it, in one.

        Returns whether that can be: both only type, the second where the first ended, in one line.
        """
        mine, other = self._edit_result, later._edit_result
        if mine is None or other is None or mine.replaced_text or other.replaced_text:
            return False
        if later.top != mine.end_location or "\n" in self.text or "\n" in later.text:
            return False
        if self._cursor_back is not None or later._cursor_back is not None:
            return False
        if self.maintain_selection_offset or later.maintain_selection_offset:
            return False
        self.text += later.text
        self._edit_result = EditResult(other.end_location, "")
        self._state_after = later._state_after
        return True


def _put_back(marks: Sequence[tuple[Mark, Location]]) -> None:
    for mark, location in marks:
        mark.location = location
