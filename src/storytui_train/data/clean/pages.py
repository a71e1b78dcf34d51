"""PURE. Page numbers and running heads on lines of their own."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from storytui_train.data.clean.cuts import Cut
from storytui_train.data.clean.headings import mark
from storytui_train.data.clean.layout import Line, read

_NUMBER = re.compile(
    r"[-–—~*\s\[(|{<]*(?:p(?:age|g|\.)?[.:]?[\s|]*)?(?P<number>\d{1,4})[-–—~*\s\])|}>.]*",
    re.IGNORECASE,
)
_HEAD = re.compile(
    r"(?:(?P<left>[Il]?\d{1,4})\s+)?(?P<title>[^\W\d_][^\d]{3,60}?)(?:\s+(?P<right>[Il]?\d{1,4}))?"
)
_WORTH = re.compile(
    r"(?m)^ *(?:(?:p\w*\.?)?[-–—~*\[(|{< ]*\d{1,4}[-–—~*\])|}>. ]*|\d{1,4}[^\n\d]{3,90}"
    r"|[^\W\d_][^\n\d]{3,90} [Il]?\d{1,4})$"
)
FEWEST = 5
"""Page numbers from which on they can be told."""


def pages(text: str) -> list[Cut]:
    """The cuts that take page numbers and running heads away.

    Numbers that head chapters are none: page numbers rise through the whole text and stand in
    the middle of sentences.

    Args:
        text: with line feeds only.
    """
    if len(_WORTH.findall(text)) < FEWEST:
        return []
    blocks = read(text)
    lines = [(line, block, at) for block in blocks for at, line in enumerate(block.lines)]
    numbers: list[tuple[Line, int, bool]] = []
    heads: list[tuple[Line, str, int]] = []
    around: dict[int, tuple[str, str]] = {}
    for index, (line, block, _) in enumerate(lines):
        if len(line.text) > 100:
            continue
        before = lines[index - 1][0].text if index else ""
        after = lines[index + 1][0].text if index + 1 < len(lines) else ""
        around[id(line)] = (before, after)
        if found := _NUMBER.fullmatch(line.text):
            numbers.append((line, int(found["number"]), _mid(before, after)))
        elif (
            ((known := mark(line.text)) is None or known.kind == "numeral")
            and (found := _HEAD.fullmatch(line.text))
            and bool(found["left"]) != bool(found["right"])
            and (found["title"].isupper() or len(block.lines) == 1)
        ):
            number = re.sub("[Il]", "1", found["left"] or found["right"])
            heads.append((line, found["title"].strip().lower(), int(number)))
    chosen = [line for line, _, _ in numbers] if _are_pages(numbers) else []
    usual = Counter(title for _, title, _ in heads)
    running = [(line, number) for line, title, number in heads if usual[title] >= FEWEST]
    middle = sum(_mid(*around[id(line)]) for line, _ in running)
    rising = rises([number for _, number in running])
    later = bool(running) and running[0][1] > 3
    if len(running) >= FEWEST and rising and (later or middle >= 0.3 * len(running)):
        again = {line.start: number for line, title, number in heads if usual[title] > 1}
        chosen += _between([(line, number) for line, _, number in heads], again)
    cuts = []
    for line in sorted(chosen, key=lambda each: each.start):
        start = line.start - line.indent
        cuts.append(Cut(start, min(line.end + 1, len(text)), "page number"))
    return cuts


def _between(heads: Sequence[tuple[Line, int]], sure: dict[int, int]) -> list[Line]:
    """Running heads, and those of other chapters whose numbers fit in between."""
    chosen: list[Line] = []
    last = 0
    for line, number in heads:
        if line.start in sure or 0 < number - last <= 12:
            chosen.append(line)
            last = number
    return chosen


def _mid(before: str, after: str) -> bool:
    """Whether a sentence goes on across."""
    return bool(after) and (after[:1].islower() or before[-1:].isalpha() or before[-1:] in ",;-")


def _are_pages(numbers: Sequence[tuple[Line, int, bool]]) -> bool:
    if len(numbers) < FEWEST:
        return False
    middle = sum(mid for _, _, mid in numbers)
    # Chapters begin at one, and have room round them.
    found = [number for _, number, _ in numbers]
    return rises(found) and (middle >= 0.3 * len(numbers) or found[0] > 3)


def rises(numbers: Sequence[int]) -> bool:
    """Whether numbers rise by small steps nearly everywhere.

    Args:
        numbers: as they stand in the text, in order.
    """
    steps = sum(0 < b - a <= 12 for a, b in pairwise(numbers))
    return steps >= 0.85 * (len(numbers) - 1)
