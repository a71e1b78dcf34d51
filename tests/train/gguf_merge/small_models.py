"""Small models of random weights in any of ggml's types, by gguf-py, and adapters for them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
from make_adapters import write_adapter
from numpy.typing import NDArray
from tiny_gguf import CHATML, tokens

from storytui_train.gguf.ggml import ggml

Floats = NDArray[np.float32]
Kinds = Callable[[str], str]

WIDTH, INNER, LAYERS, HEADS, CONTEXT = 256, 512, 2, 4, 512
RANK, ALPHA = 4, 8.0
TOUCHED = ("attn_q", "ffn_down")
NUMBERS = {each.name.lower(): int(each) for each in gguf.GGMLQuantizationType}
"""Types' numbers by their names, in small letters."""

ERRORS = {
    # Of one round trip of Gaussian weights, at the most.
    **{"f32": 0.0, "f16": 0.0005, "bf16": 0.003, "q8_0": 0.01, "q6_k": 0.022, "q5_k": 0.045},
    **{"q5_1": 0.045, "q5_0": 0.05, "q4_k": 0.085, "q4_1": 0.09, "q4_0": 0.1, "iq4_nl": 0.09},
    **{"iq4_xs": 0.09, "q3_k": 0.18, "q2_k": 0.35, "mxfp4": 0.14},
}
"""By the type's name."""


@dataclass(frozen=True)
class Tensor:
    """A tensor as it is in a file."""

    kind: int
    shape: tuple[int, ...]
    """The innermost dimension first."""
    raw: bytes


def shapes(*, experts: int = 0) -> dict[str, tuple[int, ...]]:
    """The tensors of a small llama, the innermost dimension first."""
    vocabulary = len(tokens())
    found: dict[str, tuple[int, ...]] = {
        "token_embd.weight": (WIDTH, vocabulary),
        "output_norm.weight": (WIDTH,),
        "output.weight": (WIDTH, vocabulary),
    }
    for layer in range(LAYERS):
        name = f"blk.{layer}"
        found[f"{name}.attn_norm.weight"] = (WIDTH,)
        for each in ("attn_q", "attn_k", "attn_v", "attn_output"):
            found[f"{name}.{each}.weight"] = (WIDTH, WIDTH)
        found[f"{name}.ffn_norm.weight"] = (WIDTH,)
        for each in ("ffn_gate", "ffn_up"):
            found[f"{name}.{each}.weight"] = (WIDTH, INNER)
        found[f"{name}.ffn_down.weight"] = (INNER, WIDTH)
        if experts:
            found[f"{name}.ffn_down_exps.weight"] = (INNER, WIDTH, experts)
    return found


def write_model(
    path: Path,
    kinds: Kinds = lambda _: "f32",
    *,
    seed: int = 1,
    experts: int = 0,
    parts: int = 0,
    alignment: int = 0,
    change: Mapping[str, Floats] | None = None,
    name: str = "Small Test",
) -> Path:
    """A llama that llama.cpp loads; the file, or that of its first part.

    Args:
        path: the file.
        kinds: the type of a tensor with more than one dimension, by its name.
        seed: of the weights.
        experts: adds a tensor of three dimensions to each layer.
        parts: tensors in one file; 0: all.
        alignment: of the weights; 0: the usual one, unsaid.
        change: tensors that have these weights.
        name: what it calls itself.
    """
    writer = gguf.GGUFWriter(path, "llama", split_max_tensors=parts)
    if alignment:
        writer.add_custom_alignment(alignment)
    _describe(writer, name)
    chance = np.random.default_rng(seed)
    for tensor, shape in shapes(experts=experts).items():
        weights = (chance.standard_normal(shape[::-1]) * 0.06).astype("f4")
        if len(shape) == 1:
            weights = np.ones(shape, "f4")
        weights = (change or {}).get(tensor, weights)
        number = NUMBERS[kinds(tensor) if len(shape) > 1 else "f32"]
        kind = ggml().kind(number)
        importance = np.ones(shape[0], "f4") if kind.wants_importance else None
        raw = ggml().from_floats(kind, weights.reshape(-1, shape[0]), importance)
        writer.add_tensor(
            tensor,
            raw.reshape(*shape[:0:-1], -1),
            raw_shape=(*shape[:0:-1], kind.row(shape[0])),
            raw_dtype=gguf.GGMLQuantizationType(number),
        )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path if not parts else min(path.parent.glob(f"{path.stem}-00001-of-*.gguf"))


