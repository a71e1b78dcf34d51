"""What was worked out of a line, remembered while the line is likely to be asked about again."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Concatenate, ParamSpec, TypeVar, cast

_Rest = ParamSpec("_Rest")
_Answer = TypeVar("_Answer")

LONG = 20_000
"""Characters. A line can be a whole book, and every keystroke in it makes another such line."""
_LONG_LINES = 2
"""Long lines that are remembered: the one that is edited, as it is and as it was."""


def remembered(
    lines: int,
) -> Callable[
    [Callable[Concatenate[str, _Rest], _Answer]], Callable[Concatenate[str, _Rest], _Answer]
]:
    """Remember what a pure function of a line answers, for that many lines.

    Of very long lines only two are: a thousand states of a book in one line would fill the memory.
    """

    def remembering(
        function: Callable[Concatenate[str, _Rest], _Answer],
    ) -> Callable[Concatenate[str, _Rest], _Answer]:
        # functools knows no types of arguments.
        usual = cast(Callable[Concatenate[str, _Rest], _Answer], lru_cache(lines)(function))
        long = cast(Callable[Concatenate[str, _Rest], _Answer], lru_cache(_LONG_LINES)(function))

        @wraps(function)
        def remembered(line: str, /, *rest: _Rest.args, **named: _Rest.kwargs) -> _Answer:
            return (long if len(line) > LONG else usual)(line, *rest, **named)

        return remembered

    return remembering
