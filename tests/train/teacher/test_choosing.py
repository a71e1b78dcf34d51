"""The best plan is kept, by the first half; the gain is told by the second."""

from dataclasses import dataclass

import msgspec
import pytest
from teacher_rows import make_row

from storytui_train.data.documents import Refusal
from storytui_train.data.examples import Row, Split, Teacher
from storytui_train.data.teacher.choosing import best_plan, finish_row, kept_plans, left_out
from storytui_train.data.teacher.reasoning import Plan, Planned
from storytui_train.recipe import ScoreOptions

TEACHER = Teacher(model="m", prompt="0" * 16, requests=3)
NO_PLAN = Refusal(stage="reason", id=make_row(1).id, reason="no plan", detail="None could be used.")


@dataclass(frozen=True)
class Found:
    choice: tuple[float, ...]
    reported: tuple[float, ...]


def planned(*texts: str, split: Split = "train", refusals: tuple[Refusal, ...] = ()) -> Planned:
    plans = [Plan(text=text, angle="motives", attempt=1, leak=0.01, retold=0.02) for text in texts]
    return Planned(
        row=make_row(1, split=split),
        plans=tuple(plans),
        guidance="They go.",
        teacher=TEACHER,
        refusals=refusals,
    )


def test_the_first_half_chooses_and_the_second_is_reported() -> None:
    row = finish_row(
        planned("a", "b", "c"), Found((1.0, 3.0, 2.0), (9.0, 0.5, 8.0)), ScoreOptions()
    )

    assert isinstance(row, Row)
    assert (row.reasoning, row.guidance, row.teacher) == ("b", "They go.", TEACHER)
    assert row.scores == {
        "plans": 3.0, "leak": 0.01, "retold": 0.02, "choice_gain": 3.0, "gain": 0.5
    }  # fmt: skip


def test_without_a_judge_the_first_plan_is_kept() -> None:
    row = finish_row(planned("a", "b"), None, ScoreOptions())

    assert isinstance(row, Row)
    assert row.reasoning == "a"
    assert "gain" not in row.scores


def test_of_plans_that_gain_the_same_the_first_is_kept() -> None:
    assert best_plan(planned("a", "b", "c"), Found((1.0, 2.0, 2.0), (0.0, 0.0, 0.0))) == 1


@pytest.mark.parametrize("gain", [-0.5, 0.99, float("nan")])
def test_a_training_row_that_no_plan_helps_is_dropped(gain: float) -> None:
    judged = Found((gain, -2.0), (5.0, 5.0))
    options = ScoreOptions(minimum_gain=1.0)

    dropped = finish_row(planned("a", "b"), judged, options)

    assert isinstance(dropped, Refusal)
    assert (dropped.reason, dropped.stage) == ("no gain", "reason")
    for split in ("validation", "test"):
        assert isinstance(finish_row(planned("a", "b", split=split), judged, options), Row)
    keeping = msgspec.structs.replace(options, drop=False)
    assert isinstance(finish_row(planned("a", "b"), judged, keeping), Row)


def test_a_row_without_a_plan_is_refused_but_never_a_test_row() -> None:
    assert finish_row(planned(refusals=(NO_PLAN,)), None, ScoreOptions()) == NO_PLAN

    kept = finish_row(planned(split="test", refusals=(NO_PLAN,)), None, ScoreOptions())
    assert isinstance(kept, Row)
    assert (kept.reasoning, kept.scores) == ("", {"plans": 0.0})


def test_a_row_that_the_teacher_was_not_asked_about_is_left_as_it_is() -> None:
    own = msgspec.structs.replace(make_row(1), reasoning="So it must be.")

    assert finish_row(Planned(row=own), None, ScoreOptions()) is own


def test_everything_that_was_left_out_is_listed_once() -> None:
    missing = planned(refusals=(NO_PLAN,))
    assert left_out(missing, finish_row(missing, None, ScoreOptions())) == [NO_PLAN]
    line = Refusal(stage="reason", id=make_row(1).id, reason="no guidance")
    poor = planned("a", refusals=(line,))
    refused = finish_row(poor, Found((-1.0,), (0.0,)), ScoreOptions())
    assert [each.reason for each in left_out(poor, refused)] == ["no guidance", "no gain"]


def test_all_plans_are_kept_beside() -> None:
    kept = kept_plans(planned("a", "b"), Found((1.0, 2.0), (3.0, 4.0)))

    assert [(each.plan.text, each.chosen, each.choice) for each in kept] == [
        ("a", False, 1.0),
        ("b", True, 2.0),
    ]
    assert [each.chosen for each in kept_plans(planned("a", "b"), None)] == [True, False]


def test_a_judge_of_other_plans_is_not_believed() -> None:
    with pytest.raises(ValueError, match="others are judged"):
        best_plan(planned("a", "b"), Found((1.0,), (1.0,)))
