"""Frozen weights in NF4 with double quantisation, made one tensor at a time.

A weight of `out × in` takes half a byte an element, a byte for each 64 of them, and four bytes for
each 256 of those (QLoRA, arXiv:2305.14314, section 3).
"""

import logging
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

BLOCK, BLOCK_OF_SCALES = 64, 256
"""Weights that share a scale, and scales that share one."""


def empty_linear(linear: nn.Linear, compute: torch.dtype) -> nn.Linear:
    """A layer in the place of `linear` that waits for its weight; it holds no memory.

    Args:
        linear: on the meta device.
        compute: what its products are computed in.
    """
    module = _bitsandbytes().nn.Linear4bit(
        linear.in_features,
        linear.out_features,
        bias=linear.bias is not None,
        compute_dtype=compute,
        compress_statistics=True,
        quant_type="nf4",
        device="meta",
    )
    # On some CPUs the weight would be repacked when the model is asked without gradients (a
    # validation), in a form that has no gradient afterwards.
    module.support_avx512bf16_for_cpu = False
    filled: nn.Linear = module
    return filled


def is_nf4(module: nn.Module) -> bool:
    """Whether it is a layer of `empty_linear`."""
    return type(module).__name__ == "Linear4bit"


def quantise(module: nn.Linear, weight: Tensor, device: torch.device) -> None:
    """Give a layer of `empty_linear` its weight.

    Args:
        module: the layer.
        weight: of shape (out, in), in the type that it is to be dequantised to.
        device: where it is quantised and stays.
    """
    made = _bitsandbytes().nn.Params4bit(
        weight,
        requires_grad=False,
        compress_statistics=True,
        quant_type="nf4",
        module=module,
    )
    module.weight = made.to(device)


def dequantised(module: nn.Linear) -> Tensor:
    """What a layer of `empty_linear` computes with, of shape (out, in)."""
    weight: Any = module.weight
    made: Tensor = _bitsandbytes().functional.dequantize_4bit(weight.data, _state_of(module))
    return made


def compute_of(linear: nn.Linear) -> torch.dtype:
    """The type that a frozen layer's products are computed in."""
    kind: Any = getattr(linear, "compute_dtype", None)
    return linear.weight.dtype if kind is None else kind


def weight_of(linear: nn.Linear) -> Tensor:
    """The weight of a frozen layer as its products need it; of a quantised one a new tensor."""
    return dequantised(linear).to(compute_of(linear)) if is_nf4(linear) else linear.weight


def product(linear: nn.Linear, x: Tensor) -> Tensor:
    """What a frozen layer makes of `x`, of shape (tokens, in), in a tensor of its own."""
    if not is_nf4(linear):
        return nn.functional.linear(x, linear.weight, linear.bias)
    weight: Any = linear.weight
    with torch.no_grad():
        made: Tensor = _bitsandbytes().matmul_4bit(
            x, weight, bias=linear.bias, quant_state=_state_of(linear)
        )
    return made


def held_bytes(module: nn.Linear) -> int:
    """Bytes that the weight of a layer of `empty_linear` takes, with its scales."""
    weight: Any = module.weight
    state = weight.quant_state
    held = [weight.data, state.absmax, state.code]
    if state.nested:
        held += [state.state2.absmax, state.state2.code, state.offset]
    return sum(each.numel() * each.element_size() for each in held)


def _state_of(module: nn.Linear) -> Any:
    """What a weight is dequantised by: a weight that FSDP has put together does not know it."""
    layer: Any = module
    state = getattr(layer.weight, "quant_state", None)
    return layer.quant_state if state is None else state


@cache
def _bitsandbytes() -> Any:
    # It logs which kernels it looked for.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    import bitsandbytes

    return bitsandbytes
