"""Go to a line."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label

from storytui.app.widgets.plain_input import PlainInput


class GotoLineScreen(ModalScreen[int | None]):
    """Asks for a line, counted from 1 as writers do; dismissed with it counted from 0, or None."""

    CSS_PATH = "dialog.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False)]

    def __init__(self, line_count: int, current_line: int = 0) -> None:
        """Ask for one of `line_count` lines; the cursor is in `current_line`, from 0."""
        super().__init__()
        self._line_count = line_count
        self._current_line = current_line

    def compose(self) -> ComposeResult:
        """One field."""
        with Vertical(classes="dialog"):
            yield Label("Go to line", classes="dialog-title", markup=False)
            yield PlainInput(
                placeholder=f"1 to {self._line_count:,}; you are in {self._current_line + 1:,}",
                type="integer",
                compact=True,
            )
            yield Label("enter goes · esc leaves", classes="dialog-hint", markup=False)

    @on(Input.Submitted)
    def _go(self, event: Input.Submitted) -> None:
        event.stop()
        try:
            line = int(event.value)
        except ValueError:
            self.query_one(".dialog-hint", Label).update("Type the number of a line.")
            return
        self.dismiss(max(1, min(line, self._line_count)) - 1)

    def action_leave(self) -> None:
        """Stay."""
        self.dismiss(None)
