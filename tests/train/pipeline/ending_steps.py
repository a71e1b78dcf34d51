"""Pipeline steps that end badly."""

import os
import signal
from collections.abc import Iterator
from typing import Any

from datatrove.pipeline.base import PipelineStep

from storytui_train.data.sources.reading import RefusedError


class Killed(PipelineStep):
    """Ends its process in the middle of piece 0, as the kernel does where memory is used up."""

    type, name = "TEST", "Killed"

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        if rank == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        yield from ()


class Raising(PipelineStep):
    """Raises an error that cannot be rebuilt from what it tells."""

    type, name = "TEST", "Raising"

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        yield from ()
        raise RefusedError("odd", f"Piece {rank} is odd.")


class HalfWritten(PipelineStep):
    """A step that fails when what it wrote is still in a buffer."""

    type = "test"
    name = "half written"

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> None:
        """Write, and fail."""
        file = open(self.path, "w")  # noqa: SIM115 - as datatrove does
        file.write("of the run that failed")
        raise OSError(28, "No space left on device")
