"""What was begun, or is done, on a device that is not seen now is left as it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from small_run import Bench

from storytui_train.errors import TrainError
from storytui_train.training import elsewhere, qlora
from storytui_train.training.stepping import Stepping

ON_A_GPU = "paged_adamw_8bit torch.bfloat16"


@contextmanager
def on_a_gpu() -> Iterator[None]:
    """What `auto` means is said to be what it means there."""
    with pytest.MonkeyPatch.context() as patch:
        for each in (elsewhere, qlora):
            patch.setattr(each, "resolved", lambda _options, _device: ON_A_GPU)
        yield


@contextmanager
def broken_off_before(step: int) -> Iterator[None]:
    real = Stepping.gradients

    def gradients(self: Any, rows: Any, numbers: Any, number: int, *rest: Any) -> Any:
        if number == step:
            raise TrainError("the power is gone")
        return real(self, rows, numbers, number, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stepping, "gradients", gradients)
        with pytest.raises(TrainError, match="the power is gone"):
            yield


def files(bench: Bench) -> dict[str, bytes]:
    there = [each for each in bench.run.folder.rglob("*") if each.is_file()]
    return {str(each): each.read_bytes() for each in there if "rows" not in each.parts}


def test_states_of_another_device_stay_and_are_gone_on_from_there(bench: Bench) -> None:
    with on_a_gpu(), broken_off_before(3):
        bench.train()
    before = files(bench)

    with pytest.raises(TrainError) as caught:
        bench.train()

    assert "begun with paged_adamw_8bit in bfloat16" in str(caught.value)
    assert "here it would be adamw in float32: is the GPU not seen?" in str(caught.value)
    assert files(bench) == before
    with on_a_gpu():
        record = bench.train()
    assert any("goes on from step 2" in each for each in bench.said)
    assert record.steps == 6


def test_it_is_begun_anew_where_that_is_asked_for_or_nothing_was_made_yet(bench: Bench) -> None:
    with on_a_gpu(), broken_off_before(0):
        bench.train()
    with broken_off_before(3):
        bench.train()
    with on_a_gpu(), pytest.raises(TrainError, match="begun with adamw in float32"):
        bench.train()

    with on_a_gpu():
        record = bench.train(again=True)

    assert record.steps == 6
    assert [each.step for each in bench.log] == list(range(7))


def test_an_adapter_that_is_done_stays_done(bench: Bench) -> None:
    with on_a_gpu():
        done = bench.train(steps=2)
    before = files(bench)

    assert bench.train(steps=2, rows_at_once=2) == done
    assert any("nothing but the device changed" in each for each in bench.said)
    for changed in ({"learning_rate": 1e-3}, {"compute": "float32"}):
        with pytest.raises(TrainError, match="Nothing was changed"):
            bench.train(steps=2, **changed)
    assert files(bench) == before

    other = bench.train(steps=2, rank=2)
    assert other.fingerprint != done.fingerprint
