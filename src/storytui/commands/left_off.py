"""Notes which download goes on, so that the next start can say that it did not come to its end."""

import contextlib
import json
from pathlib import Path

from storytui import folders
from storytui.manuscript.lock import session_name, session_runs
from storytui.models.remembering import put_in_place

_MOST_BYTES = 4096


def note_download(name: str) -> None:
    """This editor fetches a model now; costs nothing but the note where it cannot be kept."""
    body = json.dumps({"name": name, "session": session_name()}).encode()
    with contextlib.suppress(OSError):
        put_in_place(_file(), body)


def forget_download() -> None:
    """It came, or the writer ended it."""
    with contextlib.suppress(OSError):
        name, session = _noted()
        if name and session == session_name():
            _file().unlink(missing_ok=True)


def take_left_off() -> str:
    """The name of a model whose download an editor left that is gone; empty: there is none.

    It is told once: the note is taken away.
    """
    with contextlib.suppress(OSError):
        name, session = _noted()
        if name and not session_runs(session):
            _file().unlink(missing_ok=True)
            return name
    return ""


def _file() -> Path:
    return folders.state_folder() / "download.json"


def _noted() -> tuple[str, str]:
    """The model's name, and the session that fetches it; both empty where nothing is noted."""
    try:
        with _file().open("rb") as file:
            noted = json.loads(file.read(_MOST_BYTES))
        name, session = noted["name"], noted["session"]
    except (FileNotFoundError, ValueError, TypeError, KeyError, RecursionError):
        return "", ""
    return (name, session) if isinstance(name, str) and isinstance(session, str) else ("", "")
