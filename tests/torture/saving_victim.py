"""Opens a story and saves a text in its place; made to be killed, or to have a call fail.

    python saving_victim.py STORY NEW_TEXT SPARE [refuse-rename]

It says `saved`, or why it was not. The random part of the names of temporary files is fixed, so
that they can be watched.
"""

import errno
import os
import sys
from pathlib import Path

from storytui.manuscript.file import ManuscriptError, StoryFile


def refuse(*_paths: object) -> None:
    """As a folder that lets no file be moved."""
    raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))


def main() -> None:
    story, text, spare = map(Path, sys.argv[1:4])
    os.urandom = bytes  # type: ignore[assignment]  # bytes(4) are four zeros
    if sys.argv[4:] == ["refuse-rename"]:
        os.replace = refuse  # type: ignore[assignment]
    new = text.read_bytes().decode()
    try:
        opened = StoryFile.read(story)
        opened.spare = spare
        opened.save(new)
    except ManuscriptError as error:
        print(error)
    else:
        print("saved")


if __name__ == "__main__":
    main()
