"""PURE. The parts of a book: what is front matter, where each chapter begins, what it is called."""

import re
from collections.abc import Sequence

from storytui_train.data.clean import contents, titles
from storytui_train.data.clean.contents import is_prose
from storytui_train.data.clean.headings import key
from storytui_train.data.clean.layout import Block, Book
from storytui_train.data.clean.licences import ADVERTISEMENT, THE_END
from storytui_train.data.clean.naming import name
from storytui_train.data.clean.parts import Parts, Section
from storytui_train.data.clean.scenes import is_row
from storytui_train.data.clean.titles import Heading

_LEAST = 60
"""Words from which on a stretch before the first chapter is a preface, not a title page."""
_POEM = 150
"""Words from which on verse there is more than a dedication."""
_DEDICATION = re.compile(
    r"[\"“_*\s]*(?:to\b|dedicated|inscribed|for\s+(?:my|the)\b|in\s+(?:loving\s+)?memory|this\s+(?:book|story|"
    r"volume|tale|edition|work)\s+is\b)",
    re.IGNORECASE,
)
_BY = re.compile(r"[_*(]*(?:by|von|par|de|di)\b", re.IGNORECASE)
_IMPRINT = re.compile(
    r"copyright|all\s+rights\s+reserved|printed\s+(?:in|by|at)|published\s+(?:by|in|\w+,?\s+\d{4})|"
    r"entered\s+according|first\s+(?:published|edition)|\bpress\b.{0,30}:|act\s+of\s+congress|"
    r"\bLONDON\b.*\d{4}|\bNEW\s+YORK\b|rights\s+of\s+translation|author\s+of\b|illustrat|translated\s+by|"
    r"electrotyped|reprinted|edition\b.{0,20}\d{4}",
    re.IGNORECASE | re.DOTALL,
)


def divide(blocks: list[Block], book: Book, title: str = "") -> Parts:
    """Find the parts of a book.

    Args:
        blocks: of the text without its frame, the breaks in them settled.
        book: how it is set.
        title: of the book, where its frame named one.
    """
    regions, names = contents.regions(blocks)
    role = ["text"] * len(blocks)
    for start, end, why in regions:
        role[start:end] = [why] * (end - start)
    skipped = [each != "text" for each in role]
    found = titles.find(blocks, book, names, skipped)
    found = _without_repeated(found, blocks, role)
    parts = Parts(blocks, role)
    for number, block in enumerate(blocks):
        if role[number] == "text" and is_row(block):
            role[number] = "row"
    for heading in found:
        role[heading.start : heading.end] = ["heading"] * (heading.end - heading.start)
    sections = _sections(found, len(blocks))
    first = _main(sections, parts)
    _front(sections[:first], parts)
    _without_subtitle(sections[:first], parts, key(title))
    if first < len(sections) and sections[first].heading is None:
        _untitled(parts, sections[first])
    _book_title(sections[first:], parts, key(title))
    _ends(parts)
    name(sections, parts)
    return parts


def _sections(found: Sequence[Heading], count: int) -> list[Section]:
    sections: list[Section] = []
    if not found or found[0].start:
        sections.append(Section(None, 0, found[0].start if found else count))
    for at, heading in enumerate(found):
        end = found[at + 1].start if at + 1 < len(found) else count
        sections.append(Section(heading, heading.end, end))
    return sections


def _without_repeated(
    found: list[Heading], blocks: Sequence[Block], role: list[str]
) -> list[Heading]:
    """Headings without those of a table of contents that no word announces."""
    keys = [key(_text(blocks, each)) for each in found]
    numbers = [
        (each.mark.kind, each.mark.number) if each.mark and each.mark.number else None
        for each in found
    ]
    kept: list[Heading] = []
    for at, heading in enumerate(found):
        end = found[at + 1].start if at + 1 < len(found) else len(blocks)
        words = sum(block.words for block in blocks[heading.end : end] if is_prose(block))
        early = heading.start < 0.2 * len(blocks) + 40
        number = numbers[at]
        again = keys[at] in keys[at + 1 :] or (
            number is not None
            and number in numbers[at + 1 :]
            and not _stands_behind_prose(found, blocks, at)
        )
        if early and again and words < 20 and not _is_parent(found, at, blocks):
            role[heading.start : end] = ["contents"] * (end - heading.start)
        else:
            kept.append(heading)
    return kept


