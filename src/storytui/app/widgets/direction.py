"""The last line of the pane: what is to come next, and how long it may be."""

from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static

from storytui.app.widgets.plain_input import PlainInput
from storytui.story.plain import plain

WORDS_STEP = 20
"""By how many words the up and down keys change the length."""
MOST_WORDS = 4000
"""The longest answer that can be asked for; the settings have the same bound."""


class WordsInput(PlainInput):
    """The length of the answer, in words; up and down change it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "change(1)", "Longer", show=False),
        Binding("down", "change(-1)", "Shorter", show=False),
    ]

    def __init__(self, words: int, *, id: str | None = None) -> None:
        super().__init__(str(words), compact=True, restrict=r"[0-9]{0,4}", id=id)
        self.words = words
        """The last length that made sense, in words."""

    def watch_value(self, value: str) -> None:
        """Keep the last length that made sense, and no more room than the figure needs."""
        self.styles.width = len(value) + 1
        if value.isdecimal() and 1 <= int(value) <= MOST_WORDS:
            self.words = int(value)

    def action_change(self, steps: int) -> None:
        """Make the answer longer or shorter, at a multiple of the step."""
        wanted = (self.words // WORDS_STEP + steps) * WORDS_STEP
        self.value = str(min(max(wanted, WORDS_STEP), MOST_WORDS))

    def on_blur(self) -> None:
        """Show the length that counts."""
        self.value = str(self.words)


class DirectionRow(Horizontal):
    """A field for the direction, and one for the length of the answer."""

    @dataclass
    class Submitted(Message):
        """The writer pressed enter: go on."""

    @dataclass
    class Changed(Message):
        """The direction or the length is another."""

    def __init__(self, words: int, *, direction: str = "", id: str | None = None) -> None:
        """Begin with these.

        Args:
            words: the length.
            direction: what is to come next.
            id: the widget's id.
        """
        super().__init__(id=id)
        self._start_words = words
        self._start_direction = direction

    def compose(self) -> ComposeResult:
        """Compose the two fields."""
        yield Static("▸", id="direction-arrow", markup=False)
        yield PlainInput(
            self._start_direction, placeholder="what comes next", compact=True, id="direction"
        )
        yield WordsInput(self._start_words, id="words")
        yield Static("w", id="words-unit", markup=False)

    @property
    def text(self) -> str:
        """The direction as plain text, without white space round it."""
        return plain(self.query_one("#direction", Input).value).strip()

    @property
    def words(self) -> int:
        """The length of the answer, in words."""
        return self.query_one("#words", WordsInput).words

    def focus_direction(self) -> None:
        """Put the cursor into the direction."""
        self.query_one("#direction", Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter in either field goes on."""
        event.stop()
        self.post_message(self.Submitted())

    def on_input_changed(self, event: Input.Changed) -> None:
        """What would be asked for is another."""
        event.stop()
        self.post_message(self.Changed())
