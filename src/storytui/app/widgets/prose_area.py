"""A text area for prose: drawing and keys; what stands in it is the manuscript's affair."""

import re
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.document._document import Location
from textual.document._document_navigator import DocumentNavigator
from textual.expand_tabs import expand_text_tabs_from_widths
from textual.reactive import var
from textual.strip import Strip
from textual.widgets import TextArea

from storytui.app.keys import bind
from storytui.app.widgets.markdown_look import Look, shown, spans
from storytui.app.widgets.story_document import StoryDocument
from storytui.app.widgets.story_wrap import StoryWrap
from storytui.app.widgets.undo_steps import UndoSteps
from storytui.story.plain import plain
from storytui.story.words import count_words

UNDO_STEPS = 10_000
"""How many steps can be undone; a step is a word or two of typing."""

LONGEST_MATCH = 300
"""Characters; how far outside a row a match may reach and still be marked in it."""


class ProseArea(TextArea, inherit_bindings=False, inherit_css=False):
    """Soft-wrapped text with Markdown lightly styled.

    A keystroke draws the paragraph it falls in, however long the text is.
    """

    # What is needed of TextArea's, which is long and is read before the first paint.
    DEFAULT_CSS = """
    ProseArea {
        overflow: auto auto;
        pointer: text;
        scrollbar-background: $scrollbar-background;
        scrollbar-background-hover: $scrollbar-background-hover;
        scrollbar-background-active: $scrollbar-background-active;
        scrollbar-color: $scrollbar;
        scrollbar-color-active: $scrollbar-active;
        scrollbar-color-hover: $scrollbar-hover;
        scrollbar-corner-color: $scrollbar-corner-color;
    }
    ProseArea .text-area--cursor {
        color: $input-cursor-foreground;
        background: $input-cursor-background;
        text-style: $input-cursor-text-style;
    }
    ProseArea:light .text-area--cursor {
        color: $text 90%;
        background: $foreground 70%;
    }
    ProseArea .text-area--selection {
        color: $input-selection-foreground;
        background: $input-selection-background;
    }
    ProseArea:ansi .text-area--cursor {
        text-style: reverse;
    }
    ProseArea:ansi .text-area--selection {
        background: transparent;
        text-style: reverse;
    }
    """
    SCOPED_CSS = False

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
        *TextArea.COMPONENT_CLASSES,
        "manuscript--heading",
        "manuscript--emphasis",
        "manuscript--strong",
        "manuscript--mark",
        "manuscript--control",
        "manuscript--match",
    }

    sought: var[re.Pattern[str] | None] = var(None)
    """What the find bar looks for; its matches are marked in the lines that are seen."""

    document: StoryDocument
    wrapped_document: StoryWrap

    def __init__(self, text: str = "", *, id: str | None = None) -> None:
        super().__init__(
            text,
            id=id,
            tab_behavior="indent",
            highlight_cursor_line=False,
            compact=True,
        )
        self.history = UndoSteps(
            max_checkpoints=UNDO_STEPS,
            checkpoint_timer=self.history.checkpoint_timer,
            checkpoint_max_characters=self.history.checkpoint_max_characters,
        )
        self.indent_type = "tabs"

    def _set_document(self, text: str, language: str | None) -> None:
        """Hold `text` in a document that keeps every character, wrapped for long texts."""
        self.document = StoryDocument(text, count_words)
        self.wrapped_document = StoryWrap(self.document, tab_width=self.indent_width)
        self.navigator = DocumentNavigator(self.wrapped_document)
        self.move_cursor((0, 0))
        self._rewrap_and_refresh_virtual_size()

    def on_resize(self) -> None:
        """Another size, as when the pane comes from below: what she writes stays in sight."""
        self.call_after_refresh(self.scroll_cursor_visible)

    # --- keys -------------------------------------------------------------------------------------

    async def _on_key(self, event: events.Key) -> None:
        """Leave escape to whoever asks for it; TextArea would move the focus."""
        if event.key == "escape":
            event.prevent_default()

    def check_consume_key(self, key: str, character: str | None = None) -> bool:
        """Leave tab to the screen's binding where that has a use for it; else it indents."""
        return key != "tab" and super().check_consume_key(key, character)

    async def _on_paste(self, event: events.Paste) -> None:
        """Insert what the terminal pastes, once, as characters and without control characters."""
        event.prevent_default()
        event.stop()
        self._paste(plain(event.text))

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

    def get_cursor_left_location(self) -> Location:
        """The place to the left, past all that shares its columns."""
        row, column = super().get_cursor_left_location()
        return row, self.wrapped_document.group(row, column)[0]

    def get_cursor_right_location(self) -> Location:
        """The place to the right, past all that shares the columns of the cursor."""
        row, column = self.cursor_location
        if column < len(self.document.get_line(row)):
            return row, self.wrapped_document.group(row, column)[1]
        return super().get_cursor_right_location()

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
        text = Text(shown(line)[start:end] + " ", end="", no_wrap=True)

        def stylize(style: Style | None, first: int, past: int) -> None:
            if style is not None and past > start and first < end + 1:
                # A terminal puts together only what comes in one piece.
                first, _ = self.wrapped_document.group(line_index, max(start, first))
                _, past = self.wrapped_document.group(line_index, max(first, past - 1))
                text.stylize(style, first - start, past - start)

        for span in spans(line):
            stylize(self._look(span.look), span.start, span.end)
        if self.sought is not None:
            nearby = max(0, start - LONGEST_MATCH), end + LONGEST_MATCH
            for match in self.sought.finditer(line, *nearby):
                stylize(self._look("match"), *match.span())
        if selected is not None:
            first, past = selected
            stylize(self._theme.selection_style or Style(reverse=True), start + first, start + past)
        if cursor is not None:
            here = start + cursor
            stylize(self._theme.cursor_style or Style(reverse=True), here, here + 1)
        if "\t" in text.plain:
            before = line.count("\t", 0, start)
            widths = self.wrapped_document.get_tab_widths(line_index)[before:]
            text = expand_text_tabs_from_widths(text, widths)
        strip = Strip(text.render(self.app.console), text.cell_len)
        return strip.adjust_cell_length(width)

    def _look(self, look: Look | str) -> Style:
        """How the theme draws something; only what it says itself, not the page's background."""
        return self.get_component_rich_style(f"manuscript--{look}", partial=True)
