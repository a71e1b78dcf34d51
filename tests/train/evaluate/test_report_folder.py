"""The folder of a report: whose it is, and that nothing of another report stays in it."""

import io
from pathlib import Path

import msgspec
import pytest
from scripted_models import Model, Opened, contestant, rows

from storytui_train.data.pipeline.workplace import OWN
from storytui_train.evaluate import evaluating
from storytui_train.evaluate.progress import Progress
from storytui_train.evaluate.running import steps
from storytui_train.recipe_training import EvaluateOptions


def test_samples_and_pictures_of_takes_go_with_the_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [contestant("base"), contestant("own")]
    monkeypatch.setattr(evaluating, "contestants", lambda *_: found)
    monkeypatch.setattr(evaluating, "base_of", lambda wanted: wanted)
    data = tmp_path / "test.jsonl"
    data.write_bytes(b"\n".join(map(msgspec.json.encode, rows(4))))
    folder = tmp_path / "evaluation"

    def report(takes: int) -> set[str]:
        evaluating.evaluate(
            data,
            ["own"],
            folder,
            EvaluateOptions(takes=takes, words=20),
            base="base",
            open_engine=Opened(base=Model(), own=Model()),
            progress=Progress(steps(len(found), 4, takes), stream=io.StringIO()),
        )
        return {each.name for each in folder.iterdir()}

    own = {"report.md", "report.json", "kept.jsonl", "likelihood.png", "books.png"}
    assert report(2) == {*own, "samples.md", "takes.png"}
    (folder / "hers.png").write_bytes(b"of nobody's report")
    assert report(0) == {*own, "hers.png"}
    found.pop()
    assert report(0) == {*own, "hers.png"} - {"books.png"}


def test_a_report_on_others_is_not_put_over_the_recipes_own(tmp_path: Path) -> None:
    work = tmp_path / "novels"
    rows_folder = work / "dataset" / "parts" / "rows"
    rows_folder.mkdir(parents=True)
    (rows_folder / "test.jsonl").touch()
    for each in (rows_folder / "test.jsonl", rows_folder, rows_folder.parent, work / "dataset"):
        assert evaluating.folder_beside(each) == each.parent / "evaluation"
    (work / OWN).write_bytes(b"1\n")
    for each in (
        rows_folder / "test.jsonl",
        rows_folder,
        rows_folder.parent,
        work / "dataset",
        work,
    ):
        assert evaluating.folder_beside(each) == work / "evaluation-of-others"
