"""A day of typing at speed: the journal stays under its cap, the memory flat, the text whole.

Time is simulated: a stride of typing is what comes in half a second, and is written at once. With
`STORYTUI_TORTURE_SECONDS` of 600 and more it is 24 hours, otherwise as many as the time allows.
"""

import os
import random
import resource
import zlib
from pathlib import Path

import pytest

from storytui.manuscript.history import History
from storytui.manuscript.journal import LIMIT_BYTES, Journal, read_journal
from storytui.manuscript.journal_writer import JournalWriter
from storytui.manuscript.lines import LineEdit, Lines
from storytui.takes.store import TakeStore
from storytui.takes.take import Take

HOURS = 24
KEYS_A_STRIDE = 3
"""60 words of five letters and a blank a minute, in half a second."""
STRIDES_A_MINUTE = 120
VERSION_MINUTES = 4
TAKE_MINUTES = 3
HISTORY_BYTES = 20_000_000
FLAT_BYTES = 24_000_000
"""What the process may grow by beside the text itself: SQLite's caches and the allocator's air."""
WORDS = [
    "the",
    "lamp",
    "had",
    "been",
    "out",
    "for",
    "eleven",
    "minutes",
    "before",
    "anyone",
    "in",
    "the",
    "village",
    "noticed",
    "it",
]


class Page:
    """A text that is typed at its end, with what is mended now and then."""

    def __init__(self, writer: JournalWriter, chance: random.Random) -> None:
        self.lines = Lines("")
        self.keys = 0
        self._writer = writer
        self._chance = chance
        self._ahead = ""

    def edit(self, start: tuple[int, int], end: tuple[int, int], text: str) -> None:
        edit = LineEdit(start, end, text)
        self.lines.apply(edit)
        self._writer.edited(start, end, text)
        self.keys += max(1, len(text))

    def key(self) -> None:
        """One key: a letter, a line break, a backspace, or a word mended far above."""
        lines = self.lines.lines
        row, column = len(lines) - 1, len(lines[-1])
        what = self._chance.random()
        if what < 0.06 and column:
            self.edit((row, column - 1), (row, column), "")
        elif what < 0.062:
            above = self._chance.randrange(len(lines))
            at = self._chance.randrange(len(lines[above]) + 1)
            self.edit((above, at), (above, min(at + 4, len(lines[above]))), "mended")
        else:
            if not self._ahead:
                self._ahead = self._chance.choice(WORDS) + " "
                if column > 400:
                    self._ahead = "\n\n" + self._ahead
            self.edit((row, column), (row, column), self._ahead[0])
            self._ahead = self._ahead[1:]


def resident() -> int:
    """Bytes of the process in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
def test_a_day_of_typing_leaves_no_more_than_it_should(tmp_path: Path, budget, capsys) -> None:
    path = tmp_path / "journal-1"
    journal = Journal(path)
    journal.begin("")
    problems: list[str] = []
    writer = JournalWriter(journal, problems.append)
    page = Page(writer, random.Random(24))
    history = History(tmp_path / "history.sqlite3", cap_bytes=HISTORY_BYTES)
    takes = TakeStore(tmp_path / "takes.sqlite3")
    largest = over = early = late = minutes = 0
    wanted = HOURS * 60 if budget.seconds >= 600 else 10**9

    while minutes < wanted and (wanted < 10**9 or not budget.spent or minutes < 20):
        minutes += 1
        for _ in range(STRIDES_A_MINUTE):
            for _ in range(KEYS_A_STRIDE):
                page.key()
            assert writer.flush()
            largest = max(largest, path.stat().st_size)
        text = page.lines.text
        packed = len(zlib.compress(text.encode(), 1))
        over = max(over, path.stat().st_size - packed - LIMIT_BYTES)
        if minutes % VERSION_MINUTES == 0:
            history.add(text, "working", words=len(text) // 6)
        if minutes % TAKE_MINUTES == 0:
            takes.keep(Take(place=len(text), prompt=text[-8_000:], answer="She waited. " * 20))
            history.add(text, "accepted", words=len(text) // 6)
        if minutes == (360 if wanted == HOURS * 60 else 10):
            early, early_text = resident(), len(text)
        if minutes % 60 == 0:
            found = read_journal(path)
            assert found is not None
            assert found.text == text
    late = resident()
    text = page.lines.text
    found = read_journal(path)
    used = history.used_bytes()
    versions = len(history.versions())
    writer.close(remove=False)
    history.close()
    takes.close()

    with capsys.disabled():
        print(
            f"\nday: {minutes / 60:.1f} hours, {page.keys:,} keys, {len(text):,} characters; "
            f"journal at most {largest:,} bytes; {versions} versions in {used:,} bytes; memory "
            f"{early / 1e6:.1f} MB early, {late / 1e6:.1f} MB late"
        )
    assert not problems
    assert found is not None
    assert found.text == text
    # One stride may come on top before the journal is begun anew.
    assert over < 4_096
    assert used <= HISTORY_BYTES
    # A text of some kinds lies in memory as it is, and as lines.
    assert late - early < FLAT_BYTES + 8 * (len(text) - early_text)
    assert os.path.exists(path)
