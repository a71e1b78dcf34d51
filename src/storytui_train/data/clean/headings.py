"""PURE. What a line has to be to head a volume, a part, a chapter, a letter or a section."""

import re
from typing import NamedTuple

_UNITS = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|"
    "sixteen|seventeen|eighteen|nineteen"
)
_TENS = "twenty|thirty|forty|fourty|fifty|sixty|seventy|eighty|ninety"
_ORDINALS = (
    "first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|"
    "thirteenth|fourteenth|fifteenth|sixteenth|seventeenth|eighteenth|nineteenth|twentieth|"
    "thirtieth|fortieth|fiftieth|last|final"
)
_NUMBER_WORDS = rf"(?:(?:{_TENS})(?:[- ](?:{_UNITS}|{_ORDINALS}))?|{_UNITS}|{_ORDINALS}|hundred)"
ROMAN = r"(?=[ivxlc])c{0,3}(?:xc|xl|l?x{0,4})(?:ix|iv|v?i{0,4})(?![a-z])"
_NUMERAL = rf"(?:the\s+)?(?:\d{{1,3}}(?:st|nd|rd|th)?|{ROMAN}|{_NUMBER_WORDS})(?![\w])"
_LEVELS = {
    "volume": 1, "vol": 1, "book": 2, "livre": 2, "buch": 2, "part": 3, "parte": 3, "teil": 3,
    "theil": 3, "partie": 3, "period": 3, "phase": 3, "epoch": 3, "act": 3,
    "stage": 4, "chapter": 5, "chap": 5, "ch": 5,
    "chapitre": 5, "kapitel": 5, "capitel": 5, "capítulo": 5,
    "capitulo": 5, "capitolo": 5, "hoofdstuk": 5, "letter": 5, "stave": 5, "adventure": 5,
    "story": 5, "tale": 5, "canto": 5, "night": 5, "narrative": 5, "episode": 5, "fit": 5,
    "sonnet": 5, "fytte": 5, "lecture": 5, "essay": 5, "conversation": 5, "evening": 5,
    "scene": 6, "section": 6,
}  # fmt: skip
_EVERYDAY = frozenset(["night", "evening", "fit", "stage", "story", "tale", "series", "part"])
"""Words that begin sentences, too: "Part two of it"."""
_KIND = "|".join(sorted(_LEVELS, key=len, reverse=True))
_NAMED = re.compile(
    rf"(?:(?P<kind>{_KIND})\.?\s+(?:the\s+)?(?:no\.?\s+|number\s+)?(?P<number>{_NUMERAL})"
    rf"|(?:the\s+)?(?P<ordinal>{_ORDINALS}|erstes?|erster|zweite[rs]?|dritte[rs]?|\d{{1,3}}\.)\s+"
    rf"(?P<kind2>{_KIND})\b)"
    r"(?P<stop>[\s.:;,—–\-\]]*)(?P<title>.*)",
    re.IGNORECASE,
)
_NUMBERED = re.compile(
    rf"(?:§\s*)?(?P<number>{ROMAN}|\d{{1,3}}|{_NUMBER_WORDS})\s*(?P<stop>[.:)\]]|[—–]|-{{1,2}}|(?=\s*$)|(?=\s))\s*(?P<title>.*)",
    re.IGNORECASE,
)
_SPECIAL = re.compile(
    r"(?:(?:the\s+)?(?:author['’]?s?|editor['’]?s?|translator['’]?s?|publisher['’]?s?|general|original)\s+)?"
    r"(?P<name>preface|foreword|fore-word|introduction|introductory(?:\s+(?:note|remarks))?|prologue|"
    r"prologo|epilogue|conclusion|postscript|afterword|proem|prelude|interlude|intermezzo|"
    r"dedication|dedicatory\s+\w+|appendix|apology|advertisement|argument|note|notes|vorwort|nachwort|"
    r"einleitung|préface|avant-propos|épilogue|finale|l['’]envoi|envoi|overture|coda|"
    r"(?:a\s+)?(?:word\s+)?to\s+the\s+reader|postlude|induction|preamble|exordium)"
    r"(?:\s+(?:to|by|of)\s+.{1,60}|\s*[:.—–-]+\s*(?P<title>.{0,60}))?[.:]?",
    re.IGNORECASE,
)
CONTENTS = re.compile(
    r"(?:(?:the\s+)?(?:table\s+of\s+)?contents|table|chapters|inhalt(?:sverzeichnis)?|index|sommaire|"
    r"table\s+des\s+mati[èe]res|list\s+of\s+(?:stories|tales|chapters|contents|poems)|indice|índice|inhoud|"
    r"contents\s+of\s+.{1,40}|synopsis\s+of\s+chapters)(?:\s*[.:—-]*)",
    re.IGNORECASE,
)
ILLUSTRATIONS = re.compile(
    r"(?:(?:list\s+of\s+)?(?:the\s+)?(?:full[- ]page\s+)?"
    r"(?:illustrations|plates|maps|pictures|figures|"
    r"portraits|engravings)(?:\s+and\s+\w+)?|abbildungen|verzeichnis\s+der\s+\w+)(?:\s*[.:—-]*)",
    re.IGNORECASE,
)
LONGEST = 90
"""Characters of a line; a longer one is prose that begins like a heading."""
_FIRST = frozenset("§abcdefghiklnopstuvwxzéí0123456789m")
_ONES = {word: n for n, word in enumerate(_UNITS.split("|"), 1)}
_TENFOLD = {
    word: 10 * n for n, word in zip((2, 3, 4, 4, 5, 6, 7, 8, 9), _TENS.split("|"), strict=True)
}
_NTH = {word: n for n, word in enumerate(_ORDINALS.split("|")[:20], 1)} | {
    "thirtieth": 30, "fortieth": 40, "fiftieth": 50,
}  # fmt: skip
_SPACED = re.compile(r"(?:[A-Z] ){3,}[A-Z](?:  +\S|$)")
_ROUND = re.compile(r"\((?:[IVXLC]+|\d{1,2})\)")
_DECORATION = " *_=+~[]<>#|•·—–-\t"


