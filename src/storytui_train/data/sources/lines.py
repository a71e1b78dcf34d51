"""PURE. A plain text among a book's chapters as blocks, whichever way its paragraphs are parted."""

import re

from storytui.story.sentences import blank_lines_separate
from storytui_train.data.sources.blocks import GAP, Block

_BLANK = re.compile(r"\n(?:[ \t]*\n)+")
_INDENT = re.compile(r"(?:\t|[ ]{2,}|\u3000|\u2003)\S")
_MARKDOWN_HEADING = re.compile(r"(#{1,6})[ \t]+(.*\S)")
_UNDERSCORES = re.compile(r"(?<![\w_])_(?=\S)([^_\n]{1,400}?)(?<=\S)_(?![\w_])")


def blocks_of_plain(text: str) -> tuple[Block, ...]:
    """The blocks of a plain text: one line a paragraph, or lines wrapped and blank lines between.

    Args:
        text: with any line breaks.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n\n")
    text = _UNDERSCORES.sub(r"*\1*", text)
    wrapped = blank_lines_separate(text)
    blocks: list[Block] = []
    parts = _BLANK.split(text)
    breaks = [found[0].count("\n") for found in _BLANK.finditer(text)]
    for part, gap in zip(parts, [0, *breaks], strict=True):
        # One blank line parts paragraphs of wrapped lines; elsewhere it says something.
        blocks += [GAP] * (max(gap - 2, 0) if wrapped else max(gap - 1, 0))
        lines = [line for line in part.split("\n") if line.strip()]
        for paragraph in _paragraphs(lines) if wrapped else lines:
            heading = _MARKDOWN_HEADING.fullmatch(paragraph.strip())
            if heading:
                blocks.append(Block("heading", heading[2], len(heading[1])))
            else:
                blocks.append(Block("paragraph", paragraph))
    return tuple(blocks)


def _paragraphs(lines: list[str]) -> list[str]:
    """Wrapped lines as paragraphs; an indented line among others that are not begins one."""
    indented = [bool(_INDENT.match(line)) for line in lines]
    found: list[list[str]] = []
    for number, line in enumerate(lines):
        if not found or (indented[number] and not all(indented)):
            found.append([])
        found[-1].append(line.strip())
    return [" ".join(each) for each in found]
