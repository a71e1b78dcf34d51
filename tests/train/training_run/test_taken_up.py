"""A run that goes on where it had come to its end, or where a state was taken back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_run import Bench

from storytui_train.errors import TrainError
from storytui_train.training import finishing, qlora
from storytui_train.training.progress import Progress
from storytui_train.training.spreading import Spread
from storytui_train.training.states import Best, State
from storytui_train.training.stepping import NotANumberError, Stepping

Make = Callable[[str], Bench]


def test_one_that_ended_early_ends_there_again(
    benches: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    calm, bench = benches("calm"), benches("bench")
    settings: dict[str, Any] = {
        "learning_rate": 3.0,
        "patience": 2,
        "steps": 40,
        "max_grad_norm": 0.0,
        "schedule": "constant",
        "warmup": 0.0,
        "validate_every": 1,
    }
    expected = calm.train(**settings)
    assert expected.stopped == "patience"

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(qlora, "write_outcome", killed)
        with pytest.raises(KeyboardInterrupt):
            bench.train(**settings)
    record = bench.train(**settings)

    assert (record.steps, record.stopped) == (expected.steps, "patience")
    assert record.outputs == expected.outputs
    assert bench.losses == calm.losses


def test_a_state_that_is_taken_back_takes_its_adapter_with_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Stepping.gradients
    settings: dict[str, Any] = {"save_every": 1, "validate_every": 2, "schedule": "constant"}

    def runs_away(self: Any, rows: Any, numbers: Any, step: int, *rest: Any) -> Any:
        if step == 4:
            raise NotANumberError("the loss")
        return real(self, rows, numbers, step, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(Stepping, "gradients", runs_away)
        with pytest.raises(TrainError, match="The state of step 3 is kept"):
            bench.train(**settings)
    latest = bench.run.states.latest()
    assert latest is not None
    assert latest[0].best is not None
    assert latest[0].best.step == 2
    # It was the fourth step's, which the state that is left knows nothing of.
    assert not bench.run.adapter.exists()

    record = bench.train(**{**settings, "learning_rate": 3.0})

    validated = {each.step: each.validation for each in bench.log}
    assert record.best is not None
    assert record.best.step in (4, 6)
    assert record.best.loss == validated[record.best.step]


@pytest.mark.parametrize("first", [True, False])
def test_all_processes_forget_a_best_whose_adapter_is_gone(bench: Bench, first: bool) -> None:
    recipe, spread = bench.recipe(), Spread()
    spread.number = 0 if first else 1
    run = qlora._Run(recipe, recipe.train, bench.place, spread, Progress(bench.said.append))
    state = State(step=3, course="", base="", log=0, numbers=[], best=Best(2, 1.5), worse=1)

    found = run._with_best(state, Path("nowhere"))

    assert (found.best, found.worse) == (None, 0)


@pytest.mark.parametrize("sharded", [False, True])
def test_what_a_part_of_a_base_took_corrects_no_plan(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, sharded: bool
) -> None:
    kept: list[Any] = []
    monkeypatch.setattr(finishing, "keep_peak", lambda *what: kept.append(what))
    monkeypatch.setattr(qlora, "shard", lambda base, *_: base)
    real = Spread.__init__

    def joined(self: Spread) -> None:
        real(self)
        self.sharded = sharded

    monkeypatch.setattr(Spread, "__init__", joined)

    bench.train(steps=1)

    assert len(kept) == (0 if sharded else 1)


def test_a_log_that_cannot_be_opened_is_said(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("torch.utils.tensorboard.SummaryWriter", full)

    with pytest.raises(TrainError, match="No space left on device"):
        bench.train(steps=1)
