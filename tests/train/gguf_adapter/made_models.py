"""Tiny random models of each architecture, and a writer of whole GGUF files from torch models.

The writer uses nothing of `storytui_train.gguf`: names come from gguf-py's map, the order of
llama's rows is worked out here, so that each can be held against the other.

python made_models.py ARCHITECTURE FOLDER   makes one by hand
"""

import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

import gguf
import numpy as np
import tiny_gguf
from numpy.typing import NDArray

from storytui_train.gguf.permutation import from_gguf

ARCHITECTURES = ("llama", "mistral", "qwen2", "qwen3", "gemma2", "gemma3")
"""Those that can be made: Hugging Face's names, of which mistral is a llama in GGUF."""
VOCABULARY = len(tiny_gguf.tokens())
CONTEXT = 512
LAYERS: Mapping[str, int] = {"gemma3": 6}
"""Where it is not 2: one layer in six of a gemma3 sees everything."""
TRANSFORMERS: Mapping[str, str] = {
    "llama": "Llama",
    "mistral": "Mistral",
    "qwen2": "Qwen2",
    "qwen3": "Qwen3",
    "gemma2": "Gemma2",
    "gemma3": "Gemma3",
}

Encoding = Literal["F32", "F16", "BF16"]


def tiny_model(
    architecture: str, *, seed: int = 1, tied: bool | None = None, spread: float = 0.12
) -> Any:
    """A random model of an architecture, in float32: hidden size 64, heads of which four share two.

    Args:
        architecture: one of `ARCHITECTURES`.
        seed: of its weights.
        tied: whether its head is its table of words; None: as these architectures have it.
        spread: of its weights.
    """
    import torch
    import transformers

    torch.manual_seed(seed)
    name = TRANSFORMERS[architecture]
    gemma = architecture.startswith("gemma")
    more: dict[str, Any] = {}
    if gemma or architecture == "qwen3":
        more["head_dim"] = 32  # not hidden size by heads
    if gemma:
        more |= {"query_pre_attn_scalar": 32, "sliding_window": 16}
    if architecture == "mistral":
        more["sliding_window"] = None
    config = getattr(transformers, f"{name}{'Text' if architecture == 'gemma3' else ''}Config")(
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=LAYERS.get(architecture, 2),
        num_attention_heads=4,
        num_key_value_heads=2,
        vocab_size=VOCABULARY,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=gemma if tied is None else tied,
        initializer_range=spread,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
        attn_implementation="eager",
        **more,
    )
    model = getattr(transformers, f"{name}ForCausalLM")(config).eval()
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() == 1:  # norms and biases: neither all ones nor all noughts
                weight.add_(torch.randn_like(weight) * 0.1)
    return model


