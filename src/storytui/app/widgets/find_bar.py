"""The bar below the manuscript that finds and replaces; it knows no manuscript, it only asks."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Button, Input, Label

from storytui.app.widgets.plain_input import PlainInput


def _label(match_case: bool) -> Content:
    """What the button says; Textual would read a string as markup."""
    return Content("Same case" if match_case else "Any case")


class FindBar(Vertical):
    """What to find, and what to put in its place."""

    # Not a style sheet of the app: those are read before the first paint.
    DEFAULT_CSS = Path(__file__).with_suffix(".tcss").read_text(encoding="utf-8")
    SCOPED_CSS = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", show=False),
        Binding("down", "step(1)", show=False),
        Binding("up,shift+enter", "step(-1)", show=False),
        Binding("alt+c", "toggle_case", show=False),
    ]

    result: reactive[str] = reactive("", layout=True)
    """What came of it: `3 of 17`, `no match`; comes from above."""
    match_case: reactive[bool] = reactive(False)
    """Whether capitals matter."""
    replacing: reactive[bool] = reactive(False)
    """Whether the line with the replacement is there."""

    @dataclass
    class Sought(Message):
        """Something else is looked for."""

        text: str
        match_case: bool

    @dataclass
    class Step(Message):
        """To the next match, or with -1 to the one before."""

        direction: int

    @dataclass
    class Replace(Message):
        """Replace the match at the cursor, or all of them."""

        replacement: str
        everywhere: bool

    class Closed(Message):
        """The writer is done with it."""

    def compose(self) -> ComposeResult:
        """One line to find, one to replace."""
        with Horizontal(classes="find-row"):
            yield Label("Find", classes="find-label", markup=False)
            yield PlainInput(id="find-text", compact=True, placeholder="as you type")
            yield Label("", id="find-result", markup=False)
            yield Button(_label(False), id="find-case", compact=True)
        with Horizontal(classes="find-row", id="replace-row"):
            yield Label("Replace by", classes="find-label", markup=False)
            yield PlainInput(id="replace-text", compact=True, placeholder="enter replaces one")
            yield Button("One", id="replace-one", compact=True)
            yield Button("All", id="replace-all", compact=True)

    def on_mount(self) -> None:
        """Show the second line only where it was asked for."""
        self.query_one("#replace-row").display = self.replacing

    def open(self, text: str, *, replacing: bool) -> None:
        """Come into view with `text` ready to be typed over."""
        self.display = True
        self.replacing = replacing
        field = self.query_one("#find-text", Input)
        if text:
            field.value = text
        field.focus()
        field.action_select_all()
        self._ask()

    @property
    def text(self) -> str:
        """What is looked for."""
        return self.query_one("#find-text", Input).value

    def watch_result(self, result: str) -> None:
        """Show what came of it."""
        if self.is_mounted:
            self.query_one("#find-result", Label).update(result)

    def watch_match_case(self, match_case: bool) -> None:
        """Say it and look again."""
        if self.is_mounted:
            self.query_one("#find-case", Button).label = _label(match_case)
            self._ask()

    def watch_replacing(self, replacing: bool) -> None:
        """Show or hide the second line."""
        if self.is_mounted:
            self.query_one("#replace-row").display = replacing

    @on(Input.Changed, "#find-text")
    def _ask(self) -> None:
        self.post_message(self.Sought(self.text, self.match_case))

    @on(Input.Submitted, "#find-text")
    def _next(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Step(1))

    @on(Input.Submitted, "#replace-text")
    @on(Button.Pressed, "#replace-one")
    def _replace_one(self, event: Message) -> None:
        event.stop()
        self.post_message(self.Replace(self._replacement, everywhere=False))

    @on(Button.Pressed, "#replace-all")
    def _replace_all(self, event: Message) -> None:
        event.stop()
        self.post_message(self.Replace(self._replacement, everywhere=True))

    @property
    def _replacement(self) -> str:
        return self.query_one("#replace-text", Input).value

    def action_step(self, direction: int) -> None:
        """To another match."""
        self.post_message(self.Step(direction))

    @on(Button.Pressed, "#find-case")
    def _case_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.action_toggle_case()

    def action_toggle_case(self) -> None:
        """Capitals matter, or not."""
        self.match_case = not self.match_case

    def action_close(self) -> None:
        """Back to the manuscript."""
        self.post_message(self.Closed())
