"""Processes that end too early or too late, and folders that were half removed."""

import gc
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from ending_steps import HalfWritten, Killed, Raising

from storytui.manuscript.lock import session_name
from storytui_train.data.documents import Refusal
from storytui_train.data.pipeline import running
from storytui_train.data.pipeline.company import listed, wait_for_others
from storytui_train.data.pipeline.executors import Job, run_job
from storytui_train.data.pipeline.workplace import BEGUN, Workplace
from storytui_train.errors import RecipeError, TrainError
from storytui_train.recipe import RunOptions

GONE = "00000000-1-1"
"""The name of a process of another start of the machine."""


def job(folder: Path, step: object) -> Job:
    """Two pieces of a step."""
    return Job(
        name="work",
        steps=[step],  # type: ignore[list-item]
        logs=folder / "logs",
        tasks=2,
        marks=folder / "marks",
        company=folder / "company",
    )


def test_work_that_a_process_took_with_it_is_missed(tmp_path: Path) -> None:
    """A pool alone waits for it for ever."""
    with pytest.raises(TrainError, match="was ended from outside"):
        run_job(job(tmp_path, Killed()), RunOptions(workers=2))


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_that_does_not_travel_is_told_all_the_same(tmp_path: Path, workers: int) -> None:
    """Where it cannot be rebuilt on this side, a pool waits for ever."""
    with pytest.raises(TrainError, match=r"Piece \d is odd."):
        run_job(job(tmp_path, Raising()), RunOptions(workers=workers))


def test_what_a_failed_task_had_in_a_buffer_is_not_written_into_the_next_run(
    tmp_path: Path,
) -> None:
    """datatrove does not close what it writes where a task fails."""
    path = tmp_path / "made"
    kept = None
    try:
        run_job(job(tmp_path, HalfWritten(str(path))), RunOptions(workers=1))
    except TrainError as error:
        kept = error
    assert "No space left" in str(kept)
    path.write_text("of the next run, all of it")
    del kept
    gc.collect()
    assert path.read_text() == "of the next run, all of it"


def test_a_process_that_comes_after_its_run_has_ended_does_nothing(tmp_path: Path) -> None:
    def late(folder: str) -> None:
        with listed(Path(folder), GONE):
            (Path(folder) / "written").touch()

    process = multiprocessing.get_context("fork").Process(target=late, args=(str(tmp_path),))
    process.start()
    process.join()
    assert process.exitcode == 1
    assert not (tmp_path / "written").exists()
    wait_for_others(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_next_run_waits_for_a_process_that_an_earlier_one_left(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path;"
        "from storytui.manuscript.lock import session_name;"
        "from storytui_train.data.pipeline.company import listed;"
        "place = listed(Path(sys.argv[1]), session_name()); place.__enter__();"
        "print('in', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdout is not None
    other.stdout.readline()
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            other.kill()
            other.wait()

    wait_for_others(tmp_path, sleep=sleep)
    assert len(slept) == 3
    other.communicate()


def test_one_that_stays_is_named(tmp_path: Path) -> None:
    (tmp_path / session_name()).touch()
    times = iter((0.0, 1.0, 61.0))
    with pytest.raises(TrainError, match=f"Process {os.getpid()}, which an earlier run left"):
        wait_for_others(tmp_path, sleep=lambda _: None, clock=lambda: next(times))


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path / "work", tmp_path)


def test_a_folder_that_was_half_removed_is_not_gone_on_with(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pieces that are marked as complete, and whose output is gone, must not count."""
    done = place.begin("clean", "a") / "logs"
    done.mkdir()
    (done / "00000").touch()

    def killed(_folder: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            place.begin("clean", "b")
    assert not (place.begin("clean", "a") / "logs").exists()


def test_work_of_the_same_kind_is_gone_on_with(place: Workplace) -> None:
    done = place.begin("clean", "a") / "logs"
    done.mkdir()
    assert (place.begin("clean", "a") / "logs").exists()


def test_a_file_or_link_in_a_stages_place_gives_way_to_it(place: Workplace, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / BEGUN).write_text("hers")
    place.folder.mkdir()
    place.stage("clean").write_text("?")
    assert (place.begin("clean", "a") / "parts").is_dir()
    place.stage("chunk").symlink_to(elsewhere)
    assert (place.begin("chunk", "a") / "parts").is_dir()
    assert (elsewhere / BEGUN).read_text() == "hers"


def test_a_folder_with_other_things_in_it_is_not_worked_in(place: Workplace) -> None:
    place.folder.mkdir()
    (place.folder / "diary.md").touch()
    with pytest.raises(RecipeError, match="not empty"), place.alone():
        pytest.fail("it was let in")


def test_each_refusal_is_listed_once(tmp_path: Path) -> None:
    """A private source is refused with each of its rows."""
    (tmp_path / "refused").mkdir()
    lines = [
        msgspec.json.encode(Refusal(stage="reason", id=id, reason="private", detail=detail))
        for id, detail in (("a", "x"), ("b", "x"), ("a", "x"), ("a", "y"), ("b", "x"))
    ]
    (tmp_path / "refused" / "one.jsonl").write_bytes(b"\n".join(lines[:3]) + b"\n")
    (tmp_path / "refused" / "two.jsonl").write_bytes(b"\n".join(lines[3:]) + b"\n")
    running._gather_refusals(tmp_path)
    listed_lines = (tmp_path / running.REFUSED).read_bytes().splitlines()
    found = [(each["id"], each["detail"]) for each in map(json.loads, listed_lines)]
    assert found == [("a", "x"), ("b", "x"), ("a", "y")]
