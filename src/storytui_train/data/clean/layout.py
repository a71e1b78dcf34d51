"""PURE. A text as its lines stand: blocks between blank lines, and how the whole book is set."""

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

UNWRAPPED = 120
"""Characters; a longer line was not wrapped by hand."""
DEFAULT_WIDTH = 72
OPENERS = "\"'“‘«‹„‚`([_*=+<—–-"
"""What may stand before the first letter of a line."""
_CLOSED = re.compile(r"[.!?:;…—*\-][\"'”’»)\]_*]*$")


class Torn(NamedTuple):
    """Where something was taken away."""

    place: int
    columns: int
    """That it took of its line; 0: it took whole lines."""


@dataclass(slots=True)
class Line:
    """A line that is not blank."""

    start: int
    """Its first character that is no space."""
    text: str
    """Without white space at its ends."""
    indent: int
    taken: int = 0
    """Columns that it was longer by as it was printed: what was taken out of it."""

    @property
    def right(self) -> int:
        """Where it ends, in columns."""
        return self.indent + len(self.text)

    @property
    def end(self) -> int:
        """The offset behind its last character."""
        return self.start + len(self.text)


@dataclass
class Block:
    """Lines with no blank one between them."""

    lines: list[Line]
    gap: int
    """Blank lines before it."""
    torn: bool = False
    """Whether something was taken away between it and the block before."""
    kept: list[bool] = field(default_factory=list)
    """For each line but the last: whether the break behind it stays."""
    prose: bool | None = None
    """Whether it is a paragraph of sentences; None: nobody asked yet."""

    @property
    def start(self) -> int:
        """Offset of its first character that is no space."""
        return self.lines[0].start

    @property
    def end(self) -> int:
        """The offset behind its last character."""
        return self.lines[-1].end

    @cached_property
    def text(self) -> str:
        """Its lines, joined by spaces."""
        return " ".join(line.text for line in self.lines)

    @cached_property
    def words(self) -> int:
        """Words in it."""
        return len(self.text.split())

    @cached_property
    def capitals(self) -> float:
        """The share of its letters that are capitals; without letters 0."""
        text = self.text[:400]
        letters = sum(map(str.isalpha, text))
        return sum(map(str.isupper, text)) / letters if letters else 0.0

    @cached_property
    def closed(self) -> bool:
        """Whether it ends as a sentence or a speech does."""
        return _CLOSED.search(self.text) is not None

    @cached_property
    def small_start(self) -> bool:
        """Whether it begins with a small letter, as the rest of a sentence does."""
        return self.text.lstrip(OPENERS)[:1].islower()


@dataclass(frozen=True)
class Book:
    """How a text is set."""

    width: int
    """The right margin, in columns."""
    indent: int
    """By which the first lines of paragraphs are indented; 0: they are not."""
    unwrapped: bool
    """Whether paragraphs are single long lines."""
    stacked: bool
    """Whether paragraphs follow each other without a blank line."""


def read(text: str, torn: Sequence[Torn] = ()) -> list[Block]:
    """The blocks of a text.

    Args:
        text: with line feeds only.
        torn: where something was taken away, in order.
    """
    places = [each.place for each in torn]
    blocks: list[Block] = []
    lines: list[Line] = []
    gap = at = end = 0
    for whole in text.split("\n"):
        stripped = whole.strip(" ")
        if not stripped:
            if lines:
                blocks.append(Block(lines, gap, _between(places, end, lines[0].start)))
                end = lines[-1].end
                lines, gap = [], 0
            gap += 1
        else:
            indent = len(whole) - len(whole.lstrip(" "))
            line = Line(at + indent, stripped, indent)
            if torn:
                first = bisect_left(places, line.start)
                last = bisect_right(places, line.end)
                line.taken = sum(each.columns for each in torn[first:last])
            lines.append(line)
        at += len(whole) + 1
    if lines:
        blocks.append(Block(lines, gap, _between(places, end, lines[0].start)))
    return blocks


def _between(places: Sequence[int], start: int, end: int) -> bool:
    index = bisect_left(places, start)
    return index < len(places) and places[index] <= end


def without_margin(blocks: Sequence[Block]) -> None:
    """Take the margin away that all lines of a text are set in by."""
    indents = Counter(line.indent for block in blocks for line in block.lines)
    if not indents:
        return
    margin, times = indents.most_common(1)[0]
    if margin == 0 or times < 0.4 * sum(indents.values()):
        return
    less = sum(count for indent, count in indents.items() if indent < margin)
    if less > 0.1 * sum(indents.values()):
        return
    for block in blocks:
        for line in block.lines:
            line.indent = max(line.indent - margin, 0)


