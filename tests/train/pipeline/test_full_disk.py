"""A disk that is full in any stage: said in a sentence, and the next run goes on from there."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from full_disk import no_file_above
from teacher_stand_in import KEY, StandIn

Train = Callable[..., tuple[int, str, str]]
STAGES = ("gather", "clean", "choose", "chunk", "split", "reason", "dataset")
SMALL = 500
"""Bytes that the files have that say who works in a folder, and at what."""
TEACHER = """\
[teacher]
kind = "endpoint"
url = "URL"
model = "stand-in/teacher"
key_variable = "STAND_IN_KEY"
plans = 1
plan_words = [10, 220]
rows = 8
"""


@pytest.fixture
def taught(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, StandIn]]:
    """The recipe, with a teacher."""
    monkeypatch.setenv("STAND_IN_KEY", KEY)
    with StandIn() as stand_in:
        recipe.write_text(recipe.read_text() + TEACHER.replace("URL", stand_in.url))
        yield recipe, stand_in
        stand_in.stop()


def made_in(work: Path) -> dict[str, bytes]:
    """All output of all stages that are complete."""
    return {
        path.relative_to(work).as_posix(): path.read_bytes()
        for name in STAGES
        if (work / f"{name}.json").exists()
        for path in sorted((work / name / "parts").rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("share", [0.1, 0.5, 0.98])
def test_a_full_disk_is_said_in_each_stage_and_the_next_run_goes_on(
    taught: tuple[Path, StandIn], share: float, train: Train
) -> None:
    recipe, stand_in = taught
    work = recipe.with_suffix("")
    status, _, told = train("run", recipe)
    assert status == 0, told
    whole, asked = made_in(work), sum(stand_in.received.values())
    shutil.rmtree(work / "teacher")
    stand_in.received.clear()

    for place, stage in enumerate(STAGES):
        largest = max(len(each) for name, each in whole.items() if name.startswith(stage))
        with no_file_above(max(SMALL, int(share * largest))):
            status, _, told = train(stage, recipe, *(("--again", stage) if place else ()))
        assert status == 1, told
        last = told.splitlines()[-1]
        assert last.startswith("storytui-train: "), told
        assert any(each in last for each in ("File too large", "full", "disk")), told
        assert "Traceback" not in told
        assert not (work / f"{stage}.json").exists()
        status, _, told = train(stage, recipe)
        assert status == 0, told

    with no_file_above(0):
        status, _, told = train("run", recipe)
    assert status == 1
    assert told.startswith("storytui-train: Nothing can be written in")
    assert made_in(work) == whole
    assert sum(stand_in.received.values()) <= asked + 16
