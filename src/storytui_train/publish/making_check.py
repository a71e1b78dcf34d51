"""Whether what a working folder holds is whole, and was made of the data set that lies there.

Only of the data set that is there it is known which texts are private. A recipe can be changed, and
its data set made anew, while adapters, GGUF files and reports of other texts still lie there; by
the hashes in the records of the stages these are told from what may be sent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import msgspec

from storytui.story.visible import visible
from storytui_train.data.pipeline.record import Record, read_record, sha256_of
from storytui_train.errors import PublishError
from storytui_train.publish.found import ADAPTER, DATASET, MERGED

TRAINED, EXPORT, EVALUATE = "train/run.json", "export.json", "evaluate.json"
"""Records, by their places in the working folder."""
_ROWS = ("train.jsonl", "validation.jsonl")
"""What training reads of a data set."""
_TEST = "test.jsonl"
_TRAIN = "train/"
_OF_TRAINING = ("adapter", "merged", "gguf")
_LEAVE = "or leave {part} out of the parts."
_AGAIN = "storytui-train export --again export"
"""Where a file is another: a stage is content with files that are there."""


class _Run(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of the record of a training (`training.run_folder.TrainRecord`)."""

    dataset: dict[str, str]
    outputs: dict[str, str]
    finished: datetime


@dataclass(frozen=True, slots=True)
class Made:
    """What of a working folder can be told to be whole, and of its data set."""

    exported: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of the GGUF files, by their paths below the folder; empty: they are not known."""
    base: str = ""
    """SHA-256 of the base that they are for; empty: it is not known."""
    evaluated: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of the evaluation's files, by their paths below the folder; empty: none is of this
    model and these rows."""
    measured: tuple[str, ...] = ()
    """What tells the models that were measured."""


def check_made(folder: Path, parts: Sequence[str]) -> Made:
    """See that parts are whole, and were made of the data set that is there.

    Args:
        folder: the working folder.
        parts: what is to be published.

    Returns:
        What else is there that may go along: GGUF files, and an evaluation.

    Raises:
        PublishError: a part is not; the message says what has to be run.
    """
    wanted = [each for each in _OF_TRAINING if each in parts]
    if not wanted:
        return Made()
    try:
        run = _trained(folder, wanted)
        if "merged" in parts:
            _look_at_merged(folder, run)
        exported = _exported(folder, run, needed="gguf" in parts)
        if exported is None:
            return Made()
        evaluated = _evaluated(folder, exported)
    except OSError as error:
        where = visible(str(error.filename), newlines=False)
        raise PublishError(f"{where} cannot be read: {error.strerror or error}.") from error
    return Made(
        exported=exported.outputs,
        base=exported.inputs.get("base", ""),
        evaluated=evaluated.outputs if evaluated else {},
        measured=tuple(evaluated.inputs.values()) if evaluated else (),
    )


def _trained(folder: Path, parts: Sequence[str]) -> _Run:
    """The record of the training, where the adapter is the one that it tells of.

    Raises:
        PublishError: it is not, or it was trained on other rows than those that are there.
    """
    run = _run(folder / TRAINED)
    make = f"storytui-train {'export' if 'gguf' in parts else 'train'}"
    leave = _LEAVE.format(part=" and ".join(parts))
    shown = visible(str(folder / ADAPTER), newlines=False)
    if run is None:
        raise PublishError(
            f"The training of {shown} is not complete: there is no record of what it was made of. "
            f"Finish it with {make} first, {leave}"
        )
    wrong = _first_other(_adapter_of(run), folder)
    if wrong:
        raise PublishError(
            f"{_named(folder, wrong)} is not what training made, or is missing. Make it again with "
            f"{make} --again train, {leave}"
        )
    there = {
        name: sha256_of(folder / DATASET / "rows" / name)
        for name in _ROWS
        if (folder / DATASET / "rows" / name).is_file()
    }
    if run.dataset != there:
        raise PublishError(
            f"{shown} was trained on other rows than those that are in the data set now, so it is "
            "not known which texts are in it. Train on the data set that is there with "
            f"{make} first, {leave}"
        )
    return run


def _look_at_merged(folder: Path, run: _Run) -> None:
    """See that merged weights are those that export made of this adapter.

    Where export made none, somebody else did: that they were not there before the adapter was.

    Raises:
        PublishError: they are not.
    """
    record = read_record(folder / EXPORT)
    own = {
        path: each
        for path, each in (record.outputs if record else {}).items()
        if path.startswith(f"{MERGED}/")
    }
    if record is not None and own:
        wrong = _first_other(own, folder)
        if wrong or not _is_of(record, run):
            what = _named(folder, wrong or MERGED)
            raise PublishError(
                f"{what} is not what export made of the adapter that is there, or is missing. Make "
                f"it with {_AGAIN} first, {_LEAVE.format(part='merged')}"
            )
        return
    finished = run.finished.timestamp()
    for path in sorted((folder / MERGED).glob("*.safetensors")):
        if path.stat().st_mtime < finished:
            raise PublishError(
                f"{_named(folder, f'{MERGED}/{path.name}')} is older than the adapter that is "
                "there, and not made of it. Merge again, or leave merged out of the parts."
            )


def _exported(folder: Path, run: _Run, *, needed: bool) -> Record | None:
    """The record of the GGUF files; None where they are no files of this adapter.

    Raises:
        PublishError: they are not, and are needed.
    """
    record = read_record(folder / EXPORT)
    why, make = "", "storytui-train export"
    if record is None:
        why = "There is no record of what GGUF files were made of"
    elif not _is_of(record, run):
        why = "The GGUF files are not of the adapter that is there now"
    else:
        wrong = _first_other(record.outputs, folder)
        if wrong:
            why = f"{_named(folder, wrong)} is not what export made, or is missing"
            make = _AGAIN
    if not why:
        return record
    if needed:
        leave = _LEAVE.format(part="gguf")
        raise PublishError(f"{why}. Make them with {make} first, {leave}")
    return None


def _is_of(record: Record, run: _Run) -> bool:
    """Whether what export made is of the adapter that a training made."""
    return all(record.inputs.get(path) == each for path, each in _adapter_of(run).items())


def _adapter_of(run: _Run) -> dict[str, str]:
    """The files of the adapter, as other records name them."""
    own = {f"{_TRAIN}{name}": digest for name, digest in run.outputs.items()}
    return {path: each for path, each in own.items() if path.startswith(f"{ADAPTER}/")}


def _evaluated(folder: Path, exported: Record) -> Record | None:
    """The record of the evaluation; None where it is none of these files and of these rows."""
    record = read_record(folder / EVALUATE)
    test = folder / DATASET / "rows" / _TEST
    if record is None or not test.is_file() or record.inputs.get("rows") != sha256_of(test):
        return None
    models = [each for name, each in record.inputs.items() if name != "rows"]
    if not any(digest in model for digest in exported.outputs.values() for model in models):
        return None
    return None if _first_other(record.outputs, folder) else record


def _run(path: Path) -> _Run | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Run)
    except (FileNotFoundError, NotADirectoryError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _first_other(outputs: Mapping[str, str], folder: Path) -> str:
    """The first file that is not the one that a record tells of; empty: all are."""
    for name, digest in sorted(outputs.items()):
        path = folder / name
        if not path.is_file() or sha256_of(path) != digest:
            return name
    return ""


def _named(folder: Path, path: str) -> str:
    return visible(str(folder / path), newlines=False)
