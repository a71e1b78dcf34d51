"""The processes of one run: they end with the one that started them, and the next run waits.

A run that is killed leaves the processes that it started; until those are gone, they could write
into what the next run writes. So each looks whether the run still lives, and has its name in the
working folder meanwhile.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from storytui.manuscript.lock import session_name, session_runs
from storytui_train.errors import TrainError

LOOK_SECONDS = 0.2
"""How often a process looks whether its run still lives."""
WAIT_SECONDS = 60.0
"""The most that a run waits for the processes of one that was killed."""

_watched: set[str] = set()


def end_with(session: str) -> None:
    """Have this process end soon after the one of that name (`session_name`) has ended."""
    if session in _watched or session == session_name():
        return
    _watched.add(session)

    def watch() -> None:
        while session_runs(session):
            time.sleep(LOOK_SECONDS)
        # Nobody is there to take what it makes.
        os._exit(1)

    threading.Thread(target=watch, name="watch", daemon=True).start()


@contextmanager
def listed(folder: Path) -> Iterator[None]:
    """Have this process's name in a folder meanwhile."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / session_name()
    path.touch()
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def wait_for_others(
    folder: Path,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Wait until no process that has its name in a folder runs any more.

    Raises:
        TrainError: one still runs after a minute.
    """
    until = clock() + WAIT_SECONDS
    for path in sorted(folder.glob("*-*")):
        while session_runs(path.name):
            if clock() > until:
                pid = path.name.rpartition("-")[2]
                raise TrainError(
                    f"Process {pid}, which an earlier run left behind, still works in "
                    f"{folder.parent}; end it first."
                )
            sleep(LOOK_SECONDS)
        with suppress(OSError):
            path.unlink()
