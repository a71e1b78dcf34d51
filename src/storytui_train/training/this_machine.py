"""What this machine has for training: bytes of its card or its memory, and how fast it computes."""

import os
import time
from typing import Literal

from storytui_train.errors import RecipeError

_WORK = {"cpu": (256, 1536, 0.25), "cuda": (4096, 4096, 0.3)}
"""Rows and width of a product, and seconds that it is repeated for."""
_SHARE = {"cpu": 0.6, "cuda": 0.35}
"""Of products alone, what training reaches: between them attention, norms and dequantising."""
_WITH_BFLOAT16 = 8
"""The least compute capability of a card that has it."""
_PASSES = 6.0
"""Operations for a weight and a token: two forward, two again for the way back, two on it. The
weights themselves are frozen and get no gradients."""


def limit_here(named: str, device: str) -> int:
    """Bytes that a training has to fit.

    Args:
        named: a size; empty: what there is.
        device: cuda: the card's, or of a usual one where there is none; cpu: this machine's memory.

    Raises:
        RecipeError: the size is none, or nothing is known.
    """
    from storytui_train.training.plan import DEFAULT_VRAM, bytes_of

    if named:
        return bytes_of(named)
    if device == "cpu":
        return _memory()
    return _card() or DEFAULT_VRAM


def training_speed(parameters: int, device: Literal["cuda", "cpu"]) -> float:
    """About how many tokens a second an adapter is trained with, by trying a product of matrices.

    Args:
        parameters: weights of the base.
        device: where it is trained.
    """
    return _SHARE[device] * _operations(device) / (_PASSES * parameters)


def _operations(device: Literal["cuda", "cpu"]) -> float:
    """Operations a second of products of matrices."""
    import torch

    rows, width, seconds = _WORK[device]
    kind = torch.bfloat16 if device == "cuda" else torch.float32
    a = torch.ones(rows, width, dtype=kind, device=device)
    b = torch.ones(width, width, dtype=kind, device=device)

    def settle() -> None:
        if device == "cuda":
            torch.cuda.synchronize()

    a @ b
    settle()
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        for _ in range(4):
            a @ b
        settle()
        count += 4
    return 2 * rows * width * width * count / (time.perf_counter() - began)


def _card() -> int:
    """Bytes of this machine's NVIDIA card, the largest of several; 0: there is none."""
    from storytui.models.graphics_here import ask_smi

    told = ask_smi(["--query-gpu=memory.total", "--format=csv,noheader,nounits"])
    return max((int(each) << 20 for each in told.split() if each.isdecimal()), default=0)


def bfloat16_here() -> bool:
    """Whether this machine's largest card has bfloat16; also where there is none, or not known.

    NVIDIA's have it from compute capability 8.0 on (CUDA C++ Programming Guide, "Compute
    Capabilities").
    """
    from storytui.models.graphics_here import ask_smi

    told = ask_smi(["--query-gpu=memory.total,compute_cap", "--format=csv,noheader,nounits"])
    found = []
    for line in told.splitlines():
        memory, _, capability = (each.strip() for each in line.partition(","))
        major = capability.partition(".")[0]
        if memory.isdecimal() and major.isdecimal():
            found.append((int(memory), int(major)))
    return not found or max(found)[1] >= _WITH_BFLOAT16


def _memory() -> int:
    """Bytes of this machine's memory."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        raise RecipeError("This machine's memory is not known. Name it with --vram.") from None
