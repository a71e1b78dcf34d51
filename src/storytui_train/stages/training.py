"""The stage that trains; its own folder says what is done, and a record beside it says so too."""

import gc

import msgspec

from storytui_train.data.pipeline.record import Record, write_record
from storytui_train.stages.work import ModelWork, unwritten

NAME = "train"


def train_stage(work: ModelWork) -> Record:
    """Train, or go on with it.

    Raises:
        TrainError: it cannot go on; it says from where it can.
    """
    from storytui_train.training.qlora import train

    trained = train(work.recipe, work.place, work.told, again=work.again)
    _give_back()
    record = Record(
        stage=NAME,
        fingerprint=trained.fingerprint,
        inputs=dict(trained.dataset),
        settings=msgspec.to_builtins(trained.settings),
        versions=dict(trained.versions),
        counts={"steps": trained.steps, "tokens": trained.tokens},
        outputs={f"{NAME}/{path}": digest for path, digest in trained.outputs.items()},
        seconds=trained.seconds,
        finished=trained.finished,
    )
    if work.place.record(NAME) != record:
        try:
            write_record(work.place.record_path(NAME), record)
        except OSError as error:
            raise unwritten(NAME, error) from error
    return record


def _give_back() -> None:
    """Give back the GPU's memory: the next stages have engines of their own there."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
