"""A GGUF's metadata as the configuration of a transformers model.

Names of the metadata are those of the GGUF specification (ggml, docs/gguf.md); what llama.cpp
takes where a file is silent is taken here too (llama-model.cpp), so that what is trained is what
is served. What has no counterpart is refused, never left out.
"""

from collections.abc import Callable, Mapping
from typing import Any

from storytui.models.gguf_reading import Contents, GgufFaultError, Listing
from storytui.models.shape import Layer, shape_of
from storytui.story.visible import visible
from storytui_train.errors import BaseModelError

ARCHITECTURES: Mapping[str, str] = {
    "llama": "llama",
    "qwen2": "qwen2",
    "qwen3": "qwen3",
    "gemma2": "gemma2",
    "gemma3": "gemma3_text",
}
"""transformers' model type by that of a GGUF; Mistral's models are llama's there."""

_GEMMA2_27B, _GEMMA3_27B = 46, 62
"""Layers of the models whose scores are scaled by their width (llama-model.cpp)."""


class Metadata:
    """What a header says, by the names below its architecture."""

    def __init__(self, named: str, contents: Contents, *further: Contents) -> None:
        """Read the header.

        Args:
            named: what the file is called in messages.
            contents: of its header.
            further: of a divided model's further parts.

        Raises:
            BaseModelError: it is no model whose shape can be read.
        """
        self.named = named
        self.contents = contents
        self.tensors = {each.name: each for part in (contents, *further) for each in part.tensors}
        try:
            self.shape = shape_of(contents, *further)
        except GgufFaultError as fault:
            raise self.refuse(f"{fault}. {fault.advice}") from None
        self.architecture = self.shape.architecture

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers that are computed."""
        return self.shape.layers

    def refuse(self, why: str) -> BaseModelError:
        """The error that says why the file cannot be trained."""
        return BaseModelError(f"The base {self.named} {visible(why)}")

    def get(self, name: str) -> Any:
        """A value, None where there is none; of a list of equal numbers, that number."""
        value = self.contents.values.get(f"{self.architecture}.{name}")
        if isinstance(value, Listing):
            numbers = set(self.contents.numbers(f"{self.architecture}.{name}"))
            if len(numbers) != 1:
                raise self.refuse(f"has layers of different shapes ({name}), which is not trained.")
            return int(numbers.pop())
        return value

    def whole(self, name: str, otherwise: int | None = None) -> int:
        """A whole number that must be there, or have a value to take otherwise."""
        value = self.get(name)
        if value is None:
            value = otherwise
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.refuse(f"does not say {self.architecture}.{name}. Get the file again.")
        return value

    def number(self, name: str, otherwise: float) -> float:
        """A number."""
        value = self.get(name)
        return float(value) if isinstance(value, int | float) else otherwise


def configuration(metadata: Metadata) -> tuple[str, dict[str, Any]]:
    """The model type and the keywords of its configuration in transformers.

    Raises:
        BaseModelError: the architecture is none of `ARCHITECTURES`, or says something that the
            model in transformers cannot be.
    """
    kind = metadata.architecture
    if kind not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise metadata.refuse(
            f"is a model of the architecture {kind}, which cannot be trained here. "
            f"These can: {known}."
        )
    if metadata.get("expert_count"):
        raise metadata.refuse("is a mixture of experts, which cannot be trained here.")
    width, heads = metadata.whole("embedding_length"), metadata.whole("attention.head_count")
    head = metadata.whole("attention.key_length", width // heads)
    for name in ("rope.dimension_count", "attention.value_length"):
        if metadata.whole(name, head) != head:
            raise metadata.refuse(
                f"has {kind}.{name} {metadata.whole(name)} where its heads have {head}, "
                "which cannot be trained here."
            )
    made = {
        "vocab_size": metadata.tensors["token_embd.weight"].shape[1],
        "hidden_size": width,
        "intermediate_size": metadata.whole("feed_forward_length"),
        "num_hidden_layers": len(metadata.layers),
        "num_attention_heads": heads,
        "num_key_value_heads": metadata.whole("attention.head_count_kv", heads),
        "head_dim": head,
        "max_position_embeddings": metadata.whole("context_length"),
        "rms_norm_eps": metadata.number("attention.layer_norm_rms_epsilon", 1e-6),
        "tie_word_embeddings": "output.weight" not in metadata.tensors,
        "rope_parameters": _rope(metadata),
        **_tokens(metadata),
    }
    made |= _OWN[kind](metadata, made)
    return ARCHITECTURES[kind], made


def _rope(metadata: Metadata) -> dict[str, Any]:
    """The positions' parameters, as transformers names them."""
    made: dict[str, Any] = {
        "rope_type": "default",
        "rope_theta": metadata.number("rope.freq_base", 10_000.0),
    }
    kind = metadata.get("rope.scaling.type") or "none"
    factor = metadata.number("rope.scaling.factor", metadata.number("rope.scale_linear", 1.0))
    if kind == "none" or factor == 1.0:
        return made
    if kind not in ("linear", "yarn") or metadata.number("rope.scaling.attn_factor", 1.0) != 1.0:
        raise metadata.refuse(f"scales its positions by {kind}, which cannot be trained here.")
    made |= {"rope_type": kind, "factor": factor}
    if kind == "yarn":
        made["original_max_position_embeddings"] = metadata.whole(
            "rope.scaling.original_context_length", metadata.whole("context_length")
        )
    return made


