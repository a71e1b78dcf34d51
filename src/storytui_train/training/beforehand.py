"""What is said before a training begins: what is trained where, and what may go wrong with it."""

import os
from collections.abc import Iterator, Mapping

import torch

from storytui.story.visible import visible
from storytui_train.errors import TrainError
from storytui_train.recipe_training import TrainOptions
from storytui_train.training.base import Base, compute_type
from storytui_train.training.plan import bytes_of, make_plan, settings_of, size
from storytui_train.training.shape_finding import find_shape
from storytui_train.training.spreading import Spread

LAUNCHED, PATIENCE = "TORCHELASTIC_RUN_ID", "TORCH_ELASTIC_SHUTDOWN_TIMEOUT"
"""What torch's launcher sets for its processes, and where it is told how long it waits for them to
end (torch/distributed/launcher/api.py, 30 seconds)."""


def said_of_beginning(
    base: Base,
    options: TrainOptions,
    spread: Spread,
    *,
    steps: int,
    trained: int,
    environment: Mapping[str, str] = os.environ,
) -> Iterator[str]:
    """What is trained, and where; with several processes, how long those have to end.

    Args:
        base: of the adapter.
        options: of the training.
        spread: the processes.
        steps: of the whole training.
        trained: numbers of the adapter.
        environment: of this process, which it has from the launcher.
    """
    where = "the CPU" if spread.device.type == "cpu" else spread.device.type
    many = f", {spread.processes} processes" if spread.processes > 1 else ""
    yield (
        f"{base.architecture} from {visible(base.source)}, an adapter of {trained:,} numbers, "
        f"{steps:,} steps of {options.batch} rows, on {where}{many}"
    )
    if LAUNCHED in environment and PATIENCE not in environment:
        yield (
            "after Ctrl-C the launcher ends all processes within 30 seconds, whether the step is "
            f"over and a state saved or not. Begin the command with {PATIENCE}=1800 to have it wait"
        )


def foreseen(options: TrainOptions, spread: Spread) -> Iterator[str]:
    """What a GPU's memory is by the plan, where that is no usual one or not enough.

    Args:
        options: of the training.
        spread: where it is; a base that several share is not planned for.
    """
    device = spread.device
    if device.type != "cuda" or spread.sharded or not spread.first:
        return
    has = torch.cuda.get_device_properties(device).total_memory
    if options.vram:
        has = min(has, bytes_of(options.vram))
    half = compute_type(options, device) == torch.bfloat16
    yield from memory_foreseen(options, has, bfloat16=half)


def memory_foreseen(options: TrainOptions, has: int, *, bfloat16: bool) -> Iterator[str]:
    """What is to be said of a GPU's memory.

    Args:
        options: of the training.
        has: bytes of the GPU that may be taken.
        bfloat16: whether it computes in it, and not in float32.
    """
    try:
        found = find_shape(options.base, revision=options.revision)
        plan, _ = make_plan(found, settings_of(options, bfloat16=bfloat16), has)
    except TrainError:
        return
    if options.compute == "auto" and not bfloat16:
        yield (
            "this GPU has no bfloat16, and float32 is computed in, which takes more: about "
            f"{size(plan.total)} of its {size(has)}"
        )
    if not plan.fits:
        yield (
            f"by the plan it takes {size(plan.total)}, and the GPU has {size(has)}: it may fail. "
            "What can be changed, storytui-train plan says"
        )
