"""PURE. What stands in brackets and is no story: pictures, page numbers, side notes, remarks."""

import re
from collections.abc import Iterator

from storytui_train.data.clean.cuts import Cut, whole_lines
from storytui_train.data.clean.headings import mark

_PICTURE = (
    r"illustrations?|illus\.?|picture|frontispiece|images?|plates?|photo(?:graph)?s?|drawing|engraving|"
    r"map|diagram|facsimile|cover|front\s+cover|back\s+cover|title[\s-]?page|music(?:al)?(?:\s+notation)?|"
    r"decorat\w*|ornament\w*|vignette|headpiece|tailpiece|blank\s+page|bookplate|colophon|spine|"
    r"end\s?papers?|sheet\s+music|lyrics\s+sheet|drop[\s-]?cap\w*|initial|abbildung|ilustraci[oó]n|figure|fig\.|"
    r"silhouette|portrait|chart|signature|logo|publisher['’]s\s+(?:mark|device|logo)|bild|"
    r"(?:to\s+)?fac(?:e|ing)\s+(?:page|p\.)"
)
_OPEN = re.compile(
    r"(?P<open>[\[{<])[ \t]*[_*]*(?:"
    rf"(?P<picture>(?:{_PICTURE})(?=\s*[\]}}>:.,;=—–-]|\s+\d+\.?_?|\s+(?:of\b|\d|[ivxlc]+\b|[\"“‘'_])))"
    r"|(?P<side>side-?\s?notes?|margin(?:al\s+note)?)\s*:"
    r"|(?P<page>pb\s+n\s*=\s*['\"]?\w{1,6}['\"]?\s*/?(?=>)|pb\s+\d{1,4}|"
    r"(?:pg|page|pp?|seite|s(?=\.))[.:]?\s*[\divxlc]{1,6}(?:[-–]\d{1,4})?|[-–]\s?\d{1,4}\s?[-–]|\d{1,4}[ab]?"
    r"|(?<=\{)[ivxlc]{1,6})\s*(?=[\]}>])"
    r"|(?P<transcriber>(?:redact(?:or|eur)|transcription\s+notes?|(?:e-?text|e-?book|p\.?g\.?)\s+editor|note\s+from\s+(?:the\s+)?(?:p\.?g\.?|e-?text|e-?book|transcriber)|transcri(?:b|pt)[eo]?r|t\.?\s?n\.?\b|tr\.|typist|proof-?reader|e-?text|producer|note\s+(?:by|from)\s+"
    r"(?:the\s+)?transcriber|(?:the|this)\s+(?:e-?text|text\s+(?:is|was|has)\s+(?:take|from|been)))[^\]]{0,2})"
    r"|(?P<scan>(?:hand-?written|unreadable|illegible|text\s+missing|missing\s+text)(?:\s+\w+){0,3}\s*[.!?]?(?=\]))"
    r")",
    re.IGNORECASE,
)
_FORMAT = re.compile(
    r"(?m)/[*#$](?:[ \t]*(?:NIND|RIGHT|CENTER|CENTRE|LEFT|POETRY|BQ)\b)?(?=[ \t]|$)[ \t]*"
    r"|[ \t]*(?<=[ \t\n])[*#$]/[ \t]*$|^[/P]{2}[ \t]*$"
)
"""What proofreaders mark blocks with that keep their lines: `/*` and `*/`, `/#` and `#/`."""
_BREAK = re.compile(r"\n[ ]*\n|\Z")
_PIPED = re.compile(r"(?<!\|)\|\s?\d{1,4}\s?\|(?!\|)")
_WHY = {
    "picture": "illustration",
    "side": "sidenote",
    "page": "page number",
    "transcriber": "transcriber's note",
    "scan": "transcriber's note",
}
_CLOSE = {"[": "]", "{": "}", "<": ">"}
_LONGEST = {"illustration": 4_000, "transcriber's note": 30_000}
_INITIAL = re.compile(r"(?:^|[\s:_])([“‘\"'«]?[^\W\d_]|[“‘\"'«])[_*]?$")


