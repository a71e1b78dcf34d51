"""Tiny random models of each architecture, as transformers models, folders and GGUF files."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import gguf
import torch
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM

from storytui_train.recipe_training import TrainOptions
from storytui_train.training.base import Base, assemble

VOCABULARY, WIDTH = 160, 64

SHAPE: Mapping[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": WIDTH,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "max_position_embeddings": 512,
}
OWN: Mapping[str, Mapping[str, Any]] = {
    "llama": {"tie_word_embeddings": False},
    "mistral": {"tie_word_embeddings": False, "sliding_window": 7},
    "qwen2": {"tie_word_embeddings": True},
    "qwen3": {"tie_word_embeddings": False},
    "gemma2": {"sliding_window": 7, "query_pre_attn_scalar": 16, "attn_logit_softcapping": 2.0},
    "gemma3_text": {
        "sliding_window": 7,
        "query_pre_attn_scalar": 16,
        "layer_types": ["sliding_attention", "full_attention"],
    },
}
ARCHITECTURES = tuple(OWN)


def config_of(kind: str, **changed: Any) -> Any:
    return AutoConfig.for_model(kind, **{**SHAPE, **OWN[kind], **changed})


def model_of(kind: str, seed: int = 0, **changed: Any) -> Any:
    """A random model of transformers' own, in float32, with attention of transformers' own."""
    torch.manual_seed(seed)
    config = config_of(kind, **changed)
    # Where transformers has no other for capped scores.
    how = "eager" if kind == "gemma2" else "sdpa"
    model = AutoModelForCausalLM.from_config(config, attn_implementation=how).eval()
    with torch.no_grad():
        for name, each in model.named_parameters():
            # Norms and biases too: nothing may hide behind a one or a zero.
            each.copy_(torch.randn_like(each) * (0.15 if each.dim() > 1 else 0.2))
            if name.endswith("norm.weight") and not kind.startswith("gemma"):
                each.add_(1.0)
    return model


class InMemory:
    """The weights of a model in memory, as a source."""

    named = "tiny"

    def __init__(self, model: Any) -> None:
        self.config = type(model.config)(**model.config.to_dict())
        self._tensors = {name: each.detach() for name, each in model.named_parameters()}

    @property
    def architecture(self) -> str:
        return str(self.config.model_type)

    def rope_factors(self) -> Tensor | None:
        return None

    def read(self, names: Any, dtype: torch.dtype) -> Iterator[tuple[str, Tensor]]:
        for name, each in self._tensors.items():
            yield name, each.clone().to(dtype)


def base_of(
    model: Any,
    *,
    quantised: bool = False,
    compute: torch.dtype = torch.float32,
    device: str = "cpu",
) -> Base:
    """A base for training, of a model of transformers' own."""
    weights = InMemory(model)
    there = torch.device(device)
    return Base(
        model=assemble(weights, there, compute, quantised=quantised),
        config=weights.config,
        architecture=weights.architecture,
        kind="folder",
        source="/home/her/models/tiny",
        revision="",
        gguf=None,
        fingerprint="0" * 64,
        device=there,
        compute=compute,
        nf4=quantised,
    )


def options(**changed: Any) -> TrainOptions:
    made = {"rank": 4, "alpha": 8.0, "loss_rows": 8, "checkpointing": "off", **changed}
    return TrainOptions(base="tiny", **made)


