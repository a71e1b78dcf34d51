"""A training as a whole: what it makes, when it is skipped, gone on with or begun anew."""

import argparse
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from full_disk import no_file_above
from small_run import Bench, some_row

from storytui_train.commands import train as command
from storytui_train.errors import RecipeError, TrainError
from storytui_train.training import finishing, qlora
from storytui_train.training.memory_plan import Plan
from storytui_train.training.shape_finding import find_shape
from storytui_train.training.stepping import Stepping

resource = pytest.importorskip("resource")
Make = Callable[[str], Bench]


def interrupt_at(bench: Bench, mark: str, number: signal.Signals = signal.SIGINT) -> Any:
    """A list of what is said which sends a signal when it hears `mark`."""

    class Said(list[str]):
        def append(self, line: str) -> None:
            super().append(line)
            if mark in line:
                os.kill(os.getpid(), number)

    bench.said = Said()
    return bench.said


# --- what comes out -------------------------------------------------------------------------------


def test_a_run_leaves_an_adapter_a_log_and_a_record(bench: Bench) -> None:
    record = bench.train()

    assert record == bench.run.record()
    assert (record.steps, record.planned, record.stopped) == (6, 6, "steps")
    assert record.before is not None
    assert record.best is not None
    assert record.best.loss < record.before - 0.05
    assert record.peak_of == "memory of this program, on the CPU"
    assert record.peak > 50 << 20
    assert {"torch", "peft", "bitsandbytes"} <= record.versions.keys()
    assert record.dataset.keys() == {"train.jsonl", "validation.jsonl"}
    log = bench.log
    assert [each.step for each in log] == list(range(7))
    assert sum(each.tokens for each in log) == record.tokens
    assert all(each.learning_rate for each in log[1:])
    assert bench.losses[0][2] == record.before
    from peft import PeftConfig

    assert (
        PeftConfig.from_pretrained(str(bench.run.adapter)).base_model_name_or_path == "tiny-llama"
    )
    # Nobody goes on from a training that is over.
    assert not bench.run.states.folder.exists()
    assert not bench.run.last.exists()


def test_tensorboard_has_the_same_figures(bench: Bench) -> None:
    bench.train(steps=3)

    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = EventAccumulator(str(bench.run.tensorboard)).Reload()
    losses = [(each.step, each.value) for each in board.Scalars("loss")]
    logged = [(each.step, each.loss) for each in bench.log if each.loss is not None]
    assert [step for step, _ in losses] == [1, 2, 3]
    assert [value for _, value in losses] == pytest.approx([loss for _, loss in logged], abs=1e-6)
    assert {"learning rate", "gradient", "validation"} <= set(board.Tags()["scalars"])


