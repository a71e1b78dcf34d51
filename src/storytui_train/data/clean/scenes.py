"""PURE. Breaks between scenes: rows of stars, rules and dots, and gaps that mean one."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from storytui_train.data.clean.layout import Block, Book

_ROW = re.compile(
    r"(?:[oO][0oO][oO]|[*•·∙⸺⸻☆★◇◆■□✦✧❖※¤/:●◦○◊♦❦❧☙✻✽✶⁂†‡§~=_#+^.…—–\-|\s]|\\|<tb>|(?<![^\W_])[oOxX](?![^\W_])|(?<!\w)%(?!\w))+"
)
_SPACED_WORDS = re.compile(r"[oOxX]")
_FEWEST = 3


def is_row(block: Block) -> bool:
    """Whether a block is a break between scenes: nothing but stars, rules, dots or ornaments."""
    if len(block.lines) > 4:
        return False
    for line in block.lines:
        text = _inside(line.text)
        if not _ROW.fullmatch(text):
            return False
        if _SPACED_WORDS.search(text) and len(re.findall(r"\S", text)) < 3:
            return False
    text = _inside(block.text.strip())
    if text in (
        "*",
        "#",
        "⁂",
        "§",
        "<tb>",
        "~",
        "•",
        "❦",
        "❧",
        "☙",
        "⸻",
        "☆",
        "★",
        "◇",
        "◆",
        "■",
        "❖",
    ):
        return True
    # One dot or dash alone is a slip, not a row.
    return len(re.sub(r"\s", "", text)) >= 2 and text not in ("..", "--", "—", "...", "…")


def _inside(text: str) -> str:
    """What stands in a row's brackets: `[* * *]`."""
    return text[1:-1].strip() if text[0] + text[-1] in ("[]", "()") and len(text) > 4 else text


def split_rows(blocks: Iterable[Block], book: Book) -> list[Block]:
    """Blocks cut where a row stands in them without blank lines round it."""
    found: list[Block] = []
    for block in blocks:
        rows = [
            len(line.text) < 80
            and _ROW.fullmatch(line.text) is not None
            and is_row(Block([line], 0))
            for line in block.lines
        ]
        short = [line.right < 0.45 * book.width for line in block.lines]
        sign = not book.stacked and all(a or b for a, b in zip(rows, short, strict=True))
        if len(block.lines) == 1 or all(rows) or not any(rows) or sign:
            found.append(block)
            continue
        start = 0
        for at in range(1, len(rows) + 1):
            if at == len(rows) or rows[at] or rows[at - 1]:
                first = start == 0
                lines = block.lines[start:at]
                found.append(Block(lines, block.gap if first else 0, block.torn and first))
                start = at
    return found


def gaps(blocks: Sequence[Block], prose: Sequence[bool], book: Book, *, rows: int) -> set[int]:
    """The blocks before which an extra-large gap is a break between scenes.

    Args:
        blocks: of one book.
        prose: for each, whether it is a paragraph of prose inside a chapter whose neighbour
            before it is one too.
        book: how the text is set.
        rows: breaks that are printed as such; where there are some, small gaps mean nothing.
    """
    found: dict[int, list[int]] = {}
    usual = Counter(block.gap for number, block in enumerate(blocks) if prose[number])
    if not usual:
        return set()
    normal = usual.most_common(1)[0][0]
    if book.stacked and not book.unwrapped:
        parted = {n for n, block in enumerate(blocks) if prose[n] and block.gap and not block.torn}
        return parted if len(parted) <= 0.25 * sum(usual.values()) else set()
    for number, block in enumerate(blocks):
        if prose[number] and block.gap > max(normal, 1) and not block.torn:
            found.setdefault(block.gap, []).append(number)
    total = sum(usual.values())
    chosen: set[int] = set()
    large = [number for gap, numbers in found.items() if gap >= normal + 2 for number in numbers]
    if _FEWEST <= len(large) <= max(0.08 * total, 6):
        chosen.update(large)
    small = [number for gap, numbers in found.items() if gap == normal + 1 for number in numbers]
    spoken = sum(blocks[number].text[0] in "\"“'‘«" for number in small)
    if (
        not rows
        and len(chosen) < _FEWEST <= len(small) <= 0.05 * total
        and spoken <= 0.25 * len(small)
    ):
        chosen.update(small)
    return chosen
