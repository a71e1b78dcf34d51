"""PURE. A row as lines for a terminal: context, plan, continuation side by side, or stacked."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from storytui.story.visible import visible
from storytui_train.data.examples import Row

SIDE_BY_SIDE = 100
"""Columns from which the three parts stand beside each other."""
GAP = " │ "
BEFORE = 12
"""Lines of the context that are seen first where the parts are stacked."""
_NOTHING = "(none)"
_PIECES = re.compile(r"[ \t]+|[^ \t]+")


@dataclass(frozen=True, slots=True)
class Page:
    """A row laid out for a width: what stands above, and columns of lines."""

    head: list[str]
    columns: tuple[list[str], ...]
    """Three, or one where they are stacked."""
    widths: tuple[int, ...]
    start: int
    """Stacked: the line that is seen first. Side by side it is 0."""
    back: int
    """How many lines of the context lie before what is seen first, at the most."""


def lay_out(row: Row, width: int, place: str = "", *, bad: bool = False) -> Page:
    """Lay a row out.

    Args:
        row: the example.
        width: of the terminal, in columns.
        place: where it stands, such as `3 of 120`.
        bad: whether it is marked.
    """
    width = max(width, 20)
    head = [*_head(row, width, place, bad), *wrapped(_guidance(row), width), ""]
    parts = (
        ("CONTEXT", row.context),
        ("PLAN", row.reasoning.strip() or _NOTHING),
        ("CONTINUATION", row.continuation.strip("\n")),
    )
    if width >= SIDE_BY_SIDE:
        room = width - 2 * len(GAP)
        widths = (room // 3, room // 3, room - 2 * (room // 3))
        columns = tuple(wrapped(text, each) for (_, text), each in zip(parts, widths, strict=True))
        titles = [padded(title, each) for (title, _), each in zip(parts, widths, strict=True)]
        return Page([*head, GAP.join(titles)], columns, widths, 0, len(columns[0]))
    lines: list[str] = []
    start = 0
    for title, text in parts:
        if title == "PLAN":
            start = max(0, len(lines) - BEFORE)
        lines += [f"── {title} ", *wrapped(text, width), ""]
    return Page(head, (lines,), (width,), start, start)


def seen(page: Page, height: int, scroll: int) -> list[str]:
    """The lines of a page that a screen shows, as many as it has.

    Args:
        page: a laid out row.
        height: of the screen, in lines.
        scroll: lines down from what is seen first; negative: up, into the context.
    """
    room = max(height - len(page.head), 1)
    head = page.head[: max(height - room, 0)]
    if len(page.columns) == 1:
        body = page.columns[0][page.start + scroll :][:room]
    else:
        context, *others = page.columns
        end = len(context) + min(scroll, 0)
        down = max(scroll, 0)
        shown = [
            context[max(0, end - room) : max(end, 0)],
            *(each[down:][:room] for each in others),
        ]
        body = [
            GAP.join(
                padded(_at(column, line), width)
                for column, width in zip(shown, page.widths, strict=True)
            ).rstrip()
            for line in range(room)
        ]
    return [*head, *body, *[""] * (height - len(head) - len(body))][:height]


def limits(page: Page, height: int) -> tuple[int, int]:
    """How far a page can be scrolled up (0 or less) and down, in lines."""
    room = max(height - len(page.head), 1)
    if len(page.columns) == 1:
        return -page.start, max(0, len(page.columns[0]) - room - page.start)
    return min(0, room - len(page.columns[0])), max(
        0, *(len(each) - room for each in page.columns[1:])
    )


def plain_lines(row: Row, place: str = "", *, bad: bool = False, width: int = 80) -> Iterator[str]:
    """A row as lines for a file or a pipe: all of it, one part after the other."""
    page = lay_out(row, min(width, SIDE_BY_SIDE - 1), place, bad=bad)
    yield from page.head
    yield from page.columns[0]


def wrapped(text: str, width: int) -> list[str]:
    """A text as lines of at most so many columns, its own line breaks kept.

    What must not be sent to a terminal is made visible. White space at a line's end goes where a
    line is broken; a word that is longer than a line is cut.
    """
    lines: list[str] = []
    for line in visible(text.expandtabs(4)).split("\n"):
        lines += _wrapped_line(line.rstrip(), width)
    return lines


def _wrapped_line(line: str, width: int) -> list[str]:
    if cells(line) <= width:
        return [line]
    lines, now, used = [], "", 0
    for piece in _PIECES.findall(line):
        size = cells(piece)
        if used + size > width and now.strip():
            lines.append(now.rstrip())
            now, used = "", 0
            if piece.isspace():
                continue
        for character in piece:
            wide = cells(character)
            if used + wide > width and now:
                lines.append(now)
                now, used = "", 0
            now += character
            used += wide
    return [*lines, now.rstrip()] if now.strip() else lines


def cells(text: str) -> int:
    """How many columns a text takes in a terminal."""
    if text.isascii():
        return len(text)
    return sum(_cells(each) for each in text)


def _cells(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def padded(text: str, width: int) -> str:
    """A text with blanks behind it, or cut, so that it takes so many columns."""
    while cells(text) > width:
        text = text[:-1]
    return text + " " * (width - cells(text))


def _at(lines: Sequence[str], place: int) -> str:
    return lines[place] if place < len(lines) else ""


def _head(row: Row, width: int, place: str, bad: bool) -> list[str]:
    source = row.source
    book = ", ".join(each for each in (source.title or source.id, source.author) if each)
    first = " · ".join(
        each for each in (place, row.id, row.split, "MARKED BAD" if bad else "") if each
    )
    facts = [f"{row.sentences[0]} + {row.sentences[1]} sentences", row.cut or row.starts, row.why]
    facts += [f"{name} {_figure(name, value)}" for name, value in sorted(row.scores.items())]
    if row.teacher is not None:
        facts.append(row.teacher.model)
    second = " · ".join(each for each in (book, row.chapter, *facts) if each)
    return [line for text in (first, second) for line in wrapped(_one_line(text), width)]


def _figure(name: str, value: float) -> str:
    """A score as it is read: `plans` is a number of plans, the others are shares or percents."""
    return f"{value:.0f}" if name == "plans" else f"{value:.2f}"


def _guidance(row: Row) -> str:
    return f"Guidance: {_one_line(row.guidance)}" if row.guidance.strip() else ""


def _one_line(text: str) -> str:
    return visible(" ".join(text.split()), newlines=False)
