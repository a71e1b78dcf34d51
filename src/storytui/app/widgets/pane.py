"""The side pane: which take is shown, the take itself, what the keys do, and the direction."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Click
from textual.style import Style
from textual.widgets import Static

from storytui.app.welcome import Line, key_lines, welcome
from storytui.app.widgets.direction import DirectionRow
from storytui.app.widgets.take_view import TakeState, TakeView
from storytui.story.visible import visible

# Textual would draw what has its own @click as a link.
_ON_CLICK = "on_click"


@dataclass(frozen=True, slots=True)
class Hint:
    """One key and what it does now; a click does the same."""

    key: str
    says: str
    action: str


@dataclass(frozen=True, slots=True)
class PaneState:
    """Everything that the pane shows."""

    take: TakeState | None = None
    """The take that is shown; None while there is none."""
    which: str = ""
    """Which take of how many: `1/2`."""
    made_with: str = ""
    """How it was made: `cra-v1 · seed 7`."""
    hints: tuple[Hint, ...] = ()
    welcome: tuple[Line, ...] = field(default=())
    """The keys of the welcome; empty after the first start."""
    invitation: tuple[Line, ...] = field(default=())
    """What an empty pane says otherwise."""

    @property
    def filled(self) -> bool:
        """Whether there is anything to be seen that a low screen should make room for."""
        return self.take is not None or bool(self.welcome)


_NOTHING = PaneState()


class Pane(Vertical):
    """Shows what it is given; everything the writer does in it goes up as a message."""

    # Not a style sheet of the app: those are read before the first paint.
    DEFAULT_CSS = Path(__file__).with_suffix(".tcss").read_text(encoding="utf-8")
    SCOPED_CSS = False

    def __init__(self, *, words: int, direction: str = "", id: str | None = None) -> None:
        """Begin empty.

        Args:
            words: the length of an answer to begin with.
            direction: what is to come next, to begin with.
            id: the widget's id.
        """
        super().__init__(id=id)
        self._words = words
        self._direction = direction
        self._shown: PaneState | None = None

    def compose(self) -> ComposeResult:
        """Head, take, what an empty pane says, hints, direction."""
        with Horizontal(id="pane-head"):
            yield Static(id="which", markup=False)
            yield Static(id="made-with", markup=False)
            yield Static(id="head-hints", markup=False)
        yield TakeView(id="take")
        yield Static(id="empty", markup=False)
        yield Static(id="hints", markup=False)
        yield DirectionRow(self._words, direction=self._direction, id="direction-row")

    @property
    def take_view(self) -> TakeView:
        """The view of the take."""
        return self.query_one(TakeView)

    @property
    def direction(self) -> DirectionRow:
        """The fields of the last line."""
        return self.query_one(DirectionRow)

    def on_mount(self) -> None:
        """Listen for other colours: what is shown is drawn in those of its time."""
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self._draw_again())

    def show(self, state: PaneState) -> None:
        """Show this; every key asks for it, so what has not changed is left as it is."""
        before, self._shown = self._shown or _NOTHING, state
        if state == before:
            return
        self.set_class(state.take is not None, "-take")
        if state.take is not None and state.take != before.take:
            self.take_view.show(state.take)
        if state.which != before.which:
            self.query_one("#which", Static).update(self._which(state.which))
        if state.made_with != before.made_with:
            self.query_one("#made-with", Static).update(
                Content(visible(state.made_with, newlines=False))
            )
        if (state.welcome, state.invitation) != (before.welcome, before.invitation):
            self.query_one("#empty", Static).update(
                welcome(state.welcome) if state.welcome else key_lines(state.invitation, "")
            )
        if state.hints != before.hints:
            # Where the pane is low, the hints stand in its head and not on a line of their own.
            for where in ("#hints", "#head-hints"):
                self.query_one(where, Static).update(hint_line(state.hints))

    def _draw_again(self) -> None:
        state, self._shown = self._shown, None
        if state is not None:
            self.take_view.draw_anew()
            self.show(state)

    async def on_click(self, event: Click) -> None:
        """A click on a hint or an arrow does what its key does."""
        action = event.style.meta.get(_ON_CLICK)
        if action is not None:
            event.stop()
            await self.run_action(f"screen.{action}")

    def _which(self, which: str) -> Content:
        if which in ("", "1/1"):
            return Content(which)
        return Content.assemble(
            which, "  ", clickable("←", "turn(-1)"), " ", clickable("→", "turn(1)")
        )


def clickable(content: Content | str, action: str) -> Content:
    """Content that runs an action of the screen when it is clicked."""
    return Content.assemble(content).stylize(Style.from_meta({_ON_CLICK: action}))


def hint_line(hints: Sequence[Hint]) -> Content:
    """`tab sentence · f6 paragraph`, each part to be clicked."""
    return Content(" · ").join(
        clickable(Content.assemble((hint.key, "$accent"), " ", hint.says), hint.action)
        for hint in hints
    )
