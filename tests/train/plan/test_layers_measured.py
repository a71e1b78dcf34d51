"""What the plan says of a layer, against what layers of transformers with peft really allocate."""

import gc
import warnings
from typing import Any

import pytest
from tensor_bytes import TensorBytes

from storytui_train.training.layer_memory import back_bytes, kept_bytes
from storytui_train.training.trained_shape import from_config

WIDTH, INNER, TOKENS, RANK = 64, 320, 256, 4


def layer_of(kind: str, half: bool) -> tuple[Any, Any, Any]:
    """A decoder layer with adapters on four-bit weights, its shape, and what it takes."""
    import torch
    from bitsandbytes.nn import Linear4bit, Params4bit
    from peft import LoraConfig, get_peft_model
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.set_num_threads(1)
    config = AutoConfig.for_model(
        {"gemma3": "gemma3_text"}.get(kind, kind),
        hidden_size=WIDTH,
        intermediate_size=INNER,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=WIDTH // 4,
        num_hidden_layers=1,
        vocab_size=50,
    )
    dtype = torch.bfloat16 if half else torch.float32
    model = AutoModelForCausalLM.from_config(config, attn_implementation="sdpa").to(dtype)
    for module in list(model.model.modules()):
        for name, linear in list(module.named_children()):
            if isinstance(linear, torch.nn.Linear):
                four = Linear4bit(
                    linear.in_features,
                    linear.out_features,
                    bias=linear.bias is not None,
                    compute_dtype=dtype,
                    quant_type="nf4",
                )
                four.weight = Params4bit(linear.weight.data, False, quant_type="nf4")
                if linear.bias is not None:
                    four.bias = torch.nn.Parameter(linear.bias.data, requires_grad=False)
                setattr(module, name, four.to("cpu"))
    # Else peft takes the layers for others, whose adapters cast their inputs.
    model.is_loaded_in_4bit = True
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adapted = get_peft_model(model, LoraConfig(r=RANK, target_modules="all-linear"))
    inside = adapted.base_model.model.model
    hidden = torch.randn(1, TOKENS, WIDTH, dtype=dtype, requires_grad=True)
    where = torch.arange(TOKENS)[None]
    kinds = ("sliding_attention",) if kind == "gemma3" else ()
    turned = inside.rotary_emb(hidden, where, *kinds)
    given = [hidden, *turned, *adapted.parameters(), *adapted.buffers()]
    return (inside.layers[0], from_config(config.to_dict()).layers[0], (hidden, turned, given))


@pytest.mark.parametrize("half", [True, False], ids=["bfloat16", "float32"])
@pytest.mark.parametrize("kind", ["llama", "qwen2", "qwen3", "gemma3"])
def test_a_layer_takes_what_is_planned(
    kind: str, half: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    # On a CPU peft does not see that autocast is on, as it does on a GPU.
    monkeypatch.setattr(torch, "is_autocast_enabled", lambda *_: half)
    layer, shape, (hidden, turned, given) = layer_of(kind, half)
    compute = 2 if half else 4
    gc.collect()
    cast = torch.autocast("cpu", torch.bfloat16, enabled=half)
    with cast, TensorBytes(given) as counted:
        out = layer(hidden, position_embeddings=turned, attention_mask=None)
        out = out[0] if isinstance(out, tuple) else out
        kept = counted.live
        out.backward(torch.ones_like(out))
        peak = counted.peak
    planned = kept_bytes(shape, WIDTH, TOKENS, [RANK] * 7, compute)
    assert planned == pytest.approx(kept, rel=0.05)
    assert planned + back_bytes(shape, WIDTH, TOKENS, compute) == pytest.approx(peak, rel=0.1)
