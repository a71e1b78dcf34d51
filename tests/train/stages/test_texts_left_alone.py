"""Stages behind a data set that is there, and what is left where nothing is held out of one."""

from pathlib import Path

import pytest

from storytui_train.data.pipeline.record import Record
from storytui_train.data.pipeline.workplace import Workplace
from storytui_train.recipe import ManuscriptSource, Recipe
from storytui_train.recipe_training import TrainOptions
from storytui_train.stages import measuring, training
from storytui_train.stages.chain import run_chain
from storytui_train.stages.measuring import evaluate_stage
from storytui_train.stages.work import ModelWork

RECIPE = Recipe(
    name="Novels",
    sources=(ManuscriptSource(paths=("novels",)),),
    train=TrainOptions(base="built-in"),
)


def record(stage: str, **outputs: str) -> Record:
    return Record(
        stage=stage,
        fingerprint="f",
        inputs={},
        settings={},
        versions={},
        counts={},
        outputs=outputs,
        seconds=1.0,
        finished="",
    )


def test_sources_that_changed_need_not_be_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = record("train")
    monkeypatch.setattr(training, "train_stage", lambda _work: trained)
    (tmp_path / "novels").mkdir()
    place, told = Workplace(tmp_path / "work", tmp_path), list[str]()
    done = run_chain(RECIPE, place, told.append, until="train", texts=False)
    assert done.records == {"train": trained}
    assert not (tmp_path / "work").exists()
    assert told == []


@pytest.mark.parametrize("held_out", [True, False])
def test_a_report_does_not_outlive_what_it_is_of(
    held_out: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Workplace(tmp_path, tmp_path)
    rows = place.parts("dataset") / "rows"
    rows.mkdir(parents=True)
    if held_out:
        (rows / "test.jsonl").write_text("{}\n")
    folder = tmp_path / "evaluation"
    folder.mkdir()
    for name in ("report.md", "report.json", "samples.md", "takes.png", "kept.jsonl"):
        (folder / name).write_text("of other texts")
    (tmp_path / "evaluate.json").write_text("{}")
    monkeypatch.setattr(measuring, "files_of", lambda *_: {})
    told: list[str] = []
    assert evaluate_stage(ModelWork(RECIPE, place, told.append), record("export")) is None
    assert "nothing is measured" in told[0]
    # What was measured is kept, to be told again where it is asked for again.
    assert [each.name for each in folder.iterdir()] == ["kept.jsonl"]
    assert not (tmp_path / "evaluate.json").exists()
