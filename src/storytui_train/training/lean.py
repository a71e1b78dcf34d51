"""Linear layers with an adapter that make no copies of what goes in and comes out.

peft's own layer copies the base's output, adds to a second copy what the adapter says in a third,
and casts the input to the adapter's float32 for each of them; an input is as wide as the model, an
output of the MLP five times as wide. Here the adapter's part is added into the base's output, its
numbers (which are few) are cast to the type of the products instead, and of each layer the input
alone is kept, which its neighbours share. The result and the gradients are the same.
"""

from types import MethodType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from storytui_train.training import nf4


def install(model: nn.Module) -> int:
    """Have all of a peft model's LoRA layers computed so; returns how many they are.

    What peft's layers can do beyond one active adapter (none, several, merged) they still do
    themselves.
    """
    count = 0
    for module in model.modules():
        if hasattr(module, "lora_A") and isinstance(module.get_base_layer(), nn.Linear):  # type: ignore[operator]
            adapted: Any = module
            adapted.forward = MethodType(_forward, adapted)
            count += 1
    return count


def _forward(layer: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    active = layer.active_adapters
    if layer.disable_adapters or layer.merged or len(active) != 1 or args or kwargs:
        made: Tensor = type(layer).forward(layer, x, *args, **kwargs)
        return made
    (name,) = active
    dropout = layer.lora_dropout[name]
    quiet = isinstance(dropout, nn.Identity) or not layer.training
    whole: Tensor = _Adapted.apply(  # type: ignore[no-untyped-call]
        x,
        None if quiet else dropout(x),
        layer.lora_A[name].weight,
        layer.lora_B[name].weight,
        layer.get_base_layer(),
        layer.scaling[name],
    )
    return whole


class _Adapted(torch.autograd.Function):
    """x · Wᵀ + scale · (d · Aᵀ) · Bᵀ, where d is x with dropout, or x."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        dropped: Tensor | None,
        down: Tensor,
        up: Tensor,
        base: nn.Linear,
        scale: float,
    ) -> Tensor:
        kind = nf4.compute_of(base)
        seen = x if dropped is None else dropped
        with torch.autocast(x.device.type, enabled=False):
            made = nf4.product(base, x.reshape(-1, x.shape[-1]).to(kind))
            kept = seen.reshape(-1, x.shape[-1]).to(kind)
            inner = linear(kept, down.to(kind))
            made.addmm_(inner, up.to(kind).t(), alpha=scale)
        ctx.base, ctx.scale, ctx.shape, ctx.kind = base, scale, x.shape, x.dtype
        ctx.alone = dropped is None
        ctx.save_for_backward(kept, inner, down, up)
        return made.reshape(*x.shape[:-1], made.shape[-1])

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> Any:
        kept, inner, down, up = ctx.saved_tensors
        kind = kept.dtype
        with torch.autocast(kept.device.type, enabled=False):
            gradient = outer[0].reshape(-1, outer[0].shape[-1]).to(kind)
            # The scale is put to what is as narrow as the adapter.
            narrow = torch.matmul(gradient, up.to(kind)).mul_(ctx.scale)
            of_down = torch.matmul(narrow.t(), kept).to(down.dtype)
            of_up = torch.matmul(gradient.t(), inner).to(up.dtype).mul_(ctx.scale)
            of_x = of_dropped = None
            if ctx.needs_input_grad[0]:
                of_x = torch.matmul(gradient, nf4.weight_of(ctx.base))
                if ctx.alone:
                    of_x.addmm_(narrow, down.to(kind))
                of_x = of_x.reshape(ctx.shape).to(ctx.kind)
            if not ctx.alone and ctx.needs_input_grad[1]:
                of_dropped = torch.matmul(narrow, down.to(kind)).reshape(ctx.shape).to(ctx.kind)
        return of_x, of_dropped, of_down, of_up, None, None
