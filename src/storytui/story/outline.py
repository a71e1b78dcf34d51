"""Where a manuscript's chapters begin, seen from its lines alone.

Found are Markdown headings, lines such as "CHAPTER IV", "Chapter Three: The Key" or "Part 2", and
numerals and words such as "XII." or "Prologue" that stand alone. A table of contents is left out.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

LONGEST_HEADING = 80
"""Characters; a longer line is prose that begins like a heading."""


@dataclass(frozen=True, slots=True)
class Chapter:
    """A heading."""

    line: int
    """Counted from 0."""
    title: str
    level: int
    """1 for the highest there is."""


_NUMBER_WORDS = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|"
    "sixteen|seventeen|eighteen|nineteen|(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)"
    "(?:[- ](?:one|two|three|four|five|six|seven|eight|nine))?|the (?:first|second|third|fourth|"
    "fifth|sixth|seventh|eighth|ninth|tenth|last)|first|second|third|fourth|fifth|last"
)
_ROMAN = r"(?=[ivxlc])c{0,3}(?:xc|xl|l?x{0,3})(?:ix|iv|v?i{0,3})"
_NUMERAL = rf"(?:\d{{1,3}}|{_ROMAN}|{_NUMBER_WORDS})"

_MARKDOWN = re.compile(r" {0,3}(#{1,6})[ \t]+(.*\S)")
_NAMED_START = rf"(?P<kind>volume|book|part|act|chapter|canto|letter|scene)\s+{_NUMERAL}"
_NAMED = re.compile(
    _NAMED_START + r"(?:\s*[.:,—–-]\s*(?P<title>.*)|(?P<bare>))",
    re.IGNORECASE,
)
_ALONE = re.compile(
    rf"(?:{_ROMAN}|\d{{1,3}})\.?|"
    r"(?:prologue|epilogue|preface|foreword|introduction|interlude|afterword)\.?",
    re.IGNORECASE,
)
_NUMBERED_TITLE = re.compile(rf"(?:(?i:{_ROMAN})|\d{{1,3}})[.:]\s+(?P<title>\S.*)")
_FIRST = frozenset("abcefilpsvx")
"""First letters of the words and numerals that open a heading."""
_LEVELS = {"volume": 1, "book": 1, "part": 1, "act": 1, "scene": 3}
_CHAPTER_LEVEL = 2
_SENTENCE_END = re.compile(r"[.!?,;][\"”’')\]]*$")


def chapters(lines: Sequence[str]) -> list[Chapter]:
    """The headings among `lines`, in order; their levels begin at 1."""
    found = [chapter for number in range(len(lines)) if (chapter := _heading_at(lines, number))]
    found = _without_contents(lines, found)
    highest = min((each.level for each in found), default=1)
    return [replace(each, level=each.level - highest + 1) for each in found]


def _heading_at(lines: Sequence[str], number: int) -> Chapter | None:
    """The heading that line `number` is, if it is one."""
    line = lines[number]
    first = line.lstrip()[:1]
    # Most lines are prose and leave here.
    if not first or not (first in "#*_[" or first.isdigit() or first.lower() in _FIRST):
        return None
    if first == "#":
        markdown = _MARKDOWN.match(line)
        if markdown is None:
            return None
        title = re.sub(r"\s+#+$", "", markdown[2])
        return Chapter(number, title, len(markdown[1]))
    text = line.strip().strip("*_[]").strip()
    if len(text) > LONGEST_HEADING or not _is_blank(lines, number - 1):
        return None
    if named := _NAMED.fullmatch(text):
        title = named["title"] or ""
        if _is_prose(title):
            return None
        level = _LEVELS.get(named["kind"].lower(), _CHAPTER_LEVEL)
        return Chapter(number, text if title else _with_next(lines, number, text), level)
    if _ALONE.fullmatch(text) and _is_roman_spelt_right(text):
        if _is_blank(lines, number + 1):
            return Chapter(number, text, _CHAPTER_LEVEL)
        return None
    numbered = _NUMBERED_TITLE.fullmatch(text)
    if numbered and _is_title(numbered["title"]) and _is_blank(lines, number + 1):
        return Chapter(number, text, _CHAPTER_LEVEL)
    return None


def _is_blank(lines: Sequence[str], number: int) -> bool:
    """Whether there is nothing on a line, or no such line."""
    return not 0 <= number < len(lines) or not lines[number].strip()


def _is_prose(title: str) -> bool:
    """Whether what follows "Chapter one" goes on as a sentence would."""
    return title[:1].islower() and _SENTENCE_END.search(title) is not None


def _is_title(text: str) -> bool:
    """Whether a numbered line is a title and not the item of a list: capitals carry it."""
    words = [word for word in re.findall(r"[^\W\d_]+", text) if len(word) > 3]
    return bool(words) and all(word[0].isupper() for word in words)


def _is_roman_spelt_right(text: str) -> bool:
    """Numerals stand in one case: "IV" or "iv", and small ones with a full stop."""
    letters = text.rstrip(".")
    if not re.fullmatch(_ROMAN, letters, re.IGNORECASE):
        return True
    return letters.isupper() or (letters.islower() and text.endswith("."))


def _with_next(lines: Sequence[str], number: int, text: str) -> str:
    """A bare "CHAPTER I." and the title on the line below it, where there is one."""
    if _is_blank(lines, number + 1) or not _is_blank(lines, number + 2):
        return text
    below = lines[number + 1].strip()
    if len(below) > LONGEST_HEADING or (_SENTENCE_END.search(below) and not _is_title(below)):
        return text
    return f"{text} {below}"


def _without_contents(lines: Sequence[str], found: list[Chapter]) -> list[Chapter]:
    """Leave out headings that have no text of their own and come again further down."""
    last_line = {_key(lines, each): each.line for each in found}
    ends = [each.line for each in found[1:]] + [len(lines)]
    return [
        each
        for each, end in zip(found, ends, strict=False)
        if last_line[_key(lines, each)] == each.line or _has_text(lines[each.line + 1 : end])
    ]


def _has_text(lines: Sequence[str]) -> bool:
    """Whether more stands here than the short lines of a table of contents."""
    return sum(len(line.strip()) for line in lines) > 600


def _key(lines: Sequence[str], chapter: Chapter) -> str:
    """What a heading has in common with its entry in a table of contents."""
    text = lines[chapter.line].strip().strip("*_[]").strip().lower()
    if text.startswith("#"):
        return f"{chapter.line}"  # Markdown headings are nobody's table of contents
    if named := re.match(rf"{_NAMED_START}\b", text, re.IGNORECASE):
        text = named[0]
    return "".join(character for character in text if character.isalnum())
