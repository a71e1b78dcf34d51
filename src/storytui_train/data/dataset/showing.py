"""`storytui-train show`: rows in the terminal, or as plain lines where there is none."""

import os
import sys
from pathlib import Path

from storytui_train.data.dataset.keyboard import RESIZED, Terminal, terminal
from storytui_train.data.dataset.leafing import Leafing
from storytui_train.data.dataset.marks import Mark, add_mark, load_marks
from storytui_train.data.dataset.pages import plain_lines
from storytui_train.data.dataset.reading import RowList, marks_of
from storytui_train.errors import TrainError


def show(
    path: Path,
    *,
    split: str = "",
    id: str = "",
    source: str = "",
    bad: bool = False,
    marks: Path | None = None,
) -> int:
    """Leaf through rows; returns the exit status.

    Where standard input or output is no terminal all of them are printed.

    Args:
        path: a data set's folder, a folder of files of rows, or such a file.
        split: only rows of it.
        id: only rows whose id has this in it.
        source: only rows whose source's id, title or author has this in it.
        bad: only rows that are marked.
        marks: the file of marks; None: beside the rows.

    Raises:
        TrainError: there are no such rows, they cannot be read, or a mark cannot be written.
    """
    rows = RowList(path, split=split, id=id, source=source)
    marks = marks or marks_of(path)
    marked = load_marks(marks)
    if bad:
        rows.only(marked)
    if not len(rows):
        raise TrainError("No row is like that; leave out an option, or name other rows.")
    if sys.stdin.isatty() and sys.stdout.isatty():
        with terminal() as screen:
            _leaf(screen, rows, marked, marks)
        return 0
    return _print(rows, marked)


def _leaf(screen: Terminal, rows: RowList, marked: set[str], marks: Path) -> None:
    def keep(mark: Mark) -> None:
        add_mark(marks, mark)

    leafing = Leafing(rows, marked, keep, screen.size())
    going_on = True
    try:
        while going_on:
            screen.draw(leafing.screen())
            key = screen.key()
            if key == RESIZED:
                leafing.resize(screen.size())
            else:
                going_on = leafing.press(key)
    except KeyboardInterrupt:
        return


def _print(rows: RowList, marked: set[str]) -> int:
    try:
        for number in range(len(rows)):
            row = rows[number]
            place = f"{number + 1:,} of {len(rows):,}"
            for line in plain_lines(row, place, bad=row.id in marked):
                print(line)
        sys.stdout.flush()
    except BrokenPipeError:
        # `show … | head` has read enough; nothing is to be said at the interpreter's end either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
