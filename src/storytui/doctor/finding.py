"""What a check finds, in words that are safe to paste in public."""

import getpass
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from storytui.story.visible import visible

Level = Literal["ok", "warning", "problem"]
"""`warning`: it works, but not as well as it could. `problem`: something does not work."""

_LONGEST = 400
_SECRET = re.compile(r"\b(?:hf_|sk-)[A-Za-z0-9_-]{6,}|(?<=://)[^/\s@]+@")
"""Tokens of Hugging Face and of OpenAI-compatible servers; name and password in an address."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the report."""

    subject: str
    """What was looked at, in a word or two."""
    level: Level
    says: str
    """What was found, as a sentence without a full stop."""
    remedy: str = ""
    """What to do; empty where nothing needs to be done."""


def ok(subject: str, says: str) -> Finding:
    """All is well."""
    return _made(subject, "ok", says, "")


def warning(subject: str, says: str, remedy: str) -> Finding:
    """It works, but not as well as it could."""
    return _made(subject, "warning", says, remedy)


def problem(subject: str, says: str, remedy: str) -> Finding:
    """Something does not work."""
    return _made(subject, "problem", says, remedy)


def anything_wrong(findings: Iterable[Finding]) -> bool:
    """Whether something does not work."""
    return any(each.level == "problem" for each in findings)


def safe(text: str, *, home: Path | None = None, user: str | None = None) -> str:
    """Text without her home folder, her user name and what looks like a secret.

    Args:
        text: anything.
        home: None: hers.
        user: None: hers.
    """
    for each in {str(home or _home()), str((home or _home()).resolve())}:
        if len(each) > 1:
            text = text.replace(each, "~")
    text = _SECRET.sub("…", text)
    name = _user() if user is None else user
    if len(name) > 2:
        text = re.sub(rf"(?<![\w]){re.escape(name)}(?![\w])", "USER", text)
    text = visible(text, newlines=False)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _made(subject: str, level: Level, says: str, remedy: str) -> Finding:
    return Finding(subject=subject, level=level, says=safe(says).rstrip("."), remedy=safe(remedy))


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:
        return Path(os.sep)


def _user() -> str:
    try:
        name = getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""
    # Everybody's, and parts of words.
    return "" if name in ("root", "user", "admin", "storytui") else name
