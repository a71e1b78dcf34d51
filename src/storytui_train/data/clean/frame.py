"""PURE. What stands before and behind a book: licences, small print, credits, advertisements."""

import re
from collections.abc import Iterator, Sequence

from storytui_train.data.clean.cuts import Cut
from storytui_train.data.clean.headings import mark
from storytui_train.data.clean.layout import Block
from storytui_train.data.clean.licences import (
    ADVERTISEMENT,
    CLOSED_BY,
    CREDITS,
    END,
    LICENCE,
    METADATA,
    START,
    STRONG,
    THE_END,
    TRANSCRIBER,
)

_LETTER = re.compile(r"[^\W\d_]")
_BACK = re.compile(
    r"(?:errata|corrigenda|addenda|(?:general\s+)?index(?:\s+of\s+\w+)?|glossary)\W*", re.IGNORECASE
)
_ZONE = 60_000
"""Characters at a text's head or end in which a frame without markers is looked for."""
_PATIENCE = 450
"""Words that may stand between two blocks of one frame that are known as such."""
_BODY = 120
"""Words from which on a stretch between markers is a text."""


def frames(blocks: Sequence[Block]) -> list[Cut]:
    """The cuts that take everything away that is no part of the book.

    Args:
        blocks: of the whole text.
    """
    bodies = list(_bodies(blocks))
    cuts: list[Cut] = []
    at = 0
    for start, end in bodies:
        cuts += _cut(blocks, at, start, "licence")
        cuts += _inside(blocks, start, end)
        at = end
    cuts += _cut(blocks, at, len(blocks), "licence")
    return cuts


def _cut(blocks: Sequence[Block], start: int, end: int, why: str) -> list[Cut]:
    """Blocks from `start` up to `end`, as one cut."""
    if start >= end:
        return []
    return [Cut(blocks[start].start, blocks[end - 1].end, why)]


def split_markers(blocks: Sequence[Block]) -> list[Block]:
    """Blocks in which a marker line is a block of its own, whatever stands right behind it."""
    found: list[Block] = []
    for block in blocks:
        at = next((n for n, line in enumerate(block.lines) if _is_marker(line.text)), None)
        if at is None or len(block.lines) == 1:
            found.append(block)
            continue
        end = at + 1
        first = block.lines[at].text
        if first.startswith("***") and not first.endswith("***"):
            closing = (
                n + 1
                for n in range(at, min(at + 4, len(block.lines)))
                if block.lines[n].text.endswith("***")
            )
            end = next(closing, at + 1)
        elif END.match(first) and len(block.lines) <= at + 3:
            end = len(block.lines)
        for start, stop in ((0, at), (at, end), (end, len(block.lines))):
            if start < stop:
                gap = block.gap if start == 0 else 0
                found.append(Block(block.lines[start:stop], gap, block.torn and not start))
    return found


def _is_marker(line: str) -> bool:
    return bool(START.match(line) or END.match(line))


def _starts(block: Block) -> bool:
    return START.match(block.lines[0].text) is not None or (
        # The small print's last line may stand in the middle of its last paragraph.
        len(block.lines) > 1 and START.match(block.lines[-1].text) is not None
    )


def _bodies(blocks: Sequence[Block]) -> Iterator[tuple[int, int]]:
    """First and last block (excluded) of each text between its frames."""
    starts = [n for n, block in enumerate(blocks) if _starts(block)]
    licences = {n for n, block in enumerate(blocks) if LICENCE.match(block.lines[0].text)}
    ends = [n for n, block in enumerate(blocks) if n in licences or END.match(block.lines[0].text)]
    at = 0
    while at < len(blocks):
        start = _head(blocks, at, starts)
        marked = any(at <= n < start for n in starts)
        least = [1 if n not in licences else _BODY for n in ends]
        possible = (
            n
            for n, words in zip(ends, least, strict=True)
            if n >= start and (marked or _has_words(blocks, start, n, words))
        )
        end = next(possible, None)
        if end is None:
            end = _tail(blocks, start)
            if _has_words(blocks, start, end, _BODY) or at == 0:
                yield start, end
            return
        following = next((n for n in starts if n > end), None)
        yield start, _tail(blocks[:end], start)
        if following is None:
            return
        at = end
        ending = next((n for n in ends if n > following), len(blocks))
        if not _has_words(blocks, following + 1, ending, 10 * _BODY):
            return


def _has_words(blocks: Sequence[Block], start: int, end: int, least: int) -> bool:
    """Whether so many words stand in blocks that are not known as a frame's."""
    words = 0
    for block in blocks[start:end]:
        if not STRONG.search(block.text):
            words += block.words
        if words >= least:
            return True
    return False


def _head(blocks: Sequence[Block], at: int, starts: Sequence[int]) -> int:
    """The first block of the text behind a frame's head."""
    begun = at
    for start in starts:
        if start < at:
            continue
        closed = any(
            END.match(block.lines[0].text) and not LICENCE.match(block.lines[0].text)
            for block in blocks[begun:start]
        )
        if start > at and (closed or not _is_frame(blocks, begun, start)):
            break
        begun = start + 1
    # What goes on behind the marker, or where there is none.
    last, words = begun, 0
    zone = blocks[at].start + _ZONE if at < len(blocks) else 0
    total = sum(block.words for block in blocks[begun:])
    for number in range(begun, len(blocks)):
        block = blocks[number]
        ends = END.match(block.lines[0].text) is not None
        if block.start > zone or (ends and (begun > at or (number > begun + 3 and words > 100))):
            break
        if STRONG.search(block.text) or METADATA.match(block.text):
            last, words = number + 1, 0
            continue
        words += block.words
        if words > (60 if begun > at else _PATIENCE) or words > 0.5 * total:
            break
        if _is_chapter(block) and begun > at:
            break
    return last