def test_what_it_took_is_kept_beside_the_plan_of_the_same_training(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[tuple[Plan, int]] = []
    monkeypatch.setattr(
        finishing, "keep_peak", lambda _, plan, measured: kept.append((plan, measured))
    )

    bench.train(steps=2)

    ((plan, measured),) = kept
    assert measured > 0
    settings = plan.settings
    assert (settings.device, settings.compute, settings.rank) == ("cpu", "float32", 4)
    # Of the longest sequence that was learnt from, not of what the recipe allows.
    assert 0 < settings.sequence <= 640
    assert plan.shape == find_shape(str(bench.base)).shape


def test_without_validation_rows_the_last_adapter_is_the_one(
    tmp_path: Path, tiny_base: Path
) -> None:
    bench = Bench(tmp_path, tiny_base, validation=0)

    record = bench.train(steps=2)

    assert (record.best, record.before, record.validation) == (None, None, None)
    assert bench.adapter


def test_the_same_recipe_gives_the_same_bytes_and_another_seed_others(benches: Make) -> None:
    one, two, other = benches("one"), benches("two"), benches("other")
    one.train(steps=2)
    two.train(steps=2)
    other.train(steps=2, seed=8)

    assert one.adapter == two.adapter != other.adapter


# --- skipped, gone on with, begun anew ------------------------------------------------------------


def test_what_is_done_is_skipped_until_something_changes(bench: Bench) -> None:
    first = bench.train(steps=2)
    again = bench.train(steps=2, rows_at_once=2, loss_rows=64)
    assert again == first
    assert any("nothing changed, skipped" in each for each in bench.said)

    anew = bench.train(steps=2, again=True)
    assert anew.finished >= first.finished
    assert anew.outputs == first.outputs

    other = bench.train(steps=2, rank=2)
    assert any("trained anew" in each for each in bench.said)
    assert other.fingerprint != first.fingerprint


def test_ctrl_c_saves_and_the_same_command_goes_on(benches: Make) -> None:
    calm, bench = benches("calm"), benches("bench")
    calm.train()
    said = interrupt_at(bench, "step 3/6")

    with pytest.raises(KeyboardInterrupt):
        bench.train()
    assert any("the same command goes on from there" in each for each in said)
    latest = bench.run.states.latest()
    assert latest is not None
    # With other uses of memory too.
    bench.said = []
    bench.train(packing=False, loss_rows=16, save_every=1)

    assert any("goes on from step" in each for each in bench.said)
    assert latest[0].step >= 3
    assert [each[0] for each in bench.losses] == list(range(7))
    assert all(
        a[1] == pytest.approx(b[1], abs=1e-5)
        for a, b in zip(bench.losses, calm.losses, strict=True)
    )


def test_another_signal_to_end_saves_too(bench: Bench) -> None:
    interrupt_at(bench, "step 2: perplexity", signal.SIGTERM)

    with pytest.raises(KeyboardInterrupt):
        bench.train()
    assert bench.run.states.latest() is not None
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_other_rows_or_another_rank_begin_anew_and_it_is_said(bench: Bench) -> None:
    interrupt_at(bench, "step 3/6")
    with pytest.raises(KeyboardInterrupt):
        bench.train()
    bench.said = []

    record = bench.train(rank=2, steps=2)

    assert any("begins anew" in each for each in bench.said)
    assert [each.step for each in bench.log] == [0, 1, 2]
    assert record.steps == 2


# --- validation -----------------------------------------------------------------------------------


def test_it_ends_early_where_nothing_becomes_better_and_keeps_the_best(benches: Make) -> None:
    wild, calm = benches("wild"), benches("calm")
    settings = {"schedule": "constant", "warmup": 0.0, "validate_every": 1}

    record = wild.train(learning_rate=3.0, patience=2, steps=40, max_grad_norm=0.0, **settings)

    assert record.stopped == "patience"
    assert record.best is not None
    assert record.steps == record.best.step + 2 < 40
    assert any("ended early" in each for each in wild.said)
    assert (wild.run.last / "adapter_model.safetensors").read_bytes() != wild.adapter
    # The best one is the one of its step.
    calm.train(learning_rate=3.0, patience=0, steps=record.best.step, max_grad_norm=0.0, **settings)
    assert calm.adapter == wild.adapter


# --- what goes wrong ------------------------------------------------------------------------------


def test_a_loss_that_is_no_number_ends_it_and_another_rate_goes_on(bench: Bench) -> None:
    interrupt_at(bench, "step 2/6")
    with pytest.raises(KeyboardInterrupt):
        bench.train()
    bench.said = []

    with pytest.raises(TrainError, match="not a number any more") as caught:
        bench.train(learning_rate=1e30, schedule="constant")
    assert "Lower learning_rate (it is 1e+30)" in str(caught.value)
    assert "goes on from there" in str(caught.value)
    record = bench.train(learning_rate=1e-3)

    assert record.steps == 6
    assert [each.settings.get("learning_rate") for each in record.changes] == [1e30, 1e-3]
    assert all(each.loss is not None and each.loss < 7 for each in bench.log[1:])


def test_a_state_that_has_run_away_is_not_gone_on_from(bench: Bench) -> None:
    settings: dict[str, Any] = {"save_every": 1, "validate_every": 6}
    interrupt_at(bench, "step 1/6")
    with pytest.raises(KeyboardInterrupt):
        bench.train(**settings)
    bench.said = []

    # The second state is kept before anything says that it is bad.
    with pytest.raises(TrainError, match="The state of step 1 is kept"):
        bench.train(learning_rate=1e30, schedule="constant", **settings)


def test_rows_that_the_base_does_not_keep_apart_are_computed_apart(
    benches: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed, apart = benches("packed"), benches("apart")
    widths: dict[str, list[int]] = {"packed": [], "apart": []}
    real = Stepping._batch

    def counted(name: str) -> Any:
        def batch(self: Any, rows: Any, turn: Any) -> Any:
            widths[name] += [len(each.rows) for each in turn]
            return real(self, rows, turn)

        return batch

    monkeypatch.setattr(Stepping, "_batch", counted("packed"))
    packed.train(steps=2, sequence=2000)
    monkeypatch.setattr(Stepping, "_batch", counted("apart"))
    monkeypatch.setattr(qlora, "keeps_apart", lambda _: False)
    apart.train(steps=2, sequence=2000)

    assert max(widths["packed"]) > 1
    assert set(widths["apart"]) == {1}


def test_too_little_memory_for_the_base_is_said_too(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tight(*_: Any, **__: Any) -> Any:
        # What torch says where the system gives it nothing.
        return torch.empty(1 << 60, dtype=torch.uint8)

    with monkeypatch.context() as patch:
        patch.setattr(qlora, "load_base", tight)
        with pytest.raises(TrainError, match="memory was not enough while the base was loaded"):
            bench.train()
    assert bench.train().steps == 6


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory"), MemoryError()])
def test_too_little_memory_is_said_with_what_to_lower(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    real = Stepping.gradients

    def tight(self: Any, rows: Any, numbers: Any, step: int, *rest: Any) -> Any:
        if step == 3:
            raise error
        return real(self, rows, numbers, step, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(Stepping, "gradients", tight)
        with pytest.raises(TrainError, match="memory was not enough in step 4") as caught:
            bench.train(sequence=700, rank=16, rows_at_once=2, loss_rows=256)

    text = str(caught.value)
    assert text.index("rows_at_once = 1") < text.index("sequence = ") < text.index("rank = ")
    assert "saves" in text
    bench.train(sequence=700, rank=16, rows_at_once=1, loss_rows=64)
    assert any("goes on from step 2" in each for each in bench.said)


def test_a_full_disk_is_said_and_what_was_kept_is_gone_on_from(benches: Make) -> None:
    calm, bench = benches("calm"), benches("bench")
    calm.train()
    interrupt_at(bench, "step 2/6")
    with pytest.raises(KeyboardInterrupt):
        bench.train()
    bench.said = []

    with no_file_above(9000), pytest.raises(TrainError) as caught:
        bench.train()

    assert "state of step 4" in str(caught.value)
    assert "The state of step 2 is kept: make room" in str(caught.value)
    assert [each.name for each in bench.run.states.folder.iterdir()] == ["step-00000002"]
    bench.train()
    assert bench.adapter == calm.adapter
    assert bench.losses == calm.losses


def test_a_damaged_state_is_passed_over_for_the_one_before(benches: Make) -> None:
    calm, bench = benches("calm"), benches("bench")
    calm.train()
    interrupt_at(bench, "step 5/6")
    with pytest.raises(KeyboardInterrupt):
        bench.train()
    latest = bench.run.states.latest()
    assert latest is not None
    (latest[1] / "optimizer.safetensors").write_bytes(b"short")
    bench.said = []

    bench.train()

    assert any("goes on from step 4" in each for each in bench.said)
    assert bench.adapter == calm.adapter


def test_a_data_set_of_another_format_is_said(tmp_path: Path, tiny_base: Path) -> None:
    bench = Bench(tmp_path, tiny_base)
    rows = bench.folder / "dataset" / "parts" / "rows"
    (rows / "train.jsonl").rename(rows.parent / "train.jsonl")
    (rows / "validation.jsonl").unlink()
    rows.rmdir()

    with pytest.raises(TrainError, match=r"data set of another format \(train.jsonl\)"):
        bench.train()
    rows.mkdir()
    (rows / "train.jsonl").write_text('{"messages": []}\n')
    with pytest.raises(TrainError, match=r"Line 1 of .* is no row of a data set"):
        bench.train()
    (rows / "train.jsonl").unlink()
    with pytest.raises(TrainError, match="There is no data set"):
        bench.train()


@pytest.mark.parametrize(
    ("name", "value"),
    [("batch", 0), ("learning_rate", 0.0), ("warmup", 1.5), ("keep_states", 0), ("base", " ")],
)
def test_settings_that_cannot_be_are_said(bench: Bench, name: str, value: Any) -> None:
    from msgspec.structs import replace

    recipe = bench.recipe()
    wrong = replace(recipe, train=replace(recipe.train, **{name: value}))

    with pytest.raises(RecipeError, match=r"\[train\]"):
        qlora.train(wrong, bench.place, bench.said.append)


def test_an_optimizer_for_gpus_is_refused_where_there_is_none(bench: Bench) -> None:
    with pytest.raises(RecipeError, match="needs an NVIDIA GPU"):
        bench.train(optimizer="paged_adamw_8bit")


# --- the command ----------------------------------------------------------------------------------


def test_the_command_trains_and_prints_its_record(
    tmp_path: Path, tiny_base: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "books").mkdir()
    bench = Bench(tmp_path / "books", tiny_base)
    (bench.folder / ".storytui-train").write_bytes(b"1\n")
    recipe = tmp_path / "books" / "small.toml"
    recipe.write_text(
        'name = "small"\nfolder = "work"\n[train]\nquantisation = "none"\nsequence = 640\n'
        'base = "nowhere/nothing"\nbatch = 2\nloss_rows = 32\n'
    )
    parser = argparse.ArgumentParser()
    command.add_options(parser)

    status = command.run(
        parser.parse_args([str(recipe), "--base", str(tiny_base), "--steps", "1", "--json"])
    )

    printed = capsys.readouterr()
    record = json.loads(printed.out)
    assert status == 0
    assert (record["steps"], record["recipe"]) == (1, "small")
    assert "step 1/1" in printed.err
    # A path of this machine is not what a record calls the base.
    assert record["base"] == "tiny-llama"


def test_rows_of_one_split_are_not_anothers() -> None:
    assert some_row(1, "train").id != some_row(1, "validation").id
