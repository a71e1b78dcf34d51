"""A recipe on Slurm: the same rows, nothing done twice, failures said, no job left behind."""

import os
import shutil
import sys
from pathlib import Path

import pytest
from cluster_runs import made_by, prepared, with_executor

from storytui_train.data.pipeline import slurm

COMMANDS = ("sbatch", "squeue", "scancel", "scontrol", "srun")
STAND_IN = Path(__file__).parent / "slurm_stand_in" / "slurm_stand_in.py"


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Slurm's commands on the search path, and the folder of their jobs."""
    commands, folder = tmp_path / "the bin", tmp_path / "jobs"
    commands.mkdir()
    folder.mkdir()
    for name in COMMANDS:
        path = commands / name
        path.write_text(f"#!{sys.executable}\n{STAND_IN.read_text()}")
        path.chmod(0o755)
    shutil.copy(STAND_IN, commands)
    monkeypatch.setenv("PATH", f"{commands}:{os.environ['PATH']}")
    monkeypatch.setenv("SLURM_STAND_IN", str(folder))
    monkeypatch.setattr(slurm, "SOONEST", 0.2)
    monkeypatch.setattr(slurm, "LATEST", 0.2)
    return folder


@pytest.fixture
def recipe(recipe: Path) -> Path:
    """Fewer and smaller jobs: each task imports much."""
    text = recipe.read_text().replace("[choose]", '[choose]\nduplicates = "keep"')
    recipe.write_text(text.replace("[run]", "[run]\ntasks = 3"))
    return recipe


def test_the_rows_are_the_same(recipe: Path, jobs: Path) -> None:
    other = with_executor(recipe, "slurm")
    assert prepared(recipe) == 0
    assert prepared(other) == 0
    assert made_by(other) == made_by(recipe)
    # clean, choose, chunk, split; none to merge figures.
    assert len(list(jobs.glob("*.job"))) == 4
    assert slurm.jobs_in(other.with_suffix("") / ".processes") == []


def test_what_is_complete_is_not_done_again_and_a_failure_is_said(
    recipe: Path, jobs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = with_executor(recipe, "slurm")
    work = other.with_suffix("")
    assert prepared(other) == 0
    whole = made_by(other)
    for each in ("chunk.json", "chunk/logs/chunk/completions/00002"):
        (work / each).unlink()
    damaged = work / "choose" / "parts" / "00002.jsonl"
    kept = damaged.read_bytes()
    damaged.write_bytes(kept[: len(kept) // 2])
    untouched = (work / "chunk" / "parts" / "00001.jsonl").stat().st_mtime_ns
    capsys.readouterr()

    assert prepared(other) == 1

    said = capsys.readouterr().err.splitlines()[-1]
    assert "1 of 3 pieces of chunk failed; the reason stands in" in said
    assert "task_00002.log" in said
    log = work / "chunk" / "logs" / "chunk" / "logs" / "task_00002.log"
    assert b"Input data was truncated" in log.read_bytes()
    damaged.write_bytes(kept)
    assert prepared(other) == 0
    assert made_by(other) == whole
    assert (work / "chunk" / "parts" / "00001.jsonl").stat().st_mtime_ns == untouched


def test_a_job_that_is_not_taken_is_said(
    recipe: Path, jobs: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert prepared(with_executor(recipe, "slurm", partition="nowhere")) == 1
    said = capfd.readouterr().err.splitlines()
    assert "sbatch: error: invalid partition specified: nowhere" in said
    assert said[-1].startswith("storytui-train: sbatch did not take clean (status 1)")


def test_a_job_ends_with_its_run(recipe: Path, jobs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_job: str) -> bool:
        raise KeyboardInterrupt

    other = with_executor(recipe, "slurm")
    with monkeypatch.context() as patch:
        patch.setattr(slurm, "is_queued", interrupted)
        assert prepared(other) == 130
    assert [each.parent.name for each in jobs.glob("*.job/cancelled")] == ["17.job"]
    assert prepared(other) == 0


def test_a_job_that_a_killed_run_left_is_ended_by_the_next(recipe: Path, jobs: Path) -> None:
    other = with_executor(recipe, "slurm")
    assert prepared(other) == 0
    whole = made_by(other)
    slurm.note(other.with_suffix("") / ".processes", "Submitted batch job 17")
    (other.with_suffix("") / "split.json").unlink()
    assert prepared(other) == 0
    assert (jobs / "17.job" / "cancelled").exists()
    assert slurm.jobs_in(other.with_suffix("") / ".processes") == []
    assert made_by(other) == whole


def test_without_slurm_it_is_said(
    recipe: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert prepared(with_executor(recipe, "slurm")) == 1
    assert "there is no sbatch on this machine" in capsys.readouterr().err.splitlines()[-1]
