"""She writes on while her model is made: nothing that was trained is given up unasked."""

import io
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
import torch
from manuscripts import write

from storytui.models.starter import starter_model
from storytui_train import cli
from storytui_train.data.pipeline.record import (
    Record,
    hashes,
    sha256_of,
    write_record,
)
from storytui_train.data.pipeline.workplace import Workplace
from storytui_train.personal import deciding, making
from storytui_train.recipe import Recipe, load
from storytui_train.recipe_training import TrainOptions
from storytui_train.stages import chain
from storytui_train.training.row_making import RowsRecord
from storytui_train.training.run_folder import TrainRecord
from storytui_train.training.states import State

pytestmark = pytest.mark.skipif(starter_model() is None, reason="the small model is missing")
OPTIONS = ("--folders", "books", "--minutes", "1", "--sequence", "320", "--takes", "0")
STOPPED = cli.INTERRUPTED


class Terminal(io.StringIO):
    """Somebody who answers."""

    def isatty(self) -> bool:
        return True


@dataclass
class Chain:
    """Runs the stages of the texts, and stands for those of the model."""

    began: list[Recipe] = field(default_factory=list)
    """Recipes whose model was begun."""
    of_texts: int = 0
    """How often the sources were looked at."""

    def __call__(
        self, recipe: Recipe, *rest: object, until: str = "", texts: bool = True, **more: object
    ) -> object:
        if until or texts:
            self.of_texts += 1
        if until:
            return chain.run_chain(recipe, *rest, until=until, **more)  # type: ignore[arg-type]
        self.began.append(recipe)
        raise KeyboardInterrupt


def rows_in(out: Path) -> dict[str, str]:
    folder = out / "dataset" / "parts" / "rows"
    return {
        name: sha256_of(folder / name)
        for name in ("train.jsonl", "validation.jsonl")
        if (folder / name).is_file()
    }


def stop_in_training(out: Path) -> None:
    """Leave what a training leaves that is stopped at its third step."""
    state = State(step=3, course="a", base="b", log=0, numbers=[])
    folder = out / "train" / "checkpoints" / "step-00000003"
    folder.mkdir(parents=True)
    (folder / "state.json").write_bytes(msgspec.json.encode(state))
    record = RowsRecord(
        fingerprint="c",
        inputs=rows_in(out),
        format="storytui-1",
        sequence=320,
        reasoning=True,
        vocabulary="d",
        splits={},
        sizes={},
        finished="",
    )
    (out / "train" / "rows").mkdir()
    (out / "train" / "rows" / "record.json").write_bytes(msgspec.json.encode(record))


def finish(out: Path, *, listed: bool = True) -> None:
    """Leave what a chain leaves that is complete, or was stopped before the list."""
    adapter, gguf = out / "train" / "adapter", out / "gguf"
    adapter.mkdir(parents=True)
    gguf.mkdir()
    (adapter / "adapter_model.safetensors").write_bytes(b"weights")
    (gguf / "adapter.gguf").write_bytes(b"gguf")
    numbers = dict.fromkeys(
        ("seed", "adapter_parameters", "processes", "steps", "planned", "tokens", "trained"), 1
    )
    record = TrainRecord(
        **numbers,
        **dict.fromkeys(("epochs", "loss", "seconds", "tokens_per_second"), 1.0),
        **dict.fromkeys(("fingerprint", "recipe", "base", "base_fingerprint", "rows"), "x"),
        **dict.fromkeys(("architecture", "device", "stopped", "peak_of", "finished"), "x"),
        settings=TrainOptions(),
        changes=[],
        dataset=rows_in(out),
        versions={},
        before=None,
        validation=None,
        best=None,
        peak=1,
        outputs=hashes(adapter.iterdir(), out / "train"),
    )
    (out / "train" / "run.json").write_bytes(msgspec.json.encode(record))
    made = hashes(gguf.iterdir(), out)
    put(out, "export", hashes(adapter.iterdir(), out), made)
    if listed:
        put(out, "add", {"adapter.gguf": made["gguf/adapter.gguf"]}, {})


