"""Books made in tests as the archives have them, of which it is known what must come out.

Their bodies are paragraphs of real books in the public domain (`passages.txt`), wrapped anew.
"""

import random
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from storytui_train.data.documents import SCENE_BREAK

PASSAGES = Path(__file__).with_name("passages.txt").read_text(encoding="utf-8").splitlines()
VERSES = [
    ["How doth the little crocodile", "  Improve his shining tail,",
     "And pour the waters of the Nile", "  On every golden scale!"],
    ["They told me you had been to her,", "  And mentioned me to him:",
     "She gave me a good character,", "  But said I could not swim."],
    ["Storm and adventure, heat and cold,", "If schooners, islands, and maroons,",
     "  And buccaneers, and buried gold,"],
    ["Old longings nomadic leap,", " Chafing at custom's chain;",
     "Again from its brumal sleep", " Wakens the ferine strain."],
    ["Villagers all, this frosty tide,", "Let your doors swing open wide,",
     "Though wind may follow, and snow beside,", "Yet draw us in by your fire to bide;",
     "    Joy shall be yours in the morning!"],
]  # fmt: skip
TITLES = [
    *("The River Bank", "A Fair Captive from the Sky", "Into the Primitive", "Black Dog Appears"),
    *("The Duel", "The Toil of Trace and Trail", "A Costly Recapture", "The Open Road"),
]
TITLE, AUTHOR = "The Wanderers of the Northern Shore", "Amelia Hartwell"


@dataclass(frozen=True)
class Piece:
    """A paragraph, a stanza, or a scene break, as it must come out."""

    text: str
    kind: str = "prose"
    """prose, lines (line breaks stay), break, or nothing: it must not come out at all."""
    printed: str | None = None
    """What stands in the source in its place, laid out already; None: the text, wrapped."""
    wrapped: str = ""
    """What is wrapped in its place: the text with marks in it that must go."""


@dataclass(frozen=True)
class Heading:
    """A chapter's heading."""

    printed: str
    title: str
    """Of which the words must be the chapter's title's."""


@dataclass(frozen=True)
class Layout:
    """How a book is set."""

    width: int = 70
    indent: int = 0
    """Of a paragraph's first line."""
    margin: int = 0
    """Of all lines."""
    blank: int = 1
    """Blank lines between paragraphs."""
    double: bool = False
    """A blank line after every line."""
    before: int = 4
    """Blank lines before a heading."""
    after: int = 2
    wrap: bool = True
    verse: int = 4
    """What verse is set in by."""
    line_break: str = "\n"
    hyphens: bool = False
    """Words cut at line ends."""
    trailing: bool = False
    """Spaces at line ends."""
    justified: bool = False
    """Spaces between words widened to the full width."""


@dataclass(frozen=True)
class MadeBook:
    """A book, whole: what stands in the file, and what must come out."""

    chapters: list[tuple[Heading, list[Piece]]]
    layout: Layout = Layout()
    front: str = ""
    """All before the first heading, the archive's and the book's own."""
    back: str = ""
    seed: int = 0
    touch: Callable[[str], str] = field(default=lambda text: text)
    """Done to the whole at the end."""

    @property
    def source(self) -> str:
        """The file's text."""
        chance = random.Random(self.seed)
        parts = [self.front]
        for heading, pieces in self.chapters:
            parts.append("\n" * self.layout.before + heading.printed + "\n" * self.layout.after)
            laid = [_laid(each, self.layout, chance) for each in pieces]
            parts.append(("\n" + "\n" * self.layout.blank).join(laid))
        parts.append("\n\n\n\n" + self.back + "\n")
        text = "\n".join(parts).lstrip("\n")
        return self.touch(text).replace("\n", self.layout.line_break)

    @property
    def truth(self) -> list[tuple[str, list[str]]]:
        """Titles, and paragraphs in order; of a paragraph with lines the lines, stripped."""
        return [
            (heading.title, [each.text for each in pieces if each.kind != "nothing"])
            for heading, pieces in self.chapters
        ]

    def but(self, **changes: object) -> "MadeBook":
        return replace(self, **changes)


