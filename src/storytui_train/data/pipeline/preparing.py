"""What `prepare` leaves: the rows in one file, and a report on each text."""

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from storytui.story.visible import visible
from storytui_train.data.accounting import BookFigures, summed
from storytui_train.data.documents import Gathered, Refusal
from storytui_train.data.pipeline.record import Record, now, versions, write_atomically
from storytui_train.data.pipeline.rows import FIGURES, PLAN
from storytui_train.data.pipeline.running import refusals
from storytui_train.data.pipeline.workplace import Workplace
from storytui_train.data.split import SplitPlan, SplitReport
from storytui_train.recipe import Recipe

CHUNKS, REPORT = "chunks.jsonl", "report.json"
STAGES = ("gather", "clean", "choose", "chunk", "split")


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one text."""

    id: str
    file: str
    sha256: str
    title: str = ""
    author: str = ""
    taken: bool
    reason: str = ""
    """Why it was left out, shortly."""
    detail: str = ""
    """The same for people."""
    rows: int = 0
    """That are in `chunks.jsonl`."""
    splits: dict[str, int] = {}
    measures: dict[str, float | int | str] = {}
    lost_words: dict[str, int] = {}
    """Words that cleaning took away, by what they were."""
    figures: BookFigures | None = None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What became of everything that `prepare` was given."""

    rows: int
    splits: dict[str, int]
    split: SplitReport
    texts: list[Text]
    refused: list[Refusal]
    """Texts and rows that were left out, with why."""
    total: BookFigures
    seconds: dict[str, float]
    """By stage."""
    settings: dict[str, Any]
    versions: dict[str, str]
    finished: str

    def as_json(self) -> str:
        """The report as JSON, for programs."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2).decode()

    def as_text(self) -> str:
        """The report in a few lines, for people."""
        taken = sum(each.taken for each in self.texts)
        splits = ", ".join(f"{number:,} {name}" for name, number in self.splits.items())
        lines = [f"{self.rows:,} rows from {taken} of {len(self.texts)} texts ({splits})."]
        for each in self.texts:
            if not each.taken:
                lines.append(f"  left out: {each.title or each.file or each.id}: {each.detail}")
        known = {each.id for each in self.texts}
        lines += [
            f"  left out: {each.title or each.id}: {each.detail}"
            for each in self.refused
            if each.stage == "gather" and each.id not in known
        ]
        return visible("\n".join(lines))


def write_prepared(
    out: Path, recipe: Recipe, place: Workplace, done: Mapping[str, Record]
) -> Report:
    """Write the rows and the report; each is there as a whole or not at all, the report last.

    Args:
        out: the folder they go to.
        recipe: what was done.
        place: where the stages worked.
        done: their records.
    """
    splits: dict[str, Counter[str]] = {}
    decoder = msgspec.json.Decoder(_Head)
    part = out / f"{CHUNKS}.part"
    with part.open("wb") as file:
        for path in sorted(place.parts("split").glob("*.jsonl")):
            with path.open("rb") as lines:
                for line in lines:
                    row = decoder.decode(line)
                    splits.setdefault(row.source.id, Counter())[row.split] += 1
                    file.write(line)
        file.flush()
        os.fsync(file.fileno())
    # It tells of other rows.
    (out / REPORT).unlink(missing_ok=True)
    part.replace(out / CHUNKS)
    report = _report(recipe, place, done, splits)
    write_atomically(out / REPORT, report.as_json().encode() + b"\n")
    return report


def _report(
    recipe: Recipe,
    place: Workplace,
    done: Mapping[str, Record],
    splits: Mapping[str, Counter[str]],
) -> Report:
    figures = {each.id: each for each in _structs(place.stage("chunk") / FIGURES, BookFigures)}
    refused = refusals(place, STAGES)
    lost = {each.source.id: _lost(each) for each in _structs(place.parts("clean"), _Cleaned)}
    chosen = {each.source.id: each for each in _structs(place.parts("choose"), _Measured)}
    total: Counter[str] = Counter()
    for counted in splits.values():
        total.update(counted)
    why = {each.id: each for each in refused if each.stage in STAGES[:3]}
    plan = msgspec.json.decode((place.stage("split") / PLAN).read_bytes(), type=SplitPlan)
    return Report(
        rows=sum(total.values()),
        splits={name: total[name] for name in ("train", "validation", "test") if total[name]},
        split=plan.report,
        texts=[
            _text(each, figures, why, lost, chosen, splits)
            for each in _structs(place.parts("gather"), Gathered)
        ],
        refused=refused,
        total=summed(list(figures.values())),
        seconds={name: record.seconds for name, record in done.items()},
        settings=msgspec.to_builtins(recipe),
        versions=versions(),
        finished=now(),
    )


class _Lost(msgspec.Struct, frozen=True):
    why: str
    words: int


class _Losses(msgspec.Struct, frozen=True):
    losses: tuple[_Lost, ...]


class _Id(msgspec.Struct, frozen=True):
    id: str


class _Head(msgspec.Struct, frozen=True):
    """Of a row what is counted."""

    source: _Id
    split: str


class _Cleaned(msgspec.Struct, frozen=True):
    """Of a document only what the report tells."""

    source: _Id
    cleaned: _Losses


class _Measured(msgspec.Struct, frozen=True):
    source: _Id
    measures: dict[str, float | int | str] = {}


def _lost(document: _Cleaned) -> dict[str, int]:
    """The words that cleaning took from a text, by reason; of a shelf not every loss is kept."""
    counted: Counter[str] = Counter()
    for each in document.cleaned.losses:
        counted[each.why] += each.words
    return dict(sorted(counted.items()))


def _text(
    gathered: Gathered,
    figures: Mapping[str, BookFigures],
    why: Mapping[str, Refusal],
    lost: Mapping[str, dict[str, int]],
    chosen: Mapping[str, _Measured],
    splits: Mapping[str, Counter[str]],
) -> Text:
    source = gathered.source
    taken = source.id in chosen or gathered.rows
    refusal = None if taken else why.get(source.id)
    counted = splits.get(source.id, Counter())
    return Text(
        id=source.id,
        file=source.file,
        sha256=source.sha256,
        title=source.title,
        author=source.author,
        taken=taken,
        reason=refusal.reason if refusal else "",
        detail=refusal.detail if refusal else "",
        rows=sum(counted.values()),
        splits=dict(sorted(counted.items())),
        measures=chosen[source.id].measures if source.id in chosen else {},
        lost_words=lost.get(source.id, {}),
        figures=figures.get(source.id),
    )


def _structs(folder: Path, kind: Any) -> Any:
    decoder = msgspec.json.Decoder(kind)
    for path in sorted(folder.glob("*.jsonl")):
        with path.open("rb") as lines:
            yield from (decoder.decode(line) for line in lines)
