"""Checkpointing keeps a layer's input alone, and changes no gradient."""

from typing import Any

import pytest
import tiny
import torch
from torch import Tensor

from storytui_train.training.checkpointing import Keeper
from storytui_train.training.learner import Learner, forward_loss
from storytui_train.training.lora import new_adapter


def learnt(kind: str, where: str, device: str = "cpu", **how: Any) -> tuple[float, Tensor, Learner]:
    """The loss and the gradients of two batches, with dropout in the adapter."""
    options = tiny.options(checkpointing=where, dropout=0.3)
    base = tiny.base_of(tiny.model_of(kind), device=device, **how)
    learner = Learner(base, new_adapter(base, options, seed=1), options).train()
    rows, begins = tiny.some_rows(4)
    torch.manual_seed(7)
    total = 0.0
    for lines in ([[0, 1]], [[2], [3]]):
        batch = tiny.batch_of(rows, begins, lines)
        loss, _ = forward_loss(learner, {name: each.to(device) for name, each in batch.items()})
        loss.backward()
        total += loss.item()
    held = [each.grad.reshape(-1).cpu() for each in learner.parameters() if each.requires_grad]
    return total, torch.cat(held), learner


@pytest.mark.parametrize("kind", tiny.ARCHITECTURES)
def test_gradients_are_the_same_with_and_without(kind: str) -> None:
    loss, plain, _ = learnt(kind, "off")

    assert plain.abs().max() > 0
    for where in ("device", "host"):
        again, gradients, _ = learnt(kind, where)
        assert again == loss
        assert torch.equal(gradients, plain)


@pytest.mark.parametrize("where", ["device", "host"])
def test_gradients_are_the_same_over_quantised_layers(where: str) -> None:
    loss, plain, _ = learnt("llama", "off", quantised=True)

    again, gradients, _ = learnt("llama", where, quantised=True)

    assert again == loss
    assert torch.equal(gradients, plain)


@pytest.mark.parametrize("where", ["device", "host"])
def test_nothing_is_kept_but_each_layers_input(where: str) -> None:
    rows, begins = tiny.some_rows(2)
    _, _, learner = learnt("qwen2", where)
    batch = tiny.batch_of(rows, begins, [[0, 1]])

    forward_loss(learner, batch)

    layers = tiny.SHAPE["num_hidden_layers"]
    assert learner.keeper.kept.tensors == layers
    assert learner.keeper.kept.bytes == layers * batch["input_ids"].numel() * tiny.WIDTH * 4


def test_what_is_kept_of_a_longer_sequence_grows_by_the_layers_inputs_alone() -> None:
    def saved(where: str, tokens: int) -> int:
        options = tiny.options(checkpointing=where)
        base = tiny.base_of(tiny.model_of("llama"))
        learner = Learner(base, new_adapter(base, options, seed=1), options).train()
        batch = tiny.batch_of([[5] * tokens], [tokens - 4], [[0]])
        kept: dict[int, int] = {}

        def pack(tensor: Tensor) -> Tensor:
            kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda each: each):
            loss, _ = forward_loss(learner, batch)
        assert loss.requires_grad
        return sum(kept.values()) + (learner.keeper.kept.bytes if where != "off" else 0)

    hidden = tiny.WIDTH * 4
    layers = tiny.SHAPE["num_hidden_layers"]
    with_ = (saved("host", 300) - saved("host", 100)) / 200
    without = (saved("off", 300) - saved("off", 100)) / 200

    # The last norm, which is behind the layers, keeps a few states more.
    assert with_ <= (layers + 4) * hidden
    assert without > 5 * with_


def test_a_validation_keeps_nothing() -> None:
    rows, begins = tiny.some_rows(2)
    _, _, learner = learnt("llama", "host")

    learner.eval()
    with torch.no_grad():
        forward_loss(learner, tiny.batch_of(rows, begins, [[0, 1]]))

    assert learner.keeper.kept.tensors == 0


def test_host_memory_that_cannot_be_pinned_is_taken_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[bool] = []
    real = torch.empty

    def limited(*shape: Any, pin_memory: bool = False, **how: Any) -> Tensor:
        asked.append(pin_memory)
        if pin_memory:
            raise RuntimeError("CUDA error: out of memory")
        return real(*shape, **how)

    monkeypatch.setattr(torch, "empty", limited)
    keeper, tensor = Keeper("host"), torch.ones(3, 5, dtype=torch.bfloat16)

    rooms = [keeper._room(tensor) for _ in range(3)]

    assert {(tuple(each.shape), each.dtype) for each in rooms} == {((3, 5), torch.bfloat16)}
    # It is tried once.
    assert asked == [True, False, False, False]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize("quantised", [False, True])
def test_inputs_that_went_to_the_host_and_back_are_the_same(quantised: bool) -> None:
    loss, plain, _ = learnt("llama", "device", "cuda", quantised=quantised)

    again, gradients, _ = learnt("llama", "host", "cuda", quantised=quantised)

    assert again == loss
    assert torch.equal(gradients, plain)
