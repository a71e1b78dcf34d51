"""The earlier versions of a manuscript, what changed since, and the way back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Label, OptionList, Static
from textual.widgets.option_list import Option
from textual.worker import Worker, WorkerState

from storytui.app.version_rows import told, version_rows
from storytui.app.widgets.compare_view import CompareView, Scrolled, differences
from storytui.manuscript.errors import ManuscriptError
from storytui.manuscript.history import Version
from storytui.storage.database import StorageError
from storytui.story.compare import Piece, compare, restore, summary

WIDE = 100
"""Columns from which the differences stand beside the list."""

Read = Callable[[int], str]
"""The text of the version with a number; may raise a ManuscriptError or a StorageError."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What the writer wants back."""

    text: str
    """The whole new text of the manuscript."""
    said: str
    """A sentence that tells what was restored."""
    number: int
    """The version that it came from."""
    whole: bool
    """Whether all of that version came back, or one passage."""


class HistoryScreen(ModalScreen[Restored | None]):
    """The versions, newest first; dismissed with what to restore, or None."""

    CSS_PATH = ["compare.tcss", "history.tcss"]  # noqa: RUF012
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", show=False),
        Binding("n", "move(1)", show=False),
        Binding("p", "move(-1)", show=False),
        Binding("r", "restore_passage", show=False),
        # The list would take these; it moves by the arrows.
        Binding("pagedown,space", "scroll('page_down')", show=False, priority=True),
        Binding("pageup", "scroll('page_up')", show=False, priority=True),
    ]

    @dataclass
    class Compared(Message):
        """A version was read and compared with the text as it stands."""

        number: int
        text: str
        pieces: list[Piece]

    @dataclass
    class Unreadable(Message):
        """A version could not be read."""

        number: int
        sentence: str

    def __init__(
        self,
        versions: Sequence[Version],
        read: Read,
        current: str,
        *,
        now: Callable[[], datetime] = datetime.now,
    ) -> None:
        """Show versions.

        Args:
            versions: newest first.
            read: gives a version's text; called in a thread, for one version at a time.
            current: the manuscript as it stands.
            now: the clock by which a version is of today or yesterday.
        """
        super().__init__()
        self._versions = {each.number: each for each in versions}
        self._read = read
        self._current = current
        self._now = now
        self._wanted: int | None = None
        """The version that is chosen in the list."""
        self._shown: HistoryScreen.Compared | None = None
        """The version whose differences are shown; None while they are being made."""
        self._row_width = 0
        self._reading: int | None = None
        """The version that is being read."""
        self._restore_when_read = False

    def compose(self) -> ComposeResult:
        """The list, and what changed since the chosen version."""
        with Vertical(id="history-box"):
            yield Label("Earlier versions", id="history-title", markup=False)
            if not self._versions:
                yield Label(
                    "There are none yet. One is kept with each save, with each piece that is "
                    "accepted, and every few minutes while you write.",
                    id="history-none",
                    markup=False,
                )
                yield Label("esc leaves", classes="compare-hint -alone", markup=False)
                return
            with Container(id="history-body"):
                yield OptionList(id="history-list", compact=True, markup=False)
                with Vertical(id="history-side"):
                    yield Static(classes="compare-counts", markup=False)
                    yield CompareView()
            yield Label(
                "enter restores all · r this change · n p change by change · esc leaves",
                classes="compare-hint -alone",
                markup=False,
            )

    def on_mount(self) -> None:
        """List the versions, and choose the newest."""
        if not self._versions:
            return
        rows = version_rows(tuple(self._versions.values()), self._now())
        options = self.query_one(OptionList)
        options.add_options(
            Option(Content(row), id=str(number))
            for number, row in zip(self._versions, rows, strict=True)
        )
        self._row_width = max(map(len, rows))
        self._fit()
        options.highlighted = 0
        options.focus()

    def on_resize(self) -> None:
        """The list stands beside the differences, or above them."""
        if self._row_width:
            self._fit()

    def _fit(self) -> None:
        """As wide as its longest row and its scroll bar, or as all there is."""
        narrow = self.size.width < WIDE
        self.query_one(OptionList).styles.width = "100%" if narrow else self._row_width + 3

    @on(OptionList.OptionHighlighted)
    def _want(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        assert event.option.id is not None
        self._wanted = int(event.option.id)
        self._restore_when_read = False
        if self._shown is not None and self._shown.number != self._wanted:
            self._shown = None
        self._read_wanted()

    def _read_wanted(self) -> None:
        """Read the chosen version, unless one is being read: then when that is done."""
        if self._reading is not None or self._wanted is None or self._shown is not None:
            return
        self._reading = self._wanted
        self.run_worker(
            partial(self._compare, self._wanted),
            name="read a version",
            group="history",
            exclusive=True,
            thread=True,
            exit_on_error=False,
        )

    def _compare(self, number: int) -> None:
        """In a thread: read a version and compare it."""
        try:
            text = self._read(number)
        except (ManuscriptError, StorageError) as error:
            self.post_message(self.Unreadable(number, str(error)))
        else:
            self.post_message(self.Compared(number, text, compare(text, self._current)))

    @on(Worker.StateChanged)
    def _tell_of_failure(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.ERROR and self._reading is not None:
            self.log.error(event.worker.error)
            self._say(self._reading, "This version could not be read. Choose another.")

    @on(Unreadable)
    def _tell(self, event: Unreadable) -> None:
        event.stop()
        self._say(event.number, event.sentence)

    def _say(self, number: int, sentence: str) -> None:
        self._reading = None
        if number != self._wanted:
            self._read_wanted()
            return
        self._restore_when_read = False
        self.query_one(".compare-counts", Static).update("")
        self.query_one(CompareView).say(sentence)

    @on(Compared)
    def _show(self, event: Compared) -> None:
        event.stop()
        self._reading = None
        if event.number != self._wanted:
            self._read_wanted()
            return
        self._shown = event
        view = self.query_one(CompareView)
        counts = differences(view, summary(event.pieces), "this version", "the text now")
        self.query_one(".compare-counts", Static).update(counts)
        view.show(event.pieces)
        if view.change is None:
            view.say("This version is the text as it stands now.")
        if self._restore_when_read:
            self._restore_all()

    @on(OptionList.OptionSelected)
    def _restore_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if self._shown is None:
            self._restore_when_read = self._reading is not None
        else:
            self._restore_all()

    def _restore_all(self) -> None:
        shown = self._shown
        if shown is None or shown.text == self._current:
            return
        said = f"The version of {self._time(shown.number)} is restored."
        self.dismiss(Restored(shown.text, said, shown.number, whole=True))

    def action_restore_passage(self) -> None:
        """Take back the current change only."""
        if self._shown is None or not self._versions:
            return
        change = self.query_one(CompareView).change
        if change is not None:
            said = f"A passage of the version of {self._time(self._shown.number)} is restored."
            text = restore(self._current, change)
            self.dismiss(Restored(text, said, self._shown.number, whole=False))

    def _time(self, number: int) -> str:
        return told(self._versions[number].when, self._now())

    def action_move(self, step: int) -> None:
        """Go to another change."""
        if self._versions:
            self.query_one(CompareView).move(step)

    def action_scroll(self, where: Scrolled) -> None:
        """Scroll the differences while the list keeps the focus."""
        if self._versions:
            self.query_one(CompareView).scroll_by(where)

    def action_leave(self) -> None:
        """Restore nothing."""
        self.dismiss(None)
