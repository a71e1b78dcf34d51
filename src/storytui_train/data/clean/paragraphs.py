"""PURE. Which line breaks a printer made for want of room, and which the writer wanted.

Prose fills its lines: the first word of the next line would not have fitted. Verse, signs, lists
and the heads of letters break where there was room left, mostly before a capital, or step in.
"""

import re
from collections.abc import Sequence

from storytui_train.data.clean.layout import OPENERS, UNWRAPPED, Block, Book, Line

_FIRST_WORD = re.compile(r"\S+")
_SENTENCE_END = re.compile(r"[.!?:][\"'”’»)\]_*]*$")
_MID_STOP = re.compile(r"\w{2}[.!?] \w")
_SALUTATION = re.compile(
    r"[\"“'‘_*]*(?:(?:my|our|your)\s+)?(?:(?:very|own|most)\s+)?(?:dear(?:est)?|sir|madam|gentlemen|honou?red|"
    r"beloved|darling|reverend)\b.{0,45}[,:!—-]+[_*]*$",
    re.IGNORECASE,
)
_LEADING = frozenset([
    "and", "or", "but", "the", "of", "a", "an", "to", "in", "with", "for", "by", "at", "on",
    "from", "that", "which", "who", "his", "her", "my", "its", "their", "our", "your", "is", "was",
    "are", "were", "be", "as", "if",
])  # fmt: skip
_RAGGED = 0.12
"""Share of the margin by which prose that was set by hand may stay behind it."""


def settle(blocks: Sequence[Block], book: Book) -> None:
    """Decide for every line break inside the blocks whether it stays."""
    width = book.width
    for block in blocks:
        if len(block.lines) == 1:
            block.kept = []
            continue
        width = _local_width(block, width, book.width)
        block.kept = kept_breaks(block.lines, width, book)
    if not book.unwrapped:
        _settle_couplets(blocks, book)
        _settle_displayed(blocks, book)
        for number, block in enumerate(blocks):
            if block.kept:
                _settle_stanza(blocks, number)


def _settle_couplets(blocks: Sequence[Block], book: Book) -> None:
    """Three and more blocks of two or three short lines, all with capitals, are couplets."""
    run: list[Block] = []
    for block in [*blocks, None]:
        if block is not None and 2 <= len(block.lines) <= 3 and _is_couplet(block, book):
            run.append(block)
            continue
        if len(run) >= 3:
            for each in run:
                each.kept = [True] * len(each.kept)
        run = []


def _is_couplet(block: Block, book: Book) -> bool:
    return all(_great(line) for line in block.lines) and all(
        _room(block.lines, at, book.width) > 0.1 * book.width for at in range(len(block.lines) - 1)
    )


def _settle_displayed(blocks: Sequence[Block], book: Book) -> None:
    """Lines set in, all with capitals; few of them only behind words that lead to them."""
    before: Block | None = None
    for block in blocks:
        lines = block.lines
        if len(lines) > 1 and not book.indent and min(line.indent for line in lines) >= 1:
            great = all(_great(line) for line in lines)
            prose = lines[0].text.isupper() and lines[0].right > 0.6 * book.width
            leads = before is not None and (
                (bool(before.kept) and all(before.kept) and before.lines[0].indent >= 1)
                or before.text.endswith((":", ":--", ":—", "--", "—"))
            )
            if great and (len(lines) > 3 or (leads and not prose)):
                block.kept = [True] * len(block.kept)
        before = block


def _settle_stanza(blocks: Sequence[Block], number: int) -> None:
    """What stands between stanzas of verse, set as they are, is a stanza itself."""
    block = blocks[number]
    if all(block.kept) or not all(_great(line) for line in block.lines):
        return
    few = len(block.lines) <= 3
    if few and block.lines[0].indent < 2:
        return
    around = [blocks[n] for n in (number - 1, number + 1) if 0 <= n < len(blocks)]
    verses = [
        each
        for each in around
        if len(each.kept) >= 2
        and all(each.kept)
        and abs(each.lines[0].indent - block.lines[0].indent) <= 4
    ]
    if verses and (not few or verses[0] is around[0]):
        block.kept = [True] * len(block.kept)


