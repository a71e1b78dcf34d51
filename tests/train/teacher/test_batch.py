"""The Batch API: rounds of files instead of requests, and the same in the end."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from teacher_rows import files, options, rows
from teacher_run import run
from teacher_stand_in import StandIn

from storytui_train.data.teacher import batch
from storytui_train.data.teacher.replies import kept_replies
from storytui_train.errors import RecipeError, TeacherError

Standing = Callable[..., StandIn]
FAULTS = {"empty": 0.1, "length": 0.1, "refusal": 0.1, "leak": 0.2}


def test_batches_bring_what_single_requests_bring(standing_in: Standing, tmp_path: Path) -> None:
    run(tmp_path / "a", options(standing_in(faults=FAULTS).url), rows(12))
    stand_in = standing_in(faults=FAULTS)

    run(tmp_path / "b", options(stand_in.url, kind="batch"), rows(12))

    assert files(tmp_path / "a" / "plans") == files(tmp_path / "b" / "plans")
    assert set(stand_in.received.values()) == {1}
    assert 1 < len(stand_in.batches) <= options("x").attempts
    first = stand_in.files[stand_in.batches["batch-1"].input].splitlines()
    assert len(first) == 12 * 3
    line = json.loads(first[0])
    assert (line["method"], line["url"]) == ("POST", "/v1/chat/completions")
    assert list(files(tmp_path / "b" / "batches")) == []


def test_a_second_run_asks_nothing(standing_in: Standing, tmp_path: Path) -> None:
    stand_in = standing_in()
    given = options(stand_in.url, kind="batch")
    first = run(tmp_path, given, rows(4))

    assert run(tmp_path, given, rows(4)) == first
    assert len(stand_in.batches) == 1


def test_what_a_batch_did_not_do_is_in_the_next(standing_in: Standing, tmp_path: Path) -> None:
    stand_in = standing_in(faults={"500": 0.3}, expires=1)

    found = run(tmp_path, options(stand_in.url, kind="batch"), rows(8))

    assert all(len(each.plans) == 2 for each in found)
    assert set(stand_in.answered.values()) == {1}
    assert len(stand_in.batches) > 1


def test_many_requests_become_several_batches(
    standing_in: Standing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in = standing_in()
    monkeypatch.setattr(batch, "MOST_REQUESTS", 10)

    run(tmp_path, options(stand_in.url, kind="batch"), rows(8))

    sizes = [len(stand_in.files[each.input].splitlines()) for each in stand_in.batches.values()]
    assert sizes == [10, 10, 4]


def test_requests_that_no_batch_can_answer_are_told(standing_in: Standing, tmp_path: Path) -> None:
    stand_in = standing_in(always="500")

    with pytest.raises(TeacherError, match=r"did not answer for 3 rows.*Something went wrong"):
        run(tmp_path, options(stand_in.url, kind="batch"), rows(3))

    assert len(stand_in.batches) == batch.FRUITLESS_ROUNDS
    assert files(tmp_path / "plans") == {}


def test_requests_that_are_turned_away_are_listed(standing_in: Standing, tmp_path: Path) -> None:
    stand_in = standing_in(always="turned-away")
    given = options(stand_in.url, kind="batch", attempts=2, guidance=False)

    found = run(tmp_path, given, rows(2))

    assert [each.refusals[0].reason for each in found] == ["no plan"] * 2
    assert set(stand_in.received.values()) == {1}
    assert all(each.error is not None for each in kept_replies(tmp_path / "replies"))


def test_a_wrong_key_is_told(
    standing_in: Standing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAND_IN_KEY", "sk-wrong")
    stand_in = standing_in()

    with pytest.raises(TeacherError, match="does not take the key"):
        run(tmp_path, options(stand_in.url, kind="batch"), rows(2))


def test_a_budget_holds_for_batches(
    standing_in: Standing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in = standing_in(report_cost=False)
    monkeypatch.setattr("storytui_train.data.teacher.access.is_her_own", lambda host: False)
    prices = {"prompt_price": 0.5, "completion_price": 2.0}
    with pytest.raises(RecipeError, match=r"teacher\.prompt_price"):
        run(tmp_path, options(stand_in.url, kind="batch", budget=0.02), rows(2))

    given = options(stand_in.url, kind="batch", budget=0.02, max_tokens=400, **prices)
    with pytest.raises(TeacherError, match=r"raise teacher\.budget"):
        run(tmp_path, given, rows(40))

    usages = [each.result["usage"] for each in kept_replies(tmp_path / "replies") if each.result]
    cost = sum(each["prompt_tokens"] * 0.5 + each["completion_tokens"] * 2 for each in usages) / 1e6
    assert 0.01 < cost <= 0.02
    assert len(stand_in.batches) > 1  # what the first left of the budget, the next ones used
