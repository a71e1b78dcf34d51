"""Shapes that the tests of plans share."""

from storytui.models.published import build_shape, published
from storytui_train.training.trained_shape import TrainedShape, from_config, from_gguf

QWEN_7B = {
    "model_type": "qwen2",
    "hidden_size": 3584,
    "intermediate_size": 18944,
    "max_position_embeddings": 32768,
    "max_window_layers": 28,
    "num_attention_heads": 28,
    "num_hidden_layers": 28,
    "num_key_value_heads": 4,
    "sliding_window": 131072,
    "tie_word_embeddings": False,
    "use_sliding_window": False,
    "vocab_size": 152064,
}
"""Qwen/Qwen2.5-7B-Instruct's config.json, but for what says nothing about its shape."""

SMOLLM = {
    "model_type": "llama",
    "hidden_size": 576,
    "intermediate_size": 1536,
    "max_position_embeddings": 8192,
    "num_attention_heads": 9,
    "num_hidden_layers": 30,
    "num_key_value_heads": 3,
    "tie_word_embeddings": True,
    "vocab_size": 49152,
}
"""HuggingFaceTB/SmolLM2-135M-Instruct's, likewise."""


def qwen_7b() -> TrainedShape:
    return from_gguf(build_shape(published()["cra-v1-7b"]))


def tiny(kind: str = "llama", layers: int = 2, **more: object) -> TrainedShape:
    config = {
        "model_type": kind,
        "hidden_size": 64,
        "intermediate_size": 160,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "num_hidden_layers": layers,
        "vocab_size": 500,
    }
    return from_config(config | more)
