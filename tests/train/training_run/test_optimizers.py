"""Learning rates by step, and optimizers whose state goes to the disk and back."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import options
from torch import nn

from storytui_train.errors import TrainError
from storytui_train.training.optimizers import new_optimizer, rates, restore, set_rate, state_of

CPU = torch.device("cpu")


def test_no_step_is_taken_at_rate_nothing() -> None:
    for schedule in ("cosine", "linear", "constant"):
        for steps in (1, 2, 7, 100):
            of = rates(options(schedule=schedule, warmup=0.1, learning_rate=1e-3), steps)
            found = [of(step) for step in range(steps)]
            assert all(0 < each <= 1e-3 for each in found)
            assert max(found) >= 0.5e-3


def test_rates_rise_and_fall_as_the_schedule_says() -> None:
    of = rates(options(schedule="linear", warmup=0.1, learning_rate=1.0), 100)
    assert [of(step) for step in (0, 4, 9)] == pytest.approx([0.1, 0.5, 1.0])
    assert of(99) == pytest.approx(1 / 91)
    constant = rates(options(schedule="constant", warmup=0.0, learning_rate=1.0), 10)
    assert [constant(step) for step in range(10)] == [1.0] * 10


def stepped(optimizer: Any, parameters: list[nn.Parameter], steps: range) -> None:
    for step in steps:
        generator = torch.Generator().manual_seed(step)
        for each in parameters:
            each.grad = torch.randn(each.shape, generator=generator)
        set_rate(optimizer, 0.01 * (step + 1))
        optimizer.step()


def parameters() -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(9)
    return [
        nn.Parameter(torch.randn(shape, generator=generator)) for shape in ((8, 3), (5,), (64, 80))
    ]


def test_an_optimizer_goes_on_as_if_nothing_had_been(tmp_path: Path) -> None:
    calm, broken = parameters(), parameters()
    one = new_optimizer(calm, options(weight_decay=0.1), CPU)
    two = new_optimizer(broken, options(weight_decay=0.1), CPU)
    stepped(one, calm, range(6))
    stepped(two, broken, range(3))

    tensors, numbers = state_of(two, broken)
    save_file(tensors, tmp_path / "state")
    fresh = new_optimizer(broken, options(weight_decay=0.1), CPU)
    restore(fresh, broken, load_file(tmp_path / "state"), numbers)
    stepped(fresh, broken, range(3, 6))

    assert all(torch.equal(a, b) for a, b in zip(calm, broken, strict=True))


def test_the_8_bit_optimizer_does_so_too(tmp_path: Path) -> None:
    from bitsandbytes.optim import AdamW8bit

    calm, broken = parameters(), parameters()
    one, two = AdamW8bit(calm), AdamW8bit(broken)
    try:
        stepped(one, calm, range(6))
    except (NotImplementedError, RuntimeError) as error:
        pytest.skip(f"it does not run on this CPU: {error}")
    stepped(two, broken, range(3))

    tensors, numbers = state_of(two, broken)
    assert {each.dtype for each in tensors.values()} == {torch.uint8, torch.float32}
    save_file(tensors, tmp_path / "state")
    fresh = AdamW8bit(broken)
    restore(fresh, broken, load_file(tmp_path / "state"), numbers)
    stepped(fresh, broken, range(3, 6))

    assert all(torch.equal(a, b) for a, b in zip(calm, broken, strict=True))


def test_another_optimizers_state_is_refused() -> None:
    there = parameters()
    with pytest.raises(TrainError, match="another optimizer"):
        restore(new_optimizer(there, options(), CPU), there, {}, [{}])
    strange = {"0.state1": torch.zeros(2)}
    with pytest.raises(TrainError, match="another optimizer"):
        restore(new_optimizer(there, options(), CPU), there, strange, [{}] * 3)
