"""From rows to plans: nothing dropped in silence, nothing private sent, always the same."""

import asyncio
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.base import PipelineStep
from teacher_rows import files, make_row, options, rows
from teacher_run import SEED, run
from teacher_stand_in import LINES, SENTENCES, StandIn

from storytui_train.data.documents import Source
from storytui_train.data.examples import Row
from storytui_train.data.teacher.prompts import asked_words, prompt_hash
from storytui_train.data.teacher.reasoning import (
    Planned,
    payload_of,
    plan_row,
    reason_block,
    rows_for,
    tasks_for,
)
from storytui_train.data.teacher.replies import kept_replies, spent
from storytui_train.data.teacher.running import document_of, read_planned
from storytui_train.errors import RecipeError, TeacherError
from storytui_train.recipe import TeacherOptions

Standing = Callable[..., StandIn]
HERE = options("http://127.0.0.1:1/v1")
PLAN = " ".join(SENTENCES[:7])
HER_OWN = Source(id="manuscript-x", kind="manuscript", title="X", private=True)


@dataclass
class Said:
    text: str
    finish_reason: str = "stop"
    usage: dict[str, Any] = field(
        default_factory=lambda: {"prompt_tokens": 7, "completion_tokens": 2, "cost": 0.5}
    )


def teach(row: Row, given: TeacherOptions, *replies: str) -> tuple[Planned, list[dict[str, Any]]]:
    """What comes of a row with a teacher that says these things, one after another."""
    asked: list[dict[str, Any]] = []

    async def generate(payload: dict[str, Any]) -> Said:
        asked.append(payload)
        return Said(replies[len(asked) - 1])

    return asyncio.run(plan_row(row, generate, given, SEED)), asked


ONE = msgspec.structs.replace(HERE, plans=1, guidance=False)


def test_a_usable_plan_is_kept_with_what_it_took() -> None:
    planned, asked = teach(make_row(1), ONE, PLAN)

    (plan,) = planned.plans
    assert (plan.text, plan.angle, plan.attempt, plan.leak) == (PLAN, "motives", 1, 0.0)
    assert planned.teacher is not None
    assert planned.teacher.prompt == prompt_hash(ONE)
    assert (planned.teacher.requests, planned.teacher.cost) == (1, 0.5)
    assert planned.refusals == ()
    assert len(asked) == 1


def test_a_fault_is_told_to_the_next_attempt_and_counted() -> None:
    leaking = f"{PLAN} {make_row(1).continuation.split('. ')[0].strip()}."

    planned, asked = teach(make_row(1), ONE, "", leaking, PLAN)

    assert [plan.attempt for plan in planned.plans] == [3]
    assert planned.faults["empty"] == 1
    assert planned.faults["leak"] == 1
    assert planned.teacher is not None
    assert (planned.teacher.requests, planned.teacher.prompt_tokens) == (3, 21)
    assert "used words of the note" in asked[2]["messages"][1]["content"]
    assert "An earlier answer" not in asked[0]["messages"][1]["content"]
    assert len({payload["seed"] for payload in asked}) == 3


def test_a_row_without_a_usable_plan_is_listed_with_the_faults() -> None:
    planned, asked = teach(make_row(1), ONE, "", "I'm sorry, I can't help.", "It is time.", "")

    assert len(asked) == ONE.attempts
    assert planned.plans == ()
    (refusal,) = planned.refusals
    assert (refusal.stage, refusal.id, refusal.reason) == ("reason", make_row(1).id, "no plan")
    assert "empty; refusal; too short" in refusal.detail


def test_a_missing_guidance_line_is_listed_and_the_row_kept() -> None:
    given = msgspec.structs.replace(ONE, guidance=True, attempts=1)

    planned, _ = teach(make_row(1), given, PLAN, "Two sentences. They are too many.")

    assert len(planned.plans) == 1
    assert [each.reason for each in planned.refusals] == ["no guidance"]


def test_plans_look_from_different_angles() -> None:
    given = msgspec.structs.replace(HERE, plans=4, guidance=True)

    planned, asked = teach(make_row(1), given, *[PLAN] * 4, LINES[0])

    assert [plan.angle for plan in planned.plans] == ["motives", "stakes", "senses", "pace"]
    assert planned.guidance == LINES[0]
    assert len({payload["messages"][1]["content"] for payload in asked}) == 5


