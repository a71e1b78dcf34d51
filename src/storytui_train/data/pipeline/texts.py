"""The stages that make texts: clean and choose."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from storytui_train.data.documents import Gathered
from storytui_train.data.pipeline.gathering import SOURCES
from storytui_train.data.pipeline.running import Work
from storytui_train.recipe import RunOptions

MOST_TASKS = 256
"""Pieces that work is cut into, where the recipe does not say."""
ALONE = RunOptions(workers=1)


def sources_of(work: Work) -> Path:
    """The list of what was gathered."""
    return work.place.parts("gather") / SOURCES


def texts_in(work: Work) -> int:
    """How many texts were gathered that are to be cut."""
    from storytui_train.data.pipeline.blocks import read_lines

    return sum(not each.rows for each in read_lines(sources_of(work), Gathered))


def tasks_of(work: Work) -> int:
    """The pieces that work is cut into: the same in all stages of a working folder."""
    return work.recipe.run.tasks or min(max(texts_in(work), 1), MOST_TASKS)


def lines_in(folder: Path) -> int:
    """How many lines a stage's parts have."""
    count = 0
    for part in sorted(folder.glob("*.jsonl")):
        with part.open("rb") as file:
            while block := file.read(1 << 20):
                count += block.count(b"\n")
    return count


def sizes_of(folder: Path, tasks: int) -> list[int]:
    """Bytes of each piece's part in a stage's output; 0 where it has none."""
    parts = [folder / f"{rank:05d}.jsonl" for rank in range(tasks)]
    return [part.stat().st_size if part.exists() else 0 for part in parts]


def _sizes_gathered(work: Work, tasks: int) -> list[int]:
    """Bytes of the files of each piece's sources."""
    from storytui_train.data.pipeline.blocks import read_lines

    sizes = [0] * tasks
    texts = (each for each in read_lines(sources_of(work), Gathered) if not each.rows)
    for number, each in enumerate(texts):
        path = work.place.folder / each.path
        sizes[number % tasks] += path.stat().st_size if path.is_file() else 0
    return sizes


def do(
    work: Work,
    name: str,
    steps: Sequence[Any],
    *,
    tasks: int,
    total: int = 0,
    unit: str = "texts",
    sizes: Sequence[int] = (),
    options: RunOptions | None = None,
) -> None:
    """Run a pipeline in pieces, on the recipe's executor unless another is told.

    Raises:
        TrainError: a piece failed.
    """
    from storytui_train.data.pipeline.executors import Job, run_job

    job = Job(
        name=name,
        steps=steps,
        logs=work.logs(name),
        tasks=tasks,
        marks=work.marks(name),
        company=work.place.company,
        total=total,
        unit=unit,
        sizes=sizes,
    )
    run_job(job, options or work.recipe.run)


def clean(work: Work) -> Mapping[str, int]:
    """Extract and clean what was gathered."""
    from storytui_train.data.pipeline.blocks import Clean, WriteLines

    texts, tasks = texts_in(work), tasks_of(work)
    block = Clean(
        sources_of(work),
        work.place.folder,
        work.recipe.clean,
        work.refused,
        work.marks("clean"),
    )
    steps = [block, WriteLines(work.parts)]
    sizes = _sizes_gathered(work, tasks)
    do(work, "clean", steps, tasks=tasks, total=texts, sizes=sizes)
    return counts("texts", lines_in(work.parts), texts)


def choose(work: Work) -> Mapping[str, int]:
    """Measure texts, and keep what is wanted, each of them once."""
    from storytui_train.data.documents import Document
    from storytui_train.data.pipeline.blocks import (
        Judge,
        ListedRefusals,
        Mark,
        ReadLines,
        WriteLines,
    )

    options, tasks = work.recipe.choose, tasks_of(work)
    source = work.place.parts("clean")
    texts, sizes = lines_in(source), sizes_of(source, tasks)
    unique = options.duplicates == "keep"
    judged = work.parts if unique else work.folder / "judged"
    steps = [
        ReadLines(source, Document),
        Mark(work.marks("choose")),
        Judge(options, work.refused),
        WriteLines(judged),
    ]
    if unique:
        do(work, "choose", steps, tasks=tasks, total=texts, sizes=sizes)
        return counts("texts", lines_in(work.parts), texts)
    from storytui_train.data.choose.duplicates import (
        BUCKETS,
        buckets_block,
        cluster_block,
        filter_block,
        signature_block,
    )

    folder = str(work.folder / "duplicates")
    steps.append(signature_block(folder))
    do(work, "choose", steps, tasks=tasks, total=texts, sizes=sizes)
    do(work, "buckets", [buckets_block(folder)], tasks=BUCKETS, options=_near(work))
    do(work, "clusters", [cluster_block(folder, options.keep)], tasks=1, options=ALONE)
    refused = ListedRefusals(work.refused, "Duplicates")
    steps = [ReadLines(judged, Document), filter_block(folder, refused), WriteLines(work.parts)]
    do(work, "duplicates", steps, tasks=tasks, options=_near(work))
    return counts("texts", lines_in(work.parts), texts)


def _near(work: Work) -> RunOptions:
    """For small work: in this process, unless a cluster is asked for."""
    return ALONE if work.recipe.run.executor == "local" else work.recipe.run


def counts(unit: str, kept: int, given: int) -> dict[str, int]:
    """What a stage kept and left out, in words."""
    return {unit: kept, "left out": given - kept} if given > kept else {unit: kept}
