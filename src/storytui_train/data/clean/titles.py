"""PURE. Which blocks head a chapter: by wording, table of contents or setting."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from storytui_train.data.clean.contents import is_prose, is_synopsis
from storytui_train.data.clean.displayed import DATE, DAY, displayed
from storytui_train.data.clean.headings import SPECIAL_LEVEL, Mark, bare, is_title, key, mark
from storytui_train.data.clean.layout import OPENERS, Block, Book
from storytui_train.data.clean.scenes import is_row

TITLE_LEVEL = 4
SECTION_LEVEL = 8
_IN_WHICH = re.compile(
    r"[_*(\[]*(?:in\s+which|wherein|containing|showing|treats\s+of|treating|being|giving|how\s|of\s+the|"
    r"concerning|describes|relates)\b",
    re.IGNORECASE,
)
_MAY_FOLLOW = 3
"""Blank lines at most between a heading's parts."""


@dataclass
class Heading:
    """A heading: its blocks, and how high it stands."""

    start: int
    """Its first block."""
    end: int
    """Behind its last block."""
    level: int
    mark: Mark | None
    listed: bool = False
    """Whether the table of contents names it."""
    style: str = ""
    """How it is set, where only that makes it a heading."""


def split_headings(blocks: Sequence[Block], book: Book) -> list[Block]:
    """Blocks cut where a heading stands in them without a blank line behind or before it."""
    found: list[Block] = []
    for block in blocks:
        marks = {
            n: m
            for n, line in enumerate(block.lines)
            if (not n or _may_head(line.text)) and (m := mark(line.text))
        }
        if not marks and _displayed_first(block, book):
            found.append(Block(block.lines[:1], block.gap, block.torn))
            found.append(Block(block.lines[1:], 1))
            continue
        if not marks or len(block.lines) == 1 or len(marks) > max(1, len(block.lines) // 3):
            found.append(block)
            continue
        cuts: list[int] = []
        for number, each in marks.items():
            line = block.lines[number]
            shouting = each.sure and (line.text.isupper() or each.kind in ("chapter", "markdown"))
            if number and not (shouting and not _goes_on(block, number)):
                continue
            if not each.sure and not _alone_before_prose(block, number, book):
                continue
            end = number + 1
            if end < len(block.lines) and _runs_in(block, number, book):
                continue
            while end < len(block.lines) and end - number < 4 and _is_title_line(block, end, book):
                end += 1
            if number:
                cuts.append(number)
            if end < len(block.lines):
                cuts.append(end)
        start = 0
        for cut in [*sorted(set(cuts)), len(block.lines)]:
            if start:
                found.append(Block(block.lines[start:cut], 1))
            else:
                found.append(Block(block.lines[:cut], block.gap, block.torn))
            start = cut
    return found


def _may_head(text: str) -> bool:
    """Whether a line inside a block is worth a closer look."""
    return text[0] == "#" or text.startswith(("Chapter ", "CHAPTER ")) or text.isupper()


def _goes_on(block: Block, number: int) -> bool:
    """Whether the line before breaks off in mid-sentence."""
    before = block.lines[number - 1].text
    return before[-1:].isalpha() or before[-1:] in ",;-"


def _runs_in(block: Block, number: int, book: Book) -> bool:
    """Whether the paragraph begins on the heading's own line."""
    text = block.lines[number].text
    if len(text) < 0.75 * book.width or text.isupper():
        return False
    return not _is_title_line(block, number + 1, book)


def _alone_before_prose(block: Block, number: int, book: Book) -> bool:
    """Whether a bare numeral opens a block of prose."""
    text, following = block.lines[0].text, block.lines[1].text
    if number or len(following) <= 0.6 * book.width or following[0].islower():
        return False
    if re.fullmatch(r"[IVXLC]+\.?|\d{1,3}\.?", text):
        return True
    return block.gap >= 3 and len(text) < 0.75 * book.width


def _displayed_first(block: Block, book: Book) -> bool:
    """Whether a line of capitals behind a wide gap stands over prose, no blank line between."""
    if block.gap < 3 or len(block.lines) < 2:
        return False
    text, following = block.lines[0].text, block.lines[1].text
    return (
        text.isupper()
        and len(text) < 0.7 * book.width
        and text[-1] not in ",;"
        and 0.6 * book.width < len(following)
        and not following.isupper()
        and following.lstrip(OPENERS)[:1].isupper()
        and block.lines[0].indent <= 2
    )


def _is_title_line(block: Block, number: int, book: Book) -> bool:
    """Whether a line below a heading's first goes on with its title."""
    text = block.lines[number].text
    if len(text) > 0.85 * book.width and not text.isupper():
        return False
    if text.isupper() and len(text) > 2:
        return True
    last = number == len(block.lines) - 1
    return (
        is_title(text)
        and not re.search(r"[.!?,;:]['\"”’]?$", text)
        and (last or len(text) < 0.7 * book.width)
    )


def find(
    blocks: Sequence[Block], book: Book, names: set[str], skipped: Sequence[bool]
) -> list[Heading]:
    """The headings of a text, in order.

    Args:
        blocks: of the text.
        book: how it is set.
        names: keys of the titles in its table of contents.
        skipped: for each block, whether it is in such a table and heads nothing.
    """
    marked = _marked(blocks, skipped, names)
    headings: list[Heading] = []
    taken = -1
    styles = displayed(blocks, book, names, skipped, marked)
    for number, block in enumerate(blocks):
        if number <= taken or skipped[number]:
            continue
        heading = None
        if number in marked:
            heading = Heading(number, number + 1, marked[number].level, marked[number])
            title_key = key(marked[number].title) if marked[number].title else key(block.text)
            heading.listed = title_key in names and len(title_key) > 3
        elif number in styles:
            style, listed = styles[number]
            heading = Heading(
                number, number + 1, TITLE_LEVEL if listed else SECTION_LEVEL, None, listed, style
            )
        if heading:
            _extend(heading, blocks, book, skipped, marked, names)
            headings.append(heading)
            taken = heading.end - 1
    _set_levels(headings, blocks)
    # A diary's or a letter's heading inside a numbered chapter is part of the story.
    inside = any(each.mark and each.mark.number for each in headings)
    return [each for each in headings if not inside or each.level != SECTION_LEVEL]


def _marked(blocks: Sequence[Block], skipped: Sequence[bool], names: set[str]) -> dict[int, Mark]:
    """Blocks that are headings by their wording."""
    found: dict[int, Mark] = {}
    numerals: list[tuple[int, Mark]] = []
    for number, block in enumerate(blocks):
        if skipped[number] or len(block.lines) > 5:
            continue
        each = mark(block.lines[0].text) or (
            mark(block.text) if 1 < len(block.lines) <= 2 else None
        )
        if each is None or (len(block.lines) > 1 and not _is_heading_block(block)):
            continue
        if number + 1 >= len(blocks):
            continue
        if each.sure and each.kind not in ("note", "notes"):
            if block.gap or not number:
                found[number] = each
        elif each.kind == "numeral":
            numerals.append((number, each))
        elif len(block.lines) == 1 and (block.gap >= 2 or not number or key(block.text) in names):
            found[number] = each
    for number, each in _in_sequence(numerals, found, blocks):
        found[number] = each
    return dict(sorted(found.items()))


def _is_heading_block(block: Block) -> bool:
    """Whether the lines below a heading's first can be its title."""
    rest = " ".join(line.text for line in block.lines[1:])
    if len(rest) > 200 or not re.search(r"[\w\"“'‘]", rest):
        return len(rest) <= 200  # without a word: it is ruled under
    return rest.isupper() or is_title(rest[:85]) or is_synopsis(rest) or bool(_IN_WHICH.match(rest))


def _in_sequence(
    numerals: Sequence[tuple[int, Mark]], found: dict[int, Mark], blocks: Sequence[Block]
) -> list[tuple[int, Mark]]:
    """Numerals that count something: each follows the one before, with text between them."""
    kept: list[tuple[int, Mark]] = []
    for titled in (True, False):
        runs: list[list[tuple[int, Mark]]] = []
        for number, each in numerals:
            if bool(each.title) != titled:
                continue
            block = blocks[number]
            near = block.gap < 2 and number > 0 and block.lines[0].indent < 4
            if titled and near and not block.text.isupper():
                continue
            if runs and 0 < each.number - runs[-1][-1][1].number <= 2:
                runs[-1].append((number, each))
            else:
                runs.append([(number, each)])
        for run in runs:
            first = run[0]
            continued = titled and _continues(first, found)
            if len(run) < 2 and not continued and not _stands_alone(blocks, first[0]):
                continue
            if first[1].number > 3 and not continued and len(run) < 3:
                continue  # where a second volume goes on counting there are more
            if len(run) > 1 and _words_between(blocks, run) < 60 * (len(run) - 1):
                continue
            for number, each in run:
                level = 5 if continued else (6 if titled else each.level)
                kept.append((number, each._replace(level=level)))
    return kept


def _continues(first: tuple[int, Mark], found: dict[int, Mark]) -> bool:
    """Whether a numeral goes on counting chapters that had their word before them."""
    number, each = first
    before = [m.number for n, m in found.items() if n < number and m.level == 5]
    return bool(before) and each.number == before[-1] + 1


def _stands_alone(blocks: Sequence[Block], number: int) -> bool:
    """A single numeral with a chapter's gaps round it."""
    following = blocks[number + 1] if number + 1 < len(blocks) else None
    return blocks[number].gap >= 3 and following is not None and is_prose(following)


def _words_between(blocks: Sequence[Block], run: Sequence[tuple[int, Mark]]) -> int:
    return sum(block.words for block in blocks[run[0][0] : run[-1][0]])


def _extend(
    heading: Heading,
    blocks: Sequence[Block],
    book: Book,
    skipped: Sequence[bool],
    marked: dict[int, Mark],
    names: set[str],
) -> None:
    """Take the blocks that go on with a heading: titles and what the chapter holds."""
    titled = heading.mark is None or bool(heading.mark.title)
    while heading.end < len(blocks) - 1 and heading.end - heading.start < 5:
        number = heading.end
        block = blocks[number]
        if skipped[number] or block.gap > _MAY_FOLLOW:
            return
        if number in marked:
            both = heading.mark and heading.mark.level == marked[number].level == SPECIAL_LEVEL
            if not both or marked[number].number or (heading.mark and heading.mark.number):
                return
            heading.end += 1
            continue
        text = block.text
        if heading.mark and (is_synopsis(text) or (_IN_WHICH.match(text) and _is_argument(block))):
            heading.end += 1
            return
        listed = key(text) in names and len(key(text)) > 3
        if listed and heading.mark and heading.mark.level < TITLE_LEVEL and block.gap >= 2:
            return
        if not _is_subtitle(heading, blocks, book, titled=titled, listed=listed):
            return
        heading.listed = heading.listed or listed
        titled = True
        heading.end += 1


def _is_argument(block: Block) -> bool:
    if len(block.kept) >= 2 and all(block.kept):
        return False  # a stanza that begins as they do
    return block.words <= 60 and (
        block.text[0] in "_*(["
        or (block.gap >= 1 and block.words <= 40 and not is_prose(block))
        or bool(
            re.match(
                r"[_*(\[]*(?:in which|wherein|containing|showing|treats of)",
                block.text,
                re.IGNORECASE,
            )
        )
    )


def _is_subtitle(
    heading: Heading, blocks: Sequence[Block], book: Book, *, titled: bool, listed: bool
) -> bool:
    """Whether the block behind a heading belongs to it."""
    block = blocks[heading.end]
    text = block.text
    if (
        block.words > 20
        or len(block.lines) > 3
        or is_row(block)
        or not re.search(r"[^\W\d_]", text)
    ):
        return False
    if listed:
        return True
    if heading.mark is None and (block.gap > 1 or not blocks[heading.start].gap > 1):
        return False
    shouting = block.capitals > 0.85 and heading.mark is not None
    dated = (DAY if shouting else DATE).search(text) is not None
    if dated or any(len(line.text) > book.width for line in block.lines):
        return False
    following = blocks[heading.end + 1]
    if following.gap < 1 or text[0] in "[{":
        return False
    plain = bare(text)
    if block.capitals > 0.85 and len(key(text)) > 2:
        return not text.endswith((",", ";"))
    whole = re.fullmatch(r"[_*][^_*]+[_*][.,:]?|\(.*\)\.?", text)
    if whole:
        return not text.rstrip("_*").endswith((",", ";"))
    if titled or heading.mark is None:
        return False
    if re.search(r"[.!?,;:][\"'”’)]*$", plain):
        return (
            is_title(plain)
            and plain.endswith(".")
            and block.gap <= 1
            and block.words <= 9
            and len(plain) > 3
            and (block.lines[0].indent > 4 or following.gap >= 2)
        )
    return is_title(plain)


def _heading_text(blocks: Sequence[Block], heading: Heading) -> str:
    return " ".join(block.text for block in blocks[heading.start : heading.end])


def _set_levels(headings: Sequence[Heading], blocks: Sequence[Block]) -> None:
    """How high titles stand that no word ranks: over numbers they begin, under those round them."""
    numbered = [
        (h.start, h.mark.number)
        for h in headings
        if h.mark and h.mark.number and h.mark.level >= TITLE_LEVEL
    ]
    listed = [h for h in headings if h.mark is None and h.listed]
    sections: set[str] = set()
    for heading in headings:
        if heading.mark is not None:
            continue
        before = [number for start, number in numbered if start < heading.start]
        after = [number for start, number in numbered if start > heading.start]
        if numbered and DATE.search(_heading_text(blocks, heading)):
            heading.level = SECTION_LEVEL
        elif after and after[0] == 1:
            heading.level = TITLE_LEVEL
        elif heading.listed:
            inside = bool(before and after) and after[0] == before[-1] + 1
            inside = inside or (not after and heading.style in sections)
            heading.level = SECTION_LEVEL if inside else TITLE_LEVEL
            sections |= {heading.style} if inside else set()
        elif not before:
            alike = [h for h in listed if h.style == heading.style]
            heading.level = (
                TITLE_LEVEL
                if not listed or alike or blocks[heading.start].gap >= 3
                else SECTION_LEVEL
            )
        elif not after:
            large = blocks[heading.start].gap >= 4 and blocks[heading.start].capitals > 0.85
            heading.level = TITLE_LEVEL if large else SECTION_LEVEL
        else:
            heading.level = SECTION_LEVEL
