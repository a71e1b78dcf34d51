"""A place in a story, as a command line names it: `end`, `LINE:COLUMN`, `#OFFSET`."""

import re


class PlaceError(ValueError):
    """No such place; the message says how far the story goes."""


def offset_of(text: str, place: str) -> int:
    """The character offset, from 0, that `place` names in `text`.

    Args:
        text: the story, with `\\n` for every line break.
        place: `end`; `LINE:COLUMN`, both from 1 and in characters, one column beyond the last
            character being the line's end; or `#OFFSET`, from 0.

    Raises:
        PlaceError: it is none of these, or beyond the end.
    """
    if place == "end":
        return len(text)
    if match := re.fullmatch(r"#([0-9]{1,18})", place):
        offset = int(match[1])
        if offset > len(text):
            raise PlaceError(
                f"#{offset} is beyond the end of the story, which has {len(text)} characters"
            )
        return offset
    if match := re.fullmatch(r"([0-9]{1,18}):([0-9]{1,18})", place):
        return _offset_of_line(text, int(match[1]), int(match[2]))
    raise PlaceError(f"a place is end, LINE:COLUMN or #OFFSET, not {place!r}")


def _offset_of_line(text: str, line: int, column: int) -> int:
    if line < 1 or column < 1:
        raise PlaceError(f"lines and columns count from 1, so there is no {line}:{column}")
    lines = text.split("\n")
    if line > len(lines):
        raise PlaceError(
            f"line {line} is beyond the end of the story, which has {len(lines)} lines"
        )
    width = len(lines[line - 1])
    if column > width + 1:
        raise PlaceError(
            f"column {column} is beyond the end of line {line}, which has {width} characters"
        )
    return sum(len(each) + 1 for each in lines[: line - 1]) + column - 1
