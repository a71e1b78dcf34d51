"""The optimizer, its learning rate, and its state in a form without code in it."""

from collections.abc import Callable, Sequence
from math import ceil
from typing import Any

import torch
from torch import Tensor, nn

from storytui_train.errors import RecipeError, TrainError
from storytui_train.recipe_training import TrainOptions

_CONSTANTS = ("qmap1", "qmap2")
"""Of bitsandbytes' state: tables that are the same for all."""


def optimizer_kind(options: TrainOptions, device: torch.device) -> str:
    """Which optimizer `auto` means on a device.

    Raises:
        RecipeError: the one that is wanted does not run there.
    """
    if options.optimizer == "auto":
        return "paged_adamw_8bit" if device.type == "cuda" else "adamw"
    if options.optimizer == "paged_adamw_8bit" and device.type != "cuda":
        raise RecipeError(
            "The optimizer paged_adamw_8bit needs an NVIDIA GPU, and none is used here. Say "
            'optimizer = "auto" under [train].'
        )
    return options.optimizer


def new_optimizer(
    parameters: Sequence[nn.Parameter], options: TrainOptions, device: torch.device
) -> torch.optim.Optimizer:
    """An optimizer for an adapter; its state comes with its first step.

    Raises:
        RecipeError: as `optimizer_kind`.
    """
    settings: dict[str, Any] = {
        "lr": options.learning_rate,
        "betas": (0.9, 0.999),
        "eps": 1e-8,
        "weight_decay": options.weight_decay,
    }
    if optimizer_kind(options, device) == "adamw":
        # One parameter at a time: foreach makes temporary copies of all of them.
        return torch.optim.AdamW(parameters, foreach=False, **settings)
    from bitsandbytes import optim

    bitsandbytes: Any = optim
    made: torch.optim.Optimizer = bitsandbytes.PagedAdamW8bit(parameters, **settings)
    return made


def rates(options: TrainOptions, steps: int) -> Callable[[int], float]:
    """The learning rate of each step, from 0, by transformers' schedules.

    The first step's is above 0 and so is the last one's: a step at rate 0 would be for nothing.
    """
    from transformers import get_scheduler

    parameter = nn.Parameter(torch.zeros(1))
    schedule: Any = get_scheduler(
        "constant_with_warmup" if options.schedule == "constant" else options.schedule,
        torch.optim.SGD([parameter], lr=1.0),
        num_warmup_steps=ceil(steps * options.warmup),
        num_training_steps=steps + 1,
    )
    (factor,) = schedule.lr_lambdas
    return lambda step: options.learning_rate * factor(step + 1)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Have the next step taken at a learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def state_of(
    optimizer: torch.optim.Optimizer, parameters: Sequence[nn.Parameter]
) -> tuple[dict[str, Tensor], list[dict[str, int]]]:
    """What an optimizer remembers: tensors by parameter and name, and numbers by parameter."""
    tensors: dict[str, Tensor] = {}
    numbers: list[dict[str, int]] = []
    for place, parameter in enumerate(parameters):
        numbers.append({})
        for name, value in optimizer.state.get(parameter, {}).items():
            if isinstance(value, Tensor):
                if name not in _CONSTANTS:
                    tensors[f"{place}.{name}"] = value.detach().to("cpu", copy=True).contiguous()
            elif isinstance(value, int):
                numbers[-1][name] = value
    return tensors, numbers


def restore(
    optimizer: torch.optim.Optimizer,
    parameters: Sequence[nn.Parameter],
    tensors: dict[str, Tensor],
    numbers: Sequence[dict[str, int]],
) -> None:
    """Give an optimizer back what `state_of` told.

    Raises:
        TrainError: it is another optimizer's.
    """
    strange = TrainError("The state is of another optimizer.")
    held: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        number, _, name = key.partition(".")
        held.setdefault(int(number), {})[name] = tensor
    if len(numbers) != len(parameters):
        raise strange
    made: Any = optimizer
    for place, parameter in enumerate(parameters):
        found = held.get(place, {})
        if not found:
            continue
        if hasattr(made, "init_state"):
            # bitsandbytes': in the paged memory that it would have made itself.
            made.init_state(made.param_groups[0], parameter, 0, place)
            state = made.state[parameter]
            for name, tensor in found.items():
                there = state.get(name)
                if not isinstance(there, Tensor) or there.shape != tensor.shape:
                    raise strange
                there.copy_(tensor)
            state.update(numbers[place])
        else:
            if found.keys() != {"step", "exp_avg", "exp_avg_sq"}:
                raise strange
            made.state[parameter] = {
                name: tensor if name == "step" else tensor.to(parameter.device)
                for name, tensor in found.items()
            }
