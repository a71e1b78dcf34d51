"""Ask for a file's name."""

from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label

from storytui.app.widgets.plain_input import PlainInput


class SaveAsScreen(ModalScreen[Path | None]):
    """Asks where to write the story; dismissed with the path, `~` expanded, or None.

    A file that is there already is only overwritten after a second enter.
    """

    CSS_PATH = "dialog.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False)]

    def __init__(self, suggestion: Path | None = None) -> None:
        """Ask, with `suggestion` as a first answer; choosing it again asks nothing further."""
        super().__init__()
        self._suggestion = suggestion
        self._agreed: Path | None = suggestion
        """The existing file that the writer has agreed to overwrite."""

    def compose(self) -> ComposeResult:
        """One field."""
        with Vertical(classes="dialog"):
            yield Label("Save the story as", classes="dialog-title", markup=False)
            yield PlainInput(
                str(self._suggestion or ""),
                placeholder="story.md",
                compact=True,
                select_on_focus=False,
            )
            yield Label("enter saves · esc leaves", classes="dialog-hint", markup=False)

    @on(Input.Submitted)
    def _save(self, event: Input.Submitted) -> None:
        event.stop()
        if not event.value.strip():
            self._say("Type a name for the file.")
            return
        try:
            path = Path(event.value.strip()).expanduser()
            problem = self._problem(path)
        except (OSError, RuntimeError, ValueError):
            problem = "There can be no file of that name; choose another."
        if problem:
            self._say(problem)
        else:
            self.dismiss(path)

    def _problem(self, path: Path) -> str:
        """Why `path` is not written to yet; empty where it can be."""
        if path != self._suggestion and not str(path).isprintable():
            return "There can be no file of that name; choose another."
        if path.is_dir():
            return "That is a folder; add a name for the file."
        if not path.parent.is_dir():
            return "The folder does not exist; choose another, or make it first."
        if path.exists() and path != self._agreed:
            self._agreed = path
            return "That file exists; enter again overwrites it."
        return ""

    def _say(self, text: str) -> None:
        self.query_one(".dialog-hint", Label).update(text)

    def action_leave(self) -> None:
        """Save nothing."""
        self.dismiss(None)
