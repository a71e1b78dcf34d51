"""States to go on from: a folder each, complete or not there, without code in them.

    step-00000012/adapter/               the adapter, in peft's form
    step-00000012/optimizer.safetensors  what the optimizer remembers
    step-00000012/state.json             all else, and how large the files are

A state is made in a folder aside, which then takes its name. Random numbers are none of it: those
of a step come of the seed and the step's number.
"""

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec
from torch import Tensor

from storytui.story.visible import visible
from storytui_train.errors import TrainError

PREFIX, PART = "step-", ".part"
ADAPTER, OPTIMIZER, STATE = "adapter", "optimizer.safetensors", "state.json"


class Best(msgspec.Struct, frozen=True):
    """The best validation so far."""

    step: int
    """Steps that were done."""
    loss: float
    """Nats a trained token."""


class State(msgspec.Struct, frozen=True, kw_only=True):
    """Where a run stands between two steps."""

    step: int
    """Steps that are done."""
    course: str
    """What the run depends on; see `run_folder`."""
    base: str
    """The base's fingerprint."""
    log: int
    """Bytes of the log up to here."""
    numbers: list[dict[str, int]]
    """What the optimizer remembers besides tensors."""
    best: Best | None = None
    worse: int = 0
    """Validations since the best one."""
    before: float | None = None
    """The validation's loss before training."""
    smooth: float | None = None
    """The loss, smoothed."""
    loss: float | None = None
    """Of the latest validation."""
    tokens: int = 0
    trained: int = 0
    seconds: float = 0.0
    """Over all sittings."""
    stepping: float = 0.0
    """Seconds of it that steps took."""
    peak: int = 0
    """Bytes, as `device_memory` counts them."""
    sizes: dict[str, int] = {}
    """Bytes of the files beside this one."""


class States:
    """The states of a run, in a folder."""

    def __init__(self, folder: Path, keep: int) -> None:
        """Keep the latest `keep` of them, one at the least."""
        self.folder = folder
        self._keep = max(1, keep)

    def latest(self) -> tuple[State, Path] | None:
        """The latest state that is complete."""
        for path in sorted(self._all(), reverse=True):
            with suppress(OSError, msgspec.MsgspecError):
                state = msgspec.json.decode((path / STATE).read_bytes(), type=State)
                if all((path / name).stat().st_size == size for name, size in state.sizes.items()):
                    return state, path
        return None

    def save(
        self, state: State, tensors: dict[str, Tensor], write_adapter: Callable[[Path], None]
    ) -> None:
        """Keep a state; the oldest go.

        Args:
            state: where the run stands.
            tensors: what the optimizer remembers.
            write_adapter: writes the adapter into a folder.

        Raises:
            TrainError: the disk is full, or nothing may be written there; the states before are
                as they were.
        """
        from safetensors.torch import save_file

        there = self._folder_of(state.step)
        part = there.with_name(there.name + PART)
        try:
            self._clear(part)
            part.mkdir(parents=True)
            write_adapter(part / ADAPTER)
            save_file(tensors, part / OPTIMIZER)
            files = [each for each in sorted(part.rglob("*")) if each.is_file()]
            sizes = {each.relative_to(part).as_posix(): each.stat().st_size for each in files}
            state = msgspec.structs.replace(state, sizes=sizes)
            (part / STATE).write_bytes(msgspec.json.encode(state))
            for each in (*files, part / STATE, part / ADAPTER, part):
                _settle(each)
            # There may be one of a run before that went otherwise.
            self._clear(there)
            part.rename(there)
            _settle(self.folder)
        except (OSError, TrainError) as error:
            with suppress(OSError):
                self._clear(part)
            raise self._unwritten(state.step, error) from error
        except Exception as error:
            # safetensors has an error of its own for the system's.
            with suppress(OSError):
                self._clear(part)
            if type(error).__name__ != "SafetensorError":
                raise
            raise self._unwritten(state.step, error) from error
        with suppress(OSError):
            for each in sorted(self._all())[: -self._keep]:
                self._clear(each)

    def drop(self, step: int) -> None:
        """Remove the state of a step, if it is not the only one."""
        if self.others(step):
            self._clear(self._folder_of(step))

    def others(self, step: int) -> bool:
        """Whether there is a state of another step than this one."""
        return any(each != self._folder_of(step) for each in self._all())

    def clear(self) -> None:
        """Remove all of them."""
        self._clear(self.folder)

    def _folder_of(self, step: int) -> Path:
        return self.folder / f"{PREFIX}{step:08d}"

    def _all(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        return [
            each
            for each in self.folder.iterdir()
            if each.name.startswith(PREFIX) and not each.name.endswith(PART)
        ]

    def _clear(self, folder: Path) -> None:
        # First: a folder that is half removed is no state.
        (folder / STATE).unlink(missing_ok=True)
        with suppress(FileNotFoundError):
            shutil.rmtree(folder)

    def _unwritten(self, step: int, error: Exception) -> TrainError:
        latest = self.latest()
        kept = f"The state of step {latest[0].step:,} is kept" if latest else "None is kept yet"
        cause = error if isinstance(error, OSError) else error.__cause__ or error
        reason = getattr(cause, "strerror", None) or str(cause)
        return TrainError(
            f"The state of step {step:,} cannot be written to "
            f"{visible(str(self.folder), newlines=False)}: {visible(str(reason), newlines=False)}. "
            f"{kept}: make room, and the same command goes on from there."
        )


def read_optimizer(path: Path) -> dict[str, Tensor]:
    """The tensors of a state.

    Raises:
        TrainError: the file is damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        found: dict[str, Tensor] = load_file(path / OPTIMIZER)
    except (OSError, SafetensorError) as error:
        raise TrainError(
            f"The state {visible(str(path), newlines=False)} is damaged. Remove its folder: an "
            "older one is gone on from, or train again with --again."
        ) from error
    return found


def adapter_of(path: Path) -> Path:
    """The folder of a state's adapter."""
    return path / ADAPTER


def _settle(path: Path) -> None:
    """See that a file, or a folder's names, are on the disk."""
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
