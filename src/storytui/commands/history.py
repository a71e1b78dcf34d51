"""`storytui history FILE list|show|restore`: the versions of a manuscript."""

import argparse
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path

from storytui.commands.ending import fail
from storytui.commands.kept import (
    NothingKeptError,
    home_of_file,
    print_json,
    print_lines,
    print_text,
    refuse_while_open,
    shown_time,
    shown_words,
)
from storytui.manuscript.file import ChangedOnDiskError, ManuscriptError, StoryFile
from storytui.manuscript.form import form_of, in_form
from storytui.manuscript.history import History, Version
from storytui.manuscript.home import Home
from storytui.storage.database import StorageError
from storytui.story.compare import Piece, compare

_CONTEXT = 1
"""Lines shown before and after a line that differs."""
_MARKS = {"removed": ("[-", "-]"), "added": ("{+", "+}"), "equal": ("", "")}
"""As wdiff has them."""


def run_history(options: argparse.Namespace) -> int:
    """List, show or restore versions; returns the exit status."""
    path = Path(options.file)
    try:
        home = home_of_file(path)
        with _history_of(home, path) as history:
            if options.verb == "show":
                return _show(history, path, options)
            if options.verb == "restore":
                return _restore(history, home, path, options)
            return _list(history, path, as_json=options.json)
    except (ManuscriptError, StorageError) as error:
        return fail(error)


@contextmanager
def _history_of(home: Home, path: Path) -> Iterator[History]:
    if not home.history_path.exists():
        raise NothingKeptError(
            f"There are no versions of {path} yet. The first is made when it is edited."
        )
    with closing(History(home.history_path)) as history:
        yield history


# --- list and show -----------------------------------------------------------------------------


def _list(history: History, path: Path, *, as_json: bool) -> int:
    versions = history.versions()
    if as_json:
        print_json({"file": str(path), "versions": [_described(each) for each in versions]})
        return 0
    changes = [f"{newer.words - older.words:+,}" for newer, older in pairwise(versions)]
    rows = [
        (str(each.number), shown_time(each.when), each.why, shown_words(each.words), change)
        for each, change in zip(versions, [*changes, ""], strict=False)
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    print_lines(
        [
            f"{number:>{widths[0]}}  {when}  {why:{widths[2]}}  {words:>{widths[3]}}  "
            f"{change:>{widths[4]}}".rstrip()
            for number, when, why, words, change in rows
        ]
    )
    return 0


def _described(version: Version) -> dict[str, object]:
    return {
        "number": version.number,
        "when": version.when.isoformat(),
        "why": version.why,
        "words": version.words,
        "characters": version.characters,
    }


def _show(history: History, path: Path, options: argparse.Namespace) -> int:
    version = history.version(options.number)
    text = history.text(version.number)
    if options.json:
        print_json({"file": str(path), **_described(version), "text": text})
    elif options.diff:
        present = StoryFile.read(path, encoding=options.encoding)
        if not present.exists:
            raise ManuscriptError(
                f"There is no file {path} to compare with. Show the version without --diff."
            )
        print_lines(_differences(compare(text, present.text)))
    else:
        print_text(text)
    return 0


def _differences(pieces: list[Piece]) -> list[str]:
    """The lines that differ and those around them; `…` where others are left out."""
    lines, changed = [""], {0: False}
    for piece in pieces:
        before, after = _MARKS[piece.kind]
        for number, part in enumerate(piece.text.split("\n")):
            if number:
                lines.append("")
                changed[len(lines) - 1] = False
            # A line break that came or went shows as an empty pair of marks.
            if piece.kind != "equal":
                changed[len(lines) - 1] = True
                part = f"{before}{part}{after}"
            lines[-1] += part
    shown: list[str] = []
    last = -1
    for number, line in enumerate(lines):
        near = range(max(number - _CONTEXT, 0), min(number + _CONTEXT + 1, len(lines)))
        if not any(changed[each] for each in near):
            continue
        if number != last + 1:
            shown.append("…")
        shown.append(line)
        last = number
    if shown and last != len(lines) - 1:
        shown.append("…")
    return shown


# --- restore -----------------------------------------------------------------------------------


def _restore(history: History, home: Home, path: Path, options: argparse.Namespace) -> int:
    refuse_while_open(home, path)
    version = history.version(options.number)
    text = history.text(version.number)
    present = StoryFile.read(path, encoding=options.encoding)
    present.spare = home.spare
    replaced = None
    if present.exists:
        history.add(present.text, "replaced", form_of(present))
        replaced = history.versions()[0]
    restored = in_form(present, version.form)
    # The form's file knows nothing of the disk, so the one that was read looks.
    if present.look().state != "same":
        raise ChangedOnDiskError(
            f"{path} was not restored: it changed at this moment. Try again.", when=None, gone=False
        )
    restored.save(text, overwrite=True)
    home.remember(path, restored.sha256)
    history.add(text, "restored", form_of(restored))
    of = f"version {version.number}, of {shown_time(version.when)} ({shown_words(version.words)})"
    before = f" What it was before is version {replaced.number}." if replaced else ""
    print_lines([f"{path} is {of} again.{before}"])
    return 0
