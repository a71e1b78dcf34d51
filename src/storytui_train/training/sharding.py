"""A base that is too large for one card, its frozen layers shared out over several by FSDP.

Each process keeps its part of each layer's weights, as they are in NF4, and has the whole of a
layer only while that layer is computed. Adapters, embeddings and head are whole everywhere: they
are small beside the layers, and an adapter's gradient is added up as without FSDP.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from storytui_train.training.base import Base
from storytui_train.training.embeddings import FrozenEmbedding

if TYPE_CHECKING:
    from peft import PeftModel


def shard(base: Base, model: "PeftModel", device: torch.device, processes: int) -> Base:
    """Share the layers out; the base as it is then.

    Args:
        base: loaded into host memory; of it comes a part a process, layer by layer.
        model: the base with its adapter.
        device: of this process.
        processes: that share it.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(device.type, (processes,))
    decoder: Any = base.model.model
    causal: Any = base.model
    adapters = {each for name, each in model.named_parameters() if ".lora_" in name}
    for each in adapters:
        each.data = each.data.to(device)
    for layer in decoder.layers:
        own = {each for each in layer.parameters() if each in adapters}
        fully_shard(layer, mesh=mesh, reshard_after_forward=True, ignored_params=own)
    decoder.norm.to(device)
    decoder.rotary_emb.to(device)
    held: FrozenEmbedding = decoder.embed_tokens
    tied = held.weight.data_ptr() == causal.lm_head.weight.data_ptr()
    causal.lm_head.to(device)
    table = causal.lm_head.weight.detach() if tied else held.weight
    decoder.embed_tokens = FrozenEmbedding(table, device, held.scale)
    return replace(base, device=device)
