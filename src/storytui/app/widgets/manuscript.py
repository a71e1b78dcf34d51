"""The manuscript on the screen: an editing area that is made for prose."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.document._document import EditResult, Location
from textual.document._document_navigator import DocumentNavigator
from textual.document._edit import Edit
from textual.expand_tabs import expand_text_tabs_from_widths
from textual.message import Message
from textual.reactive import var
from textual.strip import Strip
from textual.widgets import TextArea

from storytui.app.keys import bind
from storytui.app.widgets.markdown_look import Look, shown, spans
from storytui.app.widgets.story_document import Gravity, Mark, StoryDocument
from storytui.app.widgets.story_wrap import StoryWrap
from storytui.story.joining import Joined
from storytui.story.words import count_words

__all__ = ["Insertion", "ManuscriptArea", "Mark"]

UNDO_STEPS = 10_000
"""How many steps can be undone; a step is a word or two of typing."""


@dataclass(frozen=True, slots=True)
class Insertion:
    """Text that was put into the manuscript in one step, and what it replaced."""

    start: int
    """Where it was put, in characters; `mark` says where that is now."""
    removed: str
    inserted: str
    mark: Mark


class _TrackedEdit(Edit):
    """An edit that puts marks back exactly when it is undone and redone, and knows its states."""

    def __init__(self, edit: Edit, before: int, after: int) -> None:
        super().__init__(
            edit.text, edit.from_location, edit.to_location, edit.maintain_selection_offset
        )
        self.before = before
        """The number of the text's state that the edit was made in."""
        self.after_state = after
        self._marks_before: list[tuple[Mark, Location]] = []
        self._marks_after: list[tuple[Mark, Location]] = []

    def do(self, text_area: TextArea, record_selection: bool = True) -> EditResult:
        """Make the edit, the first time or again."""
        assert isinstance(text_area, ManuscriptArea)
        self._marks_before = text_area.document.marks_between(self.top, self.bottom)
        result = super().do(text_area, record_selection)
        _put_back(self._marks_after)
        changed = self.text != result.replaced_text
        text_area.state = self.after_state if changed else self.before
        return result

    def undo(self, text_area: TextArea) -> EditResult:
        """Take the edit back."""
        assert isinstance(text_area, ManuscriptArea)
        assert self._edit_result is not None
        end = self._edit_result.end_location
        self._marks_after = text_area.document.marks_between(self.top, end)
        result = super().undo(text_area)
        _put_back(self._marks_before)
        text_area.state = self.before
        return result


def _put_back(marks: Sequence[tuple[Mark, Location]]) -> None:
    for mark, location in marks:
        mark.location = location


