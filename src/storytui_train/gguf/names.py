"""Which tensor of a GGUF file a layer of a Hugging Face model is.

The names come from gguf-py's tensor name map; which layers may be asked for is held tighter here,
for that map knows fused layers of other models by the names of unfused tensors.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

CLASSES: Mapping[str, tuple[str, ...]] = {
    "llama": ("LlamaForCausalLM", "MistralForCausalLM"),
    "qwen2": ("Qwen2ForCausalLM",),
    "qwen3": ("Qwen3ForCausalLM",),
    "gemma2": ("Gemma2ForCausalLM",),
    "gemma3": ("Gemma3ForCausalLM", "Gemma3ForConditionalGeneration"),
}
"""Architectures, by GGUF's names, that adapters can be made for: transformers' classes of them."""
LINEAR = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""The linear layers of each block, by their last names, in all of these."""

_HEAD = "lm_head"
_FUSED = re.compile(r"qkv(_proj)?|W_pack|c_attn|query_key_value|gate_up_proj|wqkv|kv_proj")
_PICTURES = re.compile(r"(.*\.)?(vision_tower|multi_modal_projector|vision_model)(\..*)?")
# Gemma 3 with pictures keeps its words' part one folder further down, here in new and old models.
_WORDS = re.compile(r"model\.language_model\.|language_model\.model\.")
_LAYER = re.compile(r"model\.layers\.(\d+)\.(?:self_attn|mlp)\.(\w+)")


class UnknownLayerError(Exception):
    """A layer that no tensor stands for; the message is the middle of a sentence about it."""


def plain(module: str) -> str:
    """A layer's name as in a model of words alone: `model.layers.0.mlp.up_proj`."""
    return _WORDS.sub("model.", module, count=1) if _WORDS.match(module) else module


def gguf_name(module: str, architecture: str, layers: int) -> str:
    """The tensor that holds a linear layer's weight.

    Args:
        module: the layer's name in the Hugging Face model: `model.layers.0.self_attn.q_proj`.
        architecture: one of `CLASSES`.
        layers: how many blocks the base has.

    Returns:
        `blk.0.attn_q.weight`.

    Raises:
        UnknownLayerError: it is none of the linear layers that can be changed.
    """
    name = plain(module)
    if _PICTURES.fullmatch(module):
        raise UnknownLayerError("belongs to the part of the model that sees pictures")
    last = name.rpartition(".")[2]
    if _FUSED.fullmatch(last):
        raise UnknownLayerError("is several layers in one, which is not handled")
    match = _LAYER.fullmatch(name)
    if name != _HEAD and (match is None or match[2] not in LINEAR):
        raise UnknownLayerError(f"is none of {', '.join(LINEAR)} and {_HEAD}")
    if match is not None and int(match[1]) >= layers:
        raise UnknownLayerError(f"is in layer {int(match[1]) + 1}, and the base has {layers}")
    found = _name_map(architecture, layers).get_name(name)
    if found is None:
        raise UnknownLayerError(f"has no name in GGUF files of the architecture {architecture}")
    return f"{found}.weight"


@lru_cache(maxsize=4)
def _name_map(architecture: str, layers: int) -> Any:
    import gguf

    kinds = {name: kind for kind, name in gguf.MODEL_ARCH_NAMES.items()}
    return gguf.get_tensor_name_map(kinds[architecture], layers)


def architecture_of_class(model_class: str) -> str:
    """GGUF's architecture of a transformers class; empty: none that can be converted."""
    for architecture, classes in CLASSES.items():
        if model_class in classes:
            return architecture
    return ""
