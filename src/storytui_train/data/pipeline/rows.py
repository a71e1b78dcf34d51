"""The stages that make rows: chunk and split."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

import msgspec

from storytui_train.data.documents import Document, Source
from storytui_train.data.examples import Row
from storytui_train.data.pipeline.record import write_atomically
from storytui_train.data.pipeline.running import (
    OF_TEXTS,
    REFUSED,
    SHOWN,
    Work,
    described,
    refusals,
)
from storytui_train.data.pipeline.texts import counts, do, lines_in, sizes_of, sources_of, tasks_of
from storytui_train.errors import TrainError

if TYPE_CHECKING:
    from storytui_train.data.split import SplitPlan

Struct = TypeVar("Struct", bound=msgspec.Struct)
FIGURES, PLAN, INDEX = "figures", "plan.json", "held.npz"


class _Head(msgspec.Struct, frozen=True):
    """Of a row what says where it belongs; the rest is not read."""

    source: Source
    chapter_number: int
    span: tuple[int, int]


def chunk(work: Work) -> Mapping[str, int]:
    """Cut the chosen texts into rows, and add the rows that came finished."""
    from storytui_train.data.pipeline.blocks import Chunk, FinishedRows, Mark, ReadLines, WriteLines

    source = work.place.parts("choose")
    steps = [
        ReadLines(source, Document),
        Mark(work.marks("chunk")),
        Chunk(work.recipe.chunk, work.recipe.seed, work.folder / FIGURES),
        FinishedRows(sources_of(work), work.place.folder, work.refused),
        WriteLines(work.parts),
    ]
    tasks = tasks_of(work)
    sizes = sizes_of(source, tasks)
    do(work, "chunk", steps, tasks=tasks, total=lines_in(source), sizes=sizes)
    rows = lines_in(work.parts)
    if not rows:
        left = refusals(work.place, OF_TEXTS)
        why = "; ".join(described(each).rstrip(".") for each in left[:SHOWN])
        raise TrainError(
            f"No row could be cut: every text was left out{f' ({why})' if why else ''}, or is too "
            f"short. All reasons stand in {work.place.folder}, in each stage's {REFUSED}."
        )
    return {"rows": rows}


def split(work: Work) -> Mapping[str, int]:
    """Hold out authors, books or chapters, and drop rows that share text with them."""
    from storytui_train.data.pipeline.blocks import Assign, Mark, ReadLines, WriteLines
    from storytui_train.data.split import count_books, plan_splits

    source, options = work.place.parts("chunk"), work.recipe.split
    heads = cast("Iterator[Row]", _lines(source, _Head))
    books = count_books(heads, "place" if options.by == "place" else "chapter")
    plan = plan_splits(books, options, work.recipe.seed)
    write_atomically(work.folder / PLAN, msgspec.json.encode(plan))
    work.told(f"split: {plan.report.sentence}")
    index = None
    if options.overlap_words:
        index = work.folder / INDEX
        _index(work, source, index)
    rows = lines_in(source)
    steps = [
        ReadLines(source, Row),
        Mark(work.marks("split")),
        Assign(work.folder / PLAN, index, work.refused),
        WriteLines(work.parts),
    ]
    tasks = tasks_of(work)
    sizes = sizes_of(source, tasks)
    do(work, "split", steps, tasks=tasks, total=rows, unit="rows", sizes=sizes)
    kept = lines_in(work.parts)
    found = Counter(each.split for each in _lines(work.parts, _Split))
    return {**counts("rows", kept, rows), **{name: found[name] for name in sorted(found)}}


class _Split(msgspec.Struct, frozen=True):
    split: str


def _index(work: Work, source: Path, path: Path) -> None:
    """Write down the word runs of what is held out."""
    import numpy as np

    from storytui_train.data.overlap import held_of
    from storytui_train.data.split import SplitPlan

    plan = msgspec.json.decode((work.folder / PLAN).read_bytes(), type=SplitPlan)
    held = held_of(_held(plan, source), work.recipe.split.overlap_words)
    part = path.with_name(f"{path.name}.part.npz")
    np.savez(part, test=held.test, validation=held.validation, words=held.words)
    part.replace(path)


def _held(plan: "SplitPlan", source: Path) -> Iterator[Row]:
    """The rows that are held out, with their splits."""
    from storytui_train.data.split import unit_of

    whole = msgspec.json.Decoder(Row)
    head = msgspec.json.Decoder(_Head)
    for part in sorted(source.glob("*.jsonl")):
        with part.open("rb") as lines:
            for line in lines:
                found = head.decode(line)
                name = plan.books[found.source.id].get(unit_of(found, plan.by))
                if name in ("test", "validation"):
                    yield msgspec.structs.replace(whole.decode(line), split=name)


def _lines(folder: Path, kind: type[Struct]) -> Iterator[Struct]:
    from storytui_train.data.pipeline.blocks import read_lines

    for part in sorted(folder.glob("*.jsonl")):
        yield from read_lines(part, kind)
