"""The log that the model's process and llama.cpp write to."""

import contextlib
import os
from pathlib import Path
from typing import IO

LOG_BYTES = 1_000_000
"""A longer log is begun anew."""


def open_log(path: Path | None) -> IO[bytes]:
    """Open the log for its owner alone, to write at its end.

    Nothing is kept where there is no path, nor where it cannot be written: a model works without.
    """
    if path is None:
        return open(os.devnull, "ab")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        long = path.exists() and path.stat().st_size > LOG_BYTES
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | (os.O_TRUNC if long else 0)
        log = os.fdopen(os.open(path, flags, 0o600), "ab")
    except OSError:
        return open(os.devnull, "ab")
    # A log of an older version may be open to others; one on a drive without modes stays.
    with contextlib.suppress(OSError):
        path.chmod(0o600)
    return log
