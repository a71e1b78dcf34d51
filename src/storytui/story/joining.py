"""How accepted text joins what stands before and after the cursor."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from storytui.story.sentences import ends_sentence, in_quotation, last_paragraph

_BLANKS = " \t"
_OPENING = "“‘„‚«‹([{¿¡"
_CLOSING = ",.;:!?…)]}”’»›%"
_DASHES = "—–―-"
_CONTRACTION = re.compile(r"'(?:s|t|d|m|re|ve|ll)\b")
_HEADING = re.compile(r"[ ]{0,3}#{1,6}[ \t]+\S")
_BREAK = re.compile(r"[ \t]*(?:\r?\n[ \t]*)+")
_RUN_OF_BLANKS = re.compile(r"[ \t]{2,}")
_SPEECH_MARKS = '"“„«»'
# An apostrophe does not follow a comma or a full stop; the mark that ends speech does.
_SINGLE_SPEECH = re.compile(r"[,.!?…—]['’]")

_EMPTY_LINE = 2
"""Line breaks, where one line between two paragraphs is empty."""
_BREAKS_LOOKED_AT = 12
_WRAPPED_LINES = 3
"""Breaks in the middle of sentences, of those looked at, that make a text a hard-wrapped one."""


@dataclass(frozen=True, slots=True)
class Joined:
    """What to do at the cursor so that a piece of an answer stands there rightly."""

    drop: int
    """Blanks to remove just before the cursor."""
    text: str
    """What to insert there."""
    caret: int
    """Where the cursor stands afterwards, counted from the start of `text`."""


def join(before: str, piece: str, after: str, *, first: bool, verbatim: bool = False) -> Joined:
    """How `piece` of an answer is inserted between `before` and `after`.

    A verbatim answer is inserted as it is, but for line breaks at its beginning that would leave
    more than one empty line, where the cursor stands behind some already. The beginning of any
    other brings no white space that could be relied on, so what goes between it and the manuscript
    is found here; a later piece follows what was accepted before it just as it does in the answer.
    Accepting an answer in pieces and at once give the same manuscript.

    Args:
        before: the manuscript up to the cursor (its last few thousand characters are enough).
        piece: a stretch of the answer with the white space that stands in front of it there.
        after: the manuscript from the cursor on (its first few thousand characters are enough).
        first: whether the piece is the beginning of the answer.
        verbatim: whether the answer is exactly what follows `before`, white space included.
    """
    if verbatim:
        return _verbatim(before, piece, after, first=first)
    body = piece.lstrip()
    lead = piece[: len(piece) - len(body)]
    body = body.rstrip()
    if not body:
        return Joined(0, "", 0)
    paragraph_break = _paragraph_break(before, after)
    wrapped = _is_wrapped(before)
    stem = before.rstrip(_BLANKS)
    blanks = len(before) - len(stem)
    drop = 0
    breaks = lead.count("\n") > 1 or ("\n" in lead and not wrapped)
    if _is_break(before, stem, breaks, body, first):
        if stem and not stem.isspace():
            drop = blanks
        between = _missing(stem, paragraph_break)
    elif first:
        between = _space(before, body)
        if blanks and stem and not stem.endswith(("\n", "\r")) and _attaches(before, body):
            drop = blanks
    elif "\n" in lead:
        drop = blanks
        between = _missing(stem, _newline(paragraph_break))
    else:
        between = " " if lead and before and not before[-1].isspace() else ""
    text = between + _in_style(body, paragraph_break, wrapped=wrapped)
    # The space after the piece stands behind the caret: the next piece joins in front of it.
    space = " " if _needs_space(after) else ""
    return Joined(drop, text + space, len(text))


def _verbatim(before: str, piece: str, after: str, *, first: bool) -> Joined:
    """A piece as it is; only the white space behind an answer is nobody's.

    Models learn from contexts that end with a letter or a mark, and begin their paragraph anew
    where the cursor stands in an empty line.
    """
    there = before[len(before.rstrip()) :].count("\n") if first and before.strip() else 0
    body = piece.lstrip()
    lead = piece[: len(piece) - len(body)]
    too_many = there + lead.count("\n") - _EMPTY_LINE
    for _ in range(min(too_many, lead.count("\n")) if there else 0):
        lead = lead[lead.index("\n") + 1 :]
    piece = lead + body
    space = " " if piece.strip() and not piece[-1].isspace() and _needs_space(after) else ""
    return Joined(0, piece + space, len(piece))


def _in_style(body: str, paragraph_break: str, *, wrapped: bool) -> str:
    """The answer's text with the manuscript's line breaks."""

    def in_style(found: re.Match[str]) -> str:
        if found.group().count("\n") > 1:
            return paragraph_break
        if wrapped:
            return _newline(paragraph_break)
        # A model that copies a book's line breaks breaks in the middle of sentences.
        middle = body[found.start() - 1] in "," or body[found.start() - 1].isalpha()
        return " " if middle and body[found.end()].islower() else paragraph_break

    return _RUN_OF_BLANKS.sub(" ", _BREAK.sub(in_style, body))


def _newline(paragraph_break: str) -> str:
    return "\r\n" if paragraph_break.startswith("\r") else "\n"


def _is_wrapped(before: str) -> bool:
    """Whether the manuscript breaks its lines inside paragraphs, as printed books' files do."""
    return [*_breaks_backwards(before)].count("line") >= _WRAPPED_LINES


