"""What a loaded model holds in memory, part by part: what `plan` foretells is held against it."""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from storytui_train.training import nf4
from storytui_train.training.embeddings import FrozenEmbedding

PartName = Literal["layers", "embeddings", "head", "adapters", "gradients", "optimizer", "rest"]


@dataclass(frozen=True, slots=True)
class Part:
    """Memory that one part of a model takes."""

    name: PartName
    """layers: the frozen decoder layers; embeddings: nothing where they are the head's; rest:
    frequencies, the last norm and the like."""
    bytes: int
    place: str
    """The kind of device it is on: cpu, cuda, …"""


def parts(model: nn.Module, optimizer: Any = None) -> list[Part]:
    """What a model holds, by part and place; memory that is shared is counted once.

    Args:
        model: a base model, with or without an adapter.
        optimizer: its torch optimizer, after a step; None: there is none yet.
    """
    counted: set[tuple[int, torch.device]] = set()
    sums: dict[tuple[PartName, str], int] = {}

    def add(name: PartName, tensor: Tensor, size: int | None = None) -> None:
        key = (tensor.data_ptr(), tensor.device)
        if tensor.numel() and key in counted:
            return
        counted.add(key)
        bytes_ = tensor.numel() * tensor.element_size() if size is None else size
        place = (name, tensor.device.type)
        sums[place] = sums.get(place, 0) + bytes_

    for name, parameter in model.named_parameters():
        if parameter.requires_grad or ".lora_" in name:
            add("adapters", parameter)
            if parameter.grad is not None:
                add("gradients", parameter.grad)
        elif ".layers." not in name:
            add("head" if "lm_head" in name else "rest", parameter)
        elif not name.endswith(".weight") or not nf4.is_nf4(_module(model, name)):
            add("layers", parameter)
    for module in model.modules():
        if nf4.is_nf4(module) and isinstance(module, nn.Linear):
            add("layers", module.weight, nf4.held_bytes(module))
        elif isinstance(module, FrozenEmbedding):
            add("embeddings", module.weight)
    for buffer in model.buffers():
        add("rest", buffer)
    for state in [] if optimizer is None else optimizer.state.values():
        for value in state.values():
            if isinstance(value, Tensor):
                add("optimizer", value)
    return [Part(name, bytes_, place) for (name, place), bytes_ in sums.items()]


def total(held: list[Part], place: str) -> int:
    """Bytes of all parts at a place."""
    return sum(each.bytes for each in held if each.place == place)


def _module(model: nn.Module, parameter: str) -> nn.Module:
    return model.get_submodule(parameter.rpartition(".")[0])