def tags(text: str, footnotes: frozenset[str] = frozenset()) -> list[Cut]:
    """The cuts that take bracketed tags away.

    Args:
        text: with line feeds only.
        footnotes: numbers in brackets that mark footnotes and are no page numbers.
    """
    marked = any(sign in text for sign in ("/*", "/#", "/$", "*/", "#/", "$/", "/P", "P/"))
    cuts: list[Cut] = [
        Cut(*whole_lines(text, found.start(), found.end()), "markup")
        for found in (_FORMAT.finditer(text) if marked else ())
    ]
    cuts += [
        Cut(*whole_lines(text, found.start(), found.end()), "page number")
        for found in (_PIPED.finditer(text) if text.count("|") >= 2 else ())
    ]
    at = 0
    for found in _OPEN.finditer(text):
        if found.start() < at:
            continue
        kind = str(found.lastgroup)
        if kind == "page" and (found["open"] == "[" and found["page"].isdigit()):
            continue  # a footnote's marker, or part of the text
        if kind == "page" and found["page"] in footnotes:
            continue
        if found["open"] == "{" and text[found.start() - 1 : found.start()] in "_^":
            continue  # set lower or higher
        if found["open"] != "[" and kind not in ("page", "picture"):
            continue
        new = list(_tag(text, found, kind))
        cuts += new
        at = max((each.end for each in new), default=at)
    return cuts


def closing(text: str, start: int, longest: int) -> int | None:
    """The offset behind the bracket that closes the one at `start`; None: there is none."""
    opened, closed = text[start], _CLOSE[text[start]]
    depth = 0
    for found in re.compile(rf"[{re.escape(opened + closed)}]").finditer(
        text, start, start + longest
    ):
        depth += 1 if found[0] == opened else -1
        if not depth:
            return found.end()
    return None


def _tag(text: str, found: re.Match[str], kind: str) -> Iterator[Cut]:
    why = _WHY[kind]
    start = found.start()
    end = closing(text, start, _LONGEST.get(why, 1_500))
    if end is None:
        yield from _unclosed(text, found, why)
        return
    inside = text[found.end() : end - 1]
    if kind == "picture":
        if re.fullmatch(r"\W*list\s+of\s+[\w\s]+\W*", inside, re.IGNORECASE):
            # A heading that was drawn: its words stay, to be known as one.
            yield Cut(start, found.end() + len(inside) - len(inside.lstrip(" :.\n")), why)
            yield Cut(end - 1, end, why)
            return
        if heading := _heading(text, found.end(), end):
            yield Cut(*_lines(text, start, heading[0]), why)
            yield Cut(heading[1], end, why)
            return
        follows = text[end : end + 1]
        if follows.isalpha():
            # A drawn initial: the caption's last letter begins the word behind it.
            initial = _INITIAL.search(inside.strip())
            yield Cut(start, end, why, initial[1] if initial else "")
            return
    if kind == "page":
        yield _page(text, start, end)
        return
    yield Cut(*whole_lines(text, start, end), why)


def _lines(text: str, start: int, end: int) -> tuple[int, int]:
    """From the line's start where nothing stands before it."""
    before = text.rfind("\n", 0, start) + 1
    return (before if not text[before:start].strip() else start), end


def _heading(text: str, start: int, end: int) -> tuple[int, int] | None:
    """A chapter's heading that was drawn into a picture, and so stands in its caption."""
    last = text.rfind("\n\n", start, end - 1)
    if last < 0:
        return None
    inside = text[last : end - 1]
    begin = last + len(inside) - len(inside.lstrip())
    line = inside.strip()
    found = mark(line) if "\n" not in line else None
    if found is None or not found.sure:
        return None
    return begin, begin + len(line)


def _unclosed(text: str, found: re.Match[str], why: str) -> Iterator[Cut]:
    """A tag that is never closed goes with its block."""
    start = found.start()
    stop = _BREAK.search(text, start, start + 700)
    block = stop.start() if stop else start + 700
    if found.lastgroup in ("page", "scan"):
        return
    if block - start < 600:
        yield Cut(*whole_lines(text, start, block), why)


def _page(text: str, start: int, end: int) -> Cut:
    """A page number goes with its line, with one of its spaces, or leaves its word whole."""
    first, last = whole_lines(text, start, end)
    before, after = text[first - 1 : first], text[last : last + 1]
    if "\n" in text[start:end] and text[start - 1 : start].isspace() and after.strip():
        # A tag that was wrapped itself: the line ends where it stood.
        while text[first - 1 : first] == " ":
            first -= 1
        at_start = text[first - 1 : first] in ("", "\n")
        return Cut(first, last, "page number", "" if at_start else "\n")
    lost = before.isalnum() and after.isalnum() and text[first:last] != text[start:end]
    return Cut(first, last, "page number", " " if lost else "")
