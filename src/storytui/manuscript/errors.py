"""What can go wrong with a story on disk; each message says what happened and what can be done."""

from datetime import datetime


class ManuscriptError(Exception):
    """A story that cannot be read or saved; the message says what happened and what can be done."""


class LacksCharacterError(ManuscriptError):
    """The file's encoding has no bytes for a character of the text; UTF-8 would have."""

    def __init__(self, message: str, *, character: str, line: int, encoding: str) -> None:
        super().__init__(message)
        self.character = character
        self.line = line
        """The first line that holds it, from 1."""
        self.encoding = encoding


class ChangedOnDiskError(ManuscriptError):
    """The file is not what was last read or saved; it was left alone."""

    def __init__(self, message: str, *, when: datetime | None, gone: bool) -> None:
        super().__init__(message)
        self.when = when
        """When it was last changed, where that can be known."""
        self.gone = gone
        """Whether there is no file any more."""


class NotSavedError(ManuscriptError):
    """A save that failed."""

    def __init__(self, message: str, *, touched: bool = False) -> None:
        super().__init__(message)
        self.touched = touched
        """Whether the file on disk may have been changed all the same."""
