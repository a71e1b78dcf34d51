"""The editor without the model: the page, the file, finding, the status line."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen

from storytui import folders
from storytui.app.archive import Keep
from storytui.app.keys import bind, key_of
from storytui.app.safekeeping import WORK_SECONDS, Safekeeping
from storytui.app.widgets.manuscript import ManuscriptArea
from storytui.app.widgets.manuscript_page import ManuscriptPage
from storytui.app.widgets.status_line import StatusLine
from storytui.manuscript.errors import ManuscriptError
from storytui.manuscript.opening import Opened
from storytui.settings import Settings

if TYPE_CHECKING:  # not needed to paint a page
    from storytui.app.notes import Notes
    from storytui.app.saving import Saving
    from storytui.app.screens.history import Restored
    from storytui.app.screens.notes import NotesScreen
    from storytui.manuscript.history import Version


class StoryScreen(Screen[None]):
    """A page with one quiet line under it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("save", "save"),
        bind("save-as", "save_as"),
        bind("find", "find"),
        bind("replace", "replace"),
        bind("find-next", "find_next"),
        bind("find-previous", "find_previous"),
        bind("goto-line", "goto_line"),
        bind("outline", "outline"),
        bind("history", "history"),
        bind("notes", "notes"),
    ]

    def __init__(self, opened: Opened, settings: Settings, *, words_today: int) -> None:
        """Show a story.

        Args:
            opened: the story, and what there is to tell about it.
            settings: for the measure, the keys, and how much is kept.
            words_today: words written today before this session.
        """
        super().__init__()
        self.story_file = opened.story_file
        self.keys: Mapping[str, str] = settings.keys
        """Keys that the settings change."""
        self.left_as: int | None = None
        """The state of the text when the writer quit, saved or given up by her; None before."""
        self.opened = opened
        """The manuscript as it was opened."""
        self._kept: Safekeeping | None = None
        self._saving: Saving | None = None
        self.notes: Notes | None = None
        """The standing notes; None until they were read."""
        self._notes_screen: NotesScreen | None = None
        hashes = folders.model_hashes()
        self._keep = Keep(settings.history.size_mb * 1_000_000, settings.takes.keep_days, hashes)
        self._measure = settings.editor.measure
        self._words_before = words_today
        self._words_at_start = 0
        self.words_today = words_today
        """Words written today, those of earlier sessions included."""

    def compose(self) -> ComposeResult:
        """Compose the page, what stands beside it, and the status line."""
        yield ManuscriptPage(measure=self._measure, id="page")
        yield from self.compose_beside()
        yield StatusLine(id="status")

    def compose_beside(self) -> ComposeResult:
        """Compose what stands beside the page."""
        yield from ()

    @property
    def left(self) -> bool:
        """Whether the writer quit, and what she wrote was saved or given up by her."""
        return self.left_as is not None

    @property
    def page(self) -> ManuscriptPage:
        """The page."""
        return self.query_one("#page", ManuscriptPage)

    @property
    def area(self) -> ManuscriptArea:
        """The manuscript."""
        return self.page.area

    @property
    def status(self) -> StatusLine:
        """The line at the bottom."""
        return self.query_one("#status", StatusLine)

    @property
    def safekeeping(self) -> Safekeeping:
        """What keeps the manuscript safe; there once the story is on the page."""
        assert self._kept is not None
        return self._kept

    @property
    def saving(self) -> "Saving":
        """The story's file."""
        if self._saving is None:
            from storytui.app.saving import Saving

            self._saving = Saving(self)
        return self._saving

    def on_mount(self) -> None:
        """Put the story on the page, with what a crash may have left of it."""
        self.area.load_story(self.story_file.text)
        self.area.document.keep_breaks(self.story_file.breaks, self.story_file.newline)
        # A story is gone on with where it ends.
        self.area.move_to(len(self.story_file.text))
        self.area.focus()
        self._words_at_start = self.area.words
        self._kept = Safekeeping(self, self.opened, self._keep)
        if self.opened.recovered is not None:
            self._kept.bring_back(self.opened.recovered)
        self.show_file()
        self.set_interval(WORK_SECONDS, self._keep_work)
        for sentence in (self.opened.problem, self.story_file.read_only):
            if sentence:
                self.complain(sentence)
        if not (self.opened.problem or self.story_file.read_only) and self.story_file.recognised:
            self.say(self.story_file.recognised)
        self.call_after_refresh(self._ask_first)

    def _ask_first(self) -> None:
        from storytui.app.opening_questions import anything_to_ask, ask_first

        if anything_to_ask(self.opened):
            self.ask(partial(ask_first, self, self.opened), "ask first")

    @property
    def asking(self) -> bool:
        """Whether something else is on the screen, a question perhaps: one at a time."""
        return self.app.screen is not self

    def ask(self, task: Callable[[], Awaitable[object]], name: str) -> None:
        """Run something that may have to ask the writer, as a task of its own."""
        self.run_worker(task, name=name, group=name, exclusive=True, exit_on_error=False)

    def on_unmount(self) -> None:
        """The editor closes; where the writer did not quit, the journal stays for the next time."""
        if self._kept is not None:
            # A key may have come after the one that quit.
            self._kept.close(clean=self.left_as == self._kept.state)

    def keep_typed(self) -> None:
        """Bring everything typed to the disk now."""
        if self._kept is not None:
            self._kept.flush()

    def _keep_work(self) -> None:
        if self.area.changed:
            self.safekeeping.version("working")

    def become(self, text: str, breaks: Sequence[str] | None) -> None:
        """Show another text, as one step that can be undone."""
        self.area.become(text)
        self.area.document.keep_breaks(breaks, self.story_file.newline)

    # --- the status line --------------------------------------------------------------------------

    def say(self, text: str) -> None:
        """Tell the writer something, quietly."""
        self.status.say(text)

    def complain(self, text: str) -> None:
        """Tell the writer what went wrong."""
        self.status.say(text, severity="error", seconds=20)

    def show_file(self) -> None:
        """Bring the status line up to date with the file and the words."""
        status, area = self.status, self.area
        status.file = self.story_file.name
        status.changed = area.changed
        status.words = area.words
        self.words_today = max(self._words_before + area.words - self._words_at_start, 0)
        status.words_today = self.words_today

    def on_manuscript_area_edited(self) -> None:
        """The story changed."""
        self.safekeeping.edited()
        self.show_file()

    def on_text_area_selection_changed(self) -> None:
        """The cursor moved, or something was selected."""
        self.status.selected_words = self.area.selected_words
        self.safekeeping.moved()

    # --- saving -----------------------------------------------------------------------------------

    def action_save(self) -> None:
        """Save; a story without a name is asked for one."""
        if not self.asking:
            self.ask(self.saving.save, "save")

    def action_save_as(self) -> None:
        """Ask for a name and save under it."""
        if not self.asking:
            self.ask(self.saving.save_as, "save")

    def leave(self) -> None:
        """Quit; a story with unsaved changes is asked about."""
        if self._notes_screen is not None:
            self._notes_screen.leave(quitting=True)
        elif not self.asking:
            self.ask(self.saving.leave, "save")

    def look_at_file(self) -> None:
        """The writer has come back: see whether others changed the file meanwhile."""
        if self._kept is not None and not self.asking:
            self.ask(self.saving.look, "look at the file")

    # --- earlier versions -------------------------------------------------------------------------

    def action_history(self) -> None:
        """Show the versions of the story."""
        archive = self.safekeeping.archive
        if self.asking:
            return
        if archive is None:
            self.complain("No earlier versions are kept: there is no place for them.")
        else:
            self.safekeeping.version("working")
            archive.ask_history(lambda history: history.versions(), self._show_history)

    def _show_history(self, versions: "list[Version]") -> None:
        from storytui.app.screens.history import HistoryScreen

        archive = self.safekeeping.archive
        if self.asking:
            return
        if not versions or archive is None:
            self.say("No earlier versions of this story are kept yet.")
            return
        self.app.push_screen(
            HistoryScreen(versions, archive.text_of, self.area.text), self._restore
        )

    def _restore(self, restored: "Restored | None") -> None:
        if restored is not None:
            self.become(restored.text, self.area.document.breaks)
            self.say(f"{restored.said} {key_of('undo', self.keys)} takes that back.")
            self.safekeeping.version("restored")
            self.area.focus()

    # --- the standing notes -----------------------------------------------------------------------

    def action_notes(self) -> None:
        """Show the notes that the model is given beside the story."""
        if not self.asking:
            self.ask(self._edit_notes, "notes")

    async def _edit_notes(self) -> None:
        from storytui.app.screens.notes import NotesScreen

        notes = self.notes
        if notes is None:
            notes = await self.read_notes()
        if notes is None or self.asking:
            return
        self._notes_screen = NotesScreen(notes, measure=self._measure, left_out=self.notes_left_out)
        quitting = await self.app.push_screen_wait(self._notes_screen)
        self._notes_screen = None
        self.notes_edited()
        if quitting:
            self.leave()

    async def read_notes(self, *, quietly: bool = False) -> "Notes | None":
        """Read the notes beside the story's file; None where there can be none.

        Args:
            quietly: whether nobody has asked to see them.
        """
        from storytui.app.notes import Notes

        path = self.story_file.path
        if path is None:
            if not quietly:
                key = key_of("save", self.keys)
                self.complain(f"The notes stand beside the story's file; {key} saves it first.")
            return None
        try:
            notes = await asyncio.to_thread(Notes, path, self.safekeeping.home)
        except ManuscriptError as error:
            self.complain(f"The notes cannot be read. {error}")
            return None
        if self.story_file.path == path:
            self.notes = notes
        return self.notes

    async def renamed(self) -> None:
        """The story has another name: its notes go along, unless there are some already."""
        before, self.notes = self.notes, None
        notes = await self.read_notes(quietly=True)
        if before is not None and notes is not None and before.text and not notes.text:
            problem = await asyncio.to_thread(notes.save, before.text)
            if problem:
                self.complain(problem)
        self.notes_edited()

    def notes_edited(self) -> None:
        """The notes may be other ones."""

    def notes_left_out(self, notes: str) -> str:
        """Why the model is not given such notes, as a sentence; empty where it is."""
        return ""

    # --- finding ----------------------------------------------------------------------------------

    def action_find(self) -> None:
        """Open the find bar."""
        self.page.open_find()

    def action_replace(self) -> None:
        """Open the find bar with its second field."""
        self.page.open_find(replace=True)

    def action_find_next(self) -> None:
        """Go to the next match."""
        self.page.find_next()

    def action_find_previous(self) -> None:
        """Go to the match before."""
        self.page.find_previous()

    def action_goto_line(self) -> None:
        """Ask for a line and go there."""
        from storytui.app.screens.goto import GotoLineScreen

        area = self.area
        self.app.push_screen(
            GotoLineScreen(area.document.line_count, area.cursor_location[0]), self._go_to_line
        )

    def action_outline(self) -> None:
        """Show the chapters and go to the chosen one."""
        from storytui.app.screens.outline import OutlineScreen
        from storytui.story.outline import chapters

        area = self.area
        self.app.push_screen(
            OutlineScreen(chapters(area.text), area.cursor_location[0]), self._go_to_line
        )

    def _go_to_line(self, line: int | None) -> None:
        if line is not None:
            self.area.move_to(self.area.offset_of((line, 0)), center=True)
            self.area.focus()
