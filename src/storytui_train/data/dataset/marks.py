"""Which rows somebody who read them found bad: kept beside the data, line by line."""

from pathlib import Path

import msgspec

from storytui.story.visible import visible
from storytui_train.data.line_files import add_line, read_kept_lines
from storytui_train.errors import TrainError

NAME = "marks.jsonl"


class Mark(msgspec.Struct, frozen=True):
    """One line: what was last said of a row counts."""

    id: str
    bad: bool


def load_marks(path: Path) -> set[str]:
    """The ids of the rows that are marked as bad.

    A line that was cut off in the middle says nothing.

    Args:
        path: the file; nothing is marked where there is none.

    Raises:
        TrainError: it cannot be read.
    """
    bad: set[str] = set()
    try:
        for mark in read_kept_lines(path, Mark):
            if mark.bad:
                bad.add(mark.id)
            else:
                bad.discard(mark.id)
    except OSError as error:
        raise TrainError(
            f"The marks in {visible(str(path), newlines=False)} cannot be read: {error.strerror}."
        ) from error
    return bad


def add_mark(path: Path, mark: Mark) -> None:
    """Write down what was said of a row, behind what was said before.

    Raises:
        TrainError: it cannot be written.
    """
    try:
        add_line(path, mark)
    except OSError as error:
        raise TrainError(
            f"The marks cannot be written to {visible(str(path), newlines=False)}: "
            f"{error.strerror}."
        ) from error
