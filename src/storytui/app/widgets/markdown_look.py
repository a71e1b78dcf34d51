"""How a line of the manuscript looks: Markdown's light marks, and control characters made visible.

Both look at one line only, so that a keystroke costs the line it falls in and not the story.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Literal, NamedTuple

from storytui.story.visible import visible

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

_TAB = 0x09
_SOFT_HYPHEN = 0xAD
_JOINER = re.compile("(.?)[\u200c\u200d]")
_SUBSTITUTE = "\N{REPLACEMENT CHARACTER}"
_OPEN_BOX = "\N{OPEN BOX}"


def _stand_ins() -> dict[int, str]:
    """One visible character for each that `visible` would not let through as it is.

    Joiners depend on what they stand behind and the tab on the wrapping: they are not in it.
    """
    hidden = (
        point
        for point in (*range(0x10000), *range(0xE0000, 0xE1000))
        if unicodedata.category(chr(point)) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        and visible(chr(point)) != chr(point)
    )
    stand_ins = dict.fromkeys(hidden, _SUBSTITUTE)
    stand_ins |= {point: chr(0x2400 + point) for point in range(0x20)}
    stand_ins |= dict.fromkeys((0x200B, 0x2060, 0xFEFF), _OPEN_BOX)
    stand_ins[0x7F] = "\N{SYMBOL FOR DELETE}"
    stand_ins[_SOFT_HYPHEN] = "\N{HYPHEN}"
    for point in (_TAB, *map(ord, "\u200c\u200d")):
        del stand_ins[point]
    return stand_ins


@lru_cache(maxsize=1)
def _table() -> dict[int, str]:
    """The stand-ins, worked out when the first unusual line is met."""
    return _stand_ins()


def shown(line: str) -> str:
    """`line` as it can be shown: as many characters, none of which a terminal would obey.

    Tabs stay. What `story.visible` would spell out becomes one character of one column here, so
    that places on the screen and in the text still belong together.
    """
    if line.isprintable():
        return line
    return _JOINER.sub(_shown_joiner, line).translate(_table())


def _shown_joiner(found: re.Match[str]) -> str:
    """Joiners stay inside words of scripts that need them; `visible` knows which."""
    return found[0] if visible(found[0]) == found[0] else found[1] + _OPEN_BOX


@lru_cache(maxsize=4096)
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
    if not line.isprintable():
        table = _table()
        found.extend(
            Span(column, column + 1, "control")
            for column, character in enumerate(line)
            if ord(character) in table
        )
    return tuple(found)
