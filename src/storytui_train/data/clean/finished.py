"""PURE. Texts whose paragraphs are right already: only their chapters have to be marked."""

import re
from collections.abc import Sequence

from storytui.story import outline
from storytui_train.data.clean.cuts import moved
from storytui_train.data.clean.layout import read
from storytui_train.data.clean.scenes import is_row
from storytui_train.data.documents import SCENE_BREAK, Chapter, Heading
from storytui_train.data.edits import Edit, Edited

_BLANK = re.compile(r"\n[ ]*\n[ \n]*(?=\n|\S|\Z)|\A\s+|\s+\Z")


def tidy(text: str) -> list[Edit]:
    """One blank line between paragraphs, none at the ends, and one form of scene break."""
    edits = []
    for found in _BLANK.finditer(text):
        edge = found.start() == 0 or found.end() == len(text)
        end = (
            found.end() if edge or found[0].endswith("\n") else text.rfind("\n", 0, found.end()) + 1
        )
        with_ = "" if edge else "\n\n"
        if text[found.start() : end] != with_:
            edits.append(Edit(found.start(), end, with_))
    for block in read(text):
        if is_row(block) and text[block.start : block.end] != SCENE_BREAK:
            edits.append(Edit(block.start, block.end, SCENE_BREAK))
    return sorted(edits)


def headings(edited: Edited, known: Sequence[Heading] | None) -> list[tuple[int, int, int]]:
    """Start, end and level of each heading, in the edited text.

    Args:
        edited: the text as it is now.
        known: headings in the extracted text; None: they are looked for.
    """
    text = edited.text
    if known is not None:
        places = moved([at for each in known for at in (each.start, each.end)], edited.edits)
        return [
            (places[2 * at], places[2 * at + 1], each.level)
            for at, each in enumerate(known)
            if places[2 * at] < places[2 * at + 1]
        ]
    lines = text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    return [
        (starts[each.line], starts[each.line] + len(lines[each.line].rstrip()), each.level)
        for each in outline.chapters(lines)
    ]


def chapters(text: str, found: Sequence[tuple[int, int, int]]) -> list[Chapter]:
    """The chapters between headings.

    Args:
        text: the cleaned text.
        found: start, end and level of each heading, in order.
    """
    result: list[Chapter] = []
    above: list[tuple[int, str]] = []
    edges = [(0, 0, 0), *found]
    for at, (start, end, level) in enumerate(edges):
        if at:
            while above and above[-1][0] >= level:
                above.pop()
            title = re.sub(r"^#+\s*|[*_]+", "", " ".join(text[start:end].split())).strip()
            above.append((level, title))
        stop = edges[at + 1][0] if at + 1 < len(edges) else len(text)
        first, last = trimmed(text, end, stop)
        if first < last:
            title = " / ".join(each for _, each in above)
            result.append(Chapter(title=title, start=first, end=last))
    return result


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """A stretch without white space and scene breaks at its ends."""
    while True:
        while start < end and text[start].isspace():
            start += 1
        while start < end and text[end - 1].isspace():
            end -= 1
        if text.startswith(SCENE_BREAK + "\n", start, end):
            start += len(SCENE_BREAK)
        elif text.endswith("\n" + SCENE_BREAK, start, end):
            end -= len(SCENE_BREAK)
        elif text[start:end] == SCENE_BREAK:
            return end, end
        else:
            return start, end
