"""The editor without the model: the page, the file, finding, the status line."""

from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen

from storytui.app.keys import bind
from storytui.app.widgets.manuscript import ManuscriptArea
from storytui.app.widgets.manuscript_page import ManuscriptPage
from storytui.app.widgets.status_line import StatusLine
from storytui.manuscript.file import ManuscriptError, StoryFile


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
    ]

    def __init__(self, story_file: StoryFile, *, measure: int, words_today: int) -> None:
        """Show a story.

        Args:
            story_file: the story, as it was read.
            measure: columns of the page.
            words_today: words written today before this session.
        """
        super().__init__()
        self.story_file = story_file
        self._measure = measure
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

    def on_mount(self) -> None:
        """Put the story on the page."""
        self.area.load_story(self.story_file.text)
        # A story is gone on with where it ends.
        self.area.move_to(len(self.story_file.text))
        self.area.focus()
        self._words_at_start = self.area.words
        self.show_file()
        if self.story_file.read_only:
            self.complain(self.story_file.read_only)

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
        self.show_file()

    def on_text_area_selection_changed(self) -> None:
        """The cursor moved, or something was selected."""
        self.status.selected_words = self.area.selected_words

    # --- saving -----------------------------------------------------------------------------------

    def save(self) -> bool:
        """Save the story under its name; returns whether it is safe on disk."""
        try:
            self.story_file.save(self.area.text)
        except ManuscriptError as error:
            self.complain(str(error))
            return False
        self.area.mark_saved()
        self.show_file()
        self.say("Saved.")
        return True

    def action_save(self) -> None:
        """Save; a story without a name is asked for one."""
        if self.story_file.path is None:
            self.action_save_as()
        else:
            self.save()

    def action_save_as(self, *, then_quit: bool = False) -> None:
        """Ask for a name and save under it."""
        from storytui.app.screens.save_as import SaveAsScreen

        def chosen(path: Path | None) -> None:
            if path is None:
                return
            before = self.story_file
            self.story_file = before.named(path)
            if not self.save():
                self.story_file = before
            elif then_quit:
                self.app.exit()

        self.app.push_screen(SaveAsScreen(self.story_file.path), chosen)

    def leave(self) -> None:
        """Quit; a story with unsaved changes is asked about."""
        from storytui.app.screens.confirm import ConfirmScreen

        def chosen(choice: str | None) -> None:
            if choice == "save" and self.story_file.path is None:
                self.action_save_as(then_quit=True)
            elif choice == "discard" or (choice == "save" and self.save()):
                self.app.exit()

        if not self.area.changed:
            self.app.exit()
        elif not isinstance(self.app.screen, ConfirmScreen):
            self.app.push_screen(ConfirmScreen.leaving(self.story_file.name), chosen)

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
