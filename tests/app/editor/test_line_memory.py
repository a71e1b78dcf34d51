"""Lines are remembered, but never a thousand states of a book in one line."""

import gc
import weakref

from storytui.app.widgets.line_memory import LONG, remembered


class Line(str):
    """A line whose end can be seen."""

    __slots__ = ("__weakref__",)


def alive(length: int) -> int:
    """How many of forty lines of that length are still there when they were asked about."""
    asked: list[str] = []

    @remembered(30)
    def measured(line: str, tab_width: int) -> int:
        asked.append("")
        return len(line) * tab_width

    lines = []
    for number in range(40):
        line = Line(f"{number:02}".ljust(length))
        lines.append(weakref.ref(line))
        assert measured(line, 4) == measured(line, 4) == 4 * length
    del line
    gc.collect()
    assert len(asked) == 40
    return sum(each() is not None for each in lines)


def test_a_line_is_worked_out_once_and_the_last_ones_stay():
    assert alive(LONG) == 30


def test_of_very_long_lines_only_two_stay():
    assert alive(LONG + 1) == 2
