"""A recipe whose plans people wrote: they reach the dataset, and a changed file is taken anew."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from storytui_train.data.examples import Row

Train = Callable[..., tuple[int, str, str]]
PLAN = (
    "Nobody in the village has said what the old man wants, and that has to come out now. You "
    "can see that he is afraid of the year that lies before him, so the talk is of small things. "
    "The others wait for the one who knows the most, and the waiting makes them hard on him."
)


def rows_of(work: Path, stage: str) -> list[Row]:
    parts = sorted((work / stage / "parts").glob("*.jsonl"))
    return [
        msgspec.json.decode(line, type=Row)
        for part in parts
        for line in part.read_bytes().splitlines()
    ]


def write(recipe: Path, plans: dict[str, str]) -> None:
    lines = (json.dumps({"id": name, "reasoning": text}) for name, text in plans.items())
    recipe.with_name("plans.jsonl").write_text("\n".join(lines))


@pytest.fixture
def written(recipe: Path, train: Train) -> Path:
    """The recipe with a teacher of this kind, done up to the split."""
    teacher = '[teacher]\nkind = "written"\nfile = "plans.jsonl"\n'
    recipe.write_text(recipe.read_text() + teacher)
    assert train("run", recipe, "--until", "split")[0] == 0
    return recipe


def test_written_plans_reach_the_dataset_and_a_changed_file_is_taken_anew(
    written: Path, train: Train
) -> None:
    work = written.with_suffix("")
    ids = [row.id for row in rows_of(work, "split") if row.split == "train"]
    write(written, {ids[0]: PLAN, ids[1]: "Too short.", "gone:0-9": PLAN})

    status, _, told = train("run", written)

    assert status == 0, told
    assert told.count("1 of 3 plans in") == 1
    assert "not there (the first is gone:0-9)" in told
    reasoned = rows_of(work, "reason")
    assert {row.id: row.reasoning for row in reasoned if row.reasoning} == {ids[0]: PLAN}
    assert [row.teacher.model for row in reasoned if row.teacher] == ["written"]
    assert {row.id for row in rows_of(work, "split")} - {row.id for row in reasoned} == {ids[1]}
    refused = [json.loads(line) for line in (work / "reason" / "refused.jsonl").open()]
    assert [(each["id"], each["reason"]) for each in refused] == [(ids[1], "no plan")]
    assert "line 2" in refused[0]["detail"]
    assert json.loads((work / "dataset.json").read_text())["counts"]["rows"] == len(reasoned)
    assert not (work / "teacher").exists()
    assert "reason: nothing changed" in train("run", written)[2]

    write(written, {ids[0]: PLAN, ids[1]: PLAN})
    told = train("run", written)[2]

    assert "split: nothing changed" in told
    assert "reason: nothing changed" not in told
    assert sum(bool(row.reasoning) for row in rows_of(work, "reason")) == 2


def test_rows_without_a_plan_can_be_dropped(written: Path, train: Train) -> None:
    written.write_text(written.read_text().replace('without_reasoning = "keep"\n', ""))
    ids = [row.id for row in rows_of(written.with_suffix(""), "split") if row.split == "train"]
    write(written, dict.fromkeys(ids[:3], PLAN))
    assert train("run", written)[0] == 0
    record = json.loads((written.with_suffix("") / "dataset.json").read_text())
    assert record["counts"]["rows"] == 3


def test_plans_that_cannot_be_taken_end_the_run_with_one_sentence(
    written: Path, train: Train
) -> None:
    status, _, told = train("run", written)
    assert status == 2
    assert "plans.jsonl, which teacher.file names, cannot be read: No such file" in told

    write(written, {"gone:0-9": PLAN})
    status, _, told = train("run", written)
    assert status == 1
    assert "None of the 1 plans in" in told

    written.with_name("plans.jsonl").write_text("{}\n")
    status, _, told = train("run", written)
    assert status == 1
    assert "plans.jsonl, line 1, is no plan" in told
    assert "Traceback" not in told
    assert not (written.with_suffix("") / "reason.json").exists()


@dataclass
class Found:
    choice: tuple[float, ...]
    reported: tuple[float, ...]
    control_gain: float | None


def test_a_judge_reads_written_plans_too(
    written: Path, train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [row.id for row in rows_of(written.with_suffix(""), "split") if row.split == "train"]
    asked: list[tuple[str, Sequence[str], Sequence[str]]] = []

    class Judge:
        def __init__(self, *_: Any, **__: Any) -> None:
            pass

        def judge(self, row: Row, own: Sequence[str], theirs: Sequence[str]) -> Found:
            asked.append((row.id, own, theirs))
            return Found((1.5 if row.id == ids[0] else -1.0,), (2.0,), 0.5)

        def close(self) -> None:
            pass

    monkeypatch.setattr("storytui_train.data.teacher.judging.Judge", Judge)
    written.write_text(written.read_text() + '[score]\nmodel = "built-in"\n')
    second = PLAN.replace("afraid", "tired")
    write(written, {ids[0]: PLAN, ids[1]: second})

    assert train("run", written)[0] == 0

    assert asked == [(ids[0], [PLAN], [second]), (ids[1], [second], [PLAN])]
    reasoned = {row.id: row for row in rows_of(written.with_suffix(""), "reason")}
    assert reasoned[ids[0]].scores["gain"] == 2.0
    assert ids[1] not in reasoned
