"""Adapters in peft's form and bases for them, written without torch."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import tiny_gguf
from numpy.typing import NDArray
from safetensors.numpy import save_file

Tensors = dict[str, NDArray[Any]]

RANK, ALPHA = 4, 8
WIDTH, INNER = tiny_gguf.WIDTH, tiny_gguf.INNER
LAYER = "model.layers.0"
SHAPES: Mapping[str, tuple[int, int]] = {
    f"{LAYER}.self_attn.q_proj": (WIDTH, WIDTH),
    f"{LAYER}.self_attn.v_proj": (WIDTH, WIDTH),
    f"{LAYER}.mlp.down_proj": (WIDTH, INNER),
}
"""Outputs and inputs of some layers of the tiny llama, by Hugging Face's names."""


def pair(module: str, shape: tuple[int, int], *, rank: int = RANK, seed: int = 1) -> Tensors:
    """Two random matrices for a layer, under peft's names."""
    chance = np.random.default_rng(seed)
    outputs, inputs = shape
    return {
        f"base_model.model.{module}.lora_A.weight": chance.standard_normal((rank, inputs)).astype(
            np.float32
        ),
        f"base_model.model.{module}.lora_B.weight": chance.standard_normal((outputs, rank)).astype(
            np.float32
        ),
    }


def tensors(*, rank: int = RANK) -> Tensors:
    """Those of an adapter for the tiny llama."""
    found: Tensors = {}
    for seed, (module, shape) in enumerate(SHAPES.items()):
        found |= pair(module, shape, rank=rank, seed=seed)
    return found


def peft_folder(folder: Path, weights: Tensors | None = None, **settings: Any) -> Path:
    """An adapter as peft saves it; `settings` go over those of adapter_config.json."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {"peft_type": "LORA", "r": RANK, "lora_alpha": ALPHA, "bias": "none"}
    (folder / "adapter_config.json").write_text(json.dumps(config | settings), encoding="utf-8")
    save_file(tensors() if weights is None else weights, folder / "adapter_model.safetensors")
    return folder


def tiny_base(path: Path, *, architecture: str = "llama", split: bool = False) -> Path:
    """A llama of one layer, or a header that calls itself something else.

    Args:
        path: of the file, or of the first of two.
        architecture: what it calls itself.
        split: whether it is divided into two files, `…-00001-of-00002.gguf` and so on.
    """
    pairs = [
        tiny_gguf.Pair(
            each.key.replace(b"llama.", architecture.encode() + b".", 1)
            if each.key.startswith(b"llama.")
            else each.key,
            each.kind,
            tiny_gguf.packed(architecture) if each.key == b"general.architecture" else each.value,
        )
        for each in tiny_gguf.llama_pairs()
    ]
    weights = tiny_gguf.llama_tensors()
    if not split:
        path.write_bytes(tiny_gguf.write(pairs, weights).data)
        return path
    for number, part in enumerate((weights[:5], weights[5:])):
        said = [
            tiny_gguf.Pair(b"split.no", 2, number.to_bytes(2, "little")),
            tiny_gguf.Pair(b"split.count", 2, (2).to_bytes(2, "little")),
        ]
        name = path.name.replace("00001-of", f"{number + 1:05}-of")
        path.with_name(name).write_bytes(
            tiny_gguf.write([*said, *(pairs if number == 0 else [])], part).data
        )
    return path


def read_back(path: Path) -> tuple[dict[str, Any], Tensors]:
    """Entries and tensors of a GGUF file, by gguf-py."""
    reader = gguf.GGUFReader(path)
    said = {key: each.contents() for key, each in reader.fields.items()}
    return said, {each.name: np.array(each.data) for each in reader.tensors}
