"""What the pane shows of a desk: the take, how it was made, and what the keys do now."""

from collections.abc import Mapping

from storytui.app.desk import Desk
from storytui.app.keys import key_of
from storytui.app.welcome import Line
from storytui.app.widgets.pane import Hint, PaneState
from storytui.app.widgets.take_view import TakeState
from storytui.takes.take import Take

WELCOME_KEYS = (
    ("go-on", "go on from the cursor"),
    ("accept-sentence", "take the next sentence"),
    ("try-again", "try again"),
    ("save", "save"),
    ("help", "all the keys"),
)
"""The five keys that matter on the first start."""


class PaneView:
    """Turns a desk into what the pane shows; the keys are those that are really bound."""

    def __init__(self, overrides: Mapping[str, str]) -> None:
        """Know the keys.

        Args:
            overrides: the keys that the settings change.
        """
        self._overrides = overrides

    def key(self, action: str) -> str:
        """The first key of an action, as a writer reads it."""
        return key_of(action, self._overrides)

    def state(self, desk: Desk, *, folded: bool, writing: bool, welcome: bool) -> PaneState:
        """Everything the pane shows.

        Args:
            desk: the takes.
            folded: whether the reasoning is folded away.
            writing: whether the model writes.
            welcome: whether an empty pane says the welcome.
        """
        take = desk.take
        if take is None:
            return PaneState(
                welcome=self._lines(WELCOME_KEYS) if welcome else (),
                invitation=self._lines((("go-on", "go on from here"),)),
            )
        growing = desk.growing if writing else None
        upcoming = desk.upcoming if desk.here else None
        return PaneState(
            take=TakeState(
                reasoning=take.reasoning,
                answer=take.answer,
                folded=folded,
                taken=take.taken,
                upcoming=upcoming,
                writing=growing.segment if growing else "",
                note=_note(take, growing.progress if growing else ""),
            ),
            which=desk.shelf.number,
            made_with=" · ".join(filter(None, (take.format, f"seed {take.seed}"))),
            hints=self._hints(desk),
        )

    def _lines(self, actions: tuple[tuple[str, str], ...]) -> tuple[Line, ...]:
        return tuple((self.key(action), says) for action, says in actions)

    def _hints(self, desk: Desk) -> tuple[Hint, ...]:
        if desk.open and not desk.here:
            key = self.key("accept-paragraph")
            return (Hint(key, "back to where this belongs", "go_to_place"),)
        if desk.upcoming is not None:
            return (
                Hint(self.key("accept-sentence"), "sentence", "accept_sentence"),
                Hint(self.key("accept-paragraph"), "paragraph", "accept_paragraph"),
                Hint(self.key("accept-rest"), "all", "accept_rest"),
            )
        if desk.growing is not None:
            return ()
        return (
            Hint(self.key("try-again"), "again", "try_again"),
            Hint(self.key("dismiss"), "dismiss", "dismiss_take"),
        )


def means(action: str, desk: Desk, *, in_text: bool, writing: bool, welcome: bool) -> bool:
    """Whether a key means its action now, or goes on to the widget that has the focus.

    Args:
        action: the action.
        desk: the takes.
        in_text: whether the manuscript has the focus.
        writing: whether the model writes.
        welcome: whether an empty pane says the welcome.
    """
    match action:
        case "stop":
            return writing
        case "accept_sentence":
            return in_text and desk.open and desk.here
        case "give_back":
            return in_text and desk.can_give_back
        case "accept_paragraph" | "accept_rest":
            return desk.open
        case "turn":
            return desk.shelf.current is not None
        case "dismiss_take":
            return not writing and (not in_text or welcome or desk.take is not None)
        case "toggle_reasoning":
            return desk.take is not None
    return True


def _note(take: Take, progress: str) -> str:
    """What stands in the pane where there is nothing to read, or after it ended early."""
    if take.problem:
        return take.problem
    if progress:
        return progress
    if take.state == "stopped":
        return "stopped" if take.answer or take.reasoning else "stopped before it began"
    return ""
