"""datatrove's executors, made quiet: what they say goes to log files, and failures are raised.

Imports datatrove; only a stage that runs imports this.
"""

import contextlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datatrove.executor import (
    LocalPipelineExecutor,
    RayPipelineExecutor,
    SlurmPipelineExecutor,
    local,
)
from datatrove.pipeline.base import PipelineStep
from datatrove.utils.stats import PipelineStats
from loguru import logger

from storytui.manuscript.lock import session_name
from storytui_train.data.pipeline.company import end_with, listed
from storytui_train.data.pipeline.progress import shown
from storytui_train.errors import TrainError
from storytui_train.recipe import RunOptions

PRELOADED = ["storytui_train.data.pipeline.blocks", "datatrove.executor"]
"""What the processes need, imported once for all of them."""
POLL_SECONDS = 10.0
"""How often Slurm's tasks are looked at."""


class _Quiet:
    """Mixed into an executor: its tasks keep off the terminal, and heed no Ctrl-C of their own."""

    session = ""
    """Of the run that this is part of, where its processes are on the same machine."""
    company: Path

    def _run_for_rank(self, rank: int, local_rank: int = 0, node_rank: int = -1) -> PipelineStats:
        if self.session and self.session != session_name():
            end_with(self.session)
            if threading.current_thread() is threading.main_thread():
                # The run is interrupted, and ends them.
                signal.signal(signal.SIGINT, signal.SIG_IGN)
        with (
            listed(self.company) if self.session else contextlib.nullcontext(),
            open(os.devnull, "w") as nowhere,
            contextlib.redirect_stderr(nowhere),
        ):
            try:
                # Not rank 0 of this machine: datatrove then logs to its file alone.
                run = super()._run_for_rank  # type: ignore[misc]
                found: PipelineStats = run(rank, max(local_rank, 1), node_rank)
                return found
            finally:
                logger.remove()


class _Local(_Quiet, LocalPipelineExecutor):
    """Processes on this machine."""

    def run(self) -> Any:
        """Run all pieces; the process that datatrove's own queue lives in ends with the run."""
        with _managers_that_end(self.session):
            return super().run()


class _Multiprocess:
    """The module `multiprocess` as datatrove uses it, but for its managers."""

    def __init__(self, module: Any, session: str) -> None:
        self._module, self._session = module, session

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)

    def Manager(self) -> Any:
        """A manager whose process ends with the run."""
        from multiprocess.managers import SyncManager

        manager = SyncManager(ctx=self._module.get_context())
        manager.start(end_with, (self._session,))
        return manager


@contextlib.contextmanager
def _managers_that_end(session: str) -> Iterator[None]:
    # multiprocess leaves a manager's process behind where its parent is killed.
    module = local.multiprocess
    local.multiprocess = _Multiprocess(module, session)
    try:
        yield
    finally:
        local.multiprocess = module


class _Slurm(_Quiet, SlurmPipelineExecutor):
    """Jobs of a Slurm cluster."""


class _Ray(_Quiet, RayPipelineExecutor):
    """Actors of a Ray cluster."""


@dataclass(frozen=True)
class Job:
    """A pipeline that is to be run in pieces."""

    name: str
    """As the user reads it."""
    steps: Sequence[PipelineStep]
    logs: Path
    """The folder where datatrove writes down which pieces are done."""
    tasks: int
    marks: Path
    """Where the tasks leave a mark for each piece of work."""
    company: Path
    """Where the processes have their names."""
    total: int = 0
    """Marks there will be."""
    unit: str = "texts"


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_job(job: Job, options: RunOptions) -> None:
    """Run a pipeline to its end; pieces that were done before are not done again.

    Raises:
        TrainError: a piece failed; the message says what went wrong, and where the log is.
    """
    logger.remove()
    executor = _executor(job, options)
    try:
        with shown(job.name, job.marks, job.total, job.unit):
            executor.run()
            if options.executor == "slurm":
                _wait_for(executor)
    except KeyboardInterrupt:
        raise
    except TrainError:
        raise
    except Exception as error:  # whatever a task raised, on its way through multiprocess
        raise TrainError(_what_happened(job, error)) from error
    finally:
        logger.remove()
    missing = executor.get_incomplete_ranks(skip_completed=True)
    if missing:
        raise TrainError(
            f"{len(missing)} of {job.tasks} pieces of {job.name} failed; the reason stands in "
            f"{job.logs / 'logs' / f'task_{missing[0]:05d}.log'}. Run it again to go on."
        )


def _executor(job: Job, options: RunOptions) -> Any:
    steps = list(job.steps)
    logs = str(job.logs)
    workers = min(options.workers or cores(), job.tasks)
    if options.executor == "local":
        if workers > 1:
            import multiprocess

            multiprocess.get_context("forkserver").set_forkserver_preload(PRELOADED)
        executor = _Local(steps, tasks=job.tasks, workers=workers, logging_dir=logs)
        executor.session, executor.company = session_name(), job.company
        return executor
    if options.executor == "ray":
        _connect_to_ray(options)
        return _Ray(
            steps,
            tasks=job.tasks,
            workers=options.workers or -1,
            logging_dir=logs,
            cpus_per_task=options.cpus_per_task,
            mem_per_cpu_gb=options.memory_per_cpu,
        )
    return _Slurm(
        steps,
        tasks=job.tasks,
        time=options.time,
        partition=options.partition,
        workers=options.workers or -1,
        cpus_per_task=options.cpus_per_task,
        mem_per_cpu_gb=options.memory_per_cpu,
        job_name=f"storytui-{job.logs.name}",
        logging_dir=logs,
        env_command=f"export PATH={os.path.dirname(sys.executable)}:$PATH",
        mail_type="NONE",
        randomize_start_duration=0,
    )


def _connect_to_ray(options: RunOptions) -> None:
    try:
        import ray
    except ImportError as error:
        raise TrainError(
            'The recipe says executor = "ray", and ray is not installed: '
            "pip install 'storytui[cluster]'."
        ) from error
    if not ray.is_initialized():
        ray.init(
            address=options.ray_address or None, log_to_driver=False, logging_level=logging.ERROR
        )


def _wait_for(executor: Any) -> None:
    """Wait until Slurm's tasks are done, or none of them is queued any more."""
    import subprocess

    while executor.get_incomplete_ranks(skip_completed=True):
        told = subprocess.run(
            ["squeue", "--noheader", "--jobs", str(executor.job_id)],
            capture_output=True,
            text=True,
            check=False,
        )
        if not told.stdout.strip():
            return
        time.sleep(POLL_SECONDS)


def _what_happened(job: Job, error: BaseException) -> str:
    if isinstance(error, FileNotFoundError) and job.logs.exists() and error.filename == "sbatch":
        return 'The recipe says executor = "slurm", and there is no sbatch on this machine.'
    if isinstance(error, OSError) and error.strerror:
        where = f" ({error.filename})" if error.filename else ""
        return f"{job.name} could not go on: {error.strerror}{where}. Run it again to go on."
    log = job.logs / "logs"
    return f"{job.name} failed: {type(error).__name__}: {error}. The logs are in {log}."
