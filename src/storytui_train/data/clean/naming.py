"""PURE. What chapters are called: their own headings, and those they stand under."""

import re
from collections.abc import Sequence
from dataclasses import replace

from storytui_train.data.clean import titles
from storytui_train.data.clean.headings import SPECIAL_LEVEL
from storytui_train.data.clean.layout import Block
from storytui_train.data.clean.parts import Parts, Section
from storytui_train.data.clean.titles import Heading


def name(sections: Sequence[Section], parts: Parts) -> None:
    """Give the sections with a text their titles, those they stand under before their own."""
    above: list[tuple[Heading, str, bool]] = []
    over = _titles_over(sections, parts)
    for section in sections:
        heading = section.heading
        if heading is not None:
            while above and (above[-1][0].level >= heading.level or above[-1][2]):
                above.pop()
            if parts.role[heading.start] == "heading":
                if heading.mark is not None:
                    leaf = heading.mark.level == SPECIAL_LEVEL and not heading.mark.number
                else:
                    leaf = heading.level == titles.TITLE_LEVEL and over < 2
                above.append((heading, _title(parts.blocks, heading), leaf))
        section.title = " / ".join(_shortened(parts.blocks, above))
        if any(parts.role[n] == "text" for n in range(section.start, section.end)):
            parts.sections.append(section)


def _shortened(blocks: Sequence[Block], above: Sequence[tuple[Heading, str, bool]]) -> list[str]:
    """Titles one under the other; over a section a chapter's number says enough."""
    if not above or above[-1][0].level != titles.SECTION_LEVEL:
        return [title for _, title, _ in above]
    return [
        _title(blocks, replace(heading, end=heading.start + 1)) if heading.mark else title
        for heading, title, _ in above
    ]


def _titles_over(sections: Sequence[Section], parts: Parts) -> int:
    """How many titles without a number stand over others: in a collection several, else none."""
    count = 0
    for at, section in enumerate(sections[:-1]):
        heading, below = section.heading, sections[at + 1].heading
        if heading is None or below is None or parts.role[heading.start] != "heading":
            continue
        own = heading.mark is None and heading.level == titles.TITLE_LEVEL
        count += own and below.level > heading.level
    return count


def _title(blocks: Sequence[Block], heading: Heading) -> str:
    """A heading as it is printed, on one line."""
    text = " ".join(block.text for block in blocks[heading.start : heading.end])
    return re.sub(r"\s+", " ", re.sub(r"^#+\s+|(?<!\w)[_*]+|[_*]+(?!\w)", "", text)).strip()
