"""What a model holds is counted part by part, each byte once."""

from typing import Any

import pytest
import tiny
import torch

from storytui_train.training import nf4
from storytui_train.training.learner import Learner, forward_loss
from storytui_train.training.lora import new_adapter
from storytui_train.training.memory import parts, total


def held(model: Any, optimizer: Any = None) -> dict[str, int]:
    return {each.name: each.bytes for each in parts(model, optimizer)}


@pytest.mark.parametrize("compute", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", ["llama", "qwen2"])
def test_each_part_has_the_bytes_of_its_tensors(kind: str, compute: torch.dtype) -> None:
    own = tiny.model_of(kind)
    size = compute.itemsize
    layers = sum(each.numel() for each in own.model.layers.parameters()) * size
    table = tiny.VOCABULARY * tiny.WIDTH * size

    made = held(tiny.base_of(own, compute=compute).model)

    assert made["layers"] == layers
    assert made["head"] == table
    assert made.get("embeddings", 0) == (0 if own.config.tie_word_embeddings else table)
    # The last norm, and the frequencies of the positions, twice in float32.
    assert made["rest"] == tiny.WIDTH * size + 2 * 8 * 4
    assert set(made) <= {"layers", "head", "embeddings", "rest"}


def test_quantised_layers_have_the_bytes_that_they_hold() -> None:
    base = tiny.base_of(tiny.model_of("llama"), quantised=True)
    matrices = [each for each in base.model.modules() if nf4.is_nf4(each)]
    norms = 2 * tiny.SHAPE["num_hidden_layers"] * tiny.WIDTH * 4

    made = held(base.model)

    assert made["layers"] == norms + sum(nf4.held_bytes(each) for each in matrices)


def test_adapters_their_gradients_and_the_optimizer_are_counted() -> None:
    options = tiny.options()
    base = tiny.base_of(tiny.model_of("llama"))
    before = held(base.model)
    learner = Learner(base, new_adapter(base, options, seed=1), options)
    trained = [each for each in learner.parameters() if each.requires_grad]
    adapters = sum(each.numel() for each in trained) * 4
    rows, begins = tiny.some_rows(2)

    assert held(learner) == before | {"adapters": adapters}
    forward_loss(learner, tiny.batch_of(rows, begins, [[0, 1]]))[0].backward()
    optimizer = torch.optim.AdamW(trained)
    optimizer.step()
    made = held(learner, optimizer)

    assert made["gradients"] == adapters
    assert made["optimizer"] == 2 * adapters + 4 * len(trained)
    assert total(parts(learner, optimizer), "cpu") == sum(made.values())
    assert total(parts(learner, optimizer), "cuda") == 0