def _is_frame(blocks: Sequence[Block], start: int, end: int) -> bool:
    """Whether what stands between two starting markers is small print."""
    words = sum(block.words for block in blocks[start:end])
    known = sum(1 for block in blocks[start:end] if STRONG.search(block.text))
    return start == 0 or (known > 0 and words < 4_000) or words < 60


def _is_chapter(block: Block) -> bool:
    found = mark(block.lines[0].text)
    return found is not None and found.sure


def _tail(blocks: Sequence[Block], start: int) -> int:
    """Behind the last block of the text, before what closes it."""
    last, words = len(blocks), 0
    if not blocks:
        return start
    zone = blocks[-1].end - _ZONE
    for number in range(len(blocks) - 1, start, -1):
        block = blocks[number]
        if block.start < zone or words > 200:
            break
        if _is_foot(block):
            last, words = number, 0
        else:
            words += block.words
    return last


def _is_foot(block: Block) -> bool:
    text = block.text
    if STRONG.search(text) or CLOSED_BY.match(text):
        return True
    return block.words < 60 and CREDITS.search(text) is not None and not block.text[:1].islower()


def _inside(blocks: Sequence[Block], start: int, end: int) -> Iterator[Cut]:
    """Credits, transcriber's notes and advertisements inside a text's own bounds."""
    words = 0
    for number in range(start, min(end, start + 30)):
        block = blocks[number]
        if words > 80 or _is_chapter(block):
            break
        if block.words <= 120 and CREDITS.search(block.text):
            yield from _cut(blocks, number, number + 1, "credits")
        else:
            words += block.words if block.words > 12 else 0
    yield from _notes(blocks, start, end)
    for number in range(start, end):
        text = blocks[number].text
        if blocks[number].words < 250 and "utenberg" in text.lower() and STRONG.search(text):
            yield from _cut(blocks, number, number + 1, "licence")
    behind, why = _behind(blocks, start, end)
    yield from _cut(blocks, behind, end, why)


def _is_title(block: Block) -> bool:
    """Whether a block says that notes follow, and has none itself."""
    found = TRANSCRIBER.search(block.text.lstrip("+-=| "))
    rest = block.text.lstrip("+-=| ")[found.end() :].strip(" .:*_-—") if found else ""
    return not rest or rest.isupper() or not re.match(r".*[:.—-]", block.text[:-1])


def _notes(blocks: Sequence[Block], start: int, end: int) -> Iterator[Cut]:
    """Notes by whoever typed the text that stand in no brackets."""
    number = start
    while number < end:
        block = blocks[number]
        if (
            "ranscri" not in block.text
            and "RANSCRI" not in block.text
            and not TRANSCRIBER.match(block.text)
        ):
            number += 1
            continue
        boxed = block.lines[0].text[:2] in ("+-", "+=", "|-", "--", "==") or block.text[0] == "|"
        if block.text[0] == "[" or not (
            TRANSCRIBER.match(block.text)
            or (boxed and TRANSCRIBER.search(block.text.lstrip("+-=| ")))
        ):
            number += 1
            continue
        stop = number + 1
        late = number > end - max(8, (end - start) // 12)
        title = block.words <= 6 and _is_title(block)
        while stop < end and not boxed:
            following = blocks[stop]
            if _is_chapter(following) or THE_END.match(following.text):
                break
            many = number < start + 60 or late
            if (
                late
                or (title and stop == number + 1 and following.gap <= 4)
                or (
                    title
                    and many
                    and following.gap <= 1
                    and following.capitals < 0.6
                    and stop < number + 12
                )
            ):
                stop += 1
            else:
                break
        yield from _cut(blocks, number, stop, "transcriber's note")
        number = stop


def _behind(blocks: Sequence[Block], start: int, end: int) -> tuple[int, str]:
    """Where advertisements, an index or errata behind the story begin, and which they are.

    `end` where there are none.
    """
    from_ = max(start + 1, end - max(12, (end - start) // 4))
    closings = [n + 1 for n in range(from_, end) if THE_END.match(blocks[n].text)]
    titles = [
        n
        for n in range(from_, end)
        if blocks[n].words <= 12
        and (blocks[n].gap >= 2 or not _LETTER.search(blocks[n - 1].text))
        and ADVERTISEMENT.search(blocks[n].text)
        and not blocks[n].closed
    ]
    for at in [*closings, *titles]:
        rest = [block for block in blocks[at:end] if block.words > 1]
        signs = sum(1 for block in rest if ADVERTISEMENT.search(block.text))
        chapters = any(_is_chapter(block) for block in rest)
        if rest and not chapters and signs >= max(2, len(rest) // 20):
            return at, "advertisement"
    for at in range(from_, end):
        if _BACK.fullmatch(blocks[at].text.strip("_* ")) and blocks[at].gap >= 2:
            rest = list(blocks[at + 1 : end])
            if rest and all(block.words <= 40 for block in rest):
                return at, "index"
    return end, ""
