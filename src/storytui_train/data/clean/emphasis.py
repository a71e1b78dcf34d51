"""PURE. Emphasis as plain text files mark it, made Markdown."""

import re
from typing import Literal

from storytui_train.data.edits import Edit

_MARK = re.compile(r"(?<![_\\])_(?!_)")
_PARAGRAPH = re.compile(r"\n\n")
_OTHERS = re.compile(
    r"(?<![\w=])=(?P<bold>[^\s=](?:[^=\n]|\n(?!\n)){0,200}?(?<!\s))=(?![\w=])"
    r"|(?<![\w+])\+(?P<small>[^\W\d](?:[^+\n]|\n(?!\n)){0,120}?(?<!\s))\+(?![\w+])"
    r"|(?<![\w~])~(?P<spaced>[^\W\d](?:[^~\n]|\n(?!\n)){0,200}?(?<!\s))~(?![\w~])"
    r"|</?(?P<tag>i|em|b|strong|sc|small|u)>"
    r"|\^\{(?P<raised>[^{}\n]{1,12})\}"
)
_SIGNS = ("=", "+", "~", "<", "^{")
_REACH = 6
"""Paragraphs over which one emphasis may go on."""


def emphasis(text: str, how: Literal["markdown", "keep", "drop"]) -> list[Edit]:
    """The edits that make `_so_` into `*so*`, and the like for bold and small capitals.

    Args:
        text: cleaned but for its emphasis.
        how: what becomes of the marks.
    """
    if how == "keep":
        return []
    star, stars = ("*", "**") if how == "markdown" else ("", "")
    edits = _others(text, star, stars) if any(each in text for each in _SIGNS) else []
    edits += _underscores(text, star)
    edits.sort()
    # What lies inside another edit is left alone.
    kept: list[Edit] = []
    for edit in edits:
        if not kept or edit.start >= kept[-1].end:
            kept.append(edit)
    return kept


def _others(text: str, star: str, stars: str) -> list[Edit]:
    edits: list[Edit] = []
    for found in _OTHERS.finditer(text):
        start, end = found.span()
        match found.lastgroup:
            case "bold":
                edits += (Edit(start, start + 1, stars), Edit(end - 1, end, stars))
            case "small" | "spaced":
                edits += (
                    Edit(start, start + 1, star if found["spaced"] else ""),
                    Edit(end - 1, end, star if found["spaced"] else ""),
                )
            case "tag":
                mark = {"b": stars, "strong": stars, "i": star, "em": star}.get(found["tag"], "")
                edits.append(Edit(start, end, mark))
            case "raised":
                edits += (Edit(start, start + 2, ""), Edit(end - 1, end, ""))
            case _:
                pass
    return edits


def _underscores(text: str, star: str) -> list[Edit]:
    marks = [
        found.start()
        for found in _MARK.finditer(text)
        if text[found.start() + 1 : found.start() + 2] != "{"
    ]
    if not marks:
        return []
    breaks = [found.start() for found in _PARAGRAPH.finditer(text)]
    edits: list[Edit] = []
    place = 0
    opened: int | None = None
    crossed: list[int] = []
    for at in marks:
        while place < len(breaks) and breaks[place] < at:
            if opened is not None:
                crossed.append(breaks[place])
            place += 1
        before, after = text[at - 1 : at], text[at + 1 : at + 2]
        opens = bool(after.strip()) and not (before.isalnum() and after in ".,;:!?)]\"'”’")
        closes = bool(before.strip())
        if (
            opened is not None
            and crossed
            and (len(crossed) > _REACH or not closes or not _heads(text, opened))
        ):
            # It was never closed: the mark goes.
            edits.append(Edit(opened, opened + 1, ""))
            opened, crossed = None, []
        if opened is None:
            if opens:
                opened, crossed = at, []
            else:
                edits.append(Edit(at, at + 1, ""))
        elif closes:
            edits += _pair(text, opened, crossed, at, star)
            opened, crossed = None, []
        else:
            edits.append(Edit(opened, opened + 1, ""))
            opened, crossed = (at, []) if opens else (None, [])
            if opened is None:
                edits.append(Edit(at, at + 1, ""))
    if opened is not None:
        edits.append(Edit(opened, opened + 1, ""))
    return edits


def _heads(text: str, at: int) -> bool:
    """Whether a mark opens its paragraph, as one does that goes on over several."""
    return text[:at].rstrip("\"“'‘(").endswith("\n\n") or not text[:at].strip()


def _pair(text: str, opened: int, crossed: list[int], closed: int, star: str) -> list[Edit]:
    inside = text[opened + 1 : closed]
    if not crossed and not re.search(r"[^\W_]", inside):
        return [Edit(opened, opened + 1, ""), Edit(closed, closed + 1, "")]
    edits = [Edit(opened, opened + 1, star)]
    for at in crossed:
        edits.append(Edit(at, at + 2, f"{star}\n\n{star}"))
    return [*edits, Edit(closed, closed + 1, star)]
