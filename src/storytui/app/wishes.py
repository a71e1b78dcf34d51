"""What the editor was started with, as far as continuing a story is concerned."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storytui.engine.api import Engine
from storytui.settings import Settings

if TYPE_CHECKING:  # not needed to paint a page
    from storytui.models.offers import Shelf


@dataclass(frozen=True, slots=True)
class Wishes:
    """Goes from the command line to whoever continues the story."""

    settings: Settings
    engine_factory: Callable[[], Engine]
    """Makes the engine; called once, in a thread, after the first paint."""
    make_shelf: "Callable[[], Shelf] | None" = None
    """Makes what other models come from, in a thread; None: there are none to choose."""
    choose_model: bool = False
    """Have a model chosen first, since none was."""
    first_start: bool = False
    """Greet the writer with the keys that matter."""
    left_off: str = ""
    """The name of a model whose download did not come to its end before; empty: there is none."""
    direction: str = ""
    """What is to come next, to begin with."""
