"""How a line of the manuscript looks: Markdown's light marks, and control characters made visible.

Both look at one line only, so that a keystroke costs the line it falls in and not the story.
"""

import re
from typing import Literal, NamedTuple

from rich.cells import get_character_cell_size

from storytui.app.widgets.line_memory import remembered
from storytui.story.visible import hidden_places

Look = Literal["heading", "emphasis", "strong", "mark", "control"]
"""`mark`: the signs of Markdown themselves, and scene breaks; `control`: what stands for a
character that cannot be shown."""


class Span(NamedTuple):
    """A stretch of a line, in characters, and how it looks."""

    start: int
    end: int
    look: Look


_HEADING = re.compile(r"#{1,6}(?=\s+\S)")
_SCENE_BREAK = re.compile(r"\s*([*_-])(?:\s*\1){2,}\s*")
# Possessive classes: a line with thousands of single stars is still read once only.
_EMPHASIS = re.compile(
    r"(?P<strong>(?P<twin>\*\*|(?<!\w)__)(?=[^\s*_])[^*_]++(?<!\s)(?P=twin))"
    r"|(?P<emphasis>\*(?=[^\s*])[^*]++(?<!\s)\*|(?<!\w)_(?=[^\s_])[^_]++(?<!\s)_(?!\w))"
)

_SUBSTITUTE = "\N{REPLACEMENT CHARACTER}"
_OPEN_BOX = "\N{OPEN BOX}"
_STAND_INS = {
    **{chr(code): chr(0x2400 + code) for code in range(0x20)},
    "\x7f": "\N{SYMBOL FOR DELETE}",
    "\xad": "\N{HYPHEN}",
    **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff", _OPEN_BOX),
}
"""One character of one column for each that has its own; the substitute stands for the others."""


def shown(line: str) -> str:
    """`line` as it can be shown: as many characters, none of which a terminal would obey.

    Tabs stay. What `story.visible` would spell out becomes one character of one column here, so
    that places on the screen and in the text still belong together. So does what takes no room
    at the line's start: there is no letter that it could be drawn over.
    """
    return line if not line or (line.isascii() and line.isprintable()) else _shown(line)


@remembered(64)
def _shown(line: str) -> str:
    places = hidden_places(line)
    if places[:1] != [0] and not get_character_cell_size(line[0]):
        line = _SUBSTITUTE + line[1:]
        places = hidden_places(line)
    if not places:
        return line
    characters = list(line)
    for place in places:
        characters[place] = _STAND_INS.get(line[place], _SUBSTITUTE)
    return "".join(characters)


@remembered(1024)
def spans(line: str) -> tuple[Span, ...]:
    """The stretches of `line` that do not look like plain text; later ones lie on top."""
    found: list[Span] = []
    if heading := _HEADING.match(line):
        found.append(Span(0, len(line), "heading"))
        found.append(Span(0, heading.end(), "mark"))
    elif _SCENE_BREAK.fullmatch(line):
        found.append(Span(0, len(line), "mark"))
    else:
        for match in _EMPHASIS.finditer(line):
            start, end = match.span()
            width = 2 if match["strong"] else 1
            found.append(Span(start, end, "strong" if match["strong"] else "emphasis"))
            found.append(Span(start, start + width, "mark"))
            found.append(Span(end - width, end, "mark"))
    found.extend(Span(place, place + 1, "control") for place in hidden_places(line))
    return tuple(found)
