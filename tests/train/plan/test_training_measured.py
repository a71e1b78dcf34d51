"""A plan for a CPU, against what a step of training really holds there, tensor by tensor."""

import gc
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tensor_bytes import TensorBytes

from storytui_train.recipe_training import TrainOptions
from storytui_train.training.memory_plan import Plan, plan_memory
from storytui_train.training.plan import settings_of
from storytui_train.training.shape_finding import find_shape

pytest.importorskip("storytui_train.training.learner")

TOKENS = 320


@dataclass
class Measured:
    """Bytes that a step held."""

    held: dict[str, int]
    """By part: what is there all the time."""
    peak: int
    """Beside the weights: adapters' gradients, the optimizer, and the fullest moment."""


def tiny_base(folder: Path, kind: str) -> Path:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(1)
    config = AutoConfig.for_model(
        kind,
        hidden_size=64,
        intermediate_size=192,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        num_hidden_layers=3,
        vocab_size=2_000,
        tie_word_embeddings=False,
    )
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    return folder


def measured_step(options: TrainOptions) -> Measured:
    import torch

    from storytui_train.training.base import load_base
    from storytui_train.training.learner import Learner, forward_loss
    from storytui_train.training.lora import new_adapter
    from storytui_train.training.memory import parts

    torch.set_num_threads(1)
    base = load_base(options, torch.device("cpu"))
    model = new_adapter(base, options, seed=1)
    learner = Learner(base, model, options)
    learner.train()
    trained = [each for each in learner.parameters() if each.requires_grad]
    optimizer = torch.optim.AdamW(trained, foreach=False)
    tokens = torch.arange(options.sequence)[None] % 1_000
    batch = {
        "input_ids": tokens,
        "positions": torch.arange(options.sequence)[None],
        "segments": torch.zeros_like(tokens),
        "trained": torch.ones_like(tokens, dtype=torch.bool),
    }
    gc.collect()
    there = [*learner.parameters(), *learner.buffers(), *batch.values()]
    counted = TensorBytes(there)
    with counted:
        for _ in range(2):
            counted.begin_again()
            loss, count = forward_loss(learner, batch)
            (loss / count).backward()
            optimizer.step()
    held = {each.name: each.bytes for each in parts(model, optimizer)}
    return Measured(held, counted.peak)


def plan_of(options: TrainOptions) -> Plan:
    return plan_memory(find_shape(options.base).shape, settings_of(options, "cpu"), 1 << 40)


def part(plan: Plan, name: str) -> int:
    return next((each.bytes for each in plan.parts if each.name == name), 0)


@pytest.mark.parametrize("kind", ["llama", "qwen3"])
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"checkpointing": "off"},
        {"loss_rows": 320, "rank": 8},
        {"quantisation": "none", "sequence": 64},
        {"compute": "bfloat16", "checkpointing": "off"},
        {"dropout": 0.1, "checkpointing": "off"},
    ],
    ids=["usual", "all layers kept", "large loss", "not quantised", "bfloat16", "dropout"],
)
def test_a_step_holds_what_is_planned(kind: str, more: dict[str, Any], tmp_path: Path) -> None:
    base = tiny_base(tmp_path / "base", kind)
    options = TrainOptions(**({"base": str(base), "sequence": TOKENS, "rank": 4} | more))
    found, plan = measured_step(options), plan_of(options)
    assert found.held["adapters"] == part(plan, "adapters")
    assert found.held["gradients"] == part(plan, "gradients")
    assert found.held["head"] == part(plan, "head")
    assert found.held["embeddings"] == part(plan, "embeddings")
    assert found.held["optimizer"] == pytest.approx(part(plan, "optimizer"), rel=0.01)
    inside = part(plan, "weights") + part(plan, "norms")
    assert found.held["layers"] == pytest.approx(inside, rel=0.01)
    weights = ("weights", "head", "embeddings", "norms", "adapters")
    beside = plan.planned - sum(part(plan, each) for each in weights)
    assert beside == pytest.approx(found.peak, rel=0.1)
