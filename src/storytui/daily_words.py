"""Words written today in each manuscript, kept from one session to the next."""

import json
from datetime import date
from pathlib import Path

_FILE = "words-today.json"


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


def _key(manuscript: Path) -> str:
    return str(manuscript.resolve())


def _read(folder: Path, today: date) -> dict[str, int]:
    """The counts of today; none where they are of another day, or cannot be read."""
    try:
        kept = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        if kept["day"] != today.isoformat():
            return {}
        return {str(key): int(words) for key, words in kept["words"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
