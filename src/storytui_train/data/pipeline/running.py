"""Runs the stages of a recipe in order; what did not change is skipped, and said."""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from storytui_train.data.documents import Refusal
from storytui_train.data.pipeline.progress import Stopwatch, in_words
from storytui_train.data.pipeline.record import (
    Record,
    fingerprint,
    hashes,
    now,
    versions,
    write_atomically,
    write_record,
)
from storytui_train.data.pipeline.workplace import Workplace
from storytui_train.errors import TrainError
from storytui_train.recipe import Recipe

BEFORE = "seconds-before"


@dataclass(frozen=True)
class Work:
    """What a stage is given to work with."""

    recipe: Recipe
    place: Workplace
    folder: Path
    """The stage's own."""
    told: Callable[[str], None]
    """A line for the user."""

    @property
    def parts(self) -> Path:
        """Where its output goes."""
        return self.folder / "parts"

    @property
    def refused(self) -> Path:
        """Where what is left out is listed."""
        return self.folder / "refused"

    def logs(self, name: str) -> Path:
        """Where datatrove writes down which pieces of a job are done."""
        return self.folder / "logs" / name

    def marks(self, name: str) -> Path:
        """Where a job's pieces leave their marks."""
        return self.folder / "marks" / name


@dataclass(frozen=True)
class Stage:
    """One step from sources to a dataset."""

    name: str
    needs: tuple[str, ...]
    """Stages whose output it reads."""
    settings: Callable[[Recipe], object]
    """What of the recipe its result depends on."""
    run: Callable[[Work], Mapping[str, int]]
    """Does it; returns counts."""
    inputs: Callable[[Workplace, Recipe], Mapping[str, str]] = field(
        default=lambda _place, _recipe: {}
    )
    """What it depends on besides, with hashes."""
    always: bool = False
    """Whether it is done each time: what it looks at is not this folder's."""


def run_stages(
    stages: Sequence[Stage],
    recipe: Recipe,
    place: Workplace,
    told: Callable[[str], None],
    *,
    until: str = "",
    again: str = "",
) -> dict[str, Record]:
    """Do what is not yet done.

    Args:
        stages: in order.
        recipe: what is to be done.
        place: the working folder.
        told: gets a line about each stage.
        until: the last stage that is run; empty: all.
        again: a stage that is done even where nothing changed.

    Returns the record of each stage that is complete now.

    Raises:
        TrainError: a stage could not be done; those before it are complete.
    """
    done: dict[str, Record] = {}
    for stage in stages:
        inputs = {
            name: digest for each in stage.needs for name, digest in done[each].outputs.items()
        }
        inputs.update(stage.inputs(place, recipe))
        settings = stage.settings(recipe)
        wanted = fingerprint(stage.name, inputs, settings)
        record = place.record(stage.name)
        same = record is not None and record.fingerprint == wanted and stage.name != again
        if record is not None and same and not stage.always:
            told(f"{stage.name}: nothing changed, skipped ({_counted(record.counts)})")
        else:
            if stage.name == again and place.stage(stage.name).exists():
                place.record_path(stage.name).unlink(missing_ok=True)
                shutil.rmtree(place.stage(stage.name))
            record = _do(stage, recipe, place, told, wanted, inputs, settings)
        done[stage.name] = record
        if stage.name == until:
            break
    return done


def _do(
    stage: Stage,
    recipe: Recipe,
    place: Workplace,
    told: Callable[[str], None],
    wanted: str,
    inputs: dict[str, str],
    settings: object,
) -> Record:
    try:
        folder = place.begin(stage.name, wanted)
        with _timed(folder) as seconds:
            counts = dict(stage.run(Work(recipe, place, folder, told)))
        _gather_refusals(folder)
        record = Record(
            stage=stage.name,
            fingerprint=wanted,
            inputs=inputs,
            settings=msgspec.to_builtins(settings),
            versions=versions(),
            counts=counts,
            outputs=hashes((folder / "parts").rglob("*.*"), place.folder),
            seconds=round(seconds(), 3),
            finished=now(),
        )
        write_record(place.record_path(stage.name), record)
    except OSError as error:
        raise TrainError(
            f"{stage.name} could not go on: {error.strerror or error}"
            f"{f' ({error.filename})' if error.filename else ''}. "
            "Run it again to go on from here."
        ) from error
    told(f"{stage.name}: {_counted(counts)} in {in_words(record.seconds)}")
    return record


@contextmanager
def _timed(folder: Path) -> Iterator[Callable[[], float]]:
    """Time over all runs that a stage is done in, those that were interrupted included."""
    kept = folder / BEFORE
    try:
        before = float(kept.read_text())
    except (OSError, ValueError):
        before = 0.0
    watch = Stopwatch()
    try:
        yield lambda: before + watch.seconds()
    except BaseException:
        # The folder may be on a disk that is full.
        with suppress(OSError):
            kept.write_text(f"{before + watch.seconds():.3f}")
        raise


def _gather_refusals(folder: Path) -> None:
    """Put what was left out into one list, in the order of the pieces."""
    lists = sorted((folder / "refused").glob("*.jsonl"))
    write_atomically(folder / "refused.jsonl", b"".join(each.read_bytes() for each in lists))


def refusals(place: Workplace, stages: Sequence[str]) -> list[Refusal]:
    """All that stages left out."""
    found: list[Refusal] = []
    decoder = msgspec.json.Decoder(Refusal)
    for name in stages:
        path = place.stage(name) / "refused.jsonl"
        if path.is_file():
            found += [decoder.decode(line) for line in path.read_bytes().splitlines()]
    return found


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in counts.items()) or "done"
