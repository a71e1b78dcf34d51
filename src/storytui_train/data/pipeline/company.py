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
from storytui_train.data.pipeline import slurm
from storytui_train.errors import TrainError

LOOK_SECONDS = 0.2
"""How often a process looks whether its run still lives."""
WAIT_SECONDS = 60.0
"""The most that a run waits for the processes of one that was killed."""

_watched: set[str] = set()


def end_with(session: str) -> None:
    """Have this process end soon after the one of that name (`session_name`) has ended; at once,
    where it has ended already."""
    if session in _watched or session == session_name():
        return
    _watched.add(session)

    def watch() -> None:
        while session_runs(session):
            time.sleep(LOOK_SECONDS)
        # Nobody is there to take what it makes.
        os._exit(1)

    if not session_runs(session):
        os._exit(1)
    threading.Thread(target=watch, name="watch", daemon=True).start()


@contextmanager
def listed(folder: Path, session: str) -> Iterator[None]:
    """Have this process's name in a folder meanwhile.

    A process that comes after its run has ended, ends before it does anything: the next run sees
    either its name or its end.

    Args:
        folder: where the processes of a run have their names.
        session: the name of the process that started the run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / session_name()
    path.touch()
    if not session_runs(session):
        os._exit(1)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def end_with_parent() -> None:
    """Have this process end soon after the one that started it."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="watch", daemon=True).start()


def wait_for_others(
    folder: Path,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Wait until no process that has its name in a folder runs any more; jobs of Slurm are ended.

    Raises:
        TrainError: one still runs after a minute.
    """
    until = clock() + WAIT_SECONDS
    for job in slurm.jobs_in(folder):
        slurm.end(job)
    for path in sorted(folder.glob("*-*")):
        while _runs(path.name):
            if clock() > until:
                raise TrainError(
                    f"{_described(path.name)}, which an earlier run left behind, still works in "
                    f"{folder.parent}; end it first."
                )
            sleep(LOOK_SECONDS)
        with suppress(OSError):
            path.unlink()


def _runs(name: str) -> bool:
    if name.startswith(slurm.PREFIX):
        return slurm.is_queued(name.removeprefix(slurm.PREFIX)) is not False
    return session_runs(name)


def _described(name: str) -> str:
    kind = "Slurm's job" if name.startswith(slurm.PREFIX) else "Process"
    return f"{kind} {name.rpartition('-')[2]}"
