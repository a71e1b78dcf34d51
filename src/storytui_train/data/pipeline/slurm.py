"""Slurm's jobs: which ones a run has, whether they are over, and their end where the run ends.

A job has its name in the folder of the run's processes, `slurm-` and its number, so that the next
run ends what one that was killed has left.
"""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from storytui_train.errors import TrainError

PREFIX = "slurm-"
SOONEST, LATEST = 1.0, 10.0
"""Seconds between two looks at the queue: short at first, then longer."""
SILENT = 30
"""Looks in a row without an answer from Slurm after which a run is given up."""
UNKNOWN = "invalid job id"
"""What squeue says of a job that is over for some minutes."""


def note(folder: Path, said: str) -> str:
    """Note the job that sbatch tells of, before anything else can go wrong; its number.

    Args:
        folder: where the processes of a run have their names.
        said: by sbatch: `Submitted batch job 17`, or with `--parsable` `17;cluster`.

    Raises:
        TrainError: there is no number in it.
    """
    words = said.split()
    number = words[-1].partition(";")[0] if words else ""
    if not number.isdecimal():
        raise TrainError(f"sbatch did not say which job it took, but: {said.strip()!r}.")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{PREFIX}{number}").touch()
    return number


def is_queued(job: str) -> bool | None:
    """Whether a job waits or runs; None where Slurm does not answer.

    Raises:
        TrainError: there is no Slurm on this machine.
    """
    told = _call("squeue", "--noheader", "--jobs", job)
    if told.returncode == 0:
        return bool(told.stdout.strip())
    return False if UNKNOWN in told.stderr.lower() else None


def end(job: str) -> None:
    """Have Slurm end a job.

    Raises:
        TrainError: there is no Slurm on this machine.
    """
    _call("scancel", job)


def jobs_in(folder: Path) -> list[str]:
    """Jobs that have their names in a folder."""
    return [each.name.removeprefix(PREFIX) for each in sorted(folder.glob(f"{PREFIX}*"))]


@contextmanager
def jobs(
    folder: Path, *, sleep: Callable[[float], None] = time.sleep
) -> Iterator[Callable[[Callable[[], bool]], None]]:
    """The jobs that are noted meanwhile; they end where the run does.

    Gives a function that waits until all are over, or until what it is given says that it is done.
    """

    def wait(done: Callable[[], bool]) -> None:
        seconds, silent = SOONEST, 0
        while not done():
            found = [is_queued(job) for job in jobs_in(folder)]
            silent = silent + 1 if None in found else 0
            if silent > SILENT:
                raise TrainError("Slurm does not answer: squeue fails. Run it again to go on.")
            sleep(seconds)
            if not any(each is not False for each in found):
                return
            seconds = min(seconds * 1.5, LATEST)

    try:
        yield wait
    except BaseException:
        for job in jobs_in(folder):
            end(job)
        raise
    for job in jobs_in(folder):
        (folder / f"{PREFIX}{job}").unlink(missing_ok=True)


def _call(*command: str) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise TrainError(
            f"There is no {command[0]} on this machine: run it where Slurm's commands are."
        ) from error
