"""`storytui-train personal`: her manuscripts become a model in the editor's list."""

import io
import json
import subprocess
import sys
import tomllib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from manuscripts import write

from storytui.models.starter import starter_model
from storytui.models.trained import trained_models
from storytui_train import cli
from storytui_train.evaluate.contestants import opening
from storytui_train.evaluate.evaluating import evaluate
from storytui_train.personal import deciding, making
from storytui_train.recipe import load
from storytui_train.stages import chain, measuring

Run = Callable[..., tuple[int, str, str]]
SMALL = ("--steps", "1", "--sequence", "512", "--takes", "0")
needs_model = pytest.mark.skipif(starter_model() is None, reason="the small model is not installed")


@pytest.fixture
def personal(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command: status, output and what was told."""
    torch.set_num_threads(1)

    def run(*argv: object) -> tuple[int, str, str]:
        status = cli.main(["personal", *(str(each) for each in argv)])
        told = capsys.readouterr()
        return status, told.out, told.err

    return run


@pytest.fixture
def little_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let stories do where novels are wanted, and engines keep to one core: this is about the way
    from the one end to the other, which a small model takes a minute for then."""
    monkeypatch.setattr(making, "LEAST_WORDS", 1_500)
    monkeypatch.setattr(deciding, "LEAST_TRAINED", 4)
    monkeypatch.setattr(deciding, "LEAST_MEASURED", 2)
    monkeypatch.setattr(measuring, "evaluate", partial(evaluate, open_engine=opening(1)))


@needs_model
@pytest.mark.usefixtures("little_is_enough")
def test_two_manuscripts_become_a_model_in_the_list(tmp_path: Path, personal: Run) -> None:
    novels, out = write(tmp_path / "novels", 1_400, chapters=6), tmp_path / "out"
    small = ("--steps", "1", "--sequence", "320", "--takes", "0")
    wishes = (novels, "--folders", "books", "--out", out, *small)

    status, said, told = personal(*wishes, "--json")

    assert said, told
    found = json.loads(said)
    (model,) = trained_models()
    assert found["name"] == model.name == "novels"
    assert model.private
    assert set(model.sources) == {"The Alder", "The Birch"}
    assert Path(model.adapter).is_file()
    assert model.measured is not None
    assert found["change"] == model.measured.change
    assert found["low"] <= found["change"] <= found["high"]
    assert found["verdict"] == model.measured.verdict
    assert found["worse"] == (status == 1)
    assert Path(found["report"]).is_file()
    assert list(found["minutes"]) == ["read", "examples", "train", "export", "evaluate", "add"]
    for number in range(1, 7):
        assert f"{number}/6 " in told
    recipe = tomllib.loads((out / "recipe.toml").read_text())
    source = {"type": "manuscripts", "paths": [str(novels)], "folders": "books", "private": True}
    assert recipe["sources"] == [source]
    assert recipe["train"]["steps"] == 1
    assert load(out / "recipe.toml").publish.private

    # The same command goes on: there is nothing left to do.
    (out / "add.json").unlink()
    before = {name: (out / f"{name}.json").read_bytes() for name in ("train", "export", "evaluate")}
    status, said, told = personal(*wishes)
    assert "It goes on with" in told
    assert "step 1/1" not in told
    assert before == {name: (out / f"{name}.json").read_bytes() for name in before}
    assert found["verdict"] in said
    assert "storytui continue FILE --model novels" in said
    story = tmp_path / "story.md"
    story.write_text("The lamp had been out for eleven minutes before anyone noticed.\n")
    going_on = ["continue", str(story), "--model", "novels", "--words", "4", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "storytui.cli", *going_on, "--threads", "1", "--seed", "1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    written = json.loads(done.stdout)
    assert written["format"] == "storytui-1"
    assert written["adapter"]
    assert written["answer"].strip()

    # And its recipe is one as any other.
    assert cli.main(["run", str(out / "recipe.toml"), "--until", "export"]) == 0

    # Publishing what is private is refused.
    publish = ["publish", str(out), "--repository", "owner/novels", "--dry-run"]
    assert cli.main(publish) == 1


@pytest.mark.parametrize("words", [20, 1_500, 3_000])
def test_a_manuscript_that_is_too_short_is_told_how_much_is_needed(
    words: int, tmp_path: Path, personal: Run
) -> None:
    novels = write(tmp_path / "novels", words)
    status, _, told = personal(novels, "--out", tmp_path / "out", *SMALL)
    assert status == 1
    last = told.splitlines()[-1]
    assert "words that can be used" in last
    assert "At least 8,000 are needed" in last
    assert not (tmp_path / "out" / "train").exists()


@pytest.mark.parametrize(
    ("argv", "status", "said"),
    [
        (("none",), 2, "none is not there"),
        (("~nobody-of-this-name/novels",), 2, "nobody of that name has a home folder"),
        (("novels", "--out", "~nobody-of-this-name/x"), 2, "nobody of that name"),
        (("novels", "--base", "~nobody-of-this-name/x.gguf"), 2, "nobody of that name"),
        (("novels", "--base", "no/such.gguf"), 2, "There is no file no/such.gguf"),
        (("novels", "--steps", "0"), 2, "not a whole number from 1 on"),
        (("novels", "--minutes", "soon"), 2, "soon is no number of minutes"),
        (("novels", "--out", "novels/alder.md"), 2, "is a file, and a folder is wanted"),
        (("novels", "--name", "built-in"), 2, "A model cannot be called built-in"),
        (("novels", "--out", "novels"), 2, "no working folder of storytui-train"),
    ],
)
def test_what_cannot_be_is_said(
    argv: tuple[str, ...],
    status: int,
    said: str,
    tmp_path: Path,
    personal: Run,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "novels", 100)
    try:
        found, _, told = personal(*argv)
    except SystemExit as ended:
        found, told = int(str(ended.code)), capsys.readouterr().err
    assert found == status
    assert said in told
    assert "Traceback" not in told


def test_weights_without_a_gguf_are_refused_before_anything_is_done(
    tmp_path: Path, personal: Run
) -> None:
    import small_run

    base = small_run.make_base(tmp_path / "weights")
    novels = write(tmp_path / "novels", 100)
    status, _, told = personal(novels, "--base", base, "--out", tmp_path / "out")
    assert status == 2
    assert "Name a GGUF of the same model with --gguf" in told
    assert not (tmp_path / "out" / "gather.json").exists()


@needs_model
def test_what_does_not_fit_is_said_with_what_to_change(
    tmp_path: Path, personal: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from storytui_train.training import this_machine

    monkeypatch.setattr(this_machine, "_memory", lambda: 64 << 20)
    novels = write(tmp_path / "novels", 100)
    status, _, told = personal(novels, "--out", tmp_path / "out")
    assert status == 1
    assert "Training does not fit this machine" in told
    assert "What can be changed" in told


@needs_model
def test_she_is_asked_before_it_begins(
    tmp_path: Path, personal: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    novels = write(tmp_path / "novels")
    status, _, told = personal(novels, "--out", tmp_path / "out", "--sequence", "512")
    assert status == 0, told
    assert "steps of training take about" in told
    assert "Nothing was trained" in told
    assert not (tmp_path / "out" / "personal.json").exists()
    assert not (tmp_path / "out" / "train").exists()


@needs_model
def test_a_recipe_that_she_changed_is_used_and_put_aside_for_other_wishes(
    tmp_path: Path, personal: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    novels, out = write(tmp_path / "novels"), tmp_path / "out"
    whole, used = chain.run_chain, []

    def data_alone(recipe: object, *rest: object, until: str = "", **more: object) -> object:
        if not until:
            used.append(recipe)
            raise KeyboardInterrupt
        return whole(recipe, *rest, until=until, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(making, "run_chain", data_alone)
    assert personal(novels, "--out", out, *SMALL)[0] == cli.INTERRUPTED
    path = out / "recipe.toml"
    path.write_text(path.read_text().replace("steps = 1", "steps = 3"))
    assert personal(novels, "--out", out, *SMALL)[0] == cli.INTERRUPTED
    assert [each.train.steps for each in used] == [1, 3]
    _, _, told = personal(novels, "--out", out, *SMALL, "--seed", "2")
    assert "The recipe that you changed is kept as" in told
    assert "steps = 3" in (out / "recipe-before.toml").read_text()
    assert load(path).seed == 2