def _is_break(before: str, stem: str, asked: bool, body: str, first: bool) -> bool:
    """Whether the piece begins a new paragraph; `asked`: by its own line breaks."""
    if not first:
        return asked
    if not stem:
        return False
    if in_quotation(before):
        # Speech goes on in its paragraph, unless it opens again, as it does in a new one.
        return asked and body[0] in "“„«"
    if stem.endswith(("\n", "\r")):
        return asked
    line = stem[max(stem.rfind("\n"), stem.rfind("\r")) + 1 :]
    return asked or _HEADING.match(line) is not None or _is_new_speaker(stem, body)


def _is_new_speaker(stem: str, body: str) -> bool:
    """Whether speech follows a finished sentence in a paragraph that has speech already."""
    if not ends_sentence(stem):
        return False
    paragraph = last_paragraph(stem)
    if body[0] in _SPEECH_MARKS:
        return any(mark in paragraph for mark in _SPEECH_MARKS)
    return body[0] in "'‘" and _SINGLE_SPEECH.search(paragraph) is not None


def _missing(stem: str, paragraph_break: str) -> str:
    """What is missing at the end of `stem` to make a paragraph break."""
    if not stem.strip():
        return ""
    newline = _newline(paragraph_break)
    there = stem[len(stem.rstrip()) :].count("\n")
    return newline * max(0, paragraph_break.count("\n") - there)


def _space(before: str, body: str) -> str:
    """The space between the manuscript and the beginning of an answer."""
    if not before or before[-1].isspace() or _attaches(before, body):
        return ""
    last = before[-1]
    loose = before[-2:-1].isspace() or len(before) == 1 or before[-2] in _OPENING
    if last in _OPENING and not (last == "“" and "„" in last_paragraph(before)):
        return ""
    if last in _DASHES:
        # `word —` has spaces round its dashes, `word—` and `well-` have none.
        return " " if loose else ""
    if last in "*_'" and loose:
        return ""
    if last == '"' and in_quotation(before):
        return ""
    return " "


def _attaches(before: str, body: str) -> bool:
    """Whether `body` follows without a space whatever it follows."""
    if body[0] in _CLOSING:
        return not (body.startswith(("...", "…")) and body.lstrip(".…")[:1].isalpha())
    if body[0] in _DASHES:
        return not before[-1:].isspace() and body[1:2].strip() != ""
    if body[0] == '"' or (body[0] == "“" and "„" in last_paragraph(before)):
        return in_quotation(before)
    return _CONTRACTION.match(body) is not None


def _needs_space(after: str) -> bool:
    """Whether what follows the cursor needs a space in front of it."""
    if not after:
        return False
    first = after[0]
    if first in '"*_':
        return after[1:2].isalnum()
    return first.isalnum() or first in _OPENING or (first in "'–—" and after[1:2].isalpha())


def _paragraph_break(before: str, after: str) -> str:
    """What separates paragraphs here: a blank line or a single newline.

    The last line breaks before the cursor decide, those after it only where there are none.
    Single ones count where they follow the end of a sentence: the others are line breaks inside
    paragraphs. What is inserted never changes the decision.
    """
    breaks = [*_breaks_backwards(before)]
    if not breaks:
        head = after[:4000]
        breaks = [
            _kind(head, found.start(), found.end())
            for found in _BREAK.finditer(head)
            if head[: found.start()].strip() and found.end() < len(head)
        ]
    newline = "\r\n" if "\r\n" in before or "\r\n" in after else "\n"
    if not breaks:
        return newline * 2
    blank, single = breaks.count("blank"), breaks.count("single")
    if not blank and "\n\n" not in before and "\r\n\r\n" not in before:
        return newline
    return newline if single > blank and 2 * single >= len(breaks) - blank else newline * 2


def _breaks_backwards(text: str) -> Iterator[str]:
    """The kinds of the last few breaks behind text in `text`, the last one first."""
    end = len(text)
    for _ in range(_BREAKS_LOOKED_AT):
        found = text.rfind("\n", 0, end)
        if found < 0:
            return
        stop = found + 1
        end = len(text[max(0, found - 4000) : found].rstrip()) + max(0, found - 4000)
        if end == 0:
            return
        yield _kind(text, end, stop)


def _kind(text: str, start: int, end: int) -> str:
    if text.count("\n", start, end) > 1:
        return "blank"
    return "single" if ends_sentence(text[max(0, start - 400) : start]) else "line"
