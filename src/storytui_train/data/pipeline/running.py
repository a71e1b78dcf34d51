"""Runs the stages of a recipe in order; what did not change is skipped, and said."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import msgspec

from storytui.story.visible import visible
from storytui_train.data.documents import Refusal
from storytui_train.data.pipeline.progress import Stopwatch, in_words
from storytui_train.data.pipeline.record import (
    Record,
    fingerprint,
    hashes,
    now,
    versions,
    write_record,
)
from storytui_train.data.pipeline.workplace import Workplace
from storytui_train.errors import TrainError
from storytui_train.recipe import Recipe

BEFORE, REFUSED = "seconds-before", "refused.jsonl"
SHOWN = 5
"""Refusals that are told one by one; the rest stand in the list."""
OF_TEXTS = ("gather", "clean", "choose")
"""Stages that leave out whole texts, not rows."""


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
    explain: bool = False,
) -> dict[str, Record]:
    """Do what is not yet done.

    Args:
        stages: in order.
        recipe: what is to be done.
        place: the working folder.
        told: gets a line about each stage.
        until: the last stage that is run; empty: all.
        again: a stage that is done even where nothing changed.
        explain: whether it is told why texts were left out.

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
            if record is not None and record.versions != versions():
                told(f"{stage.name}: made by other versions ({_newer(record)}), and done again")
            if stage.name == again:
                place.forget(stage.name)
            record = _do(stage, recipe, place, told, wanted, inputs, settings)
            if explain and stage.name in OF_TEXTS:
                _explain(stage.name, place, told)
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
        where = f" ({visible(str(error.filename))})" if error.filename else ""
        raise TrainError(
            f"{stage.name} could not go on: {error.strerror or error}{where}. "
            "Run it again to go on from here."
        ) from error
    except msgspec.MsgspecError as error:
        before = stage.needs[-1] if stage.needs else stage.name
        raise TrainError(
            f"{stage.name} cannot read what is in {place.folder}: {error}. A file there was "
            f"changed or damaged; run it again with --again {before}."
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
    """Put what was left out into one list, in the order of the pieces; each refusal once."""
    part = folder / f"{REFUSED}.part"
    seen: set[bytes] = set()
    with part.open("wb") as gathered:
        for path in sorted((folder / "refused").glob("*.jsonl")):
            with path.open("rb") as lines:
                for line in lines:
                    digest = sha256(line).digest()
                    if digest not in seen:
                        seen.add(digest)
                        gathered.write(line)
        gathered.flush()
        os.fsync(gathered.fileno())
    part.replace(folder / REFUSED)


def _explain(name: str, place: Workplace, told: Callable[[str], None]) -> None:
    """Tell why texts were left out."""
    found = refusals(place, (name,))
    for each in found[:SHOWN]:
        told(f"  left out: {described(each)}")
    if len(found) > SHOWN:
        more = place.stage(name) / REFUSED
        told(f"  left out: {len(found) - SHOWN:,} more, with the reasons in {more}")


def described(refusal: Refusal) -> str:
    """What was left out and why, on one line."""
    name = refusal.title or refusal.id
    # Most sentences begin with the file's name.
    if refusal.detail.startswith(name):
        return refusal.detail
    return f"{name}: {refusal.detail or refusal.reason}"


def _newer(record: Record) -> str:
    """What has another version than a record says."""
    there = versions()
    names = sorted(record.versions.keys() | there.keys())
    return ", ".join(
        f"{name} {record.versions.get(name, 'none')}, now {there.get(name, 'none')}"
        for name in names
        if record.versions.get(name) != there.get(name)
    )


def refusals(place: Workplace, stages: Sequence[str]) -> list[Refusal]:
    """All that stages left out."""
    found: list[Refusal] = []
    decoder = msgspec.json.Decoder(Refusal)
    for name in stages:
        path = place.stage(name) / REFUSED
        if path.is_file():
            with path.open("rb") as lines:
                found += [decoder.decode(line) for line in lines]
    return found


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in counts.items()) or "done"
