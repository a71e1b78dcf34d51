"""PURE. Whether a chapter is prose, verse or a play."""

import re
from collections import Counter
from collections.abc import Sequence

from storytui_train.data.clean.layout import Block
from storytui_train.data.documents import TextKind

_SPEAKER = re.compile(
    r"[_*]?(?P<name>(?:[A-Z][\w'’]*\.?)(?:\s(?:[A-Z][\w'’]*\.?|of|the|and|de|la|von)){0,4}?)"
    r"(?:\s*[\[(][^\])]{0,80}[\])])?[_*]?(?P<stop>[.:][_*]?(?:\s|$|--|—|[\[(])|\s*$)"
)


def speakers(blocks: Sequence[Block]) -> frozenset[str]:
    """The names that a play puts before what its persons say.

    Args:
        blocks: of the whole text.
    """
    names: Counter[str] = Counter()
    for block in blocks:
        if name := _speaker(block):
            names[name] += 1
    return frozenset(name for name, times in names.items() if times >= 5)


def kind(blocks: Sequence[Block], persons: frozenset[str]) -> TextKind:
    """What a chapter is.

    Args:
        blocks: of the chapter, the breaks in them settled.
        persons: names of the whole text's speakers.
    """
    if not blocks:
        return "prose"
    if len(persons) >= 2:
        spoken = sum(_speaker(block) in persons for block in blocks)
        if spoken >= 0.4 * len(blocks) and spoken >= 4:
            return "play"
    words = sum(block.words for block in blocks)
    verse = sum(block.words for block in blocks if _is_verse(block))
    return "verse" if verse >= 0.6 * words else "prose"


def _speaker(block: Block) -> str:
    line = block.lines[0].text
    found = _SPEAKER.match(line)
    if not found:
        return ""
    name = found["name"]
    alone = found.end() == len(line) and not found["stop"].strip()
    if alone and not name.isupper():
        return ""
    return name.upper().rstrip(".")


def _is_verse(block: Block) -> bool:
    return bool(block.kept) and sum(block.kept) >= 0.6 * len(block.kept)