def write_gguf(
    model: Any,
    path: Path,
    *,
    quantise: bool = False,
    kind: str = "",
    says: Mapping[str, Any] | None = None,
    more: Mapping[str, Any] | None = None,
    without: tuple[str, ...] = (),
    part: int = 0,
) -> Path:
    """A model of transformers' own as llama.cpp's conversion writes it.

    Args:
        model: the model.
        path: of the file.
        quantise: whether matrices become Q8_0.
        kind: an architecture to say instead of its own.
        says: further metadata, and other values than the model's own.
        more: further tensors.
        without: tensors that are left out.
        part: tensors of each file of a divided model; 0: it is one file.

    Returns:
        The file, or the first of a divided model.
    """
    config = model.config
    own = {"gemma3_text": "gemma3", "mistral": "llama"}.get(config.model_type, config.model_type)
    writer = gguf.GGUFWriter(path, kind or own, split_max_tensors=part)
    kind = own
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    ropes = config.rope_parameters
    writer.add_rope_freq_base(ropes.get("full_attention", ropes)["rope_theta"])
    if kind.startswith("gemma"):
        writer.add_sliding_window(config.sliding_window)
        pattern = [each == "sliding_attention" for each in config.layer_types]
        writer.add_sliding_window_pattern(pattern)
    if kind == "gemma2":
        writer.add_attn_logit_softcapping(config.attn_logit_softcapping)
        writer.add_final_logit_softcapping(config.final_logit_softcapping)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list([f"t{each}" for each in range(config.vocab_size)])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    number = next(key for key, value in gguf.MODEL_ARCH_NAMES.items() if value == kind)
    names = gguf.get_tensor_name_map(number, config.num_hidden_layers)
    for name, each in model.named_parameters():
        module, _, ending = name.rpartition(".")
        tensor = each.detach()
        if kind == "llama" and module.endswith(("q_proj", "k_proj")):
            heads = config.num_attention_heads
            if module.endswith("k_proj"):
                heads = config.num_key_value_heads
            tensor = permuted(tensor, heads)
        if kind.startswith("gemma") and name.endswith("norm.weight"):
            tensor = tensor + 1
        name = f"{names.get_name(module)}.{ending}"
        if name in without:
            continue
        data, quantised = tensor.numpy(), None
        if quantise and data.ndim == 2:
            quantised = gguf.GGMLQuantizationType.Q8_0
            data = gguf.quants.quantize(data, quantised)
        writer.add_tensor(name, data, raw_dtype=quantised)
    for name, data in (more or {}).items():
        writer.add_tensor(name, data)
    for key, value in (says or {}).items():
        writer.kv_data[0].pop(key, None)
        add = {str: writer.add_string, float: writer.add_float32, int: writer.add_uint32}
        add[type(value)](key, value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    if part:
        (path,) = path.parent.glob(f"{path.stem}-00001-of-*.gguf")
    return path


def permuted(tensor: Tensor, heads: int) -> Tensor:
    """As convert_hf_to_gguf.py reorders llama's rows."""
    halves = tensor.reshape(heads, 2, tensor.shape[0] // heads // 2, *tensor.shape[1:])
    return halves.swapaxes(1, 2).reshape(tensor.shape)


def batch_of(rows: list[list[int]], trained_from: list[int], lines: list[list[int]]) -> Any:
    """A batch for the learner.

    Args:
        rows: tokens of each row.
        trained_from: the first trained token of each.
        lines: which rows share each line, in order.
    """
    length = max(sum(len(rows[each]) for each in line) for line in lines)
    shape = (len(lines), length)
    batch = {
        "input_ids": torch.zeros(shape, dtype=torch.long),
        "positions": torch.zeros(shape, dtype=torch.long),
        "segments": torch.full(shape, -1),
        "trained": torch.zeros(shape, dtype=torch.bool),
    }
    for line, held in enumerate(lines):
        at = 0
        for number in held:
            row = rows[number]
            span = slice(at, at + len(row))
            batch["input_ids"][line, span] = torch.tensor(row)
            batch["positions"][line, span] = torch.arange(len(row))
            batch["segments"][line, span] = number
            batch["trained"][line, at + trained_from[number] : at + len(row)] = True
            at += len(row)
    return batch


def some_rows(count: int = 4, seed: int = 3, most: int = 24) -> tuple[list[list[int]], list[int]]:
    generator = torch.Generator().manual_seed(seed)

    def number(least: int, behind: int) -> int:
        return int(torch.randint(least, behind, (1,), generator=generator))

    rows = [[number(3, VOCABULARY) for _ in range(number(9, most))] for _ in range(count)]
    return rows, [number(1, len(row) - 2) for row in rows]
