"""The servers that she agreed to send story text to, kept from one session to the next.

Asked once for each host. A file that cannot be read knows of no consent.
"""

import json
import os
import time
from pathlib import Path

_FILE = "servers-agreed-to.json"
_MOST_BYTES = 1 << 20


def agreed(folder: Path, host: str) -> bool:
    """Whether she agreed that story text is sent to `host`.

    Args:
        folder: where that is kept.
        host: the server's name or number, without a port.
    """
    return _named(host) in hosts(folder)


def agree(folder: Path, host: str) -> None:
    """Remember that story text may be sent to `host`.

    Raises:
        OSError: it cannot be kept.
    """
    _write(folder, sorted({*hosts(folder), _named(host)}))


def take_back(folder: Path, host: str) -> bool:
    """Send no more story text to `host` unasked; returns whether that was allowed before.

    Raises:
        OSError: it cannot be kept.
    """
    before = hosts(folder)
    if _named(host) not in before:
        return False
    _write(folder, [each for each in before if each != _named(host)])
    return True


def hosts(folder: Path) -> list[str]:
    """The hosts that she agreed to, by name."""
    try:
        with (folder / _FILE).open("rb") as file:
            kept = json.loads(file.read(_MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return []
    named = kept.get("hosts") if isinstance(kept, dict) else None
    return sorted(each for each in named if isinstance(each, str)) if type(named) is list else []


def _named(host: str) -> str:
    """A host as it is compared: capitals and the dot behind a whole name mean nothing."""
    return host.lower().removesuffix(".")


def _write(folder: Path, kept: list[str]) -> None:
    """Put the whole file in place at once."""
    part = folder / f".{_FILE}.{os.getpid()}-{time.monotonic_ns()}"
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(json.dumps({"hosts": kept}).encode())
        part.replace(folder / _FILE)
    finally:
        part.unlink(missing_ok=True)
