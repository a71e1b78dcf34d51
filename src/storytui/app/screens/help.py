"""The keys as they are bound."""

from collections.abc import Sequence
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Label, Static

from storytui.story.visible import visible

Groups = Sequence[tuple[str, Sequence[tuple[str, str]]]]
"""Name of a group, and its rows of keys and what they do; `keys.help_groups` makes them."""


class HelpScreen(ModalScreen[None]):
    """Lists groups of keys; scrolls with the arrows; escape, enter or q leaves."""

    CSS_PATH = "dialog.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q,f1", "leave", show=False),
    ]

    def __init__(self, groups: Groups) -> None:
        """Show `groups`, in their order."""
        super().__init__()
        self._groups = groups

    def compose(self) -> ComposeResult:
        """The groups below each other."""
        with Vertical(classes="dialog -tall"):
            yield Label("The keys", classes="dialog-title", markup=False)
            with VerticalScroll(id="help-keys"):
                for name, rows in self._groups:
                    yield Label(visible(name), classes="help-group", markup=False)
                    yield Static(_table(rows), markup=False)
            yield Label(
                "↑ ↓ scroll · esc leaves · the settings change keys under [keys]",
                classes="dialog-hint",
                markup=False,
            )

    def on_mount(self) -> None:
        """Let the arrows scroll at once."""
        self.query_one("#help-keys").focus()

    def action_leave(self) -> None:
        """Back to the story."""
        self.dismiss(None)


def _table(rows: Sequence[tuple[str, str]]) -> Table:
    """Rows of keys and descriptions in two columns, the first as wide in every group."""
    table = Table.grid(padding=(0, 2))
    table.add_column(width=26)
    table.add_column(ratio=1)
    for keys, description in rows:
        table.add_row(Text(visible(keys, newlines=False)), Text(visible(description)))
    return table
