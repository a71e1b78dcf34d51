"""Text on its way to and from a clipboard: what can be read, and nothing that commands."""

import re
from functools import cache

_LOST = "\N{REPLACEMENT CHARACTER}"


@cache
def _controls() -> re.Pattern[str]:
    """Control characters but line feed and tab, and halves of characters."""
    return re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]|[\ud800-\udfff]")


def plain(text: str) -> str:
    """`text` without control characters: what another program is given, or gives.

    Line feeds and tabs stay. A carriage return, with or without a line feed, a vertical tab and
    U+0085 break lines and become line feeds. Every other control character is left out, and half
    a character becomes U+FFFD. Everything else is the writer's and stays.
    """
    if text.replace("\n", "").isprintable():
        return text
    return _controls().sub(_instead, text.replace("\r\n", "\n"))


def _instead(found: re.Match[str]) -> str:
    if found[0] in "\r\x0b\x85":
        return "\n"
    return _LOST if found[0] >= "\ud800" else ""
