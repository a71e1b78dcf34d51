"""Jump to a chapter."""

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label, OptionList
from textual.widgets.option_list import Option

from storytui.app.widgets.plain_input import PlainInput
from storytui.story.outline import Chapter
from storytui.story.visible import visible


class OutlineScreen(ModalScreen[int | None]):
    """The chapters; typing narrows them down; dismissed with the line to jump to, or None."""

    CSS_PATH = "dialog.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("down,ctrl+n", "move(1)", show=False, priority=True),
        Binding("up,ctrl+p", "move(-1)", show=False, priority=True),
        Binding("pagedown", "move(10)", show=False, priority=True),
        Binding("pageup", "move(-10)", show=False, priority=True),
    ]

    def __init__(self, chapters: Sequence[Chapter], current_line: int = 0) -> None:
        """Show `chapters`; the one that `current_line` is in is chosen at first."""
        super().__init__()
        self._chapters = chapters
        self._current_line = current_line

    def compose(self) -> ComposeResult:
        """A field above a list."""
        with Vertical(classes="dialog -tall"):
            yield Label("Chapters", classes="dialog-title", markup=False)
            if self._chapters:
                yield PlainInput(placeholder="type to narrow down", compact=True)
                yield OptionList(compact=True, markup=False)
                yield Label("enter jumps · esc leaves", classes="dialog-hint", markup=False)
            else:
                yield Label(
                    "No chapters found. A line such as “# The Lamp” or “Chapter One” begins one.",
                    classes="dialog-text",
                    markup=False,
                )
                yield Label("esc leaves", classes="dialog-hint", markup=False)

    def on_mount(self) -> None:
        """Show all of them."""
        if self._chapters:
            self._show("")

    def _show(self, wanted: str) -> None:
        """List the chapters that have every word of `wanted` in their title."""
        words = wanted.casefold().split()
        chosen = [
            each for each in self._chapters if all(word in each.title.casefold() for word in words)
        ]
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options(Option(_row(each), id=str(each.line)) for each in chosen)
        if chosen:
            before = [at for at, each in enumerate(chosen) if each.line <= self._current_line]
            options.highlighted = before[-1] if before and not words else 0

    @on(Input.Changed)
    def _narrow(self, event: Input.Changed) -> None:
        event.stop()
        self._show(event.value)

    @on(Input.Submitted)
    def _jump_to_highlighted(self, event: Input.Submitted) -> None:
        event.stop()
        options = self.query_one(OptionList)
        if options.highlighted is not None:
            self._jump(options.get_option_at_index(options.highlighted))

    @on(OptionList.OptionSelected)
    def _jump_to_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._jump(event.option)

    def _jump(self, option: Option) -> None:
        assert option.id is not None
        self.dismiss(int(option.id))

    def action_move(self, rows: int) -> None:
        """Move through the list while the field keeps the focus."""
        if not self._chapters:
            return
        options = self.query_one(OptionList)
        if options.highlighted is not None:
            last = options.option_count - 1
            options.highlighted = max(0, min(last, options.highlighted + rows))

    def action_leave(self) -> None:
        """Jump nowhere."""
        self.dismiss(None)


def _row(chapter: Chapter) -> Text:
    """A chapter as a row of the list, indented by its level."""
    title = visible(chapter.title, newlines=False)
    return Text("  " * (chapter.level - 1) + title, no_wrap=True, overflow="ellipsis")
