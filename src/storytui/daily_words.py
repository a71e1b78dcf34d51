"""Words written today in each manuscript, kept from one session to the next."""

import json
from datetime import date
from pathlib import Path
from typing import TypedDict

_FILE = "words-today.json"


class _Kept(TypedDict):
    """What the file holds."""

    day: str
    words: dict[str, int]


def written_today(folder: Path, manuscript: Path | None, today: date) -> int:
    """Words written in `manuscript` today, in the sessions before this one.

    Args:
        folder: where they are kept.
        manuscript: the file; None for a story without one, which has none.
        today: the day; what was written on others counts no more.
    """
    return _read(folder, today).get(_key(manuscript), 0) if manuscript else 0


def keep_written_today(folder: Path, manuscript: Path | None, today: date, words: int) -> None:
    """Remember that `words` words were written in `manuscript` today, all sessions together."""
    if manuscript is None:
        return
    counts = _read(folder, today) | {_key(manuscript): words}
    (folder / _FILE).write_text(
        json.dumps({"day": today.isoformat(), "words": counts}), encoding="utf-8"
    )


def knows(folder: Path, manuscript: Path) -> bool:
    """Whether anything is remembered of `manuscript`, of whatever day."""
    return _key(manuscript) in _kept(folder)["words"]


def forget_written(folder: Path, manuscript: Path) -> None:
    """Remember nothing of `manuscript` any more, of whatever day.

    Raises:
        OSError: what is remembered cannot be written.
    """
    kept = _kept(folder)
    if kept["words"].pop(_key(manuscript), None) is not None:
        (folder / _FILE).write_text(json.dumps(kept), encoding="utf-8")


def _key(manuscript: Path) -> str:
    return str(manuscript.resolve())


def _read(folder: Path, today: date) -> dict[str, int]:
    """The counts of today; none where they are of another day, or cannot be read."""
    kept = _kept(folder)
    return kept["words"] if kept["day"] == today.isoformat() else {}


def _kept(folder: Path) -> _Kept:
    try:
        kept = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        words = {str(key): int(words) for key, words in kept["words"].items()}
        return {"day": str(kept["day"]), "words": words}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {"day": "", "words": {}}