def _tokens(metadata: Metadata) -> dict[str, int | None]:
    vocabulary = metadata.tensors["token_embd.weight"].shape[1]
    made: dict[str, int | None] = {}
    for ours, theirs in (("bos", "bos"), ("eos", "eos"), ("pad", "padding")):
        value = metadata.contents.values.get(f"tokenizer.ggml.{theirs}_token_id")
        known = isinstance(value, int) and 0 <= value < vocabulary
        made[f"{ours}_token_id"] = int(value) if known and isinstance(value, int) else None
    return made


def _llama(metadata: Metadata, made: dict[str, Any]) -> dict[str, Any]:
    return {
        "attention_bias": "blk.0.attn_q.bias" in metadata.tensors,
        "mlp_bias": "blk.0.ffn_up.bias" in metadata.tensors,
    }


def _qwen2(metadata: Metadata, made: dict[str, Any]) -> dict[str, Any]:
    return {"use_sliding_window": False}


def _qwen3(metadata: Metadata, made: dict[str, Any]) -> dict[str, Any]:
    return {
        "use_sliding_window": False,
        "attention_bias": "blk.0.attn_q.bias" in metadata.tensors,
    }


def _gemma2(metadata: Metadata, made: dict[str, Any]) -> dict[str, Any]:
    return {
        "query_pre_attn_scalar": _scores_scale(made, _GEMMA2_27B),
        **_windows(metadata),
        "attn_logit_softcapping": metadata.number("attn_logit_softcapping", 50.0),
        "final_logit_softcapping": metadata.number("final_logit_softcapping", 30.0),
    }


def _gemma3(metadata: Metadata, made: dict[str, Any]) -> dict[str, Any]:
    within = {
        "rope_type": "default",
        "rope_theta": metadata.number("rope.freq_base_swa", 10_000.0),
    }
    capped = metadata.number("final_logit_softcapping", 0.0)
    return {
        "query_pre_attn_scalar": _scores_scale(made, _GEMMA3_27B),
        **_windows(metadata),
        "final_logit_softcapping": capped or None,
        "rope_parameters": {
            "full_attention": made["rope_parameters"],
            "sliding_attention": within,
        },
    }


def _windows(metadata: Metadata) -> dict[str, Any]:
    kinds = ("full_attention", "sliding_attention")
    return {
        "sliding_window": metadata.whole("attention.sliding_window"),
        "layer_types": [kinds[each.windowed] for each in metadata.layers],
    }


def _scores_scale(made: dict[str, Any], layers_of_27b: int) -> int:
    if made["num_hidden_layers"] == layers_of_27b:
        return int(made["hidden_size"] // made["num_attention_heads"])
    return int(made["head_dim"])


_OWN: Mapping[str, Callable[[Metadata, dict[str, Any]], dict[str, Any]]] = {
    "llama": _llama,
    "qwen2": _qwen2,
    "qwen3": _qwen3,
    "gemma2": _gemma2,
    "gemma3": _gemma3,
}
"""What is an architecture's own, given what all have."""
