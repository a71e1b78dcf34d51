"""Sparse GGUF files of other kinds of models: fused weights, experts, windows, recurrent layers.

In the sizes of published models, with one type for all matrices: their shapes matter here.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from published_shapes import F32, Q4_K, Q6_K, write_numbers
from tiny_gguf import Weights

Q8_0, MXFP4 = 8, 39
Part = tuple[str, tuple[int, ...], int]
"""A tensor's name, shape and type."""


def _numbers(
    layers: int, width: int, inner: int, heads: int, kv_heads: int, head: int
) -> dict[str, float | list[int]]:
    return {
        "block_count": layers,
        "context_length": 16384,
        "embedding_length": width,
        "feed_forward_length": inner,
        "attention.head_count": heads,
        "attention.head_count_kv": kv_heads,
        "attention.key_length": head,
        "attention.value_length": head,
        "rope.dimension_count": head,
        "attention.layer_norm_rms_epsilon": 1e-6,
    }


def _attention(width: int, query: int, kept: int, kind: int = Q4_K) -> list[Part]:
    return [
        ("attn_q.weight", (width, query), kind),
        ("attn_k.weight", (width, kept), kind),
        ("attn_v.weight", (width, kept), kind),
        ("attn_output.weight", (query, width), kind),
    ]


def _inner(width: int, inner: int) -> list[Part]:
    return [
        ("ffn_gate.weight", (width, inner), Q4_K),
        ("ffn_up.weight", (width, inner), Q4_K),
        ("ffn_down.weight", (inner, width), Q4_K),
    ]


def _norms(width: int, *names: str) -> list[Part]:
    return [(f"{name}.weight", (width,), F32) for name in names]


def _write(
    path: Path,
    architecture: str,
    numbers: dict[str, float | list[int]],
    vocabulary: int,
    layer: Callable[[int], list[Part]],
    *,
    tied: bool = False,
    norm: str = "output_norm",
    kinds: tuple[int, int] = (Q4_K, Q6_K),
) -> Path:
    width, layers = numbers["embedding_length"], numbers["block_count"]
    assert isinstance(width, int)
    assert isinstance(layers, int)

    def tensors() -> Iterator[Weights]:
        yield Weights(b"token_embd.weight", (width, vocabulary), kinds[tied])
        yield Weights(f"{norm}.weight".encode(), (width,), F32)
        if not tied:
            yield Weights(b"output.weight", (width, vocabulary), kinds[1])
        for number in range(layers):
            for name, shape, kind in layer(number):
                yield Weights(f"blk.{number}.{name}".encode(), shape, kind)

    write_numbers(path, architecture, numbers, vocabulary, tensors())
    return path


def gemma_2_9b(folder: Path) -> Path:
    """Scores are capped; every second layer has a window."""
    norms = _norms(3584, "attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm")
    layer = [*norms, *_attention(3584, 4096, 2048), *_inner(3584, 14336)]
    numbers = _numbers(42, 3584, 14336, 16, 8, 256)
    numbers |= {
        "attention.sliding_window": 4096,
        "attn_logit_softcapping": 50.0,
        "final_logit_softcapping": 30.0,
    }
    return _write(folder / "Gemma-2-9B.gguf", "gemma2", numbers, 256000, lambda _: layer, tied=True)


def phi_4(folder: Path) -> Path:
    """Queries, keys and values are one matrix; so are gate and inner layer."""
    layer = [
        *_norms(5120, "attn_norm", "ffn_norm"),
        ("attn_qkv.weight", (5120, 60 * 128), Q4_K),
        ("attn_output.weight", (5120, 5120), Q4_K),
        ("ffn_up.weight", (5120, 2 * 17920), Q4_K),
        ("ffn_down.weight", (17920, 5120), Q4_K),
    ]
    numbers = _numbers(40, 5120, 17920, 40, 10, 128)
    numbers |= {"rope.scaling.original_context_length": 16384, "attention.sliding_window": 0}
    return _write(folder / "Phi-4.gguf", "phi3", numbers, 100352, lambda _: layer)


def qwen_3_30b_a3b(folder: Path) -> Path:
    """Each token goes through 8 of 128 experts."""
    layer = [
        *_norms(2048, "attn_norm", "ffn_norm"),
        *_norms(128, "attn_q_norm", "attn_k_norm"),
        *_attention(2048, 4096, 512),
        ("ffn_gate_inp.weight", (2048, 128), F32),
        ("ffn_gate_exps.weight", (2048, 768, 128), Q4_K),
        ("ffn_up_exps.weight", (2048, 768, 128), Q4_K),
        ("ffn_down_exps.weight", (768, 2048, 128), Q4_K),
    ]
    numbers = _numbers(48, 2048, 6144, 32, 4, 128)
    numbers |= {
        "expert_count": 128,
        "expert_used_count": 8,
        "expert_feed_forward_length": 768,
    }
    return _write(folder / "Qwen3-30B-A3B.gguf", "qwen3moe", numbers, 151936, lambda _: layer)


