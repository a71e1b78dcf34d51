"""The one line at the bottom: file, words, model, and now and then a message.

A message that says more than a line holds gets more lines: its end says what can be done.
"""

import re
from typing import ClassVar, Literal

from rich.cells import cell_len, set_cell_size
from rich.containers import Lines
from rich.text import Text
from textual.geometry import Size
from textual.reactive import reactive
from textual.timer import Timer
from textual.widget import Widget

from storytui.story.visible import visible

Severity = Literal["information", "warning", "error"]

_APART = " · "
_DROPPED = (
    *("", "speed", "today", "fetching's details", "model", "fetching"),
    *("selected", "saved"),
)
_MOST_LINES = 6
"""Of a message."""
_GAP = 3
"""The least columns between the left and the right of the line."""


class StatusLine(Widget):
    """One quiet line. What it shows comes down from above; nothing in it is read as markup.

    As the line gets narrow, parts go in this order: tokens per second, words today, all of a
    model's download but its share, the model's name, the download, the words selected, whether it
    is saved; then the file's name is cut. File, words and what the engine is doing stay.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "status--file",
        "status--dim",
        "status--warning",
        "status--error",
        "status--message",
    }

    file: reactive[str] = reactive("")
    """The file's name; empty for a story without a file."""
    changed: reactive[bool] = reactive(False)
    """Whether the text is another than the file's."""
    words: reactive[int] = reactive(0)
    words_today: reactive[int] = reactive(0)
    selected_words: reactive[int] = reactive(0)
    model: reactive[str] = reactive("")
    """The model's name and what it runs on."""
    engine: reactive[str] = reactive("")
    """What the engine is doing, such as `ready` or `reading 43 %`."""
    fetching: reactive[str] = reactive("")
    """How far the download of a model is; empty where there is none."""
    warning: reactive[bool] = reactive(False)
    """Whether `engine` says something that the writer would not want."""
    speed: reactive[float] = reactive(0.0)
    """Tokens per second; 0 while there is nothing to say."""

    _message: reactive[tuple[str, Severity] | None] = reactive(None, layout=True)

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._timer: Timer | None = None

    def say(
        self, text: str, *, severity: Severity = "information", seconds: float | None = 6.0
    ) -> None:
        """Show a message in place of file and words for `seconds`; None: until the next one."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        self._message = (text, severity) if text else None
        if text and seconds is not None:
            self._timer = self.set_timer(seconds, self._forget)

    def _forget(self) -> None:
        self._message = None

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """One line; as many as it takes for a message that is longer."""
        if self._message is None or width < 1:
            return 1
        return min(_MOST_LINES, len(self._lines_of(*self._message, width)))

    def render(self) -> Text:
        """The line, as wide as there is space."""
        width = self.content_size.width
        if self._message is not None:
            return self._with_message(*self._message, width)
        dropped: set[str] = set()
        for part in _DROPPED:
            dropped.add(part)
            left, right = self._left(dropped), self._right(dropped)
            if left.cell_len + right.cell_len + _GAP <= width:
                break
        else:
            too_wide = left.cell_len + right.cell_len + _GAP - width
            left = self._left(dropped, file_width=cell_len(self._file) - too_wide)
        return self._spread(left, right, width)

    @property
    def _file(self) -> str:
        return visible(self.file, newlines=False) or "not saved yet"

    def _style(self, name: str) -> str:
        return f"status--{name}"

    def _join(self, parts: list[tuple[str, str]]) -> Text:
        """Parts and their looks as one text."""
        joined = Text(no_wrap=True, end="")
        for text, look in parts:
            if joined:
                joined.append(_APART, self.get_component_rich_style("status--dim", partial=True))
            joined.append(text, self.get_component_rich_style(f"status--{look}", partial=True))
        return joined

    def _left(self, dropped: set[str], file_width: int | None = None) -> Text:
        file = self._file
        if file_width is not None:
            file = _cut(file, max(1, file_width))
        parts = [(file, "file")]
        if self.file and "saved" not in dropped:
            parts.append(("changed" if self.changed else "saved", "dim"))
        words = f"{self.words:,} word{'' if self.words == 1 else 's'}"
        if self.words_today and "today" not in dropped:
            words += f", {self.words_today:,} today"
        parts.append((words, "dim"))
        if self.selected_words and "selected" not in dropped:
            parts.append((f"{self.selected_words:,} selected", "dim"))
        return self._join(parts)

    def _right(self, dropped: set[str]) -> Text:
        parts = []
        if self.model and "model" not in dropped:
            parts.append((visible(self.model, newlines=False), "dim"))
        if self.engine:
            look = "warning" if self.warning else "dim"
            parts.append((visible(self.engine, newlines=False), look))
        if self.fetching and "fetching" not in dropped:
            shown = self.fetching
            if "fetching's details" in dropped:
                shown = re.sub(r"( \d+ %) .*", r"\1", shown)
            parts.insert(0, (visible(shown, newlines=False), "dim"))
        if self.speed and "speed" not in dropped:
            parts.append((f"{self.speed:.0f} tok/s", "dim"))
        return self._join(parts)

    def _with_message(self, text: str, severity: Severity, width: int) -> Text:
        look = "message" if severity == "information" else severity
        left = self._join([(visible(text, newlines=False), look)])
        for dropped in (
            set(),
            {"speed"},
            {"speed", "fetching's details"},
            {"speed", "fetching's details", "model"},
            {"speed", "model", "fetching"},
        ):
            right = self._right(dropped)
            if left.cell_len + right.cell_len + _GAP <= width:
                return self._spread(left, right, width)
        lines: list[Text] = list(self._lines_of(text, severity, width))
        if len(lines) > self.content_size.height:
            lines = lines[: max(1, self.content_size.height)]
            lines[-1].append("…")
            lines[-1].truncate(width, overflow="ellipsis")
        return Text("\n", no_wrap=True, end="").join(lines)

    def _lines_of(self, text: str, severity: Severity, width: int) -> Lines:
        """A message, broken into lines."""
        look = "message" if severity == "information" else severity
        said = self._join([(visible(text, newlines=False), look)])
        lines = said.wrap(self.app.console, width, overflow="fold", no_wrap=False)
        for each in lines:
            each.rstrip()
        return lines

    @staticmethod
    def _spread(left: Text, right: Text, width: int) -> Text:
        """`left` and `right` at the two ends of the line."""
        gap = max(1, width - left.cell_len - right.cell_len)
        line = Text.assemble(left, " " * gap, right, no_wrap=True, end="")
        line.truncate(width)
        return line


def _cut(text: str, width: int) -> str:
    """`text` in at most `width` columns, its end replaced by an ellipsis."""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip() + "…"
