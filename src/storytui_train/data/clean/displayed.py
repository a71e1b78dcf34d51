"""PURE. Titles without a word or number that says so: known by capitals, place and blank lines."""

import re
from collections import Counter
from collections.abc import Sequence

from storytui_train.data.clean.contents import is_prose
from storytui_train.data.clean.headings import Mark, bare, is_title, key
from storytui_train.data.clean.layout import Block, Book
from storytui_train.data.clean.licences import THE_END
from storytui_train.data.clean.scenes import is_row

_MONTHS = (
    r"jan(?:uary|\.)|feb(?:ruary|\.)|mar(?:ch|\.)|april|may|june|july|aug(?:ust|\.)|sept?(?:ember|\.)|"
    r"oct(?:ober|\.)|nov(?:ember|\.)|dec(?:ember|\.)|monday|tuesday|wednesday|thursday|friday|"
    r"saturday|sunday"
)
DAY = re.compile(rf"\b(?:{_MONTHS})\b.*\d|\d.*\b(?:{_MONTHS})\b", re.IGNORECASE)
"""A day of a month."""
DATE = re.compile(
    rf"\b(?:{_MONTHS})\b.*\d|\d.*\b(?:{_MONTHS})\b|\b1[5-9]\d\d\b|\b1[5-9](?:--|—)|o['’]clock",
    re.IGNORECASE,
)
"""What letters and diaries are dated by."""
_SPEECH = re.compile(r"[\"“'‘«].*[,.!?;—-][\"”’'»]\s+\S")
"""What somebody says, and that he says it."""
_BY = re.compile(
    r"(?:by|from|with|edited|translated|illustrated|author of|copyright|published)\b", re.IGNORECASE
)


def displayed(
    blocks: Sequence[Block],
    book: Book,
    names: set[str],
    skipped: Sequence[bool],
    marked: dict[int, Mark],
) -> dict[int, tuple[str, bool]]:
    """Blocks that only their setting, or a table of contents, makes a title.

    Args:
        blocks: of the text.
        book: how it is set.
        names: keys of the titles in its table of contents.
        skipped: for each block, whether it is no part of the story.
        marked: blocks that are headings by their wording.

    Returns:
        For each: how it is set, and whether it counts as named in the table.
    """
    candidates: dict[int, tuple[str, int, bool]] = {}
    first = min(marked, default=len(blocks))
    gaps = Counter(block.gap for block in blocks if is_prose(block))
    wide = max(gaps.most_common(1)[0][0], 1) + 1 if gaps else 2
    for number, block in enumerate(blocks):
        if skipped[number] or number in marked or len(block.lines) > 3 or block.words > 16:
            continue
        name = key(block.text)
        listed = name in names and len(name) > 3
        if (
            block.gap < wide
            and number
            and not (listed and (block.capitals > 0.85 or block.lines[0].indent > 8))
        ):
            continue
        style = _style(block, book) or ("listed" if listed and block.gap >= 2 else "")
        if not style or not _leads(blocks, number, marked, skipped, listed=listed):
            continue
        if number > first and not listed and _is_song(blocks[number + 1]):
            continue  # a poem's title inside a chapter
        narrow = not listed and number and block.gap < 3
        if narrow and blocks[number - 1].text.endswith((",", ";", ",--", ",—")):
            continue  # a signature
        candidates[number] = (style, min(block.gap, 5), listed)
    usual = Counter((style, gap) for style, gap, _ in candidates.values())
    named = Counter((style, gap) for style, gap, listed in candidates.values() if listed)
    found: dict[int, tuple[str, bool]] = {}
    for number, (style, gap, listed) in candidates.items():
        alike = named[style, gap] >= 0.5 * usual[style, gap] and named[style, gap] >= 2
        if listed or alike or _enough(style, gap, usual, blocks[number], number):
            found[number] = (style, listed or alike)
    return found


def _is_song(block: Block) -> bool:
    return len(block.kept) >= 2 and all(block.kept)


def _style(block: Block, book: Book) -> str:
    """How a block is set that may be a title; empty where it can be none."""
    text = block.text
    if is_row(block) or THE_END.match(text) or not re.search(r"[^\W\d_]{2}", text):
        return ""
    if any(len(line.text) > max(0.85 * book.width, 50) for line in block.lines):
        return ""
    plain = bare(text)
    if not plain or plain[-1] in ",;" or plain[0].islower() or text[0] in "[{(":
        return ""
    if block.capitals > 0.85 and len(key(text)) > 2:
        return "capitals"
    if re.fullmatch(r"[_*][^_*]+[_*]\.?|[_*][^_*]+[_*][^_*]{0,30}[_*][^_*]+[_*]\.?", text):
        return "" if re.search(r"[!?]$", plain) else "italic"
    if plain[0] in "\"“'‘«" and plain[-1] in "\"”'’»" and re.search(r"[.!?,]\W*$", plain):
        return ""
    if (
        _SPEECH.match(plain)
        or re.search(r"[!?:]$", plain)
        or (plain.endswith(".") and block.words > 8)
    ):
        return ""
    if not is_title(plain):
        return ""
    middle = block.lines[0].indent + len(block.lines[0].text) / 2
    if block.lines[0].indent >= 8 and abs(middle - book.width / 2) <= 9:
        return "centred"
    return "flush" if block.lines[0].indent <= 4 else ""


def _leads(
    blocks: Sequence[Block],
    number: int,
    marked: dict[int, Mark],
    skipped: Sequence[bool],
    *,
    listed: bool,
) -> bool:
    """Whether a text follows, or a heading that stands lower."""
    for after in range(number + 1, min(number + 4, len(blocks))):
        block = blocks[after]
        if skipped[after] or (block.words <= 14 and _BY.match(block.text)):
            return False
        if after in marked:
            return True
        if is_row(block):
            continue
        if is_prose(block) or block.words >= 12 or len(block.lines) >= 4:
            return True
        if not listed and after > number + 1 and block.gap > 2:
            return False
        if block.closed and block.words >= 2 and block.gap <= 2 and block.capitals < 0.8:
            return True
    return False


def _enough(
    style: str, gap: int, usual: Counter[tuple[str, int]], block: Block, number: int
) -> bool:
    """Whether its setting alone makes a block a title."""
    times = sum(usual[style, each] for each in range(max(gap - 1, 2), 6))
    if style == "capitals":
        return gap >= 3 or number == 0 or times >= 3
    if DATE.search(block.text):
        return gap >= 4 and times >= 2
    if style == "italic":
        return times >= 3
    if style == "centred":
        return times >= 2 if gap >= 3 else times >= 4
    return (gap >= 4 and times >= 2) or (gap == 3 and times >= 4)
