"""The process that a run's other processes come from, started while the run itself still imports.

Imports multiprocess alone, which is datatrove's way to start processes.
"""

import contextlib
import os
import signal
from collections.abc import Iterator

from multiprocess import forkserver, resource_tracker

PRELOADED = ["storytui_train.data.pipeline.blocks", "storytui_train.data.pipeline.executors"]
"""What the processes need, imported once for all of them."""


@contextlib.contextmanager
def deaf() -> Iterator[None]:
    """Have what is started meanwhile leave Ctrl-C, which the terminal sends to all, to the run."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # It lifts the block when it starts, so it has to be there before.
    with silent():
        resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Keep what is started meanwhile off the terminal for good; tasks have their logs.

    A process that is working, or just starting, when its run is killed finds nobody to give its
    work to, and would print where in Python that was.
    """
    before = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    try:
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)


def prepare() -> None:
    """Start the process that the others come from."""
    forkserver.set_forkserver_preload(PRELOADED)
    with deaf(), silent():
        forkserver.ensure_running()