def _stands_behind_prose(found: Sequence[Heading], blocks: Sequence[Block], at: int) -> bool:
    """Whether prose stands before a heading, under another one."""
    return at > 0 and any(is_prose(block) for block in blocks[found[0].end : found[at].start])


def _is_parent(found: Sequence[Heading], at: int, blocks: Sequence[Block]) -> bool:
    """Whether the heading is followed at once by a lower one that has a text."""
    if at + 1 >= len(found) or found[at + 1].level <= found[at].level:
        return False
    following = found[at + 1]
    end = found[at + 2].start if at + 2 < len(found) else len(blocks)
    return sum(block.words for block in blocks[following.end : end]) > 40


def _text(blocks: Sequence[Block], heading: Heading) -> str:
    return " ".join(block.text for block in blocks[heading.start : heading.end])


def _words(parts: Parts, section: Section) -> int:
    """Words of a section's text."""
    return sum(
        parts.blocks[n].words for n in range(section.start, section.end) if parts.role[n] == "text"
    )


def _prose(parts: Parts, section: Section) -> int:
    """Words of a section's sentences, title pages and dedications apart."""
    total = 0
    for number in range(section.start, section.end):
        block = parts.blocks[number]
        if parts.role[number] != "text":
            continue
        if is_prose(block) and not (
            block.words < 120
            and (
                (block.words < 45 and (block.words < 45 and _IMPRINT.search(block.text)))
                or _DEDICATION.match(block.text)
            )
        ):
            total += block.words
    return total


def _main(sections: Sequence[Section], parts: Parts) -> int:
    """The section with which the book itself begins."""
    displayed: int | None = None
    for number, section in enumerate(sections):
        heading = section.heading
        if heading is None:
            continue
        words, over = _words(parts, section), _has_children(sections, number, parts)
        numbered = heading.mark is not None and (
            heading.mark.number > 0 or heading.mark.kind in ("prologue", "markdown")
        )
        page = words >= 30 and heading.level <= 3 and not _prose(parts, section)
        if (numbered or heading.listed) and (words >= 30 or over) and not (page and words < 150):
            return _with_title(sections, number, parts)
        if displayed is None and heading.level == titles.TITLE_LEVEL and not 0 < words < 30:
            displayed = number if over or (words >= 30 and _prose(parts, section)) else None
    if displayed is not None:
        return displayed
    for number, section in enumerate(sections):
        if _prose(parts, section) >= _LEAST:
            return number
    return 0


def _with_title(sections: Sequence[Section], number: int, parts: Parts) -> int:
    """The first chapter, or the title over it that has no text of its own."""
    while number:
        above, below = sections[number - 1].heading, sections[number].heading
        if above is None or below is None or above.level >= below.level:
            break
        if _words(parts, sections[number - 1]) or parts.role[above.start] != "heading":
            break
        number -= 1
    return number


def _has_children(sections: Sequence[Section], number: int, parts: Parts) -> bool:
    """Whether a heading with no text of its own stands over others that have one."""
    heading = sections[number].heading
    for section in sections[number + 1 : number + 4]:
        if heading is None or section.heading is None or section.heading.level <= heading.level:
            return False
        if _words(parts, section) >= 30:
            return True
    return False


def _front(sections: Sequence[Section], parts: Parts) -> None:
    """Before the book begins: prefaces stay, as what they are; title pages and the like go."""
    for section in sections:
        heading = section.heading
        texts = [n for n in range(section.start, section.end) if parts.role[n] == "text"]
        special = (
            heading is not None and heading.mark is not None and heading.mark.kind != "dedication"
        )
        verse = (
            heading is not None
            and sum(
                parts.blocks[n].words
                for n in texts
                if parts.blocks[n].kept and all(parts.blocks[n].kept)
            )
            >= _POEM
        )
        keep = _prose(parts, section) >= (30 if special else _LEAST) or verse
        if keep and heading is None:
            _untitled(parts, section)
            continue
        if keep:
            _drop_imprint(parts, section)
            continue
        begin = heading.start if heading else section.start
        for number in range(begin, section.end):
            _drop(parts, number)