def read_llama(path: Path) -> Any:
    """A GGUF file of the llama architecture as a torch model, its weights in float32.

    transformers can do it too, in four times the time.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    reader = _reader(path)
    tensors = {each.name: each for each in reader.tensors}

    def said(key: str) -> Any:
        return reader.fields[f"llama.{key}"].contents()

    config = LlamaConfig(
        hidden_size=said("embedding_length"),
        intermediate_size=said("feed_forward_length"),
        num_hidden_layers=said("block_count"),
        num_attention_heads=said("attention.head_count"),
        num_key_value_heads=said("attention.head_count_kv"),
        vocab_size=said("vocab_size"),
        max_position_embeddings=said("context_length"),
        rms_norm_eps=said("attention.layer_norm_rms_epsilon"),
        rope_parameters={"rope_type": "default", "rope_theta": said("rope.freq_base")},
        tie_word_embeddings="output.weight" not in tensors,
        attn_implementation="eager",
    )
    model = LlamaForCausalLM(config).eval()
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    with torch.no_grad():
        for key, weight in model.named_parameters():
            module = key.rpartition(".")[0]
            tensor = tensors[f"{names.get_name(module)}.weight"]
            numbers = gguf.dequantize(tensor.data, tensor.tensor_type)
            if (count := heads.get(module.rpartition(".")[2])) is not None:
                numbers = from_gguf(numbers, count)
            weight.copy_(torch.from_numpy(np.array(numbers)))
    return model


def write_model(
    path: Path,
    model: Any,
    *,
    like: Path | None = None,
    encoding: Encoding = "F32",
    name: str = "Tiny",
) -> Path:
    """Write a whole torch model as a GGUF file, a tensor at a time.

    Args:
        path: the file.
        model: of transformers, of one of `ARCHITECTURES`; not of peft (merge it first).
        like: a GGUF file whose tokenizer, template and general entries are taken as they are;
            None: the least vocabulary that llama.cpp takes, and ChatML.
        encoding: of the matrices; vectors stay float32.
        name: as the file calls it; where `like` is given, that one's.
    """
    config = model.config.get_text_config()
    architecture = {"mistral": "llama", "gemma3_text": "gemma3"}.get(
        config.model_type, config.model_type
    )
    writer = gguf.GGUFWriter(path, architecture)
    if like is None:
        writer.add_string("general.name", name)
        _vocabulary(writer)
    else:
        _copy_entries(writer, like)
    _numbers(writer, architecture, config)
    table = dict(_tensors(model, architecture, config))
    for key, tensor in table.items():
        kind = gguf.GGMLQuantizationType[encoding if tensor.dim() > 1 else "F32"]
        size = tensor.numel() * (4 if kind.name == "F32" else 2)
        writer.add_tensor_info(key, tuple(tensor.shape), np.dtype("f4"), size, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for tensor in table.values():
        kind = gguf.GGMLQuantizationType[encoding if tensor.dim() > 1 else "F32"]
        numbers: NDArray[Any] = np.ascontiguousarray(tensor.detach().float().numpy())
        writer.write_tensor_data(gguf.quantize(numbers, kind))
    writer.close()
    return path


def _tensors(model: Any, architecture: str, config: Any) -> Iterator[tuple[str, Any]]:
    kinds = {name: kind for kind, name in gguf.MODEL_ARCH_NAMES.items()}
    names = gguf.get_tensor_name_map(kinds[architecture], config.num_hidden_layers)
    for key, tensor in model.state_dict().items():
        if key == "lm_head.weight" and config.tie_word_embeddings:
            continue
        module, _, last = key.rpartition(".")
        found = names.get_name(module)
        assert found is not None, key
        if architecture == "llama":
            heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
            if module.rpartition(".")[2] in heads:
                tensor = _interleaved(tensor, heads[module.rpartition(".")[2]])
        if architecture.startswith("gemma") and "norm" in key:
            tensor = tensor + 1
        yield f"{found}.{last}", tensor


def _interleaved(weight: Any, heads: int) -> Any:
    """First rows of a head's halves, then second rows, and so on."""
    import torch

    return torch.cat(
        [torch.stack(head.chunk(2), dim=1).flatten(0, 1) for head in weight.chunk(heads)]
    )


def _numbers(writer: gguf.GGUFWriter, architecture: str, config: Any) -> None:
    length = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_key_length(length)
    writer.add_value_length(length)
    writer.add_rope_dimension_count(length)
    rope = config.rope_parameters
    writer.add_rope_freq_base(rope.get("full_attention", rope)["rope_theta"])
    if architecture.startswith("gemma"):
        writer.add_sliding_window(config.sliding_window)
    if architecture == "gemma2":
        writer.add_attn_logit_softcapping(config.attn_logit_softcapping)
        writer.add_final_logit_softcapping(config.final_logit_softcapping)


def _vocabulary(writer: gguf.GGUFWriter) -> None:
    tokens = tiny_gguf.tokens()
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([-float(each) for each in range(len(tokens))])
    writer.add_token_types([2, 3, 3, *([6] * 256), *([1] * (len(tokens) - 259))])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(True)
    writer.add_chat_template(tiny_gguf.CHATML)


def _copy_entries(writer: gguf.GGUFWriter, like: Path) -> None:
    for key, kind, inner, value in _entries(like):
        writer.add_key_value(key, value, kind, inner)


@cache
def _reader(path: Path) -> gguf.GGUFReader:
    return gguf.GGUFReader(path)


@cache
def _entries(like: Path) -> list[tuple[str, Any, Any, Any]]:
    """Key, type, type of a list's elements, and value of what is taken over from a file."""
    found = []
    for key, field in _reader(like).fields.items():
        if key.startswith(("general.", "tokenizer.")) and key not in (
            "general.architecture",
            "general.file_type",
            "general.quantization_version",
        ):
            kind, *inner = field.types
            found.append((key, kind, inner[0] if inner else None, field.contents()))
    return found


if __name__ == "__main__":
    place = Path(sys.argv[2])
    place.mkdir(parents=True, exist_ok=True)
    made = tiny_model(sys.argv[1])
    made.save_pretrained(place)
    write_model(place / f"{sys.argv[1]}.gguf", made)