def put(out: Path, stage: str, inputs: dict[str, str], outputs: dict[str, str]) -> None:
    record = Record(
        stage=stage,
        fingerprint="f",
        inputs=inputs,
        settings={},
        versions={},
        counts={},
        outputs=outputs,
        seconds=1.0,
        finished="",
    )
    write_record(out / f"{stage}.json", record)


@pytest.fixture(autouse=True)
def little_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    let_little_do(monkeypatch)


def let_little_do(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(making, "LEAST_WORDS", 1_500)
    patch.setattr(deciding, "LEAST_TRAINED", 4)
    patch.setattr(deciding, "LEAST_MEASURED", 2)


@pytest.fixture(scope="module")
def decided_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Manuscripts, and a working folder in which a model of them is decided on."""
    folder = tmp_path_factory.mktemp("personal")
    write(folder / "novels", 1_400, chapters=6)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(folder / "home"))
        for kind in ("CONFIG", "DATA", "STATE", "CACHE"):
            patch.setenv(f"XDG_{kind}_HOME", str(folder / "home" / kind.lower()))
        let_little_do(patch)
        patch.setattr(making, "run_chain", Chain())
        argv = ["personal", str(folder / "novels"), "--out", str(folder / "out"), *OPTIONS]
        assert cli.main(argv) == STOPPED
    return folder


@pytest.fixture
def novel(decided_once: Path) -> Iterator[Path]:
    """One of her manuscripts, which is as it was after the test."""
    path = decided_once / "novels" / "alder.md"
    before = path.read_bytes()
    yield path
    path.write_bytes(before)


@pytest.fixture
def out(decided_once: Path, tmp_path: Path) -> Path:
    """A copy of the working folder."""
    shutil.copytree(decided_once / "out", tmp_path / "out")
    return tmp_path / "out"


@dataclass
class Session:
    """The command, run again and again."""

    chain: Chain
    run: Callable[..., tuple[int, str]]


@pytest.fixture
def personal(
    decided_once: Path,
    out: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Session:
    stages = Chain()
    monkeypatch.setattr(making, "run_chain", stages)

    def run(*more: str, answer: str = "n\n") -> tuple[int, str]:
        monkeypatch.setattr("sys.stdin", Terminal(answer))
        argv = ["personal", str(decided_once / "novels"), "--out", str(out), *OPTIONS, *more]
        status = cli.main(argv)
        return status, capsys.readouterr().err

    return Session(stages, run)


def write_on(novel: Path) -> None:
    text = novel.read_text()
    half = text.index("\n\n", len(text) // 2)
    novel.write_text(f"{text[:half]} And then it rained.{text[half:]}")


@pytest.mark.parametrize("left", [stop_in_training, lambda out: finish(out, listed=False)])
def test_what_is_under_way_goes_on_with_her_texts_as_they_were(
    left: Callable[[Path], None], novel: Path, out: Path, personal: Session
) -> None:
    left(out)
    rows = rows_in(out)
    write_on(novel)
    status, told = personal.run()
    assert status == STOPPED
    assert "Your texts are taken as they were when training began." in told
    assert len(personal.chain.began) == 1
    assert personal.chain.of_texts == 0
    assert rows_in(out) == rows


def test_before_anything_is_trained_texts_are_read_again(
    novel: Path, out: Path, personal: Session
) -> None:
    rows = rows_in(out)
    write_on(novel)
    assert personal.run()[0] == STOPPED
    assert len(personal.chain.began) == 1
    assert rows_in(out) != rows


def test_what_is_complete_is_made_anew_where_she_agrees(
    novel: Path, out: Path, personal: Session
) -> None:
    finish(out)
    assert personal.run()[0] == STOPPED, "nothing changed, and nothing is asked"
    write_on(novel)
    for answer in ("n\n", ""):
        status, told = personal.run(answer=answer)
        assert status == 0
        assert "so that the model is trained anew. What was trained before is given up" in told
        assert "the editor lists stays as it is" in told
        assert "Nothing was trained" in told
    assert len(personal.chain.began) == 1
    assert (out / "train" / "adapter" / "adapter_model.safetensors").is_file()
    assert personal.run(answer="\n")[0] == STOPPED
    assert len(personal.chain.began) == 2


def test_a_recipe_that_cuts_texts_otherwise_is_heeded(out: Path, personal: Session) -> None:
    stop_in_training(out)
    path = out / "recipe.toml"
    path.write_text(path.read_text().replace("continuation_words = 64", "continuation_words = 48"))
    status, told = personal.run()
    assert status == 0, told
    assert "Training stopped at step 3, and what it had learnt is given up." in told
    assert personal.chain.began == []


def test_other_takes_change_nothing_that_is_learnt(
    novel: Path, out: Path, personal: Session
) -> None:
    stop_in_training(out)
    before = load(out / "recipe.toml")
    write_on(novel)
    status, told = personal.run("--takes", "5")
    assert status == STOPPED, told
    assert personal.chain.of_texts == 0
    (recipe,) = personal.chain.began
    assert recipe == load(out / "recipe.toml")
    assert recipe.evaluate.takes == 5
    assert recipe.train == before.train
    # And the same once more is decided on.
    assert personal.run("--takes", "5")[0] == STOPPED
    assert personal.chain.began == [recipe, recipe]


def test_takes_are_put_into_a_recipe_that_she_changed(out: Path, personal: Session) -> None:
    path = out / "recipe.toml"
    path.write_text(f"# Mine.\n{path.read_text()}\n")
    status, told = personal.run("--takes", "5")
    assert status == STOPPED
    assert "recipe-before.toml" in told
    assert (out / "recipe-before.toml").read_text().startswith("# Mine.")
    kind = 'type = "manuscripts"'
    text = path.read_text().replace(
        "[[sources]]\n", '[[sources]]\ntype = "gutenberg"\nids = [11]\n\n[[sources]]\n'
    )
    assert kind in text
    path.write_text(text)
    status, told = personal.run("--takes", "6")
    assert status == 2
    assert "Say takes = 6 under [evaluate] there" in told
    assert path.read_text() == text


def test_it_is_said_what_other_wishes_give_up(out: Path, personal: Session) -> None:
    stop_in_training(out)
    status, told = personal.run("--seed", "2")
    assert status == 0
    assert "is trained anew. Training stopped at step 3" in told
    assert personal.chain.began == []
    assert Workplace(out, out).record("dataset") is not None


def test_a_recipe_that_she_changes_before_she_agrees_is_kept(out: Path, personal: Session) -> None:
    path = out / "recipe.toml"
    assert personal.run("--seed", "2")[0] == 0
    for number, name in enumerate(("recipe-before.toml", "recipe-before-2.toml")):
        hers = f"# Mine, {number}.\n{path.read_text()}"
        path.write_text(hers)
        status, told = personal.run("--seed", "2")
        assert status == 0
        assert (out / name).read_text() == hers
        assert name in told
    # What was not changed by hand is not kept.
    assert "recipe-before" not in personal.run("--seed", "2")[1]
    assert len(list(out.glob("recipe-before*"))) == 2


def test_the_end_of_input_is_no_yes_and_none_is_no_failure(
    out: Path, personal: Session, monkeypatch: pytest.MonkeyPatch, decided_once: Path
) -> None:
    assert personal.run("--seed", "2", answer="")[0] == 0
    assert personal.chain.began == []
    argv = ["personal", str(decided_once / "novels"), "--out", str(out), *OPTIONS, "--seed", "2"]
    monkeypatch.setattr("sys.stdin", None)
    assert cli.main(argv) == STOPPED
    assert len(personal.chain.began) == 1
