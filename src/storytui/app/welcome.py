"""What the empty pane says: the welcome of the first start, or the one key that matters."""

from collections.abc import Sequence

from textual.content import Content

Line = tuple[str, str]
"""A key as it is bound, and what it does."""

WELCOME = "A page, and a model that goes on from your words."


def key_lines(lines: Sequence[Line], key_style: str = "$accent") -> Content:
    """Keys in one column, what they do in the next."""
    width = max((len(key) for key, _ in lines), default=0)
    return Content("\n").join(
        Content.assemble((key.rjust(width), key_style), "  ", says) for key, says in lines
    )


def welcome(lines: Sequence[Line]) -> Content:
    """The welcome: one sentence and the keys that matter."""
    return Content.assemble(WELCOME, "\n\n", key_lines(lines))
