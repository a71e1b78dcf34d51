"""The standing notes of a story: a file beside it, `lighthouse.notes.md` for `lighthouse.md`.

They go into the prompt of a format that takes notes. The file is the writer's own: it is read and
saved as a manuscript is.
"""

import re
from pathlib import Path

from storytui.manuscript.file import StoryFile

_ENDING = ".notes.md"


_EXTENSION = re.compile(r"\.[A-Za-z]\w{0,7}")


def notes_path(story: Path) -> Path:
    """Where the notes of the story at `story` are; the file need not be there.

    Two stories whose names differ only in their extension share them.
    """
    known = _EXTENSION.fullmatch(story.suffix)
    return story.with_name((story.stem if known else story.name) + _ENDING)


def read_notes(path: Path) -> str:
    """The notes in the file at `path`; none where there is no such file.

    Raises:
        ManuscriptError: it cannot be read, or is no text.
    """
    return StoryFile.read(path).text
