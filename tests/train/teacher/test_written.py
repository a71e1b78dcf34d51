"""Plans that people wrote: taken by the rows' ids, checked as any others, and nothing is asked."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from teacher_rows import NEXT, make_row, rows
from teacher_stand_in import LINES, SENTENCES

from storytui_train.data.examples import Row, Teacher
from storytui_train.data.teacher.access import check_teacher, is_here, plans_file, refuse_private
from storytui_train.data.teacher.choosing import finish_row
from storytui_train.data.teacher.reasoning import Planned
from storytui_train.data.teacher.written import (
    Written,
    plan_written,
    planned_rows,
    read_written,
)
from storytui_train.errors import RecipeError, TeacherError
from storytui_train.recipe import ScoreOptions, TeacherOptions

PLAN = " ".join(SENTENCES[:7])
PATH = Path("plans.jsonl")
OPTIONS = TeacherOptions(kind="written", file="plans.jsonl")


def write(path: Path, *lines: Any) -> Path:
    """A file with these lines, as JSON where they are no text."""
    told = [each if isinstance(each, str) else json.dumps(each) for each in lines]
    path.write_text("".join(f"{each}\n" for each in told), encoding="utf-8")
    return path


def line(number: int, **changes: Any) -> dict[str, Any]:
    return {"id": make_row(number).id, "reasoning": PLAN, **changes}


def take(
    over: Iterable[Row], path: Path, options: TeacherOptions = OPTIONS
) -> tuple[list[Planned], list[str]]:
    told: list[str] = []
    return list(planned_rows(over, read_written(path), options, path, told.append)), told


def test_rows_get_the_plans_of_their_ids_in_their_own_order(tmp_path: Path) -> None:
    other = PLAN.replace("first", "at last")
    path = write(tmp_path / "p", line(3, reasoning=f" {other}\n"), "", line(1, guidance=LINES[0]))

    found, told = take(rows(6), path)

    assert [(each.row.id, each.plans[0].text, each.guidance) for each in found] == [
        (make_row(1).id, PLAN, LINES[0]),
        (make_row(3).id, other, ""),
    ]
    assert all(each.teacher == Teacher(model="written", prompt="") for each in found)
    assert told == []
    finished = finish_row(found[0], None, ScoreOptions())
    assert isinstance(finished, Row)
    assert (finished.reasoning, finished.guidance) == (PLAN, LINES[0])


def test_a_model_that_wrote_them_elsewhere_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "p", line(0))
    options = TeacherOptions(kind="written", file="p", writer=" a large model ")
    found, _ = take(rows(1), path, options)
    assert found[0].teacher == Teacher(model="a large model", prompt="")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (TeacherOptions(kind="written", file="p", writer="written"), 'writer is "written"'),
        (TeacherOptions(kind="local", writer="a large model"), "teacher.writer is only read"),
        (TeacherOptions(kind="local", file="p"), "teacher.file is only read"),
    ],
)
def test_what_is_said_of_a_file_belongs_to_one(options: TeacherOptions, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        plans_file(options, PATH.parent)


@settings(deadline=None, max_examples=40)
@given(st.sets(st.integers(0, 15), min_size=1), st.sets(st.integers(0, 9), min_size=1))
def test_every_plan_is_taken_or_told_of(planned: set[int], there: set[int]) -> None:
    written = {make_row(each).id: Written(each + 1, PLAN, "") for each in sorted(planned)}
    told: list[str] = []
    taken = planned_rows(map(make_row, sorted(there)), written, OPTIONS, PATH, told.append)

    if not planned & there:
        with pytest.raises(TeacherError, match="None of the"):
            list(taken)
        return
    assert [each.row.id for each in taken] == [
        make_row(each).id for each in sorted(planned & there)
    ]
    left = sorted(planned - there)
    assert len(told) == bool(left)
    if left:
        assert f"{len(left)} of {len(planned)} plans" in told[0]
        assert make_row(left[0]).id in told[0]


def test_the_limit_of_rows_is_not_for_them(tmp_path: Path) -> None:
    path = write(tmp_path / "p", *map(line, range(4)))
    found, _ = take(rows(4), path, TeacherOptions(kind="written", file="p", rows=1))
    assert len(found) == 4


@pytest.mark.parametrize(
    ("plan", "fault"),
    [
        ("", "empty"),
        ("He wants to go and she wants him to stay.", "too short"),
        (" ".join(SENTENCES * 2), "too long"),
        (f"<think>He waits.</think> {PLAN}", "tags"),
        (f"{PLAN} The boat had gone from its ring before the tide had turned.", "leak"),
        (f"{PLAN} And then they", "cut off"),
    ],
)
def test_what_fails_the_checks_is_refused_with_line_and_reason(plan: str, fault: str) -> None:
    row = msgspec.structs.replace(make_row(1), continuation=" ".join(NEXT))
    found = plan_written(row, Written(7, plan, ""), OPTIONS, PATH)

    assert found.plans == ()
    assert fault in found.faults
    assert [(each.id, each.reason) for each in found.refusals] == [(row.id, "no plan")]
    assert f"line 7 of plans.jsonl cannot be used: {fault}: " in found.refusals[0].detail
    assert finish_row(found, None, ScoreOptions()) == found.refusals[0]
    if fault == "leak":
        assert "of the continuation: the boat had gone from its" in found.refusals[0].detail


def test_a_guidance_that_fails_costs_the_guidance_alone() -> None:
    found = plan_written(make_row(1), Written(2, PLAN, "They go. They stay."), OPTIONS, PATH)

    assert [each.text for each in found.plans] == [PLAN]
    assert found.guidance == ""
    assert [each.reason for each in found.refusals] == ["no guidance"]
    assert "line 2" in found.refusals[0].detail


def test_guidance_is_only_taken_where_it_is_wanted() -> None:
    unwanted = TeacherOptions(kind="written", file="p", guidance=False)
    assert plan_written(make_row(1), Written(1, PLAN, LINES[0]), unwanted, PATH).guidance == ""
    own = make_row(1, guidance="Its own.")
    assert plan_written(own, Written(1, PLAN, ""), OPTIONS, PATH).guidance == "Its own."


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("{oops", "malformed"),
        ("[1]", "array"),
        ({"id": "a"}, "reasoning"),
        ({"id": "a", "reasoning": 3}, "reasoning"),
        ({"id": "a", "reasoning": PLAN, "guidence": "x"}, "guidence"),
        ('{"id": "a", "reasoning": "\\ud800"}', "truncated"),
        ('{"id": "a", "reasoning": "x", "\\u001b[2J": 1}', "␛"),
    ],
)
def test_a_line_that_is_no_plan_is_named(tmp_path: Path, wrong: Any, said: str) -> None:
    path = write(tmp_path / "plans.jsonl", line(1), "", wrong)
    with pytest.raises(TeacherError, match=r"plans\.jsonl, line 3, is no plan: ") as caught:
        read_written(path)
    assert said in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_what_is_no_text_is_named_too(tmp_path: Path) -> None:
    path = tmp_path / "plans.jsonl"
    path.write_bytes(b'{"id": "a", "reasoning": "\xff"}\n')
    with pytest.raises(TeacherError, match="line 1, is no plan"):
        read_written(path)


def test_a_byte_order_mark_and_other_line_ends_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "plans.jsonl"
    text = "\r\n".join(json.dumps(line(each)) for each in (1, 2))
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert [each.line for each in read_written(path).values()] == [1, 2]


def test_two_plans_of_a_row_are_named(tmp_path: Path) -> None:
    path = write(tmp_path / "plans.jsonl", line(1), line(2), line(1))
    with pytest.raises(TeacherError, match=r"two plans for book:1-10, in lines 1 and 3"):
        read_written(path)


def test_a_file_without_plans_or_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(TeacherError, match="holds no plan"):
        read_written(write(tmp_path / "p", "", " "))
    for missing in (tmp_path / "none", tmp_path):
        with pytest.raises(RecipeError, match="cannot be read"):
            read_written(missing)


def test_where_no_id_is_a_rows_the_error_shows_one_of_each(tmp_path: Path) -> None:
    path = write(tmp_path / "p", line(8), line(9))
    with pytest.raises(TeacherError, match=r"None of the 2 plans .* book:8-17.* book:0-9\. Rows"):
        take(rows(3), path)
    with pytest.raises(TeacherError, match="no row is left"):
        take([], path)


def test_the_file_is_seen_from_the_recipes_folder_and_needs_its_kind(tmp_path: Path) -> None:
    assert plans_file(OPTIONS, tmp_path) == tmp_path / "plans.jsonl"
    assert plans_file(TeacherOptions(kind="local"), tmp_path) is None
    with pytest.raises(RecipeError, match=r"set teacher\.file"):
        plans_file(TeacherOptions(kind="written"), tmp_path)
    with pytest.raises(RecipeError, match='it is "none"'):
        plans_file(TeacherOptions(file="p"), tmp_path)


def test_people_cost_nothing_and_may_read_everything() -> None:
    check_teacher(OPTIONS)
    assert is_here(OPTIONS)
    private = make_row(1)
    assert refuse_private(private, OPTIONS) is None
