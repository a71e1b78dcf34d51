"""The manuscript on the screen: an editing area that is made for prose."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from textual.document._document import EditResult, Location
from textual.document._edit import Edit
from textual.message import Message

from storytui.app.widgets.prose_area import ProseArea
from storytui.app.widgets.story_document import Gravity, Mark
from storytui.app.widgets.tracked_edit import TrackedEdit

if TYPE_CHECKING:  # joining reads sentences, which is not needed to paint a page
    from storytui.story.joining import Joined

__all__ = ["Insertion", "ManuscriptArea", "Mark"]


class Insertion(NamedTuple):
    """Text that was put into the manuscript in one step, and what it replaced."""

    start: int
    """Where it was put, in characters; `mark` says where that is now."""
    removed: str
    inserted: str
    mark: Mark


class ManuscriptArea(ProseArea):
    """The writer's text: what was saved, places that survive edits, accepted text, words.

    Offsets are characters in `text`, whose only line break is the line feed.
    """

    @dataclass
    class Edited(Message):
        """The text changed."""

        area: "ManuscriptArea"

        @property
        def control(self) -> "ManuscriptArea":
            """The area whose text changed."""
            return self.area

    # --- text -------------------------------------------------------------------------------------

    def load_story(self, text: str) -> None:
        """Show another text: no undo beyond it, no marks from before, saved."""
        self.load_text(text)
        self.post_message(self.Edited(self))

    def become(self, text: str) -> None:
        """Turn into another text in one step that can be undone; only what differs is replaced."""
        now = self.text
        longest = min(len(now), len(text))
        first = _common(now, text, longest)
        last = _common(now[first:][::-1], text[first:][::-1], longest - first)
        self.history.checkpoint()
        self.replace(
            text[first : len(text) - last],
            self.location_of(first),
            self.location_of(len(now) - last),
            maintain_selection_offset=False,
        )
        self.history.checkpoint()

    @property
    def changed(self) -> bool:
        """Whether the text is another than the one last saved; undo leads back to saved."""
        return self.document.changed

    def mark_saved(self) -> None:
        """What stands here now is what stands in the file."""
        self.history.checkpoint()  # so that undo comes past exactly this state
        self.document.mark_saved()

    @property
    def words(self) -> int:
        """Words of the whole text."""
        return self.document.words

    @property
    def selected_words(self) -> int:
        """Words of the selection."""
        return self.document.words_between(*self.selection)

    def edit(self, edit: Edit) -> EditResult:
        """Make an edit; every way of changing the text but undo and redo comes through here."""
        edit.text = _line_feeds_only(edit.text)
        tracked = edit if isinstance(edit, TrackedEdit) else TrackedEdit(edit, self.document)
        result = super().edit(tracked)
        # TextArea scrolls before the page knows that it grew: at its foot that is too little.
        self.scroll_cursor_visible()
        self.post_message(self.Edited(self))
        return result

    def _undo_batch(self, edits: Sequence[Edit]) -> None:
        super()._undo_batch(edits)
        self.post_message(self.Edited(self))

    def _redo_batch(self, edits: Sequence[Edit]) -> None:
        super()._redo_batch(edits)
        self.post_message(self.Edited(self))

    def replace_all(self, pattern: re.Pattern[str], replacement: str) -> int:
        """Replace every match by the literal `replacement`, in one undo step; returns how many.

        The cursor and the marks stay where they are in the text around them.
        """
        text = self.text
        matches = [match.span() for match in pattern.finditer(text) if match.group()]
        if not matches:
            return 0
        first, last = matches[0][0], matches[-1][1]
        replacement = _line_feeds_only(replacement)

        def moved(offset: int) -> int:
            shift = 0
            for start, end in matches:
                if offset < end:
                    return min(offset, start) + shift
                shift += len(replacement) - (end - start)
            return offset + shift

        top, bottom = self.location_of(first), self.location_of(last)
        marks = [(mark, moved(mark.offset)) for mark, _ in self.document.marks_between(top, bottom)]
        cursor = moved(self.offset)
        new = "".join(
            text[before_end:start] + replacement
            for (_, before_end), (start, _) in zip([(0, first), *matches], matches, strict=False)
        )
        self.history.checkpoint()
        self.replace(new, top, bottom, maintain_selection_offset=False)
        for mark, offset in marks:
            mark.location = self.location_of(offset)
        self.move_to(cursor)
        return len(matches)

    def replace_selected_match(self, pattern: re.Pattern[str], replacement: str) -> bool:
        """Replace the selection by the literal `replacement` where it is a match of `pattern`."""
        if not pattern.fullmatch(self.selected_text):
            return False
        self.history.checkpoint()
        self.replace(replacement, *self.selection, maintain_selection_offset=False)
        self.history.checkpoint()
        return True

    # --- places -----------------------------------------------------------------------------------

    # Textual's Widget.offset is about the widget's place on the screen; this is a text's widget,
    # and what is asked of it is where in the text the cursor is.
    @property  # type: ignore[override]
    def offset(self) -> int:
        """Where the cursor is, in characters."""
        return self.offset_of(self.cursor_location)

    @offset.setter  # type: ignore[override]
    def offset(self, offset: int) -> None:
        self.move_to(offset)

    def move_to(self, offset: int, *, center: bool = False) -> None:
        """Put the cursor at `offset`, or at the text's nearest end, and scroll it into view."""
        self.move_cursor(self.location_of(offset), center=center)

    def select(self, start: int, end: int, *, center: bool = False) -> None:
        """Select from `start` to `end`, where the cursor goes."""
        self.move_cursor(self.location_of(start))
        self.move_cursor(self.location_of(end), select=True, center=center)

    def location_of(self, offset: int) -> Location:
        """Line and column, from 0, of an offset; those of the nearest end where it lies outside."""
        return self.document.location_of(offset)

    def offset_of(self, location: Location) -> int:
        """The offset of a line and column."""
        return self.document.offset_of(location)

    def mark(self, offset: int, gravity: Gravity = "left") -> Mark:
        """Keep a place true through every edit, undo and redo, until `unmark` or `load_story`.

        Args:
            offset: the place.
            gravity: where the mark stays when text is inserted exactly at it: `left` before it,
                `right` after it.
        """
        return self.document.mark(self.location_of(offset), gravity)

    def unmark(self, mark: Mark) -> None:
        """Give a mark up."""
        self.document.unmark(mark)

    # --- accepted text ----------------------------------------------------------------------------

    def insert_joined(self, joined: "Joined", at: int) -> Insertion:
        """Put a piece of an answer at offset `at`, as one undo step, with the cursor behind it."""
        start = max(0, at - joined.drop)
        top, bottom = self.location_of(start), self.location_of(at)
        inserted = _line_feeds_only(joined.text)
        self.history.checkpoint()
        edit = Edit(inserted, top, bottom, maintain_selection_offset=False)
        back = len(inserted) - joined.caret
        result = self.edit(TrackedEdit(edit, self.document, cursor_back=back))
        self.history.checkpoint()
        mark = self.document.mark(top, "right")
        return Insertion(start, result.replaced_text, inserted, mark)

    def take_back(self, insertion: Insertion) -> bool:
        """Undo `insertion` as a step of its own, wherever it stands now.

        Returns:
            False where its text was changed or is gone; then nothing happens.
        """
        start = insertion.mark.offset
        top, bottom = self.location_of(start), self.location_of(start + len(insertion.inserted))
        if self.document.get_text_range(top, bottom) != insertion.inserted:
            return False
        self.history.checkpoint()
        self.replace(insertion.removed, top, bottom, maintain_selection_offset=False)
        self.move_to(start + len(insertion.removed))
        self.history.checkpoint()
        self.unmark(insertion.mark)
        return True


def _common(one: str, other: str, longest: int) -> int:
    """How many characters two texts have in common at their beginning."""
    low = 0
    while low < longest:
        # Slices are compared far faster than characters one by one.
        step = 1
        while step < longest - low and one[low : low + 2 * step] == other[low : low + 2 * step]:
            step *= 2
        if one[low : low + step] != other[low : low + step]:
            return low
        low += min(step, longest - low)
    return low


def _line_feeds_only(text: str) -> str:
    """Text from outside with the document's own line break."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
