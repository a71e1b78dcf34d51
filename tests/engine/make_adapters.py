"""Makes LoRA adapters for a real model: random matrices of low rank, in files as llama.cpp wants.

python make_adapters.py BASE OUT SEED   makes one by hand
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import gguf
import numpy as np
from numpy.typing import NDArray

Matrices = dict[str, NDArray[np.float32]]

RANK = 4
ALPHA = 8.0
TARGETS = ("attn_q", "attn_v", "ffn_down")
STRENGTH = 0.012
"""Of the product's entries: another text from the first words on, and still words."""


def shapes_of(base: Path) -> dict[str, tuple[int, ...]]:
    """The shape of each of a model's tensors, the innermost dimension first."""
    return {
        each.name: tuple(int(size) for size in each.shape) for each in gguf.GGUFReader(base).tensors
    }


def matrices(
    base: Path,
    seed: int,
    *,
    rank: int = RANK,
    targets: Sequence[str] = TARGETS,
    strength: float = STRENGTH,
) -> Matrices:
    """A pair of matrices for every weight that is named so, by the tensor's name."""
    chance = np.random.default_rng(seed)
    made: Matrices = {}
    for name, shape in shapes_of(base).items():
        if len(shape) == 2 and name.split(".")[-2] in targets:
            size = (strength / np.sqrt(rank)) ** 0.5
            for half, form in (("a", (rank, shape[0])), ("b", (shape[1], rank))):
                made[f"{name}.lora_{half}"] = (chance.standard_normal(form) * size).astype("f4")
    return made


def write_adapter(
    path: Path,
    tensors: Mapping[str, NDArray[np.generic]],
    *,
    architecture: str = "llama",
    alpha: float | None = ALPHA,
    wide_alpha: bool = False,
    kind: str = "adapter",
    adapter_type: str = "lora",
    strings: Mapping[str, str] | None = None,
    numbers: Mapping[str, Sequence[int]] | None = None,
) -> Path:
    """Write a file with these tensors, and say what is to be said of it."""
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_string("general.type", kind)
    writer.add_string("adapter.type", adapter_type)
    if alpha is not None:
        # The wrong type is what llama.cpp ends its process over.
        add = writer.add_float64 if wide_alpha else writer.add_float32
        add("adapter.lora.alpha", alpha)
    for key, value in (strings or {}).items():
        writer.add_string(key, value)
    for key, values in (numbers or {}).items():
        writer.add_key_value(key, list(values), gguf.GGUFValueType.ARRAY, gguf.GGUFValueType.UINT32)
    for name, tensor in tensors.items():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def make_adapter(
    path: Path, base: Path, seed: int, *, strength: float = STRENGTH, prompt_format: str = ""
) -> Path:
    """An adapter for a model of the llama architecture, which may name a prompt format."""
    strings = {"general.name": f"Voice {seed}", "general.base_model.0.name": "SmolLM2 135M"}
    if prompt_format:
        strings["storytui.prompt_format"] = prompt_format
    return write_adapter(path, matrices(base, seed, strength=strength), strings=strings)


if __name__ == "__main__":
    make_adapter(Path(sys.argv[2]), Path(sys.argv[1]), int(sys.argv[3]))
