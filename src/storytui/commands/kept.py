"""What is kept about a manuscript, as the commands find it and print it."""

import hashlib
import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from storytui import folders
from storytui.commands.printing import write
from storytui.manuscript.file import ManuscriptError
from storytui.manuscript.home import Home, find_home
from storytui.manuscript.lock import Lock


class NothingKeptError(ManuscriptError):
    """Nothing of the kind that was asked for is kept about a file."""


def home_of_file(path: Path) -> Home:
    """The home of the manuscript that `path` is a file of.

    Raises:
        NothingKeptError: it was never opened.
    """
    home = find_home(folders.manuscripts_folder(), path, hash_of(path))
    if home is None:
        raise NothingKeptError(
            f"Nothing is kept about {path}: it was not opened with storytui yet, or it was "
            "forgotten. Check the name."
        )
    return home


def hash_of(path: Path) -> str:
    """SHA-256 of the file's bytes; empty where there are none."""
    try:
        with path.open("rb") as file:
            if not file.read(1):
                return ""
            file.seek(0)
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def refuse_while_open(home: Home, path: Path) -> None:
    """See that no running storytui has the manuscript open.

    Raises:
        ManuscriptError: one has.
    """
    holder = Lock(home.lock_path).holder()
    if holder is not None:
        raise ManuscriptError(
            f"{path} is open in another storytui ({holder.described}). Close it there first."
        )


def print_text(text: str) -> None:
    """Print a text of the writer's: exact into a file or a pipe, and with a last line break on a
    terminal."""
    ended = not text or text.endswith("\n") or not sys.stdout.isatty()
    write(sys.stdout, text if ended else text + "\n")


def print_json(found: dict[str, Any]) -> None:
    """Print one JSON object in one line; halves of characters come escaped."""
    line = json.dumps(found, ensure_ascii=False)
    if not _has_bytes(line):
        line = json.dumps(found)
    write(sys.stdout, line + "\n")


def print_lines(lines: list[str]) -> None:
    """Print a list, line by line."""
    write(sys.stdout, "".join(f"{line}\n" for line in lines))


def shown_time(when: datetime) -> str:
    """A moment, in the writer's time: `2026-03-01 14:02`."""
    return f"{when.astimezone():%Y-%m-%d %H:%M}"


def shown_size(size: int) -> str:
    """A size: `812 bytes`, `3.5 kB`, `12.0 MB`."""
    if size < 1000:
        return f"{size} bytes"
    return f"{size / 1000:.1f} kB" if size < 1_000_000 else f"{size / 1_000_000:,.1f} MB"


def shown_words(words: int) -> str:
    """How many words: `1 word`, `81,204 words`."""
    return "1 word" if words == 1 else f"{words:,} words"


def _has_bytes(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
