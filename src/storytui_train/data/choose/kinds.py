"""PURE. Whether a text is prose, verse, or a play."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from storytui_train.data.documents import Document, TextKind

_CAPITAL = r"[A-ZÀ-ÖØ-Þ][\w’'-]*"
_NAME = (
    rf"(?:(?:Mr|Mrs|Ms|Dr|St)\. )?{_CAPITAL}\.?(?:,? (?:of |the |and |de |von )?{_CAPITAL}){{0,3}}"
)
_IN_BRACKETS = r"\s*[(\[][^)\]\n]{1,80}[)\]]?"
_SPEAKER = re.compile(
    # `Algernon.  Did you…`, `_The Boy (shouting)._`, `HELMER:`, `LIZA [rising] You’re…`
    rf"^[ \t]*[_*]{{0,2}}(?P<name>{_NAME})[_*]{{0,2}}"
    rf"(?:(?:{_IN_BRACKETS})?[_*]{{0,2}}[.:][_*]{{0,2}}(?=\s|$|—|--)|(?P<bare>{_IN_BRACKETS}))",
    re.MULTILINE,
)
_NOBODY = (
    "i mr mrs ms dr st no yes oh ah well so ay aye sir madam good indeed nothing never "
    "chapter book part act scene fig figure table note section sec article rule letter vol"
)
_NO_BEGINNINGS = frozenset(
    ("chapter", "book", "part", "act", "scene", "fig", "to", "from", "for", "letter")
)
_NO_SPEAKERS = frozenset(_NOBODY.split())
_ALONE = re.compile(
    # `_Witch_` and `HELMER`, on lines of their own
    rf"[ \t]*(?:[_*]{{1,2}}(?P<marked>{_NAME})(?:{_IN_BRACKETS})?[_*]{{1,2}}"
    r"|(?P<capitals>[A-Z][A-Z.’' -]+))[ \t]*(?:\n|$)"
)
_NUMERAL = re.compile(r"[ivxlcdm]+(?: .*)?")
_SPEECHES = 3
"""A name that stands less often before a paragraph is no speaker."""
_DIRECTION = re.compile(
    r"^[ \t]*[_*(\[]{0,3}(?:Re-?)?(?:Enter|Exit|Exeunt)\b|^[ \t]*[\[(][^\n]*[\])][_*]*$",
    re.MULTILINE,
)
_ACT = re.compile(r"\b(?:act|scene)\s+(?:[ivx]+|\d+|the|first|second|third|fourth|fifth)\b", re.I)
_CAPITAL_LINE = re.compile(r"\W*[A-ZÀ-Þ\d]")
_LONGEST_VERSE = 62
"""Characters of a line of verse, at the most, on the average of a stanza; lines of prose that
were never joined are longer."""


@dataclass(frozen=True, slots=True)
class Shares:
    """How much of a text is a play, and how much verse: from 0 to 1."""

    play: float
    """Of its paragraphs, those that a speaker's name opens, or of its characters those in
    chapters that are marked as plays; the greater."""
    verse: float
    """Of its characters, those in verse."""
    acts: int
    """Headings of acts and scenes."""
    directions: int
    """Stage directions that stand alone."""

    def kind(self) -> TextKind:
        """What the whole of it is to be called."""
        staged = self.acts >= 2 and self.directions >= 3
        if self.play >= 0.3 or (self.play >= 0.12 and staged):
            return "play"
        return "verse" if self.verse >= 0.35 else "prose"


def kind_shares(document: Document, texts: Sequence[str]) -> Shares:
    """How much of a text is a play, and how much verse.

    Args:
        document: for its chapters' kinds and headings.
        texts: its chapters' texts.
    """
    chapters = document.cleaned.chapters
    total = sum(map(len, texts)) or 1
    marked: Counter[str] = Counter()
    for chapter, text in zip(chapters, texts, strict=True):
        marked[chapter.kind] += len(text)
    paragraphs = [part for text in texts for part in text.split("\n\n") if part.strip()]
    opened = Counter(
        name for part in paragraphs for name in [_speaker(part)] if name and len(name) < 32
    )
    speakers = {name for name, times in opened.items() if times >= _SPEECHES}
    speeches = sum(opened[name] for name in speakers) if len(speakers) >= 2 else 0
    # A name on a line of its own, the speech below it, may have become a paragraph of its own.
    alone = sum(1 for part in paragraphs if len(part) < 40 and _speaker(part) in speakers)
    share = speeches / max(len(paragraphs) - alone, 1)
    verse = sum(len(part) for part in paragraphs if is_verse(part))
    headings = sum(len(_ACT.findall(chapter.title)) for chapter in chapters)
    inside = [part for part in paragraphs if len(part) < 60]
    return Shares(
        play=max(min(share, 1.0), marked["play"] / total),
        verse=max(verse, marked["verse"]) / total,
        acts=headings + sum(1 for part in inside if _ACT.match(part.strip("_*[]. "))),
        directions=sum(1 for part in paragraphs if _DIRECTION.match(part)),
    )


def is_verse(paragraph: str) -> bool:
    """Whether a paragraph is a stanza: several short lines that open with capitals."""
    lines = [line for line in paragraph.split("\n") if line.strip()]
    if len(lines) < 2 or sum(map(len, lines)) > _LONGEST_VERSE * len(lines):
        return False
    return sum(1 for line in lines if _CAPITAL_LINE.match(line)) >= 0.6 * len(lines)


def _speaker(paragraph: str) -> str:
    """The name that opens a paragraph as a speaker's does; empty where none does."""
    found = _SPEAKER.match(paragraph)
    bare = False
    if found is not None:
        name = found["name"]
        # Without a stop behind it, only capitals make it a speaker's: `LIZA [rising] You are…`
        bare = found["bare"] is not None and not name.isupper()
    elif alone := _ALONE.match(paragraph):
        name = alone["marked"] or alone["capitals"]
    else:
        return ""
    name = name.rstrip(". ").lower()
    if len(name) < 2 or _NUMERAL.fullmatch(name):
        return ""
    if name in _NO_SPEAKERS or name.split()[0] in _NO_BEGINNINGS:
        return ""
    return "" if bare else name
