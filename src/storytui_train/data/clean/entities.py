"""PURE. HTML's names for characters that a plain text kept: `&amp;`, `&mdash;`, `&#8212;`."""

import re
from html import unescape
from html.entities import name2codepoint

from storytui_train.data.edits import Edit

_ENTITY = re.compile(
    r"&(?:amp;)*(?:(?P<name>[A-Za-z]{2,8}[0-9]{0,2})|#(?P<number>[0-9]{2,6}|[xX][0-9A-Fa-f]{2,5}));"
)
"""With its semicolon, which nobody writes behind `&c` by chance; also what was encoded twice."""
_MARKUP = re.compile(
    r"</?(?!(?:i|em|b|strong|sc|small|u)>)[A-Za-z][^<>\n]*>|`[^`\n]*&[^`\n]*`|[!=]=|\\x"
)
"""What stands in a line of markup or code, where an entity is meant as it is written."""
_NAMES = frozenset(
    name
    for name, point in name2codepoint.items()
    # Letters and marks of Europe's languages and of printers; no Greek, no mathematics.
    if point < 0x250 or 0x2000 <= point < 0x20D0 or point == 0x2122
) | {"apos"}


def entities(text: str) -> list[Edit]:
    """The characters that entities stand for, where they are no part of markup or code.

    Args:
        text: as it was decoded.
    """
    if "&" not in text:
        return []
    edits = []
    for found in _ENTITY.finditer(text):
        name = found["name"]
        if name and name not in _NAMES:
            continue
        character = unescape(f"&{name or '#' + found['number']};")
        if not _is_text(character) or _MARKUP.search(_line(text, found.start(), found.end())):
            continue
        edits.append(Edit(found.start(), found.end(), character))
    return edits


def _is_text(character: str) -> bool:
    return (
        len(character) == 1
        and character != "\ufffd"
        and (character.isprintable() or character in "\xa0\xad\u2003\u2009")
    )


def _line(text: str, start: int, end: int) -> str:
    """The line of a stretch; of a very long one what stands near."""
    near = max(start - 300, 0)
    last = text.find("\n", end, end + 300)
    first = text.rfind("\n", near, start) + 1
    return text[max(first, near) : last if last >= 0 else end + 300]
