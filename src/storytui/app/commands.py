"""What the command palette offers: everything that has a key, and a few things that need none."""

from collections.abc import Callable, Iterator
from functools import partial

from textual.app import App, SystemCommand

from storytui.app.keys import ACTIONS, shown
from storytui.app.screens.writing import WritingScreen


def palette_commands(app: App[None], screen: WritingScreen) -> Iterator[SystemCommand]:
    """Every command, with its key where it has one."""
    for action in ACTIONS:
        if action.where == "pane" or action.id == "palette":
            continue
        run = _runner(screen, action.id.replace("-", "_"))
        if run is not None:
            yield SystemCommand(action.description, shown(action.keys[0]), run)
    yield SystemCommand(
        "Go to where the take belongs", "The cursor jumps there", screen.action_go_to_place
    )
    for number in SIDE_BY_SIDE:
        yield SystemCommand(
            f"Go on with {number} takes side by side",
            "They are written at once; the settings say how many the key asks for",
            partial(screen.go_on_side_by_side, number),
        )
    yield SystemCommand(
        "Read everything again",
        "The model forgets what it has read of the story",
        screen.read_again,
    )
    yield SystemCommand(
        "Models",
        "What runs; choose another, download one",
        screen.choose_model,
    )
    yield SystemCommand(
        "Adapter",
        "Lay another LoRA adapter over the model, or none",
        screen.choose_adapter,
    )
    yield SystemCommand("Theme", "Choose the colours", app.search_themes)


SIDE_BY_SIDE = (2, 3, 4)
"""How many takes can be asked for by name."""

_TURNS = {"previous_take": -1, "next_take": 1}
_NAMES = {"dismiss": "dismiss_take", "palette": "command_palette"}


def _runner(screen: WritingScreen, action: str) -> Callable[[], object] | None:
    """What runs an action: a method of the screen, of the manuscript or of the app."""
    if action in _TURNS:
        return partial(screen.action_turn, _TURNS[action])
    action = _NAMES.get(action, action)
    for owner in (screen, screen.area, screen.app):
        method = getattr(owner, f"action_{action}", None)
        if callable(method):
            return partial(_run, method)
    return None


def _run(method: Callable[[], object]) -> object:
    return method()