def _local_width(block: Block, width: int, usual: int) -> int:
    """The right margin here: a long paragraph's own, or else that of the one before."""
    if len(block.lines) < 5 or block.lines[1].indent > 3:
        return width
    rights = sorted(line.right for line in block.lines[:-1])
    own = rights[-1]
    if 0.75 * usual <= own <= 1.3 * usual and rights[len(rights) // 2] > 0.8 * own:
        return own
    return width


def kept_breaks(lines: Sequence[Line], width: int, book: Book) -> list[bool]:
    """For each line but the last: whether the break behind it stays.

    Args:
        lines: of one paragraph or stanza, two at least.
        width: the right margin where they stand, in columns.
        book: how the whole text is set.
    """
    count = len(lines)
    if book.unwrapped:
        return [True] * (count - 1)
    base = _base(lines)
    own = max(line.right for line in lines)
    least = min(line.indent for line in lines)
    if least >= 0.3 * width or (count >= 3 and _is_centred(lines, width)):
        return [True] * (count - 1)
    if _is_telegram(lines, own, width):
        return [False] * (count - 1)
    margin = width
    narrow = 0.4 if _is_filled(lines, own) else 0.5
    if base > 2 and count >= 4 and own >= narrow * width:
        margin = own
    elif own > width:
        margin = min(own, UNWRAPPED)
    fits = [_room(lines, at, margin) for at in range(count - 1)]
    wide = margin * _RAGGED
    loose = [room > wide for room in fits]
    inner = lines[1:]
    uniform = sum(abs(line.indent - base) <= 1 for line in inner) >= 0.85 * len(inner)
    great = sum(_great(line) for line in inner) / len(inner)
    if _is_verse(lines, fits, uniform, great, margin, width):
        hangs = _hangs(lines, margin)
        return [not _continues(lines, at, margin, hangs=hangs) for at in range(count - 1)]
    full = sum(not each for each in loose) / len(loose)
    if count >= 4:
        prose = uniform and full >= 0.6
    elif base <= book_base(book):
        prose = uniform and (not loose[0] or lines[0].right >= 0.5 * margin)
        prose = prose or all(_goes_on(lines, at, margin) for at in range(count - 1))
    else:
        prose = uniform and (not loose[0] or lines[0].right >= 0.8 * margin)
        filled = all(line.right >= 0.88 * own for line in lines[:-1]) and count > 2
        prose = prose or (filled and great < 0.8 and own >= 0.5 * width)
        prose = prose or all(_goes_on(lines, at, margin) for at in range(count - 1))
    if prose or full >= 0.5:
        return [_stays(lines, at, fits[at], margin, base) for at in range(count - 1)]
    flush = uniform and base <= book_base(book) and count > 2
    if flush and (great < 0.34 or (great < 0.7 and own >= 0.6 * margin)) and own >= 0.45 * margin:
        # Ragged or narrow prose: it goes on in small letters.
        return [_stays(lines, at, 0, margin, base) for at in range(count - 1)]
    return [_keeps(lines, at, fits[at], margin, base) for at in range(count - 1)]


def _is_telegram(lines: Sequence[Line], own: int, width: int) -> bool:
    """Whether these are sentences in capitals throughout, and no sign."""
    if len(lines) > 4 or not all(line.text.isupper() for line in lines):
        return False
    if own >= 0.7 * width and all(line.right > 0.6 * width for line in lines[:-1]):
        return True
    return all(
        line.right > 0.5 * width
        and line.text[-1].isalnum()
        and _MID_STOP.search(line.text) is not None
        for line in lines[:-1]
    )


def _goes_on(lines: Sequence[Line], at: int, margin: int) -> bool:
    """Whether a sentence goes on over a break in the middle of a phrase, in no verse's manner."""
    text, following = lines[at].text, lines[at + 1].text
    if lines[at].indent <= 2 and following[:1].islower():
        return True
    if not text[-1].isalnum() or len(text) < 0.52 * margin:
        return False
    return following[:1].islower() or text.rpartition(" ")[2].lower() in _LEADING


def _is_centred(lines: Sequence[Line], width: int) -> bool:
    """Whether lines of different lengths stand about the middle of the page."""
    middles = [line.indent + len(line.text) / 2 for line in lines]
    indents = [line.indent for line in lines]
    return (
        max(middles) - min(middles) <= 3
        and max(indents) - min(indents) >= 4
        and min(indents) >= 3
        and abs(middles[0] - width / 2) <= 0.2 * width
    )


def book_base(book: Book) -> int:
    """The deepest indentation of prose that is not set in."""
    return max(2, book.indent)


def _base(lines: Sequence[Line]) -> int:
    """The indentation of most lines behind the first."""
    indents = [line.indent for line in lines[1:]]
    return max(set(indents), key=lambda each: (indents.count(each), -each))


def _room(lines: Sequence[Line], at: int, margin: int) -> float:
    """Columns that would have been left, had the next line's first word come up to this one."""
    word = _FIRST_WORD.match(lines[at + 1].text)
    length = len(word[0]) if word else 0
    # A dash may be divided from what follows it.
    return margin - (lines[at].right + lines[at].taken + 1 + min(length, 14))


def _great(line: Line) -> bool:
    """Whether it begins with a capital, as lines of verse do."""
    first = line.text.lstrip(OPENERS)[:1]
    return first.isupper() or not first


def _is_verse(
    lines: Sequence[Line],
    fits: Sequence[float],
    uniform: bool,
    great: float,
    margin: int,
    width: int,
) -> bool:
    """Whether all lines are a writer's own."""
    count = len(lines)
    own = max(line.right for line in lines)
    if _hangs(lines, margin):
        return True
    if _is_filled(lines, own):
        return False
    longest = max(len(line.text) for line in lines)
    roomy = sum(room > 0.12 * width for room in fits) / len(fits)
    if count >= 4 and great >= 0.8 and longest <= 0.9 * width:
        # Prose begins a line with a capital once in eight lines.
        short = sum(len(line.text) < 0.8 * width for line in lines[:-1]) / (count - 1)
        return short >= 0.6 or roomy >= 0.6
    if count >= 4 and great >= 0.95:
        # All begin with capitals, and most have room for more than their longest.
        return sum(_room(lines, at, own) > 0 for at in range(count - 1)) >= 0.5 * (count - 1)
    steps = {line.indent for line in lines}
    if count >= 3 and not uniform and len(steps) > 1 and max(steps) - min(steps) >= 2:
        return own <= 0.92 * width and (roomy >= 0.5 or great >= 0.7)
    if count >= 3 and longest <= 0.62 * width and great >= 0.6:
        return True
    if count >= 3 and longest <= 0.55 * width and lines[1].indent >= 2:
        spread = max(len(x.text) for x in lines[:-1]) - min(len(x.text) for x in lines[:-1])
        return great >= 0.5 or spread > 8
    return (
        count == 2
        and great == 1
        and longest <= 0.75 * width
        and lines[0].indent >= 2
        and (lines[1].indent >= 2 and fits[0] > 0.15 * width)
    )


def _is_filled(lines: Sequence[Line], own: int) -> bool:
    """Whether these are narrow lines of prose: filled, and going on in small letters."""
    count = len(lines) - 1
    if count < 3 or sum(line.text[0].islower() for line in lines[1:]) < 0.66 * count:
        return False
    return sum(_room(lines, at, own) <= 0 for at in range(count)) >= 0.75 * count


def _hangs(lines: Sequence[Line], margin: int) -> bool:
    """Whether these are long lines of verse, each of which goes on further in."""
    least = min(line.indent for line in lines)
    heads = [at for at, line in enumerate(lines) if line.indent <= least + 1]
    if len(heads) < 2 or heads[0] or len(heads) == len(lines):
        return False
    if not all(_great(lines[at]) for at in heads):
        return False
    behind = [at for at in range(1, len(lines)) if at not in heads]
    small = sum(not _great(lines[at]) for at in behind)
    if small < 0.6 * len(behind):
        return False  # verse whose every second line is set in
    long = sum(lines[at - 1].right >= 0.7 * margin for at in behind)
    return all(lines[at].indent >= least + 2 for at in behind) and long >= 0.8 * len(behind)


def _continues(lines: Sequence[Line], at: int, margin: int, *, hangs: bool) -> bool:
    """Whether a line of verse was too long and goes on, set in, on the next."""
    line, following = lines[at], lines[at + 1]
    return (
        line.right >= 0.7 * margin
        and following.indent >= line.indent + 2
        and (following.text[:1].islower() or hangs)
    )


def _stays(lines: Sequence[Line], at: int, room: float, margin: int, base: int) -> bool:
    """Whether a break inside prose stays: before a signature, behind a head or a salutation."""
    line, following = lines[at], lines[at + 1]
    if following.indent - base >= 8 and room > 0.1 * margin:
        return True
    if at == 0 and line.indent - base >= 12 and len(line.text) < 0.6 * margin:
        return True
    if (
        at > 0
        and line.indent - base >= 8
        and following.indent <= base + 2
        and not following.text[:1].islower()
    ):
        return True
    title = at == 0 and line.text.isupper() and not following.text.isupper()
    if title and base >= 1 and " " in line.text and room > 0.25 * margin:
        return True
    step = following.indent - line.indent
    if (
        at > 0
        and abs(step) >= 3
        and _great(following)
        and min(line.indent, following.indent) <= base + 1
    ):
        return True  # verse set in, with no blank line round it
    notice = lines[0].text.isupper() and " " in lines[0].text and len(lines) <= 4
    if notice and at and base >= 1 and room > 0.3 * margin:
        return True  # what a notice says under its line of capitals
    if following.text[:1].islower():
        return False
    if min(line.indent, following.indent) >= base + 3 and _great(following) and at + 1 < len(lines):
        return True
    signed = at == len(lines) - 2 and following.text.strip('_*"”’').isupper()
    if signed and not line.text.isupper() and room > 0.12 * margin and len(following.text) > 3:
        return True
    if room <= 0.25 * margin:
        return _is_signed(lines, at, room, margin)
    if at == 0 and _SALUTATION.match(line.text) and len(line.text) < 0.6 * margin:
        return True
    if at == len(lines) - 2 and _is_name(following.text) and _SENTENCE_END.search(line.text):
        return True
    if at == 0 and not (line.text.isupper() or line.text[-1] in ",:-—"):
        return False
    return room > 0.45 * margin and _great(following) and _SENTENCE_END.search(line.text) is None


def _is_name(text: str) -> bool:
    """Whether a line is a name, as letters are signed with."""
    words = text.strip('_*."”’').split()
    return 0 < len(words) <= 4 and all(word[0].isupper() for word in words) and len(text) < 40


def _is_signed(lines: Sequence[Line], at: int, room: float, margin: int) -> bool:
    """Whether the last line is a signature, with room for it on the line before."""
    following = lines[at + 1].text
    if at != len(lines) - 2 or len(lines) < 3 or room - len(following) < 0:
        return False
    return (
        _is_name(following)
        and following[-1] not in "!?"
        and (_SENTENCE_END.search(lines[at].text) is not None)
    )


def _keeps(lines: Sequence[Line], at: int, room: float, margin: int, base: int) -> bool:
    """Whether a break stays among lines that are no prose as a whole."""
    if room <= 0.08 * margin and not (_great(lines[at + 1]) and lines[at + 1].indent > base + 2):
        return False
    small = lines[at + 1].text[:1].islower()
    if small and base <= 2:
        return room > 0.5 * margin
    return not (small and room <= 0.3 * margin and at > 0)