def test_a_row_with_a_reasoning_of_its_own_is_left_alone() -> None:
    row = msgspec.structs.replace(make_row(1), reasoning="So it must be.")

    assert teach(row, HERE) == (Planned(row=row), [])


def test_seed_and_row_change_the_request() -> None:
    def request(seed: int, what: str) -> dict[str, Any]:
        return payload_of(HERE, [], seed, what, (1, 9))

    assert request(1, "a") == request(1, "a")
    assert len({request(1, "a")["seed"], request(2, "a")["seed"], request(1, "b")["seed"]}) == 3
    assert all(0 <= request(seed, "a")["seed"] < 2**31 for seed in range(200))


def test_openai_s_own_endpoint_is_told_the_length_by_its_own_name() -> None:
    given = TeacherOptions(kind="endpoint", url="https://api.openai.com/v1")
    own = payload_of(given, [], 1, "a", (1, 9))

    assert "max_tokens" not in own
    assert own["max_completion_tokens"] == TeacherOptions().max_tokens


def test_a_limit_takes_rows_by_chance_and_a_higher_one_takes_more() -> None:
    def drawn(limit: int, seed: int = 1) -> set[str] | None:
        return rows_for(rows(50), msgspec.structs.replace(HERE, rows=limit), seed)

    few, more = drawn(5), drawn(12)
    assert few is not None
    assert more is not None
    assert (len(few), len(more)) == (5, 12)
    assert few < more
    assert drawn(5, seed=2) != few
    assert drawn(0) is None


