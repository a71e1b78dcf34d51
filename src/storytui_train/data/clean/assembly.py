"""PURE. The last pass over a text's lines: what is put in place of each break between them."""

import re
from collections.abc import Callable
from typing import NamedTuple

from storytui_train.data.clean.cuts import Cut
from storytui_train.data.clean.joining import Joiner
from storytui_train.data.clean.layout import Block
from storytui_train.data.clean.parts import Parts
from storytui_train.data.documents import SCENE_BREAK
from storytui_train.data.edits import Edit

_SPACES = re.compile(r"(?<=\S) {2,}(?=\S)")
PARAGRAPH = "\n\n"


class Assembled(NamedTuple):
    """What the last pass over the lines does."""

    edits: list[Edit]
    lost: list[Cut]
    chapters: list[tuple[int, int, int]]
    """For each of the parts' sections: its number, and where its text stands after the edits."""


def assemble(text: str, parts: Parts, breaks: set[int]) -> Assembled:
    """Put the parts of a text together again.

    Args:
        text: with its lines as they were.
        parts: what each of its blocks is.
        breaks: blocks before which a gap is a break between scenes.
    """
    joiner = Joiner(text)
    blocks, roles = parts.blocks, _rows(parts)
    edits: list[Edit] = []
    lost: list[Cut] = []
    places: dict[int, tuple[int, int]] = {}
    shift = 0
    behind = 0
    last: int | None = None

    def put(start: int, end: int, with_: str) -> None:
        nonlocal shift
        if text[start:end] != with_:
            edits.append(Edit(start, end, with_))
            shift += len(with_) - (end - start)

    for number, block in enumerate(blocks):
        role = roles[number]
        if role == "none":
            continue
        if role not in ("text", "row", "heading"):
            lost.append(Cut(block.start, block.end, role))
            continue
        between = "" if last is None else PARAGRAPH
        back = 0
        if last is not None and role == roles[last] == "text":
            if number in breaks:
                between = f"{PARAGRAPH}{SCENE_BREAK}{PARAGRAPH}"
            elif block.torn and _goes_on(blocks[last], block):
                back, between = joiner.between(blocks[last].lines[-1].text, block.lines[0].text)
        put(behind - back, block.start, between)
        start = block.start + shift
        if role == "row":
            put(block.start, block.end, SCENE_BREAK)
        else:
            _inner(text, block, joiner, put, heading=role == "heading")
        places[number] = (start, block.end + shift)
        behind, last = block.end, number
    put(behind, len(text), "")
    return Assembled(edits, lost, _spans(parts, places))


def _rows(parts: Parts) -> list[str]:
    """Roles, without scene breaks at a chapter's ends or behind another break."""
    roles = list(parts.role)
    before = "heading"
    for number, role in enumerate(roles):
        if role == "row" and before != "text":
            roles[number] = "none"
        elif role in ("text", "heading", "row"):
            before = role
    after = "heading"
    for number in range(len(roles) - 1, -1, -1):
        if roles[number] == "row" and after != "text":
            roles[number] = "none"
        elif roles[number] in ("text", "heading", "row"):
            after = roles[number]
    return roles


def _goes_on(before: Block, block: Block) -> bool:
    """Whether a paragraph goes on behind what was taken out of its middle."""
    if before.closed or (before.kept and all(before.kept)):
        return False
    return (
        block.small_start
        or before.text[-1:] == "-"
        or (before.text[-1:].isalpha() and before.words > 8 and len(before.lines[-1].text) > 45)
    )


def _inner(
    text: str,
    block: Block,
    joiner: Joiner,
    put: Callable[[int, int, str], None],
    *,
    heading: bool,
) -> None:
    """The breaks and wide spaces inside a paragraph."""
    lines = block.lines
    for at, line in enumerate(lines):
        for found in _SPACES.finditer(text, line.start, line.end) if "  " in line.text else ():
            put(found.start(), found.end(), " ")
        if at == len(lines) - 1:
            return
        following = lines[at + 1]
        if heading:
            put(line.end, following.start, " ")
        elif block.kept and block.kept[at]:
            put(line.end, following.start, "\n")
        else:
            back, with_ = joiner.between(line.text, following.text)
            put(line.end - back, following.start, with_)


def _spans(parts: Parts, places: dict[int, tuple[int, int]]) -> list[tuple[int, int, int]]:
    spans = []
    for index, section in enumerate(parts.sections):
        inside = [
            places[n]
            for n in range(section.start, section.end)
            if n in places and parts.role[n] == "text"
        ]
        if inside:
            spans.append((index, inside[0][0], inside[-1][1]))
    return spans
