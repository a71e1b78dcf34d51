"""What happened in a training, step by step: a line of JSON each, and TensorBoard's files."""

import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from storytui_train.training.run_folder import RunFolder


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step."""

    step: int
    """Steps that are done with it; 0: before training."""
    loss: float | None = None
    """Nats a trained token, over the step's."""
    learning_rate: float | None = None
    gradient: float | None = None
    """The gradient's norm, before it was cut."""
    tokens: int = 0
    trained: int = 0
    seconds: float | None = None
    """Since the training began, over all sittings."""
    validation: float | None = None
    """The validation's loss, where there was one."""


class RunLog:
    """The log of a run that is going on."""

    def __init__(self, folder: RunFolder, *, size: int, step: int) -> None:
        """Go on behind what was logged when a state was kept.

        Args:
            folder: of the run.
            size: bytes of the log by then; what stands behind them is of steps that are done again.
            step: steps that were done by then.
        """
        from torch.utils.tensorboard import SummaryWriter

        folder.folder.mkdir(parents=True, exist_ok=True)
        self._file = folder.log.open("ab")
        if self._file.tell() > size:
            self._file.truncate(size)
            self._file.seek(0, os.SEEK_END)
        self._hook = _HookOfThreads()
        try:
            self._board: Any = SummaryWriter(
                str(folder.tensorboard), purge_step=step + 1 if step else None
            )
        except BaseException:
            self._hook.put_back()
            self._file.close()
            raise
        self._encoder = msgspec.json.Encoder()

    def add(self, line: Line) -> int:
        """Add a step; the log's bytes with it."""
        self._file.write(self._encoder.encode(line) + b"\n")
        self._file.flush()
        names = {
            "loss": line.loss,
            "learning rate": line.learning_rate,
            "gradient": line.gradient,
            "validation": line.validation,
        }
        for name, value in names.items():
            if value is not None:
                self._board.add_scalar(name, value, line.step)
        return self._file.tell()

    def settle(self) -> None:
        """See that what was added is on the disk."""
        os.fsync(self._file.fileno())
        self._board.flush()

    def close(self) -> None:
        """No more will come."""
        # Of a disk that is full, what was said before is what counts.
        with suppress(OSError):
            self._file.close()
        try:
            self._board.close()
        except OSError:
            # It breaks off before its thread has ended.
            with suppress(OSError):
                self._board.file_writer.close()
        self._hook.put_back()


class _HookOfThreads:
    """Keeps still the thread that writes for TensorBoard, where the disk is full.

    It notes its error, which then comes to whoever adds the next figure and is said as such; but
    it raises it again too, and Python would print that with all its calls.
    """

    def __init__(self) -> None:
        self._before = threading.excepthook
        self._own = self._heard
        threading.excepthook = self._own

    def _heard(self, what: threading.ExceptHookArgs) -> None:
        writing = type(what.thread).__name__ == "_AsyncWriterThread"
        if not (writing and issubclass(what.exc_type, OSError)):
            self._before(what)

    def put_back(self) -> None:
        if threading.excepthook is self._own:
            threading.excepthook = self._before


def read_log(path: Path) -> list[Line]:
    """The lines of a log; one that is not complete, and what stands behind it, is left out."""
    lines: list[Line] = []
    decoder = msgspec.json.Decoder(Line)
    with suppress(FileNotFoundError, msgspec.MsgspecError), path.open("rb") as file:
        lines.extend(decoder.decode(each) for each in file)
    return lines