def test_a_private_text_never_leaves_this_machine(
    standing_in: Standing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in = standing_in()
    given = options(stand_in.url, budget=1.0)
    over = [make_row(1), make_row(2, source=HER_OWN), make_row(3, source=HER_OWN)]
    # As if the stand-in were elsewhere.
    monkeypatch.setattr("storytui_train.data.teacher.access.is_her_own", lambda host: False)

    found = run(tmp_path / "a", given, over)

    assert [len(each.plans) for each in found] == [2, 0, 0]
    assert [each.refusals[0].id for each in found[1:]] == [HER_OWN.id] * 2
    assert all(each.teacher is None for each in found[1:])
    assert sum(stand_in.received.values()) == 3
    sent = "".join(body["messages"][1]["content"] for body in stand_in.bodies)
    assert over[0].continuation.strip() in sent
    assert not any(row.continuation.strip() in sent for row in over[1:])

    allowed = msgspec.structs.replace(given, send_private=True)
    assert [len(each.plans) for each in run(tmp_path / "b", allowed, over)] == [2, 2, 2]


def test_a_teacher_elsewhere_needs_a_budget_and_keeps_to_it(
    standing_in: Standing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in = standing_in()
    monkeypatch.setattr("storytui_train.data.teacher.access.is_her_own", lambda host: False)
    given = options(stand_in.url, max_tokens=300, concurrency=4)
    with pytest.raises(RecipeError, match=r"teacher\.budget"):
        reason_block(given, tmp_path, SEED)
    budget = 0.02

    with pytest.raises(TeacherError, match=r"raise teacher\.budget"):
        run(tmp_path, msgspec.structs.replace(given, budget=budget), rows(60))

    kept = spent(tmp_path / "replies")
    assert budget / 2 < kept.reported <= budget
    assert kept.replies == len(stand_in.answered) == sum(stand_in.received.values())
    found = run(tmp_path, msgspec.structs.replace(given, budget=1.0), rows(60))
    assert len(found) == 60
    assert set(stand_in.received.values()) == {1}
    teachers = [each.teacher for each in found]
    total = sum(each.cost for each in teachers if each is not None)
    assert total == pytest.approx(spent(tmp_path / "replies").reported)


CONTENT = {"empty": 0.1, "length": 0.1, "refusal": 0.1, "leak": 0.2, "list": 0.1}


def test_replies_that_cannot_be_used_cost_attempts_and_no_row(
    standing_in: Standing, tmp_path: Path
) -> None:
    stand_in = standing_in(faults=CONTENT)

    found = run(tmp_path, options(stand_in.url), rows(30))

    faults = sum((Counter(each.faults) for each in found), Counter[str]())
    assert {"empty", "cut off", "refusal", "leak", "list"} <= set(faults)
    assert [each.row.id for each in found] == [row.id for row in rows(30)]
    assert all(each.plans or each.refusals for each in found)
    assert all(plan.leak == 0 for each in found for plan in each.plans)
    asked = sum(each.teacher.requests for each in found if each.teacher is not None)
    assert asked == len(stand_in.answered) == len(list(kept_replies(tmp_path / "replies")))


def test_the_same_comes_out_however_many_are_asked_at_once(
    standing_in: Standing, tmp_path: Path
) -> None:
    for name, at_once in (("a", 1), ("b", 16)):
        given = options(standing_in(faults=CONTENT).url, concurrency=at_once)
        run(tmp_path / name, given, rows(15))

    assert files(tmp_path / "a" / "plans") == files(tmp_path / "b" / "plans")


class RowsOfTask(PipelineStep):
    """Gives each task its share of the rows."""

    name = "rows"
    type = "reader"

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def run(self, data: Any = None, rank: int = 0, world_size: int = 1) -> Any:
        return (document_of(make_row(number)) for number in range(rank, self.count, world_size))


def test_it_runs_under_datatrove_s_executor_and_another_number_of_tasks_asks_nothing_again(
    standing_in: Standing, tmp_path: Path
) -> None:
    stand_in = standing_in(faults={"500": 0.1, "drop": 0.05, **CONTENT})
    given = options(stand_in.url)

    def execute(tasks: int, workers: int) -> dict[str, Planned]:
        output = tmp_path / f"plans-{tasks}"
        block = reason_block(given, tmp_path, SEED, output=output)
        LocalPipelineExecutor(
            [RowsOfTask(12), block],
            tasks=tasks,
            workers=workers,
            logging_dir=str(tmp_path / f"logs-{tasks}"),
        ).run()
        return {each.row.id: each for each in read_planned(output)}

    one = execute(1, 1)
    count = sum(stand_in.received.values())
    three = execute(3, 2)

    assert len(one) == 12
    assert one == three
    assert sum(stand_in.received.values()) == count
    written = (tmp_path / "logs-1" / "executor.json").read_text()
    assert os.environ["STAND_IN_KEY"] not in written


def test_one_task_waits_for_an_endpoint() -> None:
    assert tasks_for(HERE, 16) == 1
    assert tasks_for(msgspec.structs.replace(HERE, kind="vllm"), 16) == 16


def test_the_local_engine_is_the_server_that_the_caller_makes(tmp_path: Path) -> None:
    from datatrove.pipeline.inference.servers import InferenceServer
    from datatrove.pipeline.inference.types import InferenceError

    asked: list[dict[str, Any]] = []

    class Engine(InferenceServer):
        async def start_server(self) -> None:
            return None

        async def monitor_health(self) -> None:
            await asyncio.Event().wait()

        async def is_ready(self) -> bool:
            return True

        async def make_request(self, payload: dict[str, Any]) -> dict[str, Any]:
            asked.append(payload)
            if "4 of May" in payload["messages"][1]["content"]:
                raise InferenceError(None, "BadRequestError: it is too long") from ValueError()
            guidance = "Say in one sentence" in payload["messages"][1]["content"]
            message = {"content": LINES[0] if guidance else PLAN}
            return {"choices": [{"message": message, "finish_reason": "stop"}], "usage": {}}

    given = msgspec.structs.replace(HERE, kind="local", model="smollm2")

    found = run(tmp_path, given, rows(5), local=Engine)

    assert [len(each.plans) for each in found] == [2, 2, 2, 2, 0]
    assert {each.guidance for each in found[:4]} == {LINES[0]}
    assert "turned away (it is too long)" in found[4].refusals[0].detail
    shortest, longest = asked_words(given)
    hints = [payload["storytui"] for payload in asked]
    assert {"words": (shortest + longest) // 2, "min_words": shortest} in hints
    assert all(payload["max_tokens"] <= 2 * longest + 64 for payload in asked)
    assert found[0].teacher is not None
    assert (found[0].teacher.model, found[0].teacher.cost) == ("smollm2", 0.0)


def test_a_folder_that_cannot_be_written_is_told(standing_in: Standing, tmp_path: Path) -> None:
    (tmp_path / "plans").write_text("in the way")

    with pytest.raises(TeacherError, match="plans cannot be written"):
        run(tmp_path, options(standing_in().url), rows(1))


def test_a_disk_that_gets_full_leaves_nothing_half_written(
    standing_in: Standing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("storytui_train.data.teacher.running.os.fsync", fail)

    with pytest.raises(TeacherError, match="No space left on device"):
        run(tmp_path, options(standing_in().url), rows(2))

    assert files(tmp_path / "plans") == {}
    assert len(list(kept_replies(tmp_path / "replies"))) == 6
