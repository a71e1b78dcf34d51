"""Saving, and the questions that it may raise; whatever the answers, the text stays on the page.

Each method runs as a task of its own and waits for the writer where she has to decide.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from storytui.app.keys import key_of
from storytui.app.safekeeping import KeptScreen, Safekeeping
from storytui.manuscript.file import (
    ChangedOnDiskError,
    LacksCharacterError,
    ManuscriptError,
    StoryFile,
    same_file,
)


class SavedScreen(KeptScreen, Protocol):
    """What a screen must have whose story is saved to its file."""

    keys: Mapping[str, str]
    left_as: int | None

    @property
    def is_active(self) -> bool:
        """Whether nothing stands in front of it."""
        ...

    @property
    def safekeeping(self) -> Safekeeping:
        """What keeps the manuscript safe."""
        ...

    def become(self, text: str, breaks: Sequence[str] | None) -> None:
        """Show another text, as one step that can be undone."""
        ...

    def show_file(self) -> None:
        """Bring the status line up to date with the file and the words."""
        ...

    async def renamed(self) -> None:
        """The story has another name: what goes with it goes along."""
        ...


class Saving:
    """The file of one story screen."""

    def __init__(self, screen: SavedScreen) -> None:
        """Save what `screen` shows."""
        self._screen = screen

    async def save(self, *, overwrite: bool = False, encoding: str | None = None) -> bool:
        """Save under the story's name; asks what has to be asked. Returns whether it was saved."""
        screen = self._screen
        story_file, area = screen.story_file, screen.area
        if story_file.path is None:
            return await self.save_as()
        if not screen.safekeeping.may_save():
            screen.complain(
                f"{story_file.name} is open in another storytui and was not saved here. "
                f"{self._save_as_key} saves it under another name."
            )
            return False
        try:
            story_file.save(area.text, area.document.breaks, encoding=encoding, overwrite=overwrite)
        except ChangedOnDiskError as error:
            return await self._ask_about_the_disk(error)
        except LacksCharacterError as error:
            return await self._ask_about_the_encoding(error, overwrite=overwrite)
        except ManuscriptError as error:
            screen.complain(f"{error} ({self._save_as_key}: save under another name)")
            return False
        self._saved()
        return True

    def _saved(self) -> None:
        screen = self._screen
        screen.area.mark_saved()
        screen.show_file()
        screen.say("Saved.")
        try:
            screen.safekeeping.saved()
        except ManuscriptError as error:
            screen.complain(f"Saved. {error}")

    async def save_as(self) -> bool:
        """Ask for a name and save under it."""
        from storytui.app.screens.save_as import SaveAsScreen

        screen = self._screen
        before = screen.story_file
        path: Path | None = await screen.app.push_screen_wait(SaveAsScreen(before.path))
        if path is None:
            return False
        if before.path is not None and same_file(before.path, path):
            return await self.save()
        if screen.safekeeping.held_elsewhere(path):
            screen.complain(
                f"{path.name} is open in another storytui and was not written over. "
                f"{self._save_as_key} saves the story under another name."
            )
            return False
        # The screen has asked about a file that is there already.
        try:
            new = before.named(path)
            written_over = _text_of(path)
            new.save(screen.area.text, screen.area.document.breaks, overwrite=True)
        except LacksCharacterError as error:
            if not await self._wants_utf8(error):
                return False
            try:
                new.save(
                    screen.area.text, screen.area.document.breaks, encoding="utf-8", overwrite=True
                )
            except ManuscriptError as failure:
                screen.complain(str(failure))
                return False
        except ManuscriptError as error:
            screen.complain(str(error))
            return False
        screen.story_file = new
        problem = ""
        try:
            screen.safekeeping.renamed()
        except ManuscriptError as error:
            problem = str(error)
        if written_over:
            screen.safekeeping.other_version(written_over, "replaced")
        self._saved()
        await screen.renamed()
        if problem:
            screen.complain(f"Saved. {problem}")
        return True

    async def leave(self) -> None:
        """Quit; a story with unsaved changes is asked about."""
        from storytui.app.screens.confirm import ConfirmScreen

        screen = self._screen
        if screen.area.changed:
            asking = ConfirmScreen.leaving(screen.story_file.name)
            choice = await screen.app.push_screen_wait(asking)
            if choice == "discard":
                # Even that can be brought back.
                screen.safekeeping.version("replaced")
            elif choice != "save" or not await self.save():
                return
        screen.left_as = screen.safekeeping.state
        screen.app.exit()

    # --- others at the same file ------------------------------------------------------------------

    async def look(self) -> None:
        """See whether another program changed the file, as when the writer comes back to it."""
        screen, story_file = self._screen, self._screen.story_file
        if story_file.path is None or not story_file.exists:
            return
        # A network drive that is away may take its time.
        known = story_file.sha256
        state = await asyncio.to_thread(story_file.look)
        busy = not screen.is_active
        if busy or screen.story_file is not story_file or story_file.sha256 != known:
            # What is asked or was saved meanwhile says more.
            return
        if state.state == "same":
            self._told_gone = False
        elif state.state == "changed":
            await self._ask_about_the_disk(
                ChangedOnDiskError("", when=state.when, gone=False), saving=False
            )
        elif state.state == "gone" and not self._told_gone:
            self._told_gone = True
            # Now the text is nowhere else.
            screen.area.document.mark_unsaved()
            screen.safekeeping.no_longer_the_files()
            screen.show_file()
            screen.complain(
                f"{story_file.name} is not there any more. The text is here; "
                f"{key_of('save', screen.keys)} writes it again."
            )

    _told_gone = False

    async def _ask_about_the_disk(self, error: ChangedOnDiskError, *, saving: bool = True) -> bool:
        """Reload, keep mine or compare; returns whether the text on the page was saved."""
        from storytui.app.screens.confirm import Choice, ConfirmScreen

        screen = self._screen
        name, path = screen.story_file.name, screen.story_file.path
        assert path is not None
        if error.gone:
            return await self.save(overwrite=True)
        when = "" if error.when is None else f" at {_clock(error.when)}"
        choices = (
            Choice("reload", "r", "Reload"),
            Choice("keep", "k", "Keep mine"),
            Choice("compare", "d", "Compare"),
        )
        try:
            disk = StoryFile.read(path)
        except ManuscriptError as failure:
            said = f"{name} was not saved. " if saving else ""
            screen.complain(f"{said}{failure} ({self._save_as_key}: save under another name)")
            return False
        disk.spare = screen.story_file.spare
        choice = await screen.app.push_screen_wait(
            ConfirmScreen(f"{name} changed on disk{when}.", choices, unasked=not saving)
        )
        if choice == "compare":
            choice = await self._compare(disk)
        if choice is None:
            return False
        if choice == "reload":
            self._show_instead(disk)
            return False
        screen.safekeeping.other_version(disk.text, "on disk")
        # What she saw is known now and is replaced without asking again; what came later is not.
        screen.story_file = disk
        screen.area.document.mark_unsaved()
        screen.safekeeping.no_longer_the_files()
        screen.show_file()
        return saving and await self.save()

    async def _compare(self, disk: StoryFile) -> str | None:
        from storytui.app.screens.compare import CompareScreen
        from storytui.app.screens.confirm import Choice

        return await self._screen.app.push_screen_wait(
            CompareScreen(
                f"{disk.name} changed on disk",
                disk.text,
                self._screen.area.text,
                before_name="the file",
                after_name="the page",
                choices=(Choice("reload", "r", "Reload"), Choice("keep", "k", "Keep mine")),
            )
        )

    def _show_instead(self, disk: StoryFile) -> None:
        """The file's text takes the place of the one on the page; undo brings that back."""
        screen = self._screen
        screen.safekeeping.version("replaced")
        screen.story_file = disk
        screen.become(disk.text, disk.breaks)
        screen.area.mark_saved()
        screen.show_file()
        screen.safekeeping.saved()
        screen.say(f"Reloaded; {key_of('undo', screen.keys)} brings your text back.")

    # --- encodings --------------------------------------------------------------------------------

    async def _ask_about_the_encoding(self, error: LacksCharacterError, *, overwrite: bool) -> bool:
        if not await self._wants_utf8(error):
            return False
        return await self.save(encoding="utf-8", overwrite=overwrite)

    async def _wants_utf8(self, error: LacksCharacterError) -> bool:
        from storytui.app.screens.confirm import Choice, ConfirmScreen

        choice = await self._screen.app.push_screen_wait(
            ConfirmScreen(str(error), (Choice("utf-8", "u", "Save as UTF-8"),))
        )
        return choice == "utf-8"

    @property
    def _save_as_key(self) -> str:
        return key_of("save-as", self._screen.keys)


def _text_of(path: Path) -> str:
    """The text of a file that is to be written over; empty where there is none to be read."""
    try:
        return StoryFile.read(path).text
    except ManuscriptError:
        return ""


def _clock(when: datetime) -> str:
    here = when.astimezone()
    today = here.date() == datetime.now().astimezone().date()
    return f"{here:%H:%M}" if today else f"{here:%H:%M on %d %B}"
