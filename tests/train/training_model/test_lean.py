"""Adapted layers without copies compute what peft's own do."""

from typing import Any

import pytest
import tiny
import torch
from watching import Watch

from storytui_train.training.learner import Learner, forward_loss
from storytui_train.training.lora import new_adapter


def learner_of(lean: bool, kind: str = "llama", **how: Any) -> Learner:
    options = tiny.options(rslora=True, dropout=how.pop("dropout", 0.0))
    base = tiny.base_of(tiny.model_of(kind), **how)
    learner = Learner(base, new_adapter(base, options, seed=1), options, lean=lean)
    generator = torch.Generator().manual_seed(5)
    for name, each in learner.named_parameters():
        if ".lora_B." in name:
            each.data.copy_(torch.randn(each.shape, generator=generator) * 0.1)
    return learner.train()


def learnt(learner: Learner) -> tuple[float, torch.Tensor]:
    rows, begins = tiny.some_rows(3)
    torch.manual_seed(3)
    loss, _ = forward_loss(learner, tiny.batch_of(rows, begins, [[0, 1], [2]]))
    loss.backward()
    held = [each.grad.reshape(-1) for each in learner.parameters() if each.requires_grad]
    return loss.item(), torch.cat(held)


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("quantised", [False, True])
@pytest.mark.parametrize("kind", ["llama", "qwen2"])
def test_loss_and_gradients_are_those_of_peft(kind: str, quantised: bool, dropout: float) -> None:
    lean = learner_of(True, kind, quantised=quantised, dropout=dropout)
    own = learner_of(False, kind, quantised=quantised, dropout=dropout)

    loss, gradients = learnt(lean)
    right, theirs = learnt(own)

    assert (lean.lean, own.lean) == (True, False)
    assert loss == pytest.approx(right, rel=1e-5)
    assert theirs.abs().max() > 0.1
    assert torch.allclose(gradients, theirs, rtol=1e-5, atol=1e-5)


def test_a_model_without_its_adapter_is_the_base() -> None:
    learner = learner_of(True)
    tokens = torch.arange(3, 23).reshape(1, 20)

    with torch.no_grad():
        adapted = learner.model(input_ids=tokens).logits
        with learner.model.disable_adapter():
            bare = learner.model(input_ids=tokens).logits
        right = tiny.model_of("llama")(tokens).logits

    assert torch.allclose(bare, right, atol=1e-5)
    assert not torch.allclose(adapted, right, atol=1e-2)


def test_much_less_is_written_and_never_more_is_held() -> None:
    made, peaks = [], []
    for lean in (True, False):
        learner = learner_of(lean)
        batch = tiny.batch_of([[5] * 300], [290], [[0]])
        with Watch() as watch:
            forward_loss(learner, batch)[0].backward()
        made.append(watch.made)
        peaks.append(watch.peak)

    assert made[0] < 0.75 * made[1]
    assert peaks[0] <= peaks[1]


def test_of_bfloat16_inputs_no_float32_copies_are_made() -> None:
    learner = learner_of(True, quantised=True, compute=torch.bfloat16)
    batch = tiny.batch_of([[5] * 300], [290], [[0]])

    with Watch() as watch:
        forward_loss(learner, batch)[0].backward()

    # As wide as the MLP's inside, for each token.
    wide = [kind for kind, shape in watch.shapes if shape[-1:] == (96,) and 300 in shape]
    assert wide
    assert set(wide) == {torch.bfloat16}
