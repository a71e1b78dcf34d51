"""Two texts side by side in one: what differs, and what to do about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Button, Label, Static

from storytui.app.screens.confirm import Choice
from storytui.app.widgets.compare_view import CompareView, Scrolled, differences
from storytui.story.compare import Piece, compare, summary
from storytui.story.visible import visible


class CompareScreen(ModalScreen[str | None]):
    """A sentence, the differences, and answers; dismissed with the chosen result, None on escape.

    A letter chooses its answer, even where it would otherwise move; enter presses the answer that
    has the focus, the first to begin with.
    """

    CSS_PATH = "compare.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("n", "move(1)", show=False),
        Binding("p", "move(-1)", show=False),
        Binding("down", "scroll('down')", show=False),
        Binding("up", "scroll('up')", show=False),
        Binding("pagedown", "scroll('page_down')", show=False),
        Binding("pageup", "scroll('page_up')", show=False),
        Binding("home", "scroll('home')", show=False),
        Binding("end", "scroll('end')", show=False),
        Binding("left", "app.focus_previous", show=False),
        Binding("right", "app.focus_next", show=False),
    ]

    @dataclass
    class Compared(Message):
        """The comparison is made."""

        pieces: list[Piece]

    def __init__(
        self,
        title: str,
        before: str,
        after: str,
        *,
        before_name: str,
        after_name: str,
        choices: Sequence[Choice],
        stay: str = "Later",
    ) -> None:
        """Compare two texts.

        Args:
            title: a sentence: what happened, to what.
            before: the text whose words are struck where the other lacks them.
            after: the text whose words are underlined where the first lacks them.
            before_name: what the first is called inside a sentence, as in “the file”.
            after_name: the same for the other.
            choices: the answers, the safest first.
            stay: names the answer that changes nothing, as escape does.
        """
        super().__init__()
        self._title = title
        self._texts = (before, after)
        self._names = (before_name, after_name)
        self._choices = choices
        self._stay = stay

    def compose(self) -> ComposeResult:
        """The sentence, the counts, the differences and the answers."""
        with Vertical(id="compare-box"):
            yield Label(visible(self._title), id="compare-title", markup=False)
            yield Static("Comparing…", classes="compare-counts", markup=False)
            yield CompareView()
            with Horizontal(classes="compare-answers"):
                for choice in self._choices:
                    yield Button(
                        Content(visible(f"{choice.label} ({choice.key})", newlines=False)),
                        name=choice.result,
                        compact=True,
                    )
                yield Button(Content(f"{self._stay} (esc)"), name="", compact=True)
            yield Label(
                "n next change · p change before · ↑ ↓ scroll",
                classes="compare-hint",
                markup=False,
            )

    def on_mount(self) -> None:
        """Compare beside the loop: two books take a moment."""
        self.query(Button).first().focus()
        self.run_worker(
            self._compare,
            name="compare",
            group="compare",
            exclusive=True,
            thread=True,
            exit_on_error=False,
        )

    def _compare(self) -> None:
        self.post_message(self.Compared(compare(*self._texts)))

    @on(Compared)
    def _show(self, event: Compared) -> None:
        event.stop()
        view = self.query_one(CompareView)
        counts = differences(view, summary(event.pieces), *self._names)
        self.query_one(".compare-counts", Static).update(counts)
        view.show(event.pieces)
        if view.change is None:
            view.say("The two are the same, character for character.")

    def on_key(self, event: events.Key) -> None:
        """Choose by letter."""
        for choice in self._choices:
            if event.key == choice.key:
                event.stop()
                event.prevent_default()
                self.dismiss(choice.result)

    @on(Button.Pressed)
    def _chosen(self, event: Button.Pressed) -> None:
        event.stop()
        self.dismiss(event.button.name or None)

    def action_move(self, step: int) -> None:
        """Go to another change."""
        self.query_one(CompareView).move(step)

    def action_scroll(self, where: Scrolled) -> None:
        """Scroll the differences while the answers keep the focus."""
        self.query_one(CompareView).scroll_by(where)

    def action_leave(self) -> None:
        """Change nothing."""
        self.dismiss(None)
