"""Layers in NF4: what they compute, what they hold, and that asking them changes nothing."""

from typing import Any

import pytest
import tiny
import torch
from watching import Watch

from storytui_train.training import nf4
from storytui_train.training.learner import Learner, forward_loss
from storytui_train.training.lora import new_adapter


def as_floats(model: Any) -> dict[str, torch.Tensor]:
    """A quantised model's weights, dequantised, by their names."""
    made = {name: each for name, each in model.named_parameters() if each.dtype != torch.uint8}
    for name, module in model.named_modules():
        if nf4.is_nf4(module):
            made[f"{name}.weight"] = nf4.dequantised(module)
    made["model.embed_tokens.weight"] = model.model.embed_tokens.weight
    return made


@pytest.mark.parametrize("kind", tiny.ARCHITECTURES)
def test_quantised_layers_compute_with_what_they_dequantise_to(kind: str) -> None:
    own = tiny.model_of(kind)
    base = tiny.base_of(own, quantised=True)
    floats = as_floats(base.model)
    moved = 0.0
    with torch.no_grad():
        for name, each in own.named_parameters():
            moved = max(moved, (floats[name] - each).abs().max().item())
            each.copy_(floats[name])
        tokens = torch.arange(3, 23).reshape(1, 20)
        theirs, ours = own(tokens).logits, base.model(tokens).logits

    assert moved > 0.01
    assert torch.allclose(ours, theirs, atol=1e-4)


def test_only_the_layers_matrices_are_quantised() -> None:
    base = tiny.base_of(tiny.model_of("qwen2"), quantised=True)

    quantised = {name for name, each in base.model.named_modules() if nf4.is_nf4(each)}
    kinds = {each.dtype for n, each in base.model.named_parameters() if n[:-7] not in quantised}

    assert len(quantised) == 7 * tiny.SHAPE["num_hidden_layers"]
    assert kinds == {torch.float32}


def test_a_weight_takes_half_a_byte_an_element_and_its_scales() -> None:
    linear = torch.nn.Linear(256, 512, device="meta")
    module = nf4.empty_linear(linear, torch.float32)
    nf4.quantise(module, torch.randn(512, 256), torch.device("cpu"))

    elements, scales = 512 * 256, 512 * 256 // nf4.BLOCK
    tables = 4 * (16 + 256) + 4
    right = elements // 2 + scales + 4 * scales // nf4.BLOCK_OF_SCALES + tables

    assert nf4.held_bytes(module) == right


def test_asking_without_gradients_does_not_change_what_is_learnt() -> None:
    options = tiny.options()
    base = tiny.base_of(tiny.model_of("llama"), quantised=True)
    learner = Learner(base, new_adapter(base, options, seed=1), options)
    rows, begins = tiny.some_rows(2)
    batch = tiny.batch_of(rows, begins, [[0, 1]])

    def learn() -> list[torch.Tensor]:
        learner.train()
        learner.zero_grad()
        forward_loss(learner, batch)[0].backward()
        return [each.grad.clone() for each in learner.parameters() if each.requires_grad]

    before = learn()
    learner.eval()
    with torch.no_grad():
        forward_loss(learner, batch)
    after = learn()

    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))


def test_in_bfloat16_adapters_and_their_gradients_stay_in_float32() -> None:
    options = tiny.options()
    rows, begins = tiny.some_rows(2)
    batch = tiny.batch_of(rows, begins, [[0, 1]])
    losses, gradients = [], []
    for compute in (torch.float32, torch.bfloat16):
        base = tiny.base_of(tiny.model_of("llama"), quantised=True, compute=compute)
        learner = Learner(base, new_adapter(base, options, seed=1), options).train()
        loss, _ = forward_loss(learner, batch)
        loss.backward()
        losses.append(loss.item())
        held = [each for each in learner.parameters() if each.requires_grad]
        assert {each.dtype for each in held} == {torch.float32}
        gradients.append(torch.cat([each.grad.reshape(-1) for each in held]))
        frozen = {each.dtype for each in learner.parameters() if not each.requires_grad}
        assert frozen == {torch.uint8, compute}

    assert losses[1] == pytest.approx(losses[0], rel=0.02)
    assert gradients[1].dtype == torch.float32
    assert torch.nn.functional.cosine_similarity(*gradients, dim=0) > 0.98


def test_in_bfloat16_nothing_as_large_as_the_head_becomes_float32() -> None:
    options = tiny.options(checkpointing="host")
    base = tiny.base_of(
        tiny.model_of("llama", vocab_size=4000), quantised=True, compute=torch.bfloat16
    )
    learner = Learner(base, new_adapter(base, options, seed=1), options).train()
    rows, begins = tiny.some_rows(2)

    with Watch() as watch:
        forward_loss(learner, tiny.batch_of(rows, begins, [[0, 1]]))[0].backward()

    floats = [torch.Size(shape).numel() for kind, shape in watch.shapes if kind == torch.float32]
    # The buffer of the loss, for a block of rows.
    assert max(floats) == options.loss_rows * 4000
    assert options.loss_rows * 4000 < 4000 * tiny.WIDTH