def _laid(piece: Piece, layout: Layout, chance: random.Random) -> str:
    if piece.printed is not None:
        return piece.printed
    if piece.kind == "break":
        return " " * layout.margin + "       *       *       *       *       *"
    if piece.kind == "lines":
        lines = [" " * (layout.margin + layout.verse) + each for each in piece.text.split("\n")]
        return ("\n\n" if layout.double else "\n").join(lines)
    return wrapped(piece.wrapped or piece.text, layout, chance)


def wrapped(text: str, layout: Layout, chance: random.Random) -> str:
    """A paragraph as it is set."""
    first, rest = " " * (layout.margin + layout.indent), " " * layout.margin
    if not layout.wrap:
        return first + text
    if layout.hyphens:
        lines = _hyphenated(first + text, layout, chance)
    else:
        lines = textwrap.wrap(
            text, layout.width, initial_indent=first, subsequent_indent=rest,
            break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip
    if layout.justified:
        lines = [*(_justified(each, layout.width) for each in lines[:-1]), lines[-1]]
    if layout.trailing:
        lines = [each + " " * chance.randrange(3) for each in lines]
    return ("\n\n" if layout.double else "\n").join(lines)


def _hyphenated(text: str, layout: Layout, chance: random.Random) -> list[str]:
    """Lines of which some end in the middle of a word."""
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        room = layout.width - len(line) - 2
        if line and len(line) + 1 + len(word) > layout.width:
            letters = re.fullmatch(r"[a-z]{7,}", word)
            if letters and room >= 4 and chance.random() < 0.8:
                cut = min(room, len(word) - 3)
                lines.append(f"{line} {word[:cut]}-")
                line = word[cut:]
                continue
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line]


def _justified(line: str, width: int) -> str:
    body = line.lstrip(" ")
    indent = " " * (len(line) - len(body))
    gaps = body.count(" ")
    short = width - len(line)
    if not gaps or short <= 0 or short > gaps:
        return line
    words = body.split(" ")
    return indent + "".join(
        word + (" " * (2 if at < short else 1) if at < gaps else "")
        for at, word in enumerate(words)
    )


ROMAN = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII"]


def book(
    seed: int = 0,
    chapters: int = 3,
    paragraphs: int = 9,
    heading: Callable[[int, str], Heading] | None = None,
    **more: object,
) -> MadeBook:
    """A book with real paragraphs, drawn by the seed; each stands in it once at most."""
    chance = random.Random(seed)
    drawn = chance.sample(PASSAGES, chapters * paragraphs)
    names = chance.sample(TITLES, chapters)
    made = []
    for number in range(chapters):
        texts = drawn[number * paragraphs : (number + 1) * paragraphs]
        # A chapter opens with a sentence or two, as they do.
        texts.sort(key=lambda text: len(text.split()) < 12)
        opening = texts.pop(0)
        chance.shuffle(texts)
        title = (heading or plain_heading)(number, names[number])
        made.append((title, [Piece(each) for each in [opening, *texts]]))
    return MadeBook(made, seed=seed, **more)


def plain_heading(number: int, title: str) -> Heading:
    return Heading(f"CHAPTER {ROMAN[number]}", f"CHAPTER {ROMAN[number]}")


def with_pieces(made: MadeBook, *pieces: Piece, every: int = 1, at: int = 3) -> MadeBook:
    """The book with these pieces, one after the other, put into its chapters."""
    chapters = []
    for number, (heading, kept) in enumerate(made.chapters):
        put = list(pieces) if number % every == 0 else []
        chapters.append((heading, [*kept[:at], *put, *kept[at:]]))
    return made.but(chapters=chapters)


def with_each(made: MadeBook, change: Callable[[int, Piece], Piece]) -> MadeBook:
    """The book with each prose paragraph changed; they are counted from 0 over the book."""
    count = -1
    chapters = []
    for heading, pieces in made.chapters:
        changed = []
        for piece in pieces:
            if piece.kind == "prose":
                count += 1
                changed.append(change(count, piece))
            else:
                changed.append(piece)
        chapters.append((heading, changed))
    return made.but(chapters=chapters)


SCENE = Piece(SCENE_BREAK, "break")
