"""PURE. Line ends, mojibake, control characters and odd spaces: the first passes over a text."""

import re
import unicodedata
from collections.abc import Iterable

from storytui_train.data.edits import Edit

_WINDOWS = "€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"
_SUSPECT = re.compile(rf"[\u00c2-\u00f4\u0192\u2030√][\x80-\xbf{_WINDOWS}]")
"""A lead byte of UTF-8 with a continuation byte behind it, both read as one-byte characters."""
_STRETCH = re.compile(r"[^\n]{1,1500}(?:(?<=\s)|(?=\n)|\Z)|[^\n]{1,1500}")
"""A line, or the part of a very long one up to a space."""
_C1 = re.compile("[\x80-\x9f]")
_ODD = re.compile(
    "[ \t\xa0]*(?:\r{1,3}\n|\r|\u2028|\u2029|\x85)"  # ends of lines that are not one line feed
    "|[ \t\xa0]+(?=\n|\\Z)"  # white space before the end of a line
    "|(?<=\n)\x0c\r*\n"  # a page's end on a line of its own
    "|\xad\r*\n[ \t]*"  # a word divided by a soft hyphen
    "|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\xad\u200b\u2060\ufeff]"
    "|\t|[\xa0\u2000-\u200a\u202f\u205f\u3000]"
    "|[\ufb00-\ufb04]"
)
_LIGATURES = {"\ufb00": "ff", "\ufb01": "fi", "\ufb02": "fl", "\ufb03": "ffi", "\ufb04": "ffl"}
_COMBINING = re.compile("[A-Za-z][\u0300-\u036f]+")
TAB = 8


def mojibake(text: str) -> list[Edit]:
    """Repairs of UTF-8 that was read as something else, line by line, and only where it was."""
    if not _SUSPECT.search(text):
        return []
    from ftfy import fix_encoding
    from ftfy.badness import is_bad

    edits: list[Edit] = []
    for found in _STRETCH.finditer(text):
        line, at = found[0], found.start()
        if _SUSPECT.search(line) and is_bad(line):
            fixed = fix_encoding(line)
            if fixed != line and fixed.count("\ufffd") <= line.count("\ufffd"):
                edits.append(_least(at, line, fixed))
    return edits


def controls(text: str) -> list[Edit]:
    """Characters from 0x80 to 0x9f, which stand for those of Windows or of DOS."""
    found = list(_C1.finditer(text))
    # A next-line character alone is a line end; beside others it is Windows' ellipsis.
    if all(each[0] == "\x85" for each in found):
        return []
    encoding = "cp437" if _is_dos(text, [each.start() for each in found]) else "cp1252"
    return [
        Edit(each.start(), each.end(), each[0].encode("latin-1").decode(encoding, "ignore"))
        for each in found
    ]


def spaces(text: str) -> list[Edit]:
    """One line feed for each line end, plain spaces, no invisible characters."""
    edits = [
        Edit(each.start(), each.end(), with_)
        for each in _ODD.finditer(text)
        if (with_ := _plain(text, each)) != each[0]
    ]
    composed = [
        Edit(each.start(), each.end(), with_)
        for each in _COMBINING.finditer(text)
        if (with_ := unicodedata.normalize("NFC", each[0])) != each[0]
    ]
    return sorted(edits + composed) if composed else edits


def _plain(text: str, odd: re.Match[str]) -> str:
    """What stands for something odd."""
    found = odd[0]
    if found[0] in "\xad\x0c":
        return ""
    if found[-1] in "\r\n\u2028\u2029\x85":
        return "\n"
    if odd.end() == len(text) or text[odd.end()] == "\n":
        return ""
    if found == "\t":
        line = text.rfind("\n", 0, odd.start()) + 1
        before = text[line : odd.start()]
        if before.strip():
            return " "
        return " " * (TAB - len(before.expandtabs(TAB)) % TAB)
    if found in _LIGATURES:
        return _LIGATURES[found]
    return " " if found.isspace() and found not in "\x0b\x0c\x1c\x1d\x1e\x1f" else ""


def _least(at: int, old: str, new: str) -> Edit:
    """The edit that makes `old` at `at` into `new` and touches no more than it has to."""
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    return Edit(at + start, at + len(old) - end, new[start : len(new) - end])


def _is_dos(text: str, places: Iterable[int]) -> bool:
    """Whether such characters stand inside words, as DOS's accented letters do."""
    inside = outside = 0
    for at in places:
        if text[at] in "\x92\x96\x97":  # Windows' apostrophe and dashes stand inside words too
            outside += 1
        elif text[at - 1 : at].isalpha() and text[at + 1 : at + 2].isalpha():
            inside += 1
        else:
            outside += 1
    return inside > outside
