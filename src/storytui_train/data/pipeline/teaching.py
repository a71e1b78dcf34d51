"""The stage that has reasonings written, and keeps of several plans the one that helps most."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from shutil import copyfile
from typing import TYPE_CHECKING

import msgspec

from storytui_train.data.examples import Row
from storytui_train.data.pipeline.progress import Marks, shown
from storytui_train.data.pipeline.record import sha256_of
from storytui_train.data.pipeline.running import Work
from storytui_train.data.pipeline.texts import ALONE, do, lines_in, tasks_of
from storytui_train.data.pipeline.workplace import Workplace
from storytui_train.recipe import Recipe

if TYPE_CHECKING:
    from storytui_train.data.teacher.judging import Judged
    from storytui_train.data.teacher.reasoning import Planned

WRITTEN_FILE = "teacher.file"
"""What the file of written plans is called among the stage's inputs."""
TEACHER, PLANS, KEPT_PLANS = "teacher", "plans", "plans.jsonl"
"""Replies and judgements are kept in the first, whatever becomes of the stage's own folder."""


def reason(work: Work) -> Mapping[str, int]:
    """Have the teacher write plans and guidance for each row, and keep the best."""
    source = work.place.parts("split")
    if work.recipe.teacher.kind == "none":
        for part in sorted(source.glob("*.jsonl")):
            copyfile(part, work.parts / part.name)
        return {"rows": lines_in(work.parts), "with a new reasoning": 0}
    if work.recipe.teacher.kind == "written":
        _take(work, source)
    else:
        _ask(work, source)
    return _choose(work)


def written_hash(place: Workplace, recipe: Recipe) -> Mapping[str, str]:
    """The hash of the plans that are written already, where the recipe has some.

    Raises:
        RecipeError: they are not there, or the recipe has another teacher besides.
    """
    from storytui_train.data.teacher.access import plans_file
    from storytui_train.data.teacher.written import unreadable

    path = plans_file(recipe.teacher, place.recipe_folder)
    if path is None:
        return {}
    try:
        return {WRITTEN_FILE: sha256_of(path)}
    except OSError as error:
        raise unreadable(path, error) from error


def _take(work: Work, source: Path) -> None:
    """Take the plans that are written already; nobody is asked."""
    from storytui_train.data.pipeline.blocks import read_lines
    from storytui_train.data.teacher.access import check_teacher, plans_file
    from storytui_train.data.teacher.written import planned_rows, read_written

    options = work.recipe.teacher
    check_teacher(options)
    path = plans_file(options, work.place.recipe_folder)
    assert path is not None
    written = read_written(path)
    rows = (row for part in sorted(source.glob("*.jsonl")) for row in read_lines(part, Row))
    (work.folder / PLANS).mkdir(exist_ok=True)
    with (work.folder / PLANS / "00000.jsonl").open("wb") as lines:
        for planned in planned_rows(rows, written, options, path, work.told):
            lines.write(msgspec.json.encode(planned) + b"\n")


def _ask(work: Work, source: Path) -> None:
    """Ask for the plans of each row; what was answered before is not asked again."""
    from storytui_train.data.pipeline.blocks import Limit, Mark, ReadLines, read_lines
    from storytui_train.data.teacher.costs import estimate
    from storytui_train.data.teacher.reasoning import reason_block, rows_for, tasks_for
    from storytui_train.data.teacher.replies import kept_by_row, spent

    options = work.recipe.teacher
    local = None
    if options.kind == "local":
        from storytui_train.data.teacher.local import LocalTeachers

        local = LocalTeachers(options.model, log=work.folder / "teacher.log")

    def rows() -> Iterator[Row]:
        for part in sorted(source.glob("*.jsonl")):
            yield from read_lines(part, Row)

    chosen = rows_for(rows(), options, work.recipe.seed)
    given = (row for row in rows() if chosen is None or row.id in chosen)
    replies = work.place.folder / TEACHER / "replies"
    expected = estimate(given, options, spent(replies), kept_by_row(replies))
    if expected.requests:
        work.told(f"reason: {expected.told()}")
    steps = [
        ReadLines(source, Row),
        Limit(chosen),
        Mark(work.marks("teacher")),
        reason_block(
            options,
            work.place.folder / TEACHER,
            work.recipe.seed,
            output=work.folder / PLANS,
            local=local,
        ),
    ]
    tasks = tasks_for(options, tasks_of(work))
    total = len(chosen) if chosen is not None else lines_in(source)
    alone = ALONE if tasks == 1 else None
    do(work, "teacher", steps, tasks=tasks, total=total, unit="rows", options=alone)


