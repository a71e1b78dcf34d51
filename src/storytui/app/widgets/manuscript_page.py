"""The page: the manuscript in its own measure, and the find bar below it."""

import re
from bisect import bisect_left
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.document._document import Selection
from textual.reactive import reactive

from storytui.app.widgets.manuscript import ManuscriptArea

if TYPE_CHECKING:  # a bar that is not open is not needed to paint a page
    from storytui.app.widgets.find_bar import FindBar

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
        self._bar: FindBar | None = None
        """The find bar; None until it is first asked for."""
        self._origin = Selection()
        """What was selected, or where the cursor was, when the find bar opened."""
        self._stepped = False
        """Whether the writer went to a match on purpose, and not only typed."""
        self.set_reactive(ManuscriptPage.measure, measure)
        self.set_reactive(ManuscriptPage.reserve, reserve)

    def compose(self) -> ComposeResult:
        """The manuscript; the find bar comes below it when it is asked for."""
        yield self.area

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
        return self._bar is not None and bool(self._bar.display)

    def open_find(self, *, replace: bool = False) -> None:
        """Open the find bar, with what is selected as what to find."""
        self._with_bar(partial(self._open, replace=replace))

    def _open(self, bar: "FindBar", *, replace: bool = False) -> None:
        selected = self.area.selected_text
        if not self.finding:
            self._origin = self.area.selection
            self._stepped = False
        bar.open("" if "\n" in selected else selected, replacing=replace)

    def close_find(self) -> None:
        """Close the find bar and go back to the manuscript.

        The cursor stays at the match that was gone to; who only typed is back where she was.
        """
        if self._bar is None or not self._bar.display:
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

    def on_find_bar_sought(self, event: "FindBar.Sought") -> None:
        """Show the first match of what is typed."""
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
            self._say("no match" if event.text else "")

    def on_find_bar_step(self, event: "FindBar.Step") -> None:
        """Go to another match."""
        event.stop()
        self._step(event.direction)

    def on_find_bar_replace(self, event: "FindBar.Replace") -> None:
        """Replace what was found."""
        event.stop()
        sought = self.area.sought
        if sought is None:
            return
        self._stepped = True
        if event.everywhere:
            count = self.area.replace_all(sought, event.replacement)
            self._say(f"{count} replaced" if count else "no match")
        else:
            self.area.replace_selected_match(sought, event.replacement)
            self._step(1)

    def on_find_bar_closed(self, event: "FindBar.Closed") -> None:
        """Close the find bar."""
        event.stop()
        self.close_find()

    def _with_bar(self, do: Callable[["FindBar"], None]) -> None:
        """Do something with the find bar; the first time it has to be brought."""
        if self._bar is not None:
            do(self._bar)
        else:
            self.call_next(self._bring_bar, do)

    async def _bring_bar(self, do: Callable[["FindBar"], None]) -> None:
        from storytui.app.widgets.find_bar import FindBar

        if self._bar is None:
            bar = FindBar(id="find-bar")
            bar.display = False
            await self.mount(bar)
            self._bar = bar
        do(self._bar)

    def _say(self, result: str) -> None:
        """Show beside the field what came of it."""
        if self._bar is not None:
            self._bar.result = result

    def _step(self, direction: int) -> None:
        self._with_bar(partial(self._step_with, direction=direction))

    def _step_with(self, bar: "FindBar", *, direction: int) -> None:
        if not self.finding and bar.text:
            # F3 after the bar was closed: the same again, without the bar.
            self.area.sought = _pattern(bar.text, match_case=bar.match_case)
        elif not self.finding:
            self._open(bar)
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
            self._say("no match")
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
        self._say(f"{here + 1} of {len(matches)}")


def _pattern(text: str, *, match_case: bool) -> re.Pattern[str] | None:
    """What finds `text` as it stands; None for nothing."""
    if not text:
        return None
    return re.compile(re.escape(text), re.NOFLAG if match_case else re.IGNORECASE)
