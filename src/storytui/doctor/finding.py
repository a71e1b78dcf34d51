"""What a check finds, in words that are safe to paste in public."""

import getpass
import os
import re
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

import msgspec

from storytui.story.visible import visible

Level = Literal["ok", "warning", "problem"]
"""`warning`: it works, but not as well as it could. `problem`: something does not work."""

_LONGEST = 400
_MASKS = (
    # Tokens of Hugging Face and of OpenAI-compatible servers.
    (re.compile(r"\b(?:hf_|sk-|gsk_|xai-)[A-Za-z0-9_-]{6,}"), "…"),
    (re.compile(r"\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}", re.I), r"\1 …"),
    # Name and password in an address, and what is asked of it.
    (re.compile(r"(?<=://)[^/\s@]+@"), "…"),
    (re.compile(r"(://[^\s?#\"'”]*)[?#][^\s\"'”)]+"), r"\1?…"),
    (
        re.compile(r"\b((?:[\w-]*[_-])?(?:key|token|secret|password|passwd))=[^\s&\"'”]+", re.I),
        r"\1=…",
    ),
    (re.compile(r"\b(api[_-]?key)[\"']?\s*:\s*[\"']?[^\s\"'”,]+", re.I), r"\1: …"),
    (re.compile(r"[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+"), "…@…"),
    # Folders of people, hers or not.
    (re.compile(r"(/(?:home|Users)/)[^/\s\"'”]+"), r"\1USER"),
    (
        re.compile(r"([A-Z]:[\\/]+Users[\\/]+)(?:[^\\/:*?\"<>|\n]{1,64}(?=[\\/])|[^\s\\/]+)", re.I),
        r"\1USER",
    ),
)
"""What is taken out wherever it stands, and what stands there instead."""
_EVERYBODYS = {"root", "user", "admin", "storytui", "localhost", "linux", "ubuntu", "debian"}
"""Names of users and machines that say nothing about her, and may be words of a sentence."""
_ELSE = "See what the lines above and the log say; where that does not help, report it with this."


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


def looked_at(subject: str, check: Iterable[Finding]) -> Iterator[Finding]:
    """What a check finds; where it fails itself, that is a finding, and the report goes on.

    Args:
        subject: what is looked at, for that case.
        check: the findings, made as they are asked for.
    """
    try:
        yield from check
    except Exception as error:  # noqa: BLE001 - it is asked when things are not as they should be
        what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        yield problem(subject, f"this could not be looked at ({what})", _ELSE)


def safe(
    text: str, *, home: Path | None = None, user: str | None = None, machine: str | None = None
) -> str:
    """Text without her home folder, her name, her machine's, and what looks like a secret.

    Args:
        text: anything.
        home: None: hers.
        user: None: hers.
        machine: None: this one's name.
    """
    # What is cut off must not be half a secret that nothing knows for one.
    text = text[: _LONGEST * 8]
    for each in {str(home or _home()), str((home or _home()).resolve())}:
        if len(each) > 1:
            text = _folder(each).sub("~", text)
    for pattern, instead in _MASKS:
        text = pattern.sub(instead, text)
    for name, instead in (
        (_user() if user is None else user, "USER"),
        *((each, "MACHINE") for each in _names_of(_machine() if machine is None else machine)),
    ):
        if len(name) > 2 and name.casefold() not in _EVERYBODYS:
            text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", instead, text, flags=re.I)
    text = visible(text, newlines=False)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _folder(path: str) -> re.Pattern[str]:
    """A folder's path, with either slash, once or doubled, and not as the beginning of a name."""
    parts = [re.escape(each) for each in re.split(r"[\\/]+", path.rstrip("\\/"))]
    return re.compile(r"[\\/]+".join(parts) + r"(?![\w-]|\.\w)", re.I)


def _names_of(machine: str) -> tuple[str, ...]:
    """A machine's whole name, and its first part."""
    return (machine, machine.partition(".")[0])


def _machine() -> str:
    try:
        return socket.gethostname()
    except OSError:
        return ""


def _made(subject: str, level: Level, says: str, remedy: str) -> Finding:
    if level != "ok":
        remedy = remedy.strip() or _ELSE
    return Finding(subject=subject, level=level, says=safe(says).rstrip("."), remedy=safe(remedy))


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:
        return Path(os.sep)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""