def gpt_oss_20b(folder: Path) -> Path:
    """Experts with biases, and short windows."""
    experts = [
        part
        for name in ("gate", "up", "down")
        for part in (
            (f"ffn_{name}_exps.weight", (2880, 2880, 32), MXFP4),
            (f"ffn_{name}_exps.bias", (2880, 32), F32),
        )
    ]
    layer = [
        *_norms(2880, "attn_norm", "post_attention_norm"),
        *_attention(2880, 4096, 512, Q8_0),
        ("attn_q.bias", (4096,), F32),
        ("attn_k.bias", (512,), F32),
        ("attn_v.bias", (512,), F32),
        ("attn_output.bias", (2880,), F32),
        ("attn_sinks.weight", (64,), F32),
        ("ffn_gate_inp.weight", (2880, 32), F32),
        ("ffn_gate_inp.bias", (32,), F32),
        *experts,
    ]
    numbers = _numbers(24, 2880, 2880, 64, 8, 64)
    numbers |= {
        "attention.sliding_window": 128,
        "expert_count": 32,
        "expert_used_count": 4,
        "expert_feed_forward_length": 2880,
    }
    # 2,880 is no multiple of the larger blocks.
    path = folder / "GPT-OSS-20B.gguf"
    return _write(path, "gpt-oss", numbers, 201088, lambda _: layer, kinds=(Q8_0, Q8_0))


def command_r_7b(folder: Path) -> Path:
    """Attention and inner layer side by side; three of four layers have a window."""
    layer = [*_norms(4096, "attn_norm"), *_attention(4096, 4096, 1024), *_inner(4096, 14336)]
    numbers = _numbers(32, 4096, 14336, 32, 8, 128)
    numbers |= {
        "attention.sliding_window": 4096,
        "attention.layer_norm_epsilon": 1e-5,
        "logit_scale": 0.25,
    }
    path = folder / "Command-R7B.gguf"
    return _write(path, "cohere2", numbers, 256000, lambda _: layer, tied=True)


def lfm_2_1b(folder: Path) -> Path:
    """Six layers of attention among short convolutions."""
    attentive = {2, 5, 8, 10, 12, 14}
    always = [*_norms(2048, "attn_norm", "ffn_norm"), *_inner(2048, 8192)]
    heads = [*_norms(64, "attn_q_norm", "attn_k_norm"), *_attention(2048, 2048, 512)]
    convolution: list[Part] = [
        ("shortconv.conv.weight", (3, 2048), F32),
        ("shortconv.in_proj.weight", (2048, 3 * 2048), Q4_K),
        ("shortconv.out_proj.weight", (2048, 2048), Q4_K),
    ]
    numbers = _numbers(16, 2048, 8192, 32, 8, 64)
    numbers["attention.head_count_kv"] = [8 * (each in attentive) for each in range(16)]
    numbers["shortconv.l_cache"] = 3
    return _write(
        folder / "LFM2-1.2B.gguf",
        "lfm2",
        numbers,
        65536,
        lambda number: always + (heads if number in attentive else convolution),
        tied=True,
        norm="token_embd_norm",
    )


def qwen_3_5_9b(folder: Path) -> Path:
    """Every fourth layer attends; the others have a recurrent state."""
    always = [*_norms(4096, "attn_norm", "post_attention_norm"), *_inner(4096, 12288)]
    heads: list[Part] = [
        *_norms(256, "attn_q_norm", "attn_k_norm"),
        ("attn_q.weight", (4096, 8192), Q4_K),
        ("attn_k.weight", (4096, 1024), Q4_K),
        ("attn_v.weight", (4096, 1024), Q4_K),
        ("attn_output.weight", (4096, 4096), Q4_K),
    ]
    state: list[Part] = [
        ("attn_qkv.weight", (4096, 8192), Q4_K),
        ("attn_gate.weight", (4096, 4096), Q4_K),
        ("ssm_conv1d.weight", (4, 8192), F32),
        ("ssm_dt.bias", (32,), F32),
        ("ssm_a", (32,), F32),
        ("ssm_beta.weight", (4096, 32), F32),
        ("ssm_alpha.weight", (4096, 32), F32),
        ("ssm_norm.weight", (128,), F32),
        ("ssm_out.weight", (4096, 4096), Q4_K),
    ]
    numbers = _numbers(32, 4096, 12288, 16, 4, 256)
    numbers |= {
        "ssm.conv_kernel": 4,
        "ssm.state_size": 128,
        "ssm.group_count": 16,
        "ssm.time_step_rank": 32,
        "ssm.inner_size": 4096,
        "full_attention_interval": 4,
        "rope.dimension_sections": [11, 11, 10, 0],
    }
    return _write(
        folder / "Qwen3.5-9B.gguf",
        "qwen35",
        numbers,
        248320,
        lambda number: always + (heads if number % 4 == 3 else state),
    )


OTHERS = (
    gemma_2_9b,
    phi_4,
    qwen_3_30b_a3b,
    gpt_oss_20b,
    command_r_7b,
    lfm_2_1b,
    qwen_3_5_9b,
)
