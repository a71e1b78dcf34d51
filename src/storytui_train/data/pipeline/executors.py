"""datatrove's executors, made quiet: what they say goes to log files, and failures are raised.

Imports datatrove; only a stage that runs imports this.
"""

import contextlib
import logging
import os
import pickle
import shlex
import subprocess
import sys
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from datatrove.executor import (
    LocalPipelineExecutor,
    RayPipelineExecutor,
    SlurmPipelineExecutor,
)
from datatrove.pipeline.base import PipelineStep
from datatrove.utils.stats import PipelineStats
from loguru import logger

from storytui.engine.processors import processors
from storytui.manuscript.lock import session_name
from storytui.story.visible import visible
from storytui_train.data.pipeline import nursery, processes, slurm
from storytui_train.data.pipeline.company import end_with, end_with_parent, listed
from storytui_train.data.pipeline.progress import shown
from storytui_train.errors import TrainError
from storytui_train.recipe import RunOptions


class _Quiet:
    """Mixed into an executor: its tasks keep off the terminal."""

    session = ""
    """Of the run that this is part of, where its processes are on the same machine."""
    company: Path

    def _run_for_rank(self, rank: int, local_rank: int = 0, node_rank: int = -1) -> PipelineStats:
        if self.session and self.session != session_name():
            end_with(self.session)
        with (
            listed(self.company, self.session) if self.session else contextlib.nullcontext(),
            open(os.devnull, "w") as nowhere,
            contextlib.redirect_stderr(nowhere),
        ):
            try:
                # Not rank 0 of this machine: datatrove then logs to its file alone.
                run = super()._run_for_rank  # type: ignore[misc]
                found: PipelineStats = run(rank, max(local_rank, 1), node_rank)
                return found
            except Exception as error:
                _let_go(error)
                if _travels(error):
                    raise
                raise TrainError(str(error)) from error
            finally:
                logger.remove()


def _let_go(error: BaseException | None) -> None:
    """Close what a task had open when it failed: what is left of it in a buffer would otherwise be
    written when the error is forgotten, perhaps over what the next run has written there."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        for frame, _ in traceback.walk_tb(error.__traceback__):
            # Before Python 3.13 they are copied where a log shows them, and the copy is kept.
            _ = frame.f_locals
        error = error.__cause__ or error.__context__


def _travels(error: Exception) -> bool:
    """Whether an error comes out of a process as it went in; else the other side waits for ever."""
    try:
        return type(pickle.loads(pickle.dumps(error))) is type(error)
    except Exception:  # noqa: BLE001 - whatever its class does there
        return False


class _Local(_Quiet, LocalPipelineExecutor):
    """Processes on this machine."""

    sizes: Sequence[int] = ()

    def get_incomplete_ranks(
        self, ranks: Iterable[int] | None = None, skip_completed: bool | None = None
    ) -> list[int]:
        """datatrove's, the largest piece first, so that none is left alone at the end."""
        found: list[int] = super().get_incomplete_ranks(ranks, skip_completed)
        return sorted(found, key=lambda rank: -self.sizes[rank]) if self.sizes else found

    def run(self) -> Any:
        """Run all pieces, in processes that are watched."""
        if self.workers > 1:
            nursery.prepare()
        with processes.watched(self.session):
            return super().run()


class _Slurm(_Quiet, SlurmPipelineExecutor):
    """Jobs of a Slurm cluster."""

    def get_sbatch_args(self, max_array: int = 1) -> dict[str, Any]:
        """datatrove's, without a partition that the recipe does not name."""
        found: dict[str, Any] = super().get_sbatch_args(max_array)
        return {name: each for name, each in found.items() if name != "partition" or each}

    def launch_merge_stats(self) -> None:
        """No job for figures that nobody reads: where another fails, it would wait for ever."""


class _Ray(_Quiet, RayPipelineExecutor):
    """Actors of a Ray cluster."""

    def _run_for_rank(self, rank: int, local_rank: int = 0, node_rank: int = -1) -> PipelineStats:
        # It is a process of its own, which the actor does not take with it.
        end_with_parent()
        return super()._run_for_rank(rank, local_rank, node_rank)


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
    sizes: Sequence[int] = ()
    """How much work each piece is, in any unit; empty: not known."""


def run_job(job: Job, options: RunOptions) -> None:
    """Run a pipeline to its end; pieces that were done before are not done again.

    Raises:
        TrainError: a piece failed; the message says what went wrong, and where the log is.
    """
    logger.remove()
    executor = _executor(job, options)
    try:
        with shown(job.name, job.marks, job.total, job.unit):
            if options.executor == "slurm":
                with slurm.jobs(job.company) as wait:
                    executor.run()
                    wait(lambda: not executor.get_incomplete_ranks(skip_completed=True))
            else:
                executor.run()
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
    workers = min(options.workers or processors(), job.tasks)
    if options.executor == "local":
        executor = _Local(steps, tasks=job.tasks, workers=workers, logging_dir=logs)
        executor.session, executor.company = session_name(), job.company
        executor.sizes = job.sizes
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
        env_command=f"export PATH={shlex.quote(os.path.dirname(sys.executable))}:$PATH",
        mail_type="NONE",
        # The cluster's own default; not all have one of the name that datatrove would ask for.
        qos="",
        job_id_retriever=partial(slurm.note, job.company),
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


def _what_happened(job: Job, error: BaseException) -> str:
    if isinstance(error, FileNotFoundError) and job.logs.exists() and error.filename == "sbatch":
        return 'The recipe says executor = "slurm", and there is no sbatch on this machine.'
    if isinstance(error, subprocess.CalledProcessError):
        return (
            f"sbatch did not take {job.name} (status {error.returncode}); what it said stands "
            "above. Look at partition, time and memory_per_cpu in the recipe's [run]."
        )
    if isinstance(error, OSError) and error.strerror:
        where = f" ({visible(str(error.filename))})" if error.filename else ""
        return f"{job.name} could not go on: {error.strerror}{where}. Run it again to go on."
    log = job.logs / "logs"
    return (
        f"{job.name} failed: {type(error).__name__}: {visible(str(error))}. The logs are in {log}."
    )
