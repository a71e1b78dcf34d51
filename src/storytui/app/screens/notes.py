"""The standing notes: a page of their own, saved in every pause and on leaving."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from time import monotonic
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Static

from storytui.app.keys import bind
from storytui.app.notes import Notes
from storytui.app.screens.confirm import Choice, ConfirmScreen
from storytui.app.widgets.manuscript import ManuscriptArea
from storytui.app.widgets.manuscript_page import ManuscriptPage
from storytui.app.widgets.status_line import StatusLine
from storytui.manuscript.errors import ManuscriptError

PAUSE_SECONDS = 0.5
"""After so long without a key the notes are saved."""
WHAT_FOR = "What the model should always know: style, people, what happened so far."


class NotesScreen(Screen[bool]):
    """Shows the notes; dismissed when they are saved, or put aside where they cannot be.

    What it is dismissed with says whether the writer wants to quit the editor too.
    """

    CSS_PATH = "notes.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("save", "leave"),
        bind("notes", "leave"),
        Binding("escape", "leave", show=False),
    ]

    def __init__(
        self, notes: Notes, *, measure: int, left_out: Callable[[str], str] = lambda _text: ""
    ) -> None:
        """Show notes.

        Args:
            notes: the notes.
            measure: columns of the page.
            left_out: why the model is not given such notes, as a sentence; empty where it is.
        """
        super().__init__()
        self.notes = notes
        self._left_out = left_out
        self._page = ManuscriptPage(measure=measure, id="page")
        self._typed_at = 0.0
        self._failed = ""
        """The text that could not be saved: in the next pause it could not be either."""
        self._saving = asyncio.Lock()
        self._leaving = False

    def compose(self) -> ComposeResult:
        """Compose what the page is for, the page, and the status line."""
        yield Static(WHAT_FOR, id="notes-title", markup=False)
        yield self._page
        yield StatusLine(id="status")

    @property
    def area(self) -> ManuscriptArea:
        """The text."""
        return self._page.area

    @property
    def status(self) -> StatusLine:
        """The line at the bottom."""
        return self.query_one("#status", StatusLine)

    def on_mount(self) -> None:
        """Put the notes on the page."""
        self._show()
        if self.notes.brought_back:
            self.status.say("What could not be saved the last time is here again.", seconds=20)
        elif self.notes.file.read_only:
            self.status.say(self.notes.file.read_only, severity="error", seconds=20)
        self.area.focus()
        self.set_interval(PAUSE_SECONDS, self._look)

    def _show(self) -> None:
        area, file = self.area, self.notes.file
        area.load_story(self.notes.text)
        area.document.keep_breaks(file.breaks, file.newline)
        if self.notes.text != file.text:
            area.document.mark_unsaved()
        area.move_to(len(self.notes.text))
        self.status.file = file.name
        self.status.engine = "esc goes back to the story"
        self._show_state()

    def _show_state(self) -> None:
        self.status.changed = self.area.changed
        self.status.words = self.area.words
        title = self.query_one("#notes-title", Static)
        title.update(self._left_out(self.area.text) or WHAT_FOR)

    def on_manuscript_area_edited(self) -> None:
        """The notes changed."""
        self._typed_at = monotonic()
        self._show_state()

    def on_unmount(self) -> None:
        """The editor ends while the notes are open."""
        if self.area.changed:
            self.notes.save(self.area.text, self.area.document.breaks)

    # --- saving -----------------------------------------------------------------------------------

    def _look(self) -> None:
        """Save where something was typed, and nothing any more."""
        quiet = monotonic() - self._typed_at >= PAUSE_SECONDS
        if quiet and self.area.changed and not self._saving.locked():
            self._do(self._save_in_pause)

    async def _save_in_pause(self) -> None:
        if self.area.text == self._failed:
            return
        problem = await self._save()
        if problem:
            self.status.say(problem, severity="error", seconds=20)

    async def _save(self, *, overwrite: bool = False) -> str:
        """Save; returns why that could not be, as a sentence."""
        async with self._saving:
            area = self.area
            text, breaks, state = area.text, area.document.breaks, area.document.state
            save = partial(self.notes.save, text, breaks, overwrite=overwrite)
            problem = await asyncio.to_thread(save)
            self._failed = text if problem else ""
            if not problem and area.document.state == state:
                area.mark_saved()
            self._show_state()
            return problem

    # --- the keys ---------------------------------------------------------------------------------

    def action_leave(self) -> None:
        """Save, and go back to the story."""
        if self._page.finding:
            self._page.close_find()
        else:
            self.leave(quitting=False)

    def leave(self, *, quitting: bool) -> None:
        """Save, and go back to the story, or through it out of the editor."""
        if not self._leaving and self.is_active:
            self._do(partial(self._leave, quitting=quitting))

    def _do(self, task: Callable[[], Awaitable[object]]) -> None:
        self.run_worker(task, group="notes", exit_on_error=False)

    async def _leave(self, *, quitting: bool) -> None:
        self._leaving = True
        try:
            while self.area.changed:
                problem = await self._save()
                if problem and not await self._settled(problem):
                    return
        finally:
            self._leaving = False
        self.dismiss(quitting)

    async def _settled(self, problem: str) -> bool:
        """Ask about notes that could not be saved; returns whether the writer still leaves."""
        if await asyncio.to_thread(self.notes.changed_elsewhere):
            choices = [Choice("keep", "k", "Keep mine"), Choice("reload", "r", "Take the file's")]
        else:
            choices = [Choice("leave", "l", "Leave them so")]
        choice = await self.app.push_screen_wait(ConfirmScreen(problem, choices))
        if choice == "keep":
            problem = await self._save(overwrite=True)
            return not problem or await self._settled(problem)
        if choice == "leave":
            # They are kept aside, or at least in the editor while it runs.
            self.area.mark_saved()
            return True
        if choice == "reload":
            await self._reload()
        return False

    async def _reload(self) -> None:
        try:
            await asyncio.to_thread(self.notes.read_again)
        except ManuscriptError as error:
            self.status.say(str(error), severity="error", seconds=20)
        else:
            self._show()
