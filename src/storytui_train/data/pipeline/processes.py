"""datatrove's processes on this machine: they leave Ctrl-C to the run, end with it, and are missed.

Imports datatrove; only a stage that runs imports this.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from datatrove.executor import local
from multiprocess import pool
from multiprocess.managers import SyncManager

from storytui_train.data.pipeline.company import end_with
from storytui_train.data.pipeline.nursery import deaf
from storytui_train.errors import TrainError

LOOK_SECONDS = 1.0
"""How often it is looked whether all processes are there."""
STUCK_SECONDS = 5.0
"""The most that is waited for a process that ended with others' work in its hands."""


@contextlib.contextmanager
def watched(session: str) -> Iterator[None]:
    """Have datatrove use processes that end with a run, and miss those that ended before.

    Args:
        session: the name of the run's process.
    """
    module = local.multiprocess
    local.multiprocess = _Multiprocess(module, session)
    try:
        yield
    finally:
        local.multiprocess = module


class WatchedPool(pool.Pool):
    """A pool that does not wait for ever for work that a process took with it when it ended."""

    def imap_unordered(
        self, func: Callable[[Any], Any], iterable: Iterable[Any], chunksize: int = 1
    ) -> Iterator[Any]:
        """What comes of each, as it comes.

        Raises:
            TrainError: a process has ended in the midst of its work.
        """
        there = self._there()
        found = super().imap_unordered(func, iterable, chunksize)
        while True:
            try:
                yield found.next(LOOK_SECONDS)
            except StopIteration:
                return
            except pool.TimeoutError:
                if self._there() != there:
                    raise TrainError(
                        "A process was ended from outside in the midst of its work; perhaps the "
                        "memory was used up. Run it again to go on, with fewer --workers."
                    ) from None

    def _there(self) -> set[int]:
        return {each.pid for each in list(self._pool) if each.exitcode is None}

    @staticmethod
    def _help_stuff_finish(inqueue: Any, task_handler: Any, size: int) -> None:
        # As in `Pool`, but that a process may have ended with the lock in its hands.
        inqueue._rlock.acquire(True, STUCK_SECONDS)
        while task_handler.is_alive() and inqueue._reader.poll():
            inqueue._reader.recv()


class _Multiprocess:
    """The module `multiprocess` as datatrove uses it."""

    def __init__(self, module: Any, session: str) -> None:
        self._module, self._session = module, session

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)

    def Manager(self) -> Any:
        """A manager whose process ends with the run; otherwise it outlives a kill."""
        manager = SyncManager(ctx=self._module.get_context())
        with deaf():
            manager.start(end_with, (self._session,))
        return manager

    def get_context(self, method: str) -> "_Context":
        """What makes pools."""
        return _Context(self._module.get_context(method))


class _Context:
    def __init__(self, context: Any) -> None:
        self._context = context

    def Pool(self, workers: int) -> WatchedPool:
        """A pool that is watched."""
        return WatchedPool(workers, context=self._context)
