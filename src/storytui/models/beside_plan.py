"""What a loaded model takes of memory, beside what was planned for it.

What concerns a GPU here is not verified on one.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from storytui.engine.api import ModelError
from storytui.engine.messages import KvType
from storytui.engine.model_info import ModelInfo
from storytui.models.model_memory import Opening, parts_of_plan
from storytui.models.shape_of_file import shape_in


@dataclass(frozen=True, slots=True)
class BesidePlan:
    """Bytes, of the GPU without the driver's own share where any layer is there, else of host
    memory."""

    planned: int
    measured: int
    """As llama.cpp's log has it."""
    on_gpu: bool


def beside_plan(info: ModelInfo) -> BesidePlan | None:
    """What a model takes; None where nothing tells, as on a server. Reads the file's header."""
    if info.remote or not info.measured.of("weights") or info.kv_type not in ("f16", "q8_0"):
        return None
    try:
        shape = shape_in(Path(info.path))
    except ModelError:
        return None
    whole = info.can_move or not shape.window
    kv_type: KvType = "q8_0" if info.kv_type == "q8_0" else "f16"
    opening = replace(Opening.on_cpu(info.context), whole_windows=whole)
    if info.gpu_layers:
        opening = Opening(
            info.context, kv_type, flash_attention=info.flash_attention, whole_windows=whole
        )
    parts = parts_of_plan(shape, opening, info.gpu_layers or None, driver=0)
    buffers = info.measured
    if info.gpu_layers:
        cards = max(1, len(buffers.free))
        planned = parts.total_gpu + (cards - 1) * parts.compute
        return BesidePlan(planned, sum(map(buffers.on, buffers.free)), on_gpu=True)
    return BesidePlan(parts.total_host, sum(each.size for each in buffers.buffers), on_gpu=False)
