"""What is said before a training begins, and what is seen of memory that was not enough."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from storytui_train.recipe_training import TrainOptions
from storytui_train.training.beforehand import foreseen, memory_foreseen, said_of_beginning
from storytui_train.training.stopping import is_out_of_memory

SEVEN = TrainOptions(base="Qwen/Qwen2.5-7B-Instruct")
GIB = 1 << 30


def said(processes: int, **environment: str) -> list[str]:
    base: Any = SimpleNamespace(architecture="llama", source="tiny")
    spread: Any = SimpleNamespace(device=torch.device("cpu"), processes=processes)
    lines = said_of_beginning(base, SEVEN, spread, steps=9, trained=70, environment=environment)
    return list(lines)


def test_processes_that_a_launcher_ends_too_soon_are_told_how_to_have_it_wait() -> None:
    launched = {"TORCHELASTIC_RUN_ID": "none"}

    assert said(1) == [said(1, TORCH_ELASTIC_SHUTDOWN_TIMEOUT="9")[0]]
    assert len(said(2, **launched, TORCH_ELASTIC_SHUTDOWN_TIMEOUT="1800")) == 1
    first, second = said(2, **launched)
    assert first.endswith("on the CPU, 2 processes")
    assert "TORCH_ELASTIC_SHUTDOWN_TIMEOUT=1800" in second


def test_that_is_what_torchs_launcher_heeds(monkeypatch: pytest.MonkeyPatch) -> None:
    from torch.distributed.launcher.api import LaunchConfig

    def waits() -> int | None:
        return LaunchConfig(min_nodes=1, max_nodes=1, nproc_per_node=1).shutdown_timeout

    monkeypatch.delenv("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", raising=False)
    assert waits() == 30
    monkeypatch.setenv("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", "1800")
    assert waits() == 1800


def test_a_gpu_without_bfloat16_is_told_what_float32_takes() -> None:
    assert list(memory_foreseen(SEVEN, 8 * GIB, bfloat16=True)) == []

    float32, too_much = memory_foreseen(SEVEN, 8 * GIB, bfloat16=False)

    assert "no bfloat16" in float32
    assert "of its 8.00 GiB" in float32
    assert "it may fail" in too_much
    assert len(list(memory_foreseen(SEVEN, 24 * GIB, bfloat16=False))) == 1


def test_a_base_that_several_share_and_a_cpu_are_not_planned_for() -> None:
    for device, sharded, first in (
        ("cpu", False, True),
        ("cuda", True, True),
        ("cuda", False, False),
    ):
        spread: Any = SimpleNamespace(device=torch.device(device), sharded=sharded, first=first)
        assert list(foreseen(SEVEN, spread)) == []


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`", True),
        ("CUDA error: out of memory", True),
        ("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes", True),
        ("CUDA error: an illegal memory access was encountered", False),
    ],
)
def test_memory_that_was_not_enough_is_known_by_what_torch_says(text: str, is_one: bool) -> None:
    assert is_out_of_memory(RuntimeError(text)) is is_one
