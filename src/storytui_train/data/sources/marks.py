"""By what a file is known to be Project Gutenberg's."""

import re
from pathlib import Path

ENDS = 20_000
"""Bytes of a file's beginning and end in which the marks stand."""

_MARKS = re.compile(
    rb"(?:START|END) ?(?:OF|\*) ?(?:THE|THIS)? ?PROJECT GUTENBERG"
    rb"|\*\*\* ?(?:START|END)[^\n]{0,40}PROJECT GUTENBERG"
    rb"|\bThe Project Gutenberg (?:E-?Book|Etext)|Project Gutenberg(?:'s|\xe2\x80\x99s| Etext)"
    rb"|\bPROJECT GUTENBERG[^\n]{0,40}\bETEXT|End of (?:the )?Project Gutenberg"
    rb"|Small Print![^\n]{0,40}|<meta[^>]{0,80}Project Gutenberg",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"(?:pg)?(\d{1,6})(?:[-_. ].*|$)", re.IGNORECASE)
_NUMBER = re.compile(rb"\[\s*e-?(?:book|text)\s*#\s*(\d{1,6})\s*\]", re.IGNORECASE)


def is_gutenberg_file(path: Path) -> bool:
    """Whether a file has Project Gutenberg's marks near its beginning or its end."""
    try:
        if not path.is_file():
            return False
        with open(path, "rb") as file:
            head = file.read(ENDS)
            file.seek(max(0, path.stat().st_size - ENDS))
            return is_gutenberg(head) or is_gutenberg(file.read(ENDS))
    except OSError:
        return False


def is_gutenberg(data: bytes) -> bool:
    """Whether the marks stand in a text's first or last bytes."""
    return bool(_MARKS.search(data[:ENDS]) or _MARKS.search(data[-ENDS:]))


def number_in(data: bytes) -> int | None:
    """The number that a text gives itself: `[eBook #11]`."""
    found = _NUMBER.search(data[:ENDS])
    return int(found[1]) if found else None


def number_of(path: Path) -> int | None:
    """The number at a file name's beginning: `11-alice.txt`, `pg11.txt`, `11-0.txt`."""
    found = _NUMBERED.fullmatch(path.name)
    return int(found[1]) if found else None
