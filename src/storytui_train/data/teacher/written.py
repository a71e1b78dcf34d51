"""Plans that are written already: read from a file by row ids, checked as a teacher's are.

People wrote them, or a model that is not asked here. The file has a line for each plan, in JSON:
`id` of the row, `reasoning`, and `guidance` where there is one.
"""

import codecs
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from storytui.story.visible import visible
from storytui_train.data.documents import Refusal
from storytui_train.data.examples import WRITTEN, Row, Teacher
from storytui_train.data.teacher.checks import (
    Fault,
    figures,
    guidance_faults,
    leaked_runs,
    plan_faults,
)
from storytui_train.data.teacher.reasoning import STAGE, Plan, Planned
from storytui_train.errors import RecipeError, TeacherError
from storytui_train.recipe import TeacherOptions

SHOWN_RUNS = 3


class Written(NamedTuple):
    """A plan as it stands in the file."""

    line: int
    """From 1."""
    reasoning: str
    guidance: str


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    reasoning: str
    guidance: str = ""


def read_written(path: Path) -> dict[str, Written]:
    """The plans of a file, by their rows' ids.

    Raises:
        RecipeError: it cannot be read.
        TeacherError: a line is not what it has to be, a row has two plans, or there is none.
    """
    decoder = msgspec.json.Decoder(_Line)
    found: dict[str, Written] = {}
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                text = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
                if not text.strip():
                    continue
                _add(found, decoder.decode(text), number, path)
    except OSError as error:
        raise unreadable(path, error) from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise TeacherError(
            f"{_named(path)}, line {number}, is no plan: "
            f"{visible(str(error), newlines=False)}. A line is "
            '{"id": "a row\'s id", "reasoning": "…", "guidance": "…"} in UTF-8, where guidance may '
            "be left out."
        ) from error
    if not found:
        raise TeacherError(f"{_named(path)}, which teacher.file names, holds no plan.")
    return found


def unreadable(path: Path, error: OSError) -> RecipeError:
    """What is said where the file cannot be read."""
    return RecipeError(
        f"{_named(path)}, which teacher.file names, cannot be read: {error.strerror}."
    )


def planned_rows(
    rows: Iterable[Row],
    written: Mapping[str, Written],
    options: TeacherOptions,
    path: Path,
    told: Callable[[str], None],
) -> Iterator[Planned]:
    """The rows that have a plan in the file, with what came of it, in the rows' order.

    Args:
        rows: all of them.
        written: the plans, by their rows' ids.
        options: how long a plan may be, and how much may leak.
        path: the file, to be named.
        told: gets a line where plans are left over.

    Raises:
        TeacherError: no row has a plan; raised after the last row.
    """
    used: set[str] = set()
    first = ""
    for row in rows:
        first = first or row.id
        if row.id in written:
            used.add(row.id)
            yield plan_written(row, written[row.id], options, path)
    left = [name for name in written if name not in used]
    if not left:
        return
    shown = visible(left[0], newlines=False)
    if not used:
        theirs = (
            f"the first row's is {visible(first, newlines=False)}" if first else "no row is left"
        )
        raise TeacherError(
            f"None of the {len(written):,} plans in {_named(path)} is for a row: the file's first "
            f"id is {shown}, and {theirs}. Rows that are cut in "
            "another way, or from a changed text, have other ids: take those of the rows in "
            "split/parts in the working folder."
        )
    told(
        f"reason: {len(left):,} of {len(written):,} plans in {_named(path)} are for rows that are "
        f"not there (the first is {shown}): they were cut in another way, or left out"
    )


def plan_written(row: Row, written: Written, options: TeacherOptions, path: Path) -> Planned:
    """A row and the plan that somebody wrote for it, or why that cannot be used.

    Args:
        row: one with a reasoning or guidance of its own is given the file's instead.
        written: its plan.
        options: the limits, and who wrote it; guidance is only taken where the recipe wants it.
        path: the file, to be named.
    """
    text = written.reasoning.strip()
    line = written.guidance.strip() if options.guidance else ""
    wrong = plan_faults(text, row, options, "")
    misled = guidance_faults(line, row, options, "") if line else []
    place = f"line {written.line} of {_named(path)}"
    refusals: list[Refusal] = []
    plans: tuple[Plan, ...] = ()
    if wrong:
        detail = f"The plan in {place} cannot be used: {_reasons(wrong, text, row, options)}"
        refusals.append(_refusal(row, "no plan", detail))
    else:
        measured = figures(text, row, options)
        leak, retold = round(measured.leak, 6), round(measured.retold, 6)
        plans = (Plan(text=text, angle=WRITTEN, attempt=1, leak=leak, retold=retold),)
    if misled and plans:
        detail = f"The row is kept without the guidance in {place}: "
        detail += _reasons(misled, line, row, options)
        refusals.append(_refusal(row, "no guidance", detail))
    return Planned(
        row=row,
        plans=plans,
        guidance="" if misled else line or row.guidance,
        teacher=Teacher(model=options.writer.strip() or WRITTEN, prompt=""),
        refusals=tuple(refusals),
        faults=dict(sorted(Counter(fault.name for fault in (*wrong, *misled)).items())),
    )


def _add(found: dict[str, Written], line: _Line, number: int, path: Path) -> None:
    if line.id in found:
        raise TeacherError(
            f"{_named(path)} has two plans for {visible(line.id, newlines=False)}, in lines "
            f"{found[line.id].line} and {number}: take one of them out."
        )
    found[line.id] = Written(number, line.reasoning, line.guidance)


def _reasons(faults: Sequence[Fault], text: str, row: Row, options: TeacherOptions) -> str:
    """What is wrong, for a person: the sentences for teachers know the continuation as a note."""
    leaked = "; ".join(dict.fromkeys(leaked_runs(text, row, options)[:SHOWN_RUNS]))
    said = f"It has words of the continuation: {leaked}."
    return " ".join(
        f"{fault.name}: {said if fault.name == 'leak' else fault.told}" for fault in faults
    )


def _refusal(row: Row, reason: str, detail: str) -> Refusal:
    return Refusal(stage=STAGE, id=row.id, title=row.source.title, reason=reason, detail=detail)


def _named(path: Path) -> str:
    return visible(str(path), newlines=False)