class Mark(NamedTuple):
    """What a line says of itself."""

    kind: str
    """`chapter`, `part`, …; `numeral` where a number stands alone; a special heading's name."""
    level: int
    number: int
    """0: none that is known."""
    title: str
    """What stands behind the number on the same line."""
    sure: bool
    """Whether it can hardly be anything else: a word such as CHAPTER with its number."""


SPECIAL_LEVEL = 2
NUMERAL_LEVEL = 7


def bare(text: str) -> str:
    """A heading's line without emphasis, rules and brackets round it."""
    return text.strip(_DECORATION)


def mark(line: str) -> Mark | None:
    """What a line heads, if its wording says so."""
    if len(line) > LONGEST + 40:
        return None
    if line.startswith("#") and (markdown := re.match(r"(#{1,6})\s+(.*\w.*)", line)):
        return Mark("markdown", len(markdown[1]), 0, markdown[2].rstrip("# "), True)
    text = bare(line)
    if _SPACED.match(text):
        # `C H A P T E R  I`: a wider space stands between its words.
        text = re.sub(r"(?<=\S) (?=\S)", "", text)
        text = re.sub(r" +", " ", text)
    if _ROUND.fullmatch(text):
        text = text[1:-1]
    if not text or text[0].lower() not in _FIRST:
        return None
    if named := _NAMED.fullmatch(text):
        return _named(named)
    if len(text) > LONGEST:
        return None
    if special := _SPECIAL.fullmatch(text):
        title = special["title"] or ""
        if text[0].isupper() and not title.endswith((",", ";")):
            return Mark(special["name"].lower(), SPECIAL_LEVEL, 0, title, text.isupper())
    if numbered := _NUMBERED.fullmatch(text):
        return _numbered(numbered)
    return None


def _named(named: re.Match[str]) -> Mark | None:
    kind = (named["kind"] or named["kind2"]).lower()
    number = named["number"] or named["ordinal"] or ""
    title, stop = named["title"], named["stop"]
    shouting = (named["kind"] or named["kind2"])[0].isupper()
    if not shouting:
        return None
    if title:
        # "Part of it was", "Book one was", "Letter I. had": prose goes on in small letters.
        first = title.lstrip("\"'“‘_*(")[:1]
        closed = title.rstrip("\"'”’").endswith((".", ",", ";", "!"))
        linked = re.search(r"[:—–-]", stop) is not None and not closed and len(title) <= 60
        if first.islower() and not linked:
            return None
        great = kind in ("chapter", "chap", "ch") and is_title(title)
        if not (stop.strip() or title.isupper() or great) and first.isalpha() and closed:
            return None
        if len(title) > LONGEST and not title.isupper():
            return None
        plain = title.isupper() or title.startswith(("(", "["))
        if not stop.strip() and kind in _EVERYDAY and not plain:
            return None
    elif stop.strip() in (",", ";"):
        return None
    return Mark(kind, _LEVELS[kind], value(number), title, True)


def _numbered(numbered: re.Match[str]) -> Mark | None:
    number, title = numbered["number"], numbered["title"]
    letters = number.isalpha()
    roman = re.fullmatch(ROMAN, number, re.IGNORECASE) is not None
    if roman and not number.isupper() and not (number.islower() and numbered["stop"] == "."):
        return None
    if letters and not roman and not number[0].isupper():
        return None
    if title:
        if numbered["stop"] == "]" or not is_title(title):
            return None
        if not numbered["stop"] and (title[:1].islower() or title.endswith((".", "!", "?"))):
            return None
        if letters and not roman:
            return None
    elif number.isdigit() and int(number) > 250:
        return None
    return Mark("numeral", NUMERAL_LEVEL, value(number), title, False)


def value(number: str) -> int:
    """The number that a numeral or a word stands for; 0 where it is none."""
    text = number.lower().strip()
    text = text.removeprefix("the ").strip().rstrip(".")
    if match := re.match(r"\d+", text):
        return int(match[0])
    if text in _ONES:
        return _ONES[text]
    if text in _NTH:
        return _NTH[text]
    parts = re.split(r"[- ]", text)
    if parts[0] in _TENFOLD:
        return _TENFOLD[parts[0]] + (_ONES.get(parts[1], _NTH.get(parts[1], 0)) if parts[1:] else 0)
    if text and re.fullmatch(ROMAN, text):
        values = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}
        total = 0
        for at, letter in enumerate(text):
            one = values[letter]
            total += -one if any(values[other] > one for other in text[at + 1 : at + 2]) else one
        return total
    return 0


def is_title(text: str) -> bool:
    """Whether capitals carry a line, as those of a title do, and it is no sentence of speech."""
    if text.endswith((",", ";")) or len(text) > LONGEST:
        return False
    words = [word for word in re.findall(r"[^\W\d_]+(?:['’-][^\W\d_]+)*", text) if len(word) > 3]
    if not words:
        return text[:1].isupper() or text[:1] in "\"“'‘"
    great = sum(word[0].isupper() for word in words)
    return bool(great >= 0.6 * len(words) and words[0][0].isupper())


def key(text: str) -> str:
    """What a heading and its entry in a table of contents have in common: letters and digits."""
    return "".join(letter for letter in text.lower() if letter.isalnum())
