"""What the editor was started with, as far as continuing a story is concerned."""

from collections.abc import Callable
from dataclasses import dataclass

from storytui.engine.api import Engine
from storytui.settings import Settings


@dataclass(frozen=True, slots=True)
class Wishes:
    """Goes from the command line to whoever continues the story."""

    settings: Settings
    engine_factory: Callable[[], Engine]
    """Makes the engine; called once, in a thread, after the first paint."""
    first_start: bool = False
    """Greet the writer with the keys that matter."""
    direction: str = ""
    """What is to come next, to begin with."""
