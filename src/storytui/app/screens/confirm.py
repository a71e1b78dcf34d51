"""A decision that cannot wait."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Label

from storytui.story.visible import visible

PAUSE_SECONDS = 0.7
"""A question that comes unasked takes letters after so long a pause."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer: what comes back, the letter that chooses it, and what it says."""

    result: str
    key: str
    label: str


class ConfirmScreen(ModalScreen[str | None]):
    """A sentence and answers; dismissed with the result of the chosen one, None on escape."""

    CSS_PATH = "dialog.tcss"
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("left,up", "app.focus_previous", show=False),
        Binding("right,down", "app.focus_next", show=False),
    ]

    def __init__(
        self,
        message: str,
        choices: Sequence[Choice],
        *,
        stay: str = "Stay",
        unasked: bool = False,
    ) -> None:
        """Ask `message`.

        Args:
            message: the sentence.
            choices: the answers.
            stay: names the answer that changes nothing, as escape does.
            unasked: the question comes while she may be typing: no answer has the focus, and a
                letter counts only after a pause, so that no word of hers chooses one.
        """
        super().__init__()
        self._unasked = unasked
        self._last_key = monotonic()
        self._message = message
        self._choices = choices
        self._stay = stay

    @classmethod
    def leaving(cls, name: str) -> "ConfirmScreen":
        """Before unsaved changes of `name` are lost: `save`, `discard`, or None to stay."""
        return cls(
            f"{visible(name, newlines=False)} has changes that are not saved.",
            (Choice("save", "s", "Save"), Choice("discard", "d", "Discard")),
        )

    def compose(self) -> ComposeResult:
        """The sentence above a row of buttons; the first has the focus."""
        with Vertical(classes="dialog"):
            yield Label(visible(self._message), classes="dialog-text", markup=False)
            with Horizontal(classes="dialog-answers"):
                for choice in self._choices:
                    label = _label(choice.label, choice.key)
                    yield Button(label, name=choice.result, compact=True)
                yield Button(_label(self._stay, "esc"), name="", compact=True)

    def on_mount(self) -> None:
        """The first answer is the safest one."""
        if self._unasked:
            self.set_focus(None)
            self._last_key = monotonic()
        else:
            self.query(Button).first().focus()

    def on_key(self, event: events.Key) -> None:
        """Choose by letter."""
        pause, self._last_key = monotonic() - self._last_key, monotonic()
        if self._unasked and pause < PAUSE_SECONDS:
            return
        for choice in self._choices:
            if event.key == choice.key:
                event.stop()
                self.dismiss(choice.result)

    @on(Button.Pressed)
    def _chosen(self, event: Button.Pressed) -> None:
        event.stop()
        self.dismiss(event.button.name or None)

    def action_leave(self) -> None:
        """Change nothing."""
        self.dismiss(None)


def _label(says: str, key: str) -> Content:
    """What stands on a button; Textual would read a string as markup."""
    return Content(visible(f"{says} ({key})", newlines=False))
