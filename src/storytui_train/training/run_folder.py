"""The folder of a training: what is where, what it depends on, and the record that is written last.

rows/                      the rows in tokens
adapter/                   the best adapter so far, in peft's form; the trained one in the end
last/                      that of the last step, where another one was better
checkpoints/               states to go on from; gone when the training is done
log.jsonl, tensorboard/    what happened, step by step
begun.json                 what the folder is at work on
run.json                   what made it and what came of it; written last
"""

import hashlib
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from storytui.story.visible import visible
from storytui_train.data.pipeline.record import write_atomically
from storytui_train.errors import TrainError
from storytui_train.recipe_training import TrainOptions
from storytui_train.training.states import Best, States

RECORD, BEGUN, LOG = "run.json", "begun.json", "log.jsonl"
LAYOUT = 1
"""Changes with what a run makes of the same inputs."""
PACKAGES = (
    "storytui",
    "torch",
    "transformers",
    "peft",
    "bitsandbytes",
    "accelerate",
    "safetensors",
)

_MEMORY_ONLY = frozenset(
    {
        *("rows_at_once", "packing", "loss_rows", "checkpointing", "embeddings", "vram"),
        *("keep_states", "save_every", "gguf"),
    }
)
"""Settings that change what is in memory or on the disk, and nothing of what is learnt. (Which
tokens a GGUF gives, the rows' own fingerprint tells.)"""
_STEERING = frozenset(
    {
        *("learning_rate", "schedule", "warmup", "weight_decay", "max_grad_norm"),
        *("validate_every", "validation_rows", "patience"),
    }
)
"""Settings with which a training that is not finished can go on otherwise than it began."""


class Change(msgspec.Struct, frozen=True):
    """Settings that were changed on the way."""

    step: int
    """Steps that were done by then."""
    settings: dict[str, Any]
    """What they are from there on."""


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """What a folder is at work on."""

    course: str
    """The hash of what cannot be changed on the way."""
    steering: dict[str, Any]
    changes: list[Change] = []


class TrainRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What made an adapter, and what came of it."""

    fingerprint: str
    """SHA-256 of what it depends on."""
    recipe: str
    """Its name."""
    settings: TrainOptions
    seed: int
    changes: list[Change]
    """Settings that were others at the beginning."""
    base: str
    """The repository, or the file's or folder's name."""
    base_fingerprint: str
    architecture: str
    adapter_parameters: int
    rows: str
    """The rows' fingerprint."""
    dataset: dict[str, str]
    """SHA-256 of the data set's files, by name."""
    versions: dict[str, str]
    device: str
    """cpu, or the GPU's name."""
    processes: int
    steps: int
    """That were done."""
    planned: int
    """Steps that were to be done at the most."""
    epochs: float
    stopped: str
    """What ended it: `steps`, or `patience`."""
    tokens: int
    """That were computed with, over all steps."""
    trained: int
    """Tokens among them that were learnt."""
    loss: float
    """Of training, smoothed, in nats a trained token."""
    before: float | None
    """The validation's loss before training; None: there are no rows for it."""
    validation: float | None
    """The last one's."""
    best: Best | None
    """The one that `adapter/` is of."""
    seconds: float
    """Over all sittings."""
    tokens_per_second: float
    peak: int
    """Bytes."""
    peak_of: str
    """What they are bytes of."""
    outputs: dict[str, str]
    """SHA-256 of the adapters' files, by path."""
    finished: str
    """When, in UTC."""


class RunFolder:
    """The folder of a training."""

    def __init__(self, folder: Path, keep_states: int = 2) -> None:
        """Work in `folder`, which may not be there yet."""
        self.folder = folder
        self.rows = folder / "rows"
        self.adapter = folder / "adapter"
        self.last = folder / "last"
        self.log = folder / LOG
        self.tensorboard = folder / "tensorboard"
        self.states = States(folder / "checkpoints", keep_states)

    def record(self) -> TrainRecord | None:
        """What is said of a training that is complete; None where it is not."""
        with suppress(OSError, msgspec.MsgspecError):
            record = msgspec.json.decode((self.folder / RECORD).read_bytes(), type=TrainRecord)
            if all((self.folder / each).is_file() for each in record.outputs):
                return record
        return None

    def begun(self) -> Begun | None:
        """What it is at work on."""
        with suppress(OSError, msgspec.MsgspecError):
            return msgspec.json.decode((self.folder / BEGUN).read_bytes(), type=Begun)
        return None

    def begin(self, begun: Begun) -> None:
        """Note what it is at work on now."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / RECORD).unlink(missing_ok=True)
        write_atomically(self.folder / BEGUN, _json(begun))

    def clear(self) -> None:
        """Remove what was made, but for the rows, which know by themselves what they are of."""
        for name in (RECORD, BEGUN):
            (self.folder / name).unlink(missing_ok=True)
        self.states.clear()
        self.log.unlink(missing_ok=True)
        for each in (self.adapter, self.last, self.tensorboard):
            with suppress(FileNotFoundError):
                shutil.rmtree(each)

    def take_adapter(self, source: Path) -> None:
        """Have `adapter/` be the one of another folder.

        Raises:
            TrainError: the disk is full, or nothing may be written there.
        """
        try:
            self.adapter.mkdir(parents=True, exist_ok=True)
            for each in source.iterdir():
                data, target = each.read_bytes(), self.adapter / each.name
                if not (target.is_file() and target.read_bytes() == data):
                    write_atomically(target, data)
        except OSError as error:
            raise TrainError(
                f"The adapter cannot be written to {visible(str(self.adapter), newlines=False)}: "
                f"{error.strerror or error}. Make room, and the same command goes on."
            ) from error

    def drop(self, step: int, *, adapter: bool) -> None:
        """Remove the state of a step, if it is not the only one.

        Args:
            step: which one.
            adapter: whether `adapter/` is of that step too, and of none that another state knows.
        """
        if not self.states.others(step):
            return
        if adapter:
            # First: while the state is there, the adapter can be had from it.
            with suppress(FileNotFoundError):
                shutil.rmtree(self.adapter)
        self.states.drop(step)

    def finish(self, record: TrainRecord) -> None:
        """Write the record; the states, which nobody goes on from, are removed."""
        write_atomically(self.folder / RECORD, _json(record))
        (self.folder / BEGUN).unlink(missing_ok=True)
        self.states.clear()


def course_of(options: TrainOptions, *, base: str, rows: str, seed: int, resolved: str) -> str:
    """The hash of what a state can only be gone on from with.

    Args:
        options: what is heeded of them: all but how memory is used, and what can be changed.
        base: what tells the base from others.
        rows: the rows' fingerprint.
        seed: of the order and the adapter's beginning.
        resolved: what `auto` means on this device.
    """
    passed = _MEMORY_ONLY | _STEERING | {"base", "revision", "optimizer", "compute"}
    said = {
        name: value for name, value in msgspec.to_builtins(options).items() if name not in passed
    }
    told = [LAYOUT, said, base, rows, seed, resolved]
    return hashlib.sha256(msgspec.json.encode(told, order="sorted")).hexdigest()


def steering_of(options: TrainOptions) -> dict[str, Any]:
    """The settings that can be changed on the way."""
    said = msgspec.to_builtins(options)
    return {name: said[name] for name in sorted(_STEERING)}


def fingerprint_of(course: str, steering: dict[str, Any]) -> str:
    """The hash of all that an adapter depends on."""
    return hashlib.sha256(msgspec.json.encode([course, steering], order="sorted")).hexdigest()


def _json(value: msgspec.Struct) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"
