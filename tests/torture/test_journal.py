"""Whatever system call fails or is the last one, the journal has every edit that was written.

strace counts and breaks only the calls on the journal's own files and on their folder.
"""

import random
from pathlib import Path

from strace import Fault, calls, faults, fired, needs_strace, run

from storytui.manuscript.journal import read_journal
from storytui.manuscript.opening import settle

VICTIM = Path(__file__).with_name("journal_victim.py")
EDITS = 40
CALLS = ("openat", "write", "fsync", "rename", "unlink")


def one(folder: Path, fault: Fault | None) -> tuple[list[int], dict[str, int], bool]:
    """Let the victim write with one fault; which edits it was told are safe, the calls it made,
    and whether the fault happened."""
    folder.mkdir()
    (folder / "bystander").write_text("untouched")
    journal, new, log = folder / "journal-1", folder / "new-journal-1", folder.with_suffix(".log")
    ended = run([VICTIM, journal, str(EDITS)], paths=[folder, journal, new], log=log, fault=fault)
    safe = [int(each) for each in ended.stdout.split()]
    if fault is None or fault.error:
        assert ended.returncode == 0, ended.stderr
    return safe, calls(log), fault is not None and fired(log)


def numbers(text: str) -> list[int]:
    """The edits that a text holds, in the order they were made."""
    assert text.endswith("Once.\n")
    return [int(each) for each in reversed(text.removesuffix("Once.\n").split())]


@needs_strace
def test_no_edit_that_was_written_is_lost(tmp_path: Path, budget, capsys) -> None:
    safe, counted, _ = one(tmp_path / "whole", None)
    assert safe == list(range(EDITS))
    assert all(counted[call] for call in CALLS), counted
    every = list(faults(counted, CALLS))
    random.Random(4).shuffle(every)
    done, losses, hit = 0, [], dict.fromkeys(CALLS, 0)

    for fault in budget.of(every):
        folder = tmp_path / f"{fault.call}-{fault.number}-{fault.error}"
        safe, _, happened = one(folder, fault)
        done += 1
        hit[fault.call] += happened
        new, journal = folder / "new-journal-1", folder / "journal-1"
        if new.exists():
            settle(new)
        found = read_journal(journal) if journal.exists() else None
        there = numbers(found.text) if found is not None else []
        if there != list(range(len(there))) or len(there) <= max(safe, default=-1):
            losses.append((fault, safe[-1:], there[-1:]))
        assert (folder / "bystander").read_text() == "untouched"
        assert {each.name for each in folder.iterdir()} <= {"bystander", "journal-1", "damaged-1"}

    with capsys.disabled():
        print(f"\njournal: {done} of {len(every)} faults, {len(losses)} losses; happened: {hit}")
    assert not losses
    assert sum(hit.values()) == done