def _describe(writer: gguf.GGUFWriter, name: str) -> None:
    writer.add_string("general.type", "model")
    writer.add_string("general.name", name)
    writer.add_string("general.organization", "Makers")
    writer.add_string("general.basename", "Small")
    writer.add_string("general.size_label", "2M")
    writer.add_string("general.license", "apache-2.0")
    writer.add_string("general.repo_url", "https://example.org/makers/small")
    writer.add_uint32("general.dataset.count", 1)
    writer.add_string("general.dataset.0.name", "Old texts")
    writer.add_uint32("general.file_type", 15)
    writer.add_block_count(LAYERS)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    vocabulary = tokens()
    writer.add_tokenizer_model("llama")
    writer.add_token_list(vocabulary)
    writer.add_token_scores([-float(each) for each in range(len(vocabulary))])
    writer.add_token_types([2, 3, 3, *([6] * 256), *([1] * (len(vocabulary) - 259))])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_chat_template(CHATML)
    # What nobody knows stays as it is.
    writer.add_float64("test.wide", 1 / 3)
    writer.add_array("test.truths", [True, False, True])
    writer.add_int8("test.small", -3)
    writer.add_string("test.text", "é\n\u2028")


def read(*paths: Path) -> dict[str, Tensor]:
    """The tensors of a file, or of all parts of one, by gguf-py."""
    found = {}
    for path in paths:
        for each in gguf.GGUFReader(path).tensors:
            shape = tuple(int(size) for size in each.shape)
            found[each.name] = Tensor(int(each.tensor_type), shape, each.data.tobytes())
    return found


def entries(path: Path) -> dict[str, bytes]:
    """A file's entries, name, type and value, as their bytes are, by gguf-py."""
    return {
        name: b"".join(part.tobytes() for part in field.parts)
        for name, field in gguf.GGUFReader(path).fields.items()
        if not name.startswith("GGUF.")
    }


def values(path: Path) -> dict[str, object]:
    """What a file's entries say, by gguf-py."""
    return {name: field.contents() for name, field in gguf.GGUFReader(path).fields.items()}


def floats(tensor: Tensor) -> Floats:
    """A tensor's weights: rows × columns."""
    raw = np.frombuffer(tensor.raw, np.uint8)
    return ggml().to_floats(ggml().kind(tensor.kind), raw, tensor.shape[0])


def halves(
    seed: int = 7,
    *,
    touched: Sequence[str] = TOUCHED,
    rank: int = RANK,
    strength: float = 0.5,
    experts: int = 0,
) -> dict[str, Floats]:
    """Random matrices for an adapter; its product has `strength` of the weights' size."""
    chance = np.random.default_rng(seed)
    made: dict[str, Floats] = {}
    for name, shape in shapes(experts=experts).items():
        if name.rpartition(".")[0].rpartition(".")[2] not in touched:
            continue
        columns, rows, *stack = shape
        a = chance.standard_normal((*stack, rank, columns)).astype("f4")
        b = chance.standard_normal((*stack, rows, rank)).astype("f4")
        size = 0.06 * strength * rank / ALPHA / np.sqrt(rank)
        made[f"{name}.lora_a"], made[f"{name}.lora_b"] = a, (b * size).astype("f4")
    return made


def make_adapter(
    path: Path,
    tensors: Mapping[str, Floats] | None = None,
    *,
    alpha: float = ALPHA,
    strings: Mapping[str, str] | None = None,
) -> Path:
    """An adapter for these models."""
    return write_adapter(
        path, halves() if tensors is None else tensors, alpha=alpha, strings=strings
    )


def wanted(base: Tensor, name: str, tensors: Mapping[str, Floats], scale: float = 1.0) -> Floats:
    """What a tensor is with the adapter merged, in float64 and by the formula."""
    a = tensors[f"{name}.lora_a"].astype("f8")
    b = tensors[f"{name}.lora_b"].astype("f8")
    added = scale * ALPHA / b.shape[-1] * (b @ a)
    return floats(base) + added.reshape(-1, base.shape[0])


def is_touched(name: str) -> bool:
    """Whether the adapter changes a tensor, where nothing else is said."""
    return name.startswith("blk.") and name.split(".")[2] in TOUCHED


def again(kind: int, weights: Floats) -> Floats:
    """Weights after a round trip through a type."""
    raw = ggml().from_floats(ggml().kind(kind), weights.astype("f4"))
    return ggml().to_floats(ggml().kind(kind), raw, weights.shape[1])


def distance(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """How far one is from another, as a share of its size."""
    return float(np.linalg.norm(one - other) / np.linalg.norm(other))