def measure(blocks: Sequence[Block]) -> Book:
    """How a text is set, from its blocks."""
    lengths = [len(line.text) for block in blocks for line in block.lines]
    total = sum(lengths)
    unwrapped = sum(each for each in lengths if each > UNWRAPPED) > 0.5 * total
    first: Counter[int] = Counter()
    inner: Counter[int] = Counter()
    rights: list[int] = []
    count = long = 0
    for block in blocks:
        flush = Counter(line.indent for line in block.lines[1:]).most_common(1)
        if not flush:
            continue
        base = flush[0][0]
        if base <= 2 and len(block.lines) > 2:
            first[block.lines[0].indent - base] += 1
            rights += [line.right for line in block.lines[:-1]]
        count += 1
        long += len(block.lines) > 40
        for previous, line in zip(block.lines, block.lines[1:], strict=False):
            if 0 < line.indent - base <= 10 and previous.indent <= line.indent:
                inner[line.indent - base] += 1
    width = DEFAULT_WIDTH
    if rights:
        rights.sort()
        width = min(rights[int(0.97 * (len(rights) - 1))], UNWRAPPED)
    indent = _usual(first)
    lines = len(lengths)
    stacked = False
    if inner:
        step, times = inner.most_common(1)[0]
        # Dozens of indented lines in blocks that go on for pages.
        if times > 0.03 * lines and lines > 6 * max(len(blocks), 1):
            indent, stacked = step, True
    if unwrapped and lines > 4 * len(blocks):
        stacked = True
    return Book(width, indent, unwrapped, stacked)


def _usual(first: Counter[int]) -> int:
    """The indentation of first lines, where most have one and the same."""
    total = sum(first.values())
    if not total:
        return 0
    indent, times = first.most_common(1)[0]
    return indent if 0 < indent <= 12 and times >= 0.6 * total else 0


def single_spaced(text: str) -> list[tuple[int, int, str]]:
    """Where blank lines stand between all lines: each break, and half as many line feeds for it.

    Empty for a text that is not double-spaced.
    """
    breaks = [(each.start(), each.end()) for each in re.finditer(r"\n(?: *\n)*", text)]
    counts = [text.count("\n", start, end) for start, end in breaks]
    single = sum(1 for each in counts if each == 1)
    double = [at for at, each in enumerate(counts) if each == 2]
    if len(counts) < 20 or single > 0.05 * len(counts) or len(double) < 0.5 * len(counts):
        return []
    # Half of the single blank lines or more stand in mid-sentence.
    middle = 0
    for at in double:
        start = breaks[at][0]
        line = text[text.rfind("\n", 0, start) + 1 : start]
        middle += not _CLOSED.search(line) and len(line.strip()) > 30
    if middle < 0.4 * len(double):
        return []
    return [
        (start, end, "\n" * (1 if count == 2 else max(2, (count + 1) // 2)))
        for (start, end), count in zip(breaks, counts, strict=True)
        if count > 1
    ]


def paragraphs(blocks: Iterable[Block], book: Book) -> list[Block]:
    """Blocks cut where a paragraph begins without a blank line before it."""
    found: list[Block] = []
    for block in blocks:
        start = 0
        lines = block.lines
        for at in range(1, len(lines)):
            if _begins(lines, at, book):
                found.append(_part(block, start, at))
                start = at
        found.append(_part(block, start, len(lines)) if start else block)
    return found


def _part(block: Block, start: int, end: int) -> Block:
    return Block(block.lines[start:end], 0 if start else block.gap, block.torn and not start)


def _begins(lines: Sequence[Line], at: int, book: Book) -> bool:
    """Whether a paragraph begins at a line inside a block."""
    line, previous = lines[at], lines[at - 1]
    if book.unwrapped:
        return book.stacked or len(line.text) > UNWRAPPED or len(previous.text) > UNWRAPPED
    if not book.indent:
        return False
    if book.stacked:
        deep, before = line.indent > book.indent + 1, previous.indent > book.indent + 1
        if deep or before:
            return deep != before
        return abs(line.indent - book.indent) <= 1
    after = lines[at + 1].indent if at + 1 < len(lines) else 0
    return (
        abs(line.indent - book.indent) <= 1
        and previous.indent <= 1
        and after <= 1
        and _CLOSED.search(previous.text) is not None
        and not line.text.lstrip(OPENERS)[:1].islower()
    )