def _without_subtitle(sections: Sequence[Section], parts: Parts, title: str) -> None:
    """Where the book's title heads a dedication, what else the title page says goes."""
    for section in sections:
        heading = section.heading
        if heading is None or heading.mark or heading.end - heading.start < 2 or not title:
            continue
        if (
            key(parts.blocks[heading.start].text) == title
            and parts.role[heading.start] == "heading"
        ):
            for number in range(heading.start + 1, heading.end):
                parts.role[number] = "title page"
            heading.end = heading.start + 1


def _untitled(parts: Parts, section: Section) -> None:
    """A text without a heading begins with its first sentence, behind titles and the like."""
    for number in range(section.start, section.end):
        block = parts.blocks[number]
        if parts.role[number] == "row":
            _drop(parts, number)
        if parts.role[number] != "text":
            continue
        page = block.words < 45 and (
            _IMPRINT.search(block.text) or _DEDICATION.match(block.text) or _BY.match(block.text)
        )
        title = block.capitals > 0.85 or not block.closed or block.text[0] in "[("
        if not (page or (title and not is_prose(block) and block.words < 25)):
            return
        _drop(parts, number)


def _drop(parts: Parts, number: int) -> None:
    """Take a block of front matter away."""
    if parts.role[number] in ("text", "row", "heading"):
        words = parts.blocks[number].text
        dedication = parts.blocks[number].words < 120 and _DEDICATION.match(words) is not None
        parts.role[number] = "dedication" if dedication else "title page"


def _drop_imprint(parts: Parts, section: Section) -> None:
    """Behind a preface: the next title page."""
    number = section.end - 1
    while number > section.start:
        block = parts.blocks[number]
        if parts.role[number] not in ("text", "row"):
            break
        if is_prose(block) or (
            block.gap < 3 and not (block.capitals > 0.85 or parts.role[number] == "row")
        ):
            break
        number -= 1
    last = number
    # What is set apart by a wide gap, or is all capitals, behind the last sentence.
    for number in range(last + 1, section.end):
        block = parts.blocks[number]
        if block.gap >= 3 or parts.role[number] == "row":
            for behind in range(number, section.end):
                _drop(parts, behind)
            return


def _book_title(sections: Sequence[Section], parts: Parts, title: str) -> None:
    """Take the book's own title away where it stands over the whole of it."""
    if not sections or sections[0].heading is None:
        return
    heading = sections[0].heading
    alone = (
        heading.mark is None
        and not heading.listed
        and not any(parts.role[n] == "text" for n in range(sections[0].start, sections[0].end))
    )
    if not alone:
        return
    others = [
        each
        for each in sections[1:]
        if each.heading and each.heading.mark is None and each.heading.level <= heading.level
    ]
    own = key(_text(parts.blocks, heading))
    if not others or (title and own == title):
        for number in range(heading.start, heading.end):
            parts.role[number] = "title page"


def _ends(parts: Parts) -> None:
    """Take away what closes a book or a volume: `THE END`, `END OF VOL. I.`, the printer's name."""
    count = len(parts.blocks)
    following = "heading"
    closing = True
    for number in range(count - 1, -1, -1):
        block, role = parts.blocks[number], parts.role[number]
        if role not in ("text", "row", "heading"):
            continue
        if role == "text" and following == "heading":
            quoted = block.text[0] in "\"“'‘"
            if THE_END.match(block.text) and not quoted:
                parts.role[number] = "the end"
                continue
            if (
                closing
                and block.words < 40
                and (
                    re.match(
                        r"[_*\[(]*(?:printed|press\s+of|produced)\b", block.text, re.IGNORECASE
                    )
                    or re.search(r"\b(?:PRESS|PRINTED|PRINTERS)\b", block.text)
                    or (ADVERTISEMENT.search(block.text) and block.capitals > 0.6)
                )
            ):
                parts.role[number] = "title page"
                continue
        if role == "row" and following == "heading":
            continue
        following = role
        closing = False
