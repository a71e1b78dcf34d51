"""Which part of the manuscript the model sees."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Window:
    """The part of the manuscript that goes into the prompt."""

    start: int
    """The character of the manuscript at which the window begins."""
    text: str


def choose_window(
    before: str, budget: int, count: Callable[[Sequence[str]], Sequence[int]]
) -> Window:
    """Choose the text before the cursor that fits `budget` tokens.

    Args:
        before: the manuscript up to the cursor.
        budget: the most tokens the window may take.
        count: tokens of each of several texts.
    """
    raise NotImplementedError
