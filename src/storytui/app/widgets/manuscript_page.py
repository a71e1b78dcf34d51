"""The page: the manuscript in its own measure, and the find bar below it."""

import re
from bisect import bisect_left

from textual import on
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.document._document import Selection
from textual.lazy import Lazy
from textual.reactive import reactive

from storytui.app.widgets.find_bar import FindBar
from storytui.app.widgets.manuscript import ManuscriptArea

_BESIDE_THE_TEXT = 3
"""Columns that the area has beyond the measure: a margin on the left, the cursor's place at a
row's end, the scroll bar."""


class ManuscriptPage(Vertical):
    """Centres the manuscript in the space it has; nothing in it moves when a pane comes or goes."""

    measure: reactive[int] = reactive(72)
    """Columns of the text."""
    reserve: reactive[int] = reactive(0)
    """Columns to leave free on the right, where a pane would be that is closed now."""

    def __init__(self, *, measure: int = 72, reserve: int = 0, id: str | None = None) -> None:
        super().__init__(id=id)
        self.area = ManuscriptArea(id="manuscript")
        self._bar = FindBar(id="find-bar")
        self._bar.display = False
        self._origin = Selection()
        """What was selected, or where the cursor was, when the find bar opened."""
        self._stepped = False
        """Whether the writer went to a match on purpose, and not only typed."""
        self.set_reactive(ManuscriptPage.measure, measure)
        self.set_reactive(ManuscriptPage.reserve, reserve)

    def compose(self) -> ComposeResult:
        """The manuscript above, the find bar below."""
        with Container(id="page-paper"):
            yield self.area
        yield Lazy(self._bar)

    def on_mount(self) -> None:
        """Take the measure that was set before there was anything to measure."""
        self.watch_measure(self.measure)
        self.watch_reserve(self.reserve)

    def watch_measure(self, measure: int) -> None:
        """Another width of the text."""
        self.area.styles.max_width = measure + _BESIDE_THE_TEXT

    def watch_reserve(self, reserve: int) -> None:
        """Another width of the pane that is not there."""
        self.styles.padding = (0, reserve, 0, 0)

    # --- finding ----------------------------------------------------------------------------------

    @property
    def finding(self) -> bool:
        """Whether the find bar is open."""
        return bool(self._bar.display)

    def open_find(self, *, replace: bool = False) -> None:
        """Open the find bar, with what is selected as what to find."""
        if not self._bar_is_there:
            self.call_after_refresh(self.open_find, replace=replace)
            return
        selected = self.area.selected_text
        if not self.finding:
            self._origin = self.area.selection
            self._stepped = False
        self._bar.open("" if "\n" in selected else selected, replacing=replace)

    def close_find(self) -> None:
        """Close the find bar and go back to the manuscript.

        The cursor stays at the match that was gone to; who only typed is back where she was.
        """
        if not self.finding:
            return
        self._bar.display = False
        self.area.sought = None
        if not self._stepped:
            self.area.selection = self._origin
        self.area.focus()

    def find_next(self) -> None:
        """To the next match; without anything sought yet, open the find bar."""
        self._step(1)

    def find_previous(self) -> None:
        """To the match before."""
        self._step(-1)

    @on(FindBar.Sought)
    def _look_for(self, event: FindBar.Sought) -> None:
        event.stop()
        if not self.finding:
            return
        self.area.sought = _pattern(event.text, match_case=event.match_case)
        matches = self._matches()
        if matches:
            start = min(map(self.area.offset_of, self._origin))
            here = bisect_left(matches, (start, 0)) % len(matches)
            self._show(matches, here)
        else:
            self.area.selection = self._origin
            self._bar.result = "no match" if event.text else ""

    @on(FindBar.Step)
    def _step_asked(self, event: FindBar.Step) -> None:
        event.stop()
        self._step(event.direction)

    @on(FindBar.Replace)
    def _replace(self, event: FindBar.Replace) -> None:
        event.stop()
        sought = self.area.sought
        if sought is None:
            return
        self._stepped = True
        if event.everywhere:
            count = self.area.replace_all(sought, event.replacement)
            self._bar.result = f"{count} replaced" if count else "no match"
        else:
            self.area.replace_selected_match(sought, event.replacement)
            self._step(1)

    @on(FindBar.Closed)
    def _close_asked(self, event: FindBar.Closed) -> None:
        event.stop()
        self.close_find()

    @property
    def _bar_is_there(self) -> bool:
        """Whether the find bar has its fields; it comes after the first paint."""
        return bool(self._bar.query("#find-text"))

    def _step(self, direction: int) -> None:
        if not self._bar_is_there:
            self.call_after_refresh(self._step, direction)
            return
        if not self.finding and self._bar.text:
            # F3 after the bar was closed: the same again, without the bar.
            self.area.sought = _pattern(self._bar.text, match_case=self._bar.match_case)
        elif not self.finding:
            self.open_find()
            return
        matches = self._matches()
        self._stepped = True
        if matches:
            start = min(map(self.area.offset_of, self.area.selection))
            if direction > 0:
                taken = not self.area.selection.is_empty
                here = bisect_left(matches, (start + taken, 0))
            else:
                here = bisect_left(matches, (start, 0)) - 1
            self._show(matches, here % len(matches))
        else:
            self._bar.result = "no match"
        if not self.finding:
            self.area.sought = None

    def _matches(self) -> list[tuple[int, int]]:
        """Where the matches are, from the text's start."""
        sought = self.area.sought
        if sought is None:
            return []
        return [match.span() for match in sought.finditer(self.area.text)]

    def _show(self, matches: list[tuple[int, int]], here: int) -> None:
        """Go to one of the matches."""
        self.area.select(*matches[here], center=True)
        self._bar.result = f"{here + 1} of {len(matches)}"


def _pattern(text: str, *, match_case: bool) -> re.Pattern[str] | None:
    """What finds `text` as it stands; None for nothing."""
    if not text:
        return None
    return re.compile(re.escape(text), re.NOFLAG if match_case else re.IGNORECASE)
