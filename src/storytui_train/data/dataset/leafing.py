"""Leafing through rows: which one is seen, how far it is scrolled, what is searched and marked.

Knows no terminal: keys come in as names, lines go out.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from storytui.story.visible import visible
from storytui_train.data.dataset.marks import Mark
from storytui_train.data.dataset.pages import Page, lay_out, limits, padded, seen
from storytui_train.data.examples import Row

HELP = "n/p row  j/k scroll  g/G first/last  / search  b bad  q quit"


class Rows(Protocol):
    """Rows by number."""

    def __len__(self) -> int: ...

    def __getitem__(self, number: int) -> Row: ...


class Leafing:
    """Where somebody is in the rows."""

    def __init__(
        self, rows: Rows, bad: set[str], mark: Callable[[Mark], None], size: tuple[int, int]
    ) -> None:
        """Begin at the first row.

        Args:
            rows: at least one.
            bad: ids of those that are marked; changed as marks are.
            mark: keeps a mark.
            size: the screen's columns and lines.
        """
        self._rows = rows
        self._bad = bad
        self._mark = mark
        self._number = 0
        self._scroll = 0
        self._typed: str | None = None
        """What is typed behind the slash; None: nothing is asked for."""
        self._sought = ""
        self._said = ""
        self.resize(size)

    @property
    def number(self) -> int:
        """The row that is seen, from 0."""
        return self._number

    def resize(self, size: tuple[int, int]) -> None:
        """The screen has another size, in columns and lines."""
        self._columns, self._lines = max(size[0], 20), max(size[1], 4)
        self._lay_out()

    def press(self, key: str) -> bool:
        """Take a key; returns False where that was the end.

        Args:
            key: a character, or `enter`, `escape`, `backspace`, `up`, `down`, `left`, `right`,
                `page up`, `page down`, `home`, `end`, `interrupt`, or empty for none of them.
        """
        self._said = ""
        if key == "interrupt":
            return False
        if self._typed is not None:
            self._type(key)
            return True
        room = self._lines - 1 - len(self._page.head)
        match key:
            case "q":
                return False
            case "n" | "right" | " ":
                self._go(self._number + 1)
            case "p" | "left":
                self._go(self._number - 1)
            case "g" | "home":
                self._go(0)
            case "G" | "end":
                self._go(len(self._rows) - 1)
            case "j" | "down":
                self._scroll_by(1)
            case "k" | "up":
                self._scroll_by(-1)
            case "page down":
                self._scroll_by(room)
            case "page up":
                self._scroll_by(-room)
            case "b":
                self._turn_mark()
            case "/":
                self._typed = ""
            case "escape" | "":
                pass
            case _:
                self._said = HELP
        return True

    def screen(self) -> list[str]:
        """The screen's lines, all of them, the last one for what is said or typed."""
        body = seen(self._page, self._lines - 1, self._scroll)
        if self._typed is not None:
            last = f"/{visible(self._typed, newlines=False)}"
        else:
            last = self._said or HELP
        return [*body, padded(last, self._columns - 1).rstrip()]

    def _lay_out(self) -> None:
        row = self._rows[self._number]
        place = f"{self._number + 1:,} of {len(self._rows):,}"
        self._page: Page = lay_out(row, self._columns, place, bad=row.id in self._bad)
        self._scroll_by(0)

    def _scroll_by(self, lines: int) -> None:
        up, down = limits(self._page, self._lines - 1)
        self._scroll = min(max(self._scroll + lines, up), down)

    def _go(self, number: int) -> None:
        last = len(self._rows) - 1
        if not 0 <= number <= last:
            self._said = "That is the last row." if number > 0 else "That is the first row."
            return
        self._number, self._scroll = number, 0
        self._lay_out()

    def _turn_mark(self) -> None:
        id = self._rows[self._number].id
        bad = id not in self._bad
        self._mark(Mark(id, bad))
        (self._bad.add if bad else self._bad.discard)(id)
        self._said = "Marked as bad: it is left out of the next data set." if bad else "Not marked."
        self._lay_out()

    def _type(self, key: str) -> None:
        typed = self._typed or ""
        if key == "escape":
            self._typed = None
        elif key == "backspace":
            self._typed = typed[:-1] if typed else None
        elif key == "enter":
            self._typed = None
            self._sought = typed or self._sought
            self._search()
        elif len(key) == 1:
            self._typed = typed + key

    def _search(self) -> None:
        """Go to the next row that holds what is sought, round the end."""
        if not self._sought:
            return
        sought, count = self._sought.casefold(), len(self._rows)
        for step in range(1, count + 1):
            number = (self._number + step) % count
            if sought in _words_of(self._rows[number]):
                self._go(number)
                if step == count:
                    self._said = "It is in this row only."
                return
        self._said = f"No row holds {visible(self._sought, newlines=False)}."


def _words_of(row: Row) -> str:
    source = row.source
    parts: Sequence[str] = (
        *(row.id, source.title, source.author, row.chapter, row.guidance),
        *(row.context, row.reasoning, row.continuation),
    )
    return "\n".join(parts).casefold()