class ManuscriptArea(TextArea, inherit_bindings=False):
    """The writer's text: soft-wrapped, Markdown lightly styled, places that survive edits.

    Offsets are characters in `text`, whose only line break is the line feed.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("undo", "undo"),
        bind("redo", "redo"),
        bind("cut", "cut"),
        bind("copy", "copy"),
        bind("paste", "paste"),
        bind("select-all", "select_all"),
        bind("delete-word-left", "delete_word_left"),
        bind("delete-to-line-start", "delete_to_start_of_line"),
        bind("delete-to-line-end", "delete_to_end_of_line_or_delete_line"),
        *(
            Binding(key, action, show=False)
            for key, action in (
                ("up", "cursor_up"),
                ("down", "cursor_down"),
                ("left", "cursor_left"),
                ("right", "cursor_right"),
                ("ctrl+left", "cursor_word_left"),
                ("ctrl+right", "cursor_word_right"),
                ("home", "cursor_line_start"),
                ("end", "cursor_line_end"),
                ("ctrl+home", "cursor_story_start"),
                ("ctrl+end", "cursor_story_end"),
                ("pageup", "cursor_page_up"),
                ("pagedown", "cursor_page_down"),
                ("shift+up", "cursor_up(True)"),
                ("shift+down", "cursor_down(True)"),
                ("shift+left", "cursor_left(True)"),
                ("shift+right", "cursor_right(True)"),
                ("ctrl+shift+left", "cursor_word_left(True)"),
                ("ctrl+shift+right", "cursor_word_right(True)"),
                ("shift+home", "cursor_line_start(True)"),
                ("shift+end", "cursor_line_end(True)"),
                ("ctrl+shift+home", "cursor_story_start(True)"),
                ("ctrl+shift+end", "cursor_story_end(True)"),
                ("backspace", "delete_left"),
                ("delete", "delete_right"),
                ("ctrl+delete,alt+delete", "delete_word_right"),
            )
        ),
    ]

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "manuscript--heading",
        "manuscript--emphasis",
        "manuscript--strong",
        "manuscript--mark",
        "manuscript--control",
        "manuscript--match",
    }

    sought: var[re.Pattern[str] | None] = var(None)
    """What the find bar looks for; its matches are marked in the lines that are seen."""

    @dataclass
    class Edited(Message):
        """The text changed."""

        area: "ManuscriptArea"

        @property
        def control(self) -> "ManuscriptArea":
            """The area whose text changed."""
            return self.area

    document: StoryDocument
    wrapped_document: StoryWrap

    def __init__(self, text: str = "", *, id: str | None = None) -> None:
        self.state = 0
        """The number of the state that the text is in; undo and redo lead back to old numbers."""
        self._newest_state = 0
        self._saved_state = 0
        super().__init__(
            text,
            id=id,
            tab_behavior="indent",
            max_checkpoints=UNDO_STEPS,
            highlight_cursor_line=False,
            compact=True,
        )
        self.indent_type = "tabs"

    # --- text -------------------------------------------------------------------------------------

    def load_story(self, text: str) -> None:
        """Show another text: no undo beyond it, no marks from before, saved."""
        self.load_text(text)
        self.mark_saved()
        self.post_message(self.Edited(self))

    @property
    def changed(self) -> bool:
        """Whether the text is another than the one last saved; undo leads back to saved."""
        return self.state != self._saved_state

    def mark_saved(self) -> None:
        """What stands here now is what stands in the file."""
        self.history.checkpoint()  # so that undo comes past exactly this state
        self._saved_state = self.state

    @property
    def words(self) -> int:
        """Words of the whole text."""
        return self.document.words

    @property
    def selected_words(self) -> int:
        """Words of the selection."""
        return self.document.words_between(*self.selection)

    def _set_document(self, text: str, language: str | None) -> None:
        """Hold `text` in a document that keeps every character, wrapped for long texts."""
        self._newest_state += 1
        self.state = self._newest_state
        self._saved_state = self.state
        self.document = StoryDocument(text, count_words)
        self.wrapped_document = StoryWrap(self.document, tab_width=self.indent_width)
        self.navigator = DocumentNavigator(self.wrapped_document)
        self.move_cursor((0, 0))
        self._rewrap_and_refresh_virtual_size()

    def edit(self, edit: Edit) -> EditResult:
        """Make an edit; every way of changing the text but undo and redo comes through here."""
        edit.text = _line_feeds_only(edit.text)
        self._newest_state += 1
        result = super().edit(_TrackedEdit(edit, self.state, self._newest_state))
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

    @offset.setter
    def offset(self, offset: int) -> None:  # type: ignore[override]
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

    def insert_joined(self, joined: Joined, at: int) -> Insertion:
        """Put a piece of an answer at offset `at`, as one undo step, with the cursor behind it."""
        start = max(0, at - joined.drop)
        top, bottom = self.location_of(start), self.location_of(at)
        inserted = _line_feeds_only(joined.text)
        self.history.checkpoint()
        result = self.replace(inserted, top, bottom, maintain_selection_offset=False)
        self.move_to(start + joined.caret)
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

    # --- keys -------------------------------------------------------------------------------------

    async def _on_key(self, event: events.Key) -> None:
        """Leave escape to whoever asks for it; TextArea would move the focus."""
        if event.key == "escape":
            event.prevent_default()

    async def _on_paste(self, event: events.Paste) -> None:
        """Insert what the terminal pastes, once."""
        event.prevent_default()
        event.stop()
        self._paste(event.text)

    def action_paste(self) -> None:
        """Insert what was last cut or copied here."""
        self._paste(self.app.clipboard)

    def _paste(self, text: str) -> None:
        if text and not self.read_only:
            self.replace(text, *self.selection, maintain_selection_offset=False)
            self.scroll_cursor_visible()

    def action_copy(self) -> None:
        """Copy the selection; nothing selected, nothing happens."""
        if self.selected_text:
            self.app.copy_to_clipboard(self.selected_text)

    def action_cut(self) -> None:
        """Cut the selection; without one a whole paragraph would go, so nothing happens."""
        if self.selected_text:
            super().action_cut()

    def action_cursor_story_start(self, select: bool = False) -> None:
        """Go to the beginning of the story."""
        self.move_cursor((0, 0), select=select)

    def action_cursor_story_end(self, select: bool = False) -> None:
        """Go to the end of the story."""
        self.move_cursor(self.document.end, select=select)

    def find_matching_bracket(self, bracket: str, search_from: Location) -> None:
        """Prose has no brackets to match, and looking for one reads the whole text."""

    # --- drawing ----------------------------------------------------------------------------------

    def _watch_sought(self) -> None:
        self.refresh()

    def _build_highlight_map(self) -> None:
        """Nothing to do after an edit: rows are remembered by what they show."""

    def render_line(self, y: int) -> Strip:
        """Draw row `y`, or remember it: the same line drawn the same way is drawn once."""
        wrapped = self.wrapped_document
        base = self._theme.base_style or self.rich_style
        row = y + self.scroll_offset.y
        if row >= wrapped.height:
            return Strip.blank(self.size.width, base)
        line_index, section_index = wrapped.row(row)
        start, end = wrapped.section(line_index, section_index)
        line = self.document.get_line(line_index)
        is_last = end == len(line)
        selected = self._selected_in(line_index, start, end, is_last)
        cursor = self._cursor_in(line_index, start, end, is_last)
        width = self.scrollable_content_region.size.width
        key = (line, start, end, width, self.indent_width, selected, cursor, self.sought)
        strip = self._line_cache.get(key)
        if strip is None:
            strip = self._draw(line_index, start, end, width, selected, cursor).apply_style(base)
            self._line_cache[key] = strip
        return strip

    def _selected_in(
        self, line_index: int, start: int, end: int, is_last: bool
    ) -> tuple[int, int] | None:
        """The selected characters of a row, from its start; a selected line break counts as one."""
        if self.selection.is_empty:
            return None
        top, bottom = sorted(self.selection)
        if not top[0] <= line_index <= bottom[0]:
            return None
        first = top[1] if top[0] == line_index else 0
        past = bottom[1] if bottom[0] == line_index else end + is_last
        first, past = max(first, start), min(past, end + is_last)
        return (first - start, past - start) if first < past else None

    def _cursor_in(self, line_index: int, start: int, end: int, is_last: bool) -> int | None:
        """The cursor's column in a row, where it is there to be drawn."""
        row, column = self.selection.end
        if row != line_index or not self._draw_cursor:
            return None
        here = start <= column < end or (is_last and column == end)
        return column - start if here else None

    def _draw(
        self,
        line_index: int,
        start: int,
        end: int,
        width: int,
        selected: tuple[int, int] | None,
        cursor: int | None,
    ) -> Strip:
        """Draw characters `start` to `end` of a line, `width` columns wide."""
        line = self.document.get_line(line_index)
        text = Text(shown(line[start:end]) + " ", end="", no_wrap=True)

        def stylize(style: Style | None, first: int, past: int) -> None:
            if style is not None and past > start and first < end + 1:
                text.stylize(style, max(0, first - start), past - start)

        for span in spans(line):
            stylize(self._look(span.look), span.start, span.end)
        if self.sought is not None:
            for match in self.sought.finditer(line):
                stylize(self._look("match"), *match.span())
        if selected is not None:
            text.stylize(self._theme.selection_style or Style(reverse=True), *selected)
        if cursor is not None:
            text.stylize(self._theme.cursor_style or Style(reverse=True), cursor, cursor + 1)
        if "\t" in text.plain:
            before = line.count("\t", 0, start)
            widths = self.wrapped_document.get_tab_widths(line_index)[before:]
            text = expand_text_tabs_from_widths(text, widths)
        strip = Strip(text.render(self.app.console), text.cell_len)
        return strip.adjust_cell_length(width)

    def _look(self, look: Look | str) -> Style:
        """How the theme draws something; only what it says itself, not the page's background."""
        return self.get_component_rich_style(f"manuscript--{look}", partial=True)


def _line_feeds_only(text: str) -> str:
    """Text from outside with the document's own line break."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
