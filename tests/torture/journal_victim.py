"""Writes a journal edit by edit and says after each that it is on the disk; made to be killed.

    python journal_victim.py JOURNAL EDITS

Faults that the journal survives are counted; what it could not write goes with the next edit.
"""

import os
import sys
from pathlib import Path

from storytui.manuscript.journal import Journal, JournalError
from storytui.manuscript.journal_records import Edit, Saved
from storytui.manuscript.lines import LineEdit

LIMIT = 700
"""So small that the journal is begun anew several times."""


def main() -> None:
    path, edits = Path(sys.argv[1]), int(sys.argv[2])
    journal = Journal(path, limit=LIMIT)
    journal.begin("Once.\n")
    for number in range(edits):
        try:
            journal.append(
                [Edit.of(LineEdit((0, 0), (0, 0), f"{number:04} ")), *[Saved("x")] * (number % 3)]
            )
        except JournalError:
            continue
        os.write(1, f"{number}\n".encode())
    journal.close(remove=False)


if __name__ == "__main__":
    main()
