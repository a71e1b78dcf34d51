"""The standing notes of a story: their file, and what could not be put into it yet.

Notes are saved in every pause. What cannot be saved is put aside in the manuscript's own folder,
and comes back when the notes are opened the next time.
"""

import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from storytui.manuscript.file import ChangedOnDiskError, ManuscriptError, StoryFile
from storytui.manuscript.home import Home
from storytui.manuscript.notes import notes_path

ASIDE = "notes-not-saved.md"
"""What the file is called that holds notes which could not be saved."""


class Notes:
    """The notes of one story. Saving may be slow, so it is done in a thread, one at a time."""

    def __init__(self, story: Path, home: Home | None) -> None:
        """Read the notes; where there are none yet, they are empty.

        Args:
            story: the story's file.
            home: where what belongs to the story is kept; None where nothing can be.

        Raises:
            ManuscriptError: the notes cannot be read.
        """
        self.file = StoryFile.read(notes_path(story))
        """The file beside the story's."""
        self.text = self.file.text
        """The notes as they were last read or saved, or put aside."""
        self.brought_back = False
        """Whether the text is what could not be saved earlier."""
        self._home = home
        self._turn = threading.Lock()
        if home is not None:
            self.file.spare = home.spare
            aside = _read(home.folder / ASIDE)
            if aside is not None and aside != self.file.text:
                self.text, self.brought_back = aside, True

    def save(
        self, text: str, breaks: Sequence[str] | None = None, *, overwrite: bool = False
    ) -> str:
        """Put the notes into their file, or aside where that cannot be.

        Args:
            text: with a line feed for every line break.
            breaks: as for `StoryFile.save`.
            overwrite: write over what another program has put there.

        Returns:
            Why they were not saved, as a sentence that says where they are; empty where they were.
        """
        with self._turn:
            self.text = text
            try:
                if text != self.file.text or overwrite:
                    self.file.save(text, breaks, overwrite=overwrite)
            except ManuscriptError as error:
                return self._put_aside(text, error)
            self._forget_aside()
            return ""

    def _put_aside(self, text: str, error: ManuscriptError) -> str:
        why = str(error)
        if isinstance(error, ChangedOnDiskError):
            why = f"{self.file.name} was not saved: another program has changed it."
        if self._home is None:
            return why
        try:
            self._home.make()
            StoryFile(self._home.folder / ASIDE).save(text, overwrite=True)
        except ManuscriptError:
            return why
        return f"{why} What you wrote is kept, and is here again when you open the notes."

    def changed_elsewhere(self) -> bool:
        """Whether another program has changed the file since it was read or saved."""
        return self.file.look().state == "changed"

    def read_again(self) -> None:
        """Take what another program has written.

        Raises:
            ManuscriptError: it cannot be read.
        """
        assert self.file.path is not None
        spare = self.file.spare
        self.file = StoryFile.read(self.file.path)
        self.file.spare = spare
        self.text, self.brought_back = self.file.text, False
        self._forget_aside()

    def _forget_aside(self) -> None:
        """What was put aside is saved, or not wanted any more."""
        if self._home is not None:
            with suppress(OSError):
                (self._home.folder / ASIDE).unlink(missing_ok=True)


def _read(path: Path) -> str | None:
    """What was put aside; None where nothing was, or it cannot be read."""
    try:
        story = StoryFile.read(path)
    except ManuscriptError:
        return None
    return story.text if story.exists else None
