"""PURE. What the names of files say: the order of chapters, their titles, what is no chapter."""

import re
import unicodedata
from collections.abc import Collection
from itertools import pairwise


def _counted(words: str) -> dict[str, int]:
    return {word: number for number, word in enumerate(words.split(), start=1)}


_NUMBER_WORDS = _counted(
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty"
)
_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70}
_ORDINALS = _counted("first second third fourth fifth sixth seventh eighth ninth tenth")
_COUNTED = r"chapter|chap|ch|part|pt|book|bk|scene|sc|act|section|letter|kapitel|kap|teil|chapitre"
_COUNTED_WORD = re.compile(rf"(?:{_COUNTED})", re.IGNORECASE)
_ROMAN = re.compile(r"(?=[ivxlc])c{0,3}(?:xc|xl|l?x{0,3})(?:ix|iv|v?i{0,3})", re.IGNORECASE)
_FIRST = re.compile(r"(?:prologue|prolog|foreword|preface|introduction|intro|vorwort)\b.*", re.I)
_LAST = re.compile(r"(?:epilogue|epilog|afterword|coda|nachwort)\b.*", re.IGNORECASE)
_TOKENS = re.compile(r"\d+|[^\W\d_]+")
_LEADING_NUMBER = re.compile(r"^\s*[\[(]?\d{1,4}(?:\.\d{1,3})*[\])]?(?=\D|$)[\s._:)–—-]*")
_NOT_STORY = re.compile(
    r"read ?me|licen[cs]e|changelog|notes?|my notes|outlines?|synopsis|summary|blurb|pitch|to ?do"
    r"|ideas?|characters?|character sheets?|people|places|locations?|settings?|world ?building"
    r"|research|timeline|scraps?|cut(s| scenes?)?|deleted( scenes?)?|trash|bin|archive[sd]?|old"
    r"( versions?)?|backups?|bak|drafts?|versions?|snapshots?|templates?|images?|pictures|assets"
    r"|media|attachments|metadata|index|contents|table of contents|toc|title page|front matter"
    r"|back matter|bibliography|feedback|comments?|reviews?|beta( readers?)?|query( letter)?"
    r"|submissions?|export(s|ed)?|output|build|plan(s|ning)?|plot|glossary|catalog(ue)?",
    re.IGNORECASE,
)
_OLD = re.compile(r"[\s_.(\[-]+(?:old|backup|bak|deleted|unused|obsolete)[)\]]?$", re.IGNORECASE)
_COPY = re.compile(
    r"[\s_.(\[-]+(?:copy|kopie|copie|drafts?[ _-]?\d*|v\d+|rev\d*|version[ _-]?\d*"
    r"|.*conflict.*)[)\]]?$|\s*\(\d+\)$|[\s_-]+copy[\s_-]*\d*$",
    re.IGNORECASE,
)
STORY_FOLDER = re.compile(
    r"chapters?|manuscripts?|drafts?|story|text|content|scenes?|kapitel|novel|book", re.IGNORECASE
)
"""What writers call the folder of the text itself, beside those of notes."""
_PART = re.compile(
    r"(?:\d{1,3}[\s._-]+)?(?:part|book|volume|vol|act|teil|buch|band)\b[\s._-]*.*|\d{1,3}\b.*",
    re.IGNORECASE,
)


def natural_key(stem: str) -> tuple[tuple[int, int, str], ...]:
    """By what names are sorted as people do: 2 before 10, "Chapter Two" before "Chapter Ten".

    A prologue without a number comes first, an epilogue last.
    """
    stem = unicodedata.normalize("NFC", stem)
    place = 0 if _FIRST.fullmatch(stem) else 2 if _LAST.fullmatch(stem) else 1
    key: list[tuple[int, int, str]] = [(place, 0, "")]
    tokens = [each.lower() for each in _TOKENS.findall(stem)]
    at = 0
    while at < len(tokens):
        counted = at > 0 and _COUNTED_WORD.fullmatch(tokens[at - 1]) is not None
        number = _number(tokens[at], counted=counted or len(tokens) == 1)
        after = _NUMBER_WORDS.get(tokens[at + 1], 0) if at + 1 < len(tokens) else 0
        if number is not None and tokens[at] in _TENS and 0 < after < 10:
            number += after
            at += 1
        key.append((1, 0, tokens[at]) if number is None else (0, number, ""))
        at += 1
    # What is equal but for blanks and marks keeps one order everywhere.
    return (*key, (3, 0, stem))


def _number(token: str, *, counted: bool) -> int | None:
    if token.isdecimal():
        return int(token)
    if not counted:
        return None
    for words in (_NUMBER_WORDS, _TENS, _ORDINALS):
        if token in words:
            return words[token]
    return _roman(token) if _ROMAN.fullmatch(token) else None


def _roman(token: str) -> int:
    values = [{"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}[each] for each in token.lower()]
    return sum(
        -value if value < after else value
        for value, after in zip(values, [*values[1:], 0], strict=True)
    )


def chapter_number(stem: str) -> int | None:
    """The number that a name begins with, or that follows its "chapter"; None: it has none."""
    tokens = [each.lower() for each in _TOKENS.findall(stem)]
    if tokens and tokens[0].isdecimal():
        return int(tokens[0])
    for before, token in pairwise(tokens):
        if _COUNTED_WORD.fullmatch(before):
            return _number(token, counted=True)
    return _number(tokens[0], counted=True) if len(tokens) == 1 else None


def title_of(stem: str) -> str:
    """A title made of a file's name: `03_the-lighthouse` becomes `the lighthouse`."""
    bare = _LEADING_NUMBER.sub("", stem)
    text = bare or stem.strip().lstrip("0") or stem
    if " " not in text.strip():
        text = re.sub(r"(?<=\w)[_-]+(?=\w)", " ", text)
    return " ".join(text.replace("_", " ").split())


def why_no_chapter(stem: str, others: Collection[str]) -> str:
    """Why a file among chapters is none of them; empty where it is one.

    Args:
        stem: its name without the ending.
        others: the names, without endings, of the files beside it.
    """
    if _NOT_STORY.fullmatch(re.sub(r"[\s_-]+", " ", stem).strip()):
        return f"it is called “{stem}”"
    if _OLD.search(stem):
        return "its name says that it is old"
    base = _COPY.sub("", stem)
    if base != stem and any(each.casefold() == base.casefold() for each in others):
        return f"it looks like another version of “{base}”"
    return ""


def is_part(name: str) -> bool:
    """Whether a folder among a book's folders is a part of the book."""
    return _PART.fullmatch(name.strip()) is not None


def slug(text: str) -> str:
    """A name for ids: `The Lighthouse (2nd draft)` becomes `the-lighthouse-2nd-draft`."""
    bare = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(each for each in bare if not unicodedata.combining(each))
    return "-".join(re.findall(r"[^\W_]+", letters))[:60].strip("-")
