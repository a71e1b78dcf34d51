"""Where paragraphs, scenes and chapters begin, read backwards from a place in a long text."""

import re
from collections.abc import Iterator
from functools import lru_cache

from storytui.story.outline import chapters
from storytui.story.sentences import blank_lines_separate

_STYLE = 20_000
"""Characters before a place that tell how paragraphs are separated."""
_STYLE_STEP = 4_096
"""The style is asked anew only so often, so that it costs nothing while she types."""
_CHUNK = 8_192
"""Characters that are searched at once."""
_NEAR = 200
"""Characters in front of a paragraph in which the break before it stands."""
_HEADING_LINES = 400
"""Characters behind its beginning in which a heading and what follows it stand."""

_BLANK_LINES = re.compile(r"\n\s*\n")
_ANY_LINES = re.compile(r"\n(?:\s*\n)?")
_SCENE_BREAK = re.compile(
    r"(?:\A|\n)[ \t]*(?:⁂|\\?#|(?:\\?[*•~·_—–-][ \t]*){3,10})[ \t\r]*\n\s*\Z|\n\s*\n\s*\n[ \t]*\Z"
)
_BLANK_BREAK = re.compile(r"\n\s*\n[ \t]*\Z")


def paragraph_starts(text: str, end: int) -> Iterator[int]:
    """Where the paragraphs of `text[:end]` begin, from the last; 0 is the last that is given.

    Nothing of `text` is copied but what is near the places that are asked for.
    """
    pattern = _BLANK_LINES if separated_by_blank_lines(text, end) else _ANY_LINES
    high, size = end, _CHUNK
    while high > 0:
        low = max(0, high - size)
        starts = [each.end() for each in pattern.finditer(text, low, high)]
        starts = [each for each in starts if each < high]
        yield from reversed(starts)
        if low == 0:
            break
        # What began before `low` is seen whole in the next chunk.
        high, size = (starts[0], _CHUNK) if starts else (high, 2 * size)
    if end > 0:
        yield 0


def separated_by_blank_lines(text: str, end: int) -> bool:
    """Whether blank lines separate the paragraphs before `end`, else single line breaks."""
    if end > _STYLE:
        end -= end % _STYLE_STEP
    return _by_blank_lines(text[max(0, end - _STYLE) : end])


@lru_cache(maxsize=8)
def _by_blank_lines(text: str) -> bool:
    return blank_lines_separate(text)


def begins_chapter(text: str, start: int) -> bool:
    """Whether the line that begins at `start` is the heading of a chapter."""
    before = text[max(0, start - _NEAR) : start].split("\n")
    # The line in front tells a heading from a line of a paragraph; the last part is the line's own.
    lines = [*before[-2:-1], *text[start : start + _HEADING_LINES].split("\n")[:3]]
    number = len(before[-2:-1])
    return any(each.line == number for each in chapters(lines))


def begins_scene(text: str, start: int, *, by_blank_lines: bool) -> bool:
    """Whether a break between scenes stands in front of the paragraph that begins at `start`.

    Args:
        text: the manuscript.
        start: where a paragraph begins, in characters.
        by_blank_lines: whether blank lines separate the paragraphs; where they do not, a blank
            line separates scenes.
    """
    near = text[max(0, start - _NEAR) : start]
    if _SCENE_BREAK.search(near):
        return True
    return not by_blank_lines and _BLANK_BREAK.search(near) is not None