def _choose(work: Work) -> Mapping[str, int]:
    """Keep the best plan of each row, and list what is left out."""
    from storytui_train.data.teacher.choosing import finish_row, kept_plans, left_out

    reasoned = rows = refused = 0
    work.refused.mkdir(exist_ok=True)
    with (
        (work.parts / "00000.jsonl").open("wb") as lines,
        (work.folder / KEPT_PLANS).open("wb") as plans,
        (work.refused / "teacher.jsonl").open("wb") as refusals,
    ):
        for planned, judged in _judged(work):
            finished = finish_row(planned, judged, work.recipe.score)
            for refusal in left_out(planned, finished):
                refusals.write(msgspec.json.encode(refusal) + b"\n")
            for kept in kept_plans(planned, judged):
                plans.write(msgspec.json.encode(kept) + b"\n")
            if isinstance(finished, Row):
                if judged is not None and judged.control_gain is not None and finished.reasoning:
                    control = {"control": round(judged.control_gain, 4)}
                    finished = msgspec.structs.replace(finished, scores=finished.scores | control)
                rows += 1
                reasoned += bool(finished.reasoning)
                lines.write(msgspec.json.encode(finished) + b"\n")
            else:
                refused += 1
    found = {"rows": rows, "with a reasoning": reasoned}
    return {**found, "left out": refused} if refused else found


def _judged(work: Work) -> Iterator[tuple["Planned", "Judged | None"]]:
    """Every row with its plans, those that were not given to the teacher among them, and what the
    judge found."""
    plans = _PlansFile(work.folder / PLANS)
    rows = _rows(work, plans)
    if not work.recipe.score.model:
        yield from ((planned, None) for planned in rows)
        return
    from storytui_train.data.teacher.controls import shuffled
    from storytui_train.data.teacher.judging import Judge

    marks, total = work.marks("judge"), len(plans.sources)
    others = shuffled(plans.sources, work.recipe.seed)
    folder = work.place.folder / TEACHER / "judgements"
    judge = Judge(work.recipe.score, folder, log=work.folder / "judge.log")
    mark = Marks(marks, 0)
    with shown("judge", marks, total, "rows"), closing(judge), closing(mark):
        for planned in rows:
            if not planned.plans:
                yield planned, None
                continue
            own = [each.text for each in planned.plans]
            theirs: list[str] = []
            other = others.get(planned.row.id, planned.row.id)
            while other != planned.row.id and len(theirs) < len(own):
                # As much choice as it has itself, where one row has not so many.
                theirs += [each.text for each in plans.of(other).plans]
                other = others[other]
            yield planned, judge.judge(planned.row, own, theirs[: len(own)])
            mark.one()


def _rows(work: Work, plans: "_PlansFile") -> Iterator["Planned"]:
    from storytui_train.data.pipeline.blocks import read_lines
    from storytui_train.data.teacher.reasoning import Planned

    for part in sorted(work.place.parts("split").glob("*.jsonl")):
        for row in read_lines(part, Row):
            yield plans.of(row.id) if row.id in plans.places else Planned(row=row)


class _PlansFile:
    """What the teacher made of each row, found by the row's id without being kept in memory."""

    def __init__(self, folder: Path) -> None:
        """Look all files through."""
        from storytui_train.data.teacher.reasoning import Planned

        self._decoder = msgspec.json.Decoder(Planned)
        self.places: dict[str, tuple[Path, int]] = {}
        self.sources: dict[str, str] = {}
        """Rows that have plans, with the ids of their sources."""
        for path in sorted(folder.glob("*.jsonl")):
            at = 0
            with path.open("rb") as lines:
                for line in lines:
                    found = self._decoder.decode(line)
                    self.places[found.row.id] = path, at
                    if found.plans:
                        self.sources[found.row.id] = found.row.source.id
                    at += len(line)

    def of(self, row: str) -> "Planned":
        """What was made of a row."""
        path, at = self.places[row]
        with path.open("rb") as file:
            file.seek(at)
            return self._decoder.decode(file.readline())
