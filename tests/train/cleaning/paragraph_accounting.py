"""A count of a book's paragraphs and words of its own: what must come out, by simple rules.

A paragraph is a run of lines that are not blank; headings, illustrations and footnotes are taken
out by the labels. Nothing here knows how the cleaning is done.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import cache, cached_property

from book_labels import Label

from storytui_train.data.documents import SCENE_BREAK, Chapter, Cleaned

SUBSCRIPT = re.compile(r"_\{(\w+)\}")
"""Either is right: as the file has it, or the bare digit."""
WORD = re.compile(r"[^\W_]+")
STARS = re.compile(r"[\s*]*\*[\s*]*")
PICTURE = re.compile(r"\[(?:Illustration|Picture|Frontispiece)")
MARKS = re.compile(r"(?<!_)\{\d+\}|/\* (?:NIND|RIGHT)?|\*/")
"""Numbers of footnotes, and marks that the makers of one file left in it."""


def words_of(text: str) -> tuple[str, ...]:
    """Letters and digits only: quotation marks, dashes and emphasis are looked at elsewhere."""
    return tuple(WORD.findall(SUBSCRIPT.sub(r"\1", text).casefold()))


@dataclass
class Paragraph:
    """A paragraph of the source, or a scene break where it has no words."""

    line: int
    lines: list[str] = field(default_factory=list)
    end: int = 0

    @cached_property
    def words(self) -> tuple[str, ...]:
        return words_of(" ".join(self.lines))

    @property
    def is_break(self) -> bool:
        return STARS.fullmatch("".join(self.lines)) is not None


def without_pictures(label: Label) -> tuple[list[str], set[int]]:
    """The lines without illustration tags, and the lines where one ended."""
    lines = list(label.lines)
    ends: set[int] = set()
    depth = 0
    for number in range(1, len(lines)):
        kept: list[str] = []
        at = 0
        text = lines[number]
        while at < len(text):
            if depth == 0 and PICTURE.match(text, at):
                depth, at = 1, at + 1
            elif depth:
                depth += {"[": 1, "]": -1}.get(text[at], 0)
                if depth == 0:
                    ends.add(number)
                at += 1
            else:
                kept.append(text[at])
                at += 1
        lines[number] = "".join(kept)
    return lines, ends


@cache
def expected(label: Label) -> list[Paragraph]:
    """The story's paragraphs and scene breaks, in order."""
    lines, pictures = without_pictures(label)
    for first, last, *_ in [*label.chapters, *label.drop]:
        for number in range(first, last + 1):
            lines[number] = ""
    found: list[Paragraph] = []
    picture = False
    inside = False
    for number in range(label.body[0], label.body[1] + 1):
        text = MARKS.sub("", lines[number])
        if not text.strip():
            inside = False
            picture = picture or number in pictures
            continue
        if not inside:
            broken = (
                picture
                and found
                and not re.search(r"[.!?”’\"'_:;—-]\s*$", found[-1].lines[-1])
                and text.strip()[0].islower()
            )
            if not broken:
                found.append(Paragraph(number))
            inside, picture = True, False
        found[-1].lines.append(text)
        found[-1].end = number
    return _one_break(each for each in found if each.words or each.is_break)


def _one_break(paragraphs: Iterable[Paragraph]) -> list[Paragraph]:
    """Rows of stars that follow each other are one scene break."""
    kept: list[Paragraph] = []
    for each in paragraphs:
        if not (each.is_break and kept and kept[-1].is_break):
            kept.append(each)
    return kept


def chapter_paragraphs(cleaned: Cleaned, chapters: Iterable[Chapter]) -> list[str]:
    """The paragraphs of chapters, scene breaks among them."""
    return [
        each
        for chapter in chapters
        for each in cleaned.text[chapter.start : chapter.end].split("\n\n")
    ]


@dataclass
class Account:
    """Where two lists of paragraphs differ."""

    missing: list[Paragraph] = field(default_factory=list)
    """In the source and not among the cleaned ones."""
    added: list[str] = field(default_factory=list)
    joined: list[str] = field(default_factory=list)
    """Several paragraphs of the source that came out as one."""
    split: list[str] = field(default_factory=list)
    changed: list[tuple[Paragraph, str]] = field(default_factory=list)
    """Paragraphs that came out with some words fewer or others."""
    lost: int = 0
    """Words."""

    def __bool__(self) -> bool:
        return bool(self.missing or self.added or self.joined or self.split or self.changed)

    def __str__(self) -> str:
        def short(each: object) -> str:
            text = " ".join(" ".join(each.lines).split()) if isinstance(each, Paragraph) else each
            where = f"line {each.line}: " if isinstance(each, Paragraph) else ""
            return f"{where}{str(text)[:70]!r}"

        parts = [f"{self.lost} words lost"]
        for name in ("missing", "added", "joined", "split"):
            found = getattr(self, name)
            if found:
                parts.append(f"{len(found)} {name}: " + "; ".join(map(short, found[:4])))
        for paragraph, text in self.changed[:6]:
            parts.append(f"changed, line {paragraph.line}: {_changes(paragraph.words, text)}")
        return "\n".join(parts)


def compare(source: list[Paragraph], cleaned: list[str]) -> Account:
    """Hold the cleaned paragraphs against the source's, in order, by their words alone."""
    left = [each for each in source if not each.is_break]
    right = [each for each in cleaned if each != SCENE_BREAK]
    a, b = [each.words for each in left], [words_of(each) for each in right]
    account = Account()
    if a == b:
        return account
    for kind, i, j, k, m in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        ours = [word for each in a[i:j] for word in each]
        theirs = [word for each in b[k:m] for word in each]
        if ours == theirs:
            target = account.joined if m - k < j - i else account.split
            target.append(right[k])
            continue
        same = sum(
            block.size
            for block in SequenceMatcher(None, ours, theirs, autojunk=False).get_matching_blocks()
        )
        account.lost += len(ours) - same
        if j - i == m - k:
            account.changed += zip(left[i:j], right[k:m], strict=True)
        else:
            account.missing += left[i:j]
            account.added += right[k:m]
    return account


def _changes(words: tuple[str, ...], text: str) -> str:
    theirs = words_of(text)
    matcher = SequenceMatcher(None, words, theirs, autojunk=False)
    return "; ".join(
        f"{' '.join(words[i:j])!r} is {' '.join(theirs[k:m])!r}"
        for kind, i, j, k, m in matcher.get_opcodes()
        if kind != "equal"
    )


def unexplained(label: Label, cleaned: Cleaned, missing: list[Paragraph]) -> list[Paragraph]:
    """Missing or changed paragraphs that no listed loss says anything of."""
    return [
        each
        for each in missing
        if not any(
            loss.start < label.offsets[each.end + 1] and loss.end > label.offsets[each.line]
            for loss in cleaned.losses
        )
    ]
