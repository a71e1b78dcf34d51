"""Random peft adapters of tiny models, and how far apart two models' words are."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from made_models import VOCABULARY
from numpy.typing import NDArray

TOKENS = (1, *(int(each) for each in np.random.default_rng(7).integers(3, VOCABULARY, 63)))
"""What all of them read."""

MIXED: Mapping[str, Any] = {
    "use_rslora": True,
    "rank_pattern": {"q_proj": 2, "down_proj": 5, "layers.1.self_attn.v_proj": 3},
    "alpha_pattern": {"k_proj": 5.0, r"layers\.0\.mlp\.gate_proj": 24.0, "o_proj": 0.0},
}
"""Ranks and alphas of their own for some layers; one of them is switched off by its alpha."""


def adapted(
    model: Any,
    *,
    seed: int = 3,
    strength: float = 0.08,
    targets: Any = "all-linear",
    **options: Any,
) -> Any:
    """A model with a random adapter on its linear layers, of which none is nought.

    Args:
        model: of transformers; it is wrapped in place.
        seed: of the numbers.
        strength: of the products' entries before they are scaled by alpha and rank.
        targets: as peft has them.
        options: of peft's LoraConfig.
    """
    import peft
    import torch

    known = {"r": 6, "lora_alpha": 12, "lora_dropout": 0.0, "task_type": "CAUSAL_LM"}
    config = peft.LoraConfig(target_modules=targets, **(known | options))
    wrapped = peft.get_peft_model(model, config).eval()
    chance = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in wrapped.named_parameters():
            if "lora_" in name:
                rank = weight.shape[0] if "lora_A" in name else weight.shape[1]
                size = (strength / rank**0.5) ** 0.5
                weight.copy_(torch.randn(weight.shape, generator=chance) * size)
    return wrapped


def saved(wrapped: Any, folder: Path) -> Path:
    """The folder that peft saves an adapter in."""
    wrapped.save_pretrained(folder, save_embedding_layers=False)
    return folder


def with_settings(adapter: Path, folder: Path, **settings: Any) -> Path:
    """A copy of an adapter whose adapter_config.json says something else."""
    folder.mkdir(parents=True)
    config = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
    (folder / "adapter_config.json").write_text(json.dumps(config | settings), encoding="utf-8")
    weights = "adapter_model.safetensors"
    (folder / weights).write_bytes((adapter / weights).read_bytes())
    return folder


def torch_logits(model: Any, tokens: Sequence[int] = TOKENS) -> NDArray[np.float32]:
    """What a torch model says after each token: tokens × vocabulary."""
    import torch

    with torch.no_grad():
        found: NDArray[np.float32] = model(torch.tensor([list(tokens)])).logits[0].float().numpy()
    return found


def divergence(true: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Mean Kullback–Leibler divergence over the tokens, in nats."""
    one, two = (_log_softmax(each.astype(np.float64)) for each in (true, other))
    return float((np.exp(one) * (one - two)).sum(axis=-1).mean())


def _log_softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    found: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return found
